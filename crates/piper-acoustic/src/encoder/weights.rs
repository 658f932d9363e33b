//! Owns the description of a text encoder: its layers and their weights, as training and ONNX lay them out. Refuses
//! descriptions whose shapes do not fit each other.

use crate::kernels::{ConvWeights, NormWeights, ShapeError, not_empty, pointwise, produces, same_len};

/// What the text encoder is made of.
#[derive(Debug, Clone)]
pub struct EncoderWeights {
    /// `[id][channel]`
    pub embedding: Vec<f32>,
    pub layers: Vec<EncoderLayerWeights>,
    /// To the means, then the logarithms of the standard deviations.
    pub projection: ConvWeights,
}

/// Attention and a small network, each added to what it takes and then normalised.
#[derive(Debug, Clone)]
pub struct EncoderLayerWeights {
    pub attention: AttentionWeights,
    pub attention_norm: NormWeights,
    /// Two convolutions with a ReLU between them.
    pub feed_forward: [ConvWeights; 2],
    pub feed_forward_norm: NormWeights,
}

/// Attention that knows how far away what it sees is, within a window.
#[derive(Debug, Clone)]
pub struct AttentionWeights {
    pub heads: usize,
    pub query: ConvWeights,
    pub key: ConvWeights,
    pub value: ConvWeights,
    pub output: ConvWeights,
    /// What is added to the keys at each distance, the farthest before first: `[distance][channel of a head]`.
    pub near_keys: Vec<f32>,
    /// What is added to the values, alike.
    pub near_values: Vec<f32>,
}

// === impl EncoderWeights ===

impl EncoderWeights {
    /// Whether all shapes fit each other.
    pub fn validate(&self) -> Result<(), ShapeError> {
        let hidden = self.projection.in_channels;
        let part = "the projection";
        produces(part, &self.projection, hidden, self.projection.out_channels)?;
        pointwise(part, &self.projection)?;
        if !self.projection.out_channels.is_multiple_of(2) {
            return Err(ShapeError::Length { part });
        }
        not_empty("the embedding", self.embedding.len())?;
        whole_rows("the embedding", &self.embedding, hidden)?;
        not_empty("the list of layers", self.layers.len())?;
        self.layers.iter().try_for_each(|layer| layer.validate(hidden))
    }
}

impl EncoderLayerWeights {
    fn validate(&self, hidden: usize) -> Result<(), ShapeError> {
        self.attention.validate(hidden)?;
        self.attention_norm.validate(hidden)?;
        let [first, second] = &self.feed_forward;
        produces("a layer's first convolution", first, hidden, first.out_channels)?;
        produces("a layer's second convolution", second, first.out_channels, hidden)?;
        self.feed_forward_norm.validate(hidden)
    }
}

impl AttentionWeights {
    /// Distances on each side that the attention knows of.
    pub fn window(&self) -> usize {
        self.near_keys.len() * self.heads / self.query.in_channels / 2
    }

    fn validate(&self, hidden: usize) -> Result<(), ShapeError> {
        for conv in [&self.query, &self.key, &self.value, &self.output] {
            produces("an attention's convolution", conv, hidden, hidden)?;
            pointwise("an attention's convolution", conv)?;
        }
        if self.heads == 0 || !hidden.is_multiple_of(self.heads) {
            return Err(ShapeError::Length { part: "the heads of an attention" });
        }
        for near in [&self.near_keys, &self.near_values] {
            let part = "an attention's table of distances";
            whole_rows(part, near, hidden / self.heads)?;
            // As many before as behind, and the place itself.
            if (near.len() * self.heads / hidden).is_multiple_of(2) {
                return Err(ShapeError::Length { part });
            }
        }
        same_len("an attention's table of distances", self.near_values.len(), self.near_keys.len())
    }
}

// === helpers ===

fn whole_rows(part: &'static str, values: &[f32], row: usize) -> Result<(), ShapeError> {
    same_len(part, values.len(), values.len().next_multiple_of(row))
}
