//! How long a node is asked again.

use cairn_wire::{ConnectError, ErrorCode, RequestError};
use tokio::time::{Duration, Instant, sleep};

use crate::config::Patience;
use crate::error::SlotError;

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Tries again while the node is away, busy, or has not seen the deal yet.
pub(crate) async fn patiently<T, F>(
    patience: &Patience,
    attempt: impl Fn() -> F,
) -> Result<T, SlotError>
where
    F: Future<Output = Result<T, SlotError>>,
{
    let start = Instant::now();
    let whole = Duration::from_secs(patience.upload_s);
    let mut pause = patience.poll();
    loop {
        match attempt().await {
            Err(error) if start.elapsed() + pause < worth_waiting(&error, whole) => {
                tracing::debug!(%error, "trying again");
            }
            outcome => return outcome,
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// How long, from the first attempt, the same request may still come to succeed. A plain refusal gets a quarter: it may
/// only mean that the node has not seen the deal deep enough in the chain.
fn worth_waiting(error: &SlotError, whole: Duration) -> Duration {
    let SlotError::Request(error) = error else {
        let passing = matches!(
            error,
            SlotError::Connect(ConnectError::TimedOut { .. } | ConnectError::Refused { .. })
        );
        return if passing { whole } else { Duration::ZERO };
    };
    match error {
        RequestError::Refused(refusal) => match refusal.code() {
            ErrorCode::NotFound | ErrorCode::Busy | ErrorCode::Later => whole,
            ErrorCode::Refused => whole / 4,
            ErrorCode::BadRequest | ErrorCode::TooLarge | ErrorCode::Internal => Duration::ZERO,
        },
        RequestError::TimedOut { .. } | RequestError::Lost(_) | RequestError::ReplyEnded { .. } => {
            whole
        }
        _ => Duration::ZERO,
    }
}
