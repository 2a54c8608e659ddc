//! Keys that a seed and a name determine, so that a run can be repeated. For development chains only.

use cairn_wire::SecretKey;

/// The account that deploys and pays for rounds.
pub const DEPLOYER: &str = "deployer";
/// The account of the user who puts files.
pub const USER: &str = "user";

/// The beacon's key.
pub const BEACON: &str = "beacon";

/// The name of node `i`'s account.
#[must_use]
pub fn node(i: usize) -> String {
    format!("node-{i}")
}

/// The 32 secret bytes of the account `name` under `seed`: BLAKE3("cairn/devnet/account" | seed | name).
#[must_use]
pub fn secret_bytes(seed: &[u8; 32], name: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"cairn/devnet/account");
    hasher.update(seed);
    hasher.update(name.as_bytes());
    *hasher.finalize().as_bytes()
}

/// The key of the account `name` under `seed`.
///
/// # Errors
/// When the bytes are no valid secret key, which happens for about one name in 2^128.
pub fn key(seed: &[u8; 32], name: &str) -> anyhow::Result<SecretKey> {
    SecretKey::from_bytes(&secret_bytes(seed, name))
        .map_err(|e| anyhow::anyhow!("the account {name} has no valid key: {e}"))
}
