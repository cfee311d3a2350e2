use model::{DeliveryState, InvitationId, InvitationStatus};
use policy::Permission;
use store::keys;
use web::views::List;
use web::{Answer, Caller, Outcome, Request, next_cursor, page};

use crate::Browse;
use crate::filter::Held;

impl Browse {
    /// Filters: `status`, `delivery`, `role`, `brand`; status and delivery as they are now, whatever was written last.
    pub(crate) async fn invitations(&self, caller: &Caller<'_>, request: &Request) -> Outcome {
        let t = caller.tenant();
        let page = page(request, t.0, "invitations")?;
        let status: Option<InvitationStatus> = request.query_as("status", str::parse)?;
        let delivery: Option<DeliveryState> = request.query_as("delivery", str::parse)?;
        let held = Held::parse(request)?;
        let cx = caller.read(&self.store, held.wants(t)).await?;
        cx.may(Permission::MembersInvite)?;
        let now = cx.now();
        held.within(&cx.visibility(), cx.found.as_ref())?;
        let listed = self
            .store
            .invitations(t, page, |i| {
                // the one that founded the team was nobody's to send
                !i.is_of_first_owner()
                    && status.is_none_or(|wanted| i.status_at(now) == wanted)
                    && delivery.is_none_or(|wanted| i.delivery.at(now).state == wanted)
                    && held.keeps(i.role, &i.brands)
            })
            .await?;
        let behind = cx.behind(&self.store, &listed.items).await?;
        Ok(Answer::ok(&List {
            items: listed.items.iter().map(|i| cx.view_invitation(i, &behind)).collect(),
            next_cursor: next_cursor(listed.next, t.0, "invitations"),
        }))
    }

    pub(crate) async fn invitation(&self, caller: &Caller<'_>, id: InvitationId) -> Outcome {
        let cx = caller.read(&self.store, keys::invitation(caller.tenant(), id)).await?;
        cx.may(Permission::MembersInvite)?;
        let invitation = cx.wanted()?;
        Ok(cx.invitation(invitation, &cx.behind(&self.store, [invitation]).await?))
    }
}
