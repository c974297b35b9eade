//! Names that indicate a secret, in the languages of common inventories.

use super::folded::folded_words;

/// Words that indicate a secret if they are a word of the name: English, German, French, Spanish,
/// Portuguese and Italian. They are folded. As parts of other words they say nothing (`token` in
/// `tokenize`, `senha` in `Rosenhaus`).
const WORDS: [&str; 23] = [
    "clave",
    "communaute",
    "communities",
    "community",
    "comunidad",
    "comunidade",
    "contrasena",
    "geheim",
    "geheimnis",
    "mdp",
    "psk",
    "pw",
    "pwd",
    "secret",
    "secreto",
    "secrets",
    "segredo",
    "segreto",
    "senha",
    "senhas",
    "token",
    "tokens",
    "kennwort",
];

/// Parts of a name that mark a secret at any position of the name, after its gaps are removed.
const PARTS: [&str; 17] = [
    "apikey",
    "apischlussel",
    "apischluessel",
    "clefapi",
    "contrasena",
    "kennwort",
    "motdepasse",
    "palavrapasse",
    "paroladordine",
    "passphrase",
    "passwd",
    "password",
    "passwort",
    "presharedkey",
    "privatekey",
    "privaterschlussel",
    "chiaveapi",
];

/// Returns whether a name indicates a secret: `Passwort`, `mot de passe`, `enable
/// secret`, `snmp_community`, `apiKey`.
pub fn indicates_secret(name: &str) -> bool {
    let words = folded_words(name);
    if words.iter().any(|word| WORDS.contains(&word.as_str())) {
        return true;
    }
    let whole = words.concat();
    PARTS.iter().any(|part| whole.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_recognised_in_six_languages() {
        for name in [
            "Passwort",
            "PASSWORD",
            "Enable-Passwort",
            "mot de passe",
            "Mot_de_passe admin",
            "contraseña",
            "contrasen\u{303}a",
            "senha",
            "palavra-passe",
            "parola d'ordine",
            "enable secret",
            "SNMP Community",
            "community_ro",
            "token",
            "netbox_token",
            "API key",
            "apiKey",
            "API-Schlüssel",
            "private key",
            "pre-shared key",
            "PSK",
            "Kennwort",
            "pwd",
        ] {
            assert!(indicates_secret(name), "{name}");
        }
        for name in [
            "name",
            "Secretary",
            "Rosenhaus",
            "tokenized",
            "key",
            "Sekretariat",
            "keyboard",
            "passage",
            "location",
            "",
            "password".get(..4).unwrap_or_default(),
        ] {
            assert!(!indicates_secret(name), "{name}");
        }
    }
}
