//! Owns one request for speech, free of HTTP: which voice says which text, how, and until when.

use super::{Deadline, InvalidField, Level, Passage, Script, Speaker, VoiceId};

/// One text to be spoken by one voice.
#[derive(Debug, Clone)]
pub struct SynthesisRequest {
    pub voice: VoiceId,
    pub speaker: Option<Speaker>,
    pub script: Script,
    pub prosody: Prosody,
    pub deadline: Deadline,
}

/// How the text is spoken. Fields are within their ranges once the value exists.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prosody {
    speed: f32,
    length_scale: Option<f32>,
    noise_scale: Option<f32>,
    noise_w: Option<f32>,
    volume: f32,
    level: Level,
    sentence_silence_ms: u32,
}

// === impl SynthesisRequest ===

impl SynthesisRequest {
    /// Its own voice, then those that its text names.
    pub fn voices(&self) -> impl Iterator<Item = &VoiceId> {
        std::iter::once(&self.voice).chain(self.script.voices().iter().map(|named| &named.voice))
    }

    /// Who says what: its own voice and speaker, then those that its text names; `None` is the voice's own default.
    pub fn cast(&self) -> impl Iterator<Item = (&VoiceId, Option<&Speaker>)> {
        let named = self.script.voices().iter().map(|named| (&named.voice, named.speaker.as_ref()));
        std::iter::once((&self.voice, self.speaker.as_ref())).chain(named)
    }

    /// Who says a passage; `None` is the voice's own default.
    pub fn speaker_of(&self, passage: &Passage) -> Option<&Speaker> {
        match passage.voice.checked_sub(1) {
            None => self.speaker.as_ref(),
            Some(named) => self.script.voices().get(named)?.speaker.as_ref(),
        }
    }
}

// === impl Prosody ===

impl Default for Prosody {
    fn default() -> Self {
        Self {
            speed: 1.0,
            length_scale: None,
            noise_scale: None,
            noise_w: None,
            volume: 1.0,
            level: Level::default(),
            sentence_silence_ms: 0,
        }
    }
}

impl Prosody {
    /// Speaking rate, 0.25 to 4; the voice's own length scale is divided by it.
    pub fn with_speed(mut self, speed: f32) -> Result<Self, InvalidField> {
        self.speed =
            within(speed, 0.25, 4.0).ok_or(InvalidField { field: "speed", expected: "a number from 0.25 to 4" })?;
        Ok(self)
    }

    /// Length of phonemes in the network's own measure, 0.1 to 10, whatever the voice's own is and the speed.
    pub fn with_length_scale(mut self, length_scale: f32) -> Result<Self, InvalidField> {
        let value = within(length_scale, 0.1, 10.0)
            .ok_or(InvalidField { field: "length_scale", expected: "a number from 0.1 to 10" })?;
        self.length_scale = Some(value);
        Ok(self)
    }

    /// Amount of noise in the voice's timbre, 0 to 2; the voice's own by default.
    pub fn with_noise_scale(mut self, noise_scale: f32) -> Result<Self, InvalidField> {
        let value = within(noise_scale, 0.0, 2.0)
            .ok_or(InvalidField { field: "noise_scale", expected: "a number from 0 to 2" })?;
        self.noise_scale = Some(value);
        Ok(self)
    }

    /// Amount of noise in phoneme durations, 0 to 2; the voice's own by default.
    pub fn with_noise_w(mut self, noise_w: f32) -> Result<Self, InvalidField> {
        let value =
            within(noise_w, 0.0, 2.0).ok_or(InvalidField { field: "noise_w", expected: "a number from 0 to 2" })?;
        self.noise_w = Some(value);
        Ok(self)
    }

    /// Factor on the amplitude, 0 to 4; what then exceeds full scale is clipped.
    pub fn with_volume(mut self, volume: f32) -> Result<Self, InvalidField> {
        self.volume =
            within(volume, 0.0, 4.0).ok_or(InvalidField { field: "volume", expected: "a number from 0 to 4" })?;
        Ok(self)
    }

    /// What the volume is a factor on.
    pub fn with_level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Silence between sentences in milliseconds, 0 to 10000.
    pub fn with_sentence_silence_ms(mut self, milliseconds: u32) -> Result<Self, InvalidField> {
        if milliseconds > 10_000 {
            return Err(InvalidField { field: "sentence_silence_ms", expected: "a whole number from 0 to 10000" });
        }
        self.sentence_silence_ms = milliseconds;
        Ok(self)
    }

    pub fn speed(&self) -> f32 {
        self.speed
    }

    pub fn length_scale(&self) -> Option<f32> {
        self.length_scale
    }

    pub fn noise_scale(&self) -> Option<f32> {
        self.noise_scale
    }

    pub fn noise_w(&self) -> Option<f32> {
        self.noise_w
    }

    pub fn volume(&self) -> f32 {
        self.volume
    }

    pub fn level(&self) -> Level {
        self.level
    }

    pub fn sentence_silence_ms(&self) -> u32 {
        self.sentence_silence_ms
    }
}

/// NaN is within no range.
fn within(value: f32, low: f32, high: f32) -> Option<f32> {
    (low..=high).contains(&value).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_outside_their_range_name_the_field() {
        for speed in [0.0, 0.24, 4.1, f32::NAN, f32::INFINITY, -1.0] {
            assert_eq!(Prosody::default().with_speed(speed).unwrap_err().field, "speed");
        }
        assert!(Prosody::default().with_length_scale(0.0).is_err());
        assert!(Prosody::default().with_noise_scale(-0.1).is_err());
        assert!(Prosody::default().with_noise_w(2.5).is_err());
        assert!(Prosody::default().with_volume(f32::NAN).is_err());
        assert!(Prosody::default().with_sentence_silence_ms(10_001).is_err());
    }
}
