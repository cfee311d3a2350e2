//! Between the reference model and the stack: the model's requests as real ones, real answers and items in the model's
//! words. What the model numbers has ids here; they are learnt from answers, and from the table where there was none.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use local::Reply;
use oracle::rights::Permissions;
use oracle::{Answer, DAY, Given, Nth, Reduction, Request, Set, Told, Try, Verdict};
use serde_json::{Value, json};

use crate::bus::{batch, link_removed, mail_queued, plain_item};
use crate::{World, schedule};

/// The ids of what the model numbers.
#[derive(Clone, Debug, Default)]
struct Ids {
    tenants: Vec<String>,
    /// By tenant; the founding one is found in the table, and empty until then.
    invitations: Vec<Vec<String>>,
    brands: Vec<Vec<String>>,
    reviews: Vec<Vec<String>>,
    users: Vec<String>,
    sessions: Vec<String>,
    links: Vec<String>,
    resets: Vec<String>,
    proofs: Vec<String>,
    returns: Vec<String>,
    /// Tenants that were removed.
    removed: Vec<String>,
    /// Mails that were looked through for links.
    mails: usize,
}

/// A stack, and what its things are called in the model.
#[derive(Clone)]
pub struct Driver {
    /// The stack.
    pub world: World,
    ids: Ids,
    /// What was read of the table, and when it was so: reading it all is most of what a step costs.
    read: Arc<Mutex<Read>>,
}

/// The items of the table.
type Items = Arc<Vec<Value>>;

/// What was read, if anything was, and how often the table had been written by then, by calls and without one.
type Read = Option<((usize, usize), Items)>;

/// An id that nothing has.
const NOTHING: &str = "01a202c6-e1a3-7a38-9802-fdcb99ebdc61";

/// The password that most people have, as they chose it and as another keyboard spells it.
const COMPOSED: &str = "un caf\u{e9} cr\u{e8}me fort";
const DECOMPOSED: &str = "un cafe\u{301} cre\u{300}me fort";

/// A password as somebody tries it.
const fn password(password: Try, spelt: &'static str) -> &'static str {
    match password {
        Try::Right => spelt,
        Try::Wrong => "another fine and long password",
        Try::Weak => "short",
    }
}

/// Why a review decides something, with a number behind it.
const REASON: &str = "case ";

/// An address as it is spelt.
fn email(address: Nth) -> String {
    format!("p{address}@mail.example")
}

fn address(email: &str) -> Nth {
    email.trim_start_matches('p').split('@').next().unwrap().parse().unwrap()
}

/// The number of an id, in the order in which things were made.
fn nth(ids: &[String], id: &str) -> Nth {
    ids.iter().position(|known| known == id).unwrap_or_else(|| panic!("nobody has heard of {id}"))
}

fn id(ids: &[String], nth: Nth) -> &str {
    ids.get(nth).map_or(NOTHING, String::as_str)
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

/// A moment in seconds.
fn seconds(value: &Value) -> u64 {
    serde_json::from_value::<model::Timestamp>(value.clone()).map_or(0, model::Timestamp::unix_seconds)
}

/// A list of permissions in the model's words.
fn list(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(list) => {
            let names: BTreeSet<&str> =
                list.as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
            format!("[{}]", names.into_iter().collect::<Vec<_>>().join(" "))
        }
    }
}

/// A list where it may have been left out.
fn shown_list(value: &Value) -> String {
    value.get("permissions").map_or_else(|| "hidden".to_owned(), |found| list(Some(found)))
}

/// Lines below another one.
fn under(first: String, rows: &str) -> String {
    if rows.is_empty() { first } else { format!("{first}\n{rows}") }
}

fn names(list: &Permissions) -> Vec<&'static str> {
    list.iter().copied().collect()
}

impl Driver {
    /// A stack in which nothing has happened yet.
    #[must_use]
    pub fn new(world: World) -> Self {
        Self { world, ids: Ids::default(), read: Arc::default() }
    }

    /// A copy of its own.
    pub async fn fork(&self) -> Self {
        Self { world: self.world.fork().await, ids: self.ids.clone(), read: Arc::default() }
    }

    /// The pages of an export of a tenant, without anybody's password.
    ///
    /// # Errors
    /// Why one was refused.
    pub async fn exported(&self, tenant: Nth) -> Result<Vec<Value>, String> {
        let (mut pages, mut after) = (Vec::new(), Value::Null);
        loop {
            let order = json!({"operation": "export-tenant", "tenant": id(&self.ids.tenants, tenant),
                "reason": "r", "after": after});
            let page = self.world.operate(order).await?;
            after = page["next"].clone();
            pages.push(page);
            if after.is_null() {
                return Ok(pages);
            }
        }
    }

    /// The same things in another stack, in which nothing had happened before these pages of a tenant's export came there. Its
    /// reviews are called otherwise there.
    ///
    /// # Errors
    /// Why a page was refused.
    ///
    /// # Panics
    /// When the tenant has no id.
    pub async fn imported(&self, world: World, tenant: Nth, pages: &[Value]) -> Result<Self, String> {
        for page in pages {
            world.operate(json!({"operation": "import-tenant", "page": page, "reason": "r"})).await?;
        }
        let mut ids = Ids { mails: 0, ..self.ids.clone() };
        let called = model::TenantId::parse(id(&ids.tenants, tenant)).unwrap();
        for review in &mut ids.reviews[tenant] {
            let brought = model::ReviewId::parse(review).unwrap().brought_by(called);
            *review = brought.to_string();
        }
        Ok(Self { world, ids, read: Arc::default() })
    }

    fn brand_id(&self, tenant: Nth, brand: Nth) -> &str {
        self.ids.brands.get(tenant).map_or(NOTHING, |brands| id(brands, brand))
    }

    fn invitation_id(&self, tenant: Nth, invitation: Nth) -> &str {
        self.ids.invitations.get(tenant).map_or(NOTHING, |invitations| id(invitations, invitation))
    }

    fn review_id(&self, tenant: Nth, review: Nth) -> &str {
        self.ids.reviews.get(tenant).map_or(NOTHING, |reviews| id(reviews, review))
    }

    /// What a session is called where it is listed, as the table has it.
    fn session_id(&self, nth: Nth) -> String {
        let digest = self.ids.sessions.get(nth).and_then(|token| model::SessionToken::parse(token));
        let digest = digest.map(|token| token.digest());
        let named = digest.and_then(|digest| {
            let pointer = format!("/sessions/{}/id", digest.as_str());
            self.items().iter().find_map(|item| Some(item.pointer(&pointer)?.as_str()?.to_owned()))
        });
        named.unwrap_or_else(|| NOTHING.to_owned())
    }

    fn set(&self, tenant: Nth, set: &Set) -> Value {
        match set {
            Set::All => json!("all"),
            Set::These(these) => these.iter().map(|brand| self.brand_id(tenant, *brand)).collect(),
        }
    }

    /// Brands in the model's words.
    fn brands(&self, tenant: Nth, brands: &Value) -> String {
        match brands {
            Value::Array(list) => {
                let known = &self.ids.brands[tenant];
                let numbers: BTreeSet<Nth> = list.iter().map(|b| nth(known, b.as_str().unwrap())).collect();
                let numbers: Vec<String> = numbers.iter().map(Nth::to_string).collect();
                format!("[{}]", numbers.join(" "))
            }
            _ => "all".to_owned(),
        }
    }

    /// Sends a request; answers what came back. Nothing is learnt from it yet: of two that run at once, the order isn't
    /// known here.
    pub async fn send(&self, request: &Request) -> Reply {
        use Request as R;
        let (world, ids) = (&self.world, &self.ids);
        let link = |nth: &Nth| json!({ "token": ids.links.get(*nth).map_or("nothing", String::as_str) });
        let team = |tenant: &Nth, path: String| {
            let slash = if path.is_empty() { "" } else { "/" };
            format!("/v1/tenants/{}{slash}{path}", id(&ids.tenants, *tenant))
        };
        let order = async |order: Value| {
            let answer = world.operate(order).await;
            let (status, body) = match answer {
                Ok(value) => (200, serde_json::to_vec(&value).unwrap()),
                Err(why) => (400, serde_json::to_vec(&json!({"code": "refused", "detail": why})).unwrap()),
            };
            Reply { status, headers: BTreeMap::new(), body, function: "operate".to_owned() }
        };
        let quiet =
            || Reply { status: 200, headers: BTreeMap::new(), body: Vec::new(), function: String::new() };
        let ask = async |method: &str, by: &Nth, path: String, body: Value| {
            let session = ids.sessions.get(*by).map_or("nobody's", String::as_str);
            world.ask(method, &path, Some(session), &body).await
        };
        let member = |tenant: &Nth, user: &Nth, more: &str| {
            team(tenant, format!("members/{}{more}", id(&ids.users, *user)))
        };
        match request {
            R::SignUp { address } => {
                let body = json!({"name": "A Company", "email": email(*address), "first_name": "P", "last_name": "P"});
                world.ask("POST", "/v1/tenants", None, &body).await
            }
            R::Preview { link: nth } => world.invitation("preview", link(nth)).await,
            R::Accept { link: nth, password: tried } => {
                let mut body = link(nth);
                body["password"] = password(*tried, COMPOSED).into();
                world.invitation("accept", body).await
            }
            R::Decline { link: nth } => world.invitation("decline", link(nth)).await,
            R::Renew { link: nth } => world.invitation("renew", link(nth)).await,
            R::SignIn { address, password: tried } => {
                world.sign_in(&email(*address), password(*tried, DECOMPOSED)).await
            }
            R::SignOut { by } => ask("DELETE", by, "/v1/sessions/current".to_owned(), Value::Null).await,
            R::Me { by } => ask("GET", by, "/v1/me".to_owned(), Value::Null).await,
            R::Tenant { by, tenant } => ask("GET", by, team(tenant, String::new()), Value::Null).await,
            R::Invite { by, tenant, given } => {
                let Given { address, role, list, brands, days } = given;
                let body = json!({"email": email(*address), "first_name": "P", "last_name": "P", "role": role.name(),
                    "permissions": list.as_ref().map(names), "brands": self.set(*tenant, brands),
                    "expires_in_days": days});
                ask("POST", by, team(tenant, "invitations".to_owned()), body).await
            }
            R::Resend { by, tenant, invitation } => {
                let path = format!("invitations/{}/resend", self.invitation_id(*tenant, *invitation));
                ask("POST", by, team(tenant, path), Value::Null).await
            }
            R::RevokeInvitation { by, tenant, invitation } => {
                let path = format!("invitations/{}", self.invitation_id(*tenant, *invitation));
                ask("DELETE", by, team(tenant, path), Value::Null).await
            }
            R::Invitation { by, tenant, invitation } => {
                let path = format!("invitations/{}", self.invitation_id(*tenant, *invitation));
                ask("GET", by, team(tenant, path), Value::Null).await
            }
            R::Invitations { by, tenant } => {
                ask("GET", by, team(tenant, "invitations".to_owned()), Value::Null).await
            }
            R::Member { by, tenant, user } => ask("GET", by, member(tenant, user, ""), Value::Null).await,
            R::Members { by, tenant } => {
                ask("GET", by, team(tenant, "members".to_owned()), Value::Null).await
            }
            R::GiveRole { by, tenant, user, role } => {
                ask("PUT", by, member(tenant, user, "/role"), json!({"role": role.name()})).await
            }
            R::RenameTenant { by, tenant } => {
                // a name and a colour that it doesn't have
                let n = fresh();
                let body = json!({"name": format!("Company {n}"), "brand_colour": format!("#{:06x}", n % 0xff_ffff),
                    "logo_url": n.is_multiple_of(2).then(|| format!("https://cdn.example.com/{n}.svg")),
                    "reply_to": n.is_multiple_of(3).then(|| email(n))});
                ask("PATCH", by, team(tenant, String::new()), body).await
            }
            R::SetReminder { by, tenant, days } => {
                ask("PATCH", by, team(tenant, String::new()), json!({ "reminder_days": days })).await
            }
            R::Permit { by, tenant, user, list: Some(list) } => {
                let body = json!({ "permissions": names(list) });
                ask("PUT", by, member(tenant, user, "/permissions"), body).await
            }
            R::Permit { by, tenant, user, list: None } => {
                ask("DELETE", by, member(tenant, user, "/permissions"), Value::Null).await
            }
            R::HandOver { by, tenant, to, password: tried } => {
                let body = json!({"to": id(&ids.users, *to), "password": password(*tried, DECOMPOSED)});
                ask("POST", by, team(tenant, "transfer".to_owned()), body).await
            }
            R::Close { by, tenant, password: tried } => {
                let body = json!({ "password": password(*tried, DECOMPOSED) });
                ask("POST", by, team(tenant, "close".to_owned()), body).await
            }
            R::Leave { by, tenant } => {
                ask("DELETE", by, team(tenant, "members/me".to_owned()), Value::Null).await
            }
            R::OwnMember { by, tenant } => {
                ask("GET", by, team(tenant, "members/me".to_owned()), Value::Null).await
            }
            R::CreatePartner { by, tenant, address } => {
                let body = json!({"name": "A Company", "email": email(*address), "first_name": "P", "last_name": "P"});
                ask("POST", by, team(tenant, "partners".to_owned()), body).await
            }
            R::Partners { by, tenant } => {
                ask("GET", by, team(tenant, "partners".to_owned()), Value::Null).await
            }
            R::EndPartner { by, tenant, partner } => {
                let path = team(tenant, format!("partners/{}", id(&ids.tenants, *partner)));
                ask("DELETE", by, path, Value::Null).await
            }
            R::LeavePortal { by, tenant } => {
                ask("DELETE", by, team(tenant, "portal".to_owned()), Value::Null).await
            }
            R::Roles { by, tenant } => ask("GET", by, team(tenant, "roles".to_owned()), Value::Null).await,
            R::Seats { by, tenant } => {
                ask("GET", by, team(tenant, "seats?limit=100".to_owned()), Value::Null).await
            }
            R::SetBrands { by, tenant, user, brands } => {
                let body = json!({"brands": self.set(*tenant, brands)});
                ask("PUT", by, member(tenant, user, "/brands"), body).await
            }
            R::AddBrand { by, tenant, user, brand } => {
                let path = member(tenant, user, &format!("/brands/{}", self.brand_id(*tenant, *brand)));
                ask("PUT", by, path, Value::Null).await
            }
            R::TakeBrand { by, tenant, user, brand } => {
                let path = member(tenant, user, &format!("/brands/{}", self.brand_id(*tenant, *brand)));
                ask("DELETE", by, path, Value::Null).await
            }
            R::Suspend { by, tenant, user } => {
                ask("POST", by, member(tenant, user, "/suspend"), Value::Null).await
            }
            R::Reinstate { by, tenant, user } => {
                ask("POST", by, member(tenant, user, "/reinstate"), Value::Null).await
            }
            R::Remove { by, tenant, user } => ask("DELETE", by, member(tenant, user, ""), Value::Null).await,
            R::CreateBrand { by, tenant } => {
                ask("POST", by, team(tenant, "brands".to_owned()), json!({"name": "A Brand"})).await
            }
            R::RenameBrand { by, tenant, brand } => {
                // a name that it doesn't have: which one it has is nobody's question here
                let name = format!("Named {}", fresh());
                let path = team(tenant, format!("brands/{}", self.brand_id(*tenant, *brand)));
                ask("PATCH", by, path, json!({ "name": name })).await
            }
            R::DeleteBrand { by, tenant, brand } => {
                let path = team(tenant, format!("brands/{}", self.brand_id(*tenant, *brand)));
                ask("DELETE", by, path, Value::Null).await
            }
            R::Brands { by, tenant } => ask("GET", by, team(tenant, "brands".to_owned()), Value::Null).await,
            R::Brand { by, tenant, brand } => {
                let path = team(tenant, format!("brands/{}", self.brand_id(*tenant, *brand)));
                ask("GET", by, path, Value::Null).await
            }
            R::Events { by, tenant } => {
                // page after page, as one answer
                let mut all = Vec::new();
                let mut path = team(tenant, "events?limit=40".to_owned());
                loop {
                    let mut page = ask("GET", by, path, Value::Null).await;
                    if page.status >= 400 {
                        break page;
                    }
                    let mut body = page.json();
                    all.append(body["items"].as_array_mut().unwrap());
                    let Some(cursor) = body["next_cursor"].as_str() else {
                        page.body = json!({ "items": all }).to_string().into_bytes();
                        break page;
                    };
                    path = team(tenant, format!("events?limit=40&cursor={cursor}"));
                }
            }
            R::Check { by, tenant, permission, brand, user } => {
                let body = json!({"permission": permission, "brand": brand.map(|b| self.brand_id(*tenant, b)),
                    "user": user.map(|u| id(&ids.users, u))});
                ask("POST", by, team(tenant, "check".to_owned()), body).await
            }
            R::OpenReview { by, tenant } => {
                ask("POST", by, team(tenant, "access-reviews".to_owned()), Value::Null).await
            }
            R::Reviews { by, tenant } => {
                ask("GET", by, team(tenant, "access-reviews?limit=100".to_owned()), Value::Null).await
            }
            R::Review { by, tenant, review } => {
                let path = format!("access-reviews/{}?limit=100", self.review_id(*tenant, *review));
                ask("GET", by, team(tenant, path), Value::Null).await
            }
            R::WrittenReview { by, tenant, review } => {
                let path = format!("access-reviews/{}/export", self.review_id(*tenant, *review));
                ask("GET", by, team(tenant, path), Value::Null).await
            }
            R::Decide { by, tenant, review, user, verdict, reason } => {
                let mut body = json!({"decision": verdict.name(), "reason": format!("{REASON}{reason}")});
                if let Verdict::Reduced(Reduction { role, list, brands }) = verdict {
                    if let Some(role) = role {
                        body["role"] = role.name().into();
                    }
                    if let Some(list) = list {
                        body["permissions"] = json!(names(list));
                    }
                    if let Some(brands) = brands {
                        body["brands"] = self.set(*tenant, brands);
                    }
                }
                let user = id(&ids.users, *user);
                let path = format!("access-reviews/{}/members/{user}", self.review_id(*tenant, *review));
                ask("PUT", by, team(tenant, path), body).await
            }
            R::CloseReview { by, tenant, review } => {
                let path = format!("access-reviews/{}/close", self.review_id(*tenant, *review));
                ask("POST", by, team(tenant, path), Value::Null).await
            }
            R::Access { by, tenant } => {
                ask("GET", by, team(tenant, "access-review?limit=100".to_owned()), Value::Null).await
            }
            R::ChangeProfile { by } => {
                let name = format!("P{}", fresh());
                ask("PATCH", by, "/v1/me".to_owned(), json!({ "first_name": name })).await
            }
            R::ChangePassword { by, current, new } => {
                let body = json!({"current_password": password(*current, DECOMPOSED), "new_password": password(*new, COMPOSED)});
                ask("PUT", by, "/v1/me/password".to_owned(), body).await
            }
            R::Sessions { by } => ask("GET", by, "/v1/me/sessions".to_owned(), Value::Null).await,
            R::EndSession { by, session } => {
                let path = format!("/v1/me/sessions/{}", self.session_id(*session));
                ask("DELETE", by, path, Value::Null).await
            }
            R::EndSessions { by } => ask("DELETE", by, "/v1/me/sessions".to_owned(), Value::Null).await,
            R::AskForReset { address } => {
                world.ask("POST", "/v1/password-resets", None, &json!({"email": email(*address)})).await
            }
            R::ConfirmReset { reset, password: tried } => {
                let token = ids.resets.get(*reset).map_or("nothing", String::as_str);
                let body = json!({"token": token, "password": password(*tried, COMPOSED)});
                world.ask("POST", "/v1/password-resets/confirm", None, &body).await
            }
            R::SendPasswordReset { address, to } => {
                order(json!({"operation": "send-password-reset", "email": email(*address), "to": email(*to),
                    "reason": "r"}))
                .await
            }
            R::AskForEmail { by, to, password: tried } => {
                let body = json!({"email": email(*to), "password": password(*tried, DECOMPOSED)});
                ask("POST", by, "/v1/me/email".to_owned(), body).await
            }
            R::ConfirmEmail { proof } => {
                let token = ids.proofs.get(*proof).map_or("nothing", String::as_str);
                world.ask("POST", "/v1/email-changes/confirm", None, &json!({"token": token})).await
            }
            R::UndoEmail { back } => {
                let token = ids.returns.get(*back).map_or("nothing", String::as_str);
                world.ask("POST", "/v1/email-changes/undo", None, &json!({"token": token})).await
            }
            R::CreateTenant { address, seats } => {
                order(json!({"operation": "create-tenant", "name": "A Company", "email": email(*address),
                    "first_name": "P", "last_name": "P", "seats": seats, "reason": "r"}))
                .await
            }
            R::SetPlan { tenant, seats } => {
                let tenant = id(&ids.tenants, *tenant);
                order(json!({"operation": "set-plan", "tenant": tenant, "plan": "p", "seats": seats, "reason": "r"}))
                    .await
            }
            R::SetEmailPolicy { tenant, exclusive } => {
                let tenant = id(&ids.tenants, *tenant);
                let policy = if *exclusive { "exclusive" } else { "shared" };
                order(json!({"operation": "set-email-policy", "tenant": tenant, "email_policy": policy, "reason": "r"}))
                    .await
            }
            R::SuspendTenant { tenant, suspended } => {
                let tenant = id(&ids.tenants, *tenant);
                order(json!({"operation": "suspend-tenant", "tenant": tenant, "suspended": suspended, "reason": "r"}))
                    .await
            }
            R::Reopen { tenant } => {
                let tenant = id(&ids.tenants, *tenant);
                order(json!({"operation": "reopen-tenant", "tenant": tenant, "reason": "r"})).await
            }
            R::RemoveTenant { tenant } => {
                // again and again, as one order; where it never ends, that is what was answered
                let tenant = id(&ids.tenants, *tenant);
                let remove = json!({"operation": "remove-tenant", "tenant": tenant, "reason": "r"});
                let mut reply = order(remove.clone()).await;
                for _ in 0..20 {
                    if reply.status >= 400 || reply.json()["done"] == true {
                        return reply;
                    }
                    reply = order(remove.clone()).await;
                }
                Reply { status: 400, body: b"{\"code\": \"conflict\"}".to_vec(), ..reply }
            }
            R::Transfer { tenant, to } => {
                let (tenant, to) = (id(&ids.tenants, *tenant), id(&ids.users, *to));
                order(json!({"operation": "transfer-ownership", "tenant": tenant, "to": to, "reason": "r"}))
                    .await
            }
            R::ReleaseEmail { address } => {
                order(json!({"operation": "release-email", "email": email(*address), "reason": "r"})).await
            }
            R::LiftSuppression { address } => {
                order(json!({"operation": "lift-suppression", "email": email(*address), "reason": "r"})).await
            }
            // they make no call that the wire could hold back
            R::Pass { seconds } => {
                schedule::wait_for_turn().await;
                world.wire().note_time();
                world.pass(*seconds);
                quiet()
            }
            R::Sweep => {
                schedule::wait_for_turn().await;
                // what expired goes at once
                world.wire().note_time();
                world.stack().sweep().await.unwrap();
                quiet()
            }
            R::Deliver => {
                world.settle().await;
                quiet()
            }
            R::Repeat => {
                let ledger = world.ledger();
                let queued: Vec<Value> = ledger.all("Mail").iter().rev().map(mail_queued).collect();
                // that a link is gone, of those too whose time isn't over
                let removed = ledger.all("Invitation").iter().rev().map(|one| {
                    let named = |name: &str| one[name]["S"].as_str().unwrap();
                    link_removed(named("tenant_id"), named("id"))
                });
                let removed: Vec<Value> = removed.collect();
                for (function, events) in [("deliver", &queued), ("expire", &removed)] {
                    let twice = batch(events.iter().flat_map(|event| [event, event]));
                    let report = world.stack().invoke(function, twice, String::new()).await.unwrap();
                    // a bad moment of the table hands it back
                    assert!(
                        world.wire().has_faults() || report == br#"{"batchItemFailures":[]}"#,
                        "{function}"
                    );
                }
                quiet()
            }
            R::Feedback { address, told } => {
                let (kind, reason) = match told {
                    Told::Delivered => ("delivery", ""),
                    Told::Delayed => ("delay", ""),
                    Told::Bounced => ("bounce", "no such user"),
                    Told::BouncedForNow => ("bounce", "mailbox full"),
                    Told::Complained => ("complaint", ""),
                };
                // there is nothing to say of a mail that was never sent
                let _ = world.stack().feedback(&email(*address), kind, reason).await;
                quiet()
            }
        }
    }

    /// Learns the ids of what a request made, from its answer.
    pub fn learn(&mut self, request: &Request, reply: &Reply) {
        let body = reply.json();
        let at = |pointer: &str| text(&body, pointer).to_owned();
        if reply.status < 400 {
            match request {
                Request::SignUp { .. } | Request::CreatePartner { .. } => {
                    self.tenant(at("/tenant/id"), String::new());
                }
                Request::CreateTenant { .. } => self.tenant(at("/tenant"), at("/invitation")),
                Request::Accept { .. } => {
                    let user = at("/member/user_id");
                    if !self.ids.users.contains(&user) {
                        self.ids.users.push(user);
                    }
                    self.ids.sessions.push(at("/session/token"));
                }
                Request::SignIn { .. } => self.ids.sessions.push(at("/session/token")),
                Request::RemoveTenant { tenant } => {
                    let removed = id(&self.ids.tenants, *tenant).to_owned();
                    self.ids.removed.push(removed);
                }
                Request::Invite { tenant, .. } => self.ids.invitations[*tenant].push(at("/id")),
                Request::CreateBrand { tenant, .. } => self.ids.brands[*tenant].push(at("/id")),
                Request::OpenReview { tenant, .. } => self.ids.reviews[*tenant].push(at("/id")),
                _ => {}
            }
        }
        self.learn_links();
    }

    fn tenant(&mut self, tenant: String, founding: String) {
        self.ids.tenants.push(tenant);
        self.ids.invitations.push(vec![founding]);
        self.ids.brands.push(Vec::new());
        self.ids.reviews.push(Vec::new());
    }

    /// The tenant and the invitation that a link names.
    fn named_in(&self, link: &str) -> (Nth, Nth) {
        let token = link.split_once('#').and_then(|(_, token)| model::InvitationToken::parse(token)).unwrap();
        let tenant = nth(&self.ids.tenants, &token.tenant().to_string());
        (tenant, nth(&self.ids.invitations[tenant], &token.invitation().to_string()))
    }

    fn learn_links(&mut self) {
        let mails = self.world.stack().mailbox().to(None);
        let new = mails.iter().skip(self.ids.mails).filter_map(|mail| Some((mail, mail.link.as_deref()?)));
        let (mut reminders, mut links): (Vec<_>, Vec<_>) =
            new.partition(|(mail, _)| mail.subject.starts_with("Reminder"));
        // those of one moment come in any order, after what was sent before it: the model has them in one
        reminders.sort_by_key(|(_, link)| self.named_in(link));
        links.append(&mut reminders);
        for (_, link) in links {
            let (page, token) = link.split_once('#').unwrap();
            let (verb, secret) = token.split_once('.').unwrap_or(("", token));
            let known = match (page.rsplit('/').next(), verb) {
                (Some("reset"), _) => &mut self.ids.resets,
                (Some("email"), "confirm") => &mut self.ids.proofs,
                (Some("email"), _) => &mut self.ids.returns,
                _ => &mut self.ids.links,
            };
            known.push(secret.to_owned());
        }
        self.ids.mails = mails.len();
    }

    /// Sends a request, learns from it, and answers in the model's words.
    pub async fn act(&mut self, request: &Request) -> (Reply, Answer) {
        let reply = self.send(request).await;
        self.learn(request, &reply);
        let answer = self.answer(request, &reply);
        (reply, answer)
    }

    /// How the same person reads what this request made or changed, as its answer shows it.
    pub(crate) fn reading_back(&self, request: &Request, reply: &Reply) -> Option<Request> {
        use Request as R;
        if reply.status >= 300 {
            return None;
        }
        let (by, made) = (request.by()?, reply.json());
        let numbered = |ids: &[String]| ids.iter().position(|id| id == text(&made, "/id"));
        Some(match *request {
            R::GiveRole { tenant, user, .. }
            | R::Permit { tenant, user, .. }
            | R::SetBrands { tenant, user, .. }
            | R::AddBrand { tenant, user, .. }
            | R::TakeBrand { tenant, user, .. }
            | R::Suspend { tenant, user, .. }
            | R::Reinstate { tenant, user, .. } => R::Member { by, tenant, user },
            R::Invite { tenant, .. } | R::Resend { tenant, .. } => {
                R::Invitation { by, tenant, invitation: numbered(&self.ids.invitations[tenant])? }
            }
            R::CreateBrand { tenant, .. } | R::RenameBrand { tenant, .. } => {
                R::Brand { by, tenant, brand: numbered(&self.ids.brands[tenant])? }
            }
            R::RenameTenant { tenant, .. } | R::SetReminder { tenant, .. } => R::Tenant { by, tenant },
            _ => return None,
        })
    }

    /// An answer in the model's words.
    #[must_use]
    pub fn answer(&self, request: &Request, reply: &Reply) -> Answer {
        let body = reply.json();
        if reply.status >= 400 {
            return Answer { code: known(text(&body, "/code")), shows: String::new() };
        }
        let lines = |items: &Value, line: &dyn Fn(&Value) -> (Nth, String)| {
            let lines: BTreeMap<Nth, String> = items.as_array().unwrap().iter().map(line).collect();
            lines.into_values().collect::<Vec<_>>().join("\n")
        };
        let shows = match request {
            Request::Tenant { .. } => format!("{} {}", text(&body, "/status"), number(&body, "/seats/limit")),
            Request::Check { .. } => body["allowed"].to_string(),
            Request::Sessions { .. } => body["items"].as_array().unwrap().len().to_string(),
            Request::Members { tenant, .. } => lines(&body["items"], &|one| self.member(*tenant, one)),
            Request::Member { tenant, .. } | Request::OwnMember { tenant, .. } => {
                self.member(*tenant, &body).1
            }
            Request::Roles { .. } => {
                let roles = body["items"].as_array().unwrap().iter();
                let given = roles.filter(|role| role["grantable"] == true).map(|role| text(role, "/role"));
                given.collect::<Vec<_>>().join(" ")
            }
            Request::Seats { tenant, .. } => self.seats(*tenant, &body),
            Request::SetEmailPolicy { .. } => number(&body, "/left").to_string(),
            Request::Partners { .. } => lines(&body["items"], &|one| {
                let partner = nth(&self.ids.tenants, text(one, "/id"));
                (partner, format!("{partner} {}", text(one, "/status")))
            }),
            Request::Invitations { tenant, .. } => {
                lines(&body["items"], &|one| self.invitation(*tenant, one))
            }
            Request::Invitation { tenant, .. } => self.invitation(*tenant, &body).1,
            Request::Brands { tenant, .. } => {
                let ids: Vec<&Value> =
                    body["items"].as_array().unwrap().iter().map(|brand| &brand["id"]).collect();
                let all = self.brands(*tenant, &json!(ids));
                all.trim_matches(['[', ']']).to_owned()
            }
            Request::Events { tenant, .. } => {
                let items = body["items"].as_array().unwrap().iter();
                let events =
                    self.events(*tenant, items.filter(|e| text(e, "/subject/kind") != "member"), false);
                events.iter().map(|(event, times)| format!("{event} {times}")).collect::<Vec<_>>().join("\n")
            }
            Request::OpenReview { tenant, .. } | Request::CloseReview { tenant, .. } => {
                self.review(*tenant, &body).1
            }
            Request::Reviews { tenant, .. } => lines(&body["items"], &|one| self.review(*tenant, one)),
            Request::Review { tenant, .. } => {
                let made = lines(&body["decisions"], &|one| self.decision(*tenant, one));
                under(self.review(*tenant, &body).1, &made)
            }
            Request::WrittenReview { tenant, .. } => {
                let rows = lines(&body["items"], &|one| {
                    let (user, status) = (nth(&self.ids.users, text(one, "/user_id")), text(one, "/status"));
                    (user, format!("{user} {status} {}", self.decided(*tenant, one)))
                });
                under(self.review(*tenant, &body["review"]).1, &rows)
            }
            Request::Decide { tenant, .. } => self.decision(*tenant, &body).1,
            Request::Access { tenant, .. } => lines(&body["items"], &|one| self.access(*tenant, one)),
            Request::Brand { tenant, .. } => nth(&self.ids.brands[*tenant], text(&body, "/id")).to_string(),
            Request::Me { .. } => lines(&body["memberships"], &|one| {
                let tenant = nth(&self.ids.tenants, text(one, "/tenant/id"));
                let (role, status) = (text(one, "/role"), text(one, "/status"));
                let brands = self.brands(tenant, &one["brands"]);
                (tenant, format!("{tenant} {role} {status} {brands} {}", list(one.get("permissions"))))
            }),
            _ => String::new(),
        };
        Answer { code: "ok", shows }
    }

    /// How often what happened to what, and who did it where that is asked for; not that an invitation's time was over, which
    /// whoever is first finds.
    fn events<'e>(
        &self,
        tenant: Nth,
        events: impl Iterator<Item = &'e Value>,
        signed: bool,
    ) -> BTreeMap<String, u64> {
        let mut all: BTreeMap<String, u64> = BTreeMap::new();
        for event in events.filter(|event| text(event, "/type") != "invitation.expired") {
            let (kind, id) = (text(event, "/subject/kind"), text(event, "/subject/id"));
            let subject = match kind {
                "tenant" => nth(&self.ids.tenants, id),
                "brand" => nth(&self.ids.brands[tenant], id),
                "invitation" => nth(&self.ids.invitations[tenant], id),
                "review" => nth(&self.ids.reviews[tenant], id),
                _ => nth(&self.ids.users, id),
            };
            let mut line = format!("{} {kind} {subject}", text(event, "/type"));
            if signed {
                let doer = text(event, "/actor/kind");
                let _ = match (text(event, "/actor/id"), text(event, "/actor/tenant")) {
                    ("", _) => write!(line, " by {doer}"),
                    (id, "") => write!(line, " by user {}", nth(&self.ids.users, id)),
                    (id, portal) => {
                        let portal = nth(&self.ids.tenants, portal);
                        write!(line, " by user {} of {portal}", nth(&self.ids.users, id))
                    }
                };
            }
            *all.entry(line).or_default() += 1;
        }
        all
    }

    fn member(&self, tenant: Nth, one: &Value) -> (Nth, String) {
        let user = nth(&self.ids.users, text(one, "/user_id"));
        let (role, status) = (text(one, "/role"), text(one, "/status"));
        (user, format!("{user} {role} {status} {} {}", self.brands(tenant, &one["brands"]), shown_list(one)))
    }

    /// A review, as it is shown or stored.
    fn review_line(&self, tenant: Nth, one: &Value, counts: &Value) -> (Nth, String) {
        let at = nth(&self.ids.reviews[tenant], text(one, "/id"));
        let user = |pointer: &str| nth(&self.ids.users, text(one, pointer));
        let end = match text(one, "/closed_by") {
            "" => "open".to_owned(),
            _ => format!("closed by {}", user("/closed_by")),
        };
        let [kept, reduced, revoked] = ["/kept", "/reduced", "/revoked"].map(|name| number(counts, name));
        let undecided = counts.get("undecided").and_then(Value::as_u64);
        let undecided = undecided.map_or_else(|| "-".to_owned(), |many| many.to_string());
        let counted = format!("kept {kept} reduced {reduced} revoked {revoked} undecided {undecided}");
        (at, format!("{at} by {} {end} {counted}", user("/opened_by")))
    }

    fn review(&self, tenant: Nth, one: &Value) -> (Nth, String) {
        self.review_line(tenant, one, &one["counts"])
    }

    /// What somebody held or holds, as it is shown or stored; nothing where a membership was ended.
    fn held(&self, tenant: Nth, held: Option<&Value>) -> String {
        held.filter(|held| !held.is_null()).map_or_else(
            || "-".to_owned(),
            |held| {
                let brands = self.brands(tenant, &held["brands"]);
                format!("{} {} {brands}", text(held, "/role"), list(held.get("permissions")))
            },
        )
    }

    /// What was decided about a member, or that nothing was.
    fn decided(&self, tenant: Nth, one: &Value) -> String {
        let (before, after) = (self.held(tenant, one.get("before")), self.held(tenant, one.get("after")));
        let what = match text(one, "/decision") {
            "undecided" => "undecided".to_owned(),
            verdict => {
                let (reason, by) = (text(one, "/reason"), nth(&self.ids.users, text(one, "/by")));
                format!("{verdict} for {} by {by}", reason.trim_start_matches(REASON))
            }
        };
        format!("{what}: {before} -> {after}")
    }

    fn decision(&self, tenant: Nth, one: &Value) -> (Nth, String) {
        let user = nth(&self.ids.users, text(one, "/user_id"));
        (user, format!("{user} {}", self.decided(tenant, one)))
    }

    /// What somebody holds, as a reviewer sees it.
    fn access(&self, tenant: Nth, one: &Value) -> (Nth, String) {
        let user = nth(&self.ids.users, text(one, "/user_id"));
        let (status, given) = (text(one, "/status"), seconds(&one["granted_at"]));
        let (permissions, unused) = (list(one.get("permissions")), list(one.get("unused")));
        let brands = self.brands(tenant, &one["brands"]);
        let holds = format!("{} {status} {brands} {permissions} since {given}", text(one, "/role"));
        (user, format!("{user} {holds} stale {} unused {unused}", one["stale"]))
    }

    fn invitation(&self, tenant: Nth, one: &Value) -> (Nth, String) {
        let at = nth(&self.ids.invitations[tenant], text(one, "/id"));
        let (role, status) = (text(one, "/role"), text(one, "/status"));
        let sponsorship = one["sponsorship"].as_str().unwrap_or("-");
        let (brands, mail) = (self.brands(tenant, &one["brands"]), text(one, "/delivery/state"));
        (at, format!("{at} {role} {status} {brands} {} {sponsorship} {mail}", shown_list(one)))
    }

    /// Seats, without those that the next one who needs one gets: the clock decides.
    fn seats(&self, tenant: Nth, body: &Value) -> String {
        let (mut members, mut invitations) = (BTreeMap::new(), BTreeMap::new());
        let items = body["items"].as_array().unwrap();
        for seat in items.iter().filter(|seat| seat["reclaimable"] != true) {
            let role = text(seat, "/role");
            if text(seat, "/kind") == "member" {
                let user = nth(&self.ids.users, text(seat, "/user_id"));
                members.insert(user, format!("member {user} {role}"));
            } else {
                let at = nth(&self.ids.invitations[tenant], text(seat, "/invitation_id"));
                invitations.insert(at, format!("invitation {at} {role}"));
            }
        }
        let reclaimable = items.len() - members.len() - invitations.len();
        let used = number(body, "/used") - reclaimable as u64;
        let counted = format!("{used} of {}", number(body, "/limit"));
        let lines = std::iter::once(counted).chain(members.into_values()).chain(invitations.into_values());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// What was made without an answer that told of it: found in the table.
    pub fn learn_from_table(&mut self) {
        self.learn_found(|_| true);
    }

    /// What was made by who had no answer: found in the table, and none of what these answers tell of.
    pub fn learn_unanswered(&mut self, answers: &[&Reply]) {
        let told: Vec<_> = answers.iter().map(|reply| String::from_utf8_lossy(&reply.body)).collect();
        self.learn_found(|id| !told.iter().any(|body| body.contains(id)));
    }

    fn learn_found(&mut self, is_theirs: impl Fn(&str) -> bool) {
        let items = self.items();
        let of =
            |kind: &str| items.iter().filter(move |item| item["entity"] == kind).cloned().collect::<Vec<_>>();
        for tenant in of("Tenant") {
            let tenant = text(&tenant, "/id").to_owned();
            if !self.ids.tenants.contains(&tenant) && is_theirs(&tenant) {
                self.tenant(tenant, String::new());
            }
        }
        for member in of("Member") {
            let user = text(&member, "/user_id").to_owned();
            if !self.ids.users.contains(&user) && is_theirs(&user) {
                self.ids.users.push(user);
            }
        }
        for (kind, founding) in [("Invitation", true), ("Brand", false)] {
            for item in of(kind) {
                let Some(tenant) = self.ids.tenants.iter().position(|t| t == text(&item, "/tenant_id"))
                else {
                    continue;
                };
                let is_founding =
                    founding && text(&item, "/role") == "owner" && item.get("sponsor").is_none();
                let known = if founding { &mut self.ids.invitations } else { &mut self.ids.brands };
                let (known, id) = (&mut known[tenant], text(&item, "/id").to_owned());
                if is_founding && known[0].is_empty() {
                    known[0] = id;
                } else if !known.contains(&id) && is_theirs(&id) {
                    known.push(id);
                }
            }
        }
        for item in of("Review") {
            let of_tenant = |tenant: &String| tenant == text(&item, "/tenant_id");
            let Some(tenant) = self.ids.tenants.iter().position(of_tenant) else { continue };
            let (known, id) = (&mut self.ids.reviews[tenant], text(&item, "/id").to_owned());
            if !known.contains(&id) && is_theirs(&id) {
                known.push(id);
            }
        }
        self.learn_links();
    }

    fn is_removed(&self, tenant: &str) -> bool {
        self.ids.removed.iter().any(|removed| removed == tenant)
    }

    fn items(&self) -> Items {
        let moment = (self.world.wire().writes(), self.world.stack().changes());
        let mut read = self.read.lock().unwrap();
        match read.as_ref() {
            Some((then, items)) if *then == moment => Arc::clone(items),
            _ => {
                let items: Vec<_> = self.world.stack().items().unwrap().iter().map(plain_item).collect();
                let items = Arc::new(items);
                *read = Some((moment, Arc::clone(&items)));
                items
            }
        }
    }

    /// The state as the table has it, in the model's words.
    pub fn lines(&mut self) -> BTreeMap<String, String> {
        self.learn_from_table();
        let (items, now) = (self.items(), model::Clock::now(self.world.stack().clock()).unix_seconds());
        let of = |kind: &'static str| items.iter().filter(move |item| item["entity"] == kind);
        let user = |item: &Value, pointer: &str| match text(item, pointer) {
            "" => "-".to_owned(),
            id => nth(&self.ids.users, id).to_string(),
        };
        let (mut lines, mut mails) = (BTreeMap::new(), BTreeMap::new());
        for mail in self.world.stack().mailbox().to(None) {
            let many: &mut usize = mails.entry(address(&mail.to)).or_default();
            *many += 1;
        }
        lines.extend(mails.into_iter().map(|(to, many)| (format!("mails to {to}"), many.to_string())));
        // nothing is left over of what is gone, and what has an end says so
        let strays = items.iter().filter(|item| {
            let ends = ["Rate", "Token", "Reset", "EmailProof", "EmailReturn", "Mail", "Reminder"]
                .iter()
                .any(|kind| item["entity"] == **kind);
            let partition = text(item, "/pk");
            let of = |tenant: &String| {
                partition == format!("TENANT#{tenant}") || partition.starts_with(&format!("EVENTS#{tenant}#"))
            };
            // a decision lies under its review's name
            let decides = partition.starts_with("REVIEW#") && self.is_removed(text(item, "/tenant_id"));
            let is_left = decides || self.ids.removed.iter().any(of);
            item.get("entity").is_none() || (ends && item.get("ttl").is_none()) || is_left
        });
        lines.extend(strays.map(|item| (format!("stray {}", text(item, "/pk")), item.to_string())));
        // a mail whose end is noted on its invitation has ended
        for mail in of("Mail").filter(|mail| text(mail, "/status") == "queued") {
            let its = |i: &&Value| i["id"] == mail["invitation_id"] && i["generation"] == mail["generation"];
            let ended =
                |i: &&Value| text(i, "/delivery/state") != "queued" && text(i, "/status") == "pending";
            if of("Invitation").filter(its).any(|i| ended(&i)) {
                lines.insert(format!("stray {}", text(mail, "/pk")), mail.to_string());
            }
        }
        for (tenant, id) in self.ids.tenants.iter().enumerate() {
            let Some(t) = of("Tenant").find(|t| text(t, "/id") == id) else { continue };
            let mine = |kind: &'static str| of(kind).filter(|item| text(item, "/tenant_id") == *id);
            // seats that nobody has found free yet are free: the clock decides
            let unfound = |i: &&Value| {
                text(i, "/status") == "pending"
                    && seconds(&i["expires_at"]) <= now
                    && i.get("sponsor").is_some()
            };
            let used = number(t, "/seats_used") - mine("Invitation").filter(unfound).count() as u64;
            let (status, owner, limit) = (text(t, "/status"), user(t, "/owner"), number(t, "/seat_limit"));
            let mut line = format!("{status} owner {owner} seats {used} of {limit}");
            let _ = write!(line, " mails {}/{}", number(t, "/mails/count"), number(t, "/mails/window"));
            let _ = write!(line, " {}", text(t, "/email_policy"));
            if let Some(at) = t.get("closed_at") {
                let _ = write!(line, " closed {}", seconds(at));
            }
            if let Some(days) = t.get("reminder_days") {
                let _ = write!(line, " reminds after {days}");
            }
            lines.insert(format!("tenant {tenant}"), line);
            // where a request looks for the portal, and what says so
            for p in mine("Portal") {
                let portal = nth(&self.ids.tenants, text(p, "/portal")).to_string();
                lines.insert(format!("tenant {tenant} portal"), portal);
            }
            if text(t, "/portal") != mine("Portal").next().map_or("", |p| text(p, "/portal")) {
                lines.insert(format!("stray portal of {tenant}"), t.to_string());
            }
            for m in mine("Member") {
                let brands = self.brands(tenant, &m["brands"]);
                let mut line = format!("{} {} {brands}", text(m, "/role"), text(m, "/status"));
                let at = address(text(m, "/email/canonical"));
                let _ = write!(line, " {} address {at}", list(m.get("permissions")));
                let (count, window) = (number(m, "/invites/count"), number(m, "/invites/window"));
                let day = seconds(&m["last_active_at"]) / DAY;
                let _ = write!(line, " invites {count}/{window} day {day}");
                lines.insert(format!("tenant {tenant} member {}", user(m, "/user_id")), line);
            }
            for i in mine("Invitation") {
                let until = seconds(&i["expires_at"]);
                let status = match text(i, "/status") {
                    "pending" if until <= now => "expired",
                    status => status,
                };
                let (brands, list) = (self.brands(tenant, &i["brands"]), list(i.get("permissions")));
                let mut line = format!("{} {status} {brands} {list}", text(i, "/role"));
                let at = address(text(i, "/email/canonical"));
                let (generation, mut sponsor) = (number(i, "/generation"), user(i, "/sponsor"));
                if let Some(portal) = i.get("sponsor_portal").and_then(Value::as_str) {
                    let _ = write!(sponsor, " of {}", nth(&self.ids.tenants, portal));
                }
                let _ = write!(line, " address {at} generation {generation} sponsor {sponsor}");
                let (or, by) = (seconds(&i["renewable_until"]), user(i, "/accepted_by"));
                let _ = write!(line, " until {until} or {or} by {by} {}", text(i, "/delivery/state"));
                let _ =
                    write!(line, " resends {}/{}", number(i, "/resends/count"), number(i, "/resends/window"));
                if i.get("reminded") == Some(&i["generation"]) {
                    line += " reminded";
                }
                let number = nth(&self.ids.invitations[tenant], text(i, "/id"));
                lines.insert(format!("tenant {tenant} invitation {number}"), line);
            }
            for b in mine("Brand") {
                let brand = nth(&self.ids.brands[tenant], text(b, "/id"));
                lines.insert(format!("tenant {tenant} brand {brand}"), "there".to_owned());
            }
            for r in mine("Review") {
                let (at, line) = self.review_line(tenant, r, r);
                lines.insert(format!("tenant {tenant} review {at}"), line);
            }
            for open in of("OpenReview").filter(|open| text(open, "/pk") == format!("TENANT#{id}")) {
                let at = nth(&self.ids.reviews[tenant], text(open, "/review_id"));
                lines.insert(format!("tenant {tenant} review that goes on"), at.to_string());
            }
            for d in mine("Decision") {
                let at = nth(&self.ids.reviews[tenant], text(d, "/review_id"));
                let member = user(d, "/user_id");
                let line = self.decided(tenant, d);
                lines.insert(format!("tenant {tenant} review {at} member {member}"), line);
            }
            for held in of("Invitee").filter(|i| text(i, "/pk") == format!("TENANT#{id}")) {
                let holder = if text(held, "/holder") == "member" {
                    format!("member {}", user(held, "/user_id"))
                } else {
                    let invitation = text(held, "/invitation_id");
                    format!("invitation {}", nth(&self.ids.invitations[tenant], invitation))
                };
                let at = address(text(held, "/sk").trim_start_matches("INVITEE#"));
                lines.insert(format!("tenant {tenant} holder of {at}"), holder);
            }
            let events = self.events(tenant, mine("Event"), true);
            let events = events.into_iter();
            lines.extend(
                events.map(|(event, times)| (format!("tenant {tenant} event {event}"), times.to_string())),
            );
        }
        for reminder in of("Reminder") {
            let tenant = nth(&self.ids.tenants, text(reminder, "/tenant_id"));
            let invitation = nth(&self.ids.invitations[tenant], text(reminder, "/invitation_id"));
            let (generation, at) = (number(reminder, "/generation"), seconds(&reminder["at"]));
            let line = format!("generation {generation} at {at}");
            lines.insert(format!("reminder {tenant} {invitation}"), line);
        }
        for credential in of("Credential") {
            let tenants: BTreeMap<Nth, &str> = credential["tenants"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(id, belonging)| (nth(&self.ids.tenants, id), belonging.as_str().unwrap()))
                .collect();
            let tenants: Vec<String> =
                tenants.iter().map(|(tenant, how)| format!("{tenant}:{how}")).collect();
            let (user, password) = (user(credential, "/user_id"), number(credential, "/generation"));
            let line = format!("user {user} password {password} in {}", tenants.join(" "));
            lines.insert(format!("account {}", address(text(credential, "/email/canonical"))), line);
        }
        for suppression in of("Suppression") {
            let at = address(text(suppression, "/email/canonical"));
            lines.insert(format!("suppressed {at}"), text(suppression, "/state").to_owned());
        }
        let mut sessions: BTreeMap<String, u64> = BTreeMap::new();
        for person in of("User") {
            let held = person["sessions"].as_object().unwrap().values();
            let held = held.filter(|session| now < seconds(&session["expires_at"])).count() as u64;
            if held > 0 {
                sessions.insert(format!("sessions of {}", user(person, "/id")), held);
            }
        }
        for reset in of("Reset").filter(|reset| now < seconds(&reset["expires_at"])) {
            *sessions.entry(format!("resets of {}", user(reset, "/user_id"))).or_default() += 1;
        }
        for (entity, kind) in [("EmailProof", "proofs"), ("EmailReturn", "returns")] {
            for link in of(entity).filter(|link| now < seconds(&link["expires_at"])) {
                *sessions.entry(format!("{kind} of {}", user(link, "/user_id"))).or_default() += 1;
            }
        }
        lines.extend(sessions.into_iter().map(|(user, many)| (user, many.to_string())));
        lines.extend(of("Rate").filter_map(|rate| self.rate(rate, now)));
        lines
    }

    /// A counter, where it counts the stretch that is now.
    fn rate(&self, rate: &Value, now: u64) -> Option<(String, String)> {
        let scope: Vec<&str> = text(rate, "/pk").split('#').skip(1).collect();
        let (name, stretch) = match scope.as_slice() {
            ["MAIL", at] => (format!("mail {}", address(at)), DAY),
            ["MAIL", "SIGN-UP", at] => (format!("mail strangers {}", address(at)), DAY),
            ["MAIL", tenant, at] => {
                let tenant = self.ids.tenants.iter().position(|t| t == tenant)?;
                (format!("mail {tenant} {}", address(at)), DAY)
            }
            ["SIGN-IN", at] => (format!("failures {}", address(at)), 900),
            ["SIGN-IN", _, at] => (format!("failures here {}", address(at)), 900),
            ["RESET", at] => (format!("reset {}", address(at)), 3_600),
            ["RESET-SENT", at] => (format!("sent {}", address(at)), DAY),
            ["AGAIN", at] => (format!("again {}", address(at)), DAY),
            ["PASSWORD", at] => (format!("password {}", address(at)), 3_600),
            ["PROOF", at] => (format!("proof {}", address(at)), DAY),
            ["PROOF", id, at] => (format!("proof {} {}", nth(&self.ids.users, id), address(at)), DAY),
            ["EMAIL", id] => (format!("email {}", nth(&self.ids.users, id)), 3_600),
            ["PROFILE", id] => (format!("profile {}", nth(&self.ids.users, id)), 3_600),
            ["RESET-FROM", _] => ("reset-from".to_owned(), 3_600),
            ["SIGN-UP"] => ("sign-ups".to_owned(), DAY),
            ["SIGN-UP", _] => ("sign-ups-here".to_owned(), 3_600),
            other => panic!("what does {other:?} count?"),
        };
        let (window, count) = (text(rate, "/sk").parse::<u64>().unwrap(), number(rate, "/count"));
        (window == now / stretch && count > 0).then(|| (format!("rate {name}"), format!("{count}/{window}")))
    }
}

/// Something that differs from time to time.
fn fresh() -> usize {
    static TIMES: AtomicUsize = AtomicUsize::new(0);
    TIMES.fetch_add(1, Ordering::SeqCst)
}

/// A code that lives as long as the program.
fn known(code: &str) -> &'static str {
    const CODES: [&str; 23] = [
        "refused",
        "unauthenticated",
        "not-found",
        "access-revoked",
        "forbidden",
        "role-not-grantable",
        "validation",
        "already-member",
        "invitation-pending",
        "invitation-revoked",
        "invitation-expired",
        "invitation-declined",
        "invitation-accepted",
        "invitation-on-hold",
        "email-in-use",
        "owner-required",
        "rate-limited",
        "recipient-suppressed",
        "seats-exhausted",
        "plan-required",
        "conflict",
        "unavailable",
        "malformed",
    ];
    CODES.into_iter().find(|known| *known == code).unwrap_or_else(|| panic!("the code `{code}` is new"))
}
