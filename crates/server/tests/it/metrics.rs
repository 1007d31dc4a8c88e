//! What operators measure, on a listener of its own.

use bordereau_server::serve_metrics;
use tokio::net::TcpListener;

use crate::world::{World, said};
use crate::zips::sample;

#[tokio::test]
async fn batches_requests_and_stages_are_counted_and_no_customer_is_named() {
    let world = World::start().await;
    said(world.post(
        "jane",
        "/api/2/batch/insureright/scoring?batchKey=ac5b3d51-50f8-40d1-e378-18f8db2fabc9",
        sample(),
    ))
    .await;
    world.run("jane", "/api/2/batch/insureright/scoring/ac5b3d51-50f8-40d1-e378-18f8db2fabc9").await;
    said(world.post("joe", "/api/2/batch/insureright/scoring", sample())).await;
    said(world.client.get(world.url("/nowhere/at-all"))).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = serve_metrics(listener, world.jobs.clone(), world.metrics.clone(), async {
        let _ = stopped.await;
    });
    let asking = async {
        let get = |path: &str| world.client.get(format!("http://{address}{path}"));
        assert_eq!(said(get("/readyz")).await, (200, "ready".to_owned()));
        assert_eq!(said(get("/healthz")).await, (200, "ok".to_owned()));
        let (status, page) = said(get("/metrics")).await;
        stop.send(()).unwrap();
        assert_eq!(status, 200);
        page
    };
    let (served, page) = tokio::join!(serving, asking);
    served.unwrap();
    for line in [
        "bordereau_batches{state=\"accepted\"} 1",
        "bordereau_batches{state=\"finished\"} 1",
        "bordereau_attempts_total 1",
        "bordereau_checkpoints_total{what=\"written\"} 0",
        "bordereau_records_scored_total 1",
        "bordereau_subscriptions 0",
        "bordereau_http_requests_total{route=\"/api/2/batch/{solution}/{submission}\",method=\"POST\",status=\"200\"} 2",
        "bordereau_http_requests_total{route=\"none\",method=\"GET\",status=\"404\"} 1",
        "# EOF",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
    }
    assert!(page.contains("bordereau_stage_seconds_total{stage=\"validate\"}"), "{page}");
    assert!(page.contains("bordereau_queue_age_seconds "), "{page}");
    for secret in ["valen", "acme", "jane", "ac5b3d51", "at-all"] {
        assert!(!page.contains(secret), "{secret} is in\n{page}");
    }
}

#[tokio::test]
async fn customers_do_not_reach_the_metrics() {
    let world = World::start().await;
    assert_eq!(said(world.get("jane", "/metrics")).await.0, 404);
}
