//! The size of a piece, where the prover chooses it: a tree of 2^b leaves whose top node is partial unless b is a
//! multiple of 4.

use super::bits::booleans;
use super::builder::{Builder, Num};
use super::path::LOG2_ARITY;
use ark_bls12_381::Fr;
use ark_ff::Field;
use ark_relations::gr1cs::SynthesisError;

/// The smallest log2 of a piece's leaves: one group of 127 bytes.
pub const B_MIN: usize = 2;

/// The size of a piece: for each b one flag, of which exactly one is 1.
#[derive(Clone, Debug)]
pub struct PieceSize {
    flags: Vec<Num>,
}

impl PieceSize {
    /// A size of 2 to `b_max`: a constraint for each and one, scope `size`, rules `boolean` and `exactly one`.
    ///
    /// # Errors
    /// Whatever the constraint system refuses.
    pub fn new(builder: &mut Builder, b_max: u8, b: u8) -> Result<Self, SynthesisError> {
        builder.at("size");
        let honest: Vec<Fr> = (B_MIN..=usize::from(b_max))
            .map(|size| Fr::from(u8::from(size == usize::from(b))))
            .collect();
        let flags = booleans(builder, &honest)?;
        let one = builder.constant(Fr::ONE);
        builder.equal("exactly one", &Num::sum(&flags), &one)?;
        Ok(Self { flags })
    }

    /// 1 if the test holds for b.
    #[must_use]
    pub fn when(&self, test: impl Fn(usize) -> bool) -> Num {
        Num::sum(
            (B_MIN..)
                .zip(&self.flags)
                .filter(|(b, _)| test(*b))
                .map(|(_, flag)| flag),
        )
    }

    /// b.
    #[must_use]
    pub fn value(&self) -> Num {
        let mut total = Num::zero();
        for (b, flag) in (2u64..).zip(&self.flags) {
            total.add_scaled(Fr::from(b), flag);
        }
        total
    }

    /// 1 if the top of the piece lies in a group of this level.
    #[must_use]
    pub fn top_at(&self, level: usize) -> Num {
        self.when(|b| top_level(b) == level)
    }

    /// 1 if the top of the piece is more than `nodes` nodes.
    #[must_use]
    pub fn top_exceeds(&self, nodes: usize) -> Num {
        self.when(|b| top_nodes(b) > nodes)
    }

    /// 1 if the top of the piece lies in a group of this level and is at most `nodes` nodes.
    #[must_use]
    pub fn top_ends_at(&self, level: usize, nodes: usize) -> Num {
        self.when(|b| top_level(b) == level && top_nodes(b) <= nodes)
    }
}

const fn top_level(b: usize) -> usize {
    b.div_ceil(LOG2_ARITY)
}

const fn top_nodes(b: usize) -> usize {
    1 << ((b - 1) % LOG2_ARITY + 1)
}
