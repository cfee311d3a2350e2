//! Another address to sign in with: proven by a link to the new one, told to the old one, and taken back from there.

use model::{
    Actor, Credential, Email, EmailProof, EmailReturn, EventKind, Invitation, InvitationStatus, Invitee,
    LinkToken, Mail, Member, Refusal, Subject, TenantId, Timestamp, User,
};
use password::{Once, Weakness};
use policy::TenantStatus;
use serde::Serialize;
use store::keys::{self, Scope};
use store::{Attempt, Change, EmailMove, Error, Fact, Team};
use web::{Answer, BadRequest, Failure, Idempotency, Outcome, Request, live, renewed};

use crate::SignIn;
use crate::new_password::{self, released};

/// The same whether or not anybody has the new address.
#[derive(Serialize)]
struct Asked {}

/// The address that counts from now on.
#[derive(Serialize)]
struct Moved<'a> {
    email: &'a str,
}

impl<'a> Moved<'a> {
    fn answer(user: &'a User) -> Answer {
        Answer::ok(&Self { email: user.email.as_entered() })
    }
}

const OVER: Refusal = Refusal::EmailProofOver;
const BACK_OVER: Refusal = Refusal::EmailReturnOver;

impl SignIn {
    /// Asks for a link to a new address. A session alone isn't enough: who finds one open must not take the account.
    pub(crate) async fn ask_for_email(&self, request: &Request) -> Outcome {
        let token = request.session_token()?;
        let mut form = request.form()?;
        let email = form.required("email", Email::parse);
        let password = form.password("password", |password| self.passwords.bound(password));
        let (email, password) = &form.finish(|| email.zip(password))?;
        let idempotency = Idempotency::redacted(request, Scope::User(token.user()), &email.as_entered())?;
        let (once, idempotency, digest) = (&Once::default(), &idempotency, &token.digest());
        let read = || async {
            let (user, found) = self.store.load((keys::user(token.user()), idempotency.wants())).await?;
            let user = live(&self.store, user, digest, request.now()).await?;
            Ok((user, idempotency.answered(found)?))
        };
        let decide = |user: User| async move {
            let credential = self.credential_of(&user, released()).await?;
            if credential.email.canonical() == email.canonical() {
                return Err(BadRequest::invalid("/email", "is your address already").into());
            }
            // another password since the session was read, which is over then: nobody is told that theirs is wrong
            if credential.generation != user.generation {
                return Err(Error::Changed(Fact::Credential).into());
            }
            if !self.passwords.prove(request, &credential, password, once).await? {
                return Err(BadRequest::invalid("/password", "is not your password").into());
            }
            let judged = self.passwords.judge(password, &[email.canonical(), email.as_entered()]);
            if matches!(judged, Err(Weakness::Guessable)) {
                let words = "is your password, choose another one first";
                return Err(BadRequest::invalid("/email", words).into());
            }
            let mail = Mail::email_proof(&credential, email, request.invocation());
            let answer = Answer::accepted(&Asked {});
            let record = idempotency.record(&answer);
            let source = self.passwords.source(request);
            let attempt = Attempt { email: credential.email.canonical(), source: &source };
            self.store.ask_for_email(&user, &mail, attempt, &self.limits, record).await?;
            Ok(answer)
        };
        self.passwords.settled(request, once, web::change(read, decide).await).await
    }

    /// What somebody signs in with; refused `otherwise` where the operator released it.
    pub(crate) async fn credential_of(&self, user: &User, otherwise: Refusal) -> Result<Credential, Failure> {
        let credential = self.store.load(keys::credential(user.email.canonical())).await?;
        if let Some(credential) = credential.filter(|credential| credential.user_id == user.id) {
            return Ok(credential);
        }
        // unless they have another one since they were read
        let now = self.store.load(keys::user(user.id)).await?;
        if now.is_some_and(|now| now.email.canonical() != user.email.canonical()) {
            return Err(Error::Changed(Fact::User).into());
        }
        Err(otherwise.into())
    }

    /// The mailbox is proven: the account has the new address from now on, in all its teams.
    pub(crate) async fn confirm_email(&self, request: &Request) -> Outcome {
        let digest = &take_token(request, OVER)?.digest();
        let idempotency = &Idempotency::of(request, Scope::Token(digest))?;
        let read = || async {
            let (proof, found) = self.store.load((keys::email_proof(digest), idempotency.wants())).await?;
            Ok((proof, idempotency.answered(found)?))
        };
        let decide = |proof: Option<EmailProof>| async move {
            let proof = proof.ok_or(OVER)?;
            let facts = (
                keys::credential(proof.account.canonical()),
                keys::user(proof.user_id),
                keys::credential(proof.email.canonical()),
            );
            let (credential, user, taken) = self.store.load(facts).await?;
            let now = request.invocation().look_at_clock();
            let credential = credential.filter(|credential| proof.opens(credential, now)).ok_or(OVER)?;
            if taken.is_some() {
                return Err(Refusal::EmailInUse.into());
            }
            let user = renewed(&self.store, user.ok_or(OVER)?, request.invocation()).await?;
            let (after, change) = user.moved(proof.email.clone(), request.invocation())?;
            let moved = credential.moved(proof.email.clone(), request.invocation().version());
            let (teams, ending) = self.teams(&user, &moved, request, Holding::Live).await?;
            let notice = Mail::email_changed(&user, &after, change, request.invocation());
            let answer = Moved::answer(&after);
            let moved = EmailMove {
                before: (&user, &credential),
                after: (&after, &moved),
                teams: &teams,
                ending: &ending,
                proof: Some(digest),
                mails: &[notice],
                record: idempotency.record(&answer),
            };
            self.store.move_email(moved, request.invocation()).await?;
            Ok(answer)
        };
        web::change(read, decide).await
    }

    /// The old address takes itself back: every session ends, the password is nobody's, and the link to choose another one
    /// goes to the old address.
    pub(crate) async fn undo_email(&self, request: &Request) -> Outcome {
        let digest = &take_token(request, BACK_OVER)?.digest();
        let idempotency = &Idempotency::of(request, Scope::Token(digest))?;
        let read = || async {
            let (back, found) = self.store.load((keys::email_return(digest), idempotency.wants())).await?;
            Ok((back, idempotency.answered(found)?))
        };
        let decide = |back: Option<EmailReturn>| async move {
            let invocation = request.invocation();
            let now = invocation.look_at_clock();
            let back = back.filter(|back| now < back.expires_at).ok_or(BACK_OVER)?;
            let user = self.store.load(keys::user(back.user_id)).await?.ok_or(BACK_OVER)?;
            let (after, given_up_at) = user.returned(back.change, invocation).ok_or(BACK_OVER)?;
            let facts = (keys::credential(user.email.canonical()), keys::credential(after.email.canonical()));
            let (credential, taken) = self.store.load(facts).await?;
            let credential = match credential.filter(|credential| credential.user_id == user.id) {
                Some(credential) => credential,
                None => self.credential_of(&user, BACK_OVER).await?,
            };
            if taken.is_some() {
                return Err(Refusal::EmailInUse.into());
            }
            let returned =
                credential.returned(after.email.clone(), Credential::UNUSABLE, invocation.version());
            let holding = Holding::TakenBack { given_up_at };
            let (teams, ending) = self.teams(&user, &returned, request, holding).await?;
            let returned = returned.without(ending.iter().map(|member| member.tenant_id));
            let answer = Moved::answer(&after);
            let mails = [
                Mail::vouched_reset(&returned, &after.email, invocation),
                Mail::email_changed(&user, &after, None, invocation),
            ];
            let moved = EmailMove {
                before: (&user, &credential),
                after: (&after, &returned),
                teams: &teams,
                ending: &ending,
                proof: None,
                mails: &mails,
                record: idempotency.record(&answer),
            };
            self.store.move_email(moved, invocation).await?;
            Ok(answer)
        };
        web::change(read, decide).await
    }

    /// The teams of an account that is about to have another address, which has to be free in each of them; and the
    /// memberships that end with it.
    async fn teams(
        &self,
        user: &User,
        moved: &Credential,
        request: &Request,
        holding: Holding,
    ) -> Result<(Vec<Team>, Vec<Member>), Failure> {
        let tenants: Vec<TenantId> = moved.current().collect();
        let teams = self.store.teams_of(user, &tenants, moved.email.canonical()).await?;
        // moved meanwhile, or by an earlier change that not all of many teams show yet
        if teams.iter().any(|team| team.member.email.canonical() != user.email.canonical()) {
            self.store.follow_email(user, request.invocation()).await?;
            return Err(Error::Changed(Fact::Member).into());
        }
        let ends = |team: &Team| match holding {
            Holding::Live => false,
            Holding::TakenBack { given_up_at } => team.member.ends_with_address(given_up_at),
        };
        let (ending, mut teams): (Vec<_>, Vec<_>) = teams.into_iter().partition(ends);
        // nothing gives way before it is known that all of it does
        let mut giving_way = Vec::new();
        for team in &mut teams {
            let tenant = team.member.tenant_id;
            match &team.holder {
                None => {}
                Some(held) if held.is_of(user.id) => {}
                // nobody has it: that was looked for before
                Some(held) if held.gives_way(None, request.now()) => {}
                Some(Invitee::Member { .. }) => return Err(Refusal::EmailInUse.into()),
                Some(Invitee::Invitation { invitation_id, expires_at, .. })
                    if request.now() < *expires_at =>
                {
                    let facts = (keys::invitation(tenant, *invitation_id), keys::tenant(tenant));
                    let (invitation, tenant) = self.store.load(facts).await?;
                    let is_closed = tenant.is_some_and(|tenant| tenant.status == TenantStatus::Closed);
                    let by = match holding {
                        // whom a closed team invited can't come, and must not keep its people from going on elsewhere
                        _ if is_closed => Actor::System,
                        Holding::TakenBack { .. } => Actor::User { id: user.id },
                        Holding::Live => return Err(Refusal::EmailInUse.into()),
                    };
                    giving_way.push((by, invitation));
                    team.holder = None;
                }
                // its seat is free, too
                Some(Invitee::Invitation { invitation_id, .. }) => {
                    self.store.expire_invitation(tenant, *invitation_id, request.invocation()).await?;
                }
            }
        }
        for (by, invitation) in giving_way {
            self.take_back(by, invitation, request).await?;
        }
        Ok((teams, ending.into_iter().map(|team| team.member).collect()))
    }

    /// Revokes an invitation of the address that somebody in that team is about to have.
    async fn take_back(
        &self,
        actor: Actor,
        invitation: Option<Invitation>,
        request: &Request,
    ) -> Result<(), Failure> {
        let pending = invitation.filter(|one| one.status == InvitationStatus::Pending);
        let before = pending.ok_or(Error::Changed(Fact::Invitation))?;
        let after = before.ended(InvitationStatus::Revoked, request.invocation().version());
        let (kind, subject) = (EventKind::InvitationRevoked, Subject::Invitation(after.id));
        let change = Change::new(request.invocation(), after.tenant_id, actor, kind, subject)
            .with("email", before.email.as_entered());
        Ok(self.store.end_invitation(&before, &after, true, change).await?)
    }
}

/// What comes of what is in the way of an address, or came with another one.
#[derive(Clone, Copy)]
enum Holding {
    /// An invitation that holds it stays, and the address is not to be had, unless the team is closed.
    Live,
    /// It gives way: whoever moved the account away may have made it. What the account was given since ends: it may have
    /// been given to them.
    TakenBack {
        /// When the address was given up.
        given_up_at: Timestamp,
    },
}

/// Takes the token out of a body; a text that was never one is answered as one that is over.
fn take_token(request: &Request, over: Refusal) -> Result<LinkToken, Failure> {
    let mut form = request.form()?;
    let token = new_password::take_token(&mut form, over)?;
    Ok(form.finish(|| token)?)
}
