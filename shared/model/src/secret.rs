use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use unicode_normalization::UnicodeNormalization as _;
use uuid::Uuid;

use crate::{InvitationId, Random, TenantId, UserId};

/// A SHA-256, as 64 hexadecimal digits: what is stored of a secret. A secret of 256 random bits needs no slower hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        use fmt::Write as _;
        let mut hex = String::with_capacity(64);
        for byte in Sha256::digest(bytes) {
            // writing into a String can't fail
            let _ = write!(hex, "{byte:02x}");
        }
        Self(hex)
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The secret in an emailed link: 256 random bits after the ids that say where to look, so that a link whose stored
/// digest is gone still finds its invitation. The digest is over all of it, so that no part can be exchanged.
///
/// As text: 64 bytes in base64url, 86 characters.
#[derive(Clone)]
pub struct InvitationToken {
    tenant: TenantId,
    invitation: InvitationId,
    bytes: [u8; 64],
}

impl InvitationToken {
    /// A fresh one.
    #[must_use]
    pub fn mint(random: &dyn Random, tenant: TenantId, invitation: InvitationId) -> Self {
        let mut bytes = [0; 64];
        let (ids, secret) = bytes.split_at_mut(32);
        let (first, second) = ids.split_at_mut(16);
        first.copy_from_slice(tenant.0.as_bytes());
        second.copy_from_slice(invitation.0.as_bytes());
        random.fill(secret);
        Self { tenant, invitation, bytes }
    }

    /// Parses what came in a body. `None` is a text that was never a token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 86 {
            return None;
        }
        let bytes: [u8; 64] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let id = |at: usize| Uuid::from_slice(bytes.get(at..at + 16)?).ok();
        Some(Self { tenant: TenantId(id(0)?), invitation: InvitationId(id(16)?), bytes })
    }

    /// The tenant that the link leads into, unproven until the digest is found.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The invitation that the link is about, unproven until the digest is found.
    #[must_use]
    pub const fn invitation(&self) -> InvitationId {
        self.invitation
    }

    /// What is stored of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// The text for the emailed link: the one place that a raw token goes to.
    #[must_use]
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes)
    }
}

/// The secret in an emailed link that is about an account, a password reset or another address: 256 random bits and nothing
/// else, since its record says whose it is. Each kind of link has its records under keys of its own.
///
/// As text: 32 bytes in base64url, 43 characters, so that it is never taken for an invitation's.
#[derive(Clone)]
pub struct LinkToken([u8; 32]);

impl LinkToken {
    /// A fresh one.
    #[must_use]
    pub fn mint(random: &dyn Random) -> Self {
        let mut secret = [0; 32];
        random.fill(&mut secret);
        Self(secret)
    }

    /// Parses what came in a body. `None` is a text that was never such a token.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 43 {
            return None;
        }
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// What is stored of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }

    /// The text for the emailed link.
    #[must_use]
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// The bearer token of a session: the user's id and 256 random bits, `user_id.secret`, so that the session's key and
/// the membership's are known before the first read.
pub struct SessionToken {
    user: UserId,
    secret: [u8; 32],
}

impl SessionToken {
    /// A fresh one.
    #[must_use]
    pub fn mint(random: &dyn Random, user: UserId) -> Self {
        let mut secret = [0; 32];
        random.fill(&mut secret);
        Self { user, secret }
    }

    /// Parses what came after `Bearer`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (user, secret) = text.split_once('.')?;
        if secret.len() != 43 {
            return None;
        }
        let secret = URL_SAFE_NO_PAD.decode(secret).ok()?.try_into().ok()?;
        Some(Self { user: UserId::parse(user)?, secret })
    }

    /// Whose session it says it is, unproven until the digest is found under that user.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// What is stored of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.secret)
    }

    /// The text for the answer that opens the session.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{}.{}", self.user, URL_SAFE_NO_PAD.encode(self.secret))
    }
}

/// A password as somebody entered it.
pub struct Password(String);

impl Password {
    /// What was entered, in the one spelling that it is judged and hashed in: NFKC, as NIST SP 800-63B-4 and RFC 8265
    /// have it, so that another keyboard's way of writing it is the same password.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.nfkc().collect())
    }

    /// The text, for hashing and for nothing else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::string_slice, reason = "tests")]
    use super::{Digest, InvitationToken, LinkToken, Password, SessionToken};
    use std::sync::Arc;

    use serde_json::json;

    use crate::samples::{ANA, Always, INVITATION, TENANT, survives};
    use crate::{InvitationId, Invocation, SystemRandom, TenantId, Timestamp, UserId};

    #[test]
    fn a_token_survives_its_text_and_no_other_text_is_that_token() {
        let now = Timestamp::from_unix_millis(1_800_000_000_000);
        let invocation = Invocation::new(Arc::new(now), "", Arc::new(SystemRandom));
        let (tenant, invitation) = (TenantId::new(&invocation), InvitationId::new(&invocation));
        let token = InvitationToken::mint(invocation.random(), tenant, invitation);
        let text = token.reveal();
        let again = InvitationToken::parse(&text).unwrap();
        assert_eq!(again.digest(), token.digest());
        assert_eq!((again.tenant(), again.invitation()), (token.tenant(), token.invitation()));
        for wrong in
            ["", &text[1..], &format!("{text}="), &text.replace(&text[..1], "*"), &"a".repeat(1_000_000)]
        {
            assert!(InvitationToken::parse(wrong).is_none());
        }
        // every single changed character gives another digest, or no token
        for at in 0..text.len() {
            for other in ['A', 'B'] {
                let mut forged = text.clone();
                forged.replace_range(at..=at, &other.to_string());
                if forged != text {
                    assert!(InvitationToken::parse(&forged).is_none_or(|t| t.digest() != token.digest()));
                }
            }
        }

        let session = SessionToken::mint(invocation.random(), UserId::new(&invocation));
        let text = session.reveal();
        assert_eq!(SessionToken::parse(&text).unwrap().digest(), session.digest());
        for wrong in ["", "a.b", &text[1..], &text[..text.len() - 1], &text.to_uppercase()] {
            assert!(SessionToken::parse(wrong).is_none());
        }
        assert!(InvitationToken::parse(&text).is_none(), "one kind is never taken for the other");
        assert!(SessionToken::parse(&token.reveal()).is_none());
        let reset = LinkToken::mint(invocation.random());
        assert_eq!(LinkToken::parse(&reset.reveal()).unwrap().digest(), reset.digest());
        assert!(LinkToken::parse(&text).is_none() && LinkToken::parse(&token.reveal()).is_none());
        assert!(InvitationToken::parse(&reset.reveal()).is_none());
    }

    #[test]
    fn a_digest_is_a_sha_256_in_hexadecimal_digits() {
        for (bytes, digits) in [
            (&b""[..], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (&b"abc"[..], "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ] {
            assert_eq!(Digest::of(bytes).as_str(), digits);
            survives(&Digest::of(bytes), json!(digits));
        }
    }

    #[test]
    fn a_token_is_its_ids_and_what_chance_gave_it() {
        let secret = "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s";
        let invitation = InvitationToken::mint(&Always(251), TENANT, INVITATION);
        assert_eq!((invitation.tenant(), invitation.invitation()), (TENANT, INVITATION));
        let text = "AAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAT7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-w";
        assert_eq!(invitation.reveal(), text);
        let bytes = [TENANT.0.into_bytes(), INVITATION.0.into_bytes(), [251; 16], [251; 16]].concat();
        assert_eq!(invitation.digest(), Digest::of(&bytes));

        let session = SessionToken::mint(&Always(251), ANA);
        assert_eq!(session.user(), ANA);
        assert_eq!(session.reveal(), format!("00000000-0000-0000-0000-000000000002.{secret}"));
        assert_eq!(session.digest(), Digest::of(&[251; 32]));
        let again = SessionToken::parse(&session.reveal()).unwrap();
        assert_eq!((again.user(), again.reveal()), (ANA, session.reveal()));
        for wrong in [format!("{ANA}.{secret}A"), format!("{ANA}.{secret}="), format!("x.{secret}")] {
            assert!(SessionToken::parse(&wrong).is_none(), "{wrong}");
        }

        let reset = LinkToken::mint(&Always(251));
        assert_eq!((reset.reveal().as_str(), reset.digest()), (secret, Digest::of(&[251; 32])));
        for wrong in ["", &secret[1..], &format!("{secret}="), &secret.replace('_', "*")] {
            assert!(LinkToken::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_password_is_the_same_from_every_keyboard() {
        for (entered, judged) in [("ﬁve ①", "five 1"), ("e\u{301}", "é"), (" a ", " a "), ("", "")] {
            assert_eq!(Password::new(entered).reveal(), judged);
        }
    }
}
