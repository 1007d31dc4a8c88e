//! Any interleaving of sending, sending again (the same bytes or others), profiling and submitting, cancelling,
//! deleting, faults, clean ends, crashes and time that goes by keeps the laws of the state machine.

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::Config;

use super::life::{Life, PLACES, Step};

const KEYS: usize = 3;

fn steps() -> impl Strategy<Value = Step> {
    let sent = || (0..KEYS, 0..2usize, select(&PLACES[..]));
    let key = || 0..KEYS;
    prop_oneof![
        4 => sent().prop_map(|(key, bytes, submission)| Step::Send { key, bytes, submission }),
        2 => (sent(), 0..6_000u64).prop_map(|((key, bytes, submission), after_us)| {
            Step::SendAndCrash { key, bytes, submission, after_us }
        }),
        2 => key().prop_map(|key| Step::Submit { key }),
        2 => (1..8u64).prop_map(|ms| Step::Run { ms }),
        4 => (0..9_000u64).prop_map(|after_us| Step::RunAndCrash { after_us }),
        1 => (1..4u32).prop_map(|attempts| Step::Fault { attempts }),
        2 => key().prop_map(|key| Step::Cancel { key }),
        1 => key().prop_map(|key| Step::Delete { key }),
        1 => (1..70_000i64).prop_map(|ms| Step::Wait { ms }),
    ]
}

/// As many as `PROPTEST_CASES` says; else few enough to be done in seconds.
fn config() -> Config {
    let default = Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { 24 };
    Config { cases, max_shrink_iters: 200, failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn promise_1_2_3_6_any_history_keeps_the_laws_of_the_state_machine(
        steps in prop::collection::vec(steps(), 1..24),
    ) {
        let mut life = Life::begin(KEYS);
        for step in steps {
            life.step(step);
            life.hold();
        }
        life.end();
    }
}
