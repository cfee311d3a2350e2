use std::collections::BTreeMap;
use std::fmt::Display;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use model::{EmailPolicy, Limit, Limits, SessionPolicy, SourceKey, TenantDefaults};

/// A setting that is missing or can't be read. The function doesn't start: nothing is served half configured.
#[derive(Debug, thiserror::Error)]
#[error("the setting {name} {problem}")]
pub struct SettingError {
    name: String,
    problem: String,
}

impl SettingError {
    /// Of the setting `name`; `problem` goes on the sentence.
    #[must_use]
    pub fn new(name: &str, problem: impl Into<String>) -> Self {
        Self { name: name.to_owned(), problem: problem.into() }
    }
}

/// The settings, as environment variables.
#[derive(Clone)]
pub struct Variables(Option<Arc<BTreeMap<String, String>>>);

impl Variables {
    /// The process's own.
    #[must_use]
    pub const fn of_process() -> Self {
        Self(None)
    }

    /// Exactly these.
    #[must_use]
    pub fn of(map: BTreeMap<String, String>) -> Self {
        Self(Some(Arc::new(map)))
    }

    /// The value of `name`; an empty one counts as missing.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        let value = match &self.0 {
            Some(map) => map.get(name).cloned(),
            None => std::env::var(name).ok(),
        };
        value.filter(|v| !v.is_empty())
    }

    /// The value of `name`, which has to be there.
    ///
    /// # Errors
    /// When it isn't.
    pub fn required(&self, name: &str) -> Result<String, SettingError> {
        self.get(name).ok_or_else(|| SettingError::new(name, "is missing, set it in template.yaml"))
    }

    /// The address that `name` is, where it is there: `https`, or a loopback's `http`. What leads there may carry a
    /// secret, which goes over a network encrypted or not at all.
    ///
    /// # Errors
    /// When it is another one.
    pub fn https(&self, name: &str) -> Result<Option<String>, SettingError> {
        let is_loopback = |rest: &str| {
            let authority = rest.split('/').next().unwrap_or_default();
            let port = |rest: &str| {
                rest.is_empty() || rest.strip_prefix(':').is_some_and(|p| p.parse::<u16>().is_ok())
            };
            ["localhost", "127.0.0.1", "[::1]"]
                .iter()
                .any(|host| authority.strip_prefix(host).is_some_and(port))
        };
        match self.get(name) {
            Some(url)
                if url.starts_with("https://") || url.strip_prefix("http://").is_some_and(is_loopback) =>
            {
                Ok(Some(url))
            }
            Some(_) => {
                Err(SettingError::new(name, "has to begin with https:// (http:// is for this very machine)"))
            }
            None => Ok(None),
        }
    }

    /// The same, of one that has to be there.
    ///
    /// # Errors
    /// When it isn't, or is another one.
    pub fn required_https(&self, name: &str) -> Result<String, SettingError> {
        self.https(name)?.map_or_else(|| self.required(name), Ok)
    }

    /// The value of `name`, or `default`.
    ///
    /// # Errors
    /// When it is there and can't be read.
    pub fn or<T: FromStr<Err: Display>>(&self, name: &str, default: T) -> Result<T, SettingError> {
        match self.get(name) {
            None => Ok(default),
            Some(text) => {
                text.parse().map_err(|e| SettingError::new(name, format!("can't be `{text}`: {e}")))
            }
        }
    }

    fn limit(&self, name: &str, default: Limit) -> Result<Limit, SettingError> {
        Ok(Limit { times: self.or(name, default.times)?, ..default })
    }

    /// The limits of the deployment; the stretches of time that they count in are fixed.
    ///
    /// # Errors
    /// When one can't be read.
    pub fn limits(&self) -> Result<Limits, SettingError> {
        let default = Limits::default();
        let days = self.or("SESSION_DAYS", default.sessions.lifetime.as_secs() / 86_400)?;
        let idle_hours: u64 = self.or("SESSION_IDLE_HOURS", 0)?;
        Ok(Limits {
            invitations_by_inviter: self.limit("INVITATIONS_PER_HOUR", default.invitations_by_inviter)?,
            mails_by_tenant: self.limit("TENANT_MAILS_PER_DAY", default.mails_by_tenant)?,
            mails_to_address_by_tenant: self
                .limit("ADDRESS_MAILS_OF_TENANT_PER_DAY", default.mails_to_address_by_tenant)?,
            mails_to_address: self.limit("ADDRESS_MAILS_PER_DAY", default.mails_to_address)?,
            resends: self.limit("RESENDS_PER_10_MINUTES", default.resends)?,
            failed_sign_ins: self.limit("FAILED_SIGN_INS_PER_15_MINUTES", default.failed_sign_ins)?,
            failed_sign_ins_of_address: self
                .limit("FAILED_SIGN_INS_OF_ADDRESS_PER_15_MINUTES", default.failed_sign_ins_of_address)?,
            sign_ups_by_source: self.limit("SIGN_UPS_OF_SOURCE_PER_HOUR", default.sign_ups_by_source)?,
            sign_ups: self.limit("SIGN_UPS_PER_DAY", default.sign_ups)?,
            resets_of_address: self.limit("PASSWORD_RESETS_PER_HOUR", default.resets_of_address)?,
            resets_by_source: self.limit("PASSWORD_RESETS_OF_SOURCE_PER_HOUR", default.resets_by_source)?,
            profile_changes: self.limit("PROFILE_CHANGES_PER_HOUR", default.profile_changes)?,
            sessions: SessionPolicy {
                lifetime: Duration::from_secs(days * 86_400),
                idle: (idle_hours > 0).then(|| Duration::from_secs(idle_hours * 3_600)),
            },
        })
    }

    /// What sources are digested with, `SOURCE_KEY`.
    ///
    /// # Errors
    /// When it is missing.
    pub fn source_key(&self) -> Result<SourceKey, SettingError> {
        self.required("SOURCE_KEY").map(SourceKey::new)
    }

    /// What a new tenant begins with.
    ///
    /// # Errors
    /// When one of the settings can't be read.
    pub fn tenant_defaults(&self) -> Result<TenantDefaults, SettingError> {
        Ok(TenantDefaults {
            plan: self
                .get("NEW_TENANT_PLAN")
                .as_deref()
                .unwrap_or("standard")
                .parse()
                .map_err(|e| SettingError::new("NEW_TENANT_PLAN", format!("can't be read: {e}")))?,
            // the owner takes the first
            seats: self.or("NEW_TENANT_SEATS", NonZeroU32::new(25).unwrap_or(NonZeroU32::MIN))?.get(),
            email_policy: self.or("EMAIL_POLICY", EmailPolicy::Shared)?,
        })
    }
}
