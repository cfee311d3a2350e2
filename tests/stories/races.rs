//! Two operations at once, through every order in which their calls to the table can come: the one that was written first
//! wins, and the ledger is right (G2, G3, G4).

use local::Reply;
use serde_json::json;
use stories::{Invited, Link, Person, ReplyExt, Team, World, interleavings, operation, race};

type Operation = stories::Operation<Reply>;

/// A world with one invitation out, whose link was opened: set once, played once for each order.
struct Scene {
    world: World,
    team: Team,
    invited: Invited,
    link: Link,
}

async fn scene(seats: &str) -> Scene {
    let world = World::with([("NEW_TENANT_SEATS", seats)]).await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    let link = invited.link().await;
    Scene { world, team, invited, link }
}

impl Scene {
    async fn fork(&self) -> Self {
        let world = self.world.fork().await;
        let (team, invited) = (self.team.in_world(&world), self.invited.in_world(&world));
        Self { link: self.link.in_world(&world), team, invited, world }
    }

    fn accept(&self) -> Operation {
        operation(&self.link, |link| async move { link.accept().await })
    }

    fn decline(&self) -> Operation {
        operation(&self.link, |link| async move { link.decline().await })
    }

    fn revoke(&self) -> Operation {
        operation(&(self.team.owner.clone(), self.invited.clone()), |(owner, invited)| async move {
            owner.revoke(&invited).await
        })
    }

    fn resend(&self) -> Operation {
        operation(&(self.team.owner.clone(), self.invited.clone()), |(owner, invited)| async move {
            owner.resend(&invited).await
        })
    }

    fn invite(&self, email: &str) -> Operation {
        let email = email.to_owned();
        operation(&self.team.owner, |owner| async move { owner.invite(&email, "member").await })
    }

    fn sweep(&self) -> Operation {
        let event = stories::batch([&stories::link_removed(&self.team.tenant, &self.invited.id)]);
        operation(&self.world, |world| async move {
            let body = world.stack().invoke("expire", event, String::new()).await.unwrap();
            Reply { status: 200, headers: [].into(), body, function: "expire".to_owned() }
        })
    }
}

fn remove(who: &Person, whom: &Person) -> Operation {
    operation(&(who.clone(), whom.clone()), |(who, whom)| async move { who.remove(&whom).await })
}

fn give_role(who: &Person, whom: &Person, role: &'static str) -> Operation {
    operation(&(who.clone(), whom.clone()), |(who, whom)| async move { who.give_role(&whom, role).await })
}

/// Calls of an acceptance (token, facts, transaction) and of most others (facts, transaction).
const ACCEPT: usize = 3;
const OTHER: usize = 2;

fn statuses(replies: &[Reply]) -> (u16, u16) {
    (replies[0].status, replies[1].status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accept_against_revoke() {
    let set = scene("25").await;
    for order in interleavings(ACCEPT, OTHER) {
        let scene = set.fork().await;
        let replies = race(&order, vec![scene.accept(), scene.revoke()]).await;
        match (scene.world.wrote_first(), statuses(&replies)) {
            (0, (201, 409)) => assert_eq!(replies[1].code(), "already-member"),
            (1, (410, 204)) => assert_eq!(replies[0].code(), "invitation-revoked"),
            other => panic!("{order:?}: {other:?}"),
        }
        scene.world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accept_against_resend() {
    let set = scene("25").await;
    for order in interleavings(ACCEPT, OTHER) {
        let scene = set.fork().await;
        let replies = race(&order, vec![scene.accept(), scene.resend()]).await;
        match (scene.world.wrote_first(), statuses(&replies)) {
            (0, (201, 409)) => assert_eq!(replies[1].code(), "already-member"),
            (1, (410, 200)) => assert_eq!(replies[0].code(), "invitation-revoked"),
            other => panic!("{order:?}: {other:?}"),
        }
        scene.world.settle().await;
        scene.world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accept_against_decline() {
    let set = scene("25").await;
    for order in interleavings(ACCEPT, OTHER) {
        let scene = set.fork().await;
        let replies = race(&order, vec![scene.accept(), scene.decline()]).await;
        let legal = [(201, 410), (410, 204)][scene.world.wrote_first()];
        assert_eq!(statuses(&replies), legal, "{order:?}");
        scene.world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accept_against_the_sweeper() {
    let set = scene("25").await;
    for order in interleavings(ACCEPT, OTHER) {
        for late in [0, 7 * 86_400] {
            let scene = set.fork().await;
            scene.world.pass(late);
            let replies = race(&order, vec![scene.accept(), scene.sweep()]).await;
            // a record that came too early, by a clock that runs ahead, expires nothing
            assert_eq!(replies[0].status, if late == 0 { 201 } else { 410 }, "{order:?}");
            scene.world.ledger().check();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_accepts_of_one_link() {
    let set = scene("25").await;
    for order in interleavings(ACCEPT, ACCEPT) {
        let scene = set.fork().await;
        let replies = race(&order, vec![scene.accept(), scene.accept()]).await;
        let legal = [(201, 410), (410, 201)][scene.world.wrote_first()];
        assert_eq!(statuses(&replies), legal, "{order:?}");
        scene.world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_owners_to_be() {
    let set = World::new().await;
    let tenant = set.sign_up("Acme", "olive@acme.example").await;
    let link = set.link("olive@acme.example").await;
    for order in interleavings(ACCEPT, ACCEPT) {
        let world = set.fork().await;
        let link = link.in_world(&world);
        let accept = |first: &'static str| -> Operation {
            let fields = json!({"password": stories::PASSWORD, "first_name": first});
            operation(&link, |link| async move { link.accept_with(fields).await })
        };
        let replies = race(&order, vec![accept("Olive"), accept("Oscar")]).await;
        let legal = [(201, 410), (410, 201)][world.wrote_first()];
        assert_eq!(statuses(&replies), legal, "{order:?}");
        assert_eq!(world.ledger().count("Tenant", "id", &tenant), 1);
        world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_accept_against_the_removal() {
    let set = scene("25").await;
    let accept = |link: &Link| -> Operation {
        operation(link, |link| async move {
            let body = json!({"token": link, "password": stories::PASSWORD});
            let key = [("idempotency-key", "k")];
            link.world.ask_with("POST", "/v1/invitations/accept", None, &body, &key).await
        })
    };
    let accepted = accept(&set.link).await.expect(201);
    let ana = Person { user: accepted.text("/member/user_id"), ..set.team.owner.clone() };
    // token, facts, counting, taking back, session, brands
    for order in interleavings(6, OTHER) {
        let scene = set.fork().await;
        let before = scene.world.ledger().sessions();
        let ana = ana.in_world(&scene.world);
        let replies = race(&order, vec![accept(&scene.link), remove(&scene.team.owner, &ana)]).await;
        let opened = scene.world.ledger().sessions() - before;
        match statuses(&replies) {
            (201, 204) => assert_eq!(opened, 1),
            (403, 204) => assert_eq!(opened, 0),
            other => panic!("{order:?}: {other:?}"),
        }
        // a session that was opened was opened before the removal
        let calls = scene.world.wire().take_sent();
        let at = |function: &str| {
            calls.iter().position(|c| c.function == function && c.operation == "TransactWriteItems")
        };
        if replies[0].status == 201 {
            assert!(at("accept") < at("revoke"), "{order:?}");
        }
        scene.world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_invitations_of_one_address() {
    let set = scene("25").await;
    for order in interleavings(OTHER, OTHER) {
        let scene = set.fork().await;
        let racers = vec![scene.invite("ben@acme.example"), scene.invite("BEN@acme.example")];
        let replies = race(&order, racers).await;
        let legal = [(201, 409), (409, 201)][scene.world.wrote_first()];
        assert_eq!(statuses(&replies), legal, "{order:?}");
        scene.world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_racing_for_the_last_seat() {
    let set = scene("3").await;
    for order in interleavings(OTHER, OTHER) {
        let scene = set.fork().await;
        let racers = vec![scene.invite("ben@acme.example"), scene.invite("cleo@acme.example")];
        let replies = race(&order, racers).await;
        let legal = [(201, 402), (402, 201)][scene.world.wrote_first()];
        assert_eq!(statuses(&replies), legal, "{order:?}");
        scene.world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_racing_for_two_last_seats() {
    let scene = scene("4").await;
    let racers = (0..16).map(|n| scene.invite(&format!("racer{n}@acme.example")));
    let tasks: Vec<_> = racers.map(tokio::spawn).collect();
    let mut won = 0;
    for task in tasks {
        let reply = task.await.unwrap();
        match reply.status {
            201 => won += 1,
            // under so much contention some are sent home to try again; none is given a seat that isn't there
            402 | 409 => {}
            other => panic!("{other}"),
        }
    }
    assert!(won <= 2, "{won} of 2 seats");
    scene.world.ledger().check();
    while scene.team.owner.invite(&format!("late{won}@acme.example"), "member").await.status == 201 {
        won += 1;
    }
    assert_eq!(won, 2);
    scene.world.ledger().check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accept_against_the_inviters_removal() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    let adam = team.join("adam@acme.example", "admin").await;
    adam.invite("ana@acme.example", "member").await.expect(201);
    let link = set.link("ana@acme.example").await;
    for order in interleavings(ACCEPT, OTHER) {
        let world = set.fork().await;
        let (link, owner, adam) = (link.in_world(&world), team.owner.in_world(&world), adam.in_world(&world));
        let accept = operation(&link, |link| async move { link.accept().await });
        let replies = race(&order, vec![accept, remove(&owner, &adam)]).await;
        match (world.wrote_first(), statuses(&replies)) {
            (0, (201, 204)) => {}
            (1, (410, 204)) => assert_eq!(replies[0].code(), "invitation-revoked"),
            other => panic!("{order:?}: {other:?}"),
        }
        world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accept_against_the_deletion_of_its_brand() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    let brand = team.brand("Sage").await;
    let body = json!({"email": "ana@acme.example", "first_name": "A", "last_name": "A", "brands": [brand]});
    team.owner.post("invitations", body).await.expect(201);
    let link = set.link("ana@acme.example").await;
    for order in interleavings(ACCEPT, OTHER) {
        let world = set.fork().await;
        let accept = operation(&link.in_world(&world), |link| async move { link.accept().await });
        let gone = brand.clone();
        let delete =
            operation(&team.owner.in_world(&world), |owner| async move { owner.delete_brand(&gone).await });
        let replies = race(&order, vec![accept, delete]).await;
        assert_eq!(statuses(&replies), (201, 204), "{order:?}");
        let dropped = replies[0].json()["dropped_brands"] == json!([brand]);
        let assigned = replies[0].json()["member"]["brands"] == json!([brand]);
        let legal = [(false, true), (true, false)][world.wrote_first()];
        assert_eq!(
            (dropped, assigned),
            legal,
            "{order:?}: assigned while it was there, or dropped and named"
        );
        world.ledger().check();
    }
}

/// Who had every brand is left with one by name, which goes at the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_named_brand_against_its_deletion() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    let brand = team.brand("Sage").await;
    let adam = team.join("adam@acme.example", "admin").await;
    let review = team.owner.post("access-reviews", serde_json::Value::Null).await.expect(201).text("/id");
    for by_review in [false, true] {
        for order in interleavings(OTHER, OTHER) {
            let world = set.fork().await;
            let (gone, kept, user) = (brand.clone(), brand.clone(), adam.user.clone());
            let decide = format!("access-reviews/{review}/members/{user}");
            let name = operation(&team.owner.in_world(&world), |owner| async move {
                let brands = json!([kept]);
                if by_review {
                    let decision = json!({"decision": "reduced", "reason": "less", "brands": brands});
                    owner.put(&decide, decision).await
                } else {
                    owner.put(&format!("members/{user}/brands"), json!({ "brands": brands })).await
                }
            });
            let delete =
                operation(
                    &team.owner.in_world(&world),
                    |owner| async move { owner.delete_brand(&gone).await },
                );
            let replies = race(&order, vec![name, delete]).await;
            let legal = [(200, 204), (422, 204)][world.wrote_first()];
            assert_eq!(statuses(&replies), legal, "{order:?}: named while it was there, or refused");
            world.ledger().check();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removing_a_member_against_giving_them_a_role() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    let (adam, ana) =
        (team.join("adam@acme.example", "admin").await, team.join("ana@acme.example", "member").await);
    for order in interleavings(OTHER, OTHER) {
        let world = set.fork().await;
        let [owner, adam, ana] = [&team.owner, &adam, &ana].map(|person| person.in_world(&world));
        let replies = race(&order, vec![remove(&owner, &ana), give_role(&adam, &ana, "admin")]).await;
        let legal = [(204, 404), (204, 200)][world.wrote_first()];
        assert_eq!(statuses(&replies), legal, "{order:?}");
        ana.get("").await.refused(403, "access-revoked");
        world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_admins_who_demote_each_other() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    let (adam, anna) =
        (team.join("adam@acme.example", "admin").await, team.join("anna@acme.example", "admin").await);
    for order in interleavings(OTHER, OTHER) {
        let world = set.fork().await;
        let [adam, anna] = [&adam, &anna].map(|person| person.in_world(&world));
        let demote = |who: &Person, whom: &Person| give_role(who, whom, "partner");
        let replies = race(&order, vec![demote(&adam, &anna), demote(&anna, &adam)]).await;
        // never both: who was demoted can't demote any more
        let legal = [(200, 403), (403, 200)][world.wrote_first()];
        assert_eq!(statuses(&replies), legal, "{order:?}");
        world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_that_is_freed_meanwhile_is_found() {
    let set = scene("2").await;
    // read as full, then freed, then looked for
    for order in [vec![0, 1, 1, 0], vec![0, 0, 1, 1, 0]] {
        let scene = set.fork().await;
        let replies = race(&order, vec![scene.invite("ben@acme.example"), scene.revoke()]).await;
        assert_eq!(statuses(&replies), (201, 204), "{order:?}");
        scene.world.ledger().check();
    }
    let scene = set.fork().await;
    scene.team.owner.invite("ben@acme.example", "member").await.refused(402, "seats-exhausted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expiry_that_lost_its_race_to_a_note_is_not_lost() {
    let set = scene("25").await;
    set.world.pass(7 * 86_400);
    for order in interleavings(OTHER, 1) {
        let scene = set.fork().await;
        let note = operation(&scene.world, |world| async move {
            world.stack().feedback("ana@acme.example", "delivery", "").await.unwrap();
            Reply { status: 200, headers: [].into(), body: Vec::new(), function: "feedback".to_owned() }
        });
        race(&order, vec![scene.sweep(), note]).await;
        assert_eq!(scene.world.ledger().count("Invitation", "status", "expired"), 1, "{order:?}");
        scene.world.ledger().check();
    }
}
