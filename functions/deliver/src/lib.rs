//! A queue, new Mail items: mints the token that a mail carries, stores its digest, sends it through SES, no faster than SES
//! takes them.
//!
//! The only function that mints emailed tokens, and the only one that sends through SES. Messages come at least once, late and out of order, and
//! what failed comes again every six minutes for a day, so
//! what is sent is decided by what the table says now: the mail's own item (somebody may be sending it, or have sent
//! it) and the invitation or the account that it is about (over, in a newer generation, with another password). A crash anywhere leads to a second mail, never to
//! none; both links of one generation work until one is used. With the claim of an invitation's mail goes the moment at which
//! somebody is to be reminded, where their team wants that.

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mail::{Mailer, NotSent};
use model::{
    About, Brand, Clock, Delivery, DeliveryState, Email, EmailChangeId, EmailProof, EmailReturn, Invitation,
    InvitationStatus, InvitationToken, Invocation, Limits, LinkToken, Mail, MailStatus, MailTags, Pace,
    Reminder, Reset, Sponsor, Sponsorship, Suppression, Tenant, TenantId, Timestamp, UserId, Vouched,
};
use runtime::metrics::{Metric, Metrics};
use runtime::queue::Consumer;
use runtime::{Environment, SettingError};
use serde_json::Value;
use store::{Error, SponsorKey, Store, keys};

/// How long a claim lasts: longer than the function may run (`Timeout`), so that nobody who holds one is still sending when it
/// is over; shorter than a message stays hidden (`VisibilityTimeout`), so that the very next delivery after a crash sends.
pub const CLAIM: Duration = Duration::from_secs(90);

/// Sends of which nobody knows how they ended, at most: each may have been a mail. What SES is known not to have taken is
/// tried for as long as the queue has it.
pub const ATTEMPTS: u32 = 10;

/// Invitations that are mailed again to somebody who asks for a new password and is only invited.
const INVITATIONS: usize = 3;

/// The function.
pub struct Deliver {
    store: Store,
    limits: Limits,
    mailer: Mailer,
    clock: Arc<dyn Clock>,
    pace: Mutex<Pace>,
    metrics: Metrics,
}

/// Why a message has to come again.
#[derive(Debug)]
pub enum Retry {
    /// The table couldn't.
    Store(Error),
    /// SES couldn't.
    Ses(String),
    /// SES doesn't take anything from this sender, which was logged.
    Sender,
    /// Somebody else is sending it and may yet fail.
    Claimed,
}

impl fmt::Display for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Ses(cause) => write!(f, "SES: {cause}"),
            Self::Sender => f.write_str("SES doesn't take mails of this sender"),
            Self::Claimed => f.write_str("another try is under way"),
        }
    }
}

impl From<Error> for Retry {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl Consumer for Deliver {
    type Error = Retry;

    fn new(environment: &Environment) -> Result<Self, SettingError> {
        let vars = &environment.variables;
        // all workers together keep to the rate
        let (a_second, workers) =
            (vars.or("MAILS_PER_SECOND", NonZeroU32::MIN)?, vars.or("MAIL_WORKERS", NonZeroU32::MIN)?);
        let every = Duration::from_secs(workers.get().into()) / a_second.get();
        Ok(Self {
            store: Store::open(environment)?,
            limits: vars.limits()?,
            mailer: Mailer::open(environment)?,
            clock: Arc::clone(&environment.clock),
            pace: Mutex::new(Pace::new(every)),
            metrics: environment.metrics.clone(),
        })
    }

    fn about(event: &Value) -> Option<&str> {
        event.pointer("/detail/mail/id").and_then(Value::as_str)
    }

    async fn turn(&self) {
        let now = self.clock.now();
        let wait = self.pace.lock().unwrap_or_else(PoisonError::into_inner).turn(now);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    async fn handle(&self, event: &Value, invocation: &Invocation) -> Result<(), Retry> {
        let mail = store::stream::queued_mail(event)?;
        match &mail.about {
            About::Invitation(about) | About::InvitationAgain(about) | About::InvitationReminder(about) => {
                self.deliver_invitation(&mail, *about, invocation).await
            }
            About::PasswordReset { email, vouched } => {
                self.deliver_reset(&mail, email, vouched.as_ref(), invocation).await
            }
            About::PasswordChanged { user_id } => {
                self.deliver_notice(&mail, *user_id, Notice::PasswordChanged, invocation).await
            }
            About::EmailProof { account, vouched } => {
                self.deliver_proof(&mail, account, vouched, invocation).await
            }
            About::EmailChanged { user_id, email, change } => {
                self.deliver_email_notice(&mail, *user_id, (email, *change), invocation).await
            }
            About::OwnershipMoved { user_id, tenant_id, is_owner } => {
                let notice = Notice::OwnershipMoved(*tenant_id, *is_owner);
                self.deliver_notice(&mail, *user_id, notice, invocation).await
            }
            About::ReviewOpened { user_id, tenant_id } => {
                self.deliver_notice(&mail, *user_id, Notice::ReviewOpened(*tenant_id), invocation).await
            }
            About::TenantClosed { user_id, tenant_id } => {
                self.deliver_notice(&mail, *user_id, Notice::TenantClosed(*tenant_id), invocation).await
            }
        }
    }
}

/// What somebody is told of their account, in a mail without a link.
#[derive(Clone, Copy)]
enum Notice {
    /// That their password was changed.
    PasswordChanged,
    /// That this tenant has another owner: whether it is they.
    OwnershipMoved(TenantId, bool),
    /// That a review of this tenant's access began.
    ReviewOpened(TenantId),
    /// That they closed this tenant.
    TenantClosed(TenantId),
}

impl Notice {
    /// The tenant that it is about.
    const fn tenant(self) -> Option<TenantId> {
        match self {
            Self::PasswordChanged => None,
            Self::OwnershipMoved(tenant, _) | Self::ReviewOpened(tenant) | Self::TenantClosed(tenant) => {
                Some(tenant)
            }
        }
    }
}

/// Why there is nothing more to say of an invitation in this mail.
fn superfluous(about: MailTags, invitation: &Invitation, now: Timestamp) -> Option<&'static str> {
    if invitation.status_at(now) != InvitationStatus::Pending {
        Some("the invitation is over")
    } else if invitation.generation != about.generation {
        Some("a newer mail follows")
    } else {
        None
    }
}

/// Why a mail that was wanted when it was queued isn't any more, as the invitation will show it.
fn unwanted(
    invitation: &Invitation,
    tenant: &Tenant,
    sponsor: Option<&Sponsor>,
    there: &[Brand],
    suppression: Option<&Suppression>,
) -> Option<(DeliveryState, &'static str)> {
    if suppression.is_some() {
        return Some((
            DeliveryState::Suppressed,
            "the address is on the suppression list after earlier bounces",
        ));
    }
    if !invitation.is_open_in(tenant) {
        return Some((DeliveryState::Failed, "the team's account was not active, send it again"));
    }
    let why = match invitation.sponsorship(sponsor, &there.iter().map(|brand| brand.id).collect()) {
        Sponsorship::Holds => return None,
        Sponsorship::Suspended => "who invited was suspended, send it again yourself",
        Sponsorship::Lost => "who invited can't give this access any more, send it again yourself",
    };
    Some((DeliveryState::Failed, why))
}

/// Everything that the mail of an invitation says.
struct Contents<'a> {
    invitation: &'a Invitation,
    tenant: &'a Tenant,
    /// Who invites, where a mail says so.
    inviter: Option<&'a Sponsor>,
    token: &'a InvitationToken,
}

impl Deliver {
    /// Whether a mail is still to be sent, as far as it and the message that tells of it go. One whose sends ended in nobody knows what too often is
    /// given up here.
    ///
    /// # Errors
    /// [`Retry::Claimed`] where somebody else is sending it.
    async fn is_due(&self, mail: &Mail, queued: &Mail, invocation: &Invocation) -> Result<bool, Retry> {
        let now = invocation.now();
        // what a bus carries, whoever may put something on it can have said; the address may be spelt otherwise by now
        if (&mail.about, mail.to.canonical()) != (&queued.about, queued.to.canonical()) {
            tracing::error!(mail = %mail.id, "nothing to send: the message says something else than the mail");
            Ok(false)
        } else if mail.status != MailStatus::Queued {
            tracing::info!(mail = %mail.id, "nothing to send: it was sent, or given up");
            Ok(false)
        } else if mail.expires_at <= now {
            tracing::warn!(mail = %mail.id, "nothing to send: nobody waits for it any more");
            self.metrics.count(Metric::MailsGivenUp);
            Ok(false)
        } else if mail.claimed_until.is_some_and(|until| now < until) {
            Err(Retry::Claimed)
        } else if mail.unresolved() >= ATTEMPTS {
            tracing::warn!(mail = %mail.id, "given up: nobody knows what became of its sends");
            self.store.finish_mail(mail, &mail.failed(), &Delivery::not_sent(now), invocation).await?;
            self.metrics.count(Metric::MailsGivenUp);
            Ok(false)
        } else {
            Ok(true)
        }
    }

    async fn deliver_invitation(
        &self,
        queued: &Mail,
        about: MailTags,
        invocation: &Invocation,
    ) -> Result<(), Retry> {
        let (t, i) = (about.tenant, about.invitation);
        let facts = (keys::mail(queued.id), keys::invitation(t, i), keys::tenant(t));
        let (Some(mail), Some(invitation), Some(tenant)) = self.store.load(facts).await? else {
            tracing::info!(mail = %queued.id, "nothing to send: what it was about is gone");
            return Ok(());
        };
        if let Some(why) = superfluous(about, &invitation, invocation.now()) {
            tracing::info!(mail = %mail.id, why, "nothing to send");
            return Ok(());
        }
        if !self.is_due(&mail, queued, invocation).await? {
            return Ok(());
        }
        let (inviter, brands, suppression) = self
            .store
            .load((
                invitation.named_in(&tenant).map(|inviter| SponsorKey::new(t, inviter)),
                invitation.brands.named().map(|brand| keys::brand(t, brand)).collect::<Vec<_>>(),
                keys::suppression(invitation.email.canonical()),
            ))
            .await?;
        let there: Vec<Brand> = brands.into_iter().flatten().collect();
        if let Some((state, reason)) =
            unwanted(&invitation, &tenant, inviter.as_ref(), &there, suppression.as_ref())
        {
            tracing::info!(mail = %mail.id, reason, "not sent");
            let delivery = Delivery::new(state, Some(reason), invocation.now());
            return Ok(self.store.finish_mail(&mail, &mail.failed(), &delivery, invocation).await?);
        }
        let (claimed, token) = claimed(self.claim(&mail, &invitation, &tenant, invocation).await)?;
        let contents =
            Contents { invitation: &invitation, tenant: &tenant, inviter: inviter.as_ref(), token: &token };
        self.send(&claimed, &contents, invocation).await
    }

    /// Claims the send and mints the token that it will carry.
    async fn claim(
        &self,
        before: &Mail,
        invitation: &Invitation,
        tenant: &Tenant,
        invocation: &Invocation,
    ) -> Result<(Mail, InvitationToken), Error> {
        let (store, now) = (&self.store, invocation.now());
        let token = InvitationToken::mint(invocation.random(), invitation.tenant_id, invitation.id);
        let after = before.claimed(now, CLAIM);
        let digest = token.digest();
        let mails = (before, &after);
        match before.about {
            About::InvitationAgain(_) => store.claim_again(mails, invitation, &digest).await?,
            About::InvitationReminder(_) => {
                store.claim_mail(mails, invitation, &digest, None, invocation).await?;
            }
            _ => {
                let reminder = Reminder::of(invitation, tenant, now);
                store.claim_mail(mails, invitation, &digest, reminder.as_ref(), invocation).await?;
            }
        }
        Ok((after, token))
    }

    async fn send(
        &self,
        claimed: &Mail,
        contents: &Contents<'_>,
        invocation: &Invocation,
    ) -> Result<(), Retry> {
        let Contents { invitation, tenant, inviter, token } = contents;
        let words = mail::Invitation {
            address: &invitation.email,
            first_name: &invitation.first_name,
            company: &tenant.name,
            colour: tenant.brand_colour,
            reply_to: tenant.reply_to.as_ref(),
            inviter: inviter.map(|s| (&s.member.first_name, &s.member.last_name)),
            portal: inviter.and_then(|s| s.portal.as_ref()).map(|portal| &portal.tenant.name),
            role: invitation.role,
            is_reminder: matches!(claimed.about, About::InvitationReminder(_)),
            expires_at: invitation.expires_at,
            token,
        };
        self.send_message(claimed, words.write(self.mailer.origin()), invocation).await
    }

    /// The link under which a forgotten password is replaced. Whoever asked isn't told what comes of it: nothing where nobody
    /// has the address, or has nothing left to sign in to; the invitation again where one waits and nothing else does.
    async fn deliver_reset(
        &self,
        queued: &Mail,
        email: &Email,
        vouched: Option<&Vouched>,
        invocation: &Invocation,
    ) -> Result<(), Retry> {
        let (now, to) = (invocation.now(), queued.to.canonical());
        let facts = (keys::mail(queued.id), keys::credential(email.canonical()), keys::suppression(to));
        let (mail, credential, suppression) = self.store.load(facts).await?;
        let Some(mail) = mail else { return Ok(()) };
        if !self.is_due(&mail, queued, invocation).await? {
            return Ok(());
        }
        if suppression.is_some() {
            return self.give_up(&mail, "the address takes no mail", invocation).await;
        }
        let after = mail.claimed(now, CLAIM);
        let credential = match credential {
            // an account that came after the one that was vouched for, or another password of it
            Some(credential) if vouched.is_some_and(|vouched| !vouched.is_for(&credential)) => {
                tracing::info!(user = %credential.user_id, "the account is another one by now");
                return self.give_up(&mail, "the account changed meanwhile", invocation).await;
            }
            Some(credential) => credential,
            None => {
                // claimed first, so that a message that comes twice mails them once
                claimed(self.store.claim_notice((&mail, &after)).await)?;
                self.mail_invitations(email, invocation).await?;
                return self.give_up(&after, "nobody has the address", invocation).await;
            }
        };
        if self.store.ground_of(&credential, now).await?.is_none() {
            return self.give_up(&mail, "there is nothing to sign in to", invocation).await;
        }
        // as its owner spelt it, whatever was asked with: a mailbox may care about its case
        let to = if vouched.is_some() { mail.to.clone() } else { credential.email.clone() };
        let (after, reset) = (Mail { to, ..after }, Reset::of(&credential, now));
        let token = LinkToken::mint(invocation.random());
        let limit = vouched.is_none().then_some(self.limits.mails_to_address);
        match self.store.claim_reset((&mail, &after), &reset, &token.digest(), limit, now).await {
            Err(Error::Refused(_)) => return self.give_up(&mail, "there were too many", invocation).await,
            claim => claimed(claim)?,
        }
        let words =
            mail::PasswordReset { address: &credential.email, expires_at: reset.expires_at, token: &token };
        self.send_message(&after, words.write(self.mailer.origin()), invocation).await
    }

    /// The invitations that wait for an address, mailed again as they are.
    async fn mail_invitations(&self, email: &Email, invocation: &Invocation) -> Result<(), Retry> {
        let waiting = self.store.invitations_of(email.canonical(), invocation.now(), INVITATIONS).await?;
        for invitation in waiting {
            let again = Mail::again(&invitation, invocation);
            let queued = self.store.mail_again(&again, &self.limits).await?;
            tracing::info!(invitation = %invitation.id, queued, "asked for again");
        }
        Ok(())
    }

    /// That something was done with somebody's account.
    async fn deliver_notice(
        &self,
        queued: &Mail,
        user: UserId,
        notice: Notice,
        invocation: &Invocation,
    ) -> Result<(), Retry> {
        let facts = (
            keys::mail(queued.id),
            keys::user(user),
            keys::suppression(queued.to.canonical()),
            notice.tenant().map(keys::tenant),
        );
        let (Some(mail), Some(user), suppression, tenant) = self.store.load(facts).await? else {
            return Ok(());
        };
        if !self.is_due(&mail, queued, invocation).await? {
            return Ok(());
        }
        if suppression.is_some() {
            return self.give_up(&mail, "the address takes no mail", invocation).await;
        }
        let after = mail.claimed(invocation.now(), CLAIM);
        claimed(self.store.claim_notice((&mail, &after)).await)?;
        let (first_name, address, at) = (&user.first_name, &mail.to, mail.created_at);
        let message = match (notice, tenant.as_ref().map(|tenant| &tenant.name)) {
            (Notice::PasswordChanged, _) => mail::PasswordChanged { first_name, address, at }.write(),
            (Notice::OwnershipMoved(_, is_owner), Some(company)) => {
                mail::OwnershipMoved { first_name, company, is_owner, at }.write()
            }
            (Notice::ReviewOpened(_), Some(company)) => {
                mail::ReviewOpened { first_name, company, at }.write()
            }
            (Notice::TenantClosed(_), Some(company)) => {
                // whose password it was, wherever this mail goes
                let (address, until) = (&user.email, at + Tenant::REOPENABLE);
                mail::TenantClosed { first_name, company, address, at, until }.write()
            }
            // it is removed weeks later, when nobody waits for this mail any more
            (_, None) => return Ok(()),
        };
        self.send_message(&after, message, invocation).await
    }

    /// The link that proves a new address. Whoever asked isn't told what comes of it: nothing where somebody has the address
    /// already, or the account changed since.
    async fn deliver_proof(
        &self,
        queued: &Mail,
        account: &Email,
        vouched: &Vouched,
        invocation: &Invocation,
    ) -> Result<(), Retry> {
        let (now, to) = (invocation.now(), queued.to.canonical());
        let facts = (
            keys::mail(queued.id),
            keys::credential(account.canonical()),
            keys::credential(to),
            keys::suppression(to),
        );
        let (Some(mail), credential, taken, suppression) = self.store.load(facts).await? else {
            return Ok(());
        };
        if !self.is_due(&mail, queued, invocation).await? {
            return Ok(());
        }
        let Some(credential) = credential.filter(|credential| vouched.is_for(credential)) else {
            return self.give_up(&mail, "the account changed meanwhile", invocation).await;
        };
        if taken.is_some() || suppression.is_some() {
            return self.give_up(&mail, "the address is somebody's, or takes no mail", invocation).await;
        }
        let (after, proof) = (mail.claimed(now, CLAIM), EmailProof::of(&credential, &mail.to, now));
        let token = LinkToken::mint(invocation.random());
        claimed(self.store.claim_proof((&mail, &after), &proof, &token.digest()).await)?;
        let words = mail::EmailConfirmation {
            address: &mail.to,
            account: &credential.email,
            expires_at: proof.expires_at,
            token: &token,
        };
        self.send_message(&after, words.write(self.mailer.origin()), invocation).await
    }

    /// That somebody signs in with another address, to the old one, with the link that takes it back. Teams that don't show
    /// the new one yet do so first.
    async fn deliver_email_notice(
        &self,
        queued: &Mail,
        user: UserId,
        (email, change): (&Email, Option<EmailChangeId>),
        invocation: &Invocation,
    ) -> Result<(), Retry> {
        let now = invocation.now();
        let facts = (keys::mail(queued.id), keys::user(user), keys::suppression(queued.to.canonical()));
        let (Some(mail), Some(user), suppression) = self.store.load(facts).await? else { return Ok(()) };
        if !self.is_due(&mail, queued, invocation).await? {
            return Ok(());
        }
        self.store.follow_email(&user, invocation).await?;
        if suppression.is_some() {
            return self.give_up(&mail, "the address takes no mail", invocation).await;
        }
        let after = mail.claimed(now, CLAIM);
        let former = change.and_then(|change| user.former_emails.iter().find(|one| one.change == change));
        let back = match (change, former) {
            (Some(_), None) => return self.give_up(&mail, "it was undone meanwhile", invocation).await,
            (_, former) => former.map(|former| {
                let (change, expires_at) = (former.change, former.until);
                (LinkToken::mint(invocation.random()), EmailReturn { user_id: user.id, change, expires_at })
            }),
        };
        claimed(match &back {
            Some((token, back)) => self.store.claim_return((&mail, &after), back, &token.digest()).await,
            None => self.store.claim_notice((&mail, &after)).await,
        })?;
        let words = mail::EmailChanged {
            first_name: &user.first_name,
            old: &mail.to,
            new: email,
            at: mail.created_at,
            back: back.as_ref().map(|(token, back)| (token, back.expires_at)),
        };
        self.send_message(&after, words.write(self.mailer.origin()), invocation).await
    }

    /// Nothing is sent, now or later.
    async fn give_up(&self, mail: &Mail, why: &'static str, invocation: &Invocation) -> Result<(), Retry> {
        tracing::info!(mail = %mail.id, why, "not sent");
        let delivery = Delivery::new(DeliveryState::Failed, Some(why), invocation.now());
        Ok(self.store.finish_mail(mail, &mail.failed(), &delivery, invocation).await?)
    }

    /// Lets go of a mail that SES is known not to have taken. Best effort: a claim that stays runs out by itself.
    async fn release(&self, claimed: &Mail, invocation: &Invocation) {
        if let Err(error) = self.store.release_mail(claimed, invocation).await {
            tracing::warn!(mail = %claimed.id, %error, "the claim stays until it runs out");
        }
    }

    async fn send_message(
        &self,
        claimed: &Mail,
        message: Result<mail::Message, mail::Unwritten>,
        invocation: &Invocation,
    ) -> Result<(), Retry> {
        let message = message.map_err(|e| Retry::Ses(e.to_string()))?;
        let tags = match claimed.about {
            About::Invitation(about) => Some(about),
            _ => None,
        };
        let (after, state, reason) = match self.mailer.send(&claimed.to, &message, tags).await {
            Ok(ses_id) => {
                tracing::info!(mail = %claimed.id, ses_id, "sent");
                self.metrics.count(Metric::MailsSent);
                (claimed.sent(ses_id), DeliveryState::Sent, None)
            }
            Err(NotSent::Rejected(cause)) => {
                tracing::warn!(mail = %claimed.id, cause, "SES will never take it");
                self.metrics.count(Metric::MailsRefused);
                let reason = "the mail service refused it, check the address";
                (claimed.failed(), DeliveryState::Failed, Some(reason))
            }
            // the claim stays: it has run out before the queue hands the mail over again
            Err(NotSent::Unknown(cause)) => {
                self.metrics.count(Metric::MailsPostponed);
                return Err(Retry::Ses(cause));
            }
            Err(NotSent::Later(cause)) => {
                self.metrics.count(Metric::MailsPostponed);
                self.release(claimed, invocation).await;
                return Err(Retry::Ses(cause));
            }
            // nothing is wrong with the mail: it waits until the setting is mended, and nobody is told that it failed
            Err(NotSent::Sender(cause)) => {
                tracing::error!(mail = %claimed.id, cause, "SES takes nothing of this sender, see `mail-status`");
                self.metrics.count(Metric::SenderRefused);
                self.release(claimed, invocation).await;
                return Err(Retry::Sender);
            }
        };
        // a failure from here on would send it again: SES has no idempotency
        let delivery = Delivery::new(state, reason, invocation.now());
        Ok(self.store.finish_mail(claimed, &after, &delivery, invocation).await?)
    }
}

/// A claim, or that somebody else claimed it or its subject moved on: the next look tells which.
fn claimed<T>(claim: Result<T, Error>) -> Result<T, Retry> {
    claim.map_err(|error| match error {
        Error::Changed(_) => Retry::Claimed,
        error => error.into(),
    })
}
