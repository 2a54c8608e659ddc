//! Messages to bytes and back.
//!
//! ```text
//! frame = length u16 | version u8 = 1 | kind u8 | fields          length counts what follows it
//! ```
//!
//! Fields have fixed width and little-endian order; text is a length byte (two for an error's reason) and UTF-8.
//! Decoding takes untrusted bytes, never panics, allocates at most what a frame can hold (64 KiB), and refuses
//! whatever encoding would not have produced: a message has one form.

mod fields;
mod message;

pub use fields::{PREFIX_BYTES, VERSION};
