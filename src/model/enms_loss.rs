//! What eNMS 4.6 loses of a record, although the record is valid.

use super::{InstanceType, Kind, Record, View};

/// The type of a device that other devices can have as their gateway.
const GATEWAY: &str = "gateway";

/// A part of a record that eNMS cannot import.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EnmsLoss {
    /// eNMS has no model for this `type`, and refuses the record.
    UnknownType(String),
    /// A service has no `type`. eNMS can import it, but not run it.
    ServiceWithoutType,
    /// The name of a file is not its path with `/` written `>`. eNMS makes the name from the path.
    FileName,
    /// A device has a list `devices`, but is not a gateway. eNMS drops the list.
    DevicesOfNoGateway,
}

impl EnmsLoss {
    /// Returns the losses of a record.
    pub fn of(record: &dyn Record) -> Vec<Self> {
        let kind = record.kind();
        let mut losses = Vec::new();
        match record.view("type") {
            Some(View::Text(word)) if !word.is_empty() => {
                if !InstanceType::is_known(kind, word) {
                    losses.push(Self::UnknownType(word.to_owned()));
                } else if kind == Kind::Service && word == kind.as_str() {
                    losses.push(Self::ServiceWithoutType);
                }
            }
            _ if kind == Kind::Service => losses.push(Self::ServiceWithoutType),
            _ => {}
        }
        if kind == Kind::File {
            let path = match record.view("path") {
                Some(View::Text(path)) => path,
                _ => "",
            };
            if record.name().as_str() != path.replace('/', ">") {
                losses.push(Self::FileName);
            }
        }
        let has_devices =
            || matches!(record.view("devices"), Some(View::Texts(names)) if !names.is_empty());
        if kind == Kind::Device && !is_gateway(record) && has_devices() {
            losses.push(Self::DevicesOfNoGateway);
        }
        losses
    }
}

/// Returns whether a device is a gateway.
pub fn is_gateway(device: &dyn Record) -> bool {
    device.view("type") == Some(View::Text(GATEWAY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AnyRecord, Map, Value};

    fn losses(kind: Kind, name: &str, properties: &[(&str, Value)]) -> Vec<EnmsLoss> {
        let mut entries: Vec<(Value, Value)> = vec![("name".into(), name.into())];
        entries.extend(properties.iter().map(|(key, value)| ((*key).into(), value.clone())));
        EnmsLoss::of(&*AnyRecord::parse(kind, Map::from_entries(entries)).unwrap().record)
    }

    #[test]
    fn losses_are_found_in_the_record_alone() {
        let names = || Value::List(vec!["é>b".into()]);
        assert_eq!(losses(Kind::Device, "R 1%", &[("type", "router".into())]), []);
        assert_eq!(losses(Kind::Device, "R 1%", &[]), []);
        assert_eq!(
            losses(Kind::Device, "R 1%", &[("type", "firewall".into()), ("devices", names())]),
            [EnmsLoss::UnknownType("firewall".to_owned()), EnmsLoss::DevicesOfNoGateway]
        );
        let gateway = [("type", "gateway".into()), ("devices", names())];
        assert_eq!(losses(Kind::Device, "R 1%", &gateway), []);
        assert_eq!(losses(Kind::Service, "s", &[]), [EnmsLoss::ServiceWithoutType]);
        for without in ["", "service"] {
            let typed = [("type", without.into())];
            assert_eq!(losses(Kind::Service, "s", &typed), [EnmsLoss::ServiceWithoutType]);
        }
        assert_eq!(losses(Kind::Service, "s", &[("type", "workflow".into())]), []);
        assert_eq!(losses(Kind::File, ">a>b.txt", &[("path", "/a/b.txt".into())]), []);
        for path in ["/a/c.txt", "a/b.txt", ""] {
            let file = [("path", path.into())];
            assert_eq!(losses(Kind::File, ">a>b.txt", &file), [EnmsLoss::FileName], "{path}");
        }
        assert_eq!(losses(Kind::Pool, "p", &[("type", "pool".into())]), []);
    }
}
