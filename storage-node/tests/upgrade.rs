//! A folder written before there were sealed sectors, opened by this program.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use cairn_merkle::{Commitment, SectorKind};
use cairn_storage_node::deal::{SectorId, SectorState, SlotState};
use cairn_storage_node::store::{DataCopy, Ledger, SlotKey, Store, StoreOptions};
use cairn_wire::{DealId, SectorNumber, SlotIndex, TreeIndex};
use rocksdb::{ColumnFamilyDescriptor, DB, Options};

/// The column families of that time.
const OLD_FAMILIES: [&str; 12] = [
    "pieces",
    "small_pieces",
    "piece_meta",
    "outboards",
    "piece_rows",
    "slots",
    "chunks",
    "rows",
    "sectors",
    "chain",
    "windows",
    "node",
];

/// An accepted slot in a registered sector, as they were written: version 1, no kind in the slot, no data byte in the
/// sector.
fn write_old_folder(folder: &std::path::Path) {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    let families = OLD_FAMILIES.map(|name| ColumnFamilyDescriptor::new(name, Options::default()));
    std::fs::create_dir_all(folder.join("rocksdb")).unwrap();
    let db = DB::open_cf_descriptors(&options, folder.join("rocksdb"), families).unwrap();
    let put = |family: &str, key: &[u8], value: &[u8]| {
        db.put_cf(db.cf_handle(family).unwrap(), key, value)
            .unwrap();
    };
    put("node", b"format", &1_u32.to_le_bytes());
    put("node", b"next_sector", &4_u64.to_le_bytes());
    let slot_key = [&7_u64.to_be_bytes()[..], &[2]].concat();
    let slot = [
        &[1][..],
        &[9; 32],
        &[8; 20],
        &100_u64.to_le_bytes(),
        &50_u64.to_le_bytes(),
        &[4],
        &3_u64.to_le_bytes(),
    ];
    put("slots", &slot_key, &slot.concat());
    let (comm_d, comm_r) = (element(5), element(6));
    let sector = [
        &[1, 0, 3][..],
        comm_d.as_bytes(),
        comm_r.as_bytes(),
        &11_u64.to_le_bytes(),
        &0_u32.to_le_bytes(),
        &0_u32.to_le_bytes(),
    ];
    put("sectors", &3_u64.to_be_bytes(), &sector.concat());
}

fn element(byte: u8) -> Commitment {
    let mut bytes = [0; 32];
    bytes[0] = byte;
    Commitment::from_bytes(bytes).unwrap()
}

#[test]
fn slots_and_sectors_of_an_older_folder_are_hot_and_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    write_old_folder(folder.path());
    for opened in ["once", "again"] {
        let store = Store::open(folder.path(), StoreOptions::default()).unwrap();
        let ledger = Ledger::load(store).unwrap();
        let key = SlotKey {
            deal: DealId(7),
            slot: SlotIndex(2),
        };
        let slot = ledger.slot(key).unwrap();
        assert_eq!(slot.kind, SectorKind::Hot, "slot, opened {opened}");
        let sector = SectorId(3);
        assert_eq!(slot.state, SlotState::Active { sector }, "its state");
        let record = ledger.sector(sector).unwrap();
        assert_eq!(record.kind, SectorKind::Hot, "sector, opened {opened}");
        assert_eq!(record.data, DataCopy::Kept, "its data is here");
        let expected = SectorState::Registered {
            comm_d: element(5),
            comm_r: element(6),
            number: SectorNumber(11),
            tree: TreeIndex(0),
            sealed: None,
        };
        assert_eq!(record.state, expected, "its state");
        let next = ledger.plan_sector(SectorKind::Sealed, Vec::new()).unwrap();
        assert!(next > sector, "new sectors get fresh names");
    }
}
