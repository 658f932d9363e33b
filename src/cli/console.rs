//! Standard input and output of a command.

use std::io::{Read, Write};

/// Puts out what `write` writes, all at once.
pub fn print(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> anyhow::Result<()> {
    let mut out = Vec::new();
    write(&mut out)?;
    Ok(std::io::stdout().write_all(&out)?)
}

/// The text of an argument; `-` reads standard input.
pub fn text_of(argument: &str) -> std::io::Result<String> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Ok(text)
}
