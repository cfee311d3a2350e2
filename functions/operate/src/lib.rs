//! The operator's own operations, by direct invocation: `aws lambda invoke` under IAM, never behind the API.
//!
//! `{"operation": "set-plan", …, "reason": "…"}`; the shapes are `infra/schemas/operate.json`. Each that
//! changes something leaves its event, with the reason, in the trail of the tenant that it touched.
//!
//! * `create-tenant`: signs an organization up, where that isn't open to everybody
//! * `set-plan`: another plan, other seats
//! * `set-email-policy`: whether members' addresses may belong to other tenants too
//! * `transfer-ownership`: from an owner who is gone to another member
//! * `release-email`: frees a mistyped or duplicate address that a dead account holds
//! * `lift-suppression`: lets mail go again to an address that bounced or complained
//! * `send-password-reset`: mails the link under which a forgotten password is replaced
//! * `mail-status`: how SES stands to the sender, and to an address; changes nothing
//! * `suspend-tenant`: switches a tenant off, or on again
//! * `reopen-tenant`: opens a tenant again that its owner closed, for thirty days
//! * `remove-tenant`: after that, removes all that is stored of it, a stretch at a time
//! * `export-tenant`: all that is stored of a tenant, a page at a time
//! * `import-tenant`: the same, brought here from another deployment or from an older state of this one

mod create;
mod email_policy;
mod export;
mod import;
mod mail_status;
mod plan;
mod release;
mod remove;
mod reopen;
mod repeat;
mod reset;
mod suspend;
mod transfer;

use mail::Inspector;
use model::{Actor, EventKind, Invocation, Limits, Subject, Tenant, TenantDefaults, TenantId};
use runtime::direct::Direct;
use runtime::{Environment, SettingError};
use serde::de::DeserializeOwned;
use serde_json::Value;
use store::{Change, Error, Store, keys};

/// How often an order is decided on anew when somebody was faster.
const ROUNDS: usize = 6;

/// The function.
pub struct Operate {
    store: Store,
    limits: Limits,
    defaults: TenantDefaults,
    inspector: Inspector,
}

policy::closed_set! {
    /// What can be asked for.
    enum Operation: "known operation" {
        /// Signs an organization up.
        CreateTenant = "create-tenant",
        /// Another plan, other seats.
        SetPlan = "set-plan",
        /// Whether members' addresses may belong to other tenants too.
        SetEmailPolicy = "set-email-policy",
        /// From an owner who is gone to another member.
        TransferOwnership = "transfer-ownership",
        /// Frees an address that a dead account holds.
        ReleaseEmail = "release-email",
        /// Lets mail go again to an address.
        LiftSuppression = "lift-suppression",
        /// Mails the link under which a forgotten password is replaced.
        SendPasswordReset = "send-password-reset",
        /// How SES stands to the sender, and to an address.
        MailStatus = "mail-status",
        /// Off, or on again.
        SuspendTenant = "suspend-tenant",
        /// In use again after its owner closed it.
        ReopenTenant = "reopen-tenant",
        /// All of a closed one, a stretch at a time.
        RemoveTenant = "remove-tenant",
        /// All that is stored, a page at a time.
        ExportTenant = "export-tenant",
        /// All that was exported, a page at a time.
        ImportTenant = "import-tenant",
    }
}

/// Why it wasn't done. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The order isn't one, a part of it is wrong, or the facts stand against it.
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
            inspector: Inspector::open(environment)?,
        })
    }

    async fn handle(&self, event: Value, invocation: &Invocation) -> Result<Value, Refused> {
        let operation = operation(&event)?;
        let mut done = self.carry_out(operation, event.clone(), invocation).await;
        // the facts changed under the decision: they are read and decided on again
        for _ in 1..ROUNDS {
            if !matches!(done, Err(Refused::Store(Error::Changed(_)))) {
                break;
            }
            done = self.carry_out(operation, event.clone(), invocation).await;
        }
        let operation = operation.name();
        match &done {
            Ok(_) => tracing::info!(operation, "operated"),
            Err(refused) => tracing::warn!(operation, %refused, "not operated"),
        }
        done
    }
}

impl Operate {
    async fn carry_out(
        &self,
        operation: Operation,
        event: Value,
        invocation: &Invocation,
    ) -> Result<Value, Refused> {
        match operation {
            Operation::CreateTenant => self.create(order(event)?, invocation).await,
            Operation::SetPlan => self.set_plan(order(event)?, invocation).await,
            Operation::SetEmailPolicy => self.set_email_policy(order(event)?, invocation).await,
            Operation::TransferOwnership => self.transfer(order(event)?, invocation).await,
            Operation::ReleaseEmail => self.release(order(event)?, invocation).await,
            Operation::LiftSuppression => self.lift(order(event)?, invocation).await,
            Operation::SendPasswordReset => self.reset(order(event)?, invocation).await,
            Operation::MailStatus => self.mail_status(order(event)?).await,
            Operation::SuspendTenant => self.suspend(order(event)?, invocation).await,
            Operation::ReopenTenant => self.reopen(order(event)?, invocation).await,
            Operation::RemoveTenant => self.remove(order(event)?, invocation).await,
            Operation::ExportTenant => self.export(order(event)?, invocation).await,
            Operation::ImportTenant => self.import(order(event)?, invocation).await,
        }
    }

    async fn tenant(&self, id: TenantId) -> Result<Tenant, Refused> {
        let tenant = self.tenant_or_its_rest(id).await?;
        // what is written into it from here on would be left behind
        if tenant.removal_began_at.is_some() {
            return Err(Refused::because("the tenant is being removed"));
        }
        // what is to come of it doesn't stand here yet
        if tenant.import_began_at.is_some() {
            return Err(Refused::because("the tenant is being imported, `remove-tenant` gives it up"));
        }
        Ok(tenant)
    }

    /// The same, though it is being imported or removed.
    async fn tenant_or_its_rest(&self, id: TenantId) -> Result<Tenant, Refused> {
        let tenant = self.store.load(keys::tenant(id)).await?;
        tenant.ok_or_else(|| Refused::because("there is no such tenant"))
    }
}

/// What an event asks for.
fn operation(event: &Value) -> Result<Operation, Refused> {
    let name = event.get("operation").and_then(Value::as_str).unwrap_or_default();
    name.parse()
        .map_err(|unknown| Refused::because(format!("`operation`: `{}` is {unknown}", name.escape_debug())))
}

/// The fields of an order, beside what it asks for.
fn order<T: DeserializeOwned>(mut event: Value) -> Result<T, Refused> {
    if let Some(fields) = event.as_object_mut() {
        fields.remove("operation");
    }
    read(event).map_err(Refused::because)
}

/// A value as what it has to be; or which part of it isn't, in words.
fn read<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let words = in_words(&error.into_inner().to_string());
        if path == "." { words } else { format!("`{path}`: {words}") }
    })
}

/// What serde says of a field, without the names that Rust has for types.
fn in_words(error: &str) -> String {
    let words = [
        ("missing field ", "there has to be a field "),
        ("unknown field ", "there is no field "),
        ("invalid type: ", "it can't be the "),
        ("invalid value: ", "it can't be the "),
        ("expected u32", "expected a whole number"),
        ("expected struct Order", "expected a JSON object"),
        ("expected struct Cursor", "expected the `next` of the page before"),
        ("a string", "a text"),
        ("the string", "the text"),
        ("the null", "null"),
    ]
    .iter()
    .fold(error.to_owned(), |words, (rust, plain)| words.replace(rust, plain));
    // what comes behind these is about the code alone
    [
        ("expected struct ", "expected a JSON object"),
        ("UUID parsing failed", "it must be an id, as answers spell it"),
    ]
    .iter()
    .fold(words, |words, (rust, plain)| match words.split_once(rust) {
        Some((before, _)) => format!("{before}{plain}"),
        None => words,
    })
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
