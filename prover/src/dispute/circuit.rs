//! Dispute in R1CS: one hash a level of the largest piece, one for `comm_p`.
//!
//! The size b decides at which level the piece's root lies. A path goes up through all levels, and the root is the node
//! of the level that b says; what the path has above it is of no meaning.

use super::native::DisputeWitness;
use super::statement::{DisputeStatement, GROUP_LEAVES};
use crate::gadget::bits::{bits_of, booleans, pack};
use crate::gadget::builder::{Builder, Num, Synthesize};
use crate::gadget::size::{B_MIN, PieceSize};
use crate::gadget::{path, poseidon2};
use crate::merkle_path::{Group, Place};
use crate::params::ParamSet;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::SynthesisError;
use cairn_merkle::poseidon2::WIDTH;
use cairn_merkle::{Commitment, Fr, Tag, TreeKind};

/// The circuit of one dispute, with its witness.
#[derive(Clone, Debug)]
pub struct DisputeCircuit {
    set: ParamSet,
    statement: DisputeStatement,
    witness: DisputeWitness,
}

impl DisputeCircuit {
    /// The circuit of this statement.
    #[must_use]
    pub const fn new(set: ParamSet, statement: DisputeStatement, witness: DisputeWitness) -> Self {
        Self {
            set,
            statement,
            witness,
        }
    }

    /// The circuit with nothing in it: enough to lay it out.
    #[must_use]
    pub fn blank(set: &ParamSet) -> Self {
        let statement = DisputeStatement {
            comm_p: Commitment::from(Fr::ZERO),
            group: 0,
            leaves: [Fr::ZERO; GROUP_LEAVES],
        };
        let witness = DisputeWitness {
            b: 2,
            byte_len: 0,
            path: Vec::new(),
        };
        Self {
            set: *set,
            statement,
            witness,
        }
    }

    /// All bits of the index of the group's first leaf: two zeros and the bits of the group's number, of which those that
    /// this piece has no groups for are zero too.
    fn index(&self, builder: &mut Builder, size: &PieceSize) -> Result<Vec<Num>, SynthesisError> {
        builder.at("group");
        let honest = bits_of(self.statement.group, usize::from(self.set.b_max) - B_MIN);
        let mut bits = vec![Num::zero(); B_MIN];
        bits.extend(booleans(builder, &honest)?);
        for (place, bit) in bits.iter().enumerate().skip(B_MIN) {
            builder.enforce("inside", &size.when(|b| b <= place), bit, &Num::zero())?;
        }
        Ok(bits)
    }

    /// The children of the path's node at a level. Above the piece's root the honest path has nothing but the node
    /// `below`, at the place that the group's number has there: the first, unless it is outside.
    fn children(
        &self,
        builder: &mut Builder,
        size: &PieceSize,
        level: u32,
        below: &Num,
    ) -> Result<Vec<Num>, SynthesisError> {
        let place = Place::of_group(self.witness.b, self.statement.group);
        let mut honest: Group = path::group_at(&self.witness.path, level as usize);
        if level > place.levels() {
            honest = [Fr::ZERO; WIDTH];
            honest[place.position(level)] = below.value();
        }
        let children = path::children(builder, &honest, WIDTH)?;
        // No top has fewer than two nodes, and one of leaves has at least a group's.
        let least = if level == 1 { GROUP_LEAVES } else { 2 };
        for (nodes, child) in children.iter().enumerate().skip(least) {
            let absent = size.top_ends_at(level as usize, nodes);
            builder.enforce("absent child", &absent, child, &Num::zero())?;
        }
        Ok(children)
    }

    /// The root of the piece that the leaves are in.
    fn root(
        &self,
        builder: &mut Builder,
        size: &PieceSize,
        index: &[Num],
        leaves: &[Num],
    ) -> Result<Num, SynthesisError> {
        let levels = usize::from(self.set.b_max).div_ceil(path::LOG2_ARITY);
        let constants = path::constants(builder, TreeKind::Data, levels);
        let (mut node, mut root) = (Num::zero(), Num::zero());
        for (level, (place, constant)) in (1..).zip(index.chunks(path::LOG2_ARITY).zip(&constants))
        {
            builder.at("path");
            let children = self.children(builder, size, level, &node)?;
            if level == 1 {
                builder.at("leaves");
                for (which, leaf) in leaves.iter().enumerate() {
                    let of_groups = children.iter().skip(which).step_by(GROUP_LEAVES);
                    let of_groups: Vec<Num> = of_groups.cloned().collect();
                    path::is_child(builder, &of_groups, &place[B_MIN..], leaf)?;
                }
            } else {
                path::is_child(builder, &children, place, &node)?;
            }
            node = &poseidon2::compress(builder, &children)? + constant;
            builder.at("root");
            let here = builder.product("of its level", &size.top_at(level as usize), &node)?;
            root.add_scaled(Fr::ONE, &here);
        }
        Ok(root)
    }
}

impl Synthesize for DisputeCircuit {
    fn synthesize(&self, builder: &mut Builder) -> Result<(), SynthesisError> {
        builder.at("public");
        let [comm_p, group, leaves @ ..] = self.statement.public_inputs();
        let comm_p = builder.public("comm_p", comm_p)?;
        let group = builder.public("group", group)?;
        let leaves = leaves
            .into_iter()
            .map(|leaf| builder.public("leaf", leaf))
            .collect::<Result<Vec<_>, _>>()?;
        let size = PieceSize::new(builder, self.set.b_max, self.witness.b)?;
        let index = self.index(builder, &size)?;
        let root = self.root(builder, &size, &index, &leaves)?;
        builder.at("piece");
        // Any element: comm_p alone says which.
        let byte_len = builder.hint("byte len", Fr::from(self.witness.byte_len))?;
        let computed = poseidon2::tagged(builder, Tag::P, &[&size.value(), &byte_len, &root])?;
        builder.at("public");
        builder.equal("group", &pack(&index[B_MIN..]), &group)?;
        builder.equal("comm_p", &computed, &comm_p)
    }
}
