use model::{EventKind, EventSubject, Member, MemberStatus, Role, Stamp, TenantId, UserId};
use serde::Deserialize;
use serde_json::{Value, json};
use store::{Trace, keys};

use crate::{Call, Refused};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    tenant: TenantId,
    to: UserId,
    reason: String,
}

impl Call<'_> {
    pub(crate) async fn transfer(&self, order: Order) -> Result<Value, Refused> {
        let tenant = self.tenant(order.tenant).await?;
        let owner = tenant.owner.ok_or_else(|| Refused::because("the tenant has no owner yet"))?;
        if owner == order.to {
            return Err(Refused::because("that member is the owner already"));
        }
        let found =
            self.store().load((keys::member(tenant.id, owner), keys::member(tenant.id, order.to))).await?;
        let (Some(old), Some(new)) = found else { return Err(Refused::because("there is no such member")) };
        if new.status != MemberStatus::Active {
            return Err(Refused::because("the new owner has to be an active member"));
        }
        let stamp = || Stamp::new(self.dice(), self.now);
        let old_after = Member { role: Role::Admin, authority: stamp(), ..old.clone() };
        let new_after = Member { role: Role::Owner, permissions: None, authority: stamp(), ..new.clone() };
        let event = self
            .event(tenant.id, EventKind::TenantTransferred, EventSubject::Tenant(tenant.id), &order.reason)
            .with("owner_before", owner)
            .with("owner", order.to);
        let trace = Trace { event: &event, record: None };
        self.store()
            .transfer_ownership(&tenant, (&old, &old_after), (&new, &new_after), stamp(), trace)
            .await?;
        Ok(json!({"tenant": tenant.id, "owner": order.to, "admin": owner}))
    }
}
