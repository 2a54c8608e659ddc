//! fr32: 127 bytes <-> 4 elements of 254 bits.
//!
//! Bit `i` of the byte stream, least significant first, is bit `i mod 254` of element `i / 254`. The last group is
//! padded with zero bytes. With the length beside it the map is injective: decoding refuses every element that
//! encoding does not make.
//!
//! Elements come in two forms: [`Fr`] for hashing, and 32 stored bytes (`*_stored`), which need no field arithmetic.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable
)]

mod group;

use crate::error::Fr32Error;
use crate::field::{self, ELEMENT_BYTES};
use ark_bls12_381::Fr;
use ark_ff::{BigInt, PrimeField};

/// Bytes of a group.
pub const GROUP_BYTES: usize = 127;
/// Elements of a group.
pub const GROUP_ELEMENTS: usize = 4;

const GROUP_BYTES_U64: u64 = 127;
const GROUP_ELEMENTS_U64: u64 = 4;

/// Elements that `byte_len` bytes take, before any padding to a power of two: `4 * ceil(byte_len / 127)`.
#[must_use]
pub const fn elements_for(byte_len: u64) -> u64 {
    byte_len
        .div_ceil(GROUP_BYTES_U64)
        .saturating_mul(GROUP_ELEMENTS_U64)
}

/// The elements of `bytes`; `elements_for(bytes.len())` of them.
#[must_use]
pub fn encode(bytes: &[u8]) -> Vec<Fr> {
    let mut elements = Vec::new();
    let mut encoder = Encoder::new();
    encoder.update(bytes, &mut elements);
    encoder.finish(&mut elements);
    elements
}

/// The elements of `bytes` in stored form, 32 bytes each.
#[must_use]
pub fn encode_stored(bytes: &[u8]) -> Vec<u8> {
    let (groups, rest) = bytes.as_chunks::<GROUP_BYTES>();
    let mut stored = Vec::new();
    for group in groups {
        stored.extend_from_slice(group::store(group::unpack(group)).as_flattened());
    }
    if !rest.is_empty() {
        stored.extend_from_slice(group::store(group::unpack(&padded(rest))).as_flattened());
    }
    stored
}

/// The bytes of `elements`.
///
/// # Errors
/// [`Fr32Error`] if `elements` is not exactly what [`encode`] makes of some string of `byte_len` bytes.
pub fn decode(elements: &[Fr], byte_len: u64) -> Result<Vec<u8>, Fr32Error> {
    let (groups, rest) = elements.as_chunks::<GROUP_ELEMENTS>();
    let len = checked_len(elements.len(), rest.is_empty(), byte_len)?;
    let limbs = groups
        .iter()
        .map(|group| Ok(group.map(|element| element.into_bigint().0)));
    join(limbs, len, byte_len)
}

/// The bytes of elements in stored form. The bytes are a stranger's.
///
/// # Errors
/// [`Fr32Error`] if `stored` is not exactly what [`encode_stored`] makes of some string of `byte_len` bytes.
pub fn decode_stored(stored: &[u8], byte_len: u64) -> Result<Vec<u8>, Fr32Error> {
    let (elements, loose) = stored.as_chunks::<ELEMENT_BYTES>();
    let (groups, rest) = elements.as_chunks::<GROUP_ELEMENTS>();
    let len = checked_len(
        elements.len(),
        rest.is_empty() && loose.is_empty(),
        byte_len,
    )?;
    let mut first = 0usize;
    let limbs = groups.iter().map(|group| {
        let here = first;
        first = first.saturating_add(GROUP_ELEMENTS);
        let mut limbs = [[0u64; 4]; GROUP_ELEMENTS];
        for (place, (limbs, bytes)) in limbs.iter_mut().zip(group).enumerate() {
            *limbs = field::bytes_to_limbs(bytes);
            if BigInt::new(*limbs) >= Fr::MODULUS {
                return Err(Fr32Error::NonCanonical {
                    index: here.saturating_add(place),
                });
            }
        }
        Ok(limbs)
    });
    join(limbs, len, byte_len)
}

/// Encodes a stream of bytes group by group.
#[derive(Debug, Clone)]
pub struct Encoder {
    /// The first `held` bytes of the group being filled; the rest is zero.
    group: [u8; GROUP_BYTES],
    held: usize,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// An encoder at the start of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            group: [0; GROUP_BYTES],
            held: 0,
        }
    }

    /// Takes the next bytes and appends the elements of every group they complete to `out`.
    pub fn update(&mut self, mut bytes: &[u8], out: &mut Vec<Fr>) {
        if self.held > 0 {
            let taken = bytes.len().min(GROUP_BYTES.saturating_sub(self.held));
            let (now, later) = bytes.split_at(taken);
            for (place, byte) in self.group.iter_mut().skip(self.held).zip(now) {
                *place = *byte;
            }
            self.held = self.held.saturating_add(taken);
            bytes = later;
            if self.held < GROUP_BYTES {
                return;
            }
            out.extend(elements(&self.group));
            *self = Self::new();
        }
        let (groups, rest) = bytes.as_chunks::<GROUP_BYTES>();
        out.reserve(groups.len().saturating_mul(GROUP_ELEMENTS));
        for group in groups {
            out.extend(elements(group));
        }
        self.group = padded(rest);
        self.held = rest.len();
    }

    /// Appends the elements of the last, zero padded group, if there is one.
    pub fn finish(self, out: &mut Vec<Fr>) {
        if self.held > 0 {
            out.extend(elements(&self.group));
        }
    }
}

/// The four elements of one group.
fn elements(group: &[u8; GROUP_BYTES]) -> [Fr; GROUP_ELEMENTS] {
    // 254 bits are always below the modulus, which has 255.
    group::unpack(group).map(|limbs| Fr::from(BigInt::new(limbs)))
}

/// At most 127 bytes, followed by zeros.
fn padded(bytes: &[u8]) -> [u8; GROUP_BYTES] {
    let mut group = [0u8; GROUP_BYTES];
    for (place, byte) in group.iter_mut().zip(bytes) {
        *place = *byte;
    }
    group
}

fn checked_len(got: usize, whole_groups: bool, byte_len: u64) -> Result<usize, Fr32Error> {
    let len = usize::try_from(byte_len).map_err(|_| Fr32Error::TooLong { byte_len })?;
    let got = u64::try_from(got).map_err(|_| Fr32Error::TooLong { byte_len })?;
    let expected = elements_for(byte_len);
    if got != expected || !whole_groups {
        return Err(Fr32Error::WrongCount {
            byte_len,
            expected,
            got,
        });
    }
    Ok(len)
}

fn join<I>(groups: I, len: usize, byte_len: u64) -> Result<Vec<u8>, Fr32Error>
where
    I: Iterator<Item = Result<[[u64; 4]; GROUP_ELEMENTS], Fr32Error>>,
{
    let mut bytes = Vec::with_capacity(len.saturating_add(GROUP_BYTES));
    for (number, limbs) in groups.enumerate() {
        let packed = group::pack(&limbs?).map_err(|place| Fr32Error::TopBits {
            index: number.saturating_mul(GROUP_ELEMENTS).saturating_add(place),
        })?;
        bytes.extend_from_slice(&packed);
    }
    if bytes.iter().skip(len).any(|byte| *byte != 0) {
        return Err(Fr32Error::NonZeroPadding { byte_len });
    }
    bytes.truncate(len);
    Ok(bytes)
}

#[cfg(test)]
#[expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "tests"
)]
mod tests {
    use super::*;

    /// The definition, one bit at a time.
    fn encode_bit_by_bit(bytes: &[u8]) -> Vec<[u8; 32]> {
        let mut elements =
            vec![[0u8; 32]; usize::try_from(elements_for(bytes.len() as u64)).expect("small")];
        for i in 0..bytes.len() * 8 {
            let bit = (bytes[i / 8] >> (i % 8)) & 1;
            elements[i / 254][(i % 254) / 8] |= bit << ((i % 254) % 8);
        }
        elements
    }

    fn sample(len: usize) -> Vec<u8> {
        let mut bytes = vec![0u8; len];
        blake3::Hasher::new()
            .update(&len.to_string().into_bytes())
            .finalize_xof()
            .fill(&mut bytes);
        bytes
    }

    #[test]
    fn encoding_is_the_definition_bit_by_bit() {
        for len in [0, 1, 31, 32, 63, 126, 127, 128, 254, 255, 381, 1000] {
            for bytes in [sample(len), vec![0xff; len]] {
                let expected = encode_bit_by_bit(&bytes);
                let got: Vec<[u8; 32]> = encode(&bytes).iter().map(field::to_bytes).collect();
                assert_eq!(got, expected, "{len} bytes");
                assert_eq!(
                    encode_stored(&bytes),
                    expected.as_flattened(),
                    "{len} bytes, stored form"
                );
            }
        }
    }

    #[test]
    fn every_length_round_trips() {
        for len in 0..400 {
            let bytes = sample(len);
            assert_eq!(
                decode(&encode(&bytes), len as u64).as_ref(),
                Ok(&bytes),
                "{len} bytes"
            );
            assert_eq!(
                decode_stored(&encode_stored(&bytes), len as u64).as_ref(),
                Ok(&bytes),
                "{len} bytes, stored"
            );
        }
    }

    #[test]
    fn a_stream_cut_anywhere_gives_the_same_elements() {
        let bytes = sample(700);
        let expected = encode(&bytes);
        for cut in 0..bytes.len() {
            let mut out = Vec::new();
            let mut encoder = Encoder::new();
            encoder.update(&bytes[..cut], &mut out);
            encoder.update(&bytes[cut..], &mut out);
            encoder.finish(&mut out);
            assert_eq!(out, expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_bit_above_253_is_refused() {
        let mut stored = encode_stored(&sample(200));
        stored[5 * 32 + 31] |= 0x40;
        let refused = decode_stored(&stored, 200);
        assert!(
            matches!(
                refused,
                Err(Fr32Error::TopBits { index: 5 } | Fr32Error::NonCanonical { index: 5 })
            ),
            "{refused:?}"
        );
        let mut elements = encode(&sample(200));
        elements[3] = Fr::from(BigInt::new([0, 0, 0, 1 << 62]));
        assert_eq!(decode(&elements, 200), Err(Fr32Error::TopBits { index: 3 }));
    }

    #[test]
    fn a_non_canonical_element_is_refused() {
        let mut stored = encode_stored(&sample(200));
        stored[7 * 32..].fill(0xff);
        assert_eq!(
            decode_stored(&stored, 200),
            Err(Fr32Error::NonCanonical { index: 7 })
        );
    }

    #[test]
    fn padding_that_is_not_zero_is_refused() {
        let elements = encode(&sample(200));
        assert_eq!(
            decode(&elements, 199),
            Err(Fr32Error::NonZeroPadding { byte_len: 199 })
        );
        let mut stored = encode_stored(&sample(200));
        let last = stored.len() - 1;
        stored[last] |= 0x20;
        assert_eq!(
            decode_stored(&stored, 200),
            Err(Fr32Error::NonZeroPadding { byte_len: 200 })
        );
    }

    #[test]
    fn another_number_of_elements_is_refused() {
        let elements = encode(&sample(200));
        let wrong = |got, byte_len| Fr32Error::WrongCount {
            byte_len,
            expected: elements_for(byte_len),
            got,
        };
        assert_eq!(decode(&elements[..7], 200), Err(wrong(7, 200)));
        assert_eq!(decode(&elements, 127), Err(wrong(8, 127)));
        assert_eq!(decode(&elements, 255), Err(wrong(8, 255)));
        assert_eq!(decode_stored(&[0; 33], 1), Err(wrong(1, 1)));
        assert!(matches!(
            decode(&elements, u64::MAX),
            Err(Fr32Error::WrongCount { .. } | Fr32Error::TooLong { .. })
        ));
    }
}
