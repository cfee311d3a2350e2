//! What is so.

use std::collections::{BTreeMap, BTreeSet};

use crate::rights::{Access, Role};
use crate::{DAY, HOUR, MINUTE, Nth, Try};

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    /// Seconds since the epoch.
    pub now: u64,
    /// The deployment's settings.
    pub limits: Limits,
    /// Organizations, those that are gone too.
    pub tenants: Vec<Tenant>,
    /// Whose an address is.
    pub accounts: BTreeMap<Nth, Account>,
    /// How many users there ever were.
    pub users: Nth,
    /// Addresses that no mail goes to.
    pub suppressed: BTreeMap<Nth, &'static str>,
    /// The outbox: mails that nobody has looked at yet.
    pub outbox: Vec<Mail>,
    /// Reminders to come, by tenant and invitation: of which generation, and when.
    pub reminders: BTreeMap<(Nth, Nth), (u64, u64)>,
    /// Emailed links, in the order in which they were sent.
    pub links: Vec<Link>,
    /// Links under which a password is replaced, in the order in which they were sent.
    pub resets: Vec<Reset>,
    /// Links to a new address, in the order in which they were sent.
    pub proofs: Vec<Proof>,
    /// Links that take an old address back, in the order in which they were sent.
    pub returns: Vec<Return>,
    /// Addresses that users gave up and may take back, the oldest first.
    pub former: BTreeMap<Nth, Vec<Former>>,
    /// How many changes of addresses there ever were.
    pub changes: Nth,
    /// To whom each mail was sent, and which link was in it where it is an invitation's.
    pub mailed: Vec<(Nth, Option<Nth>)>,
    /// Sessions, in the order in which they were opened.
    pub sessions: Vec<Session>,
    /// Counters that belong to no other thing: how often, in which stretch.
    pub rates: BTreeMap<(String, u64), u64>,
}

/// How often what may be done, and how long what lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Seats of a new tenant.
    pub seats: u64,
    /// Invitations of one inviter an hour.
    pub invitations: u64,
    /// Emails of one tenant a day.
    pub tenant_mails: u64,
    /// Emails to one address from one tenant a day.
    pub address_mails_of_tenant: u64,
    /// Emails to one address a day.
    pub address_mails: u64,
    /// Resends of one invitation in ten minutes.
    pub resends: u64,
    /// Failed sign-ins of one address in a quarter of an hour, from one source.
    pub failures: u64,
    /// The same, from all.
    pub failures_of_address: u64,
    /// Sign-ups of one source an hour.
    pub sign_ups_of_source: u64,
    /// Sign-ups a day.
    pub sign_ups: u64,
    /// Password resets of one address an hour.
    pub resets: u64,
    /// The same of one source.
    pub resets_of_source: u64,
    /// Changes of a profile an hour.
    pub profiles: u64,
    /// Days that a session lives.
    pub session_days: u64,
    /// Whether a new tenant keeps its addresses to itself.
    pub exclusive: bool,
}

/// A counter and the stretch that it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Which stretch.
    pub window: u64,
    /// How often in it.
    pub count: u64,
}

impl Window {
    /// One more, if that is allowed.
    #[must_use]
    pub fn one_more(self, now: u64, times: u64, seconds: u64) -> Option<Self> {
        let window = now / seconds;
        let count = if self.window == window { self.count } else { 0 };
        (count < times).then_some(Self { window, count: count + 1 })
    }
}

/// Where a tenant or a membership stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Signed up, not confirmed.
    Pending,
    /// In use.
    Active,
    /// Switched off.
    Suspended,
    /// Over.
    Revoked,
    /// Closed by its owner.
    Closed,
}

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Pending, active, suspended or closed.
    pub status: Status,
    /// Seats of its plan.
    pub seats: u64,
    /// Whether its addresses belong to it alone.
    pub exclusive: bool,
    /// How many days after its mail who doesn't answer an invitation is reminded.
    pub reminder_days: Option<u64>,
    /// Its owner.
    pub owner: Option<Nth>,
    /// The portal that administers it (R8).
    pub portal: Option<Nth>,
    /// Until when it waits for its owner's confirmation.
    pub unconfirmed_until: Option<u64>,
    /// When its owner closed it.
    pub closed_at: Option<u64>,
    /// Gone, with all that is in it.
    pub gone: bool,
    /// Emails in the current day.
    pub mails: Window,
    /// Members, by user.
    pub members: BTreeMap<Nth, Member>,
    /// Invitations.
    pub invitations: Vec<Invitation>,
    /// Brands: whether they are there.
    pub brands: Vec<bool>,
    /// Reviews of who holds what, in the order in which they began.
    pub reviews: Vec<Review>,
    /// Who holds an address here.
    pub holders: BTreeMap<Nth, Holder>,
    /// The audit trail: how often what happened to what.
    pub events: BTreeMap<String, u64>,
    /// The same, and who did it.
    pub deeds: BTreeMap<String, u64>,
}

/// A user in a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Their address.
    pub address: Nth,
    /// What they were given.
    pub access: Access,
    /// Active, suspended or revoked.
    pub status: Status,
    /// When they joined.
    pub joined_at: u64,
    /// When they were last given what they hold.
    pub granted_at: u64,
    /// When the membership was ended.
    pub ended_at: Option<u64>,
    /// Invitations in the current hour.
    pub invites: Window,
    /// The day on which they last did something.
    pub active_on: u64,
}

/// A review of who holds what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Who began it.
    pub opened_by: Nth,
    /// Its end.
    pub ended: Option<Ended>,
    /// What was decided last, by member.
    pub decisions: BTreeMap<Nth, Decision>,
}

/// The end of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Who ended it.
    pub by: Nth,
    /// When.
    pub at: u64,
    /// How many members nobody had decided about.
    pub undecided: usize,
}

/// What a review decided about a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Kept, reduced or revoked.
    pub verdict: &'static str,
    /// Why.
    pub reason: Nth,
    /// Who decided.
    pub by: Nth,
    /// What the member held.
    pub before: Access,
    /// What they held from then on; nothing where the membership was ended.
    pub after: Option<Access>,
}

/// Who holds an address in a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// An invitation; an expired one until a newer takes it over (R10).
    Invitation(Nth),
    /// A member who isn't revoked.
    Member(Nth),
}

/// How far the newest mail of an invitation got, in the order in which one is more than another: news replaces what is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Delivery {
    /// In the outbox.
    Queued,
    /// Taken by SES.
    Sent,
    /// Not sent, for good.
    Failed,
    /// SES goes on trying.
    Delayed,
    /// A full mailbox, or an auto-responder: passing.
    BouncedForNow,
    /// Taken by the recipient's server.
    Delivered,
    /// Refused for good.
    Bounced,
    /// The address takes no mail.
    Suppressed,
    /// Marked as spam.
    Complained,
}

/// An offer of membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// To whom.
    pub address: Nth,
    /// What is offered.
    pub access: Access,
    /// Accepted, declined or revoked, as somebody did; [`Invitation::is_expired`] is the clock's.
    pub ended: Option<&'static str>,
    /// Raised by every resend.
    pub generation: u64,
    /// Whose right to give stands behind it (R9).
    pub sponsor: Option<Nth>,
    /// The portal that the sponsor is a member of, where they aren't one of the tenant.
    pub through: Option<Nth>,
    /// Days that a link lives.
    pub days: u64,
    /// When the newest link is over.
    pub expires_at: u64,
    /// When nobody but an admin brings it back (R10).
    pub renewable_until: u64,
    /// The founding one: whether the operator vouches for it.
    pub founding: Option<bool>,
    /// How far the newest mail got.
    pub delivery: Delivery,
    /// Whether who is invited was reminded of this generation.
    pub reminded: bool,
    /// When that mail was queued.
    pub queued_at: u64,
    /// Resends in the current ten minutes.
    pub resends: Window,
    /// Who accepted.
    pub accepted_by: Option<Nth>,
}

impl Invitation {
    /// Whether its time is over and nobody ended it.
    #[must_use]
    pub fn is_expired(&self, now: u64) -> bool {
        self.ended.is_none() && self.expires_at <= now
    }

    /// Whether it can be accepted, as far as it goes itself.
    #[must_use]
    pub fn is_live(&self, now: u64) -> bool {
        self.ended.is_none() && now < self.expires_at
    }
}

/// Why the link of an invitation is mailed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Somebody sends it.
    Sent,
    /// It was asked for again: the invitation doesn't show it.
    Again,
    /// Nobody has answered: nor that.
    Reminder,
}

/// An entry of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mail {
    /// The link of an invitation.
    Invitation {
        /// Of which tenant.
        tenant: Nth,
        /// Which one.
        invitation: Nth,
        /// Of which generation.
        generation: u64,
        /// Why.
        why: Why,
    },
    /// The link under which a forgotten password is replaced.
    Reset {
        /// Of whoever has this address.
        address: Nth,
        /// Where it goes.
        to: Nth,
        /// When.
        asked_at: u64,
        /// For whom the operator vouched, and with which of their passwords.
        vouched: Option<(Nth, u64)>,
    },
    /// The link to a new address.
    Proof {
        /// The address that the account has.
        account: Nth,
        /// The new one, where it goes.
        to: Nth,
        /// Whose.
        user: Nth,
        /// With which of their passwords.
        generation: u64,
        /// When.
        asked_at: u64,
    },
    /// That an account has another address.
    Moved {
        /// The address that it had, where it goes.
        to: Nth,
        /// Whose.
        user: Nth,
        /// The change, where it can be undone.
        change: Option<Nth>,
        /// When it was.
        at: u64,
    },
    /// That a password was changed.
    Notice {
        /// Whom it tells.
        to: Nth,
        /// When it was.
        at: u64,
    },
}

/// A link under which a password is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Of which address.
    pub address: Nth,
    /// Of whom.
    pub user: Nth,
    /// Which of their passwords.
    pub generation: u64,
    /// When it is over.
    pub expires_at: u64,
}

/// A link to a new address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The address that the account had.
    pub account: Nth,
    /// Whose.
    pub user: Nth,
    /// With which of their passwords it was asked for.
    pub generation: u64,
    /// The new address.
    pub to: Nth,
    /// When it is over.
    pub expires_at: u64,
    /// Whether it was used.
    pub used: bool,
}

/// A link that takes an old address back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Return {
    /// Whose.
    pub user: Nth,
    /// Which change it undoes.
    pub change: Nth,
    /// When it is over.
    pub expires_at: u64,
}

/// An address that was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Former {
    /// By which change.
    pub change: Nth,
    /// The address.
    pub address: Nth,
    /// Until when it can be taken back.
    pub until: u64,
}

/// A link that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// To whom.
    pub address: Nth,
    /// Of which tenant.
    pub tenant: Nth,
    /// To which invitation.
    pub invitation: Nth,
    /// Of which generation.
    pub generation: u64,
    /// When it is over.
    pub expires_at: u64,
    /// Whether the sweeper took it. The newest of an invitation is still told from a forged one, an older one isn't.
    pub swept: bool,
    /// Whether it was mailed again, of which the invitation knows nothing.
    pub again: bool,
}

/// Whose an address is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user.
    pub user: Nth,
    /// Which password it was that they chose; none while nobody knows it.
    pub password: Option<Try>,
    /// How often it, or the address, was changed.
    pub generation: u64,
    /// Where it belongs.
    pub tenants: BTreeMap<Nth, Belonging>,
}

/// How an address belongs to a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belonging {
    /// To it among others.
    Shared,
    /// To it alone.
    Exclusive,
    /// Not any more.
    Former,
}

/// Somebody signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who.
    pub user: Nth,
    /// Until when.
    pub expires_at: u64,
    /// Signed out.
    pub closed: bool,
}

/// The stretch in which resends are counted, and that of sign-ins.
pub(crate) const TEN_MINUTES: u64 = 10 * MINUTE;
pub(crate) const QUARTER: u64 = 15 * MINUTE;

impl Tenant {
    /// Seats that are taken: active members and live invitations (G3).
    #[must_use]
    pub fn seats_used(&self, now: u64) -> u64 {
        let active = self.members.values().filter(|m| m.status == Status::Active).count();
        // the founding one waits for its owner as long as the tenant does
        let live =
            self.invitations.iter().filter(|i| i.is_live(now) || (i.founding.is_some() && i.ended.is_none()));
        (active + live.count()) as u64
    }

    /// What is said where no seat is free.
    pub(crate) const fn no_seat(&self) -> &'static str {
        if self.seats == 1 { "plan-required" } else { "seats-exhausted" }
    }

    /// The brands that are there.
    #[must_use]
    pub fn there(&self) -> BTreeSet<Nth> {
        self.brands.iter().enumerate().filter(|(_, there)| **there).map(|(nth, _)| nth).collect()
    }

    pub(crate) fn event(&mut self, kind: &str, subject: &str, nth: Nth) {
        *self.events.entry(format!("{kind} {subject} {nth}")).or_default() += 1;
    }

    /// What of `access` can be given again: brands that are gone are nobody's to give.
    pub(crate) fn still(&self, access: &Access) -> Access {
        Access { brands: access.brands.there(&self.there()), ..access.clone() }
    }

    /// Whether an invitation can be joined as far as the tenant goes.
    #[must_use]
    pub fn is_open_for(&self, invitation: &Invitation) -> bool {
        let waits = if invitation.founding.is_some() { Status::Pending } else { Status::Active };
        !self.gone && self.status == waits
    }
}

impl World {
    /// Nothing yet, at this second since the epoch.
    #[must_use]
    pub fn new(limits: Limits, now: u64) -> Self {
        Self {
            now,
            limits,
            tenants: Vec::new(),
            accounts: BTreeMap::new(),
            users: 0,
            suppressed: BTreeMap::new(),
            outbox: Vec::new(),
            reminders: BTreeMap::new(),
            links: Vec::new(),
            resets: Vec::new(),
            proofs: Vec::new(),
            returns: Vec::new(),
            former: BTreeMap::new(),
            changes: 0,
            mailed: Vec::new(),
            sessions: Vec::new(),
            rates: BTreeMap::new(),
        }
    }

    /// How often something was counted in the stretch that is now.
    pub(crate) fn rate(&self, name: &str, seconds: u64) -> u64 {
        self.rates.get(&(name.to_owned(), self.now / seconds)).copied().unwrap_or_default()
    }

    pub(crate) fn count(&mut self, name: &str, seconds: u64) {
        *self.rates.entry((name.to_owned(), self.now / seconds)).or_default() += 1;
    }

    /// Whether an address may join a tenant, as its policy and the others' have it.
    pub(crate) fn may_join(&self, address: Nth, tenant: Nth) -> bool {
        let Some(account) = self.accounts.get(&address) else { return true };
        account.tenants.iter().filter(|(other, _)| **other != tenant).all(|(_, belonging)| match belonging {
            Belonging::Former => true,
            Belonging::Shared => !self.tenants[tenant].exclusive,
            Belonging::Exclusive => false,
        })
    }

    /// What stands against one more mail to an address: limits, and that it takes none.
    pub(crate) fn mail_refused(&self, tenant: Nth, address: Nth, strangers: bool) -> Vec<&'static str> {
        let l = &self.limits;
        let mut refused = Vec::new();
        let of_tenant = self.rate(&mail_rate(tenant, address, strangers), DAY) >= l.address_mails_of_tenant;
        if of_tenant || self.rate(&format!("mail {address}"), DAY) >= l.address_mails {
            refused.push("rate-limited");
        }
        if self.suppressed.contains_key(&address) {
            refused.push("recipient-suppressed");
        }
        refused
    }

    /// Queues the mail of an invitation's newest generation.
    pub(crate) fn queue(&mut self, tenant: Nth, invitation: Nth) {
        self.queue_from(tenant, tenant, invitation);
    }

    /// The same, counted as one from another tenant.
    pub(crate) fn queue_from(&mut self, from: Nth, tenant: Nth, invitation: Nth) {
        let i = &self.tenants[tenant].invitations[invitation];
        let (address, generation, strangers) = (i.address, i.generation, i.founding == Some(false));
        self.outbox.push(Mail::Invitation { tenant, invitation, generation, why: Why::Sent });
        self.count(&mail_rate(from, address, strangers), DAY);
        self.count(&format!("mail {address}"), DAY);
    }

    /// Queues the mail that reminds of an invitation, counted as one that somebody sends, unless nobody is to be reminded, or
    /// there were too many mails. Whether it did.
    pub(crate) fn remind(&mut self, (tenant, invitation): (Nth, Nth), generation: u64) -> bool {
        let t = &self.tenants[tenant];
        let i = &t.invitations[invitation];
        let address = i.address;
        let wants = !t.gone && t.status == Status::Active && t.reminder_days.is_some();
        let waits = i.ended.is_none() && i.generation == generation && !i.reminded;
        let arrived =
            matches!(i.delivery, Delivery::Queued | Delivery::Sent | Delivery::Delayed | Delivery::Delivered);
        let has_time = self.now + HOUR <= i.expires_at;
        let room = self.mail_refused(tenant, address, false).is_empty();
        let Some(mails) = self.tenant_mail(tenant).filter(|_| wants && waits && arrived && has_time && room)
        else {
            return false;
        };
        let t = &mut self.tenants[tenant];
        t.mails = mails;
        t.invitations[invitation].reminded = true;
        t.event("invitation.reminded", "invitation", invitation);
        self.outbox.push(Mail::Invitation { tenant, invitation, generation, why: Why::Reminder });
        self.count(&mail_rate(tenant, address, false), DAY);
        self.count(&format!("mail {address}"), DAY);
        true
    }

    /// Counts a mail to the tenant's day; none if that is full.
    pub(crate) fn tenant_mail(&self, tenant: Nth) -> Option<Window> {
        self.tenants[tenant].mails.one_more(self.now, self.limits.tenant_mails, DAY)
    }

    /// Counts an invitation to its inviter's hour.
    pub(crate) fn invite_window(&self, member: &Member) -> Option<Window> {
        member.invites.one_more(self.now, self.limits.invitations, HOUR)
    }

    pub(crate) fn open_session(&mut self, user: Nth) {
        let expires_at = self.now + self.limits.session_days * DAY;
        self.sessions.push(Session { user, expires_at, closed: false });
    }

    /// An owner-to-be's role, list and brands.
    pub(crate) fn owners() -> Access {
        Access { role: Role::Owner, list: None, brands: crate::rights::Brands::Only(BTreeSet::new()) }
    }
}

/// What strangers sign up for an address is counted together, so that a team can still reach it.
fn mail_rate(tenant: Nth, address: Nth, strangers: bool) -> String {
    if strangers { format!("mail strangers {address}") } else { format!("mail {tenant} {address}") }
}
