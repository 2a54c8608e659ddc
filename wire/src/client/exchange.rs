//! One request's stream, from the client's end.

use std::time::Duration;

use quinn::{RecvStream, SendStream};
use tokio::time::timeout;

use crate::error::RequestError;
use crate::frame::{CANCELLED, FrameError, SendError, lost, read_frame, write_frame};
use crate::limits::Limits;
use crate::message::{Reply, Request};

/// The two halves of a request's stream. Dropped before the request is over, it tells the node so: a half-sent body is
/// cancelled rather than ended.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) send: SendStream,
    pub(crate) recv: RecvStream,
    limits: Limits,
    over: bool,
}

impl Exchange {
    /// A new stream, as soon as the node allows one more.
    pub(crate) async fn open(
        quic: &quinn::Connection,
        limits: Limits,
    ) -> Result<Self, RequestError> {
        let after = limits.header_timeout;
        let (send, recv) = timeout(after, quic.open_bi())
            .await
            .map_err(|_| RequestError::TimedOut {
                waiting_for: "a free stream",
                after,
            })?
            .map_err(|error| RequestError::Lost(lost(&error)))?;
        Ok(Self {
            send,
            recv,
            limits,
            over: false,
        })
    }

    /// Sends the request's header.
    pub(crate) async fn ask(&mut self, request: &Request) -> Result<(), RequestError> {
        let frame = request.to_frame().map_err(RequestError::BadRequest)?;
        let after = self.limits.header_timeout;
        match write_frame(&mut self.send, &frame, after).await {
            Ok(()) => Ok(()),
            // It has said why, or will.
            Err(SendError::Stopped(code)) => {
                tracing::debug!(%code, "the node reads no further");
                Ok(())
            }
            Err(SendError::TimedOut) => Err(RequestError::TimedOut {
                waiting_for: "the node to take the header",
                after,
            }),
            Err(SendError::Lost(reason)) => Err(RequestError::Lost(reason)),
        }
    }

    /// Nothing more will be asked on this stream.
    pub(crate) fn finish_asking(&mut self) {
        if self.send.finish().is_err() {
            tracing::trace!("the node had stopped reading");
        }
    }

    /// The next reply; an error reply is an error.
    pub(crate) async fn reply(&mut self, waiting_for: &'static str) -> Result<Reply, RequestError> {
        self.reply_within(waiting_for, self.limits.request_timeout)
            .await
    }

    /// As [`Exchange::reply`], with a patience of its own.
    pub(crate) async fn reply_within(
        &mut self,
        waiting_for: &'static str,
        after: Duration,
    ) -> Result<Reply, RequestError> {
        let payload = read_frame(&mut self.recv, self.limits.max_header_bytes, after)
            .await
            .map_err(|error| match error {
                FrameError::TimedOut => RequestError::TimedOut { waiting_for, after },
                FrameError::Ended => RequestError::ReplyEnded {
                    inside: waiting_for,
                },
                FrameError::Codec(error) => RequestError::Malformed(error),
                FrameError::Lost(reason) => RequestError::Lost(reason),
            })?;
        match Reply::decode(&payload)? {
            Reply::Error(error) => {
                self.over = true;
                Err(RequestError::Refused(error))
            }
            reply => Ok(reply),
        }
    }

    /// The request is over: nothing is cancelled when this is dropped.
    pub(crate) const fn done(&mut self) {
        self.over = true;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // The receiving half stops by itself when it is dropped.
        if !self.over && self.send.reset(CANCELLED).is_err() {
            tracing::trace!("the stream was already over");
        }
    }
}

pub(crate) fn another_kind(reply: &Reply) -> RequestError {
    tracing::debug!(got = reply.name(), "a reply of another kind");
    RequestError::AnotherAnswer {
        field: "kind of the reply",
    }
}
