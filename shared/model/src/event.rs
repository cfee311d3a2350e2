use std::collections::BTreeMap;
use std::fmt;

use policy::BrandId;
use serde::{Deserialize, Serialize};

use crate::{EventId, InvitationId, Invocation, ReviewId, Tenant, TenantId, Timestamp, UserId};

policy::closed_set! {
    /// What happened.
    pub enum EventKind: "kind of event" {
        /// An organization signed up.
        TenantCreated = "tenant.created",
        /// The owner gave the tenant another name, look or reminders, or the operator another email policy.
        TenantUpdated = "tenant.updated",
        /// The operator gave the tenant another plan or other seats.
        TenantPlanChanged = "tenant.plan_changed",
        /// The ownership went to another member.
        TenantTransferred = "tenant.transferred",
        /// The operator switched the tenant off.
        TenantSuspended = "tenant.suspended",
        /// The operator switched it on again.
        TenantReinstated = "tenant.reinstated",
        /// The owner closed the tenant.
        TenantClosed = "tenant.closed",
        /// The operator opened it again.
        TenantReopened = "tenant.reopened",
        /// The operator read all that is stored of the tenant.
        TenantExported = "tenant.exported",
        /// The operator brought all of the tenant here from another deployment, or from an older state of this one.
        TenantImported = "tenant.imported",
        /// A portal set a partner up; in the portal's trail.
        PartnerCreated = "partner.created",
        /// A portal and its partner are no longer that to each other; in the trails of both.
        PartnerEnded = "partner.ended",
        /// A brand was made.
        BrandCreated = "brand.created",
        /// A brand got another name.
        BrandUpdated = "brand.updated",
        /// A brand was deleted.
        BrandDeleted = "brand.deleted",
        /// Somebody was invited.
        InvitationCreated = "invitation.created",
        /// An invitation was sent again by an admin.
        InvitationResent = "invitation.resent",
        /// The invited person asked for a fresh link.
        InvitationRenewed = "invitation.renewed",
        /// Who was invited is mailed its link once more, because they hadn't answered.
        InvitationReminded = "invitation.reminded",
        /// An invitation's email didn't arrive: it bounced, was rejected, or was marked as spam.
        InvitationUndelivered = "invitation.undelivered",
        /// An invitation became a membership.
        InvitationAccepted = "invitation.accepted",
        /// The invited person turned it down.
        InvitationDeclined = "invitation.declined",
        /// An invitation was taken back.
        InvitationRevoked = "invitation.revoked",
        /// Nobody accepted in time, and the seat was freed.
        InvitationExpired = "invitation.expired",
        /// A member got another role.
        MemberRoleChanged = "member.role_changed",
        /// A member got a permission list, another one, or the role's own permissions again.
        MemberPermissionsChanged = "member.permissions_changed",
        /// A member was assigned to other brands.
        MemberBrandsChanged = "member.brands_changed",
        /// A member has another name or number.
        MemberProfileChanged = "member.profile_changed",
        /// A member has another address.
        MemberEmailChanged = "member.email_changed",
        /// A membership was switched off.
        MemberSuspended = "member.suspended",
        /// A membership was switched on again.
        MemberReinstated = "member.reinstated",
        /// Somebody ended their own membership.
        MemberLeft = "member.left",
        /// A membership was ended.
        MemberRevoked = "member.revoked",
        /// Somebody began to review who holds what.
        AccessReviewOpened = "access_review.opened",
        /// A reviewer decided that a member keeps what they hold. What is taken from one is told as that change.
        AccessReviewDecided = "access_review.decided",
        /// A review was ended.
        AccessReviewClosed = "access_review.closed",
        /// The operator mailed somebody the link under which their password is replaced.
        PasswordResetSent = "password.reset_sent",
        /// The operator made an address free that nobody uses any more.
        EmailReleased = "email.released",
        /// The operator lets mail go again to an address that had bounced or complained.
        EmailUnsuppressed = "email.unsuppressed",
    }
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// A signed-in user.
    User {
        /// Who.
        id: UserId,
    },
    /// A signed-in user of the portal that administers the tenant, on the tenant's behalf.
    Portal {
        /// Who.
        id: UserId,
        /// The portal.
        tenant: TenantId,
    },
    /// The person whom an emailed link is for, or who signs up.
    Invitee,
    /// The deployment's operator, by direct invocation.
    Operator,
    /// The clock.
    System,
}

/// What it was done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Subject {
    /// The tenant itself.
    Tenant(TenantId),
    /// A brand.
    Brand(BrandId),
    /// An invitation.
    Invitation(InvitationId),
    /// A member.
    Member(UserId),
    /// A review of access.
    Review(ReviewId),
}

/// One entry of a tenant's audit trail.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Its id; events sort by it.
    pub id: EventId,
    /// Whose trail.
    pub tenant_id: TenantId,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// Who.
    pub actor: Actor,
    /// To what.
    pub subject: Subject,
    /// What changed, in names and values that need no lookup: `role`, `role_before`, `email` …
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
    /// Of a tenant that nobody has confirmed: from this moment on it is gone, as the tenant is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed_until: Option<Timestamp>,
    /// The request that did it, as the logs name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Event {
    /// `actor` did `kind` to `subject`, in this invocation.
    #[must_use]
    pub fn new(
        invocation: &Invocation,
        tenant_id: TenantId,
        actor: Actor,
        kind: EventKind,
        subject: Subject,
    ) -> Self {
        let request_id = invocation.request_id();
        Self {
            id: EventId::new(invocation),
            tenant_id,
            at: invocation.now(),
            kind,
            actor,
            subject,
            details: BTreeMap::new(),
            unconfirmed_until: None,
            request_id: (!request_id.is_empty()).then(|| request_id.to_owned()),
        }
    }

    /// The event that begins a tenant's trail. It has the tenant's own id, so that whoever confirms the tenant finds it
    /// without looking for it, and keeps it.
    #[must_use]
    pub fn founding(self, tenant: &Tenant) -> Self {
        Self { id: EventId(tenant.id.0), unconfirmed_until: tenant.unconfirmed_until, ..self }
    }

    /// Adds a detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.details.insert(name.to_owned(), value.to_string());
        self
    }
}

/// An event in the contract's words: as the trail shows it, and as it is published. Built field by field, so that nothing
/// new on an event shows by itself.
#[derive(Debug, Serialize)]
pub struct EventView<'a> {
    id: EventId,
    at: Timestamp,
    #[serde(rename = "type")]
    kind: EventKind,
    actor: Actor,
    subject: Subject,
    details: &'a BTreeMap<String, String>,
    request_id: Option<&'a str>,
}

impl<'a> From<&'a Event> for EventView<'a> {
    fn from(e: &'a Event) -> Self {
        Self {
            id: e.id,
            at: e.at,
            kind: e.kind,
            actor: e.actor,
            subject: e.subject,
            details: &e.details,
            request_id: e.request_id.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use policy::Role;
    use serde_json::json;

    use super::*;
    use crate::SystemRandom;
    use crate::samples::{
        ANA, INVITATION, NOW, PORTAL, REVIEW, SAGE, TENANT, invocation, is_closed, patched, survives, tenant,
    };

    #[test]
    fn kinds_actors_and_subjects_are_written_by_name() {
        let names = [
            "tenant.created",
            "tenant.updated",
            "tenant.plan_changed",
            "tenant.transferred",
            "tenant.suspended",
            "tenant.reinstated",
            "tenant.closed",
            "tenant.reopened",
            "tenant.exported",
            "tenant.imported",
            "partner.created",
            "partner.ended",
            "brand.created",
            "brand.updated",
            "brand.deleted",
            "invitation.created",
            "invitation.resent",
            "invitation.renewed",
            "invitation.reminded",
            "invitation.undelivered",
            "invitation.accepted",
            "invitation.declined",
            "invitation.revoked",
            "invitation.expired",
            "member.role_changed",
            "member.permissions_changed",
            "member.brands_changed",
            "member.profile_changed",
            "member.email_changed",
            "member.suspended",
            "member.reinstated",
            "member.left",
            "member.revoked",
            "access_review.opened",
            "access_review.decided",
            "access_review.closed",
            "password.reset_sent",
            "email.released",
            "email.unsuppressed",
        ];
        is_closed(EventKind::ALL, "kind of event", &names);
        survives(&Actor::User { id: ANA }, json!({"kind": "user", "id": ANA}));
        let theirs = Actor::Portal { id: ANA, tenant: PORTAL };
        survives(&theirs, json!({"kind": "portal", "id": ANA, "tenant": PORTAL}));
        for (actor, kind) in
            [(Actor::Invitee, "invitee"), (Actor::Operator, "operator"), (Actor::System, "system")]
        {
            survives(&actor, json!({"kind": kind}));
        }
        for (subject, kind, id) in [
            (Subject::Tenant(TENANT), "tenant", TENANT.0),
            (Subject::Brand(SAGE), "brand", SAGE.0),
            (Subject::Invitation(INVITATION), "invitation", INVITATION.0),
            (Subject::Member(ANA), "member", ANA.0),
            (Subject::Review(REVIEW), "review", REVIEW.0),
        ] {
            survives(&subject, json!({"kind": kind, "id": id}));
        }
    }

    #[test]
    fn an_event_says_who_did_what_to_whom_in_which_request() {
        let left = |invocation: &Invocation| {
            let (actor, subject) = (Actor::User { id: ANA }, Subject::Member(ANA));
            Event::new(invocation, TENANT, actor, EventKind::MemberLeft, subject)
        };
        let event = left(&invocation());
        assert_eq!(event.id.made_at(), Some(NOW));
        survives(
            &event,
            json!({
                "id": event.id,
                "tenant_id": TENANT,
                "at": NOW,
                "type": "member.left",
                "actor": {"kind": "user", "id": ANA},
                "subject": {"kind": "member", "id": ANA},
                "request_id": "request",
            }),
        );
        let told = event.clone().with("role", Role::Member).with("seats", 3);
        survives(&told, patched(&event, json!({"details": {"role": "member", "seats": "3"}})));
        let tenant = Tenant { unconfirmed_until: Some(NOW), ..tenant() };
        let founding = event.clone().founding(&tenant);
        survives(&founding, patched(&event, json!({"id": TENANT, "unconfirmed_until": NOW})));
        let nameless = Invocation::new(Arc::new(NOW), "", Arc::new(SystemRandom));
        assert_eq!(left(&nameless).request_id, None);
        let shown = json!({
            "id": told.id,
            "at": NOW,
            "type": "member.left",
            "actor": {"kind": "user", "id": ANA},
            "subject": {"kind": "member", "id": ANA},
            "details": {"role": "member", "seats": "3"},
            "request_id": "request",
        });
        assert_eq!(json!(EventView::from(&told)), shown);
        let little = json!(EventView::from(&Event { request_id: None, ..event }));
        assert_eq!(little.get("details"), Some(&json!({})));
        assert!(little.get("request_id").is_none_or(serde_json::Value::is_null));
    }
}
