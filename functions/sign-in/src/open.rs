use std::collections::BTreeSet;

use model::{
    Belonging, Credential, Email, Member, Password, Refusal, Session, Source, Tenant, TenantId, User, UserId,
};
use policy::{BrandId, MemberStatus};
use serde::Serialize;
use store::keys::{self, Scope};
use store::{Error, Fact, Key, Record};
use web::views::{MembershipView, SessionView, UserView};
use web::{Answer, BadRequest, Failure, Idempotency, Outcome, Request, Unproven, next_cursor, until_settled};

use crate::SignIn;
use crate::me::LIST;

/// One answer for an address that nobody has and for a password that isn't its.
const WRONG: BadRequest =
    BadRequest::Unauthenticated(Unproven::Password("the address or the password is wrong"));

/// What somebody signs in with. Not `Debug`: it holds the password.
struct Attempt {
    email: Email,
    password: Password,
    source: Source,
    idempotency: Idempotency,
}

impl Attempt {
    /// As it is counted.
    fn counted(&self) -> store::Attempt<'_> {
        store::Attempt { email: self.email.canonical(), source: &self.source }
    }
}

#[derive(Serialize)]
struct SignedIn<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionView>,
    user: UserView<'a>,
    memberships: Vec<MembershipView<'a>>,
    next_cursor: Option<String>,
}

/// Memberships that a sign-in shows, and reads at once; `GET /me` goes on from there.
const SHOWN: usize = 50;

/// Teams that a refusal names.
const NAMED: usize = 5;

/// A user, and the first of the teams that they are in; where they are in none any more, that they were in.
struct Memberships {
    user: User,
    first: Vec<(Member, Tenant)>,
    /// Whether any of them, shown or not, is one that a session is good for.
    of_use: bool,
    /// The brands of those teams that they name and that are there.
    brands: BTreeSet<BrandId>,
    /// The last team that is shown, where there are more.
    next: Option<TenantId>,
    /// The record that was found under the request's key.
    record: Option<Record>,
}

/// What is read of a user's memberships in these tenants.
fn memberships_in(tenants: &[TenantId], user: UserId) -> (Vec<Key<Member>>, Vec<Key<Tenant>>) {
    let members = tenants.iter().map(|t| keys::member(*t, user)).collect();
    (members, tenants.iter().map(|t| keys::tenant(*t)).collect())
}

pub(crate) fn pairs((members, tenants): (Vec<Option<Member>>, Vec<Option<Tenant>>)) -> Vec<(Member, Tenant)> {
    members.into_iter().zip(tenants).filter_map(|(m, t)| Some((m?, t?))).collect()
}

/// Memberships that aren't over, as they are shown; `brands` are those of all of them that are there.
pub(crate) fn shown<'a>(
    pairs: &'a [(Member, Tenant)],
    brands: &BTreeSet<BrandId>,
) -> Vec<MembershipView<'a>> {
    let current = pairs.iter().filter(|(member, _)| !member.is_revoked());
    current.map(|(member, tenant)| MembershipView::of(member, tenant, brands.iter().copied())).collect()
}

fn is_of_use((member, tenant): &(Member, Tenant)) -> bool {
    member.is_of_use(tenant)
}

impl Memberships {
    /// Which doors are closed to somebody who has none left, and whom to ask.
    fn why_of_no_use(&self) -> String {
        let (mine, theirs): (Vec<_>, Vec<_>) =
            self.first.iter().take(NAMED).partition(|(member, _)| member.status != MemberStatus::Active);
        let names =
            |of: &[&(Member, Tenant)]| of.iter().map(|(_, t)| t.name.as_str()).collect::<Vec<_>>().join(", ");
        let ended = format!("your access to {} was ended or suspended, ask an admin there", names(&mine));
        let closed = format!(
            "the account of {} is not in use at the moment, its owner can ask the platform's operator",
            names(&theirs)
        );
        match (mine.is_empty(), theirs.is_empty()) {
            // it went a moment ago
            (true, true) => "there is no team that you are in any more".to_owned(),
            (false, true) => ended,
            (true, false) => closed,
            (false, false) => format!("{ended}; {closed}"),
        }
    }

    fn answer(&self, session: Option<SessionView>) -> Answer {
        let memberships = shown(&self.first, &self.brands);
        let next_cursor = next_cursor(self.next.map(|tenant| tenant.0), self.user.id.0, LIST);
        Answer::ok(&SignedIn { session, user: UserView::from(&self.user), memberships, next_cursor }).opened()
    }
}

impl SignIn {
    pub(crate) async fn sign_in(&self, request: &Request) -> Outcome {
        let attempt = self.parse(request)?;
        let credential = self.authenticate(request, &attempt).await?;
        let (answer, ()) = tokio::join!(
            until_settled(|| self.open(request, &attempt, &credential)),
            self.store.uncount_sign_in(attempt.counted(), &self.limits, request.now()),
        );
        // a session that opens forgives it with the rest; one that was right and is another one by now is told to be wrong
        let is_wrong = |why: &Failure| matches!(why, Failure::Request(BadRequest::Unauthenticated(_)));
        if answer.as_ref().is_err_and(|why| !is_wrong(why)) {
            self.store.uncount_from_source(attempt.counted(), &self.limits, request.now()).await;
        }
        answer
    }

    fn parse(&self, request: &Request) -> Result<Attempt, BadRequest> {
        let mut form = request.form()?;
        let email = form.required("email", Email::parse);
        let password = form.password("password", |password| self.passwords.bound(password));
        let (email, password) = form.finish(|| email.zip(password))?;
        let idempotency = Idempotency::redacted(request, Scope::SignIn(&email), &email.canonical())?;
        let source = self.passwords.source(request);
        Ok(Attempt { email, password, source, idempotency })
    }

    /// Whose password it is. Takes as long, and costs as much, for an address that nobody has.
    async fn authenticate(&self, request: &Request, attempt: &Attempt) -> Result<Credential, Failure> {
        let email = attempt.email.canonical();
        // both go out at once; the count stands before anything is hashed
        let (counted, credential) = tokio::join!(
            self.store.count_sign_in(attempt.counted(), &self.limits, request.now()),
            self.store.load(keys::credential(email)),
        );
        counted?;
        let credential = credential?;
        let stored = credential.as_ref().map(|credential| credential.password_hash.as_str());
        match (self.passwords.verify(&attempt.password, stored)?, credential) {
            (true, Some(credential)) => Ok(credential),
            _ => Err(WRONG.into()),
        }
    }

    async fn memberships(&self, attempt: &Attempt, credential: &Credential) -> Result<Memberships, Failure> {
        let (former, current): (Vec<_>, Vec<_>) =
            credential.tenants.iter().partition(|(_, belonging)| **belonging == Belonging::Former);
        let asked = if current.is_empty() { former } else { current };
        let asked: Vec<TenantId> = asked.into_iter().map(|(tenant, _)| *tenant).collect();
        let mut stretches = asked.chunks(SHOWN);
        let shown = stretches.next().unwrap_or_default();
        let id = credential.user_id;
        let wants = (keys::user(id), attempt.idempotency.wants(), memberships_in(shown, id));
        let (user, record, found) = self.store.load(wants).await?;
        let first = pairs(found);
        let mut of_use = first.iter().any(is_of_use);
        for stretch in stretches {
            if !of_use {
                let found = self.store.load(memberships_in(stretch, id)).await?;
                of_use = pairs(found).iter().any(is_of_use);
            }
        }
        // whoever went with their last tenant since the address was read has none any more
        let user = user.ok_or(WRONG)?;
        let next = shown.last().filter(|_| asked.len() > SHOWN).copied();
        let brands = if of_use { self.brands_of(&first).await? } else { BTreeSet::new() };
        Ok(Memberships { user, first, brands, of_use, next, record })
    }

    /// The brands that these memberships name and that are still there.
    pub(crate) async fn brands_of(&self, pairs: &[(Member, Tenant)]) -> Result<BTreeSet<BrandId>, Failure> {
        let named = pairs
            .iter()
            .filter(|(member, _)| !member.role.reaches_every_brand())
            .flat_map(|(m, _)| m.brands.named().map(|brand| keys::brand(m.tenant_id, brand)));
        let found = self.store.load(named.collect::<Vec<_>>()).await?;
        Ok(found.into_iter().flatten().map(|brand| brand.id).collect())
    }

    async fn open(&self, request: &Request, attempt: &Attempt, credential: &Credential) -> Outcome {
        let mut memberships = self.memberships(attempt, credential).await?;
        if !memberships.of_use {
            return Err(Refusal::AccessRevoked(memberships.why_of_no_use()).into());
        }
        let (id, proven_by) = (credential.user_id, credential.generation);
        let (policy, client) = (&self.limits.sessions, request.client());
        let (token, session) = Session::open((id, proven_by), policy, client, request.invocation());
        let dropped = memberships.user.sessions_to_drop(request.now());
        // the same sign-in again is a sign-in, and the key keeps its first record; only another request is refused
        let record = match attempt.idempotency.answered(memberships.record.take())? {
            Some(_) => None,
            None => attempt.idempotency.record(&memberships.answer(None)),
        };
        let opened =
            self.store.open_session(&session, &dropped, attempt.counted(), &self.limits, None, record).await;
        if matches!(opened, Err(Error::Changed(Fact::User))) {
            self.store.renew_user(id, request.invocation().version()).await?;
            let now = self.store.load(keys::credential(credential.email.canonical())).await?;
            if now.is_none_or(|now| (now.user_id, now.generation) != (id, proven_by)) {
                // it was right, and is another one by now
                return Err(WRONG.into());
            }
        }
        opened?;
        Ok(memberships.answer(Some(SessionView::opened(&token, &session))))
    }
}
