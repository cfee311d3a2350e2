//! Logs: JSON lines for CloudWatch, each with the `span` that it belongs to: the request, or the message, by its ids.
//!
//! Only our own crates speak, at `LOG_LEVEL` (`info`): the SDK's and hyper's finer levels print whole requests, and a
//! request may hold what no log may. Spans are errors' spans, so that they are there at every level.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, Registry};

use crate::{SettingError, Variables};

/// Crates that are not ours: they may speak only of what went wrong.
const OTHERS: [&str; 6] = ["aws", "hyper", "hyper_util", "lambda_runtime", "lambda_http", "rustls"];

/// Sets the process's subscriber up.
///
/// # Errors
/// When `LOG_LEVEL` is none.
pub fn init(variables: &Variables) -> Result<(), SettingError> {
    let level = variables.or("LOG_LEVEL", LevelFilter::INFO)?;
    tracing_subscriber::registry().with(lines(std::io::stdout).with_filter(filter(level))).init();
    Ok(())
}

/// What writes the lines.
pub fn lines<W>(writer: W) -> impl Layer<Registry>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer::<Registry>()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        // one span says everything: there are none inside of it
        .with_span_list(false)
        .without_time()
        .with_writer(writer)
}

/// What may be logged at all.
#[must_use]
pub fn filter(level: LevelFilter) -> Targets {
    OTHERS.iter().fold(Targets::new().with_default(level), |targets, other| {
        targets.with_target(*other, LevelFilter::WARN.min(level))
    })
}
