//! Fields onto the end of a frame and off the front of a payload.

use cairn_merkle::tree::Opening;
use cairn_merkle::{Commitment, ContentId};

use crate::eip712::PieceTerms;
use crate::error::CodecError;
use crate::ids::{Address, DealId, SlotIndex};
use crate::message::{
    MAX_B, MAX_OPENING_BYTES, MAX_PIECE_BYTES, MAX_PIECES, MAX_SEGMENT_BYTES, MAX_SET_NAME_BYTES,
    MAX_SOFTWARE_BYTES, MAX_STRIP_BYTES, NodeInfo, RelaySegment,
};
use crate::refusal::{ErrorCode, MAX_REASON_BYTES, MAX_WAIT_S, WireError};
use crate::secret_key::Signature;

/// The version this side speaks; the ALPN name `cairn/1` says the same.
pub const VERSION: u8 = 1;
/// Bytes of the length prefix.
pub const PREFIX_BYTES: usize = 2;

pub(super) const fn in_range(
    field: &'static str,
    got: u64,
    min: u64,
    max: u64,
) -> Result<u64, CodecError> {
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

pub(super) fn b_in_range(b: u8) -> Result<u8, CodecError> {
    in_range("b", u64::from(b), MIN_B, u64::from(MAX_B)).map(|_| b)
}

/// The smallest piece is one group of fr32: four leaves.
const MIN_B: u64 = 2;

/// The most pieces that can be needed: there is one more at least.
const MAX_K: u16 = MAX_PIECES - 1;

/// Fields onto the end of a frame.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new(kind: u8) -> Self {
        // Room for the prefix, which `finish` fills in.
        Self(vec![0, 0, VERSION, kind])
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    fn u16(&mut self, value: u16) {
        self.bytes(&value.to_le_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn text_u8(
        &mut self,
        field: &'static str,
        text: &str,
        limit: usize,
    ) -> Result<(), CodecError> {
        let length = bounded_len(field, text.len(), limit)?;
        plain_text(field, text)?;
        self.0
            .push(u8::try_from(length).map_err(|_| too_long(field, length, 255))?);
        self.bytes(text.as_bytes());
        Ok(())
    }

    pub(super) fn text_u16(
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

    pub(super) fn signed_terms(
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

    pub(super) fn relay_segment(&mut self, relay: &RelaySegment) -> Result<(), CodecError> {
        check_code(relay.k, relay.n)?;
        self.u64(relay.deal.0);
        self.u8(relay.slot.0);
        self.u16(relay.k);
        self.u16(relay.n);
        self.u8(relay.code_id);
        let (strip, most) = (u64::from(relay.strip_bytes), u64::from(MAX_STRIP_BYTES));
        in_range("strip_bytes", strip, 1, most)?;
        self.u32(relay.strip_bytes);
        let segment_bytes = relay.segment_bytes;
        self.u64(in_range(
            "segment_bytes",
            segment_bytes,
            1,
            MAX_SEGMENT_BYTES,
        )?);
        Ok(())
    }

    pub(super) fn error(&mut self, error: &WireError) -> Result<(), CodecError> {
        self.u8(error.code().to_byte());
        if let Some(wait_s) = error.wait_s() {
            self.u32(wait_s);
        }
        self.text_u16("reason", error.reason().as_bytes(), MAX_REASON_BYTES)
    }

    pub(super) fn node_info(&mut self, info: &NodeInfo) -> Result<(), CodecError> {
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

    pub(super) fn finish(mut self) -> Result<Vec<u8>, CodecError> {
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
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn open(payload: &'a [u8]) -> Result<(u8, Self), CodecError> {
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

    pub(super) const fn close(&self) -> Result<(), CodecError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(CodecError::Trailing {
                extra: self.0.len(),
            })
        }
    }

    pub(super) fn slice(
        &mut self,
        field: &'static str,
        needed: usize,
    ) -> Result<&'a [u8], CodecError> {
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

    pub(super) fn array<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], CodecError> {
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

    pub(super) fn u8(&mut self, field: &'static str) -> Result<u8, CodecError> {
        self.array(field).map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self, field: &'static str) -> Result<u16, CodecError> {
        self.array(field).map(u16::from_le_bytes)
    }

    pub(super) fn u64(&mut self, field: &'static str) -> Result<u64, CodecError> {
        self.array(field).map(u64::from_le_bytes)
    }

    pub(super) fn u64_in(
        &mut self,
        field: &'static str,
        min: u64,
        max: u64,
    ) -> Result<u64, CodecError> {
        in_range(field, self.u64(field)?, min, max)
    }

    pub(super) fn u32_in(
        &mut self,
        field: &'static str,
        min: u32,
        max: u32,
    ) -> Result<u32, CodecError> {
        let got = self.array(field).map(u32::from_le_bytes)?;
        in_range(field, u64::from(got), u64::from(min), u64::from(max)).map(|_| got)
    }

    pub(super) fn b(&mut self) -> Result<u8, CodecError> {
        b_in_range(self.u8("b")?)
    }

    pub(super) fn content_id(&mut self) -> Result<ContentId, CodecError> {
        self.array("content_id").map(ContentId::from_bytes)
    }

    pub(super) fn address(&mut self, field: &'static str) -> Result<Address, CodecError> {
        self.array(field).map(Address)
    }

    pub(super) fn signature(&mut self) -> Result<Signature, CodecError> {
        self.array("signature").map(Signature)
    }

    pub(super) fn terms(&mut self) -> Result<PieceTerms, CodecError> {
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

    pub(super) fn text(
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

    pub(super) fn text_u8(
        &mut self,
        field: &'static str,
        limit: usize,
    ) -> Result<String, CodecError> {
        let length = usize::from(self.u8(field)?);
        self.text(field, length, limit)
    }

    pub(super) fn node_info(&mut self) -> Result<NodeInfo, CodecError> {
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

    pub(super) fn relay_segment(&mut self) -> Result<RelaySegment, CodecError> {
        let relay = RelaySegment {
            deal: DealId(self.u64("deal")?),
            slot: SlotIndex(self.u8("slot")?),
            k: self.u16("k")?,
            n: self.u16("n")?,
            code_id: self.u8("code_id")?,
            strip_bytes: self.u32_in("strip_bytes", 1, MAX_STRIP_BYTES)?,
            segment_bytes: self.u64_in("segment_bytes", 1, MAX_SEGMENT_BYTES)?,
        };
        check_code(relay.k, relay.n)?;
        Ok(relay)
    }

    pub(super) fn opening(&mut self) -> Result<Opening, CodecError> {
        let length = usize::from(self.u16("opening")?);
        let bytes = self.slice(
            "opening",
            bounded_len("opening", length, MAX_OPENING_BYTES)?,
        )?;
        Opening::from_bytes(bytes).map_err(|error| CodecError::Opening {
            reason: error.to_string(),
        })
    }

    pub(super) fn error(&mut self) -> Result<WireError, CodecError> {
        let byte = self.u8("code")?;
        let no_code = CodecError::Range {
            field: "code",
            got: u64::from(byte),
            min: 1,
            max: 7,
        };
        let code = ErrorCode::from_byte(byte).ok_or(no_code)?;
        let wait_s = match code {
            ErrorCode::Later => Some(self.u32_in("wait", 1, MAX_WAIT_S)?),
            _ => None,
        };
        let length = usize::from(self.u16("reason")?);
        let reason = self.text("reason", length, MAX_REASON_BYTES)?;
        Ok(match wait_s {
            Some(wait_s) => WireError::later(wait_s, reason),
            None => WireError::new(code, reason),
        })
    }
}

/// 1 <= k < n <= 256.
fn check_code(k: u16, n: u16) -> Result<(), CodecError> {
    let (k, n) = (u64::from(k), u64::from(n));
    in_range("k", k, 1, u64::from(MAX_K))?;
    in_range("n", n, k.saturating_add(1), u64::from(MAX_PIECES))?;
    Ok(())
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
