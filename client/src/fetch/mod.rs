//! Reading parts of pieces from the nodes that hold them.
//!
//! | module | what it holds |
//! |---|---|
//! | `parts` | the same part of k pieces of one deal: k + extra peers are asked, the fastest k verified answers count |
//! | `bandwidth` | how much is asked for in a second |
//! | `standing` | how the peers did so far: who is asked first, who no more |

mod bandwidth;
mod parts;
mod standing;

pub(crate) use crate::fetch::bandwidth::Bandwidth;
pub(crate) use crate::fetch::parts::{Ask, PartReader, PartsError, Sibling, Waits};
pub use crate::fetch::standing::PeerTrouble;
