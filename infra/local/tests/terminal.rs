//! What a developer reads in the terminal.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that can't go on has failed")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

const LOCAL: &str = env!("CARGO_BIN_EXE_local");

/// Started with these arguments, on free ports; answers the process and what it printed up to the line that says how to stop it.
fn started(more: &[&str]) -> (Child, String) {
    let arguments = ["--port", "0", "--table-port", "0", "--mail-port", "0"];
    let mut process = Command::new(LOCAL).args(arguments).args(more).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut said = lines.take_while(|line| !line.contains("Ctrl-C")).collect::<Vec<_>>().join("\n");
    said.push('\n');
    (process, said)
}

/// What a request to the stack that said this is answered.
fn asked(said: &str, request: &str) -> String {
    let origin = said.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap();
    let mut stream = TcpStream::connect(origin).unwrap();
    stream.write_all(format!("{request}\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
    std::io::read_to_string(stream).unwrap().to_lowercase()
}

#[test]
fn a_development_server_may_call_the_api() {
    let (mut process, said) = started(&["--empty", "--allow-origin", "http://localhost:5173"]);
    let preflight = "OPTIONS /v1/sessions HTTP/1.1\r\naccess-control-request-method: POST\r\norigin: ";
    let may = "access-control-allow-origin: http://localhost:5173";
    assert!(asked(&said, &format!("{preflight}http://localhost:5173")).contains(may));
    assert!(!asked(&said, &format!("{preflight}http://localhost:5174")).contains("allow-origin"));
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
fn a_kept_table_is_taken_up_again_and_the_demo_said_again() {
    let file = std::env::temp_dir().join(format!("muster-terminal-{}.sqlite", std::process::id()));
    let mut demos = Vec::new();
    for _ in 0..2 {
        let (mut process, said) = started(&["--data", file.to_str().unwrap()]);
        process.kill().unwrap();
        process.wait().unwrap();
        demos.push(said.split_once("Greenleaf Botanicals is a team").unwrap().1.to_owned());
    }
    std::fs::remove_file(&file).unwrap();
    for told in [
        "sign in as olive@greenleaf.example",
        "its partner is Harbor Herbs",
        "tess@greenleaf.example is suspended",
        "an access review is open, /v1/tenants/",
    ] {
        assert!(demos[0].contains(told), "{told}: {}", demos[0]);
    }
    assert_eq!(demos[0], demos[1]);
}

fn interrupt(process: &Child) {
    assert!(Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap().success());
}

#[test]
fn the_terminal_names_what_to_open() {
    let (mut process, said) = started(&["--empty"]);
    process.kill().unwrap();
    process.wait().unwrap();
    for place in ["API and pages", "/docs", "Mailbox", "DynamoDB API"] {
        assert!(said.contains(place), "{place}: {said}");
    }
}

#[test]
fn one_interrupt_waits_for_what_was_begun_and_two_do_not() {
    let (mut process, said) = started(&["--empty"]);
    let origin = said.split_whitespace().find_map(|word| word.strip_prefix("http://")).unwrap();
    // a request that never comes to its end
    let mut hanging = TcpStream::connect(origin).unwrap();
    hanging.write_all(b"POST /v1/sessions HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n").unwrap();
    // it was accepted once another one that came later was answered
    let mut answered = TcpStream::connect(origin).unwrap();
    answered.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    BufReader::new(answered).lines().next().unwrap().unwrap();
    interrupt(&process);
    // the port is given back at once, the process isn't over
    while TcpStream::connect(origin).is_ok() {
        std::thread::yield_now();
    }
    assert!(process.try_wait().unwrap().is_none());
    interrupt(&process);
    assert_eq!(process.wait().unwrap().code(), Some(130));
}

#[test]
fn a_wrong_flag_is_told_what_it_takes() {
    for (flag, value, words) in [
        ("--port", "abc", "a port is a number from 1 to 65535"),
        ("--table-port", "70000", "a port is a number from 1 to 65535"),
        ("--data", "/nowhere/at/all", "the folder that it is to be in is not there"),
        ("--data", "/tmp", "it is a folder, name a file"),
        ("--functions", "localhost:9000", "it is a scheme, a host and a port"),
        ("--allow-origin", "https://a.example/page", "it is a scheme, a host and a port"),
        ("--app-url", "http://a.example", "it begins with https://"),
        ("--template", "/nowhere.yaml", "--template /nowhere.yaml"),
    ] {
        let mut local = Command::new(LOCAL);
        if flag != "--port" {
            local.args(["--port", "0"]);
        }
        let ended = local.args([flag, value]).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(!ended.status.success() && said.contains(words), "{flag} {value}: {said}");
    }
}
