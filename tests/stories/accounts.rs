//! Accounts: a password that is forgotten or changed, the sessions that somebody has, their profile.

use local::Reply;
use serde_json::{Value, json};
use stories::{PASSWORD, Person, ReplyExt as _, World, interleavings, operation, race};

const NEW: &str = "a quite different long password";

async fn ask_for_reset(world: &World, email: &str) -> Reply {
    world.ask("POST", "/v1/password-resets", None, &json!({"email": email})).await
}

async fn confirm(world: &World, token: &str, password: &str) -> Reply {
    world
        .ask("POST", "/v1/password-resets/confirm", None, &json!({"token": token, "password": password}))
        .await
}

async fn me(person: &Person, method: &str, path: &str, body: Value) -> Reply {
    person.world.ask(method, &format!("/v1/me{path}"), Some(&person.session), &body).await
}

fn mails(world: &World, email: &str) -> usize {
    world.stack().mailbox().to(Some(email)).len()
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_and_every_session_ends() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let email = team.owner.email.clone();
    let elsewhere = world.sign_in(&email, PASSWORD).await.expect(201).text("/session/token");
    // in any spelling of the address
    ask_for_reset(&world, &email.to_uppercase()).await.expect(202);
    let token = world.reset_token(&email).await;
    confirm(&world, &token, "short").await.refused(422, "validation");
    confirm(&world, &token, &email).await.refused(422, "validation");
    confirm(&world, &token, NEW).await.expect(204);
    for session in [&team.owner.session, &elsewhere] {
        world.ask("GET", "/v1/me", Some(session), &Value::Null).await.refused(401, "unauthenticated");
        let path = format!("/v1/tenants/{}", team.tenant);
        world.ask("GET", &path, Some(session), &Value::Null).await.refused(401, "unauthenticated");
    }
    world.sign_in(&email, PASSWORD).await.refused(401, "unauthenticated");
    world.sign_in(&email, NEW).await.expect(201);
    // once, and they are told
    confirm(&world, &token, "yet another password that is long").await.refused(404, "not-found");
    world.settle().await;
    let told = world.stack().mailbox().to(Some(&email)).pop().unwrap();
    assert!(told.text.contains("was changed on") && told.link.is_none(), "{}", told.text);
    world.ledger().check();
}

#[tokio::test]
async fn a_reset_that_was_asked_for_tells_nothing_of_the_address_and_costs_the_same() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    world.settle().await;
    let mut seen = Vec::new();
    for email in [team.owner.email.as_str(), "nobody@acme.example"] {
        world.wire().take_sent();
        let reply = ask_for_reset(&world, email).await.expect(202);
        let calls: Vec<(String, usize)> = world
            .wire()
            .take_sent()
            .into_iter()
            .map(|call| {
                (
                    call.operation,
                    call.body.matches("\"Put\"").count() + call.body.matches("\"Update\"").count(),
                )
            })
            .collect();
        seen.push((reply.status, String::from_utf8(reply.body).unwrap(), calls));
    }
    assert_eq!(seen[0], seen[1]);
    world.settle().await;
    assert_eq!(mails(&world, "nobody@acme.example"), 0);
}

#[tokio::test]
async fn a_reset_dies_with_its_hour_with_another_password_and_with_the_account() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let ana = team.join("ana@acme.example", "member").await;
    let token = async || {
        ask_for_reset(&world, &ana.email).await.expect(202);
        world.reset_token(&ana.email).await
    };
    let (late, older) = (token().await, token().await);
    world.pass(3_599);
    confirm(&world, &late, "short").await.refused(422, "validation");
    world.pass(1);
    confirm(&world, &late, NEW).await.refused(404, "not-found");
    confirm(&world, &older, NEW).await.refused(404, "not-found");
    // changed otherwise
    let token_before = token().await;
    let change = json!({"current_password": PASSWORD, "new_password": NEW});
    me(&ana, "PUT", "/password", change).await.expect(204);
    confirm(&world, &token_before, "yet another password that is long").await.refused(404, "not-found");
    // suspended: neither asked for nor used
    let token_before = token().await;
    team.owner.suspend(&ana).await.expect(200);
    confirm(&world, &token_before, "yet another password that is long").await.refused(403, "access-revoked");
    world.settle().await;
    let so_far = mails(&world, &ana.email);
    ask_for_reset(&world, &ana.email).await.expect(202);
    world.settle().await;
    assert_eq!(mails(&world, &ana.email), so_far);
    // released, and somebody new with the same address
    team.owner.reinstate(&ana).await.expect(200);
    let token_before = token().await;
    team.owner.remove(&ana).await.expect(204);
    world.operate(json!({"operation": "release-email", "email": ana.email, "reason": "r"})).await.unwrap();
    team.join(&ana.email, "member").await;
    confirm(&world, &token_before, "yet another password that is long").await.refused(404, "not-found");
    world.sign_in(&ana.email, PASSWORD).await.expect(201);
    world.ledger().check();
}

#[tokio::test]
async fn who_is_only_invited_gets_the_invitation_again_and_not_without_end() {
    let world = World::with([("PASSWORD_RESETS_PER_HOUR", "50")]).await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    let first = invited.link().await;
    for _ in 0..8 {
        ask_for_reset(&world, &invited.email).await.expect(202);
    }
    world.settle().await;
    // five a day, and the team's own mails are not counted with them
    assert_eq!(mails(&world, &invited.email), 1 + 5);
    let again = invited.link().await;
    assert_ne!(first.token, again.token);
    team.owner.post(&format!("invitations/{}/resend", invited.id), Value::Null).await.expect(200);
    again.accept().await.refused(410, "invitation-revoked");
    invited.link().await.accept().await.expect(201);
    // over: nothing is mailed any more
    let gone = team.invite("gone@acme.example", "member").await;
    world.settle().await;
    team.owner.revoke(&gone).await.expect(204);
    ask_for_reset(&world, &gone.email).await.expect(202);
    world.settle().await;
    assert_eq!(mails(&world, &gone.email), 1);
}

#[tokio::test]
async fn resets_are_bounded_by_address_and_by_source() {
    let world = World::with([("PASSWORD_RESETS_OF_SOURCE_PER_HOUR", "7")]).await;
    let team = world.team("Acme").await;
    for n in 0..5 {
        let spelt = if n % 2 == 0 { team.owner.email.to_uppercase() } else { team.owner.email.clone() };
        ask_for_reset(&world, &spelt).await.expect(202);
    }
    let refused = ask_for_reset(&world, &team.owner.email).await.refused(429, "rate-limited");
    assert!(refused.headers["retry-after"].parse::<u64>().unwrap() <= 3_600);
    // from elsewhere too: it is the address that is full; another one's isn't
    let elsewhere = world.from("203.0.113.9");
    ask_for_reset(&elsewhere, &team.owner.email).await.refused(429, "rate-limited");
    for n in 0..2 {
        ask_for_reset(&world, &format!("p{n}@acme.example")).await.expect(202);
    }
    ask_for_reset(&world, "p3@acme.example").await.refused(429, "rate-limited");
    ask_for_reset(&elsewhere, "p3@acme.example").await.expect(202);
    world.pass(3_600);
    ask_for_reset(&world, &team.owner.email).await.expect(202);
    // who is signed in by a link that was mailed isn't shut out by any of it
    let token = world.reset_token(&team.owner.email).await;
    confirm(&world, &token, NEW).await.expect(204);
}

#[tokio::test]
async fn a_reset_is_repeated_under_its_key() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let key = [("idempotency-key", "k")];
    let ask = json!({"email": team.owner.email});
    for _ in 0..3 {
        world.ask_with("POST", "/v1/password-resets", None, &ask, &key).await.expect(202);
    }
    world.settle().await;
    assert_eq!(mails(&world, &team.owner.email), 2, "the founding mail and one link");
    let body = json!({"token": world.reset_token(&team.owner.email).await, "password": NEW});
    // another password under the same key isn't answered as if it were set, and is no way to guess the one that was
    let other = json!({"token": body["token"], "password": "yet another password that is long"});
    let set =
        async |body: &Value| world.ask_with("POST", "/v1/password-resets/confirm", None, body, &key).await;
    for _ in 0..10 {
        // the right one again neither counts as a guess nor makes room for more of them
        for _ in 0..2 {
            set(&body).await.expect(204);
        }
        set(&other).await.refused(422, "idempotency-mismatch");
    }
    set(&other).await.refused(429, "rate-limited");
    world.pass(900);
    world.sign_in(&team.owner.email, NEW).await.expect(201);
}

#[tokio::test]
async fn the_operator_sends_a_link_to_an_owner_whose_mailbox_is_gone() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let order = json!({"operation": "send-password-reset", "email": team.owner.email, "to": "olive@private.example",
        "reason": "ticket 7, passport seen"});
    world.operate(order).await.unwrap();
    let token = world.reset_token("olive@private.example").await;
    confirm(&world, &token, NEW).await.expect(204);
    let session = world.sign_in(&team.owner.email, NEW).await.expect(201).text("/session/token");
    let path = format!("/v1/tenants/{}/events", team.tenant);
    let events = world.ask("GET", &path, Some(&session), &Value::Null).await.expect(200).json();
    let sent =
        events["items"].as_array().unwrap().iter().find(|e| e["type"] == "password.reset_sent").unwrap();
    assert_eq!(sent["details"]["to"], "olive@private.example");
    assert_eq!(sent["details"]["reason"], "ticket 7, passport seen");
    let refused = async |email: &str| {
        world
            .operate(json!({"operation": "send-password-reset", "email": email, "reason": "r"}))
            .await
            .unwrap_err()
    };
    assert!(refused("nobody@acme.example").await.contains("nobody has this address"));
    assert!(refused("nothing").await.contains("`email`"));
    let ana = team.in_world(&world);
    let ana = Person { session, ..ana.owner }.invite("ana@acme.example", "member").await.expect(201);
    assert_eq!(ana.text("/status"), "pending");
    assert!(refused("ana@acme.example").await.contains("nobody has this address"));
}

#[tokio::test]
async fn a_password_is_changed_with_the_old_one_and_other_sessions_end() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let elsewhere = world.sign_in(&team.owner.email, PASSWORD).await.expect(201).text("/session/token");
    let change = |current: &str, new: &str| json!({"current_password": current, "new_password": new});
    let wrong = me(&team.owner, "PUT", "/password", change(NEW, NEW)).await.refused(422, "validation");
    assert_eq!(wrong.text("/errors/0/pointer"), "/current_password");
    let weak = me(&team.owner, "PUT", "/password", change(PASSWORD, "owner@acme.example")).await;
    assert_eq!(weak.refused(422, "validation").text("/errors/0/pointer"), "/new_password");
    me(&team.owner, "PUT", "/password", change(PASSWORD, NEW)).await.expect(204);
    me(&team.owner, "GET", "", Value::Null).await.expect(200);
    world.ask("GET", "/v1/me", Some(&elsewhere), &Value::Null).await.refused(401, "unauthenticated");
    world.sign_in(&team.owner.email, PASSWORD).await.refused(401, "unauthenticated");
    world.sign_in(&team.owner.email, NEW).await.expect(201);
    world.settle().await;
    assert!(
        world.stack().mailbox().to(Some(&team.owner.email)).pop().unwrap().text.contains("was changed on")
    );
    // a session that somebody found is no way to guess the password
    for _ in 0..10 {
        me(&team.owner, "PUT", "/password", change("not this one, surely", NEW))
            .await
            .refused(422, "validation");
    }
    me(&team.owner, "PUT", "/password", change(NEW, PASSWORD)).await.refused(429, "rate-limited");
}

#[tokio::test]
async fn sessions_are_seen_and_ended_one_by_one_and_all_at_once() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let body = json!({"email": team.owner.email, "password": PASSWORD});
    let firefox = ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:146.0) Gecko/20100101 Firefox/146.0");
    world.pass(60);
    let lost = world.ask_with("POST", "/v1/sessions", None, &body, &[firefox]).await.expect(201);
    let lost = lost.text("/session/token");
    let listed = me(&team.owner, "GET", "/sessions", Value::Null).await.expect(200).json();
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!((&items[0]["client"], &items[0]["current"]), (&json!("Firefox on Linux"), &json!(false)));
    assert_eq!(items[1]["current"], true);
    assert!(!listed.to_string().contains(lost.split('.').nth(1).unwrap()), "an id opens nothing");
    let id = items[0]["id"].as_str().unwrap();
    me(&team.owner, "DELETE", &format!("/sessions/{id}"), Value::Null).await.expect(204);
    me(&team.owner, "DELETE", &format!("/sessions/{id}"), Value::Null).await.refused(404, "not-found");
    world.ask("GET", "/v1/me", Some(&lost), &Value::Null).await.refused(401, "unauthenticated");
    // nobody ends another one's
    let ana = team.join("ana@acme.example", "member").await;
    let mine = me(&ana, "GET", "/sessions", Value::Null).await.expect(200).text("/items/0/id");
    me(&team.owner, "DELETE", &format!("/sessions/{mine}"), Value::Null).await.refused(404, "not-found");
    me(&ana, "DELETE", "/sessions", Value::Null).await.expect(204);
    me(&ana, "GET", "", Value::Null).await.refused(401, "unauthenticated");
    me(&team.owner, "GET", "", Value::Null).await.expect(200);
    // one that is over isn't listed, and the thirteenth ends the one that was used longest ago
    for _ in 0..12 {
        world.pass(60);
        world.sign_in(&team.owner.email, PASSWORD).await.expect(201);
    }
    me(&team.owner, "GET", "", Value::Null).await.refused(401, "unauthenticated");
    let newest = world.sign_in(&team.owner.email, PASSWORD).await.expect(201).text("/session/token");
    let listed = world.ask("GET", "/v1/me/sessions", Some(&newest), &Value::Null).await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 12);
    world.pass(14 * 86_400);
    let newest = world.sign_in(&team.owner.email, PASSWORD).await.expect(201).text("/session/token");
    let listed = world.ask("GET", "/v1/me/sessions", Some(&newest), &Value::Null).await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_idle_session_ends_and_use_is_noted_once_an_hour() {
    let world = World::with([("SESSION_IDLE_HOURS", "24"), ("SESSION_DAYS", "3")]).await;
    let team = world.team("Acme").await;
    let touches = || {
        let sent = world.wire().take_sent();
        sent.iter().filter(|call| call.operation == "UpdateItem" && call.body.contains("used_at")).count()
    };
    team.owner.get("").await.expect(200);
    assert_eq!(touches(), 0);
    world.pass(3_600);
    for _ in 0..3 {
        team.owner.post("check", json!({"permission": "tenant.read"})).await.expect(200);
    }
    assert_eq!(touches(), 1);
    // two days of a little use, each less than a day after the one before
    for _ in 0..2 {
        world.pass(86_399);
        team.owner.get("").await.expect(200);
    }
    // the third day is the last whatever is used
    world.pass(86_400 - 3_600 + 2);
    team.owner.get("").await.refused(401, "unauthenticated");
    let idle = world.sign_in(&team.owner.email, PASSWORD).await.expect(201).text("/session/token");
    world.pass(86_400);
    world.ask("GET", "/v1/me", Some(&idle), &Value::Null).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_profile_is_changed_here_and_in_every_team() {
    let world = World::new().await;
    let (acme, brew) = (world.team("Acme").await, world.team("Brew").await);
    let ana = acme.join("ana@mail.example", "member").await;
    brew.join("ana@mail.example", "admin").await;
    let read = me(&ana, "GET", "", Value::Null).await.expect(200);
    let body = json!({"first_name": "Anna", "phone": "+49301234567", "locale": "de"});
    let stale = [("if-match", "\"01a202c6-e1a3-7a38-9802-fdcb99ebdc61\"")];
    world.ask_with("PATCH", "/v1/me", Some(&ana.session), &body, &stale).await.refused(412, "conflict");
    let fresh = [("if-match", read.headers["etag"].as_str())];
    let changed = world.ask_with("PATCH", "/v1/me", Some(&ana.session), &body, &fresh).await.expect(200);
    assert_ne!(changed.headers["etag"], read.headers["etag"]);
    assert_eq!((changed.text("/first_name"), changed.text("/locale")), ("Anna".to_owned(), "de".to_owned()));
    for team in [&acme, &brew] {
        let shown = team.owner.get(&format!("members/{}", ana.user)).await.expect(200);
        assert_eq!(
            (shown.text("/first_name"), shown.text("/phone")),
            ("Anna".to_owned(), "+49301234567".to_owned())
        );
        assert_eq!(world.ledger().count("Event", "type", "member.profile_changed"), 2);
    }
    // nothing of it is authority: what was read before can still be written
    acme.owner.give_role(&ana, "sales_rep").await.expect(200);
    // null takes away, what is left out stays, and doing what is done tells nobody
    me(&ana, "PATCH", "", json!({"phone": null})).await.expect(200);
    me(&ana, "PATCH", "", json!({"first_name": "Anna"})).await.expect(200);
    assert_eq!(me(&ana, "GET", "", Value::Null).await.json()["user"]["phone"], Value::Null);
    assert_eq!(world.ledger().count("Event", "type", "member.profile_changed"), 4);
    me(&ana, "PATCH", "", json!({"first_name": "<b>", "email": "x@y.example"}))
        .await
        .refused(422, "validation");
    world.ledger().check();
}

#[tokio::test]
async fn a_profile_in_more_teams_than_a_transaction_holds() {
    const TEAMS: usize = 42;
    let world = World::of_many_teams().await;
    let (_, ana) = world.member_of(TEAMS, "ana@mail.example").await;
    // stopped in between: some teams show it, the profile doesn't; asked again, it goes on
    let broken = world.clone().where_things_break();
    world.wire().fail_later("sign-in", "TransactWriteItems", 1, 3, stories::Fault::ServerError);
    let body = json!({"first_name": "Anna"});
    broken.ask("PATCH", "/v1/me", Some(&ana.session), &body).await.refused(503, "unavailable");
    assert_eq!(world.ledger().count("User", "first_name", "Anna"), 0);
    let done = world.ledger().count("Member", "first_name", "Anna");
    assert!((1..TEAMS).contains(&done), "{done}");
    me(&ana, "PATCH", "", body).await.expect(200);
    assert_eq!(world.ledger().count("Member", "first_name", "Anna"), TEAMS);
    assert_eq!(world.ledger().count("Event", "type", "member.profile_changed"), TEAMS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_changes_over_one_version_one_is_told_to_read_again() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    let version = me(&team.owner, "GET", "", Value::Null).await.headers["etag"].clone();
    for order in interleavings(4, 4).into_iter().step_by(4) {
        let owner = team.owner.in_world(&set.fork().await);
        let change = |name: &'static str| {
            operation(&(owner.clone(), version.clone()), move |(owner, version)| async move {
                let headers = [("if-match", version.as_str())];
                let body = json!({"first_name": name});
                owner.world.ask_with("PATCH", "/v1/me", Some(&owner.session), &body, &headers).await
            })
        };
        let replies = race(&order, vec![change("Anna"), change("Hanna")]).await;
        let first = owner.world.wrote_first();
        let legal = [(200, 412), (412, 200)][first];
        assert_eq!((replies[0].status, replies[1].status), legal, "{order:?}");
        let name = ["Anna", "Hanna"][first];
        assert_eq!(owner.world.ledger().count("Member", "first_name", name), 1, "as the profile");
    }
}

#[tokio::test]
async fn a_link_goes_where_its_owner_said_and_not_where_somebody_typed() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let ana = team.join("Ana@mail.example", "member").await;
    ask_for_reset(&world, "aNA@mail.example").await.expect(202);
    world.settle().await;
    let sent = world.stack().mailbox().to(Some(&ana.email)).pop().unwrap();
    assert!(sent.link.unwrap().contains("/reset#") && sent.to.contains("Ana@mail.example"), "{}", sent.to);
}

#[tokio::test]
async fn who_was_removed_and_is_invited_again_gets_a_password_too() {
    let world = World::new().await;
    let (acme, brew) = (world.team("Acme").await, world.team("Brew").await);
    let ana = acme.join("ana@mail.example", "member").await;
    acme.owner.remove(&ana).await.expect(204);
    ask_for_reset(&world, &ana.email).await.expect(202);
    world.settle().await;
    assert_eq!(mails(&world, &ana.email), 1, "there is nothing to sign in to");
    let invited = brew.invite("ana@mail.example", "member").await;
    let link = invited.link().await;
    ask_for_reset(&world, &ana.email).await.expect(202);
    let first = world.reset_token(&ana.email).await;
    ask_for_reset(&world, &ana.email).await.expect(202);
    let second = world.reset_token(&ana.email).await;
    confirm(&world, &first, NEW).await.expect(204);
    link.accept_with(json!({"password": PASSWORD})).await.refused(401, "unauthenticated");
    link.accept_with(json!({"password": NEW})).await.expect(201);
    confirm(&world, &second, PASSWORD).await.refused(404, "not-found");
    // and not once the invitation is over
    let gone = acme.invite("ana@mail.example", "member").await;
    let there = Person { user: ana.user.clone(), ..brew.owner.clone() };
    brew.owner.remove(&there).await.expect(204);
    gone.link().await;
    ask_for_reset(&world, &ana.email).await.expect(202);
    let token = world.reset_token(&ana.email).await;
    acme.owner.revoke(&gone).await.expect(204);
    confirm(&world, &token, PASSWORD).await.refused(403, "access-revoked");
    world.ledger().check();
}

#[tokio::test]
async fn asking_tells_an_admin_and_a_stranger_nothing_of_who_is_invited() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@mail.example", "member").await;
    world.settle().await;
    let before = team.owner.look_at(&invited).await.expect(200);
    for _ in 0..5 {
        ask_for_reset(&world, &invited.email).await.expect(202);
    }
    world.settle().await;
    assert_eq!(mails(&world, &invited.email), 6);
    let after = team.owner.look_at(&invited).await.expect(200);
    assert_eq!((&after.headers["etag"], after.body), (&before.headers["etag"], before.body));
    // sign-ups with that address are as many as ever
    for _ in 0..5 {
        world.sign_up("Mine", &invited.email).await;
    }
}

#[tokio::test]
async fn mails_about_passwords_have_their_bounds() {
    let world = World::with([("PASSWORD_RESETS_PER_HOUR", "3")]).await;
    let team = world.team("Acme").await;
    world.settle().await;
    let begun = mails(&world, &team.owner.email);
    // ten links a day to one address, whatever the hour lets through
    for _ in 0..5 {
        for _ in 0..3 {
            ask_for_reset(&world, &team.owner.email).await.expect(202);
        }
        world.settle().await;
        world.pass(3_600);
    }
    assert_eq!(mails(&world, &team.owner.email) - begun, 10);
    // who knows the password changes it three times an hour here
    let change = |from: &str, to: &str| json!({"current_password": from, "new_password": to});
    for n in 0..3 {
        let (from, to) = if n % 2 == 0 { (PASSWORD, NEW) } else { (NEW, PASSWORD) };
        me(&team.owner, "PUT", "/password", change(from, to)).await.expect(204);
    }
    me(&team.owner, "PUT", "/password", change(NEW, PASSWORD)).await.refused(429, "rate-limited");
    // a reset is back at once, from a source that guessed wrong before too
    for _ in 0..10 {
        world.sign_in(&team.owner.email, "not this one, surely").await.refused(401, "unauthenticated");
    }
    world.sign_in(&team.owner.email, NEW).await.refused(429, "rate-limited");
    let order = json!({"operation": "send-password-reset", "email": team.owner.email, "reason": "r"});
    world.operate(order).await.unwrap();
    let token = world.reset_token(&team.owner.email).await;
    confirm(&world, &token, "a third password that is long").await.expect(204);
    world.sign_in(&team.owner.email, "a third password that is long").await.expect(201);
}

#[tokio::test]
async fn a_mail_that_was_vouched_for_opens_nothing_of_another_account() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let ana = team.join("ana@mail.example", "member").await;
    let order = json!({"operation": "send-password-reset", "email": ana.email, "to": "elsewhere@mail.example", "reason": "r"});
    // before it is sent, the password is another one
    world.operate(order.clone()).await.unwrap();
    let change = json!({"current_password": PASSWORD, "new_password": NEW});
    me(&ana, "PUT", "/password", change).await.expect(204);
    world.settle().await;
    assert_eq!(mails(&world, "elsewhere@mail.example"), 0);
    // teams of before aren't told where somebody is reached by now
    let brew = world.team("Brew").await;
    brew.invite(&ana.email, "member")
        .await
        .link()
        .await
        .accept_with(json!({"password": NEW}))
        .await
        .expect(201);
    team.owner.remove(&ana).await.expect(204);
    world.operate(order).await.unwrap();
    world.settle().await;
    assert_eq!(mails(&world, "elsewhere@mail.example"), 1);
    assert_eq!(world.ledger().count("Event", "type", "password.reset_sent"), 2);
    let told = brew.owner.get("events").await.expect(200);
    assert!(String::from_utf8_lossy(&told.body).contains("elsewhere@mail.example"));
}

#[tokio::test]
async fn a_session_too_many_makes_room_when_one_accepts_too() {
    let world = World::of_many_teams().await;
    world.member_of(14, "ana@mail.example").await;
    let ledger = world.ledger();
    let ana = ledger.all("User").iter().find(|u| u["email"]["M"]["canonical"]["S"] == "ana@mail.example");
    assert_eq!(ana.unwrap()["sessions"]["M"].as_object().unwrap().len(), 12);
    world.sign_in("ana@mail.example", PASSWORD).await.expect(201);
}

#[tokio::test]
async fn who_is_suspended_changes_nothing_in_that_team_and_nobody_does_without_end() {
    let world = World::new().await;
    let (acme, brew) = (world.team("Acme").await, world.team("Brew").await);
    let ana = acme.join("ana@mail.example", "member").await;
    let named = json!({"email": "ana@mail.example", "first_name": "Ana", "last_name": "Other", "role": "member",
        "phone": "+49301111111"});
    brew.owner.post("invitations", named).await.expect(201);
    world.link("ana@mail.example").await.accept().await.expect(201);
    acme.owner.suspend(&ana).await.expect(200);
    // only what is asked for: the number that one team knows isn't told the other, nor taken away
    me(&ana, "PATCH", "", json!({"first_name": "Anna"})).await.expect(200);
    let shown = brew.owner.get(&format!("members/{}", ana.user)).await.expect(200);
    assert_eq!(
        (shown.text("/first_name"), shown.text("/last_name")),
        ("Anna".to_owned(), "Other".to_owned())
    );
    assert_eq!(shown.text("/phone"), "+49301111111");
    assert_eq!(acme.owner.get(&format!("members/{}", ana.user)).await.text("/first_name"), "Ina");
    for n in 1..20 {
        let name = if n % 2 == 0 { "Anna" } else { "Hanna" };
        me(&ana, "PATCH", "", json!({"first_name": name})).await.expect(200);
    }
    me(&ana, "PATCH", "", json!({"first_name": "Anne"})).await.refused(429, "rate-limited");
    world.ledger().check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_against_the_change_of_the_password() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    ask_for_reset(&set, &team.owner.email).await.expect(202);
    let token = set.reset_token(&team.owner.email).await;
    // every eleventh of them: orders has them all
    for order in interleavings(6, 6).into_iter().step_by(23) {
        let world = set.fork().await;
        let email = team.owner.email.clone();
        let sign_in = operation(&(world.clone(), email.clone()), |(world, email)| async move {
            world.sign_in(&email, PASSWORD).await
        });
        let reset = operation(&(world.clone(), token.clone()), |(world, token)| async move {
            confirm(&world, &token, NEW).await
        });
        let replies = race(&order, vec![sign_in, reset]).await;
        replies[1].clone().expect(204);
        // whoever proved the old password has no session once it is another one
        assert_eq!(replies[0].status, [201, 401][world.wrote_first()], "{order:?}");
        if replies[0].status == 201 {
            let session = replies[0].text("/session/token");
            world.ask("GET", "/v1/me", Some(&session), &Value::Null).await.refused(401, "unauthenticated");
        } else {
            replies[0].clone().refused(401, "unauthenticated");
        }
        world.sign_in(&email, NEW).await.expect(201);
    }
}
