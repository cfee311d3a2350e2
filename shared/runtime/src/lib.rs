//! What every function's `main` needs, and nothing of what any of them does.
//!
//! * [`Environment`]: the settings, the clock, the randomness and the HTTP client that a function is made with. In Lambda it
//!   is the process's; the local stack and the tests hand in others.
//! * [`aws`]: the SDK's configuration without a credential chain, one HTTP client for all of its clients.
//! * [`direct`]: functions that a pipe or a developer hands one JSON.
//! * [`queue`]: consuming a queue of events, failures reported message by message.
//! * [`log`]: one JSON line an event, our own words only.
//! * [`metrics`]: what is counted, a line of the log too.

pub mod aws;
pub mod direct;
pub mod log;
pub mod metrics;
mod process;
pub mod queue;
mod settings;

use std::sync::{Arc, OnceLock};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use model::{Clock, Invocation, Random, SystemClock, SystemRandom};

use crate::metrics::Metrics;

pub use settings::{SettingError, Variables};

/// Everything around a function that isn't its request.
#[derive(Clone)]
pub struct Environment {
    /// The settings, as environment variables.
    pub variables: Variables,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub random: Arc<dyn Random>,
    /// What is counted.
    pub metrics: Metrics,
    http_client: Arc<OnceLock<SharedHttpClient>>,
}

impl Environment {
    /// The process's own environment.
    #[must_use]
    pub fn of_process() -> Self {
        Self::new(Variables::of_process(), Arc::new(SystemClock))
    }

    /// With these settings and this clock.
    #[must_use]
    pub fn new(variables: Variables, clock: Arc<dyn Clock>) -> Self {
        Self {
            variables,
            clock,
            random: Arc::new(SystemRandom),
            metrics: Metrics::default(),
            http_client: Arc::default(),
        }
    }

    /// The same, its SDK clients sending through `client`.
    #[must_use]
    pub fn with_http_client(self, client: SharedHttpClient) -> Self {
        Self { http_client: Arc::new(OnceLock::from(client)), ..self }
    }

    /// The same, counting together with others.
    #[must_use]
    pub fn with_metrics(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// An invocation that begins now.
    #[must_use]
    pub fn invocation(&self, request_id: impl Into<String>) -> Invocation {
        Invocation::new(Arc::clone(&self.clock), request_id, Arc::clone(&self.random))
    }

    /// The one HTTP client that every SDK client shares.
    pub(crate) fn http_client(&self) -> SharedHttpClient {
        self.http_client.get_or_init(aws::https_client).clone()
    }
}
