//! The shapes of answers. Each is built field by field, so that nothing new on an entity shows by itself.

use model::{
    Actor, Administration, Brand, Colour, Decision, DeliveryState, EmailPolicy, Held, Invitation,
    InvitationId, InvitationStatus, Member, NewSession, Review, ReviewId, Session, SessionId, SessionToken,
    Sponsorship, Tenant, TenantId, Timestamp, User, UserId, Verdict,
};
use policy::{BrandId, Brands, MemberStatus, Permissions, Role, TenantStatus, Visibility};
use serde::Serialize;
use serde_json::Value;

use crate::answer::etag;
use crate::problem::action;
use crate::{Answer, Backdrop, Route, Unsponsored};

// where it is published too
pub use model::EventView;

/// A list.
#[derive(Serialize)]
pub struct List<V> {
    /// The entries.
    pub items: Vec<V>,
    /// Where to go on.
    pub next_cursor: Option<String>,
}

/// A tenant.
#[derive(Serialize)]
pub struct TenantView<'a> {
    id: TenantId,
    name: &'a str,
    status: TenantStatus,
    plan: &'a str,
    seats: Seats,
    email_policy: EmailPolicy,
    brand_colour: Option<Colour>,
    logo_url: Option<&'a str>,
    reply_to: Option<&'a str>,
    reminder_days: Option<u8>,
    portal: Option<TenantId>,
    created_at: Timestamp,
    /// Left out, as the next one, unless it is closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed_after: Option<Timestamp>,
}

#[derive(Serialize)]
struct Seats {
    limit: u32,
    used: u32,
}

impl<'a> From<&'a Tenant> for TenantView<'a> {
    fn from(t: &'a Tenant) -> Self {
        Self {
            id: t.id,
            name: t.name.as_str(),
            status: t.status,
            plan: t.plan.as_str(),
            seats: Seats { limit: t.seat_limit, used: t.seats_used },
            email_policy: t.email_policy,
            brand_colour: t.brand_colour,
            logo_url: t.logo_url.as_ref().map(model::LogoUrl::as_str),
            reply_to: t.reply_to.as_ref().map(model::Email::as_entered),
            reminder_days: t.reminder_days,
            portal: t.portal,
            created_at: t.created_at,
            closed_at: t.closed_at,
            removed_after: t.removed_after(),
        }
    }
}

/// A partner, as its portal sees it.
#[derive(Serialize)]
pub struct PartnerView<'a> {
    id: TenantId,
    name: &'a str,
    status: TenantStatus,
    plan: &'a str,
    seats: Seats,
    created_at: Timestamp,
    since: Timestamp,
}

impl<'a> PartnerView<'a> {
    /// The tenant, and since when it is administered.
    #[must_use]
    pub fn of(t: &'a Tenant, administration: &Administration) -> Self {
        Self {
            id: t.id,
            name: t.name.as_str(),
            status: t.status,
            plan: t.plan.as_str(),
            seats: Seats { limit: t.seat_limit, used: t.seats_used },
            created_at: t.created_at,
            since: administration.since,
        }
    }
}

/// A brand, as an answer.
#[must_use]
pub fn brand(brand: &Brand) -> Answer {
    Answer::ok(&BrandView::from(brand)).versioned(brand.version)
}

/// A brand.
#[derive(Serialize)]
pub struct BrandView<'a> {
    id: BrandId,
    tenant_id: TenantId,
    name: &'a str,
    created_at: Timestamp,
}

impl<'a> From<&'a Brand> for BrandView<'a> {
    fn from(b: &'a Brand) -> Self {
        Self { id: b.id, tenant_id: b.tenant_id, name: b.name.as_str(), created_at: b.created_at }
    }
}

/// A member, with the brands that the reader may see.
#[derive(Serialize)]
pub struct MemberView<'a> {
    user_id: UserId,
    tenant_id: TenantId,
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    role: Role,
    brands: Brands,
    status: MemberStatus,
    joined_at: Timestamp,
    #[serde(flatten)]
    personal: Option<PersonalView<'a>>,
}

/// What of a member no colleague needs: left out for them, rather than `null`, which means that there is none.
#[derive(Serialize)]
struct PersonalView<'a> {
    phone: Option<&'a str>,
    permissions: Option<Permissions>,
    last_active_at: Option<Timestamp>,
}

impl<'a> MemberView<'a> {
    /// The member as a colleague sees them.
    #[must_use]
    pub fn colleague(m: &'a Member, behind: &Backdrop) -> Self {
        Self {
            user_id: m.user_id,
            tenant_id: m.tenant_id,
            email: m.email.as_entered(),
            first_name: m.first_name.as_str(),
            last_name: m.last_name.as_str(),
            role: m.role,
            brands: behind.reach(m.role, &m.brands),
            status: m.status,
            joined_at: m.joined_at,
            personal: None,
        }
    }

    /// The member as somebody sees them who keeps members.
    #[must_use]
    pub fn whole(m: &'a Member, behind: &Backdrop) -> Self {
        let personal = PersonalView {
            phone: m.phone.as_ref().map(model::Phone::as_str),
            permissions: m.permissions,
            last_active_at: m.last_active_at,
        };
        Self { personal: Some(personal), ..Self::colleague(m, behind) }
    }

    /// The member as they see themselves; `brands` are those of theirs that are there.
    #[must_use]
    pub fn own(m: &'a Member, brands: impl IntoIterator<Item = BrandId>) -> Self {
        Self::whole(m, &Backdrop::of(m.principal(TenantStatus::Active).visibility(), brands, []))
    }
}

/// A member who was changed, and the pending invitations that lost their sponsor by it.
#[derive(Serialize)]
pub struct ChangedMember<'a> {
    /// The member; nothing where the membership is over.
    #[serde(flatten)]
    member: Option<MemberView<'a>>,
    /// The invitations; left out where there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unsponsored_invitations: Vec<UnsponsoredView<'a>>,
    /// Whether there may be more of them than these; left out where there aren't.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    more_unsponsored_invitations: bool,
}

impl<'a> ChangedMember<'a> {
    /// The member as they are by now, and what rested on them.
    #[must_use]
    pub fn new(member: Option<MemberView<'a>>, unsponsored: &'a Unsponsored) -> Self {
        Self {
            member,
            unsponsored_invitations: unsponsored.invitations.iter().map(UnsponsoredView::from).collect(),
            more_unsponsored_invitations: unsponsored.more,
        }
    }

    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.member.is_none() && self.unsponsored_invitations.is_empty() && !self.more_unsponsored_invitations
    }
}

/// A pending invitation that nobody stands behind any more, and how to take it over.
#[derive(Serialize)]
pub struct UnsponsoredView<'a> {
    id: InvitationId,
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    role: Role,
    expires_at: Timestamp,
    actions: [Value; 2],
}

impl<'a> From<&'a Invitation> for UnsponsoredView<'a> {
    fn from(i: &'a Invitation) -> Self {
        Self {
            id: i.id,
            email: i.email.as_entered(),
            first_name: i.first_name.as_str(),
            last_name: i.last_name.as_str(),
            role: i.role,
            expires_at: i.expires_at,
            actions: [
                // whoever sends it again stands behind it from then on
                action("take-over", Route::ResendInvitation, &[&i.tenant_id, &i.id]),
                action("revoke", Route::RevokeInvitation, &[&i.tenant_id, &i.id]),
            ],
        }
    }
}

/// An invitation, with the brands that the reader may see.
#[derive(Serialize)]
pub struct InvitationView<'a> {
    id: InvitationId,
    tenant_id: TenantId,
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    locale: Option<&'a str>,
    role: Role,
    brands: Brands,
    #[serde(flatten)]
    personal: Option<InvitedView<'a>>,
    status: InvitationStatus,
    delivery: DeliveryView,
    invited_by: Option<UserId>,
    sponsor: Option<UserId>,
    sponsor_portal: Option<TenantId>,
    sponsorship: Option<Sponsorship>,
    created_at: Timestamp,
    expires_at: Timestamp,
    accepted_at: Option<Timestamp>,
}

/// What of an invitation is left out once it became a member, for whom it would be left out of that member.
#[derive(Serialize)]
struct InvitedView<'a> {
    phone: Option<&'a str>,
    permissions: Option<Permissions>,
}

#[derive(Serialize)]
struct DeliveryView {
    state: DeliveryState,
    reason: Option<String>,
    at: Timestamp,
}

impl<'a> InvitationView<'a> {
    /// The invitation at `now`; `whole` says whether the reader keeps members.
    #[must_use]
    pub fn of(i: &'a Invitation, behind: &Backdrop, whole: bool, now: Timestamp) -> Self {
        let invited =
            InvitedView { phone: i.phone.as_ref().map(model::Phone::as_str), permissions: i.permissions };
        let delivery = i.delivery.at(now);
        Self {
            id: i.id,
            tenant_id: i.tenant_id,
            email: i.email.as_entered(),
            first_name: i.first_name.as_str(),
            last_name: i.last_name.as_str(),
            locale: i.locale.as_ref().map(model::Locale::as_str),
            role: i.role,
            brands: behind.reach(i.role, &i.brands),
            personal: (whole || i.status != InvitationStatus::Accepted).then_some(invited),
            status: i.status_at(now),
            delivery: DeliveryView { state: delivery.state, reason: delivery.reason, at: delivery.at },
            invited_by: i.invited_by,
            sponsor: i.sponsor,
            sponsor_portal: i.sponsor_portal,
            sponsorship: behind.sponsorship(i),
            created_at: i.created_at,
            expires_at: i.expires_at,
            accepted_at: i.accepted_at,
        }
    }
}

/// A member, as somebody sees them who reviews access: what they hold, who gave it, what they were seen to use.
#[derive(Serialize)]
pub struct AccessView<'a> {
    user_id: UserId,
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    role: Role,
    permissions: Permissions,
    brands: Brands,
    status: MemberStatus,
    joined_at: Timestamp,
    granted_at: Timestamp,
    granted_by: Option<Actor>,
    last_active_at: Option<Timestamp>,
    stale: bool,
    over_privileged: bool,
    unused: Permissions,
    partner: bool,
    etag: String,
}

impl<'a> AccessView<'a> {
    /// The member at `now`.
    #[must_use]
    pub fn of(m: &'a Member, behind: &Backdrop, now: Timestamp) -> Self {
        let unused = m.unused(now);
        Self {
            user_id: m.user_id,
            email: m.email.as_entered(),
            first_name: m.first_name.as_str(),
            last_name: m.last_name.as_str(),
            role: m.role,
            permissions: m.grant().effective(),
            brands: behind.reach(m.role, &m.brands),
            status: m.status,
            joined_at: m.joined_at,
            granted_at: m.holds_since(),
            granted_by: m.granted_by,
            last_active_at: m.last_active_at,
            stale: m.is_stale(now),
            over_privileged: unused != Permissions::NONE,
            unused,
            partner: m.role == Role::Partner,
            // what a decision's `If-Match` names: it is about what is shown here
            etag: etag(m.authority),
        }
    }
}

/// A review of access.
#[derive(Serialize)]
pub struct ReviewView {
    id: ReviewId,
    tenant_id: TenantId,
    opened_at: Timestamp,
    opened_by: UserId,
    closed_at: Option<Timestamp>,
    closed_by: Option<UserId>,
    counts: CountsView,
}

#[derive(Serialize)]
struct CountsView {
    kept: u32,
    reduced: u32,
    revoked: u32,
    /// Nothing before the end.
    undecided: Option<u32>,
}

impl From<&Review> for ReviewView {
    fn from(r: &Review) -> Self {
        Self {
            id: r.id,
            tenant_id: r.tenant_id,
            opened_at: r.opened_at,
            opened_by: r.opened_by,
            closed_at: r.closed_at,
            closed_by: r.closed_by,
            counts: CountsView {
                kept: r.kept,
                reduced: r.reduced,
                revoked: r.revoked,
                undecided: r.undecided,
            },
        }
    }
}

/// What somebody held, with the brands that the reader may see: those that are gone by now too, since it is history.
#[derive(Serialize)]
pub struct HeldView {
    /// The role.
    pub role: Role,
    /// What they could do.
    pub permissions: Permissions,
    /// The brands that they reached.
    pub brands: Brands,
}

impl HeldView {
    /// As somebody with this visibility sees it.
    #[must_use]
    pub fn of(held: &Held, seen: &Visibility) -> Self {
        Self { role: held.role, permissions: held.effective(), brands: seen.limit(held.reach()) }
    }
}

/// What a review decided about a member.
#[derive(Serialize)]
pub struct DecisionView<'a> {
    user_id: UserId,
    decision: Verdict,
    reason: &'a str,
    by: UserId,
    at: Timestamp,
    before: HeldView,
    after: Option<HeldView>,
}

impl<'a> DecisionView<'a> {
    /// As somebody with this visibility sees it.
    #[must_use]
    pub fn of(d: &'a Decision, seen: &Visibility) -> Self {
        Self {
            user_id: d.user_id,
            decision: d.decision,
            reason: d.reason.as_str(),
            by: d.by,
            at: d.at,
            before: HeldView::of(&d.before, seen),
            after: d.after.as_ref().map(|after| HeldView::of(after, seen)),
        }
    }
}

/// A user.
#[derive(Serialize)]
pub struct UserView<'a> {
    id: UserId,
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    phone: Option<&'a str>,
    locale: Option<&'a str>,
    created_at: Timestamp,
}

impl<'a> From<&'a User> for UserView<'a> {
    fn from(u: &'a User) -> Self {
        Self {
            id: u.id,
            email: u.email.as_entered(),
            first_name: u.first_name.as_str(),
            last_name: u.last_name.as_str(),
            phone: u.phone.as_ref().map(model::Phone::as_str),
            locale: u.locale.as_ref().map(model::Locale::as_str),
            created_at: u.created_at,
        }
    }
}

/// A session that was just opened: the one shape that holds a secret.
#[derive(Serialize)]
pub struct SessionView {
    token: String,
    expires_at: Timestamp,
}

impl SessionView {
    /// With the token that is shown this once.
    #[must_use]
    pub fn opened(token: &SessionToken, new: &NewSession) -> Self {
        Self { token: token.reveal(), expires_at: new.session.expires_at }
    }
}

/// One of a user's sessions, as they see it.
#[derive(Serialize)]
pub struct OpenSessionView<'a> {
    id: SessionId,
    created_at: Timestamp,
    used_at: Timestamp,
    expires_at: Timestamp,
    client: Option<&'a str>,
    current: bool,
}

impl<'a> OpenSessionView<'a> {
    /// Whether it is the `current` one, which asks.
    #[must_use]
    pub fn of(session: &'a Session, current: bool) -> Self {
        Self {
            id: session.id,
            created_at: session.created_at,
            used_at: session.used_at,
            expires_at: session.ends_at(),
            client: session.client.as_ref().map(model::Client::as_str),
            current,
        }
    }
}

/// One of a user's memberships.
#[derive(Serialize)]
pub struct MembershipView<'a> {
    tenant: TenantName<'a>,
    role: Role,
    brands: Brands,
    permissions: Option<Permissions>,
    status: MemberStatus,
}

#[derive(Serialize)]
struct TenantName<'a> {
    id: TenantId,
    name: &'a str,
    status: TenantStatus,
}

impl<'a> MembershipView<'a> {
    /// The membership as the member sees it; `brands` are those of theirs that are there.
    #[must_use]
    pub fn of(m: &Member, t: &'a Tenant, brands: impl IntoIterator<Item = BrandId>) -> Self {
        let behind = Backdrop::of(m.principal(t.status).visibility(), brands, []);
        Self {
            tenant: TenantName { id: t.id, name: t.name.as_str(), status: t.status },
            role: m.role,
            brands: behind.reach(m.role, &m.brands),
            permissions: m.permissions,
            status: m.status,
        }
    }
}
