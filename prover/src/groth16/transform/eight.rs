//! Eight transforms side by side, in lanes.
//!
//! The polynomial modulo `X^n - g^n` is split in two again and again: modulo `X^m - w` and `X^m + w` it is
//! `x + w y` and `x - w y`, where x is its lower half and y its upper one. What is left after log n levels is its value at
//! `g v^rev(b)` at place b; v is the root of order n, rev the bits of a place from last to first.
//!
//! ```text
//! n values = R rows of C      R, C powers of two, R = C or 2 C
//! first log R levels          each column for itself, eight neighbours at a time; one factor w for all of them
//! other log C levels          each row for itself, eight rows at a time; a factor w for each of them: that of a row of the
//!                             roots of order C, times a power of the row's own g v^rev(row)
//! ```
//!
//! So every number comes from memory twice and goes there twice as long as a block of R by eight numbers, 40 bytes each, fits a
//! core's second cache: 320 KiB at n = 2^20. Blocks of eight columns lie together between the two
//! halves, as limbs; eight rows whose rev(row) are neighbours end up beside each other in the natural order.
//!
//! Numbers keep the form of ark, `x 2^256`; factors have the form of the lanes, `w 2^260`. Bounds, in units of r: a product
//! with a factor below 1.001 is below 3 as long as the other is below 35; a level adds 3, so that 11 levels from 1.001
//! end at 34.001. Between the halves numbers are folded below 1.001.

use core::{arch::x86_64::_mm512_setzero_si512, fmt};

use ark_bls12_381::Fr;
use ark_ff::{BigInt, Field};
use ark_poly::Radix2EvaluationDomain;
use cairn_merkle::lanes::{
    Available, LANES, LIMBS, Limbs, add, broadcast, carry, clean, difference, fold, from_words,
    from_words_times_16, gather_words, limbs, mul, square, to_words, transposed, zero,
};
use rayon::prelude::*;

/// log n below which rows or columns do not fill the lanes.
const SMALLEST: u32 = 2 * LANES.ilog2();
/// log n beyond which a column has more levels than the bounds allow.
const LARGEST: u32 = 22;

const _: () = assert!(
    1.001 + 3.0 * LARGEST.div_ceil(2) as f64 <= 35.0,
    "what the last level leaves can still be multiplied"
);

/// Transforms of a size.
pub(super) struct Eight {
    available: Available,
    /// R.
    rows: usize,
    /// C.
    columns: usize,
    /// What lies between the two halves: for each eight columns, their rows.
    between: Vec<Limbs>,
}

impl fmt::Debug for Eight {
    /// Without the numbers: they follow from a secret witness.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Eight")
            .field("rows", &self.rows)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

/// What a transform multiplies by.
struct Factors {
    /// Of the columns: at `2^s + i` that of part i at level s.
    columns: Vec<[u64; LIMBS]>,
    /// The same of a transform of size C over the roots of one.
    rows: Vec<[u64; LIMBS]>,
    /// `g v^j` for j < R: what the rows add to it.
    row_starts: Vec<Fr>,
    scale: Option<Scale>,
}

/// What every result is multiplied by: that at j + R k by `fine[j] coarse[k]`.
struct Scale {
    fine: Vec<Fr>,
    /// None where all are one.
    coarse: Option<Vec<[u64; LIMBS]>>,
}

impl Eight {
    /// For n = 2^`log`; none where the processor or the size is not one for lanes.
    pub(super) fn new(log: u32) -> Option<Self> {
        let available = Available::detect()?;
        (SMALLEST..=LARGEST).contains(&log).then(|| Self {
            available,
            rows: 1 << log.div_ceil(2),
            columns: 1 << (log / 2),
            between: Vec::new(),
        })
    }

    /// From coefficients to the values on a domain of this size.
    pub(super) fn forth(&mut self, domain: &Radix2EvaluationDomain<Fr>, numbers: &mut [Fr]) {
        let factors = self.factors(domain.group_gen, domain.offset, None);
        self.transform(&factors, numbers);
    }

    /// From the values on a domain of this size to coefficients.
    pub(super) fn back(&mut self, domain: &Radix2EvaluationDomain<Fr>, numbers: &mut [Fr]) {
        let step = domain.offset_inv;
        let coarse = (step != Fr::ONE).then(|| {
            let powers = powers(Fr::ONE, step.pow([self.rows as u64]), self.columns);
            powers.into_iter().map(limbs).collect()
        });
        let scale = Scale {
            fine: powers(domain.size_inv, step, self.rows),
            coarse,
        };
        let factors = self.factors(domain.group_gen_inv, Fr::ONE, Some(scale));
        self.transform(&factors, numbers);
    }

    fn factors(&self, root: Fr, offset: Fr, scale: Option<Scale>) -> Factors {
        let (rows, columns) = (self.rows, self.columns);
        Factors {
            columns: tree(
                root.pow([columns as u64]),
                offset.pow([columns as u64]),
                rows,
            ),
            rows: tree(root.pow([rows as u64]), Fr::ONE, columns),
            row_starts: powers(offset, root, rows),
            scale,
        }
    }

    #[expect(unsafe_code, reason = "code for a processor that has what it needs")]
    fn transform(&mut self, factors: &Factors, numbers: &mut [Fr]) {
        let (rows, columns) = (self.rows, self.columns);
        let _proof: Available = self.available;
        if self.between.is_empty() {
            // Zeros of the system, which the threads that use them touch first.
            self.between = bytemuck::zeroed_vec(rows * columns / LANES);
        }
        let blocks = self.between.par_chunks_mut(rows).enumerate();
        blocks.for_each(|(block, between)| {
            // SAFETY: `_proof` exists only where the processor has the instructions.
            unsafe { down_columns(factors, &numbers[block * LANES..], columns, between) };
        });
        // The result is a table of C rows of R: for each eight of its columns, where they lie.
        let mut places: Vec<Vec<&mut [Fr; LANES]>> = Vec::new();
        places.resize_with(rows / LANES, || Vec::with_capacity(columns));
        for row in numbers.chunks_mut(rows) {
            for (places, place) in places.iter_mut().zip(row.as_chunks_mut().0) {
                places.push(place);
            }
        }
        let (between, places) = (&self.between, places.into_par_iter().enumerate());
        places.for_each_init(Vec::new, |row, (block, mut places)| {
            // SAFETY: as above.
            unsafe { along_rows(factors, between, block * LANES, row, &mut places) };
        });
    }
}

/// `first step^i` for i < `count`.
fn powers(first: Fr, step: Fr, count: usize) -> Vec<Fr> {
    let powers = std::iter::successors(Some(first), |power| Some(*power * step));
    powers.take(count).collect()
}

/// The factors of a transform of `size` over the powers of `root` times `offset`: at `2^s + i` the one of part i at
/// level s, `(root^rev(i) offset)^(size / 2^(s+1))`, rev over s bits.
fn tree(root: Fr, offset: Fr, size: usize) -> Vec<[u64; LIMBS]> {
    let roots = powers(Fr::ONE, root, size / 2);
    let mut tree = vec![[0; LIMBS]; 1];
    for level in 0..size.ilog2() {
        let exponent = size >> (level + 1);
        let offset = offset.pow([exponent as u64]);
        tree.extend((0..1 << level).map(|i| limbs(roots[reversed(i, level) * exponent] * offset)));
    }
    tree
}

/// The lowest `bits` of `i` from last to first.
const fn reversed(i: usize, bits: u32) -> usize {
    if bits == 0 {
        return 0;
    }
    i.reverse_bits() >> (usize::BITS - bits)
}

/// Eight columns from the top: `numbers` begin with the first of them, rows are `stride` apart.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn down_columns(factors: &Factors, numbers: &[Fr], stride: usize, block: &mut [Limbs]) {
    for (x, row) in block.iter_mut().zip(numbers.chunks(stride)) {
        if let Some(eight) = row.first_chunk() {
            *x = from_words(&gather_words(&eight.map(|number: Fr| number.0.0)));
        }
    }
    levels(block, &factors.columns, None);
    for x in block {
        *x = clean(&fold(x));
    }
}

/// Eight rows: those that end up in the columns `first..` of the result, at `places`, a row each.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn along_rows(
    factors: &Factors,
    between: &[Limbs],
    first: usize,
    row: &mut Vec<Limbs>,
    places: &mut [&mut [Fr; LANES]],
) {
    let rows = factors.row_starts.len();
    row.clear();
    for block in between.chunks(rows) {
        let mut turned = [zero(); LANES];
        for limb in 0..LIMBS {
            let mut lines = [_mm512_setzero_si512(); LANES];
            for (lane, line) in lines.iter_mut().enumerate() {
                *line = block[reversed(first + lane, rows.ilog2())][limb];
            }
            for (turned, line) in turned.iter_mut().zip(transposed(lines)) {
                turned[limb] = line;
            }
        }
        row.extend_from_slice(&turned);
    }
    let count = row.len().ilog2();
    // The last level's are g v^j, and those of a level are the squares of the next one's.
    let mut own = vec![own_factors(&factors.row_starts, first)];
    for level in 1..count as usize {
        own.push(fold(&square(&own[level - 1])));
    }
    own.reverse();
    levels(row, &factors.rows, Some(&own));
    let fine = factors
        .scale
        .as_ref()
        .map(|scale| own_factors(&scale.fine, first));
    for (place, x) in row.iter().enumerate() {
        let k = reversed(place, count);
        let scaled = match (&factors.scale, &fine) {
            (
                Some(Scale {
                    coarse: Some(coarse),
                    ..
                }),
                Some(fine),
            ) => mul(x, &fold(&mul(fine, &broadcast(&coarse[k])))),
            (_, Some(fine)) => mul(x, fine),
            _ => *x,
        };
        let words = to_words(&fold(&scaled));
        for (number, words) in places[k].iter_mut().zip(words) {
            *number = Fr::new_unchecked(BigInt::new(words));
        }
    }
}

/// All levels: at `2^s + i` of `tree` the factor of part i at level s, which is multiplied by `own[s]`, if any.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn levels(block: &mut [Limbs], tree: &[[u64; LIMBS]], own: Option<&[Limbs]>) {
    for level in 0..block.len().ilog2() as usize {
        let factors = &tree[1 << level..2 << level];
        let part = block.len() >> level;
        for (factor, part) in factors.iter().zip(block.chunks_mut(part)) {
            let mut factor = broadcast(factor);
            if let Some(own) = own {
                factor = fold(&mul(&factor, &own[level]));
            }
            let (low, high) = part.split_at_mut(part.len() / 2);
            for (x, y) in low.iter_mut().zip(high) {
                let product = mul(&factor, y);
                *y = difference(x, &product);
                *x = clean(&carry(&add(x, &product)));
            }
        }
    }
}

/// Eight neighbours as factors.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn own_factors(numbers: &[Fr], first: usize) -> Limbs {
    match numbers[first..].first_chunk() {
        Some(eight) => fold(&from_words_times_16(&gather_words(
            &eight.map(|number: Fr| number.0.0),
        ))),
        None => zero(),
    }
}
