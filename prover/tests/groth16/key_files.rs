//! Key files: what is accepted, and that everything else is refused by name.

use std::fs;

use cairn_prover::groth16::{
    CircuitId, Key, KeyFileFault, KeyIdentity, VerifyingKey, blinding_rng,
    key_file::{self, HEADER_BYTES, KeyHeader},
    prove, setup_insecure, verify,
};
use proptest::prelude::*;

use super::{KEY, PROVEN, toy::Toy};

/// Writes bytes to a file and loads them as the key that [`KEY`] is.
fn load(bytes: &[u8]) -> Result<Key, KeyFileFault> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("toy.key");
    fs::write(&path, bytes).unwrap();
    let checked = key_file::check(&path, KEY.identity());
    let loaded = Key::load(&path, KEY.identity()).map_err(|error| {
        assert!(
            error.to_string().contains("toy.key"),
            "the error names the file: {error}"
        );
        error.fault
    });
    if let (Err(checked), Err(loaded)) = (&checked, &loaded) {
        assert_eq!(
            checked.fault.to_string(),
            loaded.to_string(),
            "checking and loading agree"
        );
    }
    loaded
}

#[test]
fn a_key_survives_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/toy.key");
    KEY.save(&path).unwrap();
    let loaded = Key::load(&path, KEY.identity()).unwrap();
    assert_eq!(loaded.to_file_bytes(), KEY.to_file_bytes());
    assert!(loaded.is_insecure(), "the flag survives");
    assert_eq!(loaded.matrices(), KEY.matrices());
    let names: Vec<_> = fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "nothing partial is left: {names:?}");
    for name in ["toy.key", "toy.key.checked"] {
        assert!(names.iter().any(|there| there == name), "{name} is there");
    }
    let (circuit, _) = &*PROVEN;
    let proof = prove(&loaded, circuit.clone(), &mut blinding_rng([1; 32])).unwrap();
    assert_eq!(proof, PROVEN.1, "the loaded key proves as the made one");
}

#[test]
fn a_verifying_key_has_a_small_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("toy.vk");
    KEY.save_verifying(&path).unwrap();
    let loaded = VerifyingKey::load(&path, KEY.identity()).unwrap();
    assert_eq!(verify(&loaded, &PROVEN.1, &PROVEN.0.inputs()), Ok(()));
    assert!(
        fs::metadata(&path).unwrap().len() < 2048,
        "a client carries it anywhere"
    );
    let error = Key::load(&path, KEY.identity()).unwrap_err();
    assert!(
        matches!(
            error.fault,
            KeyFileFault::NotAKeyFile {
                expected: "proving key"
            }
        ),
        "{error}"
    );
}

#[test]
fn the_header_can_be_read_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("toy.key");
    KEY.save(&path).unwrap();
    let header = KeyHeader::load(&path).unwrap();
    assert_eq!(&header.identity, KEY.identity());
    assert!(header.insecure, "development keys say so");
}

#[test]
fn a_key_for_something_else_is_refused_by_name() {
    let bytes = KEY.to_file_bytes();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("toy.key");
    fs::write(&path, bytes).unwrap();
    let id = KEY.identity().circuit_id;
    let refused = |set: &str, circuit: &str, id| {
        let wanted = KeyIdentity::new(set, circuit, id).unwrap();
        Key::load(&path, &wanted).unwrap_err().to_string()
    };
    let message = refused("small", "toy", id);
    assert!(
        message.contains(r#"parameter set "test", wanted is "small""#),
        "{message}"
    );
    let message = refused("test", "append", id);
    assert!(
        message.contains(r#"circuit "toy", wanted is "append""#),
        "{message}"
    );
    let other = CircuitId::from_bytes([9; 32]);
    let message = refused("test", "toy", other);
    assert!(
        message.contains(&id.to_string()) && message.contains(&other.to_string()),
        "{message}"
    );
}

#[test]
fn a_truncated_file_is_refused_at_every_length() {
    let bytes = KEY.to_file_bytes();
    let mut lengths: Vec<usize> = (0..=HEADER_BYTES + 64).collect();
    lengths.extend((HEADER_BYTES..bytes.len()).step_by(997));
    lengths.push(bytes.len() - 1);
    for length in lengths {
        let fault = Key::from_file_bytes(&bytes[..length]).unwrap_err();
        let expected = match length {
            0..8 => matches!(fault, KeyFileFault::NotAKeyFile { .. }),
            _ => {
                matches!(fault, KeyFileFault::Truncated { got, .. } if got == u64::try_from(length).unwrap())
            }
        };
        assert!(expected, "{length} bytes: {fault}");
    }
    assert!(matches!(
        load(&bytes[..bytes.len() / 2]),
        Err(KeyFileFault::Truncated { .. })
    ));
    assert!(matches!(
        load(&bytes[..100]),
        Err(KeyFileFault::Truncated { .. })
    ));
}

#[test]
fn a_file_that_goes_on_is_refused() {
    let mut bytes = KEY.to_file_bytes();
    bytes.push(0);
    assert!(matches!(load(&bytes), Err(KeyFileFault::TooLong { .. })));
}

#[test]
fn a_flipped_bit_is_refused_wherever_it_is() {
    let bytes = KEY.to_file_bytes();
    let mut places: Vec<usize> = (0..HEADER_BYTES).collect();
    places.extend((HEADER_BYTES..bytes.len()).step_by(4999));
    places.push(bytes.len() - 1);
    for place in places {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1 << (place % 8);
        let fault = Key::from_file_bytes(&damaged).unwrap_err();
        let expected = match place {
            0..8 => matches!(fault, KeyFileFault::NotAKeyFile { .. }),
            8..12 => matches!(fault, KeyFileFault::Version { .. }),
            12..HEADER_BYTES => matches!(fault, KeyFileFault::HeaderDamaged),
            _ => matches!(fault, KeyFileFault::PayloadDamaged),
        };
        assert!(expected, "bit of byte {place}: {fault}");
    }
}

/// Puts right digests into a file that was changed: what its maker could do.
fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let payload = blake3::hash(&bytes[HEADER_BYTES..]);
    bytes[104..136].copy_from_slice(payload.as_bytes());
    let header = blake3::hash(&bytes[..136]);
    bytes[136..HEADER_BYTES].copy_from_slice(header.as_bytes());
    bytes
}

#[test]
fn announced_lengths_beyond_the_file_are_refused_without_allocating() {
    for section in 0..3 {
        for announced in [u64::MAX, 1 << 62, 1 << 40] {
            let mut bytes = KEY.to_file_bytes();
            bytes[80 + 8 * section..88 + 8 * section].copy_from_slice(&announced.to_le_bytes());
            let fault = load(&resealed(bytes)).unwrap_err();
            assert!(matches!(fault, KeyFileFault::Truncated { .. }), "{fault}");
        }
    }
}

#[test]
fn wrong_content_under_right_digests_is_refused() {
    let good = KEY.to_file_bytes();
    let verifying = KEY.verifying_key().to_bytes().len();
    let proving = HEADER_BYTES + verifying;
    let matrices =
        proving + usize::try_from(u64::from_le_bytes(good[88..96].try_into().unwrap())).unwrap();
    let changed = |place: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[place] ^= value;
        load(&resealed(bytes)).unwrap_err()
    };
    let cases = [
        ("header", 12, 2, "unknown flags"),
        ("header", 16, 0x80, "a name"),
        ("header", 31, b'x', "a name"),
        (
            "proving key",
            proving + 192,
            1,
            "points where the circuit needs",
        ),
        ("proving key", proving + 47, 0x80, "no number of its field"),
        ("proving key", matrices - 1, 0x80, "no number of its field"),
        ("matrices", matrices, 1, ""),
        ("matrices", matrices + 16, 1, ""),
        ("matrices", matrices + 24, 1, ""),
        ("matrices", matrices + 32 + 31, 0x80, "not canonical"),
        ("matrices", good.len() - 1, 0x80, "outside the circuit"),
        ("matrices", good.len() - 5, 0x80, "outside the circuit"),
    ];
    for (wanted, place, value, text) in cases {
        let fault = changed(place, value);
        let message = fault.to_string();
        assert!(
            matches!(fault, KeyFileFault::Malformed { section, .. } if section == wanted),
            "{place}: {message}"
        );
        assert!(message.contains(text), "{place}: {message}");
    }
    assert!(
        matches!(
            changed(HEADER_BYTES + 127, 1),
            KeyFileFault::VerifyingKey(_)
        ),
        "alpha off the curve"
    );
}

/// A number in a key's file.
fn number(bytes: &[u8], at: usize) -> usize {
    usize::try_from(u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())).unwrap()
}

#[test]
fn a_coordinate_that_is_no_number_is_refused_in_every_list() {
    let good = KEY.to_file_bytes();
    let counts = HEADER_BYTES + KEY.verifying_key().to_bytes().len() + 2 * 96;
    let mut list = counts + 5 * 8;
    let lists = [
        ("a", 96),
        ("b in G1", 96),
        ("b in G2", 192),
        ("h", 96),
        ("l", 96),
    ];
    for (index, (name, width)) in lists.into_iter().enumerate() {
        let end = list + width * number(&good, counts + 8 * index);
        // The highest byte of the first coordinate and of the last.
        for place in [list + 47, end - 1] {
            let mut bytes = good.clone();
            bytes[place] ^= 0x80;
            let fault = load(&resealed(bytes)).unwrap_err().to_string();
            assert!(fault.contains("no number of its field"), "{name}: {fault}");
        }
        list = end;
    }
}

#[test]
fn rows_that_do_not_ascend_to_the_last_entry_are_refused_in_every_matrix() {
    let good = KEY.to_file_bytes();
    let proving = number(&good, 80) + number(&good, 88);
    let matrices = HEADER_BYTES + proving;
    let [rows, coefficients] = [16, 24].map(|at| number(&good, matrices + at));
    let mut part = matrices + 32 + 32 * coefficients;
    for name in ["A", "B", "C"] {
        let (entries, ends) = (number(&good, part), part + 8);
        let last = ends + 4 * (rows - 1);
        let cases = [
            (ends, entries, "the first row ends behind the second"),
            (last, entries + 1, "the last row ends behind the last entry"),
        ];
        for (place, end, story) in cases {
            let mut bytes = good.clone();
            let end = u32::try_from(end).unwrap();
            bytes[place..place + 4].copy_from_slice(&end.to_le_bytes());
            let fault = load(&resealed(bytes)).unwrap_err().to_string();
            let named = fault.contains("the rows do not end where the entries do");
            assert!(named, "{name}: {story}: {fault}");
        }
        part = last + 4 + 8 * entries;
    }
    assert_eq!(part, good.len(), "that was all of the matrices");
}

#[test]
fn a_file_is_checked_once_and_again_when_it_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("toy.key");
    let note = folder.path().join("toy.key.checked");
    KEY.save(&path).unwrap();
    Key::load(&path, KEY.identity()).unwrap();
    let first = fs::read_to_string(&note).unwrap();
    // With the note in place nothing is read beyond the header: damage under the same record of the file would pass.
    fs::remove_file(&note).unwrap();
    Key::load(&path, KEY.identity()).unwrap();
    assert_eq!(fs::read_to_string(&note).unwrap(), first, "the same file");

    let mut bytes = KEY.to_file_bytes();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let error = Key::load(&path, KEY.identity()).unwrap_err();
    assert!(
        matches!(error.fault, KeyFileFault::PayloadDamaged),
        "written in place: {error}"
    );
    // A note that claims it is whole is believed, and only then.
    let damaged = folder.path().join("other.key");
    fs::write(&damaged, &bytes).unwrap();
    fs::copy(&note, folder.path().join("other.key.checked")).unwrap();
    let error = Key::load(&damaged, KEY.identity()).unwrap_err();
    assert!(
        matches!(error.fault, KeyFileFault::PayloadDamaged),
        "the note of another file: {error}"
    );
    KEY.save(&path).unwrap();
    Key::load(&path, KEY.identity()).unwrap();
    assert_ne!(fs::read_to_string(&note).unwrap(), first, "another file");
}

#[test]
fn a_note_spares_the_reading_and_a_check_reads_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("toy.key");
    KEY.save(&path).unwrap();
    Key::load(&path, KEY.identity()).unwrap();
    // What a disk does to a file without telling: the bytes change, and the note fits.
    let mut bytes = KEY.to_file_bytes();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let record = fs::metadata(&path).unwrap();
    let note = {
        use std::os::unix::fs::MetadataExt as _;
        format!(
            "cairn key checked 1 {} {} {} {}.{:09} {}.{:09} {}\n",
            record.size(),
            record.dev(),
            record.ino(),
            record.mtime(),
            record.mtime_nsec(),
            record.ctime(),
            record.ctime_nsec(),
            blake3::hash(&bytes[..HEADER_BYTES]).to_hex()
        )
    };
    fs::write(folder.path().join("toy.key.checked"), note).unwrap();
    assert!(
        Key::load(&path, KEY.identity()).is_ok(),
        "loaded by its note"
    );
    let error = key_file::check(&path, KEY.identity()).unwrap_err();
    assert!(
        matches!(error.fault, KeyFileFault::PayloadDamaged),
        "{error}"
    );
}

#[test]
fn a_packed_key_arrives_bit_by_bit_and_has_half_the_points_bytes() {
    let packed = KEY.to_transport_bytes();
    let file = KEY.to_file_bytes();
    let arrived = Key::from_transport_bytes(&packed).unwrap();
    assert_eq!(arrived.to_file_bytes(), file);
    let points = usize::try_from(u64::from_le_bytes(file[88..96].try_into().unwrap())).unwrap();
    assert_eq!(
        file.len() - packed.len(),
        (points - 5 * 8) / 2,
        "bytes saved"
    );
}

#[test]
fn a_packed_key_that_was_changed_is_refused_wherever_it_is() {
    let packed = KEY.to_transport_bytes();
    for length in [
        0,
        7,
        8,
        100,
        HEADER_BYTES,
        packed.len() / 2,
        packed.len() - 1,
    ] {
        assert!(
            Key::from_transport_bytes(&packed[..length]).is_err(),
            "{length} bytes"
        );
    }
    let mut longer = packed.clone();
    longer.push(0);
    assert!(Key::from_transport_bytes(&longer).is_err(), "a byte more");
    for place in (0..packed.len()).step_by(491) {
        let mut damaged = packed.clone();
        damaged[place] ^= 1 << (place % 8);
        assert!(
            Key::from_transport_bytes(&damaged).is_err(),
            "a bit of byte {place}"
        );
    }
    // Counts that announce more than is there are refused before anything is allocated for them.
    let counts = HEADER_BYTES + KEY.verifying_key().to_bytes().len() + 2 * 48;
    for announced in [u64::MAX, 1 << 62, 1 << 40] {
        let mut changed = packed.clone();
        changed[counts..counts + 8].copy_from_slice(&announced.to_le_bytes());
        assert!(
            matches!(
                Key::from_transport_bytes(&changed),
                Err(KeyFileFault::Malformed { .. })
            ),
            "{announced} points"
        );
    }
}

#[test]
fn a_packed_key_of_more_points_than_its_header_announces_is_refused_before_any_is_unpacked() {
    let packed = KEY.to_transport_bytes();
    let counts = HEADER_BYTES + KEY.verifying_key().to_bytes().len() + 2 * 48;
    for list in 0..5 {
        let mut changed = packed.clone();
        changed[counts + 8 * list] ^= 1;
        let fault = Key::from_transport_bytes(&changed).unwrap_err().to_string();
        assert!(fault.contains("bytes of points"), "list {list}: {fault}");
    }
}

#[test]
fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Key::load(&folder.path().join("none.key"), KEY.identity()).unwrap_err();
    assert!(error.to_string().contains("none.key"), "{error}");
    assert!(matches!(error.fault, KeyFileFault::Io { .. }), "{error}");
}

#[test]
fn names_that_do_not_fit_a_header_are_refused() {
    for name in ["", "seventeen-letters", "Upper", "sp ace", "../up", "ä"] {
        assert!(
            setup_insecure(name, "toy", Toy::blank(1)).is_err(),
            "{name:?} as a set"
        );
        assert!(
            KeyIdentity::new("test", name, CircuitId::from_bytes([0; 32])).is_err(),
            "{name:?} as a circuit"
        );
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(Key::from_file_bytes(&bytes).is_err(), "random bytes are no key file");
    }

    #[test]
    fn any_payload_under_right_digests_is_read_without_a_panic(
        place in HEADER_BYTES..4000usize,
        garbage in prop::collection::vec(any::<u8>(), 1..64),
    ) {
        let mut bytes = KEY.to_file_bytes();
        bytes[place..place + garbage.len()].copy_from_slice(&garbage);
        // Points of the proving key are not looked at, so some of these load; none may panic.
        drop(Key::from_file_bytes(&resealed(bytes)));
    }
}
