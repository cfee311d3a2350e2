use model::{Timestamp, UserId};
use policy::{MemberStatus, Permission};
use store::keys;
use web::views::List;
use web::{Answer, Caller, Outcome, Request, next_cursor, page};

use crate::Browse;
use crate::filter::Held;

impl Browse {
    /// Filters: `status` (active and suspended ones without), `role`, `brand`; `inactive_since` for who may see that.
    pub(crate) async fn members(&self, caller: &Caller<'_>, request: &Request) -> Outcome {
        let t = caller.tenant();
        let page = page(request, t.0, "members")?;
        let status: Option<MemberStatus> = request.query_as("status", str::parse)?;
        let held = Held::parse(request)?;
        let inactive_since = request.query_as("inactive_since", time)?;
        let cx = caller.read(&self.store, held.wants(t)).await?;
        cx.may(Permission::MembersRead)?;
        if inactive_since.is_some() {
            cx.may(Permission::MembersAssign)?;
        }
        held.within(&cx.visibility(), cx.found.as_ref())?;
        let listed = self
            .store
            .members(t, page, |m| {
                status.map_or(!m.is_revoked(), |wanted| m.status == wanted)
                    && held.keeps(m.role, &m.brands)
                    && inactive_since.is_none_or(|since| m.last_active_at.is_none_or(|at| at < since))
            })
            .await?;
        let behind = cx.behind(&self.store, &listed.items).await?;
        Ok(Answer::ok(&List {
            items: listed.items.iter().map(|m| cx.view(m, &behind)).collect(),
            next_cursor: next_cursor(listed.next, t.0, "members"),
        }))
    }

    pub(crate) async fn member(&self, caller: &Caller<'_>, user: UserId) -> Outcome {
        let cx = caller.read(&self.store, keys::member(caller.tenant(), user)).await?;
        // where an acceptance says that the membership is found, its member finds it
        if user == caller.user() {
            cx.own_membership()?;
        } else {
            cx.may(Permission::MembersRead)?;
        }
        let member = cx.wanted()?;
        Ok(cx.member(member, &cx.behind(&self.store, [member]).await?))
    }
}

/// A moment, RFC 3339.
fn time(text: &str) -> Result<Timestamp, &'static str> {
    serde_json::from_value(text.into()).map_err(|_| "must be a time like 2026-11-22T09:30:00Z")
}
