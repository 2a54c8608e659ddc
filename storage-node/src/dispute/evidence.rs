//! From a false group to what the contract is shown.

use cairn_contracts::{FalseCommitment, ShownChunk};
use cairn_merkle::chunk;
use cairn_wire::Commitment;

use crate::dispute::search::FalseGroup;

/// What the contract is shown of a false group of the piece of these bytes; `proof` is of the group's statement.
#[must_use]
pub fn evidence(found: &FalseGroup, piece: &[u8], proof: [u8; 512]) -> FalseCommitment {
    let group = found.statement.group;
    let chunks = chunk::prove_group(piece, group).into_iter();
    FalseCommitment {
        group,
        leaves: found.statement.leaves.map(Commitment::from),
        proof,
        chunks: chunks
            .map(|chunk| ShownChunk {
                bytes: chunk.bytes,
                path: chunk.path,
            })
            .collect(),
    }
}
