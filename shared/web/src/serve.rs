use std::sync::Arc;
use std::time::Instant;

use http::StatusCode;
use lambda_http::{Body, Response, service_fn};
use model::Timestamp;
use runtime::{Clock, Environment, SettingError, log};

use crate::{Outcome, Request};

/// A function behind the gateway.
pub trait Function: Sized + Send + Sync + 'static {
    /// Makes the function, once in the life of a process.
    ///
    /// # Errors
    /// When a setting is missing or can't be read.
    fn new(environment: &Environment) -> Result<Self, SettingError>;

    /// Handles one request.
    fn handle(&self, request: &Request, now: Timestamp) -> impl Future<Output = Outcome> + Send;
}

/// Answers one request, whatever becomes of it, and writes the one line of log about it: what was asked for and how it
/// ended, nothing of what was in it.
pub async fn answer<F: Function>(
    function: &F,
    event: lambda_http::Request,
    clock: &dyn Clock,
) -> Response<Body> {
    let started = Instant::now();
    let request = Request::new(event);
    let (response, code) = match function.handle(&request, clock.now()).await {
        Ok(answer) => (answer.respond(), None),
        Err(failure) => (failure.respond(request.id()), Some(failure.code())),
    };
    let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let status: StatusCode = response.status();
    tracing::info!(
        request_id = request.id(),
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
        let (function, clock) = (Arc::clone(&function), Arc::clone(&environment.clock));
        async move { Ok::<_, std::convert::Infallible>(answer(&*function, event, &*clock).await) }
    }))
    .await
}
