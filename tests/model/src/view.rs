//! What is shown to whom, and the state as lines of text.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::rights::{Brands, Permissions};
use crate::state::{Belonging, Delivery, Holder, Status, Tenant};
use crate::team::Who;
use crate::{DAY, Nth, Outcome, Request, World};

fn set(items: impl IntoIterator<Item = impl ToString>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(" ")
}

/// Brands as a line has them.
#[must_use]
pub(crate) fn brands(brands: &Brands) -> String {
    match brands {
        Brands::All => "all".to_owned(),
        Brands::Only(these) => format!("[{}]", set(these)),
    }
}

/// A list of permissions as a line has it.
pub(crate) fn list(list: Option<&Permissions>) -> String {
    list.map_or_else(|| "-".to_owned(), |list| format!("[{}]", set(list)))
}

pub(crate) const fn status(status: Status) -> &'static str {
    match status {
        Status::Pending => "pending",
        Status::Active => "active",
        Status::Suspended => "suspended",
        Status::Revoked => "revoked",
        Status::Closed => "closed",
    }
}

const fn delivery(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Queued => "queued",
        Delivery::Sent => "sent",
        Delivery::Failed => "failed",
        Delivery::Delayed => "delayed",
        Delivery::Delivered => "delivered",
        Delivery::Bounced | Delivery::BouncedForNow => "bounced",
        Delivery::Suppressed => "suppressed",
        Delivery::Complained => "complained",
    }
}

impl Tenant {
    /// The events that a reader sees, and how often; who did something to a member is left out: what is left of it depends
    /// on its details.
    fn trail(&self, may: &Permissions, seen: &Brands, there: &BTreeSet<Nth>) -> String {
        let shown = self.events.iter().filter(|(event, _)| {
            let mut words = event.split(' ').skip(1);
            let (subject, nth) = (words.next(), words.next().and_then(|nth| nth.parse().ok()));
            match (subject, nth) {
                (Some("brand"), Some(brand)) => {
                    *seen == Brands::All || seen.has(brand) && there.contains(&brand)
                }
                (Some("invitation"), _) => may.contains("members.invite"),
                (Some("review"), _) => may.contains("access.review"),
                (Some("member"), _) => false,
                _ => true,
            }
        });
        shown.map(|(event, times)| format!("{event} {times}")).collect::<Vec<_>>().join("\n")
    }
}

impl World {
    /// What a reader in the team is shown: nothing of a brand that they don't see (R6), nothing personal of a colleague.
    pub(crate) fn shown(&self, who: Who, request: &Request) -> Vec<Outcome> {
        let (t, reader) = (&self.tenants[who.tenant], who.user);
        let may = self.held(who);
        let (seen, there) = (self.access_of(who).reach(), t.there());
        let visible = |b: &Brands| brands(&b.within(&seen).there(&there));
        // of everybody's brands, what is there of those that the reader sees
        let keeps = t.status == Status::Active && may.contains("members.assign");
        let member = |user: Nth| {
            let m = &t.members[&user];
            let personal =
                if keeps || user == reader { list(m.access.list.as_ref()) } else { "hidden".to_owned() };
            let (role, reach) = (m.access.role.name(), visible(&m.access.reach()));
            format!("{user} {role} {} {reach} {personal}", status(m.status))
        };
        let invitation = |nth: Nth| {
            let i = &t.invitations[nth];
            let how = i.ended.unwrap_or(if i.is_live(self.now) { "pending" } else { "expired" });
            let personal =
                if keeps || how != "accepted" { list(i.access.list.as_ref()) } else { "hidden".to_owned() };
            let sponsorship = match (i.ended, i.sponsor) {
                (None, Some(_)) => self.sponsorship(t, i),
                _ => "-",
            };
            let (role, reach) = (i.access.role.name(), visible(&i.access.reach()));
            // what nobody could send for a day, and ten minutes for the last try, has failed
            let is_over = i.delivery == Delivery::Queued && i.queued_at + DAY + 600 < self.now;
            let mail = delivery(if is_over { Delivery::Failed } else { i.delivery });
            format!("{nth} {role} {how} {reach} {personal} {sponsorship} {mail}")
        };
        let shows = match request {
            Request::Tenant { .. } => format!("{} {}", status(t.status), t.seats),
            Request::Members { .. } => {
                let listed = t.members.iter().filter(|(_, m)| m.status != Status::Revoked);
                listed.map(|(user, _)| member(*user)).collect::<Vec<_>>().join("\n")
            }
            Request::OwnMember { .. } => member(reader),
            Request::Member { user, .. } if t.members.contains_key(user) => member(*user),
            Request::Invitations { .. } => {
                let listed = t.invitations.iter().enumerate().filter(|(_, i)| i.founding.is_none());
                listed.map(|(nth, _)| invitation(nth)).collect::<Vec<_>>().join("\n")
            }
            Request::Invitation { invitation: nth, .. } if *nth < t.invitations.len() => invitation(*nth),
            Request::Seats { .. } => {
                let active = t.members.iter().filter(|(_, m)| m.status == Status::Active);
                let members = active.map(|(user, m)| format!("member {user} {}", m.access.role.name()));
                let live = t.invitations.iter().enumerate().filter(|(_, i)| i.is_live(self.now));
                let invited = live.map(|(nth, i)| format!("invitation {nth} {}", i.access.role.name()));
                let counted = format!("{} of {}", t.seats_used(self.now), t.seats);
                let lines = std::iter::once(counted).chain(members).chain(invited);
                lines.collect::<Vec<_>>().join("\n")
            }
            Request::Brands { .. } => set(there.iter().filter(|brand| seen.has(**brand))),
            Request::Brand { brand, .. } if there.contains(brand) && seen.has(*brand) => brand.to_string(),
            Request::Events { .. } => t.trail(&may, &seen, &there),
            _ => return self.no("not-found"),
        };
        self.clone().showing(shows)
    }

    pub(crate) fn me(&self, by: Nth) -> Vec<Outcome> {
        let Some(user) = self.who(by) else { return self.no("unauthenticated") };
        let mine = self.tenants.iter().enumerate().filter_map(|(nth, t)| {
            let m = t.members.get(&user).filter(|m| m.status != Status::Revoked)?;
            let reach = brands(&m.access.reach().there(&t.there()));
            let (role, standing) = (m.access.role.name(), status(m.status));
            Some(format!("{nth} {role} {standing} {reach} {}", list(m.access.list.as_ref())))
        });
        self.clone().showing(mine.collect::<Vec<_>>().join("\n"))
    }

    /// The state, a line a thing: what has to be found in the table too.
    #[must_use]
    pub fn lines(&self) -> BTreeMap<String, String> {
        let mut lines = BTreeMap::new();
        for (nth, t) in self.tenants.iter().enumerate().filter(|(_, t)| !t.gone) {
            let owner = t.owner.map_or_else(|| "-".to_owned(), |user| user.to_string());
            let (used, mails) = (t.seats_used(self.now), t.mails);
            let mut tenant = format!("{} owner {owner} seats {used} of {}", status(t.status), t.seats);
            let policy = if t.exclusive { "exclusive" } else { "shared" };
            let _ = write!(tenant, " mails {}/{} {policy}", mails.count, mails.window);
            if let Some(at) = t.closed_at {
                let _ = write!(tenant, " closed {at}");
            }
            if let Some(days) = t.reminder_days {
                let _ = write!(tenant, " reminds after {days}");
            }
            lines.insert(format!("tenant {nth}"), tenant);
            if let Some(portal) = t.portal {
                lines.insert(format!("tenant {nth} portal"), portal.to_string());
            }
            for (user, m) in &t.members {
                let (a, invites) = (&m.access, m.invites);
                let mut member = format!("{} {} {}", a.role.name(), status(m.status), brands(&a.brands));
                let _ = write!(member, " {} address {}", list(a.list.as_ref()), m.address);
                let _ = write!(member, " invites {}/{} day {}", invites.count, invites.window, m.active_on);
                lines.insert(format!("tenant {nth} member {user}"), member);
            }
            for (at, i) in t.invitations.iter().enumerate() {
                let a = &i.access;
                let how = i.ended.unwrap_or(if i.expires_at <= self.now { "expired" } else { "pending" });
                let mut line =
                    format!("{} {how} {} {}", a.role.name(), brands(&a.brands), list(a.list.as_ref()));
                let mut sponsor = i.sponsor.map_or_else(|| "-".to_owned(), |user| user.to_string());
                if let Some(portal) = i.through {
                    let _ = write!(sponsor, " of {portal}");
                }
                let by = i.accepted_by.map_or_else(|| "-".to_owned(), |user| user.to_string());
                let _ = write!(line, " address {} generation {} sponsor {sponsor}", i.address, i.generation);
                let _ = write!(
                    line,
                    " until {} or {} by {by} {}",
                    i.expires_at,
                    i.renewable_until,
                    delivery(i.delivery)
                );
                let _ = write!(line, " resends {}/{}", i.resends.count, i.resends.window);
                if i.reminded {
                    line += " reminded";
                }
                lines.insert(format!("tenant {nth} invitation {at}"), line);
            }
            for brand in t.there() {
                lines.insert(format!("tenant {nth} brand {brand}"), "there".to_owned());
            }
            for (at, review) in t.reviews.iter().enumerate() {
                lines.insert(format!("tenant {nth} review {at}"), review.line(at));
                if review.is_open() {
                    lines.insert(format!("tenant {nth} review that goes on"), at.to_string());
                }
                for (user, made) in &review.decisions {
                    lines.insert(format!("tenant {nth} review {at} member {user}"), made.line());
                }
            }
            for (address, holder) in &t.holders {
                let holder = match holder {
                    Holder::Invitation(i) => format!("invitation {i}"),
                    Holder::Member(user) => format!("member {user}"),
                };
                lines.insert(format!("tenant {nth} holder of {address}"), holder);
            }
            // who finds an invitation expired, and when, is nobody's business: the clock decides
            for (event, times) in t.deeds.iter().filter(|(event, _)| !event.starts_with("invitation.expired"))
            {
                lines.insert(format!("tenant {nth} event {event}"), times.to_string());
            }
        }
        for ((tenant, invitation), (generation, at)) in &self.reminders {
            let line = format!("generation {generation} at {at}");
            lines.insert(format!("reminder {tenant} {invitation}"), line);
        }
        for (address, account) in &self.accounts {
            let tenants = account.tenants.iter().map(|(tenant, belonging)| {
                let belonging = match belonging {
                    Belonging::Shared => "shared",
                    Belonging::Exclusive => "exclusive",
                    Belonging::Former => "former",
                };
                format!("{tenant}:{belonging}")
            });
            lines.insert(
                format!("account {address}"),
                format!("user {} password {} in {}", account.user, account.generation, set(tenants)),
            );
        }
        for reset in self.resets.iter().filter(|reset| self.now < reset.expires_at) {
            let of_user = |r: &&crate::Reset| self.now < r.expires_at && r.user == reset.user;
            let many = self.resets.iter().filter(of_user).count();
            lines.insert(format!("resets of {}", reset.user), many.to_string());
        }
        let proofs = self.proofs.iter().filter(|proof| !proof.used && self.now < proof.expires_at);
        let returns = self.returns.iter().filter(|back| self.now < back.expires_at);
        let links = proofs.map(|p| ("proofs", p.user)).chain(returns.map(|r| ("returns", r.user)));
        let mut many: BTreeMap<String, u64> = BTreeMap::new();
        for (kind, user) in links {
            *many.entry(format!("{kind} of {user}")).or_default() += 1;
        }
        lines.extend(many.into_iter().map(|(line, many)| (line, many.to_string())));
        for (to, _) in &self.mailed {
            let many = self.mailed.iter().filter(|(other, _)| other == to).count();
            lines.insert(format!("mails to {to}"), many.to_string());
        }
        for (address, why) in &self.suppressed {
            lines.insert(format!("suppressed {address}"), (*why).to_owned());
        }
        let open = |session: &&crate::Session| !session.closed && self.now < session.expires_at;
        for user in self.sessions.iter().filter(open).map(|s| s.user).collect::<BTreeSet<_>>() {
            let many = self.sessions.iter().filter(open).filter(|s| s.user == user).count();
            lines.insert(format!("sessions of {user}"), many.to_string());
        }
        // a stretch that is over counts for nothing, whether or not it was swept
        let current = |name: &str, window: u64| {
            let seconds = self.stretch(name);
            window == self.now / seconds
        };
        for ((name, window), times) in self.rates.iter().filter(|((name, w), n)| current(name, *w) && **n > 0)
        {
            lines.insert(format!("rate {name}"), format!("{times}/{window}"));
        }
        lines
    }

    /// The stretch in which something is counted, in seconds.
    fn stretch(&self, name: &str) -> u64 {
        match name.split(' ').next() {
            Some("failures") => crate::state::QUARTER,
            Some("sign-ups-here" | "reset" | "reset-from" | "password" | "profile" | "email") => crate::HOUR,
            _ => DAY,
        }
    }
}
