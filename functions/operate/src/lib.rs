//! The operator's own operations, by direct invocation: `aws lambda invoke` under IAM, never behind the API.
//!
//! `{"operation": "set-plan", …, "reason": "…"}`; the shapes are `infra/schemas/operate.json`. Each leaves its event,
//! with the reason, in the trail of the tenant that it touched.
//!
//! * `create-tenant`: signs an organization up, where that isn't open to everybody
//! * `set-plan`: another plan, other seats
//! * `transfer-ownership`: from an owner who is gone to another member
//! * `release-email`: frees a mistyped or duplicate address that a dead account holds
//! * `suspend-tenant`: switches a tenant off, or on again
//! * `export-tenant`: all that is stored of a tenant, a page at a time

mod create;
mod export;
mod plan;
mod release;
mod suspend;
mod transfer;

use std::sync::Arc;

use model::{Dice, Event, EventActor, EventKind, EventSubject, Limits, Tenant, TenantId, Timestamp};
use runtime::direct::Direct;
use runtime::{Environment, NewTenants, SettingError};
use serde::Deserialize;
use serde_json::Value;
use store::{Error, Store, keys};

/// The function.
pub struct Operate {
    store: Store,
    dice: Arc<dyn Dice>,
    limits: Limits,
    new_tenants: NewTenants,
}

/// What is asked for.
#[derive(Deserialize)]
#[serde(tag = "operation", rename_all = "kebab-case", deny_unknown_fields)]
enum Order {
    CreateTenant(create::Order),
    SetPlan(plan::Order),
    TransferOwnership(transfer::Order),
    ReleaseEmail(release::Order),
    SuspendTenant(suspend::Order),
    ExportTenant(export::Order),
}

/// Why it wasn't done. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The order isn't one.
    #[error("the order can't be read: {0}")]
    Malformed(serde_json::Error),
    /// A part of it is wrong, or the facts stand against it.
    #[error("{0}")]
    Impossible(String),
    /// The table couldn't, or changed meanwhile.
    #[error("{0}")]
    Store(#[from] Error),
}

impl Refused {
    fn because(words: impl ToString) -> Self {
        Self::Impossible(words.to_string())
    }
}

impl Direct for Operate {
    type Error = Refused;

    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self {
            store: Store::open(environment)?,
            dice: Arc::clone(&environment.dice),
            limits: environment.variables.limits()?,
            new_tenants: environment.variables.new_tenants()?,
        })
    }

    async fn handle(&self, event: Value, request_id: &str, now: Timestamp) -> Result<Value, Refused> {
        let order = Order::deserialize(&event).map_err(Refused::Malformed)?;
        let operation = event.get("operation").and_then(Value::as_str).unwrap_or_default().to_owned();
        let call = Call { operate: self, request_id, now };
        let done = match order {
            Order::CreateTenant(order) => call.create(order).await,
            Order::SetPlan(order) => call.set_plan(order).await,
            Order::TransferOwnership(order) => call.transfer(order).await,
            Order::ReleaseEmail(order) => call.release(order).await,
            Order::SuspendTenant(order) => call.suspend(order).await,
            Order::ExportTenant(order) => call.export(order).await,
        };
        match &done {
            Ok(_) => tracing::info!(request_id, operation, "operated"),
            Err(refused) => tracing::warn!(request_id, operation, %refused, "not operated"),
        }
        done
    }
}

/// One invocation.
struct Call<'a> {
    operate: &'a Operate,
    request_id: &'a str,
    now: Timestamp,
}

impl Call<'_> {
    fn dice(&self) -> &dyn Dice {
        &*self.operate.dice
    }

    fn store(&self) -> &Store {
        &self.operate.store
    }

    async fn tenant(&self, id: TenantId) -> Result<Tenant, Refused> {
        self.store().load(keys::tenant(id)).await?.ok_or_else(|| Refused::because("there is no such tenant"))
    }

    fn event(&self, tenant: TenantId, kind: EventKind, subject: EventSubject, reason: &str) -> Event {
        let (dice, now) = (self.dice(), self.now);
        Event::new(dice, now, tenant, kind, EventActor::Operator, subject, self.request_id)
            .with("reason", reason)
    }
}
