//! Reading: ranges, dead nodes, lying nodes, destinations.

use std::sync::atomic::Ordering;

use crate::network::{Behaviour, World, noise};
use cairn_client::{ByteRange, CipherError, Config, GetError, PeerTrouble};
use cairn_wire::Address;

const LEN: usize = 1_000_000;

/// Three segments of 2-of-4.
async fn stored() -> (World, Vec<u8>) {
    let world = World::new(4, 13);
    let bytes = noise(LEN);
    world.put("object", &bytes, 2, 4).await.unwrap();
    (world, bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_range_gives_exactly_its_bytes() {
    let (world, bytes) = stored().await;
    // chunk, segment and object borders and their neighbours
    let edges = [
        0,
        1,
        65_535,
        65_536,
        65_537,
        458_640,
        458_641,
        700_000,
        LEN - 1,
        LEN,
    ];
    for start in edges {
        for end in edges.into_iter().filter(|end| *end >= start) {
            let (part, report) = world
                .get("object", ByteRange::of(start as u64..end as u64))
                .await
                .unwrap();
            assert!(part == bytes[start..end], "{start}..{end}");
            assert_eq!(report.bytes, (end - start) as u64);
        }
    }
    let (tail, _) = world.get("object", ByteRange::from(999_990)).await.unwrap();
    assert!(tail == bytes[999_990..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_beyond_the_object_is_refused() {
    let (world, _) = stored().await;
    for range in [
        ByteRange::of(0..LEN as u64 + 1),
        ByteRange::from(LEN as u64 + 1),
    ] {
        let error = world.get("object", range).await.unwrap_err();
        assert!(matches!(error, GetError::Range { .. }), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_two_of_four_nodes_are_enough() {
    let (world, bytes) = stored().await;
    for first in 0..4 {
        for second in first + 1..4 {
            for node in 0..4 {
                let alive = node == first || node == second;
                world.set(
                    node,
                    if alive {
                        Behaviour::Honest
                    } else {
                        Behaviour::Lost
                    },
                );
            }
            let (back, report) = world.get("object", ByteRange::all()).await.unwrap();
            assert!(back == bytes, "nodes {first} and {second}");
            assert!(report.served_by <= 2);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_of_eight_nodes_killed_do_not_matter_to_four_of_eight() {
    let mut world = World::new(8, 13);
    let bytes = noise(1_500_000);
    world.put("object", &bytes, 4, 8).await.unwrap();
    for node in [0, 3, 6] {
        world.kill(node);
    }
    let (back, _) = world.get("object", ByteRange::all()).await.unwrap();
    assert!(back == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn fewer_than_k_answers_are_an_error_that_says_how_many_answered() {
    let mut world = World::new(4, 13);
    world.put("object", &noise(50_000), 2, 4).await.unwrap();
    world.kill(0);
    world.kill(1);
    world.set(2, Behaviour::Lost);
    let path = world.path("copy");
    std::fs::write(&path, b"what was there before").unwrap();
    let error = world
        .client
        .get_to_file("object", &path, ByteRange::all())
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            GetError::TooFewAnswered {
                answered: 1,
                needed: 2,
                asked: 4,
                ..
            }
        ),
        "{error}"
    );
    let text = error.to_string();
    assert!(
        text.contains("1 of 4 nodes answered with verified bytes, 2 are needed"),
        "{text}"
    );
    for node in 0..3 {
        assert!(
            text.contains(&world.nodes[node].provider.to_string()),
            "{text}"
        );
    }
    assert_eq!(
        std::fs::read(&path).unwrap(),
        b"what was there before",
        "the destination is untouched"
    );
    let names: Vec<_> = std::fs::read_dir(world.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 3, "no temporary file is left: {names:?}");
}

/// Nobody beyond k is asked, and nobody in a hurry, so that a liar's answer is always looked at.
fn one_after_the_other(config: &mut Config) {
    config.extra_reads = 0;
    config.patience.hedge_ms = 20_000;
}

/// The holders of the first segment's data misbehave; the read is right, and what is said about the two.
async fn with_two_bad_nodes(
    behaviour: Behaviour,
    configure: impl FnOnce(&mut Config),
) -> Vec<PeerTrouble> {
    let world = World::configured(4, 13, configure);
    let bytes = noise(LEN);
    world.put("object", &bytes, 2, 4).await.unwrap();
    let (first, second) = (world.holder("object", 0, 0), world.holder("object", 0, 1));
    world.set(first, behaviour);
    world.set(second, behaviour);
    let (back, report) = world.get("object", ByteRange::all()).await.unwrap();
    assert!(back == bytes, "{behaviour:?}");
    for trouble in &report.troubles {
        let bad = [world.nodes[first].provider, world.nodes[second].provider];
        assert!(
            bad.contains(&trouble.provider),
            "{behaviour:?}: an honest node is blamed: {trouble}"
        );
    }
    report.troubles
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_serve_wrong_bytes_are_replaced_and_called_liars() {
    let troubles = with_two_bad_nodes(Behaviour::WrongBytes, one_after_the_other).await;
    assert!(
        troubles.len() == 2 && troubles.iter().all(|trouble| trouble.lied),
        "{troubles:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_serve_another_piece_are_replaced_and_called_liars() {
    let troubles = with_two_bad_nodes(Behaviour::AnotherPiece, one_after_the_other).await;
    assert!(
        troubles.len() == 2 && troubles.iter().all(|trouble| trouble.lied),
        "{troubles:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_announce_another_length_are_replaced_and_called_liars() {
    let troubles = with_two_bad_nodes(Behaviour::AnotherLength, one_after_the_other).await;
    assert!(
        troubles.len() == 2 && troubles.iter().all(|trouble| trouble.lied),
        "{troubles:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_truncate_are_replaced() {
    with_two_bad_nodes(Behaviour::Truncates, |_| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_stall_are_outrun() {
    let start = std::time::Instant::now();
    with_two_bad_nodes(Behaviour::StallsRead, |_| {}).await;
    assert!(
        start.elapsed().as_secs() < 60,
        "nobody waited for a staller's ten minutes"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_liar_is_not_asked_again_in_the_same_read() {
    let world = World::configured(4, 13, |config| {
        config.memory_bytes = 1_600_000;
        one_after_the_other(config);
    });
    let bytes = noise(4_000_000);
    world.put("object", &bytes, 2, 4).await.unwrap();
    for node in 0..2 {
        world.set(node, Behaviour::WrongBytes);
    }
    let (back, _) = world.get("object", ByteRange::all()).await.unwrap();
    assert!(back == bytes);
    let reads = |node: usize| world.nodes[node].reads.load(Ordering::Relaxed);
    assert!(
        reads(0) <= 3 && reads(1) <= 3,
        "only the windows already under way: {} {}",
        reads(0),
        reads(1)
    );
    assert!(
        reads(2) > 10 && reads(3) > 10,
        "the honest ones carry the read: {} {}",
        reads(2),
        reads(3)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_another_tls_key_than_registered_is_not_believed() {
    let (world, bytes) = stored().await;
    let holder = world.holder("object", 0, 0);
    let mut impostor = [0; 32];
    {
        let mut table = world.market.table();
        let info = &mut table.providers[holder];
        std::mem::swap(&mut impostor, &mut info.tls_pin);
    }
    // a client of its own: the other one has a connection from before
    let fresh = world.fresh_client();
    let mut back = Vec::new();
    let report = fresh
        .get("object", &mut back, ByteRange::all())
        .await
        .unwrap();
    assert!(back == bytes);
    let trouble = report
        .troubles
        .iter()
        .find(|trouble| trouble.provider == world.nodes[holder].provider)
        .unwrap();
    assert!(
        trouble.lied && trouble.reason.contains("key hash"),
        "{trouble}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_left_the_registry_is_named() {
    let (world, bytes) = stored().await;
    let gone = world.holder("object", 0, 1);
    world.market.table().providers.remove(gone);
    let (back, report) = world.get("object", ByteRange::all()).await.unwrap();
    assert!(back == bytes);
    assert_eq!(report.troubles.len(), 1);
    assert!(
        report.troubles[0].reason.contains("registry"),
        "{}",
        report.troubles[0]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_appears_whole_and_replaces_what_was_there() {
    let (world, bytes) = stored().await;
    let path = world.path("a copy with spaces – ü");
    std::fs::write(&path, b"old").unwrap();
    let report = world
        .client
        .get_to_file("object", &path, ByteRange::all())
        .await
        .unwrap();
    assert_eq!(report.bytes, LEN as u64);
    assert!(std::fs::read(&path).unwrap() == bytes);
    world
        .client
        .get_to_file("object", &path, ByteRange::of(5..10))
        .await
        .unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), bytes[5..10]);
    let error = world
        .client
        .get_to_file("object", &world.path("no/such/folder/f"), ByteRange::all())
        .await;
    assert!(matches!(error, Err(GetError::File { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_another_key_in_the_catalog_nothing_comes_out() {
    let (world, _) = stored().await;
    let text = std::fs::read_to_string(world.catalog_path()).unwrap();
    let at = text.find("\"key\": \"").unwrap() + 8;
    let flipped = if &text[at..=at] == "0" { "1" } else { "0" };
    std::fs::write(
        world.catalog_path(),
        format!("{}{flipped}{}", &text[..at], &text[at + 1..]),
    )
    .unwrap();
    let mut sink = Vec::new();
    let error = world
        .client
        .get("object", &mut sink, ByteRange::all())
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            GetError::Cipher(CipherError::NotAuthentic { chunk: 0 })
        ),
        "{error}"
    );
    assert!(sink.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn content_ids_of_other_pieces_in_the_catalog_do_not_decode_to_plaintext() {
    let (world, _) = stored().await;
    let objects = world.client.list().unwrap();
    let pieces = &objects[0].1.segments[0].pieces;
    // every node holds three pieces; the catalog is made to name the wrong one of the same length for each
    let swapped = &objects[0].1.segments[1].pieces;
    let mut text = std::fs::read_to_string(world.catalog_path()).unwrap();
    for piece in pieces {
        let same_holder = swapped
            .iter()
            .find(|other| other.provider == piece.provider)
            .unwrap();
        text = text.replace(
            &piece.content_id.to_string(),
            &same_holder.content_id.to_string(),
        );
    }
    std::fs::write(world.catalog_path(), text).unwrap();
    let mut sink = Vec::new();
    let error = world
        .client
        .get("object", &mut sink, ByteRange::all())
        .await
        .unwrap_err();
    assert!(
        matches!(error, GetError::Cipher(CipherError::NotAuthentic { .. })),
        "{error}"
    );
    assert!(sink.is_empty(), "{} bytes came out", sink.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_another_market_is_not_looked_for_here() {
    let (world, _) = stored().await;
    let text = std::fs::read_to_string(world.catalog_path()).unwrap();
    let text = text.replace(
        &Address([0xde; 20]).to_string(),
        &Address([0xdf; 20]).to_string(),
    );
    std::fs::write(world.catalog_path(), text).unwrap();
    let error = world.get("object", ByteRange::all()).await.unwrap_err();
    assert!(matches!(error, GetError::OtherMarket { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_unseals_is_passed_over_while_others_can_serve() {
    let (world, bytes) = stored().await;
    world.set(0, Behaviour::Unseals(usize::MAX));
    world.set(1, Behaviour::Unseals(usize::MAX));
    let (back, report) = world.get("object", ByteRange::all()).await.unwrap();
    assert!(back == bytes, "from the other two");
    assert_eq!(report.served_by, 2);
    for trouble in &report.troubles {
        assert!(!trouble.lied, "{trouble}");
        assert_eq!(trouble.wait_s, Some(1), "{trouble}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_waits_for_unsealing_where_it_must_and_then_has_every_byte() {
    let (world, bytes) = stored().await;
    for node in &world.nodes {
        node.reads.store(0, Ordering::Relaxed);
    }
    for node in 0..3 {
        world.set(node, Behaviour::Unseals(4));
    }
    world.set(3, Behaviour::Lost);
    let (back, report) = world.get("object", ByteRange::all()).await.unwrap();
    assert!(back == bytes, "after the wait");
    assert!(report.served_by >= 2, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_patience_with_unsealing_ends_and_the_error_says_who_unseals() {
    let world = World::configured(4, 13, |config| config.patience.unseal_s = 2);
    world.put("object", &noise(LEN), 2, 4).await.unwrap();
    for node in 0..4 {
        world.set(node, Behaviour::Unseals(usize::MAX));
    }
    let error = world.get("object", ByteRange::all()).await.unwrap_err();
    assert!(
        matches!(
            error,
            GetError::TooFewAnswered {
                answered: 0,
                needed: 2,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error.to_string().contains("available in about 1 s"),
        "{error}"
    );
}
