//! What reading a text costs: ordinary prose, dense notation, markdown.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use text_normalization::Normalizer;

const PROSE: &str = "The harbour lay still that morning, and the boats that had come in overnight rocked gently at their ropes. A man \
    in a blue coat walked along the quay, stopped, and looked out to where the water met the sky. He had been waiting for a long time, \
    though for what he could not have said; it may have been a letter, or a ship, or only the end of the fog. Behind him the town began to \
    wake. Somewhere a door opened, a dog barked twice, and the smell of bread came down the hill. In 1987 it had all been different.";

const NOTATION: &str = "On Jan. 5, 2024 at 4:08 p.m. Dr. J. R. Smith paid $5.20 (12.5% off) for 3 1/2 lbs of flour, i.e. 1.6 kg, \
    at 1428 Elm St., Austin, TX 78701; call 303-555-0167 ext. 42 or write to jo_k@test.net. Henry VIII's 2nd visit was on 11/30/1534. \
    The A320 flew 2,500 km at 850 km/h in 2h 56m; 3 + 4 = 7, and 5-10 people saw -4 °C. See https://www.test.org/a-b and version 2.10.3 \
    of app-1.4.0.zip, from 9am-5pm, €40-50 each, 24/7, in the 1970s or '80s, 4:1 odds, R&D costs £6m or ~$8bn.";

const MARKDOWN: &str = "## Plan\n\n- **Milk** and *eggs*\n- [Bread](https://x.org/bread)\n\n| Name | Price |\n|---|---|\n| Tea | $3.50 |\n\n\
    1. Mix `flour` and water.\n2. Bake at 180 °C.\n\n> Stay hungry.\n\n```sh\ncargo build\n```\n";

fn normalize(criterion: &mut Criterion) {
    let Some(english) = Normalizer::for_language("en") else { return };
    let mut group = criterion.benchmark_group("normalize");
    for (name, text) in [("prose", PROSE), ("notation", NOTATION), ("markdown", MARKDOWN)] {
        group.throughput(Throughput::Elements(text.chars().count() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| english.rewrites(text)));
    }
    group.finish();
}

criterion_group!(benches, normalize);
criterion_main!(benches);
