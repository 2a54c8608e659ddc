//! Development keys and the deployment made with them.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use cairn_contracts::{
    ChallengeTerms, CircuitSet, CollateralTerms, DeployPlan, Deployment, KeyPlan, RepairTerms,
    ReplicaTerms, Schedule, SetParameters, TokenPlan, deploy as deploy_market,
};
use cairn_merkle::Commitment;
use cairn_merkle::provider::ProviderTree;
use cairn_prover::beacon::SecretKey;
use cairn_prover::circuits::{CircuitName, Circuits};
use cairn_prover::groth16::export::vk_to_evm;
use cairn_prover::keys::{self, Progress};
use cairn_prover::params::{ParamSet, ROUND_S};
use cairn_wire::Address;
use sha3::Digest as _;
use tracing::info;

use crate::accounts;
use crate::plan::{NODE_TOKENS, Plan, USER_TOKENS};

/// The keys of the plan's set as they are deployed; what is missing in the key folder is made, which takes seconds to a minute.
///
/// # Errors
/// When the folder cannot be used or holds a key that is not the one of its name.
pub fn keys(plan: &Plan) -> Result<CircuitSet<KeyPlan>> {
    let set = plan.params()?;
    keys::ensure(&plan.key_dir, set, |step| match step {
        Progress::Making { circuit, .. } => {
            info!(set = set.name, %circuit, "making a development key");
        }
        Progress::Present(_) | Progress::Made(_) => {}
    })
    .with_context(|| format!("the keys of {} in {}", set.name, plan.key_dir.display()))?;
    let key = |name| -> Result<KeyPlan> {
        let key = keys::load_verifying(&plan.key_dir, set, name)?;
        // Laying the big circuits out takes seconds each; the lists built into this program have their ids.
        let circuit_id = match keys::listed_id(set, name) {
            Some(id) => *id.as_bytes(),
            None => *Circuits::for_set(set).id(name)?.as_bytes(),
        };
        Ok(KeyPlan {
            circuit_id,
            key: vk_to_evm(&key),
        })
    };
    Ok(CircuitSet {
        spacetime: key(CircuitName::Spacetime)?,
        append: key(CircuitName::Append)?,
        retire: key(CircuitName::Retire)?,
        include: key(CircuitName::Include)?,
        replica: key(CircuitName::Replica)?,
        dispute: key(CircuitName::Dispute)?,
    })
}

/// Deploys everything with the deployer's account; the user gets test tokens.
///
/// # Errors
/// When the chain refuses.
pub async fn deploy(rpc: &[String], plan: &Plan, keys: &CircuitSet<KeyPlan>) -> Result<Deployment> {
    let set = plan.params()?;
    let deployer = accounts::key(&plan.seed, accounts::DEPLOYER)?;
    let user = accounts::key(&plan.seed, accounts::USER)?;
    let beacon = SecretKey::from_seed(&accounts::secret_bytes(&plan.seed, accounts::BEACON))?;
    let deploy_plan = DeployPlan {
        parameters: parameters(set)?,
        replica_terms: replica_terms(set)?,
        collateral_terms: COLLATERAL,
        challenge_terms: ChallengeTerms {
            bond: CHALLENGE_BOND,
            per_step: 4,
            answer_due_s: 3 * set.period_s,
            cooldown_s: 2 * set.period_s,
        },
        repair_terms: RepairTerms {
            commit_age_s: COMMIT_AGE_S,
            commit_life_s: 3_600,
            right_life_s: COMMIT_AGE_S,
            claim_s: set.period_s / 2,
            seal_periods: 20,
            seal_bond: DEPOSIT,
        },
        insecure_set: true,
        insecure_keys: set.insecure_keys,
        schedule: schedule(set, SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs()),
        beacon_key: beacon.public_key().to_evm(),
        keys: keys.clone(),
        token: TokenPlan::Test {
            mint: first_owners(plan, user.address())?,
        },
    };
    deploy_market(rpc, &deployer, &deploy_plan)
        .await
        .context("the deployment failed")
}

fn parameters(set: &ParamSet) -> Result<SetParameters> {
    Ok(SetParameters {
        name: set.name.to_owned(),
        sector_log2_leaves: u8::try_from(set.sector_log2_leaves)?,
        b_max: set.b_max,
        post_samples: set.post_samples,
        tree_levels: u8::try_from(set.tree_levels)?,
        include_width: u8::try_from(set.include_width)?,
        empty_root: Commitment::from(ProviderTree::new(set.tree_levels)?.root()),
    })
}

/// The user pays for deals; each node puts deposits on its replicas, and allows what is missing itself.
fn first_owners(plan: &Plan, user: Address) -> Result<Vec<(Address, u128)>> {
    let mut owners = vec![(user, USER_TOKENS)];
    for i in 0..plan.nodes {
        let node = accounts::key(&plan.seed, &accounts::node(i))?;
        owners.push((node.address(), NODE_TOKENS));
    }
    Ok(owners)
}

/// What a replica of the devnet costs until it is proven, in smallest token units.
const DEPOSIT: u128 = 1_000_000;

/// How old a commit to a repair must be, and how long the right lasts that it gives.
const COMMIT_AGE_S: u64 = 30;

/// What a direct challenge of the devnet costs, in smallest token units.
const CHALLENGE_BOND: u128 = 100_000;

/// What a slot of the devnet stakes, in periods of its pay. Everything is short: three misses in a row end a tree.
const COLLATERAL: CollateralTerms = CollateralTerms {
    fault_periods: 20,
    repair_periods: 10,
    misses_to_end: 3,
    bounty_basis_points: 5_000,
    withdraw_delay_s: 3_600,
    maintenance_periods: 2,
    maintenance_every: 20,
    least_fault: 2,
    most_fault: 6,
};

fn replica_terms(set: &ParamSet) -> Result<ReplicaTerms> {
    Ok(ReplicaTerms {
        layers: set.layers,
        partitions: u16::try_from(set.porep_challenges)?,
        ticket_age_s: set.ticket_age_s,
        seed_delay_s: set.seed_delay_s,
        due_s: set.replica_due_s,
        deposit: DEPOSIT,
    })
}

/// Periods begin at `now_unix`; the beacon's first round is at the same second.
fn schedule(set: &ParamSet, now_unix: u64) -> Schedule {
    Schedule {
        t0_unix: now_unix,
        period_s: set.period_s,
        freeze_s: set.freeze_s,
        due_s: set.due_s,
        genesis_unix: now_unix,
        round_s: ROUND_S,
    }
}

/// The hash under which the contracts' side knows a key: keccak256 of its EVM encoding.
#[must_use]
pub fn key_hash(plan: &KeyPlan) -> [u8; 32] {
    sha3::Keccak256::digest(&plan.key).into()
}
