//! Cairn beside what others would pick, in the same run on the same machine: each program takes turns with the others.
//!
//! ```text
//! cairn-peers proofs SIZE..    Groth16, as CSV; a size is a power of two (14 = 2^14) or `large` (990,001 constraints)
//! cairn-peers hashes           trees over field elements, one core
//! cairn-peers labels           the label of a node, one thread
//! ```
//!
//! The two others print Markdown tables; progress goes to the other stream. `make bench-peers` runs all of it from the repository's
//! root, whose build settings switch on the assembler of the field arithmetic.

mod chain;
mod hashes;
mod labels;
#[path = "../../prover/examples/measure/mod.rs"]
mod measure;
mod proofs;
mod turns;

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    if !cfg!(all(target_feature = "bmi2", target_feature = "adx")) {
        return Err("build from the repository's root: without its .cargo/config.toml ark's assembler is off".into());
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match &words[..] {
        ["proofs", sizes @ ..] => proofs::table(sizes),
        ["hashes"] => hashes::table(),
        ["labels"] => labels::table(),
        _ => Err("usage: cairn-peers proofs SIZE.. | hashes | labels".into()),
    }
}
