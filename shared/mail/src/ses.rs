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
    /// SES will never take this one.
    Rejected(String),
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
            client: Client::new(&environment.aws("SESV2")?),
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
                let answer = error.as_service_error();
                let code = answer.and_then(ProvideErrorMetadata::code).map(str::to_owned);
                let answered = answer.is_some();
                let words = DisplayErrorContext(error).to_string();
                Err(match code.as_deref() {
                    // the address or the content, not the moment
                    Some("MessageRejected" | "BadRequestException") => NotSent::Rejected(words),
                    _ if answered => NotSent::Later(words),
                    _ => NotSent::Unknown(words),
                })
            }
        }
    }
}
