use model::{EventKind, Mail, Password, Subject};
use password::Proven;
use policy::Permission;
use store::keys;
use web::views::TenantView;
use web::{Answer, BadRequest, Caller, Context, Failure, Outcome, Request};

use crate::AssignRole;

impl AssignRole {
    /// The owner closes the tenant: nobody can do anything in it any more, and for thirty days the operator can open it
    /// again. As for a transfer a session alone isn't enough, and they are told by mail.
    pub(crate) async fn close(&self, caller: Caller<'_>, request: &Request) -> Outcome {
        let mut form = request.form()?;
        let password = form.password("password", |password| self.passwords.bound(password));
        let password = form.finish(|| password)?;
        let (caller, proven) = (caller.redacted(&"close")?, Proven::default());
        caller.change(&self.store, (), |cx| self.close_with(cx, request, &password, &proven)).await
    }

    async fn close_with(
        &self,
        cx: Context<'_, ()>,
        request: &Request,
        password: &Password,
        proven: &Proven,
    ) -> Outcome {
        cx.may(Permission::TenantClose)?;
        let owner = &cx.member;
        let credential = self.store.load(keys::credential(owner.email.canonical())).await?;
        let credential = credential.filter(|credential| credential.user_id == owner.user_id);
        let credential = credential.ok_or_else(|| Failure::internal("a member without their address"))?;
        if !self.passwords.prove(request, &credential, password, proven).await? {
            return Err(BadRequest::invalid("/password", "is not your password").into());
        }
        let after = cx.tenant.closed(cx.invocation());
        let answer = Answer::ok(&TenantView::from(&after));
        let change = cx.own_change(EventKind::TenantClosed, Subject::Tenant(after.id), &answer);
        let notice = Mail::tenant_closed(owner, cx.invocation());
        self.store.close_tenant(&cx.tenant, &after, &notice, change).await?;
        Ok(answer)
    }
}
