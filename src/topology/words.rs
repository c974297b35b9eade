//! Headings of other languages: the words that people write instead of property names.

use crate::model::{Kind, folded};

/// The properties of devices, and words for them: English, German, French, Spanish, Portuguese and
/// Italian. Words are folded ([`folded`]).
const DEVICE: &[(&str, &[&str])] = &[
    (
        "name",
        &[
            "apparato",
            "apparecchio",
            "bezeichnung",
            "device",
            "devicename",
            "dispositivo",
            "equipamento",
            "equipement",
            "equipo",
            "geraet",
            "geraetename",
            "gerat",
            "geratename",
            "host",
            "hostname",
            "nodename",
            "nom",
            "nombre",
            "nombredelequipo",
            "nombredeldispositivo",
            "nome",
            "nomedispositivo",
            "nomedodispositivo",
            "nomedoequipamento",
            "nomdelequipement",
            "nomdhote",
            "nomequipement",
            "rechnername",
            "router",
            "routername",
            "switch",
            "switchname",
            "sysname",
            "systemname",
        ],
    ),
    (
        "ip_address",
        &[
            "address",
            "adresse",
            "adresseip",
            "direccion",
            "direccionip",
            "endereco",
            "enderecoip",
            "indirizzo",
            "indirizzoip",
            "ip",
            "ipaddr",
            "ipaddress",
            "ipadresse",
            "ipmanagement",
            "ipv4",
            "ipv4address",
            "ipv4adresse",
            "managementaddress",
            "managementadresse",
            "managementip",
            "mgmtadresse",
            "mgmtip",
        ],
    ),
    (
        "vendor",
        &[
            "brand",
            "constructeur",
            "costruttore",
            "fabricante",
            "fabricant",
            "fabrikat",
            "fornecedor",
            "fornitore",
            "hersteller",
            "make",
            "manufacturer",
            "marca",
            "marke",
            "marque",
            "produttore",
            "proveedor",
        ],
    ),
    (
        "model",
        &[
            "geraetetyp",
            "geratetyp",
            "modele",
            "modell",
            "modellbezeichnung",
            "modello",
            "modelo",
            "typ",
        ],
    ),
    (
        "location",
        &[
            "emplacement",
            "gebaeude",
            "gebaude",
            "lieu",
            "local",
            "localidade",
            "localisation",
            "localizacao",
            "lokation",
            "luogo",
            "niederlassung",
            "ort",
            "place",
            "posizione",
            "sede",
            "site",
            "sitio",
            "standort",
            "ubicacion",
            "ubicazione",
        ],
    ),
    (
        "serial_number",
        &[
            "matricola",
            "ndeserie",
            "nodeserie",
            "noserie",
            "nserie",
            "numerodeserie",
            "numerodiserie",
            "numeroserie",
            "numeroseriale",
            "serial",
            "seriale",
            "serialno",
            "serialnumber",
            "seriennr",
            "seriennummer",
            "sn",
            "snr",
        ],
    ),
    (
        "operating_system",
        &[
            "betriebssystem",
            "os",
            "operatingsystem",
            "sistema",
            "sistemaoperacional",
            "sistemaoperativo",
            "system",
            "systeme",
            "systemedexploitation",
        ],
    ),
    (
        "os_version",
        &[
            "firmware",
            "firmwareversion",
            "osversion",
            "softwarestand",
            "softwareversion",
            "versao",
            "version",
            "versionos",
            "versione",
        ],
    ),
    (
        "subtype",
        &[
            "fonction", "funcao", "funcion", "funktion", "funzione", "papel", "rol", "role",
            "rolle", "ruolo",
        ],
    ),
    ("latitude", &["breitengrad", "latitud", "latitudine"]),
    ("longitude", &["laengengrad", "langengrad", "longitud", "longitudine"]),
    ("description", DESCRIPTION),
];

/// The properties of links, and words for them.
const LINK: &[(&str, &[&str])] = &[
    (
        "name",
        &[
            "bezeichnung",
            "cable",
            "collegamento",
            "enlace",
            "kabel",
            "leitung",
            "liaison",
            "lien",
            "ligacao",
            "linkname",
            "nom",
            "nombre",
            "nome",
            "verbindung",
        ],
    ),
    ("source_name", &["from", "origem", "origen", "origine", "quelle", "source", "von"]),
    ("destination_name", &["destinazione", "destination", "destino", "nach", "to", "ziel", "zu"]),
    ("description", DESCRIPTION),
];

const DESCRIPTION: &[&str] = &[
    "bemerkung",
    "bemerkungen",
    "beschreibung",
    "comentario",
    "comment",
    "commentaire",
    "comments",
    "descricao",
    "descripcion",
    "descrizione",
    "kommentar",
    "nota",
    "note",
    "notes",
    "notiz",
    "observacao",
    "observacoes",
    "observaciones",
    "remark",
    "remarks",
    "remarque",
];

/// Names of rows that sum up the rows above.
const SUMS: [&str; 17] = [
    "anzahl",
    "count",
    "gesamt",
    "gesamtsumme",
    "insgesamt",
    "nombretotal",
    "soma",
    "somma",
    "somme",
    "subtotal",
    "sum",
    "suma",
    "summe",
    "total",
    "totale",
    "totales",
    "zwischensumme",
];

/// Returns the property that a heading means in another language. `None` if it is not known.
pub(super) fn property_of(kind: Kind, heading: &str) -> Option<&'static str> {
    let words = match kind {
        Kind::Link => LINK,
        _ => DEVICE,
    };
    let heading = folded(heading);
    words.iter().find(|(_, words)| words.contains(&heading.as_str())).map(|(property, _)| *property)
}

/// Returns whether the name of a row indicates a sum of the rows above: `Summe:`, `Total 40`.
pub(super) fn is_sum(name: &str) -> bool {
    let without_numbers: String = name.chars().filter(|c| !c.is_numeric()).collect();
    SUMS.contains(&folded(&without_numbers).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_of_six_languages_have_their_property() {
        for (heading, property) in [
            ("Gerätename", "name"),
            ("IP-Adresse", "ip_address"),
            ("Hersteller", "vendor"),
            ("Seriennummer", "serial_number"),
            ("Numéro de série", "serial_number"),
            ("N° de série", "serial_number"),
            ("Système d'exploitation", "operating_system"),
            ("Dirección IP", "ip_address"),
            ("Ubicación", "location"),
            ("Endereço", "ip_address"),
            ("Função", "subtype"),
            ("Numero di serie", "serial_number"),
            ("Role", "subtype"),
            ("Standort", "location"),
        ] {
            assert_eq!(property_of(Kind::Device, heading), Some(property), "{heading}");
        }
        assert_eq!(property_of(Kind::Link, "Ziel:"), Some("destination_name"));
        assert_eq!(property_of(Kind::Device, "R 1%"), None);
    }

    #[test]
    fn every_word_is_folded_and_belongs_to_one_property_of_its_kind() {
        for (kind, words) in [(Kind::Device, DEVICE), (Kind::Link, LINK)] {
            let mut seen = std::collections::BTreeSet::new();
            for (property, words) in words {
                assert!(kind.property(kind.unaliased(property)).is_some(), "{property}");
                for word in *words {
                    assert_eq!(folded(word), *word);
                    assert!(seen.insert(word), "{kind} {word}");
                }
            }
        }
        assert!(is_sum("Summe:") && is_sum("Total 40") && is_sum("SOMME") && !is_sum("Totem"));
    }
}
