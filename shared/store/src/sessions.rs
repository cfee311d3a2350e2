use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use model::{
    Credential, Digest, Invitation, InvitationStatus, Invitee, Limits, Member, NewSession, Session, Source,
    Tenant, TenantId, Timestamp, UserId, Version,
};
use runtime::metrics::Metric;

use crate::error::{Error, Fact};
use crate::expression::Expression;
use crate::keys::{self, Key, Rate};
use crate::transaction::Transaction;
use crate::{Listed, Page, Record, Store};

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

/// Where a session lies in its user's item.
pub(crate) fn path(digest: &Digest) -> String {
    format!("sessions.{}", digest.as_str())
}

fn opened(new: &NewSession, dropped: &[&Digest]) -> Expression {
    let opened = Expression::default().set(&path(&new.digest), &new.session);
    dropped.iter().fold(opened, |change, digest| change.remove(&path(digest)))
}

impl Transaction<'_> {
    /// Opens a session, where another action says that the password that proved it is still the user's.
    pub(crate) fn session(self, new: &NewSession, dropped: &[&Digest]) -> Self {
        self.update(Fact::User, &keys::user(new.user_id), opened(new, dropped))
    }

    /// The same, on the condition that it is.
    fn proven_session(self, new: &NewSession, dropped: &[&Digest]) -> Self {
        let proven = opened(new, dropped).when("generation", &new.generation);
        self.update(Fact::User, &keys::user(new.user_id), proven)
    }
}

impl Store {
    /// Counts a try to sign in as failed, before any hashing, so that parallel guesses count each for themselves: first
    /// to the address and source together, and only one that isn't refused there to the address alone, so that one
    /// source can't use up what the address has. A password that was right takes both back.
    ///
    /// # Errors
    /// [`Error::Refused`] when there were too many.
    pub async fn count_sign_in(
        &self,
        attempt: Attempt<'_>,
        limits: &Limits,
        now: Timestamp,
    ) -> Result<(), Error> {
        let counted = self.count_try(attempt, limits, now).await;
        if matches!(counted, Err(Error::Refused(_))) {
            self.metrics.count(Metric::SignInsFailed);
        }
        counted
    }

    async fn count_try(&self, attempt: Attempt<'_>, limits: &Limits, now: Timestamp) -> Result<(), Error> {
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
        self.uncount(&keys::sign_ins_of(attempt.email, limits.failed_sign_ins_of_address, now)).await;
    }

    /// The same for the address and source together, of a try that didn't fail and after which nothing was written that forgives
    /// all of them: this one alone is taken back, so that nobody guesses more often by it.
    pub async fn uncount_from_source(&self, attempt: Attempt<'_>, limits: &Limits, now: Timestamp) {
        let Attempt { email, source } = attempt;
        self.uncount(&keys::sign_ins_from(source, email, limits.failed_sign_ins, now)).await;
    }

    /// Counts one less.
    async fn uncount(&self, key: &Key<Rate>) {
        let change = Expression::default().add("count", -1).when_there("pk");
        match self.transaction().update(Fact::Limit, key, change).commit().await {
            // its window may have ended meanwhile, or was forgiven
            Ok(()) | Err(Error::Changed(_)) => {}
            Err(error) => tracing::warn!(%error, "a password that was right stays counted"),
        }
    }

    /// Tries a password of an address that is known: counted before it is looked at, and not any more once it was right.
    ///
    /// # Errors
    /// [`Error::Refused`] when there were too many tries; inside, what `verify` comes to.
    pub async fn try_password<E>(
        &self,
        attempt: Attempt<'_>,
        limits: &Limits,
        now: Timestamp,
        verify: impl FnOnce() -> Result<bool, E>,
    ) -> Result<Result<bool, E>, Error> {
        self.count_sign_in(attempt, limits, now).await?;
        let right = verify();
        if matches!(right, Ok(true)) {
            self.uncount_sign_in(attempt, limits, now).await;
        }
        Ok(right)
    }

    /// Opens a session, in the room that `dropped` ones leave. Which memberships it is good for, each request reads for
    /// itself; where it is answered with one of them, that `member` is still what was read.
    ///
    /// # Errors
    /// [`Error::Changed`] when the password changed since it was proven, the same request was answered meanwhile, or the
    /// member changed.
    pub async fn open_session(
        &self,
        new: &NewSession,
        dropped: &[&Digest],
        attempt: Attempt<'_>,
        limits: &Limits,
        member: Option<&Member>,
        record: Option<Record>,
    ) -> Result<(), Error> {
        let now = new.session.created_at;
        let mut transaction = self.transaction();
        if let Some(member) = member {
            transaction = transaction.unchanged(member);
        }
        transaction
            .proven_session(new, dropped)
            .forgive_sign_ins(attempt, limits, now)
            .record(record, now)
            .commit()
            .await
    }

    /// Gives a user whom a release without sessions there wrote a place for them. Nobody else's is touched.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn renew_user(&self, user: UserId, version: Version) -> Result<(), Error> {
        let change = Expression::default()
            .set("sessions", &BTreeMap::<Digest, Session>::new())
            .set("generation", &0)
            .set("version", &version)
            .when_there("pk")
            .when_missing("version");
        match self.transaction().update(Fact::User, &keys::user(user), change).commit().await {
            Ok(()) | Err(Error::Changed(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Notes that a session is used now. One that was ended meanwhile stays ended.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn note_use(&self, user: UserId, digest: &Digest, now: Timestamp) -> Result<(), Error> {
        let change =
            Expression::default().set(&format!("{}.used_at", path(digest)), &now).when_there(&path(digest));
        match self.transaction().update(Fact::User, &keys::user(user), change).commit().await {
            Ok(()) | Err(Error::Changed(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Ends a session. Ending one that is gone is done already.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn close_session(&self, user: UserId, digest: &Digest) -> Result<(), Error> {
        let change = Expression::default().remove(&path(digest)).when_there(&path(digest));
        match self.transaction().update(Fact::User, &keys::user(user), change).commit().await {
            Ok(()) | Err(Error::Changed(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A membership of the address that is of use now: active, in a tenant that is in use.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub(crate) async fn use_of(&self, credential: &Credential) -> Result<Option<Member>, Error> {
        const AT_ONCE: usize = 50;
        let tenants: Vec<TenantId> = credential.current().collect();
        for stretch in tenants.chunks(AT_ONCE) {
            let members: Vec<_> = stretch.iter().map(|t| keys::member(*t, credential.user_id)).collect();
            let tenants: Vec<_> = stretch.iter().map(|t| keys::tenant(*t)).collect();
            let (members, tenants) = self.load((members, tenants)).await?;
            let there = members.into_iter().zip(tenants).filter_map(|(m, t)| Some((m?, t?)));
            if let Some((member, _)) = there.into_iter().find(|(member, tenant)| member.is_of_use(tenant)) {
                return Ok(Some(member));
            }
        }
        Ok(None)
    }

    /// Invitations that wait for an address and can be accepted, as far as they go themselves, the newest teams' first: found
    /// by the index, which may lag a moment, among so many as can be read at once.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub async fn invitations_of(
        &self,
        email: &str,
        now: Timestamp,
        most: usize,
    ) -> Result<Vec<Invitation>, Error> {
        const LOOKED_THROUGH: i32 = 100;
        // the newest teams' first
        let forward = false;
        let found = self.index_of(keys::invited(email), None, LOOKED_THROUGH, forward).await?.items;
        let holders = self.load(found.iter().map(|t| keys::invitee(*t, email)).collect::<Vec<_>>()).await?;
        let held = found.into_iter().zip(holders).filter_map(|(tenant, holder)| match holder {
            Some(Invitee::Invitation { invitation_id, expires_at, .. }) if now < expires_at => {
                Some((keys::tenant(tenant), keys::invitation(tenant, invitation_id)))
            }
            Some(_) | None => None,
        });
        let (tenants, invitations): (Vec<_>, Vec<_>) = held.unzip();
        let (tenants, invitations) = self.load((tenants, invitations)).await?;
        let there = tenants.into_iter().zip(invitations).filter_map(|(t, i)| Some((t?, i?)));
        let waits = |(tenant, invitation): &(Tenant, Invitation)| {
            invitation.status_at(now) == InvitationStatus::Pending && invitation.is_open_in(tenant)
        };
        Ok(there.filter(waits).take(most).map(|(_, invitation)| invitation).collect())
    }

    /// A stretch of the tenants that the user is or was in, as the index has them: for showing, not for deciding.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn tenants_of(&self, user: UserId, page: Page) -> Result<Listed<TenantId>, Error> {
        let limit = i32::try_from(page.limit).unwrap_or(i32::MAX);
        self.index_of(keys::memberships(user), page.after.map(TenantId), limit, true).await
    }

    /// A stretch of the tenants in a partition of the index.
    pub(crate) async fn index_of(
        &self,
        partition: String,
        after: Option<TenantId>,
        limit: i32,
        forward: bool,
    ) -> Result<Listed<TenantId>, Error> {
        let query = self
            .client
            .query()
            .index_name(keys::INDEX)
            .key_condition_expression("gsi1pk = :of AND gsi1sk > :after")
            .expression_attribute_values(":of", AttributeValue::S(partition))
            .expression_attribute_values(":after", AttributeValue::S(keys::membership_in(after)))
            .scan_index_forward(forward)
            .limit(limit);
        let found = self.ask(query).await?;
        let more = found.last_evaluated_key.is_some();
        let sort_keys = found.items().iter().filter_map(|item| item.get("gsi1sk")?.as_s().ok());
        let items: Vec<TenantId> = sort_keys.filter_map(|sk| keys::tenant_of_membership(sk)).collect();
        let next = items.last().filter(|_| more).map(|tenant| tenant.0);
        Ok(Listed { items, next })
    }
}
