//! Conversions between widths, in one place, and the random numbers of a run.

/// A number of an array as an index.
pub(crate) const fn at(number: u32) -> usize {
    number as usize
}

/// A length or index as the number kept in an array; none here comes near 2^32.
pub(crate) fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// The nearest whole number; 0 below it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, and no figure here comes near 2^64"
)]
pub(crate) fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// The same, where it is counted in 32 bits.
pub(crate) fn whole32(value: f64) -> u32 {
    u32::try_from(whole(value)).unwrap_or(u32::MAX)
}

/// `amount * share / whole` without leaving 64 bits on the way; 0 of nothing.
pub(crate) fn share_of(amount: u64, share: u64, whole: u64) -> u64 {
    let product = u128::from(amount) * u128::from(share);
    product
        .checked_div(u128::from(whole))
        .and_then(|part| u64::try_from(part).ok())
        .unwrap_or(0)
}

/// xoshiro256++, seeded by splitmix64 (Blackman and Vigna): small, fast, the same numbers on every machine.
///
/// Nothing here uses a function of the system's mathematical library, whose last digit differs by machine.
#[derive(Clone, Debug)]
pub(crate) struct Random([u64; 4]);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut state = seed;
        let mut words = [0; 4];
        for word in &mut words {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = state;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *word = mixed ^ (mixed >> 31);
        }
        Self(words)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        let [s0, s1, s2, s3] = self.0;
        let out = s0.wrapping_add(s3).rotate_left(23).wrapping_add(s0);
        let shifted = s1 << 17;
        let (n2, n3) = (s2 ^ s0, s3 ^ s1);
        self.0 = [s0 ^ n3, s1 ^ n2, n2 ^ shifted, n3.rotate_left(45)];
        out
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
    }

    /// Uniform below a bound (0 for 0); the bias is below bound / 2^64.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        let wide = u128::from(self.next()) * u128::from(bound);
        u32::try_from(wide >> 64).unwrap_or(0)
    }

    /// True with a probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Exponential with mean 1, by von Neumann's comparisons.
    pub(crate) fn exponential(&mut self) -> f64 {
        let mut whole = 0.0;
        loop {
            let first = self.unit();
            let (mut last, mut falling) = (first, 1_u32);
            loop {
                let next = self.unit();
                if next >= last {
                    break;
                }
                last = next;
                falling += 1;
            }
            if falling % 2 == 1 {
                return whole + first;
            }
            whole += 1.0;
        }
    }

    /// Mean 1, between 0.5 and 1.5, standard deviation 0.144: how much dearer or cheaper one operator works.
    pub(crate) fn spread(&mut self) -> f64 {
        0.5 + (0..4).map(|_| self.unit()).sum::<f64>() / 4.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_the_published_one() {
        // xoshiro256++ from the state 1, 2, 3, 4: first outputs by hand and of the authors' reference code.
        let mut random = Random([1, 2, 3, 4]);
        assert_eq!(random.next(), 41_943_041, "rotl(1 + 4, 23) + 1");
        assert_eq!(random.next(), 58_720_359, "the second");
        assert_eq!(random.next(), 3_588_806_011_781_223, "the third");
    }

    #[test]
    fn exponential_numbers_have_the_distribution_they_should() {
        let mut random = Random::new(5);
        let draws = 200_000;
        let (mut sum, mut beyond) = (0.0, 0);
        for _ in 0..draws {
            let value = random.exponential();
            sum += value;
            beyond += u32::from(value > 2.0);
        }
        let (mean, tail) = (sum / f64::from(draws), f64::from(beyond) / f64::from(draws));
        assert!((mean - 1.0).abs() < 0.01, "mean {mean}");
        assert!((tail - 0.135_335).abs() < 0.004, "beyond two means {tail}");
    }

    #[test]
    fn numbers_below_a_bound_are_even() {
        let mut random = Random::new(6);
        let mut seen = [0_u32; 7];
        for _ in 0..70_000 {
            seen[at(random.below(7))] += 1;
        }
        assert!(
            seen.iter().all(|count| (9_500..10_500).contains(count)),
            "{seen:?}"
        );
        assert_eq!(random.below(0), 0, "of nothing");
    }

    #[test]
    fn a_share_does_not_overflow_on_the_way() {
        assert_eq!(share_of(u64::MAX, u64::MAX, u64::MAX), u64::MAX, "all");
        assert_eq!(share_of(10, 1, 3), 3, "rounded down");
        assert_eq!(share_of(10, 1, 0), 0, "of nothing");
    }
}
