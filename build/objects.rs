//! Compiles C++ once for all feature sets.
//!
//! Cargo runs the build script again for each set of features, with a separate `OUT_DIR`, and each file
//! spends seconds on compiling libtorrent's headers. So the objects are kept next to those
//! directories, in a directory named after the compile command, and a file is compiled only if the
//! contents of its inputs have changed: a new `OUT_DIR` or a `touch` recompiles nothing.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// The number of files from which precompiled headers save time.
const PAYS: usize = 5;

pub(crate) struct Objects {
    compiler: cc::Tool,
    /// Directories that differ between sets of features, and their placeholders.
    places: Vec<(String, &'static str)>,
    /// The directory of the objects.
    directory: PathBuf,
    jobs: usize,
    /// The digests of the files that were read.
    digests: Mutex<HashMap<PathBuf, String>>,
}

impl Objects {
    /// Creates a directory for one profile. `kind` is part of its name.
    pub(crate) fn of_profile(build: &cc::Build, kind: &str) -> io::Result<Self> {
        // target/debug/build/torrent-patron-HASH/out
        Self::below(build, kind, 2)
    }

    /// Creates a directory for all profiles, whose compile command must be the same.
    #[cfg(feature = "vendored-plain")]
    pub(crate) fn shared(build: &cc::Build, kind: &str) -> io::Result<Self> {
        Self::below(build, kind, 4)
    }

    fn below(build: &cc::Build, kind: &str, levels: usize) -> io::Result<Self> {
        let variable = |name: &str| std::env::var(name).map_err(io::Error::other);
        let out_dir = variable("OUT_DIR")?;
        let mut places = vec![(out_dir.clone(), "OUT_DIR")];
        if let Ok(openssl) = variable("DEP_OPENSSL_INCLUDE") {
            places.push((openssl, "OPENSSL"));
        }
        let compiler = build.get_compiler();
        let mut identity = DefaultHasher::new();
        output(Command::new(compiler.path()).arg("--version"))?.hash(&mut identity);
        for argument in compiler.args() {
            neutral(Path::new(argument), &places).hash(&mut identity);
        }
        let parent = Path::new(&out_dir).ancestors().nth(levels);
        let directory = parent
            .unwrap_or(Path::new(&out_dir))
            .join(format!("torrent-patron-{kind}-{:016x}", identity.finish()));
        std::fs::create_dir_all(&directory)?;
        let jobs = variable("NUM_JOBS")?.parse().unwrap_or(1);
        Ok(Self { compiler, places, directory, jobs, digests: Mutex::default() })
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Compiles these sources and returns the objects, in order. `headers` is precompiled, if given.
    pub(crate) fn compile(
        &self,
        sources: &[PathBuf],
        headers: Option<&str>,
    ) -> io::Result<Vec<PathBuf>> {
        let stale: Vec<_> = sources.iter().filter(|source| !self.is_fresh(source)).collect();
        let headers =
            headers.filter(|_| stale.len() >= PAYS).and_then(|headers| self.precompile(headers));
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

    /// Returns the precompiled headers, to be included first; `None` if the compiler does not support them,
    /// so that compiling takes longer.
    fn precompile(&self, headers: &str) -> Option<PathBuf> {
        let include = self.own("headers", "hpp");
        let mut command = self.compiler.to_command();
        command.args(["-x", "c++-header"]).arg(headers).arg("-o");
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
        command.arg("-c").arg(source).arg("-o").arg(&new).arg("-MD").arg("-MF").arg(&depends);
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

    /// Returns whether there is an object whose inputs have not changed.
    fn is_fresh(&self, source: &Path) -> bool {
        let inputs = std::fs::read_to_string(self.file(source, "inputs"));
        let Ok(inputs) = inputs else { return false };
        let same = |line: &str| {
            let (content, path) = line.split_once(' ')?;
            (self.digest(&self.placed(path)).ok()? == content).then_some(())
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
            // The files that the precompiled headers are made of are listed too.
            if !file.starts_with(&self.directory) {
                writeln!(out, "{} {}", self.digest(&file)?, neutral(&file, &self.places))?;
            }
        }
        Ok(())
    }

    /// Reverses `neutral`.
    fn placed(&self, path: &str) -> PathBuf {
        self.places
            .iter()
            .fold(path.to_owned(), |path, (place, name)| path.replace(name, place))
            .into()
    }

    fn digest(&self, path: &Path) -> io::Result<String> {
        if let Some(known) = self.digests.lock().unwrap().get(path) {
            return Ok(known.clone());
        }
        let mut hasher = DefaultHasher::new();
        std::fs::read(path)?.hash(&mut hasher);
        let digest = format!("{:016x}", hasher.finish());
        self.digests.lock().unwrap().insert(path.into(), digest.clone());
        Ok(digest)
    }

    /// Returns the path of a file that belongs to a source.
    fn file(&self, source: &Path, kind: &str) -> PathBuf {
        let mut name = DefaultHasher::new();
        neutral(source, &self.places).hash(&mut name);
        self.directory.join(format!("{}-{:016x}.{kind}", stem(source), name.finish()))
    }

    /// Returns a name that only this process uses until the file is complete, because another cargo may be
    /// doing the same.
    fn own(&self, stem: &str, kind: &str) -> PathBuf {
        self.directory.join(format!("{stem}.{}.{kind}", std::process::id()))
    }
}

/// A separate function, so that the lock is released before the item is used.
fn next<'a>(queue: &Mutex<std::slice::Iter<'_, &'a PathBuf>>) -> Option<&'a PathBuf> {
    queue.lock().unwrap().next().copied()
}

/// Returns the stem of an object's name. Files with the same name are in different directories.
fn stem(source: &Path) -> String {
    let parts = source.iter().rev().take(2).map(|part| part.to_string_lossy());
    parts.collect::<Vec<_>>().join("-").replace(['.', '/'], "_")
}

/// Returns the path without the parts that depend on the feature set.
fn neutral(path: &Path, places: &[(String, &str)]) -> String {
    places
        .iter()
        .fold(path.to_string_lossy().into(), |path, (place, name)| path.replace(place, name))
}

fn output(command: &mut Command) -> io::Result<Vec<u8>> {
    let output = command.output()?;
    if !output.status.success() {
        let program = command.get_program().display();
        return Err(io::Error::other(format!("{program} failed: {}", output.status)));
    }
    Ok(output.stdout)
}
