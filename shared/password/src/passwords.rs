use std::sync::{Mutex, MutexGuard, PoisonError};

use model::{Credential, Email, Limits, Password, Source, SourceKey};
use runtime::{Environment, SettingError};
use store::{Attempt, Change, Store};
use web::{Failure, Outcome, Request};

use crate::{Cost, Hasher, Rules, Weakness};

/// All that a function needs that asks for passwords: the rules for new ones, the hasher, and how tries are counted.
pub struct Passwords {
    store: Store,
    limits: Limits,
    sources: SourceKey,
    hasher: Hasher,
    rules: Rules,
}

/// What of a password is settled in one request, however many rounds it takes: tried and hashed once.
#[derive(Default)]
pub struct Once {
    /// What it was found to be right for.
    proven: Mutex<Option<Proven>>,
    /// Its own hash, where it is a new one.
    hashed: Mutex<Option<String>>,
}

/// A password that was right.
struct Proven {
    /// The stored hash.
    stored: String,
    /// The canonical address that its try was counted to.
    email: String,
}

impl Passwords {
    /// By the deployment's settings.
    ///
    /// # Errors
    /// When a setting is missing or can't be read.
    pub fn open(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self {
            store: Store::open(environment)?,
            limits: environment.variables.limits()?,
            sources: environment.variables.source_key()?,
            hasher: Hasher::new(environment.variables.or("PASSWORD_COST", Cost::default())?),
            rules: Rules::read(&environment.variables)?,
        })
    }

    /// Where a request comes from, as its tries are counted.
    #[must_use]
    pub fn source(&self, request: &Request) -> Source {
        self.sources.source(request.source_ip())
    }

    /// Characters that a new password has at least.
    #[must_use]
    pub const fn min_length(&self) -> usize {
        self.rules.min_length()
    }

    /// Whether a password is short enough to be looked at.
    ///
    /// # Errors
    /// [`Weakness::Long`].
    pub fn bound(&self, password: &Password) -> Result<(), Weakness> {
        self.rules.bound(password)
    }

    /// Whether a password may be chosen by somebody for whom these texts are easy to guess.
    ///
    /// # Errors
    /// Why not.
    pub fn judge(&self, password: &Password, guessable: &[&str]) -> Result<(), Weakness> {
        self.rules.judge(password, guessable)
    }

    /// Whether a password is the one that was hashed, as [`Hasher::verify`]: nothing is counted.
    ///
    /// # Errors
    /// When the stored text isn't a hash.
    pub fn verify(&self, password: &Password, stored: Option<&str>) -> Result<bool, Failure> {
        self.hasher.verify(password, stored).map_err(Failure::internal)
    }

    /// Whether a password is that of the credential: counted as a failed sign-in before it is looked at. Of one that was right
    /// the count of the address is taken back at once, that of the source by what is done with it ([`Passwords::proven`]), or
    /// else once it is known that nothing is ([`Passwords::settled`], [`Passwords::uncount`]).
    ///
    /// # Errors
    /// [`model::Refusal::RateLimited`] when there were too many tries; when the table can't be written.
    pub async fn prove(
        &self,
        request: &Request,
        credential: &Credential,
        password: &Password,
        once: &Once,
    ) -> Result<bool, Failure> {
        let stored = &credential.password_hash;
        if lock(&once.proven).as_ref().is_some_and(|proven| proven.stored == *stored) {
            return Ok(true);
        }
        let source = self.source(request);
        let attempt = Attempt { email: credential.email.canonical(), source: &source };
        let verify = || self.verify(password, Some(stored));
        let right = self.store.try_password(attempt, &self.limits, request.now(), verify).await??;
        if right {
            let email = attempt.email.to_owned();
            *lock(&once.proven) = Some(Proven { stored: stored.clone(), email });
        }
        Ok(right)
    }

    /// What a request came to in which a password was asked for. One that is refused though the password was right isn't counted
    /// as a failed sign-in; one that isn't refused has forgiven it with what it wrote.
    ///
    /// # Errors
    /// The request's own.
    pub async fn settled(&self, request: &Request, once: &Once, outcome: Outcome) -> Outcome {
        if outcome.is_err() {
            self.uncount(request, once).await;
        }
        outcome
    }

    /// Takes back that a password was counted to its source, where it was right: of a request that writes nothing that would
    /// forgive it.
    pub async fn uncount(&self, request: &Request, once: &Once) {
        let proven = lock(&once.proven).take();
        let Some(Proven { email, .. }) = proven else { return };
        let source = self.source(request);
        let attempt = Attempt { email: &email, source: &source };
        self.store.uncount_from_source(attempt, &self.limits, request.now()).await;
    }

    /// What is done with a password that was right: see [`Change::proven_by`].
    #[must_use]
    pub fn proven<'a>(&'a self, change: Change<'a>, email: &'a Email, source: &'a Source) -> Change<'a> {
        change.proven_by(Attempt { email: email.canonical(), source }, &self.limits)
    }

    /// The hash of a new password.
    #[must_use]
    pub fn hash(&self, request: &Request, password: &Password, once: &Once) -> String {
        let fresh = || self.hasher.hash(password, request.invocation().random());
        lock(&once.hashed).get_or_insert_with(fresh).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
