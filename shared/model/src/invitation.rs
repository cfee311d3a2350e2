use std::time::Duration;

use policy::{Brands, Grant, Permissions, Role};
use serde::{Deserialize, Serialize};

use crate::{
    Dice, Digest, Email, InvitationId, Locale, PersonName, Phone, Stamp, TenantId, Timestamp, UserId, Window,
};

/// Where an invitation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvitationStatus {
    /// May be accepted.
    Pending,
    /// Became a membership.
    Accepted,
    /// Turned down by the invited person.
    Declined,
    /// Taken back.
    Revoked,
    /// Nobody accepted in time.
    Expired,
}

impl InvitationStatus {
    /// All there are.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Accepted, Self::Declined, Self::Revoked, Self::Expired];

    /// The name in the API and in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Accepted => "accepted",
            Self::Declined => "declined",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }
}

/// How far the newest email of an invitation got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// In the outbox.
    Queued,
    /// Taken by SES.
    Sent,
    /// Taken by the recipient's mail server.
    Delivered,
    /// SES goes on trying.
    Delayed,
    /// The recipient's server refused it.
    Bounced,
    /// Marked as spam.
    Complained,
    /// The address is on the suppression list.
    Suppressed,
    /// It will not be sent.
    Failed,
}

impl DeliveryState {
    /// All there are.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Sent,
        Self::Delivered,
        Self::Delayed,
        Self::Bounced,
        Self::Complained,
        Self::Suppressed,
        Self::Failed,
    ];

    /// The name in the API and in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Delayed => "delayed",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
            Self::Suppressed => "suppressed",
            Self::Failed => "failed",
        }
    }
}

impl DeliveryState {
    /// The states that news of `self` replaces. Chosen so that whatever of it comes, in whatever order and however
    /// often, the last word is the same: what is known for certain is never replaced by what is older news.
    #[must_use]
    pub const fn replaces(self) -> &'static [Self] {
        match self {
            Self::Queued => &[],
            // a last try says failed before it begins
            Self::Sent => &[Self::Queued, Self::Failed],
            Self::Delayed => &[Self::Queued, Self::Sent, Self::Failed],
            Self::Delivered => &[Self::Queued, Self::Sent, Self::Delayed, Self::Failed],
            Self::Failed => &[Self::Queued, Self::Sent, Self::Delayed],
            // a server may take a mail and send it back later
            Self::Bounced | Self::Suppressed => {
                &[Self::Queued, Self::Sent, Self::Delayed, Self::Delivered, Self::Failed]
            }
            Self::Complained => &[
                Self::Queued,
                Self::Sent,
                Self::Delayed,
                Self::Delivered,
                Self::Failed,
                Self::Bounced,
                Self::Suppressed,
            ],
        }
    }

    /// Whether the invited person will not read this mail.
    #[must_use]
    pub const fn is_undelivered(self) -> bool {
        matches!(self, Self::Bounced | Self::Suppressed | Self::Complained | Self::Failed)
    }
}

/// How far the newest email of an invitation got, why, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// How far.
    pub state: DeliveryState,
    /// Why, in words for an admin, where there is something to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Since when.
    pub at: Timestamp,
}

impl Delivery {
    /// In the outbox since `at`.
    #[must_use]
    pub const fn queued(at: Timestamp) -> Self {
        Self { state: DeliveryState::Queued, reason: None, at }
    }
}

/// How long a mail may lie in the outbox before it counts as failed: the stream gives a record up after an hour
/// (`MaximumRecordAgeInSeconds`), so nothing will send it any more.
const OUTBOX_PATIENCE: Duration = Duration::from_secs(3_600);

/// How long after its expiry the invited person can still ask for a fresh link.
const RENEWABLE: Duration = Duration::from_secs(30 * 86_400);

/// An offer of membership to an email address.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// The tenant that it is for.
    pub tenant_id: TenantId,
    /// Whom it was sent to.
    pub email: Email,
    /// Their first name, as the inviter knows it.
    pub first_name: PersonName,
    /// Their last name.
    pub last_name: PersonName,
    /// Their phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
    /// The role that they will have.
    pub role: Role,
    /// The brands that they will be assigned to.
    pub brands: Brands,
    /// The permission list that will replace the role's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// The language of the email.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    /// The status that is stored; [`Invitation::status_at`] is the one that holds.
    pub status: InvitationStatus,
    /// Raised by every resend; tokens of an older generation are dead.
    pub generation: u32,
    /// The newest token, so that a link whose token item is gone is still told from a forged one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_token: Option<NewestToken>,
    /// How far the newest email got.
    pub delivery: Delivery,
    /// Who invited; nobody for the owner who signed up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invited_by: Option<UserId>,
    /// Whose rights it rests on (R9): the inviter's, or those of the admin who sent it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouched_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// How long each link lives, in days.
    pub expires_in_days: u8,
    /// From this moment on the newest link is refused.
    pub expires_at: Timestamp,
    /// When it was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
    /// Who accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_by: Option<UserId>,
    /// Resends in the current ten minutes.
    #[serde(default)]
    pub resends: Window,
    /// Renewed with every write.
    pub version: Stamp,
}

/// What an invitation remembers of its newest token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewestToken {
    /// Its digest.
    pub digest: Digest,
    /// The generation that it was minted in.
    pub generation: u32,
}

/// What a Token item says: which invitation, in which generation, until when.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenRecord {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The invitation.
    pub invitation_id: InvitationId,
    /// The generation that it was minted in.
    pub generation: u32,
    /// From this moment on it is refused, whether or not the item is still there.
    pub expires_at: Timestamp,
}

/// Why a link opens nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dead {
    /// No such token was ever sent.
    Unknown,
    /// Past its time. `renewable` says whether a fresh link can still be asked for.
    Expired {
        /// Whether a fresh link can still be asked for.
        renewable: bool,
    },
    /// Taken back, or replaced by a newer link.
    Revoked,
    /// Turned down.
    Declined,
    /// Used.
    Accepted,
}

impl Invitation {
    /// The status that holds at `now`: decided by the clock, not by the sweeper.
    #[must_use]
    pub fn status_at(&self, now: Timestamp) -> InvitationStatus {
        match self.status {
            InvitationStatus::Pending if self.expires_at <= now => InvitationStatus::Expired,
            status => status,
        }
    }

    /// The delivery that holds at `now`: a mail that lay in the outbox for longer than anything tries to send it has
    /// failed, whether or not anybody lived to write that down.
    #[must_use]
    pub fn delivery_at(&self, now: Timestamp) -> Delivery {
        if self.delivery.state == DeliveryState::Queued && now.since(self.delivery.at) > OUTBOX_PATIENCE {
            Delivery {
                state: DeliveryState::Failed,
                reason: Some("it could not be sent within an hour, send it again".to_owned()),
                at: self.delivery.at + OUTBOX_PATIENCE,
            }
        } else {
            self.delivery.clone()
        }
    }

    /// What is given away by it.
    #[must_use]
    pub const fn grant(&self) -> Grant<'_> {
        Grant { role: self.role, permissions: self.permissions, brands: &self.brands }
    }

    /// The invitation in its next generation: pending again, with a fresh expiry and a mail to be sent. `voucher` is the
    /// admin whose rights it rests on from here on; who rested on somebody's before keeps that without one.
    #[must_use]
    pub fn sent_again(
        &self,
        voucher: Option<UserId>,
        resends: Window,
        dice: &dyn Dice,
        now: Timestamp,
    ) -> Self {
        Self {
            status: InvitationStatus::Pending,
            generation: self.generation + 1,
            delivery: Delivery::queued(now),
            // the owner who signed up is vouched for by nobody but themselves
            vouched_by: if self.vouched_by.is_none() { None } else { voucher.or(self.vouched_by) },
            expires_at: now.floor_second() + Self::lifetime(self.expires_in_days),
            resends,
            version: Stamp::new(dice, now),
            ..self.clone()
        }
    }

    /// How long a link of so many days lives.
    #[must_use]
    pub const fn lifetime(days: u8) -> Duration {
        Duration::from_secs(days as u64 * 86_400)
    }

    /// Whether the token with this digest opens `invitation` at `now`.
    ///
    /// # Errors
    /// Why it doesn't, from the most lasting reason to the most passing one.
    pub fn open<'a>(
        invitation: Option<&'a Self>,
        digest: &Digest,
        record: Option<&TokenRecord>,
        now: Timestamp,
    ) -> Result<&'a Self, Dead> {
        let Some(invitation) = invitation else { return Err(Dead::Unknown) };
        let (generation, swept) = match (record, &invitation.newest_token) {
            (Some(r), _) if r.invitation_id == invitation.id && r.tenant_id == invitation.tenant_id => {
                (r.generation, false)
            }
            (_, Some(newest)) if newest.digest == *digest => (newest.generation, true),
            _ => return Err(Dead::Unknown),
        };
        match invitation.status {
            InvitationStatus::Accepted => return Err(Dead::Accepted),
            InvitationStatus::Declined => return Err(Dead::Declined),
            InvitationStatus::Revoked => return Err(Dead::Revoked),
            InvitationStatus::Pending | InvitationStatus::Expired => {}
        }
        let expired = Dead::Expired { renewable: now < invitation.expires_at + RENEWABLE };
        if generation < invitation.generation {
            Err(Dead::Revoked)
        } else if swept || invitation.status_at(now) == InvitationStatus::Expired {
            // what the sweeper took is past its time, even where another clock runs behind
            Err(expired)
        } else {
            Ok(invitation)
        }
    }
}

/// Who holds an address in a tenant: one live invitation, or one member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "holder", rename_all = "snake_case")]
pub enum Invitee {
    /// An invitation; gives way from `expires_at` on.
    Invitation {
        /// Which.
        invitation_id: InvitationId,
        /// Until when it holds the address.
        expires_at: Timestamp,
    },
    /// A member, suspended ones too.
    Member {
        /// Who.
        user_id: UserId,
    },
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::{InvitationToken, SystemDice};

    fn sample(now: Timestamp) -> (Invitation, InvitationToken, TokenRecord) {
        let dice = &SystemDice as &dyn Dice;
        let (tenant_id, id) = (TenantId::new(dice, now), InvitationId::new(dice, now));
        let token = InvitationToken::mint(dice, tenant_id, id);
        let expires_at = now + Duration::from_secs(86_400);
        let invitation = Invitation {
            id,
            tenant_id,
            email: Email::parse("a@b.co").unwrap(),
            first_name: PersonName::parse("A").unwrap(),
            last_name: PersonName::parse("B").unwrap(),
            phone: None,
            role: Role::Member,
            brands: Brands::none(),
            permissions: None,
            locale: None,
            status: InvitationStatus::Pending,
            generation: 2,
            newest_token: Some(NewestToken { digest: token.digest(), generation: 2 }),
            delivery: Delivery::queued(now),
            invited_by: None,
            vouched_by: None,
            created_at: now,
            expires_in_days: 1,
            expires_at,
            accepted_at: None,
            accepted_by: None,
            resends: Window::default(),
            version: Stamp::new(dice, now),
        };
        let record = TokenRecord { tenant_id, invitation_id: id, generation: 2, expires_at };
        (invitation, token, record)
    }

    fn older_and_swept(invitation: &Invitation) -> Invitation {
        Invitation { generation: 3, ..invitation.clone() }
    }

    #[test]
    fn a_link_opens_until_the_very_second_and_says_afterwards_why_not() {
        let now = Timestamp::from_unix_millis(1_800_000_000_000);
        let (invitation, token, record) = sample(now);
        let open = |i: &Invitation, r: Option<&TokenRecord>, at| {
            Invitation::open(Some(i), &token.digest(), r, at).map(|_| ())
        };
        let last = Timestamp::from_unix_millis(invitation.expires_at.unix_millis() - 1);
        assert_eq!(open(&invitation, Some(&record), last), Ok(()));
        let expired = Err(Dead::Expired { renewable: true });
        assert_eq!(open(&invitation, Some(&record), invitation.expires_at), expired);
        assert_eq!(open(&invitation, None, invitation.expires_at), expired, "swept");
        assert_eq!(open(&invitation, None, now), expired, "swept by a clock that runs ahead");
        let late = invitation.expires_at + RENEWABLE;
        assert_eq!(open(&invitation, None, late), Err(Dead::Expired { renewable: false }));
        let older = TokenRecord { generation: 1, ..record.clone() };
        assert_eq!(open(&invitation, Some(&older), now), Err(Dead::Revoked));
        assert_eq!(open(&older_and_swept(&invitation), None, now), Err(Dead::Revoked));
        let forged = Digest::of(b"another");
        assert_eq!(Invitation::open(Some(&invitation), &forged, None, now).map(|_| ()), Err(Dead::Unknown));
        assert_eq!(Invitation::open(None, &forged, Some(&record), now).map(|_| ()), Err(Dead::Unknown));
        for (status, dead) in [
            (InvitationStatus::Accepted, Dead::Accepted),
            (InvitationStatus::Declined, Dead::Declined),
            (InvitationStatus::Revoked, Dead::Revoked),
        ] {
            let over = Invitation { status, ..invitation.clone() };
            assert_eq!(open(&over, Some(&record), now), Err(dead));
        }
    }

    #[test]
    fn a_mail_that_nobody_could_send_has_failed_after_an_hour() {
        let now = Timestamp::from_unix_millis(1_800_000_000_000);
        let (invitation, ..) = sample(now);
        assert_eq!(invitation.delivery_at(now + OUTBOX_PATIENCE).state, DeliveryState::Queued);
        let later = now + OUTBOX_PATIENCE + Duration::from_millis(1);
        assert_eq!(invitation.delivery_at(later).state, DeliveryState::Failed);
    }
}
