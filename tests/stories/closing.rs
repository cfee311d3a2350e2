//! A tenant that its owner closes, that the operator opens again, and that is removed.

use local::Reply;
use serde_json::{Value, json};
use stories::{
    Fault, Operation, PASSWORD, Person, ReplyExt as _, World, interleavings, operation, race,
    race_with_crashes,
};

const DAY: u64 = 86_400;

/// What thirty days are good for.
const LONG: [(&str, &str); 1] = [("SESSION_DAYS", "365")];

async fn close(owner: &Person, password: &str) -> Reply {
    owner.post("close", json!({ "password": password })).await
}

async fn order(world: &World, operation: &str, tenant: &str) -> Result<Value, String> {
    world.operate(json!({"operation": operation, "tenant": tenant, "reason": "ticket 9"})).await
}

/// Removes a tenant, however many orders that takes.
async fn remove(world: &World, tenant: &str) {
    for _ in 0..20 {
        match order(world, "remove-tenant", tenant).await {
            Ok(answer) if answer["done"] == true => return,
            Ok(_) => {}
            Err(why) => {
                assert!(why.contains("there is no such tenant"), "{why}");
                return;
            }
        }
    }
    panic!("the removal never ends");
}

/// What is stored of a tenant and stays: what has an end of its own left out.
fn left(world: &World, tenant: &str) -> Vec<Value> {
    let items = world.stack().items().unwrap().into_iter();
    items.filter(|item| item.get("ttl").is_none() && item.to_string().contains(tenant)).collect()
}

fn closing(owner: &Person) -> Operation<u16> {
    operation(owner, |owner| async move { close(&owner, PASSWORD).await.status })
}

/// An order: 200 where it is done, 400 where it is refused.
fn ordering(world: &World, what: Value) -> Operation<u16> {
    operation(world, |world| async move { if world.operate(what).await.is_ok() { 200 } else { 400 } })
}

fn removing(world: &World, tenant: &str) -> Operation<u16> {
    ordering(world, json!({"operation": "remove-tenant", "tenant": tenant, "reason": "race"}))
}

/// The first few calls of one operation, then all of another, then the rest of the first.
fn split(calls: usize) -> Vec<usize> {
    [vec![0; calls], vec![1; 60]].concat()
}

/// Calls of a closing: facts, address, counting twice, taking back, transaction.
const CLOSE: usize = 6;

#[tokio::test]
async fn an_owner_closes_their_tenant_with_their_password_and_everybody_is_out() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let (adam, ana) =
        (team.join("adam@acme.example", "admin").await, team.join("ana@acme.example", "member").await);
    let pia = team.invite("pia@acme.example", "member").await.link().await;
    let dan = team.invite("dan@acme.example", "member").await.link().await;
    close(&adam, PASSWORD).await.refused(403, "forbidden");
    close(&ana, PASSWORD).await.refused(403, "forbidden");
    let wrong = close(&team.owner, "another password that is long").await.refused(422, "validation");
    assert_eq!(wrong.text("/errors/0/pointer"), "/password");
    team.owner.post("close", json!({})).await.refused(422, "validation");
    team.owner.get("").await.expect(200);
    let key = [("idempotency-key", "k")];
    let body = json!({ "password": PASSWORD });
    let closed = team.owner.ask_with("POST", "close", body.clone(), &key).await.expect(200);
    assert_eq!(closed.text("/status"), "closed");
    assert_eq!(closed.text("/closed_at"), "2026-11-22T09:00:00.000Z");
    assert_eq!(closed.text("/removed_after"), "2026-12-22T09:00:00.000Z");
    // the same request again is answered, by who can do nothing any more
    let again = team.owner.ask_with("POST", "close", body, &key).await.expect(200);
    assert_eq!(again.body, closed.body);
    assert_eq!(close(&team.owner, PASSWORD).await.refused(403, "forbidden").text("/rule"), "R7");
    for path in ["", "members", "invitations", "brands", "events", "roles"] {
        for person in [&team.owner, &adam, &ana] {
            person.get(path).await.refused(403, "forbidden");
        }
    }
    adam.invite("new@acme.example", "member").await.refused(403, "forbidden");
    adam.remove(&ana).await.refused(403, "forbidden");
    let body = json!({"to": adam.user, "password": PASSWORD});
    team.owner.post("transfer", body).await.refused(403, "forbidden");
    for permission in ["tenant.read", "tenant.close", "brand.read"] {
        assert!(!team.owner.may(permission).await, "{permission}");
    }
    // of oneself one reads what one is, and where one was
    ana.get("members/me").await.expect(200);
    let me = world.ask("GET", "/v1/me", Some(&ana.session), &Value::Null).await.expect(200);
    assert_eq!(me.text("/memberships/0/tenant/status"), "closed");
    let refused = world.sign_in(&ana.email, PASSWORD).await.refused(403, "access-revoked");
    assert!(refused.text("/detail").contains("Acme"), "{}", refused.text("/detail"));
    // who is invited is told, and may still turn it down
    pia.preview().await.refused(410, "invitation-revoked");
    pia.accept().await.refused(410, "invitation-revoked");
    dan.decline().await.expect(204);
    world.pass(7 * DAY);
    pia.renew().await.refused(410, "invitation-revoked");
    world.ledger().check();
    assert_eq!(world.ledger().count("Event", "type", "tenant.closed"), 1);
    let kept =
        String::from_utf8_lossy(&serde_json::to_vec(&world.stack().items().unwrap()).unwrap()).into_owned();
    assert!(!kept.contains(PASSWORD));
}

#[tokio::test]
async fn an_owner_is_told_by_mail_and_nobody_else_is_mailed_any_more() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let ana = team.join("ana@acme.example", "member").await;
    let late = team.invite("late@acme.example", "member").await;
    let so_far = world.stack().mailbox().to(Some(&ana.email)).len();
    close(&team.owner, PASSWORD).await.expect(200);
    world.ask("POST", "/v1/password-resets", None, &json!({"email": ana.email})).await.expect(202);
    world.settle().await;
    assert!(world.stack().mailbox().to(Some(&late.email)).is_empty());
    assert_eq!(world.stack().mailbox().to(Some(&ana.email)).len(), so_far);
    let told = world.stack().mailbox().to(Some(&team.owner.email)).pop().unwrap();
    assert_eq!(told.subject, "Your account was closed");
    assert!(told.link.is_none(), "{}", told.text);
    for words in ["The account of Acme was closed on 22 November 2026", "Until 22 December 2026, 09:00 UTC"] {
        assert!(told.text.contains(words), "{}", told.text);
    }
    // opened again, the invitation shows that its mail was not sent
    order(&world, "reopen-tenant", &team.tenant).await.unwrap();
    let shown = team.owner.look_at(&late).await.expect(200);
    assert_eq!(shown.text("/delivery/state"), "failed");
    team.owner.resend(&late).await.expect(200);
    late.accept().await;
    world.ledger().check();
}

#[tokio::test]
async fn an_owner_is_told_at_the_addresses_that_they_gave_up_lately_too() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let change = async |to: &str| {
        let ask = json!({"email": to, "password": PASSWORD});
        world.ask("POST", "/v1/me/email", Some(&team.owner.session), &ask).await.expect(202);
        let token = json!({"token": world.email_token(to, "confirm").await});
        world.ask("POST", "/v1/email-changes/confirm", None, &token).await.expect(200);
    };
    // one that was given up long ago is nobody's who can take the account back
    change("before@acme.example").await;
    world.pass(7 * DAY);
    // whoever found the session and the password moves the account twice, and closes the tenant
    change("one@evil.example").await;
    change("two@evil.example").await;
    close(&team.owner, PASSWORD).await.expect(200);
    world.settle().await;
    let told = |email: &str| {
        let sent = world.stack().mailbox().to(Some(email)).into_iter();
        sent.filter(|mail| mail.subject == "Your account was closed").collect::<Vec<_>>()
    };
    assert!(told(&team.owner.email).is_empty());
    for email in ["before@acme.example", "one@evil.example", "two@evil.example"] {
        let told = told(email);
        assert_eq!(told.len(), 1, "{email}");
        assert!(told[0].text.contains("with the password of two@"), "{}", told[0].text);
        assert!(told[0].link.is_none(), "{}", told[0].text);
    }
    world.ledger().check();
}

#[tokio::test]
async fn a_session_that_somebody_found_closes_nothing_and_guesses_no_password() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    for _ in 0..10 {
        close(&team.owner, "another password that is long").await.refused(422, "validation");
    }
    close(&team.owner, PASSWORD).await.refused(429, "rate-limited");
    team.owner.get("").await.expect(200);
    world.pass(900);
    close(&team.owner, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_closed_tenant_is_opened_again_for_thirty_days_as_it_was() {
    let world = World::with(LONG).await;
    let team = world.team("Acme").await;
    let (ana, brand) = (team.join("ana@acme.example", "member").await, team.brand("Sage").await);
    team.owner.assign_brands(&ana, json!([brand])).await.expect(200);
    let pia = team.invite("pia@acme.example", "member").await;
    let eve =
        json!({"email": "eve@acme.example", "first_name": "E", "last_name": "E", "expires_in_days": 30});
    team.owner.post("invitations", eve).await.expect(201);
    let eve = world.link("eve@acme.example").await;
    let tenant = team.tenant.as_str();
    assert!(order(&world, "reopen-tenant", tenant).await.unwrap_err().contains("isn't closed"));
    close(&team.owner, PASSWORD).await.expect(200);
    // it isn't switched on by another order, and leaves by none
    for suspended in [true, false] {
        let order =
            json!({"operation": "suspend-tenant", "tenant": tenant, "suspended": suspended, "reason": "r"});
        assert!(world.operate(order).await.unwrap_err().contains("closed"));
    }
    assert!(order(&world, "remove-tenant", tenant).await.unwrap_err().contains("can be opened again until"));
    assert!(order(&world, "export-tenant", tenant).await.is_ok(), "its data can still be had");
    world.pass(30 * DAY - 1);
    let opened = order(&world, "reopen-tenant", tenant).await.unwrap();
    assert_eq!(opened, json!({"tenant": tenant, "status": "active"}));
    // everybody is back, with what they had, and what time has ended is over
    let shown = team.owner.get("").await.expect(200).json();
    assert_eq!((&shown["status"], shown.get("closed_at")), (&json!("active"), None));
    let question = json!({"permission": "products.write", "brand": brand});
    assert_eq!(ana.post("check", question).await.expect(200).json()["allowed"], true);
    assert_eq!(team.owner.look_at(&pia).await.expect(200).text("/status"), "expired");
    eve.accept().await.expect(201);
    let told = team.owner.get("events").await.expect(200).json();
    let opened = told["items"].as_array().unwrap().iter().find(|e| e["type"] == "tenant.reopened").unwrap();
    assert_eq!(opened["actor"], json!({"kind": "operator"}));
    assert_eq!(opened["details"]["reason"], "ticket 9");
    world.ledger().check();
    // from the very second on that they are over, thirty days are over
    close(&team.owner, PASSWORD).await.expect(200);
    world.pass(30 * DAY);
    assert!(
        order(&world, "reopen-tenant", tenant).await.unwrap_err().contains("could be opened again until")
    );
    close(&team.owner, PASSWORD).await.refused(403, "forbidden");
    world.ledger().check();
}

#[tokio::test]
async fn a_closed_tenant_is_removed_in_steps_and_leaves_nothing_behind() {
    let world = World::with(LONG).await;
    let (team, other) = (world.team("Acme").await, world.team("Brew").await);
    let tenant = team.tenant.as_str();
    let (ana, ben) =
        (team.join("ana@mail.example", "member").await, team.join("ben@mail.example", "admin").await);
    other.join(&ben.email, "member").await;
    // who was in it, who was in it and is elsewhere, whose address the operator made free
    let cal = team.join("cal@mail.example", "member").await;
    team.owner.remove(&cal).await.expect(204);
    let eli = team.join("eli@mail.example", "member").await;
    other.join(&eli.email, "member").await;
    team.owner.remove(&eli).await.expect(204);
    let flo = team.join("flo@mail.example", "member").await;
    team.owner.remove(&flo).await.expect(204);
    world.operate(json!({"operation": "release-email", "email": flo.email, "reason": "r"})).await.unwrap();
    let new_flo = other.join(&flo.email, "member").await;
    // invitations of every kind, two of one address
    for _ in 0..2 {
        let revoked = team.invite("rolf@mail.example", "member").await;
        team.owner.revoke(&revoked).await.expect(204);
    }
    team.invite("dora@mail.example", "member").await.link().await.decline().await.expect(204);
    let pia = team.invite("pia@mail.example", "member").await.link().await;
    for n in 0..110 {
        team.brand(&format!("Brand {n}")).await;
    }
    let review = team.owner.post("access-reviews", Value::Null).await.expect(201).text("/id");
    let kept = json!({"decision": "kept", "reason": "needed"});
    let decide = format!("access-reviews/{review}/members/{}", ana.user);
    team.owner.ask("PUT", &decide, kept).await.expect(200);
    assert!(order(&world, "remove-tenant", tenant).await.unwrap_err().contains("isn't closed"));
    close(&team.owner, PASSWORD).await.expect(200);
    world.pass(30 * DAY - 1);
    assert!(order(&world, "remove-tenant", tenant).await.unwrap_err().contains("can be opened again until"));
    world.pass(1);
    let first = order(&world, "remove-tenant", tenant).await.unwrap();
    assert_eq!(first["done"], false);
    assert_eq!((&first["removed"]["members"], &first["removed"]["brands"]), (&json!(6), &json!(110)));
    // once it began nobody opens it again, and nothing is written into what is left
    let plan = json!({"operation": "set-plan", "tenant": tenant, "plan": "p", "seats": 3, "reason": "r"});
    assert!(world.operate(plan).await.unwrap_err().contains("being removed"));
    for operation in ["reopen-tenant", "export-tenant"] {
        assert!(order(&world, operation, tenant).await.unwrap_err().contains("being removed"));
    }
    // in the middle of it everybody is answered
    for person in [&team.owner, &ana, &ben] {
        let gone = person.get("").await;
        assert!([401, 404].contains(&gone.status), "{}", gone.status);
    }
    remove(&world, tenant).await;
    assert_eq!(left(&world, tenant), [Value::Null; 0]);
    assert!(world.ledger().all("Decision").is_empty() && world.ledger().all("Review").is_empty());
    assert!(order(&world, "remove-tenant", tenant).await.unwrap_err().contains("there is no such tenant"));
    world.ledger().check();
    // who was known in no other team is nobody any more, on no session
    assert_eq!(world.ledger().count("User", "id", &flo.user), 0, "nor whose address was made free");
    for person in [&team.owner, &ana, &cal] {
        world.sign_in(&person.email, PASSWORD).await.refused(401, "unauthenticated");
        world.ask("GET", "/v1/me", Some(&person.session), &Value::Null).await.refused(401, "unauthenticated");
        assert_eq!(world.ledger().count("User", "id", &person.user), 0);
    }
    pia.accept().await.refused(404, "not-found");
    // and who is goes on as if there had never been one
    for person in [&ben, &eli, &new_flo] {
        world.sign_in(&person.email, PASSWORD).await.expect(201);
        let me = world.ask("GET", "/v1/me", Some(&person.session), &Value::Null).await.expect(200).json();
        let teams = me["memberships"].as_array().unwrap().iter();
        assert_eq!(teams.map(|team| &team["tenant"]["name"]).collect::<Vec<_>>(), ["Brew"]);
        person.inside(tenant).get("").await.refused(404, "not-found");
    }
    let new_ana = other.join(&ana.email, "member").await;
    assert_ne!(new_ana.user, ana.user);
    world.stack().sweep().await.unwrap();
    world.settle().await;
    assert_eq!(left(&world, tenant), [Value::Null; 0]);
    world.ledger().check();
}

#[tokio::test]
async fn an_address_that_a_closed_tenant_has_for_itself_is_free_when_its_person_leaves_or_it_is_removed() {
    let settings = [("EMAIL_POLICY", "exclusive"), ("SESSION_DAYS", "365")];
    let world = World::with(settings).await;
    let (team, other) = (world.team("Acme").await, world.team("Brew").await);
    let (ana, ben) =
        (team.join("ana@mail.example", "member").await, team.join("ben@mail.example", "member").await);
    close(&team.owner, PASSWORD).await.expect(200);
    for person in [&ana, &ben] {
        other.owner.invite(&person.email, "member").await.refused(409, "email-in-use");
    }
    ana.delete("members/me").await.expect(204);
    other.join(&ana.email, "member").await;
    team.owner.delete("members/me").await.refused(409, "owner-required");
    world.pass(30 * DAY);
    other.owner.invite(&ben.email, "member").await.refused(409, "email-in-use");
    remove(&world, &team.tenant).await;
    other.join(&ben.email, "member").await;
    world.ledger().check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_is_stopped_at_any_call_is_given_again_and_goes_on() {
    let set = World::with(LONG).await;
    let (team, other) = (set.team("Acme").await, set.team("Brew").await);
    let ana = team.join("ana@mail.example", "member").await;
    other.join(&ana.email, "member").await;
    team.brand("Sage").await;
    team.invite("pia@mail.example", "member").await;
    close(&team.owner, PASSWORD).await.expect(200);
    set.pass(30 * DAY);
    let alone = set.fork().await;
    alone.wire().take_sent();
    race(&[], vec![removing(&alone, &team.tenant)]).await;
    let calls = alone.wire().take_sent();
    for fault in [Fault::Crash, Fault::LostAnswer, Fault::Conflict] {
        let mut stopped = 0;
        for (call, sent) in calls.iter().enumerate() {
            if matches!(fault, Fault::Conflict) && sent.operation != "TransactWriteItems" {
                continue;
            }
            let world = set.fork().await;
            world.wire().fail_racer(0, call, fault.clone());
            let done = race_with_crashes(&[], vec![removing(&world, &team.tenant)]).await;
            stopped += usize::from(done == [None]);
            remove(&world, &team.tenant).await;
            assert_eq!(left(&world, &team.tenant), [Value::Null; 0], "{call}");
            world.ledger().check();
            assert_eq!(world.ledger().all("User").len(), 2, "Brew's owner, and who is in both");
        }
        assert!(stopped > 10 || !matches!(fault, Fault::Crash), "{stopped}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closing_against_an_invitation() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    for order in interleavings(CLOSE, 2) {
        let world = set.fork().await;
        let owner = team.owner.in_world(&world);
        let invite =
            operation(&owner, |owner| async move { owner.invite("ana@acme.example", "member").await.status });
        let replies = race(&order, vec![closing(&owner), invite]).await;
        let legal: [u16; 2] = [[200, 403], [200, 201]][world.wrote_first()];
        assert_eq!(replies, legal, "{order:?}");
        world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closing_against_an_acceptance() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    let link = team.invite("ana@acme.example", "member").await.link().await;
    for order in interleavings(CLOSE, 3).into_iter().step_by(3) {
        let world = set.fork().await;
        let (owner, link) = (team.owner.in_world(&world), link.in_world(&world));
        let accept = operation(&link, |link| async move { link.accept().await });
        let close = operation(&owner, |owner| async move { close(&owner, PASSWORD).await });
        let replies = race(&order, vec![close, accept]).await;
        assert_eq!(replies[0].status, 200, "{order:?}");
        // who read it open may still join, and is in a tenant where nobody can do anything
        match replies[1].status {
            201 => {
                let session = replies[1].text("/session/token");
                let ana = Person { session, ..owner.clone() };
                ana.get("").await.refused(403, "forbidden");
            }
            410 => assert_eq!(world.wrote_first(), 0, "{order:?}"),
            other => panic!("{order:?}: {other}"),
        }
        world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closing_against_a_transfer_a_suspension_and_another_closing() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    let adam = team.join("adam@acme.example", "admin").await;
    let suspend =
        json!({"operation": "suspend-tenant", "tenant": team.tenant, "suspended": true, "reason": "r"});
    for order in interleavings(CLOSE, CLOSE).into_iter().step_by(43) {
        let world = set.fork().await;
        let owner = team.owner.in_world(&world);
        let body = json!({"to": adam.user, "password": PASSWORD});
        let transfer = operation(&owner, |owner| async move { owner.post("transfer", body).await.status });
        let replies = race(&order, vec![closing(&owner), transfer]).await;
        let legal: [u16; 2] = [[200, 403], [403, 200]][world.wrote_first()];
        assert_eq!(replies, legal, "{order:?}");
        world.ledger().check();
        let world = set.fork().await;
        let owner = team.owner.in_world(&world);
        let replies = race(&order, vec![closing(&owner), closing(&owner)]).await;
        let legal: [u16; 2] = [[200, 403], [403, 200]][world.wrote_first()];
        assert_eq!(replies, legal, "{order:?}");
        assert_eq!(world.ledger().count("Event", "type", "tenant.closed"), 1);
    }
    for order in interleavings(CLOSE, 2) {
        let world = set.fork().await;
        let owner = team.owner.in_world(&world);
        let replies = race(&order, vec![closing(&owner), ordering(&world, suspend.clone())]).await;
        let legal: [u16; 2] = [[200, 400], [403, 200]][world.wrote_first()];
        assert_eq!(replies, legal, "{order:?}");
        let is = if legal[0] == 200 { "closed" } else { "suspended" };
        assert_eq!(world.ledger().count("Tenant", "status", is), 1, "{order:?}");
    }
}

/// Two teams with one person in both of them, the first closed and ready to be removed; the other's too where `both`.
async fn ready(both: bool) -> (World, [stories::Team; 2], Person) {
    let world = World::with(LONG).await;
    let teams = [world.team("Acme").await, world.team("Brew").await];
    let ana = teams[0].join("ana@mail.example", "member").await;
    if both {
        teams[1].join(&ana.email, "member").await;
        close(&teams[1].owner, PASSWORD).await.expect(200);
    }
    close(&teams[0].owner, PASSWORD).await.expect(200);
    world.settle().await;
    world.pass(30 * DAY);
    (world, teams, ana)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn opening_again_in_the_last_second_against_the_removal() {
    let set = World::with(LONG).await;
    let team = set.team("Acme").await;
    close(&team.owner, PASSWORD).await.expect(200);
    set.pass(30 * DAY - 1);
    let tenant = team.tenant.as_str();
    for calls in 0..12 {
        let world = set.fork().await;
        let reopen = ordering(&world, json!({"operation": "reopen-tenant", "tenant": tenant, "reason": "r"}));
        let id = team.tenant.clone();
        // its clock has gone on; a look at what isn't there holds it back until the other has begun
        let remove = operation(&world, |world| async move {
            assert!(order(&world, "reopen-tenant", "01a202c6-e1a3-7a38-9802-fdcb99ebdc61").await.is_err());
            world.pass(1);
            if order(&world, "remove-tenant", &id).await.is_ok() { 200 } else { 400 }
        });
        let replies = race(&[vec![0], vec![1; calls]].concat(), vec![reopen, remove]).await;
        match replies.as_slice() {
            [200, 400] => assert_eq!(world.ledger().count("Tenant", "status", "active"), 1),
            [400, 200] => assert_eq!(left(&world, tenant), [Value::Null; 0]),
            other => panic!("{calls}: {other:?}"),
        }
        world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_removals_at_once_of_one_tenant_and_of_two_with_one_person() {
    let (set, teams, _) = ready(true).await;
    for calls in 0..24 {
        for second in [&teams[0], &teams[1]] {
            let world = set.fork().await;
            let racers = vec![removing(&world, &teams[0].tenant), removing(&world, &second.tenant)];
            race(&split(calls), racers).await;
            for team in &teams {
                remove(&world, &team.tenant).await;
                assert_eq!(left(&world, &team.tenant), [Value::Null; 0], "{calls}");
            }
            assert!(world.ledger().all("Credential").is_empty() && world.ledger().all("User").is_empty());
            world.ledger().check();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_people_do_while_their_last_tenant_is_removed_is_answered() {
    let (set, teams, ana) = ready(false).await;
    let (tenant, other) = (teams[0].tenant.as_str(), &teams[1]);
    let link = other.invite(&ana.email, "member").await.link().await;
    for calls in 0..8 {
        // into another team: as who they were, or as somebody new
        let world = set.fork().await;
        let link = link.in_world(&world);
        let accept = operation(&link, |link| async move { link.accept().await.status });
        assert_eq!(race(&split(calls), vec![accept, removing(&world, tenant)]).await[0], 201, "{calls}");
        remove(&world, tenant).await;
        world.sign_in(&ana.email, PASSWORD).await.expect(201);
        world.ledger().check();
        // signing in, and ending all sessions
        let (world, email) = (set.fork().await, ana.email.clone());
        let sign_in = operation(&world, |world| async move { world.sign_in(&email, PASSWORD).await.status });
        let replies = race(&split(calls), vec![sign_in, removing(&world, tenant)]).await;
        assert!([401, 403].contains(&replies[0]), "{calls}: {replies:?}");
        let own = [("DELETE", "/v1/me/sessions"), ("DELETE", "/v1/sessions/current"), ("GET", "/v1/me")];
        for (method, path) in own {
            let world = set.fork().await;
            let end = operation(&ana.in_world(&world), |ana| async move {
                ana.world.ask(method, path, Some(&ana.session), &Value::Null).await.status
            });
            let replies = race(&split(calls), vec![end, removing(&world, tenant)]).await;
            assert!([200, 204, 401].contains(&replies[0]), "{calls}: {replies:?}");
            world.ask(method, path, Some(&ana.session), &Value::Null).await.refused(401, "unauthenticated");
            // and nothing nameless is left where they were
            let mut items = world.stack().items().unwrap().into_iter();
            assert!(items.all(|item| item.get("entity").is_some()), "{calls} {method} {path}");
        }
        // leaving
        let world = set.fork().await;
        let leave =
            operation(&ana.in_world(&world), |ana| async move { ana.delete("members/me").await.status });
        let replies = race(&split(calls), vec![leave, removing(&world, tenant)]).await;
        assert!([204, 401, 404].contains(&replies[0]), "{calls}: {replies:?}");
        remove(&world, tenant).await;
        assert_eq!(left(&world, tenant), [Value::Null; 0], "{calls}");
        world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_another_address_while_their_tenant_is_removed_is_forgotten_there_all_the_same() {
    let (set, teams, ana) = ready(false).await;
    let tenant = teams[0].tenant.as_str();
    teams[1].invite(&ana.email, "member").await.link().await.accept().await.expect(201);
    let session = set.sign_in(&ana.email, PASSWORD).await.expect(201).text("/session/token");
    let new = "ana.new@mail.example";
    let ask = json!({"email": new, "password": PASSWORD});
    set.ask("POST", "/v1/me/email", Some(&session), &ask).await.expect(202);
    let token = json!({"token": set.email_token(new, "confirm").await});
    for calls in 0..24 {
        let world = set.fork().await;
        let body = token.clone();
        let confirm = operation(&world, |world| async move {
            world.ask("POST", "/v1/email-changes/confirm", None, &body).await.status
        });
        let replies = race(&split(calls), vec![removing(&world, tenant), confirm]).await;
        assert_eq!(replies[1], 200, "{calls}");
        remove(&world, tenant).await;
        assert_eq!(left(&world, tenant), [Value::Null; 0], "{calls}");
        let me = world.sign_in(new, PASSWORD).await.expect(201).json();
        assert_eq!(me["memberships"].as_array().unwrap().len(), 1, "{calls}");
        // nothing nameless is left where they were, and no address says that it is of what is gone
        let items = world.stack().items().unwrap();
        assert!(items.iter().all(|item| item.get("entity").is_some()), "{calls}");
        let named = items.iter().filter(|item| item["entity"]["S"] == "Credential");
        assert!(named.clone().all(|item| !item.to_string().contains(tenant)), "{calls}");
        world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_operator_notes_is_in_no_trail_that_is_gone() {
    let (set, teams, ana) = ready(false).await;
    let tenant = teams[0].tenant.as_str();
    // somebody who has something to sign in to elsewhere, and whose address bounced
    teams[1].join(&ana.email, "member").await;
    set.stack().feedback(&ana.email, "bounce", "no such user").await.unwrap();
    let lift = json!({"operation": "lift-suppression", "email": ana.email, "reason": "r"});
    let reset = json!({"operation": "send-password-reset", "email": ana.email, "to": "ana@private.example",
        "reason": "r"});
    let plan = json!({"operation": "set-plan", "tenant": tenant, "plan": "p", "seats": 3, "reason": "r"});
    let export = json!({"operation": "export-tenant", "tenant": tenant, "reason": "r"});
    for calls in 0..5 {
        for (what, done) in [(&lift, true), (&reset, true), (&plan, calls > 1), (&export, calls > 1)] {
            let world = set.fork().await;
            let racers = vec![ordering(&world, what.clone()), removing(&world, tenant)];
            let replies = race(&split(calls), racers).await;
            let expected: [u16; 2] = if done { [200, 200] } else { [400, 200] };
            assert_eq!(replies, expected, "{calls} {what}");
            assert_eq!(left(&world, tenant), [Value::Null; 0], "{calls} {what}");
            world.ledger().check();
        }
    }
}
