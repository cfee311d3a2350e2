use model::{
    Actor, Administration, EventKind, Invitation, NewTenant, Refusal, Subject, Tenant, TenantId, Timestamp,
};
use policy::{Permission, TenantStatus};
use store::{Change, Outgoing};
use web::views::{List, PartnerView, TenantView};
use web::{Answer, Caller, Context, Outcome, Request, next_cursor, page};

use crate::Tenants;
use crate::sign_up::SignedUp;

/// A partner's tenant and who administers it, where they are there.
type Found = (Option<Tenant>, Option<Administration>);

impl Tenants {
    /// Sets a partner up: an organization whose owner is invited as one that signs up is, and that the tenant administers
    /// from then on. A partner has no partners of its own. The answer is the same whether or not the address has a user.
    pub(crate) async fn create_partner(&self, cx: Context<'_, ()>, new: &NewTenant) -> Outcome {
        cx.may(Permission::PartnersManage)?;
        if cx.tenant.portal.is_some() {
            return Err(
                Refusal::Conflict("a portal administers this team, it has no partners of its own").into()
            );
        }
        self.limits.invitations_by_inviter.count(cx.member.invites, cx.now(), "invitations")?;
        self.limits.mails_by_tenant.count(cx.tenant.mails, cx.now(), "emails of this team")?;

        let (invocation, founder) = (cx.invocation(), cx.member.user_id);
        let new = NewTenant { is_vouched: true, portal: Some(cx.tenant.id), ..new.clone() };
        let (partner, invitation) = Tenant::sign_up(new, &self.limits, invocation);
        let invitation = Invitation { invited_by: Some(founder), ..invitation };
        let administration = Administration::new(&partner, cx.tenant.id, invocation);
        let answer = Answer::accepted(&SignedUp { tenant: TenantView::from(&partner) });
        let subject = Subject::Tenant(partner.id);
        let change = cx
            .change(EventKind::PartnerCreated, subject, &answer)
            .with("name", &partner.name)
            .with("email", invitation.email.as_entered());
        let actor = Actor::Portal { id: founder, tenant: cx.tenant.id };
        let founding = Change::new(invocation, partner.id, actor, EventKind::TenantCreated, subject)
            .with("name", &partner.name)
            .with("email", invitation.email.as_entered())
            .with("portal", cx.tenant.id)
            .with("portal_name", &cx.tenant.name);
        let out = Outgoing::new(&invitation, &cx.tenant, &self.limits, invocation);
        self.store.create_partner(&out, (&partner, &administration), change, founding).await?;
        Ok(answer)
    }

    /// The partners of the tenant.
    pub(crate) async fn list_partners(&self, caller: &Caller<'_>, request: &Request) -> Outcome {
        let t = caller.tenant();
        let page = page(request, t.0, "partners")?;
        let cx = caller.read(&self.store, ()).await?;
        cx.may(Permission::PartnersManage)?;
        let listed = self.store.partners(t, page, request.now()).await?;
        Ok(Answer::ok(&List {
            items: listed.items.iter().map(|(tenant, since)| PartnerView::of(tenant, since)).collect(),
            next_cursor: next_cursor(listed.next, t.0, "partners"),
        }))
    }

    /// The portal lets go of a partner.
    pub(crate) async fn end_partner(&self, cx: Context<'_, Found>) -> Outcome {
        cx.may(Permission::PartnersManage)?;
        let actor = Actor::Portal { id: cx.member.user_id, tenant: cx.tenant.id };
        let (partner, administration) = administered(&cx.found, cx.tenant.id, cx.now())?;
        let answer = Answer::done();
        let (kind, subject) = (EventKind::PartnerEnded, Subject::Tenant(partner.id));
        let change = cx.change(kind, subject, &answer).with("name", &partner.name);
        let told = Change::new(cx.invocation(), partner.id, actor, kind, subject)
            .with("portal", cx.tenant.id)
            .with("portal_name", &cx.tenant.name);
        self.store.end_administration(administration, [change, told]).await?;
        Ok(answer)
    }

    /// The partner's owner does.
    pub(crate) async fn leave_portal(&self, cx: Context<'_, Option<Administration>>) -> Outcome {
        cx.may(Permission::TenantUpdate)?;
        let administration = cx.wanted()?;
        let answer = Answer::done();
        let (kind, subject) = (EventKind::PartnerEnded, Subject::Tenant(cx.tenant.id));
        let change = cx.change(kind, subject, &answer).with("portal", administration.portal);
        let actor = Actor::User { id: cx.member.user_id };
        let told = Change::new(cx.invocation(), administration.portal, actor, kind, subject)
            .with("name", &cx.tenant.name);
        self.store.end_administration(administration, [change, told]).await?;
        Ok(answer)
    }
}

/// A partner of this portal that somebody owns already: one that waits for its owner is gone by itself where nobody accepts.
fn administered(
    found: &Found,
    portal: TenantId,
    now: Timestamp,
) -> Result<(&Tenant, &Administration), Refusal> {
    let (Some(partner), Some(administration)) = found else { return Err(Refusal::NotFound) };
    if administration.portal != portal || partner.is_gone_at(now) {
        return Err(Refusal::NotFound);
    }
    if partner.status == TenantStatus::Pending {
        return Err(Refusal::Conflict(
            "the partner waits for its owner, and is gone by itself where nobody accepts in time",
        ));
    }
    Ok((partner, administration))
}
