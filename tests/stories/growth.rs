//! What grows with a deployment: each operation of the table of trips in a large one, and in a small one, at the same price.
//! What costs more is named in [`MORE`], and how much in `tests/growth.txt`, which is rendered here;
//! `GROWTH=100000 UPDATE=1 cargo test -p stories growth` writes it anew. `GROWTH` is how many members and events the large team
//! has; without it, what grows is looked for where there are sixty of everything, and nothing is rendered.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stories::{Person, Team, Trips};

use crate::trips::{Row, Scene, aligned, hold};

/// Teams that one person is in, and partners that one portal has.
const MANY: usize = 1_000;

/// Lists, which cost their page.
const PAGES: &[&str] = &[
    "ReadMe",
    "ListMembers",
    "ListInvitations",
    "ListSeats",
    "ListEvents",
    "ListPartners",
    "ReviewAccess",
    "operate export-tenant",
];

/// What costs more for somebody who is in many teams, and why.
const MORE: &[(&str, &str)] = &[
    ("SignIn", "the address names every team; the first fifty are shown"),
    ("ChangeProfile", "each team shows the name, and its trail tells of it"),
    ("ChangePassword", "the address names every team, and is written"),
    (
        "ConfirmReset",
        "as a change of the password; one team that is of use is looked for among fifty at once",
    ),
    ("AskForNewEmail", "the address names every team"),
    (
        "ConfirmNewEmail",
        "the address names every team, and is written anew; in each one the new address is taken",
    ),
    (
        "UndoNewEmail",
        "the address names every team, and is written anew; in each one the old address is taken",
    ),
    (
        "deliver password-reset",
        "the address names every team; one that is of use is looked for among fifty at once",
    ),
    ("deliver email-proof", "the address names every team"),
    ("deliver email-changed", "each team but the first twenty shows the address, and its trail tells of it"),
    ("operate send-password-reset", "the address names every team; the trails of fifty tell of it"),
];

/// What looks through a whole team.
const WHOLE: &[&str] = &["ExportReview", "CloseReview", "operate set-email-policy", "operate remove-tenant"];

/// What a deployment is filled with.
struct Size {
    members: usize,
    invitations: usize,
    events: usize,
    /// Teams of Peter's, each a partner of the portal.
    teams: usize,
}

/// An id that was made before everything in the scene.
fn early(n: usize) -> String {
    format!("01000000-0000-7000-8000-{n:012x}")
}

/// An id that is made after everything in the scene, in the same month.
fn late(n: usize) -> String {
    format!("01a20280-0000-7000-8000-{n:012x}")
}

/// A text, as an attribute.
fn text(value: String) -> Value {
    json!({ "S": value })
}

/// The item at a key.
fn at<'i>(items: &'i [Value], pk: &str, sk: &str) -> &'i Value {
    let found = items.iter().find(|item| item["pk"]["S"] == pk && item["sk"]["S"] == sk);
    found.unwrap_or_else(|| panic!("nothing lies at {pk} {sk}"))
}

/// The partition of one of Peter's tenants, as an attribute.
fn partition(n: usize) -> Value {
    text(format!("TENANT#{}", early(n)))
}

/// A number, as an attribute, that is so much more.
fn more(attribute: &Value, by: usize) -> Value {
    let before: usize = attribute["N"].as_str().unwrap().parse().unwrap();
    json!({ "N": (before + by).to_string() })
}

/// Fills a team with copies of one of its members, with what holds their address.
fn fill_members(scene: &Scene, items: &[Value], team: &Team, member: &Person, members: usize) {
    let (stack, its) = (scene.world.stack(), format!("TENANT#{}", team.tenant));
    let email = |n: usize| format!("m{n:07}@acme.example");
    let copies = (0..members).map(|n| {
        json!({
            "sk": text(format!("MEMBER#{}", early(n))),
            "user_id": text(early(n)),
            "gsi1pk": text(format!("USER#{}", early(n))),
            "email": {"M": {"canonical": text(email(n)), "entered": text(email(n))}},
        })
    });
    stack.put_copies(at(items, &its, &format!("MEMBER#{}", member.user)), copies).unwrap();
    let copies =
        (0..members).map(|n| json!({"sk": text(format!("INVITEE#{}", email(n))), "user_id": text(early(n))}));
    stack.put_copies(at(items, &its, &format!("INVITEE#{}", member.email)), copies).unwrap();
    let mut tenant = at(items, &its, "TENANT").clone();
    tenant["seats_used"] = more(&tenant["seats_used"], members);
    stack.put_item(&tenant).unwrap();
}

/// Fills the team with copies of the invitation that Ana accepted, and with copies of the event that says so.
fn fill_trail(scene: &Scene, items: &[Value], size: &Size) {
    let (stack, ana) = (scene.world.stack(), scene.ana.email.as_str());
    let invitation = items
        .iter()
        .find(|item| item["entity"]["S"] == "Invitation" && item["email"]["M"]["canonical"]["S"] == ana);
    let copies = (0..size.invitations)
        .map(|n| json!({"sk": text(format!("INVITATION#{}", early(n))), "id": text(early(n))}));
    stack.put_copies(invitation.unwrap(), copies).unwrap();
    let event = items
        .iter()
        .find(|item| item["type"]["S"] == "invitation.accepted" && item["details"]["M"]["email"]["S"] == ana);
    let copies = (0..size.events).map(|n| json!({"sk": text(late(n)), "id": text(late(n))}));
    stack.put_copies(event.unwrap(), copies).unwrap();
}

/// Makes Peter a member of as many tenants more, and each of them a partner of the portal.
fn fill_teams(scene: &Scene, items: &[Value], teams: usize) {
    let (stack, peter) = (scene.world.stack(), &scene.peter);
    let team = format!("TENANT#{}", scene.team.tenant);
    let tenants = (0..teams).map(|n| json!({"pk": partition(n), "id": text(early(n))}));
    stack.put_copies(at(items, &team, "TENANT"), tenants).unwrap();
    let entries = || {
        (0..teams).map(|n| json!({"pk": partition(n), "gsi1sk": partition(n), "tenant_id": text(early(n))}))
    };
    stack.put_copies(at(items, &team, &format!("MEMBER#{}", peter.user)), entries()).unwrap();
    stack.put_copies(at(items, &format!("TENANT#{}", scene.bloom.tenant), "PORTAL"), entries()).unwrap();
    let held = (0..teams).map(|n| json!({"pk": partition(n)}));
    stack.put_copies(at(items, &team, &format!("INVITEE#{}", peter.email)), held).unwrap();
    let mut credential = at(items, &format!("EMAIL#{}", peter.email), "EMAIL").clone();
    let tenants = credential["tenants"]["M"].as_object_mut().unwrap();
    let belonging = tenants[&scene.team.tenant].clone();
    tenants.extend((0..teams).map(|n| (early(n), belonging.clone())));
    stack.put_item(&credential).unwrap();
}

/// The operations where there is as much, each done once.
async fn walked(size: &Size) -> Vec<Row> {
    let scene = Scene::set().await;
    let items = scene.world.stack().items().unwrap();
    fill_teams(&scene, &items, size.teams);
    fill_trail(&scene, &items, size);
    fill_members(&scene, &items, &scene.team, &scene.ana, size.members);
    scene.walk().await
}

fn trips<'r>(rows: &'r [Row], operation: &str) -> &'r Trips {
    &rows.iter().find(|row| row.operation == operation).unwrap_or_else(|| panic!("{operation}?")).trips
}

/// What costs more in a large deployment than in a small one, but for pages.
fn grown<'r>(small: &'r [Row], large: &[Row]) -> BTreeSet<&'r str> {
    let grows = |row: &&Row| !row.trips.cost_as(trips(large, &row.operation));
    let grown = small.iter().filter(grows).map(|row| row.operation.as_str());
    grown.filter(|operation| !PAGES.contains(operation)).collect()
}

/// What an operation costs in one deployment, and in another one.
fn beside(operation: &str, [small, large]: [&[Row]; 2]) -> [[String; 6]; 2] {
    let line = |name: &str, trips: &Trips| {
        let [count, read, write, index] = trips.numbers();
        let [reads, writes] = trips.in_all();
        [name.to_owned(), count, read, write, index, format!("{reads} | {writes}")]
    };
    [line(operation, trips(small, operation)), line("", trips(large, operation))]
}

/// Whether the stories have another engine behind them, which would have to be filled an item at a time.
fn has_second_engine() -> bool {
    std::env::var_os("PROOF_SECOND_ENGINE").is_some()
}

#[tokio::test]
async fn what_an_operation_costs_does_not_grow_and_a_page_costs_its_page() {
    if has_second_engine() {
        return;
    }
    let many = std::env::var("GROWTH").ok().map(|many| many.parse().unwrap());
    let small = Scene::set().await.walk().await;
    // more than a page of everything
    let sixty = Size { members: 60, invitations: 60, events: 60, teams: 60 };
    let sixty = Box::pin(walked(&sixty)).await;
    let named: BTreeSet<&str> = MORE.iter().map(|(operation, _)| *operation).collect();
    let Some(many) = many else {
        let grown = grown(&small, &sixty);
        assert!(grown.is_subset(&named), "what costs more: {grown:?}");
        return;
    };
    let large = Size { members: many, invitations: MANY, events: many, teams: MANY };
    let large = Box::pin(walked(&large)).await;
    let grown = grown(&small, &large);
    let head = ["operation", "trips", "read", "write", "index", "what is read | what is written"];
    let mut lines = vec![head.map(str::to_owned)];
    for operation in grown.union(&named) {
        lines.extend(beside(operation, [&small, &large]));
    }
    let why: Vec<_> =
        MORE.iter().map(|(operation, why)| [(*operation).to_owned(), (*why).to_owned()]).collect();
    // what looks through a whole team does it in another one
    let mut whole = vec![head.map(str::to_owned)];
    let looked = Box::pin(looked_through(2_500)).await;
    for operation in WHOLE {
        whole.extend(beside(operation, [&small, &looked]));
    }
    let found = format!(
        "# What costs more where there is more. Rendered by `cargo test -p stories growth`; UPDATE=1 writes it anew.\n\
         # Everything else in trips.txt costs the same in a team of 100 000 members and as many events, for a portal of\n\
         # 1 000 partners and for a person in 1 000 teams, and a page of a list costs its page.\n\n\
         # For a person in one team, and in 1 001\n\n{}\n# Why\n\n{}\n\
         # What looks through a whole team: of two members, and of 2 502\n\n{}",
        aligned(&lines),
        aligned(&why),
        aligned(&whole)
    );
    hold("growth.txt", &found);
    assert_eq!(grown, named, "what costs more on the left, what is known to on the right");
    let pages = PAGES.iter().filter(|operation| !trips(&sixty, operation).cost_as(trips(&large, operation)));
    let dear: Vec<_> = pages.map(|operation| beside(operation, [&sixty, &large])).collect();
    assert!(dear.is_empty(), "a page costs more than its page: {dear:#?}");
}

/// The operations where the team that is looked through as a whole has as many members more.
async fn looked_through(members: usize) -> Vec<Row> {
    let scene = Scene::set().await;
    let items = scene.world.stack().items().unwrap();
    fill_members(&scene, &items, &scene.shut, &scene.mira, members);
    scene.walk().await
}
