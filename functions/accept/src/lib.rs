//! Everything behind the emailed link, public: the token in the body is what proves the mailbox.
//!
//! * `POST /v1/invitations/preview`: what the invitation is for, before anyone types a password
//! * `POST /v1/invitations/accept`: one token makes one member
//! * `POST /v1/invitations/decline`: turns it down
//! * `POST /v1/invitations/renew`: an expired link asks for a fresh one
//!
//! Three trips where others take two: the address, the inviter and the brands are known only once the invitation is.

mod accept;
mod decline;
mod link;
mod preview;
mod renew;

use std::sync::Arc;

use lambda_http::http::Method;
use model::{Dice, Limits, Refusal, Timestamp};
use password::{Hasher, Rules};
use runtime::{Environment, SettingError};
use store::Store;
use web::{Function, Outcome, Request, until_settled};

use crate::link::{Link, TokenBody};

/// The function.
pub struct Accept {
    store: Store,
    dice: Arc<dyn Dice>,
    limits: Limits,
    hasher: Hasher,
    rules: Rules,
}

impl Function for Accept {
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
            (&Method::POST, ["v1", "invitations", "accept"]) => accept::handle(self, request, now).await,
            (&Method::POST, ["v1", "invitations", "preview"]) => {
                self.preview(&Link::parse(request.body::<TokenBody>()?)?, now).await
            }
            (&Method::POST, ["v1", "invitations", "decline"]) => {
                let link = Link::of(request, request.body::<TokenBody>()?)?;
                until_settled(|| self.decline(&link, request.id(), now)).await
            }
            (&Method::POST, ["v1", "invitations", "renew"]) => {
                let link = Link::of(request, request.body::<TokenBody>()?)?;
                until_settled(|| self.renew(&link, request.id(), now)).await
            }
            _ => Err(Refusal::NotFound.into()),
        }
    }
}
