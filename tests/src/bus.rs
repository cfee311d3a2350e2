//! Events as a bus carries them, and as a queue hands them to a function.

use serde_json::{Map, Value, json};

/// An attribute value of DynamoDB's as plain JSON.
pub(crate) fn plain(attribute: &Value) -> Value {
    let (kind, value) = attribute.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "N" => value.as_str().unwrap().parse::<u64>().map_or(value.clone(), Value::from),
        "M" => plain_item(value),
        "L" => value.as_array().unwrap().iter().map(plain).collect(),
        "NULL" => Value::Null,
        _ => value.clone(),
    }
}

/// An item of the table as plain JSON.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn plain_item(item: &Value) -> Value {
    item.as_object().unwrap().iter().map(|(k, v)| (k.clone(), plain(v))).collect::<Map<_, _>>().into()
}

/// An event of the stack's bus.
fn event(mut detail: Value) -> Value {
    detail["schema_version"] = "1".into();
    json!({
        "version": "0",
        "id": "01a202c6-e27d-79ca-8016-01fafd4c0bad",
        "detail-type": "Muster Change",
        "source": "muster",
        "account": "000000000000",
        "time": "2026-11-22T09:00:00Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": detail,
    })
}

/// That a mail was queued: its item, as the table has it.
#[must_use]
pub fn mail_queued(mail: &Value) -> Value {
    event(json!({"type": "mail.queued", "mail": plain_item(mail)}))
}

/// That the link of an invitation was removed, because its time was over.
#[must_use]
pub fn link_removed(tenant: &str, invitation: &str) -> Value {
    event(json!({"type": "link.removed", "tenant_id": tenant, "invitation_id": invitation}))
}

/// That the moment came at which somebody is to be reminded of an invitation, of this generation of it.
#[must_use]
pub fn reminder_due(tenant: &str, invitation: &str, generation: u32) -> Value {
    let (kind, tenant_id) = ("reminder.due", tenant);
    event(
        json!({"type": kind, "tenant_id": tenant_id, "invitation_id": invitation, "generation": generation}),
    )
}

/// The messages of a queue, called `1`, `2` …, as Lambda hands them over.
#[must_use]
pub fn batch<'e>(events: impl IntoIterator<Item = &'e Value>) -> Vec<u8> {
    let record = |(nth, event): (usize, &Value)| json!({"messageId": (nth + 1).to_string(), "body": event.to_string()});
    let records: Vec<Value> = events.into_iter().enumerate().map(record).collect();
    serde_json::to_vec(&json!({ "Records": records })).unwrap()
}
