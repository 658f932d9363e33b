//! Stretches of a decode against the whole, for each kind of decoder that voices have.

use super::*;

const FRAMES: usize = 41;

fn values(count: usize, salt: usize) -> Vec<f32> {
    let value = |place: usize| ((place * 7919 + salt * 104_729) % 2003) as f32 / 1001.5 - 1.0;
    (0..count).map(value).collect()
}

fn conv(out_channels: usize, in_channels: usize, kernel: usize, dilation: usize) -> ConvWeights {
    let count = out_channels * in_channels * kernel;
    let scale = 1.7 / ((in_channels * kernel) as f32).sqrt();
    ConvWeights {
        out_channels,
        in_channels,
        kernel,
        dilation,
        weight: values(count, kernel + dilation).into_iter().map(|value| value * scale).collect(),
        bias: values(out_channels, 1).into_iter().map(|value| value / 50.0).collect(),
    }
}

fn stage(in_channels: usize, kernel: usize, stride: usize, blocks: Vec<ResBlockWeights>) -> StageWeights {
    let out_channels = in_channels / 2;
    let scale = 1.7 / (in_channels as f32).sqrt();
    let weight = values(in_channels * out_channels * kernel, kernel).into_iter().map(|value| value * scale).collect();
    let padding = (kernel - stride) / 2;
    let bias = values(out_channels, 2);
    StageWeights {
        upsample: UpsampleWeights { in_channels, out_channels, kernel, stride, padding, weight, bias },
        blocks,
    }
}

/// As medium voices have it, with fewer channels.
fn single() -> DecoderWeights {
    let blocks = |channels| {
        [(3, [1, 2]), (5, [2, 6]), (7, [3, 12])]
            .map(|(kernel, dilations)| {
                ResBlockWeights::Single(dilations.map(|dilation| conv(channels, channels, kernel, dilation)).into())
            })
            .into()
    };
    DecoderWeights {
        pre: conv(40, 24, 7, 1),
        speaker: Some(conv(40, 8, 1, 1)),
        stages: vec![stage(40, 16, 8, blocks(20)), stage(20, 8, 4, blocks(10))],
        post: conv(1, 10, 7, 1),
    }
}

/// As high voices have it, with fewer channels.
fn paired() -> DecoderWeights {
    let blocks = |channels| {
        [3, 7, 11]
            .map(|kernel| {
                let pairs = [1, 3, 5]
                    .map(|dilation| (conv(channels, channels, kernel, dilation), conv(channels, channels, kernel, 1)));
                ResBlockWeights::Paired(pairs.into())
            })
            .into()
    };
    DecoderWeights {
        pre: conv(32, 24, 7, 1),
        speaker: None,
        stages: vec![stage(32, 16, 8, blocks(16)), stage(16, 4, 2, blocks(8))],
        post: conv(1, 8, 7, 1),
    }
}

fn decode(decoder: &Decoder, frames: Range<usize>) -> Vec<f32> {
    let (latent, speaker) = (values(24 * FRAMES, 3), values(8, 4));
    let latent = Latent { values: &latent, frames: FRAMES, speaker: &speaker };
    decoder.decode(latent, frames, &Cancel::default())
}

#[test]
fn stretches_are_what_they_are_in_the_whole() {
    for weights in [single(), paired()] {
        let decoder = Decoder::new(&weights).unwrap();
        let hop = decoder.hop();
        let whole = decode(&decoder, 0..FRAMES);
        assert_eq!(whole.len(), FRAMES * hop);
        assert!(whole.iter().any(|sample| sample.abs() > 0.1), "there is nothing to compare");

        for range in [0..1, 0..7, 3..4, 9..30, 30..FRAMES, FRAMES - 1..FRAMES] {
            let stretch = decode(&decoder, range.clone());

            assert_eq!(stretch.len(), range.len() * hop);
            let furthest =
                stretch.iter().zip(&whole[range.start * hop..]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(furthest < 1e-5, "{range:?}: {furthest}");
        }
    }
}

#[test]
fn the_same_stretch_has_the_same_bits_each_time() {
    let decoder = Decoder::new(&single()).unwrap();
    let first = decode(&decoder, 5..20);

    decode(&decoder, 0..FRAMES);

    assert_eq!(decode(&decoder, 5..20), first);
}

#[test]
fn what_is_not_there_is_not_decoded() {
    let decoder = Decoder::new(&single()).unwrap();

    assert!(decode(&decoder, FRAMES..FRAMES + 3).is_empty());
    assert_eq!(decode(&decoder, FRAMES - 2..FRAMES + 3).len(), 2 * decoder.hop());
    let short = Latent { values: &[0.0; 3], frames: FRAMES, speaker: &[] };
    assert!(decoder.decode(short, 0..FRAMES, &Cancel::default()).is_empty());
}

#[test]
fn a_cancelled_decode_stops() {
    let decoder = Decoder::new(&single()).unwrap();
    let latent = values(24 * FRAMES, 3);
    let cancel = Cancel::default();
    cancel.cancel();

    let samples = decoder.decode(Latent { values: &latent, frames: FRAMES, speaker: &[] }, 0..FRAMES, &cancel);

    assert!(samples.is_empty());
}

#[test]
fn the_speaker_changes_the_sound() {
    let decoder = Decoder::new(&single()).unwrap();
    let latent = values(24 * FRAMES, 3);
    let with =
        |speaker: &[f32]| decoder.decode(Latent { values: &latent, frames: FRAMES, speaker }, 0..3, &Cancel::default());

    assert_ne!(with(&[0.5; 8]), with(&[-0.5; 8]));
}
