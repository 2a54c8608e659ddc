//! Both ends on real sockets: honest nodes and clients, and each end against a hostile other.

#[cfg(test)]
mod hostile_client;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod lying_node;
#[cfg(test)]
mod node;
#[cfg(test)]
mod pinning;
#[cfg(test)]
mod raw;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod requests;
