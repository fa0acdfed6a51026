//! Arguments, help, and error messages.

use crate::program::run;
use crate::support::data;

#[test]
fn wrong_usage_exits_with_2() {
    let wrong: &[&[&str]] = &[
        &[],
        &["fly"],
        &["info"],
        &["create", "x"],
        &["create", "x", "-o", "y", "--v1", "--v2"],
        &["create", "x", "-o", "y", "--piece-length", "17KiB"],
        &["demo", "--patrons", "0"],
        &["demo", "--size", "many"],
        &["download", "x"],
        &["download", "x", "--store", "y"],
        &["download", "x", "-o", "y", "--peer", "nowhere"],
        &["download", "x", "-o", "y", "--peer", "127.0.0.1:0"],
        &["download", "x", "-o", "y", "--tick", "0"],
        &["download", "x", "-o", "y", "--limit-up", "9GiB"],
        &["download", "x", "-o", "y", "--ratio", "2"],
        &["download", "x", "-o", "y", "--seed-time", "1h"],
        &["download", "x", "-o", "y", "--seed", "--seed-time", "90"],
        &["download", "x", "-o", "y", "--select", ""],
        &["seed", "a", "b", "--ratio", "0"],
        &["seed", "a", "b", "--ratio", "much"],
        &["seed", "a"],
        &["seed", "a", "b", "c"],
        &["seed", "a", "b", "--preset", "fast"],
        &["seed", "a", "b", "--network-threads", "0"],
        &["seed", "a", "b", "--listen", ""],
        &["seed", "a", "b", "--listen", ":0"],
        &["seed", "a", "b", "--listen", "127.0.0.1"],
        &["seed", "a", "b", "--listen", "127.0.0.1:many"],
        &["download", "x", "-o", "y", "--listen", "127.0.0.1:0,"],
        &["seed", "a", "b", "--setting", "connections_limit"],
        &["seed", "a", "b", "--setting", "connections_limit=many"],
        &["seed", "a", "b", "--setting", "user_agent=a\r\nX-Line: b"],
        &["download", "x", "-o", "y", "--setting", "conections_limit=500"],
        &["download", "x", "-o", "y", "--proxy", "127.0.0.1:1080"],
        &["download", "x", "-o", "y", "--proxy", "socks5://127.0.0.1"],
        &["download", "x", "-o", "y", "--proxy", "socks4://127.0.0.1:1080"],
        &["seed", "a", "b", "--proxy", "http://me@127.0.0.1:8080"],
    ];
    for arguments in wrong {
        let output = run(*arguments);
        assert_eq!(output.code, 2, "{arguments:?}: {output:#?}");
        // Without arguments, the program prints the help itself.
        assert!(output.stderr.contains("--help"), "{arguments:?}: {output:#?}");
    }
}

#[test]
fn the_versions_are_those_of_the_program_and_of_libtorrent() {
    let output = run(["--version"]).expect(0);
    let versions = output.stdout.strip_prefix("torrent-patron ").unwrap();
    let libtorrent = torrent_patron::client::libtorrent_version();
    let expected = format!("{} (libtorrent {libtorrent})\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(versions, expected);
}

#[test]
fn a_setting_that_does_not_exist_is_answered_with_the_nearest_one() {
    let output = run(["seed", "a", "b", "--setting", "conections_limit=500"]).expect(2);
    assert!(output.stderr.contains("did you mean connections_limit?"), "{output:#?}");
}

#[test]
fn an_invalid_proxy_is_answered_with_the_form_of_one() {
    let output = run(["seed", "a", "b", "--proxy", "ftp://127.0.0.1:21"]).expect(2);
    assert!(output.stderr.contains("socks5://[USER:PASSWORD@]HOST:PORT"), "{output:#?}");
}

#[test]
fn wrong_values_are_answered_with_what_was_expected() {
    for (arguments, expected) in [
        (
            &["seed", "a", "b", "--seed-time", "90"][..],
            "not a duration, such as 90s, 30m, 12h or 2d",
        ),
        (&["seed", "a", "b", "--ratio=-1"], "must be greater than 0"),
        (&["seed", "a", "b", "--ratio=many"], "not a number such as 1.5"),
        (&["download", "x", "-o", "y", "--select="], "a file index, as shown by `info`"),
        (&["download", "x", "-o", "y", "--listen=::1"], "such as 0.0.0.0:6881, [::]:6881"),
        (&["create", "x", "-o", "y", "--piece-length=17KiB"], "17408 bytes is not a power of two"),
        (&["download", "x", "-o", "y", "--ratio=2"], "--ratio and --seed-time require --seed"),
    ] {
        let output = run(arguments).expect(2);
        assert!(output.stderr.contains(expected), "{output:#?}");
    }
}

#[test]
fn every_command_has_help_with_an_example() {
    let overview = run(["--help"]).expect(0).stdout;
    for command in ["demo", "create", "info", "verify", "download", "seed", "health"] {
        assert!(overview.contains(&format!("  {command} ")), "{overview}");
        let help = run([command, "--help"]).expect(0).stdout;
        assert!(help.contains(&format!("EXAMPLE:\n  torrent-patron {command} ")), "{help}");
    }
}

#[test]
fn a_log_filter_that_is_none_is_told() {
    let mut wrong = crate::program::command();
    wrong
        .env("TORRENT_PATRON_LOG", "a=b=c")
        .args(["info", "magnet:?xt=urn:btih:cab507494d02ebb1178b38f2e9d7be299c86b862"]);
    let output = crate::program::Program::spawn(&mut wrong).end().expect(0);
    assert!(output.stderr.starts_with("warning: TORRENT_PATRON_LOG: "), "{output:#?}");
}

#[test]
fn unreadable_files_are_errors_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("missing.torrent");
    let missing = missing.to_str().unwrap();
    let noise = data(dir.path(), "noise.torrent", 1, 1000);
    let noise = noise.to_str().unwrap();
    let place = dir.path().to_str().unwrap();

    let runs: &[&[&str]] = &[
        &["info", missing],
        &["info", noise],
        &["info", "magnet:?dn=nothing"],
        &["verify", missing, place],
        &["verify", noise, place],
        &["create", missing, "-o", "x.torrent"],
        &["download", missing, "-o", place, "--offline"],
        &["download", noise, "-o", place, "--offline", "--json"],
        &["seed", missing, place, "--offline"],
        &["seed", noise, missing, "--offline"],
    ];
    for arguments in runs {
        let output = run(*arguments).expect(1);
        assert!(
            output.stderr.starts_with("error: ") || output.stderr.contains("\nerror: "),
            "{arguments:?}: {output:#?}"
        );
    }
    let output = run(["info", missing]);
    assert!(output.stderr.contains("missing.torrent: No such file"), "{output:#?}");
}

#[test]
fn the_demo_explains_itself_and_compares_the_downloads() {
    let output = run(["demo", "--patrons", "3", "--size", "1000001"]).expect(0);
    for patron in 1..=3 {
        let said = |what: &str| {
            let line = format!("patron {patron}  | sample-{patron}.bin: {what}");
            output.stderr.lines().any(|said| said.starts_with(&line))
        };
        assert!(said("added"), "{output:#?}");
        assert!(said("complete"), "{output:#?}");
    }
    assert!(!output.stderr.contains('\x1b'), "no colours for a pipe: {output:#?}");
    assert!(output.stdout.contains("3 (976.6 KiB in total)"), "{output:#?}");
    assert!(output.stdout.contains("all 3 copies match their originals"), "{output:#?}");
    assert!(output.stdout.contains("each delivered to the patron that owns"), "{output:#?}");
    assert_eq!(output.stdout.matches("stopped with 3 torrents").count(), 2, "{output:#?}");
}
