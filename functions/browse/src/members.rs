use model::{MemberStatus, Permission, Refusal, Timestamp, UserId};
use store::keys;
use web::views::{List, MemberView};
use web::{Answer, Entrance, Outcome, Request, next_cursor, page};

use crate::Browse;
use crate::filter::{Held, one_of};

const STATUSES: [MemberStatus; 3] = [MemberStatus::Active, MemberStatus::Suspended, MemberStatus::Revoked];

const fn name(status: MemberStatus) -> &'static str {
    match status {
        MemberStatus::Active => "active",
        MemberStatus::Suspended => "suspended",
        MemberStatus::Revoked => "revoked",
    }
}

impl Browse {
    /// Filters: `status` (active and suspended ones without), `role`, `brand`, `inactive_since`.
    pub(crate) async fn members(&self, entrance: &Entrance<'_>, request: &Request) -> Outcome {
        request.only_query(&["limit", "cursor", "status", "role", "brand", "inactive_since"])?;
        let t = entrance.tenant();
        let page = page(request, t, "members")?;
        let status = one_of(request, "status", &STATUSES, name)?;
        let held = Held::parse(request)?;
        let inactive_since = inactive_since(request)?;
        let inside = entrance.enter(&self.store, ()).await?;
        inside.standing().may(Permission::MembersRead, None).map_err(Refusal::from)?;
        let seen = inside.standing().visibility();
        held.within(&seen)?;
        let listed = self
            .store
            .members(t, page, |m| {
                status.map_or(m.status != MemberStatus::Revoked, |wanted| m.status == wanted)
                    && held.keeps(m.role, &m.brands)
                    && inactive_since.is_none_or(|since| m.last_active_at.is_none_or(|at| at < since))
            })
            .await?;
        Ok(Answer::ok(&List {
            items: listed.items.iter().map(|m| MemberView::of(m, &seen)).collect(),
            next_cursor: next_cursor(listed.next, t, "members"),
        }))
    }

    pub(crate) async fn member(&self, entrance: &Entrance<'_>, user: UserId) -> Outcome {
        let inside = entrance.enter(&self.store, keys::member(entrance.tenant(), user)).await?;
        inside.standing().may(Permission::MembersRead, None).map_err(Refusal::from)?;
        let member = inside.found.as_ref().ok_or(Refusal::NotFound)?;
        let view = MemberView::of(member, &inside.standing().visibility());
        Ok(Answer::ok(&view).versioned(member.authority))
    }
}

/// A moment, RFC 3339.
fn inactive_since(request: &Request) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = request.query("inactive_since")? else { return Ok(None) };
    let wrong = |_| Refusal::invalid("?inactive_since", "it is a time like 2026-11-22T09:30:00Z");
    serde_json::from_value(text.into()).map(Some).map_err(wrong)
}
