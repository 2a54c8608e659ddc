//! Direct challenges of this provider: each is answered by the proof of a window over one piece.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cairn_contracts::{ChallengeInfo, ChallengeStatus, Head};
use cairn_wire::Period;

use crate::chain::replay;
use crate::dashboard::{Alarm, Counter, Gauge};
use crate::error::{ChainFault, ProvingError};
use crate::pipeline::pace::Suspect;
use crate::pipeline::{Work, blocking};
use crate::proving::read_window;
use crate::translate::challenge_statement;

/// Open challenges by their numbers, from events and, once a period, from the chain's own count: an event may be lost to a
/// reorganisation, a challenge is not.
#[derive(Debug, Default)]
pub struct Challenged(Mutex<Heard>);

#[derive(Debug, Default)]
struct Heard {
    looked: Option<Period>,
    ids: BTreeSet<u64>,
}

impl Challenged {
    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The chain told of new ones.
    pub(super) fn hear(&self, ids: &[u64]) {
        self.heard().ids.extend(ids);
    }

    /// The chain took back what it had said: an answer may be gone with it.
    pub(super) fn look_again(&self) {
        self.heard().looked = None;
    }
}

impl Work {
    /// Answers one challenge, the oldest whose seed is known. Says whether it did.
    pub(super) async fn step_challenges(&self, head: Head) -> Result<bool, ProvingError> {
        let period = self.schedule.period_of(head.timestamp);
        if self.market.challenged.heard().looked != Some(period) {
            let found = self.chain.open_challenges().await?;
            let mut heard = self.market.challenged.heard();
            heard.ids.extend(found);
            heard.looked = Some(period);
            if heard.ids.is_empty() {
                self.metrics.clear(Alarm::ChallengeAtRisk);
            }
        }
        let ids: Vec<u64> = self.market.challenged.heard().ids.iter().copied().collect();
        self.metrics.set(Gauge::ChallengesWaiting, ids.len() as u64);
        for id in ids {
            let suspect = Suspect::Challenge(id);
            if self.backoff.holds(suspect, (self.clock)()) {
                continue;
            }
            match self.answer(id, head).await {
                Ok(false) => {}
                Ok(true) => {
                    self.backoff.forget(suspect);
                    return Ok(true);
                }
                Err(error @ ProvingError::Chain(ChainFault::Unreachable(_))) => return Err(error),
                Err(error) => {
                    let words = format!("challenge {id}: {error}");
                    if self.metrics.raise(Alarm::ChallengeAtRisk, &words) {
                        tracing::error!(id, %error, "a challenge could not be answered yet");
                    }
                    // A proof may have been made in vain: it waits, and the rest of the tick belongs to others.
                    self.backoff.refused(suspect, (self.clock)());
                    return Err(error);
                }
            }
        }
        Ok(false)
    }

    /// Answers a challenge if that can be done now. Says whether it did.
    async fn answer(&self, id: u64, head: Head) -> Result<bool, ProvingError> {
        let open = self
            .chain
            .challenge(id)
            .await?
            .filter(|challenge| challenge.status == ChallengeStatus::Open);
        let Some(challenge) = open else {
            self.market.challenged.heard().ids.remove(&id);
            return Ok(false);
        };
        let Some((seed, due)) = self.chain.challenge_seed(id).await? else {
            return Ok(false);
        };
        if head.timestamp > due {
            self.market.challenged.heard().ids.remove(&id);
            let words = format!("challenge {id} was due at {due}");
            self.metrics.raise(Alarm::ChallengeAtRisk, &words);
            tracing::error!(id, due, "MISSED: a challenge was not answered in time");
            return Ok(false);
        }
        let slot = self.chain.slot(challenge.deal, challenge.slot).await?;
        if !slot.challenged {
            // The slot ended for another reason: no answer is taken.
            self.market.challenged.heard().ids.remove(&id);
            return Ok(false);
        }
        let (index, proof) = self.prove_piece(&challenge, &seed, head).await?;
        let sent = self.chain.answer_challenge(id, index, proof).await?;
        self.market.challenged.heard().ids.remove(&id);
        self.metrics.count(Counter::ChallengesAnswered);
        self.metrics.clear(Alarm::ChallengeAtRisk);
        tracing::info!(id, deal = %challenge.deal, slot = %challenge.slot, gas = sent.gas_used, "challenge answered");
        Ok(true)
    }

    /// The proof over the tree that was frozen last, and the place of the sector in it.
    async fn prove_piece(
        &self,
        challenge: &ChallengeInfo,
        seed: &[u8; 32],
        head: Head,
    ) -> Result<(u32, [u8; 512]), ProvingError> {
        let frozen = self
            .schedule
            .open_period(head.timestamp)
            .0
            .saturating_sub(1);
        let (root, count) = self
            .chain
            .frozen_tree(challenge.tree, Period(frozen))
            .await?;
        let changes = self.ledger.changes(challenge.tree);
        let at = replay(self.set.tree_levels, &changes, root, count)
            .ok_or(ProvingError::UnknownTree { count })?;
        let place = at
            .entries
            .iter()
            .position(|entry| entry.number == challenge.sector);
        let broken = |reason: String| ProvingError::Prover { reason };
        let index = place
            .and_then(|place| u32::try_from(place).ok())
            .ok_or_else(|| broken(format!("sector {} is not in its tree", challenge.sector)))?;
        let statement = challenge_statement((root, count, index), seed, challenge)
            .ok_or_else(|| broken("the seed is no field element".to_owned()))?;
        let (ledger, keys, set) = (Arc::clone(&self.ledger), Arc::clone(&self.keys), self.set);
        let proofs = Arc::clone(&self.proofs);
        let proof = blocking(move || {
            proofs.urgent(|| {
                let witness = read_window(&ledger, set, &statement, &at)?;
                keys.prove_window(&statement, witness)
            })
        })
        .await?;
        Ok((index, proof))
    }
}
