//! Making lost pieces again: from exactly k, from liars, from the dead, and from what no code made.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::network::{Behaviour, World, held, holders, noise, scatter};
use cairn_client::{
    PeerTrouble, Progress, RebuildOptions, Rebuilt, RepairError, Repairer, Silent, Stage,
};
use cairn_contracts::DealInfo;
use cairn_erasure::{Code, CodeError, reference};
use cairn_merkle::ContentId;
use cairn_wire::{DealId, Limits, SlotIndex};

fn limits() -> Limits {
    Limits {
        handshake_timeout: Duration::from_secs(3),
        request_timeout: Duration::from_secs(20),
        body_stall: Duration::from_secs(20),
        ..Limits::default()
    }
}

fn repairer() -> Repairer {
    Repairer::new(limits())
}

/// The lost pieces as they come out of the repair.
async fn rebuild_by(
    repairer: &Repairer,
    (world, deal): (&World, &DealInfo),
    (from, lost): (&[u8], &[u8]),
    options: &RebuildOptions,
) -> Result<(Vec<Vec<u8>>, Rebuilt), RepairError> {
    let mut made = vec![Vec::new(); lost.len()];
    let sinks = lost.iter().map(|slot| SlotIndex(*slot)).zip(&mut made);
    let rebuilt = repairer
        .rebuild(
            deal,
            &holders(world, deal, from),
            sinks.collect(),
            options,
            Arc::new(Silent),
        )
        .await?;
    Ok((made, rebuilt))
}

async fn rebuild(
    world: &World,
    deal: &DealInfo,
    from: &[u8],
    lost: &[u8],
) -> Result<(Vec<Vec<u8>>, Rebuilt), RepairError> {
    let options = RebuildOptions::default();
    rebuild_by(&repairer(), (world, deal), (from, lost), &options).await
}

async fn refused(world: &World, deal: &DealInfo, from: &[u8], lost: &[u8]) -> RepairError {
    let outcome = rebuild(world, deal, from, lost).await;
    outcome.map(|(_, rebuilt)| rebuilt).unwrap_err()
}

/// Pieces of `len` bytes; the code works byte by byte, so strips of one byte make any length.
fn codeword(k: u16, n: u16, len: usize) -> Vec<Vec<u8>> {
    let code = Code::new(k, n, 1).unwrap();
    code.encode_segment(&noise(usize::from(k) * len))
}

/// 2-of-4, pieces of 200,000 bytes, of which slot 3 is lost.
fn two_of_four(nodes: u8) -> (World, DealInfo) {
    let world = World::new(nodes, 13);
    let deal = scatter(&world, 2, &codeword(2, 4, 200_000));
    (world, deal)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_piece_of_a_file_comes_back_from_exactly_k_siblings_also_of_its_short_end() {
    let world = World::new(4, 13);
    world.put("object", &noise(1_000_000), 2, 4).await.unwrap();
    let deals: Vec<DealInfo> = (1..=3)
        .map(|id| world.market.find(DealId(id)).unwrap())
        .collect();
    assert!(
        deals[2].segment_bytes < deals[0].segment_bytes
            && !deals[2].segment_bytes.is_multiple_of(2 * 32_768),
        "the last segment is short and ends inside a row"
    );
    for deal in &deals {
        for lost in 0..4 {
            for spared in (0..4).filter(|slot| *slot != lost) {
                let from: Vec<u8> = (0..4).filter(|s| *s != lost && *s != spared).collect();
                let (made, rebuilt) = rebuild(&world, deal, &from, &[lost]).await.unwrap();
                assert!(
                    made[0] == held(&world, deal, lost),
                    "deal {} slot {lost} from {from:?}",
                    deal.id
                );
                assert_eq!(rebuilt.fetched_bytes, 2 * made[0].len() as u64);
                assert_eq!(rebuilt.served_by, 2, "k holders");
                assert!(rebuilt.troubles.is_empty(), "{:?}", rebuilt.troubles);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_lost_pieces_share_what_is_fetched() {
    let world = World::new(8, 13);
    let pieces = codeword(4, 8, 300_001);
    let deal = scatter(&world, 4, &pieces);
    let options = RebuildOptions {
        memory_bytes: 3 * 8 * (64 << 10),
        ..RebuildOptions::default()
    };
    let (from, lost) = ([1, 3, 4, 6], [7, 0, 2, 5]);
    let (made, rebuilt) = rebuild_by(&repairer(), (&world, &deal), (&from, &lost), &options)
        .await
        .unwrap();
    for (slot, bytes) in lost.iter().zip(&made) {
        assert!(*bytes == pieces[usize::from(*slot)], "slot {slot}");
    }
    assert_eq!(rebuilt.fetched_bytes, 4 * 300_001);
    assert_eq!(rebuilt.rebuilt_bytes, 4 * 300_001);
    for slot in from {
        let reads = world.nodes[usize::from(slot)].reads.load(Ordering::Relaxed);
        assert_eq!(reads, 5, "a holder gives each window of 64 KiB once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_small_code_rebuilds_what_the_slow_reference_makes() {
    let world = World::new(6, 13);
    let repairer = repairer();
    let options = RebuildOptions {
        memory_bytes: 1,
        ..RebuildOptions::default()
    };
    let strip = 1000;
    for n in 2..=6_u8 {
        for k in 1..n {
            let row = usize::from(k) * strip;
            // less than a strip; a row; rows that end in zeros; more than one window
            for len in [1, row, 3 * row - 7, 17 * row + 5] {
                let (k, n) = (usize::from(k), usize::from(n));
                let pieces = reference::encode(&noise(len), k, n, strip).unwrap();
                let deal = scatter(&world, u16::try_from(k).unwrap(), &pieces);
                for first in 0..n {
                    let slot = |at: usize| u8::try_from((first + at) % n).unwrap();
                    let from: Vec<u8> = (0..k).map(slot).collect();
                    let lost: Vec<u8> = (k..n).map(slot).collect();
                    let (made, _) =
                        rebuild_by(&repairer, (&world, &deal), (&from, &lost), &options)
                            .await
                            .unwrap();
                    for (slot, bytes) in lost.iter().zip(&made) {
                        assert!(
                            *bytes == pieces[usize::from(*slot)],
                            "{k}-of-{n}, {len} bytes, slot {slot} from {from:?}"
                        );
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_of_any_length_come_out_exactly_whatever_strips_the_deal_names() {
    let world = World::new(5, 13);
    for len in [1, 16_383, 16_384, 16_385, 32_769, 100_001] {
        let pieces = codeword(3, 5, len);
        let mut deal = scatter(&world, 3, &pieces);
        for strip_bytes in [0, 1, 32 << 10, u32::MAX] {
            deal.strip_bytes = strip_bytes;
            let (made, _) = rebuild(&world, &deal, &[0, 2, 4], &[3, 1]).await.unwrap();
            assert!(made[0] == pieces[3] && made[1] == pieces[1], "{len}");
        }
    }
}

/// Two data holders misbehave; the repair is right, and what is said about the two.
async fn with_two_bad_holders(behaviour: Behaviour) -> Vec<PeerTrouble> {
    let (world, deal) = five_of_which_two_are_bad(behaviour);
    let (made, rebuilt) = rebuild(&world, &deal, &[0, 1, 2, 3], &[4]).await.unwrap();
    assert!(made[0] == held(&world, &deal, 4), "{behaviour:?}");
    assert_eq!(rebuilt.served_by, 2, "the honest ones");
    let named: Vec<_> = rebuilt.troubles.iter().map(|one| one.provider).collect();
    let bad = [world.nodes[0].provider, world.nodes[1].provider];
    assert_eq!(named, bad, "these two and nobody else");
    rebuilt.troubles
}

fn five_of_which_two_are_bad(behaviour: Behaviour) -> (World, DealInfo) {
    let world = World::new(5, 13);
    let deal = scatter(&world, 2, &codeword(2, 5, 200_000));
    for node in 0..2 {
        // what a node may serve instead
        let other = noise(200_000);
        let mut pieces = world.nodes[node].pieces.lock().unwrap();
        pieces.insert(ContentId::of(&other), other);
        drop(pieces);
        world.set(node, behaviour);
    }
    (world, deal)
}

#[tokio::test(flavor = "multi_thread")]
async fn holders_that_lie_are_replaced_and_named() {
    for behaviour in [
        Behaviour::WrongBytes,
        Behaviour::AnotherPiece,
        Behaviour::AnotherLength,
    ] {
        let troubles = with_two_bad_holders(behaviour).await;
        assert!(
            troubles.iter().all(|trouble| trouble.lied),
            "{behaviour:?}: {troubles:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn holders_that_fail_are_replaced_and_not_called_liars() {
    for behaviour in [Behaviour::Truncates, Behaviour::Lost] {
        let troubles = with_two_bad_holders(behaviour).await;
        assert!(
            troubles.iter().all(|trouble| !trouble.lied),
            "{behaviour:?}: {troubles:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn not_a_byte_of_a_liar_is_used_even_when_nobody_else_is_left() {
    let (world, deal) = two_of_four(4);
    world.set(1, Behaviour::WrongBytes);
    let path = world.path("piece");
    std::fs::write(&path, b"what was there before").unwrap();
    let error = to_files(&world, &deal, &[0, 1], &[(3, path.clone())])
        .await
        .unwrap_err();
    let RepairError::TooFewHolders {
        needed: 2,
        got: 1,
        holders: 2,
        troubles,
        ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!(troubles.len(), 1, "{error}");
    assert!(
        troubles[0].lied && troubles[0].provider == world.nodes[1].provider,
        "{error}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), b"what was there before");
    assert_eq!(names_in(&world), ["home", "market.json", "piece"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_liar_is_not_asked_again_in_the_same_repair() {
    let (world, deal) = five_of_which_two_are_bad(Behaviour::WrongBytes);
    let options = RebuildOptions {
        memory_bytes: 1,
        ..RebuildOptions::default()
    };
    let (made, _) = rebuild_by(
        &repairer(),
        (&world, &deal),
        (&[0, 1, 2, 3], &[4]),
        &options,
    )
    .await
    .unwrap();
    assert!(made[0] == held(&world, &deal, 4));
    let reads = |node: usize| world.nodes[node].reads.load(Ordering::Relaxed);
    assert!(
        reads(0) <= 2 && reads(1) <= 2,
        "only in the windows already under way: {} {}",
        reads(0),
        reads(1)
    );
    assert_eq!((reads(2), reads(3)), (13, 13), "the honest ones give all");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_holder_is_replaced() {
    let mut world = World::new(4, 13);
    let deal = scatter(&world, 2, &codeword(2, 4, 200_000));
    world.kill(0);
    let (made, rebuilt) = rebuild(&world, &deal, &[0, 1, 2], &[3]).await.unwrap();
    assert!(made[0] == held(&world, &deal, 3));
    assert_eq!(rebuilt.troubles.len(), 1, "{:?}", rebuilt.troubles);
    assert_eq!(rebuilt.troubles[0].provider, world.nodes[0].provider);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_stalls_is_outrun_by_one_more() {
    let (world, deal) = two_of_four(4);
    world.set(0, Behaviour::StallsRead);
    let options = RebuildOptions {
        hedge: Duration::from_millis(200),
        memory_bytes: 1,
        ..RebuildOptions::default()
    };
    let start = Instant::now();
    let (made, rebuilt) = rebuild_by(&repairer(), (&world, &deal), (&[0, 1, 2], &[3]), &options)
        .await
        .unwrap();
    assert!(made[0] == held(&world, &deal, 3));
    assert!(
        start.elapsed() < Duration::from_secs(15),
        "nobody waited for the longest pause"
    );
    assert!(rebuilt.troubles.is_empty(), "slowness is no fault");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_stalls_is_given_up_in_time_and_named() {
    let (world, deal) = two_of_four(4);
    world.set(0, Behaviour::StallsRead);
    let impatient = Repairer::new(Limits {
        body_stall: Duration::from_secs(1),
        ..limits()
    });
    let options = RebuildOptions {
        hedge: Duration::from_secs(600),
        ..RebuildOptions::default()
    };
    let (made, rebuilt) = rebuild_by(&impatient, (&world, &deal), (&[0, 1, 2], &[3]), &options)
        .await
        .unwrap();
    assert!(made[0] == held(&world, &deal, 3));
    assert_eq!(rebuilt.troubles.len(), 1, "{:?}", rebuilt.troubles);
    assert!(!rebuilt.troubles[0].lied, "late is no lie");
    let error = rebuild_by(&impatient, (&world, &deal), (&[0, 1], &[3]), &options)
        .await
        .map(|(_, rebuilt)| rebuilt)
        .unwrap_err();
    assert!(
        matches!(error, RepairError::TooFewHolders { got: 1, .. }),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_unseals_is_passed_over_or_waited_for() {
    let (world, deal) = two_of_four(4);
    world.set(0, Behaviour::Unseals(usize::MAX));
    let (made, rebuilt) = rebuild(&world, &deal, &[0, 1, 2], &[3]).await.unwrap();
    assert!(made[0] == held(&world, &deal, 3));
    assert_eq!(rebuilt.troubles[0].wait_s, Some(1), "by its own word");
    world.nodes[0].reads.store(0, Ordering::Relaxed);
    world.set(0, Behaviour::Unseals(1));
    let (made, _) = rebuild(&world, &deal, &[0, 1], &[3]).await.unwrap();
    assert!(made[0] == held(&world, &deal, 3), "after the wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn content_ids_that_are_no_codeword_are_the_owners_fault_and_leave_nothing() {
    let world = World::new(5, 13);
    let mut pieces = codeword(2, 5, 100_000);
    pieces[3] = noise(100_000);
    let deal = scatter(&world, 2, &pieces);
    let paths = [(4, world.path("four")), (3, world.path("three"))];
    let error = to_files(&world, &deal, &[0, 1, 2], &paths)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, RepairError::NoCodeword { deal: DealId(77), slots } if *slots == [SlotIndex(3)]),
        "{error}"
    );
    assert_eq!(
        names_in(&world),
        ["home", "market.json"],
        "not slot 4 either"
    );
    // without the slot that nobody can make, the other one is made
    let (made, _) = rebuild(&world, &deal, &[0, 1, 2], &[4]).await.unwrap();
    assert!(made[0] == pieces[4]);
    // a sibling that is what its content id says, and yet no part of the code
    let error = refused(&world, &deal, &[1, 3], &[4, 0]).await;
    assert!(
        matches!(&error, RepairError::NoCodeword { slots, .. } if *slots == [SlotIndex(0), SlotIndex(4)]),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wrong_byte_in_a_content_id_is_no_codeword() {
    let (world, mut deal) = two_of_four(4);
    let mut id = *deal.slots[3].content_id.as_bytes();
    id[31] ^= 1;
    deal.slots[3].content_id = ContentId::from_bytes(id);
    let error = refused(&world, &deal, &[0, 1], &[3]).await;
    assert!(matches!(error, RepairError::NoCodeword { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_than_k_holders_are_too_few_and_nobody_is_asked() {
    let (world, deal) = two_of_four(4);
    for from in [&[][..], &[1]] {
        let error = refused(&world, &deal, from, &[3]).await;
        assert!(
            matches!(&error, RepairError::TooFewHolders { needed: 2, got, .. } if *got == from.len()),
            "{error}"
        );
    }
    let reads = world.nodes[1].reads.load(Ordering::Relaxed);
    assert_eq!(reads, 0, "what cannot succeed costs no traffic");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_contradicts_itself_or_the_deal_is_refused_before_anybody_is_asked() {
    let (world, deal) = two_of_four(4);
    let order = |from: &'static [u8], lost: &'static [u8]| {
        let (world, deal) = (&world, &deal);
        async move { refused(world, deal, from, lost).await }
    };
    for (from, lost) in [
        (&[0, 1][..], &[][..]),
        (&[0, 1], &[4]),
        (&[0, 1], &[3, 3]),
        (&[0, 1], &[1]),
        (&[0, 0], &[3]),
    ] {
        let error = order(from, lost).await;
        assert!(
            matches!(error, RepairError::Order(_)),
            "{from:?} {lost:?}: {error}"
        );
    }
    let changed = |change: fn(&mut DealInfo)| {
        let mut deal = deal.clone();
        change(&mut deal);
        let world = &world;
        async move { refused(world, &deal, &[0, 1], &[3]).await }
    };
    assert!(matches!(
        changed(|deal| deal.code_id = 2).await,
        RepairError::UnknownCode {
            expected: 1,
            got: 2
        }
    ));
    assert!(matches!(
        changed(|deal| deal.k = 4).await,
        RepairError::Code(CodeError::Parameters { k: 4, n: 4 })
    ));
    assert!(matches!(
        changed(|deal| deal.n = 5).await,
        RepairError::Order(_)
    ));
    assert!(matches!(
        changed(|deal| deal.slots[2].byte_len += 1).await,
        RepairError::UnequalLengths {
            slot: SlotIndex(2),
            expected: 200_000,
            got: 200_001
        }
    ));
    let asked: usize = world
        .nodes
        .iter()
        .map(|node| node.reads.load(Ordering::Relaxed))
        .sum();
    assert_eq!(asked, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smaller_k_than_the_pieces_were_coded_with_is_no_codeword_a_larger_one_only_costs_more() {
    let (world, mut deal) = two_of_four(4);
    deal.k = 1;
    let error = refused(&world, &deal, &[0, 1], &[3]).await;
    assert!(matches!(error, RepairError::NoCodeword { .. }), "{error}");
    // a polynomial of degree below 2 has degree below 3
    deal.k = 3;
    let (made, rebuilt) = rebuild(&world, &deal, &[0, 1, 2], &[3]).await.unwrap();
    assert!(made[0] == held(&world, &deal, 3));
    assert_eq!(rebuilt.fetched_bytes, 3 * 200_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_on_bandwidth_is_kept() {
    let (world, deal) = two_of_four(4);
    let options = RebuildOptions {
        bytes_per_s: NonZeroU64::new(400_000),
        memory_bytes: 1,
        ..RebuildOptions::default()
    };
    let start = Instant::now();
    let (made, rebuilt) = rebuild_by(&repairer(), (&world, &deal), (&[0, 1, 2], &[3]), &options)
        .await
        .unwrap();
    assert!(made[0] == held(&world, &deal, 3));
    assert_eq!(rebuilt.fetched_bytes, 400_000);
    assert!(
        start.elapsed() > Duration::from_millis(900),
        "400 kB at 400 kB/s, less the last request of 16 KiB: {:?}",
        start.elapsed()
    );
    let reads = world
        .nodes
        .iter()
        .map(|node| node.reads.load(Ordering::Relaxed));
    assert_eq!(
        reads.sum::<usize>(),
        2 * 13,
        "waiting for one's own cap makes nobody be asked in vain"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_is_not_fetched() {
    let world = World::new(4, 13);
    let deal = scatter(&world, 2, &codeword(2, 4, 1 << 20));
    let (sink, reader) = tokio::io::duplex(1);
    let options = RebuildOptions {
        memory_bytes: 1,
        ..RebuildOptions::default()
    };
    let from = holders(&world, &deal, &[0, 1]);
    let repairer = repairer();
    let repair = repairer.rebuild(
        &deal,
        &from,
        vec![(SlotIndex(3), sink)],
        &options,
        Arc::new(Silent),
    );
    let outcome = tokio::time::timeout(Duration::from_secs(2), repair).await;
    assert!(outcome.is_err(), "its sink takes a byte");
    drop(reader);
    let reads = world.nodes[0].reads.load(Ordering::Relaxed);
    assert!(
        (1..=3).contains(&reads),
        "one window at the sink, two ahead, of 64: {reads}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_that_fails_is_named_by_its_slot() {
    let (world, deal) = two_of_four(4);
    let (good, reader) = tokio::io::duplex(1 << 20);
    let (broken, gone) = tokio::io::duplex(1 << 20);
    drop(gone);
    let error = repairer()
        .rebuild(
            &deal,
            &holders(&world, &deal, &[0, 1]),
            vec![(SlotIndex(3), good), (SlotIndex(2), broken)],
            &RebuildOptions::default(),
            Arc::new(Silent),
        )
        .await
        .unwrap_err();
    drop(reader);
    assert!(
        matches!(
            error,
            RepairError::Sink {
                slot: SlotIndex(2),
                ..
            }
        ),
        "{error}"
    );
}

async fn to_files(
    world: &World,
    deal: &DealInfo,
    from: &[u8],
    lost: &[(u8, PathBuf)],
) -> Result<Rebuilt, RepairError> {
    let lost = lost
        .iter()
        .map(|(slot, path)| (SlotIndex(*slot), path.clone()));
    repairer()
        .rebuild_to_files(
            deal,
            &holders(world, deal, from),
            lost.collect(),
            &RebuildOptions::default(),
            Arc::new(Silent),
        )
        .await
}

/// What is in the world's folder.
fn names_in(world: &World) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(world.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn files_appear_whole_and_replace_what_was_there() {
    let (world, deal) = two_of_four(4);
    let paths = [(3, world.path("three")), (1, world.path("one"))];
    std::fs::write(&paths[0].1, b"old").unwrap();
    // what a process that died has left
    std::fs::write(world.path(".one.cairn-rebuild"), noise(300_000)).unwrap();
    to_files(&world, &deal, &[0, 2], &paths).await.unwrap();
    for (slot, path) in &paths {
        let written = std::fs::read(path).unwrap();
        assert!(written == held(&world, &deal, *slot), "slot {slot}");
    }
    assert_eq!(names_in(&world), ["home", "market.json", "one", "three"]);
    let error = to_files(&world, &deal, &[0, 2], &[(3, world.path("no/such/folder"))]).await;
    assert!(matches!(error, Err(RepairError::File { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_that_is_given_up_leaves_no_file() {
    let (world, deal) = two_of_four(4);
    world.set(0, Behaviour::StallsRead);
    let lost = [(3, world.path("three"))];
    let repair = to_files(&world, &deal, &[0, 1], &lost);
    let outcome = tokio::time::timeout(Duration::from_secs(1), repair).await;
    assert!(outcome.is_err(), "a holder stalls");
    assert_eq!(names_in(&world), ["home", "market.json"]);
}

/// Counts.
#[derive(Default)]
struct Counter(Mutex<Vec<(Stage, u64, u64)>>);

impl Counter {
    fn with(&self, stage: Stage, act: impl FnOnce(&mut (Stage, u64, u64))) {
        let mut stages = self.0.lock().unwrap();
        if let Some(found) = stages.iter_mut().find(|one| one.0 == stage) {
            act(found);
        }
    }
}

impl Progress for Counter {
    fn begin(&self, stage: Stage, total: Option<u64>) {
        self.0.lock().unwrap().push((stage, total.unwrap(), 0));
    }
    fn advance(&self, stage: Stage, units: u64) {
        self.with(stage, |one| one.2 += units);
    }
    fn end(&self, stage: Stage) {
        self.with(stage, |one| assert_eq!(one.1, one.2, "all of it"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observer_sees_what_is_fetched_and_what_is_rebuilt() {
    let (world, deal) = two_of_four(4);
    let counter = Arc::new(Counter::default());
    let watching: Arc<dyn Progress> = Arc::<Counter>::clone(&counter);
    let sinks = vec![(SlotIndex(3), tokio::io::sink())];
    let error = repairer()
        .rebuild(
            &deal,
            &holders(&world, &deal, &[0]),
            sinks,
            &RebuildOptions::default(),
            Arc::clone(&watching),
        )
        .await
        .unwrap_err();
    assert!(matches!(error, RepairError::TooFewHolders { .. }));
    assert!(counter.0.lock().unwrap().is_empty(), "nothing began");
    let sinks = vec![(SlotIndex(3), tokio::io::sink())];
    let options = RebuildOptions {
        extra_holders: 1,
        ..RebuildOptions::default()
    };
    repairer()
        .rebuild(
            &deal,
            &holders(&world, &deal, &[0, 1, 2]),
            sinks,
            &options,
            watching,
        )
        .await
        .unwrap();
    let stages = counter.0.lock().unwrap();
    assert_eq!(
        *stages,
        [
            (Stage::Fetch, 400_000, 400_000),
            (Stage::Rebuild, 200_000, 200_000)
        ]
    );
}
