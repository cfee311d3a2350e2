//! Calls from pages of other origins, as the template's `CorsConfiguration` has them answered.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html>

use std::collections::BTreeMap;

use serde_json::Value;

use crate::gateway::{Call, Reply};

/// Which other origins may call the API from a browser, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cors {
    origins: Vec<String>,
    methods: Vec<String>,
    headers: Vec<String>,
    exposed: Vec<String>,
    max_age: Option<u64>,
}

impl Cors {
    /// From the configuration of the template's API.
    pub(crate) fn parse(configuration: &Value) -> Self {
        // a parameter that is a list comes as one text
        let list = |name: &str| -> Vec<String> {
            let texts = match configuration.get(name) {
                Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
                Some(Value::String(text)) => text.split(',').collect(),
                _ => Vec::new(),
            };
            texts.into_iter().map(|text| text.trim().to_owned()).collect()
        };
        Self {
            origins: list("AllowOrigins"),
            methods: list("AllowMethods"),
            headers: list("AllowHeaders"),
            exposed: list("ExposeHeaders"),
            max_age: configuration.get("MaxAge").and_then(Value::as_u64),
        }
    }

    /// The origin that asks, if it may.
    fn allowed<'c>(&self, call: &'c Call) -> Option<&'c str> {
        let origin = call.header("origin")?;
        self.origins.iter().any(|allowed| allowed == "*" || allowed == origin).then_some(origin)
    }

    /// The gateway's own answer to a browser that asks beforehand; none to any other request.
    pub(crate) fn preflight(&self, call: &Call) -> Option<Reply> {
        let asked = call.header("origin").and(call.header("access-control-request-method"));
        if call.method != "OPTIONS" || asked.is_none() {
            return None;
        }
        let mut headers = BTreeMap::new();
        if let Some(origin) = self.allowed(call) {
            let mut set = |name: &str, value: String| headers.insert(format!("access-control-{name}"), value);
            set("allow-origin", origin.to_owned());
            set("allow-methods", self.methods.join(","));
            set("allow-headers", self.headers.join(","));
            if let Some(seconds) = self.max_age {
                set("max-age", seconds.to_string());
            }
        }
        Some(Reply { status: 204, headers, body: Vec::new(), function: Reply::GATEWAY.to_owned() })
    }

    /// Lets the page of another origin read the answer.
    pub(crate) fn share(&self, call: &Call, reply: &mut Reply) {
        if let Some(origin) = self.allowed(call) {
            reply.headers.insert("access-control-allow-origin".to_owned(), origin.to_owned());
            reply.headers.insert("access-control-expose-headers".to_owned(), self.exposed.join(","));
        }
    }
}
