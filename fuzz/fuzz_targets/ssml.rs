//! SSML of callers, and lexicons of operators.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tts_batch_api::text::{Lexicons, Pronunciation, TextReader, TextType, parse_pls};

fuzz_target!(|data: &str| {
    let Ok(reader) = TextReader::new(5_000, Lexicons::default(), Vec::new()) else { return };
    if let Ok(script) = reader.read(data, TextType::Ssml, Pronunciation::default()) {
        // What is said comes from somewhere in what was written.
        for passage in script.passages() {
            let said = passage.said.as_str();
            let starts = said.char_indices().map(|(start, c)| start..start + c.len_utf8());
            for range in starts.map(|range| passage.said.source_of(&range)) {
                assert!(script.source().as_str().get(range).is_some());
            }
        }
    }
    let _ = parse_pls(data);
});
