use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

crate::closed_set! {
    /// One thing that a member may be allowed to do. The order is that of the design's table.
    pub enum Permission: "permission" {
        /// Read the tenant's name, plan and seats.
        TenantRead = "tenant.read",
        /// Change the company's name and the account's status.
        TenantUpdate = "tenant.update",
        /// Hand the tenant to another owner.
        TenantTransfer = "tenant.transfer",
        /// Close the account.
        TenantClose = "tenant.close",
        /// See invoices and the payment method.
        BillingRead = "billing.read",
        /// Change plan and payment method.
        BillingUpdate = "billing.update",
        /// Create brands.
        BrandsCreate = "brands.create",
        /// Rename brands.
        BrandsUpdate = "brands.update",
        /// Delete brands.
        BrandsDelete = "brands.delete",
        /// See who is in the team.
        MembersRead = "members.read",
        /// Invite, resend, and take invitations back.
        MembersInvite = "members.invite",
        /// Change roles and brands of members.
        MembersAssign = "members.assign",
        /// Give a member an explicit permission list.
        MembersPermit = "members.permit",
        /// Suspend, reinstate and remove members.
        MembersRevoke = "members.revoke",
        /// Read the audit trail.
        AuditRead = "audit.read",
        /// Review who holds what.
        AccessReview = "access.review",
        /// Administer partner tenants.
        PartnersManage = "partners.manage",
        /// See a brand.
        BrandRead = "brand.read",
        /// See a brand's products.
        ProductsRead = "products.read",
        /// Edit a brand's products.
        ProductsWrite = "products.write",
        /// Edit a brand's profile.
        BrandWrite = "brand.write",
        /// Upload certificates of analysis for new batches.
        CoaUpload = "coa.upload",
        /// Manage a brand's stock.
        InventoryManage = "inventory.manage",
        /// Confirm shipments.
        ShippingConfirm = "shipping.confirm",
        /// Write to retailers in a brand's name.
        RetailersMessage = "retailers.message",
    }
}

impl Permission {
    /// Whether it is held for a brand, not for the tenant as a whole.
    #[must_use]
    pub const fn is_brand_scoped(self) -> bool {
        matches!(
            self,
            Self::BrandRead
                | Self::ProductsRead
                | Self::ProductsWrite
                | Self::BrandWrite
                | Self::CoaUpload
                | Self::InventoryManage
                | Self::ShippingConfirm
                | Self::RetailersMessage
        )
    }

    /// Whether it is one of the `members.*` permissions, which only owners and admins may give (R4).
    #[must_use]
    pub const fn is_over_members(self) -> bool {
        matches!(
            self,
            Self::MembersRead
                | Self::MembersInvite
                | Self::MembersAssign
                | Self::MembersPermit
                | Self::MembersRevoke
        )
    }
}

/// A set of permissions. As JSON: a list of names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Permissions(u32);

impl Permissions {
    /// No permission.
    pub const NONE: Self = Self(0);

    /// Exactly these.
    #[must_use]
    pub const fn of(list: &[Permission]) -> Self {
        let mut bits = 0;
        let mut rest = list;
        while let [first, tail @ ..] = rest {
            bits |= 1 << *first as u8;
            rest = tail;
        }
        Self(bits)
    }

    /// Whether `permission` is in the set.
    #[must_use]
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u8) != 0
    }

    /// What is in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this set and not in `other`.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// What is in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The members of the set, in the order of [`Permission::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |p| self.contains(*p))
    }
}

/// As an event tells of them: the names with spaces between.
impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(Permission::name).collect();
        f.write_str(&names.join(" "))
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(list: I) -> Self {
        list.into_iter().fold(Self::NONE, |set, p| set.union(Self::of(&[p])))
    }
}

impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Permission::name))
    }
}

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Permission>::deserialize(deserializer)?.into_iter().collect())
    }
}
