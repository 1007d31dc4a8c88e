//! Filters and cursors of a subscription, one a line, held against an event.
#![no_main]

#[allow(dead_code)]
#[path = "../../crates/jobs/src/event.rs"]
mod event;

use bordereau_base::state::BatchState;
use event::{BatchChange, Cursor, Event, EventName, Filter, Subject};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let event = Event {
        customer: "valen".parse().expect("a name"),
        sequence: 7,
        name: EventName::BatchFinished,
        subject: Subject::Batch(BatchChange {
            key: "ac5b3d51-50f8-40d1-e378-18f8db2fabc9".parse().expect("a GUID"),
            solution: "insureright".parse().expect("a name"),
            submission: "scoring".parse().expect("a name"),
            test: false,
            state: BatchState::Finished,
        }),
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    for line in text.split('\n') {
        if let Ok(filter) = line.parse::<Filter>()
            && filter.matches(&event)
        {
            assert!(filter.customer.is_none_or(|customer| customer == "valen"), "another customer's event");
        }
        if let Some(cursor) = Cursor::read(line, "epoch", &event.customer) {
            assert_eq!(Cursor::read(&cursor.to_string(), "epoch", &event.customer), Some(cursor));
        }
    }
});
