//! The names of operating systems in other tools, by the Netmiko driver of a device.

/// The models of Oxidized (`lib/oxidized/model/`).
const OXIDIZED: [(&str, &str); 18] = [
    ("arista_eos", "eos"),
    ("cisco_asa", "asa"),
    ("cisco_ios", "ios"),
    ("cisco_nxos", "nxos"),
    ("cisco_xe", "ios"),
    ("cisco_xr", "iosxr"),
    ("dell_os10", "os10"),
    ("extreme_exos", "xos"),
    ("fortinet", "fortios"),
    ("hp_comware", "comware"),
    ("hp_procurve", "procurve"),
    ("huawei", "vrp"),
    ("juniper", "junos"),
    ("juniper_junos", "junos"),
    ("linux", "linuxgeneric"),
    ("mikrotik_routeros", "routeros"),
    ("nokia_sros", "timos"),
    ("paloalto_panos", "panos"),
];

/// The types of RANCID (`rancid.types.base`).
const RANCID: [(&str, &str); 12] = [
    ("arista_eos", "arista"),
    ("cisco_asa", "cisco"),
    ("cisco_ios", "cisco"),
    ("cisco_nxos", "cisco-nx"),
    ("cisco_xe", "cisco"),
    ("cisco_xr", "cisco-xr"),
    ("extreme_exos", "extreme"),
    ("fortinet", "fortigate"),
    ("hp_procurve", "hp"),
    ("juniper", "juniper"),
    ("juniper_junos", "juniper"),
    ("paloalto_panos", "paloalto"),
];

/// The model of Oxidized for a driver. An unknown driver is its own name.
pub(super) fn oxidized(driver: &str) -> &str {
    find(&OXIDIZED, driver)
}

/// The type of RANCID for a driver. An unknown driver is its own name.
pub(super) fn rancid(driver: &str) -> &str {
    find(&RANCID, driver)
}

fn find<'d>(table: &[(&str, &'static str)], driver: &'d str) -> &'d str {
    let known = table.iter().find(|(known, _)| *known == driver);
    known.map_or(driver, |(_, name)| *name)
}
