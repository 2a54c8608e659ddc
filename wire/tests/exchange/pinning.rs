//! Only the holder of the pinned key is a node.

use std::sync::Arc;

use cairn_wire::{Client, ConnectError, NodeIdentity};
use quinn::crypto::rustls::QuicClientConfig;

use crate::node::{Node, limits};
use crate::raw::{AnyKey, RawNode, quic_client_config, raw_client};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_with_another_key_is_refused_and_both_hashes_are_named() {
    let node = Node::start(limits());
    let other = NodeIdentity::generate(&[2; 32]).unwrap().pin();
    match Client::new(limits()).connect(&node.endpoint(), other).await {
        Err(ConnectError::PinMismatch { expected, got, .. }) => {
            assert_eq!(expected, hex::encode(other), "the registered hash");
            assert_eq!(got, hex::encode(node.pin), "the hash that was shown");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copied_certificate_without_its_key_is_refused() {
    let pinned = NodeIdentity::generate(&[1; 32]).unwrap();
    let thief = RawNode::start_with_stolen_certificate([1; 32], [2; 32]);
    match Client::new(limits())
        .connect(&thief.endpoint(), pinned.pin())
        .await
    {
        Err(ConnectError::Refused { reason, .. }) => {
            assert!(
                reason.to_lowercase().contains("signature"),
                "the handshake's signature is what fails: {reason}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_another_protocol_is_turned_away() {
    let node = Node::start(limits());
    for alpn in [&[b"cairn/2".to_vec()][..], &[b"h3".to_vec()], &[]] {
        let endpoint = raw_client();
        let config = quic_client_config(alpn);
        let connected = endpoint
            .connect_with(config, node.server.local_addr(), "cairn")
            .unwrap()
            .await;
        assert!(connected.is_err(), "ALPN {alpn:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_never_resumed_and_early_data_never_taken() {
    let node = Node::start(limits());
    let mut tls = AnyKey::tls(&[b"cairn/1".to_vec()]);
    tls.enable_early_data = true;
    tls.resumption = rustls::client::Resumption::in_memory_sessions(8);
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(tls).unwrap()));
    let endpoint = raw_client();
    for attempt in 0..2 {
        let connecting = endpoint
            .connect_with(config.clone(), node.server.local_addr(), "cairn")
            .unwrap();
        let connection = match connecting.into_0rtt() {
            Ok(_) => panic!("attempt {attempt}: the node gave a ticket for early data"),
            Err(connecting) => connecting.await.unwrap(),
        };
        // A round trip, in which a ticket would have come.
        let (mut send, mut recv) = connection.open_bi().await.unwrap();
        send.write_all(&[2, 0, 1, 1]).await.unwrap();
        send.finish().unwrap();
        assert!(
            recv.read_to_end(1000).await.unwrap().len() > 4,
            "attempt {attempt}: answered"
        );
    }
}
