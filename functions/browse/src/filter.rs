use model::Refusal;
use policy::{BrandId, Brands, Role, Visibility};
use web::{BadRequest, Request};

/// The filters that members and invitations share: by role and by brand.
pub(crate) struct Held {
    pub(crate) role: Option<Role>,
    pub(crate) brand: Option<BrandId>,
}

impl Held {
    pub(crate) fn parse(request: &Request) -> Result<Self, BadRequest> {
        let role = request.query_as("role", str::parse)?;
        let brand =
            request.query_as("brand", |text| BrandId::parse(text).ok_or("is not the id of a brand"))?;
        Ok(Self { role, brand })
    }

    /// Refuses to filter by a brand that the reader doesn't see, which would tell who is assigned to it.
    pub(crate) fn within(&self, seen: &Visibility) -> Result<(), Refusal> {
        if self.brand.is_none_or(|brand| seen.sees(brand)) { Ok(()) } else { Err(Refusal::NotFound) }
    }

    pub(crate) fn keeps(&self, role: Role, brands: &Brands) -> bool {
        self.role.is_none_or(|wanted| wanted == role)
            && self.brand.is_none_or(|brand| role.reaches_every_brand() || brands.contains(brand))
    }
}
