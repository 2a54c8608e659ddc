//! How far sealing is, byte by byte. Table: `docs/formats.md`, "Disk". Nothing here knows of `RocksDB`.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable
)]

use cairn_wire::{Period, SectorNumber};

use crate::deal::{SealId, SealRoots, SealState};
use crate::error::StoreError;
use crate::store::codec::{Reader, Writer};
use crate::store::records::commitment;

pub(super) fn put_seal_state(writer: &mut Writer, state: &SealState) {
    match state {
        SealState::Waiting => writer.u8(1),
        SealState::Reserved { number } => {
            writer.u8(2);
            writer.u64(number.0);
        }
        SealState::Labelling { id, layers } => {
            writer.u8(3);
            put_id(writer, id);
            writer.u8(*layers);
        }
        SealState::Hashing { id } => {
            writer.u8(4);
            put_id(writer, id);
        }
        SealState::Sealed { id, roots } => {
            writer.u8(5);
            put_id(writer, id);
            put_roots(writer, roots);
        }
        SealState::Precommitted {
            id,
            roots,
            seed_period,
        } => {
            writer.u8(6);
            put_id(writer, id);
            put_roots(writer, roots);
            writer.u64(seed_period.0);
        }
        SealState::Proving {
            id,
            roots,
            due_unix,
            seed,
            partitions,
        } => {
            writer.u8(7);
            put_id(writer, id);
            put_roots(writer, roots);
            writer.u64(*due_unix);
            writer.bytes(seed.as_bytes());
            writer.u32(*partitions);
        }
        SealState::Proven { id, roots } => {
            writer.u8(8);
            put_id(writer, id);
            put_roots(writer, roots);
        }
    }
}

pub(super) fn seal_state(reader: &mut Reader<'_>) -> Result<SealState, StoreError> {
    Ok(match reader.u8("seal")? {
        1 => SealState::Waiting,
        2 => SealState::Reserved {
            number: SectorNumber(reader.u64("number")?),
        },
        3 => SealState::Labelling {
            id: id_of(reader)?,
            layers: reader.u8("layers")?,
        },
        4 => SealState::Hashing { id: id_of(reader)? },
        5 => SealState::Sealed {
            id: id_of(reader)?,
            roots: roots_of(reader)?,
        },
        6 => SealState::Precommitted {
            id: id_of(reader)?,
            roots: roots_of(reader)?,
            seed_period: Period(reader.u64("seed_period")?),
        },
        7 => SealState::Proving {
            id: id_of(reader)?,
            roots: roots_of(reader)?,
            due_unix: reader.u64("due")?,
            seed: commitment(reader, "seed")?,
            partitions: reader.u32("partitions")?,
        },
        8 => SealState::Proven {
            id: id_of(reader)?,
            roots: roots_of(reader)?,
        },
        _ => return Err(reader.bad("seal")),
    })
}

fn put_id(writer: &mut Writer, id: &SealId) {
    writer.u64(id.number.0);
    writer.u64(id.ticket_period.0);
    writer.bytes(id.ticket.as_bytes());
}

fn id_of(reader: &mut Reader<'_>) -> Result<SealId, StoreError> {
    Ok(SealId {
        number: SectorNumber(reader.u64("number")?),
        ticket_period: Period(reader.u64("ticket_period")?),
        ticket: commitment(reader, "ticket")?,
    })
}

fn put_roots(writer: &mut Writer, roots: &SealRoots) {
    writer.bytes(roots.comm_c.as_bytes());
    writer.bytes(roots.r_root.as_bytes());
    writer.bytes(roots.comm_r.as_bytes());
}

fn roots_of(reader: &mut Reader<'_>) -> Result<SealRoots, StoreError> {
    Ok(SealRoots {
        comm_c: commitment(reader, "comm_c")?,
        r_root: commitment(reader, "r_root")?,
        comm_r: commitment(reader, "comm_r")?,
    })
}

#[cfg(test)]
mod tests {
    use cairn_merkle::Commitment;

    use super::*;

    fn element(byte: u8) -> Commitment {
        let mut bytes = [0; 32];
        bytes[0] = byte;
        Commitment::from_bytes(bytes).unwrap()
    }

    /// Every state with the bytes it has had since there are sealed sectors.
    fn golden() -> Vec<(SealState, Vec<u8>)> {
        let number = SectorNumber(9);
        let id = SealId {
            number,
            ticket_period: Period(258),
            ticket: element(1),
        };
        let roots = SealRoots {
            comm_c: element(2),
            r_root: element(3),
            comm_r: element(4),
        };
        let (due_unix, seed) = (259, element(5));
        let bytes = |tag: u8, parts: &[&[u8]]| [&[tag], parts.concat().as_slice()].concat();
        let nine = 9_u64.to_le_bytes();
        let ticket_period = 258_u64.to_le_bytes();
        let due = 259_u64.to_le_bytes();
        let named = [&nine[..], &ticket_period, element(1).as_bytes()].concat();
        let rooted = [2, 3, 4].map(|byte| *element(byte).as_bytes()).concat();
        vec![
            (SealState::Waiting, bytes(1, &[])),
            (SealState::Reserved { number }, bytes(2, &[&nine])),
            (
                SealState::Labelling { id, layers: 6 },
                bytes(3, &[&named, &[6]]),
            ),
            (SealState::Hashing { id }, bytes(4, &[&named])),
            (
                SealState::Sealed { id, roots },
                bytes(5, &[&named, &rooted]),
            ),
            (
                SealState::Precommitted {
                    id,
                    roots,
                    seed_period: Period(258),
                },
                bytes(6, &[&named, &rooted, &ticket_period]),
            ),
            (
                SealState::Proving {
                    id,
                    roots,
                    due_unix,
                    seed,
                    partitions: 7,
                },
                bytes(
                    7,
                    &[&named, &rooted, &due, element(5).as_bytes(), &[7, 0, 0, 0]],
                ),
            ),
            (
                SealState::Proven { id, roots },
                bytes(8, &[&named, &rooted]),
            ),
        ]
    }

    #[test]
    fn every_state_of_sealing_has_its_golden_bytes_both_ways() {
        for (state, bytes) in golden() {
            let mut writer = Writer::default();
            put_seal_state(&mut writer, &state);
            assert_eq!(writer.finish(), bytes, "{}", state.name());
            let mut reader = Reader::new("sector", &bytes);
            assert_eq!(seal_state(&mut reader).unwrap(), state, "read back");
            reader.end().unwrap();
        }
    }

    #[test]
    fn a_state_of_sealing_cut_anywhere_or_of_no_known_tag_is_refused() {
        for (state, bytes) in golden() {
            for length in 0..bytes.len() {
                let cut = bytes.get(..length).unwrap();
                let read = seal_state(&mut Reader::new("sector", cut));
                assert!(read.is_err(), "{} cut to {length}", state.name());
            }
        }
        for tag in [0, 9, 255] {
            let read = seal_state(&mut Reader::new("sector", &[tag]));
            assert!(read.is_err(), "tag {tag}");
        }
    }
}
