use std::ops::RangeInclusive;
use std::time::Duration;

use policy::{Role, TenantStatus};
use serde::{Deserialize, Serialize};

use crate::{
    Actor, Colour, CompanyName, Email, EventId, Invitation, Invocation, Limits, LogoUrl, Mail, Member,
    NewInvitation, PersonName, PlanName, TenantId, Timestamp, UserId, Version, Window,
};

policy::closed_set! {
    /// Whether an address may belong to several tenants.
    pub enum EmailPolicy: "email policy" {
        /// To this tenant only.
        Exclusive = "exclusive",
        /// One person, several tenants.
        Shared = "shared",
    }
}

/// One organization's account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// The organization's name.
    pub name: CompanyName,
    /// Whether the account is in use.
    pub status: TenantStatus,
    /// The plan.
    pub plan: PlanName,
    /// How many seats the plan has.
    pub seat_limit: u32,
    /// Active members plus pending invitations that nobody has found expired yet.
    pub seats_used: u32,
    /// Whether addresses may belong to other tenants too.
    pub email_policy: EmailPolicy,
    /// The colour of the button in its invitations, where it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand_colour: Option<Colour>,
    /// Where its logo lies, for pages to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<LogoUrl>,
    /// Where an answer to one of its invitations goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Email>,
    /// How many days after its mail who doesn't answer an invitation is reminded of it; never where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminder_days: Option<u8>,
    /// The one owner, from the moment that the first one accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// The portal that administers it (R8), as its [`Administration`](crate::Administration) says it: here only so that a
    /// request finds where to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub portal: Option<TenantId>,
    /// When it signed up.
    pub created_at: Timestamp,
    /// From this moment on it is gone, unless its first owner has confirmed it by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed_until: Option<Timestamp>,
    /// When its owner closed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// When the operator began to remove what is in it: from then on nobody opens it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removal_began_at: Option<Timestamp>,
    /// The export that it came from, as its event was called where it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported_from: Option<EventId>,
    /// When the operator began to import it, until all of it is there: see [`Import`](crate::Import).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub import_began_at: Option<Timestamp>,
    /// When all of what was imported was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported_at: Option<Timestamp>,
    /// Emails in the current day.
    #[serde(default)]
    pub mails: Window,
    /// Renewed when anything but a counter or the portal changes.
    pub authority: Version,
}

/// What of a tenant its owner changes; what they omit stays. An inner `None` takes something away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantChange {
    /// The organization's name.
    pub name: Option<CompanyName>,
    /// The colour of the button in its invitations.
    pub brand_colour: Option<Option<Colour>>,
    /// Where its logo lies.
    pub logo_url: Option<Option<LogoUrl>>,
    /// Where an answer to one of its invitations goes.
    pub reply_to: Option<Option<Email>>,
    /// How many days after its mail who doesn't answer an invitation is reminded of it.
    pub reminder_days: Option<Option<u8>>,
}

impl TenantChange {
    /// Whether it says nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a new tenant begins with unless it is told otherwise: settings of the deployment.
#[derive(Clone, Debug)]
pub struct TenantDefaults {
    /// The plan's name.
    pub plan: PlanName,
    /// The plan's seats.
    pub seats: u32,
    /// Whether its members' addresses may belong to other tenants too.
    pub email_policy: EmailPolicy,
}

/// An organization about to be signed up, by itself, by the operator or by a portal.
#[derive(Clone, Debug)]
pub struct NewTenant {
    /// Its name.
    pub name: CompanyName,
    /// The owner's address.
    pub email: Email,
    /// The owner's first name.
    pub first_name: PersonName,
    /// The owner's last name.
    pub last_name: PersonName,
    /// Whether the operator or a portal vouches for it: its owner may then ask for fresh links, as whoever is invited may. A
    /// stranger who signs up may only do so again.
    pub is_vouched: bool,
    /// The portal that sets it up, and will administer it.
    pub portal: Option<TenantId>,
    /// What else it begins with.
    pub terms: TenantDefaults,
}

impl Tenant {
    /// How long a closed one can be opened again; what is in it may be removed from then on.
    pub const REOPENABLE: Duration = Duration::from_secs(30 * 86_400);
    /// Days after which somebody may be reminded of an invitation: fewer than the longest-lived link has.
    pub const REMINDER_DAYS: RangeInclusive<u8> = 1..=29;

    /// The tenant, which waits for its owner, and the invitation that makes them the owner. The one seat and the one
    /// email are theirs.
    #[must_use]
    pub fn sign_up(new: NewTenant, limits: &Limits, invocation: &Invocation) -> (Self, Invitation) {
        let NewTenant { name, email, first_name, last_name, is_vouched, portal, terms } = new;
        let now = invocation.now();
        let id = TenantId::new(invocation);
        let owner = NewInvitation::new(email, first_name, last_name, Role::Owner);
        let invitation = Invitation::of_first_owner(id, owner, is_vouched, invocation);
        let tenant = Self {
            id,
            name,
            status: TenantStatus::Pending,
            plan: terms.plan,
            seat_limit: terms.seats,
            seats_used: 1,
            email_policy: terms.email_policy,
            brand_colour: None,
            logo_url: None,
            reply_to: None,
            reminder_days: None,
            owner: None,
            portal,
            created_at: now,
            unconfirmed_until: invitation.unconfirmed_until,
            closed_at: None,
            removal_began_at: None,
            imported_from: None,
            import_began_at: None,
            imported_at: None,
            mails: Window { window: limits.mails_by_tenant.window(now), count: 1 },
            authority: invocation.version(),
        };
        (tenant, invitation)
    }

    /// Whether nobody confirmed it in time, so that it is gone whether or not it was swept.
    #[must_use]
    pub fn is_gone_at(&self, now: Timestamp) -> bool {
        self.unconfirmed_until.is_some_and(|until| until <= now)
    }

    /// Whether the plan has a seat left.
    #[must_use]
    pub const fn has_free_seat(&self) -> bool {
        self.seats_used < self.seat_limit
    }

    /// The tenant with another plan.
    #[must_use]
    pub fn with_plan(&self, plan: PlanName, seats: u32, version: Version) -> Self {
        Self { plan, seat_limit: seats, authority: version, ..self.clone() }
    }

    /// The tenant as its owner changes it.
    #[must_use]
    pub fn with(&self, change: &TenantChange, version: Version) -> Self {
        let TenantChange { name, brand_colour, logo_url, reply_to, reminder_days } = change.clone();
        Self {
            name: name.unwrap_or_else(|| self.name.clone()),
            brand_colour: brand_colour.unwrap_or(self.brand_colour),
            logo_url: logo_url.unwrap_or_else(|| self.logo_url.clone()),
            reply_to: reply_to.unwrap_or_else(|| self.reply_to.clone()),
            reminder_days: reminder_days.unwrap_or(self.reminder_days),
            authority: version,
            ..self.clone()
        }
    }

    /// What its owner may change, each by its name, as an event has it.
    #[must_use]
    pub fn told(&self) -> [(&'static str, Option<String>); 5] {
        [
            ("name", Some(self.name.to_string())),
            ("brand_colour", self.brand_colour.map(String::from)),
            ("logo_url", self.logo_url.as_ref().map(LogoUrl::to_string)),
            ("reply_to", self.reply_to.as_ref().map(Email::to_string)),
            ("reminder_days", self.reminder_days.map(|days| days.to_string())),
        ]
    }

    /// The tenant whose addresses may belong to others too, or not any more.
    #[must_use]
    pub fn with_email_policy(&self, email_policy: EmailPolicy, version: Version) -> Self {
        Self { email_policy, authority: version, ..self.clone() }
    }

    /// The tenant switched off or on.
    #[must_use]
    pub fn with_status(&self, status: TenantStatus, version: Version) -> Self {
        Self { status, authority: version, ..self.clone() }
    }

    /// The tenant closed by its owner.
    #[must_use]
    pub fn closed(&self, invocation: &Invocation) -> Self {
        let closed = self.with_status(TenantStatus::Closed, invocation.version());
        Self { closed_at: Some(invocation.now()), ..closed }
    }

    /// From when on a closed one can't be opened again, and what is in it may be removed.
    #[must_use]
    pub fn removed_after(&self) -> Option<Timestamp> {
        self.closed_at.map(|at| at + Self::REOPENABLE)
    }

    /// The closed tenant in use again.
    #[must_use]
    pub fn reopened(&self, version: Version) -> Self {
        Self { closed_at: None, ..self.with_status(TenantStatus::Active, version) }
    }

    /// The closed tenant as what is in it begins to be removed.
    #[must_use]
    pub fn being_removed(&self, invocation: &Invocation) -> Self {
        let (removal_began_at, authority) = (Some(invocation.now()), invocation.version());
        Self { removal_began_at, authority, ..self.clone() }
    }

    /// The tenant in use, with its first owner.
    #[must_use]
    pub fn opened(&self, owner: UserId, version: Version) -> Self {
        let active = self.with_status(TenantStatus::Active, version);
        Self { owner: Some(owner), unconfirmed_until: None, ..active }
    }

    /// The ownership in other hands: the tenant, the old owner as an admin, the new one without a list of their own,
    /// since nothing takes from an owner what makes them one (R2).
    #[must_use]
    pub fn transfer(&self, from: &Member, to: &Member, by: Actor, invocation: &Invocation) -> Transfer {
        let old_owner = Member { role: Role::Admin, ..from.given(by, invocation) };
        let new_owner = to.with_role(Role::Owner, by, invocation);
        let told = [(&old_owner, false), (&new_owner, true)];
        Transfer {
            told: told.map(|(member, is_owner)| Mail::ownership_moved(member, is_owner, invocation)),
            tenant: Self { owner: Some(to.user_id), authority: invocation.version(), ..self.clone() },
            old_owner,
            new_owner,
        }
    }
}

/// What a transfer of the ownership comes to.
#[derive(Debug)]
pub struct Transfer {
    /// The tenant.
    pub tenant: Tenant,
    /// The old owner, an admin by now.
    pub old_owner: Member,
    /// The new owner.
    pub new_owner: Member,
    /// What both are mailed.
    pub told: [Mail; 2],
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::About;
    use crate::samples::{
        ANA, BEN, EARLIER, NEW, NOW, OLD, PORTAL, TENANT, email, invocation, is_closed, member, patched,
        survives, tenant, text,
    };

    #[test]
    fn a_new_tenant_waits_for_its_owner_who_has_its_seat_and_its_mail() {
        is_closed(EmailPolicy::ALL, "email policy", &["exclusive", "shared"]);
        let sign_up = |is_vouched| {
            let new = NewTenant {
                name: text("Acme"),
                email: email("ana@example.com"),
                first_name: text("Ana"),
                last_name: text("Lima"),
                is_vouched,
                portal: is_vouched.then_some(PORTAL),
                terms: TenantDefaults { plan: text("free"), seats: 5, email_policy: EmailPolicy::Shared },
            };
            Tenant::sign_up(new, &Limits::default(), &invocation())
        };
        for (is_vouched, until) in [(false, "2027-01-22T08:00:00.000Z"), (true, "2027-02-28T08:00:00.000Z")] {
            let (tenant, invitation) = sign_up(is_vouched);
            assert_eq!((tenant.id.made_at(), tenant.authority.made_at()), (Some(NOW), Some(NOW)));
            let of_itself = Tenant { portal: None, ..tenant.clone() };
            let portal = if is_vouched { json!(PORTAL) } else { json!(null) };
            survives(&tenant, patched(&of_itself, json!({"portal": portal})));
            survives(
                &of_itself,
                json!({
                    "id": tenant.id,
                    "name": "Acme",
                    "status": "pending",
                    "plan": "free",
                    "seat_limit": 5,
                    "seats_used": 1,
                    "email_policy": "shared",
                    "created_at": NOW,
                    "unconfirmed_until": until,
                    "mails": {"window": 20_833, "count": 1},
                    "authority": tenant.authority,
                }),
            );
            assert_eq!((invitation.tenant_id, invitation.role), (tenant.id, Role::Owner));
            let told = (invitation.is_vouched, invitation.unconfirmed_until);
            assert_eq!(told, (is_vouched, tenant.unconfirmed_until));
            let (email, names) = (&invitation.email, [&invitation.first_name, &invitation.last_name]);
            assert_eq!(
                (email.canonical(), names.map(PersonName::as_str)),
                ("ana@example.com", ["Ana", "Lima"])
            );
        }
        let older = serde_json::from_value::<Tenant>(patched(&tenant(), json!({"mails": null})));
        assert!(older.is_ok_and(|older| older.mails == Window::default()));
    }

    #[test]
    fn what_nobody_confirmed_is_gone_from_its_very_moment_on() {
        assert!(!tenant().is_gone_at(NOW), "somebody did");
        for (until, gone) in [(EARLIER, true), (NOW, true), (NOW + Tenant::REOPENABLE, false)] {
            assert_eq!(Tenant { unconfirmed_until: Some(until), ..tenant() }.is_gone_at(NOW), gone);
        }
    }

    #[test]
    fn seats_are_free_up_to_the_limit() {
        for (seats_used, seat_limit, free) in [(0, 0, false), (1, 2, true), (2, 2, false), (3, 2, false)] {
            assert_eq!(Tenant { seats_used, seat_limit, ..tenant() }.has_free_seat(), free);
        }
    }

    #[test]
    fn every_change_of_a_tenant_renews_its_authority() {
        let active = tenant();
        let pending =
            Tenant { status: TenantStatus::Pending, owner: None, unconfirmed_until: Some(NOW), ..tenant() };
        for (after, before, changes) in [
            (active.with_plan(text("pro"), 9, NEW), &active, json!({"plan": "pro", "seat_limit": 9})),
            (active.with_email_policy(EmailPolicy::Shared, NEW), &active, json!({"email_policy": "shared"})),
            (active.with_status(TenantStatus::Closed, NEW), &active, json!({"status": "closed"})),
            (
                pending.opened(BEN, NEW),
                &pending,
                json!({"status": "active", "owner": BEN, "unconfirmed_until": null}),
            ),
        ] {
            let renewed = Tenant { authority: NEW, ..before.clone() };
            survives(&after, patched(&renewed, changes));
        }
    }

    #[test]
    fn what_the_owner_omits_stays_and_null_takes_away() {
        let plain = tenant();
        let colour = Colour::BLACK;
        let logo = LogoUrl::parse("https://cdn.example.com/a.svg").ok();
        let reply_to = email("Team@Example.com");
        let whole = TenantChange {
            name: Some(text("Brew")),
            brand_colour: Some(Some(colour)),
            logo_url: Some(logo),
            reply_to: Some(Some(reply_to)),
            reminder_days: Some(Some(3)),
        };
        let nothing = TenantChange::default();
        assert!(nothing.is_empty() && !whole.is_empty());
        let dressed = plain.with(&whole, NEW);
        let looks = json!({
            "name": "Brew",
            "brand_colour": "#000000",
            "logo_url": "https://cdn.example.com/a.svg",
            "reply_to": {"canonical": "team@example.com", "entered": "Team@Example.com"},
            "reminder_days": 3,
            "authority": NEW,
        });
        survives(&dressed, patched(&plain, looks));
        let told =
            |told: [(&'static str, Option<&str>); 5]| told.map(|(name, is)| (name, is.map(str::to_owned)));
        let bare = [
            ("name", Some("Acme")),
            ("brand_colour", None),
            ("logo_url", None),
            ("reply_to", None),
            ("reminder_days", None),
        ];
        assert_eq!(plain.told(), told(bare));
        let all = [
            ("name", Some("Brew")),
            ("brand_colour", Some("#000000")),
            ("logo_url", Some("https://cdn.example.com/a.svg")),
            ("reply_to", Some("Team@Example.com")),
            ("reminder_days", Some("3")),
        ];
        assert_eq!(dressed.told(), told(all));
        assert_eq!(json!(dressed.with(&nothing, OLD)), patched(&dressed, json!({"authority": OLD})));
        for (change, field) in [
            (TenantChange { brand_colour: Some(None), ..nothing.clone() }, "brand_colour"),
            (TenantChange { logo_url: Some(None), ..nothing.clone() }, "logo_url"),
            (TenantChange { reply_to: Some(None), ..nothing.clone() }, "reply_to"),
            (TenantChange { reminder_days: Some(None), ..nothing }, "reminder_days"),
        ] {
            assert!(!change.is_empty());
            let taken = json!({field: null, "authority": OLD});
            assert_eq!(json!(dressed.with(&change, OLD)), patched(&dressed, taken));
        }
    }

    #[test]
    fn a_closed_tenant_can_be_opened_for_thirty_days_and_be_removed_after_that() {
        let active = tenant();
        let closed = active.closed(&invocation());
        let changes = json!({"status": "closed", "closed_at": NOW, "authority": closed.authority});
        survives(&closed, patched(&active, changes));
        assert_eq!(json!(closed.removed_after()), json!("2027-02-14T08:00:00.123Z"));
        assert_eq!(active.removed_after(), None);
        let reopened = closed.reopened(NEW);
        assert_eq!(json!(reopened), patched(&active, json!({"authority": NEW})));
        let going = closed.being_removed(&invocation());
        survives(&going, patched(&closed, json!({"removal_began_at": NOW, "authority": going.authority})));
        assert_ne!(closed.authority, going.authority);
        let renewed = [closed.authority, going.authority];
        assert_eq!(renewed.map(Version::made_at), [Some(NOW); 2]);
    }

    #[test]
    fn a_transfer_swaps_owner_and_admin() {
        let (tenant, from) = (tenant(), Member { role: Role::Owner, ..member() });
        let to = Member { user_id: BEN, role: Role::Admin, ..member() };
        let by = Actor::Operator;
        let Transfer { tenant: after, old_owner, new_owner, told } =
            tenant.transfer(&from, &to, by, &invocation());
        let renewed = [after.authority, old_owner.authority, new_owner.authority];
        assert_eq!(renewed.map(Version::made_at), [Some(NOW); 3]);
        let changes = json!({"owner": BEN, "authority": after.authority});
        assert_eq!(json!(after), patched(&tenant, changes));
        let given = json!({"granted_at": NOW, "granted_by": by});
        let changes = json!({"role": "admin", "authority": old_owner.authority});
        assert_eq!(json!(old_owner), patched(&patched(&from, changes), given.clone()));
        let changes = json!({"role": "owner", "permissions": null, "authority": new_owner.authority});
        assert_eq!(json!(new_owner), patched(&patched(&to, changes), given));
        assert_eq!((tenant.owner, old_owner.user_id, new_owner.user_id), (Some(ANA), ANA, BEN));
        let about = |user_id, is_owner| About::OwnershipMoved { user_id, tenant_id: TENANT, is_owner };
        assert_eq!(told.map(|mail| mail.about), [about(ANA, false), about(BEN, true)]);
    }
}
