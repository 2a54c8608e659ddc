//! Whether a deployment is one that this software can believe: its numbers and its verifying keys.

use cairn_contracts::{Chain, DEVELOPMENT_CHAINS, ReplicaTerms, SetParameters};
use cairn_merkle::Commitment;
use cairn_merkle::provider::ProviderTree;
use cairn_prover::circuits::CircuitName;
use cairn_prover::keys::known;
use cairn_prover::params::ParamSet;

use crate::error::OpenError;

/// Compares what the chain shows with what this software was built with: the parameter set's numbers, the root of an
/// empty provider tree, every verifying key byte for byte, and that keys which anybody can forge under stay on
/// development chains.
///
/// The code of the contracts themselves is not compared: whoever names a deployment is trusted with that.
///
/// # Errors
/// [`OpenError`]: what differs, or the chain does not answer.
pub async fn check_deployment(chain: &Chain) -> Result<(), OpenError> {
    let deployment = chain.deployment();
    let set = check_parameters(&deployment.parameters)?;
    check_terms(set, &deployment.replica_terms)?;
    check_chain(set, deployment.chain_id)?;
    let keys = chain.deployed_keys().await?;
    let name = &deployment.parameters.name;
    for (circuit, deployed) in [
        (CircuitName::Spacetime, &keys.spacetime),
        (CircuitName::Append, &keys.append),
        (CircuitName::Retire, &keys.retire),
        (CircuitName::Include, &keys.include),
        (CircuitName::Replica, &keys.replica),
        (CircuitName::Dispute, &keys.dispute),
    ] {
        known::check_deployed(name, circuit, &deployed.circuit_id, &deployed.key)?;
    }
    Ok(())
}

fn check_chain(set: &ParamSet, chain_id: u64) -> Result<(), OpenError> {
    if set.insecure_keys && !DEVELOPMENT_CHAINS.contains(&chain_id) {
        return Err(OpenError::InsecureSet {
            set: set.name.to_owned(),
            chain_id,
        });
    }
    Ok(())
}

/// A deployment may call itself what it likes: its numbers must be those this software was built with.
fn check_parameters(shown: &SetParameters) -> Result<&'static ParamSet, OpenError> {
    let Some(set) = ParamSet::by_name(&shown.name) else {
        return Err(OpenError::UnknownSet {
            set: shown.name.clone(),
        });
    };
    let fields = [
        (
            "sector_log2_leaves",
            u64::from(set.sector_log2_leaves),
            u64::from(shown.sector_log2_leaves),
        ),
        ("b_max", u64::from(set.b_max), u64::from(shown.b_max)),
        (
            "post_samples",
            u64::from(set.post_samples),
            u64::from(shown.post_samples),
        ),
        (
            "tree_levels",
            u64::from(set.tree_levels),
            u64::from(shown.tree_levels),
        ),
        (
            "include_width",
            set.include_width as u64,
            u64::from(shown.include_width),
        ),
    ];
    same(&shown.name, &fields)?;
    check_empty_root(set, shown)
}

/// Replicas with fewer layers, partitions or another clock are not those of the set, whatever the deposit.
fn check_terms(set: &ParamSet, shown: &ReplicaTerms) -> Result<(), OpenError> {
    let fields = [
        ("layers", u64::from(set.layers), u64::from(shown.layers)),
        (
            "porep_challenges",
            u64::from(set.porep_challenges),
            u64::from(shown.partitions),
        ),
        ("ticket_age_s", set.ticket_age_s, shown.ticket_age_s),
        ("seed_delay_s", set.seed_delay_s, shown.seed_delay_s),
        ("replica_due_s", set.replica_due_s, shown.due_s),
    ];
    same(set.name, &fields)
}

/// Refuses the first field that differs: (name, ours, the deployment's).
fn same(set: &str, fields: &[(&'static str, u64, u64)]) -> Result<(), OpenError> {
    let differs = |(_, expected, got): &&(&str, u64, u64)| expected != got;
    match fields.iter().find(differs) {
        Some(&(field, expected, got)) => Err(OpenError::Parameters {
            set: set.to_owned(),
            field,
            expected,
            got,
        }),
        None => Ok(()),
    }
}

fn check_empty_root(
    set: &'static ParamSet,
    shown: &SetParameters,
) -> Result<&'static ParamSet, OpenError> {
    let empty = ProviderTree::new(set.tree_levels)
        .ok()
        .map(|tree| Commitment::from(tree.root()));
    if empty == Some(shown.empty_root) {
        return Ok(set);
    }
    Err(OpenError::EmptyRoot {
        set: shown.name.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown() -> SetParameters {
        SetParameters {
            name: "devnet".into(),
            sector_log2_leaves: 20,
            b_max: 17,
            post_samples: 4,
            tree_levels: 3,
            include_width: 2,
            empty_root: Commitment::from(ProviderTree::new(3).unwrap().root()),
        }
    }

    #[test]
    fn a_deployment_with_our_numbers_is_taken() {
        check_parameters(&shown()).unwrap();
    }

    #[test]
    fn replicas_of_fewer_layers_or_partitions_than_the_set_has_are_refused() {
        let terms = ReplicaTerms {
            layers: 2,
            partitions: 1,
            ticket_age_s: 3600,
            seed_delay_s: 6,
            due_s: 1800,
            deposit: 0,
        };
        let set = |name| ParamSet::by_name(name).unwrap();
        check_terms(set("devnet"), &terms).unwrap();
        let refused = check_terms(set("testnet"), &terms);
        assert!(
            matches!(
                refused,
                Err(OpenError::Parameters {
                    field: "layers",
                    expected: 8,
                    got: 2,
                    ..
                })
            ),
            "two layers where eight are required: {refused:?}"
        );
        let refused = check_terms(set("peer"), &terms);
        assert!(
            matches!(
                refused,
                Err(OpenError::Parameters {
                    field: "porep_challenges",
                    expected: 2,
                    got: 1,
                    ..
                })
            ),
            "one partition where two are required: {refused:?}"
        );
    }

    #[test]
    fn a_tree_that_is_not_empty_is_no_empty_tree() {
        let planted = SetParameters {
            empty_root: Commitment::from(ProviderTree::new(1).unwrap().root()),
            ..shown()
        };
        let refused = check_parameters(&planted);
        assert!(
            matches!(refused, Err(OpenError::EmptyRoot { .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn keys_that_anybody_can_forge_under_stay_on_development_chains() {
        let set = check_parameters(&shown()).unwrap();
        check_chain(set, 31337).unwrap();
        let refused = check_chain(set, 1);
        assert!(
            matches!(refused, Err(OpenError::InsecureSet { chain_id: 1, .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn a_deployment_that_differs_from_its_name_is_refused_by_field() {
        let fewer = SetParameters {
            post_samples: 1,
            ..shown()
        };
        let error = check_parameters(&fewer).unwrap_err();
        assert!(
            matches!(
                error,
                OpenError::Parameters {
                    field: "post_samples",
                    expected: 4,
                    got: 1,
                    ..
                }
            ),
            "{error}"
        );
        let unknown = SetParameters {
            name: "mine".into(),
            ..shown()
        };
        assert!(matches!(
            check_parameters(&unknown),
            Err(OpenError::UnknownSet { .. })
        ));
    }
}
