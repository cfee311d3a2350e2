//! Portals and their partners (R8): who gets in, what they do there and what not, and that it ends at once.

use local::Reply;
use serde_json::{Value, json};
use stories::{Operation, PASSWORD, Person, ReplyExt as _, Team, World, interleavings, operation, race};

fn organization(name: &str) -> Value {
    let email = format!("owner@{}.example", name.to_lowercase());
    json!({"name": name, "email": email, "first_name": "Paula", "last_name": "Partner"})
}

/// A partner of this portal, with its owner.
async fn partner_of(portal: &Team, name: &str) -> Team {
    let body = organization(name);
    let tenant = portal.owner.post("partners", body.clone()).await.expect(202).text("/tenant/id");
    let link = portal.world.link(body["email"].as_str().unwrap()).await;
    let owner = Person::of(&link, &tenant).await;
    Team { world: portal.world.clone(), tenant, owner }
}

/// A portal with an admin, its partner with a member, and the admin as they act there.
struct Scene {
    world: World,
    portal: Team,
    partner: Team,
    ana: Person,
    /// At home, in the portal.
    pia: Person,
    /// In the partner.
    sent: Person,
}

async fn scene() -> Scene {
    let world = World::new().await;
    let portal = world.team("Greenleaf").await;
    let pia = portal.join("pia@greenleaf.example", "admin").await;
    let partner = partner_of(&portal, "Bloom").await;
    let ana = partner.join("ana@bloom.example", "member").await;
    let sent = pia.inside(&partner.tenant);
    Scene { world, portal, partner, ana, pia, sent }
}

impl Scene {
    /// The same in a world of its own.
    async fn fork(&self) -> Self {
        let world = self.world.fork().await;
        Self {
            portal: self.portal.in_world(&world),
            partner: self.partner.in_world(&world),
            ana: self.ana.in_world(&world),
            pia: self.pia.in_world(&world),
            sent: self.sent.in_world(&world),
            world,
        }
    }

    /// Switches an organization off, or on again.
    async fn suspend(&self, team: &Team, suspended: bool) {
        let order = json!({"operation": "suspend-tenant", "tenant": team.tenant, "suspended": suspended, "reason": "r"});
        self.world.operate(order).await.unwrap();
    }

    async fn let_go(&self) -> Reply {
        self.portal.owner.delete(&format!("partners/{}", self.partner.tenant)).await
    }
}

#[tokio::test]
async fn a_portal_sets_a_partner_up_and_its_owner_is_told_by_whom() {
    let world = World::new().await;
    let portal = world.team("Greenleaf").await;
    let mira = portal.join("mira@greenleaf.example", "member").await;
    mira.post("partners", organization("Bloom")).await.refused(403, "forbidden");
    mira.get("partners").await.refused(403, "forbidden");
    let key = [("idempotency-key", "k")];
    let made = portal.owner.ask_with("POST", "partners", organization("Bloom"), &key).await.expect(202);
    let again = portal.owner.ask_with("POST", "partners", organization("Bloom"), &key).await.expect(202);
    assert_eq!((made.body.clone(), world.ledger().all("Tenant").len()), (again.body, 2));
    let partner = made.text("/tenant/id");
    assert_eq!(
        (made.text("/tenant/status"), made.text("/tenant/portal")),
        ("pending".to_owned(), portal.tenant.clone())
    );
    // nobody is in before the mailbox is proven, and the mail says who asks
    let listed = portal.owner.get("partners").await.expect(200).json();
    assert_eq!(
        (&listed["items"][0]["id"], &listed["items"][0]["status"]),
        (&json!(partner), &json!("pending"))
    );
    portal.owner.inside(&partner).get("members").await.refused(403, "forbidden");
    portal.owner.delete(&format!("partners/{partner}")).await.refused(409, "conflict");
    world.pass(1);
    let link = world.link("owner@bloom.example").await;
    let mail = world.stack().mailbox().to(Some("owner@bloom.example")).pop().unwrap();
    assert!(mail.text.contains("Olive Owner of Greenleaf has set up an account for Bloom"), "{}", mail.text);
    assert_eq!(mail.subject, "Confirm your new account");
    let paula = Person::of(&link, &partner).await;
    assert_eq!(paula.get("").await.expect(200).text("/portal"), portal.tenant);
    let listed = portal.owner.get("partners").await.expect(200).json();
    assert_eq!((&listed["items"][0]["status"], &listed["next_cursor"]), (&json!("active"), &Value::Null));
    // what time takes from who never confirms is kept
    world.pass(40 * 86_400);
    world.stack().sweep().await.unwrap();
    let back = world.sign_in(&portal.owner.email, PASSWORD).await.expect(201).text("/session/token");
    let olive = Person { session: back, ..portal.owner.inside(&partner) };
    olive.get("members").await.expect(200);
    // partners have no partners, and both trails tell of it
    let back = world.sign_in(&paula.email, PASSWORD).await.expect(201).text("/session/token");
    let paula = Person { session: back, ..paula };
    paula.post("partners", organization("Sub")).await.refused(409, "conflict");
    assert_eq!(paula.get("partners").await.expect(200).json()["items"], json!([]));
    let events = paula.get("events?limit=100").await.expect(200).json();
    let first = events["items"].as_array().unwrap().last().unwrap();
    let olive_of_greenleaf = json!({"kind": "portal", "id": portal.owner.user, "tenant": portal.tenant});
    assert_eq!((&first["type"], &first["actor"]), (&json!("tenant.created"), &olive_of_greenleaf));
    assert_eq!(world.ledger().count("Event", "type", "partner.created"), 1);
    world.ledger().check();
}

#[tokio::test]
async fn a_partner_that_nobody_confirms_is_gone_with_all_that_was_written_for_it() {
    let world = World::new().await;
    let portal = world.team("Greenleaf").await;
    let made = portal.owner.post("partners", organization("Bloom")).await.expect(202);
    let link = world.link("owner@bloom.example").await;
    // whom a portal vouches for may ask for a fresh link
    world.pass(8 * 86_400);
    link.renew().await.expect(202);
    world.pass(60 * 86_400);
    world.stack().sweep().await.unwrap();
    let left = world.stack().items().unwrap();
    let partition = format!("TENANT#{}", made.text("/tenant/id"));
    assert!(left.iter().all(|item| item["pk"]["S"] != partition.as_str()));
    let back = world.sign_in(&portal.owner.email, PASSWORD).await.expect(201).text("/session/token");
    let olive = Person { session: back, ..portal.owner };
    assert_eq!(olive.get("partners").await.expect(200).json()["items"], json!([]));
    assert_eq!(world.ledger().count("Event", "type", "partner.created"), 1);
    world.ledger().check();
}

#[tokio::test]
async fn a_portals_people_manage_a_partners_members_and_do_nothing_else_there() {
    let scene = scene().await;
    let Scene { partner, ana, pia, sent, .. } = &scene;
    let sage = partner.brand("Sage").await;
    // as an admin of the partner would
    for path in ["members".to_owned(), "invitations".to_owned(), format!("members/{}", partner.owner.user)] {
        sent.get(&path).await.expect(200);
    }
    let invited = sent.invite("ben@bloom.example", "admin").await.expect(201);
    assert_eq!(
        (invited.text("/sponsor"), invited.text("/sponsor_portal"), invited.text("/sponsorship")),
        (pia.user.clone(), pia.tenant.clone(), "holds".to_owned())
    );
    let one = format!("invitations/{}", invited.text("/id"));
    assert_eq!(sent.get(&one).await.expect(200).text("/sponsorship"), "holds");
    sent.post(&format!("{one}/resend"), Value::Null).await.expect(200);
    let link = scene.world.link("ben@bloom.example").await;
    let mail = scene.world.stack().mailbox().to(Some("ben@bloom.example")).pop().unwrap();
    assert!(mail.text.contains("of Greenleaf invites you to join Bloom as an admin"), "{}", mail.text);
    link.preview().await.expect(200);
    let ben = Person::of(&link, &partner.tenant).await;
    let late = sent.invite("late@bloom.example", "member").await.expect(201).text("/id");
    sent.delete(&format!("invitations/{late}")).await.expect(204);
    sent.assign_brands(ana, json!("all")).await.expect(200);
    sent.assign_brands(ana, json!([])).await.expect(200);
    sent.assign_brand(ana, &sage).await.expect(200);
    sent.unassign_brand(ana, &sage).await.expect(200);
    let list = format!("members/{}/permissions", ana.user);
    sent.put(&list, json!({"permissions": ["tenant.read"]})).await.expect(200);
    sent.delete(&list).await.expect(200);
    sent.give_role(ana, "admin").await.expect(200);
    sent.suspend(ana).await.expect(200);
    ana.get("members").await.refused(403, "access-revoked");
    sent.reinstate(ana).await.expect(200);
    sent.remove(&ben).await.expect(204);
    // and no more than that: not the owner, not what a partner never holds, not the ownership
    sent.remove(&partner.owner).await.refused(409, "owner-required");
    sent.suspend(&partner.owner).await.refused(409, "owner-required");
    sent.give_role(ana, "owner").await.refused(403, "role-not-grantable");
    let body = json!({"email": "x@bloom.example", "first_name": "X", "last_name": "X", "role": "partner",
        "permissions": ["audit.read"]});
    assert_eq!(sent.post("invitations", body).await.refused(403, "role-not-grantable").text("/rule"), "R5");
    // nothing else is a portal's business
    let a_brand = format!("brands/{sage}");
    for (method, path, body) in [
        ("GET", "", Value::Null),
        ("PATCH", "", json!({"name": "Mine"})),
        ("GET", "brands", Value::Null),
        ("POST", "brands", json!({"name": "Mine"})),
        ("DELETE", a_brand.as_str(), Value::Null),
        ("GET", "events", Value::Null),
        ("GET", "roles", Value::Null),
        ("GET", "partners", Value::Null),
        ("POST", "partners", organization("Sub")),
        ("DELETE", "portal", Value::Null),
        ("POST", "transfer", json!({"to": ana.user, "password": PASSWORD})),
    ] {
        let refused = sent.ask(method, path, body).await.refused(403, "forbidden");
        assert_eq!(refused.text("/rule"), "R8", "{method} {path}");
    }
    assert!(sent.may("members.invite").await && !sent.may("tenant.read").await);
    // they aren't in the team, and leaving it leaves the portal alone
    sent.get("members/me").await.refused(404, "not-found");
    sent.get(&format!("members/{}", pia.user)).await.refused(404, "not-found");
    sent.delete("members/me").await.refused(404, "not-found");
    pia.get("members").await.expect(200);
    let listed = partner.owner.get("members").await.expect(200);
    assert!(!String::from_utf8_lossy(&listed.body).contains(&pia.user));
    // the partner reads who it was, and nothing more of them
    let events = partner.owner.get("events?limit=100").await.expect(200);
    let theirs = json!({"kind": "portal", "id": pia.user, "tenant": pia.tenant});
    let all = events.json()["items"].as_array().unwrap().clone();
    let done: Vec<&Value> = all.iter().filter(|e| e["actor"] == theirs).map(|e| &e["type"]).collect();
    assert_eq!(done.len(), 14, "{done:?}");
    assert!(!String::from_utf8_lossy(&events.body).contains(&pia.email));
    // what was done counts for them at home
    let at_home = pia.get("members/me").await.expect(200);
    assert!(!at_home.text("/last_active_at").is_empty());
    scene.world.ledger().check();
}

#[tokio::test]
async fn nobody_else_of_a_portal_and_nobody_of_another_one_gets_in() {
    let scene = scene().await;
    let Scene { portal, partner, pia, sent, .. } = &scene;
    let other = scene.world.team("Brew").await;
    let brews = partner_of(&other, "Barley").await;
    let mira = portal.join("mira@greenleaf.example", "member").await.inside(&partner.tenant);
    for stranger in [&mira, &other.owner.inside(&partner.tenant), &sent.inside(&brews.tenant)] {
        stranger.get("members").await.refused(404, "not-found");
        stranger.invite("x@bloom.example", "member").await.refused(404, "not-found");
        stranger.remove(&partner.owner).await.refused(404, "not-found");
        stranger.post("check", json!({"permission": "members.read"})).await.refused(404, "not-found");
    }
    // the partner's people are nobody in the portal, and another portal can't let go of it
    partner.owner.inside(&portal.tenant).get("members").await.refused(404, "not-found");
    other.owner.delete(&format!("partners/{}", partner.tenant)).await.refused(404, "not-found");
    other.owner.delete("portal").await.refused(404, "not-found");
    let listed = other.owner.get("partners").await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    // a list that leaves managing partners out, and one that holds nothing else
    let list = format!("members/{}/permissions", pia.user);
    let permit = async |permissions: Value| {
        portal.owner.put(&list, json!({ "permissions": permissions })).await.expect(200)
    };
    permit(json!(["members.read", "members.invite"])).await;
    sent.get("members").await.refused(404, "not-found");
    permit(json!(["partners.manage"])).await;
    sent.get("members").await.expect(200);
    // nobody makes a member of themselves through a portal, whoever they are at home (R3)
    sent.invite("pia@greenleaf.example", "admin").await.refused(403, "forbidden");
    // one of its own people is let into its partners with one call, without another password, and out with one
    let of_mira = format!("members/{}/permissions", mira.user);
    portal.owner.put(&of_mira, json!({"permissions": ["partners.manage"]})).await.expect(200);
    mira.get("members").await.expect(200);
    portal.owner.delete(&of_mira).await.expect(200);
    mira.get("members").await.refused(404, "not-found");
    // who is switched off in the portal, and a portal that is
    portal.owner.suspend(pia).await.expect(200);
    sent.get("members").await.refused(404, "not-found");
    portal.owner.reinstate(pia).await.expect(200);
    scene.suspend(portal, true).await;
    sent.get("members").await.refused(404, "not-found");
    scene.suspend(portal, false).await;
    // in a partner that is, they are told what its own people are
    scene.suspend(partner, true).await;
    assert_eq!(sent.get("members").await.refused(403, "forbidden").text("/rule"), "R7");
    scene.suspend(partner, false).await;
    portal.owner.remove(pia).await.expect(204);
    sent.get("members").await.refused(404, "not-found");
    scene.world.ledger().check();
}

#[tokio::test]
async fn it_ends_with_the_very_next_request_whoever_ends_it() {
    let set = scene().await;
    let invited = set.sent.invite("ben@bloom.example", "member").await.expect(201).text("/id");
    let link = set.world.link("ben@bloom.example").await;
    for by_partner in [false, true] {
        let scene = set.fork().await;
        let Scene { portal, partner, ana, sent, .. } = &scene;
        ana.delete("portal").await.refused(403, "forbidden");
        if by_partner {
            partner.owner.delete("portal").await.expect(204);
            partner.owner.delete("portal").await.refused(404, "not-found");
        } else {
            scene.let_go().await.expect(204);
        }
        scene.let_go().await.refused(404, "not-found");
        for who in [sent, &portal.owner.inside(&partner.tenant)] {
            who.get("members").await.refused(404, "not-found");
            who.give_role(ana, "admin").await.refused(404, "not-found");
            who.delete(&format!("invitations/{invited}")).await.refused(404, "not-found");
        }
        assert_eq!(portal.owner.get("partners").await.expect(200).json()["items"], json!([]));
        assert_eq!(partner.owner.get("").await.expect(200).json()["portal"], Value::Null);
        // what rested on the portal's people rests on nobody, until somebody of the team takes it over
        let link = link.in_world(&scene.world);
        link.accept().await.refused(410, "invitation-revoked");
        let one = format!("invitations/{invited}");
        assert_eq!(partner.owner.get(&one).await.expect(200).text("/sponsorship"), "lost");
        let taken = partner.owner.post(&format!("{one}/resend"), Value::Null).await.expect(200);
        assert_eq!(
            (taken.text("/sponsor"), taken.json()["sponsor_portal"].clone()),
            (partner.owner.user.clone(), Value::Null)
        );
        scene.world.link("ben@bloom.example").await.accept().await.expect(201);
        // in both trails, each of them once
        assert_eq!(scene.world.ledger().count("Event", "type", "partner.ended"), 2);
        for team in [portal, partner] {
            let events = team.owner.get("events?limit=100").await.expect(200).json();
            let ended: Vec<&Value> =
                events["items"].as_array().unwrap().iter().filter(|e| e["type"] == "partner.ended").collect();
            assert_eq!(ended.len(), 1);
            assert_eq!(ended[0]["subject"], json!({"kind": "tenant", "id": partner.tenant}));
        }
        // and from then on it may have partners itself
        partner.owner.post("partners", organization("Sub")).await.expect(202);
        scene.world.ledger().check();
    }
}

#[tokio::test]
async fn a_membership_of_ones_own_counts_and_nothing_of_the_portal_with_it() {
    let scene = scene().await;
    let Scene { partner, pia, sent, .. } = &scene;
    partner.owner.invite(&pia.email, "sales_rep").await.expect(201);
    scene.world.link(&pia.email).await.accept().await.expect(201);
    sent.get("members").await.refused(403, "forbidden");
    sent.invite("x@bloom.example", "partner").await.refused(403, "forbidden");
    sent.get("members/me").await.expect(200);
    partner.owner.suspend(sent).await.expect(200);
    sent.get("members").await.refused(403, "access-revoked");
    partner.owner.reinstate(sent).await.expect(200);
    // one that is over is none, and nobody changes what was their own (R3)
    sent.delete("members/me").await.expect(204);
    sent.get("members").await.expect(200);
    sent.get("members/me").await.refused(404, "not-found");
    sent.remove(sent).await.refused(403, "forbidden");
    scene.let_go().await.expect(204);
    sent.get("members").await.refused(403, "access-revoked");
    scene.world.ledger().check();
}

#[tokio::test]
async fn an_invitation_through_a_portal_rests_on_its_member_there() {
    let set = scene().await;
    set.sent.invite("ben@bloom.example", "admin").await.expect(201);
    let link = set.world.link("ben@bloom.example").await;
    let scene = set.fork().await;
    let Scene { portal, partner, pia, sent, .. } = &scene;
    let link_here = link.in_world(&scene.world);
    portal.owner.give_role(pia, "member").await.expect(200);
    link_here.accept().await.refused(410, "invitation-revoked");
    link_here.preview().await.refused(410, "invitation-revoked");
    portal.owner.give_role(pia, "admin").await.expect(200);
    // what may pass is on hold
    portal.owner.suspend(pia).await.expect(200);
    link_here.accept().await.refused(409, "invitation-on-hold");
    portal.owner.reinstate(pia).await.expect(200);
    scene.suspend(portal, true).await;
    link_here.accept().await.refused(409, "invitation-on-hold");
    scene.suspend(portal, false).await;
    // so is the mail, and a fresh link
    let queued = sent.invite("cleo@bloom.example", "member").await.expect(201).text("/id");
    portal.owner.give_role(pia, "sales_rep").await.expect(200);
    scene.world.settle().await;
    assert!(scene.world.stack().mailbox().to(Some("cleo@bloom.example")).is_empty());
    let shown = partner.owner.get(&format!("invitations/{queued}")).await.expect(200);
    assert_eq!(shown.text("/delivery/state"), "failed");
    scene.world.pass(7 * 86_400 + 1);
    link_here.renew().await.refused(410, "invitation-revoked");
    portal.owner.give_role(pia, "admin").await.expect(200);
    link_here.renew().await.expect(202);
    scene.world.link("ben@bloom.example").await.accept().await.expect(201);
    scene.world.ledger().check();
}

#[tokio::test]
async fn who_is_a_member_of_the_partner_too_sponsors_as_the_member_that_they_are_there() {
    let Scene { world, portal, partner, sent, .. } = &scene().await;
    sent.invite("ben@bloom.example", "admin").await.expect(201);
    let link = world.link("ben@bloom.example").await;
    // invited by the partner itself, to less
    let own = partner.invite("pia@greenleaf.example", "sales_rep").await;
    own.link().await.accept().await.expect(201);
    link.accept().await.refused(410, "invitation-revoked");
    let less = Person { user: sent.user.clone(), ..partner.owner.clone() };
    partner.owner.give_role(&less, "admin").await.expect(200);
    partner.owner.suspend(&less).await.expect(200);
    link.accept().await.refused(409, "invitation-on-hold");
    // over, it is the portal's again
    partner.owner.remove(&less).await.expect(204);
    link.accept().await.expect(201);
    let ben = partner.owner.get("members?role=admin").await.expect(200).text("/items/0/user_id");
    let shown = partner.owner.get("access-review").await.expect(200).json();
    let ben = shown["items"].as_array().unwrap().iter().find(|one| one["user_id"] == json!(ben)).unwrap();
    let by = json!({"kind": "portal", "id": sent.user, "tenant": portal.tenant});
    assert_eq!(ben["granted_by"], by);
    world.ledger().check();
}

#[tokio::test]
async fn partners_are_counted_to_the_portal_and_to_who_sets_them_up() {
    let world = World::with([
        ("INVITATIONS_PER_HOUR", "2"),
        ("TENANT_MAILS_PER_DAY", "3"),
        ("ADDRESS_MAILS_OF_TENANT_PER_DAY", "1"),
    ])
    .await;
    let portal = world.team("Greenleaf").await;
    portal.owner.post("partners", organization("Bloom")).await.expect(202);
    // the same address again, under whatever name
    let again = json!({"name": "Other", "email": "owner@bloom.example", "first_name": "P", "last_name": "P"});
    portal.owner.post("partners", again).await.refused(429, "rate-limited");
    portal.owner.post("partners", organization("Fern")).await.expect(202);
    portal.owner.post("partners", organization("Moss")).await.refused(429, "rate-limited");
    world.pass(3_600);
    // the sign-up's own mail was the first of the day
    portal.owner.post("partners", organization("Moss")).await.refused(429, "rate-limited");
    assert_eq!(world.ledger().all("Tenant").len(), 3);
    for (body, pointer) in [
        (json!({"name": "", "email": "a@b.example", "first_name": "A", "last_name": "B"}), "/name"),
        (json!({"name": "A", "email": "a", "first_name": "A", "last_name": "B"}), "/email"),
    ] {
        let wrong = portal.owner.post("partners", body).await.refused(422, "validation");
        assert_eq!(wrong.text("/errors/0/pointer"), pointer);
    }
    world.ledger().check();
}

/// The calls of what is done through a portal: the facts, who asks, the transaction.
const THROUGH: usize = 3;
/// The calls of most others.
const OTHER: usize = 2;

fn invites(scene: &Scene) -> Operation<u16> {
    operation(&scene.sent, |sent| async move { sent.invite("ben@bloom.example", "member").await.status })
}

/// The portal's person does something while something ends: before it is done, or not at all.
async fn against(
    act: impl Fn(&Scene) -> Operation<u16>,
    end: impl Fn(&Scene) -> Operation<u16>,
    legal: [[u16; 2]; 2],
) {
    let set = scene().await;
    for order in interleavings(THROUGH, OTHER) {
        let scene = set.fork().await;
        let statuses = race(&order, vec![act(&scene), end(&scene)]).await;
        assert_eq!(statuses, legal[scene.world.wrote_first()], "{order:?}");
        scene.world.settle().await;
        scene.world.ledger().check();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_through_a_portal_against_its_end() {
    let ends = |scene: &Scene| -> Operation<u16> {
        let path = format!("partners/{}", scene.partner.tenant);
        operation(&scene.portal.owner, |owner| async move { owner.delete(&path).await.status })
    };
    against(invites, ends, [[201, 204], [404, 204]]).await;
    let leaves = |scene: &Scene| -> Operation<u16> {
        operation(&scene.partner.owner, |owner| async move { owner.delete("portal").await.status })
    };
    against(invites, leaves, [[201, 204], [404, 204]]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_through_a_portal_against_the_removal_of_who_invites() {
    let removes = |scene: &Scene| -> Operation<u16> {
        let both = (scene.portal.owner.clone(), scene.pia.clone());
        operation(&both, |(owner, pia)| async move { owner.remove(&pia).await.status })
    };
    against(invites, removes, [[201, 204], [404, 204]]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_through_a_portal_against_the_portals_suspension() {
    let suspends = |scene: &Scene| -> Operation<u16> {
        let order = json!({"operation": "suspend-tenant", "tenant": scene.portal.tenant, "suspended": true, "reason": "r"});
        operation(&scene.world, |world| async move { world.operate(order).await.map_or(400, |_| 200) })
    };
    against(invites, suspends, [[201, 200], [404, 200]]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_through_a_portal_against_the_suspension_of_who_gives_it() {
    let gives = |scene: &Scene| -> Operation<u16> {
        let both = (scene.sent.clone(), scene.ana.clone());
        operation(&both, |(sent, ana)| async move { sent.give_role(&ana, "admin").await.status })
    };
    let suspends = |scene: &Scene| -> Operation<u16> {
        let both = (scene.portal.owner.clone(), scene.pia.clone());
        operation(&both, |(owner, pia)| async move { owner.suspend(&pia).await.status })
    };
    against(gives, suspends, [[200, 200], [404, 200]]).await;
    let ends = |scene: &Scene| -> Operation<u16> {
        let path = format!("partners/{}", scene.partner.tenant);
        operation(&scene.portal.owner, |owner| async move { owner.delete(&path).await.status })
    };
    against(gives, ends, [[200, 204], [404, 204]]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_partner_against_the_suspension_of_who_sets_it_up_and_of_the_portal() {
    let set = scene().await;
    for of_portal in [false, true] {
        for order in interleavings(OTHER, OTHER) {
            let scene = set.fork().await;
            let sets_up: Operation<u16> = operation(&scene.pia, |pia| async move {
                pia.post("partners", organization("Fern")).await.status
            });
            let (world, owner, pia) = (scene.world.clone(), scene.portal.owner.clone(), scene.pia.clone());
            let suspends: Operation<u16> = operation(
                &(world, owner, pia),
                |(world, owner, pia)| async move {
                    if !of_portal {
                        return owner.suspend(&pia).await.status;
                    }
                    let tenant = &owner.tenant;
                    let order = json!({"operation": "suspend-tenant", "tenant": tenant, "suspended": true, "reason": "r"});
                    world.operate(order).await.map_or(400, |_| 200)
                },
            );
            let statuses = race(&order, vec![sets_up, suspends]).await;
            let legal = [[202, 200], [403, 200]][scene.world.wrote_first()];
            assert_eq!(statuses, legal, "{order:?}");
            scene.world.ledger().check();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_end_it_at_once() {
    let set = scene().await;
    for order in interleavings(OTHER, OTHER) {
        let scene = set.fork().await;
        let path = format!("partners/{}", scene.partner.tenant);
        let ends: Operation<u16> =
            operation(&scene.portal.owner, |owner| async move { owner.delete(&path).await.status });
        let leaves: Operation<u16> =
            operation(&scene.partner.owner, |owner| async move { owner.delete("portal").await.status });
        let statuses = race(&order, vec![ends, leaves]).await;
        assert_eq!(statuses, [[204, 404], [404, 204]][scene.world.wrote_first()], "{order:?}");
        assert_eq!(scene.world.ledger().count("Event", "type", "partner.ended"), 2, "{order:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acceptance_against_the_end_of_what_its_sponsor_rests_on() {
    let set = scene().await;
    set.sent.invite("ben@bloom.example", "member").await.expect(201);
    let link = set.world.link("ben@bloom.example").await;
    for suspends in [false, true] {
        // the token, the facts, the transaction
        for order in interleavings(3, OTHER) {
            let scene = set.fork().await;
            let accept: Operation<u16> =
                operation(&link.in_world(&scene.world), |link| async move { link.accept().await.status });
            let (world, owner) = (scene.world.clone(), scene.portal.owner.clone());
            let path = format!("partners/{}", scene.partner.tenant);
            let order_of = json!({"operation": "suspend-tenant", "tenant": scene.portal.tenant, "suspended": true, "reason": "r"});
            let end: Operation<u16> = operation(&(world, owner), |(world, owner)| async move {
                if suspends {
                    return world.operate(order_of).await.map_or(400, |_| 204);
                }
                owner.delete(&path).await.status
            });
            let statuses = race(&order, vec![accept, end]).await;
            let refused = if suspends { 409 } else { 410 };
            let legal = [[201, 204], [refused, 204]][scene.world.wrote_first()];
            assert_eq!(statuses, legal, "{order:?}");
            scene.world.ledger().check();
        }
    }
}
