use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use lambda_http::request::RequestContext;
use lambda_http::{Body, RequestExt as _, Response, service_fn};
use model::Refusal;
use runtime::metrics::Metric;
use runtime::{Environment, SettingError, log};
use store::Error;
use tracing::Instrument as _;

use crate::repeat::CONTENDED;
use crate::{BadRequest, Failure, Outcome, Request, Unproven};

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

/// What the gateway calls a request, in its own log and to whoever asked (`apigw-requestid`), and what Lambda does in the lines
/// that it writes by itself. Where no gateway brought it, Lambda's is both.
fn ids(event: &lambda_http::Request) -> (String, Option<String>) {
    let of_lambda = event.lambda_context_ref().map(|context| context.request_id.clone());
    let of_gateway = match event.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.request_id.clone(),
        _ => None,
    };
    (of_gateway.or_else(|| of_lambda.clone()).unwrap_or_default(), of_lambda)
}

/// What is counted of a request that got no answer.
fn metric(failure: &Failure) -> Option<Metric> {
    match failure {
        Failure::Request(BadRequest::Unauthenticated(Unproven::Password(_))) => Some(Metric::SignInsFailed),
        Failure::Refused(Refusal::Conflict(words)) if *words == CONTENDED => Some(Metric::Conflicts),
        _ => None,
    }
}

/// Answers one request, whatever becomes of it, and writes the one line of log about it: what was asked for and how it
/// ended, nothing of what was in it. Every line that is written meanwhile names the request.
pub async fn answer<F: Function>(
    function: &F,
    event: lambda_http::Request,
    environment: &Environment,
) -> Response<Body> {
    let started = Instant::now();
    let (id, lambda_request_id) = ids(&event);
    let span = tracing::error_span!("request", request_id = id, lambda_request_id);
    let upgrade_url = environment.variables.get("UPGRADE_URL");
    let request = Request::new(event, environment.invocation(id), upgrade_url);
    // boxed: the compiler gives up on laying out a future this deep
    let handling = Box::pin(function.handle(&request)).instrument(span.clone());
    let handled = tokio::time::timeout(DEADLINE, handling).await;
    let outcome = handled.unwrap_or_else(|_| {
        let cause = format!("no answer within {} seconds", DEADLINE.as_secs());
        Err(Failure::Store(Error::Unavailable(cause)))
    });
    if let Some(metric) = outcome.as_ref().err().and_then(metric) {
        environment.metrics.count(metric);
    }
    span.in_scope(|| {
        let (response, code) = match outcome {
            Ok(answer) if request.method() == Method::HEAD => (answer.without_body().respond(), None),
            Ok(answer) => (answer.respond(), None),
            Err(failure) => (failure.respond(request.invocation().request_id()), Some(failure.code())),
        };
        let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let status: StatusCode = response.status();
        tracing::info!(
            method = request.method().as_str(),
            path = request.path(),
            status = status.as_u16(),
            code,
            millis,
            "request"
        );
        response
    })
}

/// Runs the function until Lambda ends it.
///
/// # Errors
/// When it can't start, or the runtime API fails.
pub async fn run<F: Function>() -> Result<(), lambda_http::Error> {
    let environment = Environment::of_process();
    log::init(&environment.variables)?;
    let function = Arc::new(F::new(&environment)?);
    serve(Box::new(move |event| {
        let (function, environment) = (Arc::clone(&function), environment.clone());
        Box::pin(async move {
            let response = answer(&*function, event, &environment).await;
            environment.write_metrics();
            response
        })
    }))
    .await
}

/// What answers a request.
type Answering =
    dyn Fn(lambda_http::Request) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> + Send + Sync;

/// Serves until Lambda ends it. Of no type of a function, so that the runtime is compiled here, and not in each of them.
async fn serve(answering: Box<Answering>) -> Result<(), lambda_http::Error> {
    lambda_http::run(service_fn(move |event| {
        let answer = answering(event);
        async move { Ok::<_, Infallible>(answer.await) }
    }))
    .await
}
