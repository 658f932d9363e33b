//! What is signed, what is refused, and that secrets come and go.

use super::*;

const NOW: u64 = 1_795_000_000;
const HOUR: Duration = Duration::from_hours(1);
const FIRST: &str = "0123456789abcdef0123456789abcdef";
const SECOND: &str = "fedcba9876543210fedcba9876543210";

fn links(secrets: &[&str]) -> Links {
    Links::new(&SigningConfig {
        secrets: secrets.iter().map(|secret| Secret::new((*secret).to_owned())).collect(),
        secrets_file: None,
        longest: Duration::from_hours(24),
        max_bytes: 1_000,
        public_url: None,
    })
    .unwrap()
}

fn spoken(text: &str) -> Parameters {
    [("text", text), ("voice_id", "en_US-joe-medium#1")].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// The query of an address that is good.
fn made(links: &Links, text: &str) -> String {
    let link = links.make_at(NOW, spoken(text), "shop", HOUR).unwrap();
    link.url.strip_prefix("/v1/speech?").unwrap().to_owned()
}

/// By the `hmac` of Python's standard library.
#[test]
fn what_is_signed_is_what_the_documents_say() {
    let query = made(&links(&[FIRST]), "Grüße & 5~6 *!");

    assert_eq!(
        query,
        "expires=1795003600&text=Gr%C3%BC%C3%9Fe%20%26%205~6%20%2A%21&token=shop&v=1&voice_id=en_US-joe-medium%231\
         &signature=495719b275a319abfc5be922b8ffddf7910229424ed78b8e8ab5743828c6df78"
    );
}

#[test]
fn an_address_says_what_it_was_made_of_however_it_was_encoded_on_its_way() {
    let links = links(&[FIRST]);
    let query = made(&links, "Is 1+1 2? é");
    let expected = Signed { parameters: spoken("Is 1+1 2? é"), token: "shop".to_owned(), left: HOUR };

    assert_eq!(links.read_at(NOW, &query).as_ref(), Ok(&expected));
    let (all, signature) = query.split_once("&signature=").unwrap();
    let turned: Vec<&str> = all.rsplit('&').collect();
    for same in [
        query.replace("%20", "+"),
        query.replace("%C3%A9", "%c3%a9").replace("text", "%74ext"),
        format!("signature={signature}&{}", turned.join("&")),
    ] {
        assert_eq!(links.read_at(NOW, &same).as_ref(), Ok(&expected), "{same}");
    }
}

#[test]
fn whatever_is_altered_is_refused_in_the_same_words() {
    let links = links(&[FIRST]);
    let query = made(&links, "Hello");
    let (all, signature) = query.split_once("&signature=").unwrap();

    // Any letter of it.
    for at in 0..query.len() {
        for letter in ['a', 'A', '0', '&', '=', '%', '+'] {
            let altered = format!("{}{letter}{}", &query[..at], &query[at + 1..]);
            if altered != query {
                assert_eq!(links.read_at(NOW, &altered), Err(LinkError::Invalid), "{altered}");
            }
        }
        let without = format!("{}{}", &query[..at], &query[at + 1..]);
        assert_eq!(links.read_at(NOW, &without), Err(LinkError::Invalid), "{without}");
    }
    // Any parameter of it, and those that it lacks.
    for pair in query.split('&') {
        let without: Vec<&str> = query.split('&').filter(|other| *other != pair).collect();
        assert_eq!(links.read_at(NOW, &without.join("&")), Err(LinkError::Invalid), "without {pair}");
        assert_eq!(links.read_at(NOW, &format!("{query}&{pair}")), Err(LinkError::Invalid), "{pair} twice");
    }
    for wrong in [
        String::new(),
        all.to_owned(),
        format!("{all}&signature="),
        format!("{query}&speed=2"),
        format!("{all}&signature={}", signature.to_uppercase()),
        format!("{all}&signature={signature}{signature}"),
        query.replace("token=shop", "token="),
    ] {
        assert_eq!(links.read_at(NOW, &wrong), Err(LinkError::Invalid), "{wrong}");
    }
}

/// By whoever has the secret: signed is not enough.
fn signed_by_hand(pairs: &str) -> String {
    let key = SigningKey::new_from_slice(FIRST.as_bytes()).unwrap();
    format!("{pairs}&signature={}", signature(&key, &format!("/v1/speech?{pairs}")))
}

#[test]
fn an_address_is_good_for_as_long_as_it_says_and_the_settings_allow() {
    let links = links(&[FIRST]);
    let query = made(&links, "Hello");
    let day = 86_400;
    let until = |expires: u64| links.read_at(NOW, &signed_by_hand(&format!("expires={expires}&text=a&v=1")));

    assert_eq!(links.read_at(NOW + 3_599, &query).unwrap().left, Duration::from_secs(1));
    assert_eq!(links.read_at(NOW + 3_600, &query), Err(LinkError::Expired));
    // What was altered is not told that it has expired.
    assert_eq!(links.read_at(NOW + 3_600, &query.replace("Hello", "Hallo")), Err(LinkError::Invalid));
    assert_eq!(until(NOW + day).map(|signed| signed.left), Ok(Duration::from_secs(day)));
    assert_eq!(until(NOW + day + 1), Err(LinkError::Invalid));
    assert_eq!(until(0), Err(LinkError::Expired));
    for wrong in ["text=a&v=1", "expires=soon&text=a&v=1", "expires=99999999999999999999999&v=1"] {
        assert_eq!(links.read_at(NOW, &signed_by_hand(wrong)), Err(LinkError::Invalid), "{wrong}");
    }
    let later = NOW + 60;
    for version in ["&v=2", "&v=", ""] {
        let query = signed_by_hand(&format!("expires={later}&text=a{version}"));
        assert_eq!(links.read_at(NOW, &query), Err(LinkError::Invalid), "{version}");
    }
    for lifetime in [Duration::ZERO, Duration::from_millis(999), Duration::from_secs(day + 1)] {
        let refused = links.make_at(NOW, spoken("a"), "", lifetime).unwrap_err();
        assert_eq!(refused, LinkError::Lifetime(day), "{lifetime:?}");
    }
}

#[test]
fn the_first_secret_signs_all_are_good_and_one_that_is_taken_away_is_not() {
    let [old, both, new] = [&[FIRST][..], &[SECOND, FIRST], &[SECOND]].map(links);
    let [by_old, by_both] = [&old, &both].map(|links| made(links, "Hello"));

    assert!(both.read_at(NOW, &by_old).is_ok() && both.read_at(NOW, &by_both).is_ok());
    assert_eq!(
        (new.read_at(NOW, &by_old), old.read_at(NOW, &by_both)),
        (Err(LinkError::Invalid), Err(LinkError::Invalid))
    );
    assert!(new.read_at(NOW, &by_both).is_ok());
    let none = links(&[]);
    assert_eq!(none.read_at(NOW, &by_old), Err(LinkError::Off));
    assert_eq!(none.make_at(NOW, spoken("a"), "", HOUR).unwrap_err(), LinkError::Off);
}

#[test]
fn secrets_of_a_file_come_before_the_others_and_are_read_again() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{FIRST}\n")).unwrap();
    let config = |secrets: &[&str]| SigningConfig {
        secrets: secrets.iter().map(|secret| Secret::new((*secret).to_owned())).collect(),
        secrets_file: Some(file.path().to_owned()),
        longest: HOUR,
        max_bytes: 1_000,
        public_url: Some("https://tts.example/speech".to_owned()),
    };
    let links = Links::new(&config(&[SECOND])).unwrap();
    let link = links.make_at(NOW, spoken("a"), "", HOUR).unwrap();
    let query = link.url.strip_prefix("https://tts.example/speech/v1/speech?").unwrap();
    assert!(super::tests::links(&[FIRST]).read_at(NOW, query).is_ok());

    std::fs::write(file.path(), "").unwrap();
    assert!(matches!(links.reload(), Err(SecretsError::Empty)) && links.read_at(NOW, query).is_ok());
    std::fs::write(file.path(), "# none\n").unwrap();
    links.reload().unwrap();

    assert_eq!(links.read_at(NOW, query), Err(LinkError::Invalid));
    assert!(links.read_at(NOW, &made(&super::tests::links(&[SECOND]), "a")).is_ok());
    std::fs::write(file.path(), "short").unwrap();
    assert!(Links::new(&config(&[])).is_err());
}

#[test]
fn an_address_has_a_length() {
    let links = links(&[FIRST]);
    let most = 1_000 - made(&links, "").len() - "/v1/speech?".len();

    let longest = made(&links, &"a".repeat(most));

    assert!(links.read_at(NOW, &longest).is_ok());
    assert_eq!(links.make_at(NOW, spoken(&"a".repeat(most + 1)), "shop", HOUR).unwrap_err(), LinkError::TooLong(1_000));
    assert_eq!(links.read_at(NOW, &format!("{longest}a")), Err(LinkError::TooLong(1_000)));
}
