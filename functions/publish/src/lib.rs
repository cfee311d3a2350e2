//! The pipe from the table's stream to the bus, what a batch of records comes to there: events in the words of the contract,
//! for whoever listens, and what the stack's own queues wait for. It reads nothing but what it is handed, and asks no service.
//!
//! What isn't published is lost to everybody behind the bus, so that a record which can't be read fails its batch: the pipe
//! halves it until that record is alone, tries it again (newer code may be about to take over), and keeps it in its dead
//! letters. A mail is handed on unread: what is wrong with one of those is its own queue's business, and holds up nobody.

use model::{EventView, Invocation, TenantId};
use runtime::direct::Direct;
use runtime::{Environment, SettingError};
use serde::Serialize;
use serde_json::{Value, json};
use store::Error;
use store::stream::StreamChange;

/// The version of the shapes, `infra/schemas/events.json`: another one where somebody who knows this one would misread it.
const VERSION: &str = "1";

/// The function.
pub struct Publish;

/// An event of a tenant's audit trail.
#[derive(Serialize)]
struct Published<'a> {
    schema_version: &'static str,
    tenant_id: TenantId,
    #[serde(flatten)]
    event: EventView<'a>,
}

impl Direct for Publish {
    type Error = Error;

    fn new(_: &Environment) -> Result<Self, SettingError> {
        Ok(Self)
    }

    async fn handle(&self, batch: Value, _: &Invocation) -> Result<Value, Error> {
        let Value::Array(records) = batch else {
            return Err(Error::Corrupt("a batch of the pipe is a list of records".to_owned()));
        };
        let mut details = Vec::new();
        for record in &records {
            let change = store::stream::read(record).inspect_err(|cause| {
                let number = record.pointer("/dynamodb/SequenceNumber").and_then(Value::as_str);
                tracing::error!(sequence_number = number, %cause, "a stream record can't be read");
            })?;
            details.extend(detail(change));
        }
        Ok(details.into())
    }
}

/// What is published of a change, if anything is.
fn detail(change: StreamChange) -> Option<Value> {
    match change {
        StreamChange::MailQueued(mail) => {
            Some(json!({"schema_version": VERSION, "type": "mail.queued", "mail": mail}))
        }
        StreamChange::LinkSwept(tenant, invitation) => {
            let (version, kind) = (VERSION, "link.removed");
            Some(
                json!({"schema_version": version, "type": kind, "tenant_id": tenant, "invitation_id": invitation}),
            )
        }
        StreamChange::ReminderDue(tenant, invitation, generation) => Some(json!({
            "schema_version": VERSION,
            "type": "reminder.due",
            "tenant_id": tenant,
            "invitation_id": invitation,
            "generation": generation,
        })),
        StreamChange::Happened(event) => {
            let (schema_version, tenant_id) = (VERSION, event.tenant_id);
            Some(json!(Published { schema_version, tenant_id, event: EventView::from(&event) }))
        }
        StreamChange::Other => None,
    }
}
