//! Texts that benches have spoken, another one for each round, so that nobody has asked for it before.

// Not every bench has all of them spoken.
#![allow(dead_code)]

/// As people write: sentences of some ten words.
pub fn text(length: usize, round: usize) -> String {
    let sentence = format!("Round {round} of the survey begins where the last one ended, by the river. ");
    if length < 10 {
        format!("No {round}.")
    } else {
        sentence.repeat(length / sentence.len() + 1).chars().take(length).collect()
    }
}

/// A single sentence, of so many characters or a word more.
pub fn sentence(length: usize, round: usize) -> String {
    const WORDS: &str = "the train from the coast to the old town by the river runs every hour and takes people home";
    let mut sentence = format!("Number {round}");
    for word in WORDS.split(' ').cycle() {
        if sentence.len() + 1 >= length {
            break;
        }
        sentence.push(' ');
        sentence.push_str(word);
    }
    sentence.push('.');
    sentence
}
