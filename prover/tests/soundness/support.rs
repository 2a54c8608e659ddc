//! What the attacks on all circuits share.

use ark_ff::{BigInteger, Field, PrimeField};
use ark_relations::gr1cs::ConstraintSynthesizer;
use cairn_merkle::poseidon2::WIDTH;
use cairn_merkle::{Fr, TreeKind, tree};
use cairn_prover::gadget::audit::{Audit, Layout};
use cairn_prover::gadget::builder::{Name, Synthesize};
use cairn_prover::groth16::Matrices;
use cairn_prover::params::{self, ParamSet};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::LazyLock;

pub(crate) type Group = [Fr; WIDTH];

/// The smallest circuits that have everything: two levels in a sector, the upper one of four children.
pub(crate) const TINY: ParamSet = ParamSet {
    name: "tiny",
    sector_log2_leaves: 6,
    b_max: 5,
    tree_levels: 1,
    post_samples: 2,
    include_width: 1,
    ..params::TEST
};

/// A forged circuit and the one rule that must refuse it.
pub(crate) struct Attack<C> {
    pub(crate) story: &'static str,
    pub(crate) rule: Name,
    pub(crate) circuit: C,
    pub(crate) audit: Audit,
}

impl<C> Attack<C> {
    pub(crate) fn new(
        story: &'static str,
        scope: &'static str,
        what: &'static str,
        circuit: C,
    ) -> Self {
        Self {
            story,
            rule: Name { scope, what },
            circuit,
            audit: Audit::new(),
        }
    }

    /// The forger also chooses a hint or public input.
    pub(crate) fn forge(
        mut self,
        scope: &'static str,
        what: &'static str,
        occurrence: usize,
        forgery: impl Fn(&[Fr]) -> Vec<Fr> + 'static,
    ) -> Self {
        self.audit = self.audit.forge(scope, what, occurrence, forgery);
        self
    }
}

/// The bits of h + r, if they are at most 255.
pub(crate) fn second_representation(element: Fr) -> Option<Vec<Fr>> {
    let mut second = element.into_bigint();
    let overflow = second.add_with_carry(&Fr::MODULUS);
    let fits = !overflow && !second.get_bit(255);
    fits.then(|| (0..255).map(|i| Fr::from(second.get_bit(i))).collect())
}

/// Every attack is refused by its rule alone, and every rule of the circuit has an attack.
///
/// The rules inside the hashes are attacked in the tests of the gadgets.
pub(crate) fn each_rule_refuses_its_attack<C: Synthesize>(honest: &C, attacks: Vec<Attack<C>>) {
    let layout = Layout::of(honest).unwrap();
    let findings = Audit::new().run_on(&layout, honest).unwrap();
    assert!(
        findings.is_satisfied(),
        "the honest circuit breaks {:?}",
        findings.broken
    );
    let drawn: BTreeSet<Name> = findings
        .rules
        .into_keys()
        .filter(|rule| !HASHES.contains(&rule.scope))
        .collect();
    let mut attacked = BTreeSet::new();
    let mut failures = Vec::new();
    for Attack {
        story,
        rule,
        circuit,
        audit,
    } in attacks
    {
        attacked.insert(rule);
        let findings = audit.run_on(&layout, &circuit).unwrap();
        if findings.is_satisfied() {
            failures.push(format!("{story}: accepted"));
        } else if !findings.is_satisfied_without(rule) {
            failures.push(format!(
                "{story}: without [{rule}] still refused by {:?}",
                findings.broken
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(attacked, drawn, "rules attacked, rules drawn");
}

/// Scopes whose rules and variables have tests of their own.
const HASHES: [&str; 2] = ["poseidon2", "blake3"];

/// No variable outside of the hashes can be changed unnoticed.
pub(crate) fn every_variable_is_bound<C: Synthesize + Sync>(honest: &C) {
    one_in_so_many_variables_is_bound(honest, &Layout::of(honest).unwrap(), 1);
}

/// The same for every `step`-th of them, where a circuit is too big for all.
pub(crate) fn one_in_so_many_variables_is_bound<C: Synthesize + Sync>(
    honest: &C,
    layout: &Layout,
    step: usize,
) {
    let findings = Audit::new().run_on(layout, honest).unwrap();
    assert!(
        findings.is_satisfied(),
        "the honest circuit breaks {:?}",
        findings.broken
    );
    let variables: Vec<(Name, usize, usize)> = findings
        .hints
        .iter()
        .filter(|(name, _)| !HASHES.contains(&name.scope))
        .flat_map(|(name, asked)| {
            asked
                .iter()
                .enumerate()
                .flat_map(move |(occurrence, width)| {
                    (0..*width).map(move |element| (*name, occurrence, element))
                })
        })
        .step_by(step)
        .collect();
    let unnoticed: Vec<_> = variables
        .par_iter()
        .filter(|(name, occurrence, element)| {
            let element = *element;
            let audit = Audit::new().forge(name.scope, name.what, *occurrence, move |honest| {
                add_at(honest, element)
            });
            audit.run_on(layout, honest).unwrap().is_satisfied()
        })
        .collect();
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
}

/// The constraints are those of the blank circuit, whatever is filled in.
pub(crate) fn same_layout<C: ConstraintSynthesizer<Fr>>(filled: C, blank: C) {
    let [filled, blank] = [filled, blank].map(|circuit| Matrices::of(circuit).unwrap().id());
    assert_eq!(filled, blank);
}

/// Whether the circuit accepts what it was given.
pub(crate) fn accepts(layout: &Layout, circuit: &impl Synthesize) -> bool {
    let findings = Audit::new().run_on(layout, circuit).unwrap();
    findings.is_satisfied()
}

/// Native twin and circuit say the same of a claim; gives what they say. Most claims are about one set, whose layout is
/// kept.
pub(crate) fn agreed<C: Synthesize, E: Debug>(
    set: &ParamSet,
    (most, layout): (&ParamSet, &LazyLock<Layout>),
    blank: impl FnOnce(&ParamSet) -> C,
    circuit: &C,
    native: Result<(), E>,
) -> Result<(), E> {
    let accepted = if set == most {
        accepts(layout, circuit)
    } else {
        accepts(&Layout::of(&blank(set)).unwrap(), circuit)
    };
    assert_eq!(accepted, native.is_ok(), "{}: {native:?}", set.name);
    native
}

fn add_at(honest: &[Fr], element: usize) -> Vec<Fr> {
    let mut forged = honest.to_vec();
    forged[element] += Fr::ONE;
    forged
}

/// Adds to the first element.
pub(crate) fn add(amount: Fr) -> impl Fn(&[Fr]) -> Vec<Fr> + 'static {
    move |honest| {
        let mut forged = honest.to_vec();
        forged[0] += amount;
        forged
    }
}

/// The same number in digits that are not bits: 2 more of one, 1 less of the next.
pub(crate) fn carry(at: usize) -> impl Fn(&[Fr]) -> Vec<Fr> + 'static {
    move |honest| {
        let mut forged = honest.to_vec();
        forged[at] += Fr::from(2u64);
        forged[at + 1] -= Fr::ONE;
        forged
    }
}

/// Another bit.
pub(crate) fn flip(at: usize) -> impl Fn(&[Fr]) -> Vec<Fr> + 'static {
    move |honest| {
        let mut forged = honest.to_vec();
        forged[at] = Fr::ONE - forged[at];
        forged
    }
}

/// These values.
pub(crate) fn set(values: Vec<Fr>) -> impl Fn(&[Fr]) -> Vec<Fr> + 'static {
    move |_| values.clone()
}

pub(crate) fn fr(value: u64) -> Fr {
    Fr::from(value)
}

/// 2^exponent.
pub(crate) fn power(exponent: u64) -> Fr {
    fr(2).pow([exponent])
}

/// The root of a provider tree of one level.
pub(crate) fn root_of(group: &Group) -> Fr {
    tree::node(TreeKind::Provider, 1, group)
}
