//! Owns names that mean a path.

/// Sixty names that mean a path somewhere.
pub fn path_payloads() -> Vec<String> {
    let ups = [
        "../",
        "..\\",
        "%2e%2e/",
        "%2e%2e%2f",
        "..%2f",
        "..%5c",
        "%252e%252e%252f",
        "..;/",
        "....//",
        "\u{2025}/",
        "..\u{2215}",
        "..\u{ff0f}",
    ];
    let targets = ["etc/passwd", "secret.onnx", "en_US-one-low"];
    let mut payloads: Vec<String> =
        ups.iter().flat_map(|up| targets.map(|target| format!("{}{target}", up.repeat(3)))).collect();
    let others = [
        "",
        ".",
        "..",
        "/",
        "/etc/passwd",
        "//etc/passwd",
        "C:\\windows",
        "\\\\host\\share",
        "a/../../b",
        "a\0b",
        "en_US-one-low\0.onnx",
        "en_US-one-low/../x",
        "en_US-one-low%00",
        "~/x",
        "~root",
        "file:///etc/passwd",
        "http://127.0.0.1/x",
        "en_US-one-low.onnx",
        "-rf",
        "$(id)",
        "`id`",
        "a|b",
        "..\r\n..",
        "...",
    ];
    payloads.extend(others.map(str::to_owned));
    payloads
}
