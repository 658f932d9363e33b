//! Owns the inverse of a monotonic rational-quadratic spline (Durkan, Bekasov, Murray, Papamakarios, 2019): between -5
//! and 5 in bins, the identity beyond. In double precision, and by functions that are alike on every processor.

/// Where the spline ends on both sides.
pub const BOUND: f64 = 5.0;

/// The least width, height and slope of a bin.
const LEAST: f64 = 1e-3;

/// A spline as a network describes it.
#[derive(Debug, Clone, Copy)]
pub struct Spline<'a> {
    /// Logits of the bins' widths.
    pub widths: &'a [f64],
    /// Logits of their heights.
    pub heights: &'a [f64],
    /// Of the slopes between bins, before the softplus; at both ends the slope is one.
    pub slopes: &'a [f64],
}

impl Spline<'_> {
    /// Where the spline has this value. What is no number stays none.
    pub fn invert(&self, y: f64) -> f64 {
        if !(-BOUND..=BOUND).contains(&y) {
            return y;
        }
        // At the upper end as well something is in the last bin.
        let below = Edges::new(self.heights).take_while(|[_, top]| *top <= y).count();
        let bin = below.min(self.heights.len() - 1);
        let edges = Edges::new(self.heights).nth(bin).zip(Edges::new(self.widths).nth(bin));
        let Some(([bottom, top], [left, right])) = edges else { return y };
        let (height, width) = (top - bottom, right - left);
        let slope = |edge: usize| {
            let inner = edge.checked_sub(1).and_then(|at| self.slopes.get(at));
            inner.map_or(1.0, |slope| LEAST + softplus(*slope))
        };
        let (before, behind) = (slope(bin), slope(bin + 1));
        let steepness = height / width;
        // The root of a quadratic equation, in the form that cancels nothing.
        let rise = y - bottom;
        let bend = rise * (before + behind - 2.0 * steepness);
        let a = height * (steepness - before) + bend;
        let b = height * before - bend;
        let c = -steepness * rise;
        let root = 2.0 * c / (-b - (b * b - 4.0 * a * c).sqrt());
        root * width + left
    }
}

/// The edges of the bins, from one to the next.
struct Edges<'a> {
    logits: std::slice::Iter<'a, f64>,
    most: f64,
    sum: f64,
    share: f64,
    reached: f64,
    from: f64,
}

impl<'a> Edges<'a> {
    fn new(logits: &'a [f64]) -> Self {
        let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum = logits.iter().map(|logit| libm::exp(logit - most)).sum();
        let share = 1.0 - LEAST * logits.len() as f64;
        Self { logits: logits.iter(), most, sum, share, reached: 0.0, from: -BOUND }
    }
}

impl Iterator for Edges<'_> {
    type Item = [f64; 2];

    fn next(&mut self) -> Option<[f64; 2]> {
        let logit = self.logits.next()?;
        self.reached += LEAST + self.share * libm::exp(logit - self.most) / self.sum;
        let to = if self.logits.len() == 0 { BOUND } else { self.reached * 2.0 * BOUND - BOUND };
        Some([std::mem::replace(&mut self.from, to), to])
    }
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + libm::log1p(libm::exp(-x.abs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::naive::noise;

    /// The spline itself, as its definition has it.
    fn forward(spline: &Spline<'_>, x: f64) -> f64 {
        let bins: Vec<_> = Edges::new(spline.widths).zip(Edges::new(spline.heights)).collect();
        let bin = bins.iter().position(|([_, right], _)| x < *right).unwrap_or(bins.len() - 1);
        let ([left, right], [bottom, top]) = bins[bin];
        let slope = |edge: usize| {
            if edge == 0 || edge == bins.len() { 1.0 } else { LEAST + (1.0 + spline.slopes[edge - 1].exp()).ln() }
        };
        let s = (top - bottom) / (right - left);
        let t = (x - left) / (right - left);
        let over = (top - bottom) * (s * t * t + slope(bin) * t * (1.0 - t));
        bottom + over / (s + (slope(bin + 1) + slope(bin) - 2.0 * s) * t * (1.0 - t))
    }

    #[test]
    fn what_the_spline_gives_leads_back_to_where_it_was_taken() {
        for bins in [1_usize, 2, 10] {
            let mut next = noise(bins as u64);
            let mut numbers = |count: usize| (0..count).map(|_| f64::from(next()) * 3.0).collect::<Vec<_>>();
            let (widths, heights, slopes) = (numbers(bins), numbers(bins), numbers(bins - 1));
            let spline = Spline { widths: &widths, heights: &heights, slopes: &slopes };
            for step in -50..=50 {
                let x = f64::from(step) * 0.1;
                let back = spline.invert(forward(&spline, x));
                assert!((back - x).abs() < 1e-9, "{bins} bins: {x} became {back}");
            }
        }
    }

    #[test]
    fn beyond_its_ends_a_spline_changes_nothing() {
        let spline = Spline { widths: &[0.3, -2.0], heights: &[1.0, 0.0], slopes: &[0.7] };

        assert_eq!([-7.0, 5.5, f64::INFINITY].map(|y| spline.invert(y)), [-7.0, 5.5, f64::INFINITY]);
        assert!(spline.invert(f64::NAN).is_nan());
        assert_eq!([-5.0, 5.0].map(|y| spline.invert(y).round()), [-5.0, 5.0]);
    }
}
