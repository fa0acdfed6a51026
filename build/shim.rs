//! Compiles the C++ shim, once for all feature sets.
//!
//! Cargo runs this script again for each set of features, with a separate `OUT_DIR`, and each file
//! spends seconds on compiling libtorrent's headers. So the objects are kept next to those
//! directories, in a directory named after the compile command, and a file is compiled only if the
//! contents of its inputs have changed: a new `OUT_DIR` or a `touch` recompiles nothing.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// The headers to precompile, and the number of files from which that pays off.
const HEADERS: &str = "cpp/libtorrent.hpp";
const PAYS: usize = 5;

pub(crate) struct Shim {
    compiler: cc::Tool,
    out_dir: PathBuf,
    /// Where the objects are kept.
    objects: PathBuf,
    jobs: usize,
}

impl Shim {
    /// `version` is libtorrent's: its headers are not among the files that are checked for changes.
    pub(crate) fn new(build: &cc::Build, version: &str) -> io::Result<Self> {
        let variable = |name: &str| std::env::var(name).map_err(io::Error::other);
        let out_dir = PathBuf::from(variable("OUT_DIR")?);
        let compiler = build.get_compiler();
        let mut identity = DefaultHasher::new();
        version.hash(&mut identity);
        output(Command::new(compiler.path()).arg("--version"))?.hash(&mut identity);
        for argument in compiler.args() {
            neutral(Path::new(argument), &out_dir).hash(&mut identity);
        }
        // target/debug/build/torrent-patron-HASH/out
        let build_dir = out_dir.ancestors().nth(2).unwrap_or(&out_dir);
        let objects = build_dir.join(format!("torrent-patron-shim-{:016x}", identity.finish()));
        std::fs::create_dir_all(&objects)?;
        let jobs = variable("NUM_JOBS")?.parse().unwrap_or(1);
        Ok(Self { compiler, out_dir, objects, jobs })
    }

    /// The objects of these sources, in order.
    pub(crate) fn compile(&self, sources: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
        let stale: Vec<_> = sources.iter().filter(|source| !self.is_fresh(source)).collect();
        let headers = if stale.len() >= PAYS { self.precompile() } else { None };
        let queue = Mutex::new(stale.iter());
        let failures = Mutex::new(BTreeMap::new());
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.min(stale.len()) {
                scope.spawn(|| {
                    while let Some(source) = next(&queue)
                        && failures.lock().unwrap().is_empty()
                    {
                        if let Err(error) = self.compile_one(source, headers.as_deref()) {
                            failures.lock().unwrap().insert(source, error);
                        }
                    }
                });
            }
        });
        if let Some(headers) = &headers {
            // They take some hundred megabytes, and a single file compiles faster without them.
            std::fs::remove_file(headers.with_extension("hpp.gch"))?;
        }
        match failures.into_inner().unwrap().into_values().next() {
            Some(error) => Err(error),
            None => Ok(sources.iter().map(|source| self.file(source, "o")).collect()),
        }
    }

    /// The precompiled headers, to be included first. `None` if the compiler does not support them;
    /// compiling then takes longer.
    fn precompile(&self) -> Option<PathBuf> {
        let include = self.own("libtorrent", "hpp");
        let mut command = self.compiler.to_command();
        command.args(["-x", "c++-header"]).arg(HEADERS).arg("-o");
        let output = command.arg(include.with_extension("hpp.gch")).output().ok()?;
        output.status.success().then_some(include)
    }

    fn compile_one(&self, source: &Path, headers: Option<&Path>) -> io::Result<()> {
        let (object, inputs) = (self.file(source, "o"), self.file(source, "inputs"));
        // The recorded inputs do not apply to the new object.
        let _ = std::fs::remove_file(&inputs);
        let stem = stem(source);
        let [new, depends, read] = ["o", "d", "inputs"].map(|kind| self.own(&stem, kind));
        let mut command = self.compiler.to_command();
        if let Some(headers) = headers {
            command.arg("-include").arg(headers);
        }
        command.arg("-c").arg(source).arg("-o").arg(&new).arg("-MMD").arg("-MF").arg(&depends);
        let output = command.output()?;
        // Includes warnings.
        for line in String::from_utf8_lossy(&output.stderr).lines() {
            println!("cargo::warning={line}");
        }
        if !output.status.success() {
            let source = source.display();
            return Err(io::Error::other(format!("{source}: see what the compiler said above")));
        }
        self.record(&depends, &read)?;
        std::fs::remove_file(&depends)?;
        std::fs::rename(&new, &object)?;
        std::fs::rename(&read, &inputs)
    }

    /// Whether there is an object whose inputs have not changed.
    fn is_fresh(&self, source: &Path) -> bool {
        let inputs = std::fs::read_to_string(self.file(source, "inputs"));
        let Ok(inputs) = inputs else { return false };
        let same = |line: &str| {
            let (content, path) = line.split_once(' ')?;
            let path = path.replace("OUT_DIR", &self.out_dir.to_string_lossy());
            (digest(Path::new(&path)).ok()? == content).then_some(())
        };
        self.file(source, "o").exists() && inputs.lines().all(|line| same(line).is_some())
    }

    fn record(&self, depends: &Path, inputs: &Path) -> io::Result<()> {
        let text = std::fs::read_to_string(depends)?.replace("\\\n", " ");
        let (_, files) =
            text.split_once(": ").ok_or_else(|| io::Error::other("no dependencies"))?;
        let mut out = std::fs::File::create(inputs)?;
        // Spaces in names are escaped.
        for file in files.replace("\\ ", "\0").split_whitespace() {
            let file = PathBuf::from(file.replace('\0', " "));
            // The precompiled headers are libtorrent's.
            if !file.starts_with(&self.objects) {
                writeln!(out, "{} {}", digest(&file)?, neutral(&file, &self.out_dir))?;
            }
        }
        Ok(())
    }

    /// The path of a file that belongs to a source.
    fn file(&self, source: &Path, kind: &str) -> PathBuf {
        let mut name = DefaultHasher::new();
        neutral(source, &self.out_dir).hash(&mut name);
        self.objects.join(format!("{}-{:016x}.{kind}", stem(source), name.finish()))
    }

    /// A name that only this process uses until the file is complete: another cargo may be doing
    /// the same.
    fn own(&self, stem: &str, kind: &str) -> PathBuf {
        self.objects.join(format!("{stem}.{}.{kind}", std::process::id()))
    }
}

/// A function of its own, so that the lock is released before the item is used.
fn next<'a>(queue: &Mutex<std::slice::Iter<'_, &'a PathBuf>>) -> Option<&'a PathBuf> {
    queue.lock().unwrap().next().copied()
}

/// Files with the same name are in different directories.
fn stem(source: &Path) -> String {
    let parts = source.iter().rev().take(2).map(|part| part.to_string_lossy());
    parts.collect::<Vec<_>>().join("-").replace(['.', '/'], "_")
}

/// The path without the parts that depend on the feature set.
fn neutral(path: &Path, out_dir: &Path) -> String {
    path.to_string_lossy().replace(&*out_dir.to_string_lossy(), "OUT_DIR")
}

fn digest(path: &Path) -> io::Result<String> {
    let mut hasher = DefaultHasher::new();
    std::fs::read(path)?.hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

fn output(command: &mut Command) -> io::Result<Vec<u8>> {
    let output = command.output()?;
    if !output.status.success() {
        let program = command.get_program().display();
        return Err(io::Error::other(format!("{program} failed: {}", output.status)));
    }
    Ok(output.stdout)
}
