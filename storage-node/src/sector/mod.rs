//! Sectors: which piece lies where, how pieces become leaves, and how a leaf is opened again.
//!
//! | file | what it holds |
//! |---|---|
//! | `plan.rs` | packing: no I/O |
//! | `commit.rs` | the tree of a piece over the chunk roots kept from its arrival: no I/O |
//! | `build.rs` | from planned places to leaves, rows and `comm_d` on disk |
//! | `take.rs` | a piece's bytes into the store, hashed as they come |
//! | `open.rs` | the opening of one leaf, checked against its rows |

mod build;
mod commit;
mod open;
mod plan;
mod take;

pub use build::build;
pub use commit::kept_rows;
pub use open::{open_data_leaf, open_piece_leaf, open_sector_leaf};
pub use plan::{Candidate, PackingRule, Place, plan};
pub(crate) use take::{Part, Untaken, take_piece};
