//! Writes the table in `prover/src/keys/known.rs`: makes every development key, which takes some minutes.
//!
//! ```text
//! cargo run -p cairn-prover --example known_keys -- [circuit]...
//! ```
//!
//! Circuits that are not named keep their entries; without names all are made.
//!
//! A table that changes means that a circuit changed. Afterwards `fixtures` makes the known answers again.

use std::{error::Error, fmt::Write, fs, path::Path};

use cairn_prover::{
    circuits::{CircuitName, Circuits},
    groth16::setup_insecure,
    keys::known,
    params::{self, ParamSet},
};

/// Where the table begins in the source.
const TABLE: &str = "pub const KEYS: &[KnownKey] = &[";

fn main() -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/keys/known.rs");
    let source = fs::read_to_string(&path)?;
    let (before, _) = source
        .split_once(TABLE)
        .ok_or("the table is not where it was")?;
    let names: Vec<String> = std::env::args().skip(1).collect();
    let mut text = format!("{before}{TABLE}\n");
    for set in params::ALL.into_iter().filter(|set| set.insecure_keys) {
        for circuit in CircuitName::ALL {
            let named = names.is_empty() || names.iter().any(|name| name == circuit.as_str());
            let known = known::find(set.name, circuit.as_str()).filter(|_| !named);
            let (id, digest) = match known {
                Some(known) => (known.circuit_id.to_owned(), known.verifying_key.to_owned()),
                None => make(set, circuit)?,
            };
            writeln!(text, "    KnownKey {{")?;
            writeln!(text, "        set: {:?},", set.name)?;
            writeln!(text, "        circuit: {:?},", circuit.as_str())?;
            writeln!(text, "        circuit_id: \"{id}\",")?;
            writeln!(text, "        verifying_key: \"{digest}\",")?;
            writeln!(text, "    }},")?;
        }
    }
    fs::write(path, text + "];\n")?;
    Ok(())
}

/// The circuit's id and the digest of its key.
fn make(set: &ParamSet, circuit: CircuitName) -> Result<(String, String), Box<dyn Error>> {
    let blank = Circuits::for_set(set).blank(circuit);
    let key = setup_insecure(set.name, circuit.as_str(), &blank)?;
    let digest = key.verifying_key().digest().to_hex().to_string();
    Ok((key.identity().circuit_id.to_string(), digest))
}
