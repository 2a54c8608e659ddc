//! The fast code against the slow code that says the same in plain words.
#![expect(clippy::expect_used, reason = "tests stop at what they did not expect")]

use ark_ff::{AdditiveGroup, Field};
use cairn_merkle::poseidon2::{self, WIDTH, reference};
use cairn_merkle::range::{Outboard, encode_range};
use cairn_merkle::{ContentId, Fr, field};
use proptest::prelude::*;

fn element() -> impl Strategy<Value = Fr> {
    let any = any::<[u64; 4]>().prop_map(|limbs| {
        let mut bytes = [0u8; 32];
        for (place, limb) in bytes.chunks_mut(8).zip(limbs) {
            place.copy_from_slice(&limb.to_le_bytes());
        }
        bytes[31] &= 0x3f;
        field::from_bytes(&bytes).expect("254 bits")
    });
    prop_oneof![4 => any, 1 => Just(Fr::ZERO), 1 => Just(-Fr::ONE), 1 => (0u64..20).prop_map(Fr::from)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_fast_permutation_is_the_one_on_paper(state in prop::array::uniform16(element())) {
        let (mut fast, mut slow) = (state, state);
        poseidon2::permute(&mut fast);
        reference::permute(&mut slow);
        prop_assert_eq!(fast, slow);
        prop_assert_eq!(poseidon2::compress(&state), slow[0] + state[0]);
    }
}

#[test]
fn the_extremes_permute_as_on_paper() {
    for x in [Fr::ZERO, Fr::ONE, -Fr::ONE, -Fr::from(2u64)] {
        let (mut fast, mut slow) = ([x; WIDTH], [x; WIDTH]);
        for step in 0..20 {
            poseidon2::permute(&mut fast);
            reference::permute(&mut slow);
            assert_eq!(fast, slow, "after {} permutations", step + 1);
        }
    }
}

#[test]
fn our_outboard_and_encoding_are_those_of_bao_tree() {
    use bao_tree::io::outboard::PostOrderMemOutboard;
    use bao_tree::io::sync::encode_ranges_validated;
    use bao_tree::{BlockSize, ChunkNum, ChunkRanges};
    for byte_len in [1u64, 16_384, 16_385, 70_000, 131_072, 300_001] {
        let bytes: Vec<u8> = (0..byte_len).map(|i| (i * i % 251) as u8).collect();
        let theirs = PostOrderMemOutboard::create(&bytes, BlockSize::from_chunk_log(4));
        let (id, ours) = Outboard::build(&bytes).expect("short");
        assert_eq!(id, ContentId::from(theirs.root));
        assert_eq!(ours, theirs.data, "{byte_len} bytes");
        let ours = Outboard::from_parts(id, byte_len, ours).expect("its own length");
        // From the second group (or the first, of one) to the end.
        let first = if byte_len > 16_384 { 16 } else { 0 };
        let mut encoded = Vec::new();
        encode_ranges_validated(
            &bytes[..],
            &theirs,
            &ChunkRanges::from(ChunkNum(first)..),
            &mut encoded,
        )
        .expect("intact");
        let from = first * 1024;
        assert_eq!(
            encode_range(&bytes[..], &ours, from, byte_len - from),
            Ok(encoded),
            "{byte_len} bytes"
        );
    }
}
