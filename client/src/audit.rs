//! Asking who holds the pieces of an object to show some of them: free on the wire first, by a bond on chain when a node
//! refuses.
//!
//! ```text
//! a random part of each piece, verified against its content id  -->  shown
//!                          | refused, too slow, or a lie
//!                          v
//! Challenges.challenge(deal, slot), bond  -->  proof in time: the bond pays its gas
//!                                         -->  none: who ends it has the provider slashed, the slot freed
//! ```

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cairn_contracts::SlotStatus;
use cairn_wire::{Address, DealId, SlotIndex};

use crate::catalog::ObjectKind;
use crate::client::Shared;
use crate::error::StatusError;
use crate::fetch::{Ask, PartReader, Sibling, Waits};
use crate::market::Market;

/// A node shows this much of a piece: one group, the least that is verified.
const SHOWN_BYTES: u64 = 16 << 10;
/// A node that does not answer in this time is said not to.
const PATIENCE: Duration = Duration::from_secs(30);

/// What became of the question to one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotAudit {
    /// The deal.
    pub deal: DealId,
    /// The slot.
    pub slot: SlotIndex,
    /// Who holds it now; none when nobody does.
    pub provider: Option<Address>,
    /// What it did.
    pub answer: AuditAnswer,
    /// The challenge that was made on chain because it showed nothing, or why it was not.
    pub challenge: Option<Result<u64, String>>,
}

/// What a node did when it was asked for a part of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditAnswer {
    /// It showed these bytes, and they are the piece's.
    Shown {
        /// Where in the piece.
        bytes: Range<u64>,
        /// How long it took.
        took: Duration,
    },
    /// It showed nothing, or something else.
    Nothing {
        /// Why.
        reason: String,
    },
    /// Nobody holds the slot: it is empty, freed or closed.
    NotFilled,
}

/// How an audit is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AuditOptions {
    /// Whether slots whose holders show nothing are challenged on chain, and the most that one bond may cost.
    pub challenge_for: Option<u128>,
}

pub(crate) async fn audit<M: Market>(
    shared: &Arc<Shared<M>>,
    name: &str,
    options: AuditOptions,
) -> Result<Vec<SlotAudit>, StatusError> {
    let entry = shared.catalog.object(name)?;
    let registry = shared.market.providers().await?;
    let mut audits = Vec::new();
    for segment in &entry.segments {
        for (place, piece) in segment.pieces.iter().enumerate() {
            let slot = SlotIndex(u8::try_from(place).unwrap_or(u8::MAX));
            let status = shared.market.slot(segment.deal, slot).await?.status;
            let SlotStatus::Filled { provider, .. } = status else {
                audits.push(SlotAudit {
                    deal: segment.deal,
                    slot,
                    provider: None,
                    answer: AuditAnswer::NotFilled,
                    challenge: None,
                });
                continue;
            };
            let holder = registry.iter().find(|info| info.address == provider);
            let answer = match holder {
                None => AuditAnswer::Nothing {
                    reason: "it is not in the registry".to_owned(),
                },
                Some(holder) => {
                    let sibling = Sibling {
                        slot: slot.0,
                        content_id: piece.content_id,
                        holder: holder.clone(),
                    };
                    let part = random_part(shared, segment.piece_bytes);
                    ask(shared, sibling, entry.kind, segment.piece_bytes, part).await
                }
            };
            let challenge = match (&answer, options.challenge_for) {
                (AuditAnswer::Nothing { .. }, Some(most)) => {
                    let made = shared.market.challenge(segment.deal, slot, most).await;
                    Some(made.map_err(|error| error.to_string()))
                }
                _ => None,
            };
            audits.push(SlotAudit {
                deal: segment.deal,
                slot,
                provider: Some(provider),
                answer,
                challenge,
            });
        }
    }
    Ok(audits)
}

/// Where nobody can know beforehand, in whole groups.
fn random_part<M>(shared: &Shared<M>, piece_bytes: u64) -> Range<u64> {
    let mut draw = [0; 8];
    shared.entropy.fill(&mut draw);
    let groups = piece_bytes.div_ceil(SHOWN_BYTES).max(1);
    let start = u64::from_le_bytes(draw) % groups * SHOWN_BYTES;
    start..start.saturating_add(SHOWN_BYTES).min(piece_bytes)
}

async fn ask<M>(
    shared: &Shared<M>,
    sibling: Sibling,
    kind: ObjectKind,
    piece_bytes: u64,
    part: Range<u64>,
) -> AuditAnswer {
    let provider = sibling.holder.address;
    let waits = Waits {
        hedge: PATIENCE,
        // A hot piece needs no unsealing, whatever its holder says.
        unseal: match kind {
            ObjectKind::Hot => Duration::ZERO,
            ObjectKind::Sealed => Duration::from_secs(shared.config.patience.unseal_s),
        },
    };
    let progress = Arc::new(crate::progress::Silent);
    let reader = PartReader::new(Arc::clone(&shared.peers), 1, 0, waits, progress);
    let question = Ask {
        whole: "an audit".to_owned(),
        siblings: vec![sibling],
        piece_bytes,
        span: part.clone(),
    };
    let began = Instant::now();
    match reader.read(&question).await {
        Ok(_) => AuditAnswer::Shown {
            bytes: part,
            took: began.elapsed(),
        },
        Err(_) => AuditAnswer::Nothing {
            reason: reader
                .standing
                .trouble(provider)
                .map_or_else(|| "it did not answer".to_owned(), |trouble| trouble.reason),
        },
    }
}
