use aws_sdk_dynamodb::types::AttributeValue;
use model::{Limits, Member, Session, Source, TenantId, Timestamp, UserId};

use crate::error::{Error, Fact, failed};
use crate::expression::Expression;
use crate::transaction::Transaction;
use crate::{Listed, Page, Record, Store, keys};

/// A try to sign in: to which canonical address, from where.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// The address.
    pub email: &'a str,
    /// The source.
    pub source: &'a Source,
}

impl Transaction<'_> {
    /// Forgets the failed sign-ins of an address from the source that has just proven itself, and no stranger's.
    pub(crate) fn forgive_sign_ins(self, attempt: Attempt<'_>, limits: &Limits, now: Timestamp) -> Self {
        let key = keys::sign_ins_from(attempt.source, attempt.email, limits.failed_sign_ins, now);
        self.remove(&key)
    }
}

impl Store {
    /// Counts a try to sign in as failed, before any hashing, so that parallel guesses count each for themselves: first
    /// to the address and source together, and only one that isn't refused there to the address alone, so that one
    /// source can't use up what the address has. A sign-in that succeeds takes both back.
    ///
    /// # Errors
    /// [`Error::Refused`] when there were too many.
    pub async fn count_sign_in(
        &self,
        attempt: Attempt<'_>,
        limits: &Limits,
        now: Timestamp,
    ) -> Result<(), Error> {
        const WHAT: &str = "failed sign-ins";
        let Attempt { email, source } = attempt;
        let (from_source, in_all) = (limits.failed_sign_ins, limits.failed_sign_ins_of_address);
        // two writes and no transaction: one of these would meet everybody else's who tries the same address
        let from = keys::sign_ins_from(source, email, from_source, now);
        self.transaction().count(&from, from_source, now, WHAT).commit().await?;
        self.transaction().count(&keys::sign_ins_of(email, in_all, now), in_all, now, WHAT).commit().await
    }

    /// Takes back that a try was counted to the address alone: it didn't fail. At worst it stays counted until its
    /// window ends.
    pub async fn uncount_sign_in(&self, attempt: Attempt<'_>, limits: &Limits, now: Timestamp) {
        let key = keys::sign_ins_of(attempt.email, limits.failed_sign_ins_of_address, now);
        let change = Expression::default().add("count", -1).when_there("pk");
        match self.transaction().update(Fact::Limit, &key, change).commit().await {
            // its window may have ended meanwhile
            Ok(()) | Err(Error::Changed(_)) => {}
            Err(error) => tracing::warn!(%error, "a sign-in that succeeded stays counted"),
        }
    }

    /// Opens a session. Which memberships it is good for, each request reads for itself; where it is answered with one
    /// of them, that `member` is still what was read.
    ///
    /// # Errors
    /// [`Error::Changed`] when the same request was answered meanwhile, or the member changed.
    pub async fn open_session(
        &self,
        session: &Session,
        attempt: Attempt<'_>,
        limits: &Limits,
        member: Option<&Member>,
        record: Option<Record>,
    ) -> Result<(), Error> {
        let now = session.created_at;
        let mut transaction = self.transaction();
        if let Some(member) = member {
            let unchanged = Expression::default().when_authority(member.authority);
            let key = keys::member(member.tenant_id, member.user_id);
            transaction = transaction.check(Fact::Member, &key, unchanged);
        }
        transaction
            .add(&keys::session(session.user_id, &session.digest), session)
            .forgive_sign_ins(attempt, limits, now)
            .record(record, now)
            .commit()
            .await
    }

    /// Ends a session. Ending one that is gone is done already.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn close_session(&self, session: &Session) -> Result<(), Error> {
        let key = keys::session(session.user_id, &session.digest);
        self.transaction().remove(&key).commit().await
    }

    /// A stretch of the tenants that the user is or was in, as the index has them: for showing, not for deciding.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn tenants_of(&self, user: UserId, page: Page) -> Result<Listed<TenantId>, Error> {
        let after = page.after.map(TenantId);
        let found = self
            .client
            .query()
            .table_name(self.table.as_ref())
            .index_name(keys::INDEX)
            .key_condition_expression("gsi1pk = :user AND gsi1sk > :after")
            .expression_attribute_values(":user", AttributeValue::S(keys::memberships(user)))
            .expression_attribute_values(":after", AttributeValue::S(keys::membership_in(after)))
            .limit(i32::try_from(page.limit).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(failed)?;
        let more = found.last_evaluated_key.is_some();
        let sort_keys = found.items().iter().filter_map(|item| item.get("gsi1sk")?.as_s().ok());
        let items: Vec<TenantId> = sort_keys.filter_map(|sk| keys::tenant_of_membership(sk)).collect();
        let next = items.last().filter(|_| more).map(|tenant| tenant.0);
        Ok(Listed { items, next })
    }
}
