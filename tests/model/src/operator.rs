//! Signing up, the operator's orders, time, the sweeper, the mailer and what SES says.

use std::collections::{BTreeMap, BTreeSet};

use crate::rights::Role;
use crate::state::{Account, Belonging, Delivery, Link, Mail, Status, Why};
use crate::{DAY, HOUR, Nth, Outcome, Told, World};

impl World {
    pub(crate) fn sign_up(&self, address: Nth) -> Vec<Outcome> {
        let mut no = self.mail_refused(self.tenants.len(), address, true);
        let here = self.rate("sign-ups-here", HOUR) >= self.limits.sign_ups_of_source;
        if here || self.rate("sign-ups", DAY) >= self.limits.sign_ups {
            no.push("rate-limited");
        }
        self.refused(&no).unwrap_or_else(|| {
            let mut next = self.clone();
            next.count("sign-ups-here", HOUR);
            next.count("sign-ups", DAY);
            next.founded(address, next.limits.seats, false, None);
            next.done()
        })
    }

    pub(crate) fn create_tenant(&self, address: Nth, seats: u64) -> Vec<Outcome> {
        if seats == 0 || !self.mail_refused(self.tenants.len(), address, false).is_empty() {
            return self.no("refused");
        }
        let mut next = self.clone();
        next.founded(address, seats, true, None);
        next.done()
    }

    pub(crate) fn set_plan(&self, tenant: Nth, seats: u64) -> Vec<Outcome> {
        let there = self.tenants.get(tenant).filter(|t| !t.gone);
        if there.is_none() || seats == 0 {
            return self.no("refused");
        }
        let mut next = self.clone();
        next.tenants[tenant].seats = seats;
        next.tenants[tenant].event("tenant.plan_changed", "tenant", tenant);
        next.done()
    }

    /// Each member's address belongs to the tenant as the policy has it from then on. A tenant keeps its addresses to itself from
    /// the moment on at which none of them belongs to another one too; what is in the way later is left as it is.
    pub(crate) fn set_email_policy(&self, tenant: Nth, exclusive: bool) -> Vec<Outcome> {
        let Some(t) = self.tenants.get(tenant).filter(|t| !t.gone) else { return self.no("refused") };
        let is_in = |account: &Account| {
            account.tenants.get(&tenant).is_some_and(|belonging| *belonging != Belonging::Former)
        };
        let is_elsewhere = |account: &Account| {
            account
                .tenants
                .iter()
                .any(|(other, belonging)| *other != tenant && *belonging != Belonging::Former)
        };
        let in_the_way = |account: &Account| exclusive && is_in(account) && is_elsewhere(account);
        let (is_new, left) =
            (t.exclusive != exclusive, self.accounts.values().filter(|one| in_the_way(one)).count());
        if is_new && left > 0 {
            return self.no("refused");
        }
        let belonging = if exclusive { Belonging::Exclusive } else { Belonging::Shared };
        let mut next = self.clone();
        for account in next.accounts.values_mut().filter(|one| is_in(one) && !in_the_way(one)) {
            account.tenants.insert(tenant, belonging);
        }
        let t = &mut next.tenants[tenant];
        t.exclusive = exclusive;
        if is_new {
            t.event("tenant.updated", "tenant", tenant);
        }
        next.showing(left.to_string())
    }

    pub(crate) fn suspend_tenant(&self, tenant: Nth, suspended: bool) -> Vec<Outcome> {
        let (status, event) = if suspended {
            (Status::Suspended, "tenant.suspended")
        } else {
            (Status::Active, "tenant.reinstated")
        };
        match self.tenants.get(tenant).filter(|t| !t.gone).map(|t| t.status) {
            None | Some(Status::Pending | Status::Closed) => self.no("refused"),
            Some(already) if already == status => self.clone().done(),
            Some(_) => {
                let mut next = self.clone();
                next.tenants[tenant].status = status;
                next.tenants[tenant].event(event, "tenant", tenant);
                next.done()
            }
        }
    }

    /// When a closed tenant can't be opened again any more, and may be removed.
    fn kept_until(&self, tenant: Nth) -> Option<u64> {
        let t = self.tenants.get(tenant).filter(|t| !t.gone)?;
        t.closed_at.map(|at| at + 30 * DAY)
    }

    /// As it was, for thirty days.
    pub(crate) fn reopen(&self, tenant: Nth) -> Vec<Outcome> {
        if self.kept_until(tenant).is_none_or(|until| until <= self.now) {
            return self.no("refused");
        }
        let mut next = self.clone();
        let t = &mut next.tenants[tenant];
        (t.status, t.closed_at) = (Status::Active, None);
        t.event("tenant.reopened", "tenant", tenant);
        next.done()
    }

    /// After that all of it goes, and who is known in no other team goes with it.
    pub(crate) fn remove_tenant(&self, tenant: Nth) -> Vec<Outcome> {
        if self.kept_until(tenant).is_none_or(|until| self.now < until) {
            return self.no("refused");
        }
        let mut next = self.clone();
        let related = |(nth, t): &(Nth, &crate::Tenant)| {
            !t.gone && (t.portal == Some(tenant) || (*nth == tenant && t.portal.is_some()))
        };
        let related: Vec<Nth> = self.tenants.iter().enumerate().filter(related).map(|(nth, _)| nth).collect();
        for partner in related {
            next.end_portal(partner);
        }
        let t = &mut next.tenants[tenant];
        t.gone = true;
        (t.holders, t.events) = (BTreeMap::new(), BTreeMap::new());
        let members = std::mem::take(&mut t.members);
        for account in next.accounts.values_mut().filter(|account| members.contains_key(&account.user)) {
            account.tenants.remove(&tenant);
        }
        let over: BTreeMap<Nth, Nth> = next
            .accounts
            .iter()
            .filter(|(_, account)| account.tenants.is_empty())
            .map(|(address, account)| (*address, account.user))
            .collect();
        next.accounts.retain(|address, _| !over.contains_key(address));
        for session in &mut next.sessions {
            session.closed |= over.values().any(|user| *user == session.user);
        }
        // nobody is left to be told
        next.outbox.retain(|mail| !matches!(mail, Mail::Notice { to, .. } if over.contains_key(to)));
        next.done()
    }

    /// An active member becomes the owner, who becomes an admin (R2).
    pub(crate) fn transfer(&self, tenant: Nth, to: Nth) -> Vec<Outcome> {
        let Some(t) = self.tenants.get(tenant).filter(|t| !t.gone) else { return self.no("refused") };
        let active = t.members.get(&to).is_some_and(|member| member.status == Status::Active);
        let Some(owner) = t.owner.filter(|owner| active && *owner != to) else { return self.no("refused") };
        let mut next = self.clone();
        let t = &mut next.tenants[tenant];
        t.owner = Some(to);
        t.event("tenant.transferred", "tenant", tenant);
        let mut told = Vec::new();
        for (user, role) in [(owner, Role::Admin), (to, Role::Owner)] {
            if let Some(member) = t.members.get_mut(&user) {
                told.push(Mail::Notice { to: member.address, at: self.now });
                member.access.role = role;
                member.granted_at = self.now;
                if role == Role::Owner {
                    member.access.list = None;
                }
            }
        }
        next.outbox.extend(told);
        next.done()
    }

    pub(crate) fn release_email(&self, address: Nth) -> Vec<Outcome> {
        let Some(account) = self.accounts.get(&address) else { return self.no("refused") };
        if account.tenants.values().any(|belonging| *belonging != Belonging::Former) {
            return self.no("refused");
        }
        let mut next = self.clone();
        next.told_everywhere(address, "email.released");
        next.accounts.remove(&address);
        next.suppressed.remove(&address);
        next.done()
    }

    pub(crate) fn lift_suppression(&self, address: Nth) -> Vec<Outcome> {
        if !self.suppressed.contains_key(&address) {
            return self.no("refused");
        }
        let mut next = self.clone();
        next.told_everywhere(address, "email.unsuppressed");
        next.suppressed.remove(&address);
        next.done()
    }

    /// In the trail of each team that an address belongs or belonged to.
    pub(crate) fn told_everywhere(&mut self, address: Nth, event: &str) {
        let Some(account) = self.accounts.get(&address) else { return };
        let (user, tenants): (Nth, Vec<Nth>) = (account.user, account.tenants.keys().copied().collect());
        for tenant in tenants {
            self.tenants[tenant].event(event, "member", user);
        }
    }

    pub(crate) fn pass(&self, seconds: u64) -> Vec<Outcome> {
        let mut next = self.clone();
        next.now += seconds;
        next.done()
    }

    /// The sweeper takes what its time is over, from the second after it; the stream runs dry behind it.
    pub(crate) fn sweep(&self) -> Vec<Outcome> {
        let mut next = self.clone();
        let now = next.now;
        for t in &mut next.tenants {
            t.gone |= t.unconfirmed_until.is_some_and(|until| until < now);
        }
        for link in &mut next.links {
            link.swept |= link.expires_at < now;
        }
        let due: Vec<((Nth, Nth), u64)> = next
            .reminders
            .iter()
            .filter(|(_, (_, at))| *at < now)
            .map(|(of, (generation, _))| (*of, *generation))
            .collect();
        next.reminders.retain(|_, (_, at)| *at >= now);
        next.send_all();
        next.reminded(&due).into_iter().flat_map(World::done).collect()
    }

    /// What may come of reminders that are due at once: all that are wanted are queued and sent, or as many as there is room
    /// for, whichever come first.
    fn reminded(&self, due: &[((Nth, Nth), u64)]) -> Vec<Self> {
        let queued = |chosen: &BTreeSet<usize>| {
            let mut next = self.clone();
            let all = chosen.iter().all(|nth| next.remind(due[*nth].0, due[*nth].1));
            all.then_some(next)
        };
        let (mut looked, mut ends) = (BTreeSet::new(), Vec::new());
        let mut first = self.clone();
        let wanted = (0..due.len()).filter(|nth| self.clone().remind(due[*nth].0, due[*nth].1));
        let wanted: BTreeSet<usize> = wanted.collect();
        if wanted.iter().all(|nth| first.remind(due[*nth].0, due[*nth].1)) {
            first.send_all();
            return vec![first];
        }
        // no one of them makes room for another: what may come is what nothing can be added to
        let mut begun = vec![BTreeSet::new()];
        while let Some(chosen) = begun.pop() {
            let more = wanted.difference(&chosen).map(|nth| {
                let mut more = chosen.clone();
                more.insert(*nth);
                more
            });
            let more: Vec<BTreeSet<usize>> = more.filter(|more| queued(more).is_some()).collect();
            if more.is_empty() {
                ends.extend(queued(&chosen));
            }
            begun.extend(more.into_iter().filter(|more| looked.insert(more.clone())));
        }
        ends.iter_mut().for_each(Self::send_all);
        ends
    }

    /// Every mail of the outbox is looked at once: what it is about has to be as it was (R9, R10).
    pub(crate) fn deliver(&self) -> Vec<Outcome> {
        let mut next = self.clone();
        next.send_all();
        next.done()
    }

    fn send_all(&mut self) {
        let next = self;
        while !next.outbox.is_empty() {
            let (tenant, invitation, generation, why) = match next.outbox.remove(0) {
                Mail::Invitation { tenant, invitation, generation, why } => {
                    (tenant, invitation, generation, why)
                }
                Mail::Reset { address, to, asked_at, vouched } => {
                    next.deliver_reset((address, to, asked_at), vouched);
                    continue;
                }
                Mail::Proof { account, to, user, generation, asked_at } => {
                    next.deliver_proof((account, to), (user, generation), asked_at);
                    continue;
                }
                Mail::Moved { to, user, change, at } => {
                    next.deliver_moved(to, user, change, at);
                    continue;
                }
                Mail::Notice { to, at } => {
                    if next.now < at + DAY && !next.suppressed.contains_key(&to) {
                        next.mailed.push((to, None));
                    }
                    continue;
                }
            };
            let t = &next.tenants[tenant];
            let i = &t.invitations[invitation];
            if t.gone || !i.is_live(next.now) || i.generation != generation {
                continue;
            }
            let state = if next.suppressed.contains_key(&i.address) {
                Delivery::Suppressed
            } else if !t.is_open_for(i) || next.sponsorship(t, i) != "holds" {
                Delivery::Failed
            } else {
                let (address, expires_at) = (i.address, i.expires_at);
                if let Some(days) = t.reminder_days.filter(|_| why == Why::Sent) {
                    let at = next.now + days * DAY;
                    if at + HOUR <= expires_at {
                        next.reminders.insert((tenant, invitation), (generation, at));
                    }
                }
                next.mailed.push((address, (why == Why::Sent).then_some(next.links.len())));
                let again = why == Why::Again;
                next.links.push(Link {
                    address,
                    tenant,
                    invitation,
                    generation,
                    expires_at,
                    swept: false,
                    again,
                });
                Delivery::Sent
            };
            // of a mail that is sent once more the invitation shows nothing
            let known = &mut next.tenants[tenant].invitations[invitation].delivery;
            if why == Why::Sent {
                *known = (*known).max(state);
            }
        }
    }

    /// What SES says of the newest mail to an address. What is known for certain is never replaced by older news.
    pub(crate) fn feedback(&self, address: Nth, told: Told) -> Vec<Outcome> {
        let mut next = self.clone();
        let Some((_, link)) = self.mailed.iter().rev().find(|(to, _)| *to == address) else {
            return next.done();
        };
        let state = match told {
            Told::Delivered => Delivery::Delivered,
            Told::Delayed => Delivery::Delayed,
            Told::Bounced => Delivery::Bounced,
            Told::BouncedForNow => Delivery::BouncedForNow,
            Told::Complained => Delivery::Complained,
        };
        // the first reason stays
        match told {
            Told::Bounced => _ = next.suppressed.entry(address).or_insert("bounced"),
            Told::Complained => _ = next.suppressed.entry(address).or_insert("complained"),
            Told::Delivered | Told::Delayed | Told::BouncedForNow => {}
        }
        // of any other mail only the address is noted
        let Some(link) = link.map(|link| &self.links[link]) else { return next.done() };
        let t = &mut next.tenants[link.tenant];
        let i = &mut t.invitations[link.invitation];
        if !t.gone && i.generation == link.generation && i.delivery < state {
            i.delivery = state;
            if matches!(told, Told::Bounced | Told::BouncedForNow | Told::Complained) {
                t.event("invitation.undelivered", "invitation", link.invitation);
            }
        }
        next.done()
    }
}
