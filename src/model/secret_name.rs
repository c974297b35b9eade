//! Names that indicate a secret, in the languages of common inventories: English, German, French,
//! Spanish, Portuguese and Italian.
//!
//! All words are folded: without accents, punctuation and case ([`folded_words`]). Many of them also
//! have a harmless meaning: a key of a table, a community center, a pass. So each group of words has
//! the words beside which it means a secret.

use super::folded::folded_words;

/// The revision of the names of [`indicates_secret`]. Increase it with every change of the words below: a data
/// directory that was compared with others is compared again.
pub const USUAL_NAMES_REVISION: u32 = 1;

/// Words that mean a secret as one word of a name. As parts of other words they mean nothing
/// (`token` in `tokenize`, `senha` in `Rosenhaus`).
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "authkey", "contrasena", "contrasenha", "encryptionkey", "geheim", "geheime", "geheimer",
    "geheimes", "geheimnis", "geheimnisse", "geheimwort", "geheimzahl", "kennwort", "mdp",
    "passcode", "passcodes", "passkey", "pswd", "psk", "psw", "pw", "pwd", "radiuskey", "secret",
    "secreta", "secretas", "secrete", "secretes", "secretkey", "secreto", "secretos", "secrets",
    "segredo", "segredos", "segreta", "segrete", "segreti", "segreto", "senha", "senhas",
    "sharedkey", "sshkey", "tacacskey", "token", "tokens", "wpakey", "zugangscode", "zugangsdaten",
    "zugriffscode",
];

/// Parts of a name that mean a secret at any position, after the gaps of the name are removed.
#[rustfmt::skip]
const PARTS: &[&str] = &[
    "apikey", "apischlussel", "apischluessel", "chaveapi", "chiaveapi", "claveapi", "cleapi",
    "clefapi", "contrasena", "contrasenha", "kennwort", "motdepasse", "motsdepasse",
    "palavrapasse", "palavraspasse", "parolachiave", "paroladordine", "paroledordine",
    "passphrase", "passwd", "password", "passwort", "phrasedepasse", "presharedkey", "privatekey",
    "privaterschlussel", "privaterschluessel",
];

/// Last words of names that tell about a secret and do not contain it: `password_expires`, `token_url`,
/// `private_key_file`.
#[rustfmt::skip]
const ATTRIBUTES: &[&str] = &[
    "ablauf", "ablaufdatum", "age", "algorithm", "attempts", "changed", "created", "datum", "enabled",
    "expiration", "expired", "expires", "expiry", "file", "filename", "geaendert", "geandert",
    "path", "policy", "required", "rotated", "rotation", "updated", "uri", "url", "validity",
];

/// Pairs of words that are harmless together. They are removed from a name before it is examined.
const HARMLESS_PAIRS: &[[&str; 2]] =
    &[["pass", "fail"], ["token", "bucket"], ["token", "bus"], ["token", "ring"]];

/// Words that connect others, and that change nothing.
#[rustfmt::skip]
const CONNECTING: &[&str] = &[
    "d", "da", "de", "del", "dell", "della", "des", "di", "do", "du", "for", "fur", "l", "la",
    "le", "of", "the", "zum", "zur",
];

/// Protocols and functions whose keys are secret.
#[rustfmt::skip]
const PROTOCOLS: &[&str] = &[
    "3des", "aaa", "aes", "api", "auth", "authentication", "authentifizierung", "bfd", "bgp",
    "chap", "crypto", "eigrp", "enable", "encryption", "ftp", "hmac", "hsrp", "https", "ike",
    "ikev2", "ipsec", "isis", "ldap", "ldp", "macsec", "md5", "netconf", "ntp", "ospf", "ospfv3",
    "pap", "ppp", "pre", "preshared", "priv", "privacy", "privada", "privado", "privata", "private",
    "privater", "privee", "radius", "rest", "restconf", "rip", "rsa", "sftp", "sha", "shared",
    "snmp", "snmpv3", "ssh", "ssl", "tacacs", "telnet", "tls", "vpn", "vrrp", "wep", "wifi",
    "wireguard", "wlan", "wpa", "wpa2", "wpa3",
];

/// Users, devices and entrances that have a password.
#[rustfmt::skip]
const ENTRANCES: &[&str] = &[
    "acceso", "acces", "access", "accesso", "acesso", "admin", "administrador", "administrateur",
    "administrator", "amministratore", "anmeldung", "benutzer", "cli", "code", "codice", "codigo",
    "console", "consola", "database", "db", "device", "firewall", "gerat", "geraet", "konsole",
    "line", "linea", "login", "logon", "root", "router", "service", "sim", "switch", "user",
    "usuario", "utente", "utilisateur", "utilizador", "vty", "web", "zugang", "zugangs",
];

/// Versions and access levels of SNMP.
#[rustfmt::skip]
const SNMP: &[&str] = &[
    "snmp", "snmpv1", "snmpv2", "snmpv2c", "snmpv3", "v1", "v2", "v2c", "v3",
];

/// Words beside the community of SNMP.
#[rustfmt::skip]
const OF_COMMUNITIES: &[&str] = &[
    "1", "2", "3", "admin", "default", "device", "ecriture", "escrita", "escritura", "get",
    "lecture", "lectura", "leitura", "lesen", "lettura", "name", "only", "read", "readonly",
    "readwrite", "ro", "router", "rw", "schreiben", "scrittura", "set", "standard", "str", "string",
    "switch", "trap", "traps", "write",
];

/// Words that mean a secret only alone or beside certain others.
struct Ambiguous {
    words: &'static [&'static str],
    /// Every other word of the name must be one of these.
    beside: &'static [&'static [&'static str]],
    alone: Alone,
}

/// Tells whether a word means a secret if it is the whole name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alone {
    Secret,
    Harmless,
}

#[rustfmt::skip]
const AMBIGUOUS: &[Ambiguous] = &[
    // Not a community center, a Spanish region, or a community of BGP.
    Ambiguous {
        words: &[
            "communaute", "communautes", "communities", "community", "comunidad", "comunidade",
            "comunidades", "comunita",
        ],
        beside: &[SNMP, OF_COMMUNITIES],
        alone: Alone::Secret,
    },
    // Not the version or the protocol of SNMP.
    Ambiguous { words: &["auth", "priv", "ro", "rw"], beside: &[SNMP], alone: Alone::Harmless },
    // Not the key of a table, and not a public key.
    Ambiguous { words: &["key", "keys"], beside: &[PROTOCOLS, &["access"]], alone: Alone::Harmless },
    Ambiguous {
        words: &[
            "chave", "chaves", "chiave", "chiavi", "clave", "claves", "cle", "clef", "clefs", "cles",
            "schluessel", "schlussel",
        ],
        beside: &[PROTOCOLS, ENTRANCES],
        alone: Alone::Secret,
    },
    Ambiguous {
        words: &["credenciais", "credenciales", "credentials", "credenziali"],
        beside: &[PROTOCOLS, ENTRANCES],
        alone: Alone::Secret,
    },
    Ambiguous {
        words: &["parola", "pass", "pin"],
        beside: &[PROTOCOLS, ENTRANCES],
        alone: Alone::Secret,
    },
    // Not the checksum of a file.
    Ambiguous { words: &["md5"], beside: &[PROTOCOLS], alone: Alone::Harmless },
    // Not "SSH enable", which is a switch, and not "WPA2 Enterprise".
    Ambiguous {
        words: &["enable", "hash", "otp", "totp", "wpa", "wpa2", "wpa3"],
        beside: &[],
        alone: Alone::Secret,
    },
];

/// Returns whether a name indicates a secret: `Passwort`, `mot de passe`, `enable
/// secret`, `snmp_community`, `apiKey`.
pub fn indicates_secret(name: &str) -> bool {
    let words = without_harmless_pairs(&folded_words(name));
    if let [_, .., last] = words.as_slice()
        && ATTRIBUTES.contains(&last.as_str())
    {
        return false;
    }
    if words.iter().any(|word| WORDS.contains(&word.as_str())) {
        return true;
    }
    let whole = words.concat();
    PARTS.iter().any(|part| whole.contains(part))
        || AMBIGUOUS.iter().any(|group| group.means_secret(&words))
}

impl Ambiguous {
    /// Returns whether a name of these words means a secret of this group.
    fn means_secret(&self, words: &[String]) -> bool {
        let is_own = |word: &&String| self.words.contains(&word.as_str());
        let is_beside = |word: &str| self.beside.iter().any(|list| list.contains(&word));
        let others: Vec<&str> = words
            .iter()
            .filter(|word| !is_own(word))
            .map(String::as_str)
            .filter(|word| !CONNECTING.contains(word))
            .collect();
        words.iter().any(|word| is_own(&word))
            && others.iter().all(|word| is_beside(word))
            && (self.alone == Alone::Secret || !others.is_empty())
    }
}

/// Returns the words without the pairs that are harmless together.
fn without_harmless_pairs(words: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(words.len());
    for word in words {
        let is_second = |[first, second]: &[&str; 2]| {
            second == word && kept.last().is_some_and(|last| last == first)
        };
        if HARMLESS_PAIRS.iter().any(is_second) {
            kept.pop();
        } else {
            kept.push(word.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn secrets_are_recognised_in_six_languages() {
        for name in [
            // English
            "PASSWORD", "enable secret", "SNMP Community", "community_ro", "snmp_community_string",
            "token", "netbox_token", "API key", "apiKey", "private key", "pre-shared key", "PSK",
            "pwd", "Pass", "admin pass", "file password", "url_token", "radius_secret", "wlan_psk",
            "snmp_auth_password", "snmpv3_priv_key", "bgp_password", "isis_key", "ospf_auth_key", "passcode", "ssh_key", "SSHKey", "auth key", "TACACS key",
            "BGP MD5", "snmpv3 auth", "SNMP v3 priv", "SNMP RO", "snmp_ro", "SNMP RW", "WPA2",
            "WPA2 key", "PIN", "SIM PIN", "credentials", "otp", "hash", "Enable",
            // German
            "Passwort", "Passwörter", "Enable-Passwort", "API-Schlüssel", "Kennwort", "Kennwörter",
            "Schlüssel", "Schluessel", "SSH-Schlüssel", "Zugangsdaten", "privater Schlüssel",
            // French
            "mot de passe", "Mot_de_passe admin", "mots de passe", "clé", "clé API", "clé privée",
            "phrase secrète", "phrase de passe", "Communauté SNMP",
            // Spanish
            "contraseña", "contrasen\u{303}a", "contraseñas", "clave", "clave de acceso",
            "Clave del router", "Comunidad", "comunidad de lectura", "secreto", "credenciales",
            // Portuguese
            "senha", "palavra-passe", "chave", "chave secreta", "Comunidade SNMP", "segredo",
            // Italian
            "parola d'ordine", "parola chiave", "parola", "chiave", "chiave privata", "Comunità",
            "Comunità SNMP", "segreto", "credenziali",
        ] {
            assert!(indicates_secret(name), "{name}");
        }
    }

    #[test]
    #[rustfmt::skip]
    fn harmless_names_are_not_taken_for_secrets() {
        for name in [
            "", "name", "location", "pas", "Secretary", "Sekretariat",
            "Rosenhaus", "tokenized", "Token Ring", "token_bucket_rate", "key", "keyboard",
            "primary key", "public key", "SSH public key", "Product Key ID", "Key Account Manager",
            "passage", "Pass/Fail", "bypass", "Compass", "Mountain Pass", "Community Center",
            "community college", "Comunidad Autónoma", "Comunidad de Madrid", "BGP community",
            "extended communities", "Community Edition", "palabra clave de búsqueda", "Clave de país",
            "Schlüsselübergabe", "Schlüsselnummer Gebäude", "Pin A", "pinout", "Pin count", "SSH enable",
            "enabled", "Enable monitoring", "WPA2 Enterprise", "image md5", "MD5", "SNMP version",
            "snmpv3", "SNMP user", "auth", "SNMP auth protocol", "RO", "hashtag", "file hash", "chiave di volta",
            "password_expires", "Passwort geändert", "tokenExpiry", "private_key_file", "secret-path",
            "password_policy", "api_key_url",
            "Clef de sol", "parola piena", "site", "Standort", "Auth server",
        ] {
            assert!(!indicates_secret(name), "{name}");
        }
    }
}
