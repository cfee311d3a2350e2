use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Digest, Email, EmailPolicy, Invocation, Locale, Member, PersonName, Phone, SessionId, SessionToken,
    Tenant, TenantId, Timestamp, UserId, Version,
};

/// One person: their profile, and who is signed in as them.
///
/// The sessions stand here, on one item, so that ending all of them is one write, and a request that brings one reads no
/// more than it would otherwise.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// Their address.
    pub email: Email,
    /// First name.
    pub first_name: PersonName,
    /// Last name.
    pub last_name: PersonName,
    /// Phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
    /// Preferred language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Locale>,
    /// When they first accepted an invitation.
    pub created_at: Timestamp,
    /// Their sessions, by the digests of the bearer tokens; those that are over too, until they sign in again.
    #[serde(default)]
    pub sessions: BTreeMap<Digest, Session>,
    /// Which of their passwords opens sessions: as their credential's.
    #[serde(default)]
    pub generation: u32,
    /// Renewed when the profile changes; none for a user whom a release without sessions here wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
}

impl User {
    /// The user whose first membership this is.
    #[must_use]
    pub fn of(member: &Member, locale: Option<Locale>, version: Version) -> Self {
        Self {
            id: member.user_id,
            email: member.email.clone(),
            first_name: member.first_name.clone(),
            last_name: member.last_name.clone(),
            phone: member.phone.clone(),
            locale,
            created_at: member.joined_at,
            sessions: BTreeMap::new(),
            generation: 0,
            version: Some(version),
        }
    }

    /// The user with another profile.
    #[must_use]
    pub fn with(&self, profile: &NewProfile, version: Version) -> Self {
        let NewProfile { first_name, last_name, phone, locale } = profile.clone();
        Self {
            first_name: first_name.unwrap_or_else(|| self.first_name.clone()),
            last_name: last_name.unwrap_or_else(|| self.last_name.clone()),
            phone: phone.unwrap_or_else(|| self.phone.clone()),
            locale: locale.unwrap_or_else(|| self.locale.clone()),
            version: Some(version),
            ..self.clone()
        }
    }

    /// Whether a member of theirs is shown with other names or another number.
    #[must_use]
    pub fn is_shown_otherwise(&self, member: &Member) -> bool {
        (&self.first_name, &self.last_name, &self.phone)
            != (&member.first_name, &member.last_name, &member.phone)
    }

    /// The session with this digest, if it holds at `now`.
    #[must_use]
    pub fn session(&self, digest: &Digest, now: Timestamp) -> Option<&Session> {
        self.sessions.get(digest).filter(|session| session.holds(now))
    }

    /// Sessions that make room when one more is opened at `now`: those that are over, and of more than [`MOST_SESSIONS`]
    /// those that were used longest ago.
    #[must_use]
    pub fn sessions_to_drop(&self, now: Timestamp) -> Vec<&Digest> {
        let (mut held, mut dropped): (Vec<_>, Vec<_>) =
            self.sessions.iter().partition(|(_, session)| session.holds(now));
        held.sort_by_key(|(_, session)| (session.used_at, session.id));
        let over = (held.len() + 1).saturating_sub(MOST_SESSIONS);
        dropped.extend(held.into_iter().take(over));
        dropped.into_iter().map(|(digest, _)| digest).collect()
    }
}

/// Sessions that one person can have at once; the next one ends the one that was used longest ago. So many and a profile are
/// read as one unit.
pub const MOST_SESSIONS: usize = 12;

/// What somebody says of themselves when they accept; what they omit is as the inviter wrote it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Profile {
    /// First name.
    pub first_name: Option<PersonName>,
    /// Last name.
    pub last_name: Option<PersonName>,
    /// Phone number.
    pub phone: Option<Phone>,
}

/// What somebody changes of their profile; what they omit stays. An inner `None` takes something away.
#[derive(Clone, Debug, Default)]
pub struct NewProfile {
    /// First name.
    pub first_name: Option<PersonName>,
    /// Last name.
    pub last_name: Option<PersonName>,
    /// Phone number.
    pub phone: Option<Option<Phone>>,
    /// Preferred language.
    pub locale: Option<Option<Locale>>,
}

policy::closed_set! {
    /// How an address belongs to a tenant.
    pub enum Belonging: "belonging" {
        /// A member of a tenant that shares addresses.
        Shared = "shared",
        /// A member of a tenant that doesn't.
        Exclusive = "exclusive",
        /// Was a member; the next sign-in says so.
        Former = "former",
    }
}

impl From<EmailPolicy> for Belonging {
    fn from(policy: EmailPolicy) -> Self {
        match policy {
            EmailPolicy::Shared => Self::Shared,
            EmailPolicy::Exclusive => Self::Exclusive,
        }
    }
}

/// What an address signs in with: whose it is, the password's hash, and the tenants that it belongs to.
///
/// The hash stands here and not with the profile, so that a sign-in is one read for known and unknown addresses alike;
/// the tenants stand here because no decision may rest on the index, which lags.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Credential {
    /// The address.
    pub email: Email,
    /// Whose it is.
    pub user_id: UserId,
    /// The argon2id hash, in PHC form.
    pub password_hash: String,
    /// Where it belongs.
    pub tenants: BTreeMap<TenantId, Belonging>,
    /// Which password of this user it is: raised when it changes.
    #[serde(default)]
    pub generation: u32,
    /// Renewed with every write.
    pub version: Version,
}

impl Credential {
    /// The tenants that it is a member of, suspended or not.
    pub fn current(&self) -> impl Iterator<Item = TenantId> + '_ {
        let current = self.tenants.iter().filter(|(_, belonging)| **belonging != Belonging::Former);
        current.map(|(tenant, _)| *tenant)
    }

    /// Whether the address may join `tenant`, as its policy and the other tenants' have it.
    #[must_use]
    pub fn may_join(&self, tenant: &Tenant) -> bool {
        self.tenants.iter().filter(|(id, _)| **id != tenant.id).all(|(_, belonging)| match belonging {
            Belonging::Former => true,
            Belonging::Shared => tenant.email_policy == EmailPolicy::Shared,
            Belonging::Exclusive => false,
        })
    }
}

/// Who joins a tenant, once they have proven who they are.
pub enum Joining {
    /// Somebody who has no user yet.
    New {
        /// Their profile.
        user: User,
        /// Their address, with the password that they chose.
        credential: Credential,
    },
    /// Somebody who proved to be the user that the address belongs to.
    Known {
        /// The address as it will be: the tenant added, nothing else touched.
        credential: Credential,
        /// The version that was read.
        read: Version,
    },
}

impl Joining {
    /// Somebody new, whose first membership is `member`.
    #[must_use]
    pub fn new(
        member: &Member,
        tenant: &Tenant,
        locale: Option<Locale>,
        password_hash: String,
        invocation: &Invocation,
    ) -> Self {
        let credential = Credential {
            email: member.email.clone(),
            user_id: member.user_id,
            password_hash,
            tenants: BTreeMap::from([(tenant.id, tenant.email_policy.into())]),
            generation: 0,
            version: invocation.version(),
        };
        Self::New { user: User::of(member, locale, invocation.version()), credential }
    }

    /// The user of this address.
    #[must_use]
    pub fn known(mut credential: Credential, tenant: &Tenant, invocation: &Invocation) -> Self {
        let read = credential.version;
        credential.tenants.insert(tenant.id, tenant.email_policy.into());
        credential.version = invocation.version();
        Self::Known { credential, read }
    }
}

/// How long sessions live, as a deployment has it.
#[derive(Clone, Copy, Debug)]
pub struct SessionPolicy {
    /// From the sign-in on.
    pub lifetime: Duration,
    /// Without being used, where that ends one.
    pub idle: Option<Duration>,
}

/// That a session was used is noted when the last note is as old as this: a write an hour at most.
const NOTED_EVERY: Duration = Duration::from_secs(3_600);

/// Somebody signed in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// What it is called where it is listed.
    pub id: SessionId,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last used, to the hour.
    pub used_at: Timestamp,
    /// From this moment on it is refused.
    pub expires_at: Timestamp,
    /// Seconds without use after which it is refused, as the deployment had it when it was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle: Option<u64>,
    /// What opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Client>,
}

/// A session that is about to be opened.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Whose.
    pub user_id: UserId,
    /// The digest of the bearer token.
    pub digest: Digest,
    /// The password that proved it.
    pub generation: u32,
    /// Itself.
    pub session: Session,
}

impl Session {
    /// A fresh one of this user, proven by this generation of their password, and the token that is shown this once.
    #[must_use]
    pub fn open(
        (user_id, generation): (UserId, u32),
        policy: &SessionPolicy,
        client: Option<Client>,
        invocation: &Invocation,
    ) -> (SessionToken, NewSession) {
        let token = SessionToken::mint(invocation.random(), user_id);
        let (digest, now) = (token.digest(), invocation.now());
        let session = Self {
            id: SessionId::new(invocation),
            created_at: now,
            used_at: now,
            expires_at: now + policy.lifetime,
            idle: policy.idle.map(|idle| idle.as_secs()),
            client,
        };
        (token, NewSession { user_id, digest, generation, session })
    }

    /// From which moment on it is refused, if it isn't used before.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        let idle = self.idle.map(|seconds| self.used_at + Duration::from_secs(seconds));
        idle.map_or(self.expires_at, |idle| idle.min(self.expires_at))
    }

    /// Whether it holds.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        now < self.ends_at()
    }

    /// Whether it is time to note that it is used. Where an idle limit is shorter than the hour, more often: four times in it.
    #[must_use]
    pub fn is_to_be_noted(&self, now: Timestamp) -> bool {
        let every = self.idle.map_or(NOTED_EVERY, |idle| NOTED_EVERY.min(Duration::from_secs(idle / 4)));
        every <= now.since(self.used_at)
    }
}

/// What kind of client opened a session, in words for its owner: `Firefox on Windows`. Made of the `User-Agent`, which
/// anybody can make up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Client(String);

impl Client {
    /// Of a `User-Agent`; none of an empty one.
    #[must_use]
    pub fn of(user_agent: &str) -> Option<Self> {
        // in this order: each names those after it too
        const PROGRAMS: [(&str, &str); 8] = [
            ("Edg", "Edge"),
            ("OPR/", "Opera"),
            ("SamsungBrowser/", "Samsung Internet"),
            ("Firefox/", "Firefox"),
            ("FxiOS/", "Firefox"),
            ("CriOS/", "Chrome"),
            ("Chrome/", "Chrome"),
            ("Safari/", "Safari"),
        ];
        const SYSTEMS: [(&str, &str); 7] = [
            ("iPhone", "iPhone"),
            ("iPad", "iPad"),
            ("Android", "Android"),
            ("Windows", "Windows"),
            ("Mac OS X", "macOS"),
            ("CrOS", "ChromeOS"),
            ("Linux", "Linux"),
        ];
        let named = |names: &[(&str, &'static str)]| {
            names.iter().find(|(sign, _)| user_agent.contains(sign)).map(|(_, name)| *name)
        };
        let first_word = || {
            let word = user_agent.split(['/', ' ', '(', ';']).next().unwrap_or_default();
            let plain: String = word.chars().filter(char::is_ascii_alphanumeric).take(30).collect();
            (!plain.is_empty()).then_some(plain)
        };
        let program = named(&PROGRAMS).map(str::to_owned).or_else(first_word)?;
        Some(Self(match named(&SYSTEMS) {
            Some(system) => format!("{program} on {system}"),
            None => program,
        }))
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn session(used_at: u64, expires_at: u64, idle: Option<u64>) -> Session {
        let at = |seconds: u64| Timestamp::from_unix_millis(seconds * 1_000);
        let id = SessionId::parse("01a202c6-e1a3-7a38-9802-fdcb99ebdc61").unwrap();
        Session {
            id,
            created_at: at(0),
            used_at: at(used_at),
            expires_at: at(expires_at),
            idle,
            client: None,
        }
    }

    #[test]
    fn a_session_ends_by_what_comes_first() {
        let at = |seconds: u64| Timestamp::from_unix_millis(seconds * 1_000);
        let forever = session(0, 100_000, None);
        assert!(forever.holds(at(99_999)) && !forever.holds(at(100_000)));
        let idle = session(10_000, 100_000, Some(7_200));
        assert_eq!(idle.ends_at(), at(17_200));
        assert!(idle.holds(at(17_199)) && !idle.holds(at(17_200)));
        assert_eq!(session(99_000, 100_000, Some(7_200)).ends_at(), at(100_000));
        // an hour, or a quarter of a shorter idle limit
        assert!(!forever.is_to_be_noted(at(3_599)) && forever.is_to_be_noted(at(3_600)));
        let short = session(0, 100_000, Some(1_200));
        assert!(!short.is_to_be_noted(at(299)) && short.is_to_be_noted(at(300)));
    }

    #[test]
    fn clients_are_named_as_their_owners_know_them() {
        for (agent, words) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:146.0) Gecko/20100101 Firefox/146.0",
                "Firefox on Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36 Edg/143.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            ("curl/8.14.1", "curl"),
            ("<script>alert(1)</script>", "scriptalert"),
        ] {
            assert_eq!(Client::of(agent).unwrap().as_str(), words);
        }
        assert_eq!(Client::of(""), None);
        assert_eq!(Client::of("(none)"), None);
    }
}
