//! `cargo run -p local`: the whole stack on this machine.
#![expect(clippy::print_stderr, reason = "the terminal is what this program is for")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use local::{Activity, BoxError, Demo, LocalClock, Options, Partner, Served, Stack};
use runtime::Variables;

/// Runs the whole stack in one process: gateway and pages, table, mailbox.
#[derive(Parser)]
struct Arguments {
    /// Port of the gateway and the pages.
    #[arg(long, default_value_t = 3000, value_parser = port)]
    port: u16,
    /// Port of the table's DynamoDB API.
    #[arg(long, default_value_t = 8000, value_parser = port)]
    table_port: u16,
    /// Port of the mailbox: SES v2's API, and a page to read mail on.
    #[arg(long, default_value_t = 8025, value_parser = port)]
    mail_port: u16,
    /// Keeps the table in this SQLite file, written before each change is answered; in memory alone without.
    #[arg(long, value_name = "FILE", value_parser = writable)]
    data: Option<PathBuf>,
    /// Sends everything to functions that run elsewhere, behind Lambda's Invoke API: `cargo lambda watch` is at
    /// http://127.0.0.1:9000.
    #[arg(long, value_name = "URL", value_parser = origin)]
    functions: Option<String>,
    /// Where somebody goes who has joined a team, shown on the accept page.
    #[arg(long, value_name = "URL", value_parser = page, conflicts_with = "functions")]
    app_url: Option<String>,
    /// Lets pages of this origin call the API from a browser, a development server's say: http://localhost:5173. May be
    /// given several times.
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    allow_origin: Vec<String>,
    /// Starts without the demo tenant.
    #[arg(long)]
    empty: bool,
    /// The template to build everything from.
    #[arg(long, value_name = "FILE", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../template.yaml"))]
    template: PathBuf,
}

fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| "a port is a number from 1 to 65535, or 0 for any that is free".to_owned())
}

/// A page that may be linked to.
fn page(text: &str) -> Result<String, String> {
    let variables = Variables::of(BTreeMap::from([(String::new(), text.to_owned())]));
    match variables.https("") {
        Ok(Some(url)) => Ok(url),
        _ => Err("it begins with https://, or with http:// where it is on this machine".to_owned()),
    }
}

/// An origin: scheme, host and port.
fn origin(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('/');
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    match rest {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', ' ', ',']) => Ok(text.to_owned()),
        _ => Err("it is a scheme, a host and a port, like http://127.0.0.1:9000".to_owned()),
    }
}

/// A file that is there, or can be made where it is to be.
fn writable(text: &str) -> Result<PathBuf, String> {
    let file = PathBuf::from(text);
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if file.is_dir() {
        Err("it is a folder, name a file".to_owned())
    } else if folder.is_some_and(|folder| !folder.is_dir()) {
        Err("the folder that it is to be in is not there".to_owned())
    } else {
        Ok(file)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("local: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), BoxError> {
    // The functions' own lines are JSON for CloudWatch; here the gateway tells of requests, so only trouble is shown.
    tracing_subscriber::fmt()
        .compact()
        .without_time()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .init();
    let served = Served::bind(arguments.port).await?;
    let origin = served.url()?;
    let template = std::fs::read_to_string(&arguments.template)
        .map_err(|e| format!("--template {}: {e}", arguments.template.display()))?;
    let known = arguments.data.as_ref().is_some_and(|file| file.exists());
    let mut parameters = BTreeMap::from([
        ("ConsoleOrigin", origin.clone()),
        ("MailFrom", "Muster <no-reply@muster.example>".to_owned()),
        ("OpenSignUp", "true".to_owned()),
        // the mailbox takes as many as there are
        ("MailsPerSecond", "1000000".to_owned()),
    ]);
    parameters.extend(arguments.app_url.map(|url| ("AppUrl", url)));
    if !arguments.allow_origin.is_empty() {
        parameters.insert("AllowedOrigins", arguments.allow_origin.join(","));
    }
    let stack = Stack::start(Options {
        template,
        parameters,
        settings: BTreeMap::new(),
        clock: LocalClock::running(),
        data: arguments.data,
        table_port: arguments.table_port,
        mail_port: arguments.mail_port,
        http_client: None,
        functions_url: arguments.functions,
        observer: Some(Arc::new(show)),
    })
    .await?;
    // what can't be written is said before anything is made
    stack.save()?;

    let demo = match (arguments.empty, known) {
        (true, _) => None,
        (false, true) => Demo::find(&stack).await,
        (false, false) => Some(Demo::create(&stack).await?),
    };
    stack.save()?;
    say(format_args!("\n  API and pages  {origin}"));
    say(format_args!("  Contract       {origin}/docs"));
    say(format_args!("  Mailbox        {}", stack.mail_url));
    say(format_args!("  Table          {}  (DynamoDB API)", stack.table_url));
    if let Some(demo) = demo {
        say(format_args!("\n  {} is a team to try things on, tenant {}", demo.name, demo.tenant));
        say(format_args!("  sign in as {} with everybody's password, \"{}\"", demo.owner, demo.password));
        if let Some(Partner { tenant, name, owner }) = demo.partner {
            say(format_args!("  its partner is {name}, tenant {tenant}, owned by {owner}"));
        }
        if let Some(suspended) = demo.suspended {
            say(format_args!("  {suspended} is suspended"));
        }
        if let Some(review) = demo.review {
            say(format_args!("  an access review is open, {review}"));
        }
    }
    say(format_args!("\n  Ctrl-C stops it.\n"));
    let stack = Arc::new(stack);
    let stop = {
        let stack = Arc::clone(&stack);
        async move {
            interrupted().await;
            say(format_args!("\n  Ending what was begun; Ctrl-C once more doesn't wait for it."));
            tokio::spawn(async move {
                interrupted().await;
                if let Err(error) = stack.save() {
                    eprintln!("local: {error}");
                }
                std::process::exit(130);
            });
        }
    };
    served.run(stack, stop).await
}

async fn interrupted() {
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated() => {}
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => _ = signal.recv().await,
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}

/// A line for the terminal. Nobody may read it any more (`| head`), which ends nothing.
fn say(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// One line for what happened.
fn show(activity: Activity) {
    match activity {
        Activity::Answered { method, path, status, code, function, took } => {
            let code = code.map(|c| format!(" {c}")).unwrap_or_default();
            say(format_args!("{method:>6} {path} → {status}{code}  ({function}, {} ms)", took.as_millis()));
        }
        Activity::Handled { function, messages, failed, took } => {
            let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
            say(format_args!(" queue {messages} message(s) → {function}{failed}  ({} ms)", took.as_millis()));
        }
        Activity::Mailed { to, subject } => say(format_args!("  mail → {to}  \"{subject}\"")),
        Activity::Published { kind, queues } if queues.is_empty() => say(format_args!(" event {kind}")),
        Activity::Published { kind, queues } => say(format_args!(" event {kind} → {}", queues.join(", "))),
        Activity::DeadLetter { queue } => say(format_args!("  dead letter → {queue}")),
    }
}
