use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt as _;
use local::HttpClientOf;
use serde_json::{Value, json};

use crate::mutant::{self, Mutant};
use crate::schedule;
use crate::second::Second;

/// How a call to DynamoDB goes wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It never arrives.
    Unreachable,
    /// It is done, and the answer is lost.
    LostAnswer,
    /// The table has too much to do.
    Throttled,
    /// It breaks inside.
    ServerError,
    /// The transaction is cancelled with these reasons, nothing is written.
    Cancelled(&'static [&'static str]),
    /// The batch read answers that it got to none of its keys.
    Unprocessed,
    /// The transaction meets another one: cancelled, nothing is written.
    Conflict,
    /// It is done, and the process that asked is gone.
    Crash,
}

impl Fault {
    /// Where each of these calls may go wrong, and how: a crash after it, its answer lost, and a conflict where it is a transaction.
    pub fn at_each(calls: &[SdkCall]) -> impl Iterator<Item = (usize, Self)> {
        calls.iter().enumerate().flat_map(|(nth, call)| {
            let conflict = (call.operation == "TransactWriteItems").then_some(Self::Conflict);
            [Self::Crash, Self::LostAnswer].into_iter().chain(conflict).map(move |fault| (nth, fault))
        })
    }
}

struct Rule {
    racer: Option<usize>,
    function: &'static str,
    operation: &'static str,
    skip: usize,
    times: usize,
    fault: Fault,
}

/// One call of an SDK: to DynamoDB, or to SES.
#[derive(Clone, Debug)]
pub struct SdkCall {
    /// By which function.
    pub function: String,
    /// `BatchGetItem`, `TransactWriteItems` …; of SES those that [`SdkCall::is_of_ses`] knows.
    pub operation: String,
    /// The request's body.
    pub body: String,
    /// Which of several operations at once, where there are several.
    pub racer: Option<usize>,
    /// Whether it was done.
    pub done: bool,
    /// What it cost, where the wire meters.
    pub units: Units,
}

/// What a call costs, as the table says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Units {
    /// For items.
    pub table: f64,
    /// For entries of the index.
    pub index: f64,
}

impl Units {
    /// From what the answer says of it: one table's, or a list of them.
    fn of(answer: &Value) -> Self {
        let consumed = &answer["ConsumedCapacity"];
        let tables = match consumed {
            Value::Array(tables) => tables.as_slice(),
            Value::Object(_) => std::slice::from_ref(consumed),
            _ => &[],
        };
        let units = |of: &Value| of["CapacityUnits"].as_f64().unwrap_or_default();
        tables.iter().fold(Self::default(), |sum, table| {
            let indexes = table["GlobalSecondaryIndexes"].as_object();
            Self {
                table: sum.table + units(&table["Table"]),
                index: sum.index + indexes.into_iter().flat_map(|all| all.values()).map(units).sum::<f64>(),
            }
        })
    }
}

impl SdkCall {
    /// What stands among the calls where time passed.
    pub const TIME: &str = "time";

    /// Whether this went to SES.
    #[must_use]
    pub fn is_of_ses(&self) -> bool {
        is_of_ses(&self.operation)
    }
}

/// What SES is asked, by the path of its API.
const SES: [(&str, &str); 4] = [
    ("/v2/email/outbound-emails", "SendEmail"),
    ("/v2/email/account", "GetAccount"),
    ("/v2/email/identities/", "GetEmailIdentity"),
    ("/v2/email/suppression/addresses/", "GetSuppressedDestination"),
];

fn is_of_ses(operation: &str) -> bool {
    SES.iter().any(|(_, known)| *known == operation)
}

/// The way from the functions' SDK clients to the table and the mailbox.
#[derive(Clone)]
pub struct Wire {
    state: Arc<Mutex<State>>,
    /// The one client that really sends.
    inner: SharedHttpClient,
}

impl Default for Wire {
    fn default() -> Self {
        let mutant = std::env::var(Mutant::VARIABLE).ok().map(|written| Mutant::read(&written).unwrap());
        let state = Arc::new(Mutex::new(State { mutant, ..State::default() }));
        Self { state, inner: runtime::aws::https_client() }
    }
}

fn may_write(operation: &str) -> bool {
    !matches!(operation, "GetItem" | "BatchGetItem" | "Query" | "Scan") && !is_of_ses(operation)
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    sent: Vec<SdkCall>,
    /// How many writes were sent, and how many were answered.
    writes: usize,
    /// What is missing from the writes.
    mutant: Option<Mutant>,
    /// The other engine, where there is one.
    second: Option<Arc<Second>>,
    /// Whether each call asks what it costs.
    meters: bool,
    /// Whose index answers, where it lags.
    lagging: Option<Arc<local::Stack>>,
}

impl Wire {
    /// Asks the table what each call costs, from now on.
    pub fn meter(&self) {
        self.state.lock().unwrap().meters = true;
    }

    /// Whether a call asks what it costs.
    fn meters(&self, operation: &str) -> bool {
        self.state.lock().unwrap().meters && !is_of_ses(operation)
    }

    /// Notes what a call cost.
    fn note_units(&self, at: usize, answer: &[u8]) {
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        if let Some(call) = self.state.lock().unwrap().sent.get_mut(at) {
            call.units = Units::of(&answer);
        }
    }

    /// Makes the next `times` calls of `operation` by `function` go wrong.
    pub fn fail(&self, function: &'static str, operation: &'static str, times: usize, fault: Fault) {
        self.fail_later(function, operation, 0, times, fault);
    }

    /// The same, after `skip` calls that go well.
    pub fn fail_later(
        &self,
        function: &'static str,
        operation: &'static str,
        skip: usize,
        times: usize,
        fault: Fault,
    ) {
        let rule = Rule { racer: None, function, operation, skip, times, fault };
        self.state.lock().unwrap().rules.push(rule);
    }

    /// Makes one call to the table go wrong, whoever's it is, after `skip` that go well; instead of one that hasn't come yet,
    /// since a few at once are more than a bad moment.
    pub fn fail_any(&self, skip: usize, fault: Fault) {
        let rule = Rule { racer: None, function: "", operation: "", skip, times: 1, fault };
        let mut state = self.state.lock().unwrap();
        state.rules.retain(|rule| rule.racer.is_some() || !rule.function.is_empty());
        state.rules.push(rule);
    }

    /// Makes one call of one of several operations go wrong, its `nth`.
    pub fn fail_racer(&self, racer: usize, nth: usize, fault: Fault) {
        let rule = Rule { racer: Some(racer), function: "", operation: "", skip: nth, times: 1, fault };
        self.state.lock().unwrap().rules.push(rule);
    }

    /// Holds the stack's table to another engine, where there is one.
    pub(crate) fn hold_to_second_engine(&self, stack: &Arc<local::Stack>) {
        self.state.lock().unwrap().second = Second::of(stack);
    }

    /// Has the index answer from now on as it was in an earlier copy of the world: it lags. With none it has caught up.
    pub fn lag_index(&self, behind: Option<&crate::World>) {
        self.state.lock().unwrap().lagging = behind.map(crate::World::shared_stack);
    }

    /// Where the table is that answers this call, if it is another one.
    fn lagging(&self, operation: &str, body: &[u8]) -> Option<String> {
        let state = self.state.lock().unwrap();
        let stack = state.lagging.as_ref().filter(|_| operation == "Query")?;
        let asked: Value = serde_json::from_slice(body).unwrap();
        asked.get("IndexName").map(|_| stack.table_url.clone())
    }

    /// The other engine, for a call to DynamoDB.
    fn second(&self, operation: &str) -> Option<Arc<Second>> {
        self.state.lock().unwrap().second.clone().filter(|_| !is_of_ses(operation))
    }

    /// Leaves this out of the writes from now on.
    pub fn mutate(&self, mutant: &Mutant) {
        self.state.lock().unwrap().mutant = Some(mutant.clone());
    }

    /// The request with what is missing left out, if anything is.
    fn without(&self, function: &str, operation: &str, body: &[u8]) -> Option<Value> {
        self.state.lock().unwrap().mutant.as_ref()?.apply(function, operation, body)
    }

    /// Whether anything was ever made to go wrong here.
    #[must_use]
    pub fn has_faults(&self) -> bool {
        !self.state.lock().unwrap().rules.is_empty()
    }

    /// A number that is another one whenever the table may hold something else.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.state.lock().unwrap().writes
    }

    /// What was sent since the last time that this was asked.
    pub fn take_sent(&self) -> Vec<SdkCall> {
        std::mem::take(&mut self.state.lock().unwrap().sent)
    }

    /// Notes a call; where it stands among those that were sent, and how it shall go wrong.
    fn note(&self, function: &str, operation: &str, body: &[u8]) -> (usize, Option<Fault>) {
        let mut state = self.state.lock().unwrap();
        let (racer, at) = (schedule::racer(), state.sent.len());
        state.writes += usize::from(may_write(operation));
        state.sent.push(SdkCall {
            function: function.to_owned(),
            operation: operation.to_owned(),
            body: String::from_utf8_lossy(body).into_owned(),
            racer,
            done: false,
            units: Units::default(),
        });
        let fits = |r: &&mut Rule| {
            let any = r.function.is_empty() && !is_of_ses(operation);
            let named = any || (r.function == function && r.operation == operation);
            r.times > 0 && if r.racer.is_some() { r.racer == racer } else { named }
        };
        let Some(rule) = state.rules.iter_mut().find(fits) else { return (at, None) };
        if rule.skip > 0 {
            rule.skip -= 1;
            return (at, None);
        }
        rule.times -= 1;
        (at, Some(rule.fault.clone()))
    }

    /// Notes among the calls that time passed.
    pub(crate) fn note_time(&self) {
        let call = SdkCall {
            function: "nobody".to_owned(),
            operation: SdkCall::TIME.to_owned(),
            body: String::new(),
            racer: schedule::racer(),
            done: true,
            units: Units::default(),
        };
        self.state.lock().unwrap().sent.push(call);
    }

    /// Notes that the call was done.
    fn note_done(&self, at: usize, operation: &str, answer: &Result<HttpResponse, ConnectorError>) {
        let done = answer.as_ref().is_ok_and(|response| response.status().is_success());
        let mut state = self.state.lock().unwrap();
        if let Some(call) = state.sent.get_mut(at) {
            call.done = done;
        }
        state.writes += usize::from(may_write(operation));
    }

    /// What makes the HTTP clients of the functions' SDKs.
    #[must_use]
    pub fn clients(&self) -> HttpClientOf {
        let wire = self.clone();
        Arc::new(move |function| wire.client(function))
    }

    /// The HTTP client of a function's SDK.
    fn client(&self, function: &str) -> SharedHttpClient {
        SharedHttpClient::new(Client { function: function.to_owned(), wire: self.clone() })
    }
}

#[derive(Clone)]
struct Client {
    function: String,
    wire: Wire,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the wire of {}", self.function)
    }
}

impl HttpClient for Client {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let connector = self.wire.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { client: self.clone(), connector })
    }
}

#[derive(Debug)]
struct Connector {
    client: Client,
    connector: SharedHttpConnector,
}

impl HttpConnector for Connector {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let target = request
            .headers()
            .get("x-amz-target")
            .and_then(|t| t.split_once('.'))
            .map(|(_, op)| op.to_owned());
        let of_ses = || SES.iter().find(|(path, _)| request.uri().contains(*path));
        let operation = target.or_else(|| of_ses().map(|(_, name)| (*name).to_owned()));
        let operation = operation.expect("a call of DynamoDB, or one of SES that is known");
        let body = request.body().bytes().unwrap_or_default().to_vec();
        let (client, connector) = (self.client.clone(), self.connector.clone());
        HttpConnectorFuture::new(async move {
            schedule::wait_for_turn().await;
            let (wire, function) = (&client.wire, &client.function);
            let (at, fault) = wire.note(function, &operation, &body);
            let mutated = wire.without(function, &operation, &body);
            let is_left = mutated.as_ref().is_none_or(|mutated| !mutant::is_empty(mutated));
            let meters = wire.meters(&operation);
            let other = if meters {
                let mut metered = mutated.unwrap_or_else(|| serde_json::from_slice(&body).unwrap());
                metered["ReturnConsumedCapacity"] = "INDEXES".into();
                Some(metered)
            } else {
                mutated
            };
            if let Some(other) = other {
                let other = other.to_string();
                request.headers_mut().insert("content-length", other.len().to_string());
                *request.body_mut() = SdkBody::from(other);
            }
            let lagging = wire.lagging(&operation, &body);
            if let Some(url) = &lagging {
                request.set_uri(url.as_str()).unwrap();
            }
            let send = async || {
                if !is_left {
                    return Ok(response(200, &mutant::nothing()));
                }
                let second = wire.second(&operation).filter(|_| lagging.is_none());
                let turn = match &second {
                    Some(second) => Some(second.turn().await),
                    None => None,
                };
                let mut answer = connector.call(request).await;
                wire.note_done(at, &operation, &answer);
                if meters && let Ok(given) = &mut answer {
                    wire.note_units(at, &read(given).await);
                }
                if let (Ok(given), Some(second), Some(table)) = (&mut answer, &second, &turn) {
                    let bytes = read(given).await;
                    second.hold(table, &operation, &body, given.status().as_u16(), &bytes).await;
                }
                answer
            };
            match fault {
                None => send().await,
                Some(Fault::Crash) => {
                    let _ = send().await;
                    schedule::crash().await;
                    Err(ConnectorError::io("nobody is there".into()))
                }
                Some(Fault::Conflict) if operation == "TransactWriteItems" => {
                    let asked: Value = serde_json::from_slice(&body).unwrap();
                    let actions = asked["TransactItems"].as_array().map_or(0, Vec::len);
                    let reasons: Vec<Value> = (0..actions)
                        .map(|nth| json!({"Code": if nth == 0 { "TransactionConflict" } else { "None" }}))
                        .collect();
                    Ok(refused(400, "TransactionCanceledException", reasons.into()))
                }
                Some(Fault::Conflict) if operation.starts_with("Batch") || operation == "Query" => {
                    send().await
                }
                Some(Fault::Conflict) => Ok(refused(400, "TransactionConflictException", Value::Null)),
                Some(Fault::Unreachable) => Err(ConnectorError::io("connection refused".into())),
                Some(Fault::LostAnswer) => {
                    send().await?;
                    Err(ConnectorError::io("connection reset".into()))
                }
                Some(Fault::Throttled) => {
                    Ok(refused(400, "ProvisionedThroughputExceededException", Value::Null))
                }
                Some(Fault::ServerError) => Ok(refused(500, "InternalServerError", Value::Null)),
                Some(Fault::Cancelled(codes)) => {
                    let reasons: Vec<Value> = codes.iter().map(|code| json!({ "Code": code })).collect();
                    Ok(refused(400, "TransactionCanceledException", reasons.into()))
                }
                Some(Fault::Unprocessed) => {
                    let asked: Value = serde_json::from_slice(&body).unwrap();
                    let answer = json!({"Responses": {}, "UnprocessedKeys": asked["RequestItems"]});
                    Ok(response(200, &answer))
                }
            }
        })
    }
}

/// What an answer says, which whoever asked can still read.
async fn read(answer: &mut HttpResponse) -> Vec<u8> {
    let taken = std::mem::replace(answer.body_mut(), SdkBody::taken());
    let bytes = taken.collect().await.unwrap().to_bytes().to_vec();
    *answer.body_mut() = SdkBody::from(bytes.clone());
    bytes
}

fn refused(status: u16, code: &str, reasons: Value) -> HttpResponse {
    let kind = format!("com.amazonaws.dynamodb.v20120810#{code}");
    response(status, &json!({"__type": kind, "message": "made up by a test", "CancellationReasons": reasons}))
}

fn response(status: u16, body: &Value) -> HttpResponse {
    let mut response =
        HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body.to_string()));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    response
}
