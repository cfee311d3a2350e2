//! Functions that are handed one JSON and answer with another: what a pipe asks, and direct invocation.

use std::fmt::Display;

use lambda_runtime::{Diagnostic, LambdaEvent};
use model::Invocation;
use serde_json::Value;
use tracing::Instrument as _;

use crate::{Environment, SettingError, process};

/// A function that is invoked directly, or by a pipe.
pub trait Direct: Sized + Send + Sync + 'static {
    /// Why it failed: a pipe asks again, whoever invoked it is shown it.
    type Error: Display + Send;

    /// Makes the function, once in the life of a process.
    ///
    /// # Errors
    /// When a setting is missing or can't be read.
    fn new(environment: &Environment) -> Result<Self, SettingError>;

    /// Handles one invocation.
    fn handle(
        &self,
        event: Value,
        invocation: &Invocation,
    ) -> impl Future<Output = Result<Value, Self::Error>> + Send;
}

/// Handles one invocation, which the logs call `request_id`.
///
/// # Errors
/// What the function says.
pub async fn invoke<D: Direct>(
    function: &D,
    event: Value,
    environment: &Environment,
    request_id: &str,
) -> Result<Value, D::Error> {
    let invocation = environment.invocation(request_id);
    let span = tracing::error_span!("invocation", request_id);
    // boxed: the compiler gives up on laying out a future this deep
    Box::pin(function.handle(event, &invocation)).instrument(span).await
}

/// Runs the function until Lambda ends it.
///
/// # Errors
/// When it can't start, or the runtime API fails.
pub async fn run<D: Direct>() -> Result<(), lambda_runtime::Error> {
    process::run(D::new, |function, environment, event| {
        Box::pin(async move {
            let LambdaEvent { payload, context } = event;
            let answered = invoke(function, payload, environment, &context.request_id).await;
            answered.map_err(|error| Diagnostic {
                error_type: std::any::type_name::<D::Error>()
                    .rsplit("::")
                    .next()
                    .unwrap_or_default()
                    .to_owned(),
                error_message: error.to_string(),
            })
        })
    })
    .await
}
