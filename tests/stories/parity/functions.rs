//! A function is a folder, a crate, a binary, a resource of the template, and a sample event.

use std::collections::{BTreeMap, BTreeSet};

use local::Template;
use serde_json::{Value, json};
use stories::World;

use super::{file, names};

#[test]
fn a_function_is_a_folder_a_crate_a_binary_and_a_resource_of_one_name() {
    let template = file("template.yaml");
    for name in names("functions") {
        let manifest = file(&format!("functions/{name}/Cargo.toml"));
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        assert!(template.contains(&format!("Binary: {name}}}")), "{name} in template.yaml");
    }
    let binaries = template.matches("Binary: ").count();
    assert_eq!(binaries, names("functions").len());
}

#[tokio::test]
async fn only_deliver_sends_and_only_operate_asks_how_ses_stands() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    team.join("ana@acme.example", "member").await;
    world.operate(json!({"operation": "mail-status"})).await.unwrap();
    let sent = world.wire().take_sent();
    let asked = |sends: bool| -> BTreeSet<&str> {
        let of_ses = sent.iter().filter(|call| call.is_of_ses());
        of_ses
            .filter(|call| (call.operation == "SendEmail") == sends)
            .map(|call| call.function.as_str())
            .collect()
    };
    assert_eq!(asked(true), BTreeSet::from(["deliver"]));
    assert_eq!(asked(false), BTreeSet::from(["operate"]));
    let tree = |function: &str| file(&format!("functions/{function}/Cargo.toml"));
    for function in names("functions") {
        let manifest = tree(&function);
        let mails = ["deliver", "operate"].contains(&function.as_str());
        assert_eq!(manifest.contains("mail.workspace"), mails, "{function}");
        assert_eq!(
            manifest.contains("web.workspace"),
            !["deliver", "expire", "feedback", "operate", "publish"].contains(&function.as_str())
        );
        let hashes = ["accept", "assign-role", "sign-in"].contains(&function.as_str());
        assert_eq!(manifest.contains("password.workspace"), hashes, "{function}");
        assert_eq!(manifest.contains("store.workspace"), function != "console", "{function}");
    }
}

#[tokio::test]
async fn every_function_has_a_sample_event_that_it_understands() {
    let world = World::new().await;
    let samples: BTreeSet<String> =
        names("tests/events").into_iter().map(|f| f.trim_end_matches(".json").to_owned()).collect();
    assert_eq!(samples, names("functions"), "tests/events on the left, functions on the right");
    for function in samples {
        let event = file(&format!("tests/events/{function}.json")).into_bytes();
        let answer = world.stack().invoke(&function, event, "sample".to_owned()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        // there is nobody in this world yet: what takes a session or a token is refused, the rest is done
        let status = answer["statusCode"].as_u64().unwrap_or(200);
        let expected = match function.as_str() {
            // what it is about isn't there
            "accept" => 404,
            "tenants" => 202,
            "console" | "deliver" | "expire" | "feedback" | "operate" | "publish" => 200,
            // a session, or a password, of nobody
            _ => 401,
        };
        assert_eq!(status, expected, "{function}: {answer}");
        assert!(
            answer.get("batchItemFailures").is_none_or(|failed| *failed == json!([])),
            "{function}: {answer}"
        );
    }
}

#[tokio::test]
async fn a_function_without_a_setting_does_not_start() {
    let template = file("template.yaml");
    for (variable, words) in [
        ("TABLE_NAME: &table-name ", "the setting TABLE_NAME is missing"),
        ("MAIL_FROM: ", "the setting MAIL_FROM is missing"),
    ] {
        assert!(template.contains(variable));
        let (name, rest) = variable.split_once(':').unwrap();
        let without = template.replace(variable, &format!("NO_{name}:{rest}"));
        let refused = World::start_with(without).await.err().unwrap();
        assert!(refused.contains(words), "{refused}");
    }
    let odd = template.replace("PASSWORD_MIN_LENGTH: !Ref PasswordMinLength", "PASSWORD_MIN_LENGTH: many");
    let refused = World::start_with(odd).await.err().unwrap();
    assert!(refused.contains("PASSWORD_MIN_LENGTH can't be `many`"), "{refused}");
}

#[tokio::test]
async fn links_that_carry_a_secret_are_https_or_lead_to_this_very_machine() {
    let template = file("template.yaml");
    let started = async |reference: &str, url: &str| {
        assert!(template.contains(reference), "{reference}");
        let started = World::start_with(template.replace(reference, &format!("'{url}'"))).await;
        started
            .map_err(|refused| assert!(refused.contains("has to begin with https://"), "{refused}"))
            .is_ok()
    };
    for (url, fits) in [
        ("https://team.example.com", true),
        ("http://localhost:3000", true),
        ("http://127.0.0.1:3000", true),
        ("http://[::1]:3000", true),
        ("http://team.example.com", false),
        ("http://localhost.evil.example", false),
        ("http://localhost:3000@evil.example", false),
        ("http://127.0.0.1.evil.example:80", false),
        ("ftp://localhost", false),
        ("team.example.com", false),
    ] {
        assert_eq!(started("!Ref AppUrl", url).await, fits, "{url}");
        assert_eq!(started("!Ref ConsoleOrigin", url).await, fits, "{url}");
    }
    // and CloudFormation refuses the same before anything is deployed
    let (_, parameter) = template.split_once("\n  ConsoleOrigin:").unwrap();
    let pattern = parameter.lines().find_map(|line| line.trim().strip_prefix("AllowedPattern: ")).unwrap();
    assert!(pattern.starts_with("^$|^https://") && !pattern.contains("https?"), "{pattern}");
}

/// What is ignored would run otherwise here than deployed.
#[tokio::test]
async fn what_the_local_stack_does_not_understand_of_pipe_rules_and_queues_stops_it() {
    let good = file("template.yaml");
    for (there, instead, words) in [
        ("{type: [mail.queued]}", "{type: [{prefix: mail}]}", "the pattern of the rule MailRule"),
        ("[\"Event\", \"Mail\"]", "[{\"prefix\": \"E\"}]", "the pattern of a filter of the pipe"),
        (
            "EventBusName: !Ref Events",
            "EventBusName: !Ref Table",
            "names `Table`, which is no AWS::Events::EventBus",
        ),
        ("Arn: !GetAtt MailQueue.Arn", "Arn: !GetAtt Deliver.Arn", "the rule MailRule names `Deliver.Arn`"),
        ("Queue: !GetAtt MailQueue.Arn", "Queue: !GetAtt Table.Arn", "Deliver.Outbox names `Table.Arn`"),
        ("maxReceiveCount: 240", "maxReceives: 240", "doesn't say when it gives up"),
        ("VisibilityTimeout: 360", "DelaySeconds: 360", "DelaySeconds of the queue"),
        ("Enrichment: !GetAtt Publish.Arn", "Enrichment: !GetAtt Events.Arn", "the pipe names `Events.Arn`"),
        ("AUTOMATIC_BISECT", "NONE", "the pipe gives whole batches up"),
        ("DetailType: Muster Change", "DetailType: $.type", "DetailType of the pipe"),
        ("Source: muster", "Time: $.at", "Time of the pipe"),
        ("Type: SQS\n", "Type: Kinesis\n", "has the type Some(\"Kinesis\")"),
    ] {
        assert!(good.contains(there), "{there}");
        let refused = World::start_with(good.replace(there, instead)).await.err().unwrap();
        assert!(refused.contains(words), "{instead}: {refused}");
    }
}

/// The numbers of a setting of the template, wherever it stands.
fn numbers(template: &str, setting: &str) -> Vec<u64> {
    let name = format!("{setting}: ");
    let lines = template.split(&name).skip(1);
    let number = |rest: &str| rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|n| n.parse().ok());
    lines.filter_map(number).collect()
}

/// What deliver counts on: a claim outlasts whoever made it, and is over when its message comes again; what is shown as failed
/// is in the dead letters by then.
#[test]
fn a_mails_queue_is_as_patient_as_deliver_and_the_model_take_it_to_be() {
    let template = file("template.yaml");
    let (_, deliver) = template.split_once("Binary: deliver}").unwrap();
    let (deliver, _) = deliver.split_once("LogGroup:").unwrap();
    let timeout = numbers(deliver, " Timeout")[0];
    let (visibility, receives) =
        (numbers(&template, "VisibilityTimeout"), numbers(&template, "maxReceiveCount"));
    assert_eq!((visibility.len(), receives.len()), (3, 3));
    let claim = deliver::CLAIM.as_secs();
    for (hidden, times) in visibility.into_iter().zip(receives) {
        assert!(timeout < claim && claim < hidden, "{timeout} {claim} {hidden}");
        assert!(6 * timeout <= hidden, "what Lambda asks of a queue");
        let tried = hidden * times;
        assert_eq!(tried, 86_400, "a day");
        assert!(
            tried + hidden <= model::Delivery::PATIENCE.as_secs(),
            "shown as failed while it is still tried"
        );
    }
    // a worker waits for less than the time that it leaves itself
    let (_, workers) = template.split_once("\n  MailWorkers:").unwrap();
    let most = numbers(workers, "MaxValue")[0];
    let (_, rate) = template.split_once("\n  MailsPerSecond:").unwrap();
    let least = numbers(rate, "MinValue")[0];
    assert!(most / least < runtime::queue::MARGIN.as_secs());
}

fn deployed() -> Template {
    let given = BTreeMap::from([("MailFrom", "no-reply@muster.example".to_owned())]);
    Template::parse(&file("template.yaml"), &given).unwrap()
}

/// A fault of ours, of Publish or of its role, may last: what is given up nobody puts back.
#[test]
fn the_pipe_tries_for_as_long_as_the_stream_has_a_record_and_begins_once_the_rules_are_there() {
    let pipes = deployed().resources("AWS::Pipes::Pipe");
    let [(_, pipe)] = pipes.as_slice() else { panic!("one pipe") };
    let stream = &pipe["Properties"]["SourceParameters"]["DynamoDBStreamParameters"];
    assert_eq!(stream["MaximumRetryAttempts"], -1, "however often");
    // an hour before a dead letter points at nothing
    let (kept, age) = (86_400, stream["MaximumRecordAgeInSeconds"].as_u64().unwrap());
    assert_eq!(age, kept - 3_600);
    // what Publish makes of a batch the bus takes at once
    assert!(stream["BatchSize"].as_u64().unwrap() <= 10);
    assert_eq!(stream["StartingPosition"], "TRIM_HORIZON");
    assert_eq!(pipe["DependsOn"], "QueuesPolicy");
    // which names every rule, and every queue that one of them puts something into
    let policies = deployed().resources("AWS::SQS::QueuePolicy");
    let [(_, policy)] = policies.as_slice() else { panic!("one policy of queues") };
    let names = |list: &Value| -> BTreeSet<String> {
        let all = list.as_array().unwrap().iter();
        all.map(|name| name.as_str().unwrap().trim_end_matches(".Arn").to_owned()).collect()
    };
    let statement = &policy["Properties"]["PolicyDocument"]["Statement"][0];
    let (mut rules, mut queues) = (BTreeSet::new(), BTreeSet::new());
    for (rule, resource) in deployed().resources("AWS::Events::Rule") {
        rules.insert(rule);
        for target in resource["Properties"]["Targets"].as_array().unwrap() {
            for arn in [&target["Arn"], &target["DeadLetterConfig"]["Arn"]] {
                queues.extend(arn.as_str().map(|arn| arn.trim_end_matches(".Arn").to_owned()));
            }
        }
    }
    assert_eq!(names(&statement["Condition"]["ArnEquals"]["aws:SourceArn"]), rules);
    assert_eq!(names(&policy["Properties"]["Queues"]), queues);
}

/// A kind of event that an older Publish doesn't know is told to nobody: the newer one is deployed first.
#[test]
fn whoever_writes_events_is_deployed_behind_the_function_that_publishes_them() {
    let template = deployed();
    let roles: BTreeMap<String, Value> = template.resources("AWS::IAM::Role").into_iter().collect();
    let mut writers = 0;
    for (name, function) in template.resources("AWS::Serverless::Function") {
        let role = function["Properties"]["Role"].as_str().unwrap().trim_end_matches(".Arn");
        let statements = roles[role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].as_array();
        let writes = statements.unwrap().iter().any(|statement| {
            let mut actions = statement["Action"].as_array().into_iter().flatten();
            let puts = actions.any(|action| action == "dynamodb:PutItem");
            puts && statement["Condition"].to_string().contains("\"EVENTS#*\"")
        });
        writers += usize::from(writes);
        assert_eq!(function["DependsOn"] == "Publish", writes, "DependsOn of {name}");
    }
    assert!(writers > 10);
}
