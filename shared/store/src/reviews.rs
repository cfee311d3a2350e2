use std::collections::BTreeSet;

use model::{Decision, Mail, OpenReview, Review, ReviewId, TenantId, Timestamp};

use crate::change::Deciding;
use crate::error::{Error, Fact};
use crate::expression::Expression;
use crate::transaction::Transaction;
use crate::{Change, Listed, Page, Store, keys};

/// Entries that are read at once where a whole list is looked through.
const AT_ONCE: usize = 1_000;

impl Transaction<'_> {
    /// The decision over the one that was read, counted in its review, which still goes on.
    pub(crate) fn deciding(self, deciding: &Deciding<'_>) -> Self {
        let &Deciding { before, after } = deciding;
        let open = Expression::default().set("version", &after.version).when_missing("closed_at");
        let counted = match before.map(|before| before.decision) {
            Some(before) if before == after.decision => open,
            Some(before) => open.add(before.name(), -1).add(after.decision.name(), 1),
            None => open.add(after.decision.name(), 1),
        };
        let (review, key) =
            (keys::review(after.tenant_id, after.review_id), keys::decision(after.review_id, after.user_id));
        let decided = match before {
            Some(before) => self.replace(Fact::Decision, &key, after, before.version),
            None => self.create(Fact::Decision, &key, after),
        };
        decided.update(Fact::Review, &review, counted)
    }
}

impl Store {
    /// Begins a review of the tenant's access, and queues what is mailed of it.
    ///
    /// # Errors
    /// [`Error::Changed`] when another one goes on, or the actor's rights changed.
    pub async fn open_review(&self, review: &Review, told: &[Mail], change: Change<'_>) -> Result<(), Error> {
        let open = OpenReview { review_id: review.id };
        self.transaction()
            .create(Fact::Review, &keys::open_review(review.tenant_id), &open)
            .add(&keys::review(review.tenant_id, review.id), review)
            .mails(told)
            .change(change)
            .commit()
            .await
    }

    /// Ends a review.
    ///
    /// # Errors
    /// [`Error::Changed`] when something was decided in it meanwhile, or the actor's rights changed.
    pub async fn close_review(
        &self,
        before: &Review,
        after: &Review,
        change: Change<'_>,
    ) -> Result<(), Error> {
        let (tenant, id) = (after.tenant_id, after.id);
        self.transaction()
            .replace(Fact::Review, &keys::review(tenant, id), after, before.version)
            // it names this one as long as this one goes on
            .remove(&keys::open_review(tenant))
            .change(change)
            .commit()
            .await
    }

    /// Reviews, in the order in which they began.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub async fn reviews(&self, tenant: TenantId, page: Page) -> Result<Listed<Review>, Error> {
        self.list(keys::tenant_partition(tenant), page, |_| true).await
    }

    /// What a review decided, in the order in which the members became users.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub async fn decisions(&self, review: ReviewId, page: Page) -> Result<Listed<Decision>, Error> {
        self.list(keys::decisions(review), page, |_| true).await
    }

    /// How many members were in the team at that moment, about whom nobody has decided in this review; none of a team that
    /// is too large to be gone through while somebody waits.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub async fn undecided(
        &self,
        tenant: TenantId,
        review: ReviewId,
        at: Timestamp,
    ) -> Result<Option<u32>, Error> {
        // ten thousand members, each list by itself
        const PAGES: usize = 10;
        let mut decided = BTreeSet::new();
        let mut page = Page { after: None, limit: AT_ONCE };
        for nth in 0.. {
            if nth == PAGES {
                return Ok(None);
            }
            let listed = self.decisions(review, page).await?;
            decided.extend(listed.items.iter().map(|decision| decision.user_id));
            if listed.next.is_none() {
                break;
            }
            page.after = listed.next;
        }
        let mut undecided: usize = 0;
        page.after = None;
        for nth in 0.. {
            if nth == PAGES {
                return Ok(None);
            }
            let listed = self
                .members(tenant, page, |member| member.was_in(at) && !decided.contains(&member.user_id))
                .await?;
            undecided = undecided.saturating_add(listed.items.len());
            if listed.next.is_none() {
                break;
            }
            page.after = listed.next;
        }
        Ok(Some(u32::try_from(undecided).unwrap_or(u32::MAX)))
    }
}
