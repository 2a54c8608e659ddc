//! Labels in a row by instructions of AVX-512, where the processor has them: the hash of `layer.rs`, and nothing else.
//!
//! ```text
//! G as published:   d = (d ^ a) >>> n                                           three operations that wait for a
//! here:             d = (d >>> n) ^ (a >> n) ^ (a << 32-n)                      two: d is turned while a is made
//! ```
//!
//! A label is seven compressions, each of which waits for the one before: 14 half rounds of 16 steps that wait for each
//! other by the first form, 12 by the second (a rotation takes two cycles on a Zen 4, a shift one, and three values are
//! combined in one). A label's own value stays in registers for the label after it.
//!
//! The rounds are written in assembly: the compiler takes the second form back to the first, or orders it badly.
//! `docs/bench/sealing.md` says what was measured.

use super::layer::{Below, DRAWN, LABEL_BYTES, LabelBytes};
use crate::prefetch::prefetch;
use crate::replica::label::KEY_ID_BYTES;
use core::arch::asm;
use core::arch::x86_64::{
    __m128i, _mm_and_si128, _mm_castps_si128, _mm_castsi128_ps, _mm_loadu_si128,
    _mm_mask_blend_epi32, _mm_mask_shuffle_epi32, _mm_setr_epi32, _mm_shuffle_epi32,
    _mm_shuffle_ps, _mm_storeu_si128, _mm_unpackhi_epi32, _mm_unpacklo_epi32, _mm_unpacklo_epi64,
    _mm_xor_si128,
};

/// Half of a label or of a chaining value, a row of BLAKE3's state, or a quarter of a block.
type Row = __m128i;

/// Rows of a chaining value, and of a label.
type Pair = [Row; 2];

const IV: [u32; 4] = [0x6A09_E667, 0xBB67_AE85, 0x3C6E_F372, 0xA54F_F53A];

/// BLAKE3's flags: a keyed hash, the first block of its only chunk, the last one.
const KEYED: u32 = 16;
const FIRST: u32 = KEYED | 1;
const LAST: u32 = KEYED | 2 | 8;

/// The processor has what [`Self::hash_block`] needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Avx512(());

/// What a row of labels is made from, beside the labels.
pub(super) struct Parents<'a> {
    /// The key with the number of the node still missing: its last word.
    pub(super) key: &'a [u8; 32],
    /// The first node.
    pub(super) first: usize,
    /// Five nodes of the same layer for each.
    pub(super) drawn: &'a [[u32; DRAWN]],
    /// Eight labels of the layer below for each; empty in layer 1.
    pub(super) below: &'a [Below],
}

impl Avx512 {
    /// Asks the processor.
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
        has.then_some(Self(()))
    }

    /// Makes one label for each node of `parents`; `ahead` nodes before its turn a node's drawn parents are asked for.
    pub(super) fn hash_block(self, labels: &mut [LabelBytes], parents: &Parents<'_>, ahead: usize) {
        #[expect(
            unsafe_code,
            reason = "the processor must have what the function is made for"
        )]
        // SAFETY: `self` was made by `detect`, which asked for exactly these two.
        unsafe {
            hash_block(labels, parents, ahead);
        }
    }
}

#[target_feature(enable = "avx512f,avx512vl")]
fn hash_block(labels: &mut [LabelBytes], parents: &Parents<'_>, ahead: usize) {
    const ZERO: LabelBytes = [0; LABEL_BYTES];
    let mut key = *parents.key;
    let mut before = match parents.first.checked_sub(1) {
        Some(last) => load(&labels[last]),
        None => load(&ZERO),
    };
    for (place, drawn) in parents.drawn.iter().enumerate() {
        let v = parents.first + place;
        if let Some(soon) = parents.drawn.get(place + ahead) {
            for parent in soon {
                prefetch(&labels[*parent as usize]);
            }
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a graph has at most 2^32 nodes"
        )]
        let node = v as u32;
        key[KEY_ID_BYTES + 1..].copy_from_slice(&node.to_le_bytes());
        let near = match v {
            0 => [&ZERO; DRAWN],
            _ => drawn.each_ref().map(|parent| &labels[*parent as usize]),
        };
        let far = parents.below.get(place).unwrap_or(&[ZERO; 8]);
        before = label(load(&key), before, near, far);
        store(&mut labels[v], before);
    }
}

/// The label of a node from its key and the labels of its parents.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn label(key: Pair, before: Pair, near: [&LabelBytes; DRAWN], far: &Below) -> Pair {
    let [a, b, c, d, e] = near;
    let mut cv = compress(key, before, load(a), FIRST);
    cv = compress(cv, load(b), load(c), KEYED);
    cv = compress(cv, load(d), load(e), KEYED);
    for (block, two) in (0..).zip(far.as_chunks::<2>().0) {
        let flags = if block == 3 { LAST } else { KEYED };
        cv = compress(cv, load(&two[0]), load(&two[1]), flags);
    }
    let [low, high] = cv;
    [
        low,
        _mm_and_si128(high, row([u32::MAX, u32::MAX, u32::MAX, u32::MAX >> 2])),
    ]
}

/// BLAKE3's compression of one whole block of a first chunk.
///
/// Source: the BLAKE3 specification, 2.2; the rows and the order of the words as in the `blake3` crate's `rust_sse41.rs`.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn compress(cv: Pair, front: Pair, back: Pair, flags: u32) -> Pair {
    let mut state = [cv[0], cv[1], row(IV), row([0, 0, 64, flags])];
    let mut words = [
        pick::<0b10_00_10_00>(front[0], front[1]),
        pick::<0b11_01_11_01>(front[0], front[1]),
        _mm_shuffle_epi32::<0b10_01_00_11>(pick::<0b10_00_10_00>(back[0], back[1])),
        _mm_shuffle_epi32::<0b10_01_00_11>(pick::<0b11_01_11_01>(back[0], back[1])),
    ];
    for _ in 0..6 {
        state = round(state, words);
        words = permute(words);
    }
    let [a, b, c, d] = round(state, words);
    [_mm_xor_si128(a, c), _mm_xor_si128(b, d)]
}

/// The words of the next round.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn permute([m0, m1, m2, m3]: [Row; 4]) -> [Row; 4] {
    let third = _mm_mask_blend_epi32(0b1000, _mm_unpacklo_epi64(m3, m1), m2);
    let fourth = _mm_unpacklo_epi32(m2, _mm_unpackhi_epi32(m1, m3));
    [
        _mm_shuffle_epi32::<0b00_11_10_01>(pick::<0b11_01_01_10>(m0, m1)),
        _mm_mask_shuffle_epi32::<0b00_00_11_11>(pick::<0b11_11_10_10>(m2, m3), 0b0101, m0),
        _mm_shuffle_epi32::<0b01_11_10_00>(third),
        _mm_shuffle_epi32::<0b00_01_11_10>(fourth),
    ]
}

/// Half a round after its first word was added to the first row; the other word is the operand named.
macro_rules! half_round {
    ($word:literal) => {
        concat!(
            "vpaddd {a}, {a}, {b}\n",
            "vprord {d}, {d}, 16\n",
            "vpsrld {s}, {a}, 16\n",
            "vpslld {t}, {a}, 16\n",
            "vpternlogd {s}, {t}, {d}, 150\n",
            "vpaddd {c}, {c}, {s}\n",
            "vprord {b}, {b}, 12\n",
            "vpsrld {t}, {c}, 12\n",
            "vpslld {d}, {c}, 20\n",
            "vpternlogd {t}, {d}, {b}, 150\n",
            "vpaddd {a}, {a}, {",
            $word,
            "}\n",
            "vpaddd {a}, {a}, {t}\n",
            "vprord {s}, {s}, 8\n",
            "vpsrld {d}, {a}, 8\n",
            "vpslld {b}, {a}, 24\n",
            "vpternlogd {d}, {b}, {s}, 150\n",
            "vpaddd {c}, {c}, {d}\n",
            "vprord {t}, {t}, 7\n",
            "vpsrld {b}, {c}, 7\n",
            "vpslld {s}, {c}, 25\n",
            "vpternlogd {b}, {s}, {t}, 150\n",
        )
    };
}

/// A round: the columns, then the diagonals.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn round([a, b, c, d]: [Row; 4], [m0, m1, m2, m3]: [Row; 4]) -> [Row; 4] {
    // Added before the row is turned, not after: the sum is there when the second row comes.
    let m2 = _mm_shuffle_epi32::<0b00_11_10_01>(m2);
    let (after_a, after_b, after_c, after_d): (Row, Row, Row, Row);
    #[expect(unsafe_code, reason = "assembly; the module says why")]
    // SAFETY: arithmetic on the named registers and nothing else: no memory, no flags, no stack. All instructions are of
    // AVX-512F and VL, which the function asks for.
    unsafe {
        asm!(
            "vpaddd {a}, {a}, {m0}",
            half_round!("m1"),
            "vpaddd {a}, {a}, {m2}",
            "vpshufd {a}, {a}, 147",
            "vpshufd {d}, {d}, 78",
            "vpshufd {c}, {c}, 57",
            half_round!("m3"),
            "vpshufd {a}, {a}, 57",
            "vpshufd {d}, {d}, 78",
            "vpshufd {c}, {c}, 147",
            m0 = in(xmm_reg) m0, m1 = in(xmm_reg) m1, m2 = in(xmm_reg) m2, m3 = in(xmm_reg) m3,
            a = inout(xmm_reg) a => after_a,
            b = inout(xmm_reg) b => after_b,
            c = inout(xmm_reg) c => after_c,
            d = inout(xmm_reg) d => after_d,
            s = out(xmm_reg) _,
            t = out(xmm_reg) _,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    [after_a, after_b, after_c, after_d]
}

/// Two words of each row.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn pick<const WORDS: i32>(from: Row, and: Row) -> Row {
    let words = _mm_shuffle_ps::<WORDS>(_mm_castsi128_ps(from), _mm_castsi128_ps(and));
    _mm_castps_si128(words)
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn row([a, b, c, d]: [u32; 4]) -> Row {
    _mm_setr_epi32(
        a.cast_signed(),
        b.cast_signed(),
        c.cast_signed(),
        d.cast_signed(),
    )
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn load(label: &LabelBytes) -> Pair {
    let [low, high] = halves(label);
    #[expect(unsafe_code, reason = "the intrinsic takes a pointer")]
    // SAFETY: both point to 16 bytes that are borrowed; it asks for no alignment.
    unsafe {
        [
            _mm_loadu_si128(low.as_ptr().cast()),
            _mm_loadu_si128(high.as_ptr().cast()),
        ]
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn store(label: &mut LabelBytes, [low, high]: Pair) {
    let mut bytes = [[0_u8; 16]; 2];
    for (bytes, row) in bytes.iter_mut().zip([low, high]) {
        #[expect(unsafe_code, reason = "the intrinsic takes a pointer")]
        // SAFETY: it points to 16 bytes that are borrowed alone; the intrinsic asks for no alignment.
        unsafe {
            _mm_storeu_si128(bytes.as_mut_ptr().cast(), row);
        }
    }
    label.copy_from_slice(bytes.as_flattened());
}

fn halves(label: &LabelBytes) -> [&[u8; 16]; 2] {
    let (halves, _) = label.as_chunks::<16>();
    [&halves[0], &halves[1]]
}
