use model::{Invitation, InvitationStatus, Member, Timestamp};
use policy::{MemberStatus, Permission, Role};
use serde::Serialize;
use store::{Listed, Page};
use uuid::Uuid;
use web::{Answer, Caller, Outcome, Request, next_cursor, page_among};

use crate::Browse;

/// The list is one of members, and after them of invitations: each part's cursors are its own.
const PARTS: [&str; 2] = ["seats: members", "seats: invitations"];

/// One seat that is taken.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Seat<'a> {
    Member {
        user_id: model::UserId,
        #[serde(flatten)]
        who: Who<'a>,
    },
    Invitation {
        invitation_id: model::InvitationId,
        #[serde(flatten)]
        who: Who<'a>,
        expires_at: Timestamp,
        /// Whether its time is over: the next one who needs a seat gets it.
        reclaimable: bool,
    },
}

#[derive(Serialize)]
struct Who<'a> {
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    role: Role,
    /// When they joined, or were invited.
    since: Timestamp,
}

/// What a plan counts, as the tenant's counter has it, and a page of what that is.
#[derive(Serialize)]
struct Seats<'a> {
    limit: u32,
    used: u32,
    items: Vec<Seat<'a>>,
    next_cursor: Option<String>,
}

impl<'a> Seat<'a> {
    fn of_member(m: &'a Member) -> Self {
        let who = Who {
            email: m.email.as_entered(),
            first_name: m.first_name.as_str(),
            last_name: m.last_name.as_str(),
            role: m.role,
            since: m.joined_at,
        };
        Self::Member { user_id: m.user_id, who }
    }

    fn of_invitation(i: &'a Invitation, now: Timestamp) -> Self {
        let who = Who {
            email: i.email.as_entered(),
            first_name: i.first_name.as_str(),
            last_name: i.last_name.as_str(),
            role: i.role,
            since: i.created_at,
        };
        Self::Invitation {
            invitation_id: i.id,
            who,
            expires_at: i.expires_at,
            reclaimable: i.status_at(now) == InvitationStatus::Expired,
        }
    }
}

impl Browse {
    /// For who may list members and invitations, since it shows both. No phone, no list and no brand is in it.
    pub(crate) async fn seats(&self, caller: &Caller<'_>, request: &Request) -> Outcome {
        let t = caller.tenant();
        let (part, page) = page_among(request, t.0, &PARTS)?;
        let cx = caller.read(&self.store, ()).await?;
        cx.may(Permission::MembersRead)?;
        cx.may(Permission::MembersInvite)?;
        let [of_members, of_invitations] = PARTS;
        let members = if part == of_members {
            self.store.members(t, page, |m| m.status == MemberStatus::Active).await?
        } else {
            Listed { items: Vec::new(), next: None }
        };
        let room = page.limit - members.items.len();
        let invitations = if members.next.is_none() && room > 0 {
            let after = page.after.filter(|_| part == of_invitations);
            // as the counter has it, which an expired one leaves when it is found so
            let pending = |i: &Invitation| i.status == InvitationStatus::Pending;
            Some(self.store.invitations(t, Page { after, limit: room }, pending).await?)
        } else {
            None
        };
        let next = match (members.next, &invitations) {
            (Some(member), _) => next_cursor(Some(member), t.0, of_members),
            (None, Some(invitations)) => next_cursor(invitations.next, t.0, of_invitations),
            // before all of them: no id is less
            (None, None) => next_cursor(Some(Uuid::nil()), t.0, of_invitations),
        };
        let (now, pending) = (cx.now(), invitations.iter().flat_map(|listed| &listed.items));
        let seats = members.items.iter().map(Seat::of_member);
        let seats = seats.chain(pending.map(|invitation| Seat::of_invitation(invitation, now)));
        Ok(Answer::ok(&Seats {
            limit: cx.tenant.seat_limit,
            used: cx.tenant.seats_used,
            items: seats.collect(),
            next_cursor: next,
        }))
    }
}
