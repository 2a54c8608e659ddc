//! A whole network on one machine: chain, beacon, nodes, the demo and the end-to-end tests.
