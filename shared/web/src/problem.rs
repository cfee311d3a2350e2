//! The one table of statuses, codes and words: what every failure looks like to a client, RFC 9457.

use std::collections::BTreeMap;
use std::fmt::Display;

use http::{HeaderName, HeaderValue, StatusCode, header};
use lambda_http::{Body, Response};
use model::Refusal;
use policy::Denial;
use serde::Serialize;
use serde_json::{Value, json};
use store::Error;

use crate::{Answer, BadRequest, Failure, Route, Unproven};
use StatusCode as S;

/// Where the types of problems are named. Nothing is served there; the last segment is the code.
const TYPES: &str = "https://muster.example/problems/";

/// Seconds after which a call that met an unavailable service is worth another try.
const UNAVAILABLE_FOR: u64 = 2;

/// A problem as it is written down: status, code, title, and what this very case adds.
struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    extra: Vec<(&'static str, Value)>,
    headers: Vec<(HeaderName, String)>,
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
            Self::Request(_) | Self::Refused(_) => {}
            Self::Store(cause) => tracing::error!(%cause, "the table failed"),
            Self::Internal(cause) => tracing::error!(cause, "internal error"),
        }
        let problem = self.problem();
        let document = Document {
            kind: format!("{TYPES}{}", problem.code),
            title: problem.title,
            status: problem.status.as_u16(),
            detail: &problem.detail,
            code: problem.code,
            request_id,
            extra: problem.extra.into_iter().collect(),
        };
        let mut response = Answer::problem(problem.status, &document);
        for (name, value) in problem.headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    fn problem(&self) -> Problem {
        match self {
            Self::Request(bad) => bad.problem(),
            Self::Refused(refusal) => refused(refusal),
            Self::Store(Error::Unavailable(_)) => {
                let detail = "the service can't do this right now; the same call, with the same `Idempotency-Key`, is safe to repeat";
                plain(S::SERVICE_UNAVAILABLE, "unavailable", "Unavailable", detail)
                    .header(header::RETRY_AFTER, UNAVAILABLE_FOR)
            }
            Self::Store(_) | Self::Internal(_) => {
                let detail = "something went wrong on our side; name the request id when you report it";
                plain(S::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
            }
        }
    }
}

fn plain(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Problem {
    Problem { status, code, title, detail: detail.into(), extra: Vec::new(), headers: Vec::new() }
}

/// A refusal by a rule of the policy.
fn denied(status: StatusCode, code: &'static str, title: &'static str, denial: &Denial) -> Problem {
    plain(status, code, title, denial.to_string()).extra("rule", denial.rule().name())
}

impl Problem {
    fn extra(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.extra.push((name, value.into()));
        self
    }

    fn header(mut self, name: HeaderName, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

impl BadRequest {
    fn problem(&self) -> Problem {
        match self {
            Self::Validation(errors) => {
                let list: Vec<Value> =
                    errors.iter().map(|e| json!({"pointer": e.pointer, "detail": e.detail})).collect();
                let detail = match errors.as_slice() {
                    [one] if one.pointer.is_empty() => one.detail.clone(),
                    [one] => format!("`{}`: {}", one.pointer, one.detail),
                    many => format!("{} fields are wrong, see `errors`", many.len()),
                };
                plain(S::UNPROCESSABLE_ENTITY, "validation", "The input is not valid", detail)
                    .extra("errors", list)
            }
            Self::Malformed(detail) => {
                plain(S::BAD_REQUEST, "malformed", "The request can't be read", detail)
            }
            Self::UnsupportedMediaType(detail) => {
                plain(S::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type", detail)
            }
            Self::PayloadTooLarge(limit) => {
                let detail = format!("the body can have {limit} bytes");
                plain(S::PAYLOAD_TOO_LARGE, "payload-too-large", "The body is too large", detail)
            }
            Self::MethodNotAllowed(allow) => {
                let allow = allow.join(", ");
                let detail = format!("this path answers to {allow}");
                plain(S::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail)
                    .header(header::ALLOW, allow)
            }
            Self::UnknownPath { but_for_slash } => {
                let detail = if *but_for_slash {
                    "a path has no slash at its end here, leave it out"
                } else {
                    "there is no such path; those of the API begin with `/v1` and stand in its OpenAPI document"
                };
                plain(S::NOT_FOUND, "not-found", "Not found", detail)
            }
            Self::Unauthenticated(unproven) => {
                let (detail, challenge) = match unproven {
                    Unproven::Nothing => {
                        ("send `Authorization: Bearer` with the token of a session", "Bearer")
                    }
                    Unproven::OtherScheme => (
                        "send `Authorization: Bearer` with the token of a session, no other scheme is spoken",
                        "Bearer",
                    ),
                    Unproven::Token => {
                        ("the session is unknown or over, sign in again", "Bearer error=\"invalid_token\"")
                    }
                    // no token was shown that could be invalid
                    Unproven::Password(words) => (*words, "Bearer"),
                };
                plain(S::UNAUTHORIZED, "unauthenticated", "Not signed in", detail)
                    .header(header::WWW_AUTHENTICATE, challenge)
            }
            Self::Stale => plain(
                S::PRECONDITION_FAILED,
                "conflict",
                "Changed meanwhile",
                "it isn't the version that `If-Match` names any more, read it again",
            ),
            Self::IdempotencyMismatch => plain(
                S::UNPROCESSABLE_ENTITY,
                "idempotency-mismatch",
                "The key was used for another request",
                "this `Idempotency-Key` came with another request before, use a fresh one",
            ),
        }
    }
}

/// Something that a client can do about it: a route with these ids in its path.
pub(crate) fn action(rel: &str, route: Route, ids: &[&dyn Display]) -> Value {
    json!({"rel": rel, "method": route.method(), "href": route.location(ids)})
}

fn refused(refusal: &Refusal) -> Problem {
    match refusal {
        Refusal::Forbidden(denial) => denied(S::FORBIDDEN, "forbidden", "Not allowed", denial),
        Refusal::RoleNotGrantable(denial) => {
            denied(S::FORBIDDEN, "role-not-grantable", "This can't be given", denial)
        }
        Refusal::OwnerRequired(denial) => {
            denied(S::CONFLICT, "owner-required", "A team has one owner", denial)
        }
        Refusal::SignUpClosed => plain(
            S::FORBIDDEN,
            "forbidden",
            "Not allowed",
            "organizations can't sign up here by themselves, ask the platform's operator",
        ),
        Refusal::AccessRevoked(detail) => plain(S::FORBIDDEN, "access-revoked", "No access any more", detail),
        Refusal::NotFound => plain(
            S::NOT_FOUND,
            "not-found",
            "Not found",
            "there is no such thing, or it belongs to another organization",
        ),
        Refusal::InvitationPending(tenant, id) => plain(
            S::CONFLICT,
            "invitation-pending",
            "Already invited",
            "this address has an invitation that can still be accepted, send that one again or take it back",
        )
        .extra("existing", json!({"id": id, "status": "pending"}))
        .extra(
            "actions",
            vec![
                action("resend", Route::ResendInvitation, &[tenant, id]),
                action("revoke", Route::RevokeInvitation, &[tenant, id]),
            ],
        ),
        Refusal::AlreadyMember(member) => {
            let detail = "this address belongs to a member of the team";
            let problem = plain(S::CONFLICT, "already-member", "Already a member", detail);
            match member {
                Some(id) => problem.extra("existing", json!({"id": id, "status": "member"})),
                None => problem,
            }
        }
        Refusal::EmailInUse => plain(
            S::CONFLICT,
            "email-in-use",
            "The address is used elsewhere",
            "this address is somebody's already, in this organization or in another that doesn't share addresses; use another",
        ),
        Refusal::InvitationExpired { renewable: true } => plain(
            S::GONE,
            "invitation-expired",
            "The link has expired",
            "the link is past its time, ask for a fresh one",
        )
        .extra(
            "actions",
            vec![
                action("renew", Route::RenewInvitation, &[]),
                action("decline", Route::DeclineInvitation, &[]),
            ],
        ),
        Refusal::InvitationExpired { renewable: false } => plain(
            S::GONE,
            "invitation-expired",
            "The link has expired",
            "the link is past its time, ask for a new invitation, or sign up again",
        )
        .extra("actions", json!([])),
        Refusal::InvitationRevoked(detail) => {
            plain(S::GONE, "invitation-revoked", "The invitation is over", *detail)
        }
        Refusal::InvitationOnHold(detail) => plain(S::CONFLICT, "invitation-on-hold", "Not now", *detail),
        Refusal::InvitationDeclined => plain(
            S::GONE,
            "invitation-declined",
            "The invitation was declined",
            "it was turned down, a new one is required",
        ),
        Refusal::InvitationAccepted => plain(
            S::GONE,
            "invitation-accepted",
            "The invitation was accepted",
            "it was accepted already, sign in instead",
        ),
        Refusal::ResetOver => plain(
            S::NOT_FOUND,
            "not-found",
            "The link is over",
            "a link for a new password works once, for an hour, and until the password is changed otherwise; ask for another",
        )
        .extra("actions", vec![action("ask-again", Route::AskForReset, &[])]),
        Refusal::EmailProofOver => plain(
            S::NOT_FOUND,
            "not-found",
            "The link is over",
            "a link to a new address works once, for an hour, and until the password or the address is another one; ask for another",
        )
        .extra("actions", vec![action("ask-again", Route::AskForNewEmail, &[])]),
        Refusal::EmailReturnOver => plain(
            S::NOT_FOUND,
            "not-found",
            "The link is over",
            "a link that takes an old address back works once, for seven days; ask an admin of your team",
        ),
        Refusal::PlanRequired(url) => plain(
            S::PAYMENT_REQUIRED,
            "plan-required",
            "The plan is for one person",
            "the plan is for one person, the owner can get one for a team",
        )
        .extra(
            "actions",
            url.iter().map(|url| json!({"rel": "upgrade", "method": "GET", "href": url})).collect::<Vec<_>>(),
        ),
        Refusal::SeatsExhausted { used, limit } => plain(
            S::PAYMENT_REQUIRED,
            "seats-exhausted",
            "No seat left",
            format!(
                "{used} of {limit} seats of the plan are taken, take an invitation or a membership back or get more seats"
            ),
        )
        .extra("seats", json!({"used": used, "limit": limit})),
        Refusal::TeamFull => plain(
            S::PAYMENT_REQUIRED,
            "seats-exhausted",
            "No seat left",
            "the team has no free seat at the moment, ask who invited you to make one",
        ),
        Refusal::RecipientSuppressed => plain(
            S::UNPROCESSABLE_ENTITY,
            "recipient-suppressed",
            "The address takes no mail",
            "earlier mails to this address bounced or were marked as spam, use another address",
        ),
        Refusal::ReviewOpen(tenant, id) => plain(
            S::CONFLICT,
            "conflict",
            "A review goes on",
            "there is one review of a team at a time, close the one that goes on first",
        )
        .extra("existing", json!({"id": id, "status": "open"}))
        .extra(
            "actions",
            vec![
                action("read", Route::ReadReview, &[tenant, id]),
                action("close", Route::CloseReview, &[tenant, id]),
            ],
        ),
        Refusal::Conflict(detail) => plain(S::CONFLICT, "conflict", "Conflict", *detail),
        Refusal::RateLimited { retry_after, what } => plain(
            S::TOO_MANY_REQUESTS,
            "rate-limited",
            "Too often",
            format!("too many {what}, try again in {retry_after} seconds"),
        )
        .header(header::RETRY_AFTER, retry_after),
    }
}
