//! Asking who holds the pieces: shown, refused, lied about, moved to somebody else.

use crate::network::{Behaviour, World, noise};
use cairn_client::{AuditAnswer, AuditOptions, ByteRange};
use cairn_wire::{Commitment, SlotIndex};

const CHALLENGE: AuditOptions = AuditOptions {
    challenge_for: Some(100),
};

#[tokio::test(flavor = "multi_thread")]
async fn honest_holders_show_a_part_of_every_piece_and_nobody_is_challenged() {
    let world = World::new(4, 13);
    world.put("object", &noise(300_000), 2, 4).await.unwrap();
    let audits = world.client.audit("object", CHALLENGE).await.unwrap();
    assert_eq!(audits.len(), 4, "every slot");
    for audit in &audits {
        let shown = matches!(&audit.answer, AuditAnswer::Shown { bytes, .. } if !bytes.is_empty());
        assert!(shown && audit.challenge.is_none(), "{audit:?}");
    }
    assert!(world.market.table().challenges.is_empty(), "none");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shows_nothing_or_something_else_is_challenged_only_if_the_owner_says_so() {
    let mut world = World::new(4, 13);
    world.put("object", &noise(300_000), 2, 4).await.unwrap();
    let (liar, loser, dead) = (
        world.holder("object", 0, 0),
        world.holder("object", 0, 1),
        world.holder("object", 0, 3),
    );
    world.set(liar, Behaviour::WrongBytes);
    world.set(loser, Behaviour::Lost);
    world.kill(dead);
    let free = world
        .client
        .audit("object", AuditOptions::default())
        .await
        .unwrap();
    let nothing: Vec<u8> = free
        .iter()
        .filter(|audit| matches!(audit.answer, AuditAnswer::Nothing { .. }))
        .map(|audit| audit.slot.0)
        .collect();
    assert_eq!(nothing, [0, 1, 3], "{free:?}");
    assert!(world.market.table().challenges.is_empty(), "free of charge");
    let audits = world.client.audit("object", CHALLENGE).await.unwrap();
    let challenged: Vec<(u8, Option<u64>)> = audits
        .iter()
        .map(|audit| (audit.slot.0, audit.challenge.clone().map(Result::unwrap)))
        .collect();
    assert_eq!(
        challenged,
        [(0, Some(1)), (1, Some(2)), (2, None), (3, Some(3))],
        "those three"
    );
}

/// Slot `slot` of the object's only deal is repaired by `node`, which gets the piece's bytes.
fn repair(world: &World, slot: u8, node: usize) {
    let from = world.holder("object", 0, usize::from(slot));
    let mut table = world.market.table();
    let deal = table.deals[0].id;
    let content_id = table.deals[0].slots[usize::from(slot)].content_id;
    let filled = table
        .filled
        .iter_mut()
        .find(|(id, index, ..)| (*id, *index) == (deal, SlotIndex(slot)))
        .unwrap();
    (filled.2, filled.3) = (world.nodes[node].provider, Commitment::default());
    let bytes = world.nodes[from].pieces.lock().unwrap()[&content_id].clone();
    let mut pieces = world.nodes[node].pieces.lock().unwrap();
    pieces.insert(content_id, bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_that_others_made_again_are_audited_and_read_where_they_are_now() {
    let mut world = World::new(7, 13);
    let bytes = noise(300_000);
    world.put("object", &bytes, 2, 4).await.unwrap();
    let first: Vec<usize> = (0..4).map(|slot| world.holder("object", 0, slot)).collect();
    let spare: Vec<usize> = (0..7).filter(|node| !first.contains(node)).collect();
    for slot in 0..3_u8 {
        repair(&world, slot, spare[usize::from(slot)]);
        world.kill(first[usize::from(slot)]);
    }
    let audits = world
        .client
        .audit("object", AuditOptions::default())
        .await
        .unwrap();
    for (audit, node) in audits.iter().zip([spare[0], spare[1], spare[2], first[3]]) {
        assert_eq!(
            audit.provider,
            Some(world.nodes[node].provider),
            "who holds it now"
        );
        assert!(
            matches!(audit.answer, AuditAnswer::Shown { .. }),
            "{audit:?}"
        );
    }
    // The catalog knows the first four only, of whom one lives.
    let (back, _) = world.get("object", ByteRange::all()).await.unwrap();
    assert!(back == bytes, "bit-identical");
}
