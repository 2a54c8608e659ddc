//! Nothing. zkhash 0.2 names `halo2` among its dependencies and uses nothing of it, and that crate's licence (BOSL) is none
//! that this project builds on.
