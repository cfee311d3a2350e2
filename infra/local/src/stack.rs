use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use dynoxide::Database;
use model::Clock as _;
use runtime::metrics::{Metric, Metrics};
use runtime::{Environment, Variables};
use serde_json::Value;
use tokio::net::TcpListener;
use uuid::Uuid;
use web::Route;

use crate::cors::Cors;
use crate::functions::{FUNCTIONS, Started, elsewhere};
use crate::gateway::{Call, Reply, Router};
use crate::pump::Pump;
use crate::queues::{Patience, Queues};
use crate::table::Table;
use crate::template::{Function, Pipe, QueueMapping, Rule};
use crate::{BoxError, LocalClock, Mailbox, SentMail, Template, event, pattern};

/// Bytes of the request line and the headers that API Gateway takes.
const LARGEST_HEAD: usize = 10_240;
/// So often a message that fails is tried while the stack settles: it stays in its queue after that, as it would stay for a day.
const TRIES: u32 = 12;

/// How a stack is started.
pub struct Options {
    /// The text of `template.yaml`.
    pub template: String,
    /// Parameters of the template that differ from its defaults.
    pub parameters: BTreeMap<&'static str, String>,
    /// Settings that differ from what the template gives the functions.
    pub settings: BTreeMap<&'static str, String>,
    /// The clock.
    pub clock: LocalClock,
    /// Where the table is kept; in memory alone without.
    pub data: Option<PathBuf>,
    /// The port of the table's API on 127.0.0.1; any free one for 0.
    pub table_port: u16,
    /// The port of the mailbox; any free one for 0.
    pub mail_port: u16,
    /// The HTTP client of a function's SDK, by the function's name, where it shall be another than the usual one.
    pub http_client: Option<HttpClientOf>,
    /// Where the functions run, behind Lambda's Invoke API; in this process without.
    pub functions_url: Option<String>,
    /// Hears what happens.
    pub observer: Option<Observer>,
}

/// Makes the HTTP client of a function's SDK, by the function's name.
pub type HttpClientOf = Arc<dyn Fn(&str) -> SharedHttpClient + Send + Sync>;

/// Something that a developer wants to see.
#[derive(Debug)]
pub enum Activity {
    /// A request was answered.
    Answered {
        /// The method.
        method: String,
        /// The path.
        path: String,
        /// The status.
        status: u16,
        /// The problem's code.
        code: Option<String>,
        /// The function.
        function: String,
        /// How long it took.
        took: Duration,
    },
    /// Messages of a queue were handled.
    Handled {
        /// The function.
        function: String,
        /// How many.
        messages: usize,
        /// How many of them failed.
        failed: usize,
        /// How long it took.
        took: Duration,
    },
    /// A mail was sent.
    Mailed {
        /// To whom.
        to: String,
        /// The subject.
        subject: String,
    },
    /// An event came over a bus.
    Published {
        /// What it tells of: the type in its detail, or its detail type.
        kind: String,
        /// The queues that it was put into.
        queues: Vec<String>,
    },
    /// A message or a record was given up.
    DeadLetter {
        /// The queue that it lies in.
        queue: String,
    },
}

/// The running stack.
pub struct Stack {
    pub(crate) table: Table,
    pub(crate) mailbox: Mailbox,
    pub(crate) clock: LocalClock,
    blueprint: Arc<Blueprint>,
    functions: BTreeMap<String, Started>,
    /// One at a time reads the stream, and has what comes of it handled.
    pump: tokio::sync::Mutex<Pump>,
    queues: Queues,
    /// What all functions together counted.
    metrics: Metrics,
    observer: Option<Observer>,
    /// Where the table's API answers.
    pub table_url: String,
    /// Where the mailbox answers.
    pub mail_url: String,
    /// They end with the stack.
    _servers: [Server; 2],
}

/// Hears what happens.
pub type Observer = Arc<dyn Fn(Activity) + Send + Sync>;

/// What a template comes to: read once, the same for every copy of a stack.
#[derive(Clone)]
struct Blueprint {
    functions: Vec<Function>,
    pipe: Pipe,
    rules: Vec<Rule>,
    router: Router,
    cors: Cors,
    settings: BTreeMap<&'static str, String>,
    functions_url: Option<String>,
}

/// The tables of the template and of this process have to name the same functions.
fn same_functions(template: &[Function]) -> Result<(), BoxError> {
    for (name, _) in FUNCTIONS {
        if !template.iter().any(|f| f.name == *name) {
            return Err(format!("the function {name} has no resource in template.yaml").into());
        }
    }
    match template.iter().find(|f| !FUNCTIONS.iter().any(|(name, _)| f.name == *name)) {
        Some(f) => {
            let words = format!(
                "template.yaml names the function {}, add it to infra/local/src/functions.rs",
                f.name
            );
            Err(words.into())
        }
        None => Ok(()),
    }
}

/// Every route of the template has to be one that its function serves, and the reverse.
fn same_routes(router: &Router) -> Result<(), BoxError> {
    let known = |method: &str, path: &str, function: &str| {
        Route::ALL.iter().any(|r| r.method() == method && r.path() == path && r.function() == function)
    };
    for (method, path, function) in router.routes() {
        if let Some(path) = path
            && !known(method, path, function)
        {
            let words = format!(
                "template.yaml: {method} {path} is no route of {function}, see shared/web/src/routes.rs"
            );
            return Err(words.into());
        }
    }
    for route in Route::ALL {
        let (method, path, function) = (route.method(), route.path(), route.function());
        if !router.routes().any(|there| there == (method, Some(path), function)) {
            return Err(format!("{method} {path} of {function} has no event in template.yaml").into());
        }
    }
    Ok(())
}

impl Blueprint {
    fn read(template: &Template, options: &Options) -> Result<Self, BoxError> {
        let functions = template.functions()?;
        same_functions(&functions)?;
        let router = Router::new(&functions)?;
        same_routes(&router)?;
        let (settings, functions_url) = (options.settings.clone(), options.functions_url.clone());
        let (pipe, rules, cors) = (template.pipe()?, template.rules()?, template.cors());
        Ok(Self { functions, pipe, rules, router, cors, settings, functions_url })
    }

    /// Starts a function on this table and mailbox.
    fn start(
        &self,
        function: &Function,
        clock: &LocalClock,
        (table_url, mail_url): (&str, &str),
        http_client: Option<&HttpClientOf>,
        metrics: &Metrics,
    ) -> Result<Started, BoxError> {
        let mut variables = function.environment.clone();
        variables.extend(
            [
                ("AWS_LAMBDA_FUNCTION_NAME", function.name.as_str()),
                ("AWS_REGION", "eu-central-1"),
                ("AWS_ACCESS_KEY_ID", "local"),
                ("AWS_SECRET_ACCESS_KEY", "local"),
                ("AWS_ENDPOINT_URL_DYNAMODB", table_url),
                ("AWS_ENDPOINT_URL_SESV2", mail_url),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        variables.extend(self.settings.iter().map(|(k, v)| ((*k).to_owned(), v.clone())));
        let environment = Environment::new(Variables::of(variables), Arc::new(clock.clone()));
        let mut environment = environment.with_metrics(metrics.clone());
        if let Some(client_of) = http_client {
            environment = environment.with_http_client(client_of(&function.name));
        }
        let (_, start) =
            FUNCTIONS.iter().find(|(name, _)| *name == function.name).ok_or("no such function")?;
        Ok(match &self.functions_url {
            Some(url) => elsewhere(url, &function.name),
            None => start(&environment)?,
        })
    }
}

impl Stack {
    /// Starts everything that a template describes.
    ///
    /// # Errors
    /// A template that can't be read, or doesn't fit the functions; a port that is taken.
    pub async fn start(options: Options) -> Result<Self, BoxError> {
        let template = Template::parse(&options.template, &options.parameters)?;
        let blueprint = Blueprint::read(&template, &options)?;
        let table = Table::open(&template, &options.clock, options.data.as_deref())?;
        let waiting = (Pump::new(blueprint.pipe.clone(), &table)?, Queues::new(template.queues()?));
        let mailbox = Mailbox::new(options.clock.clone());
        let ports = (options.table_port, options.mail_port);
        let (clock, http_client, observer) = (options.clock, options.http_client, options.observer);
        Self::assemble(Arc::new(blueprint), (table, mailbox, clock), waiting, ports, http_client, observer)
            .await
    }

    /// A stack of its own that goes on from where this one is: the same items, mails, messages and time, and from there on
    /// nothing in common.
    ///
    /// # Errors
    /// When the table can't be copied.
    pub async fn fork(
        &self,
        http_client: Option<HttpClientOf>,
        settings: BTreeMap<&'static str, String>,
    ) -> Result<Self, BoxError> {
        let clock = self.clock.fork();
        let (table, mailbox) = (self.table.fork(&clock)?, self.mailbox.fork(clock.clone()));
        let waiting = (self.pump.lock().await.clone(), self.queues.fork());
        let mut blueprint = (*self.blueprint).clone();
        blueprint.settings.extend(settings);
        Self::assemble(
            Arc::new(blueprint),
            (table, mailbox, clock),
            waiting,
            (0, 0),
            http_client,
            self.observer.clone(),
        )
        .await
    }

    async fn assemble(
        blueprint: Arc<Blueprint>,
        (table, mailbox, clock): (Table, Mailbox, LocalClock),
        (pump, queues): (Pump, Queues),
        (table_port, mail_port): (u16, u16),
        http_client: Option<HttpClientOf>,
        observer: Option<Observer>,
    ) -> Result<Self, BoxError> {
        let (table_url, table_server) = listen_table(table_port, table.database.clone()).await?;
        let (mail_url, mail_server) = listen_mail(mail_port, &mailbox).await?;
        let (mut functions, metrics) = (BTreeMap::new(), Metrics::default());
        for function in &blueprint.functions {
            let urls = (table_url.as_str(), mail_url.as_str());
            let started = blueprint.start(function, &clock, urls, http_client.as_ref(), &metrics)?;
            functions.insert(function.name.clone(), started);
        }
        Ok(Self {
            table,
            mailbox,
            clock,
            blueprint,
            functions,
            pump: tokio::sync::Mutex::new(pump),
            queues,
            metrics,
            observer,
            table_url,
            mail_url,
            _servers: [table_server, mail_server],
        })
    }

    fn notify(&self, activity: Activity) {
        if let Some(observer) = &self.observer {
            observer(activity);
        }
    }

    /// The clock.
    #[must_use]
    pub const fn clock(&self) -> &LocalClock {
        &self.clock
    }

    /// How often the functions counted this. What a deployment writes to its log is kept here.
    #[must_use]
    pub fn counted(&self, metric: Metric) -> u64 {
        self.metrics.of(metric)
    }

    /// The mailbox.
    #[must_use]
    pub const fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// Every item of the table.
    ///
    /// # Errors
    /// When the table can't be read.
    pub fn items(&self) -> Result<Vec<Value>, BoxError> {
        self.table.scan()
    }

    /// Changes an item behind everybody's back, as another version of the code might have written it.
    ///
    /// # Errors
    /// When the table refuses the `UpdateItem` request.
    pub fn update_item(&self, request: &Value) -> Result<(), BoxError> {
        self.table.update_item(request)
    }

    /// How often the table was changed without a call of DynamoDB's API: by TTL, or behind everybody's back.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.table.changes()
    }

    /// Puts an item there as it is, as another version of the code wrote it.
    ///
    /// # Errors
    /// When the table refuses it.
    pub fn put_item(&self, item: &Value) -> Result<(), BoxError> {
        self.table.put_item(item)
    }

    /// Puts copies of an item there, each with these values of some attributes, all at once: what a table is filled with. The
    /// stream tells nothing of them.
    ///
    /// # Errors
    /// When the table refuses one of them.
    pub fn put_copies(
        &self,
        item: &Value,
        differing: impl IntoIterator<Item = Value>,
    ) -> Result<(), BoxError> {
        self.table.put_copies(item, differing)
    }

    /// What was given up: the queue that it lies in, and the event or the record.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<(String, Value)> {
        self.queues.dead_letters()
    }

    /// Puts what was given up back into the queue that it came from, as SQS's redrive does. Answers how much.
    pub fn redrive(&self) -> usize {
        self.queues.redrive()
    }

    /// The last events that were published to the stack's bus, the newest last.
    #[must_use]
    pub fn published(&self) -> Vec<Value> {
        self.queues.published()
    }

    /// Sends a request through the gateway, which calls it by an id of its own: in the event that the function gets, and in
    /// the answer.
    ///
    /// # Errors
    /// When the function broke: API Gateway would answer 500.
    pub async fn call(&self, call: Call) -> Result<Reply, BoxError> {
        let request_id = Uuid::now_v7().to_string();
        let mut reply = self.answer(call, &request_id).await?;
        reply.headers.insert(Reply::REQUEST_ID.to_owned(), request_id);
        Ok(reply)
    }

    async fn answer(&self, call: Call, request_id: &str) -> Result<Reply, BoxError> {
        let started = Instant::now();
        if call.head_size() > LARGEST_HEAD {
            let mut reply = Reply::too_large_head();
            self.blueprint.cors.share(&call, &mut reply);
            return Ok(reply);
        }
        if let Some(reply) = self.blueprint.cors.preflight(&call) {
            return Ok(reply);
        }
        let found =
            self.blueprint.router.find(&call.method, &call.path).ok_or("no route, and no $default")?;
        let event = event::http(&call, &found.route_key, &found.parameters, request_id, self.clock.now());
        // Lambda has an id of its own for it
        let answer =
            self.invoke(found.function, serde_json::to_vec(&event)?, Uuid::now_v7().to_string()).await?;
        let mut reply = Reply::read(found.function, &answer)?;
        self.blueprint.cors.share(&call, &mut reply);
        if call.path.starts_with("/v1") || reply.status >= 400 {
            self.notify(Activity::Answered {
                code: reply.json().get("code").and_then(Value::as_str).map(str::to_owned),
                method: call.method,
                path: call.path,
                status: reply.status,
                function: reply.function.clone(),
                took: started.elapsed(),
            });
        }
        Ok(reply)
    }

    /// Whether there is such a function.
    #[must_use]
    pub fn has_function(&self, name: &str) -> bool {
        self.functions.contains_key(name)
    }

    /// Hands a function an event, as Lambda's Invoke API does.
    ///
    /// # Errors
    /// When there is no such function, or it broke.
    pub async fn invoke(
        &self,
        function: &str,
        event: Vec<u8>,
        request_id: String,
    ) -> Result<Vec<u8>, BoxError> {
        let started =
            self.functions.get(function).ok_or_else(|| format!("there is no function {function}"))?;
        started(event, request_id).await
    }

    /// Puts an event into the queue of every rule of the bus that fits; none is the account's default bus. Answers the queues.
    /// Where no function reads one, what lies there are dead letters.
    fn route(&self, bus: Option<&str>, event: &Value) -> Vec<String> {
        let fits = |rule: &&Rule| rule.bus.as_deref() == bus && pattern::matches(&rule.pattern, event);
        let rules = self.blueprint.rules.iter().filter(fits);
        let queues: Vec<String> = rules.flat_map(|rule| rule.queues.iter().cloned()).collect();
        let mappings = self.blueprint.functions.iter().flat_map(|function| &function.queues);
        for queue in &queues {
            if mappings.clone().any(|mapping| mapping.queue == *queue) {
                self.queues.put(queue, event);
            } else {
                self.queues.give_up(queue, event.clone());
                self.notify(Activity::DeadLetter { queue: queue.clone() });
            }
        }
        let kind = event.pointer("/detail/type").or_else(|| event.get("detail-type"));
        let kind = kind.and_then(Value::as_str).unwrap_or_default().to_owned();
        self.notify(Activity::Published { kind, queues: queues.clone() });
        queues
    }

    /// Puts an event on the default bus; what waits in the queues that it comes into is handled at once, and stays there where
    /// that fails. Answers their names.
    ///
    /// # Errors
    /// When there is no JSON for it.
    pub async fn publish(&self, event: &Value) -> Result<Vec<String>, BoxError> {
        let queues = self.route(None, event);
        for function in &self.blueprint.functions {
            for mapping in function.queues.iter().filter(|mapping| queues.contains(&mapping.queue)) {
                self.hand_over(function, mapping, Patience::Tries(u32::MAX)).await?;
            }
        }
        Ok(queues)
    }

    /// Says of the newest mail to an address what SES would: `bounce`, `complaint`, `delivery` or `delay`. Answers the
    /// event.
    ///
    /// # Errors
    /// When there is no such mail or kind of event.
    pub async fn feedback(&self, to: &str, kind: &str, reason: &str) -> Result<Value, BoxError> {
        let mail = self.mailbox.to(Some(to)).pop().ok_or_else(|| format!("there is no mail to {to}"))?;
        let event = event::ses(&mail, kind, reason, self.clock.now())
            .ok_or_else(|| format!("{kind} is none of bounce, complaint, delivery, delay"))?;
        self.publish(&event).await?;
        Ok(event)
    }

    /// What SES says by itself of a mail to its mailbox simulator.
    fn simulate(&self, mail: &SentMail) {
        for (kind, reason) in event::simulated(&mail.to) {
            if let Some(event) = event::ses(mail, kind, reason, self.clock.now()) {
                self.route(None, &event);
            }
        }
    }

    /// Moves everything one step: a batch of the stream over the bus, and one of each queue to its function. Answers whether
    /// there was anything. Where `patient`, what failed waits for its turn.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn pump(&self, patient: bool) -> Result<bool, BoxError> {
        self.step(if patient { Patience::Waits } else { Patience::Tries(u32::MAX) }).await
    }

    async fn step(&self, patience: Patience) -> Result<bool, BoxError> {
        let mut pump = self.pump.lock().await;
        let mut moved = self.carry(&mut pump, patience).await?;
        for function in &self.blueprint.functions {
            for mapping in &function.queues {
                moved |= self.hand_over(function, mapping, patience).await?;
            }
        }
        Ok(moved)
    }

    /// Has the pipe carry a batch of what is new in the stream to its bus.
    async fn carry(&self, pump: &mut Pump, patience: Patience) -> Result<bool, BoxError> {
        pump.read(&self.table)?;
        let Some(records) = pump.batch(&self.table.stream_arn, patience) else { return Ok(false) };
        let event = serde_json::to_vec(&records.event)?;
        let answer = self.invoke(&pump.pipe.enrichment, event, Uuid::now_v7().to_string()).await;
        match answer.and_then(|answer| Ok(serde_json::from_slice::<Vec<Value>>(&answer)?)) {
            Ok(details) => {
                pump.done(records.size);
                let Pipe { bus, source, detail_type, .. } = &pump.pipe;
                for detail in details {
                    let event = event::of_bus(source, detail_type, detail, self.clock.now());
                    self.queues.note_published(&event);
                    self.route(Some(bus), &event);
                }
            }
            Err(_) => {
                if let Some(record) = pump.failed(records.size) {
                    let queue = pump.pipe.dead_letters.clone().unwrap_or_else(|| "nowhere".to_owned());
                    self.queues.give_up(&queue, record);
                    self.notify(Activity::DeadLetter { queue });
                }
            }
        }
        Ok(true)
    }

    /// Hands a function what is ready in one of its queues. Answers whether there was anything.
    async fn hand_over(
        &self,
        function: &Function,
        mapping: &QueueMapping,
        patience: Patience,
    ) -> Result<bool, BoxError> {
        let Some(batch) = self.queues.take(&mapping.queue, mapping.batch_size, patience) else {
            return Ok(false);
        };
        let (started, mails, messages) = (Instant::now(), self.mailbox.to(None).len(), batch.size());
        let event = serde_json::to_vec(&batch.event())?;
        let answer = self.invoke(&function.name, event, Uuid::now_v7().to_string()).await;
        let (failed, dead) = batch.done(answer, mapping.reports_failures);
        let took = started.elapsed();
        self.notify(Activity::Handled { function: function.name.clone(), messages, failed, took });
        for mail in self.mailbox.to(None).into_iter().skip(mails) {
            self.simulate(&mail);
            self.notify(Activity::Mailed { to: mail.to, subject: mail.subject });
        }
        for queue in dead {
            self.notify(Activity::DeadLetter { queue });
        }
        Ok(true)
    }

    /// Moves everything until nothing is left but what goes on failing, without waiting between tries.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn settle(&self) -> Result<(), BoxError> {
        self.queues.begin();
        self.pump.lock().await.begin();
        while self.step(Patience::Tries(TRIES)).await? {}
        Ok(())
    }

    /// The same, as if what waits had been tried for all the time that it may be: what fails once more is given up.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn exhaust(&self) -> Result<(), BoxError> {
        self.queues.exhaust();
        self.pump.lock().await.age(true);
        let settled = self.settle().await;
        self.pump.lock().await.age(false);
        settled
    }

    /// Removes what its TTL has passed, and lets everything that follows happen.
    ///
    /// # Errors
    /// When the table can't be read.
    pub async fn sweep(&self) -> Result<usize, BoxError> {
        let swept = self.table.sweep()?;
        self.settle().await?;
        Ok(swept)
    }

    /// Writes the table's file, if it is kept in one.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn save(&self) -> Result<(), BoxError> {
        self.table.save()
    }
}

/// A port of this machine; `flag` is what chooses another one.
pub(crate) async fn bind(port: u16, flag: &str) -> Result<(TcpListener, String), BoxError> {
    let listener = TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(|e| format!("port {port} on 127.0.0.1 can't be had ({e}), choose another with {flag}"))?;
    let url = format!("http://{}", listener.local_addr()?);
    Ok((listener, url))
}

/// What answers on a port, until it is dropped.
struct Server(tokio::task::JoinHandle<()>);

impl Server {
    fn run<O>(serving: impl Future<Output = O> + Send + 'static) -> Self {
        Self(tokio::spawn(async {
            serving.await;
        }))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn listen_table(port: u16, database: Database) -> Result<(String, Server), BoxError> {
    let (listener, url) = bind(port, "--table-port").await?;
    Ok((url, Server::run(dynoxide::server::serve_on(listener, database))))
}

async fn listen_mail(port: u16, mailbox: &Mailbox) -> Result<(String, Server), BoxError> {
    let (listener, url) = bind(port, "--mail-port").await?;
    let router = mailbox.router();
    Ok((url, Server::run(async move { axum::serve(listener, router).await })))
}
