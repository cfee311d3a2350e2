//! What somebody does who has an emailed link, or a password.

use std::collections::BTreeMap;

use crate::rights::Brands;
use crate::state::{Account, Belonging, Holder, Invitation, Member, Status, Tenant, Window};
use crate::{DAY, Link, Nth, Outcome, Try, World};

impl World {
    /// The link, its tenant and invitation, if it ever was one.
    fn followed(&self, nth: Nth) -> Option<(&Link, &Tenant, &Invitation)> {
        let link = self.links.get(nth)?;
        let t = self.tenants.get(link.tenant).filter(|t| !t.gone)?;
        let newest = |l: &&Link| !l.again && (l.tenant, l.invitation) == (link.tenant, link.invitation);
        let is_newest = self.links.iter().rev().find(newest) == Some(link);
        (!link.swept || is_newest).then(|| (link, t, &t.invitations[link.invitation]))
    }

    /// Why a link opens nothing, from the most lasting reason to the most passing one.
    fn closed(&self, link: &Link, t: &Tenant, i: &Invitation) -> Option<&'static str> {
        match i.ended {
            Some("accepted") => return Some("invitation-accepted"),
            Some("declined") => return Some("invitation-declined"),
            Some(_) => return Some("invitation-revoked"),
            None => {}
        }
        let superseded = t.holders.get(&i.address) != Some(&Holder::Invitation(link.invitation));
        if link.generation < i.generation || (i.is_expired(self.now) && superseded) {
            Some("invitation-revoked")
        } else {
            i.is_expired(self.now).then_some("invitation-expired")
        }
    }

    /// What stands against an invitation that is open by itself: its tenant, its sponsor (R9). What may pass is *on hold*.
    fn unfounded(&self, t: &Tenant, i: &Invitation) -> Vec<&'static str> {
        let mut no = Vec::new();
        if !t.is_open_for(i) {
            no.push(if t.status == Status::Suspended { "invitation-on-hold" } else { "invitation-revoked" });
        }
        match self.sponsorship(t, i) {
            "holds" => {}
            "suspended" => no.push("invitation-on-hold"),
            _ => no.push("invitation-revoked"),
        }
        no
    }

    pub(crate) fn preview(&self, nth: Nth) -> Vec<Outcome> {
        let Some((link, t, i)) = self.followed(nth) else { return self.no("not-found") };
        let no = self.closed(link, t, i).map_or_else(|| self.unfounded(t, i), |code| vec![code]);
        self.refused(&no).unwrap_or_else(|| self.clone().done())
    }

    pub(crate) fn decline(&self, nth: Nth) -> Vec<Outcome> {
        let Some((link, t, i)) = self.followed(nth) else { return self.no("not-found") };
        match self.closed(link, t, i) {
            None | Some("invitation-expired") => {
                let mut next = self.clone();
                next.end_invitation(link.tenant, link.invitation, "declined");
                next.done()
            }
            Some(code) => self.no(code),
        }
    }

    pub(crate) fn renew(&self, nth: Nth) -> Vec<Outcome> {
        let Some((link, t, i)) = self.followed(nth) else { return self.no("not-found") };
        match self.closed(link, t, i) {
            None => return self.no("conflict"),
            Some("invitation-expired") if self.now < i.renewable_until => {}
            Some(code) => return self.no(code),
        }
        let mut no = self.unfounded(t, i);
        let again = self.again(link.tenant, link.invitation);
        if let Err(more) = &again {
            let theirs = more.iter().filter(|code| !["invitation-pending", "already-member"].contains(code));
            // what plan the team has is its own business
            no.extend(theirs.map(|code| if *code == "plan-required" { "seats-exhausted" } else { code }));
        }
        match (again, self.refused(&no)) {
            (Ok(windows), None) => {
                let mut next = self.clone();
                next.send_again(link.tenant, link.invitation, None, windows);
                next.done()
            }
            (_, refused) => refused.unwrap_or_default(),
        }
    }

    pub(crate) fn accept(&self, nth: Nth, password: Try) -> Vec<Outcome> {
        let Some((link, t, i)) = self.followed(nth) else { return self.no("not-found") };
        let (tenant, invitation, address) = (link.tenant, link.invitation, i.address);
        let mut no = self.closed(link, t, i).map_or_else(|| self.unfounded(t, i), |code| vec![code]);
        if no.is_empty() && !self.may_join(address, tenant) {
            no.push("email-in-use");
        }
        if let Some(refused) = self.refused(&no) {
            return refused;
        }
        let next = match self.accounts.get(&address) {
            // nothing of a user who is there is overwritten: they prove their own password
            Some(_) => match self.proven(address, password) {
                Ok(next) => next,
                Err(refused) => return refused,
            },
            None if password == Try::Weak => return self.no("validation"),
            None => {
                let mut next = self.clone();
                let account = Account {
                    user: next.users,
                    password: Some(password),
                    generation: 0,
                    tenants: BTreeMap::new(),
                };
                next.accounts.insert(address, account);
                next.users += 1;
                next
            }
        };
        next.joined(tenant, invitation).done()
    }

    fn joined(mut self, tenant: Nth, invitation: Nth) -> Self {
        let now = self.now;
        let t = &mut self.tenants[tenant];
        let i = &t.invitations[invitation];
        let mut access = t.still(&i.access);
        if i.access.brands == Brands::All {
            access.brands = Brands::All;
        }
        let (address, founding) = (i.address, i.founding.is_some());
        let belonging = if t.exclusive { Belonging::Exclusive } else { Belonging::Shared };
        let Some(account) = self.accounts.get_mut(&address) else { return self };
        account.tenants.insert(tenant, belonging);
        let user = account.user;
        let status = Status::Active;
        let (invites, active_on) = (Window::default(), now / DAY);
        let member = Member {
            address,
            access,
            status,
            joined_at: now,
            granted_at: now,
            ended_at: None,
            invites,
            active_on,
        };
        t.members.insert(user, member);
        t.holders.insert(address, Holder::Member(user));
        t.invitations[invitation].ended = Some("accepted");
        t.invitations[invitation].accepted_by = Some(user);
        t.event("invitation.accepted", "invitation", invitation);
        if founding {
            (t.status, t.owner, t.unconfirmed_until) = (Status::Active, Some(user), None);
        }
        self.open_session(user);
        self
    }

    /// A password is tried: a wrong one counts to the address and the source, and to the address alone; a right one to neither.
    /// One that isn't looked at, because the address is full, counts to the source.
    pub(crate) fn tried(&self, address: Nth, password: Try) -> Result<Self, Vec<Outcome>> {
        let (here, of_address) = (format!("failures here {address}"), format!("failures {address}"));
        if self.rate(&here, crate::state::QUARTER) >= self.limits.failures {
            return Err(self.no("rate-limited"));
        }
        let mut next = self.clone();
        next.count(&here, crate::state::QUARTER);
        if self.rate(&of_address, crate::state::QUARTER) >= self.limits.failures_of_address {
            return Err(next.no("rate-limited"));
        }
        let right = self.accounts.get(&address).is_some_and(|account| account.password == Some(password));
        if right {
            return Ok(self.clone());
        }
        next.count(&of_address, crate::state::QUARTER);
        Err(next.no("unauthenticated"))
    }

    /// The same, and the source is forgiven what it tried before.
    pub(crate) fn proven(&self, address: Nth, password: Try) -> Result<Self, Vec<Outcome>> {
        let mut next = self.tried(address, password)?;
        next.forgive(address);
        Ok(next)
    }

    /// The source has proven itself.
    pub(crate) fn forgive(&mut self, address: Nth) {
        self.rates.remove(&(format!("failures here {address}"), self.now / crate::state::QUARTER));
    }

    /// Known and unknown addresses are one answer; who is right but in no team any more is told so.
    pub(crate) fn sign_in(&self, address: Nth, password: Try) -> Vec<Outcome> {
        let tried = match self.tried(address, password) {
            Ok(tried) => tried,
            Err(refused) => return refused,
        };
        let Some(account) = self.accounts.get(&address) else { return Vec::new() };
        let of_use = self.has_use(address);
        if !of_use {
            return tried.no("access-revoked");
        }
        match self.proven(address, password) {
            Ok(mut next) => {
                next.open_session(account.user);
                next.done()
            }
            Err(refused) => refused,
        }
    }

    pub(crate) fn sign_out(&self, by: Nth) -> Vec<Outcome> {
        if self.who(by).is_none() {
            return self.no("unauthenticated");
        }
        let mut next = self.clone();
        next.sessions[by].closed = true;
        next.done()
    }

    /// A founding invitation's owner-to-be is offered no brands of their own.
    pub(crate) fn founding(&self, address: Nth, vouched: bool) -> Invitation {
        let days = 7;
        let expires_at = self.now + days * DAY;
        Invitation {
            address,
            access: Self::owners(),
            ended: None,
            generation: 1,
            sponsor: None,
            through: None,
            days,
            expires_at,
            renewable_until: if vouched { expires_at + 30 * DAY } else { expires_at },
            founding: Some(vouched),
            delivery: crate::Delivery::Queued,
            reminded: false,
            queued_at: self.now,
            resends: Window::default(),
            accepted_by: None,
        }
    }

    /// A tenant that waits for its owner, set up by a portal or by none.
    pub(crate) fn founded(&mut self, address: Nth, seats: u64, vouched: bool, portal: Option<Nth>) {
        let founding = self.founding(address, vouched);
        let until =
            if vouched { founding.renewable_until + founding.days * DAY } else { founding.expires_at };
        let mut tenant = Tenant {
            status: Status::Pending,
            seats,
            exclusive: self.limits.exclusive,
            reminder_days: None,
            owner: None,
            portal,
            unconfirmed_until: Some(until),
            closed_at: None,
            gone: false,
            mails: Window { window: self.now / DAY, count: 1 },
            members: BTreeMap::new(),
            invitations: vec![founding],
            brands: Vec::new(),
            reviews: Vec::new(),
            holders: BTreeMap::from([(address, Holder::Invitation(0))]),
            events: BTreeMap::new(),
            deeds: BTreeMap::new(),
        };
        let nth = self.tenants.len();
        tenant.event("tenant.created", "tenant", nth);
        self.tenants.push(tenant);
        self.queue_from(portal.unwrap_or(nth), nth, 0);
    }
}
