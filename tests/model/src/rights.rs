//! The table of permissions (design §2) and the rules about holding and giving them.

use std::collections::BTreeSet;

use crate::Nth;

/// The roles, highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The one primary user.
    Owner,
    /// Everything but what makes the owner the owner.
    Admin,
    /// Works on the assigned brands.
    Member,
    /// Shows products and messages retailers.
    SalesRep,
    /// An outside partner.
    Partner,
}

/// All roles.
pub const ROLES: [Role; 5] = [Role::Owner, Role::Admin, Role::Member, Role::SalesRep, Role::Partner];

/// A set of permissions, by name.
pub type Permissions = BTreeSet<&'static str>;

/// The table, a permission a row, in the order of [`ROLES`]: does the role hold it?
pub const TABLE: [(&str, [bool; 5]); 25] = {
    const OWNERS: [bool; 5] = [true, false, false, false, false];
    const ADMINS: [bool; 5] = [true, true, false, false, false];
    const MEMBERS: [bool; 5] = [true, true, true, false, false];
    const SELLERS: [bool; 5] = [true, true, true, true, false];
    const ALL: [bool; 5] = [true; 5];
    [
        ("tenant.read", ALL),
        ("tenant.update", OWNERS),
        ("tenant.transfer", OWNERS),
        ("tenant.close", OWNERS),
        ("billing.read", ADMINS),
        ("billing.update", ADMINS),
        ("brands.create", ADMINS),
        ("brands.update", ADMINS),
        ("brands.delete", ADMINS),
        ("members.read", MEMBERS),
        ("members.invite", ADMINS),
        ("members.assign", ADMINS),
        ("members.permit", ADMINS),
        ("members.revoke", ADMINS),
        ("audit.read", ADMINS),
        ("access.review", ADMINS),
        ("partners.manage", ADMINS),
        ("brand.read", ALL),
        ("products.read", ALL),
        ("products.write", MEMBERS),
        ("brand.write", MEMBERS),
        ("coa.upload", MEMBERS),
        ("inventory.manage", MEMBERS),
        ("shipping.confirm", MEMBERS),
        ("retailers.message", SELLERS),
    ]
};

/// What can't be given (R4).
const OWNERS_ALONE: [&str; 3] = ["tenant.update", "tenant.transfer", "tenant.close"];

/// What a partner never holds (R5).
fn is_never_a_partners(permission: &str) -> bool {
    permission.starts_with("members.")
        || permission.starts_with("billing.")
        || ["tenant.update", "partners.manage", "audit.read", "access.review"].contains(&permission)
}

impl Role {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
            Self::SalesRep => "sales_rep",
            Self::Partner => "partner",
        }
    }

    /// What it holds by itself.
    #[must_use]
    pub fn permissions(self) -> Permissions {
        TABLE.iter().filter(|(_, held)| held[self as usize]).map(|(name, _)| *name).collect()
    }

    /// Whether it reaches every brand.
    #[must_use]
    pub fn reaches_all(self) -> bool {
        self <= Self::Admin
    }
}

/// Brands: every one, or these.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Brands {
    /// Every brand, later ones too.
    All,
    /// These.
    Only(BTreeSet<Nth>),
}

impl Brands {
    /// Whether it holds this one.
    #[must_use]
    pub fn has(&self, brand: Nth) -> bool {
        match self {
            Self::All => true,
            Self::Only(set) => set.contains(&brand),
        }
    }

    /// Whether every brand of `other` is in it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Only(_), Self::All) => false,
            (Self::Only(mine), Self::Only(theirs)) => theirs.is_subset(mine),
        }
    }

    /// The part of it that is in `other` too.
    #[must_use]
    pub fn within(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, some) | (some, Self::All) => some.clone(),
            (Self::Only(a), Self::Only(b)) => Self::Only(a & b),
        }
    }

    /// Without those that are gone.
    #[must_use]
    pub fn there(&self, there: &BTreeSet<Nth>) -> Self {
        match self {
            Self::All => Self::All,
            Self::Only(set) => Self::Only(set & there),
        }
    }
}

/// What somebody has, or is about to be given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The role.
    pub role: Role,
    /// The list that replaces the role's permissions.
    pub list: Option<Permissions>,
    /// The brands.
    pub brands: Brands,
}

impl Access {
    /// What it comes to: nothing takes from an owner; what can't be given, and from a partner what is never theirs, is not
    /// held by any list.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        let list = match (&self.list, self.role) {
            (_, Role::Owner) | (None, _) => return self.role.permissions(),
            (Some(list), _) => list.clone(),
        };
        let partner = self.role == Role::Partner;
        let kept = |p: &&str| !(OWNERS_ALONE.contains(p) || partner && is_never_a_partners(p));
        list.into_iter().filter(kept).collect()
    }

    /// The brands that it reaches.
    #[must_use]
    pub fn reach(&self) -> Brands {
        if self.role.reaches_all() { Brands::All } else { self.brands.clone() }
    }

    /// May whoever has this give `other` away (R1, R4, R5, R6)?
    #[must_use]
    pub fn gives(&self, other: &Self) -> bool {
        let list = other.list.clone().unwrap_or_default();
        let partner = other.role == Role::Partner;
        other.role != Role::Owner
            && other.role >= self.role
            && !list.iter().any(|p| OWNERS_ALONE.contains(p) || (partner && is_never_a_partners(p)))
            && (self.role <= Role::Admin || !list.iter().any(|p| p.starts_with("members.")))
            && other.permissions().is_subset(&self.permissions())
            && self.reach().covers(&other.reach())
    }
}
