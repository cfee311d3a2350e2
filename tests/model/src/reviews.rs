//! Reviews of access: who holds what, and what was decided about it.

use std::collections::BTreeMap;

use crate::request::{Reduction, Verdict};
use crate::rights::{Access, Brands, Permissions, Role};
use crate::state::{Decision, Ended, Mail, Member, Review, Status};
use crate::team::{Who, whole_set};
use crate::view::{brands, list, status};
use crate::{DAY, Nth, Outcome, Set, World};

/// Days without anything that was seen of somebody, or of a permission of theirs, after which the report says so.
const LONG: u64 = 90;

/// What the platform asks for: only of these it is known whether they are used.
const ASKED_FOR: [&str; 7] = [
    "products.read",
    "products.write",
    "brand.write",
    "coa.upload",
    "inventory.manage",
    "shipping.confirm",
    "retailers.message",
];

impl Verdict {
    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Reduced(_) => "reduced",
            Self::Revoked => "revoked",
        }
    }
}

impl Review {
    /// Whether it still goes on.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// It in one line.
    pub(crate) fn line(&self, nth: Nth) -> String {
        let many = |verdict: &str| self.decisions.values().filter(|made| made.verdict == verdict).count();
        let (end, undecided) = match &self.ended {
            Some(ended) => (format!("closed by {}", ended.by), ended.undecided.to_string()),
            None => ("open".to_owned(), "-".to_owned()),
        };
        let [kept, reduced, revoked] = ["kept", "reduced", "revoked"].map(many);
        let counts = format!("kept {kept} reduced {reduced} revoked {revoked} undecided {undecided}");
        format!("{nth} by {} {end} {counts}", self.opened_by)
    }
}

impl Decision {
    /// It in one line, as whoever sees these brands reads it; those of them that are gone stay named, since it is history.
    fn shown(&self, seen: &Brands) -> String {
        let after = self.after.as_ref().map_or_else(|| "-".to_owned(), |after| held(after, seen));
        let (verdict, reason, by) = (self.verdict, self.reason, self.by);
        format!("{verdict} for {reason} by {by}: {} -> {after}", held(&self.before, seen))
    }

    /// As it is kept.
    pub(crate) fn line(&self) -> String {
        let kept = |access: &Access| {
            format!("{} {} {}", access.role.name(), list(access.list.as_ref()), brands(&access.brands))
        };
        let after = self.after.as_ref().map_or_else(|| "-".to_owned(), kept);
        let (verdict, reason, by) = (self.verdict, self.reason, self.by);
        format!("{verdict} for {reason} by {by}: {} -> {after}", kept(&self.before))
    }
}

/// What somebody held: the role, what they could do, and the brands that they reached.
fn held(access: &Access, seen: &Brands) -> String {
    let permissions = list(Some(&access.permissions()));
    format!("{} {permissions} {}", access.role.name(), brands(&access.reach().within(seen)))
}

/// Whether what is left is none of it less: more in a part of it, or the same in another spelling. Of brands in the same role
/// more is also one that only waits for another role to be reached by.
fn is_no_less(before: &Access, after: &Access) -> bool {
    let (could, can) = (before.permissions(), after.permissions());
    let (reached, reaches) = (before.reach(), after.reach());
    let more = after.role < before.role
        || !can.is_subset(&could)
        || !reached.covers(&reaches)
        || (after.role == before.role && !before.brands.covers(&after.brands));
    more || (before.role == after.role && could == can && reached == reaches)
}

impl Member {
    /// Whether they were in the team at that second, as far as what is left of them says.
    fn was_in(&self, at: u64) -> bool {
        let still = self.status != Status::Revoked || self.ended_at.is_some_and(|ended| at < ended);
        self.joined_at <= at && still
    }

    /// What they hold and weren't seen to use for long. That it is used is noted of a sample, which is empty here. Nothing
    /// can be taken from an owner.
    fn unused(&self, today: u64) -> Permissions {
        let is_old = self.granted_at / DAY + LONG <= today;
        let held = if is_old && self.access.role != Role::Owner {
            self.access.permissions()
        } else {
            Permissions::new()
        };
        held.into_iter().filter(|permission| ASKED_FOR.contains(permission)).collect()
    }
}

impl World {
    /// One of a team goes on at a time. The owner is told, unless it is they who begin it.
    pub(crate) fn open_review(&self, who: Who) -> Vec<Outcome> {
        let t = &self.tenants[who.tenant];
        if t.reviews.iter().any(Review::is_open) {
            return self.no("conflict");
        }
        let owner = t.owner.filter(|owner| *owner != who.user).and_then(|owner| t.members.get(&owner));
        let told = owner.map(|owner| Mail::Notice { to: owner.address, at: self.now });
        let nth = t.reviews.len();
        let review = Review { opened_by: who.user, ended: None, decisions: BTreeMap::new() };
        let line = review.line(nth);
        let outcomes = self.acted(who, |next| {
            let t = &mut next.tenants[who.tenant];
            t.reviews.push(review);
            t.event("access_review.opened", "review", nth);
            next.outbox.extend(told);
        });
        shown(outcomes, &line)
    }

    /// Who wasn't decided about stays as they are, and is counted. One that is over is over.
    pub(crate) fn close_review(&self, who: Who, nth: Nth) -> Vec<Outcome> {
        let t = &self.tenants[who.tenant];
        let Some(review) = t.reviews.get(nth) else { return self.no("not-found") };
        if !review.is_open() {
            return self.clone().showing(review.line(nth));
        }
        let left = |(user, m): &(&Nth, &Member)| m.was_in(self.now) && !review.decisions.contains_key(*user);
        let undecided = t.members.iter().filter(left).count();
        let ended = Ended { by: who.user, at: self.now, undecided };
        let after = Review { ended: Some(ended), ..review.clone() };
        let line = after.line(nth);
        let outcomes = self.acted(who, |next| {
            let t = &mut next.tenants[who.tenant];
            t.reviews[nth] = after;
            t.event("access_review.closed", "review", nth);
        });
        shown(outcomes, &line)
    }

    /// What stands against deciding this about somebody: it takes what taking it away elsewhere does (R1, R2, R3). Whatever
    /// one holds, it isn't oneself who says that one keeps it.
    fn may_decide(&self, who: Who, user: Nth, verdict: &Verdict) -> Vec<&'static str> {
        let held = self.held(who);
        let (needed, of_target) = match verdict {
            Verdict::Kept if user == who.user => return vec!["forbidden"],
            Verdict::Kept => return Vec::new(),
            Verdict::Revoked => (vec!["members.revoke"], self.target(who, user)),
            Verdict::Reduced(to) => {
                let mut needed = Vec::new();
                if to.role.is_some() || to.brands.is_some() {
                    needed.push("members.assign");
                }
                if to.list.is_some() {
                    needed.push("members.permit");
                }
                (needed, self.target(who, user))
            }
        };
        let mut no = of_target.map(|(_, no)| no).unwrap_or_default();
        if !needed.iter().all(|permission| held.contains(permission)) {
            no.push("forbidden");
        }
        no
    }

    /// What a member is left with; what isn't said stays, but for a list, which goes with its role.
    fn left(&self, who: Who, before: &Access, to: &Reduction) -> Result<Access, Vec<&'static str>> {
        let mut no = Vec::new();
        let brands = match &to.brands {
            None => Some(before.brands.clone()),
            Some(asked) => {
                let (seen, there) = (self.access_of(who).reach(), self.tenants[who.tenant].there());
                // R6: an unseen brand is the same as none; a whole set changes only what its writer sees
                if let Set::These(set) = asked
                    && !set.iter().all(|brand| there.contains(brand) && seen.has(*brand))
                {
                    no.push("validation");
                }
                whole_set(&seen, &before.brands, asked)
            }
        };
        let role = to.role.unwrap_or(before.role);
        let list = to.list.clone().or_else(|| before.list.clone().filter(|_| role == before.role));
        match brands {
            Some(brands) if no.is_empty() => Ok(Access { role, list, brands }),
            Some(_) => Err(no),
            None => {
                no.push("role-not-grantable");
                Err(no)
            }
        }
    }

    /// What stands against leaving a member with this: a review only takes, and leaves what its reviewer could give.
    fn is_less(&self, who: Who, before: &Access, after: &Access) -> Vec<&'static str> {
        let mut no = Vec::new();
        if is_no_less(before, after) {
            no.push("validation");
        }
        let mine = self.access_of(who);
        let given = if before.role == after.role && before.list == after.list {
            // brands alone: what the reviewer doesn't see stays, and isn't theirs to give
            Access { brands: after.brands.within(&mine.reach()), ..after.clone() }
        } else {
            self.tenants[who.tenant].still(after)
        };
        if !mine.gives(&given) {
            no.push("role-not-grantable");
        }
        no
    }

    /// Decides about a member as they are, and takes what is to be taken. A later decision replaces an earlier one while the
    /// review goes on; the very one that stands changes nothing, ever.
    pub(crate) fn decide(
        &self,
        who: Who,
        (nth, user): (Nth, Nth),
        verdict: &Verdict,
        reason: Nth,
    ) -> Vec<Outcome> {
        let t = &self.tenants[who.tenant];
        let (Some(review), Some(target)) = (t.reviews.get(nth), t.members.get(&user)) else {
            return self.no("not-found");
        };
        let mut no = self.may_decide(who, user, verdict);
        let before = &target.access;
        // with what they are left, where that can be said
        let after = match verdict {
            Verdict::Kept => Some(before.clone()),
            Verdict::Revoked => None,
            Verdict::Reduced(to) => match self.left(who, before, to) {
                Ok(after) => Some(after),
                Err(why) => {
                    no.extend(why);
                    None
                }
            },
        };
        let seen = self.access_of(who).reach();
        let is_over = target.status == Status::Revoked;
        let holds = (!is_over).then(|| before.clone());
        let stands = review.decisions.get(&user).filter(|made| {
            (made.verdict, made.reason) == (verdict.name(), reason) && made.after == holds && after == holds
        });
        if let Some(made) = stands.filter(|_| no.is_empty()) {
            return self.clone().showing(format!("{user} {}", made.shown(&seen)));
        }
        if !review.is_open() {
            no.push("conflict");
        }
        if is_over {
            no.push("not-found");
        } else if let (Verdict::Reduced(_), Some(after)) = (verdict, &after) {
            no.extend(self.is_less(who, before, after));
        }
        if let Some(refused) = self.refused(&no) {
            return refused;
        }
        let event = match &after {
            None => "member.revoked",
            Some(_) if *verdict == Verdict::Kept => "access_review.decided",
            Some(after) if after.role != before.role => "member.role_changed",
            Some(after) if after.list != before.list => "member.permissions_changed",
            Some(_) => "member.brands_changed",
        };
        let (verdict, before) = (verdict.name(), before.clone());
        let decision = Decision { verdict, reason, by: who.user, before, after: after.clone() };
        let line = format!("{user} {}", decision.shown(&seen));
        let outcomes = self.acted(who, |next| {
            match after {
                None => next.end_membership(who.tenant, user, event),
                Some(after) => {
                    let now = next.now;
                    let t = &mut next.tenants[who.tenant];
                    if let Some(member) = t.members.get_mut(&user).filter(|_| verdict == "reduced") {
                        (member.access, member.granted_at) = (after, now);
                    }
                    t.event(event, "member", user);
                }
            }
            next.tenants[who.tenant].reviews[nth].decisions.insert(user, decision);
        });
        shown(outcomes, &line)
    }

    /// Who holds what: everybody whose membership isn't over, since when, and what of it nobody saw them use.
    pub(crate) fn access(&self, who: Who) -> Vec<Outcome> {
        let t = &self.tenants[who.tenant];
        let (seen, there, today) = (self.access_of(who).reach(), t.there(), self.now / DAY);
        let members = t.members.iter().filter(|(_, m)| m.status != Status::Revoked);
        let lines = members.map(|(user, m)| {
            let (role, standing) = (m.access.role.name(), status(m.status));
            let reach = brands(&m.access.reach().within(&seen).there(&there));
            let permissions = list(Some(&m.access.permissions()));
            let (stale, unused) = (m.active_on + LONG <= today, list(Some(&m.unused(today))));
            let given = m.granted_at;
            format!(
                "{user} {role} {standing} {reach} {permissions} since {given} stale {stale} unused {unused}"
            )
        });
        self.clone().showing(lines.collect::<Vec<_>>().join("\n"))
    }

    pub(crate) fn reviews(&self, who: Who) -> Vec<Outcome> {
        let reviews = self.tenants[who.tenant].reviews.iter().enumerate();
        let lines: Vec<String> = reviews.map(|(nth, review)| review.line(nth)).collect();
        self.clone().showing(lines.join("\n"))
    }

    /// A review and what it decided.
    pub(crate) fn review(&self, who: Who, nth: Nth) -> Vec<Outcome> {
        let Some(review) = self.tenants[who.tenant].reviews.get(nth) else { return self.no("not-found") };
        let seen = self.access_of(who).reach();
        let made = review.decisions.iter().map(|(user, made)| format!("{user} {}", made.shown(&seen)));
        let lines: Vec<String> = std::iter::once(review.line(nth)).chain(made).collect();
        self.clone().showing(lines.join("\n"))
    }

    /// The same, with everybody who wasn't decided about and was in the team at its end, or is now.
    pub(crate) fn written_review(&self, who: Who, nth: Nth) -> Vec<Outcome> {
        let t = &self.tenants[who.tenant];
        let Some(review) = t.reviews.get(nth) else { return self.no("not-found") };
        let seen = self.access_of(who).reach();
        let end = review.ended.as_ref().map_or(self.now, |ended| ended.at);
        let rows = t.members.iter().filter_map(|(user, m)| {
            let what = match review.decisions.get(user) {
                Some(made) => made.shown(&seen),
                None if m.was_in(end) => format!("undecided: {} -> -", held(&m.access, &seen)),
                None => return None,
            };
            Some(format!("{user} {} {what}", status(m.status)))
        });
        let lines: Vec<String> = std::iter::once(review.line(nth)).chain(rows).collect();
        self.clone().showing(lines.join("\n"))
    }
}

/// What is answered to who did it.
fn shown(mut outcomes: Vec<Outcome>, line: &str) -> Vec<Outcome> {
    for outcome in &mut outcomes {
        line.clone_into(&mut outcome.answer.shows);
    }
    outcomes
}
