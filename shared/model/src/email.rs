use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// An email address that exists in one spelling only: two that reach the same mailbox compare equal.
///
/// The local part is ASCII (SES has no SMTPUTF8, and folding other scripts is how `mıke@` became `mike@`), the domain
/// is kept in its IDNA ASCII form, both in lower case. The address as it was entered is kept for display.
///
/// ```
/// use model::Email;
///
/// let email = Email::parse(" Ana@MÜLLER.example ").unwrap();
/// assert_eq!(email.canonical(), "ana@xn--mller-kva.example");
/// assert_eq!(email.as_entered(), "Ana@MÜLLER.example");
/// assert_eq!(email, Email::parse("Ana@MÜLLER.example").unwrap());
/// assert!(Email::parse("ana@localhost").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Email {
    canonical: String,
    entered: String,
}

/// Why a text is no email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmail {
    /// Nothing but white space.
    #[error("an email address is required")]
    Empty,
    /// No `@`, or more than one.
    #[error("an email address has exactly one `@`")]
    At,
    /// A control character or white space inside.
    #[error("an email address has no spaces or control characters")]
    Control,
    /// A local part that isn't ASCII.
    #[error("the part before the `@` can only have the letters a to z, digits and the usual signs")]
    Local,
    /// A domain that no mail can go to.
    #[error("the part after the `@` is not a domain that mail can be sent to")]
    Domain,
    /// Longer than mail systems carry.
    #[error("an email address has at most 64 characters before the `@` and 254 in all")]
    Long,
}

impl Email {
    /// Parses what somebody entered.
    ///
    /// # Errors
    /// Says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let entered = text.trim();
        if entered.is_empty() {
            return Err(InvalidEmail::Empty);
        }
        if entered.len() > 1_000 {
            return Err(InvalidEmail::Long);
        }
        if entered.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(InvalidEmail::Control);
        }
        // A full-width `＠` is one only after normalisation: what was entered would then name another mailbox.
        let (local, domain) = entered.split_once('@').ok_or(InvalidEmail::At)?;
        if domain.nfkc().any(|c| c == '@') {
            return Err(InvalidEmail::At);
        }
        let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{|}~-".contains(c);
        if !local.split('.').all(|part| !part.is_empty() && part.chars().all(atom)) {
            return Err(InvalidEmail::Local);
        }
        let folded: String = domain.nfkc().collect();
        // each label of 1 to 63 letters, digits and hyphens in between
        let ascii = idna::domain_to_ascii_strict(&folded).map_err(|_| InvalidEmail::Domain)?;
        let labels: Vec<&str> = ascii.split('.').collect();
        let numeric_top = labels.last().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
        if labels.len() < 2 || numeric_top {
            return Err(InvalidEmail::Domain);
        }
        if local.len() > 64 || local.len() + 1 + ascii.len() > 254 {
            return Err(InvalidEmail::Long);
        }
        let canonical = format!("{}@{}", local.to_ascii_lowercase(), ascii.to_ascii_lowercase());
        Ok(Self { canonical, entered: entered.to_owned() })
    }

    /// The one spelling that addresses are compared and stored by.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// As it was entered, for display.
    #[must_use]
    pub fn as_entered(&self) -> &str {
        &self.entered
    }

    /// Where mail is sent to: the local part as entered, since a mailbox may care about its case, at the canonical
    /// domain.
    #[must_use]
    pub fn address(&self) -> String {
        let local = self.entered.split_once('@').map_or("", |(local, _)| local);
        let domain = self.canonical.split_once('@').map_or("", |(_, domain)| domain);
        format!("{local}@{domain}")
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.entered)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::{Email, InvalidEmail};
    use crate::samples::survives;

    #[test]
    fn one_mailbox_has_one_spelling() {
        for (entered, canonical) in [
            ("a@b.co", "a@b.co"),
            ("  Ana.Maria+x@Example.COM\n", "ana.maria+x@example.com"),
            ("a@müller.de", "a@xn--mller-kva.de"),
            ("a@xn--mller-kva.de", "a@xn--mller-kva.de"),
            ("a@MÜLLER.de", "a@xn--mller-kva.de"),
            ("o'brien@example.ie", "o'brien@example.ie"),
            ("!#$%&'*+/=?^_`{|}~-@b.co", "!#$%&'*+/=?^_`{|}~-@b.co"),
            ("Aa0.Zz9@b-2.4.c0", "aa0.zz9@b-2.4.c0"),
            ("a@Ｂ.co", "a@b.co"),
        ] {
            assert_eq!(Email::parse(entered).unwrap().canonical(), canonical, "{entered}");
        }
        let email = Email::parse("Ana@Müller.de").unwrap();
        assert_eq!((email.as_entered(), email.address().as_str()), ("Ana@Müller.de", "Ana@xn--mller-kva.de"));
        assert_eq!(Email::parse(" Ana@Müller.de ").unwrap().to_string(), "Ana@Müller.de");
        survives(&email, json!({"canonical": "ana@xn--mller-kva.de", "entered": "Ana@Müller.de"}));
    }

    #[test]
    fn an_address_is_as_long_as_mail_systems_carry() {
        let parse = |local: usize, domain: &str| Email::parse(&format!("{}@{domain}", "a".repeat(local)));
        let domain = |last: usize| format!("{}{}.co", "bbbbbbbbb.".repeat(18), "b".repeat(last));
        for (local, last, fits) in [(64, 6, true), (64, 7, false), (60, 10, true), (60, 11, false)] {
            assert_eq!(parse(local, &domain(last)).err(), (!fits).then_some(InvalidEmail::Long), "{local}");
        }
        assert!(parse(64, "b.co").is_ok());
        assert_eq!(parse(65, "b.co"), Err(InvalidEmail::Long));
        assert!(parse(1, &format!("{}.co", "b".repeat(63))).is_ok());
        let blank = " ".repeat(1_000);
        assert!(Email::parse(&format!("{blank}a@b.co{blank}")).is_ok());
        for (long, why) in [(1_000, InvalidEmail::At), (1_001, InvalidEmail::Long)] {
            assert_eq!(Email::parse(&"a".repeat(long)), Err(why));
        }
    }

    #[test]
    fn what_is_wrong_is_said_in_words() {
        for (why, words) in [
            (InvalidEmail::Empty, "an email address is required"),
            (InvalidEmail::At, "an email address has exactly one `@`"),
            (InvalidEmail::Control, "an email address has no spaces or control characters"),
            (
                InvalidEmail::Local,
                "the part before the `@` can only have the letters a to z, digits and the usual signs",
            ),
            (InvalidEmail::Domain, "the part after the `@` is not a domain that mail can be sent to"),
            (InvalidEmail::Long, "an email address has at most 64 characters before the `@` and 254 in all"),
        ] {
            assert_eq!(why.to_string(), words);
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        let long_local = format!("{}@b.co", "a".repeat(65));
        let long_label = format!("a@{}.co", "b".repeat(64));
        let long_all = format!("{}@{}co", "a".repeat(64), "bbbbbbbbb.".repeat(19));
        let long_domain = format!("a@{}co", "bbbbbbbbb.".repeat(26));
        for (entered, why) in [
            ("", InvalidEmail::Empty),
            (" \t ", InvalidEmail::Empty),
            ("a.b.c", InvalidEmail::At),
            ("a@b@c.de", InvalidEmail::At),
            (".a@b.co", InvalidEmail::Local),
            ("a.@b.co", InvalidEmail::Local),
            ("a..b@c.de", InvalidEmail::Local),
            ("a@b.c\r\nBcc: x@y", InvalidEmail::Control),
            ("a\0@b.co", InvalidEmail::Control),
            ("a\t@b.co", InvalidEmail::Control),
            ("\"a b\"@x.yz", InvalidEmail::Control),
            ("\"ab\"@x.yz", InvalidEmail::Local),
            ("<b>@x.yz", InvalidEmail::Local),
            ("a@[127.0.0.1]", InvalidEmail::Domain),
            ("a@127.0.0.1", InvalidEmail::Domain),
            ("a@localhost", InvalidEmail::Domain),
            ("@b.co", InvalidEmail::Local),
            ("a@", InvalidEmail::Domain),
            ("a b@c.de", InvalidEmail::Control),
            ("a@b_c.de", InvalidEmail::Domain),
            ("a@b.12", InvalidEmail::Domain),
            ("a@-b.co", InvalidEmail::Domain),
            ("a@b-.co", InvalidEmail::Domain),
            ("a@b..co", InvalidEmail::Domain),
            ("a@b.co.", InvalidEmail::Domain),
            ("m\u{131}ke@x.yz", InvalidEmail::Local),
            ("a＠x.yz", InvalidEmail::At),
            ("a@x＠x.yz", InvalidEmail::At),
            (&long_local, InvalidEmail::Long),
            (&long_label, InvalidEmail::Domain),
            (&long_all, InvalidEmail::Long),
            (&long_domain, InvalidEmail::Domain),
        ] {
            assert_eq!(Email::parse(entered).map(|e| e.canonical().to_owned()), Err(why), "{entered:?}");
        }
    }
}
