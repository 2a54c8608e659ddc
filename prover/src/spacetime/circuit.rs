//! Spacetime in R1CS.
//!
//! About 7,700 constraints a sample at 8 GiB sectors, whatever the provider stores.

use super::index::{SAMPLE_BITS, SECTOR_BITS, SampleIndex, samples};
use super::native::{OpenedSample, Sample, SpacetimeWitness, stand_in};
use super::statement::{SpacetimeStatement, layout};
use crate::gadget::bits::{bits_of, booleans, pack, split, split_strict};
use crate::gadget::builder::{Builder, Num, Synthesize};
use crate::gadget::{path, poseidon2, word};
use crate::params::ParamSet;
use ark_ff::Field;
use ark_relations::gr1cs::SynthesisError;
use cairn_merkle::{Commitment, Fr, SectorKind, Tag, TreeKind};

/// The circuit of one proof of spacetime, with its witness.
#[derive(Clone, Debug)]
pub struct SpacetimeCircuit {
    set: ParamSet,
    statement: SpacetimeStatement,
    witness: SpacetimeWitness,
}

/// The public inputs and what the circuit has shown of them.
struct Public {
    root: Num,
    seed: Num,
    word: Num,
    count: Num,
    sector_lo: Num,
    sector_count: Num,
    leaf_lo: Vec<Num>,
    /// For each bit of a leaf: 1 if it is below the range's size, so that the hash decides it.
    in_range: Vec<Num>,
    sector_number: Num,
}

impl SpacetimeCircuit {
    /// The circuit of this statement; what is missing in the witness counts as skipped.
    #[must_use]
    pub const fn new(
        set: ParamSet,
        statement: SpacetimeStatement,
        witness: SpacetimeWitness,
    ) -> Self {
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
        let statement = SpacetimeStatement::window(set, Commitment::from(nothing), nothing, 1);
        Self {
            set: *set,
            statement,
            witness: SpacetimeWitness {
                samples: Vec::new(),
            },
        }
    }

    const fn sector_bits(&self) -> usize {
        self.set.tree_levels as usize * path::LOG2_ARITY
    }

    const fn leaf_bits(&self) -> usize {
        self.set.sector_log2_leaves as usize
    }

    fn public(&self, builder: &mut Builder) -> Result<Public, SynthesisError> {
        let statement = &self.statement;
        builder.at("public");
        let [root, seed, word] = statement.public_inputs();
        let (root, seed) = (builder.public("root", root)?, builder.public("seed", seed)?);
        let word = builder.public("word", word)?;
        let one = builder.constant(Fr::ONE);
        let width = self.sector_bits();
        builder.at("count");
        let count = &one
            + &pack(&booleans(
                builder,
                &bits_of(u64::from(statement.count).wrapping_sub(1), width),
            )?);
        builder.at("sector lo");
        let sector_lo = pack(&booleans(
            builder,
            &bits_of(u64::from(statement.sector_lo), width),
        )?);
        builder.at("sector count");
        let less_one = u64::from(statement.sector_count).wrapping_sub(1);
        let sector_count = &one + &pack(&booleans(builder, &bits_of(less_one, width))?);
        builder.at("sector range");
        split(builder, &(&(&count - &sector_lo) - &sector_count), width)?;
        builder.at("leaf lo");
        let leaf_lo = booleans(builder, &bits_of(statement.leaf_lo, self.leaf_bits()))?;
        builder.at("leaf range");
        let log2 = usize::from(statement.log2_leaf_range);
        let honest: Vec<Fr> = (0..self.leaf_bits())
            .map(|bit| Fr::from(u8::from(bit < log2)))
            .collect();
        let in_range = booleans(builder, &honest)?;
        for pair in in_range.windows(2) {
            builder.enforce("no gap", &pair[1], &(&one - &pair[0]), &Num::zero())?;
        }
        for (flag, bit) in in_range.iter().zip(&leaf_lo) {
            builder.enforce("aligned", flag, bit, &Num::zero())?;
        }
        builder.at("sector number");
        let sector_number = pack(&booleans(builder, &bits_of(statement.sector_number, 64))?);
        Ok(Public {
            root,
            seed,
            word,
            count,
            sector_lo,
            sector_count,
            leaf_lo,
            in_range,
            sector_number,
        })
    }

    /// The bits of the sector's index and of the leaf, from a sample's share of the hash.
    fn place(
        &self,
        builder: &mut Builder,
        public: &Public,
        hash: &[Num],
    ) -> Result<(Vec<Num>, Vec<Num>), SynthesisError> {
        builder.at("leaf index");
        let mut leaf = Vec::with_capacity(self.leaf_bits());
        for ((bit, flag), low) in hash.iter().zip(&public.in_range).zip(&public.leaf_lo) {
            leaf.push(low + &builder.product("from the hash", flag, bit)?);
        }
        builder.at("sector product");
        let x = pack(&hash[self.leaf_bits()..self.leaf_bits() + SECTOR_BITS]);
        let product = builder.product("product", &x, &public.sector_count)?;
        let bits = split(builder, &product, SECTOR_BITS + self.sector_bits())?;
        builder.at("sector index");
        let index = &public.sector_lo + &pack(&bits[SECTOR_BITS..]);
        let sector = split(builder, &index, self.sector_bits())?;
        Ok((sector, leaf))
    }

    /// One sample; gives the flag that says whether it is skipped.
    fn sample(
        &self,
        builder: &mut Builder,
        public: &Public,
        hash: &[Num],
        sample: &Sample,
        index: SampleIndex,
    ) -> Result<Num, SynthesisError> {
        let (sector, leaf) = self.place(builder, public, hash)?;
        let (skipped, opened) = match sample {
            Sample::Opened(opened) => (false, opened),
            Sample::Skipped => (true, &stand_in(&self.set, index)),
        };
        builder.at("skipped");
        let skipped = flag(builder, skipped)?;
        builder.at("kind");
        let kind = flag(builder, opened.kind == SectorKind::Sealed)?;
        let one = builder.constant(Fr::ONE);
        builder.at("sector");
        let number = builder.hint("number", Fr::from(opened.number))?;
        let comm_c = builder.hint("comm_c", opened.comm_c)?;
        builder.enforce("hot has no labels", &(&one - &kind), &comm_c, &Num::zero())?;
        let root = self.sector_root(builder, opened, &kind, &leaf)?;
        let comm_r = poseidon2::tagged(builder, Tag::R, &[&comm_c, &root])?;
        let provider_leaf = poseidon2::tagged(builder, Tag::Leaf, &[&comm_r, &number, &kind])?;
        builder.at("provider path");
        let constants = path::constants(builder, TreeKind::Provider, self.set.tree_levels as usize);
        let root = path::climb(
            builder,
            &provider_leaf,
            &sector,
            &opened.provider,
            &constants,
        )?;
        builder.at("shown");
        let shown = &one - &skipped;
        builder.enforce("root", &shown, &(&root - &public.root), &Num::zero())?;
        let named = builder.product("named", &shown, &public.sector_number)?;
        builder.enforce(
            "sector number",
            &named,
            &(&public.sector_number - &number),
            &Num::zero(),
        )?;
        Ok(skipped)
    }

    /// The samples of one hash; gives how many are skipped.
    fn pair(
        &self,
        builder: &mut Builder,
        public: &Public,
        (number, pair): (u64, &[SampleIndex]),
    ) -> Result<Num, SynthesisError> {
        builder.at("index hash");
        let word = builder.constant(Fr::from(number));
        let hash = poseidon2::tagged(builder, Tag::Idx, &[&public.seed, &word])?;
        let bits = split_strict(builder, &hash)?;
        let first = 2 * usize::try_from(number).map_err(|_| SynthesisError::Unsatisfiable)?;
        let given = self.witness.samples.get(first..).unwrap_or_default();
        let given = given.iter().chain(std::iter::repeat(&Sample::Skipped));
        let mut skips = Num::zero();
        for ((index, share), sample) in pair.iter().zip(bits.chunks(SAMPLE_BITS)).zip(given) {
            let skipped = self.sample(builder, public, share, sample, *index)?;
            skips.add_scaled(Fr::ONE, &skipped);
        }
        Ok(skips)
    }

    /// Root of the D-tree of a hot sector, of the R-tree of a sealed one: the kind chooses the constants of the tree.
    fn sector_root(
        &self,
        builder: &mut Builder,
        opened: &OpenedSample,
        kind: &Num,
        index: &[Num],
    ) -> Result<Num, SynthesisError> {
        builder.at("leaf path");
        let levels = self.set.sector_levels() as usize;
        let data = path::constants(builder, TreeKind::Data, levels);
        let replica = path::constants(builder, TreeKind::Replica, levels);
        let constants: Vec<Num> = data
            .iter()
            .zip(&replica)
            .map(|(data, replica)| data + &(kind * (replica.value() - data.value())))
            .collect();
        let leaf = builder.hint("leaf", opened.leaf.leaf)?;
        path::climb(builder, &leaf, index, &opened.leaf.groups, &constants)
    }
}

fn flag(builder: &mut Builder, honest: bool) -> Result<Num, SynthesisError> {
    Ok(pack(&booleans(builder, &[Fr::from(u8::from(honest))])?))
}

impl Synthesize for SpacetimeCircuit {
    fn synthesize(&self, builder: &mut Builder) -> Result<(), SynthesisError> {
        let public = self.public(builder)?;
        let indices = samples(&self.set, &self.statement);
        let pairs: Vec<(u64, &[SampleIndex])> = (0..).zip(indices.chunks(2)).collect();
        let skips = builder.each(&pairs, |builder, pair| self.pair(builder, &public, *pair))?;
        let skips = Num::sum(&skips);
        builder.at("public");
        let log2 = Num::sum(&public.in_range);
        word::holds(
            builder,
            &public.word,
            &[
                (layout::COUNT, &public.count),
                (layout::SECTOR_LO, &public.sector_lo),
                (layout::SECTOR_COUNT, &public.sector_count),
                (layout::LEAF_LO, &pack(&public.leaf_lo)),
                (layout::LOG2_LEAF_RANGE, &log2),
                (layout::SECTOR_NUMBER, &public.sector_number),
                (layout::SKIPS, &skips),
            ],
        )
    }
}
