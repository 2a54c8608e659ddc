//! A sealed sector with real proofs: from its number to the pay of its pieces.

use cairn_contracts::{ChainEventKind, NewDeal, ReplicaStatus};
use cairn_wire::{DealId, Period, SectorKind, SectorNumber, SlotIndex};

use crate::farm::{Sector, slow_schedule};
use crate::stage::{PRICE, Stage, TREE, activations, contents, deal_of};
use crate::world::{PROVIDER, WEALTH, address};

const DEPOSIT: u128 = 1_000;

impl Stage {
    /// A sector of these pieces under a reserved number, sealed with the ticket of a period.
    async fn seal(&self, contents: &[Vec<u8>], ticket_period: Period) -> Sector {
        let (number, _) = self.provider.reserve_numbers(1).await.unwrap();
        let round = slow_schedule().round_of(ticket_period);
        let randomness = self.provider.randomness(round).await.unwrap().unwrap();
        let binding = self.world.deployment.replica_binding();
        let mut sector = Sector::pack(number, contents);
        sector.seal(
            &binding.porep_id(),
            address(PROVIDER),
            &cairn_contracts::replica::ticket(&randomness),
        );
        sector
    }

    async fn precommit(&self, sector: &Sector, ticket_period: Period) -> Period {
        self.provider
            .precommit(
                sector.number,
                &sector.comm_d(),
                &sector.comm_r(),
                ticket_period,
            )
            .await
            .unwrap();
        let replica = self
            .provider
            .replica(address(PROVIDER), sector.number)
            .await
            .unwrap()
            .unwrap();
        replica.seed_period
    }
}

#[tokio::test]
async fn a_sealed_sector_is_proven_appended_filled_and_paid() {
    let mut stage = Stage::start().await;
    let (me, contents) = (address(PROVIDER), contents());
    stage.post(Period(1)).await;
    let sector = stage.seal(&contents, Period(1)).await;
    let seed_period = stage.precommit(&sector, Period(1)).await;
    stage.post(seed_period).await;
    let challenge = stage
        .provider
        .replica_challenge(me, sector.number)
        .await
        .unwrap();
    let proofs = stage.farm.replicate(&sector, &challenge.seed);

    // Another replica's proof, and a true proof under another seed, are nothing.
    let other = stage.seal(&contents, Period(1)).await;
    let strange = stage.farm.replicate(&other, &challenge.seed);
    for false_proofs in [strange, stage.farm.replicate(&sector, &challenge.ticket)] {
        let refused = stage
            .owner
            .prove_replica(me, sector.number, &false_proofs)
            .await
            .unwrap_err();
        assert!(refused.is_refusal("Verifier_ProofRefused"), "{refused}");
    }
    let receipt = stage
        .owner
        .prove_replica(me, sector.number, &proofs)
        .await
        .unwrap();
    let events = stage.owner.events(receipt.block, receipt.block).await;
    let expected = ChainEventKind::ReplicaProven {
        provider: me,
        number: sector.number,
        deposit: DEPOSIT,
    };
    assert_eq!(events.unwrap()[0].kind, expected, "told");
    assert_eq!(
        stage.provider.deposit_credit(me).await.unwrap(),
        DEPOSIT,
        "the deposit is the provider's, whoever brought the proof"
    );
    let number = append_sealed(&mut stage, sector).await;
    fill_prove_and_pay(&mut stage, &contents, number).await;

    stage.provider.withdraw_deposits(me).await.unwrap();
    assert_eq!(
        stage.provider.balance_of(me).await.unwrap(),
        WEALTH,
        "nothing was lost"
    );
    let (retirement, proof) = stage.farm.retire(me, 0);
    let live = stage.provider.retire(&retirement, &proof).await;
    assert!(
        live.unwrap_err().is_refusal("Sectors_LiveSlots"),
        "slots live in it"
    );
}

/// A deal of these pieces over `periods` whose slots both lie in a sealed sector of the provider, from its number on.
pub(crate) async fn filled_sealed(stage: &mut Stage, periods: u32) -> DealId {
    let (me, contents) = (address(PROVIDER), contents());
    stage.post(Period(1)).await;
    let sector = stage.seal(&contents, Period(1)).await;
    let seed_period = stage.precommit(&sector, Period(1)).await;
    stage.post(seed_period).await;
    let challenge = stage.provider.replica_challenge(me, sector.number).await;
    let proofs = stage.farm.replicate(&sector, &challenge.unwrap().seed);
    let proving = stage.owner.prove_replica(me, sector.number, &proofs);
    proving.await.unwrap();
    let number = append_sealed(stage, sector).await;
    let terms = NewDeal {
        kind: SectorKind::Sealed,
        ..deal_of(&contents, periods)
    };
    let deal = stage.owner.open_deals(&[terms]).await.unwrap().0[0];
    let activations = activations(stage, deal, 0, &contents);
    let proof = stage.farm.include(0, &[0, 1]);
    let activation = stage.provider.activate(number, &activations, &proof);
    activation.await.unwrap();
    deal
}

/// Puts a proven sector into the tree; a second time it is refused.
async fn append_sealed(stage: &mut Stage, sector: Sector) -> SectorNumber {
    let (me, number) = (address(PROVIDER), sector.number);
    let (comm_d, comm_r) = (sector.comm_d(), sector.comm_r());
    let proof = stage.farm.append(sector);
    let root = stage.farm.root();
    let append = stage.provider.append_sealed(TREE, number, &root, &proof);
    append.await.unwrap();
    let again = stage.provider.append_sealed(TREE, number, &root, &proof);
    let refused = again.await.unwrap_err();
    assert!(refused.is_refusal("Replicas_NotProven"), "{refused}");
    let replica = stage.provider.replica(me, number).await.unwrap().unwrap();
    assert_eq!(replica.status, ReplicaStatus::Used, "used");
    let info = stage.provider.sector(me, number).await.unwrap().unwrap();
    assert_eq!(
        (info.kind, info.comm_d, info.comm_r),
        (SectorKind::Sealed, comm_d, comm_r),
        "as proven"
    );
    number
}

/// A sealed deal over two periods, both proven with one window proof of the replica each.
async fn fill_prove_and_pay(stage: &mut Stage, contents: &[Vec<u8>], number: SectorNumber) {
    let terms = NewDeal {
        kind: SectorKind::Sealed,
        ..deal_of(contents, 2)
    };
    let deal = stage.owner.open_deals(&[terms]).await.unwrap().0[0];
    let activations = activations(stage, deal, 0, contents);
    let proof = stage.farm.include(0, &[0, 1]);
    let activation = stage.provider.activate(number, &activations, &proof);
    activation.await.unwrap();
    let info = stage.owner.deal(deal).await.unwrap().unwrap();
    for period in [info.start_period, info.end_period] {
        stage.post(period).await;
        stage.prove(period).await;
    }
    stage.owner.settle(deal, SlotIndex(0)).await.unwrap();
    assert_eq!(
        stage.owner.credit_of(address(PROVIDER)).await.unwrap(),
        2 * PRICE,
        "one slot, two periods"
    );
}
