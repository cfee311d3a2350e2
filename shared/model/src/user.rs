use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::{
    Digest, Email, EmailChangeId, EmailPolicy, Invocation, Locale, Member, PersonName, Phone, Refusal,
    SessionId, SessionToken, Tenant, TenantId, Timestamp, UserId, Version,
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
    /// Which of their passwords opens sessions, at which of their addresses: as their credential's.
    #[serde(default)]
    pub generation: u32,
    /// Addresses that were given up and can be taken back, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former_emails: Vec<FormerEmail>,
    /// Whether the address was taken back under the link that undoes a change, and is still the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub taken_back: bool,
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
            former_emails: Vec::new(),
            taken_back: false,
            version: Some(version),
        }
    }

    /// The user with another address, and the change that can be undone from the old one. Back to an address that was given
    /// up is an undoing itself, and nothing is left to be undone of what came after: or whoever had the account in between
    /// could take it again.
    ///
    /// # Errors
    /// [`Refusal::RateLimited`] when so many addresses were given up lately that one more couldn't be remembered: a link to
    /// undo is never pushed out by later changes.
    pub fn moved(
        &self,
        email: Email,
        invocation: &Invocation,
    ) -> Result<(Self, Option<EmailChangeId>), Refusal> {
        let now = invocation.now();
        let mut former = self.former_emails.clone();
        former.retain(|one| now < one.until);
        let back = former.iter().position(|one| one.email.canonical() == email.canonical());
        let change = if let Some(at) = back {
            former.truncate(at);
            None
        } else {
            if let Some(oldest) = former.first().filter(|_| MOST_FORMER_EMAILS <= former.len()) {
                let millis = oldest.until.since(now).as_millis();
                let retry_after = u64::try_from(millis.div_ceil(1_000)).unwrap_or(u64::MAX);
                return Err(Refusal::RateLimited { retry_after, what: "changes of your address" });
            }
            let (id, until) = (EmailChangeId::new(invocation), now + FormerEmail::KEPT);
            former.push(FormerEmail { change: id, email: self.email.clone(), until });
            Some(id)
        };
        let moved = Self {
            email,
            former_emails: former,
            generation: self.generation + 1,
            taken_back: false,
            version: Some(invocation.version()),
            ..self.clone()
        };
        Ok((moved, change))
    }

    /// The user with the address that this change gave up, signed out everywhere and without a password that is known: as
    /// before the change and all that followed it; and when that was. None for one that can't be undone any more.
    #[must_use]
    pub fn returned(&self, change: EmailChangeId, invocation: &Invocation) -> Option<(Self, Timestamp)> {
        let at = self.former_emails.iter().position(|one| one.change == change)?;
        let former = self.former_emails.get(at).filter(|one| invocation.now() < one.until)?;
        let returned = Self {
            email: former.email.clone(),
            former_emails: self.former_emails.get(..at)?.to_vec(),
            sessions: BTreeMap::new(),
            generation: self.generation + 1,
            taken_back: true,
            version: Some(invocation.version()),
            ..self.clone()
        };
        Some((returned, former.until - FormerEmail::KEPT))
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
        // what one write can name; the others go next time
        dropped.into_iter().map(|(digest, _)| digest).take(40).collect()
    }
}

/// Sessions that one person can have at once; the next one ends the one that was used longest ago. So many and a profile are
/// read as one unit.
pub const MOST_SESSIONS: usize = 12;

/// An address that somebody gave up and may take back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerEmail {
    /// The change that gave it up.
    pub change: EmailChangeId,
    /// The address.
    pub email: Email,
    /// From this moment on it can't be taken back.
    pub until: Timestamp,
}

impl FormerEmail {
    /// How long an address can be taken back.
    pub const KEPT: Duration = Duration::from_secs(7 * 86_400);
}

/// Addresses that one person can give up in the time in which each can be taken back.
const MOST_FORMER_EMAILS: usize = 10;

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

impl NewProfile {
    /// Whether it changes how a member is shown.
    #[must_use]
    pub fn changes(&self, member: &Member) -> bool {
        self.first_name.as_ref().is_some_and(|name| *name != member.first_name)
            || self.last_name.as_ref().is_some_and(|name| *name != member.last_name)
            || self.phone.as_ref().is_some_and(|phone| *phone != member.phone)
    }
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
    /// Which password of this user it is, at which of their addresses: raised when either changes, so that no link of before
    /// lives again when the account is back where it was.
    #[serde(default)]
    pub generation: u32,
    /// Renewed with every write.
    pub version: Version,
}

impl Credential {
    /// A hash that no password is known to have: what an unknown address is checked against, so that it takes what a wrong
    /// password takes, and what an account is left with whose password is not to be used.
    pub const UNUSABLE: &'static str =
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    /// Whether a text is a hash as every release has made them: of the same costs, so that none from elsewhere takes more to
    /// be checked than one's own.
    #[must_use]
    pub fn is_hash(text: &str) -> bool {
        let is_of = |text: &str, bytes: usize| STANDARD_NO_PAD.decode(text).is_ok_and(|d| d.len() == bytes);
        match text.split('$').collect::<Vec<_>>().as_slice() {
            ["", "argon2id", "v=19", "m=19456,t=2,p=1", salt, hash] => is_of(salt, 16) && is_of(hash, 32),
            _ => false,
        }
    }

    /// The tenants that it is a member of, suspended or not.
    pub fn current(&self) -> impl Iterator<Item = TenantId> + '_ {
        let current = self.tenants.iter().filter(|(_, belonging)| **belonging != Belonging::Former);
        current.map(|(tenant, _)| *tenant)
    }

    /// The same account under another address.
    #[must_use]
    pub fn moved(&self, email: Email, version: Version) -> Self {
        Self { email, generation: self.generation + 1, version, ..self.clone() }
    }

    /// The same account under an address that was taken back, with a hash that no password has.
    #[must_use]
    pub fn returned(&self, email: Email, unusable: &str, version: Version) -> Self {
        Self { password_hash: unusable.to_owned(), ..self.moved(email, version) }
    }

    /// The same account, not a member of these tenants any more.
    #[must_use]
    pub fn without(mut self, tenants: impl IntoIterator<Item = TenantId>) -> Self {
        self.tenants.extend(tenants.into_iter().map(|tenant| (tenant, Belonging::Former)));
        self
    }

    /// Whether it is a member of another tenant than this one.
    #[must_use]
    pub fn is_elsewhere(&self, tenant: TenantId) -> bool {
        self.current().any(|current| current != tenant)
    }

    /// How it has to belong to `tenant`, whose policy is another one than when it joined; nothing where it does already, or
    /// isn't a member any more.
    #[must_use]
    pub fn belonging_to_change(&self, tenant: &Tenant) -> Option<Belonging> {
        let belonging = Belonging::from(tenant.email_policy);
        let is = self.tenants.get(&tenant.id)?;
        (*is != Belonging::Former && *is != belonging).then_some(belonging)
    }

    /// Whether it belongs, or belonged, to another tenant than this one.
    #[must_use]
    pub fn is_known_beside(&self, tenant: TenantId) -> bool {
        self.tenants.keys().any(|other| *other != tenant)
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
        user: Box<User>,
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
        Self::New { user: Box::new(User::of(member, locale, invocation.version())), credential }
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
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::samples::{
        ANA, BEN, CHANGE, EARLIER, NEW, NOW, OLD, TENANT, credential, email, invocation, is_closed, locale,
        member, patched, phone, survives, tenant, text, user,
    };

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

    /// The `n`th address that was given up: the second one's time has come this very moment, the third one's comes in an
    /// hour, and so on.
    fn former(n: u32) -> FormerEmail {
        let hour = Duration::from_secs(3_600);
        FormerEmail {
            change: EmailChangeId(Uuid::from_u128(n.into())),
            email: email(&format!("Ana{n}@Example.com")),
            until: NOW - 2 * hour + n * hour,
        }
    }

    /// Somebody who is signed in and gave up these addresses.
    fn gave_up(addresses: impl Iterator<Item = u32>) -> User {
        let sessions = BTreeMap::from([(Digest::of(b"token"), session(0, 100, None))]);
        User { sessions, generation: 2, former_emails: addresses.map(former).collect(), ..user() }
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
        let long = session(0, 100_000, Some(50_000));
        assert!(!long.is_to_be_noted(at(3_599)) && long.is_to_be_noted(at(3_600)));
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
            ("okhttp (Linux; Android 15)", "okhttp on Android"),
            ("<script>alert(1)</script>", "scriptalert"),
        ] {
            assert_eq!(Client::of(agent).unwrap().as_str(), words);
        }
        assert_eq!(Client::of(&"a".repeat(31)).unwrap().as_str(), "a".repeat(30));
        for agent in ["", "(none)", "/1", "é/1"] {
            assert_eq!(Client::of(agent), None, "{agent}");
        }
    }

    #[test]
    fn of_all_that_a_client_says_it_is_the_first_in_the_list_counts() {
        let programs = [
            ("Edg/1", "Edge"),
            ("OPR/1", "Opera"),
            ("SamsungBrowser/1", "Samsung Internet"),
            ("Firefox/1", "Firefox"),
            ("FxiOS/1", "Firefox"),
            ("CriOS/1", "Chrome"),
            ("Chrome/1", "Chrome"),
            ("Safari/1", "Safari"),
        ];
        let systems = [
            ("iPhone", "iPhone"),
            ("iPad", "iPad"),
            ("Android 15", "Android"),
            ("Windows NT 10.0", "Windows"),
            ("Intel Mac OS X 10", "macOS"),
            ("CrOS x86_64", "ChromeOS"),
            ("Linux", "Linux"),
        ];
        let from = |list: &[(&'static str, &str)], at: usize| {
            list.iter().skip(at).map(|(sign, _)| *sign).collect::<Vec<_>>().join(" ")
        };
        for (i, (_, program)) in programs.iter().enumerate() {
            for (j, (_, system)) in systems.iter().enumerate() {
                let agent = format!("Mozilla/5.0 ({}) {}", from(&systems, j), from(&programs, i));
                let client = Client::of(&agent).unwrap();
                assert_eq!(client.as_str(), format!("{program} on {system}"), "{agent}");
                survives(&client, json!(client.as_str()));
            }
        }
    }

    #[test]
    fn a_user_begins_with_their_first_membership() {
        let user = user();
        let written = json!({
            "id": ANA,
            "email": {"canonical": "ana@example.com", "entered": "Ana@Example.com"},
            "first_name": "Ana",
            "last_name": "Lima",
            "phone": "+14155550123",
            "locale": "pt-BR",
            "created_at": EARLIER,
            "sessions": {},
            "generation": 0,
            "version": OLD,
        });
        survives(&user, written);
        let (digest, session) = (Digest::of(b"token"), session(0, 100, None));
        let sessions = BTreeMap::from([(digest.clone(), session.clone())]);
        let busy = User { sessions, generation: 2, ..user.clone() };
        let sessions = BTreeMap::from([(digest.as_str(), &session)]);
        survives(&busy, patched(&user, json!({"sessions": sessions, "generation": 2})));
        let bare = json!({"phone": null, "locale": null, "version": null});
        let older = json!({
            "phone": null, "locale": null, "version": null, "sessions": null, "generation": null,
        });
        let older = serde_json::from_value::<User>(patched(&user, older)).unwrap();
        survives(&older, patched(&user, bare));
    }

    #[test]
    fn an_address_that_is_given_up_is_kept_for_a_week() {
        let one = FormerEmail { change: CHANGE, email: email("Ana@Example.com"), until: NOW };
        let address = json!({"canonical": "ana@example.com", "entered": "Ana@Example.com"});
        survives(&one, json!({"change": CHANGE, "email": address, "until": NOW}));

        let before = gave_up(std::iter::empty());
        let (after, change) = before.moved(email("Ana@Example.org"), &invocation()).unwrap();
        let (change, version) = (change.unwrap(), after.version.unwrap());
        assert_eq!((change.made_at(), version.made_at()), (Some(NOW), Some(NOW)));
        let changes = json!({
            "email": {"canonical": "ana@example.org", "entered": "Ana@Example.org"},
            "former_emails": [{"change": change, "email": address, "until": "2027-01-22T08:00:00.123Z"}],
            "generation": 3,
            "version": version,
        });
        survives(&after, patched(&before, changes));
        let older = serde_json::from_value::<User>(patched(&after, json!({"former_emails": null}))).unwrap();
        assert!(older.former_emails.is_empty());
        survives(&older, patched(&after, json!({"former_emails": null})));

        // what can't be taken back any more goes at the next change
        let (after, _) = gave_up(1..=4).moved(email("ana@example.org"), &invocation()).unwrap();
        let kept = after.former_emails.iter().map(|one| one.email.canonical()).collect::<Vec<_>>();
        assert_eq!(kept, ["ana3@example.com", "ana4@example.com", "ana@example.com"]);
    }

    #[test]
    fn an_eleventh_address_to_remember_waits_until_the_oldest_is_forgotten() {
        let refused =
            |retry_after| Err(Refusal::RateLimited { retry_after, what: "changes of your address" });
        for (addresses, remembered) in [
            (3..=11, Ok(10)),
            (1..=11, Ok(10)),
            (3..=12, refused(3_600)),
            (1..=12, refused(3_600)),
            (5..=14, refused(10_800)),
            (5..=15, refused(10_800)),
        ] {
            let moved = gave_up(addresses.clone()).moved(email("ana@example.org"), &invocation());
            let kept = moved.map(|(after, _)| after.former_emails.len());
            assert_eq!(kept, remembered, "{addresses:?}");
        }
    }

    #[test]
    fn back_at_an_address_nothing_is_left_to_undo_of_what_came_after_it() {
        // as many as are remembered, and two whose time has come, which are addresses like any other
        let before = gave_up(1..=12);
        assert!(before.moved(email("ana1@example.com"), &invocation()).is_err());
        for (entered, left) in [("aNA3@example.com", 2), ("Ana7@Example.com", 6), ("ana12@Example.COM", 11)] {
            let (after, change) = before.moved(email(entered), &invocation()).unwrap();
            let version = after.version.unwrap();
            assert_eq!((change, version.made_at()), (None, Some(NOW)), "{entered}");
            let earlier = User { former_emails: (3..=left).map(former).collect(), ..before.clone() };
            let changes = json!({"email": email(entered), "generation": 3, "version": version});
            assert_eq!(json!(after), patched(&earlier, changes), "{entered}");
        }
    }

    #[test]
    fn an_address_is_taken_back_until_the_very_moment_and_everybody_is_signed_out() {
        let before = gave_up(1..=6);
        for (n, is_back) in [(1, false), (2, false), (3, true), (4, true), (6, true), (7, false)] {
            let after = before.returned(former(n).change, &invocation());
            assert_eq!(after.is_some(), is_back, "{n}");
            let Some((after, given_up_at)) = after else { continue };
            assert_eq!(given_up_at + FormerEmail::KEPT, former(n).until, "{n}");
            let version = after.version.unwrap();
            assert_eq!(version.made_at(), Some(NOW));
            let earlier = User { former_emails: (1..n).map(former).collect(), ..before.clone() };
            let changes = json!({
                "email": former(n).email,
                "sessions": {},
                "generation": 3,
                "taken_back": true,
                "version": version,
            });
            survives(&after, patched(&earlier, changes));
            // until the next change
            let (on, _) = after.moved(email("ana@example.org"), &invocation()).unwrap();
            assert!(!on.taken_back, "{n}");
        }
    }

    #[test]
    fn an_account_moves_with_its_password_and_is_taken_back_without_it() {
        let before = credential();
        let moved = before.moved(email("Ana@Example.org"), NEW);
        let address = json!({"canonical": "ana@example.org", "entered": "Ana@Example.org"});
        let changes = json!({"email": address, "generation": 4, "version": NEW});
        assert_eq!(json!(moved), patched(&before, changes));
        let former = BTreeMap::from([(TENANT, "former"), (TenantId(BEN.0), "former")]);
        let without = before.clone().without([TENANT, TenantId(BEN.0)]);
        assert_eq!(json!(without), patched(&before, json!({"tenants": former})));
        let returned = before.returned(email("Ana@Example.org"), "$none$", NEW);
        let changes = json!({"email": address, "password_hash": "$none$", "generation": 4, "version": NEW});
        assert_eq!(json!(returned), patched(&before, changes));
    }

    #[test]
    fn a_hash_is_one_at_the_costs_that_all_have() {
        let with = |from: &str, to: &str| Credential::is_hash(&Credential::UNUSABLE.replacen(from, to, 1));
        assert!(with("", "") && with("AAAA", "c29t"));
        for (from, to) in [
            ("m=19456", "m=4194304"),
            ("t=2", "t=20"),
            ("p=1", "p=4"),
            ("v=19", "v=16"),
            ("argon2id", "argon2i"),
            ("$argon2id", "x$argon2id"),
            // a salt and a hash of other lengths, and letters that are none
            ("1$AAAA", "1$"),
            ("A$AAAA", "A$"),
            ("1$AAAA", "1$AA*A"),
            ("A$AAAA", "A$AA*A"),
            ("A$A", "A"),
        ] {
            assert!(!with(from, to), "{from}, {to}");
        }
        assert!(!Credential::is_hash("") && !Credential::is_hash(&format!("{}$", Credential::UNUSABLE)));
    }

    #[test]
    fn a_profile_changes_in_what_is_said_and_in_nothing_else() {
        let before = user();
        let unchanged = before.with(&NewProfile::default(), NEW);
        assert_eq!(json!(unchanged), patched(&before, json!({"version": NEW})));
        let profile = NewProfile {
            first_name: Some(text("Anna")),
            last_name: Some(text("Limes")),
            phone: Some(Some(phone("+4930123456"))),
            locale: Some(Some(locale("de"))),
        };
        let changes = json!({
            "first_name": "Anna",
            "last_name": "Limes",
            "phone": "+4930123456",
            "locale": "de",
            "version": NEW,
        });
        assert_eq!(json!(before.with(&profile, NEW)), patched(&before, changes));
        let nothing = NewProfile { phone: Some(None), locale: Some(None), ..NewProfile::default() };
        let changes = json!({"phone": null, "locale": null, "version": NEW});
        assert_eq!(json!(before.with(&nothing, NEW)), patched(&before, changes));
        let said = Profile { first_name: Some(text("Ana")), ..Profile::default() };
        assert_eq!(json!(said), json!({"first_name": "Ana", "last_name": null, "phone": null}));
    }

    #[test]
    fn a_member_is_shown_otherwise_when_a_name_or_the_number_is_another() {
        let nothing = NewProfile::default();
        let member = member();
        let same = NewProfile {
            first_name: Some(text("Ana")),
            last_name: Some(text("Lima")),
            phone: Some(Some(phone("+14155550123"))),
            locale: Some(None),
        };
        for (profile, otherwise) in [
            (nothing.clone(), false),
            (same.clone(), false),
            (NewProfile { first_name: Some(text("Anna")), ..nothing.clone() }, true),
            (NewProfile { last_name: Some(text("Limes")), ..nothing.clone() }, true),
            (NewProfile { phone: Some(None), ..nothing }, true),
            (NewProfile { first_name: Some(text("Anna")), ..same.clone() }, true),
            (NewProfile { last_name: Some(text("Limes")), ..same.clone() }, true),
            (NewProfile { phone: Some(Some(phone("+4930123456"))), ..same }, true),
        ] {
            assert_eq!(profile.changes(&member), otherwise, "{profile:?}");
        }
    }

    #[test]
    fn a_session_too_many_ends_the_one_that_was_used_longest_ago() {
        let now = Timestamp::from_unix_millis(50_000_000);
        let digest = |n: u64| Digest::of(&n.to_be_bytes());
        let mut user = user();
        // two at a time are used at the same moment, the later one has the smaller id
        let open = |user: &mut User, n: u64| {
            let id = SessionId(Uuid::from_u128(u128::from(100 - n)));
            user.sessions.insert(digest(n), Session { id, ..session(1_000 + n / 2, 100_000, None) });
        };
        user.sessions.insert(digest(99), session(49_999, 50_000, None));
        for n in (0..=10).rev() {
            open(&mut user, n);
        }
        assert_eq!(MOST_SESSIONS, 12);
        assert_eq!(user.sessions_to_drop(now), [&digest(99)]);
        open(&mut user, 11);
        assert_eq!(user.sessions_to_drop(now), [&digest(99), &digest(1)]);
        open(&mut user, 12);
        open(&mut user, 13);
        assert_eq!(user.sessions_to_drop(now), [99, 1, 0, 3].map(digest).iter().collect::<Vec<_>>());

        let found = |n: u64| user.session(&digest(n), now).map(|session| session.used_at);
        let used = Timestamp::from_unix_millis(1_001_000);
        assert_eq!((found(2), found(99), found(98)), (Some(used), None, None));
        for n in 100..140 {
            user.sessions.insert(digest(n), session(49_999, 50_000, None));
        }
        assert_eq!(user.sessions_to_drop(now).len(), 40, "what one write can name");
    }

    #[test]
    fn a_session_is_opened_for_as_long_as_the_deployment_says() {
        let client = Client::of("curl");
        let policy =
            SessionPolicy { lifetime: Duration::from_secs(7_200), idle: Some(Duration::from_secs(1_800)) };
        let (token, new) = Session::open((ANA, 3), &policy, client, &invocation());
        assert_eq!((token.user(), new.user_id, new.generation), (ANA, ANA, 3));
        assert_eq!((token.digest(), new.session.id.made_at()), (new.digest, Some(NOW)));
        let written = json!({
            "id": new.session.id,
            "created_at": NOW,
            "used_at": NOW,
            "expires_at": "2027-01-15T10:00:00.123Z",
            "idle": 1_800,
            "client": "curl",
        });
        survives(&new.session, written);
        let endless = SessionPolicy { idle: None, ..policy };
        let (_, other) = Session::open((ANA, 3), &endless, None, &invocation());
        let changes = json!({"id": other.session.id, "idle": null, "client": null});
        survives(&other.session, patched(&new.session, changes));
    }

    #[test]
    fn an_address_belongs_to_tenants_that_share_it_or_to_one() {
        use Belonging::{Exclusive, Former, Shared};
        is_closed(Belonging::ALL, "belonging", &["shared", "exclusive", "former"]);
        let [one, other] = [BEN, ANA].map(|id| TenantId(id.0));
        for (tenants, joins_shared, joins_exclusive) in [
            (vec![], true, true),
            (vec![(one, Former)], true, true),
            (vec![(one, Shared)], true, false),
            (vec![(one, Exclusive)], false, false),
            (vec![(TENANT, Exclusive)], true, true),
            (vec![(TENANT, Shared), (one, Exclusive)], false, false),
            (vec![(TENANT, Exclusive), (one, Shared), (other, Former)], true, false),
        ] {
            let credential = Credential { tenants: tenants.into_iter().collect(), ..credential() };
            let joins = |email_policy| credential.may_join(&Tenant { email_policy, ..tenant() });
            let may = (joins(EmailPolicy::Shared), joins(EmailPolicy::Exclusive));
            assert_eq!(may, (joins_shared, joins_exclusive), "{:?}", credential.tenants);
        }
        let tenants = BTreeMap::from([(TENANT, Shared), (one, Exclusive), (other, Former)]);
        let belongs = Credential { tenants, ..credential() };
        assert_eq!(belongs.current().collect::<Vec<_>>(), [TENANT, one]);
        for (tenants, beside) in [
            (vec![], false),
            (vec![(TENANT, Shared)], false),
            (vec![(one, Former)], true),
            (vec![(TENANT, Former), (one, Shared)], true),
        ] {
            let credential = Credential { tenants: tenants.into_iter().collect(), ..credential() };
            assert_eq!(credential.is_known_beside(TENANT), beside, "{:?}", credential.tenants);
        }
        let tenants = BTreeMap::from([(TENANT, "shared"), (one, "exclusive"), (other, "former")]);
        let written = json!({
            "email": {"canonical": "ana@example.com", "entered": "Ana@Example.com"},
            "user_id": ANA,
            "password_hash": "$argon2id$",
            "tenants": tenants,
            "generation": 3,
            "version": OLD,
        });
        survives(&belongs, written);
        let older = serde_json::from_value::<Credential>(patched(&belongs, json!({"generation": null})));
        assert_eq!(older.unwrap().generation, 0);
    }

    #[test]
    fn an_address_follows_the_policy_of_a_tenant_that_it_is_a_member_of() {
        use Belonging::{Exclusive, Former, Shared};
        let other = TenantId(BEN.0);
        for (is, under_shared, under_exclusive) in [
            (None, None, None),
            (Some(Former), None, None),
            (Some(Shared), None, Some(Exclusive)),
            (Some(Exclusive), Some(Shared), None),
        ] {
            let tenants = is.map(|is| (TENANT, is)).into_iter().chain([(other, Shared)]).collect();
            let credential = Credential { tenants, ..credential() };
            let under = |email_policy| credential.belonging_to_change(&Tenant { email_policy, ..tenant() });
            let changes = (under(EmailPolicy::Shared), under(EmailPolicy::Exclusive));
            assert_eq!(changes, (under_shared, under_exclusive), "{is:?}");
        }
        for (tenants, elsewhere) in [
            (vec![], false),
            (vec![(TENANT, Shared)], false),
            (vec![(TENANT, Shared), (other, Former)], false),
            (vec![(TENANT, Shared), (other, Shared)], true),
            (vec![(other, Exclusive)], true),
        ] {
            let credential = Credential { tenants: tenants.into_iter().collect(), ..credential() };
            assert_eq!(credential.is_elsewhere(TENANT), elsewhere, "{:?}", credential.tenants);
        }
    }

    #[test]
    fn who_joins_belongs_to_the_tenant_as_its_policy_has_it() {
        // who is new, the address, the version that was read
        let parts = |joining: Joining| match joining {
            Joining::New { user, credential } => (Some(user), credential, None),
            Joining::Known { credential, read } => (None, credential, Some(read)),
        };
        for (email_policy, belonging) in
            [(EmailPolicy::Shared, "shared"), (EmailPolicy::Exclusive, "exclusive")]
        {
            let tenant = Tenant { email_policy, ..tenant() };
            let (member, hash) = (member(), "$hash$".to_owned());
            let joining = Joining::new(&member, &tenant, Some(locale("de")), hash, &invocation());
            let (user, credential, read) = parts(joining);
            let version = user.as_ref().unwrap().version.unwrap();
            let of = User::of(&member, Some(locale("de")), version);
            assert_eq!((json!(user), version.made_at(), read), (json!(of), Some(NOW), None));
            let written = json!({
                "email": member.email,
                "user_id": ANA,
                "password_hash": "$hash$",
                "tenants": BTreeMap::from([(TENANT, belonging)]),
                "generation": 0,
                "version": credential.version,
            });
            assert_eq!((json!(credential), credential.version.made_at()), (written, Some(NOW)));

            let former = [(TENANT, Belonging::Former), (TenantId(BEN.0), Belonging::Shared)];
            let before = Credential { tenants: BTreeMap::from(former), ..self::credential() };
            let (user, after, read) = parts(Joining::known(before.clone(), &tenant, &invocation()));
            assert_eq!((json!(user), after.version.made_at(), read), (json!(null), Some(NOW), Some(OLD)));
            let tenants = BTreeMap::from([(TENANT, belonging), (TenantId(BEN.0), "shared")]);
            let changes = json!({"tenants": tenants, "version": after.version});
            assert_eq!(json!(after), patched(&before, changes));
        }
    }
}
