use crate::permission::{Permission as P, Permissions};

crate::closed_set! {
    /// A built-in role. The order of the variants is the ranking, highest first.
    pub enum Role: "role" {
        /// The one primary user of a tenant.
        Owner = "owner",
        /// Does everything but what makes the owner the owner.
        Admin = "admin",
        /// Works on the assigned brands and sees the team.
        Member = "member",
        /// Shows products and messages retailers for the assigned brands.
        SalesRep = "sales_rep",
        /// An outside partner: reads what the assigned brands show.
        Partner = "partner",
    }
}

impl Role {
    /// Whether this role stands above `other`.
    #[must_use]
    pub const fn is_above(self, other: Self) -> bool {
        (self as u8) < (other as u8)
    }

    /// Whether the role reaches every brand, whatever brands the member is assigned to.
    #[must_use]
    pub const fn reaches_every_brand(self) -> bool {
        match self {
            Self::Owner | Self::Admin => true,
            Self::Member | Self::SalesRep | Self::Partner => false,
        }
    }

    /// What it is for, in a sentence for who gives it.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Owner => {
                "The one primary user: everything, the company's name, the ownership and the account too."
            }
            Self::Admin => {
                "Manages the team, its brands, access and billing; everything but what is the owner's alone."
            }
            Self::Member => {
                "Edits products, certificates, stock and shipments of the assigned brands, and sees the team."
            }
            Self::SalesRep => "Shows products and messages retailers for the assigned brands.",
            Self::Partner => "From outside: reads what the assigned brands show.",
        }
    }

    /// What the role holds unless a permission list replaces it: the table of the design, column by column.
    #[must_use]
    pub const fn permissions(self) -> Permissions {
        const READER: Permissions = Permissions::of(&[P::TenantRead, P::BrandRead, P::ProductsRead]);
        const SALES_REP: Permissions = READER.union(Permissions::of(&[P::RetailersMessage]));
        const MEMBER: Permissions = SALES_REP.union(Permissions::of(&[
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
            Self::SalesRep => SALES_REP,
            Self::Partner => READER,
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
    P::AuditRead,
    P::AccessReview,
]);
