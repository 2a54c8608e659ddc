//! The published keys of the development sets: circuit ids and BLAKE3 digests of the verifying keys.
//!
//! Made by `cargo run -p cairn-prover --example known_keys`, on any machine with the same result. A change here is a
//! change of a circuit: every deployment and every stored key of before is of another version.

use crate::groth16::CircuitId;

/// What a key must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// Name of the parameter set.
    pub set: &'static str,
    /// Name of the circuit.
    pub circuit: &'static str,
    /// The circuit's id in hexadecimal.
    pub circuit_id: &'static str,
    /// BLAKE3 of the verifying key in hexadecimal.
    pub verifying_key: &'static str,
}

impl KnownKey {
    /// The circuit's id.
    #[must_use]
    pub fn circuit_id(&self) -> Option<CircuitId> {
        CircuitId::from_hex(self.circuit_id)
    }
}

/// The published key of a circuit, if there is one.
#[must_use]
pub fn find(set: &str, circuit: &str) -> Option<&'static KnownKey> {
    KEYS.iter()
        .find(|known| known.set == set && known.circuit == circuit)
}

/// Every published key.
pub const KEYS: &[KnownKey] = &[];
