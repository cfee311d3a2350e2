//! Stepping operations through interleavings of their calls: a call waits at the wire until it is its operation's turn.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc};

/// An operation at the wire.
#[derive(Clone)]
struct Gate {
    go: Arc<Semaphore>,
    arrived: mpsc::UnboundedSender<()>,
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

/// All the orders in which `a` calls of one operation and `b` of another can come, as who goes first (0 or 1).
#[must_use]
pub fn interleavings(a: usize, b: usize) -> Vec<Vec<usize>> {
    match (a, b) {
        (0, b) => vec![vec![1; b]],
        (a, 0) => vec![vec![0; a]],
        (a, b) => {
            let begin = |first: usize, rest: Vec<Vec<usize>>| {
                rest.into_iter().map(move |tail| [vec![first], tail].concat())
            };
            begin(0, interleavings(a - 1, b)).chain(begin(1, interleavings(a, b - 1))).collect()
        }
    }
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

impl<T: Send + 'static> Running<T> {
    fn start(operation: Operation<T>) -> Self {
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let gate = Gate { go: Arc::new(Semaphore::new(0)), arrived };
        // the task's own sender is dropped with it: that is how its end is heard
        let task = tokio::spawn(GATE.scope(gate.clone(), operation));
        let (silent, _) = mpsc::unbounded_channel();
        Self { gate: Gate { arrived: silent, ..gate }, arrivals, task }
    }

    /// Waits until the operation stands at its next call, or is done.
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
    let mut running: Vec<Running<T>> = operations.into_iter().map(Running::start).collect();
    for one in &mut running {
        one.arrive().await;
    }
    for turn in schedule {
        let one = &mut running[*turn];
        one.gate.go.add_permits(1);
        one.arrive().await;
    }
    let mut results = Vec::new();
    for one in running {
        one.gate.go.add_permits(Semaphore::MAX_PERMITS / 2);
        results.push(one.task.await.unwrap());
    }
    results
}
