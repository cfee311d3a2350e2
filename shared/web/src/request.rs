use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderName, Method, header};
use lambda_http::RequestExt as _;
use lambda_http::request::RequestContext;
use model::{
    Client, InvitationId, Invocation, Refusal, ReviewId, SessionToken, TenantId, Timestamp, UserId, Version,
};
use policy::BrandId;

use crate::answer::etag;
use crate::{BadRequest, Failure, Form, Route, Unproven};

/// Bytes that a body may have.
const BODY: usize = 16 * 1024;

/// A request as the operations see it.
pub struct Request {
    inner: lambda_http::Request,
    path: String,
    route: Option<Route>,
    invocation: Invocation,
    /// Whether a search for seats to take back has found none, in this round or one before.
    seats_searched: AtomicBool,
    /// Where a larger plan is to be had, as the deployment says.
    upgrade_url: Option<String>,
}

impl Request {
    /// Takes API Gateway's event over.
    #[must_use]
    pub fn new(inner: lambda_http::Request, invocation: Invocation, upgrade_url: Option<String>) -> Self {
        let path = inner.raw_http_path().to_owned();
        let route = Route::find(inner.method(), &path);
        Self { inner, path, route, invocation, seats_searched: AtomicBool::new(false), upgrade_url }
    }

    /// The invocation that brought it.
    #[must_use]
    pub const fn invocation(&self) -> &Invocation {
        &self.invocation
    }

    pub(crate) fn upgrade_url(&self) -> Option<&str> {
        self.upgrade_url.as_deref()
    }

    pub(crate) fn has_searched_seats(&self) -> bool {
        self.seats_searched.load(Ordering::Relaxed)
    }

    pub(crate) fn note_seats_searched(&self) {
        self.seats_searched.store(true, Ordering::Relaxed);
    }

    /// When it is.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.invocation.now()
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        self.inner.method()
    }

    /// The whole path.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Its route.
    ///
    /// # Errors
    /// [`BadRequest::MethodNotAllowed`] for a path that has other methods, [`BadRequest::UnknownPath`] for one that isn't
    /// there; [`BadRequest::Validation`] for parameters of the query that the route doesn't have: a mistyped filter would
    /// show too much, a mistyped `dry_run` do too much. Pages don't mind: mail programs add parameters to links.
    pub fn route(&self) -> Result<Route, Failure> {
        let route = self.route.ok_or_else(|| self.unknown())?;
        if route.function() != "console" {
            self.only_query(route.query())?;
        }
        Ok(route)
    }

    fn unknown(&self) -> Failure {
        match Route::allowed(&self.path) {
            none if none.is_empty() => {
                let without = self.path.strip_suffix('/');
                let but_for_slash = without.is_some_and(|path| !Route::allowed(path).is_empty());
                BadRequest::UnknownPath { but_for_slash }.into()
            }
            methods => BadRequest::MethodNotAllowed(methods).into(),
        }
    }

    /// The segment of the path that stands for `{name}`.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] where the route has none.
    pub fn parameter(&self, name: &str) -> Result<&str, Refusal> {
        self.route.and_then(|route| route.parameter(&self.path, name)).ok_or(Refusal::NotFound)
    }

    /// The tenant that the path names.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a segment that is not an id.
    pub fn tenant(&self) -> Result<TenantId, Refusal> {
        TenantId::parse(self.parameter("tenant")?).ok_or(Refusal::NotFound)
    }

    /// The partner that the path names.
    ///
    /// # Errors
    /// As [`Request::tenant`].
    pub fn partner(&self) -> Result<TenantId, Refusal> {
        TenantId::parse(self.parameter("partner")?).ok_or(Refusal::NotFound)
    }

    /// The user that the path names.
    ///
    /// # Errors
    /// As [`Request::tenant`].
    pub fn user(&self) -> Result<UserId, Refusal> {
        UserId::parse(self.parameter("user")?).ok_or(Refusal::NotFound)
    }

    /// The brand that the path names.
    ///
    /// # Errors
    /// As [`Request::tenant`].
    pub fn brand(&self) -> Result<BrandId, Refusal> {
        BrandId::parse(self.parameter("brand")?).ok_or(Refusal::NotFound)
    }

    /// The invitation that the path names.
    ///
    /// # Errors
    /// As [`Request::tenant`].
    pub fn invitation(&self) -> Result<InvitationId, Refusal> {
        InvitationId::parse(self.parameter("invitation")?).ok_or(Refusal::NotFound)
    }

    /// The review that the path names.
    ///
    /// # Errors
    /// As [`Request::tenant`].
    pub fn review(&self) -> Result<ReviewId, Refusal> {
        ReviewId::parse(self.parameter("review")?).ok_or(Refusal::NotFound)
    }

    /// A header's text.
    ///
    /// # Errors
    /// [`BadRequest::Malformed`] for one that isn't visible ASCII.
    pub fn header(&self, name: &HeaderName) -> Result<Option<&str>, BadRequest> {
        let Some(value) = self.inner.headers().get(name) else { return Ok(None) };
        value
            .to_str()
            .map(Some)
            .map_err(|_| BadRequest::Malformed(format!("the header `{name}` can't be read")))
    }

    /// A parameter of the query, decoded.
    ///
    /// # Errors
    /// When it is given twice.
    pub fn query(&self, name: &str) -> Result<Option<String>, BadRequest> {
        let parameters = self.inner.query_string_parameters_ref();
        match parameters.and_then(|p| p.all(name)).as_deref() {
            None | Some([]) => Ok(None),
            Some([one]) => Ok(Some((*one).to_owned())),
            Some(_) => Err(BadRequest::invalid(format!("?{name}"), "is given twice")),
        }
    }

    /// A parameter of the query, parsed.
    ///
    /// # Errors
    /// [`BadRequest::Validation`], in the words of `parse`.
    pub fn query_as<T, E: std::fmt::Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, BadRequest> {
        let Some(text) = self.query(name)? else { return Ok(None) };
        parse(&text).map(Some).map_err(|why| BadRequest::invalid(format!("?{name}"), why))
    }

    fn only_query(&self, known: &[&str]) -> Result<(), BadRequest> {
        let parameters = self.inner.query_string_parameters_ref();
        let unknown = parameters.into_iter().flat_map(|p| p.iter()).find(|(name, _)| !known.contains(name));
        match unknown {
            Some((name, _)) => {
                let name: String = name.chars().take(50).collect();
                let words = match known {
                    [] => "is not a parameter, there are none here".to_owned(),
                    known => format!("is not a parameter, expected one of: {}", known.join(", ")),
                };
                Err(BadRequest::invalid(format!("?{name}"), words))
            }
            None => Ok(()),
        }
    }

    /// The address that the gateway says the request came from, and nothing from a header; empty where it doesn't say.
    #[must_use]
    pub fn source_ip(&self) -> &str {
        match self.inner.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => {
                context.http.source_ip.as_deref().unwrap_or_default()
            }
            _ => "",
        }
    }

    /// What kind of client it says that it is.
    #[must_use]
    pub fn client(&self) -> Option<Client> {
        let agent = self.inner.headers().get(header::USER_AGENT)?;
        Client::of(agent.to_str().ok()?)
    }

    /// The session's token.
    ///
    /// # Errors
    /// [`BadRequest::Unauthenticated`].
    pub fn session_token(&self) -> Result<SessionToken, BadRequest> {
        let Some(value) = self.inner.headers().get(header::AUTHORIZATION) else {
            return Err(BadRequest::Unauthenticated(Unproven::Nothing));
        };
        let text = value.to_str().unwrap_or_default();
        let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(BadRequest::Unauthenticated(Unproven::OtherScheme));
        }
        SessionToken::parse(token.trim()).ok_or(BadRequest::NO_SESSION)
    }

    /// Refuses when `If-Match` is there and doesn't name `version`.
    ///
    /// # Errors
    /// [`BadRequest::Stale`].
    pub fn if_match(&self, version: Version) -> Result<(), BadRequest> {
        match self.header(&header::IF_MATCH)? {
            None | Some("*") => Ok(()),
            Some(list) if list.split(',').any(|one| one.trim() == etag(version)) => Ok(()),
            Some(_) => Err(BadRequest::Stale),
        }
    }

    /// The raw body, empty where there is none. Too large is said before anything is computed over it.
    ///
    /// # Errors
    /// [`BadRequest::PayloadTooLarge`].
    pub(crate) fn bytes(&self) -> Result<&[u8], BadRequest> {
        let body: &[u8] = self.inner.body();
        if body.len() > BODY { Err(BadRequest::PayloadTooLarge(BODY)) } else { Ok(body) }
    }

    /// The body of an operation that takes none: nothing, or an empty object.
    ///
    /// # Errors
    /// As [`Request::form`].
    pub fn no_body(&self) -> Result<(), BadRequest> {
        if self.bytes()?.is_empty() { Ok(()) } else { self.form()?.finish(|| Some(())) }
    }

    /// The fields of the body, a JSON object.
    ///
    /// # Errors
    /// [`BadRequest::UnsupportedMediaType`], [`BadRequest::PayloadTooLarge`]; [`BadRequest::Malformed`] for what isn't
    /// JSON; [`BadRequest::Validation`] for JSON that isn't an object.
    pub fn form(&self) -> Result<Form, BadRequest> {
        self.speaks_json()?;
        Form::read(self.bytes()?)
    }

    fn speaks_json(&self) -> Result<(), BadRequest> {
        let wrong = |what: &str| BadRequest::UnsupportedMediaType(what.to_owned());
        if let Some(encoding) = self.header(&header::CONTENT_ENCODING)?
            && !encoding.trim().eq_ignore_ascii_case("identity")
        {
            return Err(wrong("the body can't be compressed, omit `Content-Encoding`"));
        }
        let media_type = self.header(&header::CONTENT_TYPE)?.unwrap_or_default().to_ascii_lowercase();
        let mut parts = media_type.split(';').map(str::trim);
        if parts.next() != Some("application/json") {
            return Err(wrong("send JSON with `Content-Type: application/json`"));
        }
        match parts.find(|p| !matches!(*p, "" | "charset=utf-8" | "charset=\"utf-8\"")) {
            Some(_) => Err(wrong("JSON is UTF-8 here, omit the parameters of `Content-Type`")),
            None => Ok(()),
        }
    }
}
