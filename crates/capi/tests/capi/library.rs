//! Builds and installs the C library once for all tests, and compiles programs against it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::header::root;
use crate::process::WITHOUT_OPEN_FILES;

/// A prefix where `make install-capi` has installed the library.
pub(crate) struct Prefix {
    path: PathBuf,
    linkage: &'static [&'static str],
}

struct Library {
    built: PathBuf,
    shared: Prefix,
    /// Has no shared object, so that the linker must take the archive.
    archive: Prefix,
}

fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
        // scripts/sanitize provides a library of its own.
        let built =
            std::env::var_os("PATRON_CAPI_BUILT").map_or_else(|| build(temporary), Into::into);

        let directory = temporary.join("capi-installed");
        // Removes the files of an earlier run.
        let _ = std::fs::remove_dir_all(&directory);
        let install = |name, linkage| {
            let path = directory.join(name);
            let mut make = Command::new("make");
            make.args(["--no-print-directory", "install-capi"]);
            make.args([variable("PREFIX", &path), variable("CAPI", &built)]);
            // Ignores the variables of a make that runs this test. LDCONFIG is empty, as nothing
            // outside the prefix is installed.
            output(make.args(["DESTDIR=", "LDCONFIG=", LIBDIR]).env_remove("MAKEFLAGS"));
            Prefix { path, linkage }
        };
        let shared = install("shared", &[]);
        let archive = install("archive", &["--static"]);
        for entry in std::fs::read_dir(archive.lib()).unwrap() {
            let path = entry.unwrap().path();
            if path.to_str().unwrap().contains(".so") {
                std::fs::remove_file(path).unwrap();
            }
        }
        Library { built, shared, archive }
    })
}

fn build(temporary: &Path) -> PathBuf {
    // The target directory of this test, where the dependencies are already compiled. Cargo has
    // released its lock.
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| {
        let levels = 1 + usize::from(std::env::var_os("CARGO_BUILD_TARGET").is_some());
        temporary.ancestors().nth(levels).unwrap().into()
    });
    let built = temporary.join("capi");
    let mut command = Command::new("scripts/capi");
    command.arg(&built).env("PATRON_CAPI_PROFILE", "dev");
    // Uses the libtorrent that this test was built with.
    let features = [
        (cfg!(feature = "vendored-plain"), "vendored-plain"),
        (cfg!(feature = "vendored"), "vendored"),
        (cfg!(feature = "vendored-openssl"), "vendored-openssl"),
    ];
    let on: Vec<_> = features.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
    command.env("PATRON_CAPI_FEATURES", on.join(","));
    output(command.env("CARGO_TARGET_DIR", target).env("CARGO", env!("CARGO")));
    built
}

const LIBDIR: &str = "LIBDIR=$(PREFIX)/lib";

/// Runs a target of the Makefile with DESTDIR set. The umask must have no effect on the installed
/// files.
fn make(target: &str, directory: &Path, prefix: &str) -> String {
    let mut command = Command::new("sh");
    command.args(["-c", "umask 077; exec make --no-print-directory \"$@\"", "make", target]);
    command.args([variable("DESTDIR", directory), variable("CAPI", &library().built)]);
    command.args([format!("PREFIX={prefix}"), LIBDIR.to_owned()]);
    output(command.env_remove("MAKEFLAGS"))
}

#[cfg(unix)]
#[test]
fn an_installation_can_be_read_by_all_and_removed_whole() {
    use std::os::unix::fs::PermissionsExt;
    fn files(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let expected = if metadata.is_dir() { 0o755 } else { 0o644 };
            if metadata.is_dir() {
                files(&path, found);
            } else {
                found.push(path.clone());
            }
            let mode = metadata.permissions().mode() & 0o777;
            assert!(metadata.is_symlink() || mode == expected, "{}: {mode:o}", path.display());
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let stage = directory.path().join("a stage");
    make("install-capi", &stage, "/opt/with a space");
    let mut found = Vec::new();
    files(&stage, &mut found);
    assert_eq!(found.len(), 8, "{found:?}");

    // Parses the output of pkg-config as a shell does.
    let prefix = stage.join("opt/with a space");
    let mut shell = Command::new("bash");
    let flags = "eval \"flags=($(${PKG_CONFIG:-pkg-config} --cflags --libs torrent_patron))\"; \
                 printf '%s\\n' \"${flags[@]}\"";
    shell.args(["-c", flags]).env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
    let expected = ["-I/opt/with a space/include", "-L/opt/with a space/lib", "-ltorrent_patron"];
    assert_eq!(output(&mut shell).lines().collect::<Vec<_>>(), expected);

    make("uninstall", &stage, "/opt/with a space");
    let mut left = Vec::new();
    files(&stage, &mut left);
    assert!(left.is_empty(), "{left:?}");
}

fn variable(name: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(format!("{name}="));
    argument.push(path);
    argument
}

pub(crate) fn shared() -> &'static Prefix {
    &library().shared
}

pub(crate) fn archive() -> &'static Prefix {
    &library().archive
}

impl Prefix {
    pub(crate) fn lib(&self) -> PathBuf {
        self.path.join("lib")
    }

    pub(crate) fn header(&self) -> PathBuf {
        self.path.join("include/torrent_patron.h")
    }

    pub(crate) fn shared_object(&self) -> PathBuf {
        self.lib().join("libtorrent_patron.so")
    }

    pub(crate) fn pkg_config(&self, arguments: &[&str]) -> Vec<String> {
        let program = std::env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".into());
        let mut command = Command::new(program);
        command.env("PKG_CONFIG_PATH", self.lib().join("pkgconfig"));
        let text = output(command.args(arguments).arg("torrent_patron"));
        text.split_whitespace().map(str::to_owned).collect()
    }

    /// Runs `cc SOURCE $(pkg-config --cflags --libs torrent_patron) -o PROGRAM`.
    pub(crate) fn compile(&self, compiler: &[&str], source: &Path, program: &Path) {
        let mut command = Command::new(compiler[0]);
        command.args(&compiler[1..]).args(WARNINGS).arg(source).arg("-o");
        // A program that opens the library itself must not be linked with it.
        command.arg(program).args(["-pthread", "-ldl", "-Wl,--as-needed"]);
        command.args(self.pkg_config(&[&["--cflags", "--libs"], self.linkage].concat()));
        // A generated source is elsewhere, but includes files of this directory.
        output(command.arg("-I").arg(root().join("crates/capi/tests/c")));
    }

    /// A command for a program that inherits nothing from this process except the library path.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("bash");
        command.args(["-c", WITHOUT_OPEN_FILES]);
        let runner = std::env::var("PATRON_C_RUNNER").unwrap_or_default();
        command.args(runner.split_whitespace()).arg(program);
        command.env_clear().env("LD_LIBRARY_PATH", self.lib());
        // libtorrent looks at LANG, not LC_ALL, to decide whether file names are UTF-8.
        command.env("LC_ALL", "C.UTF-8").env("LANG", "C.UTF-8");
        for name in ["PATH", "HOME", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS"] {
            command.envs(std::env::var_os(name).map(|value| (name, value)));
        }
        command
    }
}

const WARNINGS: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g"];

pub(crate) const C11: &[&str] = &["cc", "-std=c11"];
pub(crate) const CXX17: &[&str] = &["c++", "-std=c++17", "-x", "c++"];
pub(crate) const SANITIZED: &[&str] =
    &["cc", "-std=c11", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/// Runs a command that must succeed in the root of the project, and returns its output.
pub(crate) fn output(command: &mut Command) -> String {
    let output = command.current_dir(root()).output();
    let output = output.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}\n{errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}
