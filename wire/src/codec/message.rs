//! Each message's fields, in the order of the byte tables.

use crate::codec::fields::{PREFIX_BYTES, Reader, Writer, b_in_range, in_range};
use crate::error::CodecError;
use crate::ids::{DealId, SlotIndex};
use crate::message::{
    Acceptance, LeafOpening, MAX_B, MAX_OPENING_BYTES, MAX_PIECE_BYTES, OpenLeaf, RangeHeader,
    ReadRange, Receipt, Reply, Request, SlotFailed, StorePiece,
};

/// The last leaf of the widest piece.
const MAX_LEAF: u64 = (1 << MAX_B) - 1;
/// Data of the longest piece and at most one byte of hashes for one of data: more is no encoding of anything.
const MAX_ENCODED_BYTES: u64 = 2 * MAX_PIECE_BYTES;

mod kind {
    pub(super) const INFO: u8 = 0x01;
    pub(super) const STORE_PIECE: u8 = 0x02;
    pub(super) const ACCEPT_PIECE: u8 = 0x03;
    pub(super) const READ_RANGE: u8 = 0x04;
    pub(super) const OPEN_LEAF: u8 = 0x05;
    pub(super) const RELAY_SEGMENT: u8 = 0x06;
    pub(super) const NODE_INFO: u8 = 0x81;
    pub(super) const CONTINUE: u8 = 0x82;
    pub(super) const RECEIPT: u8 = 0x83;
    pub(super) const ACCEPTED: u8 = 0x84;
    pub(super) const RANGE_HEADER: u8 = 0x85;
    pub(super) const LEAF_OPENING: u8 = 0x86;
    pub(super) const SLOT_FAILED: u8 = 0x87;
    pub(super) const ERROR: u8 = 0xff;
}

impl Request {
    /// The frame of this request, length prefix included.
    ///
    /// # Errors
    /// [`CodecError::Range`] when a field lies outside what the protocol allows: the caller's fault.
    pub fn to_frame(&self) -> Result<Vec<u8>, CodecError> {
        let mut out = Writer::new(match self {
            Self::Info => kind::INFO,
            Self::StorePiece(_) => kind::STORE_PIECE,
            Self::AcceptPiece(_) => kind::ACCEPT_PIECE,
            Self::ReadRange(_) => kind::READ_RANGE,
            Self::OpenLeaf(_) => kind::OPEN_LEAF,
            Self::RelaySegment(_) => kind::RELAY_SEGMENT,
        });
        match self {
            Self::Info => {}
            Self::StorePiece(store) => {
                out.u64(store.deal.0);
                out.u8(store.slot.0);
                out.bytes(store.content_id.as_bytes());
                out.u64(in_range("byte_len", store.byte_len, 1, MAX_PIECE_BYTES)?);
            }
            Self::AcceptPiece(acceptance) => {
                out.signed_terms(&acceptance.terms, &acceptance.signature)?;
            }
            Self::ReadRange(read) => {
                out.bytes(read.content_id.as_bytes());
                out.u64(in_range("offset", read.offset, 0, MAX_PIECE_BYTES)?);
                out.u64(in_range("len", read.len, 1, MAX_PIECE_BYTES)?);
            }
            Self::OpenLeaf(open) => {
                out.bytes(open.content_id.as_bytes());
                out.u64(in_range("leaf", open.leaf, 0, MAX_LEAF)?);
            }
            Self::RelaySegment(relay) => out.relay_segment(relay)?,
        }
        out.finish()
    }

    /// The request in the bytes after a length prefix.
    ///
    /// # Errors
    /// [`CodecError`]: the client's fault.
    pub fn decode(payload: &[u8]) -> Result<Self, CodecError> {
        let (kind, mut fields) = Reader::open(payload)?;
        let request = match kind {
            kind::INFO => Self::Info,
            kind::STORE_PIECE => Self::StorePiece(StorePiece {
                deal: DealId(fields.u64("deal")?),
                slot: SlotIndex(fields.u8("slot")?),
                content_id: fields.content_id()?,
                byte_len: fields.u64_in("byte_len", 1, MAX_PIECE_BYTES)?,
            }),
            kind::ACCEPT_PIECE => Self::AcceptPiece(Acceptance {
                terms: fields.terms()?,
                signature: fields.signature()?,
            }),
            kind::READ_RANGE => Self::ReadRange(ReadRange {
                content_id: fields.content_id()?,
                offset: fields.u64_in("offset", 0, MAX_PIECE_BYTES)?,
                len: fields.u64_in("len", 1, MAX_PIECE_BYTES)?,
            }),
            kind::OPEN_LEAF => Self::OpenLeaf(OpenLeaf {
                content_id: fields.content_id()?,
                leaf: fields.u64_in("leaf", 0, MAX_LEAF)?,
            }),
            kind::RELAY_SEGMENT => Self::RelaySegment(fields.relay_segment()?),
            got => return Err(CodecError::Kind { got }),
        };
        fields.close()?;
        Ok(request)
    }

    /// The request in exactly one frame.
    ///
    /// # Errors
    /// [`CodecError`]: the client's fault.
    pub fn from_frame(frame: &[u8]) -> Result<Self, CodecError> {
        Self::decode(payload_of(frame)?)
    }
}

impl Reply {
    /// The frame of this reply, length prefix included.
    ///
    /// # Errors
    /// [`CodecError`] when a field lies outside what the protocol allows: the node's own fault.
    pub fn to_frame(&self) -> Result<Vec<u8>, CodecError> {
        let mut out = Writer::new(match self {
            Self::Info(_) => kind::NODE_INFO,
            Self::Continue => kind::CONTINUE,
            Self::Receipt(_) => kind::RECEIPT,
            Self::Accepted => kind::ACCEPTED,
            Self::RangeHeader(_) => kind::RANGE_HEADER,
            Self::LeafOpening(_) => kind::LEAF_OPENING,
            Self::SlotFailed(_) => kind::SLOT_FAILED,
            Self::Error(_) => kind::ERROR,
        });
        match self {
            Self::Continue | Self::Accepted => {}
            Self::Info(info) => out.node_info(info)?,
            Self::Receipt(receipt) => out.signed_terms(&receipt.terms, &receipt.signature)?,
            Self::RangeHeader(header) => {
                out.u64(in_range(
                    "piece_byte_len",
                    header.piece_byte_len,
                    1,
                    MAX_PIECE_BYTES,
                )?);
                out.u64(in_range(
                    "encoded_len",
                    header.encoded_len,
                    1,
                    MAX_ENCODED_BYTES,
                )?);
            }
            Self::LeafOpening(opening) => {
                out.u8(b_in_range(opening.b)?);
                out.text_u16("opening", &opening.opening.to_bytes(), MAX_OPENING_BYTES)?;
            }
            Self::SlotFailed(failed) => {
                out.u8(failed.slot.0);
                out.error(&failed.error)?;
            }
            Self::Error(error) => out.error(error)?,
        }
        out.finish()
    }

    /// The reply in the bytes after a length prefix.
    ///
    /// # Errors
    /// [`CodecError`]: the node's fault.
    pub fn decode(payload: &[u8]) -> Result<Self, CodecError> {
        let (kind, mut fields) = Reader::open(payload)?;
        let reply = match kind {
            kind::CONTINUE => Self::Continue,
            kind::ACCEPTED => Self::Accepted,
            kind::NODE_INFO => Self::Info(fields.node_info()?),
            kind::RECEIPT => Self::Receipt(Receipt {
                terms: fields.terms()?,
                signature: fields.signature()?,
            }),
            kind::RANGE_HEADER => Self::RangeHeader(RangeHeader {
                piece_byte_len: fields.u64_in("piece_byte_len", 1, MAX_PIECE_BYTES)?,
                encoded_len: fields.u64_in("encoded_len", 1, MAX_ENCODED_BYTES)?,
            }),
            kind::LEAF_OPENING => Self::LeafOpening(LeafOpening {
                b: fields.b()?,
                opening: fields.opening()?,
            }),
            kind::SLOT_FAILED => Self::SlotFailed(SlotFailed {
                slot: SlotIndex(fields.u8("slot")?),
                error: fields.error()?,
            }),
            kind::ERROR => Self::Error(fields.error()?),
            got => return Err(CodecError::Kind { got }),
        };
        fields.close()?;
        Ok(reply)
    }

    /// The reply in exactly one frame.
    ///
    /// # Errors
    /// [`CodecError`]: the node's fault.
    pub fn from_frame(frame: &[u8]) -> Result<Self, CodecError> {
        Self::decode(payload_of(frame)?)
    }

    /// What this reply is, for messages to people.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Info(_) => "NodeInfo",
            Self::Continue => "Continue",
            Self::Receipt(_) => "Receipt",
            Self::Accepted => "Accepted",
            Self::RangeHeader(_) => "RangeHeader",
            Self::LeafOpening(_) => "LeafOpening",
            Self::SlotFailed(_) => "SlotFailed",
            Self::Error(_) => "Error",
        }
    }
}

fn payload_of(frame: &[u8]) -> Result<&[u8], CodecError> {
    let Some((prefix, payload)) = frame.split_first_chunk::<PREFIX_BYTES>() else {
        return Err(CodecError::Truncated {
            field: "length",
            needed: PREFIX_BYTES,
            left: frame.len(),
        });
    };
    let expected = usize::from(u16::from_le_bytes(*prefix));
    if expected == payload.len() {
        Ok(payload)
    } else {
        Err(CodecError::Length {
            expected,
            got: payload.len(),
        })
    }
}
