//! Input that is wrong: each route that takes JSON is given what is none, what has other types, what has more fields,
//! what is too long. Each gets its 4xx with a code that says so, and nothing is changed.

use serde_json::{Value, json};

use crate::client::{Halt, Outcome};
use crate::contract::Operation;
use crate::scene::{Scene, with};
use crate::team::{Team, World};

/// What is not JSON.
const NOT_JSON: [&str; 6] = ["", "{", "{\"a\": NaN}", "{'a': 1}", "{} // so", "\u{feff}{}"];

/// JSON that is no object.
const NO_OBJECT: [&str; 4] = ["[]", "null", "5", "\"text\""];

/// Longer than any field may be, and no more than a body may have.
const LONG: usize = 9_000;

/// Queries of a list that ask for nothing that there is.
const QUERIES: [&str; 9] = [
    "limit=0",
    "limit=101",
    "limit=x",
    "limit=1&limit=2",
    "status=dead",
    "role=king",
    "brand=x",
    "inactive_since=yesterday",
    "page=2",
];

/// The routes that anybody may ask.
pub(crate) fn of_nobody(world: &World) -> Outcome<String> {
    let tried = of_bodies(&Scene::of_nobody(world))?;
    Ok(format!("{tried} bodies that are wrong, to the public routes: each refused with its code"))
}

/// All of them, against a team.
pub(crate) fn of_others(team: &Team<'_>) -> Outcome<String> {
    team.needs(2)?;
    let scene = Scene::of(team, "misspelt")?;
    let tried = of_bodies(&scene)?;
    let owner = &team.owner;
    for query in QUERIES {
        owner.get(&format!("members?{query}"))?.refused(422, "validation")?;
    }
    owner.get("members?cursor=x")?.refused(400, "malformed")?;
    for id in ["x", &owner.user.to_uppercase(), &"a".repeat(2_000)] {
        owner.get(&format!("members/{id}"))?.refused(404, "not-found")?;
    }
    let suspend = format!("members/{}/suspend", scene.id("user"));
    owner.ask("POST", &suspend, &json!({ "reason": "x" }))?.refused(422, "validation")?;
    team.settled()?;
    Ok(format!(
        "{tried} bodies that are wrong, queries and ids: each refused with its code, and nothing was changed"
    ))
}

/// Answers how many were tried.
fn of_bodies(scene: &Scene<'_>) -> Outcome<usize> {
    let before = scene.world.client.answers();
    for operation in scene.with_bodies() {
        for body in NOT_JSON {
            is_refused(scene, operation, body, (400, "malformed"), None)?;
        }
        let deep = format!("{{\"a\": {}{}}}", "[".repeat(3_000), "]".repeat(3_000));
        is_refused(scene, operation, &deep, (400, "malformed"), None)?;
        for body in NO_OBJECT {
            is_refused(scene, operation, body, (422, "validation"), None)?;
        }
        of_fields(scene, operation)?;
    }
    Ok(scene.world.client.answers() - before)
}

/// Each field by itself. A link that isn't genuine is told nothing about the other fields, so that they are tried with one
/// that works, and not where there is none.
fn of_fields(scene: &Scene<'_>, operation: &Operation) -> Outcome<()> {
    let body = scene.body(operation);
    let fields = body.as_object().ok_or_else(|| Halt::broken("an example that is no object"))?;
    let takes_a_link = fields.contains_key("token");
    for name in
        fields.keys().filter(|name| *name == "token" || !takes_a_link || scene.link(operation).is_some())
    {
        for value in [json!({ "$ne": 1 }), json!([[]])] {
            let body = with(&body, name, value).to_string();
            is_refused(scene, operation, &body, (422, "validation"), Some(name.as_str()))?;
        }
        let long = with(&body, name, json!("x".repeat(LONG))).to_string();
        // a link is one that works, or there is none
        let (refusal, pointer) = if name == "token" {
            ((404, "not-found"), None)
        } else {
            ((422, "validation"), Some(name.as_str()))
        };
        is_refused(scene, operation, &long, refusal, pointer)?;
    }
    if takes_a_link && scene.link(operation).is_none() {
        return Ok(());
    }
    let more = with(&body, "is_admin", Value::Bool(true)).to_string();
    is_refused(scene, operation, &more, (422, "validation"), Some("is_admin"))
}

/// Refused like this, and where a field is to blame, naming it first.
fn is_refused(
    scene: &Scene<'_>,
    operation: &Operation,
    body: &str,
    (status, code): (u16, &str),
    field: Option<&str>,
) -> Outcome<()> {
    let call = scene.call(operation).bytes("application/json", body);
    let refused = scene.send(&call)?.refused(status, code)?;
    let pointer = refused.word("/errors/0/pointer");
    match field {
        Some(field) => {
            refused.holds(pointer.starts_with(&format!("/{field}")), format!("`/{field}` as what is wrong"))
        }
        None => Ok(()),
    }
}
