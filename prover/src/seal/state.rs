//! What a folder of labels has finished, as bytes.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | `cairnSL1` |
//! | 8 | 32 | digest of the parameters that fix the labels: [`parameters_digest`] |
//! | 40 | 32 | replica id, canonical, little-endian |
//! | 72 | 1 | L, layers in all, 1 to 16 |
//! | 73 | 1 | layers done, at most L |
//! | 74 | 32 L | BLAKE3 of the labels of each layer, zero for those that are not done |
//! | 74 + 32 L | 32 | BLAKE3 of all before |
//!
//! A torn or changed record fails its last digest; one of another sector or set is told apart by the first two.

use crate::graph::Graph;
use crate::params::ParamSet;
use cairn_merkle::{Fr, field};

/// Longest record: sixteen layers.
pub const STATE_BYTES_MAX: usize = HEAD_BYTES + DIGEST_BYTES * (MAX_LAYERS + 1);

/// Most layers: one group of a C-tree holds all labels of a node.
const MAX_LAYERS: usize = 16;

const MAGIC: &[u8; 8] = b"cairnSL1";
const DIGEST_BYTES: usize = 32;
const HEAD_BYTES: usize = 74;

/// What a folder of labels has finished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealState {
    /// What the labels depend on besides the replica id.
    pub parameters: [u8; DIGEST_BYTES],
    /// What the labels are keyed with.
    pub replica_id: Fr,
    /// Layers in all.
    pub layers: u8,
    /// BLAKE3 of the labels of every finished layer, layer 1 first.
    pub digests: Vec<[u8; DIGEST_BYTES]>,
}

/// Why bytes are no such record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Not the length that its layers ask for.
    #[error("a record of {got} bytes")]
    Length {
        /// Its bytes.
        got: usize,
    },
    /// Not written by this version.
    #[error("not a record of this version")]
    Magic,
    /// The digest over the record differs: torn or changed.
    #[error("the record is torn or was changed")]
    Checksum,
    /// More layers than there can be, or more done than there are.
    #[error("{done} of {layers} layers done")]
    Layers {
        /// Layers in all.
        layers: u8,
        /// Layers done.
        done: u8,
    },
    /// The replica id is no canonical field element.
    #[error("the replica id is no canonical field element")]
    ReplicaId,
    /// Digests of layers that are not done.
    #[error("a digest of a layer that is not done")]
    Spare,
}

/// BLAKE3 of everything that fixes labels besides the replica id: the graph, both its parts, and the number of layers.
#[must_use]
pub fn parameters_digest(set: &ParamSet) -> [u8; DIGEST_BYTES] {
    let graph = Graph::for_set(set);
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"cairn/v1/seal");
    hasher.update(graph.seed());
    hasher.update(&graph.log2_nodes().to_le_bytes());
    hasher.update(&[set.layers]);
    // The expander's constants, by what they lead to.
    for parent in graph.expander_parents(1) {
        hasher.update(&parent.to_le_bytes());
    }
    hasher.finalize().into()
}

impl SealState {
    /// Nothing is done yet.
    #[must_use]
    pub fn new(set: &ParamSet, replica_id: Fr) -> Self {
        Self {
            parameters: parameters_digest(set),
            replica_id,
            layers: set.layers,
            digests: Vec::new(),
        }
    }

    /// Layers done.
    #[must_use]
    pub fn done(&self) -> u8 {
        u8::try_from(self.digests.len()).unwrap_or(u8::MAX)
    }

    /// The bytes of the table above.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(STATE_BYTES_MAX);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.parameters);
        bytes.extend_from_slice(&field::to_bytes(&self.replica_id));
        bytes.extend_from_slice(&[self.layers, self.done()]);
        for layer in 0..usize::from(self.layers) {
            bytes.extend_from_slice(&self.digests.get(layer).copied().unwrap_or_default());
        }
        let checksum = blake3::hash(&bytes);
        bytes.extend_from_slice(checksum.as_bytes());
        bytes
    }

    /// Reads [`Self::encode`]; accepts nothing else.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, StateError> {
        let length = StateError::Length { got: bytes.len() };
        let (body, checksum) = bytes.split_last_chunk::<DIGEST_BYTES>().ok_or(length)?;
        let (magic, rest) = body.split_first_chunk::<8>().ok_or(length)?;
        if magic != MAGIC {
            return Err(StateError::Magic);
        }
        let (parameters, rest) = rest.split_first_chunk::<DIGEST_BYTES>().ok_or(length)?;
        let (replica_id, rest) = rest.split_first_chunk::<DIGEST_BYTES>().ok_or(length)?;
        let ([layers, done], rest) = rest.split_first_chunk::<2>().ok_or(length)?;
        let (digests, spare) = rest.as_chunks::<DIGEST_BYTES>();
        if !spare.is_empty() || digests.len() != usize::from(*layers) {
            return Err(length);
        }
        if blake3::hash(body) != blake3::Hash::from_bytes(*checksum) {
            return Err(StateError::Checksum);
        }
        let (layers, done) = (*layers, *done);
        if layers == 0 || usize::from(layers) > MAX_LAYERS || done > layers {
            return Err(StateError::Layers { layers, done });
        }
        let replica_id = field::from_bytes(replica_id).map_err(|_| StateError::ReplicaId)?;
        let (digests, later) = digests.split_at(usize::from(done));
        if later.iter().any(|digest| *digest != [0; DIGEST_BYTES]) {
            return Err(StateError::Spare);
        }
        Ok(Self {
            parameters: *parameters,
            replica_id,
            layers,
            digests: digests.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{MAINNET, TEST};

    fn sample() -> SealState {
        SealState {
            digests: vec![[3; 32], [4; 32], [5; 32]],
            ..SealState::new(&MAINNET, Fr::from(77u64))
        }
    }

    /// The bytes with a right last digest, as somebody would make them who wants them accepted.
    fn signed(mut body: Vec<u8>) -> Vec<u8> {
        let checksum = blake3::hash(&body);
        body.extend_from_slice(checksum.as_bytes());
        body
    }

    #[test]
    fn a_record_is_read_back_and_is_as_long_as_its_layers() {
        for state in [sample(), SealState::new(&TEST, Fr::from(1u64))] {
            let bytes = state.encode();
            assert_eq!(bytes.len(), 74 + 32 * usize::from(state.layers) + 32);
            assert_eq!(SealState::decode(&bytes), Ok(state));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_refused() {
        let bytes = sample().encode();
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert!(SealState::decode(&other).is_err(), "byte {at}");
            assert!(SealState::decode(&bytes[..at]).is_err(), "cut at {at}");
        }
        let mut longer = bytes;
        longer.push(0);
        assert!(SealState::decode(&longer).is_err());
    }

    #[test]
    fn what_no_encoder_writes_is_refused_under_a_right_digest() {
        let body = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = sample().encode();
            bytes.truncate(bytes.len() - 32);
            change(&mut bytes);
            SealState::decode(&signed(bytes))
        };
        assert_eq!(body(&|_| ()), Ok(sample()));
        assert_eq!(body(&|b| b[0] = b'C'), Err(StateError::Magic));
        assert_eq!(
            body(&|b| b[73] = 9),
            Err(StateError::Layers { layers: 8, done: 9 })
        );
        assert_eq!(body(&|b| b[71] = 0xff), Err(StateError::ReplicaId));
        assert_eq!(body(&|b| b[73] = 2), Err(StateError::Spare));
        assert!(matches!(
            body(&|b| b[72] = 7),
            Err(StateError::Length { .. })
        ));
        assert!(matches!(
            body(&|b| {
                b.truncate(74);
                b[72] = 0;
                b[73] = 0;
            }),
            Err(StateError::Layers { layers: 0, done: 0 })
        ));
    }

    #[test]
    fn sets_with_other_graphs_or_layers_have_other_digests() {
        let mut seen = std::collections::BTreeSet::new();
        for set in crate::params::ALL {
            assert!(seen.insert(parameters_digest(set)), "{}", set.name);
        }
        let more = ParamSet { layers: 4, ..TEST };
        assert!(seen.insert(parameters_digest(&more)));
    }
}
