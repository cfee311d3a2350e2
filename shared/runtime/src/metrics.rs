//! What is counted while a function works: one line in CloudWatch's embedded metric format at the end of each invocation that
//! counted anything. Nothing is called for it, and nothing waits for it.
//!
//! The counters are the process's, since what meets a throttled table or an SES that can't is handed no invocation; Lambda
//! gives a process one invocation at a time.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::Timestamp;
use serde_json::{Value, json};

use crate::{Environment, Variables};

/// Where the metrics are found.
pub const NAMESPACE: &str = "Muster";

/// What each is told by: the whole stack, which alarms look at, and each of its functions.
pub const DIMENSIONS: [&[&str]; 2] = [&["Stack"], &["Stack", "Function"]];

macro_rules! metrics {
    ($($(#[$about:meta])* $metric:ident,)+) => {
        /// What is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Metric { $($(#[$about])* $metric,)+ }

        impl Metric {
            /// All there are.
            pub const ALL: &'static [Self] = &[$(Self::$metric,)+];

            /// The metric's name in CloudWatch.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$metric => stringify!($metric),)+ }
            }
        }
    };
}

metrics! {
    /// Transactions of which somebody behind the bus has to hear: events, and mails to be sent.
    ChangesWritten,
    /// Messages of a queue that failed, and come again.
    MessagesFailed,
    /// Records of the stream that can't be read, and lie where the pipe's dead letters are.
    RecordsFailed,
    /// Mails that SES took.
    MailsSent,
    /// Mails that SES will never take: the address, or the content.
    MailsRefused,
    /// Mails that SES couldn't take now, or of which nobody knows.
    MailsPostponed,
    /// Mails that nobody tries to send any more, though somebody waited for them.
    MailsGivenUp,
    /// Mails that SES didn't take because of a setting: the sender isn't verified, the account is in the sandbox or paused.
    SenderRefused,
    /// Sign-ins with a wrong password, or one of too many.
    SignInsFailed,
    /// Transactions that met another one and were tried again, and requests that were told so in the end.
    Conflicts,
    /// Calls that the table had too much to do for.
    TableThrottled,
}

/// The counters of a process. Copies count together.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Mutex<BTreeMap<Metric, u64>>>);

impl Metrics {
    fn counted(&self) -> MutexGuard<'_, BTreeMap<Metric, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more.
    pub fn count(&self, metric: Metric) {
        *self.counted().entry(metric).or_default() += 1;
    }

    /// How many were counted since the last line.
    #[must_use]
    pub fn of(&self, metric: Metric) -> u64 {
        self.counted().get(&metric).copied().unwrap_or_default()
    }

    /// The line of what was counted since the last one; none where that is nothing.
    #[must_use]
    pub fn take_line(&self, variables: &Variables, now: Timestamp) -> Option<Value> {
        let counted = std::mem::take(&mut *self.counted());
        (!counted.is_empty()).then(|| line(&counted, variables, now))
    }
}

/// Counters as CloudWatch reads them out of a log.
fn line(counted: &BTreeMap<Metric, u64>, variables: &Variables, now: Timestamp) -> Value {
    let names: Vec<Value> =
        counted.keys().map(|metric| json!({"Name": metric.name(), "Unit": "Count"})).collect();
    let directive = json!({"Namespace": NAMESPACE, "Dimensions": DIMENSIONS, "Metrics": names});
    let about = json!({"Timestamp": now.unix_millis(), "CloudWatchMetrics": [directive]});
    // where nobody says, it is no deployment
    let named = |variable: &str| Value::from(variables.get(variable).unwrap_or_else(|| "local".to_owned()));
    let told = [
        ("_aws", about),
        ("Stack", named("STACK_NAME")),
        // as in the metrics of Lambda itself
        ("Function", named("AWS_LAMBDA_FUNCTION_NAME")),
    ];
    let counters = counted.iter().map(|(metric, times)| (metric.name(), Value::from(*times)));
    Value::Object(told.into_iter().chain(counters).map(|(name, value)| (name.to_owned(), value)).collect())
}

impl Environment {
    /// Writes the line of what was counted, if anything was. The log of a function is what it writes there.
    pub fn write_metrics(&self) {
        if let Some(line) = self.metrics.take_line(&self.variables, self.clock.now()) {
            // nobody is asked to count again
            let _ = writeln!(std::io::stdout(), "{line}");
        }
    }
}
