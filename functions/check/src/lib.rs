//! `POST /v1/tenants/{tenant}/check`: may this member do this here?
//!
//! What the host platform asks before an upload, an edit, a message: `{permission, brand?, user?}` is answered
//! `{allowed, reason}`. The hot path: one trip, three read units (session, member, tenant), one more where a brand or
//! another user is named. Nothing is written on the way: that somebody uses a permission is noted behind the answer, now and
//! then, for whoever reviews access.

use model::{Refusal, UserId};
use policy::{BrandId, Denial, Permission, Relation};
use runtime::{Environment, SettingError};
use serde::Serialize;
use store::{Store, keys};
use web::{
    Answer, BadRequest, Caller, Context, Function, NO_BRAND_ID, NO_MEMBER_ID, Outcome, Request, Route,
};

/// The function.
pub struct Check {
    store: Store,
    /// Of so many answers one is noted; none where it is zero.
    sampling: u8,
}

/// What is asked: of the asker, unless another user is named.
struct Question {
    permission: Permission,
    brand: Option<BrandId>,
    user: Option<UserId>,
}

#[derive(Serialize)]
struct Verdict {
    allowed: bool,
    reason: String,
}

impl Function for Check {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        let sampling = environment.variables.or("USE_SAMPLING", 8)?;
        Ok(Self { store: Store::open(environment)?, sampling })
    }

    async fn handle(&self, request: &Request) -> Outcome {
        let caller = Caller::of(request)?;
        match request.route()? {
            Route::Check => self.check(&caller, &parse(request)?).await,
            _ => Err(Refusal::NotFound.into()),
        }
    }
}

fn parse(request: &Request) -> Result<Question, BadRequest> {
    let mut form = request.form()?;
    let permission = form.required("permission", str::parse);
    let brand = form.optional("brand", |text| BrandId::parse(text).ok_or(NO_BRAND_ID));
    let user = form.optional("user", |text| UserId::parse(text).ok_or(NO_MEMBER_ID));
    form.finish(|| Some(Question { permission: permission?, brand, user }))
}

impl Check {
    async fn check(&self, caller: &Caller<'_>, question: &Question) -> Outcome {
        let t = caller.tenant();
        let other = question.user.filter(|user| *user != caller.user());
        let wants = (other.map(|u| keys::member(t, u)), question.brand.map(|b| keys::brand(t, b)));
        let cx = caller.read(&self.store, wants).await?;
        let (member, brand) = &cx.found;
        let principal = if other.is_some() {
            // what a colleague holds is as much their own business as their list of permissions
            cx.may(Permission::MembersAssign)?;
            if question.brand.is_some_and(|brand| !cx.visibility().sees(brand)) {
                return Err(Refusal::NotFound.into());
            }
            web::current(member.as_ref())?.principal(cx.tenant.status)
        } else {
            cx.principal()
        };
        // a brand that isn't there is answered like one that isn't assigned
        let there = question.brand.is_none() || brand.is_some();
        let (allowed, reason) = match principal.may(question.permission, question.brand) {
            Ok(()) if !there => (false, Denial::BrandNotAssigned.to_string()),
            Ok(()) if principal.relation == Relation::Portal => (true, "held through the portal".to_owned()),
            Ok(()) if principal.overrides.is_some() => (true, "held by the member's own list".to_owned()),
            Ok(()) => (true, format!("held by the role `{}`", principal.role)),
            Err(denial) => (false, denial.to_string()),
        };
        let answer = Answer::ok(&Verdict { allowed, reason });
        // what somebody does through a portal says nothing of their own team
        if allowed && other.is_none() && !cx.is_through_portal() {
            self.note(&cx, question.permission);
        }
        Ok(answer)
    }

    /// Notes that the asker uses a permission, unless that stands there already. Nobody waits for it, and in Lambda the
    /// process may be stopped before it is done: that is why it is a sample, and why whoever reads it allows for ninety
    /// days.
    fn note<T>(&self, cx: &Context<'_, T>, permission: Permission) {
        let now = cx.now();
        if cx.member.used.is_noted(permission, now) {
            return;
        }
        let mut dice = [0];
        cx.invocation().random().fill(&mut dice);
        let [dice] = dice;
        if dice.checked_rem(self.sampling) == Some(0) {
            let (store, member) = (self.store.clone(), cx.member.clone());
            tokio::spawn(async move { store.note_permission(&member, permission, now).await });
        }
    }
}
