//! The expanding part: eight bijections of [0, N) that give the parents in the layer below.
//!
//! ```text
//! pi_j(v):  x = v xor k_j
//!           three times, r = 1, 2, 3:   x = x * M_{j,r} mod N      (M odd)
//!                                       x = x xor (x >> log2(N)/2)
//! digest(j, r) = BLAKE3("cairn/v1/exp/<j>/<r>"), decimal; its first 4 bytes as u32 LE are k_j (r = 0) or, with the
//! lowest bit set, M_{j,r}; both modulo N
//! ```
//!
//! Each step can be undone, so every node of the layer below is exactly one node's j-th parent: functions that are not
//! one-to-one leave nodes that nobody needs, and expand markedly worse. Cost: three multiplications a map.

/// Parents of a node in the layer below.
pub const EXPANDER_PARENTS: usize = 8;

/// Multiply-and-shift rounds of a map.
pub const ROUNDS: usize = 3;

/// The constants of one bijection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpanderMap {
    /// What the node is first combined with.
    pub key: u32,
    /// What each round multiplies with; odd.
    pub multipliers: [u32; ROUNDS],
}

impl ExpanderMap {
    /// The map of parent `j` for 2^`log2_nodes` nodes, 2 <= log2 <= 32.
    fn new(j: usize, log2_nodes: u32) -> Self {
        let mask = u32::MAX >> (32 - log2_nodes);
        let mut r = 0;
        let multipliers = [(); ROUNDS].map(|()| {
            r += 1;
            (constant(j, r) | 1) & mask
        });
        Self {
            key: constant(j, 0) & mask,
            multipliers,
        }
    }

    /// Where the map takes node v < 2^`log2_nodes`.
    #[must_use]
    pub const fn apply(&self, v: u32, log2_nodes: u32) -> u32 {
        let mask = u32::MAX >> (32 - log2_nodes);
        let shift = log2_nodes / 2;
        let [m1, m2, m3] = self.multipliers;
        let mut x = v ^ self.key;
        x = x.wrapping_mul(m1) & mask;
        x ^= x >> shift;
        x = x.wrapping_mul(m2) & mask;
        x ^= x >> shift;
        x = x.wrapping_mul(m3) & mask;
        x ^ (x >> shift)
    }
}

/// The maps of a graph of 2^`log2_nodes` nodes, 2 <= log2 <= 32.
pub(super) fn maps(log2_nodes: u32) -> [ExpanderMap; EXPANDER_PARENTS] {
    let mut j = 0;
    [(); EXPANDER_PARENTS].map(|()| {
        j += 1;
        ExpanderMap::new(j - 1, log2_nodes)
    })
}

fn constant(j: usize, r: usize) -> u32 {
    let digest = blake3::hash(format!("cairn/v1/exp/{j}/{r}").as_bytes());
    let [a, b, c, d, ..] = *digest.as_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_map_is_a_bijection_of_all_nodes() {
        for log2_nodes in (2..=16).chain([20]) {
            for (j, map) in maps(log2_nodes).iter().enumerate() {
                let mut hit = vec![false; 1 << log2_nodes];
                for v in 0..1 << log2_nodes {
                    let x = map.apply(v, log2_nodes) as usize;
                    assert!(!hit[x], "map {j} of 2^{log2_nodes}: {x} is hit twice");
                    hit[x] = true;
                }
            }
        }
    }

    /// Undoes the steps in reverse order, so that a map of 2^28 nodes need not be listed.
    fn undo(map: &ExpanderMap, mut x: u32, log2_nodes: u32) -> u32 {
        let mask = u32::MAX >> (32 - log2_nodes);
        let shift = log2_nodes / 2;
        for m in map.multipliers.iter().rev() {
            let mut y = x;
            for _ in 0..log2_nodes.div_ceil(shift) {
                y = x ^ (y >> shift);
            }
            // Newton's iteration for the inverse modulo 2^32.
            let inverse = (0..5).fold(1_u32, |i, _| {
                i.wrapping_mul(2_u32.wrapping_sub(m.wrapping_mul(i)))
            });
            x = y.wrapping_mul(inverse) & mask;
        }
        x ^ map.key
    }

    #[test]
    fn each_map_can_be_undone_at_every_size() {
        for log2_nodes in 2..=32 {
            let mask = u32::MAX >> (32 - log2_nodes);
            for map in maps(log2_nodes) {
                for v in (0..500).map(|i: u32| i.wrapping_mul(0x9e37_79b9) & mask) {
                    let x = map.apply(v, log2_nodes);
                    assert!(x <= mask);
                    assert_eq!(undo(&map, x, log2_nodes), v, "2^{log2_nodes}");
                }
            }
        }
    }

    #[test]
    fn the_maps_differ_from_each_other() {
        let maps = maps(24);
        for v in [0, 1, 77_777] {
            let mut images = maps.map(|map| map.apply(v, 24));
            images.sort_unstable();
            assert!(images.windows(2).all(|two| two[0] != two[1]), "{images:?}");
        }
    }
}
