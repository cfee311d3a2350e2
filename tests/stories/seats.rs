//! What a plan counts.

use serde_json::{Value, json};
use stories::{ReplyExt, World};

#[tokio::test]
async fn an_invitation_reserves_the_seat_that_its_acceptance_keeps() {
    let world = World::with([("NEW_TENANT_SEATS", "2")]).await;
    let team = world.team("Acme").await;
    let ana = team.invite("ana@acme.example", "member").await;
    team.owner.invite("ben@acme.example", "member").await.refused(402, "seats-exhausted");
    let ana = ana.accept().await;
    team.owner.invite("ben@acme.example", "member").await.refused(402, "seats-exhausted");
    // suspending frees the seat; coming back takes one
    team.owner.suspend(&ana).await.expect(200);
    let ben = team.invite("ben@acme.example", "member").await;
    team.owner.reinstate(&ana).await.refused(402, "seats-exhausted");
    team.owner.revoke(&ben).await.expect(204);
    team.owner.reinstate(&ana).await.expect(200);
    world.ledger().check();
    // removing a suspended member frees nothing twice
    team.owner.suspend(&ana).await.expect(200);
    team.owner.remove(&ana).await.expect(204);
    assert_eq!(team.owner.get("").await.json()["seats"], json!({"limit": 2, "used": 1}));
    world.ledger().check();
}

#[tokio::test]
async fn a_full_plan_takes_back_the_seats_of_expired_invitations_first() {
    let world = World::with([("NEW_TENANT_SEATS", "3")]).await;
    let team = world.team("Acme").await;
    for name in ["ana", "ben"] {
        let email = format!("{name}@acme.example");
        let body = json!({"email": email, "first_name": "N", "last_name": "N", "expires_in_days": 1});
        team.owner.post("invitations", body).await.expect(201);
    }
    team.owner.invite("cleo@acme.example", "member").await.refused(402, "seats-exhausted");
    world.pass(86_400);
    // nothing was swept: the clock alone says that two seats are free
    team.owner.invite("cleo@acme.example", "member").await.expect(201);
    team.owner.invite("dan@acme.example", "member").await.expect(201);
    team.owner.invite("eve@acme.example", "member").await.refused(402, "seats-exhausted");
    assert_eq!(world.ledger().count("Event", "type", "invitation.expired"), 2);
    world.ledger().check();
}

#[tokio::test]
async fn an_expired_invitation_gives_way_to_a_new_one_for_the_same_address() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let first = team.invite("ana@acme.example", "member").await;
    let old = first.link().await;
    let pending = team.owner.invite("Ana@ACME.example", "admin").await.refused(409, "invitation-pending");
    assert_eq!(pending.json()["existing"], json!({"id": first.id, "status": "pending"}));
    assert_eq!(pending.json()["actions"][0]["rel"], "resend");
    world.pass(7 * 86_400);
    let second = team.invite("ana@acme.example", "partner").await;
    assert_ne!(first.id, second.id);
    old.preview().await.refused(410, "invitation-revoked");
    // the old one can't be sent again while the new one holds the address
    team.owner.resend(&first).await.refused(409, "invitation-pending");
    world.ledger().check();
    second.accept().await;
    team.owner.resend(&first).await.refused(409, "already-member");
    world.ledger().check();
}

#[tokio::test]
async fn the_sweeper_tidies_up_once_however_often_it_is_told() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    invited.link().await;
    world.pass(7 * 86_400 + 60);
    world.stack().sweep().await.unwrap();
    world.ledger().check();
    assert_eq!(world.ledger().count("Event", "type", "invitation.expired"), 1);
    // the very records once more: a mapping delivers at least once
    let token = json!({"eventName": "REMOVE", "eventID": "1",
        "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
        "dynamodb": {"SequenceNumber": "1", "OldImage": {
            "entity": {"S": "Token"}, "tenant_id": {"S": invited.tenant}, "invitation_id": {"S": invited.id},
            "generation": {"N": "1"}, "expires_at": {"S": "2026-11-29T09:00:00.000Z"}}}});
    for _ in 0..2 {
        let event = serde_json::to_vec(&json!({"Records": [token, token]})).unwrap();
        let report = world.stack().invoke("expire", event, String::new()).await.unwrap();
        assert_eq!(report, br#"{"batchItemFailures":[]}"#);
    }
    assert_eq!(world.ledger().count("Event", "type", "invitation.expired"), 1);
    world.ledger().check();
}

#[tokio::test]
async fn a_token_swept_early_or_of_an_older_generation_expires_nothing() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    invited.link().await;
    world.pass(6 * 86_400);
    let owner =
        world.sign_in("owner@acme.example", stories::PASSWORD).await.expect(201).text("/session/token");
    let path = format!("/v1/tenants/{}/invitations/{}/resend", team.tenant, invited.id);
    world.ask("POST", &path, Some(&owner), &Value::Null).await.expect(200);
    world.settle().await;
    world.pass(2 * 86_400);
    assert_eq!(world.ledger().all("Token").len(), 3);
    world.stack().sweep().await.unwrap();
    assert_eq!(world.ledger().all("Token").len(), 1, "the second generation's");
    assert_eq!(world.ledger().count("Invitation", "status", "pending"), 1);
    invited.accept().await;
    world.ledger().check();
}
