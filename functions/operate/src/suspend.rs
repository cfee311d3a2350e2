use model::{EventKind, EventSubject, Stamp, Tenant, TenantId, TenantStatus};
use serde::Deserialize;
use serde_json::{Value, json};
use store::Trace;

use crate::{Call, Refused};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    tenant: TenantId,
    /// Off, or on again.
    suspended: bool,
    reason: String,
}

impl Call<'_> {
    pub(crate) async fn suspend(&self, order: Order) -> Result<Value, Refused> {
        let before = self.tenant(order.tenant).await?;
        let (status, kind) = if order.suspended {
            (TenantStatus::Suspended, EventKind::TenantSuspended)
        } else {
            (TenantStatus::Active, EventKind::TenantReinstated)
        };
        let answer = json!({"tenant": before.id, "status": status});
        match before.status {
            TenantStatus::Active | TenantStatus::Suspended if before.status == status => return Ok(answer),
            TenantStatus::Active | TenantStatus::Suspended => {}
            TenantStatus::Pending => return Err(Refused::because("the tenant waits for its owner")),
            TenantStatus::Closed => return Err(Refused::because("the tenant is closed")),
        }
        let after = Tenant { status, authority: Stamp::new(self.dice(), self.now), ..before.clone() };
        let event = self.event(before.id, kind, EventSubject::Tenant(before.id), &order.reason);
        self.store().change_tenant(&before, &after, Trace { event: &event, record: None }).await?;
        Ok(answer)
    }
}
