//! The stream: what an event source mapping does with it. One position in the stream a mapping, records in order,
//! filtered, in batches; a batch that failed comes again from its first failed record on, and a record that has had its
//! tries goes to the dead letters.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::Value;

use crate::BoxError;
use crate::event;
use crate::pattern;
use crate::table::Table;
use crate::template::StreamMapping;

/// Waits between tries: this long after the first, doubled each time, up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// One mapping at work.
#[derive(Clone)]
pub(crate) struct Pump {
    pub(crate) function: String,
    mapping: StreamMapping,
    position: String,
    waiting: VecDeque<Value>,
    /// Failed tries of the record that is first in line.
    tries: u32,
    not_before: Option<Instant>,
    pub(crate) dead_letters: Vec<Value>,
}

/// A batch to be handed to the function.
pub(crate) struct Batch {
    pub(crate) event: Value,
    pub(crate) size: usize,
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

impl Pump {
    pub(crate) fn new(function: &str, mapping: StreamMapping, table: &Table) -> Result<Self, BoxError> {
        if let Some(strange) = mapping.filters.iter().find(|f| !pattern::understood(f)) {
            return Err(
                format!("template.yaml: the filter {strange} of {function} is not understood here").into()
            );
        }
        let position = table.beginning()?;
        let waiting = VecDeque::new();
        Ok(Self {
            function: function.to_owned(),
            mapping,
            position,
            waiting,
            tries: 0,
            not_before: None,
            dead_letters: Vec::new(),
        })
    }

    /// Takes over what is new in the stream.
    pub(crate) fn read(&mut self, table: &Table) -> Result<(), BoxError> {
        loop {
            let (records, position) = table.records(&self.position)?;
            self.position = position;
            if records.is_empty() {
                return Ok(());
            }
            let filters = &self.mapping.filters;
            let wanted = |r: &Value| filters.is_empty() || filters.iter().any(|f| pattern::matches(f, r));
            self.waiting.extend(records.into_iter().filter(wanted));
        }
    }

    /// The next batch, unless there is none, or (where `patient`) its turn hasn't come yet.
    pub(crate) fn batch(&self, arn: &str, patient: bool) -> Option<Batch> {
        let later = self.not_before.is_some_and(|at| Instant::now() < at);
        if self.waiting.is_empty() || (patient && later) {
            return None;
        }
        let records: Vec<&Value> = self.waiting.iter().take(self.mapping.batch_size).collect();
        Some(Batch { size: records.len(), event: event::stream(&records, arn) })
    }

    /// Notes how the function did with the first `size` records in line.
    pub(crate) fn done(&mut self, size: usize, answer: Result<Vec<u8>, BoxError>) {
        let succeeded = match answer {
            Err(_) => 0,
            Ok(_) if !self.mapping.reports_failures => size,
            Ok(report) => {
                let report: Report = serde_json::from_slice(&report).unwrap_or_default();
                let failed = |record: &Value| {
                    let number = record.pointer("/dynamodb/SequenceNumber").and_then(Value::as_str);
                    report.batch_item_failures.iter().any(|f| Some(f.item_identifier.as_str()) == number)
                };
                self.waiting.iter().take(size).position(failed).unwrap_or(size)
            }
        };
        self.waiting.drain(..succeeded);
        if succeeded == size {
            (self.tries, self.not_before) = (0, None);
            return;
        }
        // the first record in line is the one that failed
        self.tries = if succeeded > 0 { 1 } else { self.tries + 1 };
        if self.mapping.retries.is_some_and(|retries| self.tries > retries) {
            self.dead_letters.extend(self.waiting.pop_front());
            (self.tries, self.not_before) = (0, None);
        } else {
            let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(self.tries.saturating_sub(1)));
            self.not_before = Some(Instant::now() + wait.min(LONGEST_WAIT));
        }
    }

    /// The queue that records end up in when nothing helps.
    pub(crate) fn dead_letter_queue(&self) -> &str {
        self.mapping.dead_letters.as_deref().unwrap_or("nowhere")
    }
}
