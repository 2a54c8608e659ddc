//! The pure twins against the contracts themselves, and `cairn-wire`'s signatures against alloy's derivation.

use alloy::primitives::{Address as EvmAddress, B256, Bytes, U256};
use alloy::sol_types::{SolCall, SolStruct, eip712_domain};
use cairn_contracts::seed::WindowStatement;
use cairn_contracts::settlement::least_price;
use cairn_wire::{
    Address, Commitment, ContentId, DealId, Eip712Domain, Period, PieceTerms, Round, SlotIndex,
    TreeIndex, acceptance_digest, receipt_digest,
};
use serde_json::json;

use crate::world::{World, schedule};

#[expect(clippy::too_many_arguments, reason = "generated from the ABI")]
mod abi {
    pub(super) mod sectors {
        alloy::sol!(Sectors, "artifacts/Sectors.json");
    }
    pub(super) mod replicas {
        alloy::sol!(Replicas, "artifacts/Replicas.json");
    }
    pub(super) mod deals {
        alloy::sol!(Deals, "artifacts/Deals.json");
    }
    alloy::sol! {
        struct Receipt {
            uint64 deal;
            uint8 slot;
            address provider;
            bytes32 contentId;
            uint256 commP;
            uint8 b;
            uint64 byteLen;
            uint64 expiry;
        }

        struct Acceptance {
            uint64 deal;
            uint8 slot;
            address provider;
            bytes32 contentId;
            uint256 commP;
            uint8 b;
            uint64 byteLen;
            uint64 expiry;
        }
    }
}
use abi::deals::Deals;
use abi::sectors::Sectors;

/// The same numbers everywhere.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 20) % bound
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.below(256).try_into().unwrap())
    }
}

async fn ask<C: SolCall>(world: &World, to: Address, call: C) -> C::Return {
    let request = json!({ "to": to.to_string(), "input": Bytes::from(call.abi_encode()) });
    let answer = world
        .anvil
        .command("eth_call", json!([request, "latest"]))
        .await
        .unwrap();
    C::abi_decode_returns(&serde_json::from_value::<Bytes>(answer).unwrap()).unwrap()
}

#[tokio::test]
async fn times_are_the_contracts() {
    let world = World::start().await;
    let (sectors, schedule) = (world.deployment.sectors, schedule());
    let mut numbers = Numbers(1);
    for period in [1, 2, 3, 1_000_000]
        .into_iter()
        .chain((0..10).map(|_| 1 + numbers.below(1 << 40)))
    {
        let p = Period(period);
        assert_eq!(
            ask(&world, sectors, Sectors::roundTimeCall { period }).await,
            schedule.round_time(p),
            "{p}"
        );
        assert_eq!(
            ask(&world, sectors, Sectors::freezeTimeCall { period }).await,
            schedule.freeze_time(p),
            "{p}"
        );
        assert_eq!(
            ask(&world, sectors, Sectors::deadlineCall { period }).await,
            schedule.deadline(p),
            "{p}"
        );
        let round = Round(ask(&world, sectors, Sectors::roundOfCall { period }).await);
        assert_eq!(round, schedule.round_of(p), "{p}");
    }
    let edges = (1..4).map(Period).flat_map(|p| {
        [
            schedule.freeze_time(p),
            schedule.round_time(p),
            schedule.deadline(p),
        ]
    });
    let times: Vec<u64> = edges.flat_map(|time| [time - 1, time, time + 1]).collect();
    for time in [0, 1, schedule.t0_unix - 1, schedule.t0_unix]
        .into_iter()
        .chain(times)
    {
        let open = Period(ask(&world, sectors, Sectors::openPeriodCall { time }).await);
        assert_eq!(open, schedule.open_period(time), "open at {time}");
        let closed = Period(ask(&world, sectors, Sectors::lastClosedPeriodCall { time }).await);
        assert_eq!(
            closed,
            schedule.last_closed_period(time),
            "closed at {time}"
        );
        let after = Period(ask(&world, sectors, Sectors::periodAfterCall { time }).await);
        assert_eq!(after, schedule.period_after(time), "round behind {time}");
    }
}

#[tokio::test]
async fn window_seeds_are_the_contracts() {
    let world = World::start().await;
    let mut numbers = Numbers(2);
    for _ in 0..25 {
        let statement = WindowStatement {
            chain_id: world.deployment.chain_id,
            sectors: world.deployment.sectors,
            circuit_id: world.deployment.keys.spacetime.circuit_id,
            sector_log2_leaves: world.deployment.parameters.sector_log2_leaves,
            provider: Address(numbers.bytes()),
            tree: TreeIndex(numbers.below(1 << 32).try_into().unwrap()),
            period: Period(numbers.below(1 << 44)),
            count: numbers.below(1 << 32).try_into().unwrap(),
        };
        let randomness: [u8; 32] = numbers.bytes();
        let call = Sectors::windowSeedCall {
            provider: EvmAddress::from(statement.provider.0),
            tree_: statement.tree.0,
            period: statement.period.0,
            count: statement.count,
            randomness: B256::from(randomness),
        };
        let theirs: U256 = ask(&world, statement.sectors, call).await;
        assert_eq!(
            statement.seed(&randomness),
            theirs.to_le_bytes::<32>(),
            "{statement:?}"
        );
    }
}

#[tokio::test]
async fn least_prices_are_the_contracts() {
    let world = World::start().await;
    let mut numbers = Numbers(3);
    for _ in 0..25 {
        let ask_per_tib = u128::from(numbers.below(1 << 44)) << numbers.below(60);
        let b: u8 = numbers.below(36).try_into().unwrap();
        let call = Deals::leastPriceCall {
            askPerTibPeriod: ask_per_tib,
            b,
        };
        let theirs = ask(&world, world.deployment.deals, call).await;
        assert_eq!(
            least_price(ask_per_tib, b).map(U256::from),
            Some(theirs),
            "{ask_per_tib} for 2^{b} leaves"
        );
    }
}

fn terms(numbers: &mut Numbers) -> PieceTerms {
    let mut comm_p: [u8; 32] = numbers.bytes();
    comm_p[31] = 0;
    PieceTerms {
        deal: DealId(numbers.below(u64::MAX)),
        slot: SlotIndex(numbers.below(256).try_into().unwrap()),
        provider: Address(numbers.bytes()),
        content_id: ContentId::from(numbers.bytes()),
        comm_p: Commitment::from_bytes(comm_p).unwrap(),
        b: numbers.below(40).try_into().unwrap(),
        byte_len: numbers.below(u64::MAX),
        expiry_unix: numbers.below(u64::MAX),
    }
}

#[tokio::test]
async fn what_owners_sign_is_what_the_contract_and_alloy_derive() {
    let world = World::start().await;
    let domain = world.deployment.eip712_domain();
    let mut numbers = Numbers(4);
    let separator: B256 = ask(
        &world,
        world.deployment.deals,
        Deals::domainSeparatorCall {},
    )
    .await;
    assert_eq!(domain.separator(), separator.0, "domain");
    for _ in 0..10 {
        let terms = terms(&mut numbers);
        let piece = Deals::Slot {
            contentId: B256::from(*terms.content_id.as_bytes()),
            provider: EvmAddress::from(terms.provider.0),
            byteLen: terms.byte_len,
            b: terms.b,
        };
        let call = Deals::acceptanceDigestCall {
            deal: terms.deal.0,
            slot: terms.slot.0,
            piece,
            commP: U256::from_be_bytes(terms.comm_p.to_be_bytes()),
            expiry: terms.expiry_unix,
        };
        let theirs: B256 = ask(&world, world.deployment.deals, call).await;
        assert_eq!(acceptance_digest(&domain, &terms), theirs.0, "{terms:?}");
    }
}

#[test]
fn receipts_and_acceptances_are_hashed_as_alloy_hashes_them() {
    let mut numbers = Numbers(5);
    for _ in 0..50 {
        let (terms, deals, chain_id) = (
            terms(&mut numbers),
            Address(numbers.bytes()),
            numbers.below(u64::MAX),
        );
        let domain = Eip712Domain { chain_id, deals };
        let theirs = eip712_domain! {
            name: "Cairn",
            version: "1",
            chain_id: chain_id,
            verifying_contract: EvmAddress::from(deals.0),
        };
        let (provider, content) = (
            EvmAddress::from(terms.provider.0),
            B256::from(*terms.content_id.as_bytes()),
        );
        let comm_p = U256::from_be_bytes(terms.comm_p.to_be_bytes());
        let receipt = abi::Receipt {
            deal: terms.deal.0,
            slot: terms.slot.0,
            provider,
            contentId: content,
            commP: comm_p,
            b: terms.b,
            byteLen: terms.byte_len,
            expiry: terms.expiry_unix,
        };
        let acceptance = abi::Acceptance {
            deal: terms.deal.0,
            slot: terms.slot.0,
            provider,
            contentId: content,
            commP: comm_p,
            b: terms.b,
            byteLen: terms.byte_len,
            expiry: terms.expiry_unix,
        };
        assert_eq!(
            receipt_digest(&domain, &terms),
            receipt.eip712_signing_hash(&theirs).0,
            "Receipt of {terms:?}"
        );
        let digest = acceptance_digest(&domain, &terms);
        assert_eq!(
            digest,
            acceptance.eip712_signing_hash(&theirs).0,
            "Acceptance of {terms:?}"
        );
    }
}
