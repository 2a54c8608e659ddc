//! Sector trees and window proofs.

use alloy::sol_types::SolEvent;
use cairn_wire::{Address, Commitment, Period, SectorKind, SectorNumber, TreeIndex};

use super::{Chain, Contract, EvmProof, receipt_of};
use crate::abi::sectors::Sectors;
use crate::convert::{commitment, evm, kind, nonsense, word};
use crate::error::ChainError;
use crate::market::{SectorInfo, TreeState, TxReceipt, Uptime, Window};
use crate::seed::WindowStatement;

impl Chain {
    /// A tree's state, as of the newest block.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn tree(&self, provider: Address, tree: TreeIndex) -> Result<TreeState, ChainError> {
        let call = Sectors::treeCall {
            provider: evm(provider),
            tree_: tree.0,
        };
        let state = self.view(Contract::Sectors, &call).await?;
        Ok(TreeState {
            active_root: commitment(state.activeRoot, "Sectors.tree")?,
            active_count: state.activeCount,
            pending_root: commitment(state.pendingRoot, "Sectors.tree")?,
            pending_count: state.pendingCount,
            effective_period: Period(state.effectivePeriod),
        })
    }

    /// Root and count that a period's proof is checked against: final from the period's freeze on.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Trees_PeriodForgotten` once two later changes were frozen.
    pub async fn frozen_tree(
        &self,
        provider: Address,
        tree: TreeIndex,
        period: Period,
    ) -> Result<(Commitment, u32), ChainError> {
        let call = Sectors::frozenCall {
            provider: evm(provider),
            tree_: tree.0,
            period: period.0,
        };
        let frozen = self.view(Contract::Sectors, &call).await?;
        Ok((commitment(frozen.root, "Sectors.frozen")?, frozen.count))
    }

    /// The number the provider's next sector will have.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn next_sector_number(&self, provider: Address) -> Result<SectorNumber, ChainError> {
        let last = self
            .view(
                Contract::Sectors,
                &Sectors::lastNumberCall {
                    provider: evm(provider),
                },
            )
            .await?;
        Ok(SectorNumber(last.saturating_add(1)))
    }

    /// Takes the account's next numbers, 1 to 256 of them, for replicas; the first of the run.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Sectors_ReserveCount`.
    pub async fn reserve_numbers(
        &self,
        count: u16,
    ) -> Result<(SectorNumber, TxReceipt), ChainError> {
        let receipt = self
            .transact(Contract::Sectors, &Sectors::reserveCall { count })
            .await?;
        let first = receipt.logs.iter().find_map(|log| {
            Sectors::NumbersReserved::decode_log_data(&log.data()?)
                .ok()
                .map(|event| SectorNumber(event.first))
        });
        let first = first.ok_or_else(|| nonsense("Sectors.reserve", "no number was reserved"))?;
        Ok((first, receipt_of(&receipt)?))
    }

    /// Whether a number was reserved for a replica; it stays so for ever.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn is_reserved(
        &self,
        provider: Address,
        number: SectorNumber,
    ) -> Result<bool, ChainError> {
        let call = Sectors::isReservedCall {
            provider: evm(provider),
            number: number.0,
        };
        self.view(Contract::Sectors, &call).await
    }

    /// An open sector; none when the number was never used or the sector was retired.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn sector(
        &self,
        provider: Address,
        number: SectorNumber,
    ) -> Result<Option<SectorInfo>, ChainError> {
        let call = Sectors::sectorCall {
            provider: evm(provider),
            number: number.0,
        };
        let sector = self.view(Contract::Sectors, &call).await?;
        if !sector.open {
            return Ok(None);
        }
        Ok(Some(SectorInfo {
            comm_d: commitment(sector.commD, "Sectors.sector")?,
            comm_r: commitment(sector.commR, "Sectors.sector")?,
            kind: kind(sector.kind, "Sectors.sector")?,
            tree: TreeIndex(sector.tree),
            index_at_append: sector.indexAtAppend,
            first_period: Period(sector.firstPeriod),
            idle_since: Period(sector.idleSince),
            live_slots: sector.liveSlots,
        }))
    }

    /// Appends the account's next sector to one of its trees. The proof is against the tree's pending root and count
    /// and the account's next sector number.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Sectors_KindRefused`, `Sectors_TreeFull`, `Verifier_ProofRefused` and the other
    /// refusals of the verifier.
    pub async fn append(
        &self,
        tree: TreeIndex,
        new_root: &Commitment,
        comm_d: &Commitment,
        comm_r: &Commitment,
        kind: SectorKind,
        proof: &EvmProof,
    ) -> Result<TxReceipt, ChainError> {
        let call = Sectors::appendCall {
            tree_: tree.0,
            newRoot: word(new_root),
            commD: word(comm_d),
            commR: word(comm_r),
            kind: kind.code(),
            proof: proof.to_vec().into(),
        };
        receipt_of(&self.transact(Contract::Sectors, &call).await?)
    }

    /// Appends the sector of a proven replica to one of the account's trees. The proof is of `append` with kind sealed,
    /// against the tree's pending root and count, the replica's number and the commitments it was precommitted with.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Replicas_NotProven`, `Sectors_TreeFull`, `Verifier_ProofRefused` and the other
    /// refusals of the verifier.
    pub async fn append_sealed(
        &self,
        tree: TreeIndex,
        number: SectorNumber,
        new_root: &Commitment,
        proof: &EvmProof,
    ) -> Result<TxReceipt, ChainError> {
        let call = Sectors::appendSealedCall {
            tree_: tree.0,
            number: number.0,
            newRoot: word(new_root),
            proof: proof.to_vec().into(),
        };
        receipt_of(&self.transact(Contract::Sectors, &call).await?)
    }

    /// Takes a sector out of a tree; the last one, `moved`, goes to its place.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Sectors_NotOpen`, `Sectors_OtherTree`, `Sectors_LiveSlots`, `Sectors_NotYours` and
    /// the refusals of the verifier.
    pub async fn retire(
        &self,
        retirement: &Retirement,
        proof: &EvmProof,
    ) -> Result<TxReceipt, ChainError> {
        let call = Sectors::retireCall {
            provider: evm(retirement.provider),
            tree_: retirement.tree.0,
            number: retirement.number.0,
            index: retirement.index,
            movedNumber: retirement.moved.0,
            newRoot: word(&retirement.new_root),
            proof: proof.to_vec().into(),
        };
        receipt_of(&self.transact(Contract::Sectors, &call).await?)
    }

    /// What a window proof of a period has to show: root and count frozen for it, and its seed.
    ///
    /// # Errors
    /// [`ChainError`], [`ChainError::RoundUnknown`] until the period's beacon round was posted.
    pub async fn window(
        &self,
        provider: Address,
        tree: TreeIndex,
        period: Period,
    ) -> Result<Window, ChainError> {
        let round = self.schedule().round_of(period);
        let randomness = self
            .randomness(round)
            .await?
            .ok_or(ChainError::RoundUnknown { period, round })?;
        let (root, count) = self.frozen_tree(provider, tree, period).await?;
        let deployment = self.deployment();
        let statement = WindowStatement {
            chain_id: deployment.chain_id,
            sectors: deployment.sectors,
            circuit_id: deployment.keys.spacetime.circuit_id,
            sector_log2_leaves: deployment.parameters.sector_log2_leaves,
            provider,
            tree,
            period,
            count,
        };
        Ok(Window {
            root,
            count,
            seed: statement.seed(&randomness),
        })
    }

    /// The seed of a window proof as a canonical element, little-endian.
    ///
    /// # Errors
    /// As [`Chain::window`].
    pub async fn window_seed(
        &self,
        provider: Address,
        tree: TreeIndex,
        period: Period,
    ) -> Result<[u8; 32], ChainError> {
        Ok(self.window(provider, tree, period).await?.seed)
    }

    /// Hands in a window proof, from the round's time to the period's deadline.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Sectors_OutsideWindow`, `Sectors_AlreadyProven`, `Sectors_TreeEmpty`,
    /// `Sectors_RoundUnknown` and the refusals of the verifier.
    pub async fn prove_window(
        &self,
        provider: Address,
        tree: TreeIndex,
        period: Period,
        proof: &EvmProof,
    ) -> Result<TxReceipt, ChainError> {
        let call = Sectors::proveWindowCall {
            provider: evm(provider),
            tree_: tree.0,
            period: period.0,
            skips: 0,
            proof: proof.to_vec().into(),
        };
        receipt_of(&self.transact_urgent(Contract::Sectors, &call).await?)
    }

    /// [`Chain::prove_window`] that brings the round's signature (G1, EIP-2537) with it.
    ///
    /// # Errors
    /// As [`Chain::prove_window`] and [`Chain::post_round`].
    pub async fn post_and_prove(
        &self,
        provider: Address,
        tree: TreeIndex,
        period: Period,
        proof: &EvmProof,
        signature: &[u8; 128],
    ) -> Result<TxReceipt, ChainError> {
        let call = Sectors::postAndProveCall {
            provider: evm(provider),
            tree_: tree.0,
            period: period.0,
            skips: 0,
            proof: proof.to_vec().into(),
            signature: signature.to_vec().into(),
        };
        receipt_of(&self.transact(Contract::Sectors, &call).await?)
    }

    /// Whether a period's window proof was accepted.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn proven(
        &self,
        provider: Address,
        tree: TreeIndex,
        period: Period,
    ) -> Result<bool, ChainError> {
        let call = Sectors::isProvenCall {
            provider: evm(provider),
            tree_: tree.0,
            period: period.0,
        };
        self.view(Contract::Sectors, &call).await
    }

    /// How a tree fared in the periods `from` to `to`, both included, as far as their deadlines are over.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn uptime(
        &self,
        provider: Address,
        tree: TreeIndex,
        from: Period,
        to: Period,
    ) -> Result<Uptime, ChainError> {
        let call = Sectors::uptimeCall {
            provider: evm(provider),
            tree_: tree.0,
            from: from.0,
            to: to.0,
        };
        let uptime = self.view(Contract::Sectors, &call).await?;
        Ok(Uptime {
            proven: uptime.proven,
            missed: uptime.missed,
            void: uptime.voided,
            empty: uptime.empty,
        })
    }
}

/// Which sector leaves which tree, and what the tree is then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retirement {
    /// Whose tree: the account's own, or one whose hot sector has been without live slots long enough.
    pub provider: Address,
    /// Which tree.
    pub tree: TreeIndex,
    /// The sector.
    pub number: SectorNumber,
    /// Its place now.
    pub index: u32,
    /// The last sector of the tree, which goes to that place; the same number when it is the one.
    pub moved: SectorNumber,
    /// The tree's root afterwards.
    pub new_root: Commitment,
}
