//! The AWS SDK's configuration, made by hand: in Lambda everything that it needs stands in environment variables, and
//! the usual chain would parse files and build clients for sources that aren't there.

use std::error::Error as StdError;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use rustls::CertificateError;

use crate::{Environment, SettingError};

/// Amazon's root certificates, <https://www.amazontrust.com/repository/>: parsing the system's hundred and forty is
/// most of what a cold start would do.
const ROOTS: [&[u8]; 5] = [
    include_bytes!("../roots/Amazon_Root_CA_1.pem"),
    include_bytes!("../roots/Amazon_Root_CA_2.pem"),
    include_bytes!("../roots/Amazon_Root_CA_3.pem"),
    include_bytes!("../roots/Amazon_Root_CA_4.pem"),
    include_bytes!("../roots/Starfield_Services_G2.pem"),
];

/// Below what API Gateway waits (30 s) with room for every retry.
const CONNECT: Duration = Duration::from_secs(1);
const ATTEMPT: Duration = Duration::from_secs(2);
const OPERATION: Duration = Duration::from_secs(5);
/// Of a call that is done once: less than what a queue's function leaves for a message.
const ONCE: Duration = Duration::from_secs(10);
/// Lambda freezes environments, and the other side closes sockets meanwhile.
const IDLE: Duration = Duration::from_secs(20);
const ATTEMPTS: u32 = 3;
/// Before the second try at most so long: DynamoDB answers in milliseconds, and a caller waits.
const BACKOFF: Duration = Duration::from_millis(50);

impl Environment {
    /// The configuration for one AWS service; `service` is its name in `AWS_ENDPOINT_URL_…`, `DYNAMODB`.
    ///
    /// # Errors
    /// When region or credentials are missing.
    pub fn aws(&self, service: &str) -> Result<SdkConfig, SettingError> {
        let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(BACKOFF);
        self.configured(service, retries, (ATTEMPT, OPERATION))
    }

    /// The same for a service whose calls are done once and no more: each of several tries of a send may be a mail, and nobody
    /// would know of the others. What failed comes again over its queue.
    ///
    /// # Errors
    /// As [`Environment::aws`].
    pub fn aws_once(&self, service: &str) -> Result<SdkConfig, SettingError> {
        self.configured(service, RetryConfig::disabled(), (ONCE, ONCE))
    }

    fn configured(
        &self,
        service: &str,
        retries: RetryConfig,
        (attempt, operation): (Duration, Duration),
    ) -> Result<SdkConfig, SettingError> {
        let vars = &self.variables;
        let credentials = Credentials::new(
            vars.required("AWS_ACCESS_KEY_ID")?,
            vars.required("AWS_SECRET_ACCESS_KEY")?,
            vars.get("AWS_SESSION_TOKEN"),
            None,
            "environment",
        );
        let endpoint =
            vars.get(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| vars.get("AWS_ENDPOINT_URL"));
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT)
            .operation_attempt_timeout(attempt)
            .operation_timeout(operation)
            .build();
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(vars.required("AWS_REGION")?))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(self.http_client())
            .sleep_impl(TokioSleep::new())
            .retry_config(retries)
            .timeout_config(timeouts)
            // small answers, explicit timeouts: what it guards against can't happen, what it gets wrong can
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        config.set_endpoint_url(endpoint);
        Ok(config.build())
    }
}

/// An HTTPS client that trusts Amazon's roots and, should those ever not be enough, the system's.
#[must_use]
pub fn https_client() -> SharedHttpClient {
    client_trusting(amazons(), TrustStore::default())
}

/// Amazon's roots alone.
#[must_use]
pub fn amazons() -> TrustStore {
    ROOTS.iter().fold(TrustStore::empty(), |store, pem| store.with_pem_certificate(*pem))
}

/// An HTTPS client that trusts `first` and, for servers that these don't vouch for, `fallback`.
#[must_use]
pub fn client_trusting(first: TrustStore, fallback: TrustStore) -> SharedHttpClient {
    SharedHttpClient::new(Fallback { first: client(first), fallback, second: Arc::default() })
}

#[expect(clippy::expect_used, reason = "building a context can't fail without client certificates")]
fn client(trust: TrustStore) -> SharedHttpClient {
    let tls = TlsContext::builder().with_trust_store(trust).build().expect("a context of certificates");
    Builder::new()
        .pool_idle_timeout(IDLE)
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build_https()
}

#[derive(Debug)]
struct Fallback {
    first: SharedHttpClient,
    fallback: TrustStore,
    /// Made when it is first needed: reading the system's certificates is what the first client avoids.
    second: Arc<OnceLock<SharedHttpClient>>,
}

impl HttpClient for Fallback {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let first = self.first.http_connector(settings, components);
        let (settings, components) = (settings.clone(), components.clone());
        let (trust, client_cell) = (self.fallback.clone(), Arc::clone(&self.second));
        let second =
            move || client_cell.get_or_init(|| client(trust.clone())).http_connector(&settings, &components);
        SharedHttpConnector::new(Trying { first, second: Arc::new(second) })
    }
}

struct Trying<F> {
    first: SharedHttpConnector,
    second: Arc<F>,
}

impl<F> std::fmt::Debug for Trying<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trying").field("first", &self.first).finish_non_exhaustive()
    }
}

impl<F: Fn() -> SharedHttpConnector + Send + Sync + 'static> HttpConnector for Trying<F> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let copy = request.try_clone();
        let first = self.first.call(request);
        let second = Arc::clone(&self.second);
        HttpConnectorFuture::new(async move {
            match (first.await, copy) {
                // nothing was sent: the handshake comes before the request
                (Err(error), Some(request)) if is_unknown_issuer(&error) => {
                    tracing::warn!(
                        "the embedded root certificates don't vouch for the endpoint, using the system's"
                    );
                    second().call(request).await
                }
                (answer, _) => answer,
            }
        })
    }
}

/// Whether a certificate that nobody vouches for is what an error comes from.
fn is_unknown_issuer(error: &(dyn StdError + 'static)) -> bool {
    if let Some(rustls::Error::InvalidCertificate(reason)) = error.downcast_ref() {
        return matches!(reason, CertificateError::UnknownIssuer);
    }
    // an io::Error doesn't name what it wraps as its source, but that one's source
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    wrapped.is_some_and(|inner| is_unknown_issuer(inner)) || error.source().is_some_and(is_unknown_issuer)
}
