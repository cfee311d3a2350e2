use std::collections::BTreeMap;

use http::{HeaderValue, StatusCode, header};
use lambda_http::{Body, Response};
use model::{Dead, Existing, Refusal};
use serde::Serialize;
use serde_json::{Value, json};
use store::Error;

use crate::Answer;

/// Where the types of problems are named. Nothing is served there; the last segment is the code.
const TYPES: &str = "https://muster.example/problems/";

/// Seconds after which a call that met an unavailable service is worth another try.
const UNAVAILABLE_FOR: u64 = 2;

/// Why there is no answer: an expected no, or a table that couldn't.
#[derive(Debug)]
pub enum Failure {
    /// An expected no.
    Refused(Refusal),
    /// The table couldn't, or the facts changed.
    Store(Error),
    /// Something that can't happen did.
    Internal(String),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Dead> for Failure {
    fn from(dead: Dead) -> Self {
        Self::Refused(dead.into())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => Self::Refused(refusal),
            other => Self::Store(other),
        }
    }
}

/// A problem as it is written down: status, code, title, and what this very case adds.
struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    extra: Vec<(&'static str, Value)>,
    headers: Vec<(header::HeaderName, String)>,
}

/// The problem as it is sent, RFC 9457.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    request_id: &'a str,
    #[serde(flatten)]
    extra: BTreeMap<&'static str, Value>,
}

impl Failure {
    /// The code, for the log.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.problem().code
    }

    /// The answer, RFC 9457. The cause of a 5xx is logged here, once, and stays out of the answer.
    #[must_use]
    pub fn respond(&self, request_id: &str) -> Response<Body> {
        match self {
            Self::Refused(_) => {}
            Self::Store(cause) => tracing::error!(request_id, %cause, "the table failed"),
            Self::Internal(cause) => tracing::error!(request_id, cause, "internal error"),
        }
        let problem = self.problem();
        let body = Document {
            kind: format!("{TYPES}{}", problem.code),
            title: problem.title,
            status: problem.status.as_u16(),
            detail: &problem.detail,
            code: problem.code,
            request_id,
            extra: problem.extra.into_iter().collect(),
        };
        let mut response = Answer::json(problem.status, &body);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        for (name, value) in problem.headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
        response
    }

    #[expect(clippy::too_many_lines, reason = "one table, one place")]
    fn problem(&self) -> Problem {
        use StatusCode as S;
        let plain = |status, code, title, detail: String| Problem {
            status,
            code,
            title,
            detail,
            extra: Vec::new(),
            headers: Vec::new(),
        };
        let refusal = match self {
            Self::Refused(refusal) => refusal,
            Self::Store(Error::Unavailable(_)) => {
                let detail = "the service can't do this right now; the same call, with the same `Idempotency-Key`, is safe to repeat";
                return Problem {
                    headers: vec![(header::RETRY_AFTER, UNAVAILABLE_FOR.to_string())],
                    ..plain(S::SERVICE_UNAVAILABLE, "unavailable", "Unavailable", detail.to_owned())
                };
            }
            Self::Store(_) | Self::Internal(_) => {
                let detail = "something went wrong on our side; name the request id when you report it";
                return plain(S::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail.to_owned());
            }
        };
        match refusal {
            Refusal::Validation(errors) => {
                let list: Vec<Value> =
                    errors.iter().map(|e| json!({"pointer": e.pointer, "detail": e.detail})).collect();
                let detail = match errors.as_slice() {
                    [one] if one.pointer.is_empty() => one.detail.clone(),
                    [one] => format!("`{}`: {}", one.pointer, one.detail),
                    many => format!("{} fields are wrong, see `errors`", many.len()),
                };
                Problem {
                    extra: vec![("errors", list.into())],
                    ..plain(S::UNPROCESSABLE_ENTITY, "validation", "The input is not valid", detail)
                }
            }
            Refusal::Malformed(detail) => {
                plain(S::BAD_REQUEST, "malformed", "The request can't be read", detail.clone())
            }
            Refusal::UnsupportedMediaType(detail) => {
                plain(S::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type", detail.clone())
            }
            Refusal::PayloadTooLarge(limit) => plain(
                S::PAYLOAD_TOO_LARGE,
                "payload-too-large",
                "The body is too large",
                format!("the body can have {limit} bytes"),
            ),
            Refusal::MethodNotAllowed(allow) => Problem {
                headers: vec![(header::ALLOW, allow.join(", "))],
                ..plain(
                    S::METHOD_NOT_ALLOWED,
                    "method-not-allowed",
                    "Method not allowed",
                    format!("this path answers to {}", allow.join(", ")),
                )
            },
            Refusal::Unauthenticated(reason) => {
                let (detail, challenge) = match reason {
                    None => ("send `Authorization: Bearer` with the token of a session", "Bearer"),
                    Some(reason) => (*reason, "Bearer error=\"invalid_token\""),
                };
                Problem {
                    headers: vec![(header::WWW_AUTHENTICATE, challenge.to_owned())],
                    ..plain(S::UNAUTHORIZED, "unauthenticated", "Not signed in", detail.to_owned())
                }
            }
            Refusal::Forbidden(denial) => Problem {
                extra: vec![("rule", denial.rule().name().into())],
                ..plain(S::FORBIDDEN, "forbidden", "Not allowed", denial.to_string())
            },
            Refusal::SignUpClosed => plain(
                S::FORBIDDEN,
                "forbidden",
                "Not allowed",
                "organizations can't sign up here by themselves, ask the platform's operator".to_owned(),
            ),
            Refusal::RoleNotGrantable(denial) => Problem {
                extra: vec![("rule", denial.rule().name().into())],
                ..plain(S::FORBIDDEN, "role-not-grantable", "This can't be given", denial.to_string())
            },
            Refusal::AccessRevoked(detail) => {
                plain(S::FORBIDDEN, "access-revoked", "No access any more", detail.clone())
            }
            Refusal::NotFound => {
                plain(S::NOT_FOUND, "not-found", "Not found", "there is nothing here for you".to_owned())
            }
            Refusal::InvitationPending(id) => Problem {
                extra: vec![
                    ("existing", existing(Existing::Invitation(*id, model::InvitationStatus::Pending))),
                    (
                        "actions",
                        json!([
                            {"rel": "resend", "method": "POST", "href": format!("invitations/{id}/resend")},
                            {"rel": "revoke", "method": "DELETE", "href": format!("invitations/{id}")},
                        ]),
                    ),
                ],
                ..plain(
                    S::CONFLICT,
                    "invitation-pending",
                    "Already invited",
                    "this address has an invitation that can still be accepted, send that one again or take it back"
                        .to_owned(),
                )
            },
            Refusal::AlreadyMember(member) => Problem {
                extra: member.map(|id| ("existing", existing(Existing::Member(id)))).into_iter().collect(),
                ..plain(
                    S::CONFLICT,
                    "already-member",
                    "Already a member",
                    "this address belongs to a member of the team".to_owned(),
                )
            },
            Refusal::EmailInUse => plain(
                S::CONFLICT,
                "email-in-use",
                "The address is used elsewhere",
                "this address belongs to another organization, and one of the two doesn't share addresses; use another"
                    .to_owned(),
            ),
            Refusal::OwnerRequired(denial) => Problem {
                extra: vec![("rule", denial.rule().name().into())],
                ..plain(S::CONFLICT, "owner-required", "A team has one owner", denial.to_string())
            },
            Refusal::InvitationExpired { renewable } => {
                let (detail, actions) = if *renewable {
                    (
                        "the link is past its time, ask for a fresh one",
                        json!([{"rel": "renew", "method": "POST", "href": "/v1/invitations/renew"}]),
                    )
                } else {
                    ("the link is past its time, ask who invited you to do it again", json!([]))
                };
                Problem {
                    extra: vec![("actions", actions)],
                    ..plain(S::GONE, "invitation-expired", "The link has expired", detail.to_owned())
                }
            }
            Refusal::InvitationRevoked(detail) => {
                plain(S::GONE, "invitation-revoked", "The invitation is over", (*detail).to_owned())
            }
            Refusal::InvitationDeclined => plain(
                S::GONE,
                "invitation-declined",
                "The invitation was declined",
                "it was turned down, a new one is needed".to_owned(),
            ),
            Refusal::InvitationAccepted => plain(
                S::GONE,
                "invitation-accepted",
                "The invitation was accepted",
                "it was accepted already, sign in instead".to_owned(),
            ),
            Refusal::SeatsExhausted(limit) => plain(
                S::PAYMENT_REQUIRED,
                "seats-exhausted",
                "No seat left",
                format!("all {limit} seats of the plan are taken, take an invitation or a membership back or get more seats"),
            ),
            Refusal::RecipientSuppressed => plain(
                S::UNPROCESSABLE_ENTITY,
                "recipient-suppressed",
                "The address takes no mail",
                "earlier mails to this address bounced or were marked as spam, use another address".to_owned(),
            ),
            Refusal::IdempotencyMismatch => plain(
                S::UNPROCESSABLE_ENTITY,
                "idempotency-mismatch",
                "The key was used for another request",
                "this `Idempotency-Key` came with another request before, use a fresh one".to_owned(),
            ),
            Refusal::Conflict(detail) => plain(S::CONFLICT, "conflict", "Conflict", (*detail).to_owned()),
            Refusal::Stale => plain(
                S::PRECONDITION_FAILED,
                "conflict",
                "Changed meanwhile",
                "it isn't the version that `If-Match` names any more, read it again".to_owned(),
            ),
            Refusal::RateLimited { retry_after, what } => Problem {
                headers: vec![(header::RETRY_AFTER, retry_after.to_string())],
                ..plain(
                    S::TOO_MANY_REQUESTS,
                    "rate-limited",
                    "Too often",
                    format!("too many {what}, try again in {retry_after} seconds"),
                )
            },
        }
    }
}

fn existing(existing: Existing) -> Value {
    match existing {
        Existing::Invitation(id, status) => json!({"id": id, "status": status.name()}),
        Existing::Member(id) => json!({"id": id, "status": "member"}),
    }
}
