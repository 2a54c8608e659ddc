//! The key folder, with the real circuits of the `test` and `small` sets.

#![expect(clippy::unwrap_used, reason = "tests stop at what they did not expect")]

use std::{collections::BTreeSet, fs, path::Path, sync::Mutex};

use cairn_prover::{
    circuits::{CircuitName, Circuits},
    groth16::{Key, KeyFileFault, VerifyError, blinding_rng, export, prove, verify},
    keys::{
        self, KeysError, Progress, ceremony, known,
        survey::{self, Depth, FileState},
    },
    params::{self, ParamSet},
    synthetic::{SyntheticProvider, SyntheticSector},
};

fn ensured(folder: &Path, set: &'static ParamSet) -> Vec<Progress> {
    let mut seen = Vec::new();
    keys::ensure(folder, set, |progress| seen.push(progress)).unwrap();
    seen
}

fn made(seen: &[Progress]) -> Vec<CircuitName> {
    let circuits = seen.iter().filter_map(|progress| match progress {
        Progress::Made(circuit) => Some(*circuit),
        Progress::Present(_) | Progress::Making { .. } => None,
    });
    circuits.collect()
}

#[test]
fn every_development_set_has_its_keys_published() {
    let listed: Vec<(&str, &str)> = known::KEYS
        .iter()
        .map(|known| (known.set, known.circuit))
        .collect();
    let development = params::ALL.into_iter().filter(|set| set.insecure_keys);
    let expected: Vec<(&str, &str)> = development
        .flat_map(|set| CircuitName::ALL.map(|circuit| (set.name, circuit.as_str())))
        .collect();
    assert_eq!(listed, expected);
    let digests: BTreeSet<&str> = known::KEYS
        .iter()
        .map(|known| known.verifying_key)
        .collect();
    assert_eq!(digests.len(), expected.len(), "no two circuits share a key");
}

#[test]
fn the_published_circuit_ids_are_those_of_the_circuits() {
    for known in known::KEYS {
        let set = ParamSet::by_name(known.set).unwrap();
        let circuit = CircuitName::by_name(known.circuit).unwrap();
        assert_eq!(
            Circuits::for_set(set).id(circuit).ok(),
            known.circuit_id(),
            "{}/{circuit}",
            set.name
        );
    }
}

#[test]
fn the_keys_of_the_test_set_are_the_published_ones() {
    // Making a key compares it with the published digest, which is what this test is about.
    for circuit in CircuitName::ALL {
        let key = keys::make(&params::TEST, circuit).unwrap();
        let published = known::find("test", circuit.as_str()).unwrap();
        assert_eq!(
            key.verifying_key().digest().to_hex().as_str(),
            published.verifying_key,
            "{circuit}"
        );
        assert!(
            key.is_insecure(),
            "{circuit}: the file says that the secrets are public"
        );
    }
}

#[test]
fn the_keys_of_the_small_set_are_the_published_ones() {
    for circuit in CircuitName::ALL {
        let key = keys::make(&params::SMALL, circuit).unwrap();
        let published = known::find("small", circuit.as_str()).unwrap();
        assert_eq!(
            key.verifying_key().digest().to_hex().as_str(),
            published.verifying_key,
            "{circuit}"
        );
    }
}

#[test]
fn missing_keys_are_made_once_and_damaged_ones_again() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        made(&ensured(folder.path(), &params::TEST)),
        CircuitName::ALL
    );
    let present = CircuitName::ALL.map(Progress::Present).to_vec();
    assert_eq!(
        ensured(folder.path(), &params::TEST),
        present,
        "the second time nothing is made"
    );

    let damaged = keys::key_path(folder.path(), &params::TEST, CircuitName::Append);
    let mut bytes = fs::read(&damaged).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&damaged, &bytes).unwrap();
    let error = keys::load(folder.path(), &params::TEST, CircuitName::Append).unwrap_err();
    assert!(
        matches!(&error, KeysError::File(error) if matches!(error.fault, KeyFileFault::PayloadDamaged)),
        "loading refuses it: {error}"
    );
    fs::remove_file(keys::verifying_key_path(
        folder.path(),
        &params::TEST,
        CircuitName::Include,
    ))
    .unwrap();
    let seen = ensured(folder.path(), &params::TEST);
    assert_eq!(made(&seen), [CircuitName::Append, CircuitName::Include]);
    let told = seen.iter().any(|progress| {
        matches!(progress, Progress::Making { circuit: CircuitName::Append, replaces: Some(why) }
            if why.contains("damaged"))
    });
    assert!(told, "what was wrong is told: {seen:?}");
    keys::load(folder.path(), &params::TEST, CircuitName::Append).unwrap();
    keys::load_verifying(folder.path(), &params::TEST, CircuitName::Include).unwrap();
}

#[test]
fn two_that_need_keys_at_once_make_them_once() {
    let folder = tempfile::tempdir().unwrap();
    let all = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let seen = ensured(folder.path(), &params::TEST);
                all.lock().unwrap().extend(made(&seen));
            });
        }
    });
    assert_eq!(all.into_inner().unwrap(), CircuitName::ALL);
}

#[test]
fn a_key_of_another_set_in_the_place_of_ours_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let key = keys::make(&params::TEST, CircuitName::Append).unwrap();
    key.save(&keys::key_path(
        folder.path(),
        &params::SMALL,
        CircuitName::Append,
    ))
    .unwrap();
    let error = keys::load(folder.path(), &params::SMALL, CircuitName::Append).unwrap_err();
    assert!(
        matches!(&error, KeysError::File(error) if matches!(&error.fault, KeyFileFault::OtherSet { .. })),
        "{error}"
    );
}

#[test]
fn a_valid_key_with_other_secrets_than_the_published_ones_is_refused() {
    // The header says test/append with the right circuit id, the payload is whole, but the secrets are someone's own:
    // the key made for the name "mine", put under the header of ours.
    let blank = Circuits::for_set(&params::TEST).blank(CircuitName::Append);
    let mine = cairn_prover::groth16::setup_insecure("test", "mine", &blank).unwrap();
    let mut bytes = mine.to_file_bytes();
    bytes[32..48].copy_from_slice(b"append\0\0\0\0\0\0\0\0\0\0");
    let header = blake3::hash(&bytes[..136]);
    bytes[136..168].copy_from_slice(header.as_bytes());
    let folder = tempfile::tempdir().unwrap();
    let path = keys::key_path(folder.path(), &params::TEST, CircuitName::Append);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, &bytes).unwrap();
    assert!(Key::from_file_bytes(&bytes).is_ok(), "as a file it is fine");
    let error = keys::load(folder.path(), &params::TEST, CircuitName::Append).unwrap_err();
    assert!(
        matches!(error, KeysError::NotThePublished { .. }),
        "{error}"
    );
}

#[test]
fn a_key_folder_is_surveyed_file_by_file() {
    let folder = tempfile::tempdir().unwrap();
    let look =
        |depth| survey::look(folder.path(), &params::TEST, CircuitName::Append, depth).unwrap();
    let nothing = look(Depth::Full);
    assert_eq!(nothing.proving, FileState::Missing);
    assert_eq!(nothing.verifying, FileState::Missing);
    assert_eq!(nothing.digest, None);

    let key = keys::make(&params::TEST, CircuitName::Append).unwrap();
    let path = keys::key_path(folder.path(), &params::TEST, CircuitName::Append);
    key.save(&path).unwrap();
    key.save_verifying(&keys::verifying_key_path(
        folder.path(),
        &params::TEST,
        CircuitName::Append,
    ))
    .unwrap();
    let whole = look(Depth::Full);
    assert_eq!(whole.proving, FileState::Verified);
    assert_eq!(whole.verifying, FileState::Verified);
    assert_eq!(whole.insecure, Some(true));
    let published = known::find("test", "append").unwrap();
    assert_eq!(whole.digest.as_deref(), Some(published.verifying_key));

    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, &bytes).unwrap();
    assert_eq!(
        look(Depth::Header).proving,
        FileState::Present,
        "the header says nothing about the last byte"
    );
    assert!(
        matches!(look(Depth::Full).proving, FileState::Damaged(_)),
        "the digest does"
    );
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert!(
        matches!(look(Depth::Header).proving, FileState::Damaged(_)),
        "cut off"
    );
    let other = keys::make(&params::TEST, CircuitName::Retire).unwrap();
    other.save(&path).unwrap();
    assert!(
        matches!(look(Depth::Header).proving, FileState::Other(_)),
        "another circuit's"
    );
}

#[test]
fn every_circuit_of_a_production_set_has_its_id_listed() {
    let listed: Vec<(&str, &str)> = ceremony::CIRCUITS
        .iter()
        .map(|circuit| (circuit.set, circuit.circuit))
        .collect();
    let production = params::ALL.into_iter().filter(|set| !set.insecure_keys);
    let expected: Vec<(&str, &str)> = production
        .flat_map(|set| CircuitName::ALL.map(|circuit| (set.name, circuit.as_str())))
        .collect();
    assert_eq!(listed, expected);
}

#[test]
fn the_listed_ids_of_production_sets_are_those_of_the_circuits() {
    // The big circuits (spacetime and replica, a million constraints each) are laid out by the example that makes the
    // list; what is small is compared here every time.
    for listed in ceremony::CIRCUITS {
        let set = ParamSet::by_name(listed.set).unwrap();
        let circuit = CircuitName::by_name(listed.circuit).unwrap();
        if matches!(
            circuit,
            CircuitName::Append | CircuitName::Retire | CircuitName::Include | CircuitName::Dispute
        ) {
            let id = Circuits::for_set(set).id(circuit).unwrap();
            assert_eq!(id.to_string(), listed.circuit_id, "{}/{circuit}", set.name);
        }
    }
}

#[test]
fn keys_of_production_sets_cannot_be_made() {
    let folder = tempfile::tempdir().unwrap();
    for set in [&params::TESTNET, &params::MAINNET] {
        let error = keys::ensure(folder.path(), set, |_| ()).unwrap_err();
        assert!(
            matches!(error, KeysError::NeedsCeremony { set: name } if name == set.name),
            "{error}"
        );
        assert!(
            keys::make(set, CircuitName::Append).is_err(),
            "{}",
            set.name
        );
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing was written"
    );
}

#[test]
fn real_statements_prove_and_verify_and_their_neighbours_do_not() {
    let set = &params::TEST;
    let sector = SyntheticSector::new(set).unwrap();
    let provider = SyntheticProvider::new(&sector, 3).unwrap();
    let (spacetime, spacetime_circuit) = provider.spacetime(7.into()).unwrap();
    let (append, append_circuit) = provider.append().unwrap();
    let (retire, retire_circuit) = provider.retire(0).unwrap();
    let (include, include_circuit) = sector.include().unwrap();
    let (dispute, dispute_circuit) = sector.dispute(false, 5).unwrap();
    let mut rng = blinding_rng([1; 32]);
    let key = |circuit| keys::make(set, circuit).unwrap();
    let cases = [
        {
            let key = key(CircuitName::Spacetime);
            let proof = prove(&key, spacetime_circuit, &mut rng).unwrap();
            (key, proof, spacetime.public_inputs().to_vec())
        },
        {
            let key = key(CircuitName::Append);
            let proof = prove(&key, append_circuit, &mut rng).unwrap();
            (key, proof, append.public_inputs().to_vec())
        },
        {
            let key = key(CircuitName::Retire);
            let proof = prove(&key, retire_circuit, &mut rng).unwrap();
            (key, proof, retire.public_inputs().to_vec())
        },
        {
            let key = key(CircuitName::Include);
            let proof = prove(&key, include_circuit, &mut rng).unwrap();
            (key, proof, include.public_inputs())
        },
        {
            let key = key(CircuitName::Dispute);
            let proof = prove(&key, dispute_circuit, &mut rng).unwrap();
            (key, proof, dispute.public_inputs().to_vec())
        },
    ];
    for (key, proof, inputs) in cases {
        let name = &key.identity().circuit;
        assert_eq!(
            verify(key.verifying_key(), &proof, &inputs),
            Ok(()),
            "{name}"
        );
        for place in 0..inputs.len() {
            let mut tampered = inputs.clone();
            tampered[place] += cairn_merkle::Fr::from(1u64);
            let verdict = verify(key.verifying_key(), &proof, &tampered);
            assert_eq!(verdict, Err(VerifyError::False), "{name}: input {place}");
        }
        assert_eq!(
            export::inputs_to_evm(&inputs).len(),
            32 * key.verifying_key().public_inputs(),
            "{name}"
        );
    }
}

#[test]
fn a_deployed_key_is_taken_only_if_it_is_the_published_one() {
    let check_deployed = known::check_deployed;
    let set = &params::TEST;
    let key = keys::make(set, CircuitName::Append).unwrap();
    let id = *key.identity().circuit_id.as_bytes();
    let mut bytes = export::vk_to_evm(key.verifying_key());
    check_deployed("test", CircuitName::Append, &id, &bytes).unwrap();
    let refused = check_deployed("test", CircuitName::Retire, &id, &bytes).unwrap_err();
    assert_eq!(refused.what, "circuit id", "another circuit");
    let refused = check_deployed("mainnet", CircuitName::Append, &id, &bytes).unwrap_err();
    assert_eq!(refused.expected, "none", "a set without published keys");
    // The honest circuit id with a key whose secrets somebody else knows.
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let refused = check_deployed("test", CircuitName::Append, &id, &bytes).unwrap_err();
    assert_eq!(refused.what, "verifying key", "another key");
}
