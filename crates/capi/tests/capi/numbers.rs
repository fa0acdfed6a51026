//! Checks that each variant of a Rust enum in the C ABI has a number, and that the module for Python has
//! the same numbers.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use torrent_patron::event::EventKind;

use crate::header::{Numbers, numbers, path, root};

/// Variants without a number, and the functions that take their place.
const WITHOUT: &[(&str, &str, &str)] = &[("QueueMove", "To", "patron_set_queue_position")];

/// Enums that one file converts by hand.
const BY_HAND: &[(&str, &str)] = &[("Command", "patron"), ("Source", "patron")];

/// The variants of an enum, read from the source that declares it: Rust cannot list them.
fn variants(name: &str) -> Result<BTreeSet<String>> {
    if name == "EventKind" {
        return Ok(EventKind::ALL.iter().map(|kind| kind.name().to_owned()).collect());
    }
    let declaration = format!("\npub enum {name} {{\n");
    let text = declaring(&root().join("src"), &declaration)?.with_context(|| name.to_owned())?;
    let (_, body) = text.split_once(&declaration).context("the declaration")?;
    let (body, _) = body.split_once("\n}\n").context("the end")?;
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let names = lines.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    let name = |line: &str| line.split(|c: char| !c.is_alphanumeric()).next().map(str::to_owned);
    Ok(names.filter_map(name).collect())
}

fn declaring(directory: &Path, declaration: &str) -> Result<Option<String>> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let found = match path.is_dir() {
            true => declaring(&path, declaration)?,
            false if path.extension().is_some_and(|extension| extension == "rs") => {
                Some(std::fs::read_to_string(&path)?)
            }
            false => None,
        };
        if let Some(text) = found.filter(|text| text.contains(declaration)) {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

#[test]
fn every_variant_has_a_number() -> Result<()> {
    let all = numbers()?;
    ensure!(all.len() > 15, "only {} enums were found", all.len());
    for Numbers { name, variants: numbered, .. } in &all {
        let mut known: BTreeSet<_> = numbered.iter().cloned().collect();
        ensure!(known.len() == numbered.len(), "{name} has two numbers for one variant");
        let without = WITHOUT.iter().filter(|(of, ..)| of == name);
        known.extend(without.map(|(_, variant, _)| (*variant).to_owned()));
        let declared = variants(name)?;
        let missing: Vec<_> = declared.difference(&known).collect();
        ensure!(missing.is_empty(), "{name}: {missing:?} has no number in crates/capi/src");
    }
    Ok(())
}

#[test]
fn enums_converted_by_hand_are_converted_completely() -> Result<()> {
    for (name, file) in BY_HAND {
        let text = std::fs::read_to_string(root().join(format!("crates/capi/src/{file}.rs")))?;
        for variant in variants(name)? {
            let is_there = text.contains(&format!("{name}::{variant}"));
            ensure!(is_there, "{file}.rs does not know {name}::{variant}");
        }
    }
    Ok(())
}

/// "PATRON_E_NULL" and -21, from the header.
fn constants() -> Result<BTreeSet<(String, i64)>> {
    let header = std::fs::read_to_string(path())?;
    let defined = header.lines().filter_map(|line| line.strip_prefix("#define ")?.split_once(' '));
    let number = |text: &str| text.trim_matches(['(', ')']).parse().ok();
    Ok(defined.filter_map(|(name, text)| Some((name.to_owned(), number(text)?))).collect())
}

#[test]
fn the_enums_for_python_are_those_of_the_header() -> Result<()> {
    let constants = constants()?;
    let module = std::fs::read_to_string(root().join("examples/python/patron.py"))?;
    let mut enums = 0;
    for class in module.split("\nclass ").skip(1).filter(|class| class.contains("(enum.")) {
        let (_, after) = class.split_once("\"\"\"").context("a class without a docstring")?;
        let (prefix, _) = after.split_once('*').context("a docstring without PATRON_X_*")?;
        let members =
            class.lines().take_while(|line| line.is_empty() || line.contains(&[' ', '('][..]));
        let members = members.filter_map(|line| line.strip_prefix("    ")?.split_once(" = "));
        let known: BTreeSet<(String, i64)> = members
            .map(|(name, number)| Ok((format!("{prefix}{name}"), number.parse()?)))
            .collect::<Result<_>>()?;
        let expected: BTreeSet<_> =
            constants.iter().filter(|(name, _)| name.starts_with(prefix)).cloned().collect();
        ensure!(known == expected, "{prefix}*: {:?}", known.symmetric_difference(&expected));
        enums += 1;
    }
    ensure!(enums >= 6, "only {enums} enums were found");
    Ok(())
}
