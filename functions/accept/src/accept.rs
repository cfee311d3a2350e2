//! `POST /v1/invitations/accept`: one token makes one member, however many race for it.

use std::collections::BTreeMap;

use model::{
    Belonging, BrandId, Brands, Claim, Event, EventActor, EventKind, EventSubject, Invitation,
    InvitationStatus, Member, MemberStatus, Password, PersonName, Phone, Refusal, Session, Stamp, Tenant,
    TenantStatus, Timestamp, User, UserId, Window,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{Acceptance, Joining, Trace, keys};
use web::views::{MemberView, SessionView};
use web::{Answer, Failure, Form, Outcome, Replay, Request, until_settled};

use crate::Accept;
use crate::link::{Behind, Link, still_vouched};

/// Not `Debug`: it holds the token and the password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    token: Option<String>,
    password: Option<Password>,
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<String>,
}

/// What the person says of themselves; what they leave out is as the inviter wrote it.
#[derive(Serialize)]
struct Profile {
    first_name: Option<PersonName>,
    last_name: Option<PersonName>,
    phone: Option<Phone>,
}

/// What is answered, and what of it a record keeps: everything but the session.
#[derive(Serialize)]
struct Accepted<'a> {
    member: MemberView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionView>,
    dropped_brands: &'a [BrandId],
}

/// Who accepts, once they have proven it.
enum Person {
    New { hash: String },
    Known(Claim),
}

pub(crate) async fn handle(this: &Accept, request: &Request, now: Timestamp) -> Outcome {
    let body: Body = request.body()?;
    let mut form = Form::new();
    let first_name = form.optional("/first_name", body.first_name.as_deref(), PersonName::parse);
    let last_name = form.optional("/last_name", body.last_name.as_deref(), PersonName::parse);
    let phone = form.optional("/phone", body.phone.as_deref(), Phone::parse);
    if body.password.is_none() {
        form.wrong("/password", "it is needed");
    }
    let profile = Profile { first_name, last_name, phone };
    // what never was a token is told before the fields are judged: its bearer has no business with them
    let link = Link::parse_token(body.token.as_deref())?.keyed(request, &profile)?;
    let password = form.finish(body.password)?;
    until_settled(|| this.accept(&link, &profile, &password, request.id(), now)).await
}

impl Accept {
    async fn accept(
        &self,
        link: &Link,
        profile: &Profile,
        password: &Password,
        request_id: &str,
        now: Timestamp,
    ) -> Outcome {
        let behind = link.follow(&self.store, now).await?;
        if let Replay::Answered(record) = &behind.replay {
            return self.answer_again(&behind, &record.body, password, now).await;
        }
        let (invitation, tenant) = behind.open(&link.digest, now)?;
        let (t, email) = (tenant.id, invitation.email.canonical());
        let named: Vec<BrandId> = invitation.brands.named().collect();
        let (claim, voucher, brands) = self
            .store
            .load((
                keys::claim(email),
                invitation.vouched_by.map(|u| keys::member(t, u)),
                named.iter().map(|b| keys::brand(t, *b)).collect::<Vec<_>>(),
            ))
            .await?;
        still_vouched(invitation, tenant, voucher.as_ref())?;
        if claim.as_ref().is_some_and(|claim| !claim.may_join(t, tenant.email_policy)) {
            return Err(Refusal::EmailInUse.into());
        }
        let person = self.prove(claim, password, invitation, tenant, now).await?;

        let (kept, dropped): (Vec<_>, Vec<_>) =
            named.iter().zip(&brands).partition(|(_, found)| found.is_some());
        let [kept, dropped] =
            [kept, dropped].map(|list| list.into_iter().map(|(id, _)| *id).collect::<Vec<_>>());
        let dice = &*self.dice;
        let user_id = match &person {
            Person::New { .. } => UserId::new(dice, now),
            Person::Known(claim) => claim.user_id,
        };
        let member = self.member(user_id, invitation, profile, &kept, now);
        let after = Invitation {
            status: InvitationStatus::Accepted,
            accepted_at: Some(now),
            accepted_by: Some(user_id),
            version: Stamp::new(dice, now),
            ..invitation.clone()
        };
        let (token, session) = Session::open(user_id, self.limits.session, dice, now);

        let event = Event::new(
            dice,
            now,
            t,
            EventKind::InvitationAccepted,
            EventActor::User { id: user_id },
            EventSubject::Invitation(invitation.id),
            request_id,
        )
        .with("member", user_id)
        .with("email", invitation.email.typed())
        .with("role", invitation.role);
        let location = format!("/v1/tenants/{t}/members/{user_id}");
        let answer = |session| {
            let accepted = Accepted { member: MemberView::own(&member), session, dropped_brands: &dropped };
            Answer::created(location.clone(), &accepted)
        };
        let record = link.idempotency.as_ref().map(|i| i.record(&answer(None), now));

        let belonging = Belonging::from(tenant.email_policy);
        let (user, claim, read) = match person {
            Person::New { hash } => {
                let user = User {
                    id: user_id,
                    email: invitation.email.clone(),
                    first_name: member.first_name.clone(),
                    last_name: member.last_name.clone(),
                    phone: member.phone.clone(),
                    locale: invitation.locale.clone(),
                    created_at: now,
                };
                let claim = Claim {
                    email: invitation.email.clone(),
                    user_id,
                    password_hash: hash,
                    tenants: BTreeMap::from([(t, belonging)]),
                    version: Stamp::new(dice, now),
                };
                (Some(user), claim, None)
            }
            Person::Known(mut claim) => {
                let read = claim.version;
                claim.tenants.insert(t, belonging);
                claim.version = Stamp::new(dice, now);
                (None, claim, Some(read))
            }
        };
        let joining = match (&user, read) {
            (Some(user), _) => Joining::New { user, claim: &claim },
            (None, read) => Joining::Known { claim: &claim, read: read.unwrap_or(claim.version) },
        };
        let opens = (tenant.status == TenantStatus::Pending).then(|| (tenant, Stamp::new(dice, now)));
        let acceptance = Acceptance {
            before: invitation,
            after: &after,
            member: &member,
            joining,
            session: &session,
            voucher: voucher.as_ref(),
            brands: &kept,
            opens,
        };
        let trace = Trace { event: &event, record: record.as_ref() };
        self.store.accept_invitation(acceptance, &self.limits, trace).await?;
        Ok(answer(Some(SessionView::opened(&token, &session))))
    }

    /// A known address proves itself with its own password, of which nothing is overwritten; a new one chooses one.
    async fn prove(
        &self,
        claim: Option<Claim>,
        password: &Password,
        invitation: &Invitation,
        tenant: &Tenant,
        now: Timestamp,
    ) -> Result<Person, Failure> {
        let Some(claim) = claim else {
            let guessable = [invitation.email.canonical(), invitation.email.typed(), tenant.name.as_str()];
            self.rules.judge(password, &guessable).map_err(|weak| Refusal::invalid("/password", weak))?;
            return Ok(Person::New { hash: self.hasher.hash(password, &*self.dice) });
        };
        self.verify(&claim, password, now).await?;
        Ok(Person::Known(claim))
    }

    async fn verify(&self, claim: &Claim, password: &Password, now: Timestamp) -> Result<(), Failure> {
        self.rules.bound(password).map_err(|long| Refusal::invalid("/password", long))?;
        self.store.count_sign_in(claim.email.canonical(), &self.limits, now).await?;
        let right = self.hasher.verify(password, Some(&claim.password_hash));
        match right.map_err(|e| Failure::Internal(e.to_string()))? {
            true => Ok(()),
            false => {
                let words = "this address has a password already, and it is another one";
                Err(Refusal::Unauthenticated(Some(words)).into())
            }
        }
    }

    fn member(
        &self,
        user_id: UserId,
        invitation: &Invitation,
        profile: &Profile,
        kept: &[BrandId],
        now: Timestamp,
    ) -> Member {
        Member {
            user_id,
            tenant_id: invitation.tenant_id,
            email: invitation.email.clone(),
            first_name: profile.first_name.clone().unwrap_or_else(|| invitation.first_name.clone()),
            last_name: profile.last_name.clone().unwrap_or_else(|| invitation.last_name.clone()),
            phone: profile.phone.clone().or_else(|| invitation.phone.clone()),
            role: invitation.role,
            brands: match &invitation.brands {
                Brands::All => Brands::All,
                Brands::Only(_) => kept.iter().copied().collect(),
            },
            permissions: invitation.permissions,
            status: MemberStatus::Active,
            joined_at: now,
            last_active_at: Some(now),
            invites: Window::default(),
            authority: Stamp::new(&*self.dice, now),
        }
    }

    /// The same request again: the same answer, with a session of its own, since the first one's token is kept nowhere.
    /// The password proves that it is the same person.
    async fn answer_again(
        &self,
        behind: &Behind,
        kept: &str,
        password: &Password,
        now: Timestamp,
    ) -> Outcome {
        let invitation = behind.invitation.as_ref().ok_or(Refusal::NotFound)?;
        let claim =
            self.store.load(keys::claim(invitation.email.canonical())).await?.ok_or(Refusal::NotFound)?;
        self.verify(&claim, password, now).await.map_err(|failure| match failure {
            Failure::Refused(Refusal::Unauthenticated(_)) => Refusal::IdempotencyMismatch.into(),
            other => other,
        })?;
        let (token, session) = Session::open(claim.user_id, self.limits.session, &*self.dice, now);
        self.store.open_session(&session, claim.email.canonical(), &[], &self.limits, None).await?;
        let mut body: Value = serde_json::from_str(kept).map_err(|e| Failure::Internal(e.to_string()))?;
        let opened = serde_json::to_value(SessionView::opened(&token, &session));
        if let Some(fields) = body.as_object_mut() {
            fields.insert("session".to_owned(), opened.map_err(|e| Failure::Internal(e.to_string()))?);
        }
        let location = format!("/v1/tenants/{}/members/{}", invitation.tenant_id, claim.user_id);
        Ok(Answer::created(location, &body))
    }
}
