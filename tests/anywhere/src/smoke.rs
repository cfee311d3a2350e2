//! What becomes of mails, seen by an admin: invitations to SES's mailbox simulator, which needs no mailbox to be read and whose
//! bounces count against nobody. <https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html>

use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Halt, Outcome};
use crate::team::Team;

/// Between two looks at an invitation.
const LOOK: Duration = Duration::from_millis(500);

/// What the simulator makes of a mail, by the name before its `@`.
const FATES: [(&str, &str); 3] =
    [("success", "delivered"), ("bounce", "bounced"), ("complaint", "complained")];

/// Invites the simulator's addresses, waits for what becomes of each, and takes all of them back, whatever came of it.
pub(crate) fn walk(team: &Team<'_>) -> Outcome<String> {
    let page = team.world().client.page("GET", "/accept")?;
    page.holds(page.status == 200, "the page behind the emailed link")?;
    has_seats(team)?;
    let mut invited = Vec::new();
    let walked = invite_and_watch(team, &mut invited);
    let taken_back = invited.iter().try_for_each(|id| team.revoke(id));
    let seconds = walked?;
    taken_back?;
    Ok(format!(
        "mails to SES's simulator were delivered, bounced and complained about, and seen to be, within {seconds} seconds; \
         the invitations are taken back"
    ))
}

/// Goes no further in a plan without room. Other people may be at work in the team: its ledger is no business of this.
fn has_seats(team: &Team<'_>) -> Outcome<()> {
    let tenant = team.owner.get("")?.expect(200)?;
    let number = |pointer: &str| tenant.at(pointer).as_u64().unwrap_or_default();
    if number("/seats/used").saturating_add(3) <= number("/seats/limit") {
        return Ok(());
    }
    Err(Halt::Limited(format!("it takes 3 free seats in {}", team.name)))
}

/// Notes whom it invites in `invited`. Answers the seconds that it took.
fn invite_and_watch(team: &Team<'_>, invited: &mut Vec<String>) -> Outcome<u64> {
    let (owner, world, began) = (&team.owner, team.world(), Instant::now());
    for (name, _) in FATES {
        // the simulator takes any label
        let email = format!("{name}+{}@simulator.amazonses.com", world.tag);
        let reply = owner.invite(&email, "partner", &[])?.expect(201)?;
        team.did("invitation.created", reply.word("/id"));
        invited.push(reply.word("/id").to_owned());
    }
    for (id, (name, fate)) in invited.iter().zip(FATES) {
        loop {
            let reply = owner.get(&format!("invitations/{id}"))?.expect(200)?;
            let state = reply.word("/delivery/state");
            if state == fate {
                break;
            }
            // SES's own list has the label still, or it was never sent
            let is_over = matches!(state, "failed" | "suppressed" | "bounced" | "complained");
            if is_over || began.elapsed() > world.mail {
                let patience = world.mail.as_secs();
                return Err(
                    reply.wrong(format!("a mail to {name}@ that is {fate} within {patience} seconds"))
                );
            }
            std::thread::sleep(LOOK);
        }
    }
    // what bounced gets no more mail
    let bounced = invited.get(1).map(String::as_str).unwrap_or_default();
    owner.tell("POST", &format!("invitations/{bounced}/resend"))?.refused(422, "recipient-suppressed")?;
    Ok(began.elapsed().as_secs())
}

/// The orders that forget the simulator's addresses, for the operator to give: nobody needs them.
pub(crate) fn orders(team: &Team<'_>) -> impl Iterator<Item = String> {
    let tag = team.world().tag.clone();
    ["bounce", "complaint"].into_iter().map(move |name| {
        let email = format!("{name}+{tag}@simulator.amazonses.com");
        json!({ "operation": "lift-suppression", "email": email, "reason": format!("made by anywhere, run {tag}") })
            .to_string()
    })
}
