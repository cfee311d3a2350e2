//! Stepping operations through interleavings of their calls: a call waits at the wire until it is its operation's turn.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Semaphore, mpsc};

/// An operation at the wire.
#[derive(Clone)]
struct Gate {
    nth: usize,
    go: Arc<Semaphore>,
    arrived: mpsc::UnboundedSender<()>,
    crashed: Arc<AtomicBool>,
}

tokio::task_local! {
    static GATE: Gate;
}

/// Called by the wire: waits for the operation's turn, if somebody gives turns.
pub(crate) async fn wait_for_turn() {
    let Ok(gate) = GATE.try_with(Clone::clone) else { return };
    // nobody listens any more once the schedule is over
    let _ = gate.arrived.send(());
    gate.go.acquire().await.unwrap().forget();
}

/// Which of the operations that run at once is at the wire; none where there is only one.
pub(crate) fn racer() -> Option<usize> {
    GATE.try_with(|gate| gate.nth).ok()
}

/// Called by the wire: the operation's process ends here.
pub(crate) async fn crash() {
    if let Ok(gate) = GATE.try_with(Clone::clone) {
        gate.crashed.store(true, Ordering::SeqCst);
        let _ = gate.arrived.send(());
    }
    std::future::pending::<()>().await;
}

/// All the orders in which `a` calls of one operation and `b` of another can come, as who goes first (0 or 1).
#[must_use]
pub fn interleavings(a: usize, b: usize) -> Vec<Vec<usize>> {
    schedules(&[a, b])
}

/// All the orders in which the calls of several operations can come, so many of each.
#[must_use]
pub fn schedules(calls: &[usize]) -> Vec<Vec<usize>> {
    if calls.iter().all(|left| *left == 0) {
        return vec![Vec::new()];
    }
    let next = (0..calls.len()).filter(|nth| calls[*nth] > 0);
    next.flat_map(|nth| {
        let mut left = calls.to_vec();
        left[nth] -= 1;
        schedules(&left).into_iter().map(move |rest| [vec![nth], rest].concat())
    })
    .collect()
}

/// An operation, not begun yet.
pub type Operation<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What `actor` will do, once it is its turn.
pub fn operation<A: Clone, T, F: Future<Output = T> + Send + 'static>(
    actor: &A,
    act: impl FnOnce(A) -> F,
) -> Operation<T> {
    Box::pin(act(actor.clone()))
}

struct Running<T> {
    gate: Gate,
    arrivals: mpsc::UnboundedReceiver<()>,
    task: tokio::task::JoinHandle<T>,
}

impl<T> Drop for Running<T> {
    /// Where one operation panics the others stop where they wait, and let go of their stack.
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<T: Send + 'static> Running<T> {
    fn start((nth, operation): (usize, Operation<T>)) -> Self {
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let gate = Gate { nth, go: Arc::new(Semaphore::new(0)), arrived, crashed: Arc::default() };
        // the task's own sender is dropped with it: that is how its end is heard
        let task = tokio::spawn(GATE.scope(gate.clone(), operation));
        let (silent, _) = mpsc::unbounded_channel();
        Self { gate: Gate { arrived: silent, ..gate }, arrivals, task }
    }

    fn has_crashed(&self) -> bool {
        self.gate.crashed.load(Ordering::SeqCst)
    }

    /// Waits until the operation stands at its next call, or is done. Of calls that it makes at the same time each is an
    /// arrival of its own.
    async fn arrive(&mut self) {
        let _ = self.arrivals.recv().await;
    }
}

/// Runs the operations, letting one call through after the other in the order of `schedule`; calls that come after it
/// go as they come, the first operation's before the second's.
///
/// # Panics
/// When an operation does.
pub async fn race<T: Send + 'static>(schedule: &[usize], operations: Vec<Operation<T>>) -> Vec<T> {
    let results = race_with_crashes(schedule, operations).await;
    results.into_iter().map(|result| result.expect("no operation was to crash")).collect()
}

/// The same, where the wire may be told to end an operation's process: there is no result of that one.
///
/// # Panics
/// When an operation does.
pub async fn race_with_crashes<T: Send + 'static>(
    schedule: &[usize],
    operations: Vec<Operation<T>>,
) -> Vec<Option<T>> {
    let mut running: Vec<Running<T>> = operations.into_iter().enumerate().map(Running::start).collect();
    for one in &mut running {
        one.arrive().await;
    }
    for turn in schedule {
        let one = &mut running[*turn];
        if one.has_crashed() {
            continue;
        }
        one.gate.go.add_permits(1);
        one.arrive().await;
        if one.has_crashed() {
            one.task.abort();
        }
    }
    let mut results = Vec::new();
    for mut one in running {
        one.gate.go.add_permits(Semaphore::MAX_PERMITS / 2);
        // what it does from here on it does without waiting; its end is heard as the last arrival
        while !one.has_crashed() && one.arrivals.recv().await.is_some() {}
        if one.has_crashed() {
            one.task.abort();
            results.push(None);
        } else {
            results.push(Some((&mut one.task).await.unwrap()));
        }
    }
    results
}
