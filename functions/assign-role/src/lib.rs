//! What a member may do, and who owns the tenant.
//!
//! * `PUT /v1/tenants/{tenant}/members/{user}/role`: another role. A permission list that replaced the old role's
//!   permissions goes with it; assigned brands stay
//! * `PUT …/members/{user}/permissions`: a list that replaces the role's permissions (R4, R5); `DELETE`: those again
//! * `POST /v1/tenants/{tenant}/transfer`: the owner hands the tenant over, with their password, and becomes an admin (R2)
//! * `POST /v1/tenants/{tenant}/close`: the owner closes it, with their password: from the next request on nobody is in (R7)

mod close;
mod transfer;

use model::{EventKind, Member, Password, Refusal, Subject};
use password::{Once, Passwords};
use policy::{Grant, Permission, Permissions, Role};
use runtime::{Environment, SettingError};
use store::{Store, keys};
use web::{BadRequest, Caller, Context, Failure, Function, Outcome, Request, Route};

/// The function.
pub struct AssignRole {
    store: Store,
    passwords: Passwords,
}

impl Function for AssignRole {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self { store: Store::open(environment)?, passwords: Passwords::open(environment)? })
    }

    async fn handle(&self, request: &Request) -> Outcome {
        let caller = Caller::of(request)?;
        let store = &self.store;
        let target = || Ok::<_, Refusal>(keys::member(caller.tenant(), request.user()?));
        match request.route()? {
            Route::AssignRole => {
                let (wants, role) = (target()?, role(request)?);
                caller.change(store, wants, |cx| self.assign(cx, role)).await
            }
            Route::AssignPermissions => {
                let (wants, list) = (target()?, list(request)?);
                caller.change(store, wants, |cx| self.permit(cx, Some(list))).await
            }
            Route::RestorePermissions => {
                let wants = target()?;
                caller.change(store, wants, |cx| self.permit(cx, None)).await
            }
            Route::TransferOwnership => self.hand_over(caller, request).await,
            Route::CloseTenant => self.close(caller, request).await,
            _ => Err(Refusal::NotFound.into()),
        }
    }
}

fn role(request: &Request) -> Result<Role, BadRequest> {
    let mut form = request.form()?;
    let role = form.required("role", str::parse);
    form.finish(|| role)
}

fn list(request: &Request) -> Result<Permissions, BadRequest> {
    let mut form = request.form()?;
    let list = form.list("permissions", Permission::ALL.len(), str::parse);
    if list.is_none() {
        form.missing("permissions");
    }
    form.finish(|| list.map(Permissions::from_iter))
}

impl AssignRole {
    /// The owner's password: who finds a session open must not take the company, nor close it.
    async fn prove<T>(
        &self,
        cx: &Context<'_, T>,
        request: &Request,
        password: &Password,
        once: &Once,
    ) -> Result<(), Failure> {
        let credential = self.store.load(keys::credential(cx.member.email.canonical())).await?;
        let credential = credential.filter(|credential| credential.user_id == cx.member.user_id);
        // their address is another one by now, which this team shows in a moment
        let moving = Refusal::Conflict("your address is being changed, try again in a moment");
        if !self.passwords.prove(request, &credential.ok_or(moving)?, password, once).await? {
            return Err(BadRequest::invalid("/password", "is not your password").into());
        }
        Ok(())
    }

    async fn assign(&self, cx: Context<'_, Option<Member>>, role: Role) -> Outcome {
        cx.may(Permission::MembersAssign)?;
        let before = cx.target()?;
        cx.may_manage(before)?;
        cx.may_give_again(&self.store, &Grant { role, permissions: None, brands: &before.brands }).await?;
        cx.if_match(before.authority)?;
        if before.role == role {
            return Ok(cx.member(before, &cx.behind(&self.store, [before]).await?));
        }
        let after = before.with_role(role, cx.actor(), cx.invocation());
        let answer = cx.changed_member(&self.store, before, &after).await?;
        let change = cx
            .change(EventKind::MemberRoleChanged, Subject::Member(after.user_id), &answer)
            .with("email", before.email.as_entered())
            .with("role_before", before.role)
            .with("role", role)
            // the list that goes with the old role
            .with_some("permissions_before", before.permissions);
        self.store.set_access(before, &after, change).await?;
        Ok(answer)
    }

    /// A list that replaces the role's permissions, or none. Either is given: a list that was shorter than the role's hands
    /// out what it had left out when it goes.
    async fn permit(&self, cx: Context<'_, Option<Member>>, list: Option<Permissions>) -> Outcome {
        cx.may(Permission::MembersPermit)?;
        let before = cx.target()?;
        cx.may_manage(before)?;
        cx.may_give_again(&self.store, &Grant { permissions: list, ..before.grant() }).await?;
        cx.if_match(before.authority)?;
        if before.permissions == list {
            return Ok(cx.member(before, &cx.behind(&self.store, [before]).await?));
        }
        let after = before.with_permissions(list, cx.actor(), cx.invocation());
        let answer = cx.changed_member(&self.store, before, &after).await?;
        let change = cx
            .change(EventKind::MemberPermissionsChanged, Subject::Member(after.user_id), &answer)
            .with("email", before.email.as_entered())
            .with_some("permissions_before", before.permissions)
            .with_some("permissions", list);
        self.store.set_access(before, &after, change).await?;
        Ok(answer)
    }
}
