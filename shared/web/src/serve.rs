use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use lambda_http::{Body, RequestExt as _, Response, service_fn};
use runtime::{Environment, SettingError, log};
use store::Error;

use crate::{Failure, Outcome, Request};

/// How long a request may take with all its rounds, tries and back-offs: shorter than a function's `Timeout`, so that it
/// is answered rather than killed, with room for a cold start before it. What was being written when it ended may have
/// been written; the same `Idempotency-Key` finds out.
pub const DEADLINE: Duration = Duration::from_secs(15);

/// A function behind the gateway.
pub trait Function: Sized + Send + Sync + 'static {
    /// Makes the function, once in the life of a process.
    ///
    /// # Errors
    /// When a setting is missing or can't be read.
    fn new(environment: &Environment) -> Result<Self, SettingError>;

    /// Handles one request.
    fn handle(&self, request: &Request) -> impl Future<Output = Outcome> + Send;
}

/// Answers one request, whatever becomes of it, and writes the one line of log about it: what was asked for and how it
/// ended, nothing of what was in it.
pub async fn answer<F: Function>(
    function: &F,
    event: lambda_http::Request,
    environment: &Environment,
) -> Response<Body> {
    let started = Instant::now();
    let id = event.lambda_context_ref().map(|context| context.request_id.clone()).unwrap_or_default();
    let upgrade_url = environment.variables.get("UPGRADE_URL");
    let request = Request::new(event, environment.invocation(id), upgrade_url);
    let id = request.invocation().request_id();
    let handled = tokio::time::timeout(DEADLINE, function.handle(&request)).await;
    let outcome = handled.unwrap_or_else(|_| {
        let cause = format!("no answer within {} seconds", DEADLINE.as_secs());
        Err(Failure::Store(Error::Unavailable(cause)))
    });
    let (response, code) = match outcome {
        Ok(answer) if request.method() == Method::HEAD => (answer.without_body().respond(), None),
        Ok(answer) => (answer.respond(), None),
        Err(failure) => (failure.respond(id), Some(failure.code())),
    };
    let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let status: StatusCode = response.status();
    tracing::info!(
        request_id = id,
        method = request.method().as_str(),
        path = request.path(),
        status = status.as_u16(),
        code,
        millis,
        "request"
    );
    response
}

/// Runs the function until Lambda ends it.
///
/// # Errors
/// When it can't start, or the runtime API fails.
pub async fn run<F: Function>() -> Result<(), lambda_http::Error> {
    let environment = Environment::of_process();
    log::init(&environment.variables)?;
    let function = Arc::new(F::new(&environment)?);
    lambda_http::run(service_fn(move |event: lambda_http::Request| {
        let (function, environment) = (Arc::clone(&function), environment.clone());
        async move { Ok::<_, std::convert::Infallible>(answer(&*function, event, &environment).await) }
    }))
    .await
}
