//! Importing a tenant, a stretch at a time. Every stretch is written on the condition that the import stands where it was read,
//! and moves it on: each entry is written once, whoever is stopped goes on from there, and of two at once one is told to read again.
//! Nobody else writes into a tenant that is switched off but who leaves it, changes their own profile or address, or removes it.

use model::{
    Brand, Decision, Event, Import, Invitation, InvitationStatus, Invitee, Joining, Mail, Member, OpenReview,
    Review, Tenant, UserId,
};
use policy::MemberStatus;

use crate::error::{Error, Fact};
use crate::expression::Expression;
use crate::transaction::Transaction;
use crate::{Change, Store, keys};

/// A member who comes with their tenant.
pub struct Newcomer {
    /// What they were called where they come from.
    pub was: UserId,
    /// The membership, under the id and the address that they have here.
    pub member: Member,
    /// The person, and their address; nobody where the membership was over already.
    pub joining: Option<Joining>,
}

/// An invitation that comes with its tenant.
pub struct Arrival {
    /// The invitation.
    pub invitation: Invitation,
    /// Whether it holds its address.
    pub holds_address: bool,
    /// Of one that waits, the mail that was never sent here: with its end comes the invitation's, as with a link's.
    pub mail: Option<Mail>,
}

/// Entries of one kind that are written together: as many as one transaction holds with what it does beside them.
pub enum Imported {
    /// Brands: ninety at most.
    Brands(Vec<Brand>),
    /// Members: twenty at most, each with what holds their address, the address and the person.
    Members(Vec<Newcomer>),
    /// Invitations: forty at most, each with what holds its address.
    Invitations(Vec<Arrival>),
    /// Reviews: forty at most.
    Reviews(Vec<Review>),
    /// Decisions: ninety at most.
    Decisions(Vec<Decision>),
    /// Events: ninety at most.
    Events(Vec<Event>),
    /// None: the page is turned.
    Nothing,
}

impl Imported {
    /// Members who are called otherwise here, by what they were called where they come from.
    #[must_use]
    pub fn renamed(&self) -> Vec<(UserId, UserId)> {
        let Self::Members(members) = self else { return Vec::new() };
        let renamed = members.iter().filter(|one| one.was != one.member.user_id);
        renamed.map(|one| (one.was, one.member.user_id)).collect()
    }

    /// The seats that they take.
    fn seats(&self) -> usize {
        match self {
            Self::Members(members) => {
                members.iter().filter(|one| one.member.status == MemberStatus::Active).count()
            }
            Self::Invitations(invitations) => {
                invitations.iter().filter(|one| one.invitation.status == InvitationStatus::Pending).count()
            }
            Self::Brands(_) | Self::Reviews(_) | Self::Decisions(_) | Self::Events(_) | Self::Nothing => 0,
        }
    }
}

impl Transaction<'_> {
    /// The import moves on from where it was read.
    fn import(self, before: &Import, after: &Import) -> Self {
        self.replace(Fact::Import, &keys::import(after.tenant_id), after, before.version)
    }

    /// The member, and the person with their address where the membership isn't over. Somebody who is known keeps all that is
    /// theirs, and belongs to one tenant more.
    fn newcomer(self, newcomer: &Newcomer) -> Self {
        let Newcomer { member, joining, .. } = newcomer;
        let (tenant, user) = (member.tenant_id, member.user_id);
        let joined = self.add(&keys::member(tenant, user), member);
        let Some(joining) = joining else { return joined };
        let held = keys::invitee(tenant, member.email.canonical());
        let joined =
            joined.create(Fact::Invitee, &held, &Invitee::Member { user_id: user, held_until: None });
        match joining {
            Joining::New { user, credential } => joined
                .create(Fact::Credential, &keys::credential(credential.email.canonical()), credential)
                .create(Fact::User, &keys::user(user.id), &**user),
            Joining::Known { credential, read } => {
                let key = keys::credential(credential.email.canonical());
                joined.replace(Fact::Credential, &key, credential, *read)
            }
        }
    }

    /// The invitation, with its hold on its address where it has one.
    fn arrival(self, arrival: &Arrival) -> Self {
        let Arrival { invitation, holds_address, mail } = arrival;
        let tenant = invitation.tenant_id;
        let arrived = self.add(&keys::invitation(tenant, invitation.id), invitation).mails(mail.as_slice());
        if !holds_address {
            return arrived;
        }
        let held = keys::invitee(tenant, invitation.email.canonical());
        arrived.create(Fact::Invitee, &held, &Invitee::from(invitation))
    }

    /// The review, as the one that goes on where it does.
    fn review(self, review: &Review) -> Self {
        let (tenant, id) = (review.tenant_id, review.id);
        let reviewed = self.add(&keys::review(tenant, id), review);
        if !review.is_open() {
            return reviewed;
        }
        reviewed.add(&keys::open_review(tenant), &OpenReview { review_id: id })
    }
}

impl Store {
    /// Begins to import a tenant, which is switched off until all of it is there.
    ///
    /// # Errors
    /// [`Error::Changed`] when there is a tenant with this id.
    pub async fn begin_import(&self, tenant: &Tenant, import: &Import) -> Result<(), Error> {
        let begun = self.transaction().create(Fact::Tenant, &keys::tenant(tenant.id), tenant);
        begun.add(&keys::import(tenant.id), import).commit().await
    }

    /// Writes a stretch of what is imported, and takes the seats of who is in it, whatever the plan has. There is no event: what
    /// happened is in those that are imported.
    ///
    /// # Errors
    /// [`Error::Changed`] when somebody else moved the import on or ended it, or somebody's address was used meanwhile.
    pub async fn import(&self, (before, after): (&Import, &Import), what: &Imported) -> Result<(), Error> {
        let tenant = after.tenant_id;
        let mut moved = self.transaction().import(before, after);
        if let Ok(seats @ 1..) = i64::try_from(what.seats()) {
            let taken = Expression::default().add("seats_used", seats);
            moved = moved.update(Fact::Tenant, &keys::tenant(tenant), taken);
        }
        let written = match what {
            Imported::Brands(brands) => {
                brands.iter().fold(moved, |t, brand| t.add(&keys::brand(tenant, brand.id), brand))
            }
            Imported::Members(members) => members.iter().fold(moved, Transaction::newcomer),
            Imported::Invitations(invitations) => invitations.iter().fold(moved, Transaction::arrival),
            Imported::Reviews(reviews) => reviews.iter().fold(moved, Transaction::review),
            Imported::Decisions(decisions) => {
                decisions.iter().fold(moved, |t, one| t.add(&keys::decision(one.review_id, one.user_id), one))
            }
            Imported::Events(events) => {
                events.iter().fold(moved, |t, one| t.add(&keys::event(tenant, one.at, one.id), one))
            }
            Imported::Nothing => moved,
        };
        written.commit().await
    }

    /// Ends the import of a tenant, of which all is there: it is what it was where it comes from.
    ///
    /// # Errors
    /// [`Error::Changed`] when somebody else ended the import.
    pub async fn finish_import(
        &self,
        import: &Import,
        after: &Tenant,
        change: Change<'_>,
    ) -> Result<(), Error> {
        let whole = Expression::default()
            .set("status", &after.status)
            .set_or_remove("owner", after.owner.as_ref())
            .set_or_remove("imported_at", after.imported_at.as_ref())
            .set("authority", &after.authority)
            .remove("import_began_at");
        let standing = Expression::default().when_version(import.version);
        self.transaction()
            .delete(Fact::Import, &keys::import(after.id), standing)
            .update(Fact::Tenant, &keys::tenant(after.id), whole)
            .change(change)
            .commit()
            .await
    }
}
