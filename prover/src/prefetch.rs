//! Asking the processor for memory before it is needed.

/// Bytes of a cache line.
const LINE: usize = 64;

/// Starts fetching a value and waits for nothing.
///
/// Reading it instead would do too, but a read that misses every cache holds up all that comes after it
/// (`docs/bench/sealing.md`).
#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "the intrinsic takes a pointer; there is no safe form of it in the standard library"
)]
pub(crate) fn prefetch<T: ?Sized>(value: &T) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    let start = std::ptr::from_ref(value).cast::<i8>();
    let mut offset = 0;
    while offset < size_of_val(value) {
        // SAFETY: a hint that reads nothing a program can see and never faults; every x86_64 has it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(offset)) }
        offset += LINE;
    }
}

/// Nothing: other processors guess.
#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn prefetch<T: ?Sized>(_value: &T) {}
