use policy::{Brands, Grant, Permission, Permissions, Role};
use serde::Serialize;
use web::views::List;
use web::{Answer, Caller, Outcome};

use crate::Browse;

/// A role, as somebody who may give it needs to know it.
#[derive(Serialize)]
struct RoleView {
    role: Role,
    description: &'static str,
    permissions: Permissions,
    every_brand: bool,
    grantable: bool,
}

impl Browse {
    /// The roles that there are, the highest first, and which of them the asker may give to somebody without brands.
    pub(crate) async fn roles(&self, caller: &Caller<'_>) -> Outcome {
        let cx = caller.read(&self.store, ()).await?;
        cx.may(Permission::TenantRead)?;
        let gives = [Permission::MembersInvite, Permission::MembersAssign];
        let gives = gives.into_iter().any(|permission| cx.may(permission).is_ok());
        let view = |role: Role| RoleView {
            role,
            description: role.description(),
            permissions: role.permissions(),
            every_brand: role.reaches_every_brand(),
            grantable: gives
                && cx.may_give(&Grant { role, permissions: None, brands: &Brands::none() }).is_ok(),
        };
        let items = Role::ALL.iter().copied().map(view).collect();
        Ok(Answer::ok(&List { items, next_cursor: None }))
    }
}
