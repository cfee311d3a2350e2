//! Random lives: whatever anybody could do next, checked after each step against the model, shrunk to the shortest life
//! that shows a difference.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use oracle::rights::{ROLES, Role, TABLE};
use oracle::{DAY, Given, Nth, Reduction, Request, Set, Told, Try, Verdict, World};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestError};
use stories::{Fault, START, Twin, differences, limits};
use web::Route;

use super::{budget, runner, runtime, scene, seed};

/// One thing that happens, before it is known what there is to do it to.
type Chance = [u8; 7];

/// Lives that once showed a difference, by the name of their machine, as the numbers that they were made of: lived first, every
/// time.
const PAST: &str = include_str!("past_lives.txt");

/// What SES may say of a mail.
const TOLD: [Told; 5] =
    [Told::Delivered, Told::Delayed, Told::Bounced, Told::BouncedForNow, Told::Complained];

/// The same where somebody comes back: seldom what ends every mail to an address.
const TOLD_ON: [Told; 7] = {
    use Told as T;
    [T::Delivered, T::BouncedForNow, T::Delivered, T::BouncedForNow, T::Delayed, T::Bounced, T::Complained]
};

/// Which of so many.
fn pick(byte: u8, many: usize) -> Nth {
    usize::from(byte) % many.max(1)
}

/// What somebody does next, among what there is, and now and then to what isn't there.
fn request(model: &World, [kind, a, b, c, d, e, f]: Chance) -> Request {
    // mostly the first team, where most is
    let tenant = if a < 200 { 0 } else { pick(a, model.tenants.len() + 1) };
    let t = model.tenants.get(tenant);
    let by = if b < 230 { pick(b, model.sessions.len()) } else { model.sessions.len() };
    let user = if c < 230 { pick(c, model.users) } else { model.users };
    let address = pick(c, 8);
    let invitations = t.map_or(0, |t| t.invitations.len());
    let invitation = invitations.saturating_sub(pick(c, invitations + 1));
    let brands = t.map_or(0, |t| t.brands.len());
    let brand = pick(d, brands + 1);
    // mostly one that may open something
    let of_pending = |link: &Nth| {
        let link = &model.links[*link];
        model.tenants[link.tenant].invitations[link.invitation].ended.is_none()
    };
    let open: Vec<Nth> = (0..model.links.len()).filter(of_pending).collect();
    let link = match open.as_slice() {
        [] => pick(c, model.links.len() + 1),
        _ if b < 90 => pick(c, model.links.len() + 1),
        open => open[pick(c, open.len())],
    };
    let password = match d {
        0..=200 => Try::Right,
        201..=235 => Try::Wrong,
        _ => Try::Weak,
    };
    let set = match e {
        0..=200 => {
            Set::These((0..brands + usize::from(e > 190)).filter(|nth| e & (1 << (nth % 7)) != 0).collect())
        }
        _ => Set::All,
    };
    let permissions =
        || TABLE.iter().enumerate().filter(|(nth, _)| (usize::from(f) >> (nth * nth % 7)) & 1 == 1);
    let list = match f {
        0..=120 => None,
        121..=160 => Some(scene::limited()),
        _ => Some(permissions().map(|(_, (name, _))| *name).collect()),
    };
    let role = ROLES[pick(d, ROLES.len())];
    let seconds = [1, 600, 3_600, DAY / 2, DAY, 2 * DAY, 8 * DAY, 31 * DAY][pick(c, 8)];
    match kind % 104 {
        0 => Request::SignUp { address },
        1..=3 => Request::Preview { link },
        4..=9 => Request::Accept { link, password },
        10..=11 => Request::Decline { link },
        12..=14 => Request::Renew { link },
        // more than so many sessions of one person end the oldest, which has a story of its own
        15..=16 if model.sessions.len() < 12 => Request::SignIn { address, password },
        17 => Request::SignOut { by },
        18 => Request::Me { by },
        19 => Request::Tenant { by, tenant },
        20..=25 => Request::Invite {
            by,
            tenant,
            given: Given { address, role, list, brands: set, days: [1, 2, 7][pick(f, 3)] },
        },
        26..=28 => Request::Resend { by, tenant, invitation },
        29..=30 => Request::RevokeInvitation { by, tenant, invitation },
        31 => Request::Invitation { by, tenant, invitation },
        32 if e % 2 == 1 => Request::Seats { by, tenant },
        32 => Request::Invitations { by, tenant },
        33 => Request::Member { by, tenant, user },
        34 => Request::Members { by, tenant },
        35..=37 => Request::GiveRole { by, tenant, user, role },
        38..=39 => Request::SetBrands { by, tenant, user, brands: set },
        40 => Request::AddBrand { by, tenant, user, brand },
        41 => Request::TakeBrand { by, tenant, user, brand },
        42..=43 => Request::Suspend { by, tenant, user },
        44..=45 => Request::Reinstate { by, tenant, user },
        46..=47 => Request::Remove { by, tenant, user },
        48 => Request::CreateBrand { by, tenant },
        49 => Request::DeleteBrand { by, tenant, brand },
        50 => match e % 4 {
            0 => Request::RenameBrand { by, tenant, brand },
            1 => Request::Brands { by, tenant },
            2 => Request::Brand { by, tenant, brand },
            _ => Request::Events { by, tenant },
        },
        51..=53 => Request::Check {
            by,
            tenant,
            permission: TABLE[pick(e, TABLE.len())].0,
            brand: (d < 128).then_some(brand),
            user: (f < 128).then_some(user),
        },
        54 => match e % 3 {
            0 => Request::CreateTenant { address, seats: u64::from(f % 5) },
            1 => Request::SuspendTenant { tenant, suspended: f < 128 },
            _ => Request::SetPlan { tenant, seats: u64::from(f % 12) },
        },
        55 => match e % 3 {
            0 => Request::ReleaseEmail { address },
            1 => Request::LiftSuppression { address },
            _ => Request::Transfer { tenant, to: user },
        },
        93 => Request::SetEmailPolicy { tenant: pick(e, model.tenants.len() + 1), exclusive: f < 128 },
        56..=57 => Request::Pass { seconds },
        58 => Request::Sweep,
        59..=61 => Request::Deliver,
        64..=65 => Request::AskForReset { address },
        96..=98 => match e % 4 {
            0 => Request::LeavePortal { by, tenant },
            1 => Request::Partners { by, tenant },
            _ => Request::CreatePartner { by, tenant, address },
        },
        99 => Request::EndPartner { by, tenant, partner: pick(c, model.tenants.len() + 1) },
        67..=69 => Request::ConfirmReset { reset: pick(c, model.resets.len() + 1), password },
        62 => Request::AskForEmail { by, to: address, password },
        63 => Request::ConfirmEmail { proof: pick(c, model.proofs.len() + 1) },
        66 => Request::UndoEmail { back: pick(c, model.returns.len() + 1) },
        70 => Request::ChangePassword { by, current: password, new: [Try::Right, Try::Wrong][pick(e, 2)] },
        71 => Request::ChangeProfile { by },
        72 => Request::Sessions { by },
        73 => Request::EndSession { by, session: pick(c, model.sessions.len() + 1) },
        74 if e < 128 => Request::EndSessions { by },
        76..=79 => Request::Permit { by, tenant, user, list },
        80 => Request::HandOver { by, tenant, to: user, password },
        81 => Request::Leave { by, tenant },
        82 => Request::OwnMember { by, tenant },
        // rarely: little is left to be done after it
        100 if a % 4 == 0 => Request::Close { by, tenant, password },
        101 => match (e % 3, t.is_some_and(|t| t.closed_at.is_some())) {
            (0, _) => Request::RemoveTenant { tenant },
            (1, true) => Request::Pass { seconds: 31 * DAY },
            _ => Request::Reopen { tenant },
        },
        102..=103 => Request::SetReminder { by, tenant, days: [None, Some(1), Some(6)][pick(e, 3)] },
        83 if e % 2 == 0 => Request::Roles { by, tenant },
        83 => Request::RenameTenant { by, tenant },
        // what waits in the outbox is handed over first
        91..=92 if model.outbox.is_empty() => Request::Repeat,
        84..=90 => Request::Invite {
            by,
            tenant,
            given: Given { address, role, list, brands: set, days: [1, 2, 7][pick(f, 3)] },
        },
        75 => Request::SendPasswordReset { address, to: pick(d, 8) },
        _ => Request::Feedback { address, told: TOLD[pick(e, TOLD.len())] },
    }
}

/// Seconds until some hour of the last day of a month, of the next sixteen: where a trail is cut into partitions, mistakes lie.
fn to_a_months_last_day(now: u64, month: u64, hour: u64) -> u64 {
    let month_of = |seconds: u64| model::Timestamp::from_unix_millis(seconds * 1_000).month();
    let mut day = (now / DAY + 1 + month % 16 * 30) * DAY;
    while month_of(day) == month_of(day + DAY) {
        day += DAY;
    }
    day + hour % 24 * 3_600 - now
}

/// What happens next in a team where little does: weeks and months pass, and now and then somebody looks at the trail.
fn quiet(model: &World, [kind, _, b, c, d, _, _]: Chance) -> Request {
    let (tenant, brand) = (0, pick(b, 2));
    let Some(by) = model.sessions.iter().position(|s| s.user == 0 && !s.closed && model.now < s.expires_at)
    else {
        return Request::SignIn { address: 0, password: Try::Right };
    };
    match kind % 4 {
        0 | 1 => Request::Pass { seconds: to_a_months_last_day(model.now, u64::from(c), u64::from(d)) },
        2 => Request::RenameBrand { by, tenant, brand },
        _ => Request::Events { by, tenant },
    }
}

/// What somebody does next, mostly in a partner, as one of its own or for its portal.
fn in_partner(model: &World, chance: Chance) -> Request {
    let [kind, a, rest @ ..] = chance;
    let partner = model.tenants.iter().position(|t| t.portal.is_some());
    let there = |a: &u8| Some(pick(*a, model.tenants.len() + 1)) == partner;
    let a = (200..=u8::MAX).find(|there_is| a < 150 && there(there_is)).unwrap_or(a);
    let [b, c, d, e, f] = rest;
    request(model, [kind, a, b, c, d, e, f])
}

/// What happens next in a team that reminds who was invited: mostly that somebody is, and that time passes.
fn waiting(model: &World, chance: Chance) -> Request {
    let [kind, a, b, c, d, e, f] = chance;
    let owner = model.sessions.iter().position(|s| s.user == 0 && !s.closed && model.now < s.expires_at);
    let (tenant, invitations) = (0, model.tenants.first().map_or(0, |t| t.invitations.len()));
    match (kind % 12, owner) {
        (0 | 1, _) => Request::Pass { seconds: [600, DAY - 3_600, DAY, DAY + 1, 2 * DAY][pick(c, 5)] },
        (2 | 3, _) => Request::Sweep,
        (4, _) => Request::Deliver,
        (5, Some(by)) => {
            Request::SetReminder { by, tenant, days: [Some(1), None, Some(2), Some(29)][pick(c, 4)] }
        }
        (6 | 7, Some(by)) => {
            let brands = Set::These([].into());
            let (address, role, list) = (5 + pick(c, 6), ROLES[1 + pick(d, ROLES.len() - 1)], None);
            let given = Given { address, role, list, brands, days: [2, 7, 30, 1][pick(e, 4)] };
            Request::Invite { by, tenant: if a < 200 { 0 } else { 1 }, given }
        }
        (8, Some(by)) => Request::Resend { by, tenant, invitation: pick(c, invitations + 1) },
        _ => request(model, [b, a, b, c, d, e, f]),
    }
}

/// What happens next where two are invited again and again: their links, the older ones too, are used, ended and renewed, and
/// who came by one is removed.
fn coming_back(model: &World, chance: Chance) -> Request {
    let [kind, a, b, c, d, e, f] = chance;
    let (tenant, address) = (0, 5 + pick(c, 2));
    // mostly the owner or the admin
    let by = if b < 200 { pick(b, 2) } else { pick(b, model.sessions.len() + 1) };
    let invitations = &model.tenants[tenant].invitations;
    let of_theirs = |nth: &Nth| invitations[*nth].address == address;
    let mine: Vec<Nth> = (0..invitations.len()).filter(of_theirs).collect();
    let is_theirs = |nth: &Nth| {
        let link = &model.links[*nth];
        link.tenant == tenant && of_theirs(&link.invitation)
    };
    let links: Vec<Nth> = (0..model.links.len()).filter(is_theirs).collect();
    let one_of = |all: &[Nth]| all.get(pick(d, all.len())).copied().unwrap_or_default();
    let (invitation, link) = (one_of(&mine), one_of(&links));
    let user = model.accounts.get(&address).map_or(model.users, |account| account.user);
    match kind % 22 {
        0..=2 => {
            let (role, brands) = (ROLES[1 + pick(e, ROLES.len() - 1)], Set::These([].into()));
            let given = Given { address, role, list: None, brands, days: [1, 2, 7][pick(f, 3)] };
            Request::Invite { by, tenant, given }
        }
        3 => Request::Resend { by, tenant, invitation },
        4 => Request::RevokeInvitation { by, tenant, invitation },
        5..=7 => Request::Accept { link, password: if a < 230 { Try::Right } else { Try::Wrong } },
        8 => Request::Decline { link },
        9..=11 => Request::Renew { link },
        12 => Request::Remove { by, tenant, user },
        13 | 14 => Request::Pass { seconds: [600, DAY, 2 * DAY + 1, 8 * DAY, 31 * DAY][pick(e, 5)] },
        15 => Request::Sweep,
        16 | 17 => Request::Deliver,
        18 => Request::Preview { link },
        19 | 20 => Request::Feedback { address, told: TOLD_ON[pick(e, TOLD_ON.len())] },
        _ => request(model, [a, a, b, c, d, e, f]),
    }
}

/// What becomes of what somebody holds, in a team of so many brands: mostly a part of it is taken.
fn verdict(brands: usize, [d, e, f]: [u8; 3]) -> Verdict {
    let bit = |nth: usize| f & (1 << (nth % 7)) != 0;
    let role = ROLES[pick(d, ROLES.len())];
    let set = if d < 16 { Set::All } else { Set::These((0..brands).filter(|nth| bit(*nth)).collect()) };
    // some of what a role holds, or of everything
    let all = if d % 4 == 0 { Role::Owner } else { role };
    let list = all.permissions().into_iter().enumerate().filter(|(nth, _)| bit(nth * nth));
    let list = list.map(|(_, permission)| permission).collect();
    let nothing = Reduction { role: None, list: None, brands: None };
    match e % 8 {
        0..=2 => Verdict::Kept,
        3 => Verdict::Revoked,
        4 => Verdict::Reduced(Reduction { role: Some(role), ..nothing }),
        5 => Verdict::Reduced(Reduction { list: Some(list), ..nothing }),
        6 => Verdict::Reduced(Reduction { brands: Some(set), ..nothing }),
        _ => Verdict::Reduced(Reduction { role: Some(role), list: Some(list), brands: Some(set) }),
    }
}

/// What happens next in a team whose access is reviewed: mostly that somebody decides.
fn reviewing(model: &World, chance: Chance) -> Request {
    let [kind, a, b, c, d, e, f] = chance;
    let tenant = if a < 230 { 0 } else { pick(a, model.tenants.len() + 1) };
    let t = model.tenants.get(tenant);
    let by = if b < 245 { pick(b, model.sessions.len()) } else { model.sessions.len() };
    let user = if c < 245 { pick(c, model.users) } else { model.users };
    let reviews = t.map_or(0, |t| t.reviews.len());
    // mostly the one that began last
    let review = if a % 8 < 6 { reviews.saturating_sub(1) } else { pick(a / 8, reviews + 1) };
    match kind % 16 {
        0 => Request::OpenReview { by, tenant },
        1..=6 => {
            let verdict = verdict(t.map_or(0, |t| t.brands.len()), [d, e, f]);
            Request::Decide { by, tenant, review, user, verdict, reason: pick(d, 2) }
        }
        7 => Request::CloseReview { by, tenant, review },
        8 => match e % 4 {
            0 => Request::Reviews { by, tenant },
            1 => Request::Review { by, tenant, review },
            2 => Request::WrittenReview { by, tenant, review },
            _ => Request::Access { by, tenant },
        },
        _ => request(model, [b ^ f, a, b, c, d, e, f]),
    }
}

/// What a request is called.
fn kind(request: &Request) -> String {
    let text = format!("{request:?}");
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// What moves of a team, of these lines of the table: not its portal, not what it counts for limits, nor what became of the
/// mails of its invitations, whose links stay behind.
fn moving(lines: BTreeMap<String, String>, tenant: Nth) -> BTreeMap<String, String> {
    let name = format!("tenant {tenant}");
    // without a word and the one behind it
    let without = |line: &str, word: &str| {
        let mut words: Vec<&str> = line.split(' ').collect();
        if let Some(at) = words.iter().position(|found| *found == word) {
            words.drain(at..at + 2);
        }
        words.join(" ")
    };
    let moves = |(key, line): (String, String)| {
        if key.starts_with("stray ") {
            return Some((key, line));
        }
        let of = key.strip_prefix(&name).filter(|of| of.is_empty() || of.starts_with(' '))?;
        let imported = format!(" event tenant.imported {name} by operator");
        let line = match of {
            "" => without(&line, "mails"),
            " portal" => return None,
            of if of == imported => return None,
            of if of.starts_with(" member ") => without(&line, "invites"),
            of if of.starts_with(" invitation ") => {
                let (invitation, by) = line.split_once(" by ").unwrap();
                format!("{invitation} by {}", by.split(' ').next().unwrap())
            }
            _ => line,
        };
        Some((key, line))
    };
    lines.into_iter().filter_map(moves).collect()
}

/// Moves each team that somebody owns to a copy of another deployment, in which nothing has happened: it is the same there.
async fn moves(twin: &mut Twin, elsewhere: &stories::World) -> Result<(), String> {
    let owned: Vec<Nth> = (0..twin.model.tenants.len())
        .filter(|nth| !twin.model.tenants[*nth].gone && twin.model.tenants[*nth].owner.is_some())
        .collect();
    for tenant in owned {
        let refused = |why: String| format!("tenant {tenant} doesn't move: {why}");
        let there = elsewhere.fork().await;
        there.pass(twin.model.now - START.unix_seconds());
        let pages = twin.driver.exported(tenant).await.map_err(refused)?;
        let mut moved = twin.driver.imported(there, tenant, &pages).await.map_err(refused)?;
        let (should, found) = (moving(twin.driver.lines(), tenant), moving(moved.lines(), tenant));
        if should != found {
            return Err(format!("tenant {tenant} moved\n{}", differences(&should, &found)));
        }
        moved.world.ledger().check();
    }
    Ok(())
}

/// Lives a life in a copy of the scene, and moves its teams elsewhere at its end, if there is such a place.
async fn live(
    set: &Twin,
    next: fn(&World, Chance) -> Request,
    chances: &[Chance],
    elsewhere: Option<&stories::World>,
) -> Result<Vec<(String, &'static str)>, String> {
    let mut twin = set.fork().await;
    let (mut lived, mut answered) = (Vec::new(), Vec::new());
    let told = |lived: &[Request], wrong: &str| {
        let before: Vec<String> = lived.iter().map(|request| format!("{request:?}")).collect();
        format!("{}\n{wrong}", before.join("\n"))
    };
    for chance in chances {
        let request = next(&twin.model, *chance);
        lived.push(request.clone());
        // now and then the table has a bad moment, which nobody notices
        let [.., d, e, f] = *chance;
        if f % 8 == 7 {
            let fault = [Fault::ServerError, Fault::Throttled, Fault::Conflict][pick(d, 3)].clone();
            twin.driver.world.wire().fail_any(pick(e, 4), fault);
        }
        match twin.step(&request).await {
            Ok(code) => answered.push((kind(&request), code)),
            Err(wrong) => return Err(told(&lived, &wrong)),
        }
    }
    twin.driver.world.ledger().check();
    if let Some(elsewhere) = elsewhere {
        moves(&mut twin, elsewhere).await.map_err(|wrong| told(&lived, &wrong))?;
    }
    Ok(answered)
}

#[test]
fn every_route_and_order_has_its_place_in_a_life() {
    runtime().block_on(async {
        let twin = scene::team(limits()).await;
        let mut asked = BTreeMap::new();
        for (kind_of, choice) in (0..=u8::MAX).flat_map(|kind| (0..16).map(move |choice| (kind, choice))) {
            for next in [request, reviewing] {
                let request = next(&twin.model, [kind_of, 0, 0, 0, 0, choice, choice * 16]);
                let with_or_without = format!("{request:?}").contains("list: None");
                asked.entry((kind(&request), with_or_without)).or_insert(request);
            }
        }
        let fork = twin.driver.fork().await;
        // what happens once more may be in the way of what happens at once
        let at_once: BTreeSet<String> = scene::of_all().iter().map(kind).collect();
        for ((kind, _), request) in &asked {
            let before = fork.world.asked().len();
            fork.send(request).await;
            let reads = fork.world.asked()[before..].iter().any(|(method, _)| method == "GET");
            // two that only read; and what is no matter of orders, see tests/README.md
            let is_none = ["Check", "Preview", "SetEmailPolicy", "Repeat"].contains(&kind.as_str());
            assert!(reads || is_none || at_once.contains(kind), "no scene has {kind}");
        }
        let asked = fork.world.asked();
        let is_asked = |route: &Route| {
            asked.iter().any(|(method, path)| method == route.method() && route.leads_to(path))
        };
        let forgotten: Vec<_> =
            Route::ALL.iter().filter(|r| r.function() != "console" && !is_asked(r)).collect();
        assert!(forgotten.is_empty(), "the model knows nothing of {forgotten:?}");
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../../../infra/schemas/operate.json")).unwrap();
        for order in schema["oneOf"].as_array().unwrap() {
            let order = order["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            // one changes nothing, and two move a tenant, as other lives do at their end
            let has_stories = ["export-tenant", "import-tenant", "mail-status"].contains(&order);
            let is_asked = asked.iter().any(|(how, which)| how == "operate" && which == order);
            assert!(is_asked || has_stories, "the model knows nothing of `{order}`");
        }
    });
}

/// Lives as many lives as there is time for, each in one of the sets.
fn lives(name: &str, sets: &[Twin], next: fn(&World, Chance) -> Request, everyday: u64) {
    lives_and_moves(name, sets, next, everyday, None);
}

/// The same, and at the end of each its teams move elsewhere, if there is such a place.
fn lives_and_moves(
    name: &str,
    sets: &[Twin],
    next: fn(&World, Chance) -> Request,
    everyday: u64,
    elsewhere: Option<&stories::World>,
) {
    let runtime = runtime();
    let judge = |(set, chances): &(usize, Vec<Chance>)| {
        runtime.block_on(live(&sets[*set], next, chances, elsewhere)).map_err(TestCaseError::fail)
    };
    let mine = PAST.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    for past in mine {
        judge(&serde_json::from_str(past).unwrap())
            .unwrap_or_else(|e| panic!("a past life is different again, {past}:\n{e}"));
    }
    let (started, budget) = (Instant::now(), budget(everyday));
    let seed = seed();
    let mut runner = runner(seed, Config { max_shrink_iters: 150, ..Config::default() });
    let lives = (0..sets.len(), proptest::collection::vec(any::<Chance>(), 1..60));
    let mut lived = 0_u32;
    let answers = RefCell::new(BTreeMap::<(String, &'static str), usize>::new());
    // one at least
    while lived == 0 || started.elapsed() < budget {
        let life = lives.new_tree(&mut runner).unwrap();
        let outcome = runner.run_one(life, |life| {
            for answer in judge(&life)? {
                *answers.borrow_mut().entry(answer).or_default() += 1;
            }
            Ok(())
        });
        match outcome {
            Ok(_) => {}
            Err(TestError::Fail(why, shortest)) => panic!(
                "seed {seed}, life {lived}:\n{why}\nto be kept in past_lives.txt:\n{name}: {}",
                serde_json::to_string(&shortest).unwrap()
            ),
            Err(aborted) => panic!("{aborted}"),
        }
        lived += 1;
    }
    let answers = answers.into_inner();
    let steps: usize = answers.values().sum();
    if std::env::var_os("PROOF_ANSWERS").is_some() {
        for ((kind, code), times) in &answers {
            super::report(name, &format!("{kind} {code} {times}"));
        }
    }
    let different = answers.len();
    super::report(name, &format!("{lived} lives, {steps} steps, {different} kinds of answers, seed {seed}"));
}

#[test]
fn whatever_anybody_does_next_the_table_and_the_model_agree() {
    let sets = runtime().block_on(async {
        let exclusive = oracle::Limits { exclusive: true, ..limits() };
        let (team, exclusive) = (scene::team(limits()).await, scene::team(exclusive).await);
        let long_after = scene::long_after(team.fork().await).await;
        for request in scene::reads() {
            if let Err(wrong) = long_after.fork().await.step(&request).await {
                panic!("long after: {wrong}");
            }
        }
        [team, exclusive, long_after]
    });
    lives("lives", &sets, request, 1);
}

#[test]
fn whatever_a_portal_does_in_its_partner_the_table_and_the_model_agree() {
    let sets = runtime().block_on(async { [scene::portal(limits()).await] });
    lives("lives, portals", &sets, in_partner, 0);
}

#[test]
fn whoever_comes_back_the_table_and_the_model_agree() {
    let sets = runtime().block_on(async {
        let team = scene::team(limits()).await;
        [scene::with_room(team.fork().await).await, scene::later(limits()).await]
    });
    lives("lives, coming back", &sets, coming_back, 0);
}

#[test]
fn whoever_is_invited_the_table_and_the_model_agree_on_who_is_reminded() {
    let sets = runtime().block_on(async {
        let few = oracle::Limits { tenant_mails: 3, ..limits() };
        let reminding = scene::reminding(scene::team(limits()).await).await;
        [reminding.fork_under(few).await, reminding]
    });
    lives("lives, reminders", &sets, waiting, 0);
}

#[test]
fn whatever_a_review_decides_the_table_and_the_model_agree() {
    let sets = runtime().block_on(async {
        let reviewing = scene::reviewing(scene::team(limits()).await).await;
        [scene::long_after(reviewing.fork().await).await, reviewing]
    });
    lives("lives, reviews", &sets, reviewing, 0);
}

#[test]
fn whatever_became_of_a_team_it_moves() {
    let (set, elsewhere) = runtime().block_on(async {
        let set = scene::reviewing(scene::portal(limits()).await).await;
        (set, stories::World::new().await)
    });
    lives_and_moves("lives, moving", &[set], reviewing, 0, Some(&elsewhere));
}

#[test]
fn a_trail_is_whole_however_long_nothing_happened() {
    let sets = runtime().block_on(async { [scene::founded(limits()).await] });
    lives("lives, quiet", &sets, quiet, 0);
}
