//! What can go wrong around keys and proofs, one enum for each verb, and whose fault each is.

use std::{io, path::PathBuf};

use ark_relations::gr1cs::SynthesisError;

use crate::{eip2537::PointError, groth16::matrices::CircuitId};

/// A key could not be made: our fault, or the circuit's.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The circuit could not be laid out.
    #[error("the circuit could not be laid out: {0}")]
    Synthesis(#[from] SynthesisError),
    /// The circuit is beyond what the matrices' format holds.
    #[error("the circuit has {got} {what}, at most {limit} are supported")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How many.
        got: usize,
        /// How many are supported.
        limit: usize,
    },
    /// A name in a key's identity cannot stand in a file header.
    #[error("{name:?} is no key name: 1 to 16 characters of a-z, 0-9, - and _")]
    Name {
        /// The name.
        name: String,
    },
    /// The key that was made cannot be read back: our fault.
    #[error("the key that was made cannot be read back: {0}")]
    Unreadable(KeyFileFault),
    /// The key came out degenerate.
    #[error("the set-up gave a degenerate key: {0}")]
    Degenerate(#[from] VerifyingKeyError),
}

/// Bytes are no verifying key, or one under which anything can be proven: the fault of whoever made it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyingKeyError {
    /// The bytes end inside a point or before the first input's point.
    #[error("a verifying key of {inputs} inputs has {expected} bytes, these are {got}")]
    Length {
        /// Public inputs that the bytes could be for.
        inputs: usize,
        /// Bytes such a key has.
        expected: usize,
        /// Bytes given.
        got: usize,
    },
    /// A part of the key is no point.
    #[error("{part}: {source}")]
    Point {
        /// Which part.
        part: &'static str,
        /// Why it is no point.
        source: PointError,
    },
    /// A part of the key is the point at infinity.
    #[error("{part} is the point at infinity")]
    Infinity {
        /// Which part.
        part: &'static str,
    },
    /// Gamma and delta are equal, or one is minus the other: proofs could be forged by moving public inputs into the witness part.
    #[error("gamma equals delta up to its sign")]
    GammaIsDelta,
    /// Gamma or delta is the generator up to its sign: the key's second phase was skipped, and proofs can be forged.
    #[error("{part} is the generator up to its sign")]
    Generator {
        /// Which part.
        part: &'static str,
    },
}

/// A key file was refused.
#[derive(Debug, thiserror::Error)]
#[error("key file {}: {fault}", path.display())]
pub struct KeyFileError {
    /// The file.
    pub path: PathBuf,
    /// Why it was refused.
    #[source]
    pub fault: KeyFileFault,
}

/// Why a key file was refused.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileFault {
    /// The file could not be read or written (disk).
    #[error("{action} failed: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The file is something else.
    #[error("not a {expected} file")]
    NotAKeyFile {
        /// What the caller wanted: proving or verifying key.
        expected: &'static str,
    },
    /// The file is of another version of the format.
    #[error("format version {got} is not supported, this is version {expected}")]
    Version {
        /// Version of this program.
        expected: u32,
        /// Version in the file.
        got: u32,
    },
    /// The file ends early.
    #[error("truncated: {expected} bytes expected, {got} there")]
    Truncated {
        /// Bytes the header announces, header included.
        expected: u64,
        /// Bytes there are.
        got: u64,
    },
    /// The file goes on after its end.
    #[error("{expected} bytes expected, {got} there")]
    TooLong {
        /// Bytes the header announces, header included.
        expected: u64,
        /// Bytes there are.
        got: u64,
    },
    /// A bit of the header was flipped.
    #[error("the header is damaged: its digest differs")]
    HeaderDamaged,
    /// A bit of the payload was flipped.
    #[error("the keys are damaged: their digest differs from the header's")]
    PayloadDamaged,
    /// An intact key file, but of another parameter set.
    #[error("made for parameter set {got:?}, wanted is {expected:?}")]
    OtherSet {
        /// The set the caller wants.
        expected: String,
        /// The set in the file.
        got: String,
    },
    /// An intact key file, but of another circuit.
    #[error("made for circuit {got:?}, wanted is {expected:?}")]
    OtherCircuit {
        /// The circuit the caller wants.
        expected: String,
        /// The circuit in the file.
        got: String,
    },
    /// An intact key file of a circuit of this name with other constraints.
    #[error("made for circuit id {got}, this program's is {expected}")]
    OtherCircuitId {
        /// The id the caller wants.
        expected: CircuitId,
        /// The id in the file.
        got: CircuitId,
    },
    /// The digests hold but the content is not what the format says (its maker's fault).
    #[error("malformed {section}: {reason}")]
    Malformed {
        /// Where.
        section: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The verifying key is one under which anything can be proven.
    #[error("the verifying key is unusable: {0}")]
    VerifyingKey(#[from] VerifyingKeyError),
}

/// No proof was made.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The witness could not be laid out.
    #[error("the witness could not be laid out: {0}")]
    Synthesis(#[from] SynthesisError),
    /// The circuit is not the one the key was made for.
    #[error("the circuit has {got} {what}, the key was made for {expected}")]
    OtherCircuit {
        /// What differs.
        what: &'static str,
        /// How many the key was made for.
        expected: usize,
        /// How many the circuit has.
        got: usize,
    },
    /// The witness does not satisfy the circuit: the statement is false, or the witness is wrong.
    #[error("the witness breaks constraint {constraint}")]
    Unsatisfied {
        /// The first constraint that does not hold.
        constraint: usize,
    },
}

/// A proof was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The proof is false: it does not prove this statement under this key.
    #[error("the proof does not hold for these public inputs")]
    False,
    /// Nothing was checked: the caller gave another number of public inputs than the key has.
    #[error("the key has {expected} public inputs, {got} were given")]
    InputCount {
        /// Inputs of the key.
        expected: usize,
        /// Inputs given.
        got: usize,
    },
    /// Nothing was checked: the caller gave no proof at all.
    #[error("a batch without proofs shows nothing")]
    EmptyBatch,
    /// The curve library could not evaluate the pairing.
    #[error("the pairing could not be evaluated: {0}")]
    Pairing(SynthesisError),
}
