use std::fmt::{self, Display};
use std::ops::RangeInclusive;

use model::Password;
use policy::{BrandId, Brands, InvalidBrands};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use serde_json::{Map, Value};

use crate::BadRequest;

/// One thing that is wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Where, as a JSON pointer: `/email`; `?name` for a parameter of the query.
    pub pointer: String,
    /// What, for the person who entered it.
    pub detail: String,
}

/// Of a text that can't be the id of a brand, and of an id that is none's; where they are listed.
pub const NO_BRAND_ID: &str = "is not the id of a brand, `GET /v1/tenants/{tenant}/brands` lists them";
/// The same of a member.
pub const NO_MEMBER_ID: &str = "is not the id of a member, `GET /v1/tenants/{tenant}/members` lists them";

/// What is wrong is named up to so many times.
const MOST_WRONG: usize = 50;

/// The fields of a body. Each is taken once, by its name, and everything that is wrong with any of them is collected,
/// so that a person sees all of it at once: [`Form::finish`] has it, unknown fields included.
///
/// Not `Debug`: a field may be a password.
pub struct Form {
    fields: Map<String, Value>,
    /// The fields that this body has, in the order in which they were taken.
    known: Vec<String>,
    wrong: Vec<Invalid>,
}

/// The fields of a JSON object, and the names that stand in it twice.
struct Fields {
    fields: Map<String, Value>,
    twice: Vec<String>,
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut found = Fields { fields: Map::new(), twice: Vec::new() };
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if found.fields.insert(name.clone(), value).is_some() {
                        found.twice.push(name);
                    }
                }
                Ok(found)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// The name of a field as a JSON pointer, RFC 6901.
fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

impl Form {
    pub(crate) fn read(body: &[u8]) -> Result<Self, BadRequest> {
        let syntax = |e: &serde_json::Error| {
            let (line, column) = (e.line(), e.column());
            BadRequest::Malformed(format!("the body is not JSON, see line {line}, column {column}"))
        };
        // the syntax first, so that what isn't JSON is told from JSON that isn't an object
        let Fields { fields, twice } = match serde_json::from_slice(body) {
            Ok(found) => found,
            Err(error) if error.classify() == Category::Data => {
                serde_json::from_slice::<Value>(body).map_err(|e| syntax(&e))?;
                return Err(BadRequest::invalid("", "the body must be a JSON object"));
            }
            Err(error) => return Err(syntax(&error)),
        };
        let mut form = Self { fields, known: Vec::new(), wrong: Vec::new() };
        for name in twice {
            form.wrong(&pointer(&name), "is given twice");
        }
        Ok(form)
    }

    /// Notes something that is wrong. More than [`MOST_WRONG`] are not noted: a small body must not have a large answer.
    pub fn wrong(&mut self, pointer: &str, detail: impl Display) {
        if self.wrong.len() < MOST_WRONG {
            self.wrong.push(Invalid { pointer: pointer.to_owned(), detail: detail.to_string() });
        }
    }

    /// Takes a field; null counts as omitted.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.know(name);
        self.fields.remove(name).filter(|value| !value.is_null())
    }

    fn know(&mut self, name: &str) {
        if !self.known.iter().any(|known| known == name) {
            self.known.push(name.to_owned());
        }
    }

    /// Takes a text that may be omitted.
    pub fn optional<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.take(name)?;
        self.parsed(&pointer(name), &text, parse)
    }

    /// Takes a text that may be omitted, or be null, which is something else.
    pub fn nullable<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<Option<T>> {
        self.know(name);
        match self.fields.remove(name)? {
            Value::Null => Some(None),
            text => self.parsed(&pointer(name), &text, parse).map(Some),
        }
    }

    /// Takes a text that has to be there.
    pub fn required<T, E: Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match self.take(name) {
            Some(text) => self.parsed(&pointer(name), &text, parse),
            None => {
                self.missing(name);
                None
            }
        }
    }

    /// Takes a password, which has to be there and within `bound`. Whether it may be chosen is judged elsewhere.
    pub fn password<E: Display>(
        &mut self,
        name: &str,
        bound: impl FnOnce(&Password) -> Result<(), E>,
    ) -> Option<Password> {
        self.required(name, |text| {
            let password = Password::new(text);
            bound(&password).map(|()| password)
        })
    }

    /// Takes a whole number in a range, if it is there.
    pub fn number(&mut self, name: &str, range: RangeInclusive<u8>) -> Option<u8> {
        let value = self.take(name)?;
        let number = value.as_u64().and_then(|n| u8::try_from(n).ok()).filter(|n| range.contains(n));
        if number.is_none() {
            let (from, to) = (range.start(), range.end());
            self.wrong(&pointer(name), format_args!("must be a whole number from {from} to {to}"));
        }
        number
    }

    /// Takes a whole number in a range that may be omitted, or be null, which is something else.
    pub fn nullable_number(&mut self, name: &str, range: RangeInclusive<u8>) -> Option<Option<u8>> {
        self.know(name);
        if self.fields.get(name)?.is_null() {
            self.fields.remove(name);
            return Some(None);
        }
        self.number(name, range).map(Some)
    }

    /// Takes a list of at most so many names, if it is there.
    pub fn list<T, E: Display>(
        &mut self,
        name: &str,
        most: usize,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        let value = self.take(name)?;
        let Some(texts) = value.as_array().filter(|texts| texts.len() <= most) else {
            self.wrong(&pointer(name), format_args!("must be a list of at most {most} names"));
            return None;
        };
        let parsed: Vec<Option<T>> = texts
            .iter()
            .enumerate()
            .map(|(at, text)| self.parsed(&format!("{}/{at}", pointer(name)), text, &parse))
            .collect();
        parsed.into_iter().collect()
    }

    /// Takes a set of brands, `"all"` or a list of ids, if it is there.
    pub fn brands(&mut self, name: &str) -> Option<Brands> {
        self.know(name);
        let wrong = match self.fields.get(name)? {
            Value::String(text) if text == "all" => {
                self.fields.remove(name);
                return Some(Brands::All);
            }
            Value::Array(ids) if ids.len() > Brands::MOST_NAMED => InvalidBrands::TooMany.to_string(),
            Value::Array(_) | Value::Null => String::new(),
            _ => "must be \"all\" or a list of brand ids".to_owned(),
        };
        if !wrong.is_empty() {
            self.fields.remove(name);
            self.wrong(&pointer(name), wrong);
            return None;
        }
        let parse = |text: &str| BrandId::parse(text).ok_or(NO_BRAND_ID);
        let ids = self.list(name, Brands::MOST_NAMED, parse)?;
        match Brands::only(ids) {
            Ok(brands) => Some(brands),
            Err(why) => {
                self.wrong(&pointer(name), why);
                None
            }
        }
    }

    /// Says that a field is missing, unless something is wrong with it already.
    pub fn missing(&mut self, name: &str) {
        if !self.is_wrong(name) {
            self.wrong(&pointer(name), "is required");
        }
    }

    /// Whether something is wrong with any of them so far.
    #[must_use]
    pub fn has_wrong(&self) -> bool {
        !self.wrong.is_empty()
    }

    /// Whether something is wrong with a field.
    #[must_use]
    pub fn is_wrong(&self, name: &str) -> bool {
        let (pointer, inside) = (pointer(name), pointer(name) + "/");
        self.wrong.iter().any(|w| w.pointer == pointer || w.pointer.starts_with(&inside))
    }

    fn parsed<T, E: Display>(
        &mut self,
        pointer: &str,
        value: &Value,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let Value::String(text) = value else {
            self.wrong(pointer, "must be a text");
            return None;
        };
        match parse(text) {
            Ok(value) => Some(value),
            Err(why) => {
                self.wrong(pointer, why);
                None
            }
        }
    }

    /// Ends the parsing: what `build` makes of it, if every field could be parsed and nothing else was there.
    ///
    /// # Errors
    /// [`BadRequest::Validation`] with everything that was wrong.
    pub fn finish<T>(mut self, build: impl FnOnce() -> Option<T>) -> Result<T, BadRequest> {
        let words = match self.known.as_slice() {
            [] => "is not a field of this body, which has none".to_owned(),
            known => format!("is not a field of this body, expected one of: {}", known.join(", ")),
        };
        let unknown: Vec<String> = self.fields.keys().map(|name| pointer(name)).collect();
        for pointer in unknown {
            self.wrong(&pointer, &words);
        }
        match build() {
            Some(value) if self.wrong.is_empty() => Ok(value),
            _ => Err(BadRequest::Validation(self.wrong)),
        }
    }
}
