use model::{
    CompanyName, Email, EmailPolicy, EventKind, InvalidText, Invocation, NewTenant, PersonName, Subject,
    Tenant, TenantDefaults,
};
use serde::Deserialize;
use serde_json::{Value, json};
use store::Outgoing;

use crate::plan::terms;
use crate::{Operate, Refused, change};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    name: String,
    email: String,
    first_name: String,
    last_name: String,
    plan: Option<String>,
    seats: Option<u32>,
    email_policy: Option<EmailPolicy>,
    reason: String,
}

impl Operate {
    pub(crate) async fn create(&self, order: Order, invocation: &Invocation) -> Result<Value, Refused> {
        let defaults = &self.defaults;
        let field = |name: &'static str| move |why: InvalidText| Refused::because(format!("`{name}`: {why}"));
        let plan = order.plan.as_deref().unwrap_or(defaults.plan.as_str());
        let (plan, seats) = terms(plan, order.seats.unwrap_or(defaults.seats))?;
        let new = NewTenant {
            name: CompanyName::parse(&order.name).map_err(field("name"))?,
            email: Email::parse(&order.email).map_err(|why| Refused::because(format!("`email`: {why}")))?,
            first_name: PersonName::parse(&order.first_name).map_err(field("first_name"))?,
            last_name: PersonName::parse(&order.last_name).map_err(field("last_name"))?,
            terms: TenantDefaults {
                plan,
                seats,
                email_policy: order.email_policy.unwrap_or(defaults.email_policy),
            },
        };
        let (tenant, invitation) = Tenant::sign_up(new, &self.limits, invocation);
        let subject = Subject::Tenant(tenant.id);
        let change = change(invocation, tenant.id, EventKind::TenantCreated, subject, &order.reason)
            .with("name", &tenant.name)
            .with("email", invitation.email.as_entered());
        let out = Outgoing::new(&invitation, &tenant, &self.limits, invocation);
        self.store.sign_up(&out, change).await?;
        Ok(json!({"tenant": tenant.id, "invitation": invitation.id}))
    }
}
