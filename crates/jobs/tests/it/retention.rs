//! Uploads and results that have been kept long enough.

use bordereau_base::ids::BatchKey;
use bordereau_base::state::BatchState;
use bordereau_jobs::{Actor, Error, Jobs, JobsOptions, Retention};

use crate::world::{World, add_user, keyed, run_until_final, states, submit};

const DAY_MS: i64 = 86_400_000;

#[tokio::test]
async fn what_ended_long_ago_is_removed_and_a_tombstone_stays() {
    let world = World::new();
    let jobs = Jobs::open(JobsOptions { retention_days: Some(10), ..world.options() }).await.unwrap();
    let (jane, joe) = (add_user(&jobs, "jane", "valen").await, add_user(&jobs, "joe", "acme").await);
    jobs.set_retention(&Actor::command_line(), joe.customer(), Retention::Forever).await.unwrap();
    let unknown = jobs.set_retention(&Actor::command_line(), &"nobody".parse().unwrap(), Retention::Forever).await;
    assert!(matches!(unknown, Err(Error::Absent("customer"))));
    let (old, young, foreign) = (BatchKey::random(), BatchKey::random(), BatchKey::random());
    submit(&jobs, &jane, keyed(old), b"old").await.unwrap();
    submit(&jobs, &joe, keyed(foreign), b"foreign").await.unwrap();
    run_until_final(&jobs, jane.customer(), &[old]).await;
    run_until_final(&jobs, joe.customer(), &[foreign]).await;
    world.clock.advance_ms(9 * DAY_MS);
    submit(&jobs, &jane, keyed(young), b"young").await.unwrap();
    run_until_final(&jobs, jane.customer(), &[young]).await;
    assert_eq!(world.files("objects/results").len(), 3, "nothing is old enough");
    world.clock.advance_ms(2 * DAY_MS);
    jobs.run(async {}).await.unwrap();
    assert_eq!(states(&jobs, jane.customer(), old).await, ["accepted", "running", "finished", "deleted"]);
    for (customer, key, state) in [
        (jane.customer(), old, BatchState::Deleted),
        (jane.customer(), young, BatchState::Finished),
        (joe.customer(), foreign, BatchState::Finished),
    ] {
        assert_eq!(jobs.status(customer, key).await.unwrap().unwrap().state, state);
    }
    assert_eq!((world.files("objects/results").len(), world.files("objects/uploads").len()), (2, 2));
    assert_eq!(jobs.measures().await.unwrap().expired, 1);
    assert!(matches!(submit(&jobs, &jane, keyed(old), b"old").await, Err(Error::Conflict)), "the key stays used");
    // A customer's own days go before the setting.
    jobs.set_retention(&Actor::command_line(), joe.customer(), Retention::Days(5)).await.unwrap();
    jobs.set_retention(&Actor::command_line(), jane.customer(), Retention::Forever).await.unwrap();
    world.clock.advance_ms(20 * DAY_MS);
    jobs.run(async {}).await.unwrap();
    assert_eq!(jobs.status(joe.customer(), foreign).await.unwrap().unwrap().state, BatchState::Deleted);
    assert_eq!(jobs.status(jane.customer(), young).await.unwrap().unwrap().state, BatchState::Finished);
}

#[test]
fn retention_is_written_as_it_is_read() {
    for text in ["as-set", "forever", "30"] {
        assert_eq!(text.parse::<Retention>().unwrap().to_string(), text);
    }
    for text in ["0", "-1", "ever", ""] {
        assert!(text.parse::<Retention>().is_err(), "{text}");
    }
}
