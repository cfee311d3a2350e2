use model::{Event, EventKind, Member, Subject};
use policy::{BrandId, Brands, Permission};
use web::views::{EventView, List};
use web::{Answer, Backdrop, Caller, Context, Outcome, Request, next_cursor, page};

use crate::Browse;

/// Details of events that are sets of brands.
const BRAND_SETS: [&str; 2] = ["brands", "brands_before"];

/// Whether the reader may see what an event is about: a brand that they see, people and addresses that they may list.
fn is_shown<T>(cx: &Context<'_, T>, behind: &Backdrop, event: &Event) -> bool {
    match event.subject {
        Subject::Tenant(_) => true,
        // a brand that is gone is history, which whoever reaches every brand may read
        Subject::Brand(brand) => cx.visibility().is_complete() || behind.sees(brand),
        Subject::Member(_) => cx.may(Permission::MembersRead).is_ok(),
        Subject::Invitation(_) => cx.may(Permission::MembersInvite).is_ok(),
        Subject::Review(_) => cx.may(Permission::AccessReview).is_ok(),
    }
}

/// The event with the brands that the reader sees, and no others (R6), and with no address that they may not list.
/// `None` where nothing of what changed is left.
fn limited<T>(cx: &Context<'_, T>, behind: &Backdrop, mut event: Event) -> Option<Event> {
    let every = cx.visibility().is_complete();
    for name in BRAND_SETS.iter().filter(|_| !every) {
        if let Some(brands) = event.details.get_mut(*name).filter(|brands| *brands != "all") {
            let named: Brands = brands.split(' ').filter_map(BrandId::parse).collect();
            *brands = behind.limit(&named).to_string();
        }
    }
    if cx.may(Permission::MembersRead).is_err() {
        event.details.remove("email");
    }
    if cx.may(Permission::MembersAssign).is_err() {
        event.details.remove("permissions_before");
    }
    // why a reviewer decided something is for reviewers; why the operator did is for everybody
    if event.details.contains_key("review") && cx.may(Permission::AccessReview).is_err() {
        event.details.remove("reason");
    }
    let [now, before] = BRAND_SETS.map(|name| event.details.get(name));
    // a review changes a role and brands at once: the role is left
    let of_brands = event.kind == EventKind::MemberBrandsChanged;
    if of_brands && now == before { None } else { Some(event) }
}

impl Browse {
    /// The audit trail, newest first, as far as the reader may see what it is about.
    pub(crate) async fn events(&self, caller: &Caller<'_>, request: &Request) -> Outcome {
        let t = caller.tenant();
        let page = page(request, t.0, "events")?;
        let cx = caller.read(&self.store, ()).await?;
        cx.may(Permission::AuditRead)?;
        let stretch = (cx.now(), cx.tenant.created_at);
        let behind = cx.behind(&self.store, [] as [&Member; 0]).await?;
        let listed = self.store.events(t, page, stretch, |event| is_shown(&cx, &behind, event)).await?;
        let items = listed.items.into_iter().filter_map(|event| limited(&cx, &behind, event));
        let items: Vec<Event> = items.collect();
        Ok(Answer::ok(&List {
            items: items.iter().map(EventView::from).collect(),
            next_cursor: next_cursor(listed.next, t.0, "events"),
        }))
    }
}
