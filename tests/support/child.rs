//! Tests that need a process of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs an ignored test of this program in another process, which must pass.
pub fn in_child<T: Fn()>(test: T, configure: impl FnOnce(&mut Command)) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    configure(&mut command);
    pass(test, command);
}

/// Runs an ignored test of this program in another process, with a limit of open descriptors as `ulimit -n`
/// takes it. Descriptors of the tests in this process would be inherited, and would count.
pub fn in_child_with_descriptors<T: Fn()>(test: T, limit: &str) {
    const LIMITED: &str = r#"
        for fd in /proc/self/fd/*; do fd=${fd##*/}; ((fd < 3)) || eval "exec $fd>&-"; done
        ulimit -n "$1" && shift && exec "$0" "$@""#;
    let mut command = Command::new("bash");
    command.args(["-c", LIMITED]).arg(std::env::current_exe().unwrap()).arg(limit);
    pass(test, command);
}

fn pass<T: Fn()>(_: T, mut command: Command) {
    // The test program knows a test by its path without the name of the crate.
    let name = std::any::type_name::<T>().split_once("::").unwrap().1;
    let output = command.args(["--exact", name, "--ignored", "--nocapture"]).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    println!("{printed}");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {}\n{errors}", output.status);
    // A program that knows no such test succeeds, too.
    assert!(printed.contains("test result: ok. 1 passed;"), "{name} is no ignored test");
}

/// Compiles a file below `tests` to a library for `LD_PRELOAD`.
pub fn preloaded(directory: &Path, source: &str) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(source);
    let library = directory.join(source.file_name().unwrap()).with_extension("so");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let compiled = Command::new(compiler)
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .args(["-ldl", "-lpthread"])
        .output()
        .expect("no C compiler");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    library
}
