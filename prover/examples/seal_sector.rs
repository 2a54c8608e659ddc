//! Seals one sector and unseals it again; prints time on the clock, processor time and memory of each phase.
//!
//! ```text
//! cargo run -p cairn-prover --example seal_sector -- testnet          512 MiB, eight layers; 5 GiB on the disk
//! cargo run -p cairn-prover --example seal_sector -- peer 8 /fast     8 MiB with eight layers, labels in /fast
//! ```

use std::{
    error::Error,
    fs::{self, File},
    io::{Write, stdout},
    os::unix::fs::FileExt,
    path::Path,
    sync::{Mutex, atomic::AtomicBool},
    time::Instant,
};

use cairn_merkle::{Fr, domain, field};
use cairn_prover::{
    params::ParamSet,
    seal::{
        ChunkError, Columns, Keep, Labels, LeafChunks, Progress, Watch, data_tree, disk_bytes,
        encode_sector, memory_bytes, unseal,
    },
};

const CHUNK_LEAVES: u64 = 4096;

type Failure = Box<dyn Error + Send + Sync>;

/// Data that are made when they are read: every leaf another number.
struct MadeUp {
    leaves: u64,
}

impl LeafChunks for MadeUp {
    fn chunk(&self, chunk: u64) -> Result<Vec<u8>, ChunkError> {
        let first = chunk * CHUNK_LEAVES;
        let leaves = first..self.leaves.min(first + CHUNK_LEAVES);
        Ok(leaves
            .flat_map(|leaf| field::to_bytes(&Fr::from(leaf.wrapping_mul(leaf) + 17)))
            .collect())
    }
}

/// A replica on the disk.
struct Replica {
    file: File,
    chunk_bytes: u64,
}

impl LeafChunks for Replica {
    fn chunk(&self, chunk: u64) -> Result<Vec<u8>, ChunkError> {
        let mut bytes = vec![0; usize::try_from(self.chunk_bytes)?];
        self.file
            .read_exact_at(&mut bytes, chunk * self.chunk_bytes)?;
        Ok(bytes)
    }
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let name = arguments.first().map_or("peer", String::as_str);
    let mut set = *ParamSet::by_name(name).ok_or("no such parameter set")?;
    if let Some(layers) = arguments.get(1) {
        set.layers = layers.parse()?;
    }
    let parent = arguments.get(2).map_or_else(std::env::temp_dir, Into::into);
    let folder = parent.join(format!("cairn-seal-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let done = run(&set, &folder);
    fs::remove_dir_all(&folder)?;
    done
}

fn run(set: &ParamSet, folder: &Path) -> Result<(), Failure> {
    let mut table = Table::new(set.sector_bytes())?;
    let data = MadeUp {
        leaves: set.sector_leaves(),
    };
    table.say(&format!(
        "{} bytes, {} layers; stated: memory {} MiB, disk {} MiB",
        set.sector_bytes(),
        set.layers,
        memory_bytes(set) >> 20,
        disk_bytes(set) >> 20
    ))?;
    let never = AtomicBool::new(false);
    let shown = Mutex::new((None, 0));
    let progress = |now: Progress| show(&shown, now);
    let watch = Watch::new(&progress, &never);

    let comm_d = data_tree(set, &data)?.root();
    table.row("D-tree")?;
    let id = domain::replica_id(Fr::from(1u64), &[7; 20], 1, comm_d, Fr::from(2u64));
    let mut labels = Labels::open(set, &folder.join("labels"), id, Keep::All, watch)?;
    labels.finish(watch)?;
    table.row("labels of all layers, synced")?;
    let comm_c = Columns::build(&labels, watch)?.comm_c();
    table.row("C-tree")?;
    let mut out = File::create(folder.join("replica"))?;
    let mut sink = |_: u64, bytes: Vec<u8>| Ok(out.write_all(&bytes)?);
    let r_root = encode_sector(&labels, &data, &mut sink, watch)?.root();
    table.row("replica and R-tree")?;
    table.sum("seal")?;
    let comm_r = domain::comm_r_sealed(comm_c, r_root);
    table.say(&format!("comm_r {}", hex::encode(field::to_bytes(&comm_r))))?;
    labels.remove()?;

    table.begin()?;
    let mut labels = Labels::open(set, &folder.join("again"), id, Keep::Newest, watch)?;
    labels.finish(watch)?;
    table.row("labels once more")?;
    let replica = Replica {
        file: File::open(folder.join("replica"))?,
        chunk_bytes: set.sector_leaves().min(CHUNK_LEAVES) * 32,
    };
    let mut same = true;
    let mut check = |chunk: u64, bytes: Vec<u8>| {
        same &= bytes == data.chunk(chunk)?;
        Ok(())
    };
    let chunks = 0..set.sector_leaves().div_ceil(CHUNK_LEAVES);
    unseal(&labels, &replica, chunks, &mut check, watch)?;
    table.row("decoding")?;
    table.sum("unseal")?;
    if same {
        table.say("the data came back")
    } else {
        Err("other data came back".into())
    }
}

/// One line for every tenth of a phase.
fn show(shown: &Mutex<(Option<cairn_prover::seal::Phase>, u64)>, now: Progress) {
    let Ok(mut shown) = shown.lock() else { return };
    let tenth = now.done * 10 / now.total.max(1);
    if *shown != (Some(now.phase), tenth) {
        *shown = (Some(now.phase), tenth);
        // Nobody to tell if even this cannot be written.
        let _written = writeln!(stdout(), "  {:?}: {} %", now.phase, tenth * 10);
    }
}

/// Seconds on the clock, of the processor, and the memory of each phase.
struct Table {
    bytes: u64,
    first: (Instant, f64),
    last: (Instant, f64),
}

impl Table {
    fn new(bytes: u64) -> Result<Self, Failure> {
        let now = (Instant::now(), processor_seconds()?);
        Ok(Self {
            bytes,
            first: now,
            last: now,
        })
    }

    fn say(&self, text: &str) -> Result<(), Failure> {
        Ok(writeln!(stdout(), "{text}")?)
    }

    fn begin(&mut self) -> Result<(), Failure> {
        self.first = (Instant::now(), processor_seconds()?);
        self.last = self.first;
        Ok(())
    }

    /// Since the row before.
    fn row(&mut self, what: &str) -> Result<(), Failure> {
        let now = (Instant::now(), processor_seconds()?);
        self.line(what, self.last, now)?;
        self.last = now;
        Ok(())
    }

    /// Since the beginning.
    fn sum(&self, what: &str) -> Result<(), Failure> {
        self.line(what, self.first, self.last)
    }

    fn line(&self, what: &str, from: (Instant, f64), to: (Instant, f64)) -> Result<(), Failure> {
        let (clock, processor) = (to.0.duration_since(from.0).as_secs_f64(), to.1 - from.1);
        #[expect(clippy::cast_precision_loss, reason = "a figure to be read")]
        let megabytes = self.bytes as f64 / 1e6;
        self.say(&format!(
            "| {what} | {clock:.2} s | {processor:.2} CPU s | {:.2} MB/s per core | {} |",
            megabytes / processor,
            memory()?
        ))
    }
}

/// User and system time of this process so far, all threads, in ticks of 10 ms.
fn processor_seconds() -> Result<f64, Failure> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is a name in parentheses that may hold spaces.
    let (_, fields) = stat.rsplit_once(')').ok_or("no such form")?;
    let mut ticks = 0.0;
    for field in fields.split_whitespace().skip(11).take(2) {
        ticks += field.parse::<f64>()?;
    }
    Ok(ticks / 100.0)
}

/// Peak of all memory, and what of it now is the process's own (the rest are mapped files, which the system takes back
/// when it needs to).
fn memory() -> Result<String, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.trim().parse::<u64>().ok())
            .ok_or("no such form")
    };
    let (peak, own) = (of("VmHWM:")? >> 10, of("RssAnon:")? >> 10);
    Ok(format!("peak {peak} MiB, own {own} MiB"))
}
