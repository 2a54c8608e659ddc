//! What may be deployed where, and who notices when a deployment is not what it says.

use cairn_contracts::{
    Anvil, AnvilOptions, Chain, ChainError, CollateralTerms, DeployError, DeployPlan, Deployment,
    LEAST_WITHDRAW_DELAY_S, TokenPlan, deploy,
};
use cairn_wire::Address;

use crate::world::{DEPLOYER, World, anvil, key, plan, urls};

/// Makes a deployment say something else.
type Lie = fn(&mut Deployment);

#[tokio::test]
async fn a_chain_that_is_not_for_development_gets_no_insecure_keys_set_or_token() {
    let options = AnvilOptions {
        chain_id: 10,
        ..AnvilOptions::default()
    };
    let chain = Anvil::start(&options).await.unwrap();
    let refused = |plan: DeployPlan| {
        let urls = urls(&chain);
        async move { deploy(&urls, &key(DEPLOYER), &plan).await.unwrap_err() }
    };
    assert!(
        matches!(
            refused(plan()).await,
            DeployError::InsecureKeys { chain_id: 10, .. }
        ),
        "keys"
    );
    let sound_keys = DeployPlan {
        insecure_keys: false,
        ..plan()
    };
    assert!(
        matches!(
            refused(sound_keys.clone()).await,
            DeployError::InsecureSet { chain_id: 10, .. }
        ),
        "set"
    );
    let sound = DeployPlan {
        insecure_set: false,
        ..sound_keys
    };
    assert!(
        matches!(
            refused(sound.clone()).await,
            DeployError::FewLayers { layers: 2, .. }
        ),
        "layers"
    );
    let mut deep = sound;
    deep.replica_terms.layers = 8;
    assert!(
        matches!(
            refused(deep.clone()).await,
            DeployError::SmallSectors { .. }
        ),
        "sectors that are sealed again in minutes"
    );
    deep.parameters.sector_log2_leaves = 28;
    assert!(
        matches!(
            refused(deep.clone()).await,
            DeployError::NoCollateral {
                field: "fault_periods",
                ..
            }
        ),
        "collateral"
    );
    deep.collateral_terms = CollateralTerms {
        fault_periods: 1,
        repair_periods: 1,
        misses_to_end: 1,
        bounty_basis_points: 1,
        withdraw_delay_s: LEAST_WITHDRAW_DELAY_S,
        ..CollateralTerms::default()
    };
    assert!(
        matches!(
            refused(deep.clone()).await,
            DeployError::TestToken { chain_id: 10 }
        ),
        "token"
    );
    let nowhere = DeployPlan {
        token: TokenPlan::Existing(Address([1; 20])),
        ..deep
    };
    let error = refused(nowhere).await;
    assert!(
        matches!(error, DeployError::Chain(ChainError::NoContract { .. })),
        "there is no such token: {error}"
    );
}

#[tokio::test]
async fn what_the_contracts_would_not_take_is_said_by_their_error() {
    let chain = anvil().await;
    let mut overlapping = plan();
    overlapping.schedule.due_s = 9;
    let refused = deploy(&urls(&chain), &key(DEPLOYER), &overlapping)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("Periods_ScheduleRefused"),
        "a proof due after the next freeze: {refused}"
    );
    let mut off_curve = plan();
    off_curve.beacon_key[255] ^= 1;
    let refused = deploy(&urls(&chain), &key(DEPLOYER), &off_curve)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("Beacon_KeyRefused"),
        "not a point: {refused}"
    );
    let mut careless = plan();
    careless.keys.append.key[640] = careless.keys.append.key[384];
    let refused = deploy(&urls(&chain), &key(DEPLOYER), &careless)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("Verifier_KeyRefused"),
        "gamma is delta: {refused}"
    );
}

#[tokio::test]
async fn a_deployment_file_brings_another_process_to_the_same_market() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deployment.json");
    world.deployment.write(&path).unwrap();
    let read = Deployment::read(&path).unwrap();
    assert_eq!(read, world.deployment, "as written");
    let chain = Chain::connect(&urls(&world.anvil), read, None)
        .await
        .unwrap();
    let shown = chain.shown_keys().await.unwrap();
    assert_eq!(
        shown, world.deployment.keys,
        "keys on chain and in the file"
    );
    for (record, plan) in [
        (shown.spacetime, plan().keys.spacetime),
        (shown.include, plan().keys.include),
    ] {
        assert_eq!(
            record.key_hash,
            alloy::primitives::keccak256(&plan.key).0,
            "hash of the key's bytes"
        );
    }
    assert_eq!(
        chain.shown_beacon_key().await.unwrap(),
        plan().beacon_key,
        "beacon key"
    );

    std::fs::write(&path, "{\"chain_id\": 1}").unwrap();
    assert!(
        Deployment::read(&path)
            .unwrap_err()
            .to_string()
            .contains("is not a deployment"),
        "half a file"
    );
    let missing = Deployment::read(&folder.path().join("nothing"))
        .unwrap_err()
        .to_string();
    assert!(missing.contains("nothing"), "named: {missing}");
}

#[tokio::test]
async fn a_deployment_that_says_something_else_than_the_contracts_is_refused() {
    let world = World::start().await;
    let connect = |change: Lie| {
        let mut deployment = world.deployment.clone();
        change(&mut deployment);
        let urls = urls(&world.anvil);
        async move { Chain::connect(&urls, deployment, None).await.unwrap_err() }
    };
    let error = connect(|d| d.chain_id = 1).await;
    assert!(
        matches!(
            error,
            ChainError::WrongChain {
                expected: 1,
                got: 31337
            }
        ),
        "{error}"
    );
    let error = connect(|d| d.sectors = Address([9; 20])).await;
    assert!(
        matches!(
            error,
            ChainError::NoContract {
                contract: "Sectors",
                ..
            }
        ),
        "{error}"
    );
    let lies: [(Lie, &str); 15] = [
        (
            |d| d.parameters.name = "mainnet".to_owned(),
            "parameter set",
        ),
        (
            |d| d.parameters.sector_log2_leaves = 9,
            "sector_log2_leaves",
        ),
        (|d| d.schedule.due_s = 7, "schedule"),
        (|d| d.keys.append.key_hash = [1; 32], "keys"),
        (|d| d.keys.append.circuit_id = [1; 32], "keys"),
        (|d| d.verifier = d.token, "verifier"),
        (|d| d.token = d.verifier, "token"),
        (|d| d.providers = d.token, "providers"),
        (|d| d.replicas = d.token, "replicas"),
        (|d| d.replica_terms.layers = 8, "replica_terms"),
        (|d| d.replica_terms.deposit = 1, "replica_terms"),
        (|d| d.keys.replica.key_hash = [1; 32], "keys"),
        (|d| d.keys.dispute.key_hash = [1; 32], "keys"),
        (|d| d.collateral = d.token, "collateral"),
        (|d| d.collateral_terms.fault_periods = 1, "collateral_terms"),
    ];
    for (lie, field) in lies {
        let error = connect(lie).await;
        assert!(
            matches!(error, ChainError::OtherDeployment { field: got, .. } if got == field),
            "{field}: {error}"
        );
    }
}
