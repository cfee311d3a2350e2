//! Who acts: a [`World`], which is a deployment and a mailbox, its [`Team`]s, and their [`Person`]s. A team remembers
//! what was done in it, so that its audit trail can be held to that.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::{Call, Client, Halt, Outcome, Reply};

/// Between two looks into the mailbox.
const LOOK: Duration = Duration::from_millis(100);

/// Events that nobody of this suite causes: SES's news of mails to addresses that nobody has.
const OF_OTHERS: [&str; 1] = ["invitation.undelivered"];

/// A deployment, and where its mail is read.
pub(crate) struct World {
    pub(crate) client: Client,
    /// The URL that answers with mails.
    pub(crate) mailbox: Option<String>,
    /// How long a mail may take.
    pub(crate) mail: Duration,
    /// How long the operator may take to sign an organization up, where nobody else can.
    pub(crate) operator: Duration,
    pub(crate) domain: String,
    /// What makes names and addresses this run's own.
    pub(crate) tag: String,
    /// The password that everybody chooses. Accounts stay behind, so nobody else may know it.
    pub(crate) password: String,
}

impl World {
    /// An address that nobody had before.
    pub(crate) fn address(&self, who: &str) -> String {
        format!("{who}-{}@{}", self.tag, self.domain)
    }

    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        session: Option<&str>,
        body: &Value,
    ) -> Outcome<Reply> {
        self.client.send(&Call::new(method, path).session(session).json(body))
    }

    /// Asks a public route of an emailed link.
    pub(crate) fn link(&self, verb: &str, token: &str) -> Outcome<Reply> {
        let body = match verb {
            "accept" => json!({ "token": token, "password": self.password }),
            _ => json!({ "token": token }),
        };
        self.ask("POST", &format!("/v1/invitations/{verb}"), None, &body)
    }

    pub(crate) fn sign_in(&self, email: &str, password: &str) -> Outcome<Reply> {
        self.ask("POST", "/v1/sessions", None, &json!({ "email": email, "password": password }))
    }

    /// The token in the newest mail to an address, once that is none of these.
    pub(crate) fn token(&self, address: &str, known: &[String]) -> Outcome<String> {
        self.token_within(self.mail, address, known)
    }

    fn token_within(&self, patience: Duration, address: &str, known: &[String]) -> Outcome<String> {
        let mailbox = self.mailbox.as_deref().ok_or_else(|| Halt::broken("there is no mailbox to read"))?;
        let separator = if mailbox.contains('?') { '&' } else { '?' };
        let url = format!("{mailbox}{separator}to={address}");
        let until = Instant::now() + patience;
        loop {
            let mails = self.client.read(&url)?;
            if let Some(token) = newest(&mails, address).filter(|token| !known.contains(token)) {
                self.client.keep(&token);
                return Ok(token);
            }
            if Instant::now() > until {
                // what stands behind the `?` may be a key
                let mailbox = mailbox.split('?').next().unwrap_or_default();
                return Err(Halt::broken(format!(
                    "no mail with a new link to {address} came to {mailbox} within {} seconds",
                    patience.as_secs()
                )));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Signs an organization up, or has the operator do it. Answers how long its mail may take.
    fn sign_up(&self, name: &str, email: &str, say: &dyn Fn(&str)) -> Outcome<Duration> {
        let new = json!({ "name": name, "email": email, "first_name": "Olive", "last_name": "Owner" });
        let reply = self.ask("POST", "/v1/tenants", None, &new)?;
        if !reply.is(403, "forbidden") {
            return reply.expect(202).map(|_| self.mail);
        }
        if self.operator.is_zero() {
            let words = "organizations can't sign up here by themselves, see --operator-seconds";
            return Err(Halt::Limited(words.to_owned()));
        }
        let order = json!({ "operation": "create-tenant", "name": name, "email": email, "first_name": "Olive",
            "last_name": "Owner", "reason": format!("anywhere, run {}", self.tag) });
        say(&format!("give operate this order, its mail is waited for: {order}"));
        Ok(self.operator)
    }

    /// A team that is there, seen by one of its admins, who has this password.
    pub(crate) fn signed_in(&self, email: &str, password: &str) -> Outcome<Team<'_>> {
        let reply = self.sign_in(email, password)?.expect(201)?;
        let mut memberships = reply.at("/memberships").as_array().into_iter().flatten();
        let is_admins = |one: &&Value| {
            matches!(text(one, "/role"), "owner" | "admin")
                && text(one, "/status") == "active"
                && text(one, "/tenant/status") == "active"
        };
        let Some(admins) = memberships.find(is_admins) else {
            return Err(reply.wrong("a membership of an owner or an admin"));
        };
        let owner = Person {
            world: self,
            tenant: text(admins, "/tenant/id").to_owned(),
            email: email.to_owned(),
            user: reply.word("/user/id").to_owned(),
            session: reply.word("/session/token").to_owned(),
        };
        Ok(Team { name: text(admins, "/tenant/name").to_owned(), owner, did: Mutex::default() })
    }

    /// An organization whose owner opened the emailed link.
    pub(crate) fn found<'w>(&'w self, which: &str, say: &dyn Fn(&str)) -> Outcome<Team<'w>> {
        let (name, email) =
            (format!("Anywhere {which} {}", self.tag), self.address(&format!("owner-{which}")));
        let patience = self.sign_up(&name, &email, say)?;
        let token = self.token_within(patience, &email, &[])?;
        let preview = self.link("preview", &token)?.expect(200)?;
        preview.holds(preview.word("/tenant/name") == name, "the name that signed up")?;
        let accepted = self.link("accept", &token)?.expect(201)?;
        accepted.holds(accepted.word("/member/role") == "owner", "an owner")?;
        let team = Team { name, owner: Person::of(self, &accepted), did: Mutex::default() };
        // said at once: whatever happens from here on, somebody can find it
        say(&format!("made       {}, {}, owned by {email}", team.name, team.owner.tenant));
        for event in team.all("events")? {
            team.did(text(&event, "/type"), text(&event, "/subject/id"));
        }
        let began = ["invitation.accepted", "tenant.created"].map(|kind| team.count(kind));
        if began != [1, 1] {
            return Err(Halt::broken(format!("{}'s events begin with other than its beginning", team.name)));
        }
        Ok(team)
    }
}

/// The text at a JSON pointer; empty where there is none.
pub(crate) fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The token in the newest mail to an address.
fn newest(mails: &Value, address: &str) -> Option<String> {
    let mails = mails.as_array()?.iter().filter(|mail| text(mail, "/to").eq_ignore_ascii_case(address));
    let (_, token) = mails.filter_map(|mail| text(mail, "/link").split_once('#')).next_back()?;
    Some(token.to_owned())
}

/// Somebody signed in, inside one tenant.
#[derive(Clone)]
pub(crate) struct Person<'w> {
    pub(crate) world: &'w World,
    pub(crate) tenant: String,
    pub(crate) email: String,
    pub(crate) user: String,
    pub(crate) session: String,
}

impl<'w> Person<'w> {
    /// Who was answered this for accepting.
    pub(crate) fn of(world: &'w World, accepted: &Reply) -> Self {
        let word = |pointer: &str| accepted.word(pointer).to_owned();
        let (tenant, email, user) =
            (word("/member/tenant_id"), word("/member/email"), word("/member/user_id"));
        Self { world, tenant, email, user, session: word("/session/token") }
    }

    /// A path of the tenant: `members`, `invitations/…`; the tenant itself for an empty one.
    pub(crate) fn path(&self, path: &str) -> String {
        let slash = if path.is_empty() { "" } else { "/" };
        format!("/v1/tenants/{}{slash}{path}", self.tenant)
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> Outcome<Reply> {
        self.world.ask(method, &self.path(path), Some(&self.session), body)
    }

    pub(crate) fn get(&self, path: &str) -> Outcome<Reply> {
        self.ask("GET", path, &Value::Null)
    }

    /// POST, PUT or DELETE without a body.
    pub(crate) fn tell(&self, method: &str, path: &str) -> Outcome<Reply> {
        self.ask(method, path, &Value::Null)
    }

    pub(crate) fn invite(&self, email: &str, role: &str, brands: &[String]) -> Outcome<Reply> {
        let body = json!({ "email": email, "first_name": "Ina", "last_name": "Invited", "role": role,
            "brands": brands });
        self.ask("POST", "invitations", &body)
    }

    pub(crate) fn give_role(&self, user: &str, role: &str) -> Outcome<Reply> {
        self.ask("PUT", &format!("members/{user}/role"), &json!({ "role": role }))
    }

    /// Assigns a member to these brands and no others.
    pub(crate) fn assign(&self, user: &str, brands: &[String]) -> Outcome<Reply> {
        self.ask("PUT", &format!("members/{user}/brands"), &json!({ "brands": brands }))
    }

    /// Whether they may do this to a brand.
    pub(crate) fn may(&self, permission: &str, brand: &str) -> Outcome<bool> {
        let question = json!({ "permission": permission, "brand": brand });
        Ok(*self.ask("POST", "check", &question)?.expect(200)?.at("/allowed") == json!(true))
    }
}

/// Somebody who was invited and hasn't answered.
pub(crate) struct Invited {
    pub(crate) id: String,
    pub(crate) token: String,
}

/// A tenant, its owner, and what was done in it.
pub(crate) struct Team<'w> {
    pub(crate) name: String,
    pub(crate) owner: Person<'w>,
    did: Mutex<BTreeMap<(String, String), usize>>,
}

/// What the lists of a team say.
pub(crate) struct Ledger {
    pub(crate) used: usize,
    pub(crate) limit: usize,
    /// The members that are active or suspended.
    pub(crate) members: Vec<Value>,
    /// The invitations that are pending.
    pub(crate) pending: Vec<Value>,
}

impl Ledger {
    pub(crate) const fn free(&self) -> usize {
        self.limit.saturating_sub(self.used)
    }

    pub(crate) fn member(&self, user: &str) -> &Value {
        static NOBODY: Value = Value::Null;
        self.members.iter().find(|member| text(member, "/user_id") == user).unwrap_or(&NOBODY)
    }
}

impl<'w> Team<'w> {
    pub(crate) const fn world(&self) -> &'w World {
        self.owner.world
    }

    /// Notes that something was done, which leaves one event.
    pub(crate) fn did(&self, kind: &str, subject: &str) {
        let mut did = self.did.lock().unwrap_or_else(PoisonError::into_inner);
        *did.entry((kind.to_owned(), subject.to_owned())).or_default() += 1;
    }

    /// How often something was done.
    pub(crate) fn count(&self, kind: &str) -> usize {
        let did = self.did.lock().unwrap_or_else(PoisonError::into_inner);
        did.iter().filter(|((done, _), _)| done == kind).map(|(_, times)| times).sum()
    }

    /// All of a list, page by page.
    pub(crate) fn all(&self, list: &str) -> Outcome<Vec<Value>> {
        let separator = if list.contains('?') { '&' } else { '?' };
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.owner.get(&format!("{list}{separator}limit=100{cursor}"))?.expect(200)?;
            all.extend(page.at("/items").as_array().into_iter().flatten().cloned());
            match page.at("/next_cursor").as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(all),
            }
        }
    }

    /// Makes a brand. Answers its id.
    pub(crate) fn brand(&self, name: &str) -> Outcome<String> {
        let made = self.owner.ask("POST", "brands", &json!({ "name": name }))?.expect(201)?;
        self.did("brand.created", made.word("/id"));
        Ok(made.word("/id").to_owned())
    }

    /// Invites somebody of this name, who gets the mail.
    pub(crate) fn invite(&self, who: &str, role: &str, brands: &[String]) -> Outcome<Invited> {
        let email = self.world().address(who);
        let invited = self.owner.invite(&email, role, brands)?.expect(201)?;
        self.did("invitation.created", invited.word("/id"));
        Ok(Invited { id: invited.word("/id").to_owned(), token: self.world().token(&email, &[])? })
    }

    pub(crate) fn accept(&self, invited: &Invited) -> Outcome<Person<'w>> {
        let accepted = self.world().link("accept", &invited.token)?.expect(201)?;
        self.did("invitation.accepted", &invited.id);
        Ok(Person::of(self.world(), &accepted))
    }

    pub(crate) fn join(&self, who: &str, role: &str, brands: &[String]) -> Outcome<Person<'w>> {
        self.accept(&self.invite(who, role, brands)?)
    }

    pub(crate) fn revoke(&self, id: &str) -> Outcome<()> {
        self.owner.tell("DELETE", &format!("invitations/{id}"))?.expect(204)?;
        self.did("invitation.revoked", id);
        Ok(())
    }

    /// Ends a membership. The answer has invitations in it that lost their sponsor by that, if there are any.
    pub(crate) fn remove(&self, user: &str) -> Outcome<()> {
        let removed = self.owner.tell("DELETE", &format!("members/{user}"))?;
        removed.holds(matches!(removed.status, 200 | 204), "200 or 204")?;
        self.did("member.revoked", user);
        Ok(())
    }

    /// What the lists say, which agrees: the seats are the active members and the pending invitations, no more than
    /// there are, and one of the members is the owner.
    pub(crate) fn ledger(&self) -> Outcome<Ledger> {
        let tenant = self.owner.get("")?.expect(200)?;
        let (members, pending) = (self.all("members")?, self.all("invitations?status=pending")?);
        let number = |pointer: &str| tenant.at(pointer).as_u64().and_then(|n| usize::try_from(n).ok());
        let (used, limit) =
            (number("/seats/used").unwrap_or_default(), number("/seats/limit").unwrap_or_default());
        let active = || members.iter().filter(|member| text(member, "/status") == "active");
        let (seated, invited) = (active().count(), pending.len());
        tenant.holds(
            used == seated + invited,
            format!("seats of {seated} members and {invited} invitations"),
        )?;
        tenant.holds(used <= limit, "no more seats than there are")?;
        let owners = active().filter(|member| text(member, "/role") == "owner").count();
        if owners != 1 {
            return Err(Halt::broken(format!("{} has {owners} owners", self.name)));
        }
        Ok(Ledger { used, limit, members, pending })
    }

    /// Goes no further where so many seats aren't free.
    pub(crate) fn needs(&self, seats: usize) -> Outcome<()> {
        let free = self.ledger()?.free();
        if free >= seats {
            return Ok(());
        }
        Err(Halt::Limited(format!("it takes {seats} free seats, and {free} are there")))
    }

    /// Fails unless every change left its event, and every event is of a change. Answers how many there are.
    pub(crate) fn trail(&self) -> Outcome<usize> {
        let mut left = self.did.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let events = self.all("events")?;
        for event in &events {
            let (kind, subject) = (text(event, "/type"), text(event, "/subject/id"));
            let times = left.entry((kind.to_owned(), subject.to_owned())).or_default();
            if *times == 0 && !OF_OTHERS.contains(&kind) {
                return Err(Halt::broken(format!("{}: an event without its change: {event}", self.name)));
            }
            *times = times.saturating_sub(1);
        }
        match left.iter().find(|(_, times)| **times > 0) {
            Some(((kind, subject), _)) => {
                Err(Halt::broken(format!("{}: {kind} of {subject} left no event", self.name)))
            }
            None => Ok(events.len()),
        }
    }

    /// The ledger and the trail.
    pub(crate) fn settled(&self) -> Outcome<usize> {
        self.ledger()?;
        self.trail()
    }
}
