use model::{Brand, Refusal, TenantId};
use policy::{BrandId, Brands, Role, Visibility};
use store::{Key, keys};
use web::{BadRequest, NO_BRAND_ID, Request};

/// The filters that members and invitations share: by role and by brand.
pub(crate) struct Held {
    pub(crate) role: Option<Role>,
    pub(crate) brand: Option<BrandId>,
}

impl Held {
    pub(crate) fn parse(request: &Request) -> Result<Self, BadRequest> {
        let role = request.query_as("role", str::parse)?;
        let brand = request.query_as("brand", |text| BrandId::parse(text).ok_or(NO_BRAND_ID))?;
        Ok(Self { role, brand })
    }

    /// The brand that it is filtered by.
    pub(crate) fn wants(&self, tenant: TenantId) -> Option<Key<Brand>> {
        self.brand.map(|brand| keys::brand(tenant, brand))
    }

    /// Refuses to filter by a brand that isn't there, or that the reader doesn't see, which would tell who is assigned
    /// to it.
    pub(crate) fn within(&self, seen: &Visibility, found: Option<&Brand>) -> Result<(), Refusal> {
        let fits = |brand| found.is_some() && seen.sees(brand);
        if self.brand.is_none_or(fits) { Ok(()) } else { Err(Refusal::NotFound) }
    }

    pub(crate) fn keeps(&self, role: Role, brands: &Brands) -> bool {
        self.role.is_none_or(|wanted| wanted == role)
            && self.brand.is_none_or(|brand| role.reaches_every_brand() || brands.contains(brand))
    }
}
