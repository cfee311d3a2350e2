use crate::{Operate, Refused, change};
use model::{EventKind, Invocation, PlanName, Subject, TenantId};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    tenant: TenantId,
    plan: String,
    seats: u32,
    reason: String,
}

impl Operate {
    pub(crate) async fn set_plan(&self, order: Order, invocation: &Invocation) -> Result<Value, Refused> {
        let (plan, seats) = terms(&order.plan, order.seats)?;
        let mut before = self.tenant(order.tenant).await?;
        // seats of expired invitations are nobody's; what is read after a search that freed none is what there is
        while before.seats_used > seats {
            let more = self.store.reclaim_seats(before.id, invocation).await?;
            before = self.tenant(order.tenant).await?;
            if !more {
                break;
            }
        }
        if before.seats_used > seats {
            return Err(Refused::because(format!("more than {seats} seats are taken")));
        }
        let after = before.with_plan(plan, seats, invocation.version());
        let subject = Subject::Tenant(before.id);
        let change = change(invocation, before.id, EventKind::TenantPlanChanged, subject, &order.reason)
            .with("plan_before", &before.plan)
            .with("plan", &after.plan)
            .with("seats_before", before.seat_limit)
            .with("seats", after.seat_limit);
        self.store.change_tenant(&before, &after, change).await?;
        Ok(json!({"tenant": after.id, "plan": after.plan, "seats": after.seat_limit}))
    }
}

/// A plan and its seats, of which the owner takes the first.
pub(crate) fn terms(plan: &str, seats: u32) -> Result<(PlanName, u32), Refused> {
    let plan = PlanName::parse(plan).map_err(|why| Refused::because(format!("`plan`: {why}")))?;
    if seats == 0 { Err(Refused::because("`seats`: the owner takes one")) } else { Ok((plan, seats)) }
}
