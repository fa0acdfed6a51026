//! Compiles the programs of `tests/c` as C11, as C++17, and as C11 with the address and undefined
//! behaviour sanitizers. `scripts/sanitize capi` runs them with the whole library instrumented, and
//! under valgrind.

use std::path::Path;

use crate::header::root;
use crate::library::{C11, CXX17, Prefix, SANITIZED, archive, shared};
use crate::process::Running;

/// Compiles a program, and runs it with a directory of its own and the path of the shared object.
pub(crate) fn run(prefix: &Prefix, compiler: &[&str], source: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("program");
    prefix.compile(compiler, source, &program);
    let data = dir.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let mut command = prefix.command(&program);
    command.arg(data).arg(prefix.shared_object());
    Running::start(&mut command, dir.path().join("log")).wait();
}

macro_rules! programs {
    ($($name:ident),* $(,)?) => {
        programs!(c11, C11, $($name)*);
        programs!(cxx17, CXX17, $($name)*);
        programs!(sanitized, SANITIZED, $($name)*);

        const ALL: &[&str] = &[$(stringify!($name)),*];
    };
    ($module:ident, $compiler:ident, $($name:ident)*) => {
        mod $module {
            use super::*;

            $(#[test]
            fn $name() {
                let source = root().join(concat!("crates/capi/tests/c/", stringify!($name), ".c"));
                run(shared(), $compiler, &source);
            })*
        }
    };
}

programs!(
    commands, data, events, fork, reading, requests, starting, stores, threads, unload, versions
);

#[test]
fn the_archive_is_enough() {
    run(archive(), C11, &root().join("crates/capi/tests/c/commands.c"));
}

#[test]
fn every_program_is_run() {
    for entry in std::fs::read_dir(root().join("crates/capi/tests/c")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let is_program = path.extension().is_some_and(|extension| extension == "c");
        assert!(!is_program || ALL.contains(&name), "{name} is in no test");
    }
}
