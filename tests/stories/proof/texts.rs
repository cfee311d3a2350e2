//! What comes from outside as text or JSON, damaged and made up: nothing panics, what is taken has one spelling, what is
//! refused is refused in words.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Instant;

use lambda_http::http::Method;
use model::{Email, InvitationId, InvitationToken, SessionToken, TenantId, UserId};
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::{Value, json};
use stories::{ReplyExt as _, World, batch, link_removed, mail_queued, reminder_due};
use web::Route;

use super::{budget, runner, runtime, seed};

/// Looks at so many made-up things as there is time for. Answers how many.
fn many<S: Strategy>(
    strategy: &S,
    everyday: u64,
    look: impl Fn(S::Value) -> Result<(), TestCaseError>,
) -> usize {
    let seed = seed();
    let mut runner = runner(seed, Config::default());
    let (until, mut looked) = (Instant::now() + budget(everyday), 0);
    while Instant::now() < until {
        let tree = strategy.new_tree(&mut runner).unwrap();
        let outcome = runner.run_one(tree, &look);
        assert!(outcome.is_ok(), "seed {seed}: {outcome:?}");
        looked += 1;
    }
    assert!(looked > 0);
    looked
}

/// A text made of pieces that have made trouble somewhere.
fn troubled() -> impl Strategy<Value = String> {
    const PIECES: [&str; 26] = [
        "a",
        "B",
        "ana",
        "@",
        ".",
        "..",
        "-",
        "+",
        " ",
        "\t",
        "\u{0}",
        "\u{200b}",
        "\u{ff20}",
        "ı",
        "ß",
        "é",
        "e\u{301}",
        "xn--",
        "mller-kva",
        "müller",
        "example",
        "co",
        "\"",
        "<",
        "[127.0.0.1]",
        "\u{1f680}",
    ];
    let piece =
        prop_oneof![3 => proptest::sample::select(&PIECES[..]).prop_map(str::to_owned), 1 => any::<String>()];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// A JSON value with parts of it taken out, or put in place of others.
fn damaged(value: &Value, [at, what, how]: [u8; 3]) -> Value {
    let mut pointers = vec![String::new()];
    let mut next = 0;
    while let Some(pointer) = pointers.get(next).cloned() {
        match value.pointer(&pointer) {
            Some(Value::Object(map)) => {
                pointers.extend(map.keys().map(|key| format!("{pointer}/{}", key.replace('/', "~1"))))
            }
            Some(Value::Array(list)) => {
                pointers.extend((0..list.len()).map(|nth| format!("{pointer}/{nth}")))
            }
            _ => {}
        }
        next += 1;
    }
    let pointer = &pointers[usize::from(at) * 7 % pointers.len()];
    let other = [
        json!(null),
        json!(""),
        json!("\u{0}"),
        json!(-1),
        json!(1e300),
        json!([]),
        json!({}),
        json!([[[[{}]]]]),
        json!({"S": 5}),
        json!("01a202c6-e1a3-7a38-9802-fdcb99ebdc61"),
        value.clone(),
    ];
    let mut damaged = value.clone();
    if how % 2 == 0
        && let Some((parent, name)) = pointer.rsplit_once('/')
        && let Some(Value::Object(map)) = damaged.pointer_mut(parent)
    {
        map.remove(&name.replace("~1", "/"));
    } else if let Some(part) = damaged.pointer_mut(pointer) {
        *part = other[usize::from(what) % other.len()].clone();
    }
    damaged
}

/// What is stored, but for what is counted, what was answered, and when somebody was here.
fn stored(world: &World) -> BTreeSet<String> {
    let mut items = world.stack().items().unwrap();
    items.retain(|item| item["entity"]["S"] != "Rate" && item["entity"]["S"] != "Idempotency");
    for item in &mut items {
        if let Some(member) = item.as_object_mut().filter(|item| item["entity"]["S"] == "Member") {
            member.remove("used");
        }
        if let Some(sessions) = item.pointer_mut("/sessions/M").and_then(Value::as_object_mut) {
            for session in sessions.values_mut().filter_map(|one| one["M"].as_object_mut()) {
                session.remove("used_at");
            }
        }
    }
    items.iter().map(Value::to_string).collect()
}

/// No chance at all: every run goes the same way.
struct Sevens;

impl model::Random for Sevens {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// A real text with a few of its characters changed, left out or said twice; as often as not none.
fn nearly(real: Vec<String>) -> impl Strategy<Value = String> {
    let change = (any::<proptest::sample::Index>(), 0_u8..4, any::<char>());
    let changes = proptest::collection::vec(change, 0..3);
    (proptest::sample::select(real), changes).prop_map(|(real, changes)| {
        let mut text: Vec<char> = real.chars().collect();
        for (at, how, other) in changes.into_iter().filter(|_| !real.is_empty()) {
            let at = at.index(text.len().max(1));
            match how {
                0 if at < text.len() => text[at] = other,
                1 if at < text.len() => _ = text.remove(at),
                2 if at < text.len() => text.insert(at, text[at]),
                3 if at < text.len() => text.swap(0, at),
                _ => {}
            }
        }
        text.into_iter().collect()
    })
}

#[test]
fn an_address_or_a_token_has_one_spelling_or_is_none() {
    let id = policy::parse_id("01a202c6-e1a3-7a38-9802-fdcb99ebdc61").unwrap();
    let (tenant, invitation) = (TenantId(id), InvitationId(id));
    let real = vec![
        InvitationToken::mint(&Sevens, tenant, invitation).reveal(),
        SessionToken::mint(&Sevens, UserId(id)).reveal(),
        "Ana.Name+tag@M\u{fc}nchen.example".to_owned(),
        "o'brien_99@mail.co.example".to_owned(),
    ];
    let parsed = Cell::new(0_usize);
    let looked = many(&prop_oneof![troubled(), nearly(real)], 1, |text| {
        let is_one = Email::parse(&text).is_ok()
            || InvitationToken::parse(&text).is_some()
            || SessionToken::parse(&text).is_some();
        parsed.set(parsed.get() + usize::from(is_one));
        if let Ok(email) = Email::parse(&text) {
            let again = Email::parse(email.canonical());
            prop_assert!(again.is_ok_and(|again| again.canonical() == email.canonical()), "{text:?}");
            let local = email.canonical().split('@').next().unwrap_or_default();
            prop_assert!(email.canonical().is_ascii() && local == local.to_lowercase(), "{text:?}");
            prop_assert!(!email.as_entered().chars().any(char::is_control), "{text:?}");
        }
        if let Some(token) = InvitationToken::parse(&text) {
            prop_assert_eq!(token.reveal(), text.clone());
        }
        if let Some(token) = SessionToken::parse(&text) {
            prop_assert_eq!(token.reveal(), text.clone());
        }
        // a path is one route or none, and what it names can be put back
        for method in [Method::GET, Method::POST, Method::DELETE] {
            let path = format!("/v1/tenants/{text}/members");
            let found = Route::find(&method, &path);
            prop_assert!(found.is_none_or(|route| route.leads_to(&path)));
        }
        Ok(())
    });
    let parsed = parsed.get();
    super::report(
        "texts",
        &format!("{looked} addresses, tokens and paths, {parsed} of them an address or a token"),
    );
    assert!(parsed > 0);
}

/// What functions are handed about a team that is there.
struct Real {
    world: World,
    /// What a queue says, and to which function.
    queues: Vec<(&'static str, Value)>,
    stream: Value,
    orders: Vec<Value>,
}

impl Real {
    async fn of() -> Self {
        const ANA: &str = "ana@acme.example";
        let world = World::new().await;
        let team = world.team("Acme").await;
        let (ben, ana) = (team.join("ben@acme.example", "admin").await, team.invite(ANA, "member").await);
        team.owner.ask("PATCH", "", json!({"reminder_days": 1})).await.expect(200);
        let day =
            json!({"email": "cleo@acme.example", "first_name": "C", "last_name": "C", "expires_in_days": 1});
        let over = team.owner.post("invitations", day).await.expect(201).text("/id");
        world.settle().await;
        world.pass(86_400 + 60);
        let mut queues = Vec::new();
        for (kind, reason) in [
            ("delivery", ""),
            ("delay", ""),
            ("bounce", "mailbox full"),
            ("bounce", "no such user"),
            ("complaint", ""),
        ] {
            let fork = world.fork().await;
            queues.push(("feedback", fork.stack().feedback(ANA, kind, reason).await.unwrap()));
        }
        team.owner.resend(&ana).await.expect(200);
        let ledger = world.ledger();
        let mail = ledger.all("Mail").iter().find(|mail| mail["attempts"]["N"] == "0").unwrap();
        queues.extend([
            ("deliver", mail_queued(mail)),
            ("expire", link_removed(&team.tenant, &over)),
            ("expire", reminder_due(&team.tenant, &ana.id, 2)),
        ]);
        let sample = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/events/publish.json"));
        let mut stream: Value = serde_json::from_str(&sample.unwrap()).unwrap();
        stream[0]["dynamodb"]["Keys"] = json!({"pk": mail["pk"], "sk": mail["sk"]});
        stream[0]["dynamodb"]["NewImage"] = mail.clone();
        let (tenant, reason) = (&team.tenant, "r");
        let order = |name: &str, more: Value| {
            let mut order = json!({"operation": name, "reason": reason});
            order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            order
        };
        let (named, email) = (json!({ "tenant": tenant }), json!({ "email": ben.email }));
        let orders = vec![
            order(
                "create-tenant",
                json!({"name": "Brew", "email": "bea@brew.example", "first_name": "B", "last_name": "B"}),
            ),
            order("set-plan", json!({"tenant": tenant, "plan": "small", "seats": 5})),
            order("set-email-policy", json!({"tenant": tenant, "email_policy": "exclusive"})),
            order("transfer-ownership", json!({"tenant": tenant, "to": ben.user})),
            order("suspend-tenant", json!({"tenant": tenant, "suspended": false})),
            order("lift-suppression", json!({ "email": ANA })),
            order("send-password-reset", email.clone()),
            order("mail-status", email),
            order("reopen-tenant", named.clone()),
            order("remove-tenant", named.clone()),
            order("export-tenant", named),
        ];
        Self { world, queues, stream, orders }
    }
}

#[test]
fn a_damaged_stream_record_or_event_breaks_nothing() {
    let runtime = runtime();
    let Real { world, queues, stream, orders } = runtime.block_on(Real::of());
    let chances = (proptest::collection::vec(any::<[u8; 3]>(), 1..4), any::<u8>());
    let (written, kept) = (Cell::new(world.wire().writes()), RefCell::new(stored(&world)));
    // what was refused has changed nothing
    let unless_refused = |is_refused: bool, what: &dyn std::fmt::Display| {
        if world.wire().writes() != written.get() {
            let after = stored(&world);
            let is_same = kept.replace(after.clone()) == after;
            written.set(world.wire().writes());
            prop_assert!(!is_refused || is_same, "{what}");
        }
        Ok(())
    };
    let looked = many(&chances, 1, |(chances, which)| {
        let damage =
            |value: &Value| chances.iter().fold(value.clone(), |value, chance| damaged(&value, *chance));
        runtime.block_on(async {
            let invoke = async |function: &str, event: Vec<u8>| {
                world.stack().invoke(function, event, String::new()).await
            };
            let (function, said) = &queues[usize::from(which) % queues.len()];
            // the message is damaged, not what Lambda wraps it in: that it makes itself
            let said = damage(said);
            let answered = invoke(function, batch([&said])).await;
            prop_assert!(answered.is_ok(), "{function}: {said}: {:?}", answered.err().map(|e| e.to_string()));
            // and is handed back, or done with
            let report: Value = serde_json::from_slice(&answered.unwrap()).unwrap();
            let failed = &report["batchItemFailures"];
            let is_failed = *failed == json!([{"itemIdentifier": "1"}]);
            prop_assert!(is_failed || *failed == json!([]), "{function}: {report}");
            unless_refused(is_failed, &said)?;
            // a record that can't be read fails nothing: each comes to an event, or to none
            let records = damage(&stream);
            match invoke("publish", serde_json::to_vec(&records).unwrap()).await {
                Ok(details) => {
                    let details: Vec<Value> = serde_json::from_slice(&details).unwrap();
                    prop_assert!(records.as_array().is_some_and(|all| details.len() <= all.len()));
                    prop_assert!(details.iter().all(|detail| detail["schema_version"] == "1"));
                }
                Err(why) => prop_assert!(!records.is_array(), "{records}: {why}"),
            }
            // an order that isn't one is refused, in words; one that is may be carried out
            let order = damage(&orders[usize::from(which) % orders.len()]);
            let refused = invoke("operate", serde_json::to_vec(&order).unwrap()).await.err();
            prop_assert!(refused.as_ref().is_none_or(|why| !why.to_string().is_empty()));
            unless_refused(refused.is_some(), &order)
        })
    });
    super::report("texts, events", &format!("{looked} damaged records, events and orders"));
}

#[test]
fn a_damaged_body_or_cursor_gets_its_4xx_and_a_document() {
    let runtime = runtime();
    let (world, team, cursors) = runtime.block_on(async {
        let world =
            World::with([("TENANT_MAILS_PER_DAY", "1000000"), ("INVITATIONS_PER_HOUR", "1000000")]).await;
        let team = world.team("Acme").await;
        team.join("ana@acme.example", "member").await;
        let mut cursors = Vec::new();
        for list in ["members", "invitations", "events"] {
            let page = team.owner.get(&format!("{list}?limit=1")).await.expect(200);
            cursors.push(page.text("/next_cursor"));
        }
        (world, team, cursors)
    });
    let routes: Vec<Route> = Route::ALL
        .iter()
        .copied()
        .filter(|route| {
            // what ends the session, or what it is good for, leaves nothing to look at
            let ends = matches!(route, Route::SignOut | Route::EndSessions | Route::CloseTenant);
            route.function() != "console" && !ends
        })
        .collect();
    let chances = (
        proptest::collection::vec(any::<[u8; 3]>(), 1..3),
        any::<u8>(),
        prop_oneof![troubled(), nearly(cursors)],
    );
    let (written, kept) = (Cell::new(world.wire().writes()), RefCell::new(stored(&world)));
    let looked = many(&chances, 1, |(chances, which, text)| {
        let route = routes[usize::from(which) % routes.len()];
        let example = stories::contract::example(route.method(), route.path());
        let body = chances.iter().fold(example, |value, chance| damaged(&value, *chance));
        let path = route.path().replace("{tenant}", &team.tenant).replace("{user}", &team.owner.user);
        let path = path.replace(['{', '}'], "");
        let query: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let query = if route.query().is_empty() { String::new() } else { format!("?cursor={query}") };
        runtime.block_on(async {
            let session = Some(team.owner.session.as_str());
            let reply = world.ask(route.method(), &format!("{path}{query}"), session, &body).await;
            // the world holds every answer to the contract, and none may be a 5xx
            prop_assert!(reply.status < 500);
            let writes = world.wire().writes();
            if writes != written.get() {
                let after = stored(&world);
                let is_same = kept.replace(after.clone()) == after;
                written.set(writes);
                prop_assert!(reply.status < 400 || is_same, "{} {path} {body}", route.method());
            }
            prop_assert!(reply.status < 400 || !reply.code().is_empty(), "{} {path}", route.method());
            Ok(())
        })
    });
    super::report("texts, bodies", &format!("{looked} damaged bodies and cursors"));
}
