//! The stack and the reference model, side by side.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use local::Reply;
use oracle::{Limits, Request};

use crate::{Driver, START, World};

/// Without the counters of guesses: who was right and lost a race, or whose process ended, stays counted for a quarter of an
/// hour, which is nobody's harm.
#[must_use]
pub fn without_guesses(mut lines: BTreeMap<String, String>) -> BTreeMap<String, String> {
    lines.retain(|name, _| !name.starts_with("rate failures"));
    lines
}

/// A stack and the model of it, which have agreed so far.
pub struct Twin {
    /// The stack.
    pub driver: Driver,
    /// The model.
    pub model: oracle::World,
}

/// Limits low enough that a short life meets them.
#[must_use]
pub const fn limits() -> Limits {
    Limits {
        seats: 6,
        invitations: 5,
        tenant_mails: 12,
        address_mails_of_tenant: 4,
        address_mails: 6,
        resends: 2,
        failures: 3,
        failures_of_address: 5,
        sign_ups_of_source: 3,
        sign_ups: 4,
        resets: 2,
        resets_of_source: 4,
        profiles: 2,
        session_days: 60,
        exclusive: false,
    }
}

/// Limits as the settings of functions.
fn settings(l: &Limits) -> BTreeMap<&'static str, String> {
    let settings = [
        ("NEW_TENANT_SEATS", l.seats),
        ("INVITATIONS_PER_HOUR", l.invitations),
        ("TENANT_MAILS_PER_DAY", l.tenant_mails),
        ("ADDRESS_MAILS_OF_TENANT_PER_DAY", l.address_mails_of_tenant),
        ("ADDRESS_MAILS_PER_DAY", l.address_mails),
        ("RESENDS_PER_10_MINUTES", l.resends),
        ("FAILED_SIGN_INS_PER_15_MINUTES", l.failures),
        ("FAILED_SIGN_INS_OF_ADDRESS_PER_15_MINUTES", l.failures_of_address),
        ("SIGN_UPS_OF_SOURCE_PER_HOUR", l.sign_ups_of_source),
        ("SIGN_UPS_PER_DAY", l.sign_ups),
        ("PASSWORD_RESETS_PER_HOUR", l.resets),
        ("PASSWORD_RESETS_OF_SOURCE_PER_HOUR", l.resets_of_source),
        ("PROFILE_CHANGES_PER_HOUR", l.profiles),
        ("SESSION_DAYS", l.session_days),
    ];
    let policy = ("EMAIL_POLICY", if l.exclusive { "exclusive" } else { "shared" }.to_owned());
    settings.into_iter().map(|(name, value)| (name, value.to_string())).chain([policy]).collect()
}

/// How two states differ, a line each.
#[must_use]
pub fn differences(model: &BTreeMap<String, String>, table: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for (name, should) in model {
        match table.get(name) {
            None => _ = writeln!(text, "  {name}: should be {should}, isn't there"),
            Some(is) if is != should => _ = writeln!(text, "  {name}: should be {should}\n    is {is}"),
            Some(_) => {}
        }
    }
    for (name, is) in table.iter().filter(|(name, _)| !model.contains_key(*name)) {
        _ = writeln!(text, "  {name}: shouldn't be there, is {is}");
    }
    text
}

impl Twin {
    /// Both with nothing in them, under these limits.
    pub async fn new(limits: Limits) -> Self {
        let settings = settings(&limits);
        let world = World::with_settings(settings).await;
        Self { driver: Driver::new(world), model: oracle::World::new(limits, START.unix_seconds()) }
    }

    /// A copy of both.
    pub async fn fork(&self) -> Self {
        Self { driver: self.driver.fork().await, model: self.model.clone() }
    }

    /// A copy of both, under other limits.
    pub async fn fork_under(&self, limits: Limits) -> Self {
        let world = self.driver.world.fork_under(settings(&limits)).await;
        let model = oracle::World { limits, ..self.model.clone() };
        let mut driver = self.driver.clone();
        driver.world = world;
        Self { driver, model }
    }

    /// Does one thing on both; the code that it was answered.
    ///
    /// # Errors
    /// Where they don't agree: what was answered and found, and what would have been legal.
    pub async fn step(&mut self, request: &Request) -> Result<&'static str, String> {
        let legal = self.model.legal(request);
        let (reply, answer) = self.driver.act(request).await;
        let answers: Vec<_> = legal.iter().map(|outcome| &outcome.answer).collect();
        if !answers.contains(&&answer) {
            return Err(format!("{request:?}\n  answered {answer:?}\n  legal: {answers:?}"));
        }
        if let Some(read) = self.driver.reading_back(request, &reply) {
            let shown = self.driver.send(&read).await;
            let what = |reply: &Reply| {
                let mut body = reply.json();
                // what became of others with it is said once
                body.as_object_mut().map(|body| body.remove("unsponsored_invitations"));
                (body, reply.headers.get("etag").cloned())
            };
            // who may change something mayn't always read it
            if shown.status == 200 && what(&shown) != what(&reply) {
                let (is, said) = (what(&shown), what(&reply));
                return Err(format!("{request:?}\n  answered {said:?}\n  but it is {is:?}"));
            }
        }
        let found = self.driver.lines();
        let mut wrong = String::new();
        for outcome in legal.into_iter().filter(|outcome| outcome.answer == answer) {
            let should = outcome.next.lines();
            if should == found {
                self.model = outcome.next;
                return Ok(answer.code);
            }
            wrong = differences(&should, &found);
        }
        Err(format!("{request:?}\n  answered {answer:?}\n{wrong}"))
    }

    /// Does one thing that may have been done already; of the answer only the code is compared, of the lines what `compared`
    /// leaves.
    ///
    /// # Errors
    /// As [`Twin::step`].
    pub async fn step_again(
        &mut self,
        request: &Request,
        compared: impl Fn(BTreeMap<String, String>) -> BTreeMap<String, String>,
    ) -> Result<(), String> {
        let legal = self.model.legal(request);
        let (_, answer) = self.driver.act(request).await;
        let answers: Vec<_> = legal.iter().map(|outcome| outcome.answer.clone()).collect();
        let found = compared(self.driver.lines());
        let mut wrong = String::new();
        for outcome in legal.into_iter().filter(|outcome| outcome.answer.code == answer.code) {
            let should = compared(outcome.next.lines());
            if should == found {
                self.model = outcome.next;
                return Ok(());
            }
            wrong = differences(&should, &found);
        }
        Err(format!("again: {request:?}\n  answered {answer:?}\n  legal: {answers:?}\n{wrong}"))
    }

    /// The same, one after the other.
    ///
    /// # Panics
    /// Where they don't agree.
    pub async fn all(mut self, requests: &[Request]) -> Self {
        for request in requests {
            if let Err(wrong) = self.step(request).await {
                panic!("{wrong}");
            }
        }
        self
    }
}
