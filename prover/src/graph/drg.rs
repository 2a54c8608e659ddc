//! The depth-robust part: parents of a node in its own layer, by bucket sampling.
//!
//! ```text
//! w = first 64 bytes of the BLAKE3 XOF keyed with the graph's seed, over v as u64 LE; 16 words LE
//! b = floor(log2 v); for j = 0..4:
//!   e = mulhi32(w[5+j], b+1)              the bucket, 0..=b, each as likely as the next
//!   d = 2^e + 1 + (w[j] mod 2^e)          2^e < d <= 2^(e+1)
//!   if d > v: d -= 2^e                    only possible in the last bucket; then 1 <= d <= 2^e <= v
//!   parent = v - d
//! ```
//!
//! Nobody chooses anything here: v and the seed fix the parents. Cost: one compression.

/// Parents of a node in its own layer.
pub const DRG_PARENTS: usize = 6;

/// Words of the draw that pick a bucket come after those that pick a place in it.
const DRAWS: usize = DRG_PARENTS - 1;

/// Draws parents, one node after the other.
#[derive(Clone, Debug)]
pub struct DrgDraw {
    hasher: blake3::Hasher,
}

impl DrgDraw {
    /// Draws under this graph seed.
    #[must_use]
    pub fn new(seed: &[u8; 32]) -> Self {
        Self {
            hasher: blake3::Hasher::new_keyed(seed),
        }
    }

    /// The parents of v in its own layer, v-1 first; six times node 0 for v = 0 and v = 1.
    #[must_use]
    pub fn parents(&mut self, v: u32) -> [u32; DRG_PARENTS] {
        if v < 2 {
            return [0; DRG_PARENTS];
        }
        let words = self.words(v);
        let mut parents = [v - 1; DRG_PARENTS];
        for (j, parent) in parents[1..].iter_mut().enumerate() {
            *parent = v - distance(v, words[j], words[DRAWS + j]);
        }
        parents
    }

    /// The sixteen words that v draws.
    fn words(&mut self, v: u32) -> [u32; 16] {
        let mut bytes = [0; 64];
        self.hasher.reset();
        self.hasher.update(&u64::from(v).to_le_bytes());
        self.hasher.finalize_xof().fill(&mut bytes);
        let mut words = [0; 16];
        for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        words
    }
}

/// How far before v >= 1 a drawn parent lies, 1 to v, from its two words: the place in the bucket and the bucket.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the upper half of a product of two 32-bit numbers; a distance of at most v"
)]
pub const fn distance(v: u32, place: u32, bucket: u32) -> u32 {
    // v = 0 has no parents; it is treated as 1, whose only distance is checked by the callers' range.
    let b = (v | 1).ilog2();
    let e = (bucket as u64 * (b as u64 + 1)) >> 32;
    let size = 1_u64 << e;
    let mut d = size + 1 + (place as u64 & (size - 1));
    if d > v as u64 {
        d -= size;
    }
    d as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOP: u32 = u32::MAX;

    #[test]
    fn small_nodes_by_hand() {
        // v = 1: one bucket, d = 1 + 1 is too far, so 1.
        assert_eq!(distance(1, 0, 0), 1);
        assert_eq!(distance(1, TOP, TOP), 1);
        // v = 2: bucket 0 gives 2; bucket 1 gives 3 or 4, less 2.
        assert_eq!(distance(2, 0, 0), 2);
        assert_eq!(distance(2, 5, 0), 2);
        assert_eq!(distance(2, 0, TOP), 1);
        assert_eq!(distance(2, 1, TOP), 2);
        // v = 3: bucket 1 gives 3 as it is; 4 is too far, less 2.
        assert_eq!(distance(3, 0, TOP), 3);
        assert_eq!(distance(3, 1, TOP), 2);
        // v = 5: b = 2; bucket 2 gives 5 as it is, 6 to 8 less 4.
        assert_eq!(
            [0, 1, 2, 3].map(|place| distance(5, place, TOP)),
            [5, 2, 3, 4]
        );
        // Buckets are drawn by the high bits of their word: thirds of its range for b = 2.
        assert_eq!(distance(5, 0, TOP / 3), 2);
        assert_eq!(distance(5, 0, TOP / 3 + 1), 3);
        assert_eq!(distance(5, 0, TOP / 3 * 2 + 1), 5);
    }

    #[test]
    fn no_distance_is_zero_or_reaches_before_node_0() {
        for v in 1..=600 {
            for place in (0..1024).chain([TOP]) {
                for bucket in (0..16).map(|part| part << 28).chain([TOP]) {
                    let d = distance(v, place, bucket);
                    assert!(1 <= d && d <= v, "node {v}: distance {d}");
                }
            }
        }
        for v in [TOP, TOP - 1, 1 << 31, (1 << 31) - 1] {
            for place in [0, 1, TOP, 1 << 31] {
                for bucket in [0, 1 << 31, TOP] {
                    let d = distance(v, place, bucket);
                    assert!(1 <= d && d <= v, "node {v}: distance {d}");
                }
            }
        }
    }

    #[test]
    fn buckets_and_places_in_them_are_drawn_evenly() {
        // Around 3 * 2^15, b = 16: 17 buckets, and half of what falls in the last one is folded into its lower half.
        let (first, count) = (98_304_u32, 30_000_u32);
        let mut draw = DrgDraw::new(&[7; 32]);
        let mut buckets = [0_u32; 17];
        let mut lower_half = [0_u32; 17];
        for v in first..first + count {
            for parent in &draw.parents(v)[1..] {
                // d in (2^e, 2^(e+1)] is of bucket e.
                let before = v - parent - 1;
                let bucket = before.max(1).ilog2() as usize;
                buckets[bucket] += 1;
                lower_half[bucket] += u32::from(before < (3 << bucket) / 2);
            }
        }
        let each = f64::from(count * 5) / 17.0;
        for (bucket, got) in buckets.iter().enumerate().take(15) {
            let off = f64::from(*got) / each - 1.0;
            assert!(off.abs() < 0.05, "bucket {bucket}: {got} of {each}");
            if bucket > 0 {
                let half = f64::from(lower_half[bucket]) / f64::from(*got);
                assert!(
                    (half - 0.5).abs() < 0.03,
                    "bucket {bucket}: {half} below its middle"
                );
            }
        }
        // Draws beyond v come back below 2^16, so buckets 15 and 16 share what two would have had.
        let shared = f64::from(buckets[15] + buckets[16]) / each;
        assert!(shared > 1.9, "the last two buckets: {shared}");
        assert_eq!(buckets.iter().sum::<u32>(), count * 5);
    }
}
