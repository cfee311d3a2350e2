use std::time::Duration;

use model::{EventId, EventKind, Invocation, Subject, Tenant, TenantId, Version};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Listed, Page, keys};

use crate::{Operate, Refused, change};

/// Entries of one page: well below what an invocation's answer may hold (6 MB).
const PAGE: usize = 500;

/// How long an export may take: one that goes on after that leaves an event of its own.
const WITHIN: Duration = Duration::from_secs(86_400);

/// What is left out: digests of secrets, and versions that mean nothing elsewhere.
const INTERNAL: [&str; 4] = ["newest_token", "version", "authority", "unconfirmed_until"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    tenant: TenantId,
    /// Where the last page ended: its `next`.
    after: Option<Cursor>,
    reason: String,
}

policy::closed_set! {
    /// The parts of an export, in their order.
    enum Part: "part" {
        /// The brands.
        Brands = "brands",
        /// The members, former ones too.
        Members = "members",
        /// The invitations, whatever became of them.
        Invitations = "invitations",
        /// The audit trail, newest first.
        Events = "events",
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    /// The event that the first page left: none goes without.
    export: EventId,
    part: Part,
    id: Option<Version>,
}

impl Part {
    const fn next(self) -> Option<Self> {
        match self {
            Self::Brands => Some(Self::Members),
            Self::Members => Some(Self::Invitations),
            Self::Invitations => Some(Self::Events),
            Self::Events => None,
        }
    }
}

fn plain<E: Serialize>(listed: Listed<E>) -> Result<(Vec<Value>, Option<Version>), Refused> {
    let items = listed.items.iter().map(outward).collect::<Result<_, _>>()?;
    Ok((items, listed.next.map(Version)))
}

fn outward(entity: &impl Serialize) -> Result<Value, Refused> {
    let mut value = serde_json::to_value(entity).map_err(Refused::because)?;
    if let Some(fields) = value.as_object_mut() {
        for name in INTERNAL {
            fields.remove(name);
        }
    }
    Ok(value)
}

impl Operate {
    /// The first page leaves the event, and is followed by others, with `after`, until there is no `next`.
    pub(crate) async fn export(&self, order: Order, invocation: &Invocation) -> Result<Value, Refused> {
        let tenant = self.tenant(order.tenant).await?;
        let Cursor { export, part, id } = match order.after {
            Some(cursor) => {
                self.begun(&tenant, cursor.export, invocation).await?;
                cursor
            }
            None => self.begin(&tenant, &order.reason, invocation).await?,
        };
        let page = Page { after: id.map(|version| version.0), limit: PAGE };
        let (store, t) = (&self.store, tenant.id);
        let (items, next) = match part {
            Part::Brands => plain(store.brands(t, page, |_| true).await?)?,
            Part::Members => plain(store.members(t, page, |_| true).await?)?,
            Part::Invitations => plain(store.invitations(t, page, |_| true).await?)?,
            Part::Events => {
                plain(store.events(t, page, (invocation.now(), tenant.created_at), |_| true).await?)?
            }
        };
        let next = match next {
            Some(id) => Some(Cursor { export, part, id: Some(id) }),
            None => part.next().map(|part| Cursor { export, part, id: None }),
        };
        Ok(json!({"tenant": outward(&tenant)?, "part": part, "items": items, "next": next}))
    }

    /// Leaves the event in the trail of the tenant whose data goes out.
    async fn begin(&self, tenant: &Tenant, reason: &str, invocation: &Invocation) -> Result<Cursor, Refused> {
        let subject = Subject::Tenant(tenant.id);
        let change = change(invocation, tenant.id, EventKind::TenantExported, subject, reason);
        let export = change.event_id();
        self.store.note(tenant, change).await?;
        Ok(Cursor { export, part: Part::Brands, id: None })
    }

    /// Refuses a page of an export that never began, or began so long ago that this is another one.
    async fn begun(&self, tenant: &Tenant, export: EventId, invocation: &Invocation) -> Result<(), Refused> {
        let found = match export.made_at() {
            Some(at) if invocation.now().since(at) < WITHIN => {
                self.store.load(keys::event(tenant.id, at, export)).await?
            }
            _ => None,
        };
        match found {
            Some(event) if event.kind == EventKind::TenantExported => Ok(()),
            _ => Err(Refused::because(
                "`after`: no export of this tenant began so within a day, begin without",
            )),
        }
    }
}
