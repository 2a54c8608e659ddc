//! Writes the table in `prover/src/keys/known.rs`: makes every development key, which takes a minute.
//!
//! ```text
//! cargo run -p cairn-prover --example known_keys
//! ```
//!
//! A table that changes means that a circuit changed. Afterwards `fixtures` makes the known answers again.

use std::{error::Error, fmt::Write, fs, path::Path};

use cairn_prover::{
    circuits::{CircuitName, Circuits},
    groth16::setup_insecure,
    params,
};

/// Where the table begins in the source.
const TABLE: &str = "pub const KEYS: &[KnownKey] = &[";

fn main() -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/keys/known.rs");
    let source = fs::read_to_string(&path)?;
    let (before, _) = source
        .split_once(TABLE)
        .ok_or("the table is not where it was")?;
    let mut text = format!("{before}{TABLE}\n");
    for set in params::ALL.into_iter().filter(|set| set.insecure_keys) {
        for circuit in CircuitName::ALL {
            let blank = Circuits::for_set(set).blank(circuit);
            let key = setup_insecure(set.name, circuit.as_str(), &blank)?;
            writeln!(text, "    KnownKey {{")?;
            writeln!(text, "        set: {:?},", set.name)?;
            writeln!(text, "        circuit: {:?},", circuit.as_str())?;
            writeln!(
                text,
                "        circuit_id: \"{}\",",
                key.identity().circuit_id
            )?;
            let digest = key.verifying_key().digest().to_hex();
            writeln!(text, "        verifying_key: \"{digest}\",")?;
            writeln!(text, "    }},")?;
        }
    }
    fs::write(path, text + "];\n")?;
    Ok(())
}
