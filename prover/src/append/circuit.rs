//! Append in R1CS: two hashes a level, one leaf, one `comm_r`.

use super::native::AppendWitness;
use super::statement::{AppendStatement, layout};
use crate::gadget::bits::{bits_of, booleans, pack};
use crate::gadget::builder::{Builder, Num, Synthesize};
use crate::gadget::{path, poseidon2, word};
use crate::params::ParamSet;
use ark_ff::Field;
use ark_relations::gr1cs::SynthesisError;
use cairn_merkle::{Commitment, Fr, SectorKind, Tag, TreeKind};

/// The circuit of one append, with its witness.
#[derive(Clone, Debug)]
pub struct AppendCircuit {
    set: ParamSet,
    statement: AppendStatement,
    witness: AppendWitness,
}

impl AppendCircuit {
    /// The circuit of this statement.
    #[must_use]
    pub const fn new(set: ParamSet, statement: AppendStatement, witness: AppendWitness) -> Self {
        Self {
            set,
            statement,
            witness,
        }
    }

    /// The circuit with nothing in it: enough to lay it out.
    #[must_use]
    pub fn blank(set: &ParamSet) -> Self {
        let nothing = Commitment::from(Fr::from(0u64));
        let statement = AppendStatement {
            root0: nothing,
            root1: nothing,
            comm_d: nothing,
            comm_r: nothing,
            count: 0,
            sector_number: 0,
            kind: SectorKind::Hot,
        };
        Self {
            set: *set,
            statement,
            witness: AppendWitness { path: Vec::new() },
        }
    }
}

impl Synthesize for AppendCircuit {
    fn synthesize(&self, builder: &mut Builder) -> Result<(), SynthesisError> {
        let statement = &self.statement;
        let levels = self.set.tree_levels as usize;
        builder.at("public");
        let [root0, root1, comm_d, comm_r, word] = statement.public_inputs();
        let (root0, root1) = (
            builder.public("root0", root0)?,
            builder.public("root1", root1)?,
        );
        let (comm_d, comm_r) = (
            builder.public("comm_d", comm_d)?,
            builder.public("comm_r", comm_r)?,
        );
        let word = builder.public("word", word)?;
        builder.at("count");
        let index = path::index_bits(builder, u64::from(statement.count), levels)?;
        builder.at("sector number");
        let number = pack(&booleans(builder, &bits_of(statement.sector_number, 64))?);
        builder.at("kind");
        let kind = pack(&booleans(
            builder,
            &bits_of(u64::from(statement.kind.code()), 1),
        )?);

        let one = builder.constant(Fr::ONE);
        let hot = poseidon2::tagged(builder, Tag::R, &[&Num::zero(), &comm_d])?;
        builder.at("sector");
        builder.enforce(
            "hot comm_r",
            &(&one - &kind),
            &(&hot - &comm_r),
            &Num::zero(),
        )?;
        let leaf = poseidon2::tagged(builder, Tag::Leaf, &[&comm_r, &number, &kind])?;
        builder.at("path");
        let constants = path::constants(builder, TreeKind::Provider, levels);
        let (before, after) = path::replace(
            builder,
            &Num::zero(),
            &leaf,
            &index,
            &self.witness.path,
            &constants,
        )?;
        builder.at("public");
        builder.equal("root before", &before, &root0)?;
        builder.equal("root after", &after, &root1)?;
        word::holds(
            builder,
            &word,
            &[
                (layout::COUNT, &pack(&index)),
                (layout::SECTOR_NUMBER, &number),
                (layout::KIND, &kind),
            ],
        )
    }
}
