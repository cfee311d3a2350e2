use model::{BrandId, Brands, Role, Timestamp};
use serde::Serialize;
use store::keys;
use web::{Answer, Outcome};

use crate::Accept;
use crate::link::{Link, still_vouched};

/// What the page behind the link shows.
#[derive(Serialize)]
struct Preview<'a> {
    tenant: Named<'a>,
    inviter: Option<Person<'a>>,
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
struct Named<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct Person<'a> {
    first_name: &'a str,
    last_name: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum BrandNames<'a> {
    All(&'static str),
    These(Vec<BrandName<'a>>),
}

#[derive(Serialize)]
struct BrandName<'a> {
    id: BrandId,
    name: &'a str,
}

impl Accept {
    /// Changes nothing, however often it is asked.
    pub(crate) async fn preview(&self, link: &Link, now: Timestamp) -> Outcome {
        let behind = link.follow(&self.store, now).await?;
        let (invitation, tenant) = behind.open(&link.digest, now)?;
        let (claim, voucher, brands) = self
            .store
            .load((
                keys::claim(invitation.email.canonical()),
                invitation.vouched_by.map(|u| keys::member(tenant.id, u)),
                invitation.brands.named().map(|b| keys::brand(tenant.id, b)).collect::<Vec<_>>(),
            ))
            .await?;
        still_vouched(invitation, tenant, voucher.as_ref())?;
        let every = invitation.role.reaches_every_brand() || invitation.brands == Brands::All;
        let these = brands.iter().flatten().map(|b| BrandName { id: b.id, name: b.name.as_str() });
        Ok(Answer::ok(&Preview {
            tenant: Named { name: tenant.name.as_str() },
            inviter: voucher
                .as_ref()
                .map(|m| Person { first_name: m.first_name.as_str(), last_name: m.last_name.as_str() }),
            email: invitation.email.typed(),
            first_name: invitation.first_name.as_str(),
            last_name: invitation.last_name.as_str(),
            role: invitation.role,
            brands: if every { BrandNames::All("all") } else { BrandNames::These(these.collect()) },
            expires_at: invitation.expires_at,
            existing_user: claim.is_some(),
            password_min_length: self.rules.min_length(),
        }))
    }
}
