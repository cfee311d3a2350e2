use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::permission::{Permission as P, Permissions};

/// A built-in role. The order of the variants is the ranking, highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The one primary user of a tenant.
    Owner,
    /// Does everything but what makes the owner the owner.
    Admin,
    /// Works on the assigned brands and sees the team.
    Member,
    /// Shows products and messages retailers for the assigned brands.
    SalesRep,
    /// An outside partner: reads and messages for the assigned brands.
    Partner,
}

impl Role {
    /// All there are, highest first.
    pub const ALL: [Self; 5] = [Self::Owner, Self::Admin, Self::Member, Self::SalesRep, Self::Partner];

    /// The name in the API and in the table, `sales_rep`.
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

    const fn rank(self) -> u8 {
        match self {
            Self::Owner => 4,
            Self::Admin => 3,
            Self::Member => 2,
            Self::SalesRep => 1,
            Self::Partner => 0,
        }
    }

    /// Whether this role stands above `other`.
    #[must_use]
    pub const fn is_above(self, other: Self) -> bool {
        self.rank() > other.rank()
    }

    /// Whether the role reaches every brand, whatever brands the member is assigned to.
    #[must_use]
    pub const fn reaches_every_brand(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }

    /// What the role holds unless a permission list replaces it: the table of the design, column by column.
    #[must_use]
    pub const fn permissions(self) -> Permissions {
        const READER: &[P] = &[P::TenantRead, P::BrandRead, P::ProductsRead, P::RetailersMessage];
        const MEMBER: Permissions = Permissions::of(READER).union(Permissions::of(&[
            P::MembersRead,
            P::ProductsWrite,
            P::BrandWrite,
            P::CoaUpload,
            P::InventoryManage,
            P::ShippingConfirm,
        ]));
        match self {
            Self::Owner => Permissions::of(P::ALL),
            Self::Admin => Permissions::of(P::ALL).minus(OWNERS_ALONE),
            Self::Member => MEMBER,
            Self::SalesRep | Self::Partner => Permissions::of(READER),
        }
    }
}

/// What makes the owner the owner and can't be given (R4).
pub(crate) const OWNERS_ALONE: Permissions =
    Permissions::of(&[P::TenantUpdate, P::TenantTransfer, P::TenantClose]);

/// What a partner never holds, by role or by override (R5).
pub(crate) const NEVER_A_PARTNERS: Permissions = Permissions::of(&[
    P::MembersRead,
    P::MembersInvite,
    P::MembersAssign,
    P::MembersPermit,
    P::MembersRevoke,
    P::BillingRead,
    P::BillingUpdate,
    P::TenantUpdate,
    P::PartnersManage,
]);

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no role's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownRole;

impl fmt::Display for UnknownRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a role, expected `admin`, `member`, `sales_rep` or `partner`")
    }
}

impl std::error::Error for UnknownRole {}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(name: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.name() == name).ok_or(UnknownRole)
    }
}
