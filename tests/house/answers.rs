//! A request with the wrong answer type does not compile.
//!
//! Requests are private, so neither a doc test nor another crate can write one. The library has
//! three for this purpose (`answers` in src/messages/request.rs), which are only compiled with the
//! `--cfg` given here. They are compiled with the right types, which shows that nothing else is
//! wrong with them, and with wrong ones.

use std::process::Command;

use serde_json::Value;

/// The compiler's errors: the code, and the text for people.
fn errors(answers: &str) -> Vec<(String, String)> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["rustc", "--package", env!("CARGO_PKG_NAME"), "--lib", "--profile", "check"]);
    cargo.args(["--offline", "--message-format", "json"]);
    if cfg!(feature = "serde") {
        cargo.args(["--features", "serde"]);
    }
    let output = cargo.args(["--", "--cfg", &format!("answers=\"{answers}\"")]).output().unwrap();
    let messages: Vec<_> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["reason"] == "compiler-message")
        .map(|line| line["message"].clone())
        .filter(|message| message["level"] == "error" && message["code"].is_object())
        .map(|message| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            (text(&message["code"]["code"]), text(&message["rendered"]))
        })
        .collect();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.success(), messages.is_empty(), "{stderr}");
    messages
}

#[test]
fn a_request_with_another_answer_type_than_that_of_its_call_does_not_compile() {
    let right = errors("right");
    assert!(right.is_empty(), "{right:#?}");
    let wrong = errors("wrong");
    for (wanted, found) in [("Vec<u32>", "Vec<String>"), ("()", "Vec<u8>"), ("String", "Vec<u8>")] {
        let named = wrong.iter().any(|(code, text)| {
            let of_types = matches!(code.as_str(), "E0271" | "E0308");
            of_types && text.contains("request.rs") && text.contains(wanted) && text.contains(found)
        });
        assert!(named, "no error says that {wanted} is not {found}: {wrong:#?}");
    }
    assert_eq!(wrong.len(), 3, "{wrong:#?}");
}
