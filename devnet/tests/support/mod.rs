//! What the stories share: a small network in a temporary folder, and files of chosen sizes.

#![allow(dead_code, reason = "each story uses a part of it")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use cairn_contracts::Chain;
use cairn_devnet::network::Network;
use cairn_devnet::plan::Plan;
use cairn_devnet::user::{Coding, Outcome};
use cairn_prover::params::SMALL;
use cairn_wire::Address;
use tokio::time::sleep;

/// Longer than a story ever waits for one period's proofs: two periods of 24 s, on a loaded machine.
pub(crate) const TWO_PERIODS: Duration = Duration::from_secs(120);

/// Two of four, paid for eight periods.
pub(crate) const TWO_OF_FOUR: Coding = Coding {
    k: 2,
    n: 4,
    periods: 8,
    price: 1000,
    sealed: false,
};

/// Where the development keys are kept between runs.
pub(crate) fn key_dir() -> PathBuf {
    let home = std::env::home_dir().expect("a home folder");
    home.join(".cache/cairn/keys")
}

/// A network of `nodes` nodes on the small set.
pub(crate) async fn network(dir: &Path, nodes: usize) -> Network {
    planned(dir, Plan::new(&SMALL, nodes, &key_dir())).await
}

/// A network with a plan of its own.
pub(crate) async fn planned(dir: &Path, plan: Plan) -> Network {
    Network::start(&dir.join("network"), plan)
        .await
        .expect("the network starts")
}

/// The on-chain accounts of all nodes.
pub(crate) fn providers(network: &Network) -> Vec<Address> {
    (0..network.plan().nodes)
        .map(|i| network.provider(i).expect("a provider"))
        .collect()
}

/// The chain's time.
pub(crate) async fn now(chain: &Chain) -> u64 {
    chain.head().await.expect("a block").timestamp
}

/// Waits until the chain's time is past this.
pub(crate) async fn until(chain: &Chain, time: u64) {
    while now(chain).await <= time {
        sleep(Duration::from_millis(300)).await;
    }
}

/// Gets the object and holds it against what was put.
pub(crate) async fn comes_back(network: &Network, name: &str, content: &[u8]) -> Outcome {
    let back = network.dir().join("back");
    let outcome = network
        .user()
        .get(name, &back, None)
        .await
        .expect("get runs");
    assert!(outcome.ok, "{name}: {}", outcome.err);
    assert!(
        std::fs::read(&back).expect("the file") == content,
        "{name} is bit-identical"
    );
    outcome
}

/// `len` bytes that do not repeat, different for each `seed`.
pub(crate) fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    let mut reader = blake3::Hasher::new_derive_key("cairn devnet test file")
        .update(&seed.to_le_bytes())
        .finalize_xof();
    reader.fill(&mut out);
    out
}

/// Writes a file of such bytes and returns its path with them.
pub(crate) fn file(dir: &Path, name: &str, seed: u64, len: usize) -> (PathBuf, Vec<u8>) {
    let (path, content) = (dir.join(name), bytes(seed, len));
    std::fs::write(&path, &content).expect("a file is written");
    (path, content)
}
