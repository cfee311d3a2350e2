//! Two operations at once, through every order in which their calls to the table can come: one wins, the state is one
//! of the legal ones, and the ledger is right (G2, G3, G4).

use local::Reply;
use serde_json::{Value, json};
use stories::{Invited, PASSWORD, ReplyExt, Team, World, interleavings, race};

type Operation = stories::Operation<Reply>;

/// A world with one invitation out, whose link was opened.
struct Scene {
    world: World,
    team: Team,
    invited: Invited,
    token: String,
}

async fn scene(seats: &str) -> Scene {
    let world = World::with([("NEW_TENANT_SEATS", seats)]).await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    let token = invited.token().await;
    Scene { world, team, invited, token }
}

impl Scene {
    fn accept(&self) -> Operation {
        let (world, body) = (self.world.clone(), json!({"token": self.token, "password": PASSWORD}));
        Box::pin(async move { world.invitation("accept", body).await })
    }

    fn decline(&self) -> Operation {
        let (world, body) = (self.world.clone(), json!({ "token": self.token }));
        Box::pin(async move { world.invitation("decline", body).await })
    }

    fn owner(&self, method: &'static str, path: String, body: Value) -> Operation {
        let owner = self.team.owner.clone();
        Box::pin(async move { owner.ask(method, &path, body).await })
    }

    fn revoke(&self) -> Operation {
        self.owner("DELETE", format!("invitations/{}", self.invited.id), Value::Null)
    }

    fn resend(&self) -> Operation {
        self.owner("POST", format!("invitations/{}/resend", self.invited.id), Value::Null)
    }

    fn invite(&self, email: &str) -> Operation {
        let (owner, email) = (self.team.owner.clone(), email.to_owned());
        Box::pin(async move { owner.invite(&email, "member").await })
    }

    fn sweep(&self) -> Operation {
        let token = json!({"eventName": "REMOVE",
            "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"},
            "dynamodb": {"SequenceNumber": "1", "OldImage": {
                "entity": {"S": "Token"}, "tenant_id": {"S": self.team.tenant}, "invitation_id": {"S": self.invited.id},
                "generation": {"N": "1"}, "expires_at": {"S": "2026-11-29T09:00:00.000Z"}}}});
        let world = self.world.clone();
        Box::pin(async move {
            let event = serde_json::to_vec(&json!({ "Records": [token] })).unwrap();
            let body = world.stack().invoke("expire", event, String::new()).await.unwrap();
            Reply { status: 200, headers: [].into(), body, function: "expire".to_owned() }
        })
    }
}

/// Calls of an acceptance (token, facts, transaction) and of most others (facts, transaction).
const ACCEPT: usize = 3;
const OTHER: usize = 2;

fn statuses(replies: &[Reply]) -> (u16, u16) {
    (replies[0].status, replies[1].status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accept_against_revoke() {
    for order in interleavings(ACCEPT, OTHER) {
        let scene = scene("25").await;
        let replies = race(&order, vec![scene.accept(), scene.revoke()]).await;
        match statuses(&replies) {
            (201, 409) => assert_eq!(replies[1].code(), "already-member"),
            (410, 204) => assert_eq!(replies[0].code(), "invitation-revoked"),
            other => panic!("{order:?}: {other:?}"),
        }
        scene.world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accept_against_resend() {
    for order in interleavings(ACCEPT, OTHER) {
        let scene = scene("25").await;
        let replies = race(&order, vec![scene.accept(), scene.resend()]).await;
        match statuses(&replies) {
            (201, 409) => assert_eq!(replies[1].code(), "already-member"),
            (410, 200) => assert_eq!(replies[0].code(), "invitation-revoked"),
            other => panic!("{order:?}: {other:?}"),
        }
        scene.world.settle().await;
        scene.world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accept_against_decline() {
    for order in interleavings(ACCEPT, OTHER) {
        let scene = scene("25").await;
        let replies = race(&order, vec![scene.accept(), scene.decline()]).await;
        assert!(matches!(statuses(&replies), (201, 410) | (410, 204)), "{order:?}: {:?}", statuses(&replies));
        scene.world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accept_against_the_sweeper() {
    for order in interleavings(ACCEPT, OTHER) {
        for late in [0, 7 * 86_400] {
            let scene = scene("25").await;
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
    for order in interleavings(ACCEPT, ACCEPT) {
        let scene = scene("25").await;
        let replies = race(&order, vec![scene.accept(), scene.accept()]).await;
        assert!(matches!(statuses(&replies), (201, 410) | (410, 201)), "{order:?}: {:?}", statuses(&replies));
        scene.world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_owners_to_be() {
    for order in interleavings(ACCEPT, ACCEPT) {
        let world = World::new().await;
        let tenant = world.sign_up("Acme", "olive@acme.example").await;
        let token = world.token("olive@acme.example").await;
        let accept = |first: &'static str| -> Operation {
            let body = json!({"token": token, "password": PASSWORD, "first_name": first});
            let world = world.clone();
            Box::pin(async move { world.invitation("accept", body).await })
        };
        let replies = race(&order, vec![accept("Olive"), accept("Oscar")]).await;
        assert!(matches!(statuses(&replies), (201, 410) | (410, 201)), "{order:?}: {:?}", statuses(&replies));
        assert_eq!(world.ledger().count("Tenant", "id", &tenant), 1);
        world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_invitations_of_one_address() {
    for order in interleavings(OTHER, OTHER) {
        let scene = scene("25").await;
        let racers = vec![scene.invite("ben@acme.example"), scene.invite("BEN@acme.example")];
        let replies = race(&order, racers).await;
        assert!(matches!(statuses(&replies), (201, 409) | (409, 201)), "{order:?}: {:?}", statuses(&replies));
        scene.world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_racing_for_the_last_seat() {
    for order in interleavings(OTHER, OTHER) {
        let scene = scene("3").await;
        let racers = vec![scene.invite("ben@acme.example"), scene.invite("cleo@acme.example")];
        let replies = race(&order, racers).await;
        assert!(matches!(statuses(&replies), (201, 402) | (402, 201)), "{order:?}: {:?}", statuses(&replies));
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
    for order in interleavings(ACCEPT, OTHER) {
        let world = World::new().await;
        let team = world.team("Acme").await;
        let adam = team.join("adam@acme.example", "admin").await;
        let id = adam.invite("ana@acme.example", "member").await.expect(201).text("/id");
        let token = world.token("ana@acme.example").await;
        let invited = Invited {
            world: world.clone(),
            tenant: team.tenant.clone(),
            id,
            email: "ana@acme.example".into(),
        };
        let scene = Scene { world, team, invited, token };
        let remove = scene.owner("DELETE", format!("members/{}", adam.user), Value::Null);
        let replies = race(&order, vec![scene.accept(), remove]).await;
        match statuses(&replies) {
            (201, 204) => {}
            (410, 204) => assert_eq!(replies[0].code(), "invitation-revoked"),
            other => panic!("{order:?}: {other:?}"),
        }
        scene.world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accept_against_the_deletion_of_its_brand() {
    for order in interleavings(ACCEPT, OTHER) {
        let world = World::new().await;
        let team = world.team("Acme").await;
        let brand = team.brand("Sage").await;
        let body =
            json!({"email": "ana@acme.example", "first_name": "A", "last_name": "A", "brands": [brand]});
        let id = team.owner.post("invitations", body).await.expect(201).text("/id");
        let token = world.token("ana@acme.example").await;
        let invited = Invited {
            world: world.clone(),
            tenant: team.tenant.clone(),
            id,
            email: "ana@acme.example".into(),
        };
        let scene = Scene { world, team, invited, token };
        let delete = scene.owner("DELETE", format!("brands/{brand}"), Value::Null);
        let replies = race(&order, vec![scene.accept(), delete]).await;
        assert_eq!(statuses(&replies), (201, 204), "{order:?}");
        let dropped = replies[0].json()["dropped_brands"] == json!([brand]);
        let assigned = replies[0].json()["member"]["brands"] == json!([brand]);
        assert!(dropped != assigned, "{order:?}: assigned while it was there, or dropped and named");
        scene.world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn removing_a_member_against_giving_them_a_role() {
    for order in interleavings(OTHER, OTHER) {
        let world = World::new().await;
        let team = world.team("Acme").await;
        let (adam, ana) =
            (team.join("adam@acme.example", "admin").await, team.join("ana@acme.example", "member").await);
        let (owner, user) = (team.owner.clone(), ana.user.clone());
        let remove: Operation = Box::pin(async move { owner.delete(&format!("members/{user}")).await });
        let user = ana.user.clone();
        let promote: Operation =
            Box::pin(
                async move { adam.put(&format!("members/{user}/role"), json!({"role": "admin"})).await },
            );
        let replies = race(&order, vec![remove, promote]).await;
        assert!(matches!(statuses(&replies), (204, 200 | 404)), "{order:?}: {:?}", statuses(&replies));
        ana.get("").await.refused(403, "access-revoked");
        world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_admins_who_demote_each_other() {
    for order in interleavings(OTHER, OTHER) {
        let world = World::new().await;
        let team = world.team("Acme").await;
        let (adam, anna) =
            (team.join("adam@acme.example", "admin").await, team.join("anna@acme.example", "admin").await);
        let demote = |who: &stories::Person, whom: &stories::Person| -> Operation {
            let (who, path) = (who.clone(), format!("members/{}/role", whom.user));
            Box::pin(async move { who.put(&path, json!({"role": "partner"})).await })
        };
        let replies = race(&order, vec![demote(&adam, &anna), demote(&anna, &adam)]).await;
        // never both: who was demoted can't demote any more
        assert!(matches!(statuses(&replies), (200, 403) | (403, 200)), "{order:?}: {:?}", statuses(&replies));
        world.ledger().check();
    }
}
