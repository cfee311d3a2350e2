use model::{
    Actor, EventKind, Invitation, InvitationId, InvitationStatus, Invitee, Invocation, Limits, Mail, Refusal,
    Subject, Tenant, TenantId,
};

use crate::error::{Error, Fact};
use crate::expression::Expression;
use crate::transaction::Transaction;
use crate::{Change, Store, keys};

/// A full plan looks for so many seats; who needs more comes again.
const RECLAIMED_AT_ONCE: i32 = 5;

/// How often an expired invitation is read again when somebody was faster.
const EXPIRING_ROUNDS: usize = 6;

/// The same of one that somebody is to be reminded of.
const REMINDING_ROUNDS: usize = 6;

/// An invitation as it will be, and the mail that carries its link.
pub struct Outgoing<'a> {
    invitation: &'a Invitation,
    mail: Mail,
    pub(crate) tenant: &'a Tenant,
    pub(crate) limits: &'a Limits,
}

impl<'a> Outgoing<'a> {
    /// The invitation, the tenant as it was read, and the limits that the mail is counted by.
    #[must_use]
    pub fn new(
        invitation: &'a Invitation,
        tenant: &'a Tenant,
        limits: &'a Limits,
        invocation: &Invocation,
    ) -> Self {
        Self { invitation, mail: Mail::about(invitation, invocation), tenant, limits }
    }

    /// The invitation.
    #[must_use]
    pub const fn invitation(&self) -> &'a Invitation {
        self.invitation
    }
}

impl Transaction<'_> {
    /// Queues the mail and counts it to the address, which has to be one that takes mail.
    pub(crate) fn mail(self, out: &Outgoing<'_>) -> Self {
        let (limits, now) = (out.limits, out.mail.created_at);
        let (email, what) = (out.invitation.email.canonical(), "emails to this address");
        let (of_tenant, in_all) = (limits.mails_to_address_by_tenant, limits.mails_to_address);
        // what strangers sign up for one address is bounded together, so that teams can still reach it
        let tenant = (!out.invitation.is_strangers()).then_some(out.tenant.id);
        self.add(&keys::mail(out.mail.id), &out.mail)
            .check_or(
                Refusal::RecipientSuppressed,
                &keys::suppression(email),
                Expression::default().when_missing("pk"),
            )
            .count(&keys::mails_from(tenant, email, of_tenant, now), of_tenant, now, what)
            .count(&keys::mails_to(email, in_all, now), in_all, now, what)
    }

    /// Counts an email of the tenant and, where `seat`, takes a seat, under the plan that was read.
    pub(crate) fn mail_of(self, out: &Outgoing<'_>, seat: bool) -> Self {
        let tenant = out.tenant;
        let (limit, now) = (out.limits.mails_by_tenant, out.mail.created_at);
        let mut change = Expression::default().count("mails", tenant.mails, limit, now);
        if seat {
            change = change.add("seats_used", 1).when_below("seats_used", tenant.seat_limit);
        }
        self.update(Fact::Tenant, &keys::tenant(tenant.id), change.when_authority(tenant.authority))
    }

    /// Gives a seat back.
    pub(crate) fn free_seat(self, tenant: TenantId) -> Self {
        self.update(Fact::Tenant, &keys::tenant(tenant), Expression::default().add("seats_used", -1))
    }

    /// Gives the seat back that an unconfirmed tenant has for its owner, unless it was swept from under its invitation.
    fn free_first_seat(self, tenant: TenantId) -> Self {
        let change = Expression::default().add("seats_used", -1).when_there("pk");
        self.update(Fact::Tenant, &keys::tenant(tenant), change)
    }

    /// Lets go of the address that the invitation holds.
    fn free_address(self, invitation: &Invitation) -> Self {
        let key = keys::invitee(invitation.tenant_id, invitation.email.canonical());
        self.delete(Fact::Invitee, &key, Expression::default().when("invitation_id", &invitation.id))
    }

    /// Takes the address, from nobody or from the expired invitation that was read.
    fn take_address(self, invitation: &Invitation, holder: Option<&Invitee>) -> Self {
        let key = keys::invitee(invitation.tenant_id, invitation.email.canonical());
        self.put(Fact::Invitee, &key, &Invitee::from(invitation), Expression::held_by(holder))
    }
}

impl Expression {
    /// An address is held by nobody, or by whom it was read to be.
    pub(crate) fn held_by(holder: Option<&Invitee>) -> Self {
        match holder {
            // nobody else's ends in that moment: a newer one ends later
            Some(Invitee::Invitation { expires_at, .. }) => Self::default().when("expires_at", expires_at),
            // held anew meanwhile, it is held for longer
            Some(Invitee::Member { held_until: Some(until), .. }) => {
                Self::default().when("held_until", until)
            }
            Some(Invitee::Member { user_id, held_until: None }) => Self::default().when("user_id", user_id),
            None => Self::default().when_missing("pk"),
        }
    }
}

impl Store {
    /// Makes an invitation: reserves its seat and its address, queues its mail, counts it to the inviter. `holder` is what
    /// gives way, where there is something: an expired invitation, or somebody's change of address that was never finished.
    ///
    /// # Errors
    /// [`Error::Changed`] when the plan, the seats, the inviter's rights or the address's holder changed;
    /// [`Error::Refused`] when the address got too many emails today.
    pub async fn create_invitation(
        &self,
        out: &Outgoing<'_>,
        holder: Option<&Invitee>,
        change: Change<'_>,
    ) -> Result<(), Error> {
        let Outgoing { invitation, tenant, limits, .. } = *out;
        let (limit, now) = (limits.invitations_by_inviter, change.at());
        let so_far = change.member.map(|inviter| inviter.invites).unwrap_or_default();
        self.transaction()
            .mail_of(out, true)
            .take_address(invitation, holder)
            .add(&keys::invitation(tenant.id, invitation.id), invitation)
            .mail(out)
            .change_and(change, Expression::default().count("invites", so_far, limit, now))
            .commit()
            .await
    }

    /// Sends an invitation again: a new generation, so that every older link is dead, and a new mail. It has to hold its
    /// address still (R10); one whose seat had been freed takes one again.
    ///
    /// # Errors
    /// As [`Store::create_invitation`], and [`Error::Changed`] when the invitation itself changed.
    pub async fn resend_invitation(
        &self,
        before: &Invitation,
        out: &Outgoing<'_>,
        change: Change<'_>,
    ) -> Result<(), Error> {
        let Outgoing { invitation: after, tenant, .. } = *out;
        let was_freed = before.status == InvitationStatus::Expired;
        let still = Expression::default().when("invitation_id", &after.id);
        let invitee = keys::invitee(tenant.id, after.email.canonical());
        self.transaction()
            .replace(Fact::Invitation, &keys::invitation(tenant.id, after.id), after, before.version)
            .mail_of(out, was_freed)
            .put(Fact::Invitee, &invitee, &Invitee::from(after), still)
            .mail(out)
            .change(change)
            .commit()
            .await
    }

    /// Ends an invitation, as revoked, declined or expired. A pending one frees its seat. `holds_address` says whether it
    /// held its address when it was read: an expired one goes on holding it, any other lets go of it.
    ///
    /// # Errors
    /// [`Error::Changed`] when the invitation, the address's holder or the actor's rights changed.
    pub async fn end_invitation(
        &self,
        before: &Invitation,
        after: &Invitation,
        holds_address: bool,
        change: Change<'_>,
    ) -> Result<(), Error> {
        let key = keys::invitation(after.tenant_id, after.id);
        let mut ended = self.transaction().replace(Fact::Invitation, &key, after, before.version);
        if holds_address && after.status != InvitationStatus::Expired {
            ended = ended.free_address(before);
        }
        if before.status == InvitationStatus::Pending {
            ended = if before.is_of_first_owner() {
                ended.free_first_seat(before.tenant_id)
            } else {
                ended.free_seat(before.tenant_id)
            };
        }
        ended.change(change).commit().await
    }

    /// Marks a pending invitation expired if its time is over, whoever finds it so: the sweeper's removal of its token,
    /// an invitation of the same address, or a plan without a free seat. Answers whether it was this call that did.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`]. Losing the race to another end is no error.
    pub async fn expire_invitation(
        &self,
        tenant: TenantId,
        invitation: InvitationId,
        invocation: &Invocation,
    ) -> Result<bool, Error> {
        // whoever is faster may only have noted a delivery: what is over stays over, and is looked at again
        for _ in 0..EXPIRING_ROUNDS {
            let key = keys::invitation(tenant, invitation);
            let Some(before) = self.load(key).await? else { return Ok(false) };
            let expired = before.status_at(invocation.now()) == InvitationStatus::Expired;
            // the first owner's goes with its tenant
            if before.status != InvitationStatus::Pending || !expired || before.is_of_first_owner() {
                return Ok(false);
            }
            let after = before.ended(InvitationStatus::Expired, invocation.version());
            let (kind, subject) = (EventKind::InvitationExpired, Subject::Invitation(invitation));
            let change = Change::new(invocation, tenant, Actor::System, kind, subject)
                .with("email", before.email.as_entered());
            match self.end_invitation(&before, &after, true, change).await {
                Ok(()) => return Ok(true),
                Err(Error::Changed(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Unavailable("an invitation kept changing while it was expired".to_owned()))
    }

    /// Queues the mail that reminds somebody of this generation of an invitation, once, if they haven't answered, may still
    /// do so, and their team reminds. It is counted to the address and to the team's day, as one that somebody sends.
    /// Answers whether it was queued.
    ///
    /// # Errors
    /// [`Error::Refused`] when there were too many emails today, or the address takes none: there is no reminder then.
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub async fn remind(
        &self,
        (t, i, generation): (TenantId, InvitationId, u32),
        limits: &Limits,
        invocation: &Invocation,
    ) -> Result<bool, Error> {
        let now = invocation.now();
        // whoever is faster may only have noted a delivery, or mailed somebody else
        for _ in 0..REMINDING_ROUNDS {
            let (invitation, tenant) = self.load((keys::invitation(t, i), keys::tenant(t))).await?;
            let (Some(before), Some(tenant)) = (invitation, tenant) else { return Ok(false) };
            if !tenant.reminds() || !before.wants_reminder(generation, now) {
                return Ok(false);
            }
            limits.mails_by_tenant.count(tenant.mails, now, "emails of this team").map_err(Error::Refused)?;
            let after = before.with_reminder(invocation.version());
            let mail = Mail::reminder(&after, invocation);
            let out = Outgoing { invitation: &after, mail, tenant: &tenant, limits };
            let (kind, subject) = (EventKind::InvitationReminded, Subject::Invitation(i));
            let change = Change::new(invocation, t, Actor::System, kind, subject)
                .with("email", before.email.as_entered());
            let queued = self
                .transaction()
                .replace(Fact::Invitation, &keys::invitation(t, i), &after, before.version)
                .mail_of(&out, false)
                .mail(&out)
                .change(change);
            match queued.commit().await {
                Ok(()) => return Ok(true),
                Err(Error::Changed(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Unavailable("an invitation kept changing while somebody was reminded of it".to_owned()))
    }

    /// Frees the seats of invitations that nobody has found expired yet, of a few at once. Answers whether there may be
    /// more to be had: it freed some, or found as many as it looks at, which somebody else was freeing at the same time.
    ///
    /// # Errors
    /// As [`Store::expire_invitation`].
    pub async fn reclaim_seats(&self, tenant: TenantId, invocation: &Invocation) -> Result<bool, Error> {
        let found = self.expired_invitations(tenant, invocation.now(), RECLAIMED_AT_ONCE).await?;
        let mut more = i32::try_from(found.len()).unwrap_or(i32::MAX) >= RECLAIMED_AT_ONCE;
        for invitation in found {
            more |= self.expire_invitation(tenant, invitation, invocation).await?;
        }
        Ok(more)
    }
}
