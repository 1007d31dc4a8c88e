use bordereau_jobs::{Action, Actor, Caller, Error, Grant, Jobs, Password, User};

use crate::world::{World, add_user};

async fn login(jobs: &Jobs, name: &str, password: &str) -> Option<Caller> {
    jobs.verify(name, &Password::given(password), None).await.unwrap()
}

#[tokio::test]
async fn customers_and_users_are_there_after_reopening() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    drop(jobs);
    let jobs = world.open().await;
    let customers = jobs.accounts(Actor::program()).list_customers(None, 9).await.unwrap();
    assert_eq!(customers.iter().map(|customer| customer.name.as_str()).collect::<Vec<_>>(), ["acme", "valen"]);
    let users = jobs.accounts(Actor::program()).list_users(None, None, 9).await.unwrap();
    assert_eq!(users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["jane", "joe"]);
    assert_eq!(login(&jobs, "jane", "opensesame").await.unwrap().customer(), jane.customer());
}

#[tokio::test]
async fn names_are_taken_once_and_must_be_there() {
    let world = World::new();
    let (jobs, ..) = world.open_with_customers().await;
    assert!(matches!(
        jobs.accounts(Actor::program()).add_customer(&"acme".parse().unwrap()).await,
        Err(Error::Taken("customer"))
    ));
    let user = |name: &str, customer: &str| User::new(name.parse().unwrap(), customer.parse().unwrap(), Vec::new());
    let password = || Password::chosen("opensesame").unwrap();
    let taken = jobs.accounts(Actor::program()).add_user(&user("joe", "valen"), password()).await;
    assert!(matches!(taken, Err(Error::Taken("user"))), "users are unique over all customers");
    assert!(matches!(
        jobs.accounts(Actor::program()).add_user(&user("jim", "nobody"), password()).await,
        Err(Error::Absent("customer"))
    ));
    let jim = "jim".parse().unwrap();
    assert!(matches!(jobs.accounts(Actor::program()).set_password(&jim, password()).await, Err(Error::Absent("user"))));
    assert!(matches!(jobs.accounts(Actor::program()).grant(&jim, &Grant::ALL).await, Err(Error::Absent("user"))));
    assert!(matches!(jobs.accounts(Actor::program()).revoke(&jim, &Grant::ALL).await, Err(Error::Absent("user"))));
    let absent = jobs.accounts(Actor::program()).revoke(&"joe".parse().unwrap(), &"ca/scoring".parse().unwrap()).await;
    assert!(matches!(absent, Err(Error::Absent("grant"))));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_look_and_cost_the_same() {
    let world = World::new();
    let (jobs, ..) = world.open_with_customers().await;
    for (name, password) in [("jane", "wrong"), ("nobody", "opensesame"), ("", ""), ("a:\u{0}\n", "x")] {
        let before = jobs.password_checks();
        assert_eq!(login(&jobs, name, password).await, None, "{name:?}");
        assert_eq!(jobs.password_checks(), before + 1, "{name:?} is compared with a hash");
    }
}

#[tokio::test]
async fn a_success_is_remembered_until_something_changes() {
    let world = World::new();
    let (jobs, jane, _) = world.open_with_customers().await;
    for _ in 0..3 {
        assert!(login(&jobs, "jane", "opensesame").await.is_some());
    }
    assert_eq!(jobs.password_checks(), 1);
    jobs.accounts(Actor::program()).set_password(jane.name(), Password::chosen("new password").unwrap()).await.unwrap();
    assert_eq!(login(&jobs, "jane", "opensesame").await, None);
    assert!(login(&jobs, "jane", "new password").await.is_some());
}

#[tokio::test]
async fn grants_are_added_and_taken_with_effect_at_once() {
    let world = World::new();
    let jobs = world.open().await;
    let joe = add_user(&jobs, "joe", "acme").await;
    let may = async |solution: &str, submission: &str| {
        let caller = login(&jobs, "joe", "opensesame").await.unwrap();
        caller.may(Action::Send, &solution.parse().unwrap(), &submission.parse().unwrap())
    };
    assert!(may("ca", "scoring").await);
    jobs.accounts(Actor::program()).revoke(joe.name(), &Grant::ALL).await.unwrap();
    assert!(!may("ca", "scoring").await);
    let grant: Grant = "ca/*".parse().unwrap();
    jobs.accounts(Actor::program()).grant(joe.name(), &grant).await.unwrap();
    jobs.accounts(Actor::program()).grant(joe.name(), &grant).await.unwrap();
    assert!(may("ca", "scoring").await && !may("insureright", "scoring").await);
    assert_eq!(jobs.accounts(Actor::program()).list_users(None, None, 9).await.unwrap()[0].grants, [grant]);
}

#[tokio::test]
async fn two_processes_can_make_the_same_folder_at_once() {
    let world = World::new();
    let opened = futures::future::join_all((0..4).map(|_| world.open())).await;
    opened[0].accounts(Actor::program()).add_customer(&"valen".parse().unwrap()).await.unwrap();
    assert_eq!(opened[3].accounts(Actor::program()).list_customers(None, 9).await.unwrap().len(), 1);
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_the_data_folder() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    world.open().await;
    assert_eq!(std::fs::metadata(world.data()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_may_read_what_is_put_into_a_folder_that_was_there_before() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    std::fs::create_dir(world.data()).unwrap();
    std::fs::set_permissions(world.data(), PermissionsExt::from_mode(0o755)).unwrap();
    let jobs = world.open().await;
    add_user(&jobs, "jane", "valen").await;
    for name in ["bordereau.db", "bordereau.db-wal", "bordereau.db-shm", "objects", "incoming", "scratch"] {
        let mode = std::fs::metadata(world.data().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
}
