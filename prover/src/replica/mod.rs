//! Replica: a sealed sector's stored leaf is the encoding of its data leaf that only this provider, for this sector, on
//! this chain, could have made, and was made from labels of all layers.
//!
//! ```text
//! seed, partition --H(TAG_IDX)--> node v --graph--> 6 parents in the layer, 8 in the layer below
//! porep_id, provider, number, comm_d, ticket --H(TAG_RID)--> replica_id
//! label(l, v) = BLAKE3(key = replica_id[0..27] | l | v; labels of the 14 parents)     for every layer l
//! labels of v and of its parents --C-tree--> comm_c        D_v --D-tree--> comm_d
//! D_v + label(L, v) = R_v --R-tree--> r_root               H(TAG_R, comm_c, r_root) = comm_r
//! ```
//!
//! One statement is one challenged node, one partition; a sector is proven by all partitions of its parameter set.
//!
//! | module | what it is |
//! |---|---|
//! | [`statement`] | the public inputs |
//! | [`index`] | which node a seed asks for, and its parents |
//! | [`label`] | the label of a node from those of its parents |
//! | [`native`] | the vanilla proof; decides the statement by Merkle openings |
//! | [`codec`] | the vanilla proof as bytes |
//! | [`circuit`] | the same in R1CS |
//! | `parents.rs` | the graph in R1CS: parents are derived, never chosen |

pub mod circuit;
pub mod codec;
pub mod index;
pub mod label;
pub mod native;
mod parents;
pub mod statement;

pub use circuit::ReplicaCircuit;
pub use codec::{CodecError, proof_bytes};
pub use index::{Challenged, challenge};
pub use native::{Column, VanillaProof, check};
pub use statement::ReplicaStatement;
