use mail::{Account, Identity};
use model::Email;
use serde::Deserialize;
use serde_json::{Value, json};
use store::keys;

use crate::release::address;
use crate::{Operate, Refused};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    #[serde(default)]
    email: Option<String>,
}

impl Operate {
    /// How SES stands to the sender and, where one is named, to an address. Changes nothing, so that there is no reason to give
    /// and no trail.
    pub(crate) async fn mail_status(&self, order: Order) -> Result<Value, Refused> {
        let email = order.email.as_deref().map(|email| address("email", email)).transpose()?;
        let asked = tokio::try_join!(self.inspector.account(), self.inspector.identity());
        let (account, identity) = asked.map_err(Refused::because)?;
        let mut status = json!({
            "sender": {
                "from": self.inspector.sender(),
                "identity": identity.as_ref().map(|identity| &identity.name),
                "verified": identity.as_ref().is_some_and(|identity| identity.is_verified),
                "dkim": identity.as_ref().and_then(|identity| identity.dkim.as_ref()),
                "mail_from": identity.as_ref().and_then(|identity| identity.mail_from.as_ref()).map(
                    |(domain, status)| json!({"domain": domain, "status": status}),
                ),
            },
            "account": {
                "sandbox": account.is_in_sandbox,
                "sending": account.may_send,
                "enforcement": account.enforcement,
                "quota": {"day": account.a_day, "second": account.a_second, "sent_last_day": account.last_day},
            },
            "in_the_way": in_the_way(&account, identity.as_ref()),
        });
        if let (Some(email), Some(fields)) = (email, status.as_object_mut()) {
            fields.insert("address".to_owned(), self.address_status(&email).await?);
        }
        Ok(status)
    }

    /// What holds mail back from an address, at SES and here.
    async fn address_status(&self, email: &Email) -> Result<Value, Refused> {
        let suppressed = self.inspector.suppressed(email).await.map_err(Refused::because)?;
        let suppression = self.store.load(keys::suppression(email.canonical())).await?;
        Ok(json!({
            "email": email.canonical(),
            "held_back_by_ses": suppressed.map(|one| json!({"reason": one.reason, "since": one.since})),
            "held_back_here": suppression.map(|one| json!({"was": one.state, "since": one.at})),
        }))
    }
}

/// Why mails of this sender don't arrive, in words.
fn in_the_way(account: &Account, identity: Option<&Identity>) -> Vec<&'static str> {
    let dkim = identity.and_then(|identity| identity.dkim.as_deref());
    let mail_from = identity.and_then(|identity| identity.mail_from.as_ref());
    [
        (identity.is_none(), "SES doesn't know the sender: make an identity of its domain"),
        (
            identity.is_some_and(|identity| !identity.is_verified),
            "the sender isn't verified: publish the records that SES names",
        ),
        (
            identity.is_some() && dkim != Some("SUCCESS"),
            "mails aren't signed: publish the identity's DKIM records",
        ),
        (
            mail_from.is_some_and(|(_, status)| status != "SUCCESS"),
            "the MAIL FROM domain isn't verified: publish its MX and SPF records",
        ),
        (account.is_in_sandbox, "the account is in the sandbox: only verified addresses get mail"),
        (!account.may_send, "SES has paused the account: see its reputation there"),
        // a negative number is no bound
        ((0.0..=account.last_day).contains(&account.a_day), "the mails of a day are used up"),
    ]
    .into_iter()
    .filter_map(|(is_so, words)| is_so.then_some(words))
    .collect()
}
