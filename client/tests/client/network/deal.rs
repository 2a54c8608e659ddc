//! Deals whose pieces lie on nodes without a client having put them there.

use cairn_contracts::{DealInfo, NewSlot, ProviderInfo};
use cairn_erasure::CODE_ID;
use cairn_merkle::{ContentId, piece};
use cairn_wire::{Address, DealId, Period, SectorKind, SlotIndex};

use super::world::World;

/// Piece `i` on node `i`, as whoever owns the deal says: nothing makes them a codeword.
pub(crate) fn scatter(world: &World, k: u16, pieces: &[Vec<u8>]) -> DealInfo {
    let slots = pieces
        .iter()
        .zip(&world.nodes)
        .map(|(bytes, node)| {
            let content_id = ContentId::of(bytes);
            node.pieces
                .lock()
                .unwrap()
                .insert(content_id, bytes.clone());
            NewSlot {
                content_id,
                b: piece::b_for(bytes.len() as u64),
                byte_len: bytes.len() as u64,
                provider: node.provider,
            }
        })
        .collect();
    DealInfo {
        id: DealId(77),
        owner: Address([9; 20]),
        k,
        n: u16::try_from(pieces.len()).unwrap(),
        code_id: CODE_ID,
        kind: SectorKind::Hot,
        strip_bytes: 32 << 10,
        segment_bytes: u64::from(k) * pieces[0].len() as u64,
        price_per_slot_period: 1,
        start_period: Period(1),
        end_period: Period(2),
        activate_by: Period(1),
        filled: 0,
        cancelled: false,
        escrow_left: 0,
        slots,
    }
}

/// The registry's entries of the nodes that hold these slots.
pub(crate) fn holders(
    world: &World,
    deal: &DealInfo,
    slots: &[u8],
) -> Vec<(SlotIndex, ProviderInfo)> {
    let table = world.market.table();
    slots
        .iter()
        .map(|slot| {
            let provider = deal.slots[usize::from(*slot)].provider;
            let info = table.providers.iter().find(|one| one.address == provider);
            (SlotIndex(*slot), info.unwrap().clone())
        })
        .collect()
}

/// The bytes a slot's node holds.
pub(crate) fn held(world: &World, deal: &DealInfo, slot: u8) -> Vec<u8> {
    let slot = &deal.slots[usize::from(slot)];
    let node = world
        .nodes
        .iter()
        .find(|node| node.provider == slot.provider)
        .unwrap();
    node.pieces.lock().unwrap()[&slot.content_id].clone()
}
