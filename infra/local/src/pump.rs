//! The pipe's way through the stream: one position, records in order, filtered, in batches. A batch that failed comes again in
//! halves, until the record that fails is alone; once that has had its tries, or is as old as a record may get, it goes to the
//! dead letters.

use std::collections::VecDeque;
use std::time::Instant;

use serde_json::Value;

use crate::queues::{Patience, wait_after};
use crate::table::Table;
use crate::template::Pipe;
use crate::{BoxError, event, pattern};

/// The pipe at work.
#[derive(Clone)]
pub(crate) struct Pump {
    pub(crate) pipe: Pipe,
    position: String,
    waiting: VecDeque<Value>,
    /// So many records are tried at once: fewer where a batch failed.
    size: usize,
    /// Failed tries of the record that is first in line, alone.
    tries: u32,
    /// Of these, how many since [`Pump::begin`].
    tries_now: u32,
    /// Whether what fails is as old as a record may get.
    is_old: bool,
    not_before: Option<Instant>,
}

/// A batch to be handed to the enrichment.
pub(crate) struct Records {
    pub(crate) event: Value,
    pub(crate) size: usize,
}

impl Pump {
    pub(crate) fn new(pipe: Pipe, table: &Table) -> Result<Self, BoxError> {
        let (position, size) = (table.beginning()?, pipe.batch_size);
        let waiting = VecDeque::new();
        Ok(Self { pipe, position, waiting, size, tries: 0, tries_now: 0, is_old: false, not_before: None })
    }

    /// Forgets how often what waits was tried, but for when it is given up.
    pub(crate) fn begin(&mut self) {
        self.tries_now = 0;
    }

    /// As if whatever fails from now on were as old as a record may get, or no longer.
    pub(crate) fn age(&mut self, is_old: bool) {
        self.is_old = is_old;
    }

    /// Takes over what is new in the stream.
    pub(crate) fn read(&mut self, table: &Table) -> Result<(), BoxError> {
        loop {
            let (records, position) = table.records(&self.position)?;
            self.position = position;
            if records.is_empty() {
                return Ok(());
            }
            let filters = &self.pipe.filters;
            let wanted = |r: &Value| filters.is_empty() || filters.iter().any(|f| pattern::matches(f, r));
            self.waiting.extend(records.into_iter().filter(wanted));
        }
    }

    /// The next batch, unless there is none, or its turn hasn't come yet.
    pub(crate) fn batch(&self, arn: &str, patience: Patience) -> Option<Records> {
        let rests = match patience {
            Patience::Waits => self.not_before.is_some_and(|at| Instant::now() < at),
            Patience::Tries(most) => self.tries_now >= most,
        };
        if self.waiting.is_empty() || rests {
            return None;
        }
        let size = self.size.min(self.waiting.len());
        Some(Records { size, event: event::stream(self.waiting.iter().take(size), arn) })
    }

    /// Notes that the first `size` records in line are published.
    pub(crate) fn done(&mut self, size: usize) {
        self.waiting.drain(..size);
        self.start_over();
    }

    fn start_over(&mut self) {
        (self.size, self.tries, self.tries_now, self.not_before) = (self.pipe.batch_size, 0, 0, None);
    }

    /// Notes that they failed; the record that is given up by that.
    pub(crate) fn failed(&mut self, size: usize) -> Option<Value> {
        if size > 1 {
            self.size = size / 2;
            return None;
        }
        self.tries = self.tries.saturating_add(1);
        self.tries_now = self.tries_now.saturating_add(1);
        if self.is_old || self.pipe.retries.is_some_and(|retries| self.tries > retries) {
            let record = self.waiting.pop_front();
            self.start_over();
            return record;
        }
        self.not_before = Some(Instant::now() + wait_after(self.tries));
        None
    }
}
