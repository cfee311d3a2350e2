use askama::Template;
use model::{CompanyName, Email, InvitationToken, PersonName, ResetToken, Timestamp};
use policy::Role;

/// What the mail of an invitation says.
pub struct Invitation<'a> {
    /// The address that it goes to: somebody with several mailboxes, or a forwarded one, sees which was meant.
    pub address: &'a Email,
    /// The invited person's first name.
    pub first_name: &'a PersonName,
    /// The organization.
    pub company: &'a CompanyName,
    /// Who invites, first and last name; nobody where an organization signed up.
    pub inviter: Option<(&'a PersonName, &'a PersonName)>,
    /// The role that waits.
    pub role: Role,
    /// Until when the link works.
    pub expires_at: Timestamp,
    /// The token for the link.
    pub token: &'a InvitationToken,
}

/// What the mail of a password reset says.
pub struct PasswordReset<'a> {
    /// The address whose password it is; the mail may go to another one.
    pub address: &'a Email,
    /// Until when the link works.
    pub expires_at: Timestamp,
    /// The token for the link.
    pub token: &'a ResetToken,
}

/// What the mail says that tells somebody that their password was changed.
pub struct PasswordChanged<'a> {
    /// Their first name.
    pub first_name: &'a PersonName,
    /// The address whose password it is.
    pub address: &'a Email,
    /// When it was changed.
    pub at: Timestamp,
}

/// What the mail says that tells an owner that their organization's account was closed.
pub struct TenantClosed<'a> {
    /// Their first name.
    pub first_name: &'a PersonName,
    /// The organization.
    pub company: &'a CompanyName,
    /// The address with whose password it was closed.
    pub address: &'a Email,
    /// When it was closed.
    pub at: Timestamp,
    /// Until when it can be opened again.
    pub until: Timestamp,
}

/// A mail, ready to be sent.
pub struct Message {
    /// The subject: a fixed text.
    pub subject: &'static str,
    /// The body as plain text.
    pub text: String,
    /// The body as HTML.
    pub html: String,
}

#[derive(Template)]
#[template(path = "mail.html")]
struct Html<'a>(Words<'a>);

#[derive(Template)]
#[template(path = "mail.txt", escape = "none")]
struct Text<'a>(Words<'a>);

/// What a mail says, whatever it is about.
struct Words<'a> {
    heading: &'static str,
    greeting: String,
    lead: String,
    action: Option<Action<'a>>,
    /// Whom it was sent to, or whose it is about.
    address: String,
    /// Why it came, and what to do if nobody asked for it.
    unexpected: &'static str,
}

/// The one link of a mail.
struct Action<'a> {
    button: &'static str,
    link: &'a str,
    until: String,
}

impl Message {
    fn write<'w>(subject: &'static str, words: impl Fn() -> Words<'w>) -> Result<Self, askama::Error> {
        Ok(Self { subject, text: Text(words()).render()?, html: Html(words()).render()? })
    }
}

fn until(expires_at: Timestamp) -> String {
    format!("The link works until {}.", expires_at.for_people())
}

/// What people entered, in a mail. Mail programs make links of whatever looks like an address, so dots, at-signs and slashes between
/// letters get a word joiner (U+2060) after them, which nobody sees.
fn defused(entered: &str) -> String {
    entered
        .chars()
        .flat_map(|c| [Some(c), matches!(c, '.' | '@' | '/' | ':').then_some('\u{2060}')])
        .flatten()
        .collect()
}

/// A role in people's words.
const fn role_in_words(role: Role) -> &'static str {
    match role {
        Role::Owner => "the owner",
        Role::Admin => "an admin",
        Role::Member => "a member",
        Role::SalesRep => "a sales rep",
        Role::Partner => "an outside partner",
    }
}

impl Invitation<'_> {
    /// Writes the mail; its link leads to `origin`, `https://team.example.com`.
    ///
    /// # Errors
    /// Never in practice: rendering into memory.
    pub fn write(&self, origin: &str) -> Result<Message, askama::Error> {
        // the fragment never reaches a server, so no access log ever holds the token
        let link = format!("{origin}/accept#{}", self.token.reveal());
        let company = defused(self.company.as_str());
        let words = || {
            Words {
            heading: if self.inviter.is_some() { "You are invited" } else { "Confirm your new account" },
            greeting: match self.inviter {
                Some(_) => format!("Hello {},", defused(self.first_name.as_str())),
                None => "Hello,".to_owned(),
            },
            lead: match self.inviter {
                Some((first, last)) => format!(
                    "{} {} invites you to join {company} as {}.",
                    defused(first.as_str()),
                    defused(last.as_str()),
                    role_in_words(self.role),
                ),
                // anybody may sign up with anybody's address: none of their words are carried there
                None => "Somebody has signed an organization up with this address. If that was you, confirm it to \
                         become its owner."
                    .to_owned(),
            },
            action: Some(Action {
                button: if self.inviter.is_some() { "See the invitation" } else { "Confirm and set a password" },
                link: &link,
                until: until(self.expires_at),
            }),
            address: format!("This mail was sent to {}.", defused(self.address.as_entered())),
            unexpected: "If you did not expect this, you need not do anything: without you nothing happens.",
        }
        };
        let subject =
            if self.inviter.is_some() { "You are invited to a team" } else { "Confirm your new account" };
        Message::write(subject, words)
    }
}

impl PasswordReset<'_> {
    /// Writes the mail; its link leads to `origin`.
    ///
    /// # Errors
    /// As [`Invitation::write`].
    pub fn write(&self, origin: &str) -> Result<Message, askama::Error> {
        let link = format!("{origin}/reset#{}", self.token.reveal());
        let words = || {
            Words {
            heading: "Choose a new password",
            greeting: "Hello,".to_owned(),
            lead: format!(
                "Somebody asked for a new password for the account {}. If that was you, choose it here; every device is signed out then.",
                defused(self.address.as_entered()),
            ),
            action: Some(Action {
                button: "Choose a new password",
                link: &link,
                until: format!("{} It can be used once.", until(self.expires_at)),
            }),
            address: "This mail came because a password reset was asked for, for that account; it is not about your mailbox.".to_owned(),
            unexpected: "If it was not you, you need not do anything: your password stays as it is.",
        }
        };
        Message::write("Choose a new password", words)
    }
}

impl PasswordChanged<'_> {
    /// Writes the mail; it has no link, so that nobody learns to follow one out of fright.
    ///
    /// # Errors
    /// As [`Invitation::write`].
    pub fn write(&self) -> Result<Message, askama::Error> {
        let words = || Words {
            heading: "Your password was changed",
            greeting: format!("Hello {},", defused(self.first_name.as_str())),
            lead: format!(
                "The password of the account {} was changed on {}. Every other device was signed out.",
                defused(self.address.as_entered()),
                self.at.for_people(),
            ),
            action: None,
            address: "This mail came because it is your account.".to_owned(),
            unexpected: "If it was not you, ask for a new password at once where you sign in, and tell an admin of your team or who runs the service.",
        };
        Message::write("Your password was changed", words)
    }
}

impl TenantClosed<'_> {
    /// Writes the mail; it has no link, as [`PasswordChanged`] has none.
    ///
    /// # Errors
    /// As [`Invitation::write`].
    pub fn write(&self) -> Result<Message, askama::Error> {
        let words = || Words {
            heading: "Your account was closed",
            greeting: format!("Hello {},", defused(self.first_name.as_str())),
            lead: format!(
                "The account of {} was closed on {} with the password of {}. Nobody in the team can use it any more. Until {} \
                 whoever runs the service can open it again if you ask them; after that, everything in it is removed.",
                defused(self.company.as_str()),
                self.at.for_people(),
                defused(self.address.as_entered()),
                self.until.for_people(),
            ),
            action: None,
            address: "This mail came because the account was yours.".to_owned(),
            unexpected: "If it was not you who closed it, tell who runs the service at once.",
        };
        Message::write("Your account was closed", words)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::sync::Arc;

    use model::{InvitationId, Invocation, SystemRandom, TenantId};

    #[test]
    fn hostile_names_bring_no_markup_and_no_second_link() {
        let now = Timestamp::from_unix_millis(1_800_000_000_000);
        let invocation = Invocation::new(Arc::new(now), "", Arc::new(SystemRandom));
        let (tenant, invitation) = (TenantId::new(&invocation), InvitationId::new(&invocation));
        let token = InvitationToken::mint(invocation.random(), tenant, invitation);
        for name in [
            "\"><img src=x onerror=alert(1)",
            "evil.example/login",
            "ana@evil.example",
            "{{7*7}} ${7*7} {% raw %}",
            "a & b \"quoted\" 'single'",
        ] {
            // names with angle brackets never get this far; the template must hold all the same
            let first: PersonName = PersonName::parse(&name.replace(['<', '>'], "")).unwrap();
            let company = CompanyName::parse(&name.replace(['<', '>'], "")).unwrap();
            let message = Invitation {
                address: &Email::parse("ana@evil.example").unwrap(),
                first_name: &first,
                company: &company,
                inviter: Some((&first, &first)),
                role: Role::Member,
                expires_at: now,
                token: &token,
            }
            .write("https://team.example.com")
            .unwrap();
            assert_eq!(message.subject, "You are invited to a team");
            assert_eq!(message.html.matches("<a ").count(), 1, "{name}");
            assert_eq!(message.html.matches("href=").count(), 1, "{name}");
            assert!(!message.html.contains("<img") && !message.html.contains("evil.example"), "{name}");
            assert!(!message.text.contains("evil.example"), "{name}");
            assert_eq!(message.text.matches("://").count(), 1, "{name}");
            // the token is chance, and may have any two digits in it
            let words = message.html.replace(&token.reveal(), "");
            assert!(!words.contains("49"), "no template language runs in names");
            assert!(message.html.contains(&format!("https://team.example.com/accept#{}", token.reveal())));
            let address = &Email::parse("ana@evil.example").unwrap();
            let closed = TenantClosed { first_name: &first, company: &company, address, at: now, until: now };
            let closed = closed.write().unwrap();
            assert_eq!(closed.subject, "Your account was closed");
            assert!(!closed.html.contains("<a ") && !closed.html.contains("<img"), "{name}");
            assert!(!closed.html.contains("evil.example") && !closed.text.contains("evil.example"), "{name}");
            assert!(!closed.html.contains("49"), "no template language runs in names");
        }
    }
}
