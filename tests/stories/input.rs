//! Input that is wrong gets its 4xx, says what to do, and changes nothing (G12).

use local::Call;
use serde_json::{Value, json};
use stories::{PASSWORD, Person, ReplyExt, Team, World};

/// Sends bytes as they are to the route that invites.
async fn raw(owner: &Person, body: &[u8], headers: &[(&str, &str)]) -> local::Reply {
    let mut all = vec![("authorization".to_owned(), format!("Bearer {}", owner.session))];
    all.extend(headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
    let path = format!("/v1/tenants/{}/invitations", owner.tenant);
    let call = Call { method: "POST".to_owned(), path, headers: all, body: body.to_vec(), ..Call::default() };
    owner.world.call(call).await
}

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

async fn team() -> Team {
    World::new().await.team("Acme").await
}

#[tokio::test]
async fn what_is_not_json_is_malformed() {
    let team = team().await;
    let deep = format!("{{\"email\": {}{}}}", "[".repeat(10_000 / 2), "]".repeat(10_000 / 2));
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"{".to_vec(),
        b"{\"email\": \"a@b.co\",}".to_vec(),
        b"{\"email\": NaN}".to_vec(),
        b"{\"email\": \"a@b.co\"} // comment".to_vec(),
        b"{'email': 'a@b.co'}".to_vec(),
        b"{\"email\": \"\xff\xfe\"}".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        b"{\"unknown\": 1,".to_vec(),
        deep.into_bytes(),
    ];
    for body in bodies {
        let reply = raw(&team.owner, &body, &JSON).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (400, "malformed"),
            "{}",
            String::from_utf8_lossy(&body)
        );
    }
    for body in ["[]", "null", "5", "\"text\"", "[\"a@b.co\", \"A\", \"B\"]"] {
        raw(&team.owner, body.as_bytes(), &JSON).await.refused(422, "validation");
    }
    assert_eq!(team.world.ledger().all("Invitation").len(), 1);
}

#[tokio::test]
async fn only_plain_json_is_spoken_and_not_too_much_of_it() {
    let team = team().await;
    let body = br#"{"email": "a@b.co", "first_name": "A", "last_name": "B"}"#;
    for (name, value) in [
        ("accept", "*/*"),
        ("content-type", "text/plain"),
        ("content-type", "application/x-www-form-urlencoded"),
        ("content-type", "application/json; charset=utf-16"),
        ("content-type", "application/jsonx"),
    ] {
        raw(&team.owner, body, &[(name, value)]).await.refused(415, "unsupported-media-type");
    }
    let zipped = [JSON[0], ("content-encoding", "gzip")];
    raw(&team.owner, body, &zipped).await.refused(415, "unsupported-media-type");
    for size in [16 * 1024 + 1, 1024 * 1024, 6 * 1024 * 1024] {
        let body = format!("{{\"email\": \"{}\"}}", "a".repeat(size));
        raw(&team.owner, body.as_bytes(), &JSON).await.refused(413, "payload-too-large");
    }
    // and before anything is computed over it or read for it, for a bearer that nobody knows and a key of theirs
    let forged = format!("{}{}", &team.owner.session[..team.owner.session.len() - 4], "AAAA");
    let _ = team.world.wire().take_sent();
    let large = "x".repeat(6 * 1024 * 1024);
    for path in ["invitations", "members/01a202c6-e1a3-7a38-9802-fdcb99ebdc61/suspend"] {
        let stranger = Person { session: forged.clone(), ..team.owner.clone() };
        stranger
            .ask_with("POST", path, json!(large), &[("idempotency-key", "k")])
            .await
            .refused(413, "payload-too-large");
    }
    assert!(team.world.wire().take_sent().is_empty());
    let spoken = [("content-type", "Application/JSON; charset=UTF-8"), ("accept", "text/html")];
    raw(&team.owner, body, &spoken).await.expect(201);
}

#[tokio::test]
async fn every_wrong_field_of_an_invitation_is_named() {
    let team = team().await;
    let good = json!({"email": "ana@b.example", "first_name": "Ana", "last_name": "A"});
    let many: Vec<String> = (0..51).map(|n| format!("01a202c6-e1a3-7a38-9802-{n:012}")).collect();
    let cases = [
        ("email", json!(null)),
        ("email", json!("")),
        ("email", json!("   ")),
        ("email", json!("no-at")),
        ("email", json!("a@b@c.de")),
        ("email", json!(".a@b.co")),
        ("email", json!("a..b@c.de")),
        ("email", json!("a@b.c\r\nBcc: x@y")),
        ("email", json!("a\u{0}@b.co")),
        ("email", json!("\"a b\"@x.yz")),
        ("email", json!("a@[127.0.0.1]")),
        ("email", json!("a@localhost")),
        ("email", json!("m\u{131}ke@x.yz")),
        ("email", json!("a＠x.yz")),
        ("email", json!(format!("{}@b.co", "a".repeat(65)))),
        ("email", json!(5)),
        ("email", json!(["a@b.co"])),
        ("email", json!({"$ne": 1})),
        ("first_name", json!(null)),
        ("first_name", json!("")),
        ("first_name", json!("<script>alert(1)</script>")),
        ("first_name", json!("see https://evil.example")),
        ("last_name", json!("a\r\nSubject: x")),
        ("last_name", json!("\u{202e}gnp")),
        ("last_name", json!("x".repeat(101))),
        ("phone", json!("555-0123")),
        ("phone", json!(14_155_550_123_u64)),
        ("role", json!("Admin")),
        ("role", json!("")),
        ("role", json!("superuser")),
        ("role", json!(["admin"])),
        ("role", json!({"$ne": 1})),
        ("brands", json!("every")),
        ("brands", json!(["not-an-id"])),
        ("brands", json!([5])),
        ("brands", json!(["01a202c6-e1a3-7a38-9802-fdcb99ebdc61"])),
        ("brands", json!(many)),
        ("permissions", json!(["everything"])),
        ("permissions", json!("all")),
        ("expires_in_days", json!(0)),
        ("expires_in_days", json!(31)),
        ("expires_in_days", json!(-1)),
        ("expires_in_days", json!(1e18)),
        ("expires_in_days", json!(1.5)),
        ("expires_in_days", json!("7d")),
        ("locale", json!("klingon")),
        ("is_admin", json!(true)),
        ("org_id", json!("x")),
        ("status", json!("accepted")),
        ("token", json!("x")),
    ];
    for (field, value) in cases {
        let mut body = good.clone();
        body[field] = value.clone();
        let reply = team.owner.post("invitations", body).await;
        assert_eq!((reply.status, reply.code().as_str()), (422, "validation"), "{field} {value}");
        let pointer = reply.text("/errors/0/pointer");
        assert!(pointer.starts_with(&format!("/{field}")), "{field} {value}: {pointer}");
        assert!(!reply.text("/errors/0/detail").contains("struct "), "{}", reply.text("/errors/0/detail"));
    }
    let twice = br#"{"email": "a@b.co", "email": "c@d.co", "first_name": "A", "last_name": "B"}"#;
    raw(&team.owner, twice, &JSON).await.refused(422, "validation");
    assert_eq!(team.world.ledger().all("Invitation").len(), 1);
}

#[tokio::test]
async fn everything_that_is_wrong_is_named_at_once() {
    let team = team().await;
    let pointers = |reply: &local::Reply| -> Vec<String> {
        let errors = reply.json()["errors"].as_array().unwrap().clone();
        let mut pointers: Vec<String> =
            errors.iter().map(|e| e["pointer"].as_str().unwrap().to_owned()).collect();
        pointers.sort();
        pointers
    };
    let all = json!({
        "email": "x", "first_name": 5, "phone": ["+1"], "role": "king", "brands": ["x", 7], "permissions": ["fly", 1],
        "expires_in_days": "7d", "locale": {}, "is_admin": true,
    });
    let reply = team.owner.post("invitations", all).await.refused(422, "validation");
    let expected = [
        "/brands/0",
        "/brands/1",
        "/email",
        "/expires_in_days",
        "/first_name",
        "/is_admin",
        "/last_name",
        "/locale",
        "/permissions/0",
        "/permissions/1",
        "/phone",
        "/role",
    ];
    assert_eq!(pointers(&reply), expected);
    // nothing of the program shows in its words
    let words = reply.text("/errors/0/detail") + &String::from_utf8_lossy(&reply.body);
    for rust in ["u8", "UUID", "invalid type", "expected struct", "String("] {
        assert!(!words.contains(rust), "{rust}: {words}");
    }
    let ana = team.join("ana@acme.example", "member").await;
    let body = json!({"role": 5, "list": []});
    let reply = team.owner.put(&format!("members/{}/role", ana.user), body).await.refused(422, "validation");
    assert_eq!(pointers(&reply), ["/list", "/role"]);
    let body = json!({"permission": "fly", "brand": 7, "user": "x"});
    let reply = team.owner.post("check", body).await.refused(422, "validation");
    assert_eq!(pointers(&reply), ["/brand", "/permission", "/user"]);
    let body = json!({"token": team.world.link(&ana.email).await, "password": 5, "first_name": "", "phone": "1", "role": "owner"});
    let reply = team.world.invitation("accept", body).await.refused(422, "validation");
    assert_eq!(pointers(&reply), ["/first_name", "/password", "/phone", "/role"]);
    let reply = team.world.ask("POST", "/v1/sessions", None, &json!({"email": 1, "passwort": "x"})).await;
    assert_eq!(pointers(&reply.refused(422, "validation")), ["/email", "/password", "/passwort"]);
}

#[tokio::test]
async fn a_small_body_has_no_large_answer() {
    let team = team().await;
    let unknown: serde_json::Map<String, Value> =
        (0..1_000).map(|n| (format!("f{n}"), Value::Null)).collect();
    for body in [
        json!({ "permissions": vec![""; 5_000] }),
        json!({ "brands": vec![""; 5_000] }),
        json!({ "permissions": vec!["x"; 25], "brands": vec!["x"; 50] }),
        Value::Object(unknown),
    ] {
        let reply = team.owner.post("invitations", body).await.refused(422, "validation");
        let errors = reply.json()["errors"].as_array().unwrap().len();
        assert!(errors <= 50 && reply.body.len() < 16 * 1024, "{errors} errors, {} bytes", reply.body.len());
    }
}

#[tokio::test]
async fn what_is_no_token_is_not_found_and_what_is_no_text_is_invalid() {
    let team = team().await;
    let link = team.invite("ana@acme.example", "member").await.link().await;
    for verb in ["preview", "accept", "decline", "renew"] {
        for never in [json!({}), json!({"token": null}), json!({"token": "x", "password": 5, "x": 1})] {
            team.world.invitation(verb, never).await.refused(404, "not-found");
        }
        team.world.invitation(verb, json!({"token": 5, "password": "x"})).await.refused(422, "validation");
    }
    // looking at it changes nothing, so that keys mean nothing there
    let headers = [("idempotency-key", &"k".repeat(300)[..])];
    let body = json!({ "token": link });
    team.world.ask_with("POST", "/v1/invitations/preview", None, &body, &headers).await.expect(200);
    team.world
        .ask_with("POST", "/v1/invitations/decline", None, &body, &headers)
        .await
        .refused(400, "malformed");
}

#[tokio::test]
async fn one_mailbox_has_one_spelling() {
    let team = team().await;
    let first = team.invite("a@müller.example", "member").await;
    for same in ["A@MÜLLER.example", "a@xn--mller-kva.example", " a@müller.example "] {
        let reply = team.owner.invite(same, "member").await.refused(409, "invitation-pending");
        assert_eq!(reply.text("/existing/id"), first.id);
    }
    team.world.settle().await;
    let mails = team.world.stack().mailbox().to(Some("a@xn--mller-kva.example"));
    assert_eq!(mails.len(), 1, "to the stored address");
    team.owner.invite("Owner@acme.example", "member").await.refused(409, "already-member");
}

#[tokio::test]
async fn the_other_bodies_are_held_to_their_shapes() {
    let team = team().await;
    let ana = team.join("ana@acme.example", "member").await;
    let member = format!("members/{}", ana.user);
    for body in [json!({}), json!({"role": "Admin"}), json!({"role": null}), json!({"role": "admin", "x": 1})]
    {
        team.owner.put(&format!("{member}/role"), body).await.refused(422, "validation");
    }
    for body in [json!({}), json!({"brands": "none"}), json!({"brands": [1]}), json!({"brands": ["x"]})] {
        team.owner.put(&format!("{member}/brands"), body).await.refused(422, "validation");
    }
    for body in [
        json!({}),
        json!({"permission": "fly"}),
        json!({"permission": "tenant.read", "user": "x"}),
        json!({"permission": "tenant.read", "brand": "x"}),
    ] {
        team.owner.post("check", body).await.refused(422, "validation");
    }
    for body in [json!({}), json!({"name": ""}), json!({"name": "<b>"}), json!({"name": "x".repeat(201)})] {
        team.owner.post("brands", body).await.refused(422, "validation");
    }
    for verb in ["suspend", "reinstate"] {
        team.owner.post(&format!("{member}/{verb}"), json!({"reason": "x"})).await.refused(422, "validation");
    }
    team.owner.put(&format!("{member}/role"), Value::Null).await.refused(400, "malformed");
    for body in [json!({}), json!({"name": "X", "email": "x", "first_name": "", "last_name": "Y"})] {
        team.world.ask("POST", "/v1/tenants", None, &body).await.refused(422, "validation");
    }
    for query in [
        "limit=0",
        "limit=-1",
        "limit=101",
        "limit=1e3",
        "limit=x",
        "limit=1&limit=2",
        "status=dead",
        "x=1",
        "role=king",
        "brand=x",
        "inactive_since=yesterday",
    ] {
        team.owner.get(&format!("members?{query}")).await.refused(422, "validation");
    }
    for key in [" ", "ключ", &"k".repeat(256)] {
        let headers = [("idempotency-key", key)];
        let body = json!({"name": "Sage"});
        team.owner.ask_with("POST", "brands", body, &headers).await.refused(400, "malformed");
    }
}

#[tokio::test]
async fn cursors_are_only_good_for_the_list_that_gave_them() {
    let team = team().await;
    for n in 0..5 {
        team.brand(&format!("Brand {n}")).await;
    }
    let mut seen = Vec::new();
    let mut path = "brands?limit=2".to_owned();
    loop {
        let page = team.owner.get(&path).await.expect(200).json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|b| b["id"].to_string()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("brands?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    let mut unique = seen.clone();
    unique.sort();
    unique.dedup();
    assert_eq!((seen.len(), unique.len()), (5, 5));

    let first = team.owner.get("brands?limit=1").await.json()["next_cursor"].as_str().unwrap().to_owned();
    let other = team.world.team("Brew").await;
    for cursor in ["x", "AAAA", &"A".repeat(9_000), &first[1..], &format!("{first}A")] {
        team.owner.get(&format!("brands?cursor={cursor}")).await.refused(400, "malformed");
    }
    team.owner.get(&format!("members?cursor={first}")).await.refused(400, "malformed");
    other.owner.get(&format!("brands?cursor={first}")).await.refused(400, "malformed");
    // longer ones never get past the gateway
    other.owner.get(&format!("brands?cursor={}", "A".repeat(100_000))).await.expect(431);
}

#[tokio::test]
async fn a_password_is_judged_before_it_is_hashed() {
    let team = team().await;
    let link = team.invite("ana.botanist@acme.example", "member").await.link().await;
    for weak in [
        "",
        "14 characters!",
        "123456789012345",
        "passwordpassword",
        "aaaaaaaaaaaaaaaaaaaa",
        "ana.botanist@acme.example",
        "ANA.Botanist@acme.example",
        &"long ".repeat(205),
    ] {
        let body = json!({"token": link, "password": weak});
        let reply = team.world.invitation("accept", body).await.refused(422, "validation");
        assert_eq!(reply.text("/errors/0/pointer"), "/password");
    }
    for (field, value) in
        [("role", json!("owner")), ("brand", json!("x")), ("email", json!("x@y.zz")), ("org", json!(1))]
    {
        let mut body = json!({"token": link, "password": PASSWORD});
        body[field] = value;
        team.world.invitation("accept", body).await.refused(422, "validation");
    }
    let body = json!({"token": link, "password": "x".repeat(15_000)});
    team.world.invitation("accept", body).await.refused(422, "validation");
    assert_eq!(team.world.ledger().all("Member").len(), 1);
    let body = json!({"token": link, "password": "ключ от старой двери 🗝"});
    team.world.invitation("accept", body).await.expect(201);
}

#[tokio::test]
async fn an_event_that_is_nobodys_is_refused_and_breaks_nothing() {
    let team = team().await;
    for event in ["{}", "[]", "null", "{\"Records\": 5}"] {
        for function in ["invite", "deliver", "feedback", "console"] {
            let answered =
                team.world.stack().invoke(function, event.as_bytes().to_vec(), String::new()).await;
            assert!(answered.is_err() || function == "console", "{function} {event}");
        }
    }
    team.invite("ana@acme.example", "member").await.accept().await;
}

#[tokio::test]
async fn pages_answer_head_as_they_answer_get_without_the_body() {
    let world = World::new().await;
    for path in ["/", "/accept", "/reset", "/email", "/assets/style.css", "/assets/icon.svg"] {
        let get = world.ask("GET", path, None, &Value::Null).await.expect(200);
        let head = world.ask("HEAD", path, None, &Value::Null).await.expect(200);
        assert!(!get.body.is_empty() && head.body.is_empty(), "{path}");
        assert_eq!(head.headers, get.headers, "{path}");
    }
    let refused = world.ask("DELETE", "/accept", None, &Value::Null).await.refused(405, "method-not-allowed");
    assert_eq!(refused.headers["allow"], "GET, HEAD");
    // where one is and what is here, in a page
    let home = world.ask("GET", "/", None, &Value::Null).await.expect(200);
    assert!(home.headers["content-type"].starts_with("text/html"));
    assert!(String::from_utf8(home.body).unwrap().contains("invitation email"));
}

#[tokio::test]
async fn a_path_that_is_none_says_so_and_a_slash_at_its_end_too() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let detail = async |path: &str| {
        world
            .ask("GET", path, Some(&team.owner.session), &Value::Null)
            .await
            .refused(404, "not-found")
            .text("/detail")
    };
    assert!(detail("/v1/nothing").await.contains("there is no such path"));
    for path in [format!("/v1/tenants/{}/members/", team.tenant), "/v1/me/".to_owned()] {
        assert!(detail(&path).await.contains("no slash at its end"), "{path}");
    }
    assert!(detail("/v1/nothing/").await.contains("there is no such path"));
}

#[tokio::test]
async fn what_is_no_proof_is_told_from_a_proof_that_is_wrong() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    for (header, words, challenge) in [
        (None, "send `Authorization: Bearer`", "Bearer"),
        (Some("Basic b2xpdmU6c2VjcmV0"), "send `Authorization: Bearer`", "Bearer"),
        (Some(team.owner.session.as_str()), "send `Authorization: Bearer`", "Bearer"),
        (Some("Bearer x"), "the session is unknown or over", "Bearer error=\"invalid_token\""),
    ] {
        let headers: Vec<(&str, &str)> = header.map(|value| ("authorization", value)).into_iter().collect();
        let reply = world
            .ask_with("GET", "/v1/me", None, &Value::Null, &headers)
            .await
            .refused(401, "unauthenticated");
        assert!(reply.text("/detail").contains(words), "{header:?}: {}", reply.text("/detail"));
        assert_eq!(reply.headers["www-authenticate"], challenge, "{header:?}");
    }
    // a password is no token
    let wrong =
        world.sign_in(&team.owner.email, "not the password at all").await.refused(401, "unauthenticated");
    assert_eq!(wrong.headers["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn what_can_be_done_about_a_refusal_is_a_path_that_can_be_asked() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    let refused = team.owner.invite("ana@acme.example", "member").await.refused(409, "invitation-pending");
    let actions = refused.json()["actions"].clone();
    assert_eq!(actions[0]["rel"], "resend");
    for action in actions.as_array().unwrap() {
        let (method, href) = (action["method"].as_str().unwrap(), action["href"].as_str().unwrap());
        let done = world.ask(method, href, Some(&team.owner.session), &Value::Null).await;
        assert!(done.status < 300, "{method} {href}: {}", done.code());
    }
    team.owner.invite("ana@acme.example", "member").await.expect(201);
    let link = invited.link().await;
    world.pass(7 * 86_400);
    let actions = link.preview().await.refused(410, "invitation-expired").json()["actions"].clone();
    for action in actions.as_array().unwrap() {
        let (method, href) = (action["method"].as_str().unwrap(), action["href"].as_str().unwrap());
        let done = world.ask(method, href, None, &json!({ "token": link })).await;
        assert!(done.status < 300 || action["rel"] == "decline", "{method} {href}: {}", done.code());
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_name_and_a_password_is_said_at_once() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let link = team.invite("ana@acme.example", "member").await.link().await;
    let pointers = |reply: &local::Reply| -> Vec<String> {
        let errors = reply.json()["errors"].as_array().unwrap().clone();
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    };
    let body = json!({"first_name": "<b>", "password": "qwertyuiopasdfg"});
    let reply = link.accept_with(body).await.refused(422, "validation");
    assert_eq!(pointers(&reply), ["/first_name", "/password"]);
    // who has a password already is not judged by it
    link.accept_with(json!({"password": PASSWORD})).await.expect(201);
    let other = world.team("Brew").await.invite("ana@acme.example", "member").await.link().await;
    let reply =
        other.accept_with(json!({"first_name": "<b>", "password": "short"})).await.refused(422, "validation");
    assert_eq!(pointers(&reply), ["/first_name"]);
}

/// Whoever reads an answer knows the API, not the language that it is written in.
#[tokio::test]
async fn refusals_name_no_types() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let mut said = Vec::new();
    for (path, body) in [
        (
            "invitations",
            json!({"email": 5, "first_name": [], "last_name": {}, "role": "x", "brands": ["x"], "expires_in_days": "7", "permissions": ["x"], "locale": "x", "phone": "x"}),
        ),
        ("invitations", json!({"brands": 5})),
        ("check", json!({"permission": "x", "brand": "x", "user": "x"})),
        ("brands", json!({"name": "\u{1F680}"})),
        ("brands", json!([])),
    ] {
        said.push(team.owner.post(path, body).await.refused(422, "validation"));
    }
    for query in [
        "limit=x",
        "limit=1&limit=2",
        "cursor=x",
        "status=x",
        "role=x",
        "brand=x",
        "inactive_since=x",
        "other=x",
    ] {
        let reply = team.owner.get(&format!("members?{query}")).await;
        assert!([400, 422].contains(&reply.status), "{query}");
        said.push(reply);
    }
    for reply in &said {
        let text = String::from_utf8(reply.body.clone()).unwrap();
        for name in [
            "u8",
            "u32",
            "UUID",
            "Uuid",
            "struct",
            "variant",
            "enum ",
            "Option",
            "invalid type",
            "at line",
            "[\\\"",
            "::",
        ] {
            assert!(!text.contains(name), "{name}: {text}");
        }
    }
    // what is no field, or no parameter, is told which there are
    let unknown = team.owner.post("brands", json!({"name": "Sage", "title": "Sage"})).await;
    assert!(unknown.refused(422, "validation").text("/errors/0/detail").contains("expected one of: name"));
    let body = json!({"email": "a@b.example", "first_name": "A", "last_name": "A"});
    let tried = team.owner.post("invitations?dry_run=true", body).await.refused(422, "validation");
    assert!(tried.text("/errors/0/detail").contains("there are none here"));
    assert_eq!(world.ledger().all("Invitation").len(), 1, "nobody was invited");
    let all = said.iter().map(|reply| String::from_utf8(reply.body.clone()).unwrap()).collect::<String>();
    assert!(all.contains("expected one of: owner, admin") && all.contains("/brands` lists them"));
    assert!(all.contains("it needs a letter or a digit"));
}
