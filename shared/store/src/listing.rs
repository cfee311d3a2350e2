//! Lists: a page at a time, in the order of the ids, which is the order in which things were made.

use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use model::{Brand, Event, EventId, Invitation, InvitationId, InvitationStatus, Member, TenantId, Timestamp};
use uuid::Uuid;

use crate::error::Error;
use crate::item::{Item, from_item};
use crate::keys::{self, InList};
use crate::{Answer, Store, keys::Entity};

/// Which stretch of a list.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// After this entry; from the beginning where there is none.
    pub after: Option<Uuid>,
    /// At most so many.
    pub limit: usize,
}

/// A stretch of a list.
#[derive(Debug)]
pub struct Listed<E> {
    /// The entries.
    pub items: Vec<E>,
    /// Where the next stretch begins, if there may be more.
    pub next: Option<Uuid>,
}

/// Sorts after the last hexadecimal digit of every id.
const END: &str = "g";

/// How many queries one page may take when a filter lets little through; the cursor goes on from there.
const QUERIES: usize = 8;

/// How many of a tenant's pending invitations are looked through at once.
const MOST_PENDING: i32 = 500;

impl Store {
    /// What a query of the table finds.
    pub(crate) fn ask(&self, query: QueryFluentBuilder) -> Answer<'_, QueryOutput> {
        let sent = query.table_name(self.table.as_ref()).send();
        Box::pin(async move { sent.await.map_err(|error| self.failed(error)) })
    }

    async fn query<E: Entity>(
        &self,
        partition: String,
        from: String,
        to: String,
        forward: bool,
        limit: usize,
    ) -> Result<(Vec<E>, bool), Error> {
        let query = self
            .client
            .query()
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", AttributeValue::S(partition))
            .expression_attribute_values(":from", AttributeValue::S(from))
            .expression_attribute_values(":to", AttributeValue::S(to))
            .scan_index_forward(forward)
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let found = self.ask(query).await?;
        let more = found.last_evaluated_key.is_some();
        let items = found.items.unwrap_or_default().into_iter().map(from_item).collect::<Result<_, _>>()?;
        Ok((items, more))
    }

    /// A stretch of one of the lists of a partition, of those entries that `keep` lets through.
    pub(crate) async fn list<E: InList>(
        &self,
        partition: String,
        page: Page,
        keep: impl Fn(&E) -> bool,
    ) -> Result<Listed<E>, Error> {
        let mut items = Vec::new();
        let mut after = page.after;
        for _ in 0..QUERIES {
            // `!` follows an id directly: the next sort key that could be there
            let from = after.map_or_else(|| E::PREFIX.to_owned(), |id| format!("{}!", E::sort_key(id)));
            let to = format!("{}{END}", E::PREFIX);
            let wanted = page.limit - items.len();
            let (found, more) = self.query::<E>(partition.clone(), from, to, true, wanted).await?;
            after = found.last().map(InList::id).or(after);
            items.extend(found.into_iter().filter(&keep));
            if !more {
                return Ok(Listed { items, next: None });
            }
            if items.len() >= page.limit {
                break;
            }
        }
        Ok(Listed { items, next: after })
    }

    /// Members, in the order in which they became users.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub async fn members(
        &self,
        tenant: TenantId,
        page: Page,
        keep: impl Fn(&Member) -> bool,
    ) -> Result<Listed<Member>, Error> {
        self.list(keys::tenant_partition(tenant), page, keep).await
    }

    /// Invitations, in the order in which they were made.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub async fn invitations(
        &self,
        tenant: TenantId,
        page: Page,
        keep: impl Fn(&Invitation) -> bool,
    ) -> Result<Listed<Invitation>, Error> {
        self.list(keys::tenant_partition(tenant), page, keep).await
    }

    /// Brands, in the order in which they were made.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub async fn brands(
        &self,
        tenant: TenantId,
        page: Page,
        keep: impl Fn(&Brand) -> bool,
    ) -> Result<Listed<Brand>, Error> {
        self.list(keys::tenant_partition(tenant), page, keep).await
    }

    /// Events, newest first, from `newest` (after the cursor's id) back to the month `since`, of those that `keep` lets
    /// through.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub async fn events(
        &self,
        tenant: TenantId,
        page: Page,
        (now, since): (Timestamp, Timestamp),
        keep: impl Fn(&Event) -> bool,
    ) -> Result<Listed<Event>, Error> {
        let mut items: Vec<Event> = Vec::new();
        let mut month = page.after.and_then(|id| EventId(id).made_at()).unwrap_or(now);
        let mut before = page.after;
        for _ in 0..QUERIES {
            let partition = keys::events_partition(tenant, &month.month());
            // `-` sorts before every digit: everything that comes before that id
            let to = before.map_or_else(|| END.to_owned(), |id| just_before(id).to_string());
            let wanted = page.limit - items.len();
            let (found, more) = self.query::<Event>(partition, "0".to_owned(), to, false, wanted).await?;
            before = found.last().map(|event| event.id.0);
            items.extend(found.into_iter().filter(&keep));
            if !more {
                if month.month() <= since.month() {
                    return Ok(Listed { items, next: None });
                }
                month = previous_month(month);
                before = None;
            }
            if items.len() >= page.limit {
                break;
            }
        }
        let next = before.or_else(|| Some(last_of(month)));
        Ok(Listed { items, next })
    }

    /// Pending invitations whose time isn't over, those that end first before the others: the first five hundred, and
    /// whether there are more. Found by the index, read from the table.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub async fn pending_invitations(
        &self,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<(Vec<Invitation>, bool), Error> {
        let (ids, more) = self.index_of_pending(tenant, "gsi1sk > :now", now, MOST_PENDING).await?;
        let keys: Vec<_> = ids.into_iter().map(|id| keys::invitation(tenant, id)).collect();
        let mut pending: Vec<Invitation> = self.load(keys).await?.into_iter().flatten().collect();
        pending.retain(|invitation| invitation.status_at(now) == InvitationStatus::Pending);
        Ok((pending, more))
    }

    /// Pending invitations that have expired, the oldest first: found by the index, to be decided on the items.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn expired_invitations(
        &self,
        tenant: TenantId,
        now: Timestamp,
        limit: i32,
    ) -> Result<Vec<InvitationId>, Error> {
        Ok(self.index_of_pending(tenant, "gsi1sk <= :now", now, limit).await?.0)
    }

    async fn index_of_pending(
        &self,
        tenant: TenantId,
        stretch: &str,
        now: Timestamp,
        limit: i32,
    ) -> Result<(Vec<InvitationId>, bool), Error> {
        let query = self
            .client
            .query()
            .index_name(keys::INDEX)
            .key_condition_expression(format!("gsi1pk = :pending AND {stretch}"))
            .expression_attribute_values(":pending", AttributeValue::S(keys::pending(tenant)))
            .expression_attribute_values(":now", AttributeValue::S(keys::expired_by(now)))
            .limit(limit);
        let found = self.ask(query).await?;
        let named = |entry: &Item| keys::invitation_of_pending(entry.get("gsi1sk")?.as_s().ok()?);
        Ok((found.items().iter().filter_map(named).collect(), found.last_evaluated_key.is_some()))
    }
}

/// The greatest id below `id`.
fn just_before(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128().saturating_sub(1))
}

/// The last moment of the month before.
fn previous_month(t: Timestamp) -> Timestamp {
    const DAY: u64 = 86_400_000;
    let (mut day, month) = (t, t.month());
    while day.month() == month && day.unix_millis() >= DAY {
        day = Timestamp::from_unix_millis(day.unix_millis() / DAY * DAY - 1);
    }
    day
}

/// An id after every one of that moment's millisecond.
fn last_of(t: Timestamp) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(t.unix_millis(), &[0xff; 10]).into_uuid()
}
