use std::sync::Mutex;

use model::{Credential, EventKind, Member, Password, Refusal, Subject, UserId};
use policy::{Denial, MemberStatus, Permission};
use serde::Serialize;
use store::{Attempt, keys};
use web::views::MemberView;
use web::{Answer, BadRequest, Caller, Context, Failure, NO_MEMBER_ID, Outcome, Request};

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
        let password = form.password("password", |password| self.rules.bound(password));
        let (to, password) = form.finish(|| to.zip(password))?;
        let caller = caller.redacted(&to)?;
        let (wants, proven) = (keys::member(caller.tenant(), to), Mutex::new(None));
        caller.change(&self.store, wants, |cx| self.transfer(cx, request, &password, &proven)).await
    }

    async fn transfer(
        &self,
        cx: Context<'_, Option<Member>>,
        request: &Request,
        password: &Password,
        proven: &Mutex<Option<String>>,
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
        let credential = self.store.load(keys::credential(from.email.canonical())).await?;
        let credential = credential.filter(|credential| credential.user_id == from.user_id);
        let credential = credential.ok_or_else(|| Failure::internal("a member without their address"))?;
        self.prove(request, &credential, password, proven).await?;
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
        self.store.transfer_ownership(&cx.tenant, from, to, &after, change).await?;
        Ok(answer)
    }

    /// The password, tried once a request, however many rounds that takes.
    async fn prove(
        &self,
        request: &Request,
        credential: &Credential,
        password: &Password,
        proven: &Mutex<Option<String>>,
    ) -> Result<(), Failure> {
        let stored = &credential.password_hash;
        let known = || proven.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if known().as_ref() == Some(stored) {
            return Ok(());
        }
        let source = self.sources.source(request.source_ip());
        let attempt = Attempt { email: credential.email.canonical(), source: &source };
        let verify = || self.hasher.verify(password, Some(stored));
        let tried = self.store.try_password(attempt, &self.limits, request.now(), verify).await?;
        if !tried.map_err(Failure::internal)? {
            return Err(BadRequest::invalid("/password", "is not your password").into());
        }
        *known() = Some(stored.clone());
        Ok(())
    }
}
