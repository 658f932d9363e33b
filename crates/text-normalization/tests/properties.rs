//! What holds of every text.

// Helpers stand outside of test functions, where the exemption of tests does not reach; a list of one claimed range is
// meant.
#![allow(clippy::unwrap_used, clippy::single_range_in_vec_init)]

use proptest::prelude::*;
use text_normalization::{Class, Classes, Normalizer, Options};

fn normalizers() -> Vec<(&'static str, Normalizer)> {
    Normalizer::languages().filter_map(|tag| Some((tag, Normalizer::for_language(tag)?))).collect()
}

/// Parts of texts that something is to be said of, in any order.
fn notation() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[0-9]{1,5}",
        "[0-9]{1,3}[.,:/-][0-9]{1,4}",
        "[A-Z]{1,4}\\.?",
        "[a-zéüß]{1,6}",
        Just("$".to_owned()),
        Just("€ ".to_owned()),
        Just("%".to_owned()),
        Just("**".to_owned()),
        Just("[[".to_owned()),
        Just("]]".to_owned()),
        Just("\n- ".to_owned()),
        Just("\n# ".to_owned()),
        Just("| ".to_owned()),
        Just("&amp;".to_owned()),
        Just("<b>".to_owned()),
        Just("https://a.com/".to_owned()),
        Just("1/2".to_owned()),
        Just("Jan. ".to_owned()),
        Just("½".to_owned()),
        Just("😂".to_owned()),
        Just("年".to_owned()),
        Just("१२".to_owned()),
        Just(" ".to_owned()),
        Just("\u{a0}".to_owned()),
        "[-–−+*/=<>~#@_'\"().!?…]",
    ];
    proptest::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

fn holds(text: &str) {
    for (tag, normalizer) in normalizers() {
        let rewrites = normalizer.rewrites(text);
        let mut reached = 0;
        for rewrite in &rewrites {
            assert!(rewrite.written.start >= reached && rewrite.written.end <= text.len(), "{tag}: {rewrite:?}");
            assert!(text.get(rewrite.written.clone()).is_some(), "{tag}: {rewrite:?} cuts a character");
            reached = rewrite.written.end;
        }
        // What is added grows with what is written: a large number has at most some words for each digit.
        let said = normalizer.say(text);
        assert!(said.len() <= 64 * text.len() + 64, "{tag}: {} bytes of {}", said.len(), text.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn places_rise_and_stay_in_the_text(text in "\\PC{0,60}") {
        holds(&text);
    }

    #[test]
    fn places_rise_in_dense_notation_too(text in notation()) {
        holds(&text);
    }
}

/// Beginnings, middles and ends of sentences of prose, among them words that are short forms, months, days, numerals or
/// units elsewhere.
const PROSE: [(&str, [&str; 3]); 9] = [
    (
        "en",
        [
            "The old man|May|My sister-in-law's cat|Will|Mark|A lad on the sea|She, as is her way,|No one|\"I am well,\" said Rev, who|That gal in the pants",
            "may sit in the sun|sat down and wed on a whim|was no more than a sin|said no to the gen pop of the mt|met them in March, or so they say|won't add a thing|is all mixed up|can't do it: not now|ran and ran, but I did not|did hear a bass and a drum",
            " by the sea.|, and no one knew why!|, I think; may I come in?| and that is all.|? Then she left.| (so it is said).|, as they did in May.| at the dept store.",
        ],
    ),
    (
        "de",
        [
            "Der Mai|Die alte Frau|Das Kind, das so gern lacht,|Niemand|Ein Mann am Tor|Mi casa, sagte er,|So|Meine Schwägerin|Wer da ist|Der Sonntag im März",
            "war schön|ging am Abend durch den Park|sprach kein Wort mit ihm|kam um die Ecke|ist nicht mehr da|hat es gesagt|sitzt in der Sonne|will das nicht|mag die Art nicht|lag im Gras",
            ".| und lachte.|, wie man sagt.|: nichts als Wind.|!|, oder nicht?| und so war es.| bei Nacht.",
        ],
    ),
    (
        "fr",
        [
            "L'été|La dame|Mon ami|Personne|On|Le vent de mai|C'est là qu'il|Des gens|Mes sœurs|Qui",
            "dort dehors|est parti sans mot dire|ne parle pas|a mis la table|les a vus|vit au bord de la mer|en a dix|m'a dit non|l'aime bien|va et vient",
            ".| sous les étoiles.| ; personne ne sait.| ?| !|, c'est la vie.| : rien de plus.| le soir.",
        ],
    ),
    (
        "es",
        [
            "El mar|La casa|Mi hermana|Nadie|Un hombre|La niña de mayo|Lo que vi|Ella|Quien|Don Juan",
            "es azul|no dice nada|vive aquí|se fue al mar|me gusta|canta en la calle|sale a las tantas|mira al sol|va y viene|duerme",
            ".| en mayo.|, y no vuelve.| y ya.|; así es.|, ¿verdad?|: nada más.| por la noche.",
        ],
    ),
    (
        "it",
        [
            "Lui|La casa|Mia sorella|Nessuno|Un uomo|La mamma di Lia|Chi|Il mare di maggio|Lei|Il vento",
            "vive qui|non dice mai di no|va via|mi piace|canta in strada|dorme|è partito|ci vuole bene|ha detto di sì|guarda il mare",
            ".| la sera.|; così è.|, lo so.|?|: niente.| e ride.| da solo.",
        ],
    ),
    (
        "pt",
        [
            "Ele|A casa|Minha irmã|Ninguém|Um homem|O mar de maio|Quem|Ela|O vento|A moça",
            "mora aqui|não diz nada|foi embora|gosta do mar|canta na rua|dorme|vem e vai|me disse não|olha o céu|ri",
            ".| à noite.|; é assim.|, eu sei.|?|: nada.| e sorri.| sem parar.",
        ],
    ),
    (
        "nl",
        [
            "Hij|De oude man|Mijn zus|Niemand|Het kind|De wind in mei|Wie|Zij|Een vrouw|De zee",
            "woont hier|zegt niets|ging naar huis|slaapt|zingt op straat|is weg|lacht|wil niet mee|kijkt naar de lucht|zat in de zon",
            ".| in de avond.|; zo is het.|, weet ik.|?|: niets.| en lacht.| aan zee.",
        ],
    ),
    (
        "pl",
        [
            "On|Stary dom|Moja siostra|Nikt|Dziecko|Wiatr w maju|Kto|Ona|Kobieta|Morze",
            "mieszka tutaj|nic nie mówi|poszedł do domu|śpi|śpiewa na ulicy|odszedł|śmieje się|nie chce|patrzy w niebo|jest tam",
            ".| wieczorem.|; tak jest.|, wiem.|?|: nic.| i milczy.| nad morzem.",
        ],
    ),
    (
        "ru",
        [
            "Он|Старый дом|Моя сестра|Никто|Ребёнок|Ветер в мае|Кто|Она|Женщина|Море",
            "живёт здесь|ничего не говорит|идёт домой|спит|поёт на улице|ушёл|смеётся|не хочет|смотрит в небо|там и есть",
            ".| вечером.|; так и есть.|, я знаю.|?|: ничего.| и молчит.| у моря.",
        ],
    ),
];

/// Prose stays as it is, to the last character.
#[test]
fn prose_is_untouched() {
    let mut count = 0;
    for (tag, parts) in PROSE {
        let normalizer = Normalizer::for_language(tag).unwrap();
        let [beginnings, middles, ends] = parts.map(|part| part.split('|').collect::<Vec<_>>());
        for (beginning, middle) in beginnings.iter().flat_map(|first| middles.iter().map(move |then| (first, then))) {
            for end in &ends {
                let text = format!("{beginning} {middle}{end} {beginning} {middle}.");
                let changed: Vec<_> = normalizer.rewrites(&text);

                assert_eq!(changed, [], "{tag}: {text}");
                count += 2;
            }
        }
    }
    assert!(count >= 7_200, "{count} sentences");
}

/// Texts as nobody writes them, of any one character: an answer, and no more of it than bounds allow.
#[test]
fn one_character_without_end_is_read_too() {
    let notation = "½¾€£¥₹°²³…–—‘’“”«»•→©®™§¶№①٣१五年あアกไ😂❤️👩🏽‍🚀🇯🇵\u{200d}\u{fe0f}\u{301}\u{a0}\u{2028}\u{0}";
    for c in (' '..='~').chain(notation.chars()).chain(['\n', '\t']) {
        let text = String::from(c).repeat(2_000);
        for tag in ["en", "zh"] {
            let normalizer = Normalizer::for_language(tag).unwrap();

            let said = normalizer.say(&text);

            assert!(said.len() <= 64 * text.len(), "{tag}: {c:?}");
        }
    }
}

/// What goes on within another must not go as deep as the text is long.
#[test]
fn parts_within_parts_have_an_end() {
    for part in ["1m", "1m/", "1 l/1 ", "$1-", "1h1m", "(", "[a](", "**", "> ", "1:", "a.", "1.", "1/2", "x^", "#a_"] {
        let normalizer = Normalizer::for_language("en").unwrap();
        let text = part.repeat(5_000);

        assert!(normalizer.say(&text).len() <= 64 * text.len(), "{part}");
    }
}

/// Words that `options` leave stand for themselves.
fn said(text: &str, options: &Options<'_>) -> String {
    let normalizer = Normalizer::for_language("en").unwrap();
    let mut said = text.to_owned();
    for rewrite in normalizer.rewrites_with(text, options).into_iter().rev() {
        said.replace_range(rewrite.written, &rewrite.said);
    }
    said
}

#[test]
fn classes_are_switched_one_by_one() {
    let text = "Dr. Smith paid **$5.20**.";
    let with = |classes| said(text, &Options { classes, ..Options::default() });

    assert_eq!(with(Classes::ALL), "Doctor Smith paid 5 dollars and 20 cents.");
    assert_eq!(with(Classes::NONE), text);
    assert_eq!(with(Classes::NONE.with(Class::Abbreviation)), "Doctor Smith paid **$5.20**.");
    assert!(!with(Classes::ALL.without(Class::Money)).contains("5 dollars"));
    assert!(with(Classes::ALL.without(Class::Markup)).contains("**"));
    for class in Class::ALL {
        assert_eq!(Class::parse(class.name()), Some(class));
    }
}

#[test]
fn nothing_is_read_across_what_is_claimed() {
    let claiming = |text, claimed: &[std::ops::Range<usize>]| said(text, &Options { claimed, ..Options::default() });

    assert_eq!(claiming("5 kg", &[]), "5 kilograms");
    assert_eq!(claiming("5 kg", &[2..4]), "5 kg");
    assert_eq!(claiming("$5 for Dr. Smith", &[0..1]), "$5 for Doctor Smith");
    // What stands behind it does not begin a line.
    assert_eq!(claiming("nginx - milk", &[0..5]), "nginx - milk");
}

#[test]
fn lines_of_markdown_go_on() {
    let text = "One thing\nThen another\n\n- an item";
    let with = |is_markdown| said(text, &Options { is_markdown, ..Options::default() });

    assert_eq!(with(false), "One thing.\nThen another\n\nan item.");
    assert_eq!(with(true), "One thing\nThen another\n\nan item.");
}
