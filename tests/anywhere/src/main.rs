//! `cargo run -p anywhere -- URL --mailbox URL`: a suite for any URL. It speaks HTTP alone, to the public routes of the
//! contract, and holds every answer to it.
//!
//! * [`life`], [`races`], [`abuse`], [`input`], [`storm`], [`cleanup`]: the parts, in this order; each says in a line what
//!   was tried
//! * [`smoke`]: with `--smoke`, all that is tried beside a life: what a deployment is asked right after it was made
//! * [`team`], [`scene`]: who acts, and on what
//! * [`client`], [`contract`]: requests, and what may be answered
//! * [`dice`]: chance that a seed repeats
//!
//! It lives within the default limits of a deployment (`template.yaml`): three sign-ups, fewer invitations than an
//! inviter has in an hour, addresses of this run alone.

mod abuse;
mod cleanup;
mod client;
mod contract;
mod dice;
mod input;
mod life;
mod races;
mod scene;
mod smoke;
mod storm;
mod team;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use uuid::Uuid;

use client::{Client, Halt, Outcome};
use dice::Dice;
use team::{Team, World};

/// What the exit says where nothing is wrong and not all could be tried: sysexits' "try again later".
const NOT_ALL: u8 = 75;

/// A domain that is reserved, and nobody's.
const NOBODYS: &str = "anywhere.example";

/// What can't be known of an endpoint but by its words.
const MAILBOX: &str = "\
The mailbox: GET <URL>?to=<address> answers with a JSON array of the mails to that address, oldest first, of which \
`to` and `link` are read: [{\"to\": \"ana@anywhere.example\", \"link\": \"https://team.example.com/accept#…\"}]. The local \
stack's is http://127.0.0.1:8025/messages; for a deployment, anything that answers the same for a --domain whose mail it \
gets. Mail to SES's simulator (success@simulator.amazonses.com) can't be read by anybody: without a mailbox only what \
takes none is tried, and what wasn't is said. A run sends some two hundred mails.

With --smoke a run takes less than a minute and ten mails: invitations to SES's simulator are delivered, bounce and are \
complained about, which needs no mailbox, and takes an owner or an admin of a team that is there (--as, the password in \
ANYWHERE_PASSWORD); with --mailbox a team is made for it, and lives its life too.

Exits with 0 where all holds, 1 where something doesn't, 75 where nothing is wrong but a limit was met or nobody may \
sign up, so that not all was tried.";

/// Holds a deployment to its contract, over HTTP alone: the life of a team, races, abuse, wrong input, a storm of random
/// people; then removes what it made.
#[derive(Parser)]
#[command(after_long_help = MAILBOX)]
struct Arguments {
    /// Where the API answers: https://api.example.com.
    #[arg(value_parser = url)]
    url: String,
    /// Where mail is read: the local stack's http://127.0.0.1:8025/messages, or what answers alike.
    #[arg(long, value_name = "URL", value_parser = url)]
    mailbox: Option<String>,
    /// The domain of all addresses: one whose mail the mailbox gets.
    #[arg(long, default_value = NOBODYS)]
    domain: String,
    /// How long the storm lasts.
    #[arg(long, value_name = "N", default_value_t = 20)]
    seconds: u64,
    /// What the storm and the races follow from; printed, to be given again.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How often each race is run.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=8))]
    rounds: u8,
    /// How long a mail may take.
    #[arg(long, value_name = "N", default_value_t = 60)]
    mail_seconds: u64,
    /// Where organizations can't sign up by themselves: prints the orders for `operate`, and waits this long for the mail
    /// of each.
    #[arg(long, value_name = "N", default_value_t = 0)]
    operator_seconds: u64,
    /// The main job alone, in less than a minute: what becomes of mails, as seen by an admin; with --mailbox a whole life.
    #[arg(long)]
    smoke: bool,
    /// Whom to sign in as for --smoke, an owner or an admin; the password is in ANYWHERE_PASSWORD.
    #[arg(long = "as", value_name = "ADDRESS", requires = "smoke", conflicts_with = "mailbox")]
    admin: Option<String>,
}

fn url(text: &str) -> Result<String, String> {
    match text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) {
        Some(rest) if !rest.is_empty() && !rest.contains(' ') => Ok(text.to_owned()),
        _ => Err("it begins with https:// or http://".to_owned()),
    }
}

/// A line for the terminal. Nobody may read it any more (`| head`), which ends nothing.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// How the parts went so far.
struct Run<'w> {
    world: &'w World,
    is_broken: bool,
    is_limited: bool,
}

impl Run<'_> {
    /// Runs a part and says how it went; not after something didn't hold.
    fn part<T>(&mut self, name: &str, part: impl FnOnce() -> Outcome<(T, String)>) -> Option<T> {
        if self.is_broken {
            say(&format!("{name:<10} NOT run, after what doesn't hold"));
            return None;
        }
        self.settle(name, part())
    }

    /// Says how a part went. Secrets of what it made stay unsaid.
    fn settle<T>(&mut self, name: &str, outcome: Outcome<(T, String)>) -> Option<T> {
        match outcome {
            Ok((made, line)) => {
                say(&format!("{name:<10} {line}"));
                return Some(made);
            }
            Err(Halt::Limited(why)) => {
                self.is_limited = true;
                say(&format!("{name:<10} LIMITED, the rest of it was not run: {why}"));
            }
            Err(Halt::Broken(what)) => {
                self.is_broken = true;
                say(&format!("{name:<10} DOESN'T HOLD\n  {}", self.world.client.redacted(&what)));
            }
        }
        None
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let is_here = ["//127.0.0.1", "//localhost", "//[::1]"].iter().any(|host| arguments.url.contains(host));
    if arguments.mailbox.is_some() && arguments.domain == NOBODYS && !is_here {
        say(
            "a deployment's mail to a domain that is nobody's bounces: give --domain with one whose mail the mailbox gets",
        );
        return ExitCode::from(2);
    }
    let known = arguments.admin.as_ref().zip(std::env::var("ANYWHERE_PASSWORD").ok());
    if arguments.smoke && arguments.mailbox.is_none() && known.is_none() {
        say("--smoke takes --mailbox, or --as with the password in ANYWHERE_PASSWORD");
        return ExitCode::from(2);
    }
    let (run, password) = (Uuid::new_v4(), Uuid::new_v4());
    let (seed, tag) = (arguments.seed.unwrap_or_else(|| run.as_u64_pair().1), run.simple().to_string());
    let world = World {
        client: Client::new(&arguments.url),
        mailbox: arguments.mailbox.clone(),
        mail: Duration::from_secs(arguments.mail_seconds),
        operator: Duration::from_secs(arguments.operator_seconds),
        domain: arguments.domain.clone(),
        tag: tag.chars().take(8).collect(),
        // longer than any deployment may ask for
        password: format!("{password} {}", Uuid::new_v4()),
    };
    world.client.keep(&world.password);
    say(&format!("{} with the seed {seed}, run {}", arguments.url, world.tag));
    let mut run = Run { world: &world, is_broken: false, is_limited: false };
    match world.mailbox {
        _ if arguments.smoke => smoke_alone(&mut run, &world, known),
        Some(_) => with_mail(&mut run, &world, &arguments, seed),
        None => {
            without_mail(&mut run, &world);
            say(
                "NOT run, since no mail can be read without --mailbox: sign-up, life, races, storm, and of abuse and \
                 input whatever takes a session or a link",
            );
        }
    }
    say(&format!("proof: anywhere: {} answers, each held to the contract", world.client.answers()));
    match (run.is_broken, run.is_limited) {
        (true, _) => ExitCode::FAILURE,
        (false, true) => ExitCode::from(NOT_ALL),
        (false, false) => ExitCode::SUCCESS,
    }
}

/// A line alone is all that most parts make.
fn line(outcome: Outcome<String>) -> Outcome<((), String)> {
    outcome.map(|line| ((), line))
}

/// In a team that is there, as this admin; without one in a team of its own, which goes again.
fn smoke_alone(run: &mut Run<'_>, world: &World, known: Option<(&String, String)>) {
    let team = match known {
        Some((email, password)) => {
            world.client.keep(&password);
            let signed_in = || world.signed_in(email, &password).map(|team| (team, format!("as {email}")));
            run.part("sign-in", signed_in)
        }
        None => {
            let found =
                || world.found("smoke", &say).map(|team| (team, "and its owner opened the link".to_owned()));
            let team = run.part("sign-up", found);
            if let Some(team) = &team {
                run.part("life", || line(life::live(team)));
            }
            team
        }
    };
    let Some(team) = team else { return };
    run.part("smoke", || line(smoke::walk(&team)));
    if world.mailbox.is_some() {
        run.settle("cleanup", line(cleanup::tidy(&team)));
        say(&format!(
            "left       {}, {}; once it is closed for thirty days, for operate:",
            team.name, team.owner.tenant
        ));
        say(&format!("           {}", cleanup::order(&team)));
    } else {
        run.settle("cleanup", line(cleanup::sign_out(&team)));
    }
    for order in smoke::orders(&team) {
        say(&format!("left       an address that takes no mail, for operate: {order}"));
    }
}

fn without_mail(run: &mut Run<'_>, world: &World) {
    run.part("abuse", || line(abuse::by_nobody(world)));
    run.part("input", || line(input::of_nobody(world)));
}

fn with_mail(run: &mut Run<'_>, world: &World, arguments: &Arguments, seed: u64) {
    let mut teams: Vec<Team<'_>> = Vec::new();
    for name in ["life", "races", "storm"] {
        let found =
            || world.found(name, &say).map(|team| (team, format!("{name}, and its owner opened the link")));
        teams.extend(run.part("sign-up", found));
    }
    if let [ours, racing, stormy] = teams.as_slice() {
        run.part("life", || line(life::live(ours)));
        run.part("races", || line(races::race(racing, usize::from(arguments.rounds), Dice::new(seed))));
        run.part("abuse", || line(abuse::by_others(ours, &racing.owner)));
        run.part("input", || line(input::of_others(ours)));
        run.part("storm", || line(storm::rage(stormy, arguments.seconds, seed)));
        run.part("guesses", || line(abuse::guesses(ours)));
    } else {
        without_mail(run, world);
        say(
            "NOT run without three teams: life, races, storm, and of abuse and input whatever takes a session or a link",
        );
    }
    // whatever didn't hold, what was made goes
    for team in &teams {
        run.settle("cleanup", line(cleanup::tidy(team)));
    }
    if !teams.is_empty() {
        say(&format!(
            "left       the accounts of everybody who joined, under {}: they open nothing",
            world.domain
        ));
    }
    for team in &teams {
        say(&format!("left       {}, {}, owned by {}", team.name, team.owner.tenant, team.owner.email));
        say(&format!("           once it is closed for thirty days, for operate: {}", cleanup::order(team)));
    }
}
