//! Every bound of this side of the wire: how long it waits, how much it holds, how many it serves.

use std::time::Duration;

use crate::error::BindError;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Bounds of one endpoint. The defaults suit a node on the internet; tests make them small.
///
/// Memory a stranger can make a server hold, with `c` connections: `c x 2 x idle_window_bytes` (unread and
/// unacknowledged bytes), plus at most `bytes_in_flight` over all connections together, plus one header a stream and
/// one chunk of 128 KiB a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Client: longest wait for a connection. Server: longest handshake.
    pub handshake_timeout: Duration,
    /// Longest wait for a whole header, a free stream, or the end of a stream that is over.
    pub header_timeout: Duration,
    /// Longest wait for an answer; for `StorePiece` the wait for the Receipt after the body's last byte.
    pub request_timeout: Duration,
    /// Longest wait for news of a segment that is being relayed: the next slot's Receipt or failure.
    pub relay_timeout: Duration,
    /// Longest pause inside a body, either way.
    pub body_stall: Duration,
    /// Least average rate of a body, either way, not counting one `body_stall`.
    pub min_body_bytes_per_s: u64,
    /// A connection without a sign of life for so long is dropped by QUIC.
    pub idle_timeout: Duration,
    /// Client: how often a sign of life is sent while a connection is open.
    pub keep_alive: Duration,
    /// Server: a connection without a request for so long is closed, signs of life or not.
    pub connection_idle: Duration,
    /// Longest header taken, in bytes, without its length prefix.
    pub max_header_bytes: usize,
    /// Server: connections at once.
    pub max_connections: usize,
    /// Server: connections at once from one IPv4 address or one IPv6 /64.
    pub max_connections_per_peer: usize,
    /// Server: streams a client may have open at once.
    pub max_streams_per_connection: u32,
    /// Server: requests being served at once, over all connections; one more is answered "busy".
    pub max_requests: usize,
    /// Server: the same for one IPv4 address or one IPv6 /64.
    pub max_requests_per_peer: usize,
    /// Server: leaves being opened at once, over all connections: the one request that costs far more to answer than
    /// to ask. More wait for their turn, as long as a request may take.
    pub max_openings: usize,
    /// Server: longest piece taken.
    pub max_piece_bytes: u64,
    /// Server: longest range served in one request. Client: longest range asked for.
    pub max_range_bytes: u64,
    /// Server: window bytes handed out to transfers, over all connections. When it is used up, transfers go on with
    /// `idle_window_bytes`: slower, never refused for it.
    pub bytes_in_flight: u64,
    /// Server: the most of `bytes_in_flight` that one IPv4 address or one IPv6 /64 gets.
    pub bytes_in_flight_per_peer: u64,
    /// Server: unread (and, separately, unacknowledged) bytes of a connection without a transfer.
    pub idle_window_bytes: u32,
    /// Unread bytes of one stream.
    pub stream_window_bytes: u32,
    /// Client: unread bytes of one connection. Server: the most one connection gets of `bytes_in_flight`, each way.
    pub connection_window_bytes: u32,
    /// Size asked for the UDP socket's buffers; the system may give less.
    pub socket_buffer_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            relay_timeout: Duration::from_secs(120),
            body_stall: Duration::from_secs(20),
            min_body_bytes_per_s: 16 * KIB,
            idle_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(8),
            connection_idle: Duration::from_secs(120),
            max_header_bytes: 8 << 10,
            max_connections: 512,
            max_connections_per_peer: 64,
            max_streams_per_connection: 32,
            max_requests: 512,
            max_requests_per_peer: 128,
            max_openings: 4,
            max_piece_bytes: 128 * MIB,
            max_range_bytes: 128 * MIB,
            bytes_in_flight: 1024 * MIB,
            bytes_in_flight_per_peer: 256 * MIB,
            idle_window_bytes: 128 << 10,
            stream_window_bytes: 16 << 20,
            connection_window_bytes: 64 << 20,
            socket_buffer_bytes: 4 << 20,
        }
    }
}

impl Limits {
    /// Checks what would otherwise lock everything out or be refused by QUIC.
    ///
    /// # Errors
    /// [`BindError::Limits`] with the field's name.
    pub fn check(&self) -> Result<(), BindError> {
        let waits = [
            ("handshake_timeout", self.handshake_timeout),
            ("header_timeout", self.header_timeout),
            ("request_timeout", self.request_timeout),
            ("relay_timeout", self.relay_timeout),
            ("body_stall", self.body_stall),
            ("idle_timeout", self.idle_timeout),
            ("keep_alive", self.keep_alive),
            ("connection_idle", self.connection_idle),
        ];
        // A day: far beyond sense, far below what overflows a timer.
        let longest = Duration::from_hours(24);
        for (limit, wait) in waits {
            if wait.is_zero() || wait > longest {
                return Err(BindError::Limits { limit });
            }
        }
        let counts = [
            (
                "max_header_bytes",
                self.max_header_bytes >= 512 && self.max_header_bytes <= usize::from(u16::MAX),
            ),
            ("max_connections", self.max_connections > 0),
            (
                "max_connections_per_peer",
                self.max_connections_per_peer > 0,
            ),
            (
                "max_streams_per_connection",
                (1..=1024).contains(&self.max_streams_per_connection),
            ),
            ("max_requests", self.max_requests > 0),
            ("max_requests_per_peer", self.max_requests_per_peer > 0),
            ("max_openings", self.max_openings > 0),
            (
                "max_piece_bytes",
                (1..=crate::message::MAX_PIECE_BYTES).contains(&self.max_piece_bytes),
            ),
            (
                "max_range_bytes",
                (1..=crate::message::MAX_PIECE_BYTES).contains(&self.max_range_bytes),
            ),
            ("idle_window_bytes", self.idle_window_bytes >= 16 << 10),
            ("stream_window_bytes", self.stream_window_bytes >= 16 << 10),
            (
                "connection_window_bytes",
                self.connection_window_bytes >= self.idle_window_bytes,
            ),
            ("keep_alive", self.keep_alive < self.idle_timeout),
        ];
        match counts.into_iter().find(|(_, holds)| !holds) {
            Some((limit, _)) => Err(BindError::Limits { limit }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_hold_together() {
        Limits::default().check().unwrap();
    }

    #[test]
    fn a_limit_that_locks_everybody_out_is_refused_by_name() {
        let refused = |limits: Limits| limits.check().unwrap_err().to_string();
        let base = Limits::default();
        assert!(
            refused(Limits {
                max_connections: 0,
                ..base
            })
            .contains("max_connections"),
            "none may connect"
        );
        assert!(
            refused(Limits {
                request_timeout: Duration::ZERO,
                ..base
            })
            .contains("request_timeout"),
            "no time"
        );
        assert!(
            refused(Limits {
                keep_alive: base.idle_timeout,
                ..base
            })
            .contains("keep_alive"),
            "too rare"
        );
        assert!(
            refused(Limits {
                max_header_bytes: 70_000,
                ..base
            })
            .contains("max_header_bytes"),
            "beyond u16"
        );
    }
}
