use http::{HeaderValue, StatusCode, header};
use lambda_http::{Body, Response};
use model::{IdempotencyRecord, Stamp};
use serde::Serialize;

/// What an operation answers when it was done. Statuses are named by what they mean.
#[derive(Debug)]
pub struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) location: Option<String>,
    pub(crate) etag: Option<String>,
    content_type: &'static str,
    pub(crate) body: Option<String>,
    headers: Vec<(header::HeaderName, &'static str)>,
}

impl Answer {
    fn with(status: StatusCode, view: &impl Serialize) -> Self {
        Self { body: Some(render(view)), ..Self::empty(status) }
    }

    const fn empty(status: StatusCode) -> Self {
        Self {
            status,
            location: None,
            etag: None,
            content_type: "application/json",
            body: None,
            headers: Vec::new(),
        }
    }

    /// Here it is.
    #[must_use]
    pub fn ok(view: &impl Serialize) -> Self {
        Self::with(StatusCode::OK, view)
    }

    /// It was made, and is found at `location`.
    #[must_use]
    pub fn created(location: String, view: &impl Serialize) -> Self {
        Self { location: Some(location), ..Self::with(StatusCode::CREATED, view) }
    }

    /// It will be done.
    #[must_use]
    pub fn accepted(view: &impl Serialize) -> Self {
        Self::with(StatusCode::ACCEPTED, view)
    }

    /// It is done, and there is nothing to say.
    #[must_use]
    pub const fn done() -> Self {
        Self::empty(StatusCode::NO_CONTENT)
    }

    /// A page or one of its parts.
    #[must_use]
    pub fn page(content_type: &'static str, body: &str) -> Self {
        Self { content_type, body: Some(body.to_owned()), ..Self::empty(StatusCode::OK) }
    }

    /// The same, with the version that `If-Match` may name.
    #[must_use]
    pub fn versioned(self, version: Stamp) -> Self {
        Self { etag: Some(etag(version)), ..self }
    }

    /// The same, with one more header.
    #[must_use]
    pub fn header(mut self, name: header::HeaderName, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The answer that a record kept.
    pub(crate) fn replayed(record: &IdempotencyRecord) -> Self {
        Self {
            location: record.location.clone(),
            etag: record.etag.clone(),
            body: (!record.body.is_empty()).then(|| record.body.clone()),
            ..Self::empty(StatusCode::from_u16(record.status).unwrap_or(StatusCode::OK))
        }
    }

    pub(crate) fn json(status: StatusCode, view: &impl Serialize) -> Response<Body> {
        Self::with(status, view).respond()
    }

    pub(crate) fn respond(self) -> Response<Body> {
        let text = HeaderValue::from_static;
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, text("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, text("nosniff"));
        for (name, value) in [(header::LOCATION, self.location), (header::ETAG, self.etag)] {
            if let Some(value) = value.and_then(|v| HeaderValue::try_from(v).ok()) {
                headers.insert(name, value);
            }
        }
        for (name, value) in self.headers {
            headers.insert(name, text(value));
        }
        if let Some(body) = self.body {
            headers.insert(header::CONTENT_TYPE, text(self.content_type));
            *response.body_mut() = Body::Text(body);
        }
        response
    }
}

/// A version as `ETag` and `If-Match` spell it.
pub(crate) fn etag(version: Stamp) -> String {
    format!("\"{version}\"")
}

/// A view as JSON. Views are plain structures of texts and numbers: rendering them can't fail.
pub(crate) fn render(view: &impl Serialize) -> String {
    serde_json::to_string(view).unwrap_or_default()
}
