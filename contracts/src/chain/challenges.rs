//! Direct challenges: a bond that demands the proof of one piece.

use alloy::primitives::U256;
use cairn_wire::{Address, DealId, Period, SectorNumber, SlotIndex, TreeIndex};

use super::{Chain, Contract, EvmProof, call_of, receipt_of};
use crate::abi::challenges::Challenges;
use crate::convert::{amount, evm, nonsense, ours};
use crate::error::ChainError;
use crate::market::{ChallengeInfo, ChallengeStatus, TxReceipt};

impl Chain {
    /// What the next challenge of a slot of this provider costs.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn next_bond(&self, provider: Address) -> Result<u128, ChainError> {
        let call = Challenges::nextBondCall {
            provider: evm(provider),
        };
        amount(
            self.view(Contract::Challenges, &call).await?,
            "Challenges.nextBond",
        )
    }

    /// Challenges the provider of a filled slot, for a bond of at most `most_bond`, paid by a permit of the account.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Challenges_NotFilled`, `Challenges_AlreadyChallenged`, `Challenges_DealEnded`,
    /// `Challenges_TreeEnded`, `Challenges_Excused`, `Challenges_Cooldown`, `Challenges_BondTooHigh`,
    /// `Challenges_AllowanceTooLow`.
    pub async fn challenge(
        &self,
        deal: DealId,
        slot: SlotIndex,
        most_bond: u128,
    ) -> Result<(u64, TxReceipt), ChainError> {
        let what = call_of::<Challenges::challengeCall>(Contract::Challenges);
        let key = self.signer(&what)?.key().clone();
        let one_at_a_time = self.inner.permits.lock().await;
        let permit = self.permit(&key, Contract::Challenges, most_bond).await?;
        let call = Challenges::challengeCall {
            deal_: deal.0,
            slot: slot.0,
            mostBond: U256::from(most_bond),
            permit: Challenges::Permit {
                value: permit.value,
                deadline: permit.deadline,
                v: permit.v,
                r: permit.r,
                s: permit.s,
            },
        };
        let receipt = receipt_of(&self.transact(Contract::Challenges, &call).await?)?;
        drop(one_at_a_time);
        let newest = Challenges::newestOfCall {
            deal: deal.0,
            slot: slot.0,
        };
        let id = self.view(Contract::Challenges, &newest).await?;
        Ok((id, receipt))
    }

    /// Number of the newest challenge; 0: there was none.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn last_challenge(&self) -> Result<u64, ChainError> {
        self.view(Contract::Challenges, &Challenges::lastChallengeCall {})
            .await
    }

    /// How many challenges of a provider are open.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn open_challenges(&self, provider: Address) -> Result<u64, ChainError> {
        let call = Challenges::openOfCall {
            provider: evm(provider),
        };
        let open = self.view(Contract::Challenges, &call).await?;
        u64::try_from(open).map_err(|error| nonsense("Challenges.openOf", error))
    }

    /// A challenge; none when the number was never used.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn challenge_info(&self, id: u64) -> Result<Option<ChallengeInfo>, ChainError> {
        let stored = self
            .view(Contract::Challenges, &Challenges::challengeStateCall { id })
            .await?;
        let status = match stored.status {
            0 => return Ok(None),
            1 => ChallengeStatus::Open,
            2 => ChallengeStatus::Answered,
            3 => ChallengeStatus::Failed,
            4 => ChallengeStatus::Void,
            other => {
                return Err(nonsense(
                    "Challenges.challengeState",
                    format!("challenge status {other}"),
                ));
            }
        };
        Ok(Some(ChallengeInfo {
            id,
            challenger: ours(stored.challenger),
            deal: DealId(stored.deal),
            slot: SlotIndex(stored.slot),
            provider: ours(stored.provider),
            tree: TreeIndex(stored.tree),
            seed_period: Period(stored.seedPeriod),
            sector: SectorNumber(stored.sector),
            offset_leaves: stored.offsetLeaves.to(),
            b: stored.b,
            status,
        }))
    }

    /// The seed of a challenge's samples (a canonical field element, little-endian); none while its round is unknown.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn challenge_seed(&self, id: u64) -> Result<Option<[u8; 32]>, ChainError> {
        if self.challenge_due(id).await?.is_none() {
            return Ok(None);
        }
        let seed = self
            .view(Contract::Challenges, &Challenges::seedOfCall { id })
            .await?;
        Ok(Some(seed.to_le_bytes()))
    }

    /// The last second at which a challenge may be answered; none while its clock stands still.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn challenge_due(&self, id: u64) -> Result<Option<u64>, ChainError> {
        let due = self
            .view(Contract::Challenges, &Challenges::dueTimeCall { id })
            .await?;
        Ok((due != 0).then_some(due))
    }

    /// Answers a challenge; the sector stands at `index` of the latest frozen state of its tree. Anybody may.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Challenges_NotOpen`, `Challenges_SlotEnded`, `Challenges_RoundUnknown`,
    /// `Challenges_TooLate` and the refusals of the verifier.
    pub async fn answer_challenge(
        &self,
        id: u64,
        index: u32,
        proof: &EvmProof,
    ) -> Result<TxReceipt, ChainError> {
        let call = Challenges::answerCall {
            id,
            index,
            proof: proof.to_vec().into(),
        };
        receipt_of(&self.transact_urgent(Contract::Challenges, &call).await?)
    }

    /// Ends a challenge that was not answered in time. Anybody may.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Challenges_NotOpen`, `Challenges_TooEarly`.
    pub async fn expire_challenge(&self, id: u64) -> Result<TxReceipt, ChainError> {
        let call = Challenges::expireCall { id };
        receipt_of(&self.transact(Contract::Challenges, &call).await?)
    }

    /// Credit of an account in Challenges: bonds that came back, what answers were paid.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn bond_credit(&self, account: Address) -> Result<u128, ChainError> {
        let call = Challenges::creditOfCall {
            account: evm(account),
        };
        amount(
            self.view(Contract::Challenges, &call).await?,
            "Challenges.creditOf",
        )
    }

    /// Takes the account's whole credit out of Challenges.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Challenges_NothingToWithdraw`.
    pub async fn withdraw_bonds(&self, to: Address) -> Result<TxReceipt, ChainError> {
        let call = Challenges::withdrawCall { to: evm(to) };
        receipt_of(&self.transact(Contract::Challenges, &call).await?)
    }

    /// Chance, in parts per billion, that window proofs of `periods` periods hit a loss of `lost_ppm` parts per million
    /// of a tree.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Odds_FractionRefused`.
    pub async fn odds_of(&self, lost_ppm: u32, periods: u64) -> Result<u64, ChainError> {
        let call = Challenges::oddsOfCall {
            lostPpm: lost_ppm,
            periods,
        };
        self.view(Contract::Challenges, &call).await
    }
}
