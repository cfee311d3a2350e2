use model::{EventKind, Invocation, Subject, TenantId};
use serde::Deserialize;
use serde_json::{Value, json};
use store::{Error, Fact};

use crate::{Operate, Refused, change};

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
        let mut before = self.tenant(order.tenant).await?;
        if order.plan.trim().is_empty() {
            return Err(Refused::because("`plan`: it can't be empty"));
        }
        // seats of expired invitations are nobody's
        while before.seats_used > order.seats && self.store.reclaim_seats(before.id, invocation).await? > 0 {
            before = self.tenant(order.tenant).await?;
        }
        let after = before.with_plan(order.plan, order.seats, invocation.version());
        let subject = Subject::Tenant(before.id);
        let change = change(invocation, before.id, EventKind::TenantPlanChanged, subject, &order.reason)
            .with("plan_before", &before.plan)
            .with("plan", &after.plan)
            .with("seats_before", before.seat_limit)
            .with("seats", after.seat_limit);
        match self.store.change_tenant(&before, &after, change).await {
            Ok(()) => Ok(json!({"tenant": after.id, "plan": after.plan, "seats": after.seat_limit})),
            Err(Error::Changed(Fact::Tenant)) => {
                let words =
                    format!("more than {} seats are taken, or the tenant changed meanwhile", order.seats);
                Err(Refused::because(words))
            }
            Err(error) => Err(error.into()),
        }
    }
}
