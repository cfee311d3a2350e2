use model::{Permission, Refusal, Timestamp};
use web::views::{EventView, List};
use web::{Answer, Entrance, Outcome, Request, next_cursor, page};

use crate::Browse;

impl Browse {
    /// The audit trail, newest first.
    pub(crate) async fn events(&self, entrance: &Entrance<'_>, request: &Request, now: Timestamp) -> Outcome {
        request.only_query(&["limit", "cursor"])?;
        let t = entrance.tenant();
        let page = page(request, t, "events")?;
        let inside = entrance.enter(&self.store, ()).await?;
        inside.standing().may(Permission::AuditRead, None).map_err(Refusal::from)?;
        let listed = self.store.events(t, page, now, inside.tenant.created_at).await?;
        Ok(Answer::ok(&List {
            items: listed.items.iter().map(EventView::from).collect(),
            next_cursor: next_cursor(listed.next, t, "events"),
        }))
    }
}
