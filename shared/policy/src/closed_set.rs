use std::fmt;

/// Defines an enum whose variants have names, each said once: `ALL`, `name`, `Display`, `FromStr`, and the same name
/// in JSON and in items. A name that isn't in the set is an error, never a default.
///
/// ```
/// policy::closed_set! {
///     /// How loud.
///     pub enum Volume: "volume" {
///         /// Barely.
///         Low = "low",
///         /// Very.
///         High = "high",
///     }
/// }
///
/// assert_eq!("high".parse(), Ok(Volume::High));
/// assert_eq!(Volume::ALL.iter().map(|v| v.name()).collect::<Vec<_>>(), ["low", "high"]);
/// assert_eq!("HIGH".parse::<Volume>().unwrap_err().to_string(), "not a volume, expected one of: low, high");
/// ```
#[macro_export]
macro_rules! closed_set {
    (
        $(#[$meta:meta])*
        $vis:vis enum $set:ident: $what:literal {
            $($(#[$about:meta])* $variant:ident = $name:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $vis enum $set { $($(#[$about])* $variant,)+ }

        impl $set {
            /// All there are, in the order in which they are defined.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The name, in the API and in the table.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }

        impl ::std::fmt::Display for $set {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.name())
            }
        }

        impl ::std::str::FromStr for $set {
            type Err = $crate::UnknownName;

            fn from_str(name: &str) -> ::std::result::Result<Self, $crate::UnknownName> {
                match name {
                    $($name => Ok(Self::$variant),)+
                    _ => Err($crate::UnknownName { what: $what, names: &[$($name,)+] }),
                }
            }
        }

        impl ::serde::Serialize for $set {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $set {
            fn deserialize<D: ::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::std::result::Result<Self, D::Error> {
                let name = <::std::string::String as ::serde::Deserialize>::deserialize(deserializer)?;
                name.parse().map_err(|unknown| {
                    ::serde::de::Error::custom(format_args!("`{}` is {unknown}", name.escape_debug()))
                })
            }
        }
    };
}

/// A name that isn't in a closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// What the set holds: `role`.
    pub what: &'static str,
    /// The names in it.
    pub names: &'static [&'static str],
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a {}, expected one of: {}", self.what, self.names.join(", "))
    }
}

impl std::error::Error for UnknownName {}
