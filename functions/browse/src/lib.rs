//! Reading a team.
//!
//! * `GET /v1/tenants/{tenant}/members`, `…/members/{user}`: `members.read`
//! * `GET /v1/tenants/{tenant}/invitations`, `…/invitations/{invitation}`: `members.invite`
//! * `GET /v1/tenants/{tenant}/events`: `audit.read`
//!
//! Lists take `limit`, `cursor` and the filters that stand with each; a page may come short of its limit while there is
//! still a `next_cursor`. Brands that the reader isn't assigned to are shown nowhere.

mod events;
mod filter;
mod invitations;
mod members;

use lambda_http::http::Method;
use model::{InvitationId, Refusal, Timestamp, UserId};
use runtime::{Environment, SettingError};
use store::Store;
use web::{Entrance, Function, Outcome, Request};

/// The function.
pub struct Browse {
    store: Store,
}

impl Function for Browse {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self { store: Store::open(environment)? })
    }

    async fn handle(&self, request: &Request, now: Timestamp) -> Outcome {
        let enter = |tenant: &str| Entrance::new(request, tenant, now);
        match (request.method(), request.segments().as_slice()) {
            (&Method::GET, ["v1", "tenants", tenant, "members"]) => {
                self.members(&enter(tenant)?, request).await
            }
            (&Method::GET, ["v1", "tenants", tenant, "members", user]) => {
                let entrance = enter(tenant)?;
                self.member(&entrance, UserId::parse(user).ok_or(Refusal::NotFound)?).await
            }
            (&Method::GET, ["v1", "tenants", tenant, "invitations"]) => {
                self.invitations(&enter(tenant)?, request, now).await
            }
            (&Method::GET, ["v1", "tenants", tenant, "invitations", invitation]) => {
                let entrance = enter(tenant)?;
                let id = InvitationId::parse(invitation).ok_or(Refusal::NotFound)?;
                self.invitation(&entrance, id, now).await
            }
            (&Method::GET, ["v1", "tenants", tenant, "events"]) => {
                self.events(&enter(tenant)?, request, now).await
            }
            _ => Err(Refusal::NotFound.into()),
        }
    }
}
