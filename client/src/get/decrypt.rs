//! Ciphertext in order to the wanted plaintext; nothing comes out that does not authenticate.

use std::ops::Range;

use rayon::prelude::*;

use crate::cipher::{CHUNK_BYTES, ObjectCipher, SEALED_CHUNK_LEN, TAG_BYTES, chunks, cipher_len};
use crate::error::CipherError;

const SEALED_CHUNK_BYTES: u64 = CHUNK_BYTES + TAG_BYTES;

/// Takes the ciphertext of whole chunks in any cuts and gives out the bytes of a plaintext range.
#[derive(Debug)]
pub(crate) struct Decryptor {
    cipher: ObjectCipher,
    plain_bytes: u64,
    wanted: Range<u64>,
    /// The chunk that `held` begins with.
    next: u64,
    held: Vec<u8>,
}

impl Decryptor {
    pub(crate) fn new(cipher: ObjectCipher, plain_bytes: u64, wanted: Range<u64>) -> Self {
        let next = wanted.start / CHUNK_BYTES;
        Self {
            cipher,
            plain_bytes,
            wanted,
            next,
            held: Vec::new(),
        }
    }

    /// The ciphertext it needs, from the first byte of the first chunk to the last of the last.
    pub(crate) fn ciphertext(&self) -> Range<u64> {
        let first = (self.wanted.start / CHUNK_BYTES) * SEALED_CHUNK_BYTES;
        let end = self
            .wanted
            .end
            .div_ceil(CHUNK_BYTES)
            .saturating_mul(SEALED_CHUNK_BYTES);
        first..end.min(cipher_len(self.plain_bytes))
    }

    /// Takes the next bytes of that ciphertext; gives the plaintext of the chunks they complete.
    pub(crate) fn push(&mut self, ciphertext: &[u8]) -> Result<Vec<u8>, CipherError> {
        self.held.extend_from_slice(ciphertext);
        let last = chunks(self.plain_bytes) - 1;
        let last_len = usize::try_from(cipher_len(self.plain_bytes) - last * SEALED_CHUNK_BYTES)
            .unwrap_or(usize::MAX);
        let mut sealed: Vec<(u64, Vec<u8>)> = Vec::new();
        let mut taken = 0;
        loop {
            let len = if self.next == last {
                last_len
            } else {
                SEALED_CHUNK_LEN
            };
            let Some(chunk) = self
                .held
                .get(taken..taken + len)
                .filter(|_| self.next <= last)
            else {
                break;
            };
            sealed.push((self.next, chunk.to_vec()));
            taken += len;
            self.next += 1;
        }
        self.held.drain(..taken);
        let cipher = &self.cipher;
        sealed
            .par_iter_mut()
            .try_for_each(|(index, chunk)| cipher.open(*index, *index == last, chunk))?;
        Ok(sealed
            .iter()
            .flat_map(|(index, chunk)| self.wanted_part(*index, chunk))
            .copied()
            .collect())
    }

    fn wanted_part<'c>(&self, index: u64, chunk: &'c [u8]) -> &'c [u8] {
        let begin = index * CHUNK_BYTES;
        let at = |offset: u64| {
            usize::try_from(offset.saturating_sub(begin))
                .unwrap_or(usize::MAX)
                .min(chunk.len())
        };
        &chunk[at(self.wanted.start)..at(self.wanted.end)]
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "lengths of a few hundred kilobytes"
)]
mod tests {
    use super::*;
    use crate::cipher::ObjectKey;
    use crate::entropy::Entropy;

    fn sealed(key: &ObjectKey, plain: &[u8]) -> Vec<u8> {
        let cipher = ObjectCipher::new(key);
        let last = chunks(plain.len() as u64) - 1;
        let mut all = Vec::new();
        for index in 0..=last {
            let from = index as usize * 65_536;
            let mut chunk = plain[from..plain.len().min(from + 65_536)].to_vec();
            cipher.seal(index, index == last, &mut chunk).unwrap();
            all.extend(chunk);
        }
        all
    }

    #[test]
    fn any_range_in_any_cuts_gives_exactly_its_bytes() {
        let plain: Vec<u8> = (0..200_000_u32).map(|i| ((i * 7) >> 3) as u8).collect();
        let key = ObjectKey::random(&Entropy::system());
        let ciphertext = sealed(&key, &plain);
        let edges = [0, 1, 65_535, 65_536, 65_537, 131_072, 199_999, 200_000];
        for start in edges {
            for end in edges.into_iter().filter(|end| *end > start) {
                for cut in [1_000, 65_552, 1 << 20] {
                    let mut decryptor =
                        Decryptor::new(ObjectCipher::new(&key), 200_000, start..end);
                    let span = decryptor.ciphertext();
                    let part = &ciphertext[span.start as usize..span.end as usize];
                    let opened: Vec<u8> = part
                        .chunks(cut)
                        .flat_map(|bytes| decryptor.push(bytes).unwrap())
                        .collect();
                    assert_eq!(
                        opened,
                        plain[start as usize..end as usize],
                        "{start}..{end} in {cut}"
                    );
                }
            }
        }
    }

    #[test]
    fn nothing_of_a_changed_chunk_comes_out() {
        let plain = vec![5; 100_000];
        let key = ObjectKey::random(&Entropy::system());
        let mut ciphertext = sealed(&key, &plain);
        ciphertext[70_000] ^= 1;
        let mut decryptor = Decryptor::new(ObjectCipher::new(&key), 100_000, 0..100_000);
        let first = decryptor.push(&ciphertext[..65_552]).unwrap();
        assert_eq!(first.len(), 65_536, "the first chunk is as it was");
        assert_eq!(
            decryptor.push(&ciphertext[65_552..]),
            Err(CipherError::NotAuthentic { chunk: 1 })
        );
    }

    #[test]
    fn an_object_cut_at_a_chunk_boundary_does_not_pass_for_a_shorter_one() {
        let key = ObjectKey::random(&Entropy::system());
        let ciphertext = sealed(&key, &vec![5; 131_072]);
        let mut decryptor = Decryptor::new(ObjectCipher::new(&key), 65_536, 0..65_536);
        assert_eq!(
            decryptor.push(&ciphertext[..65_552]),
            Err(CipherError::NotAuthentic { chunk: 0 })
        );
    }
}
