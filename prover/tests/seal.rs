//! Sealing and back, over crashes and damage.

#![expect(clippy::unwrap_used, reason = "tests stop at what they did not expect")]

use ark_ff::AdditiveGroup;
use cairn_merkle::tree::{Opening, Shape};
use cairn_merkle::{Fr, TreeKind, field};
use cairn_prover::params::{ParamSet, SMALL, TEST};
use cairn_prover::seal::{
    ChunkError, Columns, Keep, Labels, LeafChunks, Phase, Progress, SealError, Sealed, Watch,
    data_tree, finish_together, seal, unseal,
};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

static GO_ON: AtomicBool = AtomicBool::new(false);

/// Chunks in memory.
#[derive(Clone, Default)]
struct Memory(BTreeMap<u64, Vec<u8>>);

impl LeafChunks for Memory {
    fn chunk(&self, chunk: u64) -> Result<Vec<u8>, ChunkError> {
        self.0
            .get(&chunk)
            .cloned()
            .ok_or_else(|| "no such chunk".into())
    }
}

impl Memory {
    /// Made-up data: every leaf another canonical number.
    fn data(set: &ParamSet) -> Self {
        let leaves = set.sector_leaves();
        let per_chunk = leaves.min(4096);
        let chunk = |chunk: u64| {
            let leaf = |leaf: u64| field::to_bytes(&(-Fr::from(leaf * leaf + 17)));
            let leaves = chunk * per_chunk..(chunk + 1) * per_chunk;
            (chunk, leaves.flat_map(leaf).collect())
        };
        Self((0..leaves / per_chunk).map(chunk).collect())
    }

    fn leaf(&self, index: u64) -> Fr {
        let per_chunk = self.0[&0].len() as u64 / 32;
        let at = usize::try_from(index % per_chunk).unwrap() * 32;
        let bytes = self.0[&(index / per_chunk)][at..at + 32]
            .try_into()
            .unwrap();
        field::from_bytes(&bytes).unwrap()
    }
}

fn quiet(_: Progress) {}

fn watch() -> Watch<'static> {
    Watch::new(&quiet, &GO_ON)
}

fn id() -> Fr {
    Fr::from(0xcafe_u64) * -Fr::from(3u64)
}

fn seal_in(set: &ParamSet, folder: &Path, data: &Memory) -> (Sealed, Memory) {
    let mut labels = Labels::open(set, folder, id(), Keep::All, watch()).unwrap();
    let mut replica = Memory::default();
    let sealed = seal(
        &mut labels,
        data,
        &mut |chunk, bytes| {
            replica.0.insert(chunk, bytes);
            Ok(())
        },
        watch(),
    )
    .unwrap();
    (sealed, replica)
}

fn unsealed(set: &ParamSet, folder: &Path, keep: Keep, replica: &Memory) -> Memory {
    let mut labels = Labels::open(set, folder, id(), keep, watch()).unwrap();
    labels.finish(watch()).unwrap();
    let mut data = Memory::default();
    let chunks = 0..replica.0.len() as u64;
    unseal(
        &labels,
        replica,
        chunks,
        &mut |chunk, bytes| {
            data.0.insert(chunk, bytes);
            Ok(())
        },
        watch(),
    )
    .unwrap();
    data
}

#[test]
fn a_sealed_sector_is_unsealed_from_its_replica_and_id_alone() {
    for set in [&TEST, &SMALL] {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let data = Memory::data(set);
        let (_, replica) = seal_in(set, one.path(), &data);
        assert_ne!(replica.0, data.0);
        let back = unsealed(set, two.path(), Keep::Newest, &replica);
        assert_eq!(back.0, data.0, "{}", set.name);
        let files = fs::read_dir(two.path()).unwrap().count();
        assert_eq!(
            files, 3,
            "the newest layer, the state and the lock are all that stays"
        );
    }
}

#[test]
fn a_part_of_a_sector_is_unsealed_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = Memory::data(&SMALL);
    let (_, mut replica) = seal_in(&SMALL, folder.path(), &data);
    let labels = Labels::open(&SMALL, folder.path(), id(), Keep::All, watch()).unwrap();
    replica.0.retain(|chunk, _| (3..5).contains(chunk));
    let mut got = Vec::new();
    let mut sink = |chunk, bytes| {
        got.push((chunk, bytes));
        Ok(())
    };
    unseal(&labels, &replica, 3..5, &mut sink, watch()).unwrap();
    assert_eq!(got, [(3, data.0[&3].clone()), (4, data.0[&4].clone())]);
}

#[test]
fn openings_of_columns_and_replica_lead_to_what_comm_r_is_made_of() {
    for set in [&TEST, &SMALL] {
        let folder = tempfile::tempdir().unwrap();
        let data = Memory::data(set);
        let (sealed, replica) = seal_in(set, folder.path(), &data);
        let labels = Labels::open(set, folder.path(), id(), Keep::All, watch()).unwrap();
        let columns = Columns::load(&labels, watch()).unwrap();
        assert_eq!(columns.comm_c(), sealed.comm_c);
        let layers = u32::from(set.layers);
        let shape = Shape::new(set.sector_log2_leaves + layers.trailing_zeros()).unwrap();
        let last = u32::try_from(set.sector_leaves() - 1).unwrap();
        for node in [0, 1, 7, last / 2, last] {
            let groups = columns.open(node).unwrap();
            for layer in 1..=set.layers {
                let label = labels.layer(layer).unwrap().labels()[node as usize];
                let opening = Opening {
                    leaf: field::from_bytes(&label).unwrap(),
                    groups: groups.clone(),
                };
                let place = u64::from(node) * u64::from(set.layers) + u64::from(layer) - 1;
                opening
                    .verify(TreeKind::Column, shape, place, sealed.comm_c)
                    .unwrap();
                if layer == set.layers {
                    let sum = data.leaf(u64::from(node)) + opening.leaf;
                    assert_eq!(replica.leaf(u64::from(node)), sum, "R = D + label(L)");
                }
            }
        }
        assert!(columns.open(last + 1).is_err() || last == u32::MAX);
    }
}

#[test]
fn comm_d_is_the_root_of_the_data_and_comm_r_of_labels_and_replica() {
    let folder = tempfile::tempdir().unwrap();
    let data = Memory::data(&TEST);
    let (sealed, replica) = seal_in(&TEST, folder.path(), &data);
    let leaves = |memory: &Memory| (0..256).map(|leaf| memory.leaf(leaf)).collect::<Vec<_>>();
    let root = |kind, leaves: &[Fr]| cairn_merkle::tree::root(kind, leaves).unwrap();
    assert_eq!(
        data_tree(&TEST, &data).unwrap().root(),
        root(TreeKind::Data, &leaves(&data))
    );
    assert_eq!(sealed.r_root, root(TreeKind::Replica, &leaves(&replica)));
    let labels = Labels::open(&TEST, folder.path(), id(), Keep::All, watch()).unwrap();
    let layers = [1, 2].map(|layer| labels.layer(layer).unwrap());
    let columns: Vec<Fr> = (0..256)
        .flat_map(|node| layers.each_ref().map(|layer| layer.labels()[node]))
        .map(|label| field::from_bytes(&label).unwrap())
        .collect();
    assert_eq!(sealed.comm_c, root(TreeKind::Column, &columns));
    assert_eq!(
        sealed.comm_r,
        cairn_merkle::domain::comm_r_sealed(sealed.comm_c, sealed.r_root)
    );
}

/// Runs until the watcher says stop, as a crash there would end it; gives the layers that were done.
fn stopped_at(set: &ParamSet, folder: &Path, phase: Phase, done: u64) -> u8 {
    let stop = AtomicBool::new(false);
    let progress = |now: Progress| {
        if now.phase == phase && now.done >= done {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let watch = Watch::new(&progress, &stop);
    let mut labels = Labels::open(set, folder, id(), Keep::All, watch).unwrap();
    let mut sink = |_, _| Ok(());
    let end = seal(&mut labels, &Memory::data(set), &mut sink, watch);
    assert!(matches!(end, Err(SealError::Stopped)), "{phase:?}: {end:?}");
    labels.done()
}

#[test]
fn whatever_is_stopped_goes_on_and_ends_with_the_same_commitments() {
    let whole = tempfile::tempdir().unwrap();
    let data = Memory::data(&SMALL);
    let (expected, _) = seal_in(&SMALL, whole.path(), &data);
    let cases = [
        (Phase::Labels(1), 4096, 0),
        (Phase::Labels(1), 65_536, 0),
        (Phase::Labels(2), 8192, 1),
        (Phase::Columns, 2048, 2),
        (Phase::Replica, 4096, 2),
    ];
    for (phase, done, layers) in cases {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(stopped_at(&SMALL, folder.path(), phase, done), layers);
        let seen = Mutex::new(Vec::new());
        let progress = |now: Progress| seen.lock().unwrap().push(now.phase);
        let watch = Watch::new(&progress, &GO_ON);
        let mut labels = Labels::open(&SMALL, folder.path(), id(), Keep::All, watch).unwrap();
        assert_eq!(labels.done(), layers, "{phase:?}");
        let sealed = seal(&mut labels, &data, &mut |_, _| Ok(()), watch).unwrap();
        assert_eq!(sealed, expected, "{phase:?}");
        for layer in 1..=layers {
            let again = seen.lock().unwrap().contains(&Phase::Labels(layer));
            assert!(!again, "layer {layer} was done before {phase:?}");
        }
    }
}

#[test]
fn damaged_labels_are_made_again_and_never_used() {
    let data = Memory::data(&SMALL);
    let whole = tempfile::tempdir().unwrap();
    let (expected, _) = seal_in(&SMALL, whole.path(), &data);
    type Harm = fn(&Path);
    let harms: [(&str, u8, Harm); 5] = [
        ("a bit of layer 1", 0, |folder| {
            flip(&folder.join("layer-1.labels"), 99);
        }),
        ("a bit of layer 2", 1, |folder| {
            flip(&folder.join("layer-2.labels"), 99);
        }),
        ("a layer is gone", 1, |folder| {
            fs::remove_file(folder.join("layer-2.labels")).unwrap();
        }),
        ("a layer is cut", 0, |folder| {
            let file = fs::File::options()
                .write(true)
                .open(folder.join("layer-1.labels"));
            file.unwrap().set_len(1000).unwrap();
        }),
        ("a torn state", 0, |folder| flip(&folder.join("state"), 80)),
    ];
    for (story, left, harm) in harms {
        let folder = tempfile::tempdir().unwrap();
        seal_in(&SMALL, folder.path(), &data);
        harm(folder.path());
        let labels = Labels::open(&SMALL, folder.path(), id(), Keep::All, watch()).unwrap();
        assert_eq!(labels.done(), left, "{story}");
        drop(labels);
        assert_eq!(seal_in(&SMALL, folder.path(), &data).0, expected, "{story}");
    }
}

#[test]
fn what_rots_in_a_layer_while_the_next_is_made_is_never_in_labels_that_count() {
    use std::os::unix::fs::FileExt as _;
    let data = Memory::data(&SMALL);
    let whole = tempfile::tempdir().unwrap();
    let (expected, _) = seal_in(&SMALL, whole.path(), &data);
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("layer-1.labels");
    let rot = |progress: Progress| {
        if progress.phase == Phase::Labels(2) {
            // In place, as a disk does it; a good part of the bytes, so that labels still to be made read them.
            let file = fs::File::options().write(true).open(&below).unwrap();
            file.write_all_at(&[7; 1 << 20], 1 << 20).unwrap();
        }
    };
    let mut labels = Labels::open(&SMALL, folder.path(), id(), Keep::All, watch()).unwrap();
    let made = labels.finish(Watch::new(&rot, &GO_ON));
    assert!(
        matches!(made, Err(SealError::Damaged { layer: 1, .. })),
        "{made:?}"
    );
    assert_eq!(labels.done(), 1, "the second is not counted");
    drop(labels);
    assert_eq!(
        seal_in(&SMALL, folder.path(), &data).0,
        expected,
        "made again"
    );
}

#[test]
fn replicas_labelled_together_are_what_each_is_alone_wherever_each_had_stopped() {
    let ids = [id(), id() + Fr::from(1u64), id() + Fr::from(2u64)];
    let whole = ids.map(|_| tempfile::tempdir().unwrap());
    let digests = |folders: &[tempfile::TempDir; 3]| {
        folders.each_ref().map(|folder| {
            [1, 2].map(|layer| {
                let labels = fs::read(folder.path().join(format!("layer-{layer}.labels")));
                blake3::hash(&labels.unwrap())
            })
        })
    };
    for (folder, id) in whole.iter().zip(ids) {
        let mut labels = Labels::open(&SMALL, folder.path(), id, Keep::All, watch()).unwrap();
        labels.finish(watch()).unwrap();
    }
    let folders = ids.map(|_| tempfile::tempdir().unwrap());
    let mut all: Vec<Labels> = folders
        .iter()
        .zip(ids)
        .map(|(folder, id)| Labels::open(&SMALL, folder.path(), id, Keep::All, watch()).unwrap())
        .collect();
    // The first has one of its layers already.
    let stop = AtomicBool::new(false);
    let in_layer_2 = |progress: Progress| {
        stop.store(progress.phase == Phase::Labels(2), Ordering::Relaxed);
    };
    let stopped = all[0].finish(Watch::new(&in_layer_2, &stop));
    assert!(matches!(stopped, Err(SealError::Stopped)), "{stopped:?}");
    let done: Vec<u8> = all.iter().map(Labels::done).collect();
    assert_eq!(done, [1, 0, 0], "layers before");
    let mut watched: Vec<_> = all.iter_mut().map(|labels| (labels, watch())).collect();
    finish_together(&mut watched).unwrap();
    drop(all);
    assert_eq!(digests(&folders), digests(&whole));
}

#[test]
fn a_replica_that_cannot_go_on_is_named_and_spoils_none_labelled_with_it() {
    use std::os::unix::fs::FileExt as _;
    let folders = [0, 1].map(|_| tempfile::tempdir().unwrap());
    let below = folders[1].path().join("layer-1.labels");
    let rot = |progress: Progress| {
        if progress.phase == Phase::Labels(2) {
            let file = fs::File::options().write(true).open(&below).unwrap();
            file.write_all_at(&[7; 1 << 20], 1 << 20).unwrap();
        }
    };
    let open = |folder: &tempfile::TempDir| {
        Labels::open(&SMALL, folder.path(), id(), Keep::All, watch()).unwrap()
    };
    let (mut one, mut two) = (open(&folders[0]), open(&folders[1]));
    finish_together(&mut []).unwrap();
    let failed = finish_together(&mut [(&mut two, Watch::new(&rot, &GO_ON)), (&mut one, watch())]);
    let failed = failed.unwrap_err();
    assert_eq!(failed.replica, 0, "whose layer rotted");
    assert!(
        matches!(failed.error, SealError::Damaged { layer: 1, .. }),
        "{failed}"
    );
    assert_eq!(two.done(), 1, "its second is not counted");
    assert_eq!(one.done(), 2, "the other's is");
    drop(two);
    let mut two = open(&folders[1]);
    assert_eq!(two.done(), 0, "nor is the first");
    two.finish(watch()).unwrap();
    let read = |folder: &tempfile::TempDir| fs::read(folder.path().join("layer-2.labels")).unwrap();
    assert!(
        read(&folders[0]) == read(&folders[1]),
        "one id, one replica"
    );
}

#[test]
fn the_newest_layer_alone_is_gone_on_with_and_once_it_is_damaged_all_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Labels::open(&TEST, folder.path(), id(), Keep::Newest, watch()).unwrap();
    let mut labels = open();
    labels.finish(watch()).unwrap();
    let newest = labels.key_layer().unwrap().labels().to_vec();
    let below = labels.layer(1);
    assert!(
        matches!(below, Err(SealError::NoLayer { layer: 1, done: 2 })),
        "removed: {below:?}"
    );
    drop(labels);
    assert_eq!(open().done(), 2, "whole");
    flip(&folder.path().join("layer-2.labels"), 99);
    let mut labels = open();
    assert_eq!(labels.done(), 0, "what it was made of is gone");
    labels.finish(watch()).unwrap();
    assert_eq!(labels.key_layer().unwrap().labels(), newest, "made again");
}

#[test]
fn a_layer_that_is_cut_after_it_was_checked_is_never_mapped() {
    let folder = tempfile::tempdir().unwrap();
    seal_in(&TEST, folder.path(), &Memory::data(&TEST));
    let labels = Labels::open(&TEST, folder.path(), id(), Keep::All, watch()).unwrap();
    let path = folder.path().join("layer-1.labels");
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_len(1000).unwrap();
    let cut = labels.layer(1);
    assert!(
        matches!(cut, Err(SealError::Damaged { layer: 1, .. })),
        "{cut:?}"
    );
}

#[test]
fn nobody_else_works_in_a_folder_of_labels() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Labels::open(&TEST, folder.path(), id(), Keep::All, watch());
    let first = open().unwrap();
    assert!(matches!(open(), Err(SealError::Taken { .. })), "taken");
    drop(first);
    assert!(open().is_ok(), "free again");
}

#[test]
fn rows_of_other_labels_are_built_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = Memory::data(&TEST);
    let (sealed, _) = seal_in(&TEST, folder.path(), &data);
    for at in [3, 40] {
        flip(&folder.path().join("columns.rows"), at);
        let labels = Labels::open(&TEST, folder.path(), id(), Keep::All, watch()).unwrap();
        let columns = Columns::load(&labels, watch()).unwrap();
        assert_eq!(columns.comm_c(), sealed.comm_c, "byte {at}");
    }
}

#[test]
fn rows_of_another_replicas_labels_are_not_believed() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    seal_in(&TEST, one.path(), &Memory::data(&TEST));
    let other = id() + Fr::from(1u64);
    let mut labels = Labels::open(&TEST, two.path(), other, Keep::All, watch()).unwrap();
    labels.finish(watch()).unwrap();
    let comm_c = Columns::build(&labels, watch()).unwrap().comm_c();
    let rows = "columns.rows";
    fs::copy(one.path().join(rows), two.path().join(rows)).unwrap();
    let columns = Columns::load(&labels, watch()).unwrap();
    assert_eq!(columns.comm_c(), comm_c, "built again");
}

#[test]
fn a_folder_of_another_set_is_begun_anew() {
    assert_eq!(TEST.layers, SMALL.layers, "they differ in their graphs");
    let folder = tempfile::tempdir().unwrap();
    seal_in(&TEST, folder.path(), &Memory::data(&TEST));
    let labels = Labels::open(&SMALL, folder.path(), id(), Keep::All, watch()).unwrap();
    assert_eq!(labels.done(), 0);
}

#[test]
fn a_folder_of_another_replica_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let data = Memory::data(&TEST);
    let (first, _) = seal_in(&TEST, folder.path(), &data);
    let other = id() + Fr::from(1u64);
    let mut labels = Labels::open(&TEST, folder.path(), other, Keep::All, watch()).unwrap();
    assert_eq!(labels.done(), 0);
    let second = seal(&mut labels, &data, &mut |_, _| Ok(()), watch()).unwrap();
    assert_ne!(first.comm_c, second.comm_c);
    assert_ne!(first.r_root, second.r_root);
}

#[test]
fn what_the_callers_store_cannot_give_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut labels = Labels::open(&SMALL, folder.path(), id(), Keep::All, watch()).unwrap();
    let mut data = Memory::data(&SMALL);
    data.0.remove(&5);
    let lost = seal(&mut labels, &data, &mut |_, _| Ok(()), watch()).unwrap_err();
    assert!(matches!(lost, SealError::Chunk { chunk: 5, .. }), "{lost}");
    let mut data = Memory::data(&SMALL);
    data.0.get_mut(&2).unwrap()[32 * 7..32 * 8].fill(0xff);
    let wrong = seal(&mut labels, &data, &mut |_, _| Ok(()), watch()).unwrap_err();
    assert!(
        matches!(wrong, SealError::NotCanonical { leaf } if leaf == 2 * 4096 + 7),
        "{wrong}"
    );
    let mut data = Memory::data(&SMALL);
    data.0.get_mut(&1).unwrap().truncate(64);
    let short = seal(&mut labels, &data, &mut |_, _| Ok(()), watch()).unwrap_err();
    assert!(
        matches!(short, SealError::ChunkLength { chunk: 1, .. }),
        "{short}"
    );
    let full = |_, _| Err("full".into());
    let refused = seal(&mut labels, &Memory::data(&SMALL), &mut { full }, watch()).unwrap_err();
    assert!(
        matches!(refused, SealError::Chunk { chunk: 0, .. }),
        "{refused}"
    );
}

#[test]
fn a_data_tree_takes_whole_chunks_alone() {
    type Change = fn(&mut Vec<u8>);
    let changes: [(&str, Change); 2] = [
        ("a leaf less", |chunk| chunk.truncate(chunk.len() - 32)),
        ("a byte more", |chunk| chunk.push(0)),
    ];
    for (story, change) in changes {
        let mut data = Memory::data(&SMALL);
        change(data.0.get_mut(&1).unwrap());
        let refused = data_tree(&SMALL, &data).unwrap_err();
        assert!(
            matches!(refused, SealError::ChunkLength { chunk: 1, .. }),
            "{story}: {refused}"
        );
    }
}

#[test]
fn nothing_is_decoded_before_all_layers_are_done() {
    let folder = tempfile::tempdir().unwrap();
    stopped_at(&SMALL, folder.path(), Phase::Labels(2), 4096);
    let labels = Labels::open(&SMALL, folder.path(), id(), Keep::All, watch()).unwrap();
    let early = unseal(
        &labels,
        &Memory::data(&SMALL),
        0..1,
        &mut |_, _| Ok(()),
        watch(),
    );
    assert!(matches!(
        early,
        Err(SealError::NoLayer { layer: 2, done: 1 })
    ));
    assert!(matches!(
        Columns::build(&labels, watch()),
        Err(SealError::NoLayer { layer: 2, done: 1 })
    ));
    assert_ne!(id(), Fr::ZERO);
}

#[test]
fn a_removed_folder_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sector");
    let labels = Labels::open(&TEST, &path, id(), Keep::All, watch()).unwrap();
    labels.remove().unwrap();
    assert!(!path.exists());
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}
