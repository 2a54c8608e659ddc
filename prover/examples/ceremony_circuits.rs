//! Writes the table in `prover/src/keys/ceremony.rs`: lays out every circuit of the sets whose keys come from a ceremony.
//!
//! ```text
//! cargo run -p cairn-prover --example ceremony_circuits -- [circuit]...
//! ```
//!
//! Circuits that are not named keep their entries; without names all are laid out.

use std::{error::Error, fmt::Write, fs, path::Path};

use cairn_prover::{
    circuits::{CircuitName, Circuits},
    keys::ceremony,
    params,
};

/// Where the table begins in the source.
const TABLE: &str = "pub const CIRCUITS: &[CeremonyCircuit] = &[";

fn main() -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/keys/ceremony.rs");
    let source = fs::read_to_string(&path)?;
    let (before, _) = source
        .split_once(TABLE)
        .ok_or("the table is not where it was")?;
    let names: Vec<String> = std::env::args().skip(1).collect();
    let mut text = format!("{before}{TABLE}\n");
    for set in params::ALL.into_iter().filter(|set| !set.insecure_keys) {
        for circuit in CircuitName::ALL {
            let named = names.is_empty() || names.iter().any(|name| name == circuit.as_str());
            let listed = ceremony::circuit_id(set.name, circuit).filter(|_| !named);
            let id = match listed {
                Some(id) => id,
                None => Circuits::for_set(set).id(circuit)?,
            };
            writeln!(text, "    CeremonyCircuit {{")?;
            writeln!(text, "        set: {:?},", set.name)?;
            writeln!(text, "        circuit: {:?},", circuit.as_str())?;
            writeln!(text, "        circuit_id: \"{id}\",")?;
            writeln!(text, "    }},")?;
        }
    }
    fs::write(path, text + "];\n")?;
    Ok(())
}
