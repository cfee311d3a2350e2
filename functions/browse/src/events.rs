use policy::Permission;
use web::views::{EventView, List};
use web::{Answer, Caller, Outcome, Request, next_cursor, page};

use crate::Browse;

impl Browse {
    /// The audit trail, newest first.
    pub(crate) async fn events(&self, caller: &Caller<'_>, request: &Request) -> Outcome {
        request.only_query(&["limit", "cursor"])?;
        let t = caller.tenant();
        let page = page(request, t, "events")?;
        let cx = caller.read(&self.store, ()).await?;
        cx.may(Permission::AuditRead)?;
        let listed = self.store.events(t, page, cx.now(), cx.tenant.created_at).await?;
        Ok(Answer::ok(&List {
            items: listed.items.iter().map(EventView::from).collect(),
            next_cursor: next_cursor(listed.next, t, "events"),
        }))
    }
}
