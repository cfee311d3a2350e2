//! Organizations, their brands and their partners.
//!
//! * `POST /v1/tenants`, public: signs an organization up; the tenant is active once its owner opened the emailed link
//! * `GET /v1/tenants/{tenant}`: `tenant.read`; `PATCH`: `tenant.update`, the owner's alone: name, colour, logo, where
//!   answers to its invitations go, when who doesn't answer is reminded
//! * `POST`, `GET /v1/tenants/{tenant}/brands`; `GET`, `PATCH`, `DELETE /v1/tenants/{tenant}/brands/{brand}`
//! * `POST`, `GET /v1/tenants/{tenant}/partners`; `DELETE /v1/tenants/{tenant}/partners/{partner}`: the tenants that this one
//!   administers as their portal (R8)
//! * `DELETE /v1/tenants/{tenant}/portal`: the partner's owner ends that

mod brands;
mod partners;
mod sign_up;

use model::{
    Colour, CompanyName, Email, EventKind, Limits, LogoUrl, Refusal, SourceKey, Subject, Tenant,
    TenantChange, TenantDefaults,
};
use policy::Permission;
use runtime::{Environment, SettingError};
use store::{Store, keys};
use web::views::TenantView;
use web::{Answer, BadRequest, Caller, Context, Function, Outcome, Request, Route};

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
            Route::ChangeTenant => {
                let wanted = parse(request)?;
                caller.change(store, (), |cx| self.change(cx, &wanted)).await
            }
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
            Route::CreatePartner => {
                let new = self.parse(request)?;
                caller.change(store, (), |cx| self.create_partner(cx, &new)).await
            }
            Route::ListPartners => self.list_partners(&caller, request).await,
            Route::EndPartner => {
                let partner = request.partner()?;
                let wants = (keys::tenant(partner), keys::administration(partner));
                caller.change(store, wants, |cx| self.end_partner(cx)).await
            }
            Route::LeavePortal => {
                caller.change(store, keys::administration(t), |cx| self.leave_portal(cx)).await
            }
            _ => Err(Refusal::NotFound.into()),
        }
    }
}

fn parse(request: &Request) -> Result<TenantChange, BadRequest> {
    let mut form = request.form()?;
    let name = form.nullable("name", CompanyName::parse);
    if matches!(name, Some(None)) {
        form.wrong("/name", "can't be taken away");
    }
    let wanted = TenantChange {
        name: name.flatten(),
        brand_colour: form.nullable("brand_colour", Colour::parse),
        logo_url: form.nullable("logo_url", LogoUrl::parse),
        reply_to: form.nullable("reply_to", Email::parse),
        reminder_days: form.nullable_number("reminder_days", Tenant::REMINDER_DAYS),
    };
    if wanted.is_empty() && !form.has_wrong() {
        form.wrong("", "has to change something: name, brand_colour, logo_url, reply_to or reminder_days");
    }
    form.finish(|| Some(wanted))
}

impl Tenants {
    /// The owner's alone, all of it: it is who the company is to whoever gets an invitation.
    async fn change(&self, cx: Context<'_, ()>, wanted: &TenantChange) -> Outcome {
        cx.may(Permission::TenantUpdate)?;
        let before = &cx.tenant;
        cx.if_match(before.authority)?;
        let after = before.with(wanted, cx.version());
        let told = before.told().into_iter().zip(after.told());
        let changed: Vec<_> = told.filter(|(was, is)| was != is).collect();
        if changed.is_empty() {
            return Ok(tenant(before));
        }
        let answer = tenant(&after);
        let change = cx.change(EventKind::TenantUpdated, Subject::Tenant(after.id), &answer);
        let change = changed.into_iter().fold(change, |change, ((field, was), (_, is))| {
            change.with_some(&format!("{field}_before"), was).with_some(field, is)
        });
        self.store.change_tenant(before, &after, change).await?;
        Ok(answer)
    }

    async fn read(&self, caller: &Caller<'_>) -> Outcome {
        let cx = caller.read(&self.store, ()).await?;
        cx.may(Permission::TenantRead)?;
        Ok(tenant(&cx.tenant))
    }
}

fn tenant(tenant: &Tenant) -> Answer {
    Answer::ok(&TenantView::from(tenant)).versioned(tenant.authority)
}
