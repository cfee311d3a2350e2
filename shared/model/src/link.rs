use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Credential, Digest, Email, EmailChangeId, Invitation, InvitationId, InvitationStatus, TenantId,
    Timestamp, UserId,
};

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

impl TokenRecord {
    /// Of a token for the invitation's newest generation.
    #[must_use]
    pub const fn of(invitation: &Invitation) -> Self {
        Self {
            tenant_id: invitation.tenant_id,
            invitation_id: invitation.id,
            generation: invitation.generation,
            expires_at: invitation.expires_at,
        }
    }
}

/// What the token of a password reset stands for: whose password it replaces, as it was when the link was mailed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reset {
    /// Whose.
    pub user_id: UserId,
    /// The address that the password belongs to.
    pub email: Email,
    /// The password that it replaces: once that is another one, the link is dead.
    pub generation: u32,
    /// From this moment on it is refused.
    pub expires_at: Timestamp,
}

impl Reset {
    /// How long a link lives, from the mail on.
    pub const LIVES: Duration = Duration::from_secs(3_600);

    /// For the password that this address has now.
    #[must_use]
    pub fn of(credential: &Credential, now: Timestamp) -> Self {
        Self {
            user_id: credential.user_id,
            email: credential.email.clone(),
            generation: credential.generation,
            expires_at: now + Self::LIVES,
        }
    }

    /// Whether this password is the one that it was replaced by.
    #[must_use]
    pub fn was_used_for(&self, credential: &Credential) -> bool {
        (self.user_id, self.generation + 1) == (credential.user_id, credential.generation)
    }

    /// Whether it replaces this password at `now`.
    #[must_use]
    pub fn opens(&self, credential: &Credential, now: Timestamp) -> bool {
        (self.user_id, self.generation) == (credential.user_id, credential.generation)
            && now < self.expires_at
    }
}

/// What the token stands for that proves a new address: whose sign-in it is to be, as the account was when the link was
/// mailed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EmailProof {
    /// Whose.
    pub user_id: UserId,
    /// The address that they sign in with.
    pub account: Email,
    /// The password that it was asked for with, at that address: once either is another one, the link is dead, and stays so
    /// when they are the same again.
    pub generation: u32,
    /// The new address.
    pub email: Email,
    /// From this moment on it is refused.
    pub expires_at: Timestamp,
}

impl EmailProof {
    /// How long a link lives, from the mail on.
    pub const LIVES: Duration = Duration::from_secs(3_600);

    /// That this address is to be the account's.
    #[must_use]
    pub fn of(credential: &Credential, email: &Email, now: Timestamp) -> Self {
        Self {
            user_id: credential.user_id,
            account: credential.email.clone(),
            generation: credential.generation,
            email: email.clone(),
            expires_at: now + Self::LIVES,
        }
    }

    /// Whether it moves this account at `now`.
    #[must_use]
    pub fn opens(&self, credential: &Credential, now: Timestamp) -> bool {
        (self.user_id, self.generation) == (credential.user_id, credential.generation)
            && now < self.expires_at
    }
}

/// What the token stands for under which an old address is taken back: which change it undoes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EmailReturn {
    /// Whose.
    pub user_id: UserId,
    /// The change; whether it can still be undone, the user says.
    pub change: EmailChangeId,
    /// From this moment on it is refused.
    pub expires_at: Timestamp,
}

/// Why a link opens nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// No such token was ever sent.
    Unknown,
    /// Past its time.
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
    /// Whether the token with this digest, whose item may be gone, opens this invitation at `now`.
    ///
    /// # Errors
    /// Why it doesn't, from the most lasting reason to the most passing one.
    pub fn open(
        &self,
        digest: &Digest,
        record: Option<&TokenRecord>,
        now: Timestamp,
    ) -> Result<(), LinkError> {
        let known = [&self.newest_token, &self.reminder_token].into_iter().flatten();
        let (generation, swept) = match (record, known.into_iter().find(|one| one.digest == *digest)) {
            (Some(r), _) if r.invitation_id == self.id && r.tenant_id == self.tenant_id => {
                (r.generation, false)
            }
            (_, Some(known)) => (known.generation, true),
            _ => return Err(LinkError::Unknown),
        };
        match self.status {
            InvitationStatus::Accepted => return Err(LinkError::Accepted),
            InvitationStatus::Declined => return Err(LinkError::Declined),
            InvitationStatus::Revoked => return Err(LinkError::Revoked),
            InvitationStatus::Pending | InvitationStatus::Expired => {}
        }
        if generation < self.generation {
            Err(LinkError::Revoked)
        } else if swept || self.status_at(now) == InvitationStatus::Expired {
            // what the sweeper took is past its time, even where another clock runs behind
            Err(LinkError::Expired { renewable: now < self.renewable_until })
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use std::sync::Arc;

    use policy::Role;
    use serde_json::json;

    use super::*;
    use crate::samples::{
        ANA, BEN, CHANGE, INVITATION, NOW, TENANT, credential, email, invitation, survives,
    };
    use crate::{Email, InvitationToken, Invocation, NewInvitation, PersonName, SystemRandom};

    fn sample(now: Timestamp) -> (Invitation, InvitationToken, TokenRecord) {
        let invocation = Invocation::new(Arc::new(now), "", Arc::new(SystemRandom));
        let name = PersonName::parse("A").unwrap();
        let new = NewInvitation {
            expires_in_days: 1,
            ..NewInvitation::new(Email::parse("a@b.co").unwrap(), name.clone(), name, Role::Member)
        };
        let mut invitation = Invitation::new(TenantId::new(&invocation), new, None, &invocation);
        invitation.generation = 2;
        let token = InvitationToken::mint(invocation.random(), invitation.tenant_id, invitation.id);
        invitation.newest_token = Some(NewestToken { digest: token.digest(), generation: 2 });
        let record = TokenRecord::of(&invitation);
        (invitation, token, record)
    }

    #[test]
    fn a_link_opens_until_the_very_second_and_says_afterwards_why_not() {
        let now = Timestamp::from_unix_millis(1_800_000_000_000);
        let (invitation, token, record) = sample(now);
        let open = |i: &Invitation, r: Option<&TokenRecord>, at| i.open(&token.digest(), r, at);
        let last = Timestamp::from_unix_millis(invitation.expires_at.unix_millis() - 1);
        assert_eq!(open(&invitation, Some(&record), last), Ok(()));
        let expired = Err(LinkError::Expired { renewable: true });
        assert_eq!(open(&invitation, Some(&record), invitation.expires_at), expired);
        assert_eq!(open(&invitation, None, invitation.expires_at), expired, "swept");
        assert_eq!(open(&invitation, None, now), expired, "swept by a clock that runs ahead");
        let late = invitation.renewable_until;
        assert_eq!(open(&invitation, None, late), Err(LinkError::Expired { renewable: false }));
        let older = TokenRecord { generation: 1, ..record.clone() };
        assert_eq!(open(&invitation, Some(&older), now), Err(LinkError::Revoked));
        let newer = Invitation { generation: 3, ..invitation.clone() };
        assert_eq!(open(&newer, None, now), Err(LinkError::Revoked), "older and swept");
        let forged = Digest::of(b"another");
        assert_eq!(invitation.open(&forged, None, now), Err(LinkError::Unknown));
        let (_, _, others) = sample(now);
        assert_eq!(invitation.open(&forged, Some(&others), now), Err(LinkError::Unknown));
        let tenants = TokenRecord { tenant_id: others.tenant_id, ..record.clone() };
        let neighbours = TokenRecord { invitation_id: others.invitation_id, ..record.clone() };
        for wrong in [&others, &tenants, &neighbours] {
            assert_eq!(invitation.open(&forged, Some(wrong), now), Err(LinkError::Unknown));
            assert_eq!(open(&invitation, Some(wrong), now), expired, "as if there were none");
        }
        let tokenless = Invitation { newest_token: None, ..invitation.clone() };
        assert_eq!(open(&tokenless, Some(&record), now), Ok(()));
        assert_eq!(open(&tokenless, None, now), Err(LinkError::Unknown));
        let found = Invitation { status: InvitationStatus::Expired, ..invitation.clone() };
        assert_eq!(open(&found, Some(&record), now), expired, "found expired by a clock that runs ahead");
        for (status, why) in [
            (InvitationStatus::Accepted, LinkError::Accepted),
            (InvitationStatus::Declined, LinkError::Declined),
            (InvitationStatus::Revoked, LinkError::Revoked),
        ] {
            let over = Invitation { status, ..invitation.clone() };
            assert_eq!(open(&over, Some(&record), now), Err(why));
        }
    }

    #[test]
    fn a_reset_replaces_one_password_within_the_hour() {
        let credential = credential();
        let reset = Reset::of(&credential, NOW);
        let ends = "2027-01-15T09:00:00.123Z";
        let email = json!({"canonical": "ana@example.com", "entered": "Ana@Example.com"});
        survives(&reset, json!({"user_id": ANA, "email": email, "generation": 3, "expires_at": ends}));
        let last = NOW + Duration::from_millis(3_599_999);
        let over = NOW + Duration::from_secs(3_600);
        for (user_id, generation, now, opens, was_used) in [
            (ANA, 3, NOW, true, false),
            (ANA, 3, last, true, false),
            (ANA, 3, over, false, false),
            (ANA, 2, NOW, false, false),
            (ANA, 4, NOW, false, true),
            (ANA, 5, NOW, false, false),
            (BEN, 3, NOW, false, false),
            (BEN, 4, NOW, false, false),
        ] {
            let credential = Credential { user_id, generation, ..credential.clone() };
            assert_eq!(reset.opens(&credential, now), opens, "{user_id} {generation} {now}");
            assert_eq!(reset.was_used_for(&credential), was_used, "{user_id} {generation}");
        }
    }

    #[test]
    fn a_new_address_is_proven_for_one_account_with_one_password_within_the_hour() {
        let credential = credential();
        let proof = EmailProof::of(&credential, &email("Ana@Example.org"), NOW);
        let written = json!({
            "user_id": ANA,
            "account": {"canonical": "ana@example.com", "entered": "Ana@Example.com"},
            "generation": 3,
            "email": {"canonical": "ana@example.org", "entered": "Ana@Example.org"},
            "expires_at": "2027-01-15T09:00:00.123Z",
        });
        survives(&proof, written);
        let last = NOW + Duration::from_millis(3_599_999);
        let over = NOW + Duration::from_secs(3_600);
        let late = over + Duration::from_millis(1);
        for (user_id, generation, now, opens) in [
            (ANA, 3, NOW, true),
            (ANA, 3, last, true),
            (ANA, 3, over, false),
            (ANA, 3, late, false),
            (ANA, 2, NOW, false),
            (ANA, 4, NOW, false),
            (BEN, 3, NOW, false),
            (BEN, 4, over, false),
        ] {
            let credential = Credential { user_id, generation, ..credential.clone() };
            assert_eq!(proof.opens(&credential, now), opens, "{user_id} {generation} {now}");
        }
    }

    #[test]
    fn a_token_is_stored_by_what_it_is_for() {
        let one = invitation();
        let record = TokenRecord::of(&one);
        let until = one.expires_at;
        let written =
            json!({"tenant_id": TENANT, "invitation_id": INVITATION, "generation": 3, "expires_at": until});
        survives(&record, written);
        let newest = NewestToken { digest: Digest::of(b"token"), generation: 3 };
        survives(&newest, json!({"digest": Digest::of(b"token").as_str(), "generation": 3}));
        let back = EmailReturn { user_id: ANA, change: CHANGE, expires_at: NOW };
        survives(&back, json!({"user_id": ANA, "change": CHANGE, "expires_at": NOW}));
    }
}
