use std::collections::BTreeSet;

use model::{Belonging, Member, Tenant, TenantId, Timestamp, Uses, Version};
use policy::{BrandId, MemberStatus, Permission};

use crate::error::{Error, Fact};
use crate::expression::Expression;
use crate::transaction::Transaction;
use crate::{Change, Store, keys};

impl Transaction<'_> {
    /// What a member may do, over what was read of it.
    pub(crate) fn authority(self, before: &Member, after: &Member) -> Self {
        let change = Expression::default()
            .set("role", &after.role)
            .set("brands", &after.brands)
            .set_or_remove("permissions", after.permissions.as_ref())
            .set("status", &after.status)
            .set_or_remove("granted_at", after.granted_at.as_ref())
            .set_or_remove("granted_by", after.granted_by.as_ref())
            .set("authority", &after.authority)
            .when_authority(before.authority);
        self.update(Fact::Member, &keys::member(after.tenant_id, after.user_id), change)
    }

    /// A membership is over: nothing of the access is left on it, its address and its seat are free.
    pub(crate) fn over(self, before: &Member, after: &Member) -> Self {
        let (tenant, email) = (after.tenant_id, after.email.canonical());
        let over = self.authority(before, after).remove(&keys::invitee(tenant, email));
        // a suspended one gave its seat back already
        if before.status == MemberStatus::Active { over.free_seat(tenant) } else { over }
    }

    /// The brands are there.
    pub(crate) fn brands_exist(self, tenant: TenantId, brands: impl IntoIterator<Item = BrandId>) -> Self {
        brands.into_iter().fold(self, |this, brand| {
            this.check(Fact::Brand, &keys::brand(tenant, brand), Expression::default().when_there("pk"))
        })
    }

    /// Takes a seat, under the plan that was read.
    fn take_seat(self, tenant: &Tenant) -> Self {
        let change = Expression::default()
            .add("seats_used", 1)
            .when_authority(tenant.authority)
            .when_below("seats_used", tenant.seat_limit);
        self.update(Fact::Tenant, &keys::tenant(tenant.id), change)
    }
}

impl Store {
    /// Gives a member another role, another list of permissions, or other brands: those that weren't named before have to be there.
    ///
    /// # Errors
    /// [`Error::Changed`] when the member, the actor's rights or a brand changed.
    pub async fn set_access(&self, before: &Member, after: &Member, change: Change<'_>) -> Result<(), Error> {
        let named: BTreeSet<BrandId> = before.brands.named().collect();
        let newly = after.brands.named().filter(|brand| !named.contains(brand));
        self.transaction()
            .authority(before, after)
            .brands_exist(after.tenant_id, newly)
            .change(change)
            .commit()
            .await
    }

    /// Decides that a member keeps what they hold, as it was read.
    ///
    /// # Errors
    /// [`Error::Changed`] when the member, the actor's rights or the review changed.
    pub async fn keep_access(&self, member: &Member, change: Change<'_>) -> Result<(), Error> {
        let key = keys::member(member.tenant_id, member.user_id);
        let unchanged = Expression::default().when_authority(member.authority);
        self.transaction().check(Fact::Member, &key, unchanged).change(change).commit().await
    }

    /// Notes that an active member uses a permission. Nothing rests on it: what goes wrong is only logged.
    pub async fn note_permission(&self, member: &Member, permission: Permission, now: Timestamp) {
        let noted = if member.used.is_empty() {
            Expression::default().set("used", &Uses::of(permission, now)).when_missing("used")
        } else {
            Expression::default().set_entry("used", permission.name(), &now.day())
        };
        let (key, noted) =
            (keys::member(member.tenant_id, member.user_id), noted.when("status", &MemberStatus::Active));
        if let Err(error) = self.transaction().update(Fact::Member, &key, noted).commit().await {
            tracing::debug!(%error, "that a permission is used is not noted");
        }
    }

    /// Switches a membership off, which frees its seat.
    ///
    /// # Errors
    /// [`Error::Changed`] when the member or the actor's rights changed.
    pub async fn suspend_member(
        &self,
        before: &Member,
        after: &Member,
        change: Change<'_>,
    ) -> Result<(), Error> {
        let freed = self.transaction().authority(before, after).free_seat(after.tenant_id);
        freed.change(change).commit().await
    }

    /// Switches a membership on again, which takes a seat under the plan that was read.
    ///
    /// # Errors
    /// [`Error::Changed`] when the member, the actor's rights, the plan or the seats changed.
    pub async fn reinstate_member(
        &self,
        before: &Member,
        after: &Member,
        tenant: &Tenant,
        change: Change<'_>,
    ) -> Result<(), Error> {
        self.transaction().authority(before, after).take_seat(tenant).change(change).commit().await
    }

    /// Ends a membership for good: nothing of the access is left on it, its address and its seat are free.
    ///
    /// # Errors
    /// [`Error::Changed`] when the member or the actor's rights changed.
    pub async fn revoke_member(
        &self,
        before: &Member,
        after: &Member,
        version: Version,
        change: Change<'_>,
    ) -> Result<(), Error> {
        let (tenant, email) = (after.tenant_id, after.email.canonical());
        // it is another one for a moment, where somebody in many teams changes their address
        let left = Expression::default()
            .set(&format!("tenants.{tenant}"), &Belonging::Former)
            .set("version", &version)
            .when("user_id", &after.user_id);
        // whoever is a member still holds their address, here and over all tenants
        let ended = self.transaction().over(before, after);
        ended.update(Fact::Credential, &keys::credential(email), left).change(change).commit().await
    }
}
