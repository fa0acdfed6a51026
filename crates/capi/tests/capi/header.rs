//! Generates `include/torrent_patron.h` from `crates/capi/src`: a preface, then a chapter for each
//! file.
//!
//! `make header` writes it. A test fails if it is out of date.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

/// The files of each chapter, in reading order.
const CHAPTERS: &[&[&str]] = &[
    &["support/text"],
    &["support/failure", "errors"],
    &["support/handles"],
    &["version"],
    &["settings"],
    &["statistics"],
    &["metainfo"],
    &["magnet"],
    &["support/hashing"],
    &["maker"],
    &["verifier"],
    &["add_options"],
    &["ip_filter"],
    &["client"],
    &["patron"],
    &["status"],
    &["reply"],
    &["files"],
    &["pieces"],
    &["reading"],
    &["torrent_options"],
    &["peers"],
    &["trackers"],
    &["store"],
    &["whole_client"],
    &["peer_classes"],
    &["events"],
    &["wake"],
    &["log"],
];

const RULE: &str = "===============================================================================================";

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    package().join("../..").canonicalize().unwrap()
}

fn package() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

pub(crate) fn path() -> PathBuf {
    root().join("include/torrent_patron.h")
}

fn generate() -> Result<String> {
    let config = cbindgen::Config::from_file(package().join("cbindgen.toml"))
        .map_err(anyhow::Error::msg)
        .context("cbindgen.toml")?;
    let mut header = std::fs::read_to_string(package().join("src/preface.h"))?;
    for files in CHAPTERS {
        let sources: Vec<_> =
            files.iter().map(|name| package().join(format!("src/{name}.rs"))).collect();
        header.push('\n');
        header.push_str(&chapter(&sources, &config).with_context(|| files.join(", "))?);
    }
    header.push_str("\n#ifdef __cplusplus\n}\n#endif\n\n#endif /* TORRENT_PATRON_H */\n");
    Ok(header)
}

/// Takes the title and the introduction from the first file, and the declarations from all.
fn chapter(sources: &[PathBuf], config: &cbindgen::Config) -> Result<String> {
    let text = std::fs::read_to_string(&sources[0])?;
    let intro: Vec<_> = text.lines().map_while(|line| line.strip_prefix("//!")).collect();
    let [title, "", intro @ ..] = &intro[..] else { bail!("no title with an empty line below it") };
    let mut out = format!("/* {RULE}\n *{title}\n * {RULE}\n *\n");
    out.push_str(&wrapped(intro, " *").join("\n"));
    out.push_str("\n */\n\n");
    if sources[0].ends_with("text.rs") {
        out.push_str(TEXT_MACRO);
    }
    let declared: Result<Vec<_>> =
        sources.iter().map(|source| declarations(source, config.clone())).collect();
    out.push_str(&declared?.join("\n"));
    Ok(out)
}

fn declarations(source: &Path, mut config: cbindgen::Config) -> Result<String> {
    let text = expanded(&std::fs::read_to_string(source)?);
    // Also the structs that no function of this chapter uses.
    config.export.include = text
        .lines()
        .filter_map(|line| line.strip_prefix("pub struct "))
        .filter_map(|rest| rest.split_whitespace().next().map(str::to_owned))
        .collect();
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("chapter.rs");
    std::fs::write(&file, text)?;
    let bindings = cbindgen::Builder::new().with_config(config).with_src(file).generate()?;
    let mut declarations = Vec::new();
    bindings.write(&mut declarations);
    Ok(by_hand(&String::from_utf8(declarations)?))
}

/// A Rust enum and its variants that have numbers in C, from `numbers!` and `choices!`
/// (`support/numbers.rs`).
pub(crate) struct Numbers {
    pub(crate) name: String,
    pub(crate) variants: Vec<String>,
    /// What the variants are called in C.
    pub(crate) constants: Vec<String>,
}

pub(crate) fn numbers() -> Result<Vec<Numbers>> {
    let mut all: Vec<Numbers> = Vec::new();
    for name in CHAPTERS.concat() {
        for line in std::fs::read_to_string(package().join(format!("src/{name}.rs")))?.lines() {
            if let Some(name) = opens_numbers(line) {
                all.push(Numbers {
                    name: name.to_owned(),
                    variants: Vec::new(),
                    constants: Vec::new(),
                });
            } else if let (Some((name, _, variant)), Some(last)) = (number(line), all.last_mut()) {
                last.variants.push(variant.to_owned());
                last.constants.push(format!("PATRON_{name}"));
            }
        }
    }
    Ok(all)
}

/// "numbers! { EventKind:"
fn opens_numbers(line: &str) -> Option<&str> {
    let name = line.strip_prefix("numbers! { ").or_else(|| line.strip_prefix("choices! { "))?;
    name.strip_suffix(':')
}

/// "    PATRON_EVENT_PAUSED = 7 => Paused,"
fn number(line: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = line.strip_prefix("    PATRON_")?.split_once(" = ")?;
    let (number, variant) = rest.strip_suffix(',')?.split_once(" => ")?;
    Some((name, number, variant))
}

/// Expands the macros that cbindgen cannot expand.
fn expanded(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for line in text.lines() {
        if opens_numbers(line).is_some() {
            inside = true;
        } else if inside && line == "}" {
            inside = false;
        } else if let Some((name, number, _)) = number(line).filter(|_| inside) {
            out.push_str(&format!("pub const PATRON_{name}: i32 = {number};\n"));
        } else {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

const TEXT_MACRO: &str = "/** Passed as the length of a text: the text ends in a zero byte. */
#define PATRON_ZERO_TERMINATED SIZE_MAX

/** The two arguments for a text that ends in a zero byte. */
#define PATRON_TEXT(text) (text), PATRON_ZERO_TERMINATED

";

/// Formats the output as if written by hand: comments use the full width, short comments are on one
/// line, and negative numbers are in parentheses.
fn by_hand(text: &str) -> String {
    let mut out = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(indent) = line.strip_suffix("/**") {
            let comment: Vec<_> = lines
                .by_ref()
                .take_while(|line| line.trim() != "*/")
                .map(|line| line.trim().trim_start_matches('*'))
                .collect();
            let comment = wrapped(&comment, &format!("{indent} *"));
            match &comment[..] {
                [words] if words.len() + " */".len() < WIDTH => {
                    let words = words.trim_start().trim_start_matches('*');
                    out.push(format!("{indent}/**{words} */"));
                }
                _ => {
                    out.push(line.to_owned());
                    out.extend(comment);
                    out.push(format!("{indent} */"));
                }
            }
        } else if let (true, Some((define, number))) =
            (line.starts_with("#define"), line.split_once(" -"))
        {
            out.push(format!("{define} (-{number})"));
        } else if line.starts_with("typedef ") {
            out.push(line.to_owned());
        } else {
            // cbindgen writes the tag of each type that the same file declares.
            out.push(line.replace("struct ", ""));
        }
    }
    out.push(String::new());
    out.join("\n")
}

const WIDTH: usize = 100;

/// Wraps the paragraphs of a comment. Each line starts with `prefix` and is at most `WIDTH` wide.
fn wrapped(lines: &[&str], prefix: &str) -> Vec<String> {
    let mut out = Vec::new();
    for paragraph in lines.split(|line| line.trim().is_empty()) {
        let mut line = prefix.to_owned();
        for word in paragraph.iter().flat_map(|line| line.split_whitespace()) {
            if line.len() + 1 + word.len() > WIDTH {
                out.push(std::mem::replace(&mut line, prefix.to_owned()));
            }
            line.push(' ');
            line.push_str(word);
        }
        // An empty line between paragraphs, or only the prefix if the text begins with one.
        out.push(line);
        out.push(prefix.to_owned());
    }
    out.pop();
    out
}

/// A function as the header declares it.
pub(crate) struct Function {
    pub(crate) name: String,
    /// As in C: "int32_t" or "patron_text".
    pub(crate) result: String,
    pub(crate) parameters: Vec<Parameter>,
}

pub(crate) struct Parameter {
    /// Without `struct` and with one space before each `*`: "const patron_add_options *". For a pointer
    /// to an array or function, the whole declaration without the name.
    pub(crate) kind: String,
    pub(crate) name: String,
}

pub(crate) fn functions() -> Vec<Function> {
    let text = std::fs::read_to_string(path()).unwrap();
    let (_, text) = text.split_once("extern \"C\" {\n#endif\n").unwrap();
    let (text, _) = text.split_once("#ifdef __cplusplus").unwrap();
    let mut code = String::new();
    for (index, part) in text.split("/*").enumerate() {
        code.push_str(if index == 0 { part } else { part.split_once("*/").unwrap().1 });
    }
    let code: Vec<_> = code.lines().filter(|line| !line.starts_with('#')).collect();
    let code = code.join(" ").replace("struct ", "");
    // The members of a struct are not functions: they have no parentheses.
    let statements = code.split(';').filter(|statement| statement.contains('('));
    statements.map(|statement| function(statement.trim())).collect()
}

fn function(statement: &str) -> Function {
    let (head, parameters) = statement.split_once('(').unwrap();
    let parameters = parameters.strip_suffix(')').unwrap();
    let (result, name) = declaration(head);
    // A comma in parentheses belongs to a function type.
    let mut depth = 0;
    let parameters = parameters.split(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0 && c == ','
    });
    let parameters = parameters.filter(|text| text.trim() != "void").map(|text| {
        let (kind, name) = declaration(text);
        Parameter { kind, name }
    });
    Function { name, result, parameters: parameters.collect() }
}

/// Splits a declaration into type and name.
fn declaration(text: &str) -> (String, String) {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((before, rest)) = text.split_once("(*") {
        let (name, after) = rest.split_once(')').unwrap();
        return (format!("{before}(*){after}"), name.to_owned());
    }
    let start = text.rfind(|c: char| !c.is_alphanumeric() && c != '_').unwrap() + 1;
    (text[..start].trim().to_owned(), text[start..].to_owned())
}

#[test]
fn the_header_is_what_the_sources_say() -> Result<()> {
    let fresh = generate()?;
    if std::env::var_os("PATRON_WRITE_HEADER").is_some() {
        std::fs::write(path(), &fresh)?;
    }
    let known = std::fs::read_to_string(path()).unwrap_or_default();
    ensure!(known == fresh, "include/torrent_patron.h has drifted; `make header` writes it anew");
    Ok(())
}

#[test]
fn every_file_is_of_a_chapter_or_says_nothing_to_c() -> Result<()> {
    let chapters = CHAPTERS.concat();
    for (name, text) in crate::layers::sources()? {
        let speaks = text.contains("#[unsafe(no_mangle)]") || text.contains("pub const PATRON_");
        let is_listed = chapters.contains(&&*name);
        ensure!(is_listed || !speaks, "{name} declares what the header lacks");
        ensure!(is_listed || name.starts_with("support/") || name == "lib", "{name} is no chapter");
    }
    Ok(())
}
