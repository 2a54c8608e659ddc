//! Sealing: from data leaves to a replica that only this provider, for this sector, on this chain could have encoded.
//!
//! ```text
//! replica_id --labels.rs--> layer 1 --> layer 2 .. --> layer L     (files; resumable after each)
//!                              \----------\--------------\-- C-tree --> comm_c
//! data leaf D_v + label(L, v) = replica leaf R_v --------- R-tree --> r_root       comm_r = H(TAG_R, comm_c, r_root)
//! unseal: the labels once more, then D_v = R_v - label(L, v)
//! ```
//!
//! The data and the replica lie elsewhere: both come and go as chunks of 4096 leaves. Here lie only the labels, in a
//! folder of their own, until the sector is proven.
//!
//! | module | what it is |
//! |---|---|
//! | [`labels`] | the folder: all layers, one after the other, resumed after a crash |
//! | [`layer`] | the labels of one layer; the only hot loop |
//! | `chain` | its labels by AVX-512, where there is one |
//! | [`mapped`] | a finished layer, mapped from its file; memory for the layer in the making |
//! | [`state`] | what a folder has finished, as bytes |
//! | [`trees`] | columns and replica under their roots; openings of both |
//! | [`encode`] | a chunk of leaves to replica and back |
//! | [`budget`] | how many sectors are sealed side by side |
//! | [`progress`] | how far the work is, and the flag that stops it |
//! | [`error`] | what can go wrong, and whose fault it is |

pub mod budget;
#[cfg(target_arch = "x86_64")]
mod chain;
pub mod encode;
pub mod error;
pub mod labels;
pub mod layer;
pub mod mapped;
pub mod progress;
pub mod state;
pub mod trees;

pub use budget::{MemoryBudget, Permit, disk_bytes, memory_bytes};
pub use encode::{decode_chunk, encode_chunk};
pub use error::SealError;
pub use labels::{Keep, Labels, TogetherError, finish_together};
pub use mapped::MappedLayer;
pub use progress::{Phase, Progress, Watch};
pub use state::{STATE_BYTES_MAX, SealState, StateError};
pub use trees::{
    ChunkCheck, ChunkError, ChunkSink, Columns, LeafChunks, Sealed, data_tree, encode_sector, seal,
    unseal, unseal_checked,
};
