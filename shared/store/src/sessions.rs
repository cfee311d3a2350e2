use aws_sdk_dynamodb::types::AttributeValue;
use model::{Limits, Session, TenantId, Timestamp, UserId};

use crate::error::{Error, Fact, failed};
use crate::expression::Expression;
use crate::transaction::Transaction;
use crate::{Record, Store, keys};

/// Tenants of one user that are read at once.
const MEMBERSHIPS: i32 = 50;

impl Transaction<'_> {
    /// Forgets the failed sign-ins of an address.
    pub(crate) fn forgive_sign_ins(self, email: &str, limits: &Limits, now: Timestamp) -> Self {
        let key = keys::sign_ins_of(email, limits.failed_sign_ins, now);
        self.delete(Fact::Fresh, &key, Expression::default())
    }
}

impl Store {
    /// Counts a try to sign in as failed, before any hashing, so that parallel guesses count each for themselves; a
    /// sign-in that succeeds forgets the count.
    ///
    /// # Errors
    /// [`Error::Refused`] when there were too many.
    pub async fn count_sign_in(&self, email: &str, limits: &Limits, now: Timestamp) -> Result<(), Error> {
        let limit = limits.failed_sign_ins;
        self.transaction()
            .count(&keys::sign_ins_of(email, limit, now), limit, now, "failed sign-ins")
            .commit()
            .await
    }

    /// Opens a session. Which memberships it is good for, each request reads for itself.
    ///
    /// # Errors
    /// [`Error::Changed`] when the same request was answered meanwhile.
    pub async fn open_session(
        &self,
        session: &Session,
        email: &str,
        limits: &Limits,
        record: Option<Record>,
    ) -> Result<(), Error> {
        let now = session.created_at;
        self.transaction()
            .create(Fact::Fresh, &keys::session(session.user_id, &session.digest), session)
            .forgive_sign_ins(email, limits, now)
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
        self.transaction().delete(Fact::Fresh, &key, Expression::default()).commit().await
    }

    /// The tenants that the user is or was in, as the index has them: for showing, not for deciding.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn tenants_of(&self, user: UserId) -> Result<Vec<TenantId>, Error> {
        let found = self
            .client
            .query()
            .table_name(self.table.as_ref())
            .index_name(keys::INDEX)
            .key_condition_expression("gsi1pk = :user")
            .expression_attribute_values(":user", AttributeValue::S(keys::memberships(user)))
            .limit(MEMBERSHIPS)
            .send()
            .await
            .map_err(failed)?;
        let sort_keys = found.items().iter().filter_map(|item| item.get("gsi1sk")?.as_s().ok());
        Ok(sort_keys.filter_map(|sk| keys::tenant_of_membership(sk)).collect())
    }
}
