//! What can happen, and what it comes to.

use std::collections::BTreeSet;

use crate::rights::{Permissions, Role};
use crate::{Nth, Status, World};

/// Which brands somebody names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Set {
    /// `"all"`.
    All,
    /// A list.
    These(BTreeSet<Nth>),
}

/// A password that somebody tries, or chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Try {
    /// The one that most people have.
    Right,
    /// Another one that would do.
    Wrong,
    /// One that nobody may choose.
    Weak,
}

/// What an invitation offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// To whom.
    pub address: Nth,
    /// The role.
    pub role: Role,
    /// The list that replaces the role's permissions.
    pub list: Option<Permissions>,
    /// The brands.
    pub brands: Set,
    /// Days that a link lives.
    pub days: u64,
}

/// What a member is left with; what isn't said stays. Something is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reduction {
    /// Another role.
    pub role: Option<Role>,
    /// The list that replaces the role's permissions.
    pub list: Option<Permissions>,
    /// Other brands.
    pub brands: Option<Set>,
}

/// What a reviewer decides about a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They keep what they hold.
    Kept,
    /// They are left with this.
    Reduced(Reduction),
    /// Their membership is ended.
    Revoked,
}

/// What SES says became of the newest mail to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It arrived.
    Delivered,
    /// It goes on trying.
    Delayed,
    /// It was refused for good.
    Bounced,
    /// The mailbox was full, or an auto-responder answered.
    BouncedForNow,
    /// It was marked as spam.
    Complained,
}

/// Everything that can happen. `by` is a session, of anybody or of nobody; the tenant, where there is one, is what the
/// path names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "fields are named as in the design")]
pub enum Request {
    SignUp {
        address: Nth,
    },
    Preview {
        link: Nth,
    },
    Accept {
        link: Nth,
        password: Try,
    },
    Decline {
        link: Nth,
    },
    Renew {
        link: Nth,
    },
    SignIn {
        address: Nth,
        password: Try,
    },
    SignOut {
        by: Nth,
    },
    Me {
        by: Nth,
    },
    Tenant {
        by: Nth,
        tenant: Nth,
    },
    Invite {
        by: Nth,
        tenant: Nth,
        given: Given,
    },
    Resend {
        by: Nth,
        tenant: Nth,
        invitation: Nth,
    },
    RevokeInvitation {
        by: Nth,
        tenant: Nth,
        invitation: Nth,
    },
    Invitation {
        by: Nth,
        tenant: Nth,
        invitation: Nth,
    },
    Invitations {
        by: Nth,
        tenant: Nth,
    },
    Member {
        by: Nth,
        tenant: Nth,
        user: Nth,
    },
    Members {
        by: Nth,
        tenant: Nth,
    },
    GiveRole {
        by: Nth,
        tenant: Nth,
        user: Nth,
        role: Role,
    },
    RenameTenant {
        by: Nth,
        tenant: Nth,
    },
    SetReminder {
        by: Nth,
        tenant: Nth,
        days: Option<u64>,
    },
    Permit {
        by: Nth,
        tenant: Nth,
        user: Nth,
        list: Option<Permissions>,
    },
    HandOver {
        by: Nth,
        tenant: Nth,
        to: Nth,
        password: Try,
    },
    Close {
        by: Nth,
        tenant: Nth,
        password: Try,
    },
    Leave {
        by: Nth,
        tenant: Nth,
    },
    OwnMember {
        by: Nth,
        tenant: Nth,
    },
    Roles {
        by: Nth,
        tenant: Nth,
    },
    Seats {
        by: Nth,
        tenant: Nth,
    },
    CreatePartner {
        by: Nth,
        tenant: Nth,
        address: Nth,
    },
    Partners {
        by: Nth,
        tenant: Nth,
    },
    EndPartner {
        by: Nth,
        tenant: Nth,
        partner: Nth,
    },
    LeavePortal {
        by: Nth,
        tenant: Nth,
    },
    SetBrands {
        by: Nth,
        tenant: Nth,
        user: Nth,
        brands: Set,
    },
    AddBrand {
        by: Nth,
        tenant: Nth,
        user: Nth,
        brand: Nth,
    },
    TakeBrand {
        by: Nth,
        tenant: Nth,
        user: Nth,
        brand: Nth,
    },
    Suspend {
        by: Nth,
        tenant: Nth,
        user: Nth,
    },
    Reinstate {
        by: Nth,
        tenant: Nth,
        user: Nth,
    },
    Remove {
        by: Nth,
        tenant: Nth,
        user: Nth,
    },
    CreateBrand {
        by: Nth,
        tenant: Nth,
    },
    RenameBrand {
        by: Nth,
        tenant: Nth,
        brand: Nth,
    },
    DeleteBrand {
        by: Nth,
        tenant: Nth,
        brand: Nth,
    },
    Brands {
        by: Nth,
        tenant: Nth,
    },
    Brand {
        by: Nth,
        tenant: Nth,
        brand: Nth,
    },
    Events {
        by: Nth,
        tenant: Nth,
    },
    Check {
        by: Nth,
        tenant: Nth,
        permission: &'static str,
        brand: Option<Nth>,
        user: Option<Nth>,
    },
    OpenReview {
        by: Nth,
        tenant: Nth,
    },
    Reviews {
        by: Nth,
        tenant: Nth,
    },
    Review {
        by: Nth,
        tenant: Nth,
        review: Nth,
    },
    WrittenReview {
        by: Nth,
        tenant: Nth,
        review: Nth,
    },
    Decide {
        by: Nth,
        tenant: Nth,
        review: Nth,
        user: Nth,
        verdict: Verdict,
        reason: Nth,
    },
    CloseReview {
        by: Nth,
        tenant: Nth,
        review: Nth,
    },
    Access {
        by: Nth,
        tenant: Nth,
    },
    ChangeProfile {
        by: Nth,
    },
    ChangePassword {
        by: Nth,
        current: Try,
        new: Try,
    },
    Sessions {
        by: Nth,
    },
    EndSession {
        by: Nth,
        session: Nth,
    },
    EndSessions {
        by: Nth,
    },
    AskForReset {
        address: Nth,
    },
    ConfirmReset {
        reset: Nth,
        password: Try,
    },
    SendPasswordReset {
        address: Nth,
        to: Nth,
    },
    AskForEmail {
        by: Nth,
        to: Nth,
        password: Try,
    },
    ConfirmEmail {
        proof: Nth,
    },
    UndoEmail {
        back: Nth,
    },
    CreateTenant {
        address: Nth,
        seats: u64,
    },
    SetPlan {
        tenant: Nth,
        seats: u64,
    },
    SetEmailPolicy {
        tenant: Nth,
        exclusive: bool,
    },
    SuspendTenant {
        tenant: Nth,
        suspended: bool,
    },
    Reopen {
        tenant: Nth,
    },
    /// Ordered again until nothing of it is left.
    RemoveTenant {
        tenant: Nth,
    },
    Transfer {
        tenant: Nth,
        to: Nth,
    },
    ReleaseEmail {
        address: Nth,
    },
    LiftSuppression {
        address: Nth,
    },
    Pass {
        seconds: u64,
    },
    Sweep,
    Deliver,
    /// The queues hand over again that mails are queued, and that the links of invitations are gone, of those too whose time isn't
    /// over: the newest first and each twice.
    Repeat,
    Feedback {
        address: Nth,
        told: Told,
    },
}

impl Request {
    /// The session that asks, where one does.
    #[must_use]
    pub const fn by(&self) -> Option<Nth> {
        match self {
            Self::SignOut { by }
            | Self::Me { by }
            | Self::Tenant { by, .. }
            | Self::Invite { by, .. }
            | Self::Resend { by, .. }
            | Self::RevokeInvitation { by, .. }
            | Self::Invitation { by, .. }
            | Self::Invitations { by, .. }
            | Self::Member { by, .. }
            | Self::Members { by, .. }
            | Self::GiveRole { by, .. }
            | Self::RenameTenant { by, .. }
            | Self::SetReminder { by, .. }
            | Self::Permit { by, .. }
            | Self::HandOver { by, .. }
            | Self::Close { by, .. }
            | Self::Leave { by, .. }
            | Self::OwnMember { by, .. }
            | Self::Roles { by, .. }
            | Self::Seats { by, .. }
            | Self::CreatePartner { by, .. }
            | Self::Partners { by, .. }
            | Self::EndPartner { by, .. }
            | Self::LeavePortal { by, .. }
            | Self::SetBrands { by, .. }
            | Self::AddBrand { by, .. }
            | Self::TakeBrand { by, .. }
            | Self::Suspend { by, .. }
            | Self::Reinstate { by, .. }
            | Self::Remove { by, .. }
            | Self::CreateBrand { by, .. }
            | Self::RenameBrand { by, .. }
            | Self::DeleteBrand { by, .. }
            | Self::Brands { by, .. }
            | Self::Brand { by, .. }
            | Self::Events { by, .. }
            | Self::Check { by, .. }
            | Self::OpenReview { by, .. }
            | Self::Reviews { by, .. }
            | Self::Review { by, .. }
            | Self::WrittenReview { by, .. }
            | Self::Decide { by, .. }
            | Self::CloseReview { by, .. }
            | Self::Access { by, .. }
            | Self::ChangeProfile { by }
            | Self::ChangePassword { by, .. }
            | Self::Sessions { by }
            | Self::EndSession { by, .. }
            | Self::AskForEmail { by, .. }
            | Self::EndSessions { by } => Some(*by),
            Self::SignUp { .. }
            | Self::Preview { .. }
            | Self::Accept { .. }
            | Self::Decline { .. }
            | Self::Renew { .. }
            | Self::SignIn { .. }
            | Self::AskForReset { .. }
            | Self::ConfirmReset { .. }
            | Self::SendPasswordReset { .. }
            | Self::ConfirmEmail { .. }
            | Self::UndoEmail { .. }
            | Self::CreateTenant { .. }
            | Self::SetPlan { .. }
            | Self::SetEmailPolicy { .. }
            | Self::SuspendTenant { .. }
            | Self::Reopen { .. }
            | Self::RemoveTenant { .. }
            | Self::Transfer { .. }
            | Self::ReleaseEmail { .. }
            | Self::LiftSuppression { .. }
            | Self::Pass { .. }
            | Self::Sweep
            | Self::Deliver
            | Self::Repeat
            | Self::Feedback { .. } => None,
        }
    }
}

/// What a request is answered: `ok`, or the code of the refusal (the operator's orders are `refused` without one), and
/// what it shows, where that is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Answer {
    /// `ok`, or why not.
    pub code: &'static str,
    /// What it shows.
    pub shows: String,
}

/// One thing that may legally come of a request.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What is answered.
    pub answer: Answer,
    /// What is so afterwards.
    pub next: World,
}

impl World {
    /// What may legally come of a request.
    #[must_use]
    pub fn legal(&self, request: &Request) -> Vec<Outcome> {
        let mut outcomes = self.outcomes(request);
        for Outcome { next, .. } in &mut outcomes {
            self.sign(request, next);
        }
        outcomes
    }

    /// Notes who did what is new in the trails.
    pub(crate) fn sign(&self, request: &Request, next: &mut Self) {
        // whoever accepted is signed in
        let newest = next.sessions.last().map(|session| session.user);
        for (nth, crate::Tenant { events, deeds, .. }) in next.tenants.iter_mut().enumerate() {
            let before = self.tenants.get(nth).map(|tenant| &tenant.events);
            // what was removed had a trail
            if events.is_empty() {
                deeds.clear();
            }
            for (event, times) in events.iter() {
                let times = times - before.and_then(|before| before.get(event)).copied().unwrap_or_default();
                if times > 0 {
                    let deed = format!("{event} by {}", self.doer(request, newest, nth, event));
                    *deeds.entry(deed).or_default() += times;
                }
            }
        }
    }

    /// Who does this in a tenant: a person, for their portal where they aren't a member; whoever a link is for, as long as
    /// they are nobody; the operator; the clock.
    fn doer(&self, request: &Request, newest: Option<Nth>, tenant: Nth, event: &str) -> String {
        use Request as R;
        // what was given to whoever had the account meanwhile ends by itself, and what a closed team offered
        let by_itself = event.starts_with("member.revoked")
            || event.starts_with("invitation.revoked") && self.tenants[tenant].status == Status::Closed;
        let user = match request {
            R::Accept { .. } => newest,
            R::ConfirmEmail { .. } | R::UndoEmail { .. } if by_itself => None,
            R::ConfirmEmail { proof } => Some(self.proofs[*proof].user),
            R::UndoEmail { back } => Some(self.returns[*back].user),
            R::SignIn { address, .. } => self.accounts.get(address).map(|account| account.user),
            R::Decline { .. } | R::Renew { .. } | R::SignUp { .. } => return "invitee".to_owned(),
            R::Pass { .. } | R::Sweep | R::Deliver | R::Repeat | R::Feedback { .. } => None,
            _ => match request.by() {
                Some(by) => Some(self.sessions[by].user),
                None => return "operator".to_owned(),
            },
        };
        let Some(user) = user else { return "system".to_owned() };
        let there = self.tenants.get(tenant);
        let portal = match request {
            R::CreatePartner { tenant: portal, .. } | R::EndPartner { tenant: portal, .. } => {
                (*portal != tenant).then_some(*portal)
            }
            R::Accept { .. } => None,
            _ => there
                .filter(|t| t.members.get(&user).is_none_or(|m| m.status != Status::Active))
                .and_then(|t| self.portal_of(t, user)),
        };
        match portal {
            Some(portal) => format!("user {user} of {portal}"),
            None => format!("user {user}"),
        }
    }

    fn outcomes(&self, request: &Request) -> Vec<Outcome> {
        use Request as R;
        match request {
            R::SignUp { address } => self.sign_up(*address),
            R::Preview { link } => self.preview(*link),
            R::Accept { link, password } => self.accept(*link, *password),
            R::Decline { link } => self.decline(*link),
            R::Renew { link } => self.renew(*link),
            R::SignIn { address, password } => self.sign_in(*address, *password),
            R::SignOut { by } => self.sign_out(*by),
            R::Me { by } => self.me(*by),
            R::ChangeProfile { by } => self.change_profile(*by),
            R::ChangePassword { by, current, new } => self.change_password(*by, *current, *new),
            R::Sessions { by } => self.sessions_of(*by),
            R::EndSession { by, session } => self.end_session(*by, *session),
            R::EndSessions { by } => self.end_sessions(*by),
            R::AskForReset { address } => self.ask_for_reset(*address),
            R::ConfirmReset { reset, password } => self.confirm_reset(*reset, *password),
            R::SendPasswordReset { address, to } => self.send_password_reset(*address, *to),
            R::AskForEmail { by, to, password } => self.ask_for_email(*by, *to, *password),
            R::ConfirmEmail { proof } => self.confirm_email(*proof),
            R::UndoEmail { back } => self.undo_email(*back),
            R::CreateTenant { address, seats } => self.create_tenant(*address, *seats),
            R::SetPlan { tenant, seats } => self.set_plan(*tenant, *seats),
            R::SetEmailPolicy { tenant, exclusive } => self.set_email_policy(*tenant, *exclusive),
            R::SuspendTenant { tenant, suspended } => self.suspend_tenant(*tenant, *suspended),
            R::Reopen { tenant } => self.reopen(*tenant),
            R::RemoveTenant { tenant } => self.remove_tenant(*tenant),
            R::Transfer { tenant, to } => self.transfer(*tenant, *to),
            R::ReleaseEmail { address } => self.release_email(*address),
            R::LiftSuppression { address } => self.lift_suppression(*address),
            R::Pass { seconds } => self.pass(*seconds),
            R::Sweep => self.sweep(),
            R::Deliver => self.deliver(),
            R::Repeat => self.clone().done(),
            R::Feedback { address, told } => self.feedback(*address, *told),
            R::Tenant { by, tenant }
            | R::Invite { by, tenant, .. }
            | R::Resend { by, tenant, .. }
            | R::RevokeInvitation { by, tenant, .. }
            | R::Invitation { by, tenant, .. }
            | R::Invitations { by, tenant }
            | R::Member { by, tenant, .. }
            | R::Members { by, tenant }
            | R::GiveRole { by, tenant, .. }
            | R::RenameTenant { by, tenant }
            | R::SetReminder { by, tenant, .. }
            | R::Permit { by, tenant, .. }
            | R::HandOver { by, tenant, .. }
            | R::Close { by, tenant, .. }
            | R::Leave { by, tenant }
            | R::OwnMember { by, tenant }
            | R::Roles { by, tenant }
            | R::Seats { by, tenant }
            | R::CreatePartner { by, tenant, .. }
            | R::Partners { by, tenant }
            | R::EndPartner { by, tenant, .. }
            | R::LeavePortal { by, tenant }
            | R::SetBrands { by, tenant, .. }
            | R::AddBrand { by, tenant, .. }
            | R::TakeBrand { by, tenant, .. }
            | R::Suspend { by, tenant, .. }
            | R::Reinstate { by, tenant, .. }
            | R::Remove { by, tenant, .. }
            | R::CreateBrand { by, tenant }
            | R::RenameBrand { by, tenant, .. }
            | R::DeleteBrand { by, tenant, .. }
            | R::Brands { by, tenant }
            | R::Brand { by, tenant, .. }
            | R::Events { by, tenant }
            | R::Check { by, tenant, .. }
            | R::OpenReview { by, tenant }
            | R::Reviews { by, tenant }
            | R::Review { by, tenant, .. }
            | R::WrittenReview { by, tenant, .. }
            | R::Decide { by, tenant, .. }
            | R::CloseReview { by, tenant, .. }
            | R::Access { by, tenant } => self.in_team(*by, *tenant, request),
        }
    }

    /// Done, with nothing to compare.
    pub(crate) fn done(self) -> Vec<Outcome> {
        self.showing(String::new())
    }

    /// Done, showing this.
    pub(crate) fn showing(self, shows: String) -> Vec<Outcome> {
        vec![Outcome { answer: Answer { code: "ok", shows }, next: self }]
    }

    /// Refused for any of these reasons, with nothing changed; none where there are none.
    pub(crate) fn refused(&self, codes: &[&'static str]) -> Option<Vec<Outcome>> {
        let codes: BTreeSet<&'static str> = codes.iter().copied().collect();
        let refusals = codes
            .into_iter()
            .map(|code| Outcome { answer: Answer { code, shows: String::new() }, next: self.clone() });
        let refusals: Vec<Outcome> = refusals.collect();
        (!refusals.is_empty()).then_some(refusals)
    }

    /// Refused for this reason.
    pub(crate) fn no(&self, code: &'static str) -> Vec<Outcome> {
        self.refused(&[code]).unwrap_or_default()
    }
}
