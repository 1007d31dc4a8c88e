//! Webhooks: each wanted event arrives, in order, whatever fails on the way.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bordereau_jobs::{
    Answer, AuditRequest, Caller, Error, EventName, Jobs, JobsOptions, Message, Subject, Switch, User, WebhookChange,
    WebhookOptions, WebhookState,
};

use crate::world::{World, add_tester, add_user, request, run_until_final, submit};

/// What is answered to each message, by its number.
type Answers = Box<dyn FnMut(usize) -> Answer + Send>;

/// A receiver that answers as it is told; what it was sent.
#[derive(Clone)]
struct Receiver {
    sent: Arc<Mutex<Vec<Message>>>,
    answers: Arc<Mutex<Answers>>,
}

const OK: Answer = Answer::Status { status: 204, retry_after_s: None };
const BROKEN: Answer = Answer::Status { status: 500, retry_after_s: None };

impl Receiver {
    fn new(answers: impl FnMut(usize) -> Answer + Send + 'static) -> Self {
        Self { sent: Arc::default(), answers: Arc::new(Mutex::new(Box::new(answers))) }
    }

    fn options(&self) -> WebhookOptions {
        let receiver = self.clone();
        WebhookOptions {
            send: Arc::new(move |message| {
                let mut sent = receiver.sent.lock().unwrap();
                let answer = (receiver.answers.lock().unwrap())(sent.len());
                sent.push(message);
                Box::pin(async move { answer })
            }),
            write: Arc::new(|event| {
                let state = event.batch().map_or("no batch", |batch| batch.state.as_str());
                format!("{} {} {state}", event.sequence, event.name.as_str())
            }),
            ..WebhookOptions::default()
        }
    }

    fn payloads(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(|message| message.payload.clone()).collect()
    }

    fn count(&self) -> usize {
        self.sent.lock().unwrap().len()
    }
}

async fn open(world: &World, receiver: &Receiver) -> (Jobs, Caller) {
    let jobs = Jobs::open(JobsOptions { webhooks: receiver.options(), ..world.options() }).await.unwrap();
    let jane = add_user(&jobs, "jane", "valen").await;
    (jobs, jane)
}

async fn batch(jobs: &Jobs, jane: &Caller, upload: &[u8]) {
    let key = submit(jobs, jane, request(), upload).await.unwrap().key();
    run_until_final(jobs, jane.customer(), &[key]).await;
}

/// Delivers until a condition holds; the clock goes on so that waits come to their end.
async fn deliver_until(world: &World, jobs: &Jobs, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            world.clock.advance_ms(1_000);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    jobs.deliver_webhooks(waiting).await.unwrap();
}

#[tokio::test]
async fn wanted_events_arrive_in_order_from_when_it_was_made_and_no_others() {
    let world = World::new();
    let receiver = Receiver::new(|_| OK);
    let (jobs, jane) = open(&world, &receiver).await;
    let joe = add_user(&jobs, "joe", "acme").await;
    batch(&jobs, &jane, b"before").await;
    let (all, _) = jobs.add_webhook(&jane, "https://a.example/", &[]).await.unwrap();
    let filters = ["name,batchFinished".to_owned()];
    let (finished, _) = jobs.add_webhook(&jane, "https://b.example/", &filters).await.unwrap();
    batch(&jobs, &jane, b"a zip").await;
    batch(&jobs, &joe, b"a zip of others").await;
    deliver_until(&world, &jobs, || receiver.count() == 5).await;
    let sent = receiver.sent.lock().unwrap().clone();
    let to = |url: &str| -> Vec<&str> {
        sent.iter().filter(|message| message.url == url).map(|message| message.payload.as_str()).collect()
    };
    assert_eq!(
        to("https://a.example/"),
        [
            "5 profileUpdatedEvent accepted",
            "6 profileUpdatedEvent running",
            "7 profileUpdatedEvent finished",
            "8 batchFinished finished"
        ]
    );
    assert_eq!(to("https://b.example/"), ["8 batchFinished finished"]);
    let position = async |id| jobs.webhook(&jane, id).await.unwrap().position;
    assert_eq!((position(all.id).await, position(finished.id).await), (8, 8));
    for id in [all.id, finished.id] {
        assert!(matches!(jobs.webhook(&joe, id).await, Err(Error::Unknown)));
        assert!(matches!(jobs.remove_webhook(&joe, id).await, Err(Error::Unknown)));
    }
}

#[tokio::test]
async fn a_failing_receiver_is_tried_over_a_day_then_disabled_and_goes_on_where_it_stopped() {
    let world = World::new();
    let receiver = Receiver::new(|at| if at < 11 { BROKEN } else { OK });
    let (jobs, jane) = open(&world, &receiver).await;
    let (webhook, _) = jobs.add_webhook(&jane, "https://a.example/", &[]).await.unwrap();
    batch(&jobs, &jane, b"a zip").await;
    let mut last = 0;
    let waiting = async {
        loop {
            let now = jobs.webhook(&jane, webhook.id).await.unwrap();
            if now.state != WebhookState::Enabled {
                break;
            }
            // No further than to the next attempt.
            if let Some(next) =
                now.next_attempt.filter(|_| receiver.count() as u64 == now.failures && now.failures > last)
            {
                last = now.failures;
                let wait_ms = next.as_millisecond() - now.updated.as_millisecond();
                world.clock.advance_ms(wait_ms - 1);
                tokio::time::sleep(Duration::from_millis(10)).await;
                assert_eq!(receiver.count() as u64, last, "none before its moment");
                world.clock.advance_ms(1);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    jobs.deliver_webhooks(waiting).await.unwrap();
    let sent = receiver.sent.lock().unwrap().clone();
    assert_eq!(sent.len(), 11);
    assert!(sent.iter().all(|message| message.id == sent[0].id && message.payload == sent[0].payload));
    let hours = (sent[10].timestamp_s - sent[0].timestamp_s) as f64 / 3_600.0;
    assert!((21.0..27.0).contains(&hours), "{hours} hours");
    let disabled = jobs.webhook(&jane, webhook.id).await.unwrap();
    assert_eq!(
        disabled.state.reason(),
        Some("An event was not taken in 11 attempts over a day; at last the answer was 500.")
    );
    assert_eq!(jobs.deliveries(&jane, webhook.id, None, 50).await.unwrap().len(), 11);
    let on = WebhookChange { switch: Some(Switch::On), ..WebhookChange::default() };
    jobs.change_webhook(&jane, webhook.id, &on).await.unwrap();
    // The last one says that it was disabled.
    deliver_until(&world, &jobs, || receiver.count() == 16).await;
    assert_eq!(receiver.payloads()[11..].iter().map(|text| &text[..1]).collect::<Vec<_>>(), ["1", "2", "3", "4", "5"]);
    assert_eq!(jobs.webhook(&jane, webhook.id).await.unwrap().failures, 0);
}

#[tokio::test]
async fn gone_disables_at_once_and_retry_after_is_heeded() {
    let world = World::new();
    let receiver = Receiver::new(|at| match at {
        0 => Answer::Status { status: 503, retry_after_s: Some(600) },
        1 => Answer::Fault("no connection could be made".to_owned()),
        _ => Answer::Status { status: 410, retry_after_s: None },
    });
    let (jobs, jane) = open(&world, &receiver).await;
    let (webhook, _) = jobs.add_webhook(&jane, "https://a.example/", &[]).await.unwrap();
    batch(&jobs, &jane, b"a zip").await;
    deliver_until(&world, &jobs, || receiver.count() == 3).await;
    let sent = receiver.sent.lock().unwrap().clone();
    assert!(sent[1].timestamp_s - sent[0].timestamp_s >= 600);
    let webhook = jobs.webhook(&jane, webhook.id).await.unwrap();
    assert_eq!(webhook.state.reason(), Some("The receiver answered 410: it wants no more events."));
    assert_eq!(webhook.position, 0);
}

#[tokio::test]
async fn a_paused_webhook_waits_and_a_slow_one_holds_up_no_other() {
    let world = World::new();
    let receiver = Receiver::new(|_| OK);
    let mut options = receiver.options();
    let quick = Arc::clone(&options.send);
    options.send = Arc::new(move |message| match message.url.contains("slow") {
        true => Box::pin(async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            BROKEN
        }),
        false => quick(message),
    });
    let jobs = Jobs::open(JobsOptions { webhooks: options, ..world.options() }).await.unwrap();
    let jane = add_user(&jobs, "jane", "valen").await;
    let (paused, _) = jobs.add_webhook(&jane, "https://paused.example/", &[]).await.unwrap();
    jobs.add_webhook(&jane, "https://slow.example/", &[]).await.unwrap();
    jobs.add_webhook(&jane, "https://quick.example/", &[]).await.unwrap();
    let off = WebhookChange { switch: Some(Switch::Off), ..WebhookChange::default() };
    jobs.change_webhook(&jane, paused.id, &off).await.unwrap();
    batch(&jobs, &jane, b"a zip").await;
    deliver_until(&world, &jobs, || receiver.count() == 4).await;
    assert!(receiver.sent.lock().unwrap().iter().all(|message| message.url == "https://quick.example/"));
}

/// What long polls and streams are made of: who may make webhooks hears of it, once, and nobody else does.
#[tokio::test]
async fn that_a_webhook_is_disabled_is_an_event_of_its_customer() {
    let world = World::new();
    let receiver = Receiver::new(|_| Answer::Status { status: 410, retry_after_s: None });
    let (jobs, jane) = open(&world, &receiver).await;
    let joe = add_user(&jobs, "joe", "acme").await;
    let tess = add_tester(&jobs, "tess", "valen").await;
    let clerk = User::new("clerk".parse().unwrap(), jane.customer().clone(), vec!["insureright/*".parse().unwrap()]);
    let clerk = Caller::new(clerk);
    let (webhook, _) = jobs.add_webhook(&jane, "https://gone.example/", &[]).await.unwrap();
    let all = async |caller: &Caller, filters: &[&str], since: Option<&str>| {
        let filters = filters.iter().map(|text| text.parse().unwrap()).collect();
        let mut events = jobs.subscribe(caller, filters, since).await.unwrap();
        let mut found = Vec::new();
        while let Some(event) = events.ready().await.unwrap() {
            if event.name == EventName::WebhookDisabled {
                found.push(event.subject.clone());
            }
        }
        found
    };
    let start = jobs.subscribe(&jane, Vec::new(), None).await.unwrap().cursor().to_string();
    let mut waiting = jobs.subscribe(&jane, vec!["name,webhookDisabled".parse().unwrap()], None).await.unwrap();
    let key = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    run_until_final(&jobs, jane.customer(), &[key]).await;
    deliver_until(&world, &jobs, || receiver.count() == 1).await;
    let reason = "The receiver answered 410: it wants no more events.".to_owned();
    let disabled = Subject::Webhook { id: webhook.id, reason: reason.clone() };
    let event = waiting.next().await.unwrap();
    assert_eq!((event.sequence, &event.subject), (5, &disabled));
    let by_program = AuditRequest { actor: Some("(program)".to_owned()), ..AuditRequest::default() };
    let lines = jobs.audit(&by_program, 1).await.unwrap();
    let lines = lines.iter().map(|line| (line.deed.as_str(), line.subject.clone(), line.detail.clone()));
    assert_eq!(lines.collect::<Vec<_>>(), [("webhookDisabled", Some(webhook.id.to_string()), Some(reason.clone()))]);
    let named = format!("batchKey,{key}");
    for (caller, filters, since, hears) in [
        (&jane, vec![], Some(start.as_str()), true),
        (&jane, vec!["customer,valen"], Some(start.as_str()), true),
        // The present state.
        (&jane, vec![], Some("none"), true),
        (&jane, vec![named.as_str()], None, false),
        (&jane, vec!["solution,insureright"], Some(start.as_str()), false),
        (&clerk, vec![], Some(start.as_str()), false),
        (&tess, vec![], Some("none"), false),
        (&joe, vec![], Some("none"), false),
    ] {
        let wanted = if hears { vec![disabled.clone()] } else { vec![] };
        assert_eq!(all(caller, &filters, since).await, wanted, "{} {filters:?}", caller.name());
    }
    // Switched on again it is no part of the present state any more, and is told of itself in its turn.
    let on = WebhookChange { switch: Some(Switch::On), ..WebhookChange::default() };
    jobs.change_webhook(&jane, webhook.id, &on).await.unwrap();
    assert_eq!(all(&jane, &[], Some("none")).await, []);
}

/// Makes valen's user jane and acme's user joe, and webhooks of theirs.
async fn two_customers(world: &World, options: WebhookOptions, urls: &[&str]) -> (Jobs, Caller, Caller) {
    let jobs = Jobs::open(JobsOptions { webhooks: options, ..world.options() }).await.unwrap();
    let (jane, joe) = (add_user(&jobs, "jane", "valen").await, add_user(&jobs, "joe", "acme").await);
    for url in urls {
        let owner = if url.contains("joe") { &joe } else { &jane };
        jobs.add_webhook(owner, url, &[]).await.unwrap();
        world.clock.advance_ms(1);
    }
    (jobs, jane, joe)
}

#[tokio::test]
async fn receivers_of_one_customer_that_never_answer_hold_up_no_other_customer() {
    let world = World::new();
    let receiver = Receiver::new(|_| OK);
    let (end, ended) = tokio::sync::watch::channel(false);
    let quick = receiver.options().send;
    let send = move |message: Message| match message.url.contains("silent") {
        true => {
            let mut ended = ended.clone();
            let wait = async move { ended.wait_for(|ended| *ended).await.map(|_| BROKEN).unwrap_or(BROKEN) };
            Box::pin(wait) as futures::future::BoxFuture<'static, Answer>
        }
        false => quick(message),
    };
    let options = WebhookOptions { send: Arc::new(send), at_once: 3, at_once_of_customer: 2, ..receiver.options() };
    let silent = ["https://silent.example/1", "https://silent.example/2", "https://silent.example/3"];
    let (jobs, jane, joe) = two_customers(&world, options, &[&silent[..], &["https://joe.example/"]].concat()).await;
    batch(&jobs, &jane, b"a zip").await;
    batch(&jobs, &joe, b"a zip").await;
    let all_of_joe = || {
        let done = receiver.count() == 4;
        if done {
            end.send_replace(true);
        }
        done
    };
    deliver_until(&world, &jobs, all_of_joe).await;
}

#[tokio::test]
async fn a_customer_without_a_place_gets_one_after_an_event_of_another() {
    let world = World::new();
    let receiver = Receiver::new(|_| OK);
    let options = WebhookOptions { at_once: 1, at_once_of_customer: 1, ..receiver.options() };
    let urls = ["https://jane.example/1", "https://jane.example/2", "https://joe.example/"];
    let (jobs, jane, joe) = two_customers(&world, options, &urls).await;
    batch(&jobs, &jane, b"a zip").await;
    batch(&jobs, &joe, b"a zip").await;
    deliver_until(&world, &jobs, || receiver.count() == 12).await;
    let sent = receiver.sent.lock().unwrap();
    let first: Vec<&str> = sent[..4].iter().map(|message| message.url.as_str()).collect();
    assert!(first[1..3].contains(&urls[2]), "joe waits while jane is sent to: {first:?}");
}

#[tokio::test]
async fn attempts_are_numbered_for_each_webhook() {
    let world = World::new();
    let receiver = Receiver::new(|_| OK);
    let (jobs, jane) = open(&world, &receiver).await;
    let (first, _) = jobs.add_webhook(&jane, "https://a.example/", &[]).await.unwrap();
    let (second, _) = jobs.add_webhook(&jane, "https://b.example/", &[]).await.unwrap();
    for id in [first.id, second.id, first.id, second.id, second.id] {
        jobs.ping_webhook(&jane, id).await.unwrap();
    }
    for (id, before, numbers) in [
        (first.id, None, vec![2, 1]),
        (second.id, None, vec![3, 2, 1]),
        (second.id, Some(3), vec![2, 1]),
        (second.id, Some(1), vec![]),
    ] {
        let found = jobs.deliveries(&jane, id, before, 10).await.unwrap();
        assert_eq!(found.iter().map(|delivery| delivery.number).collect::<Vec<_>>(), numbers, "{before:?}");
    }
}

#[tokio::test]
async fn a_new_secret_is_used_beside_the_old_one_for_a_day() {
    let world = World::new();
    let receiver = Receiver::new(|_| OK);
    let (jobs, jane) = open(&world, &receiver).await;
    let (webhook, first) = jobs.add_webhook(&jane, "https://a.example/", &[]).await.unwrap();
    let (_, second) = jobs.rotate_webhook(&jane, webhook.id).await.unwrap();
    assert_ne!(first, second);
    assert!(first.reveal().starts_with("whsec_"));
    let signatures = async || {
        assert!(jobs.ping_webhook(&jane, webhook.id).await.unwrap().is_delivered());
        receiver.sent.lock().unwrap().last().unwrap().signature.split(' ').count()
    };
    assert_eq!(signatures().await, 2);
    world.clock.advance_ms(24 * 3_600_000 + 1);
    assert_eq!(signatures().await, 1);
}
