//! The device.

use super::{
    Any, Bool, Group, Int, InverseName, KindFacts, Many, Name, Text, User, entity::entity,
};

entity! {
    /// A network device. A gateway (`type` is `gateway`) lists the devices behind it in `devices`.
    Device {
        creator: Text = "",
        description: Text = "",
        devices: Many<Device>,
        down: Bool = false,
        gateways: Many<Device>,
        icon: Text = "router",
        ip_address: Text = "",
        last_configuration_duration: Text = "Never",
        last_configuration_failure: Text = "Never",
        last_configuration_runtime: Text = "Never",
        last_configuration_status: Text = "Never",
        last_configuration_update: Text = "Never",
        last_modified: Text = "",
        last_modified_by: Text = "",
        last_operational_data_duration: Text = "Never",
        last_operational_data_failure: Text = "Never",
        last_operational_data_runtime: Text = "Never",
        last_operational_data_status: Text = "Never",
        last_operational_data_update: Text = "Never",
        latitude: Text = "0.0",
        location: Text = "",
        longitude: Text = "0.0",
        model: Text = "",
        name: Name,
        napalm_driver: Text = "ios",
        netconf_driver: Text = "default",
        netmiko_driver: Text = "cisco_ios",
        operating_system: Text = "",
        os_version: Text = "",
        owners: Many<User>,
        port: Int = 22,
        positions: Any,
        priority: Int = 1,
        rbac_configuration: Many<Group>,
        rbac_connect: Many<Group>,
        rbac_edit: Many<Group>,
        rbac_read: Many<Group>,
        rbac_target: Many<Group>,
        reachable: Bool = false,
        scrapli_driver: Text = "cisco_iosxe",
        serial_number: Text = "",
        subtype: Text = "",
        r#type: Text = "device",
        vendor: Text = "",
    }
}

impl KindFacts for Device {
    const INVERSE_NAMES: &'static [InverseName] =
        &[InverseName::new("devices", "gateways"), InverseName::new("gateways", "devices")];

    /// The device's configuration and the output of its commands. They can have megabytes, and must
    /// not slow down other work with the device.
    const LONG_TEXTS: &'static [&'static str] = &["configuration", "operational_data"];
}
