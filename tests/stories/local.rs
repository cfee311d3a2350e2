//! The local stack: what a developer meets on its ports.

use std::collections::BTreeMap;
use std::sync::Arc;

use local::{Demo, LocalClock, Options, Served, Stack};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const TEMPLATE: &str = include_str!("../../template.yaml");

async fn start(data: Option<std::path::PathBuf>, allowed: &str) -> Arc<Stack> {
    let options = Options {
        template: TEMPLATE.to_owned(),
        parameters: BTreeMap::from([
            ("ConsoleOrigin", "http://127.0.0.1:3000".to_owned()),
            ("MailFrom", "no-reply@muster.example".to_owned()),
            ("OpenSignUp", "true".to_owned()),
            ("AllowedOrigins", allowed.to_owned()),
            ("MailsPerSecond", "1000000".to_owned()),
        ]),
        settings: BTreeMap::new(),
        clock: LocalClock::running(),
        data,
        table_port: 0,
        mail_port: 0,
        http_client: None,
        functions_url: None,
        observer: None,
    };
    Arc::new(Stack::start(options).await.unwrap())
}

/// Serves it until the story ends; answers where.
async fn serve(stack: &Arc<Stack>) -> String {
    let served = Served::bind(0).await.unwrap();
    let address = served.url().unwrap().trim_start_matches("http://").to_owned();
    tokio::spawn(served.run(Arc::clone(stack), std::future::pending()));
    address
}

/// What came back over the wire: status, headers as one text in lower case, body.
async fn send(address: &str, head: &str, body: &str) -> (u16, String, Value) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request =
        format!("{head}\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_lowercase(), serde_json::from_str(body).unwrap_or_default())
}

#[tokio::test]
async fn the_invoke_api_answers_as_lambdas_does() {
    let stack = start(None, "").await;
    let address = serve(&stack).await;
    let order = json!({"operation": "create-tenant", "name": "Acme", "email": "o@acme.example", "first_name": "O",
        "last_name": "O", "reason": "r"});
    let invoke = async |name: &str, kind: &str, body: String| {
        let head = format!(
            "POST /2015-03-31/functions/{name}/invocations HTTP/1.1\r\nx-amz-invocation-type: {kind}"
        );
        send(&address, &head, &body).await
    };
    let (status, head, body) = invoke("nobody", "RequestResponse", order.to_string()).await;
    assert_eq!((status, &body["Type"]), (404, &json!("User")));
    assert!(head.contains("x-amzn-errortype: resourcenotfoundexception"), "{head}");
    assert_eq!(invoke("operate", "DryRun", order.to_string()).await.0, 204);
    assert!(stack.items().unwrap().is_empty(), "dry");
    let (status, _, made) = invoke("operate", "RequestResponse", order.to_string()).await;
    assert_eq!(status, 200);
    assert!(made["tenant"].is_string());
    let arn = "arn:aws:lambda:eu-central-1:000000000000:function:operate";
    let (status, head, _) = invoke(arn, "RequestResponse", json!({"operation": "drop"}).to_string()).await;
    assert_eq!(status, 200);
    assert!(head.contains("x-amz-function-error: unhandled"), "{head}");
    assert_eq!(invoke("operate", "RequestResponse", "{".to_owned()).await.0, 400);
    assert_eq!(invoke("operate", "Sometimes", order.to_string()).await.0, 400);
    // as an event: taken now, done soon
    let before = stack.items().unwrap().len();
    let again = order.to_string().replace("o@acme.example", "p@acme.example");
    assert_eq!(invoke(&format!("{arn}:$LATEST"), "Event", again).await.0, 202);
    while stack.items().unwrap().len() == before {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_page_of_another_origin_may_call_as_the_template_has_it() {
    let stack = start(None, "http://localhost:5173,https://app.example.com").await;
    let address = serve(&stack).await;
    let ask = "access-control-request-method: POST\r\naccess-control-request-headers: authorization";
    for (origin, may) in
        [("http://localhost:5173", true), ("https://app.example.com", true), ("https://evil.example", false)]
    {
        let (status, head, _) =
            send(&address, &format!("OPTIONS /v1/sessions HTTP/1.1\r\norigin: {origin}\r\n{ask}"), "").await;
        assert_eq!(status, 204);
        assert_eq!(head.contains(&format!("access-control-allow-origin: {origin}")), may, "{head}");
        assert_eq!(head.contains("access-control-allow-methods: get,post,put,patch,delete"), may, "{head}");
        assert_eq!(head.contains("access-control-allow-headers: authorization,content-type,"), may, "{head}");
        let (status, head, _) = send(&address, &format!("GET /v1/me HTTP/1.1\r\norigin: {origin}"), "").await;
        assert_eq!(status, 401);
        assert_eq!(head.contains(&format!("access-control-allow-origin: {origin}")), may, "{head}");
        assert_eq!(
            head.contains("access-control-expose-headers: etag,link,location,retry-after"),
            may,
            "{head}"
        );
    }
    // nobody's page: no header, and OPTIONS that is no preflight is a method like others
    let (_, head, _) = send(&address, "GET /v1/me HTTP/1.1", "").await;
    assert!(!head.contains("access-control"), "{head}");
    assert_eq!(send(&address, "OPTIONS /v1/me HTTP/1.1", "").await.0, 405);
}

#[tokio::test]
async fn what_was_answered_is_in_the_file_whatever_ends_the_process() {
    let file = std::env::temp_dir().join(format!("muster-story-{}.sqlite", std::process::id()));
    let stack = start(Some(file.clone()), "").await;
    let demo = Demo::create(&stack).await.unwrap();
    let address = serve(&stack).await;
    let json = "content-type: application/json";
    let body = json!({"email": demo.owner, "password": demo.password}).to_string();
    let (_, _, signed_in) = send(&address, &format!("POST /v1/sessions HTTP/1.1\r\n{json}"), &body).await;
    let session = signed_in["session"]["token"].as_str().unwrap();
    let path = format!("/v1/tenants/{}/brands", demo.tenant);
    let head = format!("POST {path} HTTP/1.1\r\n{json}\r\nauthorization: Bearer {session}");
    let (status, _, made) = send(&address, &head, r#"{"name": "Just Made"}"#).await;
    assert_eq!(status, 201);
    // as if the process had been killed at this very moment: another one reads the file as it is
    let next = start(Some(file.clone()), "").await;
    let there = serde_json::to_string(&next.items().unwrap()).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(there.contains(made["id"].as_str().unwrap()), "the brand");
    // and it says again how to sign in to the demo team
    assert_eq!(Demo::find(&next).await.unwrap().tenant, demo.tenant);
    assert!(Demo::find(&*start(None, "").await).await.is_none());
}

#[tokio::test]
async fn the_demo_team_has_a_partner_somebody_suspended_and_a_review_until_they_end() {
    let stack = start(None, "").await;
    let demo = Demo::create(&stack).await.unwrap();
    let address = serve(&stack).await;
    let sign_in = async |who: &str| {
        let body = json!({"email": who, "password": demo.password}).to_string();
        send(&address, "POST /v1/sessions HTTP/1.1\r\ncontent-type: application/json", &body).await
    };
    let (_, _, signed_in) = sign_in(demo.owner).await;
    let session = signed_in["session"]["token"].as_str().unwrap();
    let ask = async |method: &str, path: &str| {
        let head = format!("{method} {path} HTTP/1.1\r\nauthorization: Bearer {session}");
        let (status, _, body) = send(&address, &head, "").await;
        (status, body)
    };
    // the partner has its owner, and the team's people manage its members
    let partner = demo.partner.as_ref().unwrap();
    assert_eq!(sign_in(partner.owner).await.0, 201);
    let (status, members) = ask("GET", &format!("/v1/tenants/{}/members", partner.tenant)).await;
    assert_eq!((status, &members["items"][0]["email"]), (200, &json!(partner.owner)));
    let (status, _, refused) = sign_in(demo.suspended.unwrap()).await;
    assert_eq!((status, &refused["code"]), (403, &json!("access-revoked")));
    let review = demo.review.as_ref().unwrap();
    let (_, read) = ask("GET", review).await;
    assert_eq!((&read["closed_at"], read["decisions"].as_array().unwrap().len()), (&Value::Null, 1));
    assert_eq!(read["counts"]["reduced"], 1);
    // each of them ends, and isn't told any more
    let team = format!("/v1/tenants/{}", demo.tenant);
    let (_, members) = ask("GET", &format!("{team}/members?status=suspended")).await;
    let user = members["items"][0]["user_id"].as_str().unwrap();
    for (method, path) in [
        ("DELETE", format!("{team}/partners/{}", partner.tenant)),
        ("POST", format!("{team}/members/{user}/reinstate")),
        ("POST", format!("{review}/close")),
    ] {
        let (status, body) = ask(method, &path).await;
        assert!(status < 300, "{path}: {body}");
    }
    let found = Demo::find(&stack).await.unwrap();
    assert!(found.partner.is_none() && found.suspended.is_none() && found.review.is_none());
}

#[tokio::test]
async fn what_is_published_is_listed_of_everybody_or_of_one_tenant() {
    let stack = start(None, "").await;
    let demo = Demo::create(&stack).await.unwrap();
    stack.settle().await.unwrap();
    let address = serve(&stack).await;
    let listed = async |query: &str| {
        let (status, _, events) = send(&address, &format!("GET /_local/events{query} HTTP/1.1"), "").await;
        assert_eq!(status, 200);
        events.as_array().unwrap().clone()
    };
    let (all, of_one) = (listed("").await, listed(&format!("?tenant={}", demo.tenant)).await);
    assert!(of_one.iter().all(|event| event["detail"]["tenant_id"] == demo.tenant.as_str()));
    assert!(of_one.len() < all.len());
    // the newest last: it begins with the sign-up
    assert_eq!(of_one[0]["detail"]["type"], "tenant.created");
    assert!(listed("?tenant=nobody").await.is_empty());
    // what SES would say goes the same way as if it did
    let said = json!({"to": demo.owner, "type": "delivery"}).to_string();
    let head = "POST /_local/feedback HTTP/1.1\r\ncontent-type: application/json";
    let (status, _, event) = send(&address, head, &said).await;
    assert_eq!((status, &event["detail-type"]), (200, &json!("Email Delivered")));
}

#[tokio::test]
async fn a_port_that_is_taken_names_the_flag_that_chooses_another() {
    let taken = Served::bind(0).await.unwrap();
    let port = taken.url().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    let refused = Served::bind(port).await.err().unwrap().to_string();
    assert!(refused.contains(&format!("port {port}")) && refused.contains("with --port"), "{refused}");
    for (flag, table_port, mail_port) in [("--table-port", port, 0), ("--mail-port", 0, port)] {
        let options = Options {
            template: TEMPLATE.to_owned(),
            parameters: BTreeMap::from([("MailFrom", "a@b.example".to_owned())]),
            settings: BTreeMap::new(),
            clock: LocalClock::running(),
            data: None,
            table_port,
            mail_port,
            http_client: None,
            functions_url: None,
            observer: None,
        };
        let refused = Stack::start(options).await.err().unwrap().to_string();
        assert!(refused.contains(flag), "{refused}");
    }
}
