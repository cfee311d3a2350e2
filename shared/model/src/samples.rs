//! What the tests of this crate begin with, and what they ask of every entity and of every closed set.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use policy::{BrandId, Brands, MemberStatus, Permission, Permissions, Role, TenantStatus, UnknownName};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Belonging, Credential, Delivery, DeliveryState, Digest, Email, EmailChangeId, EmailPolicy, Invitation,
    InvitationId, InvitationStatus, Invocation, Locale, Member, NewestToken, Phone, Random, ReviewId,
    SystemRandom, Tenant, TenantId, Timestamp, User, UserId, Uses, Version, Window,
};

/// `2023-11-14T22:13:20.000Z`: when the samples were made.
pub(crate) const EARLIER: Timestamp = Timestamp::from_unix_millis(1_700_000_000_000);
/// `2027-01-15T08:00:00.123Z`: when the tests do something.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_millis(1_800_000_000_123);

pub(crate) const TENANT: TenantId = TenantId(Uuid::from_u128(1));
pub(crate) const ANA: UserId = UserId(Uuid::from_u128(2));
pub(crate) const BEN: UserId = UserId(Uuid::from_u128(3));
pub(crate) const INVITATION: InvitationId = InvitationId(Uuid::from_u128(4));
pub(crate) const SAGE: BrandId = BrandId(Uuid::from_u128(5));
pub(crate) const MINT: BrandId = BrandId(Uuid::from_u128(6));
pub(crate) const OLD: Version = Version(Uuid::from_u128(7));
pub(crate) const NEW: Version = Version(Uuid::from_u128(8));
pub(crate) const CHANGE: EmailChangeId = EmailChangeId(Uuid::from_u128(9));
pub(crate) const PORTAL: TenantId = TenantId(Uuid::from_u128(10));
pub(crate) const REVIEW: ReviewId = ReviewId(Uuid::from_u128(11));

/// The same byte, however many are asked for.
pub(crate) struct Always(pub(crate) u8);

impl Random for Always {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

pub(crate) fn invocation() -> Invocation {
    Invocation::new(Arc::new(NOW), "request", Arc::new(SystemRandom))
}

pub(crate) fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

pub(crate) fn text<T: FromStr<Err: Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

pub(crate) fn phone(text: &str) -> Phone {
    Phone::parse(text).unwrap()
}

pub(crate) fn locale(text: &str) -> Locale {
    Locale::parse(text).unwrap()
}

pub(crate) fn tenant() -> Tenant {
    Tenant {
        id: TENANT,
        name: text("Acme"),
        status: TenantStatus::Active,
        plan: text("free"),
        seat_limit: 5,
        seats_used: 2,
        email_policy: EmailPolicy::Exclusive,
        brand_colour: None,
        logo_url: None,
        reply_to: None,
        reminder_days: None,
        owner: Some(ANA),
        portal: None,
        created_at: EARLIER,
        unconfirmed_until: None,
        closed_at: None,
        removal_began_at: None,
        imported_from: None,
        import_began_at: None,
        imported_at: None,
        mails: Window { window: 19_675, count: 3 },
        authority: OLD,
    }
}

pub(crate) fn invitation() -> Invitation {
    Invitation {
        id: INVITATION,
        tenant_id: TENANT,
        email: email("Ana@Example.com"),
        first_name: text("Ana"),
        last_name: text("Lima"),
        phone: Some(phone("+14155550123")),
        role: Role::Member,
        brands: Brands::from_iter([SAGE]),
        permissions: Some(Permissions::of(&[Permission::BrandRead])),
        locale: Some(locale("pt-BR")),
        status: InvitationStatus::Pending,
        generation: 3,
        newest_token: Some(NewestToken { digest: Digest::of(b"token"), generation: 3 }),
        reminder_token: None,
        delivery: Delivery::new(DeliveryState::Sent, None, EARLIER),
        reminded: None,
        invited_by: Some(BEN),
        sponsor: Some(BEN),
        sponsor_portal: None,
        created_at: EARLIER,
        expires_in_days: 7,
        expires_at: EARLIER + days(7),
        renewable_until: EARLIER + days(37),
        unconfirmed_until: None,
        is_vouched: false,
        accepted_at: None,
        accepted_by: None,
        resends: Window { window: 2_833_333, count: 2 },
        version: OLD,
    }
}

pub(crate) fn member() -> Member {
    Member {
        user_id: ANA,
        tenant_id: TENANT,
        email: email("Ana@Example.com"),
        first_name: text("Ana"),
        last_name: text("Lima"),
        phone: Some(phone("+14155550123")),
        role: Role::Member,
        brands: Brands::from_iter([SAGE]),
        permissions: Some(Permissions::of(&[Permission::BrandRead])),
        status: MemberStatus::Active,
        joined_at: EARLIER,
        brought_at: None,
        last_active_at: Some(EARLIER),
        granted_at: None,
        granted_by: None,
        used: Uses::default(),
        invites: Window { window: 472_222, count: 4 },
        authority: OLD,
    }
}

pub(crate) fn credential() -> Credential {
    Credential {
        email: email("Ana@Example.com"),
        user_id: ANA,
        password_hash: "$argon2id$".to_owned(),
        tenants: BTreeMap::from([(TENANT, Belonging::Exclusive)]),
        generation: 3,
        version: OLD,
    }
}

pub(crate) fn user() -> User {
    User::of(&member(), Some(locale("pt-BR")), OLD)
}

/// As JSON, with these fields otherwise: `null` takes one away.
pub(crate) fn patched(before: &impl Serialize, changes: Value) -> Value {
    let mut after = json!(before);
    let fields = after.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    after
}

/// It is written as this JSON, and read from it as what it was.
#[track_caller]
pub(crate) fn survives<T: Serialize + DeserializeOwned>(value: &T, written: Value) {
    assert_eq!(json!(value), written);
    let read: T = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(json!(read), written);
}

/// The set has these names and no others, wherever it is written or read.
#[track_caller]
pub(crate) fn is_closed<T>(all: &[T], what: &str, names: &[&str])
where
    T: Copy + Debug + Display + PartialEq + FromStr<Err = UnknownName> + Serialize + DeserializeOwned,
{
    assert_eq!(all.iter().map(T::to_string).collect::<Vec<_>>(), names);
    for (one, name) in all.iter().zip(names) {
        assert_eq!(name.parse::<T>(), Ok(*one));
        survives(one, json!(name));
    }
    let unknown = format!("not a {what}, expected one of: {}", names.join(", "));
    assert_eq!("x".parse::<T>().unwrap_err().to_string(), unknown);
    let error = serde_json::from_value::<T>(json!("x")).unwrap_err();
    assert_eq!(error.to_string(), format!("`x` is {unknown}"));
}
