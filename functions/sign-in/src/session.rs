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
    pub(crate) async fn sign_out(&self, request: &Request) -> Outcome {
        let token = request.session_token()?;
        let session = self.store.load(keys::session(token.user(), &token.digest())).await?;
        self.store.close_session(&live(session, request.now())?).await?;
        Ok(Answer::done())
    }

    /// Who is signed in, and where they are members. Which tenants to look at comes from the index, which may lag
    /// a moment; what is shown of them is read from the table.
    pub(crate) async fn me(&self, request: &Request) -> Outcome {
        let token = request.session_token()?;
        let id = token.user();
        let (facts, tenants) = tokio::join!(
            self.store.load((keys::session(id, &token.digest()), keys::user(id))),
            self.store.tenants_of(id),
        );
        let (session, user) = facts?;
        live(session, request.now())?;
        let user = user.ok_or_else(|| Failure::internal("a session without its user"))?;
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
            .filter(|(member, _)| !member.is_revoked())
            .map(|(member, tenant)| MembershipView::of(member, tenant))
            .collect();
        Ok(Answer::ok(&Me { user: UserView::from(&user), memberships }))
    }
}
