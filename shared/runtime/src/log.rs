//! Logs: JSON lines for CloudWatch.
//!
//! Only our own crates speak, at `LOG_LEVEL` (`info`): the SDK's and hyper's finer levels print whole requests, and a
//! request may hold what no log may.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use crate::{SettingError, Variables};

/// Crates that are not ours: they may speak only of what went wrong.
const OTHERS: [&str; 6] = ["aws", "hyper", "hyper_util", "lambda_runtime", "lambda_http", "rustls"];

/// Sets the process's subscriber up.
///
/// # Errors
/// When `LOG_LEVEL` is none.
pub fn init(variables: &Variables) -> Result<(), SettingError> {
    let level = variables.or("LOG_LEVEL", LevelFilter::INFO)?;
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false);
    tracing_subscriber::registry().with(lines.without_time().with_filter(filter(level))).init();
    Ok(())
}

/// What may be logged at all.
#[must_use]
pub fn filter(level: LevelFilter) -> Targets {
    OTHERS.iter().fold(Targets::new().with_default(level), |targets, other| {
        targets.with_target(*other, LevelFilter::WARN.min(level))
    })
}
