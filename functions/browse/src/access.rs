use policy::{Permission, Permissions, Role};
use web::views::{AccessView, List};
use web::{Answer, Caller, Outcome, Request, next_cursor, page};

use crate::Browse;

impl Browse {
    /// Who holds what, since when, by whom, and what of it was seen to be used: everybody whose membership isn't over.
    /// Filters: `stale`, `over_privileged`, `partner`.
    pub(crate) async fn access(&self, caller: &Caller<'_>, request: &Request) -> Outcome {
        let t = caller.tenant();
        let page = page(request, t.0, "access")?;
        let stale = request.query_as("stale", yes)?.is_some();
        let over_privileged = request.query_as("over_privileged", yes)?.is_some();
        let partner = request.query_as("partner", yes)?.is_some();
        let cx = caller.read(&self.store, ()).await?;
        cx.may(Permission::AccessReview)?;
        let now = cx.now();
        let listed = self
            .store
            .members(t, page, |m| {
                !m.is_revoked()
                    && (!stale || m.is_stale(now))
                    && (!over_privileged || m.unused(now) != Permissions::NONE)
                    && (!partner || m.role == Role::Partner)
            })
            .await?;
        let behind = cx.behind(&self.store, &listed.items).await?;
        Ok(Answer::ok(&List {
            items: listed.items.iter().map(|m| AccessView::of(m, &behind, now)).collect(),
            next_cursor: next_cursor(listed.next, t.0, "access"),
        }))
    }
}

/// A filter that is there or isn't.
fn yes(text: &str) -> Result<(), &'static str> {
    if text == "true" { Ok(()) } else { Err("can only be `true`, leave it out otherwise") }
}
