//! A password that is forgotten, and one that is changed.

use model::{Credential, Digest, Email, LinkToken, Mail, Password, Refusal, Reset, User};
use password::Once;
use serde::Serialize;
use store::keys::{self, Scope};
use store::{Attempt, Ground, PasswordChange, Record};
use web::{Answer, BadRequest, Failure, Form, Idempotency, Outcome, Request, renewed, until_settled};

use crate::SignIn;

/// The same for everybody.
#[derive(Serialize)]
struct Asked {}

/// Teams whose names a new password can't be.
const GUESSABLE: usize = 50;

/// What is said to somebody whose address the operator made free.
pub(crate) fn released() -> Refusal {
    let words =
        "the account has no address to sign in with any more, ask an admin of your team to invite you";
    Refusal::AccessRevoked(words.to_owned())
}

/// One answer for a link that was never sent, that was used, that is past its time, and whose password is another one by now.
const OVER: Refusal = Refusal::ResetOver;

impl SignIn {
    /// Asks for the link under which a forgotten password is replaced. What comes of it is nobody's business here: the
    /// mailer looks whether anybody has the address.
    pub(crate) async fn ask_for_reset(&self, request: &Request) -> Outcome {
        let mut form = request.form()?;
        let email = form.required("email", Email::parse);
        let email = form.finish(|| email)?;
        let idempotency = Idempotency::of(request, Scope::Reset(&email))?;
        let source = self.passwords.source(request);
        let (email, source, idempotency) = (&email, &source, &idempotency);
        web::change(
            || async move {
                let found = match idempotency.wants() {
                    Some(key) => self.store.load(key).await?,
                    None => None,
                };
                Ok(((), idempotency.answered(found)?))
            },
            |()| async move {
                let mail = Mail::password_reset(email, request.invocation());
                let answer = Answer::accepted(&Asked {});
                let record = idempotency.record(&answer);
                self.store.ask_for_reset(&mail, source, &self.limits, record).await?;
                Ok(answer)
            },
        )
        .await
    }

    /// Replaces a forgotten password: every session ends, and the person is told by mail.
    pub(crate) async fn confirm_reset(&self, request: &Request) -> Outcome {
        let mut form = request.form()?;
        let token = take_token(&mut form, OVER)?;
        let password = form.password("password", |password| self.passwords.bound(password));
        let (token, password) = form.finish(|| token.zip(password))?;
        let digest = token.digest();
        let idempotency = Idempotency::redacted(request, Scope::Token(&digest), &"password-reset")?;
        let once = Once::default();
        let (digest, password, idempotency, once) = (&digest, &password, &idempotency, &once);
        until_settled(|| async move {
            let (reset, found) = self.store.load((keys::reset(digest), idempotency.wants())).await?;
            let answered = idempotency.answered(found)?;
            let reset = match (reset, answered) {
                (Some(reset), Some(answered)) => {
                    return self.confirmed_before(request, &reset, &answered, password).await;
                }
                (None, Some(answered)) => return Answer::replayed(&answered),
                (reset, None) => reset.ok_or(OVER)?,
            };
            let facts = (keys::credential(reset.email.canonical()), keys::user(reset.user_id));
            let (credential, user) = self.store.load(facts).await?;
            let now = request.invocation().look_at_clock();
            let credential = credential.filter(|credential| reset.opens(credential, now)).ok_or(OVER)?;
            let Some(ground) = self.store.ground_of(&credential, now).await? else {
                let words = "the account has no membership in use any more, ask an admin of your team";
                return Err(Refusal::AccessRevoked(words.to_owned()).into());
            };
            self.judge(password, &credential, "/password").await?;
            let hash = self.passwords.hash(request, password, once);
            let account = (user.ok_or(OVER)?, credential);
            self.replace(request, account, &hash, Proof::Link(&ground), idempotency).await
        })
        .await
    }

    /// The same request again, after an answer that was lost: the key keeps nothing of the password, so that another one
    /// would only seem to be set.
    async fn confirmed_before(
        &self,
        request: &Request,
        reset: &Reset,
        answered: &Record,
        password: &Password,
    ) -> Outcome {
        let credential = self.store.load(keys::credential(reset.email.canonical())).await?;
        if let Some(credential) = credential.filter(|credential| reset.was_used_for(credential)) {
            let once = Once::default();
            let right = self.passwords.prove(request, &credential, password, &once).await?;
            // nothing is written that would forgive it
            self.passwords.uncount(request, &once).await;
            if !right {
                return Err(BadRequest::IdempotencyMismatch.into());
            }
        }
        Answer::replayed(answered)
    }

    /// Changes the password of who is signed in: their other sessions end, and they are told by mail.
    pub(crate) async fn change_password(&self, request: &Request) -> Outcome {
        request.session_token()?;
        let mut form = request.form()?;
        let current = form.password("current_password", |password| self.passwords.bound(password));
        let new = form.password("new_password", |password| self.passwords.bound(password));
        let (current, new) = &form.finish(|| current.zip(new))?;
        let once = &Once::default();
        let outcome = until_settled(|| async move {
            let (me, ()) = self.signed_in(request, ()).await?;
            // both at once: whose session ended with their password is told that, and not that it is another one
            let facts = (keys::credential(me.user.email.canonical()), keys::user(me.user.id));
            let (credential, user) = self.store.load(facts).await?;
            let user = user.filter(|user| user.session(&me.digest, request.now()).is_some());
            let user = user.ok_or(BadRequest::NO_SESSION)?;
            let credential = match credential.filter(|credential| credential.user_id == user.id) {
                Some(credential) => credential,
                // a new address meanwhile is looked at again
                None => self.credential_of(&me.user, released()).await?,
            };
            // before anything is counted: whoever looks for a new one isn't guessing the old one
            self.judge(new, &credential, "/new_password").await?;
            if !self.passwords.prove(request, &credential, current, once).await? {
                return Err(BadRequest::invalid("/current_password", "is not your password").into());
            }
            let hash = self.passwords.hash(request, new, once);
            let proof = Proof::Old(&me.digest);
            self.replace(request, (user, credential), &hash, proof, &Idempotency::none(request)).await
        });
        self.passwords.settled(request, once, outcome.await).await
    }

    /// Whether a password may be chosen.
    async fn judge(
        &self,
        password: &Password,
        credential: &Credential,
        pointer: &str,
    ) -> Result<(), Failure> {
        let tenants: Vec<_> = credential.current().take(GUESSABLE).map(keys::tenant).collect();
        let tenants = self.store.load(tenants).await?;
        let names = tenants.iter().flatten().map(|tenant| tenant.name.as_str());
        let guessable: Vec<&str> =
            [credential.email.canonical(), credential.email.as_entered()].into_iter().chain(names).collect();
        Ok(self.passwords.judge(password, &guessable).map_err(|weak| BadRequest::invalid(pointer, weak))?)
    }

    async fn replace(
        &self,
        request: &Request,
        (user, credential): (User, Credential),
        hash: &str,
        proof: Proof<'_>,
        idempotency: &Idempotency,
    ) -> Outcome {
        let answer = Answer::done();
        let user = renewed(&self.store, user, request.invocation()).await?;
        let (kept, ground) = match proof {
            Proof::Link(ground) => (None, Some(ground)),
            Proof::Old(digest) => (user.sessions.get_key_value(digest), None),
        };
        let source = self.passwords.source(request);
        let attempt = Attempt { email: credential.email.canonical(), source: &source };
        let notice = Mail::password_changed(&user, request.invocation());
        let change = PasswordChange { before: &credential, hash, kept, ground, attempt, notice: &notice };
        self.store
            .change_password(change, &self.limits, idempotency.record(&answer), request.invocation())
            .await?;
        Ok(answer)
    }
}

/// What a new password is set with.
enum Proof<'a> {
    /// An emailed link, on this ground.
    Link(&'a Ground),
    /// The old one, in a session, which goes on.
    Old(&'a Digest),
}

/// Takes the token out of a body; a text that was never one is answered as one that is over, before the password is judged.
pub(crate) fn take_token(form: &mut Form, over: Refusal) -> Result<Option<LinkToken>, Refusal> {
    let parse = |text: &str| Ok::<_, std::convert::Infallible>(LinkToken::parse(text));
    match form.optional("token", parse).flatten() {
        Some(token) => Ok(Some(token)),
        None if form.is_wrong("token") => Ok(None),
        None => Err(over),
    }
}
