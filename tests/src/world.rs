use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, LazyLock, Mutex, Once};
use std::time::Duration;

use local::{Call, LocalClock, Options, Reply, Stack};
use model::Timestamp;
use runtime::metrics::Metric;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tracing_subscriber::prelude::*;

use crate::{Ledger, Wire, contract};

/// The password that everybody chooses who isn't asked about it.
pub const PASSWORD: &str = "correct horse battery staple";

/// 2026-11-22T09:00:00Z, where every clock begins.
pub const START: Timestamp = Timestamp::from_unix_millis(1_795_338_000_000);

const TEMPLATE: &str = include_str!("../../template.yaml");

/// Everything that was logged by anybody in this process.
static LOG: LazyLock<Arc<Mutex<Vec<u8>>>> = LazyLock::new(Arc::default);

/// How far the log goes that all worlds write together.
#[must_use]
pub fn logged() -> usize {
    LOG.lock().unwrap().len()
}

/// What all worlds together have logged since it went so far, at the finest level that a deployment can be set to.
#[must_use]
pub fn logs_since(begun: usize) -> String {
    String::from_utf8_lossy(&LOG.lock().unwrap()[begun..]).into_owned()
}

struct Tee;

impl io::Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let filter = runtime::log::filter(tracing_subscriber::filter::LevelFilter::TRACE);
        tracing_subscriber::registry().with(runtime::log::lines(|| Tee).with_filter(filter)).init();
    });
}

/// A whole stack, and what was seen in it.
#[derive(Clone)]
pub struct World {
    stack: Arc<Stack>,
    wire: Wire,
    seen: Arc<Mutex<Vec<Reply>>>,
    asked: Arc<Mutex<Vec<(String, String)>>>,
    keyed: bool,
    breaks: bool,
    source: Option<String>,
    /// The id of the last event that was published and held to its schema.
    told: Arc<Mutex<String>>,
}

/// The stack of the template with nothing in it: every world begins as a copy, since reading a template takes longer than that.
static FIRST: OnceCell<Stack> = OnceCell::const_new();

fn options(template: &str, wire: &Wire) -> Options {
    Options {
        template: template.to_owned(),
        parameters: BTreeMap::from([
            ("ConsoleOrigin", "https://team.example.com".to_owned()),
            ("MailFrom", "Muster <no-reply@muster.example>".to_owned()),
            ("OpenSignUp", "true".to_owned()),
            // what is noted behind an answer would be counted now and then
            ("UseSampling", "0".to_owned()),
            // the clock stands still, and nobody waits
            ("MailsPerSecond", "1000000".to_owned()),
        ]),
        // thousands of them are hashed here
        settings: BTreeMap::from([("PASSWORD_COST", "m=64,t=1,p=1".to_owned())]),
        clock: LocalClock::frozen_at(START),
        data: None,
        table_port: 0,
        mail_port: 0,
        http_client: Some(wire.clients()),
        functions_url: None,
        observer: None,
    }
}

/// Short questions about an answer.
pub trait ReplyExt {
    /// The problem's code; empty where there is no problem.
    fn code(&self) -> String;
    /// The text at a JSON pointer; empty where there is none.
    fn text(&self, pointer: &str) -> String;
    /// The answer, which has to have this status.
    fn expect(self, status: u16) -> Self;
    /// The answer, which has to be a problem of this status and code.
    fn refused(self, status: u16, code: &str) -> Self;
}

impl ReplyExt for Reply {
    fn code(&self) -> String {
        self.text("/code")
    }

    fn text(&self, pointer: &str) -> String {
        self.json().pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    #[track_caller]
    fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    #[track_caller]
    fn refused(self, status: u16, code: &str) -> Self {
        let reply = self.expect(status);
        assert_eq!(reply.code(), code, "{}", String::from_utf8_lossy(&reply.body));
        assert_eq!(reply.headers["content-type"], "application/problem+json");
        assert_eq!(reply.headers["cache-control"], "no-store");
        reply
    }
}

impl World {
    /// With the template's settings and anybody free to sign up.
    pub async fn new() -> Self {
        Self::with([]).await
    }

    /// With other settings.
    pub async fn with<const N: usize>(settings: [(&'static str, &str); N]) -> Self {
        Self::with_settings(settings.into_iter().map(|(name, value)| (name, value.to_owned())).collect())
            .await
    }

    /// The same, with settings that are worked out.
    ///
    /// # Panics
    /// When the stack can't be started.
    pub async fn with_settings(settings: BTreeMap<&'static str, String>) -> Self {
        listen();
        let first =
            FIRST.get_or_init(async || Stack::start(options(TEMPLATE, &Wire::default())).await.unwrap());
        let wire = Wire::default();
        let stack = first.await.fork(Some(wire.clients()), settings).await.unwrap();
        Self::of(stack, wire)
    }

    /// With room for somebody in dozens of teams.
    pub async fn of_many_teams() -> Self {
        Self::with([("ADDRESS_MAILS_PER_DAY", "200"), ("SIGN_UPS_OF_SOURCE_PER_HOUR", "200")]).await
    }

    /// From another template. Answers why it can't be.
    pub async fn start_with(template: String) -> Result<Self, String> {
        listen();
        let wire = Wire::default();
        let stack = Stack::start(options(&template, &wire)).await.map_err(|e| e.to_string())?;
        Ok(Self::of(stack, wire))
    }

    fn of(stack: Stack, wire: Wire) -> Self {
        let stack = Arc::new(stack);
        wire.hold_to_second_engine(&stack);
        Self {
            stack,
            wire,
            seen: Arc::default(),
            asked: Arc::default(),
            keyed: false,
            breaks: false,
            source: None,
            told: Arc::default(),
        }
    }

    /// A world of its own that goes on from where this one is, so that a scene is set once and played many times.
    ///
    /// # Panics
    /// When the table can't be copied.
    pub async fn fork(&self) -> Self {
        self.fork_under(BTreeMap::new()).await
    }

    /// The same, its functions with these settings besides those that they have.
    ///
    /// # Panics
    /// When the table can't be copied.
    pub async fn fork_under(&self, settings: BTreeMap<&'static str, String>) -> Self {
        let wire = Wire::default();
        let stack = Arc::new(self.stack.fork(Some(wire.clients()), settings).await.unwrap());
        wire.hold_to_second_engine(&stack);
        let told = Arc::new(Mutex::new(self.told.lock().unwrap().clone()));
        Self { stack, wire, seen: Arc::default(), asked: Arc::default(), told, ..self.clone() }
    }

    /// The same world, every POST with an `Idempotency-Key` of its own.
    #[must_use]
    pub fn keyed(self) -> Self {
        Self { keyed: true, ..self }
    }

    /// The same world, asked from another address.
    #[must_use]
    pub fn from(&self, address: &str) -> Self {
        Self { source: Some(address.to_owned()), ..self.clone() }
    }

    /// The same world, in which something is broken behind everybody's back: a 5xx is an answer to expect.
    #[must_use]
    pub fn where_things_break(self) -> Self {
        Self { breaks: true, ..self }
    }

    /// The stack.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The way to the table.
    #[must_use]
    pub const fn wire(&self) -> &Wire {
        &self.wire
    }

    /// Every answer that was given.
    #[must_use]
    pub fn seen(&self) -> Vec<Reply> {
        self.seen.lock().unwrap().clone()
    }

    /// What was asked, as methods and paths; of the operator's orders, `operate` and which.
    #[must_use]
    pub fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().unwrap().clone()
    }

    /// Which of several operations at once was written first: it decides what is legal.
    ///
    /// # Panics
    /// When none wrote a transaction.
    #[must_use]
    pub fn wrote_first(&self) -> usize {
        let calls = self.wire.take_sent();
        let writes = calls.iter().filter(|call| call.done && call.operation == "TransactWriteItems");
        writes.filter_map(|call| call.racer).next().expect("somebody who wrote")
    }

    /// Lets time pass. Nothing is swept by that.
    pub fn pass(&self, seconds: u64) {
        self.stack.clock().advance(Duration::from_secs(seconds));
    }

    /// Lets everything happen that follows from what was done, until nothing is left but what goes on failing.
    pub async fn settle(&self) {
        self.stack.settle().await.unwrap();
        let published = self.stack.published();
        let mut told = self.told.lock().unwrap();
        let new = published.iter().rev().take_while(|event| event["id"] != told.as_str());
        new.for_each(contract::hold_published);
        if let Some(last) = published.last() {
            last["id"].as_str().unwrap().clone_into(&mut told);
        }
    }

    pub(crate) fn shared_stack(&self) -> Arc<Stack> {
        Arc::clone(&self.stack)
    }

    /// How often the functions counted this.
    #[must_use]
    pub fn counted(&self, metric: Metric) -> u64 {
        self.stack.counted(metric)
    }

    /// What is stored.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        Ledger::of(self.stack.items().unwrap())
    }

    /// Sends any request.
    pub async fn call(&self, call: Call) -> Reply {
        let (method, path) = (call.method.clone(), call.path.clone());
        self.asked.lock().unwrap().push((method.clone(), path.clone()));
        let mut reply = self.stack.call(call).await.unwrap();
        contract::hold(&method, &path, &reply);
        // each answer's own: who compares two of them compares the rest
        let id = reply.headers.remove(Reply::REQUEST_ID).expect("what the gateway calls the request");
        let told = reply.text("/request_id");
        assert!(
            told.is_empty() || told == id,
            "{method} {path}: the problem names the request {told}, not {id}"
        );
        assert!(reply.status < 500 || self.may_break(), "{}", String::from_utf8_lossy(&reply.body));
        self.seen.lock().unwrap().push(reply.clone());
        reply
    }

    /// Whether a story has broken something, so that a 5xx is an answer to expect.
    fn may_break(&self) -> bool {
        self.breaks || self.wire.has_faults()
    }

    /// Sends JSON, in a session or without.
    pub async fn ask(&self, method: &str, path: &str, session: Option<&str>, body: &Value) -> Reply {
        self.ask_with(method, path, session, body, &[]).await
    }

    /// The same, with more headers.
    pub async fn ask_with(
        &self,
        method: &str,
        path: &str,
        session: Option<&str>,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Reply {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut all = vec![("content-type".to_owned(), "application/json".to_owned())];
        all.extend(session.map(|token| ("authorization".to_owned(), format!("Bearer {token}"))));
        all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        if self.keyed && method == "POST" {
            let n = self.seen.lock().unwrap().len();
            all.push(("idempotency-key".to_owned(), format!("key number {n}")));
        }
        let body = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).unwrap() };
        let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
        self.call(Call { method, path, query, headers: all, body, source: self.source.clone() }).await
    }

    /// The token in the newest mail to an address.
    ///
    /// # Panics
    /// When no mail came.
    pub async fn token(&self, email: &str) -> String {
        self.settle().await;
        let mail = self.stack.mailbox().to(Some(email)).pop().unwrap_or_else(|| panic!("no mail to {email}"));
        let link = mail.link.expect("a link in the mail");
        let (page, token) = link.split_once('#').expect("a fragment");
        assert_eq!(page, "https://team.example.com/accept");
        token.to_owned()
    }

    /// The token of the password reset in the newest mail to an address.
    ///
    /// # Panics
    /// When no mail came, or the newest one is another.
    pub async fn reset_token(&self, email: &str) -> String {
        self.settle().await;
        let mail = self.stack.mailbox().to(Some(email)).pop().unwrap_or_else(|| panic!("no mail to {email}"));
        let link = mail.link.unwrap_or_else(|| panic!("a mail without a link: {}", mail.text));
        link.strip_prefix("https://team.example.com/reset#").unwrap_or_else(|| panic!("{link}")).to_owned()
    }

    /// The token in the newest mail to an address, which carries a link that confirms or undoes a change of address.
    ///
    /// # Panics
    /// When there is none.
    pub async fn email_token(&self, email: &str, verb: &str) -> String {
        self.settle().await;
        let prefix = format!("https://team.example.com/email#{verb}.");
        let mut links = self.stack.mailbox().to(Some(email)).into_iter().filter_map(|mail| mail.link);
        let newest = links.rfind(|link| link.starts_with(&prefix));
        newest.unwrap_or_else(|| panic!("no link to {verb} to {email}")).split_off(prefix.len())
    }

    /// The link in the newest mail to an address.
    pub async fn link(&self, email: &str) -> Link {
        Link { world: self.clone(), token: self.token(email).await }
    }

    /// Asks a public route of an invitation.
    pub async fn invitation(&self, verb: &str, body: Value) -> Reply {
        self.ask("POST", &format!("/v1/invitations/{verb}"), None, &body).await
    }

    /// Signs in.
    pub async fn sign_in(&self, email: &str, password: &str) -> Reply {
        self.ask("POST", "/v1/sessions", None, &json!({"email": email, "password": password})).await
    }

    /// Invokes `operate`. Answers what it answers, or why it refused.
    pub async fn operate(&self, order: Value) -> Result<Value, String> {
        let which = order["operation"].as_str().unwrap_or_default().to_owned();
        self.asked.lock().unwrap().push(("operate".to_owned(), which));
        let event = serde_json::to_vec(&order).unwrap();
        let answer = self.stack.invoke("operate", event, "an invocation".to_owned()).await;
        answer.map(|answer| serde_json::from_slice(&answer).unwrap()).map_err(|e| e.to_string())
    }

    /// Signs an organization up; nobody has confirmed it yet. Answers the tenant's id.
    pub async fn sign_up(&self, name: &str, email: &str) -> String {
        let body = json!({"name": name, "email": email, "first_name": "Olive", "last_name": "Owner"});
        self.ask("POST", "/v1/tenants", None, &body).await.expect(202).text("/tenant/id")
    }

    /// An organization with its owner, `owner@<name>.example`.
    pub async fn team(&self, name: &str) -> Team {
        let email = format!("owner@{}.example", name.to_lowercase());
        let tenant = self.sign_up(name, &email).await;
        let owner = Person::accepting(self, &tenant, &email).await;
        Team { world: self.clone(), tenant, owner }
    }

    /// So many teams, each a second after the one before, and a member of all of them, signed in as they are in the last: their
    /// sessions are never more than twelve.
    ///
    /// # Panics
    /// Without a team.
    pub async fn member_of(&self, teams: usize, email: &str) -> (Vec<Team>, Person) {
        let (mut all, mut newest) = (Vec::with_capacity(teams), None);
        for n in 0..teams {
            let team = self.team(&format!("Team{n}")).await;
            newest = Some(team.join(email, "member").await);
            all.push(team);
            self.pass(1);
        }
        (all, newest.unwrap())
    }
}

/// A tenant and its owner.
#[derive(Clone)]
pub struct Team {
    /// Where it is.
    pub world: World,
    /// Its id.
    pub tenant: String,
    /// Its owner.
    pub owner: Person,
}

/// Somebody signed in, inside one tenant.
#[derive(Clone)]
pub struct Person {
    /// Where they are.
    pub world: World,
    /// The tenant that they act in.
    pub tenant: String,
    /// Their address.
    pub email: String,
    /// Their id.
    pub user: String,
    /// Their session.
    pub session: String,
}

/// Somebody who was invited and hasn't answered.
#[derive(Clone)]
pub struct Invited {
    /// Where.
    pub world: World,
    /// The tenant.
    pub tenant: String,
    /// The invitation's id.
    pub id: String,
    /// Their address.
    pub email: String,
}

/// An emailed link. As JSON, its token.
#[derive(Clone)]
pub struct Link {
    /// Where.
    pub world: World,
    /// Its token.
    pub token: String,
}

impl Serialize for Link {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.token.serialize(serializer)
    }
}

impl Link {
    async fn ask(&self, verb: &str, more: Value) -> Reply {
        let mut body = json!({ "token": self.token });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.world.invitation(verb, body).await
    }

    /// Looks at what it is for.
    pub async fn preview(&self) -> Reply {
        self.ask("preview", json!({})).await
    }

    /// Accepts, with everybody's password.
    pub async fn accept(&self) -> Reply {
        self.accept_with(json!({ "password": PASSWORD })).await
    }

    /// Accepts, with these fields.
    pub async fn accept_with(&self, fields: Value) -> Reply {
        self.ask("accept", fields).await
    }

    /// Turns it down.
    pub async fn decline(&self) -> Reply {
        self.ask("decline", json!({})).await
    }

    /// Asks for a fresh one.
    pub async fn renew(&self) -> Reply {
        self.ask("renew", json!({})).await
    }

    /// The same link in another world.
    #[must_use]
    pub fn in_world(&self, world: &World) -> Self {
        Self { world: world.clone(), ..self.clone() }
    }
}

/// The body of an invitation.
fn invitation(email: &str, role: &str) -> Value {
    json!({"email": email, "first_name": "Ina", "last_name": "Invited", "role": role})
}

impl Team {
    /// The owner invites somebody.
    pub async fn invite(&self, email: &str, role: &str) -> Invited {
        let reply = self.owner.invite(email, role).await.expect(201);
        Invited {
            world: self.world.clone(),
            tenant: self.tenant.clone(),
            id: reply.text("/id"),
            email: email.to_owned(),
        }
    }

    /// The owner invites somebody, who accepts.
    pub async fn join(&self, email: &str, role: &str) -> Person {
        self.invite(email, role).await.accept().await
    }

    /// The same team in another world.
    #[must_use]
    pub fn in_world(&self, world: &World) -> Self {
        Self { world: world.clone(), owner: self.owner.in_world(world), ..self.clone() }
    }

    /// The owner makes a brand. Answers its id.
    pub async fn brand(&self, name: &str) -> String {
        self.owner.create_brand(name).await.expect(201).text("/id")
    }
}

impl Invited {
    /// Opens the link in the newest mail and accepts.
    pub async fn accept(&self) -> Person {
        Person::accepting(&self.world, &self.tenant, &self.email).await
    }

    /// The token in the newest mail.
    pub async fn token(&self) -> String {
        self.world.token(&self.email).await
    }

    /// The link in the newest mail.
    pub async fn link(&self) -> Link {
        self.world.link(&self.email).await
    }

    /// The same invitation in another world.
    #[must_use]
    pub fn in_world(&self, world: &World) -> Self {
        Self { world: world.clone(), ..self.clone() }
    }
}

impl Person {
    async fn accepting(world: &World, tenant: &str, email: &str) -> Self {
        Self::of(&world.link(email).await, tenant).await
    }

    /// Who accepts this link.
    pub async fn of(link: &Link, tenant: &str) -> Self {
        let reply = link.accept().await.expect(201);
        Self {
            world: link.world.clone(),
            tenant: tenant.to_owned(),
            email: reply.text("/member/email"),
            user: reply.text("/member/user_id"),
            session: reply.text("/session/token"),
        }
    }

    /// The same person, acting in another tenant.
    #[must_use]
    pub fn inside(&self, tenant: &str) -> Self {
        Self { tenant: tenant.to_owned(), ..self.clone() }
    }

    /// The same person in another world.
    #[must_use]
    pub fn in_world(&self, world: &World) -> Self {
        Self { world: world.clone(), ..self.clone() }
    }

    /// Sends a request about the tenant: `members`, `invitations/…`; the tenant itself for an empty path.
    pub async fn ask(&self, method: &str, path: &str, body: Value) -> Reply {
        self.ask_with(method, path, body, &[]).await
    }

    /// The same, with more headers.
    pub async fn ask_with(&self, method: &str, path: &str, body: Value, headers: &[(&str, &str)]) -> Reply {
        let slash = if path.is_empty() || path.starts_with('?') { "" } else { "/" };
        let path = format!("/v1/tenants/{}{slash}{path}", self.tenant);
        self.world.ask_with(method, &path, Some(&self.session), &body, headers).await
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, Value::Null).await
    }

    /// POST.
    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.ask("POST", path, body).await
    }

    /// PUT.
    pub async fn put(&self, path: &str, body: Value) -> Reply {
        self.ask("PUT", path, body).await
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Reply {
        self.ask("DELETE", path, Value::Null).await
    }

    /// Invites somebody.
    pub async fn invite(&self, email: &str, role: &str) -> Reply {
        self.post("invitations", invitation(email, role)).await
    }

    /// Sends an invitation again.
    pub async fn resend(&self, invited: &Invited) -> Reply {
        self.post(&format!("invitations/{}/resend", invited.id), Value::Null).await
    }

    /// Takes an invitation back.
    pub async fn revoke(&self, invited: &Invited) -> Reply {
        self.delete(&format!("invitations/{}", invited.id)).await
    }

    /// Looks at an invitation.
    pub async fn look_at(&self, invited: &Invited) -> Reply {
        self.get(&format!("invitations/{}", invited.id)).await
    }

    /// Gives a member another role.
    pub async fn give_role(&self, member: &Self, role: &str) -> Reply {
        self.put(&format!("members/{}/role", member.user), json!({ "role": role })).await
    }

    /// Assigns a member to these brands and no others: ids, or `"all"`.
    pub async fn assign_brands(&self, member: &Self, brands: Value) -> Reply {
        self.put(&format!("members/{}/brands", member.user), json!({ "brands": brands })).await
    }

    /// Assigns a member to one more brand.
    pub async fn assign_brand(&self, member: &Self, brand: &str) -> Reply {
        self.put(&format!("members/{}/brands/{brand}", member.user), Value::Null).await
    }

    /// Takes a brand from a member.
    pub async fn unassign_brand(&self, member: &Self, brand: &str) -> Reply {
        self.delete(&format!("members/{}/brands/{brand}", member.user)).await
    }

    /// Switches a member off.
    pub async fn suspend(&self, member: &Self) -> Reply {
        self.post(&format!("members/{}/suspend", member.user), Value::Null).await
    }

    /// Switches a member on again.
    pub async fn reinstate(&self, member: &Self) -> Reply {
        self.post(&format!("members/{}/reinstate", member.user), Value::Null).await
    }

    /// Ends a membership.
    pub async fn remove(&self, member: &Self) -> Reply {
        self.delete(&format!("members/{}", member.user)).await
    }

    /// Makes a brand.
    pub async fn create_brand(&self, name: &str) -> Reply {
        self.post("brands", json!({ "name": name })).await
    }

    /// Deletes a brand.
    pub async fn delete_brand(&self, brand: &str) -> Reply {
        self.delete(&format!("brands/{brand}")).await
    }

    /// Asks whether they may.
    pub async fn may(&self, permission: &str) -> bool {
        let reply = self.post("check", json!({ "permission": permission })).await.expect(200);
        reply.json()["allowed"] == true
    }
}
