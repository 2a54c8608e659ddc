//! A commitment that is not that of the piece's bytes: where it is false, and the evidence for the contract.
//!
//! ```text
//!   the piece's own tree        what its holder opens under comm_p
//!          o                            o'        differs, for comm_p does
//!        /   \                        /    \
//!       o     o                      o      o'    so one of its children does: the next leaf asked for lies below it
//!      / \   / \                    / \    / \
//!     o   o o   o                  o   o  o   o'  down to a leaf; its group of four is the evidence
//! ```
//!
//! One opening a level at most. A holder that refuses one of them cannot be shown to be false this way: who has not seen
//! the leaves under a commitment cannot prove what they are. Such a holder can be challenged for the piece.
//!
//! | module | what |
//! |---|---|
//! | `search` | [`Search`]: what to ask for next, and whether it is the evidence |
//! | `evidence` | [`evidence`]: what the contract is shown |

mod evidence;
mod search;

pub use evidence::evidence;
pub use search::{FalseGroup, Look, Search, ShownError};
