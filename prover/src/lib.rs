//! Statements about stored data, decided natively and proven in zero knowledge.
//!
//! ```text
//!  leaves, openings (cairn-merkle)
//!        |                                   parameter set
//!        v                                        |
//!  native: is the statement true?     circuit: the same in R1CS
//!        |                                        |
//!        '------ public inputs ------> groth16: prove, verify, export
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`params`] | the parameter sets: every number the protocol leaves open |
//! | [`graph`] | who is whose parent in a sealed sector |
//! | [`seal`] | labels, replica and back |
//! | [`spacetime`] | everything sampled under a provider's root is stored |
//! | [`append`] | a sector was added to a provider tree |
//! | [`retire`] | a sector was taken out of a provider tree |
//! | [`mod@include`] | pieces lie in a sector |
//! | [`replica`] | a sealed sector is the replica that only its provider could make |
//! | [`dispute`] | what lies in a group of bytes under a piece's commitment |
//! | [`gadget`] | building blocks of the circuits |
//! | [`circuits`] | the circuits of a parameter set: names, sizes, ids |
//! | [`error`] | why a statement is not shown |
//! | [`groth16`] | keys, proofs and their encodings, generic over a circuit |
//! | [`beacon`] | the public randomness of a period |
//! | [`keys`] | the key folder of a parameter set |
//! | [`synthetic`] | made-up providers, for benches, known answers and tests |
//! | [`eip2537`] | points as the EVM's precompiles read them |

pub mod append;
pub mod beacon;
pub mod circuits;
pub mod dispute;
pub mod eip2537;
pub mod error;
pub mod gadget;
pub mod graph;
pub mod groth16;
pub mod include;
pub mod keys;
mod merkle_path;
pub mod params;
mod prefetch;
pub mod replica;
pub mod retire;
pub mod seal;
pub mod spacetime;
pub mod synthetic;
