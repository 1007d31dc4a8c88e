//! A pass ends soon after it was cancelled, wherever it is.

use super::{Files, settings, threads};
use bordereau_base::limits::IntakeLimits;
use bordereau_profile::error::Error;
use bordereau_profile::input::Input;
use bordereau_profile::pass::{Control, Updates, profile};
use std::io::Read;

#[test]
fn before_it_begins() {
    let files = Files::new(&[("a.csv", b"x\n1\n")]);
    let control = Control::default();
    control.cancel();
    let ended = profile(&files.open("a.csv").unwrap(), &settings(), threads(2), &control, &mut |_| panic!("a profile"));
    assert!(matches!(ended, Err(Error::Cancelled)), "{ended:?}");
}

#[test]
fn by_whoever_gets_a_profile() {
    let rows: String = (0..900_000).map(|n| format!("{n},{}\n", n % 7)).collect();
    let files = Files::zip(&[("a.csv", format!("id,b\n{rows}").as_bytes())]);
    let input = files.open("book.zip").unwrap();
    for count in 1..4 {
        let control = Control::new(Updates::None);
        let mut seen = 0;
        let ended = profile(&input, &settings(), threads(count), &control, &mut |profile| {
            seen += 1;
            assert!(profile.share_read < 1.0);
            control.cancel();
        });
        assert!(matches!(ended, Err(Error::Cancelled)), "{ended:?}");
        assert_eq!(seen, 1);
    }
}

#[test]
fn while_the_full_profile_is_waited_for() {
    let header: Vec<String> = (0..2_000).map(|n| format!("c{n}")).collect();
    let files = Files::new(&[("a.csv", format!("{}\n{}\n", header.join(","), header.join(",")).as_bytes())]);
    let control = Control::default();
    let mut seen = 0;
    // The preliminary profile of so few rows comes when all is finished; the full one is then at hand.
    let ended = profile(&files.open("a.csv").unwrap(), &settings(), threads(2), &control, &mut |_| {
        seen += 1;
        control.cancel();
    });
    assert!(ended.is_ok() && seen == 2);
}

/// Gives `x` for as long as anybody asks.
struct Endless;

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        buffer.fill(b'x');
        Ok(buffer.len())
    }
}

#[test]
fn a_stream_without_end_is_refused_at_the_cap() {
    let scratch = tempfile::tempdir().unwrap();
    let limits = IntakeLimits { upload_bytes_max: 1 << 20, ..IntakeLimits::default() };
    let ended = Input::from_stream(Endless, scratch.path(), &limits);
    assert!(matches!(ended, Err(Error::Refused(_))), "{ended:?}");
}
