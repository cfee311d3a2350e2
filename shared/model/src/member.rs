use policy::{Brands, Grant, MemberStatus, Permissions, Principal, Relation, Role, TenantStatus};
use serde::{Deserialize, Serialize};

use crate::{
    Email, Invitation, Invocation, PersonName, Phone, Profile, Tenant, TenantId, Timestamp, UserId, Version,
    Window,
};

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
    /// When they last changed something, or joined: to the day, since it is written at most once in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_active_at: Option<Timestamp>,
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
            last_active_at: Some(invocation.now()),
            invites: Window::default(),
            authority: invocation.version(),
        }
    }

    /// The member with another role. A list that replaced the old role's permissions goes with it; brands stay.
    #[must_use]
    pub fn with_role(&self, role: Role, version: Version) -> Self {
        Self { role, permissions: None, authority: version, ..self.clone() }
    }

    /// The member with a list that replaces the role's permissions, or with those again.
    #[must_use]
    pub fn with_permissions(&self, permissions: Option<Permissions>, version: Version) -> Self {
        Self { permissions, authority: version, ..self.clone() }
    }

    /// The member with other brands.
    #[must_use]
    pub fn with_brands(&self, brands: Brands, version: Version) -> Self {
        Self { brands, authority: version, ..self.clone() }
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
    use policy::Permission;
    use serde_json::json;

    use super::*;
    use crate::samples::{
        ANA, NEW, NOW, SAGE, TENANT, invitation, invocation, member, patched, phone, survives, tenant, text,
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
        let bare = json!({"phone": null, "permissions": null, "last_active_at": null, "invites": null});
        let bare = serde_json::from_value::<Member>(patched(&silent, bare));
        let none = json!({"phone": null, "permissions": null, "last_active_at": null});
        assert_eq!(json!(bare.ok()), patched(&silent, none));
    }

    #[test]
    fn every_change_of_what_a_member_may_renews_their_authority() {
        let one = member();
        let list = Permissions::of(&[Permission::AuditRead]);
        for (after, changes) in [
            (one.with_role(Role::Admin, NEW), json!({"role": "admin", "permissions": null})),
            (one.with_permissions(Some(list), NEW), json!({"permissions": ["audit.read"]})),
            (one.with_permissions(None, NEW), json!({"permissions": null})),
            (one.with_brands(Brands::All, NEW), json!({"brands": "all"})),
            (one.with_status(MemberStatus::Suspended, NEW), json!({"status": "suspended"})),
            (one.revoked(NEW), json!({"brands": [], "permissions": null, "status": "revoked"})),
        ] {
            let renewed = Member { authority: NEW, ..one.clone() };
            assert_eq!(json!(after), patched(&renewed, changes));
        }
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
