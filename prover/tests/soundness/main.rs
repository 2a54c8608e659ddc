//! Every rule of every circuit alone stands between a forger and a proof.
//!
//! Each attack is a claim or a witness that is false in one way, with everything that depends on it made anew as a
//! malicious prover would. The circuit must refuse it, and the one rule aimed at must be the only one that does: a
//! circuit without that rule would accept. The rules attacked are compared with the rules drawn, so that a rule
//! without an attack fails. Beside that: every single variable of a satisfied circuit is changed and must be missed,
//! and every field of every public input and witness is changed and must be refused by circuit and native twin alike.

#![expect(
    clippy::too_many_lines,
    reason = "a list of attacks is read from top to bottom"
)]
#![expect(
    clippy::cast_possible_truncation,
    reason = "indices into trees of at most 4096 leaves"
)]

#[cfg(test)]
mod append;
#[cfg(test)]
mod dispute;
#[cfg(test)]
mod include;
#[cfg(test)]
mod replica;
#[cfg(test)]
mod retire;
#[cfg(test)]
mod spacetime;
#[cfg(test)]
mod support;
