//! Machines that look for the counterexample: they know no story, only the reference model (`tests/model`).

mod lives;
mod mutants;
mod orders;
mod scene;
mod texts;

use std::time::Duration;

use proptest::test_runner::{Config, TestRng, TestRunner};

/// The machines that run many worlds at once share two threads.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// One seed for every run, so that a change is what makes one fail; `PROOF_SEED` takes another, `fresh` one that nobody had.
fn seed() -> u64 {
    use model::Random as _;
    match std::env::var("PROOF_SEED") {
        Err(_) => 1,
        Ok(asked) if asked == "fresh" => {
            let mut bytes = [0; 8];
            model::SystemRandom.fill(&mut bytes);
            u64::from_le_bytes(bytes)
        }
        Ok(asked) => asked.parse().unwrap(),
    }
}

/// What makes things up, from this seed on. Failures are kept by hand, where they can be read.
fn runner(seed: u64, config: Config) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(config.rng_algorithm, &bytes);
    TestRunner::new_with_rng(Config { failure_persistence: None, ..config }, rng)
}

/// These in an order that the seed says.
fn shuffled<T>(all: Vec<T>, seed: u64) -> Vec<T> {
    let mut ranked: Vec<(u64, T)> =
        all.into_iter().enumerate().map(|(at, one)| (mixed(at as u64 ^ seed), one)).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, one)| one).collect()
}

/// A number that looks like chance.
fn mixed(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

/// How long a machine may look: `PROOF_SECONDS`, or this long in the everyday run.
fn budget(everyday: u64) -> Duration {
    let asked = std::env::var("PROOF_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(asked.unwrap_or(everyday))
}

/// Says what a machine looked at.
#[expect(clippy::print_stdout, reason = "what was looked at is said where the tests are")]
fn report(machine: &str, looked_at: &str) {
    println!("proof: {machine}: {looked_at}");
}
