use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use policy::{BrandId, Brands, Grant, MemberStatus, Permissions, Relation, Role, Standing, TenantStatus};
use serde::{Deserialize, Serialize};

use crate::{
    BrandName, CompanyName, DeliveryState, Dice, Digest, Email, EventId, Invitation, InvitationId, Locale,
    MailId, PersonName, Phone, SessionToken, Stamp, TenantId, Timestamp, UserId, Window,
};

/// Whether an address may belong to several tenants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmailPolicy {
    /// To this tenant only.
    Exclusive,
    /// One person, several tenants.
    Shared,
}

/// One organization's account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// The organization's name.
    pub name: CompanyName,
    /// Where the account stands.
    pub status: TenantStatus,
    /// The plan's name; what it means is the host platform's business.
    pub plan: String,
    /// How many seats the plan has.
    pub seat_limit: u32,
    /// Active members plus pending invitations that nobody has found expired yet.
    pub seats_used: u32,
    /// Whether addresses may belong to other tenants too.
    pub email_policy: EmailPolicy,
    /// The one owner, from the moment that the first one accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// When it signed up.
    pub created_at: Timestamp,
    /// Emails in the current day.
    #[serde(default)]
    pub mails: Window,
    /// Renewed when the status, the plan or the email policy changes; counters leave it alone.
    pub authority: Stamp,
}

/// A unit inside a tenant that members are assigned to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Brand {
    /// Its id.
    pub id: BrandId,
    /// The tenant that it belongs to.
    pub tenant_id: TenantId,
    /// Its name.
    pub name: BrandName,
    /// When it was made.
    pub created_at: Timestamp,
    /// Renewed with every write.
    pub version: Stamp,
}

/// A user inside a tenant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub user_id: UserId,
    /// Where.
    pub tenant_id: TenantId,
    /// Their address.
    pub email: Email,
    /// First name.
    pub first_name: PersonName,
    /// Last name.
    pub last_name: PersonName,
    /// Phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
    /// The role.
    pub role: Role,
    /// The assigned brands; owners and admins reach every brand whatever stands here.
    pub brands: Brands,
    /// The list that replaces the role's permissions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// Where the membership stands. A revoked one stays as a trace, with nothing of the old access.
    pub status: MemberStatus,
    /// When they accepted.
    pub joined_at: Timestamp,
    /// When they last changed something or signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_active_at: Option<Timestamp>,
    /// Invitations in the current hour.
    #[serde(default)]
    pub invites: Window,
    /// Renewed when role, permissions, brands or status change; what a write that relies on them is conditioned on.
    pub authority: Stamp,
}

impl Member {
    /// What was given away with it.
    #[must_use]
    pub const fn grant(&self) -> Grant<'_> {
        Grant { role: self.role, permissions: self.permissions, brands: &self.brands }
    }

    /// What the policy needs to know.
    #[must_use]
    pub const fn standing(&self, tenant: TenantStatus) -> Standing<'_> {
        Standing {
            relation: Relation::Member,
            role: self.role,
            overrides: self.permissions,
            brands: &self.brands,
            status: self.status,
            tenant,
        }
    }
}

/// One person's profile.
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
}

/// How an address belongs to a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Belonging {
    /// A member of a tenant that shares addresses.
    Shared,
    /// A member of a tenant that doesn't.
    Exclusive,
    /// Was a member, and is told so at the next sign-in.
    Former,
}

/// What an address proves: whose it is, the password's hash, and the tenants that it belongs to.
///
/// The hash stands here and not with the profile, so that a sign-in is one read for known and unknown addresses alike;
/// the tenants stand here because no decision may rest on the index, which lags.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claim {
    /// The address.
    pub email: Email,
    /// Whose it is.
    pub user_id: UserId,
    /// The argon2id hash, in PHC form.
    pub password_hash: String,
    /// Where it belongs.
    pub tenants: BTreeMap<TenantId, Belonging>,
    /// Renewed with every write.
    pub version: Stamp,
}

impl Claim {
    /// Whether the address may join `tenant`, as its policy and the other tenants' have it.
    #[must_use]
    pub fn may_join(&self, tenant: TenantId, policy: EmailPolicy) -> bool {
        self.tenants.iter().filter(|(id, _)| **id != tenant).all(|(_, belonging)| match belonging {
            Belonging::Former => true,
            Belonging::Shared => policy == EmailPolicy::Shared,
            Belonging::Exclusive => false,
        })
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

/// An address that no mail goes to any more: it bounced for good, or its owner complained.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Suppression {
    /// The address.
    pub email: Email,
    /// What happened.
    pub state: DeliveryState,
    /// In words for an admin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was first told.
    pub at: Timestamp,
}

/// A signed-in user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Whose.
    pub user_id: UserId,
    /// The digest of the bearer token.
    pub digest: Digest,
    /// When it was opened.
    pub created_at: Timestamp,
    /// From this moment on it is refused.
    pub expires_at: Timestamp,
}

impl Session {
    /// A fresh one of this user, and the token that is told this once.
    #[must_use]
    pub fn open(
        user_id: UserId,
        lifetime: Duration,
        dice: &dyn Dice,
        now: Timestamp,
    ) -> (SessionToken, Self) {
        let token = SessionToken::mint(dice, user_id);
        let session = Self { user_id, digest: token.digest(), created_at: now, expires_at: now + lifetime };
        (token, session)
    }
}

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// The link of an invitation.
    Invitation,
}

/// Where a mail of the outbox stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailStatus {
    /// To be sent.
    Queued,
    /// SES took it.
    Sent,
    /// SES will never take it.
    Failed,
}

/// An entry of the outbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mail {
    /// Its id.
    pub id: MailId,
    /// What it is about.
    pub kind: MailKind,
    /// The tenant that it is sent for.
    pub tenant_id: TenantId,
    /// The invitation that it is about.
    pub invitation_id: InvitationId,
    /// That invitation's generation: a mail of an older one is not sent.
    pub generation: u32,
    /// Whom it goes to.
    pub to: Email,
    /// Where it stands.
    pub status: MailStatus,
    /// How often a send was begun.
    pub attempts: u32,
    /// While this lies ahead, somebody is sending it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_until: Option<Timestamp>,
    /// What SES calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// When it was written.
    pub created_at: Timestamp,
}

/// What a sent mail is marked with, so that what SES says of it later finds its invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailTags {
    /// The tenant.
    pub tenant: TenantId,
    /// The invitation.
    pub invitation: InvitationId,
    /// Its generation.
    pub generation: u32,
}

impl Mail {
    /// The mail that carries the link of an invitation's newest generation.
    #[must_use]
    pub fn about(invitation: &Invitation, dice: &dyn Dice, now: Timestamp) -> Self {
        Self {
            id: MailId::new(dice, now),
            kind: MailKind::Invitation,
            tenant_id: invitation.tenant_id,
            invitation_id: invitation.id,
            generation: invitation.generation,
            to: invitation.email.clone(),
            status: MailStatus::Queued,
            attempts: 0,
            claimed_until: None,
            message_id: None,
            created_at: now,
        }
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// An organization signed up.
    #[serde(rename = "tenant.created")]
    TenantCreated,
    /// A brand was made.
    #[serde(rename = "brand.created")]
    BrandCreated,
    /// A brand got another name.
    #[serde(rename = "brand.updated")]
    BrandUpdated,
    /// A brand was deleted.
    #[serde(rename = "brand.deleted")]
    BrandDeleted,
    /// Somebody was invited.
    #[serde(rename = "invitation.created")]
    InvitationCreated,
    /// An invitation was sent again by an admin.
    #[serde(rename = "invitation.resent")]
    InvitationResent,
    /// The invited person asked for a fresh link.
    #[serde(rename = "invitation.renewed")]
    InvitationRenewed,
    /// An invitation became a membership.
    #[serde(rename = "invitation.accepted")]
    InvitationAccepted,
    /// The invited person turned it down.
    #[serde(rename = "invitation.declined")]
    InvitationDeclined,
    /// An invitation's email didn't arrive: it bounced, was rejected, or was marked as spam.
    #[serde(rename = "invitation.undelivered")]
    InvitationUndelivered,
    /// An invitation was taken back.
    #[serde(rename = "invitation.revoked")]
    InvitationRevoked,
    /// Nobody accepted in time, and the seat was freed.
    #[serde(rename = "invitation.expired")]
    InvitationExpired,
    /// A member got another role.
    #[serde(rename = "member.role_changed")]
    MemberRoleChanged,
    /// A member was assigned to other brands.
    #[serde(rename = "member.brands_changed")]
    MemberBrandsChanged,
    /// A membership was switched off.
    #[serde(rename = "member.suspended")]
    MemberSuspended,
    /// A membership was switched on again.
    #[serde(rename = "member.reinstated")]
    MemberReinstated,
    /// A membership was ended.
    #[serde(rename = "member.revoked")]
    MemberRevoked,
    /// The operator gave the tenant another plan or other seats.
    #[serde(rename = "tenant.plan_changed")]
    TenantPlanChanged,
    /// The ownership went to another member.
    #[serde(rename = "tenant.transferred")]
    TenantTransferred,
    /// The operator made an address free that nobody uses any more.
    #[serde(rename = "email.released")]
    EmailReleased,
    /// The operator switched the tenant off.
    #[serde(rename = "tenant.suspended")]
    TenantSuspended,
    /// The operator switched it on again.
    #[serde(rename = "tenant.reinstated")]
    TenantReinstated,
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EventActor {
    /// A signed-in user.
    User {
        /// Who.
        id: UserId,
    },
    /// The person behind an emailed link.
    Invitee,
    /// The deployment's operator, by direct invocation.
    Operator,
    /// The clock.
    System,
}

/// What it was done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum EventSubject {
    /// The tenant itself.
    Tenant(TenantId),
    /// A brand.
    Brand(BrandId),
    /// An invitation.
    Invitation(InvitationId),
    /// A member.
    Member(UserId),
}

/// One entry of a tenant's audit trail.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Its id; events sort by it.
    pub id: EventId,
    /// Whose trail.
    pub tenant_id: TenantId,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// Who.
    pub actor: EventActor,
    /// To what.
    pub subject: EventSubject,
    /// What changed, in names and values that need no lookup: `role`, `role_before`, `email` …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
    /// The request that did it, as the logs name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Event {
    /// `kind` happened to `subject` at `at`.
    #[must_use]
    pub fn new(
        dice: &dyn Dice,
        at: Timestamp,
        tenant_id: TenantId,
        kind: EventKind,
        actor: EventActor,
        subject: EventSubject,
        request_id: &str,
    ) -> Self {
        let request_id = (!request_id.is_empty()).then(|| request_id.to_owned());
        Self {
            id: EventId::new(dice, at),
            tenant_id,
            at,
            kind,
            actor,
            subject,
            details: BTreeMap::new(),
            request_id,
        }
    }

    /// Adds a detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.details.insert(name.to_owned(), value.to_string());
        self
    }
}

/// What a request with an `Idempotency-Key` was answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IdempotencyRecord {
    /// Whose key: keys of two callers never meet.
    pub scope: String,
    /// The key.
    pub key: String,
    /// A digest over what was asked, secrets left out: the same key with another one is refused.
    pub fingerprint: Digest,
    /// The answer's status.
    pub status: u16,
    /// The answer's `Location`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// The answer's `ETag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The answer's body, JSON, without any secret.
    pub body: String,
    /// From this moment on the key is free again.
    pub expires_at: Timestamp,
}
