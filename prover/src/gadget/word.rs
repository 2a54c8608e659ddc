//! The packed public word: several small numbers at fixed bits of one field element.

use super::builder::{Builder, Num};
use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, Field as _};
use ark_relations::gr1cs::SynthesisError;

/// Where a number sits in a word, in bits from the least significant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its lowest bit.
    pub shift: u32,
    /// Its width; the circuit shows every number to be shorter than this.
    pub width: u32,
}

impl Field {
    /// A number of `width` bits from bit `shift`.
    #[must_use]
    pub const fn new(shift: u32, width: u32) -> Self {
        Self { shift, width }
    }

    /// 2^shift.
    #[must_use]
    pub fn weight(self) -> Fr {
        let mut weight = Fr::ONE;
        for _ in 0..self.shift {
            weight.double_in_place();
        }
        weight
    }

    /// Whether the number fits.
    #[must_use]
    pub const fn holds(self, value: u64) -> bool {
        self.width >= u64::BITS || value >> self.width == 0
    }
}

/// The word of these numbers; injective as long as each fits its field.
#[must_use]
pub fn pack(fields: &[(Field, u64)]) -> Fr {
    fields
        .iter()
        .map(|(field, value)| field.weight() * Fr::from(*value))
        .sum()
}

/// `word` holds exactly these numbers. Each must be shown elsewhere to fit its field; bits outside of all are zero.
///
/// # Errors
/// Whatever the constraint system refuses.
pub fn holds(
    builder: &mut Builder,
    word: &Num,
    fields: &[(Field, &Num)],
) -> Result<(), SynthesisError> {
    let mut total = Num::zero();
    for (field, number) in fields {
        total.add_scaled(field.weight(), number);
    }
    builder.equal("packed word", &total, word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sit_at_their_bits() {
        let word = pack(&[
            (Field::new(0, 32), 5),
            (Field::new(32, 64), 1),
            (Field::new(96, 8), 1),
        ]);
        assert_eq!(word, Fr::from(5_u128 + (1 << 32) + (1 << 96)));
    }

    #[test]
    fn a_number_must_be_shorter_than_its_field() {
        assert!(Field::new(0, 8).holds(255));
        assert!(!Field::new(0, 8).holds(256));
        assert!(Field::new(0, 64).holds(u64::MAX));
    }
}
