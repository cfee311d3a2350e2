//! Where the machines begin: a team in which there is something of everything.

use oracle::rights::{Permissions, Role};
use oracle::{DAY, Given, Limits, Nth, Request, Set, Try};
use stories::Twin;

/// What a limited colleague holds: enough to invite, assign and remove, on one brand.
pub(super) fn limited() -> Permissions {
    let own = Role::Member.permissions().into_iter();
    own.chain(["members.invite", "members.assign", "members.revoke", "audit.read"]).collect()
}

fn invite(by: Nth, address: Nth, role: Role, brands: &[Nth]) -> Request {
    let brands = Set::These(brands.iter().copied().collect());
    Request::Invite { by, tenant: 0, given: Given { address, role, list: None, brands, days: 2 } }
}

/// A team with an owner (session 0), an admin (1), a member who holds more than others on the first of two brands (2),
/// and a sales rep (3); three pending invitations, one of them by the limited member; another team whose owner (4) is
/// invited to the first. The addresses 0 to 3 are the team's, 4 the other owner's, 5 and 6 are invited, 7 is nobody's.
pub(super) async fn team(limits: Limits) -> Twin {
    let accept = |link| Request::Accept { link, password: Try::Right };
    let keeper = Given {
        address: 2,
        role: Role::Member,
        list: Some(limited()),
        brands: Set::These([0].into()),
        days: 2,
    };
    Twin::new(limits)
        .await
        .all(&[
            Request::SignUp { address: 0 },
            Request::Deliver,
            accept(0),
            Request::CreateBrand { by: 0, tenant: 0 },
            Request::CreateBrand { by: 0, tenant: 0 },
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
        ])
        .await
}
