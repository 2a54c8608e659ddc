//! Deals: escrow, slots, activation, pay.

use std::sync::Arc;

use alloy::primitives::{U256, Uint};
use alloy::sol_types::SolEvent;
use cairn_wire::{Address, DealId, Period, SectorNumber, SlotIndex, TreeIndex};
use serde_json::json;

use super::permit::PermitWords;
use super::{Chain, Contract, EvmProof, call_of, receipt_of};
use crate::abi::deals::Deals;
use crate::abi::token::TestToken;
use crate::convert::{
    amount, commitment, deal_to_abi, evm, kind, nonsense, ours, slot_to_abi, word,
};
use crate::error::ChainError;
use crate::market::{Activation, DealInfo, NewDeal, NewSlot, SlotState, SlotStatus, TxReceipt};
use crate::rpc_types::RpcReceipt;

/// Slot arrays remembered at most; more than a client or node works on at a time.
const SLOT_ARRAYS: usize = 4_096;

impl Chain {
    /// Opens deals of the account, paid by one permit over their whole escrow. All of them are opened, or none.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Deals_TermsRefused`, `Deals_KindRefused`, `Deals_PieceRefused`,
    /// `Deals_PriceBelowAsk`, `Deals_AllowanceTooLow`, `Providers_NotRegistered`, `ERC20InsufficientBalance`.
    pub async fn open_deals(
        &self,
        deals: &[NewDeal],
    ) -> Result<(Vec<DealId>, TxReceipt), ChainError> {
        let what = call_of::<Deals::openManyCall>(Contract::Deals);
        let key = self.signer(&what)?.key().clone();
        if deals.is_empty() {
            return Err(ChainError::Argument {
                argument: "deals",
                reason: "there is none to open".to_owned(),
            });
        }
        let escrow = deals
            .iter()
            .try_fold(0_u128, |sum, deal| sum.checked_add(deal.escrow()?))
            .ok_or_else(|| ChainError::Argument {
                argument: "deals",
                reason: "their escrow exceeds 2^128".to_owned(),
            })?;
        // The token's permit nonce counts: the next permit of this account is signed when this one was used.
        let one_at_a_time = self.inner.permits.lock().await;
        let permit = self.permit(&key, Contract::Deals, escrow).await?;
        let call = Deals::openManyCall {
            newDeals: deals.iter().map(deal_to_abi).collect(),
            permit: deals_permit(permit),
        };
        let receipt = self.transact(Contract::Deals, &call).await?;
        drop(one_at_a_time);
        let ids = opened(&receipt);
        if ids.len() != deals.len() {
            return Err(nonsense(
                "Deals.openMany",
                format!("{} deals opened, {} asked for", ids.len(), deals.len()),
            ));
        }
        for (id, deal) in ids.iter().zip(deals) {
            self.remember_slots(*id, Arc::new(deal.slots.clone()));
        }
        Ok((ids, receipt_of(&receipt)?))
    }

    /// Takes a deal back while no slot was ever filled; the escrow goes to the account's credit.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Deals_NoSuchDeal`, `Deals_NotOwner`, `Deals_Cancelled`, `Deals_AlreadyActive`.
    pub async fn cancel(&self, deal: DealId) -> Result<TxReceipt, ChainError> {
        receipt_of(
            &self
                .transact(Contract::Deals, &Deals::cancelCall { deal_: deal.0 })
                .await?,
        )
    }

    /// A deal with its slots; none when the number was never used.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn deal(&self, deal: DealId) -> Result<Option<DealInfo>, ChainError> {
        let stored = self
            .view(Contract::Deals, &Deals::dealCall { deal_: deal.0 })
            .await?;
        if stored.owner.is_zero() {
            return Ok(None);
        }
        let last = |count: u32| {
            Period(
                stored
                    .startPeriod
                    .saturating_add(u64::from(count))
                    .saturating_sub(1),
            )
        };
        Ok(Some(DealInfo {
            id: deal,
            owner: ours(stored.owner),
            k: stored.k,
            n: stored.n,
            code_id: stored.codeId,
            kind: kind(stored.kind, "Deals.deal")?,
            strip_bytes: stored.stripBytes,
            segment_bytes: stored.segmentBytes,
            price_per_slot_period: stored.pricePerSlotPeriod,
            start_period: Period(stored.startPeriod),
            end_period: last(stored.periods),
            activate_by: last(stored.activationPeriods),
            filled: stored.filled,
            live: stored.live,
            closed: stored.closed,
            scarce_since_unix: (stored.scarceSince != 0).then_some(stored.scarceSince),
            cancelled: stored.cancelled,
            escrow_left: stored.escrow,
            slots: self.deal_slots(deal).await?.as_ref().clone(),
        }))
    }

    /// A slot.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Deals_NoSuchDeal`, `Deals_NoSuchSlot`.
    pub async fn slot(&self, deal: DealId, slot: SlotIndex) -> Result<SlotState, ChainError> {
        let state = self
            .view(
                Contract::Deals,
                &Deals::slotStateCall {
                    deal_: deal.0,
                    slot: slot.0,
                },
            )
            .await?;
        let status = match state.status {
            0 => SlotStatus::Empty,
            1 => SlotStatus::Filled {
                provider: ours(state.provider),
                tree: TreeIndex(state.tree),
                sector: SectorNumber(state.sector),
                offset_leaves: state.offsetLeaves.to(),
                comm_p: commitment(state.commP, "Deals.slotState")?,
                first_period: Period(state.firstPeriod),
            },
            2 => SlotStatus::Freed,
            3 => SlotStatus::Closed,
            other => return Err(nonsense("Deals.slotState", format!("slot status {other}"))),
        };
        let price = self
            .view(Contract::Deals, &Deals::dealCall { deal_: deal.0 })
            .await?
            .pricePerSlotPeriod;
        let paid = price.saturating_mul(u128::from(state.paidPeriods));
        Ok(SlotState {
            status,
            paid_periods: state.paidPeriods,
            challenged: state.challenged,
            freed_at_unix: state.freedAt.to(),
            paid,
        })
    }

    /// Fills slots that name the account with pieces that one inclusion proof shows to lie in its sector `number`.
    /// Places of the proof that are not used repeat the first piece.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Deals_ActivationCount`, `Deals_SectorNotOpen`, `Deals_NoSuchDeal`,
    /// `Deals_NoSuchSlot`, `Deals_Cancelled`, `Deals_NotYourSlot`, `Deals_SlotTaken`, `Deals_SectorKind`,
    /// `Deals_TooLate`, `Deals_OffsetRefused`, `Deals_AcceptanceExpired`, `Deals_AcceptanceRefused` and the refusals of
    /// the verifier.
    pub async fn activate(
        &self,
        number: SectorNumber,
        activations: &[Activation],
        proof: &EvmProof,
    ) -> Result<TxReceipt, ChainError> {
        let mut abi = Vec::with_capacity(activations.len());
        for activation in activations {
            let offset = activation.offset_leaves;
            if offset >> 40 != 0 {
                let reason = format!("{offset} needs more than 40 bits");
                return Err(ChainError::Argument {
                    argument: "offset_leaves",
                    reason,
                });
            }
            abi.push(Deals::Activation {
                deal: activation.terms.deal.0,
                slot: activation.terms.slot.0,
                commP: word(&activation.terms.comm_p),
                offsetLeaves: Uint::<40, 1>::from(offset),
                expiry: activation.terms.expiry_unix,
                slots: self
                    .deal_slots(activation.terms.deal)
                    .await?
                    .iter()
                    .map(slot_to_abi)
                    .collect(),
                acceptance: activation.acceptance.as_bytes().to_vec().into(),
            });
        }
        let call = Deals::activateCall {
            number: number.0,
            activations: abi,
            proof: proof.to_vec().into(),
        };
        receipt_of(&self.transact(Contract::Deals, &call).await?)
    }

    /// Credits a slot's provider for what was proven and not yet paid. Anybody may call it.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Deals_NoSuchDeal`, `Deals_NoSuchSlot`, `Deals_SlotNotFilled`.
    pub async fn settle(&self, deal: DealId, slot: SlotIndex) -> Result<TxReceipt, ChainError> {
        receipt_of(
            &self
                .transact(
                    Contract::Deals,
                    &Deals::settleCall {
                        deal_: deal.0,
                        slot: slot.0,
                    },
                )
                .await?,
        )
    }

    /// [`Chain::settle`] for several slots in one transaction.
    ///
    /// # Errors
    /// As [`Chain::settle`]; one refusal refuses all.
    pub async fn settle_many(
        &self,
        slots: &[(DealId, SlotIndex)],
    ) -> Result<TxReceipt, ChainError> {
        let call = Deals::settleManyCall {
            deals_: slots.iter().map(|(deal, _)| deal.0).collect(),
            slots: slots.iter().map(|(_, slot)| slot.0).collect(),
        };
        receipt_of(&self.transact(Contract::Deals, &call).await?)
    }

    /// What [`Chain::settle`] would credit now.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Deals_NoSuchDeal`, `Deals_NoSuchSlot`.
    pub async fn due_of(&self, deal: DealId, slot: SlotIndex) -> Result<u128, ChainError> {
        let due = self
            .view(
                Contract::Deals,
                &Deals::dueOfCall {
                    deal_: deal.0,
                    slot: slot.0,
                },
            )
            .await?;
        amount(due, "Deals.dueOf")
    }

    /// Ends a slot after the deal's end (or an empty one that can no longer be filled): last settlement, the rest of its
    /// escrow to the owner's credit. Anybody may call it.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Deals_NoSuchDeal`, `Deals_NoSuchSlot`, `Deals_SlotClosed`, `Deals_Cancelled`,
    /// `Deals_TooEarly`.
    pub async fn close(&self, deal: DealId, slot: SlotIndex) -> Result<TxReceipt, ChainError> {
        receipt_of(
            &self
                .transact(
                    Contract::Deals,
                    &Deals::closeCall {
                        deal_: deal.0,
                        slot: slot.0,
                    },
                )
                .await?,
        )
    }

    /// Frees a slot of a tree that was ended, so that somebody may repair it. Anybody may call it.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Deals_SlotNotFilled`, `Deals_NotFree`.
    pub async fn free(&self, deal: DealId, slot: SlotIndex) -> Result<TxReceipt, ChainError> {
        let call = Deals::freeCall {
            deal_: deal.0,
            slot: slot.0,
        };
        receipt_of(&self.transact(Contract::Deals, &call).await?)
    }

    /// Gives a slot of the account up: its repair part pays for the repair.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Deals_SlotNotFilled`, `Deals_NotYourSlot`, `Deals_Challenged`.
    pub async fn vacate(&self, deal: DealId, slot: SlotIndex) -> Result<TxReceipt, ChainError> {
        let call = Deals::vacateCall {
            deal_: deal.0,
            slot: slot.0,
        };
        receipt_of(&self.transact(Contract::Deals, &call).await?)
    }

    /// Lets a deal of the account last `periods` longer; a permit pays for every slot that has not ended.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Deals_NotOwner`, `Deals_NotActive`, `Deals_Cancelled`, `Deals_Ended`,
    /// `Deals_PriceBelowAsk`, `Deals_AllowanceTooLow`.
    pub async fn extend(&self, deal: DealId, periods: u32) -> Result<TxReceipt, ChainError> {
        let what = call_of::<Deals::extendCall>(Contract::Deals);
        let key = self.signer(&what)?.key().clone();
        let stored = self
            .view(Contract::Deals, &Deals::dealCall { deal_: deal.0 })
            .await?;
        let slots = stored.n.saturating_sub(stored.closed);
        let escrow = stored
            .pricePerSlotPeriod
            .checked_mul(u128::from(slots))
            .and_then(|price| price.checked_mul(u128::from(periods)))
            .ok_or_else(|| ChainError::Argument {
                argument: "periods",
                reason: "the escrow exceeds 2^128".to_owned(),
            })?;
        let slots = self.deal_slots(deal).await?;
        let one_at_a_time = self.inner.permits.lock().await;
        let permit = self.permit(&key, Contract::Deals, escrow).await?;
        let call = Deals::extendCall {
            deal_: deal.0,
            periods,
            slots: slots.iter().map(slot_to_abi).collect(),
            permit: deals_permit(permit),
        };
        let receipt = self.transact(Contract::Deals, &call).await?;
        drop(one_at_a_time);
        receipt_of(&receipt)
    }

    /// Makes the period not yet frozen the last one of the account's deal; what was paid for later ones comes back.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Deals_NotOwner`, `Deals_NotActive`, `Deals_Cancelled`, `Deals_Ended`.
    pub async fn end_early(&self, deal: DealId) -> Result<TxReceipt, ChainError> {
        receipt_of(
            &self
                .transact(Contract::Deals, &Deals::endEarlyCall { deal_: deal.0 })
                .await?,
        )
    }

    /// Ends a deal that has had too few filled slots for too long. Anybody may call it.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Deals_NotActive`, `Deals_Cancelled`, `Deals_NotLost`, `Deals_Ended`.
    pub async fn end_lost(&self, deal: DealId) -> Result<TxReceipt, ChainError> {
        receipt_of(
            &self
                .transact(Contract::Deals, &Deals::endLostCall { deal_: deal.0 })
                .await?,
        )
    }

    /// Takes the account's whole credit out, to the account itself.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Deals_NothingToWithdraw`.
    pub async fn withdraw(&self) -> Result<TxReceipt, ChainError> {
        let what = call_of::<Deals::withdrawCall>(Contract::Deals);
        let to = evm(self.signer(&what)?.key().address());
        receipt_of(
            &self
                .transact(Contract::Deals, &Deals::withdrawCall { to })
                .await?,
        )
    }

    /// Tokens an account holds.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn balance_of(&self, account: Address) -> Result<u128, ChainError> {
        let balance = self
            .view(
                Contract::Token,
                &TestToken::balanceOfCall {
                    account: evm(account),
                },
            )
            .await?;
        amount(balance, "Token.balanceOf")
    }

    /// What an account holds of the chain's own coin, which pays for gas, in wei.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn ether_of(&self, account: Address) -> Result<u128, ChainError> {
        let method = "eth_getBalance";
        let balance: U256 = self
            .rpc()
            .call(method, json!([evm(account), "latest"]))
            .await
            .map_err(|failure| failure.into_error(method))?;
        amount(balance, method)
    }

    /// Credit of an account in Deals, to be withdrawn.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn credit_of(&self, account: Address) -> Result<u128, ChainError> {
        let credit = self
            .view(
                Contract::Deals,
                &Deals::creditOfCall {
                    account: evm(account),
                },
            )
            .await?;
        amount(credit, "Deals.creditOf")
    }

    /// The slots of a deal as they were opened. The chain keeps only their hash; they come from the event that opened
    /// the deal, and are remembered.
    ///
    /// # Errors
    /// [`ChainError`]; the endpoint may lack old logs.
    pub async fn deal_slots(&self, deal: DealId) -> Result<Arc<Vec<NewSlot>>, ChainError> {
        if let Some(slots) = self.remembered_slots(deal) {
            return Ok(slots);
        }
        let slots = self.find_slots(deal).await?.ok_or_else(|| {
            nonsense(
                "eth_getLogs",
                format!("the endpoint knows no event that opened deal {deal}"),
            )
        })?;
        let slots = Arc::new(slots);
        self.remember_slots(deal, Arc::clone(&slots));
        Ok(slots)
    }

    fn remembered_slots(&self, deal: DealId) -> Option<Arc<Vec<NewSlot>>> {
        self.inner.slots.lock().ok()?.get(&deal).cloned()
    }

    fn remember_slots(&self, deal: DealId, slots: Arc<Vec<NewSlot>>) {
        // A poisoned cache is only a slower one.
        let Ok(mut known) = self.inner.slots.lock() else {
            return;
        };
        if known.len() >= SLOT_ARRAYS {
            known.clear();
        }
        known.insert(deal, slots);
    }
}

/// Numbers of the deals a transaction opened, in its order.
fn deals_permit(words: PermitWords) -> Deals::Permit {
    Deals::Permit {
        value: words.value,
        deadline: words.deadline,
        v: words.v,
        r: words.r,
        s: words.s,
    }
}

fn opened(receipt: &RpcReceipt) -> Vec<DealId> {
    let events = receipt
        .logs
        .iter()
        .filter_map(|log| Deals::DealOpened::decode_log_data(&log.data()?).ok());
    events.map(|event| DealId(event.deal)).collect()
}
