//! Storing: whole path, failing nodes, lying Receipts.

use std::sync::atomic::Ordering;

use crate::network::{Behaviour, World, noise};
use cairn_client::{
    ActivationOutcome, ByteRange, CatalogError, ChooseError, ObjectState, PutError, PutOptions,
    ReceiptError, SlotError, SlotResult, Verify,
};
use cairn_wire::{Address, RequestError};

/// With `b_max` 13 a piece is at most 7 strips, so a 2-of-4 segment has 458,752 bytes of ciphertext.
const SEGMENT: usize = 458_752;
const TAGS_OF_A_SEGMENT: usize = 7 * 16;

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_every_edge_length_and_odd_names_come_back_bit_by_bit() {
    let world = World::new(4, 13);
    let objects = [
        ("empty", 0, 1),
        ("a byte", 1, 1),
        ("one strip of plaintext", 32 * 1024, 1),
        ("one strip of ciphertext", 32 * 1024 - 16, 1),
        ("one chunk", 64 * 1024, 1),
        ("  Grüße, 世界 🏔 / with spaces  ", 70_001, 1),
        ("one segment", SEGMENT - TAGS_OF_A_SEGMENT, 1),
        ("one segment and a byte", SEGMENT - TAGS_OF_A_SEGMENT + 1, 2),
        ("three segments", 3 * SEGMENT - 5000, 3),
    ];
    for (name, len, segments) in objects {
        let bytes = noise(len);
        let report = world.put(name, &bytes, 2, 4).await.unwrap();
        assert_eq!(report.segments.len(), segments, "{name}");
        assert_eq!(report.plain_bytes, len as u64, "{name}");
        assert_eq!(report.failures().count(), 0, "{name}");
        assert_eq!(
            report.activation,
            ActivationOutcome::Complete {
                slots: 4 * segments
            },
            "{name}"
        );
        let (back, read) = world.get(name, ByteRange::all()).await.unwrap();
        assert!(
            back == bytes,
            "{name}: {} bytes came back for {len}",
            back.len()
        );
        assert_eq!(read.bytes, len as u64);
    }
    assert_eq!(
        world.market.table().transactions,
        objects.len(),
        "all deals of an object in one transaction"
    );
    let names: Vec<String> = world
        .client
        .list()
        .unwrap()
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names.len(), objects.len());
    assert!(names.contains(&"  Grüße, 世界 🏔 / with spaces  ".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_slot_of_a_deal_names_another_provider_and_its_receipt_is_accepted_once() {
    let world = World::new(8, 13);
    let report = world.put("object", &noise(900_000), 4, 8).await.unwrap();
    assert_eq!(report.segments.len(), 1);
    let mut providers: Vec<Address> = report.segments[0]
        .slots
        .iter()
        .map(|slot| slot.provider)
        .collect();
    providers.sort_unstable();
    providers.dedup();
    assert_eq!(providers.len(), 8);
    for node in &world.nodes {
        assert_eq!(node.acceptances.lock().unwrap().len(), 1);
    }
    let escrow = 8 * 3 * 10_000;
    assert_eq!(report.escrow, escrow);
    assert_eq!(world.market.table().balance, u128::from(u64::MAX) - escrow);
}

/// For nodes that never answer.
fn short_of_patience(config: &mut cairn_client::Config) {
    config.patience.answer_s = 2;
    config.patience.upload_s = 1;
}

/// A put of one segment, 2-of-4, with one bad node; the report of its slot.
async fn with_one_bad_node(behaviour: Behaviour) -> (World, SlotError) {
    let world = World::configured(4, 13, short_of_patience);
    world.set(2, behaviour);
    let bytes = noise(100_000);
    let mut report = world.put("object", &bytes, 2, 4).await.unwrap();
    let slots = &mut report.segments[0].slots;
    assert_eq!(
        slots.iter().filter(|slot| slot.is_stored()).count(),
        3,
        "{behaviour:?}: the others are stored"
    );
    assert_eq!(
        report.activation,
        ActivationOutcome::Complete { slots: 3 },
        "{behaviour:?}"
    );
    let bad = slots.iter().position(|slot| !slot.is_stored()).unwrap();
    let slot = slots.swap_remove(bad);
    assert_eq!(
        slot.provider, world.nodes[2].provider,
        "{behaviour:?}: the bad node is named"
    );
    let (back, _) = world.get("object", ByteRange::all()).await.unwrap();
    assert!(
        back == bytes,
        "{behaviour:?}: the object is readable all the same"
    );
    let SlotResult::Failed(error) = slot.result else {
        panic!("{behaviour:?} was taken")
    };
    (world, error)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_with_a_wrong_comm_p_is_not_accepted() {
    let (world, error) = with_one_bad_node(Behaviour::WrongCommP).await;
    assert!(
        matches!(error, SlotError::Receipt(ReceiptError::Commitment { .. })),
        "{error}"
    );
    assert!(
        world.nodes[2].acceptances.lock().unwrap().is_empty(),
        "no Acceptance was sent"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_signed_by_another_key_is_not_accepted() {
    let (world, error) = with_one_bad_node(Behaviour::WrongSigner).await;
    assert!(
        matches!(error, SlotError::Receipt(ReceiptError::Signature(_))),
        "{error}"
    );
    assert!(
        world.nodes[2].acceptances.lock().unwrap().is_empty(),
        "no Acceptance was sent"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_receipt_is_not_accepted() {
    let (_, error) = with_one_bad_node(Behaviour::Expired).await;
    assert!(
        matches!(error, SlotError::Receipt(ReceiptError::Expired { .. })),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_fails_after_the_body_is_reported_with_its_reason() {
    let (_, error) = with_one_bad_node(Behaviour::FailsAfterBody).await;
    assert!(
        matches!(error, SlotError::Request(RequestError::Refused(_))),
        "{error}"
    );
    assert!(error.to_string().contains("the disk is full"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stalls_the_upload_is_given_up() {
    let (_, error) = with_one_bad_node(Behaviour::StallsUpload).await;
    assert!(
        matches!(error, SlotError::Request(RequestError::TimedOut { .. })),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_refuses_the_acceptance_is_reported() {
    let (_, error) = with_one_bad_node(Behaviour::RefusesAcceptance).await;
    assert!(
        matches!(error, SlotError::Request(RequestError::Refused(_))),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_has_not_seen_the_deal_yet_is_asked_again() {
    let world = World::new(4, 13);
    world.set(0, Behaviour::NotYet);
    let report = world.put("object", &noise(10), 2, 4).await.unwrap();
    assert_eq!(report.failures().count(), 0);
    assert_eq!(
        world.nodes[0].stores.load(Ordering::Relaxed),
        3,
        "two refusals and the piece"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_than_k_stored_pieces_are_an_error_that_names_every_failure() {
    let world = World::new(4, 13);
    for node in 0..3 {
        world.set(node, Behaviour::WrongCommP);
    }
    let error = world.put("object", &noise(10), 2, 4).await.unwrap_err();
    assert!(
        matches!(
            error,
            PutError::TooFewStored {
                stored: 1,
                needed: 2,
                segment: 0,
                ..
            }
        ),
        "{error}"
    );
    let text = error.to_string();
    for node in 0..3 {
        assert!(
            text.contains(&world.nodes[node].provider.to_string()),
            "{text}"
        );
    }
    let (_, entry) = world.client.list().unwrap().remove(0);
    assert_eq!(
        entry.state,
        ObjectState::Opened,
        "the deals are open, so the catalog knows them"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_that_nobody_activates_are_counted_when_patience_ends() {
    let world = World::new(4, 13);
    world.set(1, Behaviour::NeverActivates);
    let report = world.put("object", &noise(10), 2, 4).await.unwrap();
    assert_eq!(
        report.activation,
        ActivationOutcome::Partial {
            active: 3,
            accepted: 4
        }
    );
    let options = PutOptions {
        k: Some(2),
        n: Some(4),
        wait: false,
        ..PutOptions::default()
    };
    let report = world
        .client
        .put(noise(10).as_slice(), "another", options)
        .await
        .unwrap();
    assert_eq!(report.activation, ActivationOutcome::NotAwaited);
}

/// A piece of more than 2^14 leaves, of which the client draws some.
const LARGE: usize = 1_100_000;

/// Which nodes' Receipts were not accepted, and why, when an object of large pieces is put to these six.
async fn refused(verify: Verify) -> (World, Vec<(u8, ReceiptError)>) {
    let world = World::new(6, 20);
    world.set(0, Behaviour::HalfFalse);
    world.set(1, Behaviour::WrongCommP);
    world.set(2, Behaviour::ShowsNoLeaf);
    world.set(3, Behaviour::HidesItsLie);
    let options = PutOptions {
        k: Some(2),
        n: Some(6),
        periods: 3,
        price: Some(1_000_000),
        verify,
        ..PutOptions::default()
    };
    let bytes = noise(LARGE);
    let report = world.client.put(bytes.as_slice(), "large", options).await;
    let report = report.unwrap();
    let mut refused = Vec::new();
    for slot in report.failures() {
        let SlotResult::Failed(SlotError::Receipt(error)) = &slot.result else {
            panic!("{slot}");
        };
        refused.push((slot.provider.0[0], error.clone()));
    }
    refused.sort_by_key(|(provider, _)| *provider);
    let (back, _) = world.get("large", ByteRange::all()).await.unwrap();
    assert!(back == bytes, "what was accepted is the object");
    (world, refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn leaves_are_drawn_of_large_pieces_and_who_shows_none_is_checked_in_full() {
    let (world, refused) = refused(Verify::Sample).await;
    assert!(
        matches!(
            refused.as_slice(),
            [
                (1, ReceiptError::Leaf { .. }),
                (2, ReceiptError::Leaf { .. }),
                (4, ReceiptError::Commitment { .. })
            ]
        ),
        "{refused:?}"
    );
    let asked = |node: usize| world.nodes[node].leaves.load(Ordering::Relaxed);
    assert_eq!((asked(4), asked(5)), (128, 128), "of the honest ones");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_check_asks_for_no_leaf_and_finds_every_false_commitment() {
    let (world, refused) = refused(Verify::Full).await;
    let who: Vec<u8> = refused.iter().map(|(provider, _)| *provider).collect();
    assert_eq!(who, [1, 2, 4], "{refused:?}");
    let whole = |(_, error): &(u8, ReceiptError)| matches!(error, ReceiptError::Commitment { .. });
    assert!(refused.iter().all(whole), "{refused:?}");
    let asked = world.nodes.iter();
    let asked: usize = asked.map(|node| node.leaves.load(Ordering::Relaxed)).sum();
    assert_eq!(asked, 0, "nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn small_pieces_are_checked_in_full_whatever_the_choice() {
    let world = World::new(4, 13);
    world.set(0, Behaviour::WrongCommP);
    let report = world.put("object", &noise(10), 2, 4).await.unwrap();
    assert_eq!(report.failures().count(), 1, "found");
    let asked = world.nodes.iter();
    let asked: usize = asked.map(|node| node.leaves.load(Ordering::Relaxed)).sum();
    assert_eq!(asked, 0, "without a question");
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_full_and_foreign_nodes_get_no_deal() {
    let mut world = World::new(6, 13);
    world.kill(0);
    world.set(1, Behaviour::Full);
    world.set(2, Behaviour::OtherMarket);
    let error = world.put("object", &noise(10), 2, 4).await.unwrap_err();
    assert!(
        matches!(
            error,
            PutError::Choose(ChooseError::TooFew { needed: 4, .. })
        ),
        "{error}"
    );
    assert_eq!(world.market.table().transactions, 0, "no money was locked");
    assert!(world.client.list().unwrap().is_empty());
    let report = world.put("object", &noise(10), 2, 3).await.unwrap();
    assert!(
        report.segments[0]
            .slots
            .iter()
            .all(|slot| slot.provider.0[0] > 3),
        "the three good ones"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_below_the_ask_finds_nobody_and_the_error_says_what_they_ask() {
    let world = World::new(4, 13);
    let options = PutOptions {
        k: Some(2),
        n: Some(4),
        price: Some(0),
        ..PutOptions::default()
    };
    let error = world
        .client
        .put(noise(10).as_slice(), "object", options)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("0 of the 4 registered will do") && error.contains("asks 64"),
        "{error}"
    );
    let options = PutOptions {
        k: Some(2),
        n: Some(4),
        ..PutOptions::default()
    };
    let report = world
        .client
        .put(noise(10).as_slice(), "object", options)
        .await
        .unwrap();
    assert_eq!(report.price, 64, "2^30 per TiB for 2^11 leaves");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_escrow_beyond_the_wallet_is_refused_before_any_transaction() {
    let world = World::new(4, 13);
    world.market.table().balance = 119_999;
    let error = world.put("object", &noise(10), 2, 4).await.unwrap_err();
    assert!(
        matches!(
            error,
            PutError::Funds {
                needed: 120_000,
                have: 119_999,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(world.market.table().transactions, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_used_once_and_must_be_showable() {
    let world = World::new(4, 13);
    world.put("object", &noise(10), 2, 4).await.unwrap();
    let error = world.put("object", &noise(10), 2, 4).await.unwrap_err();
    assert!(
        matches!(error, PutError::Catalog(CatalogError::NameTaken { .. })),
        "{error}"
    );
    for name in ["", "line\nbreak", "\u{1b}[31m", &"x".repeat(1025)] {
        let error = world.put(name, &noise(10), 2, 4).await.unwrap_err();
        assert!(
            matches!(error, PutError::Catalog(CatalogError::BadName)),
            "{name:?}: {error}"
        );
    }
    assert_eq!(world.market.table().transactions, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_in_the_middle_opens_no_deal() {
    struct Broken(usize);
    impl tokio::io::AsyncRead for Broken {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            _context: &mut std::task::Context<'_>,
            buffer: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            if self.0 == 0 {
                return std::task::Poll::Ready(Err(std::io::Error::other("the cable")));
            }
            let take = buffer.remaining().min(self.0);
            buffer.put_slice(&vec![0; take]);
            self.0 -= take;
            std::task::Poll::Ready(Ok(()))
        }
    }
    let world = World::new(4, 13);
    let options = PutOptions {
        k: Some(2),
        n: Some(4),
        ..PutOptions::default()
    };
    let error = world
        .client
        .put(Broken(500_000), "object", options)
        .await
        .unwrap_err();
    assert!(
        matches!(error, PutError::Source(_)) && error.to_string().contains("the cable"),
        "{error}"
    );
    assert_eq!(world.market.table().transactions, 0);
    let left: Vec<_> = std::fs::read_dir(world.path("home"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left.len(), 3, "no temporary file is left: {left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_dies_between_probe_and_upload_is_reported_and_the_rest_is_kept() {
    let world = World::configured(4, 13, short_of_patience);
    world.set(3, Behaviour::DiesWhenAdmitting);
    let bytes = noise(50_000);
    let report = world.put("object", &bytes, 2, 4).await.unwrap();
    let failures: Vec<_> = report.failures().collect();
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].provider, world.nodes[3].provider);
    let (back, _) = world.get("object", ByteRange::all()).await.unwrap();
    assert!(back == bytes, "three of four are enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_counts_only_under_the_operator_key_in_the_registry() {
    let world = World::new(4, 13);
    world.market.table().providers[1].operator = Address([0xee; 20]);
    let report = world.put("object", &noise(10), 2, 4).await.unwrap();
    let failures: Vec<_> = report.failures().collect();
    assert_eq!(failures.len(), 1);
    assert!(
        failures[0].to_string().contains("signed by"),
        "{}",
        failures[0]
    );
}
