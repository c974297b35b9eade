//! Folded words: names that people spell differently become equal.

/// Returns the words of a name, folded: in lower case, without accents and punctuation. A capital
/// after a small letter begins a word, so `apiKey` has two. `ä` becomes `a`.
pub fn folded_words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    for c in name.chars() {
        if ('\u{300}'..='\u{36f}').contains(&c) {
            // The accent of a decomposed letter.
            continue;
        }
        let begins = c.is_uppercase() && after_small;
        after_small = c.is_lowercase();
        if (begins || !c.is_alphanumeric()) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut()
            && c.is_alphanumeric()
        {
            c.to_lowercase().for_each(|c| push_folded(word, c));
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns the folded words of a name without gaps: `IP-Adresse` and `ip_adresse` become
/// `ipadresse`.
pub fn folded(name: &str) -> String {
    folded_words(name).concat()
}

/// Adds a small letter without its accent. Covers the languages whose headings are known.
fn push_folded(word: &mut String, c: char) {
    match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => word.push('a'),
        'ç' | 'ć' | 'č' => word.push('c'),
        'è'..='ë' | 'ē' | 'ę' | 'ě' => word.push('e'),
        'ì'..='ï' | 'ī' => word.push('i'),
        'ñ' | 'ń' => word.push('n'),
        'ò'..='ö' | 'ø' | 'ō' | 'ő' => word.push('o'),
        'ù'..='ü' | 'ū' | 'ű' => word.push('u'),
        'ý' | 'ÿ' => word.push('y'),
        'º' => word.push('o'),
        'ß' => word.push_str("ss"),
        'æ' => word.push_str("ae"),
        'œ' => word.push_str("oe"),
        '\u{300}'..='\u{36f}' => {}
        other => word.push(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_folded_to_the_same_word() {
        for name in ["IP-Adresse", "ip_adresse", " Ip  Adresse:", "IPAdresse", "ipAdresse"] {
            assert_eq!(folded(name), "ipadresse", "{name}");
        }
        for name in ["Gerätename", "Gera\u{308}tename", "GERÄTENAME"] {
            assert_eq!(folded(name), "geratename", "{name}");
        }
        assert_eq!(folded("Nº de série"), "nodeserie");
        assert_eq!(folded("Straße œ"), "strasseoe");
        assert_eq!(folded_words("apiKey (new)"), ["api", "key", "new"]);
        assert_eq!(folded_words("Имя 机器"), ["имя", "机器"]);
        assert!(folded_words(" %/ ").is_empty());
    }
}
