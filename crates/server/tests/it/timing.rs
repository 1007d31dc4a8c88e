//! Times of answers tell nothing. What is not to be told apart is asked for in turn, each pair in random order, so
//! that whatever else the machine does slows both alike; then ranks are compared, which a few slow answers hardly
//! move. The share of pairs (one of each kind) in which the first kind took longer is 1/2 when the kinds take equally
//! long. With `n` of each kind it scatters around that by `sqrt((2n + 1) / (12 n^2))`; the bounds here are over five
//! times as much, so a sound server fails less than once in a million runs, and mean that who is told one time
//! guesses right at most that much more often than by a coin.

use bordereau_jobs::PaceLimits;
use bordereau_server::ServerOptions;
use rand::RngExt;
use reqwest::RequestBuilder;
use std::time::Instant;

use crate::world::{PASSWORD, World, said};
use crate::zips::sample;

const KEY: &str = "ac5b3d51-50f8-40d1-e378-18f8db2fabc9";
const NO_KEY: &str = "bc5b3d51-50f8-40d1-e378-18f8db2fabc9";

async fn quiet_world() -> World {
    let unlimited = PaceLimits { requests_per_s: 0, failures_free: 0, ..PaceLimits::default() };
    World::start_with(|options| options.pace = unlimited, ServerOptions::default()).await
}

/// The share of pairs in which the first kind took longer, of `n` answers of each kind with that status.
async fn share_longer(n: usize, status: u16, ask: impl Fn(usize, bool) -> RequestBuilder) -> f64 {
    let mut took = [Vec::new(), Vec::new()];
    for at in 0..n {
        let first: bool = rand::rng().random();
        for kind in [first, !first] {
            let request = ask(at, kind);
            let begun = Instant::now();
            let (answered, _) = said(request).await;
            took[usize::from(kind)].push(begun.elapsed());
            assert_eq!(answered, status);
        }
    }
    let [other, first] = took;
    let longer = |a: &std::time::Duration| {
        let below = other.iter().filter(|b| *b < a).count() as f64;
        below + 0.5 * other.iter().filter(|b| *b == a).count() as f64
    };
    first.iter().map(longer).sum::<f64>() / (n * n) as f64
}

fn scatter(n: usize) -> f64 {
    ((2 * n + 1) as f64 / (12 * n * n) as f64).sqrt()
}

#[tokio::test]
async fn promise_8_a_wrong_password_and_an_unknown_name_take_equally_long() {
    const N: usize = 120;
    const BOUND: f64 = 0.2;
    assert!(BOUND > 5.0 * scatter(N));
    let world = quiet_world().await;
    let share = share_longer(N, 401, |_, known| {
        let name = if known { "jane" } else { "jade" };
        world.client.get(world.url("/api/2/batches")).basic_auth(name, Some("wrong password"))
    })
    .await;
    assert!((share - 0.5).abs() < BOUND, "the known name took longer in {share} of all pairs");
}

#[tokio::test]
async fn promise_8_anothers_key_and_nobodys_take_equally_long() {
    const N: usize = 1_500;
    const BOUND: f64 = 0.06;
    assert!(BOUND > 5.0 * scatter(N));
    let world = quiet_world().await;
    let path = format!("/api/2/batch/profile?batchKey={KEY}");
    assert_eq!(said(world.post("jane", &path, sample())).await.0, 200);
    assert_eq!(said(world.get("jane", &format!("/api/2/batch/insureright/scoring/{KEY}/submit"))).await.0, 200);
    let paths = ["/api/2/batches/KEY", "/api/2/batch/insureright/scoring/KEY", "/api/2/batch/unstructured/KEY/profile"];
    let share = share_longer(N, 404, |at, known| {
        let key = if known { KEY } else { NO_KEY };
        let path = paths[at % paths.len()].replace("KEY", key);
        world.client.get(world.url(&path)).basic_auth("joe", Some(PASSWORD))
    })
    .await;
    assert!((share - 0.5).abs() < BOUND, "another's key took longer in {share} of all pairs");
}
