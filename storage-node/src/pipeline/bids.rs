//! Auctions of sealed slots that somebody lost. Who fills one has to seal for hours, so one provider at a time has the right
//! to: it is drawn by lot among those who put up a bond, and it loses the bond if it does not fill the slot in time.
//!
//! ```text
//!  piece made again --> entered, bonded --> round known --> lowest? claimed --> claims over --> won --> packed, sealed,
//!                                                                                       |             appended, activated
//!                                                                                       '--> lost: the slot ends here
//! ```
//!
//! All of it is asked of the chain at each look; what is recorded is the slot, accepted by right of repair. What is won is
//! noted in memory only, for the packer: nothing is sealed before. Bonds are taken back by `hunt.rs`, whatever became of the
//! slot.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cairn_contracts::{AuctionInfo, DealInfo, Head, Schedule, SlotStatus};
use cairn_merkle::SectorKind;
use cairn_wire::{Address, Period};

use crate::dashboard::{Alarm, Counter};
use crate::deal::{BY_REPAIR, SlotEvent, SlotState};
use crate::error::{ChainFault, ProvingError};
use crate::pipeline::Work;
use crate::pipeline::pace::Suspect;
use crate::pipeline::sectors::only_its_own;
use crate::store::{SlotKey, SlotRecord};

/// What was refused is tried again before this share of the time for claims is over.
const TRIES_IN_CLAIMS: u64 = 8;

/// What the last looks at the chain said about this node's auctions. Begins anew with each start.
#[derive(Debug, Default)]
pub struct Bids(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// Slots that this node alone may fill.
    won: BTreeSet<SlotKey>,
    /// When a won slot that is being sealed was looked at last.
    looked: BTreeMap<SlotKey, Period>,
}

impl Bids {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the piece of an accepted slot has to wait: it is bid for, and not won.
    pub(super) fn holds_back(&self, key: SlotKey, record: &SlotRecord) -> bool {
        is_bid(record) && !self.seen().won.contains(&key)
    }

    /// Forgets all but these.
    fn keep(&self, bids: &[(SlotKey, SlotRecord)]) {
        let mut seen = self.seen();
        let lives = |key: &SlotKey| bids.iter().any(|(bid, _)| bid == key);
        seen.won.retain(lives);
        seen.looked.retain(|key, _| lives(key));
    }

    /// Whether a slot is known to be won by a look in this period.
    fn was_won_in(&self, period: Period, key: SlotKey) -> bool {
        let seen = self.seen();
        seen.won.contains(&key) && seen.looked.get(&key) == Some(&period)
    }
}

/// Where this node stands in the auction of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    /// It can enter.
    Open,
    /// It is in; there is nothing to do now.
    Waits,
    /// It must claim, or may lose its bond.
    Lowest,
    /// It alone may fill the slot.
    Won,
    /// It is in and did not get the slot, or is not in and cannot enter.
    Lost,
    /// It is in and its bond is gone, or will be once somebody ends the auction.
    TooLate,
    /// Others' auction failed: once it is ended the next one begins.
    Failed,
}

fn stand(seen: &AuctionInfo, me: Address, schedule: &Schedule, now_unix: u64) -> Stand {
    if !seen.entered {
        return if seen.takes_entries(schedule, now_unix) {
            Stand::Open
        } else if seen.has_failed(now_unix) {
            Stand::Failed
        } else {
            Stand::Lost
        };
    }
    if seen.claims_until_unix.is_none() {
        return Stand::Waits;
    }
    match seen.best {
        Some(best) if best == me && seen.is_winner => Stand::Won,
        Some(best) if best == me && seen.has_failed(now_unix) => Stand::TooLate,
        Some(best) if best == me => Stand::Waits,
        _ if seen.is_decided(now_unix) => match seen.best {
            Some(_) => Stand::Lost,
            None => Stand::TooLate,
        },
        _ if seen.is_lowest => Stand::Lowest,
        _ => Stand::Lost,
    }
}

/// Whether the slot is a sealed one that somebody else lost, and that is not filled yet.
pub(super) fn is_bid(record: &SlotRecord) -> bool {
    let waits = matches!(
        record.state,
        SlotState::Accepted { acceptance } | SlotState::Packed { acceptance, .. }
            if acceptance == BY_REPAIR
    );
    waits && record.kind == SectorKind::Sealed
}

impl Work {
    /// Does one thing in an auction. Says whether it did. While gas is `dear` only claims are sent.
    pub(super) async fn step_bids(&self, head: Head, dear: bool) -> Result<bool, ProvingError> {
        let bids = self.ledger.slots(is_bid);
        let period = self.schedule.period_of(head.timestamp);
        self.market.bids.keep(&bids);
        for (key, record) in bids {
            let suspect = Suspect::Bid(key);
            // Sealing takes many periods: what is won and packed is looked at once in each.
            let rests = matches!(record.state, SlotState::Packed { .. })
                && self.market.bids.was_won_in(period, key);
            if rests || self.backoff.holds(suspect, (self.clock)()) {
                continue;
            }
            match self.bid(key, record, head, dear).await {
                Ok(moved) => {
                    self.backoff.forget(suspect);
                    if moved {
                        return Ok(true);
                    }
                }
                Err(error) => {
                    let error = only_its_own(error)?;
                    let now = (self.clock)();
                    self.backoff.refused(suspect, now);
                    let soon = self.market.repair.claim_s / TRIES_IN_CLAIMS;
                    self.backoff.shorten(suspect, now.saturating_add(soon));
                    tracing::warn!(slot = %key, %error, "an auction is held up: it waits, the others go on");
                    // Somebody may have been faster: the next look tells.
                    if !matches!(error, ProvingError::Chain(ChainFault::Refused(_))) {
                        self.note(&error);
                    }
                }
            }
        }
        Ok(false)
    }

    async fn bid(
        &self,
        key: SlotKey,
        record: SlotRecord,
        head: Head,
        dear: bool,
    ) -> Result<bool, ProvingError> {
        match self.chain.slot(key.deal, key.slot).await?.status {
            SlotStatus::Freed => {}
            // Its event moves the record.
            SlotStatus::Filled { provider, .. } if provider == self.me => return Ok(false),
            _ => return self.end_bid(key, record, "somebody else filled it").await,
        }
        let deal = self.chain.deal(key.deal).await?;
        let runs = |deal: &DealInfo| self.schedule.open_period(head.timestamp) <= deal.end_period;
        let Some(deal) = deal.filter(runs) else {
            return self.end_bid(key, record, "the deal is over").await;
        };
        let seen = self.chain.auction(key.deal, key.slot).await?;
        let stand = stand(&seen, self.me, &self.schedule, head.timestamp);
        if stand != Stand::Won {
            self.market.bids.seen().won.remove(&key);
        }
        match stand {
            Stand::Waits => Ok(false),
            Stand::Open | Stand::Failed if dear => Ok(false),
            Stand::Open if self.seal.parallel == 0 => {
                self.end_bid(key, record, "this node seals no more").await
            }
            Stand::Open => {
                let credit = self.chain.repair_credit().await?;
                let bond = self.market.repair.seal_bond.saturating_sub(credit);
                let kept = bond.saturating_add(self.seal.deposit);
                let price = deal.price_per_slot_period;
                self.stake(std::iter::once(price), kept).await?;
                self.chain.enter_auction(key.deal, key.slot).await?;
                self.metrics.count(Counter::AuctionsEntered);
                tracing::info!(slot = %key, turn = seen.turn, "entered the auction of a repair");
                Ok(true)
            }
            Stand::Failed => {
                self.chain.expire_auction(key.deal, key.slot).await?;
                tracing::info!(slot = %key, turn = seen.turn, "ended an auction that failed");
                Ok(true)
            }
            Stand::Lowest => {
                self.chain.claim_auction(key.deal, key.slot).await?;
                tracing::info!(slot = %key, turn = seen.turn, "claimed a repair: no lower rank has");
                Ok(true)
            }
            Stand::Won => Ok(self.note_won(key, &seen, head)),
            Stand::Lost => self.end_bid(key, record, "another one got it").await,
            Stand::TooLate => {
                let words = format!("the bond for the repair of {key}, which comes too late");
                self.metrics.raise(Alarm::Slashed, &words);
                tracing::error!(slot = %key, turn = seen.turn, "LOST: the bond of a repair that was not made in time");
                self.end_bid(key, record, "it comes too late").await
            }
        }
    }

    /// Says whether it is news.
    fn note_won(&self, key: SlotKey, auction: &AuctionInfo, head: Head) -> bool {
        let period = self.schedule.period_of(head.timestamp);
        let mut seen = self.market.bids.seen();
        seen.looked.insert(key, period);
        let news = seen.won.insert(key);
        drop(seen);
        if news {
            self.metrics.count(Counter::AuctionsWon);
            let left = auction.seal_periods_left;
            tracing::info!(slot = %key, periods = left, "won a repair: its piece is packed and sealed now");
        }
        news
    }

    /// The slot ends here; the packer drops its piece, a sector that is sealed for nobody else is given up.
    async fn end_bid(
        &self,
        key: SlotKey,
        record: SlotRecord,
        why: &str,
    ) -> Result<bool, ProvingError> {
        tracing::info!(slot = %key, why, "a repair is given up");
        self.move_by_asking(key, record, SlotEvent::End).await?;
        Ok(true)
    }

    /// Takes this node's bond in an auction back, if that can be done now.
    pub(super) async fn take_bond_back(&self, key: SlotKey, turn: u32) -> Result<(), ChainFault> {
        let (deal, slot) = (key.deal, key.slot);
        if !self.chain.bond_refundable(deal, slot, turn).await? {
            // Where the deal ended first somebody has to end the auction, and it may be nobody else's business.
            let open = self.schedule.open_period(self.view.chain_time_unix());
            let ended = self.chain.deal(deal).await?;
            let over = ended.is_some_and(|deal| open > deal.end_period);
            if !over || self.chain.auction(deal, slot).await?.turn != turn {
                return Ok(());
            }
            self.chain.expire_auction(deal, slot).await?;
            if !self.chain.bond_refundable(deal, slot, turn).await? {
                return Ok(());
            }
        }
        self.chain.refund_bond(deal, slot, turn).await?;
        if self.chain.repair_credit().await? > 0 {
            self.chain.withdraw_repair_bonds().await?;
        }
        tracing::info!(slot = %key, turn, "the bond of an auction is back");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ME: Address = Address([1; 20]);
    const OTHER: Address = Address([2; 20]);
    const SCHEDULE: Schedule = Schedule {
        genesis_unix: 100,
        round_s: 3,
        t0_unix: 1_000,
        period_s: 12,
        freeze_s: 2,
        due_s: 8,
    };
    /// Entered, its round out, claims until 1100.
    const RANKED: AuctionInfo = AuctionInfo {
        turn: 0,
        period: Some(Period(5)),
        claims_until_unix: Some(1_100),
        best: None,
        entered: true,
        is_lowest: true,
        is_winner: false,
        seal_periods_left: Some(10),
    };

    const fn best(best: Address, seen: AuctionInfo) -> AuctionInfo {
        AuctionInfo {
            best: Some(best),
            ..seen
        }
    }

    /// A rank as low as its own, or lower, has claimed.
    const fn beaten(by: Address) -> AuctionInfo {
        AuctionInfo {
            is_lowest: false,
            ..best(by, RANKED)
        }
    }

    const fn late(seen: AuctionInfo) -> AuctionInfo {
        AuctionInfo {
            seal_periods_left: Some(0),
            ..seen
        }
    }

    #[test]
    fn who_is_not_in_an_auction_enters_it_or_ends_it_or_leaves_it_to_others() {
        let out = AuctionInfo {
            entered: false,
            is_lowest: false,
            ..RANKED
        };
        // Entries end at 1058.
        let cases = [
            ("none runs", AuctionInfo::default(), 1_000, Stand::Open),
            ("open", out, 1_057, Stand::Open),
            ("closed", out, 1_058, Stand::Lost),
            ("others won", best(OTHER, out), 1_101, Stand::Lost),
            ("nobody claimed", out, 1_101, Stand::Failed),
            ("too late", late(best(OTHER, out)), 1_101, Stand::Failed),
        ];
        for (what, seen, now, expected) in cases {
            assert_eq!(stand(&seen, ME, &SCHEDULE, now), expected, "{what}");
        }
    }

    #[test]
    fn an_entrant_claims_when_no_lower_rank_has_and_wins_behind_the_claims() {
        let unknown = AuctionInfo {
            claims_until_unix: None,
            is_lowest: false,
            seal_periods_left: None,
            ..RANKED
        };
        let winner = AuctionInfo {
            is_winner: true,
            ..beaten(ME)
        };
        let cases = [
            ("entered", unknown, 1_050, Stand::Waits),
            ("no round", unknown, 2_000, Stand::Waits),
            ("nobody claimed yet", RANKED, 1_060, Stand::Lowest),
            ("a higher rank", best(OTHER, RANKED), 1_100, Stand::Lowest),
            ("too late for it", best(OTHER, RANKED), 1_101, Stand::Lost),
            ("claimed", beaten(ME), 1_100, Stand::Waits),
            ("its right begins", beaten(ME), 1_101, Stand::Waits),
            ("the winner", winner, 1_101, Stand::Won),
            ("a lower rank", beaten(OTHER), 1_100, Stand::Lost),
            ("nobody claimed", RANKED, 1_101, Stand::TooLate),
            ("time is up", late(beaten(ME)), 1_400, Stand::TooLate),
            ("the other's is", late(beaten(OTHER)), 1_400, Stand::Lost),
        ];
        for (what, seen, now, expected) in cases {
            assert_eq!(stand(&seen, ME, &SCHEDULE, now), expected, "{what}");
        }
    }
}
