//! The key folder: one key file for each circuit of a parameter set, made on first use.
//!
//! ```text
//! <folder>/<set>/<circuit>.key   proving key, for whoever proves
//! <folder>/<set>/<circuit>.vk    verifying key alone, for whoever only checks
//! <folder>/<set>/lock            held while files are made, so that two processes do not both make them
//! ```
//!
//! Only the keys of development sets can be made here; they are the same on every machine, and [`known`] lists what they
//! must be. Those of production come from a ceremony.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use crate::{
    circuits::{CircuitName, Circuits},
    groth16::{
        CircuitId, Key, KeyFileError, KeyFileFault, KeyIdentity, SetupError, VerifyingKey,
        setup_insecure,
    },
    params::ParamSet,
};

pub mod ceremony;
pub mod known;
pub mod survey;

use known::KnownKey;

/// The keys of a set are not to be had.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A key file cannot be read or written, is damaged, or is for something else.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The key folder cannot be used (disk).
    #[error("key folder {}: {source}", path.display())]
    Folder {
        /// The folder or lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A key could not be made (our fault).
    #[error("the key of {set}/{circuit} could not be made: {source}")]
    Setup {
        /// The set.
        set: &'static str,
        /// The circuit.
        circuit: CircuitName,
        /// Why.
        source: SetupError,
    },
    /// The set's keys are not for this program to make.
    #[error(
        "the keys of parameter set {set:?} come from a ceremony only, they cannot be made here"
    )]
    NeedsCeremony {
        /// The set.
        set: &'static str,
    },
    /// A key is intact and for the right circuit, but is not the published one.
    #[error("the verifying key of {set}/{circuit} has digest {got}, published is {expected}")]
    NotThePublished {
        /// The set.
        set: &'static str,
        /// The circuit.
        circuit: CircuitName,
        /// The published digest.
        expected: String,
        /// The key's.
        got: String,
    },
}

/// What [`ensure`] is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The file is there and whole.
    Present(CircuitName),
    /// The file is being made.
    Making {
        /// The circuit.
        circuit: CircuitName,
        /// Why the file that is there will not do; nothing if none is there.
        replaces: Option<String>,
    },
    /// The file was made.
    Made(CircuitName),
}

/// The file of a proving key.
#[must_use]
pub fn key_path(folder: &Path, set: &ParamSet, circuit: CircuitName) -> PathBuf {
    folder.join(set.name).join(format!("{circuit}.key"))
}

/// The file of a verifying key.
#[must_use]
pub fn verifying_key_path(folder: &Path, set: &ParamSet, circuit: CircuitName) -> PathBuf {
    folder.join(set.name).join(format!("{circuit}.vk"))
}

/// Makes every key file of a development set that is missing, damaged or of another version of its circuit.
///
/// Waits while another process does the same in the same folder.
///
/// # Errors
/// The set's keys come from a ceremony, the disk refuses, or a key that was made is not the published one.
pub fn ensure(
    folder: &Path,
    set: &'static ParamSet,
    mut progress: impl FnMut(Progress),
) -> Result<(), KeysError> {
    if !set.insecure_keys {
        return Err(KeysError::NeedsCeremony { set: set.name });
    }
    let set_folder = folder.join(set.name);
    let lock_path = set_folder.join("lock");
    let at = |path: &Path| {
        let path = path.to_owned();
        |source| KeysError::Folder { path, source }
    };
    fs::create_dir_all(&set_folder).map_err(at(&set_folder))?;
    let lock = File::create(&lock_path).map_err(at(&lock_path))?;
    lock.lock().map_err(at(&lock_path))?;
    for circuit in CircuitName::ALL {
        ensure_one(folder, set, circuit, &mut progress)?;
    }
    Ok(())
}

/// Loads a proving key.
///
/// # Errors
/// The file is missing, damaged, for another circuit, or not the published key.
pub fn load(folder: &Path, set: &'static ParamSet, circuit: CircuitName) -> Result<Key, KeysError> {
    let key = Key::load(&key_path(folder, set, circuit), &identity(set, circuit)?)?;
    check(set, circuit, &key)?;
    Ok(key)
}

/// Passes if a key is one that a set's circuit may be proven with.
///
/// # Errors
/// It is for another version of the circuit, has public secrets where the set allows none, or is not the published key.
pub fn check(set: &'static ParamSet, circuit: CircuitName, key: &Key) -> Result<(), KeysError> {
    let expected = identity(set, circuit)?;
    if *key.identity() != expected {
        let path = PathBuf::from(format!("{}/{circuit}", set.name));
        let fault = KeyFileFault::OtherCircuitId {
            expected: expected.circuit_id,
            got: key.identity().circuit_id,
        };
        return Err(KeyFileError { path, fault }.into());
    }
    if key.is_insecure() && !set.insecure_keys {
        return Err(KeysError::NeedsCeremony { set: set.name });
    }
    check_published(set, circuit, key.verifying_key())
}

/// Loads a verifying key.
///
/// # Errors
/// The file is missing, damaged, for another circuit, or not the published key.
pub fn load_verifying(
    folder: &Path,
    set: &'static ParamSet,
    circuit: CircuitName,
) -> Result<VerifyingKey, KeysError> {
    let key = VerifyingKey::load(
        &verifying_key_path(folder, set, circuit),
        &identity(set, circuit)?,
    )?;
    check_published(set, circuit, &key)?;
    Ok(key)
}

/// Makes a key in memory and compares it with the published one.
///
/// # Errors
/// The set's keys come from a ceremony, or the key is not the published one.
pub fn make(set: &'static ParamSet, circuit: CircuitName) -> Result<Key, KeysError> {
    if !set.insecure_keys {
        return Err(KeysError::NeedsCeremony { set: set.name });
    }
    let blank = Circuits::for_set(set).blank(circuit);
    let key =
        setup_insecure(set.name, circuit.as_str(), &blank).map_err(setup_error(set, circuit))?;
    check_published(set, circuit, key.verifying_key())?;
    Ok(key)
}

fn ensure_one(
    folder: &Path,
    set: &'static ParamSet,
    circuit: CircuitName,
    progress: &mut impl FnMut(Progress),
) -> Result<(), KeysError> {
    let identity = identity(set, circuit)?;
    let path = key_path(folder, set, circuit);
    let verifying_path = verifying_key_path(folder, set, circuit);
    let state = Key::load(&path, &identity)
        .map(drop)
        .and_then(|()| VerifyingKey::load(&verifying_path, &identity).map(drop));
    let replaces = match state {
        Ok(()) => {
            progress(Progress::Present(circuit));
            return Ok(());
        }
        Err(error) if is_missing(&error) => None,
        Err(error) => Some(error.to_string()),
    };
    progress(Progress::Making { circuit, replaces });
    let key = make(set, circuit)?;
    key.save_verifying(&verifying_path)?;
    key.save(&path)?;
    progress(Progress::Made(circuit));
    Ok(())
}

/// What a key file must say it is for: from the published list, or, for a set that is not listed, from the circuit.
fn identity(set: &'static ParamSet, circuit: CircuitName) -> Result<KeyIdentity, KeysError> {
    let id = match listed_id(set, circuit) {
        Some(id) => id,
        None => circuit_id(set, circuit)?,
    };
    KeyIdentity::new(set.name, circuit.as_str(), id).map_err(setup_error(set, circuit))
}

/// The circuit's id by the built-in lists, without laying the circuit out.
#[must_use]
pub fn listed_id(set: &ParamSet, circuit: CircuitName) -> Option<CircuitId> {
    known::find(set.name, circuit.as_str())
        .and_then(KnownKey::circuit_id)
        .or_else(|| ceremony::circuit_id(set.name, circuit))
}

fn circuit_id(set: &'static ParamSet, circuit: CircuitName) -> Result<CircuitId, KeysError> {
    Circuits::for_set(set)
        .id(circuit)
        .map_err(setup_error(set, circuit))
}

fn check_published(
    set: &'static ParamSet,
    circuit: CircuitName,
    key: &VerifyingKey,
) -> Result<(), KeysError> {
    let Some(known) = known::find(set.name, circuit.as_str()) else {
        return Ok(());
    };
    let got = key.digest().to_hex();
    if got.as_str() == known.verifying_key {
        return Ok(());
    }
    let (expected, got) = (known.verifying_key.to_owned(), got.to_string());
    Err(KeysError::NotThePublished {
        set: set.name,
        circuit,
        expected,
        got,
    })
}

fn is_missing(error: &KeyFileError) -> bool {
    matches!(&error.fault, KeyFileFault::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
}

fn setup_error(
    set: &'static ParamSet,
    circuit: CircuitName,
) -> impl FnOnce(SetupError) -> KeysError {
    move |source| KeysError::Setup {
        set: set.name,
        circuit,
        source,
    }
}
