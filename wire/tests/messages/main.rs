//! The bytes of every message: known answers, round trips, and everything that is refused.

#[cfg(test)]
mod codec;
#[cfg(test)]
mod vectors;
