//! What each operation asks of the table, once, where nothing is in its way: `tests/trips.txt`, an operation a row, which is
//! rendered here and held to the code. `UPDATE=1 cargo test -p stories trips` writes it anew, to be reviewed. What takes
//! more than two trips says why, in [`WHY`].

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use http::Method;
use local::Reply;
use serde_json::{Value, json};
use stories::{Invited, Link, PASSWORD, Person, ReplyExt as _, Team, Trips, World};
use web::Route;

const DAY: u64 = 86_400;

/// Why an operation takes more than two trips: what it has to know first, or more than one transaction can do.
const WHY: &[(&str, &str)] = &[
    (
        "Invite, through a portal",
        "who isn't a member here is looked up in the portal, which the tenant names",
    ),
    ("ListPartners", "the index finds them, the table has them"),
    ("AcceptInvitation", "address, brands and sponsor are known once the invitation is read"),
    ("RenewInvitation", "sponsor and brands are known once the invitation is read"),
    ("ListSeats", "members take seats, and invitations do: two lists"),
    ("ExportReview", "members are one list, decisions about them another"),
    ("CloseReview", "whoever nobody decided about is counted, through both lists"),
    ("AssignBrands", "brands that the member has may be gone"),
    ("AssignBrand", "brands that the member has may be gone"),
    ("SuspendMember", "brands that the member has may be gone"),
    ("ReinstateMember", "brands that the member has may be gone"),
    (
        "TransferOwnership",
        "a password is tried: counted twice before it is looked at, and not any more once it was right",
    ),
    (
        "CloseTenant",
        "a password is tried: counted twice before it is looked at, and not any more once it was right",
    ),
    (
        "SignIn",
        "a password is tried: counted twice before it is looked at, and not any more once it was right",
    ),
    ("ReadMe", "the index finds the teams, the table has them"),
    ("ChangeProfile", "the address names the teams that show the name"),
    (
        "ChangePassword",
        "a password is tried: counted twice before it is looked at, and not any more once it was right",
    ),
    (
        "AskForNewEmail",
        "a password is tried: counted twice before it is looked at, and not any more once it was right",
    ),
    ("ConfirmReset", "the link names the address, which names what it is of use for"),
    ("ConfirmNewEmail", "the link names the account, which names the address, which names its teams"),
    ("UndoNewEmail", "the link names the account, which names the address, which names its teams"),
    ("deliver invitation", "a send is claimed before it is begun, and noted when it is done"),
    ("deliver, reminder to follow", "a send is claimed before it is begun, and noted when it is done"),
    ("deliver password-changed", "a send is claimed before it is begun, and noted when it is done"),
    ("deliver password-reset", "a send is claimed before it is begun, and noted when it is done"),
    ("deliver email-proof", "a send is claimed before it is begun, and noted when it is done"),
    ("deliver email-changed", "a send is claimed before it is begun, and noted when it is done"),
    (
        "operate set-email-policy",
        "each member's address is looked at before and after, and changed by itself",
    ),
    ("operate transfer-ownership", "who owns the tenant so far is known once it is read"),
    ("operate send-password-reset", "what the account is of use for is known once the address is read"),
    ("operate remove-tenant", "one list after the other, a stretch at a time, the tenant last"),
    ("operate export-tenant", "the event that says so is written before anything is read"),
    ("operate import-tenant", "the tenant is there before what is in it, a stretch at a time"),
];

/// What is counted of an operation.
pub(super) struct Row {
    pub(super) operation: String,
    pub(super) trips: Trips,
}

/// Who and what the operations are done with.
pub(super) struct Scene {
    pub(super) world: World,
    /// The team in which they are done.
    pub(super) team: Team,
    /// A member of it.
    pub(super) ana: Person,
    adam: Person,
    leo: Person,
    /// Somebody whose account it is about. They are a member of the team.
    pub(super) peter: Person,
    /// A portal.
    pub(super) portal: Team,
    /// A partner of it: its owner, inside.
    pub(super) bloom: Person,
    /// The team of which a whole list is looked through.
    pub(super) shut: Team,
    /// A member of that.
    pub(super) mira: Person,
}

fn partner(name: &str, email: &str) -> Value {
    json!({"name": name, "email": email, "first_name": "P", "last_name": "P"})
}

impl Scene {
    /// Everybody is there, and nothing waits.
    pub(super) async fn set() -> Self {
        let world = World::new().await;
        world.wire().meter();
        let (team, portal) = (world.team("Acme").await, world.team("Greenleaf").await);
        let shut = world.team("Shut").await;
        let seats = json!({"operation": "set-plan", "tenant": team.tenant, "plan": "large", "seats": 900_000,
            "reason": "room for everybody"});
        world.operate(seats).await.unwrap();
        let ana = team.join("ana@acme.example", "member").await;
        let adam = team.join("adam@acme.example", "admin").await;
        let leo = team.join("leo@acme.example", "member").await;
        let peter = team.join("peter@mail.example", "member").await;
        let mira = shut.join("mira@shut.example", "member").await;
        let email = "owner@bloom.example";
        let id = portal.owner.post("partners", partner("Bloom", email)).await.expect(202).text("/tenant/id");
        let bloom = Person::of(&world.link(email).await, &id).await;
        world.settle().await;
        Self { world, team, ana, adam, leo, peter, portal, bloom, shut, mira }
    }

    /// Does each operation once.
    pub(super) async fn walk(&self) -> Vec<Row> {
        let mut walk = Walk { world: self.world.clone(), rows: Vec::new() };
        // a future of their own each: together they are more than a test's stack likes
        let brand = Box::pin(self.tenants(&mut walk)).await;
        let (ivy, quinn) = Box::pin(self.invitations(&mut walk)).await;
        Box::pin(self.members(&mut walk, &brand, &ivy)).await;
        Box::pin(self.reviews(&mut walk, &brand)).await;
        Box::pin(self.sessions(&mut walk)).await;
        Box::pin(self.addresses(&mut walk)).await;
        Box::pin(self.partners(&mut walk)).await;
        Box::pin(self.owners(&mut walk)).await;
        Box::pin(self.orders(&mut walk)).await;
        Box::pin(self.time(&mut walk, &quinn)).await;
        walk.rows
    }

    async fn tenants(&self, walk: &mut Walk) -> String {
        let (world, owner) = (&self.world, &self.team.owner);
        let body = partner("Brew", "bea@brew.example");
        walk.route(Route::SignUp, world.ask("POST", "/v1/tenants", None, &body)).await;
        walk.route(Route::ReadTenant, owner.get("")).await;
        walk.route(Route::ChangeTenant, owner.ask("PATCH", "", json!({"brand_colour": "#1f6f54"}))).await;
        let brand = walk.route(Route::CreateBrand, owner.create_brand("Sage")).await.text("/id");
        walk.route(Route::ListBrands, owner.get("brands")).await;
        let path = format!("brands/{brand}");
        walk.route(Route::ReadBrand, owner.get(&path)).await;
        walk.route(Route::RenameBrand, owner.ask("PATCH", &path, json!({"name": "Rue"}))).await;
        let check = json!({"permission": "tenant.read", "brand": brand});
        walk.route(Route::Check, owner.post("check", check)).await;
        brand
    }

    /// Answers somebody who joined, and the link of somebody whose time ends in a day.
    async fn invitations(&self, walk: &mut Walk) -> (Person, Link) {
        let (world, team, owner) = (&self.world, &self.team, &self.team.owner);
        let id = walk.route(Route::Invite, owner.invite("ivy@acme.example", "member")).await.text("/id");
        walk.stream("deliver invitation", "deliver").await;
        let (email, tenant) = ("ivy@acme.example".to_owned(), team.tenant.clone());
        let ivy = Invited { world: world.clone(), tenant, id, email };
        walk.route(Route::ReadInvitation, owner.look_at(&ivy)).await;
        walk.route(Route::ListInvitations, owner.get("invitations")).await;
        walk.route(Route::ResendInvitation, owner.resend(&ivy)).await;
        let link = ivy.link().await;
        walk.route(Route::PreviewInvitation, link.preview()).await;
        let accepted = walk.route(Route::AcceptInvitation, link.accept()).await;
        let ivy = Person {
            world: world.clone(),
            tenant: team.tenant.clone(),
            email: ivy.email,
            user: accepted.text("/member/user_id"),
            session: accepted.text("/session/token"),
        };
        let dora = team.invite("dora@acme.example", "member").await.link().await;
        walk.route(Route::DeclineInvitation, dora.decline()).await;
        let rolf = team.invite("rolf@acme.example", "member").await;
        walk.route(Route::RevokeInvitation, owner.revoke(&rolf)).await;
        for (address, kind, reason) in
            [("dele@acme.example", "delivery", ""), ("bo@acme.example", "bounce", "no such user")]
        {
            team.invite(address, "member").await.link().await;
            walk.feedback(address, kind, reason).await;
        }
        let quinn = json!({"email": "quinn@acme.example", "first_name": "Q", "last_name": "Q", "role": "member",
            "expires_in_days": 1});
        owner.post("invitations", quinn).await.expect(201);
        (ivy, world.link("quinn@acme.example").await)
    }

    async fn members(&self, walk: &mut Walk, brand: &str, ivy: &Person) {
        let (owner, ana) = (&self.team.owner, &self.ana);
        walk.route(Route::ListMembers, owner.get("members")).await;
        walk.route(Route::ReadOwnMember, owner.get("members/me")).await;
        let member = format!("members/{}", ana.user);
        walk.route(Route::ReadMember, owner.get(&member)).await;
        walk.route(Route::ListRoles, owner.get("roles")).await;
        walk.route(Route::ListSeats, owner.get("seats")).await;
        walk.route(Route::ListEvents, owner.get("events")).await;
        walk.route(Route::ReviewAccess, owner.get("access-review")).await;
        walk.route(Route::AssignRole, owner.give_role(ana, "sales_rep")).await;
        let list = format!("{member}/permissions");
        let only = json!({"permissions": ["tenant.read"]});
        walk.route(Route::AssignPermissions, owner.put(&list, only)).await;
        walk.route(Route::RestorePermissions, owner.delete(&list)).await;
        walk.route(Route::AssignBrands, owner.assign_brands(ana, json!([brand]))).await;
        walk.route(Route::UnassignBrand, owner.unassign_brand(ana, brand)).await;
        walk.route(Route::AssignBrand, owner.assign_brand(ana, brand)).await;
        walk.route(Route::SuspendMember, owner.suspend(ana)).await;
        walk.route(Route::ReinstateMember, owner.reinstate(ana)).await;
        walk.route(Route::RevokeMember, owner.remove(ivy)).await;
        walk.route(Route::LeaveTeam, self.leo.delete("members/me")).await;
    }

    async fn reviews(&self, walk: &mut Walk, brand: &str) {
        let owner = &self.team.owner;
        let id = walk.route(Route::OpenReview, owner.post("access-reviews", Value::Null)).await.text("/id");
        let path = format!("access-reviews/{id}");
        walk.route(Route::ListReviews, owner.get("access-reviews")).await;
        let decide = format!("{path}/members/{}", self.ana.user);
        let kept = json!({"decision": "kept", "reason": "needed"});
        walk.route(Route::DecideReview, owner.put(&decide, kept)).await;
        walk.route(Route::ReadReview, owner.get(&path)).await;
        walk.route(Route::DeleteBrand, owner.delete_brand(brand)).await;
        // these two look through the whole team
        let owner = &self.shut.owner;
        let id = owner.post("access-reviews", Value::Null).await.expect(201).text("/id");
        let path = format!("access-reviews/{id}");
        walk.route(Route::ExportReview, owner.get(&format!("{path}/export"))).await;
        walk.route(Route::CloseReview, owner.post(&format!("{path}/close"), Value::Null)).await;
    }

    async fn me(&self, session: &str, method: &str, path: &str, body: Value) -> Reply {
        self.world.ask(method, &format!("/v1/me{path}"), Some(session), &body).await
    }

    async fn sessions(&self, walk: &mut Walk) {
        let (world, peter) = (&self.world, &self.peter);
        let (email, session) = (peter.email.as_str(), peter.session.as_str());
        walk.route(Route::SignIn, world.sign_in(email, PASSWORD)).await;
        walk.route(Route::ReadMe, self.me(session, "GET", "", Value::Null)).await;
        let open = walk.route(Route::ListSessions, self.me(session, "GET", "/sessions", Value::Null)).await;
        let open = open.json();
        let other = open["items"].as_array().unwrap().iter().find(|one| one["current"] == false).unwrap();
        let other = format!("/sessions/{}", other["id"].as_str().unwrap());
        walk.route(Route::EndSession, self.me(session, "DELETE", &other, Value::Null)).await;
        let name = json!({"first_name": "Petra"});
        walk.route(Route::ChangeProfile, self.me(session, "PATCH", "", name)).await;
        let other = "another password that is long";
        let change = json!({"current_password": PASSWORD, "new_password": other});
        walk.route(Route::ChangePassword, self.me(session, "PUT", "/password", change)).await;
        walk.stream("deliver password-changed", "deliver").await;
        let ask = json!({ "email": email });
        walk.route(Route::AskForReset, world.ask("POST", "/v1/password-resets", None, &ask)).await;
        walk.stream("deliver password-reset", "deliver").await;
        let confirm = json!({"token": world.reset_token(email).await, "password": PASSWORD});
        let reset = world.ask("POST", "/v1/password-resets/confirm", None, &confirm);
        walk.route(Route::ConfirmReset, reset).await;
        let session = world.sign_in(email, PASSWORD).await.expect(201).text("/session/token");
        let out = world.ask("DELETE", "/v1/sessions/current", Some(&session), &Value::Null);
        walk.route(Route::SignOut, out).await;
        let session = world.sign_in(email, PASSWORD).await.expect(201).text("/session/token");
        walk.route(Route::EndSessions, self.me(&session, "DELETE", "/sessions", Value::Null)).await;
    }

    async fn addresses(&self, walk: &mut Walk) {
        let (world, old, new) = (&self.world, self.peter.email.as_str(), "petra@mail.example");
        let session = world.sign_in(old, PASSWORD).await.expect(201).text("/session/token");
        let ask = json!({"email": new, "password": PASSWORD});
        walk.route(Route::AskForNewEmail, self.me(&session, "POST", "/email", ask)).await;
        walk.stream("deliver email-proof", "deliver").await;
        let proof = json!({"token": world.email_token(new, "confirm").await});
        let confirm = world.ask("POST", "/v1/email-changes/confirm", None, &proof);
        walk.route(Route::ConfirmNewEmail, confirm).await;
        walk.stream("deliver email-changed", "deliver").await;
        let back = json!({"token": world.email_token(old, "undo").await});
        walk.route(Route::UndoNewEmail, world.ask("POST", "/v1/email-changes/undo", None, &back)).await;
    }

    async fn partners(&self, walk: &mut Walk) {
        let (owner, email) = (&self.portal.owner, "owner@fern.example");
        walk.route(Route::ListPartners, owner.get("partners")).await;
        let made = walk.route(Route::CreatePartner, owner.post("partners", partner("Fern", email))).await;
        let fern = made.text("/tenant/id");
        self.world.link(email).await.accept().await.expect(201);
        let there = owner.inside(&self.bloom.tenant);
        let invite = there.invite("ben@bloom.example", "member");
        walk.named("Invite, through a portal", Route::Invite, invite).await;
        walk.route(Route::EndPartner, owner.delete(&format!("partners/{fern}"))).await;
        walk.route(Route::LeavePortal, self.bloom.delete("portal")).await;
    }

    /// The team gets another owner, who closes it.
    async fn owners(&self, walk: &mut Walk) {
        let (owner, adam) = (&self.team.owner, &self.adam);
        let transfer = json!({"to": adam.user, "password": PASSWORD});
        walk.route(Route::TransferOwnership, owner.post("transfer", transfer)).await;
        let close = json!({ "password": PASSWORD });
        walk.route(Route::CloseTenant, adam.post("close", close)).await;
    }

    async fn orders(&self, walk: &mut Walk) {
        let (tenant, whole) = (self.team.tenant.as_str(), self.shut.tenant.as_str());
        let mut suspended =
            json!({"operation": "suspend-tenant", "tenant": tenant, "suspended": true, "reason": "r"});
        for order in
            [json!({"operation": "reopen-tenant", "tenant": tenant, "reason": "r"}), suspended.clone()]
        {
            walk.order(order).await;
        }
        suspended["suspended"] = false.into();
        self.world.operate(suspended).await.unwrap();
        for order in [
            json!({"operation": "create-tenant", "name": "Thyme", "email": "t@thyme.example", "first_name": "T",
                "last_name": "T", "reason": "r"}),
            json!({"operation": "set-plan", "tenant": tenant, "plan": "larger", "seats": 900_001, "reason": "r"}),
            json!({"operation": "transfer-ownership", "tenant": tenant, "to": self.team.owner.user, "reason": "r"}),
            json!({"operation": "release-email", "email": "ivy@acme.example", "reason": "r"}),
            json!({"operation": "lift-suppression", "email": "bo@acme.example", "reason": "r"}),
            json!({"operation": "send-password-reset", "email": self.peter.email, "reason": "r"}),
            json!({"operation": "mail-status", "email": self.peter.email}),
            json!({"operation": "export-tenant", "tenant": tenant, "reason": "r"}),
            // this looks through the whole team
            json!({"operation": "set-email-policy", "tenant": whole, "email_policy": "exclusive", "reason": "r"}),
        ] {
            walk.order(order).await;
        }
        // the first page of what another deployment exports
        let elsewhere = World::new().await;
        let other = elsewhere.team("Basil").await;
        other.brand("Basil").await;
        let export = json!({"operation": "export-tenant", "tenant": other.tenant, "reason": "r"});
        let page = elsewhere.operate(export).await.unwrap();
        walk.order(json!({"operation": "import-tenant", "page": page, "reason": "r"})).await;
    }

    /// What ends by itself, and after thirty days.
    async fn time(&self, walk: &mut Walk, quinn: &Link) {
        let (world, tenant) = (&self.world, self.shut.tenant.as_str());
        // somebody whom the portal invites is to be reminded, and is
        let owner = &self.portal.owner;
        owner.ask("PATCH", "", json!({"reminder_days": 5})).await.expect(200);
        owner.invite("remy@mail.example", "member").await.expect(201);
        walk.stream("deliver, reminder to follow", "deliver").await;
        let ledger = world.ledger();
        let due = &ledger.all("Reminder")[0];
        let of = |name: &str| due[name]["S"].as_str().unwrap();
        let due = stories::reminder_due(of("tenant_id"), of("invitation_id"), 1);
        let event = stories::batch([&due]);
        world.stack().invoke("expire", event, String::new()).await.unwrap();
        walk.note_of("expire, a reminder", "expire");
        self.shut.owner.post("close", json!({ "password": PASSWORD })).await.expect(200);
        world.settle().await;
        world.pass(DAY + 1);
        world.wire().take_sent();
        world.stack().sweep().await.unwrap();
        walk.note_of("expire", "expire");
        walk.route(Route::RenewInvitation, quinn.renew()).await;
        world.pass(30 * DAY);
        walk.order(json!({"operation": "remove-tenant", "tenant": tenant, "reason": "r"})).await;
    }
}

/// The operations as they are done, and what each took.
struct Walk {
    world: World,
    rows: Vec<Row>,
}

impl Walk {
    /// Takes down what was called since it was last asked.
    fn note(&mut self, operation: &str) {
        let trips = Trips::of(&self.world.wire().take_sent());
        self.rows.push(Row { operation: operation.to_owned(), trips });
    }

    /// The same, of one function's calls.
    fn note_of(&mut self, operation: &str, function: &str) {
        let mut calls = self.world.wire().take_sent();
        calls.retain(|call| call.function == function);
        self.rows.push(Row { operation: operation.to_owned(), trips: Trips::of(&calls) });
    }

    /// Waits until nothing is under way.
    async fn quiet(&self) {
        self.world.settle().await;
        self.world.wire().take_sent();
    }

    /// Asks a route once.
    async fn route(&mut self, route: Route, ask: impl Future<Output = Reply>) -> Reply {
        self.named(&format!("{route:?}"), route, ask).await
    }

    /// The same, under another name.
    async fn named(&mut self, name: &str, route: Route, ask: impl Future<Output = Reply>) -> Reply {
        self.quiet().await;
        let reply = ask.await;
        let (method, path) = self.world.asked().pop().unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        assert_eq!(Route::find(&method, &path), Some(route), "{method} {path}");
        assert!(reply.status < 300, "{name}: {}", String::from_utf8_lossy(&reply.body));
        self.note(name);
        reply
    }

    /// Gives an order once.
    async fn order(&mut self, order: Value) {
        let name = format!("operate {}", order["operation"].as_str().unwrap());
        self.quiet().await;
        self.world.operate(order).await.unwrap_or_else(|why| panic!("{name}: {why}"));
        self.note(&name);
    }

    /// Lets a function have what waits for it in the stream.
    async fn stream(&mut self, name: &str, function: &str) {
        self.world.wire().take_sent();
        self.world.settle().await;
        self.note_of(name, function);
    }

    /// Lets SES say something of a mail.
    async fn feedback(&mut self, address: &str, kind: &str, reason: &str) {
        self.quiet().await;
        self.world.stack().feedback(address, kind, reason).await.unwrap();
        self.note(&format!("feedback {kind}"));
    }
}

/// Lines of a table, each cell but the last as wide as its column.
pub(super) fn aligned<const N: usize>(lines: &[[String; N]]) -> String {
    let mut text = String::new();
    for line in lines {
        for (column, cell) in line.iter().enumerate() {
            if column + 1 == N {
                text.push_str(cell);
            } else {
                let width = lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
                write!(text, "{cell:width$}  ").unwrap();
            }
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// Holds a file of this folder to what was found; `UPDATE=1` writes it anew.
///
/// # Panics
/// With the lines that differ.
pub(super) fn hold(name: &str, found: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(file, found).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    let of = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<String>>();
    let (before, now) = (of(&kept), of(found));
    let gone = before.difference(&now).map(|line| format!("- {line}\n"));
    let new = now.difference(&before).map(|line| format!("+ {line}\n"));
    let differing: String = gone.chain(new).collect();
    assert!(kept == found, "tests/{name} is not what is asked; run with UPDATE=1 and review\n{differing}");
}

fn rendered(rows: &[Row]) -> String {
    let head = ["operation", "trips", "read", "write", "index", "what is read", "what is written"];
    let mut lines = vec![head.map(str::to_owned)];
    lines.extend(rows.iter().map(|Row { operation, trips }| {
        let [count, read, write, index] = trips.numbers();
        [operation.clone(), count, read, write, index, trips.read(), trips.written()]
    }));
    let why: Vec<_> =
        WHY.iter().map(|(operation, why)| [(*operation).to_owned(), (*why).to_owned()]).collect();
    format!(
        "# What each operation asks of the table, once, where nothing is in its way. Rendered by `cargo test -p stories trips`;\n\
         # UPDATE=1 writes it anew.\n\
         #\n\
         # trips: calls that read + calls that write; where one doesn't need another, they go out at once.\n\
         # read: units, one for each item up to 4 KB that is read, there or not; of a page one for each 4 KB together, of the\n\
         #   index half of that.\n\
         # write: units, one for each item up to 1 KB that is written by a call of its own; in a transaction two, a condition\n\
         #   alone too.\n\
         # index: units for the entries that the written items have in the index, had, or get.\n\
         # what: `;` between calls, `2 Brand` for two.\n\n\
         {}\n# Why more than two trips\n\n{}",
        aligned(&lines),
        aligned(&why)
    )
}

/// Everything that there is to ask for.
fn all() -> BTreeSet<String> {
    let routes = Route::ALL.iter().filter(|route| route.function() != "console");
    let mut all: BTreeSet<String> = routes.map(|route| format!("{route:?}")).collect();
    let schema: Value = serde_json::from_str(include_str!("../../infra/schemas/operate.json")).unwrap();
    all.extend(
        schema["oneOf"]
            .as_array()
            .unwrap()
            .iter()
            .map(|order| format!("operate {}", order["$ref"].as_str().unwrap().rsplit('/').next().unwrap())),
    );
    all.extend(
        [
            "Invite, through a portal",
            "deliver invitation",
            "deliver, reminder to follow",
            "deliver password-changed",
            "deliver password-reset",
            "deliver email-proof",
            "deliver email-changed",
            "expire",
            "expire, a reminder",
            "feedback delivery",
            "feedback bounce",
        ]
        .map(str::to_owned),
    );
    all
}

#[tokio::test]
async fn each_operation_takes_the_trips_and_units_that_the_table_says() {
    let rows = Scene::set().await.walk().await;
    hold("trips.txt", &rendered(&rows));
    let walked: BTreeSet<String> = rows.iter().map(|row| row.operation.clone()).collect();
    assert_eq!(walked.len(), rows.len(), "an operation a row");
    assert_eq!(walked, all(), "what was asked on the left, what there is on the right");
    // a trip too many has its reason, and there is none for what has none
    let many: BTreeSet<&str> =
        rows.iter().filter(|row| row.trips.count() > 2).map(|row| row.operation.as_str()).collect();
    let explained: BTreeSet<&str> = WHY.iter().map(|(operation, _)| *operation).collect();
    let unexplained: Vec<_> = many.difference(&explained).collect();
    let superfluous: Vec<_> = explained.difference(&many).collect();
    assert!(
        unexplained.is_empty() && superfluous.is_empty(),
        "more than two trips without a reason: {unexplained:?}; a reason for no more than two: {superfluous:?}"
    );
    let nothing: Vec<_> =
        rows.iter().filter(|row| row.trips.count() == 0).map(|row| &row.operation).collect();
    assert!(nothing.is_empty(), "nothing was asked by {nothing:?}");
}
