//! Who may what, and who sees what.

use local::Call;
use serde_json::{Value, json};
use stories::{Invited, PASSWORD, Person, ReplyExt, Team, World};
use web::{Access, Route};

/// A path of a route with these ids in it.
fn path(route: &Route, ids: &[(&str, &str)]) -> String {
    ids.iter().fold(route.path().to_owned(), |path, (name, id)| path.replace(&format!("{{{name}}}"), id))
}

/// A body that the route takes: the contract's example.
fn body(route: &Route) -> Value {
    stories::contract::example(route.method(), route.path())
}

async fn with_everything(team: &Team) -> [(&'static str, String); 6] {
    let domain = team.owner.email.split_once('@').unwrap().1.to_owned();
    let member = team.join(&format!("member@{domain}"), "member").await;
    let invited = team.invite(&format!("invited@{domain}"), "member").await;
    let brand = team.brand("Sage").await;
    let partner =
        json!({"name": "Partner", "email": format!("partner@{domain}"), "first_name": "P", "last_name": "P"});
    let partner = team.owner.post("partners", partner).await.expect(202).text("/tenant/id");
    let review = team.owner.post("access-reviews", Value::Null).await.expect(201).text("/id");
    [
        ("tenant", team.tenant.clone()),
        ("user", member.user),
        ("invitation", invited.id),
        ("brand", brand),
        ("partner", partner),
        ("review", review),
    ]
}

#[tokio::test]
async fn no_route_but_the_public_ones_answers_without_a_session() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let ids = with_everything(&team).await;
    let ids: Vec<(&str, &str)> = ids.iter().map(|(n, id)| (*n, id.as_str())).collect();
    for route in Route::ALL.iter().filter(|r| r.access() == Access::Session) {
        let path = path(route, &ids);
        let nobody =
            world.ask(route.method(), &path, None, &body(route)).await.refused(401, "unauthenticated");
        assert_eq!(nobody.headers["www-authenticate"], "Bearer");
        let (user, secret) = team.owner.session.split_once('.').unwrap();
        for forged in [
            format!("{user}.{}", "A".repeat(43)),
            format!("{}.{secret}", ids[1].1),
            secret.to_owned(),
            team.owner.session[1..].to_owned(),
            String::new(),
        ] {
            let reply = world.ask(route.method(), &path, Some(&forged), &body(route)).await;
            let reply = reply.refused(401, "unauthenticated");
            assert_eq!(
                reply.headers["www-authenticate"],
                "Bearer error=\"invalid_token\"",
                "{} {path}",
                route.method()
            );
        }
        let basic = [("authorization", "Basic b3duZXI6cGFzc3dvcmQ=")];
        let path = path.as_str();
        world
            .ask_with(route.method(), path, None, &body(route), &basic)
            .await
            .refused(401, "unauthenticated");
    }
}

#[tokio::test]
async fn nothing_of_a_tenant_is_there_for_somebody_of_another_one() {
    let world = World::new().await;
    let (acme, brew) = (world.team("Acme").await, world.team("Brew").await);
    let theirs = with_everything(&acme).await;
    let mine = with_everything(&brew).await;
    let before = world.ledger().all("Event").len();
    for route in Route::ALL.iter().filter(|r| r.path().contains("{tenant}")) {
        // the foreign tenant, with all its own ids
        let ids: Vec<(&str, &str)> = theirs.iter().map(|(n, id)| (*n, id.as_str())).collect();
        let foreign = path(route, &ids);
        world
            .ask(route.method(), &foreign, Some(&brew.owner.session), &body(route))
            .await
            .refused(404, "not-found");
        // my own tenant, with one foreign id among mine
        for (name, foreign) in
            theirs.iter().skip(1).filter(|(name, _)| route.path().contains(&format!("{{{name}}}")))
        {
            let ids: Vec<(&str, &str)> = mine
                .iter()
                .map(|(n, id)| (*n, if n == name { foreign.as_str() } else { id.as_str() }))
                .collect();
            let path = path(route, &ids);
            let reply = world.ask(route.method(), &path, Some(&brew.owner.session), &body(route)).await;
            reply.refused(404, "not-found");
        }
        // what is not an id at all is answered alike
        for strange in ["0", "..%2f", "%00", "not-an-id", &"a".repeat(9_000), &theirs[0].1.to_uppercase()] {
            let mut ids = ids.clone();
            ids[0].1 = strange;
            let reply =
                world.ask(route.method(), &path(route, &ids), Some(&acme.owner.session), &body(route)).await;
            reply.refused(404, "not-found");
        }
    }
    assert_eq!(world.ledger().all("Event").len(), before, "nothing was changed");
    // foreign ids in bodies
    let body = json!({"email": "z@y.example", "first_name": "X", "last_name": "Y", "brands": [theirs[3].1]});
    let wrong = brew.owner.post("invitations", body).await.refused(422, "validation");
    assert_eq!(wrong.text("/errors/0/pointer"), "/brands/0");
    let body = json!({"permission": "brand.read", "brand": theirs[3].1});
    assert_eq!(brew.owner.post("check", body).await.expect(200).json()["allowed"], false);
}

#[tokio::test]
async fn each_role_does_what_the_table_says_and_nothing_else() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let sage = team.brand("Sage").await;
    for role in policy::Role::ALL.iter().copied() {
        let who = if role == policy::Role::Owner {
            team.owner.clone()
        } else {
            let who = team.join(&format!("{role}@acme.example"), role.name()).await;
            team.owner.assign_brands(&who, json!([sage])).await.expect(200);
            who
        };
        for permission in policy::Permission::ALL {
            let expected = role.permissions().contains(*permission);
            let brand = if permission.is_brand_scoped() { json!(sage) } else { Value::Null };
            let question = json!({"permission": permission.name(), "brand": brand});
            let reply = who.post("check", question).await.expect(200).json();
            assert_eq!(reply["allowed"], expected, "{role} {permission}: {}", reply["reason"]);
        }
        // and the routes hold to it
        let holds = |permission| role.permissions().contains(permission);
        for (path, permission) in [
            ("members", policy::Permission::MembersRead),
            ("invitations", policy::Permission::MembersInvite),
            ("events", policy::Permission::AuditRead),
            ("access-review", policy::Permission::AccessReview),
            ("access-reviews", policy::Permission::AccessReview),
            ("", policy::Permission::TenantRead),
            ("brands", policy::Permission::BrandRead),
        ] {
            let reply = who.get(path).await;
            if holds(permission) {
                reply.expect(200)
            } else {
                reply.refused(403, "forbidden")
            };
        }
        if !holds(policy::Permission::MembersInvite) {
            let reply = who.invite("x@acme.example", "partner").await.refused(403, "forbidden");
            assert_eq!(reply.text("/rule"), "permissions");
            let me = format!("members/{}", team.owner.user);
            who.delete(&me).await.refused(403, "forbidden");
            who.post(&format!("{me}/suspend"), Value::Null).await.refused(403, "forbidden");
            who.put(&format!("{me}/role"), json!({"role": "partner"})).await.refused(403, "forbidden");
            who.create_brand("Mine").await.refused(403, "forbidden");
        }
    }
}

#[tokio::test]
async fn nobody_gives_away_what_they_lack_or_changes_themselves_or_the_owner() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let adam = team.join("adam@acme.example", "admin").await;
    let ana = team.join("ana@acme.example", "member").await;

    for who in [&team.owner, &adam] {
        who.invite("x@acme.example", "owner").await.refused(403, "role-not-grantable");
        let path = format!("members/{}/role", ana.user);
        who.put(&path, json!({"role": "owner"})).await.refused(403, "role-not-grantable");
        let me = format!("members/{}", who.user);
        who.put(&format!("{me}/role"), json!({"role": "partner"})).await.refused(403, "forbidden");
        who.put(&format!("{me}/brands"), json!({"brands": "all"})).await.refused(403, "forbidden");
        who.post(&format!("{me}/suspend"), Value::Null).await.refused(403, "forbidden");
        who.delete(&me).await.refused(403, "forbidden");
    }
    let owner = format!("members/{}", team.owner.user);
    adam.put(&format!("{owner}/role"), json!({"role": "admin"})).await.refused(409, "owner-required");
    adam.post(&format!("{owner}/suspend"), Value::Null).await.refused(409, "owner-required");
    adam.delete(&owner).await.refused(409, "owner-required");

    // a list of her own that lets her invite gives her nothing to hand on but what she holds
    let invite = |role: &str, permissions: Value| json!({"email": "x@acme.example", "first_name": "X", "last_name": "X", "role": role, "permissions": permissions});
    let own = invite("member", json!(["members.invite", "members.read", "tenant.read"]));
    team.owner.post("invitations", own).await.expect(201);
    let link = world.link("x@acme.example").await;
    let accepted = link.accept().await.expect(201);
    let xena = Person {
        user: accepted.text("/member/user_id"),
        session: accepted.text("/session/token"),
        email: "x@acme.example".into(),
        ..ana.clone()
    };
    assert!(xena.may("members.invite").await && !xena.may("products.read").await);
    for (role, rule) in [("admin", "R1"), ("member", "R4"), ("partner", "R4")] {
        let refused = xena.invite("y@acme.example", role).await.refused(403, "role-not-grantable");
        assert_eq!(refused.text("/rule"), rule);
    }
    let body = invite("member", json!(["members.invite"]));
    assert_eq!(xena.post("invitations", body).await.refused(403, "role-not-grantable").text("/rule"), "R4");
    for (role, permission, rule) in [
        ("admin", "tenant.close", "R4"),
        ("partner", "billing.read", "R5"),
        ("partner", "members.read", "R5"),
    ] {
        let mut body = invite(role, json!([permission]));
        body["email"] = json!("y@acme.example");
        let refused = team.owner.post("invitations", body).await.refused(403, "role-not-grantable");
        assert_eq!(refused.text("/rule"), rule);
    }
    let listed = xena
        .post(
            "invitations",
            json!({"email": "z@acme.example", "first_name": "Z", "last_name": "Z",
        "role": "partner", "permissions": ["tenant.read"]}),
        )
        .await;
    listed.expect(201);
    world.ledger().check();
}

#[tokio::test]
async fn a_removed_members_next_request_fails_on_every_session_and_sign_in_says_why() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let ana = team.join("ana@acme.example", "member").await;
    let other = world.sign_in(&ana.email, PASSWORD).await.expect(201).text("/session/token");
    let other = Person { session: other, ..ana.clone() };
    other.get("members").await.expect(200);
    team.owner.suspend(&ana).await.expect(200);
    for session in [&ana, &other] {
        let refused = session.get("members").await.refused(403, "access-revoked");
        assert!(refused.text("/detail").contains("suspended"), "{}", refused.text("/detail"));
    }
    team.owner.reinstate(&ana).await.expect(200);
    team.owner.remove(&ana).await.expect(204);
    for session in [&ana, &other] {
        session.get("members").await.refused(403, "access-revoked");
        session.post("check", json!({"permission": "tenant.read"})).await.refused(403, "access-revoked");
    }
    let refused = world.sign_in(&ana.email, PASSWORD).await.refused(403, "access-revoked");
    assert!(refused.text("/detail").contains("Acme"), "{}", refused.text("/detail"));
    // who doesn't know the password is told nothing of it
    world.sign_in(&ana.email, "some other password").await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn lists_show_only_brands_that_the_reader_may_see() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let (sage, bloom) = (team.brand("Sage").await, team.brand("Bloom").await);
    let (ana, ben) =
        (team.join("ana@acme.example", "member").await, team.join("ben@acme.example", "member").await);
    let brands = |who: &Person, list: Value| {
        let (owner, path) = (team.owner.clone(), format!("members/{}/brands", who.user));
        async move { owner.put(&path, json!({ "brands": list })).await.expect(200) }
    };
    brands(&ana, json!([sage])).await;
    brands(&ben, json!([sage, bloom])).await;
    let seen = ana.get(&format!("members/{}", ben.user)).await.expect(200).json();
    assert_eq!(seen["brands"], json!([sage]));
    let list = ana.get("members").await.expect(200);
    assert!(!String::from_utf8_lossy(&list.body).contains(&bloom));
    ana.get(&format!("members?brand={bloom}")).await.refused(404, "not-found");
    let with_sage = ana.get(&format!("members?brand={sage}&role=member")).await.expect(200).json();
    assert_eq!(with_sage["items"].as_array().unwrap().len(), 2);
    let listed = ana.get("brands").await.expect(200).json();
    assert_eq!(listed["items"][0]["id"], json!(sage));
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    // an unassigned brand is not there, for changes neither
    ana.ask("PATCH", &format!("brands/{bloom}"), json!({"name": "Mine"})).await.refused(403, "forbidden");
    team.owner.delete_brand(&bloom).await.expect(204);
    let gone = json!({"permission": "products.read", "brand": bloom});
    assert_eq!(
        ben.post("check", gone).await.expect(200).json()["allowed"],
        false,
        "deleted, though still assigned"
    );
    // what a colleague may do is asked by who assigns it
    let question = json!({"permission": "products.write", "brand": sage, "user": ben.user});
    ana.post("check", question.clone()).await.refused(403, "forbidden");
    assert_eq!(team.owner.post("check", question).await.expect(200).json()["allowed"], true);
    let own = json!({"permission": "products.write", "brand": sage, "user": ana.user});
    assert_eq!(ana.post("check", own).await.expect(200).json()["allowed"], true);
}

#[tokio::test]
async fn a_deleted_brand_is_gone_everywhere() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let (sage, rue, thyme) = (team.brand("Sage").await, team.brand("Rue").await, team.brand("Thyme").await);
    let list = json!(["members.read", "members.invite", "members.assign", "audit.read", "brand.read"]);
    let limited = json!({"email": "lea@acme.example", "first_name": "Lea", "last_name": "L", "role": "admin",
        "brands": [sage, rue]});
    team.owner.post("invitations", limited).await.expect(201);
    let body =
        |email: &str| json!({"email": email, "first_name": "N", "last_name": "N", "brands": [sage, rue]});
    team.owner.post("invitations", body("ana@acme.example")).await.expect(201);
    let ana = Invited {
        world: world.clone(),
        tenant: team.tenant.clone(),
        id: String::new(),
        email: "ana@acme.example".to_owned(),
    };
    let ana = ana.accept().await;
    let pending = team.owner.post("invitations", body("ben@acme.example")).await.expect(201).text("/id");
    let link = world.link("ben@acme.example").await;
    // somebody who reads the trail of their brands alone
    let mut reader = body("eve@acme.example");
    reader["permissions"] = list;
    team.owner.post("invitations", reader).await.expect(201);
    let eve = Invited {
        world: world.clone(),
        tenant: team.tenant.clone(),
        id: String::new(),
        email: "eve@acme.example".to_owned(),
    };
    let eve = eve.accept().await;
    team.owner.assign_brands(&ana, json!([rue])).await.expect(200);
    team.owner.assign_brands(&ana, json!([sage, rue])).await.expect(200);

    team.owner.delete_brand(&rue).await.expect(204);
    let left = json!([sage]);
    let member = format!("members/{}", ana.user);
    let read = team.owner.get(&member).await.expect(200).json();
    assert_eq!(read["brands"], left);
    for (list, email) in [("members", "ana@acme.example"), ("invitations", "ben@acme.example")] {
        let shown = team.owner.get(list).await.expect(200).json();
        let one = shown["items"].as_array().unwrap().iter().find(|one| one["email"] == email).unwrap();
        assert_eq!(one["brands"], left, "{list}");
    }
    assert_eq!(team.owner.get(&format!("invitations/{pending}")).await.expect(200).json()["brands"], left);
    // a sponsor who reaches what is left stands behind all that is left of it
    let sponsor = json!({"email": "sam@acme.example", "first_name": "S", "last_name": "S", "brands": [sage, thyme],
        "permissions": ["members.read", "members.invite", "members.assign", "members.revoke", "brand.read", "tenant.read",
            "products.read", "products.write", "brand.write", "coa.upload", "inventory.manage", "shipping.confirm",
            "retailers.message"]});
    team.owner.post("invitations", sponsor).await.expect(201);
    let sam = Person::of(&world.link("sam@acme.example").await, &team.tenant).await;
    let both =
        json!({"email": "kim@acme.example", "first_name": "K", "last_name": "K", "brands": [sage, thyme]});
    let kim = sam.post("invitations", both.clone()).await.expect(201).text("/id");
    let kims = world.link("kim@acme.example").await;
    team.owner.delete_brand(&thyme).await.expect(204);
    let put_back =
        team.owner.get(&format!("members/{}", sam.user)).await.expect(200).json()["brands"].clone();
    let changed = team.owner.assign_brands(&sam, put_back).await.expect(200).json();
    assert_eq!(changed["unsponsored_invitations"], Value::Null, "{changed}");
    let shown = team.owner.get(&format!("invitations/{kim}")).await.expect(200);
    assert_eq!(shown.text("/sponsorship"), "holds");
    kims.preview().await.expect(200);
    sam.post(&format!("invitations/{kim}/resend"), Value::Null).await.expect(200);
    let later = world.fork().await;
    let kims = later.link("kim@acme.example").await;
    later.pass(8 * 86_400);
    kims.renew().await.expect(202);
    let kim = Person::of(&later.link("kim@acme.example").await, &team.tenant).await;
    let sam = sam.in_world(&later);
    sam.give_role(&kim, "sales_rep").await.expect(200);
    sam.suspend(&kim).await.expect(200);
    sam.reinstate(&kim).await.expect(200);
    // what was read can be put back
    assert_eq!(
        team.owner.assign_brands(&ana, read["brands"].clone()).await.expect(200).json()["brands"],
        left
    );
    for reply in [
        world.sign_in(&ana.email, PASSWORD).await.expect(201).json(),
        world.ask("GET", "/v1/me", Some(&ana.session), &Value::Null).await.expect(200).json(),
    ] {
        assert_eq!(reply["memberships"][0]["brands"], left, "{reply}");
    }
    assert_eq!(link.preview().await.expect(200).json()["brands"].as_array().unwrap().len(), 1);
    for changed in [
        team.owner.suspend(&eve).await.expect(200),
        team.owner.reinstate(&eve).await.expect(200),
        team.owner.post(&format!("invitations/{pending}/resend"), Value::Null).await.expect(200),
        team.owner.give_role(&ana, "sales_rep").await.expect(200),
    ] {
        assert_eq!(changed.json()["brands"], left);
    }
    for list in ["members", "invitations"] {
        team.owner.get(&format!("{list}?brand={rue}")).await.refused(404, "not-found");
    }
    // who reads events by their brands reads neither its name nor its id; who reaches every brand reads what was
    let events = String::from_utf8(eve.get("events?limit=100").await.expect(200).body).unwrap();
    assert!(events.contains(&sage) && !events.contains(&rue) && !events.contains("Rue"), "{events}");
    let events = String::from_utf8(team.owner.get("events?limit=100").await.expect(200).body).unwrap();
    assert!(events.contains(&rue) && events.contains("Rue"));
    world.ledger().check();
}

#[tokio::test]
async fn a_lost_sponsor_is_seen_and_the_invitations_that_rested_on_them_can_be_taken_over() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    for (n, how) in ["remove", "suspend", "demote"].into_iter().enumerate() {
        let adam = team.join(&format!("adam{n}@acme.example"), "admin").await;
        let email = format!("ana{n}@acme.example");
        let made = adam.invite(&email, "member").await.expect(201);
        assert_eq!(
            (made.text("/sponsor"), made.text("/sponsorship")),
            (adam.user.clone(), "holds".to_owned())
        );
        adam.invite(&format!("gone{n}@acme.example"), "member").await.expect(201);
        world.link(&format!("gone{n}@acme.example")).await.decline().await.expect(204);
        let invited =
            Invited { world: world.clone(), tenant: team.tenant.clone(), id: made.text("/id"), email };
        let answer = match how {
            "remove" => team.owner.remove(&adam).await,
            "suspend" => team.owner.suspend(&adam).await,
            _ => team.owner.give_role(&adam, "member").await,
        };
        let answer = answer.expect(200).json();
        let resting = answer["unsponsored_invitations"].as_array().unwrap();
        assert_eq!(resting.len(), 1, "{how}: {answer}");
        assert_eq!(resting[0]["id"], json!(invited.id));
        let lost = if how == "suspend" { "suspended" } else { "lost" };
        assert_eq!(team.owner.look_at(&invited).await.text("/sponsorship"), lost, "{how}");
        let listed = team.owner.get("invitations?status=pending").await.expect(200).json();
        assert_eq!(listed["items"][0]["sponsorship"], lost, "{how}");
        // the offer, as it stands in the answer
        let offer = &resting[0]["actions"][0];
        assert_eq!(offer["rel"], "take-over");
        let (method, href) = (offer["method"].as_str().unwrap(), offer["href"].as_str().unwrap());
        let taken = world.ask(method, href, Some(&team.owner.session), &Value::Null).await.expect(200);
        assert_eq!(
            (taken.text("/sponsor"), taken.text("/sponsorship")),
            (team.owner.user.clone(), "holds".to_owned())
        );
        invited.accept().await;
        assert_eq!(team.owner.look_at(&invited).await.json()["sponsorship"], Value::Null, "over");
        world.ledger().check();
    }
    // who may not see invitations isn't shown any, and a member who rests on nobody answers as ever
    let adam = team.join("adam@acme.example", "admin").await;
    adam.invite("last@acme.example", "member").await.expect(201);
    let keeper = json!({"email": "k@acme.example", "first_name": "K", "last_name": "K", "role": "admin",
        "permissions": ["members.read", "members.revoke", "members.assign"]});
    team.owner.post("invitations", keeper).await.expect(201);
    let keeper = Invited {
        world: world.clone(),
        tenant: team.tenant.clone(),
        id: String::new(),
        email: "k@acme.example".to_owned(),
    }
    .accept()
    .await;
    assert!(keeper.suspend(&adam).await.expect(200).json().get("unsponsored_invitations").is_none());
    let ana = team.join("plain@acme.example", "member").await;
    team.owner.remove(&ana).await.expect(204);
}

#[tokio::test]
async fn a_new_teams_list_of_invitations_does_not_show_its_founding_one() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    assert_eq!(team.owner.get("invitations").await.expect(200).json()["items"], json!([]));
    team.invite("ana@acme.example", "member").await;
    assert_eq!(team.owner.get("invitations").await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn every_location_can_be_read_by_who_was_given_it() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let made = team.owner.create_brand("Sage").await.expect(201);
    let (path, etag) = (made.headers["location"].clone(), made.headers["etag"].clone());
    let read = world.ask("GET", &path, Some(&team.owner.session), &Value::Null).await.expect(200);
    assert_eq!((read.json(), read.headers["etag"].clone()), (made.json(), etag));
    let invited = team.owner.invite("petra@lab.example", "partner").await.expect(201);
    world.ask("GET", &invited.headers["location"], Some(&team.owner.session), &Value::Null).await.expect(200);
    // a partner doesn't read members, but finds the membership that the answer names
    let accepted = world.link("petra@lab.example").await.accept().await.expect(201);
    let session = accepted.text("/session/token");
    let own = world.ask("GET", &accepted.headers["location"], Some(&session), &Value::Null).await.expect(200);
    assert_eq!(own.json(), accepted.json()["member"]);
    let brand = format!("/v1/tenants/{}/brands/{}", team.tenant, made.text("/id"));
    world.ask("GET", &brand, Some(&session), &Value::Null).await.refused(404, "not-found");
    let signed_in = world.sign_in("petra@lab.example", PASSWORD).await.expect(201);
    assert!(!signed_in.headers.contains_key("location"));
}

#[tokio::test]
async fn colleagues_see_neither_phones_nor_lists_nor_last_activity() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let sage = team.brand("Sage").await;
    let ana = team.join("ana@acme.example", "member").await;
    let keeper = member_who_also(&team, "kim@acme.example", &["members.assign"], &[&sage]).await;
    let more = ["access.review", "members.invite", "audit.read"];
    let reviewer = member_who_also(&team, "rae@acme.example", &more, &[]).await;
    let once = member_who_also(&team, "cal@acme.example", &["audit.read"], &[]).await;
    team.owner.give_role(&once, "sales_rep").await.expect(200);
    let personal = ["phone", "permissions", "last_active_at"];
    let shown = |member: &Value| -> Vec<&str> {
        personal.into_iter().filter(|field| member.get(field).is_some()).collect()
    };
    for (reader, whole) in [(&team.owner, true), (&keeper, true), (&ana, false), (&reviewer, false)] {
        let listed = reader.get("members").await.expect(200).json();
        let members = listed["items"].as_array().unwrap();
        assert_eq!(members.len(), 5);
        for member in members {
            let user = member["user_id"].as_str().unwrap();
            let expected: &[&str] = if whole || user == reader.user { &personal } else { &[] };
            assert_eq!(shown(member), expected, "{} of {user}", reader.email);
            let single = reader.get(&format!("members/{user}")).await.expect(200).json();
            assert_eq!(single, *member, "alone as in the list");
        }
        // nor in the invitation that they came by, nor in the trail
        let invitations = reader.get("invitations?status=accepted").await;
        if invitations.status == 200 {
            for invitation in invitations.json()["items"].as_array().unwrap() {
                let told = invitation.get("permissions").is_some() || invitation.get("phone").is_some();
                assert_eq!(told, whole, "{}: {invitation}", reader.email);
            }
        }
        let events = String::from_utf8(reader.get("events").await.body).unwrap();
        assert!(whole || !events.contains("permissions_before"), "{}: {events}", reader.email);
        // nor by asking who was idle since
        let idle = reader.get("members?inactive_since=2020-01-01T00:00:00Z").await;
        if whole {
            idle.expect(200)
        } else {
            idle.refused(403, "forbidden")
        };
    }
}

#[tokio::test]
async fn versions_are_honoured_and_doing_what_is_done_writes_nothing() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let ana = team.join("ana@acme.example", "member").await;
    let path = format!("members/{}", ana.user);
    let etag = team.owner.get(&path).await.expect(200).headers["etag"].clone();
    let role = json!({"role": "sales_rep"});
    let put = |etag: String, body: Value| {
        let (owner, path) = (team.owner.clone(), format!("{path}/role"));
        async move { owner.ask_with("PUT", &path, body, &[("if-match", &etag)]).await }
    };
    let changed = put(etag.clone(), role.clone()).await.expect(200);
    assert_ne!(changed.headers["etag"], etag);
    put(etag, json!({"role": "partner"})).await.refused(412, "conflict");
    let events = world.ledger().all("Event").len();
    put("*".to_owned(), role).await.expect(200);
    let brand = team.brand("Sage").await;
    team.owner.ask("PATCH", &format!("brands/{brand}"), json!({"name": "Sage"})).await.expect(200);
    team.owner.put(&format!("{path}/brands"), json!({"brands": []})).await.expect(200);
    team.owner.delete(&format!("{path}/brands/{brand}")).await.expect(200);
    assert_eq!(world.ledger().all("Event").len(), events + 1, "the new brand alone");
    let etag = [("if-match", "\"something else\"")];
    let body = json!({"name": "Rue"});
    team.owner.ask_with("PATCH", &format!("brands/{brand}"), body, &etag).await.refused(412, "conflict");
}

#[tokio::test]
async fn every_path_answers_for_its_methods_and_none_for_others() {
    let world = World::new().await;
    for route in Route::ALL {
        let path = path(
            route,
            &[
                ("tenant", "t"),
                ("user", "u"),
                ("brand", "b"),
                ("invitation", "i"),
                ("review", "r"),
                ("file", "f"),
            ],
        );
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "HEAD"] {
            // pages answer HEAD where they answer GET
            let head = |r: &Route| r.function() == "console" && method == "HEAD";
            let served = Route::ALL.iter().any(|r| (r.method() == method || head(r)) && r.leads_to(&path));
            let call = Call { method: method.to_owned(), path: path.clone(), ..Call::default() };
            let reply = world.call(call).await;
            if served {
                assert_ne!(reply.status, 405, "{method} {path}");
            } else {
                let reply = reply.refused(405, "method-not-allowed");
                assert!(reply.headers["allow"].contains(route.method()), "{method} {path}");
            }
        }
    }
    for nothing in ["/v1", "/v1/", "/v2/tenants", "/v1/tenants/", "/assets/../secret", "/assets/none.js"] {
        world.ask("GET", nothing, None, &Value::Null).await.refused(404, "not-found");
    }
}

/// A member with a list of their own: what a member holds, and more.
async fn member_who_also(team: &Team, email: &str, more: &[&'static str], brands: &[&String]) -> Person {
    let own = policy::Role::Member.permissions();
    let permissions: Vec<&str> =
        own.iter().map(policy::Permission::name).chain(more.iter().copied()).collect();
    let body = json!({"email": email, "first_name": "X", "last_name": "X", "role": "member", "brands": brands,
        "permissions": permissions});
    team.owner.post("invitations", body).await.expect(201);
    Person::of(&team.world.link(email).await, &team.tenant).await
}

#[tokio::test]
async fn brands_that_one_does_not_see_are_not_taken_given_or_probed() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let (sage, bloom) = (team.brand("Sage").await, team.brand("Bloom").await);
    let xena = member_who_also(&team, "xena@acme.example", &["members.assign"], &[&sage]).await;
    let ben = team.join("ben@acme.example", "member").await;
    team.owner.assign_brands(&ben, json!([bloom])).await.expect(200);
    let of_ben = || async {
        team.owner.get(&format!("members/{}", ben.user)).await.expect(200).json()["brands"].clone()
    };
    let detail = |reply: local::Reply| reply.text("/detail");

    let unknown = "01a202c6-e1a3-7a38-9802-fdcb99ebdc61";
    let nothing = detail(xena.unassign_brand(&ben, unknown).await.refused(404, "not-found"));
    assert_eq!(detail(xena.unassign_brand(&ben, &bloom).await.refused(404, "not-found")), nothing);
    assert_eq!(detail(xena.assign_brand(&ben, &bloom).await.refused(404, "not-found")), nothing);
    assert_eq!(detail(xena.assign_brand(&ben, unknown).await.refused(404, "not-found")), nothing);
    let named = detail(xena.assign_brands(&ben, json!([bloom])).await.refused(422, "validation"));
    assert_eq!(detail(xena.assign_brands(&ben, json!([unknown])).await.refused(422, "validation")), named);
    assert_eq!(of_ben().await, json!([bloom]));

    // a whole set changes what she sees, and what she doesn't see stays
    let shown = xena.assign_brands(&ben, json!([sage])).await.expect(200);
    assert_eq!(shown.json()["brands"], json!([sage]));
    let mut both = [&sage, &bloom];
    both.sort();
    assert_eq!(of_ben().await, json!(both));
    xena.assign_brands(&ben, json!([])).await.expect(200);
    assert_eq!(of_ben().await, json!([bloom]));
    xena.assign_brands(&ben, json!("all")).await.refused(403, "role-not-grantable");
    team.owner.assign_brands(&ben, json!("all")).await.expect(200);
    xena.assign_brands(&ben, json!([sage])).await.refused(403, "role-not-grantable");
    assert_eq!(of_ben().await, json!("all"));
    // neither what one doesn't see nor what was deleted makes a set too large
    let mut many = Vec::new();
    for n in 0..50 {
        many.push(team.brand(&format!("Number {n}")).await);
    }
    team.owner.assign_brands(&ben, json!(many)).await.expect(200);
    xena.assign_brand(&ben, &sage).await.expect(200);
    xena.unassign_brand(&ben, &sage).await.expect(200);
    team.owner.assign_brand(&ben, &sage).await.refused(422, "validation");
    // one that grew beyond it still shrinks, brand by brand, and a brand that is there is no brand more
    xena.assign_brand(&ben, &sage).await.expect(200);
    team.owner.assign_brand(&ben, &many[1]).await.expect(200);
    let more = team.brand("One more").await;
    let max = member_who_also(&team, "max@acme.example", &["members.assign"], &[&more]).await;
    max.assign_brand(&ben, &more).await.expect(200);
    team.owner.unassign_brand(&ben, &more).await.expect(200);
    team.owner.unassign_brand(&ben, &sage).await.expect(200);
    team.owner.delete_brand(&many[0]).await.expect(204);
    team.owner.assign_brand(&ben, &sage).await.expect(200);
    // a deleted brand can be taken from who still has it
    team.owner.assign_brands(&ben, json!([sage, bloom])).await.expect(200);
    team.owner.delete_brand(&bloom).await.expect(204);
    team.owner.unassign_brand(&ben, &bloom).await.expect(200);
    team.owner.unassign_brand(&ben, &bloom).await.refused(404, "not-found");
}

#[tokio::test]
async fn the_audit_trail_shows_what_its_reader_may_see() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let (sage, bloom) = (team.brand("Sage").await, team.brand("Bloom").await);
    let xena = member_who_also(&team, "xena@acme.example", &["audit.read"], &[&sage]).await;
    let ben = team.join("ben@acme.example", "member").await;
    team.owner.assign_brands(&ben, json!([sage, bloom])).await.expect(200);
    let trail = xena.get("events?limit=100").await.expect(200);
    let text = String::from_utf8_lossy(&trail.body).into_owned();
    assert!(text.contains(&sage) && !text.contains(&bloom) && !text.contains("Bloom"), "{text}");
    assert!(!text.contains("invitation."), "invitations take members.invite: {text}");
    // a change of brands that she doesn't see leaves no shadow, and who may list nobody reads no address
    let changes = |text: &str| text.matches("member.brands_changed").count();
    assert_eq!(changes(&text), 1);
    team.owner.assign_brands(&ben, json!([sage])).await.expect(200);
    let again = xena.get("events?limit=100").await.expect(200);
    assert_eq!(changes(&String::from_utf8_lossy(&again.body)), 1);
    let body = json!({"email": "blind@acme.example", "first_name": "B", "last_name": "B", "role": "sales_rep",
        "permissions": ["audit.read"]});
    team.owner.post("invitations", body).await.expect(201);
    let session = world.link("blind@acme.example").await.accept().await.expect(201).text("/session/token");
    let blind = Person { session, ..xena.clone() }.get("events?limit=100").await.expect(200);
    let text = String::from_utf8_lossy(&blind.body).into_owned();
    assert!(text.contains("tenant.created") && !text.contains('@'), "{text}");
    let everything = team.owner.get("events?limit=100").await.expect(200);
    let text = String::from_utf8_lossy(&everything.body).into_owned();
    assert!(text.contains("Bloom") && text.contains("invitation.created"));

    for permission in ["audit.read", "access.review"] {
        let body = json!({"email": "p@lab.example", "first_name": "P", "last_name": "P", "role": "partner",
            "permissions": [permission]});
        let refused = team.owner.post("invitations", body).await.refused(403, "role-not-grantable");
        assert_eq!(refused.text("/rule"), "R5");
    }
}

#[tokio::test]
async fn a_list_that_a_role_change_drops_is_in_its_event() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let xena = member_who_also(&team, "xena@acme.example", &["audit.read"], &[]).await;
    team.owner.give_role(&xena, "sales_rep").await.expect(200);
    let trail = team.owner.get("events").await.expect(200).json();
    let changed =
        trail["items"].as_array().unwrap().iter().find(|e| e["type"] == "member.role_changed").unwrap();
    let dropped = changed["details"]["permissions_before"].as_str().unwrap();
    assert!(dropped.split(' ').any(|name| name == "audit.read"), "{dropped}");
}

#[tokio::test]
async fn the_audit_trail_skips_nothing_over_empty_months() {
    let world = World::with([("SESSION_DAYS", "365")]).await;
    let team = world.team("Acme").await;
    // 28 February 2027, 23:30: eight empty months before the day on which it is read
    world.pass(98 * 86_400 + 52_200);
    team.brand("Late").await;
    world.pass(219 * 86_400 - 52_200);
    let (mut path, mut kinds) = ("events?limit=100".to_owned(), Vec::new());
    loop {
        let page = team.owner.get(&path).await.expect(200).json();
        kinds
            .extend(page["items"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("events?limit=100&cursor={cursor}"),
            None => break,
        }
    }
    kinds.sort();
    assert_eq!(kinds, ["brand.created", "invitation.accepted", "tenant.created"]);
}
