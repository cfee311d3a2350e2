//! Random people do random things at once. Each hand keeps addresses of its own, so that it knows what every answer to
//! it has to be, while all of them meet at the team's seats, its counters and the owner. In each lull the lists are held
//! to what the hands know; at the end the audit trail is held to what they did.

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Halt, Outcome, Reply};
use crate::dice::Dice;
use crate::team::{Ledger, Person, Team, World, text};

/// Who act at once.
const HANDS: usize = 3;

/// Addresses of each: together more than the seats that a new team has by default.
const PLACES: usize = 8;

/// Things that a hand does between two lulls.
const GUST: usize = 6;

/// Invitations in all, below what one inviter may make in an hour.
const INVITATIONS: usize = 180;

/// Times that one is sent again: below what is allowed in ten minutes, and all mails below what a team has in a day.
const RESENDS: usize = 2;

const ROLES: [&str; 4] = ["admin", "member", "sales_rep", "partner"];

/// An address, and what is known of it.
#[derive(Default)]
struct Place<'w> {
    email: String,
    /// As the lists have it; empty for nobody.
    status: &'static str,
    role: &'static str,
    brands: Vec<String>,
    invitation: String,
    /// Tokens of the links that came.
    links: Vec<String>,
    /// Whether the newest one didn't come yet.
    is_awaited: bool,
    person: Option<Person<'w>>,
}

/// What is over: a link and what it is told, or the session of who was removed.
enum Over<'w> {
    Link(String, String),
    Session(Person<'w>),
}

/// What all hands share.
struct Storm<'t, 'w> {
    team: &'t Team<'w>,
    brands: Vec<String>,
    invitations: AtomicUsize,
}

/// One of those who act.
struct Hand<'t, 'w> {
    storm: &'t Storm<'t, 'w>,
    name: String,
    dice: Dice,
    admin: Person<'w>,
    places: Vec<Place<'w>>,
    over: Vec<Over<'w>>,
    invited: usize,
}

/// Storms for so many seconds.
pub(crate) fn rage(team: &Team<'_>, seconds: u64, seed: u64) -> Outcome<String> {
    team.needs(HANDS + 1)?;
    let named = ["Ash", "Box", "Elm"].into_iter().map(|name| team.brand(name));
    let brands = named.collect::<Outcome<Vec<String>>>()?;
    let storm = Storm { team, brands, invitations: AtomicUsize::new(0) };
    let mut hands = Vec::new();
    for number in 0..HANDS {
        hands.push(Hand::new(&storm, number, seed)?);
    }
    let (until, before) = (Instant::now() + Duration::from_secs(seconds), team.world().client.answers());
    let (mut gusts, mut most, mut limit) = (0, 0, 0);
    while Instant::now() < until {
        gust(&mut hands)?;
        let ledger = team.ledger()?;
        hands.iter().try_for_each(|hand| hand.agrees_with(&ledger))?;
        (gusts, most, limit) = (gusts + 1, most.max(ledger.used), ledger.limit);
    }
    let answers = team.world().client.answers() - before;
    let events = team.settled()?;
    Ok(format!(
        "seed {seed}: {HANDS} at once in {gusts} gusts, {answers} answers as foreseen; at most {most} of {limit} seats; \
         {events} events, each with its change"
    ))
}

/// All hands at once, each a few things. What doesn't hold goes before a limit.
fn gust(hands: &mut [Hand<'_, '_>]) -> Outcome<()> {
    let ended: Vec<Outcome<()>> = thread::scope(|scope| {
        let running: Vec<_> = hands.iter_mut().map(|hand| scope.spawn(move || hand.acts())).collect();
        let ended = running.into_iter().map(thread::ScopedJoinHandle::join);
        ended.map(|ended| ended.unwrap_or_else(|_| Err(Halt::broken("a hand panicked")))).collect()
    });
    let (others, broken): (Vec<_>, Vec<_>) =
        ended.into_iter().partition(|ended| !matches!(ended, Err(Halt::Broken(_))));
    broken.into_iter().chain(others).collect()
}

/// Whether it was done: answered by the status that says so. Otherwise it is one of the refusals, or others were faster
/// too often, which changes nothing.
fn is_done(reply: &Reply, done: u16, refusals: &[(u16, &str)]) -> Outcome<bool> {
    let is_refused = refusals.iter().any(|(status, code)| reply.is(*status, code));
    if reply.is(done, "") {
        Ok(true)
    } else if is_refused || reply.is(409, "conflict") {
        Ok(false)
    } else {
        Err(reply.wrong(format!("{done}, or one of {refusals:?}")))
    }
}

impl<'t, 'w> Hand<'t, 'w> {
    fn new(storm: &'t Storm<'t, 'w>, number: usize, seed: u64) -> Outcome<Self> {
        let name = format!("hand{number}");
        let admin = storm.team.join(&name, "admin", &[])?;
        let (dice, places) =
            (Dice::new(seed.wrapping_add(number as u64)), (0..PLACES).map(|_| Place::default()));
        Ok(Self { storm, name, dice, admin, places: places.collect(), over: Vec::new(), invited: 0 })
    }

    fn acts(&mut self) -> Outcome<()> {
        (0..GUST).try_for_each(|_| match self.dice.below(6) {
            0 => self.tries_what_is_over(),
            _ => self.acts_somewhere(),
        })
    }

    fn tries_what_is_over(&mut self) -> Outcome<()> {
        let world = self.storm.team.world();
        match self.dice.pick(&self.over) {
            Some(Over::Link(token, code)) => world.link("preview", token)?.refused(410, code).map(drop),
            Some(Over::Session(person)) => person.get("")?.refused(403, "access-revoked").map(drop),
            None => Ok(()),
        }
    }

    fn acts_somewhere(&mut self) -> Outcome<()> {
        let at = self.dice.below(PLACES);
        let Some(mut place) = self.places.get_mut(at).map(mem::take) else { return Ok(()) };
        let acted = self.acts_at(&mut place);
        if let Some(emptied) = self.places.get_mut(at) {
            *emptied = place;
        }
        acted
    }

    /// The owner or the hand's own admin does something to whoever is there, or they do something themselves.
    fn acts_at(&mut self, place: &mut Place<'w>) -> Outcome<()> {
        let actor = if self.dice.below(2) == 0 { self.storm.team.owner.clone() } else { self.admin.clone() };
        let what = self.dice.below(9);
        match (place.status, place.person.clone()) {
            ("", _) => self.invites(&actor, place),
            (_, None) => match what {
                0 => self.ends(place, "declined", 204, |world, token| world.link("decline", token)),
                1 => {
                    let path = format!("invitations/{}", place.invitation);
                    self.ends(place, "revoked", 204, |_, _| actor.tell("DELETE", &path))
                }
                2 | 3 => self.resends(&actor, place),
                4 => is_not_invited(&actor, place, "invitation-pending"),
                _ => self.ends(place, "accepted", 201, |world, token| world.link("accept", token)),
            },
            (_, Some(person)) => match what {
                0 => self.removes(&actor, place, person),
                1 => self.switches(&actor, place, &person, ("suspend", "suspended")),
                2 => self.switches(&actor, place, &person, ("reinstate", "active")),
                3 => signs_in(place, &person),
                4 => is_not_invited(&actor, place, "already-member"),
                5 => self.gives_a_role(&actor, place, &person),
                6 => self.assigns(&actor, place, &person),
                _ => self.acts_as(&actor, place, &person),
            },
        }
    }

    /// One invitation less that may still be made.
    fn is_within_limits(&self) -> bool {
        self.storm.invitations.fetch_add(1, Ordering::Relaxed) < INVITATIONS
    }

    fn invites(&mut self, actor: &Person<'w>, place: &mut Place<'w>) -> Outcome<()> {
        if !self.is_within_limits() {
            return Ok(());
        }
        self.invited += 1;
        let email = self.storm.team.world().address(&format!("{}-{}", self.name, self.invited));
        let role = self.dice.pick(&ROLES).copied().unwrap_or_default();
        let brands = self.dice.some(&self.storm.brands);
        let made = actor.invite(&email, role, &brands)?;
        if is_done(&made, 201, &[(402, "seats-exhausted")])? {
            let invitation = made.word("/id").to_owned();
            self.storm.team.did("invitation.created", &invitation);
            let (status, is_awaited) = ("pending", true);
            *place = Place { email, status, role, brands, invitation, is_awaited, ..Place::default() };
        }
        Ok(())
    }

    /// The newest link, once its mail came.
    fn link(&self, place: &mut Place<'w>) -> Outcome<String> {
        if mem::take(&mut place.is_awaited) {
            place.links.push(self.storm.team.world().token(&place.email, &place.links)?);
        }
        Ok(place.links.last().cloned().unwrap_or_default())
    }

    /// The invitation ends, in a way that all its links tell from then on.
    fn ends(
        &mut self,
        place: &mut Place<'w>,
        how: &str,
        done: u16,
        ask: impl Fn(&'w World, &str) -> Outcome<Reply>,
    ) -> Outcome<()> {
        let (world, token) = (self.storm.team.world(), self.link(place)?);
        let reply = ask(world, &token)?;
        if is_done(&reply, done, &[])? {
            self.storm.team.did(&format!("invitation.{how}"), &place.invitation);
            let told = format!("invitation-{how}");
            self.over.extend(place.links.drain(..).map(|token| Over::Link(token, told.clone())));
            place.person = (how == "accepted").then(|| Person::of(world, &reply));
            place.status = if place.person.is_some() { "active" } else { "" };
        }
        Ok(())
    }

    fn resends(&mut self, actor: &Person<'w>, place: &mut Place<'w>) -> Outcome<()> {
        // the mail before it has to be there, or nobody could tell which one came
        self.link(place)?;
        let path = format!("invitations/{}/resend", place.invitation);
        if place.links.len() <= RESENDS && is_done(&actor.tell("POST", &path)?, 200, &[])? {
            self.storm.team.did("invitation.resent", &place.invitation);
            place.is_awaited = true;
        }
        Ok(())
    }

    /// A removed member's session is over for the team from then on.
    fn removes(&mut self, actor: &Person<'w>, place: &mut Place<'w>, person: Person<'w>) -> Outcome<()> {
        let path = format!("members/{}", person.user);
        if self.is_within_limits() && is_done(&actor.tell("DELETE", &path)?, 204, &[])? {
            self.storm.team.did("member.revoked", &person.user);
            self.over.push(Over::Session(person));
            (place.status, place.person) = ("", None);
        }
        Ok(())
    }

    /// Off or on. What is so already is answered alike, and is no change.
    fn switches(
        &self,
        actor: &Person<'w>,
        place: &mut Place<'w>,
        person: &Person<'w>,
        (verb, status): (&str, &'static str),
    ) -> Outcome<()> {
        let refusals: &[(u16, &str)] = if status == "active" { &[(402, "seats-exhausted")] } else { &[] };
        let reply = actor.tell("POST", &format!("members/{}/{verb}", person.user))?;
        if is_done(&reply, 200, refusals)? && mem::replace(&mut place.status, status) != status {
            let event = if status == "active" { "member.reinstated" } else { "member.suspended" };
            self.storm.team.did(event, &person.user);
        }
        Ok(())
    }

    fn gives_a_role(
        &mut self,
        actor: &Person<'w>,
        place: &mut Place<'w>,
        person: &Person<'w>,
    ) -> Outcome<()> {
        let role = self.dice.pick(&ROLES).copied().unwrap_or_default();
        let reply = actor.give_role(&person.user, role)?;
        if is_done(&reply, 200, &[])? && mem::replace(&mut place.role, role) != role {
            self.storm.team.did("member.role_changed", &person.user);
        }
        Ok(())
    }

    fn assigns(&mut self, actor: &Person<'w>, place: &mut Place<'w>, person: &Person<'w>) -> Outcome<()> {
        let brands = self.dice.some(&self.storm.brands);
        let reply = actor.assign(&person.user, &brands)?;
        if is_done(&reply, 200, &[])? && mem::replace(&mut place.brands, brands.clone()) != brands {
            self.storm.team.did("member.brands_changed", &person.user);
        }
        Ok(())
    }

    /// The member does what the role allows, and tries what it doesn't.
    fn acts_as(&mut self, actor: &Person<'w>, place: &Place<'w>, person: &Person<'w>) -> Outcome<()> {
        if place.status == "suspended" {
            return person.get("members")?.refused(403, "access-revoked").map(drop);
        }
        let brand = self.dice.pick(&self.storm.brands).cloned().unwrap_or_default();
        let writes = place.role == "admin" || (place.role == "member" && place.brands.contains(&brand));
        if person.may("products.write", &brand)? != writes {
            let words =
                format!("{}, {}: products.write is not {writes} for {brand}", place.email, place.role);
            return Err(Halt::broken(words));
        }
        match place.role {
            "admin" => return person.get("events")?.expect(200).map(drop),
            "member" => person.get("members")?.expect(200)?,
            _ => person.get("members")?.refused(403, "forbidden")?,
        };
        person.tell("DELETE", &format!("members/{}", actor.user))?.refused(403, "forbidden")?;
        person.invite(&place.email, "partner", &[])?.refused(403, "forbidden").map(drop)
    }

    /// Fails unless the lists say of every address what is known of it.
    fn agrees_with(&self, ledger: &Ledger) -> Outcome<()> {
        for place in self.places.iter().filter(|place| !place.email.is_empty()) {
            let mut listed = ledger.members.iter().chain(&ledger.pending);
            let listed = listed.find(|one| text(one, "/email") == place.email);
            let listed = json!(listed.map(|one| ["/status", "/role", "/brands"].map(|at| one.pointer(at))));
            let mut brands = place.brands.clone();
            brands.sort();
            // admins reach every brand, whichever they are assigned to
            let brands = if place.role == "admin" { json!("all") } else { json!(brands) };
            let known = json!((!place.status.is_empty()).then(|| json!([place.status, place.role, brands])));
            if listed != known {
                return Err(Halt::broken(format!("{} is listed as {listed}, not {known}", place.email)));
            }
        }
        Ok(())
    }
}

/// Who is there already can't be invited, in no spelling.
fn is_not_invited(actor: &Person<'_>, place: &Place<'_>, code: &str) -> Outcome<()> {
    let again = actor.invite(&place.email.to_uppercase(), "partner", &[])?;
    if again.is(409, "conflict") { Ok(()) } else { again.must(409, code) }
}

fn signs_in(place: &Place<'_>, person: &Person<'_>) -> Outcome<()> {
    let reply = person.world.sign_in(&person.email, &person.world.password)?;
    if place.status == "active" { reply.must(201, "") } else { reply.must(403, "access-revoked") }
}
