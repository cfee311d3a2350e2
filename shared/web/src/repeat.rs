use model::Refusal;
use store::{Error, Record};

use crate::{Answer, Failure, Outcome};

/// How often an operation reads and decides anew when somebody was faster. Under more contention than that the caller
/// is told so; nothing was changed.
const ROUNDS: usize = 6;

/// What is said then.
pub(crate) const CONTENDED: &str = "others kept changing it at the same time, read it again and retry";

/// Runs `round` (read, decide, write) until its write goes through or it is refused: a condition that failed means
/// that the facts changed under the decision, so they are read and decided on again.
///
/// # Errors
/// What the last round came to; [`Refusal::Conflict`] when the facts changed in every one.
pub async fn until_settled<F: Future<Output = Outcome>>(mut round: impl FnMut() -> F) -> Outcome {
    for _ in 0..ROUNDS {
        match round().await {
            Err(Failure::Store(Error::Changed(fact))) => {
                tracing::debug!(?fact, "changed meanwhile, reading again");
            }
            outcome => return outcome,
        }
    }
    Err(Refusal::Conflict(CONTENDED).into())
}

/// Changes something: reads the facts, and gives the answer again that the same request got before, or decides and
/// writes; as often as the facts change between the reading and the writing.
///
/// # Errors
/// As [`until_settled`].
pub async fn change<S, R, D>(read: impl Fn() -> R, decide: impl Fn(S) -> D) -> Outcome
where
    R: Future<Output = Result<(S, Option<Record>), Failure>>,
    D: Future<Output = Outcome>,
{
    let (read, decide) = (&read, &decide);
    until_settled(|| async move {
        match read().await? {
            (_, Some(answered)) => Answer::replayed(&answered),
            (facts, None) => decide(facts).await,
        }
    })
    .await
}
