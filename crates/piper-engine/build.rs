//! Examples and tests load espeak-ng themselves: see the `build.rs` of the service, which says why it needs these
//! symbols.

fn main() {
    for symbol in ["PyExc_RuntimeError", "_Py_FalseStruct", "_Py_NoneStruct", "_Py_TrueStruct"] {
        for kind in ["examples", "tests"] {
            println!("cargo:rustc-link-arg-{kind}=-Wl,--export-dynamic-symbol={symbol}");
        }
    }
    println!("cargo:rerun-if-changed=build.rs");
}
