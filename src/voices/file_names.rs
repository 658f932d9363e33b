//! Names of the files of a voice in a models folder.

use crate::domain::VoiceId;

pub const MODEL_ENDING: &str = ".onnx";
const CARD_ENDING: &str = ".MODEL_CARD";
pub const CARD_BEGINNING: &str = "MODEL_CARD.";
pub const QUALITY_ENDING: &str = ".quality.json";

pub fn model_name(id: &VoiceId) -> String {
    format!("{id}{MODEL_ENDING}")
}

pub fn config_name(id: &VoiceId) -> String {
    format!("{id}{MODEL_ENDING}.json")
}

pub fn card_name(id: &VoiceId) -> String {
    format!("{id}{CARD_ENDING}")
}

pub fn loudness_name(id: &VoiceId) -> String {
    format!("{id}.loudness.json")
}

pub fn quality_name(id: &VoiceId) -> String {
    format!("{id}{QUALITY_ENDING}")
}
