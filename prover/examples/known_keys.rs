//! Prints the rows of the table in `prover/src/keys/known.rs`: makes every development key, which takes a minute.
//!
//! ```text
//! cargo run -p cairn-prover --example known_keys
//! ```

use std::{
    error::Error,
    io::{Write, stdout},
};

use cairn_prover::{
    circuits::{CircuitName, Circuits},
    groth16::setup_insecure,
    params,
};

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = stdout().lock();
    for set in params::ALL.into_iter().filter(|set| set.insecure_keys) {
        for circuit in CircuitName::ALL {
            let key = setup_insecure(
                set.name,
                circuit.as_str(),
                &Circuits::for_set(set).blank(circuit),
            )?;
            writeln!(
                out,
                "    KnownKey {{\n        set: {:?},\n        circuit: {:?},\n        circuit_id: \"{}\",\n        verifying_key: \"{}\",\n    }},",
                set.name,
                circuit.as_str(),
                key.identity().circuit_id,
                key.verifying_key().digest().to_hex(),
            )?;
        }
    }
    Ok(())
}
