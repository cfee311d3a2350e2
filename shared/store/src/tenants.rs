use model::{Claim, Event, Invitation, Invitee, Limits, Mail, Member, Stamp, Tenant};

use crate::error::{Error, Fact};
use crate::expression::Expression;
use crate::{Store, Trace, keys};

impl Store {
    /// Signs an organization up: the tenant, its owner's invitation and the mail that carries the link.
    ///
    /// # Errors
    /// [`Error::Refused`] when the address got too many emails today; [`Error::Changed`] when the same request was
    /// answered meanwhile.
    pub async fn sign_up(
        &self,
        tenant: &Tenant,
        invitation: &Invitation,
        mail: &Mail,
        limits: &Limits,
        trace: Trace<'_>,
    ) -> Result<(), Error> {
        let email = invitation.email.canonical();
        let holder = Invitee::Invitation { invitation_id: invitation.id, expires_at: invitation.expires_at };
        self.transaction()
            .create(Fact::Tenant, &keys::tenant(tenant.id), tenant)
            .create(Fact::Invitation, &keys::invitation(tenant.id, invitation.id), invitation)
            .create(Fact::Invitee, &keys::invitee(tenant.id, email), &holder)
            .create(Fact::Mail, &keys::mail(mail.id), mail)
            .mail_to(email, limits, mail.created_at)
            .trace(trace)
            .commit()
            .await
    }

    /// Changes a tenant's plan, seats or status over what was read.
    ///
    /// # Errors
    /// [`Error::Changed`] when the tenant changed, or more seats are taken than it will have.
    pub async fn change_tenant(
        &self,
        before: &Tenant,
        after: &Tenant,
        trace: Trace<'_>,
    ) -> Result<(), Error> {
        let change = Expression::default()
            .set("plan", Some(&after.plan))
            .set("seat_limit", Some(&after.seat_limit))
            .set("status", Some(&after.status))
            .set("authority", Some(&after.authority))
            .when("authority", &before.authority)
            .when_at_most("seats_used", after.seat_limit);
        self.transaction().update(Fact::Tenant, &keys::tenant(after.id), change).trace(trace).commit().await
    }

    /// Makes `new_owner` the owner and `old_owner` an admin, both as they will be; `read` are their authorities.
    ///
    /// # Errors
    /// [`Error::Changed`] when the tenant or one of the two changed.
    pub async fn transfer_ownership(
        &self,
        tenant: &Tenant,
        (old_before, old_after): (&Member, &Member),
        (new_before, new_after): (&Member, &Member),
        authority: Stamp,
        trace: Trace<'_>,
    ) -> Result<(), Error> {
        let change = Expression::default()
            .set("owner", Some(&new_after.user_id))
            .set("authority", Some(&authority))
            .when("authority", &tenant.authority)
            .when("owner", &old_before.user_id);
        self.transaction()
            .update(Fact::Tenant, &keys::tenant(tenant.id), change)
            .authority(old_before, old_after)
            .authority(new_before, new_after)
            .trace(trace)
            .commit()
            .await
    }

    /// Makes an address free: nobody signs in with it any more, mail may go to it again, and whoever is invited by it
    /// next is somebody new. The events go into the trails of the tenants that it belonged to.
    ///
    /// # Errors
    /// [`Error::Changed`] when the address was used meanwhile.
    pub async fn release_email(&self, claim: &Claim, events: &[Event]) -> Result<(), Error> {
        let email = claim.email.canonical();
        let unchanged = Expression::default().when("version", &claim.version);
        let transaction = self.transaction().delete(Fact::Claim, &keys::claim(email), unchanged).delete(
            Fact::Fresh,
            &keys::suppression(email),
            Expression::default(),
        );
        events.iter().fold(transaction, |t, event| t.trace(Trace { event, record: None })).commit().await
    }
}
