//! The matrices of the code, by interpolation, and the cache of those used for rebuilding.
//!
//! With `P` the points (piece numbers) at hand and `w` a wanted point, Lagrange's formula over GF(2^8), where minus is
//! plus is exclusive or, gives the strip at `w` as the sum over `p` in `P` of `c(w, p) * strip(p)` with
//!
//! `c(w, p) = prod_{q in P, q != p} (w ^ q) / (p ^ q)`
//!
//! which is defined for every set of different points, so a rebuild matrix always exists and no elimination is needed.

use std::sync::Arc;

use reed_solomon_erasure::galois_8;

/// One row of coefficients a wanted strip, one column a strip at hand.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Coefficients {
    rows: Vec<Vec<u8>>,
}

impl Coefficients {
    /// What takes the strips at the points `present` (all different) to those at the points `want`.
    pub(crate) fn interpolating(present: &[u8], want: &[u8]) -> Self {
        // prod_{q != p} (p ^ q), one a column; never zero as the points differ
        let denominators: Vec<u8> = present
            .iter()
            .map(|p| product(present.iter().filter(|q| *q != p), *p))
            .collect();
        let rows = want
            .iter()
            .map(|w| row(present, &denominators, *w))
            .collect();
        Self { rows }
    }

    pub(crate) fn rows(&self) -> &[Vec<u8>] {
        &self.rows
    }
}

fn row(present: &[u8], denominators: &[u8], want: u8) -> Vec<u8> {
    if let Some(position) = present.iter().position(|p| *p == want) {
        return (0..present.len())
            .map(|column| u8::from(column == position))
            .collect();
    }
    let all = product(present.iter(), want);
    present
        .iter()
        .zip(denominators)
        .map(|(p, denominator)| galois_8::div(all, galois_8::mul(want ^ p, *denominator)))
        .collect()
}

/// prod (x ^ q)
fn product<'q>(points: impl Iterator<Item = &'q u8>, x: u8) -> u8 {
    points.fold(1, |product, q| galois_8::mul(product, x ^ q))
}

/// The matrices used last, most recent first. A read keeps the same peers for many rows, so few are enough.
#[derive(Debug, Default)]
pub(crate) struct RebuildCache {
    entries: Vec<CacheEntry>,
}

#[derive(Debug)]
struct CacheEntry {
    present: Vec<u8>,
    want: Vec<u8>,
    matrix: Arc<Coefficients>,
}

impl RebuildCache {
    /// A matrix of 128-of-256 has 16 KiB: at most a MiB a code.
    const CAPACITY: usize = 64;

    pub(crate) fn get(&mut self, present: &[u8], want: &[u8]) -> Arc<Coefficients> {
        if let Some(at) = self
            .entries
            .iter()
            .position(|entry| entry.present == present && entry.want == want)
        {
            self.entries[..=at].rotate_right(1);
        } else {
            self.entries.truncate(Self::CAPACITY - 1);
            let matrix = Arc::new(Coefficients::interpolating(present, want));
            self.entries.insert(
                0,
                CacheEntry {
                    present: present.to_vec(),
                    want: want.to_vec(),
                    matrix,
                },
            );
        }
        Arc::clone(&self.entries[0].matrix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_returns_the_same_matrix_and_forgets_the_oldest() {
        let mut cache = RebuildCache::default();
        let first = cache.get(&[0, 1], &[2]);
        assert!(
            Arc::ptr_eq(&first, &cache.get(&[0, 1], &[2])),
            "a second look is served from the cache"
        );
        assert!(
            !Arc::ptr_eq(&first, &cache.get(&[1, 0], &[2])),
            "the order of the strips belongs to the key"
        );
        for want in 3..=255 {
            cache.get(&[0, 1], &[want]);
        }
        assert_eq!(cache.entries.len(), RebuildCache::CAPACITY);
        assert!(
            !Arc::ptr_eq(&first, &cache.get(&[0, 1], &[2])),
            "the oldest matrix was dropped"
        );
        assert_eq!(first, cache.get(&[0, 1], &[2]));
    }

    #[test]
    fn a_present_point_is_taken_as_it_is() {
        let matrix = Coefficients::interpolating(&[7, 200, 3], &[200]);
        assert_eq!(matrix.rows(), &[vec![0, 1, 0]]);
    }
}
