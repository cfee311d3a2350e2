//! What has to be free before somebody is invited or reinstated: a seat of the plan, and the address.
//!
//! What is only held by an expired invitation is taken back first; then the facts have changed, and the operation reads
//! and decides again.

use model::{Invitation, InvitationStatus, Invitee, Invocation, Refusal, Tenant};
use store::{Error, Fact, Store, keys};

use crate::Failure;

/// A seat of the plan.
///
/// # Errors
/// [`Refusal::SeatsExhausted`]; [`Error::Changed`] where a seat was freed meanwhile.
pub async fn seat(store: &Store, tenant: &Tenant, invocation: &Invocation) -> Result<(), Failure> {
    if tenant.has_free_seat() {
        return Ok(());
    }
    let reclaimed = store.reclaim_seats(tenant.id, invocation).await?;
    // somebody else may have freed one since the tenant was read
    let freed = store.load(keys::tenant(tenant.id)).await?.is_some_and(|tenant| tenant.has_free_seat());
    if reclaimed > 0 || freed {
        return Err(Error::Changed(Fact::Tenant).into());
    }
    Err(Refusal::SeatsExhausted(tenant.seat_limit).into())
}

/// The address that `holder` may hold. An expired invitation gives way once its seat is freed.
///
/// # Errors
/// [`Refusal::AlreadyMember`], [`Refusal::InvitationPending`]; [`Error::Changed`] where an expired invitation was found.
pub async fn address(
    store: &Store,
    tenant: &Tenant,
    holder: Option<&Invitee>,
    invocation: &Invocation,
) -> Result<(), Failure> {
    match holder {
        None => Ok(()),
        Some(Invitee::Member { user_id }) => Err(Refusal::AlreadyMember(Some(*user_id)).into()),
        Some(Invitee::Invitation { invitation_id, expires_at, .. }) if invocation.now() < *expires_at => {
            Err(Refusal::InvitationPending(tenant.id, *invitation_id).into())
        }
        Some(Invitee::Invitation { invitation_id, .. }) => {
            if store.expire_invitation(tenant.id, *invitation_id, invocation).await? {
                return Err(Error::Changed(Fact::Tenant).into());
            }
            Ok(())
        }
    }
}

/// Seat and address of an invitation that is sent again: a pending one holds both; an expired one gave up its seat, and
/// still holds its address unless a newer invitation or a member took it over (R10).
///
/// # Errors
/// As [`seat`] and [`address`]; [`Refusal::InvitationRevoked`] where another one came after it.
pub async fn again(
    store: &Store,
    tenant: &Tenant,
    invitation: &Invitation,
    invocation: &Invocation,
) -> Result<(), Failure> {
    if invitation.status != InvitationStatus::Expired {
        return Ok(());
    }
    // the address is known only once the invitation is read, so its holder is read only where it matters
    let holder = store.load(keys::invitee(tenant.id, invitation.email.canonical())).await?;
    if !holder.as_ref().is_some_and(|holder| holder.is(invitation.id)) {
        address(store, tenant, holder.as_ref(), invocation).await?;
        return Err(Refusal::InvitationRevoked("a newer invitation came after it, make a new one").into());
    }
    seat(store, tenant, invocation).await
}
