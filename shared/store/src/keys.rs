//! Every key of the table, built and parsed here and nowhere else.
//!
//! | entity | pk | sk | gsi1pk / gsi1sk | read by |
//! | --- | --- | --- | --- | --- |
//! | Tenant (`ttl` until somebody owns it) | `TENANT#t` | `TENANT` | | every request inside a tenant |
//! | Portal, that it administers the tenant (`ttl` as the tenant) | `TENANT#t` | `PORTAL` | `PORTAL#p` / `TENANT#t` | requests of who isn't a member of a tenant with a portal, every write of theirs; a portal's partners |
//! | Import | `TENANT#t` | `IMPORT` | | the operator, while a tenant is being imported |
//! | Brand | `TENANT#t` | `BRAND#b` | | brand routes, `check`, assignments; listed by prefix |
//! | Member | `TENANT#t` | `MEMBER#u` | `USER#u` / `TENANT#t` | every request inside a tenant; the user's tenants |
//! | Invitation | `TENANT#t` | `INVITATION#i` | while pending: `PENDING#t` / `expires_at#i` | the emailed link; seats to reclaim |
//! | Invitee | `TENANT#t` | `INVITEE#email` | of an invitation: `EMAIL#canonical` / `TENANT#t` | inviting, coming back: one invitation or member an address, an expired one until a newer takes it; by its index entry, a password reset for who is only invited |
//! | Review | `TENANT#t` | `REVIEW#r` | | the routes of reviews; listed by prefix |
//! | OpenReview | `TENANT#t` | `REVIEW` | | opening one: there is one at a time |
//! | Decision | `REVIEW#r` | `MEMBER#u` | | deciding, the review and its export; listed by prefix |
//! | Mail (`ttl`) | `MAIL#m` | `MAIL` | | `deliver` |
//! | Token (`ttl`) | `TOKEN#sha256` | `TOKEN` | | the emailed link |
//! | Reminder (`ttl`) | `REMINDER#i` | `REMINDER` | | nobody: `expire` is told by the stream when it is gone |
//! | Reset (`ttl`) | `RESET#sha256` | `RESET` | | the emailed link of a forgotten password |
//! | EmailProof (`ttl`) | `PROOF#sha256` | `PROOF` | | the emailed link to a new address |
//! | EmailReturn (`ttl`) | `RETURN#sha256` | `RETURN` | | the emailed link that takes an old one back |
//! | User, with their sessions | `USER#u` | `USER` | | every request that takes a session, signing in, accepting |
//! | Credential | `EMAIL#canonical` | `EMAIL` | | signing in, accepting, inviting; whatever asks for a password or replaces one; another email policy |
//! | Suppression | `EMAIL#canonical` | `SUPPRESSION` | | every write that queues an invitation's mail, `deliver` |
//! | Event | `EVENTS#t#yyyy-mm` | `uuidv7` | | the audit trail, a month a partition |
//! | Idempotency record (`ttl`) | `IDEMPOTENCY#scope` | `key` | | every POST with an `Idempotency-Key` |
//! | Rate window (`ttl`) | `RATE#scope` | `window` | | limits that no other item can carry |
//!
//! `ttl` is in epoch seconds. What a sign-up writes beside the tenant (invitation, address, event, portal) has its `ttl` too: a
//! tenant that nobody confirms is gone with its link. What a removed tenant leaves (see `removing`) is what has a `ttl`. The
//! index projects keys only: it finds, it never decides.

use std::fmt;
use std::marker::PhantomData;

use model::{
    Administration, Brand, Credential, Decision, Digest, Email, EmailProof, EmailReturn, Event, EventId,
    Import, Invitation, InvitationId, InvitationStatus, Invitee, Limit, Mail, MailId, Member, OpenReview,
    Reminder, Reset, Review, ReviewId, Source, Suppression, Tenant, TenantId, Timestamp, TokenRecord, User,
    UserId,
};
use policy::BrandId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::Record;

/// The attribute that DynamoDB takes an item's end from.
pub const TTL: &str = "ttl";
/// The one index.
pub const INDEX: &str = "gsi1";
/// The table's key attributes, then the index's.
pub const ATTRIBUTES: [&str; 4] = ["pk", "sk", "gsi1pk", "gsi1sk"];

/// Where one item lies, and what is found there.
#[derive(Debug)]
pub struct Key<E> {
    pub(crate) pk: String,
    pub(crate) sk: String,
    entity: PhantomData<fn() -> E>,
}

impl<E> Clone for Key<E> {
    fn clone(&self) -> Self {
        Self { pk: self.pk.clone(), sk: self.sk.clone(), entity: PhantomData }
    }
}

impl<E> Key<E> {
    const fn new(pk: String, sk: String) -> Self {
        Self { pk, sk, entity: PhantomData }
    }
}

/// What can be an item of the table.
pub trait Entity: Serialize + DeserializeOwned {
    /// The value of the attribute `entity`.
    const NAME: &'static str;

    /// The entry in the index, where it has one now, of the item that lies at this key.
    fn index(&self, _key: &Key<Self>) -> Option<(String, String)>
    where
        Self: Sized,
    {
        None
    }

    /// When DynamoDB may remove the item, in epoch seconds.
    fn ttl(&self) -> Option<u64> {
        None
    }
}

impl Entity for Tenant {
    const NAME: &'static str = "Tenant";
    fn ttl(&self) -> Option<u64> {
        self.unconfirmed_until.map(Timestamp::unix_seconds)
    }
}
impl Entity for Administration {
    const NAME: &'static str = "Portal";
    fn index(&self, _: &Key<Self>) -> Option<(String, String)> {
        Some((partners(self.portal), tenant_partition(self.tenant_id)))
    }
    fn ttl(&self) -> Option<u64> {
        self.unconfirmed_until.map(Timestamp::unix_seconds)
    }
}
impl Entity for Import {
    const NAME: &'static str = "Import";
}
impl Entity for Brand {
    const NAME: &'static str = "Brand";
}
impl Entity for Member {
    const NAME: &'static str = "Member";
    fn index(&self, _: &Key<Self>) -> Option<(String, String)> {
        Some((user_partition(self.user_id), tenant_partition(self.tenant_id)))
    }
}
impl Entity for Invitation {
    const NAME: &'static str = "Invitation";
    fn index(&self, _: &Key<Self>) -> Option<(String, String)> {
        (self.status == InvitationStatus::Pending)
            .then(|| (pending_partition(self.tenant_id), format!("{}#{}", self.expires_at, self.id)))
    }
    fn ttl(&self) -> Option<u64> {
        self.unconfirmed_until.map(Timestamp::unix_seconds)
    }
}
impl Entity for Invitee {
    const NAME: &'static str = "Invitee";
    fn index(&self, key: &Key<Self>) -> Option<(String, String)> {
        let email = key.sk.strip_prefix(INVITEE).filter(|_| matches!(self, Self::Invitation { .. }))?;
        Some((email_partition(email), key.pk.clone()))
    }
    fn ttl(&self) -> Option<u64> {
        match self {
            Self::Invitation { unconfirmed_until, .. } => unconfirmed_until.map(Timestamp::unix_seconds),
            Self::Member { .. } => None,
        }
    }
}
impl Entity for Mail {
    const NAME: &'static str = "Mail";
    fn ttl(&self) -> Option<u64> {
        Some(self.expires_at.unix_seconds())
    }
}
impl Entity for TokenRecord {
    const NAME: &'static str = "Token";
    fn ttl(&self) -> Option<u64> {
        Some(self.expires_at.unix_seconds())
    }
}
impl Entity for Reminder {
    const NAME: &'static str = "Reminder";
    fn ttl(&self) -> Option<u64> {
        Some(self.at.unix_seconds())
    }
}
impl Entity for Reset {
    const NAME: &'static str = "Reset";
    fn ttl(&self) -> Option<u64> {
        Some(self.expires_at.unix_seconds())
    }
}
impl Entity for EmailProof {
    const NAME: &'static str = "EmailProof";
    fn ttl(&self) -> Option<u64> {
        Some(self.expires_at.unix_seconds())
    }
}
impl Entity for EmailReturn {
    const NAME: &'static str = "EmailReturn";
    fn ttl(&self) -> Option<u64> {
        Some(self.expires_at.unix_seconds())
    }
}
impl Entity for User {
    const NAME: &'static str = "User";
}
impl Entity for Credential {
    const NAME: &'static str = "Credential";
}
impl Entity for Suppression {
    const NAME: &'static str = "Suppression";
}
impl Entity for Event {
    const NAME: &'static str = "Event";
    fn ttl(&self) -> Option<u64> {
        self.unconfirmed_until.map(Timestamp::unix_seconds)
    }
}
impl Entity for Review {
    const NAME: &'static str = "Review";
}
impl Entity for OpenReview {
    const NAME: &'static str = "OpenReview";
}
impl Entity for Decision {
    const NAME: &'static str = "Decision";
}
impl Entity for Record {
    const NAME: &'static str = "Idempotency";
    fn ttl(&self) -> Option<u64> {
        Some(self.expires_at.unix_seconds())
    }
}

const MEMBER: &str = "MEMBER#";
const BRAND: &str = "BRAND#";
const INVITATION: &str = "INVITATION#";
const INVITEE: &str = "INVITEE#";
const REVIEW: &str = "REVIEW#";

pub(crate) fn tenant_partition(t: TenantId) -> String {
    format!("TENANT#{t}")
}

fn user_partition(u: UserId) -> String {
    format!("USER#{u}")
}

fn email_partition(email: &str) -> String {
    format!("EMAIL#{email}")
}

fn pending_partition(t: TenantId) -> String {
    format!("PENDING#{t}")
}

/// The tenant.
#[must_use]
pub fn tenant(t: TenantId) -> Key<Tenant> {
    Key::new(tenant_partition(t), "TENANT".to_owned())
}

/// That a portal administers the tenant.
#[must_use]
pub fn administration(t: TenantId) -> Key<Administration> {
    Key::new(tenant_partition(t), "PORTAL".to_owned())
}

/// How far the import of the tenant is.
#[must_use]
pub fn import(t: TenantId) -> Key<Import> {
    Key::new(tenant_partition(t), "IMPORT".to_owned())
}

/// A brand of the tenant.
#[must_use]
pub fn brand(t: TenantId, b: BrandId) -> Key<Brand> {
    Key::new(tenant_partition(t), format!("{BRAND}{b}"))
}

/// A member of the tenant.
#[must_use]
pub fn member(t: TenantId, u: UserId) -> Key<Member> {
    Key::new(tenant_partition(t), format!("{MEMBER}{u}"))
}

/// An invitation of the tenant.
#[must_use]
pub fn invitation(t: TenantId, i: InvitationId) -> Key<Invitation> {
    Key::new(tenant_partition(t), format!("{INVITATION}{i}"))
}

/// A review of the tenant's access.
#[must_use]
pub fn review(t: TenantId, r: ReviewId) -> Key<Review> {
    Key::new(tenant_partition(t), format!("{REVIEW}{r}"))
}

/// Which of them is going on, if one is.
#[must_use]
pub fn open_review(t: TenantId) -> Key<OpenReview> {
    Key::new(tenant_partition(t), "REVIEW".to_owned())
}

/// What a review decided about a member.
#[must_use]
pub fn decision(r: ReviewId, u: UserId) -> Key<Decision> {
    Key::new(decisions(r), format!("{MEMBER}{u}"))
}

/// The partition of a review's decisions.
pub(crate) fn decisions(r: ReviewId) -> String {
    format!("{REVIEW}{r}")
}

/// Who holds the canonical address `email` in the tenant.
#[must_use]
pub fn invitee(t: TenantId, email: &str) -> Key<Invitee> {
    Key::new(tenant_partition(t), format!("{INVITEE}{email}"))
}

/// An entry of the outbox.
#[must_use]
pub fn mail(m: MailId) -> Key<Mail> {
    Key::new(format!("MAIL#{m}"), "MAIL".to_owned())
}

/// What the token with this digest opens.
#[must_use]
pub fn token(digest: &Digest) -> Key<TokenRecord> {
    Key::new(format!("TOKEN#{}", digest.as_str()), "TOKEN".to_owned())
}

/// When somebody is to be reminded of an invitation: one at most, the newest mail's.
#[must_use]
pub fn reminder(i: InvitationId) -> Key<Reminder> {
    Key::new(format!("REMINDER#{i}"), "REMINDER".to_owned())
}

/// What the token of a password reset with this digest stands for.
#[must_use]
pub fn reset(digest: &Digest) -> Key<Reset> {
    Key::new(format!("RESET#{}", digest.as_str()), "RESET".to_owned())
}

/// What the token of a link to a new address with this digest stands for.
#[must_use]
pub fn email_proof(digest: &Digest) -> Key<EmailProof> {
    Key::new(format!("PROOF#{}", digest.as_str()), "PROOF".to_owned())
}

/// What the token of a link that takes an old address back with this digest stands for.
#[must_use]
pub fn email_return(digest: &Digest) -> Key<EmailReturn> {
    Key::new(format!("RETURN#{}", digest.as_str()), "RETURN".to_owned())
}

/// A user: their profile, and their sessions.
#[must_use]
pub fn user(u: UserId) -> Key<User> {
    Key::new(user_partition(u), "USER".to_owned())
}

/// Whose the canonical address `email` is.
#[must_use]
pub fn credential(email: &str) -> Key<Credential> {
    Key::new(email_partition(email), "EMAIL".to_owned())
}

/// Why no mail goes to the canonical address `email` any more.
#[must_use]
pub fn suppression(email: &str) -> Key<Suppression> {
    Key::new(email_partition(email), "SUPPRESSION".to_owned())
}

/// An event. The month is that of its id's time.
#[must_use]
pub fn event(t: TenantId, at: Timestamp, id: EventId) -> Key<Event> {
    Key::new(events_partition(t, &at.month()), id.to_string())
}

/// Whose `Idempotency-Key` it is: keys of two callers never meet.
#[derive(Clone, Copy)]
pub enum Scope<'a> {
    /// A signed-in user's.
    User(UserId),
    /// That of whoever has this emailed token.
    Token(&'a Digest),
    /// Of sign-ups with this address.
    SignUp(&'a Email),
    /// Of sign-ins with this address.
    SignIn(&'a Email),
    /// Of password resets asked for with this address.
    Reset(&'a Email),
    /// The operator's.
    Operator,
}

impl fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = |email: &Email| Digest::of(email.canonical().as_bytes());
        match self {
            Self::User(user) => write!(f, "USER#{user}"),
            Self::Token(token) => write!(f, "TOKEN#{}", token.as_str()),
            Self::SignUp(email) => write!(f, "SIGN-UP#{}", digest(email).as_str()),
            Self::SignIn(email) => write!(f, "SIGN-IN#{}", digest(email).as_str()),
            Self::Reset(email) => write!(f, "RESET#{}", digest(email).as_str()),
            Self::Operator => f.write_str("OPERATOR"),
        }
    }
}

/// The answer that was given under this key in this scope.
#[must_use]
pub fn idempotency(scope: &str, key: &str) -> Key<Record> {
    Key::new(format!("IDEMPOTENCY#{scope}"), key.to_owned())
}

/// A counter of its own.
#[derive(Debug)]
pub(crate) enum Rate {}

fn rate(scope: &str, limit: Limit, now: Timestamp) -> Key<Rate> {
    Key::new(format!("RATE#{scope}"), limit.window(now).to_string())
}

/// Emails to one canonical address, over all tenants.
pub(crate) fn mails_to(email: &str, limit: Limit, now: Timestamp) -> Key<Rate> {
    rate(&format!("MAIL#{email}"), limit, now)
}

/// Emails to one canonical address from one tenant; for none, from all sign-ups together.
pub(crate) fn mails_from(tenant: Option<TenantId>, email: &str, limit: Limit, now: Timestamp) -> Key<Rate> {
    let tenant = tenant.map_or_else(|| "SIGN-UP".to_owned(), |tenant| tenant.to_string());
    rate(&format!("MAIL#{tenant}#{email}"), limit, now)
}

/// Failed sign-ins of one canonical address, from one source.
pub(crate) fn sign_ins_from(source: &Source, email: &str, limit: Limit, now: Timestamp) -> Key<Rate> {
    rate(&format!("SIGN-IN#{source}#{email}"), limit, now)
}

/// Failed sign-ins of one canonical address, from anywhere.
pub(crate) fn sign_ins_of(email: &str, limit: Limit, now: Timestamp) -> Key<Rate> {
    rate(&format!("SIGN-IN#{email}"), limit, now)
}

/// Password resets asked for with one canonical address.
pub(crate) fn resets_of(email: &str, limit: Limit, now: Timestamp) -> Key<Rate> {
    rate(&format!("RESET#{email}"), limit, now)
}

/// The same, from one source.
pub(crate) fn resets_from(source: &Source, limit: Limit, now: Timestamp) -> Key<Rate> {
    rate(&format!("RESET-FROM#{source}"), limit, now)
}

/// Links for a new password that were mailed to one canonical address.
pub(crate) fn resets_sent(email: &str, limit: Limit, now: Timestamp) -> Key<Rate> {
    rate(&format!("RESET-SENT#{email}"), limit, now)
}

/// Invitations that were mailed again to one canonical address, because somebody asked for a new password with it.
pub(crate) fn mailed_again(email: &str, limit: Limit, now: Timestamp) -> Key<Rate> {
    rate(&format!("AGAIN#{email}"), limit, now)
}

/// Passwords of one canonical address that were changed with the old one.
pub(crate) fn passwords_of(email: &str, limit: Limit, now: Timestamp) -> Key<Rate> {
    rate(&format!("PASSWORD#{email}"), limit, now)
}

/// Changes of one person's profile.
pub(crate) fn profiles_of(user: UserId, limit: Limit, now: Timestamp) -> Key<Rate> {
    rate(&format!("PROFILE#{user}"), limit, now)
}

/// Links to a new address that one person asked for.
pub(crate) fn emails_of(user: UserId, limit: Limit, now: Timestamp) -> Key<Rate> {
    rate(&format!("EMAIL#{user}"), limit, now)
}

/// Such links that one person asked for to one canonical address.
pub(crate) fn proofs_by(user: UserId, email: &str, limit: Limit, now: Timestamp) -> Key<Rate> {
    rate(&format!("PROOF#{user}#{email}"), limit, now)
}

/// Such links to one canonical address, whoever asked for them.
pub(crate) fn proofs_to(email: &str, limit: Limit, now: Timestamp) -> Key<Rate> {
    rate(&format!("PROOF#{email}"), limit, now)
}

/// Sign-ups from one source.
pub(crate) fn sign_ups_from(source: &Source, limit: Limit, now: Timestamp) -> Key<Rate> {
    rate(&format!("SIGN-UP#{source}"), limit, now)
}

/// Sign-ups of the whole deployment.
pub(crate) fn sign_ups(limit: Limit, now: Timestamp) -> Key<Rate> {
    rate("SIGN-UP", limit, now)
}

/// The partition that holds a tenant's events of one month, `2026-11`.
pub(crate) fn events_partition(t: TenantId, month: &str) -> String {
    format!("EVENTS#{t}#{month}")
}

/// An entry of a list inside a partition: the list's prefix, and the sort key of the entry with this id.
pub(crate) trait InList: Entity {
    const PREFIX: &'static str;
    fn id(&self) -> Uuid;
    fn sort_key(id: Uuid) -> String {
        format!("{}{id}", Self::PREFIX)
    }
}

impl InList for Member {
    const PREFIX: &'static str = MEMBER;
    fn id(&self) -> Uuid {
        self.user_id.0
    }
}
impl InList for Brand {
    const PREFIX: &'static str = BRAND;
    fn id(&self) -> Uuid {
        self.id.0
    }
}
impl InList for Invitation {
    const PREFIX: &'static str = INVITATION;
    fn id(&self) -> Uuid {
        self.id.0
    }
}
impl InList for Review {
    const PREFIX: &'static str = REVIEW;
    fn id(&self) -> Uuid {
        self.id.0
    }
}
impl InList for Decision {
    const PREFIX: &'static str = MEMBER;
    fn id(&self) -> Uuid {
        self.user_id.0
    }
}

/// The index partition of a user's memberships, and the tenant that an entry in it names.
pub(crate) fn memberships(u: UserId) -> String {
    user_partition(u)
}

/// The sort key of a user's membership of this tenant; one that sorts before all of them for none.
pub(crate) fn membership_in(t: Option<TenantId>) -> String {
    t.map_or_else(|| "TENANT#".to_owned(), tenant_partition)
}

/// The index partition of the tenants that a portal administers; its sort keys are those of memberships.
pub(crate) fn partners(portal: TenantId) -> String {
    format!("PORTAL#{portal}")
}

/// The index partition of the invitations of a canonical address; its sort keys are those of memberships.
pub(crate) fn invited(email: &str) -> String {
    email_partition(email)
}

pub(crate) fn tenant_of_membership(gsi1sk: &str) -> Option<TenantId> {
    TenantId::parse(gsi1sk.strip_prefix("TENANT#")?)
}

/// The index partition of a tenant's pending invitations, ordered by expiry; the last sort key that has expired at
/// `now`; and the invitation that an entry's sort key names.
pub(crate) fn pending(t: TenantId) -> String {
    pending_partition(t)
}

pub(crate) fn expired_by(now: Timestamp) -> String {
    // `~` sorts after every id
    format!("{now}#~")
}

pub(crate) fn invitation_of_pending(gsi1sk: &str) -> Option<InvitationId> {
    InvitationId::parse(gsi1sk.split_once('#')?.1)
}
