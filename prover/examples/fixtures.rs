//! Writes `testdata/prover/<circuit>/<set>.json`: verifying keys of development sets and proofs of true statements, as
//! the contracts read them. Run it after `known_keys`.
//!
//! ```text
//! cargo run -p cairn-prover --example fixtures -- [circuit]...
//! ```
//!
//! Circuits that are not named keep their files; without names all are made.
//!
//! `replica/vanilla.json`, made each time, is a vanilla proof of [`SyntheticReplica::smallest`]: `-- vanilla` makes it alone.
//!
//! Form of the others: `set, circuit, circuit_id, vk_blake3, cases[].{case, public_inputs, vk, proof, inputs[]}`; bytes in hexadecimal
//! with 0x, inputs as 32-byte big-endian words, the key without the STOP byte of its contract.

use std::{error::Error, fs, path::Path};

use cairn_prover::{
    circuits::{Circuit, CircuitName},
    groth16::{Key, blinding_rng, export, prove, verify},
    keys,
    params::{self, ParamSet},
    synthetic::{ReplicaPurpose, SyntheticProvider, SyntheticReplica, SyntheticSector},
};
use serde_json::{Value, json};

/// The seed of every challenge in the files.
const SEED: u64 = 0xca1_2026;

struct Case {
    circuit: CircuitName,
    name: String,
    inputs: Vec<cairn_merkle::Fr>,
    witness: Circuit,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/prover");
    let names: Vec<String> = std::env::args().skip(1).collect();
    let (_, smallest) = SyntheticReplica::smallest()?;
    let vanilla = smallest.vanilla_proof(SEED.into(), 0)?.to_bytes();
    fs::create_dir_all(folder.join("replica"))?;
    let text = json!({ "seed": SEED, "partition": 0, "bytes": prefixed(&vanilla) });
    let text = serde_json::to_string_pretty(&text)? + "\n";
    fs::write(folder.join("replica/vanilla.json"), text)?;
    for (set, counts, seeds) in [
        (&params::TEST, &[1, 16][..], 4),
        (&params::DEVNET, &[1, 100, 4096][..], 1),
        (&params::PEER, &[][..], 1),
    ] {
        // Of `peer` only the proof of replication has something that the other sets have not: partitions.
        let wanted = |circuit: &CircuitName| {
            let named = names.is_empty() || names.iter().any(|name| name == circuit.as_str());
            named && (*set != params::PEER || *circuit == CircuitName::Replica)
        };
        let wanted: Vec<CircuitName> = CircuitName::ALL.into_iter().filter(wanted).collect();
        if wanted.is_empty() {
            continue;
        }
        let cases = cases(set, counts, seeds)?;
        for circuit in wanted {
            let text = serde_json::to_string_pretty(&fixture(set, circuit, &cases)?)?;
            let folder = folder.join(circuit.as_str());
            fs::create_dir_all(&folder)?;
            fs::write(folder.join(format!("{}.json", set.name)), text + "\n")?;
        }
    }
    Ok(())
}

fn fixture(
    set: &'static ParamSet,
    circuit: CircuitName,
    cases: &[Case],
) -> Result<Value, Box<dyn Error>> {
    let key = keys::make(set, circuit)?;
    let of_circuit = cases.iter().filter(|case| case.circuit == circuit);
    let proofs = of_circuit
        .map(|case| proven(&key, case))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(json!({
        "set": set.name,
        "circuit": circuit.as_str(),
        "circuit_id": key.identity().circuit_id.to_string(),
        "vk_blake3": key.verifying_key().digest().to_hex().as_str(),
        "cases": proofs,
    }))
}

fn cases(set: &ParamSet, counts: &[u32], seeds: u64) -> Result<Vec<Case>, Box<dyn Error>> {
    let sector = SyntheticSector::new(set)?;
    let mut cases = replica_cases(set, &sector, seeds)?;
    for count in counts {
        let provider = SyntheticProvider::new(&sector, *count)?;
        let (statement, circuit) = provider.spacetime(SEED.into())?;
        cases.push(Case {
            circuit: CircuitName::Spacetime,
            name: format!("{count} sectors"),
            inputs: statement.public_inputs().to_vec(),
            witness: Circuit::Spacetime(circuit),
        });
    }
    let provider = SyntheticProvider::new(&sector, 5)?;
    let (statement, circuit) = provider.append()?;
    cases.push(Case {
        circuit: CircuitName::Append,
        name: "sector 6 to a tree of 5".to_owned(),
        inputs: statement.public_inputs().to_vec(),
        witness: Circuit::Append(circuit),
    });
    for (index, name) in [
        (1, "index 1 of a tree of 5"),
        (4, "the last of a tree of 5"),
    ] {
        let (statement, circuit) = provider.retire(index)?;
        cases.push(Case {
            circuit: CircuitName::Retire,
            name: name.to_owned(),
            inputs: statement.public_inputs().to_vec(),
            witness: Circuit::Retire(circuit),
        });
    }
    let (statement, circuit) = sector.include()?;
    cases.push(Case {
        circuit: CircuitName::Include,
        name: "two pieces".to_owned(),
        inputs: statement.public_inputs(),
        witness: Circuit::Include(circuit),
    });
    let padding = (1 << (sector.placed_pieces()[1].b - 2)) - 1;
    for (second, group, name) in [
        (false, 5, "group 5 of the first piece"),
        (true, padding, "the last group of the second piece, padding"),
    ] {
        let (statement, circuit) = sector.dispute(second, group)?;
        cases.push(Case {
            circuit: CircuitName::Dispute,
            name: name.to_owned(),
            inputs: statement.public_inputs().to_vec(),
            witness: Circuit::Dispute(circuit),
        });
    }
    Ok(cases)
}

/// All partitions of a sector, for several seeds.
fn replica_cases(
    set: &ParamSet,
    sector: &SyntheticSector,
    seeds: u64,
) -> Result<Vec<Case>, Box<dyn Error>> {
    let replica = sector.seal(ReplicaPurpose {
        porep_id: (SEED + 1).into(),
        provider: [0x11; 20],
        sector_number: 6,
        ticket: (SEED + 2).into(),
    })?;
    let mut cases = Vec::new();
    for seed in SEED..SEED + seeds {
        for partition in 0..u16::try_from(set.porep_challenges)? {
            let (statement, circuit) = replica.circuit(seed.into(), partition)?;
            cases.push(Case {
                circuit: CircuitName::Replica,
                name: format!("seed {seed}, partition {partition}"),
                inputs: statement.public_inputs().to_vec(),
                witness: Circuit::Replica(circuit),
            });
        }
    }
    Ok(cases)
}

fn proven(key: &Key, case: &Case) -> Result<Value, Box<dyn Error>> {
    // A fixture is no secret: a fixed seed makes the file the same each time.
    let proof = prove(key, case.witness.clone(), &mut blinding_rng([7; 32]))?;
    verify(key.verifying_key(), &proof, &case.inputs)?;
    let inputs: Vec<String> = export::inputs_to_evm(&case.inputs)
        .chunks(32)
        .map(prefixed)
        .collect();
    Ok(json!({
        "case": case.name,
        "public_inputs": case.inputs.len(),
        "vk": prefixed(&export::vk_to_evm(key.verifying_key())),
        "proof": prefixed(&export::proof_to_evm(&proof)),
        "inputs": inputs,
    }))
}

fn prefixed(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}
