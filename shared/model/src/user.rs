use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Digest, Email, EmailPolicy, Invocation, Locale, Member, PersonName, Phone, SessionToken, Tenant,
    TenantId, Timestamp, UserId, Version,
};

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

impl User {
    /// The user whose first membership this is.
    #[must_use]
    pub fn of(member: &Member, locale: Option<Locale>) -> Self {
        Self {
            id: member.user_id,
            email: member.email.clone(),
            first_name: member.first_name.clone(),
            last_name: member.last_name.clone(),
            phone: member.phone.clone(),
            locale,
            created_at: member.joined_at,
        }
    }
}

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
    /// Renewed with every write.
    pub version: Version,
}

impl Credential {
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
            version: invocation.version(),
        };
        Self::New { user: User::of(member, locale), credential }
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
    /// A fresh one of this user, and the token that is shown this once.
    #[must_use]
    pub fn open(user_id: UserId, lifetime: Duration, invocation: &Invocation) -> (SessionToken, Self) {
        let token = SessionToken::mint(invocation.random(), user_id);
        let (digest, now) = (token.digest(), invocation.now());
        (token, Self { user_id, digest, created_at: now, expires_at: now + lifetime })
    }
}
