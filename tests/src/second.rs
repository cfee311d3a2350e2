//! A second engine behind the store: each call that the embedded table does is done by another DynamoDB too, and both have
//! to answer the same. `PROOF_SECOND_ENGINE` is where that one answers; `infra/second-engine` starts one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use local::Stack;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, MutexGuard};

/// The variable that says where the other engine answers.
const VARIABLE: &str = "PROOF_SECOND_ENGINE";

/// A table of its own in the other engine, for one stack.
pub(crate) struct Second {
    address: String,
    stack: Weak<Stack>,
    turn: Mutex<Table>,
}

/// The table, and up to which change that nobody called for it is the same as the embedded one.
#[derive(Default)]
pub(crate) struct Table {
    name: String,
    changes: Option<usize>,
}

/// A table's name that nobody has.
fn fresh() -> String {
    static TABLES: AtomicUsize = AtomicUsize::new(0);
    format!("Stories-{}-{}", std::process::id(), TABLES.fetch_add(1, Ordering::SeqCst))
}

/// A call with another table in it.
fn elsewhere(body: &mut Value, table: &str) {
    match body {
        Value::Object(fields) => {
            if let Some(name) = fields.get_mut("TableName") {
                *name = table.into();
            }
            if let Some(Value::Object(tables)) = fields.get_mut("RequestItems") {
                let asked = std::mem::take(tables);
                tables.extend(asked.into_iter().map(|(_, keys)| (table.to_owned(), keys)));
            }
            fields.values_mut().for_each(|value| elsewhere(value, table));
        }
        Value::Array(all) => all.iter_mut().for_each(|value| elsewhere(value, table)),
        _ => {}
    }
}

/// What two engines have to agree on: the items that were found, the order of a query, which conditions failed. Not the
/// words of an error, nor what it cost.
fn essence(operation: &str, status: u16, answer: &Value) -> Value {
    if status >= 400 {
        let code = answer["__type"].as_str().unwrap_or_default().rsplit('#').next().unwrap_or_default();
        let reasons = answer["CancellationReasons"].as_array().into_iter().flatten();
        return json!({ "code": code, "reasons": reasons.map(|r| &r["Code"]).collect::<Vec<_>>() });
    }
    match operation {
        "BatchGetItem" => {
            let tables = answer["Responses"].as_object().into_iter().flatten();
            let mut found: Vec<String> =
                tables.flat_map(|(_, items)| items.as_array().unwrap()).map(Value::to_string).collect();
            found.sort();
            json!(found)
        }
        "Query" => json!([answer["Items"], answer.get("LastEvaluatedKey")]),
        _ => Value::Null,
    }
}

impl Second {
    /// The other engine's table for this stack, where there is another engine.
    pub(crate) fn of(stack: &Arc<Stack>) -> Option<Arc<Self>> {
        let url = std::env::var(VARIABLE).ok()?;
        let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        Some(Arc::new(Self { address, stack: Arc::downgrade(stack), turn: Mutex::default() }))
    }

    /// Waits until nobody else is between the two engines, and brings the other one up to what the embedded one has by
    /// TTL, or because a story put it there.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, Table> {
        let mut table = self.turn.lock().await;
        if let Some(stack) = self.stack.upgrade()
            && table.changes != Some(stack.changes())
        {
            table.changes = Some(stack.changes());
            table.name = fresh();
            self.fill(&table.name, stack.items().unwrap()).await;
        }
        table
    }

    /// Does what the embedded table has done.
    ///
    /// # Panics
    /// Where the two don't answer the same.
    pub(crate) async fn hold(&self, table: &Table, operation: &str, body: &[u8], status: u16, answer: &[u8]) {
        let mut asked: Value = serde_json::from_slice(body).unwrap();
        elsewhere(&mut asked, &table.name);
        let (other_status, other) = self.ask(operation, &asked).await;
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        let (one, other_one) =
            (essence(operation, status, &answer), essence(operation, other_status, &other));
        assert!(
            one == other_one,
            "two engines differ at {operation} {asked}\nthe embedded one: {status} {one}\nthe other: {other_status} {other_one}"
        );
    }

    /// Makes the table with these items in it.
    async fn fill(&self, table: &str, items: Vec<Value>) {
        let string = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
        let schema = |hash: &str, range: &str| {
            json!([
                {"AttributeName": hash, "KeyType": "HASH"},
                {"AttributeName": range, "KeyType": "RANGE"},
            ])
        };
        let attributes = ["pk", "sk", "gsi1pk", "gsi1sk"].map(string);
        let create = json!({
            "TableName": table,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": attributes,
            "KeySchema": schema("pk", "sk"),
            "GlobalSecondaryIndexes": [{
                "IndexName": "gsi1",
                "KeySchema": schema("gsi1pk", "gsi1sk"),
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }],
        });
        let (status, answer) = self.ask("CreateTable", &create).await;
        assert_eq!(status, 200, "{answer}");
        for some in items.chunks(25) {
            let puts: Vec<Value> = some.iter().map(|item| json!({"PutRequest": {"Item": item}})).collect();
            let (status, answer) =
                self.ask("BatchWriteItem", &json!({ "RequestItems": { table: puts } })).await;
            assert_eq!(status, 200, "{answer}");
        }
    }

    async fn ask(&self, operation: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let mut connection = TcpStream::connect(&self.address).await.unwrap();
        let head = format!(
            "POST / HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-amz-json-1.0\r\n\
             x-amz-target: DynamoDB_20120810.{operation}\r\nauthorization: AWS4-HMAC-SHA256 \
             Credential=test/20260101/eu-central-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0\r\n\
             connection: close\r\ncontent-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(body.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await.unwrap();
        let text = String::from_utf8_lossy(&answer);
        let (head, body) = text.split_once("\r\n\r\n").expect("an HTTP answer");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        // whatever the transfer's encoding, the document is one JSON object
        let document =
            body.find('{').zip(body.rfind('}')).and_then(|(from, to)| body.get(from..=to)).unwrap_or("{}");
        (status, serde_json::from_str(document).unwrap_or_else(|e| panic!("{e}: {body}")))
    }
}
