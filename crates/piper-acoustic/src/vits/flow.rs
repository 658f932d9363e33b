//! Owns reading the residual couplings of a flow out of a graph: their layers in order, with their weights. Refuses
//! whatever is not exactly that.

use std::collections::HashSet;

use super::super::flow::{CouplingWeights, FlowWeights, GatedLayerWeights};
use super::super::kernels::ConvWeights;
use super::super::onnx::{Graph, Node};
use super::StructureError;
use super::names::{LATENT, PRIOR, SPEAKER};
use super::reader::{GraphReader, Read};

/// The flow of a graph that was cut out between the two forms of the latent, and what makes the condition of each
/// coupling of the speaker's embedding.
pub fn flow_weights(graph: &Graph<'_>) -> Read<(FlowWeights, Vec<ConvWeights>)> {
    let reader = GraphReader { graph };
    let (mut couplings, mut conditions) = (Vec::new(), Vec::new());
    let mut value = PRIOR;
    // The channels are turned round before each coupling.
    while let Ok(turned) = reader.follow(value, "Slice") {
        let (coupling, condition, end) = reader.coupling(turned.output())?;
        couplings.push(coupling);
        conditions.extend(condition);
        value = end;
    }
    if reader.follow(value, "Mul")?.output() != LATENT {
        return Err(StructureError("known flow"));
    }
    Ok((FlowWeights { couplings }, conditions))
}

/// A coupling, its condition if it has one, and the value after it.
type ReadCoupling<'a> = (CouplingWeights, Option<ConvWeights>, &'a str);

impl<'a> GraphReader<'_, 'a> {
    fn coupling(&self, value: &str) -> Read<ReadCoupling<'a>> {
        let halves = self.follow(value, "Split")?;
        let pre = self.follow(halves.output(), "Conv")?;
        let mut value = self.follow(pre.output(), "Mul")?.output();
        let (mut layers, mut condition) = (Vec::new(), None);
        loop {
            let gates = self.follow(value, "Conv")?;
            let sum = self.follow(gates.output(), "Add")?;
            condition = condition.or(self.condition(sum)?);
            let res_skip = self.follow(self.gated(sum)?.output(), "Conv")?;
            let layer = GatedLayerWeights { gates: self.convolution(gates)?, res_skip: self.convolution(res_skip)? };
            let is_last = layer.res_skip.out_channels == layer.res_skip.in_channels;
            layers.push(layer);
            if is_last {
                let sum = self.follow(res_skip.output(), "Add")?;
                let post = self.follow(self.follow(sum.output(), "Mul")?.output(), "Conv")?;
                let weights = CouplingWeights { pre: self.convolution(pre)?, layers, post: self.convolution(post)? };
                return Ok((weights, condition, self.joined(post)?));
            }
            value = self.next_layer(res_skip, value)?;
        }
    }

    /// The product of the hyperbolic tangent of one half of a sum and the logistic function of the other.
    fn gated(&self, sum: Node<'a>) -> Read<Node<'a>> {
        let slices = self.slices(sum.output());
        let mut gates = slices.into_iter().flat_map(|slice| self.graph.consumers(slice.output()));
        let tanh = gates.find(|node| node.is("Tanh")).ok_or(StructureError("gated layers"))?;
        let product = self.follow(tanh.output(), "Mul")?;
        let mut factors = product.inputs().iter().filter_map(|input| self.graph.producer(input));
        if factors.any(|node| node.is("Sigmoid")) { Ok(product) } else { Err(StructureError("gated layers")) }
    }

    /// The slices of a value, and theirs.
    fn slices(&self, value: &str) -> Vec<Node<'a>> {
        let (mut slices, mut seen) = (Vec::<Node<'a>>::new(), HashSet::new());
        let mut value = Some(value);
        let mut next = 0;
        while let Some(of) = value {
            // A graph is anything: one slice may take another twice.
            let new = self.graph.consumers(of).filter(|node| node.is("Slice") && seen.insert(node.output()));
            slices.extend(new);
            value = slices.get(next).map(|slice| slice.output());
            next += 1;
        }
        slices
    }

    /// The input of the layer after the one with this output: a part of the output is added to the layer's own input.
    fn next_layer(&self, res_skip: Node<'a>, value: &str) -> Read<&'a str> {
        let slices = self.graph.consumers(res_skip.output()).filter(|node| node.is("Slice"));
        let mut sums = slices.flat_map(|slice| self.graph.consumers(slice.output()));
        let sum = sums.find(|node| node.is("Add") && node.inputs().iter().any(|input| input == value));
        Ok(self.follow(sum.ok_or(StructureError("residual layers"))?.output(), "Mul")?.output())
    }

    /// What is added to the arguments of the gates, if it comes from the speaker.
    fn condition(&self, sum: Node<'a>) -> Read<Option<ConvWeights>> {
        if !self.graph.has_input(SPEAKER) {
            return Ok(None);
        }
        let slices = sum.inputs().iter().filter_map(|input| self.graph.producer(input)).filter(|node| node.is("Slice"));
        let mut sources = slices.filter_map(|slice| self.graph.producer(slice.input(0)?));
        let source = sources.find(|node| node.is("Conv") && node.input(0) == Some(SPEAKER));
        Ok(Some(self.convolution(source.ok_or(StructureError("known speaker condition"))?)?))
    }

    /// The halves together again, after one has been changed by what the last convolution gives.
    fn joined(&self, post: Node<'a>) -> Read<&'a str> {
        let mut value = post.output();
        let mut is_subtracted = false;
        loop {
            let mut next =
                self.graph.consumers(value).filter(|node| ["Mul", "Sub", "Concat"].iter().any(|kind| node.is(kind)));
            let next = next.next().filter(|_| next.next().is_none()).ok_or(StructureError("known flow"))?;
            value = next.output();
            is_subtracted |= next.is("Sub");
            if next.is("Concat") {
                return if is_subtracted { Ok(value) } else { Err(StructureError("known flow")) };
            }
        }
    }
}
