//! Password hashes (Argon2): checks hashes of eNMS and Satchel, and makes new ones.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, Salt, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

/// The memory of a new hash, in KiB. OWASP's Password Storage Cheat Sheet recommends this with two
/// passes and one lane. A check takes about 20 ms and 19 MiB.
const NEW_HASH_MEMORY_KIB: u32 = 19 * 1024;
const NEW_HASH_PASSES: u32 = 2;
const NEW_HASH_LANES: u32 = 1;

/// The size of a salt that RFC 9106 recommends.
const SALT_BYTES: usize = 16;

/// The largest memory of a stored hash, in KiB. Hashes come from imported projects, and without a
/// limit one login could take all memory of the machine. eNMS uses 100 MiB, two passes and eight
/// lanes.
const STORED_HASH_MEMORY_KIB_MAX: u32 = 256 * 1024;
const STORED_HASH_PASSES_MAX: u32 = 16;
const STORED_HASH_LANES_MAX: u32 = 64;

/// The largest product of memory in KiB and passes of a stored hash: four times that of eNMS, which takes
/// about 0.8 s.
const STORED_HASH_WORK_MAX: u64 = 4 * 2 * 102_400;

/// The reason why a stored hash cannot be used, or a new hash cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The error of argon2 repeats its own source, so it is not a source here.
    #[error("the password hash is not an argon2 PHC string: {0}")]
    NotArgon2(argon2::password_hash::Error),
    /// The parameters of the hash are over the limits, so a check would cost too much.
    #[error(
        "the password hash needs {memory_kib} KiB, {passes} passes and {lanes} lanes, which is over \
         the limits"
    )]
    TooCostly {
        /// The memory that a check takes, in KiB.
        memory_kib: u32,
        /// The number of passes over the memory.
        passes: u32,
        /// The number of lanes, which argon2 calls parallelism.
        lanes: u32,
    },
    /// The system provides no random numbers for the salt.
    #[error("the system provides no random numbers")]
    NoRandomness(#[source] std::io::Error),
    /// argon2 refuses the password, for example because it is too long.
    #[error("the password cannot be hashed: {0}")]
    Hashing(argon2::password_hash::Error),
}

/// The parameters of a hash, which determine the time and memory of a check.
#[derive(Clone)]
pub(super) struct HashParameters {
    algorithm: Algorithm,
    version: Version,
    params: Params,
}

/// The parameters of new hashes.
impl Default for HashParameters {
    fn default() -> Self {
        // Always `Ok`: argon2 accepts these constants. A test compares the parameters of a new hash.
        let params = Params::new(NEW_HASH_MEMORY_KIB, NEW_HASH_PASSES, NEW_HASH_LANES, None)
            .unwrap_or_default();
        Self { algorithm: Algorithm::Argon2id, version: Version::V0x13, params }
    }
}

impl HashParameters {
    fn argon2(&self) -> Argon2<'static> {
        Argon2::new(self.algorithm, self.version, self.params.clone())
    }

    /// Spends the time of a check without a hash, so that the duration does not reveal whether a user
    /// exists.
    pub(super) fn spend(&self, password: &str) {
        let mut discarded = Zeroizing::new([0_u8; Params::DEFAULT_OUTPUT_LEN]);
        // Only the time matters. Any bytes are a valid salt.
        let _ = self.argon2().hash_password_into(
            password.as_bytes(),
            &[0; SALT_BYTES],
            discarded.as_mut(),
        );
    }
}

/// A parsed PHC string whose parameters are within the limits.
pub(super) struct StoredHash<'a> {
    phc: &'a str,
    hash: PasswordHash<'a>,
    parameters: HashParameters,
}

/// Returns whether a PHC string is the hash of this password. Takes the time of a password check.
pub(super) fn is_password(password: &str, phc: &str) -> bool {
    StoredHash::parse(phc).is_ok_and(|hash| hash.verify(password))
}

impl<'a> StoredHash<'a> {
    /// Parses `$argon2id$v=19$m=102400,t=2,p=8$SALT$HASH`, or argon2i or argon2d.
    ///
    /// # Errors
    /// [`HashError::NotArgon2`], [`HashError::TooCostly`].
    pub(super) fn parse(phc: &'a str) -> Result<Self, HashError> {
        let hash = PasswordHash::new(phc).map_err(HashError::NotArgon2)?;
        let algorithm = Algorithm::try_from(hash.algorithm).map_err(HashError::NotArgon2)?;
        let version = match hash.version {
            Some(number) => {
                Version::try_from(number).map_err(|error| HashError::NotArgon2(error.into()))?
            }
            None => Version::default(),
        };
        let params = Params::try_from(&hash).map_err(HashError::NotArgon2)?;
        let (memory_kib, passes, lanes) = (params.m_cost(), params.t_cost(), params.p_cost());
        if memory_kib > STORED_HASH_MEMORY_KIB_MAX
            || passes > STORED_HASH_PASSES_MAX
            || lanes > STORED_HASH_LANES_MAX
            || u64::from(memory_kib) * u64::from(passes) > STORED_HASH_WORK_MAX
        {
            return Err(HashError::TooCostly { memory_kib, passes, lanes });
        }
        Ok(Self { phc, hash, parameters: HashParameters { algorithm, version, params } })
    }

    /// The stored text.
    pub(super) fn phc(&self) -> &'a str {
        self.phc
    }

    /// The parameters of this hash.
    pub(super) fn parameters(&self) -> &HashParameters {
        &self.parameters
    }

    /// Returns whether the password matches. Compares in constant time.
    pub(super) fn verify(&self, password: &str) -> bool {
        self.parameters.argon2().verify_password(password.as_bytes(), &self.hash).is_ok()
    }
}

/// Makes an argon2id hash of a password, as a PHC string. Blocks for about 20 ms.
///
/// # Errors
/// [`HashError::NoRandomness`] if the system provides no random numbers for the salt;
/// [`HashError::Hashing`] if the password is too long for argon2.
pub fn hash_password(password: &str) -> Result<Zeroizing<String>, HashError> {
    let mut salt = [0_u8; SALT_BYTES];
    crate::disk::fill_random(&mut salt).map_err(HashError::NoRandomness)?;
    let salt = SaltString::encode_b64(&salt).map_err(HashError::Hashing)?;
    let hash = HashParameters::default()
        .argon2()
        .hash_password(password.as_bytes(), Salt::from(&salt))
        .map_err(HashError::Hashing)?;
    Ok(Zeroizing::new(hash.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hash by Python's argon2-cffi with eNMS's parameters, for the password `admin`.
    const HASHES_OF_ENMS: &[&str] = &[HASH_2ID, HASH_2I, HASH_2D];
    const HASH_2ID: &str =
        "$argon2id$v=19$m=102400,t=2,p=8$+P9APyYIpwvU1QH9PsV3yA$yvsIoy98kMZzSr1nwUKrxA";
    const HASH_2I: &str =
        "$argon2i$v=19$m=102400,t=2,p=8$ry6f/T+Y8aKpcy6lY2lzIw$Bpk7pamJljkNu2w/C/btDA";
    const HASH_2D: &str =
        "$argon2d$v=19$m=102400,t=2,p=8$f1pCP6K+C/kNpo5xayI9RA$+cOu8R8NGeW6o/CmtBLBxw";

    #[test]
    fn hashes_of_enms_are_accepted() {
        for phc in HASHES_OF_ENMS {
            let stored = StoredHash::parse(phc).unwrap();
            assert!(stored.verify("admin"), "{phc}");
            assert!(!stored.verify("Admin"), "{phc}");
        }
    }

    #[test]
    fn a_new_hash_verifies_and_contains_its_parameters() {
        let phc = hash_password("pässword").unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", *phc);
        assert!(StoredHash::parse(&phc).unwrap().verify("pässword"));
        assert!(!StoredHash::parse(&phc).unwrap().verify("password"));
        assert_ne!(*phc, *hash_password("pässword").unwrap(), "salted");
    }

    #[test]
    fn costly_hashes_are_refused() {
        for costly in
            ["m=262145,t=2,p=1", "m=262144,t=4,p=1", "m=19456,t=17,p=1", "m=19456,t=2,p=65"]
        {
            let phc = HASH_2ID.replace("m=102400,t=2,p=8", costly);
            let refused = StoredHash::parse(&phc);
            assert!(matches!(refused, Err(HashError::TooCostly { .. })), "{costly}");
        }
    }

    #[test]
    fn other_schemes_and_plain_text_are_refused() {
        for phc in [
            "",
            "admin",
            "$2b$12$abc",
            "$argon2id$",
            "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
        ] {
            assert!(matches!(StoredHash::parse(phc), Err(HashError::NotArgon2(_))), "{phc}");
        }
    }
}
