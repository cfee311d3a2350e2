use model::{DeliveryState, InvitationId, InvitationStatus, Permission, Refusal, Timestamp};
use store::keys;
use web::views::{InvitationView, List};
use web::{Answer, Entrance, Outcome, Request, next_cursor, page};

use crate::Browse;
use crate::filter::{Held, one_of};

impl Browse {
    /// Filters: `status`, `delivery`, `role`, `brand`; status and delivery as they are now, whatever was written last.
    pub(crate) async fn invitations(
        &self,
        entrance: &Entrance<'_>,
        request: &Request,
        now: Timestamp,
    ) -> Outcome {
        request.only_query(&["limit", "cursor", "status", "delivery", "role", "brand"])?;
        let t = entrance.tenant();
        let page = page(request, t, "invitations")?;
        let status = one_of(request, "status", &InvitationStatus::ALL, InvitationStatus::name)?;
        let delivery = one_of(request, "delivery", &DeliveryState::ALL, DeliveryState::name)?;
        let held = Held::parse(request)?;
        let inside = entrance.enter(&self.store, ()).await?;
        inside.standing().may(Permission::MembersInvite, None).map_err(Refusal::from)?;
        let seen = inside.standing().visibility();
        held.within(&seen)?;
        let listed = self
            .store
            .invitations(t, page, |i| {
                status.is_none_or(|wanted| i.status_at(now) == wanted)
                    && delivery.is_none_or(|wanted| i.delivery_at(now).state == wanted)
                    && held.keeps(i.role, &i.brands)
            })
            .await?;
        Ok(Answer::ok(&List {
            items: listed.items.iter().map(|i| InvitationView::of(i, &seen, now)).collect(),
            next_cursor: next_cursor(listed.next, t, "invitations"),
        }))
    }

    pub(crate) async fn invitation(
        &self,
        entrance: &Entrance<'_>,
        id: InvitationId,
        now: Timestamp,
    ) -> Outcome {
        let inside = entrance.enter(&self.store, keys::invitation(entrance.tenant(), id)).await?;
        inside.standing().may(Permission::MembersInvite, None).map_err(Refusal::from)?;
        let invitation = inside.found.as_ref().ok_or(Refusal::NotFound)?;
        let view = InvitationView::of(invitation, &inside.standing().visibility(), now);
        Ok(Answer::ok(&view).versioned(invitation.version))
    }
}
