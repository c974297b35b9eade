//! The earlier texts of devices: their versions, the text at a moment, and the differences of two.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use similar::TextDiff;

use super::{Moment, not_kept, record_names::RecordNames, report::rfc3339};
use crate::{
    inventory::{Inventory, InventoryError, long_text::LongText},
    model::Kind,
    store::{AtChange, HistoryView, TextVersion},
};

/// The longest time for a comparison of two texts. Beyond it, the differences are right but not the
/// shortest ones.
const COMPARISON_WAIT_MAX: Duration = Duration::from_secs(5);

/// The number of equal lines around each difference, as in diff(1).
const CONTEXT_LINES: usize = 3;

/// A version of a text of a device.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "ConfigurationVersion")]
pub struct ConfigurationVersion {
    /// The number of the change that wrote the text.
    pub number: u64,
    /// When the text was written (RFC 3339, UTC). Absent if this is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub time: Option<String>,
    /// The user who wrote the text. Absent if this is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub principal: Option<String>,
    /// The operation that wrote the text, such as `put_configuration`. Absent if this is not kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub operation: Option<String>,
    /// The message of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub message: Option<String>,
    /// The size of the text in bytes.
    pub bytes: u64,
    /// Whether it is the present text.
    pub present: bool,
}

impl From<DeviceText> for ConfigurationVersion {
    fn from(text: DeviceText) -> Self {
        let DeviceText { version, is_present: present, .. } = text;
        let TextVersion { number, writer, bytes, .. } = version;
        let mut shown = Self {
            number,
            time: None,
            principal: None,
            operation: None,
            message: None,
            bytes,
            present,
        };
        if let Some(writer) = writer {
            shown.time = Some(rfc3339(writer.time));
            shown.principal = Some(writer.principal);
            shown.operation = Some(writer.operation);
            shown.message = writer.message;
        }
        shown
    }
}

/// A version of a text, under the name that the device had.
struct DeviceText {
    device: String,
    version: TextVersion,
    /// Whether it is the present text. It can have been written under an earlier name.
    is_present: bool,
}

/// The versions of a text of one device, the newest first, and the names of the device.
struct DeviceTexts {
    history: HistoryView,
    names: RecordNames,
    versions: Vec<DeviceText>,
}

/// A text at a moment.
struct TextAt {
    /// The number of the change that wrote it. `None` if there was no text.
    number: Option<u64>,
    text: String,
}

impl Inventory {
    /// Returns the versions of a text of a device, the newest first.
    ///
    /// # Errors
    /// - [`InventoryError::NotFound`] if there is no such device and no version of its text.
    /// - [`InventoryError::NoText`] if devices have no text of this name.
    /// - [`InventoryError::Store`] if the history cannot be read.
    pub fn text_versions(
        &self,
        device: &str,
        property: &str,
    ) -> Result<Vec<ConfigurationVersion>, InventoryError> {
        let DeviceTexts { versions, .. } = self.versions(device, property)?;
        Ok(versions.into_iter().map(ConfigurationVersion::from).collect())
    }

    /// Returns a text of a device as it was at a moment. It is empty if the device had none.
    ///
    /// # Errors
    /// - [`InventoryError::NotFound`] if there was no device of this name at the moment.
    /// - As for [`Inventory::text_versions`].
    /// - [`InventoryError::NotKept`] or [`InventoryError::NoChange`] if the history does not have this
    ///   moment, and the text of it is not kept.
    pub fn configuration_at(
        &self,
        device: &str,
        property: &str,
        moment: Moment,
    ) -> Result<String, InventoryError> {
        let texts = self.versions(device, property)?;
        let number = match moment {
            Moment::Change(number) => Some(number),
            Moment::Time(time) => texts.history.number_at(time)?,
        };
        if let Some(number) = number
            && let AtChange::Absent =
                self.record_at(&texts.history, Kind::Device, device, number)?
        {
            return Err(InventoryError::NotFound { kind: Kind::Device, name: device.to_owned() });
        }
        Ok(self.find_text(&texts, device, property, moment)?.text)
    }

    /// Returns the differences of two texts of a device in the unified format of diff(1); empty if they are
    /// equal. The default of `from` is the version before the second text, that of `to` the present text.
    ///
    /// # Errors
    /// As for [`Inventory::configuration_at`].
    pub fn text_difference(
        &self,
        device: &str,
        property: &str,
        from: Option<Moment>,
        to: Option<Moment>,
    ) -> Result<String, InventoryError> {
        let texts = self.versions(device, property)?;
        let versions = &texts.versions;
        let new = match to {
            // The device had an earlier name at an earlier moment.
            Some(moment) => self.find_text_of_device(&texts, device, property, moment)?,
            None => match versions.first().filter(|text| text.is_present) {
                Some(text) => read(&texts.history, property, text)?,
                None => TextAt { number: None, text: String::new() },
            },
        };
        let before = |text: &&DeviceText| new.number.is_none_or(|new| text.version.number < new);
        let old = match from {
            Some(moment) => self.find_text_of_device(&texts, device, property, moment)?,
            None => match versions.iter().find(before) {
                Some(text) => read(&texts.history, property, text)?,
                None => TextAt { number: None, text: String::new() },
            },
        };
        let title = |text: &TextAt| heading(property, device, text, versions);
        let comparison = TextDiff::configure()
            .timeout(COMPARISON_WAIT_MAX)
            .diff_lines(old.text.as_str(), new.text.as_str());
        let mut unified = comparison.unified_diff();
        unified.context_radius(CONTEXT_LINES).header(&title(&old), &title(&new));
        Ok(unified.to_string())
    }

    /// Reads the versions of a text, also those from before the device was renamed.
    fn versions(&self, device: &str, property: &str) -> Result<DeviceTexts, InventoryError> {
        if LongText::of(Kind::Device, property).is_none() {
            let (device, property) = (device.to_owned(), property.to_owned());
            return Err(InventoryError::NoText { device, property });
        }
        let visible = self.visible_history()?;
        visible.require(Kind::Device, device)?;
        let history = visible.history;
        let names = RecordNames::of(&self.0.store, &history, Kind::Device, device)?;
        let mut versions: Vec<DeviceText> = Vec::new();
        for period in names.periods() {
            let found = history.text_versions(&period.name, property)?.into_iter();
            let found = found.filter(|version| {
                period.contains(version.number) || (period.from == 0 && period.below.is_none())
            });
            let mut found = found.peekable();
            // A rename writes the text under the new name. The version under the old name stands for it.
            let is_copy = |copy: &DeviceText, original: &TextVersion| {
                period.below == Some(copy.version.number) && copy.version.bytes == original.bytes
            };
            let copy = match (versions.last(), found.peek()) {
                (Some(last), Some(original)) if is_copy(last, original) => versions.pop(),
                _ => None,
            };
            let mut is_present = copy.map(|copy| copy.is_present);
            versions.extend(found.map(|version| DeviceText {
                device: period.name.clone(),
                is_present: is_present.take().unwrap_or(version.is_present()),
                version,
            }));
        }
        if versions.is_empty() && !self.0.store.read().contains(Kind::Device, device)? {
            return Err(InventoryError::NotFound { kind: Kind::Device, name: device.to_owned() });
        }
        Ok(DeviceTexts { history, names, versions })
    }

    /// Returns the text of a device at a moment, under the name that the device had then.
    fn find_text_of_device(
        &self,
        texts: &DeviceTexts,
        device: &str,
        property: &str,
        moment: Moment,
    ) -> Result<TextAt, InventoryError> {
        let number = match moment {
            Moment::Change(number) => Some(number),
            Moment::Time(time) => texts.history.number_at(time)?,
        };
        let name = number.and_then(|number| texts.names.name_at(number));
        self.find_text(texts, name.unwrap_or(device), property, moment)
    }

    /// Returns the text at a moment: from the history, or the last version that was written before.
    fn find_text(
        &self,
        texts: &DeviceTexts,
        device: &str,
        property: &str,
        moment: Moment,
    ) -> Result<TextAt, InventoryError> {
        let DeviceTexts { history, versions, .. } = texts;
        let number = match moment {
            Moment::Change(number) => Some(number),
            Moment::Time(time) => history.number_at(time)?,
        };
        let is_written = |text: &&DeviceText| match (moment, &text.version.writer) {
            (Moment::Change(number), _) => text.version.number <= number,
            (Moment::Time(time), Some(writer)) => writer.time <= time,
            (Moment::Time(_), None) => false,
        };
        let written = versions.iter().find(is_written);
        if let Some(number) = number {
            match self.text_at(history, device, property, number)? {
                AtChange::Value(text) => {
                    let number = written.map(|text| text.version.number);
                    return Ok(TextAt { number, text });
                }
                AtChange::Absent => return Ok(TextAt { number: None, text: String::new() }),
                AtChange::NotYet => return Err(self.no_change(history, number)?),
                AtChange::BeforeBegin(_) | AtChange::Replaced(_) => {}
            }
        }
        match written {
            Some(text) => read(history, property, text),
            None => Err(not_kept(history)?),
        }
    }
}

/// Reads the text of a version.
fn read(
    history: &HistoryView,
    property: &str,
    text: &DeviceText,
) -> Result<TextAt, InventoryError> {
    match history.text_of(&text.device, property, &text.version)? {
        Some(found) => Ok(TextAt { number: Some(text.version.number), text: found }),
        None => Err(not_kept(history)?),
    }
}

/// The name of a text in the heading of a comparison.
fn heading(property: &str, device: &str, text: &TextAt, versions: &[DeviceText]) -> String {
    let Some(number) = text.number else { return format!("{property} of {device}\tnone") };
    let found = versions.iter().find(|text| text.version.number == number);
    let device = found.map_or(device, |found| &*found.device);
    let writer = found.and_then(|found| found.version.writer.as_ref());
    let writer = writer.map(|writer| format!(", {}, {}", rfc3339(writer.time), writer.principal));
    format!("{property} of {device}\tchange {number}{}", writer.unwrap_or_default())
}
