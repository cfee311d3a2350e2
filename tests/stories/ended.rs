//! Ended is ended (R10): what was over comes back by no link, resend or renewal.

use serde_json::{Value, json};
use stories::{Invited, Link, Person, ReplyExt, Team, World};

/// A second after the end of a week.
const WEEK: u64 = 7 * 86_400 + 1;

/// Everything that an older link could be tried for.
async fn nothing_opens(link: &Link, code: &str) {
    link.renew().await.refused(410, code);
    link.preview().await.refused(410, code);
    link.accept().await.refused(410, code);
    link.decline().await.refused(410, code);
}

/// An invitation whose time is over, and its link; swept or not.
async fn expired(team: &Team, email: &str, swept: bool) -> (Invited, Link) {
    let invited = team.invite(email, "admin").await;
    let link = invited.link().await;
    team.world.pass(WEEK);
    if swept {
        team.world.stack().sweep().await.unwrap();
    }
    (invited, link)
}

#[tokio::test]
async fn an_older_link_is_dead_whatever_became_of_the_newer_invitation() {
    for swept in [false, true] {
        for end in ["pending", "removed", "revoked", "declined", "expired"] {
            let world = World::with([("SESSION_DAYS", "365")]).await;
            let team = world.team("Acme").await;
            let (first, older) = expired(&team, "ana@acme.example", swept).await;
            let second = team.invite("ana@acme.example", "partner").await;
            let newer = second.link().await;
            match end {
                "removed" => {
                    let ana = second.accept().await;
                    team.owner.remove(&ana).await.expect(204);
                }
                "revoked" => _ = team.owner.revoke(&second).await.expect(204),
                "declined" => _ = newer.decline().await.expect(204),
                "expired" => world.pass(WEEK),
                _ => {}
            }
            nothing_opens(&older, "invitation-revoked").await;
            let again = team.owner.resend(&first).await;
            match end {
                "pending" => again.refused(409, "invitation-pending"),
                _ => again.refused(410, "invitation-revoked"),
            };
            if end == "expired" {
                newer.renew().await.expect(202);
            }
            world.settle().await;
            world.ledger().check();
        }
    }
}

#[tokio::test]
async fn revoking_an_expired_invitation_revokes_it() {
    for swept in [false, true] {
        let world = World::with([("SESSION_DAYS", "365")]).await;
        let team = world.team("Acme").await;
        let (invited, link) = expired(&team, "ana@acme.example", swept).await;
        team.owner.revoke(&invited).await.expect(204);
        assert_eq!(team.owner.look_at(&invited).await.text("/status"), "revoked");
        assert_eq!(world.ledger().count("Event", "type", "invitation.revoked"), 1);
        nothing_opens(&link, "invitation-revoked").await;
        team.owner.resend(&invited).await.refused(410, "invitation-revoked");
        world.ledger().check();
        // one that a newer invitation came after is revoked without touching that one
        let (first, _) = expired(&team, "ben@acme.example", swept).await;
        let second = team.invite("ben@acme.example", "member").await;
        team.owner.revoke(&first).await.expect(204);
        second.accept().await;
        world.ledger().check();
    }
}

#[tokio::test]
async fn renewal_ends_thirty_days_after_the_expiry_that_an_admin_gave() {
    let world = World::with([("SESSION_DAYS", "365")]).await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    // at days 7, 14, 21, 28 and 35 of the 37
    for _ in 0..5 {
        let link = invited.link().await;
        world.pass(WEEK);
        link.renew().await.expect(202);
    }
    let link = invited.link().await;
    world.pass(WEEK);
    let over = link.renew().await.refused(410, "invitation-expired");
    assert_eq!(over.json()["actions"], json!([]));
    // an admin brings it back, and with it the right to renew
    team.owner.resend(&invited).await.expect(200);
    let link = invited.link().await;
    world.pass(WEEK);
    link.renew().await.expect(202);
    world.settle().await;
    world.ledger().check();
}

#[tokio::test]
async fn a_renewal_asks_for_the_sponsor_before_it_spends_a_mail_and_a_seat() {
    let world = World::with([("SESSION_DAYS", "365")]).await;
    let team = world.team("Acme").await;
    let adam = team.join("adam@acme.example", "admin").await;
    adam.invite("ana@acme.example", "member").await.expect(201);
    let link = world.link("ana@acme.example").await;
    world.pass(WEEK);
    world.stack().sweep().await.unwrap();
    team.owner.remove(&adam).await.expect(204);
    let mails = world.ledger().all("Mail").len();
    link.renew().await.refused(410, "invitation-revoked");
    assert_eq!(world.ledger().all("Mail").len(), mails);
    assert_eq!(team.owner.get("").await.json()["seats"]["used"], 1);
    world.ledger().check();
}

#[tokio::test]
async fn an_accept_that_is_repeated_opens_nothing_for_who_was_removed_and_shows_what_is_now() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let link = team.invite("ana@acme.example", "member").await.link().await;
    let accept = || async {
        let body = json!({"token": link, "password": stories::PASSWORD});
        world.ask_with("POST", "/v1/invitations/accept", None, &body, &[("idempotency-key", "k")]).await
    };
    let accepted = accept().await.expect(201);
    let ana = Person { user: accepted.text("/member/user_id"), ..team.owner.clone() };
    team.owner.give_role(&ana, "partner").await.expect(200);
    let again = accept().await.expect(201);
    assert_eq!(again.text("/member/role"), "partner");
    team.owner.suspend(&ana).await.expect(200);
    accept().await.refused(403, "access-revoked");
    team.owner.reinstate(&ana).await.expect(200);
    team.owner.remove(&ana).await.expect(204);
    let sessions = world.ledger().sessions();
    accept().await.refused(403, "access-revoked");
    assert_eq!(world.ledger().sessions(), sessions);
    world.ledger().check();
}

#[tokio::test]
async fn an_answer_is_given_again_only_while_its_asker_may_still_ask() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let adam = team.join("adam@acme.example", "admin").await;
    let body = json!({"email": "ana@acme.example", "first_name": "Ana", "last_name": "Lima"});
    let invite =
        async || adam.ask_with("POST", "invitations", body.clone(), &[("idempotency-key", "k")]).await;
    let first = invite().await.expect(201);
    assert_eq!(invite().await.expect(201).body, first.body);
    // R7, for the tenant and for the membership
    let order = |suspended: bool| json!({"operation": "suspend-tenant", "tenant": team.tenant, "suspended": suspended, "reason": "r"});
    world.operate(order(true)).await.unwrap();
    assert_eq!(invite().await.refused(403, "forbidden").text("/rule"), "R7");
    world.operate(order(false)).await.unwrap();
    assert_eq!(invite().await.expect(201).body, first.body);
    team.owner.suspend(&adam).await.expect(200);
    invite().await.refused(403, "access-revoked");
    team.owner.reinstate(&adam).await.expect(200);
    // and a session that holds
    world.ask("DELETE", "/v1/sessions/current", Some(&adam.session), &Value::Null).await.expect(204);
    invite().await.refused(401, "unauthenticated");
    assert_eq!(world.ledger().all("Invitation").len(), 3, "done once");
    world.ledger().check();
}
