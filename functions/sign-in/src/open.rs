use model::{Claim, Digest, Email, MemberStatus, Password, Refusal, Session, TenantStatus, Timestamp};
use password::Rules;
use serde::{Deserialize, Serialize};
use store::{Witness, keys};
use web::views::{MembershipView, SessionView, UserView};
use web::{Answer, Failure, Form, Idempotency, Outcome, Request};

use crate::SignIn;

/// One answer for an address that nobody has and for a password that isn't its.
const WRONG: Refusal = Refusal::Unauthenticated(Some("the address or the password is wrong"));

/// Not `Debug`: it holds the password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    email: Option<String>,
    password: Option<Password>,
}

pub(crate) struct Credentials {
    email: Email,
    password: Password,
    idempotency: Option<Idempotency>,
}

#[derive(Serialize)]
struct SignedIn<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionView>,
    user: UserView<'a>,
    memberships: Vec<MembershipView<'a>>,
}

impl Credentials {
    pub(crate) fn parse(request: &Request, rules: Rules) -> Result<Self, Refusal> {
        let body: Body = request.body()?;
        let mut form = Form::new();
        let email = form.required("/email", body.email.as_deref(), Email::parse);
        match &body.password {
            None => form.wrong("/password", "it is needed"),
            Some(password) => {
                if let Err(long) = rules.bound(password) {
                    form.wrong("/password", long);
                }
            }
        }
        let (email, password) = form.finish(email.zip(body.password))?;
        let scope = format!("SIGN-IN#{}", Digest::of(email.canonical().as_bytes()).as_str());
        let idempotency = Idempotency::of_public(request, &scope, &email.canonical())?;
        Ok(Self { email, password, idempotency })
    }
}

impl SignIn {
    /// Whose password it is. Takes as long, and costs as much, for an address that nobody has.
    pub(crate) async fn authenticate(
        &self,
        credentials: &Credentials,
        now: Timestamp,
    ) -> Result<Claim, Failure> {
        let email = credentials.email.canonical();
        // both go out at once; the count stands before anything is hashed
        let (counted, claim) = tokio::join!(
            self.store.count_sign_in(email, &self.limits, now),
            self.store.load(keys::claim(email)),
        );
        counted?;
        let claim = claim?;
        let stored = claim.as_ref().map(|claim| claim.password_hash.as_str());
        let right = self.hasher.verify(&credentials.password, stored);
        match (right.map_err(|e| Failure::Internal(e.to_string()))?, claim) {
            (true, Some(claim)) => Ok(claim),
            _ => Err(WRONG.into()),
        }
    }

    pub(crate) async fn open(&self, credentials: &Credentials, claim: &Claim, now: Timestamp) -> Outcome {
        let tenants: Vec<_> = claim.tenants.keys().copied().collect();
        let (user, members, tenants, kept) = self
            .store
            .load((
                keys::user(claim.user_id),
                tenants.iter().map(|t| keys::member(*t, claim.user_id)).collect::<Vec<_>>(),
                tenants.iter().map(|t| keys::tenant(*t)).collect::<Vec<_>>(),
                credentials.idempotency.as_ref().map(Idempotency::key),
            ))
            .await?;
        let user = user.ok_or_else(|| Failure::Internal("an address without its user".to_owned()))?;
        if let (Some(asked), Some(kept)) = (&credentials.idempotency, &kept) {
            // the same sign-in again is a sign-in; only the key's other request is refused
            asked.compare(kept, now)?;
        }
        let pairs = members.iter().zip(&tenants).filter_map(|(m, t)| Some((m.as_ref()?, t.as_ref()?)));
        let memberships: Vec<_> = pairs.collect();
        let active: Vec<_> = memberships
            .iter()
            .filter(|(m, t)| m.status == MemberStatus::Active && t.status == TenantStatus::Active)
            .collect();
        if active.is_empty() {
            let names: Vec<&str> = tenants.iter().flatten().map(|t| t.name.as_str()).collect();
            let words =
                format!("your access to {} was ended or suspended, ask an admin there", names.join(", "));
            return Err(Refusal::AccessRevoked(words).into());
        }
        let (token, session) = Session::open(claim.user_id, self.limits.session, &*self.dice, now);
        let answer = |session| {
            let memberships = memberships
                .iter()
                .filter(|(m, _)| m.status != MemberStatus::Revoked)
                .map(|(m, t)| MembershipView::of(m, t))
                .collect();
            Answer::created(
                "/v1/sessions/current".to_owned(),
                &SignedIn { session, user: UserView::from(&user), memberships },
            )
        };
        // a key that was used already keeps its first record
        let fresh =
            credentials.idempotency.as_ref().filter(|_| kept.is_none_or(|kept| kept.expires_at <= now));
        let record = fresh.map(|i| i.record(&answer(None), now));
        let witnesses: Vec<_> = active.iter().map(|(member, _)| Witness { member, now }).collect();
        let email = claim.email.canonical();
        self.store.open_session(&session, email, &witnesses, &self.limits, record.as_ref()).await?;
        Ok(answer(Some(SessionView::opened(&token, &session))))
    }
}
