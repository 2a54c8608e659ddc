//! The label of a node from the labels of its parents.
//!
//! ```text
//! label(l, v) = BLAKE3 keyed_hash(key, message), the top two bits cleared, as a little-endian integer
//! key     = replica_id[0..27] | l u8 | v u32 LE
//! message = the 14 parents' labels, 32 bytes LE each: six of layer l, v-1 first, then eight of layer l-1
//! ```
//!
//! Every label is below 2^254 < r, so that it has one form as a field element and one as bits. What has no parents (the
//! layer below the first, the nodes before node 0) counts as zero.

use crate::graph::{DRG_PARENTS, PARENTS};
use cairn_merkle::{Fr, field};

/// Bits of a label.
pub const LABEL_BITS: usize = 254;

/// Bytes of a replica id that key the labels.
pub const KEY_ID_BYTES: usize = 27;

/// The key of a label: binds replica, layer and node.
#[must_use]
pub fn label_key(replica_id: Fr, layer: u8, node: u32) -> [u8; 32] {
    let mut key = field::to_bytes(&replica_id);
    key[KEY_ID_BYTES] = layer;
    key[KEY_ID_BYTES + 1..].copy_from_slice(&node.to_le_bytes());
    key
}

/// The label over these labels, in the order of the message.
#[must_use]
pub fn label(key: &[u8; 32], parents: &[Fr; PARENTS]) -> Fr {
    let mut hasher = blake3::Hasher::new_keyed(key);
    for parent in parents {
        hasher.update(&field::to_bytes(parent));
    }
    let mut bytes = *hasher.finalize().as_bytes();
    bytes[31] &= 0x3f;
    // Below 2^254, so it is canonical; the fallback is never taken.
    field::from_bytes(&bytes).unwrap_or_default()
}

/// The message of node `node` in layer `layer`: `of(column, layer)` is the label of the column's node in that layer, where
/// column 0 is the first parent.
#[must_use]
pub fn message(node: u32, layer: u8, of: impl Fn(usize, u8) -> Fr) -> [Fr; PARENTS] {
    let mut message = [Fr::default(); PARENTS];
    for (parent, word) in message.iter_mut().enumerate() {
        if parent < DRG_PARENTS {
            if node > 0 {
                *word = of(parent, layer);
            }
        } else if layer > 1 {
            *word = of(parent, layer - 1);
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_id_layer_and_node() {
        let mut id = [0x5a; 32];
        id[31] = 0x2a;
        let key = label_key(field::from_bytes(&id).unwrap(), 7, 0x0403_0201);
        assert_eq!(key[..27], [0x5a; 27]);
        assert_eq!(key[27..], [7, 1, 2, 3, 4]);
    }

    #[test]
    fn a_label_is_the_keyed_hash_without_its_top_two_bits() {
        let key = label_key(Fr::from(9u64), 1, 2);
        let parents = std::array::from_fn(|i| Fr::from(i as u64));
        let mut message = [0; 32 * PARENTS];
        for (i, parent) in message.chunks_exact_mut(32).enumerate() {
            parent[0] = u8::try_from(i).unwrap();
        }
        let mut bytes: [u8; 32] = blake3::keyed_hash(&key, &message).into();
        bytes[31] &= 0x3f;
        assert_eq!(field::to_bytes(&label(&key, &parents)), bytes);
    }

    #[test]
    fn what_has_no_parents_counts_as_zero() {
        let of = |parent: usize, layer: u8| Fr::from(100 * u64::from(layer) + parent as u64);
        let zero = Fr::default();
        let first = message(5, 1, of);
        assert_eq!(first[..2], [of(0, 1), of(1, 1)]);
        assert_eq!(first[DRG_PARENTS..], [zero; 8]);
        let node0 = message(0, 2, of);
        assert_eq!(node0[..DRG_PARENTS], [zero; 6]);
        assert_eq!(node0[DRG_PARENTS], of(6, 1));
    }
}
