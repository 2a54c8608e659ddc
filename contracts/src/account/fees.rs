//! What a unit of gas costs, and the most that is paid for it.

use alloy::primitives::U128;
use serde_json::json;

use crate::error::ChainError;
use crate::rpc::Rpc;
use crate::rpc_types::RpcBlock;
use crate::verdict::Call;

const FALLBACK_TIP_WEI: u128 = 1_000_000_000;
const BUMP_PERCENT: u128 = 130;
/// A node takes a replacement only at fees at least a tenth higher.
const LEAST_BUMP_PERCENT: u128 = 110;

/// Wei for a unit of gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fees {
    /// For whoever mines it.
    pub(super) tip: u128,
    /// The most, base fee and tip together.
    pub(super) fee: u128,
}

impl Fees {
    /// The most that is worth offering now: twice the base fee outlives six full blocks in a row. None when the base fee
    /// alone is above `most_wei`.
    fn at(base: u128, tip: u128, most_wei: u128) -> Option<Self> {
        let room = most_wei.checked_sub(base)?;
        let tip = tip.min(room);
        let fee = base.saturating_mul(2).saturating_add(tip).min(most_wei);
        Some(Self { tip, fee })
    }

    /// The fees of a replacement; none when `most_wei` leaves too little room for one.
    pub(super) fn raised(self, now: Self, most_wei: u128) -> Option<Self> {
        let percent = |wei: u128, percent: u128| wei.saturating_mul(percent).div_ceil(100);
        let fee = percent(self.fee, BUMP_PERCENT).max(now.fee).min(most_wei);
        let tip = percent(self.tip, BUMP_PERCENT).max(now.tip).min(fee);
        let enough = fee >= percent(self.fee, LEAST_BUMP_PERCENT)
            && tip >= percent(self.tip, LEAST_BUMP_PERCENT);
        enough.then_some(Self { tip, fee })
    }
}

/// The base fee of the newest block.
pub(crate) async fn base_fee(rpc: &Rpc) -> Result<u128, ChainError> {
    let method = "eth_getBlockByNumber";
    let block = rpc
        .call::<Option<RpcBlock>>(method, json!(["latest", false]))
        .await
        .map_err(|failure| failure.into_error(method))?;
    let base = block.and_then(|block| block.base_fee_per_gas);
    Ok(base.unwrap_or_default().to())
}

/// What to offer for a call now.
///
/// # Errors
/// [`ChainError::Dear`]: more than `most_wei`.
pub(super) async fn now(rpc: &Rpc, call: &Call, most_wei: u128) -> Result<Fees, ChainError> {
    let base = base_fee(rpc).await?;
    let tip = match rpc
        .call::<U128>("eth_maxPriorityFeePerGas", json!([]))
        .await
    {
        Ok(tip) => tip.to::<u128>(),
        Err(_) => FALLBACK_TIP_WEI,
    };
    Fees::at(base, tip, most_wei).ok_or_else(|| ChainError::Dear {
        function: call.to_string(),
        base_wei: base,
        most_wei,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_never_exceeds_the_most() {
        let offered = |most| Fees::at(10, 3, most);
        assert_eq!(offered(u128::MAX), Some(Fees { tip: 3, fee: 23 }));
        assert_eq!(offered(15), Some(Fees { tip: 3, fee: 15 }));
        assert_eq!(offered(11), Some(Fees { tip: 1, fee: 11 }), "a small tip");
        assert_eq!(offered(10), Some(Fees { tip: 0, fee: 10 }), "none");
        assert_eq!(offered(9), None, "too dear");
    }

    #[test]
    fn a_replacement_pays_a_tenth_more_in_both_or_is_not_made() {
        let (old, now) = (Fees { tip: 10, fee: 100 }, Fees { tip: 1, fee: 50 });
        let raised = |most| old.raised(now, most);
        assert_eq!(raised(u128::MAX), Some(Fees { tip: 13, fee: 130 }));
        assert_eq!(raised(110), Some(Fees { tip: 13, fee: 110 }));
        assert_eq!(raised(109), None, "no room");
        let dearer = Fees { tip: 40, fee: 900 };
        assert_eq!(old.raised(dearer, 1_000), Some(dearer), "what it costs now");
        let all_tip = Fees { tip: 100, fee: 100 };
        assert_eq!(
            all_tip.raised(now, 110),
            Some(Fees { tip: 110, fee: 110 }),
            "a tip is part of the whole"
        );
    }
}
