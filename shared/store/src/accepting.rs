use model::{
    Digest, Event, EventId, Invitation, Invitee, Joining, Limits, Member, NewSession, Source, Tenant,
    Timestamp,
};
use policy::{BrandId, TenantStatus};

use crate::error::{Error, Fact};
use crate::expression::Expression;
use crate::transaction::Transaction;
use crate::{Attempt, Change, Key, Store, keys};

/// An invitation about to become a membership.
pub struct Acceptance<'a> {
    /// The invitation as read.
    pub before: &'a Invitation,
    /// The same, accepted.
    pub after: &'a Invitation,
    /// The membership.
    pub member: &'a Member,
    /// Who joins.
    pub joining: &'a Joining,
    /// Where from.
    pub source: &'a Source,
    /// The moment right before the write: the link has to be open then.
    pub at: Timestamp,
    /// The session that is opened.
    pub session: &'a NewSession,
    /// Sessions of somebody who is known that make room for it.
    pub dropped: &'a [&'a Digest],
    /// The brands that are assigned, which have to exist.
    pub brands: &'a [BrandId],
    /// The tenant as read and in use, where this is its first owner. No other acceptance touches it.
    pub opens: Option<(&'a Tenant, Tenant)>,
}

impl Expression {
    /// What would have been gone with an unconfirmed tenant stays.
    fn kept(self) -> Self {
        self.remove("unconfirmed_until").remove(keys::TTL)
    }
}

impl Transaction<'_> {
    /// The address as it belongs to the tenant now, and its session. Who proved an old password is forgiven the wrong ones before.
    fn joining(
        self,
        joining: &Joining,
        source: &Source,
        limits: &Limits,
        (new, dropped): (&NewSession, &[&Digest]),
    ) -> Self {
        match joining {
            Joining::New { user, credential } => {
                let mut user = user.clone();
                user.sessions.insert(new.digest.clone(), new.session.clone());
                self.create(Fact::Credential, &keys::credential(credential.email.canonical()), credential)
                    .add(&keys::user(user.id), &*user)
            }
            Joining::Known { credential, read } => {
                let email = credential.email.canonical();
                let attempt = Attempt { email, source };
                self.replace(Fact::Credential, &keys::credential(email), credential, *read)
                    .session(new, dropped)
                    .forgive_sign_ins(attempt, limits, new.session.created_at)
            }
        }
    }

    /// The tenant is in use from here on, and has its first owner; it, the event that began its trail, and the portal that
    /// set it up stay.
    fn opens(self, before: &Tenant, after: &Tenant) -> Self {
        let first = Expression::default()
            .set("status", &TenantStatus::Active)
            .set_or_remove("owner", after.owner.as_ref())
            .set("authority", &after.authority)
            .kept()
            .when_authority(before.authority)
            .when_missing("owner");
        let created: Key<Event> = keys::event(after.id, after.created_at, EventId(after.id.0));
        let still = || Expression::default().kept().when_there("pk");
        let opened =
            self.update(Fact::Tenant, &keys::tenant(after.id), first).update(Fact::Tenant, &created, still());
        match after.portal {
            Some(_) => opened.update(Fact::Administration, &keys::administration(after.id), still()),
            None => opened,
        }
    }
}

impl Store {
    /// Makes one member of one invitation: the seat stays the one that the invitation reserved.
    ///
    /// # Errors
    /// [`Error::Changed`] when the invitation, the sponsor's rights, the address, a brand or the owner changed.
    pub async fn accept_invitation(
        &self,
        acceptance: Acceptance<'_>,
        limits: &Limits,
        change: Change<'_>,
    ) -> Result<(), Error> {
        let Acceptance { before, after, member, joining, source, at, session, dropped, brands, opens } =
            acceptance;
        let tenant = after.tenant_id;
        let open = Expression::default().when_version(before.version).when_after("expires_at", &at);
        let invitee = Invitee::member(member.user_id);
        let mut transaction = self
            .transaction()
            .put(Fact::Invitation, &keys::invitation(tenant, after.id), after, open)
            // while it is pending it holds its address, and nobody else of that address is a member
            .add(&keys::invitee(tenant, after.email.canonical()), &invitee)
            .add(&keys::member(tenant, member.user_id), member)
            .joining(joining, source, limits, (session, dropped));
        if let Some((before, after)) = opens {
            transaction = transaction.opens(before, &after);
        }
        transaction.brands_exist(tenant, brands.iter().copied()).change(change).commit().await
    }
}
