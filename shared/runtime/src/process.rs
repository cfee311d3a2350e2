//! Functions as processes of their own, as Lambda starts them.

use std::pin::Pin;
use std::sync::Arc;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;

use crate::{Environment, SettingError, log};

/// What becomes of an event.
type Answer<'a> = Pin<Box<dyn Future<Output = Result<Value, Diagnostic>> + Send + 'a>>;

/// Makes the function and runs it until Lambda ends it.
///
/// # Errors
/// When it can't start, or the runtime API fails.
pub(crate) async fn run<T: Send + Sync + 'static>(
    new: fn(&Environment) -> Result<T, SettingError>,
    answer: for<'a> fn(&'a T, &'a Environment, LambdaEvent<Value>) -> Answer<'a>,
) -> Result<(), lambda_runtime::Error> {
    let environment = Environment::of_process();
    log::init(&environment.variables)?;
    let function = Arc::new(new(&environment)?);
    serve(Box::new(move |event| {
        let (function, environment) = (Arc::clone(&function), environment.clone());
        Box::pin(async move {
            let answered = answer(&function, &environment, event).await;
            environment.write_metrics();
            answered
        })
    }))
    .await
}

/// Serves until Lambda ends it. Of no type of a function, so that the runtime is compiled here, and not in each of them.
async fn serve(
    answering: Box<dyn Fn(LambdaEvent<Value>) -> Answer<'static> + Send + Sync>,
) -> Result<(), lambda_runtime::Error> {
    lambda_runtime::run(service_fn(answering)).await
}
