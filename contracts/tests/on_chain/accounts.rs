//! Transactions of one account: many at once, lost ones, overtaken ones.

use std::time::{Duration, Instant};

use cairn_contracts::{Chain, ChainError, ChainOptions};
use serde_json::json;

use crate::world::{PROVIDER, World, address, key, urls};

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
    let pending = || async {
        let pool = world
            .anvil
            .command("txpool_status", json!([]))
            .await
            .unwrap();
        u64::from_str_radix(
            pool["pending"].as_str().unwrap().trim_start_matches("0x"),
            16,
        )
        .unwrap()
    };
    while pending().await < 3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world
        .anvil
        .command("anvil_dropAllTransactions", json!([]))
        .await
        .unwrap();
    assert_eq!(pending().await, 0, "the node has forgotten all three");
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
    let (anvil, sender) = (&world.anvil, chain.clone());
    let task = tokio::spawn(async move { change_ask(&sender, 5).await });
    while anvil.command("txpool_status", json!([])).await.unwrap()["pending"] == "0x0" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let dear = json!(["0x174876e800"]);
    anvil
        .command("anvil_setNextBlockBaseFeePerGas", dear)
        .await
        .unwrap();
    while !task.is_finished() {
        anvil.mine().await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    task.await.unwrap().unwrap();
    let entry = chain.provider(address(PROVIDER)).await.unwrap().unwrap();
    assert_eq!(entry.ask_per_tib_period, 5, "mined after all");
    // a proof is due seconds after its round: a third of the time for a receipt would be too late
    assert!(began.elapsed() < Duration::from_secs(20), "at once");
}
