//! What is published: the events of the trail, plain, in the contract's words.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use stories::{ReplyExt, Team, World};

/// A tenant's trail as its owner reads it, by id.
async fn trail(team: &Team) -> BTreeMap<String, Value> {
    let (mut all, mut path) = (BTreeMap::new(), "events?limit=40".to_owned());
    loop {
        let page = team.owner.get(&path).await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        all.extend(items.iter().map(|event| (event["id"].as_str().unwrap().to_owned(), event.clone())));
        let Some(cursor) = page["next_cursor"].as_str() else { return all };
        path = format!("events?limit=40&cursor={cursor}");
    }
}

/// What was published of a tenant's trail, each with how often, without what only the bus needs.
fn published(world: &World, tenant: &str) -> BTreeMap<String, (usize, Value)> {
    let mut all = BTreeMap::new();
    for event in world.stack().published() {
        let mut detail = event["detail"].clone();
        let fields = detail.as_object_mut().unwrap();
        if fields.remove("tenant_id") != Some(json!(tenant))
            || ["link.removed", "reminder.due"].iter().any(|kind| fields["type"] == *kind)
        {
            continue;
        }
        assert_eq!(fields.remove("schema_version"), Some(json!("1")));
        let id = fields["id"].as_str().unwrap().to_owned();
        all.entry(id).or_insert((0, detail)).0 += 1;
    }
    all
}

#[tokio::test]
async fn what_is_published_is_the_trail_each_event_once() {
    let world = World::new().await;
    let (team, other) = (world.team("Acme").await, world.team("Brew").await);
    let brand = team.brand("Sage").await;
    let ana = team.join("ana@acme.example", "member").await;
    team.owner.assign_brand(&ana, &brand).await.expect(200);
    team.owner.give_role(&ana, "sales_rep").await.expect(200);
    team.owner.suspend(&ana).await.expect(200);
    let bounced = team.invite("gone@acme.example", "member").await;
    bounced.link().await;
    world.stack().feedback("gone@acme.example", "bounce", "no such user").await.unwrap();
    let seats = json!({"operation": "set-plan", "tenant": team.tenant, "plan": "large", "seats": 50, "reason": "contract 17"});
    world.operate(seats).await.unwrap();
    other.brand("Mint").await;
    world.pass(7 * 86_400 + 1);
    world.stack().sweep().await.unwrap();
    world.settle().await;
    for team in [&team, &other] {
        let (trail, published) = (trail(team).await, published(&world, &team.tenant));
        let once: BTreeMap<String, (usize, Value)> =
            trail.into_iter().map(|(id, event)| (id, (1, event))).collect();
        assert_eq!(published, once);
    }
    let kinds: Vec<String> = published(&world, &team.tenant)
        .into_values()
        .map(|(_, event)| event["type"].as_str().unwrap().to_owned())
        .collect();
    for kind in ["tenant.created", "invitation.accepted", "invitation.undelivered", "invitation.expired"] {
        assert!(kinds.iter().any(|one| one == kind), "{kind} in {kinds:?}");
    }
}

/// The rule that infra/README.md tells whoever listens to make.
#[tokio::test]
async fn the_rule_of_the_runbook_matches_what_it_says() {
    // the shell puts the tenant's id there
    let readme = include_str!("../../infra/README.md").replace("'\"$TENANT\"'", "TENANT");
    let (_, rule) = readme.split_once("--event-pattern '").unwrap();
    let pattern: Value = serde_json::from_str(rule.split_once('\'').unwrap().0).unwrap();
    let world = World::new().await;
    let (team, other) = (world.team("Acme").await, world.team("Brew").await);
    for team in [&team, &other] {
        team.join("ana@mail.example", "member").await;
        team.invite("ben@mail.example", "member").await;
    }
    world.settle().await;
    let is_one = |event: &&Value| {
        let of = &event["detail"];
        let (tenant, kind) = (&pattern["detail"]["tenant_id"][0], &pattern["detail"]["type"][0]);
        assert_eq!((kind, tenant), (&json!("invitation.accepted"), &json!("TENANT")));
        pattern["source"][0] == event["source"]
            && of["type"] == *kind
            && of["tenant_id"] == team.tenant.as_str()
    };
    let events = world.stack().published();
    // the owner's own, and ana's
    assert_eq!(events.iter().filter(is_one).count(), 2);
}
