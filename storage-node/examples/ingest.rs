//! Durable ingest, measured: the store's own way beside the alternatives, in one run on one disk.
//!
//! `cargo run -p cairn-storage-node --example ingest [MiB] [folder]`; results: `docs/bench/store.md`.
//!
//! Every way ends durable: what is counted as written would survive a power cut. Bytes written are what the kernel
//! counted for this process (`/proc/self/io`, `write_bytes`), per byte that came in.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Context as _;
use cairn_merkle::piece::PieceCommitter;
use cairn_merkle::tree::Shape;
use cairn_merkle::{ContentId, SectorKind};
use cairn_storage_node::deal::{SlotEvent, SlotState};
use cairn_storage_node::sector::{Candidate, PackingRule, build, kept_rows, plan};
use cairn_storage_node::store::{
    Home, Ledger, PieceRecord, SlotKey, SlotRecord, Store, StoreOptions,
};
use cairn_wire::{Address, DealId, Signature, SlotIndex};
use rocksdb::{DB, DBCompressionType, Options, WriteBatch, WriteOptions};

const CHUNK: usize = 128 << 10;
const UPLOADS: usize = 4;

/// One line of the table.
struct Line {
    way: String,
    megabytes_per_s: f64,
    written_per_byte: f64,
}

#[expect(clippy::too_many_lines, reason = "a list of runs")]
fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mib: usize = arguments
        .next()
        .map_or(Ok(512), |text| text.parse())
        .context("MiB")?;
    let folder = arguments
        .next()
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let total = mib << 20;
    let mut lines = Vec::new();
    let mut run = |way: &str, work: &dyn Fn(&Path) -> anyhow::Result<()>| -> anyhow::Result<()> {
        let folder = tempfile::tempdir_in(&folder)?;
        settle()?;
        let (before, began) = (written_bytes()?, Instant::now());
        work(folder.path())?;
        let seconds = began.elapsed().as_secs_f64();
        rustix::fs::sync();
        let written = written_bytes()?.saturating_sub(before);
        lines.push(Line {
            way: way.to_owned(),
            megabytes_per_s: total as f64 / seconds / 1e6,
            written_per_byte: written as f64 / total as f64,
        });
        writeln!(
            std::io::stderr(),
            "{way}: {:.0} MB/s",
            total as f64 / seconds / 1e6
        )?;
        Ok(())
    };
    run(
        "plain segment files of 64 MiB, one fdatasync each",
        &|folder| segments(folder, total),
    )?;
    for (name, blobs) in [("plain values", false), ("blob files", true)] {
        for (size_name, size) in [("128 KiB", CHUNK), ("1 MiB", 1 << 20)] {
            for (sync_name, sync_bytes) in [("1 MiB", 1 << 20), ("64 MiB", 64 << 20)] {
                let way = format!("{name} of {size_name} through the WAL, sync each {sync_name}");
                run(&way, &|folder| {
                    through_wal(folder, total, blobs, size, sync_bytes)
                })?;
            }
        }
    }
    for piece_mib in [4, 32] {
        let way = format!("store: pieces of {piece_mib} MiB, ingested files");
        run(&way, &|folder| {
            store_pieces(folder, total, piece_mib << 20, 130_048).map(drop)
        })?;
    }
    run("store: pieces of 256 KiB, ingested files", &|folder| {
        store_pieces(folder, total, 256 << 10, 1).map(drop)
    })?;
    run("store: pieces of 256 KiB, through the WAL", &|folder| {
        store_pieces(folder, total, 256 << 10, u64::MAX).map(drop)
    })?;
    run(
        "store: pieces of 4 MiB to packed sectors of 32 MiB",
        &|folder| {
            let ledger = store_pieces(folder, total, 4_161_536, 130_048)?;
            pack_all(&ledger, 20)
        },
    )?;
    run(
        "store: pieces of 256 KiB (files) to packed sectors of 2 MiB",
        &|folder| {
            let ledger = store_pieces(folder, total, 260_096, 130_048)?;
            pack_all(&ledger, 16)
        },
    )?;
    run(
        "store: pieces of 256 KiB (WAL) to packed sectors of 2 MiB",
        &|folder| {
            let ledger = store_pieces(folder, total, 260_096, u64::MAX)?;
            pack_all(&ledger, 16)
        },
    )?;
    let mut out = std::io::stdout();
    writeln!(
        out,
        "| way | MB/s | bytes written per byte |\n|---|---|---|"
    )?;
    for line in &lines {
        writeln!(
            out,
            "| {} | {:.0} | {:.2} |",
            line.way, line.megabytes_per_s, line.written_per_byte
        )?;
    }
    Ok(())
}

/// Bytes that no compression and no deduplication could make fewer.
fn fill(seed: u64, bytes: &mut [u8]) {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.finalize_xof().fill(bytes);
}

fn settle() -> anyhow::Result<()> {
    rustix::fs::sync();
    std::thread::sleep(std::time::Duration::from_millis(300));
    Ok(())
}

fn written_bytes() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/io")?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "))
        .context("no write_bytes")?;
    Ok(line.trim().parse()?)
}

fn segments(folder: &Path, total: usize) -> anyhow::Result<()> {
    let mut buffer = vec![0; 1 << 20];
    fill(1, &mut buffer);
    for segment in 0..total.div_ceil(64 << 20) {
        let mut file = File::create(folder.join(segment.to_string()))?;
        for _ in 0..(total - segment * (64 << 20)).min(64 << 20) >> 20 {
            file.write_all(&buffer)?;
        }
        file.sync_data()?;
    }
    Ok(())
}

fn through_wal(
    folder: &Path,
    total: usize,
    blobs: bool,
    size: usize,
    sync_bytes: usize,
) -> anyhow::Result<()> {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_compression_type(DBCompressionType::None);
    options.set_write_buffer_size(64 << 20);
    if blobs {
        options.set_enable_blob_files(true);
        options.set_min_blob_size(4096);
    }
    let db = DB::open(&options, folder)?;
    let mut value = vec![0; size];
    fill(2, &mut value);
    for (number, at) in (0_u64..).zip((0..total).step_by(size)) {
        let mut batch = WriteBatch::default();
        batch.put(number.to_be_bytes(), &value);
        let mut write = WriteOptions::default();
        write.set_sync((at + size).is_multiple_of(sync_bytes));
        db.write_opt(batch, &write)?;
    }
    db.flush()?;
    Ok(())
}

/// Stores pieces as the node does, without what the processor computes of them (`comm_p` and outboard are measured apart).
fn store_pieces(
    folder: &Path,
    total: usize,
    piece_bytes: usize,
    large_piece_bytes: u64,
) -> anyhow::Result<Ledger> {
    let store = Store::open(folder, StoreOptions { large_piece_bytes })?;
    let ledger = Ledger::load(store.clone())?;
    // Every piece differs in its first bytes alone: enough for its name, and cheap.
    let mut bytes = vec![0; piece_bytes];
    fill(3, &mut bytes);
    let mut committer = PieceCommitter::new(piece_bytes as u64)?;
    committer.update(&bytes)?;
    let (commitment, tree) = committer.finish_tree()?;
    let rows = kept_rows(&tree, piece_bytes as u64);
    let outboard = vec![7; piece_bytes / 256];
    let store_one = |number: u64| -> anyhow::Result<()> {
        let content_id = ContentId::of(&number.to_le_bytes());
        let key = SlotKey {
            deal: DealId(number),
            slot: SlotIndex(0),
        };
        let slot = SlotRecord {
            content_id,
            owner: Address::ZERO,
            expiry_unix: 0,
            since_unix: 0,
            state: SlotState::Stored,
            kind: SectorKind::Hot,
        };
        let record = PieceRecord {
            byte_len: piece_bytes as u64,
            b: commitment.b,
            comm_p: commitment.comm_p,
            home: Home::Large,
        };
        let mut writer = store.piece_writer(content_id, piece_bytes as u64)?;
        for chunk in bytes.chunks(CHUNK) {
            writer.push(chunk)?;
        }
        writer.finish(record, &outboard, &rows, (key, &slot))?;
        ledger.note_slot(key, slot);
        Ok(())
    };
    // As many at once as a node has uploads under way on two cores.
    let pieces = (total / piece_bytes).max(1) as u64;
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let arrive = || -> anyhow::Result<()> {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= pieces {
                    return Ok(());
                }
                store_one(number)?;
            }
        };
        let uploads: Vec<_> = (0..UPLOADS).map(|_| scope.spawn(arrive)).collect();
        for upload in uploads {
            upload
                .join()
                .map_err(|_| anyhow::anyhow!("an upload panicked"))??;
        }
        Ok::<(), anyhow::Error>(())
    })?;
    Ok(ledger)
}

fn pack_all(ledger: &Ledger, sector_log2_leaves: u32) -> anyhow::Result<()> {
    let slots = ledger.slots(|_| true);
    let mut waiting = Vec::new();
    for (key, slot) in slots {
        ledger.step_slot(key, SlotEvent::Accept(Signature([0; 65])), 0)?;
        let piece = ledger
            .store()
            .piece(&slot.content_id)?
            .context("the piece was stored")?;
        waiting.push(Candidate {
            content_id: slot.content_id,
            comm_p: piece.comm_p,
            byte_len: piece.byte_len,
            b: piece.b,
            since_unix: 0,
        });
    }
    let rule = PackingRule {
        sector_log2_leaves,
        wait_s: 0,
    };
    for places in plan(&waiting, rule, 1) {
        let sector = ledger.plan_sector(SectorKind::Hot, places)?;
        build(ledger, sector, Shape::new(sector_log2_leaves)?, 1)?;
    }
    Ok(())
}
