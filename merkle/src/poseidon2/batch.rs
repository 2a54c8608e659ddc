//! Many compressions at once: what hashes rows of a tree. The engine is chosen here, once a call.

#[cfg(target_arch = "x86_64")]
use super::eight;
use super::{WIDTH, compress};
use crate::field;
#[cfg(target_arch = "x86_64")]
use crate::lanes::Available;
use ark_bls12_381::Fr;
use ark_ff::{BigInt, PrimeField};

/// What a group is made of; the default pads a last group.
pub(crate) trait Child: Copy + Default + Sync {
    /// Whether [`Self::words`] are the integer itself and not the Montgomery form of ark.
    const PLAIN: bool;
    /// Four words, least significant first; below r.
    fn words(&self) -> [u64; 4];
    /// The element.
    fn element(&self) -> Fr;
}

impl Child for Fr {
    const PLAIN: bool = false;

    fn words(&self) -> [u64; 4] {
        self.0.0
    }

    fn element(&self) -> Fr {
        *self
    }
}

/// 32 little-endian bytes that the caller knows to be canonical.
impl Child for [u8; field::ELEMENT_BYTES] {
    const PLAIN: bool = true;

    fn words(&self) -> [u64; 4] {
        field::bytes_to_limbs(self)
    }

    fn element(&self) -> Fr {
        Fr::from_bigint(BigInt::new(self.words())).unwrap_or_default()
    }
}

/// Which code hashes rows. All give the same; only benches and tests take another than [`Engine::best`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Engine(Code);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Eight(Available),
}

impl Engine {
    /// One group after the other, on any processor.
    pub const PORTABLE: Self = Self(Code::Portable);

    /// The fastest of this processor.
    #[must_use]
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(available) = Available::detect() {
            return Self(Code::Eight(available));
        }
        Self::PORTABLE
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            Code::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Code::Eight(_) => "avx512ifma",
        }
    }
}

/// The row over `children`: `H(16 children) + constant` for each group, on this thread; what is missing of the last group
/// is zero. Cost: one permutation a group, or one for eight groups where the processor has AVX-512 IFMA.
#[must_use]
pub fn hash_row(engine: Engine, children: &[Fr], constant: Fr) -> Vec<Fr> {
    let mut row = vec![Fr::default(); children.len().div_ceil(WIDTH)];
    compress_groups(engine, children, constant, &mut row);
    row
}

/// `parents[i] = H(children[16 i ..]) + constant` on this thread; what is missing of the last group is zero.
///
/// There are as many parents as groups; surplus places are left alone.
pub(crate) fn compress_groups<C: Child>(
    engine: Engine,
    children: &[C],
    constant: Fr,
    parents: &mut [Fr],
) {
    let (groups, rest) = children.as_chunks::<WIDTH>();
    let mut last = [C::default(); WIDTH];
    for (place, child) in last.iter_mut().zip(rest) {
        *place = *child;
    }
    let count = groups.len() + usize::from(!rest.is_empty());
    let group = |index: usize| groups.get(index).unwrap_or(&last);
    let parents = parents.iter_mut().take(count).enumerate();
    match engine.0 {
        // A lone group is done sooner by the portable code: eight lanes take as long as one.
        #[cfg(target_arch = "x86_64")]
        Code::Eight(available) if count > 1 => {
            let mut parents = parents;
            eight::compress_all(available, count, group, constant, |hash| {
                if let Some((_, parent)) = parents.next() {
                    *parent = hash;
                }
            });
        }
        _ => {
            for (index, parent) in parents {
                *parent = compress(&group(index).map(|child| child.element())) + constant;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::poseidon2::reference;
    use ark_ff::Field;
    use proptest::prelude::*;

    /// The engines to compare: the portable one, and the other where this processor has it.
    fn engines() -> Vec<Engine> {
        if Engine::best() == Engine::PORTABLE {
            println!("no AVX-512 IFMA on this processor: its engine could not be tested");
            return vec![Engine::PORTABLE];
        }
        vec![Engine::PORTABLE, Engine::best()]
    }

    fn on_paper<C: Child>(children: &[C], constant: Fr) -> Vec<Fr> {
        children
            .chunks(WIDTH)
            .map(|group| {
                let mut state = [Fr::default(); WIDTH];
                for (place, child) in state.iter_mut().zip(group) {
                    *place = child.element();
                }
                let first = state[0];
                reference::permute(&mut state);
                state[0] + first + constant
            })
            .collect()
    }

    fn agree<C: Child>(children: &[C], constant: Fr) {
        let expected = on_paper(children, constant);
        for engine in engines() {
            let mut row = vec![Fr::default(); expected.len()];
            compress_groups(engine, children, constant, &mut row);
            assert_eq!(
                row,
                expected,
                "{} on {} children",
                engine.name(),
                children.len()
            );
        }
    }

    /// All different, from one seed.
    fn different(count: usize, seed: u64) -> Vec<Fr> {
        let mut x = Fr::from(seed);
        (0..count)
            .map(|_| {
                x = x.square() + Fr::from(seed);
                x
            })
            .collect()
    }

    fn bytes(elements: &[Fr]) -> Vec<[u8; field::ELEMENT_BYTES]> {
        elements.iter().map(field::to_bytes).collect()
    }

    #[test]
    fn any_count_of_different_groups_hashes_as_on_paper() {
        for count in 1..=40 {
            let children = different(count * WIDTH, count as u64 + 2);
            agree(&children, Fr::from(count as u64));
            agree(&bytes(&children), -Fr::from(count as u64));
        }
    }

    #[test]
    fn a_short_last_group_is_padded_with_zeros() {
        for count in [1, 15, 17, 31, 8 * WIDTH - 1, 8 * WIDTH + 1, 9 * WIDTH - 3] {
            agree(&different(count, 9), Fr::ONE);
            agree(&bytes(&different(count, 9)), Fr::ONE);
        }
        agree::<Fr>(&[], Fr::ONE);
    }

    #[test]
    fn the_extremes_hash_as_on_paper() {
        // r - 1, and the elements whose Montgomery forms are 1, r - 1 and r - 2^192.
        let one = Fr::new_unchecked(BigInt::new([1, 0, 0, 0]));
        let high = Fr::new_unchecked(BigInt::new([
            1,
            0x53bd_a402_fffe_5bfe,
            0,
            0x73ed_a753_299d_7d48,
        ]));
        let extremes = [
            Fr::default(),
            Fr::ONE,
            -Fr::ONE,
            -Fr::from(2u64),
            one,
            -one,
            high,
        ];
        for (i, x) in extremes.into_iter().enumerate() {
            for constant in extremes {
                agree(&[x; 2 * WIDTH], constant);
                agree(&bytes(&[x; 2 * WIDTH]), constant);
            }
            // Each extreme in turn in each place, the lanes different from one another.
            let mixed: Vec<Fr> = (0..16 * WIDTH)
                .map(|place| extremes[(place / WIDTH + place * (i + 1)) % extremes.len()])
                .collect();
            agree(&mixed, x);
            agree(&bytes(&mixed), x);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(50))]

        #[test]
        fn random_words_hash_as_on_paper(
            words in prop::collection::vec(any::<[u64; 4]>(), 16..9 * WIDTH),
            constant in any::<u64>(),
        ) {
            let children: Vec<Fr> = words
                .into_iter()
                .map(|[a, b, c, d]| Fr::new_unchecked(BigInt::new([a, b, c, d % 0x73ed_a753_299d_7d48])))
                .collect();
            agree(&children, Fr::from(constant));
            agree(&bytes(&children), Fr::from(constant));
        }
    }
}
