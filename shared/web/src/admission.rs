//! What has to be free before somebody is invited or reinstated: a seat of the plan, and the address.
//!
//! What is only held by an expired invitation is taken back first; then the facts have changed, and the operation reads
//! and decides again.

use model::{Invitation, InvitationStatus, Invitee, Invocation, Refusal, Tenant};
use store::{Error, Fact, Store, keys};

use crate::{Failure, Request};

/// A seat of the plan. That there is none is only said of facts that were read after a search for seats of expired
/// invitations had found none: what was read before it may have been full of those, which somebody else took back
/// meanwhile.
///
/// # Errors
/// [`Refusal::PlanRequired`], [`Refusal::SeatsExhausted`]; [`Error::Changed`] where the facts are to be read again.
pub async fn seat(store: &Store, tenant: &Tenant, request: &Request) -> Result<(), Failure> {
    if tenant.has_free_seat() {
        return Ok(());
    }
    if request.has_searched_seats() {
        if tenant.seat_limit == 1 {
            return Err(Refusal::PlanRequired(request.upgrade_url().map(str::to_owned)).into());
        }
        return Err(Refusal::SeatsExhausted { used: tenant.seats_used, limit: tenant.seat_limit }.into());
    }
    if !store.reclaim_seats(tenant.id, request.invocation()).await? {
        request.note_seats_searched();
    }
    Err(Error::Changed(Fact::Tenant).into())
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
        Some(Invitee::Member { user_id, .. }) => Err(Refusal::AlreadyMember(Some(*user_id)).into()),
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
    request: &Request,
) -> Result<(), Failure> {
    if invitation.status != InvitationStatus::Expired {
        // in a plan with fewer seats than are taken, one that nobody has found expired yet has none either
        let is_over = invitation.status_at(request.now()) == InvitationStatus::Expired;
        if is_over && tenant.seats_used > tenant.seat_limit {
            store.expire_invitation(tenant.id, invitation.id, request.invocation()).await?;
            return Err(Error::Changed(Fact::Invitation).into());
        }
        return Ok(());
    }
    // the address is known only once the invitation is read, so its holder is read only where it matters; and with it the
    // invitation, which may have let go of the address meanwhile
    let keys =
        (keys::invitee(tenant.id, invitation.email.canonical()), keys::invitation(tenant.id, invitation.id));
    let (holder, still) = store.load(keys).await?;
    if still.is_none_or(|still| still.version != invitation.version) {
        return Err(Error::Changed(Fact::Invitation).into());
    }
    if !holder.as_ref().is_some_and(|holder| holder.is(invitation.id)) {
        address(store, tenant, holder.as_ref(), request.invocation()).await?;
        return Err(Refusal::InvitationRevoked("a newer invitation came after it, make a new one").into());
    }
    seat(store, tenant, request).await
}
