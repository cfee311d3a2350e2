//! What stands in several places says the same in each.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use stories::{ReplyExt, World};
use web::{Access, Route};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn folders(path: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(Path::new(ROOT).join(path)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn template() -> String {
    std::fs::read_to_string(Path::new(ROOT).join("template.yaml")).unwrap()
}

#[test]
fn a_function_is_a_folder_a_crate_a_binary_and_a_resource_of_one_name() {
    let template = template();
    for name in folders("functions") {
        let manifest =
            std::fs::read_to_string(Path::new(ROOT).join(format!("functions/{name}/Cargo.toml"))).unwrap();
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        assert!(template.contains(&format!("Binary: {name}}}")), "{name} in template.yaml");
    }
    let binaries = template.matches("Binary: ").count();
    assert_eq!(binaries, folders("functions").len());
}

/// The stack refuses to start when routes and functions differ; this is that the refusal is there, and says where.
#[tokio::test]
async fn a_route_without_a_function_or_the_reverse_stops_the_local_stack() {
    let good = template();
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

#[tokio::test]
async fn the_keys_of_the_template_are_those_of_the_store() {
    let template = template();
    for attribute in store::keys::ATTRIBUTES {
        assert!(template.contains(&format!("AttributeName: {attribute}, AttributeType: S")), "{attribute}");
    }
    assert!(template.contains(&format!("IndexName: {}", store::keys::INDEX)));
    assert!(template.contains(&format!("AttributeName: {}, Enabled: true", store::keys::TTL)));
    // and the table that opens the file of keys names every kind of item that a life leaves behind
    let keys = std::fs::read_to_string(Path::new(ROOT).join("shared/store/src/keys.rs")).unwrap();
    let world = World::new().await;
    let team = world.team("Acme").await;
    team.brand("Sage").await;
    team.owner
        .ask_with("POST", "brands", json!({"name": "Rue"}), &[("idempotency-key", "k")])
        .await
        .expect(201);
    team.invite("ana@acme.example", "member").await.link().await;
    for item in world.stack().items().unwrap() {
        let prefix = |name: &str| item[name]["S"].as_str().unwrap().split('#').next().unwrap().to_owned();
        assert!(keys.contains(&format!("`{}#", prefix("pk"))), "{item}");
    }
}

/// The actions that `template.yaml` gives a function on the table, and those that it is seen to use, are the same.
#[tokio::test]
async fn a_function_may_do_at_the_table_what_it_is_seen_to_do() {
    let world = World::with([("NEW_TENANT_SEATS", "4")]).await.keyed();
    let team = world.team("Acme").await;
    let ana = team.join("ana@acme.example", "member").await;
    let brand = team.brand("Sage").await;
    // everything that writes, the rare ways included: reclaiming seats, giving way, wrong passwords, retried keys
    team.owner.get("brands").await.expect(200);
    team.owner.get("").await.expect(200);
    team.owner.ask("PATCH", &format!("brands/{brand}"), json!({"name": "Rue"})).await.expect(200);
    for list in ["members", "invitations", "events"] {
        team.owner.get(list).await.expect(200);
    }
    team.owner.post("check", json!({"permission": "tenant.read"})).await.expect(200);
    world.ask("GET", "/v1/me", Some(&ana.session), &Value::Null).await.expect(200);
    let member = format!("members/{}", ana.user);
    team.owner.put(&format!("{member}/role"), json!({"role": "sales_rep"})).await.expect(200);
    team.owner.put(&format!("{member}/brands/{brand}"), Value::Null).await.expect(200);
    team.owner.post(&format!("{member}/suspend"), Value::Null).await.expect(200);
    team.owner.post(&format!("{member}/reinstate"), Value::Null).await.expect(200);
    let body = |email: &str| json!({"email": email, "first_name": "N", "last_name": "N", "expires_in_days": 1, "brands": [brand]});
    let first = team.owner.post("invitations", body("b@acme.example")).await.expect(201).text("/id");
    let second = team.owner.post("invitations", body("c@acme.example")).await.expect(201).text("/id");
    let old = world.link("b@acme.example").await;
    world.pass(86_400 + 1);
    team.owner.post("invitations", body("d@acme.example")).await.expect(201);
    team.owner.post("invitations", body("b@acme.example")).await.expect(201);
    old.renew().await.refused(402, "seats-exhausted");
    team.owner
        .post(&format!("invitations/{second}/resend"), Value::Null)
        .await
        .refused(402, "seats-exhausted");
    drop(first);
    world.pass(86_400 + 1);
    team.owner.post(&format!("invitations/{second}/resend"), Value::Null).await.expect(200);
    let link = world.link("c@acme.example").await;
    link.accept().await.expect(201);
    team.owner.post(&format!("{member}/suspend"), Value::Null).await.expect(200);
    team.owner.post("invitations", body("e@acme.example")).await.expect(201);
    team.owner.post("invitations", body("f@acme.example")).await.expect(201);
    let link = world.link("f@acme.example").await;
    link.decline().await.expect(204);
    let gone = team.owner.post("invitations", body("f@acme.example")).await.expect(201).text("/id");
    team.owner.delete(&format!("invitations/{gone}")).await.expect(204);
    team.owner.post("invitations", body("g@acme.example")).await.expect(201);
    let late = world.link("g@acme.example").await;
    world.pass(86_400 + 1);
    team.owner.post(&format!("{member}/reinstate"), Value::Null).await.expect(200);
    world.stack().sweep().await.unwrap();
    late.renew().await.expect(202);
    world.settle().await;
    let signed_in = world.sign_in(&ana.email, stories::PASSWORD).await.expect(201).text("/session/token");
    world.ask("DELETE", "/v1/sessions/current", Some(&signed_in), &Value::Null).await.expect(204);
    team.owner.delete(&member).await.expect(204);
    team.owner.delete_brand(&brand).await.expect(204);
    world.pass(86_400 + 1);
    world.stack().sweep().await.unwrap();
    world.stack().feedback("g@acme.example", "bounce", "no such user").await.unwrap();
    operate_everything(&world, &team).await;

    let seen = seen(world.wire().take_sent());
    let given = given();
    let (missing, superfluous): (Vec<_>, Vec<_>) =
        (seen.difference(&given).collect(), given.difference(&seen).collect());
    assert!(missing.is_empty(), "template.yaml doesn't give what is used: {missing:?}");
    assert!(superfluous.is_empty(), "template.yaml gives what is never used: {superfluous:?}");
}

async fn operate_everything(world: &World, team: &stories::Team) {
    let made = world
        .operate(json!({"operation": "create-tenant", "name": "Brew", "email": "b@brew.example",
        "first_name": "B", "last_name": "B", "reason": "test"}))
        .await
        .unwrap();
    let tenant = made["tenant"].as_str().unwrap();
    for part in [json!(null), json!({"part": "members"}), json!({"part": "events"})] {
        world.operate(json!({"operation": "export-tenant", "tenant": tenant, "after": part})).await.unwrap();
    }
    let seats = json!({"operation": "set-plan", "tenant": team.tenant, "plan": "large", "seats": 9, "reason": "test"});
    world.operate(seats).await.unwrap();
    let anna = team.join("anna@acme.example", "admin").await;
    let stray = team
        .owner
        .post(
            "invitations",
            json!({"email": "stray@acme.example", "first_name": "S",
        "last_name": "S", "expires_in_days": 1}),
        )
        .await
        .expect(201);
    drop(stray);
    world.pass(86_400 + 1);
    // fewer seats than are taken, if it weren't for the one that has expired
    let used = team.owner.get("").await.expect(200).json()["seats"]["used"].as_u64().unwrap();
    let fewer = json!({"operation": "set-plan", "tenant": team.tenant, "plan": "small", "seats": used - 1, "reason": "test"});
    world.operate(fewer).await.unwrap();
    for suspended in [true, false] {
        let order = json!({"operation": "suspend-tenant", "tenant": team.tenant, "suspended": suspended, "reason": "test"});
        world.operate(order).await.unwrap();
    }
    let order =
        json!({"operation": "transfer-ownership", "tenant": team.tenant, "to": anna.user, "reason": "test"});
    world.operate(order).await.unwrap();
    anna.remove(&team.owner).await.expect(204);
    world
        .operate(json!({"operation": "release-email", "email": team.owner.email, "reason": "test"}))
        .await
        .unwrap();
}

/// What was done at the table: the function, the action (or the kind of action) and what it was done to.
type Granted = BTreeSet<(String, String, String)>;

/// The partition keys of a call's items, by the action on them.
fn touched(operation: &str, body: &Value) -> Vec<(String, String)> {
    let kind = |key: &Value| key["S"].as_str().unwrap().split('#').next().unwrap().to_owned();
    let key_of =
        |part: &Value| kind(part.get("Key").or_else(|| part.get("Item")).unwrap().get("pk").unwrap());
    match operation {
        "BatchGetItem" => {
            let keys = body["RequestItems"]
                .as_object()
                .unwrap()
                .values()
                .flat_map(|t| t["Keys"].as_array().unwrap());
            keys.map(|key| (operation.to_owned(), kind(&key["pk"]))).collect()
        }
        "TransactWriteItems" => {
            let items = body["TransactItems"].as_array().unwrap().iter();
            let parts = items.flat_map(|item| item.as_object().unwrap().iter());
            parts
                .map(|(action, part)| (format!("{}Item", action.trim_end_matches("Item")), key_of(part)))
                .collect()
        }
        "Query" => {
            let values = &body["ExpressionAttributeValues"];
            let key = [":pk", ":user", ":pending"].iter().find_map(|name| values.get(name)).unwrap();
            let index = if body.get("IndexName").is_some() { " on the index" } else { "" };
            vec![(format!("Query{index}"), kind(key))]
        }
        _ => vec![(operation.to_owned(), key_of(body))],
    }
}

/// Reading, writing, or the index: what leading keys are given for.
fn kind_of(action: &str) -> &'static str {
    match action {
        "BatchGetItem" | "Query" => "read",
        "Query on the index" => "index",
        _ => "write",
    }
}

fn seen(sent: Vec<stories::SdkCall>) -> Granted {
    let mut access = Granted::new();
    for sent in sent.into_iter().filter(|sent| sent.operation != "SendEmail") {
        let body: Value = serde_json::from_str(&sent.body).unwrap();
        for (action, key) in touched(&sent.operation, &body) {
            access.insert((sent.function.clone(), kind_of(&action).to_owned(), format!("{key}#*")));
            access.insert((sent.function.clone(), "action".to_owned(), action));
        }
    }
    access
}

/// What the policies of `template.yaml` allow.
fn given() -> Granted {
    let mut access = Granted::new();
    let (mut function, mut actions) = (String::new(), Vec::new());
    for line in template().lines() {
        let line = line.trim();
        if let Some((_, name)) = line.split_once("Binary: ") {
            name.trim_end_matches('}').clone_into(&mut function);
        } else if let Some(list) = line.strip_prefix("Action: [dynamodb:") {
            let list = list.trim_end_matches(']').split(", dynamodb:");
            actions = list.map(str::to_owned).collect::<Vec<_>>();
        } else if line.contains("/index/") && !actions.is_empty() {
            actions = vec!["Query on the index".to_owned()];
        } else if let Some((_, keys)) = line.split_once("\"dynamodb:LeadingKeys\": [") {
            let keys: Vec<String> =
                keys.trim_end_matches("]}}").split(", ").map(|k| k.replace('"', "")).collect();
            for action in actions.drain(..) {
                let kind = kind_of(&action).to_owned();
                access.extend(keys.iter().map(|key| (function.clone(), kind.clone(), key.clone())));
                access.insert((function.clone(), "action".to_owned(), action));
            }
        }
    }
    access
}

/// Two trips for an operation, one of them a transaction where it changes something; `check` takes one.
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
        ("PUT", format!("{member}/brands/{first}"), Value::Null, change),
        ("POST", format!("{member}/suspend"), Value::Null, change),
        ("POST", format!("{member}/reinstate"), Value::Null, change),
        ("DELETE", member.clone(), Value::Null, change),
    ] {
        world.wire().take_sent();
        let reply = team.owner.ask(method, &path, body).await;
        assert!(reply.status < 300, "{method} {path}: {}", reply.code());
        let sent: Vec<String> = world.wire().take_sent().into_iter().map(|sent| sent.operation).collect();
        assert_eq!(sent, expected, "{method} {path}");
    }
}

/// The last try is the one that says beforehand that it failed: the code and the mapping have to count alike.
#[test]
fn deliver_tries_as_often_as_the_stream_does() {
    let template = template();
    let (_, resource) = template.split_once("Binary: deliver}").unwrap();
    let (_, retries) = resource.split_once("MaximumRetryAttempts: ").unwrap();
    let retries: u32 = retries.lines().next().unwrap().parse().unwrap();
    assert_eq!(deliver::ATTEMPTS, retries + 1);
}

#[tokio::test]
async fn only_deliver_talks_to_ses() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    team.join("ana@acme.example", "member").await;
    let mailed: BTreeSet<String> = world
        .wire()
        .take_sent()
        .into_iter()
        .filter(|s| s.operation == "SendEmail")
        .map(|s| s.function)
        .collect();
    assert_eq!(mailed, BTreeSet::from(["deliver".to_owned()]));
    let tree = |function: &str| {
        std::fs::read_to_string(Path::new(ROOT).join(format!("functions/{function}/Cargo.toml"))).unwrap()
    };
    for function in folders("functions") {
        let manifest = tree(&function);
        assert_eq!(manifest.contains("mail.workspace"), function == "deliver", "{function}");
        assert_eq!(
            manifest.contains("web.workspace"),
            !["deliver", "expire", "feedback", "operate"].contains(&function.as_str())
        );
        let hashes = function == "accept" || function == "sign-in";
        assert_eq!(manifest.contains("password.workspace"), hashes, "{function}");
        assert_eq!(manifest.contains("store.workspace"), function != "console", "{function}");
    }
}

#[test]
fn every_route_names_a_folder_and_reads_as_the_others() {
    let functions = folders("functions");
    for route in Route::ALL {
        assert!(functions.contains(route.function()), "{}", route.path());
        assert!(route.path().starts_with("/v1/") || route.function() == "console");
    }
}

#[test]
fn the_contract_names_every_route_role_permission_and_event() {
    let document = &stories::contract::DOCUMENT;
    let described: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(|m| (m.to_uppercase(), path.clone())))
        .collect();
    let api = Route::ALL.iter().filter(|r| r.function() != "console");
    let served: BTreeSet<(String, String)> =
        api.clone().map(|r| (r.method().to_owned(), r.path().to_owned())).collect();
    assert_eq!(described, served);
    for route in api {
        let operation = &document["paths"][route.path()][route.method().to_lowercase()];
        assert_eq!(
            operation.get("security").is_some(),
            (route.access() == Access::Public),
            "{} {}",
            route.method(),
            route.path()
        );
    }
    let names = |schema: &str| -> Vec<String> {
        let list = document["components"]["schemas"][schema]["enum"].as_array().unwrap();
        list.iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        names("Permission"),
        policy::Permission::ALL.iter().map(|p| p.name().to_owned()).collect::<Vec<_>>()
    );
    assert_eq!(
        names("Role"),
        policy::Role::ALL.iter().map(|role| role.name().to_owned()).collect::<Vec<_>>()
    );
    let kinds: BTreeSet<String> = model::EventKind::ALL.iter().map(|kind| kind.name().to_owned()).collect();
    let events = document["components"]["schemas"]["Event"]["properties"]["type"]["enum"].as_array().unwrap();
    let events: BTreeSet<String> = events.iter().map(|kind| kind.as_str().unwrap().to_owned()).collect();
    assert_eq!(events, kinds);
}

#[tokio::test]
async fn every_function_has_a_sample_event_that_it_understands() {
    let world = World::new().await;
    let samples: BTreeSet<String> =
        folders("tests/events").into_iter().map(|f| f.trim_end_matches(".json").to_owned()).collect();
    assert_eq!(samples, folders("functions"));
    for function in samples {
        let event = std::fs::read(Path::new(ROOT).join(format!("tests/events/{function}.json"))).unwrap();
        let answer = world.stack().invoke(&function, event, "sample".to_owned()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        // there is nobody in this world yet: what takes a session or a token is refused, the rest is done
        let status = answer["statusCode"].as_u64().unwrap_or(200);
        assert!([200, 202, 401, 404].contains(&status), "{function}: {answer}");
        assert!(
            answer.get("batchItemFailures").is_none_or(|failed| *failed == json!([])),
            "{function}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_function_without_a_setting_does_not_start() {
    let template = template();
    for (line, words) in [
        ("TABLE_NAME: !Ref Table", "the setting TABLE_NAME is missing"),
        ("MAIL_FROM: !Ref MailFrom", "the setting MAIL_FROM is missing"),
    ] {
        assert!(template.contains(line));
        let refused = World::start_with(template.replace(line, "NOTHING: nothing")).await.err().unwrap();
        assert!(refused.contains(words), "{refused}");
    }
    let odd = template.replace("PASSWORD_MIN_LENGTH: !Ref PasswordMinLength", "PASSWORD_MIN_LENGTH: many");
    let refused = World::start_with(odd).await.err().unwrap();
    assert!(refused.contains("PASSWORD_MIN_LENGTH can't be `many`"), "{refused}");
}

#[test]
fn the_list_of_hazards_names_stories_that_are_there() {
    let list = std::fs::read_to_string(Path::new(ROOT).join("tests/README.md")).unwrap();
    let mut named = 0;
    for name in list.split('`').filter(|name| name.contains("::") && *name != "module::test") {
        let (module, test) = name.split_once("::").unwrap();
        let path = Path::new(ROOT).join(format!("tests/stories/{module}.rs"));
        let source = std::fs::read_to_string(path).unwrap_or_default();
        assert!(source.contains(&format!("fn {test}()")), "{name}");
        named += 1;
    }
    assert!(named > 40, "{named}");
}
