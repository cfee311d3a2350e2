use model::{
    BrandId, Claim, Invitation, InvitationStatus, Invitee, Limits, Member, MemberStatus, Session, Stamp,
    Tenant, TenantStatus, User,
};

use crate::error::{Error, Fact};
use crate::expression::Expression;
use crate::{Store, Trace, keys};

/// Who joins.
pub enum Joining<'a> {
    /// Somebody who has no user yet.
    New {
        /// Their profile.
        user: &'a User,
        /// Their address, with the password's hash.
        claim: &'a Claim,
    },
    /// Somebody who proved to be the user that the address belongs to.
    Known {
        /// The address as it will be: the tenant added, nothing else touched.
        claim: &'a Claim,
        /// The version that was read.
        read: Stamp,
    },
}

/// An invitation about to become a membership.
pub struct Acceptance<'a> {
    /// The invitation as read.
    pub before: &'a Invitation,
    /// The same, accepted.
    pub after: &'a Invitation,
    /// The membership.
    pub member: &'a Member,
    /// Who joins.
    pub joining: Joining<'a>,
    /// The session that is opened.
    pub session: &'a Session,
    /// The inviter whose rights it rests on (R9).
    pub voucher: Option<&'a Member>,
    /// The brands that are assigned, which have to exist.
    pub brands: &'a [BrandId],
    /// The tenant, where this is its first owner: it becomes active. No other acceptance touches it.
    pub opens: Option<(&'a Tenant, Stamp)>,
}

impl Store {
    /// Makes one member of one invitation: the seat stays the one that the invitation reserved.
    ///
    /// # Errors
    /// [`Error::Changed`] when the invitation, the voucher's rights, the address, a brand or the owner changed.
    pub async fn accept_invitation(
        &self,
        acceptance: Acceptance<'_>,
        limits: &Limits,
        trace: Trace<'_>,
    ) -> Result<(), Error> {
        let Acceptance { before, after, member, joining, session, voucher, brands, opens } = acceptance;
        let (tenant, email, now) = (after.tenant_id, after.email.canonical(), session.created_at);
        // INVARIANT: the condition compares with the clock once more, so that no acceptance is written past the expiry
        // however long it took from the read to here.
        let open = Expression::default()
            .when("version", &before.version)
            .when("status", &InvitationStatus::Pending)
            .when_after("expires_at", &now);
        let holder = Expression::default().when("invitation_id", &before.id);
        let gone = Expression::default().when_missing_or("status", &MemberStatus::Revoked);
        let mut transaction = self
            .transaction()
            .put(Fact::Invitation, &keys::invitation(tenant, after.id), after, open)
            .put(
                Fact::Invitee,
                &keys::invitee(tenant, email),
                &Invitee::Member { user_id: member.user_id },
                holder,
            )
            .put(Fact::Member, &keys::member(tenant, member.user_id), member, gone);
        transaction = match joining {
            Joining::New { user, claim } => transaction
                .create(Fact::Claim, &keys::claim(email), claim)
                .create(Fact::Claim, &keys::user(user.id), user),
            Joining::Known { claim, read } => {
                let limit = limits.failed_sign_ins;
                transaction.replace(Fact::Claim, &keys::claim(email), claim, read).delete(
                    Fact::Fresh,
                    &keys::sign_ins_of(email, limit, now),
                    Expression::default(),
                )
            }
        };
        if let Some(voucher) = voucher {
            let unchanged = Expression::default().when("authority", &voucher.authority);
            transaction = transaction.check(Fact::Actor, &keys::member(tenant, voucher.user_id), unchanged);
        }
        if let Some((tenant, authority)) = opens {
            let first = Expression::default()
                .set("status", Some(&TenantStatus::Active))
                .set("owner", Some(&member.user_id))
                .set("authority", Some(&authority))
                .when("authority", &tenant.authority)
                .when_missing("owner");
            transaction = transaction.update(Fact::Tenant, &keys::tenant(tenant.id), first);
        }
        transaction
            .create(Fact::Fresh, &keys::session(session.user_id, &session.digest), session)
            .brands_exist(tenant, brands.iter().copied())
            .trace(trace)
            .commit()
            .await
    }
}
