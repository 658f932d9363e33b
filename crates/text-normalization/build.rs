//! Embeds the data of languages, compressed: a table of `languages/` and what CLDR has of the same language in
//! `data/cldr/`.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const COMPRESSION: u8 = 9;

fn main() -> Result<(), Box<dyn Error>> {
    for input in ["build.rs", "languages", "data/cldr"] {
        println!("cargo:rerun-if-changed={input}");
    }
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let embed = |path: &Path, name: &str| -> Result<String, Box<dyn Error>> {
        let compressed = out.join(name);
        std::fs::write(&compressed, miniz_oxide::deflate::compress_to_vec(&std::fs::read(path)?, COMPRESSION))?;
        Ok(compressed.display().to_string())
    };
    let mut tables: Vec<PathBuf> =
        std::fs::read_dir("languages")?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    tables.sort();
    let mut languages = String::from("pub const EMBEDDED: &[(&str, &[u8], &[u8])] = &[\n");
    for path in tables {
        let language = path.file_stem().and_then(|name| name.to_str()).ok_or("a language's name is not UTF-8")?;
        let table = embed(&path, &format!("{language}.toml.deflate"))?;
        let cldr = embed(Path::new(&format!("data/cldr/{language}.json")), &format!("{language}.json.deflate"))?;
        writeln!(languages, "    ({language:?}, include_bytes!(r\"{table}\"), include_bytes!(r\"{cldr}\")),")?;
    }
    languages.push_str("];\n");
    std::fs::write(out.join("embedded.rs"), languages)?;
    Ok(())
}
