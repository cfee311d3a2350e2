//! What is given and handed over: permission lists, the ownership, and leaving.

use serde_json::{Value, json};
use stories::{PASSWORD, Person, ReplyExt as _, World, interleavings, operation, race};

async fn permit(by: &Person, whom: &Person, list: Value) -> local::Reply {
    by.put(&format!("members/{}/permissions", whom.user), json!({ "permissions": list })).await
}

async fn restore(by: &Person, whom: &Person) -> local::Reply {
    by.delete(&format!("members/{}/permissions", whom.user)).await
}

async fn hand_over(by: &Person, to: &Person, password: &str) -> local::Reply {
    by.post("transfer", json!({"to": to.user, "password": password})).await
}

#[tokio::test]
async fn a_list_replaces_what_the_role_holds_until_it_is_taken_away() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let (ana, ben) =
        (team.join("ana@acme.example", "member").await, team.join("ben@acme.example", "partner").await);
    let brand = team.brand("Sage").await;
    team.owner.assign_brands(&ana, json!([brand])).await.expect(200);
    let shown = permit(&team.owner, &ana, json!(["tenant.read", "billing.read"])).await.expect(200);
    assert_eq!(shown.json()["permissions"], json!(["tenant.read", "billing.read"]));
    assert!(ana.may("billing.read").await && !ana.may("members.read").await);
    ana.get("members").await.refused(403, "forbidden");
    // doing what is done writes nothing, and versions are honoured
    let again = permit(&team.owner, &ana, json!(["billing.read", "tenant.read"])).await.expect(200);
    assert_eq!(again.headers["etag"], shown.headers["etag"]);
    let path = format!("members/{}/permissions", ana.user);
    let stale = [("if-match", "\"01a202c6-e1a3-7a38-9802-fdcb99ebdc61\"")];
    team.owner.ask_with("PUT", &path, json!({"permissions": []}), &stale).await.refused(412, "conflict");
    team.owner.ask_with("DELETE", &path, Value::Null, &stale).await.refused(412, "conflict");
    // none at all is a list too
    permit(&team.owner, &ana, json!([])).await.expect(200);
    assert!(!ana.may("tenant.read").await);
    restore(&team.owner, &ana).await.expect(200);
    ana.get("members").await.expect(200);
    assert_eq!(world.ledger().count("Event", "type", "member.permissions_changed"), 3);
    // R4, R5: what is the owner's alone, what a partner never holds, what nobody knows
    for (whom, list, status, code) in [
        (&ana, json!(["tenant.close"]), 403, "role-not-grantable"),
        (&ben, json!(["members.read"]), 403, "role-not-grantable"),
        (&ben, json!(["audit.read"]), 403, "role-not-grantable"),
        (&ana, json!(["everything"]), 422, "validation"),
        (&ana, Value::Null, 422, "validation"),
    ] {
        permit(&team.owner, whom, list).await.refused(status, code);
    }
    world.ledger().check();
}

#[tokio::test]
async fn nobody_gives_by_a_list_what_they_lack_or_to_whom_they_may_not() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let adam = team.join("adam@acme.example", "admin").await;
    let (ana, ben) =
        (team.join("ana@acme.example", "member").await, team.join("ben@acme.example", "member").await);
    let (sage, rue) = (team.brand("Sage").await, team.brand("Rue").await);
    team.owner.assign_brands(&ana, json!([sage])).await.expect(200);
    team.owner.assign_brands(&ben, json!([sage, rue])).await.expect(200);
    // R2, R3, R7
    permit(&adam, &team.owner, json!([])).await.refused(409, "owner-required");
    permit(&adam, &adam, json!([])).await.refused(403, "forbidden");
    permit(&ana, &ben, json!([])).await.refused(403, "forbidden");
    // a member who may permit has no more to give than they hold, and no members.* at all
    permit(
        &adam,
        &ana,
        json!(["tenant.read", "members.read", "members.permit", "products.read", "brand.read"]),
    )
    .await
    .expect(200);
    permit(&ana, &ben, json!(["products.write"])).await.refused(403, "role-not-grantable");
    permit(&ana, &ben, json!(["members.read"])).await.refused(403, "role-not-grantable");
    // nor on brands that they don't see
    permit(&ana, &ben, json!(["products.read"])).await.refused(403, "role-not-grantable");
    team.owner.assign_brands(&ben, json!([sage])).await.expect(200);
    permit(&ana, &ben, json!(["products.read"])).await.expect(200);
    // taking the list away gives the role's permissions, which they don't hold
    restore(&ana, &ben).await.refused(403, "role-not-grantable");
    restore(&adam, &ben).await.expect(200);
    // an invitation that rested on what somebody loses is told
    let invited = adam.invite("late@acme.example", "member").await.expect(201);
    let lost = permit(&team.owner, &adam, json!(["tenant.read", "members.read"])).await.expect(200).json();
    assert_eq!(lost["unsponsored_invitations"][0]["id"], invited.text("/id"));
    world.ledger().check();
}

#[tokio::test]
async fn the_owner_hands_the_team_over_with_their_password() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let (ana, ben) =
        (team.join("ana@acme.example", "member").await, team.join("ben@acme.example", "admin").await);
    permit(&team.owner, &ana, json!(["tenant.read"])).await.expect(200);
    hand_over(&ben, &ana, PASSWORD).await.refused(403, "forbidden");
    hand_over(&team.owner, &team.owner, PASSWORD).await.refused(403, "forbidden");
    let wrong =
        hand_over(&team.owner, &ana, "another password that is long").await.refused(422, "validation");
    assert_eq!(wrong.text("/errors/0/pointer"), "/password");
    let nobody = Person { user: team.tenant.clone(), ..ana.clone() };
    assert_eq!(
        hand_over(&team.owner, &nobody, PASSWORD).await.refused(422, "validation").text("/errors/0/pointer"),
        "/to"
    );
    team.owner.suspend(&ana).await.expect(200);
    hand_over(&team.owner, &ana, PASSWORD).await.refused(422, "validation");
    team.owner.reinstate(&ana).await.expect(200);
    let body = json!({"to": ana.user, "password": PASSWORD});
    let key = [("idempotency-key", "k")];
    let done = team.owner.ask_with("POST", "transfer", body.clone(), &key).await.expect(200);
    assert_eq!(
        (done.text("/owner/role"), done.text("/member/role")),
        ("owner".to_owned(), "admin".to_owned())
    );
    assert_eq!(
        done.json()["owner"]["permissions"],
        Value::Null,
        "no list takes from an owner what makes them one"
    );
    // the same request again is answered, by who is no owner any more
    let again = team.owner.ask_with("POST", "transfer", body, &key).await.expect(200);
    assert_eq!(again.body, done.body);
    hand_over(&team.owner, &ben, PASSWORD).await.refused(403, "forbidden");
    ana.remove(&team.owner).await.expect(204);
    let kept =
        String::from_utf8_lossy(&serde_json::to_vec(&world.stack().items().unwrap()).unwrap()).into_owned();
    assert!(!kept.contains(PASSWORD));
    assert_eq!(world.ledger().count("Event", "type", "tenant.transferred"), 1);
    world.settle().await;
    let told = |email: &str| world.stack().mailbox().to(Some(email)).pop().unwrap().text;
    assert!(told(&ana.email).contains("You are the owner of the account of Acme"), "{}", told(&ana.email));
    assert!(told(&team.owner.email).contains("The account of Acme has another owner"));
    // a session that somebody found open guesses no password
    for _ in 0..10 {
        hand_over(&ana, &ben, "another password that is long").await.refused(422, "validation");
    }
    hand_over(&ana, &ben, PASSWORD).await.refused(429, "rate-limited");
    world.ledger().check();
}

#[tokio::test]
async fn only_the_owner_gives_the_company_another_name() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let adam = team.join("adam@acme.example", "admin").await;
    let rename = async |by: &Person, name: &str| by.ask("PATCH", "", json!({ "name": name })).await;
    rename(&adam, "Adam's").await.refused(403, "forbidden");
    rename(&team.owner, "<b>").await.refused(422, "validation");
    let before = team.owner.get("").await.expect(200);
    let renamed = rename(&team.owner, "Acme Botanicals").await.expect(200);
    assert_eq!(renamed.text("/name"), "Acme Botanicals");
    assert_ne!(renamed.headers["etag"], before.headers["etag"]);
    let stale = [("if-match", before.headers["etag"].as_str())];
    team.owner.ask_with("PATCH", "", json!({"name": "Other"}), &stale).await.refused(412, "conflict");
    assert_eq!(
        rename(&team.owner, "Acme Botanicals").await.expect(200).headers["etag"],
        renamed.headers["etag"]
    );
    assert_eq!(world.ledger().count("Event", "type", "tenant.updated"), 1);
    // whoever is invited from now on reads it
    team.invite("ana@acme.example", "member").await.link().await;
    assert!(world.stack().mailbox().to(Some("ana@acme.example"))[0].text.contains("Acme Botanicals"));
    world.ledger().check();
}

#[tokio::test]
async fn whoever_leaves_is_out_and_the_owner_stays() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let ana = team.join("ana@acme.example", "partner").await;
    let used = || world.ledger().all("Tenant")[0]["seats_used"]["N"].clone();
    assert_eq!(used(), "2");
    let own = ana.get("members/me").await.expect(200);
    assert_eq!(own.text("/user_id"), ana.user);
    assert_eq!(own.body, ana.get(&format!("members/{}", ana.user)).await.expect(200).body);
    team.owner.delete("members/me").await.refused(409, "owner-required");
    ana.delete("members/me").await.expect(204);
    ana.get("members/me").await.refused(403, "access-revoked");
    ana.delete("members/me").await.refused(403, "access-revoked");
    world.sign_in(&ana.email, PASSWORD).await.refused(403, "access-revoked");
    assert_eq!(used(), "1");
    assert_eq!(world.ledger().count("Event", "type", "member.left"), 1);
    // a new invitation is the way back, with nothing of before
    team.join(&ana.email, "member").await.get("members").await.expect(200);
    world.ledger().check();
}

#[tokio::test]
async fn roles_say_what_they_hold_and_which_of_them_one_may_give() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let (adam, mira) =
        (team.join("adam@acme.example", "admin").await, team.join("mira@acme.example", "member").await);
    let given = async |by: &Person| {
        let roles = by.get("roles").await.expect(200).json();
        let items = roles["items"].as_array().unwrap().clone();
        assert_eq!(items.len(), 5);
        assert!(items.iter().all(|role| role["description"].as_str().unwrap().ends_with('.')));
        let given = items.iter().filter(|role| role["grantable"] == true);
        given.map(|role| role["role"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = ["admin", "member", "sales_rep", "partner"];
    assert_eq!(given(&team.owner).await, all);
    assert_eq!(given(&adam).await, all);
    assert_eq!(given(&mira).await, [""; 0]);
    let may = json!(["tenant.read", "members.invite", "brand.read", "products.read", "retailers.message"]);
    permit(&adam, &mira, may).await.expect(200);
    assert_eq!(given(&mira).await, ["sales_rep", "partner"]);
    // and that is what is refused or not
    for role in ["admin", "member"] {
        mira.invite("new@acme.example", role).await.refused(403, "role-not-grantable");
    }
    mira.invite("new@acme.example", "partner").await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_against_the_suspension_of_who_shall_own() {
    let set = World::new().await;
    let team = set.team("Acme").await;
    let (adam, ana) =
        (team.join("adam@acme.example", "admin").await, team.join("ana@acme.example", "member").await);
    for order in interleavings(6, 4).into_iter().step_by(5) {
        let world = set.fork().await;
        let (owner, adam, ana) = (team.owner.in_world(&world), adam.in_world(&world), ana.in_world(&world));
        let transfer = operation(&(owner, ana.clone()), |(owner, ana)| async move {
            hand_over(&owner, &ana, PASSWORD).await
        });
        let suspend = operation(&(adam, ana), |(adam, ana)| async move { adam.suspend(&ana).await });
        let replies = race(&order, vec![transfer, suspend]).await;
        let legal = [(200, 409), (422, 200)][world.wrote_first()];
        assert_eq!((replies[0].status, replies[1].status), legal, "{order:?}");
        world.ledger().check();
    }
}
