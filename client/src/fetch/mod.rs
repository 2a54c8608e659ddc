//! Reading parts of pieces from the nodes that hold them.
//!
//! | module | what it holds |
//! |---|---|
//! | `standing` | how the peers did so far: who is asked first, who no more |

mod standing;

pub use crate::fetch::standing::PeerTrouble;
pub(crate) use crate::fetch::standing::Standing;
