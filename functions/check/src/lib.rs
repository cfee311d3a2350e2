//! `POST /v1/tenants/{tenant}/check`: may this member do this here?
//!
//! What the host platform asks before an upload, an edit, a message: `{permission, brand?, user?}` is answered
//! `{allowed, reason}`. The hot path: one trip, three read units (session, member, tenant), one more where a brand or
//! another user is named. Changes nothing.

use lambda_http::http::Method;
use model::{MemberStatus, Permission, Refusal, Timestamp, UserId, parse_brand_id};
use policy::BrandId;
use runtime::{Environment, SettingError};
use serde::{Deserialize, Serialize};
use store::{Store, keys};
use web::{Answer, Entrance, Form, Function, Outcome, Request};

/// The function.
pub struct Check {
    store: Store,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    permission: Option<String>,
    brand: Option<String>,
    user: Option<String>,
}

/// A body that holds what it should.
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
        Ok(Self { store: Store::open(environment)? })
    }

    async fn handle(&self, request: &Request, now: Timestamp) -> Outcome {
        match (request.method(), request.segments().as_slice()) {
            (&Method::POST, ["v1", "tenants", tenant, "check"]) => {
                let entrance = Entrance::new(request, tenant, now)?;
                self.check(&entrance, &request.body::<Body>()?.parse()?).await
            }
            _ => Err(Refusal::NotFound.into()),
        }
    }
}

impl Body {
    fn parse(&self) -> Result<Question, Refusal> {
        let id = |text: &str| format!("`{}` is no id", text.escape_debug());
        let mut form = Form::new();
        let permission = form.required("/permission", self.permission.as_deref(), str::parse);
        let brand = form
            .optional("/brand", self.brand.as_deref(), |text| parse_brand_id(text).ok_or_else(|| id(text)));
        let user =
            form.optional("/user", self.user.as_deref(), |text| UserId::parse(text).ok_or_else(|| id(text)));
        form.finish(permission.map(|permission| Question { permission, brand, user }))
    }
}

impl Check {
    async fn check(&self, entrance: &Entrance<'_>, question: &Question) -> Outcome {
        let t = entrance.tenant();
        let other = question.user.filter(|user| *user != entrance.user());
        let brand = question.brand.map(|b| keys::brand(t, b));
        let inside = entrance.enter(&self.store, (other.map(|u| keys::member(t, u)), brand)).await?;
        let (member, brand) = &inside.found;
        let asker = inside.standing();
        let standing = match (other, member) {
            (None, _) => asker,
            (Some(_), found) => {
                asker.may(Permission::MembersRead, None).map_err(Refusal::from)?;
                let member = found.as_ref().filter(|m| m.status != MemberStatus::Revoked);
                member.ok_or(Refusal::NotFound)?.standing(inside.tenant.status)
            }
        };
        if question.brand.is_some_and(|b| other.is_some() && !asker.visibility().sees(b)) {
            return Err(Refusal::NotFound.into());
        }
        // a brand that isn't there is answered like one that isn't assigned
        let there = question.brand.is_none() || brand.is_some();
        let verdict = standing.may(question.permission, question.brand);
        let (allowed, reason) = match verdict {
            Ok(()) if !there => (false, policy::Denial::BrandNotAssigned.to_string()),
            Ok(()) if standing.overrides.is_some() => (true, "held by the member's own list".to_owned()),
            Ok(()) => (true, format!("held by the role `{}`", standing.role)),
            Err(denial) => (false, denial.to_string()),
        };
        Ok(Answer::ok(&Verdict { allowed, reason }))
    }
}
