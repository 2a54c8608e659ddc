//! From what the contracts said to what it means for this provider. No I/O.

use std::collections::BTreeMap;

use cairn_contracts::{ChainEvent, ChainEventKind};
use cairn_wire::{Address, Commitment, DealId, Period, SectorKind, SectorNumber, TreeIndex};

use crate::deal::{SectorEvent, SectorId, SectorState, SlotEvent, SlotState};
use crate::store::{ChainStep, SectorRecord, SlotKey, SlotRecord, TreeChange};

/// What some blocks mean for one provider.
#[derive(Debug, Default)]
pub struct Interpretation {
    /// What is recorded.
    pub step: ChainStep,
    /// In which block each deal that names this provider was opened.
    pub opened: Vec<(DealId, u64)>,
    /// Windows of this provider that count.
    pub proven: Vec<(TreeIndex, Period)>,
    /// Pay credited to this provider.
    pub credited: u128,
    /// Challenges that this provider must answer.
    pub challenged: Vec<u64>,
    /// What this provider lost: for the log, the dashboard and the alarm.
    pub losses: Vec<String>,
    /// Things that were said and fit nothing this node knows: for the log.
    pub surprises: Vec<String>,
}

/// Reads events in order. `sectors` and `slots` are what the node has recorded so far.
#[must_use]
pub fn interpret(
    me: Address,
    events: &[ChainEvent],
    sectors: &[(SectorId, SectorRecord)],
    slots: &[(SlotKey, SlotRecord)],
    now_unix: u64,
) -> Interpretation {
    let mut reader = EventReader {
        me,
        now_unix,
        sectors: sectors
            .iter()
            .map(|(id, record)| (*id, (record.clone(), false)))
            .collect(),
        slots: slots
            .iter()
            .map(|(key, record)| (*key, (*record, false)))
            .collect(),
        meaning: Interpretation::default(),
    };
    for event in events {
        reader.take(event);
    }
    reader.finish()
}

struct EventReader {
    me: Address,
    now_unix: u64,
    /// The second value says whether it moved.
    sectors: BTreeMap<SectorId, (SectorRecord, bool)>,
    slots: BTreeMap<SlotKey, (SlotRecord, bool)>,
    meaning: Interpretation,
}

impl EventReader {
    fn take(&mut self, event: &ChainEvent) {
        match &event.kind {
            ChainEventKind::SectorAppended {
                provider,
                tree,
                number,
                comm_r,
                comm_d,
                kind,
                ..
            } if *provider == self.me => {
                let change = TreeChange::Append {
                    comm_r: *comm_r,
                    number: *number,
                    kind: *kind,
                };
                self.appended(*tree, change, *number, (*comm_d, *kind));
            }
            ChainEventKind::SectorRetired {
                provider,
                tree,
                index,
                number,
                ..
            } if *provider == self.me => {
                let change = TreeChange::Retire {
                    index: *index,
                    number: *number,
                };
                self.retired(*tree, change, *number);
            }
            ChainEventKind::WindowProven {
                provider,
                tree,
                period,
                ..
            } if *provider == self.me => {
                self.meaning.proven.push((*tree, *period));
            }
            ChainEventKind::Settled {
                provider, amount, ..
            } if *provider == self.me => {
                self.meaning.credited = self.meaning.credited.saturating_add(*amount);
            }
            ChainEventKind::DealOpened { deal, slots, .. }
                if slots.iter().any(|slot| slot.provider == self.me) =>
            {
                self.meaning.opened.push((*deal, event.block));
            }
            other => self.take_loss(other),
        }
    }

    /// What somebody demands of this provider or took from it.
    fn take_loss(&mut self, kind: &ChainEventKind) {
        match kind {
            ChainEventKind::ChallengeOpened { id, provider, .. } if *provider == self.me => {
                self.meaning.challenged.push(*id);
            }
            ChainEventKind::MissReported {
                provider,
                period,
                slashed,
                ..
            } if *provider == self.me => {
                let what = format!("slashed by {slashed} for the miss of period {period}");
                self.meaning.losses.push(what);
            }
            ChainEventKind::SlotSlashed {
                provider, slashed, ..
            } if *provider == self.me => {
                let what = format!("slashed by {slashed} after a challenge or a dispute");
                self.meaning.losses.push(what);
            }
            ChainEventKind::TreeTerminated { provider, tree, .. } if *provider == self.me => {
                let what = format!("tree {tree} was ended after too many misses");
                self.meaning.losses.push(what);
            }
            ChainEventKind::AuctionEnded {
                deal,
                slot,
                best: Some(best),
                lost,
                ..
            } if *best == self.me && *lost != 0 => {
                let what = format!("a bond of {lost} for the repair of {deal}/{slot}, not made");
                self.meaning.losses.push(what);
            }
            other => self.take_slot_event(other),
        }
    }

    fn take_slot_event(&mut self, kind: &ChainEventKind) {
        match kind {
            ChainEventKind::SlotFilled {
                deal,
                slot,
                provider,
                ..
            } => {
                let event = if *provider == self.me {
                    SlotEvent::Activate
                } else {
                    SlotEvent::End
                };
                self.step_slot(
                    SlotKey {
                        deal: *deal,
                        slot: *slot,
                    },
                    event,
                );
            }
            // Taken from us; a slot that somebody else lost is looked at when we repair it.
            ChainEventKind::SlotFreed {
                deal,
                slot,
                provider,
                ..
            } if *provider == self.me => {
                self.step_slot(
                    SlotKey {
                        deal: *deal,
                        slot: *slot,
                    },
                    SlotEvent::End,
                );
            }
            ChainEventKind::SlotClosed { deal, slot, .. } => {
                self.step_slot(
                    SlotKey {
                        deal: *deal,
                        slot: *slot,
                    },
                    SlotEvent::End,
                );
            }
            ChainEventKind::DealCancelled { deal, .. } => {
                let ours = self.slots.keys().filter(|key| key.deal == *deal);
                let keys: Vec<SlotKey> = ours.copied().collect();
                for key in keys {
                    self.step_slot(key, SlotEvent::End);
                }
            }
            _ => {}
        }
    }

    fn appended(
        &mut self,
        tree: TreeIndex,
        change: TreeChange,
        number: SectorNumber,
        (comm_d, kind): (Commitment, SectorKind),
    ) {
        self.meaning.step.changes.push((tree, change));
        let ours = self
            .sectors
            .iter()
            .find(|(_, (record, _))| match record.state {
                SectorState::Packed { comm_d: ours, .. } => {
                    kind == SectorKind::Hot && ours == comm_d
                }
                // The number was reserved for this sector, and for nothing else.
                SectorState::Sealing { seal, .. } => seal.number() == Some(number),
                _ => false,
            });
        match ours.map(|(id, _)| *id) {
            Some(id) => self.step_sector(id, SectorEvent::Append { number, tree }),
            None => {
                let what = format!("sector {number} was appended and is none of this store's");
                self.meaning.surprises.push(what);
            }
        }
    }

    fn retired(&mut self, tree: TreeIndex, change: TreeChange, number: SectorNumber) {
        self.meaning.step.changes.push((tree, change));
        let ours = self.sectors.iter().find(
            |(_, (record, _))| matches!(record.state, SectorState::Registered { number: ours, .. } if ours == number),
        );
        if let Some(id) = ours.map(|(id, _)| *id) {
            self.step_sector(id, SectorEvent::Retire);
            // Somebody retired it while slots waited in it: they would wait for ever.
            let waiting = self.slots.iter().filter(|(_, (record, _))| {
                matches!(record.state, SlotState::Packed { sector, .. } if sector == id)
            });
            let keys: Vec<SlotKey> = waiting.map(|(key, _)| *key).collect();
            for key in keys {
                self.step_slot(key, SlotEvent::End);
            }
        }
    }

    fn step_sector(&mut self, id: SectorId, event: SectorEvent) {
        let Some((record, moved)) = self.sectors.get_mut(&id) else {
            return;
        };
        match record.state.next(event) {
            Ok(state) => {
                record.state = state;
                *moved = true;
            }
            Err(illegal) => self
                .meaning
                .surprises
                .push(format!("sector {id}: {illegal}")),
        }
    }

    fn step_slot(&mut self, key: SlotKey, event: SlotEvent) {
        let Some((record, moved)) = self.slots.get_mut(&key) else {
            return;
        };
        // Seen already, by asking for the slot before its event came.
        let known = record.state == SlotState::Ended
            || matches!(
                (record.state, event),
                (SlotState::Active { .. }, SlotEvent::Activate)
            );
        if known {
            return;
        }
        match record.state.next(event) {
            Ok(state) => {
                *record = SlotRecord {
                    state,
                    since_unix: self.now_unix,
                    ..*record
                };
                *moved = true;
            }
            Err(illegal) => self
                .meaning
                .surprises
                .push(format!("slot {key}: {illegal}")),
        }
    }

    fn finish(mut self) -> Interpretation {
        self.meaning.step.sectors = self
            .sectors
            .into_iter()
            .filter(|(_, (_, moved))| *moved)
            .map(|(id, (record, _))| (id, record))
            .collect();
        self.meaning.step.slots = self
            .slots
            .into_iter()
            .filter(|(_, (_, moved))| *moved)
            .map(|(key, (record, _))| (key, record))
            .collect();
        self.meaning
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DataCopy;
    use cairn_wire::{ContentId, Signature, SlotIndex};

    const ME: Address = Address([1; 20]);
    const OTHER: Address = Address([2; 20]);

    fn element(byte: u8) -> Commitment {
        let mut bytes = [0; 32];
        bytes[0] = byte;
        Commitment::from_bytes(bytes).unwrap()
    }

    fn event(kind: ChainEventKind) -> ChainEvent {
        ChainEvent {
            block: 5,
            block_hash: [0; 32],
            tx: [0; 32],
            log_index: 0,
            kind,
        }
    }

    fn appended(provider: Address, comm_d: Commitment) -> ChainEvent {
        appended_as(SectorKind::Hot, provider, comm_d)
    }

    fn appended_as(kind: SectorKind, provider: Address, comm_d: Commitment) -> ChainEvent {
        event(ChainEventKind::SectorAppended {
            provider,
            tree: TreeIndex(0),
            index: 0,
            number: SectorNumber(7),
            comm_r: element(2),
            comm_d,
            kind,
            root: element(4),
            effective_period: Period(1),
        })
    }

    fn packed() -> (SectorId, SectorRecord) {
        let state = SectorState::Packed {
            comm_d: element(1),
            comm_r: element(2),
        };
        (
            SectorId(3),
            SectorRecord {
                state,
                kind: SectorKind::Hot,
                places: Vec::new(),
                data: DataCopy::Kept,
            },
        )
    }

    fn slot(state: SlotState) -> (SlotKey, SlotRecord) {
        let key = SlotKey {
            deal: DealId(4),
            slot: SlotIndex(1),
        };
        let content_id = ContentId::from([9; 32]);
        (
            key,
            SlotRecord {
                content_id,
                owner: OTHER,
                expiry_unix: 0,
                since_unix: 0,
                state,
                kind: SectorKind::Hot,
            },
        )
    }

    #[test]
    fn an_append_of_ours_registers_the_packed_sector_with_its_comm_d() {
        let got = interpret(ME, &[appended(ME, element(1))], &[packed()], &[], 10);
        assert_eq!(got.step.changes.len(), 1, "one change of the tree");
        let (id, record) = &got.step.sectors[0];
        assert_eq!(*id, SectorId(3), "the sector");
        assert!(
            matches!(
                record.state,
                SectorState::Registered {
                    number: SectorNumber(7),
                    ..
                }
            ),
            "{record:?}"
        );
        assert!(got.surprises.is_empty(), "{:?}", got.surprises);
    }

    #[test]
    fn a_sealed_append_never_registers_a_hot_sector_of_the_same_data() {
        let sealed = appended_as(SectorKind::Sealed, ME, element(1));
        let got = interpret(ME, &[sealed], &[packed()], &[], 10);
        assert!(got.step.sectors.is_empty(), "{:?}", got.step.sectors);
    }

    #[test]
    fn an_append_of_another_provider_is_none_of_our_business() {
        let got = interpret(ME, &[appended(OTHER, element(1))], &[packed()], &[], 10);
        assert!(
            got.step.changes.is_empty() && got.step.sectors.is_empty(),
            "nothing: {got:?}"
        );
    }

    #[test]
    fn an_append_of_ours_that_this_store_does_not_know_changes_the_tree_and_is_named() {
        let got = interpret(ME, &[appended(ME, element(8))], &[packed()], &[], 10);
        assert_eq!(
            (got.step.changes.len(), got.step.sectors.len()),
            (1, 0),
            "tree, no sector"
        );
        assert!(got.surprises[0].contains("sector 7"), "{:?}", got.surprises);
    }

    #[test]
    fn a_slot_filled_by_us_is_active_and_one_filled_by_another_ends() {
        let state = SlotState::Packed {
            acceptance: Signature([0; 65]),
            sector: SectorId(3),
        };
        for (provider, expected) in [
            (
                ME,
                SlotState::Active {
                    sector: SectorId(3),
                },
            ),
            (OTHER, SlotState::Ended),
        ] {
            let filled = event(ChainEventKind::SlotFilled {
                deal: DealId(4),
                slot: SlotIndex(1),
                provider,
                sector: SectorNumber(7),
                offset_leaves: 0,
                comm_p: element(5),
                first_period: Period(1),
            });
            let got = interpret(ME, std::slice::from_ref(&filled), &[], &[slot(state)], 10);
            assert_eq!(got.step.slots[0].1.state, expected, "filled by {provider}");
            let twice = interpret(ME, &[filled], &[], &got.step.slots, 10);
            let unmoved = twice.step.slots.is_empty();
            assert!(
                unmoved,
                "the same event read again moves nothing: {twice:?}"
            );
        }
    }

    #[test]
    fn a_slot_taken_from_us_ends_and_what_we_lost_is_told() {
        let freed = |provider| {
            event(ChainEventKind::SlotFreed {
                deal: DealId(4),
                slot: SlotIndex(1),
                provider,
                comm_p: Some(element(5)),
            })
        };
        let slots = [slot(SlotState::Active {
            sector: SectorId(3),
        })];
        let others = interpret(ME, &[freed(OTHER)], &[], &slots, 10);
        assert!(others.step.slots.is_empty(), "somebody else's: {others:?}");
        let missed = |provider| {
            event(ChainEventKind::MissReported {
                provider,
                tree: TreeIndex(0),
                period: Period(6),
                reporter: OTHER,
                slashed: 50,
                bounty: 25,
            })
        };
        let ended = event(ChainEventKind::TreeTerminated {
            provider: ME,
            tree: TreeIndex(0),
            last_period: Period(6),
        });
        let got = interpret(
            ME,
            &[missed(OTHER), missed(ME), ended, freed(ME)],
            &[],
            &slots,
            10,
        );
        assert_eq!(got.step.slots[0].1.state, SlotState::Ended, "freed");
        assert_eq!(got.losses.len(), 2, "ours only: {:?}", got.losses);
        assert!(got.losses[0].contains("50"), "{:?}", got.losses);
    }

    #[test]
    fn a_closed_slot_ends_and_pay_is_summed() {
        let closed = event(ChainEventKind::SlotClosed {
            deal: DealId(4),
            slot: SlotIndex(1),
            refund: 0,
        });
        let settled = |provider, amount| {
            event(ChainEventKind::Settled {
                deal: DealId(4),
                slot: SlotIndex(1),
                provider,
                amount,
                periods: 1,
                through_period: Period(3),
            })
        };
        let slots = [slot(SlotState::Active {
            sector: SectorId(3),
        })];
        let cancelled = event(ChainEventKind::DealCancelled {
            deal: DealId(4),
            refund: 0,
        });
        let taken_back = interpret(ME, &[cancelled], &[], &[slot(SlotState::Stored)], 10);
        assert_eq!(
            taken_back.step.slots[0].1.state,
            SlotState::Ended,
            "cancelled"
        );
        let got = interpret(
            ME,
            &[settled(ME, 5), settled(OTHER, 7), settled(ME, 6), closed],
            &[],
            &slots,
            10,
        );
        assert_eq!(got.credited, 11, "ours only");
        assert_eq!(got.step.slots[0].1.state, SlotState::Ended, "closed");
    }

    #[test]
    fn slots_that_wait_in_a_sector_end_with_it_and_those_of_others_do_not() {
        let retired = event(ChainEventKind::SectorRetired {
            provider: ME,
            tree: TreeIndex(0),
            index: 0,
            number: SectorNumber(7),
            moved: SectorNumber(7),
            count: 0,
            root: element(4),
            effective_period: Period(2),
        });
        for (sector, ends) in [(SectorId(3), true), (SectorId(4), false)] {
            let waits = SlotState::Packed {
                acceptance: Signature([0; 65]),
                sector,
            };
            let registered = appended(ME, element(1));
            let events = [registered, retired.clone()];
            let got = interpret(ME, &events, &[packed()], &[slot(waits)], 10);
            let states: Vec<SlotState> =
                got.step.slots.iter().map(|(_, slot)| slot.state).collect();
            let expected = if ends { vec![SlotState::Ended] } else { vec![] };
            assert_eq!(states, expected, "in {sector}");
        }
    }
}
