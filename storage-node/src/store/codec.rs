//! Fixed-width little-endian fields, written and read in one order; a read past the end or a byte left over is an error.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable
)]

use crate::error::StoreError;

/// Builds the value of one record.
#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    /// A record that begins with the version of its layout.
    pub(crate) fn versioned(version: u8) -> Self {
        let mut writer = Self::default();
        writer.u8(version);
        writer
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.0.extend_from_slice(value);
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Takes the fields of one record off its front.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// `what` names the record in errors.
    pub(crate) fn new(what: &'static str, bytes: &'a [u8]) -> Self {
        Self { what, rest: bytes }
    }

    /// The error that says this record does not decode.
    pub(crate) fn bad(&self, field: &'static str) -> StoreError {
        StoreError::BadRecord {
            what: self.what,
            field,
        }
    }

    /// Takes the version byte and demands the one version there is.
    pub(crate) fn version(&mut self, expected: u8) -> Result<(), StoreError> {
        if self.u8("version")? == expected {
            Ok(())
        } else {
            Err(self.bad("version"))
        }
    }

    /// Takes the version byte and demands one of a span of versions.
    pub(crate) fn version_in(&mut self, oldest: u8, newest: u8) -> Result<u8, StoreError> {
        let version = self.u8("version")?;
        if (oldest..=newest).contains(&version) {
            Ok(version)
        } else {
            Err(self.bad("version"))
        }
    }

    pub(crate) fn array<const N: usize>(
        &mut self,
        field: &'static str,
    ) -> Result<[u8; N], StoreError> {
        let Some((head, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.bad(field));
        };
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn slice(
        &mut self,
        field: &'static str,
        length: u32,
    ) -> Result<&'a [u8], StoreError> {
        let length = usize::try_from(length).map_err(|_| self.bad(field))?;
        let Some((head, rest)) = self.rest.split_at_checked(length) else {
            return Err(self.bad(field));
        };
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn u8(&mut self, field: &'static str) -> Result<u8, StoreError> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self, field: &'static str) -> Result<u32, StoreError> {
        self.array(field).map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self, field: &'static str) -> Result<u64, StoreError> {
        self.array(field).map(u64::from_le_bytes)
    }

    /// Demands that nothing is left.
    pub(crate) fn end(self) -> Result<(), StoreError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.bad("length"))
        }
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let mut writer = Writer::versioned(3);
        writer.u32(0x0403_0201);
        writer.u64(9);
        writer.bytes(&[7; 3]);
        let bytes = writer.finish();
        assert_eq!(bytes[..5], [3, 1, 2, 3, 4], "little-endian, in order");
        let mut reader = Reader::new("test", &bytes);
        reader.version(3).unwrap();
        assert_eq!(reader.u32("a").unwrap(), 0x0403_0201, "u32");
        assert_eq!(reader.u64("b").unwrap(), 9, "u64");
        assert_eq!(reader.array::<3>("c").unwrap(), [7; 3], "array");
        reader.end().unwrap();
    }

    #[test]
    fn a_record_too_short_too_long_or_of_another_version_is_refused_by_name() {
        let bytes = [1, 2, 3];
        let mut short = Reader::new("slot", &bytes);
        assert!(
            matches!(
                short.u32("deal"),
                Err(StoreError::BadRecord {
                    what: "slot",
                    field: "deal"
                })
            ),
            "three bytes are no u32"
        );
        let long = Reader::new("slot", &bytes);
        assert!(
            matches!(
                long.end(),
                Err(StoreError::BadRecord {
                    field: "length",
                    ..
                })
            ),
            "bytes left over"
        );
        let mut other = Reader::new("slot", &bytes);
        assert!(
            matches!(
                other.version(2),
                Err(StoreError::BadRecord {
                    field: "version",
                    ..
                })
            ),
            "another version"
        );
    }
}
