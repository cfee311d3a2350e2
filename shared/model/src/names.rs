use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// Why a text can't be used as a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Nothing but white space.
    #[error("it can't be empty")]
    Empty,
    /// Too long.
    #[error("it has at most {0} characters")]
    Long(usize),
    /// Line breaks, other control characters, or marks that turn the direction of writing.
    #[error("it can't have line breaks or invisible characters")]
    Control,
    /// Signs alone: emoji, dots.
    #[error("it needs a letter or a digit")]
    Wordless,
    /// What a mail program would make a link or a tag of.
    #[error("it can't have `<`, `>` or a web address")]
    Markup,
    /// Not E.164.
    #[error(
        "a phone number is a `+`, the country code and the number, 7 to 15 digits in all: `+14155550123`"
    )]
    Phone,
    /// Not a language tag.
    #[error("a locale is a language with an optional country: `en`, `pt-BR`")]
    Locale,
}

/// Trims, composes (NFC) and checks a line of text that people will read in mails and pages.
fn line(text: &str, longest: usize) -> Result<String, InvalidText> {
    let text: String = text.trim().nfc().collect();
    if text.is_empty() {
        return Err(InvalidText::Empty);
    }
    if text.chars().count() > longest {
        return Err(InvalidText::Long(longest));
    }
    let invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
    };
    // what composes an emoji is invisible in it
    let spoken = text.chars().any(char::is_alphanumeric);
    if !spoken && !text.chars().any(char::is_control) {
        return Err(InvalidText::Wordless);
    }
    if text.chars().any(invisible) {
        return Err(InvalidText::Control);
    }
    let lower = text.to_lowercase();
    if lower.contains(['<', '>'])
        || lower.contains("://")
        || lower.contains("www.")
        || lower.contains("mailto:")
    {
        return Err(InvalidText::Markup);
    }
    Ok(text)
}

macro_rules! names {
    ($($(#[doc = $doc:literal])+ $name:ident, $longest:literal;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Parses what somebody entered.
            ///
            /// # Errors
            /// Empty, too long, or characters that don't belong into a name.
            pub fn parse(text: &str) -> Result<Self, InvalidText> {
                line(text, $longest).map(Self)
            }

            /// The name.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidText;

            fn from_str(text: &str) -> Result<Self, InvalidText> {
                Self::parse(text)
            }
        }
    )+};
}

names! {
    /// A person's first or last name, at most 100 characters.
    PersonName, 100;
    /// An organization's name, at most 200 characters.
    CompanyName, 200;
    /// A brand's name, at most 200 characters.
    BrandName, 200;
    /// A plan's name, at most 100 characters; what it means is the host platform's business.
    PlanName, 100;
    /// Why something was decided, for who reads it later, at most 500 characters.
    Reason, 500;
}

/// A phone number, E.164.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Phone(String);

impl Phone {
    /// Parses `+14155550123`.
    ///
    /// # Errors
    /// [`InvalidText::Phone`].
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        let digits = text.trim().strip_prefix('+').ok_or(InvalidText::Phone)?;
        let fits = (7..=15).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0');
        if fits { Ok(Self(format!("+{digits}"))) } else { Err(InvalidText::Phone) }
    }

    /// The number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A language with an optional country, `pt-BR` (the part of BCP 47 that mail templates need).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Locale(String);

impl Locale {
    /// Parses `en` or `pt-BR`.
    ///
    /// # Errors
    /// [`InvalidText::Locale`].
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        let (language, country) = text.split_once('-').map_or((text, None), |(l, c)| (l, Some(c)));
        let language_fits =
            (2..=3).contains(&language.len()) && language.bytes().all(|b| b.is_ascii_lowercase());
        let country_fits = country.is_none_or(|c| c.len() == 2 && c.bytes().all(|b| b.is_ascii_uppercase()));
        if language_fits && country_fits { Ok(Self(text.to_owned())) } else { Err(InvalidText::Locale) }
    }

    /// The tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::samples::{locale, phone, survives, text};

    #[test]
    fn names_are_what_people_are_called_and_nothing_else() {
        for name in ["Ana", "  José María ", "O'Brien", "李", "Smith & Sons", "d'Arc-Núñez", "Booking.com"]
        {
            assert!(PersonName::parse(name).is_ok(), "{name}");
        }
        for (name, why) in [
            ("", InvalidText::Empty),
            ("  ", InvalidText::Empty),
            ("a\r\nBcc: x@y.z", InvalidText::Control),
            ("\u{202E}nimda", InvalidText::Control),
            ("...", InvalidText::Wordless),
            (".\n.", InvalidText::Control),
            ("\u{200B}", InvalidText::Wordless),
            ("a\0b", InvalidText::Control),
            ("a\u{85}b", InvalidText::Control),
            ("<b\u{200B}>", InvalidText::Control),
            ("\u{1F44B}\u{1F3FD}\u{1F469}\u{200D}\u{1F680}", InvalidText::Wordless),
            ("<b>Ana</b>", InvalidText::Markup),
            ("see https://evil.example", InvalidText::Markup),
            ("WWW.evil.example", InvalidText::Markup),
            ("a<b", InvalidText::Markup),
            ("a>b", InvalidText::Markup),
            ("a://b", InvalidText::Markup),
            ("www.a", InvalidText::Markup),
            ("MailTo:a", InvalidText::Markup),
        ] {
            assert_eq!(PersonName::parse(name), Err(why), "{name:?}");
        }
        for (first, last) in [
            ('\u{200B}', '\u{200B}'),
            ('\u{200E}', '\u{200F}'),
            ('\u{2028}', '\u{202E}'),
            ('\u{2060}', '\u{2069}'),
            ('\u{FEFF}', '\u{FEFF}'),
        ] {
            for c in first..=last {
                assert_eq!(PersonName::parse(&format!("a{c}b")), Err(InvalidText::Control), "{c:?}");
            }
        }
        for c in ['\u{200C}', '\u{200D}', '\u{2027}', '\u{202F}', '\u{205F}', '\u{206A}', '\u{FEFE}'] {
            assert!(PersonName::parse(&format!("a{c}b")).is_ok(), "{c:?}");
        }
    }

    #[test]
    fn a_name_is_trimmed_and_composed_and_has_so_many_characters() {
        type Parse = fn(&str) -> Result<String, InvalidText>;
        let kinds: [(Parse, Parse, usize); 5] = [
            (
                |name| PersonName::parse(name).map(|name| name.to_string()),
                |name| name.parse().map(|name: PersonName| name.as_str().to_owned()),
                100,
            ),
            (
                |name| CompanyName::parse(name).map(|name| name.to_string()),
                |name| name.parse().map(|name: CompanyName| name.as_str().to_owned()),
                200,
            ),
            (
                |name| BrandName::parse(name).map(|name| name.to_string()),
                |name| name.parse().map(|name: BrandName| name.as_str().to_owned()),
                200,
            ),
            (
                |name| PlanName::parse(name).map(|name| name.to_string()),
                |name| name.parse().map(|name: PlanName| name.as_str().to_owned()),
                100,
            ),
            (
                |name| Reason::parse(name).map(|name| name.to_string()),
                |name| name.parse().map(|name: Reason| name.as_str().to_owned()),
                500,
            ),
        ];
        for (parse, from_str, longest) in kinds {
            let (fits, long) = ("e\u{301}".repeat(longest), "é".repeat(longest + 1));
            for parse in [parse, from_str] {
                assert_eq!(parse("\t José María\n"), Ok("José María".to_owned()));
                assert_eq!(parse(&fits), Ok("é".repeat(longest)));
                assert_eq!(parse(&long), Err(InvalidText::Long(longest)));
                assert_eq!(parse(" "), Err(InvalidText::Empty));
            }
        }
        survives(&text::<PersonName>("Ana"), json!("Ana"));
        survives(&text::<CompanyName>("Acme"), json!("Acme"));
        survives(&text::<BrandName>("Sage"), json!("Sage"));
        survives(&text::<PlanName>("free"), json!("free"));
        survives(&text::<Reason>("Left the team"), json!("Left the team"));
    }

    #[test]
    fn what_is_wrong_is_said_in_words() {
        let number = "a phone number is a `+`, the country code and the number, 7 to 15 digits in all";
        let number = format!("{number}: `+14155550123`");
        for (why, words) in [
            (InvalidText::Empty, "it can't be empty"),
            (InvalidText::Long(100), "it has at most 100 characters"),
            (InvalidText::Control, "it can't have line breaks or invisible characters"),
            (InvalidText::Wordless, "it needs a letter or a digit"),
            (InvalidText::Markup, "it can't have `<`, `>` or a web address"),
            (InvalidText::Phone, &number),
            (InvalidText::Locale, "a locale is a language with an optional country: `en`, `pt-BR`"),
        ] {
            assert_eq!(why.to_string(), words);
        }
    }

    #[test]
    fn phones_are_e164_and_locales_are_tags() {
        for number in ["+1234567", "+123456789012345", " +14155550123\n"] {
            assert_eq!(phone(number).as_str(), number.trim());
        }
        survives(&phone("+14155550123"), json!("+14155550123"));
        for number in [
            "",
            "+",
            "14155550123",
            "++4155550123",
            "+0123456789",
            "+123456",
            "+1234567890123456",
            "+1 415 555",
            "+1415555O123",
            "+１２３４５",
        ] {
            assert_eq!(Phone::parse(number), Err(InvalidText::Phone), "{number}");
        }
        for tag in ["en", "deu", "pt-BR", "deu-AT"] {
            assert_eq!(locale(tag).as_str(), tag);
        }
        survives(&locale("pt-BR"), json!("pt-BR"));
        for tag in [
            "", "e", "engl", "EN", "eN", "e1", " en", "-", "-US", "en-", "en-U", "en-USA", "en-us", "en-U1",
            "EN-US", "en_US", "en-US-x",
        ] {
            assert_eq!(Locale::parse(tag), Err(InvalidText::Locale), "{tag}");
        }
    }
}
