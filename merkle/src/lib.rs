//! Field elements, fr32, Poseidon2, 16-ary trees, BLAKE3 content ids and verified ranges; no I/O.
