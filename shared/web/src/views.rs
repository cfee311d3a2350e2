//! The shapes of answers. Each is built field by field, so that nothing new on an entity shows by itself.

use std::collections::BTreeMap;

use model::{
    Actor, Brand, DeliveryState, EmailPolicy, Event, EventId, EventKind, Invitation, InvitationId,
    InvitationStatus, Member, Session, SessionToken, Subject, Tenant, TenantId, Timestamp, User, UserId,
};
use policy::{BrandId, Brands, MemberStatus, Permissions, Role, TenantStatus, Visibility};
use serde::Serialize;

use crate::Answer;

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
    created_at: Timestamp,
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
            created_at: t.created_at,
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
    /// The member as a colleague with this visibility sees them.
    #[must_use]
    pub fn colleague(m: &'a Member, seen: &Visibility) -> Self {
        Self {
            user_id: m.user_id,
            tenant_id: m.tenant_id,
            email: m.email.as_entered(),
            first_name: m.first_name.as_str(),
            last_name: m.last_name.as_str(),
            role: m.role,
            brands: reach(m.role, &m.brands, seen),
            status: m.status,
            joined_at: m.joined_at,
            personal: None,
        }
    }

    /// The member as somebody with this visibility sees them who keeps members.
    #[must_use]
    pub fn whole(m: &'a Member, seen: &Visibility) -> Self {
        let personal = PersonalView {
            phone: m.phone.as_ref().map(model::Phone::as_str),
            permissions: m.permissions,
            last_active_at: m.last_active_at,
        };
        Self { personal: Some(personal), ..Self::colleague(m, seen) }
    }

    /// The member as they see themselves.
    #[must_use]
    pub fn own(m: &'a Member) -> Self {
        Self::whole(m, &m.principal(TenantStatus::Active).visibility())
    }
}

/// The brands of a role, as far as they are seen.
fn reach(role: Role, assigned: &Brands, seen: &Visibility) -> Brands {
    if role.reaches_every_brand() { seen.limit(&Brands::All) } else { seen.limit(assigned) }
}

/// An invitation, with the brands that the reader may see.
#[derive(Serialize)]
pub struct InvitationView<'a> {
    id: InvitationId,
    tenant_id: TenantId,
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    phone: Option<&'a str>,
    role: Role,
    brands: Brands,
    permissions: Option<Permissions>,
    status: InvitationStatus,
    delivery: DeliveryView,
    invited_by: Option<UserId>,
    created_at: Timestamp,
    expires_at: Timestamp,
    accepted_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct DeliveryView {
    state: DeliveryState,
    reason: Option<String>,
    at: Timestamp,
}

impl<'a> InvitationView<'a> {
    /// The invitation at `now`, as somebody with this visibility sees it.
    #[must_use]
    pub fn of(i: &'a Invitation, seen: &Visibility, now: Timestamp) -> Self {
        let delivery = i.delivery.at(now);
        Self {
            id: i.id,
            tenant_id: i.tenant_id,
            email: i.email.as_entered(),
            first_name: i.first_name.as_str(),
            last_name: i.last_name.as_str(),
            phone: i.phone.as_ref().map(model::Phone::as_str),
            role: i.role,
            brands: reach(i.role, &i.brands, seen),
            permissions: i.permissions,
            status: i.status_at(now),
            delivery: DeliveryView { state: delivery.state, reason: delivery.reason, at: delivery.at },
            invited_by: i.invited_by,
            created_at: i.created_at,
            expires_at: i.expires_at,
            accepted_at: i.accepted_at,
        }
    }
}

/// An event.
#[derive(Serialize)]
pub struct EventView<'a> {
    id: EventId,
    at: Timestamp,
    #[serde(rename = "type")]
    kind: EventKind,
    actor: Actor,
    subject: Subject,
    details: &'a BTreeMap<String, String>,
    request_id: Option<&'a str>,
}

impl<'a> From<&'a Event> for EventView<'a> {
    fn from(e: &'a Event) -> Self {
        Self {
            id: e.id,
            at: e.at,
            kind: e.kind,
            actor: e.actor,
            subject: e.subject,
            details: &e.details,
            request_id: e.request_id.as_deref(),
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
    pub fn opened(token: &SessionToken, session: &Session) -> Self {
        Self { token: token.reveal(), expires_at: session.expires_at }
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
    /// The membership as the member sees it.
    #[must_use]
    pub fn of(m: &Member, t: &'a Tenant) -> Self {
        let seen = m.principal(t.status).visibility();
        Self {
            tenant: TenantName { id: t.id, name: t.name.as_str(), status: t.status },
            role: m.role,
            brands: reach(m.role, &m.brands, &seen),
            permissions: m.permissions,
            status: m.status,
        }
    }
}
