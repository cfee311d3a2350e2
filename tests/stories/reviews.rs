//! Reviews of access: who holds what, who gave it, what of it is used, and what a review decided.

use std::time::Duration;

use serde_json::{Value, json};
use stories::{PASSWORD, Person, ReplyExt as _, Team, World, interleavings, operation, race};

type Operation = stories::Operation<local::Reply>;

const DAY: u64 = 86_400;

async fn open(by: &Person) -> String {
    by.post("access-reviews", Value::Null).await.expect(201).text("/id")
}

async fn decide(by: &Person, review: &str, whom: &Person, body: Value) -> local::Reply {
    by.put(&format!("access-reviews/{review}/members/{}", whom.user), body).await
}

async fn close(by: &Person, review: &str) -> local::Reply {
    by.post(&format!("access-reviews/{review}/close"), Value::Null).await
}

/// What the review says of the counts.
async fn counts(by: &Person, review: &str) -> Value {
    by.get(&format!("access-reviews/{review}")).await.expect(200).json()["counts"].clone()
}

/// Everybody whom the list shows, with this query.
async fn shown(by: &Person, query: &str) -> Vec<Value> {
    let list = by.get(&format!("access-review{query}")).await.expect(200).json();
    list["items"].as_array().unwrap().clone()
}

/// What the list shows of one member.
async fn about(by: &Person, whom: &Person) -> Value {
    let all = shown(by, "").await;
    all.into_iter().find(|one| one["user_id"] == whom.user).unwrap()
}

fn emails(list: &[Value]) -> Vec<&str> {
    list.iter().map(|one| one["email"].as_str().unwrap()).collect()
}

fn kept(reason: &str) -> Value {
    json!({"decision": "kept", "reason": reason})
}

fn revoked(reason: &str) -> Value {
    json!({"decision": "revoked", "reason": reason})
}

/// Somebody with a list of their own and these brands.
async fn listed(team: &Team, email: &str, permissions: &[&str], brands: &[&String]) -> Person {
    let body = json!({"email": email, "first_name": "L", "last_name": "L", "role": "member", "brands": brands,
        "permissions": permissions});
    team.owner.post("invitations", body).await.expect(201);
    Person::of(&team.world.link(email).await, &team.tenant).await
}

/// What is noted of the permissions that somebody uses, once that many are.
async fn noted(world: &World, whom: &Person, many: usize) -> Value {
    for _ in 0..500 {
        let ledger = world.ledger();
        let member = ledger.all("Member").iter().find(|one| one["user_id"]["S"] == whom.user);
        let used = &member.unwrap()["used"]["M"];
        if used.as_object().is_some_and(|used| used.len() >= many) {
            return used.clone();
        }
        // it is written behind an answer, which nobody waits for
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never noted: {many} of {}", whom.email)
}

#[tokio::test]
async fn it_is_known_who_gave_what_somebody_holds_and_since_when() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let brand = team.brand("Sage").await;
    let adam = team.join("adam@acme.example", "admin").await;
    let ana = team.join("ana@acme.example", "member").await;
    let given = async |whom: &Person| {
        let one = about(&team.owner, whom).await;
        (one["granted_by"].clone(), one["granted_at"].clone())
    };
    let by = |who: &Person| json!({"kind": "user", "id": who.user});
    assert_eq!(given(&team.owner).await.0, Value::Null, "nobody gave the first owner anything");
    let joined = given(&ana).await;
    assert_eq!(joined.0, by(&team.owner), "who stood behind the invitation");
    let mut last = joined.1;
    let member = format!("members/{}", ana.user);
    for (method, what, body) in [
        ("PUT", "role", json!({"role": "sales_rep"})),
        ("PUT", "permissions", json!({"permissions": ["tenant.read", "brand.read"]})),
        ("DELETE", "permissions", Value::Null),
        ("PUT", "brands", json!({"brands": [brand]})),
    ] {
        world.pass(60);
        adam.ask(method, &format!("{member}/{what}"), body).await.expect(200);
        let (giver, at) = given(&ana).await;
        assert_eq!(giver, by(&adam), "{method} {what}");
        assert_ne!(at, last, "{method} {what}");
        last = at;
    }
    // switching off and on gives nothing
    world.pass(60);
    adam.suspend(&ana).await.expect(200);
    adam.reinstate(&ana).await.expect(200);
    assert_eq!(given(&ana).await, (by(&adam), last));
    let shown = about(&team.owner, &ana).await;
    assert_eq!(
        shown["permissions"],
        json!(["tenant.read", "brand.read", "products.read", "retailers.message"])
    );
    assert_eq!((&shown["brands"], &shown["partner"]), (&json!([brand]), &json!(false)));
    let body = json!({"to": adam.user, "password": PASSWORD});
    team.owner.post("transfer", body).await.expect(200);
    for whom in [&team.owner, &adam] {
        assert_eq!(given(whom).await.0, by(&team.owner));
    }
    // a review is no colleague's business
    for path in ["access-review", "access-reviews"] {
        ana.get(path).await.refused(403, "forbidden");
    }
    world.ledger().check();
}

#[tokio::test]
async fn what_somebody_uses_is_noted_behind_the_answer_and_the_rest_is_unused() {
    let world = World::with([("USE_SAMPLING", "1"), ("SESSION_DAYS", "365")]).await;
    let team = world.team("Acme").await;
    let brand = team.brand("Sage").await;
    let (ana, ben) =
        (team.join("ana@acme.example", "member").await, team.join("ben@acme.example", "member").await);
    let pat = team.join("pat@acme.example", "partner").await;
    team.owner.assign_brands(&ana, json!([brand])).await.expect(200);
    let uses = async |who: &Person, permission: &str| {
        let question = json!({"permission": permission, "brand": brand});
        who.post("check", question).await.expect(200).json()["allowed"] == true
    };
    assert!(uses(&ana, "products.write").await);
    let first = noted(&world, &ana, 1).await;
    assert!(first.get("products.write").is_some(), "{first}");
    assert!(uses(&ana, "coa.upload").await);
    noted(&world, &ana, 2).await;
    // what is noted, isn't allowed, or is asked about somebody else writes nothing
    world.wire().take_sent();
    assert!(uses(&ana, "products.write").await);
    assert!(!uses(&ben, "products.write").await);
    let asked = json!({"permission": "brand.write", "brand": brand, "user": ana.user});
    assert_eq!(team.owner.post("check", asked).await.expect(200).json()["allowed"], true);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let writes = world.wire().take_sent();
    assert!(writes.iter().all(|call| call.operation == "BatchGetItem"), "{writes:?}");
    assert!(shown(&team.owner, "?over_privileged=true").await.is_empty(), "not enough was seen yet");
    assert!(shown(&team.owner, "?stale=true").await.is_empty());
    // after thirty days it is noted anew
    world.pass(60 * DAY);
    assert!(uses(&ana, "products.write").await);
    for _ in 0..500 {
        if noted(&world, &ana, 2).await["products.write"] != first["products.write"] {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    world.pass(31 * DAY);
    let of_ana = about(&team.owner, &ana).await;
    let unused = of_ana["unused"].as_array().unwrap();
    assert!(unused.contains(&json!("coa.upload")) && unused.contains(&json!("brand.write")), "{of_ana}");
    for other in ["products.write", "brand.read", "members.read", "tenant.read"] {
        assert!(!unused.contains(&json!(other)), "{of_ana}");
    }
    assert_eq!((&of_ana["over_privileged"], &of_ana["stale"]), (&json!(true), &json!(false)));
    let of_owner = about(&team.owner, &team.owner).await;
    assert_eq!((&of_owner["over_privileged"], &of_owner["unused"]), (&json!(false), &json!([])));
    // and the filters
    let stale = shown(&team.owner, "?stale=true").await;
    let stale = emails(&stale);
    assert!(stale.contains(&ben.email.as_str()) && !stale.contains(&ana.email.as_str()), "{stale:?}");
    let partners = shown(&team.owner, "?partner=true&over_privileged=true").await;
    assert_eq!(emails(&partners), [pat.email.as_str()]);
    assert_eq!(shown(&team.owner, "?limit=1").await.len(), 1);
    for wrong in ["?stale=false", "?partner=1", "?over_privileged=", "?role=member"] {
        team.owner.get(&format!("access-review{wrong}")).await.refused(422, "validation");
    }
    // who is gone is reviewed no more
    team.owner.remove(&pat).await.expect(204);
    assert!(shown(&team.owner, "?partner=true").await.is_empty());
    world.ledger().check();
}

#[tokio::test]
async fn a_team_has_one_review_at_a_time_and_keeps_each() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let adam = team.join("adam@acme.example", "admin").await;
    let ana = team.join("ana@acme.example", "member").await;
    let key = [("idempotency-key", "k")];
    let made = team.owner.ask_with("POST", "access-reviews", Value::Null, &key).await.expect(201);
    let review = made.text("/id");
    assert_eq!(made.headers["location"], format!("/v1/tenants/{}/access-reviews/{review}", team.tenant));
    let again = team.owner.ask_with("POST", "access-reviews", Value::Null, &key).await.expect(201);
    assert_eq!(again.body, made.body);
    team.world.settle().await;
    let told = |email: &str| {
        let mails = team.world.stack().mailbox().to(Some(email));
        mails.iter().filter(|mail| mail.text.contains("goes through who holds what")).count()
    };
    assert_eq!(told(&team.owner.email), 0, "the owner knows");
    let refused = adam.post("access-reviews", Value::Null).await.refused(409, "conflict");
    assert_eq!(refused.text("/existing/id"), review);
    decide(&adam, &review, &ana, kept("sells")).await.expect(200);
    let closed = close(&adam, &review).await.expect(200);
    assert_eq!(
        closed.json()["counts"],
        json!({"kept": 1, "reduced": 0, "revoked": 0, "undecided": 2}),
        "the owner and the admin were not decided about"
    );
    assert_eq!(closed.text("/closed_by"), adam.user);
    assert_eq!(close(&team.owner, &review).await.expect(200).body, closed.body, "done is done");
    team.world.pass(1);
    decide(&team.owner, &review, &ana, revoked("late")).await.refused(409, "conflict");
    // what was decided before is answered again
    let same = decide(&adam, &review, &ana, kept("sells")).await.expect(200);
    assert_eq!(same.text("/by"), adam.user);
    let second = open(&team.owner).await;
    let list = team.owner.get("access-reviews").await.expect(200).json();
    assert_eq!((&list["items"][0]["id"], &list["items"][1]["id"]), (&json!(review), &json!(second)));
    let read = adam.get(&format!("access-reviews/{review}")).await.expect(200);
    assert_eq!(read.json()["decisions"][0]["user_id"], ana.user);
    assert_eq!(read.headers["etag"], closed.headers["etag"]);
    for path in ["", "/export", "/close"] {
        let path = format!("access-reviews/{review}{path}");
        let method = if path.ends_with("close") { "POST" } else { "GET" };
        ana.ask(method, &path, Value::Null).await.refused(403, "forbidden");
    }
    decide(&ana, &second, &adam, kept("mine")).await.refused(403, "forbidden");
    ana.post("access-reviews", Value::Null).await.refused(403, "forbidden");
    let ledger = world.ledger();
    for (kind, times) in
        [("access_review.opened", 2), ("access_review.decided", 1), ("access_review.closed", 1)]
    {
        assert_eq!(ledger.count("Event", "type", kind), times, "{kind}");
    }
    let trail = adam.get("events?limit=100").await.expect(200).json();
    let kinds: Vec<&Value> = trail["items"].as_array().unwrap().iter().map(|event| &event["type"]).collect();
    assert!(kinds.contains(&&json!("access_review.closed")));
    ledger.check();
}

#[tokio::test]
async fn a_decision_keeps_reduces_or_ends_what_a_member_holds_and_the_last_one_counts() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let (sage, rue) = (team.brand("Sage").await, team.brand("Rue").await);
    let adam = team.join("adam@acme.example", "admin").await;
    let (ana, cleo) =
        (team.join("ana@acme.example", "member").await, team.join("cleo@acme.example", "member").await);
    team.owner.assign_brands(&ana, json!([sage, rue])).await.expect(200);
    let review = open(&adam).await;
    let events = |kind: &str| world.ledger().count("Event", "type", kind);
    let member = format!("members/{}", ana.user);
    let before = team.owner.get(&member).await.expect(200);
    let (brands_before, roles_before) = (events("member.brands_changed"), events("member.role_changed"));

    let made = decide(&adam, &review, &ana, kept("still sells")).await.expect(200).json();
    assert_eq!((&made["before"], &made["after"]["role"]), (&made["after"], &json!("member")));
    assert_eq!(team.owner.get(&member).await.expect(200).body, before.body);
    // the same again is done already
    decide(&adam, &review, &ana, kept("still sells")).await.expect(200);
    assert_eq!(events("access_review.decided"), 1);
    decide(&adam, &review, &ana, kept("sells, as she says")).await.expect(200);
    assert_eq!(events("access_review.decided"), 2);

    let less = json!({"decision": "reduced", "reason": "Rue is sold", "brands": [sage]});
    let made = decide(&adam, &review, &ana, less.clone()).await.expect(200);
    assert_eq!(made.json()["after"]["brands"], json!([sage]));
    let now = team.owner.get(&member).await.expect(200);
    assert_eq!((&now.json()["brands"], &now.headers["etag"]), (&json!([sage]), &made.headers["etag"]));
    assert_eq!(events("member.brands_changed"), brands_before + 1);
    decide(&adam, &review, &ana, less).await.expect(200);
    assert_eq!(events("member.brands_changed"), brands_before + 1, "nothing was left to take");

    world.pass(1);
    let less = json!({"decision": "reduced", "reason": "reads", "role": "sales_rep", "permissions": ["brand.read"],
        "brands": []});
    let made = decide(&adam, &review, &ana, less).await.expect(200).json();
    assert_eq!(made["after"], json!({"role": "sales_rep", "permissions": ["brand.read"], "brands": []}));
    assert_eq!(events("member.role_changed"), roles_before + 1);
    let trail = team.owner.get("events").await.expect(200).json();
    let told = &trail["items"][0]["details"];
    assert_eq!((&told["review"], &told["reason"]), (&json!(review), &json!("reads")));
    assert_eq!((&told["role_before"], &told["brands_before"]), (&json!("member"), &json!(sage)));
    let shown = about(&team.owner, &ana).await;
    assert_eq!(shown["granted_by"], json!({"kind": "user", "id": adam.user}));

    decide(&adam, &review, &cleo, revoked("left")).await.expect(200);
    cleo.get("").await.refused(403, "access-revoked");
    let again = decide(&adam, &review, &cleo, revoked("left")).await.expect(200);
    assert_eq!(again.json()["after"], Value::Null);
    assert_eq!(events("member.revoked"), 1);
    decide(&adam, &review, &cleo, kept("comes back")).await.refused(404, "not-found");
    assert_eq!(
        counts(&adam, &review).await,
        json!({"kept": 0, "reduced": 1, "revoked": 1, "undecided": null})
    );
    // what rested on an admin is named
    let invited = adam.invite("late@acme.example", "member").await.expect(201).text("/id");
    let lost = json!({"decision": "reduced", "reason": "no admin", "role": "member"});
    let lost = decide(&team.owner, &review, &adam, lost).await.expect(200).json();
    assert_eq!(lost["unsponsored_invitations"][0]["id"], invited);
    world.ledger().check();
}

#[tokio::test]
async fn a_review_only_takes_and_only_what_its_reviewer_may_take() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let (sage, rue) = (team.brand("Sage").await, team.brand("Rue").await);
    let adam = team.join("adam@acme.example", "admin").await;
    let ana = team.join("ana@acme.example", "member").await;
    team.owner.assign_brands(&ana, json!([sage])).await.expect(200);
    let review = open(&adam).await;
    let before = world.ledger().all("Event").len();
    let nobodys = "01a202c6-e1a3-7a38-9802-fdcb99ebdc61";
    for (more, pointer) in [
        (json!({"role": "admin"}), "/role"),
        (json!({"permissions": ["audit.read"]}), "/permissions"),
        (json!({"brands": [sage, rue]}), "/brands"),
        (json!({"brands": "all"}), "/brands"),
        (json!({"brands": [nobodys]}), "/brands/0"),
        (json!({"role": "member"}), "/decision"),
        (json!({}), "/decision"),
        (json!({"decision": "kept", "role": "partner"}), "/decision"),
        (json!({"decision": "revoked", "brands": []}), "/decision"),
        (json!({"decision": "later"}), "/decision"),
        (json!({"role": "partner", "reason": ""}), "/reason"),
        (json!({"role": "partner", "reason": null}), "/reason"),
        (json!({"role": "partner", "reason": "r".repeat(501)}), "/reason"),
        (json!({"role": "partner", "expires": 1}), "/expires"),
    ] {
        let mut body = json!({"decision": "reduced", "reason": "because"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let refused = decide(&adam, &review, &ana, body.clone()).await.refused(422, "validation");
        assert_eq!(refused.text("/errors/0/pointer"), pointer, "{body}");
    }
    // R2, R3: the owner is kept or nothing, and nobody decides about themselves
    let less = json!({"decision": "reduced", "reason": "r", "role": "member"});
    for body in [less.clone(), revoked("r")] {
        decide(&adam, &review, &team.owner, body).await.refused(409, "owner-required");
    }
    for body in [less.clone(), revoked("r"), kept("r")] {
        let refused = decide(&adam, &review, &adam, body).await.refused(403, "forbidden");
        assert_eq!(refused.text("/rule"), "R3");
    }
    // an admin reaches every brand anyway: naming some takes nothing, and gives what waits for another role
    let bob = team.join("bob@acme.example", "admin").await;
    let named = json!({"decision": "reduced", "reason": "r", "brands": [sage]});
    let refused = decide(&adam, &review, &bob, named).await.refused(422, "validation");
    assert_eq!(refused.text("/errors/0/pointer"), "/brands");
    let same =
        json!({"decision": "reduced", "reason": "r", "permissions": policy::Role::Admin.permissions()});
    let refused = decide(&adam, &review, &bob, same).await.refused(422, "validation");
    assert_eq!(refused.text("/errors/0/pointer"), "/decision");
    let before = before + 2;
    let stale = [("if-match", "\"01a202c6-e1a3-7a38-9802-fdcb99ebdc61\"")];
    let path = format!("access-reviews/{review}/members/{}", ana.user);
    adam.ask_with("PUT", &path, kept("r"), &stale).await.refused(412, "conflict");
    let nobody = Person { user: nobodys.to_owned(), ..ana.clone() };
    decide(&adam, &review, &nobody, kept("r")).await.refused(404, "not-found");
    decide(&adam, nobodys, &ana, kept("r")).await.refused(404, "not-found");
    assert_eq!(world.ledger().all("Event").len(), before, "nothing was decided");
    decide(&adam, &review, &team.owner, kept("owns it")).await.expect(200);
    let etag = about(&adam, &ana).await["etag"].as_str().unwrap().to_owned();
    adam.ask_with("PUT", &path, kept("as shown"), &[("if-match", &etag)]).await.expect(200);

    // who may review and nothing else says who keeps what, and takes nothing
    let rita = listed(&team, "rita@acme.example", &["access.review", "brand.read"], &[&sage]).await;
    decide(&rita, &review, &ana, kept("seen")).await.expect(200);
    let brands = json!({"decision": "reduced", "reason": "r", "brands": []});
    let list = json!({"decision": "reduced", "reason": "r", "permissions": []});
    for body in [less, brands.clone(), list, revoked("r")] {
        decide(&rita, &review, &ana, body).await.refused(403, "forbidden");
    }
    // nor may somebody leave others with what they don't hold, or take brands that they don't see (R6)
    let own =
        ["tenant.read", "access.review", "members.read", "members.assign", "brand.read", "products.read"];
    let sue = listed(&team, "sue@acme.example", &own, &[&sage]).await;
    let ben = listed(&team, "ben@acme.example", &["tenant.read", "brand.read"], &[&sage, &rue]).await;
    decide(&sue, &review, &ana, brands.clone()).await.refused(403, "role-not-grantable");
    assert_eq!(about(&sue, &ben).await["brands"], json!([sage]));
    let unseen = json!({"decision": "reduced", "reason": "r", "brands": [rue]});
    let refused = decide(&sue, &review, &ben, unseen).await.refused(422, "validation");
    assert_eq!(refused.text("/errors/0/pointer"), "/brands/0");
    let made = decide(&sue, &review, &ben, brands).await.expect(200);
    assert!(!String::from_utf8_lossy(&made.body).contains(&rue));
    let left = team.owner.get(&format!("members/{}", ben.user)).await.expect(200).json();
    assert_eq!(left["brands"], json!([rue]), "what the reviewer doesn't see stays");
    // why something was decided is for reviewers
    let eve = listed(&team, "eve@acme.example", &["audit.read", "members.read"], &[]).await;
    for (reader, reads) in [(&adam, true), (&eve, false)] {
        let trail = reader.get("events?limit=100").await.expect(200).json();
        let told = trail["items"].as_array().unwrap().iter();
        let told: Vec<&Value> = told.filter(|event| event["type"] == "access_review.decided").collect();
        assert_eq!(told.len(), 3);
        for event in told {
            assert_eq!(event["details"]["review"], json!(review));
            assert_eq!(event["details"].get("reason").is_some(), reads, "{event}");
        }
    }
    for path in ["", "/export", "/export?format=csv"] {
        let read = sue.get(&format!("access-reviews/{review}{path}")).await.expect(200);
        assert!(!String::from_utf8_lossy(&read.body).contains(&rue), "{path}");
    }
    world.ledger().check();
}

#[tokio::test]
async fn a_review_is_written_down_with_who_was_not_decided_about() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let sage = team.brand("Sage").await;
    let (ana, ben) =
        (team.join("ana@acme.example", "member").await, team.join("ben@acme.example", "member").await);
    let gone = team.join("gone@acme.example", "member").await;
    team.owner.assign_brands(&ana, json!([sage])).await.expect(200);
    team.owner.remove(&gone).await.expect(204);
    let review = open(&team.owner).await;
    let path = format!("access-reviews/{review}/export");
    world.pass(60);
    let odd = "=HYPERLINK(\"x\"), \u{e9};=1";
    decide(&team.owner, &review, &ana, kept(odd)).await.expect(200);
    decide(&team.owner, &review, &ben, revoked("-left")).await.expect(200);
    close(&team.owner, &review).await.expect(200);
    world.pass(60);
    team.join("late@acme.example", "member").await;
    let json = team.owner.get(&path).await.expect(200).json();
    let of = |email: &str| json["items"].as_array().unwrap().iter().find(|row| row["email"] == email);
    assert_eq!(json["items"].as_array().unwrap().len(), 3, "{json}");
    assert_eq!(of("owner@acme.example").unwrap()["decision"], "undecided");
    assert_eq!((&of(&ana.email).unwrap()["reason"], &json["next_cursor"]), (&json!(odd), &Value::Null));
    assert_eq!(of(&ben.email).unwrap()["decision"], "revoked");
    assert_eq!(json["review"]["counts"]["undecided"], 1);
    let csv = team.owner.get(&format!("{path}?format=csv")).await.expect(200);
    assert_eq!(csv.headers["content-type"], "text/csv");
    assert!(!csv.headers.contains_key("link"));
    let text = String::from_utf8(csv.body).unwrap();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(lines[0].starts_with("\"user_id\",\"email\","), "{text}");
    assert!(text.contains("\"kept\",\"'=HYPERLINK(\"\"x\"\"), \u{e9};'=1\","), "{text}");
    assert!(text.contains("\"revoked\",\"'-left\","), "{text}");
    assert!(
        text.contains(&format!(",\"member\",\"{}\",\"{sage}\",", policy::Role::Member.permissions())),
        "{text}"
    );
    for wrong in ["?format=xml", "?limit=3", "?cursor=x"] {
        assert!(team.owner.get(&format!("{path}{wrong}")).await.status >= 400, "{wrong}");
    }

    // a large team, a page at a time
    let ledger = world.ledger();
    let one = ledger.all("Member").iter().find(|member| member["user_id"]["S"] == ana.user).unwrap();
    for n in 0..600 {
        let id = format!("01a202c6-e1a3-7a38-9802-{n:012x}");
        let mut other = one.clone();
        other["user_id"]["S"] = json!(id);
        other["sk"]["S"] = json!(format!("MEMBER#{id}"));
        other["gsi1pk"]["S"] = json!(format!("USER#{id}"));
        world.stack().put_item(&other).unwrap();
    }
    let (mut next, mut pages, mut lines) = (Some(format!("{path}?format=csv")), 0, 0);
    while let Some(path) = next {
        let page = team.owner.get(&path).await.expect(200);
        let text = String::from_utf8(page.body).unwrap();
        assert_eq!(text.contains("\"user_id\""), pages == 0, "the line of headers is the first");
        (pages, lines) = (pages + 1, lines + text.matches("\r\n").count());
        next = page.headers.get("link").map(|link| {
            let (path, rel) = link.split_once('>').unwrap();
            assert_eq!(rel, "; rel=\"next\"");
            path.rsplit_once(&format!("{}/", team.tenant)).unwrap().1.to_owned()
        });
    }
    assert_eq!((pages, lines), (2, 604));
}

fn deciding(by: &Person, review: &str, whom: &Person, body: Value) -> Operation {
    operation(&(by.clone(), review.to_owned(), whom.clone()), |(by, review, whom)| async move {
        decide(&by, &review, &whom, body).await
    })
}

/// Calls of a decision, and of most others: facts, transaction.
const OTHER: usize = 2;
/// Calls of closing a review: facts, decisions, members, transaction.
const CLOSE: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_against_another_role() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    let (adam, ana) =
        (team.join("adam@acme.example", "admin").await, team.join("ana@acme.example", "member").await);
    let review = open(&team.owner).await;
    for order in interleavings(OTHER, OTHER) {
        let world = set.fork().await;
        let (owner, adam, ana) = (team.owner.in_world(&world), adam.in_world(&world), ana.in_world(&world));
        let role =
            operation(
                &(adam, ana.clone()),
                |(adam, ana)| async move { adam.give_role(&ana, "sales_rep").await },
            );
        let replies = race(&order, vec![deciding(&owner, &review, &ana, kept("as she is")), role]).await;
        assert_eq!((replies[0].status, replies[1].status), (200, 200), "{order:?}");
        // it is about what she held at that very moment
        let legal = ["member", "sales_rep"][world.wrote_first()];
        assert_eq!(replies[0].text("/before/role"), legal, "{order:?}");
        world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_against_the_closing_of_its_review() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    let (adam, ana) =
        (team.join("adam@acme.example", "admin").await, team.join("ana@acme.example", "member").await);
    let review = open(&team.owner).await;
    for order in interleavings(OTHER, CLOSE) {
        let world = set.fork().await;
        let (owner, adam, ana) = (team.owner.in_world(&world), adam.in_world(&world), ana.in_world(&world));
        let ends =
            operation(&(adam, review.clone()), |(adam, review)| async move { close(&adam, &review).await });
        let replies = race(&order, vec![deciding(&owner, &review, &ana, kept("stays")), ends]).await;
        let first = world.wrote_first();
        assert_eq!((replies[0].status, replies[1].status), [(200, 200), (409, 200)][first], "{order:?}");
        let counted = [(1, 2), (0, 3)][first];
        let counts = counts(&owner, &review).await;
        let counts = (counts["kept"].as_u64().unwrap(), counts["undecided"].as_u64().unwrap());
        assert_eq!(counts, counted, "{order:?}");
        world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_decisions_about_one_member_are_counted_as_one() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    let (adam, ana) =
        (team.join("adam@acme.example", "admin").await, team.join("ana@acme.example", "member").await);
    let review = open(&team.owner).await;
    for decided_before in [false, true] {
        if decided_before {
            let less = json!({"decision": "reduced", "reason": "reads", "role": "sales_rep"});
            decide(&team.owner, &review, &ana, less).await.expect(200);
        }
        for order in interleavings(OTHER, OTHER) {
            for ends in [false, true] {
                let world = set.fork().await;
                let [owner, adam, ana] = [&team.owner, &adam, &ana].map(|person| person.in_world(&world));
                let other = if ends { revoked("left") } else { kept("stays") };
                let racers = vec![
                    deciding(&owner, &review, &ana, kept("sells")),
                    deciding(&adam, &review, &ana, other),
                ];
                let replies = race(&order, racers).await;
                let first = world.wrote_first();
                // who was removed first isn't kept any more; of two who keep, the last one's reason stands
                let legal = if ends { [(200, 200), (404, 200)][first] } else { (200, 200) };
                assert_eq!((replies[0].status, replies[1].status), legal, "{order:?} {ends}");
                let counts = counts(&owner, &review).await;
                let (kept, revoked) = if ends { (0, 1) } else { (1, 0) };
                let should = json!({"kept": kept, "reduced": 0, "revoked": revoked, "undecided": null});
                assert_eq!(counts, should, "{order:?} {ends}");
                if !ends {
                    let read = owner.get(&format!("access-reviews/{review}")).await.expect(200);
                    assert_eq!(read.text("/decisions/0/reason"), ["stays", "sells"][first], "{order:?}");
                    assert_eq!(world.ledger().count("Event", "type", "access_review.decided"), 2);
                }
                world.ledger().check();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_reviews_that_begin_at_once() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    let adam = team.join("adam@acme.example", "admin").await;
    for order in interleavings(OTHER, OTHER) {
        let world = set.fork().await;
        let begin = |who: &Person| -> Operation {
            operation(
                &who.in_world(&world),
                |who| async move { who.post("access-reviews", Value::Null).await },
            )
        };
        let replies = race(&order, vec![begin(&team.owner), begin(&adam)]).await;
        let first = world.wrote_first();
        assert_eq!((replies[0].status, replies[1].status), [(201, 409), (409, 201)][first], "{order:?}");
        assert_eq!(replies[1 - first].text("/existing/id"), replies[first].text("/id"), "{order:?}");
        assert_eq!(world.ledger().all("Review").len(), 1);
        world.ledger().check();
    }
}

#[tokio::test]
async fn an_owner_is_told_of_a_review_that_somebody_else_began() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let adam = team.join("adam@acme.example", "admin").await;
    open(&adam).await;
    world.settle().await;
    let told = world.stack().mailbox().to(Some(&team.owner.email)).pop().unwrap();
    assert!(told.text.contains("goes through who holds what") && told.link.is_none(), "{}", told.text);
}
