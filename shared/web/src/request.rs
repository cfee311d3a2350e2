use http::{HeaderName, Method, header};
use lambda_http::RequestExt as _;
use model::{Refusal, SessionToken, Stamp};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;

use crate::answer::etag;

/// Bytes that a body may have.
const BODY: usize = 16 * 1024;

/// A request as the operations see it.
pub struct Request {
    inner: lambda_http::Request,
    path: String,
    request_id: String,
}

impl Request {
    /// Takes API Gateway's event over.
    #[must_use]
    pub fn new(inner: lambda_http::Request) -> Self {
        let path = inner.raw_http_path().to_owned();
        let request_id =
            inner.lambda_context_ref().map(|context| context.request_id.clone()).unwrap_or_default();
        Self { inner, path, request_id }
    }

    /// What the logs and the answers call this request.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.request_id
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        self.inner.method()
    }

    /// The path, in its segments: what an operation matches on. Percent-encoded texts stay encoded; no id has any.
    #[must_use]
    pub fn segments(&self) -> Vec<&str> {
        self.path.strip_prefix('/').unwrap_or(&self.path).split('/').collect()
    }

    /// The whole path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A header's text.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] for one that isn't visible ASCII.
    pub fn header(&self, name: &HeaderName) -> Result<Option<&str>, Refusal> {
        let Some(value) = self.inner.headers().get(name) else { return Ok(None) };
        value.to_str().map(Some).map_err(|_| Refusal::Malformed(format!("the header `{name}` can't be read")))
    }

    /// A parameter of the query, decoded.
    ///
    /// # Errors
    /// When it is given twice.
    pub fn query(&self, name: &str) -> Result<Option<String>, Refusal> {
        let parameters = self.inner.query_string_parameters_ref();
        match parameters.and_then(|p| p.all(name)).as_deref() {
            None | Some([]) => Ok(None),
            Some([one]) => Ok(Some((*one).to_owned())),
            Some(_) => Err(Refusal::invalid(format!("?{name}"), "it is given twice")),
        }
    }

    /// Refuses parameters of the query that the operation doesn't know: a mistyped filter would show too much.
    ///
    /// # Errors
    /// [`Refusal::Validation`].
    pub fn only_query(&self, known: &[&str]) -> Result<(), Refusal> {
        let parameters = self.inner.query_string_parameters_ref();
        let unknown = parameters.into_iter().flat_map(|p| p.iter()).find(|(name, _)| !known.contains(name));
        match unknown {
            Some((name, _)) => {
                let name: String = name.chars().take(50).collect();
                Err(Refusal::invalid(
                    format!("?{name}"),
                    format!("there is no such parameter, only {known:?}"),
                ))
            }
            None => Ok(()),
        }
    }

    /// The session's token.
    ///
    /// # Errors
    /// [`Refusal::Unauthenticated`].
    pub fn session_token(&self) -> Result<SessionToken, Refusal> {
        const WRONG: Refusal =
            Refusal::Unauthenticated(Some("the session is unknown or over, sign in again"));
        let Some(value) = self.inner.headers().get(header::AUTHORIZATION) else {
            return Err(Refusal::Unauthenticated(None));
        };
        let text = value.to_str().map_err(|_| WRONG)?;
        let (scheme, token) = text.split_once(' ').ok_or(WRONG)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(WRONG);
        }
        SessionToken::parse(token).ok_or(WRONG)
    }

    /// Refuses when `If-Match` is there and doesn't name `version`.
    ///
    /// # Errors
    /// [`Refusal::Stale`].
    pub fn if_match(&self, version: Stamp) -> Result<(), Refusal> {
        match self.header(&header::IF_MATCH)? {
            None | Some("*") => Ok(()),
            Some(list) if list.split(',').any(|one| one.trim() == etag(version)) => Ok(()),
            Some(_) => Err(Refusal::Stale),
        }
    }

    /// The raw body, empty where there is none.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.inner.body()
    }

    /// The body of an operation that takes none: nothing, or an empty object.
    ///
    /// # Errors
    /// As [`Request::body`].
    pub fn no_body(&self) -> Result<(), Refusal> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Nothing {}
        if self.bytes().is_empty() { Ok(()) } else { self.body::<Nothing>().map(|Nothing {}| ()) }
    }

    /// The body, as JSON of the shape `T`.
    ///
    /// # Errors
    /// [`Refusal::UnsupportedMediaType`], [`Refusal::PayloadTooLarge`]; [`Refusal::Malformed`] for what isn't JSON;
    /// [`Refusal::Validation`], with a pointer, for JSON of another shape.
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, Refusal> {
        self.speaks_json()?;
        let bytes = self.bytes();
        if bytes.len() > BODY {
            return Err(Refusal::PayloadTooLarge(BODY));
        }
        // The syntax first, so that what isn't JSON is told from what is another JSON: this also bounds the nesting.
        let syntax = |e: &serde_json::Error| {
            let (line, column) = (e.line(), e.column());
            Refusal::Malformed(format!("the body is not JSON, see line {line}, column {column}"))
        };
        let value: Value = serde_json::from_slice(bytes).map_err(|e| syntax(&e))?;
        if !value.is_object() {
            return Err(Refusal::invalid("", "the body has to be a JSON object"));
        }
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let pointer = pointer(error.path());
            let cause = error.into_inner();
            match cause.classify() {
                Category::Data => Refusal::invalid(pointer, without_position(&cause)),
                _ => syntax(&cause),
            }
        })
    }

    fn speaks_json(&self) -> Result<(), Refusal> {
        let wrong = |what: &str| Refusal::UnsupportedMediaType(what.to_owned());
        if let Some(encoding) = self.header(&header::CONTENT_ENCODING)?
            && !encoding.trim().eq_ignore_ascii_case("identity")
        {
            return Err(wrong("the body can't be compressed, leave `Content-Encoding` away"));
        }
        let media_type = self.header(&header::CONTENT_TYPE)?.unwrap_or_default().to_ascii_lowercase();
        let mut parts = media_type.split(';').map(str::trim);
        if parts.next() != Some("application/json") {
            return Err(wrong("send JSON with `Content-Type: application/json`"));
        }
        match parts.find(|p| !matches!(*p, "" | "charset=utf-8" | "charset=\"utf-8\"")) {
            Some(_) => Err(wrong("JSON is UTF-8 here, leave the parameters of `Content-Type` away")),
            None => Ok(()),
        }
    }
}

/// The path as a JSON pointer, RFC 6901.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => "/?".to_owned(),
        })
        .collect()
}

/// What is wrong, without the line and column that the pointer makes superfluous.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) => text.get(..at).unwrap_or(&text).to_owned(),
        None => text,
    }
}
