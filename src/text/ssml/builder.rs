//! Owns the script of a document while it is read: open elements, the manner that they set, and the passages that they
//! make.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use text_normalization::SayAs;

use super::problem::{MAX_DEPTH, MAX_PAUSES_MS, MAX_VOICES, Problem};
use crate::domain::{CastVoice, Passage, SaidText, Speaker, VoiceId};
use crate::text::entities::character;
use crate::text::values::{self, BadValue};

/// The pause before a paragraph that is not the first.
const PARAGRAPH_MS: u32 = 500;

/// An element that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OpenElement {
    Speak,
    Paragraph,
    Sentence,
    /// Everything in it is said otherwise, which was added when it began or is when it ends.
    Instead,
    /// `None`: as the rest of the text.
    SayAs(Option<SayAs>),
    Prosody,
    Voice,
    /// Of those that are empty.
    Empty,
}

/// How what follows is said.
#[derive(Debug, Clone, Copy, PartialEq)]
struct SpeechStyle {
    voice: usize,
    rate: f32,
    volume: f32,
}

pub struct Builder {
    passages: Vec<Passage>,
    said: SaidText,
    /// What stands in an open `say-as`.
    said_as: String,
    marks: Vec<(String, usize)>,
    pause_ms: u32,
    all_pauses_ms: u32,
    voices: Vec<CastVoice>,
    manner: SpeechStyle,
    /// Each with the manner around it, and where it begins.
    open: Vec<(OpenElement, SpeechStyle, usize)>,
    is_over: bool,
}

// === impl Builder ===

impl Builder {
    pub fn new() -> Self {
        Self {
            passages: Vec::new(),
            said: SaidText::default(),
            said_as: String::new(),
            marks: Vec::new(),
            pause_ms: 0,
            all_pauses_ms: 0,
            voices: Vec::new(),
            manner: SpeechStyle { voice: 0, rate: 1.0, volume: 1.0 },
            open: Vec::new(),
            is_over: false,
        }
    }

    pub fn take(&mut self, event: &Event<'_>, text: &str, place: Range<usize>) -> Result<(), Problem> {
        match event {
            Event::Start(start) => self.begin(start, &place),
            Event::Empty(start) => {
                self.begin(start, &place)?;
                self.end(place.end)
            }
            Event::End(_) => self.end(place.start),
            Event::Text(_) => self.text(&text[place.clone()], None, place),
            Event::CData(data) => self.text(data, Some("<![CDATA[".len()), place),
            Event::GeneralRef(reference) => {
                let character = character(reference).ok_or(Problem::Entity)?;
                self.decoded(character.encode_utf8(&mut [0; 4]), place)
            }
            Event::DocType(_) => Err(Problem::DocumentType),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Eof => Ok(()),
        }
    }

    pub fn finish(mut self) -> Result<(Vec<Passage>, Vec<CastVoice>), Problem> {
        if !self.is_over {
            return Err(if self.open.is_empty() { Problem::NotSpeak } else { Problem::Malformed });
        }
        self.close_passage();
        if self.passages.iter().all(|passage| passage.said.as_str().trim().is_empty()) {
            return Err(Problem::Nothing);
        }
        if self.pause_ms > 0 || !self.marks.is_empty() {
            // A pause at the end is before nothing.
            self.said = SaidText::default();
            self.push_passage();
        }
        Ok((self.passages, self.voices))
    }

    fn text(&mut self, text: &str, offset: Option<usize>, place: Range<usize>) -> Result<(), Problem> {
        let start = place.start + offset.unwrap_or(0);
        match self.open.last().map(|(element, _, _)| *element) {
            Some(OpenElement::Instead) => Ok(()),
            None | Some(OpenElement::Empty) if text.trim().is_empty() => Ok(()),
            None => Err(Problem::NotSpeak),
            Some(OpenElement::Empty) => Err(Problem::Misplaced("text")),
            Some(OpenElement::SayAs(Some(_))) => {
                self.said_as.push_str(text);
                Ok(())
            }
            Some(_) => {
                self.said.push_verbatim(text, start);
                Ok(())
            }
        }
    }

    fn decoded(&mut self, said: &str, place: Range<usize>) -> Result<(), Problem> {
        match self.open.last().map(|(element, _, _)| *element) {
            None => Err(Problem::NotSpeak),
            Some(OpenElement::Empty) => Err(Problem::Misplaced("text")),
            Some(OpenElement::Instead) => Ok(()),
            Some(OpenElement::SayAs(Some(_))) => {
                self.said_as.push_str(said);
                Ok(())
            }
            Some(_) => {
                self.said.push_decoded(said, place);
                Ok(())
            }
        }
    }

    fn begin(&mut self, start: &BytesStart<'_>, place: &Range<usize>) -> Result<(), Problem> {
        let name = start.local_name();
        let name: &str = name.as_ref();
        if self.open.len() >= MAX_DEPTH {
            return Err(Problem::TooDeep);
        }
        if self.open.is_empty() && (name != "speak" || self.is_over) {
            return Err(Problem::NotSpeak);
        }
        if matches!(self.open.last(), Some((OpenElement::Instead | OpenElement::Empty | OpenElement::SayAs(_), _, _))) {
            return Err(Problem::Misplaced("an element"));
        }
        let around = self.manner;
        let element = match name {
            "speak" if self.open.is_empty() => OpenElement::Speak,
            "speak" => return Err(Problem::Misplaced("speak")),
            "p" => {
                self.paragraph();
                OpenElement::Paragraph
            }
            "s" => {
                self.close_passage();
                OpenElement::Sentence
            }
            "break" => self.pause(start)?,
            "sub" => {
                let alias = required(start, "sub", "alias")?;
                self.said.push_replaced(&alias, place.end..place.end);
                OpenElement::Instead
            }
            "phoneme" => self.phonemes(start, place)?,
            "say-as" => say_as(start)?,
            "prosody" => self.prosody(start)?,
            "voice" => self.voice(start)?,
            "mark" => {
                let name = required(start, "mark", "name")?;
                self.marks.push((name.into_owned(), self.said.as_str().len()));
                OpenElement::Empty
            }
            _ => return Err(Problem::Element),
        };
        self.open.push((element, around, place.end));
        Ok(())
    }

    fn end(&mut self, at: usize) -> Result<(), Problem> {
        let (element, around, start) = self.open.pop().ok_or(Problem::Malformed)?;
        match element {
            OpenElement::Speak => self.is_over = true,
            OpenElement::Paragraph => self.paragraph(),
            OpenElement::Sentence => self.close_passage(),
            OpenElement::Instead => self.said.extend_last_to(at.max(start)),
            OpenElement::SayAs(Some(how)) => {
                let said = std::mem::take(&mut self.said_as);
                self.said.push_as(&said, start..at.max(start), how);
            }
            OpenElement::Prosody | OpenElement::Voice if self.manner != around => {
                self.close_passage();
                self.manner = around;
            }
            OpenElement::Prosody | OpenElement::Voice | OpenElement::SayAs(None) | OpenElement::Empty => {}
        }
        Ok(())
    }

    fn paragraph(&mut self) {
        self.close_passage();
        if !self.passages.is_empty() {
            self.pause_ms = self.pause_ms.max(PARAGRAPH_MS);
        }
    }

    fn pause(&mut self, start: &BytesStart<'_>) -> Result<OpenElement, Problem> {
        let [time, strength] = attributes(start, "break", "time and strength", ["time", "strength"])?;
        let pause_ms = values::pause(time.as_deref(), strength.as_deref())?;
        self.all_pauses_ms += pause_ms;
        if self.all_pauses_ms > MAX_PAUSES_MS {
            return Err(Problem::TooLong);
        }
        if pause_ms > 0 {
            self.close_passage();
            self.pause_ms += pause_ms;
        }
        Ok(OpenElement::Empty)
    }

    fn phonemes(&mut self, start: &BytesStart<'_>, place: &Range<usize>) -> Result<OpenElement, Problem> {
        let [ph, alphabet] = attributes(start, "phoneme", "ph and alphabet", ["ph", "alphabet"])?;
        let ph = ph.ok_or(Problem::Missing { element: "phoneme", attribute: "ph" })?;
        if alphabet.is_some_and(|alphabet| alphabet != "ipa") {
            return Err(Problem::Value { attribute: "alphabet", expected: "ipa" });
        }
        self.said.push_replaced(&values::raw_phonemes(&ph)?, place.end..place.end);
        Ok(OpenElement::Instead)
    }

    fn prosody(&mut self, start: &BytesStart<'_>) -> Result<OpenElement, Problem> {
        let [rate, volume] = attributes(start, "prosody", "rate and volume", ["rate", "volume"])?;
        let mut manner = self.manner;
        if let Some(rate) = rate {
            manner.rate = values::bounded_rate(manner.rate * values::rate(&rate)?)?;
        }
        if let Some(volume) = volume {
            manner.volume = values::bounded_volume(manner.volume * values::volume(&volume)?)?;
        }
        self.set_manner(manner);
        Ok(OpenElement::Prosody)
    }

    fn voice(&mut self, start: &BytesStart<'_>) -> Result<OpenElement, Problem> {
        let name = required(start, "voice", "name")?;
        let expected = "the name of a voice, or voice#speaker";
        let unknown = |_| Problem::Value { attribute: "name", expected };
        let (voice, speaker) = match name.split_once('#') {
            None => (VoiceId::parse(&name).map_err(unknown)?, None),
            Some((voice, speaker)) => {
                (VoiceId::parse(voice).map_err(unknown)?, Some(Speaker::Name(speaker.to_owned())))
            }
        };
        let named = CastVoice { voice, speaker };
        let known = self.voices.iter().position(|voice| *voice == named);
        let index = match known {
            Some(index) => index,
            None if self.voices.len() == MAX_VOICES => return Err(Problem::TooManyVoices),
            None => {
                self.voices.push(named);
                self.voices.len() - 1
            }
        };
        self.set_manner(SpeechStyle { voice: index + 1, ..self.manner });
        Ok(OpenElement::Voice)
    }

    fn set_manner(&mut self, manner: SpeechStyle) {
        if manner != self.manner {
            self.close_passage();
            self.manner = manner;
        }
    }

    /// Ends what is said in one go, if there is anything.
    fn close_passage(&mut self) {
        if !self.said.as_str().trim().is_empty() {
            self.push_passage();
        } else if self.marks.is_empty() {
            self.said = SaidText::default();
        }
    }

    fn push_passage(&mut self) {
        let SpeechStyle { voice, rate, volume } = self.manner;
        self.passages.push(Passage {
            said: std::mem::take(&mut self.said),
            voice,
            rate,
            volume,
            pause_before_ms: std::mem::take(&mut self.pause_ms),
            marks: std::mem::take(&mut self.marks),
        });
    }
}

fn say_as(start: &BytesStart<'_>) -> Result<OpenElement, Problem> {
    let has = "interpret-as, format and detail";
    let [kind, format, _] = attributes(start, "say-as", has, ["interpret-as", "format", "detail"])?;
    let kind = kind.ok_or(Problem::Missing { element: "say-as", attribute: "interpret-as" })?;
    Ok(OpenElement::SayAs(SayAs::of(&kind, format.as_deref())))
}

fn required<'a>(
    start: &'a BytesStart<'_>,
    element: &'static str,
    attribute: &'static str,
) -> Result<Cow<'a, str>, Problem> {
    let [value] = attributes(start, element, attribute, [attribute])?;
    value.filter(|value| !value.trim().is_empty()).ok_or(Problem::Missing { element, attribute })
}

/// The values of the attributes that an element may have, and of no others but those of XML itself.
fn attributes<'a, const COUNT: usize>(
    start: &'a BytesStart<'_>,
    element: &'static str,
    has: &'static str,
    names: [&'static str; COUNT],
) -> Result<[Option<Cow<'a, str>>; COUNT], Problem> {
    let mut values = [const { None }; COUNT];
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| Problem::Malformed)?;
        let key: &str = attribute.key.as_ref();
        if key.starts_with("xml:") || key.starts_with("xmlns") {
            continue;
        }
        let index = names.iter().position(|name| *name == key).ok_or(Problem::Attribute { element, has })?;
        let value = attribute.normalized_value(XmlVersion::default()).map_err(|_| Problem::Entity)?;
        if value.contains('\0') {
            return Err(Problem::Malformed);
        }
        values[index] = Some(value);
    }
    Ok(values)
}

impl From<BadValue> for Problem {
    fn from(BadValue { attribute, expected }: BadValue) -> Self {
        Self::Value { attribute, expected }
    }
}
