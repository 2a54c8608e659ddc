//! The chain as a table.

use std::sync::{Arc, Mutex, MutexGuard};

use cairn_client::{Market, ReplicaUnderWay};
use cairn_contracts::{
    ChainError, DealInfo, Head, NewDeal, ProviderInfo, Schedule, SetParameters, SlotState,
    SlotStatus, TxReceipt, Uptime,
};
use cairn_wire::{
    Address, Commitment, DealId, Eip712Domain, Period, SectorNumber, SlotIndex, TreeIndex,
};

pub(crate) const NOW: u64 = 1_000_000;

/// What the chain holds.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) providers: Vec<ProviderInfo>,
    pub(crate) deals: Vec<DealInfo>,
    pub(crate) filled: Vec<(DealId, SlotIndex, Address, Commitment)>,
    pub(crate) replicas: Vec<ReplicaUnderWay>,
    pub(crate) transactions: usize,
    pub(crate) challenges: Vec<(DealId, SlotIndex)>,
    pub(crate) balance: u128,
}

/// A handle to the table; clones share it.
#[derive(Clone)]
pub(crate) struct TableMarket {
    table: Arc<Mutex<Table>>,
    owner: Address,
    b_max: u8,
}

impl TableMarket {
    pub(crate) fn new(owner: Address, b_max: u8) -> Self {
        let table = Table {
            balance: u128::from(u64::MAX),
            ..Table::default()
        };
        Self {
            table: Arc::new(Mutex::new(table)),
            owner,
            b_max,
        }
    }

    pub(crate) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap()
    }

    fn receipt() -> TxReceipt {
        TxReceipt {
            tx: [7; 32],
            block: 100,
            block_hash: [1; 32],
            gas_used: 1,
        }
    }

    pub(crate) fn domain_of() -> Eip712Domain {
        Eip712Domain {
            chain_id: 31337,
            deals: Address([0xde; 20]),
        }
    }

    /// The deal as a node finds it on chain.
    pub(crate) fn find(&self, deal: DealId) -> Option<DealInfo> {
        self.table()
            .deals
            .iter()
            .find(|info| info.id == deal)
            .cloned()
    }

    /// A node's activation.
    pub(crate) fn fill(
        &self,
        deal: DealId,
        slot: SlotIndex,
        provider: Address,
        comm_p: Commitment,
    ) {
        self.table().filled.push((deal, slot, provider, comm_p));
    }
}

impl Market for TableMarket {
    fn domain(&self) -> Eip712Domain {
        Self::domain_of()
    }

    fn schedule(&self) -> Schedule {
        Schedule {
            genesis_unix: 0,
            round_s: 3,
            t0_unix: NOW,
            period_s: 36,
            freeze_s: 6,
            due_s: 27,
        }
    }

    fn parameters(&self) -> SetParameters {
        SetParameters {
            name: "devnet".into(),
            sector_log2_leaves: 20,
            b_max: self.b_max,
            post_samples: 4,
            tree_levels: 3,
            include_width: 2,
            empty_root: Commitment::from_bytes([0; 32]).unwrap(),
        }
    }

    async fn head(&self) -> Result<Head, ChainError> {
        Ok(Head {
            number: 100,
            hash: [1; 32],
            timestamp: NOW,
        })
    }

    async fn providers(&self) -> Result<Vec<ProviderInfo>, ChainError> {
        Ok(self.table().providers.clone())
    }

    async fn balance_of(&self, account: Address) -> Result<u128, ChainError> {
        Ok(if account == self.owner {
            self.table().balance
        } else {
            0
        })
    }

    async fn open_deals(&self, deals: &[NewDeal]) -> Result<(Vec<DealId>, TxReceipt), ChainError> {
        let mut table = self.table();
        table.transactions += 1;
        let mut ids = Vec::new();
        for deal in deals {
            let id = DealId(table.deals.len() as u64 + 1);
            let n = u16::try_from(deal.slots.len()).unwrap();
            let escrow = u128::from(n) * deal.price_per_slot_period * u128::from(deal.periods);
            table.balance -= escrow;
            table.deals.push(DealInfo {
                id,
                owner: self.owner,
                k: deal.k,
                n,
                code_id: deal.code_id,
                kind: deal.kind,
                strip_bytes: deal.strip_bytes,
                segment_bytes: deal.segment_bytes,
                price_per_slot_period: deal.price_per_slot_period,
                start_period: Period(1),
                end_period: Period(u64::from(deal.periods)),
                activate_by: Period(u64::from(deal.activation_periods)),
                filled: 0,
                live: 0,
                closed: 0,
                scarce_since_unix: None,
                cancelled: false,
                escrow_left: escrow,
                slots: deal.slots.clone(),
            });
            ids.push(id);
        }
        Ok((ids, Self::receipt()))
    }

    async fn deal(&self, deal: DealId) -> Result<Option<DealInfo>, ChainError> {
        Ok(self.find(deal))
    }

    async fn slot(&self, deal: DealId, slot: SlotIndex) -> Result<SlotState, ChainError> {
        let table = self.table();
        let filled = table
            .filled
            .iter()
            .find(|(id, index, _, _)| *id == deal && *index == slot);
        let status = filled.map_or(SlotStatus::Empty, |(_, _, provider, comm_p)| {
            SlotStatus::Filled {
                provider: *provider,
                tree: TreeIndex(0),
                sector: SectorNumber(1),
                offset_leaves: 0,
                comm_p: *comm_p,
                first_period: Period(2),
            }
        });
        Ok(SlotState {
            status,
            paid_periods: 0,
            challenged: false,
            freed_at_unix: 0,
            paid: 0,
        })
    }

    async fn challenge(
        &self,
        deal: DealId,
        slot: SlotIndex,
        _most_bond: u128,
    ) -> Result<u64, ChainError> {
        let mut table = self.table();
        table.challenges.push((deal, slot));
        Ok(table.challenges.len() as u64)
    }

    async fn extend(&self, _deal: DealId, _periods: u32) -> Result<TxReceipt, ChainError> {
        Ok(Self::receipt())
    }

    async fn end_early(&self, _deal: DealId) -> Result<TxReceipt, ChainError> {
        Ok(Self::receipt())
    }

    async fn end_lost(&self, _deal: DealId) -> Result<TxReceipt, ChainError> {
        Ok(Self::receipt())
    }

    async fn uptime(
        &self,
        _provider: Address,
        _tree: TreeIndex,
        from: Period,
        to: Period,
    ) -> Result<Uptime, ChainError> {
        assert!(from <= to, "a span");
        Ok(Uptime {
            proven: 5,
            missed: 1,
            void: 2,
            empty: 0,
        })
    }

    async fn sectors_of(&self, _provider: Address, _tree: TreeIndex) -> Result<u32, ChainError> {
        Ok(3)
    }

    async fn replicas_under_way(&self) -> Result<Vec<ReplicaUnderWay>, ChainError> {
        Ok(self.table().replicas.clone())
    }
}
