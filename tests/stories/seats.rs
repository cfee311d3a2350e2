//! What a plan counts.

use serde_json::{Value, json};
use stories::{Fault, Person, ReplyExt, World, batch, link_removed, operation, race, race_with_crashes};

#[tokio::test]
async fn an_invitation_reserves_the_seat_that_its_acceptance_keeps() {
    let world = World::with([("NEW_TENANT_SEATS", "2")]).await;
    let team = world.team("Acme").await;
    let ana = team.invite("ana@acme.example", "member").await;
    team.owner.invite("ben@acme.example", "member").await.refused(402, "seats-exhausted");
    let ana = ana.accept().await;
    team.owner.invite("ben@acme.example", "member").await.refused(402, "seats-exhausted");
    // suspending frees the seat; coming back takes one
    team.owner.suspend(&ana).await.expect(200);
    let ben = team.invite("ben@acme.example", "member").await;
    team.owner.reinstate(&ana).await.refused(402, "seats-exhausted");
    team.owner.revoke(&ben).await.expect(204);
    team.owner.reinstate(&ana).await.expect(200);
    world.ledger().check();
    // removing a suspended member frees nothing twice
    team.owner.suspend(&ana).await.expect(200);
    team.owner.remove(&ana).await.expect(204);
    assert_eq!(team.owner.get("").await.json()["seats"], json!({"limit": 2, "used": 1}));
    world.ledger().check();
}

#[tokio::test]
async fn a_full_plan_takes_back_the_seats_of_expired_invitations_first() {
    let world = World::with([("NEW_TENANT_SEATS", "3")]).await;
    let team = world.team("Acme").await;
    for name in ["ana", "ben"] {
        let email = format!("{name}@acme.example");
        let body = json!({"email": email, "first_name": "N", "last_name": "N", "expires_in_days": 1});
        team.owner.post("invitations", body).await.expect(201);
    }
    team.owner.invite("cleo@acme.example", "member").await.refused(402, "seats-exhausted");
    world.pass(86_400);
    // nothing was swept: the clock alone says that two seats are free
    team.owner.invite("cleo@acme.example", "member").await.expect(201);
    team.owner.invite("dan@acme.example", "member").await.expect(201);
    team.owner.invite("eve@acme.example", "member").await.refused(402, "seats-exhausted");
    assert_eq!(world.ledger().count("Event", "type", "invitation.expired"), 2);
    world.ledger().check();
}

#[tokio::test]
async fn an_expired_invitation_gives_way_to_a_new_one_for_the_same_address() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let first = team.invite("ana@acme.example", "member").await;
    let old = first.link().await;
    let pending = team.owner.invite("Ana@ACME.example", "admin").await.refused(409, "invitation-pending");
    assert_eq!(pending.json()["existing"], json!({"id": first.id, "status": "pending"}));
    assert_eq!(pending.json()["actions"][0]["rel"], "resend");
    world.pass(7 * 86_400);
    let second = team.invite("ana@acme.example", "partner").await;
    assert_ne!(first.id, second.id);
    old.preview().await.refused(410, "invitation-revoked");
    // the old one can't be sent again while the new one holds the address
    team.owner.resend(&first).await.refused(409, "invitation-pending");
    world.ledger().check();
    second.accept().await;
    team.owner.resend(&first).await.refused(409, "already-member");
    world.ledger().check();
}

#[tokio::test]
async fn the_sweeper_tidies_up_once_however_often_it_is_told() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    invited.link().await;
    world.pass(7 * 86_400 + 60);
    world.stack().sweep().await.unwrap();
    world.ledger().check();
    assert_eq!(world.ledger().count("Event", "type", "invitation.expired"), 1);
    // the very message once more: a queue delivers at least once
    let removed = stories::link_removed(&invited.tenant, &invited.id);
    for _ in 0..2 {
        let event = stories::batch([&removed, &removed]);
        let report = world.stack().invoke("expire", event, String::new()).await.unwrap();
        assert_eq!(report, br#"{"batchItemFailures":[]}"#);
    }
    assert_eq!(world.ledger().count("Event", "type", "invitation.expired"), 1);
    world.ledger().check();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_expired_is_noted_once_whatever_goes_wrong_at_which_call() {
    let set = World::new().await;
    let invited = set.team("Acme").await.invite("ana@acme.example", "member").await;
    set.settle().await;
    set.pass(7 * 86_400 + 60);
    let event = batch([&link_removed(&invited.tenant, &invited.id)]);
    let expire = |world: &World| {
        let event = event.clone();
        operation(world, |world| async move {
            world.stack().invoke("expire", event, String::new()).await.unwrap()
        })
    };
    let alone = set.fork().await;
    alone.wire().take_sent();
    race(&[], vec![expire(&alone)]).await;
    let calls = alone.wire().take_sent();
    assert!(calls.len() > 1, "facts, and what is noted");
    for (nth, fault) in Fault::at_each(&calls) {
        let world = set.fork().await;
        world.wire().fail_racer(0, nth, fault.clone());
        race_with_crashes(&[], vec![expire(&world)]).await;
        // a queue delivers at least once
        race(&[], vec![expire(&world)]).await;
        let ledger = world.ledger();
        assert_eq!(ledger.count("Event", "type", "invitation.expired"), 1, "{fault:?} at {nth}");
        assert_eq!(ledger.count("Invitation", "status", "expired"), 1, "{fault:?} at {nth}");
        ledger.check();
    }
}

#[tokio::test]
async fn a_token_swept_early_or_of_an_older_generation_expires_nothing() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    invited.link().await;
    world.pass(6 * 86_400);
    let owner =
        world.sign_in("owner@acme.example", stories::PASSWORD).await.expect(201).text("/session/token");
    let path = format!("/v1/tenants/{}/invitations/{}/resend", team.tenant, invited.id);
    world.ask("POST", &path, Some(&owner), &Value::Null).await.expect(200);
    world.settle().await;
    world.pass(2 * 86_400);
    assert_eq!(world.ledger().all("Token").len(), 3);
    world.stack().sweep().await.unwrap();
    assert_eq!(world.ledger().all("Token").len(), 1, "the second generation's");
    assert_eq!(world.ledger().count("Invitation", "status", "pending"), 1);
    invited.accept().await;
    world.ledger().check();
}

/// All seats, so many at a time: the numbers that every page has, and the entries.
async fn listed(by: &Person, limit: usize) -> (Value, Vec<Value>) {
    let (mut path, mut all, mut counted) = (format!("seats?limit={limit}"), Vec::new(), Value::Null);
    loop {
        let page = by.get(&path).await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        all.extend(items.iter().cloned());
        let numbers = json!({"limit": page["limit"], "used": page["used"]});
        assert!(counted.is_null() || counted == numbers);
        counted = numbers;
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("seats?limit={limit}&cursor={cursor}"),
            None => return (counted, all),
        }
    }
}

#[tokio::test]
async fn each_seat_that_the_plan_counts_is_listed_once_however_it_is_paged() {
    let world = World::with([("NEW_TENANT_SEATS", "4")]).await;
    let team = world.team("Acme").await;
    // listed in the order in which they were made
    world.pass(1);
    let ana = team.join("ana@acme.example", "admin").await;
    let ben = team.join("ben@acme.example", "member").await;
    team.owner.suspend(&ben).await.expect(200);
    let gone = team.invite("gus@acme.example", "member").await;
    team.owner.revoke(&gone).await.expect(204);
    let pia = team.invite("pia@acme.example", "sales_rep").await;
    world.pass(1);
    let short =
        json!({"email": "Late@acme.example", "first_name": "Lea", "last_name": "Late", "expires_in_days": 1});
    let late = team.owner.post("invitations", short).await.expect(201);
    let late_id = late.text("/id");
    world.pass(86_400);
    for limit in [1, 2, 3, 50] {
        let (counted, seats) = listed(&ana, limit).await;
        assert_eq!(counted, json!({"limit": 4, "used": 4}));
        let names = seats.iter().map(|seat| {
            let id = seat.get("user_id").or_else(|| seat.get("invitation_id")).unwrap();
            (seat["kind"].as_str().unwrap(), id.as_str().unwrap(), seat["reclaimable"].clone())
        });
        let expected = [
            ("member", team.owner.user.as_str(), Value::Null),
            ("member", ana.user.as_str(), Value::Null),
            ("invitation", pia.id.as_str(), json!(false)),
            ("invitation", late_id.as_str(), json!(true)),
        ];
        assert_eq!(names.collect::<Vec<_>>(), expected, "{limit} at a time");
        let entry = json!({"kind": "invitation", "invitation_id": late_id, "email": "Late@acme.example",
            "first_name": "Lea", "last_name": "Late", "role": "member", "since": late.text("/created_at"),
            "expires_at": late.text("/expires_at"), "reclaimable": true});
        assert_eq!(seats[3], entry);
        let member = ana.get(&format!("members/{}", ana.user)).await.expect(200);
        let entry = json!({"kind": "member", "user_id": ana.user, "email": "ana@acme.example", "role": "admin",
            "first_name": "Ina", "last_name": "Invited", "since": member.text("/joined_at")});
        assert_eq!(seats[1], entry);
    }
    // the next one who needs a seat gets the one whose time is over
    let new = team.invite("new@acme.example", "member").await;
    let (counted, seats) = listed(&team.owner, 50).await;
    assert_eq!(counted, json!({"limit": 4, "used": 4}));
    let last = |nth: usize| seats[nth]["invitation_id"].as_str().unwrap();
    assert_eq!((seats.len(), last(2), last(3)), (4, pia.id.as_str(), new.id.as_str()));
    // accepting keeps the seat, suspending gives it back
    pia.accept().await;
    team.owner.suspend(&ana).await.expect(200);
    let (counted, seats) = listed(&team.owner, 50).await;
    let kinds: Vec<&str> = seats.iter().map(|seat| seat["kind"].as_str().unwrap()).collect();
    assert_eq!((counted, kinds), (json!({"limit": 4, "used": 3}), vec!["member", "member", "invitation"]));
    world.ledger().check();
}

#[tokio::test]
async fn seats_are_shown_to_who_may_list_members_and_invitations() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let adam = team.join("adam@acme.example", "admin").await;
    let (mira, sam) =
        (team.join("mira@acme.example", "member").await, team.join("sam@acme.example", "sales_rep").await);
    for name in ["pia", "quin"] {
        team.invite(&format!("{name}@acme.example"), "member").await;
    }
    for person in [&team.owner, &adam] {
        assert_eq!(listed(person, 50).await.1.len(), 6);
    }
    for person in [&mira, &sam] {
        person.get("seats").await.refused(403, "forbidden");
    }
    for (list, sees) in [
        (json!(["tenant.read", "members.read"]), false),
        (json!(["tenant.read", "members.invite"]), false),
        (json!(["members.read", "members.invite"]), true),
    ] {
        let path = format!("members/{}/permissions", mira.user);
        team.owner.put(&path, json!({ "permissions": list })).await.expect(200);
        mira.get("seats").await.expect(if sees { 200 } else { 403 });
    }
    // a cursor is good for this list alone, in both of its parts
    let other = world.team("Brew").await;
    let of = async |path: &str| team.owner.get(path).await.expect(200).text("/next_cursor");
    let of_members = of("seats?limit=1").await;
    let of_invitations = of(&format!("seats?limit=4&cursor={of_members}")).await;
    for cursor in [&of_members, &of_invitations] {
        assert!(!cursor.is_empty());
        team.owner.get(&format!("seats?cursor={cursor}")).await.expect(200);
        for list in ["members", "invitations"] {
            team.owner.get(&format!("{list}?cursor={cursor}")).await.refused(400, "malformed");
        }
        other.owner.get(&format!("seats?cursor={cursor}")).await.refused(400, "malformed");
    }
    let elsewhere = of("members?limit=1").await;
    team.owner.get(&format!("seats?cursor={elsewhere}")).await.refused(400, "malformed");
    for query in ["limit=0", "limit=101", "status=active"] {
        team.owner.get(&format!("seats?{query}")).await.refused(422, "validation");
    }
    // one read of who asks, and one of each list
    world.wire().take_sent();
    team.owner.get("seats").await.expect(200);
    let asked: Vec<String> = world.wire().take_sent().into_iter().map(|call| call.operation).collect();
    assert_eq!(asked, ["BatchGetItem", "Query", "Query"]);
}
