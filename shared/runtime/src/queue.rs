//! Consuming a queue of a bus's events: each message by itself, each failure reported by itself, so that it alone comes
//! again and holds up no other. What there is no time left for is handed back before it is begun.

use std::fmt::Display;
use std::time::Duration;

use lambda_runtime::LambdaEvent;
use model::{Invocation, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracing::Instrument as _;

use crate::metrics::Metric;
use crate::{Environment, SettingError, process};

/// With less time left than this no message is begun: more than one takes, some of its calls tried again. A process that is
/// ended in the middle of a send costs a second mail.
pub const MARGIN: Duration = Duration::from_secs(15);

/// A function that consumes a queue.
pub trait Consumer: Sized + Send + Sync + 'static {
    /// Why a message failed: it will come again.
    type Error: Display + Send;

    /// Makes the function, once in the life of a process.
    ///
    /// # Errors
    /// When a setting is missing or can't be read.
    fn new(environment: &Environment) -> Result<Self, SettingError>;

    /// What a message is about, by which the logs name it too.
    fn about(_event: &Value) -> Option<&str> {
        None
    }

    /// Waits until the next message may be begun.
    fn turn(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Handles one message: the event that the bus carried, whole. It may come twice, late and out of order.
    fn handle(
        &self,
        event: &Value,
        invocation: &Invocation,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// What the queue's mapping hands over.
#[derive(Deserialize)]
pub struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: String,
    /// The event, as JSON text.
    body: String,
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

/// Handles a batch, each message at the moment when its turn comes, as long as there is time before the `deadline`.
pub async fn consume<C: Consumer>(
    consumer: &C,
    batch: Batch,
    environment: &Environment,
    request_id: &str,
    deadline: Option<Timestamp>,
) -> Report {
    let (mut failures, mut is_late) = (Vec::new(), false);
    for Message { message_id, body } in batch.records {
        if !is_late {
            consumer.turn().await;
        }
        let invocation = environment.invocation(request_id);
        is_late = is_late || deadline.is_some_and(|end| end.since(invocation.now()) < MARGIN);
        let event = serde_json::from_str::<Value>(&body);
        let about = event.as_ref().ok().and_then(C::about);
        let span = tracing::error_span!("message", request_id, message_id, about);
        let handled = match &event {
            _ if is_late => Err("too little time is left".to_owned()),
            Ok(event) => {
                // boxed: the compiler gives up on laying out a future this deep
                let handling = Box::pin(consumer.handle(event, &invocation)).instrument(span.clone());
                handling.await.map_err(|cause| cause.to_string())
            }
            Err(cause) => Err(format!("its body is no JSON: {cause}")),
        };
        if let Err(cause) = handled {
            // one that was never begun didn't fail
            if !is_late {
                environment.metrics.count(Metric::MessagesFailed);
            }
            span.in_scope(|| tracing::warn!(cause, "a message failed and will be tried again"));
            failures.push(BatchItemFailure { item_identifier: message_id });
        }
    }
    Report { batch_item_failures: failures }
}

/// Runs the function until Lambda ends it.
///
/// # Errors
/// When it can't start, or the runtime API fails.
pub async fn run<C: Consumer>() -> Result<(), lambda_runtime::Error> {
    process::run(C::new, |consumer, environment, event| {
        Box::pin(async move {
            let LambdaEvent { payload, context } = event;
            let batch = serde_json::from_value(payload).map_err(lambda_runtime::Error::from)?;
            // whoever invokes it outside of Lambda may set none
            let end = (context.deadline > 0).then(|| Timestamp::from_unix_millis(context.deadline));
            let report = consume(consumer, batch, environment, &context.request_id, end).await;
            Ok(serde_json::to_value(report).map_err(lambda_runtime::Error::from)?)
        })
    })
    .await
}
