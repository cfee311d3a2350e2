use std::collections::BTreeSet;

use model::{Digest, Locale, Member, NewProfile, PersonName, Phone, Refusal, SessionId, TenantId, User};
use serde::Serialize;
use store::{Listed, ProfileChange, Want, keys};
use web::views::{List, MembershipView, OpenSessionView, UserView};
use web::{Answer, Failure, Outcome, Request, live, next_cursor, page, renewed, until_settled};

use crate::SignIn;
use crate::open::{pairs, shown};

#[derive(Serialize)]
struct Me<'a> {
    user: UserView<'a>,
    memberships: Vec<MembershipView<'a>>,
    next_cursor: Option<String>,
}

/// What the cursors of a user's memberships are good for, those that a sign-in answers too.
pub(crate) const LIST: &str = "memberships";

/// Who asks, in which of their sessions.
pub(crate) struct SignedIn {
    pub(crate) user: User,
    pub(crate) digest: Digest,
}

impl SignIn {
    /// Who asks, and what else is wanted, in one trip.
    pub(crate) async fn signed_in<W: Want>(
        &self,
        request: &Request,
        wants: W,
    ) -> Result<(SignedIn, W::Found), Failure> {
        let token = request.session_token()?;
        let (user, found) = self.store.load((keys::user(token.user()), wants)).await?;
        let user = live(&self.store, user, &token.digest(), request.now()).await?;
        Ok((SignedIn { user, digest: token.digest() }, found))
    }

    /// Ends the session that asks.
    pub(crate) async fn sign_out(&self, request: &Request) -> Outcome {
        let (me, ()) = self.signed_in(request, ()).await?;
        self.store.close_session(me.user.id, &me.digest).await?;
        Ok(Answer::done())
    }

    /// Who is signed in, and where they are members. Which tenants to look at comes from the index, which may lag
    /// a moment; what is shown of them is read from the table.
    pub(crate) async fn me(&self, request: &Request) -> Outcome {
        let id = request.session_token()?.user();
        let page = page(request, id.0, LIST)?;
        let (me, listed) = tokio::join!(self.signed_in(request, ()), self.store.tenants_of(id, page));
        let (SignedIn { user, .. }, ()) = me?;
        let Listed { items: tenants, next } = listed?;
        let (members, tenants) = self
            .store
            .load((
                tenants.iter().map(|t| keys::member(*t, id)).collect::<Vec<_>>(),
                tenants.iter().map(|t| keys::tenant(*t)).collect::<Vec<_>>(),
            ))
            .await?;
        let pairs = pairs((members, tenants));
        let brands = self.brands_of(&pairs).await?;
        let memberships = shown(&pairs, &brands);
        let next_cursor = next_cursor(next, id.0, LIST);
        let answer = Answer::ok(&Me { user: UserView::from(&user), memberships, next_cursor });
        Ok(match user.version {
            Some(version) => answer.versioned(version),
            None => answer,
        })
    }

    /// The sessions that hold, the newest first.
    pub(crate) async fn sessions(&self, request: &Request) -> Outcome {
        let (me, ()) = self.signed_in(request, ()).await?;
        let mut held: Vec<_> =
            me.user.sessions.iter().filter(|(_, session)| session.holds(request.now())).collect();
        held.sort_by_key(|(_, session)| std::cmp::Reverse(session.id));
        let items = held.iter().map(|(digest, session)| OpenSessionView::of(session, **digest == me.digest));
        Ok(Answer::ok(&List { items: items.collect(), next_cursor: None }))
    }

    /// Ends one session, wherever it is.
    pub(crate) async fn end_session(&self, request: &Request) -> Outcome {
        let (me, ()) = self.signed_in(request, ()).await?;
        let id = SessionId::parse(request.parameter("session")?).ok_or(Refusal::NotFound)?;
        let held = me.user.sessions.iter().find(|(_, s)| s.id == id && s.holds(request.now()));
        let (digest, _) = held.ok_or(Refusal::NotFound)?;
        self.store.close_session(me.user.id, digest).await?;
        Ok(Answer::done())
    }

    /// Ends every session, the one that asks too.
    pub(crate) async fn end_sessions(&self, request: &Request) -> Outcome {
        let (me, ()) = self.signed_in(request, ()).await?;
        self.store.close_sessions(me.user.id).await?;
        Ok(Answer::done())
    }

    /// Changes the profile, here and in every team: names and number are shown there.
    pub(crate) async fn change_profile(&self, request: &Request) -> Outcome {
        request.session_token()?;
        let mut form = request.form()?;
        let profile = NewProfile {
            first_name: form.optional("first_name", PersonName::parse),
            last_name: form.optional("last_name", PersonName::parse),
            phone: form.nullable("phone", Phone::parse),
            locale: form.nullable("locale", Locale::parse),
        };
        let profile = &form.finish(|| Some(profile))?;
        until_settled(|| async move {
            let (me, ()) = self.signed_in(request, ()).await?;
            let before = renewed(&self.store, me.user, request.invocation()).await?;
            if let Some(version) = before.version {
                request.if_match(version)?;
            }
            let after = before.with(profile, request.invocation().version());
            let credential = self.store.load(keys::credential(before.email.canonical())).await?;
            // an address that the operator released may be somebody else's by now
            let credential = credential.filter(|credential| credential.user_id == before.id);
            let current: BTreeSet<TenantId> =
                credential.iter().flat_map(model::Credential::current).collect();
            let members: Vec<_> = current.iter().map(|t| keys::member(*t, before.id)).collect();
            let tenants: Vec<_> = current.into_iter().map(keys::tenant).collect();
            let teams = pairs(self.store.load((members, tenants)).await?).into_iter();
            // R7: whoever is suspended changes nothing there
            let teams = teams.filter(|(member, tenant)| member.is_of_use(tenant));
            let members: Vec<Member> = teams.map(|(member, _)| member).collect();
            let change = ProfileChange {
                before: &before,
                after: &after,
                profile,
                credential: credential.as_ref(),
                members: &members,
            };
            self.store.change_profile(change, &self.limits, request.invocation()).await?;
            let answer = Answer::ok(&UserView::from(&after));
            Ok(match after.version {
                Some(version) => answer.versioned(version),
                None => answer,
            })
        })
        .await
    }
}
