//! Whether a deployment is one that this software can believe: its numbers and its verifying keys.

use cairn_contracts::{Chain, DEVELOPMENT_CHAINS, SetParameters};
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
    check_chain(set, deployment.chain_id)?;
    let keys = chain.deployed_keys().await?;
    let name = &deployment.parameters.name;
    for (circuit, deployed) in [
        (CircuitName::Spacetime, &keys.spacetime),
        (CircuitName::Append, &keys.append),
        (CircuitName::Retire, &keys.retire),
        (CircuitName::Include, &keys.include),
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
    match fields
        .into_iter()
        .find(|(_, expected, got)| expected != got)
    {
        Some((field, expected, got)) => Err(OpenError::Parameters {
            set: shown.name.clone(),
            field,
            expected,
            got,
        }),
        None => check_empty_root(set, shown),
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
