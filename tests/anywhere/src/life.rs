//! The life of a team: the main job, end to end, and an audit trail that tells it.

use std::slice;

use serde_json::{Value, json};

use crate::client::{Halt, Outcome};
use crate::team::{Person, Team};

/// Lives it. Answers what was seen.
pub(crate) fn live(team: &Team<'_>) -> Outcome<String> {
    team.needs(5)?;
    let sage = team.brand("Sage")?;
    let rue = team.brand("Rue")?;
    rename(team, &rue)?;
    let both = [sage.clone(), rue.clone()];
    let adam = team.join("adam", "admin", &[])?;
    let ben = team.join("ben", "member", slice::from_ref(&sage))?;
    let cleo = team.join("cleo", "sales_rep", &both)?;
    let dora = team.join("dora", "partner", &both)?;
    for (person, role) in [(&adam, "admin"), (&ben, "member"), (&cleo, "sales_rep"), (&dora, "partner")] {
        signs_in_and_out(person, role)?;
    }
    is_allowed(&[
        (&adam, "members.invite", &sage, true),
        (&adam, "products.write", &rue, true),
        (&ben, "products.write", &sage, true),
        (&ben, "products.write", &rue, false),
        (&cleo, "retailers.message", &rue, true),
        (&cleo, "products.write", &rue, false),
        (&dora, "products.read", &sage, true),
        (&dora, "retailers.message", &sage, false),
    ])?;
    changes(team, &ben, &sage, &rue)?;
    is_switched_off_and_on(team, &cleo)?;
    comes_back(team, &dora)?;
    is_sent_again_and_declined(team)?;
    is_taken_back(team)?;
    let ledger = team.ledger()?;
    if !ledger.pending.is_empty() {
        return Err(Halt::broken(format!("invitations are left pending: {:?}", ledger.pending)));
    }
    let events = team.trail()?;
    Ok(format!(
        "four roles invited, joined, signed in and out; roles and brands changed and asked about; suspended, \
         reinstated, removed, back; sent again, declined, taken back: {events} events, each with its change"
    ))
}

/// A brand gets another name, and is found where its `Location` leads.
fn rename(team: &Team<'_>, brand: &str) -> Outcome<()> {
    let path = format!("brands/{brand}");
    let renamed = team.owner.ask("PATCH", &path, &json!({ "name": "Rue & Thyme" }))?.expect(200)?;
    team.did("brand.updated", brand);
    let read = team.owner.get(&path)?.expect(200)?;
    read.holds(read.json == renamed.json, &renamed.text)?;
    read.holds(read.header("etag") == renamed.header("etag"), "the ETag of what was renamed")
}

/// A second session, which says who and where, and ends alone.
fn signs_in_and_out(person: &Person<'_>, role: &str) -> Outcome<()> {
    let world = person.world;
    let signed_in = world.sign_in(&person.email.to_uppercase(), &world.password)?.expect(201)?;
    let session = signed_in.word("/session/token");
    let me = world.ask("GET", "/v1/me", Some(session), &Value::Null)?.expect(200)?;
    me.holds(me.word("/user/id") == person.user, "the user who accepted")?;
    me.holds(me.word("/memberships/0/role") == role, format!("a membership as {role}"))?;
    world.ask("DELETE", "/v1/sessions/current", Some(session), &Value::Null)?.expect(204)?;
    world.ask("GET", "/v1/me", Some(session), &Value::Null)?.refused(401, "unauthenticated")?;
    person.get("")?.expect(200).map(drop)
}

fn is_allowed(questions: &[(&Person<'_>, &str, &String, bool)]) -> Outcome<()> {
    for (person, permission, brand, expected) in questions {
        if person.may(permission, brand)? != *expected {
            let who = &person.email;
            return Err(Halt::broken(format!("{who}: {permission} is not {expected} for the brand {brand}")));
        }
    }
    Ok(())
}

/// A role and brands, each from the next request on.
fn changes(team: &Team<'_>, ben: &Person<'_>, sage: &String, rue: &String) -> Outcome<()> {
    let (owner, user) = (&team.owner, ben.user.as_str());
    let ticked = |method: &str, brand: &str| owner.tell(method, &format!("members/{user}/brands/{brand}"));
    owner.give_role(user, "sales_rep")?.expect(200)?;
    team.did("member.role_changed", user);
    is_allowed(&[(ben, "products.write", sage, false), (ben, "retailers.message", sage, true)])?;
    ticked("PUT", rue)?.expect(200)?;
    team.did("member.brands_changed", user);
    is_allowed(&[(ben, "retailers.message", rue, true)])?;
    // what is so already is answered alike, and is no change
    ticked("PUT", rue)?.expect(200)?;
    owner.give_role(user, "sales_rep")?.expect(200)?;
    ticked("DELETE", sage)?.expect(200)?;
    team.did("member.brands_changed", user);
    is_allowed(&[(ben, "retailers.message", sage, false)])?;
    owner.ask("PUT", &format!("members/{user}/brands"), &json!({ "brands": "all" }))?.expect(200)?;
    team.did("member.brands_changed", user);
    is_allowed(&[(ben, "retailers.message", sage, true)])
}

/// Off holds from the very next request, on every session; so does on.
fn is_switched_off_and_on(team: &Team<'_>, cleo: &Person<'_>) -> Outcome<()> {
    let world = team.world();
    team.owner.tell("POST", &format!("members/{}/suspend", cleo.user))?.expect(200)?;
    team.did("member.suspended", &cleo.user);
    cleo.get("")?.refused(403, "access-revoked")?;
    world.sign_in(&cleo.email, &world.password)?.refused(403, "access-revoked")?;
    team.owner.tell("POST", &format!("members/{}/reinstate", cleo.user))?.expect(200)?;
    team.did("member.reinstated", &cleo.user);
    cleo.get("")?.expect(200).map(drop)
}

/// Removed is for good: a new invitation is the only way in again, and the password is the person's own.
fn comes_back(team: &Team<'_>, dora: &Person<'_>) -> Outcome<()> {
    let world = team.world();
    team.remove(&dora.user)?;
    dora.get("brands")?.refused(403, "access-revoked")?;
    world.sign_in(&dora.email, &world.password)?.refused(403, "access-revoked")?;
    team.owner.tell("POST", &format!("members/{}/reinstate", dora.user))?.refused(404, "not-found")?;
    let known = world.token(&dora.email, &[])?;
    let invited = team.owner.invite(&dora.email, "sales_rep", &[])?.expect(201)?;
    team.did("invitation.created", invited.word("/id"));
    let token = world.token(&dora.email, &[known])?;
    let wrong = json!({ "token": token, "password": "some other password of hers" });
    world.ask("POST", "/v1/invitations/accept", None, &wrong)?.refused(401, "unauthenticated")?;
    let back = world.link("accept", &token)?.expect(201)?;
    team.did("invitation.accepted", invited.word("/id"));
    back.holds(back.word("/member/user_id") == dora.user, "one person, one user")?;
    back.holds(*back.at("/member/brands") == json!([]), "nothing of the old access")
}

/// A newer link, of which the older one knows nothing; and no.
fn is_sent_again_and_declined(team: &Team<'_>) -> Outcome<()> {
    let world = team.world();
    let eve = team.invite("eve", "member", &[])?;
    let again = team.owner.tell("POST", &format!("invitations/{}/resend", eve.id))?.expect(200)?;
    team.did("invitation.resent", &eve.id);
    let newer = world.token(again.word("/email"), slice::from_ref(&eve.token))?;
    world.link("preview", &eve.token)?.refused(410, "invitation-revoked")?;
    world.link("decline", &newer)?.expect(204)?;
    team.did("invitation.declined", &eve.id);
    world.link("accept", &newer)?.refused(410, "invitation-declined")?;
    let declined = team.owner.get(&format!("invitations/{}", eve.id))?.expect(200)?;
    declined.holds(declined.word("/status") == "declined", "a declined one")
}

/// An invitation is found where its `Location` leads, and its link is dead once it is taken back.
fn is_taken_back(team: &Team<'_>) -> Outcome<()> {
    let world = team.world();
    let email = world.address("dan");
    let invited = team.owner.invite(&email, "admin", &[])?.expect(201)?;
    team.did("invitation.created", invited.word("/id"));
    let location = invited.header("location").unwrap_or_default();
    let read = world.ask("GET", location, Some(&team.owner.session), &Value::Null)?.expect(200)?;
    read.holds(read.word("/id") == invited.word("/id"), "what was made")?;
    let token = world.token(&email, &[])?;
    team.revoke(invited.word("/id"))?;
    world.link("accept", &token)?.refused(410, "invitation-revoked").map(drop)
}
