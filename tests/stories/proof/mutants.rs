//! Mutants: each action and each condition of each write left out by the wire, one at a time, and each bound one further.
//! What nothing misses isn't needed, or nobody looks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use oracle::{DAY, Limits, Request, Try};
use stories::{Fault, Footprint, Mutant, SdkCall, Twin, Wire, limits};
use tokio::sync::Mutex;

use super::orders::{Case, ENDS, alone, asked, reads_the_stream, run};
use super::{budget, runtime, scene, seed, shuffled};

/// A scene, what may happen there, and what each of that sends when it is alone.
struct Set {
    twin: Twin,
    requests: Vec<Request>,
    calls: Vec<Vec<SdkCall>>,
}

impl Set {
    async fn of(twin: Twin, requests: Vec<Request>) -> Self {
        let calls = alone(&twin, &requests).await;
        Self { twin, requests, calls }
    }
}

/// Where a mutant would be: the call of a request in a set, and the item.
#[derive(Clone)]
struct Place {
    set: usize,
    request: usize,
    call: usize,
    key: String,
}

/// How a mutant is looked for, what finds most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    /// The request, once more, the mails that it queued, and their links.
    Alone,
    /// Another request between its reads and the write.
    Between,
    /// Another request before it.
    Before,
    /// Time passing between its reads and the write, and the sweeper.
    Time,
    /// A lost answer, a conflict, a crash.
    Trouble,
}

impl How {
    const fn name(self) -> &'static str {
        match self {
            Self::Alone => "the request alone",
            Self::Between => "another one between",
            Self::Before => "another one before",
            Self::Time => "time between",
            Self::Trouble => "trouble",
        }
    }
}

/// Everything that can be missing in what happens in these sets, and where.
fn mutants(sets: &[Set]) -> BTreeMap<Mutant, Vec<(Mutant, Place)>> {
    let mut found: BTreeMap<Mutant, Vec<(Mutant, Place)>> = BTreeMap::new();
    for (set, Set { calls, .. }) in sets.iter().enumerate() {
        for (request, calls) in calls.iter().enumerate() {
            for (call, sent) in calls.iter().enumerate() {
                for (mutant, key) in Mutant::of(sent) {
                    let place = Place { set, request, call, key };
                    found.entry(mutant.family()).or_default().push((mutant, place));
                }
            }
        }
    }
    found
}

/// The scenes, and each of them with each limit within reach.
async fn sets() -> Vec<Set> {
    let (of_team, of_later) = (scene::of_team(), scene::of_later());
    let (team, later) = (scene::team(limits()).await, scene::later(limits()).await);
    let elsewhere = scene::invited_elsewhere(limits()).await;
    let portal = scene::portal(limits()).await;
    let roomy = scene::with_room(team.fork().await).await;
    let mailed = scene::mailed_and_revoked(roomy.fork().await).await;
    let mut sets = vec![
        Set::of(roomy, of_team.clone()).await,
        Set::of(scene::with_room(later.fork().await).await, of_later.clone()).await,
    ];
    for tighten in ONCE {
        let mut limits = limits();
        tighten(&mut limits);
        sets.push(Set::of(mailed.fork_under(limits.clone()).await, of_team.clone()).await);
        sets.push(Set::of(later.fork_under(limits).await, of_later.clone()).await);
    }
    let once = Limits { invitations: 1, ..limits() };
    sets.push(Set::of(portal.fork_under(once).await, scene::of_portal()).await);
    let moved = scene::moved(scene::team(limits()).await).await;
    for few in [
        Limits { resets: 2, ..limits() },
        Limits { address_mails_of_tenant: 1, ..limits() },
        Limits { address_mails: 1, ..limits() },
    ] {
        sets.push(Set::of(moved.fork_under(few).await, scene::of_moved()).await);
    }
    let reminding = scene::reminding(scene::team(limits()).await).await;
    sets.push(Set::of(reminding, scene::of_reminding()).await);
    let reviewing = scene::reviewing(scene::team(limits()).await).await;
    sets.push(Set::of(reviewing, scene::of_reviewing()).await);
    let scenes = [
        (team, of_team),
        (later, of_later),
        (elsewhere, scene::triples().concat()),
        (portal, scene::of_portal()),
        (moved, scene::of_moved()),
        (scene::closed(scene::team(limits()).await).await, scene::of_closed()),
        (scene::over(limits()).await, scene::of_over()),
    ];
    for (at, (twin, requests)) in scenes.into_iter().enumerate() {
        sets.insert(at, Set::of(twin, requests).await);
    }
    sets
}

/// What is implied. Where one function writes it, and not where another does: the owner reads the tenant and both members at
/// once, the operator one after the other, and what an owner holds changes with the tenant's owner alone; who gets another
/// address has another credential, where the mailer only shows it in the teams that are left. And that a session is there
/// whose use is noted: the table refuses to set something in a map's entry that isn't there, but says that the request is wrong.
const IMPLIED: [&str; 5] = [
    "operate: Update TENANT#* MEMBER#* role: without `authority = …`",
    "sign-in: Update TENANT#* MEMBER#* email: without `authority = …`",
    "sign-in: Update TENANT#* MEMBER#* email (2): without `authority = …`",
    "assign-role: Update TENANT#* TENANT owner: without `authority = …`",
    "all: Update USER#* USER sessions: without `attribute_exists(sessions.*)`",
];

/// Each limit, as one that is met at the next time or the one after it.
const ONCE: [fn(&mut Limits); 13] = [
    |l| l.invitations = 3,
    |l| l.tenant_mails = 1,
    |l| l.tenant_mails = 3,
    |l| l.address_mails_of_tenant = 1,
    |l| l.address_mails = 1,
    |l| l.resends = 1,
    |l| l.failures = 1,
    |l| l.failures_of_address = 1,
    |l| l.resets = 2,
    |l| l.profiles = 1,
    |l| l.resets_of_source = 3,
    |l| l.sign_ups_of_source = 1,
    |l| l.sign_ups = 1,
];

/// Everything that is tried to find out whether something is missing at this place; no case is the request alone.
fn attempts(sets: &[Set], place: &Place) -> Vec<(How, Option<Case>)> {
    let Set { requests, calls, .. } = &sets[place.set];
    let mine = &requests[place.request];
    let mut attempts = vec![(How::Alone, None)];
    let mut with = |how, others: &[Request], schedule: Vec<usize>, trouble, theirs: Option<usize>| {
        let requests = [std::slice::from_ref(mine), others].concat();
        let sent: Vec<_> =
            [Some(place.request), theirs].into_iter().flatten().map(|nth| &calls[nth]).collect();
        attempts.push((how, Some(Case { requests, schedule, trouble, asked: asked(&sent) })));
    };
    let before = vec![0; place.call];
    for (other, theirs) in calls.iter().enumerate() {
        let both_read = reads_the_stream(mine) && reads_the_stream(&requests[other]);
        if Footprint::all(theirs).writes_to(&place.key) && !both_read {
            let others = [requests[other].clone()];
            with(How::Between, &others, [before.clone(), vec![1; theirs.len()]].concat(), None, Some(other));
            with(How::Before, &others, vec![1; theirs.len()], None, Some(other));
        }
    }
    // the sweeper's news go over the mailer's stream
    let spans = [900, 3 * DAY].into_iter().filter(|_| !reads_the_stream(mine));
    for seconds in spans {
        let others = [Request::Pass { seconds }, Request::Sweep];
        // the sweeper with all that it does
        with(How::Time, &others, [before.clone(), vec![1], vec![2; 9]].concat(), None, None);
    }
    // time passing is no call that goes wrong
    let sent =
        calls[place.request][..place.call].iter().filter(|call| call.operation != SdkCall::TIME).count();
    for fault in [Fault::LostAnswer, Fault::Conflict, Fault::Crash] {
        with(How::Trouble, &[], Vec::new(), Some((0, sent, fault)), None);
    }
    attempts
}

async fn by_itself(set: &Set, request: &Request, mutant: Option<&Mutant>) -> Result<(), String> {
    let mut twin = set.twin.fork().await;
    if let Some(mutant) = mutant {
        twin.driver.world.wire().mutate(mutant);
    }
    let before = twin.model.links.len();
    for request in [request, request, &Request::Deliver] {
        twin.step(request).await?;
    }
    // a link that was mailed opens something
    for link in before..twin.model.links.len() {
        twin.step(&Request::Accept { link, password: Try::Right }).await?;
    }
    twin.driver.world.ledger().check();
    Ok(())
}

/// So many places of one mutant are looked at with trouble, and with time passing.
const FEW: usize = 4;

/// By what it is found that this is missing: what each of its places is likely to show first.
async fn hunt(sets: &Arc<Vec<Set>>, places: &[(Mutant, Place)]) -> Option<&'static str> {
    let mut all = Vec::new();
    for (at, (mutant, place)) in places.iter().enumerate() {
        let tried = attempts(sets, place).into_iter();
        all.extend(tried.map(|(how, attempt)| (how, at, mutant, place, attempt)));
    }
    all.retain(|(how, at, ..)| *how < How::Time || *at < FEW);
    all.sort_by_key(|(how, at, ..)| (*how, *at));
    for (how, _, mutant, place, attempt) in all {
        let tried = async |mutant: Option<Mutant>| {
            let (sets, place, attempt) = (Arc::clone(sets), place.clone(), attempt.clone());
            let (told, is_mutant) = (format!("{attempt:?} never ends"), mutant.is_some());
            // what is missing may make the machine itself stumble
            let tried = tokio::spawn(async move {
                let set = &sets[place.set];
                match attempt {
                    None => by_itself(set, &set.requests[place.request], mutant.as_ref()).await,
                    Some(case) => {
                        let unlike = |wire: &Wire| {
                            if let Some(mutant) = &mutant {
                                wire.mutate(mutant);
                            }
                        };
                        run(&set.twin, &case, unlike).await.map(drop)
                    }
                }
            });
            let abort = tried.abort_handle();
            match tokio::time::timeout(ENDS, tried).await {
                Ok(ended) => matches!(ended, Ok(Ok(()))),
                // a removal that removes nothing goes on for ever: that is seen
                Err(_) if is_mutant => {
                    abort.abort();
                    false
                }
                Err(_) => panic!("{told}"),
            }
        };
        // what isn't explained with nothing missing either shows nothing
        if !tried(Some(mutant.clone())).await && tried(None).await {
            return Some(how.name());
        }
    }
    None
}

/// The stories of what the machine can't step through: two mailers at the stream, SES's news that overtakes a mailer, the
/// clock between two calls.
fn stories_of(mutant: &Mutant) -> &'static [&'static str] {
    match mutant.function() {
        "deliver" | "feedback" => {
            &["delivery::", "feedback::", "accounts::", "addresses::", "portals::", "reminders::"]
        }
        "accept" => &["accepting::", "ended::", "faults::", "accounts::", "belonging::", "portals::"],
        "expire" => &["seats::", "races::", "reminders::"],
        "sign-in" => &["accounts::", "addresses::", "signing_in::", "limits::"],
        "operate" => &["operating::", "closing::", "belonging::", "accounts::"],
        "assign-role" | "assign-brand" => &["giving::", "races::", "faults::", "closing::", "portals::"],
        "review" | "check" => &["reviews::", "addresses::"],
        "revoke" => &["races::", "ended::", "giving::", "addresses::", "seats::", "portals::"],
        _ => &["faults::", "races::", "seats::", "limits::", "ended::", "looks::", "portals::", "closing::"],
    }
}

/// Whether a story fails where every wire leaves this out, and none does where nothing is left out.
fn a_story_fails(mutant: &Mutant) -> bool {
    let fails = |missing: Option<&Mutant>| {
        let mut stories = std::process::Command::new(std::env::current_exe().unwrap());
        stories.args(stories_of(mutant)).envs(missing.map(|mutant| (Mutant::VARIABLE, mutant.written())));
        !stories.output().unwrap().status.success()
    };
    // so many at once may fail for want of time: it fails twice with this missing, and once at most without
    fails(Some(mutant)) && fails(Some(mutant)) && (0..2).any(|_| !fails(None))
}

#[test]
#[ignore = "takes minutes, see tests/README.md"]
fn nothing_can_be_left_out_of_a_write() {
    let (runtime, seed) = (runtime(), seed());
    let sets = Arc::new(runtime.block_on(sets()));
    let mut all: Vec<_> = mutants(&sets).into_iter().collect();
    let only = std::env::var("PROOF_ONLY").ok();
    all.retain(|(mutant, _)| only.as_ref().is_none_or(|part| mutant.to_string().contains(part)));
    let all = Arc::new(shuffled(all, seed));
    let until = Instant::now() + budget(900);
    let next = Arc::new(AtomicUsize::new(0));
    let results: Arc<Mutex<BTreeMap<Mutant, Option<&str>>>> = Arc::default();
    runtime.block_on(async {
        // a mutant often waits for a back-off
        let workers = (0..6).map(|_| {
            let (sets, all) = (Arc::clone(&sets), Arc::clone(&all));
            let (next, results) = (Arc::clone(&next), Arc::clone(&results));
            tokio::spawn(async move {
                while Instant::now() < until {
                    let Some((mutant, places)) = all.get(next.fetch_add(1, Ordering::SeqCst)) else { break };
                    let mut found = hunt(&sets, places).await;
                    if found.is_none() && !IMPLIED.contains(&mutant.to_string().as_str()) {
                        let mutant = places[0].0.clone();
                        let told = tokio::task::spawn_blocking(move || a_story_fails(&mutant)).await;
                        found = told.unwrap().then_some("a story");
                    }
                    if found.is_none() && !IMPLIED.contains(&mutant.to_string().as_str()) {
                        let one = places[0].0.written();
                        super::report(
                            "mutants",
                            &format!("nothing misses {mutant}, {}='{one}'", Mutant::VARIABLE),
                        );
                    }
                    results.lock().await.insert(mutant.clone(), found);
                }
            })
        });
        for worker in workers.collect::<Vec<_>>() {
            worker.await.unwrap();
        }
    });
    let results = runtime.block_on(async { std::mem::take(&mut *results.lock().await) });
    let mut by: BTreeMap<&str, usize> = BTreeMap::new();
    for how in results.values().flatten() {
        *by.entry(how).or_default() += 1;
    }
    let by: Vec<String> = by.iter().map(|(how, many)| format!("{many} by {how}")).collect();
    let words =
        format!("{} of {} looked for, found {}, seed {seed}", results.len(), all.len(), by.join(", "));
    super::report("mutants", &words);
    assert!(!results.is_empty());
    let is_whole = only.is_none() && results.len() == all.len();
    for implied in IMPLIED.iter().filter(|_| is_whole) {
        let is_left = results.iter().any(|(mutant, by)| mutant.to_string() == **implied && by.is_none());
        assert!(is_left, "isn't there, or is found: {implied}");
    }
    let left = results.iter().filter(|(_, found)| found.is_none()).map(|(mutant, _)| mutant.to_string());
    let left: Vec<String> = left.filter(|mutant| !IMPLIED.contains(&mutant.as_str())).collect();
    assert!(left.is_empty(), "seed {seed}: nothing misses\n{}", left.join("\n"));
}
