use policy::{Role, TenantStatus};
use serde::{Deserialize, Serialize};

use crate::{
    CompanyName, Email, Invitation, Invocation, Limits, Member, NewInvitation, PersonName, PlanName,
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
    pub fn transfer(&self, from: &Member, to: &Member, invocation: &Invocation) -> Transfer {
        Transfer {
            tenant: Self { owner: Some(to.user_id), authority: invocation.version(), ..self.clone() },
            old_owner: Member { role: Role::Admin, authority: invocation.version(), ..from.clone() },
            new_owner: to.with_role(Role::Owner, invocation.version()),
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
