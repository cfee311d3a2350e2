use model::{Colour, LogoUrl, Timestamp};
use policy::{BrandId, Brands, Role};
use serde::Serialize;
use web::{Answer, Outcome};

use crate::Accept;
use crate::link::Link;

/// What the page behind the link shows.
#[derive(Serialize)]
struct Preview<'a> {
    tenant: NamedTenant<'a>,
    inviter: Option<Inviter<'a>>,
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    role: Role,
    /// `"all"`, or the brands that are still there.
    brands: BrandNames<'a>,
    expires_at: Timestamp,
    /// Whether the address has a password already, with which to accept.
    existing_user: bool,
    /// Characters that a new password has at least.
    password_min_length: usize,
}

#[derive(Serialize)]
struct NamedTenant<'a> {
    name: &'a str,
    brand_colour: Option<Colour>,
    logo_url: Option<&'a str>,
}

#[derive(Serialize)]
struct Inviter<'a> {
    first_name: &'a str,
    last_name: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum BrandNames<'a> {
    All(&'static str),
    These(Vec<NamedBrand<'a>>),
}

#[derive(Serialize)]
struct NamedBrand<'a> {
    id: BrandId,
    name: &'a str,
}

impl Accept {
    /// Changes nothing, however often it is asked.
    pub(crate) async fn preview(&self, link: &Link<'_>) -> Outcome {
        let (state, _) = link.follow(&self.store).await?;
        let basis = state.basis(&self.store).await?;
        let (invitation, tenant) = state.open()?;
        let every = invitation.role.reaches_every_brand() || invitation.brands == Brands::All;
        let these = basis.brands.iter().map(|b| NamedBrand { id: b.id, name: b.name.as_str() });
        Ok(Answer::ok(&Preview {
            tenant: NamedTenant {
                name: tenant.name.as_str(),
                brand_colour: tenant.brand_colour,
                logo_url: tenant.logo_url.as_ref().map(LogoUrl::as_str),
            },
            inviter: basis
                .sponsor
                .as_ref()
                .map(|s| &s.member)
                .map(|m| Inviter { first_name: m.first_name.as_str(), last_name: m.last_name.as_str() }),
            email: invitation.email.as_entered(),
            first_name: invitation.first_name.as_str(),
            last_name: invitation.last_name.as_str(),
            role: invitation.role,
            brands: if every { BrandNames::All("all") } else { BrandNames::These(these.collect()) },
            expires_at: invitation.expires_at,
            existing_user: basis.credential.is_some(),
            password_min_length: self.passwords.min_length(),
        }))
    }
}
