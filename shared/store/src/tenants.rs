use model::{Invitation, Invitee, Limits, Mail, Tenant};

use crate::error::{Error, Fact};
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
}
