//! What the node knows about slots, sectors and windows: persisted states and the one way each may move. No I/O.

mod sector_state;
mod slot_state;
mod window_state;

pub use sector_state::{SectorEvent, SectorId, SectorState};
pub use slot_state::{SlotEvent, SlotState};
pub use window_state::{WindowEvent, WindowState};
