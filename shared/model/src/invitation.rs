use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use policy::{BrandId, Brands, Grant, MemberStatus, Permission, Permissions, Principal, Role, TenantStatus};
use serde::{Deserialize, Serialize};

use crate::{
    Delivery, Email, InvitationId, Invocation, Locale, Member, NewestToken, PersonName, Phone, Tenant,
    TenantId, Timestamp, UserId, Version, Window,
};

policy::closed_set! {
    /// What became of an invitation.
    pub enum InvitationStatus: "invitation status" {
        /// May be accepted.
        Pending = "pending",
        /// Became a membership.
        Accepted = "accepted",
        /// Turned down by the invited person.
        Declined = "declined",
        /// Taken back.
        Revoked = "revoked",
        /// Nobody accepted in time.
        Expired = "expired",
    }
}

impl InvitationStatus {
    /// Whether nothing brings it back (R10).
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Accepted | Self::Declined | Self::Revoked)
    }
}

policy::closed_set! {
    /// Whether an invitation's sponsor can still give what it gives (R9).
    pub enum Sponsorship: "sponsorship" {
        /// They can.
        Holds = "holds",
        /// They are suspended, and could if they weren't.
        Suspended = "suspended",
        /// They can't any more.
        Lost = "lost",
    }
}

/// How long after the expiry that an admin gave it an invitee can still ask for fresh links.
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
    /// Whose right to give stands behind it (R9): the inviter, or the admin who sent it again last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sponsor: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// How long each link lives, in days.
    pub expires_in_days: u8,
    /// From this moment on the newest link is refused.
    pub expires_at: Timestamp,
    /// From this moment on nobody but an admin brings it back (R10): 30 days after the expiry that an admin gave last.
    pub renewable_until: Timestamp,
    /// Of a new tenant's first owner: from this moment on it is gone, as the tenant is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed_until: Option<Timestamp>,
    /// Of a new tenant's first owner: whether the operator vouches for it. A stranger who signs up may have entered
    /// anybody's address.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_vouched: bool,
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
    pub version: Version,
}

/// What an inviter says of an invitation that is about to be made.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// Whom it is sent to.
    pub email: Email,
    /// Their first name.
    pub first_name: PersonName,
    /// Their last name.
    pub last_name: PersonName,
    /// Their phone number.
    pub phone: Option<Phone>,
    /// The role that they will have.
    pub role: Role,
    /// The brands that they will be assigned to.
    pub brands: Brands,
    /// The permission list that will replace the role's.
    pub permissions: Option<Permissions>,
    /// How long each link lives, in days.
    pub expires_in_days: u8,
    /// The language of the email.
    pub locale: Option<Locale>,
}

impl NewInvitation {
    /// Days that a link may live.
    pub const DAYS: RangeInclusive<u8> = 1..=30;
    /// Days that it lives where nobody says.
    pub const DEFAULT_DAYS: u8 = 7;

    /// For this person in this role, the rest as it is where nobody says: no brands, the role's permissions.
    #[must_use]
    pub const fn new(email: Email, first_name: PersonName, last_name: PersonName, role: Role) -> Self {
        Self {
            email,
            first_name,
            last_name,
            phone: None,
            role,
            brands: Brands::none(),
            permissions: None,
            expires_in_days: Self::DEFAULT_DAYS,
            locale: None,
        }
    }

    /// What is given away by it.
    #[must_use]
    pub const fn grant(&self) -> Grant<'_> {
        Grant { role: self.role, permissions: self.permissions, brands: &self.brands }
    }
}

impl Invitation {
    /// A pending invitation in its first generation, its mail in the outbox. Nobody sponsors the owner of a new tenant
    /// but they themselves.
    #[must_use]
    pub fn new(
        tenant_id: TenantId,
        new: NewInvitation,
        inviter: Option<UserId>,
        invocation: &Invocation,
    ) -> Self {
        let now = invocation.now();
        Self {
            id: InvitationId::new(invocation),
            tenant_id,
            email: new.email,
            first_name: new.first_name,
            last_name: new.last_name,
            phone: new.phone,
            role: new.role,
            brands: new.brands,
            permissions: new.permissions,
            locale: new.locale,
            status: InvitationStatus::Pending,
            generation: 1,
            newest_token: None,
            delivery: Delivery::queued(now),
            invited_by: inviter,
            sponsor: inviter,
            created_at: now,
            expires_in_days: new.expires_in_days,
            expires_at: expiry(now, new.expires_in_days),
            renewable_until: expiry(now, new.expires_in_days) + RENEWABLE,
            unconfirmed_until: None,
            is_vouched: false,
            accepted_at: None,
            accepted_by: None,
            resends: Window::default(),
            version: invocation.version(),
        }
    }

    /// The invitation that makes a new tenant's first owner. It is gone, as the tenant is, once nobody can accept it
    /// any more: with its one link, or where the operator vouches for it with the last that may be asked for.
    #[must_use]
    pub fn of_first_owner(
        tenant_id: TenantId,
        new: NewInvitation,
        is_vouched: bool,
        invocation: &Invocation,
    ) -> Self {
        let days = new.expires_in_days;
        let one = Self::new(tenant_id, new, None, invocation);
        let renewable_until = if is_vouched { one.renewable_until } else { one.expires_at };
        let last = if is_vouched { expiry(renewable_until, days) } else { one.expires_at };
        Self { renewable_until, unconfirmed_until: Some(last), is_vouched, ..one }
    }

    /// The status that holds at `now`: decided by the clock, not by the sweeper.
    #[must_use]
    pub fn status_at(&self, now: Timestamp) -> InvitationStatus {
        match self.status {
            InvitationStatus::Pending if self.expires_at <= now => InvitationStatus::Expired,
            status => status,
        }
    }

    /// What is given away by it.
    #[must_use]
    pub const fn grant(&self) -> Grant<'_> {
        Grant { role: self.role, permissions: self.permissions, brands: &self.brands }
    }

    /// Whether it makes a new tenant's first owner: nobody stands behind it but the invited person.
    #[must_use]
    pub fn is_of_first_owner(&self) -> bool {
        self.role == Role::Owner && self.sponsor.is_none()
    }

    /// Whether a stranger's word is all that there is for its address: a sign-up that nobody has confirmed.
    #[must_use]
    pub fn is_strangers(&self) -> bool {
        self.is_of_first_owner() && !self.is_vouched
    }

    /// Whether it can be joined: the tenant is in use, or waits for this very owner.
    #[must_use]
    pub fn is_open_in(&self, tenant: &Tenant) -> bool {
        let waits_for = if self.is_of_first_owner() { TenantStatus::Pending } else { TenantStatus::Active };
        tenant.status == waits_for
    }

    /// Whether somebody who may still give what it gives stands behind it (R9): asked at every use, not only when it
    /// was made. `sponsor` is the member that it names, `there` are those of its brands that still are: the others are
    /// dropped, so that nobody has to be able to give them. That the tenant is in use is [`Invitation::is_open_in`]'s
    /// question.
    #[must_use]
    pub fn sponsorship(&self, sponsor: Option<&Member>, there: &BTreeSet<BrandId>) -> Sponsorship {
        let gives = |sponsor: &Member| {
            let principal =
                Principal { status: MemberStatus::Active, ..sponsor.principal(TenantStatus::Active) };
            let brands = self.brands.among(there);
            principal.may(Permission::MembersInvite, None).is_ok()
                && principal.may_give(&Grant { brands: &brands, ..self.grant() }).is_ok()
        };
        match (self.sponsor, sponsor) {
            (None, _) if self.is_of_first_owner() => Sponsorship::Holds,
            (Some(_), Some(sponsor)) if gives(sponsor) => match sponsor.status {
                MemberStatus::Active => Sponsorship::Holds,
                MemberStatus::Suspended => Sponsorship::Suspended,
                MemberStatus::Revoked => Sponsorship::Lost,
            },
            _ => Sponsorship::Lost,
        }
    }

    /// The invitation in its next generation: pending again, with a fresh expiry and a mail to be sent. An admin who
    /// sends it again is its sponsor from here on; without one the sponsor stays who it was.
    #[must_use]
    pub fn sent_again(&self, admin: Option<UserId>, resends: Window, invocation: &Invocation) -> Self {
        let now = invocation.now();
        let expires_at = expiry(now, self.expires_in_days);
        Self {
            status: InvitationStatus::Pending,
            generation: self.generation + 1,
            delivery: Delivery::queued(now),
            // the owner who signed up is sponsored by nobody
            sponsor: self.sponsor.and(admin.or(self.sponsor)),
            expires_at,
            // a renewal moves the expiry, never its own end
            renewable_until: if admin.is_some() { expires_at + RENEWABLE } else { self.renewable_until },
            resends,
            version: invocation.version(),
            ..self.clone()
        }
    }

    /// The invitation as it became a membership.
    #[must_use]
    pub fn accepted(&self, by: UserId, invocation: &Invocation) -> Self {
        Self {
            accepted_at: Some(invocation.now()),
            accepted_by: Some(by),
            unconfirmed_until: None,
            ..self.ended(InvitationStatus::Accepted, invocation.version())
        }
    }

    /// The invitation at its end: declined, revoked or expired.
    #[must_use]
    pub fn ended(&self, status: InvitationStatus, version: Version) -> Self {
        Self { status, version, ..self.clone() }
    }
}

/// When a link that is sent now is over: after whole days, on a full second, as the email and the TTL say it.
fn expiry(now: Timestamp, days: u8) -> Timestamp {
    now.floor_second() + Duration::from_secs(u64::from(days) * 86_400)
}

/// Who holds an address in a tenant: one invitation, or one member. An expired invitation goes on holding it until a
/// newer one takes it over: only what still holds its address can come back (R10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "holder", rename_all = "snake_case")]
pub enum Invitee {
    /// An invitation; gives way to a newer one from `expires_at` on.
    Invitation {
        /// Which.
        invitation_id: InvitationId,
        /// Until when it holds the address.
        expires_at: Timestamp,
        /// Of a new tenant's first owner: until when it is there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unconfirmed_until: Option<Timestamp>,
    },
    /// A member, suspended ones too.
    Member {
        /// Who.
        user_id: UserId,
    },
}

impl From<&Invitation> for Invitee {
    fn from(invitation: &Invitation) -> Self {
        Self::Invitation {
            invitation_id: invitation.id,
            expires_at: invitation.expires_at,
            unconfirmed_until: invitation.unconfirmed_until,
        }
    }
}

impl Invitee {
    /// Whether it is this invitation that holds the address.
    #[must_use]
    pub fn is(&self, invitation: InvitationId) -> bool {
        matches!(self, Self::Invitation { invitation_id, .. } if *invitation_id == invitation)
    }
}
