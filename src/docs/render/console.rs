//! A block of commands and of what they print: where a command ends.
//!
//! The pages are rendered by these rules and the tests run them by the same.

/// One command and what is shown of its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Without the prompt, with the ends of its lines.
    pub command: String,
    /// The lines below it.
    pub output: String,
}

/// Cuts a block into its steps. A command begins with `$ ` and goes on while its last line ends
/// with a backslash, a single quote is open, or a here-document is.
///
/// # Errors
/// Something stands above the first command.
pub fn steps(block: &str) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = block.lines();
    while let Some(line) = lines.next() {
        if let Some(first) = line.strip_prefix("$ ") {
            let mut command = first.to_owned();
            while is_open(&command) {
                let next = lines.next().ok_or_else(|| format!("never ends: {command}"))?;
                command.push('\n');
                command.push_str(next);
            }
            steps.push(Step { command, output: String::new() });
        } else {
            let step = steps.last_mut().ok_or_else(|| format!("no command above: {line}"))?;
            step.output.push_str(line);
            step.output.push('\n');
        }
    }
    Ok(steps)
}

fn is_open(command: &str) -> bool {
    if let Some((_, rest)) = command.split_once("<<'") {
        let end = rest.split('\'').next().unwrap_or_default();
        return command.lines().last() != Some(end);
    }
    command.ends_with('\\') || command.matches('\'').count() % 2 == 1
}
