//! Numbers and values that tests are run on.

use bordereau_sketch::hash::hash_bytes;
use proptest::prelude::*;

/// Numbers of one shape.
pub type Shape = (&'static str, Vec<f64>);

/// A number from a seed, the same each time.
pub fn uniform(index: u64) -> f64 {
    (hash_bytes(&index.to_le_bytes()) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A rank with a probability falling as its inverse, from 1 to about `e^12`.
pub fn zipf(index: u64) -> u64 {
    (uniform(index) * 12.0).exp() as u64
}

/// 20,000 numbers of each shape.
pub fn shapes() -> Vec<Shape> {
    const COUNT: u64 = 20_000;
    let of = |number: &dyn Fn(u64) -> f64| (0..COUNT).map(number).collect::<Vec<_>>();
    vec![
        ("uniform", of(&|i| uniform(i) * 1_000.0)),
        ("around zero", of(&|i| uniform(i) * 2.0 - 1.0)),
        ("zipf", of(&|i| zipf(i) as f64)),
        ("sorted", of(&|i| i as f64 * 1.5)),
        ("reversed", of(&|i| (COUNT - i) as f64 - 5_000.0)),
        ("constant", of(&|_| 42.1)),
        ("great", of(&|i| if i % 2 == 0 { 1e308 } else { -1e308 * uniform(i) })),
        ("subnormal", of(&|i| f64::from_bits(hash_bytes(&i.to_le_bytes()) >> (12 + i % 52)))),
        ("zeros", of(&|i| if i % 2 == 0 { 0.0 } else { -0.0 })),
        ("every octave", of(&|i| f64::from_bits(hash_bytes(&i.to_le_bytes()) & !(1 << 62)))),
        ("bits", (0..COUNT).map(|i| f64::from_bits(hash_bytes(&i.to_le_bytes()))).filter(|x| x.is_finite()).collect()),
        ("far from zero", of(&|i| 1e9 + uniform(i))),
        ("one", vec![3.25]),
        ("none", Vec::new()),
    ]
}

/// Any float, those that are special often.
pub fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -1e4..1e4_f64,
        2 => any::<u64>().prop_map(f64::from_bits),
        1 => (0_u64..1 << 20).prop_map(f64::from_bits),
        1 => proptest::sample::select(vec![0.0, -0.0, 1e308, -1e308, f64::MIN_POSITIVE, 5e-324, f64::INFINITY,
            f64::NEG_INFINITY, f64::NAN, 1.0, -1.0]),
    ]
}

/// A finite float.
pub fn finite() -> impl Strategy<Value = f64> {
    any_number().prop_filter("finite", |number| number.is_finite())
}

/// Few different values, of all lengths around the limits of what is kept.
pub fn value() -> impl Strategy<Value = Vec<u8>> {
    (0_usize..40).prop_map(|seed| {
        let length = [0, 1, 4, 11, 12, 13, 40, 199, 200, 201, 300][seed % 11];
        let mut value = vec![b'x'; length];
        if let Some(last) = value.last_mut() {
            *last = b'a' + (seed / 11) as u8;
        }
        value
    })
}

/// The items, cut in two places and in another order.
pub fn rearranged<T: Clone>(items: &[T], seed: u64) -> Vec<T> {
    let mut indexed: Vec<(u64, T)> = items
        .iter()
        .enumerate()
        .map(|(index, item)| (hash_bytes(&(index as u64 ^ seed).to_le_bytes()), item.clone()))
        .collect();
    indexed.sort_by_key(|(order, _)| *order);
    indexed.into_iter().map(|(_, item)| item).collect()
}
