use model::{EventKind, Member, Password, Refusal, Subject, UserId};
use password::Once;
use policy::{Denial, MemberStatus, Permission};
use serde::Serialize;
use store::keys;
use web::views::MemberView;
use web::{Answer, BadRequest, Caller, Context, NO_MEMBER_ID, Outcome, Request};

use crate::AssignRole;

/// Both as they are by now.
#[derive(Serialize)]
struct HandedOver<'a> {
    owner: MemberView<'a>,
    member: MemberView<'a>,
}

impl AssignRole {
    /// The owner makes an active member the owner, and becomes an admin (R2). A session alone isn't enough: who finds one
    /// open must not take the company.
    pub(crate) async fn hand_over(&self, caller: Caller<'_>, request: &Request) -> Outcome {
        let mut form = request.form()?;
        let to = form.required("to", |text| UserId::parse(text).ok_or(NO_MEMBER_ID));
        let password = form.password("password", |password| self.passwords.bound(password));
        let (to, password) = form.finish(|| to.zip(password))?;
        let caller = caller.redacted(&to)?;
        let (wants, once) = (keys::member(caller.tenant(), to), Once::default());
        let transferred =
            caller.change(&self.store, wants, |cx| self.transfer(cx, request, &password, &once)).await;
        self.passwords.settled(request, &once, transferred).await
    }

    async fn transfer(
        &self,
        cx: Context<'_, Option<Member>>,
        request: &Request,
        password: &Password,
        once: &Once,
    ) -> Outcome {
        cx.may(Permission::TenantTransfer)?;
        let from = &cx.member;
        let to = cx.target().map_err(|_| BadRequest::invalid("/to", NO_MEMBER_ID))?;
        if to.user_id == from.user_id {
            return Err(Refusal::Forbidden(Denial::TargetIsYourself).into());
        }
        if to.status != MemberStatus::Active {
            return Err(BadRequest::invalid("/to", "is suspended, reinstate them first").into());
        }
        self.prove(&cx, request, password, once).await?;
        let after = cx.tenant.transfer(from, to, cx.actor(), cx.invocation());
        // both reach every brand
        let behind = cx.behind(&self.store, [&after.old_owner, &after.new_owner]).await?;
        let view = |member| MemberView::whole(member, &behind);
        let answer =
            Answer::ok(&HandedOver { owner: view(&after.new_owner), member: view(&after.old_owner) });
        let change = cx
            .own_change(EventKind::TenantTransferred, Subject::Tenant(cx.tenant.id), &answer)
            .with("owner_before", from.user_id)
            .with("owner", to.user_id)
            // the list that the new owner's role replaces
            .with_some("permissions_before", to.permissions);
        let source = self.passwords.source(request);
        let change = self.passwords.proven(change, &from.email, &source);
        self.store.transfer_ownership(&cx.tenant, from, to, &after, change).await?;
        Ok(answer)
    }
}
