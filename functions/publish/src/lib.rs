//! The pipe from the table's stream to the bus, what a batch of records comes to there: events in the words of the contract,
//! for whoever listens, and what the stack's own queues wait for. It reads nothing but what it is handed, and asks no service.
//!
//! A batch that fails comes again until it doesn't, in its shard before everything else. So a record which can't be read fails
//! nothing: it becomes an event of its own kind that says where it is found and nothing of what stands in it, which a rule puts
//! where the pipe's dead letters are. A mail is handed on unread: what is wrong with one of those is its own queue's business.

use model::{EventView, Invocation, TenantId};
use runtime::direct::Direct;
use runtime::metrics::{Metric, Metrics};
use runtime::{Environment, SettingError};
use serde::Serialize;
use serde_json::{Value, json};
use store::Error;
use store::stream::StreamChange;

/// The version of the shapes, `infra/schemas/events.json`: another one where somebody who knows this one would misread it.
const VERSION: &str = "1";

/// The function.
pub struct Publish {
    metrics: Metrics,
}

/// An event of a tenant's audit trail.
#[derive(Serialize)]
struct Published<'a> {
    schema_version: &'static str,
    tenant_id: TenantId,
    #[serde(flatten)]
    event: EventView<'a>,
}

/// What a detail may come to, in bytes: ten of them, a batch of the pipe, are less than the 256 KB that EventBridge takes at
/// once. It would refuse a larger batch again and again, and the records behind it would wait for a day.
const LARGEST: usize = 25_000;

impl Direct for Publish {
    type Error = Error;

    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self { metrics: environment.metrics.clone() })
    }

    async fn handle(&self, batch: Value, _: &Invocation) -> Result<Value, Error> {
        let Value::Array(records) = batch else {
            return Err(Error::Corrupt("a batch of the pipe is a list of records".to_owned()));
        };
        Ok(records.iter().filter_map(|record| self.published(record)).collect())
    }
}

impl Publish {
    /// What is published of a record, if anything is.
    fn published(&self, record: &Value) -> Option<Value> {
        let read = store::stream::read(record).map(detail).map_err(|cause| cause.to_string());
        let published = read.and_then(|detail| match detail {
            Some(detail) if detail.to_string().len() > LARGEST => {
                Err("it is too large for the bus".to_owned())
            }
            detail => Ok(detail),
        });
        published.unwrap_or_else(|cause| {
            let number = text(record, "/dynamodb/SequenceNumber");
            tracing::error!(sequence_number = number, cause, "a stream record can't be published");
            self.metrics.count(Metric::RecordsFailed);
            Some(unreadable(record))
        })
    }
}

/// Where a record that can't be read is found. What stands in it nobody could look through for what a dead letter may hold; its
/// keys name the item that it is about.
fn unreadable(record: &Value) -> Value {
    json!({
        "schema_version": VERSION,
        "type": "record.unreadable",
        "event_id": text(record, "/eventID"),
        "sequence_number": text(record, "/dynamodb/SequenceNumber"),
        "pk": text(record, "/dynamodb/Keys/pk/S"),
        "sk": text(record, "/dynamodb/Keys/sk/S"),
    })
}

fn text<'r>(record: &'r Value, pointer: &str) -> Option<&'r str> {
    record.pointer(pointer).and_then(Value::as_str)
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
