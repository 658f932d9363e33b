//! Claims about the text encoder: it equals its definition, whatever the processor and the length, and wrong shapes are refused.

use super::*;
use crate::engine::kernels::naive::{self, Rows, noise};

const HIDDEN: usize = 20;
const LATENTS: usize = 9;
const KNOWN: usize = 12;
const LAYERS: usize = 3;

/// With so many heads, and distances on each side.
fn weights(heads: usize, window: usize) -> EncoderWeights {
    let mut next = noise(5);
    let mut conv = |[out_channels, in_channels]: [usize; 2], kernel: usize| {
        // About as much comes out as goes in.
        let scale = (3.0 / (in_channels * kernel) as f32).sqrt();
        let weight = (0..out_channels * in_channels * kernel).map(|_| next() * scale).collect();
        let bias = (0..out_channels).map(|_| next() * 0.1).collect();
        ConvWeights { out_channels, in_channels, kernel, dilation: 1, weight, bias }
    };
    let mut other = noise(6);
    let mut values = |count: usize, middle: f32| (0..count).map(|_| middle + other() * 0.5).collect::<Vec<f32>>();
    let mut norm = |seed: f32| NormWeights {
        scale: values(HIDDEN, 1.0 + seed),
        shift: values(HIDDEN, 0.0),
        epsilon: 1e-5,
    };
    let mut near = noise(7);
    let mut near = || (0..(2 * window + 1) * HIDDEN / heads).map(|_| near()).collect::<Vec<f32>>();
    let layers = (0..LAYERS).map(|_| LayerWeights {
        attention: AttentionWeights {
            heads,
            query: conv([HIDDEN; 2], 1),
            key: conv([HIDDEN; 2], 1),
            value: conv([HIDDEN; 2], 1),
            output: conv([HIDDEN; 2], 1),
            near_keys: near(),
            near_values: near(),
        },
        attention_norm: norm(0.1),
        feed_forward: [conv([3 * HIDDEN, HIDDEN], 3), conv([HIDDEN, 3 * HIDDEN], 3)],
        feed_forward_norm: norm(0.2),
    });
    let layers = layers.collect();
    let projection = conv([2 * LATENTS, HIDDEN], 1);
    let mut next = noise(8);
    EncoderWeights { embedding: (0..KNOWN * HIDDEN).map(|_| next()).collect(), layers, projection }
}

fn ids(count: usize) -> Vec<i64> {
    (0..count).map(|at| (at * 7 % KNOWN) as i64).collect()
}

fn apply(x: &Rows, conv: &ConvWeights) -> Rows {
    naive::conv(x, &conv.weight, &conv.bias, [conv.out_channels, conv.kernel, conv.dilation])
}

fn normalised(x: &Rows, norm: &NormWeights) -> Rows {
    let mut out = x.clone();
    for t in 0..x[0].len() {
        let mean = x.iter().map(|row| row[t]).sum::<f64>() / x.len() as f64;
        let variance = x.iter().map(|row| (row[t] - mean).powi(2)).sum::<f64>() / x.len() as f64;
        for (c, row) in out.iter_mut().enumerate() {
            let scaled = (row[t] - mean) / (variance + f64::from(norm.epsilon)).sqrt();
            row[t] = scaled * f64::from(norm.scale[c]) + f64::from(norm.shift[c]);
        }
    }
    out
}

fn attended(x: &Rows, weights: &AttentionWeights) -> Rows {
    let AttentionWeights { heads, near_keys, near_values, .. } = weights;
    let [query, key, value] = [&weights.query, &weights.key, &weights.value].map(|conv| apply(x, conv));
    let (len, depth) = (x[0].len(), x.len() / heads);
    let window = near_keys.len() / depth / 2;
    // What a table says of a channel of a head, at the distance of two places.
    let near = |table: &[f32], from: usize, to: usize, channel: usize| {
        let distance = (to + window).checked_sub(from).filter(|distance| *distance <= 2 * window);
        distance.map_or(0.0, |distance| f64::from(table[distance * depth + channel % depth]))
    };
    let mut out: Rows = vec![vec![0.0; len]; x.len()];
    for head in 0..*heads {
        let channels = head * depth..(head + 1) * depth;
        for from in 0..len {
            let score = |to: usize| {
                let products =
                    channels.clone().map(|c| query[c][from] * (key[c][to] + near(near_keys, from, to, c)));
                (products.sum::<f64>() / (depth as f64).sqrt()).exp()
            };
            let scores: Vec<f64> = (0..len).map(score).collect();
            for c in channels.clone() {
                let said = |to: usize| scores[to] * (value[c][to] + near(near_values, from, to, c));
                out[c][from] = (0..len).map(said).sum::<f64>() / scores.iter().sum::<f64>();
            }
        }
    }
    apply(&out, &weights.output)
}

/// The text encoder as its definition has it: hidden channels, means, logarithms of deviations.
fn definition(weights: &EncoderWeights, ids: &[i64]) -> [Vec<f64>; 3] {
    let (hidden, latents) = (weights.projection.in_channels, weights.projection.out_channels / 2);
    let embedded = |channel: usize, id: &i64| f64::from(weights.embedding[*id as usize * hidden + channel]);
    let scale = (hidden as f64).sqrt();
    let mut x: Rows = (0..hidden).map(|c| ids.iter().map(|id| embedded(c, id) * scale).collect()).collect();
    for layer in &weights.layers {
        x = normalised(&naive::add(&x, &attended(&x, &layer.attention)), &layer.attention_norm);
        let inner = naive::leaky_relu(&apply(&x, &layer.feed_forward[0]), 0.0);
        x = normalised(&naive::add(&x, &apply(&inner, &layer.feed_forward[1])), &layer.feed_forward_norm);
    }
    let projected = apply(&x, &weights.projection);
    [x.concat(), projected[..latents].concat(), projected[latents..].concat()]
}

fn run(encoder: &Encoder, ids: &[i64]) -> Encoding {
    encoder.run(ids, &mut Scratch::default(), || true).unwrap()
}

fn assert_close(values: &[f32], expected: &[f64]) {
    assert_eq!(values.len(), expected.len());
    let worst = values.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
    assert!(worst < 2e-5, "{worst}");
}

#[test]
fn a_sentence_of_any_length_equals_the_definition_computed_in_double_precision() {
    let weights = weights(2, 4);
    let encoder = Encoder::new(&weights).unwrap();
    // Shorter than the window, a block, and longer than both; one memory for all.
    let mut scratch = Scratch::default();
    for count in [50, 1, 3, 16, 17, 32, 64] {
        let ids = ids(count);

        let encoding = encoder.run(&ids, &mut scratch, || true).unwrap();

        let [hidden, mean, log_deviation] = definition(&weights, &ids);
        assert_close(&encoding.hidden, &hidden);
        assert_close(&encoding.mean, &mean);
        assert_close(&encoding.log_deviation, &log_deviation);
    }
}

#[test]
fn heads_and_windows_of_any_number_equal_the_definition() {
    for (heads, window) in [(1, 4), (4, 0), (5, 10)] {
        let weights = weights(heads, window);
        let encoder = Encoder::new(&weights).unwrap();

        let encoding = run(&encoder, &ids(30));

        assert_close(&encoding.hidden, &definition(&weights, &ids(30))[0]);
    }
}

#[test]
fn encodings_are_the_same_with_any_instructions() {
    let encoder = Encoder::new(&weights(2, 4)).unwrap();

    let encodings =
        Level::available().into_iter().map(|level| encoder.run(&ids(45), &mut Scratch::new(level), || true).unwrap());

    let encodings: Vec<Encoding> = encodings.collect();
    assert!(encodings.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_run_stops_when_told_to() {
    let encoder = Encoder::new(&weights(2, 4)).unwrap();
    let mut scratch = Scratch::default();
    let mut asked = 0;

    let stopped = encoder.run(&ids(30), &mut scratch, || {
        asked += 1;
        asked < 2
    });

    assert_eq!(stopped, Err(EncodeError::Cancelled));
    assert_eq!(asked, 2);
    assert_eq!(encoder.run(&ids(30), &mut scratch, || true).unwrap(), run(&encoder, &ids(30)));
}

#[test]
fn a_second_sentence_takes_no_more_memory() {
    let encoder = Encoder::new(&weights(2, 4)).unwrap();
    let mut scratch = Scratch::default();
    let mut memory_after = |count: usize| {
        encoder.run(&ids(count), &mut scratch, || true).unwrap();
        scratch.memory_bytes()
    };

    let first = memory_after(100);

    assert_eq!([100, 7, 100].map(memory_after), [first; 3]);
    assert!(first > 0);
}

#[test]
fn what_does_not_fit_is_refused() {
    let refused = |change: &dyn Fn(&mut EncoderWeights)| {
        let mut weights = weights(2, 4);
        change(&mut weights);
        Encoder::new(&weights).unwrap_err()
    };
    let encoder = Encoder::new(&weights(2, 4)).unwrap();
    let run = |ids: &[i64]| encoder.run(ids, &mut Scratch::default(), || true).unwrap_err();

    assert_eq!(refused(&|w| w.layers.clear()), ShapeError::Empty { part: "the list of layers" });
    assert_eq!(refused(&|w| w.embedding.clear()), ShapeError::Empty { part: "the embedding" });
    let part_of_row = ShapeError::Weights { part: "the embedding", found: 239, expected: 240 };
    assert_eq!(refused(&|w| w.embedding.truncate(239)), part_of_row);
    let uneven = ShapeError::Length { part: "the heads of an attention" };
    assert_eq!(refused(&|w| w.layers[0].attention.heads = 3), uneven);
    let distances = "an attention's table of distances";
    let lopsided = ShapeError::Length { part: distances };
    assert_eq!(refused(&|w| w.layers[1].attention.near_keys.truncate(80)), lopsided);
    let unequal = ShapeError::Weights { part: distances, found: 70, expected: 90 };
    assert_eq!(refused(&|w| w.layers[1].attention.near_values.truncate(70)), unequal);
    let norm = ShapeError::Weights { part: "a normalisation", found: 19, expected: 20 };
    assert_eq!(refused(&|w| w.layers[2].feed_forward_norm.shift.truncate(19)), norm);
    let narrow = ShapeError::Channels { part: "a layer's first convolution", found: 60, expected: 20 };
    assert_eq!(refused(&|w| w.layers[0].feed_forward[0] = w.layers[0].feed_forward[1].clone()), narrow);
    assert_eq!(run(&[]), EncodeError::Empty);
    assert_eq!(run(&[3, 12]), EncodeError::Id { found: 12, known: 12 });
    assert_eq!(run(&[-1]), EncodeError::Id { found: -1, known: 12 });
}

// TEMP-BEGIN
#[test]
#[ignore]
fn timing() {
    let next = std::cell::RefCell::new(noise(5));
    let conv = |[out_channels, in_channels]: [usize; 2], kernel: usize| {
        let scale = (3.0 / (in_channels * kernel) as f32).sqrt();
        let weight = (0..out_channels * in_channels * kernel).map(|_| next.borrow_mut()() * scale).collect();
        let bias = (0..out_channels).map(|_| next.borrow_mut()() * 0.1).collect();
        ConvWeights { out_channels, in_channels, kernel, dilation: 1, weight, bias }
    };
    let h = 192;
    let norm = || NormWeights { scale: vec![1.0; h], shift: vec![0.0; h], epsilon: 1e-5 };
    let near = || (0..9 * 96).map(|_| next.borrow_mut()() * 0.1).collect::<Vec<f32>>();
    let layers = (0..6)
        .map(|_| LayerWeights {
            attention: AttentionWeights {
                heads: 2,
                query: conv([h; 2], 1),
                key: conv([h; 2], 1),
                value: conv([h; 2], 1),
                output: conv([h; 2], 1),
                near_keys: near(),
                near_values: near(),
            },
            attention_norm: norm(),
            feed_forward: [conv([768, h], 3), conv([h, 768], 3)],
            feed_forward_norm: norm(),
        })
        .collect();
    let weights = EncoderWeights {
        embedding: (0..256 * h).map(|_| next.borrow_mut()()).collect(),
        layers,
        projection: conv([384, h], 1),
    };
    let t = std::time::Instant::now();
    let encoder = Encoder::new(&weights).unwrap();
    println!("new {:?} {} MB", t.elapsed(), encoder.memory_bytes() as f64 / 1e6);
    for level in Level::available().into_iter().take(2) {
        let mut scratch = Scratch::new(level);
        for n in [21, 60, 120, 187, 300, 800] {
            let ids: Vec<i64> = (0..n).map(|at| (at * 7 % 256) as i64).collect();
            let mut best = f64::INFINITY;
            let mut all = 0.0;
            for _ in 0..30 {
                let t = std::time::Instant::now();
                std::hint::black_box(encoder.run(&ids, &mut scratch, || true).unwrap());
                let s = t.elapsed().as_secs_f64() * 1e3;
                best = best.min(s);
                all += s;
            }
            println!("{level:?} {n} ids best {best:.2} mean {:.2} ms, {:.3} ms/id scratch {} KB", all / 30.0, best / n as f64, scratch.memory_bytes()/1024);
        }
    }
}

#[test]
#[ignore]
fn accuracy() {
    use crate::engine::onnx::OnnxModel;
    let model = OnnxModel::parse(bytes::Bytes::from(std::fs::read("models/en_US-joe-medium.onnx").unwrap())).unwrap();
    let seams = crate::engine::vits::Seams::find(&model.graph()).unwrap();
    let cut = model.cut(&seams.encoder());
    let weights = crate::engine::vits::encoder_weights(&cut.graph()).unwrap();
    let text: String = std::fs::read_to_string("target/ids.txt").unwrap();
    let encoder = Encoder::new(&weights).unwrap();
    for line in text.lines() {
        let ids: Vec<i64> = line.split_whitespace().map(|x| x.parse().unwrap()).collect();
        let ours = run(&encoder, &ids);
        let expected = definition(&weights, &ids);
        let ort: Vec<f32> = std::fs::read(format!("target/ort-{}.bin", ids.len())).unwrap().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
        let err = |values: &[f32], expected: &[f64]| {
            let d: Vec<f64> = values.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).abs()).collect();
            let rms = (d.iter().map(|d| d * d).sum::<f64>() / d.len() as f64).sqrt();
            format!("max {:.2e} rms {rms:.2e} (largest value {:.2})", d.iter().fold(0.0, |a: f64, b| a.max(*b)), expected.iter().fold(0.0, |a: f64, b| a.max(b.abs())))
        };
        let n = ours.hidden.len();
        let m = ours.mean.len();
        println!("{} ids", ids.len());
        println!("  ours hidden {} mean {} logs {}", err(&ours.hidden, &expected[0]), err(&ours.mean, &expected[1]), err(&ours.log_deviation, &expected[2]));
        println!("  ort  hidden {} mean {} logs {}", err(&ort[..n], &expected[0]), err(&ort[n..n + m], &expected[1]), err(&ort[n + m..], &expected[2]));
    }
}

#[test]
#[ignore]
fn memory() {
    use crate::engine::*;
    let rss = || {
        crate::engine::mapped::release_freed_memory();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let of = |key: &str| status.lines().find(|l| l.starts_with(key)).unwrap().split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0;
        format!("anon {:.1} file {:.1} MB", of("RssAnon"), of("RssFile"))
    };
    let parts = RuntimeFiles::find(&RuntimeSettings::default()).unwrap();
    let onnxruntime = OnnxRuntime::load(&parts.onnxruntime).unwrap();
    let files = crate::voices::VoiceFiles { model: "models/en_US-joe-medium.onnx".into(), config: "models/en_US-joe-medium.onnx.json".into() };
    let engine = OnnxEngine::new(onnxruntime.clone(), CompiledModels::new(onnxruntime, Some("target/c-dev".into())));
    drop(engine.load(&files).unwrap());
    println!("before {}", rss());
    let t = std::time::Instant::now();
    let voice = engine.load(&files).unwrap();
    println!("load {:?}", t.elapsed());
    println!("loaded {} counted {} and for one {}", rss(), voice.memory_bytes(2) as f64 / 1e6, voice.memory_bytes(1) as f64 / 1e6);
    let text: String = std::fs::read_to_string("target/ids.txt").unwrap();
    let inputs: Vec<ModelInput> = text.lines().map(|line| ModelInput { ids: line.split_whitespace().map(|x| x.parse().unwrap()).collect(), speaker: 0, noise_scale: 0.667, length_scale: 1.0, noise_w: 0.8, seed: 1 }).collect();
    for input in &inputs {
        voice.infer(input, &Cancel::default()).unwrap();
    }
    println!("ran {}", rss());
    let mut long = inputs[6].clone();
    long.ids = (0..800).map(|at| long.ids[at % long.ids.len()]).collect();
    for count in [1, 2, 2] {
        std::thread::scope(|scope| {
            for _ in 0..count {
                scope.spawn(|| for input in &inputs { voice.infer(input, &Cancel::default()).unwrap(); });
            }
        });
        println!("ran on {count} threads {}", rss());
    }
    voice.infer(&long, &Cancel::default()).unwrap();
    println!("ran 800 ids {}", rss());
    let input = &inputs[6];
    let mut best = [f64::INFINITY; 3];
    for _ in 0..30 {
        let t = std::time::Instant::now();
        let Utterance::Prior(prior) = voice.begin(input, &Cancel::default()).unwrap() else { panic!() };
        best[0] = best[0].min(t.elapsed().as_secs_f64());
        let t = std::time::Instant::now();
        let frames = prior.frames;
        let _ = voice.flow(&prior, 0..frames, &Cancel::default()).unwrap();
        best[1] = best[1].min(t.elapsed().as_secs_f64());
        best[2] = frames as f64;
    }
    println!("{} ids {} frames: begin {:.2} ms flow {:.2} ms", input.ids.len(), best[2], best[0] * 1e3, best[1] * 1e3);
}
// TEMP-END
