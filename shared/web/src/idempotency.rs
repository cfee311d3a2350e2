use std::time::Duration;

use http::{HeaderName, Method};
use model::{Digest, Timestamp};
use serde::Serialize;
use store::{Key, Record, keys};

use crate::answer::render;
use crate::{Answer, BadRequest, Request};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const KEPT: Duration = Duration::from_secs(86_400);
const LONGEST: usize = 255;

/// A request's `Idempotency-Key`: the same key and request get the same answer for a day.
pub struct Idempotency {
    scope: String,
    key: String,
    fingerprint: Digest,
}

impl Idempotency {
    /// The key of a POST, if it has one. `scope` names whose key it is, so that two callers' never meet.
    ///
    /// # Errors
    /// [`BadRequest::Malformed`].
    pub fn of(request: &Request, scope: &str) -> Result<Option<Self>, BadRequest> {
        Self::redacted(request, scope, &request.bytes().escape_ascii().to_string())
    }

    /// The same for a request whose body holds a secret: `asked` is the body without it, since a digest over a
    /// password is a fast hash of it.
    ///
    /// # Errors
    /// [`BadRequest::Malformed`].
    pub fn redacted(
        request: &Request,
        scope: &str,
        asked: &impl Serialize,
    ) -> Result<Option<Self>, BadRequest> {
        if request.method() != Method::POST {
            return Ok(None);
        }
        let Some(key) = request.header(&HEADER)? else { return Ok(None) };
        let visible = key.bytes().all(|b| (0x20..0x7f).contains(&b));
        if key.trim().is_empty() || key.len() > LONGEST || !visible {
            let words = format!("an `Idempotency-Key` has 1 to {LONGEST} visible characters");
            return Err(BadRequest::Malformed(words));
        }
        let asked = format!("{} {}", request.path(), render(asked));
        Ok(Some(Self {
            scope: scope.to_owned(),
            key: key.to_owned(),
            fingerprint: Digest::of(asked.as_bytes()),
        }))
    }

    /// Where the record lies.
    #[must_use]
    pub fn key(&self) -> Key<Record> {
        keys::idempotency(&self.scope, &self.key)
    }

    /// The record that was found there, if it holds the answer to this request.
    ///
    /// # Errors
    /// [`BadRequest::IdempotencyMismatch`] when it is another request's.
    pub fn replay(
        asked: Option<&Self>,
        found: Option<Record>,
        now: Timestamp,
    ) -> Result<Option<Record>, BadRequest> {
        match (asked, found) {
            (Some(asked), Some(record)) if now < record.expires_at => {
                if record.fingerprint == asked.fingerprint {
                    Ok(Some(record))
                } else {
                    Err(BadRequest::IdempotencyMismatch)
                }
            }
            _ => Ok(None),
        }
    }

    /// The record of `answer`, for the operation's own transaction.
    #[must_use]
    pub fn record(&self, answer: &Answer, now: Timestamp) -> Record {
        Record {
            scope: self.scope.clone(),
            key: self.key.clone(),
            fingerprint: self.fingerprint.clone(),
            answer: answer.to_record(),
            expires_at: now + KEPT,
        }
    }
}
