//! A generator of texts that overrun espeak-ng's buffers, so that it leaves some of them out: characters that are
//! repeated, digits, emoji, letters of many scripts, each up to 5,000 characters long. The same seed gives the same
//! texts. Runs of one and the same mark are none of these: they are ornaments, and said three times at most.

use crate::hostile_texts::Random;

/// First and last letters of 30 scripts.
const SCRIPTS: [(char, char); 30] = [
    ('a', 'z'),
    ('A', 'Z'),
    ('à', 'ö'),
    ('ā', 'ž'),
    ('α', 'ω'),
    ('а', 'я'),
    ('ա', 'ֆ'),
    ('א', 'ת'),
    ('ع', 'ي'),
    ('अ', 'ह'),
    ('অ', 'ঌ'),
    ('ਕ', 'ਨ'),
    ('ક', 'ન'),
    ('କ', 'ନ'),
    ('த', 'ப'),
    ('క', 'న'),
    ('ಕ', 'ನ'),
    ('ക', 'ന'),
    ('ක', 'ඟ'),
    ('ก', 'ฮ'),
    ('ກ', 'ຂ'),
    ('ཀ', 'ང'),
    ('က', 'အ'),
    ('ა', 'ჰ'),
    ('አ', 'ኧ'),
    ('ក', 'ឃ'),
    ('あ', 'ん'),
    ('ア', 'ン'),
    ('가', '힣'),
    ('一', '龥'),
];

/// First digits of some scripts, each with nine more.
const ZEROS: [char; 8] = ['0', '0', '٠', '०', '๐', '၀', '０', '𝟎'];

const EMOJI: [&str; 14] = [
    "😀",
    "😂",
    "👍",
    "❤️",
    "🎉",
    "🚀",
    "🐱",
    "🍕",
    "🇩🇪",
    "🇫🇷",
    "🤷🏽",
    "👩\u{200d}🔬",
    "👩\u{200d}👩\u{200d}👧\u{200d}👦",
    "☃",
];

/// What reaches a bound each in its own way: words, phonemes of a word, bytes, decimals.
const UNITS: [&str; 24] = [
    "a1",
    "1a",
    "aB",
    "7,",
    "7.",
    "-7",
    "1987 ",
    "BBC ",
    "no ",
    "x ",
    "W",
    "x",
    "∑ ",
    "½",
    "x.",
    "ab",
    "s'",
    "7 ",
    "1,234,567.89 ",
    "one-",
    "é",
    "ß",
    "½ ",
    "I a ",
];

/// The next text.
pub fn long_text(random: &mut Random) -> String {
    let length = random.length_to(5_000);
    let text = match random.below(8) {
        0 => letter(random).to_string().repeat(length),
        1 => digit(random).to_string().repeat(length),
        2 => random.pick(&EMOJI).repeat(length),
        3 => random.pick(&UNITS).repeat(length),
        4 => {
            let script = random.below(SCRIPTS.len());
            let blanks = random.below(40);
            (0..length).map(|_| if random.below(40) < blanks { ' ' } else { letter_of(script, random) }).collect()
        }
        5 => (0..length).map(|_| digit(random)).collect(),
        6 => (0..length).map(|_| random.pick(&EMOJI)).collect(),
        _ => (0..length)
            .map(|_| match random.below(4) {
                0 => letter(random).to_string(),
                1 => digit(random).to_string(),
                2 => random.pick(&EMOJI).to_owned(),
                _ => " ".to_owned(),
            })
            .collect(),
    };
    text.chars().take(length).collect()
}

fn letter(random: &mut Random) -> char {
    let script = random.below(SCRIPTS.len());
    letter_of(script, random)
}

fn letter_of(script: usize, random: &mut Random) -> char {
    let (first, last) = SCRIPTS[script];
    // Where a code point between them is none, another is tried.
    loop {
        let c = random.char_in(first.into(), last.into());
        if c.is_alphabetic() {
            return c;
        }
    }
}

fn digit(random: &mut Random) -> char {
    let zero = random.below(ZEROS.len());
    random.char_in(ZEROS[zero].into(), u32::from(ZEROS[zero]) + 9)
}
