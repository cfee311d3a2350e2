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
        // fewer than are taken remove nobody: there are no new ones until some are free
        let before = self.tenant(order.tenant).await?;
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
