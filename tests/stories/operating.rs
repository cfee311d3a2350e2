//! The operator's operations.

use local::Standing;
use serde_json::{Value, json};
use stories::{Fault, PASSWORD, Person, ReplyExt, World, interleavings, operation, race};

#[tokio::test]
async fn where_sign_up_is_closed_the_operator_makes_tenants() {
    let world = World::with([("OPEN_SIGN_UP", "false")]).await;
    let order = json!({"operation": "create-tenant", "name": "Acme", "email": "olive@acme.example",
        "first_name": "Olive", "last_name": "Owner", "plan": "large", "seats": 3, "email_policy": "exclusive",
        "reason": "contract 17"});
    let made = world.operate(order).await.unwrap();
    let link = world.link("olive@acme.example").await;
    let accepted = link.accept().await.expect(201);
    let session = accepted.text("/session/token");
    let path = format!("/v1/tenants/{}", made["tenant"].as_str().unwrap());
    let tenant = world.ask("GET", &path, Some(&session), &Value::Null).await.expect(200).json();
    assert_eq!((&tenant["plan"], &tenant["seats"]["limit"]), (&json!("large"), &json!(3)));
    let events =
        world.ask("GET", &format!("{path}/events"), Some(&session), &Value::Null).await.expect(200).json();
    let created = events["items"].as_array().unwrap().iter().find(|e| e["type"] == "tenant.created").unwrap();
    assert_eq!(created["actor"], json!({"kind": "operator"}));
    assert_eq!(created["details"]["reason"], "contract 17");
    world.ledger().check();
}

#[tokio::test]
async fn a_smaller_plan_removes_nobody_and_has_no_new_seats() {
    let world = World::with([("UPGRADE_URL", "https://brand.example/plans")]).await;
    let team = world.team("Acme").await;
    let ana = team.join("ana@acme.example", "member").await;
    let pending = team.invite("pia@acme.example", "member").await;
    let plan = |seats: u32| {
        let order = json!({"operation": "set-plan", "tenant": team.tenant, "plan": "small", "seats": seats, "reason": "r"});
        let world = world.clone();
        async move { world.operate(order).await.unwrap() }
    };
    plan(2).await;
    let refused = team.owner.invite("ben@acme.example", "member").await.refused(402, "seats-exhausted");
    assert_eq!(refused.json()["seats"], json!({"used": 3, "limit": 2}));
    // who is in stays, who is invited comes in, who comes back finds none
    ana.get("members").await.expect(200);
    let pia = pending.accept().await;
    team.owner.suspend(&ana).await.expect(200);
    team.owner.reinstate(&ana).await.refused(402, "seats-exhausted");
    team.owner.remove(&pia).await.expect(204);
    team.owner.reinstate(&ana).await.expect(200);
    world.ledger().check();
    // an expired invitation comes back into no seat, whether or not anybody found it expired
    let short =
        json!({"email": "late@acme.example", "first_name": "L", "last_name": "L", "expires_in_days": 1});
    plan(4).await;
    team.owner.post("invitations", short).await.expect(201);
    let late = world.link("late@acme.example").await;
    world.pass(86_400);
    plan(2).await;
    late.renew().await.refused(402, "seats-exhausted");
    // a plan for one says where one for a team is to be had
    plan(1).await;
    let refused = team.owner.invite("ben@acme.example", "member").await.refused(402, "plan-required");
    assert_eq!(refused.text("/actions/0/href"), "https://brand.example/plans");
    let told = team.owner.get("events").await.json();
    let mut changed = told["items"].as_array().unwrap().iter().filter(|e| e["type"] == "tenant.plan_changed");
    assert!(changed.any(|e| e["details"]["seats"] == "1" && e["details"]["seats_before"] == "2"));
    plan(3).await;
    team.owner.invite("ben@acme.example", "member").await.expect(201);
}

#[tokio::test]
async fn an_owner_who_is_gone_is_followed_by_another_member() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let (ana, ben) =
        (team.join("ana@acme.example", "member").await, team.join("ben@acme.example", "member").await);
    let transfer = |to: &str| {
        let order =
            json!({"operation": "transfer-ownership", "tenant": team.tenant, "to": to, "reason": "left"});
        let world = world.clone();
        async move { world.operate(order).await }
    };
    team.owner.suspend(&ben).await.expect(200);
    assert!(transfer(&ben.user).await.unwrap_err().contains("active member"));
    assert!(transfer(&team.owner.user).await.unwrap_err().contains("the owner already"));
    assert!(transfer(&team.tenant).await.unwrap_err().contains("no such member"));
    // the list that an owner's role replaces is told
    let list = json!({"email": "cal@acme.example", "first_name": "C", "last_name": "C", "permissions": ["tenant.read"]});
    team.owner.post("invitations", list).await.expect(201);
    let cal = Person::of(&world.link("cal@acme.example").await, &team.tenant).await;
    transfer(&cal.user).await.unwrap();
    let told = cal.get("events").await.expect(200).json();
    let moved = told["items"].as_array().unwrap().iter().find(|e| e["type"] == "tenant.transferred").unwrap();
    assert_eq!(moved["details"]["permissions_before"], "tenant.read");
    // nobody of the team did it: both are told
    world.settle().await;
    let told = |email: &str| world.stack().mailbox().to(Some(email)).pop().unwrap().subject;
    assert_eq!(told(&team.owner.email), "Your team has another owner");
    assert_eq!(told(&cal.email), "You are the owner of a team now");
    transfer(&team.owner.user).await.unwrap();
    transfer(&ana.user).await.unwrap();
    assert!(ana.may("tenant.close").await && !team.owner.may("tenant.close").await);
    world.ledger().check();
    ana.remove(&team.owner).await.expect(204);
    world.ledger().check();
}

#[tokio::test]
async fn two_transfers_at_once_leave_one_owner() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    let (ana, ben) =
        (team.join("ana@acme.example", "admin").await, team.join("ben@acme.example", "admin").await);
    for order in stories::interleavings(3, 3) {
        let world = set.fork().await;
        let transfer = |to: &str| -> stories::Operation<Result<Value, String>> {
            let order =
                json!({"operation": "transfer-ownership", "tenant": team.tenant, "to": to, "reason": "race"});
            stories::operation(&world, |world| async move { world.operate(order).await })
        };
        let done = stories::race(&order, vec![transfer(&ana.user), transfer(&ben.user)]).await;
        assert!(done.iter().any(Result::is_ok), "{order:?}");
        world.ledger().check();
    }
}

#[tokio::test]
async fn an_address_of_a_dead_account_is_freed_and_that_of_a_live_one_is_not() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let ana = team.join("ana@acme.example", "member").await;
    let release = || {
        let order = json!({"operation": "release-email", "email": "ANA@acme.example", "reason": "mistyped"});
        let world = world.clone();
        async move { world.operate(order).await }
    };
    assert!(release().await.unwrap_err().contains(&team.tenant));
    team.owner.remove(&ana).await.expect(204);
    world.stack().feedback("ana@acme.example", "bounce", "no such user").await.unwrap();
    release().await.unwrap();
    assert!(release().await.unwrap_err().contains("nobody has this address"));
    world.sign_in("ana@acme.example", PASSWORD).await.refused(401, "unauthenticated");
    // somebody new may have it
    let other = team.join("ana@acme.example", "partner").await;
    assert_ne!(other.user, ana.user, "never the same user again");
    ana.get("").await.refused(403, "access-revoked");
}

#[tokio::test]
async fn a_suspended_tenant_lets_nobody_do_anything_until_it_is_switched_on_again() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let link = team.invite("ana@acme.example", "member").await.link().await;
    let suspend = |suspended: bool| {
        let order = json!({"operation": "suspend-tenant", "tenant": team.tenant, "suspended": suspended, "reason": "unpaid"});
        let world = world.clone();
        async move { world.operate(order).await.unwrap() }
    };
    suspend(true).await;
    suspend(true).await;
    let refused = team.owner.get("members").await.refused(403, "forbidden");
    assert_eq!(refused.text("/rule"), "R7");
    let body = json!({"token": link, "password": PASSWORD});
    world.invitation("accept", body.clone()).await.refused(409, "invitation-on-hold");
    world.sign_in(&team.owner.email, PASSWORD).await.refused(403, "access-revoked");
    suspend(false).await;
    world.invitation("accept", body).await.expect(201);
    team.owner.get("members").await.expect(200);
    assert_eq!(world.ledger().count("Event", "type", "tenant.suspended"), 1);
    world.ledger().check();
}

#[tokio::test]
async fn an_export_holds_all_of_a_tenant_and_nothing_secret() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    team.brand("Sage").await;
    team.join("ana@acme.example", "member").await;
    let (mut parts, mut after, mut text) = (Vec::new(), Value::Null, String::new());
    loop {
        let order =
            json!({"operation": "export-tenant", "tenant": team.tenant, "reason": "audit 4", "after": after});
        let page = world.operate(order).await.unwrap();
        text.push_str(&page.to_string());
        parts.push((page["part"].as_str().unwrap().to_owned(), page["items"].as_array().unwrap().len()));
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
    }
    // the export is the newest of the events
    let expected = [
        ("brands", 1),
        ("members", 2),
        ("invitations", 2),
        ("reviews", 0),
        ("decisions", 0),
        ("relations", 0),
        ("events", 6),
    ];
    assert_eq!(parts, expected.map(|(part, n)| (part.to_owned(), n)));
    for internal in ["argon2", "digest", "authority", "newest_token", "unconfirmed_until"] {
        assert!(!text.contains(internal), "{internal}");
    }
    let events = team.owner.get("events").await.expect(200).json();
    let of_kind = |kind: &str| {
        events["items"].as_array().unwrap().iter().find(|event| event["type"] == kind).unwrap().clone()
    };
    let (exported, other_kind) = (of_kind("tenant.exported"), of_kind("brand.created"));
    assert_eq!(exported["details"]["reason"], "audit 4");
    assert_eq!(world.ledger().count("Event", "type", "tenant.exported"), 1, "one, however many pages");
    // no page goes out without the first, which leaves the event
    let (tenant, other) = (&team.tenant, world.team("Brew").await);
    for export in [json!(tenant), other_kind["id"].clone()] {
        let order = json!({"operation": "export-tenant", "tenant": tenant, "reason": "r",
            "after": {"export": export, "part": "members"}});
        assert!(world.operate(order).await.unwrap_err().contains("no export of this tenant began so"));
    }
    // nor does an old one vouch for a new export
    world.pass(86_400);
    let late = json!({"operation": "export-tenant", "tenant": tenant, "reason": "r",
        "after": {"export": exported["id"], "part": "brands"}});
    assert!(world.operate(late).await.unwrap_err().contains("within a day"));
    let elsewhere = json!({"operation": "export-tenant", "tenant": other.tenant, "reason": "r",
        "after": {"export": exported["id"], "part": "members"}});
    assert!(world.operate(elsewhere).await.is_err());
}

#[tokio::test]
async fn a_tenant_is_created_once_under_a_key_however_often_it_is_ordered() {
    let world = World::new().await;
    let order = json!({"operation": "create-tenant", "name": "Acme", "email": "o@acme.example", "first_name": "O",
        "last_name": "O", "reason": "contract 17", "idempotency_key": "contract 17"});
    let (first, again) =
        (world.operate(order.clone()).await.unwrap(), world.operate(order.clone()).await.unwrap());
    assert_eq!(first, again);
    assert_eq!(world.ledger().all("Tenant").len(), 1);
    let mut other = order.clone();
    other["email"] = json!("p@acme.example");
    assert!(world.operate(other).await.unwrap_err().contains("came with another order before"));
    // two at once, in every order of their calls
    for schedule in interleavings(2, 2) {
        let world = World::new().await;
        let give = async |(world, order): (World, Value)| world.operate(order).await;
        let one = || operation(&(world.clone(), order.clone()), give);
        let both = race(&schedule, vec![one(), one()]).await;
        assert_eq!(both[0].as_ref().unwrap(), both[1].as_ref().unwrap(), "{schedule:?}");
        assert_eq!(world.ledger().all("Tenant").len(), 1, "{schedule:?}");
        world.settle().await;
        assert_eq!(world.stack().mailbox().to(None).len(), 1);
    }
    world.pass(86_400);
    assert_ne!(world.operate(order).await.unwrap(), first, "the key is free again");
}

#[tokio::test]
async fn what_is_wrong_with_an_order_is_said_without_the_names_of_types() {
    let world = World::new().await;
    let id = world.team("Acme").await.tenant;
    for (order, words) in [
        (
            json!({"operation": "drop"}),
            "`operation`: `drop` is not a known operation, expected one of: create-tenant",
        ),
        (json!({"operation": "set-plan", "tenant": "x"}), "`tenant`: it must be an id, as answers spell it"),
        (
            json!({"operation": "set-plan", "tenant": id, "plan": "x", "seats": "five", "reason": "r"}),
            "`seats`: it can't be the text \"five\", expected a whole number",
        ),
        (
            json!({"operation": "set-plan", "tenant": id, "plan": "x", "seats": 5}),
            "there has to be a field `reason`",
        ),
        (
            json!({"operation": "set-plan", "tenant": id, "sits": 5}),
            "there is no field `sits`, expected one of `tenant`",
        ),
    ] {
        let refused = world.operate(order.clone()).await.unwrap_err();
        assert!(refused.contains(words), "{order}: {refused}");
        for rust in ["u32", "UUID", "struct", "variant"] {
            assert!(!refused.contains(rust), "{refused}");
        }
    }
}

#[tokio::test]
async fn an_order_that_is_none_is_refused_and_the_schema_says_the_same() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let schema: Value = serde_json::from_str(include_str!("../../infra/schemas/operate.json")).unwrap();
    let schema = jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
    let id = team.tenant.as_str();
    let before = world.ledger().all("Event").len();
    for wrong in [
        json!({}),
        json!(null),
        json!({"operation": "drop-table"}),
        json!({"operation": "set-plan", "tenant": id, "plan": "x", "seats": -1, "reason": "r"}),
        json!({"operation": "set-plan", "tenant": id, "plan": "x", "seats": 0, "reason": "r"}),
        json!({"operation": "set-plan", "tenant": id, "plan": "", "seats": 5, "reason": "r"}),
        json!({"operation": "lift-suppression", "reason": "r"}),
        json!({"operation": "mail-status", "reason": "r"}),
        json!({"operation": "create-tenant", "name": "X", "email": "x@y.example", "first_name": "X", "last_name": "X",
            "seats": 0, "reason": "r"}),
        json!({"operation": "set-plan", "tenant": id, "plan": "x", "seats": 5}),
        json!({"operation": "set-plan", "tenant": "Acme", "plan": "x", "seats": 5, "reason": "r"}),
        json!({"operation": "set-plan", "tenant": id, "plan": "x", "seats": 5, "reason": "r", "force": true}),
        json!({"operation": "suspend-tenant", "tenant": id, "suspended": "yes", "reason": "r"}),
        json!({"operation": "set-email-policy", "tenant": id, "email_policy": "none", "reason": "r"}),
        json!({"operation": "set-email-policy", "tenant": id, "reason": "r"}),
        json!({"operation": "set-email-policy", "tenant": id, "email_policy": "shared"}),
        json!({"operation": "reopen-tenant", "tenant": id}),
        json!({"operation": "reopen-tenant", "tenant": "Acme", "reason": "r"}),
        json!({"operation": "remove-tenant", "reason": "r"}),
        json!({"operation": "remove-tenant", "tenant": id, "reason": "r", "force": true}),
        json!({"operation": "transfer-ownership", "tenant": id, "reason": "r"}),
        json!({"operation": "release-email", "reason": "r"}),
        json!({"operation": "export-tenant", "tenant": id, "reason": "r", "after": {"part": "secrets"}}),
        json!({"operation": "export-tenant", "tenant": id}),
        json!({"operation": "export-tenant", "tenant": id, "reason": "r", "with_credentials": "yes"}),
        json!({"operation": "import-tenant", "reason": "r"}),
        json!({"operation": "import-tenant", "reason": "r", "page": [], "force": true}),
        json!({"operation": "import-tenant", "reason": "r",
            "page": {"export": id, "page": 0, "tenant": {"id": id}, "part": "brands", "items": []}}),
        json!({"operation": "create-tenant", "name": "X", "email": "x@y.example", "first_name": "X", "reason": "r"}),
    ] {
        assert!(world.operate(wrong.clone()).await.is_err(), "{wrong}");
        assert!(!schema.is_valid(&wrong), "{wrong}");
    }
    for right in [
        json!({"operation": "set-plan", "tenant": id, "plan": "x", "seats": 5, "reason": "r"}),
        json!({"operation": "suspend-tenant", "tenant": id, "suspended": false, "reason": "r"}),
        // as it is already
        json!({"operation": "set-email-policy", "tenant": id, "email_policy": "shared", "reason": "r"}),
        json!({"operation": "export-tenant", "tenant": id, "reason": "r"}),
        json!({"operation": "mail-status"}),
        json!({"operation": "mail-status", "email": "x@y.example"}),
        json!({"operation": "create-tenant", "name": "X", "email": "x@y.example", "first_name": "X", "last_name": "X",
            "reason": "r"}),
    ] {
        assert!(schema.is_valid(&right), "{right}");
        world.operate(right).await.unwrap();
    }
    let unknown = json!({"operation": "suspend-tenant", "tenant": "01a202c6-e1a3-7a38-9802-fdcb99ebdc61",
        "suspended": true, "reason": "r"});
    assert!(world.operate(unknown).await.unwrap_err().contains("no such tenant"));
    assert_eq!(world.ledger().all("Event").len(), before + 3, "a plan, an export, a new tenant");
}

#[tokio::test]
async fn the_operator_sees_how_ses_stands_to_the_sender_and_to_an_address() {
    let world = World::new().await.where_things_break();
    let team = world.team("Acme").await;
    let ask = async |email: Value| world.operate(json!({"operation": "mail-status", "email": email})).await;
    let before = world.stack().items().unwrap().len();
    let good = ask(Value::Null).await.unwrap();
    let mail_from = json!({"domain": "bounce.muster.example", "status": "SUCCESS"});
    assert_eq!(
        good,
        json!({
            "sender": {"from": "Muster <no-reply@muster.example>", "identity": "muster.example", "verified": true,
                "dkim": "SUCCESS", "mail_from": mail_from},
            "account": {"sandbox": false, "sending": true, "enforcement": "HEALTHY",
                "quota": {"day": 50_000.0, "second": 14.0, "sent_last_day": 1.0}},
            "in_the_way": [],
        })
    );
    let named = |name: &str, is_verified: bool| (name.to_owned(), is_verified);
    let standing = async |standing: Standing| {
        world.stack().mailbox().stand(standing);
        ask(Value::Null).await
    };
    let usual = Standing::default;
    // what is in the way is said, each thing by itself
    for (other, words) in [
        (Standing { is_in_production: false, ..usual() }, &["the sandbox"][..]),
        (Standing { may_send: false, ..usual() }, &["SES has paused the account"][..]),
        (Standing { identities: Vec::new(), ..usual() }, &["doesn't know the sender"][..]),
        (
            Standing { identities: vec![named("muster.example", false)], ..usual() },
            &["the sender isn't verified", "aren't signed", "the MAIL FROM domain"][..],
        ),
    ] {
        let status = standing(other).await.unwrap();
        let told = status["in_the_way"].as_array().unwrap();
        assert_eq!(told.len(), words.len(), "{told:?}");
        for (told, words) in told.iter().zip(words) {
            assert!(told.as_str().unwrap().contains(*words), "{told}: {words}");
        }
    }
    // of a known address and its known domain the address counts
    let both = vec![named("muster.example", false), named("no-reply@muster.example", true)];
    let status = standing(Standing { identities: both, ..usual() }).await.unwrap();
    assert_eq!(status["sender"]["identity"], "no-reply@muster.example");
    assert_eq!(status["in_the_way"], json!([]));
    assert_eq!(world.stack().items().unwrap().len(), before, "nothing was written");
    // what is held back, there and here
    team.invite("gone@mail.example", "member").await.link().await;
    world.stack().feedback("gone@mail.example", "bounce", "no such user").await.unwrap();
    let suppressed = vec!["gone@mail.example".to_owned(), "theirs@mail.example".to_owned()];
    world.stack().mailbox().stand(Standing { suppressed, ..usual() });
    for (email, by_ses, here) in [
        ("gone@mail.example", json!("BOUNCE"), json!("bounced")),
        ("theirs@mail.example", json!("BOUNCE"), Value::Null),
        ("fine@mail.example", Value::Null, Value::Null),
    ] {
        let address = ask(email.into()).await.unwrap()["address"].clone();
        assert_eq!(address["email"], email);
        assert_eq!(
            (&address["held_back_by_ses"]["reason"], &address["held_back_here"]["was"]),
            (&by_ses, &here)
        );
        assert_eq!(address["held_back_by_ses"]["since"].is_string(), !by_ses.is_null(), "{email}");
        assert_eq!(address["held_back_here"]["since"].is_string(), !here.is_null(), "{email}");
    }
    assert!(ask("not an address".into()).await.unwrap_err().contains("`email`"));
    for operation in ["GetAccount", "GetEmailIdentity", "GetSuppressedDestination"] {
        world.wire().fail("operate", operation, 3, Fault::Unreachable);
        let refused = ask("fine@mail.example".into()).await.unwrap_err();
        assert!(refused.contains("SES doesn't say"), "{operation}: {refused}");
    }
}

#[tokio::test]
async fn an_address_that_bounced_takes_mail_again_once_the_operator_says_so() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let lift = |email: &str| {
        let order = json!({"operation": "lift-suppression", "email": email, "reason": "the mailbox is back"});
        let world = world.clone();
        async move { world.operate(order).await }
    };
    // one that nobody has, and one of a member
    let stranger = team.invite("new@mail.example", "member").await;
    let ana = team.join("ana@mail.example", "member").await;
    stranger.link().await;
    for email in ["new@mail.example", ana.email.as_str()] {
        world.stack().feedback(email, "bounce", "no such user").await.unwrap();
        lift(email).await.unwrap();
        assert!(lift(email).await.unwrap_err().contains("no mail is held back"));
    }
    team.owner.resend(&stranger).await.expect(200);
    stranger.accept().await;
    // only the member's address has a trail to tell of it
    assert_eq!(world.ledger().count("Event", "type", "email.unsuppressed"), 1);
    assert!(lift("not an address").await.is_err());
}
