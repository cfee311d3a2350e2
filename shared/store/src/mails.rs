use model::{
    Delivery, DeliveryState, Dice, Digest, Email, Event, EventActor, EventKind, EventSubject, Invitation,
    Mail, MailStatus, MailTags, NewestToken, Stamp, Suppression, Timestamp, TokenRecord,
};

use crate::error::{Error, Fact};
use crate::expression::Expression;
use crate::{Store, Trace, keys};

impl Store {
    fn stamp(&self, now: Timestamp) -> Stamp {
        Stamp::new(&*self.dice, now)
    }

    /// Claims a send: nobody else sends this mail until the claim runs out, the token that it will carry is known, and
    /// the invitation knows its newest token. Where this is the last try, `delivery` already says that it failed, so
    /// that a crash in the middle of it ends visibly.
    ///
    /// # Errors
    /// [`Error::Changed`] when somebody else claimed it, or the invitation moved on.
    pub async fn claim_mail(
        &self,
        before: &Mail,
        after: &Mail,
        invitation: &Invitation,
        digest: &Digest,
        token: &TokenRecord,
    ) -> Result<(), Error> {
        let unclaimed =
            Expression::default().when("status", &MailStatus::Queued).when("attempts", &before.attempts);
        let newest = Expression::default()
            .set("newest_token", Some(&NewestToken { digest: digest.clone(), generation: token.generation }))
            .set("delivery", Some(&invitation.delivery))
            .set("version", Some(&self.stamp(after.claimed_until.unwrap_or(after.created_at))))
            .when("generation", &invitation.generation)
            .when("status", &invitation.status);
        self.transaction()
            .put(Fact::Mail, &keys::mail(after.id), after, unclaimed)
            .update(Fact::Invitation, &keys::invitation(invitation.tenant_id, invitation.id), newest)
            .create(Fact::Fresh, &keys::token(digest), token)
            .commit()
            .await
    }

    /// Notes how a send ended: on the mail, and on the invitation unless that has moved on to a newer mail or knows
    /// more already.
    ///
    /// # Errors
    /// [`Error::Changed`] when the mail is somebody else's by now.
    pub async fn finish_mail(&self, before: &Mail, after: &Mail, delivery: &Delivery) -> Result<(), Error> {
        let ours = Expression::default().when("attempts", &before.attempts);
        self.transaction().put(Fact::Mail, &keys::mail(after.id), after, ours).commit().await?;
        let newer = Expression::default()
            .set("delivery", Some(delivery))
            .set("version", Some(&self.stamp(delivery.at)))
            .when("generation", &after.generation)
            .when_one_of("delivery.state", delivery.state.replaces());
        let noted = self
            .transaction()
            .update(Fact::Invitation, &keys::invitation(after.tenant_id, after.invitation_id), newer)
            .commit()
            .await;
        match noted {
            Ok(()) | Err(Error::Changed(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Lets go of a claim whose send failed, so that the next try needn't wait for it to run out.
    ///
    /// # Errors
    /// [`Error::Changed`] when the mail is somebody else's by now.
    pub async fn release_mail(&self, claimed: &Mail, now: Timestamp) -> Result<(), Error> {
        let change = Expression::default()
            .set("claimed_until", Some(&now))
            .when("attempts", &claimed.attempts)
            .when("status", &MailStatus::Queued);
        self.transaction().update(Fact::Mail, &keys::mail(claimed.id), change).commit().await
    }

    /// Notes what SES says became of a mail, unless the invitation moved on to a newer one or knows better already.
    /// Answers whether it was noted. What keeps the invited person from reading it is an event too.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub async fn note_delivery(
        &self,
        mail: MailTags,
        state: DeliveryState,
        reason: Option<&str>,
        dice: &dyn Dice,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let delivery = Delivery { state, reason: reason.map(str::to_owned), at: now };
        let change = Expression::default()
            .set("delivery", Some(&delivery))
            .set("version", Some(&Stamp::new(dice, now)))
            .when("generation", &mail.generation)
            .when_one_of("delivery.state", state.replaces());
        let transaction = self.transaction().update(
            Fact::Invitation,
            &keys::invitation(mail.tenant, mail.invitation),
            change,
        );
        let subject = EventSubject::Invitation(mail.invitation);
        let event = Event::new(
            dice,
            now,
            mail.tenant,
            EventKind::InvitationUndelivered,
            EventActor::System,
            subject,
            "",
        )
        .with("state", state.name())
        .with("reason", reason.unwrap_or_default());
        let transaction = if state.is_undelivered() {
            transaction.trace(Trace { event: &event, record: None })
        } else {
            transaction
        };
        match transaction.commit().await {
            Ok(()) => Ok(true),
            Err(Error::Changed(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sends no more mail to an address. The first reason stays.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn suppress(
        &self,
        email: &Email,
        state: DeliveryState,
        reason: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let suppression =
            Suppression { email: email.clone(), state, reason: reason.map(str::to_owned), at: now };
        let written = self
            .transaction()
            .create(Fact::Fresh, &keys::suppression(email.canonical()), &suppression)
            .commit()
            .await;
        match written {
            Ok(()) | Err(Error::Changed(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
