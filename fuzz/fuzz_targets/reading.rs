//! Reading a text in each language: places rise, stay in the text and cut no character, and what is said stays within
//! bounds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use text_normalization::{Normalizer, Options};

fuzz_target!(|input: (u8, bool, &str)| {
    let (language, is_markdown, text) = input;
    let tags: Vec<&str> = Normalizer::languages().collect();
    let Some(normalizer) = Normalizer::for_language(tags[usize::from(language) % tags.len()]) else { return };
    let mut reached = 0;
    let mut said = text.len();
    for rewrite in normalizer.rewrites_with(text, &Options { is_markdown, ..Options::default() }) {
        assert!(rewrite.written.start >= reached && text.get(rewrite.written.clone()).is_some());
        reached = rewrite.written.end;
        said += rewrite.said.len();
    }
    assert!(said <= 65 * text.len() + 64);
});
