//! The request that brings a message to a webhook.
//!
//! A name is resolved once for each connection, by [`Guarded`], which passes on only addresses that may be reached; the
//! connection is made to one of these. So a name that resolves to another address a moment later reaches nothing.
//! Redirects are not followed, proxies of the environment are not used, and of the answer only status and
//! `Retry-After` are looked at.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bordereau_jobs::{Answer, CheckUrl, Message, SendWebhook, WebhookOptions};
use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Url, redirect};

use super::network::{Network, Scheme, may_reach};
use crate::subscribe::event_json;

const URL_BYTES_MAX: usize = 2_048;
const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(15);
const REFUSED: &str = "the address is not a public one";

/// Resolves names to what may be reached.
struct Guarded {
    scheme: Scheme,
    allowed: Arc<[Network]>,
}

/// A name resolves to no address that may be reached.
#[derive(Debug)]
struct Unreachable;

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(REFUSED)
    }
}

impl std::error::Error for Unreachable {}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (scheme, allowed) = (self.scheme, Arc::clone(&self.allowed));
        Box::pin(async move {
            // The port is that of the address.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let reached: Vec<SocketAddr> = found.filter(|at| may_reach(at.ip(), scheme, &allowed)).collect();
            if reached.is_empty() { Err(Unreachable.into()) } else { Ok(Box::new(reached.into_iter()) as Addrs) }
        })
    }
}

struct Sender {
    http: Client,
    https: Client,
    allowed: Arc<[Network]>,
}

/// How webhooks are delivered by HTTP: to public addresses, and those of `allowed`.
///
/// # Errors
/// When the system's certificates cannot be read.
pub fn webhook_options(allowed: &[Network]) -> Result<WebhookOptions, String> {
    // Another part of the program may have installed one already, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let allowed: Arc<[Network]> = allowed.into();
    let client = |scheme| {
        let guarded = Guarded { scheme, allowed: Arc::clone(&allowed) };
        let client = Client::builder().dns_resolver(Arc::new(guarded)).redirect(redirect::Policy::none()).no_proxy();
        let client = client.connect_timeout(CONNECT).timeout(WHOLE).pool_max_idle_per_host(1);
        client.user_agent(concat!("bordereau/", env!("CARGO_PKG_VERSION"))).build()
    };
    let made = |client: reqwest::Result<Client>| client.map_err(|error| format!("webhooks cannot be sent: {error}"));
    let (http, https) = (made(client(Scheme::Http))?, made(client(Scheme::Https))?);
    let sender = Arc::new(Sender { http, https, allowed: Arc::clone(&allowed) });
    let send: SendWebhook = Arc::new(move |message| -> BoxFuture<'static, Answer> {
        let sender = Arc::clone(&sender);
        Box::pin(async move { sender.send(message).await })
    });
    let check_url: CheckUrl = Arc::new(move |url| read_url(url, &allowed).map(drop));
    Ok(WebhookOptions { send, write: Arc::new(event_json), check_url, ..WebhookOptions::default() })
}

impl Sender {
    async fn send(&self, message: Message) -> Answer {
        // What the operator allows may have changed since the address was taken.
        let (url, scheme) = match read_url(&message.url, &self.allowed) {
            Ok(read) => read,
            Err(_) => return Answer::Fault(REFUSED.to_owned()),
        };
        let client = if scheme == Scheme::Http { &self.http } else { &self.https };
        let request = client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", message.id)
            .header("webhook-timestamp", message.timestamp_s)
            .header("webhook-signature", message.signature)
            .body(message.payload);
        match request.send().await {
            Ok(response) => {
                let retry_after =
                    response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                Answer::Status { status: response.status().as_u16(), retry_after_s: retry_after }
            }
            Err(error) => Answer::Fault(fault(&error).to_owned()),
        }
    }
}

/// Why there was no answer, in words of ours: what the libraries say could hold what the receiver sent.
fn fault(error: &reqwest::Error) -> &'static str {
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if inner.is::<Unreachable>() {
            return REFUSED;
        }
        cause = inner.source();
    }
    match error {
        error if error.is_timeout() => "it came not in time",
        error if error.is_connect() => "no connection could be made",
        _ => "the connection broke",
    }
}

/// Reads an address; the sentence is for the owner of the webhook. What a name resolves to is seen when it is sent to.
fn read_url(text: &str, allowed: &[Network]) -> Result<(Url, Scheme), String> {
    let say = |sentence: &str| Err(sentence.to_owned());
    if text.len() > URL_BYTES_MAX {
        return Err(format!("The url may have at most {URL_BYTES_MAX} bytes."));
    }
    let Ok(url) = Url::parse(text) else {
        return say("The url is not well-formed.");
    };
    let scheme = match url.scheme() {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _ => return say("The url must begin with https://."),
    };
    if scheme == Scheme::Http && allowed.is_empty() {
        return say("The url must begin with https://.");
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return say("The url may hold neither credentials nor a fragment.");
    }
    let host = url.host_str().unwrap_or_default();
    // Addresses are not resolved, so they are looked at here.
    let address: Option<IpAddr> = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
    match address {
        Some(address) if !may_reach(address, scheme, allowed) => say("The url is not of a public address."),
        _ => Ok((url, scheme)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_or_a_sentence_says_why_not() {
        let nothing: &[Network] = &[];
        let loopback: &[Network] = &["127.0.0.0/8".parse().unwrap()];
        for (url, allowed, expected) in [
            ("https://hooks.valen.example/bordereau?a=b", nothing, Ok(())),
            ("https://93.184.216.34:8443/", nothing, Ok(())),
            ("http://hooks.valen.example/", nothing, Err("The url must begin with https://.")),
            ("http://127.0.0.1:8000/", loopback, Ok(())),
            ("https://127.0.0.1/", nothing, Err("The url is not of a public address.")),
            ("https://2130706433/", nothing, Err("The url is not of a public address.")),
            ("https://0x7f.1/", nothing, Err("The url is not of a public address.")),
            ("https://[::1]/", nothing, Err("The url is not of a public address.")),
            ("https://[::ffff:169.254.169.254]/", nothing, Err("The url is not of a public address.")),
            ("http://93.184.216.34/", loopback, Err("The url is not of a public address.")),
            (
                "https://jane:secret@hooks.valen.example/",
                nothing,
                Err("The url may hold neither credentials nor a fragment."),
            ),
            ("https://hooks.valen.example/#x", nothing, Err("The url may hold neither credentials nor a fragment.")),
            ("ftp://hooks.valen.example/", loopback, Err("The url must begin with https://.")),
            ("file:///etc/passwd", nothing, Err("The url must begin with https://.")),
            ("hooks", nothing, Err("The url is not well-formed.")),
        ] {
            assert_eq!(read_url(url, allowed).map(drop), expected.map_err(str::to_owned), "{url}");
        }
        assert!(read_url(&format!("https://a.example/{}", "x".repeat(3_000)), nothing).is_err());
    }

    /// `localhost` is a name, so it is the resolver that refuses it, when the connection is made.
    #[tokio::test]
    async fn a_name_that_resolves_inside_is_not_reached() {
        let options = webhook_options(&[]).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let message = Message {
            url: format!("https://localhost:{}/", listener.local_addr().unwrap().port()),
            id: "1".to_owned(),
            timestamp_s: 1,
            signature: "v1,x".to_owned(),
            payload: "{}".to_owned(),
        };
        tokio::select! {
            answer = (options.send)(message) => assert_eq!(answer, Answer::Fault(REFUSED.to_owned())),
            _ = listener.accept() => panic!("a connection was made"),
        }
    }
}
