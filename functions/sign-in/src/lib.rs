//! Sessions, and who is signed in.
//!
//! * `POST /v1/sessions`, public: `{email, password}` → `{session, user, memberships}`
//! * `DELETE /v1/sessions/current`
//! * `GET`, `PATCH /v1/me`, `PUT /v1/me/password`
//! * `GET`, `DELETE /v1/me/sessions`, `DELETE /v1/me/sessions/{session}`
//! * `POST /v1/me/email`; `POST /v1/email-changes/confirm`, `/undo`, public: another address, under emailed links
//! * `POST /v1/password-resets`, `/confirm`, public: a forgotten password is replaced under an emailed link

mod me;
mod new_email;
mod new_password;
mod open;

use model::{Limits, Refusal};
use password::Passwords;
use runtime::{Environment, SettingError};
use store::Store;
use web::{Function, Outcome, Request, Route};

/// The function.
pub struct SignIn {
    store: Store,
    limits: Limits,
    passwords: Passwords,
}

impl Function for SignIn {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self {
            store: Store::open(environment)?,
            limits: environment.variables.limits()?,
            passwords: Passwords::open(environment)?,
        })
    }

    async fn handle(&self, request: &Request) -> Outcome {
        match request.route()? {
            Route::SignIn => self.sign_in(request).await,
            Route::SignOut => self.sign_out(request).await,
            Route::ReadMe => self.me(request).await,
            Route::ChangeProfile => self.change_profile(request).await,
            Route::ChangePassword => self.change_password(request).await,
            Route::ListSessions => self.sessions(request).await,
            Route::EndSessions => self.end_sessions(request).await,
            Route::EndSession => self.end_session(request).await,
            Route::AskForReset => self.ask_for_reset(request).await,
            Route::ConfirmReset => self.confirm_reset(request).await,
            Route::AskForNewEmail => self.ask_for_email(request).await,
            Route::ConfirmNewEmail => self.confirm_email(request).await,
            Route::UndoNewEmail => self.undo_email(request).await,
            _ => Err(Refusal::NotFound.into()),
        }
    }
}
