//! What is promised to bodies that are still arriving: bytes of the quota, and that one piece comes once at a time.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cairn_wire::{ContentId, WireError};

/// The promises of a node.
#[derive(Debug, Default)]
pub(super) struct Reservations(Mutex<Arriving>);

#[derive(Debug, Default)]
struct Arriving {
    bytes: u64,
    pieces: BTreeSet<ContentId>,
}

/// One promise; kept until it is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    all: Arc<Reservations>,
    content_id: ContentId,
    bytes: u64,
}

impl Reservations {
    fn arriving(&self) -> MutexGuard<'_, Arriving> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes promised.
    pub(super) fn bytes(&self) -> u64 {
        self.arriving().bytes
    }

    /// Promises room for a piece.
    pub(super) fn reserve(
        self: &Arc<Self>,
        content_id: ContentId,
        bytes: u64,
    ) -> Result<Reservation, WireError> {
        let mut arriving = self.arriving();
        if !arriving.pieces.insert(content_id) {
            return Err(WireError::busy("this piece is arriving already"));
        }
        arriving.bytes = arriving.bytes.saturating_add(bytes);
        drop(arriving);
        Ok(Reservation {
            all: Arc::clone(self),
            content_id,
            bytes,
        })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut arriving = self.all.arriving();
        arriving.pieces.remove(&self.content_id);
        arriving.bytes = arriving.bytes.saturating_sub(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_arrives_once_at_a_time_and_its_room_is_given_back() {
        let all = Arc::new(Reservations::default());
        let first = all.reserve(ContentId::from([1; 32]), 100).unwrap();
        assert!(
            all.reserve(ContentId::from([1; 32]), 100).is_err(),
            "the same piece again"
        );
        let second = all.reserve(ContentId::from([2; 32]), 50).unwrap();
        assert_eq!(all.bytes(), 150, "both");
        drop(first);
        assert_eq!(all.bytes(), 50, "one");
        drop(all.reserve(ContentId::from([1; 32]), 100).unwrap());
        drop(second);
        assert_eq!(all.bytes(), 0, "none");
    }
}
