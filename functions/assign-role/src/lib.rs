//! What a member may do, and who owns the tenant.
//!
//! * `PUT /v1/tenants/{tenant}/members/{user}/role`: another role. A permission list that replaced the old role's
//!   permissions goes with it; assigned brands stay
//! * `PUT …/members/{user}/permissions`: a list that replaces the role's permissions (R4, R5); `DELETE`: those again
//! * `POST /v1/tenants/{tenant}/transfer`: the owner hands the tenant over, with their password, and becomes an admin (R2)

mod transfer;

use model::{EventKind, Limits, Member, Refusal, SourceKey, Subject};
use password::{Hasher, Rules};
use policy::{Grant, Permission, Permissions, Role};
use runtime::{Environment, SettingError};
use store::{Store, keys};
use web::{BadRequest, Caller, Context, Function, Outcome, Request, Route};

/// The function.
pub struct AssignRole {
    store: Store,
    limits: Limits,
    sources: SourceKey,
    hasher: Hasher,
    rules: Rules,
}

impl Function for AssignRole {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self {
            store: Store::open(environment)?,
            limits: environment.variables.limits()?,
            sources: environment.variables.source_key()?,
            hasher: Hasher::default(),
            rules: Rules::read(&environment.variables)?,
        })
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
