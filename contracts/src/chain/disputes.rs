//! Disputes: a commitment of a slot is shown to be false.

use alloy::primitives::B256;
use cairn_wire::{DealId, SlotIndex};

use super::{Chain, Contract, receipt_of};
use crate::abi::disputes::Disputes;
use crate::convert::{evm, word};
use crate::error::ChainError;
use crate::market::{FalseCommitment, NewSlot, ShownChunk, TxReceipt};

impl Chain {
    /// Shows that the commitment of a filled or freed slot is false: it is voided, the slot freed, its last holder slashed,
    /// and the bounty is the account's.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Deals_NoSuchDeal`, `Deals_NoSuchSlot`, `Disputes_NoCommitment`, `Disputes_NotFalse`,
    /// `Fraud_ChunkCount`, `Fraud_ChunkRefused`, `Blake3_ChunkLength`, `Blake3_PathLength`, `Verifier_ProofRefused` and the
    /// other refusals of the verifier.
    pub async fn dispute(
        &self,
        deal: DealId,
        slot: SlotIndex,
        shown: &FalseCommitment,
    ) -> Result<TxReceipt, ChainError> {
        let slots = self.deal_slots(deal).await?;
        let call = Disputes::disputeCall {
            deal_: deal.0,
            slot: slot.0,
            slots: slots.iter().map(slot_to_abi).collect(),
            evidence: Disputes::Evidence {
                group: shown.group,
                leaves: shown.leaves.each_ref().map(word),
                proof: shown.proof.to_vec().into(),
                chunks: shown.chunks.iter().map(chunk_to_abi).collect(),
            },
        };
        receipt_of(&self.transact(Contract::Disputes, &call).await?)
    }
}

fn slot_to_abi(slot: &NewSlot) -> Disputes::Slot {
    Disputes::Slot {
        contentId: B256::from(*slot.content_id.as_bytes()),
        provider: evm(slot.provider),
        byteLen: slot.byte_len,
        b: slot.b,
    }
}

fn chunk_to_abi(chunk: &ShownChunk) -> Disputes::ChunkProof {
    Disputes::ChunkProof {
        chunk: chunk.bytes.clone().into(),
        path: chunk.path.iter().map(|node| B256::from(*node)).collect(),
    }
}
