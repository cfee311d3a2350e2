//! `POST /v1/tenants/{tenant}/invitations/{invitation}/resend`: sends an invitation again.
//!
//! For pending, expired and bounced ones: a new token, a new expiry, and every older link is dead. The admin who
//! resends is the invitation's sponsor from then on (R9).

use model::{EventKind, Invitation, InvitationStatus, Limits, Refusal, Subject};
use policy::Permission;
use runtime::{Environment, SettingError};
use store::{Outgoing, Store, keys};
use web::{Caller, Context, Function, Outcome, Request, Route, admission};

/// The function.
pub struct Resend {
    store: Store,
    limits: Limits,
}

impl Function for Resend {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self { store: Store::open(environment)?, limits: environment.variables.limits()? })
    }

    async fn handle(&self, request: &Request) -> Outcome {
        let caller = Caller::of(request)?;
        match request.route()? {
            Route::ResendInvitation => {
                let wants = keys::invitation(caller.tenant(), request.invitation()?);
                request.no_body()?;
                caller.change(&self.store, wants, |cx| self.resend(cx)).await
            }
            _ => Err(Refusal::NotFound.into()),
        }
    }
}

impl Resend {
    async fn resend(&self, cx: Context<'_, Option<Invitation>>) -> Outcome {
        cx.may(Permission::MembersInvite)?;
        let (tenant, invocation) = (&cx.tenant, cx.invocation());
        let before = cx.wanted()?;
        match before.status {
            InvitationStatus::Pending | InvitationStatus::Expired => {}
            InvitationStatus::Accepted => return Err(Refusal::AlreadyMember(before.accepted_by).into()),
            InvitationStatus::Revoked => {
                return Err(Refusal::InvitationRevoked("it was taken back, make a new one").into());
            }
            InvitationStatus::Declined => return Err(Refusal::InvitationDeclined.into()),
        }
        cx.may_give_again(&self.store, &before.grant()).await?;
        let resends = self.limits.resends.count(before.resends, cx.now(), "resends of this invitation")?;
        self.limits.mails_by_tenant.count(tenant.mails, cx.now(), "emails of this team")?;
        admission::again(&self.store, tenant, before, cx.request()).await?;

        let after = before.sent_again(Some(cx.sponsor_id()), resends, invocation);
        let answer = cx.invitation(&after, &cx.behind(&self.store, [&after]).await?);
        let change = cx
            .change(EventKind::InvitationResent, Subject::Invitation(after.id), &answer)
            .with("email", before.email.as_entered());
        let out = Outgoing::new(&after, tenant, &self.limits, invocation);
        self.store.resend_invitation(before, &out, change).await?;
        Ok(answer)
    }
}
