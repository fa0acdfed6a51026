//! Compiles the C++ shim, once for all feature sets.
//!
//! Cargo runs this script again for each set of features, with an `OUT_DIR` of its own, and libtorrent's
//! headers take seconds to compile for each file. So the objects are kept beside those directories, in one
//! that is named after the compile command, and a file is compiled when what it is made of has changed.
//! That is told by content, so that a fresh `OUT_DIR` or a `touch` recompiles nothing.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// What the objects are kept in, and how each is made.
pub(crate) struct Shim {
    compiler: cc::Tool,
    out_dir: PathBuf,
    objects: PathBuf,
    jobs: usize,
}

impl Shim {
    /// `version` is libtorrent's: its headers are not among the files that are watched.
    pub(crate) fn new(build: &cc::Build, version: &str) -> io::Result<Self> {
        let variable = |name: &str| std::env::var(name).map_err(io::Error::other);
        let out_dir = PathBuf::from(variable("OUT_DIR")?);
        let compiler = build.get_compiler();
        let mut identity = DefaultHasher::new();
        version.hash(&mut identity);
        output(Command::new(compiler.path()).arg("--version"))?.hash(&mut identity);
        for argument in compiler.args() {
            argument
                .to_string_lossy()
                .replace(&*out_dir.to_string_lossy(), "OUT")
                .hash(&mut identity);
        }
        compiler.get_envs().collect::<Vec<_>>().hash(&mut identity);
        // target/debug/build/torrent-patron-HASH/out
        let build_dir = out_dir.ancestors().nth(2).unwrap_or(&out_dir);
        let objects = build_dir.join(format!("torrent-patron-shim-{:016x}", identity.finish()));
        std::fs::create_dir_all(&objects)?;
        let jobs = variable("NUM_JOBS")?.parse().unwrap_or(1);
        Ok(Self { compiler, out_dir, objects, jobs })
    }

    /// The objects of these sources, in their order.
    pub(crate) fn compile(&self, sources: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
        let queue = Mutex::new(sources.iter());
        let results = Mutex::new(BTreeMap::new());
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.clamp(1, sources.len()) {
                scope.spawn(|| {
                    loop {
                        let Some(source) = queue.lock().unwrap().next() else { return };
                        let object = self.object(source);
                        results.lock().unwrap().insert(source, object);
                    }
                });
            }
        });
        let mut results = results.into_inner().unwrap();
        sources.iter().filter_map(|source| results.remove(source)).collect()
    }

    fn object(&self, source: &Path) -> io::Result<PathBuf> {
        let mut name = DefaultHasher::new();
        self.neutral(source).hash(&mut name);
        let stem = source.file_stem().unwrap_or_default().to_string_lossy();
        let base = format!("{stem}-{:016x}", name.finish());
        let file = |suffix: &str| self.objects.join(format!("{base}.{suffix}"));
        let (object, inputs) = (file("o"), file("inputs"));
        if object.exists() && self.is_fresh(&inputs) {
            return Ok(object);
        }
        // What it says is not true of the object that is to come.
        let _ = std::fs::remove_file(&inputs);
        // Under names of our own until all is there: another cargo may be doing the same.
        let own = |suffix: &str| file(&format!("{}.{suffix}", std::process::id()));
        let (new, depends, read) = (own("o"), own("d"), own("inputs"));
        let mut command = self.compiler.to_command();
        command.arg("-c").arg(source).arg("-o").arg(&new).arg("-MMD").arg("-MF").arg(&depends);
        run(&mut command)?;
        self.record(&depends, &read)?;
        std::fs::remove_file(&depends)?;
        std::fs::rename(&new, &object)?;
        std::fs::rename(&read, &inputs)?;
        Ok(object)
    }

    /// Whether each file that went into an object has the content that it had.
    fn is_fresh(&self, inputs: &Path) -> bool {
        let Ok(text) = std::fs::read_to_string(inputs) else { return false };
        text.lines().all(|line| {
            let Some((content, path)) = line.split_once(' ') else { return false };
            let path = path.replace("OUT_DIR", &self.out_dir.to_string_lossy());
            digest(Path::new(&path)).is_ok_and(|now| now == content)
        })
    }

    fn record(&self, depends: &Path, inputs: &Path) -> io::Result<()> {
        let text = std::fs::read_to_string(depends)?.replace("\\\n", " ");
        let (_, files) =
            text.split_once(": ").ok_or_else(|| io::Error::other("no dependencies"))?;
        let mut out = std::fs::File::create(inputs)?;
        // A blank in a name is escaped.
        for file in files.replace("\\ ", "\0").split_whitespace() {
            let file = file.replace('\0', " ");
            writeln!(out, "{} {}", digest(Path::new(&file))?, self.neutral(Path::new(&file)))?;
        }
        Ok(())
    }

    /// The path without what changes from one feature set to the next.
    fn neutral(&self, path: &Path) -> String {
        path.to_string_lossy().replace(&*self.out_dir.to_string_lossy(), "OUT_DIR")
    }
}

fn digest(path: &Path) -> io::Result<String> {
    let mut hasher = DefaultHasher::new();
    std::fs::read(path)?.hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

fn output(command: &mut Command) -> io::Result<Vec<u8>> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("{command:?}: {}", output.status)));
    }
    Ok(output.stdout)
}

fn run(command: &mut Command) -> io::Result<()> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{command:?}: {status}"))) }
}
