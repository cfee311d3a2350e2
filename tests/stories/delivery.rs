//! The outbox: an invitation that was answered 201 is emailed, or ends visibly as failed (G9).

use std::time::{Duration, Instant};

use local::MailboxFault;
use model::Delivery;
use runtime::metrics::Metric;
use serde_json::{Value, json};
use stories::{Fault, Invited, PASSWORD, ReplyExt, World, batch, mail_queued};

/// Seconds for which nobody else sends what somebody has begun to send.
const CLAIM: u64 = deliver::CLAIM.as_secs();
/// Seconds after which a mail counts as failed that nobody could send.
const PATIENCE: u64 = Delivery::PATIENCE.as_secs();

async fn delivery(world: &World, id: &str) -> (String, String) {
    let ledger = world.ledger();
    let item = ledger.all("Invitation").iter().find(|i| i["id"]["S"] == id).unwrap();
    let text = |v: &Value| v["S"].as_str().unwrap_or_default().to_owned();
    (text(&item["delivery"]["M"]["state"]), text(&item["delivery"]["M"]["reason"]))
}

/// The item of an invitation's newest mail.
fn mail(world: &World, invited: &Invited) -> Value {
    let ledger = world.ledger();
    let mut mails = ledger.all("Mail").iter();
    mails.find(|mail| mail["invitation_id"]["S"] == invited.id.as_str()).unwrap().clone()
}

/// What the queue hands over of an invitation's mail.
fn queued(world: &World, invited: &Invited) -> Vec<u8> {
    batch([&mail_queued(&mail(world, invited))])
}

fn mails(world: &World, email: &str) -> usize {
    world.stack().mailbox().to(Some(email)).len()
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
async fn a_sender_that_ses_does_not_take_holds_mails_back_and_fails_none() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let unverified = "Email address is not verified. The following identities failed the check in region EU-CENTRAL-1: no-reply@muster.example";
    for (n, (code, words)) in [
        ("MessageRejected", unverified),
        ("SendingPausedException", "Sending paused for this account."),
        ("AccountSuspendedException", "The account is suspended."),
        ("MailFromDomainNotVerifiedException", "The MAIL FROM domain is not verified."),
        ("NotFoundException", "Configuration set <muster> does not exist."),
        ("AccessDeniedException", "not authorized to perform: ses:SendEmail"),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("person{n}@acme.example");
        let before = world.counted(Metric::SenderRefused);
        // more often than what may be a mail each time, and more often than it is tried at once
        world.stack().mailbox().fail_next([MailboxFault::Says(400, code, words); 13]);
        let invited = team.invite(&email, "member").await;
        world.settle().await;
        assert_eq!(world.counted(Metric::SenderRefused), before + 12, "{code}");
        // nobody is told that the address is wrong
        world.pass(3_600);
        let shown = team.owner.look_at(&invited).await.expect(200);
        assert_eq!(
            (shown.text("/delivery/state"), shown.text("/delivery/reason")),
            ("queued".to_owned(), String::new())
        );
        assert_eq!(mails(&world, &email), 0, "{code}");
        // and it goes out once the setting is mended
        world.settle().await;
        assert_eq!(mails(&world, &email), 1, "{code}");
        invited.accept().await;
    }
    assert_eq!(world.counted(Metric::MailsRefused), 0);
    assert!(world.stack().dead_letters().is_empty());
}

#[tokio::test]
async fn a_hundred_invitations_all_arrive_though_ses_refuses_for_a_while() {
    let world = World::with([("NEW_TENANT_SEATS", "200")]).await;
    let team = world.team("Acme").await;
    let mut invited = Vec::new();
    for n in 0..100 {
        invited.push(team.invite(&format!("person{n}@acme.example"), "member").await);
    }
    world.stack().mailbox().fail_next([MailboxFault::Throttled; 60]);
    world.settle().await;
    for one in &invited {
        assert_eq!(mails(&world, &one.email), 1, "{}", one.email);
    }
    let sent = |one: &&Value| one["delivery"]["M"]["state"]["S"] == "sent";
    assert_eq!(world.ledger().all("Invitation").iter().filter(sent).count(), 101, "the owner's is one");
    let refused = |mail: &Value| mail["released"]["N"].as_str().map_or(0, |n| n.parse::<u32>().unwrap());
    assert_eq!(world.ledger().all("Mail").iter().map(refused).sum::<u32>(), 60, "each once for each refusal");
    assert!(world.stack().dead_letters().is_empty());
}

#[tokio::test]
async fn what_can_not_be_sent_for_a_day_is_seen_as_failed_and_sent_once_it_is_put_back() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    // more often than what may be a mail each time
    world.stack().mailbox().fail_next([MailboxFault::Throttled; 13]);
    let invited = team.invite("ana@acme.example", "member").await;
    world.settle().await;
    assert!(world.stack().dead_letters().is_empty(), "it waits in its queue");
    world.stack().exhaust().await.unwrap();
    let dead = world.stack().dead_letters();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].0, "MailDeadLetters");
    assert_eq!(dead[0].1["detail"]["mail"]["invitation_id"], invited.id.as_str());
    // until then it is on its way
    world.pass(PATIENCE);
    assert_eq!(team.owner.look_at(&invited).await.expect(200).text("/delivery/state"), "queued");
    world.pass(1);
    let shown = team.owner.look_at(&invited).await.expect(200);
    assert_eq!(shown.text("/delivery/state"), "failed");
    assert_eq!(shown.text("/delivery/reason"), "it could not be sent, send the invitation again");
    for (state, many) in [("failed", 1), ("queued", 0)] {
        let listed = team.owner.get(&format!("invitations?delivery={state}")).await.expect(200).json();
        assert_eq!(listed["items"].as_array().unwrap().len(), many, "{state}");
    }
    assert_eq!(delivery(&world, &invited.id).await.0, "queued", "by the clock alone");
    // SES takes mails again, and somebody puts it back
    assert_eq!(world.stack().redrive(), 1);
    world.settle().await;
    assert!(world.stack().dead_letters().is_empty());
    assert_eq!(team.owner.look_at(&invited).await.expect(200).text("/delivery/state"), "sent");
    assert_eq!(mails(&world, "ana@acme.example"), 1);
    invited.accept().await;
}

#[tokio::test]
async fn a_mail_that_can_not_be_sent_holds_up_nobody_else() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let first = team.invite("ana@acme.example", "member").await;
    // newer code queued a mail of a kind that this code doesn't know
    let id = "01a202c6-e27d-79ca-8016-01fafd4c0bad";
    let mut strange = mail(&world, &first);
    strange["pk"] = json!({"S": format!("MAIL#{id}")});
    strange["id"] = json!({ "S": id });
    strange["kind"] = json!({"S": "carrier_pigeon"});
    world.stack().put_item(&strange).unwrap();
    let mut invited = vec![first];
    for n in 0..12 {
        invited.push(team.invite(&format!("person{n}@acme.example"), "member").await);
    }
    world.settle().await;
    for one in &invited {
        assert_eq!(mails(&world, &one.email), 1, "{}", one.email);
    }
    world.stack().exhaust().await.unwrap();
    let dead = world.stack().dead_letters();
    assert_eq!(dead.len(), 1, "alone");
    assert_eq!((dead[0].0.as_str(), &dead[0].1["detail"]["mail"]["id"]), ("MailDeadLetters", &json!(id)));
}

#[tokio::test]
async fn an_event_of_newer_code_holds_up_nobody_and_lies_in_the_dead_letters_by_its_keys() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    world.settle().await;
    let mut strange = world.ledger().all("Event")[0].clone();
    strange["sk"] = json!({"S": "01a202c6-e27d-79ca-8016-01fafd4c0bad"});
    strange["id"] = json!({"S": "01a202c6-e27d-79ca-8016-01fafd4c0bad"});
    strange["type"] = json!({"S": "tenant.teleported"});
    let before = team.invite("ana@acme.example", "member").await;
    world.stack().put_item(&strange).unwrap();
    let behind = team.invite("ben@acme.example", "member").await;
    let published = world.stack().published().len();
    assert_eq!(world.counted(Metric::RecordsFailed), 0);
    // and one that the bus wouldn't take
    let mut large = world.ledger().all("Event")[0].clone();
    large["sk"] = json!({"S": "01a202c6-e27d-79ca-8016-01fafd4c0bae"});
    large["id"] = json!({"S": "01a202c6-e27d-79ca-8016-01fafd4c0bae"});
    large["details"] = json!({"M": {"words": {"S": "x".repeat(30_000)}}});
    world.stack().put_item(&large).unwrap();
    // one batch, tried once: a step is enough for all of it to come to the bus
    world.stack().pump(true).await.unwrap();
    // an event and a mail of each, once, and where to find what can't be published
    assert_eq!(world.stack().published().len(), published + 6);
    world.settle().await;
    for one in [&before, &behind] {
        assert_eq!(mails(&world, &one.email), 1, "{}", one.email);
    }
    assert_eq!(world.counted(Metric::RecordsFailed), 2);
    let dead = world.stack().dead_letters();
    assert_eq!(dead.len(), 2);
    assert!(dead.iter().all(|(queue, _)| queue == "EventsDeadLetters"));
    assert_eq!(dead[1].1["detail"]["sk"], large["sk"]["S"]);
    let mut detail = dead[0].1["detail"].clone();
    for number in ["event_id", "sequence_number"] {
        let said = detail.as_object_mut().unwrap().remove(number).unwrap();
        assert!(said.as_str().is_some_and(|text| !text.is_empty()), "{number}: {said}");
    }
    // and nothing of what stands in it
    let (pk, sk) = (&strange["pk"]["S"], &strange["sk"]["S"]);
    let found = json!({"schema_version": "1", "type": "record.unreadable", "pk": pk, "sk": sk});
    assert_eq!(detail, found);
    assert_eq!(world.stack().redrive(), 0, "it goes back into no queue");
}

#[tokio::test]
async fn a_pipe_whose_function_is_broken_for_hours_gives_nothing_up() {
    let template = include_str!("../../template.yaml");
    // one that can't make anything of a batch
    let broken = template.replace("Enrichment: !GetAtt Publish.Arn", "Enrichment: !GetAtt Check.Arn");
    assert!(broken != template);
    let world = World::start_with(broken).await.unwrap();
    let sign_up =
        json!({"name": "Acme", "email": "olive@acme.example", "first_name": "Olive", "last_name": "Owner"});
    world.ask("POST", "/v1/tenants", None, &sign_up).await.expect(202);
    for _ in 0..3 {
        world.settle().await;
        assert!(world.stack().published().is_empty());
        assert!(world.stack().dead_letters().is_empty(), "it waits in the stream");
    }
    // until the stream itself is about to forget it
    world.stack().exhaust().await.unwrap();
    let dead = world.stack().dead_letters();
    assert!(!dead.is_empty() && dead.iter().all(|(queue, _)| queue == "EventsDeadLetters"), "{dead:?}");
}

#[tokio::test]
async fn sends_that_end_in_nobody_knows_what_are_given_up_after_ten() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    let state = async || team.owner.look_at(&invited).await.expect(200).text("/delivery/state");
    for n in 1..=10 {
        world.wire().fail("deliver", "SendEmail", 1, Fault::Unreachable);
        world.stack().pump(false).await.unwrap();
        assert_eq!(state().await, "queued", "{n}");
        world.pass(CLAIM);
    }
    world.settle().await;
    assert_eq!(mails(&world, "ana@acme.example"), 0, "it may have come ten times");
    let shown = team.owner.look_at(&invited).await.expect(200);
    assert_eq!(shown.text("/delivery/state"), "failed");
    assert_eq!(shown.text("/delivery/reason"), "it could not be sent, send the invitation again");
    assert_eq!(delivery(&world, &invited.id).await.0, "failed", "written down");
    assert_eq!(mail(&world, &invited)["status"]["S"], "failed");
    world.stack().exhaust().await.unwrap();
    assert!(world.stack().dead_letters().is_empty(), "there is nothing to put back");
    // who is told so sends it again
    team.owner.resend(&invited).await.expect(200);
    invited.accept().await;
}

#[tokio::test]
async fn mails_go_out_no_faster_than_the_account_may() {
    // two workers, twenty a second: one of them sends one in a tenth of a second
    let world = World::with([("MAILS_PER_SECOND", "20"), ("MAIL_WORKERS", "2")]).await;
    let team = world.team("Acme").await;
    for n in 0..3 {
        team.invite(&format!("person{n}@acme.example"), "member").await;
    }
    let begun = Instant::now();
    world.settle().await;
    assert!(begun.elapsed() >= Duration::from_millis(300), "{:?}", begun.elapsed());
    assert_eq!(mails(&world, "person2@acme.example"), 1);
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
        world.pass(CLAIM);
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
async fn a_crash_in_the_middle_of_a_send_is_followed_by_a_second_mail_once_its_claim_has_run_out() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    // SES took it, and the note of that is lost with whoever sent it
    world.wire().fail_later("deliver", "TransactWriteItems", 1, 3, Fault::Unreachable);
    world.stack().pump(false).await.unwrap();
    assert_eq!(mails(&world, "ana@acme.example"), 1);
    // whoever claimed it may still be sending
    world.pass(CLAIM - 1);
    world.settle().await;
    assert_eq!(mails(&world, "ana@acme.example"), 1);
    assert_eq!(delivery(&world, &invited.id).await.0, "queued");
    world.pass(1);
    world.settle().await;
    assert_eq!(mails(&world, "ana@acme.example"), 2);
    assert_eq!(delivery(&world, &invited.id).await.0, "sent");
    assert!(world.stack().dead_letters().is_empty());
    invited.accept().await;
}

#[tokio::test]
async fn a_message_that_comes_twice_sends_one_mail() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    let event = mail_queued(&mail(&world, &invited));
    world.settle().await;
    let report = world.stack().invoke("deliver", batch([&event, &event]), String::new()).await.unwrap();
    assert_eq!(report, br#"{"batchItemFailures":[]}"#);
    assert_eq!(mails(&world, "ana@acme.example"), 1);
}

/// Two mailers at the same message, their calls in this order.
async fn two_deliver(world: &World, event: &[u8], order: &[usize]) {
    let deliver = || {
        let event = event.to_vec();
        stories::operation(world, |world| async move {
            world.stack().invoke("deliver", event, String::new()).await.unwrap()
        })
    };
    stories::race(order, vec![deliver(), deliver()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_the_same_message_send_one_mail() {
    let set = World::new().await;
    let invited = set.team("Acme").await.invite("ana@acme.example", "member").await;
    let event = queued(&set, &invited);
    for order in stories::interleavings(3, 3) {
        let world = set.fork().await;
        two_deliver(&world, &event, &order).await;
        assert_eq!(world.stack().mailbox().to(Some("ana@acme.example")).len(), 1, "{order:?}");
        world.settle().await;
        assert_eq!(world.stack().mailbox().to(Some("ana@acme.example")).len(), 1, "{order:?}");
        invited.in_world(&world).accept().await;
    }
}

/// The mail to this address that nobody has begun to send.
fn unsent(world: &World, email: &str) -> Value {
    let is_it = |mail: &&Value| mail["to"]["M"]["canonical"]["S"] == email && mail["attempts"]["N"] == "0";
    world.ledger().all("Mail").iter().find(is_it).unwrap().clone()
}

/// A world for each thing that a mail may be about, in which one is queued, and to whom.
async fn queued_of_every_kind() -> Vec<(&'static str, World, String)> {
    const NEW: &str = "ana.new@acme.example";
    let set = World::new().await;
    let team = set.team("Acme").await;
    let ana = team.join("ana@acme.example", "member").await;
    set.settle().await;
    let asked = async |world: &World, method: &str, path: &str, body: Value, status: u16| {
        world.ask(method, path, Some(&ana.session), &body).await.expect(status);
        world.clone()
    };
    let email = json!({"email": NEW, "password": PASSWORD});
    let password = json!({"current_password": PASSWORD, "new_password": "a quite different long password"});
    let confirmed = set.fork().await;
    asked(&confirmed, "POST", "/v1/me/email", email.clone(), 202).await;
    let token = json!({"token": confirmed.email_token(NEW, "confirm").await});
    let (closed, invited) = (set.fork().await, set.fork().await);
    team.owner.in_world(&closed).post("close", json!({ "password": PASSWORD })).await.expect(200);
    team.owner.in_world(&invited).invite("ben@acme.example", "member").await.expect(201);
    let reset = json!({"email": ana.email});
    vec![
        ("an invitation", invited, "ben@acme.example".to_owned()),
        (
            "a forgotten password",
            asked(&set.fork().await, "POST", "/v1/password-resets", reset, 202).await,
            ana.email.clone(),
        ),
        (
            "a changed password",
            asked(&set.fork().await, "PUT", "/v1/me/password", password, 204).await,
            ana.email.clone(),
        ),
        ("a new address", asked(&set.fork().await, "POST", "/v1/me/email", email, 202).await, NEW.to_owned()),
        (
            "a changed address",
            asked(&confirmed, "POST", "/v1/email-changes/confirm", token, 200).await,
            ana.email.clone(),
        ),
        ("a closed team", closed, team.owner.email.clone()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_the_same_message_send_one_mail_whatever_it_is_about() {
    for (what, set, to) in queued_of_every_kind().await {
        let (event, before) = (batch([&mail_queued(&unsent(&set, &to))]), mails(&set, &to));
        // some of the orders: an invitation's mail goes through all of them
        for order in stories::interleavings(3, 3).into_iter().step_by(3) {
            let world = set.fork().await;
            two_deliver(&world, &event, &order).await;
            world.settle().await;
            assert_eq!(mails(&world, &to), before + 1, "{what}, {order:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_goes_out_whatever_goes_wrong_at_which_call_and_whatever_it_is_about() {
    for (what, set, to) in queued_of_every_kind().await {
        let (event, before) = (batch([&mail_queued(&unsent(&set, &to))]), mails(&set, &to));
        let deliver = |world: &World| {
            let event = event.clone();
            stories::operation(world, |world| async move {
                world.stack().invoke("deliver", event, String::new()).await.is_ok()
            })
        };
        let alone = set.fork().await;
        alone.wire().take_sent();
        stories::race(&[], vec![deliver(&alone)]).await;
        let calls = alone.wire().take_sent();
        let sends = calls.iter().position(|call| call.operation == "SendEmail").unwrap();
        assert!(sends > 0 && sends + 1 < calls.len(), "{what}: facts, a claim, SES, a note");
        for (nth, fault) in Fault::at_each(&calls) {
            let world = set.fork().await;
            world.wire().fail_racer(0, nth, fault.clone());
            stories::race_with_crashes(&[], vec![deliver(&world)]).await;
            // another one takes it over when the claim has run out
            world.settle().await;
            world.pass(CLAIM);
            world.settle().await;
            // SES may have had it, if nothing says that it had
            let twice = nth >= sends && !matches!(fault, Fault::Conflict);
            let most = before + 1 + usize::from(twice);
            let sent = mails(&world, &to);
            assert!((before + 1..=most).contains(&sent), "{what}, {fault:?} at {nth}: {sent}");
            assert!(world.stack().dead_letters().is_empty(), "{what}, {fault:?} at {nth}");
            world.ledger().check();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailer_that_is_late_sends_nothing_and_says_nothing_of_a_newer_mail() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    let event = queued(&set, &invited);
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
            world.pass(CLAIM);
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
        world.pass(CLAIM);
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
        world.pass(CLAIM);
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
async fn a_stream_that_stood_still_for_a_day_is_seen_as_failed_without_anybody_writing_it() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    world.pass(PATIENCE + 1);
    let shown = team.owner.look_at(&invited).await.expect(200);
    assert_eq!(shown.text("/delivery/state"), "failed");
    assert_eq!(delivery(&world, &invited.id).await.0, "queued", "by the clock alone");
    // sent again, it has another day
    team.owner.resend(&invited).await.expect(200);
    assert_eq!(team.owner.look_at(&invited).await.text("/delivery/state"), "queued");
    // and should the stream come back, the mail goes out all the same
    world.pass(PATIENCE + 1);
    world.settle().await;
    let shown = team.owner.look_at(&invited).await.expect(200);
    assert_eq!(shown.text("/delivery/state"), "sent");
    assert_eq!(mails(&world, "ana@acme.example"), 1, "the newer one");
}

#[tokio::test]
async fn a_message_that_says_something_else_than_its_mail_sends_nothing() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let ana = team.join("ana@acme.example", "member").await;
    world.settle().await;
    let before = world.stack().mailbox().to(None).len();
    world.ask("POST", "/v1/password-resets", None, &json!({"email": ana.email})).await.expect(202);
    let ledger = world.ledger();
    let is_it = |mail: &&Value| mail["kind"]["S"] == "password_reset";
    let good = mail_queued(ledger.all("Mail").iter().find(is_it).unwrap());
    let olive = json!({"canonical": team.owner.email, "entered": team.owner.email});
    for field in ["email", "to"] {
        let mut forged = good.clone();
        forged["detail"]["mail"][field] = olive.clone();
        let report = world.stack().invoke("deliver", batch([&forged]), String::new()).await.unwrap();
        assert_eq!(report, br#"{"batchItemFailures":[]}"#, "{field}");
        assert_eq!(world.stack().mailbox().to(None).len(), before, "{field}");
    }
    // spelt as somebody typed it, it goes out all the same, though SES refuses at first
    world.reset_token(&ana.email).await;
    world.pass(3_600);
    world.stack().mailbox().fail_next([MailboxFault::Throttled; 3]);
    world.ask("POST", "/v1/password-resets", None, &json!({"email": "ANA@Acme.example"})).await.expect(202);
    let before = world.stack().mailbox().to(None).len();
    world.settle().await;
    assert_eq!(world.stack().mailbox().to(None).len(), before + 1);
}

#[tokio::test]
async fn an_unreadable_message_fails_alone() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    let good = mail_queued(&mail(&world, &invited));
    let mut newer = good.clone();
    newer["detail"]["mail"]["kind"] = json!("carrier_pigeon");
    let messages = batch([&json!({}), &newer, &good, &json!("an event")]);
    let report = world.stack().invoke("deliver", messages, String::new()).await.unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    let failed = ["1", "2", "4"].map(|id| json!({ "itemIdentifier": id }));
    assert_eq!(report, json!({ "batchItemFailures": failed }));
    // what is no JSON at all is a message like others
    let text = json!({"Records": [{"messageId": "5", "body": "not JSON"}]}).to_string().into_bytes();
    let report = world.stack().invoke("deliver", text, String::new()).await.unwrap();
    assert_eq!(report, br#"{"batchItemFailures":[{"itemIdentifier":"5"}]}"#);
    assert_eq!(mails(&world, "ana@acme.example"), 1);
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
