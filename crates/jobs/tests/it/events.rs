//! Subscriptions never miss an event, never see another customer's, and wake nobody else.

use std::time::Duration;

use bordereau_base::ids::BatchKey;
use bordereau_jobs::{Caller, Error, EventName, Filter, Jobs, JobsOptions, Subscription};
use tokio::time::timeout;

use crate::world::{World, add_user, keyed, request, run_until_final, submit};

fn filters(texts: &[&str]) -> Vec<Filter> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

async fn subscribe(jobs: &Jobs, caller: &Caller, texts: &[&str], since: Option<&str>) -> Subscription {
    jobs.subscribe(caller, filters(texts), since).await.unwrap()
}

/// The next event's name and state; a subscription that misses one would wait for ever.
async fn next(subscription: &mut Subscription) -> (EventName, &'static str) {
    let event = timeout(Duration::from_secs(60), subscription.next()).await.expect("an event comes").unwrap();
    (event.name, event.batch().unwrap().state.as_str())
}

fn key(text: &str) -> BatchKey {
    text.parse().unwrap()
}

const KEY: &str = "ac5b3d51-50f8-40d1-e378-18f8db2fabc9";

#[tokio::test]
async fn promise_6_a_client_hears_of_its_batch_whether_it_subscribes_before_during_or_after() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let filter = format!("name,batchFinished,batchKey,{KEY}");
    let mut before = subscribe(&jobs, &jane, &[&filter], None).await;
    submit(&jobs, &jane, keyed(key(KEY)), b"a book").await.unwrap();
    let mut during = subscribe(&jobs, &jane, &[&filter], None).await;
    assert!(during.ready().await.unwrap().is_none());
    run_until_final(&jobs, jane.customer(), &[key(KEY)]).await;
    let mut after = subscribe(&jobs, &jane, &[&filter], None).await;
    for subscription in [&mut before, &mut during, &mut after] {
        assert_eq!(next(subscription).await, (EventName::BatchFinished, "finished"));
        assert!(subscription.latest_cursor().await.unwrap().0.is_none(), "once");
    }
}

#[tokio::test]
async fn every_change_is_an_update_and_the_last_one_has_a_name_besides() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let mut all = subscribe(&jobs, &jane, &[], None).await;
    let good = submit(&jobs, &jane, request(), b"a book").await.unwrap().key();
    run_until_final(&jobs, jane.customer(), &[good]).await;
    for expected in [
        (EventName::ProfileUpdated, "accepted"),
        (EventName::ProfileUpdated, "running"),
        (EventName::ProfileUpdated, "finished"),
        (EventName::BatchFinished, "finished"),
    ] {
        assert_eq!(next(&mut all).await, expected);
    }
}

#[tokio::test]
async fn promise_6_without_a_key_a_subscription_begins_now_and_a_cursor_goes_on_where_it_was() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let first = submit(&jobs, &jane, request(), b"first").await.unwrap().key();
    run_until_final(&jobs, jane.customer(), &[first]).await;
    let mut events = subscribe(&jobs, &jane, &["name,batchFinished"], None).await;
    let (none, cursor) = events.latest_cursor().await.unwrap();
    assert!(none.is_none());
    drop(events);
    // Nobody is subscribed now.
    let second = submit(&jobs, &jane, request(), b"second").await.unwrap().key();
    run_until_final(&jobs, jane.customer(), &[second]).await;
    let mut events = subscribe(&jobs, &jane, &["name,batchFinished"], Some(&cursor.to_string())).await;
    let event = events.next().await.unwrap();
    assert_eq!((event.batch().unwrap().key, events.was_reset()), (second, false));
    let cursor = events.cursor().to_string();
    let mut events = subscribe(&jobs, &jane, &["name,batchFinished"], Some(&cursor)).await;
    assert!(events.ready().await.unwrap().is_none());
}

#[tokio::test]
async fn promise_6_a_cursor_that_is_none_of_this_log_gives_the_present_state() {
    let world = World::new();
    let (jobs, jane, joe) = world.open_with_customers().await;
    let done = submit(&jobs, &jane, request(), b"a book").await.unwrap().key();
    run_until_final(&jobs, jane.customer(), &[done]).await;
    let foreign = subscribe(&jobs, &joe, &[], None).await.cursor().to_string();
    let own = subscribe(&jobs, &jane, &[], None).await.cursor().to_string();
    let (epoch, _) = own.split_once('-').unwrap();
    for since in [foreign.as_str(), "no cursor", &format!("{epoch}-999999")] {
        let mut events = subscribe(&jobs, &jane, &["name,batchFinished"], Some(since)).await;
        assert!(events.was_reset(), "{since}");
        assert_eq!(events.next().await.unwrap().batch().unwrap().key, done, "{since}");
        assert!(events.ready().await.unwrap().is_none(), "{since}");
        let again = events.cursor().to_string();
        assert!(!subscribe(&jobs, &jane, &[], Some(&again)).await.was_reset(), "{since}");
    }
}

#[tokio::test]
async fn promise_8_a_subscription_sees_its_own_customer_whatever_its_filter_says() {
    let world = World::new();
    let (jobs, jane, joe) = world.open_with_customers().await;
    let filter = format!("batchKey,{KEY}");
    let mut joes = subscribe(&jobs, &joe, &[&filter, "customer,valen", "name,batchFinished"], None).await;
    submit(&jobs, &jane, keyed(key(KEY)), b"a book").await.unwrap();
    run_until_final(&jobs, jane.customer(), &[key(KEY)]).await;
    // Joe's own event comes, and jane's, which are older, did not.
    let own = submit(&jobs, &joe, request(), b"another").await.unwrap().key();
    run_until_final(&jobs, joe.customer(), &[own]).await;
    assert_eq!(joes.next().await.unwrap().batch().unwrap().key, own);
}

#[tokio::test]
async fn promise_6_a_subscription_that_does_not_keep_up_reads_the_rest_from_the_log() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let mut slow = subscribe(&jobs, &jane, &["state,accepted"], None).await;
    let mut keys = Vec::new();
    for number in 0..150_u32 {
        keys.push(submit(&jobs, &jane, request(), &number.to_le_bytes()).await.unwrap().key());
    }
    // Whatever the follower has given by now, each event comes once and in order.
    for key in keys {
        assert_eq!(timeout(Duration::from_secs(60), slow.next()).await.unwrap().unwrap().batch().unwrap().key, key);
    }
    assert!(slow.latest_cursor().await.unwrap().0.is_none());
}

#[tokio::test]
async fn promise_6_events_of_another_process_are_heard_too() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let mut here = subscribe(&jobs, &jane, &["state,accepted"], None).await;
    let other = Jobs::open(world.options()).await.unwrap();
    let key = submit(&other, &jane, request(), b"a book").await.unwrap().key();
    assert_eq!(timeout(Duration::from_secs(60), here.next()).await.unwrap().unwrap().batch().unwrap().key, key);
}

#[tokio::test]
async fn subscriptions_of_a_customer_are_capped_and_end_when_dropped() {
    let world = World::new();
    let jobs = Jobs::open(JobsOptions { subscriptions_max: 2, ..world.options() }).await.unwrap();
    let (jane, joe) = (add_user(&jobs, "jane", "valen").await, add_user(&jobs, "joe", "acme").await);
    let first = subscribe(&jobs, &jane, &[], None).await;
    let _second = subscribe(&jobs, &jane, &["name,batchFinished"], None).await;
    assert!(matches!(jobs.subscribe(&jane, Vec::new(), None).await, Err(Error::Busy("subscriptions"))));
    let _joes = subscribe(&jobs, &joe, &[], None).await;
    assert_eq!(jobs.subscriptions(), 3);
    drop(first);
    let _third = subscribe(&jobs, &jane, &[], None).await;
}
