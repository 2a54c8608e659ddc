//! The node's own work against a chain that is a table in memory and believes only proofs that verify.
//!
//! | file | what it holds |
//! |---|---|
//! | `fake_chain.rs` | that chain |
//! | `fake_auctions.rs` | its auctions |
//! | `windows.rs` | proving in time, rot, outages |
//! | `sectors.rs` | append and activation, restarts between any two steps |
//! | `sealing.rs` | a sealed sector from its data to its windows, and what can befall it |
//! | `labelling.rs` | labels of one sector and of two, stopped, rotten, and out of the way of what is urgent |
//! | `unsealing.rs` | data that lies only in a replica, and who reads it |
//! | `clocks.rs` | what has a deadline of its own is held up by nothing, and costs nothing when it is for nobody |
//! | `bids.rs` | auctions of sealed slots that others lost, and what is won in them |
//! | `packing.rs` | what is packed, given up and forgotten |
//! | `reorganisations.rs` | the chain takes blocks back |
//! | `relay.rs` | a segment relayed over several nodes on real sockets |

mod bids;
mod clocks;
mod fake_auctions;
mod fake_chain;
mod fake_port;
mod labelling;
mod market;
mod packing;
mod relay;
mod reorganisations;
mod sealing;
mod sectors;
mod unsealing;
mod windows;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cairn_contracts::{CollateralTerms, RepairTerms};
use cairn_merkle::piece::PieceCommitter;
use cairn_merkle::range::Outboard;
use cairn_wire::{ContentId, DealId, Eip712Domain, SecretKey, SectorKind, Signature, SlotIndex};

use crate::dashboard::Metrics;
use crate::deal::{BY_REPAIR, SlotEvent, SlotState};
use crate::pipeline::{
    Backoff, Bids, Challenged, MarketPart, PayTurn, Progress, Work, seal_threads,
};
use crate::proving::{MemoryBudget, ProofThreads};
use crate::sealing::{LabelFolders, UnsealQueue};
use crate::sector::{PackingRule, kept_rows};
use crate::serve::{RelayRules, ServeContext};
use crate::store::{Home, Ledger, PieceRecord, SlotKey, SlotRecord, Store, StoreOptions};
use crate::view::ChainView;
use fake_auctions::{BOND, CLAIM_S};
use fake_chain::{FakeChain, KEYS, ME, NativeProver, SCHEDULE, rules, set};

/// Enough for every proof of the set.
fn memory() -> MemoryBudget {
    MemoryBudget::for_set(4 << 30, set(), true).unwrap()
}

/// A node's own work over a folder, as after a start.
fn start(folder: &Path, chain: &FakeChain) -> Work {
    start_with(folder, chain, StoreOptions::default())
}

/// Without collateral, without repairs.
fn market_part() -> MarketPart {
    MarketPart {
        collateral: CollateralTerms::default(),
        repair: RepairTerms {
            commit_age_s: 3,
            commit_life_s: 600,
            right_life_s: 60,
            claim_s: CLAIM_S,
            seal_periods: 10,
            seal_bond: BOND,
        },
        salt_key: [4; 32],
        challenged: Challenged::default(),
        bids: Bids::default(),
        hunt: None,
        repairs: None,
    }
}

fn start_with(folder: &Path, chain: &FakeChain, options: StoreOptions) -> Work {
    let store = Store::open(folder, options).unwrap();
    let clock = Arc::new(AtomicU64::new(1));
    Work {
        me: ME,
        set: set(),
        schedule: SCHEDULE,
        start_block: 0,
        rule: PackingRule {
            sector_log2_leaves: set().sector_log2_leaves,
            wait_s: 0,
        },
        chain: Arc::new(chain.clone()),
        view: Arc::new(ChainView::default()),
        ledger: Arc::new(Ledger::load(store).unwrap()),
        metrics: Arc::new(Metrics::default()),
        keys: Arc::clone(&KEYS),
        // Every look at the clock is ten seconds later: pauses after a refusal do not hold the tests up.
        clock: Arc::new(move || clock.fetch_add(10, Ordering::Relaxed)),
        poll: Duration::from_millis(1),
        settle_every_periods: 3,
        market: market_part(),
        pay: PayTurn::default(),
        backoff: Backoff::default(),
        seal: rules(),
        folders: LabelFolders::open(&folder.join("labels")).unwrap(),
        proofs: Arc::new(ProofThreads::new(2, memory()).unwrap()),
        replicas: Arc::new(NativeProver),
        // As everything else of the test: what has to wait for the machine's leisure would time out.
        seal_threads: seal_threads(2, rustix::process::getpriority_process(None).unwrap()).unwrap(),
        progress: Progress::default(),
        stop_sealing: AtomicBool::new(false),
        unseals: Arc::new(UnsealQueue::new(rules().cached_sectors(set()), 1, [])),
        handed_in: Mutex::default(),
        swept: Mutex::default(),
    }
}

fn take_piece(work: &Work, number: u64, byte_len: usize) {
    take_piece_of(work, SectorKind::Hot, number, byte_len);
}

/// A piece of a slot that somebody else lost.
fn take_repair(work: &Work, number: u64, byte_len: usize) {
    take_piece_as(work, SectorKind::Hot, number, byte_len, BY_REPAIR);
}

fn take_piece_of(work: &Work, kind: SectorKind, number: u64, byte_len: usize) -> ContentId {
    take_piece_as(work, kind, number, byte_len, Signature([2; 65]))
}

fn take_piece_as(
    work: &Work,
    kind: SectorKind,
    number: u64,
    byte_len: usize,
    acceptance: Signature,
) -> ContentId {
    let mut bytes = vec![0; byte_len];
    blake3::Hasher::new()
        .update(&number.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    let (content_id, outboard) = Outboard::build(&bytes).unwrap();
    let mut committer = PieceCommitter::new(byte_len as u64).unwrap();
    committer.update(&bytes).unwrap();
    let (commitment, tree) = committer.finish_tree().unwrap();
    let record = PieceRecord {
        byte_len: byte_len as u64,
        b: commitment.b,
        comm_p: commitment.comm_p,
        home: Home::Large,
    };
    let slot = SlotRecord {
        content_id,
        owner: ME,
        expiry_unix: 1_000_000,
        since_unix: 0,
        state: SlotState::Stored,
        kind,
    };
    let key = SlotKey {
        deal: DealId(number),
        slot: SlotIndex(0),
    };
    let mut writer = work
        .ledger
        .store()
        .piece_writer(content_id, byte_len as u64)
        .unwrap();
    writer.push(&bytes).unwrap();
    writer
        .finish(
            record,
            &outboard,
            &kept_rows(&tree, byte_len as u64),
            (key, &slot),
        )
        .unwrap();
    work.ledger.note_slot(key, slot);
    work.ledger
        .step_slot(key, SlotEvent::Accept(acceptance), 1)
        .unwrap();
    content_id
}

/// Ticks until nothing more can be done, as the node's loop does.
async fn settle(work: &Work) {
    let mut pause_until = 0;
    for _ in 0..20 {
        match work.tick(pause_until).await {
            Ok(true) => {}
            Ok(false) => {
                // Once more: a block that the last step made is read by the next.
                if matches!(work.tick(pause_until).await, Ok(false)) {
                    return;
                }
            }
            Err(error) => {
                work.report(&error, &mut pause_until);
                return;
            }
        }
    }
}

/// Three pieces taken, packed, appended, activated; period 1's round is the next to come.
async fn with_sector(folder: &Path, chain: &FakeChain) -> Work {
    let work = start(folder, chain);
    for (number, byte_len) in [(1, 500), (2, 2_000), (3, 90)] {
        take_piece(&work, number, byte_len);
    }
    assert_eq!(work.pack().unwrap(), 1, "one sector");
    settle(&work).await;
    work
}

/// Flips a bit wherever these bytes lie in a table file; gives the number of places.
fn flip_on_disk(folder: &Path, needle: &[u8]) -> usize {
    use std::os::unix::fs::FileExt as _;
    let mut found = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "sst") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for at in bytes
            .windows(needle.len())
            .enumerate()
            .filter(|(_, window)| *window == needle)
            .map(|(at, _)| at)
        {
            let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
            file.write_all_at(&[bytes[at] ^ 1], at as u64).unwrap();
            found += 1;
        }
    }
    found
}

fn state_of(work: &Work, deal: u64) -> &'static str {
    let key = SlotKey {
        deal: DealId(deal),
        slot: SlotIndex(0),
    };
    work.ledger.slot(key).unwrap().state.name()
}

/// What the node serves with, over the records of its own work.
fn context_of(work: &Work) -> ServeContext {
    ServeContext {
        me: work.me,
        operator: SecretKey::from_bytes(&[5; 32]).unwrap(),
        domain: Eip712Domain {
            chain_id: 1,
            deals: work.me,
        },
        schedule: work.schedule,
        set_name: work.set.name.to_owned(),
        b_max: work.set.b_max,
        quota_bytes: 1 << 20,
        reserve_bytes: 0,
        seals: true,
        relay: RelayRules {
            parallel: 0,
            spool_bytes: 0,
            bytes_per_s: 0,
            patience: Duration::from_secs(10),
        },
        receipt_s: 600,
        confirmations: 1,
        chain: Arc::clone(&work.chain),
        view: Arc::clone(&work.view),
        unseals: Arc::clone(&work.unseals),
        ledger: Arc::clone(&work.ledger),
        metrics: Arc::clone(&work.metrics),
        clock: Arc::clone(&work.clock),
    }
}
