use policy::{MemberStatus, Permission, Principal, Relation, TenantStatus};
use serde::{Deserialize, Serialize};

use crate::{Invocation, Member, Tenant, TenantId, Timestamp, UserId, Version};

/// That a portal administers a tenant, its partner (R8). An item of its own beside the tenant, so that what the portal's
/// people do can be conditioned on it whether or not they write the tenant too.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Administration {
    /// The partner.
    pub tenant_id: TenantId,
    /// Who administers it.
    pub portal: TenantId,
    /// Since when.
    pub since: Timestamp,
    /// Of a partner that nobody has confirmed: from this moment on it is gone, as the partner is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed_until: Option<Timestamp>,
    /// No two ever share one.
    pub version: Version,
}

impl Administration {
    /// Of a partner that a portal has just set up.
    #[must_use]
    pub fn new(partner: &Tenant, portal: TenantId, invocation: &Invocation) -> Self {
        Self {
            tenant_id: partner.id,
            portal,
            since: invocation.now(),
            unconfirmed_until: partner.unconfirmed_until,
            version: invocation.version(),
        }
    }
}

/// A portal, and that it administers the tenant that this is about, as both were read.
#[derive(Clone, Debug)]
pub struct Portal {
    /// The portal's own account.
    pub tenant: Tenant,
    /// That it administers the other.
    pub administration: Administration,
}

impl Portal {
    /// What the policy knows of one of the portal's members in the partner. Both tenants have to be in use for them to hold
    /// anything (R7).
    #[must_use]
    pub const fn principal<'m>(&self, member: &'m Member, partner: TenantStatus) -> Principal<'m> {
        let status = match self.tenant.status {
            TenantStatus::Active => partner,
            other => other,
        };
        Principal { relation: Relation::Portal, ..member.principal(status) }
    }

    /// Whether this member of it is anybody in the partner: an active one who manages partners, in a portal that is in
    /// use.
    #[must_use]
    pub fn lets_in(&self, member: &Member) -> bool {
        self.principal(member, TenantStatus::Active).may(Permission::MembersRead, None).is_ok()
    }
}

/// Whose right to give stands behind an invitation: a member of its tenant, or of the portal that administers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SponsorId {
    /// Who.
    pub user: UserId,
    /// The portal that they are a member of; none for a member of the tenant itself.
    pub portal: Option<TenantId>,
}

/// A sponsor as read: the member, and by what right they give where it isn't their own tenant.
#[derive(Clone, Debug)]
pub struct Sponsor {
    /// The member, of the tenant or of its portal.
    pub member: Member,
    /// The portal, where they are one of its members.
    pub portal: Option<Portal>,
}

impl From<Member> for Sponsor {
    fn from(member: Member) -> Self {
        Self { member, portal: None }
    }
}

impl Sponsor {
    /// As invitations name them.
    #[must_use]
    pub fn id(&self) -> SponsorId {
        let portal = self.portal.as_ref().map(|portal| portal.tenant.id);
        SponsorId { user: self.member.user_id, portal }
    }

    /// What the policy would know of them if nothing were suspended.
    #[must_use]
    pub fn at_best(&self) -> Principal<'_> {
        let relation = if self.portal.is_some() { Relation::Portal } else { Relation::Member };
        Principal { relation, status: MemberStatus::Active, ..self.member.principal(TenantStatus::Active) }
    }

    /// Where they stand: suspended with their portal, gone with it.
    #[must_use]
    pub fn status(&self) -> MemberStatus {
        let account = self.portal.as_ref().map_or(TenantStatus::Active, |portal| portal.tenant.status);
        match account {
            TenantStatus::Active => self.member.status,
            TenantStatus::Suspended if self.member.status == MemberStatus::Active => MemberStatus::Suspended,
            TenantStatus::Suspended => self.member.status,
            TenantStatus::Pending | TenantStatus::Closed => MemberStatus::Revoked,
        }
    }
}

#[cfg(test)]
mod tests {
    use policy::{Permissions, Role};
    use serde_json::json;

    use super::*;
    use crate::samples::{ANA, NOW, OLD, PORTAL, TENANT, invocation, member, patched, survives, tenant};

    fn portal(status: TenantStatus) -> Portal {
        let administration = Administration {
            tenant_id: TENANT,
            portal: PORTAL,
            since: NOW,
            unconfirmed_until: None,
            version: OLD,
        };
        Portal { tenant: Tenant { id: PORTAL, status, ..tenant() }, administration }
    }

    fn admin() -> Member {
        Member { tenant_id: PORTAL, role: Role::Admin, permissions: None, ..member() }
    }

    #[test]
    fn a_partner_is_stored_with_its_portal_and_gone_with_it_unless_somebody_confirms_it() {
        let partner = Tenant { unconfirmed_until: Some(NOW), ..tenant() };
        let one = Administration::new(&partner, PORTAL, &invocation());
        assert_eq!(one.version.made_at(), Some(NOW));
        let written = json!({
            "tenant_id": TENANT,
            "portal": PORTAL,
            "since": NOW,
            "unconfirmed_until": NOW,
            "version": one.version,
        });
        survives(&one, written);
        let kept = Administration { unconfirmed_until: None, ..one.clone() };
        survives(&kept, patched(&one, json!({"unconfirmed_until": null})));
    }

    #[test]
    fn a_portals_member_is_somebody_in_a_partner_while_both_are_in_use() {
        for of_portal in TenantStatus::ALL.iter().copied() {
            let (portal, admin) = (portal(of_portal), admin());
            assert_eq!(portal.lets_in(&admin), of_portal == TenantStatus::Active, "{of_portal}");
            for of_partner in TenantStatus::ALL.iter().copied() {
                let told = portal.principal(&admin, of_partner);
                let both = (of_portal, of_partner) == (TenantStatus::Active, TenantStatus::Active);
                assert_eq!(
                    told.may(Permission::MembersInvite, None).is_ok(),
                    both,
                    "{of_portal} {of_partner}"
                );
                assert_eq!((told.relation, told.role), (Relation::Portal, Role::Admin));
                assert!(told.may(Permission::TenantRead, None).is_err());
            }
        }
        for status in [MemberStatus::Suspended, MemberStatus::Revoked] {
            assert!(!portal(TenantStatus::Active).lets_in(&Member { status, ..admin() }), "{status}");
        }
        let list = Some(Permissions::of(&[Permission::MembersRead]));
        assert!(!portal(TenantStatus::Active).lets_in(&Member { permissions: list, ..admin() }));
    }

    #[test]
    fn a_sponsor_is_suspended_with_their_portal_and_gone_with_it() {
        use MemberStatus::{Active, Revoked, Suspended};
        for (status, of_portal, comes_to) in [
            (Active, TenantStatus::Active, Active),
            (Suspended, TenantStatus::Active, Suspended),
            (Revoked, TenantStatus::Active, Revoked),
            (Active, TenantStatus::Suspended, Suspended),
            (Suspended, TenantStatus::Suspended, Suspended),
            (Revoked, TenantStatus::Suspended, Revoked),
            (Active, TenantStatus::Closed, Revoked),
            (Active, TenantStatus::Pending, Revoked),
        ] {
            let portal = Some(portal(of_portal));
            let sponsor = Sponsor { member: Member { status, ..admin() }, portal };
            assert_eq!(sponsor.status(), comes_to, "{status} {of_portal}");
            assert_eq!(sponsor.id(), SponsorId { user: ANA, portal: Some(PORTAL) });
            let best = sponsor.at_best();
            assert_eq!(
                (best.relation, best.status, best.tenant),
                (Relation::Portal, Active, TenantStatus::Active)
            );
        }
        let own = Sponsor::from(Member { status: Suspended, ..member() });
        assert_eq!((own.status(), own.id()), (Suspended, SponsorId { user: ANA, portal: None }));
        let best = own.at_best();
        assert_eq!((best.relation, best.status, best.role), (Relation::Member, Active, Role::Member));
    }
}
