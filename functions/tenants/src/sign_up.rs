use model::{Actor, CompanyName, Email, EventKind, NewTenant, PersonName, Refusal, Subject, Tenant};
use serde::Serialize;
use store::keys::Scope;
use store::{Change, Outgoing};
use web::views::TenantView;
use web::{Answer, BadRequest, Idempotency, Outcome, Request};

use crate::Tenants;

#[derive(Serialize)]
pub(crate) struct SignedUp<'a> {
    pub(crate) tenant: TenantView<'a>,
}

impl Tenants {
    pub(crate) async fn sign_up(&self, request: &Request) -> Outcome {
        let new = self.parse(request)?;
        if !self.open {
            return Err(Refusal::SignUpClosed.into());
        }
        let key = Idempotency::of(request, Scope::SignUp(&new.email))?;
        let read = async || Ok(((), key.answered(self.store.load(key.wants()).await?)?));
        web::change(read, |()| self.create(request, &new, &key)).await
    }

    pub(crate) fn parse(&self, request: &Request) -> Result<NewTenant, BadRequest> {
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
                is_vouched: false,
                portal: None,
                terms,
            })
        })
    }

    /// The answer is the same whether or not the address has a user: who owns the mailbox finds out there.
    async fn create(&self, request: &Request, new: &NewTenant, key: &Idempotency) -> Outcome {
        let invocation = request.invocation();
        let (tenant, invitation) = Tenant::sign_up(new.clone(), &self.limits, invocation);
        let answer = Answer::accepted(&SignedUp { tenant: TenantView::from(&tenant) });
        let (kind, subject) = (EventKind::TenantCreated, Subject::Tenant(tenant.id));
        let change = Change::new(invocation, tenant.id, Actor::Invitee, kind, subject)
            .recorded(key.record(&answer))
            .with("name", &new.name)
            .with("email", new.email.as_entered());
        let out = Outgoing::new(&invitation, &tenant, &self.limits, invocation);
        let source = self.sources.source(request.source_ip());
        self.store.sign_up(&out, Some(&source), change).await?;
        Ok(answer)
    }
}
