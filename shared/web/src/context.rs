use std::collections::BTreeSet;

use model::{
    Actor, EventKind, Invitation, Invocation, Member, Portal, Refusal, Sponsor, SponsorId, Sponsorship,
    Subject, Tenant, Timestamp, User, Version,
};
use policy::{BrandId, Brands, Denial, Grant, MemberStatus, Permission, Principal, Target, Visibility};
use store::{Change, Store, keys};

use crate::views::{ChangedMember, InvitationView, MemberView};
use crate::{Answer, Backdrop, BadRequest, Caller, Failure, Request, Shown};

/// Pending invitations that lose their sponsor, of those that end first.
#[derive(Default)]
pub struct Unsponsored {
    /// These.
    pub invitations: Vec<Invitation>,
    /// Whether the team has more pending ones than were looked at.
    pub more: bool,
}

/// Invitations that lose their sponsor and are named.
const NAMED: usize = 100;

/// One round of a request inside a tenant: who asks (the session holds, the membership is active), what was read, and
/// what an operation needs to decide, to write and to answer.
pub struct Context<'c, T> {
    pub(crate) caller: &'c Caller<'c>,
    /// Who asks, wherever they are a member.
    pub user: User,
    /// The member who asks: of the tenant, or of its portal.
    pub member: Member,
    /// The tenant.
    pub tenant: Tenant,
    /// The portal, where they are one of its members and none of the tenant (R8).
    pub(crate) portal: Option<Portal>,
    /// What else was wanted.
    pub found: T,
}

impl<T> Context<'_, T> {
    /// The invocation that this is.
    #[must_use]
    pub const fn invocation(&self) -> &Invocation {
        self.caller.request.invocation()
    }

    /// The request that it is a round of.
    #[must_use]
    pub const fn request(&self) -> &Request {
        self.caller.request
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
        match &self.portal {
            Some(portal) => portal.principal(&self.member, self.tenant.status),
            None => self.member.principal(self.tenant.status),
        }
    }

    /// Whether they aren't of the tenant, but of its portal (R8).
    #[must_use]
    pub const fn is_through_portal(&self) -> bool {
        self.portal.is_some()
    }

    /// Their own membership of the tenant.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for somebody of its portal, who has none.
    pub fn own_membership(&self) -> Result<&Member, Refusal> {
        if !self.is_through_portal() { Ok(&self.member) } else { Err(Refusal::NotFound) }
    }

    /// As an invitation names them whose sponsor they are.
    #[must_use]
    pub fn sponsor_id(&self) -> SponsorId {
        let portal = self.portal.as_ref().map(|portal| portal.tenant.id);
        SponsorId { user: self.member.user_id, portal }
    }

    /// As a sponsor.
    fn sponsor(&self) -> Sponsor {
        Sponsor { member: self.member.clone(), portal: self.portal.clone() }
    }

    /// Who asks, as an event and what they give name them.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let SponsorId { user: id, portal } = self.sponsor_id();
        match portal {
            Some(tenant) => Actor::Portal { id, tenant },
            None => Actor::User { id },
        }
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

    /// The same, of something that was given before: brands of it that were deleted since are nobody's to give. They are
    /// looked for only where it matters.
    ///
    /// # Errors
    /// As [`Context::may_give`]; when the table can't be read.
    pub async fn may_give_again(&self, store: &Store, grant: &Grant<'_>) -> Result<(), Failure> {
        match self.may_give(grant) {
            Err(Refusal::RoleNotGrantable(Denial::BrandsNotHeld)) => {
                let there = self.there(store, grant.brands).await?;
                Ok(self.may_give(&Grant { brands: &grant.brands.among(&there), ..*grant })?)
            }
            given => Ok(given?),
        }
    }

    /// Those of the brands that are there.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn there(&self, store: &Store, brands: &Brands) -> Result<BTreeSet<BrandId>, Failure> {
        let keys = brands.named().map(|brand| keys::brand(self.tenant.id, brand));
        let found = store.load(keys.collect::<Vec<_>>()).await?;
        Ok(found.into_iter().flatten().map(|brand| brand.id).collect())
    }

    /// Refuses when `If-Match` names another version.
    ///
    /// # Errors
    /// [`BadRequest::Stale`].
    pub fn if_match(&self, version: Version) -> Result<(), BadRequest> {
        self.caller.request.if_match(version)
    }

    /// What they are about to write: the one event, their authority (and their portal's, where they act through one) as it
    /// was read, and the record of `answer` where the request had an `Idempotency-Key`.
    #[must_use]
    pub fn change(&self, kind: EventKind, subject: Subject, answer: &Answer) -> Change<'_> {
        Change::new(self.invocation(), self.tenant.id, self.actor(), kind, subject)
            .by(&self.member)
            .through(self.portal.as_ref())
            .recorded(self.caller.idempotency.record(answer))
    }

    /// The same, of something that is written over what was read of their own membership anyway, or of who owns the tenant.
    #[must_use]
    pub fn own_change(&self, kind: EventKind, subject: Subject, answer: &Answer) -> Change<'static> {
        Change::new(self.invocation(), self.tenant.id, self.actor(), kind, subject)
            .recorded(self.caller.idempotency.record(answer))
    }

    /// What stands behind what they are about to be shown.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn behind<'s, S: Shown + 's>(
        &self,
        store: &Store,
        shown: impl IntoIterator<Item = &'s S>,
    ) -> Result<Backdrop, Failure> {
        Backdrop::read(store, self.tenant.id, self.visibility(), self.sponsor(), shown).await
    }

    /// The same, of something that rests on themselves and names these brands, which are there.
    #[must_use]
    pub fn behind_own(&self, brands: impl IntoIterator<Item = BrandId>) -> Backdrop {
        Backdrop::of(self.visibility(), brands, [self.sponsor()])
    }

    /// A member, as they see them: whole if it is themselves, or if they hold `members.assign`.
    #[must_use]
    pub fn view<'m>(&self, member: &'m Member, behind: &Backdrop) -> MemberView<'m> {
        if self.is(member) || self.may(Permission::MembersAssign).is_ok() {
            MemberView::whole(member, behind)
        } else {
            MemberView::colleague(member, behind)
        }
    }

    /// A member, as the answer.
    #[must_use]
    pub fn member(&self, member: &Member, behind: &Backdrop) -> Answer {
        Answer::ok(&self.view(member, behind)).versioned(member.authority)
    }

    /// A member whose rights are about to change, as the answer: with the invitations that lose their sponsor by it.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn changed_member(
        &self,
        store: &Store,
        before: &Member,
        after: &Member,
    ) -> Result<Answer, Failure> {
        let (behind, unsponsored) =
            tokio::try_join!(self.behind(store, [after]), self.unsponsored(store, before, after))?;
        let member = Some(self.view(after, &behind));
        Ok(Answer::ok(&ChangedMember::new(member, &unsponsored)).versioned(after.authority))
    }

    /// Pending invitations that rest on a member, and won't once they are as they will be. Nothing for somebody who may
    /// not see invitations. Looked for in the index, which may lag a moment: to be shown, nothing is decided by it.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn unsponsored(
        &self,
        store: &Store,
        before: &Member,
        after: &Member,
    ) -> Result<Unsponsored, Failure> {
        let could = before.principal(self.tenant.status).may(Permission::MembersInvite, None).is_ok();
        if !could || self.may(Permission::MembersInvite).is_err() {
            return Ok(Unsponsored::default());
        }
        let (mut pending, more) = store.pending_invitations(self.tenant.id, self.now()).await?;
        let after = Sponsor::from(after.clone());
        pending.retain(|invitation| invitation.sponsor_id() == Some(after.id()));
        let lost = |i: &Invitation, there: &BTreeSet<BrandId>| {
            i.sponsorship(Some(&after), there) != Sponsorship::Holds
        };
        pending.retain(|invitation| lost(invitation, &invitation.brands.named().collect()));
        // brands that are gone are nobody's to give: only they could still make a difference, and only to who is active
        if after.status() == MemberStatus::Active {
            let named = pending.iter().flat_map(|invitation| invitation.brands.named()).collect();
            let there = self.there(store, &named).await?;
            pending.retain(|invitation| lost(invitation, &there));
        }
        // so many that an answer with them can be kept
        let more = more || NAMED < pending.len();
        pending.truncate(NAMED);
        Ok(Unsponsored { invitations: pending, more })
    }

    /// An invitation, as they see it.
    #[must_use]
    pub fn view_invitation<'i>(&self, invitation: &'i Invitation, behind: &Backdrop) -> InvitationView<'i> {
        let whole = self.may(Permission::MembersAssign).is_ok();
        InvitationView::of(invitation, behind, whole, self.now())
    }

    /// An invitation, as the answer.
    #[must_use]
    pub fn invitation(&self, invitation: &Invitation, behind: &Backdrop) -> Answer {
        Answer::ok(&self.view_invitation(invitation, behind)).versioned(invitation.version)
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
