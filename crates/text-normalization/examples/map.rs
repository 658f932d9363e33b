//! Reads `language<tab>text` lines, with `\n` and `\\` as escapes, and prints a JSON object of what is said of each
//! text.

use std::collections::BTreeMap;
use std::io::Read;

use text_normalization::Normalizer;

fn main() {
    let mut input = String::new();
    let _ = std::io::stdin().read_to_string(&mut input);
    let mut said = BTreeMap::new();
    for line in input.lines() {
        let Some((language, text)) = line.split_once('\t') else { continue };
        let text = text.replace("\\\\", "\u{0}").replace("\\n", "\n").replace('\u{0}', "\\");
        let words = Normalizer::for_language(language).map_or_else(|| text.clone(), |normalizer| normalizer.say(&text));
        said.insert(text, words);
    }
    println!("{}", serde_json::to_string_pretty(&said).unwrap_or_default());
}
