//! Numbers, precommits and deposits of replicas: what needs no proof.

use alloy::primitives::{Bytes, U256};
use alloy::sol_types::SolCall;
use cairn_contracts::{Chain, ChainError, ChainEventKind, DeployPlan, ReplicaStatus};
use cairn_wire::{Address, Commitment, Period, SectorNumber};
use serde_json::json;

use crate::farm::{slow_schedule, slow_terms};
use crate::world::{PROVIDER, STRANGER, WEALTH, World, address, plan};

mod abi {
    alloy::sol!(Replicas, "artifacts/Replicas.json");
}
use abi::Replicas;

const DEPOSIT: u128 = 1_000;

async fn slow_world() -> World {
    World::of(&DeployPlan {
        schedule: slow_schedule(),
        replica_terms: slow_terms(),
        ..plan()
    })
    .await
}

/// The period's round, posted at its time or, if that is over, now.
async fn post(world: &World, chain: &Chain, period: Period) {
    let time = slow_schedule().round_time(period);
    if chain.head().await.unwrap().timestamp < time {
        world.anvil.mine_at(time).await.unwrap();
    }
    let round = slow_schedule().round_of(period);
    let signature = world.beacon.sign(round.0).unwrap();
    chain.post_round(round, &signature.to_evm()).await.unwrap();
}

fn commitments(byte: u8) -> (Commitment, Commitment) {
    (
        Commitment::from_be_bytes([byte; 32]).unwrap(),
        Commitment::from_be_bytes([byte + 1; 32]).unwrap(),
    )
}

async fn asked(world: &World, call: impl SolCall<Return = U256>) -> [u8; 32] {
    let to = world.deployment.replicas.to_string();
    let request = json!({ "to": to, "input": Bytes::from(call.abi_encode()) });
    let answer = world
        .anvil
        .command("eth_call", json!([request, "latest"]))
        .await
        .unwrap();
    let bytes = serde_json::from_value::<Bytes>(answer).unwrap();
    U256::from_be_slice(&bytes).to_le_bytes()
}

#[tokio::test]
async fn numbers_are_reserved_once_and_skipped_by_hot_sectors() {
    let world = World::start().await;
    let provider = world.provider().await;
    let (first, receipt) = provider.reserve_numbers(3).await.unwrap();
    assert_eq!(first, SectorNumber(1), "the first three");
    let next = provider
        .next_sector_number(address(PROVIDER))
        .await
        .unwrap();
    assert_eq!(next, SectorNumber(4), "the next hot sector");
    for number in 0..6 {
        let reserved = provider
            .is_reserved(address(PROVIDER), SectorNumber(number))
            .await
            .unwrap();
        assert_eq!(reserved, (1..=3).contains(&number), "{number}");
    }
    let refused = provider.reserve_numbers(257).await.unwrap_err();
    assert!(refused.is_refusal("Sectors_ReserveCount"), "{refused}");
    let events = provider.events(receipt.block, receipt.block).await.unwrap();
    let expected = ChainEventKind::NumbersReserved {
        provider: address(PROVIDER),
        first,
        count: 3,
    };
    assert_eq!(events[0].kind, expected, "told");
}

#[tokio::test]
async fn a_precommit_takes_the_deposit_is_seeded_later_and_expires() {
    let world = slow_world().await;
    let (provider, stranger) = (world.provider().await, world.chain(STRANGER).await);
    let me = address(PROVIDER);
    let (number, _) = provider.reserve_numbers(1).await.unwrap();
    let (comm_d, comm_r) = commitments(1);
    post(&world, &stranger, Period(1)).await;

    let refused = provider
        .precommit(SectorNumber(2), &comm_d, &comm_r, Period(1))
        .await
        .unwrap_err();
    assert!(refused.is_refusal("Replicas_NotReserved"), "{refused}");
    let refused = provider
        .precommit(number, &comm_d, &comm_r, Period(2))
        .await
        .unwrap_err();
    assert!(refused.is_refusal("Replicas_TicketRefused"), "{refused}");
    let receipt = provider
        .precommit(number, &comm_d, &comm_r, Period(1))
        .await
        .unwrap();
    assert_eq!(
        provider.balance_of(me).await.unwrap(),
        WEALTH - DEPOSIT,
        "deposit taken"
    );
    let replica = provider.replica(me, number).await.unwrap().unwrap();
    assert_eq!(replica.status, ReplicaStatus::Committed, "waits");
    let time = provider
        .block(receipt.block)
        .await
        .unwrap()
        .unwrap()
        .timestamp;
    assert_eq!(
        replica.seed_period,
        slow_schedule().seed_period(time, slow_terms().seed_delay_s),
        "the twin's"
    );
    let unknown = provider.replica_challenge(me, number).await.unwrap_err();
    assert!(
        matches!(unknown, ChainError::RoundUnknown { period, .. } if period == replica.seed_period),
        "{unknown}"
    );
    assert_eq!(
        provider.replica_due(me, number).await.unwrap(),
        None,
        "the clock stands still"
    );
    check_seed_and_expiry(&world, &provider, &stranger, number).await;
    check_events(&provider, number, receipt.block).await;
}

/// From the seed to the end of the deposit.
async fn check_seed_and_expiry(
    world: &World,
    provider: &Chain,
    stranger: &Chain,
    number: SectorNumber,
) {
    let me = address(PROVIDER);
    let replica = provider.replica(me, number).await.unwrap().unwrap();
    post(world, stranger, replica.seed_period).await;
    let challenge = provider.replica_challenge(me, number).await.unwrap();
    let theirs = asked(world, Replicas::porepIdCall {}).await;
    assert_eq!(challenge.porep_id, theirs, "porep id");
    let period = replica.ticket_period.0;
    let theirs = asked(world, Replicas::ticketOfCall { period }).await;
    assert_eq!(challenge.ticket, theirs, "ticket");
    let call = Replicas::seedOfCall {
        provider: me.0.into(),
        number: number.0,
    };
    assert_eq!(challenge.seed, asked(world, call).await, "seed");

    let due = provider.replica_due(me, number).await.unwrap().unwrap();
    assert_eq!(
        due,
        slow_schedule().deadline(replica.seed_period) + slow_terms().due_s,
        "from the deadline of its period"
    );
    let refused = stranger
        .prove_replica(me, number, &[[0; 512]])
        .await
        .unwrap_err();
    assert!(refused.is_refusal("Verifier_ProofRefused"), "{refused}");
    let early = stranger.expire_replica(me, number).await.unwrap_err();
    assert!(early.is_refusal("Replicas_TooEarly"), "{early}");
    world.anvil.mine_at(due + 1).await.unwrap();
    let late = stranger
        .prove_replica(me, number, &[[0; 512]])
        .await
        .unwrap_err();
    assert!(late.is_refusal("Replicas_TooLate"), "{late}");
    stranger.expire_replica(me, number).await.unwrap();
    let mut burn = Address([0; 20]);
    (burn.0[18], burn.0[19]) = (0xde, 0xad);
    assert_eq!(stranger.balance_of(burn).await.unwrap(), DEPOSIT, "burned");
    let nothing = provider.withdraw_deposits(me).await.unwrap_err();
    assert!(
        nothing.is_refusal("Replicas_NothingToWithdraw"),
        "{nothing}"
    );
    let dead = provider
        .append_sealed(crate::stage::TREE, number, &replica.comm_r, &[0; 512])
        .await
        .unwrap_err();
    assert!(dead.is_refusal("Replicas_NotProven"), "{dead}");
}

async fn check_events(provider: &Chain, number: SectorNumber, from: u64) {
    let me = address(PROVIDER);
    let replica = provider.replica(me, number).await.unwrap().unwrap();
    assert_eq!(replica.status, ReplicaStatus::Expired, "dead");
    let head = provider.head().await.unwrap().number;
    let events = provider.events(from, head).await.unwrap();
    let replicas: Vec<ChainEventKind> = events
        .into_iter()
        .map(|event| event.kind)
        .filter(|kind| !matches!(kind, ChainEventKind::RoundPosted { .. }))
        .collect();
    let expected = [
        ChainEventKind::ReplicaPrecommitted {
            provider: me,
            number,
            comm_d: replica.comm_d,
            comm_r: replica.comm_r,
            ticket_period: replica.ticket_period,
            seed_period: replica.seed_period,
            deposit: DEPOSIT,
        },
        ChainEventKind::ReplicaExpired {
            provider: me,
            number,
            deposit: DEPOSIT,
        },
    ];
    assert_eq!(replicas, expected, "told");
}
