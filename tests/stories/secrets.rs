//! Where secrets are, and where they never are (G8).

use serde_json::{Value, json};
use stories::{PASSWORD, ReplyExt, World, logged, logs_since};

#[tokio::test]
async fn no_token_password_or_session_is_anywhere_that_it_does_not_belong() {
    let begun = logged();
    let world = World::with([("ADDRESS_MAILS_PER_DAY", "50")]).await;
    let team = world.team("Acme").await;
    let mut tokens = Vec::new();
    let mut sessions = vec![team.owner.session.clone()];
    let mut passwords = vec![PASSWORD.to_owned()];

    // the whole life, right and wrong
    for (n, verb) in ["accept", "decline", "accept", "preview"].into_iter().enumerate() {
        let email = format!("person{n}@acme.example");
        let invited = team.invite(&email, "member").await;
        tokens.push(invited.token().await);
        team.owner.resend(&invited).await.expect(200);
        let token = invited.token().await;
        tokens.push(token.clone());
        let password = format!("a password of number {n} that nobody else has");
        passwords.push(password.clone());
        let body = if verb == "accept" {
            json!({"token": token, "password": password})
        } else {
            json!({ "token": token })
        };
        let headers = [("idempotency-key", "a key of one's own")];
        let path = format!("/v1/invitations/{verb}");
        let reply = world.ask_with("POST", &path, None, &body, &headers).await;
        if verb == "accept" {
            sessions.push(reply.expect(201).text("/session/token"));
            world.ask_with("POST", &path, None, &body, &headers).await.expect(201);
            let signed_in = world.sign_in(&email, &password).await.expect(201);
            sessions.push(signed_in.text("/session/token"));
        }
        let wrong = format!("a wrong password number {n}");
        world.sign_in(&email, &wrong).await;
        world
            .invitation("accept", json!({"token": token, "password": wrong, "x": 1}))
            .await
            .refused(422, "validation");
        world
            .invitation("accept", json!({"token": token, "password": wrong, "first_name": "<"}))
            .await
            .refused(422, "validation");
        passwords.push(wrong);
    }
    world.pass(8 * 86_400);
    for token in &tokens {
        world.invitation("accept", json!({"token": token, "password": PASSWORD})).await;
        world.invitation("renew", json!({ "token": token })).await;
    }
    world.settle().await;
    world.stack().sweep().await.unwrap();
    for session in &sessions {
        world.ask("GET", "/v1/me", Some(session), &Value::Null).await.expect(200);
    }

    let items = serde_json::to_string(&world.stack().items().unwrap()).unwrap();
    let published = serde_json::to_string(&world.stack().published()).unwrap();
    let wire: String =
        world.wire().take_sent().into_iter().filter(|s| !s.is_of_ses()).map(|s| s.body).collect();
    let log = logs_since(begun);
    let answers: Vec<String> =
        world.seen().iter().map(|r| String::from_utf8_lossy(&r.body).into_owned()).collect();
    let headers: String = world.seen().iter().flat_map(|r| r.headers.values().cloned()).collect();
    assert!(
        log.contains("\"request\"")
            && [&items, &published].iter().all(|text| text.contains("invitation.accepted")),
        "there is something to look through"
    );

    let secret_of = |session: &String| session.split_once('.').unwrap().1.to_owned();
    let never = tokens.iter().cloned().chain(passwords.clone()).chain(sessions.iter().map(secret_of));
    for secret in never {
        for (place, text) in [
            ("an item", &items),
            ("what is published", &published),
            ("the log", &log),
            ("a call to the table", &wire),
            ("a header", &headers),
        ] {
            assert!(!text.contains(&secret), "a secret in {place}: {secret}");
        }
    }
    // an answer holds a session's token once, where it is opened, and nothing else that is secret
    for secret in tokens.iter().chain(&passwords) {
        assert!(answers.iter().all(|answer| !answer.contains(secret)), "{secret}");
    }
    for session in &sessions {
        assert_eq!(answers.iter().filter(|answer| answer.contains(session)).count(), 1);
    }
    // the mail holds its own token and no other
    for mail in world.stack().mailbox().to(None) {
        let token = mail.link.clone().unwrap().split_once('#').unwrap().1.to_owned();
        assert!(
            tokens.iter().filter(|t| **t != token).all(|t| !mail.html.contains(t) && !mail.text.contains(t))
        );
        assert!(!mail.tags.to_string().contains(&token));
    }
}

#[tokio::test]
async fn the_pages_load_nothing_from_elsewhere_and_can_be_framed_by_nobody() {
    let world = World::new().await;
    for path in [
        "/accept",
        "/reset",
        "/email",
        "/assets/accept.js",
        "/assets/reset.js",
        "/assets/email.js",
        "/assets/common.js",
        "/assets/style.css",
    ] {
        let reply = world.ask("GET", path, None, &Value::Null).await.expect(200);
        let policy = &reply.headers["content-security-policy"];
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert_eq!(reply.headers["referrer-policy"], "no-referrer");
        assert_eq!(reply.headers["x-content-type-options"], "nosniff");
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        assert!(!text.contains("http://") && !text.contains("https://"), "{path}");
        assert!(!text.contains("innerHTML") && !text.contains("<script>"), "{path}");
    }
}
