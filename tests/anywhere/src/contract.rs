//! The contract, `infra/openapi.yaml`, built in: which operations there are, and what each may answer.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::client::Reply;

const PROBLEM: &str = "#/components/schemas/Problem";

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_yaml_ng::from_str(include_str!("../../../infra/openapi.yaml")).unwrap_or_default()
});

static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let items = object(DOCUMENT.get("paths"));
    items.flat_map(|(path, item)| object(Some(item)).map(move |one| Operation::new(path, one))).collect()
});

static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) method: String,
    /// The path, parameters in braces.
    pub(crate) path: String,
    /// Whether it takes no session.
    pub(crate) is_public: bool,
    /// The example of its body; null where it takes none.
    pub(crate) example: Value,
    responses: Value,
}

/// The entries of an object; none of anything else.
fn object(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

impl Operation {
    fn new(path: &str, (method, described): (&String, &Value)) -> Self {
        let example = described.pointer("/requestBody/content/application~1json/example");
        Self {
            method: method.to_uppercase(),
            path: path.to_owned(),
            is_public: described.get("security") == Some(&json!([])),
            example: example.cloned().unwrap_or_default(),
            responses: described.get("responses").cloned().unwrap_or_default(),
        }
    }

    fn leads_to(&self, path: &str) -> bool {
        let path = path.split('?').next().unwrap_or_default();
        let (mine, theirs) = (self.path.split('/'), path.split('/'));
        mine.clone().count() == theirs.clone().count()
            && mine.zip(theirs).all(|(mine, theirs)| mine.starts_with('{') || mine == theirs)
    }
}

pub(crate) fn operations() -> &'static [Operation] {
    &OPERATIONS
}

/// What a reference in the document stands for.
fn resolve(value: &'static Value) -> &'static Value {
    let reference = value.get("$ref").and_then(Value::as_str);
    reference.and_then(|to| DOCUMENT.pointer(to.trim_start_matches('#'))).unwrap_or(value)
}

/// A validator of one of the document's schemas, by its reference.
fn validator(reference: &str) -> Result<Arc<Validator>, String> {
    let mut all = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(made) = all.get(reference) {
        return Ok(Arc::clone(made));
    }
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": reference,
        "components": DOCUMENT.get("components"),
    });
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    let made = Arc::new(options.build(&schema).map_err(|e| format!("a schema `{reference}`: {e}"))?);
    all.insert(reference.to_owned(), Arc::clone(&made));
    Ok(made)
}

fn fits(reference: &str, body: &Value) -> Result<(), String> {
    let wrong: Vec<String> =
        validator(reference)?.iter_errors(body).map(|e| format!("`{}`: {e}", e.instance_path())).collect();
    if wrong.is_empty() { Ok(()) } else { Err(format!("a body like {reference}: {}", wrong.join("; "))) }
}

/// A problem says in its body what its status and its type say.
fn is_of_one_mind(reply: &Reply) -> Result<(), String> {
    let named = reply.word("/type").rsplit('/').next() == Some(reply.word("/code"));
    let same = *reply.at("/status") == json!(reply.status);
    if named && same { Ok(()) } else { Err("a problem with its own status and type in its body".to_owned()) }
}

fn has_its_headers(described: &'static Value, reply: &Reply) -> Result<(), String> {
    for (name, header) in object(described.get("headers")) {
        let header = resolve(header);
        let found = reply.header(&name.to_lowercase());
        let wanted = header.pointer("/schema/const").and_then(Value::as_str);
        let is_required = header.get("required") == Some(&json!(true));
        if (is_required && found.is_none()) || (wanted.is_some() && found != wanted) {
            return Err(format!("the header {name}"));
        }
    }
    Ok(())
}

/// Fails, with what was expected, unless the document knows this answer to this request. What nobody serves is a
/// problem; a 5xx is never right.
pub(crate) fn hold(method: &str, path: &str, reply: &Reply) -> Result<(), String> {
    if reply.status >= 500 {
        return Err("never a 5xx".to_owned());
    }
    let problem = || fits(PROBLEM, &reply.json).and_then(|()| is_of_one_mind(reply));
    let asked = |operation: &&Operation| operation.method == method && operation.leads_to(path);
    let Some(operation) = OPERATIONS.iter().find(asked) else {
        return problem();
    };
    let described = operation.responses.get(reply.status.to_string());
    let described = resolve(described.ok_or("a status that infra/openapi.yaml has for this operation")?);
    has_its_headers(described, reply)?;
    let Some(content) = described.get("content") else {
        return if reply.text.is_empty() { Ok(()) } else { Err("no body".to_owned()) };
    };
    let kind = reply.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
    let schema = content.get(kind).and_then(|one| one.pointer("/schema/$ref")).and_then(Value::as_str);
    fits(schema.ok_or("a content type that infra/openapi.yaml has for this answer")?, &reply.json)?;
    if kind == "application/problem+json" { problem() } else { Ok(()) }
}
