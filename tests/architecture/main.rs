//! The rules of the source tree, read off the sources: which module may import which, and which of the workspace's
//! crates, what only one of them may mention, and the shape of a file. A rule that has to give way is changed here,
//! where the change is seen.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used, clippy::panic)]

mod circles;

use std::collections::BTreeMap;
use std::path::Path;

/// Importable by any module but `domain`. They import nothing of the crate but each other.
const LEAVES: [&str; 5] = ["config", "telemetry", "resilience", "audio", "files"];

/// The workspace's other crates. They know nothing of the service.
const CRATES: [&str; 4] = ["piper-acoustic", "piper-engine", "piper-phonemize", "text-normalization"];

/// What the service may name of them beside what stands at their roots, which is what they are for.
const PUBLIC_MODULES: [&str; 1] = ["files"];

/// What each module or crate may import beside itself and the leaves: what stands below it in `main -> app -> {http,
/// wyoming, cli} -> {batch, live} -> speech -> {text, cache, pool} -> voices -> {domain, piper-phonemize} ->
/// {piper-acoustic, text-normalization}`. Two rows go against that line: the commands of `cli` put the service together
/// as `main` would, and the cache refuses to know how speech is made.
const MAY_IMPORT: [(&str, &[&str]); 24] = [
    ("main", &["app", "cli"]),
    (
        "app",
        &[
            "http",
            "wyoming",
            "cli",
            "batch",
            "links",
            "live",
            "usage",
            "speech",
            "text",
            "cache",
            "pool",
            "voices",
            "domain",
            "piper-phonemize",
            "piper-acoustic",
        ],
    ),
    (
        "http",
        &[
            "batch",
            "links",
            "live",
            "usage",
            "speech",
            "text",
            "cache",
            "pool",
            "voices",
            "domain",
            "piper-phonemize",
            "piper-acoustic",
        ],
    ),
    (
        "cli",
        &[
            "app",
            "batch",
            "links",
            "usage",
            "speech",
            "text",
            "cache",
            "pool",
            "voices",
            "domain",
            "piper-phonemize",
            "piper-acoustic",
        ],
    ),
    ("wyoming", &["live", "usage", "speech", "text", "voices", "domain"]),
    ("batch", &["cache", "domain"]),
    ("live", &["speech", "domain"]),
    ("usage", &["cache"]),
    ("links", &[]),
    ("text", &["domain", "text-normalization"]),
    ("speech", &["text", "cache", "pool", "voices", "domain", "piper-phonemize", "piper-acoustic"]),
    ("cache", &["domain"]),
    ("pool", &["voices", "domain", "piper-acoustic"]),
    ("voices", &["domain", "piper-acoustic"]),
    ("piper-engine", &["piper-phonemize", "piper-acoustic"]),
    ("piper-phonemize", &["piper-acoustic"]),
    ("piper-acoustic", &[]),
    ("text-normalization", &[]),
    ("domain", &["text-normalization"]),
    ("config", &[]),
    ("telemetry", &[]),
    ("resilience", &[]),
    ("audio", &[]),
    ("files", &["piper-acoustic"]),
];

/// What is mentioned only below these paths.
const ONLY_IN: [(&str, &[&str]); 28] = [
    // Deadlines, breakers and quotas count by a clock that nobody sets. These are ages of what is kept, times for the
    // log and for others.
    (
        "SystemTime",
        &[
            "telemetry/logs.rs",
            "cache/l1.rs",
            "cache/answer.rs",
            "cache/envelope.rs",
            "piper-acoustic/leftovers.rs",
            "voices/leftovers.rs",
            "speech/sources.rs",
            "speech/assembly.rs",
            "batch/model.rs",
            "links.rs",
        ],
    ),
    ("UNIX_EPOCH", &["cache/envelope.rs", "batch/model.rs", "links.rs"]),
    ("quick_xml", &["text/"]),
    ("opentelemetry", &["telemetry/"]),
    ("prometheus::", &["telemetry/live.rs", "telemetry/metrics.rs", "telemetry/registration.rs"]),
    ("ort::", &["piper-acoustic/", "piper-phonemize/tashkeel.rs", "piper-phonemize/hebrew/nakdimon.rs"]),
    ("libloading", &["piper-phonemize/espeak/ffi.rs"]),
    ("redis::", &["cache/", "batch/", "usage/"]),
    ("object_store", &["batch/store.rs"]),
    ("moka", &["cache/l1.rs", "resilience/failed_auth.rs"]),
    ("ebur128", &["audio/loudness.rs"]),
    ("flacenc", &["audio/flac_stream.rs"]),
    ("actix_multipart", &["http/voice_files.rs"]),
    ("bitpacking", &["audio/packed.rs"]),
    ("xxhash_rust", &["cache/envelope.rs", "batch/model.rs"]),
    ("opus_pure", &["audio/opus.rs"]),
    ("rusty_mp3", &["audio/mp3.rs"]),
    ("syom", &["audio/aac.rs"]),
    ("mdns_sd", &["wyoming/announcement.rs"]),
    ("tokio_util", &["wyoming/"]),
    // `app` holds the server, whose type is actix-web's.
    ("actix_web", &["http/", "app.rs"]),
    (
        "unsafe",
        &["main.rs", "piper-acoustic/kernels/simd/x86.rs", "piper-acoustic/memory.rs", "piper-phonemize/espeak/ffi.rs"],
    ),
    // The cryptography of TLS, for every client in the process.
    ("install_default", &["main.rs"]),
    ("println!", &["cli/"]),
    ("eprintln!", &["cli/"]),
    ("print!", &["cli/"]),
    ("eprint!", &["cli/"]),
    ("dbg!", &[]),
];

const MAX_LINES: usize = 400;

/// Files that may be longer, and why.
const LONG_FILES: [(&str, &str); 0] = [];

/// A file by its path below `src/`, with `/`; that of a crate begins with the crate's name.
struct Source {
    path: String,
    text: String,
}

// === the sources ===

/// Those of the service and of the other crates.
fn all_sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = sources(&root.join("src"));
    for name in CRATES {
        let of_crate = sources(&root.join("crates").join(name).join("src")).into_iter();
        all.extend(of_crate.map(|source| Source { path: format!("{name}/{}", source.path), ..source }));
    }
    all
}

fn sources(folder: &Path) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(current) = folders.pop() {
        for entry in std::fs::read_dir(current).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let below = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                sources.push(Source { path: below, text: std::fs::read_to_string(&path).unwrap() });
            }
        }
    }
    sources
}

/// The text without comments and without what stands between quotes.
fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(end) = raw_string(rest) {
            end
        } else if c == '"' {
            quoted(rest)
        } else if c == '\'' {
            char_literal(rest)
        } else {
            0
        };
        if skipped == 0 {
            code.push(c);
        }
        rest = &rest[if skipped == 0 { c.len_utf8() } else { skipped }..];
    }
    code
}

/// Bytes of the string that `text` begins with.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Bytes of the raw string that `text` begins with.
fn raw_string(text: &str) -> Option<usize> {
    let after = text.strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let inner = after[hashes..].strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    let begin = text.len() - inner.len();
    Some(inner.find(&close).map_or(text.len(), |end| begin + end + close.len()))
}

/// Bytes of the character that `text` begins with in quotes; 0 for a lifetime.
fn char_literal(text: &str) -> usize {
    let inner = &text[1..];
    if inner.starts_with('\\') {
        return inner[2..].find('\'').map_or(text.len(), |end| end + 4);
    }
    let Some(c) = inner.chars().next() else { return 0 };
    if inner[c.len_utf8()..].starts_with('\'') { c.len_utf8() + 2 } else { 0 }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What follows each place where `needle` stands as words of its own.
fn after_each<'a>(code: &'a str, needle: &'a str) -> impl Iterator<Item = &'a str> {
    code.match_indices(needle).filter_map(move |(at, _)| {
        let rest = &code[at + needle.len()..];
        let joined_before = code[..at].ends_with(is_word);
        let joined_after = needle.ends_with(is_word) && rest.starts_with(is_word);
        (!joined_before && !joined_after).then_some(rest)
    })
}

/// Modules of the crate's root that the code names by a path from the root.
fn imports(code: &str, depth: usize) -> Vec<String> {
    let up = "super::".repeat(depth);
    // Tests stand in a module of their own, one level below the file.
    let without_tests = code.split("mod tests {").next().unwrap_or(code);
    let from_root = after_each(code, "crate::").chain(after_each(code, "tts_batch_api::"));
    let mut names = Vec::new();
    for rest in from_root.chain(after_each(without_tests, &up)) {
        match rest.strip_prefix('{') {
            Some(group) => names.extend(first_words(group)),
            None => names.push(first_word(rest)),
        }
    }
    names
}

/// Crates of the workspace that the code names.
fn crates(code: &str) -> impl Iterator<Item = String> {
    let is_named = |name: &str| after_each(code, &format!("{}::", name.replace('-', "_"))).next().is_some();
    CRATES.iter().filter(move |name| is_named(name)).map(|name| (*name).to_owned())
}

/// Modules of the workspace's crates that the code reaches into.
fn inner_modules(code: &str) -> Vec<String> {
    let mut modules = Vec::new();
    for name in CRATES.map(|name| name.replace('-', "_")) {
        for rest in after_each(code, &format!("{name}::")) {
            let entries = match rest.strip_prefix('{') {
                // A group within a group begins with a module's name as well.
                Some(group) => group.split('}').next().unwrap_or(group).split([',', '{']).collect(),
                None => vec![rest],
            };
            for entry in entries.into_iter().map(str::trim_start) {
                let module = first_word(entry);
                let is_inner = entry[module.len()..].starts_with("::") && module.starts_with(char::is_lowercase);
                if is_inner && !PUBLIC_MODULES.contains(&&*module) {
                    modules.push(format!("{name}::{module}"));
                }
            }
        }
    }
    modules
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|c| is_word(*c)).collect()
}

/// The first word of each entry up to the closing bracket.
fn first_words(group: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut depth = 0;
    let mut entry = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                words.push(first_word(group[entry..at].trim_start()));
                entry = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Names of the types that the code declares outside of its tests.
fn types(code: &str) -> impl Iterator<Item = String> {
    code.split("mod tests {").next().unwrap_or(code).lines().filter_map(|line| {
        let item = line.trim_start();
        let declaration = match item.strip_prefix("pub") {
            Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
            Some(rest) => rest.trim_start(),
            None => item,
        };
        let (keyword, rest) = declaration.split_once(' ')?;
        // An indented `type` is an associated one: its name is the trait's.
        let is_alias = keyword == "type" && item.len() == line.len();
        (is_alias || ["struct", "enum", "trait", "union"].contains(&keyword)).then(|| first_word(rest))
    })
}

/// Names of types that stand for several things, with the files that declare them.
fn ambiguous_types(sources: &[Source]) -> Vec<String> {
    let mut files: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.path.ends_with("tests.rs")) {
        for name in types(&code(&source.text)) {
            files.entry(name).or_default().push(&source.path);
        }
    }
    files.retain(|_, files| files.len() > 1);
    files.into_iter().map(|(name, files)| format!("{name}: {}", files.join(", "))).collect()
}

// === the rules ===

/// Everything that is against the rules in a file.
fn violations(source: &Source) -> Vec<String> {
    let code = code(&source.text);
    let broken = [dependencies(source, &code), mentions(source, &code), shape(source)].concat();
    broken.into_iter().map(|rule| format!("{}: {rule}", source.path)).collect()
}

fn dependencies(source: &Source, code: &str) -> Vec<String> {
    let parts: Vec<&str> = source.path.trim_end_matches(".rs").trim_end_matches("/mod").split('/').collect();
    let module = parts[0];
    if module == "lib" {
        return Vec::new();
    }
    let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == module) else {
        return vec![format!("module {module} has no row in MAY_IMPORT")];
    };
    let is_crate = CRATES.contains(&module);
    let may_import = |name: &str| {
        let is_module = MAY_IMPORT.iter().any(|(known, _)| *known == name);
        let is_open_leaf = LEAVES.contains(&name) && module != "domain" && !is_crate;
        !is_module || name == module || is_open_leaf || allowed.contains(&name)
    };
    let mut imports = if is_crate { Vec::new() } else { imports(code, parts.len()) };
    imports.extend(crates(code));
    let forbidden = imports.iter().filter(|name| !may_import(name)).map(|name| format!("{module} imports {name}"));
    let inner = inner_modules(code).into_iter().filter(|_| !is_crate);
    forbidden.chain(inner.map(|inner| format!("{module} reaches into {inner}"))).collect()
}

fn mentions(source: &Source, code: &str) -> Vec<String> {
    let is_foreign = |paths: &[&str]| !paths.iter().any(|path| source.path.starts_with(path));
    let found = ONLY_IN.iter().filter(|(needle, paths)| is_foreign(paths) && after_each(code, needle).next().is_some());
    found.map(|(needle, _)| format!("mentions {needle}")).collect()
}

fn shape(source: &Source) -> Vec<String> {
    let mut broken = Vec::new();
    if !source.text.starts_with("//!") && !source.text.starts_with("#![doc") {
        broken.push("does not begin with a module doc".to_owned());
    }
    let lines = source.text.lines().count();
    if lines > MAX_LINES && !LONG_FILES.iter().any(|(path, _)| *path == source.path) {
        broken.push(format!("has {lines} lines"));
    }
    broken
}

#[test]
fn the_sources_keep_the_rules() {
    let sources = all_sources();

    let violations: Vec<String> = sources.iter().flat_map(violations).collect();

    for path in ["main.rs", "piper-acoustic/lib.rs", "piper-engine/lib.rs", "piper-phonemize/lib.rs"] {
        assert!(sources.iter().any(|source| source.path == path), "{path} was not read");
    }
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[test]
fn no_type_name_stands_for_two_things() {
    let ambiguous = ambiguous_types(&all_sources());

    assert!(ambiguous.is_empty(), "\n{}", ambiguous.join("\n"));
}

/// What the page on architecture says of failures names tests and metrics that there are.
#[test]
fn the_table_of_failures_names_what_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("src/ARCHITECTURE.md")).unwrap();
    let (_, table) = page.split_once("| what fails |").unwrap();
    let all = |folder: &str| sources(&root.join(folder)).into_iter().map(|source| source.text).collect::<String>();
    let (tests, telemetry) = (all("tests"), all("src/telemetry"));
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let rows: Vec<Vec<&str>> = rows.map(|line| line.split('|').map(str::trim).collect()).collect();

    assert!(rows.len() > 20);
    for row in rows {
        let [_, _, _, metric, test, _] = row[..] else { panic!("not four columns: {row:?}") };
        let test = test.trim_matches('`');
        assert!(tests.contains(&format!("fn {test}(")), "there is no test {test}");
        let metric = metric.trim_matches('`').split('{').next().unwrap_or_default();
        assert!(metric.is_empty() || telemetry.contains(&format!("\"{metric}\"")), "there is no metric {metric}");
    }
}

#[test]
fn what_breaks_a_rule_is_found() {
    let cases = [
        ("http/a.rs", "use crate::app::Application;", "http imports app"),
        ("http/a.rs", "use crate::cli;", "http imports cli"),
        ("cache/a.rs", "use crate::pool::PoolHandle;", "cache imports pool"),
        ("cache/a.rs", "fn f() { piper_acoustic::x() }", "cache imports piper-acoustic"),
        ("pool/a.rs", "use crate::{audio::Pcm, cache::{A, B}};", "pool imports cache"),
        ("pool/a.rs", "use super::super::cache;", "pool imports cache"),
        ("pool/mod.rs", "use super::speech;", "pool imports speech"),
        ("voices/a/b.rs", "use super::super::super::{domain, pool};", "voices imports pool"),
        ("voices/a.rs", "use piper_phonemize::Phonemizer;", "voices imports piper-phonemize"),
        ("speech/a.rs", "use crate::http::X;", "speech imports http"),
        ("domain/a.rs", "use crate::config::Config;", "domain imports config"),
        ("audio/a.rs", "use crate::domain::VoiceId;", "audio imports domain"),
        ("main.rs", "fn f() { tts_batch_api::pool::x() }", "main imports pool"),
        ("piper-acoustic/a.rs", "use piper_phonemize::Phonemizer;", "piper-acoustic imports piper-phonemize"),
        ("piper-acoustic/a.rs", "use piper_engine::Voice;", "piper-acoustic imports piper-engine"),
        ("pool/a.rs", "use piper_engine::Voice;", "pool imports piper-engine"),
        ("pool/a.rs", "use piper_acoustic::encoder::TextEncoder;", "pool reaches into piper_acoustic::encoder"),
        ("pool/a.rs", "use piper_acoustic::{Cancel, kernels::{Signal}};", "pool reaches into piper_acoustic::kernels"),
        ("novel/a.rs", "", "module novel has no row in MAY_IMPORT"),
        ("pool/a.rs", "use ort::Error;", "mentions ort::"),
        ("pool/a.rs", "use libloading::Library;", "mentions libloading"),
        ("speech/a.rs", "use actix_web::web;", "mentions actix_web"),
        ("speech/a.rs", "use redis::Client;", "mentions redis::"),
        ("cache/a.rs", "use moka::sync::Cache;", "mentions moka"),
        ("piper-acoustic/a.rs", "fn f() { unsafe { g() } }", "mentions unsafe"),
        ("piper-acoustic/a.rs", "fn f() { println!(\"\"); }", "mentions println!"),
        ("http/a.rs", "fn f(c: char) { if c == '\"' { eprintln!(\"\"); } }", "mentions eprintln!"),
    ];
    for (path, text, expected) in cases {
        let source = Source { path: path.to_owned(), text: format!("//! Doc.\n{text}\n") };

        let found = violations(&source);

        assert_eq!(found, [format!("{path}: {expected}")], "{text}");
    }
}

#[test]
fn what_only_looks_like_a_breach_passes() {
    let text = r##"//! Uses crate::http, or not.
        use crate::audio::Pcm;
        use crate::{config::Config, pool::x};
        use piper_acoustic::{Cancel, files::{open, read}};
        use super::handle;
        // crate::app, unsafe, println!
        fn f<'a>(a: &'a str) { sort::by(a); report::x("crate::app \" println!", r#"" unsafe"#, '"', '\'', 'x') }
        #![deny(unsafe_code)]
        mod tests { use super::super::x; }
    "##;
    let source = Source { path: "pool/worker.rs".to_owned(), text: text.to_owned() };

    let found = violations(&source);

    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn files_without_a_doc_and_long_files_are_found() {
    let plain = Source { path: "pool/a.rs".to_owned(), text: "use std::fmt;\n".to_owned() };
    let long = Source { path: "pool/b.rs".to_owned(), text: "//! Doc.\n".repeat(MAX_LINES + 1) };

    let found = [violations(&plain), violations(&long)].concat();

    assert_eq!(found, ["pool/a.rs: does not begin with a module doc", "pool/b.rs: has 401 lines"]);
}

#[test]
fn a_type_name_that_two_files_declare_is_found() {
    let file = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
    let sources = [
        file("a.rs", "pub(super) struct Place {\n}\ntype Answer = u8;\nimpl X {\n    type Error = u8;\n}\n"),
        file("b.rs", "fn f() {\n    enum Place {}\n}\nimpl Y {\n    type Error = u8;\n}\n// struct Own;\n"),
        file("c.rs", "pub struct Own<T>(T);\nmod tests {\n    struct Own;\n}\n"),
        file("d.rs", "pub trait Answer {\n}\n"),
        file("d/tests.rs", "struct Own;\n"),
    ];

    assert_eq!(ambiguous_types(&sources), ["Answer: a.rs, d.rs", "Place: a.rs, b.rs"]);
}
