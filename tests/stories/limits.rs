//! Counted where the work is done, before anything expensive, and told with `Retry-After`.

use serde_json::{Value, json};
use stories::{PASSWORD, ReplyExt, World};

#[tokio::test]
async fn an_address_gets_five_emails_a_day_over_all_tenants() {
    let world = World::new().await;
    for n in 0..5 {
        world.sign_up(&format!("Acme {n}"), "victim@mail.example").await;
    }
    let team = world.team("Brew").await;
    let refused = team.owner.invite("victim@mail.example", "member").await.refused(429, "rate-limited");
    let wait: u64 = refused.headers["retry-after"].parse().unwrap();
    assert!((1..=86_400).contains(&wait));
    assert_eq!(team.owner.get("").await.json()["seats"]["used"], 1, "nothing was reserved");
    let body = json!({"name": "X", "email": "Victim@mail.example", "first_name": "X", "last_name": "X"});
    world.ask("POST", "/v1/tenants", None, &body).await.refused(429, "rate-limited");
    world.pass(wait);
    team.owner.invite("victim@mail.example", "member").await.expect(201);
    world.settle().await;
    assert_eq!(world.stack().mailbox().to(Some("victim@mail.example")).len(), 6);
    world.ledger().check();
}

#[tokio::test]
async fn an_inviter_and_a_tenant_have_their_limits() {
    let world = World::with([("INVITATIONS_PER_HOUR", "3"), ("TENANT_MAILS_PER_DAY", "6")]).await;
    let team = world.team("Acme").await;
    let adam = team.join("adam@acme.example", "admin").await;
    for n in 0..2 {
        team.invite(&format!("o{n}@acme.example"), "member").await;
    }
    team.owner.invite("o2@acme.example", "member").await.refused(429, "rate-limited");
    // another inviter has an hour of his own, the tenant's day is everybody's
    adam.invite("a0@acme.example", "member").await.expect(201);
    adam.invite("a1@acme.example", "member").await.expect(201);
    let refused = adam.invite("a2@acme.example", "member").await.refused(429, "rate-limited");
    assert!(refused.text("/detail").contains("emails of this team"), "{}", refused.text("/detail"));
    world.pass(86_400);
    adam.invite("a2@acme.example", "member").await.expect(201);
    world.ledger().check();
}

#[tokio::test]
async fn an_invitation_is_sent_again_three_times_in_ten_minutes() {
    let world = World::with([("ADDRESS_MAILS_PER_DAY", "20")]).await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    let path = format!("invitations/{}/resend", invited.id);
    for _ in 0..3 {
        team.owner.post(&path, Value::Null).await.expect(200);
    }
    team.owner.post(&path, Value::Null).await.refused(429, "rate-limited");
    world.pass(600);
    team.owner.post(&path, Value::Null).await.expect(200);
    world.settle().await;
    assert_eq!(world.stack().mailbox().to(Some("ana@acme.example")).len(), 1, "the newest link only");
}

#[tokio::test]
async fn ten_failed_sign_ins_and_an_address_waits_whether_or_not_anybody_has_it() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    for email in [team.owner.email.as_str(), "nobody@acme.example"] {
        for _ in 0..10 {
            world.sign_in(email, "not the password at all").await.refused(401, "unauthenticated");
        }
        let refused = world.sign_in(email, PASSWORD).await.refused(429, "rate-limited");
        assert!(refused.headers.contains_key("retry-after"));
    }
    world.pass(900);
    world.sign_in(&team.owner.email, PASSWORD).await.expect(201);
}

#[tokio::test]
async fn a_sign_in_that_succeeds_forgets_the_failed_ones() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    for _ in 0..3 {
        for _ in 0..9 {
            world.sign_in(&team.owner.email, "not the password at all").await.refused(401, "unauthenticated");
        }
        world.sign_in(&team.owner.email, PASSWORD).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_guesses_count_each_for_itself() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let guesses: Vec<_> = (0..30)
        .map(|n| {
            let (world, email) = (world.clone(), team.owner.email.clone());
            tokio::spawn(
                async move { world.sign_in(&email, &format!("guess number {n} of many")).await.status },
            )
        })
        .collect();
    let mut judged = 0;
    for guess in guesses {
        judged += usize::from(guess.await.unwrap() == 401);
    }
    assert_eq!(judged, 10);
}

#[tokio::test]
async fn where_sign_up_is_closed_only_the_operator_makes_tenants() {
    let world = World::with([("OPEN_SIGN_UP", "false")]).await;
    let body = json!({"name": "Acme", "email": "o@acme.example", "first_name": "O", "last_name": "O"});
    world.ask("POST", "/v1/tenants", None, &body).await.refused(403, "forbidden");
    assert!(world.stack().items().unwrap().is_empty());
}
