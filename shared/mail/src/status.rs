use std::fmt;

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use model::{Email, Timestamp};
use runtime::{Environment, SettingError};

/// Asks SES how it stands to this deployment's mails. Sends none, and changes nothing.
pub struct Inspector {
    client: Client,
    from: String,
}

/// How the account stands, in this region.
#[derive(Clone, Debug)]
pub struct Account {
    /// Whether only verified addresses get mail.
    pub is_in_sandbox: bool,
    /// Whether it may send at all.
    pub may_send: bool,
    /// What SES thinks of it: `HEALTHY`, `PROBATION`, `SHUTDOWN`.
    pub enforcement: String,
    /// Mails that it may send in a day.
    pub a_day: f64,
    /// Mails that it may send in a second.
    pub a_second: f64,
    /// Mails that it sent in the last day.
    pub last_day: f64,
}

/// What SES knows the sender by.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The address, its domain, or one above.
    pub name: String,
    /// Whether mails may be sent from it.
    pub is_verified: bool,
    /// How far its signatures are: `SUCCESS`, `PENDING`, `FAILED` …
    pub dkim: Option<String>,
    /// A domain of its own that bounces go to, and how far that is.
    pub mail_from: Option<(String, String)>,
}

/// An address that SES itself sends no mail to.
#[derive(Clone, Debug)]
pub struct Suppressed {
    /// `BOUNCE` or `COMPLAINT`.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// SES didn't say.
#[derive(Debug)]
pub struct Unanswered(String);

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SES doesn't say: {}", self.0)
    }
}

impl std::error::Error for Unanswered {}

/// An answer; none where there is no such thing.
fn found<T, E>(answer: Result<T, SdkError<E>>) -> Result<Option<T>, Unanswered>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.as_service_error().and_then(E::code) == Some("NotFoundException") => Ok(None),
        Err(error) => Err(Unanswered(DisplayErrorContext(error).to_string())),
    }
}

/// What SES may know a sender by, what counts first first: the address, its domain, the domains above that.
fn names(from: &str) -> Vec<String> {
    let address = from.rsplit_once('<').map_or(from, |(_, address)| address.trim_end_matches('>')).trim();
    let mut names = vec![address.to_owned()];
    let mut domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    while domain.contains('.') {
        names.push(domain.to_owned());
        domain = domain.split_once('.').map_or("", |(_, above)| above);
    }
    names
}

impl Inspector {
    /// With the deployment's sender, `MAIL_FROM`.
    ///
    /// # Errors
    /// When it is missing.
    pub fn open(environment: &Environment) -> Result<Self, SettingError> {
        let from = environment.variables.required("MAIL_FROM")?;
        Ok(Self { client: Client::new(&environment.aws("SESV2")?), from })
    }

    /// The sender, as mails name it.
    #[must_use]
    pub fn sender(&self) -> &str {
        &self.from
    }

    /// How the account stands.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn account(&self) -> Result<Account, Unanswered> {
        let account = found(self.client.get_account().send().await)?;
        let account = account.ok_or_else(|| Unanswered("there is no account".to_owned()))?;
        let quota = account.send_quota();
        Ok(Account {
            is_in_sandbox: !account.production_access_enabled(),
            may_send: account.sending_enabled(),
            enforcement: account.enforcement_status().unwrap_or_default().to_owned(),
            a_day: quota.map_or(0.0, |quota| quota.max24_hour_send()),
            a_second: quota.map_or(0.0, |quota| quota.max_send_rate()),
            last_day: quota.map_or(0.0, |quota| quota.sent_last24_hours()),
        })
    }

    /// What SES knows the sender by; nothing where nobody ever told it of any.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn identity(&self) -> Result<Option<Identity>, Unanswered> {
        for name in names(&self.from) {
            let identity = found(self.client.get_email_identity().email_identity(&name).send().await)?;
            let Some(identity) = identity else { continue };
            let status = |one: &aws_sdk_sesv2::types::DkimAttributes| Some(one.status()?.as_str().to_owned());
            let mail_from = identity.mail_from_attributes().map(|from| {
                (from.mail_from_domain().to_owned(), from.mail_from_domain_status().as_str().to_owned())
            });
            return Ok(Some(Identity {
                name,
                is_verified: identity.verified_for_sending_status(),
                dkim: identity.dkim_attributes().and_then(status),
                mail_from,
            }));
        }
        Ok(None)
    }

    /// Whether SES itself holds mail back from an address.
    ///
    /// # Errors
    /// [`Unanswered`].
    pub async fn suppressed(&self, email: &Email) -> Result<Option<Suppressed>, Unanswered> {
        let asked = self.client.get_suppressed_destination().email_address(email.address());
        let answer = found(asked.send().await)?;
        Ok(answer.as_ref().and_then(|answer| answer.suppressed_destination()).map(|one| Suppressed {
            reason: one.reason().as_str().to_owned(),
            since: Timestamp::from_unix_millis(
                u64::try_from(one.last_update_time().secs()).unwrap_or_default().saturating_mul(1_000),
            ),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_is_looked_for_from_its_address_up() {
        for from in ["Muster <no-reply@mail.muster.example>", " no-reply@mail.muster.example "] {
            assert_eq!(
                names(from),
                ["no-reply@mail.muster.example", "mail.muster.example", "muster.example"],
                "{from}"
            );
        }
        assert_eq!(names("no-reply@localhost"), ["no-reply@localhost"]);
    }
}
