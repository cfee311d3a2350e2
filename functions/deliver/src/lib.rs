//! The table's stream, new Mail items: mints the token, stores its digest, sends the mail through SES.
//!
//! The only function that ever sees a raw token or talks to SES. Records come at least once, late and out of order, so
//! what is sent is decided by what the table says now: the mail's own item (somebody may be sending it, or have sent
//! it) and the invitation (it may be over, or in a newer generation). A crash anywhere leads to a second mail, never to
//! none; both links of one generation work until one is used.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mail::{Mailer, NotSent};
use model::{
    Delivery, DeliveryState, Dice, Invitation, InvitationStatus, InvitationToken, Mail, MailStatus, MailTags,
    Member, Tenant, Timestamp, TokenRecord,
};
use runtime::stream::Consumer;
use runtime::{Environment, SettingError};
use serde_json::Value;
use store::stream::Change;
use store::{Error, Store, keys};

/// How long a claim lasts: longer than a send with all its retries takes, shorter than the stream's patience.
const CLAIM: Duration = Duration::from_secs(30);

/// Sends that are begun at most: what the stream mapping retries, and the first.
pub const ATTEMPTS: u32 = 10;

const GIVEN_UP: &str = "it could not be sent, send the invitation again";

/// The function.
pub struct Deliver {
    store: Store,
    mailer: Mailer,
    dice: Arc<dyn Dice>,
}

/// Why a record has to come again.
#[derive(Debug)]
pub enum Postponed {
    /// The table couldn't.
    Store(Error),
    /// SES couldn't.
    Ses(String),
    /// Somebody else is sending it and may yet fail.
    Claimed,
}

impl fmt::Display for Postponed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Ses(cause) => write!(f, "SES: {cause}"),
            Self::Claimed => f.write_str("another try is under way"),
        }
    }
}

impl From<Error> for Postponed {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl Consumer for Deliver {
    type Error = Postponed;

    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self {
            store: Store::open(environment)?,
            mailer: Mailer::open(environment)?,
            dice: Arc::clone(&environment.dice),
        })
    }

    async fn handle(&self, record: &Value, now: Timestamp) -> Result<(), Postponed> {
        match store::stream::read(record)? {
            Change::MailQueued(mail) => self.deliver(&mail, now).await,
            Change::TokenSwept(_) | Change::Other => Ok(()),
        }
    }
}

/// Why nothing is sent.
fn superfluous(mail: &Mail, invitation: &Invitation, now: Timestamp) -> Option<&'static str> {
    if mail.status != MailStatus::Queued {
        Some("it was sent, or given up")
    } else if invitation.status_at(now) != InvitationStatus::Pending {
        Some("the invitation is over")
    } else if invitation.generation != mail.generation {
        Some("a newer mail follows")
    } else {
        None
    }
}

impl Deliver {
    async fn deliver(&self, queued: &Mail, now: Timestamp) -> Result<(), Postponed> {
        let (t, i) = (queued.tenant_id, queued.invitation_id);
        let facts = (keys::mail(queued.id), keys::invitation(t, i), keys::tenant(t));
        let (Some(mail), Some(invitation), Some(tenant)) = self.store.load(facts).await? else {
            tracing::info!(mail = %queued.id, "nothing to send: what it was about is gone");
            return Ok(());
        };
        if let Some(why) = superfluous(&mail, &invitation, now) {
            tracing::info!(mail = %mail.id, why, "nothing to send");
            return Ok(());
        }
        if mail.claimed_until.is_some_and(|until| now < until) {
            return Err(Postponed::Claimed);
        }
        if mail.attempts >= ATTEMPTS {
            tracing::warn!(mail = %mail.id, "given up");
            return Ok(());
        }
        let voucher = match invitation.vouched_by {
            Some(user) => self.store.load(keys::member(t, user)).await?,
            None => None,
        };
        let (claimed, token) = match self.claim(&mail, &invitation, now).await {
            Ok(claimed) => claimed,
            // somebody else claimed it, or the invitation moved on: the next look tells which
            Err(Error::Changed(_)) => return Err(Postponed::Claimed),
            Err(error) => return Err(error.into()),
        };
        self.send(claimed, &invitation, &tenant, voucher.as_ref(), &token, now).await
    }

    /// Claims the send and mints the token that it will carry.
    async fn claim(
        &self,
        before: &Mail,
        invitation: &Invitation,
        now: Timestamp,
    ) -> Result<(Mail, InvitationToken), Error> {
        let token = InvitationToken::mint(&*self.dice, invitation.tenant_id, invitation.id);
        let after =
            Mail { attempts: before.attempts + 1, claimed_until: Some(now + CLAIM), ..before.clone() };
        let record = TokenRecord {
            tenant_id: invitation.tenant_id,
            invitation_id: invitation.id,
            generation: invitation.generation,
            expires_at: invitation.expires_at,
        };
        let mut claimed = invitation.clone();
        if after.attempts == ATTEMPTS {
            // the last try: failed unless it is written otherwise, so that even a crash in it is seen
            claimed.delivery =
                Delivery { state: DeliveryState::Failed, reason: Some(GIVEN_UP.to_owned()), at: now };
        }
        self.store.claim_mail(before, &after, &claimed, &token.digest(), &record).await?;
        Ok((after, token))
    }

    async fn send(
        &self,
        claimed: Mail,
        invitation: &Invitation,
        tenant: &Tenant,
        voucher: Option<&Member>,
        token: &InvitationToken,
        now: Timestamp,
    ) -> Result<(), Postponed> {
        let words = mail::Invitation {
            first_name: &invitation.first_name,
            company: &tenant.name,
            inviter: voucher.map(|m| (&m.first_name, &m.last_name)),
            role: invitation.role,
            expires_at: invitation.expires_at,
            token,
        };
        let message = words.write(self.mailer.origin()).map_err(|e| Postponed::Ses(e.to_string()))?;
        let tags =
            MailTags { tenant: tenant.id, invitation: invitation.id, generation: invitation.generation };
        let delivery = |state, reason| Delivery { state, reason, at: now };
        match self.mailer.send(&invitation.email, &message, tags).await {
            Ok(message_id) => {
                tracing::info!(mail = %claimed.id, message_id, "sent");
                let sent = Mail { status: MailStatus::Sent, message_id: Some(message_id), ..claimed.clone() };
                // a failure from here on would send it again: SES has no idempotency
                let noted =
                    self.store.finish_mail(&claimed, &sent, &delivery(DeliveryState::Sent, None)).await;
                noted.map_err(Postponed::from)
            }
            Err(NotSent::Rejected(cause)) => {
                tracing::warn!(mail = %claimed.id, cause, "SES will never take it");
                let failed = Mail { status: MailStatus::Failed, ..claimed.clone() };
                let reason = Some("the mail service refused it, check the address".to_owned());
                let noted =
                    self.store.finish_mail(&claimed, &failed, &delivery(DeliveryState::Failed, reason)).await;
                noted.map_err(Postponed::from)
            }
            Err(NotSent::Later(cause)) => {
                // best effort: a claim that stays runs out by itself
                if let Err(error) = self.store.release_mail(&claimed, now).await {
                    tracing::warn!(mail = %claimed.id, %error, "the claim stays until it runs out");
                }
                Err(Postponed::Ses(cause))
            }
        }
    }
}
