//! Labels of one sector, or of several side by side, for sealing and unsealing alike. Two take a third longer than one where the
//! processor has AVX-512, so that a sector whose labels are still to be made waits a while for another.

use std::collections::BTreeMap;

use cairn_prover::params::ParamSet;
use cairn_prover::seal::{self, Keep, Labels, Watch};

use crate::dashboard::Alarm;
use crate::deal::{SealId, SealState, SectorId};
use crate::error::SealError;
use crate::pipeline::Work;
use crate::sealing::{Job, engine};

/// Sectors whose labels are made side by side.
const TOGETHER: usize = 2;

/// A sector that waits for another loses at most this part of the time of its labels.
const WAITED_SHARE: u64 = 8;

/// Labels a second on a fast machine (`docs/bench/sealing.md`).
const LABELS_PER_S: u64 = 2_000_000;

/// A sector whose labels are wanted.
#[derive(Clone, Debug)]
pub(super) struct ToLabel {
    pub(super) sector: SectorId,
    /// The sealing they are for; none for labels that data is decoded with.
    pub(super) of: Option<SealId>,
    pub(super) job: Job,
}

/// What became of each of several sectors.
pub(super) type Outcomes<T> = Vec<(SectorId, Result<T, SealError>)>;

/// Since when sectors have waited for another whose labels are made with theirs.
#[derive(Debug, Default)]
pub(super) struct Alone(BTreeMap<SectorId, u64>);

impl Alone {
    /// Whether `sector` may wait longer.
    fn waits(&mut self, sector: SectorId, set: &ParamSet, now_unix: u64) -> bool {
        let since = *self.0.entry(sector).or_insert(now_unix);
        now_unix < since.saturating_add(longest_wait_s(set))
    }
}

fn longest_wait_s(set: &ParamSet) -> u64 {
    let labels = set.sector_leaves().saturating_mul(u64::from(set.layers));
    labels / LABELS_PER_S / WAITED_SHARE
}

impl Work {
    /// How many sectors' labels fit into memory at once.
    pub(super) fn labelled_together(&self) -> usize {
        let bytes = engine::memory_bytes(self.set).saturating_mul(TOGETHER as u64);
        let memory = self.proofs.memory().most_for_sealing();
        if bytes <= memory.min(self.seal.memory_bytes) {
            TOGETHER
        } else {
            1
        }
    }

    /// The sectors that the machine can bring further, those together whose labels are made side by side. One that waits for
    /// another is not among them.
    pub(super) fn teams(&self, free: &[SectorId], alone: &mut Alone) -> Vec<Vec<SectorId>> {
        let now = (self.clock)();
        alone.0.retain(|sector, _| free.contains(sector));
        let together = self.labelled_together().min(self.seal.parallel.max(1));
        let (to_label, others): (Vec<SectorId>, Vec<SectorId>) = free
            .iter()
            .partition(|sector| together > 1 && self.lacks_labels(**sector));
        let mut teams: Vec<_> = others.into_iter().map(|sector| vec![sector]).collect();
        for team in to_label.chunks(together) {
            if let [one] = team
                && self.another_comes()
                && alone.waits(*one, self.set, now)
            {
                continue;
            }
            teams.push(team.to_vec());
        }
        teams
    }

    fn lacks_labels(&self, sector: SectorId) -> bool {
        let record = self.ledger.sector(sector);
        let seal = record.and_then(|record| record.state.seal());
        matches!(seal, Some(SealState::Labelling { layers, .. }) if layers < self.set.layers)
    }

    /// Whether the labels of one more sector will be begun as soon as the chain lets it.
    pub(super) fn another_comes(&self) -> bool {
        let under_way = self.seals_under_way();
        let reserved = |seal: &SealState| matches!(seal, SealState::Reserved { .. });
        if under_way.iter().any(reserved) {
            return true;
        }
        let has_room =
            under_way.len() < self.seal.parallel && !self.metrics.is_raised(Alarm::SealWaits);
        let waits = |seal| matches!(seal, Some(SealState::Waiting));
        has_room
            && !self
                .ledger
                .sectors(|record| waits(record.state.seal()))
                .is_empty()
    }

    /// Makes the labels of all, side by side, and does `then` with those of each in turn, whatever became of the others before.
    /// What ends the labels of one stops those of the others; their finished layers stay.
    pub(super) fn with_labels(
        &self,
        all: &[ToLabel],
        keep: Keep,
        mut then: impl FnMut(&ToLabel, Labels, Watch<'_>) -> Result<(), SealError>,
    ) -> Outcomes<()> {
        let tells: Vec<_> = all
            .iter()
            .map(|one| self.teller(one.sector, one.of))
            .collect();
        let watches: Vec<Watch<'_>> = tells
            .iter()
            .map(|tell| Watch::new(tell, &self.stop_sealing))
            .collect();
        let outcomes = match self.labels_of(all, keep, &watches) {
            Ok(labels) => {
                let each = all.iter().zip(labels).zip(&watches);
                each.map(|((one, labels), watch)| (one.sector, then(one, labels, *watch)))
                    .collect()
            }
            Err((failed, error)) => {
                let mut error = Some(error);
                let mut of = |place| {
                    let own = error.take_if(|_| place == failed);
                    Err(own.unwrap_or(SealError::Stopped))
                };
                let each = all.iter().enumerate();
                each.map(|(place, one)| (one.sector, of(place))).collect()
            }
        };
        for one in all {
            self.progress.forget(one.sector);
        }
        outcomes
    }

    /// The finished labels of all, or the place of the one at which the work ended.
    fn labels_of(
        &self,
        all: &[ToLabel],
        keep: Keep,
        watches: &[Watch<'_>],
    ) -> Result<Vec<Labels>, (usize, SealError)> {
        let mut labels = Vec::with_capacity(all.len());
        for (place, (one, watch)) in all.iter().zip(watches).enumerate() {
            let opened = engine::open_labels(&one.job, keep, *watch);
            labels.push(opened.map_err(|error| (place, error))?);
        }
        // What is finished needs none: a proof with a deposit waits for nobody's labels.
        let lacking = labels.iter().filter(|one| !one.is_finished()).count();
        let bytes = engine::memory_bytes(self.set).saturating_mul(lacking as u64);
        let _share = match all.first() {
            Some(first) if lacking > 0 => {
                let share = self.memory_for(first.sector, bytes);
                Some(share.map_err(|error| (0, error))?)
            }
            _ => None,
        };
        let mut side_by_side: Vec<_> = labels.iter_mut().zip(watches.iter().copied()).collect();
        seal::finish_together(&mut side_by_side)
            .map_err(|failed| (failed.replica, failed.error.into()))?;
        Ok(labels)
    }
}

#[cfg(test)]
mod tests {
    use cairn_prover::params::{TEST, TESTNET};

    use super::*;

    #[test]
    fn a_sector_waits_for_another_no_longer_than_an_eighth_of_its_labels_take() {
        let mut alone = Alone::default();
        let sector = SectorId(1);
        assert!(alone.waits(sector, &TESTNET, 100), "it begins to wait");
        assert!(alone.waits(sector, &TESTNET, 107), "of a minute");
        assert!(!alone.waits(sector, &TESTNET, 108), "long enough");
        assert!(alone.waits(SectorId(2), &TESTNET, 108), "each for itself");
        assert!(!alone.waits(sector, &TEST, 100), "labels of a moment");
    }
}
