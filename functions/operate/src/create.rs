use model::{CompanyName, Email, EmailPolicy, EventKind, EventSubject, Founding, Mail, PersonName};
use serde::Deserialize;
use serde_json::{Value, json};
use store::Trace;

use crate::{Call, Refused};

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

impl Call<'_> {
    pub(crate) async fn create(&self, order: Order) -> Result<Value, Refused> {
        let defaults = &self.operate.new_tenants;
        let field =
            |name: &'static str| move |why: model::InvalidText| Refused::because(format!("`{name}`: {why}"));
        let founding = Founding {
            name: CompanyName::parse(&order.name).map_err(field("name"))?,
            email: Email::parse(&order.email).map_err(|why| Refused::because(format!("`email`: {why}")))?,
            first_name: PersonName::parse(&order.first_name).map_err(field("first_name"))?,
            last_name: PersonName::parse(&order.last_name).map_err(field("last_name"))?,
            plan: order.plan.unwrap_or_else(|| defaults.plan.clone()),
            seats: order.seats.unwrap_or(defaults.seats).max(1),
            email_policy: order.email_policy.unwrap_or(defaults.email_policy),
        };
        let (tenant, invitation) = founding.found(&self.operate.limits, self.dice(), self.now);
        let event = self
            .event(tenant.id, EventKind::TenantCreated, EventSubject::Tenant(tenant.id), &order.reason)
            .with("name", &tenant.name)
            .with("email", invitation.email.typed());
        let mail = Mail::about(&invitation, self.dice(), self.now);
        let trace = Trace { event: &event, record: None };
        self.store().sign_up(&tenant, &invitation, &mail, &self.operate.limits, trace).await?;
        Ok(json!({"tenant": tenant.id, "invitation": invitation.id}))
    }
}
