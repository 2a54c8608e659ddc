//! The registry of providers.

use cairn_contracts::Retry;

use crate::world::{OWNER, PROVIDER, STRANGER, World, address};

#[tokio::test]
async fn a_provider_is_found_by_anybody_as_it_registered() {
    let world = World::start().await;
    let provider = world.provider().await;
    let reader = world.reader().await;
    let entry = reader.provider(address(PROVIDER)).await.unwrap().unwrap();
    assert_eq!(
        (entry.endpoint.as_str(), entry.tls_pin),
        ("127.0.0.1:4242", [9; 32]),
        "where and who"
    );
    assert_eq!(
        (entry.operator, entry.ask_per_tib_period),
        (address(PROVIDER), 1 << 40),
        "signer and price"
    );
    assert_eq!(
        reader.provider(address(OWNER)).await.unwrap(),
        None,
        "nobody else"
    );

    provider
        .set_endpoint("node.example:1", [8; 32])
        .await
        .unwrap();
    let moved = reader.provider(address(PROVIDER)).await.unwrap().unwrap();
    assert_eq!(
        (moved.endpoint.as_str(), moved.tls_pin),
        ("node.example:1", [8; 32]),
        "it moved"
    );
    assert_eq!(
        (moved.operator, moved.ask_per_tib_period),
        (entry.operator, 1 << 40),
        "the rest stays"
    );

    let second = world.chain(STRANGER).await;
    second
        .register_provider("b:2", [1; 32], address(OWNER), 0)
        .await
        .unwrap();
    let all = reader.providers().await.unwrap();
    let names: Vec<_> = all.iter().map(|entry| entry.address).collect();
    assert_eq!(
        names,
        [address(PROVIDER), address(STRANGER)],
        "in order of registration"
    );
}

#[tokio::test]
async fn a_refusal_names_the_solidity_error_and_its_arguments() {
    let world = World::start().await;
    let provider = world.provider().await;
    let again = provider
        .register_provider("x:1", [9; 32], address(PROVIDER), 1)
        .await
        .unwrap_err();
    let said = format!(
        "the chain refused Providers.register because Providers_AlreadyRegistered(provider {})",
        address(PROVIDER)
    );
    assert_eq!(
        (again.to_string(), again.retry()),
        (said, Retry::Refused),
        "by name"
    );
    let nobody = provider
        .update_provider("x:1", [9; 32], cairn_wire::Address::ZERO, 1)
        .await
        .unwrap_err();
    assert!(nobody.is_refusal("Providers_NoOperator"), "{nobody}");
    let long = provider
        .set_endpoint(&"x".repeat(256), [9; 32])
        .await
        .unwrap_err();
    assert!(long.is_refusal("Providers_EndpointLength"), "{long}");
    assert_eq!(
        long.refusal().and_then(|refusal| refusal.argument("got")),
        Some("256"),
        "its argument"
    );
}

#[tokio::test]
async fn a_connection_without_a_key_reads_and_does_not_write() {
    let world = World::start().await;
    let refused = world
        .reader()
        .await
        .register_provider("x:1", [0; 32], address(OWNER), 1)
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Providers.register needs a key, this connection is read-only",
        "said by name"
    );
    assert_eq!(refused.retry(), Retry::Never, "somebody has to give it one");
}
