//! What the node knows about slots, sectors and windows: persisted states and the one way each may move. No I/O.

mod seal_state;
mod sector_state;
mod slot_state;
mod window_state;

pub use seal_state::{SealEvent, SealId, SealRoots, SealState};
pub use sector_state::{SealedAs, SectorEvent, SectorId, SectorState};
pub use slot_state::{BY_REPAIR, SlotEvent, SlotState};
pub use window_state::{WindowEvent, WindowState};
