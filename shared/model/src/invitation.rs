use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use policy::{BrandId, Brands, Grant, MemberStatus, Permission, Permissions, Role, TenantStatus};
use serde::{Deserialize, Serialize};

use crate::{
    Delivery, Email, InvitationId, Invocation, Locale, NewestToken, PersonName, Phone, Sponsor, SponsorId,
    Tenant, TenantId, Timestamp, UserId, Version, Window,
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
    /// The same of the link in its reminder, which takes nothing from the one that was mailed before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminder_token: Option<NewestToken>,
    /// How far the newest email got.
    pub delivery: Delivery,
    /// The newest generation whose link was mailed once more as a reminder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminded: Option<u32>,
    /// Who invited; nobody for the owner who signed up. Of a partner's first owner, who of the portal set it up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invited_by: Option<UserId>,
    /// Whose right to give stands behind it (R9): the inviter, or the admin who sent it again last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sponsor: Option<UserId>,
    /// The portal that the sponsor is a member of, where they aren't one of the tenant itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sponsor_portal: Option<TenantId>,
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
    /// Of a new tenant's first owner: whether the operator or a portal vouches for it. A stranger who signs up may have
    /// entered anybody's address.
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
        inviter: Option<SponsorId>,
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
            reminder_token: None,
            delivery: Delivery::queued(now),
            reminded: None,
            invited_by: inviter.map(|inviter| inviter.user),
            sponsor: inviter.map(|inviter| inviter.user),
            sponsor_portal: inviter.and_then(|inviter| inviter.portal),
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
    /// any more: with its one link, or where somebody vouches for it with the last that may be asked for.
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

    /// Whose right to give stands behind it; nobody's behind that of a new tenant's first owner.
    #[must_use]
    pub fn sponsor_id(&self) -> Option<SponsorId> {
        self.sponsor.map(|user| SponsorId { user, portal: self.sponsor_portal })
    }

    /// Who invites, as its mail names them: the sponsor; for a partner's first owner, who of the portal set it up.
    #[must_use]
    pub fn named_in(&self, tenant: &Tenant) -> Option<SponsorId> {
        let founder = || Some(SponsorId { user: self.invited_by?, portal: Some(tenant.portal?) });
        self.sponsor_id().or_else(|| founder().filter(|_| self.is_of_first_owner()))
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
    /// was made. `sponsor` is whom it names, `there` are those of its brands that still are: the others are dropped, so
    /// that nobody has to be able to give them. That the tenant is in use is [`Invitation::is_open_in`]'s question.
    #[must_use]
    pub fn sponsorship(&self, sponsor: Option<&Sponsor>, there: &BTreeSet<BrandId>) -> Sponsorship {
        let gives = |sponsor: &Sponsor| {
            let principal = sponsor.at_best();
            let brands = self.brands.among(there);
            principal.may(Permission::MembersInvite, None).is_ok()
                && principal.may_give(&Grant { brands: &brands, ..self.grant() }).is_ok()
        };
        match (self.sponsor, sponsor) {
            (None, _) if self.is_of_first_owner() => Sponsorship::Holds,
            (Some(_), Some(sponsor)) if gives(sponsor) => match sponsor.status() {
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
    pub fn sent_again(&self, admin: Option<SponsorId>, resends: Window, invocation: &Invocation) -> Self {
        let now = invocation.now();
        // the owner who signed up is sponsored by nobody
        let sponsor = self.sponsor_id().map(|sponsor| admin.unwrap_or(sponsor));
        let expires_at = expiry(now, self.expires_in_days);
        Self {
            status: InvitationStatus::Pending,
            generation: self.generation + 1,
            delivery: Delivery::queued(now),
            sponsor: sponsor.map(|sponsor| sponsor.user),
            sponsor_portal: sponsor.and_then(|sponsor| sponsor.portal),
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
    /// A member, suspended ones too; or one who is about to have the address, in more teams than move with them at once.
    Member {
        /// Who.
        user_id: UserId,
        /// Of who was about to have it: from this moment on it gives way, unless the address is theirs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held_until: Option<Timestamp>,
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
    /// How long an address is held for who is about to have it: longer than any request takes that could still move them.
    pub const HELD: Duration = Duration::from_secs(300);

    /// A member's.
    #[must_use]
    pub const fn member(user_id: UserId) -> Self {
        Self::Member { user_id, held_until: None }
    }

    /// Whether it gives way at `now` to whoever wants the address, which is `owner`'s, if anybody's: it was held for a move that
    /// nobody finished.
    #[must_use]
    pub fn gives_way(&self, owner: Option<UserId>, now: Timestamp) -> bool {
        matches!(self, Self::Member { user_id, held_until: Some(until) }
            if *until <= now && owner != Some(*user_id))
    }

    /// Whether it is this user who holds the address, as a member or for a move.
    #[must_use]
    pub fn is_of(&self, user: UserId) -> bool {
        matches!(self, Self::Member { user_id, .. } if *user_id == user)
    }

    /// Whether it is this invitation that holds the address.
    #[must_use]
    pub fn is(&self, invitation: InvitationId) -> bool {
        matches!(self, Self::Invitation { invitation_id, .. } if *invitation_id == invitation)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Member;
    use crate::samples::{
        ANA, BEN, INVITATION, MINT, NEW, NOW, PORTAL, SAGE, TENANT, days, email, invitation, invocation,
        is_closed, locale, member, patched, phone, survives, tenant, text,
    };

    /// Somebody as an invitation names them: a member, or the portal's.
    const fn of_team(user: UserId) -> SponsorId {
        SponsorId { user, portal: None }
    }

    const fn of_portal(user: UserId) -> SponsorId {
        SponsorId { user, portal: Some(PORTAL) }
    }

    fn new(role: Role) -> NewInvitation {
        NewInvitation::new(email("ana@example.com"), text("Ana"), text("Lima"), role)
    }

    #[test]
    fn an_invitation_is_over_for_good_once_it_was_answered() {
        let names = ["pending", "accepted", "declined", "revoked", "expired"];
        is_closed(InvitationStatus::ALL, "invitation status", &names);
        let finals: Vec<_> = InvitationStatus::ALL.iter().copied().filter(|s| s.is_final()).collect();
        let answered = [InvitationStatus::Accepted, InvitationStatus::Declined, InvitationStatus::Revoked];
        assert_eq!(finals, answered);
        is_closed(Sponsorship::ALL, "sponsorship", &["holds", "suspended", "lost"]);
    }

    #[test]
    fn it_is_pending_until_the_very_moment() {
        for status in InvitationStatus::ALL.iter().copied() {
            let one = Invitation { status, expires_at: NOW, ..invitation() };
            assert_eq!(one.status_at(NOW - Duration::from_millis(1)), status);
            let then = if status == InvitationStatus::Pending { InvitationStatus::Expired } else { status };
            assert_eq!((one.status_at(NOW), one.status_at(NOW + days(1))), (then, then));
        }
    }

    #[test]
    fn what_nobody_says_of_a_new_one_is_little() {
        assert_eq!((NewInvitation::DAYS, NewInvitation::DEFAULT_DAYS), (1..=30, 7));
        let one = new(Role::SalesRep);
        assert_eq!((one.phone.as_ref(), one.locale.as_ref(), one.expires_in_days), (None, None, 7));
        let grant = one.grant();
        assert_eq!((grant.role, grant.permissions, grant.brands), (Role::SalesRep, None, &Brands::none()));
        let list = Permissions::of(&[Permission::AuditRead]);
        let more = NewInvitation { brands: Brands::All, permissions: Some(list), ..one };
        let grant = more.grant();
        assert_eq!((grant.role, grant.permissions, grant.brands), (Role::SalesRep, Some(list), &Brands::All));
    }

    #[test]
    fn an_invitation_is_born_pending_with_its_mail_in_the_outbox() {
        let one = Invitation::new(TENANT, new(Role::Admin), Some(of_team(BEN)), &invocation());
        assert_eq!((one.id.made_at(), one.version.made_at()), (Some(NOW), Some(NOW)));
        survives(
            &one,
            json!({
                "id": one.id,
                "tenant_id": TENANT,
                "email": {"canonical": "ana@example.com", "entered": "ana@example.com"},
                "first_name": "Ana",
                "last_name": "Lima",
                "role": "admin",
                "brands": [],
                "status": "pending",
                "generation": 1,
                "delivery": {"state": "queued", "at": NOW},
                "invited_by": BEN,
                "sponsor": BEN,
                "created_at": NOW,
                "expires_in_days": 7,
                "expires_at": "2027-01-22T08:00:00.000Z",
                "renewable_until": "2027-02-21T08:00:00.000Z",
                "resends": {"window": 0, "count": 0},
                "version": one.version,
            }),
        );
        let more = NewInvitation {
            phone: Some(phone("+4930123456")),
            brands: Brands::All,
            permissions: Some(Permissions::of(&[Permission::AuditRead])),
            expires_in_days: 30,
            locale: Some(locale("de")),
            ..new(Role::Admin)
        };
        let two = Invitation::new(TENANT, more, None, &invocation());
        let otherwise = json!({
            "id": two.id,
            "phone": "+4930123456",
            "brands": "all",
            "permissions": ["audit.read"],
            "locale": "de",
            "invited_by": null,
            "sponsor": null,
            "expires_in_days": 30,
            "expires_at": "2027-02-14T08:00:00.000Z",
            "renewable_until": "2027-03-16T08:00:00.000Z",
            "version": two.version,
        });
        survives(&two, patched(&one, otherwise));
        let theirs = Invitation::new(TENANT, new(Role::Admin), Some(of_portal(BEN)), &invocation());
        let otherwise = json!({"id": theirs.id, "sponsor_portal": PORTAL, "version": theirs.version});
        survives(&theirs, patched(&one, otherwise));
    }

    #[test]
    fn its_mail_names_the_sponsor_and_for_a_partners_first_owner_who_set_it_up() {
        let (of_nobody, partner) = (tenant(), Tenant { portal: Some(PORTAL), ..tenant() });
        for (role, invited_by, sponsor, sponsor_portal, in_partner) in [
            (Role::Admin, Some(ANA), Some(BEN), None, Some(of_team(BEN))),
            (Role::Admin, Some(ANA), Some(BEN), Some(PORTAL), Some(of_portal(BEN))),
            (Role::Owner, Some(ANA), None, None, Some(of_portal(ANA))),
            (Role::Owner, None, None, None, None),
            (Role::Admin, Some(ANA), None, None, None),
        ] {
            let one = Invitation { role, invited_by, sponsor, sponsor_portal, ..invitation() };
            let sponsor = sponsor.map(|user| SponsorId { user, portal: sponsor_portal });
            assert_eq!((one.sponsor_id(), one.named_in(&of_nobody)), (sponsor, sponsor));
            assert_eq!(one.named_in(&partner), in_partner, "{role}");
        }
    }

    #[test]
    fn an_invitation_is_stored_with_all_that_became_of_it() {
        let one = Invitation {
            unconfirmed_until: Some(NOW),
            is_vouched: true,
            accepted_at: Some(NOW),
            accepted_by: Some(ANA),
            reminded: Some(3),
            ..invitation()
        };
        let written = json!({
            "reminded": 3,
            "phone": "+14155550123",
            "brands": [SAGE],
            "permissions": ["brand.read"],
            "locale": "pt-BR",
            "newest_token": one.newest_token,
            "unconfirmed_until": NOW,
            "is_vouched": true,
            "accepted_at": NOW,
            "accepted_by": ANA,
        });
        survives(&one, patched(&one, written));
        let older = serde_json::from_value::<Invitation>(patched(&one, json!({"resends": null})));
        assert!(older.is_ok_and(|older| older.resends == Window::default()));
    }

    #[test]
    fn a_first_owners_is_gone_with_the_last_link_that_there_may_be() {
        let week = "2027-01-22T08:00:00.000Z";
        for (is_vouched, renewable_until, last) in
            [(false, week, week), (true, "2027-02-21T08:00:00.000Z", "2027-02-28T08:00:00.000Z")]
        {
            let one = Invitation::of_first_owner(TENANT, new(Role::Owner), is_vouched, &invocation());
            assert_eq!((one.invited_by, one.sponsor, one.is_vouched), (None, None, is_vouched));
            let told = json!([one.expires_at, one.renewable_until, one.unconfirmed_until]);
            assert_eq!(told, json!([week, renewable_until, last]));
        }
        for (role, sponsor, is_vouched, is_of_first_owner, is_strangers) in [
            (Role::Owner, None, false, true, true),
            (Role::Owner, None, true, true, false),
            (Role::Owner, Some(BEN), false, false, false),
            (Role::Admin, None, false, false, false),
            (Role::Admin, Some(BEN), false, false, false),
        ] {
            let one = Invitation { role, sponsor, is_vouched, ..invitation() };
            assert_eq!(one.is_of_first_owner(), is_of_first_owner, "{role}, {sponsor:?}");
            assert_eq!(one.is_strangers(), is_strangers, "{role}, {sponsor:?}, {is_vouched}");
            let waits_for = if is_of_first_owner { TenantStatus::Pending } else { TenantStatus::Active };
            for status in TenantStatus::ALL.iter().copied() {
                let tenant = Tenant { status, ..tenant() };
                assert_eq!(one.is_open_in(&tenant), status == waits_for, "{role}, {status}");
            }
        }
    }

    #[test]
    fn it_stands_while_its_sponsor_could_give_what_it_gives() {
        let there = BTreeSet::from([SAGE, MINT]);
        let one = Invitation { permissions: None, ..invitation() };
        let admin = Member { role: Role::Admin, permissions: None, brands: Brands::none(), ..member() };
        for (status, sponsorship) in [
            (MemberStatus::Active, Sponsorship::Holds),
            (MemberStatus::Suspended, Sponsorship::Suspended),
            (MemberStatus::Revoked, Sponsorship::Lost),
        ] {
            let sponsor = Member { status, ..admin.clone() };
            assert_eq!(one.sponsorship(Some(&sponsor.into()), &there), sponsorship, "{status}");
        }
        assert_eq!(one.sponsorship(None, &there), Sponsorship::Lost);
        let admin = Sponsor::from(admin);
        for (role, sponsor, sponsorship) in [
            (Role::Member, None, Sponsorship::Lost),
            (Role::Owner, None, Sponsorship::Holds),
            (Role::Owner, Some(BEN), Sponsorship::Lost),
        ] {
            let one = Invitation { role, sponsor, ..one.clone() };
            assert_eq!(one.sponsorship(Some(&admin), &there), sponsorship, "{role}, {sponsor:?}");
            assert_eq!(one.sponsorship(None, &there), sponsorship, "{role}, {sponsor:?}");
        }
    }

    #[test]
    fn to_invite_and_to_have_what_is_given_takes_both_of_the_brands_that_are_there() {
        use Permission::{BrandRead, MembersInvite, ProductsRead, TenantRead};
        let both = BTreeSet::from([SAGE, MINT]);
        let sages = Invitation { role: Role::Partner, permissions: None, ..invitation() };
        let everywhere = Invitation { brands: Brands::from_iter([SAGE, MINT]), ..sages.clone() };
        let sponsor = |role: Role, permissions: Option<Permissions>| {
            Sponsor::from(Member { role, permissions, ..member() })
        };
        let giver = sponsor(Role::Member, None);
        assert_eq!(sages.sponsorship(Some(&giver), &both), Sponsorship::Lost, "doesn't invite");
        let inviter = sponsor(Role::Admin, Some(Permissions::of(&[MembersInvite])));
        assert_eq!(sages.sponsorship(Some(&inviter), &both), Sponsorship::Lost, "doesn't have it");
        let list = Permissions::of(&[MembersInvite, TenantRead, BrandRead, ProductsRead]);
        let either = sponsor(Role::Member, Some(list));
        assert_eq!(sages.sponsorship(Some(&either), &both), Sponsorship::Holds);
        assert_eq!(everywhere.sponsorship(Some(&either), &both), Sponsorship::Lost);
        let rest = BTreeSet::from([SAGE]);
        assert_eq!(everywhere.sponsorship(Some(&either), &rest), Sponsorship::Holds, "one was deleted");
    }

    #[test]
    fn sent_again_it_begins_anew_and_only_an_admin_moves_its_end() {
        let resends = Window { window: 3_000_000, count: 1 };
        let (week, given) = ("2027-01-22T08:00:00.000Z", "2027-02-21T08:00:00.000Z");
        for (sponsor, admin, then) in [
            (Some(of_team(BEN)), None, Some(of_team(BEN))),
            (Some(of_portal(BEN)), None, Some(of_portal(BEN))),
            (Some(of_team(BEN)), Some(of_portal(ANA)), Some(of_portal(ANA))),
            (Some(of_portal(BEN)), Some(of_team(ANA)), Some(of_team(ANA))),
            (None, Some(of_team(ANA)), None),
        ] {
            let (status, sponsor_portal) = (InvitationStatus::Expired, sponsor.and_then(|s| s.portal));
            let sponsor = sponsor.map(|s| s.user);
            let before = Invitation { status, sponsor, sponsor_portal, ..invitation() };
            let again = before.sent_again(admin, resends, &invocation());
            assert_eq!(again.version.made_at(), Some(NOW));
            let end = if admin.is_some() { json!(given) } else { json!(before.renewable_until) };
            let changes = json!({
                "status": "pending",
                "generation": 4,
                "delivery": {"state": "queued", "at": NOW},
                "sponsor": then.map(|s| s.user),
                "sponsor_portal": then.and_then(|s| s.portal),
                "expires_at": week,
                "renewable_until": end,
                "resends": {"window": 3_000_000, "count": 1},
                "version": again.version,
            });
            assert_eq!(json!(again), patched(&before, changes));
        }
    }

    #[test]
    fn it_ends_once() {
        let one = Invitation { unconfirmed_until: Some(NOW), ..invitation() };
        let accepted = one.accepted(ANA, &invocation());
        assert_eq!(accepted.version.made_at(), Some(NOW));
        let changes = json!({
            "status": "accepted",
            "unconfirmed_until": null,
            "accepted_at": NOW,
            "accepted_by": ANA,
            "version": accepted.version,
        });
        assert_eq!(json!(accepted), patched(&one, changes));
        for status in ["declined", "revoked", "expired"] {
            let ended = one.ended(text(status), NEW);
            assert_eq!(json!(ended), patched(&one, json!({"status": status, "version": NEW})));
        }
        let grant = one.grant();
        assert_eq!((grant.role, grant.permissions), (Role::Member, one.permissions));
        assert_eq!(grant.brands, &one.brands);
    }

    #[test]
    fn an_address_that_is_held_for_a_move_gives_way_from_that_moment_on_unless_it_was_finished() {
        let (invited, earlier) = (Invitee::from(&invitation()), NOW - Duration::from_millis(1));
        let held = Invitee::Member { user_id: ANA, held_until: Some(NOW) };
        for (one, owner, now, gives_way) in [
            (&held, None, NOW, true),
            (&held, Some(BEN), NOW, true),
            (&held, Some(ANA), NOW, false),
            (&held, None, earlier, false),
            (&Invitee::member(ANA), None, NOW, false),
            // by rules of its own
            (&invited, None, NOW + days(1_000), false),
        ] {
            assert_eq!(one.gives_way(owner, now), gives_way, "{one:?} {owner:?}");
        }
    }

    #[test]
    fn an_address_is_held_by_an_invitation_or_a_member() {
        let one = Invitation { unconfirmed_until: Some(NOW), ..invitation() };
        let (first, invited) = (Invitee::from(&one), Invitee::from(&invitation()));
        let held = json!({"holder": "invitation", "invitation_id": INVITATION, "expires_at": one.expires_at});
        survives(&invited, held);
        survives(&first, patched(&invited, json!({"unconfirmed_until": NOW})));
        let joined = Invitee::member(UserId(INVITATION.0));
        survives(&joined, json!({"holder": "member", "user_id": INVITATION}));
        assert!(first.is(INVITATION) && invited.is(INVITATION));
        assert!(!invited.is(InvitationId(ANA.0)) && !joined.is(INVITATION));
        let held = Invitee::Member { user_id: ANA, held_until: Some(NOW) };
        survives(&held, json!({"holder": "member", "user_id": ANA, "held_until": NOW}));
        assert!(held.is_of(ANA) && joined.is_of(UserId(INVITATION.0)));
        assert!(!held.is_of(BEN) && !invited.is_of(UserId(INVITATION.0)));
    }
}
