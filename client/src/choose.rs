//! Which providers, at which price.
//!
//! `price of a slot = ceil(ask * 32 * 2^b / 2^40)`: a node asks per TiB of sector and period, and a piece takes 2^b leaves
//! of 32 bytes of one.

use cairn_contracts::ProviderInfo;

use crate::entropy::Entropy;
use crate::error::ChooseError;

const LOG2_TIB: u32 = 40;
const LOG2_LEAF_BYTES: u32 = 5;

/// A provider that may be given pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its entry in the registry.
    pub info: ProviderInfo,
    /// Bytes it says it could still store.
    pub free_bytes: u64,
}

/// What a provider with this ask wants for a piece of 2^b leaves and one period; at least 1, saturating.
#[must_use]
pub fn price_for(ask_per_tib_period: u128, b: u8) -> u128 {
    let log2_bytes = u32::from(b).saturating_add(LOG2_LEAF_BYTES);
    let price = if log2_bytes >= LOG2_TIB {
        ask_per_tib_period.saturating_mul(
            1_u128
                .checked_shl(log2_bytes - LOG2_TIB)
                .unwrap_or(u128::MAX),
        )
    } else {
        // beyond 2^127 the rounding up is lost to saturation, where no token has so many units
        let tib = 1_u128 << (LOG2_TIB - log2_bytes);
        ask_per_tib_period.div_ceil(tib)
    };
    price.max(1)
}

/// The registered providers that are different from each other and content with the price (if one is offered), and why
/// the others are not taken.
pub(crate) fn eligible(
    registered: Vec<ProviderInfo>,
    b: u8,
    offered: Option<u128>,
) -> (Vec<ProviderInfo>, Vec<String>) {
    let mut taken: Vec<ProviderInfo> = Vec::new();
    let mut reasons = Vec::new();
    for info in registered {
        let wants = price_for(info.ask_per_tib_period, b);
        if offered.is_some_and(|price| wants > price) {
            reasons.push(format!(
                "{} asks {wants} for a slot and period",
                info.address
            ));
        } else if let Some(twin) = taken.iter().find(|other| same_node(other, &info)) {
            reasons.push(format!(
                "{} is the same node as {}",
                info.address, twin.address
            ));
        } else {
            taken.push(info);
        }
    }
    (taken, reasons)
}

/// Two entries that evidently lead to one machine. Nothing can show the contrary.
fn same_node(a: &ProviderInfo, b: &ProviderInfo) -> bool {
    a.address == b.address || a.tls_pin == b.tls_pin || a.endpoint == b.endpoint
}

/// The price at which the n cheapest agree.
pub(crate) fn clearing_price(candidates: &[Candidate], n: usize, b: u8) -> Option<u128> {
    let mut prices: Vec<u128> = candidates
        .iter()
        .map(|candidate| price_for(candidate.info.ask_per_tib_period, b))
        .collect();
    prices.sort_unstable();
    n.checked_sub(1).and_then(|last| prices.get(last).copied())
}

/// n different providers at random for each of `segments` segments, none given more than it has room for.
pub(crate) fn assign(
    mut candidates: Vec<Candidate>,
    n: usize,
    piece_bytes: &[u64],
    entropy: &Entropy,
) -> Result<Vec<Vec<ProviderInfo>>, ChooseError> {
    let registered = candidates.len();
    let mut assigned = Vec::with_capacity(piece_bytes.len());
    for bytes in piece_bytes {
        shuffle(&mut candidates, entropy);
        let mut chosen = Vec::with_capacity(n);
        for candidate in &mut candidates {
            if chosen.len() < n && candidate.free_bytes >= *bytes {
                candidate.free_bytes -= bytes;
                chosen.push(candidate.info.clone());
            }
        }
        if chosen.len() < n {
            let reasons = vec![format!(
                "the others have no room for {} pieces",
                piece_bytes.len()
            )];
            return Err(ChooseError::TooFew {
                needed: n,
                got: chosen.len(),
                registered,
                reasons,
            });
        }
        assigned.push(chosen);
    }
    Ok(assigned)
}

/// Fisher and Yates.
pub(crate) fn shuffle<T>(items: &mut [T], entropy: &Entropy) {
    for at in (1..items.len()).rev() {
        items.swap(at, entropy.below(at + 1));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use cairn_wire::Address;

    use super::*;

    fn provider(number: u8, ask: u128) -> ProviderInfo {
        ProviderInfo {
            address: Address([number; 20]),
            endpoint: format!("node{number}:1"),
            tls_pin: [number; 32],
            operator: Address([number; 20]),
            ask_per_tib_period: ask,
        }
    }

    fn counting() -> Entropy {
        let state = AtomicU64::new(1);
        Entropy::new(move |bytes| {
            for byte in bytes {
                let next = state
                    .load(Ordering::Relaxed)
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(99);
                state.store(next, Ordering::Relaxed);
                *byte = next.to_le_bytes()[6];
            }
        })
    }

    #[test]
    fn a_slot_costs_its_share_of_a_tib_rounded_up() {
        assert_eq!(price_for(1 << 40, 17), 1 << 22, "4 MiB of sector");
        assert_eq!(price_for((1 << 40) + 1, 17), (1 << 22) + 1);
        assert_eq!(price_for(0, 17), 1, "never free");
        assert_eq!(price_for(7, 35), 7, "a whole TiB");
        assert_eq!(price_for(7, 40), 7 * 32);
        assert_eq!(price_for(u128::MAX, 255), u128::MAX, "saturates");
    }

    #[test]
    fn twins_and_dear_providers_are_left_out_with_the_reason() {
        let mut twin = provider(3, 1);
        twin.tls_pin = [1; 32];
        let (taken, reasons) = eligible(
            vec![provider(1, 1), provider(2, 1 << 60), twin],
            17,
            Some(5),
        );
        assert_eq!(taken, vec![provider(1, 1)]);
        assert!(reasons[0].contains("asks"), "{reasons:?}");
        assert!(reasons[1].contains("same node"), "{reasons:?}");
    }

    #[test]
    fn the_price_is_what_the_nth_cheapest_asks() {
        let candidates: Vec<Candidate> = (1..=4)
            .map(|i| Candidate {
                info: provider(i, u128::from(i) << 23),
                free_bytes: 0,
            })
            .collect();
        assert_eq!(clearing_price(&candidates, 3, 17), Some(3 * (1 << 5)));
        assert_eq!(clearing_price(&candidates, 5, 17), None);
    }

    #[test]
    fn every_segment_gets_n_different_providers_with_room() {
        let candidates: Vec<Candidate> = (1..=6)
            .map(|i| Candidate {
                info: provider(i, 1),
                free_bytes: 100,
            })
            .collect();
        let assigned = assign(candidates.clone(), 4, &[20; 6], &counting()).unwrap();
        for chosen in &assigned {
            let mut addresses: Vec<Address> = chosen.iter().map(|info| info.address).collect();
            addresses.sort_unstable();
            addresses.dedup();
            assert_eq!(addresses.len(), 4);
        }
        for candidate in &candidates {
            let pieces = assigned
                .iter()
                .flatten()
                .filter(|info| **info == candidate.info)
                .count();
            assert!(pieces <= 5, "{pieces} pieces of 20 bytes in 100");
        }
        assert!(
            assign(candidates, 4, &[20; 9], &counting()).is_err(),
            "36 pieces do not fit 30 places"
        );
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<u8> = (0..50).collect();
        shuffle(&mut items, &counting());
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
