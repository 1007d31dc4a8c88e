use std::collections::BTreeSet;
use std::time::Duration;

use bordereau_jobs::{Actor, PaceLimits, Role, Standing, Token};
use bordereau_server::ServerOptions;
use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{PASSWORD, World, said};
use crate::zips::sample;

const PATH: &str = "/solutions/batch/5/insureright/scoring";
const KEY: &str = "ac5b3d51-50f8-40d1-e378-18f8db2fabc9";

#[tokio::test]
async fn missing_and_wrong_credentials_are_answered_alike() {
    let world = World::start().await;
    let results = format!("{PATH}/{KEY}");
    for path in [PATH, &results, "/api/2/batch/insureright/scoring", "/solutions/batch/0/nothing/nothing"] {
        let method = if path == results { "GET" } else { "POST" };
        let bare = || world.client.request(method.parse().unwrap(), world.url(path));
        for request in [
            bare(),
            bare().basic_auth("jane", Some("wrong password")),
            bare().basic_auth("jane", None::<&str>),
            bare().basic_auth("nobody-here", Some(PASSWORD)),
            bare().bearer_auth("token"),
        ] {
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 401, "{method} {path}");
            let challenge = response.headers()[WWW_AUTHENTICATE].to_str().unwrap().to_owned();
            assert_eq!(challenge, "Basic realm=\"bordereau\", charset=\"UTF-8\"");
            assert_eq!(response.text().await.unwrap(), "401:Unauthorized");
        }
    }
}

#[tokio::test]
async fn a_user_without_the_right_is_forbidden_to_send_and_to_fetch() {
    let world = World::start().await;
    let forbidden = (403, "403:Forbidden".to_owned());
    for (user, path, allowed) in [
        ("clerk", "/api/2/batch/insureright/scoring", false),
        ("clerk", "/api/2/batch/nothing/scoring", false),
        ("nobody", "/api/2/batch/insureright/scoring", false),
        ("clerk", "/api/2/batch/ca/scoring", true),
        ("jane", "/api/2/batch/insureright/scoring", true),
    ] {
        assert_eq!(said(world.post(user, path, sample())).await == forbidden, !allowed, "{user} POST {path}");
        let key = format!("{path}/{KEY}");
        assert_eq!(said(world.get(user, &key)).await == forbidden, !allowed, "{user} GET {key}");
    }
}

/// The head asks whether to go on; the answer is no, before any byte of the body was sent.
#[tokio::test]
async fn no_byte_of_a_body_is_asked_for_without_the_right() {
    let world = World::start().await;
    let head = |credentials: &str| {
        format!(
            "POST {PATH} HTTP/1.1\r\nHost: x\r\n{credentials}Content-Type: multipart/form-data; boundary=x\r\n\
             Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    for (credentials, expected) in [
        ("", "HTTP/1.1 401"),
        ("Authorization: Basic Y2xlcms6b3BlbnNlc2FtZQ==\r\n", "HTTP/1.1 403"),
        ("Authorization: Basic amFuZTpvcGVuc2VzYW1l\r\n", "HTTP/1.1 100"),
    ] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(head(credentials).as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        tokio::time::timeout(Duration::from_secs(30), stream.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), expected);
    }
    assert_eq!(world.files("objects"), 0);
}

#[tokio::test]
async fn health_and_the_document_need_no_credentials() {
    let world = World::start().await;
    assert_eq!(said(world.client.get(world.url("/healthz"))).await, (200, "ok".to_owned()));
    let (status, text) = said(world.client.get(world.url("/api/2/openapi.json"))).await;
    assert_eq!((status, text), (200, bordereau_server::openapi_json()));
}

/// Who asks, by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Nobody,
    WrongPassword,
    UnknownUser,
    UnknownToken,
    RevokedToken,
    DisabledUser,
    OtherCustomer,
    WithoutRight,
    Analyst,
    TestUser,
    Administrator,
    RightUserByToken,
    RightUser,
}

/// The right user comes last, for it may take things away.
const CALLERS: [Who; 13] = [
    Who::Nobody,
    Who::WrongPassword,
    Who::UnknownUser,
    Who::UnknownToken,
    Who::RevokedToken,
    Who::DisabledUser,
    Who::OtherCustomer,
    Who::WithoutRight,
    Who::Analyst,
    Who::TestUser,
    Who::Administrator,
    Who::RightUserByToken,
    Who::RightUser,
];

/// What an operation asks for, with the status it answers when all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// To send an upload to one's own customer.
    ToSend,
    /// To submit a profile of the customer.
    ToSubmit,
    /// To read something of the customer.
    ToRead,
    /// To change something of the customer.
    ToChange(u16),
    /// For one's own customer's, which is something else to each.
    ForOwn,
    /// To see or change a webhook, of which nobody has one, or to make one without a body. Another test asks for one
    /// that is there.
    OfWebhooks(u16),
    /// For a solution: without a right to it there is none.
    ForSolution,
    /// For the solutions that one may use, which may be none.
    ForSolutions,
    /// To send in pieces without the protocol that is for it; another test speaks it.
    InPieces,
    /// What may be asked for, of which nothing is told but that.
    ForOptions,
    /// For what everybody may know.
    ForOpen,
    /// To administer, with that body.
    ToAdminister(u16, &'static str),
}

impl Asks {
    fn expected(self, who: Who) -> u16 {
        use Who::{Administrator, Analyst, OtherCustomer, RightUser, RightUserByToken, TestUser, WithoutRight};
        let known = [OtherCustomer, WithoutRight, Analyst, TestUser, Administrator, RightUserByToken, RightUser];
        match (self, who) {
            (Self::ForOpen, _) => 200,
            (Self::ForOptions, _) => 204,
            (_, who) if !known.contains(&who) => 401,
            (Self::ToAdminister(done, _), Administrator) => done,
            (Self::InPieces, _) => 412,
            (Self::ForSolutions, _) => 200,
            (Self::ForSolution, WithoutRight | Administrator) => 404,
            (Self::ForSolution, _) => 200,
            (Self::ToAdminister(..), _) | (_, Administrator) => 403,
            (Self::OfWebhooks(done), OtherCustomer | RightUserByToken | RightUser) => done,
            (Self::OfWebhooks(_), _) => 403,
            (Self::ForOwn, _) => 200,
            (_, WithoutRight) => 403,
            (Self::ToRead, Analyst) => 200,
            (_, Analyst) => 403,
            (Self::ToSend, _) => 200,
            (_, OtherCustomer) => 404,
            // The customer's batch is no test.
            (_, TestUser) => 403,
            (Self::ToChange(done), _) => done,
            (Self::ToSubmit | Self::ToRead, _) => 200,
        }
    }
}

use Asks::{
    ForOpen, ForOptions, ForOwn, ForSolution, ForSolutions, InPieces, OfWebhooks, ToAdminister, ToChange, ToRead,
    ToSend, ToSubmit,
};

/// Every operation, and what is asked in its place. What takes something away comes last.
const MATRIX: &[(&str, &str, &str, Asks)] = &[
    ("POST", "/solutions/batch/{version}/profile", "/solutions/batch/5/profile", ToSend),
    ("POST", "/api/2/batch/profile", "/api/2/batch/profile", ToSend),
    ("POST", "/solutions/batch/{version}/{solution}/{submission}", PATH, ToSend),
    ("POST", "/api/2/batch/{solution}/{submission}", "/api/2/batch/insureright/scoring", ToSend),
    (
        "GET",
        "/solutions/batch/{version}/unstructured/{key}/profile",
        "/solutions/batch/5/unstructured/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/profile",
        ToRead,
    ),
    (
        "GET",
        "/api/2/batch/unstructured/{key}/profile",
        "/api/2/batch/unstructured/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/profile",
        ToRead,
    ),
    ("GET", "/solutions/batch/{version}/{solution}/{submission}/{key}/submit", SUBMIT, ToSubmit),
    ("POST", "/solutions/batch/{version}/{solution}/{submission}/{key}/submit", SUBMIT, ToSubmit),
    ("GET", "/api/2/batch/{solution}/{submission}/{key}/submit", SUBMIT_2, ToSubmit),
    ("POST", "/api/2/batch/{solution}/{submission}/{key}/submit", SUBMIT_2, ToSubmit),
    (
        "GET",
        "/solutions/batch/{version}/{solution}/{submission}/{key}",
        "/solutions/batch/5/insureright/scoring/ac5b3d51-50f8-40d1-e378-18f8db2fabc9",
        ToRead,
    ),
    (
        "GET",
        "/api/2/batch/{solution}/{submission}/{key}",
        "/api/2/batch/insureright/scoring/ac5b3d51-50f8-40d1-e378-18f8db2fabc9",
        ToRead,
    ),
    (
        "GET",
        "/solutions/batch/{version}/{solution}/{submission}/{key}/errors",
        "/solutions/batch/5/insureright/scoring/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/errors",
        ToRead,
    ),
    (
        "GET",
        "/api/2/batch/{solution}/{submission}/{key}/errors",
        "/api/2/batch/insureright/scoring/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/errors",
        ToRead,
    ),
    ("GET", "/api/2/batches/{key}/errors", "/api/2/batches/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/errors", ToRead),
    ("OPTIONS", "/api/2/uploads", "/api/2/uploads", ForOptions),
    ("POST", "/api/2/uploads", "/api/2/uploads", InPieces),
    ("HEAD", "/api/2/uploads/{id}", "/api/2/uploads/0123456789abcdef0123456789abcdef", InPieces),
    ("PATCH", "/api/2/uploads/{id}", "/api/2/uploads/0123456789abcdef0123456789abcdef", InPieces),
    ("DELETE", "/api/2/uploads/{id}", "/api/2/uploads/0123456789abcdef0123456789abcdef", InPieces),
    ("GET", "/api/2/solutions", "/api/2/solutions", ForSolutions),
    ("GET", "/api/2/solutions/{solution}", "/api/2/solutions/insureright", ForSolution),
    ("GET", "/api/2/solutions/{solution}/releases", "/api/2/solutions/insureright/releases", ForSolution),
    ("GET", "/api/2/solutions/{solution}/dictionary", "/api/2/solutions/insureright/dictionary", ForSolution),
    ("GET", "/api/2/batches", "/api/2/batches", ForOwn),
    ("GET", "/solutions/longpoll/subscribe", "/solutions/longpoll/subscribe?timeout=0", ForOwn),
    ("GET", "/api/2/events", "/api/2/events", ForOwn),
    ("GET", "/api/2/webhooks", "/api/2/webhooks", OfWebhooks(200)),
    ("POST", "/api/2/webhooks", "/api/2/webhooks", OfWebhooks(400)),
    ("GET", "/api/2/webhooks/{id}", WEBHOOK, OfWebhooks(404)),
    ("PATCH", "/api/2/webhooks/{id}", WEBHOOK, OfWebhooks(404)),
    ("POST", "/api/2/webhooks/{id}/rotate", WEBHOOK_ROTATE, OfWebhooks(404)),
    ("POST", "/api/2/webhooks/{id}/ping", WEBHOOK_PING, OfWebhooks(404)),
    ("GET", "/api/2/webhooks/{id}/deliveries", WEBHOOK_DELIVERIES, OfWebhooks(404)),
    ("DELETE", "/api/2/webhooks/{id}", WEBHOOK, OfWebhooks(404)),
    ("GET", "/healthz", "/healthz", ForOpen),
    ("GET", "/api/2/admin/customers", "/api/2/admin/customers", ToAdminister(200, "")),
    ("POST", "/api/2/admin/customers", "/api/2/admin/customers", ToAdminister(201, r#"{"name":"newco"}"#)),
    (
        "PATCH",
        "/api/2/admin/customers/{customer}",
        "/api/2/admin/customers/newco",
        ToAdminister(200, r#"{"disabled":true}"#),
    ),
    ("GET", "/api/2/admin/users", "/api/2/admin/users", ToAdminister(200, "")),
    (
        "POST",
        "/api/2/admin/users",
        "/api/2/admin/users",
        ToAdminister(201, r#"{"name":"newbie","customer":"newco","password":"opensesame"}"#),
    ),
    ("GET", "/api/2/admin/users/{user}", "/api/2/admin/users/newbie", ToAdminister(200, "")),
    (
        "PATCH",
        "/api/2/admin/users/{user}",
        "/api/2/admin/users/newbie",
        ToAdminister(200, r#"{"role":"analyst","grants":["ca/*"],"password":"opensesame2","disabled":false}"#),
    ),
    ("GET", "/api/2/admin/users/{user}/tokens", "/api/2/admin/users/jane/tokens", ToAdminister(200, "")),
    (
        "POST",
        "/api/2/admin/users/{user}/tokens",
        "/api/2/admin/users/newbie/tokens",
        ToAdminister(201, r#"{"label":"x","expires":"2999-01-01T00:00:00Z"}"#),
    ),
    (
        "DELETE",
        "/api/2/admin/users/{user}/tokens/{prefix}",
        "/api/2/admin/users/jane/tokens/PREFIX",
        ToAdminister(204, ""),
    ),
    ("DELETE", "/api/2/admin/users/{user}", "/api/2/admin/users/newbie", ToAdminister(204, "")),
    ("DELETE", "/api/2/admin/customers/{customer}", "/api/2/admin/customers/newco", ToAdminister(204, "")),
    ("GET", "/api/2/admin/audit", "/api/2/admin/audit", ToAdminister(200, "")),
    ("GET", "/api/2/batches/{key}", BATCH, ToRead),
    (
        "POST",
        "/api/2/batches/{key}/cancel",
        "/api/2/batches/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/cancel",
        ToChange(200),
    ),
    ("DELETE", "/api/2/batches/{key}", BATCH, ToChange(204)),
];

const WEBHOOK: &str = "/api/2/webhooks/ac5b3d51-50f8-40d1-e378-18f8db2fabc9";
const WEBHOOK_ROTATE: &str = "/api/2/webhooks/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/rotate";
const WEBHOOK_PING: &str = "/api/2/webhooks/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/ping";
const WEBHOOK_DELIVERIES: &str = "/api/2/webhooks/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/deliveries";
const SUBMIT: &str = "/solutions/batch/5/insureright/scoring/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/submit";
const SUBMIT_2: &str = "/api/2/batch/insureright/scoring/ac5b3d51-50f8-40d1-e378-18f8db2fabc9/submit";
const BATCH: &str = "/api/2/batches/ac5b3d51-50f8-40d1-e378-18f8db2fabc9";

/// Methods and paths of the document.
fn operations() -> BTreeSet<(String, String)> {
    let document: Value = serde_json::from_str(&bordereau_server::openapi_json()).unwrap();
    let of_path = |(path, methods): (&String, &Value)| {
        let methods: Vec<String> = methods.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        methods.into_iter().map(|method| (method, path.clone())).collect::<Vec<_>>()
    };
    document["paths"].as_object().unwrap().iter().flat_map(of_path).collect()
}

/// Paths of the router, as its source names them.
fn routes() -> BTreeSet<&'static str> {
    let source = include_str!("../../src/routes.rs");
    let quoted = source.split(".route(").skip(1).map(|rest| rest.split('"').nth(1).unwrap());
    quoted.collect()
}

#[test]
fn promise_8_the_matrix_has_every_route_of_the_router_and_the_document() {
    let named = |(method, path, ..): &(&str, &str, &str, Asks)| ((*method).to_owned(), (*path).to_owned());
    let matrix: BTreeSet<_> = MATRIX.iter().map(named).collect();
    assert_eq!(matrix.len(), MATRIX.len(), "none is there twice");
    let missing: Vec<_> = operations().symmetric_difference(&matrix).cloned().collect();
    assert!(missing.is_empty(), "not in both the matrix and the document: {missing:?}");
    let mut paths: BTreeSet<&str> = MATRIX.iter().map(|row| row.1).collect();
    // The document itself, which another test asks for.
    paths.insert("/api/2/openapi.json");
    // And as a page.
    paths.insert("/api/2/docs");
    paths.insert("/api/2/docs/{asset}");
    assert_eq!(routes(), paths);
}

/// All of it is asked by everybody, and what it answers to others tells nothing of the customer's key.
#[tokio::test]
async fn promise_8_every_route_answers_everybody_as_the_matrix_says() {
    // The wrong credentials are all from here, and more than are free.
    let unlimited = PaceLimits { failures_free: 0, ..PaceLimits::default() };
    let world = World::start_with(|options| options.pace = unlimited, ServerOptions::default()).await;
    let path = format!("/solutions/batch/5/profile?batchKey={KEY}");
    assert_eq!(said(world.post("jane", &path, sample())).await.0, 200);
    assert_eq!(said(world.get("jane", SUBMIT)).await.0, 200);
    crate::submit_profiled::run_both(&world, KEY).await;
    let tokens = Tokens::make(&world).await;
    for (method, path, asked, asks) in MATRIX.iter().copied() {
        for who in CALLERS {
            let asked = asked.replace("PREFIX", tokens.spare.prefix().as_str());
            let response = tokens.ask(&world, who, method, &asked, asks).send().await.unwrap();
            assert_eq!(response.status(), asks.expected(who), "{method} {path} by {who:?}");
            let kind = response.headers().get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap().to_owned());
            let endless = kind.as_deref() == Some("text/event-stream");
            if path.starts_with("/api/2/admin") && response.status().is_client_error() {
                assert_eq!(kind.as_deref(), Some("application/problem+json"), "{method} {path} by {who:?}");
            }
            if !endless && !matches!(who, Who::RightUser | Who::RightUserByToken | Who::Analyst | Who::Administrator) {
                assert!(!response.text().await.unwrap().contains(KEY), "{method} {path} tells {who:?}");
            }
        }
    }
    assert!(said(world.get("jane", BATCH)).await.1.contains("\"deleted\""));
}

/// Tokens of jane, and the users whom only the matrix needs.
struct Tokens {
    good: Token,
    revoked: Token,
    spare: Token,
}

impl Tokens {
    async fn make(world: &World) -> Self {
        world.add_user("ana", "valen", Role::Analyst).await;
        world.add_user("tess", "valen", Role::TestUser).await;
        world.add_user("root", "acme", Role::Administrator).await;
        world.add_user("gone", "valen", Role::Integrator).await;
        let accounts = world.jobs.accounts(Actor::program());
        accounts.set_user_standing(&"gone".parse().unwrap(), Standing::Disabled).await.unwrap();
        let jane = "jane".parse().unwrap();
        let token = async || accounts.add_token(&jane, &"of a test".parse().unwrap(), None).await.unwrap();
        let (good, revoked, spare) = (token().await, token().await, token().await);
        accounts.revoke_token(&jane, revoked.prefix()).await.unwrap();
        Self { good, revoked, spare }
    }

    fn ask(&self, world: &World, who: Who, method: &str, path: &str, asks: Asks) -> RequestBuilder {
        let mut request = world.client.request(method.parse().unwrap(), world.url(path));
        match asks {
            ToSend => request = request.multipart(Form::new().part("file", Part::bytes(sample()))),
            ToAdminister(_, body) if !body.is_empty() => {
                request = request.header(CONTENT_TYPE, "application/json").body(body);
            }
            _ => {}
        }
        match who {
            Who::Nobody => request,
            Who::WrongPassword => request.basic_auth("jane", Some("wrong password")),
            Who::UnknownUser => request.basic_auth("nobody-here", Some(PASSWORD)),
            Who::UnknownToken => request.bearer_auth(format!("bdr_0123456789ab_{}", "0".repeat(64))),
            Who::RevokedToken => request.bearer_auth(self.revoked.reveal()),
            Who::DisabledUser => request.basic_auth("gone", Some(PASSWORD)),
            Who::OtherCustomer => request.basic_auth("joe", Some(PASSWORD)),
            Who::WithoutRight => request.basic_auth("clerk", Some(PASSWORD)),
            Who::Analyst => request.basic_auth("ana", Some(PASSWORD)),
            Who::TestUser => request.basic_auth("tess", Some(PASSWORD)),
            Who::Administrator => request.basic_auth("root", Some(PASSWORD)),
            Who::RightUserByToken => request.bearer_auth(self.good.reveal()),
            Who::RightUser => request.basic_auth("jane", Some(PASSWORD)),
        }
    }
}
