//! The HTTP API: finds the route of a request as API Gateway does, and asks its function.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;

use crate::BoxError;
use crate::template::Function;

/// A request to the API.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query, without its question mark.
    pub query: String,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The address that it comes from; this machine's own where nobody says.
    pub source: Option<String>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
    /// The function that answered.
    pub function: String,
}

/// One route and the function behind it.
#[derive(Clone, Debug)]
struct Entry {
    method: String,
    path: Option<String>,
    function: String,
}

/// The routes of the template.
#[derive(Clone, Debug)]
pub(crate) struct Router(Vec<Entry>);

/// Where a request goes.
pub(crate) struct Found<'r> {
    pub(crate) function: &'r str,
    pub(crate) route_key: String,
    pub(crate) parameters: Vec<(String, String)>,
}

impl Router {
    pub(crate) fn new(functions: &[Function]) -> Result<Self, BoxError> {
        let mut entries: Vec<Entry> = Vec::new();
        for function in functions {
            for route in &function.routes {
                let same = entries.iter().find(|e| e.method == route.method && e.path == route.path);
                if let Some(other) = same {
                    let (path, a, b) =
                        (route.path.as_deref().unwrap_or("$default"), &other.function, &function.name);
                    return Err(
                        format!("template.yaml: {} {path} leads to {a} and to {b}", route.method).into()
                    );
                }
                entries.push(Entry {
                    method: route.method.clone(),
                    path: route.path.clone(),
                    function: function.name.clone(),
                });
            }
        }
        Ok(Self(entries))
    }

    /// The most specific route, as API Gateway chooses it: fixed segments before parameters, then `$default`.
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<Found<'_>> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        let fits = |entry: &&Entry| {
            (entry.method == method || entry.method == "ANY")
                && entry.path.as_deref().is_some_and(|p| parameters(p, &segments).is_some())
        };
        let fixed = |entry: &&Entry| {
            entry.path.as_deref().map_or(0, |p| p.split('/').filter(|s| !s.starts_with('{')).count())
        };
        if let Some(entry) = self.0.iter().filter(fits).max_by_key(fixed) {
            let template = entry.path.as_deref().unwrap_or_default();
            return Some(Found {
                function: &entry.function,
                route_key: format!("{} {template}", entry.method),
                parameters: parameters(template, &segments).unwrap_or_default(),
            });
        }
        let default = self.0.iter().find(|entry| entry.path.is_none())?;
        Some(Found { function: &default.function, route_key: "$default".to_owned(), parameters: Vec::new() })
    }

    /// Method, path and function of every route.
    pub(crate) fn routes(&self) -> impl Iterator<Item = (&str, Option<&str>, &str)> {
        self.0.iter().map(|e| (e.method.as_str(), e.path.as_deref(), e.function.as_str()))
    }
}

fn parameters(template: &str, segments: &[&str]) -> Option<Vec<(String, String)>> {
    let wanted: Vec<&str> = template.split('/').skip(1).collect();
    if wanted.len() != segments.len() {
        return None;
    }
    let mut found = Vec::new();
    for (wanted, segment) in wanted.iter().zip(segments) {
        match wanted.strip_prefix('{').and_then(|w| w.strip_suffix('}')) {
            Some(name) if !segment.is_empty() => found.push((name.to_owned(), (*segment).to_owned())),
            None if wanted == segment => {}
            _ => return None,
        }
    }
    Some(found)
}

/// What a function answers, as API Gateway reads it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LambdaAnswer {
    status_code: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    multi_value_headers: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

impl Call {
    /// The value of a header; its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Bytes of the request line and the headers.
    pub(crate) fn head_size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.method.len() + self.path.len() + self.query.len() + headers
    }
}

impl Reply {
    /// What answers instead of a function.
    pub const GATEWAY: &str = "the gateway";

    /// The header in which API Gateway says what it calls a request, with every answer.
    pub const REQUEST_ID: &str = "apigw-requestid";

    /// What API Gateway itself answers.
    pub(crate) fn too_large_head() -> Self {
        Self {
            status: 431,
            headers: BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]),
            body: br#"{"message":"Request Header Fields Too Large"}"#.to_vec(),
            function: Self::GATEWAY.to_owned(),
        }
    }

    pub(crate) fn read(function: &str, answer: &[u8]) -> Result<Self, BoxError> {
        let answer: LambdaAnswer = serde_json::from_slice(answer)?;
        let body = answer.body.unwrap_or_default();
        let mut headers = answer.headers;
        headers.extend(answer.multi_value_headers.into_iter().map(|(name, values)| (name, values.join(","))));
        Ok(Self {
            status: answer.status_code,
            headers: headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect(),
            body: if answer.is_base64_encoded { STANDARD.decode(body)? } else { body.into_bytes() },
            function: function.to_owned(),
        })
    }

    /// The body as JSON; null where there is none.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}
