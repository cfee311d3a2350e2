//! Sessions, and who is signed in.
//!
//! * `POST /v1/sessions`, public: `{email, password}` → `{session, user, memberships}`
//! * `DELETE /v1/sessions/current`
//! * `GET /v1/me`

mod open;
mod session;

use model::{Limits, Refusal, SourceKey};
use password::{Hasher, Rules};
use runtime::{Environment, SettingError};
use store::Store;
use web::{Function, Outcome, Request, Route};

/// The function.
pub struct SignIn {
    store: Store,
    limits: Limits,
    sources: SourceKey,
    hasher: Hasher,
    rules: Rules,
}

impl Function for SignIn {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self {
            store: Store::open(environment)?,
            limits: environment.variables.limits()?,
            sources: environment.variables.source_key()?,
            hasher: Hasher::default(),
            rules: Rules::read(&environment.variables)?,
        })
    }

    async fn handle(&self, request: &Request) -> Outcome {
        match request.route()? {
            Route::SignIn => self.sign_in(request).await,
            Route::SignOut => self.sign_out(request).await,
            Route::ReadMe => self.me(request).await,
            _ => Err(Refusal::NotFound.into()),
        }
    }
}
