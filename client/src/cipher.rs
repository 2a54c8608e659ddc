//! An object's encryption: AES-256-GCM in the STREAM construction, 64 KiB of plaintext a chunk.
//!
//! ```text
//! nonce of chunk i = prefix (7 random bytes) | i as u32 big-endian | 1 for the last chunk, 0 for the others
//! ciphertext       = chunk 0 | tag | chunk 1 | tag | ... ; an empty object is one empty chunk, 16 bytes of tag
//! ```
//!
//! Source: Hoang, Reyhanitabar, Rogaway, Vizar, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance"
//! (2015), as the crate `aead-stream` has it (`StreamBE32`). The key is random for each object and never used again, so
//! the prefix only adds margin. A chunk that was moved, dropped, repeated or cut off does not authenticate: its number
//! and whether it is the last are in its nonce. Any chunk can be opened alone.

use std::fmt;

use aead_stream::{NewStream as _, StreamBE32, StreamPrimitive as _};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use zeroize::Zeroize as _;

use crate::entropy::Entropy;
use crate::error::CipherError;

/// Plaintext bytes of a chunk.
pub const CHUNK_BYTES: u64 = 64 * 1024;
/// What encryption adds to each chunk.
pub const TAG_BYTES: u64 = 16;
/// [`CHUNK_BYTES`] as a length in memory.
pub(crate) const CHUNK_LEN: usize = 64 * 1024;
/// A sealed full chunk, in memory.
pub(crate) const SEALED_CHUNK_LEN: usize = CHUNK_LEN + 16;

/// Chunks of an object: at least one.
pub(crate) const fn chunks(plain_bytes: u64) -> u64 {
    if plain_bytes == 0 {
        1
    } else {
        plain_bytes.div_ceil(CHUNK_BYTES)
    }
}

/// Bytes of the ciphertext of `plain_bytes` bytes.
#[must_use]
pub const fn cipher_len(plain_bytes: u64) -> u64 {
    plain_bytes.saturating_add(chunks(plain_bytes).saturating_mul(TAG_BYTES))
}

/// The secret of one object. Shown nowhere; wiped from memory when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct ObjectKey {
    key: [u8; 32],
    prefix: [u8; 7],
}

impl ObjectKey {
    /// A new random key with a random nonce prefix.
    #[must_use]
    pub fn random(entropy: &Entropy) -> Self {
        let (mut key, mut prefix) = ([0; 32], [0; 7]);
        entropy.fill(&mut key);
        entropy.fill(&mut prefix);
        Self { key, prefix }
    }

    /// The two parts as the catalog keeps them, in hexadecimal.
    pub(crate) fn to_hex(&self) -> (String, String) {
        (hex::encode(self.key), hex::encode(self.prefix))
    }

    pub(crate) fn from_hex(key: &str, prefix: &str) -> Option<Self> {
        let mut parts = Self {
            key: [0; 32],
            prefix: [0; 7],
        };
        hex::decode_to_slice(key, &mut parts.key).ok()?;
        hex::decode_to_slice(prefix, &mut parts.prefix).ok()?;
        Some(parts)
    }
}

impl Drop for ObjectKey {
    fn drop(&mut self) {
        self.key.zeroize();
        self.prefix.zeroize();
    }
}

impl fmt::Debug for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObjectKey(..)")
    }
}

/// Seals and opens the chunks of one object.
pub struct ObjectCipher {
    stream: StreamBE32<Aes256Gcm>,
}

impl ObjectCipher {
    /// The cipher of an object.
    #[must_use]
    pub fn new(key: &ObjectKey) -> Self {
        let aead = Aes256Gcm::new(&key.key.into());
        Self {
            stream: StreamBE32::from_aead(aead, &key.prefix.into()),
        }
    }

    /// Encrypts chunk `index` in place and appends its tag.
    ///
    /// # Errors
    /// [`CipherError::TooLong`] beyond the counter's 2^32 - 1 chunks (256 TiB).
    pub fn seal(&self, index: u64, last: bool, chunk: &mut Vec<u8>) -> Result<(), CipherError> {
        let position = position(index)?;
        self.stream
            .encrypt_in_place(position, last, &[], chunk)
            .map_err(|_| CipherError::TooLong)
    }

    /// Checks and decrypts chunk `index` in place and removes its tag.
    ///
    /// # Errors
    /// [`CipherError::NotAuthentic`] unless it is exactly that chunk of this object.
    pub fn open(&self, index: u64, last: bool, chunk: &mut Vec<u8>) -> Result<(), CipherError> {
        let position = position(index)?;
        let opened = self.stream.decrypt_in_place(position, last, &[], chunk);
        opened.map_err(|_| CipherError::NotAuthentic { chunk: index })
    }
}

impl fmt::Debug for ObjectCipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObjectCipher(..)")
    }
}

fn position(index: u64) -> Result<u32, CipherError> {
    u32::try_from(index)
        .ok()
        .filter(|position| *position < u32::MAX)
        .ok_or(CipherError::TooLong)
}

#[cfg(test)]
mod tests {
    use aes_gcm::aead::AeadInOut as _;

    use super::*;

    fn key() -> ObjectKey {
        ObjectKey {
            key: [7; 32],
            prefix: [1, 2, 3, 4, 5, 6, 7],
        }
    }

    #[test]
    fn the_nonce_is_prefix_counter_big_endian_and_last_byte() {
        let cipher = ObjectCipher::new(&key());
        let plain = Aes256Gcm::new(&[7; 32].into());
        for (index, last, tail) in [
            (0, false, [0, 0, 0, 0, 0]),
            (0x0102_0304, true, [1, 2, 3, 4, 1]),
        ] {
            let mut sealed = b"chunk".to_vec();
            cipher.seal(index, last, &mut sealed).unwrap();
            let mut nonce = [1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0, 0];
            nonce[7..].copy_from_slice(&tail);
            let mut expected = b"chunk".to_vec();
            plain
                .encrypt_in_place(&nonce.into(), &[], &mut expected)
                .unwrap();
            assert_eq!(sealed, expected, "chunk {index}");
        }
    }

    #[test]
    fn a_chunk_opens_only_at_its_own_place_in_its_own_object() {
        let cipher = ObjectCipher::new(&key());
        let mut sealed = vec![9; 1000];
        cipher.seal(3, false, &mut sealed).unwrap();
        let opens = |cipher: &ObjectCipher, index, last, bytes: &[u8]| {
            let mut chunk = bytes.to_vec();
            cipher.open(index, last, &mut chunk).map(|()| chunk)
        };
        assert_eq!(opens(&cipher, 3, false, &sealed).unwrap(), vec![9; 1000]);
        let refused = |index| Err(CipherError::NotAuthentic { chunk: index });
        assert_eq!(opens(&cipher, 4, false, &sealed), refused(4), "moved");
        assert_eq!(
            opens(&cipher, 3, true, &sealed),
            refused(3),
            "cut off after it"
        );
        assert_eq!(
            opens(&cipher, 3, false, &sealed[..999]),
            refused(3),
            "shortened"
        );
        let other = ObjectCipher::new(&ObjectKey {
            key: [8; 32],
            prefix: [1, 2, 3, 4, 5, 6, 7],
        });
        assert_eq!(
            opens(&other, 3, false, &sealed),
            refused(3),
            "another object"
        );
        for at in [0, 500, 1015] {
            let mut flipped = sealed.clone();
            flipped[at] ^= 1;
            assert_eq!(
                opens(&cipher, 3, false, &flipped),
                refused(3),
                "bit of byte {at}"
            );
        }
    }

    #[test]
    fn lengths_count_a_tag_for_each_chunk_and_one_for_nothing() {
        for (plain, sealed) in [
            (0, 16),
            (1, 17),
            (65_535, 65_551),
            (65_536, 65_552),
            (65_537, 65_569),
            (131_072, 131_104),
        ] {
            assert_eq!(cipher_len(plain), sealed, "{plain} bytes");
        }
    }

    #[test]
    fn the_counter_never_wraps() {
        let cipher = ObjectCipher::new(&key());
        assert_eq!(
            cipher.seal(u64::from(u32::MAX), true, &mut vec![]),
            Err(CipherError::TooLong)
        );
        assert_eq!(
            cipher.seal(1 << 32, false, &mut vec![]),
            Err(CipherError::TooLong)
        );
        assert!(
            cipher
                .seal(u64::from(u32::MAX) - 1, true, &mut vec![])
                .is_ok()
        );
    }

    #[test]
    fn keys_are_not_shown() {
        let shown = format!("{:?} {:?}", key(), ObjectCipher::new(&key()));
        assert_eq!(shown, "ObjectKey(..) ObjectCipher(..)");
    }
}
