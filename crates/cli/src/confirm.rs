//! Asking before something is destroyed.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::Args;

use crate::failure::Failure;

/// The flag of every command that destroys something.
#[derive(Args, Clone, Debug)]
pub(crate) struct Confirm {
    /// Do it without asking; needed where nobody can be asked
    #[arg(short, long)]
    yes: bool,
}

impl Confirm {
    /// Goes on if the flag says so, or a person at the terminal does. `what` would be done: "delete topic orders".
    pub(crate) fn ask(&self, what: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            return Err(Failure::Usage(format!(
                "nobody can be asked whether to {what}: say --yes to do it"
            )));
        }
        judge(what, &mut io::stdin().lock(), &mut io::stderr())
    }
}

fn judge(what: &str, from: &mut impl BufRead, to: &mut impl Write) -> Result<(), Failure> {
    let refused = || Failure::Failed("nothing is changed".to_owned());
    write!(to, "{what}? [y/N] ").map_err(|_| refused())?;
    to.flush().map_err(|_| refused())?;
    let mut answer = String::new();
    from.read_line(&mut answer).map_err(|_| refused())?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_yes_is_yes() {
        for (answer, goes_on) in [
            ("y\n", true),
            (" YES \n", true),
            ("n\n", false),
            ("", false),
        ] {
            let mut asked = Vec::new();
            let outcome = judge("delete all", &mut answer.as_bytes(), &mut asked);
            assert_eq!(outcome.is_ok(), goes_on, "{answer:?}");
            assert_eq!(asked, b"delete all? [y/N] ");
        }
    }
}
