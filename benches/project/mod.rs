//! A project of any size in the format of eNMS, for measurements.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
};

/// Writes a project in the format of eNMS: 25 properties for each device, 12 for each link, and
/// three links for two devices. Returns the size of its documents in bytes.
pub(crate) fn make(folder: &Path, devices: u64) -> u64 {
    fs::create_dir_all(folder).unwrap();
    fs::write(
        folder.join("metadata.yaml"),
        "{export_time: 2026-11-23 00:00:00.000000, version: 4.6}\n",
    )
    .unwrap();
    let mut out = BufWriter::new(File::create(folder.join("device.yaml")).unwrap());
    let vendors = ["Cisco", "Juniper", "Arista", "Nokia"];
    for n in 0..devices {
        let vendor = vendors[(n % 4) as usize];
        write!(
            out,
            "- \"creator\": \"admin\"\n  \"description\": \"Access router number {n} of its site\"\n  \
             \"down\": !!bool \"false\"\n  \"gateways\": []\n  \"icon\": \"router\"\n  \
             \"ip_address\": \"10.{}.{}.{}\"\n  \"last_modified\": \"2026-05-12 10:56:14.905718\"\n  \
             \"latitude\": \"{}.29876\"\n  \"location\": \"Site {}\"\n  \"longitude\": \"-{}.18481\"\n  \
             \"model\": \"Model {}\"\n  \"name\": \"device-{n:07}\"\n  \"napalm_driver\": \"eos\"\n  \
             \"netmiko_driver\": \"arista_eos\"\n  \"operating_system\": \"IOS\"\n  \
             \"os_version\": \"15.5({})M\"\n  \"owners\": []\n  \"port\": !!int \"22\"\n  \
             \"positions\": {{}}\n  \"property1\": \"10.145.14.{}\"\n  \"reachable\": !!bool \"true\"\n  \
             \"serial_number\": \"SN{n:010}\"\n  \"subtype\": \"access\"\n  \"type\": \"device\"\n  \
             \"vendor\": \"{vendor}\"\n",
            n >> 16 & 255, n >> 8 & 255, n & 255, n % 90, n % 5000, n % 180, n % 40, n % 9, n % 250,
        )
        .unwrap();
    }
    let devices_bytes = out.into_inner().unwrap().metadata().unwrap().len();
    let mut out = BufWriter::new(File::create(folder.join("link.yaml")).unwrap());
    for n in 0..devices * 3 / 2 {
        let (a, b) = (n % devices, (n * 7919 + 13) % devices);
        write!(
            out,
            "- \"color\": \"#000000\"\n  \"creator\": \"admin\"\n  \"description\": \"optical fiber 10G\"\n  \
             \"destination\": \"device-{b:07}\"\n  \"last_modified\": \"2026-05-12 10:56:16.010630\"\n  \
             \"location\": \"\"\n  \"model\": \"10G\"\n  \"name\": \"link-{n:07}\"\n  \
             \"source\": \"device-{a:07}\"\n  \"subtype\": \"ODU2\"\n  \"type\": \"link\"\n  \
             \"vendor\": \"Ciena\"\n",
        )
        .unwrap();
    }
    devices_bytes + out.into_inner().unwrap().metadata().unwrap().len()
}
