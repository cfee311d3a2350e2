use model::{MemberStatus, Timestamp};
use serde::Serialize;
use store::keys;
use web::views::{MembershipView, UserView};
use web::{Answer, Failure, Outcome, Request, live};

use crate::SignIn;

#[derive(Serialize)]
struct Me<'a> {
    user: UserView<'a>,
    memberships: Vec<MembershipView<'a>>,
}

impl SignIn {
    /// Ends the session that asks.
    pub(crate) async fn close(&self, request: &Request, now: Timestamp) -> Outcome {
        let token = request.session_token()?;
        let session = self.store.load(keys::session(token.user(), &token.digest())).await?;
        self.store.close_session(&live(session, now)?).await?;
        Ok(Answer::done())
    }

    /// Who is signed in, and where they are members. Which tenants to look at comes from the index, which may lag
    /// behind a moment; what is shown of them is read from the table.
    pub(crate) async fn me(&self, request: &Request, now: Timestamp) -> Outcome {
        let token = request.session_token()?;
        let id = token.user();
        let (facts, tenants) = tokio::join!(
            self.store.load((keys::session(id, &token.digest()), keys::user(id))),
            self.store.tenants_of(id),
        );
        let (session, user) = facts?;
        live(session, now)?;
        let user = user.ok_or_else(|| Failure::Internal("a session without its user".to_owned()))?;
        let tenants = tenants?;
        let (members, tenants) = self
            .store
            .load((
                tenants.iter().map(|t| keys::member(*t, id)).collect::<Vec<_>>(),
                tenants.iter().map(|t| keys::tenant(*t)).collect::<Vec<_>>(),
            ))
            .await?;
        let pairs = members.iter().zip(&tenants).filter_map(|(m, t)| Some((m.as_ref()?, t.as_ref()?)));
        let memberships = pairs
            .filter(|(m, _)| m.status != MemberStatus::Revoked)
            .map(|(m, t)| MembershipView::of(m, t))
            .collect();
        Ok(Answer::ok(&Me { user: UserView::from(&user), memberships }))
    }
}
