//! SES's events, as EventBridge carries them.
//!
//! <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>

use std::fmt::Display;

use model::{DeliveryState, InvitationId, MailTags, TenantId};
use serde::Deserialize;
use serde_json::Value;
use store::Error;

/// What an event says.
#[derive(Debug)]
pub(crate) struct Feedback {
    /// Which mail, if it was one of an invitation.
    pub(crate) mail: Option<MailTags>,
    pub(crate) state: DeliveryState,
    /// In words for an admin.
    pub(crate) reason: Option<String>,
    /// Whether it is a bounce that says nothing of the next mail.
    pub(crate) passing: bool,
    /// Addresses that are lost for good.
    pub(crate) lost: Vec<String>,
}

#[derive(Deserialize)]
struct Envelope {
    source: String,
    #[serde(rename = "detail-type")]
    kind: String,
}

/// The kinds that the stack's rule asks for.
enum Kind {
    Delivered,
    Delayed,
    Bounced,
    Complained,
    Rejected,
    NotRendered,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    mail: Mail,
    bounce: Option<Bounce>,
    delivery_delay: Option<Delay>,
    reject: Option<Reject>,
}

#[derive(Deserialize)]
struct Mail {
    /// Whom it was sent to: one address, ours to say. Who bounced or complained is what the other side's server says, and
    /// that may be anybody.
    destination: Vec<String>,
    #[serde(default)]
    tags: Tags,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tags {
    tenant: Vec<String>,
    invitation: Vec<String>,
    generation: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: String,
    #[serde(default)]
    bounce_sub_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delay {
    #[serde(default)]
    delay_type: String,
}

#[derive(Deserialize)]
struct Reject {
    #[serde(default)]
    reason: String,
}

impl Kind {
    fn named(name: &str) -> Option<Self> {
        match name {
            "Email Delivered" => Some(Self::Delivered),
            "Email Delivery Delayed" => Some(Self::Delayed),
            "Email Bounced" => Some(Self::Bounced),
            "Email Complaint Received" => Some(Self::Complained),
            "Email Rejected" => Some(Self::Rejected),
            "Email Rendering Failed" => Some(Self::NotRendered),
            _ => None,
        }
    }
}

impl Tags {
    /// Which mail they mark; `None` for one that is about no invitation, which has none.
    fn mail(&self) -> Result<Option<MailTags>, Error> {
        let (tenant, invitation, generation) =
            match (self.tenant.as_slice(), self.invitation.as_slice(), self.generation.as_slice()) {
                ([], [], []) => return Ok(None),
                ([tenant], [invitation], [generation]) => {
                    (TenantId::parse(tenant), InvitationId::parse(invitation), generation.parse::<u32>().ok())
                }
                _ => (None, None, None),
            };
        match (tenant, invitation, generation) {
            (Some(tenant), Some(invitation), Some(generation)) => {
                Ok(Some(MailTags { tenant, invitation, generation }))
            }
            _ => Err(unreadable("tags that name no mail")),
        }
    }
}

/// Reads an event; `None` for one that is of no kind that is looked at here.
///
/// # Errors
/// [`Error::Corrupt`] for one of these kinds that says it in another way, and for what is no event at all: who acknowledged it
/// would lose a bounce, and nobody would ever know.
pub(crate) fn parse(event: &Value) -> Result<Option<Feedback>, Error> {
    let Envelope { source, kind } = Envelope::deserialize(event).map_err(unreadable)?;
    let (true, Some(kind)) = (source == "aws.ses", Kind::named(&kind)) else {
        return Ok(None);
    };
    let detail = Detail::deserialize(event.get("detail").unwrap_or(&Value::Null)).map_err(unreadable)?;
    let mail = detail.mail.tags.mail()?;
    let feedback = |state, reason: Option<&str>, lost| Feedback {
        mail,
        state,
        reason: reason.map(str::to_owned),
        passing: false,
        lost,
    };
    Ok(Some(match kind {
        Kind::Delivered => feedback(DeliveryState::Delivered, None, Vec::new()),
        Kind::Delayed => {
            let delay = detail.delivery_delay.ok_or_else(|| unreadable("a delay that isn't said"))?;
            feedback(DeliveryState::Delayed, Some(delayed(&delay.delay_type)), Vec::new())
        }
        Kind::Bounced => {
            let bounce = detail.bounce.ok_or_else(|| unreadable("a bounce that isn't said"))?;
            bounced(mail, &bounce, detail.mail.destination)
        }
        Kind::Complained => {
            let reason = Some("the recipient marked it as spam");
            feedback(DeliveryState::Complained, reason, detail.mail.destination)
        }
        Kind::Rejected => {
            let reject = detail.reject.ok_or_else(|| unreadable("a rejection that isn't said"))?;
            let reason = format!("the mail service rejected it: {}", reject.reason);
            feedback(DeliveryState::Failed, Some(&reason), Vec::new())
        }
        Kind::NotRendered => {
            feedback(DeliveryState::Failed, Some("the mail could not be rendered"), Vec::new())
        }
    }))
}

fn unreadable(cause: impl Display) -> Error {
    Error::Corrupt(format!("SES's event: {cause}"))
}

fn bounced(mail: Option<MailTags>, bounce: &Bounce, destination: Vec<String>) -> Feedback {
    let reason = match bounce.bounce_sub_type.as_str() {
        "MailboxFull" => "bounced: mailbox full",
        "MessageTooLarge" => "bounced: message too large",
        "ContentRejected" | "AttachmentRejected" => "bounced: the recipient's server refused the content",
        "NoEmail" => "bounced: no such address",
        "Suppressed" | "OnAccountSuppressionList" => {
            "the address is on the suppression list after earlier bounces"
        }
        _ if bounce.bounce_type == "Permanent" => "bounced: the recipient's server refused the address",
        _ => "bounced: the recipient's server could not take it",
    };
    let suppressed = matches!(bounce.bounce_sub_type.as_str(), "Suppressed" | "OnAccountSuppressionList");
    let permanent = bounce.bounce_type == "Permanent";
    Feedback {
        mail,
        state: if suppressed { DeliveryState::Suppressed } else { DeliveryState::Bounced },
        reason: Some(reason.to_owned()),
        passing: !permanent,
        lost: if permanent { destination } else { Vec::new() },
    }
}

fn delayed(kind: &str) -> &'static str {
    match kind {
        "MailboxFull" => "delayed: mailbox full",
        "SpamDetected" => "delayed: the recipient's server suspects spam",
        "RecipientServerError" | "TransientCommunicationFailure" => {
            "delayed: the recipient's server does not answer"
        }
        _ => "delayed, the mail service goes on trying",
    }
}
