//! Waiting until the accepted pieces are in sectors on chain.

use cairn_contracts::SlotStatus;
use tokio::time::{Duration, Instant, sleep};

use crate::client::Shared;
use crate::error::PutError;
use crate::market::Market;
use crate::progress::Stage;
use crate::put::report::{ActivationOutcome, SegmentReport, SlotReport};

/// Between two looks at all slots that are still empty.
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) async fn wait<M: Market>(
    shared: &Shared<M>,
    segments: &[SegmentReport],
) -> Result<ActivationOutcome, PutError> {
    let mut empty: Vec<&SlotReport> = segments
        .iter()
        .flat_map(|segment| &segment.slots)
        .filter(|slot| slot.is_stored())
        .collect();
    let accepted = empty.len();
    let patience = &shared.config.patience;
    let end = Instant::now() + Duration::from_secs(patience.activate_s);
    shared
        .progress
        .begin(Stage::Activate, Some(accepted as u64));
    let mut active = 0;
    while !empty.is_empty() && Instant::now() < end {
        let mut still_empty = Vec::new();
        for slot in empty {
            match shared.market.slot(slot.deal, slot.slot).await {
                Ok(state) => match state.status {
                    SlotStatus::Empty => still_empty.push(slot),
                    SlotStatus::Filled { .. } => {
                        active += 1;
                        shared.progress.advance(Stage::Activate, 1);
                    }
                    // over before it began: nothing more to wait for
                    SlotStatus::Freed | SlotStatus::Closed => {}
                },
                // the pieces are stored; a chain that is away for a moment changes nothing about that
                Err(error) if error.retry() == cairn_contracts::Retry::Later => {
                    tracing::warn!(%error, "the chain does not answer");
                    still_empty.push(slot);
                }
                Err(error) => return Err(error.into()),
            }
        }
        empty = still_empty;
        if !empty.is_empty() {
            sleep(PAUSE.max(patience.poll())).await;
        }
    }
    shared.progress.end(Stage::Activate);
    Ok(if active == accepted {
        ActivationOutcome::Complete { slots: active }
    } else {
        ActivationOutcome::Partial { active, accepted }
    })
}
