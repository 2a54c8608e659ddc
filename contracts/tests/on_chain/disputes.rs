//! A false commitment is shown with a proof of the real circuit, and costs its holder the slot.

use cairn_contracts::{
    ChainEventKind, CollateralTerms, FalseCommitment, NewDeal, ShownChunk, SlotStatus,
};
use cairn_merkle::chunk;
use cairn_wire::{Commitment, DealId, SlotIndex};

use crate::stage::{Stage, activations, deal_of};
use crate::world::{PROVIDER, STRANGER, address};

const SLOT: SlotIndex = SlotIndex(0);
const TERMS: CollateralTerms = CollateralTerms {
    fault_periods: 8,
    repair_periods: 4,
    misses_to_end: 2,
    bounty_basis_points: 5_000,
    withdraw_delay_s: 86_400,
    maintenance_periods: 2,
    maintenance_every: 20,
    least_fault: 2,
    most_fault: 6,
};
/// Above what the provider asks for the first piece.
const PRICE: u128 = 3_000;
/// The false leaf of the first piece, in a group whose bytes lie in two chunks.
const LEAF: usize = 33;
const GROUP: u64 = 8;

/// A piece of two chunks, falsely committed to, and another one; both slots filled: nobody checked what the provider said.
async fn fooled() -> (Stage, DealId, Vec<u8>) {
    let mut stage = Stage::staking(TERMS).await;
    let long: Vec<u8> = (0..=250_u8).cycle().take(1_500).collect();
    let mut contents = vec![long, vec![1; 127]];
    let terms = NewDeal {
        price_per_slot_period: PRICE,
        ..deal_of(&contents, 10)
    };
    let deals = stage.owner.open_deals(&[terms]).await;
    let deal = deals.unwrap().0[0];
    let number = stage.append_falsely(&contents, LEAF).await;
    let (fault, repair) = TERMS.parts_of(2 * PRICE);
    let me = address(PROVIDER);
    let paid = stage.provider.deposit_collateral(me, fault + repair);
    paid.await.unwrap();
    let both = activations(&stage, deal, 0, &contents);
    let proof = stage.farm.include(0, &[0, 1]);
    let filled = stage.provider.activate(number, &both, &proof).await;
    filled.unwrap();
    (stage, deal, contents.remove(0))
}

fn chunks_of(piece: &[u8], group: u64) -> Vec<ShownChunk> {
    let proven = chunk::prove_group(piece, group).into_iter();
    proven
        .map(|chunk| ShownChunk {
            bytes: chunk.bytes,
            path: chunk.path,
        })
        .collect()
}

#[tokio::test]
async fn a_false_commitment_is_shown_by_a_stranger_and_costs_its_holder_the_slot() {
    let (mut stage, deal, piece) = fooled().await;
    let stranger = stage.world.chain(STRANGER).await;
    let show = |stage: &mut Stage, group| {
        let (leaves, proof) = stage.farm.dispute(0, 0, group);
        FalseCommitment {
            group,
            leaves,
            proof,
            chunks: chunks_of(&piece, group),
        }
    };
    let honest = show(&mut stage, GROUP + 1);
    let refused = stranger.dispute(deal, SLOT, &honest).await;
    assert!(
        refused.unwrap_err().is_refusal("Disputes_NotFalse"),
        "a group that holds the piece's bytes shows nothing"
    );
    let shown = show(&mut stage, GROUP);
    let tampered = tampered(&shown);
    for (what, evidence, refusal) in tampered {
        let refused = stranger.dispute(deal, SLOT, &evidence).await.unwrap_err();
        assert!(refused.is_refusal(refusal), "{what}: {refused}");
    }
    let before = stranger.collateral_of(address(PROVIDER)).await.unwrap();
    let receipt = stranger.dispute(deal, SLOT, &shown).await.unwrap();
    assert!(
        receipt.gas_used < 3_000_000,
        "a dispute costs {} gas",
        receipt.gas_used
    );
    let slot = stranger.slot(deal, SLOT).await.unwrap();
    assert_eq!(slot.status, SlotStatus::Freed, "open for repair");
    let after = stranger.collateral_of(address(PROVIDER)).await.unwrap();
    let (fault, repair) = TERMS.parts_of(PRICE);
    assert_eq!(before.total - after.total, fault + repair, "both parts");
    let bounty = stranger.bounty_of(address(STRANGER)).await.unwrap();
    assert_eq!(bounty, fault / 2, "half of the fault part");
    let head = stranger.head().await.unwrap().number;
    let events = stranger.events(0, head).await.unwrap();
    let told = events.iter().any(|event| {
        matches!(event.kind, ChainEventKind::CommitmentVoided { provider, hunter, bounty: paid, .. }
            if provider == address(PROVIDER) && hunter == address(STRANGER) && paid == bounty)
    });
    assert!(told, "the event says so");
    let again = stranger.dispute(deal, SLOT, &shown).await;
    assert!(
        again.unwrap_err().is_refusal("Disputes_NoCommitment"),
        "once"
    );
}

/// Evidence with one field changed, and how it is refused.
fn tampered(shown: &FalseCommitment) -> Vec<(&'static str, FalseCommitment, &'static str)> {
    let mut leaves = shown.leaves;
    leaves[0] = Commitment::from_bytes([1; 32]).unwrap();
    let mut proof = shown.proof;
    proof[..128].fill(0);
    let mut chunks = shown.chunks.clone();
    chunks[0].bytes[0] ^= 1;
    let refused = "Verifier_ProofRefused";
    vec![
        (
            "another group",
            FalseCommitment {
                group: GROUP + 1,
                ..shown.clone()
            },
            refused,
        ),
        (
            "another leaf",
            FalseCommitment {
                leaves,
                ..shown.clone()
            },
            refused,
        ),
        (
            "another proof",
            FalseCommitment {
                proof,
                ..shown.clone()
            },
            refused,
        ),
        (
            "other bytes",
            FalseCommitment {
                chunks,
                ..shown.clone()
            },
            "Fraud_ChunkRefused",
        ),
        (
            "no bytes",
            FalseCommitment {
                chunks: Vec::new(),
                ..shown.clone()
            },
            "Fraud_ChunkCount",
        ),
    ]
}
