//! What a window's proof costs while the same machine seals a sector: time and memory, with the node's own threads, gate
//! and memory budget.
//!
//! ```text
//! cargo run -p cairn-storage-node --example proving_under_load -- testnet target/keys-to-measure
//! ```
//!
//! A window is proven three times alone, then again and again while a sector is sealed beside it: labels, trees, replica,
//! the proofs of its partitions. The folder keeps the keys, which take two minutes to make, and needs 6 GB for the sector
//! besides. For the memory of a small machine run it in a control group: `docs/bench/sealing.md`.

#[path = "../../prover/examples/measure/mod.rs"]
mod measure;

use std::{
    error::Error,
    fs::{self, File},
    io::{Write, stdout},
    os::unix::fs::FileExt,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use cairn_merkle::{
    Fr, domain, field,
    tree::{Opening, SparseTree},
};
use cairn_prover::{
    circuits::{CircuitName, Circuits},
    groth16::{
        self, Key, blinding_rng, key_file::KeyHeader, prove, prove_watched, setup_insecure, verify,
    },
    keys,
    params::ParamSet,
    replica::{Challenged, Column, ReplicaCircuit, ReplicaStatement, VanillaProof},
    seal::{
        self, ChunkError, Columns, Keep, Labels, LeafChunks, Progress, data_tree, encode_sector,
    },
    spacetime::SpacetimeCircuit,
    synthetic::{SyntheticProvider, SyntheticSector},
};
use cairn_storage_node::{
    pipeline::{SEAL_NICENESS, seal_threads},
    proving::{Asker, Gate, MemoryBudget, ProofThreads},
};
use measure::processor_seconds;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What an operator has who changes nothing.
const BUDGET: u64 = 4 << 30;
/// Proofs alone; the one in the middle counts.
const ALONE: usize = 3;
const DIED: &str = "a thread died";
/// Between two windows while the sector is sealed.
const PAUSE: Duration = Duration::from_secs(10);

static GO_ON: AtomicBool = AtomicBool::new(false);

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "peer".to_owned());
    let folder = arguments
        .next()
        .unwrap_or_else(|| "target/keys-to-measure".to_owned());
    let set = ParamSet::by_name(&name).ok_or("no such parameter set")?;
    let folder = Path::new(&folder);
    let proofs = ProofThreads::new(0, MemoryBudget::for_set(BUDGET, set, true)?)?;
    let windows = Windows::new(set, folder, &proofs)?;
    let replica_key = key(set, folder, CircuitName::Replica)?;

    let mut out = stdout().lock();
    let mut alone = Vec::new();
    for _ in 0..ALONE {
        alone.push(windows.prove()?);
    }
    alone.sort_by(f64::total_cmp);
    writeln!(
        out,
        "| sealing at that moment | a window's proof, s | parked after, ms | own memory, MiB | with mapped files, MiB |\n|---|---|---|---|---|"
    )?;
    row(
        &mut out,
        "nothing (median of three)",
        alone[ALONE / 2],
        None,
    )?;

    let scratch = folder.join("sector");
    fs::create_dir_all(&scratch)?;
    let load = Load {
        set,
        proofs: &proofs,
        key: &replica_key,
        doing: Mutex::new("begins"),
        most_own: AtomicU64::new(0),
    };
    let (began, processor) = (Instant::now(), seconds()?);
    let spent = windows.beside(&load, &scratch, &mut out)?;
    writeln!(
        out,
        "\nThe sector took {:.0} s, of which {spent:.0} s belonged to windows; {:.0} processor seconds in all.",
        began.elapsed().as_secs_f64(),
        seconds()? - processor,
    )?;
    writeln!(
        out,
        "Most memory of the process: {} MiB of its own at the end of a unit of sealing, {} MiB with mapped files.",
        load.most_own.load(Ordering::Relaxed),
        status("VmHWM:")?
    )?;
    Ok(fs::remove_dir_all(&scratch)?)
}

fn row(out: &mut impl Write, doing: &str, took: f64, parked_ms: Option<u128>) -> Outcome<()> {
    let parked = parked_ms.map_or_else(|| "-".to_owned(), |ms| ms.to_string());
    let (own, all) = (status("RssAnon:")?, status("VmRSS:")?);
    Ok(writeln!(
        out,
        "| {doing} | {took:.2} | {parked} | {own} | {all} |"
    )?)
}

/// A window that is proven again and again.
struct Windows<'a> {
    proofs: &'a ProofThreads,
    key: Key,
    circuit: SpacetimeCircuit,
    inputs: [Fr; 3],
}

impl<'a> Windows<'a> {
    fn new(set: &ParamSet, folder: &Path, proofs: &'a ProofThreads) -> Outcome<Self> {
        let sector = SyntheticSector::new(set)?;
        let (statement, circuit) = SyntheticProvider::new(&sector, 16)?.spacetime(7.into())?;
        Ok(Self {
            proofs,
            key: key(set, folder, CircuitName::Spacetime)?,
            circuit,
            inputs: statement.public_inputs(),
        })
    }

    /// Seconds of a proof, as a node makes it: sealing parks meanwhile.
    fn prove(&self) -> Outcome<f64> {
        let began = Instant::now();
        let proof = self.proofs.urgent(|| {
            let mut rng = blinding_rng([1; 32]);
            prove(&self.key, self.circuit.clone(), &mut rng)
        })?;
        let seconds = began.elapsed().as_secs_f64();
        verify(self.key.verifying_key(), &proof, &self.inputs)?;
        Ok(seconds)
    }

    /// Proves while a sector is sealed; the seconds that it took in all.
    fn beside(&self, load: &Load<'_>, scratch: &Path, out: &mut impl Write) -> Outcome<f64> {
        let sealing = seal_threads(0, SEAL_NICENESS)?;
        let mut spent = 0.0;
        thread::scope(|scope| {
            let sealed = scope.spawn(|| sealing.install(|| load.seal(scratch)));
            loop {
                thread::sleep(PAUSE);
                if sealed.is_finished() {
                    break;
                }
                let doing = load.doing();
                let parked = scope.spawn(|| parked_after(self.proofs.gate()));
                let took = self.prove()?;
                spent += took;
                row(out, doing, took, parked.join().map_err(|_| DIED)?)?;
            }
            sealed.join().map_err(|_| DIED)??;
            Ok(spent)
        })
    }
}

/// How long after a window's proof began sealing had parked; none if it never did.
fn parked_after(gate: &Gate) -> Option<u128> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) {
        if gate.parked() > 0 {
            return Some(began.elapsed().as_millis());
        }
        thread::sleep(Duration::from_millis(1));
    }
    None
}

/// The key of a circuit from the folder; made, from a public seed, where there is none.
fn key(set: &ParamSet, folder: &Path, circuit: CircuitName) -> Outcome<Key> {
    let path = keys::key_path(folder, set, circuit);
    if !path.exists() {
        fs::create_dir_all(folder)?;
        let blank = Circuits::for_set(set).blank(circuit);
        setup_insecure(set.name, &circuit.to_string(), &blank)?.save(&path)?;
    }
    let identity = KeyHeader::load(&path)?.identity;
    Ok(Key::load(&path, &identity)?)
}

/// A sector that is sealed meanwhile.
struct Load<'a> {
    set: &'a ParamSet,
    proofs: &'a ProofThreads,
    key: &'a Key,
    doing: Mutex<&'static str>,
    most_own: AtomicU64,
}

/// A proof of a replica lets windows pass.
impl groth16::Watch for Load<'_> {
    fn pass(&self) {
        self.proofs.gate().pass(|| false);
    }
}

impl Load<'_> {
    fn doing(&self) -> &'static str {
        *self.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begins(&self, step: &'static str) {
        *self.doing.lock().unwrap_or_else(PoisonError::into_inner) = step;
    }

    fn seal(&self, scratch: &Path) -> Outcome<()> {
        let set = self.set;
        let tell = |_: Progress| {
            let own = status("RssAnon:").unwrap_or(0);
            self.most_own.fetch_max(own, Ordering::Relaxed);
            self.proofs.gate().pass(|| false);
        };
        let watch = seal::Watch::new(&tell, &GO_ON);
        let share = |bytes| {
            let asked = (Asker::Sealing, bytes);
            self.proofs.memory().take(asked, || (), || false)
        };
        self.begins("tree over the data");
        let data = MadeUp {
            chunk_leaves: usize::try_from(set.sector_leaves().min(4096))?,
        };
        let data_rows = data_tree(set, &data)?;
        let (porep_id, ticket) = (Fr::from(1_u64), Fr::from(2_u64));
        let comm_d = data_rows.root();
        let replica_id = domain::replica_id(porep_id, &[3; 20], 0, comm_d, ticket);
        let taken = share(seal::memory_bytes(set))?;
        self.begins("labels");
        let mut labels = Labels::open(set, &scratch.join("labels"), replica_id, Keep::All, watch)?;
        labels.finish(watch)?;
        drop(taken);
        self.begins("tree over the labels");
        let columns = Columns::build(&labels, watch)?;
        self.begins("encoding, tree over the replica");
        let replica = InFile::new(&scratch.join("replica"), data.chunk_leaves)?;
        let mut sink = |chunk, bytes: Vec<u8>| replica.write(chunk, &bytes);
        let rows = encode_sector(&labels, &data, &mut sink, watch)?;
        let (comm_c, r_root) = (columns.comm_c(), rows.root());
        self.begins("proofs of the partitions");
        for partition in 0..u16::try_from(set.porep_challenges)? {
            let seed = Fr::from(11_u64);
            let statement = ReplicaStatement {
                comm_d: comm_d.into(),
                comm_r: domain::comm_r_sealed(comm_c, r_root).into(),
                porep_id,
                provider: [3; 20],
                ticket,
                seed,
                sector_number: 0,
                partition,
            };
            let challenged = Challenged::new(set, seed, partition);
            let mut opened = Vec::new();
            for node in challenged.columns() {
                opened.push(Column::of(set, node, columns.open(node)?));
            }
            let openings = VanillaProof {
                comm_c,
                r_root,
                columns: opened,
                data: open_leaf(&data_rows, &data, challenged.node)?,
                replica: open_leaf(&rows, &replica, challenged.node)?,
            };
            let inputs = statement.public_inputs();
            let circuit = ReplicaCircuit::new(*set, statement, openings);
            let _taken = share(self.proofs.memory().replica_bytes())?;
            let proof = prove_watched(self.key, circuit, &mut blinding_rng([2; 32]), self)?;
            verify(self.key.verifying_key(), &proof, &inputs)?;
        }
        Ok(labels.remove()?)
    }
}

/// Made-up data: chunk i is the output of BLAKE3 on i, two bits of each leaf cleared.
struct MadeUp {
    chunk_leaves: usize,
}

impl LeafChunks for MadeUp {
    fn chunk(&self, chunk: u64) -> Result<Vec<u8>, ChunkError> {
        let mut bytes = vec![0; 32 * self.chunk_leaves];
        let mut hasher = blake3::Hasher::new();
        hasher.update(&chunk.to_le_bytes());
        hasher.finalize_xof().fill(&mut bytes);
        for leaf in bytes.as_chunks_mut::<32>().0 {
            leaf[31] &= 0x3f;
        }
        Ok(bytes)
    }
}

/// Chunks in a file, one behind the other.
struct InFile {
    file: File,
    chunk_bytes: usize,
}

impl InFile {
    fn new(path: &Path, chunk_leaves: usize) -> Outcome<Self> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(true);
        Ok(Self {
            file: options.open(path)?,
            chunk_bytes: 32 * chunk_leaves,
        })
    }

    fn write(&self, chunk: u64, bytes: &[u8]) -> Result<(), ChunkError> {
        let at = chunk * u64::try_from(self.chunk_bytes)?;
        Ok(self.file.write_all_at(bytes, at)?)
    }
}

impl LeafChunks for InFile {
    fn chunk(&self, chunk: u64) -> Result<Vec<u8>, ChunkError> {
        let mut bytes = vec![0; self.chunk_bytes];
        let at = chunk * u64::try_from(self.chunk_bytes)?;
        self.file.read_exact_at(&mut bytes, at)?;
        Ok(bytes)
    }
}

fn open_leaf(tree: &SparseTree, leaves: &impl LeafChunks, node: u32) -> Outcome<Opening> {
    let bytes = leaves.chunk(SparseTree::chunk_of(node.into()))?;
    let leaves: Result<Vec<Fr>, _> = bytes
        .as_chunks::<32>()
        .0
        .iter()
        .map(field::from_bytes)
        .collect();
    Ok(tree.open(node.into(), &leaves?)?)
}

fn seconds() -> Outcome<f64> {
    processor_seconds().map_err(|error| error.to_string().into())
}

/// A line of what the system says of this process's memory, in MiB.
fn status(name: &str) -> Outcome<u64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .ok_or("no such form")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib >> 10)
}
