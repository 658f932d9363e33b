//! Texts as language models write them, and what a person reads aloud of each, word by word. Whole numbers are left to
//! espeak-ng, and so is the letter A in phonemes, which alone would be an article.

use text_normalization::Normalizer;

/// Words, without the marks around them.
fn words(text: &str) -> Vec<String> {
    let trimmed = text.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    trimmed.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

const TEXTS: [(&str, &str); 20] = [
    (
        "# Banana bread\n\n**Ingredients**\n\n- 2 cups flour\n- 1/2 cup sugar\n- 3 ripe bananas\n\nBake at 350°F for 50-60 minutes.",
        "banana bread ingredients 2 cups flour one half cup sugar 3 ripe bananas bake at 350 degrees fahrenheit for 50 to 60 minutes",
    ),
    (
        "Sure! Here's a quick summary:\n\n1. **Revenue** rose 12.5% to $3.2 billion.\n2. **Costs** fell by $45m.\n3. Profit was up *significantly*.",
        "sure here's a quick summary 1 revenue rose 12 point five percent to 3 point two billion dollars 2 costs fell by 45 million dollars 3 profit was up significantly",
    ),
    (
        "| Item | Price |\n|------|-------|\n| Tea | $3.50 |\n| Coffee | $4 |",
        "item price tea 3 dollars and 50 cents coffee 4 dollars",
    ),
    (
        "Run `cargo build` first:\n\n```sh\ncargo build\n```\n\nThen open [the guide](https://example.com/guide).",
        "run cargo build first cargo build then open the guide",
    ),
    (
        "Great question! 🎉 The Battle of Hastings took place on October 14, 1066, when William I defeated Harold II.",
        "great question 🎉 the battle of hastings took place on october fourteenth ten sixty-six when william the first defeated harold the second",
    ),
    (
        "Dr. Smith's office is at 123 Main St., and he's available Mon. to Fri., 9am-5pm.",
        "doctor smith's office is at one two three main street and he's available monday to friday 9 ˈeɪ m to 5 p m",
    ),
    (
        "> \"Stay hungry, stay foolish.\"\n\nThat's from Steve Jobs' 2005 speech.",
        "stay hungry stay foolish that's from steve jobs 2005 speech",
    ),
    (
        "The meeting is on 3/4/2025 at 2:30 PM (room B12).",
        "the meeting is on march fourth twenty twenty-five at 2 30 p m room b 12",
    ),
    ("Use **bold**, *italic* and ~~strikethrough~~ sparingly.", "use bold italic and strikethrough sparingly"),
    (
        "### Step 1: Preheat\n\nSet it to 180 °C.\n\n### Step 2: Mix\n\nAdd 250 g butter & 4 eggs.",
        "step 1 preheat set it to 180 degrees celsius step 2 mix add 250 grams butter and 4 eggs",
    ),
    (
        "It costs €9.99/month, or €99 per year (a 17% discount).",
        "it costs 9 euros and 99 cents per month or 99 euros per year a 17 percent discount",
    ),
    (
        "For example, e.g. apples, i.e. fruit, etc. are fine.",
        "for example for example apples that is fruit et cetera are fine",
    ),
    ("- [x] Buy milk\n- [ ] Call Mr. Jones", "buy milk call mister jones"),
    ("The ratio is 4:1, and the score was 3-2.", "the ratio is 4 to 1 and the score was 3 to 2"),
    (
        "Contact us at help@example.com or visit example.com.",
        "contact us at help at example dot com or visit example dot com",
    ),
    (
        "World War II ended in 1945; the 1950s followed.",
        "world war 2 ended in nineteen forty-five the nineteen fifties followed",
    ),
    ("A marathon is 26.2 miles (42.195 km).", "a marathon is 26 point two miles 42 point one nine five kilometers"),
    ("AT&amp;T charges &lt; $5, and 5 &gt; 4.", "ˈeɪ t and t charges less than 5 dollars and 5 is greater than 4"),
    (
        "The temperature was -5 °C, i.e. 23 °F.",
        "the temperature was minus 5 degrees celsius that is 23 degrees fahrenheit",
    ),
    ("---\n\n**Note:** this isn't final.\n\n---", "note this isn't final"),
];

#[test]
fn texts_of_language_models_are_read_as_a_person_reads_them() {
    let english = Normalizer::for_language("en-US").expect("English has a table");
    let wrong: Vec<String> = TEXTS
        .iter()
        .filter(|(written, read)| words(&english.say(written)) != words(read))
        .map(|(written, read)| format!("{written}\n  {:?}\n  {:?}", words(&english.say(written)), words(read)))
        .collect();

    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), TEXTS.len(), wrong.join("\n\n"));
}
