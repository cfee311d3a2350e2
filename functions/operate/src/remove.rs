use model::{Administration, EventKind, Invocation, Member, Subject, Tenant, TenantId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Error, Listed, Page, keys};

use crate::{Operate, Refused, change};

/// Entries that one order removes, or somewhat more; the next one goes on from there.
const MOST: usize = 200;
/// Entries that one transaction removes; of invitations twice as many, with what holds their addresses.
const AT_ONCE: usize = 50;
/// Members that are looked at together; each goes in a transaction of their own.
const MEMBERS: usize = 25;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    tenant: TenantId,
    reason: String,
}

/// How much of what one order removed.
#[derive(Debug, Default, Serialize)]
struct Removed {
    relations: usize,
    invitations: usize,
    members: usize,
    brands: usize,
    decisions: usize,
    events: usize,
}

impl Removed {
    /// Whether this order has done its share.
    fn is_enough(&self) -> bool {
        let counts =
            [self.relations, self.invitations, self.members, self.brands, self.decisions, self.events];
        counts.iter().sum::<usize>() >= MOST
    }
}

/// The first of a list: those before them are gone.
const fn first(limit: usize) -> Page {
    Page { after: None, limit }
}

impl Operate {
    /// Removes a stretch of a tenant that was closed long enough ago, or is only being imported. Ordered again until nothing is
    /// left of it.
    pub(crate) async fn remove(&self, order: Order, invocation: &Invocation) -> Result<Value, Refused> {
        let tenant = self.begin_removal(order.tenant, invocation).await?;
        let mut removed = Removed::default();
        let (id, reason) = (tenant.id, order.reason);
        let done = self.remove_some(&tenant, &mut removed, &reason, invocation).await;
        // there is no trail that could tell
        tracing::info!(tenant = %id, reason, ?removed, done = matches!(done, Ok(true)), "removed");
        Ok(json!({"tenant": id, "removed": removed, "done": done?}))
    }

    /// The tenant, marked: nobody opens it again from here on.
    async fn begin_removal(&self, id: TenantId, invocation: &Invocation) -> Result<Tenant, Refused> {
        let before = self.tenant_or_its_rest(id).await?;
        if before.removal_began_at.is_some() {
            return Ok(before);
        }
        // what was never there whole is given up whenever the operator says so
        if before.import_began_at.is_none() {
            let from = before.removed_after();
            let from =
                from.ok_or_else(|| Refused::because("the tenant isn't closed: its owner does that"))?;
            if invocation.now() < from {
                return Err(Refused::because(format!("the tenant can be opened again until {from}")));
            }
        }
        let after = before.being_removed(invocation);
        self.store.begin_removal(&before, &after).await?;
        Ok(after)
    }

    /// One part after the other, until this order has done its share or nothing is left: whether nothing is.
    async fn remove_some(
        &self,
        tenant: &Tenant,
        removed: &mut Removed,
        reason: &str,
        invocation: &Invocation,
    ) -> Result<bool, Refused> {
        let (store, t) = (&self.store, tenant.id);
        if tenant.portal.is_some()
            && let Some(administration) = store.load(keys::administration(t)).await?
        {
            removed.relations += 1;
            if let Some(portal) = store.load(keys::tenant(administration.portal)).await? {
                self.end(&administration, &portal, reason, invocation).await?;
            }
        }
        let mut page = first(AT_ONCE);
        loop {
            let Listed { items, next } = store.partners(t, page, invocation.now()).await?;
            for (partner, administration) in &items {
                removed.relations += 1;
                self.end(administration, partner, reason, invocation).await?;
            }
            page.after = next;
            if next.is_none() {
                break;
            }
            if removed.is_enough() {
                return Ok(false);
            }
        }
        loop {
            let Listed { items, next } = store.invitations(t, first(AT_ONCE), |_| true).await?;
            store.remove_invitations(t, &items).await?;
            removed.invitations += items.len();
            if next.is_none() {
                break;
            }
            if removed.is_enough() {
                return Ok(false);
            }
        }
        // from here on nobody joins
        loop {
            let Listed { items, .. } = store.members(t, first(MEMBERS), |_| true).await?;
            if items.is_empty() {
                break;
            }
            let gone = self.remove_members(&items, invocation).await?;
            removed.members += gone;
            // where none went, somebody else is at it
            if removed.is_enough() || gone == 0 {
                return Ok(false);
            }
        }
        loop {
            let Listed { items, next } = store.brands(t, first(AT_ONCE), |_| true).await?;
            store.remove_brands(t, &items).await?;
            removed.brands += items.len();
            if next.is_none() {
                break;
            }
            if removed.is_enough() {
                return Ok(false);
            }
        }
        loop {
            let Listed { items: reviews, .. } = store.reviews(t, first(1)).await?;
            let Some(review) = reviews.first() else { break };
            let Listed { items, next } = store.decisions(review.id, first(AT_ONCE)).await?;
            store.remove_decisions(review, &items, next.is_none()).await?;
            removed.decisions += items.len();
            if removed.is_enough() {
                return Ok(false);
            }
        }
        // and nobody is left who would write into the trail
        let mut page = first(AT_ONCE);
        loop {
            let within = (invocation.now(), tenant.created_at);
            let Listed { items, next } = store.events(t, page, within, |_| true).await?;
            store.remove_events(t, &items).await?;
            removed.events += items.len();
            page.after = next;
            if next.is_none() {
                break;
            }
            if removed.is_enough() {
                return Ok(false);
            }
        }
        store.remove_tenant(t).await?;
        Ok(true)
    }

    /// Ends that a portal administers a tenant, of which one is being removed: the trail of the one that stays tells of it.
    async fn end(
        &self,
        administration: &Administration,
        stays: &Tenant,
        reason: &str,
        invocation: &Invocation,
    ) -> Result<(), Refused> {
        let subject = Subject::Tenant(administration.tenant_id);
        let told = change(invocation, stays.id, EventKind::PartnerEnded, subject, reason)
            .with("portal", administration.portal)
            .gone_at(stays.unconfirmed_until);
        match self.store.end_administration(administration, [told]).await {
            // somebody was faster
            Ok(()) | Err(Error::Changed(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether somebody without an address is or was a member of another tenant, as the index has it: memberships of before
    /// the address was made free.
    async fn is_known_beside(&self, user: UserId, tenant: TenantId) -> Result<bool, Refused> {
        let listed = self.store.tenants_of(user, first(2)).await?;
        Ok(listed.items.iter().any(|other| *other != tenant))
    }

    /// Each with what their address knows of the tenant: how many went. One whose address was used at the same moment is
    /// looked at again with the next.
    async fn remove_members(&self, members: &[Member], invocation: &Invocation) -> Result<usize, Refused> {
        let users: Vec<_> = members.iter().map(|member| keys::user(member.user_id)).collect();
        let users = self.store.load(users).await?;
        // where they sign in by now
        let addresses: Vec<_> = users
            .iter()
            .map(|user| user.as_ref().map(|user| keys::credential(user.email.canonical())))
            .collect();
        let credentials = self.store.load(addresses).await?;
        let mut gone = 0;
        for ((member, user), credential) in members.iter().zip(users).zip(credentials) {
            // one that the operator made free may be somebody else's
            let theirs = credential.filter(|credential| credential.user_id == member.user_id);
            let is_known = match (&user, &theirs) {
                (Some(user), None) => self.is_known_beside(user.id, member.tenant_id).await?,
                _ => true,
            };
            let (version, user) = (invocation.version(), (user.as_ref(), is_known));
            match self.store.remove_member(member, user, theirs.as_ref(), version).await {
                Ok(()) => gone += 1,
                Err(Error::Changed(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(gone)
    }
}
