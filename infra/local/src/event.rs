//! The events that AWS would send.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model::Timestamp;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::SentMail;
use crate::gateway::Call;

/// API Gateway's event for a request, payload format 2.0.
///
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>
pub(crate) fn http(
    call: &Call,
    route_key: &str,
    parameters: &[(String, String)],
    request_id: &str,
    now: Timestamp,
) -> Value {
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in &call.headers {
        let name = name.to_ascii_lowercase();
        match headers.get_mut(&name) {
            // one of several is joined to the others
            Some(Value::String(so_far)) => {
                so_far.push(',');
                so_far.push_str(value);
            }
            _ => _ = headers.insert(name, value.clone().into()),
        }
    }
    let mut event = json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": call.path,
        "rawQueryString": call.query,
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": "127.0.0.1",
            "domainPrefix": "127",
            "http": {
                "method": call.method,
                "path": call.path,
                "protocol": "HTTP/1.1",
                "sourceIp": call.source.as_deref().unwrap_or("127.0.0.1"),
                "userAgent": headers.get("user-agent").cloned().unwrap_or_default(),
            },
            "requestId": request_id,
            "routeKey": route_key,
            "stage": "$default",
            "time": now.to_string(),
            "timeEpoch": now.unix_millis(),
        },
        "isBase64Encoded": false,
    });
    if !parameters.is_empty() {
        let parameters = parameters.iter().map(|(name, value)| (name.clone(), value.clone().into()));
        event["pathParameters"] = Value::Object(parameters.collect());
    }
    if !call.body.is_empty() {
        match std::str::from_utf8(&call.body) {
            Ok(text) => event["body"] = text.into(),
            Err(_) => {
                event["body"] = STANDARD.encode(&call.body).into();
                event["isBase64Encoded"] = true.into();
            }
        }
    }
    event
}

/// What a pipe asks its enrichment about a batch of stream records.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-enrichment.html>
pub(crate) fn stream<'r>(records: impl Iterator<Item = &'r Value>, arn: &str) -> Value {
    records
        .map(|record| {
            let mut record = record.clone();
            record["eventSourceARN"] = arn.into();
            record
        })
        .collect()
}

/// A bus's event.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html>
pub(crate) fn of_bus(source: &str, detail_type: &str, detail: Value, now: Timestamp) -> Value {
    json!({
        "version": "0",
        "id": Uuid::now_v7().to_string(),
        "detail-type": detail_type,
        "source": source,
        "account": "000000000000",
        "time": now,
        "region": "eu-central-1",
        "resources": [],
        "detail": detail,
    })
}

/// Lambda's event for a batch of a queue's messages: each one's id and text, and how often it was received before.
///
/// <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>
pub(crate) fn queue<'m>(messages: impl Iterator<Item = (&'m str, &'m str, u32)>, queue: &str) -> Value {
    let records: Vec<Value> = messages
        .map(|(id, body, receives)| {
            json!({
                "messageId": id,
                "receiptHandle": id,
                "body": body,
                "attributes": {"ApproximateReceiveCount": (receives + 1).to_string()},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": format!("arn:aws:sqs:eu-central-1:000000000000:{queue}"),
                "awsRegion": "eu-central-1",
            })
        })
        .collect();
    json!({ "Records": records })
}

/// What SES says by itself of a mail to an address of its mailbox simulator, whatever the label behind the `+`; nothing of any
/// other address.
///
/// <https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html>
pub(crate) fn simulated(address: &str) -> &'static [(&'static str, &'static str)] {
    let address = address.to_ascii_lowercase();
    let Some(name) = address.strip_suffix("@simulator.amazonses.com") else { return &[] };
    match name.split('+').next().unwrap_or_default() {
        "success" | "ooto" => &[("delivery", "")],
        "bounce" => &[("bounce", "smtp; 550 5.1.1 user unknown")],
        "suppressionlist" => &[("bounce", "suppressed")],
        "complaint" => &[("delivery", ""), ("complaint", "")],
        _ => &[],
    }
}

/// EventBridge's event for what SES says of a mail. `kind` is `bounce`, `complaint`, `delivery` or `delay`; `reason`
/// is what a bounce or delay is about, in a word: `full`, `auto` (an auto-responder), `suppressed`; anything else is a
/// refused address.
///
/// <https://docs.aws.amazon.com/ses/latest/dg/monitoring-eventbridge.html>
pub(crate) fn ses(mail: &SentMail, kind: &str, reason: &str, now: Timestamp) -> Option<Value> {
    let recipients = json!([{"emailAddress": mail.to, "diagnosticCode": reason}]);
    let (full, suppressed) = (reason.contains("full"), reason.contains("suppress"));
    let (detail_type, event_type, part, said) = match kind {
        "delivery" => ("Email Delivered", "Delivery", "delivery", json!({"recipients": [mail.to]})),
        "bounce" => {
            let (kind, sub) = match (full, suppressed) {
                (true, _) => ("Transient", "MailboxFull"),
                (_, true) => ("Permanent", "OnAccountSuppressionList"),
                // what an auto-responder sends back counts as one
                _ if reason.contains("auto") => ("Transient", "General"),
                _ => ("Permanent", "General"),
            };
            let said = json!({"bounceType": kind, "bounceSubType": sub, "bouncedRecipients": recipients});
            ("Email Bounced", "Bounce", "bounce", said)
        }
        "complaint" => {
            let said = json!({"complainedRecipients": recipients});
            ("Email Complaint Received", "Complaint", "complaint", said)
        }
        "delay" => {
            let delay = if full { "MailboxFull" } else { "TransientCommunicationFailure" };
            let said = json!({"delayType": delay, "delayedRecipients": recipients});
            ("Email Delivery Delayed", "DeliveryDelay", "deliveryDelay", said)
        }
        _ => return None,
    };
    let mut tags: Map<String, Value> = Map::new();
    for tag in mail.tags.as_array().into_iter().flatten() {
        let text = |name: &str| tag.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        tags.insert(text("Name"), json!([text("Value")]));
    }
    if let Some(set) = &mail.configuration_set {
        tags.insert("ses:configuration-set".to_owned(), json!([set]));
    }
    let mut detail = json!({
        "eventType": event_type,
        "mail": {"timestamp": mail.at, "messageId": mail.id, "destination": [mail.to], "tags": tags},
    });
    detail[part] = said;
    Some(of_bus("aws.ses", detail_type, detail, now))
}
