//! The queues: each message by itself. One that failed comes again, and holds up no other; once it has had its tries it goes to
//! the dead letters, from where it can be put back.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::template::Queue;
use crate::{BoxError, event};

/// Waits between tries: this long after the first, doubled each time, up to [`LONGEST_WAIT`]. A deployment's queue waits for
/// minutes.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// So many events of the bus are kept to be looked at.
const KEPT: usize = 1_000;

/// How long to wait after so many failed tries.
pub(crate) fn wait_after(tries: u32) -> Duration {
    FIRST_WAIT.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1))).min(LONGEST_WAIT)
}

/// Whether what failed is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Once its time has come.
    Waits,
    /// At once, but not more often than this since [`Queues::begin`].
    Tries(u32),
}

#[derive(Clone)]
struct Message {
    id: String,
    body: String,
    /// How often it was handed over before.
    receives: u32,
    /// Of these, how often since [`Queues::begin`].
    tries: u32,
    not_before: Option<Instant>,
}

/// A message that was given up.
#[derive(Clone)]
struct Dead {
    /// Where it lies.
    queue: String,
    body: Value,
    /// Where it goes back to; a record of the stream goes nowhere.
    from: Option<String>,
}

#[derive(Clone, Default)]
struct Inner {
    queues: Vec<Queue>,
    waiting: BTreeMap<String, VecDeque<Message>>,
    dead: Vec<Dead>,
    published: VecDeque<Value>,
}

/// All queues, and what was published.
#[derive(Clone)]
pub(crate) struct Queues(Arc<Mutex<Inner>>);

/// Messages that were handed over. They go back into their queue unless it is said how it ended.
pub(crate) struct Batch {
    queues: Queues,
    queue: String,
    messages: Vec<Message>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Report {
    batch_item_failures: Vec<Failed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    item_identifier: String,
}

impl Message {
    fn new(event: &Value) -> Self {
        let (id, body) = (Uuid::now_v7().to_string(), event.to_string());
        Self { id, body, receives: 0, tries: 0, not_before: None }
    }

    fn is_ready(&self, patience: Patience) -> bool {
        match patience {
            Patience::Waits => self.not_before.is_none_or(|at| at <= Instant::now()),
            Patience::Tries(most) => self.tries < most,
        }
    }
}

impl Inner {
    /// Puts a message that failed back, or to the dead letters; answers to which.
    fn put_back(&mut self, queue: &str, mut message: Message) -> Option<String> {
        message.receives += 1;
        message.tries += 1;
        message.not_before = Some(Instant::now() + wait_after(message.receives));
        let gives_up = self.queues.iter().find(|one| one.name == queue).and_then(|one| one.gives_up.clone());
        match gives_up {
            Some((most, dead)) if message.receives >= most => {
                let body = serde_json::from_str(&message.body).unwrap_or_default();
                self.dead.push(Dead { queue: dead.clone(), body, from: Some(queue.to_owned()) });
                Some(dead)
            }
            _ => {
                self.waiting.entry(queue.to_owned()).or_default().push_back(message);
                None
            }
        }
    }
}

impl Queues {
    pub(crate) fn new(queues: Vec<Queue>) -> Self {
        Self(Arc::new(Mutex::new(Inner { queues, ..Inner::default() })))
    }

    /// Queues of their own with the same messages.
    pub(crate) fn fork(&self) -> Self {
        Self(Arc::new(Mutex::new(self.inner().clone())))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps an event that was published, to be looked at.
    pub(crate) fn note_published(&self, event: &Value) {
        let mut inner = self.inner();
        if inner.published.len() == KEPT {
            inner.published.pop_front();
        }
        inner.published.push_back(event.clone());
    }

    /// The last events that were published, the newest last.
    pub(crate) fn published(&self) -> Vec<Value> {
        self.inner().published.iter().cloned().collect()
    }

    /// Puts an event into a queue.
    pub(crate) fn put(&self, queue: &str, event: &Value) {
        self.inner().waiting.entry(queue.to_owned()).or_default().push_back(Message::new(event));
    }

    /// Puts something into the dead letters that goes back nowhere.
    pub(crate) fn give_up(&self, queue: &str, body: Value) {
        self.inner().dead.push(Dead { queue: queue.to_owned(), body, from: None });
    }

    /// Forgets how often what waits was tried, but for when it is given up.
    pub(crate) fn begin(&self) {
        for message in self.inner().waiting.values_mut().flatten() {
            message.tries = 0;
        }
    }

    /// Hands over what is ready, the first so many.
    pub(crate) fn take(&self, queue: &str, most: usize, patience: Patience) -> Option<Batch> {
        let mut inner = self.inner();
        let waiting = inner.waiting.get_mut(queue)?;
        let (mut messages, mut left) = (Vec::new(), VecDeque::new());
        for message in waiting.drain(..) {
            if messages.len() < most && message.is_ready(patience) {
                messages.push(message);
            } else {
                left.push_back(message);
            }
        }
        *waiting = left;
        if messages.is_empty() {
            return None;
        }
        Some(Batch { queues: self.clone(), queue: queue.to_owned(), messages })
    }

    /// As if everything that waits had been tried as often as it may be, but for the last time.
    pub(crate) fn exhaust(&self) {
        let mut inner = self.inner();
        let Inner { queues, waiting, .. } = &mut *inner;
        for Queue { name, gives_up } in queues.iter() {
            let Some((most, _)) = gives_up else { continue };
            for message in waiting.get_mut(name).into_iter().flatten() {
                message.receives = most.saturating_sub(1);
            }
        }
    }

    /// Everything that was given up, and where it lies.
    pub(crate) fn dead_letters(&self) -> Vec<(String, Value)> {
        self.inner().dead.iter().map(|dead| (dead.queue.clone(), dead.body.clone())).collect()
    }

    /// Puts what was given up back into the queue that it came from, as SQS's redrive does. Answers how much.
    pub(crate) fn redrive(&self) -> usize {
        let mut inner = self.inner();
        let (back, left): (Vec<Dead>, Vec<Dead>) = inner.dead.drain(..).partition(|dead| dead.from.is_some());
        inner.dead = left;
        for Dead { body, from, .. } in &back {
            let queue = from.clone().unwrap_or_default();
            inner.waiting.entry(queue).or_default().push_back(Message::new(body));
        }
        back.len()
    }
}

impl Batch {
    /// The event that the function is handed.
    pub(crate) fn event(&self) -> Value {
        let messages = self.messages.iter().map(|m| (m.id.as_str(), m.body.as_str(), m.receives));
        event::queue(messages, &self.queue)
    }

    /// How many messages.
    pub(crate) const fn size(&self) -> usize {
        self.messages.len()
    }

    /// Notes how the function did: how many failed, and which dead letters have more by that.
    pub(crate) fn done(
        mut self,
        answer: Result<Vec<u8>, BoxError>,
        reports_failures: bool,
    ) -> (usize, Vec<String>) {
        let failed = |message: &Message| match &answer {
            Err(_) => true,
            Ok(_) if !reports_failures => false,
            Ok(report) => {
                let report: Report = serde_json::from_slice(report).unwrap_or_default();
                report.batch_item_failures.iter().any(|failed| failed.item_identifier == message.id)
            }
        };
        let failed: Vec<Message> = self.messages.drain(..).filter(failed).collect();
        let mut inner = self.queues.inner();
        let many = failed.len();
        (many, failed.into_iter().filter_map(|message| inner.put_back(&self.queue, message)).collect())
    }
}

impl Drop for Batch {
    /// Whoever had it is gone: what it held comes again.
    fn drop(&mut self) {
        let messages = std::mem::take(&mut self.messages);
        let mut inner = self.queues.inner();
        for message in messages {
            inner.put_back(&self.queue, message);
        }
    }
}
