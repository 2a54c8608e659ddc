//! One group: 127 bytes <-> 4 x 254 bits. Fixed sizes on both sides, so no input can make it fail; who reads strangers'
//! bytes is the parent module.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "places and shifts depend on constants alone, never on the bytes"
)]

use super::{GROUP_BYTES, GROUP_ELEMENTS};
use crate::field;

/// Words of a group: 127 bytes and one zero byte.
const WORDS: usize = 16;
/// Data bits of the highest limb of an element: 254 - 192.
const TOP_LIMB_BITS: u32 = 62;
/// Data bits of an element.
const ELEMENT_BITS: usize = 254;

/// The limbs of the four elements of a group.
pub(super) fn unpack(bytes: &[u8; GROUP_BYTES]) -> [[u64; 4]; GROUP_ELEMENTS] {
    let mut padded = [0u8; 8 * WORDS];
    padded[..GROUP_BYTES].copy_from_slice(bytes);
    let mut words = [0u64; WORDS + 1];
    for (word, bytes) in words.iter_mut().zip(padded.as_chunks::<8>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    core::array::from_fn(|element| {
        let first = element * ELEMENT_BITS;
        let (word, shift) = (first / 64, first % 64);
        let mut limbs: [u64; 4] = core::array::from_fn(|limb| {
            let low = words[word + limb] >> shift;
            if shift == 0 {
                low
            } else {
                low | (words[word + limb + 1] << (64 - shift))
            }
        });
        limbs[3] &= (1 << TOP_LIMB_BITS) - 1;
        limbs
    })
}

/// The bytes of a group from the limbs of its elements, or the place of the first element with a bit above bit 253.
pub(super) fn pack(elements: &[[u64; 4]; GROUP_ELEMENTS]) -> Result<[u8; GROUP_BYTES], usize> {
    let mut words = [0u64; WORDS + 1];
    for (element, limbs) in elements.iter().enumerate() {
        if limbs[3] >> TOP_LIMB_BITS != 0 {
            return Err(element);
        }
        let first = element * ELEMENT_BITS;
        let (word, shift) = (first / 64, first % 64);
        for (limb, value) in limbs.iter().enumerate() {
            words[word + limb] |= value << shift;
            if shift != 0 {
                words[word + limb + 1] |= value >> (64 - shift);
            }
        }
    }
    let mut padded = [0u8; 8 * WORDS];
    for (bytes, word) in padded.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *bytes = word.to_le_bytes();
    }
    let mut bytes = [0u8; GROUP_BYTES];
    bytes.copy_from_slice(&padded[..GROUP_BYTES]);
    Ok(bytes)
}

/// A group as it is stored: four elements of 32 little-endian bytes.
pub(super) fn store(elements: [[u64; 4]; GROUP_ELEMENTS]) -> [[u8; 32]; GROUP_ELEMENTS] {
    elements.map(field::limbs_to_bytes)
}
