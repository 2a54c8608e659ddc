//! The values of the small column families, and their bytes. Tables of all of them: `docs/formats.md`, "Disk".
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable
)]

use cairn_merkle::Commitment;
use cairn_wire::{Address, ContentId, SectorKind, SectorNumber, Signature, TreeIndex};

use crate::deal::{SealedAs, SectorId, SectorState, SlotState, WindowState};
use crate::error::StoreError;
use crate::sector::Place;
use crate::store::codec::{Reader, Writer};
use crate::store::seal_records::{put_seal_state, seal_state};

const VERSION: u8 = 1;
/// Slots and sectors: version 2 knows sealed sectors. Version 1 is read as what it was, hot.
const SEALED_VERSION: u8 = 2;

/// Where the bytes of a piece are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// As they arrived, in ingested files.
    Large,
    /// As they arrived, through the write-ahead log.
    Small,
    /// In the leaves of a sector.
    Sector {
        /// The sector.
        sector: SectorId,
        /// First leaf.
        offset_leaves: u64,
    },
}

/// One piece, whatever number of slots name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PieceRecord {
    /// Length.
    pub byte_len: u64,
    /// Base-2 logarithm of its leaves.
    pub b: u8,
    /// Its Poseidon2 commitment, computed by this node.
    pub comm_p: Commitment,
    /// Where its bytes are.
    pub home: Home,
}

/// One slot this node was named for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotRecord {
    /// The piece.
    pub content_id: ContentId,
    /// Who opened the deal.
    pub owner: Address,
    /// Last second at which the Receipt and the Acceptance may be used.
    pub expiry_unix: u64,
    /// When the state last changed (Unix time): packing waits from the acceptance on.
    pub since_unix: u64,
    /// Where the slot stands.
    pub state: SlotState,
    /// The kind of sector its deal asks for.
    pub kind: SectorKind,
}

/// Whether the data leaves of a sector are on disk. A hot sector's always are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataCopy {
    /// They are, for good.
    Kept,
    /// They are not: the replica alone is, and is unsealed when somebody asks.
    Dropped,
    /// They were unsealed for somebody, and go again when others need the room.
    Cached,
}

impl DataCopy {
    /// Whether the data can be read at once.
    #[must_use]
    pub const fn is_here(self) -> bool {
        matches!(self, Self::Kept | Self::Cached)
    }
}

/// One sector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectorRecord {
    /// Where it stands.
    pub state: SectorState,
    /// Hot or sealed.
    pub kind: SectorKind,
    /// What lies where.
    pub places: Vec<Place>,
    /// Whether the data leaves are here.
    pub data: DataCopy,
}

/// How far the chain has been followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The next block to read.
    pub next_block: u64,
}

/// One change of this provider's tree, as the chain told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeChange {
    /// A leaf was added at the end.
    Append {
        /// The sector's commitment.
        comm_r: Commitment,
        /// Its number.
        number: SectorNumber,
        /// Its kind.
        kind: SectorKind,
    },
    /// A leaf was taken out and the last one moved into its place.
    Retire {
        /// The place.
        index: u32,
        /// The sector that left.
        number: SectorNumber,
    },
}

impl PieceRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::versioned(VERSION);
        writer.u64(self.byte_len);
        writer.u8(self.b);
        writer.bytes(self.comm_p.as_bytes());
        match self.home {
            Home::Large => writer.u8(1),
            Home::Small => writer.u8(2),
            Home::Sector {
                sector,
                offset_leaves,
            } => {
                writer.u8(3);
                writer.u64(sector.0);
                writer.u64(offset_leaves);
            }
        }
        writer.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut reader = Reader::new("piece", bytes);
        reader.version(VERSION)?;
        let byte_len = reader.u64("byte_len")?;
        let b = reader.u8("b")?;
        let comm_p = commitment(&mut reader, "comm_p")?;
        let home = match reader.u8("home")? {
            1 => Home::Large,
            2 => Home::Small,
            3 => Home::Sector {
                sector: SectorId(reader.u64("sector")?),
                offset_leaves: reader.u64("offset")?,
            },
            _ => return Err(reader.bad("home")),
        };
        reader.end()?;
        Ok(Self {
            byte_len,
            b,
            comm_p,
            home,
        })
    }
}

impl SlotRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::versioned(SEALED_VERSION);
        writer.bytes(self.content_id.as_bytes());
        writer.bytes(self.owner.as_bytes());
        writer.u64(self.expiry_unix);
        writer.u64(self.since_unix);
        match &self.state {
            SlotState::Stored => writer.u8(1),
            SlotState::Accepted { acceptance } => {
                writer.u8(2);
                writer.bytes(acceptance.as_bytes());
            }
            SlotState::Packed { acceptance, sector } => {
                writer.u8(3);
                writer.bytes(acceptance.as_bytes());
                writer.u64(sector.0);
            }
            SlotState::Active { sector } => {
                writer.u8(4);
                writer.u64(sector.0);
            }
            SlotState::Ended => writer.u8(5),
        }
        writer.u8(kind_tag(self.kind));
        writer.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut reader = Reader::new("slot", bytes);
        let version = reader.version_in(VERSION, SEALED_VERSION)?;
        let content_id = ContentId::from(reader.array::<32>("content_id")?);
        let owner = Address(reader.array("owner")?);
        let expiry_unix = reader.u64("expiry")?;
        let since_unix = reader.u64("since")?;
        let state = match reader.u8("state")? {
            1 => SlotState::Stored,
            2 => SlotState::Accepted {
                acceptance: Signature(reader.array("acceptance")?),
            },
            3 => SlotState::Packed {
                acceptance: Signature(reader.array("acceptance")?),
                sector: SectorId(reader.u64("sector")?),
            },
            4 => SlotState::Active {
                sector: SectorId(reader.u64("sector")?),
            },
            5 => SlotState::Ended,
            _ => return Err(reader.bad("state")),
        };
        let kind = match version {
            VERSION => SectorKind::Hot,
            _ => kind_of(&mut reader)?,
        };
        reader.end()?;
        Ok(Self {
            content_id,
            owner,
            expiry_unix,
            since_unix,
            state,
            kind,
        })
    }
}

impl SectorRecord {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::versioned(SEALED_VERSION);
        writer.u8(kind_tag(self.kind));
        writer.u8(match self.data {
            DataCopy::Kept => 1,
            DataCopy::Dropped => 2,
            DataCopy::Cached => 3,
        });
        put_sector_state(&mut writer, &self.state);
        writer.u32(u32::try_from(self.places.len()).unwrap_or(u32::MAX));
        for place in &self.places {
            writer.bytes(place.content_id.as_bytes());
            writer.bytes(place.comm_p.as_bytes());
            writer.u64(place.offset_leaves);
            writer.u64(place.byte_len);
            writer.u8(place.b);
        }
        writer.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut reader = Reader::new("sector", bytes);
        let version = reader.version_in(VERSION, SEALED_VERSION)?;
        let kind = kind_of(&mut reader)?;
        let data = match version {
            VERSION => DataCopy::Kept,
            _ => match reader.u8("data")? {
                1 => DataCopy::Kept,
                2 => DataCopy::Dropped,
                3 => DataCopy::Cached,
                _ => return Err(reader.bad("data")),
            },
        };
        let state = sector_state(&mut reader)?;
        let count = reader.u32("places")?;
        let mut places = Vec::new();
        for _ in 0..count {
            places.push(Place {
                content_id: ContentId::from(reader.array::<32>("content_id")?),
                comm_p: commitment(&mut reader, "comm_p")?,
                offset_leaves: reader.u64("offset")?,
                byte_len: reader.u64("byte_len")?,
                b: reader.u8("b")?,
            });
        }
        reader.end()?;
        Ok(Self {
            state,
            kind,
            places,
            data,
        })
    }
}

pub(super) fn put_sector_state(writer: &mut Writer, state: &SectorState) {
    match state {
        SectorState::Planned => writer.u8(1),
        SectorState::Packed { comm_d, comm_r } => {
            writer.u8(2);
            writer.bytes(comm_d.as_bytes());
            writer.bytes(comm_r.as_bytes());
        }
        SectorState::Registered {
            comm_d,
            comm_r,
            number,
            tree,
            sealed,
        } => {
            writer.u8(if sealed.is_some() { 6 } else { 3 });
            writer.bytes(comm_d.as_bytes());
            writer.bytes(comm_r.as_bytes());
            writer.u64(number.0);
            writer.u32(tree.0);
            put_sealed(writer, sealed.as_ref());
        }
        SectorState::Retired {
            comm_r,
            number,
            sealed,
        } => {
            writer.u8(if sealed.is_some() { 7 } else { 4 });
            writer.bytes(comm_r.as_bytes());
            writer.u64(number.0);
            put_sealed(writer, sealed.as_ref());
        }
        SectorState::Sealing { comm_d, seal } => {
            writer.u8(5);
            writer.bytes(comm_d.as_bytes());
            put_seal_state(writer, seal);
        }
    }
}

pub(super) fn sector_state(reader: &mut Reader<'_>) -> Result<SectorState, StoreError> {
    let tag = reader.u8("state")?;
    Ok(match tag {
        1 => SectorState::Planned,
        2 => SectorState::Packed {
            comm_d: commitment(reader, "comm_d")?,
            comm_r: commitment(reader, "comm_r")?,
        },
        3 | 6 => SectorState::Registered {
            comm_d: commitment(reader, "comm_d")?,
            comm_r: commitment(reader, "comm_r")?,
            number: SectorNumber(reader.u64("number")?),
            tree: TreeIndex(reader.u32("tree")?),
            sealed: sealed_if(reader, tag == 6)?,
        },
        4 | 7 => SectorState::Retired {
            comm_r: commitment(reader, "comm_r")?,
            number: SectorNumber(reader.u64("number")?),
            sealed: sealed_if(reader, tag == 7)?,
        },
        5 => SectorState::Sealing {
            comm_d: commitment(reader, "comm_d")?,
            seal: seal_state(reader)?,
        },
        _ => return Err(reader.bad("state")),
    })
}

fn put_sealed(writer: &mut Writer, sealed: Option<&SealedAs>) {
    if let Some(sealed) = sealed {
        writer.bytes(sealed.comm_c.as_bytes());
        writer.bytes(sealed.ticket.as_bytes());
    }
}

fn sealed_if(reader: &mut Reader<'_>, is_sealed: bool) -> Result<Option<SealedAs>, StoreError> {
    let read = |reader: &mut Reader<'_>| {
        Ok(SealedAs {
            comm_c: commitment(reader, "comm_c")?,
            ticket: commitment(reader, "ticket")?,
        })
    };
    is_sealed.then(|| read(reader)).transpose()
}

impl Cursor {
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut writer = Writer::versioned(VERSION);
        writer.u64(self.next_block);
        writer.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut reader = Reader::new("cursor", bytes);
        reader.version(VERSION)?;
        let next_block = reader.u64("next_block")?;
        reader.end()?;
        Ok(Self { next_block })
    }
}

impl TreeChange {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::versioned(VERSION);
        match self {
            Self::Append {
                comm_r,
                number,
                kind,
            } => {
                writer.u8(1);
                writer.bytes(comm_r.as_bytes());
                writer.u64(number.0);
                writer.u8(kind_tag(*kind));
            }
            Self::Retire { index, number } => {
                writer.u8(2);
                writer.u32(*index);
                writer.u64(number.0);
            }
        }
        writer.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut reader = Reader::new("tree change", bytes);
        reader.version(VERSION)?;
        let change = match reader.u8("kind of change")? {
            1 => Self::Append {
                comm_r: commitment(&mut reader, "comm_r")?,
                number: SectorNumber(reader.u64("number")?),
                kind: kind_of(&mut reader)?,
            },
            2 => Self::Retire {
                index: reader.u32("index")?,
                number: SectorNumber(reader.u64("number")?),
            },
            _ => return Err(reader.bad("kind of change")),
        };
        reader.end()?;
        Ok(change)
    }
}

pub(crate) fn encode_window(state: &WindowState) -> Vec<u8> {
    let mut writer = Writer::versioned(VERSION);
    match state {
        WindowState::Open => writer.u8(1),
        WindowState::Proved { proof } => {
            writer.u8(2);
            writer.bytes(proof);
        }
        WindowState::Counted => writer.u8(3),
        WindowState::Missed => writer.u8(4),
        WindowState::Excused => writer.u8(5),
    }
    writer.finish()
}

pub(crate) fn decode_window(bytes: &[u8]) -> Result<WindowState, StoreError> {
    let mut reader = Reader::new("window", bytes);
    reader.version(VERSION)?;
    let state = match reader.u8("state")? {
        1 => WindowState::Open,
        2 => WindowState::Proved {
            proof: reader.array("proof")?,
        },
        3 => WindowState::Counted,
        4 => WindowState::Missed,
        5 => WindowState::Excused,
        _ => return Err(reader.bad("state")),
    };
    reader.end()?;
    Ok(state)
}

pub(super) fn commitment(
    reader: &mut Reader<'_>,
    field: &'static str,
) -> Result<Commitment, StoreError> {
    Commitment::from_bytes(reader.array(field)?).map_err(|_| reader.bad(field))
}

const fn kind_tag(kind: SectorKind) -> u8 {
    match kind {
        SectorKind::Hot => 0,
        SectorKind::Sealed => 1,
    }
}

fn kind_of(reader: &mut Reader<'_>) -> Result<SectorKind, StoreError> {
    match reader.u8("kind")? {
        0 => Ok(SectorKind::Hot),
        1 => Ok(SectorKind::Sealed),
        _ => Err(reader.bad("kind")),
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use crate::deal::SealState;

    fn element(byte: u8) -> Commitment {
        let mut bytes = [0; 32];
        bytes[0] = byte;
        Commitment::from_bytes(bytes).unwrap()
    }

    fn place() -> Place {
        Place {
            content_id: ContentId::from([1; 32]),
            comm_p: element(2),
            offset_leaves: 16,
            byte_len: 500,
            b: 4,
        }
    }

    fn golden(got: &[u8], expected: &[&[u8]], what: &str) {
        assert_eq!(
            hex::encode(got),
            hex::encode(expected.concat()),
            "golden bytes of {what}"
        );
    }

    #[test]
    fn a_piece_record_has_its_golden_bytes_at_every_home() {
        let number = 0x0102_u64.to_le_bytes();
        let comm_p = element(2);
        for (home, tail) in [
            (Home::Large, vec![1]),
            (Home::Small, vec![2]),
            (
                Home::Sector {
                    sector: SectorId(0x0102),
                    offset_leaves: 0x0102,
                },
                [&[3][..], &number, &number].concat(),
            ),
        ] {
            let record = PieceRecord {
                byte_len: 0x0102,
                b: 4,
                comm_p,
                home,
            };
            golden(
                &record.encode(),
                &[&[1], &number, &[4], comm_p.as_bytes(), &tail],
                "piece",
            );
            assert_eq!(
                PieceRecord::decode(&record.encode()).unwrap(),
                record,
                "read back"
            );
        }
    }

    #[test]
    fn a_slot_record_has_its_golden_bytes_in_every_state() {
        let acceptance = Signature([9; 65]);
        let sector = SectorId(7);
        let seven = 7_u64.to_le_bytes();
        for (state, tail) in [
            (SlotState::Stored, vec![1]),
            (
                SlotState::Accepted { acceptance },
                [&[2][..], &[9; 65]].concat(),
            ),
            (
                SlotState::Packed { acceptance, sector },
                [&[3][..], &[9; 65], &seven].concat(),
            ),
            (SlotState::Active { sector }, [&[4][..], &seven].concat()),
            (SlotState::Ended, vec![5]),
        ] {
            let record = SlotRecord {
                content_id: ContentId::from([1; 32]),
                owner: Address([2; 20]),
                expiry_unix: 3,
                since_unix: 4,
                state,
                kind: SectorKind::Hot,
            };
            let (three, four) = (3_u64.to_le_bytes(), 4_u64.to_le_bytes());
            let fields: [&[u8]; 5] = [&[1; 32], &[2; 20], &three, &four, &tail];
            let sealed = SlotRecord {
                kind: SectorKind::Sealed,
                ..record
            };
            for (record, kind) in [(record, 0), (sealed, 1)] {
                let kind = [kind];
                let written = [&[&[2][..]], &fields[..], &[&kind]].concat();
                golden(&record.encode(), &written, "slot");
                let read = SlotRecord::decode(&record.encode()).unwrap();
                assert_eq!(read, record, "read back");
            }
            let old = [&[1][..], &fields.concat()].concat();
            let read = SlotRecord::decode(&old).unwrap();
            assert_eq!(read, record, "written before there were sealed sectors");
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of states")]
    fn a_sector_record_has_its_golden_bytes_in_every_state() {
        let (comm_d, comm_r) = (element(5), element(6));
        let (number, tree) = (SectorNumber(7), TreeIndex(8));
        let (d, r) = (comm_d.as_bytes(), comm_r.as_bytes());
        let seven = 7_u64.to_le_bytes();
        let eight = 8_u32.to_le_bytes();
        let c = [7, 8].map(|byte| *element(byte).as_bytes()).concat();
        let registered = |sealed| SectorState::Registered {
            comm_d,
            comm_r,
            number,
            tree,
            sealed,
        };
        let retired = |sealed| SectorState::Retired {
            comm_r,
            number,
            sealed,
        };
        let seal = SealState::Reserved { number };
        let sealing = SectorState::Sealing { comm_d, seal };
        let sealed = Some(SealedAs {
            comm_c: element(7),
            ticket: element(8),
        });
        for (state, body) in [
            (SectorState::Planned, vec![1]),
            (
                SectorState::Packed { comm_d, comm_r },
                [&[2][..], d, r].concat(),
            ),
            (registered(None), [&[3][..], d, r, &seven, &eight].concat()),
            (retired(None), [&[4][..], r, &seven].concat()),
            (sealing, [&[5][..], d, &[2], &seven].concat()),
            (
                registered(sealed),
                [&[6][..], d, r, &seven, &eight, &c].concat(),
            ),
            (retired(sealed), [&[7][..], r, &seven, &c].concat()),
        ] {
            let record = SectorRecord {
                state,
                kind: SectorKind::Hot,
                places: vec![place()],
                data: DataCopy::Kept,
            };
            let one = 1_u32.to_le_bytes();
            let (offset, len) = (16_u64.to_le_bytes(), 500_u64.to_le_bytes());
            let id = [1; 32];
            let comm_p = element(2);
            let fields: [&[u8]; 7] = [&body, &one, &id, comm_p.as_bytes(), &offset, &len, &[4]];
            for (kind, kind_byte) in [(SectorKind::Hot, 0), (SectorKind::Sealed, 1)] {
                for (data, data_byte) in [
                    (DataCopy::Kept, 1),
                    (DataCopy::Dropped, 2),
                    (DataCopy::Cached, 3),
                ] {
                    let record = SectorRecord {
                        kind,
                        data,
                        ..record.clone()
                    };
                    let head = [2, kind_byte, data_byte];
                    let written = [&[&head[..]], &fields[..]].concat();
                    golden(&record.encode(), &written, "sector");
                    let read = SectorRecord::decode(&record.encode()).unwrap();
                    assert_eq!(read, record, "read back");
                }
            }
            let old = [&[1, 0][..], &fields.concat()].concat();
            let read = SectorRecord::decode(&old).unwrap();
            assert_eq!(read, record, "written before there were sealed sectors");
        }
    }

    #[test]
    fn cursor_changes_and_windows_have_their_golden_bytes() {
        let cursor = Cursor { next_block: 258 };
        golden(&cursor.encode(), &[&[1], &258_u64.to_le_bytes()], "cursor");
        assert_eq!(
            Cursor::decode(&cursor.encode()).unwrap(),
            cursor,
            "read back"
        );
        let append = TreeChange::Append {
            comm_r: element(3),
            number: SectorNumber(4),
            kind: SectorKind::Sealed,
        };
        golden(
            &append.encode(),
            &[&[1, 1], element(3).as_bytes(), &4_u64.to_le_bytes(), &[1]],
            "append",
        );
        let retire = TreeChange::Retire {
            index: 2,
            number: SectorNumber(4),
        };
        golden(
            &retire.encode(),
            &[&[1, 2], &2_u32.to_le_bytes(), &4_u64.to_le_bytes()],
            "retire",
        );
        for change in [append, retire] {
            assert_eq!(
                TreeChange::decode(&change.encode()).unwrap(),
                change,
                "read back"
            );
        }
        let proof = [9; 512];
        let states = [
            (WindowState::Open, vec![1, 1]),
            (
                WindowState::Proved { proof },
                [&[1, 2][..], &proof].concat(),
            ),
            (WindowState::Counted, vec![1, 3]),
            (WindowState::Missed, vec![1, 4]),
            (WindowState::Excused, vec![1, 5]),
        ];
        for (state, bytes) in states {
            golden(&encode_window(&state), &[&bytes], "window");
            assert_eq!(decode_window(&bytes).unwrap(), state, "read back");
        }
    }

    #[test]
    fn a_record_cut_anywhere_or_with_a_byte_more_is_refused() {
        let slot = SlotRecord {
            content_id: ContentId::from([1; 32]),
            owner: Address([2; 20]),
            expiry_unix: 3,
            since_unix: 4,
            state: SlotState::Accepted {
                acceptance: Signature([9; 65]),
            },
            kind: SectorKind::Sealed,
        };
        let sector = SectorRecord {
            state: SectorState::Planned,
            kind: SectorKind::Hot,
            places: vec![place(), place()],
            data: DataCopy::Kept,
        };
        let refuses = |name: &str, bytes: &[u8], decodes: &dyn Fn(&[u8]) -> bool| {
            assert!(decodes(bytes), "{name} whole");
            for length in 0..bytes.len() {
                assert!(!decodes(&bytes[..length]), "{name} cut to {length}");
            }
            assert!(!decodes(&[bytes, &[0]].concat()), "{name} with a byte more");
        };
        refuses("slot", &slot.encode(), &|bytes| {
            SlotRecord::decode(bytes).is_ok()
        });
        refuses("sector", &sector.encode(), &|bytes| {
            SectorRecord::decode(bytes).is_ok()
        });
    }
}
