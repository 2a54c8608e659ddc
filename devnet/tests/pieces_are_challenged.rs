//! Story: who holds a piece answers a direct challenge by itself and keeps its slot; who is gone loses it, and the challenger
//! is paid.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::too_many_lines,
    reason = "a test"
)]

mod support;

use std::time::Duration;

use cairn_contracts::{Chain, ChainEventKind, ChallengeStatus, SlotStatus};
use cairn_devnet::accounts;
use cairn_devnet::chain_view;
use cairn_devnet::user::Coding;
use support::{TWO_OF_FOUR, TWO_PERIODS, comes_back, file, network, providers, until};
use tokio::time::{Instant, sleep};

/// The seed's period, three periods to answer, and a proof, on a loaded machine.
const ANSWERED: Duration = Duration::from_secs(180);

/// Waits until a challenge stands as `wanted`.
async fn wait_for(chain: &Chain, id: u64, wanted: ChallengeStatus) {
    let began = Instant::now();
    loop {
        let challenge = chain.challenge_info(id).await.expect("a view");
        let status = challenge.expect("it was made").status;
        if status == wanted {
            return;
        }
        assert!(
            began.elapsed() < ANSWERED && status == ChallengeStatus::Open,
            "challenge {id} is {status:?}, not {wanted:?}"
        );
        sleep(Duration::from_secs(1)).await;
    }
}

/// Waits until the chain's clock is behind `time`.
#[tokio::test(flavor = "multi_thread")]
async fn who_holds_the_piece_answers_by_itself_and_who_is_gone_loses_slot_and_collateral() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut network = network(dir.path(), 2).await;
    let all = providers(&network);
    let (path, content) = file(dir.path(), "file", 11, 100_000);
    let coding = Coding {
        k: 1,
        n: 2,
        periods: 60,
        ..TWO_OF_FOUR
    };
    network
        .user()
        .put(&path, "file", coding)
        .await
        .expect("put");
    chain_view::wait_for_windows(network.chain(), &all, 1, TWO_PERIODS)
        .await
        .expect("all prove");
    let holders = network.chain().holders().await.expect("events");
    let slots: Vec<_> = holders.into_iter().collect();
    let [((deal, here), holder), ((_, gone), lost)] = slots.as_slice() else {
        panic!("two slots: {slots:?}");
    };
    let user = accounts::key(&network.plan().seed, accounts::USER).expect("a key");
    let address = user.address();
    let challenger = Chain::connect(
        &[network.rpc_url()],
        network.chain().deployment().clone(),
        Some(user),
    )
    .await
    .expect("connected");

    let bond = challenger.next_bond(*holder).await.expect("a bond");
    let (first, _) = challenger
        .challenge(*deal, *here, bond)
        .await
        .expect("challenged");
    wait_for(&challenger, first, ChallengeStatus::Answered).await;
    let slot = challenger.slot(*deal, *here).await.expect("a slot");
    assert!(
        matches!(slot.status, SlotStatus::Filled { provider, .. } if provider == *holder),
        "it keeps its slot: {slot:?}"
    );
    let node = all.iter().position(|account| account == lost);
    network
        .kill_node(node.expect("a node"))
        .await
        .expect("kill");
    let staked = challenger.collateral_of(*lost).await.expect("collateral");
    let bond = challenger.next_bond(*lost).await.expect("a bond");
    let (second, _) = challenger
        .challenge(*deal, *gone, bond)
        .await
        .expect("challenged");
    let due = loop {
        if let Some(due) = challenger.challenge_due(second).await.expect("a view") {
            break due;
        }
        sleep(Duration::from_secs(1)).await;
    };
    let early = challenger.expire_challenge(second).await;
    assert!(
        early.is_err_and(|error| error.is_refusal("Challenges_TooEarly")),
        "not before its time"
    );
    until(network.chain(), due).await;
    challenger.expire_challenge(second).await.expect("expired");
    wait_for(&challenger, second, ChallengeStatus::Failed).await;
    let slot = challenger.slot(*deal, *gone).await.expect("a slot");
    assert_eq!(slot.status, SlotStatus::Freed, "the slot is free");
    let after = challenger.collateral_of(*lost).await.expect("collateral");
    assert!(after.total < staked.total, "slashed: {staked:?} {after:?}");
    let bounty = challenger.bounty_of(address).await.expect("bounty");
    assert!(bounty > 0, "the challenger is paid");
    let head = challenger.head().await.expect("a block").number;
    let events = challenger.events(0, head).await.expect("events");
    let slashed = events.iter().any(|event| {
        matches!(event.kind, ChainEventKind::SlotSlashed { provider, .. } if provider == *lost)
    });
    assert!(slashed, "the event says so");
    comes_back(&network, "file", &content).await;
    network.stop().await.expect("a clean end");
}
