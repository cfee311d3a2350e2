//! Machines that look for the counterexample: they know no story, only the reference model (`tests/model`).

mod lives;
mod scene;

use std::time::Duration;

/// How long a machine may look: `PROOF_SECONDS`, or this long in the everyday run.
fn budget(everyday: u64) -> Duration {
    let asked = std::env::var("PROOF_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(asked.unwrap_or(everyday))
}

/// Says what a machine looked at, for the record that `tests/README.md` is made from.
#[expect(clippy::print_stdout, reason = "what was looked at is said where the tests are")]
fn report(machine: &str, looked_at: &str) {
    println!("proof: {machine}: {looked_at}");
}
