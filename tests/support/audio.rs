//! Owns reading audio, by a decoder that is not the service's own.

/// Samples of a WAV file: 16 bit, mono.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    pub sample_rate: u32,
    pub samples: Vec<i16>,
}

// === impl Sound ===

impl Sound {
    pub fn of_wav(file: &[u8]) -> Self {
        let mut reader = hound::WavReader::new(file).expect("a WAV file");
        let spec = reader.spec();
        assert_eq!((spec.channels, spec.bits_per_sample, spec.sample_format), (1, 16, hound::SampleFormat::Int));
        let samples = reader.samples().map(|sample| sample.expect("a whole sample")).collect();
        Self { sample_rate: spec.sample_rate, samples }
    }

    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.sample_rate)
    }

    pub fn is_silent(&self) -> bool {
        self.samples.iter().all(|&sample| sample == 0)
    }
}

/// Raw samples, 16 bit, little-endian.
pub fn samples(bytes: &[u8]) -> Vec<i16> {
    let (whole, rest) = bytes.as_chunks::<2>();
    assert!(rest.is_empty(), "half a sample");
    whole.iter().map(|&sample| i16::from_le_bytes(sample)).collect()
}
