//! A Merkle path: a node, its place, the children of every node above it.

use super::bits;
use super::builder::{Builder, Num};
use super::poseidon2;
use crate::merkle_path::Group;
use ark_bls12_381::Fr;
use ark_ff::Field;
use ark_relations::gr1cs::SynthesisError;
use cairn_merkle::poseidon2::WIDTH;
use cairn_merkle::{TreeKind, domain};

/// log2 of the arity of every tree.
pub const LOG2_ARITY: usize = 4;

/// The children of the node at `level` (1 = parents of leaves) in an opening; zeros where the opening has none.
#[must_use]
pub fn group_at(groups: &[Group], level: usize) -> Group {
    groups.get(level - 1).copied().unwrap_or_default()
}

/// Level constants of a tree, level 1 first.
#[must_use]
pub fn constants(builder: &Builder, kind: TreeKind, levels: usize) -> Vec<Num> {
    (1u32..)
        .take(levels)
        .map(|level| builder.constant(domain::level_constant(kind, level)))
        .collect()
}

/// Children as free variables; those that a partial top node does not have must be zero (rule `absent child`).
///
/// # Errors
/// Whatever the constraint system refuses.
pub fn children(
    builder: &mut Builder,
    group: &Group,
    arity: usize,
) -> Result<Vec<Num>, SynthesisError> {
    let children = builder.hints("children", group)?;
    for child in &children[arity..] {
        builder.equal("absent child", child, &Num::zero())?;
    }
    Ok(children)
}

/// `child` is the one of `children` whose place has these bits: as many constraints as children, less one.
///
/// # Errors
/// Whatever the constraint system refuses.
pub fn is_child(
    builder: &mut Builder,
    children: &[Num],
    place: &[Num],
    child: &Num,
) -> Result<(), SynthesisError> {
    let Some((top, lower)) = place.split_last() else {
        return builder.equal("child", &children[0], child);
    };
    let half = 1 << lower.len();
    let low = select(builder, &children[..half], lower)?;
    let high = select(builder, &children[half..], lower)?;
    builder.enforce("child", top, &(&high - &low), &(child - &low))
}

/// The one of `children` whose place has these bits: a constraint for each but one.
///
/// # Errors
/// Whatever the constraint system refuses.
pub fn select(
    builder: &mut Builder,
    children: &[Num],
    place: &[Num],
) -> Result<Num, SynthesisError> {
    let mut row = children[..1 << place.len()].to_vec();
    for bit in place {
        let mut next = Vec::with_capacity(row.len() / 2);
        for pair in row.chunks_exact(2) {
            let difference = &pair[1] - &pair[0];
            next.push(&pair[0] + &builder.product("select", bit, &difference)?);
        }
        row = next;
    }
    Ok(row.swap_remove(0))
}

/// The root that a path leads to: `node` sits at the place that `index` spells, least significant bit first.
///
/// The depth is the length of `constants`; the top node has fewer children if `index` has bits for fewer.
///
/// # Errors
/// Whatever the constraint system refuses.
pub fn climb(
    builder: &mut Builder,
    node: &Num,
    index: &[Num],
    groups: &[Group],
    constants: &[Num],
) -> Result<Num, SynthesisError> {
    let mut node = node.clone();
    for (level, (place, constant)) in (1..).zip(index.chunks(LOG2_ARITY).zip(constants)) {
        let children = children(builder, &group_at(groups, level), 1 << place.len())?;
        is_child(builder, &children, place, &node)?;
        node = &poseidon2::compress(builder, &children)? + constant;
    }
    Ok(node)
}

/// The roots before and after one leaf is replaced: the same siblings lead `old` to the first and `new` to the second.
///
/// # Errors
/// Whatever the constraint system refuses.
pub fn replace(
    builder: &mut Builder,
    old: &Num,
    new: &Num,
    index: &[Num],
    groups: &[Group],
    constants: &[Num],
) -> Result<(Num, Num), SynthesisError> {
    let (mut old, mut new) = (old.clone(), new.clone());
    for (level, (place, constant)) in (1..).zip(index.chunks(LOG2_ARITY).zip(constants)) {
        let before = children(builder, &group_at(groups, level), 1 << place.len())?;
        is_child(builder, &before, place, &old)?;
        let difference = &new - &old;
        let mut after = Vec::with_capacity(WIDTH);
        for (child, here) in before.iter().zip(one_hot(builder, place)?) {
            after.push(child + &builder.product("replace", &here, &difference)?);
        }
        after.resize(WIDTH, Num::zero());
        old = &poseidon2::compress(builder, &before)? + constant;
        new = &poseidon2::compress(builder, &after)? + constant;
    }
    Ok((old, new))
}

/// For each place of as many bits: 1 there, 0 elsewhere.
fn one_hot(builder: &mut Builder, place: &[Num]) -> Result<Vec<Num>, SynthesisError> {
    let one = builder.constant(Fr::ONE);
    let Some((top, lower)) = place.split_last() else {
        return Ok(vec![one]);
    };
    let mut flags = vec![&one - top, top.clone()];
    for bit in lower.iter().rev() {
        let mut next = Vec::with_capacity(2 * flags.len());
        for flag in flags {
            let high = builder.product("place", &flag, bit)?;
            next.push(&flag - &high);
            next.push(high);
        }
        flags = next;
    }
    Ok(flags)
}

/// The bits of an index into a tree of `levels` full levels, as free booleans.
///
/// # Errors
/// Whatever the constraint system refuses.
pub fn index_bits(
    builder: &mut Builder,
    index: u64,
    levels: usize,
) -> Result<Vec<Num>, SynthesisError> {
    bits::booleans(builder, &bits::bits_of(index, LOG2_ARITY * levels))
}
