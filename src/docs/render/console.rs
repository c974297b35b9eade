//! Splits a console block into commands and their output. The renderer and the tests that run the
//! pages both use this file.

/// A command and its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// The command without the prompt. It can have several lines.
    pub(super) command: String,
    /// The lines below the command.
    pub(super) output: String,
}

/// Splits a block into steps. A command begins with `$ `. It continues on the next line while its
/// last line ends with a backslash, or a single quote or a here-document is open.
///
/// # Errors
/// If a line precedes the first command, or a command does not end.
pub(super) fn steps(block: &str) -> Result<Vec<Step>, String> {
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
