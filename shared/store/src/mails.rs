use model::{
    About, Credential, Delivery, Digest, Email, Invitation, Invocation, Limit, Limits, Mail, MailStatus,
    MailTags, NewestToken, Reminder, Reset, Suppression, Timestamp, TokenRecord,
};

use crate::error::{Error, Fact};
use crate::expression::Expression;
use crate::transaction::Transaction;
use crate::{Change, Store, keys};

impl Expression {
    /// Only while what is known of the delivery is older news than this.
    fn when_older(self, news: &Delivery) -> Self {
        let (states, over_passing) = news.replaces();
        if over_passing {
            self.when_one_of_or_true("delivery.state", states, "delivery.passing")
        } else {
            self.when_one_of("delivery.state", states)
        }
    }
}

impl Transaction<'_> {
    /// Claims a mail that nobody has claimed since it was read.
    pub(crate) fn claimed(self, before: &Mail, after: &Mail) -> Self {
        let unclaimed =
            Expression::default().when("status", &MailStatus::Queued).when("attempts", &before.attempts);
        self.put(Fact::Mail, &keys::mail(after.id), after, unclaimed)
    }

    /// Notes how far a mail got, unless the invitation moved on to a newer one or knows better already.
    fn note(self, mail: MailTags, delivery: &Delivery, invocation: &Invocation) -> Self {
        let newer = Expression::default()
            .set("delivery", delivery)
            .set("version", &invocation.version())
            .when("generation", &mail.generation)
            .when_older(delivery);
        self.update(Fact::Invitation, &keys::invitation(mail.tenant, mail.invitation), newer)
    }
}

/// Whether it was done; somebody else's being faster is no error.
fn unless_changed(written: Result<(), Error>) -> Result<bool, Error> {
    match written {
        Ok(()) => Ok(true),
        Err(Error::Changed(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

impl Store {
    /// Claims a send: nobody else sends this mail until the claim runs out, the token that it will carry is known, and the
    /// invitation knows it as its newest one, or as its reminder's where the mail is a reminder: that stands beside the newest
    /// and replaces only an earlier reminder's. Where a `reminder` is to follow, its moment takes the place of an earlier mail's.
    ///
    /// # Errors
    /// [`Error::Changed`] when somebody else claimed it, or the invitation moved on.
    pub async fn claim_mail(
        &self,
        (before, after): (&Mail, &Mail),
        invitation: &Invitation,
        digest: &Digest,
        reminder: Option<&Reminder>,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let token = TokenRecord::of(invitation);
        let newest = NewestToken { digest: digest.clone(), generation: token.generation };
        let which = if matches!(after.about, About::InvitationReminder(_)) {
            "reminder_token"
        } else {
            "newest_token"
        };
        let newest = Expression::default()
            .set(which, &newest)
            .set("version", &invocation.version())
            .when("generation", &invitation.generation)
            .when("status", &invitation.status);
        let claimed = self
            .transaction()
            .claimed(before, after)
            .update(Fact::Invitation, &keys::invitation(invitation.tenant_id, invitation.id), newest)
            .add(&keys::token(digest), &token);
        let claimed = match reminder {
            Some(reminder) => claimed.add(&keys::reminder(invitation.id), reminder),
            None => claimed,
        };
        claimed.commit().await
    }

    /// The same for a mail that carries the link of an invitation once more: the invitation itself doesn't show it.
    ///
    /// # Errors
    /// [`Error::Changed`] when somebody else claimed it, or the invitation moved on.
    pub async fn claim_again(
        &self,
        (before, after): (&Mail, &Mail),
        invitation: &Invitation,
        digest: &Digest,
    ) -> Result<(), Error> {
        let same = Expression::default()
            .when("generation", &invitation.generation)
            .when("status", &invitation.status);
        let key = keys::invitation(invitation.tenant_id, invitation.id);
        let claimed = self.transaction().claimed(before, after).check(Fact::Invitation, &key, same);
        claimed.add(&keys::token(digest), &TokenRecord::of(invitation)).commit().await
    }

    /// The same for the link of a password reset, whose record becomes known. One that anybody may have asked for is
    /// counted; there being too many is seen by nobody.
    ///
    /// # Errors
    /// [`Error::Changed`] when somebody else claimed it; [`Error::Refused`] when there were too many.
    pub async fn claim_reset(
        &self,
        (before, after): (&Mail, &Mail),
        reset: &Reset,
        digest: &Digest,
        limit: Option<Limit>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut claimed = self.transaction().claimed(before, after).add(&keys::reset(digest), reset);
        if let Some(limit) = limit {
            let counter = keys::resets_sent(reset.email.canonical(), limit, now);
            claimed = claimed.count(&counter, limit, now, "links for a new password");
        }
        claimed.commit().await
    }

    /// The same for a mail without a link.
    ///
    /// # Errors
    /// [`Error::Changed`] when somebody else claimed it.
    pub async fn claim_notice(&self, (before, after): (&Mail, &Mail)) -> Result<(), Error> {
        self.transaction().claimed(before, after).commit().await
    }

    /// Queues the mail of an invitation once more, because somebody asked for it with the address: counted by itself, since
    /// a counter that others show would tell who is invited. Answers whether it was, or there were too many.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn mail_again(&self, mail: &Mail, limits: &Limits) -> Result<bool, Error> {
        let (limit, now) = (limits.mails_to_address_by_tenant, mail.created_at);
        let again = keys::mailed_again(mail.to.canonical(), limit, now);
        let queued = self.transaction().add(&keys::mail(mail.id), mail);
        match queued.count(&again, limit, now, "emails to this address").commit().await {
            Ok(()) => Ok(true),
            Err(Error::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Notes how a send ended, on the mail and, where it is about one, on the invitation at once; on the mail alone where
    /// the invitation has moved on to a newer one or knows more already.
    ///
    /// # Errors
    /// [`Error::Changed`] when the mail is somebody else's by now.
    pub async fn finish_mail(
        &self,
        before: &Mail,
        after: &Mail,
        delivery: &Delivery,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let mail = || {
            let ours = Expression::default().when("attempts", &before.attempts);
            self.transaction().put(Fact::Mail, &keys::mail(after.id), after, ours)
        };
        let About::Invitation(about) = &after.about else { return mail().commit().await };
        match mail().note(*about, delivery, invocation).commit().await {
            Err(Error::Changed(Fact::Invitation)) => mail().commit().await,
            noted => noted,
        }
    }

    /// Lets go of a claim whose send failed, so that the next try needn't wait for it to run out, and it isn't taken for one
    /// that may have been sent.
    ///
    /// # Errors
    /// [`Error::Changed`] when the mail is somebody else's by now.
    pub async fn release_mail(&self, claimed: &Mail, invocation: &Invocation) -> Result<(), Error> {
        let change = Expression::default()
            .set("claimed_until", &invocation.now())
            .set("released", &(claimed.released + 1))
            .when("attempts", &claimed.attempts)
            .when("status", &MailStatus::Queued);
        self.transaction().update(Fact::Mail, &keys::mail(claimed.id), change).commit().await
    }

    /// Notes what SES says became of a mail, unless the invitation moved on to a newer one or knows better already.
    /// Answers whether it was noted. What keeps the invited person from reading it is a `change` too.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub async fn note_delivery(
        &self,
        mail: MailTags,
        delivery: &Delivery,
        change: Option<Change<'_>>,
        invocation: &Invocation,
    ) -> Result<bool, Error> {
        let noted = self.transaction().note(mail, delivery, invocation);
        let noted = match change {
            Some(change) => noted.change(change),
            None => noted,
        };
        unless_changed(noted.commit().await)
    }

    /// Sends no more mail to an address. The first reason stays.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn suppress(&self, email: &Email, delivery: &Delivery) -> Result<(), Error> {
        let Delivery { state, reason, at, .. } = delivery.clone();
        let suppression = Suppression { email: email.clone(), state, reason, at };
        let key = keys::suppression(email.canonical());
        unless_changed(self.transaction().create(Fact::Suppression, &key, &suppression).commit().await)?;
        Ok(())
    }

    /// Lets mail go to an address again, which is `credential` where somebody has it. There is a change for each tenant whose
    /// trail tells of it.
    ///
    /// # Errors
    /// [`Error::Changed`] when no mail was held back from it, or the address belongs elsewhere by now.
    pub async fn lift_suppression(
        &self,
        email: &Email,
        credential: Option<&Credential>,
        changes: impl IntoIterator<Item = Change<'_>>,
    ) -> Result<(), Error> {
        let key = keys::suppression(email.canonical());
        let lifted =
            self.transaction().delete(Fact::Suppression, &key, Expression::default().when_there("pk"));
        let lifted = match credential {
            Some(credential) => lifted.belonging(credential),
            None => lifted,
        };
        changes.into_iter().fold(lifted, |t, change| t.change(change)).once().commit().await
    }
}
