//! Checks docs/parity.md against the installed headers and the sources: every function of
//! libtorrent's handles has a row, and what a row names exists.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

const HANDLES: [&str; 2] = ["session_handle", "torrent_handle"];

#[test]
fn every_function_of_libtorrent_has_a_row() {
    let installed = numbers(&pkg_config("--modversion"));
    for handle in HANDLES {
        let functions = functions(&header(handle), handle);
        assert!(functions.len() > 40, "{handle} was not read: {functions:?}");
        let rows: BTreeSet<_> = rows(handle)
            .into_iter()
            .filter(|row| row.versions.contains(&installed))
            .map(|row| row.function)
            .collect();
        let missing: Vec<_> = functions.difference(&rows).collect();
        assert!(missing.is_empty(), "{handle} in docs/parity.md has no row for {missing:?}");
        let unknown: Vec<_> = rows.difference(&functions).collect();
        assert!(unknown.is_empty(), "{handle} in docs/parity.md: {unknown:?}");
    }
}

#[test]
fn every_counterpart_in_a_row_exists() {
    let sources: String = super::sources().into_iter().map(|(_, text)| text).collect();
    let mut named = 0;
    for Row { function, here, .. } in HANDLES.into_iter().flat_map(rows) {
        for name in here.split('`').skip(1).step_by(2) {
            let Some((_, item)) = name.split_once("::") else { continue };
            let definitions =
                [format!("fn {item}("), format!("fn {item}<"), format!("pub {item}: ")];
            let variants =
                [format!("    {item},"), format!("    {item}("), format!("    {item} {{")];
            let constant = format!("pub const {item}: ");
            let known = definitions.iter().chain(&variants).chain([&constant]);
            assert!(known.into_iter().any(|text| sources.contains(text)), "{function}: no {name}");
            named += 1;
        }
        assert!(
            here.contains('`') || here.contains("absent") || here.contains("each tick"),
            "{function}: {here}"
        );
    }
    assert!(named > 80, "{named} names");
}

struct Row {
    function: String,
    /// The versions of libtorrent that have the function.
    versions: Range<Vec<u32>>,
    /// Its counterpart here.
    here: String,
}

/// The rows of the table below a heading.
fn rows(handle: &str) -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/parity.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, table) = text.split_once(&format!("## `{handle}`")).unwrap();
    table.split("\n## ").next().unwrap().lines().filter_map(row).collect()
}

fn row(line: &str) -> Option<Row> {
    let (function, rest) = line.strip_prefix("| `")?.split_once('`')?;
    let (versions, here) = rest.strip_suffix(" |")?.split_once(" | ")?;
    let always = (vec![], vec![u32::MAX]);
    let (since, before) = if let Some(version) = versions.strip_prefix(", since ") {
        (numbers(version), always.1)
    } else if let Some(version) = versions.strip_prefix(", before ") {
        (always.0, numbers(version))
    } else {
        assert_eq!(versions, "", "{line}");
        always
    };
    Some(Row { function: function.into(), versions: since..before, here: here.into() })
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|number| number.parse().unwrap()).collect()
}

fn pkg_config(argument: &str) -> String {
    let output = Command::new("pkg-config").args([argument, "libtorrent-rasterbar"]).output();
    let output = output.expect("pkg-config, which the build needs too");
    assert!(output.status.success(), "pkg-config {argument}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn header(handle: &str) -> String {
    let below = PathBuf::from(pkg_config("--variable=includedir"));
    let name = format!("libtorrent/{handle}.hpp");
    // The variable may name either directory.
    let candidates =
        [below.join(&name), below.join("..").join(&name), Path::new("/usr/include").join(&name)];
    let found = candidates.iter().find(|path| path.exists());
    std::fs::read_to_string(found.unwrap_or_else(|| panic!("no {name} in {below:?}"))).unwrap()
}

/// The public functions of a struct in a header that are not deprecated; deprecated are those under
/// an `#if` on the ABI version.
fn functions(header: &str, name: &str) -> BTreeSet<String> {
    let mut deprecated = Vec::new();
    let mut code = String::new();
    for line in header.lines() {
        let line = line.split("//").next().unwrap_or_default().trim();
        if line.starts_with("#if") {
            deprecated.push(line.contains("TORRENT_ABI_VERSION"));
        } else if line.starts_with("#el") {
            deprecated.pop();
            deprecated.push(false);
        } else if line.starts_with("#endif") {
            deprecated.pop();
        } else if !line.starts_with('#') && !deprecated.contains(&true) {
            code.push_str(line);
            code.push(' ');
        }
    }
    let (_, body) = code.split_once(&format!("struct TORRENT_EXPORT {name} {{")).unwrap();
    let body = body.split(" private:").next().unwrap();
    declarations(body).iter().filter_map(|declaration| function(declaration, name)).collect()
}

/// The text between semicolons and inline bodies, without those bodies.
fn declarations(body: &str) -> Vec<String> {
    let (mut found, mut depth) = (vec![String::new()], 0);
    for letter in body.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ';' if depth == 0 => found.push(String::new()),
            _ if depth == 0 => found.last_mut().unwrap().push(letter),
            _ => {}
        }
        if depth < 0 {
            break;
        }
        if letter == '}' && depth == 0 {
            found.push(String::new());
        }
    }
    found
}

fn function(declaration: &str, of: &str) -> Option<String> {
    let other = ["friend ", "using ", "constexpr ", "operator", "TORRENT_DEPRECATED"];
    if other.iter().any(|word| declaration.contains(word)) {
        return None;
    }
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let before = declaration.split('(').next()?.trim_end();
    let name = before.rsplit(|c: char| !is_name(c)).next()?;
    (declaration.contains('(') && !name.is_empty() && name != of).then(|| name.to_owned())
}
