//! `POST /v1/tenants/{tenant}/invitations/{invitation}/resend`: sends an invitation again.
//!
//! For pending, expired and bounced ones: a new token, a new expiry, and every older link is dead. The admin who
//! resends vouches for the invitation from then on (R9).

use std::sync::Arc;

use lambda_http::http::Method;
use model::{
    Dice, EventKind, EventSubject, InvitationId, InvitationStatus, Limits, Mail, Permission, Refusal,
    Timestamp,
};
use runtime::{Environment, SettingError};
use store::{Resending, Store, Trace, keys};
use web::views::InvitationView;
use web::{Answer, Entrance, Function, Outcome, Request, until_settled};

/// The function.
pub struct Resend {
    store: Store,
    dice: Arc<dyn Dice>,
    limits: Limits,
}

impl Function for Resend {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self {
            store: Store::open(environment)?,
            dice: Arc::clone(&environment.dice),
            limits: environment.variables.limits()?,
        })
    }

    async fn handle(&self, request: &Request, now: Timestamp) -> Outcome {
        match (request.method(), request.segments().as_slice()) {
            (&Method::POST, ["v1", "tenants", tenant, "invitations", invitation, "resend"]) => {
                let entrance = Entrance::new(request, tenant, now)?;
                let id = InvitationId::parse(invitation).ok_or(Refusal::NotFound)?;
                request.no_body()?;
                until_settled(|| self.resend(&entrance, id, now)).await
            }
            _ => Err(Refusal::NotFound.into()),
        }
    }
}

impl Resend {
    async fn resend(&self, entrance: &Entrance<'_>, id: InvitationId, now: Timestamp) -> Outcome {
        let t = entrance.tenant();
        let inside = entrance.enter(&self.store, keys::invitation(t, id)).await?;
        if let Some(answer) = inside.replay.answer() {
            return Ok(answer);
        }
        let standing = inside.standing();
        standing.may(Permission::MembersInvite, None).map_err(Refusal::from)?;
        let before = inside.found.as_ref().ok_or(Refusal::NotFound)?;
        match before.status {
            InvitationStatus::Pending | InvitationStatus::Expired => {}
            InvitationStatus::Accepted => return Err(Refusal::AlreadyMember(before.accepted_by).into()),
            InvitationStatus::Revoked => {
                return Err(Refusal::InvitationRevoked("it was taken back, make a new one").into());
            }
            InvitationStatus::Declined => return Err(Refusal::InvitationDeclined.into()),
        }
        standing.may_give(&before.grant()).map_err(Refusal::RoleNotGrantable)?;
        let resends = self.limits.resends.count(before.resends, now, "resends of this invitation")?;
        self.limits.mails_by_tenant.count(inside.tenant.mails, now, "emails of this team")?;

        let dice = &*self.dice;
        let after = before.sent_again(Some(inside.member.user_id), resends, dice, now);
        let event = inside
            .event(dice, EventKind::InvitationResent, EventSubject::Invitation(id))
            .with("email", before.email.typed());
        let answer =
            Answer::ok(&InvitationView::of(&after, &standing.visibility(), now)).versioned(after.version);
        let record = entrance.idempotency.as_ref().map(|i| i.record(&answer, now));
        let mail = Mail::about(&after, dice, now);
        let again = Resending {
            before,
            after: &after,
            mail: &mail,
            tenant: &inside.tenant,
            admin: Some(inside.witness()),
        };
        let trace = Trace { event: &event, record: record.as_ref() };
        self.store.resend_invitation(again, &self.limits, trace).await?;
        Ok(answer)
    }
}
