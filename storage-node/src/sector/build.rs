//! From planned places to a packed sector: leaves, rows and `comm_d` on disk, pieces moved into it, in one step.

use cairn_merkle::tree::{CHUNK_LEAVES, CHUNK_LEVELS, Shape, SparseTree, chunk_root, zero_node};
use cairn_merkle::{Commitment, Fr, TreeKind, domain, field, fr32};
use rayon::prelude::*;

use cairn_merkle::SectorKind;

use crate::deal::{SectorEvent, SectorId, SectorState, SlotEvent, SlotState};
use crate::error::{SectorError, StoreError};
use crate::sector::Place;
use crate::sector::commit::piece_tree;
use crate::store::{
    CHUNK_BYTES, Ledger, Packed, SectorRecord, SlotKey, SlotRecord, Store, parse_leaves,
};

/// Chunks built side by side: 8 MiB of leaves.
const BATCH_CHUNKS: usize = 64;

/// One chunk that holds bytes of at least one piece.
struct Chunk {
    number: u32,
    /// Which places reach into it.
    places: Vec<Place>,
}

/// Writes the leaves of a planned sector and records it as packed, with its pieces and their slots. Running it again
/// after a crash does the same.
///
/// # Errors
/// [`SectorError::PieceChanged`] when a piece is no longer what was committed to, [`StoreError::DiskFull`] and the
/// disk's own; after an error the sector is still planned and its pieces are where they were.
pub fn build(
    ledger: &Ledger,
    sector: SectorId,
    shape: Shape,
    now_unix: u64,
) -> Result<SectorRecord, SectorError> {
    let store = ledger.store();
    // The disk's word, not memory's: a commit that was reported as failed may have gone through.
    let record = ledger.reload_sector(sector)?;
    if record.state != SectorState::Planned {
        return Ok(record);
    }
    let zero = SparseTree::from_chunk_roots(TreeKind::Data, shape, Vec::new())
        .map_err(|_| layout(sector))?;
    let chunks = usize::try_from(SparseTree::chunks_of(shape)).map_err(|_| layout(sector))?;
    let zero_root = zero
        .chunk_root(0)
        .unwrap_or_else(|| zero_node(TreeKind::Data, CHUNK_LEVELS));
    let mut roots = vec![zero_root; chunks];
    check_pieces(store, sector, &record.places)?;
    let mut writer = store.sector_writer(sector)?;
    for batch in occupied(&record.places).chunks(BATCH_CHUNKS) {
        let built: Result<Vec<(Vec<u8>, Fr)>, SectorError> = batch
            .par_iter()
            .map(|chunk| build_chunk(store, sector, shape, chunk))
            .collect();
        for (chunk, (bytes, root)) in batch.iter().zip(built?) {
            writer.put_chunk(chunk.number, &bytes)?;
            let place = usize::try_from(chunk.number)
                .ok()
                .and_then(|at| roots.get_mut(at));
            *place.ok_or_else(|| layout(sector))? = root;
        }
    }
    let tree =
        SparseTree::from_chunk_roots(TreeKind::Data, shape, roots).map_err(|_| layout(sector))?;
    let comm_d = Commitment::from(tree.root());
    let event = match record.kind {
        SectorKind::Hot => {
            let comm_r = Commitment::from(domain::comm_r_hot(tree.root()));
            SectorEvent::Write { comm_d, comm_r }
        }
        SectorKind::Sealed => SectorEvent::Fill { comm_d },
    };
    let packed = SectorRecord {
        state: record.state.next(event).map_err(StoreError::from)?,
        ..record
    };
    let rows: Vec<Fr> = tree.stored_rows().copied().collect();
    let slots = moved_slots(ledger, sector, &packed, now_unix)?;
    writer.finish(&Packed {
        record: &packed,
        rows: &rows,
        slots: &slots,
    })?;
    ledger.note_packed(sector, packed.clone(), &slots);
    Ok(packed)
}

fn layout(sector: SectorId) -> SectorError {
    SectorError::Layout {
        sector,
        reason: "it does not fit the shape of a sector",
    }
}

fn moved_slots(
    ledger: &Ledger,
    sector: SectorId,
    record: &SectorRecord,
    now_unix: u64,
) -> Result<Vec<(SlotKey, SlotRecord)>, SectorError> {
    let here = |slot: &SlotRecord| {
        matches!(slot.state, SlotState::Accepted { .. })
            && slot.kind == record.kind
            && record
                .places
                .iter()
                .any(|place| place.content_id == slot.content_id)
    };
    let step = |(key, slot): (SlotKey, SlotRecord)| {
        let state = slot
            .state
            .next(SlotEvent::Pack(sector))
            .map_err(StoreError::from)?;
        Ok((
            key,
            SlotRecord {
                state,
                since_unix: now_unix,
                ..slot
            },
        ))
    };
    ledger.slots(here).into_iter().map(step).collect()
}

/// The kept roots of every piece must still be those its `comm_p` commits to: nothing else is put into a tree.
fn check_pieces(store: &Store, sector: SectorId, places: &[Place]) -> Result<(), SectorError> {
    for place in places {
        let rows = rows_of(store, place)?;
        let tree = piece_tree(place.b, rows).map_err(|_| layout(sector))?;
        let comm_p = Commitment::from(domain::comm_p(place.b, place.byte_len, tree.root()));
        if comm_p != place.comm_p {
            return Err(SectorError::PieceChanged {
                content_id: place.content_id,
            });
        }
    }
    Ok(())
}

fn rows_of(store: &Store, place: &Place) -> Result<Vec<Fr>, SectorError> {
    let missing = || StoreError::Missing {
        what: format!("chunk roots of piece {}", place.content_id),
    };
    Ok(store.piece_rows(&place.content_id)?.ok_or_else(missing)?)
}

/// The chunks that hold bytes of a piece, ascending.
fn occupied(places: &[Place]) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    let chunk_leaves = CHUNK_LEAVES as u64;
    for place in places {
        let elements = fr32::elements_for(place.byte_len).max(1);
        let first = place.offset_leaves / chunk_leaves;
        let last = (place.offset_leaves + elements - 1) / chunk_leaves;
        for number in first..=last {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            match chunks.last_mut() {
                Some(chunk) if chunk.number == number => chunk.places.push(*place),
                _ => chunks.push(Chunk {
                    number,
                    places: vec![*place],
                }),
            }
        }
    }
    chunks
}

fn build_chunk(
    store: &Store,
    sector: SectorId,
    shape: Shape,
    chunk: &Chunk,
) -> Result<(Vec<u8>, Fr), SectorError> {
    let chunk_bytes = usize::try_from(SparseTree::chunk_leaves(shape)).unwrap_or(CHUNK_LEAVES)
        * field::ELEMENT_BYTES;
    let mut bytes = Vec::with_capacity(CHUNK_BYTES);
    let chunk_first = u64::from(chunk.number) * CHUNK_LEAVES as u64;
    for place in &chunk.places {
        let missing = || StoreError::Missing {
            what: format!("piece {}", place.content_id),
        };
        let record = store.piece(&place.content_id)?.ok_or_else(missing)?;
        let at = place.offset_leaves.saturating_sub(chunk_first);
        bytes.resize(
            usize::try_from(at).map_err(|_| layout(sector))? * field::ELEMENT_BYTES,
            0,
        );
        let part = part_of(place, chunk.number).ok_or_else(|| layout(sector))?;
        let part =
            store
                .piece_part(&place.content_id, &record, part)
                .map_err(|error| match error {
                    damage if damage.is_damage() => SectorError::PieceChanged {
                        content_id: place.content_id,
                    },
                    other => other.into(),
                })?;
        bytes.extend_from_slice(&fr32::encode_stored(&part));
    }
    bytes.resize(chunk_bytes, 0);
    let root = match chunk.places.as_slice() {
        // A piece of at least one chunk: the node stands in both trees.
        [place] if 1_u64 << place.b >= CHUNK_LEAVES as u64 => {
            let part = part_of(place, chunk.number).and_then(|part| usize::try_from(part).ok());
            let kept = part.and_then(|part| rows_of(store, place).ok()?.get(part).copied());
            kept.ok_or_else(|| layout(sector))?
        }
        _ => {
            let leaves = parse_leaves(sector, chunk.number, &bytes)?;
            chunk_root(TreeKind::Data, &leaves).map_err(|_| layout(sector))?
        }
    };
    Ok((bytes, root))
}

fn part_of(place: &Place, chunk: u32) -> Option<u32> {
    let first = u32::try_from(place.offset_leaves / CHUNK_LEAVES as u64).ok()?;
    chunk.checked_sub(first)
}
