//! Single chunks of 1,024 bytes of a BLAKE3 input, with their siblings up to its hash: what a contract can check.
//!
//! ```text
//!  chunk 0   chunk 1   chunk 2        a row of n nodes pairs its neighbours; the last one of an odd row
//!      \      /           |           moves up as it is and has no sibling there
//!      parent           chunk 2
//!           \            /
//!             content id
//! ```
//!
//! Source: the BLAKE3 specification (2020), sections 2.1 to 2.5; the contract's twin is `Blake3.sol`. Ranges that travel
//! between nodes are verified in groups of sixteen chunks ([`crate::range`]).

use blake3::hazmat::{HasherExt as _, Mode, merge_subtrees_non_root};

use crate::fr32::GROUP_BYTES;

/// Bytes of a chunk; the last one of an input may be shorter, and an empty input is one empty chunk.
pub const CHUNK_BYTES: usize = blake3::CHUNK_LEN;

/// A chunk, and the siblings from it to the root, lowest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkProof {
    /// The chunk's bytes.
    pub bytes: Vec<u8>,
    /// Chaining values of its siblings.
    pub path: Vec<[u8; 32]>,
}

/// The chunk of an input at a place, with its path; `None` where there is none. Hashes the whole input, in one thread.
#[must_use]
pub fn prove(input: &[u8], index: usize) -> Option<ChunkProof> {
    let mut row = chaining_values(input);
    if index >= row.len() {
        return None;
    }
    let mut path = Vec::new();
    let mut place = index;
    while row.len() > 1 {
        if let Some(sibling) = row.get(place ^ 1) {
            path.push(*sibling);
        }
        row = row
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => merge_subtrees_non_root(left, right, Mode::Hash),
                _ => pair[0],
            })
            .collect();
        place /= 2;
    }
    Some(ChunkProof {
        bytes: chunks(input).nth(index)?.to_vec(),
        path,
    })
}

/// The chunks that the 127 bytes of a group of a piece lie in, in order: one or two, and none where the group is padding
/// behind the piece's end.
#[must_use]
pub fn prove_group(piece: &[u8], group: u64) -> Vec<ChunkProof> {
    let group = usize::try_from(group).unwrap_or(usize::MAX);
    let start = group.saturating_mul(GROUP_BYTES);
    let end = start.saturating_add(GROUP_BYTES).min(piece.len());
    if start >= end {
        return Vec::new();
    }
    let places = start / CHUNK_BYTES..=(end - 1) / CHUNK_BYTES;
    places.filter_map(|place| prove(piece, place)).collect()
}

fn chunks(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    let empty = input.is_empty().then_some(input);
    empty.into_iter().chain(input.chunks(CHUNK_BYTES))
}

/// Of each chunk. That of a single chunk is never used: its hash has another flag.
fn chaining_values(input: &[u8]) -> Vec<[u8; 32]> {
    let offsets = (0_u64..).step_by(CHUNK_BYTES);
    chunks(input)
        .zip(offsets)
        .map(|(chunk, offset)| {
            let mut hasher = blake3::Hasher::new();
            hasher.set_input_offset(offset).update(chunk);
            if chunk.is_empty() {
                [0; 32]
            } else {
                hasher.finalize_non_root()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(len: usize) -> Vec<u8> {
        (0..=250_u8).cycle().take(len).collect()
    }

    #[test]
    fn paths_are_those_that_the_contract_checks() {
        let text = include_str!("../../testdata/contracts/blake3/chunks.json");
        let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
        let mut checked = 0;
        for case in vectors["real"].as_array().unwrap() {
            let len = usize::try_from(case["byteLen"].as_u64().unwrap()).unwrap();
            // the largest takes minutes without parallel hashing of all its rows
            if len > 1 << 20 {
                continue;
            }
            let input = input(len);
            for chunk in case["chunks"].as_array().unwrap() {
                let index = usize::try_from(chunk["index"].as_u64().unwrap()).unwrap();
                let proof = prove(&input, index).unwrap();
                let path: Vec<String> = proof
                    .path
                    .iter()
                    .map(|node| format!("0x{}", hex::encode(node)))
                    .collect();
                let expected: Vec<&str> = chunk["path"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|node| node.as_str().unwrap())
                    .collect();
                assert_eq!(path, expected, "chunk {index} of {len} bytes");
                let start = index * CHUNK_BYTES;
                assert_eq!(proof.bytes, input[start..len.min(start + CHUNK_BYTES)]);
                checked += 1;
            }
        }
        assert!(checked > 80, "{checked}");
    }

    #[test]
    fn a_group_lies_in_one_chunk_or_across_two_and_padding_in_none() {
        let piece = input(3_000);
        let lens = |group| -> Vec<usize> {
            prove_group(&piece, group)
                .iter()
                .map(|chunk| chunk.bytes.len())
                .collect()
        };
        assert_eq!(lens(0), [1_024], "bytes 0 to 126");
        assert_eq!(lens(8), [1_024, 1_024], "bytes 1016 to 1142");
        assert_eq!(lens(23), [952], "the last, cut short");
        assert_eq!(lens(24), [0; 0], "padding");
        assert_eq!(lens(u64::MAX), [0; 0], "beyond everything");
    }

    #[test]
    fn there_is_no_chunk_behind_the_last() {
        assert!(prove(&input(2_048), 2).is_none());
        assert!(prove(&[], 1).is_none());
        assert_eq!(prove(&[], 0).unwrap().bytes, [0; 0], "one empty chunk");
    }
}
