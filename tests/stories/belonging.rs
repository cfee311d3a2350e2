//! One address in several teams: those that share addresses, those that don't, and a team whose policy changes.

use serde_json::{Value, json};
use stories::{Fault, PASSWORD, Person, ReplyExt as _, Team, World, interleavings, operation, race};

/// A team whose members' addresses belong to it as this policy says.
async fn team_under(world: &World, name: &str, policy: &str) -> Team {
    let email = format!("owner@{name}.example");
    let order = json!({"operation": "create-tenant", "name": name, "email": email, "first_name": "O",
        "last_name": "O", "email_policy": policy, "reason": "r"});
    let tenant = world.operate(order).await.unwrap()["tenant"].as_str().unwrap().to_owned();
    let owner = Person::of(&world.link(&email).await, &tenant).await;
    Team { world: world.clone(), tenant, owner }
}

async fn set_policy(team: &Team, policy: &str) -> Result<Value, String> {
    let order = json!({"operation": "set-email-policy", "tenant": team.tenant, "email_policy": policy,
        "reason": "ticket 5"});
    team.world.operate(order).await
}

/// The answer to an order that was carried out: how many addresses it changed, and how many are left.
fn changed(answer: &Value) -> (u64, u64) {
    (answer["converted"].as_u64().unwrap(), answer["left"].as_u64().unwrap())
}

/// How each address belongs to the team that it belongs or belonged to.
fn belongings(world: &World, team: &Team) -> Vec<String> {
    let ledger = world.ledger();
    let of_team =
        |credential: &Value| credential["tenants"]["M"][&team.tenant]["S"].as_str().map(str::to_owned);
    ledger.all("Credential").iter().filter_map(of_team).collect()
}

fn policy(world: &World, team: &Team) -> String {
    let ledger = world.ledger();
    let tenant =
        ledger.all("Tenant").iter().find(|tenant| tenant["id"]["S"] == team.tenant.as_str()).unwrap();
    tenant["email_policy"]["S"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn teams_that_share_addresses_have_one_in_common_and_no_others_do() {
    for (one, other, joins) in [
        ("shared", "shared", true),
        ("shared", "exclusive", false),
        ("exclusive", "shared", false),
        ("exclusive", "exclusive", false),
    ] {
        let world = World::new().await;
        let acme = team_under(&world, "acme", one).await;
        let brew = team_under(&world, "brew", other).await;
        // invited by both before they joined any
        let waiting = brew.invite("ana@mail.example", "member").await;
        let link = waiting.link().await;
        let ana = acme.join("ana@mail.example", "member").await;
        if joins {
            let joined = link.accept().await.expect(201);
            assert_eq!(joined.text("/member/user_id"), ana.user, "{one} {other}");
        } else {
            link.accept().await.refused(409, "email-in-use");
            brew.owner.revoke(&waiting).await.expect(204);
            brew.owner.invite("ana@mail.example", "member").await.refused(409, "email-in-use");
        }
        world.ledger().check();
    }
}

#[tokio::test]
async fn an_address_is_free_for_an_exclusive_team_once_its_membership_is_over() {
    let world = World::new().await;
    let acme = team_under(&world, "acme", "shared").await;
    let brew = team_under(&world, "brew", "exclusive").await;
    let (ana, ben) =
        (acme.join("ana@mail.example", "member").await, acme.join("ben@mail.example", "member").await);
    // who is suspended may come back
    acme.owner.suspend(&ana).await.expect(200);
    for person in [&ana, &ben] {
        brew.owner.invite(&person.email, "member").await.refused(409, "email-in-use");
    }
    acme.owner.remove(&ana).await.expect(204);
    ben.delete("members/me").await.expect(204);
    for person in [&ana, &ben] {
        let joined = brew.join(&person.email, "member").await;
        assert_eq!(joined.user, person.user);
        acme.owner.invite(&person.email, "member").await.refused(409, "email-in-use");
    }
    world.ledger().check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_accepts_of_one_address_in_a_shared_and_an_exclusive_team() {
    let set = World::new().await;
    let acme = team_under(&set, "acme", "shared").await;
    let brew = team_under(&set, "brew", "exclusive").await;
    // somebody new, and somebody whom a third team had
    let cask = team_under(&set, "cask", "shared").await;
    let known = cask.join("kai@mail.example", "member").await;
    cask.owner.remove(&known).await.expect(204);
    for (email, calls, every) in [("new@mail.example", 3, 1), (known.email.as_str(), 5, 9)] {
        let shared = acme.invite(email, "member").await.link().await;
        let exclusive = brew.invite(email, "member").await.link().await;
        for order in interleavings(calls, calls).into_iter().step_by(every) {
            let world = set.fork().await;
            let racers = [&shared, &exclusive]
                .map(|link| operation(&link.in_world(&world), |link| async move { link.accept().await }));
            let replies = race(&order, racers.into_iter().collect()).await;
            let legal = [(201, 409), (409, 201)][world.wrote_first()];
            assert_eq!((replies[0].status, replies[1].status), legal, "{email} {order:?}");
            let refused = replies.iter().find(|reply| reply.status == 409).unwrap();
            assert_eq!(refused.code(), "email-in-use", "{email} {order:?}");
            world.ledger().check();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_accepts_of_one_address_in_two_shared_teams_make_one_person_of_both() {
    let set = World::new().await;
    let (acme, brew) = (set.team("Acme").await, set.team("Brew").await);
    let first = acme.invite("new@mail.example", "member").await.link().await;
    let second = brew.invite("new@mail.example", "member").await.link().await;
    for order in interleavings(3, 3) {
        let world = set.fork().await;
        let racers = [&first, &second]
            .map(|link| operation(&link.in_world(&world), |link| async move { link.accept().await }));
        let replies = race(&order, racers.into_iter().collect()).await;
        assert_eq!((replies[0].status, replies[1].status), (201, 201), "{order:?}");
        assert_eq!(replies[0].text("/member/user_id"), replies[1].text("/member/user_id"), "{order:?}");
        world.ledger().check();
    }
}

#[tokio::test]
async fn a_team_shares_its_addresses_or_keeps_them_once_the_operator_says_so() {
    let world = World::new().await;
    let acme = team_under(&world, "acme", "exclusive").await;
    let brew = team_under(&world, "brew", "shared").await;
    let ana = acme.join("ana@mail.example", "member").await;
    let ben = acme.join("ben@mail.example", "member").await;
    let gus = acme.join("gus@mail.example", "member").await;
    acme.owner.suspend(&ben).await.expect(200);
    acme.owner.remove(&gus).await.expect(204);
    let invited_by_brew = |email: &str| {
        let (owner, email) = (brew.owner.clone(), email.to_owned());
        async move { owner.invite(&email, "member").await }
    };
    invited_by_brew(&ana.email).await.refused(409, "email-in-use");

    // the owner, ana and ben; who was removed stays so
    let answer = set_policy(&acme, "shared").await.unwrap();
    assert_eq!((&answer["tenant"], &answer["email_policy"]), (&json!(acme.tenant), &json!("shared")));
    assert_eq!(changed(&answer), (3, 0));
    let mut belong = belongings(&world, &acme);
    belong.sort();
    assert_eq!(belong, ["former", "shared", "shared", "shared"]);
    assert_eq!(acme.owner.get("").await.text("/email_policy"), "shared");
    invited_by_brew(&ana.email).await.expect(201);
    let in_brew = world.link(&ana.email).await.accept().await.expect(201);
    assert_eq!(in_brew.text("/member/user_id"), ana.user);
    // the same order again finds nothing to do, and tells nothing
    assert_eq!(changed(&set_policy(&acme, "shared").await.unwrap()), (0, 0));
    assert_eq!(world.ledger().count("Event", "type", "tenant.updated"), 1);

    // who is in another team is in the way, of either; nothing is written
    for team in [&acme, &brew] {
        let refused = set_policy(team, "exclusive").await.unwrap_err();
        assert!(refused.contains(": 1 (") && refused.contains(&ana.user), "{refused}");
    }
    assert_eq!((policy(&world, &acme), policy(&world, &brew)), ("shared".to_owned(), "shared".to_owned()));
    assert_eq!(world.ledger().count("Event", "type", "tenant.updated"), 1);
    brew.owner.remove(&ana).await.expect(204);
    // the trail shows the order of what was done in different moments
    world.pass(1);
    assert_eq!(changed(&set_policy(&acme, "exclusive").await.unwrap()), (3, 0));
    invited_by_brew(&ana.email).await.refused(409, "email-in-use");
    invited_by_brew(&ben.email).await.refused(409, "email-in-use");
    invited_by_brew(&gus.email).await.expect(201);
    // whoever joins from now on is this team's alone as well
    let cleo = acme.join("cleo@mail.example", "member").await;
    invited_by_brew(&cleo.email).await.refused(409, "email-in-use");

    let told = acme.owner.get("events").await.expect(200).json();
    let told: Vec<&Value> =
        told["items"].as_array().unwrap().iter().filter(|e| e["type"] == "tenant.updated").collect();
    let of = |before: &str, now: &str| json!({"email_policy_before": before, "email_policy": now, "reason": "ticket 5"});
    assert_eq!(told[0]["details"], of("shared", "exclusive"));
    assert_eq!(told[1]["details"], of("exclusive", "shared"));
    assert_eq!(told[0]["actor"], json!({"kind": "operator"}));
    let nobody =
        json!({"operation": "set-email-policy", "tenant": ana.user, "email_policy": "shared", "reason": "r"});
    assert!(world.operate(nobody).await.unwrap_err().contains("no such tenant"));
    world.ledger().check();
}

#[tokio::test]
async fn a_change_of_policy_that_stopped_halfway_goes_on_where_it_was() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    for name in ["ana", "ben"] {
        team.join(&format!("{name}@mail.example"), "member").await;
    }
    // the policy and the first address are written
    world.wire().fail_later("operate", "TransactWriteItems", 2, 3, Fault::ServerError);
    set_policy(&team, "exclusive").await.unwrap_err();
    assert_eq!(belongings(&world, &team).iter().filter(|how| *how == "exclusive").count(), 1);
    assert_eq!(policy(&world, &team), "exclusive");
    assert_eq!(changed(&set_policy(&team, "exclusive").await.unwrap()), (2, 0));
    assert_eq!(belongings(&world, &team), ["exclusive"; 3]);
    assert_eq!(world.ledger().count("Event", "type", "tenant.updated"), 1);
    world.ledger().check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acceptance_under_way_is_found_by_the_order_that_is_given_again() {
    let set = World::new().await;
    let (acme, brew) = (set.team("Acme").await, set.team("Brew").await);
    let link = acme.invite("ana@mail.example", "member").await.link().await;
    // the acceptance has read the tenant when its policy changes
    let late = [vec![0, 0], vec![1; 12]].concat();
    for order in interleavings(3, 7).into_iter().step_by(5).chain([late.clone()]) {
        let world = set.fork().await;
        let (acme, brew) = (acme.in_world(&world), brew.in_world(&world));
        let accept =
            operation(
                &link.in_world(&world),
                |link| async move { json!(link.accept().await.expect(201).status) },
            );
        let change = operation(&acme, |acme| async move { set_policy(&acme, "exclusive").await.unwrap() });
        let done = race(&order, vec![accept, change]).await;
        assert_eq!(done[1]["left"], 0, "{order:?}");
        let again = changed(&set_policy(&acme, "exclusive").await.unwrap());
        assert!(again.0 <= 1 && again.1 == 0, "{order:?}: {again:?}");
        assert!(order != late || again.0 == 1, "it was written after the addresses were gone over");
        assert_eq!(belongings(&world, &acme), ["exclusive"; 2], "{order:?}");
        assert_eq!(changed(&set_policy(&acme, "exclusive").await.unwrap()), (0, 0), "{order:?}");
        brew.owner.invite("ana@mail.example", "member").await.refused(409, "email-in-use");
        world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_joins_another_team_meanwhile_is_left_and_named_by_the_next_order() {
    let set = World::new().await;
    let (acme, brew) = (set.team("Acme").await, set.team("Brew").await);
    let ana = acme.join("ana@mail.example", "member").await;
    let link = brew.invite("ana@mail.example", "member").await.link().await;
    // after the first look at the addresses, and after the second
    for looked in [3, 6] {
        let world = set.fork().await;
        let acme = acme.in_world(&world);
        let accept =
            operation(
                &link.in_world(&world),
                |link| async move { json!(link.accept().await.expect(201).status) },
            );
        let change = operation(&acme, |acme| async move { set_policy(&acme, "exclusive").await.unwrap() });
        let order = [vec![1; looked], vec![0; 12]].concat();
        let done = race(&order, vec![accept, change]).await;
        assert_eq!(changed(&done[1]), (1, 1), "{looked}");
        // the policy is written: what is in the way is named, and stops nothing else
        let again = set_policy(&acme, "exclusive").await.unwrap();
        assert_eq!((changed(&again), &again["elsewhere"]), ((0, 1), &json!([ana.user])));
        let cleo = acme.join("cleo@mail.example", "member").await;
        brew.in_world(&world).owner.invite(&cleo.email, "member").await.refused(409, "email-in-use");
        acme.owner.remove(&cleo).await.expect(204);
        acme.owner.remove(&ana).await.expect(204);
        assert_eq!(changed(&set_policy(&acme, "exclusive").await.unwrap()), (0, 0));
        let mut belong = belongings(&world, &acme);
        belong.sort();
        assert_eq!(belong, ["exclusive", "former", "former"], "{looked}");
        world.ledger().check();
    }
}

#[tokio::test]
async fn a_member_is_looked_for_at_their_new_address_before_the_team_shows_it() {
    // one team more than a change of address reaches at once
    const TEAMS: usize = 21;
    let world = World::of_many_teams().await;
    let brew = world.team("Brew").await;
    // whoever has the old address next
    let next = brew.invite("ana@mail.example", "member").await.link().await;
    let (teams, ana) = world.member_of(TEAMS, "ana@mail.example").await;
    let ask = json!({"email": "ana.new@mail.example", "password": PASSWORD});
    world.ask("POST", "/v1/me/email", Some(&ana.session), &ask).await.expect(202);
    let token = json!({"token": world.email_token("ana.new@mail.example", "confirm").await});
    world.ask("POST", "/v1/email-changes/confirm", None, &token).await.expect(200);
    let other = next.accept().await.expect(201).text("/member/user_id");
    assert_ne!(other, ana.user);
    let mut behind = None;
    for team in &teams {
        let shown = team.owner.get(&format!("members/{}", ana.user)).await.expect(200);
        if shown.text("/email") == "ana@mail.example" {
            behind = Some(team);
        }
    }
    let refused = set_policy(behind.unwrap(), "exclusive").await.unwrap_err();
    assert!(refused.contains(&ana.user) && !refused.contains(&other), "{refused}");
    world.settle().await;
    world.ledger().check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_policies_at_once_one_holds_for_every_address() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    team.join("ana@mail.example", "member").await;
    // the second order between each two calls of the first, and some other orders
    let between = (0..=8).map(|calls| [vec![0; calls], vec![1; 12], vec![0; 12]].concat());
    for order in interleavings(6, 6).into_iter().step_by(29).chain(between) {
        let world = set.fork().await;
        let team = team.in_world(&world);
        let change = |policy: &'static str| {
            operation(&team, move |team| async move { set_policy(&team, policy).await })
        };
        let done = race(&order, vec![change("exclusive"), change("shared")]).await;
        assert!(done.iter().all(Result::is_ok), "{order:?}: {done:?}");
        let holds = policy(&world, &team);
        assert_eq!(belongings(&world, &team), [holds.as_str(); 2], "{order:?}");
        world.ledger().check();
    }
}
