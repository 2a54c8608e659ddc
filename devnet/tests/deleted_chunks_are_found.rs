//! Story: a provider deletes a chunk of what it stores. The beacon's rounds follow from the network's seed, so the story
//! knows beforehand in which period a sample hits the hole: until then it proves and is paid, in that period it misses.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::too_many_lines,
    reason = "a test"
)]

mod support;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cairn_contracts::Chain;
use cairn_contracts::seed::WindowStatement;
use cairn_devnet::accounts;
use cairn_devnet::chain_view;
use cairn_devnet::network::Network;
use cairn_devnet::plan::Plan;
use cairn_devnet::user::Coding;
use cairn_merkle::field;
use cairn_prover::beacon;
use cairn_prover::params::SMALL;
use cairn_prover::spacetime::{SpacetimeStatement, samples};
use cairn_wire::{Address, Commitment, Period, TreeIndex};
use support::{TWO_OF_FOUR, TWO_PERIODS, file, key_dir, now, planned, providers};
use tokio::time::sleep;

const TREE: TreeIndex = TreeIndex(0);
/// Leaves of a chunk, and bytes of it on disk: a leaf of 32 bytes each.
const CHUNK_LEAVES: u64 = 4_096;
const CHUNK_BYTES: usize = 131_072;
/// Good periods between the deletion and the miss: the node has to be there again before the first of them.
const GOOD_PERIODS: u64 = 2;
/// A chunk that is hit later than this would make a long story.
const MOST_PERIODS: u64 = 8;

/// Where each chunk of a node's only sector lies on its disk: a file and an offset. A chunk is a block of its own in a file
/// of leaves, without compression: no shared key bytes, 20 of its own (sector, chunk, and 8 of the disk's), the length.
fn chunks_on_disk(data: &Path) -> BTreeMap<u64, (PathBuf, u64)> {
    const BEFORE: [u8; 5] = [0, 20, 0x80, 0x80, 0x08];
    let mut chunks = BTreeMap::new();
    let files = fs::read_dir(data).expect("the data folder");
    let paths = files.map(|entry| entry.expect("a file").path());
    for path in paths.filter(|path| path.extension().is_some_and(|kind| kind == "sst")) {
        let bytes = fs::read(&path).expect("a file of the store");
        let starts = bytes.windows(BEFORE.len()).enumerate();
        for (at, _) in starts.filter(|(_, window)| *window == BEFORE) {
            let key = at + BEFORE.len();
            let value = key + 20;
            let Some(chunk) = bytes.get(key + 8..key + 12) else {
                continue;
            };
            let chunk = u32::from_be_bytes(chunk.try_into().expect("four bytes"));
            if u64::from(chunk) < SMALL.sector_leaves() / CHUNK_LEAVES
                && value + CHUNK_BYTES <= bytes.len()
            {
                chunks.insert(u64::from(chunk), (path.clone(), value as u64));
            }
        }
    }
    chunks
}

/// The chunks of the provider's only sector that the samples of a period hit.
fn sampled(network: &Network, provider: Address, period: Period) -> Vec<u64> {
    let deployment = network.chain().deployment();
    let seed = accounts::secret_bytes(&network.plan().seed, accounts::BEACON);
    let key = beacon::SecretKey::from_seed(&seed).expect("the beacon's key");
    let round = deployment.schedule.round_of(period);
    let randomness = key.sign(round.0).expect("a signature").randomness();
    let statement = WindowStatement {
        chain_id: deployment.chain_id,
        sectors: deployment.sectors,
        circuit_id: deployment.keys.spacetime.circuit_id,
        sector_log2_leaves: deployment.parameters.sector_log2_leaves,
        provider,
        tree: TREE,
        period,
        count: 1,
    };
    let seed = field::from_bytes(&statement.seed(&randomness)).expect("an element");
    // which leaves are asked for does not depend on the root
    let window = SpacetimeStatement::window(&SMALL, Commitment::default(), seed, 1);
    let hits = samples(&SMALL, &window).into_iter();
    hits.map(|index| index.leaf / CHUNK_LEAVES).collect()
}

/// The first period from `from` on in which the samples hit a chunk.
fn first_hit(network: &Network, provider: Address, from: Period, chunk: u64) -> Period {
    let mut period = from;
    while !sampled(network, provider, period).contains(&chunk) {
        period = period.next();
    }
    period
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_deleted_on_disk_is_missed_in_the_very_period_that_the_beacon_asks_for_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let plan = Plan {
        // all pieces in one sector
        pack_wait_s: 8,
        ..Plan::new(&SMALL, 2, &key_dir())
    };
    let mut network = planned(dir.path(), plan).await;
    let (path, _) = file(dir.path(), "file", 21, 1_500_000);
    let coding = Coding {
        k: 1,
        n: 2,
        periods: 60,
        ..TWO_OF_FOUR
    };
    let put = network.user().put(&path, "file", coding).await;
    put.expect("put");
    let all = providers(&network);
    let (cheat, honest) = (all[0], all[1]);
    let tree = network.chain().tree(cheat, TREE).await.expect("a view");
    assert_eq!(tree.pending_count, 1, "one sector");
    chain_view::wait_for_windows(network.chain(), &all, 1, TWO_PERIODS)
        .await
        .expect("both prove");

    let schedule = *network.chain().schedule();
    let last_whole = schedule.period_of(now(network.chain()).await);
    network.kill_node(0).await.expect("kill");
    let chunks = chunks_on_disk(&network.node_plan(0).dir.join("data/rocksdb"));
    let (stored, from) = (chunks.len(), last_whole.next());
    let hits = chunks.iter().map(|(chunk, place)| {
        let hit = first_hit(&network, cheat, from, *chunk);
        (hit, *chunk, place)
    });
    let (hit, chunk, (sst, offset)) = hits
        .filter(|(hit, ..)| hit.0 >= from.0 + GOOD_PERIODS)
        .min_by_key(|(hit, ..)| *hit)
        .expect("a chunk that is not asked for at once");
    // One chunk of the sector is at least 5 % of what it holds, and the least that can be deleted.
    assert!((1..=20).contains(&stored), "{stored} chunks on disk");
    let waits = hit.0 - from.0;
    assert!(
        waits <= MOST_PERIODS,
        "chunk {chunk} is asked for after {waits} periods"
    );
    let disk = OpenOptions::new().write(true).open(sst).expect("the store");
    disk.write_all_at(&vec![0; CHUNK_BYTES], *offset)
        .expect("deleted");
    drop(disk);
    network.start_node(0).await.expect("start again");

    let user = accounts::key(&network.plan().seed, accounts::USER).expect("a key");
    let reporter = user.address();
    let deployment = network.chain().deployment().clone();
    let user = Chain::connect(&[network.rpc_url()], deployment, Some(user)).await;
    let user = user.expect("connected");
    while now(&user).await <= schedule.deadline(hit) {
        sleep(Duration::from_secs(1)).await;
    }
    let before = Period(hit.0 - 1);
    let good = user
        .uptime(cheat, TREE, from, before)
        .await
        .expect("a view");
    assert_eq!(
        (good.proven, good.missed),
        (waits, 0),
        "until period {hit} no sample hit chunk {chunk}: {good:?}"
    );
    let bad = user.uptime(cheat, TREE, hit, hit).await.expect("a view");
    assert_eq!((bad.proven, bad.missed), (0, 1), "period {hit}: {bad:?}");
    let others = user.uptime(honest, TREE, from, hit).await.expect("a view");
    assert_eq!(others.missed, 0, "who deleted nothing misses nothing");
    let node = network.node(0).expect("it runs");
    let rot = node.metric("cairn_rotten_leaves_total").await;
    assert!(
        rot.expect("metrics").is_some_and(|leaves| leaves > 0.0),
        "and it knows why"
    );

    let early = user.report_miss(cheat, TREE, before).await;
    assert!(
        early.is_err_and(|error| error.is_refusal("Collateral_NotMissed")),
        "the period before was proven"
    );
    let staked = user.collateral_of(cheat).await.expect("collateral").total;
    let report = user.report_miss(cheat, TREE, hit).await;
    report.expect("the miss is reported");
    let left = user.collateral_of(cheat).await.expect("collateral").total;
    let bounty = user.bounty_of(reporter).await.expect("bounty");
    assert!(
        left < staked && bounty > 0,
        "slashed {staked} to {left}, {bounty} of it to who saw it"
    );
    network.stop().await.expect("a clean end");
}
