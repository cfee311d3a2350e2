//! A table that can't: retried inside the deadline, then 503 with `Retry-After`, and the same call with the same
//! `Idempotency-Key` succeeds later (G14).

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use stories::{Fault, PASSWORD, ReplyExt, World};

const KEY: [(&str, &str); 1] = [("idempotency-key", "one and the same")];

fn body() -> Value {
    json!({"email": "ana@acme.example", "first_name": "Ana", "last_name": "A"})
}

#[tokio::test]
async fn a_passing_fault_is_not_noticed() {
    for (operation, times, fault) in [
        ("BatchGetItem", 2, Fault::Throttled),
        ("BatchGetItem", 2, Fault::ServerError),
        ("BatchGetItem", 2, Fault::Unreachable),
        ("BatchGetItem", 3, Fault::Unprocessed),
        ("TransactWriteItems", 2, Fault::Throttled),
        ("TransactWriteItems", 2, Fault::ServerError),
        ("TransactWriteItems", 1, Fault::LostAnswer),
        ("TransactWriteItems", 4, Fault::Cancelled(&["TransactionConflict", "None"])),
        ("TransactWriteItems", 2, Fault::Cancelled(&["TransactionConflict", "ThrottlingError"])),
    ] {
        let world = World::new().await;
        let team = world.team("Acme").await;
        world.wire().fail("invite", operation, times, fault.clone());
        let reply = team.owner.post("invitations", body()).await;
        assert_eq!(reply.status, 201, "{operation} {fault:?}: {}", reply.text("/code"));
        world.ledger().check();
        assert_eq!(world.ledger().all("Invitation").len(), 2, "{operation} {fault:?}: done once");
    }
}

#[tokio::test]
async fn a_lasting_fault_is_a_503_that_changes_nothing_and_the_same_call_succeeds_later() {
    for (operation, fault) in [
        ("BatchGetItem", Fault::Throttled),
        ("BatchGetItem", Fault::Unreachable),
        ("BatchGetItem", Fault::Unprocessed),
        ("TransactWriteItems", Fault::ServerError),
        ("TransactWriteItems", Fault::Cancelled(&["TransactionConflict", "None"])),
        ("TransactWriteItems", Fault::Cancelled(&["ThrottlingError", "None"])),
    ] {
        let world = World::new().await;
        let team = world.team("Acme").await;
        world.wire().fail("invite", operation, 6, fault.clone());
        let reply =
            team.owner.ask_with("POST", "invitations", body(), &KEY).await.refused(503, "unavailable");
        assert_eq!(reply.headers["retry-after"], "2", "{operation} {fault:?}");
        assert_eq!(world.ledger().all("Invitation").len(), 1, "{operation} {fault:?}");
        let mut tries = 0;
        let done = loop {
            let reply = team.owner.ask_with("POST", "invitations", body(), &KEY).await;
            tries += 1;
            if reply.status == 201 || tries > 3 {
                break reply;
            }
        };
        done.expect(201);
        world.ledger().check();
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_for_good_is_given_again() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    world.wire().fail("invite", "TransactWriteItems", 3, Fault::LostAnswer);
    team.owner.ask_with("POST", "invitations", body(), &KEY).await.refused(503, "unavailable");
    let again = team.owner.ask_with("POST", "invitations", body(), &KEY).await.expect(201);
    assert!(again.headers.contains_key("location"));
    let ledger = world.ledger();
    assert_eq!(ledger.all("Invitation").len(), 2, "done once");
    assert_eq!(ledger.count("Invitation", "id", &again.text("/id")), 1);
    ledger.check();
}

#[tokio::test]
async fn an_accept_whose_answer_was_lost_is_given_again_with_a_session_of_its_own() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let link = team.invite("ana@acme.example", "member").await.link().await;
    let body = json!({"token": link, "password": PASSWORD});
    world.wire().fail("accept", "TransactWriteItems", 3, Fault::LostAnswer);
    let accept = |body: Value| {
        let world = world.clone();
        async move { world.ask_with("POST", "/v1/invitations/accept", None, &body, &KEY).await }
    };
    accept(body.clone()).await.refused(503, "unavailable");
    let again = accept(body.clone()).await.expect(201);
    let third = accept(body).await.expect(201);
    assert_eq!(again.json()["member"], third.json()["member"]);
    assert_ne!(again.text("/session/token"), third.text("/session/token"));
    let session = again.text("/session/token");
    world.ask("GET", "/v1/me", Some(&session), &Value::Null).await.expect(200);
    // the key alone opens nothing
    let guessed = json!({"token": link, "password": "not the password that it was"});
    accept(guessed).await.refused(422, "idempotency-mismatch");
    world.ledger().check();
}

#[tokio::test]
async fn the_same_key_gives_the_same_answer_for_a_day_and_another_request_is_refused() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let first = team.owner.ask_with("POST", "invitations", body(), &KEY).await.expect(201);
    let again = team.owner.ask_with("POST", "invitations", body(), &KEY).await.expect(201);
    assert_eq!(first.body, again.body);
    assert_eq!(first.headers, again.headers);
    let mut other = body();
    other["last_name"] = json!("B");
    team.owner.ask_with("POST", "invitations", other, &KEY).await.refused(422, "idempotency-mismatch");
    // keys are everybody's own
    let adam = team.join("adam@acme.example", "admin").await;
    let ben = json!({"email": "ben@acme.example", "first_name": "Ben", "last_name": "B"});
    adam.ask_with("POST", "invitations", ben, &KEY).await.expect(201);
    // every other POST keeps to it too
    let brand = json!({"name": "Sage"});
    let key = [("idempotency-key", "brand")];
    let made = team.owner.ask_with("POST", "brands", brand.clone(), &key).await.expect(201);
    let same = team.owner.ask_with("POST", "brands", brand.clone(), &key).await.expect(201);
    assert_eq!(made.body, same.body);
    let path = format!("members/{}/suspend", adam.user);
    let key = [("idempotency-key", "suspend")];
    let off = team.owner.ask_with("POST", &path, Value::Null, &key).await.expect(200);
    team.owner.reinstate(&adam).await.expect(200);
    let same = team.owner.ask_with("POST", &path, Value::Null, &key).await.expect(200);
    assert_eq!(off.body, same.body);
    assert_eq!(world.ledger().count("Member", "status", "active"), 2, "not suspended again");
    let resend = format!("invitations/{}/resend", first.text("/id"));
    let key = [("idempotency-key", "resend")];
    let sent = team.owner.ask_with("POST", &resend, Value::Null, &key).await.expect(200);
    assert_eq!(sent.body, team.owner.ask_with("POST", &resend, Value::Null, &key).await.expect(200).body);
    let sign_up = json!({"name": "Brew", "email": "o@brew.example", "first_name": "O", "last_name": "O"});
    let up = |body: Value| {
        let world = world.clone();
        async move { world.ask_with("POST", "/v1/tenants", None, &body, &[("idempotency-key", "up")]).await }
    };
    assert_eq!(up(sign_up.clone()).await.expect(202).body, up(sign_up).await.expect(202).body);
    // a day later the key is free, whether or not the sweeper came
    world.pass(86_400);
    let after =
        team.owner.ask_with("POST", "brands", brand, &[("idempotency-key", "brand")]).await.expect(201);
    assert_ne!(made.text("/id"), after.text("/id"));
    world.ledger().check();
}

#[tokio::test]
async fn an_item_of_newer_code_is_refused_and_never_taken_for_something_else() {
    let begun = stories::logged();
    let world = World::new().await.where_things_break();
    let team = world.team("Acme").await;
    let ana = team.join("ana@acme.example", "member").await;
    let put = json!({
        "TableName": "Table",
        "Key": {"pk": {"S": format!("TENANT#{}", team.tenant)}, "sk": {"S": format!("MEMBER#{}", ana.user)}},
        "UpdateExpression": "SET #r = :r",
        "ExpressionAttributeNames": {"#r": "role"},
        "ExpressionAttributeValues": {":r": {"S": "galactic_overlord"}},
    });
    world.stack().update_item(&put).unwrap();
    let reply = ana.post("check", json!({"permission": "tenant.close"})).await.refused(500, "internal");
    assert!(!String::from_utf8_lossy(&reply.body).contains("galactic"), "the cause stays in the log");
    assert!(stories::logs_since(begun).contains("galactic_overlord"));
}

#[tokio::test]
async fn a_password_is_counted_once_a_request_however_often_it_starts_over() {
    let world = World::new().await;
    let (acme, brew) = (world.team("Acme").await, world.team("Brew").await);
    acme.join("ana@mail.example", "member").await;
    let link = brew.invite("ana@mail.example", "member").await.link().await;
    world.wire().fail("accept", "TransactWriteItems", 4, Fault::Cancelled(&["ConditionalCheckFailed"]));
    world.wire().take_sent();
    link.accept().await.expect(201);
    let sent = world.wire().take_sent();
    let calls = |operation: &str| sent.iter().filter(|call| call.operation == operation).count();
    assert_eq!(calls("TransactWriteItems"), 5, "five rounds");
    let counted =
        |call: &&stories::SdkCall| call.operation == "UpdateItem" && call.body.contains("RATE#SIGN-IN#");
    let taken_back = |call: &&stories::SdkCall| counted(call) && call.body.contains("\"-1\"");
    assert_eq!(
        sent.iter().filter(counted).count(),
        3,
        "one try: to the source, to the address, and taken back"
    );
    assert_eq!(sent.iter().filter(taken_back).count(), 1);
    world.ledger().check();
}

/// A consumer to which each message takes ten seconds.
struct Slow {
    clock: local::LocalClock,
    turns: AtomicU32,
    begun: AtomicU32,
}

impl runtime::queue::Consumer for Slow {
    type Error = String;

    fn new(_: &runtime::Environment) -> Result<Self, runtime::SettingError> {
        Err(runtime::SettingError::new("NOTHING", "starts it"))
    }

    async fn turn(&self) {
        self.turns.fetch_add(1, Ordering::SeqCst);
    }

    async fn handle(&self, _: &Value, _: &model::Invocation) -> Result<(), String> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.clock.advance(Duration::from_secs(10));
        Ok(())
    }
}

#[tokio::test]
async fn a_message_that_there_is_no_time_for_is_handed_back_before_it_is_begun() {
    let messages: Vec<Value> = (1..=6).map(|n| json!({ "number": n })).collect();
    let margin = runtime::queue::MARGIN.as_secs();
    // seconds that there are, and which messages come back
    for (seconds, back) in [
        (None, [].as_slice()),
        (Some(50 + margin), &[]),
        (Some(50 + margin - 1), &["6"]),
        (Some(20 + margin), &["4", "5", "6"]),
        (Some(margin), &["2", "3", "4", "5", "6"]),
        (Some(margin - 1), &["1", "2", "3", "4", "5", "6"]),
        (Some(0), &["1", "2", "3", "4", "5", "6"]),
    ] {
        let clock = local::LocalClock::frozen_at(stories::START);
        let variables = runtime::Variables::of(std::collections::BTreeMap::new());
        let environment = runtime::Environment::new(variables, std::sync::Arc::new(clock.clone()));
        let consumer = Slow { clock, turns: AtomicU32::new(0), begun: AtomicU32::new(0) };
        let deadline = seconds.map(|seconds| stories::START + Duration::from_secs(seconds));
        let batch = serde_json::from_slice(&stories::batch(&messages)).unwrap();
        let report = runtime::queue::consume(&consumer, batch, &environment, "", deadline).await;
        let failed: Vec<Value> = back.iter().map(|id| json!({ "itemIdentifier": id })).collect();
        assert_eq!(json!(report), json!({ "batchItemFailures": failed }), "{seconds:?}");
        let begun = 6 - u32::try_from(back.len()).unwrap();
        assert_eq!(consumer.begun.into_inner(), begun, "{seconds:?}");
        // and nobody waits for the turn of what isn't begun, but for the first that is late
        assert_eq!(consumer.turns.into_inner(), (begun + 1).min(6), "{seconds:?}");
    }
}

/// A function that never answers.
struct Hanging;

impl web::Function for Hanging {
    fn new(_: &runtime::Environment) -> Result<Self, runtime::SettingError> {
        Ok(Self)
    }

    async fn handle(&self, _: &web::Request) -> web::Outcome {
        std::future::pending().await
    }
}

/// The clock is the runtime's own, which is moved forward wherever everything waits.
#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_ends_in_503_before_its_function_is_killed() {
    let environment = runtime::Environment::new(
        runtime::Variables::of(std::collections::BTreeMap::new()),
        std::sync::Arc::new(stories::START),
    );
    let begun = tokio::time::Instant::now();
    let request = http::Request::new(lambda_http::Body::Empty);
    let response = web::answer(&Hanging, request, &environment).await;
    assert_eq!(response.status(), 503);
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!(begun.elapsed(), web::DEADLINE);
    let template = include_str!("../../template.yaml");
    let timeouts = template.lines().filter_map(|line| line.trim().strip_prefix("Timeout: "));
    let shortest = timeouts.map(|seconds| seconds.parse().unwrap()).min().unwrap();
    assert!(web::DEADLINE.as_secs() < shortest, "Timeout in template.yaml");
}

/// The names of the teams that somebody is shown among their own.
async fn teams_of(world: &World, session: &str) -> Vec<String> {
    let me = world.ask("GET", "/v1/me", Some(session), &Value::Null).await.expect(200).json();
    let names = me["memberships"].as_array().unwrap().iter();
    names.map(|one| one["tenant"]["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn an_index_that_lags_shows_less_and_decides_nothing() {
    let world = World::with([("NEW_TENANT_SEATS", "3")]).await;
    let (acme, brew) = (world.team("Acme").await, world.team("Brew").await);
    let ana = acme.join("ana@mail.example", "member").await;
    let day = json!({"email": "ben@mail.example", "first_name": "B", "last_name": "B", "expires_in_days": 1});
    acme.owner.post("invitations", day).await.expect(201);

    // behind what came: it isn't shown yet, and is there
    let behind = world.fork().await;
    let there = brew.join(&ana.email, "admin").await;
    world.wire().lag_index(Some(&behind));
    assert_eq!(teams_of(&world, &there.session).await, ["Acme"]);
    there.invite("cleo@mail.example", "member").await.expect(201);
    let again = world.sign_in(&ana.email, PASSWORD).await.expect(201).text("/session/token");
    // behind what went: it isn't shown any more, and opens nothing
    acme.owner.remove(&ana).await.expect(204);
    assert_eq!(teams_of(&world, &again).await, Vec::<String>::new());
    ana.get("").await.refused(403, "access-revoked");
    world.wire().lag_index(None);
    assert_eq!(teams_of(&world, &again).await, ["Brew"]);

    // behind a mail that went out once more: nobody takes the seat of who may still answer
    acme.join("dan@mail.example", "member").await;
    world.pass(86_400 + 1);
    let behind = world.fork().await;
    let ledger = world.ledger();
    let ben =
        ledger.all("Invitation").iter().find(|one| one["email"]["M"]["canonical"]["S"] == "ben@mail.example");
    let ben = ben.unwrap()["id"]["S"].as_str().unwrap().to_owned();
    acme.owner.post(&format!("invitations/{ben}/resend"), Value::Null).await.expect(200);
    world.wire().lag_index(Some(&behind));
    acme.owner.invite("eve@mail.example", "member").await.refused(402, "seats-exhausted");
    world.stack().sweep().await.unwrap();
    world.link("ben@mail.example").await.accept().await.expect(201);
    world.ledger().check();
}
