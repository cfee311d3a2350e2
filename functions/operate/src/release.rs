use model::{Belonging, Email, EventKind, Invocation, Subject};
use serde::Deserialize;
use serde_json::{Value, json};
use store::keys;

use crate::{Operate, Refused, change};

/// Trails that one release is noted in: what a transaction holds with room to spare.
const TRAILS: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    email: String,
    reason: String,
}

impl Operate {
    pub(crate) async fn release(&self, order: Order, invocation: &Invocation) -> Result<Value, Refused> {
        let email = Email::parse(&order.email).map_err(|why| Refused::because(format!("`email`: {why}")))?;
        let credential = self.store.load(keys::credential(email.canonical())).await?;
        let credential = credential.ok_or_else(|| Refused::because("nobody has this address"))?;
        let current = credential.tenants.iter().find(|(_, belonging)| **belonging != Belonging::Former);
        if let Some((tenant, _)) = current {
            return Err(Refused::because(format!(
                "the address is a member of tenant {tenant}, remove it there first"
            )));
        }
        let subject = Subject::Member(credential.user_id);
        let changes = credential.tenants.keys().take(TRAILS).map(|tenant| {
            change(invocation, *tenant, EventKind::EmailReleased, subject, &order.reason)
                .with("email", email.as_entered())
        });
        self.store.release_email(&credential, changes).await?;
        Ok(json!({"email": email.canonical(), "user": credential.user_id}))
    }
}
