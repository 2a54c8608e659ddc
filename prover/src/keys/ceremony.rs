//! The circuits of the sets whose keys come from a ceremony only: ids without keys.
//!
//! Made by `cargo run -p cairn-prover --example ceremony_circuits`, on any machine with the same result. A ceremony for
//! other ids than these makes keys for other circuits.

use crate::circuits::CircuitName;
use crate::groth16::CircuitId;

/// A circuit that has no key yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CeremonyCircuit {
    /// Name of the parameter set.
    pub set: &'static str,
    /// Name of the circuit.
    pub circuit: &'static str,
    /// The circuit's id in hexadecimal.
    pub circuit_id: &'static str,
}

/// The id of a circuit in a set whose keys come from a ceremony.
#[must_use]
pub fn circuit_id(set: &str, circuit: CircuitName) -> Option<CircuitId> {
    CIRCUITS
        .iter()
        .find(|listed| listed.set == set && listed.circuit == circuit.as_str())
        .and_then(|listed| CircuitId::from_hex(listed.circuit_id))
}

/// Every circuit of these sets.
pub const CIRCUITS: &[CeremonyCircuit] = &[
    CeremonyCircuit {
        set: "testnet",
        circuit: "spacetime",
        circuit_id: "1cc87b5de580e3290095cca4a4dd21ba0ac1e5e13454b96e7ee90ed8bf7b0da1",
    },
    CeremonyCircuit {
        set: "testnet",
        circuit: "append",
        circuit_id: "af4f8b5e3b56bb1b6ee00a857f2453946348f1270444b38d128db4243a7191c0",
    },
    CeremonyCircuit {
        set: "testnet",
        circuit: "retire",
        circuit_id: "015feeacb866c5977ed9ab62a3f0c18c98874a5f968ac81fe28fa30fd8817428",
    },
    CeremonyCircuit {
        set: "testnet",
        circuit: "include",
        circuit_id: "009e79ec113dc75235cf8419cfd11e76dffe2173e582e9ab1843b42b60985db6",
    },
    CeremonyCircuit {
        set: "testnet",
        circuit: "replica",
        circuit_id: "54034453a3890af9c094331497eb15095aa7150d5e3882450af938eb4b46be14",
    },
    CeremonyCircuit {
        set: "testnet",
        circuit: "dispute",
        circuit_id: "29db9a3c1a525172af687e41b763dbce246a5e582e6c936c08f22d21556b30d9",
    },
    CeremonyCircuit {
        set: "mainnet",
        circuit: "spacetime",
        circuit_id: "39745c9869535463109ec373260d7106cd549f869a4332df22fb7e71724a38fc",
    },
    CeremonyCircuit {
        set: "mainnet",
        circuit: "append",
        circuit_id: "af4f8b5e3b56bb1b6ee00a857f2453946348f1270444b38d128db4243a7191c0",
    },
    CeremonyCircuit {
        set: "mainnet",
        circuit: "retire",
        circuit_id: "015feeacb866c5977ed9ab62a3f0c18c98874a5f968ac81fe28fa30fd8817428",
    },
    CeremonyCircuit {
        set: "mainnet",
        circuit: "include",
        circuit_id: "f506ac135405989e32d249fe8616cd69473f85d45686d3676296c61dd3de80c2",
    },
    CeremonyCircuit {
        set: "mainnet",
        circuit: "replica",
        circuit_id: "e95f075538c7b248adb73deed300f35549c2d682d1ad32525f612dab036fda85",
    },
    CeremonyCircuit {
        set: "mainnet",
        circuit: "dispute",
        circuit_id: "0f4c53cb5143fdb8cc5309bca7d3e6da641c873ce43da7d4cab8dec65afb0220",
    },
];
