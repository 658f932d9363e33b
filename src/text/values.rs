//! Owns the values of SSML's attributes: pauses, rates, volumes, phonemes.

/// An attribute whose value is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadValue {
    pub attribute: &'static str,
    pub expected: &'static str,
}

/// The longest of one break.
const MAX_PAUSE_MS: f64 = 60_000.0;

const RATE: BadValue = BadValue {
    attribute: "rate",
    expected: "x-slow, slow, medium, fast, x-fast, a percentage as 80% or +20%, or a factor from 0.25 to 4",
};
const VOLUME: BadValue = BadValue {
    attribute: "volume",
    expected: "silent, x-soft, soft, medium, loud, x-loud, or decibels as -6dB, up to +12dB in all",
};
const TIME: BadValue =
    BadValue { attribute: "time", expected: "seconds or milliseconds up to a minute, as 1.5s or 500ms" };
const STRENGTH: BadValue =
    BadValue { attribute: "strength", expected: "none, x-weak, weak, medium, strong or x-strong" };
const PHONEMES: BadValue = BadValue { attribute: "ph", expected: "phonemes without ]] in one line" };

/// Milliseconds of a break.
pub fn pause(time: Option<&str>, strength: Option<&str>) -> Result<u32, BadValue> {
    if let Some(time) = time {
        let time = time.trim();
        let (number, factor) = match time.strip_suffix("ms") {
            Some(number) => (number, 1.0),
            None => (time.strip_suffix('s').ok_or(TIME)?, 1000.0),
        };
        let milliseconds = unsigned(number).ok_or(TIME)? * factor;
        return if milliseconds <= MAX_PAUSE_MS { Ok(milliseconds.round() as u32) } else { Err(TIME) };
    }
    match strength {
        None | Some("medium") => Ok(500),
        Some("none") => Ok(0),
        Some("x-weak") => Ok(100),
        Some("weak") => Ok(250),
        Some("strong") => Ok(1_000),
        Some("x-strong") => Ok(2_000),
        Some(_) => Err(STRENGTH),
    }
}

/// A factor on the speed.
pub fn rate(value: &str) -> Result<f32, BadValue> {
    let value = value.trim();
    let factor = match value {
        "x-slow" => 0.5,
        "slow" => 0.75,
        "medium" | "default" => 1.0,
        "fast" => 1.5,
        "x-fast" => 2.0,
        _ => match value.strip_suffix('%') {
            Some(percent) => relative(percent).ok_or(RATE)?,
            None => unsigned(value).ok_or(RATE)?,
        },
    };
    bounded_rate(factor as f32)
}

pub fn bounded_rate(factor: f32) -> Result<f32, BadValue> {
    if (0.25..=4.0).contains(&factor) { Ok(factor) } else { Err(RATE) }
}

/// A factor on the amplitude.
pub fn volume(value: &str) -> Result<f32, BadValue> {
    let value = value.trim();
    let decibels = match value {
        "silent" => return Ok(0.0),
        "x-soft" => -12.0,
        "soft" => -6.0,
        "medium" | "default" => 0.0,
        "loud" => 6.0,
        "x-loud" => 10.0,
        _ => signed(value.strip_suffix("dB").ok_or(VOLUME)?).ok_or(VOLUME)?,
    };
    bounded_volume(10f64.powf(decibels / 20.0) as f32)
}

pub fn bounded_volume(factor: f32) -> Result<f32, BadValue> {
    if (0.0..=4.0).contains(&factor) { Ok(factor) } else { Err(VOLUME) }
}

/// Phonemes as they stand in a text.
pub fn raw_phonemes(phonemes: &str) -> Result<String, BadValue> {
    if phonemes.contains("]]") || phonemes.contains(['\n', '\r']) {
        return Err(PHONEMES);
    }
    Ok(format!("[[ {} ]]", phonemes.trim()))
}

/// A percentage: of the whole, or with a sign more or less than it.
fn relative(percent: &str) -> Option<f64> {
    if percent.starts_with(['+', '-']) {
        Some(1.0 + signed(percent)? / 100.0)
    } else {
        Some(unsigned(percent)? / 100.0)
    }
}

fn unsigned(number: &str) -> Option<f64> {
    number.starts_with(|c: char| c.is_ascii_digit() || c == '.').then(|| plain(number))?
}

fn signed(number: &str) -> Option<f64> {
    plain(number.strip_prefix('+').unwrap_or(number))
}

/// Digits and a point: not what else Rust reads as a number.
fn plain(number: &str) -> Option<f64> {
    let digits = number.strip_prefix('-').unwrap_or(number);
    digits.chars().all(|c| c.is_ascii_digit() || c == '.').then(|| number.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_last_as_long_as_they_say() {
        assert_eq!(pause(Some("500ms"), None), Ok(500));
        assert_eq!(pause(Some(" 1.5s "), Some("none")), Ok(1_500));
        assert_eq!(pause(None, Some("strong")), Ok(1_000));
        assert_eq!(pause(None, None), Ok(500));
        for wrong in ["5", "-1s", "1e3s", "61s", "infs", "s", ""] {
            assert_eq!(pause(Some(wrong), None), Err(TIME), "{wrong}");
        }
        assert_eq!(pause(None, Some("hard")), Err(STRENGTH));
    }

    #[test]
    fn rates_are_names_percentages_or_factors() {
        assert_eq!(["slow", "80%", "+50%", "-20%", "1.25"].map(rate), [0.75, 0.8, 1.5, 0.8, 1.25].map(Ok));
        for wrong in ["", "quick", "0", "500%", "-90%", "nan", "1e1", "--1%"] {
            assert_eq!(rate(wrong), Err(RATE), "{wrong}");
        }
    }

    #[test]
    fn volumes_are_names_or_decibels() {
        assert_eq!(["silent", "medium", "+0dB"].map(volume), [0.0, 1.0, 1.0].map(Ok));
        assert!((volume("-6dB").unwrap() - 0.501).abs() < 0.001);
        for wrong in ["", "6", "+13dB", "dB", "high"] {
            assert_eq!(volume(wrong), Err(VOLUME), "{wrong}");
        }
    }
}
