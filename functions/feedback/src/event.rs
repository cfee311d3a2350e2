//! SES's events, as EventBridge carries them.
//!
//! <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>

use model::{DeliveryState, InvitationId, MailTags, TenantId};
use serde::Deserialize;
use serde_json::Value;

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
    detail: Detail,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    mail: Mail,
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
    delivery_delay: Option<Delay>,
    reject: Option<Reject>,
}

#[derive(Deserialize)]
struct Mail {
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
    #[serde(default)]
    bounced_recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    #[serde(default)]
    complained_recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    email_address: String,
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

impl Tags {
    fn mail(&self) -> Option<MailTags> {
        let ([tenant], [invitation], [generation]) =
            (self.tenant.as_slice(), self.invitation.as_slice(), self.generation.as_slice())
        else {
            return None;
        };
        Some(MailTags {
            tenant: TenantId::parse(tenant)?,
            invitation: InvitationId::parse(invitation)?,
            generation: generation.parse().ok()?,
        })
    }
}

/// Reads an event; `None` for one that is not about a mail of ours.
pub(crate) fn parse(event: &Value) -> Option<Feedback> {
    let Envelope { source, kind, detail } = Envelope::deserialize(event).ok()?;
    if source != "aws.ses" {
        return None;
    }
    let mail = detail.mail.tags.mail();
    let feedback = |state, reason: Option<&str>, lost| Feedback {
        mail,
        state,
        reason: reason.map(str::to_owned),
        passing: false,
        lost,
    };
    match kind.as_str() {
        "Email Delivered" => Some(feedback(DeliveryState::Delivered, None, Vec::new())),
        "Email Delivery Delayed" => {
            let delay = detail.delivery_delay?;
            Some(feedback(DeliveryState::Delayed, Some(delayed(&delay.delay_type)), Vec::new()))
        }
        "Email Bounced" => Some(bounced(mail, detail.bounce?)),
        "Email Complaint Received" => {
            let lost = addresses(detail.complaint?.complained_recipients);
            Some(feedback(DeliveryState::Complained, Some("the recipient marked it as spam"), lost))
        }
        "Email Rejected" => {
            let reject = detail.reject?;
            let reason = format!("the mail service rejected it: {}", reject.reason);
            Some(feedback(DeliveryState::Failed, Some(&reason), Vec::new()))
        }
        "Email Rendering Failed" => {
            Some(feedback(DeliveryState::Failed, Some("the mail could not be rendered"), Vec::new()))
        }
        _ => None,
    }
}

fn addresses(recipients: Vec<Recipient>) -> Vec<String> {
    recipients.into_iter().map(|r| r.email_address).collect()
}

fn bounced(mail: Option<MailTags>, bounce: Bounce) -> Feedback {
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
        lost: if permanent { addresses(bounce.bounced_recipients) } else { Vec::new() },
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
