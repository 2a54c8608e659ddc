//! Other providers' failures: who missed, which trees can be ended, which slots wait for a repair and are worth it.
//!
//! | file | what it holds |
//! |---|---|
//! | `watch.rs` | the market as its events tell it, without I/O |
//! | `rules.rs` | whether a repair is worth it, without I/O |

mod rules;
mod watch;

pub use rules::{Offer, RepairRules, Sealing};
pub use watch::{Freed, MarketWatch, Quarry};
