//! The mailbox: takes what SES v2's `SendEmail` is asked to send, and keeps it to be read; says of itself what SES says of an
//! account.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use model::{Clock as _, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::LocalClock;

/// A mail that was sent.
#[derive(Clone, Debug, Serialize)]
pub struct SentMail {
    /// What SES calls it.
    pub id: String,
    /// The sender.
    pub from: String,
    /// The addressee.
    pub to: String,
    /// Where an answer goes, where that isn't the sender.
    pub reply_to: Option<String>,
    /// The subject.
    pub subject: String,
    /// The body as text.
    pub text: String,
    /// The body as HTML.
    pub html: String,
    /// What it is marked with.
    pub tags: Value,
    /// The configuration set that its events are published by.
    pub configuration_set: Option<String>,
    /// The link in it, if there is one.
    pub link: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// How SES fails, for the tests: the next sends answer with this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailboxFault {
    /// Too many a second.
    Throttled,
    /// It will never take this one.
    Rejected,
    /// It answers this: the status, the code, and what it says to it.
    Says(u16, &'static str, &'static str),
}

/// How SES stands to the account and the sender: as it does once everything is set up.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Whether it is out of the sandbox.
    pub is_in_production: bool,
    /// Whether it may send.
    pub may_send: bool,
    /// Identities that it knows, and whether each is verified.
    pub identities: Vec<(String, bool)>,
    /// Addresses that SES itself sends nothing to.
    pub suppressed: Vec<String>,
}

impl Default for Standing {
    fn default() -> Self {
        let identities = vec![("muster.example".to_owned(), true)];
        Self { is_in_production: true, may_send: true, identities, suppressed: Vec::new() }
    }
}

/// The mailbox.
#[derive(Clone)]
pub struct Mailbox {
    inner: Arc<Mutex<Inner>>,
    clock: LocalClock,
}

#[derive(Clone, Default)]
struct Inner {
    sent: Vec<SentMail>,
    faults: Vec<MailboxFault>,
    standing: Standing,
}

impl Mailbox {
    pub(crate) fn new(clock: LocalClock) -> Self {
        Self { inner: Arc::default(), clock }
    }

    /// A mailbox of its own with the same mails.
    pub(crate) fn fork(&self, clock: LocalClock) -> Self {
        Self { inner: Arc::new(Mutex::new(self.inner().clone())), clock }
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The mails to an address, oldest first; all of them for none.
    #[must_use]
    pub fn to(&self, address: Option<&str>) -> Vec<SentMail> {
        let wanted = |mail: &&SentMail| address.is_none_or(|a| mail.to.eq_ignore_ascii_case(a));
        self.inner().sent.iter().filter(wanted).cloned().collect()
    }

    /// Makes the next sends fail, one after the other.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = MailboxFault>) {
        self.inner().faults.extend(faults);
    }

    /// Has SES stand otherwise to the account. What it sends doesn't depend on it.
    pub fn stand(&self, standing: Standing) {
        self.inner().standing = standing;
    }

    fn take(&self, request: &Value) -> Result<String, MailboxFault> {
        let text =
            |pointer: &str| request.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut inner = self.inner();
        if !inner.faults.is_empty() {
            return Err(inner.faults.remove(0));
        }
        let id = Uuid::now_v7().to_string();
        let body = text("/Content/Simple/Body/Text/Data");
        inner.sent.push(SentMail {
            id: id.clone(),
            from: text("/FromEmailAddress"),
            to: text("/Destination/ToAddresses/0"),
            reply_to: request.pointer("/ReplyToAddresses/0").and_then(Value::as_str).map(str::to_owned),
            subject: text("/Content/Simple/Subject/Data"),
            link: body.split_whitespace().find(|word| word.starts_with("http")).map(str::to_owned),
            text: body,
            html: text("/Content/Simple/Body/Html/Data"),
            tags: request.get("EmailTags").cloned().unwrap_or_default(),
            configuration_set: request.get("ConfigurationSetName").and_then(Value::as_str).map(str::to_owned),
            at: self.clock.now(),
        });
        Ok(id)
    }

    /// SES v2's API and the pages to read mail on.
    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/v2/email/outbound-emails", post(send))
            .route("/v2/email/account", get(account))
            .route("/v2/email/identities/{identity}", get(identity))
            .route("/v2/email/suppression/addresses/{email}", get(suppressed))
            .route("/messages", get(messages))
            .route("/messages/{id}", get(message))
            .route("/", get(page))
            .with_state(self.clone())
    }
}

fn json_answer(status: StatusCode, body: &impl Serialize) -> Response {
    let body = serde_json::to_string(body).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn refused(status: StatusCode, code: &'static str, message: &str) -> Response {
    let mut response = json_answer(status, &json!({ "message": message }));
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(code));
    response
}

fn missing(message: &str) -> Response {
    refused(StatusCode::NOT_FOUND, "NotFoundException", message)
}

/// <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html>
async fn account(State(mailbox): State<Mailbox>) -> Response {
    let day = std::time::Duration::from_secs(86_400);
    let now = mailbox.clock.now();
    let inner = mailbox.inner();
    let sent = inner.sent.iter().filter(|mail| now < mail.at + day).count();
    let Standing { is_in_production, may_send, .. } = inner.standing;
    // as SES has it in the sandbox, and soon after
    let (of_a_day, a_second) = if is_in_production { (50_000, 14) } else { (200, 1) };
    let answer = json!({
        "DedicatedIpAutoWarmupEnabled": false,
        "EnforcementStatus": if may_send { "HEALTHY" } else { "SHUTDOWN" },
        "ProductionAccessEnabled": is_in_production,
        "SendQuota": {"Max24HourSend": of_a_day, "MaxSendRate": a_second, "SentLast24Hours": sent},
        "SendingEnabled": may_send,
    });
    json_answer(StatusCode::OK, &answer)
}

/// <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetEmailIdentity.html>
async fn identity(State(mailbox): State<Mailbox>, Path(name): Path<String>) -> Response {
    let inner = mailbox.inner();
    let known = inner.standing.identities.iter().find(|(known, _)| *known == name);
    let Some((_, is_verified)) = known else {
        return missing("Email identity does not exist.");
    };
    let status = if *is_verified { "SUCCESS" } else { "PENDING" };
    let answer = json!({
        "IdentityType": if name.contains('@') { "EMAIL_ADDRESS" } else { "DOMAIN" },
        "VerifiedForSendingStatus": is_verified,
        "VerificationStatus": status,
        "DkimAttributes": {"SigningEnabled": true, "Status": status},
        "MailFromAttributes": {
            "MailFromDomain": format!("bounce.{name}"),
            "MailFromDomainStatus": status,
            "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
        },
    });
    json_answer(StatusCode::OK, &answer)
}

/// <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetSuppressedDestination.html>
async fn suppressed(State(mailbox): State<Mailbox>, Path(email): Path<String>) -> Response {
    let inner = mailbox.inner();
    if !inner.standing.suppressed.contains(&email) {
        return missing("Email address does not exist on your suppression list.");
    }
    let since = mailbox.clock.now().unix_seconds();
    let answer = json!({"SuppressedDestination": {"EmailAddress": email, "Reason": "BOUNCE", "LastUpdateTime": since}});
    json_answer(StatusCode::OK, &answer)
}

async fn send(State(mailbox): State<Mailbox>, body: Bytes) -> Response {
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return json_answer(StatusCode::BAD_REQUEST, &json!({"message": "not JSON"}));
    };
    match mailbox.take(&request) {
        Ok(id) => json_answer(StatusCode::OK, &json!({ "MessageId": id })),
        Err(MailboxFault::Throttled) => refused(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequestsException",
            "Maximum sending rate exceeded.",
        ),
        Err(MailboxFault::Rejected) => {
            refused(StatusCode::BAD_REQUEST, "MessageRejected", "Transaction failed: not a mailbox.")
        }
        Err(MailboxFault::Says(status, code, words)) => {
            refused(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), code, words)
        }
    }
}

#[derive(Deserialize)]
struct Filter {
    to: Option<String>,
}

async fn messages(State(mailbox): State<Mailbox>, Query(filter): Query<Filter>) -> Response {
    json_answer(StatusCode::OK, &mailbox.to(filter.to.as_deref()))
}

/// One mail, as a mail program shows it.
async fn message(State(mailbox): State<Mailbox>, Path(id): Path<String>) -> Response {
    let html = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation",
        ),
    ];
    match mailbox.to(None).into_iter().find(|mail| mail.id == id) {
        Some(mail) => (html, mail.html.replacen("<head>", "<head><base target=\"_top\">", 1)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[derive(askama::Template)]
#[template(
    ext = "html",
    source = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Mailbox</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
details { border: 1px solid #8886; border-radius: 6px; margin: 0 0 .75rem; padding: .5rem .75rem; }
summary { cursor: pointer; } summary b { margin-right: .5rem; } time { color: #888; font-size: .85rem; float: right; }
iframe { width: 100%; height: 30rem; border: 0; margin-top: .5rem; background: #f3f4f1; }
</style>
</head>
<body>
<h1>Mailbox</h1>
{% if mails.is_empty() %}<p>No mail yet. Reload this page when something was sent.</p>{% endif %}
{% for mail in mails %}<details{% if loop.first %} open{% endif %}>
<summary><b>{{ mail.to }}</b> {{ mail.subject }} <time>{{ mail.at }}</time></summary>
<iframe src="/messages/{{ mail.id }}" title="{{ mail.subject }} to {{ mail.to }}" loading="lazy"></iframe>
</details>
{% endfor %}
</body>
</html>
"#
)]
struct Page {
    mails: Vec<SentMail>,
}

async fn page(State(mailbox): State<Mailbox>) -> Response {
    let mut mails = mailbox.to(None);
    mails.reverse();
    let page = askama::Template::render(&Page { mails }).unwrap_or_default();
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}
