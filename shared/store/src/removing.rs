//! Removing a closed tenant, a stretch at a time. What went stays gone, so that whoever was stopped goes on from there: first
//! the invitations, so that nobody joins; then the members, so that nobody leaves; then the trail, which nobody writes any
//! more; the tenant itself last.

use std::collections::BTreeSet;

use model::{
    Brand, Credential, Decision, Event, Invitation, InvitationStatus, Member, Review, Tenant, TenantId, User,
    Version,
};

use crate::error::{Error, Fact};
use crate::expression::Expression;
use crate::transaction::Transaction;
use crate::{Key, Store, keys};

impl Transaction<'_> {
    /// Removes all of these; nothing of none.
    async fn remove_all<E>(self, all: impl IntoIterator<Item = Key<E>>) -> Result<(), Error> {
        let removed = all.into_iter().fold(self, |transaction, key| transaction.remove(&key));
        if removed.is_empty() { Ok(()) } else { removed.commit().await }
    }
}

impl Store {
    /// Marks a closed tenant: from here on nobody opens it again, and nothing is written into its trail by the operator. An
    /// import of it ends here.
    ///
    /// # Errors
    /// [`Error::Changed`] when the tenant changed.
    pub async fn begin_removal(&self, before: &Tenant, after: &Tenant) -> Result<(), Error> {
        let marked = self.transaction().tenant(before, after);
        let marked = match before.import_began_at {
            Some(_) => marked.remove(&keys::import(after.id)),
            None => marked,
        };
        marked.commit().await
    }

    /// Removes invitations, and what holds their addresses, unless that is a member: fifty at most.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn remove_invitations(
        &self,
        tenant: TenantId,
        invitations: &[Invitation],
    ) -> Result<(), Error> {
        let hold = invitations.iter().filter(|one| one.status != InvitationStatus::Accepted);
        // several may be of one address, and an item is removed once
        let emails: BTreeSet<&str> = hold.map(|one| one.email.canonical()).collect();
        let free = emails
            .into_iter()
            .fold(self.transaction(), |transaction, email| transaction.remove(&keys::invitee(tenant, email)));
        free.remove_all(invitations.iter().map(|one| keys::invitation(tenant, one.id))).await
    }

    /// Removes brands: a hundred at most.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn remove_brands(&self, tenant: TenantId, brands: &[Brand]) -> Result<(), Error> {
        self.transaction().remove_all(brands.iter().map(|brand| keys::brand(tenant, brand.id))).await
    }

    /// Removes decisions of a review, and with the `last` of them the review: fifty at most.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn remove_decisions(
        &self,
        review: &Review,
        decisions: &[Decision],
        last: bool,
    ) -> Result<(), Error> {
        let mut removed = self.transaction();
        if last {
            let tenant = review.tenant_id;
            removed = removed.remove(&keys::review(tenant, review.id)).remove(&keys::open_review(tenant));
        }
        removed.remove_all(decisions.iter().map(|one| keys::decision(review.id, one.user_id))).await
    }

    /// Removes events: a hundred at most.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn remove_events(&self, tenant: TenantId, events: &[Event]) -> Result<(), Error> {
        let keys = events.iter().map(|event| keys::event(tenant, event.at, event.id));
        self.transaction().remove_all(keys).await
    }

    /// Removes a member, whose address forgets the tenant. A person who is known in no other one goes with it, with every
    /// session that they have. `credential` is their address, if it is still theirs; `is_known` whether they are a member of
    /// another tenant, where it isn't.
    ///
    /// # Errors
    /// [`Error::Changed`] when the address was used meanwhile: read again.
    pub async fn remove_member(
        &self,
        member: &Member,
        (user, is_known): (Option<&User>, bool),
        credential: Option<&Credential>,
        version: Version,
    ) -> Result<(), Error> {
        let tenant = member.tenant_id;
        // who has another address meanwhile is looked at again
        let as_read = Expression::default().when_authority(member.authority);
        let mut removed = self
            .transaction()
            .delete(Fact::Member, &keys::member(tenant, member.user_id), as_read)
            .remove(&keys::invitee(tenant, member.email.canonical()));
        let Some(user) = user else { return removed.commit().await };
        let key_of_user = keys::user(user.id);
        let Some(credential) = credential else {
            let removed = if is_known { removed } else { removed.remove(&key_of_user) };
            return removed.commit().await;
        };
        if credential.email.canonical() != member.email.canonical() {
            // a team that doesn't show it yet holds the new address already
            removed = removed.remove(&keys::invitee(tenant, credential.email.canonical()));
        }
        let key = keys::credential(credential.email.canonical());
        let unchanged = Expression::default().when_version(credential.version);
        let removed = if credential.is_known_beside(tenant) {
            let left = unchanged.remove(&format!("tenants.{tenant}")).set("version", &version);
            removed.update(Fact::Credential, &key, left)
        } else {
            removed.delete(Fact::Credential, &key, unchanged).remove(&key_of_user)
        };
        removed.commit().await
    }

    /// Removes the tenant itself, once there is nothing left in it.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn remove_tenant(&self, tenant: TenantId) -> Result<(), Error> {
        self.transaction().remove(&keys::tenant(tenant)).commit().await
    }
}
