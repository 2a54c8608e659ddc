//! The storage node: library and the cairn-node daemon.
