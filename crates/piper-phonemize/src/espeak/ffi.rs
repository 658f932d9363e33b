//! Owns every unsafe call of the phonemizer: loading espeak-ng, calling it, and forking. Used in child processes alone,
//! on their one thread.

#![allow(unsafe_code)]

use std::error::Error as _;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::Path;

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LAZY, RTLD_LOCAL, RTLD_NOW, Symbol};
use nix::sys::signal::{SigHandler, Signal, signal};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use super::Clause;

/// Stand-ins for the data symbols of the CPython interpreter that the library of the piper-tts wheel refers to. They
/// are never read: the paths that use them belong to the Python module, which is not called. `build.rs` has the binary
/// export them.
mod interpreter {
    #[unsafe(no_mangle)]
    #[used]
    pub static PyExc_RuntimeError: usize = 0;
    #[unsafe(no_mangle)]
    #[used]
    pub static _Py_FalseStruct: usize = 0;
    #[unsafe(no_mangle)]
    #[used]
    pub static _Py_NoneStruct: usize = 0;
    #[unsafe(no_mangle)]
    #[used]
    pub static _Py_TrueStruct: usize = 0;
}

// Constants of espeak-ng's `speak_lib.h`.
const AUDIO_OUTPUT_SYNCHRONOUS: c_int = 2;
const INITIALIZE_DONT_EXIT: c_int = 0x8000;
const CHARS_UTF8: c_int = 1;
const PHONEMES_IPA: c_int = 2;

type Initialize = unsafe extern "C" fn(c_int, c_int, *const c_char, c_int) -> c_int;
type SetVoiceByName = unsafe extern "C" fn(*const c_char) -> c_int;
type TextToPhonemesWithTerminator = unsafe extern "C" fn(*mut *const c_void, c_int, c_int, *mut c_int) -> *const c_char;

/// An initialised espeak-ng.
pub struct Espeak {
    set_voice_by_name: Symbol<SetVoiceByName>,
    text_to_phonemes: Symbol<TextToPhonemesWithTerminator>,
    _library: Library,
}

/// How a fork ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForkEnd {
    /// With this code.
    Exited(i32),
    /// By a signal.
    Killed,
}

impl Espeak {
    /// Loads the library at `library` and initialises it with the data folder at `data`.
    pub fn load(library: &Path, data: &Path) -> Result<Self, String> {
        let data_path = CString::new(data.as_os_str().as_encoded_bytes())
            .map_err(|_| "the data folder's path contains NUL".to_owned())?;
        std::hint::black_box([
            &interpreter::PyExc_RuntimeError,
            &interpreter::_Py_FalseStruct,
            &interpreter::_Py_NoneStruct,
            &interpreter::_Py_TrueStruct,
        ]);

        // SAFETY: running the initialisers of libm and of the library that the operator configured is what loading them
        // means. libm comes first because the wheel's library uses it without naming it as a dependency; it stays
        // loaded.
        let library = unsafe {
            let libm = Library::open(Some("libm.so.6"), RTLD_NOW | RTLD_GLOBAL).map_err(|error| reason(&error))?;
            std::mem::forget(libm);
            Library::open(Some(library), RTLD_LAZY | RTLD_LOCAL).map_err(|error| reason(&error))?
        };

        // SAFETY: the types are those of espeak-ng's public header.
        let (initialize, set_voice_by_name, text_to_phonemes) = unsafe {
            (
                symbol::<Initialize>(&library, c"espeak_Initialize")?,
                symbol::<SetVoiceByName>(&library, c"espeak_SetVoiceByName")?,
                symbol::<TextToPhonemesWithTerminator>(&library, c"espeak_TextToPhonemesWithTerminator")?,
            )
        };

        // SAFETY: called once, before any other call, with a NUL-terminated path that outlives the call.
        let sample_rate = unsafe { initialize(AUDIO_OUTPUT_SYNCHRONOUS, 0, data_path.as_ptr(), INITIALIZE_DONT_EXIT) };
        if sample_rate <= 0 {
            return Err("espeak-ng could not read its data folder".to_owned());
        }
        Ok(Self { set_voice_by_name, text_to_phonemes, _library: library })
    }

    /// Selects the voice that phonemizes, such as `en-us`. False if there is none of that name.
    pub fn set_voice(&self, language: &CStr) -> bool {
        // SAFETY: the library is initialised, and the name is NUL-terminated and outlives the call.
        unsafe { (self.set_voice_by_name)(language.as_ptr()) == 0 }
    }

    /// Hands each clause of `text` to `take`, in order.
    pub fn clauses(&self, text: &CStr, mut take: impl FnMut(Clause)) {
        let mut rest: *const c_void = text.as_ptr().cast();
        while !rest.is_null() {
            let mut terminator: c_int = 0;
            // SAFETY: the library is initialised and has a voice; `rest` points into `text`, which is NUL-terminated;
            // the library advances it by the text it has read and sets it to null at the end. The result lives until
            // the next call.
            let phonemes = unsafe {
                let result = (self.text_to_phonemes)(&raw mut rest, CHARS_UTF8, PHONEMES_IPA, &raw mut terminator);
                if result.is_null() { String::new() } else { CStr::from_ptr(result).to_string_lossy().into_owned() }
            };
            let end = if rest.is_null() { text.count_bytes() } else { rest.addr() - text.as_ptr().addr() };
            take(Clause { phonemes, terminator: terminator as u32, end: end as u32 });
        }
    }
}

/// Runs `work` in a fork of this process, which it ends with the code that it returns, and waits for that.
pub fn in_fork(work: impl FnOnce() -> i32) -> nix::Result<ForkEnd> {
    let child = fork_with(work)?;
    loop {
        match waitpid(child, None) {
            Ok(WaitStatus::Exited(_, code)) => return Ok(ForkEnd::Exited(code)),
            Ok(_) => return Ok(ForkEnd::Killed),
            Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Runs `work` in a fork of this process, which ends after it.
pub fn fork_to(work: impl FnOnce()) -> nix::Result<Pid> {
    fork_with(|| {
        work();
        0
    })
}

fn fork_with(work: impl FnOnce() -> i32) -> nix::Result<Pid> {
    // SAFETY: the process has one thread, so that no lock can be held by another one in the fork.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            let code = work();
            // SAFETY: always sound. Exit handlers are left out on purpose: they belong to the parent.
            unsafe { nix::libc::_exit(code) }
        }
    }
}

/// Has the process ignore `signals`, also in its forks.
pub fn ignore(signals: &[Signal]) {
    for &each in signals {
        // SAFETY: ignoring a signal installs no handler code.
        let _ = unsafe { signal(each, SigHandler::SigIgn) };
    }
}

/// What the dynamic linker says, which names the file; the error itself says no more than that loading failed.
fn reason(error: &libloading::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

/// # Safety
/// `T` must be the type of the named function.
unsafe fn symbol<T>(library: &Library, name: &CStr) -> Result<Symbol<T>, String> {
    // SAFETY: the caller vouches for the type.
    unsafe { library.get(name.to_bytes_with_nul()) }
        .map_err(|_| format!("the library lacks {}", name.to_string_lossy()))
}
