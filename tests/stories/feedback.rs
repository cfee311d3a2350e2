//! What SES says of mails: in any order, twice, or about nothing of ours.

use runtime::metrics::Metric;
use serde_json::{Value, json};
use stories::{Fault, Invited, ReplyExt, Team, World};

async fn shown(team: &Team, invited: &Invited) -> (String, String) {
    let reply = team.owner.look_at(invited).await.expect(200);
    (reply.text("/delivery/state"), reply.text("/delivery/reason"))
}

#[tokio::test]
async fn an_admin_sees_what_became_of_a_mail() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    for (n, (kind, reason, state, words)) in [
        ("delivery", "", "delivered", ""),
        ("delay", "mailbox full", "delayed", "delayed: mailbox full"),
        ("bounce", "mailbox full", "bounced", "bounced: mailbox full"),
        ("bounce", "no such user", "bounced", "bounced: the recipient's server refused the address"),
        (
            "bounce",
            "suppressed",
            "suppressed",
            "the address is on the suppression list after earlier bounces",
        ),
        ("complaint", "", "complained", "the recipient marked it as spam"),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("person{n}@mail.example");
        let invited = team.invite(&email, "member").await;
        invited.link().await;
        world.stack().feedback(&email, kind, reason).await.unwrap();
        assert_eq!(shown(&team, &invited).await, (state.to_owned(), words.to_owned()));
        // all news but good news is in the audit trail
        let told = world.ledger().count("Event", "type", "invitation.undelivered");
        let bad = ["bounced", "suppressed", "complained"];
        world.stack().feedback(&email, kind, reason).await.unwrap();
        assert_eq!(world.ledger().count("Event", "type", "invitation.undelivered"), told, "once");
        assert_eq!(bad.contains(&state), told > 0 && n >= 2, "{state}");
    }
    world.ledger().check();
}

#[tokio::test]
async fn whatever_the_order_the_last_word_is_the_same() {
    let kinds = [("delay", ""), ("delivery", ""), ("bounce", "full"), ("complaint", "")];
    let mut orders: Vec<Vec<(&str, &str)>> = vec![vec![]];
    for _ in kinds {
        orders = orders
            .into_iter()
            .flat_map(|so_far| {
                let rest = kinds.into_iter().filter(|kind| !so_far.contains(kind)).collect::<Vec<_>>();
                rest.into_iter().map(move |kind| [so_far.clone(), vec![kind]].concat())
            })
            .collect();
    }
    assert_eq!(orders.len(), 24);
    let world = World::with([("INVITATIONS_PER_HOUR", "100"), ("NEW_TENANT_SEATS", "99")]).await;
    let team = world.team("Acme").await;
    for (n, order) in orders.into_iter().enumerate() {
        let email = format!("person{n}@mail.example");
        let invited = team.invite(&email, "member").await;
        invited.link().await;
        for (kind, reason) in &order {
            world.stack().feedback(&email, kind, reason).await.unwrap();
        }
        assert_eq!(shown(&team, &invited).await.0, "complained", "{order:?}");
    }
}

#[tokio::test]
async fn a_transient_bounce_says_nothing_against_a_mail_that_arrived() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    for (n, (first, second)) in [
        (("delivery", ""), ("bounce", "auto-responder")),
        (("delivery", ""), ("bounce", "mailbox full")),
        (("bounce", "auto-responder"), ("delivery", "")),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("person{n}@mail.example");
        let invited = team.invite(&email, "member").await;
        invited.link().await;
        world.stack().feedback(&email, first.0, first.1).await.unwrap();
        let told = world.ledger().count("Event", "type", "invitation.undelivered");
        let version = team.owner.look_at(&invited).await.headers["etag"].clone();
        world.stack().feedback(&email, second.0, second.1).await.unwrap();
        assert_eq!(shown(&team, &invited).await, ("delivered".to_owned(), String::new()), "{second:?}");
        assert_eq!(world.ledger().count("Event", "type", "invitation.undelivered"), told);
        if first.0 == "delivery" {
            assert_eq!(team.owner.look_at(&invited).await.headers["etag"], version, "nothing was written");
        }
        // one for good does
        world.stack().feedback(&email, "bounce", "no such user").await.unwrap();
        assert_eq!(shown(&team, &invited).await.0, "bounced");
        assert_eq!(world.ledger().count("Event", "type", "invitation.undelivered"), told + 1);
    }
    // a server that was full for a while, and then refused for good
    let invited = team.invite("full@mail.example", "member").await;
    invited.link().await;
    for (reason, words) in
        [("full", "mailbox full"), ("gone", "refused the address"), ("full", "refused the address")]
    {
        world.stack().feedback("full@mail.example", "bounce", reason).await.unwrap();
        assert!(shown(&team, &invited).await.1.contains(words), "{reason}");
    }
}

#[tokio::test]
async fn news_that_overtakes_the_note_of_sending_is_kept() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@mail.example", "member").await;
    // SES took it, and the function died before it could write that down
    world.wire().fail_later("deliver", "TransactWriteItems", 1, 3, Fault::Unreachable);
    world.stack().pump(false).await.unwrap();
    assert_eq!(shown(&team, &invited).await.0, "queued");
    world.stack().feedback("ana@mail.example", "bounce", "full").await.unwrap();
    world.pass(deliver::CLAIM.as_secs());
    world.settle().await;
    assert_eq!(shown(&team, &invited).await.0, "bounced");
}

#[tokio::test]
async fn a_table_that_is_down_while_a_bounce_comes_in_loses_no_bounce() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("gone@mail.example", "member").await;
    invited.link().await;
    for operation in ["PutItem", "UpdateItem", "TransactWriteItems"] {
        world.wire().fail("feedback", operation, 6, Fault::Unreachable);
    }
    world.stack().feedback("gone@mail.example", "bounce", "no such user").await.unwrap();
    assert_eq!(shown(&team, &invited).await.0, "sent", "nobody could write it down");
    world.settle().await;
    assert_eq!(shown(&team, &invited).await.0, "bounced");
    assert!(world.stack().dead_letters().is_empty());
    team.owner.resend(&invited).await.refused(422, "recipient-suppressed");
    world.ledger().check();
}

#[tokio::test]
async fn an_address_that_bounced_for_good_gets_no_more_mail() {
    let world = World::new().await;
    let (acme, brew) = (world.team("Acme").await, world.team("Brew").await);
    let invited = acme.invite("gone@mail.example", "member").await;
    invited.link().await;
    world.stack().feedback("gone@mail.example", "bounce", "no such user").await.unwrap();
    acme.owner.resend(&invited).await.refused(422, "recipient-suppressed");
    brew.owner.invite("Gone@mail.example", "member").await.refused(422, "recipient-suppressed");
    let sign_up = json!({"name": "X", "email": "gone@mail.example", "first_name": "X", "last_name": "X"});
    world.ask("POST", "/v1/tenants", None, &sign_up).await.refused(422, "recipient-suppressed");
    assert_eq!(brew.owner.get("").await.json()["seats"]["used"], 1);
    world.settle().await;
    assert_eq!(world.stack().mailbox().to(Some("gone@mail.example")).len(), 1);
    // one that was full for a while is tried again
    let full = acme.invite("full@mail.example", "member").await;
    full.link().await;
    world.stack().feedback("full@mail.example", "bounce", "mailbox full").await.unwrap();
    acme.owner.resend(&full).await.expect(200);
    full.accept().await;
    world.ledger().check();
}

#[tokio::test]
async fn a_bounce_of_an_older_mail_says_nothing_about_the_newer_one() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@mail.example", "member").await;
    invited.link().await;
    let event = world.stack().feedback("ana@mail.example", "delay", "").await.unwrap();
    team.owner.resend(&invited).await.expect(200);
    invited.link().await;
    assert_eq!(shown(&team, &invited).await.0, "sent");
    world.stack().publish(&event).await.unwrap();
    assert_eq!(shown(&team, &invited).await.0, "sent");
    // nor about somebody who accepted meanwhile: they stay a member
    let ana = invited.accept().await;
    world.stack().feedback("ana@mail.example", "bounce", "no such user").await.unwrap();
    ana.get("").await.expect(200);
    world.ledger().check();
}

#[tokio::test]
async fn what_is_nobodys_is_acknowledged_and_changes_nothing() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@mail.example", "member").await;
    invited.link().await;
    let good = world.stack().feedback("ana@mail.example", "delivery", "").await.unwrap();
    let before = world.stack().items().unwrap().len();
    let with = |pointer: &str, value: Value| {
        let mut event = good.clone();
        *event.pointer_mut(pointer).unwrap() = value;
        event
    };
    for event in [
        with("/source", json!("aws.s3")),
        with("/detail-type", json!("Email Opened")),
        with("/detail/mail/tags", json!({})),
        with("/detail/mail/tags/tenant", json!(["01a202c6-e1a3-7a38-9802-fdcb99ebdc61"])),
    ] {
        let answer = world.stack().invoke("feedback", stories::batch([&event]), String::new()).await;
        assert_eq!(answer.unwrap(), br#"{"batchItemFailures":[]}"#, "{event}");
    }
    assert_eq!(world.counted(Metric::MessagesFailed), 0);
    assert_eq!(world.stack().items().unwrap().len(), before);
    assert_eq!(shown(&team, &invited).await.0, "delivered");
    // the rule lets through only what this deployment sent
    let foreign = with("/detail/mail/tags/ses:configuration-set", json!(["another-stack"]));
    assert!(world.stack().publish(&foreign).await.unwrap().is_empty());
}

/// Who acknowledged it would lose a bounce, and nobody would ever know.
#[tokio::test]
async fn what_can_not_be_read_comes_again_and_is_in_the_dead_letters_in_the_end() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@mail.example", "member").await;
    invited.link().await;
    let mut said = Vec::new();
    for kind in ["delivery", "delay"] {
        said.push(world.stack().feedback("ana@mail.example", kind, "").await.unwrap());
    }
    let before = world.stack().items().unwrap().len();
    let with = |event: &Value, pointer: &str, value: Value| {
        let mut event = event.clone();
        *event.pointer_mut(pointer).unwrap() = value;
        event
    };
    let unreadable = [
        json!({}),
        json!(null),
        json!("a text"),
        with(&said[0], "/source", json!(["aws.ses"])),
        with(&said[0], "/detail-type", json!(null)),
        with(&said[0], "/detail", json!("text")),
        with(&said[0], "/detail/mail", json!({})),
        with(&said[0], "/detail/mail/destination", json!("ana@mail.example")),
        with(&said[0], "/detail/mail/tags/tenant", json!(["not-an-id"])),
        with(&said[0], "/detail/mail/tags/tenant", json!([])),
        with(&said[0], "/detail/mail/tags/invitation", json!(["a", "b"])),
        with(&said[0], "/detail/mail/tags/generation", json!(["-1"])),
        // of a kind that says more than a delivery does
        with(&said[0], "/detail-type", json!("Email Bounced")),
        with(&said[0], "/detail-type", json!("Email Delivery Delayed")),
        with(&said[0], "/detail-type", json!("Email Rejected")),
        with(&said[1], "/detail/deliveryDelay", json!("late")),
    ];
    for (n, event) in (1..).zip(&unreadable) {
        let answer = world.stack().invoke("feedback", stories::batch([event]), String::new()).await;
        let report = br#"{"batchItemFailures":[{"itemIdentifier":"1"}]}"#;
        assert_eq!(answer.unwrap(), report, "{event}");
        assert_eq!(world.counted(Metric::MessagesFailed), n, "{event}");
    }
    let no_json = json!({"Records": [{"messageId": "1", "body": "{\"source\": \"aws"}]});
    let answer = world.stack().invoke("feedback", no_json.to_string().into_bytes(), String::new()).await;
    assert_eq!(answer.unwrap(), br#"{"batchItemFailures":[{"itemIdentifier":"1"}]}"#);
    assert_eq!(world.stack().items().unwrap().len(), before);
    // over the rule and the queue, one that can be read behind it
    let bad = with(&said[0], "/detail/mail/tags/generation", json!(["-1"]));
    world.stack().publish(&bad).await.unwrap();
    world.stack().feedback("ana@mail.example", "bounce", "no such user").await.unwrap();
    assert_eq!(shown(&team, &invited).await.0, "bounced");
    world.stack().exhaust().await.unwrap();
    assert_eq!(world.stack().dead_letters(), [("FeedbackDeadLetters".to_owned(), bad)]);
    world.ledger().check();
}

/// Whom a bounce names is what the other side's server says.
#[tokio::test]
async fn a_bounce_or_a_complaint_shuts_out_nobody_but_whom_the_mail_went_to() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    for (kind, name, who) in
        [("bounce", "bounce", "bouncedRecipients"), ("complaint", "complaint", "complainedRecipients")]
    {
        let email = format!("{kind}@evil.example");
        let invited = team.invite(&email, "member").await;
        invited.link().await;
        // what SES would say, with somebody else's address in it
        let mut event = world.stack().feedback(&email, "delivery", "").await.unwrap();
        let (detail_type, said) = match kind {
            "bounce" => ("Email Bounced", json!({"bounceType": "Permanent", "bounceSubType": "General"})),
            _ => ("Email Complaint Received", json!({})),
        };
        event["detail-type"] = json!(detail_type);
        event["detail"][name] = said;
        event["detail"][name][who] = json!([{"emailAddress": format!("victim-of-{kind}@mail.example")}]);
        world.stack().publish(&event).await.unwrap();
        team.owner.resend(&invited).await.refused(422, "recipient-suppressed");
        team.invite(&format!("victim-of-{kind}@mail.example"), "member").await.accept().await;
    }
    world.ledger().check();
}

#[tokio::test]
async fn what_ses_says_by_itself_of_its_simulators_addresses_the_local_mailbox_says_too() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    for (name, state) in [
        ("success", "delivered"),
        ("Success+run1", "delivered"),
        ("ooto", "delivered"),
        ("bounce+run1", "bounced"),
        ("suppressionlist", "suppressed"),
        ("complaint+run1", "complained"),
        ("anything", "sent"),
    ] {
        let invited = team.invite(&format!("{name}@simulator.amazonses.com"), "member").await;
        world.settle().await;
        assert_eq!(shown(&team, &invited).await.0, state, "{name}");
        let again = team.owner.resend(&invited).await;
        assert_eq!(again.status == 422, ["bounced", "suppressed", "complained"].contains(&state), "{name}");
    }
    let elsewhere = team.invite("bounce@mail.example", "member").await;
    world.settle().await;
    assert_eq!(shown(&team, &elsewhere).await.0, "sent");
    world.ledger().check();
}
