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
