//! What the process's allocator is told. All unsafe code of that stands here.

#![allow(unsafe_code)]

/// Gives memory that was freed back to the system. glibc keeps it otherwise, and the resident set would not follow what
/// is loaded.
pub fn release_freed_memory() {
    // SAFETY: always sound; it takes the allocator's own locks.
    unsafe { nix::libc::malloc_trim(0) };
}

/// Has the allocator take large blocks from the system and give them back at once. Left alone, glibc raises its
/// threshold with the first large block that is freed, and then keeps what computations give back in heaps that only
/// grow: 130 MB with one voice become 270. A heap keeps a few free pages at its end: with glibc's own 128 KB it gives
/// back and takes anew what each answer needs, and faulting these pages in is half of what the kernel does for a hit
/// from Redis.
pub fn return_large_blocks() {
    const LARGE_BYTES: nix::libc::c_int = 1 << 20;
    const KEPT_BYTES: nix::libc::c_int = 2 << 20;
    // SAFETY: always sound; a value that it does not take changes nothing.
    unsafe {
        nix::libc::mallopt(nix::libc::M_MMAP_THRESHOLD, LARGE_BYTES);
        nix::libc::mallopt(nix::libc::M_TRIM_THRESHOLD, KEPT_BYTES);
    }
}
