//! Attacks on the market with real proofs on a real chain. Each comes with the honest move that passes in its place, so that
//! it is the attack that fails and not the stage. The same attacks against contracts that lack the one defence, where they
//! succeed, are in `sol/test/*Attacks.t.sol`.

use cairn_contracts::{ChallengeStatus, SlotStatus};
use cairn_wire::{Period, SectorKind, SlotIndex, TreeIndex};

use crate::farm::{Farm, Keys, Sector, slow_schedule};
use crate::healing::{TERMS, filled};
use crate::stage::{PRICE, Stage, TREE, activations, contents, deal_of};
use crate::world::{PROVIDER, STRANGER, address};

#[tokio::test]
async fn the_proof_of_a_tiny_second_tree_is_none_for_the_big_one() {
    let mut stage = Stage::start().await;
    let who = address(PROVIDER);
    stage.append(&contents()).await;
    stage.append(&[vec![9; 500]]).await;
    let tiny_tree = TreeIndex(1);
    let mut tiny = Farm::new(Keys::load());
    let number = stage.provider.next_sector_number(who).await.unwrap();
    let sector = Sector::pack(number, &[vec![3; 127]]);
    let (comm_d, comm_r) = (sector.comm_d(), sector.comm_r());
    let proof = tiny.append(sector);
    let root = tiny.root();
    let appended =
        stage
            .provider
            .append(tiny_tree, &root, &comm_d, &comm_r, SectorKind::Hot, &proof);
    appended.await.unwrap();
    stage.post(Period(1)).await;
    for tree in [TREE, tiny_tree] {
        let seed = stage.provider.window_seed(who, tree, Period(1)).await;
        let proof = tiny.window(&seed.unwrap());
        let instead = stage
            .provider
            .prove_window(who, TREE, Period(1), &proof)
            .await;
        let refused = instead.unwrap_err();
        assert!(refused.is_refusal("Verifier_ProofRefused"), "{refused}");
    }
    let seed = stage.provider.window_seed(who, tiny_tree, Period(1)).await;
    let proof = tiny.window(&seed.unwrap());
    let own = stage
        .provider
        .prove_window(who, tiny_tree, Period(1), &proof);
    own.await.unwrap();
    let big = stage.owner.proven(who, TREE, Period(1)).await.unwrap();
    assert!(!big, "the tiny one alone is proven");
    stage.prove(Period(1)).await;
}

#[tokio::test]
async fn a_proof_under_the_round_of_another_period_is_none() {
    let mut stage = Stage::start().await;
    let who = address(PROVIDER);
    stage.append(&contents()).await;
    let old_round = stage.post(Period(1)).await;
    let seed = stage.provider.window_seed(who, TREE, Period(1)).await;
    let proof = stage.farm.window(&seed.unwrap());
    // Kept back; the tree is the same a period later, and so is everything but the round.
    stage.post(Period(2)).await;
    let late = stage
        .provider
        .prove_window(who, TREE, Period(2), &proof)
        .await;
    let refused = late.unwrap_err();
    assert!(refused.is_refusal("Verifier_ProofRefused"), "{refused}");
    let with_it = stage
        .provider
        .post_and_prove(who, TREE, Period(2), &proof, &old_round.to_evm())
        .await;
    assert!(with_it.is_err(), "nor with the round it was made for");
    let now = stage.owner.proven(who, TREE, Period(2)).await.unwrap();
    assert!(!now, "period 2 is not proven by it");
    stage.prove(Period(2)).await;
}

#[tokio::test]
async fn a_sector_filled_after_the_freeze_earns_nothing_by_the_proof_that_left_it_out() {
    let mut stage = Stage::start().await;
    let who = address(PROVIDER);
    let first = [vec![9; 500]];
    let number = stage.append(&first).await;
    let mut frozen = Farm::new(Keys::load());
    frozen.append(Sector::pack(number, &first));
    let after = slow_schedule().round_time(Period(1)) - slow_schedule().freeze_s + 1;
    stage.world.anvil.mine_at(after).await.unwrap();
    let contents = contents();
    let opened = stage.owner.open_deals(&[deal_of(&contents, 4)]).await;
    let deal = opened.unwrap().0[0];
    let number = stage.append(&contents).await;
    let activations = activations(&stage, deal, 1, &contents);
    let proof = stage.farm.include(1, &[0, 1]);
    let activated = stage.provider.activate(number, &activations, &proof);
    activated.await.unwrap();
    stage.post(Period(1)).await;
    let seed = stage.provider.window_seed(who, TREE, Period(1)).await;
    let without = frozen.window(&seed.unwrap());
    let proven = stage
        .provider
        .prove_window(who, TREE, Period(1), &without)
        .await;
    proven.unwrap();
    let slot = stage.owner.slot(deal, SlotIndex(0)).await.unwrap();
    let SlotStatus::Filled { first_period, .. } = slot.status else {
        panic!("filled");
    };
    assert!(first_period > Period(1), "paid from the next period on");
    for period in 1..first_period.0 {
        let due = stage.owner.due_of(deal, SlotIndex(0)).await.unwrap();
        assert_eq!(due, 0, "nothing for period {period}");
        if period > 1 {
            stage.post(Period(period)).await;
            stage.prove(Period(period)).await;
        }
    }
    stage.post(first_period).await;
    stage.prove(first_period).await;
    let due = stage.owner.due_of(deal, SlotIndex(0)).await.unwrap();
    assert_eq!(due, PRICE, "one period, one price");
}

#[tokio::test]
async fn who_settles_late_is_paid_to_the_deals_end_and_no_further() {
    let mut stage = Stage::start().await;
    let deal = filled(&mut stage, 2).await;
    let info = stage.owner.deal(deal).await.unwrap().unwrap();
    for period in info.start_period.0..=info.end_period.0 + 2 {
        stage.post(Period(period)).await;
        stage.prove(Period(period)).await;
    }
    stage.provider.settle(deal, SlotIndex(0)).await.unwrap();
    let credit = stage.owner.credit_of(address(PROVIDER)).await.unwrap();
    assert_eq!(credit, 2 * PRICE, "four periods proven, two of them paid");
    stage.provider.close(deal, SlotIndex(0)).await.unwrap();
    let credit = stage.owner.credit_of(address(PROVIDER)).await.unwrap();
    assert_eq!(credit, 2 * PRICE, "and the end adds nothing");
}

#[tokio::test]
async fn the_proof_of_a_window_is_no_answer_to_a_challenge() {
    let mut stage = Stage::start().await;
    let deal = filled(&mut stage, 10).await;
    let stranger = stage.world.chain(STRANGER).await;
    let who = address(PROVIDER);
    let bond = stranger.next_bond(who).await.unwrap();
    let (id, _) = stranger.challenge(deal, SlotIndex(1), bond).await.unwrap();
    let asked = stranger.challenge_info(id).await.unwrap().unwrap();
    stage.post(asked.seed_period).await;
    let window = stage.provider.window_seed(who, TREE, asked.seed_period);
    let window = window.await.unwrap();
    let seed = stranger.challenge_seed(id).await.unwrap().unwrap();
    assert_ne!(seed, window, "each has a seed of its own");
    // The window's proof, the whole tree under the challenge's seed, and the other piece of the same sector.
    let reused = [
        stage.farm.window(&window),
        stage.farm.window(&seed),
        stage.farm.answer(&seed, 0, 0),
        stage.farm.answer(&window, 0, 1),
    ];
    for (place, proof) in reused.iter().enumerate() {
        let refused = stage.provider.answer_challenge(id, 0, proof).await;
        let refused = refused.unwrap_err();
        assert!(
            refused.is_refusal("Verifier_ProofRefused"),
            "{place}: {refused}"
        );
    }
    let honest = stage.farm.answer(&seed, 0, 1);
    let answered = stage.provider.answer_challenge(id, 0, &honest);
    answered.await.unwrap();
    let asked = stranger.challenge_info(id).await.unwrap().unwrap();
    assert_eq!(asked.status, ChallengeStatus::Answered, "the honest one");
}

#[tokio::test]
async fn a_fault_declared_or_a_sector_retired_after_the_round_is_known_saves_nobody_a_miss() {
    let mut stage = Stage::staking(TERMS).await;
    filled(&mut stage, 10).await;
    let spare = [vec![9; 500]];
    stage.append(&spare).await;
    let who = address(PROVIDER);
    let open = Period(3);
    stage.post(open).await;
    let seed = stage.provider.window_seed(who, TREE, open).await.unwrap();
    stage.provider.declare_fault(TREE, 2).await.unwrap();
    let (retirement, proof) = stage.farm.retire(who, 1);
    stage.provider.retire(&retirement, &proof).await.unwrap();
    // What is left of the tree is not what the round asks about.
    let rest = stage.farm.window(&seed);
    let refused = stage.provider.prove_window(who, TREE, open, &rest).await;
    let refused = refused.unwrap_err();
    assert!(refused.is_refusal("Verifier_ProofRefused"), "{refused}");
    let over = slow_schedule().deadline(open) + 1;
    stage.world.anvil.mine_at(over).await.unwrap();
    let stranger = stage.world.chain(STRANGER).await;
    let before = stranger.collateral_of(who).await.unwrap().total;
    stranger.report_miss(who, TREE, open).await.unwrap();
    let after = stranger.collateral_of(who).await.unwrap().total;
    assert!(after < before, "the miss costs what it costs: {after}");
    // The period after it is excused: that is what the fault was declared for.
    stage.post(open.next()).await;
    let over = slow_schedule().deadline(open.next()) + 1;
    stage.world.anvil.mine_at(over).await.unwrap();
    let excused = stranger.report_miss(who, TREE, open.next()).await;
    assert!(
        excused.unwrap_err().is_refusal("Collateral_NotMissed"),
        "excused"
    );
}
