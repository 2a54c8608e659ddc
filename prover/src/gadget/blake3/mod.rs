//! BLAKE3 over a single chunk, keyed: at most 14,912 constraints a compression.
//!
//! ```text
//! v[0..8] = chaining value, v[8..12] = IV, v[12..16] = counter, length of the block, flags
//! seven rounds of G on the four columns, then the four diagonals; the message words permuted between rounds
//! G(a, b, c, d, x, y):  a += b + x   d = (d ^ a) >>> 16   c += d   b = (b ^ c) >>> 12
//!                       a += b + y   d = (d ^ a) >>> 8    c += d   b = (b ^ c) >>> 7
//! out[i] = v[i] ^ v[i+8]             out[i+8] = v[i+8] ^ chaining value[i]   (extended output only)
//! ```
//!
//! | part | constraints |
//! |---|---|
//! | 56 times G: 4 xor of words (32), 2 sums of three (35), 2 sums of two (33) | 56 * 264 |
//! | the first column step xors into words that the circuit knows | - 4 * 32 |
//! | chaining value of 8 words, or extended output of 16 | 256, or 512 |
//!
//! Words of key or message that the circuit knows make it cheaper; the output needs no bits shown, being xors of bits.
//! Source: the BLAKE3 paper, section 2; block counter and chunk counter are zero throughout, as one chunk of at most
//! 1024 bytes and one block of output are all that labels and graph need.

pub mod word;

use super::builder::Builder;
use ark_relations::gr1cs::SynthesisError;
use std::array;
use word::Word;

/// Words of a chaining value and of a key.
pub const KEY_WORDS: usize = 8;

/// Words of a block.
pub const BLOCK_WORDS: usize = 16;

/// Bytes of a block.
pub const BLOCK_BYTES: usize = 64;

/// Most constraints of a compression to a chaining value.
pub const CONSTRAINTS: usize = 56 * (4 * 32 + 2 * 35 + 2 * 33) - 4 * 32 + 256;

const ROUNDS: usize = 7;

const IV: [u32; KEY_WORDS] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

const PERMUTATION: [usize; BLOCK_WORDS] = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];

/// Places in the state that each G of a round works on: columns, then diagonals.
const PLACES: [[usize; 4]; 8] = [
    [0, 4, 8, 12],
    [1, 5, 9, 13],
    [2, 6, 10, 14],
    [3, 7, 11, 15],
    [0, 5, 10, 15],
    [1, 6, 11, 12],
    [2, 7, 8, 13],
    [3, 4, 9, 14],
];

const CHUNK_START: u32 = 1;
const CHUNK_END: u32 = 1 << 1;
const ROOT: u32 = 1 << 3;
const KEYED_HASH: u32 = 1 << 4;

/// The keyed hash of a message of at most 1024 bytes: 8 words, little-endian in the digest's bytes.
///
/// `message` holds the words of `byte_len` bytes, little-endian, the last padded with zero bits.
///
/// # Errors
/// Whatever the constraint system refuses; a message of another length than said or longer than a chunk.
pub fn keyed_hash(
    builder: &mut Builder,
    key: &[Word; KEY_WORDS],
    message: &[Word],
    byte_len: usize,
) -> Result<[Word; KEY_WORDS], SynthesisError> {
    let out = chunk(
        builder,
        key,
        message,
        byte_len,
        KEYED_HASH,
        Output::Chaining,
    )?;
    Ok(array::from_fn(|i| out[i]))
}

/// The first 64 bytes of the extended output of the keyed hash of a message of at most 64 bytes: one compression.
///
/// # Errors
/// As [`keyed_hash`].
pub fn keyed_xof(
    builder: &mut Builder,
    key: &[Word; KEY_WORDS],
    message: &[Word],
    byte_len: usize,
) -> Result<[Word; BLOCK_WORDS], SynthesisError> {
    chunk(
        builder,
        key,
        message,
        byte_len,
        KEYED_HASH,
        Output::Extended,
    )
}

/// What a compression gives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Output {
    /// Eight words; the rest of the sixteen is left zero.
    Chaining,
    /// All sixteen words.
    Extended,
}

fn chunk(
    builder: &mut Builder,
    key: &[Word; KEY_WORDS],
    message: &[Word],
    byte_len: usize,
    mode: u32,
    output: Output,
) -> Result<[Word; BLOCK_WORDS], SynthesisError> {
    let blocks = byte_len.div_ceil(BLOCK_BYTES).max(1);
    if message.len() != byte_len.div_ceil(4) || blocks > 16 {
        return Err(SynthesisError::Unsatisfiable);
    }
    let scope = builder.at("blake3");
    let zero = Word::constant(0);
    let mut chaining = *key;
    let mut out = [zero; BLOCK_WORDS];
    for number in 0..blocks {
        let block: [Word; BLOCK_WORDS] = array::from_fn(|i| {
            let word = message.get(number * BLOCK_WORDS + i);
            word.copied().unwrap_or(zero)
        });
        let last = number + 1 == blocks;
        let start = if number == 0 { CHUNK_START } else { 0 };
        let end = if last { CHUNK_END | ROOT } else { 0 };
        let len = byte_len
            .saturating_sub(number * BLOCK_BYTES)
            .min(BLOCK_BYTES);
        let output = if last { output } else { Output::Chaining };
        let tail = [block_len(len), mode | start | end];
        out = compress(builder, &chaining, &block, tail, output)?;
        chaining = array::from_fn(|i| out[i]);
    }
    builder.at(scope);
    Ok(out)
}

#[expect(clippy::cast_possible_truncation, reason = "at most 64")]
const fn block_len(bytes: usize) -> u32 {
    bytes as u32
}

/// One compression; `tail` is the length of the block and the flags.
fn compress(
    builder: &mut Builder,
    chaining: &[Word; KEY_WORDS],
    block: &[Word; BLOCK_WORDS],
    tail: [u32; 2],
    output: Output,
) -> Result<[Word; BLOCK_WORDS], SynthesisError> {
    let mut v: [Word; BLOCK_WORDS] = array::from_fn(|i| match i {
        0..8 => chaining[i],
        8..12 => Word::constant(IV[i - 8]),
        12 | 13 => Word::constant(0),
        _ => Word::constant(tail[i - 14]),
    });
    let mut message = *block;
    for round in 0..ROUNDS {
        for (places, words) in PLACES.iter().zip(message.as_chunks::<2>().0) {
            mix(builder, &mut v, *places, words)?;
        }
        if round + 1 < ROUNDS {
            message = PERMUTATION.map(|from| message[from]);
        }
    }
    let mut out = [Word::constant(0); BLOCK_WORDS];
    for i in 0..KEY_WORDS {
        out[i] = v[i].xor(builder, &v[i + KEY_WORDS])?;
        if output == Output::Extended {
            out[i + KEY_WORDS] = v[i + KEY_WORDS].xor(builder, &chaining[i])?;
        }
    }
    Ok(out)
}

/// G on four words of the state with two words of the message.
fn mix(
    builder: &mut Builder,
    v: &mut [Word; BLOCK_WORDS],
    [a, b, c, d]: [usize; 4],
    message: &[Word; 2],
) -> Result<(), SynthesisError> {
    for (word, turns) in message.iter().zip([(16, 12), (8, 7)]) {
        v[a] = Word::add(builder, &[&v[a], &v[b], word])?;
        v[d] = v[d].xor(builder, &v[a])?.rotate_right(turns.0);
        v[c] = Word::add(builder, &[&v[c], &v[d]])?;
        v[b] = v[b].xor(builder, &v[c])?.rotate_right(turns.1);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
