//! Requests that are sent at once: one of them wins, the others are told what the contract says, and what is read
//! afterwards agrees with who won.

use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use crate::client::{Halt, Outcome, Reply};
use crate::dice::Dice;
use crate::team::{Person, Team, text};

/// Milliseconds, at most, that the rival of an acceptance starts late: hashing the password takes the acceptance longer,
/// so that it would hardly ever win.
const LATE: usize = 120;

/// Seats that are filled to race for the last one: no more, or the invitations of an hour would be spent on it.
const FILLED: usize = 30;

/// A request that races.
type Racer<'r> = Box<dyn Fn() -> Outcome<Reply> + Send + Sync + 'r>;

fn racer<'r>(request: impl Fn() -> Outcome<Reply> + Send + Sync + 'r) -> Racer<'r> {
    Box::new(request)
}

/// The answers to requests that start at the same time. Who met others too often is told to read again and to retry,
/// and does.
fn at_once(racers: &[Racer<'_>]) -> Outcome<Vec<Reply>> {
    let start = &Barrier::new(racers.len());
    let answers: Vec<Outcome<Reply>> = thread::scope(|scope| {
        let running = racers.iter().map(|racer| {
            scope.spawn(move || {
                start.wait();
                racer()
            })
        });
        // all of them run before one is waited for
        let running: Vec<_> = running.collect();
        let ended = running.into_iter().map(thread::ScopedJoinHandle::join);
        ended.map(|answer| answer.unwrap_or_else(|_| Err(Halt::broken("a racer panicked")))).collect()
    });
    let settled = racers.iter().zip(answers).map(|(racer, answer)| match answer {
        Ok(reply) if reply.is(409, "conflict") => racer(),
        answer => answer,
    });
    settled.collect()
}

/// The winner: the one answer of this status, where all others are this refusal.
fn winner<'r>(answers: &'r [Reply], won: u16, (status, code): (u16, &str)) -> Outcome<&'r Reply> {
    let (winners, losers): (Vec<&Reply>, Vec<&Reply>) = answers.iter().partition(|reply| reply.is(won, ""));
    for loser in losers {
        loser.must(status, code)?;
    }
    match (winners.as_slice(), answers.first()) {
        (&[winner], _) => Ok(winner),
        (&[first, ..], _) | (&[], Some(first)) => {
            let times = winners.len();
            Err(first.wrong(format!("{won} for one of {} at once, not for {times}", answers.len())))
        }
        (&[], None) => Err(Halt::broken("nobody raced")),
    }
}

/// What an acceptance races with. If it comes first: its status, its event, what the acceptance is told then, and where
/// the invitation stands.
type Rival = (&'static str, u16, &'static str, &'static str, &'static str);

const RIVALS: [Rival; 3] = [
    ("revoke", 204, "invitation.revoked", "invitation-revoked", "revoked"),
    ("decline", 204, "invitation.declined", "invitation-declined", "declined"),
    ("resend", 200, "invitation.resent", "invitation-revoked", "pending"),
];

/// A team that races, and who won how often.
struct Races<'t, 'w> {
    team: &'t Team<'w>,
    admins: [Person<'w>; 2],
    dice: Dice,
    won: BTreeMap<String, usize>,
    addresses: usize,
}

/// Races so many rounds.
pub(crate) fn race(team: &Team<'_>, rounds: usize, dice: Dice) -> Outcome<String> {
    team.needs(3)?;
    let admins = [team.join("anna", "admin", &[])?, team.join("otto", "admin", &[])?];
    let mut races = Races { team, admins, dice, won: BTreeMap::new(), addresses: 0 };
    for _ in 0..rounds {
        races.accepts(2)?;
        races.accepts(8)?;
        for rival in RIVALS {
            races.accept_against(rival)?;
        }
        races.one_address()?;
        races.demotions()?;
        team.ledger()?;
    }
    let last = races.last_seats(rounds)?;
    team.settled()?;
    let won: Vec<String> = races.won.iter().map(|(what, times)| format!("{what} {times}")).collect();
    Ok(format!("{rounds} rounds, of each race one winner; who came first: {}; {last}", won.join(", ")))
}

impl Races<'_, '_> {
    fn came_first(&mut self, what: &str) {
        *self.won.entry(what.to_owned()).or_default() += 1;
    }

    /// A name that no address of this team had before.
    fn fresh(&mut self) -> String {
        self.addresses += 1;
        format!("racer{}", self.addresses)
    }

    /// Whoever joined is one member, and leaves again.
    fn joined(&self, id: &str, accepted: &Reply) -> Outcome<()> {
        self.team.did("invitation.accepted", id);
        let email = accepted.word("/member/email");
        let ledger = self.team.ledger()?;
        let same = ledger.members.iter().filter(|member| text(member, "/email") == email).count();
        accepted.holds(same == 1, format!("one member {email}, not {same}"))?;
        self.team.remove(accepted.word("/member/user_id"))
    }

    /// One link, accepted so many times.
    fn accepts(&mut self, times: usize) -> Outcome<()> {
        let (team, world) = (self.team, self.team.world());
        let invited = team.invite(&self.fresh(), "member", &[])?;
        let token = invited.token.as_str();
        let racers: Vec<Racer<'_>> = (0..times).map(|_| racer(move || world.link("accept", token))).collect();
        let answers = at_once(&racers)?;
        self.joined(&invited.id, winner(&answers, 201, (410, "invitation-accepted"))?)
    }

    /// An acceptance, and what makes the link worthless.
    fn accept_against(&mut self, (verb, first, event, beaten, status): Rival) -> Outcome<()> {
        let (team, world) = (self.team, self.team.world());
        let invited = team.invite(&self.fresh(), "member", &[])?;
        let late = Duration::from_millis(self.dice.below(LATE) as u64);
        let path = format!("invitations/{}", invited.id);
        let answers = at_once(&[
            racer(|| world.link("accept", &invited.token)),
            racer(|| {
                thread::sleep(late);
                match verb {
                    "revoke" => team.owner.tell("DELETE", &path),
                    "decline" => world.link("decline", &invited.token),
                    _ => team.owner.tell("POST", &format!("{path}/resend")),
                }
            }),
        ])?;
        let [accepted, other] = answers.as_slice() else {
            return Err(Halt::broken("two requests have other than two answers"));
        };
        let now = team.owner.get(&path)?.expect(200)?;
        if accepted.is(201, "") {
            let told = if verb == "decline" { (410, "invitation-accepted") } else { (409, "already-member") };
            other.must(told.0, told.1)?;
            now.holds(now.word("/status") == "accepted", "an accepted invitation")?;
            self.came_first(&format!("accept before {verb}"));
            return self.joined(&invited.id, accepted);
        }
        accepted.must(410, beaten)?;
        other.must(first, "")?;
        now.holds(now.word("/status") == status, format!("an invitation that is {status}"))?;
        self.came_first(&format!("{verb} before accept"));
        team.did(event, &invited.id);
        if status == "pending" { team.revoke(&invited.id) } else { Ok(()) }
    }

    /// One address, invited twice, in two spellings and by two people.
    fn one_address(&mut self) -> Outcome<()> {
        let team = self.team;
        let email = team.world().address(&self.fresh());
        let [anna, _] = &self.admins;
        let answers = at_once(&[
            racer(|| team.owner.invite(&email, "member", &[])),
            racer(|| anna.invite(&email.to_uppercase(), "member", &[])),
        ])?;
        let made = winner(&answers, 201, (409, "invitation-pending"))?.word("/id");
        team.did("invitation.created", made);
        for loser in answers.iter().filter(|reply| reply.status == 409) {
            loser.holds(loser.word("/existing/id") == made, format!("the one that is there, {made}"))?;
        }
        team.revoke(made)
    }

    /// Two admins who demote each other: who was demoted demotes nobody any more.
    fn demotions(&mut self) -> Outcome<()> {
        let [anna, otto] = &self.admins;
        let answers = at_once(&[
            racer(|| anna.give_role(&otto.user, "partner")),
            racer(|| otto.give_role(&anna.user, "partner")),
        ])?;
        let demoted = winner(&answers, 200, (403, "forbidden"))?;
        let ledger = self.team.ledger()?;
        for admin in [anna, otto] {
            let expected = if demoted.word("/user_id") == admin.user { "partner" } else { "admin" };
            let role = text(ledger.member(&admin.user), "/role");
            demoted.holds(role == expected, format!("{} as {expected}, not {role}", admin.email))?;
        }
        let user = demoted.word("/user_id");
        self.team.owner.give_role(user, "admin")?.expect(200)?;
        self.team.did("member.role_changed", user);
        self.team.did("member.role_changed", user);
        let first = if user == anna.user { "otto before anna" } else { "anna before otto" };
        self.came_first(first);
        Ok(())
    }

    /// All seats but one are filled; two race for that one.
    fn last_seats(&mut self, rounds: usize) -> Outcome<String> {
        let team = self.team;
        let free = team.ledger()?.free();
        if free == 0 || free > FILLED {
            return Ok(format!("the last seat was NOT raced for, since {free} are free"));
        }
        let mut fillers = Vec::new();
        for _ in 1..free {
            let email = team.world().address(&self.fresh());
            let filler = team.owner.invite(&email, "partner", &[])?.expect(201)?;
            team.did("invitation.created", filler.word("/id"));
            fillers.push(filler.word("/id").to_owned());
        }
        for _ in 0..rounds {
            self.last_seat()?;
        }
        fillers.iter().try_for_each(|filler| team.revoke(filler))?;
        Ok(format!("{rounds} times the last of {} seats went to one of two", team.ledger()?.limit))
    }

    fn last_seat(&mut self) -> Outcome<()> {
        let team = self.team;
        let [one, other] = [self.fresh(), self.fresh()].map(|who| team.world().address(&who));
        let [anna, _] = &self.admins;
        let answers = at_once(&[
            racer(|| team.owner.invite(&one, "member", &[])),
            racer(|| anna.invite(&other, "member", &[])),
        ])?;
        let made = winner(&answers, 201, (402, "seats-exhausted"))?.word("/id");
        team.did("invitation.created", made);
        let left = team.ledger()?.free();
        if left != 0 {
            return Err(Halt::broken(format!("{} has {left} seats left after its last", team.name)));
        }
        team.revoke(made)
    }
}
