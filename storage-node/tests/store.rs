//! A store opened, filled, packed and opened again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod support;

use cairn_merkle::tree::{Shape, Tree};
use cairn_merkle::{Commitment, Fr, TreeKind, fr32};
use cairn_storage_node::deal::{SectorState, SlotState, WindowEvent, WindowState};
use cairn_storage_node::error::StoreError;
use cairn_storage_node::sector::{build, open_piece_leaf, open_sector_leaf};
use cairn_storage_node::store::{Home, Ledger, Store, StoreOptions};
use cairn_wire::{Period, TreeIndex};
use support::{accept_all, bytes_of, plan_all, store_piece};

/// Lengths on both sides of a group, of a part, and of the border between log and files.
const LENGTHS: [usize; 8] = [
    1,
    127,
    128,
    50_000,
    130_048,
    130_049,
    400_000,
    (1 << 20) + 3,
];
const SECTOR_LOG2: u32 = 17;

fn open(folder: &std::path::Path) -> Store {
    Store::open(folder, StoreOptions::default()).unwrap()
}

fn fill(store: &Store) {
    for (number, byte_len) in (0_u64..).zip(LENGTHS) {
        store_piece(store, number, byte_len).unwrap();
    }
}

fn check_pieces(store: &Store) {
    for (number, byte_len) in (0_u64..).zip(LENGTHS) {
        let bytes = bytes_of(number, byte_len);
        let content_id = cairn_merkle::ContentId::of(&bytes);
        assert!(
            store.read_piece(&content_id, 0, byte_len).unwrap() == bytes,
            "piece of {byte_len} bytes, whole"
        );
        let (from, len) = (byte_len / 3, byte_len / 2);
        let range = store.read_piece(&content_id, from as u64, len).unwrap();
        assert!(
            range == bytes[from..(from + len).min(byte_len)],
            "piece of {byte_len} bytes, a range"
        );
    }
}

#[test]
fn a_store_opened_twice_says_that_another_process_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let second = Store::open(folder.path(), StoreOptions::default());
    assert!(
        matches!(second, Err(StoreError::AlreadyOpen { .. })),
        "{second:?}"
    );
    drop(first);
    open(folder.path());
}

#[test]
fn a_folder_of_another_format_version_is_refused_with_both_versions() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let path = folder.path().join("rocksdb");
    {
        let names = rocksdb::DB::list_cf(&rocksdb::Options::default(), &path).unwrap();
        let db = rocksdb::DB::open_cf(&rocksdb::Options::default(), &path, names).unwrap();
        db.put_cf(
            db.cf_handle("node").unwrap(),
            b"format",
            99_u32.to_le_bytes(),
        )
        .unwrap();
    }
    let error = Store::open(folder.path(), StoreOptions::default()).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Format {
                expected: 1,
                got: 99,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn pieces_are_read_back_as_they_came_before_and_after_packing_and_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    fill(&store);
    check_pieces(&store);
    let total: u64 = LENGTHS.iter().map(|length| *length as u64).sum();
    assert_eq!(store.held(), (8, total), "count and bytes");
    let ledger = Ledger::load(store).unwrap();
    accept_all(&ledger);
    let sectors = plan_all(&ledger, SECTOR_LOG2);
    assert_eq!(sectors.len(), 1, "all fit one sector");
    build(&ledger, sectors[0], Shape::new(SECTOR_LOG2).unwrap(), 5).unwrap();
    check_pieces(ledger.store());
    assert_eq!(
        ledger
            .slots(|slot| matches!(slot.state, SlotState::Packed { .. }))
            .len(),
        8,
        "slots packed"
    );
    drop(ledger);
    let store = open(folder.path());
    check_pieces(&store);
    assert_eq!(store.held(), (8, total), "after the restart");
    let ledger = Ledger::load(store).unwrap();
    let packed = ledger.slots(|slot| matches!(slot.state, SlotState::Packed { .. }));
    assert_eq!(packed.len(), 8, "slots, after the restart");
    for (_, slot) in packed {
        let piece = ledger.store().piece(&slot.content_id).unwrap().unwrap();
        assert!(
            matches!(piece.home, Home::Sector { .. }),
            "kept once: {piece:?}"
        );
    }
}

#[test]
fn a_packed_sector_is_the_tree_over_its_pieces_leaves_and_opens_every_place() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    fill(&store);
    let ledger = Ledger::load(store).unwrap();
    accept_all(&ledger);
    let sector = plan_all(&ledger, SECTOR_LOG2)[0];
    let shape = Shape::new(SECTOR_LOG2).unwrap();
    let record = build(&ledger, sector, shape, 5).unwrap();
    let mut leaves = vec![Fr::from(0_u64); 1 << SECTOR_LOG2];
    for place in &record.places {
        let number = (0_u64..)
            .zip(LENGTHS)
            .find(|(_, length)| *length as u64 == place.byte_len)
            .unwrap()
            .0;
        let elements = fr32::encode(&bytes_of(number, LENGTHS[usize::try_from(number).unwrap()]));
        let at = usize::try_from(place.offset_leaves).unwrap();
        leaves[at..at + elements.len()].copy_from_slice(&elements);
    }
    let tree = Tree::build(TreeKind::Data, &leaves).unwrap();
    let SectorState::Packed { comm_d, comm_r } = record.state else {
        panic!("packed: {record:?}")
    };
    assert_eq!(
        comm_d,
        Commitment::from(tree.root()),
        "comm_d is the root over all leaves"
    );
    assert_eq!(
        comm_r,
        Commitment::from(cairn_merkle::domain::comm_r_hot(tree.root())),
        "comm_r"
    );
    for place in &record.places {
        for leaf in [
            place.offset_leaves,
            place.offset_leaves + (1 << place.b) - 1,
        ] {
            let opening = open_sector_leaf(ledger.store(), sector, &record, shape, leaf).unwrap();
            opening
                .verify(TreeKind::Data, shape, leaf, tree.root())
                .unwrap();
        }
        let (opening, b) = open_piece_leaf(ledger.store(), &place.content_id, 1).unwrap();
        assert_eq!(
            (opening.leaf, b),
            (
                leaves[usize::try_from(place.offset_leaves).unwrap() + 1],
                place.b
            ),
            "leaf 1"
        );
    }
    let last = (1 << SECTOR_LOG2) - 1;
    let opening = open_sector_leaf(ledger.store(), sector, &record, shape, last).unwrap();
    opening
        .verify(TreeKind::Data, shape, last, tree.root())
        .unwrap();
}

#[test]
fn a_piece_that_came_short_or_too_long_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let content_id = cairn_merkle::ContentId::of(b"x");
    for byte_len in [1_000, 2 << 20] {
        let mut writer = store.piece_writer(content_id, byte_len).unwrap();
        writer.push(&[1; 999]).unwrap();
        drop(writer);
        let mut writer = store.piece_writer(content_id, byte_len).unwrap();
        let surplus = writer.push(&vec![1; usize::try_from(byte_len).unwrap() + 1]);
        assert!(
            matches!(surplus, Err(StoreError::PieceLength { .. })),
            "{surplus:?}"
        );
    }
    assert!(store.piece(&content_id).unwrap().is_none(), "no record");
    assert_eq!(
        std::fs::read_dir(folder.path().join("incoming"))
            .unwrap()
            .count(),
        0,
        "no file"
    );
}

#[test]
fn a_forgotten_piece_gives_its_room_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for byte_len in [5_000, 3 << 20] {
        let content_id = store_piece(&store, 1, byte_len).unwrap();
        store.forget_piece(&content_id).unwrap();
        assert!(
            store.piece(&content_id).unwrap().is_none(),
            "no record of {byte_len} bytes"
        );
        assert_eq!(store.held(), (0, 0), "nothing held");
        store_piece(&store, 1, byte_len).unwrap();
        store.forget_piece(&content_id).unwrap();
    }
}

#[test]
fn windows_survive_a_restart_and_the_oldest_open_one_of_each_tree_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = Ledger::load(open(folder.path())).unwrap();
    let proved = WindowState::Open
        .next(WindowEvent::Prove([9; 512]))
        .unwrap();
    ledger
        .put_window(TreeIndex(0), Period(7), &WindowState::Counted)
        .unwrap();
    ledger
        .put_window(TreeIndex(0), Period(300), &proved)
        .unwrap();
    ledger
        .put_window(TreeIndex(2), Period(5), &WindowState::Missed)
        .unwrap();
    drop(ledger);
    let ledger = Ledger::load(open(folder.path())).unwrap();
    assert_eq!(
        ledger.window(TreeIndex(0), Period(300)).unwrap(),
        proved,
        "the proof"
    );
    let oldest = |tree| ledger.first_open_window(TreeIndex(tree)).unwrap();
    assert_eq!(
        oldest(0),
        Some(Period(8)),
        "a later record hides no gap in tree 0"
    );
    assert_eq!(oldest(1), None, "tree 1 has none");
    assert_eq!(oldest(2), Some(Period(6)), "tree 2 has ended so far");
    assert_eq!(
        ledger.window(TreeIndex(0), Period(8)).unwrap(),
        WindowState::Open,
        "one that was never touched"
    );
}
