use model::{Actor, EventKind, Invocation, Subject, TenantId, UserId};
use policy::MemberStatus;
use serde::Deserialize;
use serde_json::{Value, json};
use store::keys;

use crate::{Operate, Refused, change};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    tenant: TenantId,
    to: UserId,
    reason: String,
}

impl Operate {
    pub(crate) async fn transfer(&self, order: Order, invocation: &Invocation) -> Result<Value, Refused> {
        let tenant = self.tenant(order.tenant).await?;
        let owner = tenant.owner.ok_or_else(|| Refused::because("the tenant has no owner yet"))?;
        if owner == order.to {
            return Err(Refused::because("that member is the owner already"));
        }
        let found =
            self.store.load((keys::member(tenant.id, owner), keys::member(tenant.id, order.to))).await?;
        let (Some(from), Some(to)) = found else { return Err(Refused::because("there is no such member")) };
        if to.status != MemberStatus::Active {
            return Err(Refused::because("the new owner has to be an active member"));
        }
        let after = tenant.transfer(&from, &to, Actor::Operator, invocation);
        let subject = Subject::Tenant(tenant.id);
        let change = change(invocation, tenant.id, EventKind::TenantTransferred, subject, &order.reason)
            .with("owner_before", owner)
            .with("owner", order.to)
            // the list that the new owner's role replaces
            .with_some("permissions_before", to.permissions);
        self.store.transfer_ownership(&tenant, &from, &to, &after, change).await?;
        Ok(json!({"tenant": tenant.id, "owner": order.to, "admin": owner}))
    }
}
