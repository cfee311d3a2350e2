use model::{EventKind, Invocation, Mail, Subject};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::keys;

use crate::release::{TRAILS, address};
use crate::{Operate, Refused, change};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    email: String,
    #[serde(default)]
    to: Option<String>,
    reason: String,
}

impl Operate {
    /// Mails the link under which a password is replaced, to the address itself or to another one of somebody who proved by
    /// other means whose account it is.
    pub(crate) async fn reset(&self, order: Order, invocation: &Invocation) -> Result<Value, Refused> {
        let email = address("email", &order.email)?;
        let to = order.to.as_deref().map_or(Ok(email.clone()), |to| address("to", to))?;
        let facts = (keys::credential(email.canonical()), keys::suppression(to.canonical()));
        let (credential, suppression) = self.store.load(facts).await?;
        let credential = credential.ok_or_else(|| Refused::because("nobody has this address"))?;
        if suppression.is_some() {
            let words = format!(
                "no mail goes to {}, `lift-suppression` lets it, or name another in `to`",
                to.address()
            );
            return Err(Refused::because(words));
        }
        let ground = self.store.ground_of(&credential, invocation.now()).await?;
        let ground = ground.ok_or_else(|| {
            Refused::because(
                "the account has no membership in use and no invitation, there is nothing to sign in to",
            )
        })?;
        let mail = Mail::vouched_reset(&credential, &to, invocation);
        // teams of before have no business with a private address
        let changes = credential.current().take(TRAILS).map(|tenant| {
            let (kind, subject) = (EventKind::PasswordResetSent, Subject::Member(credential.user_id));
            change(invocation, tenant, kind, subject, &order.reason)
                .with("email", credential.email.as_entered())
                .with("to", to.as_entered())
        });
        self.store.send_reset(&mail, &credential, &ground, changes).await?;
        Ok(json!({"email": email.canonical(), "user": credential.user_id, "to": to.canonical()}))
    }
}
