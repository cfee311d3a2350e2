use std::collections::BTreeMap;

use model::{
    Actor, Credential, Digest, EventKind, Invitation, Invocation, Limits, Mail, Member, NewProfile, Session,
    Source, Subject, Timestamp, User, UserId,
};

use crate::error::{Error, Fact};
use crate::expression::Expression;
use crate::sessions::path;
use crate::transaction::Transaction;
use crate::{Attempt, Change, Record, Store, keys};

/// A password about to be replaced.
pub struct PasswordChange<'a> {
    /// The address as it was read when the right to replace it was proven.
    pub before: &'a Credential,
    /// The new hash, in PHC form.
    pub hash: &'a str,
    /// The session that goes on, where one asked for it; every other one ends.
    pub kept: Option<(&'a Digest, &'a Session)>,
    /// What it is of use for, where an emailed link is used. The link is dead with the old password.
    pub ground: Option<&'a Ground>,
    /// The tries from the same source, which are forgiven.
    pub attempt: Attempt<'a>,
    /// The notice to whoever has the address.
    pub notice: &'a Mail,
}

impl Store {
    /// Queues the mail of a password reset: the same write whether or not anybody has the address.
    ///
    /// # Errors
    /// [`Error::Refused`] when it was asked for too often; [`Error::Changed`] when the same request was answered meanwhile.
    pub async fn ask_for_reset(
        &self,
        mail: &Mail,
        source: &Source,
        limits: &Limits,
        record: Option<Record>,
    ) -> Result<(), Error> {
        let (email, now) = (mail.to.canonical(), mail.created_at);
        let (of_address, by_source) = (limits.resets_of_address, limits.resets_by_source);
        let from = keys::resets_from(source, by_source, now);
        self.transaction()
            .add(&keys::mail(mail.id), mail)
            .count(&from, by_source, now, "password resets from your network")
            .count(&keys::resets_of(email, of_address, now), of_address, now, "password resets")
            .record(record, now)
            .commit()
            .await
    }

    /// Queues a mail that the operator vouches for, on this ground. There is a change for each tenant whose trail tells of it.
    ///
    /// # Errors
    /// [`Error::Changed`] when what it rests on changed, or where the address belongs.
    pub async fn send_reset(
        &self,
        mail: &Mail,
        credential: &Credential,
        ground: &Ground,
        changes: impl IntoIterator<Item = Change<'_>>,
    ) -> Result<(), Error> {
        let queued =
            self.transaction().add(&keys::mail(mail.id), mail).grounded(ground).belonging(credential);
        changes.into_iter().fold(queued, |t, change| t.change(change)).commit().await
    }

    /// Replaces a password, ends the sessions that the old one opened, and tells the person by mail.
    ///
    /// # Errors
    /// [`Error::Changed`] when the address was used for something else meanwhile: another password, another tenant.
    pub async fn change_password(
        &self,
        change: PasswordChange<'_>,
        limits: &Limits,
        record: Option<Record>,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let PasswordChange { before, hash, kept, ground, attempt, notice } = change;
        let now = invocation.now();
        let generation = before.generation + 1;
        let credential = Expression::default()
            .set("password_hash", &hash)
            .set("generation", &generation)
            .set("version", &invocation.version())
            .when_version(before.version);
        // one that was ended meanwhile stays ended
        let user = match kept {
            Some((digest, _)) => sessions(kept).when_there(&path(digest)),
            None => sessions(None),
        };
        let mut transaction = self
            .transaction()
            .update(Fact::Credential, &keys::credential(before.email.canonical()), credential)
            .update(Fact::User, &keys::user(before.user_id), user.set("generation", &generation))
            .add(&keys::mail(notice.id), notice);
        transaction = match ground {
            Some(ground) => transaction.grounded(ground),
            // whoever knows the old one could go on for ever, a mail each time
            None => {
                let (email, limit) = (before.email.canonical(), limits.resets_of_address);
                transaction.count(
                    &keys::passwords_of(email, limit, now),
                    limit,
                    now,
                    "changes of this password",
                )
            }
        };
        transaction.forgive_sign_ins(attempt, limits, now).record(record, now).commit().await
    }

    /// Ends every session of a user. One who is gone has none.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn close_sessions(&self, user: UserId) -> Result<(), Error> {
        let ended = sessions(None).when_there("pk");
        match self.transaction().update(Fact::User, &keys::user(user), ended).once().commit().await {
            Ok(()) | Err(Error::Changed(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// What an account is of use for, so that its password is worth replacing.
pub enum Ground {
    /// A membership that is active, in a tenant that is in use.
    Membership(Member),
    /// An invitation that waits for it.
    Invitation(Invitation),
}

impl Store {
    /// What an account is of use for, if anything.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub async fn ground_of(&self, credential: &Credential, now: Timestamp) -> Result<Option<Ground>, Error> {
        if let Some(member) = self.use_of(credential).await? {
            return Ok(Some(Ground::Membership(member)));
        }
        let waiting = self.invitations_of(credential.email.canonical(), now, 1).await?;
        Ok(waiting.into_iter().next().map(Ground::Invitation))
    }
}

impl Transaction<'_> {
    /// What it rests on is as it was read.
    fn grounded(self, ground: &Ground) -> Self {
        match ground {
            Ground::Membership(member) => self.unchanged(member),
            Ground::Invitation(invitation) => {
                let unchanged = Expression::default().when_version(invitation.version);
                let key = keys::invitation(invitation.tenant_id, invitation.id);
                self.check(Fact::Invitation, &key, unchanged)
            }
        }
    }

    /// An address belongs where it did when it was read: what is noted in the trails of those tenants is noted in none that
    /// is gone.
    pub(crate) fn belonging(self, credential: &Credential) -> Self {
        let unchanged = Expression::default().when_version(credential.version);
        self.check(Fact::Credential, &keys::credential(credential.email.canonical()), unchanged)
    }

    /// A member is as it was read.
    pub(crate) fn unchanged(self, member: &Member) -> Self {
        let unchanged = Expression::default().when_authority(member.authority);
        self.check(Fact::Member, &keys::member(member.tenant_id, member.user_id), unchanged)
    }
}

/// All sessions ended but this one.
fn sessions(kept: Option<(&Digest, &Session)>) -> Expression {
    let left: BTreeMap<&Digest, &Session> = kept.into_iter().collect();
    Expression::default().set("sessions", &left)
}

/// A profile about to be changed.
pub struct ProfileChange<'a> {
    /// The user as read.
    pub before: &'a User,
    /// The same as they will be.
    pub after: &'a User,
    /// What is changed.
    pub profile: &'a NewProfile,
    /// What they sign in with, as read: it names the tenants that they are in.
    pub credential: Option<&'a Credential>,
    /// Their members, in every tenant that they are in.
    pub members: &'a [Member],
}

/// Teams that one transaction reaches, two actions each beside the user's own.
const TEAMS: usize = 40;

impl Store {
    /// Changes a profile, and what is shown of it in every team: of up to forty teams all at once. For more, a transaction
    /// for each forty, the profile with the last: whoever is stopped in between asks again, and what is done is left alone.
    ///
    /// # Errors
    /// [`Error::Changed`] when the profile changed meanwhile; [`Error::Refused`] when it was changed too often.
    pub async fn change_profile(
        &self,
        change: ProfileChange<'_>,
        limits: &Limits,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        const WHAT: &str = "changes of your profile";
        let ProfileChange { before, after, profile, credential, members } = change;
        let (now, kind) = (invocation.now(), EventKind::MemberProfileChanged);
        let others: Vec<&Member> = members.iter().filter(|member| profile.changes(member)).collect();
        let (first, last) = others.split_at(others.len().saturating_sub(TEAMS));
        let as_read = || Expression::default().when("version", &before.version);
        let (limit, user) = (limits.profile_changes, after.id);
        let counter = keys::profiles_of(user, limit, now);
        for (nth, team) in first.chunks(TEAMS).enumerate() {
            let shown = self.shown_as(profile, team, kind, invocation);
            let shown = shown.check(Fact::User, &keys::user(user), as_read());
            let shown = if nth == 0 { shown.count(&counter, limit, now, WHAT) } else { shown };
            shown.commit().await?;
        }
        let mut changed = names(profile).set("version", &after.version);
        if let Some(locale) = &profile.locale {
            changed = changed.set_or_remove("locale", locale.as_ref());
        }
        let changed = changed.when("version", &before.version);
        let shown = self.shown_as(profile, last, kind, invocation);
        let shown = shown.update(Fact::User, &keys::user(user), changed);
        let shown = if first.is_empty() { shown.count(&counter, limit, now, WHAT) } else { shown };
        // a team that they came into meanwhile has the names of before
        let shown = match credential {
            Some(credential) => {
                let same = Expression::default().when_version(credential.version);
                shown.check(Fact::Credential, &keys::credential(credential.email.canonical()), same)
            }
            None => shown,
        };
        shown.commit().await
    }

    /// These members with the names and the number that were changed, each with its event.
    fn shown_as(
        &self,
        profile: &NewProfile,
        members: &[&Member],
        kind: EventKind,
        invocation: &Invocation,
    ) -> Transaction<'_> {
        members.iter().fold(self.transaction(), |transaction, member| {
            let user = member.user_id;
            let (actor, subject) = (Actor::User { id: user }, Subject::Member(user));
            let change = Change::new(invocation, member.tenant_id, actor, kind, subject);
            // whoever was removed meanwhile has no part in it
            let as_read = names(profile).when_authority(member.authority);
            transaction.update(Fact::Member, &keys::member(member.tenant_id, user), as_read).change(change)
        })
    }
}

/// What of a profile is shown in teams, as far as it is changed.
fn names(profile: &NewProfile) -> Expression {
    let mut change = Expression::default();
    if let Some(name) = &profile.first_name {
        change = change.set("first_name", name);
    }
    if let Some(name) = &profile.last_name {
        change = change.set("last_name", name);
    }
    match &profile.phone {
        Some(phone) => change.set_or_remove("phone", phone.as_ref()),
        None => change,
    }
}
