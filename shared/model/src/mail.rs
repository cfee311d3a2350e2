use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{DeliveryState, Email, Invitation, InvitationId, Invocation, MailId, TenantId, Timestamp};

policy::closed_set! {
    /// What a mail is about.
    pub enum MailKind: "kind of mail" {
        /// The link of an invitation.
        Invitation = "invitation",
    }
}

policy::closed_set! {
    /// What became of a mail of the outbox.
    pub enum MailStatus: "mail status" {
        /// To be sent.
        Queued = "queued",
        /// SES took it.
        Sent = "sent",
        /// SES will never take it.
        Failed = "failed",
    }
}

/// An entry of the outbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mail {
    /// Its id.
    pub id: MailId,
    /// What it is about.
    pub kind: MailKind,
    /// The tenant that it is sent for.
    pub tenant_id: TenantId,
    /// The invitation that it is about.
    pub invitation_id: InvitationId,
    /// That invitation's generation: a mail of an older one is not sent.
    pub generation: u32,
    /// Whom it goes to.
    pub to: Email,
    /// What became of it.
    pub status: MailStatus,
    /// How often a send was begun.
    pub attempts: u32,
    /// While this lies ahead, somebody is sending it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_until: Option<Timestamp>,
    /// What SES calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// When it was written.
    pub created_at: Timestamp,
    /// When the link that it carries is over: nothing is sent from then on, and one that was never sent tells the
    /// sweeper of its invitation.
    pub expires_at: Timestamp,
}

/// What a sent mail is marked with, so that what SES says of it later finds its invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailTags {
    /// The tenant.
    pub tenant: TenantId,
    /// The invitation.
    pub invitation: InvitationId,
    /// Its generation.
    pub generation: u32,
}

impl Mail {
    /// The mail that carries the link of an invitation's newest generation.
    #[must_use]
    pub fn about(invitation: &Invitation, invocation: &Invocation) -> Self {
        Self {
            id: MailId::new(invocation),
            kind: MailKind::Invitation,
            tenant_id: invitation.tenant_id,
            invitation_id: invitation.id,
            generation: invitation.generation,
            to: invitation.email.clone(),
            status: MailStatus::Queued,
            attempts: 0,
            claimed_until: None,
            message_id: None,
            created_at: invocation.now(),
            expires_at: invitation.expires_at,
        }
    }

    /// The mail with one more send begun, whose claim lasts so long from `now` on.
    #[must_use]
    pub fn claimed(&self, now: Timestamp, lasting: Duration) -> Self {
        Self { attempts: self.attempts + 1, claimed_until: Some(now + lasting), ..self.clone() }
    }

    /// The mail as SES took it.
    #[must_use]
    pub fn sent(&self, message_id: String) -> Self {
        Self { status: MailStatus::Sent, message_id: Some(message_id), ..self.clone() }
    }

    /// The mail that SES will never take.
    #[must_use]
    pub fn failed(&self) -> Self {
        Self { status: MailStatus::Failed, ..self.clone() }
    }

    /// What SES is told to mark it with.
    #[must_use]
    pub const fn tags(&self) -> MailTags {
        MailTags { tenant: self.tenant_id, invitation: self.invitation_id, generation: self.generation }
    }
}

/// An address that no mail goes to any more: it bounced for good, or its owner complained.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Suppression {
    /// The address.
    pub email: Email,
    /// What happened.
    pub state: DeliveryState,
    /// In words for an admin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was first reported.
    pub at: Timestamp,
}
