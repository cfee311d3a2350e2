use std::time::Duration;

use http::{HeaderName, Method};
use model::{Digest, IdempotencyRecord, Refusal, Timestamp};
use serde::Serialize;
use store::{Key, keys};

use crate::{Answer, Request};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const KEPT: Duration = Duration::from_secs(86_400);
const LONGEST: usize = 255;

/// A request's `Idempotency-Key`: the same key and request get the same answer for a day.
pub struct Idempotency {
    scope: String,
    key: String,
    fingerprint: Digest,
}

/// What was found under the key.
pub enum Replay {
    /// Nothing: the request is done for the first time.
    Fresh,
    /// The answer that the same request got.
    Answered(IdempotencyRecord),
}

impl Replay {
    /// The answer to give again, if there is one.
    #[must_use]
    pub fn answer(&self) -> Option<Answer> {
        match self {
            Self::Fresh => None,
            Self::Answered(record) => Some(Answer::replayed(record)),
        }
    }
}

impl Idempotency {
    /// The key of a POST, if it has one. `scope` names whose key it is, so that two callers' never meet.
    ///
    /// # Errors
    /// [`Refusal::Malformed`].
    pub fn of(request: &Request, scope: &str) -> Result<Option<Self>, Refusal> {
        Self::of_public(request, scope, &request.bytes().escape_ascii().to_string())
    }

    /// The same for a request whose body holds a secret: `asked` is the body without it, since a digest over a
    /// password is a fast hash of it.
    ///
    /// # Errors
    /// [`Refusal::Malformed`].
    pub fn of_public(
        request: &Request,
        scope: &str,
        asked: &impl Serialize,
    ) -> Result<Option<Self>, Refusal> {
        if request.method() != Method::POST {
            return Ok(None);
        }
        let Some(key) = request.header(&HEADER)? else { return Ok(None) };
        let visible = key.bytes().all(|b| (0x20..0x7f).contains(&b));
        if key.trim().is_empty() || key.len() > LONGEST || !visible {
            let words = format!("an `Idempotency-Key` has 1 to {LONGEST} visible characters");
            return Err(Refusal::Malformed(words));
        }
        let asked = format!("{} {}", request.path(), crate::answer::render(asked));
        Ok(Some(Self {
            scope: scope.to_owned(),
            key: key.to_owned(),
            fingerprint: Digest::of(asked.as_bytes()),
        }))
    }

    /// Where the record lies.
    #[must_use]
    pub fn key(&self) -> Key<IdempotencyRecord> {
        keys::idempotency(&self.scope, &self.key)
    }

    /// What a record found there means.
    ///
    /// # Errors
    /// [`Refusal::IdempotencyMismatch`] when it is another request's.
    pub fn compare(&self, record: &IdempotencyRecord, now: Timestamp) -> Result<Replay, Refusal> {
        if record.expires_at <= now {
            Ok(Replay::Fresh)
        } else if record.fingerprint == self.fingerprint {
            Ok(Replay::Answered(record.clone()))
        } else {
            Err(Refusal::IdempotencyMismatch)
        }
    }

    /// The record of `answer`, for the operation's own transaction.
    #[must_use]
    pub fn record(&self, answer: &Answer, now: Timestamp) -> IdempotencyRecord {
        IdempotencyRecord {
            scope: self.scope.clone(),
            key: self.key.clone(),
            fingerprint: self.fingerprint.clone(),
            status: answer.status.as_u16(),
            location: answer.location.clone(),
            etag: answer.etag.clone(),
            body: answer.body.clone().unwrap_or_default(),
            expires_at: now + KEPT,
        }
    }
}
