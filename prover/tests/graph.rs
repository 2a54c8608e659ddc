//! Parents against the known answers of another implementation; `testdata/README.md` says which.

#![expect(clippy::unwrap_used, reason = "tests stop at what they did not expect")]

use std::{fs, path::Path};

use cairn_prover::graph::Graph;
use cairn_prover::params;
use serde_json::Value;

fn known(set: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/prover/graph");
    serde_json::from_str(&fs::read_to_string(folder.join(format!("{set}.json"))).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<u32> {
    let list = value.as_array().unwrap().iter();
    list.map(number).collect()
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

#[test]
fn parents_are_the_known_ones_for_every_set() {
    for set in params::ALL {
        let (graph, known) = (Graph::for_set(set), known(set.name));
        assert_eq!(
            known["graph_seed"],
            hex::encode(graph.seed()),
            "{}",
            set.name
        );
        assert_eq!(number(&known["log2_nodes"]), graph.log2_nodes());
        for node in known["nodes"].as_array().unwrap() {
            let v = number(&node["v"]);
            assert_eq!(
                graph.drg_parents(v).to_vec(),
                numbers(&node["drg"]),
                "{} node {v}",
                set.name
            );
            assert_eq!(
                graph.expander_parents(v).to_vec(),
                numbers(&node["expander"]),
                "{} node {v}",
                set.name
            );
        }
    }
}

#[test]
fn expander_constants_are_the_known_ones_for_every_set() {
    for set in params::ALL {
        let (graph, known) = (Graph::for_set(set), known(set.name));
        for (map, known) in graph
            .expander_maps()
            .iter()
            .zip(known["expander"].as_array().unwrap())
        {
            assert_eq!(map.key, number(&known["key"]), "{}", set.name);
            assert_eq!(
                map.multipliers.to_vec(),
                numbers(&known["multipliers"]),
                "{}",
                set.name
            );
        }
    }
}
