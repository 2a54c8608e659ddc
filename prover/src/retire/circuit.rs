//! Retire in R1CS: four hashes a level and two leaves.

use super::native::{RetireWitness, SectorLeaf};
use super::statement::{RetireStatement, layout};
use crate::gadget::bits::{bits_of, booleans, pack, split};
use crate::gadget::builder::{Builder, Num, Synthesize};
use crate::gadget::{path, poseidon2, word};
use crate::params::ParamSet;
use ark_ff::Field;
use ark_relations::gr1cs::SynthesisError;
use cairn_merkle::{Commitment, Fr, SectorKind, Tag, TreeKind};

/// The circuit of one retirement, with its witness.
#[derive(Clone, Debug)]
pub struct RetireCircuit {
    set: ParamSet,
    statement: RetireStatement,
    witness: RetireWitness,
}

impl RetireCircuit {
    /// The circuit of this statement.
    #[must_use]
    pub const fn new(set: ParamSet, statement: RetireStatement, witness: RetireWitness) -> Self {
        Self {
            set,
            statement,
            witness,
        }
    }

    /// The circuit with nothing in it: enough to lay it out.
    #[must_use]
    pub fn blank(set: &ParamSet) -> Self {
        let nothing = Fr::from(0u64);
        let root = Commitment::from(nothing);
        let statement = RetireStatement {
            root0: root,
            root2: root,
            count: 1,
            index: 0,
            removed_number: 0,
            moved_number: 0,
        };
        let sector = SectorLeaf {
            comm_r: nothing,
            kind: SectorKind::Hot,
        };
        let witness = RetireWitness {
            removed: sector,
            moved: sector,
            last_path: Vec::new(),
            hole_path: Vec::new(),
        };
        Self {
            set: *set,
            statement,
            witness,
        }
    }
}

/// The number of a sector and its leaf.
fn sector_leaf(
    builder: &mut Builder,
    scope: &'static str,
    number: u64,
    sector: SectorLeaf,
) -> Result<(Num, Num), SynthesisError> {
    builder.at(scope);
    let comm_r = builder.hint("comm_r", sector.comm_r)?;
    let mut honest = bits_of(number, 64);
    honest.extend(bits_of(u64::from(sector.kind.code()), 1));
    let bits = booleans(builder, &honest)?;
    let (number, kind) = bits.split_at(64);
    let number = pack(number);
    let leaf = poseidon2::tagged(builder, Tag::Leaf, &[&comm_r, &number, &kind[0]])?;
    Ok((number, leaf))
}

/// The numbers of the packed word, shown to be in their ranges.
struct Numbers {
    /// Bits of `count - 1`.
    last: Vec<Num>,
    /// Bits of the index.
    index: Vec<Num>,
    /// 1 if the last sector is the one that is removed, 0 otherwise.
    is_last: Num,
}

impl RetireCircuit {
    const fn levels(&self) -> usize {
        self.set.tree_levels as usize
    }

    fn numbers(&self, builder: &mut Builder) -> Result<Numbers, SynthesisError> {
        let (count, index) = (self.statement.count, self.statement.index);
        builder.at("last");
        let last = path::index_bits(builder, u64::from(count).wrapping_sub(1), self.levels())?;
        let honest_is_last = index.wrapping_add(1) == count;
        builder.at("index");
        let index = path::index_bits(builder, u64::from(index), self.levels())?;
        builder.at("behind index");
        let behind = &pack(&last) - &pack(&index);
        split(builder, &behind, self.levels() * path::LOG2_ARITY)?;
        // Not a boolean by rule: where it may be anything, at the last place, it must be 1, as the hole is zero there
        // and the removed leaf, a hash, is not.
        let is_last = builder.hint("is last", Fr::from(u8::from(honest_is_last)))?;
        builder.enforce("only the last", &behind, &is_last, &Num::zero())?;
        Ok(Numbers {
            last,
            index,
            is_last,
        })
    }

    /// Takes the last leaf out, then puts it where the removed one stands. Gives the roots before and after the one
    /// and before and after the other.
    fn change(
        &self,
        builder: &mut Builder,
        numbers: &Numbers,
        removed: &Num,
        moved: &Num,
    ) -> Result<[Num; 4], SynthesisError> {
        let Numbers {
            last,
            index,
            is_last,
        } = numbers;
        let remains = &builder.constant(Fr::ONE) - is_last;
        builder.at("change");
        builder.enforce(
            "the last is itself",
            is_last,
            &(moved - removed),
            &Num::zero(),
        )?;
        let hole = builder.product("hole", &remains, removed)?;
        let filling = builder.product("filling", &remains, moved)?;
        let constants = path::constants(builder, TreeKind::Provider, self.levels());
        let (last_path, hole_path) = (&self.witness.last_path, &self.witness.hole_path);
        builder.at("last path");
        let (before, without_last) =
            path::replace(builder, moved, &Num::zero(), last, last_path, &constants)?;
        builder.at("hole path");
        let (between, after) =
            path::replace(builder, &hole, &filling, index, hole_path, &constants)?;
        Ok([before, without_last, between, after])
    }
}

impl Synthesize for RetireCircuit {
    fn synthesize(&self, builder: &mut Builder) -> Result<(), SynthesisError> {
        let (statement, witness) = (&self.statement, &self.witness);
        builder.at("public");
        let [root0, root2, word] = statement.public_inputs();
        let root0 = builder.public("root0", root0)?;
        let root2 = builder.public("root2", root2)?;
        let word = builder.public("word", word)?;
        let numbers = self.numbers(builder)?;
        let (removed_number, removed) = sector_leaf(
            builder,
            "removed",
            statement.removed_number,
            witness.removed,
        )?;
        let (moved_number, moved) =
            sector_leaf(builder, "moved", statement.moved_number, witness.moved)?;
        let [before, without_last, between, after] =
            self.change(builder, &numbers, &removed, &moved)?;
        builder.at("public");
        builder.equal("root before", &before, &root0)?;
        builder.equal("root between", &between, &without_last)?;
        builder.equal("root after", &after, &root2)?;
        let count = &builder.constant(Fr::ONE) + &pack(&numbers.last);
        word::holds(
            builder,
            &word,
            &[
                (layout::COUNT, &count),
                (layout::INDEX, &pack(&numbers.index)),
                (layout::REMOVED_NUMBER, &removed_number),
                (layout::MOVED_NUMBER, &moved_number),
            ],
        )
    }
}
