use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text says nothing about how a tenant looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLook {
    /// Not six hexadecimal digits.
    #[error("a colour is a `#` and six hexadecimal digits: `#1f6f54`")]
    Colour,
    /// Another scheme than https.
    #[error("the address of a picture begins with `https://`")]
    Scheme,
    /// No host, a user, or a port that is none.
    #[error(
        "after `https://` comes the name of a host, with an optional port and nothing else before the path"
    )]
    Host,
    /// What can't be in a web address, or ends a text that one is put into.
    #[error(
        "a web address has no spaces, quotes, angle brackets or letters beyond a to z, percent-encode them"
    )]
    Characters,
    /// Too long.
    #[error("a web address has at most {0} characters")]
    Long(usize),
}

/// A colour, `#1f6f54`: nothing else can be in the style of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Colour([u8; 3]);

impl Colour {
    /// White.
    pub const WHITE: Self = Self([0xff, 0xff, 0xff]);
    /// Black.
    pub const BLACK: Self = Self([0, 0, 0]);
    /// What stands where a tenant has no colour of its own.
    pub const DEFAULT: Self = Self([0x1f, 0x6f, 0x54]);

    /// Parses `#1F6F54`.
    ///
    /// # Errors
    /// [`InvalidLook::Colour`].
    pub fn parse(text: &str) -> Result<Self, InvalidLook> {
        let digits = text.strip_prefix('#').ok_or(InvalidLook::Colour)?;
        // the parser of numbers takes a sign too
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(InvalidLook::Colour);
        }
        let [_, red, green, blue] =
            u32::from_str_radix(digits, 16).map_err(|_| InvalidLook::Colour)?.to_be_bytes();
        Ok(Self([red, green, blue]))
    }

    /// The colour of a text that can be read on it: white or black, whichever stands out more. By what WCAG calls relative
    /// luminance that is a contrast of 4.5 at least, whatever the colour.
    #[must_use]
    pub fn text(self) -> Self {
        // where white and black stand out alike: the square of this and 0.05 is 1.05 times 0.05
        const MIDDLE: f64 = 0.179_129;
        match self.luminance().total_cmp(&MIDDLE) {
            Ordering::Less => Self::WHITE,
            Ordering::Equal | Ordering::Greater => Self::BLACK,
        }
    }

    /// How light it is, from 0 to 1.
    fn luminance(self) -> f64 {
        let linear = |channel: u8| {
            let share = f64::from(channel) / 255.0;
            match channel {
                0..=10 => share / 12.92,
                _ => ((share + 0.055) / 1.055).powf(2.4),
            }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> Self {
        colour.to_string()
    }
}

impl TryFrom<String> for Colour {
    type Error = InvalidLook;

    fn try_from(text: String) -> Result<Self, InvalidLook> {
        Self::parse(&text)
    }
}

/// Where a logo lies, for pages to show: https, and nothing that could end the attribute or the style that it is put into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LogoUrl(String);

/// Characters of the longest address of a logo.
const LONGEST: usize = 500;

impl LogoUrl {
    /// Parses `https://cdn.example.com/logo.svg`. The contract has the same as one pattern.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidLook> {
        if text.chars().count() > LONGEST {
            return Err(InvalidLook::Long(LONGEST));
        }
        let rest = text.strip_prefix("https://").ok_or(InvalidLook::Scheme)?;
        let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\');
        if !rest.bytes().all(plain) {
            return Err(InvalidLook::Characters);
        }
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (host, port) =
            authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
        // no `@` among them: whoever reads the address isn't told of another host than the one that is asked
        let is_label =
            |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let is_port = |port: &str| (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit());
        if host.split('.').all(is_label) && port.is_none_or(is_port) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidLook::Host)
        }
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LogoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;
    use crate::samples::survives;

    fn colour(text: &str) -> Colour {
        Colour::parse(text).unwrap()
    }

    #[test]
    fn a_colour_is_six_digits_in_lower_case() {
        for (text, written) in
            [("#1f6f54", "#1f6f54"), ("#ABCDEF", "#abcdef"), ("#00000a", "#00000a"), ("#0a0b0c", "#0a0b0c")]
        {
            assert_eq!(colour(text).to_string(), written);
            survives(&colour(text), json!(written));
        }
        for text in [
            "", "#", "1f6f54", "#1f6f5", "#1f6f540", "#fff", "#1f6f5g", " #1f6f54", "#+f6f54", "##1f6f5",
            "#１f6f5",
        ] {
            assert_eq!(Colour::parse(text), Err(InvalidLook::Colour), "{text}");
            assert!(serde_json::from_value::<Colour>(json!(text)).is_err(), "{text}");
        }
        assert_eq!([Colour::WHITE, Colour::BLACK], ["#ffffff", "#000000"].map(colour));
        assert_eq!(Colour::DEFAULT, colour("#1f6f54"));
    }

    #[test]
    fn a_text_can_be_read_on_every_colour() {
        for (text, luminance) in [
            ("#000000", 0.0),
            ("#0a0a0a", 0.003_035_3),
            ("#0b0b0b", 0.003_346_5),
            ("#808080", 0.215_860_5),
            ("#ff0000", 0.2126),
            ("#00ff00", 0.7152),
            ("#0000ff", 0.0722),
            ("#ffffff", 1.0),
        ] {
            let is = colour(text).luminance();
            assert!((is - luminance).abs() < 0.000_001, "{text}: {is}");
        }
        for (on, text) in [
            (Colour::WHITE, Colour::BLACK),
            (Colour::BLACK, Colour::WHITE),
            (Colour::DEFAULT, Colour::WHITE),
            (colour("#ff0000"), Colour::BLACK),
            (colour("#0000ff"), Colour::WHITE),
            (colour("#ffd400"), Colour::BLACK),
            // the last grey that is dark, and the first that isn't
            (colour("#757575"), Colour::WHITE),
            (colour("#767676"), Colour::BLACK),
        ] {
            assert_eq!(on.text(), text, "{on}");
        }
        for (red, green, blue) in (0..=255_u8).step_by(15).flat_map(|r| {
            (0..=255).step_by(15).flat_map(move |g| (0..=255).step_by(15).map(move |b| (r, g, b)))
        }) {
            let on = Colour([red, green, blue]);
            let mut shades = [on.luminance(), on.text().luminance()];
            shades.sort_by(f64::total_cmp);
            let [dark, light] = shades;
            assert!((light + 0.05) / (dark + 0.05) > 4.5, "{on}");
        }
    }

    #[test]
    fn a_logo_lies_at_a_host_that_is_asked_over_https() {
        let longest = format!("https://a.example/{}", "x".repeat(482));
        for text in [
            "https://cdn.example.com/logo.svg",
            "https://localhost",
            "https://xn--mller-kva.example:8443/a-b/c%20d.png?v=1&w=(2)#x@y:z",
            "https://A9.example?x",
            "https://a.example#x",
            &longest,
        ] {
            let logo = LogoUrl::parse(text).unwrap();
            assert_eq!((logo.as_str(), logo.to_string().as_str()), (text, text));
            survives(&logo, json!(text));
        }
        for (text, why) in [
            ("", InvalidLook::Scheme),
            ("http://a.example/x", InvalidLook::Scheme),
            ("javascript:alert(1)", InvalidLook::Scheme),
            ("//a.example/x", InvalidLook::Scheme),
            (" https://a.example", InvalidLook::Scheme),
            ("https://", InvalidLook::Host),
            ("https:///x", InvalidLook::Host),
            ("https://?x", InvalidLook::Host),
            ("https://a..example", InvalidLook::Host),
            ("https://.a.example", InvalidLook::Host),
            ("https://a.example./x", InvalidLook::Host),
            ("https://ana@a.example/x", InvalidLook::Host),
            ("https://ana:secret@a.example/x", InvalidLook::Host),
            ("https://a_b.example", InvalidLook::Host),
            ("https://[::1]/x", InvalidLook::Host),
            ("https://a.example:/x", InvalidLook::Host),
            ("https://a.example:123456", InvalidLook::Host),
            ("https://a.example:8o", InvalidLook::Host),
            ("https://a.example/ x", InvalidLook::Characters),
            ("https://a.example/\n", InvalidLook::Characters),
            ("https://a.example/\u{7f}", InvalidLook::Characters),
            ("https://a.example/\"x", InvalidLook::Characters),
            ("https://a.example/'x", InvalidLook::Characters),
            ("https://a.example/`x", InvalidLook::Characters),
            ("https://a.example/<x", InvalidLook::Characters),
            ("https://a.example/>x", InvalidLook::Characters),
            ("https://a.example/\\x", InvalidLook::Characters),
            ("https://a.example/é", InvalidLook::Characters),
            ("https://müller.example/", InvalidLook::Characters),
            (&format!("{longest}x"), InvalidLook::Long(500)),
        ] {
            assert_eq!(LogoUrl::parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_look_is_said_in_words() {
        for (why, words) in [
            (InvalidLook::Colour, "a colour is a `#` and six hexadecimal digits: `#1f6f54`"),
            (InvalidLook::Scheme, "the address of a picture begins with `https://`"),
            (InvalidLook::Long(500), "a web address has at most 500 characters"),
        ] {
            assert_eq!(why.to_string(), words);
        }
        assert!(InvalidLook::Host.to_string().contains("the name of a host"));
        assert!(InvalidLook::Characters.to_string().contains("percent-encode"));
    }
}
