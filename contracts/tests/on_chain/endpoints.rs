//! Several endpoints, dead ones among them.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use cairn_contracts::{Anvil, AnvilOptions, Chain, ChainError, ChainOptions, Retry, deploy};

use crate::world::{DEPLOYER, GENESIS, World, address, key, plan, urls};

/// Nobody listens there.
fn dead() -> String {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    format!("http://127.0.0.1:{port}")
}

#[tokio::test]
async fn dead_and_silent_endpoints_are_passed_over() {
    let world = World::start().await;
    // It accepts connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let urls = vec![
        dead(),
        format!("http://{}", silent.local_addr().unwrap()),
        world.anvil.url().to_owned(),
    ];
    let options = ChainOptions {
        request_timeout: Duration::from_millis(500),
        ..ChainOptions::default()
    };
    let chain = Chain::connect_with(&urls, world.deployment.clone(), Some(key(2)), options)
        .await
        .unwrap();
    let started = Instant::now();
    chain
        .register_provider("x:1", [0; 32], address(2), 1)
        .await
        .unwrap();
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "the endpoint that answers is asked first from now on"
    );
}

#[tokio::test]
async fn an_endpoint_that_went_away_is_used_again_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let options = AnvilOptions {
        timestamp_unix: Some(GENESIS),
        state: Some(folder.path().join("state.json")),
        ..AnvilOptions::default()
    };
    let first = Anvil::start(&options).await.unwrap();
    let deployment = deploy(&urls(&first), &key(DEPLOYER), &plan())
        .await
        .unwrap();
    let chain = Chain::connect(&urls(&first), deployment, Some(key(2)))
        .await
        .unwrap();
    let head = chain.head().await.unwrap();
    let port = first.url().rsplit(':').next().unwrap().parse().unwrap();
    first.stop();

    let down = chain.head().await.unwrap_err();
    assert!(matches!(down, ChainError::Unreachable { .. }), "{down}");
    assert_eq!(down.retry(), Retry::Later, "it may come back");

    let _second = Anvil::start(&AnvilOptions {
        port,
        timestamp_unix: None,
        ..options
    })
    .await
    .unwrap();
    assert!(
        chain.head().await.unwrap().number >= head.number,
        "the saved chain goes on"
    );
    chain
        .register_provider("x:1", [0; 32], address(2), 1)
        .await
        .unwrap();
}

#[tokio::test]
async fn when_nobody_answers_every_endpoint_is_named() {
    let urls = vec![dead(), dead()];
    let world = World::start().await;
    let error = Chain::connect(&urls, world.deployment.clone(), None)
        .await
        .unwrap_err();
    for url in &urls {
        assert!(
            error
                .to_string()
                .contains(url.trim_start_matches("http://")),
            "{url} in {error}"
        );
    }
}
