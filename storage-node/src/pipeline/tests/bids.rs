//! Auctions of sealed slots that others lost: entered, claimed, won or lost, and what follows.

use std::path::Path;

use cairn_contracts::{CollateralTerms, DealInfo, NewSlot};
use cairn_wire::{Address, ContentId, DealId, Period, SectorKind, SlotIndex};

use super::fake_auctions::{Auction, BOND, RANK};
use super::fake_chain::{FakeChain, ME, SCHEDULE, rules};
use super::market::{freed, rebuilt};
use super::sealing::{SEALED, drive, name};
use super::{settle, start, state_of, take_piece_of};
use crate::dashboard::{Alarm, Counter};
use crate::deal::{BY_REPAIR, SlotState};
use crate::error::RepairFault;
use crate::pipeline::{Hunt, Work};
use crate::repair::RepairRules;
use crate::store::{SlotKey, SlotRecord, UNDO_BLOCKS};

const OTHER: Address = Address([9; 20]);
const KEY: (DealId, SlotIndex) = (DealId(1), SlotIndex(0));
/// The round of the auction that is entered at 1013.
const RANKED: Period = Period(3);

const RULES: RepairRules = RepairRules {
    bytes_per_s: None,
    least_pay: 0,
    spread_s: 0,
    quota_bytes: 1 << 20,
    reserve_bytes: 0,
};

fn sealed(deal: DealInfo) -> DealInfo {
    DealInfo {
        kind: SEALED,
        end_period: Period(60),
        ..deal
    }
}

/// A node over a folder, as after a start, that repairs.
fn repairer(folder: &Path, chain: &FakeChain) -> Work {
    let mut work = start(folder, chain);
    work.market.hunt = Some(Hunt::new(ME, 0, None));
    work.market.collateral = CollateralTerms {
        fault_periods: 2,
        repair_periods: 1,
        ..work.market.collateral
    };
    work
}

/// The piece of the only slot of deal 1, sealed and lost by another, made again and taken: the node is in its auction.
async fn entered(folder: &Path, chain: &FakeChain) -> Work {
    let work = repairer(folder, chain);
    let (path, deal, key, comm_p) = rebuilt(folder, &[7; 2_000]);
    let deal = sealed(deal);
    {
        let mut table = chain.table();
        table.stake_per_price = 3;
        table.funds.balance = 1_000;
        table.deals.insert(key.deal, deal.clone());
        table.open_repairs.insert(KEY);
    }
    work.take_rebuilt(key, deal, freed(Some(comm_p)), path)
        .await
        .unwrap();
    drive(&work).await;
    assert_eq!(chain.calls("enter_auction"), 1, "entered");
    work
}

fn balance(chain: &FakeChain) -> u128 {
    chain.table().funds.balance
}

fn slot() -> SlotKey {
    SlotKey {
        deal: KEY.0,
        slot: KEY.1,
    }
}

/// The round is out and this node has claimed; ends in the first second behind the claims.
async fn won(folder: &Path, chain: &FakeChain) -> Work {
    let work = entered(folder, chain).await;
    chain.advance_to(SCHEDULE.round_time(RANKED));
    drive(&work).await;
    assert_eq!(chain.calls("claim_auction"), 1, "claimed");
    chain.advance_to(behind_claims(chain));
    work
}

fn behind_claims(chain: &FakeChain) -> u64 {
    chain.table().running(KEY).unwrap().claims_until() + 1
}

/// Nothing of it was given to the packer.
fn is_not_packed(work: &Work, why: &str) {
    assert_eq!(work.pack().unwrap(), 0, "no sector: {why}");
    assert_eq!(state_of(work, 1), "accepted", "{why}");
}

/// Sealed, proven and appended, whatever rounds that takes.
async fn fill(work: &Work, chain: &FakeChain) {
    for _ in 0..4 {
        let next = SCHEDULE.period_after(chain.table().time);
        drive(work).await;
        chain.advance_to(SCHEDULE.round_time(next));
    }
    drive(work).await;
}

#[tokio::test]
async fn the_winner_packs_seals_and_fills_the_slot_and_has_its_bond_back() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = entered(folder.path(), &chain).await;
    let staked = chain.table().collateral.total;
    assert!(staked >= 21, "the slot's collateral lies there: {staked}");
    assert_eq!(balance(&chain), 1_000 - BOND - staked, "and the bond");
    is_not_packed(&work, "the round is not out");
    chain.advance_to(SCHEDULE.round_time(RANKED));
    is_not_packed(&work, "not claimed");
    drive(&work).await;
    assert_eq!(chain.calls("claim_auction"), 1, "claimed");
    is_not_packed(&work, "claims still run");
    chain.advance_to(behind_claims(&chain) - 1);
    drive(&work).await;
    is_not_packed(&work, "their last second");
    chain.advance_to(behind_claims(&chain));
    is_not_packed(&work, "not looked at since");
    drive(&work).await;
    assert_eq!(work.pack().unwrap(), 1, "won");
    fill(&work, &chain).await;
    assert_eq!(name(&work), "registered", "sealed and appended");
    assert_eq!(state_of(&work, 1), "active", "repaired");
    let calls = ["enter_auction", "claim_auction", "activate"];
    assert_eq!(calls.map(|call| chain.calls(call)), [1; 3], "each once");
    let counters = [Counter::AuctionsEntered, Counter::AuctionsWon];
    assert_eq!(
        counters.map(|one| work.metrics.counter(one)),
        [1; 2],
        "counted"
    );
    settle(&work).await;
    let table = chain.table();
    let staked = table.collateral.total;
    assert_eq!(table.funds.at_hand(), 1_000 - staked, "the bond is back");
}

#[tokio::test]
async fn a_piece_that_is_won_waits_for_no_others_to_be_packed() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = won(folder.path(), &chain).await;
    drive(&work).await;
    let accepted = work.ledger.slot(slot()).unwrap();
    let since_unix = std::iter::repeat_with(|| (work.clock)()).nth(200).unwrap();
    let fresh = SlotRecord {
        since_unix,
        ..accepted
    };
    work.ledger.put_slot(slot(), fresh).unwrap();
    work.rule.wait_s = 1_000;
    assert!(since_unix > 2 * work.rule.wait_s, "any other would wait");
    assert_eq!(work.pack().unwrap(), 1, "its clock runs");
}

#[tokio::test]
async fn the_loser_drops_the_piece_and_takes_its_bond_back() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = entered(folder.path(), &chain).await;
    let content_id = work.ledger.slot(slot()).unwrap().content_id;
    let before = balance(&chain);
    chain.advance_to(SCHEDULE.round_time(RANKED));
    chain.table().running(KEY).unwrap().best = Some((OTHER, RANK - 1));
    drive(&work).await;
    assert_eq!(chain.calls("claim_auction"), 0, "a lower rank has claimed");
    assert_eq!(state_of(&work, 1), "ended", "lost");
    assert_eq!(balance(&chain), before, "claims still run");
    assert_eq!(work.pack().unwrap(), 0, "nothing to pack");
    for period in 1..=3 {
        chain.advance_to(SCHEDULE.deadline(Period(RANKED.0 + period)) + 1);
        settle(&work).await;
    }
    assert_eq!(balance(&chain), before + BOND, "withdrawn");
    assert_eq!(chain.calls("refund_bond"), 1, "once");
    // Until the chain cannot take it back any more.
    chain.table().block += 2 * UNDO_BLOCKS;
    for _ in 0..3 {
        settle(&work).await;
    }
    work.pack().unwrap();
    let piece = work.ledger.store().piece(&content_id).unwrap();
    assert_eq!(piece, None, "wanted by nobody");
    assert!(!work.metrics.is_raised(Alarm::Slashed), "nothing is lost");
}

#[tokio::test]
async fn a_claim_is_made_over_a_higher_rank_and_while_gas_is_dear() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = entered(folder.path(), &chain).await;
    chain.advance_to(SCHEDULE.round_time(RANKED));
    {
        let mut table = chain.table();
        table.running(KEY).unwrap().best = Some((OTHER, RANK + 1));
        table.too_dear = Some(1);
    }
    drive(&work).await;
    let best = chain.table().running(KEY).unwrap().best;
    assert_eq!(best, Some((ME, RANK)), "ours");
}

#[tokio::test]
async fn no_auction_is_entered_while_gas_is_dear_or_without_its_collateral() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = repairer(folder.path(), &chain);
    let (path, deal, key, comm_p) = rebuilt(folder.path(), &[7; 2_000]);
    let deal = sealed(deal);
    {
        let mut table = chain.table();
        table.stake_per_price = 3;
        table.funds.balance = 1_000;
        table.too_dear = Some(1);
        table.deals.insert(key.deal, deal.clone());
        table.open_repairs.insert(KEY);
    }
    work.take_rebuilt(key, deal, freed(Some(comm_p)), path)
        .await
        .unwrap();
    drive(&work).await;
    assert_eq!(chain.calls("enter_auction"), 0, "it can wait");
    {
        let mut table = chain.table();
        (table.too_dear, table.funds.balance) = (None, 20);
    }
    drive(&work).await;
    assert_eq!(chain.calls("enter_auction"), 0, "it cannot stake");
    assert!(work.metrics.is_raised(Alarm::Collateral), "said");
    chain.table().funds.balance = 21 + BOND + rules().deposit - 1;
    for _ in 0..10 {
        drive(&work).await;
    }
    assert_eq!(chain.calls("deposit_collateral"), 0, "one is missing");
    chain.table().funds.balance += 1;
    for _ in 0..10 {
        drive(&work).await;
    }
    assert_eq!(chain.calls("enter_auction"), 1, "then");
}

#[tokio::test]
async fn a_winner_that_is_too_late_says_so_and_lets_the_slot_go() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = won(folder.path(), &chain).await;
    drive(&work).await;
    assert_eq!(work.pack().unwrap(), 1, "won");
    // Somebody's machine is too slow: the sector is never sealed.
    for later in 1..=10 {
        chain.advance_to(SCHEDULE.deadline(Period(RANKED.0 + later)) + 1);
        settle(&work).await;
        let expected = if later < 10 { "packed" } else { "ended" };
        assert_eq!(state_of(&work, 1), expected, "{later} periods later");
    }
    assert!(work.metrics.is_raised(Alarm::Slashed), "the bond is gone");
    assert_eq!(chain.calls("refund_bond"), 0, "nothing comes back");
    drive(&work).await;
    assert_eq!(chain.calls("precommit"), 0, "no deposit for nobody");
    chain.table().expire(KEY).unwrap();
    settle(&work).await;
    assert_eq!(
        work.metrics.counter(Counter::Slashes),
        1,
        "counted once ended"
    );
}

#[tokio::test]
async fn an_auction_of_others_that_failed_is_ended_and_the_next_one_entered() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = entered(folder.path(), &chain).await;
    // As if it had never been in: another entered, and nobody claimed.
    chain.table().running(KEY).unwrap().bonded = false;
    chain.advance_to(behind_claims(&chain));
    drive(&work).await;
    let calls = ["expire_auction", "enter_auction"];
    assert_eq!(calls.map(|call| chain.calls(call)), [1, 2], "in the next");
    assert_eq!(state_of(&work, 1), "accepted", "it goes on");
}

#[tokio::test]
async fn an_auction_that_runs_without_this_node_is_left_to_its_entrants() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = entered(folder.path(), &chain).await;
    chain.table().running(KEY).unwrap().bonded = false;
    chain.advance_to(SCHEDULE.freeze_time(RANKED));
    drive(&work).await;
    assert_eq!(state_of(&work, 1), "ended", "entries are closed");
    assert_eq!(chain.calls("enter_auction"), 1, "no second try");
}

#[tokio::test]
async fn the_bond_of_an_auction_whose_deal_ended_first_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = won(folder.path(), &chain).await;
    drive(&work).await;
    let before = balance(&chain);
    let now = chain.table().time;
    chain.table().deals.get_mut(&KEY.0).unwrap().end_period = SCHEDULE.period_of(now);
    for later in 3..=4 {
        chain.advance_to(SCHEDULE.deadline(Period(RANKED.0 + later)) + 1);
        settle(&work).await;
    }
    assert_eq!(state_of(&work, 1), "ended", "over");
    assert_eq!(chain.calls("expire_auction"), 1, "ended by this node");
    assert_eq!(balance(&chain), before + BOND, "withdrawn");
    assert!(!work.metrics.is_raised(Alarm::Slashed), "nothing is lost");
}

#[tokio::test]
async fn a_restart_after_any_step_with_its_answer_lost_repeats_nothing_that_costs() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    drop(entered(folder.path(), &chain).await);
    let times = [
        SCHEDULE.round_time(RANKED),
        behind_claims(&chain),
        SCHEDULE.round_time(Period(7)),
        SCHEDULE.round_time(Period(9)),
    ];
    for time in times {
        chain.advance_to(time);
        for round in 0..40 {
            let work = repairer(folder.path(), &chain);
            work.sweep_seals().unwrap();
            if round % 2 == 0 {
                chain.table().lose_answer = true;
                if let Err(error) = work.tick(0).await {
                    assert!(error.to_string().contains("lost"), "{error}");
                }
                chain.table().lose_answer = false;
            } else {
                // What is won is known again after a look, and only then packed.
                settle(&work).await;
                work.pack().unwrap();
                for sector in work.machine_work() {
                    work.run_machine(&[sector]);
                }
            }
        }
    }
    let work = repairer(folder.path(), &chain);
    assert_eq!(state_of(&work, 1), "active", "repaired");
    let calls = [
        "enter_auction",
        "claim_auction",
        "precommit",
        "activate",
        "refund_bond",
    ];
    assert_eq!(calls.map(|call| chain.calls(call)), [1; 5], "each once");
}

#[tokio::test]
async fn a_second_slot_of_a_deal_waits_until_the_first_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = entered(folder.path(), &chain).await;
    let second = SlotIndex(1);
    {
        let mut table = chain.table();
        let piece = NewSlot {
            content_id: ContentId::from([5; 32]),
            b: 4,
            byte_len: 500,
            provider: OTHER,
        };
        table.deals.get_mut(&KEY.0).unwrap().slots.push(piece);
        table.open_repairs.insert((KEY.0, second));
        table.emit(cairn_contracts::ChainEventKind::SlotFreed {
            deal: KEY.0,
            slot: second,
            provider: OTHER,
            comm_p: None,
        });
    }
    settle(&work).await;
    assert_eq!(work.next_repair(&RULES), None, "one at a time");
    chain.advance_to(SCHEDULE.round_time(RANKED));
    chain.table().running(KEY).unwrap().best = Some((OTHER, RANK - 1));
    settle(&work).await;
    assert_eq!(state_of(&work, 1), "ended", "the first is lost");
    let next = work.next_repair(&RULES).map(|(key, _)| key.slot);
    assert_eq!(next, Some(second), "its turn");
}

#[tokio::test]
async fn a_sealed_repair_is_recorded_as_sealed_and_by_right_of_repair() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = entered(folder.path(), &chain).await;
    let record = work.ledger.slot(slot()).unwrap();
    assert_eq!(record.kind, SectorKind::Sealed, "the deal's kind");
    let acceptance = BY_REPAIR;
    assert_eq!(
        record.state,
        SlotState::Accepted { acceptance },
        "its right"
    );
}

#[tokio::test]
async fn a_sector_that_is_ready_too_early_waits_for_the_right_to_its_slot() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = won(folder.path(), &chain).await;
    drive(&work).await;
    assert_eq!(work.pack().unwrap(), 1, "won");
    // As an endpoint has it that is behind: the auction's round is not out.
    chain.table().running(KEY).unwrap().period = Period(30);
    fill(&work, &chain).await;
    assert_eq!(name(&work), "registered", "sealed and appended");
    assert_eq!(chain.calls("activate"), 0, "nothing is tried in vain");
    assert_eq!(state_of(&work, 1), "packed", "it waits");
    chain.table().running(KEY).unwrap().period = RANKED;
    let next = SCHEDULE.period_after(chain.table().time);
    chain.advance_to(SCHEDULE.round_time(next));
    drive(&work).await;
    assert_eq!(state_of(&work, 1), "active", "then it is filled");
}

/// Why this node does not begin the repair of deal 1's slot, in a word; nothing if it does.
async fn against(work: &Work, chain: &FakeChain) -> &'static str {
    let deal = chain.table().deals[&KEY.0].clone();
    match work.judge(&RULES, slot(), &deal, freed(None)).await {
        Ok(()) => "",
        Err(RepairFault::NotWorthIt(why)) => why,
        Err(fault) => panic!("{fault}"),
    }
}

/// A node that heard of deal 1's freed slot, with just enough money for it.
async fn offered(folder: &Path, chain: &FakeChain) -> Work {
    let work = repairer(folder, chain);
    let (_, deal, key, _) = rebuilt(folder, &[7; 2_000]);
    {
        let mut table = chain.table();
        table.deals.insert(key.deal, sealed(deal));
        table.open_repairs.insert(KEY);
        table.funds.balance = 21 + BOND + rules().deposit;
    }
    settle(&work).await;
    work
}

#[tokio::test]
async fn a_sealed_repair_is_begun_only_with_the_money_and_the_time_for_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = offered(folder.path(), &chain).await;
    assert_eq!(against(&work, &chain).await, "", "just enough money");
    chain.table().funds.balance -= 1;
    assert!(
        against(&work, &chain).await.contains("stake"),
        "one is missing"
    );
    (chain.table().funds.credit, chain.table().repair_credit) = (1, 0);
    assert_eq!(against(&work, &chain).await, "", "a deposit that came back");
    (chain.table().funds.credit, chain.table().repair_credit) = (0, 1);
    assert_eq!(against(&work, &chain).await, "", "a bond that came back");
    chain.table().collateral.free = 22;
    chain.table().funds.balance = BOND + rules().deposit - 2;
    assert!(
        against(&work, &chain).await.contains("stake"),
        "collateral is no bond"
    );
    chain.table().funds.balance += 1;
    assert_eq!(against(&work, &chain).await, "", "all there is");

    work.seal.parallel = 0;
    assert!(
        against(&work, &chain).await.contains("does not seal"),
        "no sealing"
    );
    work.seal.parallel = 1;
    // Three periods of the auction, one of claims, ten of the winner's.
    let open = SCHEDULE.open_period(1013).0;
    chain.table().deals.get_mut(&KEY.0).unwrap().end_period = Period(open + 14);
    assert!(against(&work, &chain).await.contains("over"), "too late");
    chain.table().deals.get_mut(&KEY.0).unwrap().end_period = Period(open + 15);
    assert_eq!(against(&work, &chain).await, "", "time enough");
}

#[tokio::test]
async fn a_sealed_repair_is_begun_only_where_its_auction_and_the_sealing_have_room() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = offered(folder.path(), &chain).await;
    let others = Auction {
        period: RANKED,
        best: Some((OTHER, RANK)),
        ..Auction::default()
    };
    chain.table().auctions.insert((KEY.0, KEY.1, 0), others);
    assert_eq!(against(&work, &chain).await, "", "it takes entries");
    chain.advance_to(SCHEDULE.freeze_time(RANKED));
    settle(&work).await;
    assert!(
        against(&work, &chain).await.contains("no entries"),
        "closed"
    );
    chain.advance_to(SCHEDULE.deadline(Period(13)) + 1);
    settle(&work).await;
    assert_eq!(
        against(&work, &chain).await,
        "",
        "its winner is late: the next one"
    );

    // Its 64 leaves have room in a sector of 256 beside 192, and no more.
    for deal in 7..=9 {
        take_piece_of(&work, SEALED, deal, 2_000);
        assert_eq!(against(&work, &chain).await, "", "64 more leaves wait");
    }
    take_piece_of(&work, SEALED, 10, 90);
    assert!(
        against(&work, &chain).await.contains("wait to be sealed"),
        "no room"
    );
    assert_eq!(work.pack().unwrap(), 1, "a sector that waits");
    assert!(
        against(&work, &chain).await.contains("wait to be sealed"),
        "it is next"
    );
}
