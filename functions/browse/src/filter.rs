use model::{Refusal, Role};
use policy::{BrandId, Visibility};
use web::Request;

/// A filter that is one of a few names.
pub(crate) fn one_of<T: Copy>(
    request: &Request,
    parameter: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<Option<T>, Refusal> {
    let Some(text) = request.query(parameter)? else { return Ok(None) };
    all.iter().copied().find(|value| name(*value) == text).map(Some).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|value| name(*value)).collect();
        Refusal::invalid(format!("?{parameter}"), format!("it is one of {}", names.join(", ")))
    })
}

/// The filters that members and invitations share: by role and by brand.
pub(crate) struct Held {
    pub(crate) role: Option<Role>,
    pub(crate) brand: Option<BrandId>,
}

impl Held {
    pub(crate) fn parse(request: &Request) -> Result<Self, Refusal> {
        let role = one_of(request, "role", &Role::ALL, Role::name)?;
        let brand = match request.query("brand")? {
            None => None,
            Some(text) => Some(
                model::parse_brand_id(&text)
                    .ok_or_else(|| Refusal::invalid("?brand", "it is the id of a brand"))?,
            ),
        };
        Ok(Self { role, brand })
    }

    /// Refuses to filter by a brand that the reader doesn't see, which would tell who is assigned to it.
    pub(crate) fn within(&self, seen: &Visibility) -> Result<(), Refusal> {
        if self.brand.is_none_or(|brand| seen.sees(brand)) { Ok(()) } else { Err(Refusal::NotFound) }
    }

    pub(crate) fn keeps(&self, role: Role, brands: &model::Brands) -> bool {
        self.role.is_none_or(|wanted| wanted == role)
            && self.brand.is_none_or(|brand| role.reaches_every_brand() || brands.contains(brand))
    }
}
