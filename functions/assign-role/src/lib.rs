//! `PUT /v1/tenants/{tenant}/members/{user}/role`: gives a member another role.
//!
//! A permission list that replaced the old role's permissions goes with the old role; assigned brands stay.

use std::sync::Arc;

use lambda_http::http::Method;
use model::{Dice, EventKind, EventSubject, Member, Permission, Refusal, Role, Stamp, Timestamp, UserId};
use policy::{Grant, Target};
use runtime::{Environment, SettingError};
use serde::Deserialize;
use store::{MemberChange, SeatChange, Store, Trace, keys};
use web::views::MemberView;
use web::{Answer, Entrance, Form, Function, Outcome, Request, until_settled};

/// The function.
pub struct AssignRole {
    store: Store,
    dice: Arc<dyn Dice>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    role: Option<String>,
}

impl Body {
    fn parse(&self) -> Result<Role, Refusal> {
        let mut form = Form::new();
        let role = form.required("/role", self.role.as_deref(), str::parse);
        form.finish(role)
    }
}

impl Function for AssignRole {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        Ok(Self { store: Store::open(environment)?, dice: Arc::clone(&environment.dice) })
    }

    async fn handle(&self, request: &Request, now: Timestamp) -> Outcome {
        match (request.method(), request.segments().as_slice()) {
            (&Method::PUT, ["v1", "tenants", tenant, "members", user, "role"]) => {
                let entrance = Entrance::new(request, tenant, now)?;
                let user = UserId::parse(user).ok_or(Refusal::NotFound)?;
                let role = request.body::<Body>()?.parse()?;
                until_settled(|| self.assign(&entrance, request, user, role, now)).await
            }
            _ => Err(Refusal::NotFound.into()),
        }
    }
}

impl AssignRole {
    async fn assign(
        &self,
        entrance: &Entrance<'_>,
        request: &Request,
        user: UserId,
        role: Role,
        now: Timestamp,
    ) -> Outcome {
        let inside = entrance.enter(&self.store, keys::member(entrance.tenant(), user)).await?;
        let standing = inside.standing();
        standing.may(Permission::MembersAssign, None).map_err(Refusal::from)?;
        let before = inside.target()?;
        let target = Target { role: before.role, is_self: user == inside.member.user_id };
        standing.may_manage(target).map_err(Refusal::from)?;
        let grant = Grant { role, permissions: None, brands: &before.brands };
        standing.may_give(&grant).map_err(Refusal::RoleNotGrantable)?;
        request.if_match(before.authority)?;
        let seen = standing.visibility();
        if before.role == role {
            return Ok(Answer::ok(&MemberView::of(before, &seen)).versioned(before.authority));
        }
        let after =
            Member { role, permissions: None, authority: Stamp::new(&*self.dice, now), ..before.clone() };
        let event = inside
            .event(&*self.dice, EventKind::MemberRoleChanged, EventSubject::Member(user))
            .with("email", before.email.typed())
            .with("role_before", before.role)
            .with("role", role);
        let change = MemberChange {
            before,
            after: &after,
            assigned: &[],
            seats: SeatChange::Keeps,
            actor: inside.witness(),
        };
        self.store.change_member(change, Trace { event: &event, record: None }).await?;
        Ok(Answer::ok(&MemberView::of(&after, &seen)).versioned(after.authority))
    }
}
