//! A function is a folder, a crate, a binary, a resource of the template, and a sample event.

use std::collections::BTreeSet;

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
async fn only_deliver_talks_to_ses() {
    let world = World::new().await;
    let team = world.team("Acme").await;
    team.join("ana@acme.example", "member").await;
    let mailed: BTreeSet<String> = world
        .wire()
        .take_sent()
        .into_iter()
        .filter(|s| s.operation == "SendEmail")
        .map(|s| s.function)
        .collect();
    assert_eq!(mailed, BTreeSet::from(["deliver".to_owned()]));
    let tree = |function: &str| file(&format!("functions/{function}/Cargo.toml"));
    for function in names("functions") {
        let manifest = tree(&function);
        assert_eq!(manifest.contains("mail.workspace"), function == "deliver", "{function}");
        assert_eq!(
            manifest.contains("web.workspace"),
            !["deliver", "expire", "feedback", "operate"].contains(&function.as_str())
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
            "console" | "deliver" | "expire" | "feedback" | "operate" => 200,
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
    for (line, words) in [
        (
            r#"TABLE_NAME: !If [MakesTable, !Ref Table, !Select [1, !Split ["/", !Ref ExistingTableStream]]]"#,
            "the setting TABLE_NAME is missing",
        ),
        ("MAIL_FROM: !Ref MailFrom", "the setting MAIL_FROM is missing"),
    ] {
        assert!(template.contains(line));
        let refused = World::start_with(template.replace(line, "NOTHING: nothing")).await.err().unwrap();
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

/// The last try is the one that says beforehand that it failed: the code and the mapping have to count alike.
#[test]
fn deliver_tries_as_often_as_the_stream_does() {
    let template = file("template.yaml");
    let (_, resource) = template.split_once("Binary: deliver}").unwrap();
    let (_, retries) = resource.split_once("MaximumRetryAttempts: ").unwrap();
    let retries: u32 = retries.lines().next().unwrap().parse().unwrap();
    assert_eq!(deliver::ATTEMPTS, retries + 1);
}
