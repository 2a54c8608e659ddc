//! The devnet's beacon: signs the rounds that periods need and posts them, by the chain's clock.
//!
//! It follows the same scheme as drand's quicknet with a key of its own, so that the contract is the same; it posts only the rounds that seed a
//! period. While it is held (a story's beacon outage) periods pass unseeded and are void.

use std::time::Duration;

use anyhow::{Context, Result};
use cairn_contracts::{Chain, Schedule};
use cairn_prover::beacon::SecretKey;
use cairn_wire::{Period, Round};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

/// How often the chain's clock is read.
const LOOK: Duration = Duration::from_millis(300);

/// A running beacon.
#[derive(Debug)]
pub struct Beacon {
    held: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Beacon {
    /// Starts signing with the key that `seed` names; `chain` pays for the rounds.
    ///
    /// # Errors
    /// When the seed gives no key.
    pub fn start(chain: Chain, seed: &[u8; 32]) -> Result<Self> {
        let key = SecretKey::from_seed(seed).context("the beacon's seed gives no key")?;
        let (held, watched) = watch::channel(false);
        let task = tokio::spawn(async move { follow(&chain, &key, watched).await });
        Ok(Self { held, task })
    }

    /// Holds the beacon back, or lets it go on.
    pub fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Ends it.
    pub async fn stop(self) {
        self.task.abort();
        if let Err(error) = self.task.await
            && !error.is_cancelled()
        {
            warn!(%error, "the beacon ended badly");
        }
    }
}

/// The round to post at `time_unix`: that of the newest period whose round's time has come and whose deadline has not passed.
#[must_use]
pub const fn round_due(schedule: &Schedule, time_unix: u64) -> Option<(Period, Round)> {
    // A period runs from its freeze on; before its round's time there is nothing to sign.
    let period = schedule.period_of(time_unix);
    if period.0 == 0
        || time_unix < schedule.round_time(period)
        || time_unix > schedule.deadline(period)
    {
        return None;
    }
    Some((period, schedule.round_of(period)))
}

async fn follow(chain: &Chain, key: &SecretKey, held: watch::Receiver<bool>) {
    let mut posted = None;
    loop {
        tokio::time::sleep(LOOK).await;
        if *held.borrow() {
            continue;
        }
        let now = match chain.head().await {
            Ok(head) => head.timestamp,
            Err(error) => {
                warn!(%error, "the beacon cannot read the chain's clock");
                continue;
            }
        };
        let Some((period, round)) = round_due(chain.schedule(), now) else {
            continue;
        };
        // Asked for again although it was posted: a reorganisation may have taken it away.
        match post(chain, key, round).await {
            Ok(()) if posted == Some(round) => {}
            Ok(()) => {
                info!(period = period.0, round = round.0, "round posted");
                posted = Some(round);
            }
            Err(error) => warn!(round = round.0, %error, "the round could not be posted"),
        }
    }
}

async fn post(chain: &Chain, key: &SecretKey, round: Round) -> Result<()> {
    if chain.randomness(round).await?.is_some() {
        return Ok(());
    }
    let signature = key.sign(round.0)?;
    chain.post_round(round, &signature.to_evm()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: Schedule = Schedule {
        t0_unix: 900,
        period_s: 36,
        freeze_s: 6,
        due_s: 27,
        genesis_unix: 600,
        round_s: 3,
    };

    #[test]
    fn a_round_is_posted_from_its_time_to_its_periods_deadline() {
        let time = SCHEDULE.round_time(Period(4));
        let due = Some((Period(4), SCHEDULE.round_of(Period(4))));
        assert_eq!(
            round_due(&SCHEDULE, time - 1),
            None,
            "not before its time, though the period is frozen"
        );
        assert_eq!(round_due(&SCHEDULE, time), due, "at its time");
        assert_eq!(
            round_due(&SCHEDULE, SCHEDULE.deadline(Period(4))),
            due,
            "at the deadline"
        );
        assert_eq!(
            round_due(&SCHEDULE, SCHEDULE.deadline(Period(4)) + 1),
            None,
            "not after the deadline"
        );
        assert_eq!(round_due(&SCHEDULE, 0), None, "there is no period 0");
    }
}
