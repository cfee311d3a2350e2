//! Sessions, and who is signed in.
//!
//! * `POST /v1/sessions`, public: `{email, password}` → `{session, user, memberships}`
//! * `DELETE /v1/sessions/current`
//! * `GET /v1/me`

mod open;
mod session;

use std::sync::Arc;

use lambda_http::http::Method;
use model::{Dice, Limits, Refusal, Timestamp};
use password::{Hasher, Rules};
use runtime::{Environment, SettingError};
use store::Store;
use web::{Function, Outcome, Request, until_settled};

/// The function.
pub struct SignIn {
    store: Store,
    dice: Arc<dyn Dice>,
    limits: Limits,
    hasher: Hasher,
    rules: Rules,
}

impl Function for SignIn {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self {
            store: Store::open(environment)?,
            dice: Arc::clone(&environment.dice),
            limits: environment.variables.limits()?,
            hasher: Hasher::default(),
            rules: Rules::read(&environment.variables)?,
        })
    }

    async fn handle(&self, request: &Request, now: Timestamp) -> Outcome {
        match (request.method(), request.segments().as_slice()) {
            (&Method::POST, ["v1", "sessions"]) => {
                let credentials = open::Credentials::parse(request, self.rules)?;
                let user = self.authenticate(&credentials, now).await?;
                until_settled(|| self.open(&credentials, &user, now)).await
            }
            (&Method::DELETE, ["v1", "sessions", "current"]) => self.close(request, now).await,
            (&Method::GET, ["v1", "me"]) => self.me(request, now).await,
            _ => Err(Refusal::NotFound.into()),
        }
    }
}
