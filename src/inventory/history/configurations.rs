//! The earlier texts of devices: their versions, the text at a moment, and the differences of two.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use similar::TextDiff;

use super::{Moment, not_kept, report::rfc3339};
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

impl From<TextVersion> for ConfigurationVersion {
    fn from(version: TextVersion) -> Self {
        let present = version.is_present();
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
        let (_, versions) = self.versions(device, property)?;
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
        let (history, versions) = self.versions(device, property)?;
        let number = match moment {
            Moment::Change(number) => Some(number),
            Moment::Time(time) => history.number_at(time)?,
        };
        if let Some(number) = number
            && let AtChange::Absent = self.record_at(&history, Kind::Device, device, number)?
        {
            return Err(InventoryError::NotFound { kind: Kind::Device, name: device.to_owned() });
        }
        Ok(self.find_text(&history, &versions, (device, property), moment)?.text)
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
        let (history, versions) = self.versions(device, property)?;
        let find = |moment| self.find_text(&history, &versions, (device, property), moment);
        let new = match to {
            Some(moment) => find(moment)?,
            None => match versions.first().filter(|version| version.is_present()) {
                Some(version) => find(Moment::Change(version.number))?,
                None => TextAt { number: None, text: String::new() },
            },
        };
        let before = |version: &&TextVersion| new.number.is_none_or(|new| version.number < new);
        let old = match from {
            Some(moment) => find(moment)?,
            None => match versions.iter().find(before) {
                Some(version) => read(&history, (device, property), version)?,
                None => TextAt { number: None, text: String::new() },
            },
        };
        let title = |text: &TextAt| heading(property, device, text, &versions);
        let comparison = TextDiff::configure()
            .timeout(COMPARISON_WAIT_MAX)
            .diff_lines(old.text.as_str(), new.text.as_str());
        let mut unified = comparison.unified_diff();
        unified.context_radius(CONTEXT_LINES).header(&title(&old), &title(&new));
        Ok(unified.to_string())
    }

    /// Reads the versions of a text.
    fn versions(
        &self,
        device: &str,
        property: &str,
    ) -> Result<(HistoryView, Vec<TextVersion>), InventoryError> {
        if LongText::of(Kind::Device, property).is_none() {
            let (device, property) = (device.to_owned(), property.to_owned());
            return Err(InventoryError::NoText { device, property });
        }
        let visible = self.visible_history()?;
        visible.require(Kind::Device, device)?;
        let history = visible.history;
        let versions = history.text_versions(device, property)?;
        if versions.is_empty() && !self.0.store.read().contains(Kind::Device, device)? {
            return Err(InventoryError::NotFound { kind: Kind::Device, name: device.to_owned() });
        }
        Ok((history, versions))
    }

    /// Returns the text at a moment: from the history, or the last version that was written before.
    fn find_text(
        &self,
        history: &HistoryView,
        versions: &[TextVersion],
        (device, property): (&str, &str),
        moment: Moment,
    ) -> Result<TextAt, InventoryError> {
        let number = match moment {
            Moment::Change(number) => Some(number),
            Moment::Time(time) => history.number_at(time)?,
        };
        let is_written = |version: &&TextVersion| match (moment, &version.writer) {
            (Moment::Change(number), _) => version.number <= number,
            (Moment::Time(time), Some(writer)) => writer.time <= time,
            (Moment::Time(_), None) => false,
        };
        let version = versions.iter().find(is_written);
        if let Some(number) = number {
            match self.text_at(history, device, property, number)? {
                AtChange::Value(text) => {
                    let number = version.map(|version| version.number);
                    return Ok(TextAt { number, text });
                }
                AtChange::Absent => return Ok(TextAt { number: None, text: String::new() }),
                AtChange::NotYet => return Err(self.no_change(history, number)?),
                AtChange::BeforeBegin(_) | AtChange::Replaced(_) => {}
            }
        }
        match version {
            Some(version) => read(history, (device, property), version),
            None => Err(not_kept(history)?),
        }
    }
}

/// Reads the text of a version.
fn read(
    history: &HistoryView,
    (device, property): (&str, &str),
    version: &TextVersion,
) -> Result<TextAt, InventoryError> {
    match history.text_of(device, property, version)? {
        Some(text) => Ok(TextAt { number: Some(version.number), text }),
        None => Err(not_kept(history)?),
    }
}

/// The name of a text in the heading of a comparison.
fn heading(property: &str, device: &str, text: &TextAt, versions: &[TextVersion]) -> String {
    let Some(number) = text.number else { return format!("{property} of {device}\tnone") };
    let version = versions.iter().find(|version| version.number == number);
    let writer = version.and_then(|version| version.writer.as_ref());
    let writer = writer.map(|writer| format!(", {}, {}", rfc3339(writer.time), writer.principal));
    format!("{property} of {device}\tchange {number}{}", writer.unwrap_or_default())
}
