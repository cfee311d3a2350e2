//! Organizations and their brands.
//!
//! * `POST /v1/tenants`, public: signs an organization up; the tenant is active once its owner opened the emailed link
//! * `GET /v1/tenants/{tenant}`
//! * `POST`, `GET /v1/tenants/{tenant}/brands`; `GET`, `PATCH`, `DELETE /v1/tenants/{tenant}/brands/{brand}`

mod brands;
mod sign_up;

use model::{Limits, Refusal, SourceKey, TenantDefaults};
use policy::Permission;
use runtime::{Environment, SettingError};
use store::{Store, keys};
use web::views::TenantView;
use web::{Answer, Caller, Function, Outcome, Request, Route};

/// The function.
pub struct Tenants {
    store: Store,
    limits: Limits,
    sources: SourceKey,
    /// Whether anyone may sign up; otherwise only the operator makes tenants.
    open: bool,
    defaults: TenantDefaults,
}

impl Function for Tenants {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self {
            store: Store::open(environment)?,
            limits: environment.variables.limits()?,
            sources: environment.variables.source_key()?,
            open: environment.variables.or("OPEN_SIGN_UP", false)?,
            defaults: environment.variables.tenant_defaults()?,
        })
    }

    async fn handle(&self, request: &Request) -> Outcome {
        let route = request.route()?;
        if route == Route::SignUp {
            return self.sign_up(request).await;
        }
        let caller = Caller::of(request)?;
        let (store, t) = (&self.store, caller.tenant());
        match route {
            Route::ReadTenant => self.read(&caller).await,
            Route::CreateBrand => {
                let name = brands::parse(request)?;
                caller.change(store, (), |cx| self.create_brand(cx, &name)).await
            }
            Route::ListBrands => self.list_brands(&caller, request).await,
            Route::ReadBrand => self.read_brand(&caller, request.brand()?).await,
            Route::RenameBrand => {
                let (id, name) = (request.brand()?, brands::parse(request)?);
                caller.change(store, keys::brand(t, id), |cx| self.rename_brand(cx, id, &name)).await
            }
            Route::DeleteBrand => {
                let id = request.brand()?;
                caller.change(store, keys::brand(t, id), |cx| self.delete_brand(cx, id)).await
            }
            _ => Err(Refusal::NotFound.into()),
        }
    }
}

impl Tenants {
    async fn read(&self, caller: &Caller<'_>) -> Outcome {
        let cx = caller.read(&self.store, ()).await?;
        cx.may(Permission::TenantRead)?;
        Ok(Answer::ok(&TenantView::from(&cx.tenant)).versioned(cx.tenant.authority))
    }
}
