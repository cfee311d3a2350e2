use std::time::Duration;

use model::{Digest, Invocation, Timestamp};
use serde::Serialize;
use serde_json::Value;
use store::Record;
use store::keys::{self, Scope};

use crate::{Operate, Refused};

const KEPT: Duration = Duration::from_secs(86_400);
const LONGEST: usize = 255;

/// An order that may be repeated: the same key and order get the same answer for a day.
pub(crate) struct Repeat {
    key: String,
    fingerprint: Digest,
    now: Timestamp,
}

impl Repeat {
    /// The order under this key; none without one.
    pub(crate) fn of(
        order: &impl Serialize,
        key: Option<&str>,
        invocation: &Invocation,
    ) -> Result<Option<Self>, Refused> {
        let Some(key) = key else { return Ok(None) };
        if key.trim().is_empty() || key.len() > LONGEST || key.chars().any(char::is_control) {
            let words = format!("`idempotency_key`: it has 1 to {LONGEST} visible characters");
            return Err(Refused::because(words));
        }
        let order = serde_json::to_vec(order).map_err(Refused::because)?;
        Ok(Some(Self { key: key.to_owned(), fingerprint: Digest::of(&order), now: invocation.now() }))
    }

    /// The record of its answer, for the order's own transaction.
    pub(crate) fn record(&self, answer: &Value) -> Record {
        Record {
            scope: Scope::Operator.to_string(),
            key: self.key.clone(),
            fingerprint: self.fingerprint.clone(),
            answer: answer.to_string(),
            expires_at: self.now + KEPT,
        }
    }
}

impl Operate {
    /// What the same order was answered before.
    pub(crate) async fn answered(&self, repeat: Option<&Repeat>) -> Result<Option<Value>, Refused> {
        let Some(repeat) = repeat else { return Ok(None) };
        let found = self.store.load(keys::idempotency(&Scope::Operator.to_string(), &repeat.key)).await?;
        match found.filter(|record| repeat.now < record.expires_at) {
            None => Ok(None),
            Some(record) if record.fingerprint == repeat.fingerprint => {
                serde_json::from_str(&record.answer).map(Some).map_err(Refused::because)
            }
            Some(_) => {
                Err(Refused::because("`idempotency_key`: it came with another order before, use a fresh one"))
            }
        }
    }
}
