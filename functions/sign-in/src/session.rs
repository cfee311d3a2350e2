use serde::Serialize;
use store::{Listed, keys};
use web::views::{MembershipView, UserView};
use web::{Answer, Failure, Outcome, Request, live, next_cursor, page};

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
        let page = page(request, id.0, LIST)?;
        let (facts, listed) = tokio::join!(
            self.store.load((keys::session(id, &token.digest()), keys::user(id))),
            self.store.tenants_of(id, page),
        );
        let (session, user) = facts?;
        live(session, request.now())?;
        let user = user.ok_or_else(|| Failure::internal("a session without its user"))?;
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
        Ok(Answer::ok(&Me { user: UserView::from(&user), memberships, next_cursor }))
    }
}
