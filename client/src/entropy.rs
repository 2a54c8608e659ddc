//! Where random bytes come from: object keys, temporary names, the choice among equal providers.

use std::fmt;
use std::sync::Arc;

use rand::RngCore as _;

/// A source of random bytes, passed in so that tests can repeat themselves.
#[derive(Clone)]
pub struct Entropy(Arc<Fill>);

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

impl Entropy {
    /// A source of one's own; object keys are only as secret as it is.
    pub fn new(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// The process's cryptographic generator, seeded by the operating system.
    #[must_use]
    pub fn system() -> Self {
        Self::new(|bytes| rand::rng().fill_bytes(bytes))
    }

    /// Fills `bytes`.
    pub fn fill(&self, bytes: &mut [u8]) {
        (self.0)(bytes);
    }

    /// A number below `bound` (0 for 0). The bias is below `bound / 2^64`.
    pub(crate) fn below(&self, bound: usize) -> usize {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        let wide = u128::from(u64::from_le_bytes(bytes)) * (bound as u128);
        usize::try_from(wide >> 64).unwrap_or(0)
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}
