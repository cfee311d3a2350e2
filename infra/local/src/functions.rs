//! The functions, started in this process: each takes the JSON that Lambda would hand it and gives the JSON back that
//! Lambda would take.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lambda_http::http;
use lambda_http::lambda_runtime::{Context, LambdaEvent};
use lambda_http::{Adapter, Service, service_fn};
use runtime::direct::{self, Direct};
use runtime::queue::{self, Consumer};
use runtime::{Environment, SettingError};

use crate::BoxError;

type Answered = Pin<Box<dyn Future<Output = Result<Vec<u8>, BoxError>> + Send>>;

/// A function that was started: an event and a request id in, an answer out.
pub(crate) type Started = Arc<dyn Fn(Vec<u8>, String) -> Answered + Send + Sync>;

/// What starts a function.
type Start = fn(&Environment) -> Result<Started, SettingError>;

/// Every function there is, by the name of its folder.
pub(crate) const FUNCTIONS: &[(&str, Start)] = &[
    ("accept", behind_gateway::<accept::Accept>),
    ("assign-brand", behind_gateway::<assign_brand::AssignBrand>),
    ("assign-role", behind_gateway::<assign_role::AssignRole>),
    ("browse", behind_gateway::<browse::Browse>),
    ("check", behind_gateway::<check::Check>),
    ("console", behind_gateway::<console::Console>),
    ("deliver", behind_queue::<deliver::Deliver>),
    ("expire", behind_queue::<expire::Expire>),
    ("feedback", behind_queue::<feedback::ReceiveFeedback>),
    ("invite", behind_gateway::<invite::Invite>),
    ("operate", invoked::<operate::Operate>),
    ("publish", invoked::<publish::Publish>),
    ("resend", behind_gateway::<resend::Resend>),
    ("review", behind_gateway::<review::Reviews>),
    ("revoke", behind_gateway::<revoke::Revoke>),
    ("sign-in", behind_gateway::<sign_in::SignIn>),
    ("tenants", behind_gateway::<tenants::Tenants>),
];

/// As `lambda_http` hands it over in `web::run`.
fn behind_gateway<F: web::Function>(environment: &Environment) -> Result<Started, SettingError> {
    let function = Arc::new(F::new(environment)?);
    let environment = environment.clone();
    Ok(Arc::new(move |event, request_id| {
        let (function, environment) = (Arc::clone(&function), environment.clone());
        Box::pin(async move {
            let payload = serde_json::from_slice(&event)?;
            let mut context = Context::default();
            context.request_id = request_id;
            let mut adapter = Adapter::from(service_fn(async |request: http::Request<lambda_http::Body>| {
                Ok::<_, BoxError>(web::answer(&*function, request, &environment).await)
            }));
            let response = adapter.call(LambdaEvent { payload, context }).await?;
            Ok(serde_json::to_vec(&response)?)
        })
    }))
}

/// As `lambda_runtime` hands it over in `runtime::queue::run`; there is no deadline here.
fn behind_queue<C: Consumer>(environment: &Environment) -> Result<Started, SettingError> {
    let consumer = Arc::new(C::new(environment)?);
    let environment = environment.clone();
    Ok(Arc::new(move |event, request_id| {
        let (consumer, environment) = (Arc::clone(&consumer), environment.clone());
        Box::pin(async move {
            let batch = serde_json::from_slice(&event)?;
            let report = queue::consume(&*consumer, batch, &environment, &request_id, None).await;
            Ok(serde_json::to_vec(&report)?)
        })
    }))
}

/// As `lambda_runtime` hands it over in `runtime::direct::run`.
fn invoked<D: Direct>(environment: &Environment) -> Result<Started, SettingError> {
    let function = Arc::new(D::new(environment)?);
    let environment = environment.clone();
    Ok(Arc::new(move |event, request_id| {
        let (function, environment) = (Arc::clone(&function), environment.clone());
        Box::pin(async move {
            let event = serde_json::from_slice(&event)?;
            let answered = direct::invoke(&*function, event, &environment, &request_id).await;
            Ok(serde_json::to_vec(&answered.map_err(|error| error.to_string())?)?)
        })
    }))
}

/// Functions that run elsewhere, behind Lambda's Invoke API at `url`: under `cargo lambda watch`, say.
pub(crate) fn elsewhere(url: &str, name: &str) -> Started {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let uri = format!("{}/2015-03-31/functions/{name}/invocations", url.trim_end_matches('/'));
    Arc::new(move |event, _| {
        let (client, uri) = (client.clone(), uri.clone());
        Box::pin(async move {
            let request = http::Request::post(&uri).body(Full::new(Bytes::from(event)))?;
            let answer = client.request(request).await.map_err(|e| format!("{uri}: {e}"))?;
            let (parts, body) = answer.into_parts();
            let body = body.collect().await?.to_bytes();
            if parts.status.is_success() && !parts.headers.contains_key("x-amz-function-error") {
                Ok(body.to_vec())
            } else {
                Err(format!("{uri}: {} {}", parts.status, String::from_utf8_lossy(&body)).into())
            }
        })
    })
}
