//! Labels in a row by instructions of AVX-512, where the processor has them: the hash of `layer.rs`, and nothing else.
//! Two replicas lie side by side in each register: their rounds cost what those of one do; a replica alone leaves half of it unused.
//!
//! ```text
//! G as published:   d = (d ^ a) >>> n                                           three operations that wait for a
//! here:             d = (d >>> n) ^ (a >> n) ^ (a << 32-n)                      two: d is turned while a is made
//! ```
//!
//! A label is seven compressions, each of which waits for the one before: 14 half rounds of 16 steps that wait for each
//! other by the first form, 12 by the second (a rotation takes two cycles on a Zen 4, a shift one, and three values are
//! combined in one). A label's own value stays in registers for the label after it. Replicas differ in their keys alone, which
//! hold the layer, too: two may be in different layers.
//!
//! The rounds are written in assembly: the compiler takes the second form back to the first, or orders it badly.
//! `docs/bench/sealing.md` says what was measured.

use super::layer::{Below, DRAWN, LABEL_BYTES, LabelBytes};
use crate::prefetch::prefetch;
use crate::replica::label::KEY_ID_BYTES;
use core::arch::asm;
use core::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm_setr_epi32, _mm_storeu_si128, _mm256_and_si256,
    _mm256_broadcastsi128_si256, _mm256_castps_si256, _mm256_castsi128_si256, _mm256_castsi256_ps,
    _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_inserti128_si256,
    _mm256_mask_blend_epi32, _mm256_mask_shuffle_epi32, _mm256_shuffle_epi32, _mm256_shuffle_ps,
    _mm256_unpackhi_epi32, _mm256_unpacklo_epi32, _mm256_unpacklo_epi64, _mm256_xor_si256,
};

/// Of each of two replicas, half of a label or of a chaining value, a row of BLAKE3's state, or a quarter of a block.
type Row = __m256i;

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

/// Replicas in a register.
pub(super) const LANES: usize = 2;

/// One replica of those whose labels are made side by side.
pub(super) struct Replica<'a> {
    /// The key with the number of the node still missing: its last word.
    pub(super) key: [u8; 32],
    /// All labels of the layer, those before the first node made.
    pub(super) labels: &'a mut [LabelBytes],
    /// For each node of the row eight labels of the layer below; empty in layer 1.
    pub(super) below: &'a [Below],
}

/// The nodes whose labels are made.
pub(super) struct Nodes<'a> {
    /// The first.
    pub(super) first: usize,
    /// Five nodes of the same layer for each.
    pub(super) drawn: &'a [[u32; DRAWN]],
    /// So many nodes before its turn a node's drawn parents are asked for.
    pub(super) ahead: usize,
}

impl Avx512 {
    /// Asks the processor.
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
        has.then_some(Self(()))
    }

    /// Makes one label of each replica for each node.
    pub(super) fn hash_block<const N: usize>(
        self,
        replicas: &mut [Replica<'_>; N],
        nodes: &Nodes<'_>,
    ) {
        const { assert!(N == 1 || N == LANES, "replicas in a register") };
        #[expect(
            unsafe_code,
            reason = "the processor must have what the function is made for"
        )]
        // SAFETY: `self` was made by `detect`, which asked for exactly these two.
        unsafe {
            hash_block(replicas, nodes);
        }
    }
}

#[target_feature(enable = "avx512f,avx512vl")]
fn hash_block<const N: usize>(replicas: &mut [Replica<'_>; N], nodes: &Nodes<'_>) {
    const ZERO: LabelBytes = [0; LABEL_BYTES];
    let mut before = match nodes.first.checked_sub(1) {
        Some(last) => load(replicas.each_ref().map(|replica| &replica.labels[last])),
        None => load([&ZERO; N]),
    };
    for (place, drawn) in nodes.drawn.iter().enumerate() {
        let v = nodes.first + place;
        if let Some(soon) = nodes.drawn.get(place + nodes.ahead) {
            for replica in &*replicas {
                for parent in soon {
                    prefetch(&replica.labels[*parent as usize]);
                }
                // Another core wrote them.
                if let Some(below) = replica.below.get(place + nodes.ahead) {
                    prefetch(below);
                }
            }
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a graph has at most 2^32 nodes"
        )]
        let node = (v as u32).to_le_bytes();
        for replica in replicas.iter_mut() {
            replica.key[KEY_ID_BYTES + 1..].copy_from_slice(&node);
        }
        let all = replicas.each_ref();
        let near = |parent: usize| match v {
            0 => [&ZERO; N],
            _ => all.map(|replica| &replica.labels[drawn[parent] as usize]),
        };
        let below = all.map(|replica| replica.below.get(place).unwrap_or(&[ZERO; 8]));
        let far = |parent: usize| below.map(|labels| &labels[parent]);
        let rest = [
            [near(1), near(2)],
            [near(3), near(4)],
            [far(0), far(1)],
            [far(2), far(3)],
            [far(4), far(5)],
            [far(6), far(7)],
        ];
        let mut cv = load(all.map(|replica| &replica.key));
        cv = compress(cv, before, load(near(0)), FIRST);
        for (block, [front, back]) in rest.into_iter().enumerate() {
            let flags = if block == 5 { LAST } else { KEYED };
            cv = compress(cv, load(front), load(back), flags);
        }
        let [low, high] = cv;
        let top = row([u32::MAX, u32::MAX, u32::MAX, u32::MAX >> 2]);
        before = [low, _mm256_and_si256(high, top)];
        store(replicas, v, before);
    }
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
        _mm256_shuffle_epi32::<0b10_01_00_11>(pick::<0b10_00_10_00>(back[0], back[1])),
        _mm256_shuffle_epi32::<0b10_01_00_11>(pick::<0b11_01_11_01>(back[0], back[1])),
    ];
    for _ in 0..6 {
        state = round(state, words);
        words = permute(words);
    }
    let [a, b, c, d] = round(state, words);
    [_mm256_xor_si256(a, c), _mm256_xor_si256(b, d)]
}

/// The words of the next round.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn permute([m0, m1, m2, m3]: [Row; 4]) -> [Row; 4] {
    let third = _mm256_mask_blend_epi32(0b1000_1000, _mm256_unpacklo_epi64(m3, m1), m2);
    let fourth = _mm256_unpacklo_epi32(m2, _mm256_unpackhi_epi32(m1, m3));
    [
        _mm256_shuffle_epi32::<0b00_11_10_01>(pick::<0b11_01_01_10>(m0, m1)),
        _mm256_mask_shuffle_epi32::<0b00_00_11_11>(pick::<0b11_11_10_10>(m2, m3), 0b0101_0101, m0),
        _mm256_shuffle_epi32::<0b01_11_10_00>(third),
        _mm256_shuffle_epi32::<0b00_01_11_10>(fourth),
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
    let m2 = _mm256_shuffle_epi32::<0b00_11_10_01>(m2);
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
            m0 = in(ymm_reg) m0, m1 = in(ymm_reg) m1, m2 = in(ymm_reg) m2, m3 = in(ymm_reg) m3,
            a = inout(ymm_reg) a => after_a,
            b = inout(ymm_reg) b => after_b,
            c = inout(ymm_reg) c => after_c,
            d = inout(ymm_reg) d => after_d,
            s = out(ymm_reg) _,
            t = out(ymm_reg) _,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    [after_a, after_b, after_c, after_d]
}

/// Two words of each row.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn pick<const WORDS: i32>(from: Row, and: Row) -> Row {
    let words = _mm256_shuffle_ps::<WORDS>(_mm256_castsi256_ps(from), _mm256_castsi256_ps(and));
    _mm256_castps_si256(words)
}

/// The same four words for each replica.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn row([a, b, c, d]: [u32; 4]) -> Row {
    _mm256_broadcastsi128_si256(_mm_setr_epi32(
        a.cast_signed(),
        b.cast_signed(),
        c.cast_signed(),
        d.cast_signed(),
    ))
}

/// A label or a key of each replica.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn load<const N: usize>(of: [&LabelBytes; N]) -> Pair {
    let [low, high] = load_half(of[0]);
    let rows = [_mm256_castsi128_si256(low), _mm256_castsi128_si256(high)];
    let Some(second) = of.get(1) else {
        return rows;
    };
    let [low, high] = load_half(second);
    [
        _mm256_inserti128_si256::<1>(rows[0], low),
        _mm256_inserti128_si256::<1>(rows[1], high),
    ]
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn load_half(label: &LabelBytes) -> [__m128i; 2] {
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

/// Writes the label of node `v` of each replica.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn store<const N: usize>(replicas: &mut [Replica<'_>; N], v: usize, [low, high]: Pair) {
    let first = [_mm256_castsi256_si128(low), _mm256_castsi256_si128(high)];
    store_half(&mut replicas[0].labels[v], first);
    if let Some(second) = replicas.get_mut(1) {
        let rows = [
            _mm256_extracti128_si256::<1>(low),
            _mm256_extracti128_si256::<1>(high),
        ];
        store_half(&mut second.labels[v], rows);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn store_half(label: &mut LabelBytes, rows: [__m128i; 2]) {
    let mut bytes = [[0_u8; 16]; 2];
    for (bytes, row) in bytes.iter_mut().zip(rows) {
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
