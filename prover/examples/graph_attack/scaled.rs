//! Positive numbers far beyond the range of `f64`: counts of paths have thousands of digits.

use std::cmp::Ordering;

/// 2^512 and its inverse, both exact.
const LIMB: f64 = f64::from_bits((1023 + 512) << 52);
const INVERSE: f64 = f64::from_bits((1023 - 512) << 52);

/// mantissa * 2^(512 * limbs), 1 <= mantissa < 2^512; or zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scaled {
    mantissa: f64,
    limbs: i32,
}

impl Scaled {
    pub(crate) const ZERO: Self = Self {
        mantissa: 0.0,
        limbs: 0,
    };
    pub(crate) const ONE: Self = Self {
        mantissa: 1.0,
        limbs: 0,
    };

    fn normal(self) -> Self {
        if self.mantissa >= LIMB {
            Self {
                mantissa: self.mantissa * INVERSE,
                limbs: self.limbs + 1,
            }
        } else if self.mantissa < 1.0 && self.mantissa > 0.0 {
            Self {
                mantissa: self.mantissa * LIMB,
                limbs: self.limbs - 1,
            }
        } else {
            self
        }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        let (big, small) = if self.compare(other) == Ordering::Less {
            (other, self)
        } else {
            (self, other)
        };
        let added = match big.limbs - small.limbs {
            0 => small.mantissa,
            1 => small.mantissa * INVERSE,
            // Below the last bit of the bigger one.
            _ => 0.0,
        };
        Self {
            mantissa: big.mantissa + added,
            limbs: big.limbs,
        }
        .normal()
    }

    pub(crate) fn times(self, other: Self) -> Self {
        Self {
            mantissa: self.mantissa * INVERSE * other.mantissa,
            limbs: self.limbs + other.limbs + 1,
        }
        .normal()
    }

    /// Times a factor between 2^-512 and 2^511.
    pub(crate) fn scaled(self, factor: f64) -> Self {
        Self {
            mantissa: self.mantissa * factor,
            limbs: self.limbs,
        }
        .normal()
    }

    /// Zero is the least.
    pub(crate) fn compare(self, other: Self) -> Ordering {
        match (self.mantissa > 0.0, other.mantissa > 0.0) {
            (true, true) => self
                .limbs
                .cmp(&other.limbs)
                .then(self.mantissa.total_cmp(&other.mantissa)),
            (mine, theirs) => mine.cmp(&theirs),
        }
    }
}
