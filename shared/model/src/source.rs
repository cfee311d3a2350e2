use std::fmt;
use std::net::IpAddr;

use crate::Digest;

/// What sources are digested with: something that this deployment has and strangers don't know, so that nobody who sees
/// the table finds an address by trying them all.
#[derive(Clone)]
pub struct SourceKey(String);

/// Where a request came from: one IPv4 address, or one /64 of IPv6, which is what one customer gets at least. A keyed and
/// truncated digest; the address itself is kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source(String);

impl SourceKey {
    /// With the deployment's key.
    #[must_use]
    pub const fn new(key: String) -> Self {
        Self(key)
    }

    /// The source that an address belongs to. Texts that are no address are one source together.
    ///
    /// ```
    /// use model::SourceKey;
    ///
    /// let key = SourceKey::new("the deployment's own".to_owned());
    /// assert_ne!(key.source("192.0.2.1"), key.source("192.0.2.2"));
    /// assert_eq!(key.source("2001:db8:0:7::1"), key.source("2001:db8:0:7:ffff::2"));
    /// assert_ne!(key.source("2001:db8:0:7::1"), key.source("2001:db8:0:8::1"));
    /// assert_eq!(key.source("::ffff:192.0.2.1"), key.source("192.0.2.1"));
    /// ```
    #[must_use]
    pub fn source(&self, address: &str) -> Source {
        let network = match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(IpAddr::V4(address)) => address.to_string(),
            Ok(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
            Err(_) => String::new(),
        };
        let digest = Digest::of(format!("{}\0{network}", self.0).as_bytes());
        Source(digest.as_str().chars().take(16).collect())
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_an_address_or_a_network_under_the_deployments_key() {
        let key = SourceKey::new("key".to_owned());
        for (address, source) in [
            ("192.0.2.1", "da6bb7956b04d4f8"),
            ("::ffff:192.0.2.1", "da6bb7956b04d4f8"),
            ("2001:db8:0:7::1", "0b2ba597ea784e65"),
            ("2001:db8:0:7:ffff::2", "0b2ba597ea784e65"),
            ("", "dc1f67f2bd8392ce"),
            ("192.0.2.1:80", "dc1f67f2bd8392ce"),
        ] {
            assert_eq!(key.source(address).to_string(), source, "{address}");
        }
        for (one, other) in [
            ("192.0.2.1", "192.0.2.2"),
            ("2001:db8:0:7::1", "2001:db8:0:8::1"),
            ("2001:db8:0:7::1", "2001:db8:1:7::1"),
            ("2001:db8:0:7::1", "2001:db9:0:7::1"),
            ("2001:db8:0:7::1", "2002:db8:0:7::1"),
        ] {
            assert_ne!(key.source(one), key.source(other));
        }
        assert_ne!(SourceKey::new("other".to_owned()).source("192.0.2.1"), key.source("192.0.2.1"));
    }
}
