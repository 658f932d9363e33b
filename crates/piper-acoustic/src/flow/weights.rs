//! Owns the description of a flow: its couplings and their weights, as training and ONNX lay them out. Refuses
//! descriptions whose shapes do not fit each other.

use crate::kernels::{ConvWeights, ShapeError, not_empty, pointwise, produces};

/// What the flow is made of.
#[derive(Debug, Clone)]
pub struct FlowWeights {
    /// In the order in which they run when speaking, which is the reverse of training; before each, the channels are
    /// turned round.
    pub couplings: Vec<CouplingWeights>,
}

/// Half of the channels, the first, decide what is taken from the others.
#[derive(Debug, Clone)]
pub struct CouplingWeights {
    pub pre: ConvWeights,
    pub layers: Vec<GatedLayerWeights>,
    pub post: ConvWeights,
}

/// A gated layer as in WaveNet.
#[derive(Debug, Clone)]
pub struct GatedLayerWeights {
    /// To twice the channels: arguments of the hyperbolic tangent, then of the logistic function.
    pub gates: ConvWeights,
    /// To what is added to the layer's input and, after it, what is handed past the layers; of the last layer only the
    /// latter.
    pub res_skip: ConvWeights,
}

// === impl FlowWeights ===

impl FlowWeights {
    /// Whether all shapes fit each other.
    pub fn validate(&self) -> Result<(), ShapeError> {
        let Some(first) = self.couplings.first() else {
            return Err(ShapeError::Empty { part: "the list of couplings" });
        };
        // After an even number of turns the channels stand as they came.
        if !self.couplings.len().is_multiple_of(2) {
            return Err(ShapeError::Length { part: "an odd number of couplings" });
        }
        self.couplings.iter().try_for_each(|coupling| coupling.validate(&first.pre))
    }
}

impl CouplingWeights {
    fn validate(&self, first: &ConvWeights) -> Result<(), ShapeError> {
        let hidden = first.out_channels;
        produces("a coupling's first convolution", &self.pre, first.in_channels, hidden)?;
        pointwise("a coupling's first convolution", &self.pre)?;
        produces("a coupling's last convolution", &self.post, hidden, first.in_channels)?;
        pointwise("a coupling's last convolution", &self.post)?;
        not_empty("a coupling's list of layers", self.layers.len())?;
        for (at, layer) in self.layers.iter().enumerate() {
            let is_last = at + 1 == self.layers.len();
            produces("a layer's gate", &layer.gates, hidden, 2 * hidden)?;
            produces("a layer's output", &layer.res_skip, hidden, if is_last { hidden } else { 2 * hidden })?;
            pointwise("a layer's output", &layer.res_skip)?;
        }
        Ok(())
    }
}
