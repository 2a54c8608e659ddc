//! The graph in R1CS: from the bits of a node those of its parents, nothing for a prover to choose.

use crate::gadget::bits::split;
use crate::gadget::blake3::keyed_xof;
use crate::gadget::blake3::word::{Bit, Word, pack};
use crate::gadget::builder::{Builder, Num};
use crate::gadget::path;
use crate::graph::{DRG_PARENTS, ExpanderMap, Graph, PARENTS};
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::SynthesisError;
use cairn_merkle::Fr;
use std::array;

/// Bits of a word of the draw.
const DRAW_BITS: usize = 32;

/// The parents of a node.
pub(super) struct Parents {
    /// 1 unless the node is node 0, whose same-layer parents count as zero.
    pub(super) some_before: Num,
    /// The bits of each parent, least significant first, in message order.
    pub(super) places: Vec<Vec<Num>>,
}

/// The parents of the node with these bits, as many as the graph's nodes have.
pub(super) fn parents(
    builder: &mut Builder,
    graph: &Graph,
    node: &[Num],
) -> Result<Parents, SynthesisError> {
    let bits: Vec<Bit> = node.iter().map(Bit::of).collect();
    let mut places = Vec::with_capacity(PARENTS);
    let some_before = drg(builder, graph, &bits, &mut places)?;
    for map in graph.expander_maps() {
        places.push(expander(builder, map, &bits)?);
    }
    Ok(Parents {
        some_before,
        places,
    })
}

/// The six parents in the same layer; gives whether there are any.
fn drg(
    builder: &mut Builder,
    graph: &Graph,
    bits: &[Bit],
    places: &mut Vec<Vec<Num>>,
) -> Result<Num, SynthesisError> {
    let node = pack(builder, bits);
    let (some, length) = bit_length(builder, bits)?;
    builder.at("predecessor");
    places.push(split(builder, &(&node - &some), bits.len())?);
    let key = array::from_fn(|i| {
        let (bytes, _) = graph.seed().as_chunks::<4>();
        Word::constant(u32::from_le_bytes(bytes[i]))
    });
    let message = [Word::from_bits(bits), Word::constant(0)];
    let draw = keyed_xof(builder, &key, &message, 8)?;
    let draws = DRG_PARENTS - 1;
    for (place, bucket) in draw[..draws].iter().zip(&draw[draws..]) {
        let distance = distance(builder, &node, &length, bits.len(), place, bucket)?;
        builder.at("drawn parent");
        let before = builder.product("none before node 0", &some, &distance)?;
        places.push(split(builder, &(&node - &before), bits.len())?);
    }
    Ok(some)
}

/// Whether a number is not zero, and how many bits it has: floor(log2) + 1, or 0.
///
/// From the top, `seen` becomes 1 at the first bit that is one and stays so.
fn bit_length(builder: &mut Builder, bits: &[Bit]) -> Result<(Num, Num), SynthesisError> {
    builder.at("length of the node");
    let one = builder.constant(Fr::ONE);
    let mut seen = Num::zero();
    let mut length = Num::zero();
    for (place, bit) in bits.iter().rev().enumerate() {
        let bit = pack(builder, &[*bit]);
        seen = if place == 0 {
            bit
        } else {
            let none = (Fr::ONE - seen.value()) * (Fr::ONE - bit.value());
            let now = builder.hint("seen", Fr::ONE - none)?;
            builder.enforce("seen", &(&one - &seen), &(&one - &bit), &(&one - &now))?;
            now
        };
        length.add_scaled(Fr::ONE, &seen);
    }
    Ok((seen, length))
}

/// How far before the node a drawn parent lies: 2^e + 1 + (place mod 2^e), less 2^e if that is before node 0, where
/// e = floor(bucket * length / 2^32). Of no meaning for node 0.
fn distance(
    builder: &mut Builder,
    node: &Num,
    length: &Num,
    node_bits: usize,
    place: &Word,
    bucket: &Word,
) -> Result<Num, SynthesisError> {
    builder.at("bucket");
    // The length is at most node_bits, so that e < node_bits.
    let width = (usize::BITS - (node_bits - 1).leading_zeros()) as usize;
    let bucket = pack(builder, bucket.bits());
    let product = builder.product("product", &bucket, length)?;
    let bits = split(builder, &product, DRAW_BITS + width)?;
    let e = &bits[DRAW_BITS..];
    builder.at("distance");
    let size = power_of_two(builder, e)?;
    let by_bucket: Vec<Num> = (0..1 << width)
        .map(|e: usize| {
            if e >= node_bits {
                return Num::zero();
            }
            let shortest = Fr::from((1_u64 << e) + 1);
            &builder.constant(shortest) + &pack(builder, &place.bits()[..e.min(DRAW_BITS)])
        })
        .collect();
    let drawn = path::select(builder, &by_bucket, e)?;
    builder.at("too far");
    let offset = builder.constant(Fr::from(1_u64 << node_bits));
    let compared = split(builder, &(&(node - &drawn) + &offset), node_bits + 1)?;
    let one = builder.constant(Fr::ONE);
    let too_far = &one - &compared[node_bits];
    let back = builder.product("back", &too_far, &size)?;
    Ok(&drawn - &back)
}

/// 2^e from the bits of e: one constraint for each but one.
fn power_of_two(builder: &mut Builder, e: &[Num]) -> Result<Num, SynthesisError> {
    let one = builder.constant(Fr::ONE);
    let mut power = one.clone();
    let mut base = Fr::ONE.double();
    for (place, bit) in e.iter().enumerate() {
        let factor = &one + &(bit * (base - Fr::ONE));
        power = if place == 0 {
            factor
        } else {
            builder.product("size", &power, &factor)?
        };
        base.square_in_place();
    }
    Ok(power)
}

/// The image of a node under one of the bijections.
fn expander(
    builder: &mut Builder,
    map: &ExpanderMap,
    node: &[Bit],
) -> Result<Vec<Num>, SynthesisError> {
    builder.at("expander");
    let width = node.len();
    let shift = width / 2;
    let mut x = node.to_vec();
    for (place, bit) in x.iter_mut().enumerate() {
        *bit = bit.xor(builder, &Bit::constant(map.key >> place & 1 == 1))?;
    }
    for multiplier in map.multipliers {
        let product = &pack(builder, &x) * Fr::from(multiplier);
        let bits = split(builder, &product, 2 * width)?;
        x = bits[..width].iter().map(Bit::of).collect();
        // In place from below: bit i needs bit i + shift as it was.
        for place in 0..width - shift {
            x[place] = x[place].xor(builder, &x[place + shift])?;
        }
    }
    Ok(x.iter().map(|bit| pack(builder, &[*bit])).collect())
}
