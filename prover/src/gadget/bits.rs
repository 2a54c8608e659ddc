//! Numbers as bits, and the strict bits of a hash.

use super::builder::{Builder, Num};
use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use ark_relations::gr1cs::SynthesisError;

/// Bits of the modulus.
pub const FIELD_BITS: usize = 255;

/// The bits of an integer, least significant first; those beyond 64 are zero.
#[must_use]
pub fn bits_of(value: u64, width: usize) -> Vec<Fr> {
    (0..width)
        .map(|i| {
            if i < 64 && value >> i & 1 == 1 {
                Fr::ONE
            } else {
                Fr::ZERO
            }
        })
        .collect()
}

/// Sum of `2^i * bits[i]`.
#[must_use]
pub fn pack(bits: &[Num]) -> Num {
    let mut total = Num::zero();
    let mut weight = Fr::ONE;
    for bit in bits {
        total.add_scaled(weight, bit);
        weight.double_in_place();
    }
    total
}

/// Free variables that are each 0 or 1: one constraint a bit, rule `boolean`, hint `bits`.
///
/// # Errors
/// Whatever the constraint system refuses.
pub fn booleans(builder: &mut Builder, honest: &[Fr]) -> Result<Vec<Num>, SynthesisError> {
    let bits = builder.hints("bits", honest)?;
    let one = builder.constant(Fr::ONE);
    for bit in &bits {
        builder.enforce("boolean", bit, &(&one - bit), &Num::zero())?;
    }
    Ok(bits)
}

/// Shows that `num` is an integer of `honest.len()` bits and gives them: one constraint a bit and one, rule `sum`.
///
/// # Errors
/// Whatever the constraint system refuses.
pub fn split(builder: &mut Builder, num: &Num, width: usize) -> Result<Vec<Num>, SynthesisError> {
    let bigint = num.value().into_bigint();
    let honest: Vec<Fr> = (0..width).map(|i| Fr::from(bigint.get_bit(i))).collect();
    let bits = booleans(builder, &honest)?;
    builder.equal("sum", &pack(&bits), num)?;
    Ok(bits)
}

/// The 255 bits of the one integer below the modulus that `num` stands for, least significant first.
///
/// An element x < 2^255 - r has a second representation x + r of 255 bits; rule `canonical` refuses it. From the top,
/// `equal` is 1 while every bit was that of r - 1; where r - 1 has zeros, no bit may be one as long as it is 1.
///
/// # Errors
/// Whatever the constraint system refuses.
pub fn split_strict(builder: &mut Builder, num: &Num) -> Result<Vec<Num>, SynthesisError> {
    let bits = split(builder, num, FIELD_BITS)?;
    let mut largest = Fr::MODULUS;
    largest.sub_with_borrow(&1u64.into());
    let mut equal = builder.constant(Fr::ONE);
    let mut zeros = Num::zero();
    let mut pending = false;
    for (i, bit) in bits.iter().enumerate().rev() {
        if !largest.get_bit(i) {
            zeros.add_scaled(Fr::ONE, bit);
            pending = true;
            continue;
        }
        if pending {
            builder.enforce("canonical", &equal, &zeros, &Num::zero())?;
            zeros = Num::zero();
            pending = false;
        }
        equal = if i == FIELD_BITS - 1 {
            bit.clone()
        } else {
            builder.product("prefix", &equal, bit)?
        };
    }
    builder.enforce("canonical", &equal, &zeros, &Num::zero())?;
    Ok(bits)
}
