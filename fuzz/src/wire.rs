//! Messages.

use cairn_wire::{Reply, Request};

/// A frame of either direction: what decodes encodes to the same bytes.
pub fn wire_decode_message(frame: &[u8]) {
    if let Ok(request) = Request::from_frame(frame) {
        assert_eq!(
            request.to_frame().as_deref(),
            Ok(frame),
            "a request has one form"
        );
    }
    if let Ok(reply) = Reply::from_frame(frame) {
        assert_eq!(
            reply.to_frame().as_deref(),
            Ok(frame),
            "a reply has one form"
        );
    }
}
