use model::{Invocation, TenantId, Version};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Listed, Page};

use crate::{Operate, Refused};

/// Entries of one page: well below what an invocation's answer may hold (6 MB).
const PAGE: usize = 500;

/// What is left out: digests of secrets, and versions that mean nothing elsewhere.
const INTERNAL: [&str; 3] = ["newest_token", "version", "authority"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    tenant: TenantId,
    /// Where the last page ended: its `next`.
    after: Option<Cursor>,
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
    /// Reads only, and is asked for again with `after` until there is no `next`.
    pub(crate) async fn export(&self, order: Order, invocation: &Invocation) -> Result<Value, Refused> {
        let tenant = self.tenant(order.tenant).await?;
        let Cursor { part, id } = order.after.unwrap_or(Cursor { part: Part::Brands, id: None });
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
            Some(id) => Some(Cursor { part, id: Some(id) }),
            None => part.next().map(|part| Cursor { part, id: None }),
        };
        Ok(json!({"tenant": outward(&tenant)?, "part": part, "items": items, "next": next}))
    }
}
