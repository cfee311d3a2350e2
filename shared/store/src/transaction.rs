//! Writing: one transaction an operation, every action with the name of the fact that its condition is about.

use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, ConditionCheck, Delete, Put, TransactWriteItem, Update};
use model::{IdempotencyRecord, Limit, Refusal, Stamp, Timestamp};

use crate::error::{Error, Fact, failed};
use crate::expression::Expression;
use crate::item::{key_item, to_item};
use crate::keys::{self, Entity, Key, Rate};
use crate::{Store, Trace, Witness};

/// Tries in place when a transaction only met another one.
const CONFLICT_TRIES: u32 = 4;
/// Tries when the table says that it has too much to do.
const THROTTLE_TRIES: u32 = 3;

/// The share of the `round`th ceiling that `byte` stands for: the ceiling starts at `first` and doubles.
pub(crate) fn jitter(round: u32, first: Duration, byte: u8) -> Duration {
    first * 2_u32.saturating_pow(round.saturating_sub(1)) * u32::from(byte) / 255
}

struct Action {
    fact: Fact,
    item: TransactWriteItem,
    /// What is answered when this action's condition is the one that failed.
    refusal: Option<Refusal>,
}

/// A transaction as it grows. The first thing that can't be expressed is reported when it is sent.
pub(crate) struct Transaction<'s> {
    store: &'s Store,
    actions: Vec<Action>,
    error: Option<Error>,
}

/// What became of one try.
enum Verdict {
    Conditions(Vec<usize>),
    Conflict,
    Busy,
}

impl<'s> Transaction<'s> {
    fn push(mut self, fact: Fact, item: Result<TransactWriteItem, Error>) -> Self {
        match item {
            Ok(item) => self.actions.push(Action { fact, item, refusal: None }),
            Err(error) => self.error = self.error.or(Some(error)),
        }
        self
    }

    fn table(&self) -> &'s str {
        &self.store.table
    }

    /// Writes an entity on a condition.
    pub(crate) fn put<E: Entity>(self, fact: Fact, key: &Key<E>, entity: &E, when: Expression) -> Self {
        let item = to_item(key, entity).and_then(|item| {
            let parts = when.build()?;
            let put = Put::builder()
                .table_name(self.table())
                .set_item(Some(item))
                .set_condition_expression(parts.condition)
                .set_expression_attribute_names(parts.names)
                .set_expression_attribute_values(parts.values)
                .build()
                .map_err(|e| Error::Corrupt(e.to_string()))?;
            Ok(TransactWriteItem::builder().put(put).build())
        });
        self.push(fact, item)
    }

    /// Writes an entity that isn't there yet.
    pub(crate) fn create<E: Entity>(self, fact: Fact, key: &Key<E>, entity: &E) -> Self {
        self.put(fact, key, entity, Expression::default().when_missing("pk"))
    }

    /// Writes an entity over the version that was read.
    pub(crate) fn replace<E: Entity>(self, fact: Fact, key: &Key<E>, entity: &E, read: Stamp) -> Self {
        self.put(fact, key, entity, Expression::default().when("version", &read))
    }

    /// Changes some attributes.
    pub(crate) fn update<E>(self, fact: Fact, key: &Key<E>, change: Expression) -> Self {
        let item = change.build().and_then(|parts| {
            let update = Update::builder()
                .table_name(self.table())
                .set_key(Some(key_item(key)))
                .update_expression(parts.update)
                .set_condition_expression(parts.condition)
                .set_expression_attribute_names(parts.names)
                .set_expression_attribute_values(parts.values)
                .build()
                .map_err(|e| Error::Corrupt(e.to_string()))?;
            Ok(TransactWriteItem::builder().update(update).build())
        });
        self.push(fact, item)
    }

    /// Removes an item.
    pub(crate) fn delete<E>(self, fact: Fact, key: &Key<E>, when: Expression) -> Self {
        let item = when.build().and_then(|parts| {
            let delete = Delete::builder()
                .table_name(self.table())
                .set_key(Some(key_item(key)))
                .set_condition_expression(parts.condition)
                .set_expression_attribute_names(parts.names)
                .set_expression_attribute_values(parts.values)
                .build()
                .map_err(|e| Error::Corrupt(e.to_string()))?;
            Ok(TransactWriteItem::builder().delete(delete).build())
        });
        self.push(fact, item)
    }

    /// Writes nothing, but only goes on while the condition holds.
    pub(crate) fn check<E>(self, fact: Fact, key: &Key<E>, when: Expression) -> Self {
        let item = when.build().and_then(|parts| {
            let check = ConditionCheck::builder()
                .table_name(self.table())
                .set_key(Some(key_item(key)))
                .set_condition_expression(parts.condition)
                .set_expression_attribute_names(parts.names)
                .set_expression_attribute_values(parts.values)
                .build()
                .map_err(|e| Error::Corrupt(e.to_string()))?;
            Ok(TransactWriteItem::builder().condition_check(check).build())
        });
        self.push(fact, item)
    }

    /// The same, where the condition's failing is an answer of its own.
    pub(crate) fn check_or<E>(self, refusal: Refusal, key: &Key<E>, when: Expression) -> Self {
        self.check(Fact::Limit, key, when).answering(refusal)
    }

    /// What is answered when the condition of the newest action is the one that failed.
    fn answering(mut self, refusal: Refusal) -> Self {
        if let Some(action) = self.actions.last_mut() {
            action.refusal = Some(refusal);
        }
        self
    }

    /// Counts one more on a counter of its own; the limit's refusal is the answer when it is full.
    pub(crate) fn count(self, key: &Key<Rate>, limit: Limit, now: Timestamp, what: &'static str) -> Self {
        let change = Expression::default()
            .add("count", 1)
            .set(keys::TTL, Some(&limit.end(now)))
            .set("entity", Some(&"Rate"))
            .when_below_or_missing("count", limit.times);
        let refusal = Refusal::RateLimited { retry_after: limit.retry_after(now), what };
        self.update(Fact::Limit, key, change).answering(refusal)
    }

    /// The actor's rights are still those that were read.
    pub(crate) fn witness(self, witness: Witness<'_>) -> Self {
        self.witness_and(witness, |change| change)
    }

    /// The same, with something to count on the actor's item.
    pub(crate) fn witness_and(
        self,
        witness: Witness<'_>,
        more: impl FnOnce(Expression) -> Expression,
    ) -> Self {
        let Witness { member, now } = witness;
        let change =
            Expression::default().set("last_active_at", Some(&now)).when("authority", &member.authority);
        self.update(Fact::Actor, &keys::member(member.tenant_id, member.user_id), more(change))
    }

    /// The event, and the record of the answer.
    pub(crate) fn trace(self, trace: Trace<'_>) -> Self {
        let Trace { event, record } = trace;
        self.create(Fact::Fresh, &keys::event(event.tenant_id, event.at, event.id), event)
            .record(record, event.at)
    }

    /// The record of the answer. One whose day is over may still lie there: the sweeper is days late.
    pub(crate) fn record(self, record: Option<&IdempotencyRecord>, now: Timestamp) -> Self {
        match record {
            Some(record) => {
                let free = Expression::default().when_missing_or_until("expires_at", &now);
                self.put(Fact::Idempotency, &keys::idempotency(&record.scope, &record.key), record, free)
            }
            None => self,
        }
    }

    /// Sends it. A transaction that only met another one, or a busy table, is tried again with back-off under the same
    /// request token, so that a try whose answer was lost isn't done twice.
    pub(crate) async fn commit(self) -> Result<(), Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let store = self.store;
        let mut random = [0; 16];
        store.dice.fill(&mut random);
        let request_token = uuid::Builder::from_random_bytes(random).into_uuid().to_string();
        let (mut conflicts, mut busy) = (0, 0);
        loop {
            let (verdict, error) = match self.actions.as_slice() {
                // one action alone needs no transaction, which would cost twice
                [alone] => match store.write_one(&alone.item).await {
                    Ok(()) => return Ok(()),
                    Err(failure) => failure,
                },
                actions => {
                    let sent = store
                        .client
                        .transact_write_items()
                        .set_transact_items(Some(actions.iter().map(|a| a.item.clone()).collect()))
                        .client_request_token(&request_token)
                        .send()
                        .await;
                    match sent {
                        Ok(_) => return Ok(()),
                        Err(error) => (verdict(&error), failed(error)),
                    }
                }
            };
            match verdict {
                Some(Verdict::Conditions(failed)) => return Err(self.changed(&failed)),
                Some(Verdict::Conflict) if conflicts < CONFLICT_TRIES => {
                    conflicts += 1;
                    store.pause(conflicts, Duration::from_millis(10)).await;
                }
                Some(Verdict::Busy) if busy < THROTTLE_TRIES => {
                    busy += 1;
                    store.pause(busy, Duration::from_millis(50)).await;
                }
                Some(_) | None => return Err(error),
            }
        }
    }

    /// What the failed conditions mean. A limit is only the answer when nothing else changed: else it is read again.
    fn changed(&self, failed: &[usize]) -> Error {
        let mut failed = failed.iter().filter_map(|at| self.actions.get(*at));
        let first = failed.next();
        match first {
            Some(Action { refusal: Some(refusal), .. }) => match failed.find(|a| a.refusal.is_none()) {
                Some(other) => Error::Changed(other.fact),
                None => Error::Refused(refusal.clone()),
            },
            Some(action) => Error::Changed(action.fact),
            None => {
                Error::Corrupt("a transaction was cancelled at an action that it doesn't have".to_owned())
            }
        }
    }
}

fn verdict(error: &SdkError<TransactWriteItemsError>) -> Option<Verdict> {
    match error.as_service_error()? {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            Some(classify(cancelled.cancellation_reasons()))
        }
        TransactWriteItemsError::TransactionInProgressException(_) => Some(Verdict::Conflict),
        _ => None,
    }
}

/// A failed condition is an answer whatever else was wrong; a pure conflict is worth an immediate try; anything else
/// is a table that has too much to do.
fn classify(reasons: &[CancellationReason]) -> Verdict {
    let at = |code: &str| {
        let code = Some(code.to_owned());
        reasons.iter().enumerate().filter(|(_, r)| r.code == code).map(|(at, _)| at).collect::<Vec<_>>()
    };
    let failed = at("ConditionalCheckFailed");
    let (conflicts, quiet) = (at("TransactionConflict").len(), at("None").len());
    if !failed.is_empty() {
        Verdict::Conditions(failed)
    } else if conflicts + quiet == reasons.len() {
        Verdict::Conflict
    } else {
        Verdict::Busy
    }
}

/// The verdict on a write outside a transaction.
fn verdict_alone<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Option<Verdict> {
    match error.as_service_error()?.code()? {
        "ConditionalCheckFailedException" => Some(Verdict::Conditions(vec![0])),
        "TransactionConflictException" => Some(Verdict::Conflict),
        _ => None,
    }
}

impl Store {
    /// One action of a transaction as the call that does it alone.
    async fn write_one(&self, item: &TransactWriteItem) -> Result<(), (Option<Verdict>, Error)> {
        fn done<T, E>(sent: Result<T, SdkError<E>>) -> Result<(), (Option<Verdict>, Error)>
        where
            E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        {
            sent.map(|_| ()).map_err(|error| (verdict_alone(&error), failed(error)))
        }
        let client = &self.client;
        match item {
            TransactWriteItem { put: Some(put), .. } => done(
                client
                    .put_item()
                    .table_name(&put.table_name)
                    .set_item(Some(put.item.clone()))
                    .set_condition_expression(put.condition_expression.clone())
                    .set_expression_attribute_names(put.expression_attribute_names.clone())
                    .set_expression_attribute_values(put.expression_attribute_values.clone())
                    .send()
                    .await,
            ),
            TransactWriteItem { update: Some(update), .. } => done(
                client
                    .update_item()
                    .table_name(&update.table_name)
                    .set_key(Some(update.key.clone()))
                    .update_expression(&update.update_expression)
                    .set_condition_expression(update.condition_expression.clone())
                    .set_expression_attribute_names(update.expression_attribute_names.clone())
                    .set_expression_attribute_values(update.expression_attribute_values.clone())
                    .send()
                    .await,
            ),
            TransactWriteItem { delete: Some(delete), .. } => done(
                client
                    .delete_item()
                    .table_name(&delete.table_name)
                    .set_key(Some(delete.key.clone()))
                    .set_condition_expression(delete.condition_expression.clone())
                    .set_expression_attribute_names(delete.expression_attribute_names.clone())
                    .set_expression_attribute_values(delete.expression_attribute_values.clone())
                    .send()
                    .await,
            ),
            _ => Err((None, Error::Corrupt("a condition alone writes nothing".to_owned()))),
        }
    }

    pub(crate) fn transaction(&self) -> Transaction<'_> {
        Transaction { store: self, actions: Vec::with_capacity(12), error: None }
    }
}
