//! Story: a node that holds a sealed piece is gone for good; others end its tree, free its slot, make the piece again and
//! bid for it; one wins, seals it and fills the slot, the others have their bonds back, while the client sleeps.
#![allow(missing_docs, clippy::expect_used, reason = "a test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use cairn_contracts::{ChainEventKind, SlotStatus};
use cairn_devnet::network::Network;
use cairn_devnet::plan::Plan;
use cairn_devnet::user::Coding;
use cairn_devnet::{chain_view, sealed_view};
use cairn_prover::params::SMALL;
use cairn_wire::{Address, SectorKind};
use support::{TWO_OF_FOUR, TWO_PERIODS, comes_back, file, key_dir, planned, providers};

/// Sealing, its challenge and the proofs, on a loaded machine.
const SEALED_WITHIN: Duration = Duration::from_secs(240);
/// Three periods of misses, a rebuilt piece, an auction of three periods, and a sealing.
const A_REPAIR: Duration = Duration::from_secs(480);

/// Who entered auctions, and whose bonds came back.
async fn bonds(network: &Network) -> (Vec<Address>, BTreeSet<Address>) {
    let head = network.chain().head().await.expect("a head").number;
    let events = network.chain().events(0, head).await.expect("events");
    let (mut entered, mut back) = (Vec::new(), BTreeSet::new());
    for event in events {
        match event.kind {
            ChainEventKind::AuctionEntered { provider, .. } => entered.push(provider),
            ChainEventKind::BondRefunded { provider, .. } => {
                back.insert(provider);
            }
            ChainEventKind::AuctionEnded { lost, .. } => assert_eq!(lost, 0, "no bond is lost"),
            _ => {}
        }
    }
    (entered, back)
}

/// One of two, sealed; both slots are filled when this returns.
async fn put_sealed(network: &mut Network, path: &Path) {
    let before = network.chain().head().await.expect("a head").number;
    let coding = Coding {
        k: 1,
        n: 2,
        periods: 60,
        sealed: true,
        ..TWO_OF_FOUR
    };
    network
        .user()
        .put_unwaited(path, "vault", coding)
        .await
        .expect("put");
    let seen = chain_view::deals_since(network.chain(), before)
        .await
        .expect("deals");
    sealed_view::watch(
        network,
        before,
        &seen.deals,
        seen.slots,
        SEALED_WITHIN,
        |_, _| Ok(()),
    )
    .await
    .expect("both slots are sealed, proven and filled");
}

async fn every_bond_comes_back(network: &Network, winner: Address) {
    let began = Instant::now();
    let (entered, back) = loop {
        let (entered, back) = bonds(network).await;
        if back.len() == entered.len() || began.elapsed() > TWO_PERIODS {
            break (entered, back);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    assert!(entered.contains(&winner), "it bid: {entered:?}");
    assert_eq!(
        entered.iter().copied().collect::<BTreeSet<_>>(),
        back,
        "every bond is back"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_piece_of_a_node_that_is_gone_is_made_again_and_sealed_by_the_winner_of_an_auction()
 {
    let dir = tempfile::tempdir().expect("a folder");
    let plan = Plan {
        repair: true,
        ..Plan::new(&SMALL, 4, &key_dir())
    };
    let mut network = planned(dir.path(), plan).await;
    let all = providers(&network);
    let (path, content) = file(dir.path(), "file", 17, 200_000);
    put_sealed(&mut network, &path).await;
    let first: BTreeMap<_, _> = network.chain().holders().await.expect("events");
    let holders: Vec<Address> = first.values().copied().collect();
    assert_eq!(holders.len(), 2, "one deal, two slots: {first:?}");
    let node_of = |provider: Address| {
        let place = all.iter().position(|account| *account == provider);
        place.expect("a provider of this network")
    };

    network
        .kill_node(node_of(holders[0]))
        .await
        .expect("it is gone for good");
    let repairs = chain_view::wait_for_repairs(network.chain(), 1, A_REPAIR)
        .await
        .expect("its slot is repaired");
    let repair = repairs[0];
    assert_eq!(repair.failed, holders[0], "its slot");
    assert!(
        !holders.contains(&repair.repairer),
        "by another: {repair:?}"
    );
    assert!(repair.bounty > 0, "paid: {repair:?}");
    let slot = network.chain().slot(repair.deal, repair.slot).await;
    let SlotStatus::Filled { sector, .. } = slot.expect("a view").status else {
        panic!("filled");
    };
    let sector = network.chain().sector(repair.repairer, sector).await;
    let kind = sector.expect("a view").expect("a sector").kind;
    assert_eq!(kind, SectorKind::Sealed, "sealed, not kept in the open");

    every_bond_comes_back(&network, repair.repairer).await;

    // Of the first holders none is left: what comes back is the repairer's work.
    network
        .kill_node(node_of(holders[1]))
        .await
        .expect("the other holder is gone too");
    comes_back(&network, "vault", &content).await;
    network.stop().await.expect("a clean end");
}
