//! Owns finding the values at which a graph is taken apart.

use std::collections::HashSet;

use super::super::onnx::{Cut, CutValue, Graph, Node};
use super::names::{DURATION_NOISE, FRAMES, HIDDEN, LATENT, LOG_DEVIATION, MASK, MEAN, OWN, PRIOR, SAMPLES, SPEAKER};

/// Names of the values in the graph. Their shapes stand with the names that they get, in [`super::names`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphBoundaries {
    hidden: String,
    mean: String,
    log_deviation: String,
    frames: String,
    /// Absent where durations are not random.
    duration_noise: Option<String>,
    prior: String,
    mask: String,
    latent: String,
    /// Absent where there is one speaker.
    speaker: Option<String>,
    samples: String,
}

/// What a graph lacks of the structure that can be taken apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the graph has no {0}")]
pub struct StructureError(pub &'static str);

const SCALES: &str = "scales";
const SPEAKER_ID: &str = "sid";

// === impl GraphBoundaries ===

impl GraphBoundaries {
    pub fn find(graph: &Graph<'_>) -> Result<Self, StructureError> {
        if !graph.is_ordered() {
            return Err(StructureError("order"));
        }
        // Values of these names are ours once it is taken apart; one of its own would be mixed up with them.
        if graph.nodes().flat_map(Node::outputs).any(|name| name.starts_with(OWN)) {
            return Err(StructureError("names of its own alone"));
        }
        let noises: Vec<Node> = graph.of_kind("RandomNormalLike").collect();
        let prior = noises
            .iter()
            .find_map(|&noise| PriorBoundary::behind(graph, noise))
            .ok_or(StructureError("latent noise"))?;
        let durations = single(graph.of_kind("Ceil")).and_then(|whole| whole.input(0));
        let latent = decoder_input(graph).ok_or(StructureError("decoder"))?;
        let mask = mask(graph, prior.sum, latent)?;
        let duration_noise = noises.iter().filter(|noise| **noise != prior.noise).map(|noise| noise.output());
        let samples = graph.of_kind("Tanh").last().map(Node::output).ok_or(StructureError("decoder"))?;
        let mean = unexpanded(graph, prior.mean).ok_or(StructureError("alignment"))?;
        Ok(Self {
            hidden: projected(graph, mean).ok_or(StructureError("text encoder"))?.to_owned(),
            mean: mean.to_owned(),
            log_deviation: unexpanded(graph, prior.log_deviation).ok_or(StructureError("alignment"))?.to_owned(),
            frames: durations.ok_or(StructureError("durations"))?.to_owned(),
            duration_noise: at_most_one(duration_noise, StructureError("known noise"))?.map(str::to_owned),
            prior: prior.sum.to_owned(),
            mask: mask.to_owned(),
            latent: latent.to_owned(),
            speaker: speaker(graph).map(str::to_owned),
            samples: samples.to_owned(),
        })
    }

    /// Text to what it says of durations and of the latent's distribution.
    pub fn encoder(&self) -> Cut {
        let outputs = [(&self.hidden, HIDDEN), (&self.mean, MEAN), (&self.log_deviation, LOG_DEVIATION)];
        Cut { inputs: Vec::new(), outputs: outputs.into_iter().map(|(from, to)| value(from, to)).collect() }
    }

    /// What the text says of durations to durations.
    pub fn durations(&self) -> Cut {
        let noise = self.duration_noise.iter().map(|name| value(name, DURATION_NOISE));
        Cut {
            inputs: [value(&self.hidden, HIDDEN)].into_iter().chain(noise).chain(self.speaker()).collect(),
            outputs: vec![value(&self.frames, FRAMES)],
        }
    }

    /// A speaker's id to the embedding that the other parts take, where there are several.
    pub fn speakers(&self) -> Option<Cut> {
        Some(Cut { inputs: Vec::new(), outputs: vec![self.speaker()?] })
    }

    /// The flow between the two forms of the latent.
    pub fn flow(&self) -> Cut {
        Cut {
            inputs: [value(&self.prior, PRIOR), value(&self.mask, MASK)].into_iter().chain(self.speaker()).collect(),
            outputs: vec![value(&self.latent, LATENT)],
        }
    }

    /// The latent to samples.
    pub fn decoder(&self) -> Cut {
        Cut {
            inputs: [value(&self.latent, LATENT)].into_iter().chain(self.speaker()).collect(),
            outputs: vec![value(&self.samples, SAMPLES)],
        }
    }

    fn speaker(&self) -> Option<CutValue> {
        self.speaker.as_ref().map(|name| value(name, SPEAKER))
    }
}

/// `mean + noise * exp(log_deviation) * noise_scale`
struct PriorBoundary<'a> {
    noise: Node<'a>,
    mean: &'a str,
    log_deviation: &'a str,
    sum: &'a str,
}

impl<'a> PriorBoundary<'a> {
    fn behind(graph: &Graph<'a>, noise: Node<'a>) -> Option<Self> {
        let mut value = noise.output();
        let mut factors = Vec::new();
        let sum = loop {
            let next = single(graph.consumers(value))?;
            let other = other_input(next, value)?;
            if next.is("Add") {
                break next;
            }
            if !next.is("Mul") {
                return None;
            }
            factors.push(graph.producer(other)?);
            value = next.output();
        };
        let mean = other_input(sum, value)?;
        let deviation = factors.iter().find(|factor| factor.is("Exp"))?;
        let scale = factors.iter().find(|factor| factor.is("Gather") && factor.input(0) == Some(SCALES))?;
        let complete = factors.len() == 2 && deviation != scale && noise.input(0) == Some(mean);
        complete.then_some(Self { noise, mean, log_deviation: deviation.input(0)?, sum: sum.output() })
    }
}

/// What was repeated for each of its frames: `transpose(alignment x transpose(value))`.
fn unexpanded<'a>(graph: &Graph<'a>, expanded: &str) -> Option<&'a str> {
    let is_transpose = |value: &str| graph.producer(value).filter(|node| node.is("Transpose"));
    let product = graph.producer(is_transpose(expanded)?.input(0)?).filter(|node| node.is("MatMul"))?;
    is_transpose(product.input(1)?)?.input(0)
}

/// What the convolution takes of whose output a value is the first part.
fn projected<'a>(graph: &Graph<'a>, part: &str) -> Option<&'a str> {
    let split = graph.producer(part).filter(|node| node.is("Split") && node.output() == part)?;
    let masked = graph.producer(split.input(0)?)?;
    let sources = masked.inputs().iter().filter_map(|input| graph.producer(input));
    let projection = if masked.is("Conv") { Some(masked) } else { single(sources.filter(|node| node.is("Conv"))) };
    projection?.input(0)
}

/// What the convolution before the first transposed one takes.
fn decoder_input<'a>(graph: &Graph<'a>) -> Option<&'a str> {
    let first = graph.of_kind("ConvTranspose").next()?;
    let activation = graph.producer(first.input(0)?).filter(|node| node.is("LeakyRelu"))?;
    let before = graph.producer(activation.input(0)?)?;
    let convolution = if before.is("Add") {
        // One of the two is the speaker's part, a convolution as well: that of the embedding.
        let producers = before.inputs().iter().filter_map(|input| graph.producer(input));
        producers
            .filter(|node| node.is("Conv"))
            .find(|node| !node.input(0).is_some_and(|input| is_speaker(graph, input)))?
    } else {
        before
    };
    convolution.is("Conv").then(|| convolution.input(0))?
}

/// What the nodes between two values take from elsewhere, but for what comes from the speaker.
fn mask<'a>(graph: &Graph<'a>, from: &'a str, to: &'a str) -> Result<&'a str, StructureError> {
    let after = reach(from, |value| graph.consumers(value).flat_map(|node| strs(node.outputs())).collect());
    let before = reach(to, |value| graph.producer(value).into_iter().flat_map(|node| strs(node.inputs())).collect());
    let is_between = |value: &str| value != from && after.contains(value) && before.contains(value);
    let between = graph.nodes().filter(|node| strs(node.outputs()).any(is_between));
    let taken: HashSet<&str> = between
        .flat_map(|node| strs(node.inputs()))
        .filter(|value| !value.is_empty() && !after.contains(value) && !graph.is_constant(value))
        .collect();
    single(taken.into_iter().filter(|value| !is_speaker(graph, value))).ok_or(StructureError("flow"))
}

/// The embedding of the speaker's id, as a column, where there are several.
fn speaker<'a>(graph: &Graph<'a>) -> Option<&'a str> {
    let lookup = graph.consumers(SPEAKER_ID).find(|node| node.is("Gather") && node.input(1) == Some(SPEAKER_ID))?;
    single(graph.consumers(lookup.output())).filter(|node| node.is("Unsqueeze")).map(Node::output)
}

/// Whether a value is made of the speaker's id alone.
fn is_speaker(graph: &Graph<'_>, value: &str) -> bool {
    let sources = reach(value, |value| {
        let inputs = graph.producer(value).into_iter().flat_map(|node| strs(node.inputs()));
        inputs.filter(|input| !graph.is_constant(input)).collect()
    });
    sources.contains(SPEAKER_ID) && !sources.contains("input")
}

/// All values that `next` leads to.
fn reach<'a>(from: &'a str, next: impl Fn(&'a str) -> Vec<&'a str>) -> HashSet<&'a str> {
    let mut reached = HashSet::from([from]);
    let mut open = vec![from];
    while let Some(value) = open.pop() {
        for value in next(value) {
            if reached.insert(value) {
                open.push(value);
            }
        }
    }
    reached
}

fn strs(names: &[String]) -> impl Iterator<Item = &str> {
    names.iter().map(String::as_str)
}

fn other_input<'a>(node: Node<'a>, value: &str) -> Option<&'a str> {
    let [a, b] = node.inputs() else { return None };
    if a == value { Some(b) } else { Some(a) }
}

fn value(from: &str, to: &'static str) -> CutValue {
    CutValue { from: from.to_owned(), to }
}

fn single<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    items.next().filter(|_| items.next().is_none())
}

fn at_most_one<T>(mut items: impl Iterator<Item = T>, what: StructureError) -> Result<Option<T>, StructureError> {
    let first = items.next();
    if items.next().is_none() { Ok(first) } else { Err(what) }
}
