//! The main job, end to end.

use serde_json::{Value, json};
use stories::{PASSWORD, ReplyExt, World};

#[tokio::test]
async fn a_whole_team_lives_its_life() {
    let world = World::new().await;

    // an organization signs up: nobody owns anything before the link was opened
    let tenant = world.sign_up("Acme", "olive@acme.example").await;
    world.sign_in("olive@acme.example", PASSWORD).await.refused(401, "unauthenticated");
    let link = world.link("olive@acme.example").await;
    let preview = link.preview().await.expect(200);
    assert_eq!(preview.text("/tenant/name"), "Acme");
    assert_eq!(preview.json()["existing_user"], false);
    let accepted = link.accept().await.expect(201);
    assert_eq!(accepted.text("/member/role"), "owner");
    let olive = stories::Person {
        world: world.clone(),
        tenant: tenant.clone(),
        email: "olive@acme.example".into(),
        user: accepted.text("/member/user_id"),
        session: accepted.text("/session/token"),
    };
    assert_eq!(olive.get("").await.expect(200).text("/status"), "active");

    // she makes two brands and invites Ben for one of them
    let sage = olive.create_brand("Sage").await.expect(201).text("/id");
    let bloom = olive.create_brand("Bloom").await.expect(201).text("/id");
    let body = json!({
        "email": "Ben@Acme.Example", "first_name": "Ben", "last_name": "Bright", "phone": "+14155550123",
        "role": "member", "brands": [sage], "expires_in_days": 3, "locale": "en",
    });
    let invited = olive.post("invitations", body).await.expect(201);
    assert_eq!(
        invited.headers["location"],
        format!("/v1/tenants/{tenant}/invitations/{}", invited.text("/id"))
    );
    assert_eq!(invited.text("/email"), "Ben@Acme.Example");
    assert_eq!(invited.text("/delivery/state"), "queued");
    world.settle().await;
    let read = olive.get(&format!("invitations/{}", invited.text("/id"))).await.expect(200);
    assert_eq!(read.text("/delivery/state"), "sent");

    // the mail says who invites to what, until when, and which address was meant
    let mail = world.stack().mailbox().to(Some("Ben@acme.example")).pop().unwrap();
    assert_eq!(mail.subject, "You are invited to a team");
    assert!(mail.text.contains("Olive Owner invites you to join Acme as a member."), "{}", mail.text);
    assert!(mail.text.contains("25 November 2026, 09:00 UTC"), "{}", mail.text);
    let says = |body: &str| body.replace('\u{2060}', "").contains("This mail was sent to Ben@Acme.Example.");
    assert!(says(&mail.text) && says(&mail.html), "{}", mail.text);

    // he accepts, and can do exactly what he was given
    let link = world.link("Ben@acme.example").await;
    let body = json!({"token": link, "password": PASSWORD, "first_name": "Benjamin"});
    let accepted = world.invitation("accept", body).await.expect(201);
    assert_eq!(accepted.text("/member/first_name"), "Benjamin");
    assert_eq!(accepted.text("/member/phone"), "+14155550123");
    let ben = stories::Person {
        email: "ben@acme.example".into(),
        user: accepted.text("/member/user_id"),
        session: accepted.text("/session/token"),
        ..olive.clone()
    };
    let allowed = |permission: &'static str, brand: Value| {
        let ben = ben.clone();
        async move {
            let reply =
                ben.post("check", json!({"permission": permission, "brand": brand})).await.expect(200);
            reply.json()["allowed"] == true
        }
    };
    assert!(allowed("coa.upload", json!(sage)).await);
    assert!(!allowed("coa.upload", json!(bloom)).await);
    assert!(!allowed("members.invite", Value::Null).await);
    let brands = ben.get("brands").await.expect(200);
    assert_eq!(brands.json()["items"].as_array().unwrap().len(), 1);
    ben.invite("eve@acme.example", "member").await.refused(403, "forbidden");

    // a role and brands are assigned
    let role = olive.give_role(&ben, "sales_rep").await.expect(200);
    assert_eq!(role.text("/role"), "sales_rep");
    assert!(!allowed("coa.upload", json!(sage)).await, "sales reps upload nothing");
    olive.assign_brand(&ben, &bloom).await.expect(200);
    assert!(allowed("retailers.message", json!(bloom)).await);
    olive.unassign_brand(&ben, &sage).await.expect(200);
    assert!(!allowed("retailers.message", json!(sage)).await);
    olive.assign_brands(&ben, json!("all")).await.expect(200);
    assert!(allowed("retailers.message", json!(sage)).await);

    // another one's invitation is sent again, and the old link dies
    let team = stories::Team { world: world.clone(), tenant: tenant.clone(), owner: olive.clone() };
    let cleo = team.invite("cleo@acme.example", "partner").await;
    let old = cleo.link().await;
    olive.resend(&cleo).await.expect(200);
    let new = cleo.link().await;
    assert_ne!(old.token, new.token);
    old.preview().await.refused(410, "invitation-revoked");
    let accepted = cleo.accept().await;

    // a third one's is taken back
    let dan = team.invite("dan@acme.example", "admin").await;
    let link = dan.link().await;
    olive.revoke(&dan).await.expect(204);
    link.accept().await.refused(410, "invitation-revoked");

    // a fourth one's expires, and a fresh link can be asked for
    let eve = team.invite("eve@acme.example", "member").await;
    let link = eve.link().await;
    world.pass(7 * 86_400);
    let body = json!({"token": link, "password": PASSWORD});
    let expired = world.invitation("accept", body).await.refused(410, "invitation-expired");
    assert_eq!(expired.json()["actions"][0]["rel"], "renew");
    link.renew().await.expect(202);
    eve.accept().await;

    // somebody leaves: suspended, back again, then gone for good
    olive.suspend(&accepted).await.expect(200);
    accepted.get("").await.refused(403, "access-revoked");
    olive.reinstate(&accepted).await.expect(200);
    accepted.get("").await.expect(200);
    world.pass(1);
    olive.remove(&accepted).await.expect(204);
    accepted.get("").await.refused(403, "access-revoked");

    // all of it is in the audit trail, newest first
    let events = olive.get("events?limit=100").await.expect(200).json();
    let kinds: Vec<&str> =
        events["items"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap()).collect();
    assert_eq!(kinds.first(), Some(&"member.revoked"));
    for kind in [
        "tenant.created",
        "brand.created",
        "invitation.created",
        "invitation.accepted",
        "invitation.resent",
        "invitation.revoked",
        "invitation.renewed",
        "member.role_changed",
        "member.brands_changed",
        "member.suspended",
        "member.reinstated",
    ] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    world.ledger().check();
}

#[tokio::test]
async fn a_removed_person_can_only_come_back_by_a_new_invitation_and_with_nothing_of_the_old_access() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let sage = team.brand("Sage").await;
    let ana = team.join("ana@acme.example", "member").await;
    team.owner.assign_brands(&ana, json!([sage])).await.expect(200);
    team.owner.remove(&ana).await.expect(204);
    team.owner.remove(&ana).await.expect(204);
    team.owner.reinstate(&ana).await.refused(404, "not-found");
    world.ledger().check();

    let back = team.join("ana@acme.example", "partner").await;
    assert_eq!(back.user, ana.user, "one person, one user");
    let member = team.owner.get(&format!("members/{}", back.user)).await.expect(200).json();
    assert_eq!((&member["role"], &member["brands"]), (&json!("partner"), &json!([])));
    // the old session belongs to the person, and the person is a partner now
    assert!(!ana.may("products.write").await);
    world.ledger().check();
}

#[tokio::test]
async fn one_person_in_two_tenants_has_one_password_and_two_memberships() {
    let world = World::new().await;
    let (acme, brew) = (world.team("Acme").await, world.team("Brew").await);
    let ana = acme.join("ana@mail.example", "member").await;
    let invited = brew.invite("ANA@mail.example", "admin").await;
    let link = invited.world.link("ANA@mail.example").await;
    let preview = link.preview().await.expect(200);
    assert_eq!(preview.json()["existing_user"], true);

    // the link alone is not enough: the mailbox's owner proves to be the user, and nothing of the user changes
    let wrong = json!({"token": link, "password": "some other password of hers", "first_name": "Mallory"});
    world.invitation("accept", wrong).await.refused(401, "unauthenticated");
    let hash = |world: &World| {
        world.ledger().all("Credential").iter().map(|c| c["password_hash"].to_string()).collect::<Vec<_>>()
    };
    let before = hash(&world);
    let right = json!({"token": link, "password": PASSWORD, "first_name": "Anabel"});
    let accepted = world.invitation("accept", right).await.expect(201);
    assert_eq!(accepted.text("/member/user_id"), ana.user);
    assert_eq!(before, hash(&world), "no password was overwritten");

    let me = world.ask("GET", "/v1/me", Some(&ana.session), &Value::Null).await.expect(200).json();
    assert_eq!(me["memberships"].as_array().unwrap().len(), 2);
    assert_eq!(me["user"]["first_name"], "Ina", "the profile is as it was");
    let signed_in = world.sign_in("ana@mail.example", PASSWORD).await.expect(201).json();
    assert_eq!(signed_in["memberships"].as_array().unwrap().len(), 2);

    // removed from one, still in the other
    acme.owner.remove(&ana).await.expect(204);
    let signed_in = world.sign_in("ana@mail.example", PASSWORD).await.expect(201).json();
    assert_eq!(signed_in["memberships"].as_array().unwrap().len(), 1);
    ana.get("").await.refused(403, "access-revoked");
    ana.inside(&brew.tenant).get("").await.expect(200);
    world.ledger().check();
}

#[tokio::test]
async fn an_exclusive_tenant_shares_no_address() {
    let world = World::with([("EMAIL_POLICY", "exclusive")]).await;
    let (acme, brew) = (world.team("Acme").await, world.team("Brew").await);
    let first = brew.invite("ana@mail.example", "member").await;
    let link = first.link().await;
    let ana = acme.join("ana@mail.example", "member").await;
    // invited before she joined the other one: found out at the acceptance
    link.accept().await.refused(409, "email-in-use");
    brew.owner.revoke(&first).await.expect(204);
    brew.owner.invite("ana@mail.example", "member").await.refused(409, "email-in-use");
    // free again once she is gone
    acme.owner.remove(&ana).await.expect(204);
    brew.join("ana@mail.example", "member").await;
    world.ledger().check();
}
