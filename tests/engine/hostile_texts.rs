//! A generator of texts that a phonemizer may break on: random code points, known crashing shapes, markup, bombs. The
//! same seed gives the same texts. None contains U+0000, which the service refuses before.

/// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to pick shapes.
pub struct Random(u64);

/// Units that were seen to overrun buffers of espeak-ng when repeated, or resemble those.
const UNITS: [&str; 40] = [
    "x.", "X.", "x. ", "a.b", "é.", "你.", "я.", "1.", "U.S.A.", "e.g.", "s'", "'s", "’s", "s's", "ness", "ing",
    "less", "ization", "un", "-", "--", "...", "?!", "’", "\"", "(", ")", "/", "a-", "1,", "1e", "%", "$1 ", "ﷺ", "ß",
    "ĳ", "å̊", "अ", "ㅋ", "🇩🇪",
];

const MARKUP: [&str; 20] = [
    "<speak>",
    "</speak>",
    "<break time=\"9999999s\"/>",
    "<prosody rate=\"x-fast\">",
    "<say-as interpret-as=\"date\">",
    "<voice name=\"de\">",
    "<audio src=\"file:///etc/passwd\"/>",
    "<!--",
    "-->",
    "<![CDATA[",
    "&amp;",
    "&#0;",
    "&#x110000;",
    "[[",
    "]]",
    "[[ h@l'oU ]]",
    "[[[[",
    "\u{1}V5",
    "\u{1}+10S",
    "{{x}}",
];

const WORDS: [&str; 16] = [
    "hello",
    "world",
    "Straße",
    "naïve",
    "мир",
    "שלום",
    "مرحبا",
    "日本語",
    "한국어",
    "नमस्ते",
    "ไทย",
    "ελλάδα",
    "İstanbul",
    "3.14",
    "42nd",
    "O'Neill",
];

const EMOJI: [char; 10] = ['😀', '🤷', '\u{1f3fd}', '\u{200d}', '♂', '\u{fe0f}', '🇫', '🇷', '👩', '🏴'];
const BLANKS: [char; 10] =
    [' ', '\t', '\n', '\r', '\u{a0}', '\u{2003}', '\u{2028}', '\u{2029}', '\u{3000}', '\u{feff}'];
const PUNCTUATION: [char; 18] =
    ['.', ',', ';', ':', '!', '?', '-', '\'', '"', '(', ')', '[', ']', '<', '>', '…', '¿', '。'];

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// A length that is mostly short and at times near the limit.
    fn length(&mut self) -> usize {
        self.length_to(1 << 11)
    }

    /// The same up to another limit.
    pub fn length_to(&mut self, limit: usize) -> usize {
        let bits = 1 + self.below(limit.next_power_of_two().ilog2() as usize);
        1 + self.below(limit.min(1 << bits))
    }

    pub fn char_in(&mut self, first: u32, last: u32) -> char {
        let code = first + self.below((last - first + 1) as usize) as u32;
        char::from_u32(code).filter(|c| *c != '\0').unwrap_or('\u{fffd}')
    }

    fn chars_in(&mut self, ranges: &[(u32, u32)]) -> String {
        (0..self.length())
            .map(|_| {
                let (first, last) = self.pick(ranges);
                self.char_in(first, last)
            })
            .collect()
    }

    fn many_of(&mut self, chars: &[char]) -> String {
        (0..self.length()).map(|_| self.pick(chars)).collect()
    }

    fn joined(&mut self, words: &[&str], count: usize) -> String {
        let mut text = String::new();
        for _ in 0..count {
            text.push_str(self.pick(words));
            text.push_str(self.pick(&["", " ", " ", "\n", ", ", ". "]));
        }
        text
    }
}

/// The next text, of at most 5,000 characters.
pub fn hostile_text(random: &mut Random) -> String {
    let text = match random.below(16) {
        0 => random.chars_in(&[(1, 0x0010_ffff)]),
        1 => random.chars_in(&[(1, 0xff)]),
        2 => random.chars_in(&[(1, 0x1f), (0x7f, 0x9f), (0x61, 0x7a), (0x20, 0x20)]),
        3 => random.chars_in(&[(0x590, 0x6ff), (0x202a, 0x202e), (0x2066, 0x2069), (0x20, 0x40)]),
        4 => random.chars_in(&[(0x61, 0x7a), (0x300, 0x36f), (0x300, 0x36f), (0x1ab0, 0x1aff)]),
        5 => random.chars_in(&[(0x0378, 0x0379), (0xe000, 0xf8ff), (0xffff0, 0xfffff), (0xfff0, 0xffff)]),
        6 => random.chars_in(&[(0x900, 0x97f), (0x4e00, 0x9fff), (0xac00, 0xd7a3), (0x3040, 0x30ff), (0x61, 0x7a)]),
        7 => random.many_of(&EMOJI),
        8 => random.many_of(&BLANKS),
        9 => random.many_of(&PUNCTUATION),
        10 => random.chars_in(&[(0x30, 0x39)]),
        11 => random.chars_in(&[(0x61, 0x7a)]),
        12 => {
            let (unit, times) = (random.pick(&UNITS), random.length());
            unit.repeat(times)
        }
        13 => {
            let count = 1 + random.below(60);
            (0..count).map(|_| random.pick(&UNITS)).collect()
        }
        14 => {
            let count = 1 + random.below(60);
            random.joined(&MARKUP, count)
        }
        _ => {
            let count = 1 + random.below(120);
            let mixed = random.joined(&WORDS, count);
            let unit = random.pick(&UNITS).repeat(random.below(120));
            format!("{mixed}{unit}")
        }
    };
    text.chars().take(5_000).collect()
}

/// Shapes that are always sent, at the limit of the length.
pub fn bombs() -> Vec<String> {
    let mut bombs: Vec<String> = UNITS.iter().map(|unit| unit.repeat(5_000).chars().take(5_000).collect()).collect();
    bombs.extend(
        ["1", "9", "0", "a", "\u{301}", "😀", " ", "[[", "]]", "(", "((en)", "\u{202e}"].map(|c| c.repeat(2_500)),
    );
    bombs.push(format!("a{}", "\u{300}".repeat(1_000)));
    bombs.push("9".repeat(5_000));
    bombs
}
