//! Items as each release wrote them, read by this one: `tests/samples` holds a table a release, with what opens it. A new
//! one is written by `RELEASE=1 cargo test -p stories samples::`, named by the version of the workspace, when that version
//! is released; after that it stays as it is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use stories::{Link, PASSWORD, Person, ReplyExt as _, World};

/// How long after the stories' start a table was taken.
const TAKEN_AFTER: u64 = 3 * 86_400;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")
}

/// The kinds of items that this code writes.
fn kinds(items: &[Value]) -> BTreeSet<String> {
    items.iter().map(|item| item["entity"]["S"].as_str().unwrap().to_owned()).collect()
}

/// A table with everything in it that there can be, and what opens it.
async fn written() -> Value {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let brand = team.brand("Sage").await;
    let adam = team.join("adam@acme.example", "admin").await;
    let mira = team.join("mira@acme.example", "member").await;
    let rita = team.join("rita@acme.example", "sales_rep").await;
    team.owner.assign_brands(&rita, json!([brand])).await.expect(200);
    let list = json!({"email": "lena@acme.example", "first_name": "Lena", "last_name": "List", "role": "member",
        "permissions": ["members.read", "products.write"], "brands": [brand], "phone": "+49301234567", "locale": "de"});
    team.owner.post("invitations", list).await.expect(201);
    world.link("lena@acme.example").await.accept().await.expect(201);
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
    let gone = team.join("gus@acme.example", "member").await;
    team.owner.remove(&gone).await.expect(204);
    let key = [("idempotency-key", "kept by an older release")];
    let made = team.owner.ask_with("POST", "brands", json!({"name": "Thyme"}), &key).await.expect(201);
    world.sign_in("adam@acme.example", "not the right password").await.refused(401, "unauthenticated");
    world.ask("POST", "/v1/password-resets", None, &json!({"email": "adam@acme.example"})).await.expect(202);
    world.settle().await;
    // queued, and not mailed yet
    team.owner.invite("quinn@acme.example", "member").await.expect(201);
    world.sign_up("Brew", "bea@brew.example").await;
    json!({
        "tenant": team.tenant, "session": team.owner.session, "link": pending.token, "brand": made.text("/id"),
        "admin": adam.user, "suspended": mira.user, "items": world.stack().items().unwrap(),
    })
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
    for path in ["", "members", "invitations", "brands", "events?limit=100"] {
        owner.get(path).await.expect(200);
    }
    for kind in ["members", "invitations", "brands"] {
        for one in owner.get(kind).await.json()["items"].as_array().unwrap() {
            let id = one.get("user_id").or_else(|| one.get("id")).and_then(Value::as_str).unwrap();
            owner.get(&format!("{kind}/{id}")).await.expect(200);
        }
    }
    let mut after = Value::Null;
    loop {
        let order =
            json!({"operation": "export-tenant", "tenant": text("tenant"), "reason": "r", "after": after});
        let part = world.operate(order).await.unwrap();
        after = part["next"].clone();
        if after.is_null() {
            break;
        }
    }
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
    world.ledger().check();
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
    let mut read = 0;
    for file in std::fs::read_dir(folder()).unwrap() {
        let sample: Value = serde_json::from_slice(&std::fs::read(file.unwrap().path()).unwrap()).unwrap();
        is_read(&sample).await;
        let kinds = kinds(sample["items"].as_array().unwrap());
        read += usize::from(kinds == wanted);
    }
    assert!(read > 0, "no release wrote every kind of item that there is: {wanted:?}");
}
