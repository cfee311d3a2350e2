use std::collections::BTreeSet;
use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// The id of a brand, a UUIDv7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BrandId(pub Uuid);

/// Parses the one spelling of an id, hyphenated and in lower case; the other forms that `Uuid` reads would give one
/// thing several names.
#[must_use]
pub fn parse_id(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    (id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text).then_some(id)
}

impl BrandId {
    /// Parses the one spelling of an id; anything else is not an id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_id(text).map(Self)
    }
}

impl fmt::Display for BrandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A set of brands of one tenant: all there are and will be, or the named ones.
///
/// As JSON and as an item attribute: `"all"`, or a list of ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Brands {
    /// Every brand of the tenant, later ones too.
    All,
    /// These brands.
    Only(BTreeSet<BrandId>),
}

/// Why a list of brands can't be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidBrands {
    /// More than [`Brands::MOST_NAMED`].
    TooMany,
    /// The same brand more than once.
    Twice(BrandId),
}

impl fmt::Display for InvalidBrands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => {
                write!(f, "a list has at most {} brands, use \"all\" for every brand", Brands::MOST_NAMED)
            }
            Self::Twice(id) => write!(f, "`{id}` is named twice"),
        }
    }
}

impl std::error::Error for InvalidBrands {}

impl Brands {
    /// Brands that one list can name: each is a key of a read and a condition of a write.
    pub const MOST_NAMED: usize = 50;

    /// The brands that somebody named, once each and not too many.
    ///
    /// # Errors
    /// [`InvalidBrands`].
    pub fn only(ids: impl IntoIterator<Item = BrandId>) -> Result<Self, InvalidBrands> {
        let mut set = BTreeSet::new();
        for id in ids {
            if !set.insert(id) {
                return Err(InvalidBrands::Twice(id));
            }
        }
        if set.len() > Self::MOST_NAMED { Err(InvalidBrands::TooMany) } else { Ok(Self::Only(set)) }
    }

    /// No brand.
    #[must_use]
    pub const fn none() -> Self {
        Self::Only(BTreeSet::new())
    }

    /// Whether `brand` is in this set.
    #[must_use]
    pub fn contains(&self, brand: BrandId) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.contains(&brand),
        }
    }

    /// Whether every brand of `other` is in this set.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::Only(_), Self::All) => false,
            (Self::Only(mine), Self::Only(theirs)) => theirs.is_subset(mine),
        }
    }

    /// The brands that are in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::All, some) | (some, Self::All) => some.clone(),
            (Self::Only(mine), Self::Only(theirs)) => Self::Only(mine & theirs),
        }
    }

    /// The set without the named brands that are not `there`: a deleted brand leaves its id where it stood.
    #[must_use]
    pub fn among(&self, there: &BTreeSet<BrandId>) -> Self {
        match self {
            Self::All => Self::All,
            Self::Only(ids) => Self::Only(ids & there),
        }
    }

    /// The named brands; none for [`Brands::All`], which names nothing.
    pub fn named(&self) -> impl Iterator<Item = BrandId> {
        match self {
            Self::All => None,
            Self::Only(ids) => Some(ids.iter().copied()),
        }
        .into_iter()
        .flatten()
    }
}

/// As an event tells of them: `all`, or the ids with spaces between.
impl fmt::Display for Brands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Only(ids) => {
                let ids: Vec<String> = ids.iter().map(BrandId::to_string).collect();
                f.write_str(&ids.join(" "))
            }
        }
    }
}

impl FromIterator<BrandId> for Brands {
    fn from_iter<I: IntoIterator<Item = BrandId>>(ids: I) -> Self {
        Self::Only(ids.into_iter().collect())
    }
}

impl Serialize for Brands {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => serializer.serialize_str("all"),
            Self::Only(ids) => ids.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Brands {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Brands;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"all\" or a list of brand ids")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Brands, E> {
                if text == "all" {
                    Ok(Brands::All)
                } else {
                    Err(E::custom("expected \"all\" or a list of brand ids"))
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut ids: A) -> Result<Brands, A::Error> {
                // what is stored may have grown beyond what one list can name
                let mut set = BTreeSet::new();
                while let Some(id) = ids.next_element()? {
                    set.insert(id);
                }
                Ok(Brands::Only(set))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
