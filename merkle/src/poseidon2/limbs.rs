//! Unreduced sums of field elements.
