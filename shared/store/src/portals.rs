//! Portals and their partners (R8), and the sponsors of invitations, who may be a portal's people.

use std::collections::HashMap;

use model::{Administration, Invitee, Member, Portal, Sponsor, SponsorId, Tenant, TenantId, Timestamp};

use crate::error::{Error, Fact};
use crate::expression::Expression;
use crate::item::Item;
use crate::load::{Loaded, Want};
use crate::transaction::Transaction;
use crate::{Change, Key, Listed, Outgoing, Page, Store, keys};

/// Whom an invitation of a tenant names as its sponsor: the member, and where they are one of a portal's, that it is in
/// charge still. Finds nobody where the portal isn't. A membership of one's own counts alone, as where one acts.
pub struct SponsorKey {
    member: Key<Member>,
    portal: Option<(Key<Tenant>, Key<Administration>, Key<Member>)>,
}

impl SponsorKey {
    /// In this tenant.
    #[must_use]
    pub fn new(tenant: TenantId, sponsor: SponsorId) -> Self {
        Self {
            member: keys::member(sponsor.portal.unwrap_or(tenant), sponsor.user),
            portal: sponsor.portal.map(|portal| {
                (keys::tenant(portal), keys::administration(tenant), keys::member(tenant, sponsor.user))
            }),
        }
    }
}

impl Want for SponsorKey {
    type Found = Option<Sponsor>;

    fn keys(&self, into: &mut HashMap<(String, String), Item>) {
        self.member.keys(into);
        if let Some(portal) = &self.portal {
            portal.keys(into);
        }
    }

    fn find(&self, loaded: &Loaded) -> Result<Option<Sponsor>, Error> {
        let member = self.member.find(loaded)?;
        let Some(portal) = &self.portal else { return Ok(member.map(Sponsor::from)) };
        Ok(match (member, portal.find(loaded)?) {
            (_, (_, _, Some(own))) if !own.is_revoked() => Some(own.into()),
            (Some(member), (Some(tenant), Some(administration), _)) if administration.portal == tenant.id => {
                Some(Sponsor { member, portal: Some(Portal { tenant, administration }) })
            }
            _ => None,
        })
    }
}

impl Transaction<'_> {
    /// Where something rests on a portal, it is in charge still, and its own account is as it was read.
    pub(crate) fn administered(self, fact: Fact, portal: Option<&Portal>) -> Self {
        let Some(Portal { tenant, administration }) = portal else { return self };
        let standing = Expression::default().when_version(administration.version);
        let unchanged = Expression::default().when_authority(tenant.authority);
        self.check(fact, &keys::administration(administration.tenant_id), standing).check(
            fact,
            &keys::tenant(tenant.id),
            unchanged,
        )
    }
}

impl Store {
    /// Sets a partner up: its tenant, that the portal administers it, its owner's invitation and the mail that carries the
    /// link. The mail is counted to the portal, the invitation to the member. `out` is from the portal.
    ///
    /// # Errors
    /// [`Error::Changed`] when the portal or the actor's rights changed, or the same request was answered meanwhile;
    /// [`Error::Refused`] when the address takes no mail, or got too many emails today.
    pub async fn create_partner(
        &self,
        out: &Outgoing<'_>,
        (partner, administration): (&Tenant, &Administration),
        change: Change<'_>,
        founding: Change<'_>,
    ) -> Result<(), Error> {
        let invitation = out.invitation();
        let invitee = keys::invitee(partner.id, invitation.email.canonical());
        let (limit, now) = (out.limits.invitations_by_inviter, change.at());
        let so_far = change.member.map(|inviter| inviter.invites).unwrap_or_default();
        self.transaction()
            .mail_of(out, false)
            .add(&keys::tenant(partner.id), partner)
            .add(&keys::administration(partner.id), administration)
            .add(&keys::invitation(partner.id, invitation.id), invitation)
            .add(&invitee, &Invitee::from(invitation))
            .mail(out)
            .change_and(change, Expression::default().count("invites", so_far, limit, now))
            .change(founding.founding(partner))
            .commit()
            .await
    }

    /// Ends that a portal administers a tenant. There is a change for each of the two, each in its trail.
    ///
    /// # Errors
    /// [`Error::Changed`] when it was ended meanwhile, or the actor's rights changed.
    pub async fn end_administration(
        &self,
        administration: &Administration,
        changes: impl IntoIterator<Item = Change<'_>>,
    ) -> Result<(), Error> {
        let partner = administration.tenant_id;
        let standing = Expression::default().when_version(administration.version);
        let alone = Expression::default().remove("portal");
        let ended = self
            .transaction()
            .delete(Fact::Administration, &keys::administration(partner), standing)
            .update(Fact::Tenant, &keys::tenant(partner), alone);
        changes.into_iter().fold(ended, |t, change| t.change(change)).commit().await
    }

    /// A stretch of the tenants that a portal administers, as they were set up: found by the index, which may lag a moment,
    /// and kept where the tenant's own item says so, and is there at `now`.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    pub async fn partners(
        &self,
        portal: TenantId,
        page: Page,
        now: Timestamp,
    ) -> Result<Listed<(Tenant, Administration)>, Error> {
        let limit = i32::try_from(page.limit).unwrap_or(i32::MAX);
        let found = self.index_of(keys::partners(portal), page.after.map(TenantId), limit, true).await?;
        let tenants: Vec<_> = found.items.iter().map(|tenant| keys::tenant(*tenant)).collect();
        let standing: Vec<_> = found.items.iter().map(|tenant| keys::administration(*tenant)).collect();
        let (tenants, standing) = self.load((tenants, standing)).await?;
        let there = tenants.into_iter().zip(standing).filter_map(|(t, a)| Some((t?, a?)));
        let mine = there
            .filter(|(tenant, administration)| administration.portal == portal && !tenant.is_gone_at(now));
        Ok(Listed { items: mine.collect(), next: found.next })
    }
}
