use std::fmt;

use crate::permission::Permission;
use crate::role::Role;

crate::closed_set! {
    /// The rules that hold whatever the table of permissions says; the crate's first page has them in full.
    pub enum Rule: "rule" {
        /// The table of permissions itself.
        Table = "permissions",
        /// The ceiling: nobody handles a role above their own, `owner` is only transferred.
        R1 = "R1",
        /// One owner: the owner is not demoted, suspended or removed.
        R2 = "R2",
        /// Nobody changes their own role, permissions, brands or status.
        R3 = "R3",
        /// Permission lists are a subset of what the giver holds.
        R4 = "R4",
        /// Partners stay outside.
        R5 = "R5",
        /// Assigned brands only.
        R6 = "R6",
        /// Only an active member of an active tenant has any permission.
        R7 = "R7",
        /// Through a portal: managing members and nothing else.
        R8 = "R8",
    }
}

/// Why not. Its `Display` is a sentence for the person who was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The tenant is not active (R7).
    TenantInactive,
    /// The member is suspended or removed (R7).
    MemberInactive,
    /// Neither the role nor the permission list holds it.
    Missing(Permission),
    /// Asked through a portal for something that is not managing members (R8).
    OutsidePortal(Permission),
    /// The brand is not among the assigned ones (R6): to be answered as if there were no such brand.
    BrandNotAssigned,
    /// The role is above the giver's (R1).
    RoleAbove(Role),
    /// `owner` is transferred, never granted (R1).
    OwnerIsTransferred,
    /// The role or list brings a permission that the giver doesn't hold (R4).
    NotHeld(Permission),
    /// The permission belongs to the owner and can't be given (R4).
    NotGivable(Permission),
    /// Giving `members.*` takes an owner or admin (R4).
    TakesAnAdmin(Permission),
    /// A partner never holds it (R5).
    NotForPartners(Permission),
    /// Brands that the giver doesn't reach (R6).
    BrandsNotHeld,
    /// The target is the owner (R2).
    TargetIsOwner,
    /// The target is the person who asks (R3).
    TargetIsYourself,
}

impl Denial {
    /// The rule that refused.
    #[must_use]
    pub const fn rule(self) -> Rule {
        match self {
            Self::Missing(_) => Rule::Table,
            Self::RoleAbove(_) | Self::OwnerIsTransferred => Rule::R1,
            Self::TargetIsOwner => Rule::R2,
            Self::TargetIsYourself => Rule::R3,
            Self::NotHeld(_) | Self::NotGivable(_) | Self::TakesAnAdmin(_) => Rule::R4,
            Self::NotForPartners(_) => Rule::R5,
            Self::BrandNotAssigned | Self::BrandsNotHeld => Rule::R6,
            Self::TenantInactive | Self::MemberInactive => Rule::R7,
            Self::OutsidePortal(_) => Rule::R8,
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TenantInactive => f.write_str(
                "the team's account is not in use at the moment, its owner can ask the platform's operator",
            ),
            Self::MemberInactive => f.write_str("the membership is not active, ask an admin of the team"),
            Self::Missing(p) => write!(f, "this takes the permission `{p}`, ask an admin of the team"),
            Self::OutsidePortal(p) => {
                write!(f, "a portal manages its partners' members, `{p}` is not part of it")
            }
            Self::BrandNotAssigned => f.write_str("the brand is not found among the assigned ones"),
            Self::RoleAbove(role) => write!(f, "the role `{role}` is above yours"),
            Self::OwnerIsTransferred => f.write_str("the role `owner` is transferred, never granted"),
            Self::NotHeld(p) => write!(f, "it would give away `{p}`, which you don't hold"),
            Self::NotGivable(p) => write!(f, "`{p}` belongs to the owner and can't be given"),
            Self::TakesAnAdmin(p) => write!(f, "giving `{p}` takes an owner or admin"),
            Self::NotForPartners(p) => write!(f, "a partner never holds `{p}`"),
            Self::BrandsNotHeld => f.write_str("it would give away brands that you aren't assigned to"),
            Self::TargetIsOwner => {
                f.write_str("the owner can't be changed, suspended or removed, transfer the ownership first")
            }
            Self::TargetIsYourself => f.write_str("nobody changes their own access, ask another admin"),
        }
    }
}

impl std::error::Error for Denial {}
