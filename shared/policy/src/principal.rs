use crate::brands::{BrandId, Brands};
use crate::denial::Denial;
use crate::permission::{Permission, Permissions};
use crate::role::{NEVER_A_PARTNERS, OWNERS_ALONE, Role};

crate::closed_set! {
    /// Whether a membership is in use.
    pub enum MemberStatus: "member status" {
        /// May use what they hold.
        Active = "active",
        /// Switched off, can be switched on again.
        Suspended = "suspended",
        /// Gone for good; a new invitation is the only way in.
        Revoked = "revoked",
    }
}

crate::closed_set! {
    /// Whether a tenant's account is in use.
    pub enum TenantStatus: "tenant status" {
        /// Signed up; the owner hasn't accepted yet.
        Pending = "pending",
        /// In use.
        Active = "active",
        /// Switched off by the operator.
        Suspended = "suspended",
        /// Closed by its owner.
        Closed = "closed",
    }
}

/// How somebody is related to the tenant that they act in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// A member of that very tenant.
    Member,
    /// A member of the portal that administers it (R8). Role, permissions and status are those in the portal.
    Portal,
}

/// What the platform knows about one person in one tenant.
#[derive(Clone, Copy, Debug)]
pub struct Principal<'a> {
    /// Member of the tenant, or of its portal.
    pub relation: Relation,
    /// The role.
    pub role: Role,
    /// The explicit list that replaces the role's permissions, where there is one (R4).
    pub overrides: Option<Permissions>,
    /// The assigned brands.
    pub brands: &'a Brands,
    /// The membership's status.
    pub status: MemberStatus,
    /// The tenant's status.
    pub tenant: TenantStatus,
}

/// What somebody is about to be given.
#[derive(Clone, Copy, Debug)]
pub struct Grant<'a> {
    /// The role.
    pub role: Role,
    /// The explicit list, where there is one.
    pub permissions: Option<Permissions>,
    /// The brands.
    pub brands: &'a Brands,
}

impl Grant<'_> {
    /// What the receiver would hold.
    #[must_use]
    pub fn effective(&self) -> Permissions {
        effective(self.role, self.permissions)
    }
}

/// The member that somebody is about to change.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The role that the target has now.
    pub role: Role,
    /// Whether the target is the person who asks.
    pub is_self: bool,
}

/// What of the tenant's brands somebody sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visibility(Brands);

impl Visibility {
    /// Whether the brand is seen.
    #[must_use]
    pub fn sees(&self, brand: BrandId) -> bool {
        self.0.contains(brand)
    }

    /// What a whole set that this person writes comes to: only what they see changes, the rest of `before` stays (R6).
    /// `asked` has to be of brands that they see.
    ///
    /// # Errors
    /// [`Denial::BrandsNotHeld`] where only somebody who sees every brand could do it.
    pub fn replace(&self, before: &Brands, asked: &Brands) -> Result<Brands, Denial> {
        match (&self.0, before, asked) {
            (Brands::All, _, _) => Ok(asked.clone()),
            (Brands::Only(seen), Brands::Only(before), Brands::Only(asked)) => {
                let unseen = before.difference(seen);
                Ok(unseen.chain(asked).copied().collect())
            }
            (Brands::Only(_), _, _) => Err(Denial::BrandsNotHeld),
        }
    }

    /// The brands that are seen one by one; none where every brand is.
    pub fn named(&self) -> impl Iterator<Item = BrandId> {
        self.0.named()
    }

    /// Whether every brand is seen.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.0 == Brands::All
    }

    /// The part of `brands` that is seen: what a list shown to this person may hold (R6).
    #[must_use]
    pub fn limit(&self, brands: &Brands) -> Brands {
        self.0.intersection(brands)
    }
}

/// What a role with an optional list comes to, R5 included. The owner's list is ignored: nothing takes from the
/// owner what only a transfer may (R2).
fn effective(role: Role, list: Option<Permissions>) -> Permissions {
    match (role, list) {
        (Role::Owner, _) => Role::Owner.permissions(),
        (Role::Partner, list) => {
            list.unwrap_or(role.permissions()).minus(NEVER_A_PARTNERS).minus(OWNERS_ALONE)
        }
        (Role::Admin | Role::Member | Role::SalesRep, Some(list)) => list.minus(OWNERS_ALONE),
        (Role::Admin | Role::Member | Role::SalesRep, None) => role.permissions(),
    }
}

/// What a portal may do in a partner's tenant (R8): manage its members as an admin of it would.
const THROUGH_A_PORTAL: Permissions = Permissions::of(&[
    Permission::MembersRead,
    Permission::MembersInvite,
    Permission::MembersAssign,
    Permission::MembersPermit,
    Permission::MembersRevoke,
]);

impl Principal<'_> {
    /// What is held, leaving out whether the membership is active and which brand it is about.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        let own = effective(self.role, self.overrides);
        match self.relation {
            Relation::Member => own,
            Relation::Portal if own.contains(Permission::PartnersManage) => THROUGH_A_PORTAL,
            Relation::Portal => Permissions::NONE,
        }
    }

    /// What may be given away: what is held; through a portal, what an admin of the partner would hold.
    fn givable(&self) -> Permissions {
        match self.relation {
            Relation::Member => self.permissions(),
            Relation::Portal => Role::Admin.permissions(),
        }
    }

    /// The role that the ceiling is measured by: through a portal, an admin's.
    fn rank(&self) -> Role {
        match self.relation {
            Relation::Member => self.role,
            Relation::Portal => Role::Admin,
        }
    }

    /// The brands that are reached.
    #[must_use]
    pub fn visibility(&self) -> Visibility {
        if self.relation == Relation::Portal || self.role.reaches_every_brand() {
            Visibility(Brands::All)
        } else {
            Visibility(self.brands.clone())
        }
    }

    /// May this person use `permission`, and where it is about one brand, on `brand`?
    ///
    /// # Errors
    /// The first reason that stands against it. [`Denial::BrandNotAssigned`] is to be answered as *not found*.
    pub fn may(&self, permission: Permission, brand: Option<BrandId>) -> Result<(), Denial> {
        if self.tenant != TenantStatus::Active {
            return Err(Denial::TenantInactive);
        }
        if self.status != MemberStatus::Active {
            return Err(Denial::MemberInactive);
        }
        if !self.permissions().contains(permission) {
            return Err(match self.relation {
                Relation::Portal
                    if effective(self.role, self.overrides).contains(Permission::PartnersManage) =>
                {
                    Denial::OutsidePortal(permission)
                }
                Relation::Portal => Denial::Missing(Permission::PartnersManage),
                Relation::Member => Denial::Missing(permission),
            });
        }
        match brand {
            Some(brand) if !self.visibility().sees(brand) => Err(Denial::BrandNotAssigned),
            _ => Ok(()),
        }
    }

    /// May this person hand out `grant`? Asked at the invitation, at its acceptance (R9), and at every change of
    /// a role, a list or brands. That the giver may invite or assign at all is [`Principal::may`]'s question.
    ///
    /// # Errors
    /// The first rule that the grant breaks.
    pub fn may_give(&self, grant: &Grant<'_>) -> Result<(), Denial> {
        if grant.role == Role::Owner {
            return Err(Denial::OwnerIsTransferred);
        }
        if grant.role.is_above(self.rank()) {
            return Err(Denial::RoleAbove(grant.role));
        }
        if let Some(list) = grant.permissions {
            if let Some(p) = list.intersection(OWNERS_ALONE).iter().next() {
                return Err(Denial::NotGivable(p));
            }
            if grant.role == Role::Partner
                && let Some(p) = list.intersection(NEVER_A_PARTNERS).iter().next()
            {
                return Err(Denial::NotForPartners(p));
            }
            if let Some(p) = list.iter().find(|p| p.is_over_members())
                && Role::Admin.is_above(self.rank())
            {
                return Err(Denial::TakesAnAdmin(p));
            }
        }
        // R1 bounds the role's name; this bounds what the role brings, so that a member whose own list was cut
        // down can't hand the uncut role to somebody else.
        if let Some(p) = grant.effective().minus(self.givable()).iter().next() {
            return Err(Denial::NotHeld(p));
        }
        // A role that reaches every brand can be given only by one that does.
        let brands = if grant.role.reaches_every_brand() { &Brands::All } else { grant.brands };
        if !self.visibility().0.covers(brands) {
            return Err(Denial::BrandsNotHeld);
        }
        Ok(())
    }

    /// May this person change, suspend or remove `target` at all? What the target is to be given is
    /// [`Principal::may_give`]'s question.
    ///
    /// # Errors
    /// [`Denial::TargetIsYourself`], [`Denial::TargetIsOwner`] or [`Denial::RoleAbove`].
    pub fn may_manage(&self, target: Target) -> Result<(), Denial> {
        if target.is_self {
            return Err(Denial::TargetIsYourself);
        }
        if target.role == Role::Owner {
            return Err(Denial::TargetIsOwner);
        }
        if target.role.is_above(self.rank()) {
            return Err(Denial::RoleAbove(target.role));
        }
        Ok(())
    }
}
