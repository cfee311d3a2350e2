use policy::{Role, TenantStatus};
use serde::{Deserialize, Serialize};

use crate::{
    Actor, CompanyName, Email, Invitation, Invocation, Limits, Member, NewInvitation, PersonName, PlanName,
    TenantId, Timestamp, UserId, Version, Window,
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
    /// The one owner, from the moment that the first one accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// When it signed up.
    pub created_at: Timestamp,
    /// From this moment on it is gone, unless its first owner has confirmed it by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed_until: Option<Timestamp>,
    /// Emails in the current day.
    #[serde(default)]
    pub mails: Window,
    /// Renewed when the status, the plan, the email policy or the owner changes; counters leave it alone.
    pub authority: Version,
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

/// An organization about to be signed up, by itself or by the operator.
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
    /// Whether the operator vouches for it: its owner may then ask for fresh links, as whoever is invited may. A stranger
    /// who signs up may only do so again.
    pub is_vouched: bool,
    /// What else it begins with.
    pub terms: TenantDefaults,
}

impl Tenant {
    /// The tenant, which waits for its owner, and the invitation that makes them the owner. The one seat and the one
    /// email are theirs.
    #[must_use]
    pub fn sign_up(new: NewTenant, limits: &Limits, invocation: &Invocation) -> (Self, Invitation) {
        let NewTenant { name, email, first_name, last_name, is_vouched, terms } = new;
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
            owner: None,
            created_at: now,
            unconfirmed_until: invitation.unconfirmed_until,
            mails: Window { window: limits.mails_by_tenant.window(now), count: 1 },
            authority: invocation.version(),
        };
        (tenant, invitation)
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

    /// The tenant under another name.
    #[must_use]
    pub fn renamed(&self, name: CompanyName, version: Version) -> Self {
        Self { name, authority: version, ..self.clone() }
    }

    /// The tenant switched off or on.
    #[must_use]
    pub fn with_status(&self, status: TenantStatus, version: Version) -> Self {
        Self { status, authority: version, ..self.clone() }
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
        Transfer {
            tenant: Self { owner: Some(to.user_id), authority: invocation.version(), ..self.clone() },
            old_owner: Member { role: Role::Admin, ..from.given(by, invocation) },
            new_owner: to.with_role(Role::Owner, by, invocation),
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
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::samples::{
        ANA, BEN, NEW, NOW, email, invocation, is_closed, member, patched, survives, tenant, text,
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
                terms: TenantDefaults { plan: text("free"), seats: 5, email_policy: EmailPolicy::Shared },
            };
            Tenant::sign_up(new, &Limits::default(), &invocation())
        };
        for (is_vouched, until) in [(false, "2027-01-22T08:00:00.000Z"), (true, "2027-02-28T08:00:00.000Z")] {
            let (tenant, invitation) = sign_up(is_vouched);
            assert_eq!((tenant.id.made_at(), tenant.authority.made_at()), (Some(NOW), Some(NOW)));
            survives(
                &tenant,
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
            (active.renamed(text("Brew"), NEW), &active, json!({"name": "Brew"})),
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
    fn a_transfer_swaps_owner_and_admin() {
        let (tenant, from) = (tenant(), Member { role: Role::Owner, ..member() });
        let to = Member { user_id: BEN, role: Role::Admin, ..member() };
        let by = Actor::Operator;
        let Transfer { tenant: after, old_owner, new_owner } = tenant.transfer(&from, &to, by, &invocation());
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
    }
}
