//! Routes: the table of `shared/web`, the template, and the calls that each takes.

use serde_json::{Value, json};
use stories::{ReplyExt, World};
use web::Route;

use super::{file, names};

/// The stack refuses to start when routes and functions differ; this is that the refusal is there, and says where.
#[tokio::test]
async fn a_route_without_a_function_or_the_reverse_stops_the_local_stack() {
    let good = file("template.yaml");
    let route =
        "        Me: {Type: HttpApi, Properties: {ApiId: !Ref HttpApi, Method: GET, Path: \"/v1/me\"}}\n";
    assert!(good.contains(route));
    for (broken, words) in [
        (good.replace(route, ""), "GET /v1/me of sign-in has no event in template.yaml"),
        (good.replace("Path: \"/v1/me\"", "Path: \"/v1/you\""), "GET /v1/you is no route of sign-in"),
        (
            good.replace("{Binary: check}", "{Binary: cheque}"),
            "the function check has no resource in template.yaml",
        ),
    ] {
        let refused = World::start_with(broken).await.err().unwrap();
        assert!(refused.contains(words), "{refused}");
    }
}

#[test]
fn every_route_names_a_folder_and_reads_as_the_others() {
    let functions = names("functions");
    for route in Route::ALL {
        assert!(functions.contains(route.function()), "{}", route.path());
        assert!(route.path().starts_with("/v1/") || route.function() == "console");
    }
}

/// Two trips for an operation, one of them a transaction where it changes something; `check` takes one. What is shown
/// with named brands takes one more: whether they are still there. Who acts through a portal takes one more too.
#[tokio::test]
async fn an_operation_takes_two_trips() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let ana = team.join("ana@acme.example", "member").await;
    let (first, brand) = (team.brand("Sage").await, team.brand("Rue").await);
    let invited = team.invite("ben@acme.example", "member").await;
    world.settle().await;
    let member = format!("members/{}", ana.user);
    let change = ["BatchGetItem", "TransactWriteItems"].as_slice();
    let named = ["BatchGetItem", "BatchGetItem", "TransactWriteItems"].as_slice();
    for (method, path, body, expected) in [
        ("POST", "check".to_owned(), json!({"permission": "tenant.read", "brand": brand}), &change[..1]),
        ("GET", String::new(), Value::Null, &change[..1]),
        ("GET", member.clone(), Value::Null, &change[..1]),
        ("GET", "members".to_owned(), Value::Null, &["BatchGetItem", "Query"]),
        ("POST", "brands".to_owned(), json!({"name": "Ivy"}), change),
        ("PATCH", format!("brands/{brand}"), json!({"name": "Fern"}), change),
        ("DELETE", format!("brands/{brand}"), Value::Null, change),
        (
            "POST",
            "invitations".to_owned(),
            json!({"email": "c@d.example", "first_name": "C", "last_name": "D"}),
            change,
        ),
        ("POST", format!("invitations/{}/resend", invited.id), Value::Null, change),
        ("DELETE", format!("invitations/{}", invited.id), Value::Null, change),
        ("PUT", format!("{member}/role"), json!({"role": "partner"}), change),
        ("PUT", format!("{member}/brands/{first}"), Value::Null, named),
        ("POST", format!("{member}/suspend"), Value::Null, named),
        ("POST", format!("{member}/reinstate"), Value::Null, named),
        ("DELETE", member.clone(), Value::Null, change),
    ] {
        world.wire().take_sent();
        let reply = team.owner.ask(method, &path, body).await;
        assert!(reply.status < 300, "{method} {path}: {}", reply.code());
        let sent: Vec<String> = world.wire().take_sent().into_iter().map(|sent| sent.operation).collect();
        assert_eq!(sent, expected, "{method} {path}");
    }
    // who acts through a portal takes one more, a partner's own people don't
    let body = json!({"name": "Bloom", "email": "owner@bloom.example", "first_name": "P", "last_name": "P"});
    let partner = team.owner.post("partners", body).await.expect(202).text("/tenant/id");
    let paula = stories::Person::of(&world.link("owner@bloom.example").await, &partner).await;
    let through = ["BatchGetItem", "BatchGetItem", "TransactWriteItems"].as_slice();
    for (who, expected) in [(team.owner.inside(&partner), through), (paula, change)] {
        let email = format!("by-{}@bloom.example", who.user);
        world.wire().take_sent();
        who.invite(&email, "member").await.expect(201);
        let sent: Vec<String> = world.wire().take_sent().into_iter().map(|sent| sent.operation).collect();
        assert_eq!(sent, expected);
    }
}
