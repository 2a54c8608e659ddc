//! Groth16 on BLS12-381: keys, proofs and their encodings, generic over a circuit and knowing none of ours.
//!
//! ```text
//! circuit --setup--> Key (file) --prove(witness)--> Proof --export--> 512 bytes for the EVM, JSON for snarkjs
//!                     |                               |
//!                     '----> VerifyingKey (file) -----'--> verify(public inputs)
//! ```
//!
//! Source: Jens Groth, "On the Size of Pairing-based Non-interactive Arguments", EUROCRYPT 2016. Set-up and verification
//! are those of `ark-groth16`; the prover is our own assembly of the same formula (same proof bytes for the same
//! randomness, checked by a test) around a compact form of the constraint matrices.
//!
//! | module | what it is |
//! |---|---|
//! | [`matrices`] | the constraints as three sparse matrices; the circuit's id is their hash |
//! | [`setup`] | development keys from a public seed, the same on every machine |
//! | [`key`] | proving and verifying key and what names them |
//! | [`key_file`] | the key on disk: byte layout, checks, refusals by name |
//! | [`msm`] | sums of scalar multiples |
//! | [`transform`] | between coefficients and values |
//! | [`prover`] | from a circuit with its witness to a proof |
//! | [`verifier`] | the pairing check |
//! | [`batch`] | several proofs in one check |
//! | [`export`] | the encodings the EVM reads |
//! | [`snarkjs`] | the JSON that snarkjs reads |
//! | [`error`] | what can go wrong, and whose fault it is |

pub mod batch;
pub mod error;
pub mod export;
pub mod key;
pub mod key_file;
pub mod matrices;
pub mod msm;
pub mod prover;
pub mod setup;
pub mod snarkjs;
pub mod transform;
pub mod verifier;

pub use batch::verify_batch;
pub use error::{
    KeyFileError, KeyFileFault, ProveError, SetupError, VerifyError, VerifyingKeyError,
};
pub use key::{Key, KeyIdentity, VerifyingKey};
pub use matrices::{CircuitId, Matrices};
pub use prover::{Phase, Watch, blinding_rng, prove, prove_watched};
pub use setup::setup_insecure;
pub use verifier::{Proof, verify};
