//! Roles, tokens, tests, what ends while it is used, and the audit log.

use std::time::Duration;

use bordereau_jobs::{
    Action, Actor, AuditRequest, Caller, Error, Filter, Grant, Jobs, ListRequest, Password, Retention, Role, Standing,
    Switch, Tests, Token, User, WebhookChange,
};
use jiff::Timestamp;

use crate::world::{START_MS, World, add_user, keyed, request, submit};

async fn with_role(jobs: &Jobs, like: &Caller, name: &str, role: Role) -> Caller {
    let user = User { role, ..User::new(name.parse().unwrap(), like.customer().clone(), vec![Grant::ALL]) };
    let password = Password::chosen("opensesame").unwrap();
    jobs.accounts(Actor::program()).add_user(&user, password.clone()).await.unwrap();
    jobs.verify(name, &password, None).await.unwrap().unwrap()
}

async fn login(jobs: &Jobs, name: &str) -> Option<Caller> {
    jobs.verify(name, &Password::given("opensesame"), None).await.unwrap()
}

async fn token(jobs: &Jobs, caller: &Caller, expires: Option<Timestamp>) -> Token {
    jobs.accounts(Actor::program()).add_token(caller.name(), &"label".parse().unwrap(), expires).await.unwrap()
}

#[tokio::test]
async fn a_token_acts_as_its_user_until_it_is_revoked_or_over() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let accounts = jobs.accounts(Actor::program());
    let lasting = token(&jobs, &jane, None).await;
    let ending = token(&jobs, &jane, Some(Timestamp::from_millisecond(START_MS + 5_000).unwrap())).await;
    for token in [&lasting, &ending, &lasting] {
        let caller = jobs.verify_token(token, None).await.unwrap().unwrap();
        assert_eq!((caller.name(), caller.customer()), (jane.name(), jane.customer()));
    }
    let other: Token = format!("bdr_{}_{}", lasting.prefix(), "0".repeat(64)).parse().unwrap();
    assert_eq!(jobs.verify_token(&other, None).await.unwrap(), None);
    assert_eq!(jobs.password_checks(), 0, "tokens cost no slow hash");
    world.clock.advance_ms(5_000);
    assert_eq!(jobs.verify_token(&ending, None).await.unwrap(), None, "also when it is remembered");
    let listed = accounts.list_tokens(jane.name()).await.unwrap();
    assert!(listed.iter().all(|info| info.last_used.is_some() && info.label.as_str() == "label"));
    accounts.revoke_token(jane.name(), lasting.prefix()).await.unwrap();
    accounts.revoke_token(jane.name(), lasting.prefix()).await.unwrap();
    assert_eq!(jobs.verify_token(&lasting, None).await.unwrap(), None);
    let past = accounts.add_token(jane.name(), &"".parse().unwrap(), Some(Timestamp::UNIX_EPOCH)).await;
    assert!(matches!(past, Err(Error::Invalid(_))));
    let foreign = accounts.revoke_token(&"joe".parse().unwrap(), lasting.prefix()).await;
    assert!(matches!(foreign, Err(Error::Absent("token"))));
    let stored = std::fs::read(world.data().join("bordereau.db-wal")).unwrap();
    let secret = &lasting.reveal()[17..];
    assert!(!stored.windows(secret.len()).any(|window| window == secret.as_bytes()), "the secret is not stored");
}

/// With the limits as they are when nobody set any: 10 failed logins, 66 checks at once.
#[tokio::test]
async fn a_client_that_comes_a_thousand_times_at_once_is_one_login() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let found = futures::future::join_all((0..1_000).map(|_| login(&jobs, jane.name().as_str()))).await;
    assert!(found.iter().all(|found| found.as_ref().is_some_and(|caller| caller.name() == jane.name())));
    assert_eq!(jobs.password_checks(), 1);
}

/// Whatever a caller was verified by, a waiter learns that it ends, also by another process.
#[tokio::test]
async fn whoever_waits_is_told_when_the_credentials_end() {
    let world = World::new();
    let (jobs, ..) = world.open_with_customers().await;
    let elsewhere = world.open().await;
    let (jane, customer) = ("jane".parse().unwrap(), "valen".parse().unwrap());
    for (step, through) in [(0, &jobs), (1, &elsewhere), (2, &elsewhere), (3, &jobs), (4, &elsewhere), (5, &jobs)] {
        let accounts = through.accounts(Actor::command_line());
        let mut caller = login(&jobs, "jane").await.unwrap();
        let mut given = None;
        if step == 4 {
            let token = token(&jobs, &caller, None).await;
            caller = jobs.verify_token(&token, None).await.unwrap().unwrap();
            given = Some(token);
        }
        let bystander = login(&jobs, "joe").await.unwrap();
        assert!(jobs.is_welcome(&caller));
        let change = async {
            match step {
                0 => accounts.set_password(&jane, Password::chosen("opensesame").unwrap()).await.unwrap(),
                1 => accounts.revoke(&jane, &Grant::ALL).await.unwrap(),
                2 => accounts.set_role(&jane, Role::Analyst).await.unwrap(),
                3 => accounts.set_user_standing(&jane, Standing::Disabled).await.unwrap(),
                4 => accounts.revoke_token(&jane, given.as_ref().unwrap().prefix()).await.unwrap(),
                _ => accounts.set_customer_standing(&customer, Standing::Disabled).await.unwrap(),
            }
        };
        tokio::join!(jobs.until_unwelcome(&caller), change);
        assert!(!jobs.is_welcome(&caller) && jobs.is_welcome(&bystander), "{step}");
        if step == 3 {
            assert_eq!(login(&jobs, "jane").await, None);
            jobs.accounts(Actor::program()).set_user_standing(&jane, Standing::Enabled).await.unwrap();
        }
    }
    assert_eq!(login(&jobs, "jane").await, None);
    jobs.accounts(Actor::program()).set_customer_standing(&customer, Standing::Enabled).await.unwrap();
    assert!(login(&jobs, "jane").await.is_some());
}

#[tokio::test]
async fn an_upload_under_way_is_refused_when_its_sender_is_disabled() {
    let world = World::new();
    let (jobs, ..) = world.open_with_customers().await;
    let jane = login(&jobs, "jane").await.unwrap();
    let mut upload = jobs.begin_upload(&jane, request()).await.unwrap();
    upload.write(bytes::Bytes::from_static(b"a zip")).await.unwrap();
    jobs.accounts(Actor::program()).set_user_standing(jane.name(), Standing::Disabled).await.unwrap();
    jobs.until_unwelcome(&jane).await;
    assert!(matches!(upload.finish().await, Err(Error::Unwelcome)));
    assert!(world.files("objects/uploads").is_empty());
}

#[tokio::test]
async fn what_a_test_user_sends_is_a_test_and_no_other_batch_is_there_for_it() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let tess = with_role(&jobs, &jane, "tess", Role::TestUser).await;
    let real = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    let test = submit(&jobs, &tess, request(), b"a zip").await.unwrap().key();
    for (caller, tests, expected) in [
        (&jane, Tests::Without, vec![real]),
        (&jane, Tests::Only, vec![test]),
        (&jane, Tests::With, vec![test, real]),
        (&tess, Tests::Without, vec![test]),
        (&tess, Tests::With, vec![test]),
    ] {
        let request = ListRequest { tests, ..ListRequest::default() };
        let page = jobs.list_batches(caller, &request, 10).await.unwrap();
        let keys: Vec<_> = page.batches.iter().map(|status| status.key).collect();
        assert_eq!(keys, expected, "{tests:?} by {}", caller.name());
    }
    assert!(jobs.batch(&jane, test).await.unwrap().status.test);
    for refused in [
        jobs.batch(&tess, real).await.map(drop),
        jobs.cancel(&tess, real).await.map(drop),
        jobs.delete(&tess, real).await,
        jobs.results(&tess, &request().solution, &request().submission, real).await.map(drop),
    ] {
        assert!(matches!(refused, Err(Error::Forbidden)), "{refused:?}");
    }
    // The same key and bytes are not the same batch.
    assert!(matches!(submit(&jobs, &jane, keyed(test), b"a zip").await, Err(Error::Conflict)));
    assert!(matches!(submit(&jobs, &tess, keyed(real), b"a zip").await, Err(Error::Conflict)));
}

#[tokio::test]
async fn events_of_tests_are_heard_by_who_asks_for_them() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let tess = with_role(&jobs, &jane, "tess", Role::TestUser).await;
    let real = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    let test = submit(&jobs, &tess, request(), b"a zip").await.unwrap().key();
    let heard = async |caller: &Caller, filter: &str| {
        let filters = if filter.is_empty() { vec![] } else { vec![filter.parse::<Filter>().unwrap()] };
        // A cursor of no log: the present state.
        let mut subscription = jobs.subscribe(caller, filters, Some("none")).await.unwrap();
        let mut keys = Vec::new();
        while let Some(event) = subscription.ready().await.unwrap() {
            assert_eq!(event.batch().unwrap().test, event.batch().unwrap().key == test);
            keys.push(event.batch().unwrap().key);
        }
        keys
    };
    assert_eq!(heard(&jane, "").await, [real]);
    assert_eq!(heard(&jane, "test,true").await, [test]);
    assert_eq!(heard(&jane, &format!("batchKey,{test}")).await, [test]);
    assert_eq!(heard(&tess, "").await, [test]);
    assert_eq!(heard(&tess, "test,false").await, []);
    assert_eq!(heard(&tess, &format!("batchKey,{real}")).await, []);
}

#[tokio::test]
async fn events_of_what_one_has_no_right_to_pass_by() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let grants = vec!["ca/*".parse().unwrap()];
    let clerk = Caller::new(User::new("clerk".parse().unwrap(), jane.customer().clone(), grants));
    submit(&jobs, &jane, request(), b"a zip").await.unwrap();
    let mut subscription = jobs.subscribe(&clerk, vec![], Some("none")).await.unwrap();
    assert!(subscription.ready().await.unwrap().is_none());
    let mut waiting = jobs.subscribe(&clerk, vec![], None).await.unwrap();
    submit(&jobs, &jane, request(), b"another zip").await.unwrap();
    let waited = tokio::time::timeout(Duration::from_millis(300), waiting.next()).await;
    assert!(waited.is_err());
}

#[tokio::test]
async fn an_analyst_reads_and_an_administrator_sees_nothing_of_batches() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    let key = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    let (ana, root) = (
        with_role(&jobs, &jane, "ana", Role::Analyst).await,
        with_role(&jobs, &jane, "root", Role::Administrator).await,
    );
    assert!(jobs.batch(&ana, key).await.is_ok() && jobs.subscribe(&ana, vec![], None).await.is_ok());
    for caller in [&ana, &root] {
        assert!(matches!(submit(&jobs, caller, request(), b"a zip").await, Err(Error::Forbidden)));
        assert!(matches!(jobs.cancel(caller, key).await, Err(Error::Forbidden)));
        assert!(matches!(jobs.delete(caller, key).await, Err(Error::Forbidden)));
    }
    assert!(matches!(jobs.batch(&root, key).await, Err(Error::Forbidden)));
    assert!(matches!(jobs.list_batches(&root, &ListRequest::default(), 1).await, Err(Error::Forbidden)));
    assert!(matches!(jobs.subscribe(&root, vec![], None).await, Err(Error::Forbidden)));
    assert!(root.may_ever(Action::Administer) && !jane.may_ever(Action::Administer));
}

#[tokio::test]
async fn a_customer_goes_when_nothing_is_left_of_it_and_nobody_shuts_themselves_out() {
    let world = World::new();
    let (jobs, jane, joe) = world.open_with_customers().await;
    let root = with_role(&jobs, &joe, "root", Role::Administrator).await;
    let accounts = jobs.accounts(Actor::from(&root));
    let key = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    let valen = jane.customer();
    let in_use = async || matches!(accounts.remove_customer(valen).await, Err(Error::InUse("customer")));
    assert!(in_use().await, "it is not disabled");
    accounts.set_customer_standing(valen, Standing::Disabled).await.unwrap();
    assert!(in_use().await, "it has a user");
    accounts.remove_user(jane.name()).await.unwrap();
    assert!(in_use().await, "it has a batch");
    jobs.cancel(&jane, key).await.unwrap();
    jobs.delete(&jane, key).await.unwrap();
    accounts.remove_customer(valen).await.unwrap();
    assert!(matches!(accounts.remove_customer(valen).await, Err(Error::Absent("customer"))));
    for own in [
        accounts.remove_user(root.name()).await,
        accounts.set_role(root.name(), Role::Integrator).await,
        accounts.set_user_standing(root.name(), Standing::Disabled).await,
        accounts.set_customer_standing(root.customer(), Standing::Disabled).await,
    ] {
        assert!(matches!(own, Err(Error::Oneself)), "{own:?}");
    }
    // The name is free, and whoever has it next is another.
    let again = add_user(&jobs, "jane", "valen").await;
    assert!(login(&jobs, "jane").await.is_some());
    assert!(jobs.list_batches(&again, &ListRequest::default(), 9).await.unwrap().batches.is_empty());
}

#[tokio::test]
async fn the_audit_log_says_who_did_what_and_only_grows() {
    let world = World::new();
    let (jobs, jane, joe) = world.open_with_customers().await;
    let root = with_role(&jobs, &joe, "root", Role::Administrator).await;
    let key = submit(&jobs, &jane, request(), b"a zip").await.unwrap().key();
    crate::world::run_until_final(&jobs, jane.customer(), &[key]).await;
    crate::world::fetch(&jobs, &jane, key).await.unwrap();
    jobs.delete(&jane, key).await.unwrap();
    jobs.accounts(Actor::from(&root)).set_role(jane.name(), Role::Analyst).await.unwrap();
    let refused = jobs.accounts(Actor::from(&root)).add_customer(jane.customer()).await;
    assert!(matches!(refused, Err(Error::Taken(_))));
    let valen = AuditRequest { customer: Some(jane.customer().clone()), ..AuditRequest::default() };
    let records = jobs.audit(&valen, 100).await.unwrap();
    let told: Vec<_> = records.iter().rev().map(|record| (record.actor.as_str(), record.deed.as_str())).collect();
    assert_eq!(
        told,
        [
            ("(program)", "customerAdded"),
            ("(program)", "userAdded"),
            ("jane", "batchSent"),
            ("jane", "resultsFetched"),
            ("jane", "batchDeleted"),
            ("root", "roleChanged"),
        ]
    );
    assert_eq!(records[0].via, "password");
    assert_eq!((records[0].subject.as_deref(), records[0].detail.as_deref()), (Some("jane"), Some("analyst")));
    assert_eq!(records[3].subject, Some(key.to_string()));
    let older = AuditRequest { before: Some(records[3].id), ..valen.clone() };
    assert_eq!(jobs.audit(&older, 1).await.unwrap(), records[4..5]);
    let by_root = AuditRequest { actor: Some("root".to_owned()), ..AuditRequest::default() };
    assert_eq!(jobs.audit(&by_root, 9).await.unwrap().len(), 1);
}

/// The newest line of the audit log, after making sure that there is exactly one more.
async fn one_more(jobs: &Jobs, lines: &mut usize) -> String {
    let records = jobs.audit(&AuditRequest::default(), 1_000).await.unwrap();
    *lines += 1;
    assert_eq!(records.len(), *lines, "{:?}", records[0]);
    let [subject, detail] = [&records[0].subject, &records[0].detail].map(|text| text.as_deref().unwrap_or("-"));
    format!("{} {} {subject} {detail}", records[0].actor, records[0].deed)
}

#[tokio::test]
async fn each_change_of_an_account_writes_one_line() {
    let world = World::new();
    let jobs = world.open().await;
    let accounts = jobs.accounts(Actor::command_line());
    let (valen, ann) = ("valen".parse().unwrap(), "ann".parse().unwrap());
    let user = User::new("ann".parse().unwrap(), "valen".parse().unwrap(), vec![Grant::ALL]);
    let password = || Password::chosen("opensesame").unwrap();
    let grant: Grant = "ca/*".parse().unwrap();
    let mut lines = 0;
    macro_rules! writes {
        ($($change:expr => $line:literal)*) => { $(
            $change.await.unwrap();
            assert_eq!(one_more(&jobs, &mut lines).await, concat!("(operator) ", $line));
        )* };
    }
    writes! {
        accounts.add_customer(&valen) => "customerAdded - -"
        jobs.set_weight(&Actor::command_line(), &valen, 3) => "weightChanged - 3"
        jobs.set_retention(&Actor::command_line(), &valen, Retention::Days(9)) => "retentionChanged - 9"
        accounts.add_user(&user, password()) => "userAdded ann integrator: */*"
        accounts.set_password(&ann, password()) => "passwordChanged ann -"
        accounts.set_role(&ann, Role::Analyst) => "roleChanged ann analyst"
        accounts.grant(&ann, &grant) => "grantsChanged ann +ca/*"
        accounts.revoke(&ann, &grant) => "grantsChanged ann -ca/*"
        accounts.set_grants(&ann, &[Grant::ALL]) => "grantsChanged ann */*"
        accounts.set_user_standing(&ann, Standing::Disabled) => "userStanding ann disabled"
    }
    let token = accounts.add_token(&ann, &"nightly".parse().unwrap(), None).await.unwrap();
    assert!(one_more(&jobs, &mut lines).await.starts_with("(operator) tokenAdded "));
    accounts.revoke_token(&ann, token.prefix()).await.unwrap();
    assert!(one_more(&jobs, &mut lines).await.starts_with("(operator) tokenRevoked "));
    writes! {
        accounts.remove_user(&ann) => "userRemoved ann -"
        accounts.set_customer_standing(&valen, Standing::Disabled) => "customerStanding - disabled"
        accounts.remove_customer(&valen) => "customerRemoved - -"
    }
    // What is refused changes nothing and is not told.
    let operator = Actor::command_line();
    assert!(matches!(jobs.set_weight(&operator, &valen, 3).await, Err(Error::Absent("customer"))));
    assert!(matches!(jobs.set_retention(&operator, &valen, Retention::Forever).await, Err(Error::Absent("customer"))));
    assert_eq!(jobs.audit(&AuditRequest::default(), 1_000).await.unwrap().len(), lines);
}

#[tokio::test]
async fn each_change_of_a_webhook_writes_one_line_without_what_is_secret_of_it() {
    let world = World::new();
    let jobs = world.open().await;
    let jane = add_user(&jobs, "jane", "valen").await;
    let mut lines = jobs.audit(&AuditRequest::default(), 1_000).await.unwrap().len();
    let url = "https://key@hooks.example:8443/in?token=secret";
    let (webhook, secret) = jobs.add_webhook(&jane, url, &[]).await.unwrap();
    let id = webhook.id;
    assert_eq!(one_more(&jobs, &mut lines).await, format!("jane webhookAdded {id} https://hooks.example:8443"));
    let change = WebhookChange {
        url: Some("https://other.example#secret".to_owned()),
        filters: Some(vec!["name,batchFinished".to_owned()]),
        switch: Some(Switch::Off),
    };
    jobs.change_webhook(&jane, id, &change).await.unwrap();
    let line = one_more(&jobs, &mut lines).await;
    assert_eq!(line, format!("jane webhookChanged {id} https://other.example, filters, paused"));
    jobs.rotate_webhook(&jane, id).await.unwrap();
    assert_eq!(one_more(&jobs, &mut lines).await, format!("jane webhookRotated {id} -"));
    jobs.remove_webhook(&jane, id).await.unwrap();
    assert_eq!(one_more(&jobs, &mut lines).await, format!("jane webhookRemoved {id} -"));
    assert!(matches!(jobs.remove_webhook(&jane, id).await, Err(Error::Unknown)));
    let records = jobs.audit(&AuditRequest::default(), 1_000).await.unwrap();
    assert_eq!(records.len(), lines);
    assert!(!format!("{records:?}").contains("token=") && !format!("{records:?}").contains(&secret.reveal()));
}
