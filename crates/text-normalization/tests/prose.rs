//! Ordinary prose is said as it is written, to the last character, so that a voice gets of it what it always got.

// Helpers stand outside of test functions, where the exemption of tests from these lints does not reach.
#![allow(clippy::unwrap_used)]

use text_normalization::Normalizer;

/// Words of nine languages, as sentences are made of.
const WORDS: [(&str, &str); 9] = [
    (
        "en",
        "the a boat river and old house with many windows she walked slowly towards her mother who had never been so happy in may or later was it is he said that no one knew march on second of all",
    ),
    (
        "de",
        "der ein Fluss und das alte Haus mit vielen Fenstern sie ging langsam zu ihrer Mutter die nie so froh war im Mai oder später es ist er sagte dass niemand den Weg kannte",
    ),
    (
        "fr",
        "le une rivière et la vieille maison avec des fenêtres elle marchait vers sa mère qui était si heureuse en mai ou plus tard il dit que personne ne savait où mars est allé",
    ),
    (
        "es",
        "el una casa y el río viejo con muchas ventanas ella caminaba despacio hacia su madre que nunca fue tan feliz en mayo o más tarde dijo que nadie sabía nada",
    ),
    (
        "it",
        "il una casa e il vecchio fiume con molte finestre lei camminava piano verso sua madre che non era mai stata felice in maggio o dopo disse che nessuno sapeva",
    ),
    (
        "pt",
        "o uma casa e o velho rio com muitas janelas ela andava devagar até sua mãe que nunca foi tão feliz em maio ou depois disse que ninguém sabia nada",
    ),
    (
        "nl",
        "de een huis en de oude rivier met veel ramen zij liep langzaam naar haar moeder die nooit zo blij was in mei of later hij zei dat niemand het wist",
    ),
    (
        "pl",
        "ona dom i stara rzeka z wieloma oknami szła powoli do swojej matki która nigdy nie była tak szczęśliwa w maju albo potem powiedział że nikt nie wiedział",
    ),
    (
        "ru",
        "она дом и старая река с окнами шла медленно к своей матери которая никогда не была так счастлива в мае или потом он сказал что никто не знал",
    ),
];

/// Numbers as good as random that are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

fn sentence(words: &[&str], dice: &mut Dice) -> String {
    let mut sentence = String::new();
    for at in 0..3 + dice.below(14) {
        let word = words[dice.below(words.len())];
        if at == 0 {
            let mut chars = word.chars();
            sentence.extend(chars.next().into_iter().flat_map(char::to_uppercase).chain(chars));
        } else {
            sentence.push_str([" ", " ", " ", " ", ", ", "; "][dice.below(6)]);
            sentence.push_str(word);
        }
    }
    sentence.push_str([".", ".", ".", "?", "!"][dice.below(5)]);
    sentence
}

#[test]
fn five_thousand_sentences_stay_as_they_are() {
    let mut dice = Dice(20);
    let mut count = 0;
    for (tag, words) in WORDS {
        let (normalizer, words) = (Normalizer::for_language(tag).unwrap(), words.split(' ').collect::<Vec<_>>());
        for _ in 0..280 {
            // Two in a row, so that there is an end between them.
            let text = format!("{} {}", sentence(&words, &mut dice), sentence(&words, &mut dice));
            assert_eq!(normalizer.rewrites(&text), [], "{tag}: {text}");
            count += 2;
        }
    }
    assert!(count >= 5_000, "{count}");
}

/// Whether nothing stands there but words of small letters or with a capital, and marks of sentences.
fn is_prose(text: &str) -> bool {
    let is_word = |word: &str| {
        let word = word.trim_matches(|c: char| ",;?!¿¡«»„“”\"'.".contains(c));
        let mut chars = word.chars();
        let begins = chars.next().is_some_and(char::is_alphabetic);
        begins && word.chars().count() > 2 && chars.all(|c| c.is_lowercase() || matches!(c, '\'' | '’' | '-'))
    };
    // A stop within is one of something that is written short.
    let inner_stops = text.trim_end().trim_end_matches(['.', '!', '?']).contains('.');
    !inner_stops && !text.contains('\n') && text.split(' ').all(is_word)
}

/// The texts of which it is known what piper says, as far as they are prose.
#[test]
fn texts_with_pipers_phonemes_stay_as_they_are() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/phonemes");
    let mut count = 0;
    for tag in ["de", "en-us", "es", "fr", "it", "pl", "pt-br", "ru", "tr"] {
        let normalizer = Normalizer::for_language(tag).unwrap();
        for line in std::fs::read_to_string(format!("{folder}/{tag}.jsonl")).unwrap().lines() {
            let case: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = case["text"].as_str().unwrap();
            if is_prose(text) {
                assert_eq!(normalizer.rewrites(text), [], "{tag}: {text}");
                count += 1;
            }
        }
    }
    assert!(count >= 50, "{count} of the texts are prose");
}
