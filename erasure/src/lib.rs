//! k-of-n coding of a byte stream; a slow reference beside the fast code; no I/O.
