use model::{Belonging, Credential, Email, EventKind, Invocation, Subject};
use serde::Deserialize;
use serde_json::{Value, json};
use store::{Change, keys};

use crate::{Operate, Refused, change};

/// Trails that one release is noted in: what a transaction holds with room to spare.
pub(crate) const TRAILS: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    email: String,
    reason: String,
}

impl Operate {
    pub(crate) async fn release(&self, order: Order, invocation: &Invocation) -> Result<Value, Refused> {
        let email = address("email", &order.email)?;
        let credential = self.store.load(keys::credential(email.canonical())).await?;
        let credential = credential.ok_or_else(|| Refused::because("nobody has this address"))?;
        let current = credential.tenants.iter().find(|(_, belonging)| **belonging != Belonging::Former);
        if let Some((tenant, _)) = current {
            return Err(Refused::because(format!(
                "the address is a member of tenant {tenant}, remove it there first"
            )));
        }
        let changes = trails(&credential, EventKind::EmailReleased, &order.reason, invocation);
        self.store.release_email(&credential, changes).await?;
        Ok(json!({"email": email.canonical(), "user": credential.user_id}))
    }

    /// Needs no account behind the address: what was suppressed may never have been anybody's.
    pub(crate) async fn lift(&self, order: Order, invocation: &Invocation) -> Result<Value, Refused> {
        let email = address("email", &order.email)?;
        let facts = (keys::suppression(email.canonical()), keys::credential(email.canonical()));
        let (suppression, credential) = self.store.load(facts).await?;
        let suppression =
            suppression.ok_or_else(|| Refused::because("no mail is held back from this address"))?;
        let kind = EventKind::EmailUnsuppressed;
        let changes = credential.iter().flat_map(|c| trails(c, kind, &order.reason, invocation));
        self.store.lift_suppression(&email, credential.as_ref(), changes).await?;
        Ok(json!({"email": email.canonical(), "was": suppression.state, "since": suppression.at}))
    }
}

/// The address in this field of an order.
pub(crate) fn address(field: &str, text: &str) -> Result<Email, Refused> {
    Email::parse(text).map_err(|why| Refused::because(format!("`{field}`: {why}")))
}

/// A change in the trail of each tenant that an address belongs or belonged to.
fn trails<'a>(
    credential: &'a Credential,
    kind: EventKind,
    reason: &'a str,
    invocation: &'a Invocation,
) -> impl Iterator<Item = Change<'static>> + 'a {
    let subject = Subject::Member(credential.user_id);
    credential.tenants.keys().take(TRAILS).map(move |tenant| {
        change(invocation, *tenant, kind, subject, reason).with("email", credential.email.as_entered())
    })
}
