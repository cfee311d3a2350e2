//! Alarms and dashboard look at numbers that somebody emits, tell somebody, and are explained.

use std::collections::{BTreeMap, BTreeSet};

use local::Template;
use runtime::metrics::{DIMENSIONS, Metric, NAMESPACE};
use serde_json::Value;

use super::file;

/// What AWS emits: the namespace, the dimensions together, the metrics that come with these and no others.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/aws-services-cloudwatch-metrics.html>
const EMITTED: [(&str, &[&str], &[&str]); 10] = [
    (
        "AWS/ApiGateway",
        &["ApiId"],
        &["Count", "4xx", "5xx", "Latency", "IntegrationLatency", "DataProcessed"],
    ),
    (
        "AWS/Lambda",
        &["FunctionName"],
        &["Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"],
    ),
    // of all functions of the account together
    ("AWS/Lambda", &[], &["Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"]),
    (
        "AWS/DynamoDB",
        &["TableName"],
        &[
            "ConsumedReadCapacityUnits",
            "ConsumedWriteCapacityUnits",
            "ReadThrottleEvents",
            "WriteThrottleEvents",
            "ConditionalCheckFailedRequests",
            "TransactionConflict",
        ],
    ),
    (
        "AWS/DynamoDB",
        &["Operation", "TableName"],
        &["ThrottledRequests", "SystemErrors", "SuccessfulRequestLatency"],
    ),
    (
        "AWS/SQS",
        &["QueueName"],
        &[
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesVisible",
            "NumberOfEmptyReceives",
            "NumberOfMessagesReceived",
        ],
    ),
    (
        "AWS/EventBridge/Pipes",
        &["PipeName"],
        &["EventCount", "Invocations", "ExecutionFailed", "ExecutionThrottled"],
    ),
    // of a rule of the default bus
    (
        "AWS/Events",
        &["RuleName"],
        &["Invocations", "FailedInvocations", "InvocationsSentToDlq", "InvocationsFailedToBeSentToDlq"],
    ),
    // of one of another bus
    (
        "AWS/Events",
        &["EventBusName", "RuleName"],
        &["Invocations", "FailedInvocations", "InvocationsSentToDlq", "InvocationsFailedToBeSentToDlq"],
    ),
    // the whole account's
    (
        "AWS/SES",
        &[],
        &[
            "Send",
            "Delivery",
            "Bounce",
            "Complaint",
            "Reject",
            "Reputation.BounceRate",
            "Reputation.ComplaintRate",
        ],
    ),
];

/// A number that something looks at: the namespace, the metric, the dimensions.
type Looked = (String, String, BTreeSet<String>);

/// The template, its alarms telling this topic; one of its own for none.
fn template(topic: &str) -> Template {
    let given = [("MailFrom", "no-reply@muster.example"), ("AlarmTopicArn", topic)];
    let given = given.map(|(name, value)| (name, value.to_owned()));
    Template::parse(&file("template.yaml"), &BTreeMap::from(given)).unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// The alarms, by their names without the word.
fn alarms(template: &Template) -> BTreeMap<String, Value> {
    let alarms = template.resources("AWS::CloudWatch::Alarm").into_iter();
    alarms
        .map(|(name, alarm)| (name.strip_suffix("Alarm").unwrap().to_owned(), alarm["Properties"].clone()))
        .collect()
}

fn metric(one: &Value) -> Looked {
    let dimensions = one["Dimensions"].as_array().into_iter().flatten();
    let dimensions = dimensions.map(|dimension| text(&dimension["Name"])).collect();
    (text(&one["Namespace"]), text(&one["MetricName"]), dimensions)
}

/// What an alarm looks at: one metric, or several that it computes with.
fn looked_at(alarm: &Value) -> Vec<Looked> {
    match alarm["Metrics"].as_array() {
        None => vec![metric(alarm)],
        Some(several) => {
            let stats = several.iter().filter(|one| one["MetricStat"].is_object());
            stats.map(|one| metric(&one["MetricStat"]["Metric"])).collect()
        }
    }
}

/// Whether anybody emits it: AWS, or this code.
fn is_emitted((namespace, name, dimensions): &Looked) -> bool {
    let dimensions: BTreeSet<&str> = dimensions.iter().map(String::as_str).collect();
    let with = |these: &[&str]| these.iter().copied().collect::<BTreeSet<&str>>() == dimensions;
    if namespace == NAMESPACE {
        return Metric::ALL.iter().any(|metric| metric.name() == name)
            && DIMENSIONS.iter().any(|one| with(one));
    }
    EMITTED.iter().any(|(of, by, names)| of == namespace && with(by) && names.contains(&name.as_str()))
}

#[test]
fn an_alarm_looks_at_what_is_emitted_and_says_when_it_begins_and_when_it_is_over() {
    let other = "arn:aws:sns:eu-central-1:000000000000:ops";
    for (given, topic) in [("", "AlarmTopic"), (other, other)] {
        let alarms = alarms(&template(given));
        assert!(alarms.len() > 20);
        for (name, alarm) in &alarms {
            for actions in ["AlarmActions", "OKActions"] {
                assert_eq!(alarm[actions], serde_json::json!([topic]), "{actions} of {name}");
            }
            let looked = looked_at(alarm);
            assert!(!looked.is_empty(), "{name} looks at nothing");
            for one in looked {
                assert!(is_emitted(&one), "{name} looks at {one:?}, which nobody emits");
            }
            assert!(alarm["TreatMissingData"].is_string(), "{name}: what is a missing number?");
        }
    }
}

#[test]
fn an_alarm_on_each_queue_and_on_what_the_code_can_not_mend_by_itself() {
    let template = template("");
    let alarms = alarms(&template);
    let on = |metric: &str, resource: &str| {
        alarms.values().any(|alarm| {
            let named = alarm.to_string();
            looked_at(alarm).iter().any(|(_, name, _)| name == metric) && named.contains(resource)
        })
    };
    for (queue, _) in template.resources("AWS::SQS::Queue") {
        let metric = if queue.ends_with("DeadLetters") {
            "ApproximateNumberOfMessagesVisible"
        } else {
            assert!(on("NumberOfEmptyReceives", &queue), "nobody sees that {queue} isn't looked into");
            "ApproximateAgeOfOldestMessage"
        };
        assert!(on(metric, &queue), "no alarm on {queue}");
    }
    for metric in [
        Metric::MessagesFailed,
        Metric::RecordsFailed,
        Metric::SenderRefused,
        Metric::MailsGivenUp,
        Metric::SignInsFailed,
    ] {
        assert!(on(metric.name(), ""), "no alarm on {metric:?}");
    }
    // what is gone is found by what is missing
    for (name, alarm) in &alarms {
        let breaches = alarm["TreatMissingData"] == "breaching";
        assert_eq!(
            breaches,
            ["Mail", "Expiry", "Feedback"].iter().any(|q| *name == format!("{q}Stopped")),
            "{name}"
        );
    }
}

/// What a rule can't put into its queue, and what its dead letters don't take either, is on no queue's number.
#[test]
fn an_alarm_on_what_each_rule_gives_up_and_on_what_its_dead_letters_do_not_take() {
    let template = template("");
    let alarms = alarms(&template);
    let rules = template.resources("AWS::Events::Rule");
    assert_eq!(rules.len(), 4);
    for (rule, resource) in rules {
        // EventBridge tells a rule of the default bus by its name alone
        let wanted = match resource["Properties"]["EventBusName"].as_str() {
            None => serde_json::json!([{"Name": "RuleName", "Value": rule}]),
            Some(bus) => serde_json::json!([
                {"Name": "EventBusName", "Value": bus},
                {"Name": "RuleName", "Value": rule},
            ]),
        };
        let on = |metric: &str| {
            alarms.values().any(|alarm| alarm["MetricName"] == metric && alarm["Dimensions"] == wanted)
        };
        assert!(on("FailedInvocations"), "nobody sees that {rule} can't put anything into its queue");
        let targets = resource["Properties"]["Targets"].as_array().unwrap();
        for target in targets {
            let keeps = target["DeadLetterConfig"].is_object();
            let is_dead = text(&target["Arn"]).contains("DeadLetters");
            assert_eq!(keeps, !is_dead, "{rule}: dead letters, unless that is where it leads");
            assert_eq!(on("InvocationsFailedToBeSentToDlq"), keeps, "{rule}");
        }
    }
    // a rule that is gone fails nothing: what SES says is missed once mails are sent
    let silent = looked_at(&alarms["FeedbackSilent"]);
    let silent: BTreeSet<&str> = silent.iter().map(|(_, metric, _)| metric.as_str()).collect();
    assert_eq!(silent, BTreeSet::from(["Invocations", Metric::MailsSent.name()]));
}

/// Nothing of it is given up for a day, and a pipe that fails tries less and less often: two tries in half an hour have to do.
#[test]
fn a_pipe_that_fails_now_and_then_is_seen_long_before_it_gives_up() {
    let alarms = alarms(&template(""));
    for name in ["PipeFailures", "PublishErrors"] {
        let alarm = &alarms[name];
        let numbers = ["Period", "EvaluationPeriods", "DatapointsToAlarm", "Threshold"];
        assert_eq!(numbers.map(|number| alarm[number].as_u64()), [300, 6, 2, 1].map(Some), "{name}");
    }
}

#[test]
fn every_alarm_is_explained_and_no_other() {
    let readme = file("infra/README.md");
    let (_, rows) = readme.split_once("| alarm | what it means | what to do |").unwrap();
    let rows = rows.split_once("\n\n").unwrap().0;
    let mut explained = BTreeSet::new();
    for row in rows.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        assert_eq!(cells.len(), 3, "{row}");
        assert!(cells.iter().all(|cell| !cell.trim().is_empty()), "{row}");
        explained.extend(cells[0].split('`').skip(1).step_by(2).map(str::to_owned));
    }
    let there: BTreeSet<String> = alarms(&template("")).into_keys().collect();
    assert_eq!(explained, there, "infra/README.md on the left, template.yaml on the right");
}

/// The lines of a widget, without CloudWatch's short forms: `.` is what stands there in the line before, `...` is all of it but
/// what follows.
fn lines(metrics: &Value) -> Vec<Vec<String>> {
    let mut lines: Vec<Vec<String>> = Vec::new();
    for row in metrics.as_array().unwrap() {
        let written: Vec<String> =
            row.as_array().unwrap().iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let before = lines.last().cloned().unwrap_or_default();
        let line = match written.split_first() {
            Some((first, rest)) if first == "..." => {
                let kept = before.len() - rest.len();
                [&before[..kept], rest].concat()
            }
            _ => {
                let same = |(at, part): (usize, &String)| {
                    if part == "." { before[at].clone() } else { part.clone() }
                };
                written.iter().enumerate().map(same).collect()
            }
        };
        lines.push(line);
    }
    lines
}

#[test]
fn no_line_of_the_dashboard_is_empty() {
    let template = template("");
    let dashboards = template.resources("AWS::CloudWatch::Dashboard");
    let [(_, dashboard)] = dashboards.as_slice() else { panic!("one dashboard") };
    let body: Value =
        serde_json::from_str(dashboard["Properties"]["DashboardBody"].as_str().unwrap()).unwrap();
    let mut seen = BTreeSet::new();
    for widget in body["widgets"].as_array().unwrap() {
        for line in lines(&widget["properties"]["metrics"]) {
            let [namespace, name, dimensions @ ..] = line.as_slice() else { panic!("{line:?}") };
            let dimensions = dimensions.iter().step_by(2).cloned().collect();
            let looked = (namespace.clone(), name.clone(), dimensions);
            assert!(is_emitted(&looked), "{looked:?} is emitted by nobody");
            seen.insert(name.clone());
        }
    }
    for metric in Metric::ALL {
        assert!(seen.contains(metric.name()), "{metric:?} is on no widget");
    }
}
