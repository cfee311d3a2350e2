use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message as SesMessage, MessageTag};
use model::{Email, MailTags};
use runtime::{Environment, SettingError};

use crate::Message;

/// Sends through SES.
#[derive(Clone)]
pub struct Mailer {
    client: Client,
    from: String,
    origin: String,
    configuration_set: Option<String>,
}

/// Why a mail wasn't sent.
#[derive(Debug)]
pub enum NotSent {
    /// SES will never take this one: the address, or the content.
    Rejected(String),
    /// SES takes nothing like it before a setting is mended: the sender isn't verified, the account is in the sandbox, paused
    /// or may not send.
    Sender(String),
    /// SES says that it can't now.
    Later(String),
    /// SES didn't answer: nobody knows whether it did.
    Unknown(String),
}

impl Mailer {
    /// With the deployment's settings: `MAIL_FROM`, `LINK_ORIGIN` and, for feedback, `CONFIGURATION_SET`.
    ///
    /// # Errors
    /// When one of the first two is missing, or the links would not be https.
    pub fn open(environment: &Environment) -> Result<Self, SettingError> {
        let vars = &environment.variables;
        Ok(Self {
            client: Client::new(&environment.aws_once("SESV2")?),
            from: vars.required("MAIL_FROM")?,
            origin: vars.required_https("LINK_ORIGIN")?.trim_end_matches('/').to_owned(),
            configuration_set: vars.get("CONFIGURATION_SET"),
        })
    }

    /// Where links lead: `https://team.example.com`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Sends one mail; the id that SES gives it is the answer.
    ///
    /// # Errors
    /// [`NotSent`]. SES has no idempotency: after a lost answer a second try may send a second mail.
    pub async fn send(
        &self,
        to: &Email,
        message: &Message,
        tags: Option<MailTags>,
    ) -> Result<String, NotSent> {
        let utf8 = |data: &str| {
            Content::builder()
                .data(data)
                .charset("UTF-8")
                .build()
                .map_err(|e| NotSent::Rejected(e.to_string()))
        };
        let tag = |name: &str, value: String| {
            MessageTag::builder()
                .name(name)
                .value(value)
                .build()
                .map_err(|e| NotSent::Rejected(e.to_string()))
        };
        // a mail that is about no invitation has nothing to be found by
        let marks = match tags {
            Some(tags) => Some(vec![
                tag("tenant", tags.tenant.to_string())?,
                tag("invitation", tags.invitation.to_string())?,
                tag("generation", tags.generation.to_string())?,
            ]),
            None => None,
        };
        let body = Body::builder().text(utf8(&message.text)?).html(utf8(&message.html)?).build();
        let content = SesMessage::builder().subject(utf8(message.subject)?).body(body).build();
        let sent = self
            .client
            .send_email()
            .from_email_address(&self.from)
            .destination(Destination::builder().to_addresses(to.address()).build())
            .set_reply_to_addresses(message.reply_to.clone().map(|address| vec![address]))
            .content(EmailContent::builder().simple(content).build())
            .set_email_tags(marks)
            .set_configuration_set_name(self.configuration_set.clone())
            .send()
            .await;
        match sent {
            Ok(sent) => Ok(sent.message_id.unwrap_or_default()),
            Err(error) => {
                let answer = error.as_service_error().map(|answer| {
                    let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
                    (text(answer.code()), text(answer.message()))
                });
                let words = DisplayErrorContext(error).to_string();
                Err(match answer {
                    Some((code, said)) => NotSent::by(&code, &said, words),
                    None => NotSent::Unknown(words),
                })
            }
        }
    }
}

impl NotSent {
    /// What SES means by a code and what it says to it; `words` are for the log.
    ///
    /// <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>
    fn by(code: &str, said: &str, words: String) -> Self {
        match code {
            // of a sender that nobody verified, and in the sandbox of an addressee: nothing is wrong with the mail
            "MessageRejected" | "BadRequestException" if said.contains("not verified") => Self::Sender(words),
            // the address or the content, not the moment
            "MessageRejected" | "BadRequestException" => Self::Rejected(words),
            "AccountSuspendedException" | "SendingPausedException" | "MailFromDomainNotVerifiedException" => {
                Self::Sender(words)
            }
            // the configuration set isn't there; the function's role may not send
            "NotFoundException" | "AccessDeniedException" => Self::Sender(words),
            // too many a second or a day, or SES itself
            _ => Self::Later(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_told_from_an_address_and_both_from_a_moment() {
        let by = |code: &str, said: &str| match NotSent::by(code, said, "words".to_owned()) {
            NotSent::Rejected(words) => ("rejected", words),
            NotSent::Sender(words) => ("sender", words),
            NotSent::Later(words) => ("later", words),
            NotSent::Unknown(words) => ("unknown", words),
        };
        let unverified = "Email address is not verified. The following identities failed the check in region EU-CENTRAL-1: a@b.example";
        for (code, said, meant) in [
            ("MessageRejected", unverified, "sender"),
            ("BadRequestException", unverified, "sender"),
            ("MessageRejected", "Transaction failed: the content is not allowed.", "rejected"),
            ("BadRequestException", "Local address contains control or whitespace", "rejected"),
            ("AccountSuspendedException", "", "sender"),
            ("SendingPausedException", "Sending paused for this account.", "sender"),
            ("MailFromDomainNotVerifiedException", "", "sender"),
            ("NotFoundException", "Configuration set <x> does not exist.", "sender"),
            ("AccessDeniedException", "not authorized to perform: ses:SendEmail", "sender"),
            ("TooManyRequestsException", "Maximum sending rate exceeded.", "later"),
            ("LimitExceededException", "Daily message quota exceeded.", "later"),
            ("InternalFailure", unverified, "later"),
        ] {
            assert_eq!(by(code, said), (meant, "words".to_owned()), "{code} {said}");
        }
    }
}
