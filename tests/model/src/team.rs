//! What a member does inside a team.

use std::collections::BTreeSet;

use crate::portals::{admins, managing};
use crate::rights::{Access, Brands, Permissions, ROLES, Role};
use crate::state::{Belonging, Delivery, Holder, Invitation, Mail, Member, Status, TEN_MINUTES, Window};
use crate::{DAY, Given, Nth, Outcome, Request, Set, Try, World, asked_again};

/// Who asks, in which team; both are there.
#[derive(Clone, Copy)]
pub(crate) struct Who {
    /// The team.
    pub(crate) tenant: Nth,
    /// The user.
    pub(crate) user: Nth,
    /// The portal that they are a member of, where they are none of the team (R8).
    portal: Option<Nth>,
}

impl Who {
    /// Where they are a member.
    fn home(self) -> Nth {
        self.portal.unwrap_or(self.tenant)
    }
}

/// What a whole set comes to that somebody writes who sees these brands: the rest stays (R6). None where it takes somebody who
/// sees every brand.
pub(crate) fn whole_set(seen: &Brands, before: &Brands, asked: &Set) -> Option<Brands> {
    match (seen, before, asked) {
        (Brands::All, _, Set::All) => Some(Brands::All),
        (Brands::All, _, Set::These(set)) => Some(Brands::Only(set.clone())),
        (Brands::Only(seen), Brands::Only(before), Set::These(set)) => {
            Some(Brands::Only((before - seen).union(set).copied().collect()))
        }
        (Brands::Only(_), _, _) => None,
    }
}

impl World {
    /// Whose session this is, if it holds.
    pub(crate) fn who(&self, session: Nth) -> Option<Nth> {
        let session = self.sessions.get(session)?;
        (!session.closed && self.now < session.expires_at).then_some(session.user)
    }

    /// The gates, one behind the other: a session that holds (401), a membership (404 for who never had one, 403 for who
    /// has none now) or one of the portal, where they have none of their own (R8), a tenant in use and the permission (403,
    /// R7).
    pub(crate) fn in_team(&self, by: Nth, tenant: Nth, request: &Request) -> Vec<Outcome> {
        let Some(user) = self.who(by) else { return self.no("unauthenticated") };
        let Some(t) = self.tenants.get(tenant).filter(|t| !t.gone) else { return self.no("not-found") };
        let own = t.members.get(&user).map(|member| member.status);
        let portal = match own {
            Some(Status::Active) => None,
            Some(Status::Suspended) => return self.no("access-revoked"),
            _ => match (self.portal_of(t, user), own) {
                (Some(portal), _) => Some(portal),
                (None, Some(_)) => return self.no("access-revoked"),
                (None, None) => return self.no("not-found"),
            },
        };
        let who = Who { tenant, user, portal };
        let is_own = match request {
            Request::Leave { .. } | Request::OwnMember { .. } => true,
            Request::Member { user: other, .. } => *other == user,
            _ => false,
        };
        // who gets in through a portal has no membership of their own
        if is_own && portal.is_some() {
            return self.no("not-found");
        }
        if let Request::Check { permission, brand, user, .. } = request {
            return self.check(who, permission, *brand, *user);
        }
        let held = self.held(who);
        let needed = match request {
            Request::Tenant { .. } => "tenant.read",
            Request::Invite { .. }
            | Request::Resend { .. }
            | Request::RevokeInvitation { .. }
            | Request::Invitation { .. }
            | Request::Invitations { .. } => "members.invite",
            Request::Member { user: other, .. } if *other == user => "",
            Request::Member { .. } | Request::Members { .. } => "members.read",
            Request::GiveRole { .. }
            | Request::SetBrands { .. }
            | Request::AddBrand { .. }
            | Request::TakeBrand { .. } => "members.assign",
            Request::Suspend { .. } | Request::Reinstate { .. } | Request::Remove { .. } => "members.revoke",
            Request::CreateBrand { .. } => "brands.create",
            Request::RenameBrand { .. } => "brands.update",
            Request::DeleteBrand { .. } => "brands.delete",
            Request::Events { .. } => "audit.read",
            Request::OpenReview { .. }
            | Request::Reviews { .. }
            | Request::Review { .. }
            | Request::WrittenReview { .. }
            | Request::Decide { .. }
            | Request::CloseReview { .. }
            | Request::Access { .. } => "access.review",
            Request::RenameTenant { .. } | Request::SetReminder { .. } | Request::LeavePortal { .. } => {
                "tenant.update"
            }
            Request::CreatePartner { .. } | Request::Partners { .. } | Request::EndPartner { .. } => {
                "partners.manage"
            }
            Request::Permit { .. } => "members.permit",
            Request::HandOver { .. } => "tenant.transfer",
            Request::Close { .. } => "tenant.close",
            Request::Roles { .. } => "tenant.read",
            // it shows what both lists show
            Request::Seats { .. } if held.contains("members.invite") => "members.read",
            Request::Seats { .. } => "members.invite",
            Request::Leave { .. } | Request::OwnMember { .. } => "",
            _ => "brand.read",
        };
        let in_use = self.tenants[tenant].status == Status::Active;
        // what one is oneself is read whatever one may
        if !needed.is_empty() && (!in_use || !held.contains(needed)) {
            return self.no("forbidden");
        }
        match request {
            Request::Invite { given, .. } => self.invite(who, given),
            Request::Resend { invitation, .. } => self.resend(who, *invitation),
            Request::RevokeInvitation { invitation, .. } => self.revoke_invitation(who, *invitation),
            Request::GiveRole { user, role, .. } => self.give_role(who, *user, *role),
            Request::RenameTenant { .. } => self.acted(who, |next| {
                next.tenants[who.tenant].event("tenant.updated", "tenant", who.tenant);
            }),
            Request::SetReminder { days, .. } => self.set_reminder(who, *days),
            Request::Permit { user, list, .. } => self.permit(who, *user, list.as_ref()),
            Request::HandOver { to, password, .. } => self.hand_over(who, *to, *password),
            Request::Close { password, .. } => self.close(who, *password),
            Request::Leave { .. } => self.leave(who),
            Request::Roles { .. } => self.roles(who),
            Request::SetBrands { user, brands, .. } => self.set_brands(who, *user, brands),
            Request::AddBrand { user, brand, .. } => self.one_brand(who, *user, *brand, true),
            Request::TakeBrand { user, brand, .. } => self.one_brand(who, *user, *brand, false),
            Request::Suspend { user, .. } => self.suspend(who, *user),
            Request::Reinstate { user, .. } => self.reinstate(who, *user),
            Request::Remove { user, .. } => self.remove(who, *user),
            Request::CreateBrand { .. } => self.create_brand(who),
            Request::RenameBrand { brand, .. } => self.change_brand(who, *brand, false),
            Request::DeleteBrand { brand, .. } => self.change_brand(who, *brand, true),
            Request::CreatePartner { address, .. } => self.create_partner(who, *address),
            Request::Partners { .. } => self.partners(who),
            Request::EndPartner { partner, .. } => self.end_partner(who, *partner),
            Request::LeavePortal { .. } => self.leave_portal(who),
            Request::OpenReview { .. } => self.open_review(who),
            Request::Reviews { .. } => self.reviews(who),
            Request::Review { review, .. } => self.review(who, *review),
            Request::WrittenReview { review, .. } => self.written_review(who, *review),
            Request::Decide { review, user, verdict, reason, .. } => {
                self.decide(who, (*review, *user), verdict, *reason)
            }
            Request::CloseReview { review, .. } => self.close_review(who, *review),
            Request::Access { .. } => self.access(who),
            _ => self.shown(who, request),
        }
    }

    /// The member that they are, in the team or in its portal.
    pub(crate) fn me_in(&self, who: Who) -> &Member {
        &self.tenants[who.home()].members[&who.user]
    }

    /// What they may hand on, and see: through a portal, what an admin of the team could.
    pub(crate) fn access_of(&self, who: Who) -> Access {
        if who.portal.is_some() { admins() } else { self.me_in(who).access.clone() }
    }

    /// What they hold.
    pub(crate) fn held(&self, who: Who) -> Permissions {
        if who.portal.is_some() { managing() } else { self.me_in(who).access.permissions() }
    }

    /// A change that `who` made: seen as their last activity.
    pub(crate) fn acted(&self, who: Who, change: impl FnOnce(&mut Self)) -> Vec<Outcome> {
        let mut next = self.clone();
        let today = next.now / DAY;
        let me = next.tenants[who.home()].members.get_mut(&who.user);
        if let Some(me) = me {
            me.active_on = me.active_on.max(today);
        }
        change(&mut next);
        next.done()
    }

    /// Whether the plan has no seat left.
    fn is_full(&self, tenant: Nth) -> bool {
        let t = &self.tenants[tenant];
        t.seats_used(self.now) >= t.seats
    }

    fn invite(&self, who: Who, given: &Given) -> Vec<Outcome> {
        let t = &self.tenants[who.tenant];
        let named = match &given.brands {
            Set::All => Brands::All,
            Set::These(set) => Brands::Only(set.clone()),
        };
        let access = Access { role: given.role, list: given.list.clone(), brands: named };
        let mut no = self.mail_refused(who.tenant, given.address, false);
        if !self.access_of(who).gives(&access) {
            no.push("role-not-grantable");
        }
        // one that the inviter doesn't see is the same as none, and isn't theirs to give (R6)
        let seen = self.access_of(who).reach();
        if let Set::These(set) = &given.brands
            && set.iter().any(|brand| seen.has(*brand) && !t.there().contains(brand))
        {
            no.push("validation");
        }
        match t.holders.get(&given.address) {
            Some(Holder::Member(_)) => no.push("already-member"),
            Some(Holder::Invitation(i)) if t.invitations[*i].is_live(self.now) => {
                no.push("invitation-pending")
            }
            _ => {}
        }
        if !self.may_join(given.address, who.tenant) {
            no.push("email-in-use");
        }
        // nobody makes a member of themselves through a portal (R3)
        let own = self.accounts.get(&given.address).is_some_and(|account| account.user == who.user);
        if who.portal.is_some() && own {
            no.push("forbidden");
        }
        let windows = (self.invite_window(self.me_in(who)), self.tenant_mail(who.tenant));
        let (Some(invites), Some(mails)) = windows else {
            no.push("rate-limited");
            return self.refused(&no).unwrap_or_default();
        };
        if self.is_full(who.tenant) {
            no.push(t.no_seat());
        }
        if let Some(refused) = self.refused(&no) {
            return refused;
        }
        self.acted(who, |next| {
            let queued_at = next.now;
            let expires_at = queued_at + given.days * DAY;
            let t = &mut next.tenants[who.tenant];
            let nth = t.invitations.len();
            t.invitations.push(Invitation {
                address: given.address,
                access,
                ended: None,
                generation: 1,
                sponsor: Some(who.user),
                through: who.portal,
                days: given.days,
                expires_at,
                renewable_until: expires_at + 30 * DAY,
                founding: None,
                delivery: Delivery::Queued,
                reminded: false,
                queued_at,
                resends: Window::default(),
                accepted_by: None,
            });
            t.holders.insert(given.address, Holder::Invitation(nth));
            t.mails = mails;
            t.event("invitation.created", "invitation", nth);
            if let Some(me) = next.tenants[who.home()].members.get_mut(&who.user) {
                me.invites = invites;
            }
            next.queue(who.tenant, nth);
        })
    }

    /// What stands against sending an invitation again, whoever asks; otherwise the counters as they will be.
    pub(crate) fn again(&self, tenant: Nth, nth: Nth) -> Result<(Window, Window), Vec<&'static str>> {
        let t = &self.tenants[tenant];
        let i = &t.invitations[nth];
        let mut no = self.mail_refused(tenant, i.address, i.founding == Some(false));
        let resends = i.resends.one_more(self.now, self.limits.resends, TEN_MINUTES);
        let mails = self.tenant_mail(tenant);
        if resends.is_none() || mails.is_none() {
            no.push("rate-limited");
        }
        // only what still holds its address comes back (R10)
        let holder = t.holders.get(&i.address);
        if holder != Some(&Holder::Invitation(nth)) {
            no.push(match holder {
                Some(Holder::Member(_)) => "already-member",
                Some(Holder::Invitation(other)) if t.invitations[*other].is_live(self.now) => {
                    "invitation-pending"
                }
                _ => "invitation-revoked",
            });
        }
        if i.is_expired(self.now) && i.founding.is_none() && self.is_full(tenant) {
            no.push(t.no_seat());
        }
        match (resends, mails, no.is_empty()) {
            (Some(resends), Some(mails), true) => Ok((resends, mails)),
            _ => Err(no),
        }
    }

    /// The next generation: every older link is dead from here on.
    pub(crate) fn send_again(
        &mut self,
        tenant: Nth,
        nth: Nth,
        admin: Option<Who>,
        (resends, mails): (Window, Window),
    ) {
        let now = self.now;
        let t = &mut self.tenants[tenant];
        t.mails = mails;
        t.event(if admin.is_some() { "invitation.resent" } else { "invitation.renewed" }, "invitation", nth);
        let i = &mut t.invitations[nth];
        i.generation += 1;
        i.expires_at = now + i.days * DAY;
        if let Some(admin) = admin {
            (i.sponsor, i.through) = (Some(admin.user), admin.portal);
            i.renewable_until = i.expires_at + 30 * DAY;
        }
        (i.delivery, i.queued_at, i.resends, i.reminded) = (Delivery::Queued, now, resends, false);
        self.queue(tenant, nth);
    }

    fn resend(&self, who: Who, nth: Nth) -> Vec<Outcome> {
        let t = &self.tenants[who.tenant];
        let Some(i) = t.invitations.get(nth) else { return self.no("not-found") };
        let mut no = match i.ended {
            Some("accepted") => vec!["already-member"],
            Some("declined") => vec!["invitation-declined"],
            Some(_) => vec!["invitation-revoked"],
            None => Vec::new(),
        };
        if !self.access_of(who).gives(&t.still(&i.access)) {
            no.push("role-not-grantable");
        }
        let again = self.again(who.tenant, nth);
        if let Err(more) = &again {
            no.extend(more);
        }
        match (again, self.refused(&no)) {
            (Ok(windows), None) => {
                self.acted(who, |next| next.send_again(who.tenant, nth, Some(who), windows))
            }
            (_, refused) => refused.unwrap_or_default(),
        }
    }

    fn revoke_invitation(&self, who: Who, nth: Nth) -> Vec<Outcome> {
        let Some(i) = self.tenants[who.tenant].invitations.get(nth) else { return self.no("not-found") };
        let mut no = Vec::new();
        if i.access.role == Role::Owner {
            no.push("owner-required");
        } else if i.access.role < self.access_of(who).role {
            no.push("forbidden");
        }
        if i.ended == Some("accepted") {
            no.push("already-member");
        }
        if let Some(refused) = self.refused(&no) {
            return refused;
        }
        if i.ended.is_some() {
            return self.clone().done();
        }
        self.acted(who, |next| next.end_invitation(who.tenant, nth, "revoked"))
    }

    /// Ends an invitation for good; the address that it holds is free.
    pub(crate) fn end_invitation(&mut self, tenant: Nth, nth: Nth, how: &'static str) {
        let t = &mut self.tenants[tenant];
        t.invitations[nth].ended = Some(how);
        t.event(&format!("invitation.{how}"), "invitation", nth);
        let address = t.invitations[nth].address;
        if t.holders.get(&address) == Some(&Holder::Invitation(nth)) {
            t.holders.remove(&address);
        }
    }

    /// The member whom somebody is about to change, and what stands against changing them at all (R1, R2, R3).
    pub(crate) fn target(&self, who: Who, user: Nth) -> Option<(&Member, Vec<&'static str>)> {
        let target = self.tenants[who.tenant].members.get(&user)?;
        let mut no = Vec::new();
        if user == who.user || target.access.role < self.access_of(who).role {
            no.push("forbidden");
        }
        if target.access.role == Role::Owner {
            no.push("owner-required");
        }
        Some((target, no))
    }

    /// The same, of a member whose membership isn't over.
    fn current(&self, who: Who, user: Nth) -> Option<(&Member, Vec<&'static str>)> {
        self.target(who, user).filter(|(target, _)| target.status != Status::Revoked)
    }

    fn change_member(
        &self,
        who: Who,
        user: Nth,
        event: &str,
        change: impl FnOnce(&mut Member),
    ) -> Vec<Outcome> {
        self.acted(who, |next| {
            let t = &mut next.tenants[who.tenant];
            if let Some(member) = t.members.get_mut(&user) {
                change(member);
            }
            t.event(event, "member", user);
        })
    }

    /// They hold this from now on.
    fn give(&self, who: Who, user: Nth, event: &str, after: Access) -> Vec<Outcome> {
        let now = self.now;
        self.change_member(who, user, event, |member| (member.access, member.granted_at) = (after, now))
    }

    fn give_role(&self, who: Who, user: Nth, role: Role) -> Vec<Outcome> {
        let Some((target, mut no)) = self.current(who, user) else { return self.no("not-found") };
        let after = Access { role, list: None, brands: target.access.brands.clone() };
        if !self.access_of(who).gives(&self.tenants[who.tenant].still(&after)) {
            no.push("role-not-grantable");
        }
        if let Some(refused) = self.refused(&no) {
            return refused;
        }
        if target.access.role == role {
            return self.clone().done();
        }
        self.give(who, user, "member.role_changed", after)
    }

    fn permit(&self, who: Who, user: Nth, list: Option<&Permissions>) -> Vec<Outcome> {
        let Some((target, mut no)) = self.current(who, user) else { return self.no("not-found") };
        let after = Access { list: list.cloned(), ..target.access.clone() };
        if !self.access_of(who).gives(&self.tenants[who.tenant].still(&after)) {
            no.push("role-not-grantable");
        }
        if let Some(refused) = self.refused(&no) {
            return refused;
        }
        if target.access.list == after.list {
            return self.clone().done();
        }
        self.give(who, user, "member.permissions_changed", after)
    }

    /// Which roles one may give to somebody without brands.
    fn roles(&self, who: Who) -> Vec<Outcome> {
        let mine = self.access_of(who);
        let held = self.held(who);
        let gives = |role: &Role| {
            let access = Access { role: *role, list: None, brands: Brands::Only(BTreeSet::new()) };
            (held.contains("members.invite") || held.contains("members.assign")) && mine.gives(&access)
        };
        let given: Vec<&str> = ROLES.iter().filter(|role| gives(role)).map(|role| role.name()).collect();
        self.clone().showing(given.join(" "))
    }

    fn set_brands(&self, who: Who, user: Nth, asked: &Set) -> Vec<Outcome> {
        let Some((target, mut no)) = self.current(who, user) else { return self.no("not-found") };
        let (seen, there) = (self.access_of(who).reach(), self.tenants[who.tenant].there());
        // R6: an unseen brand is the same as none; a whole set changes only what its writer sees
        if let Set::These(set) = asked
            && !set.iter().all(|brand| there.contains(brand) && seen.has(*brand))
        {
            no.push("validation");
        }
        let Some(after) = whole_set(&seen, &target.access.brands, asked) else {
            no.push("role-not-grantable");
            return self.refused(&no).unwrap_or_default();
        };
        self.put_brands(who, user, after, no)
    }

    fn one_brand(&self, who: Who, user: Nth, brand: Nth, adds: bool) -> Vec<Outcome> {
        let Some((target, mut no)) = self.current(who, user) else { return self.no("not-found") };
        let there = self.tenants[who.tenant].there().contains(&brand);
        let seen = self.access_of(who).reach().has(brand);
        let before = target.access.brands.clone();
        // a deleted one can be taken from who still has it
        if !seen || !(there || (!adds && before.has(brand))) {
            no.push("not-found");
        }
        let after = match before {
            Brands::All if adds => Brands::All,
            Brands::All => {
                no.push("conflict");
                Brands::All
            }
            Brands::Only(mut set) => {
                if adds {
                    set.insert(brand);
                } else {
                    set.remove(&brand);
                }
                Brands::Only(set)
            }
        };
        self.put_brands(who, user, after, no)
    }

    fn put_brands(&self, who: Who, user: Nth, after: Brands, mut no: Vec<&'static str>) -> Vec<Outcome> {
        let target = &self.tenants[who.tenant].members[&user];
        let mine = self.access_of(who);
        // what the writer doesn't see isn't theirs to give
        let given = Access { brands: after.within(&mine.reach()), ..target.access.clone() };
        if !mine.gives(&given) {
            no.push("role-not-grantable");
        }
        if let Some(refused) = self.refused(&no) {
            return refused;
        }
        if target.access.brands == after {
            return self.clone().done();
        }
        let after = Access { brands: after, ..target.access.clone() };
        self.give(who, user, "member.brands_changed", after)
    }

    fn suspend(&self, who: Who, user: Nth) -> Vec<Outcome> {
        let Some((target, no)) = self.current(who, user) else { return self.no("not-found") };
        if let Some(refused) = self.refused(&no) {
            return refused;
        }
        if target.status == Status::Suspended {
            return self.clone().done();
        }
        self.change_member(who, user, "member.suspended", |member| member.status = Status::Suspended)
    }

    fn reinstate(&self, who: Who, user: Nth) -> Vec<Outcome> {
        let Some((target, mut no)) = self.current(who, user) else { return self.no("not-found") };
        if target.status == Status::Active {
            return self.refused(&no).unwrap_or_else(|| self.clone().done());
        }
        if !self.access_of(who).gives(&self.tenants[who.tenant].still(&target.access)) {
            no.push("role-not-grantable");
        }
        if self.is_full(who.tenant) {
            no.push(self.tenants[who.tenant].no_seat());
        }
        self.refused(&no).unwrap_or_else(|| {
            self.change_member(who, user, "member.reinstated", |member| member.status = Status::Active)
        })
    }

    fn remove(&self, who: Who, user: Nth) -> Vec<Outcome> {
        let Some((target, no)) = self.target(who, user) else { return self.no("not-found") };
        if let Some(refused) = self.refused(&no) {
            return refused;
        }
        if target.status == Status::Revoked {
            return self.clone().done();
        }
        self.acted(who, |next| next.end_membership(who.tenant, user, "member.revoked"))
    }

    /// Nothing of the access is left, and the address is free.
    pub(crate) fn end_membership(&mut self, tenant: Nth, user: Nth, event: &str) {
        let t = &mut self.tenants[tenant];
        if let Some(member) = t.members.get_mut(&user) {
            let address = member.address;
            (member.status, member.ended_at) = (Status::Revoked, Some(self.now));
            member.access.list = None;
            member.access.brands = Brands::Only(BTreeSet::new());
            t.holders.remove(&address);
            if let Some(account) = self.accounts.get_mut(&address) {
                account.tenants.insert(tenant, Belonging::Former);
            }
        }
        self.tenants[tenant].event(event, "member", user);
    }

    /// Anybody but the owner (R2), whatever they may.
    fn leave(&self, who: Who) -> Vec<Outcome> {
        if self.me_in(who).access.role == Role::Owner {
            return self.no("owner-required");
        }
        let mut next = self.clone();
        next.end_membership(who.tenant, who.user, "member.left");
        next.done()
    }

    /// The owner makes an active member the owner, with the password again.
    fn hand_over(&self, who: Who, to: Nth, password: Try) -> Vec<Outcome> {
        let status = self.tenants[who.tenant].members.get(&to).map(|member| member.status);
        match status {
            _ if to == who.user => return self.no("forbidden"),
            Some(Status::Active) => {}
            _ => return self.no("validation"),
        }
        match self.proven(self.me_in(who).address, password) {
            Ok(next) => next.transfer(who.tenant, to),
            Err(refused) => asked_again(refused),
        }
    }

    /// The owner closes the tenant, with the password again, and is told by mail.
    fn close(&self, who: Who, password: Try) -> Vec<Outcome> {
        let address = self.me_in(who).address;
        match self.proven(address, password) {
            Ok(mut next) => {
                let now = next.now;
                let t = &mut next.tenants[who.tenant];
                (t.status, t.closed_at) = (Status::Closed, Some(now));
                t.event("tenant.closed", "tenant", who.tenant);
                next.outbox.push(Mail::Notice { to: address, at: now });
                // and at each address that can still take the account back
                let former = self.former.get(&who.user).into_iter().flatten();
                let told = former.filter(|former| now < former.until);
                next.outbox.extend(told.map(|former| Mail::Notice { to: former.address, at: now }));
                next.done()
            }
            Err(refused) => asked_again(refused),
        }
    }

    /// Reminders that are to come keep their moment, and come while the tenant reminds at all.
    fn set_reminder(&self, who: Who, days: Option<u64>) -> Vec<Outcome> {
        if self.tenants[who.tenant].reminder_days == days {
            return self.clone().done();
        }
        self.acted(who, |next| {
            let t = &mut next.tenants[who.tenant];
            t.reminder_days = days;
            t.event("tenant.updated", "tenant", who.tenant);
        })
    }

    fn create_brand(&self, who: Who) -> Vec<Outcome> {
        self.acted(who, |next| {
            let t = &mut next.tenants[who.tenant];
            t.brands.push(true);
            let nth = t.brands.len() - 1;
            t.event("brand.created", "brand", nth);
        })
    }

    fn change_brand(&self, who: Who, brand: Nth, deletes: bool) -> Vec<Outcome> {
        let t = &self.tenants[who.tenant];
        if !self.access_of(who).reach().has(brand) || !t.there().contains(&brand) {
            return self.no("not-found");
        }
        self.acted(who, |next| {
            let t = &mut next.tenants[who.tenant];
            t.brands[brand] = !deletes;
            t.event(if deletes { "brand.deleted" } else { "brand.updated" }, "brand", brand);
        })
    }

    fn check(
        &self,
        who: Who,
        permission: &'static str,
        brand: Option<Nth>,
        user: Option<Nth>,
    ) -> Vec<Outcome> {
        let t = &self.tenants[who.tenant];
        let other = user.filter(|user| *user != who.user);
        let (mine, held) = (self.access_of(who), self.held(who));
        let (held, reach) = match other {
            None => (held, mine.reach()),
            Some(user) => {
                let may = t.status == Status::Active && held.contains("members.assign");
                if !may {
                    return self.no("forbidden");
                }
                if brand.is_some_and(|brand| !mine.reach().has(brand)) {
                    return self.no("not-found");
                }
                match t.members.get(&user).map(|member| (member.status, &member.access)) {
                    Some((Status::Active, access)) => (access.permissions(), access.reach()),
                    Some((Status::Revoked, _)) | None => return self.no("not-found"),
                    Some(_) => (Permissions::new(), mine.reach()),
                }
            }
        };
        let allowed = t.status == Status::Active
            && held.contains(permission)
            && brand.is_none_or(|brand| reach.has(brand) && t.there().contains(&brand));
        self.clone().showing(allowed.to_string())
    }
}
