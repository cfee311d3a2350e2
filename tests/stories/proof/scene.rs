//! Where the machines begin: a team in which there is something of everything.

use oracle::rights::{Permissions, Role};
use oracle::{DAY, Given, Limits, Nth, Reduction, Request, Set, Try, Verdict};
use stories::Twin;
use tokio::sync::OnceCell;

/// What a limited colleague holds: enough to invite, assign and remove, on one brand.
pub(super) fn limited() -> Permissions {
    let own = Role::Member.permissions().into_iter();
    own.chain(["members.invite", "members.assign", "members.revoke", "audit.read"]).collect()
}

fn invite(by: Nth, address: Nth, role: Role, brands: &[Nth]) -> Request {
    let brands = Set::These(brands.iter().copied().collect());
    Request::Invite { by, tenant: 0, given: Given { address, role, list: None, brands, days: 2 } }
}

/// A team with two brands, and nobody in it but its owner.
pub(super) async fn founded(limits: Limits) -> Twin {
    Twin::new(limits)
        .await
        .all(&[
            Request::SignUp { address: 0 },
            Request::Deliver,
            Request::Accept { link: 0, password: Try::Right },
            Request::CreateBrand { by: 0, tenant: 0 },
            Request::CreateBrand { by: 0, tenant: 0 },
        ])
        .await
}

/// A team with an owner (session 0), an admin (1), a member who holds more than others on the first of two brands (2),
/// and a sales rep (3); three pending invitations, one of them by the limited member; another team whose owner (4) is
/// invited to the first. The addresses 0 to 3 are the team's, 4 the other owner's, 5 and 6 are invited, 7 is nobody's.
pub(super) async fn team(limits: Limits) -> Twin {
    // most scenes begin here: made once
    static TEAM: OnceCell<Twin> = OnceCell::const_new();
    if limits == stories::limits() {
        return TEAM.get_or_init(|| made_team(limits)).await.fork().await;
    }
    made_team(limits).await
}

async fn made_team(limits: Limits) -> Twin {
    let accept = |link| Request::Accept { link, password: Try::Right };
    let keeper = Given {
        address: 2,
        role: Role::Member,
        list: Some(limited()),
        brands: Set::These([0].into()),
        days: 2,
    };
    founded(limits)
        .await
        .all(&[
            invite(0, 1, Role::Admin, &[]),
            Request::Deliver,
            accept(1),
            Request::Invite { by: 1, tenant: 0, given: keeper },
            Request::Deliver,
            accept(2),
            invite(0, 3, Role::SalesRep, &[0, 1]),
            Request::Deliver,
            accept(3),
            Request::SignUp { address: 4 },
            Request::Deliver,
            accept(4),
            // the next hour, so that everybody may invite again
            Request::Pass { seconds: 3_600 },
            Request::SetPlan { tenant: 0, seats: 8 },
            invite(1, 5, Role::Member, &[0, 1]),
            invite(2, 6, Role::Member, &[0]),
            invite(0, 4, Role::Partner, &[1]),
            Request::Deliver,
            Request::Pass { seconds: DAY },
            // the admin has forgotten their password, and everybody's use of their session is noted
            Request::AskForReset { address: 1 },
            Request::Deliver,
            Request::Me { by: 0 },
            Request::Me { by: 1 },
            Request::Me { by: 2 },
            Request::Me { by: 3 },
            Request::Me { by: 4 },
            // and the limited member, whose mail is still to be sent
            Request::AskForReset { address: 2 },
        ])
        .await
}

/// The same team, whose sales rep is invited to two others (links 8 and 10), as somebody is whom nobody knows (11 and 12).
pub(super) async fn invited_elsewhere(limits: Limits) -> Twin {
    let elsewhere = |by, tenant, address| {
        let given = Given { address, role: Role::Member, list: None, brands: Set::These([].into()), days: 2 };
        Request::Invite { by, tenant, given }
    };
    team(limits)
        .await
        .all(&[
            elsewhere(4, 1, 3),
            Request::SignUp { address: 9 },
            Request::Deliver,
            Request::Accept { link: 9, password: Try::Right },
            elsewhere(5, 2, 3),
            Request::Deliver,
            elsewhere(4, 1, 11),
            Request::Deliver,
            elsewhere(5, 2, 11),
            Request::Deliver,
        ])
        .await
}

/// The same team, which mailed an address today that nobody is invited by now.
pub(super) async fn mailed_and_revoked(team: Twin) -> Twin {
    let invitation = team.model.tenants[0].invitations.len();
    team.all(&[
        invite(0, 7, Role::Member, &[]),
        Request::Deliver,
        Request::RevokeInvitation { by: 0, tenant: 0, invitation },
    ])
    .await
}

/// A team with seats for everybody, in which everybody has done something today.
pub(super) async fn with_room(team: Twin) -> Twin {
    let invitation = team.model.tenants[0].invitations.len();
    let tenant = 0;
    team.all(&[
        Request::SetPlan { tenant, seats: 20 },
        Request::RenameBrand { by: 1, tenant, brand: 1 },
        invite(0, 10, Role::Member, &[]),
        Request::RevokeInvitation { by: 0, tenant, invitation },
    ])
    .await
}

/// The portal's admin invites somebody into the partner of [`portal`].
fn invite_through(address: Nth) -> Request {
    let given = Given { address, role: Role::Member, list: None, brands: Set::These([0].into()), days: 2 };
    Request::Invite { by: 1, tenant: 2, given }
}

/// The same team as the portal of a third one, its partner: with an owner (session 5, address 8), an admin whom the portal's
/// admin invited (6, address 9) and one who is invited so (link 10, address 10).
pub(super) async fn portal(limits: Limits) -> Twin {
    let accept = |link| Request::Accept { link, password: Try::Right };
    let through = |address, role, brands: &[Nth]| {
        let brands = Set::These(brands.iter().copied().collect());
        Request::Invite { by: 1, tenant: 2, given: Given { address, role, list: None, brands, days: 2 } }
    };
    team(limits)
        .await
        .all(&[
            Request::CreatePartner { by: 0, tenant: 0, address: 8 },
            Request::Deliver,
            accept(8),
            Request::CreateBrand { by: 5, tenant: 2 },
            through(9, Role::Admin, &[]),
            Request::Deliver,
            accept(9),
            through(10, Role::Member, &[0]),
            Request::Deliver,
            Request::Pass { seconds: DAY },
            Request::Me { by: 5 },
            Request::Me { by: 6 },
        ])
        .await
}

/// The same team a day later, which reminds who was invited after a day: two who were invited since (links 8 and 9) by the
/// admin and by the limited member, and whose reminders are due.
pub(super) async fn reminding(team: Twin) -> Twin {
    let days = |address, by| {
        let brands = Set::These([0].into());
        Request::Invite {
            by,
            tenant: 0,
            given: Given { address, role: Role::SalesRep, list: None, brands, days: 7 },
        }
    };
    team.all(&[
        Request::Deliver,
        Request::SetReminder { by: 0, tenant: 0, days: Some(1) },
        Request::SetPlan { tenant: 0, seats: 20 },
        days(10, 1),
        days(11, 2),
        Request::Deliver,
        Request::Pass { seconds: DAY + 1 },
        Request::Me { by: 0 },
        Request::Me { by: 1 },
        Request::Me { by: 2 },
    ])
    .await
}

/// What a limited colleague holds who reviews too.
fn reviewer() -> Permissions {
    limited().into_iter().chain(["access.review"]).collect()
}

fn decide(by: Nth, user: Nth, verdict: Verdict, reason: Nth) -> Request {
    Request::Decide { by, tenant: 0, review: 1, user, verdict, reason }
}

fn left_with(role: Option<Role>, brands: Option<&[Nth]>) -> Verdict {
    let brands = brands.map(|brands| Set::These(brands.iter().copied().collect()));
    Verdict::Reduced(Reduction { role, list: None, brands })
}

/// The same team, whose access was reviewed once and is again: the second review, which goes on, took a brand from the sales
/// rep. The limited member reviews too, and did nothing today.
pub(super) async fn reviewing(team: Twin) -> Twin {
    let tenant = 0;
    team.all(&[
        Request::Permit { by: 0, tenant, user: 2, list: Some(reviewer()) },
        Request::OpenReview { by: 1, tenant },
        Request::Decide { by: 1, tenant, review: 0, user: 0, verdict: Verdict::Kept, reason: 0 },
        Request::CloseReview { by: 0, tenant, review: 0 },
        Request::Deliver,
        Request::Pass { seconds: 60 },
        Request::OpenReview { by: 0, tenant },
        decide(1, 3, left_with(None, Some(&[0])), 0),
    ])
    .await
}

/// The same in [`reviewing`]: what is decided, and what changes whom it is about, who decides and the review.
pub(super) fn of_reviewing() -> Vec<Request> {
    let (tenant, review, right) = (0, 1, Try::Right);
    let list = |permissions: [&'static str; 2]| {
        Verdict::Reduced(Reduction { role: None, list: Some(permissions.into()), brands: None })
    };
    vec![
        decide(0, 3, Verdict::Kept, 1),
        decide(1, 3, Verdict::Kept, 2),
        decide(1, 3, left_with(Some(Role::Partner), None), 1),
        decide(0, 3, list(["tenant.read", "brand.read"]), 1),
        decide(2, 3, left_with(None, Some(&[])), 1),
        decide(0, 2, Verdict::Kept, 1),
        decide(1, 2, Verdict::Kept, 2),
        decide(0, 2, Verdict::Revoked, 1),
        decide(0, 1, left_with(Some(Role::Member), Some(&[0])), 1),
        Request::CloseReview { by: 0, tenant, review },
        Request::CloseReview { by: 1, tenant, review },
        Request::OpenReview { by: 1, tenant },
        Request::GiveRole { by: 0, tenant, user: 1, role: Role::Member },
        Request::GiveRole { by: 0, tenant, user: 3, role: Role::Partner },
        Request::AddBrand { by: 1, tenant, user: 3, brand: 1 },
        Request::Suspend { by: 1, tenant, user: 3 },
        Request::Remove { by: 1, tenant, user: 2 },
        Request::Leave { by: 3, tenant },
        Request::HandOver { by: 0, tenant, to: 1, password: right },
        Request::DeleteBrand { by: 1, tenant, brand: 0 },
        Request::SuspendTenant { tenant, suspended: true },
    ]
}

/// The same team after months in which nobody did anything.
pub(super) async fn long_after(team: Twin) -> Twin {
    let back = |address| Request::SignIn { address, password: Try::Right };
    team.all(&[Request::Pass { seconds: 290 * DAY }, Request::Sweep, back(0), back(1), back(2), back(3)])
        .await
}

/// The same team later: a member suspended, one removed, three invitations expired and found so,
/// one expired and not found, a mail in the outbox, an address that takes no mail.
pub(super) async fn later(limits: Limits) -> Twin {
    team(limits)
        .await
        .all(&[
            // 5 and 6 and 4 expire; the sweeper finds them
            Request::Pass { seconds: DAY + 1 },
            Request::Sweep,
            Request::Suspend { by: 0, tenant: 0, user: 2 },
            Request::Remove { by: 0, tenant: 0, user: 3 },
            invite(0, 7, Role::Member, &[0]),
            Request::Deliver,
            Request::Feedback { address: 7, told: oracle::Told::Bounced },
            Request::Pass { seconds: 2 * DAY },
            invite(1, 3, Role::Member, &[1]),
            Request::Invitations { by: 0, tenant: 0 },
            Request::SetPlan { tenant: 0, seats: 4 },
        ])
        .await
}

/// The same team an hour after its owner closed it: the mail that tells them is still to be sent.
pub(super) async fn closed(team: Twin) -> Twin {
    team.all(&[
        Request::Deliver,
        Request::Close { by: 0, tenant: 0, password: Try::Right },
        Request::Pass { seconds: 3_600 },
    ])
    .await
}

/// The same when it can't be opened again any more. Its admin is in the other team too, its limited member was, and its
/// sales rep is invited there (link 10).
pub(super) async fn over(limits: Limits) -> Twin {
    let elsewhere = |address| {
        let given = Given { address, role: Role::Member, list: None, brands: Set::These([].into()), days: 2 };
        Request::Invite { by: 4, tenant: 1, given }
    };
    let (accept, right) = (|link| Request::Accept { link, password: Try::Right }, Try::Right);
    let twin = team(limits).await;
    let link = twin.model.links.len();
    twin.all(&[
        Request::Deliver,
        elsewhere(1),
        Request::Deliver,
        accept(link),
        elsewhere(2),
        Request::Deliver,
        accept(link + 1),
        Request::Remove { by: 4, tenant: 1, user: 2 },
        Request::Close { by: 0, tenant: 0, password: right },
        Request::Deliver,
        Request::Pass { seconds: 30 * DAY },
        elsewhere(3),
        Request::Deliver,
    ])
    .await
}

/// What is worth doing at once in [`closed`].
pub(super) fn of_closed() -> Vec<Request> {
    let (tenant, right) = (0, Try::Right);
    vec![
        Request::Reopen { tenant },
        Request::RemoveTenant { tenant },
        Request::Close { by: 0, tenant, password: right },
        Request::SuspendTenant { tenant, suspended: true },
        Request::SuspendTenant { tenant, suspended: false },
        Request::Transfer { tenant, to: 1 },
        Request::SetPlan { tenant, seats: 7 },
        Request::Accept { link: 5, password: right },
        Request::Decline { link: 5 },
        Request::Leave { by: 2, tenant },
        Request::SignIn { address: 1, password: right },
        Request::ChangeProfile { by: 1 },
        Request::AskForReset { address: 1 },
        invite(0, 7, Role::Member, &[]),
        Request::Deliver,
        Request::Pass { seconds: 30 * DAY },
    ]
}

/// The same team, whose admin signs in with another address by now (12, before it 1), joined the other team with it, and
/// asked for one more (13), as the sales rep did (14); and whose admin has forgotten their password again. Its access is
/// reviewed.
pub(super) async fn moved(team: Twin) -> Twin {
    let ask = |by, to| Request::AskForEmail { by, to, password: Try::Right };
    let (proof, link) = (team.model.proofs.len(), team.model.links.len());
    let brands = Set::These([].into());
    let elsewhere = Given { address: 12, role: Role::Member, list: None, brands, days: 2 };
    team.all(&[
        Request::OpenReview { by: 0, tenant: 0 },
        ask(1, 12),
        Request::Deliver,
        Request::ConfirmEmail { proof },
        Request::Deliver,
        Request::Pass { seconds: 1 },
        Request::Invite { by: 4, tenant: 1, given: elsewhere },
        Request::Deliver,
        Request::Accept { link, password: Try::Right },
        ask(1, 13),
        ask(3, 14),
        Request::AskForReset { address: 12 },
        Request::Deliver,
    ])
    .await
}

/// The same in [`moved`].
pub(super) fn of_moved() -> Vec<Request> {
    let (tenant, right) = (0, Try::Right);
    vec![
        Request::UndoEmail { back: 0 },
        Request::ConfirmEmail { proof: 1 },
        Request::ConfirmEmail { proof: 2 },
        Request::AskForEmail { by: 1, to: 15, password: right },
        Request::AskForEmail { by: 1, to: 13, password: right },
        Request::AskForEmail { by: 3, to: 13, password: Try::Wrong },
        invite(0, 1, Role::Member, &[0]),
        invite(0, 13, Role::Member, &[0]),
        invite(0, 14, Role::Member, &[0]),
        Request::SignIn { address: 12, password: right },
        Request::ChangePassword { by: 1, current: right, new: Try::Wrong },
        Request::ConfirmReset { reset: 2, password: Try::Wrong },
        Request::ChangeProfile { by: 1 },
        Request::EndSessions { by: 1 },
        Request::GiveRole { by: 0, tenant, user: 1, role: Role::Member },
        Request::HandOver { by: 0, tenant, to: 1, password: right },
        Request::Suspend { by: 0, tenant, user: 1 },
        Request::Remove { by: 0, tenant, user: 1 },
        Request::Remove { by: 1, tenant, user: 3 },
        Request::Decide { by: 0, tenant, review: 0, user: 1, verdict: Verdict::Revoked, reason: 0 },
        Request::Suspend { by: 4, tenant: 1, user: 1 },
        Request::Leave { by: 1, tenant: 1 },
        Request::Leave { by: 1, tenant },
        Request::Deliver,
        Request::SendPasswordReset { address: 12, to: 8 },
        Request::ReleaseEmail { address: 12 },
        Request::SignUp { address: 13 },
        Request::Pass { seconds: 8 * DAY },
    ]
}

/// The same in [`over`].
pub(super) fn of_over() -> Vec<Request> {
    let (tenant, right) = (0, Try::Right);
    vec![
        Request::RemoveTenant { tenant },
        Request::Reopen { tenant },
        Request::SetPlan { tenant, seats: 7 },
        Request::Transfer { tenant, to: 1 },
        Request::Decline { link: 5 },
        Request::Renew { link: 6 },
        Request::Accept { link: 10, password: right },
        Request::Leave { by: 1, tenant },
        Request::Leave { by: 3, tenant },
        Request::SignIn { address: 1, password: right },
        Request::SignIn { address: 3, password: right },
        Request::ChangePassword { by: 3, current: right, new: Try::Wrong },
        Request::ChangeProfile { by: 3 },
        Request::EndSessions { by: 3 },
        Request::SignOut { by: 1 },
        Request::AskForReset { address: 3 },
        Request::SendPasswordReset { address: 1, to: 8 },
    ]
}

/// What is worth doing at once in [`team`], by those whose rights differ.
pub(super) fn of_team() -> Vec<Request> {
    let these = |brands: &[Nth]| Set::These(brands.iter().copied().collect());
    let (tenant, right) = (0, Try::Right);
    vec![
        // the links of 5, 6 and of the other team's owner
        Request::Accept { link: 5, password: right },
        Request::Accept { link: 6, password: right },
        Request::Accept { link: 7, password: right },
        Request::Decline { link: 5 },
        Request::Resend { by: 1, tenant, invitation: 4 },
        Request::Resend { by: 0, tenant, invitation: 5 },
        Request::RevokeInvitation { by: 0, tenant, invitation: 4 },
        Request::RevokeInvitation { by: 2, tenant, invitation: 5 },
        invite(0, 7, Role::Member, &[0, 1]),
        invite(1, 7, Role::SalesRep, &[1]),
        invite(0, 8, Role::Partner, &[1]),
        invite(1, 8, Role::Partner, &[1]),
        invite(2, 8, Role::SalesRep, &[0]),
        Request::GiveRole { by: 0, tenant, user: 1, role: Role::Member },
        Request::GiveRole { by: 0, tenant, user: 2, role: Role::SalesRep },
        Request::GiveRole { by: 1, tenant, user: 2, role: Role::Admin },
        Request::GiveRole { by: 1, tenant, user: 3, role: Role::Partner },
        Request::Permit { by: 0, tenant, user: 2, list: None },
        Request::Permit { by: 1, tenant, user: 3, list: Some(["brand.read", "tenant.read"].into()) },
        Request::RenameTenant { by: 0, tenant },
        Request::HandOver { by: 0, tenant, to: 1, password: right },
        Request::Close { by: 0, tenant, password: right },
        Request::Leave { by: 2, tenant },
        Request::Leave { by: 3, tenant },
        Request::SetBrands { by: 0, tenant, user: 2, brands: these(&[1]) },
        Request::SetBrands { by: 2, tenant, user: 3, brands: these(&[]) },
        Request::AddBrand { by: 1, tenant, user: 2, brand: 1 },
        Request::TakeBrand { by: 1, tenant, user: 3, brand: 1 },
        Request::AddBrand { by: 2, tenant, user: 3, brand: 1 },
        Request::TakeBrand { by: 2, tenant, user: 3, brand: 1 },
        Request::TakeBrand { by: 2, tenant, user: 3, brand: 0 },
        Request::Suspend { by: 0, tenant, user: 1 },
        Request::Suspend { by: 1, tenant, user: 2 },
        Request::Remove { by: 0, tenant, user: 1 },
        Request::Remove { by: 1, tenant, user: 2 },
        Request::Remove { by: 2, tenant, user: 3 },
        Request::CreateBrand { by: 1, tenant },
        Request::RenameBrand { by: 0, tenant, brand: 1 },
        Request::DeleteBrand { by: 1, tenant, brand: 1 },
        Request::DeleteBrand { by: 0, tenant, brand: 0 },
        Request::SignIn { address: 1, password: right },
        Request::SignIn { address: 1, password: Try::Wrong },
        Request::SignOut { by: 1 },
        Request::Deliver,
        Request::AskForReset { address: 1 },
        Request::AskForReset { address: 5 },
        Request::ConfirmReset { reset: 0, password: Try::Wrong },
        Request::ChangePassword { by: 1, current: right, new: Try::Wrong },
        Request::ChangeProfile { by: 1 },
        Request::EndSession { by: 1, session: 1 },
        Request::EndSessions { by: 1 },
        Request::SendPasswordReset { address: 1, to: 8 },
        Request::SetPlan { tenant, seats: 7 },
        Request::SuspendTenant { tenant, suspended: true },
        Request::Transfer { tenant, to: 1 },
        Request::Transfer { tenant, to: 3 },
        Request::CreateTenant { address: 5, seats: 3 },
        // a bound of a number
        Request::CreateTenant { address: 8, seats: 0 },
        Request::SignUp { address: 8 },
        Request::Pass { seconds: DAY + 1 },
        // news of one mail, of every weight
        Request::Feedback { address: 5, told: oracle::Told::Delivered },
        Request::Feedback { address: 5, told: oracle::Told::BouncedForNow },
        Request::Feedback { address: 5, told: oracle::Told::Bounced },
    ]
}

/// The same in [`portal`]: what its people do in the partner, and what takes that from them.
pub(super) fn of_portal() -> Vec<Request> {
    let (portal, tenant, right) = (0, 2, Try::Right);
    vec![
        invite_through(11),
        Request::Resend { by: 1, tenant, invitation: 2 },
        Request::RevokeInvitation { by: 1, tenant, invitation: 2 },
        Request::GiveRole { by: 1, tenant, user: 6, role: Role::Member },
        Request::AddBrand { by: 1, tenant, user: 6, brand: 0 },
        Request::Suspend { by: 1, tenant, user: 6 },
        Request::Accept { link: 10, password: right },
        Request::EndPartner { by: 0, tenant: portal, partner: tenant },
        Request::LeavePortal { by: 5, tenant },
        Request::CreatePartner { by: 1, tenant: portal, address: 12 },
        Request::GiveRole { by: 0, tenant: portal, user: 1, role: Role::Member },
        Request::Suspend { by: 0, tenant: portal, user: 1 },
        Request::Remove { by: 5, tenant, user: 6 },
        Request::SuspendTenant { tenant: portal, suspended: true },
        Request::SetPlan { tenant, seats: 3 },
        Request::Deliver,
    ]
}

/// The same in [`later`].
pub(super) fn of_later() -> Vec<Request> {
    let tenant = 0;
    vec![
        Request::Renew { link: 5 },
        Request::Renew { link: 6 },
        Request::Renew { link: 7 },
        Request::Decline { link: 5 },
        Request::Resend { by: 1, tenant, invitation: 4 },
        Request::Resend { by: 0, tenant, invitation: 5 },
        Request::Resend { by: 1, tenant, invitation: 8 },
        Request::RevokeInvitation { by: 0, tenant, invitation: 4 },
        invite(1, 5, Role::Member, &[0]),
        invite(0, 8, Role::Member, &[]),
        invite(0, 7, Role::Member, &[0]),
        Request::Reinstate { by: 0, tenant, user: 2 },
        Request::Remove { by: 1, tenant, user: 2 },
        Request::SetPlan { tenant, seats: 3 },
        Request::SetPlan { tenant, seats: 9 },
        Request::ReleaseEmail { address: 3 },
        Request::LiftSuppression { address: 7 },
        Request::Feedback { address: 7, told: oracle::Told::Complained },
        Request::Deliver,
        Request::RevokeInvitation { by: 1, tenant, invitation: 7 },
        Request::RevokeInvitation { by: 1, tenant, invitation: 8 },
        Request::SuspendTenant { tenant, suspended: true },
        Request::GiveRole { by: 0, tenant, user: 1, role: Role::SalesRep },
        Request::DeleteBrand { by: 0, tenant, brand: 1 },
        Request::OpenReview { by: 0, tenant },
        Request::OpenReview { by: 1, tenant },
        Request::Sweep,
    ]
}

/// The same in [`reminding`]: what reminds, and what ends that.
pub(super) fn of_reminding() -> Vec<Request> {
    let (tenant, right) = (0, Try::Right);
    vec![
        Request::Sweep,
        Request::Accept { link: 8, password: right },
        Request::Decline { link: 9 },
        Request::Resend { by: 0, tenant, invitation: 7 },
        Request::RevokeInvitation { by: 0, tenant, invitation: 8 },
        Request::SetReminder { by: 0, tenant, days: None },
        Request::SetReminder { by: 0, tenant, days: Some(2) },
        Request::SuspendTenant { tenant, suspended: true },
        Request::Suspend { by: 0, tenant, user: 2 },
        invite(0, 12, Role::Member, &[]),
        Request::Deliver,
    ]
}

/// What is worth doing at once in every scene.
pub(super) fn of_all() -> Vec<Request> {
    [of_team(), of_later(), of_portal(), of_moved(), of_reviewing(), of_reminding(), of_closed(), of_over()]
        .concat()
}

/// Everything that the team's people may read, by those whose rights differ.
pub(super) fn reads() -> Vec<Request> {
    let of = |by| {
        let (tenant, user) = (0, 1);
        let check = |permission, brand| Request::Check { by, tenant, permission, brand, user: None };
        [
            Request::Me { by },
            Request::Sessions { by },
            Request::Tenant { by, tenant },
            Request::Members { by, tenant },
            Request::Member { by, tenant, user },
            Request::OwnMember { by, tenant },
            Request::Roles { by, tenant },
            Request::Seats { by, tenant },
            Request::Access { by, tenant },
            Request::Invitations { by, tenant },
            Request::Brands { by, tenant },
            Request::Events { by, tenant },
            check("retailers.message", None),
            check("products.write", Some(1)),
        ]
    };
    (0..5).flat_map(of).collect()
}

/// Three at once in [`invited_elsewhere`] that have been dangerous elsewhere.
pub(super) fn triples() -> Vec<[Request; 3]> {
    let (tenant, right) = (0, Try::Right);
    vec![
        [
            Request::Accept { link: 5, password: right },
            Request::Resend { by: 1, tenant, invitation: 4 },
            Request::RevokeInvitation { by: 0, tenant, invitation: 4 },
        ],
        [
            Request::Accept { link: 5, password: right },
            Request::Transfer { tenant, to: 1 },
            Request::Suspend { by: 0, tenant, user: 1 },
        ],
        // of eight seats one is left
        [
            invite(0, 7, Role::Member, &[]),
            invite(1, 8, Role::Member, &[]),
            Request::SetPlan { tenant, seats: 7 },
        ],
        [
            invite(0, 7, Role::Member, &[]),
            invite(1, 8, Role::Member, &[]),
            Request::SetPlan { tenant, seats: 9 },
        ],
        [
            // one person into two teams, and out of the one that they are in
            Request::Accept { link: 8, password: right },
            Request::Accept { link: 10, password: right },
            Request::Remove { by: 0, tenant, user: 3 },
        ],
        [
            Request::Accept { link: 11, password: right },
            Request::Accept { link: 12, password: right },
            Request::SignUp { address: 11 },
        ],
        [
            Request::Accept { link: 6, password: right },
            Request::Remove { by: 0, tenant, user: 2 },
            Request::DeleteBrand { by: 1, tenant, brand: 0 },
        ],
    ]
}

/// Three at once in [`portal`]: what rests on the portal's admin, while that and the portal end.
pub(super) fn triples_of_portal() -> Vec<[Request; 3]> {
    let (portal, tenant, right) = (0, 2, Try::Right);
    vec![
        [
            Request::Accept { link: 10, password: right },
            Request::EndPartner { by: 0, tenant: portal, partner: tenant },
            Request::Suspend { by: 0, tenant: portal, user: 1 },
        ],
        [
            invite_through(11),
            Request::LeavePortal { by: 5, tenant },
            Request::GiveRole { by: 0, tenant: portal, user: 1, role: Role::Member },
        ],
        [
            Request::Accept { link: 10, password: right },
            Request::RevokeInvitation { by: 1, tenant, invitation: 2 },
            Request::SetPlan { tenant, seats: 3 },
        ],
    ]
}

/// Three at once in [`moved`]: an account between its addresses, and who gives it something, takes it away or wants the address.
pub(super) fn triples_of_moved() -> Vec<[Request; 3]> {
    let (tenant, right) = (0, Try::Right);
    vec![
        [
            Request::UndoEmail { back: 0 },
            Request::ConfirmEmail { proof: 1 },
            invite(0, 13, Role::Member, &[0]),
        ],
        [
            Request::UndoEmail { back: 0 },
            Request::HandOver { by: 0, tenant, to: 1, password: right },
            Request::Remove { by: 0, tenant, user: 1 },
        ],
        [
            Request::UndoEmail { back: 0 },
            Request::ConfirmReset { reset: 2, password: Try::Wrong },
            Request::Leave { by: 1, tenant: 1 },
        ],
        [
            Request::ConfirmEmail { proof: 1 },
            Request::SignUp { address: 13 },
            Request::Leave { by: 1, tenant },
        ],
    ]
}

/// Three at once in [`reviewing`]: who decides is decided about, whom it is about changes, and the review ends.
pub(super) fn triples_of_reviewing() -> Vec<[Request; 3]> {
    let (tenant, review, right) = (0, 1, Try::Right);
    vec![
        [
            decide(2, 3, left_with(None, Some(&[])), 1),
            decide(0, 2, Verdict::Revoked, 1),
            Request::CloseReview { by: 1, tenant, review },
        ],
        [
            decide(1, 3, left_with(Some(Role::Partner), None), 1),
            Request::AddBrand { by: 0, tenant, user: 3, brand: 1 },
            Request::DeleteBrand { by: 1, tenant, brand: 0 },
        ],
        [
            decide(0, 1, left_with(Some(Role::Member), Some(&[0])), 1),
            Request::HandOver { by: 0, tenant, to: 1, password: right },
            decide(1, 2, Verdict::Kept, 2),
        ],
        [
            Request::CloseReview { by: 0, tenant, review },
            Request::OpenReview { by: 1, tenant },
            decide(1, 3, Verdict::Kept, 1),
        ],
    ]
}
