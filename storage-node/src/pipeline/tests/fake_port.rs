//! What the table answers to a node.

use cairn_contracts::{
    Activation, AuctionInfo, ChainEvent, ChainEventKind, ChallengeInfo, ChallengeStatus,
    CollateralAccount, DealInfo, Head, ProviderInfo, ReplicaChallenge, ReplicaInfo,
    SlotState as ChainSlot, SlotStatus, TreeState, TxReceipt, Uptime,
};
use cairn_merkle::Commitment;
use cairn_wire::{Address, DealId, Period, Round, SectorNumber, SlotIndex, TreeIndex};

use super::fake_chain::{CHALLENGE_DUE, FakeChain, ME, RANDOMNESS, SCHEDULE, TREE, seed_of};
use crate::chain::{Answer, AppendCall, ChainPort, Funds, PrecommitCall, SealedAppendCall};

impl ChainPort for FakeChain {
    fn head(&self) -> Answer<'_, Head> {
        self.answer("head", |table| Head {
            number: table.block,
            hash: table.hash_of(table.block),
            timestamp: table.time,
        })
    }
    fn block_hash(&self, number: u64) -> Answer<'_, Option<[u8; 32]>> {
        self.answer("block_hash", move |table| {
            (number <= table.block).then(|| table.hash_of(number))
        })
    }
    fn too_dear(&self) -> Answer<'_, Option<u128>> {
        self.answer("too_dear", |table| table.too_dear)
    }
    fn randomness(&self, round: Round) -> Answer<'_, Option<[u8; 32]>> {
        self.answer("randomness", move |table| {
            let unposted = table.unposted.iter();
            let mut rounds = unposted.map(|period| SCHEDULE.round_of(*period));
            (!rounds.any(|unposted| unposted == round)).then_some(RANDOMNESS)
        })
    }
    fn reserve_number(&self) -> Answer<'_, TxReceipt> {
        self.transact("reserve_number", |table| {
            table.numbers += 1;
            table.reserved.insert(SectorNumber(table.numbers));
            Ok(())
        })
    }
    fn is_reserved(&self, number: SectorNumber) -> Answer<'_, bool> {
        self.answer("is_reserved", move |table| table.reserved.contains(&number))
    }
    fn replica(&self, number: SectorNumber) -> Answer<'_, Option<ReplicaInfo>> {
        self.answer("replica", move |table| table.replicas.get(&number).copied())
    }
    fn replica_challenge(&self, number: SectorNumber) -> Answer<'_, Option<ReplicaChallenge>> {
        self.answer("replica_challenge", move |table| table.challenge(number))
    }
    fn replica_due(&self, number: SectorNumber) -> Answer<'_, Option<u64>> {
        self.answer("replica_due", move |table| table.due(number))
    }
    fn funds(&self) -> Answer<'_, Funds> {
        self.answer("funds", |table| table.funds)
    }
    fn precommit(&self, call: PrecommitCall) -> Answer<'_, TxReceipt> {
        self.transact("precommit", move |table| table.precommit(&call))
    }
    fn prove_replica(&self, number: SectorNumber, proofs: Vec<[u8; 512]>) -> Answer<'_, TxReceipt> {
        self.transact("prove_replica", move |table| {
            table.prove_replica(number, &proofs)
        })
    }
    fn append_sealed(&self, call: SealedAppendCall) -> Answer<'_, TxReceipt> {
        self.transact("append_sealed", move |table| table.append_sealed(&call))
    }
    fn tree(&self, _tree: TreeIndex) -> Answer<'_, TreeState> {
        self.answer("tree", |table| {
            let (pending_root, pending_count) = table.frozen(Period(u64::MAX));
            let (active_root, active_count) = table.frozen(SCHEDULE.period_of(table.time));
            let effective_period = SCHEDULE.open_period(table.time);
            TreeState {
                active_root,
                active_count,
                pending_root,
                pending_count,
                effective_period,
            }
        })
    }
    fn frozen_tree(&self, _tree: TreeIndex, period: Period) -> Answer<'_, (Commitment, u32)> {
        self.answer("frozen_tree", |table| table.frozen(period))
    }
    fn next_sector_number(&self) -> Answer<'_, SectorNumber> {
        self.answer("next_sector_number", |table| {
            SectorNumber(table.numbers + 1)
        })
    }
    fn append(&self, call: AppendCall) -> Answer<'_, TxReceipt> {
        self.transact("append", |table| table.append(&call))
    }
    fn window_seed(&self, _tree: TreeIndex, period: Period) -> Answer<'_, [u8; 32]> {
        self.answer("window_seed", |_| seed_of(period))
    }
    fn prove_window(
        &self,
        _tree: TreeIndex,
        period: Period,
        proof: [u8; 512],
    ) -> Answer<'_, TxReceipt> {
        self.transact("prove_window", |table| table.prove(period, &proof))
    }
    fn proven(&self, _tree: TreeIndex, period: Period) -> Answer<'_, bool> {
        self.answer("proven", |table| table.proven.contains(&period))
    }
    fn uptime(&self, _tree: TreeIndex, period: Period) -> Answer<'_, Uptime> {
        self.answer("uptime", |table| {
            let proven = u64::from(table.proven.contains(&period));
            let empty = u64::from(table.frozen(period).1 == 0);
            Uptime {
                proven,
                empty,
                missed: 1 - proven.max(empty),
                void: 0,
            }
        })
    }
    fn deal(&self, deal: DealId) -> Answer<'_, Option<DealInfo>> {
        self.answer("deal", move |table| table.deals.get(&deal).cloned())
    }
    fn provider(&self, provider: Address) -> Answer<'_, Option<ProviderInfo>> {
        self.answer("provider", move |table| {
            table.providers.get(&provider).cloned()
        })
    }
    fn slot(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, ChainSlot> {
        self.answer("slot", |table| {
            let status = if table.filled.contains(&(deal, slot)) {
                let comm_p = Commitment::default();
                let sector = SectorNumber(1);
                SlotStatus::Filled {
                    provider: ME,
                    tree: TREE,
                    sector,
                    offset_leaves: 0,
                    comm_p,
                    first_period: Period(1),
                }
            } else if table.open_repairs.contains(&(deal, slot)) {
                SlotStatus::Freed
            } else {
                SlotStatus::Empty
            };
            let challenged = table
                .challenges
                .values()
                .any(|c| (c.deal, c.slot, c.status) == (deal, slot, ChallengeStatus::Open))
                && !table.unchallenged.contains(&(deal, slot));
            ChainSlot {
                status,
                paid_periods: 0,
                challenged,
                freed_at_unix: 0,
                paid: 0,
            }
        })
    }
    fn activate(
        &self,
        number: SectorNumber,
        activations: Vec<Activation>,
        _proof: [u8; 512],
    ) -> Answer<'_, TxReceipt> {
        self.transact("activate", |table| table.activate(number, &activations))
    }
    fn settle_many(&self, slots: Vec<(DealId, SlotIndex)>) -> Answer<'_, TxReceipt> {
        self.transact("settle_many", move |table| {
            table.settled.extend(slots);
            Ok(())
        })
    }
    fn collateral(&self) -> Answer<'_, CollateralAccount> {
        self.answer("collateral", |table| table.collateral)
    }
    fn deposit_collateral(&self, tokens: u128) -> Answer<'_, TxReceipt> {
        self.transact("deposit_collateral", move |table| {
            let left = table.funds.balance.checked_sub(tokens);
            table.funds.balance = left.ok_or("ERC20InsufficientBalance")?;
            table.collateral.total += tokens;
            table.collateral.free += tokens;
            Ok(())
        })
    }
    fn missed(&self, provider: Address, tree: TreeIndex, period: Period) -> Answer<'_, bool> {
        self.answer("missed", move |table| {
            table.misses.contains(&(provider, tree, period))
        })
    }
    fn at_risk(
        &self,
        _provider: Address,
        _tree: TreeIndex,
        _period: Period,
    ) -> Answer<'_, (u128, u128)> {
        self.answer("at_risk", |table| table.at_risk)
    }
    fn report_miss(
        &self,
        provider: Address,
        tree: TreeIndex,
        period: Period,
    ) -> Answer<'_, TxReceipt> {
        self.transact("report_miss", move |table| {
            let fresh = table.misses.contains(&(provider, tree, period))
                && table.reported.insert((provider, tree, period));
            fresh
                .then_some(())
                .ok_or_else(|| "Collateral_NotMissed".to_owned())
        })
    }
    fn misses_in_a_row(&self, provider: Address, tree: TreeIndex) -> Answer<'_, u64> {
        self.answer("misses_in_a_row", move |table| {
            let ours = |miss: &&(Address, TreeIndex, Period)| (miss.0, miss.1) == (provider, tree);
            table.misses.iter().filter(ours).count() as u64
        })
    }
    fn terminate(&self, provider: Address, tree: TreeIndex) -> Answer<'_, TxReceipt> {
        self.transact("terminate", move |table| {
            table.emit(ChainEventKind::TreeTerminated {
                provider,
                tree,
                last_period: Period(0),
            });
            Ok(())
        })
    }
    fn free(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, TxReceipt> {
        self.transact("free", move |table| {
            table.freed.push((deal, slot));
            Ok(())
        })
    }
    fn open_challenges(&self) -> Answer<'_, Vec<u64>> {
        self.answer("open_challenges", |table| {
            let open = |(_, c): &(&u64, &ChallengeInfo)| c.status == ChallengeStatus::Open;
            let found = table.challenges.iter().filter(open);
            found.map(|(id, _)| *id).collect()
        })
    }
    fn challenge(&self, id: u64) -> Answer<'_, Option<ChallengeInfo>> {
        self.answer("challenge", move |table| table.challenges.get(&id).copied())
    }
    fn challenge_seed(&self, id: u64) -> Answer<'_, Option<([u8; 32], u64)>> {
        self.answer("challenge_seed", move |table| {
            let challenge = table.challenges.get(&id)?;
            let known = table.time >= SCHEDULE.round_time(challenge.seed_period);
            known.then(|| (seed_of(challenge.seed_period), CHALLENGE_DUE))
        })
    }
    fn expire_challenge(&self, id: u64) -> Answer<'_, TxReceipt> {
        self.transact("expire_challenge", move |table| {
            let challenge = table.challenges.get_mut(&id).ok_or("Challenges_NotOpen")?;
            challenge.status = ChallengeStatus::Failed;
            Ok(())
        })
    }
    fn close(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, TxReceipt> {
        self.transact("close", move |table| {
            table.emit(ChainEventKind::SlotClosed {
                deal,
                slot,
                refund: 0,
            });
            Ok(())
        })
    }
    fn answer_challenge(&self, id: u64, index: u32, proof: [u8; 512]) -> Answer<'_, TxReceipt> {
        self.transact("answer_challenge", move |table| {
            table.answer_challenge(id, index, &proof)
        })
    }
    fn repair_committed_at(
        &self,
        deal: DealId,
        slot: SlotIndex,
        salt: [u8; 32],
    ) -> Answer<'_, Option<u64>> {
        self.answer("repair_committed_at", move |table| {
            table.commits.get(&(deal, slot, salt)).copied()
        })
    }
    fn commit_repair(
        &self,
        deal: DealId,
        slot: SlotIndex,
        salt: [u8; 32],
    ) -> Answer<'_, TxReceipt> {
        self.transact("commit_repair", move |table| {
            let time = table.time;
            table.commits.insert((deal, slot, salt), time);
            Ok(())
        })
    }
    fn reveal_repair(
        &self,
        deal: DealId,
        slot: SlotIndex,
        salt: [u8; 32],
    ) -> Answer<'_, TxReceipt> {
        self.transact("reveal_repair", move |table| {
            let committed = table.commits.get(&(deal, slot, salt));
            let young = committed.is_none_or(|since| table.time < since + 3);
            if young {
                return Err("Repairs_CommitTooYoung".to_owned());
            }
            let until = table.time + 60;
            table.rights.insert((deal, slot), until);
            Ok(())
        })
    }
    fn right_until(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, Option<u64>> {
        self.answer("right_until", move |table| {
            let until = table.rights.get(&(deal, slot)).copied();
            until.filter(|until| *until >= table.time)
        })
    }
    fn auction(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, AuctionInfo> {
        self.answer("auction", move |table| {
            let (turn, time) = (table.turn((deal, slot)), table.time);
            let nobody = AuctionInfo {
                turn,
                ..AuctionInfo::default()
            };
            let running = table.running((deal, slot));
            running.map_or(nobody, |auction| auction.seen(turn, time))
        })
    }
    fn enter_auction(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, TxReceipt> {
        self.transact("enter_auction", move |table| table.enter((deal, slot)))
    }
    fn claim_auction(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, TxReceipt> {
        self.transact("claim_auction", move |table| table.claim((deal, slot)))
    }
    fn expire_auction(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, TxReceipt> {
        self.transact("expire_auction", move |table| table.expire((deal, slot)))
    }
    fn bond_refundable(&self, deal: DealId, slot: SlotIndex, turn: u32) -> Answer<'_, bool> {
        self.answer("bond_refundable", move |table| {
            table.is_refundable((deal, slot, turn))
        })
    }
    fn refund_bond(&self, deal: DealId, slot: SlotIndex, turn: u32) -> Answer<'_, TxReceipt> {
        self.transact("refund_bond", move |table| table.refund((deal, slot, turn)))
    }
    fn repair_credit(&self) -> Answer<'_, u128> {
        self.answer("repair_credit", |table| table.repair_credit)
    }
    fn withdraw_repair_bonds(&self) -> Answer<'_, TxReceipt> {
        self.transact("withdraw_repair_bonds", |table| {
            table.funds.balance += std::mem::take(&mut table.repair_credit);
            Ok(())
        })
    }
    fn events(&self, from_block: u64, to_block: u64) -> Answer<'_, Vec<ChainEvent>> {
        self.answer("events", |table| {
            table
                .events
                .iter()
                .filter(|event| (from_block..=to_block).contains(&event.block))
                .cloned()
                .collect()
        })
    }
}
