use model::{EventKind, Mail, Password, Subject};
use password::Once;
use policy::Permission;
use web::views::TenantView;
use web::{Answer, Caller, Context, Outcome, Request};

use crate::AssignRole;

impl AssignRole {
    /// The owner closes the tenant: nobody can do anything in it any more, and for thirty days the operator can open it
    /// again. As for a transfer a session alone isn't enough, and they are told by mail, at
    /// the addresses that they gave up lately too.
    pub(crate) async fn close(&self, caller: Caller<'_>, request: &Request) -> Outcome {
        let mut form = request.form()?;
        let password = form.password("password", |password| self.passwords.bound(password));
        let password = form.finish(|| password)?;
        let (caller, once) = (caller.redacted(&"close")?, Once::default());
        let closed =
            caller.change(&self.store, (), |cx| self.close_with(cx, request, &password, &once)).await;
        self.passwords.settled(request, &once, closed).await
    }

    async fn close_with(
        &self,
        cx: Context<'_, ()>,
        request: &Request,
        password: &Password,
        once: &Once,
    ) -> Outcome {
        cx.may(Permission::TenantClose)?;
        let owner = &cx.member;
        self.prove(&cx, request, password, once).await?;
        let after = cx.tenant.closed(cx.invocation());
        let answer = Answer::ok(&TenantView::from(&after));
        let source = self.passwords.source(request);
        let change = cx.own_change(EventKind::TenantClosed, Subject::Tenant(after.id), &answer);
        let change = self.passwords.proven(change, &owner.email, &source);
        let notices = Mail::tenant_closed(owner, &cx.user, cx.invocation());
        self.store.close_tenant(&cx.tenant, &after, &notices, change).await?;
        Ok(answer)
    }
}
