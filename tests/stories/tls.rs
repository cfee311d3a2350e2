//! Whom the functions trust: Amazon's embedded roots, and the system's where those don't vouch for an endpoint.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use aws_smithy_http_client::tls::TrustStore;
use model::SystemClock;
use runtime::aws::{amazons, client_trusting};
use runtime::{Environment, Variables};
use rustls::pki_types::PrivateKeyDer;
use store::{Error, Store, keys};

/// An endpoint on loopback whose certificate a CA of its own has signed: answers everything with a refusal. Answers its
/// address and the CA's certificate.
fn endpoint() -> (String, String) {
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::default();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &rcgen::Issuer::new(ca, ca_key)).unwrap();

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for tcp in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = rustls::StreamOwned::new(connection, tcp.unwrap());
            // a client that doesn't trust us hangs up here
            if tls.read(&mut [0; 16_384]).is_ok_and(|n| n > 0) {
                let body =
                    r#"{"__type":"com.amazonaws.dynamodb.v20120810#ValidationException","message":"no"}"#;
                let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/x-amz-json-1.0\r\nconnection: close";
                let _ = write!(tls, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                tls.conn.send_close_notify();
                let _ = tls.flush();
            }
        }
    });
    (format!("https://localhost:{port}"), ca_pem)
}

async fn ask(url: &str, first: TrustStore, fallback: TrustStore) -> Error {
    let variables = [
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "y"),
        ("AWS_ENDPOINT_URL_DYNAMODB", url),
        ("TABLE_NAME", "Table"),
    ];
    let variables: BTreeMap<String, String> =
        variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let environment = Environment::new(Variables::of(variables), Arc::new(SystemClock))
        .with_http_client(client_trusting(first, fallback));
    Store::open(&environment).unwrap().load(keys::credential("a@b.example")).await.unwrap_err()
}

#[tokio::test]
async fn an_endpoint_that_amazons_roots_do_not_vouch_for_is_asked_with_the_fallback() {
    let (url, ca) = endpoint();
    let trusting = || TrustStore::empty().with_pem_certificate(ca.as_bytes());
    // the endpoint's own refusal was read: the handshake went through
    assert!(matches!(ask(&url, trusting(), amazons()).await, Error::Corrupt(_)));
    assert!(matches!(ask(&url, amazons(), trusting()).await, Error::Corrupt(_)));
    // and nobody is trusted whom neither vouches for
    let Error::Unavailable(cause) = ask(&url, amazons(), amazons()).await else { panic!("trusted") };
    assert!(cause.contains("UnknownIssuer"), "{cause}");
}
