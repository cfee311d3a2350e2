//! Who means no good: without a session, with somebody else's or with one that is made up, with links that are none or
//! not any more, with what no route takes. All of it is refused as the contract says, and nothing is changed by it.

use std::slice;

use serde_json::{Value, json};

use crate::client::{Call, Halt, Outcome};
use crate::contract::operations;
use crate::scene::Scene;
use crate::team::{Person, Team, World};

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// What an emailed link can be asked.
const VERBS: [&str; 4] = ["preview", "accept", "decline", "renew"];

/// More than the 16 KiB that a body may have.
const TOO_LARGE: usize = 17 * 1024;

/// Wrong passwords for one address: well below the ten that shut a source out by default.
const GUESSES: usize = 3;

/// What takes no session to try.
pub(crate) fn by_nobody(world: &World) -> Outcome<String> {
    let scene = Scene::of_nobody(world);
    without_a_session(&scene)?;
    other_methods(&scene)?;
    bodies(&scene)?;
    pages(world)?;
    made_up_links(&scene, &"A".repeat(86))?;
    Ok("sessions that are missing, links that are made up, other methods, huge bodies, other types: refused"
        .to_owned())
}

/// All of it, against a team; `other` owns another one.
pub(crate) fn by_others(team: &Team<'_>, other: &Person<'_>) -> Outcome<String> {
    team.needs(4)?;
    let scene = Scene::of(team, "abused")?;
    without_a_session(&scene)?;
    other_methods(&scene)?;
    bodies(&scene)?;
    made_up_sessions(&scene, &team.owner)?;
    from_another_tenant(&scene, other)?;
    let link = scene.token.clone().unwrap_or_default();
    made_up_links(&scene, &link)?;
    made_up_links(&scene, &team.owner.session)?;
    dead_links(team)?;
    keys(team)?;
    repeated_acceptance(team)?;
    pages(team.world())?;
    versions(team, &scene)?;
    team.settled()?;
    Ok("no session, another tenant's, made-up ones, links that are changed, used or older, other methods, huge bodies, \
        other types, keys used twice, acceptances repeated, older versions: refused, and nothing was changed"
        .to_owned())
}

/// Every route that takes a session, without one.
fn without_a_session(scene: &Scene<'_>) -> Outcome<()> {
    for operation in operations().iter().filter(|operation| !operation.is_public) {
        let call = Call::new(&operation.method, scene.path(operation, None)).json(&operation.example);
        let refused = scene.send(&call)?.refused(401, "unauthenticated")?;
        refused.holds(refused.header("www-authenticate") == Some("Bearer"), "the challenge `Bearer`")?;
    }
    Ok(())
}

/// The same text with the character in its middle changed.
fn changed(text: &str) -> String {
    let middle = text.len() / 2;
    let letters = text.chars().enumerate().map(|(at, letter)| match letter {
        'A' if at == middle => 'B',
        _ if at == middle => 'A',
        letter => letter,
    });
    letters.collect()
}

/// The same text without its last character.
fn cut(text: &str) -> String {
    let mut text = text.to_owned();
    text.pop();
    text
}

/// A session that was changed, cut or put together, and a link's token in its place.
fn made_up_sessions(scene: &Scene<'_>, owner: &Person<'_>) -> Outcome<()> {
    let secret = owner.session.rsplit('.').next().unwrap_or_default();
    let made_up = [
        changed(&owner.session),
        cut(&owner.session),
        format!("{}.{secret}", scene.id("user")),
        format!("{}.{}", owner.user, "A".repeat(43)),
        secret.to_owned(),
        scene.token.clone().unwrap_or_default(),
    ];
    for session in made_up {
        for (method, path) in
            [("GET", "/v1/me".to_owned()), ("GET", owner.path("")), ("POST", owner.path("check"))]
        {
            let question =
                if method == "POST" { json!({ "permission": "tenant.read" }) } else { Value::Null };
            let reply = scene.world.ask(method, &path, Some(&session), &question)?;
            let refused = reply.refused(401, "unauthenticated")?;
            let challenge = refused.header("www-authenticate").unwrap_or_default();
            refused.holds(challenge.contains("invalid_token"), "a challenge that says `invalid_token`")?;
        }
    }
    Ok(())
}

/// Every route of the tenant with the session of another one's owner, and every id of it inside that other one.
fn from_another_tenant(scene: &Scene<'_>, other: &Person<'_>) -> Outcome<()> {
    for operation in operations().iter().filter(|operation| operation.path.contains("{tenant}")) {
        let names_more = operation.path.matches('{').count() > 1;
        let inside = names_more.then(|| scene.path(operation, Some(&other.tenant)));
        for path in [Some(scene.path(operation, None)), inside].into_iter().flatten() {
            let call = Call::new(&operation.method, path).session(Some(&other.session));
            scene.send(&call.json(&operation.example))?.refused(404, "not-found")?;
        }
    }
    let brand = scene.id("brand").to_owned();
    let invited = other.invite(&scene.world.address("lured"), "member", slice::from_ref(&brand))?;
    let refused = invited.refused(422, "validation")?;
    refused.holds(refused.word("/errors/0/pointer") == "/brands/0", "the brand as what is wrong")?;
    let question = json!({ "permission": "brand.read", "brand": brand });
    let answered = other.ask("POST", "check", &question)?.expect(200)?;
    answered.holds(*answered.at("/allowed") == json!(false), "no")
}

/// Every path, by the methods that it doesn't have.
fn other_methods(scene: &Scene<'_>) -> Outcome<()> {
    for operation in operations() {
        let same = || operations().iter().filter(move |one| one.path == operation.path);
        for method in METHODS.into_iter().filter(|method| same().all(|one| one.method != *method)) {
            let call = Call::new(method, scene.path(operation, None)).session(scene.session.as_deref());
            let refused = scene.send(&call)?.refused(405, "method-not-allowed")?;
            let allow = refused.header("allow").unwrap_or_default();
            refused.holds(same().all(|one| allow.contains(&one.method)), "an `Allow` with what there is")?;
        }
    }
    Ok(())
}

/// Every route that takes a body, with too much of it and with other types; one with very much.
fn bodies(scene: &Scene<'_>) -> Outcome<()> {
    let huge = Call::new("POST", "/v1/sessions").bytes("application/json", "x".repeat(64 * TOO_LARGE));
    scene.send(&huge)?.refused(413, "payload-too-large")?;
    for operation in scene.with_bodies() {
        let call = scene.call(operation).bytes("application/json", "x".repeat(TOO_LARGE));
        scene.send(&call)?.refused(413, "payload-too-large")?;
        let body = scene.body(operation).to_string();
        for other in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16"] {
            let call = scene.call(operation).bytes(other, body.as_str());
            scene.send(&call)?.refused(415, "unsupported-media-type")?;
        }
    }
    Ok(())
}

/// Links that are changed, cut, prolonged or none, however they are opened.
fn made_up_links(scene: &Scene<'_>, token: &str) -> Outcome<()> {
    for made_up in [changed(token), cut(token), format!("{token}A"), format!("A{token}"), "A".repeat(86)] {
        for verb in VERBS {
            scene.world.link(verb, &made_up)?.refused(404, "not-found")?;
        }
    }
    Ok(())
}

/// A link that was used, and one that a newer one followed.
fn dead_links(team: &Team<'_>) -> Outcome<()> {
    let world = team.world();
    let used = team.invite("used", "partner", &[])?;
    team.accept(&used)?;
    let older = team.invite("older", "partner", &[])?;
    let again = team.owner.tell("POST", &format!("invitations/{}/resend", older.id))?.expect(200)?;
    team.did("invitation.resent", &older.id);
    let newer = world.token(again.word("/email"), slice::from_ref(&older.token))?;
    for verb in VERBS {
        world.link(verb, &used.token)?.refused(410, "invitation-accepted")?;
        world.link(verb, &older.token)?.refused(410, "invitation-revoked")?;
    }
    world.link("preview", &newer)?.expect(200)?;
    team.revoke(&older.id)
}

/// Pages are there for whoever only asks whether they are, as mail scanners do.
fn pages(world: &World) -> Outcome<()> {
    for path in ["/", "/accept"] {
        let whole = world.client.page("GET", path)?.expect(200)?;
        let head = world.client.page("HEAD", path)?.expect(200)?;
        let is_alike = head.text.is_empty() && head.header("content-type") == whole.header("content-type");
        head.holds(is_alike, "the headers of the page, without it")?;
    }
    Ok(())
}

/// An acceptance that is repeated under its key opens nothing for whoever was removed since.
fn repeated_acceptance(team: &Team<'_>) -> Outcome<()> {
    let world = team.world();
    let invited = team.invite("repeated", "partner", &[])?;
    let body = json!({ "token": invited.token, "password": world.password });
    let accept = || {
        let call = Call::new("POST", "/v1/invitations/accept").header("idempotency-key", &invited.id);
        world.client.send(&call.json(&body))
    };
    let accepted = accept()?.expect(201)?;
    team.did("invitation.accepted", &invited.id);
    accept()?.expect(201)?;
    team.remove(accepted.word("/member/user_id"))?;
    accept()?.refused(403, "access-revoked").map(drop)
}

/// The same key: the same answer to the same request, and none to another.
fn keys(team: &Team<'_>) -> Outcome<()> {
    let owner = &team.owner;
    let make = |key: &str, name: &str| {
        let call = Call::new("POST", owner.path("brands")).session(Some(&owner.session));
        owner.world.client.send(&call.header("idempotency-key", key).json(&json!({ "name": name })))
    };
    let key = format!("the key of {}", owner.world.tag);
    let made = make(&key, "Ivy")?.expect(201)?;
    team.did("brand.created", made.word("/id"));
    let again = make(&key, "Ivy")?.expect(201)?;
    again.holds(again.json == made.json, &made.text)?;
    make(&key, "Yew")?.refused(422, "idempotency-mismatch")?;
    make(&"k".repeat(256), "Yew")?.refused(400, "malformed").map(drop)
}

/// What `If-Match` names and isn't there any more is not changed.
fn versions(team: &Team<'_>, scene: &Scene<'_>) -> Outcome<()> {
    let owner = &team.owner;
    let (member, brand) = (format!("members/{}", scene.id("user")), format!("brands/{}", scene.id("brand")));
    for (method, path, body) in [
        ("PUT", format!("{member}/role"), json!({ "role": "partner" })),
        ("PUT", format!("{member}/brands"), json!({ "brands": [] })),
        ("PUT", format!("{member}/{brand}"), Value::Null),
        ("DELETE", format!("{member}/{brand}"), Value::Null),
        ("PATCH", brand.clone(), json!({ "name": "Yew" })),
    ] {
        let call = Call::new(method, owner.path(&path)).session(Some(&owner.session)).json(&body);
        scene.send(&call.header("if-match", "\"no version\""))?.refused(412, "conflict")?;
    }
    let read = owner.get(&brand)?.expect(200)?;
    let call = Call::new("PATCH", owner.path(&brand)).session(Some(&owner.session));
    let call = call.header("if-match", read.header("etag").unwrap_or_default());
    scene.send(&call.json(&json!({ "name": "Yew" })))?.expect(200)?;
    team.did("brand.updated", scene.id("brand"));
    Ok(())
}

/// A few wrong passwords: an address that somebody has and one that nobody has are answered alike, and the right one
/// still opens. The last thing that is tried, for addresses of its own: what is counted shuts nobody else out.
pub(crate) fn guesses(team: &Team<'_>) -> Outcome<String> {
    let world = team.world();
    let known = team.join("guessed", "partner", &[])?;
    let unknown = world.address("nobody");
    for guess in 0..GUESSES {
        let guess = format!("wrong password number {guess}");
        let mut told = Vec::new();
        for email in [&known.email, &unknown] {
            let refused = world.sign_in(email, &guess)?.refused(401, "unauthenticated")?;
            told.push((
                refused.word("/detail").to_owned(),
                refused.header("www-authenticate").map(str::to_owned),
            ));
        }
        told.dedup();
        if told.len() > 1 {
            let words = format!("an address that somebody has is told from one that nobody has: {told:?}");
            return Err(Halt::broken(words));
        }
    }
    let opened = world.sign_in(&known.email, &world.password)?.expect(201)?;
    let session = opened.word("/session/token");
    world.ask("DELETE", "/v1/sessions/current", Some(session), &Value::Null)?.expect(204)?;
    Ok(format!(
        "{GUESSES} wrong passwords for an address that somebody has and one that nobody has: one answer"
    ))
}
