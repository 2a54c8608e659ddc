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

pub mod params;
