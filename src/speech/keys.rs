//! Owns the cache keys: the names under which answers, plans and sentences are kept. Whatever can change the bytes is
//! in the key; what cannot is not.

use piper_acoustic::ModelInput;

use super::AudioSpec;
use crate::cache::{CacheKey, KeyBuilder};
use crate::domain::{Level, Origin, SaidText, Speaker, SynthesisRequest};
use crate::voices::VoiceDigest;

// Raised, from the first release on, when equal parts come to mean other bytes: phonemization, the engine and formats
// are not in the keys but in these.
const ANSWER: &str = "answer-v1";
const PLAN: &str = "plan-v1";
const SENTENCE: &str = "sentence-v1";
// Of what is read before it is said, which happens where nothing was found: what it is read as is not in the keys but
// in this.
const READING: &str = "reading-v1";
// Of what becomes of levels, where they are not those that voices were trained at.
const LEVEL: &str = "level-v1";

/// A request's identity: its voice as it is now, its text, and how both are spoken.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    pub request: &'a SynthesisRequest,
    /// Of the request's voice, and of those that its text names.
    pub digests: &'a [VoiceDigest],
    pub max_phonemes: usize,
}

/// Of the bytes of a whole answer.
pub fn answer_key(identity: &Identity<'_>, spec: AudioSpec) -> CacheKey {
    let SynthesisRequest { prosody, script, .. } = identity.request;
    let mut key = identity.add_to(KeyBuilder::new(ANSWER));
    if !script.is_plain() {
        for passage in script.passages() {
            key = key
                .part("passage volume", passage.volume.to_le_bytes())
                .part("passage pause", passage.pause_before_ms.to_le_bytes());
        }
    }
    let key = match prosody.level() {
        Level::AsTrained => key,
        Level::Loudness(wanted) => key.part(LEVEL, wanted.get().to_le_bytes()),
        Level::FullPeaks => key.part(LEVEL, "peaks"),
    };
    key.part("volume", prosody.volume().to_le_bytes())
        .part("sentence silence", prosody.sentence_silence_ms().to_le_bytes())
        .part("format", spec.format.name())
        .optional("sample rate", spec.sample_rate.map(u32::to_le_bytes))
        .finish()
}

/// Of the list of a text's sentences.
pub fn plan_key(identity: &Identity<'_>) -> CacheKey {
    identity.add_to(KeyBuilder::new(PLAN)).finish()
}

/// Of the samples of one sentence, wherever it stands. Its seed is not in it, but made from it.
pub fn sentence_key(digest: &VoiceDigest, input: &ModelInput) -> CacheKey {
    let ids: Vec<u8> = input.ids.iter().flat_map(|id| id.to_le_bytes()).collect();
    let key = KeyBuilder::new(SENTENCE)
        .part("voice", digest.as_bytes())
        .part("ids", ids)
        .part("speaker", input.speaker.to_le_bytes())
        .part("noise scale", input.noise_scale.to_le_bytes())
        .part("length scale", input.length_scale.to_le_bytes())
        .part("noise w", input.noise_w.to_le_bytes());
    let blended = input.blend.iter().fold(key, |key, (speaker, share)| {
        key.part("blended", speaker.to_le_bytes()).part("share", share.to_le_bytes())
    });
    blended.finish()
}

fn with_speaker(key: KeyBuilder, speaker: Option<&Speaker>) -> KeyBuilder {
    let (name, number) = match speaker {
        Some(Speaker::Name(name)) => (Some(name), None),
        Some(Speaker::Number(number)) => (None, Some(number)),
        None => (None, None),
    };
    key.optional("speaker name", name).optional("speaker number", number.map(|number| number.to_le_bytes()))
}

/// Which parts of a passage are not read any more, or in ways of their own.
fn with_origins(key: KeyBuilder, said: &SaidText, is_to_be_read: bool) -> KeyBuilder {
    if !is_to_be_read {
        return key;
    }
    said.parts().fold(key, |key, part| {
        let place = [part.place.start as u64, part.place.end as u64].map(u64::to_le_bytes).concat();
        match part.origin {
            Origin::Verbatim | Origin::Decoded => key,
            Origin::Instead | Origin::Read { .. } => key.part("as it is", place),
            Origin::As(how) => key.part("as", place).part("way", format!("{how:?}")),
        }
    })
}

impl Identity<'_> {
    fn add_to(&self, key: KeyBuilder) -> KeyBuilder {
        let SynthesisRequest { voice, speaker, script, prosody, .. } = self.request;
        let key = key.part("voice", voice.as_str());
        let key = if script.is_plain() {
            key.part("text", script.source().as_str())
        } else {
            script.passages().iter().fold(key, |key, passage| {
                let key = with_origins(key, &passage.said, script.is_to_be_read());
                key.part("passage", passage.said.as_str())
                    .part("passage voice", (passage.voice as u64).to_le_bytes())
                    .part("passage rate", passage.rate.to_le_bytes())
            })
        };
        let reading = script.reading();
        let key = if reading.classes.is_empty() {
            key
        } else {
            key.part(READING, reading.classes.bits().to_le_bytes()).part("markdown", [u8::from(reading.is_markdown)])
        };
        let key = self.digests.iter().fold(key, |key, digest| key.part("digest", digest.as_bytes()));
        let named = script.voices().iter().map(|named| &named.speaker);
        let key = named.fold(with_speaker(key, speaker.as_ref()), |key, speaker| with_speaker(key, speaker.as_ref()));
        key.part("speed", prosody.speed().to_le_bytes())
            .optional("length scale", prosody.length_scale().map(f32::to_le_bytes))
            .optional("noise scale", prosody.noise_scale().map(f32::to_le_bytes))
            .optional("noise w", prosody.noise_w().map(f32::to_le_bytes))
            .part("phonemes", (self.max_phonemes as u64).to_le_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use super::*;
    use crate::audio::AudioFormat;
    use crate::domain::{
        Class, Classes, Deadline, InputText, Passage, Prosody, Reading, SaidText, SayAs, Script, VoiceId,
    };

    const DIGEST: [u8; 32] = [7; 32];
    const SPEC: AudioSpec = AudioSpec { format: AudioFormat::Wav, sample_rate: None };

    fn request() -> SynthesisRequest {
        SynthesisRequest {
            voice: VoiceId::parse("v").unwrap(),
            speaker: None,
            script: Script::plain(InputText::parse("Hi.", 100).unwrap()),
            prosody: Prosody::default(),
            deadline: Deadline::after(Duration::from_secs(1)),
        }
    }

    fn keys_of(request: &SynthesisRequest, digest: [u8; 32], spec: AudioSpec) -> (String, String) {
        let digests = [VoiceDigest::from(digest)];
        let identity = Identity { request, digests: &digests, max_phonemes: 400 };
        (answer_key(&identity, spec).to_string(), plan_key(&identity).to_string())
    }

    fn reading(classes: Classes, is_markdown: bool) -> Reading {
        Reading { classes, is_markdown, max_chars: 100 }
    }

    fn input() -> ModelInput {
        ModelInput {
            ids: vec![1, 0, 14, 2],
            speaker: 0,
            blend: Vec::new(),
            noise_scale: 0.5,
            length_scale: 1.0,
            noise_w: 0.8,
            seed: 0,
        }
    }

    /// The keys of version 1, computed by `tests/fixtures/keys.py`. They change with the version or not at all.
    #[test]
    fn keys_of_version_1_are_what_they_were() {
        let (answer, plan) = keys_of(&request(), DIGEST, SPEC);

        assert_eq!(answer, "2f89d14dfb4941c7cac689d6f5b86ee94370dc7e51522199f2e95aa4b8f75c30");
        assert_eq!(plan, "8ddee97cb769089a94645b658a9d263f9982b8c81d17367f8470033bd6d977ba");
        assert_eq!(
            sentence_key(&DIGEST.into(), &input()).to_string(),
            "5405e6bf4520b7e920bacbeeaa1f420acd9ebf9148105f2a23d653d75ca612fe"
        );
    }

    #[test]
    fn whatever_changes_the_bytes_changes_the_answers_key() {
        let base = request();
        let with = |change: &dyn Fn(&mut SynthesisRequest)| {
            let mut request = base.clone();
            change(&mut request);
            keys_of(&request, DIGEST, SPEC).0
        };
        let text = |text: &str| Script::plain(InputText::parse(text, 100).unwrap());
        let passages = |change: &dyn Fn(&mut Passage)| {
            let mut passage = Passage::of(SaidText::default());
            change(&mut passage);
            Script::new(InputText::parse("Hi.", 100).unwrap(), vec![passage], Vec::new())
        };
        let keys = [
            with(&|_| {}),
            with(&|request| request.voice = VoiceId::parse("w").unwrap()),
            with(&|request| request.script = text("Hi. ")),
            with(&|request| request.script = text("H\u{ed}.")),
            with(&|request| request.script = text("Hi\u{301}.")),
            with(&|request| request.script = passages(&|_| {})),
            with(&|request| request.script = passages(&|passage| passage.said.push_replaced("Ho.", 0..1))),
            with(&|request| request.script = passages(&|passage| passage.voice = 1)),
            with(&|request| request.script = passages(&|passage| passage.rate = 2.0)),
            with(&|request| request.script = passages(&|passage| passage.volume = 2.0)),
            with(&|request| request.script = passages(&|passage| passage.pause_before_ms = 1)),
            with(&|request| request.script = text("Hi.").with_reading(reading(Classes::ALL, false))),
            with(&|request| request.script = text("Hi.").with_reading(reading(Classes::ALL, true))),
            with(&|request| request.script = text("Hi.").with_reading(reading(Classes::NONE.with(Class::Date), false))),
            with(&|request| request.script = passages(&|passage| passage.said.push_as("Ho.", 0..1, SayAs::Time))),
            with(&|request| request.script = passages(&|passage| passage.said.push_as("Ho.", 0..1, SayAs::Unit))),
            with(&|request| {
                let said = passages(&|passage| passage.said.push_replaced("Ho.", 0..1));
                request.script = said.with_reading(reading(Classes::ALL, false));
            }),
            with(&|request| {
                let said = passages(&|passage| passage.said.push_verbatim("Ho.", 0));
                request.script = said.with_reading(reading(Classes::ALL, false));
            }),
            with(&|request| request.speaker = Some(Speaker::Number(1))),
            with(&|request| request.speaker = Some(Speaker::Name("1".into()))),
            with(&|request| request.prosody = Prosody::default().with_speed(2.0).unwrap()),
            with(&|request| request.prosody = Prosody::default().with_noise_scale(0.667).unwrap()),
            with(&|request| request.prosody = Prosody::default().with_noise_w(0.667).unwrap()),
            with(&|request| request.prosody = Prosody::default().with_volume(2.0).unwrap()),
            with(&|request| request.prosody = Prosody::default().with_sentence_silence_ms(1).unwrap()),
            keys_of(&base, [8; 32], SPEC).0,
            keys_of(&base, DIGEST, AudioSpec { format: AudioFormat::Pcm, ..SPEC }).0,
            keys_of(&base, DIGEST, AudioSpec { sample_rate: Some(16_000), ..SPEC }).0,
        ];

        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
    }

    #[test]
    fn what_is_applied_after_the_network_is_not_in_the_plans_key() {
        let mut other = request();
        other.prosody = Prosody::default().with_volume(0.5).unwrap().with_sentence_silence_ms(100).unwrap();
        let spec = AudioSpec { format: AudioFormat::Pcm, sample_rate: Some(8_000) };

        assert_eq!(keys_of(&other, DIGEST, spec).1, keys_of(&request(), DIGEST, SPEC).1);
    }

    #[test]
    fn whatever_changes_the_sound_changes_the_sentences_key() {
        let keys = [
            input(),
            ModelInput { ids: vec![1, 0, 14, 0, 2], ..input() },
            ModelInput { speaker: 1, ..input() },
            ModelInput { blend: vec![(0, 0.5), (1, 0.5)], ..input() },
            ModelInput { blend: vec![(0, 0.4), (1, 0.6)], ..input() },
            ModelInput { noise_scale: 0.6, ..input() },
            ModelInput { length_scale: 1.1, ..input() },
            ModelInput { noise_w: 0.9, ..input() },
        ]
        .map(|input| sentence_key(&DIGEST.into(), &input));

        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
        assert_ne!(sentence_key(&[8; 32].into(), &input()), keys[0]);
        assert_eq!(sentence_key(&DIGEST.into(), &ModelInput { seed: 9, ..input() }), keys[0]);
    }
}
