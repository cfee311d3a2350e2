use std::fmt;

use model::Password;
use runtime::{SettingError, Variables};

/// Twenty thousand passwords that people choose most, those of eight characters and more, in byte order. From Django's
/// `common-passwords.txt` (BSD), which has them from Royce Williams' list of leaked ones.
const COMMON: &str = include_str!("../common.txt");

/// Longer ones are refused before they are hashed.
const LONGEST: usize = 1_024;
/// No deployment may go below.
const SHORTEST: usize = 8;

/// Which passwords may be chosen.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Characters at least.
    shortest: usize,
}

/// Why a password can't be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakness {
    /// Fewer characters than this.
    Short(usize),
    /// More bytes than this.
    Long(usize),
    /// On the list of common ones, or one of them repeated.
    Common,
    /// The address, or the organization's name.
    Guessable,
}

impl fmt::Display for Weakness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(n) => {
                write!(f, "it has at least {n} characters; a few words in a row are easy to remember")
            }
            Self::Long(n) => write!(f, "it has at most {n} bytes"),
            Self::Common => f.write_str("it is one that many people use, choose another"),
            Self::Guessable => f.write_str("it can't be the email address or the organization's name"),
        }
    }
}

impl Rules {
    /// The deployment's rules: `PASSWORD_MIN_LENGTH`, 15 unless set, never below 8.
    ///
    /// # Errors
    /// When the setting can't be read.
    pub fn read(variables: &Variables) -> Result<Self, SettingError> {
        Ok(Self { shortest: variables.or("PASSWORD_MIN_LENGTH", 15)?.max(SHORTEST) })
    }

    /// Characters that a new password has at least.
    #[must_use]
    pub const fn min_length(self) -> usize {
        self.shortest
    }

    /// Refuses what is too long for any password, before anything hashes it.
    ///
    /// # Errors
    /// [`Weakness::Long`].
    pub fn bound(self, password: &Password) -> Result<(), Weakness> {
        if password.reveal().len() > LONGEST { Err(Weakness::Long(LONGEST)) } else { Ok(()) }
    }

    /// Judges a new password. `guessable` are the address and the names that it mustn't be.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn judge(self, password: &Password, guessable: &[&str]) -> Result<(), Weakness> {
        let text = password.reveal();
        self.bound(password)?;
        if text.chars().count() < self.shortest {
            return Err(Weakness::Short(self.shortest));
        }
        let lower = text.trim().to_lowercase();
        // names in the one spelling that passwords have
        if guessable.iter().any(|name| Password::new(name).reveal().trim().to_lowercase() == lower) {
            return Err(Weakness::Guessable);
        }
        if is_common(&lower) { Err(Weakness::Common) } else { Ok(()) }
    }
}

/// On the list, one thing over and over, a run of digits or letters, or walks along a keyboard.
fn is_common(lower: &str) -> bool {
    let listed = |word: &str| {
        let lines: Vec<&str> = COMMON.lines().collect();
        lines.binary_search(&word).is_ok()
    };
    let chars: Vec<char> = lower.chars().collect();
    let repeats = (1..=chars.len() / 2).any(|n| chars.chunks(n).all(|part| chars.starts_with(part)));
    let step = |pair: &[char]| match pair {
        [a, b] => u32::from(*b).wrapping_sub(u32::from(*a)),
        _ => 0,
    };
    let run = |by: &[u32]| chars.windows(2).all(|pair| by.contains(&step(pair)));
    // 9 → 0 goes on counting
    repeats
        || run(&[1, 9_u32.wrapping_neg()])
        || run(&[1_u32.wrapping_neg(), 9])
        || is_walk(&chars)
        || listed(lower)
}

/// What fingers walk along: the rows of common keyboards, their columns, the alphabet.
const WALKS: [&str; 19] = [
    "1234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "1qaz",
    "2wsx",
    "3edc",
    "4rfv",
    "5tgb",
    "6yhn",
    "7ujm",
    "8ik",
    "9ol",
    "abcdefghijklmnopqrstuvwxyz",
];
/// Shorter stretches happen in words.
const SHORTEST_WALK: usize = 3;

/// Whether a text is nothing but walks, one after the other, in either direction.
fn is_walk(chars: &[char]) -> bool {
    let walks: Vec<Vec<char>> =
        WALKS.iter().flat_map(|walk| [walk.chars().collect(), walk.chars().rev().collect()]).collect();
    // the longest stretch of a walk that begins here
    let longest = |rest: &[char]| {
        let along = |walk: &Vec<char>| {
            let from = rest.first().and_then(|first| walk.iter().position(|c| c == first))?;
            Some(walk.iter().skip(from).zip(rest).take_while(|(a, b)| a == b).count())
        };
        walks.iter().filter_map(along).max().unwrap_or_default()
    };
    let mut reached = vec![false; chars.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    for at in 0..chars.len() {
        if reached.get(at) == Some(&true) {
            let steps = chars.get(at..).map(longest).unwrap_or_default();
            let ends =
                reached.iter_mut().skip(at + SHORTEST_WALK).take((steps + 1).saturating_sub(SHORTEST_WALK));
            ends.for_each(|end| *end = true);
        }
    }
    reached.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_byte_order_so_that_it_can_be_searched() {
        assert!(COMMON.lines().is_sorted());
        assert!(COMMON.lines().count() > 5_000);
    }

    #[test]
    fn what_may_be_chosen() {
        let rules = Rules { shortest: 15 };
        let eight = Rules { shortest: 8 };
        let judge = |rules: Rules, text: &str| {
            rules.judge(&Password::new(text), &["ana@example.com", "Acme Botanicals Ltd"])
        };
        assert_eq!(judge(rules, "correct horse battery"), Ok(()));
        assert_eq!(judge(rules, "ключ от старой двери"), Ok(()), "any characters");
        assert_eq!(judge(rules, "14 characters!"), Err(Weakness::Short(15)));
        assert_eq!(judge(rules, "ana@example.com"), Err(Weakness::Guessable));
        assert_eq!(judge(rules, "acme botanicals LTD"), Err(Weakness::Guessable));
        let full_width = rules.judge(&Password::new("Acme Botanicals"), &["\u{ff21}cme Botanicals"]);
        assert_eq!(full_width, Err(Weakness::Guessable), "whatever the name is spelled in");
        assert_eq!(judge(rules, "123456789012345"), Err(Weakness::Common));
        assert_eq!(judge(rules, "aaaaaaaaaaaaaaaa"), Err(Weakness::Common));
        assert_eq!(judge(rules, "passwordpassword"), Err(Weakness::Common));
        for walk in [
            "qwertyuiopasdfg",
            "Qwertyuiopasdfghjkl",
            "1qaz2wsx3edc4rfv",
            "poiuytrewqlkjhgf",
            "abcdefgh12345678",
        ] {
            assert_eq!(judge(rules, walk), Err(Weakness::Common), "{walk}");
        }
        assert_eq!(judge(rules, "qwertyuiop sage"), Ok(()), "a walk and something else");
        assert_eq!(judge(eight, "PassWord1"), Err(Weakness::Common));
        assert_eq!(judge(rules, &"x1".repeat(513)), Err(Weakness::Long(1_024)));
        assert_eq!(judge(rules, &format!("{}y", "x1".repeat(511))), Ok(()));
    }
}
