use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    Credential, DeliveryState, Email, EmailChangeId, EmailProof, FormerEmail, Invitation, InvitationId,
    Invocation, MailId, Member, Reset, TenantId, Timestamp, User, UserId,
};

/// How long a notice is worth sending.
const NOTICE: Duration = Duration::from_secs(86_400);

const fn never(times: &u32) -> bool {
    *times == 0
}

/// What a mail is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum About {
    /// The link of an invitation.
    Invitation(MailTags),
    /// The same once more, because somebody asked for a new password with the address of somebody who is only invited. The
    /// invitation doesn't show it, or whoever invited would see whether the address has an account.
    InvitationAgain(MailTags),
    /// The same once more, because the invited person hasn't answered and their team reminds them. The invitation goes on
    /// showing what became of the mail that they didn't answer.
    InvitationReminder(MailTags),
    /// The link under which a forgotten password is replaced, of whoever has this address, if anybody does: whoever asked
    /// for it isn't told.
    PasswordReset {
        /// The address that the password belongs to.
        email: Email,
        /// Whose it was, and which of their passwords, when the operator vouched for somebody; nobody in particular where
        /// anybody may have asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        vouched: Option<Vouched>,
    },
    /// That somebody's password was changed.
    PasswordChanged {
        /// Whose.
        user_id: UserId,
    },
    /// The link that proves a new address, which the mail goes to.
    EmailProof {
        /// The address that the account has.
        account: Email,
        /// Whose it is, and with which of their passwords it was asked for.
        vouched: Vouched,
    },
    /// That somebody signs in with another address: to the old one.
    EmailChanged {
        /// Who.
        user_id: UserId,
        /// The new one.
        email: Email,
        /// What can be undone under a link; nothing where the change was an undoing itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        change: Option<EmailChangeId>,
    },
    /// That the ownership of a tenant went from one to another: to each of the two.
    OwnershipMoved {
        /// Whom it tells.
        user_id: UserId,
        /// Of which tenant.
        tenant_id: TenantId,
        /// Whether they have it now.
        is_owner: bool,
    },
    /// That somebody else began a review of a tenant's access: to its owner.
    ReviewOpened {
        /// The owner.
        user_id: UserId,
        /// Of which tenant.
        tenant_id: TenantId,
    },
    /// That somebody closed the tenant that they owned.
    TenantClosed {
        /// Who.
        user_id: UserId,
        /// Which one.
        tenant_id: TenantId,
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
    /// How many of those ended in its not being sent, as far as is known for certain.
    #[serde(default, skip_serializing_if = "never")]
    pub released: u32,
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

/// For whom a mail was vouched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vouched {
    /// Who.
    pub user_id: UserId,
    /// Which of their passwords.
    pub generation: u32,
}

impl Vouched {
    /// Whether it is this account, with this password.
    #[must_use]
    pub fn is_for(&self, credential: &Credential) -> bool {
        (self.user_id, self.generation) == (credential.user_id, credential.generation)
    }
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
            released: 0,
            claimed_until: None,
            message_id: None,
            created_at: invocation.now(),
            expires_at,
        }
    }

    fn of(about: fn(MailTags) -> About, invitation: &Invitation, invocation: &Invocation) -> Self {
        let tags = MailTags {
            tenant: invitation.tenant_id,
            invitation: invitation.id,
            generation: invitation.generation,
        };
        Self::new(about(tags), invitation.email.clone(), invitation.expires_at, invocation)
    }

    /// The mail that carries the link of an invitation's newest generation.
    #[must_use]
    pub fn about(invitation: &Invitation, invocation: &Invocation) -> Self {
        Self::of(About::Invitation, invitation, invocation)
    }

    /// The mail that carries that link once more, for somebody who asked.
    #[must_use]
    pub fn again(invitation: &Invitation, invocation: &Invocation) -> Self {
        Self::of(About::InvitationAgain, invitation, invocation)
    }

    /// The mail that carries that link once more, for somebody who hasn't answered.
    #[must_use]
    pub fn reminder(invitation: &Invitation, invocation: &Invocation) -> Self {
        Self::of(About::InvitationReminder, invitation, invocation)
    }

    /// The mail that carries the link under which the password of this address is replaced, if anybody has it. Asked for
    /// longer ago than a link lives, it isn't sent.
    #[must_use]
    pub fn password_reset(email: &Email, invocation: &Invocation) -> Self {
        let about = About::PasswordReset { email: email.clone(), vouched: None };
        Self::new(about, email.clone(), invocation.now() + Reset::LIVES, invocation)
    }

    /// The same to another address of somebody who proved to the operator whose account it is.
    #[must_use]
    pub fn vouched_reset(credential: &Credential, to: &Email, invocation: &Invocation) -> Self {
        let vouched = Vouched { user_id: credential.user_id, generation: credential.generation };
        let about = About::PasswordReset { email: credential.email.clone(), vouched: Some(vouched) };
        Self::new(about, to.clone(), invocation.now() + Reset::LIVES, invocation)
    }

    /// The mail that tells somebody that their password was changed.
    #[must_use]
    pub fn password_changed(user: &User, invocation: &Invocation) -> Self {
        let about = About::PasswordChanged { user_id: user.id };
        Self::new(about, user.email.clone(), invocation.now() + NOTICE, invocation)
    }

    /// The mail that carries the link which proves a new address of this account.
    #[must_use]
    pub fn email_proof(credential: &Credential, to: &Email, invocation: &Invocation) -> Self {
        let vouched = Vouched { user_id: credential.user_id, generation: credential.generation };
        let about = About::EmailProof { account: credential.email.clone(), vouched };
        Self::new(about, to.clone(), invocation.now() + EmailProof::LIVES, invocation)
    }

    /// The mail that tells somebody at their old address of the new one. It is worth sending as long as it can be undone.
    #[must_use]
    pub fn email_changed(
        before: &User,
        after: &User,
        change: Option<EmailChangeId>,
        invocation: &Invocation,
    ) -> Self {
        let about = About::EmailChanged { user_id: after.id, email: after.email.clone(), change };
        Self::new(about, before.email.clone(), invocation.now() + FormerEmail::KEPT, invocation)
    }

    /// The mail that tells a member that they own their tenant now, or don't any more.
    #[must_use]
    pub fn ownership_moved(member: &Member, is_owner: bool, invocation: &Invocation) -> Self {
        let about = About::OwnershipMoved { user_id: member.user_id, tenant_id: member.tenant_id, is_owner };
        Self::new(about, member.email.clone(), invocation.now() + NOTICE, invocation)
    }

    /// The mail that tells an owner that somebody began to review who holds what.
    #[must_use]
    pub fn review_opened(owner: &Member, invocation: &Invocation) -> Self {
        let about = About::ReviewOpened { user_id: owner.user_id, tenant_id: owner.tenant_id };
        Self::new(about, owner.email.clone(), invocation.now() + NOTICE, invocation)
    }

    /// The mails that tell an owner that their tenant was closed with their password: to their address, and to each that was
    /// given up and can still be taken back, since it may have been somebody else who moved the account and closes it.
    #[must_use]
    pub fn tenant_closed(owner: &Member, user: &User, invocation: &Invocation) -> Vec<Self> {
        let now = invocation.now();
        let about = About::TenantClosed { user_id: owner.user_id, tenant_id: owner.tenant_id };
        let former = user.former_emails.iter().filter(|one| now < one.until).map(|one| &one.email);
        let told = std::iter::once(&owner.email).chain(former);
        told.map(|to| Self::new(about.clone(), to.clone(), now + NOTICE, invocation)).collect()
    }

    /// The mail with one more send begun, whose claim lasts so long from `now` on.
    #[must_use]
    pub fn claimed(&self, now: Timestamp, lasting: Duration) -> Self {
        Self { attempts: self.attempts + 1, claimed_until: Some(now + lasting), ..self.clone() }
    }

    /// Sends of which nobody knows how they ended: SES may have taken each of them, or none.
    #[must_use]
    pub const fn unresolved(&self) -> u32 {
        self.attempts.saturating_sub(self.released)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::samples::{
        ANA, BEN, CHANGE, INVITATION, NOW, TENANT, credential, email, invitation, invocation, is_closed,
        member, patched, survives, user,
    };

    #[test]
    fn a_mail_waits_in_the_outbox_until_what_it_says_is_over() {
        let (invocation, one) = (invocation(), invitation());
        let mail = Mail::about(&one, &invocation);
        assert_eq!(mail.id.made_at(), Some(NOW));
        survives(
            &mail,
            json!({
                "id": mail.id,
                "kind": "invitation",
                "tenant_id": TENANT,
                "invitation_id": INVITATION,
                "generation": 3,
                "to": one.email,
                "status": "queued",
                "attempts": 0,
                "created_at": NOW,
                "expires_at": one.expires_at,
            }),
        );
        let again = Mail::again(&one, &invocation);
        survives(&again, patched(&mail, json!({"id": again.id, "kind": "invitation_again"})));
        let reminder = Mail::reminder(&one, &invocation);
        survives(&reminder, patched(&mail, json!({"id": reminder.id, "kind": "invitation_reminder"})));
        let address = email("ana@example.com");
        let reset = Mail::password_reset(&address, &invocation);
        survives(
            &reset,
            json!({
                "id": reset.id,
                "kind": "password_reset",
                "email": address,
                "to": address,
                "status": "queued",
                "attempts": 0,
                "created_at": NOW,
                "expires_at": "2027-01-15T09:00:00.123Z",
            }),
        );
        let (credential, another) = (credential(), email("ana@example.org"));
        let vouched = Mail::vouched_reset(&credential, &another, &invocation);
        let changes = json!({
            "id": vouched.id,
            "email": credential.email,
            "vouched": {"user_id": ANA, "generation": 3},
            "to": another,
        });
        survives(&vouched, patched(&reset, changes));
        let changed = Mail::password_changed(&user(), &invocation);
        survives(
            &changed,
            json!({
                "id": changed.id,
                "kind": "password_changed",
                "user_id": ANA,
                "to": user().email,
                "status": "queued",
                "attempts": 0,
                "created_at": NOW,
                "expires_at": "2027-01-16T08:00:00.123Z",
            }),
        );
        for closed in Mail::tenant_closed(&member(), &user(), &invocation) {
            let changes = json!({"id": closed.id, "kind": "tenant_closed", "tenant_id": TENANT});
            survives(&closed, patched(&changed, changes));
        }
        for is_owner in [false, true] {
            let moved = Mail::ownership_moved(&member(), is_owner, &invocation);
            let changes = json!({"id": moved.id, "kind": "ownership_moved", "tenant_id": TENANT,
                "is_owner": is_owner});
            survives(&moved, patched(&changed, changes));
        }
        let opened = Mail::review_opened(&member(), &invocation);
        let changes = json!({"id": opened.id, "kind": "review_opened", "tenant_id": TENANT});
        survives(&opened, patched(&changed, changes));
    }

    #[test]
    fn a_new_address_has_its_link_for_an_hour_and_the_old_one_is_told_for_a_week() {
        let (invocation, credential, address) = (invocation(), credential(), email("Ana@Example.org"));
        let proof = Mail::email_proof(&credential, &address, &invocation);
        survives(
            &proof,
            json!({
                "id": proof.id,
                "kind": "email_proof",
                "account": {"canonical": "ana@example.com", "entered": "Ana@Example.com"},
                "vouched": {"user_id": ANA, "generation": 3},
                "to": {"canonical": "ana@example.org", "entered": "Ana@Example.org"},
                "status": "queued",
                "attempts": 0,
                "created_at": NOW,
                "expires_at": "2027-01-15T09:00:00.123Z",
            }),
        );
        let before = user();
        let after = User { email: address, ..before.clone() };
        let changed = Mail::email_changed(&before, &after, Some(CHANGE), &invocation);
        survives(
            &changed,
            json!({
                "id": changed.id,
                "kind": "email_changed",
                "user_id": ANA,
                "email": {"canonical": "ana@example.org", "entered": "Ana@Example.org"},
                "change": CHANGE,
                "to": {"canonical": "ana@example.com", "entered": "Ana@Example.com"},
                "status": "queued",
                "attempts": 0,
                "created_at": NOW,
                "expires_at": "2027-01-22T08:00:00.123Z",
            }),
        );
        let undone = Mail::email_changed(&after, &before, None, &invocation);
        let changes = json!({"id": undone.id, "email": before.email, "change": null, "to": after.email});
        survives(&undone, patched(&changed, changes));
    }

    #[test]
    fn a_mail_is_vouched_for_one_account_with_one_password() {
        let vouched = Vouched { user_id: ANA, generation: 3 };
        for (user_id, generation, same) in [(ANA, 3, true), (ANA, 2, false), (ANA, 4, false), (BEN, 3, false)]
        {
            let credential = Credential { user_id, generation, ..credential() };
            assert_eq!(vouched.is_for(&credential), same, "{user_id} {generation}");
        }
    }

    #[test]
    fn a_send_is_counted_before_it_ends_in_one_of_two_ways() {
        is_closed(MailStatus::ALL, "mail status", &["queued", "sent", "failed"]);
        let mail = Mail { attempts: 2, ..Mail::about(&invitation(), &invocation()) };
        let claimed = mail.claimed(NOW, Duration::from_secs(60));
        let changes = json!({"attempts": 3, "claimed_until": "2027-01-15T08:01:00.123Z"});
        survives(&claimed, patched(&mail, changes));
        let sent = claimed.sent("ses-1".to_owned());
        survives(&sent, patched(&claimed, json!({"status": "sent", "message_id": "ses-1"})));
        assert_eq!(json!(claimed.failed()), patched(&claimed, json!({"status": "failed"})));
    }

    #[test]
    fn who_can_take_an_account_back_is_told_that_its_tenant_was_closed() {
        let told = |former_emails| {
            let told = Mail::tenant_closed(&member(), &User { former_emails, ..user() }, &invocation());
            told.iter().map(|mail| mail.to.canonical().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(told(Vec::new()), ["ana@example.com"]);
        let given_up = |name, until| FormerEmail { change: CHANGE, email: email(name), until };
        let former = vec![
            given_up("over@example.com", NOW),
            given_up("first@example.com", NOW + Duration::from_millis(1)),
            given_up("second@example.com", NOW + FormerEmail::KEPT),
        ];
        assert_eq!(told(former), ["ana@example.com", "first@example.com", "second@example.com"]);
    }

    #[test]
    fn a_send_that_was_given_back_is_none_of_those_that_may_have_been_sent() {
        let mail = Mail::about(&invitation(), &invocation());
        for (attempts, released, unresolved) in [(0, 0, 0), (3, 0, 3), (3, 2, 1), (3, 3, 0)] {
            let one = Mail { attempts, released, ..mail.clone() };
            assert_eq!(one.unresolved(), unresolved, "{attempts} {released}");
            let written = if released == 0 { json!(null) } else { json!(released) };
            survives(&one, patched(&mail, json!({"attempts": attempts, "released": written})));
        }
    }

    #[test]
    fn a_suppressed_address_is_stored_with_what_happened() {
        let address = email("ana@example.com");
        let state = DeliveryState::Bounced;
        let one = Suppression { email: address.clone(), state, reason: None, at: NOW };
        survives(&one, json!({"email": address, "state": "bounced", "at": NOW}));
        let two = Suppression { reason: Some("no such user".to_owned()), ..one.clone() };
        survives(&two, patched(&one, json!({"reason": "no such user"})));
    }
}
