//! Another address to sign in with, and the old one taken back.

use crate::account::asked_again;
use crate::state::{Belonging, Former, Holder, Mail, Proof, Return, Status};
use crate::{DAY, HOUR, Nth, Outcome, Request, Try, World};

/// Days for which an old address can be taken back.
const DAYS: u64 = 7;

/// Addresses that one person gives up in that time.
const MOST: usize = 10;

impl World {
    /// The same answer for every address that isn't the account's own.
    pub(crate) fn ask_for_email(&self, by: Nth, to: Nth, password: Try) -> Vec<Outcome> {
        let Some(user) = self.who(by) else { return self.no("unauthenticated") };
        let Some(account) = self.address_of(user) else { return self.no("access-revoked") };
        if to == account {
            return self.no("validation");
        }
        let mut next = match self.tried(account, password) {
            Ok(next) => next,
            Err(refused) => return asked_again(refused),
        };
        let (of_user, by_user, in_all) =
            (format!("email {user}"), format!("proof {user} {to}"), format!("proof {to}"));
        let full = next.rate(&by_user, DAY) >= self.limits.address_mails_of_tenant
            || next.rate(&in_all, DAY) >= self.limits.address_mails;
        if full || next.rate(&of_user, HOUR) >= self.limits.resets {
            return next.no("rate-limited");
        }
        next.count(&of_user, HOUR);
        next.count(&by_user, DAY);
        next.count(&in_all, DAY);
        next.forgive(account);
        let generation = self.accounts[&account].generation;
        next.outbox.push(Mail::Proof { account, to, user, generation, asked_at: next.now });
        next.done()
    }

    /// What the mailer makes of it: a link, unless somebody has the address, or the account is another one by now.
    pub(crate) fn deliver_proof(
        &mut self,
        (account, to): (Nth, Nth),
        (user, generation): (Nth, u64),
        at: u64,
    ) {
        let same = self.accounts.get(&account).is_some_and(|a| (a.user, a.generation) == (user, generation));
        let taken = self.accounts.contains_key(&to) || self.suppressed.contains_key(&to);
        if at + HOUR <= self.now || !same || taken {
            return;
        }
        let expires_at = self.now + HOUR;
        self.mailed.push((to, None));
        self.proofs.push(Proof { account, user, generation, to, expires_at, used: false });
    }

    /// What the old address is told, with the link back, unless it was undone meanwhile.
    pub(crate) fn deliver_moved(&mut self, to: Nth, user: Nth, change: Option<Nth>, at: u64) {
        if at + DAYS * DAY <= self.now || self.suppressed.contains_key(&to) {
            return;
        }
        let former = self.former.get(&user).into_iter().flatten();
        let former = former.clone().find(|former| Some(former.change) == change).copied();
        match (change, former) {
            (Some(_), None) => {}
            (None, _) => self.mailed.push((to, None)),
            (Some(change), Some(former)) => {
                self.mailed.push((to, None));
                self.returns.push(Return { user, change, expires_at: former.until });
            }
        }
    }

    /// Where an account is.
    fn teams_of(&self, account: Nth) -> Vec<Nth> {
        let tenants = self.accounts[&account].tenants.iter();
        tenants.filter(|(_, how)| **how != Belonging::Former).map(|(tenant, _)| *tenant).collect()
    }

    /// The account has another address, in all its teams; whoever held it there gave way.
    fn moved(mut self, user: Nth, from: Nth, to: Nth) -> Self {
        let Some(mut account) = self.accounts.remove(&from) else { return self };
        // no link of before lives again when the account is back
        account.generation += 1;
        self.accounts.insert(to, account);
        for tenant in self.teams_of(to) {
            let t = &mut self.tenants[tenant];
            t.holders.remove(&from);
            t.holders.insert(to, Holder::Member(user));
            if let Some(member) = t.members.get_mut(&user) {
                member.address = to;
            }
            t.event("member.email_changed", "member", user);
        }
        self
    }

    /// A link works once, for an hour, until the account has another password or address.
    pub(crate) fn confirm_email(&self, proof: Nth) -> Vec<Outcome> {
        let Some(p) = self.proofs.get(proof).filter(|p| !p.used && self.now < p.expires_at) else {
            return self.no("not-found");
        };
        let same = |a: &crate::Account| (a.user, a.generation) == (p.user, p.generation);
        if !self.accounts.get(&p.account).is_some_and(same) {
            return self.no("not-found");
        }
        let mut former = self.former.get(&p.user).cloned().unwrap_or_default();
        former.retain(|former| self.now < former.until);
        let back = former.iter().position(|former| former.address == p.to);
        let mut refused = Vec::new();
        if self.accounts.contains_key(&p.to) {
            refused.push("email-in-use");
        }
        if back.is_none() && former.len() >= MOST {
            refused.push("rate-limited");
        }
        let mut giving_way = Vec::new();
        for tenant in self.teams_of(p.account) {
            let t = &self.tenants[tenant];
            match t.holders.get(&p.to) {
                Some(Holder::Member(_)) => refused.push("email-in-use"),
                Some(Holder::Invitation(i)) if t.invitations[*i].is_live(self.now) => {
                    // nobody can come into a closed team
                    if t.status == Status::Closed {
                        giving_way.push((tenant, *i));
                    } else {
                        refused.push("email-in-use");
                    }
                }
                Some(Holder::Invitation(_)) | None => {}
            }
        }
        if let Some(refused) = self.refused(&refused) {
            return refused;
        }
        let (account, to, user) = (p.account, p.to, p.user);
        let mut next = self.clone();
        for (tenant, invitation) in giving_way {
            next.end_invitation(tenant, invitation, "revoked");
        }
        let mut next = next.moved(user, account, to);
        next.proofs[proof].used = true;
        let change = if let Some(at) = back {
            former.truncate(at);
            None
        } else {
            let change = next.changes;
            next.changes += 1;
            former.push(Former { change, address: account, until: self.now + DAYS * DAY });
            Some(change)
        };
        next.former.insert(user, former);
        next.outbox.push(Mail::Moved { to: account, user, change, at: next.now });
        next.done()
    }

    /// The old address takes itself back, from wherever the account is by now: nobody is signed in, nobody knows a password.
    pub(crate) fn undo_email(&self, back: Nth) -> Vec<Outcome> {
        let Some(r) = self.returns.get(back).filter(|r| self.now < r.expires_at) else {
            return self.no("not-found");
        };
        let mut former = self.former.get(&r.user).cloned().unwrap_or_default();
        let Some(at) = former.iter().position(|former| former.change == r.change) else {
            return self.no("not-found");
        };
        let (user, to) = (r.user, former[at].address);
        let Some(from) = self.address_of(user) else { return self.no("not-found") };
        if self.accounts.contains_key(&to) {
            return self.no("email-in-use");
        }
        let (mut next, given_up_at) = (self.clone(), former[at].until - DAYS * DAY);
        for (tenant, invitation) in self.in_the_way(user, &former[at]) {
            next.end_invitation(tenant, invitation, "revoked");
        }
        for tenant in self.teams_of(from) {
            if self.tenants[tenant].members.get(&user).is_some_and(|m| ends(m, given_up_at)) {
                next.end_membership(tenant, user, "member.revoked");
            }
        }
        let mut next = next.moved(user, from, to);
        former.truncate(at);
        next.former.insert(user, former);
        if let Some(account) = next.accounts.get_mut(&to) {
            account.password = None;
            let vouched = Some((user, account.generation));
            next.outbox.push(Mail::Reset { address: to, to, asked_at: next.now, vouched });
        }
        for session in next.sessions.iter_mut().filter(|session| session.user == user) {
            session.closed = true;
        }
        next.outbox.push(Mail::Moved { to: from, user, change: None, at: next.now });
        next.done()
    }

    /// The invitations of an address that is taken back, in the teams that its account stays in: whoever moved the account may
    /// have invited the old address, so that it is in use.
    fn in_the_way(&self, user: Nth, former: &Former) -> Vec<(Nth, Nth)> {
        let given_up_at = former.until - DAYS * DAY;
        let teams = self.address_of(user).map(|from| self.teams_of(from)).into_iter().flatten();
        let stays = teams.filter(|tenant| {
            let member = self.tenants[*tenant].members.get(&user);
            !member.is_some_and(|m| ends(m, given_up_at))
        });
        stays
            .filter_map(|tenant| match self.tenants[tenant].holders.get(&former.address) {
                Some(Holder::Invitation(i)) if self.tenants[tenant].invitations[*i].is_live(self.now) => {
                    Some((tenant, *i))
                }
                _ => None,
            })
            .collect()
    }

    /// What may be so where a process ends in the middle of a request, beside that nothing of it was done and that all was.
    /// What is in the way of an address that is taken back is ended first, each by itself: whoever is stopped follows the
    /// link again.
    #[must_use]
    pub fn halfway(&self, request: &Request) -> Vec<Self> {
        let Request::UndoEmail { back } = request else { return Vec::new() };
        let Some(r) = self.returns.get(*back).filter(|r| self.now < r.expires_at) else { return Vec::new() };
        let former = self.former.get(&r.user).and_then(|all| all.iter().find(|one| one.change == r.change));
        let mut states: Vec<Self> = Vec::new();
        for (tenant, invitation) in former.map_or_else(Vec::new, |former| self.in_the_way(r.user, former)) {
            let before = states.last().unwrap_or(self);
            let mut next = before.clone();
            next.end_invitation(tenant, invitation, "revoked");
            before.sign(request, &mut next);
            states.push(next);
        }
        states
    }
}

/// Whether a membership was given to whoever had the account since; a tenant has an owner (R2).
fn ends(member: &crate::Member, given_up_at: u64) -> bool {
    given_up_at < member.joined_at && member.access.role != crate::rights::Role::Owner
}
