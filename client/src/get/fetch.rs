//! One window of an object: verified parts of k pieces, decoded.

use std::collections::HashMap;
use std::sync::Arc;

use cairn_contracts::{ProviderInfo, SlotStatus};
use cairn_erasure::Code;
use cairn_wire::{Address, SlotIndex};

use crate::catalog::ObjectEntry;
use crate::error::GetError;
use crate::fetch::{Ask, PartReader, PartsError, PeerTrouble, Sibling};
use crate::get::range::Window;
use crate::market::Market;

/// What one read needs to know about its object and its peers.
pub(crate) struct Fetcher<M> {
    market: M,
    registry: HashMap<Address, ProviderInfo>,
    entry: ObjectEntry,
    code: Code,
    pub(crate) reader: PartReader,
}

impl<M: Market> Fetcher<M> {
    pub(crate) fn new(
        market: M,
        registry: HashMap<Address, ProviderInfo>,
        entry: ObjectEntry,
        code: Code,
        reader: PartReader,
    ) -> Self {
        Self {
            market,
            registry,
            entry,
            code,
            reader,
        }
    }

    /// The ciphertext of a window.
    pub(crate) async fn window(self: Arc<Self>, window: Window) -> Result<Vec<u8>, GetError> {
        let mut ask = Ask {
            whole: format!("segment {}", window.segment),
            siblings: self.siblings(window.segment),
            piece_bytes: self.entry.segments[window.segment].piece_bytes,
            span: window.cover.piece.clone(),
        };
        let mut read = self.reader.read(&ask).await;
        if matches!(read, Err(PartsError::TooFew { .. }))
            && let Some(siblings) = self.moved(window.segment).await?
        {
            ask.siblings = siblings;
            read = self.reader.read(&ask).await;
        }
        let parts = read.map_err(|error| self.explain(window.segment, error))?;
        let code = self.code.clone();
        let cover = window.cover;
        let decoded = tokio::task::spawn_blocking(move || {
            let pieces: Vec<(u8, &[u8])> = parts
                .iter()
                .map(|(slot, bytes)| (*slot, bytes.as_slice()))
                .collect();
            let rows_bytes = (cover.rows.end - cover.rows.start).saturating_mul(code.row_bytes());
            let mut rows =
                code.decode_segment(&pieces, usize::try_from(rows_bytes).unwrap_or(usize::MAX))?;
            rows.truncate(usize::try_from(cover.skip + cover.take).unwrap_or(usize::MAX));
            rows.drain(..usize::try_from(cover.skip).unwrap_or(usize::MAX));
            Ok(rows)
        });
        decoded
            .await
            .map_err(|error| GetError::Interrupted(error.to_string()))?
    }

    /// The pieces of a segment whose holders are in the registry.
    fn siblings(&self, segment: usize) -> Vec<Sibling> {
        let mut siblings = Vec::new();
        for (slot, piece) in self.entry.segments[segment].pieces.iter().enumerate() {
            match self.registry.get(&piece.provider) {
                None => self.reader.standing.failed(
                    piece.provider,
                    false,
                    "it is not in the registry".to_owned(),
                ),
                Some(info) => siblings.push(Sibling {
                    slot: u8::try_from(slot).unwrap_or(u8::MAX),
                    content_id: piece.content_id,
                    holder: info.clone(),
                }),
            }
        }
        siblings
    }

    /// The pieces of a segment with those who hold them now, if some were made again by others since they were put; the
    /// catalog knows the first holders only.
    async fn moved(&self, segment: usize) -> Result<Option<Vec<Sibling>>, GetError> {
        let deal = self.entry.segments[segment].deal;
        let mut siblings = self.siblings(segment);
        let mut moved = false;
        for (slot, piece) in self.entry.segments[segment].pieces.iter().enumerate() {
            let slot = SlotIndex(u8::try_from(slot).unwrap_or(u8::MAX));
            let status = self.market.slot(deal, slot).await?.status;
            let SlotStatus::Filled { provider, .. } = status else {
                continue;
            };
            if provider == piece.provider {
                continue;
            }
            if let Some(info) = self.registry.get(&provider) {
                siblings.retain(|sibling| sibling.slot != slot.0);
                siblings.push(Sibling {
                    slot: slot.0,
                    content_id: piece.content_id,
                    holder: info.clone(),
                });
                moved = true;
            }
        }
        Ok(moved.then_some(siblings))
    }

    fn explain(&self, segment: usize, error: PartsError) -> GetError {
        let answered = match error {
            PartsError::TooFew { got } => got,
            PartsError::Interrupted(reason) => return GetError::Interrupted(reason),
        };
        let one = &self.entry.segments[segment];
        let troubles: Vec<PeerTrouble> = one
            .pieces
            .iter()
            .filter_map(|piece| self.reader.standing.trouble(piece.provider))
            .collect();
        GetError::TooFewAnswered {
            segment,
            deal: one.deal,
            answered,
            needed: usize::from(self.code.k()),
            asked: one.pieces.len(),
            troubles,
        }
    }
}
