//! The emailed link.

use serde_json::{Value, json};
use stories::{Link, PASSWORD, ReplyExt, World, operation, race};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_accepts_racing_for_one_token_make_one_member() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let link = team.invite("ana@acme.example", "member").await.link().await;
    let racers = (0..8).map(|_| {
        let link = link.clone();
        tokio::spawn(async move { link.accept().await })
    });
    let mut replies = Vec::new();
    for racer in racers.collect::<Vec<_>>() {
        replies.push(racer.await.unwrap());
    }
    let winners = replies.iter().filter(|r| r.status == 201).count();
    assert_eq!(winners, 1);
    for loser in replies.into_iter().filter(|r| r.status != 201) {
        loser.refused(410, "invitation-accepted");
    }
    assert_eq!(world.ledger().all("Member").len(), 2);
    world.ledger().check();
}

#[tokio::test]
async fn a_used_link_says_so_and_does_nothing() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    let link = invited.link().await;
    invited.accept().await;
    link.accept().await.refused(410, "invitation-accepted");
    for verb in ["preview", "decline", "renew"] {
        world.invitation(verb, json!({ "token": link })).await.refused(410, "invitation-accepted");
    }
    world.ledger().check();
}

#[tokio::test]
async fn a_link_is_refused_from_its_very_second_on_with_the_sweeper_off() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let (ana, ben) =
        (team.invite("ana@acme.example", "member").await, team.invite("ben@acme.example", "member").await);
    let (ana_token, ben_token) = (ana.link().await, ben.link().await);
    world.pass(7 * 86_400 - 1);
    ana_token.accept().await.expect(201);
    world.pass(1);
    let late = json!({"token": ben_token, "password": PASSWORD});
    world.invitation("accept", late.clone()).await.refused(410, "invitation-expired");
    ben_token.preview().await.refused(410, "invitation-expired");
    world.ledger().check();

    // swept or not, the link is told from a forged one, and renewable for thirty days
    world.pass(1);
    world.stack().sweep().await.unwrap();
    assert_eq!(world.ledger().all("Token").len(), 0);
    world.invitation("accept", late).await.refused(410, "invitation-expired");
    world.ledger().check();
    world.pass(30 * 86_400);
    let over = ben_token.renew().await.refused(410, "invitation-expired");
    assert_eq!(over.json()["actions"], json!([]), "nothing to renew any more");
}

#[tokio::test]
async fn an_expired_invitation_can_be_turned_down_and_nobody_is_mailed_about_it_again() {
    let world = World::with([("SESSION_DAYS", "365")]).await;
    let team = world.team("Acme").await;
    for (email, sweep) in [("ana@acme.example", false), ("ben@acme.example", true)] {
        let invited = team.invite(email, "member").await;
        let link = invited.link().await;
        world.pass(7 * 86_400);
        if sweep {
            world.stack().sweep().await.unwrap();
        }
        link.decline().await.expect(204);
        link.decline().await.refused(410, "invitation-declined");
        link.renew().await.refused(410, "invitation-declined");
        team.owner.resend(&invited).await.refused(410, "invitation-declined");
        assert_eq!(team.owner.look_at(&invited).await.text("/status"), "declined");
        assert_eq!(team.owner.get("").await.json()["seats"]["used"], 1);
        world.settle().await;
        assert_eq!(world.stack().mailbox().to(Some(email)).len(), 1);
        world.ledger().check();
    }
    // one that a newer followed is over, and nothing of the newer one is turned down with it
    let older = team.invite("cleo@acme.example", "member").await.link().await;
    world.pass(7 * 86_400);
    let newer = team.invite("cleo@acme.example", "member").await;
    older.decline().await.refused(410, "invitation-revoked");
    newer.accept().await;
    world.ledger().check();
}

#[tokio::test]
async fn a_link_whose_time_ends_while_it_is_accepted_is_not_accepted() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let link = team.invite("ana@acme.example", "member").await.link().await;
    let later = {
        let (world, owner) = (world.clone(), team.owner.clone());
        async move {
            let reply = owner.post("check", json!({"permission": "tenant.read"})).await;
            world.pass(7 * 86_400);
            reply
        }
    };
    // the link was followed in time; its time ends before the acceptance is written
    let operations = vec![operation(&link, async |link: Link| link.accept().await), Box::pin(later) as _];
    let replies = race(&[0, 1], operations).await;
    replies[0].clone().refused(410, "invitation-expired");
    assert_eq!(world.ledger().all("Member").len(), 1);
    world.ledger().check();
}

#[tokio::test]
async fn what_may_pass_is_not_answered_as_over() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let adam = team.join("adam@acme.example", "admin").await;
    adam.invite("ana@acme.example", "member").await.expect(201);
    let link = world.link("ana@acme.example").await;
    let verbs = ["preview", "accept"];
    let on_hold = async |words: &str| {
        for verb in verbs {
            let mut body = json!({ "token": link });
            if verb == "accept" {
                body["password"] = json!(PASSWORD);
            }
            let reply = world.invitation(verb, body).await.refused(409, "invitation-on-hold");
            assert!(reply.text("/detail").contains(words), "{}", reply.text("/detail"));
        }
    };
    let suspend = |suspended: bool| {
        let order = json!({"operation": "suspend-tenant", "tenant": team.tenant, "suspended": suspended, "reason": "r"});
        let world = world.clone();
        async move { world.operate(order).await.unwrap() }
    };
    suspend(true).await;
    on_hold("the team's account is suspended at the moment").await;
    // its owner is not told to ask its owner, nor an admin
    for words in [
        team.owner.get("members").await.refused(403, "forbidden").text("/detail"),
        world.sign_in(&team.owner.email, PASSWORD).await.refused(403, "access-revoked").text("/detail"),
    ] {
        assert!(words.contains("ask the platform's operator"), "{words}");
        assert!(!words.contains("ask its owner") && !words.contains("ask an admin"), "{words}");
    }
    suspend(false).await;
    team.owner.suspend(&adam).await.expect(200);
    on_hold("who invited you is suspended at the moment").await;
    // an expired link waits as well
    world.pass(7 * 86_400);
    link.renew().await.refused(409, "invitation-on-hold");
    team.owner.reinstate(&adam).await.expect(200);
    link.renew().await.expect(202);
    let fresh = world.link("ana@acme.example").await;
    team.owner.suspend(&adam).await.expect(200);
    // whoever is suspended and could not give it anyway has lost it for good
    team.owner.give_role(&adam, "sales_rep").await.expect(200);
    fresh.preview().await.refused(410, "invitation-revoked");
    world.ledger().check();
}

#[tokio::test]
async fn every_changed_bit_of_a_token_opens_nothing() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let token = team.invite("ana@acme.example", "member").await.token().await;
    let unknown =
        world.invitation("preview", json!({"token": "x".repeat(86)})).await.refused(404, "not-found");
    for at in 0..token.len() {
        let mut forged = token.clone().into_bytes();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let body = json!({"token": String::from_utf8(forged).unwrap(), "password": PASSWORD});
        let reply = world.invitation("accept", body).await.refused(404, "not-found");
        assert_eq!(reply.text("/detail"), unknown.text("/detail"));
    }
    for never in [json!(null), json!(""), json!("short"), json!(format!("{token}=")), json!("*".repeat(86))] {
        let body = json!({"token": never, "password": PASSWORD});
        world.invitation("accept", body).await.refused(404, "not-found");
    }
    // neither another kind of secret nor an invitation's id is a token
    world.invitation("preview", json!({"token": team.owner.session})).await.refused(404, "not-found");
    assert_eq!(world.ledger().all("Member").len(), 1);
}

#[tokio::test]
async fn scanners_that_follow_the_link_consume_nothing() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    let link = invited.link().await;
    let before = world.stack().items().unwrap();
    for _ in 0..3 {
        world.ask("GET", "/accept", None, &Value::Null).await.expect(200);
        world.ask("GET", "/assets/accept.js", None, &Value::Null).await.expect(200);
        for verb in ["preview", "accept", "decline", "renew"] {
            for method in ["GET", "HEAD"] {
                let reply = world.ask(method, &format!("/v1/invitations/{verb}"), None, &Value::Null).await;
                let reply = reply.refused(405, "method-not-allowed");
                assert_eq!(reply.headers["allow"], "POST");
            }
        }
        link.preview().await.expect(200);
    }
    assert_eq!(sorted(before), sorted(world.stack().items().unwrap()));
    invited.accept().await;
}

fn sorted(items: Vec<Value>) -> Vec<String> {
    let mut lines: Vec<String> = items.iter().map(Value::to_string).collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn declining_frees_the_seat_and_the_address() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let link = team.invite("ana@acme.example", "member").await.link().await;
    link.decline().await.expect(204);
    link.decline().await.refused(410, "invitation-declined");
    assert_eq!(team.owner.get("").await.json()["seats"]["used"], 1);
    team.join("ana@acme.example", "member").await;
    world.ledger().check();
}

#[tokio::test]
async fn a_fresh_link_goes_to_the_same_address_and_only_when_the_old_one_is_over() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    let old = invited.link().await;
    old.renew().await.refused(409, "conflict");
    world.pass(8 * 86_400);
    world.stack().sweep().await.unwrap();
    assert_eq!(world.ledger().count("Invitation", "status", "expired"), 1);
    old.renew().await.expect(202);
    world.ledger().check();
    old.preview().await.refused(410, "invitation-revoked");
    // once the newer one is minted, nothing is left of the older one, whose item was swept
    world.settle().await;
    old.preview().await.refused(404, "not-found");
    invited.accept().await;
    world.ledger().check();
}

#[tokio::test]
async fn the_inviters_rights_are_checked_when_they_are_used() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let adam = team.join("adam@acme.example", "admin").await;
    let invited = adam.invite("ana@acme.example", "admin").await.expect(201).text("/id");
    let link = world.link("ana@acme.example").await;
    // demoted: what he could give then, he can't give now
    team.owner.give_role(&adam, "member").await.expect(200);
    let body = json!({"token": link, "password": PASSWORD});
    world.invitation("accept", body.clone()).await.refused(410, "invitation-revoked");
    link.preview().await.refused(410, "invitation-revoked");
    // the owner sends it again, and is its sponsor from then on
    team.owner.post(&format!("invitations/{invited}/resend"), Value::Null).await.expect(200);
    let link = world.link("ana@acme.example").await;
    link.accept().await.expect(201);
    world.ledger().check();
}

#[tokio::test]
async fn brands_deleted_meanwhile_are_dropped_and_named() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let (sage, bloom) = (team.brand("Sage").await, team.brand("Bloom").await);
    let body = json!({
        "email": "ana@acme.example", "first_name": "Ana", "last_name": "A", "brands": [sage, bloom],
    });
    let invitation = team.owner.post("invitations", body).await.expect(201);
    assert_eq!(invitation.text("/role"), "member", "an invitation without a role is for a member");
    team.owner.delete_brand(&sage).await.expect(204);
    let link = world.link("ana@acme.example").await;
    let preview = link.preview().await.expect(200).json();
    assert_eq!(preview["brands"], json!([{"id": bloom, "name": "Bloom"}]));
    let accepted = link.accept().await.expect(201).json();
    assert_eq!(accepted["dropped_brands"], json!([sage]));
    assert_eq!(accepted["member"]["brands"], json!([bloom]));
}

#[tokio::test]
async fn a_dead_link_tells_nothing_about_the_organization() {
    let world = World::new().await;
    let team = world.team("Topsecret").await;
    let invited = team.invite("ana@acme.example", "member").await;
    let link = invited.link().await;
    team.owner.revoke(&invited).await.expect(204);
    let reply = link.preview().await.refused(410, "invitation-revoked");
    assert!(!String::from_utf8_lossy(&reply.body).contains("Topsecret"));
}

#[tokio::test]
async fn the_link_is_made_of_the_deployments_origin_whatever_a_request_says() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let body = json!({"email": "ana@acme.example", "first_name": "Ana", "last_name": "A"});
    let hostile = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("forwarded", "host=evil.example"),
        ("origin", "https://evil.example"),
    ];
    team.owner.ask_with("POST", "invitations", body, &hostile).await.expect(201);
    world.settle().await;
    let mail = world.stack().mailbox().to(Some("ana@acme.example")).pop().unwrap();
    assert!(mail.link.unwrap().starts_with("https://team.example.com/accept#"));
    assert!(!mail.html.contains("evil.example") && !mail.text.contains("evil.example"));
}
