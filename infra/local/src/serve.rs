//! The stack on its ports: gateway and pages, Lambda's Invoke API, and the clock.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use model::Clock as _;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::stack::bind;
use crate::{BoxError, Call, Reply, Stack, docs};

/// What API Gateway takes at most.
const LARGEST: usize = 10 * 1024 * 1024;
/// How often stream and queues are looked at, and the file is written.
const PUMP: Duration = Duration::from_millis(50);
const SAVE: Duration = Duration::from_secs(1);

/// The gateway's listener, bound before anything is made.
pub struct Served(TcpListener);

impl Served {
    /// Takes the gateway's port.
    ///
    /// # Errors
    /// When it is taken.
    pub async fn bind(port: u16) -> Result<Self, BoxError> {
        Ok(Self(bind(port, "--port").await?.0))
    }

    /// Where the gateway answers.
    ///
    /// # Errors
    /// When the system doesn't say.
    pub fn url(&self) -> Result<String, BoxError> {
        Ok(format!("http://{}", self.0.local_addr()?))
    }

    /// Serves until `stop`; moves what waits and keeps the file meanwhile.
    ///
    /// # Errors
    /// When the port or the file fails.
    pub async fn run(
        self,
        stack: Arc<Stack>,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), BoxError> {
        let pumping = tokio::spawn(pump(Arc::clone(&stack)));
        let router = Router::new()
            .route("/_local/clock", post(clock))
            .route("/_local/feedback", post(feedback))
            .route("/_local/events", get(events))
            .merge(docs::router())
            .route("/2015-03-31/functions/{name}/invocations", post(invoke))
            .fallback(gateway)
            .layer(DefaultBodyLimit::max(LARGEST))
            .with_state(Arc::clone(&stack));
        axum::serve(self.0, router).with_graceful_shutdown(stop).await?;
        pumping.abort();
        stack.save()
    }
}

async fn pump(stack: Arc<Stack>) {
    let mut saved = tokio::time::Instant::now();
    let mut changed = false;
    loop {
        match stack.pump(true).await {
            Ok(handled) => changed |= handled,
            Err(error) => complain(&error),
        }
        // requests are kept as they are answered; this keeps what follows from them, and what comes through the table's port
        if saved.elapsed() > SAVE && (changed || saved.elapsed() > SAVE * 5) {
            keep(&stack);
            (saved, changed) = (tokio::time::Instant::now(), false);
        }
        tokio::time::sleep(PUMP).await;
    }
}

fn keep(stack: &Stack) {
    if let Err(error) = stack.save() {
        complain(&error);
    }
}

#[expect(clippy::print_stderr, reason = "the terminal is where the developer looks")]
fn complain(error: &BoxError) {
    eprintln!("local: {error}");
}

async fn gateway(
    State(stack): State<Arc<Stack>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let readable = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let call = Call {
        method: method.to_string(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        headers: headers.iter().map(|(name, value)| (name.to_string(), readable(value))).collect(),
        body: body.to_vec(),
        source: None,
    };
    let reads = method == Method::GET || method == Method::HEAD;
    let answered = stack.call(call).await;
    // what was answered has to be in the file, whatever ends this process next
    if !reads {
        keep(&stack);
    }
    match answered {
        Ok(reply) => reply.into_response(),
        Err(error) => {
            // as API Gateway answers for a function that broke
            complain(&error);
            json_answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({"message": "Internal Server Error"}))
        }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_GATEWAY);
        for (name, value) in self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

fn json_answer(status: StatusCode, body: &serde_json::Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    advance_seconds: u64,
}

/// Moves time for everything, and removes what has expired by then.
async fn clock(State(stack): State<Arc<Stack>>, body: Bytes) -> Response {
    let Ok(Advance { advance_seconds }) = serde_json::from_slice(&body) else {
        let words = json!({"message": "send {\"advance_seconds\": n}"});
        return json_answer(StatusCode::BAD_REQUEST, &words);
    };
    stack.clock().advance(Duration::from_secs(advance_seconds));
    let swept = stack.sweep().await;
    keep(&stack);
    match swept {
        Ok(swept) => json_answer(StatusCode::OK, &json!({"now": stack.clock().now(), "swept": swept})),
        Err(error) => json_answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({"message": error.to_string()})),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Feedback {
    to: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    reason: String,
}

/// Sends the event that SES would.
async fn feedback(State(stack): State<Arc<Stack>>, body: Bytes) -> Response {
    let Ok(Feedback { to, kind, reason }) = serde_json::from_slice(&body) else {
        let words =
            json!({"message": "send {\"to\": address, \"type\": \"bounce\", \"reason\": \"mailbox full\"}"});
        return json_answer(StatusCode::BAD_REQUEST, &words);
    };
    let sent = stack.feedback(&to, &kind, &reason).await;
    keep(&stack);
    match sent {
        Ok(event) => json_answer(StatusCode::OK, &event),
        Err(error) => json_answer(StatusCode::BAD_REQUEST, &json!({"message": error.to_string()})),
    }
}

#[derive(Deserialize)]
struct Filter {
    tenant: Option<String>,
}

/// The last events that were published, the newest last; of one tenant, where one is named.
async fn events(State(stack): State<Arc<Stack>>, Query(filter): Query<Filter>) -> Response {
    let of = |event: &serde_json::Value, tenant: &str| {
        event.pointer("/detail/tenant_id").and_then(serde_json::Value::as_str) == Some(tenant)
    };
    let mut published = stack.published();
    published.retain(|event| filter.tenant.as_deref().is_none_or(|tenant| of(event, tenant)));
    json_answer(StatusCode::OK, &published.into())
}

/// A function's name in the ways that Lambda takes it: alone, as a (partial) ARN, each with a version or alias behind it.
fn function_name(text: &str) -> &str {
    match text.split(':').collect::<Vec<_>>().as_slice() {
        [.., "function", name] | [.., "function", name, _] | [name, _] | [name] => name,
        _ => text,
    }
}

/// What Lambda's own API says is wrong.
fn refused(status: StatusCode, code: &'static str, message: String) -> Response {
    let mut response = json_answer(status, &json!({"Type": "User", "Message": message}));
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(code));
    response
}

/// Lambda's Invoke API.
///
/// <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>
async fn invoke(
    State(stack): State<Arc<Stack>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let name = function_name(&name).to_owned();
    if !stack.has_function(&name) {
        let message = format!("Function not found: {name}");
        return refused(StatusCode::NOT_FOUND, "ResourceNotFoundException", message);
    }
    let event = if body.is_empty() { b"{}".to_vec() } else { body.to_vec() };
    if serde_json::from_slice::<serde::de::IgnoredAny>(&event).is_err() {
        let message = "Could not parse request body into json".to_owned();
        return refused(StatusCode::BAD_REQUEST, "InvalidRequestContentException", message);
    }
    let kind = headers.get("x-amz-invocation-type").and_then(|value| value.to_str().ok());
    let mut response = match kind.unwrap_or("RequestResponse") {
        "DryRun" => StatusCode::NO_CONTENT.into_response(),
        "Event" => {
            tokio::spawn(async move {
                if let Err(error) = stack.invoke(&name, event, Uuid::now_v7().to_string()).await {
                    complain(&format!("{name}, invoked as an event: {error}").into());
                }
                keep(&stack);
            });
            StatusCode::ACCEPTED.into_response()
        }
        "RequestResponse" => {
            let answered = stack.invoke(&name, event, Uuid::now_v7().to_string()).await;
            keep(&stack);
            match answered {
                Ok(answer) => {
                    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], answer).into_response()
                }
                Err(error) => {
                    let body = json!({"errorType": "Unhandled", "errorMessage": error.to_string()});
                    let mut response = json_answer(StatusCode::OK, &body);
                    let unhandled = HeaderValue::from_static("Unhandled");
                    response.headers_mut().insert("x-amz-function-error", unhandled);
                    response
                }
            }
        }
        other => {
            let message = format!("`{other}` is none of RequestResponse, Event, DryRun");
            return refused(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message);
        }
    };
    response.headers_mut().insert("x-amz-executed-version", HeaderValue::from_static("$LATEST"));
    response
}

#[cfg(test)]
mod tests {
    use super::function_name;

    #[test]
    fn a_function_is_named_in_the_ways_that_lambda_takes() {
        for name in [
            "operate",
            "operate:$LATEST",
            "123456789012:function:operate",
            "arn:aws:lambda:eu-central-1:123456789012:function:operate",
            "arn:aws:lambda:eu-central-1:123456789012:function:operate:live",
        ] {
            assert_eq!(function_name(name), "operate", "{name}");
        }
    }
}
