use std::sync::{Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use model::{Credential, Password, Random};

/// OWASP's first choice for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT: usize = 16;
const HASH: usize = 32;

/// A hash that no password is known to have.
pub const UNUSABLE: &str = Credential::UNUSABLE;

/// A stored hash that isn't one.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the stored password hash can't be read")]
pub struct UnreadableHash;

/// Hashes passwords in one buffer that is kept: nineteen mebibytes allocated anew for each would stay with the process
/// many times over.
#[derive(Default)]
pub struct Hasher(Mutex<Vec<Block>>);

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
        let mut numbers =
            costs.split(',').zip(["m=", "t=", "p="]).map(|(c, name)| c.strip_prefix(name)?.parse().ok());
        let (m, t, p) = (numbers.next()??, numbers.next()??, numbers.next()??);
        let hash = STANDARD_NO_PAD.decode(hash).ok()?;
        let params = Params::new(m, t, p, Some(hash.len())).ok()?;
        Some(Self { params, salt: STANDARD_NO_PAD.decode(salt).ok()?, hash })
    }
}

impl Hasher {
    /// The hash to store, in PHC form, under a fresh salt.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the parameters are constants, and a test hashes with them")]
    pub fn hash(&self, password: &Password, random: &dyn Random) -> String {
        let mut salt = [0; SALT];
        random.fill(&mut salt);
        let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(HASH)).expect("constant parameters");
        let hash = self.run(params, password, &salt, HASH).expect("constant sizes");
        let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
        format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}")
    }

    /// Whether the password is the one that was hashed; `None` stands for an address that nobody has, takes as long,
    /// and is never right.
    ///
    /// # Errors
    /// When the stored text isn't a hash.
    pub fn verify(&self, password: &Password, stored: Option<&str>) -> Result<bool, UnreadableHash> {
        let Phc { params, salt, hash } = Phc::parse(stored.unwrap_or(UNUSABLE)).ok_or(UnreadableHash)?;
        let found = self.run(params, password, &salt, hash.len()).ok_or(UnreadableHash)?;
        let difference = found.iter().zip(&hash).fold(0, |bits, (a, b)| bits | (a ^ b));
        Ok(difference == 0 && stored.is_some())
    }

    fn run(&self, params: Params, password: &Password, salt: &[u8], length: usize) -> Option<Vec<u8>> {
        let mut out = vec![0; length];
        let mut blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
    fn it_is_argon2id_as_others_compute_it() {
        // the reference implementation: echo -n password | argon2 somesalt -id -v 13 -m 16 -t 2 -p 1 -l 32
        let stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let hasher = Hasher::default();
        assert!(hasher.verify(&Password::new("password"), Some(stored)).unwrap());
    }
}
