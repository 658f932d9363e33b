//! Owns models that are mapped into memory, and sessions that compute from the mapping. The weights are the file's own pages: any number
//! of sessions, and of processes, share them. All unsafe code of mapping stands here.

#![allow(unsafe_code)]

use std::fs::File;
use std::sync::Arc;

use memmap2::Mmap;
use ort::session::{InMemorySession, RunOptions, SessionInputs, SessionOutputs};

use super::runtime::OnnxRuntime;

/// A model in ONNX Runtime's own format, mapped.
#[derive(Clone)]
pub struct MappedModel {
    map: Arc<Mmap>,
}

/// A session over a mapped model, which it keeps mapped.
pub struct MappedSession {
    // Declared, and so dropped, before the mapping that it reads.
    session: InMemorySession<'static>,
    _map: Arc<Mmap>,
}

// === impl MappedModel ===

impl MappedModel {
    pub fn map(file: &File) -> std::io::Result<Self> {
        // SAFETY: the file is written once, under another name, and never changed under this one; it is replaced by renaming alone. Should
        // somebody truncate it all the same, the process gets SIGBUS rather than wrong data.
        let map = unsafe { Mmap::map(file) }?;
        Ok(Self { map: Arc::new(map) })
    }

    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    pub fn session(&self, runtime: &OnnxRuntime) -> Result<MappedSession, ort::Error> {
        let bytes: &[u8] = &self.map;
        // SAFETY: the bytes stay where they are as long as the mapping lives, and the session is kept beside the mapping, before which it is
        // dropped; nothing hands the longer lifetime out.
        let bytes: &'static [u8] = unsafe { &*std::ptr::from_ref(bytes) };
        Ok(MappedSession { session: runtime.builder()?.commit_from_memory_directly(bytes)?, _map: self.map.clone() })
    }
}

impl AsRef<[u8]> for MappedModel {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

// === impl MappedSession ===

impl MappedSession {
    pub fn has_input(&self, name: &str) -> bool {
        self.session.inputs().iter().any(|input| input.name() == name)
    }

    pub fn run<'s>(
        &'s mut self,
        inputs: SessionInputs<'_, '_, 0>,
        options: &'s RunOptions,
    ) -> Result<SessionOutputs<'s>, ort::Error> {
        self.session.run_with_options(inputs, options)
    }
}

/// Gives memory that was freed back to the system. glibc keeps it otherwise, and the resident set would not follow what is loaded.
pub fn release_freed_memory() {
    // SAFETY: always sound; it takes the allocator's own locks.
    unsafe { nix::libc::malloc_trim(0) };
}

/// Has the allocator take large blocks from the system and give them back at once. Left alone, glibc raises its threshold with the first
/// large block that is freed, and then keeps what computations give back in heaps that only grow: 130 MB with one voice become 270.
pub fn return_large_blocks() {
    const LARGE_BYTES: nix::libc::c_int = 1 << 20;
    // SAFETY: always sound; a value that it does not take changes nothing.
    unsafe { nix::libc::mallopt(nix::libc::M_MMAP_THRESHOLD, LARGE_BYTES) };
}
