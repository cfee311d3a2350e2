use model::{
    Event, EventActor, EventKind, EventSubject, Invitation, InvitationId, InvitationStatus, Invitee, Limits,
    Mail, Refusal, Stamp, Tenant, TenantId, Timestamp,
};

use crate::error::{Error, Fact};
use crate::expression::Expression;
use crate::transaction::Transaction;
use crate::{Store, Trace, Witness, keys};

/// A full plan looks for so many seats; who needs more comes again.
const RECLAIMED_AT_ONCE: i32 = 5;

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
    /// Counts an email to the address, which has to be one that takes mail.
    pub(crate) fn mail_to(self, email: &str, limits: &Limits, now: Timestamp) -> Self {
        let limit = limits.mails_to_address;
        self.check_or(
            Refusal::RecipientSuppressed,
            &keys::suppression(email),
            Expression::default().when_missing("pk"),
        )
        .count(&keys::mails_to(email, limit, now), limit, now, "emails to this address")
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
    pub(crate) fn free_seat(self, tenant: TenantId) -> Self {
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
    /// As [`Store::create_invitation`], and [`Error::Changed`] when the invitation itself changed;
    /// [`Error::Refused`] when somebody else holds the address or the last seat by now.
    pub async fn resend_invitation(
        &self,
        again: Resending<'_>,
        limits: &Limits,
        trace: Trace<'_>,
    ) -> Result<(), Error> {
        let Resending { before, after, mail, tenant, admin } = again;
        let (email, now) = (after.email.canonical(), mail.created_at);
        let was_freed = before.status == InvitationStatus::Expired;
        if was_freed && tenant.seats_used >= tenant.seat_limit {
            return Err(match self.reclaim_seats(tenant.id, now).await? {
                0 => Error::Refused(Refusal::SeatsExhausted(tenant.seat_limit)),
                _ => Error::Changed(Fact::Tenant),
            });
        }
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
        let written = transaction
            .create(Fact::Mail, &keys::mail(mail.id), mail)
            .mail_to(email, limits, now)
            .trace(trace)
            .commit()
            .await;
        match written {
            // the address is known only once the invitation is read, so its holder is looked up only when it matters
            Err(Error::Changed(Fact::Invitee)) => match self.load(invitee).await? {
                Some(Invitee::Member { user_id }) => {
                    Err(Error::Refused(Refusal::AlreadyMember(Some(user_id))))
                }
                Some(Invitee::Invitation { invitation_id, expires_at }) if now >= expires_at => {
                    self.expire_invitation(tenant.id, invitation_id, now).await?;
                    Err(Error::Changed(Fact::Invitee))
                }
                Some(Invitee::Invitation { invitation_id, .. }) if invitation_id != after.id => {
                    Err(Error::Refused(Refusal::InvitationPending(invitation_id)))
                }
                _ => Err(Error::Changed(Fact::Invitee)),
            },
            written => written,
        }
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

    /// Marks a pending invitation expired if its time is over, whoever finds it so: the sweeper's removal of its token,
    /// an invitation of the same address, or a plan without a free seat. Answers whether it was this call that did.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`]. Losing the race is no error.
    pub async fn expire_invitation(
        &self,
        tenant: TenantId,
        invitation: InvitationId,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let Some(before) = self.load(keys::invitation(tenant, invitation)).await? else { return Ok(false) };
        if before.status != InvitationStatus::Pending || now < before.expires_at {
            return Ok(false);
        }
        let dice = &*self.dice;
        let after = Invitation {
            status: InvitationStatus::Expired,
            version: Stamp::new(dice, now),
            ..before.clone()
        };
        let subject = EventSubject::Invitation(invitation);
        let event =
            Event::new(dice, now, tenant, EventKind::InvitationExpired, EventActor::System, subject, "")
                .with("email", before.email.typed());
        match self.end_invitation(&before, &after, None, Trace { event: &event, record: None }).await {
            Ok(()) => Ok(true),
            Err(Error::Changed(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Frees the seats of invitations that nobody has found expired yet. Answers how many it freed.
    ///
    /// # Errors
    /// As [`Store::expire_invitation`].
    pub async fn reclaim_seats(&self, tenant: TenantId, now: Timestamp) -> Result<usize, Error> {
        let mut freed = 0;
        for invitation in self.expired_invitations(tenant, now, RECLAIMED_AT_ONCE).await? {
            freed += usize::from(self.expire_invitation(tenant, invitation, now).await?);
        }
        Ok(freed)
    }
}
