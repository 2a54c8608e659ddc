//! The randomness beacon, signed by a key of our own.

use cairn_contracts::ChainEventKind;
use cairn_wire::{Period, Round};

use crate::world::{STRANGER, World, schedule};

#[tokio::test]
async fn anybody_posts_a_round_and_everybody_reads_its_randomness() {
    let world = World::start().await;
    let stranger = world.chain(STRANGER).await;
    let period = Period(1);
    let round = schedule().round_of(period);
    let signature = world.beacon.sign(round.0).unwrap();
    let early = stranger
        .post_round(round, &signature.to_evm())
        .await
        .unwrap_err();
    assert!(early.is_refusal("Beacon_RoundInFuture"), "{early}");

    world
        .anvil
        .mine_at(schedule().round_time(period))
        .await
        .unwrap();
    assert_eq!(
        stranger.randomness(round).await.unwrap(),
        None,
        "not posted yet"
    );
    let other = world.beacon.sign(round.0 + 1).unwrap();
    let forged = stranger
        .post_round(round, &other.to_evm())
        .await
        .unwrap_err();
    assert!(forged.is_refusal("Beacon_SignatureRefused"), "{forged}");

    let receipt = stranger
        .post_round(round, &signature.to_evm())
        .await
        .unwrap();
    assert_eq!(
        stranger.randomness(round).await.unwrap(),
        Some(signature.randomness()),
        "as drand publishes it"
    );
    assert!(stranger.counted(period).await.unwrap(), "in time");
    let events = stranger.events(receipt.block, receipt.block).await.unwrap();
    let expected = ChainEventKind::RoundPosted {
        round,
        randomness: signature.randomness(),
        period: Some(period),
        counted: true,
    };
    assert_eq!(events[0].kind, expected, "told");
    stranger
        .post_round(round, &signature.to_evm())
        .await
        .unwrap();
    assert!(
        stranger
            .post_round(Round(0), &signature.to_evm())
            .await
            .unwrap_err()
            .is_refusal("Beacon_NoSuchRound")
    );
}

#[tokio::test]
async fn a_round_after_the_deadline_is_known_and_its_period_void() {
    let world = World::start().await;
    let stranger = world.chain(STRANGER).await;
    let (late, in_between) = (Period(1), Round(schedule().round_of(Period(1)).0 + 1));
    world
        .anvil
        .mine_at(schedule().deadline(late) + 1)
        .await
        .unwrap();
    for round in [schedule().round_of(late), in_between] {
        let signature = world.beacon.sign(round.0).unwrap();
        stranger
            .post_round(round, &signature.to_evm())
            .await
            .unwrap();
        assert_eq!(
            stranger.randomness(round).await.unwrap(),
            Some(signature.randomness()),
            "known"
        );
    }
    assert!(
        !stranger.counted(late).await.unwrap(),
        "too late for the period"
    );
}
