//! Another address to sign in with: proven by a link to the new one, told to the old one, taken back from there.

use local::Reply;
use serde_json::{Value, json};
use stories::{Fault, PASSWORD, Person, ReplyExt as _, World, interleavings, operation, race};
use tokio::sync::OnceCell;

const NEW: &str = "a quite different long password";
const LATER: &str = "ana.new@mail.example";

async fn ask(person: &Person, email: &str) -> Reply {
    ask_with(person, email, PASSWORD).await
}

async fn ask_with(person: &Person, email: &str, password: &str) -> Reply {
    let body = json!({"email": email, "password": password});
    person.world.ask("POST", "/v1/me/email", Some(&person.session), &body).await
}

async fn follow(world: &World, verb: &str, token: &str) -> Reply {
    world.ask("POST", &format!("/v1/email-changes/{verb}"), None, &json!({"token": token})).await
}

/// Asks, and follows the link.
async fn change(person: &Person, email: &str) -> Reply {
    ask(person, email).await.expect(202);
    let token = person.world.email_token(email, "confirm").await;
    follow(&person.world, "confirm", &token).await
}

fn mails(world: &World, email: &str) -> usize {
    world.stack().mailbox().to(Some(email)).len()
}

fn signed_in(world: &World, session: &str) -> impl Future<Output = Reply> {
    let (world, session) = (world.clone(), session.to_owned());
    async move { world.ask("GET", "/v1/me", Some(&session), &Value::Null).await }
}

#[tokio::test]
async fn a_new_address_is_proven_by_its_link_and_told_to_the_old_one() {
    let world = World::new().await;
    let (acme, brew) = (world.team("Acme").await, world.team("Brew").await);
    let ana = acme.join("ana@mail.example", "member").await;
    brew.join("ana@mail.example", "admin").await;
    ask(&ana, "Ana.New@mail.example").await.expect(202);
    let token = world.email_token("Ana.New@mail.example", "confirm").await;
    // asking changes nothing
    world.sign_in(LATER, PASSWORD).await.refused(401, "unauthenticated");
    let known = world.sign_in(&ana.email, PASSWORD).await.expect(201).text("/session/token");
    let told = mails(&world, &ana.email);
    let done = follow(&world, "confirm", &token).await.expect(200);
    assert_eq!(done.text("/email"), "Ana.New@mail.example");
    world.sign_in(&ana.email, PASSWORD).await.refused(401, "unauthenticated");
    world.sign_in(LATER, PASSWORD).await.expect(201);
    for session in [&ana.session, &known] {
        let me = signed_in(&world, session).await.expect(200);
        assert_eq!(me.text("/user/email"), "Ana.New@mail.example");
    }
    for team in [&acme, &brew] {
        let shown = team.owner.get(&format!("members/{}", ana.user)).await.expect(200);
        assert_eq!(shown.text("/email"), "Ana.New@mail.example");
        // the new one is theirs here, the old one is free
        team.owner.invite(LATER, "member").await.refused(409, "already-member");
    }
    acme.owner.invite(&ana.email, "member").await.expect(201);
    let events = acme.owner.get("events").await.expect(200).json();
    let moved =
        events["items"].as_array().unwrap().iter().find(|e| e["type"] == "member.email_changed").unwrap();
    assert_eq!(
        moved["details"],
        json!({"email_before": "ana@mail.example", "email": "Ana.New@mail.example"})
    );
    assert_eq!(moved["actor"], json!({"kind": "user", "id": ana.user}));
    // once
    follow(&world, "confirm", &token).await.refused(404, "not-found");
    world.settle().await;
    let sent = world.stack().mailbox().to(Some(&ana.email));
    assert_eq!(sent.len(), told + 2, "the notice, and the invitation");
    let notice = sent.iter().find(|mail| mail.text.contains("was changed from")).unwrap();
    assert!(notice.link.as_ref().unwrap().starts_with("https://team.example.com/email#undo."));
    // what was read of them before isn't written over
    acme.owner.give_role(&ana, "sales_rep").await.expect(200);
    acme.owner.remove(&ana).await.expect(204);
    acme.owner.invite(LATER, "member").await.expect(201);
    world.ledger().check();
}

#[tokio::test]
async fn a_session_alone_is_no_way_to_another_address() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let refused = ask_with(&team.owner, LATER, NEW).await.refused(422, "validation");
    assert_eq!(refused.text("/errors/0/pointer"), "/password");
    let refused = ask(&team.owner, &team.owner.email.to_uppercase()).await.refused(422, "validation");
    assert_eq!(refused.text("/errors/0/pointer"), "/email");
    for _ in 0..9 {
        ask_with(&team.owner, LATER, NEW).await.refused(422, "validation");
    }
    ask(&team.owner, LATER).await.refused(429, "rate-limited");
    world.pass(900);
    // five an hour
    for n in 0..5 {
        ask(&team.owner, &format!("owner{n}@acme.example")).await.expect(202);
    }
    ask(&team.owner, LATER).await.refused(429, "rate-limited");
    world.ask("POST", "/v1/me/email", None, &json!({"email": LATER, "password": PASSWORD})).await.expect(401);
    // whom the operator took the address from has none to change
    let ana = team.join("ana@mail.example", "member").await;
    team.owner.remove(&ana).await.expect(204);
    let order = json!({"operation": "release-email", "email": ana.email, "reason": "r"});
    world.operate(order).await.unwrap();
    ask(&ana, "elsewhere@mail.example").await.refused(403, "access-revoked");
}

#[tokio::test]
async fn no_stranger_alone_keeps_a_person_from_a_link_to_their_own_address() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let mallory = team.join("mallory@mail.example", "member").await;
    let ana = team.join("ana@mail.example", "member").await;
    let rest = team.join("rest@mail.example", "member").await;
    // five a day of one person, however they are spread over hours
    for _ in 0..5 {
        ask(&mallory, LATER).await.expect(202);
    }
    world.settle().await;
    world.pass(3_600);
    ask(&mallory, LATER).await.refused(429, "rate-limited");
    ask(&mallory, "another@mail.example").await.expect(202);
    // whoever it belongs to still gets theirs
    change(&ana, LATER).await.expect(200);
    for _ in 0..4 {
        ask(&rest, LATER).await.expect(202);
    }
    // and ten a day the address, whoever asks
    ask(&rest, LATER).await.refused(429, "rate-limited");
    ask(&team.owner, LATER).await.refused(429, "rate-limited");
    world.settle().await;
    // those that were asked for once it was somebody's aren't sent
    assert_eq!(mails(&world, LATER), 6);
    world.pass(86_400);
    ask(&mallory, LATER).await.expect(202);
}

#[tokio::test]
async fn a_password_that_is_the_new_address_is_changed_first() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let body = json!({"current_password": PASSWORD, "new_password": LATER});
    world.ask("PUT", "/v1/me/password", Some(&team.owner.session), &body).await.expect(204);
    let refused = ask_with(&team.owner, LATER, LATER).await.refused(422, "validation");
    assert_eq!(refused.text("/errors/0/pointer"), "/email");
    ask_with(&team.owner, "other@mail.example", LATER).await.expect(202);
}

#[tokio::test]
async fn nobody_is_told_whose_an_address_is() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let ana = team.join("ana@mail.example", "member").await;
    let ben = team.join("ben@mail.example", "member").await;
    world.settle().await;
    let so_far = mails(&world, &ben.email);
    let taken = ask(&ana, &ben.email).await.expect(202);
    assert_eq!(taken.body, ask(&ana, LATER).await.expect(202).body);
    world.settle().await;
    assert_eq!((mails(&world, &ben.email), mails(&world, LATER)), (so_far, 1));
    // one that takes no mail gets none
    world.stack().feedback(LATER, "bounce", "gone").await.unwrap();
    ask(&ana, LATER).await.expect(202);
    world.settle().await;
    assert_eq!(mails(&world, LATER), 1);
}

#[tokio::test]
async fn an_address_that_is_taken_meanwhile_is_in_use() {
    let world = World::new().await;
    let (acme, brew) = (world.team("Acme").await, world.team("Brew").await);
    let ana = acme.join("ana@mail.example", "member").await;
    ask(&ana, LATER).await.expect(202);
    let token = world.email_token(LATER, "confirm").await;
    // invited where they are: they would be there twice
    let here = acme.invite(LATER, "member").await;
    follow(&world, "confirm", &token).await.refused(409, "email-in-use");
    // invited elsewhere, and taken back here
    acme.owner.revoke(&here).await.expect(204);
    let there = brew.invite(LATER, "member").await.link().await;
    follow(&world, "confirm", &token).await.expect(200);
    // that invitation is theirs by now, and nothing of their account is overwritten
    there.accept_with(json!({"password": NEW})).await.refused(401, "unauthenticated");
    there.accept().await.expect(201);
    // somebody else's account
    let ben = acme.join("ben@mail.example", "member").await;
    ask(&ben, "ben.new@mail.example").await.expect(202);
    let token = world.email_token("ben.new@mail.example", "confirm").await;
    brew.join("ben.new@mail.example", "member").await;
    follow(&world, "confirm", &token).await.refused(409, "email-in-use");
    world.sign_in(&ben.email, PASSWORD).await.expect(201);
    world.ledger().check();
}

#[tokio::test]
async fn an_invitation_of_a_closed_team_stands_in_nobodys_way() {
    let world = World::new().await;
    let (acme, brew) = (world.team("Acme").await, world.team("Brew").await);
    let ana = acme.join("ana@mail.example", "member").await;
    brew.join(&ana.email, "member").await;
    let closed = acme.invite(LATER, "member").await.link().await;
    let open = brew.invite(LATER, "member").await;
    ask(&ana, LATER).await.expect(202);
    let token = world.email_token(LATER, "confirm").await;
    follow(&world, "confirm", &token).await.refused(409, "email-in-use");
    acme.owner.post("close", json!({ "password": PASSWORD })).await.expect(200);
    // one that can be accepted still does, and nothing gave way for it
    follow(&world, "confirm", &token).await.refused(409, "email-in-use");
    assert_eq!(world.ledger().count("Event", "type", "invitation.revoked"), 0);
    brew.owner.revoke(&open).await.expect(204);
    follow(&world, "confirm", &token).await.expect(200);
    closed.preview().await.refused(410, "invitation-revoked");
    world.ledger().check();
    // opened again, the team has them at their new address
    let reopen = json!({"operation": "reopen-tenant", "tenant": acme.tenant, "reason": "r"});
    world.operate(reopen).await.unwrap();
    let events = acme.owner.get("events").await.expect(200).json();
    let revoked =
        events["items"].as_array().unwrap().iter().find(|e| e["type"] == "invitation.revoked").unwrap();
    assert_eq!(revoked["actor"], json!({"kind": "system"}));
    acme.owner.invite(LATER, "member").await.refused(409, "already-member");
    world.ledger().check();
}

#[tokio::test]
async fn an_expired_invitation_gives_way_to_a_new_address() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let ana = team.join("ana@mail.example", "member").await;
    let gone = team.invite(LATER, "member").await;
    let link = gone.link().await;
    world.pass(7 * 86_400);
    change(&ana, LATER).await.expect(200);
    // it never comes back (R10), and its seat is free
    link.renew().await.refused(410, "invitation-revoked");
    team.owner
        .post(&format!("invitations/{}/resend", gone.id), Value::Null)
        .await
        .refused(409, "already-member");
    world.ledger().check();
}

#[tokio::test]
async fn a_link_to_a_new_address_dies_with_its_hour_and_with_what_it_was_asked_for() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let ana = team.join("ana@mail.example", "member").await;
    let link = async |email: &str| {
        ask(&ana, email).await.expect(202);
        world.email_token(email, "confirm").await
    };
    let late = link(LATER).await;
    world.pass(3_600);
    follow(&world, "confirm", &late).await.refused(404, "not-found");
    // another address by now
    let (first, second) = (link("one@mail.example").await, link("two@mail.example").await);
    follow(&world, "confirm", &first).await.expect(200);
    follow(&world, "confirm", &second).await.refused(404, "not-found");
    // and back: a link is good once
    ask(&ana, "ana@mail.example").await.expect(202);
    let back = world.email_token("ana@mail.example", "confirm").await;
    follow(&world, "confirm", &back).await.expect(200);
    follow(&world, "confirm", &first).await.refused(404, "not-found");
    // nor does one live again that died with the address, within its hour
    follow(&world, "confirm", &second).await.refused(404, "not-found");
    // another password by now, asked for and not sent, and sent
    world.pass(3_600);
    let sent = link("three@mail.example").await;
    ask(&ana, "four@mail.example").await.expect(202);
    let body = json!({"current_password": PASSWORD, "new_password": NEW});
    world.ask("PUT", "/v1/me/password", Some(&ana.session), &body).await.expect(204);
    follow(&world, "confirm", &sent).await.refused(404, "not-found");
    world.settle().await;
    assert_eq!(mails(&world, "four@mail.example"), 0);
    // another kind of link opens nothing here
    let team_link = team.invite("else@mail.example", "member").await.link().await;
    for token in [team_link.token.as_str(), "nothing", ""] {
        follow(&world, "confirm", token).await.refused(404, "not-found");
        follow(&world, "undo", token).await.refused(404, "not-found");
    }
    world.ledger().check();
}

#[tokio::test]
async fn the_old_address_takes_itself_back_from_whoever_moved_the_account() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let ana = team.join("ana@mail.example", "admin").await;
    // whoever found the session and the password
    change(&ana, "thief@evil.example").await.expect(200);
    let undo = world.email_token(&ana.email, "undo").await;
    let body = json!({"current_password": PASSWORD, "new_password": NEW});
    world.ask("PUT", "/v1/me/password", Some(&ana.session), &body).await.expect(204);
    ask_with(&ana, "further@evil.example", NEW).await.expect(202);
    let further = world.email_token("further@evil.example", "confirm").await;
    world.ask("POST", "/v1/password-resets", None, &json!({"email": "thief@evil.example"})).await.expect(202);
    let reset = world.reset_token("thief@evil.example").await;
    // and invites the old address, so that it is in use
    team.owner.invite(&ana.email, "member").await.expect(201);
    let known = world.sign_in("thief@evil.example", NEW).await.expect(201).text("/session/token");

    let done = follow(&world, "undo", &undo).await.expect(200);
    assert_eq!(done.text("/email"), "ana@mail.example");
    for session in [&ana.session, &known] {
        signed_in(&world, session).await.refused(401, "unauthenticated");
    }
    for (email, password) in [(ana.email.as_str(), NEW), (&ana.email, PASSWORD), ("thief@evil.example", NEW)]
    {
        world.sign_in(email, password).await.refused(401, "unauthenticated");
    }
    follow(&world, "confirm", &further).await.refused(404, "not-found");
    follow(&world, "undo", &undo).await.refused(404, "not-found");
    let late = json!({"token": reset, "password": "the thief's third password"});
    world.ask("POST", "/v1/password-resets/confirm", None, &late).await.refused(404, "not-found");
    // the link to choose a password is there without being asked for
    let token = world.reset_token(&ana.email).await;
    let body = json!({"token": token, "password": "a password for a new beginning"});
    world.ask("POST", "/v1/password-resets/confirm", None, &body).await.expect(204);
    world.sign_in(&ana.email, "a password for a new beginning").await.expect(201);
    let left = world.stack().mailbox().to(Some("thief@evil.example")).pop().unwrap();
    assert!(left.text.contains("was changed from") && left.link.is_none(), "{}", left.text);
    let shown = team.owner.get(&format!("members/{}", ana.user)).await.expect(200);
    assert_eq!(shown.text("/email"), "ana@mail.example");
    // the trail tells one from the other
    assert_eq!(undone(&team).await, [None, Some("true".to_owned())]);
    world.ledger().check();
}

#[tokio::test]
async fn what_came_to_an_account_while_it_was_away_ends_when_its_address_is_taken_back() {
    let world = World::new().await;
    let (acme, brew, cask) = (world.team("Acme").await, world.team("Brew").await, world.team("Cask").await);
    let dale = world.team("Dale").await;
    let ana = acme.join("ana@mail.example", "member").await;
    change(&ana, "thief@evil.example").await.expect(200);
    let undo = world.email_token(&ana.email, "undo").await;
    world.pass(1);
    let thief = brew.join("thief@evil.example", "admin").await;
    assert_eq!(thief.user, ana.user);
    // switched off, its seat free already
    dale.owner.suspend(&dale.join("thief@evil.example", "member").await).await.expect(200);
    // a team that was handed over: it has no other owner
    let owns = cask.join("thief@evil.example", "admin").await;
    let transfer = json!({"to": owns.user, "password": PASSWORD});
    cask.owner.post("transfer", transfer).await.expect(200);
    follow(&world, "undo", &undo).await.expect(200);
    for team in [&brew, &dale] {
        let ended = team.owner.get(&format!("members/{}", ana.user)).await.expect(200);
        assert_eq!(ended.text("/status"), "revoked");
        assert_eq!(team.owner.get("").await.json()["seats"]["used"], 1);
        let told = team.owner.get("events").await.expect(200).json();
        let ended = told["items"].as_array().unwrap().iter().find(|e| e["type"] == "member.revoked").unwrap();
        assert_eq!(ended["actor"], json!({"kind": "system"}));
        assert_eq!(ended["details"]["email"], "thief@evil.example");
        assert!(undone(team).await.is_empty());
    }
    let token = world.reset_token(&ana.email).await;
    let body = json!({"token": token, "password": NEW});
    world.ask("POST", "/v1/password-resets/confirm", None, &body).await.expect(204);
    let session = world.sign_in(&ana.email, NEW).await.expect(201).text("/session/token");
    let ana = Person { session, ..ana };
    for team in [&brew, &dale] {
        ana.inside(&team.tenant).get("").await.refused(403, "access-revoked");
    }
    ana.get("").await.expect(200);
    let own = ana.inside(&cask.tenant).get("members/me").await.expect(200);
    assert_eq!((own.text("/role"), own.text("/email")), ("owner".to_owned(), ana.email.clone()));
    // whoever has that mailbox is somebody else there, and ana can be invited as herself
    let other = brew.join("thief@evil.example", "member").await;
    assert_ne!(other.user, ana.user);
    brew.owner.invite(&ana.email, "member").await.expect(201);
    world.ledger().check();
}

#[tokio::test]
async fn more_memberships_than_a_transaction_reaches_end_before_an_address_is_taken_back() {
    const TEAMS: usize = 22;
    let world = World::of_many_teams().await;
    let acme = world.team("Acme").await;
    let ana = acme.join("ana@mail.example", "member").await;
    change(&ana, "thief@evil.example").await.expect(200);
    let undo = world.email_token(&ana.email, "undo").await;
    world.pass(1);
    world.member_of(TEAMS, "thief@evil.example").await;
    // stopped when some of them have ended: the link goes on
    let broken = world.clone().where_things_break();
    world.wire().fail_later("sign-in", "TransactWriteItems", 1, 3, Fault::ServerError);
    follow(&broken, "undo", &undo).await.refused(503, "unavailable");
    assert_eq!(world.ledger().count("Event", "type", "member.revoked"), 20);
    world.sign_in("thief@evil.example", PASSWORD).await.expect(201);
    world.ledger().check();
    follow(&world, "undo", &undo).await.expect(200);
    assert_eq!(world.ledger().count("Event", "type", "member.revoked"), TEAMS);
    world.sign_in("thief@evil.example", PASSWORD).await.refused(401, "unauthenticated");
    let shown = acme.owner.get(&format!("members/{}", ana.user)).await.expect(200);
    assert_eq!((shown.text("/status"), shown.text("/email")), ("active".to_owned(), ana.email));
    world.ledger().check();
}

/// What the trail says of changes of addresses: whether each was an undoing.
async fn undone(team: &stories::Team) -> Vec<Option<String>> {
    let told = team.owner.get("events?limit=100").await.expect(200).json();
    let told = told["items"].as_array().unwrap().iter().filter(|e| e["type"] == "member.email_changed");
    let mut told: Vec<_> = told.map(|e| e["details"]["undone"].as_str().map(str::to_owned)).collect();
    told.sort();
    told
}

#[tokio::test]
async fn an_old_address_is_taken_back_for_seven_days_with_all_that_followed() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let ana = team.join("ana@mail.example", "member").await;
    let undo = async |email: &str| world.email_token(email, "undo").await;
    change(&ana, "one@mail.example").await.expect(200);
    let to_ana = undo("ana@mail.example").await;
    change(&ana, "two@mail.example").await.expect(200);
    let to_one = undo("one@mail.example").await;
    world.pass(7 * 86_400 - 1);
    follow(&world, "undo", &to_ana).await.expect(200);
    // what came after is undone with it, and none of it can be taken again
    follow(&world, "undo", &to_one).await.refused(404, "not-found");
    world.settle().await;
    let token = world.reset_token("ana@mail.example").await;
    let body = json!({"token": token, "password": PASSWORD});
    world.ask("POST", "/v1/password-resets/confirm", None, &body).await.expect(204);
    let session = world.sign_in("ana@mail.example", PASSWORD).await.expect(201).text("/session/token");
    let ana = Person { session, ..ana };
    // too late
    change(&ana, "three@mail.example").await.expect(200);
    let late = undo("ana@mail.example").await;
    world.pass(7 * 86_400);
    follow(&world, "undo", &late).await.refused(404, "not-found");
    // who goes back by themselves leaves nothing to be undone either
    change(&ana, "four@mail.example").await.expect(200);
    let kept = undo("three@mail.example").await;
    change(&ana, "five@mail.example").await.expect(200);
    let dead = undo("four@mail.example").await;
    change(&ana, "four@mail.example").await.expect(200);
    world.settle().await;
    let told = world.stack().mailbox().to(Some("five@mail.example")).pop().unwrap();
    assert!(told.text.contains("was changed from") && told.link.is_none(), "{}", told.text);
    follow(&world, "undo", &dead).await.refused(404, "not-found");
    follow(&world, "undo", &kept).await.expect(200);
    world.ledger().check();
}

#[tokio::test]
async fn no_link_back_is_pushed_out_by_later_changes() {
    let world = World::with([("PASSWORD_RESETS_PER_HOUR", "50")]).await;
    let team = world.team("Acme").await;
    let ana = team.join("ana@mail.example", "member").await;
    change(&ana, "n0@mail.example").await.expect(200);
    let undo = world.email_token("ana@mail.example", "undo").await;
    for n in 1..10 {
        change(&ana, &format!("n{n}@mail.example")).await.expect(200);
    }
    let refused = change(&ana, "n10@mail.example").await.refused(429, "rate-limited");
    assert!(refused.headers["retry-after"].parse::<u64>().unwrap() > 6 * 86_400);
    follow(&world, "undo", &undo).await.expect(200);
}

#[tokio::test]
async fn an_old_address_that_is_somebodys_by_now_stays_theirs() {
    let world = World::new().await;
    let (acme, brew) = (world.team("Acme").await, world.team("Brew").await);
    let ana = acme.join("ana@mail.example", "member").await;
    change(&ana, LATER).await.expect(200);
    let undo = world.email_token("ana@mail.example", "undo").await;
    let other = brew.join("ana@mail.example", "member").await;
    assert_ne!(other.user, ana.user);
    follow(&world, "undo", &undo).await.refused(409, "email-in-use");
    // nor does it take an address away that the operator released
    let order = json!({"operation": "release-email", "email": LATER, "reason": "r"});
    acme.owner.remove(&ana).await.expect(204);
    world.operate(order).await.unwrap();
    brew.owner.remove(&other).await.expect(204);
    let order = json!({"operation": "release-email", "email": "ana@mail.example", "reason": "r"});
    world.operate(order).await.unwrap();
    follow(&world, "undo", &undo).await.refused(404, "not-found");
    world.ledger().check();
}

#[tokio::test]
async fn a_change_of_address_is_repeated_under_its_key() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let ana = team.join("ana@mail.example", "member").await;
    let key = [("idempotency-key", "k")];
    let body = json!({"email": LATER, "password": PASSWORD});
    for _ in 0..2 {
        world.ask_with("POST", "/v1/me/email", Some(&ana.session), &body, &key).await.expect(202);
    }
    world.settle().await;
    assert_eq!(mails(&world, LATER), 1);
    let other = json!({"email": "other@mail.example", "password": PASSWORD});
    let mismatch = world.ask_with("POST", "/v1/me/email", Some(&ana.session), &other, &key).await;
    mismatch.refused(422, "idempotency-mismatch");
    for verb in ["confirm", "undo"] {
        let to = if verb == "confirm" { LATER } else { "ana@mail.example" };
        let token = json!({"token": world.email_token(to, verb).await});
        let path = format!("/v1/email-changes/{verb}");
        let first = world.ask_with("POST", &path, None, &token, &key).await.expect(200);
        assert_eq!(first.body, world.ask_with("POST", &path, None, &token, &key).await.expect(200).body);
    }
    assert_eq!(world.ledger().count("Event", "type", "member.email_changed"), 2);
}

#[tokio::test]
async fn a_new_address_in_more_teams_than_a_transaction_reaches() {
    const TEAMS: usize = 23;
    let world = World::of_many_teams().await;
    let (teams, ana) = world.member_of(TEAMS, "ana@mail.example").await;
    ask(&ana, LATER).await.expect(202);
    let token = world.email_token(LATER, "confirm").await;
    // stopped before the account moves: it is as it was, and the link goes on
    let broken = world.clone().where_things_break();
    world.wire().fail_later("sign-in", "TransactWriteItems", 1, 3, Fault::ServerError);
    follow(&broken, "confirm", &token).await.refused(503, "unavailable");
    world.sign_in(LATER, PASSWORD).await.refused(401, "unauthenticated");
    world.sign_in(&ana.email, PASSWORD).await.expect(201);
    assert_eq!(world.ledger().count("Event", "type", "member.email_changed"), 0);
    follow(&world, "confirm", &token).await.expect(200);
    world.sign_in(LATER, PASSWORD).await.expect(201);
    assert_eq!(world.ledger().count("Event", "type", "member.email_changed"), 20);
    // a team that doesn't show it yet, however long: nobody takes it there, and the member isn't lost
    world.pass(600);
    let mut behind = None;
    for team in &teams {
        team.owner.invite(LATER, "member").await.refused(409, "already-member");
        if shown(team, &ana).await == "ana@mail.example" {
            behind = Some(team);
        }
    }
    let behind = behind.unwrap();
    behind.owner.remove(&ana).await.refused(409, "conflict");
    world.settle().await;
    for team in &teams {
        assert_eq!(shown(team, &ana).await, LATER);
    }
    assert_eq!(world.ledger().count("Event", "type", "member.email_changed"), TEAMS);
    // an undoing is told as one in all of them
    let undo = world.email_token("ana@mail.example", "undo").await;
    follow(&world, "undo", &undo).await.expect(200);
    world.settle().await;
    for team in &teams {
        assert_eq!(shown(team, &ana).await, "ana@mail.example");
        assert_eq!(undone(team).await, [None, Some("true".to_owned())]);
    }
    behind.owner.remove(&ana).await.expect(204);
    behind.owner.invite("ana@mail.example", "member").await.expect(201);
    behind.owner.invite(LATER, "member").await.expect(201);
    world.ledger().check();
}

/// How a team shows the address of one of its members.
async fn shown(team: &stories::Team, member: &Person) -> String {
    team.owner.get(&format!("members/{}", member.user)).await.expect(200).text("/email")
}

#[tokio::test]
async fn an_address_that_was_held_for_a_move_is_the_members_own_once_the_team_shows_it() {
    const THIRD: &str = "ana.third@mail.example";
    let (world, teams, ana) = in_a_team_too_many().await;
    change(&ana, LATER).await.expect(200);
    // the last team follows
    world.settle().await;
    for team in &teams {
        assert_eq!(shown(team, &ana).await, LATER);
    }
    // longer than any hold lasts
    world.pass(300);
    change(&ana, THIRD).await.expect(200);
    // nobody signs in with that address any more, and the team that doesn't follow at once has its member by it
    let mut behind = Vec::new();
    for team in &teams {
        if shown(team, &ana).await == LATER {
            behind.push(team);
        }
    }
    let [behind] = behind.as_slice() else { panic!("{} teams are behind", behind.len()) };
    behind.owner.invite(LATER, "member").await.refused(409, "already-member");
    world.settle().await;
    assert_eq!(shown(behind, &ana).await, THIRD);
    behind.owner.invite(LATER, "member").await.expect(201);
    world.ledger().check();
}

/// A copy of a world that is made once: somebody in one team more than a transaction reaches.
async fn in_a_team_too_many() -> (World, Vec<stories::Team>, Person) {
    static SET: OnceCell<(World, Vec<stories::Team>, Person)> = OnceCell::const_new();
    let set = async || {
        let world = World::of_many_teams().await;
        let (teams, ana) = world.member_of(21, "ana@mail.example").await;
        (world, teams, ana)
    };
    let (set, teams, ana) = SET.get_or_init(set).await;
    let world = set.fork().await;
    let teams = teams.iter().map(|team| team.in_world(&world)).collect();
    let ana = ana.in_world(&world);
    (world, teams, ana)
}

/// The same, whose move to [`LATER`] was stopped before the account moved: the link, the team in which the address is held for
/// them, and who they are.
async fn stopped_halfway() -> (World, String, stories::Team, Person) {
    let (world, teams, ana) = in_a_team_too_many().await;
    ask(&ana, LATER).await.expect(202);
    let token = world.email_token(LATER, "confirm").await;
    world.wire().fail_later("sign-in", "TransactWriteItems", 1, 3, Fault::ServerError);
    follow(&world.clone().where_things_break(), "confirm", &token).await.refused(503, "unavailable");
    let ledger = world.ledger();
    let held =
        ledger.all("Invitee").iter().find(|i| i["sk"]["S"] == format!("INVITEE#{LATER}").as_str()).unwrap();
    let tenant = held["pk"]["S"].as_str().unwrap().trim_start_matches("TENANT#");
    let team = teams.into_iter().find(|team| team.tenant == tenant).unwrap();
    (world, token, team, ana)
}

#[tokio::test]
async fn an_address_that_is_held_for_a_move_that_nobody_finishes_is_free_after_a_while() {
    const HELD: u64 = 300;
    let (world, token, team, _) = stopped_halfway().await;
    let ben = team.join("ben@mail.example", "member").await;
    ask(&ben, LATER).await.expect(202);
    let bens = world.email_token(LATER, "confirm").await;
    world.pass(HELD - 1);
    team.owner.invite(LATER, "member").await.refused(409, "already-member");
    follow(&world, "confirm", &bens).await.refused(409, "email-in-use");
    world.pass(1);
    // whoever comes first: somebody else of the team
    let other = world.fork().await;
    follow(&other, "confirm", &bens).await.expect(200);
    follow(&other, "confirm", &token).await.refused(409, "email-in-use");
    other.ledger().check();
    // somebody who is invited, until they aren't any more
    let invited = team.invite(LATER, "member").await;
    world.ledger().check();
    follow(&world, "confirm", &token).await.refused(409, "email-in-use");
    team.owner.revoke(&invited).await.expect(204);
    follow(&world, "confirm", &token).await.expect(200);
    world.settle().await;
    world.ledger().check();
}

#[tokio::test]
async fn an_address_that_is_held_for_somebody_who_was_removed_is_free_though_it_is_theirs_by_now() {
    let (world, token, team, ana) = stopped_halfway().await;
    team.owner.remove(&ana).await.expect(204);
    // they go on elsewhere, and what was held for them here is left
    follow(&world, "confirm", &token).await.expect(200);
    world.sign_in(LATER, PASSWORD).await.expect(201);
    world.pass(299);
    team.owner.invite(LATER, "member").await.refused(409, "already-member");
    world.pass(1);
    let back = team.join(LATER, "member").await;
    assert_eq!(back.user, ana.user);
    world.settle().await;
    world.ledger().check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_goes_on_against_an_invitation_that_takes_its_hold() {
    let (set, token, team, _) = stopped_halfway().await;
    set.pass(300);
    for order in interleavings(2, 5) {
        let world = set.fork().await;
        let invite =
            operation(
                &team.owner.in_world(&world),
                |owner| async move { owner.invite(LATER, "member").await },
            );
        let confirm = operation(&(world.clone(), token.clone()), |(world, token)| async move {
            follow(&world, "confirm", &token).await
        });
        let replies = race(&order, vec![invite, confirm]).await;
        let legal = [(201, 409), (409, 200)][world.wrote_first()];
        assert_eq!((replies[0].status, replies[1].status), legal, "{order:?}");
        world.settle().await;
        world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_goes_on_against_a_review_that_ends_the_membership() {
    let (set, token, team, ana) = stopped_halfway().await;
    let review = team.owner.post("access-reviews", Value::Null).await.expect(201).text("/id");
    // the whole move between what the review reads and what it writes, and the review first
    for (calls, legal) in [(1, 409), (2, 200)] {
        let order: Vec<usize> = [vec![0; calls], vec![1; 12], vec![0; 12]].concat();
        let world = set.fork().await;
        let path = format!("access-reviews/{review}/members/{}", ana.user);
        let decide = operation(&team.owner.in_world(&world), |owner| async move {
            owner.put(&path, json!({"decision": "revoked", "reason": "gone"})).await
        });
        let confirm = operation(&(world.clone(), token.clone()), |(world, token)| async move {
            follow(&world, "confirm", &token).await
        });
        let replies = race(&order, vec![decide, confirm]).await;
        // until the team shows where they are by now, nobody ends it there
        assert_eq!((replies[0].status, replies[1].status), (legal, 200), "{order:?}");
        world.settle().await;
        // who was out before has an address held there for a while longer
        if legal == 409 {
            world.ledger().check();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_address_against_what_else_happens_to_the_account() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    let ana = team.join("ana@mail.example", "member").await;
    let ben = team.join("ben@mail.example", "member").await;
    ask(&ana, LATER).await.expect(202);
    let token = set.email_token(LATER, "confirm").await;
    ask(&ben, LATER).await.expect(202);
    let bens = set.email_token(LATER, "confirm").await;
    // somebody of another team, and somebody who is invited there
    let brew = set.team("Brew").await;
    brew.join(&ana.email, "member").await;
    let cleo = brew.join("cleo@mail.example", "member").await;
    ask(&cleo, LATER).await.expect(202);
    let cleos = set.email_token(LATER, "confirm").await;
    // and somebody with whom they share no team that would have to hold the address
    let dan = set.team("Chai").await.join("dan@mail.example", "member").await;
    ask(&dan, LATER).await.expect(202);
    let dans = set.email_token(LATER, "confirm").await;
    let confirm = |world: &World, token: &str| {
        operation(&(world.clone(), token.to_owned()), |(world, token)| async move {
            follow(&world, "confirm", &token).await
        })
    };
    for order in interleavings(5, 5).into_iter().step_by(31) {
        // twice at once
        let world = set.fork().await;
        let replies = race(&order, vec![confirm(&world, &token), confirm(&world, &token)]).await;
        let legal = [(200, 404), (404, 200)][world.wrote_first()];
        assert_eq!((replies[0].status, replies[1].status), legal, "{order:?}");
        world.ledger().check();

        // two people and one address
        for others in [&bens, &cleos, &dans] {
            let world = set.fork().await;
            let replies = race(&order, vec![confirm(&world, &token), confirm(&world, others)]).await;
            let legal = [(200, 409), (409, 200)][world.wrote_first()];
            assert_eq!((replies[0].status, replies[1].status), legal, "{order:?}");
            world.ledger().check();
        }

        // removed meanwhile
        let world = set.fork().await;
        let owner = team.owner.in_world(&world);
        let remove = operation(&(owner, ana.clone()), |(owner, ana)| async move { owner.remove(&ana).await });
        let replies = race(&order, vec![confirm(&world, &token), remove]).await;
        assert_eq!((replies[0].status, replies[1].status), (200, 204), "{order:?}");
        let owner = team.owner.in_world(&world);
        owner.invite(LATER, "member").await.expect(201);
        owner.invite("ana@mail.example", "member").await.expect(201);
        world.ledger().check();

        // invited meanwhile in the one team or the other
        for owner in [&team.owner, &brew.owner] {
            let world = set.fork().await;
            let owner = owner.in_world(&world);
            let invite = operation(&owner, |owner| async move { owner.invite(LATER, "member").await });
            let replies = race(&order, vec![confirm(&world, &token), invite]).await;
            let legal = [(200, 409), (409, 201)][world.wrote_first()];
            assert_eq!((replies[0].status, replies[1].status), legal, "{order:?}");
            world.ledger().check();
        }

        // another password meanwhile
        let world = set.fork().await;
        let ana = ana.in_world(&world);
        let password = operation(&ana, |ana| async move {
            let body = json!({"current_password": PASSWORD, "new_password": NEW});
            ana.world.ask("PUT", "/v1/me/password", Some(&ana.session), &body).await
        });
        let replies = race(&order, vec![confirm(&world, &token), password]).await;
        replies[1].clone().expect(204);
        let first = replies[0].status == 200;
        assert!(first || replies[0].status == 404, "{order:?}: {}", replies[0].status);
        let email = if first { LATER } else { "ana@mail.example" };
        world.sign_in(email, NEW).await.expect(201);
        world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_taken_back_against_what_the_thief_does() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    let ana = team.join("ana@mail.example", "member").await;
    change(&ana, "thief@evil.example").await.expect(200);
    let undo = set.email_token("ana@mail.example", "undo").await;
    ask(&ana, "further@evil.example").await.expect(202);
    let further = set.email_token("further@evil.example", "confirm").await;
    let back = |world: &World| {
        operation(&(world.clone(), undo.clone()), |(world, token)| async move {
            follow(&world, "undo", &token).await
        })
    };
    for order in interleavings(5, 5).into_iter().step_by(31) {
        let world = set.fork().await;
        let sign_in =
            operation(&world, |world| async move { world.sign_in("thief@evil.example", PASSWORD).await });
        let replies = race(&order, vec![back(&world), sign_in]).await;
        replies[0].clone().expect(200);
        if replies[1].status == 201 {
            let session = replies[1].text("/session/token");
            signed_in(&world, &session).await.refused(401, "unauthenticated");
        } else {
            replies[1].clone().refused(401, "unauthenticated");
        }
        world.ledger().check();

        // further away, and back all the same
        let world = set.fork().await;
        let on = operation(&(world.clone(), further.clone()), |(world, token)| async move {
            follow(&world, "confirm", &token).await
        });
        let replies = race(&order, vec![back(&world), on]).await;
        replies[0].clone().expect(200);
        assert!([200, 404].contains(&replies[1].status), "{order:?}");
        world.sign_in("further@evil.example", PASSWORD).await.refused(401, "unauthenticated");
        let shown = team.owner.in_world(&world).get(&format!("members/{}", ana.user)).await.expect(200);
        assert_eq!(shown.text("/email"), "ana@mail.example");
        world.ledger().check();
    }
}
