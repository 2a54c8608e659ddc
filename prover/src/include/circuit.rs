//! Inclusion in R1CS: for each piece one hash a level of the sector, one for the piece's top, one for `comm_p`.
//!
//! The size b decides at which level the piece's top lies. The circuit hashes the group of every level, and a chain of
//! "is the child of" begins at the level of the piece's top; what lies below has no meaning and binds nothing.

use super::native::IncludeWitness;
use super::statement::{IncludeStatement, PlacedPiece, layout};
use crate::gadget::bits::{bits_of, booleans, pack};
use crate::gadget::builder::{Builder, Num, Synthesize};
use crate::gadget::size::{B_MIN, PieceSize};
use crate::gadget::{path, poseidon2, word};
use crate::merkle_path::Group;
use crate::params::ParamSet;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::SynthesisError;
use cairn_merkle::poseidon2::WIDTH;
use cairn_merkle::{Commitment, Fr, Tag, TreeKind};

/// The circuit of one inclusion, with its witness.
#[derive(Clone, Debug)]
pub struct IncludeCircuit {
    set: ParamSet,
    statement: IncludeStatement,
    witness: IncludeWitness,
}

impl IncludeCircuit {
    /// The circuit of this statement.
    #[must_use]
    pub const fn new(set: ParamSet, statement: IncludeStatement, witness: IncludeWitness) -> Self {
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
        let statement = IncludeStatement {
            comm_d: nothing,
            pieces: Vec::new(),
        };
        Self {
            set: *set,
            statement,
            witness: IncludeWitness { paths: Vec::new() },
        }
    }

    const fn levels(&self) -> usize {
        self.set.sector_levels() as usize
    }

    /// Levels at which the top of a piece may lie.
    const fn top_levels(&self) -> usize {
        (self.set.b_max as usize).div_ceil(path::LOG2_ARITY)
    }

    /// All bits of the offset, the lowest of which are zero: always two, and as many as b.
    fn offset(
        &self,
        builder: &mut Builder,
        size: &PieceSize,
        offset_leaves: u64,
    ) -> Result<Vec<Num>, SynthesisError> {
        builder.at("offset");
        let honest = bits_of(offset_leaves, self.set.sector_log2_leaves as usize);
        let mut bits = vec![Num::zero(); B_MIN];
        bits.extend(booleans(builder, &honest[B_MIN..])?);
        for (place, bit) in bits
            .iter()
            .enumerate()
            .take(usize::from(self.set.b_max))
            .skip(B_MIN)
        {
            builder.enforce("aligned", &size.when(|b| b > place), bit, &Num::zero())?;
        }
        Ok(bits)
    }

    /// One place for a piece: it lies under `comm_d`.
    fn piece(
        &self,
        builder: &mut Builder,
        comm_d: &Num,
        piece: &PlacedPiece,
        path: &[Group],
    ) -> Result<(), SynthesisError> {
        builder.at("public");
        let comm_p = builder.public("comm_p", piece.comm_p.to_fr())?;
        let word = builder.public("word", piece.packed_word())?;
        let size = PieceSize::new(builder, self.set.b_max, piece.b)?;
        let offset = self.offset(builder, &size, piece.offset_leaves)?;
        builder.at("byte len");
        let byte_len = pack(&booleans(
            builder,
            &bits_of(piece.byte_len, layout::BYTE_LEN.width as usize),
        )?);
        let groups = self.sector_path(builder, comm_d, &size, &offset, piece, path)?;
        let top = self.top(builder, &size, &offset, &groups)?;
        let mut root = poseidon2::compress(builder, &top)?;
        for (level, constant) in
            (1..).zip(path::constants(builder, TreeKind::Data, self.top_levels()))
        {
            root.add_scaled(constant.value(), &size.top_at(level));
        }
        let b = size.value();
        let computed = poseidon2::tagged(builder, Tag::P, &[&b, &byte_len, &root])?;
        builder.at("public");
        builder.equal("comm_p", &computed, &comm_p)?;
        let fields = [
            (layout::OFFSET_LEAVES, &pack(&offset)),
            (layout::B, &b),
            (layout::BYTE_LEN, &byte_len),
        ];
        word::holds(builder, &word, &fields)
    }

    /// The group of every level; from the piece's top upwards each is a child of the next, the last of `comm_d`.
    fn sector_path(
        &self,
        builder: &mut Builder,
        comm_d: &Num,
        size: &PieceSize,
        offset: &[Num],
        piece: &PlacedPiece,
        path: &[Group],
    ) -> Result<Vec<Vec<Num>>, SynthesisError> {
        builder.at("sector path");
        let constants = path::constants(builder, TreeKind::Data, self.levels());
        let below = (piece.top_level() as usize).saturating_sub(1);
        let mut groups = Vec::with_capacity(self.levels());
        let mut node = Num::zero();
        for (level, (place, constant)) in
            (1usize..).zip(offset.chunks(path::LOG2_ARITY).zip(&constants))
        {
            let given = level
                .checked_sub(below + 1)
                .and_then(|at| path.get(at))
                .copied()
                .unwrap_or_default();
            let children = path::children(builder, &given, 1 << place.len())?;
            if level > 1 {
                let above = Num::sum(
                    &(1..level)
                        .map(|below| size.top_at(below))
                        .collect::<Vec<_>>(),
                );
                let child = path::select(builder, &children, place)?;
                builder.enforce("child", &above, &(&child - &node), &Num::zero())?;
            }
            node = &poseidon2::compress(builder, &children)? + constant;
            groups.push(children);
        }
        builder.equal("comm_d", &node, comm_d)?;
        Ok(groups)
    }

    /// The children of the piece's own top node: the group of its level, shifted to the front, with zeros behind.
    fn top(
        &self,
        builder: &mut Builder,
        size: &PieceSize,
        offset: &[Num],
        groups: &[Vec<Num>],
    ) -> Result<Vec<Num>, SynthesisError> {
        builder.at("top");
        let levels = self.top_levels();
        let mut group = vec![Num::zero(); WIDTH];
        let mut position = vec![Num::zero(); path::LOG2_ARITY];
        let places = offset.chunks(path::LOG2_ARITY);
        for (level, (children, place)) in (1..=levels).zip(groups.iter().zip(places)) {
            let here = size.top_at(level);
            for (total, child) in group.iter_mut().zip(children) {
                total.add_scaled(Fr::ONE, &builder.product("group", &here, child)?);
            }
            for (total, bit) in position.iter_mut().zip(place) {
                total.add_scaled(Fr::ONE, &builder.product("position", &here, bit)?);
            }
        }
        // A shift by 8, 4 and 2; never by 1, as a top has at least two nodes. What is not shifted down stays, for the
        // sizes whose position has no such bit.
        for shift in [8, 4, 2] {
            let bit = &position[if shift == 8 { 3 } else { shift / 2 }];
            for i in 0..shift {
                let difference = &group[i + shift] - &group[i];
                group[i] = &group[i] + &builder.product("shift", bit, &difference)?;
            }
        }
        for (i, node) in group.iter_mut().enumerate().skip(2) {
            *node = builder.product("mask", &size.top_exceeds(i), node)?;
        }
        Ok(group)
    }
}

impl Synthesize for IncludeCircuit {
    fn synthesize(&self, builder: &mut Builder) -> Result<(), SynthesisError> {
        builder.at("public");
        let comm_d = builder.public("comm_d", self.statement.comm_d.to_fr())?;
        let nothing = PlacedPiece {
            comm_p: Commitment::from(Fr::ZERO),
            offset_leaves: 0,
            b: 2,
            byte_len: 0,
        };
        for place in 0..self.set.include_width {
            let piece = self.statement.pieces.get(place).unwrap_or(&nothing);
            let path = self.witness.paths.get(place).map_or(&[][..], Vec::as_slice);
            self.piece(builder, &comm_d, piece, path)?;
        }
        Ok(())
    }
}
