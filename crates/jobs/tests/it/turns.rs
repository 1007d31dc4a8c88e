//! Shares of the runner: a customer with many batches holds up no other.

use std::sync::{Arc, Mutex};

use bordereau_jobs::{Actor, Jobs, JobsOptions, ScoreBatch};

use crate::world::{self, World, add_user, request, run_until_final, submit};

/// Runs batches of customers with those weights and numbers of batches; the customers in the order they were served.
async fn served(customers: &[(&str, u32, usize)]) -> Vec<String> {
    let world = World::new();
    let order = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&order);
    let score: ScoreBatch = Arc::new(move |spec, options, progress, out| {
        kept.lock().unwrap().push(spec.customer.as_ref().unwrap().to_string());
        world::score(spec, options, progress, out)
    });
    let jobs = Jobs::open(JobsOptions { score, ..world.options() }).await.unwrap();
    let mut last = Vec::new();
    for (name, weight, count) in customers {
        let caller = add_user(&jobs, &format!("user-of-{name}"), name).await;
        jobs.set_weight(&Actor::command_line(), caller.customer(), *weight).await.unwrap();
        let mut keys = Vec::new();
        for at in 0..*count {
            keys.push(submit(&jobs, &caller, request(), format!("{name} {at}").as_bytes()).await.unwrap().key());
        }
        last.push((caller, keys));
    }
    for (caller, keys) in &last {
        run_until_final(&jobs, caller.customer(), keys).await;
    }
    order.lock().unwrap().clone()
}

#[tokio::test]
async fn a_customer_with_a_hundred_batches_does_not_starve_one_that_comes_after() {
    let order = served(&[("busy", 1, 100), ("small", 1, 3)]).await;
    assert_eq!(order.len(), 103);
    let last = order.iter().rposition(|name| name == "small").unwrap();
    assert!(last <= 6, "{:?}", &order[..10]);
}

#[tokio::test]
async fn shares_are_as_the_weights_say() {
    let order = served(&[("one", 1, 30), ("three", 3, 30)]).await;
    let of_three = order[..20].iter().filter(|name| *name == "three").count();
    assert!((14..=16).contains(&of_three), "{order:?}");
}

#[tokio::test]
async fn who_has_had_nothing_to_do_has_saved_up_nothing() {
    let world = World::new();
    let order = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&order);
    let score: ScoreBatch = Arc::new(move |spec, options, progress, out| {
        kept.lock().unwrap().push(spec.customer.as_ref().unwrap().to_string());
        world::score(spec, options, progress, out)
    });
    let jobs = Jobs::open(JobsOptions { score, ..world.options() }).await.unwrap();
    let (early, late) = (add_user(&jobs, "jane", "early").await, add_user(&jobs, "joe", "late").await);
    for at in 0..10 {
        let key = submit(&jobs, &early, request(), format!("{at}").as_bytes()).await.unwrap().key();
        run_until_final(&jobs, early.customer(), &[key]).await;
    }
    let mut keys = [Vec::new(), Vec::new()];
    for at in 10..20 {
        for (keys, caller) in keys.iter_mut().zip([&late, &early]) {
            keys.push(submit(&jobs, caller, request(), format!("{at}").as_bytes()).await.unwrap().key());
        }
    }
    run_until_final(&jobs, late.customer(), &keys[0]).await;
    run_until_final(&jobs, early.customer(), &keys[1]).await;
    let order = order.lock().unwrap();
    let of_late = order[10..20].iter().filter(|name| *name == "late").count();
    assert!((4..=6).contains(&of_late), "{order:?}");
}
