use model::{Invitation, InvitationStatus, Invitee, Limits, Mail, Tenant, Timestamp};

use crate::error::{Error, Fact};
use crate::expression::Expression;
use crate::transaction::Transaction;
use crate::{Store, Trace, Witness, keys};

/// An invitation about to be made.
pub struct NewInvitation<'a> {
    /// The invitation.
    pub invitation: &'a Invitation,
    /// The mail that carries its link.
    pub mail: &'a Mail,
    /// The tenant as read.
    pub tenant: &'a Tenant,
    /// The inviter.
    pub inviter: Witness<'a>,
}

/// An invitation about to be sent again.
pub struct Resending<'a> {
    /// As it was read.
    pub before: &'a Invitation,
    /// With its new generation and expiry.
    pub after: &'a Invitation,
    /// The mail that carries the new link.
    pub mail: &'a Mail,
    /// The tenant as read.
    pub tenant: &'a Tenant,
    /// The admin who sends it again; nobody where the invited person asked for it.
    pub admin: Option<Witness<'a>>,
}

impl Transaction<'_> {
    /// Counts an email to the address.
    pub(crate) fn mail_to(self, email: &str, limits: &Limits, now: Timestamp) -> Self {
        let limit = limits.mails_to_address;
        self.count(&keys::mails_to(email, limit, now), limit, now, "emails to this address")
    }

    /// Counts an email of the tenant and, where `seat`, takes a seat, under the plan that was read.
    fn mail_of(self, tenant: &Tenant, seat: bool, limits: &Limits, now: Timestamp) -> Self {
        let mut change = Expression::default().count("mails", tenant.mails, limits.mails_by_tenant, now);
        if seat {
            change = change.add("seats_used", 1).when_below("seats_used", tenant.seat_limit);
        }
        self.update(Fact::Tenant, &keys::tenant(tenant.id), change.when("authority", &tenant.authority))
    }

    /// Gives a seat back.
    pub(crate) fn free_seat(self, tenant: model::TenantId) -> Self {
        let change = Expression::default().add("seats_used", -1).when_there("pk");
        self.update(Fact::Tenant, &keys::tenant(tenant), change)
    }

    /// Lets go of the address that the invitation holds.
    fn free_address(self, invitation: &Invitation) -> Self {
        let key = keys::invitee(invitation.tenant_id, invitation.email.canonical());
        self.delete(Fact::Invitee, &key, Expression::default().when("invitation_id", &invitation.id))
    }
}

impl Store {
    /// Makes an invitation: reserves its seat and its address, queues its mail.
    ///
    /// # Errors
    /// [`Error::Changed`] when the plan, the seats, the inviter's rights or the address's holder changed;
    /// [`Error::Refused`] when the address got too many emails today.
    pub async fn create_invitation(
        &self,
        new: NewInvitation<'_>,
        limits: &Limits,
        trace: Trace<'_>,
    ) -> Result<(), Error> {
        let NewInvitation { invitation, mail, tenant, inviter } = new;
        let (email, now) = (invitation.email.canonical(), inviter.now);
        let holder = Invitee::Invitation { invitation_id: invitation.id, expires_at: invitation.expires_at };
        self.transaction()
            .mail_of(tenant, true, limits, now)
            .witness_and(inviter, |change| {
                change.count("invites", inviter.member.invites, limits.invitations_by_inviter, now)
            })
            .create(Fact::Invitee, &keys::invitee(tenant.id, email), &holder)
            .create(Fact::Invitation, &keys::invitation(tenant.id, invitation.id), invitation)
            .create(Fact::Mail, &keys::mail(mail.id), mail)
            .mail_to(email, limits, now)
            .trace(trace)
            .commit()
            .await
    }

    /// Sends an invitation again: a new generation, so that every older link is dead, and a new mail. One whose seat
    /// and address had been freed takes both again.
    ///
    /// # Errors
    /// As [`Store::create_invitation`], and when the invitation itself changed.
    pub async fn resend_invitation(
        &self,
        again: Resending<'_>,
        limits: &Limits,
        trace: Trace<'_>,
    ) -> Result<(), Error> {
        let Resending { before, after, mail, tenant, admin } = again;
        let (email, now) = (after.email.canonical(), mail.created_at);
        let was_freed = before.status == InvitationStatus::Expired;
        let invitee = keys::invitee(tenant.id, email);
        let holder = Invitee::Invitation { invitation_id: after.id, expires_at: after.expires_at };
        let mut transaction = self
            .transaction()
            .replace(Fact::Invitation, &keys::invitation(tenant.id, after.id), after, before.version)
            .mail_of(tenant, was_freed, limits, now);
        transaction = if was_freed {
            transaction.create(Fact::Invitee, &invitee, &holder)
        } else {
            let still = Expression::default().when("invitation_id", &after.id);
            transaction.put(Fact::Invitee, &invitee, &holder, still)
        };
        if let Some(admin) = admin {
            transaction = transaction.witness(admin);
        }
        transaction
            .create(Fact::Mail, &keys::mail(mail.id), mail)
            .mail_to(email, limits, now)
            .trace(trace)
            .commit()
            .await
    }

    /// Ends a pending invitation, as revoked, declined or expired: frees its seat and its address.
    ///
    /// # Errors
    /// [`Error::Changed`] when the invitation or the actor's rights changed.
    pub async fn end_invitation(
        &self,
        before: &Invitation,
        after: &Invitation,
        actor: Option<Witness<'_>>,
        trace: Trace<'_>,
    ) -> Result<(), Error> {
        let key = keys::invitation(after.tenant_id, after.id);
        let mut transaction = self
            .transaction()
            .replace(Fact::Invitation, &key, after, before.version)
            .free_address(before)
            .free_seat(before.tenant_id);
        if let Some(actor) = actor {
            transaction = transaction.witness(actor);
        }
        transaction.trace(trace).commit().await
    }
}
