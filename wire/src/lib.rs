//! The words all parties share: ids, units, messages, codec, QUIC endpoint and key pinning.
