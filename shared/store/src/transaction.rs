//! Writing: one transaction an operation, every action with the name of the fact that its condition is about.

use std::time::Duration;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, ConditionCheck, Delete, Put, TransactWriteItem, Update};
use model::{Event, Limit, Mail, Member, Refusal, Sponsor, Timestamp, Version};
use runtime::metrics::Metric;

use crate::error::{Error, Fact};
use crate::expression::{Expression, Parts};
use crate::item::{Item, key_item, to_item};
use crate::keys::{self, Entity, Key, Rate};
use crate::{Answer, Change, Record, Store};

/// Tries in place when a transaction only met another one.
const CONFLICT_TRIES: u32 = 4;
/// Tries when the table says that it has too much to do.
const THROTTLE_TRIES: u32 = 3;

/// The share of the `round`th ceiling that `byte` stands for: the ceiling starts at `first` and doubles.
pub(crate) fn jitter(round: u32, first: Duration, byte: u8) -> Duration {
    first * 2_u32.saturating_pow(round.saturating_sub(1)) * u32::from(byte) / 255
}

/// What is done to one item.
enum Write {
    Put(Item),
    Update(Item),
    Delete(Item),
    Check(Item),
}

struct Action {
    /// What its condition is about, where it has one.
    fact: Option<Fact>,
    write: Write,
    parts: Parts,
    /// What is answered when this action's condition is the one that failed.
    refusal: Option<Refusal>,
}

/// The table and the condition, for any of the SDK's builders.
macro_rules! conditioned {
    ($builder:expr, $table:expr, $parts:expr) => {
        $builder
            .table_name($table)
            .set_condition_expression($parts.condition.clone())
            .set_expression_attribute_names($parts.names.clone())
            .set_expression_attribute_values($parts.values.clone())
    };
}

impl Action {
    /// As a part of a transaction.
    fn item(&self, table: &str) -> Result<TransactWriteItem, Error> {
        let (item, parts) = (TransactWriteItem::builder(), &self.parts);
        let item = match &self.write {
            Write::Put(put) => {
                let put = Put::builder().set_item(Some(put.clone()));
                conditioned!(put, table, parts).build().map(|put| item.put(put))
            }
            Write::Update(key) => {
                let update = Update::builder().set_key(Some(key.clone())).update_expression(&parts.update);
                conditioned!(update, table, parts).build().map(|update| item.update(update))
            }
            Write::Delete(key) => {
                let delete = Delete::builder().set_key(Some(key.clone()));
                conditioned!(delete, table, parts).build().map(|delete| item.delete(delete))
            }
            Write::Check(key) => {
                let check = ConditionCheck::builder().set_key(Some(key.clone()));
                conditioned!(check, table, parts).build().map(|check| item.condition_check(check))
            }
        };
        item.map(|item| item.build()).map_err(|e| Error::Corrupt(e.to_string()))
    }

    /// By itself: one action alone needs no transaction, which would cost twice.
    async fn alone(&self, store: &Store) -> Result<(), (Option<Verdict>, Error)> {
        fn done<T, E>(store: &Store, sent: Result<T, SdkError<E>>) -> Result<(), (Option<Verdict>, Error)>
        where
            E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
        {
            sent.map(|_| ()).map_err(|error| (verdict_alone(&error), store.failed(error)))
        }
        let (client, table, parts) = (&store.client, store.table.as_ref(), &self.parts);
        match &self.write {
            Write::Put(put) => {
                let put = client.put_item().set_item(Some(put.clone()));
                done(store, conditioned!(put, table, parts).send().await)
            }
            Write::Update(key) => {
                let update = client.update_item().set_key(Some(key.clone()));
                let update = update.update_expression(&parts.update);
                done(store, conditioned!(update, table, parts).send().await)
            }
            Write::Delete(key) => {
                let delete = client.delete_item().set_key(Some(key.clone()));
                done(store, conditioned!(delete, table, parts).send().await)
            }
            Write::Check(_) => Err((None, Error::Corrupt("a condition alone writes nothing".to_owned()))),
        }
    }
}

/// A transaction as it grows. The first thing that can't be expressed is reported when it is sent.
pub(crate) struct Transaction<'s> {
    store: &'s Store,
    actions: Vec<Action>,
    /// Whether a single action too is sent as a transaction.
    once: bool,
    /// Whether somebody behind the bus has to hear of it: of an event, of a mail to be sent.
    told: bool,
    error: Option<Error>,
}

/// What became of one try.
enum Verdict {
    Conditions(Vec<usize>),
    Conflict,
    Busy,
}

impl<'s> Transaction<'s> {
    fn push(
        mut self,
        fact: impl Into<Option<Fact>>,
        write: Result<Write, Error>,
        expression: Expression,
    ) -> Self {
        let fact = fact.into();
        match write.and_then(|write| Ok((write, expression.build()?))) {
            Ok((write, parts)) => self.actions.push(Action { fact, write, parts, refusal: None }),
            Err(error) => self.error = self.error.or(Some(error)),
        }
        self
    }

    /// Writes an entity on a condition.
    pub(crate) fn put<E: Entity>(self, fact: Fact, key: &Key<E>, entity: &E, when: Expression) -> Self {
        self.push(fact, to_item(key, entity).map(Write::Put), when)
    }

    /// Writes an entity whatever is there: nothing under an id that was drawn for it, or what another action's condition
    /// is about.
    pub(crate) fn add<E: Entity>(mut self, key: &Key<E>, entity: &E) -> Self {
        self.told |= [Event::NAME, Mail::NAME].contains(&E::NAME);
        self.push(None, to_item(key, entity).map(Write::Put), Expression::default())
    }

    /// Queues mails.
    pub(crate) fn mails(self, mails: &[Mail]) -> Self {
        mails.iter().fold(self, |this, mail| this.add(&keys::mail(mail.id), mail))
    }

    /// Writes an entity that isn't there yet.
    pub(crate) fn create<E: Entity>(self, fact: Fact, key: &Key<E>, entity: &E) -> Self {
        self.put(fact, key, entity, Expression::default().when_missing("pk"))
    }

    /// Writes an entity over the version that was read.
    pub(crate) fn replace<E: Entity>(self, fact: Fact, key: &Key<E>, entity: &E, read: Version) -> Self {
        self.put(fact, key, entity, Expression::default().when_version(read))
    }

    /// Changes some attributes.
    pub(crate) fn update<E>(self, fact: Fact, key: &Key<E>, change: Expression) -> Self {
        self.push(fact, Ok(Write::Update(key_item(key))), change)
    }

    /// Removes an item, if it is there.
    pub(crate) fn remove<E>(self, key: &Key<E>) -> Self {
        self.push(None, Ok(Write::Delete(key_item(key))), Expression::default())
    }

    /// Removes an item on a condition.
    pub(crate) fn delete<E>(self, fact: Fact, key: &Key<E>, when: Expression) -> Self {
        self.push(fact, Ok(Write::Delete(key_item(key))), when)
    }

    /// Writes nothing, but only goes on while the condition holds.
    pub(crate) fn check<E>(self, fact: Fact, key: &Key<E>, when: Expression) -> Self {
        self.push(fact, Ok(Write::Check(key_item(key))), when)
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
            .set(keys::TTL, &limit.end(now))
            .set("entity", &"Rate")
            .when_below_or_missing("count", limit.times);
        let refusal = Refusal::RateLimited { retry_after: limit.retry_after(now), what };
        self.update(Fact::Limit, key, change).answering(refusal)
    }

    /// The event, the actor whose rights are still those that were read, and the record of the answer.
    pub(crate) fn change(self, change: Change<'_>) -> Self {
        self.change_and(change, Expression::default())
    }

    /// The same, with something to count on the actor's item.
    pub(crate) fn change_and(mut self, change: Change<'_>, counting: Expression) -> Self {
        let Change { event, member, portal, sponsor, deciding, proven, record } = change;
        if let Some(member) = member {
            self = self.acting(member, event.at, counting);
        }
        self = self.administered(Fact::Actor, portal);
        if let Some(Sponsor { member, portal }) = sponsor {
            let unchanged = Expression::default().when_authority(member.authority);
            let key = keys::member(member.tenant_id, member.user_id);
            self = self.check(Fact::Sponsor, &key, unchanged).administered(Fact::Sponsor, portal.as_ref());
        }
        if let Some(deciding) = deciding {
            self = self.deciding(&deciding);
        }
        if let Some((attempt, limits)) = proven {
            self = self.forgive_sign_ins(attempt, limits, event.at);
        }
        self.add(&keys::event(event.tenant_id, event.at, event.id), &event).record(record, event.at)
    }

    /// A member did something: their authority is still the one that was read. That they did is written once a day.
    fn acting(self, member: &Member, now: Timestamp, counting: Expression) -> Self {
        let key = keys::member(member.tenant_id, member.user_id);
        let counting = counting.when_authority(member.authority);
        if member.last_active_at.is_none_or(|at| at.day() < now.day()) {
            self.update(Fact::Actor, &key, counting.set("last_active_at", &now))
        } else if counting.changes_something() {
            self.update(Fact::Actor, &key, counting)
        } else {
            self.check(Fact::Actor, &key, counting)
        }
    }

    /// The record of the answer. One whose day is over may still lie there: the sweeper is days late.
    pub(crate) fn record(self, record: Option<Record>, now: Timestamp) -> Self {
        match record {
            Some(record) => {
                let free = Expression::default().when_missing_or_until("expires_at", &now);
                self.put(Fact::Idempotency, &keys::idempotency(&record.scope, &record.key), &record, free)
            }
            None => self,
        }
    }

    /// Whether it does nothing yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.actions.is_empty() && self.error.is_none()
    }

    /// Even a single action goes as a transaction: its token keeps a try whose answer was lost from being taken for
    /// somebody else's.
    pub(crate) fn once(self) -> Self {
        Self { once: true, ..self }
    }

    /// Sends it. A transaction that only met another one, or a busy table, is tried again with back-off under the same
    /// request token, so that a try whose answer was lost isn't done twice.
    pub(crate) fn commit(self) -> Answer<'s, ()> {
        Box::pin(self.tried())
    }

    async fn tried(self) -> Result<(), Error> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let store = self.store;
        let mut random = [0; 16];
        store.random.fill(&mut random);
        let request_token = uuid::Builder::from_random_bytes(random).into_uuid().to_string();
        let items: Vec<_> = self.actions.iter().map(|a| a.item(&store.table)).collect::<Result<_, _>>()?;
        let (mut conflicts, mut busy) = (0, 0);
        loop {
            let (verdict, error) = match self.actions.as_slice() {
                [alone] if !self.once => match alone.alone(store).await {
                    Ok(()) => {
                        self.count_done();
                        return Ok(());
                    }
                    Err(failure) => failure,
                },
                _ => {
                    let sent = store
                        .client
                        .transact_write_items()
                        .set_transact_items(Some(items.clone()))
                        .client_request_token(&request_token)
                        .send()
                        .await;
                    match sent {
                        Ok(_) => {
                            self.count_done();
                            return Ok(());
                        }
                        Err(error) => (verdict(&error), store.failed(error)),
                    }
                }
            };
            match verdict {
                Some(Verdict::Conditions(failed)) => return Err(self.changed(&failed)),
                Some(Verdict::Conflict) if conflicts < CONFLICT_TRIES => {
                    store.metrics.count(Metric::Conflicts);
                    conflicts += 1;
                    store.pause(conflicts, Duration::from_millis(10)).await;
                }
                Some(Verdict::Busy) if busy < THROTTLE_TRIES => {
                    store.metrics.count(Metric::TableThrottled);
                    busy += 1;
                    store.pause(busy, Duration::from_millis(50)).await;
                }
                Some(_) | None => return Err(error),
            }
        }
    }

    /// Counts it where somebody waits for it: what is written has to come out of the pipe.
    fn count_done(&self) {
        if self.told {
            self.store.metrics.count(Metric::ChangesWritten);
        }
    }

    /// What the failed conditions mean. A limit is only the answer when nothing else changed: else it is read again.
    fn changed(&self, failed: &[usize]) -> Error {
        let mut failed = failed.iter().filter_map(|at| self.actions.get(*at));
        let first = failed.next();
        match first {
            Some(Action { refusal: Some(refusal), .. }) => match failed.find(|a| a.refusal.is_none()) {
                Some(Action { fact: Some(fact), .. }) => Error::Changed(*fact),
                Some(_) | None => Error::Refused(refusal.clone()),
            },
            Some(Action { fact: Some(fact), .. }) => Error::Changed(*fact),
            Some(_) | None => {
                Error::Corrupt("a transaction was cancelled at an action that has no condition".to_owned())
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
    pub(crate) fn transaction(&self) -> Transaction<'_> {
        Transaction { store: self, actions: Vec::with_capacity(12), once: false, told: false, error: None }
    }
}
