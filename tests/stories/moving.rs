//! A tenant that is exported from one deployment and imported into another.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stories::{
    Fault, Link, PASSWORD, Person, ReplyExt as _, Team, World, interleavings, operation, race,
    race_with_crashes,
};

const DAY: u64 = 86_400;

/// Hashes cost what they do in a deployment: others aren't let in.
const COST: [(&str, &str); 1] = [("PASSWORD_COST", "")];

/// The password of who is known where the tenant comes to.
const THEIRS: &str = "another password that is long";

/// All pages of an export.
async fn exported(world: &World, tenant: &str, with_credentials: bool) -> Vec<Value> {
    let (mut pages, mut after) = (Vec::new(), Value::Null);
    loop {
        let order = json!({"operation": "export-tenant", "tenant": tenant, "reason": "moves", "after": after,
            "with_credentials": with_credentials});
        let page = world.operate(order).await.unwrap();
        after = page["next"].clone();
        pages.push(page);
        if after.is_null() {
            return pages;
        }
    }
}

fn importing(page: &Value, with_credentials: bool) -> Value {
    json!({"operation": "import-tenant", "page": page, "reason": "contract 17",
        "with_credentials": with_credentials})
}

/// Imports these pages, up to the first that is refused.
async fn imported(world: &World, pages: &[Value], with_credentials: bool) -> Result<Value, String> {
    let mut answer = Value::Null;
    for page in pages {
        answer = world.operate(importing(page, with_credentials)).await?;
    }
    Ok(answer)
}

/// The page of a part.
fn page_of<'p>(pages: &'p mut [Value], part: &str) -> &'p mut Value {
    pages.iter_mut().find(|page| page["part"] == part).unwrap()
}

/// Another deployment, at the same time.
async fn elsewhere(seconds: u64) -> World {
    let world = World::with(COST).await;
    world.pass(seconds);
    world
}

/// Somebody as they sign in there.
async fn signed_in(there: &World, person: &Person, password: &str) -> Person {
    let reply = there.sign_in(&person.email, password).await.expect(201);
    Person {
        world: there.clone(),
        user: reply.text("/user/id"),
        session: reply.text("/session/token"),
        ..person.clone()
    }
}

/// The entries of a list.
async fn listed(person: &Person, list: &str) -> Vec<Value> {
    let page = person.get(&format!("{list}{}limit=100", if list.contains('?') { '&' } else { '?' })).await;
    page.expect(200).json()["items"].as_array().unwrap().clone()
}

/// Everything that is stored, in some order.
fn stored(world: &World) -> BTreeSet<String> {
    world.stack().items().unwrap().iter().map(Value::to_string).collect()
}

/// A team with somebody of every kind in it, and invitations of every kind.
struct Scene {
    world: World,
    team: Team,
    brand: String,
    ana: Person,
    sue: Person,
    gus: Person,
}

async fn scene() -> Scene {
    let world = World::with(COST).await;
    let team = world.team("Acme").await;
    let brand = team.brand("Sage").await;
    let look = json!({"brand_colour": "#1f6f54", "reply_to": "team@acme.example"});
    team.owner.ask("PATCH", "", look).await.expect(200);
    // each a second after the other, so that all are listed in this order
    world.pass(1);
    let ana = team.join("ana@acme.example", "member").await;
    team.owner.assign_brands(&ana, json!([brand])).await.expect(200);
    world.pass(1);
    let sue = team.join("sue@acme.example", "admin").await;
    team.owner.suspend(&sue).await.expect(200);
    world.pass(1);
    let gus = team.join("gus@acme.example", "member").await;
    for (whom, close) in [(&ana, true), (&ana, false)] {
        let review = team.owner.post("access-reviews", Value::Null).await.expect(201).text("/id");
        let kept = json!({"decision": "kept", "reason": "needed"});
        let path = format!("access-reviews/{review}");
        team.owner.put(&format!("{path}/members/{}", whom.user), kept).await.expect(200);
        if close {
            team.owner.post(&format!("{path}/close"), Value::Null).await.expect(200);
            world.pass(1);
        }
    }
    world.pass(3_600);
    team.owner.remove(&gus).await.expect(204);
    let rolf = team.invite("rolf@acme.example", "member").await;
    team.owner.revoke(&rolf).await.expect(204);
    team.invite("dora@acme.example", "member").await.link().await.decline().await.expect(204);
    let short =
        |email: &str| json!({"email": email, "first_name": "E", "last_name": "E", "expires_in_days": 1});
    for email in ["eve@acme.example", "old@acme.example"] {
        team.owner.post("invitations", short(email)).await.expect(201);
    }
    world.settle().await;
    world.pass(DAY + 1);
    world.stack().sweep().await.unwrap();
    // one that expired, and that a newer one followed, which is over too
    let newer = team.invite("old@acme.example", "member").await;
    team.owner.revoke(&newer).await.expect(204);
    team.invite("pia@acme.example", "partner").await.link().await;
    world.settle().await;
    Scene { world, team, brand, ana, sue, gus }
}

/// How long the scene takes.
const TAKES: u64 = 4 + 3_600 + DAY + 1;

#[tokio::test]
async fn a_team_moves_and_everybody_works_where_it_is_as_they_did_before() {
    let Scene { world, team, brand, ana, sue, gus } = scene().await;
    let there = elsewhere(TAKES).await;
    let pages = exported(&world, &team.tenant, true).await;
    let (last, others) = pages.split_last().unwrap();
    imported(&there, others, true).await.unwrap();
    // nobody gets in before all of it is there
    for person in [&team.owner, &ana] {
        there.sign_in(&person.email, PASSWORD).await.refused(403, "access-revoked");
    }
    assert_eq!(there.operate(importing(last, true)).await.unwrap()["done"], true);
    there.ledger().check();

    let owner = signed_in(&there, &team.owner, PASSWORD).await;
    assert_eq!(owner.user, team.owner.user);
    for path in ["", "members", "brands", "roles"] {
        let (before, after) = (team.owner.get(path).await.expect(200), owner.get(path).await.expect(200));
        let of = |reply: local::Reply| {
            let mut shown = reply.json();
            // a day is noted of who does something
            shown["items"]
                .as_array_mut()
                .into_iter()
                .flatten()
                .for_each(|one| one["last_active_at"] = Value::Null);
            shown
        };
        assert_eq!(of(before), of(after), "{path}");
    }
    let question = json!({"permission": "products.write", "brand": brand});
    let ana = signed_in(&there, &ana, PASSWORD).await;
    assert_eq!(ana.post("check", question).await.expect(200).json()["allowed"], true);
    there.sign_in(&sue.email, PASSWORD).await.refused(403, "access-revoked");
    owner.reinstate(&sue).await.expect(200);
    signed_in(&there, &sue, PASSWORD).await.get("members").await.expect(200);
    // who was gone there is nobody here, and may come back
    there.sign_in(&gus.email, PASSWORD).await.refused(401, "unauthenticated");
    let team = Team { world: there.clone(), owner: owner.clone(), ..team };
    assert_ne!(team.join(&gus.email, "member").await.user, gus.user);
    there.ledger().check();
}

#[tokio::test]
async fn invitations_come_without_their_links_and_are_sent_again_as_far_as_they_could_be() {
    let Scene { world, team, .. } = scene().await;
    let there = elsewhere(TAKES).await;
    let old = world.link("pia@acme.example").await;
    let pages = exported(&world, &team.tenant, true).await;
    imported(&there, &pages, true).await.unwrap();
    let owner = signed_in(&there, &team.owner, PASSWORD).await;
    let before = listed(&team.owner, "invitations").await;
    let after = listed(&owner, "invitations").await;
    let of = |all: &[Value]| -> Vec<[Value; 3]> {
        all.iter()
            .map(|one| ["/id", "/status", "/email"].map(|at| one.pointer(at).unwrap().clone()))
            .collect()
    };
    assert_eq!(of(&before), of(&after));
    let undelivered = listed(&owner, "invitations?delivery=failed").await;
    assert_eq!(undelivered.iter().map(|one| &one["email"]).collect::<Vec<_>>(), ["pia@acme.example"]);
    Link { world: there.clone(), ..old }.accept().await.refused(404, "not-found");
    // what could be sent again there can be here, and what couldn't can't (R10)
    for one in &before {
        let path = format!("invitations/{}/resend", one["id"].as_str().unwrap());
        let replies = [team.owner.post(&path, Value::Null).await, owner.post(&path, Value::Null).await];
        let [there, here] = replies.map(|reply| (reply.status, reply.code()));
        assert_eq!(there, here, "{one}");
    }
    for email in ["pia@acme.example", "eve@acme.example"] {
        there.link(email).await.accept().await.expect(201);
    }
    there.ledger().check();
}

#[tokio::test]
async fn what_nobody_answers_expires_where_it_was_brought_too() {
    let Scene { world, team, .. } = scene().await;
    let there = elsewhere(TAKES).await;
    imported(&there, &exported(&world, &team.tenant, true).await, true).await.unwrap();
    there.settle().await;
    assert!(there.stack().mailbox().to(Some("pia@acme.example")).is_empty(), "its link doesn't move");
    let before = there.ledger().count("Event", "type", "invitation.expired");
    there.pass(31 * 86_400);
    there.stack().sweep().await.unwrap();
    assert_eq!(there.ledger().count("Event", "type", "invitation.expired"), before + 1);
    assert_eq!(there.ledger().count("Invitation", "status", "pending"), 0);
    there.ledger().check();
}

#[tokio::test]
async fn an_export_that_was_brought_along_gives_no_hash_away_here() {
    let Scene { world, team, .. } = scene().await;
    let there = elsewhere(TAKES).await;
    let pages = exported(&world, &team.tenant, true).await;
    imported(&there, &pages, true).await.unwrap();
    // the trail that came has the event of the export there, which is no order of anybody's here
    let after = json!({"export": pages[0]["export"], "page": 0, "part": "members"});
    let order = json!({"operation": "export-tenant", "tenant": team.tenant, "reason": "r", "after": after});
    let refused = there.operate(order).await.unwrap_err();
    assert!(refused.contains("no export of this tenant began so"), "{refused}");
}

#[tokio::test]
async fn the_trail_and_what_reviews_decided_come_along_and_one_event_tells_of_it() {
    let Scene { world, team, ana, .. } = scene().await;
    let there = elsewhere(TAKES).await;
    let pages = exported(&world, &team.tenant, true).await;
    let events: Vec<Value> = pages
        .iter()
        .filter(|page| page["part"] == "events")
        .flat_map(|page| page["items"].as_array().unwrap().clone())
        .collect();
    imported(&there, &pages, true).await.unwrap();
    let owner = signed_in(&there, &team.owner, PASSWORD).await;
    let trail = listed(&owner, "events").await;
    assert_eq!(trail.len(), events.len() + 1);
    let told = trail.iter().find(|event| event["type"] == "tenant.imported").unwrap();
    assert_eq!(told["actor"], json!({"kind": "operator"}));
    assert_eq!(
        (&told["details"]["reason"], &told["details"]["with_credentials"]),
        (&json!("contract 17"), &json!("true"))
    );
    let ids = |all: &[Value]| all.iter().map(|one| one["id"].to_string()).collect::<BTreeSet<_>>();
    assert!(ids(&trail).is_superset(&ids(&events)));
    let exports = trail.iter().filter(|event| event["type"] == "tenant.exported").collect::<Vec<_>>();
    assert_eq!(exports.len(), 1);
    assert_eq!(exports[0]["details"]["with_credentials"], "true", "that they went out stands in the trail");
    // the reviews are called otherwise, and say the same
    let reviews = listed(&owner, "access-reviews").await;
    let before = listed(&team.owner, "access-reviews").await;
    assert_eq!((reviews.len(), before.len()), (2, 2));
    for (one, was) in reviews.iter().zip(&before) {
        assert_eq!((&one["opened_at"], &one["counts"]), (&was["opened_at"], &was["counts"]));
        assert_ne!(one["id"], was["id"]);
        let read =
            owner.get(&format!("access-reviews/{}", one["id"].as_str().unwrap())).await.expect(200).json();
        assert_eq!(read["decisions"][0]["user_id"], ana.user);
    }
    // the one that went on goes on, and counts whom it counted there
    let open = reviews[1]["id"].as_str().unwrap();
    owner.post("access-reviews", Value::Null).await.refused(409, "conflict");
    let closed = owner.post(&format!("access-reviews/{open}/close"), Value::Null).await.expect(200);
    let was = format!("access-reviews/{}/close", before[1]["id"].as_str().unwrap());
    let there_too = team.owner.post(&was, Value::Null).await.expect(200);
    assert_eq!(closed.json()["counts"], there_too.json()["counts"]);
    there.ledger().check();
}

#[tokio::test]
async fn without_the_option_no_hash_leaves_or_comes_and_people_ask_for_a_new_password() {
    let Scene { world, team, ana, .. } = scene().await;
    let bare = exported(&world, &team.tenant, false).await;
    let text = Value::from(bare.clone()).to_string();
    for secret in ["argon2", "password_hash", "digest", "authority", "newest_token", "sessions", "$"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let order = json!({"operation": "export-tenant", "tenant": team.tenant, "reason": "r", "after": bare[0]["next"],
        "with_credentials": true});
    assert!(world.operate(order).await.unwrap_err().contains("the export began without"));
    let whole = exported(&world, &team.tenant, true).await;
    assert!(Value::from(whole.clone()).to_string().contains("argon2id"));
    // left out where they are made, or where they come to
    for (pages, with_credentials) in [(&bare, true), (&whole, false)] {
        let there = elsewhere(TAKES).await;
        imported(&there, pages, with_credentials).await.unwrap();
        there.sign_in(&ana.email, PASSWORD).await.refused(401, "unauthenticated");
        there.ask("POST", "/v1/password-resets", None, &json!({"email": ana.email})).await.expect(202);
        let confirm = json!({"token": there.reset_token(&ana.email).await, "password": THEIRS});
        there.ask("POST", "/v1/password-resets/confirm", None, &confirm).await.expect(204);
        signed_in(&there, &ana, THEIRS).await.get("members").await.expect(200);
        there.ledger().check();
    }
    // it is said with the first page
    let there = elsewhere(TAKES).await;
    imported(&there, &whole[..1], false).await.unwrap();
    let late = there.operate(importing(&whole[1], true)).await.unwrap_err();
    assert!(late.contains("the import began without"), "{late}");
}

#[tokio::test]
async fn who_is_known_gets_a_membership_and_keeps_everything_else() {
    let Scene { world, team, ana, .. } = scene().await;
    let there = elsewhere(TAKES).await;
    let other = there.team("Brew").await;
    // the owner and a member are known, with other passwords and names
    for email in [&team.owner.email, &ana.email] {
        let link = other.invite(email, "member").await.link().await;
        link.accept_with(json!({"password": THEIRS, "first_name": "Known", "last_name": "Here"}))
            .await
            .expect(201);
    }
    let pages = exported(&world, &team.tenant, true).await;
    imported(&there, &pages, true).await.unwrap();
    there.ledger().check();
    for person in [&team.owner, &ana] {
        there.sign_in(&person.email, PASSWORD).await.refused(401, "unauthenticated");
        let known = signed_in(&there, person, THEIRS).await;
        assert_ne!(known.user, person.user);
        let me = there.ask("GET", "/v1/me", Some(&known.session), &Value::Null).await.expect(200);
        assert_eq!(me.text("/user/first_name"), "Known");
        assert_eq!(me.json()["memberships"].as_array().unwrap().len(), 2);
        known.get("members").await.expect(200);
        known.inside(&other.tenant).get("members").await.expect(200);
    }
    assert_eq!(there.ledger().count("User", "id", &ana.user), 0);
    // what they gave rests on who they are here: the owner's invitations can be sent again by the owner
    let owner = signed_in(&there, &team.owner, THEIRS).await;
    assert_eq!(
        owner.get("").await.expect(200).json()["seats"],
        team.owner.get("").await.expect(200).json()["seats"]
    );
    let members = listed(&owner, "access-review").await;
    let shown = members.iter().find(|one| one["email"] == ana.email.as_str()).unwrap();
    assert_eq!((&shown["role"], &shown["granted_by"]["id"]), (&json!("member"), &json!(owner.user)));
    let pia = listed(&owner, "invitations?status=pending").await;
    assert_eq!(pia[0]["invited_by"], owner.user.as_str());
    there.ask("POST", "/v1/password-resets", None, &json!({"email": "pia@acme.example"})).await.expect(202);
    there.link("pia@acme.example").await.accept().await.expect(201);
    there.ledger().check();
}

/// Whoever has somebody's session and password moves the account to another address. Answers the token that takes it back.
async fn moved_away(person: &Person, email: &str) -> String {
    let world = &person.world;
    let ask = json!({"email": email, "password": PASSWORD});
    world.ask("POST", "/v1/me/email", Some(&person.session), &ask).await.expect(202);
    let token = json!({"token": world.email_token(email, "confirm").await});
    world.ask("POST", "/v1/email-changes/confirm", None, &token).await.expect(200);
    world.email_token(&person.email, "undo").await
}

async fn taken_back(world: &World, token: &str) {
    world.ask("POST", "/v1/email-changes/undo", None, &json!({"token": token})).await.expect(200);
}

/// The status of somebody's membership of a team.
fn membership(world: &World, team: &Team, person: &Person) -> String {
    let ledger = world.ledger();
    let theirs = |member: &&Value| {
        member["tenant_id"]["S"] == team.tenant.as_str() && member["user_id"]["S"] == person.user.as_str()
    };
    ledger.all("Member").iter().find(theirs).unwrap()["status"]["S"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_was_brought_for_an_address_ends_when_the_account_is_taken_back_from_it() {
    let Scene { world, team, ana, .. } = scene().await;
    let pages = exported(&world, &team.tenant, true).await;
    // a member of the tenant, and its owner, who stays (R2)
    for (thief, left) in [(&ana, "revoked"), (&team.owner, "active")] {
        let there = elsewhere(TAKES).await;
        let vera = there.team("Brew").await.join("vera@mail.example", "member").await;
        let undo = moved_away(&vera, &thief.email).await;
        there.pass(1);
        // they joined there long before the address was given up here
        assert_eq!(imported(&there, &pages, true).await.unwrap()["done"], true);
        assert_eq!(membership(&there, &team, &vera), "active");
        taken_back(&there, &undo).await;
        assert_eq!(membership(&there, &team, &vera), left);
        there.ledger().check();
    }
}

#[tokio::test]
async fn who_was_in_a_team_that_is_taken_back_stays_in_it_when_their_account_is_taken_back_too() {
    let Scene { world, team, ana, .. } = scene().await;
    world.team("Brew").await.join(&ana.email, "member").await;
    let restored = world.fork().await;
    team.owner.post("close", json!({ "password": PASSWORD })).await.expect(200);
    for world in [&world, &restored] {
        world.pass(30 * DAY);
    }
    let remove = json!({"operation": "remove-tenant", "tenant": team.tenant, "reason": "by mistake"});
    while world.operate(remove.clone()).await.unwrap()["done"] == false {}
    let ana = signed_in(&world, &ana, PASSWORD).await;
    let undo = moved_away(&ana, "thief@evil.example").await;
    world.pass(1);
    // the file names her by the id that she has here, wherever her account is
    let pages = exported(&restored, &team.tenant, true).await;
    assert_eq!(imported(&world, &pages, true).await.unwrap()["done"], true);
    taken_back(&world, &undo).await;
    assert_eq!(membership(&world, &team, &ana), "active");
    world.ledger().check();
}

#[tokio::test]
async fn an_address_that_another_tenant_has_for_itself_stops_its_page() {
    let Scene { world, team, ana, .. } = scene().await;
    let there = World::with([COST[0], ("EMAIL_POLICY", "exclusive")]).await;
    there.pass(TAKES);
    let other = there.team("Brew").await;
    let link = other.invite(&ana.email, "member").await.link().await;
    let theirs = link.accept_with(json!({"password": THEIRS})).await.expect(201).text("/member/user_id");
    let pages = exported(&world, &team.tenant, true).await;
    let refused = imported(&there, &pages, true).await.unwrap_err();
    assert!(refused.starts_with("`items.1`: the address belongs to a tenant here"), "{refused}");
    assert_eq!(there.ledger().count("Member", "tenant_id", &team.tenant), 0, "nothing of the page is there");
    // once they left, or the other tenant shares them, it goes on
    other.owner.remove(&Person { user: theirs, ..other.owner.clone() }).await.expect(204);
    assert_eq!(imported(&there, &pages, true).await.unwrap()["done"], true);
    signed_in(&there, &ana, THEIRS).await.get("members").await.expect(200);
    there.ledger().check();
}

#[tokio::test]
async fn pages_that_are_given_again_change_nothing_and_none_is_left_out() {
    let Scene { world, team, .. } = scene().await;
    let there = elsewhere(TAKES).await;
    let pages = exported(&world, &team.tenant, true).await;
    let another = exported(&world, &team.tenant, true).await;
    let refused = there.operate(importing(&pages[1], true)).await.unwrap_err();
    assert!(refused.contains("begins with the first one"), "{refused}");
    for (nth, page) in pages.iter().enumerate() {
        there.operate(importing(page, true)).await.unwrap();
        let so_far = stored(&there);
        for again in &pages[..=nth] {
            there.operate(importing(again, true)).await.unwrap();
        }
        assert_eq!(stored(&there), so_far, "{nth}");
        if nth + 2 < pages.len() {
            let refused = there.operate(importing(&pages[nth + 2], true)).await.unwrap_err();
            assert!(refused.contains("is missing"), "{refused}");
            let refused = there.operate(importing(&another[0], true)).await.unwrap_err();
            assert!(refused.contains("another export"), "{refused}");
        }
        assert_eq!(stored(&there), so_far, "{nth}");
    }
    let refused = there.operate(importing(&another[0], true)).await.unwrap_err();
    assert!(refused.contains("there is a tenant with this id"), "{refused}");
    let refused = world.operate(importing(&pages[0], true)).await.unwrap_err();
    assert!(refused.contains("there is a tenant with this id"), "{refused}");
    assert_eq!(there.ledger().count("Event", "type", "tenant.imported"), 1);
    assert!(there.ledger().all("Import").is_empty());
    there.ledger().check();
}

/// Each of these changes of a page is refused in these words, and nothing of it is there.
async fn refused(there: &World, pages: &[Value], part: &str, wrong: &[(&str, Value, &str)]) {
    for (pointer, value, words) in wrong {
        let mut pages = pages.to_vec();
        let page = page_of(&mut pages, part);
        *page.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} of {part}")) = value.clone();
        let world = there.fork().await;
        let refused = imported(&world, &pages, true).await.unwrap_err();
        assert!(refused.contains(words), "{part}{pointer}: {refused}");
        for rust in ["struct", "u32", "UUID"] {
            assert!(!refused.contains(rust), "{refused}");
        }
    }
}

#[tokio::test]
async fn a_file_that_was_made_up_opens_no_account_and_reaches_no_other_tenant() {
    let Scene { world, team, ana, .. } = scene().await;
    let there = elsewhere(TAKES).await;
    let other = there.team("Brew").await;
    let victim = other.owner.clone();
    let review = other.owner.post("access-reviews", Value::Null).await.expect(201).text("/id");
    let pages = exported(&world, &team.tenant, true).await;
    let someone = json!("01a202c6-e1a3-7a38-9802-fdcb99ebdc61");
    let email = |canonical: &str, entered: &str| json!({"canonical": canonical, "entered": entered});
    let dear =
        "$argon2id$v=19$m=4194304,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let tenant = json!(other.tenant);
    refused(
        &there,
        &pages,
        "brands",
        &[
            ("/tenant/owner", Value::Null, "nobody owns it yet"),
            ("/tenant/status", json!("pending"), "nobody owns it yet"),
            ("/tenant/status", json!("closed"), "`closed_at`"),
            ("/tenant/seat_limit", json!(0), "`seat_limit`"),
            ("/tenant/created_at", json!("2026-11-22T08:00:00.000Z"), "`created_at`"),
            ("/tenant/name", json!("<b>"), "`name`"),
            ("/tenant/plan", json!(""), "`plan`"),
            ("/tenant/reply_to", email("a@b.co", "c@d.co"), "`reply_to`"),
            ("/tenant/id", json!(other.tenant), "`created_at`"),
            ("/items/0/tenant_id", tenant.clone(), "`items.0`: `tenant_id`"),
            ("/items/0/name", json!(" Sage"), "it isn't spelt as it is kept"),
            ("/items/0/id", json!("Sage"), "`items.0`: `id`: it must be an id"),
            ("/items/0", json!("Sage"), "expected a JSON object"),
        ],
    )
    .await;
    refused(
        &there,
        &pages,
        "members",
        &[
            ("/items/1/tenant_id", tenant.clone(), "`items.1`: `tenant_id`"),
            ("/items/1/role", json!("owner"), "one active member and no other"),
            ("/items/0/role", json!("admin"), "one active member and no other"),
            ("/items/0/status", json!("suspended"), "one active member and no other"),
            ("/items/1/person", Value::Null, "there has to be a `person`"),
            (
                "/items/1/person/email",
                email(&victim.email, "eve@acme.example"),
                "it isn't spelt as it is kept",
            ),
            ("/items/1/email", email(&victim.email, "eve@acme.example"), "it isn't spelt as it is kept"),
            ("/items/1/person/password_hash", json!(dear), "as this deployment makes them"),
            ("/items/1/person/first_name", json!("a\nb"), "`person`: `first_name`"),
            ("/items/1/person/email", email(&team.owner.email, &team.owner.email), "it is there twice"),
            ("/items/1/user_id", pages[1]["items"][2]["user_id"].clone(), "it is there twice"),
        ],
    )
    .await;
    refused(
        &there,
        &pages,
        "invitations",
        &[
            ("/items/1/tenant_id", tenant.clone(), "`items.1`: `tenant_id`"),
            ("/items/1/id", pages[2]["items"][0]["id"].clone(), "it is there twice"),
            ("/items/0/holds_address", json!(true), "`holds_address`: it is over"),
            ("/items/0/status", json!("expired"), "the tenant has its owner"),
            ("/items/1/expires_in_days", json!(31), "`expires_in_days`"),
            ("/items/1/email", email(&victim.email, "eve@acme.example"), "it isn't spelt as it is kept"),
        ],
    )
    .await;
    refused(
        &there,
        &pages,
        "reviews",
        &[
            ("/items/0/tenant_id", tenant.clone(), "`items.0`: `tenant_id`"),
            ("/items/1/id", pages[3]["items"][0]["id"].clone(), "it is there twice"),
            ("/items/0/closed_at", Value::Null, "another review goes on"),
        ],
    )
    .await;
    refused(
        &there,
        &pages,
        "decisions",
        &[
            ("/items/0/tenant_id", tenant.clone(), "`items.0`: `tenant_id`"),
            ("/items/0/review_id", json!(review), "there is no such review"),
            ("/items/0/reason", json!(""), "`reason`"),
        ],
    )
    .await;
    refused(
        &there,
        &pages,
        "events",
        &[
            ("/items/0/details", json!({"words": "x".repeat(17_000)}), "at most 16384 bytes"),
            ("/items/0/tenant_id", tenant.clone(), "`items.0`: `tenant_id`"),
            ("/items/0/at", json!("2027-11-22T08:00:00.000Z"), "`at`"),
            // of the same moment
            ("/items/1/id", pages.last().unwrap()["items"][0]["id"].clone(), "it is there twice"),
            ("/items/0/type", json!("tea.brewed"), "`items.0`: `type`"),
            ("/items/0/id", someone, "`at`"),
        ],
    )
    .await;

    // a member by the id of somebody here: they are let in, and nobody is let into their account
    let mut lured = pages.clone();
    *page_of(&mut lured, "members").pointer_mut("/items/1/user_id").unwrap() = json!(victim.user);
    imported(&there, &lured, true).await.unwrap();
    for password in [PASSWORD, THEIRS] {
        there.sign_in(&ana.email, password).await.refused(401, "unauthenticated");
    }
    let me = there.ask("GET", "/v1/me", Some(&victim.session), &Value::Null).await.expect(200);
    assert_eq!(me.text("/user/email"), victim.email);
    let read = other.owner.get(&format!("access-reviews/{review}")).await.expect(200).json();
    assert_eq!(read["decisions"], json!([]));
    assert_eq!(there.ledger().all("Review").len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_that_is_stopped_at_any_call_is_given_again_and_goes_on() {
    let Scene { world, team, ana, .. } = scene().await;
    let set = elsewhere(TAKES).await;
    let other = set.team("Brew").await;
    let link = other.invite(&ana.email, "member").await.link().await;
    link.accept_with(json!({"password": THEIRS})).await.expect(201);
    let pages = exported(&world, &team.tenant, true).await;
    for (first, fault) in [Fault::Crash, Fault::LostAnswer].into_iter().enumerate() {
        let mut stopped = 0;
        // a crash after each second call, a lost answer to each other one
        for call in (0..40).skip(first).step_by(2) {
            let there = set.fork().await;
            there.wire().fail_racer(0, call, fault.clone());
            let once = pages.clone();
            let import =
                operation(&there, |there| async move { imported(&there, &once, true).await.is_ok() });
            let done = race_with_crashes(&[], vec![import]).await;
            stopped += usize::from(done == [None]);
            assert_eq!(imported(&there, &pages, true).await.unwrap()["done"], true, "{call}");
            assert_eq!(there.ledger().count("Event", "type", "tenant.imported"), 1, "{call}");
            assert!(there.ledger().all("Import").is_empty(), "{call}");
            there.ledger().check();
        }
        assert!(stopped > 5 || !matches!(fault, Fault::Crash), "{stopped}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_the_same_page_bring_it_once() {
    let Scene { world, team, .. } = scene().await;
    let set = elsewhere(TAKES).await;
    let pages = exported(&world, &team.tenant, true).await;
    for (nth, page) in pages.iter().enumerate() {
        if page["items"].as_array().unwrap().is_empty() {
            continue;
        }
        let so_far = set.fork().await;
        imported(&so_far, &pages[..nth], true).await.unwrap();
        for order in interleavings(4, 4).into_iter().step_by(17) {
            let there = so_far.fork().await;
            let give = || {
                let order = importing(page, true);
                operation(&there, |there| async move { there.operate(order).await })
            };
            for answer in race(&order, vec![give(), give()]).await {
                answer.unwrap_or_else(|why| panic!("{order:?}: {why}"));
            }
            imported(&there, &pages[nth + 1..], true).await.unwrap();
            assert_eq!(there.ledger().count("Event", "type", "tenant.imported"), 1, "{order:?}");
            there.ledger().check();
        }
    }
}

#[tokio::test]
async fn an_import_is_given_up_and_leaves_nothing_and_no_other_order_meddles_with_it() {
    let Scene { world, team, .. } = scene().await;
    let there = elsewhere(TAKES).await;
    let pages = exported(&world, &team.tenant, true).await;
    for so_far in [1, 2, pages.len() - 1] {
        imported(&there, &pages[..so_far], true).await.unwrap();
        let id = team.tenant.as_str();
        for order in [
            json!({"operation": "set-plan", "tenant": id, "plan": "p", "seats": 3, "reason": "r"}),
            json!({"operation": "suspend-tenant", "tenant": id, "suspended": false, "reason": "r"}),
            json!({"operation": "set-email-policy", "tenant": id, "email_policy": "exclusive", "reason": "r"}),
            json!({"operation": "export-tenant", "tenant": id, "reason": "r"}),
            json!({"operation": "transfer-ownership", "tenant": id, "to": team.owner.user, "reason": "r"}),
            json!({"operation": "reopen-tenant", "tenant": id, "reason": "r"}),
        ] {
            let refused = there.operate(order.clone()).await.unwrap_err();
            assert!(refused.contains("is being imported"), "{order}: {refused}");
        }
        let remove = json!({"operation": "remove-tenant", "tenant": id, "reason": "r"});
        let mut done = there.operate(remove.clone()).await.unwrap();
        let refused = there.operate(importing(&pages[so_far], true)).await.unwrap_err();
        assert!(refused.contains("being removed") || refused.contains("begins with the first"), "{refused}");
        while done["done"] == false {
            done = there.operate(remove.clone()).await.unwrap();
        }
        // mails have an end of their own
        let left = stored(&there).into_iter().filter(|item| item.contains(id) && !item.contains("MAIL#"));
        assert_eq!(left.collect::<Vec<_>>(), Vec::<String>::new(), "{so_far}");
        there.ledger().check();
    }
    // and it may begin again
    assert_eq!(imported(&there, &pages, true).await.unwrap()["done"], true);
    there.ledger().check();
}

#[tokio::test]
async fn one_tenant_is_taken_back_from_an_older_state_of_the_same_deployment() {
    let Scene { world, team, brand, ana, .. } = scene().await;
    let other = world.team("Brew").await;
    other.join(&ana.email, "member").await;
    // what a restored table is: the same items, as they were
    let restored = world.fork().await;
    let close = json!({ "password": PASSWORD });
    team.owner.post("close", close).await.expect(200);
    for world in [&world, &restored] {
        world.pass(30 * DAY);
    }
    let remove = json!({"operation": "remove-tenant", "tenant": team.tenant, "reason": "by mistake"});
    while world.operate(remove.clone()).await.unwrap()["done"] == false {}
    let pages = exported(&restored, &team.tenant, true).await;
    assert_eq!(imported(&world, &pages, true).await.unwrap()["done"], true);
    world.ledger().check();
    // who was gone with it is back, and who wasn't is who they are
    signed_in(&world, &team.owner, PASSWORD).await.get("members").await.expect(200);
    let back = signed_in(&world, &ana, PASSWORD).await;
    assert_eq!(back.user, ana.user);
    let question = json!({"permission": "products.write", "brand": brand});
    assert_eq!(back.post("check", question).await.expect(200).json()["allowed"], true);
    back.inside(&other.tenant).get("members").await.expect(200);
}
