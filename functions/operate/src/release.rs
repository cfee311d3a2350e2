use model::{Belonging, Email, Event, EventKind, EventSubject};
use serde::Deserialize;
use serde_json::{Value, json};
use store::keys;

use crate::{Call, Refused};

/// Trails that one release is noted in: what a transaction holds with room to spare.
const TRAILS: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    email: String,
    reason: String,
}

impl Call<'_> {
    pub(crate) async fn release(&self, order: Order) -> Result<Value, Refused> {
        let email = Email::parse(&order.email).map_err(|why| Refused::because(format!("`email`: {why}")))?;
        let claim = self.store().load(keys::claim(email.canonical())).await?;
        let claim = claim.ok_or_else(|| Refused::because("nobody has this address"))?;
        let current = claim.tenants.iter().find(|(_, belonging)| **belonging != Belonging::Former);
        if let Some((tenant, _)) = current {
            return Err(Refused::because(format!(
                "the address is a member of tenant {tenant}, remove it there first"
            )));
        }
        let events: Vec<Event> = claim
            .tenants
            .keys()
            .take(TRAILS)
            .map(|tenant| {
                let subject = EventSubject::Member(claim.user_id);
                self.event(*tenant, EventKind::EmailReleased, subject, &order.reason)
                    .with("email", email.typed())
            })
            .collect();
        self.store().release_email(&claim, &events).await?;
        Ok(json!({"email": email.canonical(), "user": claim.user_id}))
    }
}
