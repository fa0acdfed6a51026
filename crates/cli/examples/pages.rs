//! Writes the manual pages and the shell completions of the program into a directory, below `share`
//! as they are installed: `cargo run -p torrent-patron-cli --example pages -- DIRECTORY`.

#[path = "../src/arguments.rs"]
#[allow(dead_code, unreachable_pub)] // what the program does with them
mod arguments;
#[path = "../src/selection.rs"]
#[allow(dead_code)]
mod selection;
#[path = "../src/values.rs"]
#[allow(dead_code)]
mod values;

use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_complete::Shell;

type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

fn main() -> std::io::Result<()> {
    let directory = std::env::args_os().nth(1).map(PathBuf::from);
    let share = directory.expect("usage: pages DIRECTORY").join("share");
    // Without the version of the libtorrent that happens to be loaded here.
    let mut command = arguments::Arguments::command()
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true);
    command.build();

    let manual = share.join("man/man1");
    std::fs::create_dir_all(&manual)?;
    clap_mangen::generate_to(command.clone(), &manual)?;

    for (shell, place) in [
        (Shell::Bash, "bash-completion/completions/torrent-patron"),
        (Shell::Fish, "fish/vendor_completions.d/torrent-patron.fish"),
        (Shell::Zsh, "zsh/vendor-completions/_torrent-patron"),
    ] {
        write(&share.join(place), |out| {
            clap_complete::generate(shell, &mut command, "torrent-patron", out);
        })?;
    }
    Ok(())
}

fn write(path: &Path, content: impl FnOnce(&mut Vec<u8>)) -> std::io::Result<()> {
    let mut text = Vec::new();
    content(&mut text);
    std::fs::create_dir_all(path.parent().unwrap_or(path))?;
    std::fs::write(path, text)
}
