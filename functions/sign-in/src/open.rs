use model::{Credential, Email, Member, Password, Refusal, Session, Tenant, User};
use policy::{MemberStatus, TenantStatus};
use serde::Serialize;
use store::Record;
use store::keys::{self, Scope};
use web::views::{MembershipView, SessionView, UserView};
use web::{Answer, BadRequest, Failure, Idempotency, Outcome, Request, until_settled};

use crate::SignIn;

/// One answer for an address that nobody has and for a password that isn't its.
const WRONG: BadRequest = BadRequest::Unauthenticated(Some("the address or the password is wrong"));

/// What somebody signs in with. Not `Debug`: it holds the password.
struct Attempt {
    email: Email,
    password: Password,
    idempotency: Idempotency,
}

#[derive(Serialize)]
struct SignedIn<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionView>,
    user: UserView<'a>,
    memberships: Vec<MembershipView<'a>>,
}

/// A user, and the teams that they are or were in.
struct Memberships {
    user: User,
    all: Vec<(Member, Tenant)>,
    /// The record that was found under the request's key.
    record: Option<Record>,
}

impl Memberships {
    /// Whether there is one that a session is good for.
    fn are_of_use(&self) -> bool {
        self.all.iter().any(|(member, tenant)| {
            member.status == MemberStatus::Active && tenant.status == TenantStatus::Active
        })
    }

    fn answer(&self, session: Option<SessionView>) -> Answer {
        let current = self.all.iter().filter(|(member, _)| !member.is_revoked());
        let memberships = current.map(|(member, tenant)| MembershipView::of(member, tenant)).collect();
        Answer::ok(&SignedIn { session, user: UserView::from(&self.user), memberships })
            .created("/v1/sessions/current".to_owned())
    }
}

impl SignIn {
    pub(crate) async fn sign_in(&self, request: &Request) -> Outcome {
        let attempt = self.parse(request)?;
        let credential = self.authenticate(request, &attempt).await?;
        until_settled(|| self.open(request, &attempt, &credential)).await
    }

    fn parse(&self, request: &Request) -> Result<Attempt, BadRequest> {
        let mut form = request.form()?;
        let email = form.required("email", Email::parse);
        let password = form.password("password", |password| self.rules.bound(password));
        let (email, password) = form.finish(|| email.zip(password))?;
        let idempotency = Idempotency::redacted(request, Scope::SignIn(&email), &email.canonical())?;
        Ok(Attempt { email, password, idempotency })
    }

    /// Whose password it is. Takes as long, and costs as much, for an address that nobody has.
    async fn authenticate(&self, request: &Request, attempt: &Attempt) -> Result<Credential, Failure> {
        let email = attempt.email.canonical();
        // both go out at once; the count stands before anything is hashed
        let (counted, credential) = tokio::join!(
            self.store.count_sign_in(email, &self.limits, request.now()),
            self.store.load(keys::credential(email)),
        );
        counted?;
        let credential = credential?;
        let stored = credential.as_ref().map(|credential| credential.password_hash.as_str());
        let right = self.hasher.verify(&attempt.password, stored);
        match (right.map_err(Failure::internal)?, credential) {
            (true, Some(credential)) => Ok(credential),
            _ => Err(WRONG.into()),
        }
    }

    async fn memberships(&self, attempt: &Attempt, credential: &Credential) -> Result<Memberships, Failure> {
        let tenants: Vec<_> = credential.tenants.keys().copied().collect();
        let (user, members, tenants, record) = self
            .store
            .load((
                keys::user(credential.user_id),
                tenants.iter().map(|t| keys::member(*t, credential.user_id)).collect::<Vec<_>>(),
                tenants.iter().map(|t| keys::tenant(*t)).collect::<Vec<_>>(),
                attempt.idempotency.wants(),
            ))
            .await?;
        let user = user.ok_or_else(|| Failure::internal("an address without its user"))?;
        let all = members.into_iter().zip(tenants).filter_map(|(m, t)| Some((m?, t?))).collect();
        Ok(Memberships { user, all, record })
    }

    async fn open(&self, request: &Request, attempt: &Attempt, credential: &Credential) -> Outcome {
        let mut memberships = self.memberships(attempt, credential).await?;
        if !memberships.are_of_use() {
            let names: Vec<&str> = memberships.all.iter().map(|(_, t)| t.name.as_str()).collect();
            let words =
                format!("your access to {} was ended or suspended, ask an admin there", names.join(", "));
            return Err(Refusal::AccessRevoked(words).into());
        }
        let (token, session) = Session::open(credential.user_id, self.limits.session, request.invocation());
        // the same sign-in again is a sign-in, and the key keeps its first record; only another request is refused
        let record = match attempt.idempotency.answered(memberships.record.take())? {
            Some(_) => None,
            None => attempt.idempotency.record(&memberships.answer(None)),
        };
        let email = credential.email.canonical();
        self.store.open_session(&session, email, &self.limits, record).await?;
        Ok(memberships.answer(Some(SessionView::opened(&token, &session))))
    }
}
