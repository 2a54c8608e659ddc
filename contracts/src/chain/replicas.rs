//! Replicas: precommits, their deposits, proofs of replication.

use alloy::primitives::U256;
use cairn_wire::{Address, Commitment, Period, SectorNumber};

use super::{Chain, Contract, EvmProof, call_of, receipt_of};
use crate::abi::replicas::Replicas;
use crate::abi::token::TestToken;
use crate::convert::{amount, commitment, evm, nonsense, word};
use crate::error::ChainError;
use crate::market::{ReplicaChallenge, ReplicaInfo, ReplicaStatus, TxReceipt};
use crate::replica::{SeedParts, ticket};

impl Chain {
    /// Commits the account to a replica under a number it reserved. The deposit is taken from the account's credit
    /// first, the rest by an allowance, which is given here when it is too small (a transaction of its own).
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Replicas_NotReserved`, `Replicas_AlreadyPrecommitted`, `Replicas_TicketRefused`,
    /// `Replicas_RoundUnknown`, `Replicas_CommitmentRefused`, `ERC20InsufficientBalance`.
    pub async fn precommit(
        &self,
        number: SectorNumber,
        comm_d: &Commitment,
        comm_r: &Commitment,
        ticket_period: Period,
    ) -> Result<TxReceipt, ChainError> {
        let call = Replicas::precommitCall {
            number: number.0,
            commD: word(comm_d),
            commR: word(comm_r),
            ticketPeriod: ticket_period.0,
        };
        // The allowance is one number for all: the next precommit looks at it when this one has used it.
        let one_at_a_time = self.inner.permits.lock().await;
        self.allow_deposit().await?;
        let receipt = self.transact(Contract::Replicas, &call).await?;
        drop(one_at_a_time);
        receipt_of(&receipt)
    }

    /// Lets Replicas take what the next deposit needs beyond the account's credit, if it may not already.
    async fn allow_deposit(&self) -> Result<(), ChainError> {
        let what = call_of::<Replicas::precommitCall>(Contract::Replicas);
        let owner = self.signer(&what)?.key().address();
        let credit = self.deposit_credit(owner).await?;
        let needed = self.deployment().replica_terms.deposit;
        let needed = U256::from(needed.saturating_sub(credit));
        let spender = self.address_of(Contract::Replicas);
        let query = TestToken::allowanceCall {
            owner: evm(owner),
            spender,
        };
        if self.view(Contract::Token, &query).await? >= needed {
            return Ok(());
        }
        let call = TestToken::approveCall {
            spender,
            value: needed,
        };
        self.transact(Contract::Token, &call).await.map(drop)
    }

    /// A replica from its precommit on; none when the number was never precommitted.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn replica(
        &self,
        provider: Address,
        number: SectorNumber,
    ) -> Result<Option<ReplicaInfo>, ChainError> {
        let call = Replicas::replicaCall {
            provider: evm(provider),
            number: number.0,
        };
        let stored = self.view(Contract::Replicas, &call).await?;
        let status = match stored.status {
            0 => return Ok(None),
            1 => ReplicaStatus::Committed,
            2 => ReplicaStatus::Proven,
            3 => ReplicaStatus::Used,
            4 => ReplicaStatus::Expired,
            other => {
                return Err(nonsense(
                    "Replicas.replica",
                    format!("replica status {other}"),
                ));
            }
        };
        Ok(Some(ReplicaInfo {
            comm_d: commitment(stored.commD, "Replicas.replica")?,
            comm_r: commitment(stored.commR, "Replicas.replica")?,
            ticket_period: Period(stored.ticketPeriod),
            seed_period: Period(stored.seedPeriod),
            status,
        }))
    }

    /// What the proof of a precommitted replica must show, besides its commitments: computed here from the chain's
    /// randomness.
    ///
    /// # Errors
    /// [`ChainError`], [`ChainError::RoundUnknown`] until the seed period's round was posted,
    /// [`ChainError::Argument`] when the number was never precommitted.
    pub async fn replica_challenge(
        &self,
        provider: Address,
        number: SectorNumber,
    ) -> Result<ReplicaChallenge, ChainError> {
        let replica =
            self.replica(provider, number)
                .await?
                .ok_or_else(|| ChainError::Argument {
                    argument: "number",
                    reason: format!("replica {number} of {provider} was never precommitted"),
                })?;
        let ticket = ticket(&self.period_randomness(replica.ticket_period).await?);
        let randomness = self.period_randomness(replica.seed_period).await?;
        let binding = self.deployment().replica_binding();
        let parts = SeedParts {
            provider,
            number,
            comm_d: replica.comm_d,
            comm_r: replica.comm_r,
            ticket,
            seed_period: replica.seed_period,
        };
        Ok(ReplicaChallenge {
            porep_id: binding.porep_id(),
            ticket,
            seed: binding.seed(&parts, &randomness),
        })
    }

    /// The last second at which a precommitted replica may be proven; none while its clock stands still, because its
    /// seed is not known on chain, and for a number that was never precommitted.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn replica_due(
        &self,
        provider: Address,
        number: SectorNumber,
    ) -> Result<Option<u64>, ChainError> {
        let call = Replicas::dueTimeCall {
            provider: evm(provider),
            number: number.0,
        };
        let due = self.view(Contract::Replicas, &call).await?;
        Ok((due != 0).then_some(due))
    }

    /// Hands in the proofs of a precommitted replica, all partitions in order. Anybody may.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Replicas_NotCommitted`, `Replicas_RoundUnknown`, `Replicas_TooLate` and the refusals
    /// of the verifier.
    pub async fn prove_replica(
        &self,
        provider: Address,
        number: SectorNumber,
        proofs: &[EvmProof],
    ) -> Result<TxReceipt, ChainError> {
        let call = Replicas::proveReplicaCall {
            provider: evm(provider),
            number: number.0,
            proofs: proofs.concat().into(),
        };
        receipt_of(&self.transact_urgent(Contract::Replicas, &call).await?)
    }

    /// Ends a precommit that was not proven in time; its deposit is burned. Anybody may.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Replicas_NotCommitted`, `Replicas_TooEarly`.
    pub async fn expire_replica(
        &self,
        provider: Address,
        number: SectorNumber,
    ) -> Result<TxReceipt, ChainError> {
        let call = Replicas::expireCall {
            provider: evm(provider),
            number: number.0,
        };
        receipt_of(&self.transact(Contract::Replicas, &call).await?)
    }

    /// Deposits that came back to an account: its next deposits are taken from them, or they are withdrawn.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn deposit_credit(&self, account: Address) -> Result<u128, ChainError> {
        let call = Replicas::creditOfCall {
            account: evm(account),
        };
        amount(
            self.view(Contract::Replicas, &call).await?,
            "Replicas.creditOf",
        )
    }

    /// Takes the account's whole credit out of Replicas.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Replicas_NothingToWithdraw`.
    pub async fn withdraw_deposits(&self, to: Address) -> Result<TxReceipt, ChainError> {
        let call = Replicas::withdrawCall { to: evm(to) };
        receipt_of(&self.transact(Contract::Replicas, &call).await?)
    }

    async fn period_randomness(&self, period: Period) -> Result<[u8; 32], ChainError> {
        let round = self.schedule().round_of(period);
        self.randomness(round)
            .await?
            .ok_or(ChainError::RoundUnknown { period, round })
    }
}
