//! `PUT /v1/tenants/{tenant}/members/{user}/role`: gives a member another role.
//!
//! A permission list that replaced the old role's permissions goes with the old role; assigned brands stay.

use model::{EventKind, Member, Refusal, Subject};
use policy::{Grant, Permission, Role};
use runtime::{Environment, SettingError};
use store::{Store, keys};
use web::{BadRequest, Caller, Context, Function, Outcome, Request, Route};

/// The function.
pub struct AssignRole {
    store: Store,
}

impl Function for AssignRole {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self { store: Store::open(environment)? })
    }

    async fn handle(&self, request: &Request) -> Outcome {
        let caller = Caller::of(request)?;
        match request.route()? {
            Route::AssignRole => {
                let (user, role) = (request.user()?, parse(request)?);
                let wants = keys::member(caller.tenant(), user);
                caller.change(&self.store, wants, |cx| self.assign(cx, role)).await
            }
            _ => Err(Refusal::NotFound.into()),
        }
    }
}

fn parse(request: &Request) -> Result<Role, BadRequest> {
    let mut form = request.form()?;
    let role = form.required("role", str::parse);
    form.finish(|| role)
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
        let after = before.with_role(role, cx.version());
        let answer = cx.changed_member(&self.store, before, &after).await?;
        let change = cx
            .change(EventKind::MemberRoleChanged, Subject::Member(after.user_id), &answer)
            .with("email", before.email.as_entered())
            .with("role_before", before.role)
            .with("role", role);
        // the list that goes with the old role
        let change = match before.permissions {
            Some(list) => change.with("permissions_before", list),
            None => change,
        };
        self.store.set_role(before, &after, change).await?;
        Ok(answer)
    }
}
