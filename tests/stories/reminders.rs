//! Who was invited and doesn't answer is reminded, once, if their team wants it.

use local::{MailboxFault, Reply, SentMail};
use serde_json::{Value, json};
use stories::{
    Fault, Invited, Link, PASSWORD, Person, ReplyExt as _, Team, World, batch, interleavings, mail_queued,
    operation, race, reminder_due,
};

type Operation = stories::Operation<Reply>;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
const ANA: &str = "ana@acme.example";

async fn set(by: &Person, days: Value) -> Reply {
    by.ask("PATCH", "", json!({ "reminder_days": days })).await
}

/// A team that reminds three days after a mail.
async fn reminding(world: &World) -> Team {
    let team = world.team("Acme").await;
    set(&team.owner, json!(3)).await.expect(200);
    team
}

/// Such a team, and Ana, whom its owner invited to answer within seven days.
#[derive(Clone)]
struct Scene {
    world: World,
    team: Team,
    ana: Invited,
    link: Link,
}

impl Scene {
    async fn of(world: World) -> Self {
        let team = reminding(&world).await;
        let ana = team.invite(ANA, "member").await;
        let link = ana.link().await;
        Self { world, team, ana, link }
    }

    /// Three days later: the moment has come, and the owner is at work, which is noted.
    async fn on_the_day() -> Self {
        let scene = Self::of(World::new().await).await;
        scene.world.pass(3 * DAY);
        scene.team.owner.get("").await.expect(200);
        scene
    }

    async fn fork(&self) -> Self {
        let world = self.world.fork().await;
        let (team, ana, link) =
            (self.team.in_world(&world), self.ana.in_world(&world), self.link.in_world(&world));
        Self { world, team, ana, link }
    }

    async fn later(self, seconds: u64) -> Self {
        self.world.pass(seconds);
        self.world.stack().sweep().await.unwrap();
        self
    }

    /// How many reminders Ana got, and how many the trail tells of.
    fn reminded(&self) -> (usize, usize) {
        let told = self.world.ledger().count("Event", "type", "invitation.reminded");
        (reminders(&self.world, ANA).len(), told)
    }

    /// What the stream says when the moment of Ana's reminder has come.
    fn record(&self) -> Value {
        let ledger = self.world.ledger();
        let id = self.ana.id.as_str();
        let item = ledger.all("Reminder").iter().find(|one| one["invitation_id"]["S"] == id).unwrap();
        json!({"eventName": "REMOVE",
            "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
            "dynamodb": {"SequenceNumber": "1", "OldImage": item}})
    }

    /// What the bus says then.
    fn due(&self) -> Value {
        let item = &self.record()["dynamodb"]["OldImage"];
        let generation = item["generation"]["N"].as_str().unwrap().parse().unwrap();
        reminder_due(&self.team.tenant, &self.ana.id, generation)
    }

    /// The operator switches the team off, or on again.
    async fn suspend(&self, suspended: bool) {
        let tenant = &self.team.tenant;
        let order =
            json!({"operation": "suspend-tenant", "tenant": tenant, "suspended": suspended, "reason": "r"});
        self.world.operate(order).await.unwrap();
    }

    fn remind(&self) -> Operation {
        let due = self.due();
        operation(&self.world, |world| async move {
            let body = hand_over(&world, &[&due]).await.to_string().into_bytes();
            Reply { status: 200, headers: [].into(), body, function: "expire".to_owned() }
        })
    }

    fn owner_does<F: Future<Output = Reply> + Send + 'static>(
        &self,
        act: impl FnOnce(Person, Invited) -> F,
    ) -> Operation {
        operation(&(self.team.owner.clone(), self.ana.clone()), |(owner, ana)| act(owner, ana))
    }
}

/// The reminders that were mailed to an address.
fn reminders(world: &World, email: &str) -> Vec<SentMail> {
    let mails = world.stack().mailbox().to(Some(email)).into_iter();
    mails.filter(|mail| mail.subject == "Reminder: you are invited to a team").collect()
}

/// Hands events over to `expire`. Answers which of them it failed at.
async fn hand_over(world: &World, events: &[&Value]) -> Value {
    let messages = batch(events.iter().copied());
    let report = world.stack().invoke("expire", messages, String::new()).await.unwrap();
    serde_json::from_slice::<Value>(&report).unwrap()["batchItemFailures"].clone()
}

#[tokio::test]
async fn who_does_not_answer_is_reminded_once_with_a_link_that_works_as_the_first_one_does() {
    let scene = Scene::of(World::new().await).await;
    let scene = scene.later(3 * DAY).await;
    assert_eq!(scene.reminded(), (0, 0), "what has an end is there until it is over");
    let scene = scene.later(1).await;
    assert_eq!(scene.reminded(), (1, 1));
    let mails = reminders(&scene.world, ANA);
    let until = "until 29 November 2026, 09:00 UTC";
    for words in ["invited you to join Acme", "still waits for your answer", until] {
        assert!(mails[0].text.contains(words) && mails[0].html.contains(words), "{}", mails[0].text);
    }
    let events = scene.team.owner.get("events").await.expect(200).json();
    let told = &events["items"][0];
    assert_eq!((&told["type"], &told["actor"]), (&json!("invitation.reminded"), &json!({"kind": "system"})));
    assert_eq!(told["subject"], json!({"kind": "invitation", "id": scene.ana.id}));
    assert_eq!(told["details"], json!({"email": ANA}));
    // once, however long it lives on
    let scene = scene.later(3 * DAY).await;
    assert_eq!(scene.reminded(), (1, 1));
    assert_eq!(scene.team.owner.look_at(&scene.ana).await.text("/delivery/state"), "sent");
    let second = scene.ana.link().await;
    assert_ne!(scene.link.token, second.token);
    scene.link.preview().await.expect(200);
    // each of the two joins; whichever is used, both are over
    for (used, other) in [(&scene.link, &second), (&second, &scene.link)] {
        let world = scene.world.fork().await;
        used.in_world(&world).accept().await.expect(201);
        other.in_world(&world).accept().await.refused(410, "invitation-accepted");
        world.ledger().check();
    }
    // the newest one is the one that a fresh link can be asked for with, once it was swept
    let scene = scene.later(DAY).await;
    assert!(scene.world.ledger().all("Token").is_empty());
    second.renew().await.expect(202);
    scene.world.settle().await;
    let scene = scene.later(3 * DAY + 1).await;
    assert_eq!(scene.reminded(), (2, 2), "of the fresh link too");
    scene.ana.accept().await;
    assert!(scene.world.stack().dead_letters().is_empty());
    scene.world.ledger().check();
}

#[tokio::test]
async fn the_owner_says_after_how_many_days_and_nobody_else_does() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let adam = team.join("adam@acme.example", "admin").await;
    let before = team.owner.get("").await.expect(200);
    assert_eq!(before.json()["reminder_days"], Value::Null, "nobody is reminded unasked");
    set(&adam, json!(3)).await.refused(403, "forbidden");
    for wrong in [json!(0), json!(30), json!(-1), json!(1.5), json!("3"), json!(true), json!([3])] {
        let refused = set(&team.owner, wrong.clone()).await.refused(422, "validation");
        assert_eq!(refused.text("/errors/0/pointer"), "/reminder_days", "{wrong}");
    }
    assert_eq!(team.owner.get("").await.expect(200).body, before.body);
    for days in [1, 29] {
        let set = set(&team.owner, json!(days)).await.expect(200);
        assert_eq!(set.json()["reminder_days"], days);
        assert_eq!(adam.get("").await.expect(200).body, set.body, "everybody in it sees the same");
        world.pass(1);
    }
    let same = set(&team.owner, json!(29)).await.expect(200);
    // what is left out stays
    let named = team.owner.ask("PATCH", "", json!({"name": "Brew"})).await.expect(200);
    assert_eq!(named.json()["reminder_days"], 29);
    assert_ne!(named.headers["etag"], same.headers["etag"]);
    world.pass(1);
    let none = set(&team.owner, Value::Null).await.expect(200);
    assert_eq!(none.json()["reminder_days"], Value::Null);
    let events = team.owner.get("events").await.expect(200).json();
    let events = events["items"].as_array().unwrap().clone().into_iter();
    let told: Vec<Value> =
        events.filter(|e| e["type"] == "tenant.updated").map(|e| e["details"].clone()).collect();
    assert_eq!(
        told,
        [
            json!({"reminder_days_before": "29"}),
            json!({"name_before": "Acme", "name": "Brew"}),
            json!({"reminder_days_before": "1", "reminder_days": "29"}),
            json!({"reminder_days": "1"}),
        ]
    );
    world.ledger().check();
}

#[tokio::test]
async fn nothing_is_planned_where_no_hour_is_left_after_it_nor_for_who_was_mailed_before() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    team.invite("early@acme.example", "member").await.link().await;
    set(&team.owner, json!(3)).await.expect(200);
    for (days, planned) in [(1, 0), (3, 0), (4, 1), (30, 2)] {
        let body = json!({"email": format!("in{days}@acme.example"), "first_name": "N", "last_name": "N",
            "expires_in_days": days});
        team.owner.post("invitations", body).await.expect(201);
        world.settle().await;
        assert_eq!(world.ledger().all("Reminder").len(), planned, "{days}");
    }
    world.pass(3 * DAY + 1);
    world.stack().sweep().await.unwrap();
    for (email, mailed) in [("early", 0), ("in1", 0), ("in3", 0), ("in4", 1), ("in30", 1)] {
        assert_eq!(reminders(&world, &format!("{email}@acme.example")).len(), mailed, "{email}");
    }
    world.ledger().check();
}

#[tokio::test]
async fn a_sweeper_that_is_late_reminds_late_and_with_less_than_an_hour_left_not_at_all() {
    let set = Scene::of(World::new().await).await;
    for (late, reminded) in [(3 * DAY + 1, 1), (6 * DAY, 1), (7 * DAY - HOUR, 1), (7 * DAY - HOUR + 1, 0)] {
        let scene = set.fork().await.later(late).await;
        assert_eq!(scene.reminded(), (reminded, reminded), "{late}");
        assert!(scene.world.ledger().all("Reminder").is_empty());
        scene.ana.accept().await;
        scene.world.ledger().check();
    }
    // nor when the invitation is over
    let scene = set.fork().await.later(7 * DAY + 1).await;
    assert_eq!(scene.reminded(), (0, 0));
    assert_eq!(scene.world.ledger().count("Invitation", "status", "expired"), 1);
    scene.world.ledger().check();
}

#[tokio::test]
async fn who_answered_or_whose_invitation_was_taken_back_is_not_reminded() {
    let set = Scene::of(World::new().await).await;
    set.world.pass(DAY);
    for how in ["accepted", "declined", "revoked"] {
        let scene = set.fork().await;
        match how {
            "accepted" => scene.link.accept().await.expect(201),
            "declined" => scene.link.decline().await.expect(204),
            _ => scene.team.owner.revoke(&scene.ana).await.expect(204),
        };
        let scene = scene.later(2 * DAY + 1).await;
        assert_eq!(scene.reminded(), (0, 0), "{how}");
        // the owner accepted theirs
        let ended = 1 + usize::from(how == "accepted");
        assert_eq!(scene.world.ledger().count("Invitation", "status", how), ended);
        assert!(scene.world.stack().dead_letters().is_empty());
        scene.world.ledger().check();
    }
}

#[tokio::test]
async fn who_was_sent_it_again_is_reminded_of_that_mail() {
    let scene = Scene::of(World::new().await).await;
    let of_the_first = scene.due();
    scene.world.pass(DAY);
    scene.team.owner.resend(&scene.ana).await.expect(200);
    // before the newer mail went out, and after
    for _ in 0..2 {
        assert_eq!(hand_over(&scene.world, &[&of_the_first]).await, json!([]));
        scene.world.settle().await;
        assert_eq!(scene.reminded(), (0, 0));
    }
    let scene = scene.later(2 * DAY + 1).await;
    assert_eq!(scene.reminded(), (0, 0), "three days after the first mail");
    assert_eq!(scene.world.ledger().all("Reminder").len(), 1);
    let scene = scene.later(DAY).await;
    assert_eq!(scene.reminded(), (1, 1), "three days after the second one");
    scene.link.preview().await.refused(410, "invitation-revoked");
    // and again of another one, once
    scene.team.owner.resend(&scene.ana).await.expect(200);
    scene.world.settle().await;
    let scene = scene.later(3 * DAY + 1).await;
    assert_eq!(scene.reminded(), (2, 2));
    scene.ana.accept().await;
    scene.world.ledger().check();
}

#[tokio::test]
async fn a_reminder_takes_nothing_from_the_link_that_was_mailed_first() {
    let scene = Scene::of(World::new().await).await.later(3 * DAY + 1).await;
    assert_eq!(scene.reminded(), (1, 1));
    let reminder = scene.ana.link().await;
    // both are told from a forged one once the sweeper took them, and renewable
    let scene = scene.later(5 * DAY).await;
    for link in [&scene.link, &reminder] {
        link.preview().await.refused(410, "invitation-expired");
    }
    scene.link.renew().await.expect(202);
}

#[tokio::test]
async fn a_record_that_comes_twice_reminds_once_and_one_that_is_no_moment_nobody() {
    let set = Scene::on_the_day().await;
    let due = set.due();
    let scene = set.fork().await;
    for _ in 0..2 {
        assert_eq!(hand_over(&scene.world, &[&due, &due]).await, json!([]));
        scene.world.settle().await;
        assert_eq!(scene.reminded(), (1, 1));
    }
    // what the table did, and nobody heard of
    let scene = set.fork().await;
    scene.world.wire().fail("expire", "TransactWriteItems", 3, Fault::LostAnswer);
    assert_eq!(hand_over(&scene.world, &[&due]).await, json!([{"itemIdentifier": "1"}]));
    assert_eq!(hand_over(&scene.world, &[&due]).await, json!([]));
    scene.world.settle().await;
    assert_eq!(scene.reminded(), (1, 1));
    // what it didn't do is done when the record comes again
    let scene = set.fork().await;
    scene.world.wire().fail("expire", "TransactWriteItems", 3, Fault::Unreachable);
    assert_eq!(hand_over(&scene.world, &[&due]).await, json!([{"itemIdentifier": "1"}]));
    scene.world.settle().await;
    assert_eq!(scene.reminded(), (0, 0));
    assert_eq!(hand_over(&scene.world, &[&due]).await, json!([]));
    scene.world.settle().await;
    assert_eq!(scene.reminded(), (1, 1));
    // somebody's own removal of the item, and the one that takes its place
    let (swept, mut by_hand, mut replaced) = (set.record(), set.record(), set.record());
    by_hand.as_object_mut().unwrap().remove("userIdentity");
    replaced["eventName"] = "MODIFY".into();
    let records = serde_json::to_vec(&json!([by_hand, replaced, swept])).unwrap();
    let published = scene.world.stack().invoke("publish", records, String::new()).await.unwrap();
    let published: Value = serde_json::from_slice(&published).unwrap();
    assert_eq!(published, json!([due["detail"]]));
    scene.world.ledger().check();
}

#[tokio::test]
async fn a_team_that_is_not_in_use_or_wants_it_no_more_reminds_nobody() {
    let set_before = Scene::of(World::new().await).await;
    set_before.world.pass(DAY);
    for how in ["turned off", "suspended", "closed"] {
        let scene = set_before.fork().await;
        let owner = &scene.team.owner;
        match how {
            "turned off" => _ = set(owner, Value::Null).await.expect(200),
            "closed" => _ = owner.post("close", json!({ "password": PASSWORD })).await.expect(200),
            _ => {
                scene.suspend(true).await;
            }
        }
        let scene = scene.later(2 * DAY + 1).await;
        assert_eq!(scene.reminded(), (0, 0), "{how}");
        assert!(scene.world.stack().dead_letters().is_empty());
        scene.world.ledger().check();
    }
    // another number is for the next mail; what is planned keeps its moment
    let scene = set_before.fork().await;
    set(&scene.team.owner, json!(5)).await.expect(200);
    let scene = scene.later(2 * DAY + 1).await;
    assert_eq!(scene.reminded(), (1, 1));
    // a team that was off for a while goes on with what comes after that
    let scene = set_before.fork().await;
    for suspended in [true, false] {
        scene.suspend(suspended).await;
    }
    let scene = scene.later(2 * DAY + 1).await;
    assert_eq!(scene.reminded(), (1, 1));
}

#[tokio::test]
async fn what_a_removed_team_had_planned_reminds_nobody() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    set(&team.owner, json!(29)).await.expect(200);
    let body = json!({"email": ANA, "first_name": "A", "last_name": "A", "expires_in_days": 30});
    team.owner.post("invitations", body).await.expect(201);
    world.settle().await;
    team.owner.post("close", json!({ "password": PASSWORD })).await.expect(200);
    world.pass(30 * DAY);
    let remove = json!({"operation": "remove-tenant", "tenant": team.tenant, "reason": "r"});
    while world.operate(remove.clone()).await.unwrap()["done"] != true {}
    // its moment is over before anything can be removed, and it names nobody
    assert_eq!(world.ledger().all("Reminder").len(), 1);
    world.pass(1);
    world.stack().sweep().await.unwrap();
    assert!(world.ledger().all("Reminder").is_empty());
    assert!(reminders(&world, ANA).is_empty() && world.stack().dead_letters().is_empty());
}

#[tokio::test]
async fn nobody_is_reminded_of_a_mail_that_did_not_arrive() {
    let set = Scene::of(World::new().await).await;
    for (kind, reason, reminded) in [
        ("delivery", "", 1),
        ("delay", "mailbox full", 1),
        ("bounce", "mailbox full", 0),
        ("bounce", "no such user", 0),
        ("complaint", "", 0),
    ] {
        let scene = set.fork().await;
        scene.world.stack().feedback(ANA, kind, reason).await.unwrap();
        let scene = scene.later(3 * DAY + 1).await;
        assert_eq!(scene.reminded(), (reminded, reminded), "{kind} {reason}");
        scene.world.ledger().check();
    }
    // an address that takes no mail, as another team's mail showed
    let scene = set.fork().await;
    scene.world.team("Brew").await.invite(ANA, "member").await.link().await;
    scene.world.stack().feedback(ANA, "bounce", "no such user").await.unwrap();
    assert_eq!(scene.team.owner.look_at(&scene.ana).await.text("/delivery/state"), "sent");
    let scene = scene.later(3 * DAY + 1).await;
    assert_eq!(scene.reminded(), (0, 0));
    assert!(scene.world.stack().dead_letters().is_empty());
    // one that SES refused for good was never mailed at all
    let world = World::new().await;
    let team = reminding(&world).await;
    world.stack().mailbox().fail_next([MailboxFault::Rejected]);
    team.invite(ANA, "member").await;
    world.settle().await;
    world.pass(3 * DAY + 1);
    world.stack().sweep().await.unwrap();
    assert!(world.stack().mailbox().to(Some(ANA)).is_empty());
}

#[tokio::test]
async fn a_mail_that_was_held_up_is_followed_as_many_days_after_it_went_out() {
    let world = World::new().await;
    let team = reminding(&world).await;
    world.settle().await;
    // three tries of the first send
    world.stack().mailbox().fail_next([MailboxFault::Throttled; 3]);
    let ana = team.invite(ANA, "member").await;
    world.stack().pump(false).await.unwrap();
    assert!(world.stack().mailbox().to(Some(ANA)).is_empty());
    world.pass(2 * HOUR);
    let link = ana.link().await;
    let scene = Scene { world, team, ana, link };
    let scene = scene.later(3 * DAY - HOUR).await;
    assert_eq!(scene.reminded(), (0, 0), "three days after it was queued");
    let scene = scene.later(HOUR + 1).await;
    assert_eq!(scene.reminded(), (1, 1));
}

#[tokio::test]
async fn nobody_is_reminded_in_the_name_of_who_may_not_invite_any_more() {
    let world = World::new().await;
    let team = reminding(&world).await;
    let adam = team.join("adam@acme.example", "admin").await;
    let id = adam.invite(ANA, "member").await.expect(201).text("/id");
    let ana = Invited { world: world.clone(), tenant: team.tenant.clone(), id, email: ANA.to_owned() };
    let set = Scene { link: ana.link().await, world, team, ana };
    for how in ["suspended", "removed", "another role"] {
        let scene = set.fork().await;
        let (owner, adam) = (&scene.team.owner, adam.in_world(&scene.world));
        match how {
            "suspended" => owner.suspend(&adam).await.expect(200),
            "removed" => owner.remove(&adam).await.expect(200),
            _ => owner.give_role(&adam, "member").await.expect(200),
        };
        let scene = scene.later(3 * DAY + 1).await;
        assert!(reminders(&scene.world, ANA).is_empty(), "{how}");
        assert_eq!(scene.team.owner.look_at(&scene.ana).await.text("/delivery/state"), "sent", "{how}");
        assert!(scene.world.stack().dead_letters().is_empty());
        // an admin who takes it over sends it, and that mail has a reminder of its own
        scene.team.owner.resend(&scene.ana).await.expect(200);
        scene.world.settle().await;
        let scene = scene.later(3 * DAY + 1).await;
        assert_eq!(reminders(&scene.world, ANA).len(), 1, "{how}");
        scene.ana.accept().await;
        scene.world.ledger().check();
    }
}

#[tokio::test]
async fn a_reminder_is_counted_as_a_mail_and_over_a_limit_there_is_none() {
    // to the address, from this team: the one of the day was the reminder
    let scene = Scene::of(World::with([("ADDRESS_MAILS_OF_TENANT_PER_DAY", "1")]).await).await;
    let scene = scene.later(3 * DAY + 1).await;
    assert_eq!(scene.reminded(), (1, 1));
    let refused = scene.team.owner.resend(&scene.ana).await.refused(429, "rate-limited");
    assert!(refused.text("/detail").contains("emails to this address"));

    // to the address, from everybody
    let set = Scene::of(World::with([("ADDRESS_MAILS_PER_DAY", "1")]).await).await;
    let brew = set.world.team("Brew").await;
    let scene = set.fork().await.later(3 * DAY + 1).await;
    assert_eq!(scene.reminded(), (1, 1));
    let of_brew = brew.in_world(&scene.world);
    of_brew.owner.invite(ANA, "member").await.refused(429, "rate-limited");
    let scene = set.fork().await;
    scene.world.pass(3 * DAY + 1);
    brew.in_world(&scene.world).owner.invite(ANA, "member").await.expect(201);
    let scene = scene.later(0).await;
    assert_eq!(scene.reminded(), (0, 0));
    // not tried again, not on the next day either
    assert!(scene.world.stack().dead_letters().is_empty());
    let scene = scene.later(DAY).await;
    assert_eq!(scene.reminded(), (0, 0));
    scene.link.accept().await.expect(201);
    scene.world.ledger().check();

    // the team's day
    let set = Scene::of(World::with([("TENANT_MAILS_PER_DAY", "2")]).await).await;
    let scene = set.fork().await.later(3 * DAY + 1).await;
    assert_eq!(scene.reminded(), (1, 1));
    scene.team.invite("ben@acme.example", "member").await;
    let refused = scene.team.owner.invite("cleo@acme.example", "member").await.refused(429, "rate-limited");
    assert!(refused.text("/detail").contains("emails of this team"));
    let scene = set.fork().await;
    scene.world.pass(3 * DAY + 1);
    for email in ["ben@acme.example", "cleo@acme.example"] {
        scene.team.invite(email, "member").await;
    }
    let scene = scene.later(0).await;
    assert_eq!(scene.reminded(), (0, 0));
    assert!(scene.world.stack().dead_letters().is_empty());
    scene.world.ledger().check();
}

/// Calls of `expire` and of most others (facts, transaction), and of an acceptance (token, facts, transaction).
const OTHER: usize = 2;
const ACCEPT: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reminder_against_what_ends_the_invitation() {
    let set = Scene::on_the_day().await;
    for (how, calls) in [("accepted", ACCEPT), ("declined", OTHER), ("revoked", OTHER)] {
        for order in interleavings(OTHER, calls) {
            let scene = set.fork().await;
            let link = scene.link.clone();
            let ends = match how {
                "accepted" => operation(&link, |link| async move { link.accept().await }),
                "declined" => operation(&link, |link| async move { link.decline().await }),
                _ => scene.owner_does(|owner, ana| async move { owner.revoke(&ana).await }),
            };
            scene.world.wire().take_sent();
            let replies = race(&order, vec![scene.remind(), ends]).await;
            // it ends, whoever is first
            assert_eq!(replies[1].status, if how == "accepted" { 201 } else { 204 }, "{how} {order:?}");
            let queued = [1, 0][scene.world.wrote_first()];
            scene.world.settle().await;
            // nobody is mailed about what is over
            assert_eq!(scene.reminded(), (0, queued), "{how} {order:?}");
            scene.world.ledger().check();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reminder_against_a_newer_mail() {
    let set = Scene::on_the_day().await;
    for order in interleavings(OTHER, OTHER) {
        let scene = set.fork().await;
        scene.world.wire().take_sent();
        let resend = scene.owner_does(|owner, ana| async move { owner.resend(&ana).await });
        let replies = race(&order, vec![scene.remind(), resend]).await;
        assert_eq!(replies[1].status, 200, "{order:?}");
        let queued = [1, 0][scene.world.wrote_first()];
        scene.world.settle().await;
        // the newer link alone is mailed, and reminded of in its turn
        assert_eq!(scene.reminded(), (0, queued), "{order:?}");
        assert_eq!(scene.world.stack().mailbox().to(Some(ANA)).len(), 2, "{order:?}");
        let scene = scene.later(3 * DAY + 1).await;
        assert_eq!(scene.reminded(), (1, queued + 1), "{order:?}");
        scene.ana.accept().await;
        scene.world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reminder_that_is_mailed_against_a_newer_mail_and_against_what_ends_the_invitation() {
    let set = Scene::on_the_day().await;
    let before = set.world.ledger();
    hand_over(&set.world, &[&set.due()]).await;
    let after = set.world.ledger();
    let is_new = |mail: &&Value| {
        !before.all("Mail").iter().any(|other| other["sk"] == mail["sk"] && other["pk"] == mail["pk"])
    };
    let event = batch([&mail_queued(after.all("Mail").iter().find(is_new).unwrap())]);
    for (how, calls) in
        [("mailed again", OTHER), ("accepted", ACCEPT), ("declined", OTHER), ("revoked", OTHER)]
    {
        for order in interleavings(3, calls) {
            let scene = set.fork().await;
            let (event, link) = (event.clone(), scene.link.clone());
            let deliver = operation(&scene.world, |world| async move {
                let body = world.stack().invoke("deliver", event, String::new()).await.unwrap();
                Reply { status: 200, headers: [].into(), body, function: "deliver".to_owned() }
            });
            let meanwhile = match how {
                "mailed again" => scene.owner_does(|owner, ana| async move { owner.resend(&ana).await }),
                "accepted" => operation(&link, |link| async move { link.accept().await }),
                "declined" => operation(&link, |link| async move { link.decline().await }),
                _ => scene.owner_does(|owner, ana| async move { owner.revoke(&ana).await }),
            };
            let replies = race(&order, vec![deliver, meanwhile]).await;
            assert!(replies[1].status < 300, "{how} {order:?}");
            // no link that is dead by then
            let mailed = [1, 0][scene.world.wrote_first()];
            assert_eq!(reminders(&scene.world, ANA).len(), mailed, "{how} {order:?}");
            scene.world.settle().await;
            assert_eq!(reminders(&scene.world, ANA).len(), mailed, "{how} {order:?}");
            if how == "mailed again" {
                scene.ana.accept().await;
            }
            scene.world.ledger().check();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reminder_against_itself_and_against_news_of_the_first_mail() {
    let set = Scene::on_the_day().await;
    for order in interleavings(OTHER, OTHER) {
        let scene = set.fork().await;
        race(&order, vec![scene.remind(), scene.remind()]).await;
        scene.world.settle().await;
        assert_eq!(scene.reminded(), (1, 1), "{order:?}");
        scene.world.ledger().check();
    }
    // that the mail arrived takes no reminder away; that somebody complained of it does, where that was written first
    for (kind, complains) in [("delivery", false), ("complaint", true)] {
        // of a complaint both the address and the invitation are noted
        for order in interleavings(OTHER, 1 + usize::from(complains)) {
            let scene = set.fork().await;
            scene.world.wire().take_sent();
            let news = operation(&scene.world, move |world| async move {
                world.stack().feedback(ANA, kind, "").await.unwrap();
                Reply { status: 200, headers: [].into(), body: Vec::new(), function: "feedback".to_owned() }
            });
            race(&order, vec![scene.remind(), news]).await;
            let calls = scene.world.wire().take_sent();
            let mut writes = calls.iter().filter(|call| call.done && call.operation != "BatchGetItem");
            let is_first = writes.next().is_some_and(|call| call.function == "expire");
            let queued = usize::from(!complains || is_first);
            scene.world.settle().await;
            // who complained meanwhile isn't mailed, whatever was queued
            assert_eq!(scene.reminded(), (usize::from(!complains), queued), "{kind} {order:?}");
            scene.world.ledger().check();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reminder_against_the_end_of_reminders_and_of_the_team() {
    let set_before = Scene::on_the_day().await;
    for order in interleavings(OTHER, OTHER) {
        let scene = set_before.fork().await;
        scene.world.wire().take_sent();
        let off = scene.owner_does(|owner, _| async move { set(&owner, Value::Null).await });
        let replies = race(&order, vec![scene.remind(), off]).await;
        assert_eq!(replies[1].status, 200, "{order:?}");
        let queued = [1, 0][scene.world.wrote_first()];
        scene.world.settle().await;
        assert_eq!(scene.reminded(), (queued, queued), "{order:?}");
        scene.world.ledger().check();
    }
    for order in interleavings(OTHER, OTHER) {
        let scene = set_before.fork().await;
        scene.world.wire().take_sent();
        let off = operation(&scene, |scene| async move {
            scene.suspend(true).await;
            Reply { status: 200, headers: [].into(), body: Vec::new(), function: "operate".to_owned() }
        });
        race(&order, vec![scene.remind(), off]).await;
        let queued = [1, 0][scene.world.wrote_first()];
        scene.world.settle().await;
        assert_eq!(scene.reminded(), (0, queued), "{order:?}: no team that is off mails anybody");
        scene.world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reminder_against_an_invitation_for_the_last_mail_of_the_day() {
    let set = Scene::of(World::with([("TENANT_MAILS_PER_DAY", "2")]).await).await;
    set.world.pass(3 * DAY);
    set.team.invite("ben@acme.example", "member").await;
    for order in interleavings(OTHER, OTHER) {
        let scene = set.fork().await;
        scene.world.wire().take_sent();
        let invite =
            scene.owner_does(|owner, _| async move { owner.invite("cleo@acme.example", "member").await });
        let replies = race(&order, vec![scene.remind(), invite]).await;
        let (status, queued) = [(429, 1), (201, 0)][scene.world.wrote_first()];
        assert_eq!(replies[1].status, status, "{order:?}");
        assert_eq!(replies[0].body, b"[]", "{order:?}: what there is no room for isn't tried again");
        scene.world.settle().await;
        assert_eq!(scene.reminded(), (queued, queued), "{order:?}");
        scene.world.ledger().check();
    }
}
