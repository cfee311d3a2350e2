//! Taking back what was given.
//!
//! * `DELETE /v1/tenants/{tenant}/invitations/{invitation}`: takes an invitation back
//! * `DELETE /v1/tenants/{tenant}/members/{user}`: ends a membership for good
//! * `DELETE /v1/tenants/{tenant}/members/me`: somebody leaves
//! * `POST /v1/tenants/{tenant}/members/{user}/suspend` and `…/reinstate`: the switch that can be turned back
//!
//! All of it holds from the very next request: every request reads the membership that it rests on.

mod invitation;
mod member;

use model::Refusal;
use runtime::{Environment, SettingError};
use store::{Store, keys};
use web::{Caller, Function, Outcome, Request, Route};

/// The function.
pub struct Revoke {
    store: Store,
}

impl Function for Revoke {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self { store: Store::open(environment)? })
    }

    async fn handle(&self, request: &Request) -> Outcome {
        let caller = Caller::of(request)?;
        let (store, t) = (&self.store, caller.tenant());
        match request.route()? {
            Route::RevokeInvitation => {
                let wants = keys::invitation(t, request.invitation()?);
                caller.change(store, wants, |cx| self.invitation(cx)).await
            }
            Route::RevokeMember => {
                caller.change(store, keys::member(t, request.user()?), |cx| self.member(cx)).await
            }
            Route::LeaveTeam => caller.change(store, (), |cx| self.leave(cx)).await,
            Route::SuspendMember => {
                let wants = keys::member(t, request.user()?);
                request.no_body()?;
                caller.change(store, wants, |cx| self.suspend(cx)).await
            }
            Route::ReinstateMember => {
                let wants = keys::member(t, request.user()?);
                request.no_body()?;
                caller.change(store, wants, |cx| self.reinstate(cx)).await
            }
            _ => Err(Refusal::NotFound.into()),
        }
    }
}
