//! Every order: operations at once, through every interleaving of their calls to the table, each also with a crash after
//! a call, a lost answer to it, a conflict at it. What came of it has to be what some order of the operations explains,
//! and not any: one that respects what was answered before what began, and what was written before what.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use local::Reply;
use oracle::{Request, World};
use serde_json::Value;
use stories::{
    Driver, Fault, Footprint, SdkCall, Twin, Wire, limits, operation, race_with_crashes, schedules,
    without_guesses,
};

use super::{budget, mixed, runtime, scene, seed};

/// What doesn't end by then never ends.
pub(super) const ENDS: std::time::Duration = std::time::Duration::from_secs(30);

/// What goes wrong at which call of which operation.
pub(super) type Trouble = Option<(usize, usize, Fault)>;

/// One way in which operations may run at once.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) requests: Vec<Request>,
    pub(super) schedule: Vec<usize>,
    pub(super) trouble: Trouble,
    pub(super) asked: Asked,
}

/// Which of several operations changes the status of a tenant that another one asks of as it writes: of those the table itself
/// says who was first.
pub(super) type Asked = Arc<BTreeSet<[usize; 2]>>;

/// The same, of what they send when they are alone.
pub(super) fn asked(calls: &[&Vec<SdkCall>]) -> Asked {
    let prints: Vec<Footprint> = calls.iter().map(|calls| Footprint::all(calls)).collect();
    let pairs = (0..prints.len()).flat_map(|one| (0..prints.len()).map(move |other| [one, other]));
    Arc::new(pairs.filter(|[one, other]| one != other && prints[*one].decides(&prints[*other])).collect())
}

/// A scene, and the cases that begin there, each with the number of its set of operations.
struct Plan {
    set: Twin,
    cases: Vec<(usize, Case)>,
    /// How many orders there are without those that differ only in calls that don't meet.
    orders: usize,
    /// How many sets of operations that meet, and of how many not every order is here.
    sets: usize,
    sampled: usize,
}

impl Plan {
    const fn of(set: Twin) -> Self {
        Self { set, cases: Vec::new(), orders: 0, sets: 0, sampled: 0 }
    }

    fn add(&mut self, (cases, orders, are_all): (Vec<Case>, usize, bool)) {
        self.cases.extend(cases.into_iter().map(|case| (self.sets, case)));
        self.orders += orders;
        self.sets += 1;
        self.sampled += usize::from(!are_all);
    }
}

/// Whether two operations that overlap may be explained in either order. What one changes holds for requests that begin
/// after it (a session; the tenant's status, for who doesn't ask of it where they write); it does one thing after the other
/// (the mailer; the sweeper; a removal; a sign-in, which counts first; what SES says, which is noted of the address, then of the
/// invitation); a brand that goes while somebody is invited to it is dropped when they accept (R9); who comes or goes while a
/// review is ended was in the team at its end, or wasn't.
fn is_loose(model: &World, case: &Case, first: usize, second: usize) -> bool {
    use Request as R;
    let (one, other) = (&case.requests[first], &case.requests[second]);
    const fn by_itself(request: &R) -> bool {
        matches!(
            request,
            R::RemoveTenant { .. } | R::Deliver | R::Sweep | R::SignIn { .. } | R::Feedback { .. }
        )
    }
    let is_of_status =
        |request: &R| matches!(request, R::SuspendTenant { .. } | R::Close { .. } | R::Reopen { .. });
    let is_asked = case.asked.contains(&[first, second]) || case.asked.contains(&[second, first]);
    let user = |by: &usize| model.sessions.get(*by).map(|session| session.user);
    // whose sessions end
    let ends = |request: &R| match request {
        R::SignOut { by }
        | R::EndSession { by, .. }
        | R::EndSessions { by }
        | R::ChangePassword { by, .. } => user(by),
        R::ConfirmReset { reset, .. } => model.resets.get(*reset).map(|reset| reset.user),
        R::UndoEmail { back } => model.returns.get(*back).map(|back| back.user),
        _ => None,
    };
    let ends_theirs = |one: &R, other: &R| {
        ends(one).is_some_and(|ended| other.by().and_then(|by| user(&by)) == Some(ended))
    };
    // who isn't decided about is counted first, and then the review is ended
    let counts = |one: &R, other: &R| {
        let comes_or_goes = matches!(other, R::Accept { .. } | R::Remove { .. } | R::Leave { .. });
        matches!(one, R::CloseReview { .. }) && comes_or_goes
    };
    by_itself(one)
        || by_itself(other)
        || (!is_asked && (is_of_status(one) || is_of_status(other)))
        || ends_theirs(one, other)
        || ends_theirs(other, one)
        || matches!(
            (one, other),
            (R::Invite { .. }, R::DeleteBrand { .. }) | (R::DeleteBrand { .. }, R::Invite { .. })
        )
        || counts(one, other)
        || counts(other, one)
}

/// What each request sends when it is alone.
pub(super) async fn alone(set: &Twin, requests: &[Request]) -> Vec<Vec<SdkCall>> {
    let mut all = Vec::new();
    for request in requests {
        let twin = set.fork().await;
        let send = twin.driver.clone();
        let request = request.clone();
        let sent = operation(&send, |driver| async move { driver.send(&request).await });
        let _ = race_with_crashes(&[], vec![sent]).await;
        all.push(twin.driver.world.wire().take_sent());
    }
    all
}

/// So many orders of one set are looked at, the first that are met from a place of chance.
const MOST: usize = 400;

/// The orders in which the calls can come, one for all that differ from it only in calls that don't meet: none in which a
/// call could go before its neighbour of an earlier operation. Whether they are all.
fn orders(calls: &[&Vec<SdkCall>], chance: &mut u64) -> (Vec<Vec<usize>>, bool) {
    let prints: Vec<Vec<Footprint>> =
        calls.iter().map(|calls| calls.iter().map(Footprint::of).collect()).collect();
    let (mut found, mut begun) = (Vec::new(), vec![(Vec::new(), vec![0; calls.len()])]);
    // depth first, so that little is begun at once; which way first is chance
    while let Some((order, next)) = begun.pop() {
        let mut ways: Vec<usize> =
            (0..calls.len()).filter(|racer| next[*racer] < prints[*racer].len()).collect();
        if ways.is_empty() {
            found.push(order);
            if found.len() == MOST {
                return (found, false);
            }
            continue;
        }
        *chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let turn = usize::try_from(*chance >> 33).unwrap() % ways.len();
        ways.rotate_left(turn);
        for racer in ways {
            let meets = order.last().is_none_or(|last: &usize| {
                let before = &prints[*last][next[*last] - 1];
                *last <= racer || before.meets(&prints[racer][next[racer]])
            });
            if meets {
                let (mut order, mut next) = (order.clone(), next.clone());
                next[racer] += 1;
                order.push(racer);
                begun.push((order, next));
            }
        }
    }
    (found, true)
}

/// The local stack has one stream, which two can't read at once: two mailers have a story of their own.
pub(super) const fn reads_the_stream(request: &Request) -> bool {
    matches!(request, Request::Deliver | Request::Sweep)
}

/// What may go wrong at this call of this operation.
fn troubles(request: &Request, racer: usize, nth: usize, call: &SdkCall) -> Vec<Trouble> {
    // a crash of the mailer has a story of its own: its second mail comes when its claim has run out; so have a record of
    // the stream that comes again, and a removal that is stopped half-way
    if reads_the_stream(request) || matches!(request, Request::RemoveTenant { .. }) {
        return Vec::new();
    }
    let conflict = Footprint::of(call).writes().then_some(Fault::Conflict);
    [Fault::Crash, Fault::LostAnswer]
        .into_iter()
        .chain(conflict)
        .map(|fault| Some((racer, nth, fault)))
        .collect()
}

/// All cases of these operations at once.
fn cases(requests: &[Request], calls: &[&Vec<SdkCall>], chance: &mut u64) -> (Vec<Case>, usize, bool) {
    let (orders, are_all) = orders(calls, chance);
    let asked = asked(calls);
    let mut cases = Vec::new();
    for schedule in &orders {
        let case = |trouble| {
            let (requests, schedule) = (requests.to_vec(), schedule.clone());
            Case { requests, schedule, trouble, asked: Arc::clone(&asked) }
        };
        cases.push(case(None));
        for (racer, calls) in calls.iter().enumerate() {
            for (nth, call) in calls.iter().enumerate() {
                cases.extend(troubles(&requests[racer], racer, nth, call).into_iter().map(case));
            }
        }
    }
    (cases, orders.len(), are_all)
}

/// Every pair of these that meets, once each of them alone is what the model says.
async fn pairs(set: Twin, requests: Vec<Request>, seed: u64) -> Plan {
    for request in requests.iter().chain(&scene::reads()) {
        if let Err(wrong) = set.fork().await.step(request).await {
            panic!("alone: {wrong}");
        }
    }
    let calls = alone(&set, &requests).await;
    let prints: Vec<Footprint> = calls.iter().map(|calls| Footprint::all(calls)).collect();
    let (mut plan, mut chance) = (Plan::of(set), seed);
    for a in 0..requests.len() {
        for b in a..requests.len() {
            // a session that is ended twice at once is ended, and both are told so; so are two who remove a tenant
            let ends_one = |request: &Request| {
                matches!(
                    request,
                    Request::SignOut { .. } | Request::EndSession { .. } | Request::EndSessions { .. }
                )
            };
            // several are reminded one after the other, and what ends that for all may come between: a story
            let ends_reminders = |request: &Request| {
                matches!(request, Request::SetReminder { .. } | Request::SuspendTenant { .. })
            };
            let both = |what: fn(&Request) -> bool| what(&requests[a]) && what(&requests[b]);
            let has_a_story = both(reads_the_stream)
                || both(ends_one)
                || (a == b && matches!(requests[a], Request::RemoveTenant { .. }))
                || (matches!(requests[a], Request::Sweep) && ends_reminders(&requests[b]));
            if has_a_story || !prints[a].meets(&prints[b]) {
                continue;
            }
            let both = [requests[a].clone(), requests[b].clone()];
            plan.add(cases(&both, &[&calls[a], &calls[b]], &mut chance));
        }
    }
    plan
}

async fn triples(set: Twin, threes: Vec<[Request; 3]>, seed: u64) -> Plan {
    let (mut plan, mut chance) = (Plan::of(set), seed);
    for three in threes {
        let calls = alone(&plan.set, &three).await;
        plan.add(cases(&three, &calls.iter().collect::<Vec<_>>(), &mut chance));
    }
    plan
}

fn permutations(many: usize) -> Vec<Vec<usize>> {
    schedules(&vec![1; many])
}

/// Whether the calls allow that `first` is explained before `second`.
fn may_come_before(
    model: &World,
    case: &Case,
    replies: &[Option<Reply>],
    calls: &[SdkCall],
    first: usize,
    second: usize,
) -> bool {
    let of = |racer: usize| calls.iter().enumerate().filter(move |(_, call)| call.racer == Some(racer));
    let (begun, ended) = (of(first).map(|(at, _)| at).min(), of(second).map(|(at, _)| at).max());
    // all began before time passed, and may be judged as of then; but an acceptance looks at the clock once more when it
    // has read everything: a link is refused from its very second on
    match (&case.requests[first], &case.requests[second]) {
        (Request::Accept { .. }, Request::Pass { .. }) => {
            let reads = of(first).filter(|(_, call)| !Footprint::of(call).writes()).map(|(at, _)| at).max();
            return reads < of(second).map(|(at, _)| at).min();
        }
        (_, Request::Pass { .. }) => return true,
        _ => {}
    }
    // one that made no call at all may stand anywhere
    let (Some(begun), Some(ended)) = (begun, ended) else { return true };
    if ended < begun {
        return false;
    }
    let is_time = matches!(case.requests[first], Request::Pass { .. });
    if is_time || is_loose(model, case, first, second) {
        return true;
    }
    // what was written before what: a transaction's moment is when it was done; a counter alone decides nothing
    let written = |racer: usize| {
        // who was refused wrote at most what tidies up
        if replies[racer].as_ref().is_some_and(|reply| reply.status >= 400) {
            return None;
        }
        let done = of(racer).filter(|(_, call)| call.done && call.operation == "TransactWriteItems");
        // a try whose answer was lost is the one that did it: the same request again does nothing
        let first_of =
            |body: &str| of(racer).find(|(_, call)| call.done && call.body == body).map(|(at, _)| at);
        done.filter_map(|(_, call)| first_of(&call.body)).max()
    };
    match (written(first), written(second)) {
        (Some(mine), Some(theirs)) => mine < theirs,
        _ => true,
    }
}

/// Every state that what was answered explains, one after the other.
fn explained<'a>(
    model: &World,
    answered: impl Iterator<Item = (&'a Request, &'a Option<Reply>)>,
    answers: &[&Reply],
    driver: &Driver,
) -> Vec<(World, Driver)> {
    let mut states = vec![(model.clone(), driver.clone())];
    for (request, reply) in answered {
        let mut next = Vec::new();
        for (world, driver) in states {
            let outcomes = world.legal(request);
            match reply {
                Some(reply) => {
                    let mut driver = driver;
                    driver.learn(request, reply);
                    let answer = driver.answer(request, reply);
                    let same = outcomes.into_iter().filter(|outcome| outcome.answer == answer);
                    next.extend(same.map(|outcome| (outcome.next, driver.clone())));
                }
                // whose process ended did it or didn't, or a part of it
                None => {
                    // what it made has its number before what others made later
                    let mut learned = driver.clone();
                    learned.learn_unanswered(answers);
                    next.extend(world.halfway(request).into_iter().map(|world| (world, driver.clone())));
                    next.push((world, driver.clone()));
                    next.extend(outcomes.into_iter().map(|outcome| (outcome.next, learned.clone())));
                }
            }
        }
        states = next;
    }
    states
}

/// Without guesses, and without the number of mails where a mailer or the sweeper was among them: what is over when its turn has come isn't
/// sent.
fn compared(lines: BTreeMap<String, String>, case: &Case) -> BTreeMap<String, String> {
    let (mut lines, mails) = (without_guesses(lines), case.requests.iter().any(reads_the_stream));
    lines.retain(|name, _| !(mails && name.starts_with("mails to")));
    lines
}

/// A counter of guesses that one request raised more than once, however many rounds it took. Where an answer was lost, the
/// SDK may have asked again.
fn counted_twice(case: &Case, calls: &[SdkCall]) -> Option<String> {
    // a password that is another one meanwhile is proven once more
    let changes = |r: &Request| matches!(r, Request::ChangePassword { .. } | Request::ConfirmReset { .. });
    if matches!(case.trouble, Some((_, _, Fault::LostAnswer))) || case.requests.iter().any(changes) {
        return None;
    }
    let mut raised = BTreeSet::new();
    let guesses = calls.iter().filter(|call| call.done && call.operation == "UpdateItem");
    guesses
        .filter_map(|call| {
            let body: Value = serde_json::from_str(&call.body).ok()?;
            let counter = body.pointer("/Key/pk/S")?.as_str()?.to_owned();
            let values = body["ExpressionAttributeValues"].as_object()?;
            let raises = values.values().any(|value| value["N"] == "1");
            (raises && counter.starts_with("RATE#SIGN-IN#")).then_some((call.racer, counter))
        })
        .find(|raise| !raised.insert(raise.clone()))
        .map(|(_, counter)| counter)
}

/// Runs them on a copy of the scene, which is made something else by `unlike`. Answers what no order explains.
pub(super) async fn run(set: &Twin, case: &Case, unlike: impl Fn(&Wire)) -> Result<Vec<SdkCall>, String> {
    let twin = set.fork().await;
    unlike(twin.driver.world.wire());
    let wire = twin.driver.world.wire().clone();
    if let Some((racer, nth, fault)) = &case.trouble {
        wire.fail_racer(*racer, *nth, fault.clone());
    }
    let operations = case.requests.iter().map(|request| {
        let request = request.clone();
        operation(&twin.driver, |driver| async move { driver.send(&request).await })
    });
    let replies = race_with_crashes(&case.schedule, operations.collect()).await;
    let calls = wire.take_sent();
    if let Some(counted) = counted_twice(case, &calls) {
        return Err(format!("{case:?}\none try to prove oneself was counted more than once: {counted}"));
    }
    // what was queued is seen by whom it reaches. Of the sweeper's stream, which has what others queue meanwhile, nothing tells
    // apart what is mailed; a mailer among them leaves what came too late for it
    let delivers = case.requests.iter().any(|request| matches!(request, Request::Deliver));
    let mailed = if delivers { None } else { Some(Some(twin.driver.send(&Request::Deliver).await)) };
    let mut seen = BTreeMap::new();
    let answers: Vec<&Reply> = replies.iter().flatten().collect();
    for order in permutations(case.requests.len()) {
        let follows = |at: usize| {
            order[at + 1..]
                .iter()
                .all(|later| may_come_before(&twin.model, case, &replies, &calls, order[at], *later))
        };
        if !(0..order.len()).all(follows) {
            continue;
        }
        let answered = order.iter().map(|racer| (&case.requests[*racer], &replies[*racer]));
        let answered = answered.chain(mailed.iter().map(|reply| (&Request::Deliver, reply)));
        for (world, mut driver) in explained(&twin.model, answered, &answers, &twin.driver) {
            let (should, found) = (world.lines(), driver.lines());
            if compared(should.clone(), case) == compared(found.clone(), case) {
                // whoever asks again after a crash finds nothing broken
                if replies.iter().any(Option::is_none) {
                    let mut twin = Twin { driver, model: world };
                    for request in
                        case.requests.iter().zip(&replies).filter(|(_, r)| r.is_none()).map(|(r, _)| r)
                    {
                        twin.step_again(request, |lines| compared(lines, case)).await?;
                    }
                    // and everybody is told what they would be told without it
                    if !delivers {
                        twin.step_again(&Request::Deliver, |lines| compared(lines, case)).await?;
                    }
                }
                return Ok(calls);
            }
            seen.insert(format!("{order:?}"), stories::differences(&should, &found));
        }
    }
    let told: Vec<String> = calls
        .iter()
        .map(|c| {
            format!("  {:?} {} {} {}", c.racer, c.function, c.operation, if c.done { "done" } else { "" })
        })
        .collect();
    let answers: Vec<String> = replies
        .iter()
        .map(|reply| {
            reply.as_ref().map_or_else(
                || "crashed".to_owned(),
                |r| format!("{} {}", r.status, String::from_utf8_lossy(&r.body)),
            )
        })
        .collect();
    Err(format!("{case:?}\nanswered {answers:#?}\n{}\nno order explains it: {seen:#?}", told.join("\n")))
}

/// The same without luck at the calls that an operation makes only because of another one.
fn troubled_later(case: &Case, calls: &[SdkCall]) -> Vec<Case> {
    let mut cases = Vec::new();
    for (racer, request) in case.requests.iter().enumerate().filter(|_| case.trouble.is_none()) {
        let alone = case.schedule.iter().filter(|turn| **turn == racer).count();
        let mine = calls.iter().filter(|call| call.racer == Some(racer) && call.operation != SdkCall::TIME);
        for (nth, call) in mine.enumerate().skip(alone) {
            let troubles = troubles(request, racer, nth, call).into_iter();
            cases.extend(troubles.map(|trouble| Case { trouble, ..case.clone() }));
        }
    }
    cases
}

/// Runs cases until the time is over, two at once. Answers how many were run without and with trouble, or what was found.
async fn judge(plan: &Arc<Plan>, order: &[usize], until: Instant, seed: u64) -> Result<[usize; 2], String> {
    let (next, ran) = (Arc::new(AtomicUsize::new(0)), Arc::<[AtomicUsize; 2]>::default());
    let workers = (0..2).map(|_| {
        let (plan, next, ran, order) =
            (Arc::clone(plan), Arc::clone(&next), Arc::clone(&ran), order.to_vec());
        tokio::spawn(async move {
            while Instant::now() < until {
                let Some(at) = order.get(next.fetch_add(1, Ordering::SeqCst)) else { break };
                let (_, case) = &plan.cases[*at];
                let look = async |case: &Case| {
                    let ran_out = |_| format!("{case:?} never ends");
                    let calls = tokio::time::timeout(ENDS, run(&plan.set, case, |_| ())).await;
                    ran[usize::from(case.trouble.is_some())].fetch_add(1, Ordering::SeqCst);
                    calls.map_err(ran_out)?
                };
                let calls = look(case).await?;
                // one of them, so that no set waits for it
                let later = troubled_later(case, &calls);
                if let Some(troubled) =
                    later.get(usize::try_from(mixed(*at as u64 ^ seed) >> 33).unwrap() % later.len().max(1))
                {
                    look(troubled).await?;
                }
            }
            Ok::<_, String>(())
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap()?;
    }
    Ok([0, 1].map(|how: usize| ran[how].load(Ordering::SeqCst)))
}

/// One case of every set, in an order that the seed says, then one more: no set waits for one that has more. Of every
/// second set it begins with one without luck, of the others with one where nothing goes wrong, and so by turns.
fn in_order(plan: &Plan, seed: u64) -> Vec<usize> {
    let shuffled = super::shuffled((0..plan.cases.len()).collect::<Vec<_>>(), seed);
    let mut met = BTreeMap::<_, usize>::new();
    let mut rounds = |at: usize| {
        let (set, case) = &plan.cases[at];
        let is_troubled = case.trouble.is_some();
        let met = met.entry((is_troubled, *set)).or_default();
        *met += 1;
        let round = 2 * *met + usize::from(is_troubled == (*set as u64 ^ seed).is_multiple_of(2));
        (round, mixed(*set as u64 ^ seed))
    };
    let mut order: Vec<_> = shuffled.into_iter().map(|at| (rounds(at), at)).collect();
    order.sort_by_key(|(round, _)| *round);
    order.into_iter().map(|(_, at)| at).collect()
}

/// Looks at the orders of a plan for as long as `PROOF_SECONDS` says, or `everyday` so many; at none where that is 0: the plan
/// alone takes seconds.
fn everything<P: Future<Output = Plan>>(name: &str, plan: impl FnOnce(u64) -> P, everyday: u64) {
    if budget(everyday).is_zero() {
        return super::report(name, "not looked for: PROOF_SECONDS=45 looks for so long");
    }
    let (runtime, seed) = (runtime(), seed());
    let plan = Arc::new(runtime.block_on(plan(seed)));
    let until = Instant::now() + budget(everyday);
    match runtime.block_on(judge(&plan, &in_order(&plan, seed), until, seed)) {
        Ok([plain, troubled]) => {
            let (orders, sets, sampled) = (plan.orders, plan.sets, plan.sampled);
            let words = format!(
                "{sets} sets ({sampled} of them sampled), {orders} orders, {plain} of them looked at, and {troubled} times with a crash, a lost answer or a conflict, seed {seed}"
            );
            super::report(name, &words);
            assert!(plain + troubled > 0);
        }
        Err(wrong) => panic!("seed {seed}: {wrong}"),
    }
}

#[test]
fn every_pair_in_a_team() {
    everything(
        "orders, pairs in a team",
        async |seed| pairs(scene::team(limits()).await, scene::of_team(), seed).await,
        0,
    );
}

#[test]
fn every_pair_later() {
    everything(
        "orders, pairs later",
        async |seed| pairs(scene::later(limits()).await, scene::of_later(), seed).await,
        0,
    );
}

#[test]
fn every_pair_with_a_portal() {
    everything(
        "orders, pairs with a portal",
        async |seed| pairs(scene::portal(limits()).await, scene::of_portal(), seed).await,
        0,
    );
}

#[test]
fn every_pair_of_who_moves() {
    everything(
        "orders, pairs of who moves",
        async |seed| pairs(scene::moved(scene::team(limits()).await).await, scene::of_moved(), seed).await,
        0,
    );
}

#[test]
fn every_pair_while_access_is_reviewed() {
    everything(
        "orders, pairs while access is reviewed",
        async |seed| {
            let reviewing = scene::reviewing(scene::team(limits()).await).await;
            pairs(reviewing, scene::of_reviewing(), seed).await
        },
        0,
    );
}

#[test]
fn every_pair_while_somebody_is_reminded() {
    everything(
        "orders, pairs while somebody is reminded",
        async |seed| {
            let reminding = scene::reminding(scene::team(limits()).await).await;
            pairs(reminding, scene::of_reminding(), seed).await
        },
        0,
    );
}

#[test]
fn every_pair_in_a_closed_team() {
    everything(
        "orders, pairs in a closed team",
        async |seed| {
            let closed = scene::closed(scene::team(limits()).await).await;
            pairs(closed, scene::of_closed(), seed).await
        },
        0,
    );
}

#[test]
fn every_pair_while_a_team_is_removed() {
    everything(
        "orders, pairs while a team is removed",
        async |seed| pairs(scene::over(limits()).await, scene::of_over(), seed).await,
        0,
    );
}

#[test]
fn the_dangerous_threes() {
    everything(
        "orders, threes",
        async |seed| triples(scene::invited_elsewhere(limits()).await, scene::triples(), seed).await,
        1,
    );
}

#[test]
fn the_dangerous_threes_with_a_portal() {
    everything(
        "orders, threes with a portal",
        async |seed| triples(scene::portal(limits()).await, scene::triples_of_portal(), seed).await,
        0,
    );
}

#[test]
fn the_dangerous_threes_of_who_moves() {
    everything(
        "orders, threes of who moves",
        async |seed| {
            let moved = scene::moved(scene::team(limits()).await).await;
            triples(moved, scene::triples_of_moved(), seed).await
        },
        0,
    );
}

#[test]
fn the_dangerous_threes_while_access_is_reviewed() {
    everything(
        "orders, threes while access is reviewed",
        async |seed| {
            let reviewing = scene::reviewing(scene::team(limits()).await).await;
            triples(reviewing, scene::triples_of_reviewing(), seed).await
        },
        0,
    );
}
