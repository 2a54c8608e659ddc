//! Transactions of one account: many at once, lost ones, overtaken ones.

use std::time::{Duration, Instant};

use cairn_contracts::{Chain, ChainError, ChainOptions};
use cairn_wire::TreeIndex;
use serde_json::json;

use crate::healing::TERMS;
use crate::stage::Stage;
use crate::world::{PROVIDER, World, address, key, urls};

const GWEI: u64 = 1_000_000_000;

/// Transactions that wait in the node's pool and could be mined.
async fn pending(world: &World) -> u64 {
    let pool = world.anvil.command("txpool_status", json!([])).await;
    let pool = pool.unwrap();
    let count = pool["pending"].as_str().unwrap().trim_start_matches("0x");
    u64::from_str_radix(count, 16).unwrap()
}

async fn base_fee(world: &World, wei: u64) {
    let wei = json!([format!("0x{wei:x}")]);
    let set = world.anvil.command("anvil_setNextBlockBaseFeePerGas", wei);
    set.await.unwrap();
}

/// Mines a block from time to time until the task ends.
async fn mine_until_done<T>(world: &World, task: &tokio::task::JoinHandle<T>) {
    while !task.is_finished() {
        world.anvil.mine().await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// An `update` per number, so that transactions differ.
async fn change_ask(chain: &Chain, ask: u128) -> Result<u64, ChainError> {
    chain
        .update_provider("x:1", [0; 32], address(PROVIDER), ask)
        .await
        .map(|receipt| receipt.block)
}

async fn nonce(world: &World) -> u64 {
    let count = world
        .anvil
        .command(
            "eth_getTransactionCount",
            json!([address(PROVIDER).to_string(), "latest"]),
        )
        .await
        .unwrap();
    u64::from_str_radix(count.as_str().unwrap().trim_start_matches("0x"), 16).unwrap()
}

#[tokio::test]
async fn forty_transactions_at_once_are_all_mined() {
    let world = World::start().await;
    let chain = world.provider().await;
    let before = nonce(&world).await;
    let tasks: Vec<_> = (0..40)
        .map(|ask| {
            let chain = chain.clone();
            tokio::spawn(async move { change_ask(&chain, ask).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(nonce(&world).await, before + 40, "one nonce each, no gap");
}

#[tokio::test]
async fn a_transaction_the_node_lost_is_handed_in_again() {
    let world = World::start().await;
    let chain = world.provider().await;
    world.anvil.set_automine(false).await.unwrap();
    let tasks: Vec<_> = (0..3)
        .map(|ask| {
            let chain = chain.clone();
            tokio::spawn(async move { change_ask(&chain, ask).await.unwrap() })
        })
        .collect();
    while pending(&world).await < 3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world
        .anvil
        .command("anvil_dropAllTransactions", json!([]))
        .await
        .unwrap();
    assert_eq!(pending(&world).await, 0, "the node has forgotten all three");
    world.anvil.set_automine(true).await.unwrap();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn another_process_of_the_same_account_is_no_obstacle() {
    let world = World::start().await;
    let one = world.provider().await;
    let other = world.chain(PROVIDER).await;
    let mut tasks = Vec::new();
    for ask in 0..8 {
        for chain in [one.clone(), other.clone()] {
            tasks.push(tokio::spawn(async move {
                change_ask(&chain, ask).await.unwrap()
            }));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn a_transaction_nobody_mines_ends_in_time_and_blocks_nothing() {
    let world = World::start().await;
    world.provider().await;
    let options = ChainOptions {
        receipt_timeout: Duration::from_secs(1),
        ..ChainOptions::default()
    };
    let urls = urls(&world.anvil);
    let chain = Chain::connect_with(
        &urls,
        world.deployment.clone(),
        Some(key(PROVIDER)),
        options,
    )
    .await
    .unwrap();
    world.anvil.set_automine(false).await.unwrap();
    let waited = change_ask(&chain, 1).await.unwrap_err();
    assert!(matches!(waited, ChainError::NotMined { .. }), "{waited}");
    world.anvil.set_automine(true).await.unwrap();
    world.anvil.mine().await.unwrap();
    change_ask(&chain, 2).await.unwrap();
    let entry = chain.provider(address(PROVIDER)).await.unwrap().unwrap();
    assert_eq!(entry.ask_per_tib_period, 2, "the later one holds");
}

#[tokio::test]
async fn after_the_chain_went_back_the_account_goes_on_from_there() {
    let world = World::start().await;
    let chain = world.provider().await;
    let snapshot = world
        .anvil
        .command("evm_snapshot", json!([]))
        .await
        .unwrap();
    for ask in 0..5 {
        change_ask(&chain, ask).await.unwrap();
    }
    world
        .anvil
        .command("evm_revert", json!([snapshot]))
        .await
        .unwrap();
    change_ask(&chain, 77).await.unwrap();
    let entry = chain.provider(address(PROVIDER)).await.unwrap().unwrap();
    assert_eq!(
        entry.ask_per_tib_period, 77,
        "with the nonce the chain expects now"
    );
}

#[tokio::test]
async fn an_account_without_ether_is_told_so() {
    let world = World::start().await;
    let poor = cairn_wire::SecretKey::from_bytes(&[3; 32]).unwrap();
    let account = poor.address();
    let chain = Chain::connect(&urls(&world.anvil), world.deployment.clone(), Some(poor))
        .await
        .unwrap();
    let error = chain
        .register_provider("x:1", [0; 32], account, 1)
        .await
        .unwrap_err();
    assert!(
        matches!(error, ChainError::Funds { account: named, .. } if named == account),
        "{error}"
    );
}

#[tokio::test]
async fn a_transaction_whose_fee_became_too_low_is_offered_again_with_a_higher_one() {
    let world = World::start().await;
    world.provider().await;
    let chain = world.chain(PROVIDER).await;
    world.anvil.set_automine(false).await.unwrap();
    let began = Instant::now();
    let sender = chain.clone();
    let task = tokio::spawn(async move { change_ask(&sender, 5).await });
    while pending(&world).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    base_fee(&world, 100 * GWEI).await;
    mine_until_done(&world, &task).await;
    task.await.unwrap().unwrap();
    let entry = chain.provider(address(PROVIDER)).await.unwrap().unwrap();
    assert_eq!(entry.ask_per_tib_period, 5, "mined after all");
    // a proof is due seconds after its round: a third of the time for a receipt would be too late
    assert!(began.elapsed() < Duration::from_secs(20), "at once");
}

#[tokio::test]
async fn what_waits_behind_a_transaction_that_the_chain_took_back_is_mined_all_the_same() {
    let world = World::start().await;
    let chain = world.provider().await;
    let before = nonce(&world).await;
    change_ask(&chain, 1).await.unwrap();
    world.anvil.set_automine(false).await.unwrap();
    let sender = chain.clone();
    let task = tokio::spawn(async move { change_ask(&sender, 2).await });
    while pending(&world).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.anvil.reorganise(1).await.unwrap();
    assert_eq!(nonce(&world).await, before, "the first is taken back");
    mine_until_done(&world, &task).await;
    task.await.unwrap().unwrap();
    assert_eq!(nonce(&world).await, before + 2, "both are there, once");
    let entry = chain.provider(address(PROVIDER)).await.unwrap().unwrap();
    assert_eq!(entry.ask_per_tib_period, 2, "in their order");
}

/// The provider's connection with bounds on what it pays, and twenty seconds for a receipt.
async fn thrifty(world: &World, most: u64, most_for_proofs: u64) -> Chain {
    let options = ChainOptions {
        receipt_timeout: Duration::from_secs(20),
        max_fee_wei: most.into(),
        max_proof_fee_wei: most_for_proofs.into(),
        ..ChainOptions::default()
    };
    let (urls, key) = (urls(&world.anvil), Some(key(PROVIDER)));
    let chain = Chain::connect_with(&urls, world.deployment.clone(), key, options);
    chain.await.unwrap()
}

#[tokio::test]
async fn nothing_is_sent_above_the_bound_on_its_fee() {
    let world = World::start().await;
    world.provider().await;
    let chain = thrifty(&world, 5 * GWEI, 200 * GWEI).await;
    base_fee(&world, 6 * GWEI).await;
    world.anvil.mine().await.unwrap();
    let before = nonce(&world).await;
    assert!(chain.too_dear().await.unwrap() > Some((5 * GWEI).into()));
    let dear = change_ask(&chain, 1).await.unwrap_err();
    assert!(
        matches!(dear, ChainError::Dear { most_wei, .. } if most_wei == u128::from(5 * GWEI)),
        "{dear}"
    );
    assert_eq!(nonce(&world).await, before, "nothing was sent");
    base_fee(&world, GWEI).await;
    world.anvil.mine().await.unwrap();
    assert_eq!(chain.too_dear().await.unwrap(), None, "cheap again");
    change_ask(&chain, 1).await.unwrap();
}

#[tokio::test]
async fn what_is_urgent_is_not_held_up_by_what_pays_too_little_before_it() {
    let world = Stage::staking(TERMS).await.world;
    let chain = thrifty(&world, 5 * GWEI, 200 * GWEI).await;
    world.anvil.set_automine(false).await.unwrap();
    let sender = chain.clone();
    let waits = tokio::spawn(async move { change_ask(&sender, 3).await });
    while pending(&world).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let before = nonce(&world).await;
    base_fee(&world, 50 * GWEI).await;
    world.anvil.mine().await.unwrap();
    assert_eq!(
        nonce(&world).await,
        before,
        "it pays too little to be mined"
    );
    let sender = chain.clone();
    let urgent = tokio::spawn(async move { sender.declare_fault(TreeIndex(0), 2).await });
    while !urgent.is_finished() {
        base_fee(&world, 50 * GWEI).await;
        world.anvil.mine().await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    urgent.await.unwrap().unwrap();
    waits.await.unwrap().unwrap();
    assert_eq!(nonce(&world).await, before + 2, "each was mined once");
    let entry = chain.provider(address(PROVIDER)).await.unwrap().unwrap();
    assert_eq!(entry.ask_per_tib_period, 3, "the first is not lost");
}
