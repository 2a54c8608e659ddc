//! Constants that keep trees, levels and fixed-arity hashes apart.
//!
//! A tree node is `H(children) + c(type, level)`; a fixed-arity hash is `H(TAG_X, words.., 0..)`. Both constants are the
//! 32-byte BLAKE3 digest of a name, as a little-endian integer modulo r:
//! `cairn/v1/<data|column|replica|provider>/<level>` and `cairn/v1/tag/<P|R|LEAF|RID|IDX>`.

use crate::field;
use crate::poseidon2::{self, WIDTH};
use ark_bls12_381::Fr;
use ark_ff::AdditiveGroup;
use std::sync::LazyLock;

/// Levels whose constants are kept ready; the deepest tree of ours (2^40 leaves) has ten.
const READY_LEVELS: usize = 16;

/// What a tree is over; selects the constants of its nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TreeKind {
    /// Piece trees and every D-tree.
    Data,
    /// C-trees: labels of all layers.
    Column,
    /// R-trees: replicas.
    Replica,
    /// Trees over a provider's sectors.
    Provider,
}

impl TreeKind {
    /// All kinds, in the order of their constants.
    pub const ALL: [Self; 4] = [Self::Data, Self::Column, Self::Replica, Self::Provider];

    /// The word in the name of this kind's constants.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Column => "column",
            Self::Replica => "replica",
            Self::Provider => "provider",
        }
    }

    const fn place(self) -> usize {
        match self {
            Self::Data => 0,
            Self::Column => 1,
            Self::Replica => 2,
            Self::Provider => 3,
        }
    }
}

/// How a sector is stored; bound in its provider leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum SectorKind {
    /// Stored as it is; proofs of spacetime open its D-tree.
    Hot = 0,
    /// Stored as a replica; proofs of spacetime open its R-tree.
    Sealed = 1,
}

impl SectorKind {
    /// The number on wire, on chain and in the provider leaf.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Hot => 0,
            Self::Sealed => 1,
        }
    }

    /// The kind with that number, if there is one.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Hot),
            1 => Some(Self::Sealed),
            _ => None,
        }
    }

    /// The tree that proofs of spacetime open in a sector of this kind.
    #[must_use]
    pub const fn tree_kind(self) -> TreeKind {
        match self {
            Self::Hot => TreeKind::Data,
            Self::Sealed => TreeKind::Replica,
        }
    }
}

/// What a fixed-arity hash is for; its constant is input word 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tag {
    /// `comm_p`: a piece's size, length and root.
    P,
    /// `comm_r`: what a sector is committed to.
    R,
    /// A leaf of the provider tree.
    Leaf,
    /// A replica id.
    Rid,
    /// A sample index.
    Idx,
}

impl Tag {
    /// All tags, in the order of their constants.
    pub const ALL: [Self; 5] = [Self::P, Self::R, Self::Leaf, Self::Rid, Self::Idx];

    /// The word in the name of this tag's constant.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P => "P",
            Self::R => "R",
            Self::Leaf => "LEAF",
            Self::Rid => "RID",
            Self::Idx => "IDX",
        }
    }

    const fn place(self) -> usize {
        match self {
            Self::P => 0,
            Self::R => 1,
            Self::Leaf => 2,
            Self::Rid => 3,
            Self::Idx => 4,
        }
    }
}

fn named_constant(name: &str) -> Fr {
    field::reduce_bytes(blake3::hash(name.as_bytes()).as_bytes())
}

fn compute_level_constant(kind: TreeKind, level: u32) -> Fr {
    named_constant(&format!("cairn/v1/{}/{level}", kind.name()))
}

static LEVEL_CONSTANTS: LazyLock<[[Fr; READY_LEVELS]; 4]> = LazyLock::new(|| {
    TreeKind::ALL.map(|kind| {
        let mut level = 0;
        [(); READY_LEVELS].map(|()| {
            level += 1;
            compute_level_constant(kind, level)
        })
    })
});

static TAG_CONSTANTS: LazyLock<[Fr; 5]> =
    LazyLock::new(|| Tag::ALL.map(|tag| named_constant(&format!("cairn/v1/tag/{}", tag.name()))));

/// `c(type, level)`, added to the hash of a node's children; level 1 = parents of leaves.
#[must_use]
pub fn level_constant(kind: TreeKind, level: u32) -> Fr {
    usize::try_from(level)
        .ok()
        .and_then(|level| level.checked_sub(1))
        .and_then(|place| LEVEL_CONSTANTS[kind.place()].get(place).copied())
        .unwrap_or_else(|| compute_level_constant(kind, level))
}

/// `TAG_X`, input word 0 of a fixed-arity hash.
#[must_use]
pub fn tag_constant(tag: Tag) -> Fr {
    TAG_CONSTANTS[tag.place()]
}

/// `H(TAG_X, words.., 0..)`: at most 15 words, checked when the call is compiled.
#[must_use]
pub fn tagged_hash<const N: usize>(tag: Tag, words: &[Fr; N]) -> Fr {
    const { assert!(N < WIDTH, "a tagged hash takes at most 15 words") };
    let mut input = [Fr::ZERO; WIDTH];
    input[0] = tag_constant(tag);
    input[1..=N].copy_from_slice(words);
    poseidon2::compress(&input)
}

/// `comm_r` of a hot sector: `H(TAG_R, 0, comm_d)`.
#[must_use]
pub fn comm_r_hot(comm_d: Fr) -> Fr {
    tagged_hash(Tag::R, &[Fr::ZERO, comm_d])
}

/// `comm_r` of a sealed sector: `H(TAG_R, comm_c, r_root)`.
#[must_use]
pub fn comm_r_sealed(comm_c: Fr, r_root: Fr) -> Fr {
    tagged_hash(Tag::R, &[comm_c, r_root])
}

/// A provider's 20 address bytes as the big-endian integer they are on chain.
#[must_use]
pub fn provider_element(provider: &[u8; 20]) -> Fr {
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().zip(provider.iter().rev()) {
        *place = *byte;
    }
    // 160 bits are below the modulus: nothing is reduced.
    field::reduce_bytes(&bytes)
}

/// What a replica is encoded for: `H(TAG_RID, porep_id, provider, sector_number, comm_d, ticket)`. `comm_d` is inside, or
/// data could be chosen so that the replica is nothing.
#[must_use]
pub fn replica_id(
    porep_id: Fr,
    provider: &[u8; 20],
    sector_number: u64,
    comm_d: Fr,
    ticket: Fr,
) -> Fr {
    tagged_hash(
        Tag::Rid,
        &[
            porep_id,
            provider_element(provider),
            Fr::from(sector_number),
            comm_d,
            ticket,
        ],
    )
}

/// A leaf of the provider tree: `H(TAG_LEAF, comm_r, sector_number, kind)`.
#[must_use]
pub fn provider_leaf(comm_r: Fr, sector_number: u64, kind: SectorKind) -> Fr {
    tagged_hash(
        Tag::Leaf,
        &[comm_r, Fr::from(sector_number), Fr::from(kind.code())],
    )
}

/// `comm_p` of a piece: `H(TAG_P, b, byte_len, root)`.
#[must_use]
pub fn comm_p(b: u8, byte_len: u64, root: Fr) -> Fr {
    tagged_hash(Tag::P, &[Fr::from(b), Fr::from(byte_len), root])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_constant_differs_from_every_other() {
        let mut seen = BTreeSet::new();
        for kind in TreeKind::ALL {
            for level in 1..=20 {
                assert!(
                    seen.insert(field::to_bytes(&level_constant(kind, level))),
                    "{kind:?} level {level} repeats"
                );
            }
        }
        for tag in Tag::ALL {
            assert!(
                seen.insert(field::to_bytes(&tag_constant(tag))),
                "{tag:?} repeats"
            );
        }
    }

    #[test]
    fn kept_and_computed_level_constants_agree() {
        for kind in TreeKind::ALL {
            for level in 0..=18 {
                assert_eq!(
                    level_constant(kind, level),
                    compute_level_constant(kind, level),
                    "{kind:?} level {level}"
                );
            }
        }
    }

    #[test]
    fn the_constant_is_the_digest_of_the_name_as_a_little_endian_integer() {
        use ark_ff::PrimeField;
        let digest = blake3::hash(b"cairn/v1/data/1");
        assert_eq!(
            level_constant(TreeKind::Data, 1),
            Fr::from_le_bytes_mod_order(digest.as_bytes())
        );
        let digest = blake3::hash(b"cairn/v1/tag/LEAF");
        assert_eq!(
            tag_constant(Tag::Leaf),
            Fr::from_le_bytes_mod_order(digest.as_bytes())
        );
    }

    #[test]
    fn kind_and_number_are_bound_in_the_provider_leaf() {
        let comm_r = Fr::from(5u64);
        let leaf = provider_leaf(comm_r, 1, SectorKind::Hot);
        assert_ne!(leaf, provider_leaf(comm_r, 1, SectorKind::Sealed));
        assert_ne!(leaf, provider_leaf(comm_r, 2, SectorKind::Hot));
        assert_ne!(leaf, provider_leaf(Fr::from(6u64), 1, SectorKind::Hot));
    }

    #[test]
    fn every_word_of_a_replica_id_counts() {
        let [porep_id, comm_d, ticket] = [3u64, 5, 7].map(Fr::from);
        let id = replica_id(porep_id, &[1; 20], 9, comm_d, ticket);
        let one = Fr::from(1u64);
        assert_ne!(id, replica_id(porep_id + one, &[1; 20], 9, comm_d, ticket));
        assert_ne!(id, replica_id(porep_id, &[2; 20], 9, comm_d, ticket));
        assert_ne!(id, replica_id(porep_id, &[1; 20], 8, comm_d, ticket));
        assert_ne!(id, replica_id(porep_id, &[1; 20], 9, comm_d + one, ticket));
        assert_ne!(id, replica_id(porep_id, &[1; 20], 9, comm_d, ticket + one));
    }

    #[test]
    fn a_provider_is_the_big_endian_integer_of_its_address() {
        let mut address = [0; 20];
        address[19] = 2;
        address[18] = 1;
        assert_eq!(provider_element(&address), Fr::from(0x0102u64));
        address[0] = 0x80;
        let high = (0..159).fold(Fr::from(1u64), |x, _| x + x);
        assert_eq!(provider_element(&address), Fr::from(0x0102u64) + high);
    }

    #[test]
    fn sector_kinds_round_trip_through_their_codes() {
        for kind in [SectorKind::Hot, SectorKind::Sealed] {
            assert_eq!(SectorKind::from_code(kind.code()), Some(kind));
        }
        assert_eq!(SectorKind::from_code(2), None);
    }
}
