//! Counted where the work is done, before anything expensive, and told with `Retry-After`.

use serde_json::{Value, json};
use stories::{Fault, PASSWORD, Person, ReplyExt, World};

#[tokio::test]
async fn an_address_gets_five_emails_a_day_from_one_tenant_and_ten_over_all() {
    let world = World::with([("RESENDS_PER_10_MINUTES", "100")]).await;
    let body = json!({"name": "X", "email": "Victim@mail.example", "first_name": "X", "last_name": "X"});
    // all strangers' sign-ups count as one tenant's, so that teams can still reach the address
    for n in 0..5 {
        world.sign_up(&format!("Acme {n}"), "victim@mail.example").await;
    }
    let refused = world.ask("POST", "/v1/tenants", None, &body).await.refused(429, "rate-limited");
    let wait: u64 = refused.headers["retry-after"].parse().unwrap();
    assert!((1..=86_400).contains(&wait));
    let (brew, chai) = (world.team("Brew").await, world.team("Chai").await);
    let invited = brew.invite("victim@mail.example", "member").await;
    for _ in 0..3 {
        brew.owner.resend(&invited).await.expect(200);
    }
    // nine by now; another team's is the tenth and last
    chai.owner.invite("victim@mail.example", "member").await.expect(201);
    let refused = brew.owner.resend(&invited).await.refused(429, "rate-limited");
    assert!(refused.text("/detail").contains("emails to this address"));
    let dale = world.team("Dale").await;
    dale.owner.invite("victim@mail.example", "member").await.refused(429, "rate-limited");
    assert_eq!(dale.owner.get("").await.json()["seats"]["used"], 1, "nothing was reserved");
    world.pass(wait);
    // a new day, and five of one team
    for _ in 0..5 {
        brew.owner.resend(&invited).await.expect(200);
    }
    brew.owner.resend(&invited).await.refused(429, "rate-limited");
    dale.owner.invite("victim@mail.example", "member").await.expect(201);
    world.ledger().check();
}

#[tokio::test]
async fn a_stranger_who_guesses_shuts_nobody_out_from_elsewhere() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let (stranger, home) = (world.from("198.51.100.7"), world.from("2001:db8:0:7::1"));
    for email in [team.owner.email.as_str(), "nobody@acme.example"] {
        for _ in 0..10 {
            stranger.sign_in(email, "not the password at all").await.refused(401, "unauthenticated");
        }
        // refused from there on, and what is refused counts nowhere
        for _ in 0..200 {
            stranger.sign_in(email, PASSWORD).await.refused(429, "rate-limited");
        }
    }
    home.sign_in(&team.owner.email, PASSWORD).await.expect(201);
    // her signing in forgives her own mistakes, and not the stranger's
    stranger.sign_in(&team.owner.email, PASSWORD).await.refused(429, "rate-limited");
    // one network is one source, whatever the rest of the address and whatever a header says
    for n in 0..10 {
        let email = &team.owner.email;
        let body = json!({"email": email, "password": "not the password at all"});
        let (one, forged) = (world.from(&format!("2001:db8:0:8::{n}")), format!("203.0.113.{n}"));
        let headers = [("x-forwarded-for", forged.as_str()), ("forwarded", "for=203.0.113.99")];
        one.ask_with("POST", "/v1/sessions", None, &body, &headers).await.refused(401, "unauthenticated");
    }
    world
        .from("2001:db8:0:8:ffff::1")
        .sign_in(&team.owner.email, PASSWORD)
        .await
        .refused(429, "rate-limited");
    world.from("2001:db8:0:9::1").sign_in(&team.owner.email, PASSWORD).await.expect(201);
    // nothing that is stored names an address
    let stored = serde_json::to_string(&world.stack().items().unwrap()).unwrap();
    for address in ["198.51.100.7", "2001:db8", "203.0.113"] {
        assert!(!stored.contains(address), "{address}");
    }
}

#[tokio::test]
async fn many_sources_together_are_bounded_by_the_address_and_successes_are_not_counted() {
    let world = World::with([("FAILED_SIGN_INS_OF_ADDRESS_PER_15_MINUTES", "20")]).await;
    let team = world.team("Acme").await;
    let email = team.owner.email.as_str();
    for _ in 0..30 {
        world.sign_in(email, PASSWORD).await.expect(201);
    }
    for n in 0..20 {
        let one = world.from(&format!("198.51.100.{n}"));
        one.sign_in(email, "not the password at all").await.refused(401, "unauthenticated");
    }
    let refused = world.from("198.51.100.99").sign_in(email, PASSWORD).await.refused(429, "rate-limited");
    assert!(refused.headers["retry-after"].parse::<u64>().unwrap() <= 900);
    world.pass(900);
    world.sign_in(email, PASSWORD).await.expect(201);
}

#[tokio::test]
async fn a_right_password_is_no_failed_sign_in_wherever_it_is_asked_for() {
    // more often than a source may fail
    const TIMES: usize = 11;
    let world = World::with([("PASSWORD_RESETS_PER_HOUR", "50")]).await;
    let team = world.team("Acme").await;
    let adam = team.join("adam@acme.example", "admin").await;
    for _ in 0..TIMES {
        for (from, to) in [(&team.owner, &adam), (&adam, &team.owner)] {
            from.post("transfer", json!({"to": to.user, "password": PASSWORD})).await.expect(200);
        }
    }
    for n in 0..TIMES {
        let ask = json!({"email": format!("owner{n}@acme.example"), "password": PASSWORD});
        world.ask("POST", "/v1/me/email", Some(&team.owner.session), &ask).await.expect(202);
    }
    for _ in 0..TIMES {
        team.owner.post("close", json!({ "password": PASSWORD })).await.expect(200);
        let reopen = json!({"operation": "reopen-tenant", "tenant": team.tenant, "reason": "r"});
        world.operate(reopen).await.unwrap();
    }
    for person in [&team.owner, &adam] {
        world.sign_in(&person.email, PASSWORD).await.expect(201);
    }
    // a wrong one is one, whichever of them asks
    let wrong = "not the password at all";
    for _ in 0..4 {
        let ask = json!({"email": "other@acme.example", "password": wrong});
        world.ask("POST", "/v1/me/email", Some(&team.owner.session), &ask).await.refused(422, "validation");
        team.owner.post("close", json!({ "password": wrong })).await.refused(422, "validation");
    }
    for _ in 0..2 {
        let transfer = json!({"to": adam.user, "password": wrong});
        team.owner.post("transfer", transfer).await.refused(422, "validation");
    }
    world.sign_in(&team.owner.email, PASSWORD).await.refused(429, "rate-limited");
    world.ledger().check();
}

#[tokio::test]
async fn a_right_password_is_none_either_where_something_else_is_refused() {
    // more often than a source may fail
    const TIMES: usize = 11;
    let world = World::with([("PASSWORD_RESETS_PER_HOUR", "2")]).await;
    let team = world.team("Acme").await;
    let adam = team.join("adam@acme.example", "admin").await;
    let owner = async |method: &str, path: &str, body: &Value| {
        world.ask(method, path, Some(&team.owner.session), body).await
    };
    // each has a bound of its own, and it is that one which is told
    let password = json!({"current_password": PASSWORD, "new_password": PASSWORD});
    let email = json!({"email": "elsewhere@acme.example", "password": PASSWORD});
    for (method, path, body, status, what) in [
        ("PUT", "/v1/me/password", &password, 204, "changes of this password"),
        ("POST", "/v1/me/email", &email, 202, "changes of your address"),
    ] {
        for _ in 0..2 {
            owner(method, path, body).await.expect(status);
        }
        for _ in 0..TIMES {
            let refused = owner(method, path, body).await.refused(429, "rate-limited");
            assert!(refused.text("/detail").contains(what), "{}", refused.text("/detail"));
        }
    }
    // others who are faster every time
    let transfer = json!({"to": adam.user, "password": PASSWORD});
    for (path, body) in [("transfer", transfer), ("close", json!({ "password": PASSWORD }))] {
        for _ in 0..TIMES {
            let cancelled = Fault::Cancelled(&["ConditionalCheckFailed"]);
            world.wire().fail("assign-role", "TransactWriteItems", 6, cancelled);
            team.owner.post(path, body.clone()).await.refused(409, "conflict");
        }
    }
    // a password that is the new address
    let (zoe, later) = ("zoe@mail.example", "zoe.later@mail.example");
    let link = team.invite(zoe, "member").await.link().await;
    let joined = link.accept_with(json!({ "password": later })).await.expect(201);
    let (user, session) = (joined.text("/member/user_id"), joined.text("/session/token"));
    let ask = json!({"email": later, "password": later});
    for _ in 0..TIMES {
        let refused = world.ask("POST", "/v1/me/email", Some(&session), &ask).await;
        assert_eq!(refused.refused(422, "validation").text("/errors/0/pointer"), "/email");
    }
    // no membership is left to sign in to
    team.owner.remove(&Person { user, ..team.owner.clone() }).await.expect(204);
    for _ in 0..TIMES {
        world.sign_in(zoe, later).await.refused(403, "access-revoked");
    }
    // an acceptance that is repeated when the membership isn't in use any more
    let ben = team.invite("ben@acme.example", "member").await;
    let accept = json!({"token": ben.token().await, "password": PASSWORD});
    let key = [("idempotency-key", "k")];
    let again = async || world.ask_with("POST", "/v1/invitations/accept", None, &accept, &key).await;
    let user = again().await.expect(201).text("/member/user_id");
    team.owner.suspend(&Person { user, ..team.owner.clone() }).await.expect(200);
    for _ in 0..TIMES {
        again().await.refused(403, "access-revoked");
    }
    // and a wrong one is one, as often as before
    for (email, right) in
        [(team.owner.email.as_str(), PASSWORD), (zoe, later), (ben.email.as_str(), PASSWORD)]
    {
        for _ in 0..10 {
            world.sign_in(email, "not the password at all").await.refused(401, "unauthenticated");
        }
        world.sign_in(email, right).await.refused(429, "rate-limited");
    }
    world.ledger().check();
}

#[tokio::test]
async fn sign_ups_are_bounded_by_source_and_by_deployment() {
    let world = World::with([("SIGN_UPS_PER_DAY", "30")]).await;
    let sign_up = async |world: &World, n: usize| {
        let body =
            json!({"name": "X", "email": format!("o{n}@mail.example"), "first_name": "X", "last_name": "X"});
        world.ask("POST", "/v1/tenants", None, &body).await
    };
    let (one, other) = (world.from("198.51.100.7"), world.from("198.51.100.8"));
    for n in 0..20 {
        sign_up(&one, n).await.expect(202);
    }
    let refused = sign_up(&one, 20).await.refused(429, "rate-limited");
    assert!(refused.text("/detail").contains("from your network"), "{}", refused.text("/detail"));
    for n in 20..30 {
        sign_up(&other, n).await.expect(202);
    }
    let refused = sign_up(&other, 30).await.refused(429, "rate-limited");
    assert!(refused.text("/detail").contains("sign-ups today"), "{}", refused.text("/detail"));
    assert_eq!(world.ledger().all("Tenant").len(), 30);
    // nor do strangers who enter it use up what the address may get from a customer's own team
    let customer = World::new().await;
    let entered = async || {
        let body = json!({"name": "X", "email": "new@customer.example", "first_name": "X", "last_name": "X"});
        customer.ask("POST", "/v1/tenants", None, &body).await
    };
    for _ in 0..5 {
        entered().await.expect(202);
    }
    entered().await.refused(429, "rate-limited");
    let order = json!({"operation": "create-tenant", "name": "Acme", "email": "new@customer.example",
        "first_name": "N", "last_name": "N", "reason": "r"});
    customer.operate(order).await.unwrap();
    let link = customer.link("new@customer.example").await;
    customer.pass(7 * 86_400);
    for _ in 0..5 {
        entered().await.expect(202);
    }
    link.renew().await.expect(202);
    // the operator's are counted nowhere
    let order = json!({"operation": "create-tenant", "name": "Acme", "email": "o@acme.example", "first_name": "O",
        "last_name": "O", "reason": "r"});
    world.operate(order).await.unwrap();
    world.pass(86_400);
    sign_up(&one, 31).await.expect(202);
}

#[tokio::test]
async fn a_sign_ups_mail_carries_no_text_of_the_strangers() {
    let world = World::new().await;
    let body = json!({"name": "Claim Your Prize Now", "email": "victim@mail.example",
        "first_name": "Dear Winner", "last_name": "Call 555"});
    world.ask("POST", "/v1/tenants", None, &body).await.expect(202);
    world.settle().await;
    let mail = world.stack().mailbox().to(Some("victim@mail.example")).pop().unwrap();
    for words in ["Prize", "Winner", "555"] {
        assert!(!mail.html.contains(words) && !mail.text.contains(words), "{words}");
        assert!(!mail.subject.contains(words));
    }
    assert!(mail.text.contains("If that was you"));
}

#[tokio::test]
async fn a_tenant_that_nobody_confirmed_is_gone_when_its_link_is() {
    let world = World::with([("SESSION_DAYS", "365")]).await;
    let (late, declined) =
        (world.sign_up("Late", "late@mail.example").await, world.sign_up("No", "no@mail.example").await);
    let link = world.link("late@mail.example").await;
    world.link("no@mail.example").await.decline().await.expect(204);
    let team = world.team("Acme").await;
    let order = json!({"operation": "create-tenant", "name": "Brew", "email": "b@brew.example", "first_name": "B",
        "last_name": "B", "reason": "contract"});
    world.operate(order.clone()).await.unwrap();
    let vouched = world.link("b@brew.example").await;
    let mut lost = order;
    lost["email"] = json!("lost@brew.example");
    let lost = world.operate(lost).await.unwrap()["tenant"].as_str().unwrap().to_owned();
    world.settle().await;
    world.pass(7 * 86_400);
    // a stranger's is not renewed, they sign up again; the one that the operator made can be
    let over = link.accept().await.refused(410, "invitation-expired");
    assert_eq!(over.json()["actions"], json!([]));
    link.renew().await.refused(410, "invitation-expired");
    world.pass(1);
    world.stack().sweep().await.unwrap();
    link.preview().await.refused(404, "not-found");
    let named = |tenant: &str| {
        let items = world.stack().items().unwrap();
        items.iter().filter(|item| item.to_string().contains(tenant)).count()
    };
    assert_eq!(named(&late), 0, "tenant, invitation, address, event, mail, token");
    assert_eq!(named(&declined), 0, "nor the address that somebody else entered");
    vouched.renew().await.expect(202);
    let session = world.link("b@brew.example").await.accept().await.expect(201).text("/session/token");
    world.pass(60 * 86_400);
    world.stack().sweep().await.unwrap();
    assert_eq!(named(&lost), 0);
    // who confirmed stays, with the event that began the trail
    for (tenant, session) in [(None, &session), (Some(&team.tenant), &team.owner.session)] {
        let me = world.ask("GET", "/v1/me", Some(session), &Value::Null).await.expect(200);
        let id = me.text("/memberships/0/tenant/id");
        assert!(tenant.is_none_or(|tenant| *tenant == id));
        let events = world.ask("GET", &format!("/v1/tenants/{id}/events"), Some(session), &Value::Null).await;
        assert!(String::from_utf8_lossy(&events.expect(200).body).contains("tenant.created"));
    }
    assert!(world.stack().dead_letters().is_empty());
}

#[tokio::test]
async fn every_limit_is_a_parameter_of_the_template() {
    let (settings, template) =
        (include_str!("../../shared/runtime/src/settings.rs"), include_str!("../../template.yaml"));
    let names: Vec<&str> =
        settings.split("limit(\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(names.len(), 12);
    for name in names.into_iter().chain(["SESSION_DAYS", "SESSION_IDLE_HOURS"]) {
        let line = template.lines().find_map(|line| line.trim().strip_prefix(&format!("{name}: !Ref ")));
        let parameter = line.unwrap_or_else(|| panic!("{name} in template.yaml"));
        assert!(
            template.contains(&format!("\n  {parameter}:\n    Type: Number\n    Default: ")),
            "{parameter}"
        );
    }
    // and what the template says by itself is what the code has by itself
    let world = World::new().await;
    let team = world.team("Acme").await;
    team.owner.get("").await.expect(200);
}

#[tokio::test]
async fn an_inviter_and_a_tenant_have_their_limits() {
    let world = World::with([("INVITATIONS_PER_HOUR", "3"), ("TENANT_MAILS_PER_DAY", "6")]).await;
    let team = world.team("Acme").await;
    let adam = team.join("adam@acme.example", "admin").await;
    for n in 0..2 {
        team.invite(&format!("o{n}@acme.example"), "member").await;
    }
    team.owner.invite("o2@acme.example", "member").await.refused(429, "rate-limited");
    // another inviter has an hour of his own, the tenant's day is everybody's
    adam.invite("a0@acme.example", "member").await.expect(201);
    adam.invite("a1@acme.example", "member").await.expect(201);
    let refused = adam.invite("a2@acme.example", "member").await.refused(429, "rate-limited");
    assert!(refused.text("/detail").contains("emails of this team"), "{}", refused.text("/detail"));
    world.pass(86_400);
    adam.invite("a2@acme.example", "member").await.expect(201);
    world.ledger().check();
}

#[tokio::test]
async fn an_invitation_is_sent_again_three_times_in_ten_minutes() {
    let world = World::with([("ADDRESS_MAILS_PER_DAY", "20")]).await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    let path = format!("invitations/{}/resend", invited.id);
    for _ in 0..3 {
        team.owner.post(&path, Value::Null).await.expect(200);
    }
    team.owner.post(&path, Value::Null).await.refused(429, "rate-limited");
    world.pass(600);
    team.owner.post(&path, Value::Null).await.expect(200);
    world.settle().await;
    assert_eq!(world.stack().mailbox().to(Some("ana@acme.example")).len(), 1, "the newest link only");
}

#[tokio::test]
async fn ten_failed_sign_ins_and_an_address_waits_whether_or_not_anybody_has_it() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    for email in [team.owner.email.as_str(), "nobody@acme.example"] {
        for _ in 0..10 {
            world.sign_in(email, "not the password at all").await.refused(401, "unauthenticated");
        }
        let refused = world.sign_in(email, PASSWORD).await.refused(429, "rate-limited");
        assert!(refused.headers.contains_key("retry-after"));
    }
    world.pass(900);
    world.sign_in(&team.owner.email, PASSWORD).await.expect(201);
}

#[tokio::test]
async fn a_sign_in_that_succeeds_forgets_the_failed_ones() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    for _ in 0..3 {
        for _ in 0..9 {
            world.sign_in(&team.owner.email, "not the password at all").await.refused(401, "unauthenticated");
        }
        world.sign_in(&team.owner.email, PASSWORD).await.expect(201);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_guesses_count_each_for_itself() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let guesses: Vec<_> = (0..30)
        .map(|n| {
            let (world, email) = (world.clone(), team.owner.email.clone());
            tokio::spawn(
                async move { world.sign_in(&email, &format!("guess number {n} of many")).await.status },
            )
        })
        .collect();
    let mut judged = 0;
    for guess in guesses {
        judged += usize::from(guess.await.unwrap() == 401);
    }
    assert_eq!(judged, 10);
}

#[tokio::test]
async fn where_sign_up_is_closed_only_the_operator_makes_tenants() {
    let world = World::with([("OPEN_SIGN_UP", "false")]).await;
    let body = json!({"name": "Acme", "email": "o@acme.example", "first_name": "O", "last_name": "O"});
    world.ask("POST", "/v1/tenants", None, &body).await.refused(403, "forbidden");
    assert!(world.stack().items().unwrap().is_empty());
}
