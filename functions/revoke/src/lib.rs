//! Taking back what was given.
//!
//! * `DELETE /v1/tenants/{tenant}/invitations/{invitation}`: takes an invitation back
//! * `DELETE /v1/tenants/{tenant}/members/{user}`: ends a membership for good
//! * `POST /v1/tenants/{tenant}/members/{user}/suspend` and `…/reinstate`: the switch that can be turned back
//!
//! All of it holds from the very next request: every request reads the membership that it rests on.

mod invitation;
mod member;
mod switch;

use std::sync::Arc;

use lambda_http::http::Method;
use model::{Dice, InvitationId, Refusal, Timestamp, UserId};
use runtime::{Environment, SettingError};
use store::Store;
use web::{Entrance, Function, Outcome, Request, until_settled};

use crate::switch::Switch;

/// The function.
pub struct Revoke {
    store: Store,
    dice: Arc<dyn Dice>,
}

impl Function for Revoke {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self { store: Store::open(environment)?, dice: Arc::clone(&environment.dice) })
    }

    async fn handle(&self, request: &Request, now: Timestamp) -> Outcome {
        let enter = |tenant: &str| Entrance::new(request, tenant, now);
        let user = |text: &str| UserId::parse(text).ok_or(Refusal::NotFound);
        match (request.method(), request.segments().as_slice()) {
            (&Method::DELETE, ["v1", "tenants", tenant, "invitations", invitation]) => {
                let entrance = enter(tenant)?;
                let id = InvitationId::parse(invitation).ok_or(Refusal::NotFound)?;
                until_settled(|| self.invitation(&entrance, id, now)).await
            }
            (&Method::DELETE, ["v1", "tenants", tenant, "members", member]) => {
                let (entrance, user) = (enter(tenant)?, user(member)?);
                until_settled(|| self.member(&entrance, user, now)).await
            }
            (&Method::POST, ["v1", "tenants", tenant, "members", member, verb]) => {
                let (entrance, user) = (enter(tenant)?, user(member)?);
                let switch = Switch::parse(verb).ok_or(Refusal::NotFound)?;
                request.no_body()?;
                until_settled(|| self.switch(&entrance, user, switch, now)).await
            }
            _ => Err(Refusal::NotFound.into()),
        }
    }
}
