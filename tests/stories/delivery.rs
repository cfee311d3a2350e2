//! The outbox: an invitation that was answered 201 is emailed, or ends visibly as failed (G9).

use local::MailboxFault;
use serde_json::{Value, json};
use stories::{Fault, Invited, ReplyExt, World};

async fn delivery(world: &World, id: &str) -> (String, String) {
    let ledger = world.ledger();
    let item = ledger.all("Invitation").iter().find(|i| i["id"]["S"] == id).unwrap();
    let text = |v: &Value| v["S"].as_str().unwrap_or_default().to_owned();
    (text(&item["delivery"]["M"]["state"]), text(&item["delivery"]["M"]["reason"]))
}

#[tokio::test]
async fn a_busy_ses_delays_a_mail_and_loses_none() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    world.stack().mailbox().fail_next([MailboxFault::Throttled; 7]);
    let invited = team.invite("ana@acme.example", "member").await;
    let other = team.invite("ben@acme.example", "member").await;
    invited.accept().await;
    other.accept().await;
    assert_eq!(world.stack().mailbox().to(Some("ana@acme.example")).len(), 1);
    assert!(world.stack().dead_letters().is_empty());
}

#[tokio::test]
async fn a_mail_that_ses_will_never_take_is_seen_as_failed() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    world.stack().mailbox().fail_next([MailboxFault::Rejected]);
    let invited = team.invite("ana@acme.example", "member").await;
    world.settle().await;
    let shown = team.owner.look_at(&invited).await.expect(200);
    assert_eq!(shown.text("/delivery/state"), "failed");
    assert_eq!(shown.text("/delivery/reason"), "the mail service refused it, check the address");
    assert!(world.stack().dead_letters().is_empty(), "there is nothing to try again");
    // sending it again is all it takes
    team.owner.resend(&invited).await.expect(200);
    invited.accept().await;
}

#[tokio::test]
async fn what_still_fails_after_its_tries_is_a_dead_letter_and_seen_as_failed() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    world.stack().mailbox().fail_next([MailboxFault::Throttled; 3 * 10]);
    let invited = team.invite("ana@acme.example", "member").await;
    world.settle().await;
    let dead = world.stack().dead_letters();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].0, "DeliverDeadLetters");
    let shown = team.owner.look_at(&invited).await.expect(200);
    assert_eq!(shown.text("/delivery/state"), "failed");
    let failed = team.owner.get("invitations?delivery=failed").await.expect(200).json();
    assert_eq!(failed["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_crash_after_any_call_leads_to_a_second_mail_and_never_to_none() {
    // load the facts, the sponsor, claim; then SES took the mail and the note of it is lost for good
    for (operation, skipped) in
        [("BatchGetItem", 0), ("BatchGetItem", 1), ("TransactWriteItems", 0), ("TransactWriteItems", 1)]
    {
        let world = World::new().await;
        let team = world.team("Acme").await;
        let invited = team.invite("ana@acme.example", "member").await;
        // all the SDK's tries of that call fail: to the function it is as if it had died there
        world.wire().fail_later("deliver", operation, skipped, 3, Fault::Unreachable);
        world.stack().pump(false).await.unwrap();
        world.pass(31);
        world.settle().await;
        let mails = world.stack().mailbox().to(Some("ana@acme.example"));
        assert!((1..=2).contains(&mails.len()), "{operation}: {} mails", mails.len());
        // every link that went out works until one is used
        for mail in &mails {
            let token = mail.link.as_deref().unwrap().split_once('#').unwrap().1;
            world.invitation("preview", json!({ "token": token })).await.expect(200);
        }
        invited.accept().await;
        world.ledger().check();
    }
}

#[tokio::test]
async fn a_record_that_comes_twice_sends_one_mail() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    let mail = world
        .ledger()
        .all("Mail")
        .iter()
        .find(|m| m["invitation_id"]["S"] == invited.id.as_str())
        .unwrap()
        .clone();
    let record = json!({"eventName": "INSERT", "dynamodb": {"SequenceNumber": "7", "NewImage": mail}});
    world.settle().await;
    let event = serde_json::to_vec(&json!({"Records": [record, record]})).unwrap();
    let report = world.stack().invoke("deliver", event, String::new()).await.unwrap();
    assert_eq!(report, br#"{"batchItemFailures":[]}"#);
    assert_eq!(world.stack().mailbox().to(Some("ana@acme.example")).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_the_same_record_send_one_mail() {
    let set = World::new().await;
    let invited = set.team("Acme").await.invite("ana@acme.example", "member").await;
    let ledger = set.ledger();
    let mail = ledger.all("Mail").iter().find(|m| m["invitation_id"]["S"] == invited.id.as_str()).unwrap();
    let record = json!({"eventName": "INSERT", "dynamodb": {"SequenceNumber": "7", "NewImage": mail}});
    let event = serde_json::to_vec(&json!({ "Records": [record] })).unwrap();
    for order in stories::interleavings(3, 3) {
        let world = set.fork().await;
        let deliver = || {
            let event = event.clone();
            stories::operation(&world, |world| async move {
                world.stack().invoke("deliver", event, String::new()).await.unwrap()
            })
        };
        stories::race(&order, vec![deliver(), deliver()]).await;
        assert_eq!(world.stack().mailbox().to(Some("ana@acme.example")).len(), 1, "{order:?}");
        world.settle().await;
        assert_eq!(world.stack().mailbox().to(Some("ana@acme.example")).len(), 1, "{order:?}");
        invited.in_world(&world).accept().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailer_that_is_late_sends_nothing_and_says_nothing_of_a_newer_mail() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    let ledger = set.ledger();
    let mail = ledger.all("Mail").iter().find(|m| m["invitation_id"]["S"] == invited.id.as_str()).unwrap();
    let record = json!({"eventName": "INSERT", "dynamodb": {"SequenceNumber": "7", "NewImage": mail}});
    let event = serde_json::to_vec(&json!({ "Records": [record] })).unwrap();
    let deliver = |world: &World| {
        let event = event.clone();
        stories::operation(world, |world| async move {
            world.stack().invoke("deliver", event, String::new()).await.unwrap();
        })
    };
    let mails = |world: &World| world.stack().mailbox().to(Some("ana@acme.example")).len();
    // its calls: the facts, whoever vouches, the claim, SES, the note
    let resent = |world: &World, settles: bool| {
        let (owner, invited) = (team.owner.in_world(world), invited.clone());
        stories::operation(world, move |world| async move {
            owner.resend(&invited).await.expect(200);
            if settles {
                world.settle().await;
            }
        })
    };
    let (before_the_claim, before_the_note) = ([0; 2], [0; 4]);
    let all_of_the_other = [1; 20];

    // superseded while it was about to claim: the newer mail alone goes out, and its link is the one that opens
    let world = set.fork().await;
    let order = [&before_the_claim[..], &all_of_the_other].concat();
    stories::race(&order, vec![deliver(&world), resent(&world, true)]).await;
    assert_eq!(mails(&world), 1);
    invited.in_world(&world).accept().await;

    // over while it was about to claim, and while the claim met the very transaction that ended it
    for (ended, conflicts) in [("revoked", 0), ("declined", 0), ("revoked", 1)] {
        let world = set.fork().await;
        let mut link = None;
        if ended == "declined" {
            // a first mail went out, and whoever sent it never noted it
            world.wire().fail_racer(0, before_the_note.len() - 1, Fault::Crash);
            stories::race_with_crashes(&[], vec![deliver(&world)]).await;
            link = Some(world.link("ana@acme.example").await);
            world.pass(31);
        }
        world.wire().fail("deliver", "TransactWriteItems", conflicts, Fault::Conflict);
        let before = mails(&world);
        let (owner, invited) = (team.owner.in_world(&world), invited.in_world(&world));
        let end = stories::operation(&world, move |_| async move {
            match link {
                Some(link) => link.decline().await.expect(204),
                None => owner.revoke(&invited).await.expect(204),
            };
        });
        let order = [&before_the_claim[..], &all_of_the_other].concat();
        stories::race(&order, vec![deliver(&world), end]).await;
        assert_eq!(mails(&world), before, "{ended} {conflicts}");
    }

    // superseded while SES had it: what became of it isn't noted of the newer one
    let world = set.fork().await;
    let order = [&before_the_note[..], &all_of_the_other].concat();
    stories::race(&order, vec![deliver(&world), resent(&world, false)]).await;
    assert_eq!(delivery(&world, &invited.id).await.0, "queued");

    // slower than its claim: whoever took over finds it sent when they claim
    let world = set.fork().await;
    let owner = team.owner.in_world(&world);
    let other = event.clone();
    let taken_over = stories::operation(&world, move |world| async move {
        owner.get("").await.expect(200);
        world.pass(31);
        world.stack().invoke("deliver", other, String::new()).await.unwrap();
    });
    let copy = set.fork().await;
    copy.wire().take_sent();
    team.owner.in_world(&copy).get("").await.expect(200);
    let looking = vec![1; copy.wire().take_sent().len() + before_the_claim.len()];
    let order = [&before_the_note[..], &looking, &[0], &all_of_the_other].concat();
    stories::race(&order, vec![deliver(&world), taken_over]).await;
    assert_eq!(mails(&world), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_that_comes_before_the_note_of_sending_sends_nothing_twice() {
    let set = World::new().await;
    let invited = set.team("Acme").await.invite("ana@acme.example", "member").await;
    // what SES will say, learnt from a copy in which the mail went out
    let copy = set.fork().await;
    copy.settle().await;
    let event = copy.stack().feedback("ana@acme.example", "delivery", "").await.unwrap();
    // facts, sponsor, claim, SES, the note
    for turn in 1..=5 {
        let world = set.fork().await;
        let mut order = vec![0; 5];
        order.insert(turn, 1);
        let deliver = stories::operation(&world, |world| async move { world.settle().await });
        let event = event.clone();
        let news = stories::operation(&world, |world| async move {
            world.stack().publish(&event).await.unwrap();
        });
        stories::race(&order, vec![deliver, news]).await;
        world.pass(31);
        world.settle().await;
        assert_eq!(world.stack().mailbox().to(Some("ana@acme.example")).len(), 1, "{turn}");
        assert_eq!(delivery(&world, &invited.id).await.0, "delivered", "{turn}");
        let ledger = world.ledger();
        let mail =
            ledger.all("Mail").iter().find(|m| m["invitation_id"]["S"] == invited.id.as_str()).unwrap();
        assert_eq!(mail["status"]["S"], "sent", "{turn}");
    }
}

#[tokio::test]
async fn nothing_is_sent_about_what_is_over_or_superseded() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let revoked = team.invite("ana@acme.example", "member").await;
    team.owner.revoke(&revoked).await.expect(204);
    let resent = team.invite("ben@acme.example", "member").await;
    team.owner.resend(&resent).await.expect(200);
    world.settle().await;
    assert!(world.stack().mailbox().to(Some("ana@acme.example")).is_empty());
    assert_eq!(world.stack().mailbox().to(Some("ben@acme.example")).len(), 1, "the newer one");
    resent.accept().await;
}

#[tokio::test]
async fn a_stream_that_stood_still_for_an_hour_is_seen_as_failed_without_anybody_writing_it() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    world.pass(3_601);
    let shown = team.owner.look_at(&invited).await.expect(200);
    assert_eq!(shown.text("/delivery/state"), "failed");
    assert_eq!(delivery(&world, &invited.id).await.0, "queued", "by the clock alone");
    // and should the stream come back, the mail goes out all the same
    world.settle().await;
    let shown = team.owner.look_at(&invited).await.expect(200);
    assert_eq!(shown.text("/delivery/state"), "sent");
}

#[tokio::test]
async fn records_that_nobody_waits_for_are_skipped_and_an_unreadable_one_fails_alone() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    let ledger = world.ledger();
    let mail =
        ledger.all("Mail").iter().find(|m| m["invitation_id"]["S"] == invited.id.as_str()).unwrap().clone();
    let mut newer = mail.clone();
    newer["kind"] = json!({"S": "carrier_pigeon"});
    let record = |number: &str, image: &Value| json!({"eventName": "INSERT", "dynamodb": {"SequenceNumber": number, "NewImage": image}});
    let records = json!({"Records": [
        {"eventName": "INSERT", "dynamodb": {"SequenceNumber": "1"}},
        record("2", &json!({"entity": {"S": "Spaceship"}})),
        record("3", &newer),
        record("4", &mail),
        {"eventName": "MODIFY", "dynamodb": {"SequenceNumber": "5", "NewImage": mail}},
    ]});
    let report =
        world.stack().invoke("deliver", serde_json::to_vec(&records).unwrap(), String::new()).await.unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report, json!({"batchItemFailures": [{"itemIdentifier": "3"}]}));
    assert_eq!(world.stack().mailbox().to(Some("ana@acme.example")).len(), 1);
    let link = world.link("ana@acme.example").await;
    link.accept().await.expect(201);
}

#[tokio::test]
async fn an_invitation_whose_mail_nobody_ever_claimed_expires_with_its_event() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    // the stream stood still until the link's time was over: there never was a token to be swept
    world.pass(7 * 86_400 + 1);
    world.stack().sweep().await.unwrap();
    assert_eq!(world.ledger().all("Token").len(), 0);
    assert_eq!(world.stack().mailbox().to(Some("ana@acme.example")).len(), 0);
    assert_eq!(world.ledger().count("Event", "type", "invitation.expired"), 1);
    assert_eq!(world.ledger().count("Invitation", "status", "expired"), 1);
    assert_eq!(team.owner.get("").await.json()["seats"]["used"], 1);
    team.owner.resend(&invited).await.expect(200);
    invited.accept().await;
    world.ledger().check();
}

#[tokio::test]
async fn nothing_is_mailed_about_what_may_not_be_any_more() {
    let world = World::new().await;
    let (acme, brew) = (world.team("Acme").await, world.team("Brew").await);
    let bounced = acme.invite("gone@mail.example", "member").await;
    bounced.link().await;
    // queued, and before the mail goes out its address bounces, its sponsor is removed, its team is switched off
    let adam = acme.join("adam@acme.example", "admin").await;
    let gone = brew.invite("gone@mail.example", "member").await;
    let reply = adam.invite("ana@mail.example", "member").await.expect(201);
    let orphan = Invited { id: reply.text("/id"), email: "ana@mail.example".to_owned(), ..bounced.clone() };
    acme.owner.remove(&adam).await.expect(200);
    world.stack().feedback("gone@mail.example", "bounce", "no such user").await.unwrap();
    world.settle().await;
    assert_eq!(acme.owner.look_at(&orphan).await.text("/delivery/state"), "failed");
    assert_eq!(brew.owner.look_at(&gone).await.text("/delivery/state"), "suppressed");
    let off = acme.invite("ben@mail.example", "member").await;
    for suspended in [true, false] {
        let order = json!({"operation": "suspend-tenant", "tenant": acme.tenant, "suspended": suspended, "reason": "r"});
        world.operate(order).await.unwrap();
        world.settle().await;
    }
    assert_eq!(acme.owner.look_at(&off).await.text("/delivery/state"), "failed");
    for (address, mails) in [("gone@mail.example", 1), ("ana@mail.example", 0), ("ben@mail.example", 0)] {
        assert_eq!(world.stack().mailbox().to(Some(address)).len(), mails, "{address}");
    }
    // an admin who may sends it again
    acme.owner.resend(&orphan).await.expect(200);
    orphan.accept().await;
    assert!(world.stack().dead_letters().is_empty());
    world.ledger().check();
}
