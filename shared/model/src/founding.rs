use policy::{Brands, Role, TenantStatus};

use crate::{
    CompanyName, Delivery, Dice, Email, EmailPolicy, Invitation, InvitationId, InvitationStatus, Limits,
    PersonName, Stamp, Tenant, TenantId, Timestamp, Window,
};

/// How long the owner has to confirm, in days.
const DAYS: u8 = 7;

/// An organization about to be signed up, by itself or by the operator.
#[derive(Clone, Debug)]
pub struct Founding {
    /// Its name.
    pub name: CompanyName,
    /// The owner's address.
    pub email: Email,
    /// The owner's first name.
    pub first_name: PersonName,
    /// The owner's last name.
    pub last_name: PersonName,
    /// The plan's name.
    pub plan: String,
    /// The plan's seats.
    pub seats: u32,
    /// Whether addresses may belong to other tenants too.
    pub email_policy: EmailPolicy,
}

impl Founding {
    /// The tenant, which waits for its owner, and the invitation that makes them the owner.
    #[must_use]
    pub fn found(&self, limits: &Limits, dice: &dyn Dice, now: Timestamp) -> (Tenant, Invitation) {
        let id = TenantId::new(dice, now);
        let tenant = Tenant {
            id,
            name: self.name.clone(),
            status: TenantStatus::Pending,
            plan: self.plan.clone(),
            seat_limit: self.seats,
            // the owner's
            seats_used: 1,
            email_policy: self.email_policy,
            owner: None,
            created_at: now,
            mails: Window { window: limits.mails_by_tenant.window(now), count: 1 },
            authority: Stamp::new(dice, now),
        };
        let invitation = Invitation {
            id: InvitationId::new(dice, now),
            tenant_id: id,
            email: self.email.clone(),
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            phone: None,
            role: Role::Owner,
            brands: Brands::none(),
            permissions: None,
            locale: None,
            status: InvitationStatus::Pending,
            generation: 1,
            newest_token: None,
            delivery: Delivery::queued(now),
            invited_by: None,
            vouched_by: None,
            created_at: now,
            expires_in_days: DAYS,
            expires_at: now.floor_second() + Invitation::lifetime(DAYS),
            accepted_at: None,
            accepted_by: None,
            resends: Window::default(),
            version: Stamp::new(dice, now),
        };
        (tenant, invitation)
    }
}
