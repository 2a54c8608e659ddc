//! Sealing against the known answers of another implementation (`testdata/README.md` says which), in one go and through
//! processes that die on the way.

#![expect(clippy::unwrap_used, reason = "tests stop at what they did not expect")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::{env, fs};

use cairn_merkle::tree::{Shape, SparseTree};
use cairn_merkle::{Commitment, Fr, domain, fr32};
use cairn_prover::params::{ParamSet, SMALL, TEST};
use cairn_prover::seal::{
    ChunkError, Keep, Labels, LeafChunks, Phase, Progress, SealError, Sealed, Watch, data_tree,
    seal,
};
use serde_json::Value;
use tempfile::TempDir;

/// Leaves in memory, by chunk.
struct Chunks(Vec<Vec<u8>>);

impl LeafChunks for Chunks {
    fn chunk(&self, chunk: u64) -> Result<Vec<u8>, ChunkError> {
        let chunk = self.0.get(usize::try_from(chunk)?);
        chunk.cloned().ok_or_else(|| "no such chunk".into())
    }
}

/// A sector full of bytes; byte `i` is `(i * i + 7 * i + 3) mod 256`, as in the known answers.
fn data(set: &ParamSet) -> Chunks {
    let bytes: Vec<u8> = (0..set.sector_leaves() / 4 * 127)
        .map(|i| {
            let value = i.wrapping_mul(i).wrapping_add(7 * i).wrapping_add(3);
            u8::try_from(value & 0xff).unwrap()
        })
        .collect();
    let shape = Shape::new(set.sector_log2_leaves).unwrap();
    let chunk_bytes = usize::try_from(SparseTree::chunk_leaves(shape)).unwrap() * 32;
    let stored = fr32::encode_stored(&bytes);
    Chunks(stored.chunks(chunk_bytes).map(<[u8]>::to_vec).collect())
}

fn replica_id(set: &ParamSet) -> Fr {
    let comm_d = data_tree(set, &data(set)).unwrap().root();
    let known = known(set.name);
    let provider = hex::decode(text(&known["provider"])).unwrap();
    domain::replica_id(
        Fr::from(number(&known["porep_id"])),
        &provider.try_into().unwrap(),
        number(&known["sector_number"]),
        comm_d,
        Fr::from(number(&known["ticket"])),
    )
}

fn known(set: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/prover/seal");
    serde_json::from_str(&fs::read_to_string(folder.join(format!("{set}.json"))).unwrap()).unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn big_endian(element: Fr) -> String {
    hex::encode(Commitment::from(element).to_be_bytes())
}

static NEVER: AtomicBool = AtomicBool::new(false);

fn quiet() -> Watch<'static> {
    Watch::new(&|_| (), &NEVER)
}

fn open(set: &ParamSet, folder: &Path, id: Fr) -> Labels {
    Labels::open(set, folder, id, Keep::All, quiet()).unwrap()
}

/// Seals what the folder has not finished; the replica's chunks and what it commits to.
fn seal_in(folder: &Path, set: &ParamSet, watch: Watch<'_>) -> Result<(Sealed, Chunks), SealError> {
    let mut labels = Labels::open(set, folder, replica_id(set), Keep::All, watch)?;
    let mut replica = Vec::new();
    let mut sink = |chunk: u64, bytes: Vec<u8>| {
        assert_eq!(chunk, replica.len() as u64, "chunks come in order");
        replica.push(bytes);
        Ok(())
    };
    let sealed = seal(&mut labels, &data(set), &mut sink, watch)?;
    Ok((sealed, Chunks(replica)))
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn labels_replica_and_roots_are_those_of_the_other_implementation() {
    for set in [&TEST, &SMALL] {
        let (known, folder) = (known(set.name), folder());
        let comm_d = data_tree(set, &data(set)).unwrap().root();
        assert_eq!(big_endian(comm_d), text(&known["comm_d"]), "{}", set.name);
        assert_eq!(big_endian(replica_id(set)), text(&known["replica_id"]));
        let (sealed, replica) = seal_in(folder.path(), set, quiet()).unwrap();
        let labels = open(set, folder.path(), replica_id(set));
        for case in list(&known["labels"]) {
            let layer = u8::try_from(number(&case["layer"])).unwrap();
            let v = usize::try_from(number(&case["v"])).unwrap();
            let label = labels.layer(layer).unwrap().labels()[v];
            assert_eq!(hex::encode(label), text(&case["label"]), "{case}");
        }
        for (layer, digest) in (1..).zip(list(&known["layer_blake3"])) {
            let layer = labels.layer(layer).unwrap();
            let ours = blake3::hash(layer.labels().as_flattened());
            assert_eq!(ours.to_hex().as_str(), text(digest), "{}", set.name);
        }
        for case in list(&known["replica"]) {
            let at = 32 * usize::try_from(number(&case["v"])).unwrap();
            let leaf = &replica.0.concat()[at..at + 32];
            assert_eq!(hex::encode(leaf), text(&case["leaf"]), "{case}");
        }
        assert_eq!(big_endian(sealed.comm_c), text(&known["comm_c"]));
        assert_eq!(big_endian(sealed.r_root), text(&known["r_root"]));
        assert_eq!(big_endian(sealed.comm_r), text(&known["comm_r"]));
    }
}

/// Where a seal of the small set is interrupted: phase and nodes done.
const INTERRUPTIONS: [(Phase, u64); 7] = [
    (Phase::Labels(1), 4096),
    (Phase::Labels(1), 40_960),
    (Phase::Labels(1), 65_536),
    (Phase::Labels(2), 8192),
    (Phase::Labels(2), 65_536),
    (Phase::Columns, 20_480),
    (Phase::Replica, 32_768),
];

/// Layers that are finished when this is reached.
fn finished_at(phase: Phase) -> u8 {
    match phase {
        Phase::Labels(layer) => layer - 1,
        _ => SMALL.layers,
    }
}

fn goes_on(folder: &Path, phase: Phase, done: u64, expected: (&Sealed, &Chunks)) {
    let what = format!("interrupted in {phase:?} at {done}");
    let labels = open(&SMALL, folder, replica_id(&SMALL));
    assert_eq!(labels.done(), finished_at(phase), "{what}");
    drop(labels);
    let (sealed, replica) = seal_in(folder, &SMALL, quiet()).unwrap();
    assert_eq!(&sealed, expected.0, "{what}");
    assert!(replica.0 == expected.1.0, "{what}");
}

const CHILD_FOLDER: &str = "CAIRN_TEST_SEAL_FOLDER";
const CHILD_PLACE: &str = "CAIRN_TEST_SEAL_PLACE";

/// Not a test of its own: in a child process it seals until it reaches its place, and dies there without a word.
#[test]
fn child_that_dies_while_it_seals() {
    let (Some(folder), Ok(place)) = (env::var_os(CHILD_FOLDER), env::var(CHILD_PLACE)) else {
        return;
    };
    let (phase, done) = INTERRUPTIONS[place.parse::<usize>().unwrap()];
    let progress = |now: Progress| {
        if now.phase == phase && now.done >= done {
            std::process::abort();
        }
    };
    let sealed = seal_in(
        &PathBuf::from(folder),
        &SMALL,
        Watch::new(&progress, &NEVER),
    );
    panic!("sealed past its place: {}", sealed.is_ok());
}

#[test]
fn a_killed_seal_goes_on_from_its_last_layer_to_the_same_commitments() {
    let whole = folder();
    let (expected, replica) = seal_in(whole.path(), &SMALL, quiet()).unwrap();
    for (place, (phase, done)) in INTERRUPTIONS.into_iter().enumerate() {
        let folder = folder();
        let child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "child_that_dies_while_it_seals"])
            .env(CHILD_FOLDER, folder.path())
            .env(CHILD_PLACE, place.to_string())
            .output()
            .unwrap();
        let code = child.status.code();
        assert_eq!(code, None, "the child was to die by a signal: {child:?}");
        goes_on(folder.path(), phase, done, (&expected, &replica));
    }
}

#[test]
fn progress_of_each_phase_only_grows_and_ends_at_its_total() {
    let (folder, seen) = (folder(), Mutex::new(Vec::<Progress>::new()));
    let progress = |now: Progress| seen.lock().unwrap().push(now);
    seal_in(folder.path(), &SMALL, Watch::new(&progress, &NEVER)).unwrap();
    let seen = seen.into_inner().unwrap();
    let phases = [
        Phase::Labels(1),
        Phase::Labels(2),
        Phase::Columns,
        Phase::Replica,
    ];
    for phase in phases {
        let of_phase: Vec<_> = seen.iter().filter(|now| now.phase == phase).collect();
        assert!(of_phase.windows(2).all(|two| two[0].done < two[1].done));
        let last = of_phase.last().unwrap();
        assert_eq!((last.done, last.total), (65_536, 65_536), "{phase:?}");
    }
}
