//! Items as each release wrote them, read by this one: `tests/samples` holds a table a release, with what opens it. A new
//! one is written by `RELEASE=1 cargo test -p stories samples::`, named by the version of the workspace, when that version
//! is released; after that it stays as it is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use stories::{Link, PASSWORD, Person, ReplyExt as _, World};

const DAY: u64 = 86_400;

/// What the owner reads of their team.
const READ: [&str; 9] = [
    "",
    "seats",
    "members?limit=100",
    "invitations?limit=100",
    "brands",
    "partners",
    "access-review?limit=100",
    "access-reviews",
    "events?limit=100",
];

/// How long after the stories' start a table was taken.
const TAKEN_AFTER: u64 = 3 * DAY;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")
}

/// The kinds of items that this code writes.
fn kinds(items: &[Value]) -> BTreeSet<String> {
    items.iter().map(|item| item["entity"]["S"].as_str().unwrap().to_owned()).collect()
}

/// The kinds that there are.
fn all_kinds() -> BTreeSet<String> {
    let keys = include_str!("../../shared/store/src/keys.rs");
    let names = keys.lines().filter_map(|line| line.trim().strip_prefix("const NAME: &'static str = \""));
    // a limit's window has no type of its own
    names.map(|name| name.trim_end_matches("\";").to_owned()).chain(["Rate".to_owned()]).collect()
}

fn importing(page: &Value) -> Value {
    json!({"operation": "import-tenant", "page": page, "reason": "r"})
}

/// The pages of a tenant that moves here, from a deployment of the same time.
async fn moving() -> Vec<Value> {
    let world = World::new().await;
    let team = world.team("Mint").await;
    team.join("moe@mint.example", "member").await;
    world.pass(TAKEN_AFTER);
    exported(&world, &team.tenant).await
}

/// All pages of an export.
async fn exported(world: &World, tenant: &str) -> Vec<Value> {
    let (mut pages, mut after) = (Vec::new(), Value::Null);
    loop {
        let order = json!({"operation": "export-tenant", "tenant": tenant, "reason": "r", "after": after});
        let page = world.operate(order).await.unwrap();
        after = page["next"].clone();
        pages.push(page);
        if after.is_null() {
            return pages;
        }
    }
}

/// A review of Rita's access, ended or going on.
async fn reviewed(owner: &Person, rita: &Person, ends: bool) {
    let review = owner.post("access-reviews", Value::Null).await.expect(201).text("/id");
    let path = format!("access-reviews/{review}");
    let kept = json!({"decision": "kept", "reason": "needed"});
    owner.put(&format!("{path}/members/{}", rita.user), kept).await.expect(200);
    if ends {
        owner.post(&format!("{path}/close"), Value::Null).await.expect(200);
    }
}

/// Somebody asks for another address.
async fn asks(person: &Person, email: &str) -> String {
    let body = json!({"email": email, "password": PASSWORD});
    person.world.ask("POST", "/v1/me/email", Some(&person.session), &body).await.expect(202);
    person.world.email_token(email, "confirm").await
}

/// Follows a link to a new or an old address.
async fn follow(world: &World, verb: &str, token: &str) {
    world.ask("POST", &format!("/v1/email-changes/{verb}"), None, &json!({"token": token})).await.expect(200);
}

/// A table with an item of every kind that there is, and what opens it.
async fn written() -> Value {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let look = json!({"brand_colour": "#1f6f54", "reply_to": "team@acme.example", "reminder_days": 1});
    team.owner.ask("PATCH", "", look).await.expect(200);
    let brand = team.brand("Sage").await;
    let adam = team.join("adam@acme.example", "admin").await;
    let mira = team.join("mira@acme.example", "member").await;
    let rita = team.join("rita@acme.example", "sales_rep").await;
    team.owner.assign_brands(&rita, json!([brand])).await.expect(200);
    let list = json!({"email": "lena@acme.example", "first_name": "Lena", "last_name": "List", "role": "member",
        "permissions": ["members.read", "products.write"], "brands": [brand], "phone": "+49301234567", "locale": "de"});
    team.owner.post("invitations", list).await.expect(201);
    let lena = Person::of(&world.link("lena@acme.example").await, &team.tenant).await;
    team.owner.suspend(&mira).await.expect(200);
    let revoked = team.invite("rolf@acme.example", "partner").await;
    team.owner.revoke(&revoked).await.expect(204);
    let declined = team.invite("dora@acme.example", "member").await;
    declined.link().await.decline().await.expect(204);
    team.invite("bo@acme.example", "member").await.link().await;
    world.stack().feedback("bo@acme.example", "bounce", "no such user").await.unwrap();
    let short = json!({"email": "eva@acme.example", "first_name": "Eva", "last_name": "Expired", "role": "member",
        "expires_in_days": 1});
    team.owner.post("invitations", short).await.expect(201);
    world.settle().await;
    world.pass(TAKEN_AFTER);
    world.stack().sweep().await.unwrap();
    let pending = team.invite("ana@acme.example", "member").await.link().await;
    // mailed, and to be reminded
    team.invite("nora@acme.example", "member").await.link().await;
    let gone = team.join("gus@acme.example", "member").await;
    team.owner.remove(&gone).await.expect(204);
    let key = [("idempotency-key", "kept by an older release")];
    let made = team.owner.ask_with("POST", "brands", json!({"name": "Thyme"}), &key).await.expect(201);
    world.sign_in("adam@acme.example", "not the right password").await.refused(401, "unauthenticated");
    world.ask("POST", "/v1/password-resets", None, &json!({"email": "adam@acme.example"})).await.expect(202);
    reviewed(&team.owner, &rita, true).await;
    reviewed(&team.owner, &rita, false).await;
    let organization =
        json!({"name": "Bloom", "email": "ben@bloom.example", "first_name": "Ben", "last_name": "Bloom"});
    let partner = team.owner.post("partners", organization).await.expect(202).text("/tenant/id");
    world.link("ben@bloom.example").await.accept().await.expect(201);
    follow(&world, "confirm", &asks(&lena, "lena.new@acme.example").await).await;
    let undo = world.email_token("lena@acme.example", "undo").await;
    let confirm = asks(&rita, "rita.new@acme.example").await;
    let pages = moving().await;
    world.operate(importing(&pages[0])).await.unwrap();
    world.settle().await;
    // queued, and not mailed yet
    team.owner.invite("quinn@acme.example", "member").await.expect(201);
    world.sign_up("Brew", "bea@brew.example").await;
    let mut answers = json!({});
    for path in READ {
        answers[path] = team.owner.get(path).await.expect(200).json();
    }
    json!({
        "answers": answers, "tenant": team.tenant, "session": team.owner.session, "link": pending.token, "brand": made.text("/id"),
        "admin": adam.user, "suspended": mira.user, "partner": partner, "undo": undo, "confirm": confirm,
        "import": pages[1..], "items": world.stack().items().unwrap(),
    })
}

/// Everything that was answered then is answered now; there may be more of it.
fn is_still(then: &Value, now: &Value, at: &str) {
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => {
            for (name, value) in then.iter().filter(|(name, _)| *name != "next_cursor") {
                is_still(value, now.get(name).unwrap_or(&Value::Null), &format!("{at} {name}"));
            }
        }
        (Value::Array(then), Value::Array(now)) => {
            assert_eq!(then.len(), now.len(), "{at}");
            then.iter().zip(now).for_each(|(then, now)| is_still(then, now, at));
        }
        _ => assert_eq!(then, now, "{at}"),
    }
}

/// Everything that can be read is, and everybody goes on from where they were.
async fn is_read(sample: &Value) {
    let text = |name: &str| sample[name].as_str().unwrap().to_owned();
    let world = World::new().await;
    world.pass(TAKEN_AFTER);
    for item in sample["items"].as_array().unwrap() {
        world.stack().put_item(item).unwrap();
    }
    let owner = Person {
        world: world.clone(),
        tenant: text("tenant"),
        email: String::new(),
        user: String::new(),
        // sessions of before they stood with their user are over: one signs in once more
        session: if kinds(sample["items"].as_array().unwrap()).contains("Session") {
            world.sign_in("owner@acme.example", PASSWORD).await.expect(201).text("/session/token")
        } else {
            text("session")
        },
    };
    for path in READ {
        let now = owner.get(path).await.expect(200).json();
        if let Some(then) = sample["answers"].get(path) {
            is_still(then, &now, path);
        }
    }
    for kind in ["members", "invitations", "brands", "access-reviews"] {
        for one in owner.get(kind).await.json()["items"].as_array().unwrap() {
            let id = one.get("user_id").or_else(|| one.get("id")).and_then(Value::as_str).unwrap();
            owner.get(&format!("{kind}/{id}")).await.expect(200);
        }
    }
    exported(&world, &text("tenant")).await;
    // the record of an answer, the counter of guesses, the mail that was queued, the link that was mailed
    let key = [("idempotency-key", "kept by an older release")];
    let again = owner.ask_with("POST", "brands", json!({"name": "Thyme"}), &key).await.expect(201);
    assert_eq!(again.text("/id"), text("brand"));
    world.sign_in("adam@acme.example", PASSWORD).await.expect(201);
    world.link("quinn@acme.example").await.accept().await.expect(201);
    Link { world: world.clone(), token: text("link") }.accept().await.expect(201);
    world.link("bea@brew.example").await.accept().await.expect(201);
    // who was suspended comes back, who was removed is invited again, a suppression is lifted, what expired is sent again
    owner.post(&format!("members/{}/reinstate", text("suspended")), Value::Null).await.expect(200);
    owner.put(&format!("members/{}/role", text("admin")), json!({"role": "member"})).await.expect(200);
    owner.invite("gus@acme.example", "member").await.expect(201);
    world.link("gus@acme.example").await.accept().await.expect(201);
    let lift = json!({"operation": "lift-suppression", "email": "bo@acme.example", "reason": "r"});
    world.operate(lift).await.unwrap();
    let listed = owner.get("invitations?status=expired").await.json();
    for expired in listed["items"].as_array().unwrap() {
        let path = format!("invitations/{}/resend", expired["id"].as_str().unwrap());
        owner.post(&path, Value::Null).await.expect(200);
    }
    world.link("eva@acme.example").await.accept().await.expect(201);
    if sample["partner"].is_string() {
        goes_on(sample, &owner).await;
    }
    world.ledger().check();
}

/// What releases have written since 0.3.0.
async fn goes_on(sample: &Value, owner: &Person) {
    let (world, text) = (&owner.world, |name: &str| sample[name].as_str().unwrap());
    let reviews = owner.get("access-reviews").await.json()["items"].clone();
    let open = reviews.as_array().unwrap().iter().find(|one| one["closed_at"].is_null()).unwrap();
    let path = format!("access-reviews/{}/close", open["id"].as_str().unwrap());
    let closed = owner.post(&path, Value::Null).await.expect(200).json();
    assert_eq!(closed["counts"]["kept"], 1);
    // in the name of the portal, and as long as it is one
    owner.inside(text("partner")).get("members").await.expect(200);
    owner.delete(&format!("partners/{}", text("partner"))).await.expect(204);
    owner.inside(text("partner")).get("members").await.expect(404);
    follow(world, "confirm", text("confirm")).await;
    world.sign_in("rita.new@acme.example", PASSWORD).await.expect(201);
    follow(world, "undo", text("undo")).await;
    world.sign_in("lena.new@acme.example", PASSWORD).await.refused(401, "unauthenticated");
    for page in sample["import"].as_array().unwrap() {
        world.operate(importing(page)).await.unwrap();
    }
    let ledger = world.ledger();
    let is_moe = |member: &&Value| member["email"]["M"]["canonical"]["S"] == "moe@mint.example";
    assert_eq!(ledger.all("Member").iter().filter(is_moe).count(), 1);
    assert!(ledger.all("Import").is_empty(), "the import is done");
    assert_eq!(world.stack().mailbox().to(Some("nora@acme.example")).len(), 0);
    world.pass(DAY + 60);
    world.stack().sweep().await.unwrap();
    world.link("nora@acme.example").await.accept().await.expect(201);
}

#[tokio::test]
async fn what_each_release_wrote_is_read() {
    let today = written().await;
    if std::env::var_os("RELEASE").is_some() {
        let file = folder().join(format!("{}.json", env!("CARGO_PKG_VERSION")));
        assert!(!file.exists(), "{} was released and stays as it is", file.display());
        std::fs::write(file, serde_json::to_string_pretty(&today).unwrap() + "\n").unwrap();
    }
    is_read(&today).await;
    let wanted = kinds(today["items"].as_array().unwrap());
    assert_eq!(wanted, all_kinds(), "a kind of item that no sample has");
    let mut read = 0;
    for file in std::fs::read_dir(folder()).unwrap() {
        let sample: Value = serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        is_read(&sample).await;
        let kinds = kinds(sample["items"].as_array().unwrap());
        read += usize::from(kinds == wanted);
    }
    assert!(read > 0, "no release wrote every kind of item that there is: {wanted:?}");
}
