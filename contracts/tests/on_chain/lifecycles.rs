//! Sectors and pieces with real proofs: from the append to the last coin.

use cairn_contracts::settlement::{Runs, SlotAccount};
use cairn_contracts::{Activation, ChainEventKind, SlotStatus};
use cairn_wire::{Period, SectorKind, SectorNumber, SlotIndex, sign_acceptance};

use crate::farm::slow_schedule;
use crate::stage::{PRICE, Stage, TREE, activations, contents, deal_of};
use crate::world::{OWNER, PROVIDER, STRANGER, WEALTH, address, key};

#[tokio::test]
async fn pieces_are_stored_proven_paid_and_the_rest_is_refunded() {
    let mut stage = Stage::start().await;
    let contents = contents();
    let (ids, _) = stage
        .owner
        .open_deals(&[deal_of(&contents, 4)])
        .await
        .unwrap();
    let deal = ids[0];
    let number = stage.append(&contents).await;
    let activations = activations(&stage, deal, 0, &contents);
    let proof = stage.farm.include(0, &[0, 1]);
    stage
        .provider
        .activate(number, &activations, &proof)
        .await
        .unwrap();

    let info = stage.owner.deal(deal).await.unwrap().unwrap();
    let slot = stage.owner.slot(deal, SlotIndex(1)).await.unwrap();
    let expected = SlotStatus::Filled {
        provider: address(PROVIDER),
        tree: TREE,
        sector: number,
        offset_leaves: activations[1].offset_leaves,
        comm_p: activations[1].terms.comm_p,
        first_period: info.start_period,
    };
    assert_eq!((info.filled, slot.status), (2, expected), "both are filled");

    // Proven, missed, without a round, proven: the twin keeps the books beside the chain.
    let mut runs = Runs::default();
    let mut account = SlotAccount {
        price_per_period: PRICE,
        first_period: info.start_period,
        end_period: info.end_period,
        paid_periods: 0,
    };
    let periods: Vec<Period> = (info.start_period.0..=info.end_period.0)
        .map(Period)
        .collect();
    let mut credit = 0;
    for (place, period) in periods.iter().enumerate() {
        match place {
            1 => drop(stage.post(*period).await),
            2 => stage
                .world
                .anvil
                .mine_at(slow_schedule().deadline(*period))
                .await
                .unwrap(),
            _ => {
                stage.post(*period).await;
                stage.prove(*period).await;
                assert!(runs.mark(*period), "{period}");
            }
        }
        let proven = stage
            .owner
            .proven(address(PROVIDER), TREE, *period)
            .await
            .unwrap();
        assert_eq!(proven, runs.has(*period), "period {period}");
        let due = stage.owner.due_of(deal, SlotIndex(0)).await.unwrap();
        assert_eq!(due, account.due(&runs), "due after period {period}");
        stage.owner.settle(deal, SlotIndex(0)).await.unwrap();
        credit += account.settle(&runs);
        assert_eq!(
            stage.owner.credit_of(address(PROVIDER)).await.unwrap(),
            credit,
            "credit after period {period}"
        );
        let slot = stage.owner.slot(deal, SlotIndex(0)).await.unwrap();
        assert_eq!(
            (u64::from(slot.paid_periods), slot.paid),
            (account.paid_periods, credit),
            "period {period}"
        );
    }

    assert!(
        stage
            .owner
            .close(deal, SlotIndex(0))
            .await
            .unwrap_err()
            .is_refusal("Deals_TooEarly"),
        "not over yet"
    );
    stage
        .world
        .anvil
        .mine_at(slow_schedule().deadline(info.end_period) + 1)
        .await
        .unwrap();
    let (first, last) = (info.start_period, info.end_period);
    let uptime = stage
        .owner
        .uptime(address(PROVIDER), TREE, first, last)
        .await
        .unwrap();
    assert_eq!(
        (uptime.proven, uptime.missed, uptime.void, uptime.empty),
        (2, 1, 1, 0),
        "as it was"
    );
    stage.owner.close(deal, SlotIndex(0)).await.unwrap();
    stage.owner.close(deal, SlotIndex(1)).await.unwrap();
    stage.provider.withdraw().await.unwrap();
    stage.owner.withdraw().await.unwrap();
    let earned = 2 * 2 * PRICE;
    assert_eq!(
        stage.owner.balance_of(address(PROVIDER)).await.unwrap(),
        WEALTH + earned,
        "two slots, two periods"
    );
    assert_eq!(
        stage.owner.balance_of(address(OWNER)).await.unwrap(),
        WEALTH - earned,
        "the rest came back"
    );
    assert_eq!(account.refund(4), 2 * PRICE, "as the twin says");
    assert_eq!(
        stage
            .owner
            .balance_of(stage.world.deployment.deals)
            .await
            .unwrap(),
        0,
        "nothing stuck"
    );
}

#[tokio::test]
async fn the_chain_shows_what_was_appended_and_when_it_counts() {
    let mut stage = Stage::start().await;
    let who = address(PROVIDER);
    let empty = stage.owner.tree(who, TREE).await.unwrap();
    assert_eq!(
        (empty.pending_root, empty.pending_count),
        (stage.farm.root(), 0),
        "an empty tree"
    );
    let number = stage.append(&contents()).await;
    assert_eq!(number, SectorNumber(1), "numbers begin at 1");
    assert_eq!(
        stage.owner.next_sector_number(who).await.unwrap(),
        SectorNumber(2),
        "never reused"
    );

    let tree = stage.owner.tree(who, TREE).await.unwrap();
    assert_eq!(
        (tree.pending_root, tree.pending_count),
        (stage.farm.root(), 1),
        "pending"
    );
    assert_eq!(
        (tree.active_root, tree.active_count),
        (empty.pending_root, 0),
        "not frozen yet"
    );
    assert_eq!(
        tree.effective_period,
        Period(1),
        "counts from the first period"
    );
    let sector = stage.owner.sector(who, number).await.unwrap().unwrap();
    let packed = stage.farm.sector(0);
    assert_eq!(
        (sector.comm_d, sector.comm_r),
        (packed.comm_d(), packed.comm_r()),
        "its commitments"
    );
    assert_eq!(
        (sector.kind, sector.tree, sector.index_at_append),
        (SectorKind::Hot, TREE, 0),
        "its place"
    );
    assert_eq!(
        (sector.first_period, sector.live_slots),
        (Period(1), 0),
        "its beginning"
    );
    assert_eq!(
        stage.owner.sector(who, SectorNumber(2)).await.unwrap(),
        None,
        "no other"
    );

    let head = stage.owner.head().await.unwrap().number;
    let events = stage.owner.events(head, head).await.unwrap();
    let expected = ChainEventKind::SectorAppended {
        provider: who,
        tree: TREE,
        index: 0,
        number,
        comm_r: packed.comm_r(),
        comm_d: packed.comm_d(),
        kind: SectorKind::Hot,
        root: stage.farm.root(),
        effective_period: Period(1),
    };
    assert_eq!(events[0].kind, expected, "told");
    let frozen = stage.owner.frozen_tree(who, TREE, Period(1)).await.unwrap();
    assert_eq!(
        frozen,
        (stage.farm.root(), 1),
        "what period 1 is proven against"
    );
}

#[tokio::test]
async fn a_window_is_proven_once_in_its_time_by_an_untampered_proof() {
    let mut stage = Stage::start().await;
    let who = address(PROVIDER);
    stage.append(&contents()).await;
    let period = Period(1);
    let early = stage.provider.window(who, TREE, period).await.unwrap_err();
    assert!(early.to_string().contains("was not posted yet"), "{early}");
    stage.post(period).await;
    let window = stage.provider.window(who, TREE, period).await.unwrap();
    assert_eq!(
        (window.root, window.count),
        (stage.farm.root(), 1),
        "frozen"
    );
    let proof = stage.farm.window(&window.seed);

    let mut tampered = proof;
    tampered.copy_within(384..512, 0);
    let refused = stage
        .provider
        .prove_window(who, TREE, period, &tampered)
        .await
        .unwrap_err();
    assert!(refused.is_refusal("Verifier_ProofRefused"), "{refused}");
    let next = stage
        .provider
        .prove_window(who, TREE, Period(2), &proof)
        .await
        .unwrap_err();
    assert!(next.is_refusal("Sectors_OutsideWindow"), "{next}");
    let stranger = stage.world.chain(STRANGER).await;
    let others = stranger
        .prove_window(address(STRANGER), TREE, period, &proof)
        .await
        .unwrap_err();
    assert!(others.is_refusal("Sectors_TreeEmpty"), "{others}");

    stranger
        .prove_window(who, TREE, period, &proof)
        .await
        .unwrap();
    let again = stage
        .provider
        .prove_window(who, TREE, period, &proof)
        .await
        .unwrap_err();
    assert!(again.is_refusal("Sectors_AlreadyProven"), "{again}");
}

#[tokio::test]
async fn a_window_proof_may_bring_its_round_with_it() {
    let mut stage = Stage::start().await;
    let who = address(PROVIDER);
    stage.append(&contents()).await;
    let period = Period(1);
    stage
        .world
        .anvil
        .mine_at(slow_schedule().round_time(period))
        .await
        .unwrap();
    let signature = stage
        .world
        .beacon
        .sign(slow_schedule().round_of(period).0)
        .unwrap();
    // Nobody posted it: the seed follows from the signature alone.
    let deployment = &stage.world.deployment;
    let statement = cairn_contracts::seed::WindowStatement {
        chain_id: deployment.chain_id,
        sectors: deployment.sectors,
        circuit_id: deployment.keys.spacetime.circuit_id,
        sector_log2_leaves: deployment.parameters.sector_log2_leaves,
        provider: who,
        tree: TREE,
        period,
        count: 1,
    };
    let proof = stage.farm.window(&statement.seed(&signature.randomness()));
    stage
        .provider
        .post_and_prove(who, TREE, period, &proof, &signature.to_evm())
        .await
        .unwrap();
    assert!(
        stage.owner.proven(who, TREE, period).await.unwrap(),
        "both in one transaction"
    );
}

#[tokio::test]
async fn sectors_leave_the_tree_and_the_last_one_takes_their_place() {
    let mut stage = Stage::start().await;
    let who = address(PROVIDER);
    for byte in 1..=3 {
        stage.append(&[vec![byte; 127]]).await;
    }
    let (mut retirement, proof) = stage.farm.retire(who, 0);
    assert_eq!(
        (retirement.number, retirement.moved),
        (SectorNumber(1), SectorNumber(3)),
        "the third goes to its place"
    );
    let stranger = stage.world.chain(STRANGER).await;
    assert!(
        stranger
            .retire(&retirement, &proof)
            .await
            .unwrap_err()
            .is_refusal("Sectors_NotYours"),
        "too early for others"
    );
    retirement.moved = SectorNumber(2);
    let lie = stage
        .provider
        .retire(&retirement, &proof)
        .await
        .unwrap_err();
    assert!(
        lie.is_refusal("Verifier_ProofRefused"),
        "another sector moved: {lie}"
    );
    retirement.moved = SectorNumber(3);
    let receipt = stage.provider.retire(&retirement, &proof).await.unwrap();
    let tree = stage.owner.tree(who, TREE).await.unwrap();
    assert_eq!(
        (tree.pending_root, tree.pending_count),
        (stage.farm.root(), 2),
        "as in memory"
    );
    assert_eq!(
        stage.owner.sector(who, SectorNumber(1)).await.unwrap(),
        None,
        "it is gone"
    );
    let events = stage
        .owner
        .events(receipt.block, receipt.block)
        .await
        .unwrap();
    let told = matches!(
        events[0].kind,
        ChainEventKind::SectorRetired {
            index: 0,
            number: SectorNumber(1),
            moved: SectorNumber(3),
            count: 2,
            ..
        }
    );
    assert!(told, "{events:?}");

    for left in [1, 0] {
        let (retirement, proof) = stage.farm.retire(who, left);
        assert_eq!(retirement.number, retirement.moved, "the last one itself");
        stage.provider.retire(&retirement, &proof).await.unwrap();
    }
    let tree = stage.owner.tree(who, TREE).await.unwrap();
    assert_eq!(
        (tree.pending_root, tree.pending_count),
        (stage.farm.root(), 0),
        "empty again"
    );
}

#[tokio::test]
async fn an_activation_that_is_not_the_owners_or_not_true_is_refused_by_name() {
    let mut stage = Stage::start().await;
    let contents = contents();
    let (ids, _) = stage
        .owner
        .open_deals(&[deal_of(&contents, 4)])
        .await
        .unwrap();
    let number = stage.append(&contents).await;
    let honest = activations(&stage, ids[0], 0, &contents);
    let domain = stage.world.deployment.eip712_domain();
    let proof = stage.farm.include(0, &[0, 1]);
    let refused = |activations: Vec<Activation>| {
        let provider = stage.provider.clone();
        async move {
            provider
                .activate(number, &activations, &proof)
                .await
                .unwrap_err()
        }
    };

    let mut forged = honest.clone();
    forged[1].acceptance = sign_acceptance(&domain, &forged[1].terms, &key(PROVIDER)).unwrap();
    let error = refused(forged).await;
    assert!(error.is_refusal("Deals_AcceptanceRefused"), "{error}");
    assert_eq!(
        error.refusal().and_then(|refusal| refusal.argument("slot")),
        Some("1"),
        "which one"
    );
    let mut late = honest.clone();
    late[0].terms.expiry_unix = 1;
    late[0].acceptance = sign_acceptance(&domain, &late[0].terms, &key(OWNER)).unwrap();
    assert!(
        refused(late).await.is_refusal("Deals_AcceptanceExpired"),
        "an old acceptance"
    );
    let mut moved = honest.clone();
    moved[0].offset_leaves = 4;
    assert!(
        refused(moved).await.is_refusal("Verifier_ProofRefused"),
        "it does not lie there"
    );
    let mut askew = honest.clone();
    askew[0].offset_leaves = 2;
    assert!(
        refused(askew).await.is_refusal("Deals_OffsetRefused"),
        "no piece can lie there"
    );
    assert!(
        refused(honest[..1].to_vec())
            .await
            .is_refusal("Verifier_ProofRefused"),
        "the proof is of two pieces"
    );
    let same = refused(vec![honest[0], honest[0]]).await;
    assert!(
        same.is_refusal("Deals_SlotTaken"),
        "twice in one transaction: {same}"
    );
    let stranger = stage.world.chain(STRANGER).await;
    let error = stranger
        .activate(number, &honest, &proof)
        .await
        .unwrap_err();
    assert!(error.is_refusal("Deals_SectorNotOpen"), "{error}");

    stage
        .provider
        .activate(number, &honest, &proof)
        .await
        .unwrap();
    let again = stage
        .provider
        .activate(number, &honest, &proof)
        .await
        .unwrap_err();
    assert!(again.is_refusal("Deals_SlotTaken"), "{again}");
    let (retirement, proof) = stage.farm.retire(address(PROVIDER), 0);
    let live = stage
        .provider
        .retire(&retirement, &proof)
        .await
        .unwrap_err();
    assert!(
        live.is_refusal("Sectors_LiveSlots"),
        "slots are paid for: {live}"
    );
}
