//! Everything behind the emailed link, public: the token in the body is what proves the mailbox.
//!
//! * `POST /v1/invitations/preview`: what the invitation is for, before anyone types a password
//! * `POST /v1/invitations/accept`: one token makes one member
//! * `POST /v1/invitations/decline`: turns it down
//! * `POST /v1/invitations/renew`: an expired link asks for a fresh one
//!
//! One trip more than others take: the address, the sponsor and the brands are known only once the invitation is.

mod accept;
mod decline;
mod link;
mod preview;
mod renew;

use model::{Limits, Refusal};
use password::Passwords;
use runtime::{Environment, SettingError};
use store::Store;
use web::{Function, Outcome, Request, Route};

use crate::link::Link;

/// The function.
pub struct Accept {
    store: Store,
    limits: Limits,
    passwords: Passwords,
}

impl Function for Accept {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self {
            store: Store::open(environment)?,
            limits: environment.variables.limits()?,
            passwords: Passwords::open(environment)?,
        })
    }

    async fn handle(&self, request: &Request) -> Outcome {
        match request.route()? {
            Route::PreviewInvitation => self.preview(&Link::of(request)?).await,
            Route::AcceptInvitation => self.accept(request).await,
            Route::DeclineInvitation => {
                let link = Link::of(request)?.keyed(&())?;
                web::change(|| link.follow(&self.store), |state| self.decline(state)).await
            }
            Route::RenewInvitation => {
                let link = Link::of(request)?.keyed(&())?;
                web::change(|| link.follow(&self.store), |state| self.renew(state)).await
            }
            _ => Err(Refusal::NotFound.into()),
        }
    }
}
