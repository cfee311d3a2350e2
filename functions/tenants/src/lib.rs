//! Organizations and their brands.
//!
//! * `POST /v1/tenants`, public: signs an organization up; the tenant is active once its owner opened the emailed link
//! * `GET /v1/tenants/{tenant}`
//! * `POST`, `GET /v1/tenants/{tenant}/brands`; `PATCH`, `DELETE /v1/tenants/{tenant}/brands/{brand}`

mod brands;
mod read;
mod sign_up;

use std::sync::Arc;

use lambda_http::http::Method;
use model::{Dice, Limits, Refusal, Timestamp, parse_brand_id};
use runtime::{Environment, NewTenants, SettingError};
use store::Store;
use web::{Entrance, Function, Outcome, Request, until_settled};

/// The function.
pub struct Tenants {
    store: Store,
    dice: Arc<dyn Dice>,
    limits: Limits,
    new_tenants: NewTenants,
}

impl Function for Tenants {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self {
            store: Store::open(environment)?,
            dice: Arc::clone(&environment.dice),
            limits: environment.variables.limits()?,
            new_tenants: environment.variables.new_tenants()?,
        })
    }

    async fn handle(&self, request: &Request, now: Timestamp) -> Outcome {
        let enter = |tenant: &str| Entrance::new(request, tenant, now);
        match (request.method(), request.segments().as_slice()) {
            (&Method::POST, ["v1", "tenants"]) => {
                let (draft, key) = sign_up::Draft::parse(request)?;
                until_settled(|| self.sign_up(&draft, key.as_ref(), request.id(), now)).await
            }
            (&Method::GET, ["v1", "tenants", tenant]) => self.read(&enter(tenant)?).await,
            (&Method::POST, ["v1", "tenants", tenant, "brands"]) => {
                let (entrance, name) = (enter(tenant)?, brands::name(request)?);
                until_settled(|| self.create_brand(&entrance, &name, now)).await
            }
            (&Method::GET, ["v1", "tenants", tenant, "brands"]) => {
                self.list_brands(&enter(tenant)?, request).await
            }
            (&Method::PATCH, ["v1", "tenants", tenant, "brands", brand]) => {
                let entrance = enter(tenant)?;
                let brand = parse_brand_id(brand).ok_or(Refusal::NotFound)?;
                let name = brands::name(request)?;
                until_settled(|| self.rename_brand(&entrance, request, brand, &name, now)).await
            }
            (&Method::DELETE, ["v1", "tenants", tenant, "brands", brand]) => {
                let entrance = enter(tenant)?;
                let brand = parse_brand_id(brand).ok_or(Refusal::NotFound)?;
                until_settled(|| self.delete_brand(&entrance, brand)).await
            }
            _ => Err(Refusal::NotFound.into()),
        }
    }
}
