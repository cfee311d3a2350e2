//! Passwords that are forgotten or changed, sessions, profiles.

use crate::state::{Belonging, Mail, Reset, Status, Why};
use crate::{HOUR, Nth, Outcome, Try, World};

/// Invitations that are mailed again to somebody who asks for a new password.
const INVITATIONS: usize = 3;

/// What a wrong password comes to where one has a session: it is another one, and nobody is asked to sign in.
pub(crate) fn asked_again(refused: Vec<Outcome>) -> Vec<Outcome> {
    let renamed = refused.into_iter().map(|mut outcome| {
        if outcome.answer.code == "unauthenticated" {
            outcome.answer.code = "validation";
        }
        outcome
    });
    renamed.collect()
}

impl World {
    /// Whether an account has a membership that is of use now (R7).
    pub(crate) fn has_use(&self, address: Nth) -> bool {
        let Some(account) = self.accounts.get(&address) else { return false };
        account.tenants.iter().any(|(tenant, belonging)| {
            let t = &self.tenants[*tenant];
            let is_active = t.members.get(&account.user).is_some_and(|m| m.status == Status::Active);
            *belonging != Belonging::Former && t.status == Status::Active && is_active
        })
    }

    /// The same answer for every address.
    pub(crate) fn ask_for_reset(&self, address: Nth) -> Vec<Outcome> {
        let of_address = format!("reset {address}");
        let full = self.rate(&of_address, HOUR) >= self.limits.resets;
        if full || self.rate("reset-from", HOUR) >= self.limits.resets_of_source {
            return self.no("rate-limited");
        }
        let mut next = self.clone();
        next.count(&of_address, HOUR);
        next.count("reset-from", HOUR);
        next.outbox.push(Mail::Reset { address, to: address, asked_at: next.now, vouched: None });
        next.done()
    }

    /// What the mailer makes of it: a link where there is something to sign in to, else the invitations that wait.
    pub(crate) fn deliver_reset(&mut self, mail: (Nth, Nth, u64), vouched: Option<(Nth, u64)>) {
        let (address, to, asked_at) = mail;
        if asked_at + HOUR <= self.now || self.suppressed.contains_key(&to) {
            return;
        }
        let Some(account) = self.accounts.get(&address) else { return self.mail_invitations(address) };
        let (generation, user) = (account.generation, account.user);
        let sent = format!("sent {address}");
        let too_many = vouched.is_none() && self.rate(&sent, crate::DAY) >= self.limits.address_mails;
        let another = vouched.is_some_and(|vouched| vouched != (user, generation));
        if another || too_many || !self.has_ground(address) {
            return;
        }
        if vouched.is_none() {
            self.count(&sent, crate::DAY);
        }
        let expires_at = self.now + HOUR;
        self.mailed.push((to, None));
        self.resets.push(Reset { address, user, generation, expires_at });
    }

    /// Whether an account is of use for something, or an invitation waits for it.
    fn has_ground(&self, address: Nth) -> bool {
        self.has_use(address) || (self.accounts.contains_key(&address) && !self.waiting(address).is_empty())
    }

    /// Invitations of an address that can be accepted as far as they go themselves, the newest teams' first.
    fn waiting(&self, address: Nth) -> Vec<(Nth, Nth)> {
        let open = |t: &crate::Tenant| {
            let waits = t.invitations.iter().rposition(|i| i.address == address && i.is_live(self.now))?;
            t.is_open_for(&t.invitations[waits]).then_some(waits)
        };
        let tenants = self.tenants.iter().enumerate().rev();
        tenants.filter_map(|(nth, t)| Some((nth, open(t)?))).collect()
    }

    /// A few of them, counted by themselves.
    fn mail_invitations(&mut self, address: Nth) {
        for (tenant, invitation) in self.waiting(address).into_iter().take(INVITATIONS) {
            let again = format!("again {address}");
            if self.rate(&again, crate::DAY) < self.limits.address_mails_of_tenant {
                self.count(&again, crate::DAY);
                let generation = self.tenants[tenant].invitations[invitation].generation;
                self.outbox.push(Mail::Invitation { tenant, invitation, generation, why: Why::Again });
            }
        }
    }

    /// A link works once, for an hour, and until the password is another one; not for who has nothing to sign in to.
    pub(crate) fn confirm_reset(&self, reset: Nth, password: Try) -> Vec<Outcome> {
        let Some(r) = self.resets.get(reset) else { return self.no("not-found") };
        let opens = self
            .accounts
            .get(&r.address)
            .is_some_and(|account| (account.user, account.generation) == (r.user, r.generation));
        if r.expires_at <= self.now || !opens {
            return self.no("not-found");
        }
        if !self.has_ground(r.address) {
            return self.no("access-revoked");
        }
        if password == Try::Weak {
            return self.no("validation");
        }
        let (mut next, address) = (self.clone(), r.address);
        next.forgive(address);
        next.new_password(address, password, None);
        next.done()
    }

    /// Another password: every session ends but the one that asked, if one did.
    fn new_password(&mut self, address: Nth, password: Try, kept: Option<Nth>) {
        let Some(account) = self.accounts.get_mut(&address) else { return };
        account.password = Some(password);
        account.generation += 1;
        let user = account.user;
        for (nth, session) in self.sessions.iter_mut().enumerate() {
            session.closed |= session.user == user && kept != Some(nth);
        }
        self.outbox.push(Mail::Notice { to: address, at: self.now });
    }

    pub(crate) fn change_password(&self, by: Nth, current: Try, new: Try) -> Vec<Outcome> {
        let Some(user) = self.who(by) else { return self.no("unauthenticated") };
        let Some(address) = self.address_of(user) else { return self.no("access-revoked") };
        if new == Try::Weak {
            return self.no("validation");
        }
        let changes = format!("password {address}");
        match self.tried(address, current) {
            Ok(tried) if tried.rate(&changes, HOUR) >= self.limits.resets => tried.no("rate-limited"),
            Ok(_) => {
                let mut next = self.clone();
                next.forgive(address);
                next.count(&changes, HOUR);
                next.new_password(address, new, Some(by));
                next.done()
            }
            Err(refused) => asked_again(refused),
        }
    }

    /// The address that a user signs in with, unless the operator released it.
    pub(crate) fn address_of(&self, user: Nth) -> Option<Nth> {
        self.accounts.iter().find(|(_, account)| account.user == user).map(|(address, _)| *address)
    }

    pub(crate) fn sessions_of(&self, by: Nth) -> Vec<Outcome> {
        let Some(user) = self.who(by) else { return self.no("unauthenticated") };
        let held = (0..self.sessions.len()).filter(|nth| self.who(*nth) == Some(user)).count();
        self.clone().showing(held.to_string())
    }

    /// One of one's own sessions; of others nothing is said.
    pub(crate) fn end_session(&self, by: Nth, session: Nth) -> Vec<Outcome> {
        let Some(user) = self.who(by) else { return self.no("unauthenticated") };
        if self.who(session) != Some(user) {
            return self.no("not-found");
        }
        let mut next = self.clone();
        next.sessions[session].closed = true;
        next.done()
    }

    pub(crate) fn end_sessions(&self, by: Nth) -> Vec<Outcome> {
        let Some(user) = self.who(by) else { return self.no("unauthenticated") };
        let mut next = self.clone();
        for session in next.sessions.iter_mut().filter(|session| session.user == user) {
            session.closed = true;
        }
        next.done()
    }

    /// Names are shown in every team that one is in.
    pub(crate) fn change_profile(&self, by: Nth) -> Vec<Outcome> {
        let Some(user) = self.who(by) else { return self.no("unauthenticated") };
        let changes = format!("profile {user}");
        if self.rate(&changes, HOUR) >= self.limits.profiles {
            return self.no("rate-limited");
        }
        let mut next = self.clone();
        next.count(&changes, HOUR);
        // R7: not where they are suspended, or the team is
        let of_use = |t: &crate::Tenant| {
            t.status == Status::Active && t.members.get(&user).is_some_and(|m| m.status == Status::Active)
        };
        for t in next.tenants.iter_mut().filter(|t| !t.gone && of_use(t)) {
            t.event("member.profile_changed", "member", user);
        }
        next.done()
    }

    /// The operator's: to the address itself, or to another one.
    pub(crate) fn send_password_reset(&self, address: Nth, to: Nth) -> Vec<Outcome> {
        let Some(account) = self.accounts.get(&address).filter(|_| self.has_ground(address)) else {
            return self.no("refused");
        };
        if self.suppressed.contains_key(&to) {
            return self.no("refused");
        }
        let vouched = Some((account.user, account.generation));
        let mut next = self.clone();
        for (tenant, _) in account.tenants.iter().filter(|(_, how)| **how != Belonging::Former) {
            next.tenants[*tenant].event("password.reset_sent", "member", account.user);
        }
        next.outbox.push(Mail::Reset { address, to, asked_at: next.now, vouched });
        next.done()
    }
}
