//! What a function may do at the table is what it is seen to do there.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stories::{ReplyExt, World};

use super::{file, names};

/// The actions that `template.yaml` gives a function on the table, and those that it is seen to use, are the same.
#[tokio::test]
async fn a_function_may_do_at_the_table_what_it_is_seen_to_do() {
    let world = World::with([
        ("NEW_TENANT_SEATS", "4"),
        ("USE_SAMPLING", "1"),
        ("ADDRESS_MAILS_PER_DAY", "200"),
        ("SIGN_UPS_OF_SOURCE_PER_HOUR", "200"),
    ])
    .await
    .keyed();
    let team = world.team("Acme").await;
    let ana = team.join("ana@acme.example", "member").await;
    let brand = team.brand("Sage").await;
    // everything that writes, the rare ways included: reclaiming seats, giving way, wrong passwords, retried keys
    team.owner.get("brands").await.expect(200);
    team.owner.get(&format!("brands/{brand}")).await.expect(200);
    // an admin who rests invitations on themselves, and whose rights change in every way
    for change in ["role", "suspend", "remove"] {
        let adam = team.join(&format!("{change}@acme.example"), "admin").await;
        team.owner.assign_brand(&adam, &brand).await.expect(200);
        match change {
            "role" => team.owner.give_role(&adam, "member").await.expect(200),
            _ => team.owner.suspend(&adam).await.expect(200),
        };
        team.owner.remove(&adam).await.expect(204);
    }
    team.owner.get("").await.expect(200);
    team.owner.ask("PATCH", &format!("brands/{brand}"), json!({"name": "Rue"})).await.expect(200);
    for list in ["members", "invitations", "events"] {
        team.owner.get(list).await.expect(200);
    }
    team.owner.post("check", json!({"permission": "tenant.read"})).await.expect(200);
    world.ask("GET", "/v1/me", Some(&ana.session), &Value::Null).await.expect(200);
    team.owner.give_role(&ana, "sales_rep").await.expect(200);
    team.owner.assign_brand(&ana, &brand).await.expect(200);
    team.owner.suspend(&ana).await.expect(200);
    team.owner.reinstate(&ana).await.expect(200);
    let body = |email: &str| json!({"email": email, "first_name": "N", "last_name": "N", "expires_in_days": 1, "brands": [brand]});
    team.owner.post("invitations", body("b@acme.example")).await.expect(201);
    let second = team.owner.post("invitations", body("c@acme.example")).await.expect(201).text("/id");
    let old = world.link("c@acme.example").await;
    world.pass(86_400 + 1);
    team.owner.post("invitations", body("d@acme.example")).await.expect(201);
    team.owner.post("invitations", body("b@acme.example")).await.expect(201);
    old.renew().await.refused(402, "seats-exhausted");
    team.owner
        .post(&format!("invitations/{second}/resend"), Value::Null)
        .await
        .refused(402, "seats-exhausted");
    world.pass(86_400 + 1);
    team.owner.post(&format!("invitations/{second}/resend"), Value::Null).await.expect(200);
    let link = world.link("c@acme.example").await;
    link.accept().await.expect(201);
    team.owner.suspend(&ana).await.expect(200);
    team.owner.post("invitations", body("e@acme.example")).await.expect(201);
    team.owner.post("invitations", body("f@acme.example")).await.expect(201);
    let link = world.link("f@acme.example").await;
    link.decline().await.expect(204);
    let gone = team.owner.post("invitations", body("f@acme.example")).await.expect(201).text("/id");
    team.owner.delete(&format!("invitations/{gone}")).await.expect(204);
    team.owner.post("invitations", body("g@acme.example")).await.expect(201);
    let late = world.link("g@acme.example").await;
    world.pass(86_400 + 1);
    team.owner.reinstate(&ana).await.expect(200);
    world.stack().sweep().await.unwrap();
    late.renew().await.expect(202);
    world.settle().await;
    let signed_in = world.sign_in(&ana.email, stories::PASSWORD).await.expect(201).text("/session/token");
    world.ask("DELETE", "/v1/sessions/current", Some(&signed_in), &Value::Null).await.expect(204);
    team.owner.remove(&ana).await.expect(204);
    team.owner.delete_brand(&brand).await.expect(204);
    world.pass(86_400 + 1);
    world.stack().sweep().await.unwrap();
    world.stack().feedback("g@acme.example", "bounce", "no such user").await.unwrap();
    partners(&world).await;
    accounts(&world, &team).await;
    operate_everything(&world, &team).await;
    close_and_remove(&world).await;
    remind(&world).await;

    let sent = world.wire().take_sent();
    assert_eq!(
        asked_of_ses(&sent),
        given_at_ses(),
        "what SES is asked on the left, template.yaml on the right"
    );
    let seen = seen(sent);
    let given = given();
    let (missing, superfluous): (Vec<_>, Vec<_>) =
        (seen.difference(&given).collect(), given.difference(&seen).collect());
    assert!(missing.is_empty(), "template.yaml doesn't give what is used: {missing:?}");
    assert!(superfluous.is_empty(), "template.yaml gives what is never used: {superfluous:?}");
}

/// A condition on all leading keys holds for a call that has none, if it weren't for the `Null` beside it.
#[test]
fn a_call_that_names_no_item_is_refused() {
    let template = file("template.yaml");
    let conditions: Vec<&str> = template.lines().filter(|line| line.contains("ForAllValues:")).collect();
    assert!(!conditions.is_empty());
    for line in conditions {
        assert!(line.contains("\"Null\": {\"dynamodb:LeadingKeys\": \"false\"}"), "{line}");
    }
    // and nothing at the table or its index is given without one
    let mut statements = template.lines().map(str::trim).skip_while(|line| *line != "Resources:").peekable();
    while let Some(line) = statements.next() {
        let table = line == "Resource: !GetAtt Table.Arn" || line.starts_with("Resource: !Sub ${Table.Arn}/");
        if table {
            let next = statements.peek().copied().unwrap_or_default();
            assert!(next.contains("ForAllValues:StringLike"), "{line} is followed by {next}");
        }
    }
}

/// Nothing of what AWS manages, nothing on everything, no log but its own.
#[test]
fn a_function_has_a_role_of_its_own_that_names_what_it_may_do() {
    let template = file("template.yaml");
    let mut resource = "";
    let mut functions = Vec::new();
    for line in template.lines() {
        if let Some(name) = line.strip_prefix("  ").and_then(|line| line.strip_suffix(':')) {
            if !name.starts_with([' ', '#']) {
                resource = name;
            }
        } else if line == "    Type: AWS::Serverless::Function" {
            functions.push(resource);
        }
    }
    assert_eq!(functions.len(), names("functions").len());
    for function in functions {
        for line in [
            format!("\n      Role: !GetAtt {function}Role.Arn\n"),
            format!("\n  {function}Role:\n    Type: AWS::IAM::Role\n"),
            format!("\n      LoggingConfig: {{LogGroup: !Ref {function}Logs}}\n"),
        ] {
            assert_eq!(template.matches(&line).count(), 1, "{line}");
        }
        let logs = format!(
            "Action: [logs:CreateLogStream, logs:PutLogEvents], Resource: !GetAtt {function}Logs.Arn}}\n"
        );
        let (_, role) = template.split_once(&format!("\n  {function}Role:\n")).unwrap();
        let role = role.split("\n\n").next().unwrap();
        assert_eq!(role.matches("logs:").count(), 2, "{function}Role");
        assert!(role.contains(&logs), "{function}Role has another log than its function's");
    }
    // AWS Backup's own, of the role that backs the table up
    assert_eq!(template.matches("ManagedPolicyArns").count(), 1);
    let everything: Vec<&str> = template.lines().filter(|line| line.contains("Resource: \"*\"")).collect();
    // actions that take no resource, SES's of the account among them, and a queue's policy, which is about that queue
    let expected = [
        "xray:PutTraceSegments",
        "                Resource: \"*\"",
        "dynamodb:ListStreams",
        "            Resource: \"*\"",
    ];
    assert_eq!(everything.len(), expected.len(), "{everything:?}");
    for expected in expected {
        assert!(everything.iter().any(|line| line.contains(expected)), "{expected}");
    }
}

/// What a portal does with its partners, and what its people do there by whichever function.
async fn partners(world: &World) {
    let portal = world.team("Greenleaf").await;
    for name in ["Bloom", "Fern"] {
        let email = format!("owner@{name}.example");
        let body = json!({"name": name, "email": email, "first_name": "P", "last_name": "P"});
        let partner = portal.owner.post("partners", body).await.expect(202).text("/tenant/id");
        let owner = stories::Person::of(&world.link(&email).await, &partner).await;
        portal.owner.get("partners").await.expect(200);
        let there = portal.owner.inside(&partner);
        let invited = there.invite("ana@bloom.example", "member").await.expect(201).text("/id");
        there.post(&format!("invitations/{invited}/resend"), Value::Null).await.expect(200);
        if name == "Bloom" {
            portal.owner.delete(&format!("partners/{partner}")).await.expect(204);
        } else {
            world.link("ana@bloom.example").await.accept().await.expect(201);
            owner.delete("portal").await.expect(204);
        }
    }
}

/// Sessions whose use is noted by whichever function meets them first, and what people do about their accounts.
async fn accounts(world: &World, team: &stories::Team) {
    let nobody = "01a202c6-e1a3-7a38-9802-fdcb99ebdc61";
    for (method, path, body) in [
        ("GET", String::new(), Value::Null),
        ("GET", "members".to_owned(), Value::Null),
        ("GET", "access-reviews".to_owned(), Value::Null),
        ("POST", "check".to_owned(), json!({"permission": "tenant.read"})),
        (
            "POST",
            "invitations".to_owned(),
            json!({"email": team.owner.email, "first_name": "N", "last_name": "N"}),
        ),
        ("POST", format!("invitations/{nobody}/resend"), Value::Null),
        ("DELETE", format!("members/{nobody}"), Value::Null),
        ("PUT", format!("members/{nobody}/role"), json!({"role": "member"})),
        ("PUT", format!("members/{nobody}/brands"), json!({"brands": []})),
    ] {
        world.pass(3_600);
        let _ = team.owner.ask(method, &path, body).await;
    }
    world.pass(3_600);
    let heir = team.join("heir@acme.example", "admin").await;
    let goes = team.join("goes@acme.example", "member").await;
    team.owner.get("roles").await.expect(200);
    team.owner.get("seats").await.expect(200);
    team.owner.ask("PATCH", "", json!({"brand_colour": "#1f6f54"})).await.expect(200);
    goes.get("members/me").await.expect(200);
    let list = format!("members/{}/permissions", goes.user);
    team.owner.put(&list, json!({"permissions": ["tenant.read"]})).await.expect(200);
    team.owner.delete(&list).await.expect(200);
    goes.delete("members/me").await.expect(204);
    for (from, to) in [(&team.owner, &heir), (&heir, &team.owner)] {
        let body = json!({"to": to.user, "password": stories::PASSWORD});
        from.post("transfer", body).await.expect(200);
    }
    review(team, &heir).await;
    let email = "lost@acme.example";
    team.owner.invite(email, "member").await.expect(201);
    let ask = json!({"email": email});
    world.ask("POST", "/v1/password-resets", None, &ask).await.expect(202);
    let lost = world.link(email).await.accept().await.expect(201).text("/session/token");
    let me = async |method: &str, path: &str, body: Value| {
        world.ask(method, &format!("/v1/me{path}"), Some(&lost), &body).await
    };
    me("PATCH", "", json!({"first_name": "Lorna"})).await.expect(200);
    let change =
        json!({"current_password": stories::PASSWORD, "new_password": "another password that is long"});
    me("PUT", "/password", change).await.expect(204);
    world.ask("POST", "/v1/password-resets", None, &json!({"email": email})).await.expect(202);
    let token = world.reset_token(email).await;
    let confirm = json!({"token": token, "password": "a third password that is long"});
    world.ask("POST", "/v1/password-resets/confirm", None, &confirm).await.expect(204);
    world.settle().await;
    // somebody known comes into a second team, and from nowhere into one
    let other = world.team("Other").await;
    let third = "a third password that is long";
    other
        .invite(email, "member")
        .await
        .link()
        .await
        .accept_with(json!({"password": third}))
        .await
        .expect(201);
    let lost = stories::Person { email: email.to_owned(), ..team.owner.clone() };
    let user = world.sign_in(email, third).await.expect(201).text("/user/id");
    let lost = stories::Person { user, ..lost };
    team.owner.remove(&lost).await.expect(204);
    other.owner.remove(&lost).await.expect(204);
    other.invite(email, "member").await.link().await;
    world.ask("POST", "/v1/password-resets", None, &json!({"email": email})).await.expect(202);
    let confirm = json!({"token": world.reset_token(email).await, "password": third});
    world.ask("POST", "/v1/password-resets/confirm", None, &confirm).await.expect(204);
    let order = json!({"operation": "send-password-reset", "email": email, "reason": "test"});
    world.operate(order).await.unwrap();
    new_addresses(world).await;
}

/// Of somebody in more teams than one transaction reaches; an expired invitation holds the new address in one of them, a
/// pending one the old one when it is taken back.
async fn new_addresses(world: &World) {
    let (old, new) = ("old@many.example", "new@many.example");
    let mut teams = Vec::new();
    let mut session = String::new();
    for n in 0..21 {
        let team = world.team(&format!("Many{n}")).await;
        session = team.join(old, "member").await.session;
        teams.push(team);
    }
    teams[0].owner.invite(new, "member").await.expect(201);
    world.pass(7 * 86_400);
    let ask = json!({"email": new, "password": stories::PASSWORD});
    world.ask("POST", "/v1/me/email", Some(&session), &ask).await.expect(202);
    let follow = async |verb: &str, to: &str| {
        let token = json!({"token": world.email_token(to, verb).await});
        world.ask("POST", &format!("/v1/email-changes/{verb}"), None, &token).await.expect(200)
    };
    follow("confirm", new).await;
    world.settle().await;
    teams[0].owner.invite(old, "member").await.expect(201);
    follow("undo", old).await;
    world.settle().await;
}

/// A review in which everything is decided about an admin, one after the other.
async fn review(team: &stories::Team, admin: &stories::Person) {
    let review = admin.post("access-reviews", Value::Null).await.expect(201).text("/id");
    let path = format!("access-reviews/{review}");
    let member = format!("{path}/members/{}", admin.user);
    for body in [
        json!({"decision": "kept", "reason": "still an admin"}),
        json!({"decision": "reduced", "reason": "no admin any more", "role": "member"}),
        json!({"decision": "revoked", "reason": "no member any more"}),
    ] {
        team.owner.put(&member, body).await.expect(200);
    }
    for read in ["access-review", path.as_str(), &format!("{path}/export")] {
        team.owner.get(read).await.expect(200);
    }
    team.owner.post(&format!("{path}/close"), Value::Null).await.expect(200);
}

async fn operate_everything(world: &World, team: &stories::Team) {
    let made = world
        .operate(json!({"operation": "create-tenant", "name": "Brew", "email": "b@brew.example",
        "first_name": "B", "last_name": "B", "reason": "test", "idempotency_key": "k"}))
        .await
        .unwrap();
    let tenant = made["tenant"].as_str().unwrap();
    let mut after = Value::Null;
    loop {
        let order = json!({"operation": "export-tenant", "tenant": tenant, "reason": "test", "after": after});
        after = world.operate(order).await.unwrap()["next"].clone();
        if after.is_null() {
            break;
        }
    }
    let seats = json!({"operation": "set-plan", "tenant": team.tenant, "plan": "large", "seats": 9, "reason": "test"});
    world.operate(seats).await.unwrap();
    let anna = team.join("anna@acme.example", "admin").await;
    team.owner
        .post(
            "invitations",
            json!({"email": "stray@acme.example", "first_name": "S",
        "last_name": "S", "expires_in_days": 1}),
        )
        .await
        .expect(201);
    world.pass(86_400 + 1);
    // fewer seats than are taken, if it weren't for the one that has expired
    let used = team.owner.get("").await.expect(200).json()["seats"]["used"].as_u64().unwrap();
    let fewer = json!({"operation": "set-plan", "tenant": team.tenant, "plan": "small", "seats": used - 1, "reason": "test"});
    world.operate(fewer).await.unwrap();
    let lift = json!({"operation": "lift-suppression", "email": "g@acme.example", "reason": "test"});
    world.operate(lift).await.unwrap();
    world.operate(json!({"operation": "mail-status", "email": "g@acme.example"})).await.unwrap();
    for policy in ["exclusive", "shared"] {
        let order = json!({"operation": "set-email-policy", "tenant": tenant, "email_policy": policy, "reason": "test"});
        world.operate(order).await.unwrap();
    }
    for suspended in [true, false] {
        let order = json!({"operation": "suspend-tenant", "tenant": team.tenant, "suspended": suspended, "reason": "test"});
        world.operate(order).await.unwrap();
    }
    let order =
        json!({"operation": "transfer-ownership", "tenant": team.tenant, "to": anna.user, "reason": "test"});
    world.operate(order).await.unwrap();
    anna.remove(&team.owner).await.expect(204);
    world
        .operate(json!({"operation": "release-email", "email": team.owner.email, "reason": "test"}))
        .await
        .unwrap();
}

/// A team that is closed, opened again, closed for good and removed, with who was only in it and who is elsewhere too.
async fn close_and_remove(world: &World) {
    let (team, other) = (world.team("Shut").await, world.team("Elsewhere").await);
    team.brand("Sage").await;
    let both = team.join("both@mail.example", "member").await;
    other.join(&both.email, "member").await;
    team.invite("never@mail.example", "member").await;
    let order = async |operation: &str| {
        let order = json!({"operation": operation, "tenant": team.tenant, "reason": "test"});
        world.operate(order).await.unwrap()
    };
    // it has a partner, and a review
    let partner = json!({"name": "Sub", "email": "sub@mail.example", "first_name": "S", "last_name": "S"});
    team.owner.post("partners", partner).await.expect(202);
    world.link("sub@mail.example").await.accept().await.expect(201);
    let review = team.owner.post("access-reviews", Value::Null).await.expect(201).text("/id");
    let kept = json!({"decision": "kept", "reason": "needed"});
    let decide = format!("access-reviews/{review}/members/{}", both.user);
    team.owner.ask("PUT", &decide, kept).await.expect(200);
    // and who is known by nothing but the account
    let gone = team.join("gone@mail.example", "member").await;
    team.owner.remove(&gone).await.expect(204);
    world
        .operate(json!({"operation": "release-email", "email": gone.email, "reason": "test"}))
        .await
        .unwrap();
    let close = json!({"password": stories::PASSWORD});
    team.owner.post("close", close.clone()).await.expect(200);
    world.settle().await;
    order("reopen-tenant").await;
    team.owner.post("close", close).await.expect(200);
    world.pass(30 * 86_400);
    assert_eq!(order("remove-tenant").await["done"], true);
}

/// Somebody who is invited, doesn't answer, and is reminded.
async fn remind(world: &World) {
    let team = world.team("Remind").await;
    team.owner.ask("PATCH", "", json!({"reminder_days": 1})).await.expect(200);
    team.invite("rem@mail.example", "member").await.link().await;
    world.pass(86_400 + 1);
    world.stack().sweep().await.unwrap();
}

/// What was done at the table: the function, the action (or the kind of action) and what it was done to.
type Granted = BTreeSet<(String, String, String)>;

/// The partition keys of a call's items, by the action on them.
fn touched(operation: &str, body: &Value) -> Vec<(String, String)> {
    let kind = |key: &Value| key["S"].as_str().unwrap().split('#').next().unwrap().to_owned();
    let key_of =
        |part: &Value| kind(part.get("Key").or_else(|| part.get("Item")).unwrap().get("pk").unwrap());
    match operation {
        "BatchGetItem" => {
            let keys = body["RequestItems"]
                .as_object()
                .unwrap()
                .values()
                .flat_map(|t| t["Keys"].as_array().unwrap());
            keys.map(|key| (operation.to_owned(), kind(&key["pk"]))).collect()
        }
        "TransactWriteItems" => {
            let items = body["TransactItems"].as_array().unwrap().iter();
            let parts = items.flat_map(|item| item.as_object().unwrap().iter());
            parts
                .map(|(action, part)| (format!("{}Item", action.trim_end_matches("Item")), key_of(part)))
                .collect()
        }
        "Query" => {
            let values = &body["ExpressionAttributeValues"];
            let key = [":pk", ":of", ":pending"].iter().find_map(|name| values.get(name)).unwrap();
            let index = if body.get("IndexName").is_some() { " on the index" } else { "" };
            vec![(format!("Query{index}"), kind(key))]
        }
        _ => vec![(operation.to_owned(), key_of(body))],
    }
}

/// What SES was asked by whom.
fn asked_of_ses(sent: &[stories::SdkCall]) -> BTreeSet<(String, String)> {
    let asked = sent.iter().filter(|call| call.is_of_ses());
    asked.map(|call| (call.function.clone(), call.operation.clone())).collect()
}

/// What `template.yaml` lets a function ask of SES.
fn given_at_ses() -> BTreeSet<(String, String)> {
    let (mut given, mut function) = (BTreeSet::new(), String::new());
    for line in file("template.yaml").lines().map(str::trim) {
        if let Some((_, name)) = line.split_once("Binary: ") {
            name.trim_end_matches('}').clone_into(&mut function);
        } else if let Some(actions) = line.strip_prefix("Action: ") {
            let actions = actions.trim_matches(['[', ']']).split(", ");
            let of_ses = actions.filter_map(|action| action.strip_prefix("ses:"));
            given.extend(of_ses.map(|action| (function.clone(), action.to_owned())));
        }
    }
    given
}

/// Reading, writing, or the index: what leading keys are given for.
fn kind_of(action: &str) -> &'static str {
    match action {
        "BatchGetItem" | "Query" => "read",
        "Query on the index" => "index",
        _ => "write",
    }
}

fn seen(sent: Vec<stories::SdkCall>) -> Granted {
    let mut access = Granted::new();
    for sent in sent.into_iter().filter(|sent| !sent.is_of_ses()) {
        let body: Value = serde_json::from_str(&sent.body).unwrap();
        for (action, key) in touched(&sent.operation, &body) {
            access.insert((sent.function.clone(), kind_of(&action).to_owned(), format!("{key}#*")));
            access.insert((sent.function.clone(), "action".to_owned(), action));
        }
    }
    access
}

/// What the policies of `template.yaml` allow.
fn given() -> Granted {
    let mut access = Granted::new();
    let (mut function, mut actions) = (String::new(), Vec::new());
    for line in file("template.yaml").lines() {
        let line = line.trim();
        if let Some((_, name)) = line.split_once("Binary: ") {
            name.trim_end_matches('}').clone_into(&mut function);
        } else if let Some(list) = line.strip_prefix("Action: [dynamodb:") {
            let list = list.trim_end_matches(']').split(", dynamodb:");
            actions = list.map(str::to_owned).collect::<Vec<_>>();
        } else if ["/index/", "*table-index"].iter().any(|named| line.contains(named)) && !actions.is_empty()
        {
            actions = vec!["Query on the index".to_owned()];
        } else if let Some((_, keys)) = line.split_once("\"dynamodb:LeadingKeys\": [") {
            let keys: Vec<String> =
                keys.trim_end_matches("]}}").split(", ").map(|k| k.replace('"', "")).collect();
            for action in actions.drain(..) {
                let kind = kind_of(&action).to_owned();
                access.extend(keys.iter().map(|key| (function.clone(), kind.clone(), key.clone())));
                access.insert((function.clone(), "action".to_owned(), action));
            }
        }
    }
    access
}
