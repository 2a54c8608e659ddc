//! A fresh chain with a market on it. Its verifying keys have the right form and verify nothing: what
//! needs proofs takes the plan of [`crate::farm`].

use cairn_contracts::{
    Anvil, AnvilOptions, Chain, ChallengeTerms, CircuitSet, CollateralTerms, DeployPlan,
    Deployment, KeyPlan, NewDeal, NewSlot, RepairTerms, ReplicaTerms, Schedule, SetParameters,
    TokenPlan, deploy,
};
use cairn_prover::beacon;
use cairn_wire::{Address, Commitment, ContentId, SecretKey, SectorKind};

/// The chain begins here, whatever the machine's clock says.
pub(crate) const GENESIS: u64 = 1_800_000_000;
/// Tokens of each account.
pub(crate) const WEALTH: u128 = 1_000_000_000;

/// Accounts by role, as places in anvil's list.
pub(crate) const DEPLOYER: usize = 0;
pub(crate) const OWNER: usize = 1;
pub(crate) const PROVIDER: usize = 2;
pub(crate) const STRANGER: usize = 3;

pub(crate) struct World {
    pub(crate) anvil: Anvil,
    pub(crate) deployment: Deployment,
    pub(crate) beacon: beacon::SecretKey,
}

pub(crate) fn key(account: usize) -> SecretKey {
    Anvil::key(account).unwrap()
}

pub(crate) fn address(account: usize) -> Address {
    key(account).address()
}

/// Periods of 12 s, frozen 3 s before their round, due 6 s after it; period 1's round is at `GENESIS` + 72.
pub(crate) fn schedule() -> Schedule {
    Schedule {
        t0_unix: GENESIS + 60,
        period_s: 12,
        freeze_s: 3,
        due_s: 6,
        genesis_unix: GENESIS,
        round_s: 3,
    }
}

/// Two layers, one partition, a deposit of a thousand; a ticket lives ten periods, a proof is due after ten.
pub(crate) fn replica_terms() -> ReplicaTerms {
    ReplicaTerms {
        layers: 2,
        partitions: 1,
        ticket_age_s: 120,
        seed_delay_s: 3,
        due_s: 120,
        deposit: 1_000,
    }
}

/// A day to answer: at least two periods of every schedule here.
pub(crate) fn challenge_terms() -> ChallengeTerms {
    ChallengeTerms {
        bond: 100,
        per_step: 4,
        answer_due_s: 86_400,
        cooldown_s: 60,
    }
}

/// A commit counts ten seconds later.
pub(crate) fn repair_terms() -> RepairTerms {
    RepairTerms {
        commit_age_s: 10,
        commit_life_s: 600,
        right_life_s: 10,
        claim_s: 12,
        seal_periods: 10,
        seal_bond: 1_000,
    }
}

pub(crate) fn beacon_key() -> beacon::SecretKey {
    beacon::SecretKey::from_seed(&[7; 32]).unwrap()
}

/// A key no proof verifies under: the contracts demand its length and that gamma and delta differ.
pub(crate) fn empty_key(inputs: usize, circuit: u8) -> KeyPlan {
    let mut key = vec![0; 896 + 128 * (inputs + 1)];
    key[384] = circuit;
    key[640] = circuit + 100;
    KeyPlan {
        circuit_id: [circuit; 32],
        key,
    }
}

pub(crate) fn plan() -> DeployPlan {
    let mut empty_root = [0; 32];
    empty_root[31] = 5;
    DeployPlan {
        parameters: SetParameters {
            name: "test".to_owned(),
            sector_log2_leaves: 8,
            b_max: 6,
            post_samples: 2,
            tree_levels: 1,
            include_width: 2,
            empty_root: Commitment::from_be_bytes(empty_root).unwrap(),
        },
        replica_terms: replica_terms(),
        collateral_terms: CollateralTerms::default(),
        challenge_terms: challenge_terms(),
        repair_terms: repair_terms(),
        insecure_set: true,
        insecure_keys: true,
        schedule: schedule(),
        beacon_key: beacon_key().public_key().to_evm(),
        keys: CircuitSet {
            spacetime: empty_key(3, 1),
            append: empty_key(5, 2),
            retire: empty_key(3, 3),
            include: empty_key(5, 4),
            replica: empty_key(7, 5),
            dispute: empty_key(6, 6),
        },
        token: TokenPlan::Test {
            mint: (0..4).map(|account| (address(account), WEALTH)).collect(),
        },
    }
}

pub(crate) async fn anvil() -> Anvil {
    let options = AnvilOptions {
        timestamp_unix: Some(GENESIS),
        ..AnvilOptions::default()
    };
    Anvil::start(&options).await.unwrap()
}

pub(crate) fn urls(anvil: &Anvil) -> Vec<String> {
    vec![anvil.url().to_owned()]
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::of(&plan()).await
    }

    pub(crate) async fn of(plan: &DeployPlan) -> Self {
        let anvil = anvil().await;
        let deployment = deploy(&urls(&anvil), &key(DEPLOYER), plan).await.unwrap();
        Self {
            anvil,
            deployment,
            beacon: beacon_key(),
        }
    }

    pub(crate) async fn chain(&self, account: usize) -> Chain {
        Chain::connect(
            &urls(&self.anvil),
            self.deployment.clone(),
            Some(key(account)),
        )
        .await
        .unwrap()
    }

    pub(crate) async fn reader(&self) -> Chain {
        Chain::connect(&urls(&self.anvil), self.deployment.clone(), None)
            .await
            .unwrap()
    }

    /// A registered provider that asks for 2^40 a TiB: one token unit a byte.
    pub(crate) async fn provider(&self) -> Chain {
        let chain = self.chain(PROVIDER).await;
        chain
            .register_provider("127.0.0.1:4242", [9; 32], address(PROVIDER), 1 << 40)
            .await
            .unwrap();
        chain
    }
}

/// A 1-of-2 deal over two periods whose slots name the provider; each piece is one group of 127 bytes (4 leaves).
pub(crate) fn new_deal(price: u128) -> NewDeal {
    let slot = |byte: u8| NewSlot {
        content_id: ContentId::from([byte; 32]),
        b: 2,
        byte_len: 127,
        provider: address(PROVIDER),
    };
    NewDeal {
        k: 1,
        code_id: 1,
        kind: SectorKind::Hot,
        strip_bytes: 32_768,
        segment_bytes: 127,
        price_per_slot_period: price,
        periods: 2,
        activation_periods: 1,
        slots: vec![slot(1), slot(2)],
    }
}
