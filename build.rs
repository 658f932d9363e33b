//! The espeak-ng library of the piper-tts wheel is a CPython extension: loading it needs four data symbols of the
//! interpreter, which it never reads on the paths that this program calls. The binary exports stand-ins for them (see
//! `crates/piper-phonemize/src/espeak/ffi.rs`).

fn main() {
    for symbol in ["PyExc_RuntimeError", "_Py_FalseStruct", "_Py_NoneStruct", "_Py_TrueStruct"] {
        println!("cargo:rustc-link-arg-bins=-Wl,--export-dynamic-symbol={symbol}");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
