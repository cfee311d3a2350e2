use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use model::{Password, Random};

const SALT: usize = 16;
const HASH: usize = 32;

/// What a hash costs: `m=19456,t=2,p=1`, kibibytes, passes and lanes, as a PHC string has them. Without a setting it is
/// OWASP's first choice for argon2id, <https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// Three numbers that argon2id can't be run with.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("m=…,t=…,p=… has kibibytes, passes and lanes that argon2id takes")]
pub struct InvalidCost;

impl Default for Cost {
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}

impl FromStr for Cost {
    type Err = InvalidCost;

    fn from_str(text: &str) -> Result<Self, InvalidCost> {
        let mut numbers =
            text.split(',').zip(["m=", "t=", "p="]).map(|(cost, name)| cost.strip_prefix(name)?.parse().ok());
        let mut number = || numbers.next().flatten().ok_or(InvalidCost);
        let cost = Self { memory_kib: number()?, passes: number()?, lanes: number()? };
        cost.params(HASH).map(|_| cost)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={},t={},p={}", self.memory_kib, self.passes, self.lanes)
    }
}

impl Cost {
    fn params(self, length: usize) -> Result<Params, InvalidCost> {
        Params::new(self.memory_kib, self.passes, self.lanes, Some(length)).map_err(|_| InvalidCost)
    }
}

/// A stored hash that isn't one.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the stored password hash can't be read")]
pub struct UnreadableHash;

/// Hashes passwords in one buffer that is kept: nineteen mebibytes allocated anew for each would stay with the process
/// many times over.
#[derive(Default)]
pub struct Hasher {
    cost: Cost,
    blocks: Mutex<Vec<Block>>,
}

/// A stored hash in its parts: `$argon2id$v=19$m=…,t=…,p=…$salt$hash`, the PHC string format.
struct Phc {
    params: Params,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Phc {
    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('$').collect();
        let ["", "argon2id", "v=19", costs, salt, hash] = parts.as_slice() else { return None };
        let hash = STANDARD_NO_PAD.decode(hash).ok()?;
        let params = costs.parse::<Cost>().and_then(|cost| cost.params(hash.len())).ok()?;
        Some(Self { params, salt: STANDARD_NO_PAD.decode(salt).ok()?, hash })
    }
}

impl Hasher {
    /// One whose new hashes cost this.
    #[must_use]
    pub fn new(cost: Cost) -> Self {
        Self { cost, ..Self::default() }
    }

    /// The hash to store, in PHC form, under a fresh salt.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "a cost was tried when it was read, and a test hashes with the usual one"
    )]
    pub fn hash(&self, password: &Password, random: &dyn Random) -> String {
        let mut salt = [0; SALT];
        random.fill(&mut salt);
        let params = self.cost.params(HASH).expect("a cost that argon2id takes");
        let hash = self.run(params, password, &salt, HASH).expect("constant sizes");
        self.phc(&salt, &hash)
    }

    fn phc(&self, salt: &[u8], hash: &[u8]) -> String {
        format!(
            "$argon2id$v=19${}${}${}",
            self.cost,
            STANDARD_NO_PAD.encode(salt),
            STANDARD_NO_PAD.encode(hash)
        )
    }

    /// Whether the password is the one that was hashed; `None` stands for an address that nobody has, takes as long,
    /// and is never right.
    ///
    /// # Errors
    /// When the stored text isn't a hash.
    pub fn verify(&self, password: &Password, stored: Option<&str>) -> Result<bool, UnreadableHash> {
        let nobodys = self.phc(&[0; SALT], &[0; HASH]);
        let Phc { params, salt, hash } = Phc::parse(stored.unwrap_or(&nobodys)).ok_or(UnreadableHash)?;
        let found = self.run(params, password, &salt, hash.len()).ok_or(UnreadableHash)?;
        let difference = found.iter().zip(&hash).fold(0, |bits, (a, b)| bits | (a ^ b));
        Ok(difference == 0 && stored.is_some())
    }

    fn run(&self, params: Params, password: &Password, salt: &[u8], length: usize) -> Option<Vec<u8>> {
        let mut out = vec![0; length];
        let mut blocks = self.blocks.lock().unwrap_or_else(PoisonError::into_inner);
        let needed = params.block_count();
        if blocks.len() < needed {
            blocks.resize(needed, Block::default());
        }
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let memory = blocks.get_mut(..needed)?;
        argon2.hash_password_into_with_memory(password.reveal().as_bytes(), salt, &mut out, memory).ok()?;
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use model::SystemRandom;

    #[test]
    fn the_right_password_and_no_other_opens() {
        let hasher = Hasher::default();
        let right = Password::new("correct horse battery staple");
        let stored = hasher.hash(&right, &SystemRandom);
        assert!(hasher.verify(&right, Some(&stored)).unwrap());
        let wrong = Password::new("correct horse battery stapler");
        assert!(!hasher.verify(&wrong, Some(&stored)).unwrap());
        assert!(!hasher.verify(&right, None).unwrap());
        assert!(hasher.verify(&right, Some("$argon2id$v=19$m=1$x$y")).is_err());
        assert_ne!(stored, hasher.hash(&right, &SystemRandom), "a salt of its own each time");
    }

    #[test]
    fn a_cost_is_spelt_as_in_a_hash_or_is_none() {
        let cheap: Cost = "m=64,t=1,p=1".parse().unwrap();
        let stored = Hasher::new(cheap).hash(&Password::new("correct horse battery staple"), &SystemRandom);
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{stored}");
        // whatever new ones cost, a hash is checked at its own
        assert!(
            Hasher::default().verify(&Password::new("correct horse battery staple"), Some(&stored)).unwrap()
        );
        assert_eq!(Cost::default().to_string(), "m=19456,t=2,p=1");
        for wrong in ["", "m=64", "t=1,m=64,p=1", "m=64,t=0,p=1", "m=1,t=1,p=1", "m=x,t=1,p=1"] {
            assert!(wrong.parse::<Cost>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn it_is_argon2id_as_others_compute_it() {
        // the reference implementation: echo -n password | argon2 somesalt -id -v 13 -m 16 -t 2 -p 1 -l 32
        let stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let hasher = Hasher::default();
        assert!(hasher.verify(&Password::new("password"), Some(stored)).unwrap());
    }
}
