//! HTTP and nothing else: requests of one shape, and answers that were held to the contract before anybody looks at
//! them. Why a part doesn't go on is a [`Halt`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::Request;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use crate::contract;

/// Above what API Gateway waits for a function, so that it is the gateway that gives up first.
const PATIENCE: Duration = Duration::from_secs(35);

/// Connections that are kept: as many as there are racers.
const CONNECTIONS: usize = 16;

/// Bytes of a body that are shown where something is wrong.
const SHOWN: usize = 1_000;

/// Why a part doesn't go on.
#[derive(Debug)]
pub(crate) enum Halt {
    /// Something doesn't hold.
    Broken(String),
    /// A limit of the deployment was met: nothing is wrong with that, and nothing more can be tried for now.
    Limited(String),
}

pub(crate) type Outcome<T> = Result<T, Halt>;

impl Halt {
    pub(crate) fn broken(what: impl Into<String>) -> Self {
        Self::Broken(what.into())
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Call {
    /// Without a body, and without a session.
    pub(crate) fn new(method: &str, path: impl Into<String>) -> Self {
        Self { method: method.to_owned(), path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn session(self, token: Option<&str>) -> Self {
        match token {
            Some(token) => self.header("authorization", format!("Bearer {token}")),
            None => self,
        }
    }

    pub(crate) fn bytes(self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self.header("content-type", content_type) }
    }

    /// With this JSON; with nothing for null.
    pub(crate) fn json(self, body: &Value) -> Self {
        if body.is_null() { self } else { self.bytes("application/json", body.to_string()) }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        for (name, value) in &self.headers {
            write!(f, "\n             {name}: {value}")?;
        }
        let shown = self.body.get(..SHOWN).unwrap_or(&self.body);
        if shown.is_empty() { Ok(()) } else { write!(f, "\n             {}", String::from_utf8_lossy(shown)) }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Reply {
    asked: String,
    pub(crate) status: u16,
    headers: BTreeMap<String, String>,
    pub(crate) text: String,
    /// The body as JSON; null where it is none.
    pub(crate) json: Value,
}

impl Reply {
    /// A header; its name in lower case. API Gateway may give some that a function sets a name of its own.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let own = || self.headers.get(&format!("x-amzn-remapped-{name}"));
        self.headers.get(name).or_else(own).map(String::as_str)
    }

    /// What is at a JSON pointer; null where nothing is.
    pub(crate) fn at(&self, pointer: &str) -> &Value {
        static NOTHING: Value = Value::Null;
        self.json.pointer(pointer).unwrap_or(&NOTHING)
    }

    /// The text at a JSON pointer; empty where there is none.
    pub(crate) fn word(&self, pointer: &str) -> &str {
        self.at(pointer).as_str().unwrap_or_default()
    }

    /// Whether it has this status and code; an empty one stands for no problem.
    pub(crate) fn is(&self, status: u16, code: &str) -> bool {
        self.status == status && self.word("/code") == code
    }

    /// What is wrong with it, seeing what was expected. Being asked to wait is not wrong.
    pub(crate) fn wrong(&self, expected: impl fmt::Display) -> Halt {
        match (self.status, self.header("retry-after")) {
            (429, Some(seconds)) => {
                Halt::Limited(format!("{}, for {seconds} more seconds", self.word("/detail")))
            }
            (429, None) => Halt::Limited("the gateway takes no more requests at the moment".to_owned()),
            _ => self.against(expected),
        }
    }

    /// The same, whatever it is.
    fn against(&self, expected: impl fmt::Display) -> Halt {
        let Self { asked, status, text, .. } = self;
        Halt::Broken(format!("request    {asked}\n  answer     {status} {text}\n  expected   {expected}"))
    }

    /// Fails unless it has this status and code.
    pub(crate) fn must(&self, status: u16, code: &str) -> Outcome<()> {
        if self.is(status, code) { Ok(()) } else { Err(self.wrong(format!("{status} {code}"))) }
    }

    /// The answer, which has to be a success of this status.
    pub(crate) fn expect(self, status: u16) -> Outcome<Self> {
        self.must(status, "").map(|()| self)
    }

    /// The answer, which has to be a problem of this status and code.
    pub(crate) fn refused(self, status: u16, code: &str) -> Outcome<Self> {
        self.must(status, code).map(|()| self)
    }

    /// Fails unless this holds of it.
    pub(crate) fn holds(&self, holds: bool, expected: impl fmt::Display) -> Outcome<()> {
        if holds { Ok(()) } else { Err(self.wrong(expected)) }
    }
}

/// A deployment, asked over HTTP.
pub(crate) struct Client {
    agent: Agent,
    base: String,
    secrets: Mutex<BTreeSet<String>>,
    answers: AtomicUsize,
}

impl Client {
    pub(crate) fn new(base: &str) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        Self { agent: agent(), base, secrets: Mutex::default(), answers: AtomicUsize::new(0) }
    }

    pub(crate) fn answers(&self) -> usize {
        self.answers.load(Ordering::Relaxed)
    }

    /// Sends a request. Its answer is one that the contract has for it, and tells no secret that was told before.
    pub(crate) fn send(&self, call: &Call) -> Outcome<Reply> {
        let reply = self.exchange(&format!("{}{}", self.base, call.path), call)?;
        self.answers.fetch_add(1, Ordering::Relaxed);
        let shows = |secret: &String| {
            reply.text.contains(secret) || reply.headers.values().any(|value| value.contains(secret))
        };
        let is_told = self.secrets().iter().any(shows);
        self.keep(reply.word("/session/token"));
        contract::hold(&call.method, &call.path, &reply).map_err(|why| reply.against(why))?;
        if is_told {
            return Err(reply.against("no token and no password that there was before"));
        }
        Ok(reply)
    }

    /// Asks for a page, which the contract doesn't speak of.
    pub(crate) fn page(&self, method: &str, path: &str) -> Outcome<Reply> {
        self.exchange(&format!("{}{path}", self.base), &Call::new(method, path))
    }

    /// Reads JSON from any URL, a mailbox's.
    pub(crate) fn read(&self, url: &str) -> Outcome<Value> {
        // what stands behind the `?` may be a key
        let shown = url.split('?').next().unwrap_or_default();
        let reply = self.exchange(url, &Call::new("GET", shown))?;
        if reply.status == 200 { Ok(reply.json) } else { Err(reply.against("200 and JSON")) }
    }

    /// Remembers what no answer may tell: a link's token, a password, what is behind the user's id in a session's token.
    pub(crate) fn keep(&self, secret: &str) {
        let secret = secret.rsplit('.').next().unwrap_or_default();
        if !secret.is_empty() {
            self.secrets().insert(secret.to_owned());
        }
    }

    /// A text to be shown: without the secrets in it, nor anything that begins as one does.
    pub(crate) fn redacted(&self, text: &str) -> String {
        let begins = |secret: &String| secret.chars().take(16).collect::<String>();
        self.secrets().iter().map(begins).fold(text.to_owned(), |text, begins| {
            let mut pieces = text.split(begins.as_str());
            let first = pieces.next().unwrap_or_default().to_owned();
            let is_secret = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ' ');
            pieces.fold(first, |shown, rest| shown + "(secret)" + rest.trim_start_matches(is_secret))
        })
    }

    fn secrets(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.secrets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn exchange(&self, url: &str, call: &Call) -> Outcome<Reply> {
        let asked = call.to_string();
        let unanswered = |why: ureq::Error| Halt::broken(format!("request    {asked}\n  no answer  {why}"));
        let mut request = Request::builder().method(call.method.as_str()).uri(url);
        for (name, value) in &call.headers {
            request = request.header(name.as_str(), value.as_str());
        }
        // a POST without a body has the length 0; a GET has none, which some proxies insist on
        let answered = if call.body.is_empty() && matches!(call.method.as_str(), "GET" | "HEAD" | "DELETE") {
            request.body(()).map_err(ureq::Error::from).and_then(|request| self.agent.run(request))
        } else {
            let request = request.body(call.body.as_slice()).map_err(ureq::Error::from);
            request.and_then(|request| self.agent.run(request))
        };
        let (parts, mut body) = answered.map_err(unanswered)?.into_parts();
        let body = body.read_to_vec().map_err(unanswered)?;
        let headers = parts.headers.iter();
        Ok(Reply {
            status: parts.status.as_u16(),
            headers: headers
                .map(|(name, value)| {
                    (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                })
                .collect(),
            json: serde_json::from_slice(&body).unwrap_or_default(),
            text: String::from_utf8_lossy(&body).into_owned(),
            asked,
        })
    }
}

/// Statuses are answers, redirects too. TLS is the workspace's: rustls with ring, and the roots that this system trusts.
fn agent() -> Agent {
    // in vain only where it was done before
    let _ = rustls::crypto::ring::default_provider().install_default();
    let system = rustls_native_certs::load_native_certs().certs;
    let roots: Vec<Certificate<'static>> =
        system.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(PATIENCE))
        .max_idle_connections(CONNECTIONS)
        .max_idle_connections_per_host(CONNECTIONS)
        .tls_config(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build())
        .build()
        .into()
}
