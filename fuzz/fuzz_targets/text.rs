//! Plain texts, with a lexicon: the first line is a word, the second what is said for it.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use tts_batch_api::domain::InputText;
use tts_batch_api::text::{Lexicons, Pronunciation, TextReader, TextType};

fuzz_target!(|data: &str| {
    let Ok(reader) = TextReader::new(5_000, Lexicons::default(), Vec::new()) else { return };
    let _ = InputText::parse(data, 5_000);
    let mut lines = data.splitn(3, '\n');
    let (Some(word), Some(said), Some(text)) = (lines.next(), lines.next(), lines.next()) else { return };
    let lexicon = BTreeMap::from([(word.to_owned(), said.to_owned())]);
    let _ = reader.read(text, TextType::Plain, Pronunciation { own: Some(&lexicon), ..Pronunciation::default() });
});
