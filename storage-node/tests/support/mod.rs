//! What the tests of a store share: pieces of every size, stored, accepted, packed.
#![allow(
    dead_code,
    clippy::expect_used,
    reason = "helpers of tests; every test file uses a part of them"
)]

use cairn_merkle::piece::PieceCommitter;
use cairn_merkle::range::Outboard;
use cairn_merkle::{ContentId, SectorKind};
use cairn_storage_node::deal::{SectorId, SlotEvent, SlotState};
use cairn_storage_node::sector::{Candidate, PackingRule, kept_rows, plan};
use cairn_storage_node::store::{Home, Ledger, PieceRecord, SlotKey, SlotRecord, Store};
use cairn_wire::{Address, DealId, Signature, SlotIndex};

/// The bytes of piece `number`, as long as its number says.
pub(crate) fn bytes_of(number: u64, byte_len: usize) -> Vec<u8> {
    let mut bytes = vec![0; byte_len];
    blake3::Hasher::new()
        .update(&number.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

/// The slot of piece `number`.
pub(crate) fn key_of(number: u64) -> SlotKey {
    SlotKey {
        deal: DealId(number),
        slot: SlotIndex(0),
    }
}

/// Stores a piece as a body that arrives does. Returns once it is durable.
pub(crate) fn store_piece(
    store: &Store,
    number: u64,
    byte_len: usize,
) -> Result<ContentId, cairn_storage_node::error::StoreError> {
    let bytes = bytes_of(number, byte_len);
    let (content_id, outboard) = Outboard::build(&bytes).expect("an outboard");
    let mut committer = PieceCommitter::new(byte_len as u64).expect("a committer");
    committer.update(&bytes).expect("its bytes");
    let (commitment, tree) = committer.finish_tree().expect("its end");
    let record = PieceRecord {
        byte_len: byte_len as u64,
        b: commitment.b,
        comm_p: commitment.comm_p,
        home: Home::Large,
    };
    let slot = SlotRecord {
        content_id,
        owner: Address::ZERO,
        expiry_unix: 1_000,
        since_unix: 0,
        state: SlotState::Stored,
        kind: SectorKind::Hot,
    };
    let mut writer = store.piece_writer(content_id, byte_len as u64)?;
    for chunk in bytes.chunks(100_000) {
        writer.push(chunk)?;
    }
    writer.finish(
        record,
        &outboard,
        &kept_rows(&tree, byte_len as u64),
        (key_of(number), &slot),
    )?;
    Ok(content_id)
}

/// Accepts every stored slot.
pub(crate) fn accept_all(ledger: &Ledger) {
    for (key, _) in ledger.slots(|slot| slot.state == SlotState::Stored) {
        ledger
            .step_slot(key, SlotEvent::Accept(Signature([7; 65])), 1)
            .expect("an acceptance");
    }
}

/// Plans sectors for everything that waits.
pub(crate) fn plan_all(ledger: &Ledger, sector_log2_leaves: u32) -> Vec<SectorId> {
    let candidate = |(_, slot): (SlotKey, SlotRecord)| {
        let piece = ledger
            .store()
            .piece(&slot.content_id)
            .expect("a record")
            .expect("a piece");
        Candidate {
            content_id: slot.content_id,
            comm_p: piece.comm_p,
            byte_len: piece.byte_len,
            b: piece.b,
            since_unix: slot.since_unix,
        }
    };
    let waiting: Vec<Candidate> = ledger.waiting().into_iter().map(candidate).collect();
    let sectors = plan(
        &waiting,
        PackingRule {
            sector_log2_leaves,
            wait_s: 0,
        },
        10,
    );
    sectors
        .into_iter()
        .map(|places| ledger.plan_sector(SectorKind::Hot, places).expect("a plan"))
        .collect()
}
