use std::collections::BTreeMap;

use model::{
    Actor, Credential, Digest, EventKind, Invocation, Limits, Mail, Member, Session, Source, Subject, User,
    UserId,
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
    /// The membership that it is of use for, where an emailed link is used. The link is dead with the old password.
    pub membership: Option<&'a Member>,
    /// The tries of the old password that are forgiven, where it was proven by that.
    pub forgiven: Option<(Attempt<'a>, &'a Limits)>,
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

    /// Queues a mail that the operator vouches for, for the sake of a `membership`. There is a change for each tenant whose
    /// trail tells of it.
    ///
    /// # Errors
    /// [`Error::Changed`] when the membership changed.
    pub async fn send_reset(
        &self,
        mail: &Mail,
        membership: &Member,
        changes: impl IntoIterator<Item = Change<'_>>,
    ) -> Result<(), Error> {
        let queued = self.transaction().add(&keys::mail(mail.id), mail).unchanged(membership);
        changes.into_iter().fold(queued, |t, change| t.change(change)).commit().await
    }

    /// Replaces a password, ends the sessions that the old one opened, and tells the person by mail.
    ///
    /// # Errors
    /// [`Error::Changed`] when the address was used for something else meanwhile: another password, another tenant.
    pub async fn change_password(
        &self,
        change: PasswordChange<'_>,
        record: Option<Record>,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let PasswordChange { before, hash, kept, membership, forgiven, notice } = change;
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
        if let Some(member) = membership {
            transaction = transaction.unchanged(member);
        }
        if let Some((attempt, limits)) = forgiven {
            transaction = transaction.forgive_sign_ins(attempt, limits, invocation.now());
        }
        transaction.record(record, invocation.now()).commit().await
    }

    /// Ends every session of a user.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn close_sessions(&self, user: UserId) -> Result<(), Error> {
        self.transaction().update(Fact::User, &keys::user(user), sessions(None)).commit().await
    }
}

impl Transaction<'_> {
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
    /// [`Error::Changed`] when the profile changed meanwhile.
    pub async fn change_profile(
        &self,
        change: ProfileChange<'_>,
        kind: EventKind,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let ProfileChange { before, after, members } = change;
        let others: Vec<&Member> =
            members.iter().filter(|m| !m.is_revoked() && after.is_shown_otherwise(m)).collect();
        let (first, last) = others.split_at(others.len().saturating_sub(TEAMS));
        for team in first.chunks(TEAMS) {
            self.shown_as(after, team, kind, invocation).commit().await?;
        }
        let profile = names(after)
            .set_or_remove("locale", after.locale.as_ref())
            .set("version", &after.version)
            .when("version", &before.version);
        self.shown_as(after, last, kind, invocation)
            .update(Fact::User, &keys::user(after.id), profile)
            .commit()
            .await
    }

    /// These members with the user's names and number, each with its event.
    fn shown_as(
        &self,
        user: &User,
        members: &[&Member],
        kind: EventKind,
        invocation: &Invocation,
    ) -> Transaction<'_> {
        members.iter().fold(self.transaction(), |transaction, member| {
            let (actor, subject) = (Actor::User { id: user.id }, Subject::Member(user.id));
            let change = Change::new(invocation, member.tenant_id, actor, kind, subject);
            // whoever was removed meanwhile has no part in it
            let as_read = names(user).when_authority(member.authority);
            transaction.update(Fact::Member, &keys::member(member.tenant_id, user.id), as_read).change(change)
        })
    }
}

fn names(user: &User) -> Expression {
    Expression::default()
        .set("first_name", &user.first_name)
        .set("last_name", &user.last_name)
        .set_or_remove("phone", user.phone.as_ref())
}
