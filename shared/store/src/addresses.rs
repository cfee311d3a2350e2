use model::{
    Actor, Belonging, Credential, Digest, EmailProof, EmailReturn, EventKind, Invitee, Invocation, Limits,
    Mail, Member, Subject, TenantId, Timestamp, User,
};

use crate::error::{Error, Fact};
use crate::expression::Expression;
use crate::transaction::Transaction;
use crate::{Attempt, Change, Record, Store, keys};

/// An address about to be exchanged for another one.
pub struct EmailMove<'a> {
    /// The user and the credential as read.
    pub before: (&'a User, &'a Credential),
    /// The same as they will be.
    pub after: (&'a User, &'a Credential),
    /// Every team that the account is in and stays in.
    pub teams: &'a [Team],
    /// Memberships that end with it.
    pub ending: &'a [Member],
    /// The link that is used up.
    pub proof: Option<&'a Digest>,
    /// What is mailed, that it was done among it.
    pub mails: &'a [Mail],
    /// The record of the answer.
    pub record: Option<Record>,
}

/// A team of somebody who changes their address.
pub struct Team {
    /// Their membership as read.
    pub member: Member,
    /// Who holds the new address there: nobody, what gives way (an expired invitation, somebody's move that was never finished),
    /// or they themselves, where an earlier try came so far.
    pub holder: Option<Invitee>,
}

/// Teams that the transaction reaches in which the account changes its address, or ends its membership, four actions each
/// beside its own.
const TEAMS: usize = 20;

impl Transaction<'_> {
    /// The new address is the member's in this team; until some moment, where their account isn't moved with it.
    fn hold(self, after: &User, Team { member, holder }: &Team, held_until: Option<Timestamp>) -> Self {
        let key = keys::invitee(member.tenant_id, after.email.canonical());
        let held = Invitee::Member { user_id: after.id, held_until };
        self.put(Fact::Invitee, &key, &held, Expression::held_by(holder.as_ref()))
    }

    /// A membership ends that was given to whoever had the account meanwhile.
    fn ended(self, member: &Member, invocation: &Invocation) -> Self {
        let (kind, subject) = (EventKind::MemberRevoked, Subject::Member(member.user_id));
        let change = Change::new(invocation, member.tenant_id, Actor::System, kind, subject)
            .with("email", member.email.as_entered())
            .with("role", member.role);
        self.over(member, &member.revoked(invocation.version())).change(change)
    }

    /// The member is shown with the new address, and lets go of the old one.
    fn shown_at(self, after: &User, member: &Member, invocation: &Invocation) -> Self {
        let (tenant, user) = (member.tenant_id, after.id);
        let moved = Expression::default()
            .set("email", &after.email)
            .set("authority", &invocation.version())
            .when_authority(member.authority);
        let (actor, kind) = (Actor::User { id: user }, EventKind::MemberEmailChanged);
        let change = Change::new(invocation, tenant, actor, kind, Subject::Member(user))
            .with("email_before", member.email.as_entered())
            .with("email", after.email.as_entered())
            .with_some("undone", after.taken_back.then_some(true));
        self.update(Fact::Member, &keys::member(tenant, user), moved)
            .remove(&keys::invitee(tenant, member.email.canonical()))
            .change(change)
    }
}

impl Store {
    /// Queues the mail that carries the link to a new address, whether or not anybody has that. The tries from the same source
    /// as the right password are forgiven.
    ///
    /// # Errors
    /// [`Error::Refused`] when there were too many; [`Error::Changed`] when the same request was answered meanwhile.
    pub async fn ask_for_email(
        &self,
        user: &User,
        mail: &Mail,
        attempt: Attempt<'_>,
        limits: &Limits,
        record: Option<Record>,
    ) -> Result<(), Error> {
        let (of_user, by_user, in_all) =
            (limits.resets_of_address, limits.mails_to_address_by_tenant, limits.mails_to_address);
        let (now, to, what) = (mail.created_at, mail.to.canonical(), "links to this address");
        self.transaction()
            .add(&keys::mail(mail.id), mail)
            .count(&keys::emails_of(user.id, of_user, now), of_user, now, "changes of your address")
            // by the person too: one alone doesn't use up what the address gets
            .count(&keys::proofs_by(user.id, to, by_user, now), by_user, now, what)
            .count(&keys::proofs_to(to, in_all, now), in_all, now, what)
            .forgive_sign_ins(attempt, limits, now)
            .record(record, now)
            .commit()
            .await
    }

    /// Gives an account another address, here and in its teams: in up to twenty all at once. In more, the new address is
    /// taken in the others beforehand, so that nobody can take it in between, and they are shown with it by
    /// [`Store::follow_email`]; whoever is stopped before the account moves asks again, and holds nothing for long.
    /// Memberships that end do so in the same transaction, or beforehand where that doesn't reach all teams: then what is
    /// left is read again.
    ///
    /// # Errors
    /// [`Error::Changed`] when the account, a team or who holds the new address changed.
    pub async fn move_email(&self, change: EmailMove<'_>, invocation: &Invocation) -> Result<(), Error> {
        const HELD_AT_ONCE: usize = 50;
        let EmailMove { before: (user, credential), after: (user_after, moved), .. } = change;
        if !change.ending.is_empty() && change.teams.len() + change.ending.len() > TEAMS {
            self.end_memberships(credential, change.ending, invocation).await?;
            return Err(Error::Changed(Fact::Credential));
        }
        let as_read = || Expression::default().when("version", &user.version);
        let (first, others) = change.teams.split_at(change.teams.len().min(TEAMS));
        for teams in others.chunks(HELD_AT_ONCE) {
            let held = self.transaction().check(Fact::User, &keys::user(user.id), as_read());
            let until = Some(invocation.look_at_clock() + Invitee::HELD);
            teams.iter().fold(held, |held, team| held.hold(user_after, team, until)).commit().await?;
        }
        // whatever changes the address writes the credential anew, too
        let mut profile = Expression::default()
            .set("email", &user_after.email)
            .set("former_emails", &user_after.former_emails)
            // as the credential's, whatever was read of the user before it
            .set("generation", &moved.generation)
            .set("version", &user_after.version);
        // nobody who is signed in stays so
        if user_after.taken_back {
            profile = profile.set("sessions", &user_after.sessions).set("taken_back", &true);
        } else {
            profile = profile.remove("taken_back");
        }
        let mut transaction = self
            .transaction()
            .delete(
                Fact::Credential,
                &keys::credential(credential.email.canonical()),
                Expression::default().when_version(credential.version),
            )
            .create(Fact::Credential, &keys::credential(moved.email.canonical()), moved)
            .update(Fact::User, &keys::user(user.id), profile);
        if let Some(digest) = change.proof {
            transaction = transaction.remove(&keys::email_proof(digest));
        }
        let shown = first.iter().fold(transaction.mails(change.mails), |t, team| {
            t.hold(user_after, team, None).shown_at(user_after, &team.member, invocation)
        });
        let ended = change.ending.iter().fold(shown, |t, member| t.ended(member, invocation));
        ended.record(change.record, invocation.now()).commit().await
    }

    /// Ends these memberships of an account, as many at once as a transaction reaches.
    async fn end_memberships(
        &self,
        credential: &Credential,
        ending: &[Member],
        invocation: &Invocation,
    ) -> Result<(), Error> {
        for stretch in ending.chunks(TEAMS) {
            let left = Expression::default()
                .set("version", &invocation.version())
                .when("user_id", &credential.user_id);
            let left = stretch.iter().fold(left, |left, member| {
                left.set(&format!("tenants.{}", member.tenant_id), &Belonging::Former)
            });
            let key = keys::credential(credential.email.canonical());
            let ended = self.transaction().update(Fact::Credential, &key, left);
            stretch.iter().fold(ended, |t, member| t.ended(member, invocation)).commit().await?;
        }
        Ok(())
    }

    /// Shows a user's address in those of their teams that don't show it yet: none but where there are more than one
    /// transaction reaches. Doing it again does what is left.
    ///
    /// # Errors
    /// [`Error::Changed`] when the user or a team changed meanwhile.
    pub async fn follow_email(&self, user: &User, invocation: &Invocation) -> Result<(), Error> {
        let email = user.email.canonical();
        let credential = self.load(keys::credential(email)).await?;
        let Some(credential) = credential.filter(|c| c.user_id == user.id && TEAMS < c.tenants.len()) else {
            return Ok(());
        };
        let tenants: Vec<TenantId> = credential.tenants.keys().copied().collect();
        for stretch in tenants.chunks(TEAMS) {
            let mut left = self.teams_of(user, stretch, email).await?;
            left.retain(|team| !team.member.is_revoked() && team.member.email.canonical() != email);
            if left.is_empty() {
                continue;
            }
            let unchanged = Expression::default().when("version", &user.version);
            let follows = self.transaction().check(Fact::User, &keys::user(user.id), unchanged);
            let followed = left.iter().fold(follows, |t, team| {
                let shown = t.shown_at(user, &team.member, invocation);
                let is_free = team.holder.as_ref().is_none_or(|held| held.is_of(user.id));
                // theirs for good now, and no hold that gives way once they move on
                if is_free { shown.hold(user, team, None) } else { shown }
            });
            followed.commit().await?;
        }
        Ok(())
    }

    /// The memberships of these tenants that aren't over, and who holds an address there.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub async fn teams_of(&self, user: &User, tenants: &[TenantId], email: &str) -> Result<Vec<Team>, Error> {
        let members: Vec<_> = tenants.iter().map(|t| keys::member(*t, user.id)).collect();
        let holders: Vec<_> = tenants.iter().map(|t| keys::invitee(*t, email)).collect();
        let (members, holders) = self.load((members, holders)).await?;
        let pairs = members.into_iter().zip(holders);
        Ok(pairs.filter_map(|(member, holder)| Some(Team { member: member?, holder })).collect())
    }

    /// Claims the send of a link that proves a new address: its record becomes known.
    ///
    /// # Errors
    /// [`Error::Changed`] when somebody else claimed it.
    pub async fn claim_proof(
        &self,
        mails: (&Mail, &Mail),
        proof: &EmailProof,
        digest: &Digest,
    ) -> Result<(), Error> {
        self.transaction().claimed(mails.0, mails.1).add(&keys::email_proof(digest), proof).commit().await
    }

    /// The same for the link under which an old address is taken back.
    ///
    /// # Errors
    /// As [`Store::claim_proof`].
    pub async fn claim_return(
        &self,
        mails: (&Mail, &Mail),
        back: &EmailReturn,
        digest: &Digest,
    ) -> Result<(), Error> {
        self.transaction().claimed(mails.0, mails.1).add(&keys::email_return(digest), back).commit().await
    }
}
