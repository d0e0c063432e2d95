//! What opening a network leaves behind.

/// Gives the memory that opening took, and that nobody uses any more, back to the system. The C library keeps it: opening
/// Inception-ResNet-v2 leaves as much behind as its weights take.
pub(super) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "the C library has no other interface for it")]
    // SAFETY: the function takes no pointer, and any thread may call it at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}
