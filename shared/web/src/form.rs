use std::fmt::Display;

use model::{Invalid, Refusal};

/// Collects what is wrong with a body's fields, so that a person sees all of it at once.
#[derive(Default)]
pub struct Form(Vec<Invalid>);

impl Form {
    /// Nothing wrong so far.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Notes something that is wrong.
    pub fn wrong(&mut self, pointer: &str, detail: impl Display) {
        self.0.push(Invalid::new(pointer, detail));
    }

    /// Parses a field that may be missing.
    pub fn optional<T, E: Display>(
        &mut self,
        pointer: &str,
        text: Option<&str>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match parse(text?) {
            Ok(value) => Some(value),
            Err(why) => {
                self.wrong(pointer, why);
                None
            }
        }
    }

    /// Parses a field that has to be there.
    pub fn required<T, E: Display>(
        &mut self,
        pointer: &str,
        text: Option<&str>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if text.is_none() {
            self.wrong(pointer, "it is needed");
        }
        self.optional(pointer, text, parse)
    }

    /// Ends the parsing: `value` holds what was parsed, if all of it could be.
    ///
    /// # Errors
    /// [`Refusal::Validation`] with everything that was wrong.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Refusal> {
        match value {
            Some(value) if self.0.is_empty() => Ok(value),
            _ => Err(Refusal::Validation(self.0)),
        }
    }
}
