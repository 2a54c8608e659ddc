//! Other providers' failures: who missed, which trees can be ended, which slots wait for a repair.
//!
//! | file | what it holds |
//! |---|---|
//! | `watch.rs` | the market as its events tell it, without I/O |

mod watch;

pub use watch::{Freed, MarketWatch, Quarry};
