//! The contract, `infra/openapi.yaml`: every answer that any story sees is held to it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use jsonschema::Validator;
use local::Reply;
use serde_json::{Value, json};

/// The document.
pub static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_yaml_ng::from_str(include_str!("../../infra/openapi.yaml")).unwrap());

static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// What is published of a tenant's trail.
pub static EVENTS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../infra/schemas/events.json")).unwrap());

static EVENT: LazyLock<Validator> = LazyLock::new(|| {
    jsonschema::draft202012::options().should_validate_formats(true).build(&EVENTS).unwrap()
});

/// Fails unless an event that was published is what its schema says, or is for the stack's own use.
///
/// # Panics
/// With what it isn't.
pub fn hold_published(event: &Value) {
    let detail = &event["detail"];
    let (source, kind) = (&event["source"], &event["detail-type"]);
    assert_eq!((source, kind), (&json!("muster"), &json!("Muster Change")), "{event}");
    let own = ["mail.queued", "link.removed", "reminder.due", "record.unreadable"];
    if own.iter().any(|kind| detail["type"] == *kind) {
        assert_eq!(detail["schema_version"], "1", "{event}");
        return;
    }
    let wrong: Vec<String> =
        EVENT.iter_errors(detail).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "not what infra/schemas/events.json says: {wrong:?}\n{event}");
}

/// A validator of one of the document's schemas, by its reference.
fn validator(reference: &str) -> Arc<Validator> {
    let mut all = VALIDATORS.lock().unwrap();
    let made = all.entry(reference.to_owned()).or_insert_with(|| {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$ref": reference,
            "components": DOCUMENT["components"],
        });
        Arc::new(jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap())
    });
    Arc::clone(made)
}

/// What a reference in the document stands for.
fn resolve(value: &Value) -> &Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(reference) => DOCUMENT.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

/// The operation of a path, if the document has it.
fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let segments: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let wanted: Vec<&str> = template.split('/').collect();
        let pairs = || wanted.iter().zip(&segments);
        wanted.len() == segments.len()
            && pairs().all(|(w, s)| w == s || (w.starts_with('{') && !s.is_empty()))
    };
    let (_, item) = DOCUMENT["paths"].as_object().unwrap().iter().find(|(template, _)| fits(template))?;
    item.get(method.to_lowercase())
}

/// The example of a route's body; null where it takes none.
#[must_use]
pub fn example(method: &str, path: &str) -> Value {
    let operation = &DOCUMENT["paths"][path][method.to_lowercase()];
    operation["requestBody"]["content"]["application/json"]["example"].clone()
}

/// Whether a body is what one of the document's schemas says.
#[must_use]
pub fn fits(reference: &str, body: &Value) -> bool {
    validator(reference).is_valid(body)
}

fn check_body(reference: &str, reply: &Reply, what: &str) {
    // what isn't JSON is a text
    let text = || Value::String(String::from_utf8(reply.body.clone()).unwrap());
    let is_json = reply.headers.get("content-type").is_none_or(|kind| kind.ends_with("json"));
    let body = if is_json { reply.json() } else { text() };
    let wrong: Vec<String> =
        validator(reference).iter_errors(&body).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{what}: the answer is not what infra/openapi.yaml says: {wrong:?}\n{body}");
}

/// Fails unless the document knows this answer to this request.
///
/// # Panics
/// With what it doesn't know.
pub fn hold(method: &str, path: &str, reply: &Reply) {
    let what = format!("{method} {path} → {}", reply.status);
    let content_type = reply.headers.get("content-type").map_or("", String::as_str);
    if reply.function == Reply::GATEWAY {
        return;
    }
    let Some(operation) = operation(method, path) else {
        // pages, and paths and methods that nobody serves
        if content_type == "application/problem+json" {
            check_body("#/components/schemas/Problem", reply, &what);
        }
        return;
    };
    let described = operation["responses"].get(reply.status.to_string());
    let described = resolve(described.unwrap_or_else(|| panic!("{what} is not described: {}", reply.json())));
    for (name, header) in described.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let required = resolve(header)["required"] == true;
        assert!(!required || reply.headers.contains_key(&name.to_lowercase()), "{what}: no header {name}");
    }
    // the gateway's own answers have neither
    if matches!(reply.status, 413 | 429 | 503) {
        assert!(reply.headers.contains_key("cache-control"), "{what}");
        assert!(reply.status == 413 || reply.headers.contains_key("retry-after"), "{what}");
    }
    match described.get("content").and_then(Value::as_object) {
        None => assert!(reply.body.is_empty(), "{what}: a body that is not described"),
        Some(content) => {
            let content = content.get(content_type);
            let content = content.unwrap_or_else(|| panic!("{what}: `{content_type}` is not described"));
            check_body(content["schema"]["$ref"].as_str().unwrap(), reply, &what);
        }
    }
}
