//! The verifier itself, asked without a transaction.

use alloy::primitives::U256;

use super::{Chain, Contract, EvmProof};
use crate::abi::verifier;
use crate::convert::evm;
use crate::deployment::KeyRecord;
use crate::error::ChainError;

impl Chain {
    /// Asks the deployed verifier about a proof. The inputs are 32-byte big-endian words, passed as they are: one that
    /// is not below the field's order is for the contract to refuse.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Verifier_ProofRefused`, `Verifier_InputOutOfField`, `Verifier_KeyRefused`.
    pub async fn check_proof(
        &self,
        key: &KeyRecord,
        inputs: &[[u8; 32]],
        proof: &EvmProof,
    ) -> Result<(), ChainError> {
        let call = verifier::Verifier::verifyCall {
            key: evm(key.address),
            inputs: inputs
                .iter()
                .map(|word| U256::from_be_bytes(*word))
                .collect(),
            proof: proof.to_vec().into(),
        };
        // `connect` has seen that there is a contract at this address.
        self.ask(Contract::Verifier, &call).await.map(drop)
    }
}
