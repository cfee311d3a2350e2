use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    DeliveryState, Email, Invitation, InvitationId, Invocation, MailId, Reset, TenantId, Timestamp, User,
    UserId,
};

/// How long a notice is worth sending.
const NOTICE: Duration = Duration::from_secs(86_400);

/// What a mail is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum About {
    /// The link of an invitation.
    Invitation(MailTags),
    /// The link under which a forgotten password is replaced, of whoever has this address, if anybody does: whoever asked
    /// for it isn't told.
    PasswordReset {
        /// The address that the password belongs to.
        email: Email,
    },
    /// That somebody's password was changed.
    PasswordChanged {
        /// Whose.
        user_id: UserId,
    },
}

policy::closed_set! {
    /// What became of a mail of the outbox.
    pub enum MailStatus: "mail status" {
        /// To be sent.
        Queued = "queued",
        /// SES took it.
        Sent = "sent",
        /// It will never be sent.
        Failed = "failed",
    }
}

/// An entry of the outbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mail {
    /// Its id.
    pub id: MailId,
    /// What it is about.
    #[serde(flatten)]
    pub about: About,
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

/// Which generation of which invitation a mail is about: what it is marked with, so that what SES says of it later finds
/// that invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailTags {
    /// The tenant.
    #[serde(rename = "tenant_id")]
    pub tenant: TenantId,
    /// The invitation.
    #[serde(rename = "invitation_id")]
    pub invitation: InvitationId,
    /// Its generation: a mail of an older one is not sent.
    pub generation: u32,
}

impl Mail {
    fn new(about: About, to: Email, expires_at: Timestamp, invocation: &Invocation) -> Self {
        Self {
            id: MailId::new(invocation),
            about,
            to,
            status: MailStatus::Queued,
            attempts: 0,
            claimed_until: None,
            message_id: None,
            created_at: invocation.now(),
            expires_at,
        }
    }

    /// The mail that carries the link of an invitation's newest generation.
    #[must_use]
    pub fn about(invitation: &Invitation, invocation: &Invocation) -> Self {
        let tags = MailTags {
            tenant: invitation.tenant_id,
            invitation: invitation.id,
            generation: invitation.generation,
        };
        Self::new(About::Invitation(tags), invitation.email.clone(), invitation.expires_at, invocation)
    }

    /// The mail that carries the link under which the password of `email` is replaced; to that address, or to another one
    /// of somebody who proved to be its owner. Asked for longer ago than a link lives, it isn't sent.
    #[must_use]
    pub fn password_reset(email: &Email, to: &Email, invocation: &Invocation) -> Self {
        let about = About::PasswordReset { email: email.clone() };
        Self::new(about, to.clone(), invocation.now() + Reset::LIVES, invocation)
    }

    /// The mail that tells somebody that their password was changed.
    #[must_use]
    pub fn password_changed(user: &User, invocation: &Invocation) -> Self {
        let about = About::PasswordChanged { user_id: user.id };
        Self::new(about, user.email.clone(), invocation.now() + NOTICE, invocation)
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
