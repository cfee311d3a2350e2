//! What a run made goes again, as far as a route goes: none closes an account.

use serde_json::{Value, json};

use crate::client::{Halt, Outcome};
use crate::team::{Team, text};

/// Takes back all invitations, ends all memberships, deletes all brands, closes the team, and signs the owner out.
pub(crate) fn tidy(team: &Team<'_>) -> Outcome<String> {
    let owner = &team.owner;
    let ledger = team.ledger()?;
    for invitation in &ledger.pending {
        team.revoke(text(invitation, "/id"))?;
    }
    let others = ledger.members.iter().filter(|member| text(member, "/user_id") != owner.user);
    others.clone().try_for_each(|member| team.remove(text(member, "/user_id")))?;
    let brands = team.all("brands")?;
    for brand in &brands {
        owner.tell("DELETE", &format!("brands/{}", text(brand, "/id")))?.expect(204)?;
        team.did("brand.deleted", text(brand, "/id"));
    }
    let left = team.ledger()?;
    if (left.used, left.members.len()) != (1, 1) || !team.all("brands")?.is_empty() {
        return Err(Halt::broken(format!(
            "{} is not empty but for its owner: {:?}",
            team.name, left.members
        )));
    }
    let events = team.trail();
    let password = json!({ "password": owner.world.password });
    owner.ask("POST", "close", &password)?.expect(200)?;
    owner.get("")?.refused(403, "forbidden")?;
    owner.world.ask("DELETE", "/v1/sessions/current", Some(&owner.session), &Value::Null)?.expect(204)?;
    owner.get("")?.refused(401, "unauthenticated")?;
    let events = events?;
    let (pending, members) = (ledger.pending.len(), others.count());
    Ok(format!(
        "{}: {pending} invitations, {members} members, {} brands; {events} events stay, and it is closed",
        team.name,
        brands.len()
    ))
}

/// Ends the session of who acted in a team that stays.
pub(crate) fn sign_out(team: &Team<'_>) -> Outcome<String> {
    let owner = &team.owner;
    owner.world.ask("DELETE", "/v1/sessions/current", Some(&owner.session), &Value::Null)?.expect(204)?;
    owner.get("")?.refused(401, "unauthenticated")?;
    Ok(format!("{} is as it was, and {} is signed out", team.name, owner.email))
}

/// The order that removes a closed tenant, for the operator to give.
pub(crate) fn order(team: &Team<'_>) -> String {
    let reason = format!("made by anywhere, run {}", team.world().tag);
    json!({ "operation": "remove-tenant", "tenant": team.owner.tenant, "reason": reason }).to_string()
}
