//! Bytes of states: samples that must still load, and bytes that must be refused.

use bordereau_sketch::codec::{Codec, Error, Reader, Writer};
use bordereau_sketch::distinct::Distinct;
use bordereau_sketch::frequent::{Capacity, Frequent};
use bordereau_sketch::hash::hash_bytes;
use bordereau_sketch::keys::KeyCounts;
use bordereau_sketch::moments::Moments;
use bordereau_sketch::quantiles::LogHistogram;
use bordereau_sketch::sample::BottomSample;
use bordereau_sketch::sum::ExactSum;
use proptest::prelude::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn distinct() -> Distinct {
    let mut distinct = Distinct::new(8);
    [b"a", b"b", b"c"].iter().for_each(|value| distinct.add_hash(hash_bytes(*value)));
    distinct
}

fn full_distinct() -> Distinct {
    let mut distinct = Distinct::new(8);
    (0..60_u64).for_each(|value| distinct.add_hash(hash_bytes(&value.to_le_bytes())));
    distinct
}

fn histogram() -> LogHistogram {
    let mut histogram = LogHistogram::default();
    histogram.add_all(&[1.0, -2.5, 0.0, -0.0, 1e308, 5e-324, f64::INFINITY, f64::NAN, 1.0]);
    histogram
}

fn sum() -> ExactSum {
    let mut sum = ExactSum::default();
    sum.add_all(&[1.5, -1e300, 5e-324]);
    sum.add_decimal(-12_345, 2, 3);
    sum
}

fn frequent() -> Frequent {
    let mut frequent = Frequent::default();
    let long = vec![b'x'; 300];
    let values: [(&[u8], u64); 4] = [(b"", 1), (b"short", 7), (b"longer than twelve", 300), (&long, 2)];
    frequent.merge_block(values.map(|(value, count)| (hash_bytes(value), value, count)), 0);
    frequent
}

fn bounded_frequent() -> Frequent {
    let mut frequent = Frequent::new(Capacity { values_max: 2, bytes_max: 1_000, counters: 2 });
    for (value, count) in [("a", 9_u64), ("b", 4), ("c", 2), ("d", 5)] {
        frequent.merge_block([(hash_bytes(value.as_bytes()), value.as_bytes(), count)], 1);
    }
    frequent
}

fn sample() -> BottomSample {
    let mut sample = BottomSample::new(2);
    ["a", "b", "c", "b"].iter().for_each(|value| sample.add(hash_bytes(value.as_bytes()), value.as_bytes(), 1));
    sample
}

fn keys() -> KeyCounts {
    let mut keys = KeyCounts::new(1_024);
    keys.add(&[hash_bytes(b"a"), hash_bytes(b"b"), hash_bytes(b"a")]);
    keys
}

/// Each kind, as it is made now and as it was written when its version was new.
fn kinds() -> Vec<(&'static str, Vec<u8>, &'static str, Reencode)> {
    vec![
        ("distinct", distinct().encode(), "01016165726564726f620803c113000001190000c1340000", reencode::<Distinct>),
        (
            "full distinct",
            full_distinct().encode(),
            "01016165726564726f620834000000000000000000000001000102000000020000000000060000010200010004000000\
             000201000000000000000000000000000100000000000700000000000003000000000000060000000004010000020100\
             000000000100000100000000000000000000010000000000000000000007000000000002010001000200000100010102\
             040000000200000100030000000000000001000000000000000000000000000100000003000100000000000000000000\
             000000000003000000000000000000000000000003010000000000040100010000000001000000000000010000000000\
             00000000000000000000000001000102000002010000000000000000",
            reencode::<Distinct>,
        ),
        (
            "histogram",
            histogram().encode(),
            "02016165726564726f620080000009070200010100000000000004c0a0c8eb85f3cce17f040001ff8f4302ff0c01b8eb\
             3f01",
            reencode::<LogHistogram>,
        ),
        (
            "moments",
            Moments::of(&[1.0, 2.0, 4.5]).encode(),
            "03016165726564726f62030300000000000004400000000000001a4000000000000012400000000000203540",
            reencode::<Moments>,
        ),
        (
            "sum",
            sum().encode(),
            "04016165726564726f6206000102556fffffffffffffffffffffffffffff090001000000000000002100000600000000\
             003f9029fedf00000000400d6fa0ff0000000041ffffffff0000000042ffffffff0000000043ffffffff0000000044ff\
             ffffff0000000045ffffffffffffffff",
            reencode::<ExactSum>,
        ),
        (
            "frequent",
            frequent().encode(),
            "05016165726564726f620000010000004000000400000004f1e6b7ad9c69d30f000181964f68b9d3df43126c6f6e6765\
             72207468616e207477656c7665ac02af80258bb8819bbbac027878787878787878787878787878787878787878787878\
             787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
             787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
             787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878\
             787878787878787878787878787878787878787878787878787878787878787878028478d5b279a870d20573686f7274\
             07",
            reencode::<Frequent>,
        ),
        (
            "bounded frequent",
            bounded_frequent().encode(),
            "05016165726564726f6202000000e803000002000000010702e05635c29397c464016109037dbcb8e7d3ea6880016405\
             04",
            reencode::<Frequent>,
        ),
        (
            "sample",
            sample().encode(),
            "06016165726564726f620200000000025d74f8a0083a8d4f016301e05635c29397c464016101",
            reencode::<BottomSample>,
        ),
        (
            "keys",
            keys().encode(),
            "07016165726564726f6200040000000302e05635c29397c464022f58fe0a7356bfd301",
            reencode::<KeyCounts>,
        ),
    ]
}

type Reencode = fn(&[u8]) -> Result<Vec<u8>, Error>;

fn reencode<S: Codec>(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    S::decode(bytes).map(|state| state.encode())
}

#[test]
fn committed_samples_load_and_are_written_the_same() {
    for (name, made, committed, reencode) in kinds() {
        assert_eq!(hex(&made), committed, "{name} is not written as before");
        assert_eq!(reencode(&unhex(committed)).map(|bytes| hex(&bytes)).as_deref(), Ok(committed), "{name}");
    }
}

#[test]
fn bytes_of_other_states_are_refused() {
    for (name, bytes, _, reencode) in kinds() {
        let with = |at: usize, byte: u8| {
            let mut changed = bytes.clone();
            changed[at] = byte;
            reencode(&changed)
        };
        assert_eq!(with(0, 99), Err(Error::Kind { expected: bytes[0], found: 99 }), "{name}");
        assert_eq!(with(1, 99), Err(Error::Version { expected: bytes[1], found: 99 }), "{name}");
        assert_eq!(with(2, !bytes[2]), Err(Error::Seed), "{name}");
        assert_eq!(reencode(&[bytes.clone(), vec![0]].concat()), Err(Error::Trailing), "{name}");
        for length in 0..bytes.len() {
            assert!(reencode(&bytes[..length]).is_err(), "{name} cut at {length}");
        }
    }
}

#[test]
fn one_changed_byte_is_refused_or_is_another_state() {
    for (name, bytes, _, reencode) in kinds() {
        for at in 0..bytes.len() {
            for byte in 0..=u8::MAX {
                let mut changed = bytes.clone();
                changed[at] = byte;
                if let Ok(again) = reencode(&changed) {
                    assert_eq!(hex(&again), hex(&changed), "{name} with {byte} at {at}");
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_are_a_state(rest in proptest::collection::vec(any::<u8>(), 0..200), start in 0_usize..9,
        keep in 0_usize..40) {
        let (_, bytes, _, reencode) = kinds().swap_remove(start);
        let bytes = [&bytes[..bytes.len().min(10 + keep)], &rest].concat();
        if let Ok(again) = reencode(&bytes) {
            prop_assert_eq!(again, bytes);
        }
    }

    #[test]
    fn primitives_come_back(a: u8, b: u16, c: u32, d: u64, e: i64, f: i128, g: u64, text: String, small in 0_u64..300) {
        let mut writer = Writer::default();
        writer.u8(a);
        writer.u16(b);
        writer.u32(c);
        writer.u64(d);
        writer.i64(e);
        writer.i128(f);
        writer.f64(f64::from_bits(g));
        writer.uint(d);
        writer.uint(small);
        writer.str(&text);
        writer.optional_sketch::<ExactSum>(None);
        writer.optional_sketch(Some(&sum()));
        let bytes = writer.into_bytes();
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(reader.u8(), Ok(a));
        prop_assert_eq!(reader.u16(), Ok(b));
        prop_assert_eq!(reader.u32(), Ok(c));
        prop_assert_eq!(reader.u64(), Ok(d));
        prop_assert_eq!(reader.i64(), Ok(e));
        prop_assert_eq!(reader.i128(), Ok(f));
        prop_assert_eq!(reader.f64().map(f64::to_bits), Ok(g));
        prop_assert_eq!(reader.uint(), Ok(d));
        prop_assert_eq!(reader.uint(), Ok(small));
        prop_assert_eq!(reader.str(), Ok(text.as_str()));
        prop_assert_eq!(reader.optional_sketch::<ExactSum>(), Ok(None));
        prop_assert_eq!(reader.optional_sketch(), Ok(Some(sum())));
        prop_assert_eq!(reader.end(), Ok(()));
    }
}

#[test]
fn absurd_lengths_and_odd_integers_are_refused() {
    let mut writer = Writer::default();
    writer.uint(u64::MAX);
    let bytes = writer.into_bytes();
    assert_eq!(Reader::new(&bytes).uint(), Ok(u64::MAX));
    assert_eq!(Reader::new(&bytes).length(8), Err(Error::Length));
    assert_eq!(Reader::new(&bytes).bytes(), Err(Error::Length));
    for (bytes, name) in [(&[0x80, 0][..], "overlong"), (&[0xff; 11], "too long"), (&[0x80], "cut short")] {
        assert!(Reader::new(bytes).uint().is_err(), "{name}");
    }
}
