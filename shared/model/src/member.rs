use std::collections::BTreeMap;

use policy::{Brands, Grant, MemberStatus, Permission, Permissions, Principal, Relation, Role, TenantStatus};
use serde::{Deserialize, Serialize};

use crate::{
    Actor, Email, Invitation, Invocation, PersonName, Phone, Profile, SponsorId, Tenant, TenantId, Timestamp,
    UserId, Version, Window,
};

/// Days without anything that was seen of somebody, or of a permission of theirs, after which a review says so.
const LONG: u64 = 90;

/// Days for which one note stands that a permission is in use.
const NOTED_FOR: u64 = 30;

/// On which day it was last noted that somebody used a permission, in days since the epoch. By names: one that another
/// release knows is no reason not to read the member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uses(BTreeMap<String, u64>);

impl Uses {
    /// Of one permission alone, now.
    #[must_use]
    pub fn of(permission: Permission, now: Timestamp) -> Self {
        Self(BTreeMap::from([(permission.name().to_owned(), now.day())]))
    }

    /// Whether none was ever noted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it needn't be noted yet that this one is used.
    #[must_use]
    pub fn is_noted(&self, permission: Permission, now: Timestamp) -> bool {
        self.last(permission).is_some_and(|day| now.day() < day.saturating_add(NOTED_FOR))
    }

    fn last(&self, permission: Permission) -> Option<u64> {
        self.0.get(permission.name()).copied()
    }

    fn latest(&self) -> Option<u64> {
        self.0.values().copied().max()
    }
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
    /// Whether the membership is in use. A revoked one stays for the record, with nothing of the old access.
    pub status: MemberStatus,
    /// When they accepted.
    pub joined_at: Timestamp,
    /// When it was brought here with its tenant, for whoever had its address at that moment; none of who joined here, or was known
    /// here by the same id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brought_at: Option<Timestamp>,
    /// When they last changed something, or joined: to the day, since it is written at most once in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_active_at: Option<Timestamp>,
    /// When they were last given what they hold; an item of an older release doesn't say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_at: Option<Timestamp>,
    /// Who gave it: nobody gave the first owner anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_by: Option<Actor>,
    /// What of it they were seen to use. A sample: see the function `check`.
    #[serde(default, skip_serializing_if = "Uses::is_empty")]
    pub used: Uses,
    /// Invitations in the current hour.
    #[serde(default)]
    pub invites: Window,
    /// Renewed when role, permissions, brands or status change; what a write that relies on them is conditioned on.
    pub authority: Version,
}

impl Member {
    /// Whether a session is good for something here: active, in a tenant that is in use (R7).
    #[must_use]
    pub fn is_of_use(&self, tenant: &Tenant) -> bool {
        self.status == MemberStatus::Active && tenant.status == TenantStatus::Active
    }

    /// Who an accepted invitation makes a member, of those of its brands that are still there.
    #[must_use]
    pub fn joining(
        invitation: &Invitation,
        user_id: UserId,
        profile: Profile,
        brands: Brands,
        invocation: &Invocation,
    ) -> Self {
        Self {
            user_id,
            tenant_id: invitation.tenant_id,
            email: invitation.email.clone(),
            first_name: profile.first_name.unwrap_or_else(|| invitation.first_name.clone()),
            last_name: profile.last_name.unwrap_or_else(|| invitation.last_name.clone()),
            phone: profile.phone.or_else(|| invitation.phone.clone()),
            role: invitation.role,
            brands,
            permissions: invitation.permissions,
            status: MemberStatus::Active,
            joined_at: invocation.now(),
            brought_at: None,
            last_active_at: Some(invocation.now()),
            granted_at: Some(invocation.now()),
            granted_by: invitation.sponsor_id().map(|SponsorId { user: id, portal }| match portal {
                Some(tenant) => Actor::Portal { id, tenant },
                None => Actor::User { id },
            }),
            used: Uses::default(),
            invites: Window::default(),
            authority: invocation.version(),
        }
    }

    /// The member as they are given something, by this actor: their authority is renewed.
    pub(crate) fn given(&self, by: Actor, invocation: &Invocation) -> Self {
        Self {
            granted_at: Some(invocation.now()),
            granted_by: Some(by),
            authority: invocation.version(),
            ..self.clone()
        }
    }

    /// The member with another role. A list that replaced the old role's permissions goes with it; brands stay.
    #[must_use]
    pub fn with_role(&self, role: Role, by: Actor, invocation: &Invocation) -> Self {
        Self { role, permissions: None, ..self.given(by, invocation) }
    }

    /// The member with a list that replaces the role's permissions, or with those again.
    #[must_use]
    pub fn with_permissions(
        &self,
        permissions: Option<Permissions>,
        by: Actor,
        invocation: &Invocation,
    ) -> Self {
        Self { permissions, ..self.given(by, invocation) }
    }

    /// The member with other brands.
    #[must_use]
    pub fn with_brands(&self, brands: Brands, by: Actor, invocation: &Invocation) -> Self {
        Self { brands, ..self.given(by, invocation) }
    }

    /// The member switched off, or on again.
    #[must_use]
    pub fn with_status(&self, status: MemberStatus, version: Version) -> Self {
        Self { status, authority: version, ..self.clone() }
    }

    /// The member gone for good, with nothing of the old access.
    #[must_use]
    pub fn revoked(&self, version: Version) -> Self {
        Self { brands: Brands::none(), permissions: None, ..self.with_status(MemberStatus::Revoked, version) }
    }

    /// Whether the membership is over for good.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        self.status == MemberStatus::Revoked
    }

    /// Whether it ends when an address is taken back that was given up at that moment: what came after was given to whoever had
    /// the account then, and so was what was brought after it, however long ago it began elsewhere. An owner stays, since a
    /// tenant has one (R2), who may close it or hand it over.
    #[must_use]
    pub fn ends_with_address(&self, given_up_at: Timestamp) -> bool {
        given_up_at < self.brought_at.unwrap_or(self.joined_at) && self.role != Role::Owner
    }

    /// Since when they hold what they hold: since they joined, where nothing says.
    #[must_use]
    pub fn holds_since(&self) -> Timestamp {
        self.granted_at.unwrap_or(self.joined_at)
    }

    /// Whether nothing was seen of them for ninety days: no change that they made, no permission that they used.
    #[must_use]
    pub fn is_stale(&self, now: Timestamp) -> bool {
        let acted = self.last_active_at.unwrap_or(self.joined_at).day();
        let seen = self.used.latest().map_or(acted, |used| used.max(acted));
        seen.saturating_add(LONG) <= now.day()
    }

    /// What they hold and weren't seen to use for ninety days: of the permissions that are asked for with `check`, since
    /// nothing says of the others. Nothing of what was given less than ninety days ago, and nothing of an owner, from whom
    /// nothing can be taken (R2).
    #[must_use]
    pub fn unused(&self, now: Timestamp) -> Permissions {
        let today = now.day();
        if self.role == Role::Owner || self.holds_since().day().saturating_add(LONG) > today {
            return Permissions::NONE;
        }
        let used = |permission: &Permission| self.used.last(*permission);
        // reading a brand is served here, where nobody notes it
        let is_asked_for = |permission: &Permission| {
            (permission.is_brand_scoped() && *permission != Permission::BrandRead)
                || used(permission).is_some()
        };
        let lately =
            |permission: &Permission| used(permission).is_some_and(|day| day.saturating_add(LONG) > today);
        self.grant().effective().iter().filter(|p| is_asked_for(p) && !lately(p)).collect()
    }

    /// When the membership was over for good, where it is and that is known: what ended it renewed its authority, and nothing
    /// after it did.
    #[must_use]
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.authority.made_at().filter(|_| self.is_revoked())
    }

    /// Whether they were in the team at that moment, as far as what is left of them says.
    #[must_use]
    pub fn was_in(&self, at: Timestamp) -> bool {
        let still = !self.is_revoked() || self.ended_at().is_some_and(|ended| ended > at);
        self.joined_at <= at && still
    }

    /// What was given away with it.
    #[must_use]
    pub const fn grant(&self) -> Grant<'_> {
        Grant { role: self.role, permissions: self.permissions, brands: &self.brands }
    }

    /// What the policy needs to know.
    #[must_use]
    pub const fn principal(&self, tenant: TenantStatus) -> Principal<'_> {
        Principal {
            relation: Relation::Member,
            role: self.role,
            overrides: self.permissions,
            brands: &self.brands,
            status: self.status,
            tenant,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::samples::{
        ANA, BEN, EARLIER, NEW, NOW, SAGE, TENANT, days, invitation, invocation, member, patched, phone,
        survives, tenant, text,
    };

    #[test]
    fn a_session_is_of_use_to_an_active_member_of_an_active_tenant() {
        for status in MemberStatus::ALL.iter().copied() {
            let one = Member { status, ..member() };
            assert_eq!(one.is_revoked(), status == MemberStatus::Revoked);
            for of_tenant in TenantStatus::ALL.iter().copied() {
                let both = (status, of_tenant) == (MemberStatus::Active, TenantStatus::Active);
                let tenant = Tenant { status: of_tenant, ..tenant() };
                assert_eq!(one.is_of_use(&tenant), both, "{status} {of_tenant}");
            }
        }
    }

    #[test]
    fn a_membership_that_came_after_an_address_was_given_up_ends_with_it_but_an_owners() {
        for role in Role::ALL.iter().copied() {
            let one = Member { role, joined_at: NOW, ..member() };
            assert_eq!(one.ends_with_address(EARLIER), role != Role::Owner, "{role}");
            assert!(!one.ends_with_address(NOW), "{role}: in that very moment");
            let before = Member { joined_at: EARLIER, ..one };
            assert!(!before.ends_with_address(NOW), "{role}");
            // it began elsewhere, before or after
            let brought = Member { brought_at: Some(NOW), ..before.clone() };
            assert_eq!(brought.ends_with_address(EARLIER), role != Role::Owner, "{role}");
            assert!(!brought.ends_with_address(NOW), "{role}: in that very moment");
            survives(&brought, patched(&before, json!({"brought_at": NOW})));
            let later = Member { joined_at: NOW, brought_at: Some(EARLIER), ..before };
            assert!(!later.ends_with_address(EARLIER), "{role}: what the file says of its time");
        }
    }

    #[test]
    fn who_joins_is_as_invited_unless_they_say_otherwise() {
        let one = invitation();
        let join = |profile| Member::joining(&one, ANA, profile, Brands::All, &invocation());
        let silent = join(Profile::default());
        assert_eq!(silent.authority.made_at(), Some(NOW));
        survives(
            &silent,
            json!({
                "user_id": ANA,
                "tenant_id": TENANT,
                "email": one.email,
                "first_name": "Ana",
                "last_name": "Lima",
                "phone": "+14155550123",
                "role": "member",
                "brands": "all",
                "permissions": ["brand.read"],
                "status": "active",
                "joined_at": NOW,
                "last_active_at": NOW,
                "granted_at": NOW,
                "granted_by": {"kind": "user", "id": BEN},
                "invites": {"window": 0, "count": 0},
                "authority": silent.authority,
            }),
        );
        let (first_name, last_name) = (Some(text("Anna")), Some(text("Limes")));
        let spoken = join(Profile { first_name, last_name, phone: Some(phone("+4930123456")) });
        let changes = json!({
            "first_name": "Anna",
            "last_name": "Limes",
            "phone": "+4930123456",
            "authority": spoken.authority,
        });
        assert_eq!(json!(spoken), patched(&silent, changes));
        let bare = json!({"phone": null, "permissions": null, "last_active_at": null, "granted_at": null,
            "granted_by": null, "invites": null});
        let bare = serde_json::from_value::<Member>(patched(&silent, bare));
        let none = json!({"phone": null, "permissions": null, "last_active_at": null, "granted_at": null,
            "granted_by": null});
        assert_eq!(json!(bare.ok()), patched(&silent, none));
        let nobodys = Invitation { sponsor: None, ..invitation() };
        let first = Member::joining(&nobodys, ANA, Profile::default(), Brands::All, &invocation());
        assert_eq!((first.granted_at, first.granted_by), (Some(NOW), None));
    }

    #[test]
    fn every_change_of_what_a_member_may_renews_their_authority() {
        let (one, by) = (member(), Actor::User { id: BEN });
        let list = Permissions::of(&[Permission::AuditRead]);
        for (after, changes) in [
            (one.with_role(Role::Admin, by, &invocation()), json!({"role": "admin", "permissions": null})),
            (one.with_permissions(Some(list), by, &invocation()), json!({"permissions": ["audit.read"]})),
            (one.with_permissions(None, by, &invocation()), json!({"permissions": null})),
            (one.with_brands(Brands::All, by, &invocation()), json!({"brands": "all"})),
        ] {
            assert_eq!(after.authority.made_at(), Some(NOW));
            let (granted_at, granted_by) = (Some(NOW), Some(by));
            let given = Member { granted_at, granted_by, authority: after.authority, ..one.clone() };
            assert_eq!(json!(after), patched(&given, changes));
        }
        for (after, changes) in [
            (one.with_status(MemberStatus::Suspended, NEW), json!({"status": "suspended"})),
            (one.revoked(NEW), json!({"brands": [], "permissions": null, "status": "revoked"})),
        ] {
            let renewed = Member { authority: NEW, ..one.clone() };
            assert_eq!(json!(after), patched(&renewed, changes));
        }
    }

    #[test]
    fn a_note_that_a_permission_is_used_stands_for_thirty_days() {
        let upload = Permission::CoaUpload;
        let used = Uses::of(upload, EARLIER);
        survives(&used, json!({"coa.upload": 19_675}));
        assert!(Uses::default().is_empty() && !used.is_empty());
        assert!(!Uses::default().is_noted(upload, EARLIER));
        assert!(!used.is_noted(Permission::BrandRead, EARLIER));
        assert!(used.is_noted(upload, EARLIER) && used.is_noted(upload, EARLIER + days(29)));
        assert!(!used.is_noted(upload, EARLIER + days(30)));
        let item = Member { used: used.clone(), ..member() };
        survives(&item, patched(&member(), json!({"used": {"coa.upload": 19_675}})));
        // one that another release knows
        let newer = serde_json::from_value::<Member>(patched(&member(), json!({"used": {"tea.brew": 1}})));
        assert!(newer.is_ok_and(|newer| newer.used != used));
    }

    #[test]
    fn who_was_not_seen_for_ninety_days_is_stale() {
        let seen = |last_active_at, used| Member { last_active_at, used, ..member() };
        let quiet = seen(Some(EARLIER), Uses::default());
        assert!(!quiet.is_stale(EARLIER + days(89)) && quiet.is_stale(EARLIER + days(90)));
        let silent = seen(None, Uses::default());
        assert!(!silent.is_stale(EARLIER + days(89)) && silent.is_stale(EARLIER + days(90)));
        let later = Uses::of(Permission::CoaUpload, EARLIER + days(10));
        let asked = seen(Some(EARLIER), later.clone());
        assert!(!asked.is_stale(EARLIER + days(99)) && asked.is_stale(EARLIER + days(100)));
        let acted = seen(Some(EARLIER + days(20)), later);
        assert!(!acted.is_stale(EARLIER + days(109)) && acted.is_stale(EARLIER + days(110)));
    }

    #[test]
    fn what_is_asked_for_with_check_and_was_not_used_for_ninety_days_is_unused() {
        use Permission as P;
        let list =
            Permissions::of(&[P::TenantRead, P::BillingRead, P::BrandRead, P::CoaUpload, P::BrandWrite]);
        let one = Member { permissions: Some(list), ..member() };
        let (before, after) = (EARLIER + days(89), EARLIER + days(90));
        // not enough was seen yet
        assert_eq!(one.unused(before), Permissions::NONE);
        assert_eq!(one.unused(after), Permissions::of(&[P::CoaUpload, P::BrandWrite]));
        let given = Member { granted_at: Some(EARLIER + days(5)), ..one.clone() };
        assert_eq!((one.holds_since(), given.holds_since()), (EARLIER, EARLIER + days(5)));
        assert_eq!(given.unused(EARLIER + days(94)), Permissions::NONE);
        assert_eq!(given.unused(EARLIER + days(95)), Permissions::of(&[P::CoaUpload, P::BrandWrite]));
        let used = |permission, at| Member { used: Uses::of(permission, at), ..one.clone() };
        let uploads = used(P::CoaUpload, EARLIER + days(10));
        assert_eq!(uploads.unused(EARLIER + days(99)), Permissions::of(&[P::BrandWrite]));
        assert_eq!(uploads.unused(EARLIER + days(100)), Permissions::of(&[P::CoaUpload, P::BrandWrite]));
        // what was asked for once is judged from then on, unless it isn't held any more
        let pays = used(P::BillingRead, EARLIER);
        assert_eq!(pays.unused(after), Permissions::of(&[P::BillingRead, P::CoaUpload, P::BrandWrite]));
        assert_eq!(used(P::AuditRead, EARLIER).unused(after), one.unused(after));
        let owner = Member { role: Role::Owner, ..one.clone() };
        assert_eq!(owner.unused(after), Permissions::NONE);
    }

    #[test]
    fn who_was_in_the_team_at_a_moment_had_joined_and_was_not_gone() {
        let one = member();
        assert!(!one.was_in(EARLIER - days(1)) && one.was_in(EARLIER) && one.was_in(NOW));
        let gone = one.revoked(invocation().version());
        assert!(gone.was_in(EARLIER) && gone.was_in(NOW - days(1)) && !gone.was_in(NOW));
        assert!(!gone.was_in(EARLIER - days(1)));
        assert!(!one.revoked(NEW).was_in(EARLIER), "nothing says since when");
        let active = Member { authority: invocation().version(), ..one.clone() };
        let ends = [gone.ended_at(), active.ended_at(), one.revoked(NEW).ended_at()];
        assert_eq!(ends, [Some(NOW), None, None]);
    }

    #[test]
    fn the_policy_is_told_what_the_member_holds() {
        let one = Member { status: MemberStatus::Suspended, ..member() };
        let (list, brands) = (Some(Permissions::of(&[Permission::BrandRead])), Brands::from_iter([SAGE]));
        let Grant { role, permissions, brands: given } = one.grant();
        assert_eq!((role, permissions, given), (Role::Member, list, &brands));
        let told = one.principal(TenantStatus::Closed);
        assert_eq!((told.relation, told.role, told.overrides), (Relation::Member, Role::Member, list));
        assert_eq!((told.brands, told.status), (&brands, MemberStatus::Suspended));
        assert_eq!(told.tenant, TenantStatus::Closed);
    }
}
