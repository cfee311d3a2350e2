use model::{
    Actor, CompanyName, Digest, Email, EventKind, Mail, NewTenant, PersonName, Refusal, Subject, Tenant,
};
use serde::Serialize;
use store::{Change, Outgoing};
use web::views::TenantView;
use web::{Answer, BadRequest, Idempotency, Outcome, Request, until_settled};

use crate::Tenants;

#[derive(Serialize)]
struct SignedUp<'a> {
    tenant: TenantView<'a>,
}

impl Tenants {
    pub(crate) async fn sign_up(&self, request: &Request) -> Outcome {
        let new = self.parse(request)?;
        let scope = format!("SIGN-UP#{}", Digest::of(new.email.canonical().as_bytes()).as_str());
        let key = Idempotency::of(request, &scope)?;
        until_settled(|| self.found(request, &new, key.as_ref())).await
    }

    fn parse(&self, request: &Request) -> Result<NewTenant, BadRequest> {
        let mut form = request.form()?;
        let name = form.required("name", CompanyName::parse);
        let email = form.required("email", Email::parse);
        let first_name = form.required("first_name", PersonName::parse);
        let last_name = form.required("last_name", PersonName::parse);
        let terms = self.defaults.clone();
        form.finish(|| {
            Some(NewTenant {
                name: name?,
                email: email?,
                first_name: first_name?,
                last_name: last_name?,
                terms,
            })
        })
    }

    /// The answer is the same whether or not the address has a user: who owns the mailbox finds out there.
    async fn found(&self, request: &Request, new: &NewTenant, key: Option<&Idempotency>) -> Outcome {
        if !self.open {
            return Err(Refusal::SignUpClosed.into());
        }
        let invocation = request.invocation();
        if let Some(key) = key {
            let kept = self.store.load(key.key()).await?;
            if let Some(answered) = Idempotency::replay(Some(key), kept, request.now())? {
                return Answer::replayed(&answered);
            }
        }
        let (tenant, invitation) = Tenant::found(new.clone(), &self.limits, invocation);
        let answer = Answer::accepted(&SignedUp { tenant: TenantView::from(&tenant) });
        let (kind, subject) = (EventKind::TenantCreated, Subject::Tenant(tenant.id));
        let change = Change::new(invocation, tenant.id, Actor::Invitee, kind, subject)
            .recorded(key.map(|key| key.record(&answer, request.now())))
            .with("name", &new.name)
            .with("email", new.email.as_entered());
        let mail = Mail::about(&invitation, invocation);
        let out = Outgoing { invitation: &invitation, mail: &mail, tenant: &tenant, limits: &self.limits };
        self.store.sign_up(out, change).await?;
        Ok(answer)
    }
}
