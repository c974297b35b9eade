//! The long texts of a restore: their check, their comparison with the inventory, and their writing.

use std::collections::HashSet;

use super::{report::TextCounts, source::TextsPart};
use crate::{
    backup::{BackupError, RefusedBackup, TextProblem, lines::TextLine, parts::PartLines},
    import::{Decoded, ImportError, IncomingTexts, OtherTexts, PutText},
    job::Progress,
    model::{Kind, limits::LONG_TEXT_BYTES_MAX},
    store::LiveView,
};

/// The devices whose texts are restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TextScope {
    /// All devices. Texts that the backup does not have are removed.
    All,
    /// The device with this name.
    Device(String),
}

/// The long texts of a backup.
pub(super) struct BackupTexts {
    part: TextsPart,
    scope: TextScope,
}

impl BackupTexts {
    pub(super) fn new(part: TextsPart, scope: TextScope) -> Self {
        Self { part, scope }
    }

    /// Checks the texts, and compares them with those of the inventory. `decoded` has the devices of the
    /// backup.
    ///
    /// # Errors
    /// - [`RefusedBackup::Text`] or [`RefusedBackup::Line`] if a text cannot be restored.
    /// - [`BackupError::Store`] if the inventory cannot be read, or the operation was cancelled.
    pub(super) fn compare(
        &self,
        decoded: &Decoded,
        existing: &LiveView,
        progress: &Progress,
    ) -> Result<TextCounts, BackupError> {
        let mut counts = TextCounts::default();
        let mut matched = HashSet::new();
        let mut last = None;
        let mut devices = decoded.names(Kind::Device);
        self.each_line(|lines, text| {
            progress.check()?;
            if let Some(problem) = problem_of(&text, last.as_ref()) {
                return Err(lines.refused_text(problem).into());
            }
            last = Some((text.device.to_string(), text.property.to_string()));
            if !self.is_in_scope(&text.device) {
                return Ok(());
            }
            if !devices.contains(&text.device)? {
                let problem = TextProblem::UnknownDevice { device: text.device.into_owned() };
                return Err(lines.refused_text(problem).into());
            }
            let before = existing.text(&text.device, &text.property)?;
            match before {
                None => counts.added += 1,
                Some(before) if Some(&*before.text) == text.text.as_deref() => {
                    counts.unchanged += 1;
                }
                Some(_) => counts.changed += 1,
            }
            if matches!(self.scope, TextScope::Device(_)) {
                matched.insert(text.property.into_owned());
            }
            Ok::<_, BackupError>(())
        })?;
        counts.removed = match &self.scope {
            TextScope::All => {
                existing.text_count()?.saturating_sub(counts.changed + counts.unchanged)
            }
            TextScope::Device(device) => {
                let texts = existing.texts(device)?.into_iter();
                texts.filter(|property| !matched.contains(property)).count() as u64
            }
        };
        Ok(counts)
    }

    fn is_in_scope(&self, device: &str) -> bool {
        match &self.scope {
            TextScope::All => true,
            TextScope::Device(name) => device == name,
        }
    }

    /// Calls `each` with each present text. The earlier texts follow them in the part, and are not read.
    fn each_line<X: From<BackupError> + From<RefusedBackup>>(
        &self,
        mut each: impl FnMut(&PartLines<'_>, TextLine<'_>) -> Result<(), X>,
    ) -> Result<(), X> {
        let Some(mut lines) = self.part.lines() else { return Ok(()) };
        let mut line = Vec::new();
        while lines.next(&mut line)? {
            let text: TextLine<'_> = lines.parse(&line)?;
            if text.number.is_some() {
                break;
            }
            each(&lines, text)?;
        }
        Ok(())
    }
}

/// The error while texts are written: that of the backup, or that of the writing.
enum WriteError {
    Backup(BackupError),
    Import(ImportError),
}

impl From<BackupError> for WriteError {
    fn from(error: BackupError) -> Self {
        Self::Backup(error)
    }
}

impl From<RefusedBackup> for WriteError {
    fn from(error: RefusedBackup) -> Self {
        Self::Backup(error.into())
    }
}

impl IncomingTexts for BackupTexts {
    fn each(&self, put: &mut PutText<'_>) -> Result<(), ImportError> {
        let mut written = HashSet::new();
        let read = self.each_line(|_, text| {
            if !self.is_in_scope(&text.device) {
                return Ok(());
            }
            put(&text.device, &text.property, text.text.as_deref()).map_err(WriteError::Import)?;
            if matches!(self.scope, TextScope::Device(_)) {
                written.insert(text.property.into_owned());
            }
            Ok(())
        });
        read.map_err(|error| match error {
            WriteError::Import(error) => error,
            WriteError::Backup(error) => ImportError::Text(Box::new(error)),
        })?;
        if let TextScope::Device(device) = &self.scope {
            for property in Kind::Device.long_texts() {
                if !written.contains(*property) {
                    put(device, property, None)?;
                }
            }
        }
        Ok(())
    }

    fn others(&self) -> OtherTexts {
        match self.scope {
            TextScope::All => OtherTexts::Removed,
            TextScope::Device(_) => OtherTexts::Kept,
        }
    }
}

/// Returns the reason why a text cannot be restored. `last` has the device and the property of the text
/// before it.
fn problem_of(text: &TextLine<'_>, last: Option<&(String, String)>) -> Option<TextProblem> {
    let TextLine { device, property, text, .. } = text;
    if !Kind::Device.long_texts().contains(&&**property) {
        return Some(TextProblem::UnknownProperty { property: property.to_string() });
    }
    let is_later = last.is_none_or(|(last_device, last_property)| {
        (last_device.as_str(), last_property.as_str()) < (&**device, &**property)
    });
    if !is_later {
        return Some(TextProblem::OutOfOrder);
    }
    match text {
        None => Some(TextProblem::Missing),
        Some(text) if text.len() > LONG_TEXT_BYTES_MAX => {
            Some(TextProblem::Long { bytes: text.len() })
        }
        Some(_) => None,
    }
}
