//! A proof under a deployed key, and what a cheat makes of it.

use std::path::Path;

use anyhow::Result;
use cairn_contracts::EvmProof;
use cairn_merkle::provider::ProviderTree;
use cairn_merkle::{Commitment, Fr, SectorKind, domain};
use cairn_prover::append::{AppendCircuit, AppendStatement, AppendWitness};
use cairn_prover::circuits::CircuitName;
use cairn_prover::groth16::export::proof_to_evm;
use cairn_prover::groth16::{blinding_rng, prove};
use cairn_prover::keys;
use cairn_prover::params::ParamSet;

/// The order of the field, big-endian. Source: the BLS12-381 specification's r.
const R: &str = "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";

/// A proof that a first sector was appended to an empty tree, with its public inputs as big-endian words.
pub(super) fn honest_append(
    key_dir: &Path,
    set: &'static ParamSet,
) -> Result<(Vec<[u8; 32]>, EvmProof)> {
    let mut tree = ProviderTree::new(set.tree_levels)?;
    let root0 = Commitment::from(tree.root());
    let witness = AppendWitness::of(&tree)?;
    let comm_d = Fr::from(2026_u64);
    let comm_r = domain::comm_r_hot(comm_d);
    tree.append(domain::provider_leaf(comm_r, 1, SectorKind::Hot))?;
    let statement = AppendStatement {
        root0,
        root1: Commitment::from(tree.root()),
        comm_d: Commitment::from(comm_d),
        comm_r: Commitment::from(comm_r),
        count: 0,
        sector_number: 1,
        kind: SectorKind::Hot,
    };
    let inputs = statement
        .public_inputs()
        .map(|input| Commitment::from(input).to_be_bytes())
        .to_vec();
    let key = keys::load(key_dir, set, CircuitName::Append)?;
    // The proof hides nothing: the sector does not exist.
    let proof = prove(
        &key,
        AppendCircuit::new(*set, statement, witness),
        &mut blinding_rng([1; 32]),
    )?;
    Ok((inputs, proof_to_evm(&proof)))
}

/// The same proof with its last point replaced by its first: points of the right group, and no proof.
pub(super) fn tampered(proof: &EvmProof) -> EvmProof {
    let mut other = *proof;
    other.copy_within(0..128, 384);
    other
}

/// The same inputs, the first one plus r: the same residue, another number.
pub(super) fn shifted_by_r(inputs: &[[u8; 32]]) -> Vec<[u8; 32]> {
    let mut shifted = inputs.to_vec();
    let r = hex::decode(R).unwrap_or_default();
    if let Some(word) = shifted.last_mut() {
        let mut carry = 0_u16;
        for (digit, add) in word.iter_mut().zip(&r).rev() {
            let sum = u16::from(*digit) + u16::from(*add) + carry;
            let [high, low] = sum.to_be_bytes();
            (*digit, carry) = (low, u16::from(high));
        }
    }
    shifted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_shifted_by_r_is_the_same_residue() {
        let word = Commitment::from(Fr::from(5_u64)).to_be_bytes();
        let shifted = shifted_by_r(&[word]);
        assert_eq!(
            hex::encode(shifted[0]),
            "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000006",
            "5 + r"
        );
        assert!(
            Commitment::from_be_bytes(shifted[0]).is_err(),
            "it is not below r"
        );
    }
}
