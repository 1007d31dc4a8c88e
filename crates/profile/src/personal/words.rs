//! A column's name as words, so that `claimAdjuster`, `claim_adjuster` and `CLAIM ADJUSTER` say the same.
//!
//! Names are evidence beside values: they decide what values alone cannot, such as whether nine digits are a social
//! security number. The words are lower case; nothing else of the name is kept.

/// Runs of capitals that are a word of their own though a small letter follows: `IDpol` is `id` and `pol`.
const ACRONYMS: [&str; 7] = ["ID", "VIN", "SSN", "ZIP", "DOB", "NPI", "CP"];

/// The words of a column's name, lower case, in order. Cut at anything that is no letter or digit, before a capital
/// after a small letter, and between letters and digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    /// The words of a name.
    pub fn of(name: &str) -> Self {
        let characters: Vec<char> = name.chars().collect();
        let mut words = Vec::new();
        let mut word = String::new();
        for (at, &character) in characters.iter().enumerate() {
            if !character.is_alphanumeric() {
                close(&mut words, &mut word);
                continue;
            }
            if at > 0 && begins_word(&characters, at) {
                close(&mut words, &mut word);
            }
            word.push(character);
        }
        close(&mut words, &mut word);
        Self(words)
    }

    /// Whether any of `any_of` is one of the words.
    pub fn has(&self, any_of: &[&str]) -> bool {
        self.0.iter().any(|word| any_of.contains(&word.as_str()))
    }

    /// Whether the last word that is no number is one of `any_of`: `driver_2` ends in `driver`.
    pub fn ends_in(&self, any_of: &[&str]) -> bool {
        self.last().is_some_and(|word| any_of.contains(&word))
    }

    /// The last word that is no number.
    pub fn last(&self) -> Option<&str> {
        self.0.iter().rev().map(String::as_str).find(|word| !word.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// Whether `pair` stands in the name, one word after the other.
    pub fn has_pair(&self, pair: [&str; 2]) -> bool {
        self.0.windows(2).any(|two| two[0] == pair[0] && two[1] == pair[1])
    }

    /// How many words there are, numbers left out.
    pub fn count(&self) -> usize {
        self.0.iter().filter(|word| !word.bytes().all(|byte| byte.is_ascii_digit())).count()
    }
}

fn close(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        words.push(std::mem::take(word).to_lowercase());
    }
}

/// Whether a word begins at `at`, given that a letter or digit stands there and `at` is not 0.
fn begins_word(characters: &[char], at: usize) -> bool {
    let (before, here) = (characters[at - 1], characters[at]);
    if !before.is_alphanumeric() {
        return false;
    }
    if before.is_numeric() != here.is_numeric() {
        return true;
    }
    if before.is_lowercase() && here.is_uppercase() {
        return true;
    }
    let next_is_small = characters.get(at + 1).is_some_and(|next| next.is_lowercase());
    if here.is_uppercase() && before.is_uppercase() && next_is_small {
        return !ends_acronym(characters, at);
    }
    before.is_uppercase() && here.is_lowercase() && at >= 2 && ends_acronym(characters, at - 1)
}

/// Whether the capitals that end with the one at `at` are a known acronym.
fn ends_acronym(characters: &[char], at: usize) -> bool {
    let start = characters[..at].iter().rposition(|character| !character.is_uppercase()).map_or(0, |last| last + 1);
    let run: String = characters[start..=at].iter().collect();
    ACRONYMS.contains(&run.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_into_words() {
        for (name, expected) in [
            ("insured_name", "insured name"),
            ("InsuredName", "insured name"),
            ("claimant height", "claimant height"),
            ("ICD_diagnosis_code", "icd diagnosis code"),
            ("IDpol", "id pol"),
            ("HTTPServer", "http server"),
            ("PolicyID", "policy id"),
            ("unitVIN2", "unit vin 2"),
            ("available_history_1", "available history 1"),
            ("  ", ""),
            ("DateOfBirth", "date of birth"),
            ("drv_age_lic2", "drv age lic 2"),
            ("ÜberName", "über name"),
        ] {
            assert_eq!(Words::of(name).0.join(" "), expected, "{name}");
        }
    }

    #[test]
    fn numbers_at_the_end_do_not_hide_the_last_word() {
        let words = Words::of("driver_2");
        assert!(words.ends_in(&["driver"]));
        assert_eq!(words.count(), 1);
        assert!(Words::of("date_of_birth").has_pair(["of", "birth"]));
    }
}
