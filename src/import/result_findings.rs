//! Findings of the records of one kind as they are after the import. They do not prevent it.

use std::collections::BTreeMap;

use super::{
    ImportError,
    decide::{Decision, Step},
    existing_look_alikes::ExistingLookAlikes,
    findings::SharedAddresses,
    gateways::Gateways,
    log::Log,
    pairs::Reading,
    scope::Scope,
};
use crate::{
    model::{EnmsLoss, Kind, Record},
    wording::counted,
};

/// The number of different losses of a kind that a report names. A hostile document can have any
/// number of types.
const LOSSES_MAX: usize = 20;

/// The number of records that a sentence names.
const RECORDS_NAMED_MAX: usize = 3;

/// Findings of the records of one kind.
pub(super) struct ResultFindings {
    kind: Kind,
    reading: Reading,
    losses: Losses,
    devices: Option<DeviceFindings>,
    look_alikes: Option<ExistingLookAlikes>,
}

/// Findings that only devices have.
struct DeviceFindings {
    addresses: SharedAddresses,
    gateways: Gateways,
}

impl ResultFindings {
    pub(super) fn new(kind: Kind, reading: Reading, scope: &Scope<'_>, log: &Log) -> Self {
        let devices = || DeviceFindings {
            addresses: SharedAddresses::new(log.scratch()),
            gateways: Gateways::new(log.scratch()),
        };
        Self {
            kind,
            reading,
            losses: Losses::default(),
            devices: (kind == Kind::Device).then(devices),
            look_alikes: ExistingLookAlikes::new(kind, reading, scope),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Examines a record.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] if a finding cannot be stored, [`ImportError::Store`] if an
    /// existing record cannot be decoded.
    pub(super) fn examine(
        &mut self,
        step: &Step<'_>,
        scope: &Scope<'_>,
    ) -> Result<(), ImportError> {
        if let Some(look_alikes) = &mut self.look_alikes {
            look_alikes.examine(self.kind, step, scope)?;
        }
        let Some(result) = &step.result else { return Ok(()) };
        let is_incoming = match step.decision {
            Decision::Create | Decision::Update | Decision::LeaveUnchanged => true,
            Decision::Keep | Decision::Adjust | Decision::Remove => false,
        };
        if is_incoming {
            self.losses.examine(&*result.record);
        }
        if let Some(DeviceFindings { addresses, gateways }) = &mut self.devices {
            addresses.offer(&*result.record, is_incoming)?;
            if self.reading == Reading::Lookup && is_incoming && step.is_change() {
                let existing = step.existing_record(self.kind)?;
                addresses.note_new(&*result.record, existing.as_deref());
            }
            gateways.offer(&*result.record, is_incoming)?;
        }
        Ok(())
    }

    /// Examines the existing records that a lookup does not read.
    ///
    /// # Errors
    /// [`ImportError::Store`] or [`ImportError::TemporaryFile`] if a record cannot be read.
    pub(super) fn finish(&mut self, scope: &Scope<'_>, log: &Log) -> Result<(), ImportError> {
        match (self.reading, &mut self.devices) {
            (Reading::Lookup, Some(devices)) => devices.addresses.offer_others(scope, log),
            (Reading::Walk, _) | (Reading::Lookup, None) => Ok(()),
        }
    }

    /// Adds the warnings about the records.
    ///
    /// # Errors
    /// [`ImportError::TemporaryFile`] or [`ImportError::Store`] if names cannot be read.
    pub(super) fn warn(self, scope: &Scope<'_>, log: &Log) -> Result<(), ImportError> {
        self.losses.warn(self.kind, log);
        if let Some(DeviceFindings { addresses, gateways }) = self.devices {
            addresses.warn(log).map_err(ImportError::TemporaryFile)?;
            gateways.warn(self.reading, scope, log)?;
        }
        match self.look_alikes {
            Some(look_alikes) => look_alikes.warn(self.kind, scope, log),
            None => Ok(()),
        }
    }
}

/// What eNMS loses of the incoming records.
#[derive(Debug, Default)]
struct Losses(BTreeMap<EnmsLoss, LossCount>);

/// The number of records with a loss, and the names of the first ones.
#[derive(Debug, Default)]
struct LossCount {
    records: u64,
    first: Vec<String>,
}

impl Losses {
    fn examine(&mut self, record: &dyn Record) {
        for loss in EnmsLoss::of(record) {
            if self.0.len() >= LOSSES_MAX && !self.0.contains_key(&loss) {
                continue;
            }
            let count = self.0.entry(loss).or_default();
            count.records += 1;
            if count.first.len() < RECORDS_NAMED_MAX {
                count.first.push(format!("'{}'", record.name()));
            }
        }
    }

    fn warn(&self, kind: Kind, log: &Log) {
        for (loss, LossCount { records, first }) in &self.0 {
            let further = records - first.len() as u64;
            let further = if further > 0 { format!(" and {further} more") } else { String::new() };
            let records = format!("{}: {}{further}", counted(*records, "record"), first.join(", "));
            log.warn(match loss {
                EnmsLoss::UnknownType(word) => format!(
                    "the {kind} type '{word}' is unknown to eNMS, which would refuse {records}"
                ),
                EnmsLoss::ServiceWithoutType => {
                    format!("a service without a type cannot be run by eNMS ({records})")
                }
                EnmsLoss::FileName => format!(
                    "the name of a file must be its path with '>' for '/', or eNMS would rename or \
                     refuse it ({records})"
                ),
                EnmsLoss::DevicesOfNoGateway => format!(
                    "'devices' of a device whose type is not 'gateway' would be dropped by eNMS \
                     ({records})"
                ),
            });
        }
    }
}
