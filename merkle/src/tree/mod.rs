//! 16-ary trees: `node = H(children) + c(type, level)`.
//!
//! A size that is not a power of 16 has a top node of 2, 4 or 8 children, the rest zero. Rows inside a chunk of
//! 16^3 leaves are recomputed when a leaf is opened, rows above it are kept ([`SparseTree`]).

mod full;
mod hash;
mod opening;
mod shape;
mod sparse;

pub use full::Tree;
pub use hash::{node, root, zero_node};
pub use opening::Opening;
pub use shape::{ARITY, ARITY_LOG2, MAX_LEVELS, MAX_LOG2_LEAVES, Shape};
pub use sparse::{
    CHUNK_LEAVES, CHUNK_LEVELS, CHUNK_LOG2, SparseTree, chunk_root, chunk_root_of_stored,
};

pub(crate) use hash::{padded_group, parents_here};
