//! What is seen of it from outside: numbers, lines of the log, and one id that joins them.

use std::collections::BTreeMap;

use local::{Call, MailboxFault, Reply};
use runtime::Variables;
use runtime::metrics::{Metric, Metrics};
use serde_json::{Value, json};
use stories::{Fault, ReplyExt, START, World, batch, logs_since, mail_queued};

/// CloudWatch's own schema of the embedded metric format, as far as it goes without descriptions.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
fn schema() -> Value {
    let name = |longest: u32| json!({"type": "string", "minLength": 1, "maxLength": longest});
    let metric = json!({
        "type": "object",
        "required": ["Name"],
        "additionalProperties": false,
        "properties": {"Name": name(1024), "Unit": {"enum": ["Count"]}},
    });
    let directive = json!({
        "type": "object",
        "required": ["Namespace", "Dimensions", "Metrics"],
        "additionalProperties": false,
        "properties": {
            "Namespace": name(1024),
            "Dimensions": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "array", "maxItems": 30, "items": name(250)},
            },
            "Metrics": {"type": "array", "maxItems": 100, "items": metric},
        },
    });
    json!({
        "type": "object",
        "required": ["_aws"],
        "properties": {
            "_aws": {
                "type": "object",
                "required": ["Timestamp", "CloudWatchMetrics"],
                "additionalProperties": false,
                "properties": {
                    "Timestamp": {"type": "integer"},
                    "CloudWatchMetrics": {"type": "array", "items": directive},
                },
            },
        },
    })
}

#[test]
fn what_is_counted_is_one_line_in_cloudwatchs_own_format() {
    let variables = [("STACK_NAME", "muster"), ("AWS_LAMBDA_FUNCTION_NAME", "muster-Deliver-1A2B3C")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let variables = Variables::of(BTreeMap::from(variables));
    let metrics = Metrics::default();
    assert_eq!(metrics.take_line(&variables, START), None, "nothing was counted");
    for metric in Metric::ALL {
        metrics.count(*metric);
    }
    metrics.clone().count(Metric::MailsSent);
    let line = metrics.take_line(&variables, START).unwrap();
    let schema = jsonschema::draft202012::options().build(&schema()).unwrap();
    let wrong: Vec<String> = schema.iter_errors(&line).map(|wrong| wrong.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(!line.to_string().contains('\n'));
    assert_eq!(line["_aws"]["Timestamp"], START.unix_millis());
    // what is named is there
    let directive = &line["_aws"]["CloudWatchMetrics"][0];
    let named: Vec<&str> = directive["Metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|metric| metric["Name"].as_str().unwrap())
        .collect();
    assert_eq!(named, Metric::ALL.iter().map(|metric| metric.name()).collect::<Vec<_>>());
    for name in named {
        assert_eq!(line[name], if name == "MailsSent" { 2 } else { 1 }, "{name}");
    }
    for dimension in
        directive["Dimensions"].as_array().unwrap().iter().flat_map(|set| set.as_array().unwrap())
    {
        assert!(line[dimension.as_str().unwrap()].is_string(), "{dimension}");
    }
    assert_eq!((&line["Stack"], &line["Function"]), (&json!("muster"), &json!("muster-Deliver-1A2B3C")));
    assert_eq!(metrics.take_line(&variables, START), None, "it was told");
    // outside of a deployment there are no names for it
    metrics.count(Metric::Conflicts);
    let line = metrics.take_line(&Variables::of(BTreeMap::new()), START).unwrap();
    assert_eq!((&line["Stack"], &line["Function"]), (&json!("local"), &json!("local")));
}

/// The lines of the log whose span has this id.
fn lines(id: &str) -> Vec<Value> {
    let all = logs_since(0);
    let lines = all.lines().filter(|line| line.contains(id));
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["span"]["request_id"] == id).collect()
}

fn said(lines: &[Value], message: &str) -> usize {
    lines.iter().filter(|line| line["message"] == message).count()
}

#[tokio::test]
async fn a_request_is_called_the_same_by_the_gateway_the_answer_the_log_and_the_trail() {
    let world = World::new().await.where_things_break();
    let team = world.team("Acme").await;
    let call = |method: &str, path: &str, body: &Value| Call {
        method: method.to_owned(),
        path: format!("/v1/tenants/{}{path}", team.tenant),
        headers: vec![
            ("authorization".to_owned(), format!("Bearer {}", team.owner.session)),
            ("content-type".to_owned(), "application/json".to_owned()),
        ],
        body: if body.is_null() { Vec::new() } else { serde_json::to_vec(body).unwrap() },
        ..Call::default()
    };
    let made =
        world.stack().call(call("POST", "/brands", &json!({"name": "Sage"}))).await.unwrap().expect(201);
    let id = made.headers[Reply::REQUEST_ID].clone();
    let told = lines(&id);
    assert_eq!(said(&told, "request"), 1);
    // Lambda's own lines, of duration and memory, have its id
    let of_lambda = told[0]["span"]["lambda_request_id"].as_str().unwrap();
    assert!(!of_lambda.is_empty() && of_lambda != id);
    let trail = team.owner.get("events").await.expect(200).json();
    let event = trail["items"].as_array().unwrap().iter().find(|e| e["type"] == "brand.created").unwrap();
    assert_eq!(event["request_id"], id.as_str());
    // the cause of what is answered with 5xx is told once, under the id that the answer has
    world.wire().fail("tenants", "BatchGetItem", 3, Fault::Unreachable);
    let broken = world.stack().call(call("GET", "", &Value::Null)).await.unwrap().refused(503, "unavailable");
    let id = broken.headers[Reply::REQUEST_ID].clone();
    assert_eq!(broken.text("/request_id"), id);
    let told = lines(&id);
    assert_eq!((said(&told, "request"), said(&told, "the table failed")), (1, 1));
    // whatever the gateway answers by itself has one too
    let large = vec![("x-large".to_owned(), "x".repeat(11_000))];
    let refused = Call { headers: large, ..call("GET", "", &Value::Null) };
    let refused = world.stack().call(refused).await.unwrap().expect(431);
    assert!(!refused.headers[Reply::REQUEST_ID].is_empty());
}

#[tokio::test]
async fn a_line_about_a_message_names_the_message_and_its_mail() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let invited = team.invite("ana@acme.example", "member").await;
    let ledger = world.ledger();
    let mail = ledger.all("Mail").iter().find(|m| m["invitation_id"]["S"] == invited.id.as_str()).unwrap();
    let queued = mail_queued(mail);
    let invocation = format!("an invocation for {}", invited.id);
    let deliver = async |event: &Value| {
        world.stack().invoke("deliver", batch([event]), invocation.clone()).await.unwrap();
    };
    world.stack().mailbox().fail_next([MailboxFault::Says(400, "SendingPausedException", "paused")]);
    deliver(&queued).await;
    deliver(&queued).await;
    let told = lines(&invocation);
    for message in [
        "SES takes nothing of this sender, see `mail-status`",
        "a message failed and will be tried again",
        "sent",
    ] {
        assert_eq!(said(&told, message), 1, "{message}");
    }
    for line in &told {
        assert_eq!(
            (&line["span"]["message_id"], &line["span"]["about"]),
            (&json!("1"), &mail["id"]["S"]),
            "{line}"
        );
    }
    // the cause is told once
    let causes = told.iter().filter(|line| line.to_string().contains("SendingPausedException"));
    assert_eq!(causes.count(), 1);
    // and what can't be read is a message all the same
    let none = format!("none for {}", invited.id);
    let event = serde_json::to_vec(&json!({"Records": [{"messageId": "7", "body": "{"}]})).unwrap();
    world.stack().invoke("deliver", event, none.clone()).await.unwrap();
    let told = lines(&none);
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["span"]["message_id"], told[0]["span"].get("about")), (&json!("7"), None));
}

#[tokio::test]
async fn what_people_meet_is_counted() {
    let world = World::new().await.where_things_break();
    let team = world.team("Acme").await;
    // a change, and not what only reads or opens a session
    let before = world.counted(Metric::ChangesWritten);
    team.brand("Sage").await;
    assert_eq!(world.counted(Metric::ChangesWritten), before + 1);
    team.owner.get("").await.expect(200);
    world.sign_in(&team.owner.email, stories::PASSWORD).await.expect(201);
    assert_eq!(world.counted(Metric::ChangesWritten), before + 1);
    // a mail that somebody asks for is one too
    let ask = json!({"email": team.owner.email});
    world.ask("POST", "/v1/password-resets", None, &ask).await.expect(202);
    assert_eq!(world.counted(Metric::ChangesWritten), before + 2);
    // wrong passwords, and those that aren't looked at any more
    assert_eq!(world.counted(Metric::SignInsFailed), 0);
    for tried in 1..=12 {
        let reply = world.sign_in(&team.owner.email, "not the password at all").await;
        assert_eq!(reply.status, if tried <= 10 { 401 } else { 429 });
        assert_eq!(world.counted(Metric::SignInsFailed), tried);
    }
    // others who write the same, for a moment and for long
    world.wire().fail("invite", "TransactWriteItems", 2, Fault::Conflict);
    let link = team.invite("ana@acme.example", "member").await.link().await;
    assert_eq!(world.counted(Metric::Conflicts), 2);
    world.wire().fail("accept", "TransactWriteItems", 6, Fault::Cancelled(&["ConditionalCheckFailed"]));
    link.accept().await.refused(409, "conflict");
    assert_eq!(world.counted(Metric::Conflicts), 3);
    // a table that has too much to do
    let throttled = async |operation: &'static str, times: usize, fault: Fault| {
        let before = world.counted(Metric::TableThrottled);
        world.wire().fail("tenants", operation, times, fault);
        let reply = team.owner.create_brand(&format!("Rue {before}")).await;
        (reply.status, world.counted(Metric::TableThrottled) - before)
    };
    assert_eq!(throttled("BatchGetItem", 2, Fault::Unprocessed).await, (201, 2));
    // the SDK tries thrice by itself
    assert_eq!(throttled("BatchGetItem", 3, Fault::Throttled).await, (503, 1));
    let cancelled = Fault::Cancelled(&["ThrottlingError", "None"]);
    assert_eq!(throttled("TransactWriteItems", 2, cancelled).await, (201, 2));
}

#[tokio::test]
async fn what_becomes_of_mails_is_counted() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    let all = [
        Metric::MailsSent,
        Metric::MailsRefused,
        Metric::MailsPostponed,
        Metric::SenderRefused,
        Metric::MailsGivenUp,
        Metric::MessagesFailed,
    ];
    let counted = || all.map(|metric| world.counted(metric));
    assert_eq!(counted(), [1, 0, 0, 0, 0, 0], "the owner's");
    for (n, (faults, now)) in [
        (vec![MailboxFault::Rejected], [1, 1, 0, 0, 0, 0]),
        // tried once; the queue hands it over again
        (vec![MailboxFault::Throttled], [2, 1, 1, 0, 0, 1]),
        (vec![MailboxFault::Says(400, "SendingPausedException", "paused")], [3, 1, 1, 1, 0, 2]),
    ]
    .into_iter()
    .enumerate()
    {
        world.stack().mailbox().fail_next(faults);
        team.invite(&format!("person{n}@acme.example"), "member").await;
        world.settle().await;
        assert_eq!(counted(), now, "{n}");
    }
    // nobody waits for a link of an hour ago
    let ask = json!({"email": team.owner.email});
    world.ask("POST", "/v1/password-resets", None, &ask).await.expect(202);
    world.pass(3_600);
    world.settle().await;
    assert_eq!(counted(), [3, 1, 1, 1, 1, 2]);
}
