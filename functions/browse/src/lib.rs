//! Reading a team.
//!
//! * `GET /v1/tenants/{tenant}/members`, `…/members/{user}`: `members.read`
//! * `GET /v1/tenants/{tenant}/members/me`, `…/roles`: whoever is in it
//! * `GET /v1/tenants/{tenant}/invitations`, `…/invitations/{invitation}`: `members.invite`
//! * `GET /v1/tenants/{tenant}/seats`: `members.read` and `members.invite`
//! * `GET /v1/tenants/{tenant}/events`: `audit.read`
//! * `GET /v1/tenants/{tenant}/access-review`: `access.review`
//!
//! Lists take `limit`, `cursor` and the filters that stand with each; a page may come short of its limit while there is
//! still a `next_cursor`. Brands that the reader isn't assigned to are
//! shown nowhere.

mod access;
mod events;
mod filter;
mod invitations;
mod members;
mod roles;
mod seats;

use model::Refusal;
use runtime::{Environment, SettingError};
use store::Store;
use web::{Caller, Function, Outcome, Request, Route};

/// The function.
pub struct Browse {
    store: Store,
}

impl Function for Browse {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self { store: Store::open(environment)? })
    }

    async fn handle(&self, request: &Request) -> Outcome {
        let caller = Caller::of(request)?;
        match request.route()? {
            Route::ListMembers => self.members(&caller, request).await,
            Route::ReadOwnMember => self.member(&caller, caller.user()).await,
            Route::ListRoles => self.roles(&caller).await,
            Route::ListSeats => self.seats(&caller, request).await,
            Route::ReadMember => self.member(&caller, request.user()?).await,
            Route::ListInvitations => self.invitations(&caller, request).await,
            Route::ReadInvitation => self.invitation(&caller, request.invitation()?).await,
            Route::ListEvents => self.events(&caller, request).await,
            Route::ReviewAccess => self.access(&caller, request).await,
            _ => Err(Refusal::NotFound.into()),
        }
    }
}
