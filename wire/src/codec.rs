//! Messages to bytes and back.
//!
//! ```text
//! frame = length u16 | version u8 = 1 | kind u8 | fields          length counts what follows it
//! ```
//!
//! Fields have fixed width and little-endian order; text is a length byte (two for an error's reason) and UTF-8.
//! Decoding takes untrusted bytes, never panics, allocates at most what a frame can hold (64 KiB), and refuses
//! whatever encoding would not have produced: a message has one form.

use cairn_merkle::tree::Opening;
use cairn_merkle::{Commitment, ContentId};

use crate::eip712::PieceTerms;
use crate::error::CodecError;
use crate::ids::{Address, DealId, SlotIndex};
use crate::message::{
    Acceptance, LeafOpening, MAX_B, MAX_OPENING_BYTES, MAX_PIECE_BYTES, MAX_SET_NAME_BYTES,
    MAX_SOFTWARE_BYTES, NodeInfo, OpenLeaf, RangeHeader, ReadRange, Receipt, Reply, Request,
    StorePiece,
};
use crate::refusal::{ErrorCode, MAX_REASON_BYTES, WireError};
use crate::secret_key::Signature;

/// The version this side speaks; the ALPN name `cairn/1` says the same.
pub const VERSION: u8 = 1;
/// Bytes of the length prefix.
pub const PREFIX_BYTES: usize = 2;

mod kind {
    pub(super) const INFO: u8 = 0x01;
    pub(super) const STORE_PIECE: u8 = 0x02;
    pub(super) const ACCEPT_PIECE: u8 = 0x03;
    pub(super) const READ_RANGE: u8 = 0x04;
    pub(super) const OPEN_LEAF: u8 = 0x05;
    pub(super) const NODE_INFO: u8 = 0x81;
    pub(super) const CONTINUE: u8 = 0x82;
    pub(super) const RECEIPT: u8 = 0x83;
    pub(super) const ACCEPTED: u8 = 0x84;
    pub(super) const RANGE_HEADER: u8 = 0x85;
    pub(super) const LEAF_OPENING: u8 = 0x86;
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
                out.signed_terms(&acceptance.terms, &acceptance.signature)?
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
            Self::Error(error) => {
                out.u8(error.code().to_byte());
                out.text_u16("reason", error.reason().as_bytes(), MAX_REASON_BYTES)?;
            }
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
            Self::Error(_) => "Error",
        }
    }
}

/// The last leaf of the widest piece.
const MAX_LEAF: u64 = (1 << MAX_B) - 1;
/// Data of the longest piece and at most one byte of hashes for one of data: more is no encoding of anything.
const MAX_ENCODED_BYTES: u64 = 2 * MAX_PIECE_BYTES;

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

const fn in_range(field: &'static str, got: u64, min: u64, max: u64) -> Result<u64, CodecError> {
    if got < min || got > max {
        Err(CodecError::Range {
            field,
            got,
            min,
            max,
        })
    } else {
        Ok(got)
    }
}

fn b_in_range(b: u8) -> Result<u8, CodecError> {
    in_range("b", u64::from(b), MIN_B, u64::from(MAX_B)).map(|_| b)
}

/// The smallest piece is one group of fr32: four leaves.
const MIN_B: u64 = 2;

/// Fields onto the end of a frame.
struct Writer(Vec<u8>);

impl Writer {
    fn new(kind: u8) -> Self {
        // Room for the prefix, which `finish` fills in.
        Self(vec![0, 0, VERSION, kind])
    }

    fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn text_u8(&mut self, field: &'static str, text: &str, limit: usize) -> Result<(), CodecError> {
        let length = bounded_len(field, text.len(), limit)?;
        plain_text(field, text)?;
        self.0
            .push(u8::try_from(length).map_err(|_| too_long(field, length, 255))?);
        self.bytes(text.as_bytes());
        Ok(())
    }

    fn text_u16(
        &mut self,
        field: &'static str,
        bytes: &[u8],
        limit: usize,
    ) -> Result<(), CodecError> {
        let length = bounded_len(field, bytes.len(), limit)?;
        let prefix =
            u16::try_from(length).map_err(|_| too_long(field, length, usize::from(u16::MAX)))?;
        self.bytes(&prefix.to_le_bytes());
        self.bytes(bytes);
        Ok(())
    }

    fn signed_terms(
        &mut self,
        terms: &PieceTerms,
        signature: &Signature,
    ) -> Result<(), CodecError> {
        self.u64(terms.deal.0);
        self.u8(terms.slot.0);
        self.bytes(terms.provider.as_bytes());
        self.bytes(terms.content_id.as_bytes());
        self.bytes(terms.comm_p.as_bytes());
        self.u8(b_in_range(terms.b)?);
        self.u64(in_range("byte_len", terms.byte_len, 1, MAX_PIECE_BYTES)?);
        self.u64(terms.expiry_unix);
        self.bytes(signature.as_bytes());
        Ok(())
    }

    fn node_info(&mut self, info: &NodeInfo) -> Result<(), CodecError> {
        self.bytes(info.provider.as_bytes());
        self.bytes(info.operator.as_bytes());
        self.u64(info.chain_id);
        self.bytes(info.deals.as_bytes());
        self.u8(b_in_range(info.b_max)?);
        self.u64(info.free_bytes);
        self.u64(info.now_unix);
        self.text_u8("parameter_set", &info.parameter_set, MAX_SET_NAME_BYTES)?;
        self.text_u8("software", &info.software, MAX_SOFTWARE_BYTES)
    }

    fn finish(mut self) -> Result<Vec<u8>, CodecError> {
        let length = self.0.len().saturating_sub(PREFIX_BYTES);
        let prefix = u16::try_from(length).map_err(|_| CodecError::HeaderTooLong {
            got: length,
            limit: usize::from(u16::MAX),
        })?;
        for (to, from) in self.0.iter_mut().zip(prefix.to_le_bytes()) {
            *to = from;
        }
        Ok(self.0)
    }
}

/// Fields off the front of a payload.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn open(payload: &'a [u8]) -> Result<(u8, Self), CodecError> {
        let mut fields = Self(payload);
        let version = fields.u8("version")?;
        if version != VERSION {
            return Err(CodecError::Version {
                expected: VERSION,
                got: version,
            });
        }
        let kind = fields.u8("kind")?;
        Ok((kind, fields))
    }

    const fn close(&self) -> Result<(), CodecError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(CodecError::Trailing {
                extra: self.0.len(),
            })
        }
    }

    fn slice(&mut self, field: &'static str, needed: usize) -> Result<&'a [u8], CodecError> {
        let left = self.0.len();
        let (taken, rest) = self
            .0
            .split_at_checked(needed)
            .ok_or(CodecError::Truncated {
                field,
                needed,
                left,
            })?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], CodecError> {
        let left = self.0.len();
        let (taken, rest) = self
            .0
            .split_first_chunk::<N>()
            .ok_or(CodecError::Truncated {
                field,
                needed: N,
                left,
            })?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u8(&mut self, field: &'static str) -> Result<u8, CodecError> {
        self.array(field).map(u8::from_le_bytes)
    }

    fn u16(&mut self, field: &'static str) -> Result<u16, CodecError> {
        self.array(field).map(u16::from_le_bytes)
    }

    fn u64(&mut self, field: &'static str) -> Result<u64, CodecError> {
        self.array(field).map(u64::from_le_bytes)
    }

    fn u64_in(&mut self, field: &'static str, min: u64, max: u64) -> Result<u64, CodecError> {
        in_range(field, self.u64(field)?, min, max)
    }

    fn b(&mut self) -> Result<u8, CodecError> {
        b_in_range(self.u8("b")?)
    }

    fn content_id(&mut self) -> Result<ContentId, CodecError> {
        self.array("content_id").map(ContentId::from_bytes)
    }

    fn address(&mut self, field: &'static str) -> Result<Address, CodecError> {
        self.array(field).map(Address)
    }

    fn signature(&mut self) -> Result<Signature, CodecError> {
        self.array("signature").map(Signature)
    }

    fn terms(&mut self) -> Result<PieceTerms, CodecError> {
        Ok(PieceTerms {
            deal: DealId(self.u64("deal")?),
            slot: SlotIndex(self.u8("slot")?),
            provider: self.address("provider")?,
            content_id: self.content_id()?,
            comm_p: Commitment::from_bytes(self.array("comm_p")?)
                .map_err(|_| CodecError::NonCanonical { field: "comm_p" })?,
            b: self.b()?,
            byte_len: self.u64_in("byte_len", 1, MAX_PIECE_BYTES)?,
            expiry_unix: self.u64("expiry_unix")?,
        })
    }

    fn text(
        &mut self,
        field: &'static str,
        length: usize,
        limit: usize,
    ) -> Result<String, CodecError> {
        let bytes = self.slice(field, bounded_len(field, length, limit)?)?;
        let text = core::str::from_utf8(bytes).map_err(|_| CodecError::Text { field })?;
        plain_text(field, text)?;
        Ok(text.to_owned())
    }

    fn text_u8(&mut self, field: &'static str, limit: usize) -> Result<String, CodecError> {
        let length = usize::from(self.u8(field)?);
        self.text(field, length, limit)
    }

    fn node_info(&mut self) -> Result<NodeInfo, CodecError> {
        Ok(NodeInfo {
            provider: self.address("provider")?,
            operator: self.address("operator")?,
            chain_id: self.u64("chain_id")?,
            deals: self.address("deals")?,
            b_max: self.b()?,
            free_bytes: self.u64("free_bytes")?,
            now_unix: self.u64("now_unix")?,
            parameter_set: self.text_u8("parameter_set", MAX_SET_NAME_BYTES)?,
            software: self.text_u8("software", MAX_SOFTWARE_BYTES)?,
        })
    }

    fn opening(&mut self) -> Result<Opening, CodecError> {
        let length = usize::from(self.u16("opening")?);
        let bytes = self.slice(
            "opening",
            bounded_len("opening", length, MAX_OPENING_BYTES)?,
        )?;
        Opening::from_bytes(bytes).map_err(|error| CodecError::Opening {
            reason: error.to_string(),
        })
    }

    fn error(&mut self) -> Result<WireError, CodecError> {
        let byte = self.u8("code")?;
        let code = ErrorCode::from_byte(byte).ok_or(CodecError::Range {
            field: "code",
            got: u64::from(byte),
            min: 1,
            max: 6,
        })?;
        let length = usize::from(self.u16("reason")?);
        let reason = self.text("reason", length, MAX_REASON_BYTES)?;
        Ok(WireError::new(code, reason))
    }
}

fn bounded_len(field: &'static str, length: usize, limit: usize) -> Result<usize, CodecError> {
    if length > limit {
        Err(too_long(field, length, limit))
    } else {
        Ok(length)
    }
}

fn too_long(field: &'static str, length: usize, limit: usize) -> CodecError {
    let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    CodecError::Range {
        field,
        got: wide(length),
        min: 0,
        max: wide(limit),
    }
}

/// Text of a stranger ends up in terminals and logs: no escape sequences, no line breaks.
fn plain_text(field: &'static str, text: &str) -> Result<(), CodecError> {
    if text.chars().any(char::is_control) {
        Err(CodecError::Text { field })
    } else {
        Ok(())
    }
}
