//! Numbers that their format fills with zeros, such as `00042`.

use super::notices::Tallies;
use crate::{codec::workbook::Cell, model::PropertyType, wording::counted};

/// The values of a sheet that were read as the number format shows them, by their property.
#[derive(Default)]
pub(super) struct FilledNumbers(Tallies);

impl FilledNumbers {
    /// Adds a value, unless its type has no zeros before a number.
    pub(super) fn add(
        &mut self,
        type_: PropertyType,
        property: &str,
        cell: &Cell<'_>,
        address: impl FnOnce() -> String,
    ) {
        if keeps_zeros(type_) {
            self.0.add(property, || format!("'{cell}' in {}", address()));
        }
    }

    /// A sentence for each property of the sheet with this name.
    pub(super) fn warnings(&self, sheet: &str) -> Vec<String> {
        self.0.sentences(|property, tally| {
            format!(
                "sheet '{sheet}': {} of '{property}' {} read with the zeros that the number format \
                 shows: {}",
                counted(tally.count(), "number"),
                if tally.count() == 1 { "was" } else { "were" },
                tally.places()
            )
        })
    }
}

/// Returns whether a value of this type keeps the zeros before a number.
fn keeps_zeros(type_: PropertyType) -> bool {
    match type_ {
        PropertyType::Name | PropertyType::Text | PropertyType::One(_) | PropertyType::Any => true,
        PropertyType::Int
        | PropertyType::Bool
        | PropertyType::Float
        | PropertyType::Many(_)
        | PropertyType::Secret => false,
    }
}
