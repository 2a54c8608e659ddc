//! Packed public inputs as the contracts build them: integers below 2^216, bit 0 the least significant.
//!
//! ```text
//! window  count@0(32) sector_lo@32(32) sector_count@64(32) leaf_lo@96(40) log2_leaf_range@136(8) sector_number@144(64)
//!         skips@208(8)
//! append  count@0(32) sector_number@32(64) kind@96(8)
//! retire  count@0(32) index@32(32) removed_number@64(64) moved_number@128(64)
//! replica sector_number@0(64) partition@64(16)
//! piece   offset_leaves@0(40) b@40(8) byte_len@48(40)          each name@first bit(width)
//! ```
//!
//! A word is given as the 32 little-endian bytes of a field element (all are far below its order).

use cairn_wire::{SectorKind, SectorNumber};

/// The whole tree, every leaf, no skips: the word of a window proof.
#[must_use]
pub fn window(count: u32, sector_log2_leaves: u8) -> [u8; 32] {
    let mut word = Word::default();
    word.put(0, &count.to_le_bytes());
    word.put(64, &count.to_le_bytes());
    word.put(136, &[sector_log2_leaves]);
    word.0
}

/// The word of an append: the new sector goes to place `count`.
#[must_use]
pub fn append(count: u32, number: SectorNumber, kind: SectorKind) -> [u8; 32] {
    let mut word = Word::default();
    word.put(0, &count.to_le_bytes());
    word.put(32, &number.0.to_le_bytes());
    word.put(96, &[kind.code()]);
    word.0
}

/// The word of a removal from a tree of `count` sectors.
#[must_use]
pub fn retire(count: u32, index: u32, removed: SectorNumber, moved: SectorNumber) -> [u8; 32] {
    let mut word = Word::default();
    word.put(0, &count.to_le_bytes());
    word.put(32, &index.to_le_bytes());
    word.put(64, &removed.0.to_le_bytes());
    word.put(128, &moved.0.to_le_bytes());
    word.0
}

/// The word of one partition of a proof of replication.
#[must_use]
pub fn replica(number: SectorNumber, partition: u16) -> [u8; 32] {
    let mut word = Word::default();
    word.put(0, &number.0.to_le_bytes());
    word.put(64, &partition.to_le_bytes());
    word.0
}

/// The word of one place of an inclusion; `None` when the offset or the length needs more than 40 bits.
#[must_use]
pub fn piece(offset_leaves: u64, b: u8, byte_len: u64) -> Option<[u8; 32]> {
    if offset_leaves >> 40 != 0 || byte_len >> 40 != 0 {
        return None;
    }
    let mut word = Word::default();
    word.put(0, &offset_leaves.to_le_bytes());
    word.put(40, &[b]);
    word.put(48, &byte_len.to_le_bytes());
    Some(word.0)
}

#[derive(Default)]
struct Word([u8; 32]);

impl Word {
    /// Every field begins at a whole byte. Later fields overwrite the zero bytes of wider ones before them.
    fn put(&mut self, first_bit: usize, bytes: &[u8]) {
        for (to, from) in self.0.iter_mut().skip(first_bit / 8).zip(bytes) {
            *to = *from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integer(word: [u8; 32]) -> alloy::primitives::U256 {
        alloy::primitives::U256::from_le_bytes(word)
    }

    #[test]
    fn fields_stand_at_their_bits() {
        use alloy::primitives::U256;
        let at = |value: u64, bit: usize| U256::from(value) << bit;
        let count = 0x0102_0304_u32;
        let wide = 0x0506_0708_090a_0b0c_u64;
        assert_eq!(
            integer(window(count, 28)),
            at(count.into(), 0) | at(count.into(), 64) | at(28, 136),
            "window"
        );
        let sealed = integer(append(count, SectorNumber(wide), SectorKind::Sealed));
        assert_eq!(
            sealed,
            at(count.into(), 0) | at(wide, 32) | at(1, 96),
            "append"
        );
        let removed = integer(retire(count, 7, SectorNumber(wide), SectorNumber(9)));
        assert_eq!(
            removed,
            at(count.into(), 0) | at(7, 32) | at(wide, 64) | at(9, 128),
            "retire"
        );
        assert_eq!(
            integer(replica(SectorNumber(wide), 0x0d0e)),
            at(wide, 0) | at(0x0d0e, 64),
            "replica"
        );
        let (offset, len) = ((1_u64 << 40) - 2, (1_u64 << 40) - 1);
        assert_eq!(
            integer(piece(offset, 22, len).unwrap()),
            at(offset, 0) | at(22, 40) | at(len, 48),
            "piece"
        );
    }

    #[test]
    fn a_piece_beyond_forty_bits_has_no_word() {
        assert_eq!(piece(1 << 40, 1, 1), None, "offset");
        assert_eq!(piece(0, 1, 1 << 40), None, "length");
    }
}
