//! Seals one sector of a parameter set, proves its replica on a chain of its own, adds it to a provider's tree, unseals
//! it again, and prints what each step took.
//!
//! ```text
//! cargo run -p cairn-contracts --example seal_on_chain -- peer target/seal-peer
//! cargo run -p cairn-contracts --example seal_on_chain -- testnet target/seal-testnet     7 GB of disk, ten minutes
//! ```
//!
//! The folder keeps the keys, so that a second run makes none. Keys are made from a public seed, whatever the set, for a
//! development chain that ends with the run. The keys of circuits that this run does not use verify nothing.

#[path = "../../prover/examples/measure/mod.rs"]
mod measure;

use std::{
    error::Error,
    fs::{self, File},
    io::{Write, stdout},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    time::Instant,
};

use cairn_contracts::{
    Anvil, AnvilOptions, Chain, ChallengeTerms, CircuitSet, CollateralTerms, DeployPlan, EvmProof,
    KeyPlan, RepairTerms, ReplicaTerms, Schedule, SetParameters, TokenPlan, deploy,
};
use cairn_merkle::{
    Fr, domain, field,
    provider::ProviderTree,
    tree::{Opening, SparseTree},
};
use cairn_prover::{
    append::{AppendCircuit, AppendStatement, AppendWitness},
    beacon,
    circuits::{CircuitName, Circuits},
    groth16::{Key, blinding_rng, export, prove, setup_insecure, verify},
    params::ParamSet,
    replica::{Challenged, Column, ReplicaCircuit, ReplicaStatement, VanillaProof, check},
    seal::{
        ChunkError, Columns, Keep, Labels, LeafChunks, Progress, Sealed, Watch, data_tree,
        encode_sector, unseal,
    },
};
use cairn_wire::{Address, Commitment, Period, SectorKind, SectorNumber, TreeIndex};
use measure::processor_seconds;

type Outcome<T> = Result<T, Box<dyn Error>>;

const GENESIS: u64 = 1_800_000_000;
const DEPOSIT: u128 = 1_000;
/// Places in anvil's list of accounts.
const DEPLOYER: usize = 0;
const PROVIDER: usize = 1;

static GO_ON: AtomicBool = AtomicBool::new(false);

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(set), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("arguments: <parameter set> <folder>".into());
    };
    let set = ParamSet::by_name(&set).ok_or("no such parameter set")?;
    let folder = PathBuf::from(folder);
    fs::create_dir_all(&folder)?;
    let table = Table::new(set)?;
    let keys = Keys::of(set, &folder, &table)?;
    let mut market = Market::open(set, &keys, &table).await?;
    let sector = Sector::seal(set, &folder, &market, &table)?;
    market.commit(&sector, &table).await?;
    let proofs = sector.prove(set, &market, &keys.replica, &table)?;
    market.hand_in(set, &sector, &proofs, &keys, &table).await?;
    sector.decode(&table)?;
    sector.unseal_from_nothing(set, &folder, &table)?;
    Ok(())
}

/// What each step took.
struct Table {
    bytes: f64,
}

impl Table {
    fn new(set: &ParamSet) -> Outcome<Self> {
        let table = Self {
            bytes: u32::try_from(set.sector_bytes() >> 10).map(f64::from)? / 1024.0,
        };
        let (name, mib) = (set.name, table.bytes);
        let mut out = stdout();
        writeln!(
            out,
            "One sector of `{name}`: {mib} MiB, {} layers, {} partitions\n",
            set.layers, set.porep_challenges
        )?;
        writeln!(
            out,
            "| step | seconds | CPU seconds | MB/s | MB/s of a core | peak memory, MiB | at its end without files, MiB |\n|---|---|---|---|---|---|---|"
        )?;
        Ok(table)
    }

    /// Does a step and writes its row; `over_sector` if it goes over all of the sector's bytes.
    fn step<T>(
        &self,
        what: &str,
        over_sector: bool,
        work: impl FnOnce() -> Outcome<T>,
    ) -> Outcome<T> {
        let spent = Spent::start()?;
        let result = work()?;
        self.row(what, over_sector, &spent)?;
        Ok(result)
    }

    fn row(&self, what: &str, over_sector: bool, spent: &Spent) -> Outcome<()> {
        let (clock, processor) = (
            spent.clock.elapsed().as_secs_f64(),
            processor_seconds()? - spent.processor,
        );
        let megabytes = self.bytes * 1.048_576;
        let speed = if over_sector {
            format!("{:.2} | {:.2}", megabytes / clock, megabytes / processor)
        } else {
            "| ".to_owned()
        };
        let (peak, own) = (memory_mib("VmHWM:")?, memory_mib("RssAnon:")?);
        writeln!(
            stdout(),
            "| {what} | {clock:.2} | {processor:.2} | {speed} | {peak} | {own} |"
        )?;
        Ok(())
    }

    fn note(&self, what: &str) -> Outcome<()> {
        writeln!(stdout(), "| {what} | | | | | | |")?;
        Ok(())
    }
}

struct Spent {
    clock: Instant,
    processor: f64,
}

impl Spent {
    fn start() -> Outcome<Self> {
        // Starts the peak again; where that is not allowed, peaks are those since the beginning.
        fs::write("/proc/self/clear_refs", "5").unwrap_or_default();
        Ok(Self {
            clock: Instant::now(),
            processor: processor_seconds()?,
        })
    }
}

/// The two keys that the run proves under.
struct Keys {
    append: Key,
    replica: Key,
}

impl Keys {
    fn of(set: &ParamSet, folder: &Path, table: &Table) -> Outcome<Self> {
        let key = |circuit: CircuitName| -> Outcome<Key> {
            let path = folder.join(format!("{}-{circuit}.key", set.name));
            if let Ok(bytes) = fs::read(&path) {
                let read = || -> Outcome<Key> { Ok(Key::from_file_bytes(&bytes)?) };
                return table.step(&format!("reading the key of `{circuit}`"), false, read);
            }
            let blank = Circuits::for_set(set).blank(circuit);
            let what = format!("set-up of `{circuit}`");
            let made = table.step(&what, false, || {
                Ok(setup_insecure(set.name, circuit.as_str(), &blank)?)
            })?;
            let bytes = made.to_file_bytes();
            let constraints = made.matrices().constraints();
            table.note(&format!(
                "`{circuit}`: {constraints} constraints, key file of {} MiB",
                bytes.len() >> 20
            ))?;
            fs::write(&path, bytes)?;
            Ok(made)
        };
        Ok(Self {
            append: key(CircuitName::Append)?,
            replica: key(CircuitName::Replica)?,
        })
    }

    fn plan(&self, set: &ParamSet) -> Outcome<DeployPlan> {
        let real = |key: &Key| KeyPlan {
            circuit_id: *key.identity().circuit_id.as_bytes(),
            key: export::vk_to_evm(key.verifying_key()),
        };
        // Verifies nothing: the contracts want its length, and that gamma and delta differ.
        let empty = |inputs: usize, circuit: u8| {
            let mut key = vec![0; export::vk_bytes(inputs)];
            (key[384], key[640]) = (circuit, circuit + 100);
            KeyPlan {
                circuit_id: [circuit; 32],
                key,
            }
        };
        Ok(DeployPlan {
            parameters: SetParameters {
                name: set.name.to_owned(),
                sector_log2_leaves: set.sector_log2_leaves.try_into()?,
                b_max: set.b_max,
                post_samples: set.post_samples,
                tree_levels: set.tree_levels.try_into()?,
                include_width: set.include_width.try_into()?,
                empty_root: ProviderTree::new(set.tree_levels)?.root().into(),
            },
            replica_terms: ReplicaTerms {
                layers: set.layers,
                partitions: set.porep_challenges.try_into()?,
                ticket_age_s: set.ticket_age_s,
                seed_delay_s: set.seed_delay_s,
                due_s: set.replica_due_s,
                deposit: DEPOSIT,
            },
            collateral_terms: CollateralTerms::default(),
            challenge_terms: ChallengeTerms {
                bond: 1,
                per_step: 4,
                answer_due_s: 4 * set.period_s,
                cooldown_s: 0,
            },
            repair_terms: RepairTerms {
                commit_age_s: 600,
                commit_life_s: 86_400,
                right_life_s: 600,
                claim_s: set.period_s,
                seal_periods: 48,
                seal_bond: 1,
            },
            insecure_set: true,
            insecure_keys: true,
            schedule: schedule(set),
            beacon_key: beacon_key()?.public_key().to_evm(),
            keys: CircuitSet {
                spacetime: empty(3, 1),
                append: real(&self.append),
                retire: empty(3, 3),
                include: empty(2 * set.include_width + 1, 4),
                replica: real(&self.replica),
                dispute: empty(6, 6),
            },
            token: TokenPlan::Test {
                mint: vec![(Anvil::key(PROVIDER)?.address(), 10 * DEPOSIT)],
            },
        })
    }
}

fn beacon_key() -> Outcome<beacon::SecretKey> {
    Ok(beacon::SecretKey::from_seed(&[7; 32])?)
}

fn schedule(set: &ParamSet) -> Schedule {
    Schedule {
        t0_unix: GENESIS + set.period_s,
        period_s: set.period_s,
        freeze_s: set.freeze_s,
        due_s: set.due_s,
        genesis_unix: GENESIS,
        round_s: 3,
    }
}

/// A chain with the contracts, and a provider who has a number and a ticket.
struct Market {
    anvil: Anvil,
    chain: Chain,
    provider: Address,
    number: SectorNumber,
    porep_id: Fr,
    ticket: Fr,
    ticket_period: Period,
    seed: Option<Fr>,
}

impl Market {
    async fn open(set: &ParamSet, keys: &Keys, table: &Table) -> Outcome<Self> {
        let spent = Spent::start()?;
        let options = AnvilOptions {
            timestamp_unix: Some(GENESIS),
            ..AnvilOptions::default()
        };
        let anvil = Anvil::start(&options).await?;
        let urls = vec![anvil.url().to_owned()];
        let deployment = deploy(&urls, &Anvil::key(DEPLOYER)?, &keys.plan(set)?).await?;
        let porep_id = field::from_bytes(&deployment.replica_binding().porep_id())?;
        let key = Anvil::key(PROVIDER)?;
        let provider = key.address();
        let chain = Chain::connect(&urls, deployment, Some(key)).await?;
        chain
            .register_provider("127.0.0.1:4242", [9; 32], provider, 1 << 40)
            .await?;
        let (number, _) = chain.reserve_numbers(1).await?;
        let ticket_period = Period(1);
        let randomness = post(&anvil, &chain, ticket_period).await?;
        let ticket = field::from_bytes(&cairn_contracts::replica::ticket(&randomness))?;
        table.row(
            "chain started, contracts deployed, number reserved",
            false,
            &spent,
        )?;
        Ok(Self {
            anvil,
            chain,
            provider,
            number,
            porep_id,
            ticket,
            ticket_period,
            seed: None,
        })
    }

    /// Precommits and waits (the chain's clock is set forward) for the round that seeds the challenges.
    async fn commit(&mut self, sector: &Sector, table: &Table) -> Outcome<()> {
        let (comm_d, comm_r) = (sector.comm_d(), sector.comm_r());
        let receipt = self
            .chain
            .precommit(self.number, &comm_d, &comm_r, self.ticket_period)
            .await?;
        table.note(&format!("precommit: {} gas", receipt.gas_used))?;
        let replica = self.chain.replica(self.provider, self.number).await?;
        let replica = replica.ok_or("the precommit is not there")?;
        post(&self.anvil, &self.chain, replica.seed_period).await?;
        let challenge = self
            .chain
            .replica_challenge(self.provider, self.number)
            .await?;
        self.seed = Some(field::from_bytes(&challenge.seed)?);
        Ok(())
    }

    /// All partitions in one transaction, then the sector goes into the provider's tree.
    async fn hand_in(
        &self,
        set: &ParamSet,
        sector: &Sector,
        proofs: &[EvmProof],
        keys: &Keys,
        table: &Table,
    ) -> Outcome<()> {
        let spent = Spent::start()?;
        let receipt = self
            .chain
            .prove_replica(self.provider, self.number, proofs)
            .await?;
        let what = format!(
            "{} proofs verified on chain in one batch: {} gas",
            proofs.len(),
            receipt.gas_used
        );
        table.row(&what, false, &spent)?;
        let spent = Spent::start()?;
        let mut tree = ProviderTree::new(set.tree_levels)?;
        let witness = AppendWitness::of(&tree)?;
        let root0 = tree.root().into();
        tree.append(domain::provider_leaf(
            sector.comm_r().to_fr(),
            self.number.0,
            SectorKind::Sealed,
        ))?;
        let statement = AppendStatement {
            root0,
            root1: tree.root().into(),
            comm_d: sector.comm_d(),
            comm_r: sector.comm_r(),
            count: 0,
            sector_number: self.number.0,
            kind: SectorKind::Sealed,
        };
        let root1 = statement.root1;
        let circuit = AppendCircuit::new(*set, statement, witness);
        let proof =
            export::proof_to_evm(&prove(&keys.append, circuit, &mut blinding_rng([250; 32]))?);
        let receipt = self
            .chain
            .append_sealed(TreeIndex(0), self.number, &root1, &proof)
            .await?;
        table.row(
            &format!("appended as sealed: {} gas", receipt.gas_used),
            false,
            &spent,
        )
    }
}

/// Sets the chain's clock to the period's round, posts it, and tells its randomness.
async fn post(anvil: &Anvil, chain: &Chain, period: Period) -> Outcome<[u8; 32]> {
    let time = chain.schedule().round_time(period);
    if chain.head().await?.timestamp < time {
        anvil.mine_at(time).await?;
    }
    let round = chain.schedule().round_of(period);
    let signature = beacon_key()?.sign(round.0)?;
    chain.post_round(round, &signature.to_evm()).await?;
    Ok(chain
        .randomness(round)
        .await?
        .ok_or("the round is not there")?)
}

/// Made-up data, the same each time: chunk i is the output of BLAKE3 on i, two bits of each leaf cleared.
struct MadeUp {
    chunk_leaves: usize,
}

impl LeafChunks for MadeUp {
    fn chunk(&self, chunk: u64) -> Result<Vec<u8>, ChunkError> {
        let mut bytes = vec![0; 32 * self.chunk_leaves];
        blake3::Hasher::new()
            .update(&chunk.to_le_bytes())
            .finalize_xof()
            .fill(&mut bytes);
        for leaf in bytes.chunks_exact_mut(32) {
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
    fn write(&self, chunk: u64, bytes: &[u8]) -> Result<(), ChunkError> {
        Ok(self
            .file
            .write_all_at(bytes, chunk * u64::try_from(self.chunk_bytes)?)?)
    }
}

impl LeafChunks for InFile {
    fn chunk(&self, chunk: u64) -> Result<Vec<u8>, ChunkError> {
        let mut bytes = vec![0; self.chunk_bytes];
        self.file
            .read_exact_at(&mut bytes, chunk * u64::try_from(self.chunk_bytes)?)?;
        Ok(bytes)
    }
}

/// A sealed sector with all that its proofs open.
struct Sector {
    data: MadeUp,
    data_tree: SparseTree,
    replica_id: Fr,
    labels: Labels,
    columns: Columns,
    replica: InFile,
    sealed: Sealed,
}

fn quiet(_: Progress) {}

fn watch() -> Watch<'static> {
    Watch::new(&quiet, &GO_ON)
}

impl Sector {
    fn seal(set: &ParamSet, folder: &Path, market: &Market, table: &Table) -> Outcome<Self> {
        let whole = Spent::start()?;
        let chunk_leaves = usize::try_from(set.sector_leaves().min(4096))?;
        let data = MadeUp { chunk_leaves };
        let data_tree = table.step("tree over the data", true, || Ok(data_tree(set, &data)?))?;
        let replica_id = domain::replica_id(
            market.porep_id,
            &market.provider.0,
            market.number.0,
            data_tree.root(),
            market.ticket,
        );
        let mut labels = Labels::open(set, &folder.join("labels"), replica_id, Keep::All, watch())?;
        let spent = Spent::start()?;
        labels.finish(watch())?;
        let nanoseconds = spent.clock.elapsed().as_secs_f64() * 1e9;
        let count = u32::try_from(set.sector_leaves())?;
        let each = nanoseconds / f64::from(count) / f64::from(set.layers);
        table.row(
            &format!("labels of {} layers, {each:.0} ns each", set.layers),
            true,
            &spent,
        )?;
        let columns = table.step("tree over the labels", true, || {
            Ok(Columns::build(&labels, watch())?)
        })?;
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(folder.join("replica"))?;
        let replica = InFile {
            file,
            chunk_bytes: 32 * chunk_leaves,
        };
        let encode = || -> Outcome<SparseTree> {
            let mut sink = |chunk, bytes: Vec<u8>| replica.write(chunk, &bytes);
            Ok(encode_sector(&labels, &data, &mut sink, watch())?)
        };
        let tree = table.step("encoding, tree over the replica", true, encode)?;
        table.row("sealing, the four together", true, &whole)?;
        let (comm_c, r_root) = (columns.comm_c(), tree.root());
        Ok(Self {
            data,
            data_tree,
            replica_id,
            labels,
            columns,
            replica,
            sealed: Sealed {
                comm_c,
                r_root,
                comm_r: domain::comm_r_sealed(comm_c, r_root),
                replica: tree,
            },
        })
    }

    fn comm_d(&self) -> Commitment {
        self.data_tree.root().into()
    }

    fn comm_r(&self) -> Commitment {
        self.sealed.comm_r.into()
    }

    /// Proofs of all partitions, each checked.
    fn prove(
        &self,
        set: &ParamSet,
        market: &Market,
        key: &Key,
        table: &Table,
    ) -> Outcome<Vec<EvmProof>> {
        let seed = market.seed.ok_or("there is no seed yet")?;
        let whole = Spent::start()?;
        let mut proofs = Vec::new();
        for partition in 0..u16::try_from(set.porep_challenges)? {
            let statement = ReplicaStatement {
                comm_d: self.comm_d(),
                comm_r: self.comm_r(),
                porep_id: market.porep_id,
                provider: market.provider.0,
                ticket: market.ticket,
                seed,
                sector_number: market.number.0,
                partition,
            };
            let spent = Spent::start()?;
            let openings = self.open(set, seed, partition)?;
            check(set, &statement, &openings)?;
            if partition == 0 {
                let bytes = openings.to_bytes().len();
                table.row(
                    &format!("vanilla proof of a partition, {bytes} bytes, checked"),
                    false,
                    &spent,
                )?;
            }
            let inputs = statement.public_inputs();
            let circuit = ReplicaCircuit::new(*set, statement, openings);
            let spent = Spent::start()?;
            let proof = prove(
                key,
                circuit,
                &mut blinding_rng([u8::try_from(partition)?; 32]),
            )?;
            table.row(&format!("proof of partition {partition}"), false, &spent)?;
            let spent = Spent::start()?;
            verify(key.verifying_key(), &proof, &inputs)?;
            if partition == 0 {
                table.row("checking it", false, &spent)?;
            }
            proofs.push(export::proof_to_evm(&proof));
        }
        table.row("all partitions", true, &whole)?;
        Ok(proofs)
    }

    fn open(&self, set: &ParamSet, seed: Fr, partition: u16) -> Outcome<VanillaProof> {
        let challenged = Challenged::new(set, seed, partition);
        let column =
            |node| -> Outcome<Column> { Ok(Column::of(set, node, self.columns.open(node)?)) };
        let columns: Outcome<Vec<Column>> = challenged.columns().into_iter().map(column).collect();
        Ok(VanillaProof {
            comm_c: self.sealed.comm_c,
            r_root: self.sealed.r_root,
            columns: columns?,
            data: open_leaf(&self.data_tree, &self.data, challenged.node)?,
            replica: open_leaf(&self.sealed.replica, &self.replica, challenged.node)?,
        })
    }

    /// The data again, from the replica and the labels that are there.
    fn decode(&self, table: &Table) -> Outcome<()> {
        let decode = || self.data_from(&self.labels);
        table.step("decoding with the labels at hand", true, decode)
    }

    /// The data again, from the replica and its id: all layers once more, of which only the last two are ever kept.
    fn unseal_from_nothing(self, set: &ParamSet, folder: &Path, table: &Table) -> Outcome<()> {
        let folder = folder.join("again");
        let labels = table.step("unsealing with no labels at hand", true, || {
            let mut labels = Labels::open(set, &folder, self.replica_id, Keep::Newest, watch())?;
            labels.finish(watch())?;
            self.data_from(&labels)?;
            Ok(labels)
        })?;
        labels.remove()?;
        Ok(self.labels.remove()?)
    }

    fn data_from(&self, labels: &Labels) -> Outcome<()> {
        let chunks = 0..SparseTree::chunks_of(self.data_tree.shape());
        let mut same = true;
        let mut sink = |chunk, bytes: Vec<u8>| -> Result<(), ChunkError> {
            same &= bytes == self.data.chunk(chunk)?;
            Ok(())
        };
        unseal(labels, &self.replica, chunks, &mut sink, watch())?;
        if same {
            Ok(())
        } else {
            Err("the data did not come back".into())
        }
    }
}

fn open_leaf(tree: &SparseTree, leaves: &impl LeafChunks, node: u32) -> Outcome<Opening> {
    let bytes = leaves
        .chunk(SparseTree::chunk_of(node.into()))
        .map_err(|error| error.to_string())?;
    let leaves: Result<Vec<Fr>, _> = bytes
        .chunks_exact(32)
        .map(|leaf| field::from_bytes(leaf.try_into().unwrap_or(&[0xff; 32])))
        .collect();
    Ok(tree.open(node.into(), &leaves?)?)
}

/// A line of the process's memory: `VmHWM:` at its fullest since the step began, mapped files included; `RssAnon:` now,
/// without them.
fn memory_mib(line: &str) -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|text| text.strip_prefix(line));
    let kib: u64 = line
        .and_then(|line| line.split_whitespace().next())
        .ok_or("no such form")?
        .parse()?;
    Ok(kib >> 10)
}
