use http::{HeaderValue, StatusCode, header};
use lambda_http::{Body, Response};
use model::Version;
use serde::{Deserialize, Serialize};
use store::Record;

use crate::Failure;

/// What an operation answers when it was done. Statuses are named by what they mean.
#[derive(Debug)]
pub struct Answer {
    lasting: Lasting,
    content_type: &'static str,
    headers: Vec<(header::HeaderName, &'static str)>,
    next: Option<String>,
}

/// What a record keeps of an answer.
#[derive(Debug, Serialize, Deserialize)]
struct Lasting {
    status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

impl Lasting {
    fn of(record: &Record) -> Result<Self, Failure> {
        serde_json::from_str(&record.answer).map_err(Failure::internal)
    }
}

impl From<Lasting> for Answer {
    fn from(lasting: Lasting) -> Self {
        Self { lasting, content_type: "application/json", headers: Vec::new(), next: None }
    }
}

impl Answer {
    fn with(status: StatusCode, body: Option<String>) -> Self {
        Lasting { status: status.as_u16(), location: None, etag: None, body }.into()
    }

    /// Here it is.
    #[must_use]
    pub fn ok(view: &impl Serialize) -> Self {
        Self::with(StatusCode::OK, Some(render(view)))
    }

    /// It will be done.
    #[must_use]
    pub fn accepted(view: &impl Serialize) -> Self {
        Self::with(StatusCode::ACCEPTED, Some(render(view)))
    }

    /// It is done, and there is nothing to say.
    #[must_use]
    pub fn done() -> Self {
        Self::with(StatusCode::NO_CONTENT, None)
    }

    /// A page or one of its parts.
    #[must_use]
    pub fn page(content_type: &'static str, body: &str) -> Self {
        Self { content_type, ..Self::with(StatusCode::OK, Some(body.to_owned())) }
    }

    /// The same, of something that was made and is found at `location`.
    #[must_use]
    pub fn created(self, location: String) -> Self {
        let mut answer = self.opened();
        answer.lasting.location = Some(location);
        answer
    }

    /// The same, of something that was made and is found nowhere again: a session.
    #[must_use]
    pub fn opened(mut self) -> Self {
        self.lasting.status = StatusCode::CREATED.as_u16();
        self
    }

    /// The same without its body: what HEAD is answered.
    pub(crate) fn without_body(mut self) -> Self {
        self.lasting.body = self.lasting.body.map(|_| String::new());
        self
    }

    /// The same, with the version that `If-Match` may name.
    #[must_use]
    pub fn versioned(mut self, version: Version) -> Self {
        self.lasting.etag = Some(etag(version));
        self
    }

    /// The same, with one more header.
    #[must_use]
    pub fn header(mut self, name: header::HeaderName, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The same, with the path at which the next page is found, where there is one: for a body that has no room for it.
    #[must_use]
    pub fn followed_by(self, next: Option<String>) -> Self {
        Self { next, ..self }
    }

    /// The text that a record keeps.
    pub(crate) fn to_record(&self) -> String {
        render(&self.lasting)
    }

    /// The answer that a record kept.
    ///
    /// # Errors
    /// When the record can't be read.
    pub fn replayed(record: &Record) -> Result<Self, Failure> {
        Ok(Lasting::of(record)?.into())
    }

    /// The body that a record kept, as JSON; null where there was none.
    ///
    /// # Errors
    /// When the record can't be read.
    pub fn replayed_body(record: &Record) -> Result<serde_json::Value, Failure> {
        let lasting = Lasting::of(record)?;
        serde_json::from_str(lasting.body.as_deref().unwrap_or("null")).map_err(Failure::internal)
    }

    pub(crate) fn respond(self) -> Response<Body> {
        let Lasting { status, location, etag, body } = self.lasting;
        let text = HeaderValue::from_static;
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, text("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, text("nosniff"));
        for (name, value) in [(header::LOCATION, location), (header::ETAG, etag)] {
            if let Some(value) = value.and_then(|v| HeaderValue::try_from(v).ok()) {
                headers.insert(name, value);
            }
        }
        for (name, value) in self.headers {
            headers.insert(name, text(value));
        }
        let next = self.next.and_then(|path| HeaderValue::try_from(format!("<{path}>; rel=\"next\"")).ok());
        if let Some(next) = next {
            headers.insert(header::LINK, next);
        }
        if let Some(body) = body {
            headers.insert(header::CONTENT_TYPE, text(self.content_type));
            *response.body_mut() = Body::Text(body);
        }
        response
    }

    /// A problem's document.
    pub(crate) fn problem(status: StatusCode, document: &impl Serialize) -> Response<Body> {
        let answer = Self::with(status, Some(render(document)));
        Self { content_type: "application/problem+json", ..answer }.respond()
    }
}

/// A version as `ETag` and `If-Match` spell it.
pub(crate) fn etag(version: Version) -> String {
    format!("\"{version}\"")
}

/// A view as JSON. Views are plain structures of texts and numbers: rendering them can't fail.
pub(crate) fn render(view: &impl Serialize) -> String {
    serde_json::to_string(view).unwrap_or_default()
}
