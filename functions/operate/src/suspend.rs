use model::{EventKind, Invocation, Subject, TenantId};
use policy::TenantStatus;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Operate, Refused, change};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    tenant: TenantId,
    /// Off, or on again.
    suspended: bool,
    reason: String,
}

impl Operate {
    pub(crate) async fn suspend(&self, order: Order, invocation: &Invocation) -> Result<Value, Refused> {
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
            TenantStatus::Closed => {
                return Err(Refused::because("the tenant is closed, see `reopen-tenant`"));
            }
        }
        let after = before.with_status(status, invocation.version());
        let change = change(invocation, before.id, kind, Subject::Tenant(before.id), &order.reason);
        self.store.change_tenant(&before, &after, change).await?;
        Ok(answer)
    }
}
