//! What is packed, given up and forgotten.

use cairn_wire::{DealId, SectorKind, Signature, SlotIndex};

use super::fake_chain::FakeChain;
use super::{flip_on_disk, start, start_with, state_of, take_piece, take_piece_of};
use crate::dashboard::Alarm;
use crate::deal::{SectorState, SlotEvent, SlotState};
use crate::store::{Side, SlotKey, SlotRecord, StoreOptions};

#[tokio::test]
async fn a_piece_that_rotted_before_packing_is_given_up_and_the_others_are_packed() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = start(folder.path(), &chain);
    // The second is written as a file, so that there is a file to flip a bit in.
    take_piece(&work, 1, 500);
    let mut big = vec![0; 2_000];
    blake3::Hasher::new()
        .update(&2_u64.to_le_bytes())
        .finalize_xof()
        .fill(&mut big);
    drop(work);
    let work = start_with(
        folder.path(),
        &chain,
        StoreOptions {
            large_piece_bytes: 1_000,
        },
    );
    take_piece(&work, 2, 2_000);
    assert!(
        flip_on_disk(&folder.path().join("rocksdb"), &big[..64]) > 0,
        "the piece's bytes are in a file"
    );
    assert!(matches!(work.pack(), Ok(0)), "the plan is given up");
    assert!(work.metrics.is_raised(Alarm::Rot), "with an alarm");
    assert_eq!(work.pack().unwrap(), 1, "the other goes alone");
    let ended = work
        .ledger
        .slot(SlotKey {
            deal: DealId(2),
            slot: SlotIndex(0),
        })
        .unwrap();
    assert_eq!(
        ended.state,
        SlotState::Ended,
        "the rotten piece's slot has ended"
    );
}

#[tokio::test]
async fn a_sector_packed_on_disk_keeps_its_leaves_whatever_memory_says() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = start(folder.path(), &chain);
    take_piece(&work, 1, 2_000);
    let accepted = work.ledger.slots(|_| true);
    work.pack().unwrap();
    let (id, packed) = work.ledger.sectors(|_| true).remove(0);
    let leaves = work
        .ledger
        .store()
        .chunk(id, Side::Data, 0)
        .unwrap()
        .unwrap();
    // As after a commit that went through and was reported as failed.
    let planned = crate::store::SectorRecord {
        state: SectorState::Planned,
        ..packed.clone()
    };
    work.ledger.note_packed(id, planned, &accepted);
    assert!(
        work.ledger.store().sector_writer(id).is_err(),
        "no new leaves for a packed sector"
    );
    assert_eq!(work.pack().unwrap(), 1, "found packed");
    assert_eq!(
        work.ledger
            .store()
            .chunk(id, Side::Data, 0)
            .unwrap()
            .as_ref(),
        Some(&leaves),
        "the leaves are there"
    );
    assert_eq!(
        work.ledger.sector(id),
        Some(packed),
        "memory is right again"
    );
    assert_eq!(state_of(&work, 1), "packed", "and the slot");
}

#[tokio::test]
async fn a_piece_whose_slot_ended_before_packing_is_forgotten_and_frees_its_quota() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = start(folder.path(), &chain);
    take_piece(&work, 1, 2_000);
    take_piece(&work, 2, 500);
    assert_eq!(work.ledger.store().held(), (2, 2_500), "both held");
    let key = SlotKey {
        deal: DealId(1),
        slot: SlotIndex(0),
    };
    let ended = work.ledger.step_slot(key, SlotEvent::End, 1).unwrap();
    assert_eq!(work.pack().unwrap(), 1, "the other is packed");
    assert_eq!(work.ledger.store().held(), (1, 500), "one is gone");
    let gone = work.ledger.store().piece(&ended.content_id).unwrap();
    assert!(gone.is_none(), "and its record");
}

#[tokio::test]
async fn a_receipt_that_has_not_lapsed_is_kept_and_a_lapsed_one_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let work = start(folder.path(), &FakeChain::at(1001));
    take_piece(&work, 1, 500);
    let (key, accepted) = work.ledger.slots(|_| true).remove(0);
    let fresh = SlotRecord {
        expiry_unix: 2_000_000,
        state: SlotState::Stored,
        ..accepted
    };
    let offer = |now| work.ledger.offer_slot(key, fresh, now).unwrap();
    assert_eq!(offer(9_000_000), accepted, "an Acceptance stands");
    let stored = SlotRecord {
        state: SlotState::Stored,
        ..accepted
    };
    work.ledger.put_slot(key, stored).unwrap();
    assert_eq!(offer(999_999), stored, "a Receipt stands until it lapses");
    assert_eq!(offer(1_000_000), fresh, "then it is replaced");
    assert_eq!(work.ledger.slot(key), Some(fresh), "for good");
}

#[tokio::test]
async fn pieces_of_sealed_deals_lie_in_sealed_sectors_only_and_hot_ones_in_hot_ones() {
    let folder = tempfile::tempdir().unwrap();
    let work = start(folder.path(), &FakeChain::at(1001));
    let sealed = SectorKind::Sealed;
    take_piece(&work, 1, 500);
    take_piece_of(&work, sealed, 2, 900);
    take_piece(&work, 3, 300);
    assert_eq!(work.pack().unwrap(), 2, "one of each");
    let placed = |kind| {
        let sectors = work.ledger.sectors(|record| record.kind == kind);
        let places = sectors.into_iter().flat_map(|(_, record)| record.places);
        let mut lengths: Vec<u64> = places.map(|place| place.byte_len).collect();
        lengths.sort_unstable();
        lengths
    };
    assert_eq!(placed(SectorKind::Hot), [300, 500], "hot");
    assert_eq!(placed(sealed), [900], "sealed");
}

#[tokio::test]
async fn a_piece_that_deals_of_both_kinds_name_lies_in_both_and_is_read_from_the_hot_one() {
    let folder = tempfile::tempdir().unwrap();
    let work = start(folder.path(), &FakeChain::at(1001));
    take_piece(&work, 1, 500);
    work.pack().unwrap();
    let (_, hot) = work.ledger.slots(|_| true).remove(0);
    let key = SlotKey {
        deal: DealId(9),
        slot: SlotIndex(0),
    };
    let state = SlotState::Accepted {
        acceptance: Signature([2; 65]),
    };
    let again = SlotRecord {
        state,
        kind: SectorKind::Sealed,
        ..hot
    };
    work.ledger.put_slot(key, again).unwrap();
    let home = || work.ledger.store().piece(&hot.content_id).unwrap();
    let before = home();
    assert_eq!(work.pack().unwrap(), 1, "packed once more");
    let sectors = work.ledger.sectors(|_| true);
    let kinds: Vec<SectorKind> = sectors.iter().map(|(_, one)| one.kind).collect();
    assert_eq!(kinds, [SectorKind::Hot, SectorKind::Sealed], "in both");
    assert_eq!(state_of(&work, 9), "packed", "its slot");
    assert_eq!(home(), before, "read where it never has to be unsealed");
}
