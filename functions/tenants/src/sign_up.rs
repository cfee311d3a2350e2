use model::{
    CompanyName, Digest, Email, Event, EventActor, EventKind, EventSubject, Founding, Mail, PersonName,
    Refusal, Timestamp,
};
use serde::{Deserialize, Serialize};
use store::Trace;
use web::views::TenantView;
use web::{Answer, Form, Idempotency, Outcome, Replay, Request};

use crate::Tenants;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    name: Option<String>,
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
}

pub(crate) struct Draft {
    name: CompanyName,
    email: Email,
    first_name: PersonName,
    last_name: PersonName,
}

#[derive(Serialize)]
struct SignedUp<'a> {
    tenant: TenantView<'a>,
}

impl Draft {
    pub(crate) fn parse(request: &Request) -> Result<(Self, Option<Idempotency>), Refusal> {
        let body: Body = request.body()?;
        let mut form = Form::new();
        let name = form.required("/name", body.name.as_deref(), CompanyName::parse);
        let email = form.required("/email", body.email.as_deref(), Email::parse);
        let first_name = form.required("/first_name", body.first_name.as_deref(), PersonName::parse);
        let last_name = form.required("/last_name", body.last_name.as_deref(), PersonName::parse);
        let all = name.zip(email).zip(first_name.zip(last_name));
        let draft = form.finish(all.map(|((name, email), (first_name, last_name))| Self {
            name,
            email,
            first_name,
            last_name,
        }))?;
        let scope = format!("SIGN-UP#{}", Digest::of(draft.email.canonical().as_bytes()).as_str());
        let key = Idempotency::of(request, &scope)?;
        Ok((draft, key))
    }
}

impl Tenants {
    /// The answer is the same whether or not the address has a user: who owns the mailbox finds out there.
    pub(crate) async fn sign_up(
        &self,
        draft: &Draft,
        key: Option<&Idempotency>,
        request_id: &str,
        now: Timestamp,
    ) -> Outcome {
        if !self.new_tenants.open {
            return Err(Refusal::SignUpClosed.into());
        }
        if let Some(key) = key
            && let Some(record) = self.store.load(key.key()).await?
            && let Replay::Answered(record) = key.compare(&record, now)?
            && let Some(answer) = Replay::Answered(record).answer()
        {
            return Ok(answer);
        }
        let dice = &*self.dice;
        let new = &self.new_tenants;
        let founding = Founding {
            name: draft.name.clone(),
            email: draft.email.clone(),
            first_name: draft.first_name.clone(),
            last_name: draft.last_name.clone(),
            plan: new.plan.clone(),
            seats: new.seats,
            email_policy: new.email_policy,
        };
        let (tenant, invitation) = founding.found(&self.limits, dice, now);
        let t = tenant.id;
        let (kind, actor) = (EventKind::TenantCreated, EventActor::Invitee);
        let event = Event::new(dice, now, t, kind, actor, EventSubject::Tenant(t), request_id)
            .with("name", &draft.name)
            .with("email", draft.email.typed());
        let answer = Answer::accepted(&SignedUp { tenant: TenantView::from(&tenant) });
        let record = key.map(|key| key.record(&answer, now));
        let mail = Mail::about(&invitation, dice, now);
        let trace = Trace { event: &event, record: record.as_ref() };
        self.store.sign_up(&tenant, &invitation, &mail, &self.limits, trace).await?;
        Ok(answer)
    }
}
