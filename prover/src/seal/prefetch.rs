//! Asking the processor for a label before it is needed.

use super::layer::LabelBytes;

/// Starts fetching a label and waits for nothing.
///
/// Reading the label instead would do too, but a read that misses every cache holds up all that comes after it
/// (`docs/bench/sealing.md`).
#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "the intrinsic takes a pointer; there is no safe form of it in the standard library"
)]
pub(super) fn prefetch(label: &LabelBytes) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a hint that reads nothing a program can see and never faults; every x86_64 has it.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(label.as_ptr().cast()) }
}

/// Reads a byte of the label: brings it into the cache all the same.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn prefetch(label: &LabelBytes) {
    std::hint::black_box(label[0]);
}
