use std::time::Duration;

use http::{HeaderName, Method};
use model::{Digest, Timestamp};
use serde::Serialize;
use store::keys::{self, Scope};
use store::{Key, Record};

use crate::answer::render;
use crate::{Answer, BadRequest, Request};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const KEPT: Duration = Duration::from_secs(86_400);
const LONGEST: usize = 255;

/// A request's `Idempotency-Key`, where it has one: the same key and request get the same answer for a day.
pub struct Idempotency {
    asked: Option<Asked>,
    now: Timestamp,
}

struct Asked {
    scope: String,
    key: String,
    fingerprint: Digest,
}

impl Idempotency {
    /// The key of a POST. `scope` is whose key it is, so that two callers' never meet.
    ///
    /// # Errors
    /// [`BadRequest::Malformed`].
    pub fn of(request: &Request, scope: Scope<'_>) -> Result<Self, BadRequest> {
        if request.method() != Method::POST || request.header(&HEADER)?.is_none() {
            return Ok(Self::none(request));
        }
        Self::redacted(request, scope, &request.bytes()?.escape_ascii().to_string())
    }

    /// The same for a request whose body holds a secret: `asked` is the body without it, since a digest over a
    /// password is a fast hash of it.
    ///
    /// # Errors
    /// [`BadRequest::Malformed`].
    pub fn redacted(request: &Request, scope: Scope<'_>, asked: &impl Serialize) -> Result<Self, BadRequest> {
        let now = request.now();
        let Some(key) = request.header(&HEADER)? else {
            return Ok(Self { asked: None, now });
        };
        let visible = key.bytes().all(|b| (0x20..0x7f).contains(&b));
        if key.trim().is_empty() || key.len() > LONGEST || !visible {
            let words = format!("an `Idempotency-Key` has 1 to {LONGEST} visible characters");
            return Err(BadRequest::Malformed(words));
        }
        let fingerprint = Digest::of(format!("{} {}", request.path(), render(asked)).as_bytes());
        Ok(Self { asked: Some(Asked { scope: scope.to_string(), key: key.to_owned(), fingerprint }), now })
    }

    /// Of a request that changes nothing, whatever headers it has.
    #[must_use]
    pub const fn none(request: &Request) -> Self {
        Self { asked: None, now: request.now() }
    }

    /// Where the record lies.
    #[must_use]
    pub fn wants(&self) -> Option<Key<Record>> {
        self.asked.as_ref().map(|asked| keys::idempotency(&asked.scope, &asked.key))
    }

    /// The record that was found there, if it holds the answer to this request.
    ///
    /// # Errors
    /// [`BadRequest::IdempotencyMismatch`] when it is another request's.
    pub fn answered(&self, found: Option<Record>) -> Result<Option<Record>, BadRequest> {
        match (&self.asked, found) {
            (Some(asked), Some(record)) if self.now < record.expires_at => {
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
    pub fn record(&self, answer: &Answer) -> Option<Record> {
        self.asked.as_ref().map(|asked| Record {
            scope: asked.scope.clone(),
            key: asked.key.clone(),
            fingerprint: asked.fingerprint.clone(),
            answer: answer.to_record(),
            expires_at: self.now + KEPT,
        })
    }
}
