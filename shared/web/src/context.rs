use model::{Actor, EventKind, Invitation, Invocation, Member, Refusal, Subject, Tenant, Timestamp, Version};
use policy::{BrandId, Denial, Grant, Permission, Principal, Target, Visibility};
use store::Change;

use crate::views::{InvitationView, MemberView};
use crate::{Answer, BadRequest, Caller};

/// One round of a request inside a tenant: who asks (the session holds, the membership is active), what was read, and
/// what an operation needs to decide, to write and to answer.
pub struct Context<'c, T> {
    pub(crate) caller: &'c Caller<'c>,
    /// The member who asks.
    pub member: Member,
    /// The tenant.
    pub tenant: Tenant,
    /// What else was wanted.
    pub found: T,
}

impl<T> Context<'_, T> {
    /// The invocation that this is.
    #[must_use]
    pub const fn invocation(&self) -> &Invocation {
        self.caller.request.invocation()
    }

    /// When it is.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.caller.request.now()
    }

    /// A fresh version, for what is about to change.
    #[must_use]
    pub fn version(&self) -> Version {
        self.invocation().version()
    }

    /// What the policy knows of who asks.
    #[must_use]
    pub const fn principal(&self) -> Principal<'_> {
        self.member.principal(self.tenant.status)
    }

    /// What of the tenant's brands they see.
    #[must_use]
    pub fn visibility(&self) -> Visibility {
        self.principal().visibility()
    }

    /// May they use this permission?
    ///
    /// # Errors
    /// Why not.
    pub fn may(&self, permission: Permission) -> Result<(), Denial> {
        self.principal().may(permission, None)
    }

    /// May they use this permission on this brand?
    ///
    /// # Errors
    /// Why not.
    pub fn may_on(&self, permission: Permission, brand: BrandId) -> Result<(), Denial> {
        self.principal().may(permission, Some(brand))
    }

    /// May they change, suspend or remove this member?
    ///
    /// # Errors
    /// Why not.
    pub fn may_manage(&self, member: &Member) -> Result<(), Denial> {
        self.principal().may_manage(Target { role: member.role, is_self: self.is(member) })
    }

    fn is(&self, member: &Member) -> bool {
        member.user_id == self.member.user_id
    }

    /// May they hand this out?
    ///
    /// # Errors
    /// [`Refusal::RoleNotGrantable`].
    pub fn may_give(&self, grant: &Grant<'_>) -> Result<(), Refusal> {
        self.principal().may_give(grant).map_err(Refusal::RoleNotGrantable)
    }

    /// Refuses when `If-Match` names another version.
    ///
    /// # Errors
    /// [`BadRequest::Stale`].
    pub fn if_match(&self, version: Version) -> Result<(), BadRequest> {
        self.caller.request.if_match(version)
    }

    /// What they are about to write: the one event, their authority as it was read, and the record of `answer` where
    /// the request had an `Idempotency-Key`.
    #[must_use]
    pub fn change(&self, kind: EventKind, subject: Subject, answer: &Answer) -> Change<'_> {
        let actor = Actor::User { id: self.member.user_id };
        Change::new(self.invocation(), self.tenant.id, actor, kind, subject)
            .by(&self.member)
            .recorded(self.caller.idempotency.record(answer))
    }

    /// A member, as they see them: whole if it is themselves, or if they hold `members.assign`. `seen` is their own
    /// [`Context::visibility`], asked for once however many members are shown.
    #[must_use]
    pub fn view<'m>(&self, member: &'m Member, seen: &Visibility) -> MemberView<'m> {
        if self.is(member) || self.may(Permission::MembersAssign).is_ok() {
            MemberView::whole(member, seen)
        } else {
            MemberView::colleague(member, seen)
        }
    }

    /// A member, as the answer.
    #[must_use]
    pub fn member(&self, member: &Member) -> Answer {
        Answer::ok(&self.view(member, &self.visibility())).versioned(member.authority)
    }

    /// An invitation, as they see it.
    #[must_use]
    pub fn invitation(&self, invitation: &Invitation) -> Answer {
        let view = InvitationView::of(invitation, &self.visibility(), self.now());
        Answer::ok(&view).versioned(invitation.version)
    }
}

impl<T> Context<'_, Option<T>> {
    /// What was wanted, if it is there.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub fn wanted(&self) -> Result<&T, Refusal> {
        self.found.as_ref().ok_or(Refusal::NotFound)
    }
}

impl Context<'_, Option<Member>> {
    /// The member who was wanted, as long as the membership isn't over.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub fn target(&self) -> Result<&Member, Refusal> {
        current(self.found.as_ref())
    }
}

/// A member whose membership isn't over.
///
/// # Errors
/// [`Refusal::NotFound`].
pub fn current(member: Option<&Member>) -> Result<&Member, Refusal> {
    member.filter(|member| !member.is_revoked()).ok_or(Refusal::NotFound)
}
