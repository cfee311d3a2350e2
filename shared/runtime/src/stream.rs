//! Consuming the table's stream: each record by itself, each failure reported by itself, so that Lambda retries from
//! the first one that failed and nothing is lost or blocked for the others.

use std::fmt::Display;
use std::sync::Arc;

use lambda_runtime::{LambdaEvent, service_fn};
use model::Invocation;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Environment, SettingError, log};

/// A function that consumes the stream.
pub trait Consumer: Sized + Send + Sync + 'static {
    /// Why a record failed: it will come again.
    type Error: Display + Send;

    /// Makes the function, once in the life of a process.
    ///
    /// # Errors
    /// When a setting is missing or can't be read.
    fn new(environment: &Environment) -> Result<Self, SettingError>;

    /// Handles one record. It may come twice, late and out of order.
    fn handle(
        &self,
        record: &Value,
        invocation: &Invocation,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// What the stream mapping hands over.
#[derive(Deserialize)]
pub struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Value>,
}

/// What it takes back.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    batch_item_failures: Vec<BatchItemFailure>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchItemFailure {
    item_identifier: String,
}

/// Handles a batch, each record at the moment when its turn comes.
pub async fn consume<C: Consumer>(
    consumer: &C,
    batch: Batch,
    environment: &Environment,
    request_id: &str,
) -> Report {
    let mut failures = Vec::new();
    for record in &batch.records {
        if let Err(cause) = consumer.handle(record, &environment.invocation(request_id)).await {
            let number =
                record.pointer("/dynamodb/SequenceNumber").and_then(Value::as_str).unwrap_or_default();
            tracing::warn!(sequence_number = number, %cause, "a stream record failed and will be tried again");
            failures.push(BatchItemFailure { item_identifier: number.to_owned() });
        }
    }
    Report { batch_item_failures: failures }
}

/// Runs the function until Lambda ends it.
///
/// # Errors
/// When it can't start, or the runtime API fails.
pub async fn run<C: Consumer>() -> Result<(), lambda_runtime::Error> {
    let environment = Environment::of_process();
    log::init(&environment.variables)?;
    let consumer = Arc::new(C::new(&environment)?);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Batch>| {
        let (consumer, environment) = (Arc::clone(&consumer), environment.clone());
        async move {
            let id = event.context.request_id;
            Ok::<_, lambda_runtime::Error>(consume(&*consumer, event.payload, &environment, &id).await)
        }
    }))
    .await
}
