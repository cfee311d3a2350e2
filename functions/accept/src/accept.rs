//! `POST /v1/invitations/accept`: one token makes one member, however many race for it.

use model::{
    Actor, Credential, EventKind, Invitation, InvitationToken, Invocation, Joining, Member, Password,
    PersonName, Phone, Profile, Refusal, Session, Tenant, User, UserId,
};
use password::Once;
use policy::{BrandId, Brands, Denial, MemberStatus, TenantStatus};
use serde::Serialize;
use store::{Acceptance, Attempt, Error, Fact, Record, keys};
use web::views::{MemberView, SessionView};
use web::{Answer, BadRequest, Failure, Form, Outcome, Request, Route, Unproven, renewed, until_settled};

use crate::Accept;
use crate::link::{Link, LinkState, take_token};

/// What is answered, and what of it a record keeps: everything but the session.
#[derive(Serialize)]
struct Accepted<'a> {
    member: MemberView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionView>,
    dropped_brands: &'a [BrandId],
}

impl Accepted<'_> {
    fn answer(&self, member: &Member) -> Answer {
        Answer::ok(self).created(Route::ReadMember.location(&[&member.tenant_id, &member.user_id]))
    }
}

/// How somebody proved who they are.
enum Proof {
    /// Nobody had the address; this is the hash of the password that they chose.
    Chosen(String),
    /// They know the password of the user that the address belongs to.
    Known(Credential),
}

/// The password of a request, and what of it is settled.
struct Offered {
    password: Password,
    once: Once,
}

impl Accept {
    pub(crate) async fn accept(&self, request: &Request) -> Outcome {
        let mut form = request.form()?;
        let token = take_token(&mut form)?;
        let password = form.password("password", |password| self.passwords.bound(password));
        let profile = Profile {
            first_name: form.optional("first_name", PersonName::parse),
            last_name: form.optional("last_name", PersonName::parse),
            phone: form.optional("phone", Phone::parse),
        };
        if form.has_wrong() {
            // the password's own faults too, so that all of it is seen at once
            if let (Some(token), Some(password)) = (&token, &password) {
                self.judge_too(request, token, password, &mut form).await;
            }
        }
        let (token, password) = form.finish(|| token.zip(password))?;
        let link = Link::new(request, token).keyed(&profile)?;
        let offered = Offered { password, once: Once::default() };
        // a replay opens a session of its own, so that this isn't `web::change`
        let outcome = until_settled(|| async {
            match link.follow(&self.store).await? {
                (state, Some(answered)) => self.accept_again(&state, &answered, &offered).await,
                (state, None) => self.join(&state, profile.clone(), &offered).await,
            }
        });
        self.passwords.settled(request, &offered.once, outcome.await).await
    }

    /// Notes what is wrong with a password that would be a new one, in a form that is refused anyway.
    async fn judge_too(
        &self,
        request: &Request,
        token: &InvitationToken,
        password: &Password,
        form: &mut Form,
    ) {
        let link = Link::new(request, token.clone());
        let Ok((state, _)) = link.follow(&self.store).await else { return };
        let (Ok(basis), Ok((invitation, tenant))) = (state.basis(&self.store).await, state.open()) else {
            return;
        };
        if basis.credential.is_none()
            && let Err(weak) = self.passwords.judge(password, &guessable(invitation, tenant))
        {
            form.wrong("/password", weak);
        }
    }

    async fn join(&self, state: &LinkState<'_>, profile: Profile, offered: &Offered) -> Outcome {
        let basis = state.basis(&self.store).await?;
        let (invitation, tenant) = state.open()?;
        if basis.credential.as_ref().is_some_and(|credential| !credential.may_join(tenant)) {
            return Err(Refusal::EmailInUse.into());
        }
        let proof = self.prove(state, basis.credential, offered).await?;

        let invocation = state.invocation();
        let kept: Vec<BrandId> = basis.brands.iter().map(|brand| brand.id).collect();
        let brands = match &invitation.brands {
            Brands::All => Brands::All,
            Brands::Only(_) => kept.iter().copied().collect(),
        };
        let (user, generation) = match &proof {
            Proof::Chosen(_) => (UserId::new(invocation), 0),
            Proof::Known(credential) => (credential.user_id, credential.generation),
        };
        let account = match &proof {
            Proof::Chosen(_) => None,
            Proof::Known(_) => Some(self.account(user, invocation).await?),
        };
        let member = Member::joining(invitation, user, profile, brands, invocation);
        let joining = match proof {
            Proof::Chosen(hash) => Joining::new(&member, tenant, invitation.locale.clone(), hash, invocation),
            Proof::Known(credential) => Joining::known(credential, tenant, invocation),
        };
        let (policy, client) = (&self.limits.sessions, state.request().client());
        let (token, session) = Session::open((user, generation), policy, client, invocation);
        let answer = |session| {
            let accepted = Accepted {
                member: MemberView::own(&member, kept.clone()),
                session,
                dropped_brands: &basis.dropped,
            };
            accepted.answer(&member)
        };
        let change = state
            .change(Actor::User { id: user }, EventKind::InvitationAccepted, invitation, &answer(None))
            .sponsored_by(basis.sponsor.as_ref())
            .with("email", invitation.email.as_entered())
            .with("member", user)
            .with("role", invitation.role);
        let acceptance = Acceptance {
            before: invitation,
            after: &invitation.accepted(user, invocation),
            member: &member,
            joining: &joining,
            source: &self.passwords.source(state.request()),
            at: invocation.look_at_clock(),
            session: &session,
            dropped: &account
                .iter()
                .flat_map(|user| user.sessions_to_drop(invocation.now()))
                .collect::<Vec<_>>(),
            brands: &kept,
            opens: first_owner(tenant, user, state),
        };
        self.store.accept_invitation(acceptance, &self.limits, change).await?;
        Ok(answer(Some(SessionView::opened(&token, &session))))
    }

    /// A known address proves itself with its own password, of which nothing is overwritten; a new one chooses one.
    async fn prove(
        &self,
        state: &LinkState<'_>,
        credential: Option<Credential>,
        offered: &Offered,
    ) -> Result<Proof, Failure> {
        if let Some(credential) = credential {
            self.verify(state, &credential, offered).await?;
            return Ok(Proof::Known(credential));
        }
        let (invitation, tenant) = state.open()?;
        let Offered { password, once } = offered;
        self.passwords
            .judge(password, &guessable(invitation, tenant))
            .map_err(|weak| BadRequest::invalid("/password", weak))?;
        Ok(Proof::Chosen(self.passwords.hash(state.request(), password, once)))
    }

    async fn verify(
        &self,
        state: &LinkState<'_>,
        credential: &Credential,
        offered: &Offered,
    ) -> Result<(), Failure> {
        const WRONG: BadRequest = BadRequest::Unauthenticated(Unproven::Password(
            "this address has a password already, and it is another one",
        ));
        let Offered { password, once } = offered;
        if !self.passwords.prove(state.request(), credential, password, once).await? {
            return Err(WRONG.into());
        }
        Ok(())
    }

    /// The user of a known address, in the shape of this release. One who went with their last tenant since the address was
    /// read took it with them: it is read again.
    async fn account(&self, id: UserId, invocation: &Invocation) -> Result<User, Failure> {
        let user = self.store.load(keys::user(id)).await?;
        let user = user.ok_or(Error::Changed(Fact::User))?;
        Ok(renewed(&self.store, user, invocation).await?)
    }

    /// The same request again: a session of its own, since the first one's token is kept nowhere, for a membership that
    /// is in use now, shown as it is now. The password proves that it is the same person.
    async fn accept_again(&self, state: &LinkState<'_>, answered: &Record, offered: &Offered) -> Outcome {
        let (invitation, tenant) = state.followed()?;
        let member = invitation.accepted_by.map(|user| keys::member(tenant.id, user));
        let facts = (keys::credential(invitation.email.canonical()), member);
        let (Some(credential), Some(member)) = self.store.load(facts).await? else {
            return Err(Refusal::NotFound.into());
        };
        self.verify(state, &credential, offered).await.map_err(|failure| match failure {
            Failure::Request(BadRequest::Unauthenticated(_)) => BadRequest::IdempotencyMismatch.into(),
            other => other,
        })?;
        // whoever has the address by now, the membership is that of who accepted
        if credential.user_id != member.user_id || member.status != MemberStatus::Active {
            return Err(Denial::MemberInactive.into());
        }
        let (policy, client) = (&self.limits.sessions, state.request().client());
        let proven = (credential.user_id, credential.generation);
        let (token, session) = Session::open(proven, policy, client, state.invocation());
        let source = self.passwords.source(state.request());
        let attempt = Attempt { email: credential.email.canonical(), source: &source };
        let user = self.account(credential.user_id, state.invocation()).await?;
        let dropped = user.sessions_to_drop(state.invocation().now());
        self.store.open_session(&session, &dropped, attempt, &self.limits, Some(&member), None).await?;
        let body = Answer::replayed_body(answered)?;
        let dropped = body.get("dropped_brands").cloned().map(serde_json::from_value).transpose();
        let dropped: Vec<BrandId> = dropped.map_err(Failure::internal)?.unwrap_or_default();
        let session = Some(SessionView::opened(&token, &session));
        let named: Vec<_> = member.brands.named().map(|brand| keys::brand(tenant.id, brand)).collect();
        let there = self.store.load(named).await?.into_iter().flatten().map(|brand| brand.id);
        let member_view = MemberView::own(&member, there);
        Ok(Accepted { member: member_view, session, dropped_brands: &dropped }.answer(&member))
    }
}

/// What a new password can't be.
fn guessable<'a>(invitation: &'a Invitation, tenant: &'a Tenant) -> [&'a str; 3] {
    [invitation.email.canonical(), invitation.email.as_entered(), tenant.name.as_str()]
}

/// The tenant in use, where it waited for this very owner.
fn first_owner<'t>(tenant: &'t Tenant, owner: UserId, state: &LinkState<'_>) -> Option<(&'t Tenant, Tenant)> {
    let waits = tenant.status == TenantStatus::Pending;
    waits.then(|| (tenant, tenant.opened(owner, state.invocation().version())))
}
