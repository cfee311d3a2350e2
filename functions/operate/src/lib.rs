//! The operator's own operations, by direct invocation: `aws lambda invoke` under IAM, never behind the API.
//!
//! `{"operation": "set-plan", …, "reason": "…"}`; the shapes are `infra/schemas/operate.json`. Each that
//! changes something leaves its event, with the reason, in the trail of the tenant that it touched.
//!
//! * `create-tenant`: signs an organization up, where that isn't open to everybody
//! * `set-plan`: another plan, other seats
//! * `transfer-ownership`: from an owner who is gone to another member
//! * `release-email`: frees a mistyped or duplicate address that a dead account holds
//! * `lift-suppression`: lets mail go again to an address that bounced or complained
//! * `suspend-tenant`: switches a tenant off, or on again
//! * `export-tenant`: brands, members, invitations and events of a tenant, a page at a time

mod create;
mod export;
mod plan;
mod release;
mod suspend;
mod transfer;

use model::{Actor, EventKind, Invocation, Limits, Subject, Tenant, TenantDefaults, TenantId};
use runtime::direct::Direct;
use runtime::{Environment, SettingError};
use serde::Deserialize;
use serde_json::Value;
use store::{Change, Error, Store, keys};

/// The function.
pub struct Operate {
    store: Store,
    limits: Limits,
    defaults: TenantDefaults,
}

/// What is asked for.
#[derive(Deserialize)]
#[serde(tag = "operation", rename_all = "kebab-case", deny_unknown_fields)]
enum Order {
    CreateTenant(create::Order),
    SetPlan(plan::Order),
    TransferOwnership(transfer::Order),
    ReleaseEmail(release::Order),
    LiftSuppression(release::Order),
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
            limits: environment.variables.limits()?,
            defaults: environment.variables.tenant_defaults()?,
        })
    }

    async fn handle(&self, event: Value, invocation: &Invocation) -> Result<Value, Refused> {
        let order = Order::deserialize(&event).map_err(Refused::Malformed)?;
        let operation = event.get("operation").and_then(Value::as_str).unwrap_or_default().to_owned();
        let done = match order {
            Order::CreateTenant(order) => self.create(order, invocation).await,
            Order::SetPlan(order) => self.set_plan(order, invocation).await,
            Order::TransferOwnership(order) => self.transfer(order, invocation).await,
            Order::ReleaseEmail(order) => self.release(order, invocation).await,
            Order::LiftSuppression(order) => self.lift(order, invocation).await,
            Order::SuspendTenant(order) => self.suspend(order, invocation).await,
            Order::ExportTenant(order) => self.export(order, invocation).await,
        };
        let request_id = invocation.request_id();
        match &done {
            Ok(_) => tracing::info!(request_id, operation, "operated"),
            Err(refused) => tracing::warn!(request_id, operation, %refused, "not operated"),
        }
        done
    }
}

impl Operate {
    async fn tenant(&self, id: TenantId) -> Result<Tenant, Refused> {
        let tenant = self.store.load(keys::tenant(id)).await?;
        tenant.ok_or_else(|| Refused::because("there is no such tenant"))
    }
}

/// What the operator is about to write: the one event, with the reason.
fn change(
    invocation: &Invocation,
    tenant: TenantId,
    kind: EventKind,
    subject: Subject,
    reason: &str,
) -> Change<'static> {
    Change::new(invocation, tenant, Actor::Operator, kind, subject).with("reason", reason)
}
