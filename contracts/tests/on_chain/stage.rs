//! A market with real keys, an owner, and a provider that holds what it says.

use cairn_contracts::{
    Activation, Anvil, Chain, CollateralTerms, DeployPlan, NewDeal, NewSlot, deploy,
};
use cairn_merkle::ContentId;
use cairn_prover::beacon;
use cairn_wire::{
    DealId, Period, PieceTerms, SectorKind, SectorNumber, SlotIndex, TreeIndex, sign_acceptance,
};

use crate::farm::{Farm, Keys, Sector, slow_schedule};
use crate::world::{
    DEPLOYER, OWNER, PROVIDER, World, address, anvil, beacon_key, key, new_deal, urls,
};

/// The only tree.
pub(crate) const TREE: TreeIndex = TreeIndex(0);
/// Above what the provider asks for the largest piece here.
pub(crate) const PRICE: u128 = 2_000;

pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) farm: Farm,
    pub(crate) provider: Chain,
    pub(crate) owner: Chain,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        Self::staking(CollateralTerms::default()).await
    }

    /// With these terms of collateral.
    pub(crate) async fn staking(collateral_terms: CollateralTerms) -> Self {
        let keys = Keys::load();
        let anvil: Anvil = anvil().await;
        let plan = DeployPlan {
            collateral_terms,
            ..keys.plan()
        };
        let deployment = deploy(&urls(&anvil), &key(DEPLOYER), &plan).await.unwrap();
        let world = World {
            anvil,
            deployment,
            beacon: beacon_key(),
        };
        let (provider, owner) = (world.provider().await, world.chain(OWNER).await);
        Self {
            world,
            farm: Farm::new(keys),
            provider,
            owner,
        }
    }

    /// A sector of these pieces, on chain.
    pub(crate) async fn append(&mut self, contents: &[Vec<u8>]) -> SectorNumber {
        let number = self
            .provider
            .next_sector_number(address(PROVIDER))
            .await
            .unwrap();
        self.append_sector(Sector::pack(number, contents)).await
    }

    /// A sector of these pieces of which the first is committed to falsely, on chain.
    pub(crate) async fn append_falsely(
        &mut self,
        contents: &[Vec<u8>],
        leaf: usize,
    ) -> SectorNumber {
        let me = address(PROVIDER);
        let number = self.provider.next_sector_number(me).await.unwrap();
        self.append_sector(Sector::pack_falsely(number, contents, leaf))
            .await
    }

    async fn append_sector(&mut self, sector: Sector) -> SectorNumber {
        let number = sector.number;
        let (comm_d, comm_r) = (sector.comm_d(), sector.comm_r());
        let proof = self.farm.append(sector);
        self.provider
            .append(
                TREE,
                &self.farm.root(),
                &comm_d,
                &comm_r,
                SectorKind::Hot,
                &proof,
            )
            .await
            .unwrap();
        number
    }

    /// The period's beacon round, posted at its time.
    pub(crate) async fn post(&self, period: Period) -> beacon::Signature {
        self.world
            .anvil
            .mine_at(slow_schedule().round_time(period))
            .await
            .unwrap();
        let round = slow_schedule().round_of(period);
        let signature = self.world.beacon.sign(round.0).unwrap();
        self.owner
            .post_round(round, &signature.to_evm())
            .await
            .unwrap();
        signature
    }

    /// The window proof of the period, at the price it may cost.
    pub(crate) async fn prove(&mut self, period: Period) {
        let seed = self
            .provider
            .window_seed(address(PROVIDER), TREE, period)
            .await
            .unwrap();
        let proof = self.farm.window(&seed);
        let receipt = self
            .provider
            .prove_window(address(PROVIDER), TREE, period, &proof)
            .await
            .unwrap();
        assert!(
            receipt.gas_used < 300_000,
            "a window proof costs {} gas",
            receipt.gas_used
        );
    }
}

pub(crate) fn contents() -> Vec<Vec<u8>> {
    vec![
        vec![1; 127],
        (0..1_000_u32)
            .map(|i| (i % 251).try_into().unwrap())
            .collect(),
    ]
}

/// A 1-of-2 deal of these pieces over `periods`.
pub(crate) fn deal_of(contents: &[Vec<u8>], periods: u32) -> NewDeal {
    let slots = contents.iter().map(|bytes| NewSlot {
        content_id: ContentId::of(bytes),
        b: cairn_merkle::piece::b_for(bytes.len().try_into().unwrap()),
        byte_len: bytes.len().try_into().unwrap(),
        provider: address(PROVIDER),
    });
    NewDeal {
        slots: slots.collect(),
        periods,
        activation_periods: 2,
        ..new_deal(PRICE)
    }
}

/// Both slots of a deal, accepted by its owner.
pub(crate) fn activations(
    stage: &Stage,
    deal: DealId,
    sector: usize,
    contents: &[Vec<u8>],
) -> Vec<Activation> {
    let domain = stage.world.deployment.eip712_domain();
    let placed = &stage.farm.sector(sector).pieces;
    let both = placed
        .iter()
        .zip(contents)
        .zip(0..)
        .map(|((placed, bytes), slot)| {
            let terms = PieceTerms {
                deal,
                slot: SlotIndex(slot),
                provider: address(PROVIDER),
                content_id: ContentId::of(bytes),
                comm_p: placed.commitment.comm_p,
                b: placed.commitment.b,
                byte_len: placed.commitment.byte_len,
                expiry_unix: slow_schedule().round_time(Period(100)),
            };
            let acceptance = sign_acceptance(&domain, &terms, &key(OWNER)).unwrap();
            Activation {
                terms,
                acceptance,
                offset_leaves: placed.offset_leaves,
            }
        });
    both.collect()
}
