//! Sessions.

use serde_json::{Value, json};
use stories::{PASSWORD, ReplyExt, World};

#[tokio::test]
async fn an_unknown_address_and_a_wrong_password_are_one_answer_at_one_price() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    world.wire().take_sent();
    let mut prices = Vec::new();
    let mut bodies = Vec::new();
    for email in [team.owner.email.as_str(), "nobody@acme.example"] {
        let reply = world.sign_in(email, "not the password at all").await.refused(401, "unauthenticated");
        let mut body = reply.json();
        body["request_id"] = Value::Null;
        bodies.push((body, reply.headers));
        let mut calls: Vec<String> =
            world.wire().take_sent().into_iter().map(|sent| sent.operation).collect();
        calls.sort();
        prices.push(calls);
    }
    assert_eq!(prices[0], prices[1], "the same trips");
    assert_eq!(bodies[0], bodies[1]);
}

#[tokio::test]
async fn a_session_ends_when_it_is_closed_and_when_its_time_is_over() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let me = |session: String| {
        let world = world.clone();
        async move { world.ask("GET", "/v1/me", Some(&session), &Value::Null).await }
    };
    let first = world.sign_in(&team.owner.email, PASSWORD).await.expect(201).text("/session/token");
    let second = world.sign_in(&team.owner.email, PASSWORD).await.expect(201).text("/session/token");
    assert_ne!(first, second);
    world.ask("DELETE", "/v1/sessions/current", Some(&first), &Value::Null).await.expect(204);
    me(first.clone()).await.refused(401, "unauthenticated");
    world
        .ask("DELETE", "/v1/sessions/current", Some(&first), &Value::Null)
        .await
        .refused(401, "unauthenticated");
    me(second.clone()).await.expect(200);
    world.pass(14 * 86_400 - 1);
    me(second.clone()).await.expect(200);
    world.pass(1);
    me(second).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn signing_in_tells_who_and_where() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let reply = world.sign_in("OWNER@acme.example", PASSWORD).await.expect(201).json();
    assert_eq!(reply["user"]["email"], "owner@acme.example");
    assert_eq!(
        reply["memberships"][0]["tenant"],
        json!({"id": team.tenant, "name": "Acme", "status": "active"})
    );
    assert_eq!(reply["memberships"][0]["role"], "owner");
    let key = [("idempotency-key", "k")];
    let body = json!({"email": team.owner.email, "password": PASSWORD});
    let first = world.ask_with("POST", "/v1/sessions", None, &body, &key).await.expect(201);
    let second = world.ask_with("POST", "/v1/sessions", None, &body, &key).await.expect(201);
    assert_eq!(first.json()["user"], second.json()["user"]);
    for wrong in
        [json!({}), json!({"email": "x", "password": "y"}), json!({"email": "a@b.co", "password": 5})]
    {
        world.ask("POST", "/v1/sessions", None, &wrong).await.refused(422, "validation");
    }
    let long = json!({"email": "a@b.co", "password": "x".repeat(1_025)});
    world.ask("POST", "/v1/sessions", None, &long).await.refused(422, "validation");
}

#[tokio::test]
async fn one_password_in_every_spelling() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let link = team.invite("ana@acme.example", "member").await.link().await;
    // a ligature, a full-width letter, an accent of its own: what another keyboard or system makes of the same keys
    link.accept_with(json!({"password": "\u{fb01}ve caf\u{e9}s in \u{ff2f}slo"})).await.expect(201);
    for spelling in ["five caf\u{e9}s in Oslo", "five cafe\u{301}s in Oslo"] {
        world.sign_in("ana@acme.example", spelling).await.expect(201);
    }
    world.sign_in("ana@acme.example", "five cafes in Oslo").await.refused(401, "unauthenticated");
    // counted as it is judged: fourteen characters, though seventeen were entered
    let short = team.invite("ben@acme.example", "member").await.link().await;
    let fourteen = "cafe\u{301} cafe\u{301} te\u{301} \u{e9}";
    short.accept_with(json!({ "password": fourteen })).await.refused(422, "validation");
}

#[tokio::test]
async fn signing_in_writes_the_session_and_acting_is_noted_once_a_day() {
    let world = World::new().await;
    let (acme, brew) = (world.team("Acme").await, world.team("Brew").await);
    let ana = acme.join("ana@mail.example", "admin").await;
    brew.join("ana@mail.example", "member").await;
    let noted = || {
        let ledger = world.ledger();
        let mine = |m: &&Value| {
            m["user_id"]["S"] == ana.user.as_str() && m["tenant_id"]["S"] == acme.tenant.as_str()
        };
        ledger.all("Member").iter().find(mine).unwrap()["last_active_at"]["S"].as_str().unwrap().to_owned()
    };
    world.pass(86_400);
    let before = noted();
    world.wire().take_sent();
    world.sign_in(&ana.email, PASSWORD).await.expect(201);
    let writes: String = world
        .wire()
        .take_sent()
        .into_iter()
        .filter(|s| s.operation.contains("Write"))
        .map(|s| s.body)
        .collect();
    assert!(writes.contains("sessions") && !writes.contains("MEMBER#"), "{writes}");
    assert_eq!(noted(), before);
    ana.create_brand("Sage").await.expect(201);
    let first = noted();
    assert!(first > before);
    world.pass(3_600);
    ana.create_brand("Bloom").await.expect(201);
    assert_eq!(noted(), first, "once a day");
    world.pass(86_400);
    ana.create_brand("Rue").await.expect(201);
    assert!(noted() > first);
    world.ledger().check();
}

#[tokio::test]
async fn one_person_in_many_teams_signs_in_and_sees_them_all() {
    const TEAMS: usize = 52;
    let world = World::of_many_teams().await;
    let (teams, _) = world.member_of(TEAMS, "ana@mail.example").await;
    let mut teams: Vec<String> = teams.into_iter().map(|team| team.tenant).collect();
    teams.sort();
    let ids = |reply: &local::Reply| -> Vec<String> {
        let list = reply.json()["memberships"].as_array().unwrap().clone();
        list.iter().map(|m| m["tenant"]["id"].as_str().unwrap().to_owned()).collect()
    };
    let signed_in = world.sign_in("ana@mail.example", PASSWORD).await.expect(201);
    assert_eq!(ids(&signed_in), teams[..50]);
    let session = signed_in.text("/session/token");
    let me = |query: String| {
        let (world, session) = (world.clone(), session.clone());
        async move { world.ask("GET", &format!("/v1/me{query}"), Some(&session), &Value::Null).await }
    };
    let rest = me(format!("?cursor={}", signed_in.text("/next_cursor"))).await.expect(200);
    assert_eq!(ids(&rest), teams[50..]);
    assert_eq!(rest.json()["next_cursor"], Value::Null);
    let (mut seen, mut query) = (Vec::new(), "?limit=20".to_owned());
    loop {
        let page = me(query).await.expect(200);
        seen.extend(ids(&page));
        match page.json()["next_cursor"].as_str() {
            Some(cursor) => query = format!("?limit=20&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, teams);
    me("?limit=0".to_owned()).await.refused(422, "validation");
    me("?cursor=AAAA".to_owned()).await.refused(400, "malformed");
    me("?page=2".to_owned()).await.refused(422, "validation");
    // the one that a session is good for may be the last
    for tenant in &teams[..51] {
        let order =
            json!({"operation": "suspend-tenant", "tenant": tenant, "suspended": true, "reason": "r"});
        world.operate(order).await.unwrap();
    }
    world.sign_in("ana@mail.example", PASSWORD).await.expect(201);
    let order = json!({"operation": "suspend-tenant", "tenant": teams[51], "suspended": true, "reason": "r"});
    world.operate(order).await.unwrap();
    let refused = world.sign_in("ana@mail.example", PASSWORD).await.refused(403, "access-revoked");
    assert!(refused.text("/detail").len() < 300, "{}", refused.text("/detail"));
}
