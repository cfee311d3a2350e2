use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// A moment, to the millisecond, UTC.
///
/// Everywhere outside, in answers and in items, it is RFC 3339 of one width, `2026-11-22T09:30:00.000Z`, so that
/// comparing the texts compares the moments.
///
/// ```
/// use model::Timestamp;
///
/// let expiry = Timestamp::from_unix_millis(1_795_338_000_123);
/// assert_eq!(expiry.to_string(), "2026-11-22T09:00:00.123Z");
/// assert_eq!(expiry.for_people(), "22 November 2026, 09:00 UTC");
/// assert!(expiry.floor_second() < expiry);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch: what a TTL attribute holds.
    #[must_use]
    pub const fn unix_seconds(self) -> u64 {
        self.0 / 1000
    }

    /// The time that has passed since `earlier`; zero if it lies ahead.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Rounded down to the second: what expires does so on a full one, as the emailed hour and the TTL say it.
    #[must_use]
    pub const fn floor_second(self) -> Self {
        Self(self.0 - self.0 % 1000)
    }

    fn to_utc(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// Whole days since the Unix epoch, UTC.
    #[must_use]
    pub const fn day(self) -> u64 {
        self.0 / 86_400_000
    }

    /// The month, `2026-11`: events are kept a month a partition.
    #[must_use]
    pub fn month(self) -> String {
        let utc = self.to_utc();
        format!("{:04}-{:02}", utc.year(), u8::from(utc.month()))
    }

    /// The day and the hour as people read them, `22 November 2026, 09:30 UTC`.
    #[must_use]
    pub fn for_people(self) -> String {
        let format = format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
        self.to_utc().format(format).unwrap_or_else(|_| self.to_string())
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let u = self.to_utc();
        let (year, month, day) = (u.year(), u8::from(u.month()), u.day());
        let (hour, minute, second, milli) = (u.hour(), u.minute(), u.second(), u.millisecond());
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let utc = OffsetDateTime::parse(&text, &Rfc3339).map_err(serde::de::Error::custom)?;
        u64::try_from(utc.unix_timestamp_nanos() / 1_000_000).map(Self).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::samples::{NOW, survives};

    #[test]
    fn a_moment_is_told_in_one_width_to_machines_and_in_words_to_people() {
        for (millis, text, words, month, day) in [
            (0, "1970-01-01T00:00:00.000Z", "1 January 1970, 00:00 UTC", "1970-01", 0),
            (86_399_999, "1970-01-01T23:59:59.999Z", "1 January 1970, 23:59 UTC", "1970-01", 0),
            (86_400_000, "1970-01-02T00:00:00.000Z", "2 January 1970, 00:00 UTC", "1970-01", 1),
            (1_804_204_807_089, "2027-03-05T00:00:07.089Z", "5 March 2027, 00:00 UTC", "2027-03", 20_882),
            (1_795_342_918_051, "2026-11-22T10:21:58.051Z", "22 November 2026, 10:21 UTC", "2026-11", 20_779),
        ] {
            let moment = Timestamp::from_unix_millis(millis);
            assert_eq!((moment.unix_millis(), moment.to_string().as_str()), (millis, text));
            assert_eq!((moment.for_people().as_str(), moment.month().as_str()), (words, month));
            assert_eq!(moment.day(), day);
            survives(&moment, json!(text));
        }
        let beyond = Timestamp::from_unix_millis(u64::MAX);
        assert_eq!(beyond.to_string(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_moment_is_read_from_any_rfc_3339_since_the_epoch() {
        let read = |text: &str| serde_json::from_value::<Timestamp>(json!(text)).ok();
        for (text, moment) in [
            ("2027-01-15T08:00:00.123Z", Some(NOW)),
            ("2027-01-15T08:00:00.123999Z", Some(NOW)),
            ("2027-01-15T09:30:00.123+01:30", Some(NOW)),
            ("1970-01-01T00:00:00Z", Some(Timestamp::from_unix_millis(0))),
            ("1969-12-31T23:59:59.000Z", None),
            ("2027-01-15", None),
            ("2027-01-32T08:00:00.123Z", None),
            ("1800000000123", None),
            ("", None),
        ] {
            assert_eq!(read(text), moment, "{text}");
        }
        assert!(serde_json::from_value::<Timestamp>(json!(1_800_000_000_123_u64)).is_err());
    }

    #[test]
    fn reckoning_is_in_milliseconds_and_never_overflows() {
        let at = Timestamp::from_unix_millis;
        let second = Duration::from_secs(1);
        assert_eq!((NOW + second, NOW - second), (at(1_800_000_001_123), at(1_799_999_999_123)));
        let micros = Duration::from_micros(1_999);
        assert_eq!((NOW + micros, NOW - micros), (at(1_800_000_000_124), at(1_800_000_000_122)));
        assert_eq!((at(999) - second, NOW - Duration::MAX), (at(0), at(0)));
        assert_eq!((at(u64::MAX) + second, NOW + Duration::MAX), (at(u64::MAX), at(u64::MAX)));
        assert_eq!(((NOW + second).since(NOW), NOW.since(NOW + second)), (second, Duration::ZERO));
        for (millis, seconds) in
            [(0, 0), (999, 0), (1_000, 1), (1_999, 1), (1_800_000_000_123, 1_800_000_000)]
        {
            assert_eq!(
                (at(millis).unix_seconds(), at(millis).floor_second()),
                (seconds, at(seconds * 1_000))
            );
        }
        assert!(at(1_800_000_000_122) < NOW && NOW < at(1_800_000_000_124));
    }
}
