use model::{EventKind, Invocation, Subject, TenantId};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Operate, Refused, change};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    tenant: TenantId,
    reason: String,
}

impl Operate {
    /// Everything is as it was when its owner closed it, but for what time has ended meanwhile.
    pub(crate) async fn reopen(&self, order: Order, invocation: &Invocation) -> Result<Value, Refused> {
        let before = self.tenant(order.tenant).await?;
        let until = before.removed_after().ok_or_else(|| Refused::because("the tenant isn't closed"))?;
        if until <= invocation.now() {
            return Err(Refused::because(format!("the tenant could be opened again until {until}")));
        }
        let after = before.reopened(invocation.version());
        let subject = Subject::Tenant(before.id);
        let change = change(invocation, before.id, EventKind::TenantReopened, subject, &order.reason);
        self.store.change_tenant(&before, &after, change).await?;
        Ok(json!({"tenant": after.id, "status": after.status}))
    }
}
