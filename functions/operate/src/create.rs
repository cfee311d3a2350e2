use model::{
    CompanyName, Email, EmailPolicy, EventKind, InvalidText, Invocation, NewTenant, PersonName, Subject,
    Tenant, TenantDefaults,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Error, Fact, Outgoing};

use crate::plan::terms;
use crate::repeat::Repeat;
use crate::{Operate, Refused, change};

#[derive(Deserialize, Serialize)]
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
    idempotency_key: Option<String>,
}

impl Operate {
    /// The same order under the same key makes one tenant, however often it is given within a day.
    pub(crate) async fn create(&self, order: Order, invocation: &Invocation) -> Result<Value, Refused> {
        let repeat = Repeat::of(&order, order.idempotency_key.as_deref(), invocation)?;
        if let Some(answered) = self.answered(repeat.as_ref()).await? {
            return Ok(answered);
        }
        match self.create_once(&order, repeat.as_ref(), invocation).await {
            // the same order was faster
            Err(Refused::Store(Error::Changed(Fact::Idempotency))) => {
                let answered = self.answered(repeat.as_ref()).await?;
                answered.ok_or_else(|| Refused::because("the same order is being carried out, repeat it"))
            }
            done => done,
        }
    }

    async fn create_once(
        &self,
        order: &Order,
        repeat: Option<&Repeat>,
        invocation: &Invocation,
    ) -> Result<Value, Refused> {
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
            is_vouched: true,
            portal: None,
        };
        let (tenant, invitation) = Tenant::sign_up(new, &self.limits, invocation);
        let subject = Subject::Tenant(tenant.id);
        let change = change(invocation, tenant.id, EventKind::TenantCreated, subject, &order.reason)
            .with("name", &tenant.name)
            .with("email", invitation.email.as_entered());
        let answer = json!({"tenant": tenant.id, "invitation": invitation.id});
        let change = change.recorded(repeat.map(|repeat| repeat.record(&answer)));
        let out = Outgoing::new(&invitation, &tenant, &self.limits, invocation);
        self.store.sign_up(&out, None, change).await?;
        Ok(answer)
    }
}
