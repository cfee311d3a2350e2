use model::{Belonging, BrandId, Member, MemberStatus, Stamp, Tenant};

use crate::error::{Error, Fact};
use crate::expression::Expression;
use crate::transaction::Transaction;
use crate::{Store, Trace, Witness, keys};

/// What a change of a membership does to the tenant's seats.
#[derive(Clone, Copy)]
pub enum SeatChange<'a> {
    /// Nothing.
    Keeps,
    /// Gives one back.
    Frees,
    /// Takes one, under the plan that was read.
    Takes(&'a Tenant),
}

/// A member about to be changed in role, permissions, brands or status.
pub struct MemberChange<'a> {
    /// As read.
    pub before: &'a Member,
    /// As it will be, with a fresh authority.
    pub after: &'a Member,
    /// Brands that are newly assigned, which have to exist.
    pub assigned: &'a [BrandId],
    /// What it does to the seats.
    pub seats: SeatChange<'a>,
    /// Who does it.
    pub actor: Witness<'a>,
}

impl Transaction<'_> {
    /// What a member may do, over what was read of it.
    pub(crate) fn authority(self, before: &Member, after: &Member) -> Self {
        let change = Expression::default()
            .set("role", Some(&after.role))
            .set("brands", Some(&after.brands))
            .set("permissions", after.permissions.as_ref())
            .set("status", Some(&after.status))
            .set("authority", Some(&after.authority))
            .when("authority", &before.authority);
        self.update(Fact::Member, &keys::member(after.tenant_id, after.user_id), change)
    }

    /// The brands are there.
    pub(crate) fn brands_exist(
        self,
        tenant: model::TenantId,
        brands: impl IntoIterator<Item = BrandId>,
    ) -> Self {
        brands.into_iter().fold(self, |this, brand| {
            this.check(Fact::Brand, &keys::brand(tenant, brand), Expression::default().when_there("pk"))
        })
    }

    fn seats(self, tenant: model::TenantId, seats: SeatChange<'_>) -> Self {
        match seats {
            SeatChange::Keeps => self,
            SeatChange::Frees => self.free_seat(tenant),
            SeatChange::Takes(tenant) => {
                let change = Expression::default()
                    .add("seats_used", 1)
                    .when("authority", &tenant.authority)
                    .when_below("seats_used", tenant.seat_limit);
                self.update(Fact::Tenant, &keys::tenant(tenant.id), change)
            }
        }
    }
}

impl Store {
    /// Changes a member's role, permissions, brands, or switches the membership off or on.
    ///
    /// # Errors
    /// [`Error::Changed`] when the member, the actor's rights, a brand or the seats changed.
    pub async fn change_member(&self, change: MemberChange<'_>, trace: Trace<'_>) -> Result<(), Error> {
        let MemberChange { before, after, assigned, seats, actor } = change;
        self.transaction()
            .authority(before, after)
            .brands_exist(after.tenant_id, assigned.iter().copied())
            .seats(after.tenant_id, seats)
            .witness(actor)
            .trace(trace)
            .commit()
            .await
    }

    /// Ends a membership for good: nothing of the access is left on it, its address and its seat are free.
    ///
    /// # Errors
    /// [`Error::Changed`] when the member or the actor's rights changed.
    pub async fn revoke_member(
        &self,
        before: &Member,
        after: &Member,
        version: Stamp,
        actor: Witness<'_>,
        trace: Trace<'_>,
    ) -> Result<(), Error> {
        let (tenant, email) = (after.tenant_id, after.email.canonical());
        let seats = if before.status == MemberStatus::Active { SeatChange::Frees } else { SeatChange::Keeps };
        let left = Expression::default()
            .set(&format!("tenants.{tenant}"), Some(&Belonging::Former))
            .set("version", Some(&version))
            .when("user_id", &after.user_id);
        let holder = Expression::default().when("user_id", &after.user_id);
        self.transaction()
            .authority(before, after)
            .delete(Fact::Invitee, &keys::invitee(tenant, email), holder)
            .update(Fact::Claim, &keys::claim(email), left)
            .seats(tenant, seats)
            .witness(actor)
            .trace(trace)
            .commit()
            .await
    }
}
