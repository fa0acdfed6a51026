//! Checks the layering of the code: which modules may use which, and where `unsafe` is allowed. It
//! reads the sources as text; what module privacy and lints already ensure is not checked here.

mod answers;
mod parity;
mod shim;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The modules of `src/`, layer by layer: a module may use only those in earlier layers.
const LAYERS: &[&[&str]] = &[
    &["text"],
    &["error", "wakers"],
    &["reply"],
    &["model"],
    &["sys"],
    &["settings"],
    &["metainfo"],
    &["add"],
    &["messages"],
    // The handle never uses the engine.
    &["engine", "patron", "store"],
    &["client"],
];

/// The only module that may use `unsafe`.
const BRIDGE: &str = "sys/";

fn sources() -> Vec<(String, String)> {
    fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap().with_extension("");
            (name.to_str().unwrap().replace('\\', "/"), std::fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// The code without tests and comments.
fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = before_tests.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The modules that a file names as `crate::MODULE`.
fn uses(code: &str) -> BTreeSet<String> {
    let modules = code.split("crate::").skip(1).map(|rest| {
        rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
    });
    // `pub(crate)` has no `::`.
    modules.filter(|module| !module.is_empty()).collect()
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// The modules of the library, each with those that its files name.
fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, text) in sources() {
        let is_test = file.starts_with("client/tests/") || file == "engine/fake";
        if is_test || ["lib", "guide"].contains(&&*file) {
            continue;
        }
        let module = file.split('/').next().unwrap_or_default();
        edges.entry(module.to_owned()).or_default().extend(uses(&code(&text)));
    }
    edges
}

#[test]
fn each_module_uses_only_the_layers_above_it() {
    let edges = edges();
    assert_eq!(edges.len(), LAYERS.iter().flat_map(|layer| layer.iter()).count());
    for (module, used) in edges {
        let own = layer(&module).unwrap_or_else(|| panic!("{module} is in no layer"));
        for other in used.into_iter().filter(|other| *other != module) {
            let theirs = layer(&other).unwrap_or_else(|| panic!("{module} names crate::{other}"));
            assert!(theirs < own, "{module} uses {other}; see LAYERS");
        }
    }
}

#[test]
fn the_installer_and_the_build_support_the_same_versions() {
    let read = |path: &str| {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
    };
    let (setup, build) = (read("vendor/setup"), read("build.rs"));
    for (shell, rust) in [("\noldest=", "OLDEST"), ("\nbeyond=", "BEYOND")] {
        let version = setup.split(shell).nth(1).and_then(|rest| rest.lines().next()).unwrap();
        assert!(build.contains(&format!("const {rust}: &str = \"{version}\"")), "{version}");
    }
}

#[test]
fn the_state_of_the_client_thread_knows_no_engine() {
    for (file, text) in sources().into_iter().filter(|(file, _)| file.starts_with("client/state")) {
        assert!(!uses(&code(&text)).contains("engine"), "{file} names the engine");
    }
}

#[test]
fn unsafe_code_stays_beside_the_bridge_and_says_why_it_is_safe() {
    for (file, text) in sources() {
        let lines: Vec<_> = text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let opens = ["unsafe {", "unsafe impl", "unsafe fn", "unsafe extern"];
            let is_code = !line.trim_start().starts_with("//");
            if !is_code || !opens.iter().any(|opening| line.contains(opening)) {
                continue;
            }
            assert!(file.starts_with(BRIDGE), "{file}:{}: unsafe outside of sys", number + 1);
            // cxx's block declares functions; the shim behind it is ours.
            let reason = line.contains("unsafe extern \"C++\"")
                || lines[..number].iter().rev().take(3).any(|above| above.contains("SAFETY:"));
            assert!(reason, "{file}:{}: unsafe without a SAFETY line", number + 1);
        }
    }
}

/// `rust-version` is what the dependencies need, and no more. cargo is asked only about this
/// platform: other platforms' crates are not downloaded.
#[test]
#[cfg(target_os = "linux")]
fn the_rust_version_is_the_highest_that_the_dependencies_need() {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline", "--locked"])
        .args(["--filter-platform", &platform])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let version = |package: &serde_json::Value| -> Option<Vec<u32>> {
        let text = package["rust_version"].as_str()?;
        Some(text.split('.').map(|part| part.parse().unwrap()).take(2).collect())
    };
    let packages = metadata["packages"].as_array().unwrap();
    let by_id = |id: &str| packages.iter().find(|package| package["id"] == id).unwrap();
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let root = packages.iter().find(|package| package["name"] == env!("CARGO_PKG_NAME")).unwrap();
    // Dependencies of the tests, and of other packages in the workspace, do not count.
    let (mut seen, mut open) = (BTreeSet::new(), vec![root["id"].as_str().unwrap()]);
    while let Some(id) = open.pop() {
        let node = nodes.iter().find(|node| node["id"] == id).unwrap();
        for dependency in node["deps"].as_array().unwrap() {
            let kinds = dependency["dep_kinds"].as_array().unwrap();
            if kinds.iter().any(|kind| kind["kind"] != "dev") {
                let id = dependency["pkg"].as_str().unwrap();
                if seen.insert(id) {
                    open.push(id);
                }
            }
        }
    }
    let highest = seen.into_iter().filter_map(|id| version(by_id(id))).max();
    assert_eq!(version(root), highest);
}
