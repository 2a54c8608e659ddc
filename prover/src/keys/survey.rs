//! What a key folder holds for a circuit, for people who want to know before something refuses to start.
//!
//! | depth | the proving key's file | the verifying key's file |
//! |---|---|---|
//! | [`Depth::Header`] | header, its digest, the size; what the file is for | all of it, compared with the published digest |
//! | [`Depth::Full`] | all digests, every number looked at, the verifying key in it compared with the published digest | as above |

use std::{fmt, fs, path::Path};

use super::{KeysError, identity, is_missing, key_path, load, load_verifying, verifying_key_path};
use crate::circuits::CircuitName;
use crate::groth16::{
    KeyFileError, KeyFileFault,
    key_file::{self, KeyHeader},
};
use crate::params::ParamSet;

/// How closely files are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// A proving key's header only: milliseconds.
    Header,
    /// Every byte: seconds for large keys.
    Full,
}

/// How a key file stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// There is none.
    Missing,
    /// It is for this circuit, and its header is whole; its content was not read.
    Present,
    /// It is whole, and its verifying key is the published one, if one is published.
    Verified,
    /// It is for another set or circuit, for another version of this circuit, or not the published key.
    Other(String),
    /// It is not what was written, or was not written to its end.
    Damaged(String),
    /// It could not be read (disk), so nothing is known about it.
    Unreadable(String),
}

impl FileState {
    /// Whether the file is there and nothing is known against it.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        matches!(self, Self::Present | Self::Verified)
    }
}

impl fmt::Display for FileState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("missing"),
            Self::Present => f.write_str("present"),
            Self::Verified => f.write_str("verified"),
            Self::Other(reason) => write!(f, "NOT THIS KEY: {reason}"),
            Self::Damaged(reason) => write!(f, "DAMAGED: {reason}"),
            Self::Unreadable(reason) => write!(f, "cannot be read: {reason}"),
        }
    }
}

/// The files of one circuit's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFiles {
    /// The circuit.
    pub circuit: CircuitName,
    /// How the proving key's file stands.
    pub proving: FileState,
    /// How the verifying key's file stands.
    pub verifying: FileState,
    /// BLAKE3 of the verifying key that was found, in hexadecimal.
    pub digest: Option<String>,
    /// Whether the proving key says that its secrets are public.
    pub insecure: Option<bool>,
    /// Bytes of both files.
    pub bytes: u64,
}

/// Looks at the files of one circuit's key; changes nothing.
///
/// # Errors
/// The circuit of a set that is not listed cannot be laid out (our fault).
pub fn look(
    folder: &Path,
    set: &'static ParamSet,
    circuit: CircuitName,
    depth: Depth,
) -> Result<KeyFiles, KeysError> {
    let (proving_path, verifying_path) = (
        key_path(folder, set, circuit),
        verifying_key_path(folder, set, circuit),
    );
    let size = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    let expected = identity(set, circuit)?;
    let header = KeyHeader::load(&proving_path).and_then(|header| {
        header.check(&expected).map_err(|fault| KeyFileError {
            path: proving_path.clone(),
            fault,
        })?;
        Ok(header)
    });
    let insecure = header.as_ref().ok().map(|header| header.insecure);
    let proving = match (header, depth) {
        (Err(error), _) => state_of(&error.into()),
        (Ok(_), Depth::Header) => FileState::Present,
        (Ok(_), Depth::Full) => match key_file::check(&proving_path, &expected)
            .map_err(KeysError::from)
            .and_then(|()| load(folder, set, circuit))
        {
            Ok(_) => FileState::Verified,
            Err(error) => state_of(&error),
        },
    };
    let (verifying, digest) = match load_verifying(folder, set, circuit) {
        Ok(key) => (FileState::Verified, Some(key.digest().to_hex().to_string())),
        Err(error) => (state_of(&error), None),
    };
    Ok(KeyFiles {
        circuit,
        proving,
        verifying,
        digest,
        insecure,
        bytes: size(&proving_path).saturating_add(size(&verifying_path)),
    })
}

fn state_of(error: &KeysError) -> FileState {
    let KeysError::File(file) = error else {
        return match error {
            KeysError::Folder { .. } => FileState::Unreadable(error.to_string()),
            _ => FileState::Other(error.to_string()),
        };
    };
    if is_missing(file) {
        return FileState::Missing;
    }
    let reason = file.fault.to_string();
    match &file.fault {
        KeyFileFault::Io { .. } => FileState::Unreadable(reason),
        KeyFileFault::OtherSet { .. }
        | KeyFileFault::OtherCircuit { .. }
        | KeyFileFault::OtherCircuitId { .. }
        | KeyFileFault::Version { .. } => FileState::Other(reason),
        _ => FileState::Damaged(reason),
    }
}
