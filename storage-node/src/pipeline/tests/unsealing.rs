//! Data that lies only in a replica, and who reads it.

use std::sync::Arc;

use cairn_wire::message::ReadRange;
use cairn_wire::{ContentId, DealId, ErrorCode, Handler as _, Peer, Period, Signature, SlotIndex};
use tokio::{sync::watch, task};

use super::fake_chain::{FakeChain, SCHEDULE};
use super::labelling::two_to_label;
use super::sealing::{SEALED, active, challenged, drive, name, sealed_sector, with_data};
use super::{context_of, settle, start, state_of, take_piece_of};
use crate::deal::{SectorId, SlotEvent, SlotState};
use crate::error::SealError;
use crate::pipeline::Work;
use crate::sealing::{Asked, UnsealQueue};
use crate::serve::NodeHandler;
use crate::store::{DataCopy, Side, SlotKey, SlotRecord};

#[tokio::test]
async fn two_sectors_are_unsealed_together_and_a_rotten_one_spoils_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let (mut work, both) = two_to_label(folder.path(), &chain).await;
    drive(&work).await;
    chain.advance_to(SCHEDULE.round_time(Period(2)));
    drive(&work).await;
    drive(&work).await;
    let ledger = Arc::clone(&work.ledger);
    let chunk = |sector| ledger.store().chunk(sector, Side::Data, 0).unwrap();
    let data = both.map(chunk);
    work.seal.keep_unsealed = false;
    work.pack().unwrap();
    assert_eq!(both.map(chunk), [None, None], "replicas alone");
    let flip = |sector| {
        let read = ledger.store().chunk(sector, Side::Replica, 0);
        let mut bytes = read.unwrap().unwrap();
        bytes[64] ^= 1;
        let written = ledger
            .store()
            .replace_chunk(sector, Side::Replica, 0, &bytes);
        written.unwrap();
    };
    let mut work = Arc::new(work);
    for rotten in [Some(0_usize), Some(1), None] {
        if let Some(place) = rotten {
            flip(both[place]);
        }
        let queue = Arc::new(UnsealQueue::new(2, 1, []));
        Arc::get_mut(&mut work).unwrap().unseals = Arc::clone(&queue);
        for sector in both {
            queue.ask(sector, 0);
        }
        let (stop, stopped) = watch::channel(false);
        let unsealer = tokio::spawn(Arc::clone(&work).run_unsealer(stopped));
        while !queue.is_empty() {
            assert!(!unsealer.is_finished(), "it goes on until it is stopped");
            tokio::time::sleep(work.poll).await;
        }
        stop.send(true).unwrap();
        unsealer.await.unwrap();
        let mut expected = data.clone();
        if let Some(place) = rotten {
            expected[place] = None;
            flip(both[place]);
        }
        assert_eq!(both.map(chunk), expected, "rotten: {rotten:?}");
        // With room for two, one has to go for the next if both are there.
        let gone = queue.crowded_out().len();
        assert_eq!(gone, usize::from(rotten.is_none()), "what is counted");
        for (sector, _) in both
            .into_iter()
            .zip(&expected)
            .filter(|(_, one)| one.is_some())
        {
            work.give_up_data(sector).unwrap();
        }
    }
}

/// Unseals one sector.
pub(super) fn unseal(work: &Work, sector: SectorId) -> Result<bool, SealError> {
    work.unseal(&[sector]).remove(0).1
}

/// What the piece's bytes are, read as a client's request is.
fn read(work: &Work, content_id: &ContentId, byte_len: usize) -> Option<Vec<u8>> {
    work.ledger.store().read_piece(content_id, 0, byte_len).ok()
}

#[tokio::test]
async fn without_an_unsealed_copy_data_goes_once_it_is_active_and_comes_back_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = start(folder.path(), &chain);
    work.seal.keep_unsealed = false;
    let content_id = take_piece_of(&work, SEALED, 1, 2_000);
    work.pack().unwrap();
    challenged(&work, &chain).await;
    work.pack().unwrap();
    let bytes = read(&work, &content_id, 2_000).unwrap();
    drive(&work).await;
    work.pack().unwrap();
    let (sector, state) = sealed_sector(&work);
    assert_eq!(state.name(), "registered", "on chain");
    assert_eq!(read(&work, &content_id, 2_000), None, "only a replica");
    let copy = || work.ledger.sector(sector).unwrap().data;
    assert_eq!(copy(), DataCopy::Dropped, "and the record says so");
    assert_eq!(work.unseals.ask(sector, 5), Asked::InAbout(1), "queued");
    assert_eq!(work.unseals.begin(5), Some(sector), "its turn");
    assert!(unseal(&work, sector).unwrap());
    work.unseals.end(sector, true, 6);
    assert_eq!(copy(), DataCopy::Cached, "recorded");
    assert_eq!(read(&work, &content_id, 2_000), Some(bytes), "every byte");
    chain.advance_to(SCHEDULE.round_time(Period(3)));
    settle(&work).await;
    assert!(
        chain.table().proven.contains(&Period(3)),
        "proven all the while"
    );
    // The next one needs the room.
    work.unseals = Arc::new(UnsealQueue::new(1, 1, [sector]));
    for old in work.unseals.crowded_out() {
        work.give_up_data(old).unwrap();
    }
    assert_eq!(read(&work, &content_id, 2_000), None, "it made room");
}

#[tokio::test]
async fn a_second_deal_for_a_piece_that_is_only_a_replica_is_unsealed_for_and_then_active() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = active(folder.path(), &chain).await;
    work.seal.keep_unsealed = false;
    work.pack().unwrap();
    let (sector, _) = sealed_sector(&work);
    let key = |deal| SlotKey {
        deal: DealId(deal),
        slot: SlotIndex(0),
    };
    let first = work.ledger.slot(key(1)).unwrap();
    let second = SlotRecord {
        state: SlotState::Stored,
        ..first
    };
    work.ledger.put_slot(key(9), second).unwrap();
    let accept = SlotEvent::Accept(Signature([2; 65]));
    work.ledger.step_slot(key(9), accept, 1).unwrap();
    work.pack().unwrap();
    assert_eq!(state_of(&work, 9), "accepted", "its bytes are not here");
    assert_eq!(work.unseals.begin(1_000), Some(sector), "but asked for");
    assert!(unseal(&work, sector).unwrap(), "unsealed");
    work.unseals.end(sector, true, 1_000);
    work.pack().unwrap();
    assert_eq!(state_of(&work, 9), "packed", "in the sector it lies in");
    drive(&work).await;
    assert_eq!(state_of(&work, 9), "active", "proven to lie there");
}

#[tokio::test]
async fn nothing_is_unsealed_into_the_space_that_is_kept_back_and_none_while_a_replica_is_proven() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = with_data(folder.path(), &chain);
    challenged(&work, &chain).await;
    settle(&work).await;
    assert!(work.proves_replicas(), "a reader has to wait");
    drive(&work).await;
    assert!(!work.proves_replicas(), "no longer");
    work.seal.keep_unsealed = false;
    work.pack().unwrap();
    work.seal.reserve_bytes = u64::MAX / 2;
    let (sector, _) = sealed_sector(&work);
    let refused = unseal(&work, sector).unwrap_err().to_string();
    assert!(refused.contains("are kept back"), "{refused}");
}

#[tokio::test]
async fn the_queue_of_readers_stands_still_while_a_replica_is_proven() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = with_data(folder.path(), &chain);
    challenged(&work, &chain).await;
    settle(&work).await;
    assert_eq!(name(&work), "proving", "a deposit lies on it");
    let work = Arc::new(work);
    work.unseals.ask(SectorId(99), 0);
    let run = || {
        let (stop, stopped) = watch::channel(false);
        (stop, tokio::spawn(Arc::clone(&work).run_unsealer(stopped)))
    };
    let (stop, unsealer) = run();
    // One thread: it runs to its first pause now.
    task::yield_now().await;
    stop.send(true).unwrap();
    unsealer.await.unwrap();
    assert_eq!(work.unseals.len(), 1, "the reader waits");
    drive(&work).await;
    let (stop, unsealer) = run();
    while !work.unseals.is_empty() {
        task::yield_now().await;
    }
    stop.send(true).unwrap();
    unsealer.await.unwrap();
}

#[tokio::test]
async fn what_was_unsealed_before_makes_room_unless_a_slot_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = active(folder.path(), &chain).await;
    let (first, _) = sealed_sector(&work);
    assert!(!unseal(&work, first).unwrap(), "it is here");
    take_piece_of(&work, SEALED, 3, 1_500);
    assert_eq!(work.pack().unwrap(), 1, "a second sector");
    let second = work.ledger.sectors(|_| true)[1].0;
    let unseal_first = |work: &mut Work| {
        work.give_up_data(first).unwrap();
        work.unseals = Arc::new(UnsealQueue::new(1, 1, [second]));
        assert!(unseal(work, first).unwrap(), "unsealed");
        work.ledger.sector(second).unwrap().data
    };
    assert_eq!(unseal_first(&mut work), DataCopy::Kept, "yet to be shown");
    for period in [4, 6] {
        chain.advance_to(SCHEDULE.round_time(Period(period)));
        drive(&work).await;
    }
    assert_eq!(state_of(&work, 3), "active", "shown");
    assert_eq!(unseal_first(&mut work), DataCopy::Dropped, "it makes room");
}

#[tokio::test]
async fn data_stays_as_long_as_a_slot_is_to_be_shown_to_lie_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = with_data(folder.path(), &chain);
    work.seal.keep_unsealed = false;
    challenged(&work, &chain).await;
    settle(&work).await;
    let (sector, _) = sealed_sector(&work);
    work.run_machine(&[sector]);
    while name(&work) != "registered" {
        work.tick(0).await.unwrap();
    }
    assert_eq!(state_of(&work, 1), "packed", "on chain, not shown yet");
    work.pack().unwrap();
    let copy = || work.ledger.sector(sector).unwrap().data;
    assert_eq!(copy(), DataCopy::Kept, "needed");
    settle(&work).await;
    work.pack().unwrap();
    assert_eq!(copy(), DataCopy::Dropped, "shown");
}

#[tokio::test]
async fn a_replica_that_rotted_is_never_unsealed_into_wrong_data() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = active(folder.path(), &chain).await;
    work.seal.keep_unsealed = false;
    work.pack().unwrap();
    let (sector, _) = sealed_sector(&work);
    let store = work.ledger.store();
    let mut rotten = store.chunk(sector, Side::Replica, 0).unwrap().unwrap();
    rotten[64] ^= 1;
    store
        .replace_chunk(sector, Side::Replica, 0, &rotten)
        .unwrap();
    assert!(unseal(&work, sector).is_err(), "refused");
    let copy = work.ledger.sector(sector).unwrap().data;
    assert_eq!(copy, DataCopy::Dropped, "nothing is readable");
}

#[tokio::test]
async fn a_reader_of_a_piece_that_is_only_a_replica_is_told_when_to_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = start(folder.path(), &chain);
    work.seal.keep_unsealed = false;
    let content_id = take_piece_of(&work, SEALED, 1, 2_000);
    work.pack().unwrap();
    challenged(&work, &chain).await;
    drive(&work).await;
    work.pack().unwrap();
    let (sector, _) = sealed_sector(&work);
    let handler = NodeHandler::new(context_of(&work));
    let peer = Peer {
        address: "127.0.0.1:1".parse().unwrap(),
        connection: 1,
    };
    let request = ReadRange {
        content_id,
        offset: 0,
        len: 100,
    };
    let refusal = handler.read_range(peer, request).await.err().unwrap();
    let said = (refusal.code(), refusal.wait_s());
    assert_eq!(said, (ErrorCode::Later, Some(1)), "{refusal}");
    assert_eq!(work.unseals.begin(6), Some(sector), "it is queued");
    assert!(unseal(&work, sector).unwrap());
    work.unseals.end(sector, true, 7);
    assert!(handler.read_range(peer, request).await.is_ok(), "readable");
}
