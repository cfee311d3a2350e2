use std::fmt;

use model::{
    Actor, Decision, Digest, Event, EventId, EventKind, Invocation, Limits, Member, Portal, Sponsor, Subject,
    Tenant, TenantId, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::Attempt;

/// What every change takes with it into its transaction: the one event that tells of it (G11), whose rights it rests
/// on, and the record of what was answered.
pub struct Change<'a> {
    pub(crate) event: Event,
    pub(crate) member: Option<&'a Member>,
    pub(crate) portal: Option<&'a Portal>,
    pub(crate) sponsor: Option<&'a Sponsor>,
    pub(crate) deciding: Option<Deciding<'a>>,
    pub(crate) proven: Option<(Attempt<'a>, &'a Limits)>,
    pub(crate) record: Option<Record>,
}

impl<'a> Change<'a> {
    /// `actor` did `kind` to `subject`, in this invocation.
    #[must_use]
    pub fn new(
        invocation: &Invocation,
        tenant: TenantId,
        actor: Actor,
        kind: EventKind,
        subject: Subject,
    ) -> Self {
        Self {
            event: Event::new(invocation, tenant, actor, kind, subject),
            member: None,
            portal: None,
            sponsor: None,
            deciding: None,
            proven: None,
            record: None,
        }
    }

    /// By this member, on the condition that their authority is the one that was read.
    #[must_use]
    pub fn by(self, member: &'a Member) -> Self {
        Self { member: Some(member), ..self }
    }

    /// By a member of this portal, where there is one, on the condition that it is in charge still and its account is as it
    /// was read (R8).
    #[must_use]
    pub fn through(self, portal: Option<&'a Portal>) -> Self {
        Self { portal, ..self }
    }

    /// Resting on this sponsor's right to give (R9), on the condition that their authority is the one that was read.
    #[must_use]
    pub fn sponsored_by(self, sponsor: Option<&'a Sponsor>) -> Self {
        Self { sponsor, ..self }
    }

    /// Deciding, in a review that still goes on, over the decision that was read.
    #[must_use]
    pub fn deciding(self, before: Option<&'a Decision>, after: &'a Decision) -> Self {
        Self { deciding: Some(Deciding { before, after }), ..self }
    }

    /// Proven with a password: the wrong ones that were tried before it from the same source are forgiven, and so is that it
    /// was counted itself.
    #[must_use]
    pub fn proven_by(self, attempt: Attempt<'a>, limits: &'a Limits) -> Self {
        Self { proven: Some((attempt, limits)), ..self }
    }

    /// With the record of the answer, where the request had an `Idempotency-Key`.
    #[must_use]
    pub fn recorded(self, record: Option<Record>) -> Self {
        Self { record, ..self }
    }

    /// Beginning the trail of this new tenant.
    #[must_use]
    pub fn founding(self, tenant: &Tenant) -> Self {
        Self { event: self.event.founding(tenant), ..self }
    }

    /// About a tenant that nobody has confirmed and nobody will: the event is gone when it is, at that moment.
    #[must_use]
    pub fn gone_at(mut self, unconfirmed_until: Option<Timestamp>) -> Self {
        self.event.unconfirmed_until = unconfirmed_until;
        self
    }

    /// Adds a detail to the event.
    #[must_use]
    pub fn with(self, name: &str, value: impl fmt::Display) -> Self {
        Self { event: self.event.with(name, value), ..self }
    }

    /// Adds a detail where there is one.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<impl fmt::Display>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The id of the event.
    #[must_use]
    pub const fn event_id(&self) -> EventId {
        self.event.id
    }

    /// When it is made.
    pub(crate) const fn at(&self) -> Timestamp {
        self.event.at
    }
}

/// A decision, and the one that it replaces.
pub(crate) struct Deciding<'a> {
    pub(crate) before: Option<&'a Decision>,
    pub(crate) after: &'a Decision,
}

/// What a request with an `Idempotency-Key` was answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Whose key: keys of two callers never meet.
    pub scope: String,
    /// The key.
    pub key: String,
    /// A digest over what was asked, secrets left out: the same key with another one is refused.
    pub fingerprint: Digest,
    /// The answer, without any secret, in the words of whoever gives it.
    pub answer: String,
    /// From this moment on the key is free again.
    pub expires_at: Timestamp,
}
