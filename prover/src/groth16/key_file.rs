//! A key on disk.
//!
//! ```text
//! offset bytes
//!      0     8  magic: "CAIRNKEY" proving and verifying key, "CAIRNVFY" verifying key alone
//!      8     4  format version, 2
//!     12     4  flags: bit 0 insecure (the secrets of the set-up are public), the others zero
//!     16    16  name of the parameter set, zero padded
//!     32    16  name of the circuit, zero padded
//!     48    32  circuit id
//!     80     8  bytes of the verifying key
//!     88     8  bytes of the proving key        (0 in a verifying key's file)
//!     96     8  bytes of the matrices           (0 in a verifying key's file)
//!    104    32  BLAKE3 of everything after the header
//!    136    32  BLAKE3 of the 136 bytes above
//!    168        verifying key | proving key | matrices
//! ```
//!
//! Numbers are little-endian. The verifying key is the contract's form ([`export`]). The digests find damage, not
//! malice: whoever can write the file can write its digests. What protects against a swapped key is the circuit id the
//! caller expects and the published list of verifying key digests.
//!
//! A proving key's file is mapped, not read: processes share it, and only what a proof touches is in memory. The lengths in the
//! header must add up to the file's size before anything is looked at. Its digest and every number in it are checked once;
//! a note beside the file (`checked.rs`) says so for as long as the system's record of the file does not change.
//!
//! [`export`]: crate::groth16::export

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use ark_bls12_381::Bls12_381;
use ark_groth16::ProvingKey;
use bytes::Bytes;

use crate::groth16::{
    error::{KeyFileError, KeyFileFault, SetupError},
    key::{Key, KeyIdentity, NAME_BYTES, VerifyingKey, is_name},
    matrices::{CircuitId, Matrices},
};

mod checked;
mod matrices;
mod points;
mod reader;
mod transport;

use reader::Reader;

/// Version of the format.
pub const FORMAT_VERSION: u32 = 2;
/// Bytes before the payload.
pub const HEADER_BYTES: usize = 168;
/// Bytes that the header's own digest covers.
const DIGESTED_HEADER_BYTES: usize = 136;
const FLAG_INSECURE: u32 = 1;

/// Which of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Proving,
    Verifying,
}

impl Kind {
    const fn magic(self) -> &'static [u8; 8] {
        match self {
            Self::Proving => b"CAIRNKEY",
            Self::Verifying => b"CAIRNVFY",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Proving => "proving key",
            Self::Verifying => "verifying key",
        }
    }
}

/// What a key file says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHeader {
    /// What the key is for.
    pub identity: KeyIdentity,
    /// Whether the secrets of its set-up are public.
    pub insecure: bool,
    sections: [u64; 3],
    payload_digest: [u8; 32],
}

impl Key {
    /// Puts a key together, in the form of its file.
    pub(crate) fn assemble(
        identity: &KeyIdentity,
        insecure: bool,
        proving: ProvingKey<Bls12_381>,
        constraints: &Matrices,
    ) -> Result<Self, SetupError> {
        let mut out = vec![0; HEADER_BYTES];
        out.extend_from_slice(&VerifyingKey::new(proving.vk.clone())?.to_bytes());
        let verifying_end = out.len();
        points::write(&mut out, proving);
        let proving_end = out.len();
        matrices::write(&mut out, constraints);
        let lengths = [
            verifying_end - HEADER_BYTES,
            proving_end - verifying_end,
            out.len() - proving_end,
        ];
        fill_header(&mut out, Kind::Proving, identity, insecure, lengths);
        let file = Bytes::from(out);
        let header = KeyHeader::parse(&file, Kind::Proving);
        let key = header.and_then(|header| Self::found_in(file, header));
        key.map_err(SetupError::Unreadable)
    }

    /// The content of the key's file.
    #[must_use]
    pub fn to_file_bytes(&self) -> Vec<u8> {
        self.file.to_vec()
    }

    /// The content of the file of the verifying key alone.
    #[must_use]
    pub fn to_verifying_file_bytes(&self) -> Vec<u8> {
        let mut out = vec![0; HEADER_BYTES];
        out.extend_from_slice(&self.verifying.to_bytes());
        let lengths = [out.len() - HEADER_BYTES, 0, 0];
        fill_header(
            &mut out,
            Kind::Verifying,
            &self.identity,
            self.insecure,
            lengths,
        );
        out
    }

    /// Reads the content of a key file, whatever it is for.
    ///
    /// # Errors
    /// Everything in [`KeyFileFault`] except the mismatches.
    pub fn from_file_bytes(bytes: &[u8]) -> Result<Self, KeyFileFault> {
        let (header, _) = open(bytes, Kind::Proving)?;
        let key = Self::found_in(Bytes::copy_from_slice(bytes), header)?;
        key.check_content()?;
        Ok(key)
    }

    /// Finds a key's parts in the content of its file, whose size is right.
    fn found_in(file: Bytes, header: KeyHeader) -> Result<Self, KeyFileFault> {
        let mut reader = Reader::new("header", file.get(HEADER_BYTES..).unwrap_or_default());
        let mut section = |length| -> Result<Bytes, KeyFileFault> {
            let count = reader.count(length)?;
            reader.share(&file, count, 1)
        };
        let [verifying, proving, constraints] = header.sections;
        let verifying = VerifyingKey::from_bytes(&section(verifying)?)?;
        let proving = section(proving)?;
        let matrices = matrices::read(&section(constraints)?)?;
        if verifying.public_inputs() != matrices.public_inputs() {
            let reason = format!(
                "{} public inputs, the key has {}",
                matrices.public_inputs(),
                verifying.public_inputs()
            );
            return Err(KeyFileFault::Malformed {
                section: "matrices",
                reason,
            });
        }
        let points = points::read(&proving, &matrices)?;
        Ok(Self {
            identity: header.identity,
            insecure: header.insecure,
            verifying,
            points,
            matrices,
            file,
        })
    }

    /// Passes if every number in it is one that the prover can use.
    fn check_content(&self) -> Result<(), KeyFileFault> {
        matrices::check(&self.matrices)?;
        points::check(&self.points)
    }

    /// Loads a key made for `expected`: ready at once, if the file was checked before.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, or is for something else; the error names file and reason.
    pub fn load(path: &Path, expected: &KeyIdentity) -> Result<Self, KeyFileError> {
        Self::map(path, expected, false).map_err(|fault| KeyFileError {
            path: path.to_owned(),
            fault,
        })
    }

    /// Maps a key's file and checks it, unless it was checked before or `anew` asks for it.
    fn map(path: &Path, expected: &KeyIdentity, anew: bool) -> Result<Self, KeyFileFault> {
        let (opened, header) = open_file(path, Kind::Proving)?;
        header.check(expected)?;
        let file = checked::map(&opened)?;
        // Of another size by now: somebody writes in it.
        header.check_size(wide(file.len()))?;
        let note = checked::Note::of(path, &opened, &file[..HEADER_BYTES]);
        if !anew && note.is_there() {
            return Self::found_in(file, header);
        }
        let (header, _) = open(&file, Kind::Proving)?;
        let key = Self::found_in(file, header)?;
        key.check_content()?;
        note.write();
        Ok(key)
    }

    /// Writes the key's file: all of it or nothing, durable on return.
    ///
    /// # Errors
    /// The disk's.
    pub fn save(&self, path: &Path) -> Result<(), KeyFileError> {
        write_file(path, &self.file)
    }

    /// Writes the file of the verifying key alone.
    ///
    /// # Errors
    /// The disk's.
    pub fn save_verifying(&self, path: &Path) -> Result<(), KeyFileError> {
        write_file(path, &self.to_verifying_file_bytes())
    }
}

impl VerifyingKey {
    /// Reads the content of a verifying key's file.
    ///
    /// # Errors
    /// Everything in [`KeyFileFault`] except the mismatches.
    pub fn from_file_bytes(bytes: &[u8]) -> Result<(KeyHeader, Self), KeyFileFault> {
        let (header, [verifying, _, _]) = open(bytes, Kind::Verifying)?;
        Ok((header, Self::from_bytes(verifying)?))
    }

    /// Loads a verifying key made for `expected`.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, or is for something else; the error names file and reason.
    pub fn load(path: &Path, expected: &KeyIdentity) -> Result<Self, KeyFileError> {
        let at = |fault| KeyFileError {
            path: path.to_owned(),
            fault,
        };
        let bytes = read_verifying(path, expected).map_err(at)?;
        Self::from_file_bytes(&bytes)
            .map(|(_, key)| key)
            .map_err(at)
    }
}

impl KeyHeader {
    /// Reads the header of a proving key's file alone: what the key is for, without loading it.
    ///
    /// # Errors
    /// The file cannot be read, its header is damaged, or its size is not the one the header announces.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let at = |fault| KeyFileError {
            path: path.to_owned(),
            fault,
        };
        open_file(path, Kind::Proving)
            .map(|(_, header)| header)
            .map_err(at)
    }

    /// Passes if the file is for `expected`.
    ///
    /// # Errors
    /// Set, circuit or circuit id differ.
    pub fn check(&self, expected: &KeyIdentity) -> Result<(), KeyFileFault> {
        let got = &self.identity;
        if got.set != expected.set {
            return Err(KeyFileFault::OtherSet {
                expected: expected.set.clone(),
                got: got.set.clone(),
            });
        }
        if got.circuit != expected.circuit {
            return Err(KeyFileFault::OtherCircuit {
                expected: expected.circuit.clone(),
                got: got.circuit.clone(),
            });
        }
        if got.circuit_id != expected.circuit_id {
            return Err(KeyFileFault::OtherCircuitId {
                expected: expected.circuit_id,
                got: got.circuit_id,
            });
        }
        Ok(())
    }

    fn parse(bytes: &[u8], kind: Kind) -> Result<Self, KeyFileFault> {
        let have = wide(bytes.len());
        if !bytes.starts_with(kind.magic()) {
            return Err(KeyFileFault::NotAKeyFile {
                expected: kind.name(),
            });
        }
        let short = KeyFileFault::Truncated {
            expected: wide(HEADER_BYTES),
            got: have,
        };
        let Some(digested) = bytes.get(..DIGESTED_HEADER_BYTES) else {
            return Err(short);
        };
        let mut reader = Reader::new("header", bytes);
        reader.take(kind.magic().len())?;
        // The version comes before the digest: another version may lay its header out in another way.
        let version = reader.u32()?;
        if version != FORMAT_VERSION {
            return Err(KeyFileFault::Version {
                expected: FORMAT_VERSION,
                got: version,
            });
        }
        let flags = reader.u32()?;
        let names = [name(reader.array()?), name(reader.array()?)];
        let circuit_id = CircuitId::from_bytes(reader.array()?);
        let sections = [reader.u64()?, reader.u64()?, reader.u64()?];
        let payload_digest = reader.array()?;
        let Ok(header_digest) = reader.array::<32>() else {
            return Err(short);
        };
        if blake3::hash(digested) != header_digest {
            return Err(KeyFileFault::HeaderDamaged);
        }
        if flags & !FLAG_INSECURE != 0 {
            return Err(KeyFileFault::Malformed {
                section: "header",
                reason: format!("unknown flags {flags:#x}"),
            });
        }
        let [Some(set), Some(circuit)] = names else {
            return Err(KeyFileFault::Malformed {
                section: "header",
                reason: "a name is none".to_owned(),
            });
        };
        let identity = KeyIdentity {
            set,
            circuit,
            circuit_id,
        };
        Ok(Self {
            identity,
            insecure: flags & FLAG_INSECURE != 0,
            sections,
            payload_digest,
        })
    }

    /// Passes if a file of this size is whole.
    fn check_size(&self, got: u64) -> Result<(), KeyFileFault> {
        let expected = self
            .sections
            .iter()
            .fold(wide(HEADER_BYTES), |sum, section| {
                sum.saturating_add(*section)
            });
        match got.cmp(&expected) {
            std::cmp::Ordering::Less => Err(KeyFileFault::Truncated { expected, got }),
            std::cmp::Ordering::Greater => Err(KeyFileFault::TooLong { expected, got }),
            std::cmp::Ordering::Equal => Ok(()),
        }
    }
}

/// Passes if a proving key's file is whole and for `expected`; reads all of it, whatever was checked before.
///
/// # Errors
/// As [`Key::load`].
pub fn check(path: &Path, expected: &KeyIdentity) -> Result<(), KeyFileError> {
    let checked = Key::map(path, expected, true).map(drop);
    checked.map_err(|fault| KeyFileError {
        path: path.to_owned(),
        fault,
    })
}

/// Checks header, size and digest; gives the three sections.
fn open(bytes: &[u8], kind: Kind) -> Result<(KeyHeader, [&[u8]; 3]), KeyFileFault> {
    let header = KeyHeader::parse(bytes, kind)?;
    header.check_size(wide(bytes.len()))?;
    let payload = bytes.get(HEADER_BYTES..).unwrap_or_default();
    let digest = blake3::Hasher::new().update_rayon(payload).finalize();
    if digest != header.payload_digest {
        return Err(KeyFileFault::PayloadDamaged);
    }
    let mut reader = Reader::new("header", payload);
    let mut sections = [&payload[..0]; 3];
    for (section, length) in sections.iter_mut().zip(header.sections) {
        *section = reader.take(reader.count(length)?)?;
    }
    Ok((header, sections))
}

/// Opens a file and checks its header and size before anything is allocated for its payload.
fn open_file(path: &Path, kind: Kind) -> Result<(File, KeyHeader), KeyFileFault> {
    let io = |action| move |source| KeyFileFault::Io { action, source };
    let file = File::open(path).map_err(io("opening"))?;
    let size = file.metadata().map_err(io("reading the size"))?.len();
    let mut head = Vec::with_capacity(HEADER_BYTES);
    (&file)
        .take(wide(HEADER_BYTES))
        .read_to_end(&mut head)
        .map_err(io("reading the header"))?;
    let header = KeyHeader::parse(&head, kind)?;
    header.check_size(size)?;
    Ok((file, header))
}

fn read_verifying(path: &Path, expected: &KeyIdentity) -> Result<Vec<u8>, KeyFileFault> {
    let (_, header) = open_file(path, Kind::Verifying)?;
    header.check(expected)?;
    // Read again from the start: one digest, one parser, for files and for bytes from elsewhere.
    fs::read(path).map_err(|source| KeyFileFault::Io {
        action: "reading",
        source,
    })
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), KeyFileError> {
    let written = || -> io::Result<()> {
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        fs::create_dir_all(folder)?;
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let partial = path.with_file_name(name);
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)?;
        // The rename itself is durable once the folder is.
        File::open(folder)?.sync_all()
    };
    written().map_err(|source| KeyFileError {
        path: path.to_owned(),
        fault: KeyFileFault::Io {
            action: "writing",
            source,
        },
    })
}

fn fill_header(
    out: &mut [u8],
    kind: Kind,
    identity: &KeyIdentity,
    insecure: bool,
    lengths: [usize; 3],
) {
    let (head, payload) = out.split_at_mut(HEADER_BYTES);
    let mut header = Vec::with_capacity(HEADER_BYTES);
    header.extend_from_slice(kind.magic());
    header.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    header.extend_from_slice(&(if insecure { FLAG_INSECURE } else { 0 }).to_le_bytes());
    for name in [&identity.set, &identity.circuit] {
        let mut padded = [0; NAME_BYTES];
        padded
            .iter_mut()
            .zip(name.bytes())
            .for_each(|(to, from)| *to = from);
        header.extend_from_slice(&padded);
    }
    header.extend_from_slice(identity.circuit_id.as_bytes());
    for length in lengths {
        header.extend_from_slice(&wide(length).to_le_bytes());
    }
    header.extend_from_slice(
        blake3::Hasher::new()
            .update_rayon(payload)
            .finalize()
            .as_bytes(),
    );
    let digest = blake3::hash(&header);
    header.extend_from_slice(digest.as_bytes());
    head.copy_from_slice(&header);
}

/// The name in a zero-padded field, if it is one.
fn name(field: [u8; NAME_BYTES]) -> Option<String> {
    let length = field
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(NAME_BYTES);
    let (text, padding) = field.split_at(length);
    let text = str::from_utf8(text).ok().filter(|text| is_name(text))?;
    padding
        .iter()
        .all(|byte| *byte == 0)
        .then(|| text.to_owned())
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
