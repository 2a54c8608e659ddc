//! Building blocks of the circuits, on plain R1CS variables.
//!
//! | module | what it is | constraints |
//! |---|---|---|
//! | [`builder`] | variables with their values, rules with names, hints | - |
//! | [`audit`] | which rules a forged assignment breaks | - |
//! | [`poseidon2`] | the compression function | 576 |
//! | [`blake3`] | the keyed hash of one chunk | at most 14,912 a compression |
//! | [`bits`] | numbers as bits, strict bits of a hash | 1 a bit + 1 |
//! | [`path`] | a Merkle path | 576 + 15 a level |
//! | [`size`] | the size of a piece | 1 a size + 1 |
//! | [`word`] | the packed public word | 1 |

pub mod audit;
pub mod bits;
pub mod blake3;
pub mod builder;
pub mod path;
pub mod poseidon2;
pub mod size;
pub mod word;
