use askama::Template;
use model::{Colour, CompanyName, Email, InvitationToken, LinkToken, PersonName, Timestamp};
use policy::Role;

/// What the mail of an invitation says.
pub struct Invitation<'a> {
    /// The address that it goes to: somebody with several mailboxes, or a forwarded one, sees which was meant.
    pub address: &'a Email,
    /// The invited person's first name.
    pub first_name: &'a PersonName,
    /// The organization.
    pub company: &'a CompanyName,
    /// Its colour, where it has one of its own.
    pub colour: Option<Colour>,
    /// Where an answer goes, where it has such an address.
    pub reply_to: Option<&'a Email>,
    /// Who invites, first and last name; nobody where an organization signed up. Nothing that the organization says of
    /// itself is in the mail then: nobody has confirmed it.
    pub inviter: Option<(&'a PersonName, &'a PersonName)>,
    /// The portal that they do it for, where they aren't of the organization themselves.
    pub portal: Option<&'a CompanyName>,
    /// The role that waits; the owner's where a portal set the organization's account up.
    pub role: Role,
    /// Whether it says so once more to somebody who hasn't answered. No organization reminds whoever is to confirm it.
    pub is_reminder: bool,
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
    pub token: &'a LinkToken,
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

/// What the mail says that asks a mailbox whether an account's address is this one from now on.
pub struct EmailConfirmation<'a> {
    /// The new address, which may be a stranger's: it is where the mail goes.
    pub address: &'a Email,
    /// The address that the account has.
    pub account: &'a Email,
    /// Until when the link works.
    pub expires_at: Timestamp,
    /// The token for the link.
    pub token: &'a LinkToken,
}

/// What the mail says that tells the old address that it is not the account's any more.
pub struct EmailChanged<'a> {
    /// The person's first name.
    pub first_name: &'a PersonName,
    /// The address that the account had: it is where the mail goes.
    pub old: &'a Email,
    /// The address that it has.
    pub new: &'a Email,
    /// When it was changed.
    pub at: Timestamp,
    /// The token for the link that takes the old one back, and until when it works; none where nothing is left to be undone.
    pub back: Option<(&'a LinkToken, Timestamp)>,
}

/// What the mail says that tells somebody that an organization has another owner.
pub struct OwnershipMoved<'a> {
    /// Their first name.
    pub first_name: &'a PersonName,
    /// The organization.
    pub company: &'a CompanyName,
    /// Whether they are the owner now; before it, they were.
    pub is_owner: bool,
    /// When it was.
    pub at: Timestamp,
}

/// What the mail says that tells an owner that a review of their organization's access began.
pub struct ReviewOpened<'a> {
    /// Their first name.
    pub first_name: &'a PersonName,
    /// The organization.
    pub company: &'a CompanyName,
    /// When it began.
    pub at: Timestamp,
}

/// What the mail says that tells an owner that their organization's account was closed.
pub struct TenantClosed<'a> {
    /// Their first name.
    pub first_name: &'a PersonName,
    /// The organization.
    pub company: &'a CompanyName,
    /// The address with whose password it was closed, which may be another one than the mail goes to.
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
    /// Where an answer goes; to the sender without.
    pub reply_to: Option<String>,
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
    /// The colour of the button.
    colour: Colour,
    until: String,
}

impl Message {
    fn write<'w>(subject: &'static str, words: impl Fn() -> Words<'w>) -> Result<Self, askama::Error> {
        let (text, html) = (Text(words()).render()?, Html(words()).render()?);
        Ok(Self { subject, text, html, reply_to: None })
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
        let inviter = self.inviter.map(|(first, last)| {
            let of =
                self.portal.map(|portal| format!(" of {}", defused(portal.as_str()))).unwrap_or_default();
            format!("{} {}{of}", defused(first.as_str()), defused(last.as_str()))
        });
        let is_invited = self.inviter.is_some() && self.role != Role::Owner;
        let (subject, heading, button) = match (is_invited, self.is_reminder) {
            (false, _) => {
                ("Confirm your new account", "Confirm your new account", "Confirm and set a password")
            }
            (true, false) => ("You are invited to a team", "You are invited", "See the invitation"),
            (true, true) => {
                ("Reminder: you are invited to a team", "Your invitation waits", "See the invitation")
            }
        };
        let words = || {
            Words {
            heading,
            greeting: match &inviter {
                Some(_) => format!("Hello {},", defused(self.first_name.as_str())),
                None => "Hello,".to_owned(),
            },
            lead: match &inviter {
                Some(who) if is_invited && self.is_reminder => format!(
                    "This is a reminder: {who} invited you to join {company} as {}, and the invitation still waits for \
                     your answer.",
                    role_in_words(self.role),
                ),
                Some(who) if is_invited => {
                    format!("{who} invites you to join {company} as {}.", role_in_words(self.role))
                }
                Some(who) => format!(
                    "{who} has set up an account for {company} and administers it. Confirm it to become its owner.",
                ),
                // anybody may sign up with anybody's address: none of their words are carried there
                None => "Somebody has signed an organization up with this address. If that was you, confirm it to \
                         become its owner."
                    .to_owned(),
            },
            action: Some(Action {
                button,
                link: &link,
                colour: self.colour.filter(|_| self.inviter.is_some()).unwrap_or(Colour::DEFAULT),
                until: until(self.expires_at),
            }),
            address: format!("This mail was sent to {}.", defused(self.address.as_entered())),
            unexpected: "If you did not expect this, you need not do anything: without you nothing happens.",
        }
        };
        let reply_to = self.reply_to.filter(|_| is_invited).map(Email::address);
        Ok(Message { reply_to, ..Message::write(subject, words)? })
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
                colour: Colour::DEFAULT,
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

impl EmailConfirmation<'_> {
    /// Writes the mail; its link leads to `origin`. Anybody may enter anybody's address: of their words it carries the two
    /// addresses and no other.
    ///
    /// # Errors
    /// As [`Invitation::write`].
    pub fn write(&self, origin: &str) -> Result<Message, askama::Error> {
        let link = format!("{origin}/email#confirm.{}", self.token.reveal());
        let words = || Words {
            heading: "Confirm your new address",
            greeting: "Hello,".to_owned(),
            lead: format!(
                "Somebody wants to sign in to the account {} with the address {} from now on. If that was \
                 you, confirm it here.",
                defused(self.account.as_entered()),
                defused(self.address.as_entered()),
            ),
            action: Some(Action {
                button: "Use this address",
                link: &link,
                colour: Colour::DEFAULT,
                until: format!("{} It can be used once.", until(self.expires_at)),
            }),
            address: "This mail came because the address was entered as that account's new one.".to_owned(),
            unexpected: "If it was not you, you need not do anything: without you nothing happens.",
        };
        Message::write("Confirm your new address", words)
    }
}

impl EmailChanged<'_> {
    /// Writes the mail; its link leads to `origin`. Unlike the notice of a password it has one: a link for another password
    /// would go to the new address, so this is the only way back.
    ///
    /// # Errors
    /// As [`Invitation::write`].
    pub fn write(&self, origin: &str) -> Result<Message, askama::Error> {
        let link = self.back.map(|(token, expires_at)| {
            (format!("{origin}/email#undo.{}", token.reveal()), until(expires_at))
        });
        let way_back = match link {
            Some(_) => {
                " If it was not you, take the old one back: every device is signed out then, and a link to choose \
                 another password is mailed to it."
            }
            None => "",
        };
        let words = || Words {
            heading: "Your address was changed",
            greeting: format!("Hello {},", defused(self.first_name.as_str())),
            lead: format!(
                "The address that you sign in with was changed from {} to {} on {}.{way_back}",
                defused(self.old.as_entered()),
                defused(self.new.as_entered()),
                self.at.for_people(),
            ),
            action: link.as_ref().map(|(link, until)| Action {
                button: "Take the old address back",
                link,
                colour: Colour::DEFAULT,
                until: format!("{until} It can be used once."),
            }),
            address: "This mail came because it was the address of your account.".to_owned(),
            unexpected: match link {
                Some(_) => "If it was you, you need not do anything.",
                None => "If you did not expect this, tell an admin of your team or who runs the service.",
            },
        };
        Message::write("Your address was changed", words)
    }
}

impl OwnershipMoved<'_> {
    /// Writes the mail; it has no link, as [`PasswordChanged`] has none.
    ///
    /// # Errors
    /// As [`Invitation::write`].
    pub fn write(&self) -> Result<Message, askama::Error> {
        let subject =
            if self.is_owner { "You are the owner of a team now" } else { "Your team has another owner" };
        let (company, at) = (defused(self.company.as_str()), self.at.for_people());
        let words = || Words {
            heading: subject,
            greeting: format!("Hello {},", defused(self.first_name.as_str())),
            lead: if self.is_owner {
                format!(
                    "You are the owner of the account of {company} since {at}: its name, its closing and who owns it next are up to you."
                )
            } else {
                format!("The account of {company} has another owner since {at}. You are an admin there.")
            },
            action: None,
            address: "This mail came because you own the account, or did.".to_owned(),
            unexpected: "If you did not expect this, tell an admin of the team or who runs the service at once.",
        };
        Message::write(subject, words)
    }
}

impl ReviewOpened<'_> {
    /// Writes the mail; it has no link, as [`PasswordChanged`] has none.
    ///
    /// # Errors
    /// As [`Invitation::write`].
    pub fn write(&self) -> Result<Message, askama::Error> {
        let words = || Words {
            heading: "A review of access began",
            greeting: format!("Hello {},", defused(self.first_name.as_str())),
            lead: format!(
                "Since {} somebody goes through who holds what in the account of {}. What is decided is in its audit trail.",
                self.at.for_people(),
                defused(self.company.as_str()),
            ),
            action: None,
            address: "This mail came because you own the account.".to_owned(),
            unexpected: "You need not do anything. If nobody should review access now, close the review.",
        };
        Message::write("A review of access began", words)
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
            let address = &Email::parse("ana@evil.example").unwrap();
            let closed = TenantClosed { first_name: &first, company: &company, address, at: now, until: now };
            let closed = closed.write().unwrap();
            let (first_name, company) = (&first, &company);
            for notice in [
                OwnershipMoved { first_name, company, is_owner: true, at: now }.write().unwrap(),
                OwnershipMoved { first_name, company, is_owner: false, at: now }.write().unwrap(),
                ReviewOpened { first_name, company, at: now }.write().unwrap(),
            ] {
                assert!(!notice.html.contains("<a ") && !notice.html.contains("<img"), "{name}");
                assert!(!notice.html.contains("evil.example") && !notice.text.contains("evil.example"));
            }
            assert_eq!(closed.subject, "Your account was closed");
            assert!(!closed.html.contains("<a ") && !closed.html.contains("<img"), "{name}");
            assert!(!closed.html.contains("evil.example") && !closed.text.contains("evil.example"), "{name}");
            for (role, is_reminder, subject) in [
                (Role::Member, false, "You are invited to a team"),
                (Role::Member, true, "Reminder: you are invited to a team"),
                (Role::Owner, false, "Confirm your new account"),
                (Role::Owner, true, "Confirm your new account"),
            ] {
                let message = Invitation {
                    address: &Email::parse("ana@evil.example").unwrap(),
                    first_name: &first,
                    company,
                    colour: None,
                    reply_to: None,
                    inviter: Some((&first, &first)),
                    portal: Some(company),
                    role,
                    is_reminder,
                    expires_at: now,
                    token: &token,
                }
                .write("https://team.example.com")
                .unwrap();
                assert_eq!(message.subject, subject);
                let said = defused(company.as_str());
                assert_eq!(message.text.matches(&format!("of {said}")).count(), 1, "{name}");
                assert_eq!(message.html.matches("<a ").count(), 1, "{name}");
                assert_eq!(message.html.matches("href=").count(), 1, "{name}");
                assert!(!message.html.contains("<img") && !message.html.contains("evil.example"), "{name}");
                assert!(!message.text.contains("evil.example"), "{name}");
                assert_eq!(message.text.matches("://").count(), 1, "{name}");
                // the token is chance, and may have any two digits in it
                let words = message.html.replace(&token.reveal(), "");
                assert!(!words.contains("49"), "no template language runs in names");
                assert!(
                    message.html.contains(&format!("https://team.example.com/accept#{}", token.reveal()))
                );
            }
        }
    }

    #[test]
    fn addresses_are_no_links_in_the_mails_about_a_new_one() {
        let now = Timestamp::from_unix_millis(1_800_000_000_000);
        let invocation = Invocation::new(Arc::new(now), "", Arc::new(SystemRandom));
        let token = &LinkToken::mint(invocation.random());
        let address = &Email::parse("New.Ana@evil.example").unwrap();
        let account = &Email::parse("old.ana@evil.example").unwrap();
        let first_name = &PersonName::parse("evil.example/login").unwrap();
        let origin = "https://team.example.com";
        let asked = EmailConfirmation { address, account, expires_at: now, token };
        let asked = asked.write(origin).unwrap();
        let (old, new) = (account, address);
        let told = EmailChanged { first_name, old, new, at: now, back: Some((token, now)) };
        let told = told.write(origin).unwrap();
        assert_eq!(asked.subject, "Confirm your new address");
        assert_eq!(told.subject, "Your address was changed");
        for (message, verb) in [(&asked, "confirm"), (&told, "undo")] {
            let link = format!("{origin}/email#{verb}.{}", token.reveal());
            assert_eq!(message.html.matches("<a ").count(), 1, "{verb}");
            assert!(message.html.contains(&format!("href=\"{link}\"")), "{verb}");
            assert!(message.text.contains(&format!(":\n{link}\n")), "{verb}");
            assert_eq!(message.text.matches("://").count(), 1, "{verb}");
            for body in [&message.html, &message.text] {
                assert!(!body.contains("evil.example"), "{verb}");
                // both addresses, as they were entered
                assert!(body.contains("New.\u{2060}Ana@") && body.contains("old.\u{2060}ana@"), "{verb}");
                assert_eq!(body.contains("login"), verb == "undo", "nobody's name goes to a stranger");
            }
        }
    }

    #[test]
    fn a_team_colours_its_invitations_and_says_where_answers_go_and_a_stranger_does_not() {
        let now = Timestamp::from_unix_millis(1_800_000_000_000);
        let invocation = Invocation::new(Arc::new(now), "", Arc::new(SystemRandom));
        let (tenant, invitation) = (TenantId::new(&invocation), InvitationId::new(&invocation));
        let token = InvitationToken::mint(invocation.random(), tenant, invitation);
        let (address, reply_to) =
            (Email::parse("ana@acme.example").unwrap(), Email::parse("Team@MÜLLER.example").unwrap());
        let (name, company) = (PersonName::parse("Ana").unwrap(), CompanyName::parse("Acme").unwrap());
        let button = |background: &str, text: &str| format!("background:{background};color:{text};");
        let usual = button("#1f6f54", "#ffffff");
        let write = |colour: Option<&str>, reply_to: Option<&Email>, is_strangers: bool| {
            let message = Invitation {
                address: &address,
                first_name: &name,
                company: &company,
                colour: colour.map(|colour| Colour::parse(colour).unwrap()),
                reply_to,
                inviter: (!is_strangers).then_some((&name, &name)),
                portal: None,
                role: Role::Member,
                is_reminder: false,
                expires_at: now,
                token: &token,
            };
            message.write("https://team.example.com").unwrap()
        };
        for (colour, shown) in [
            (None, usual.clone()),
            (Some("#FFD400"), button("#ffd400", "#000000")),
            (Some("#0a0a0a"), button("#0a0a0a", "#ffffff")),
        ] {
            let message = write(colour, Some(&reply_to), false);
            assert!(message.html.contains(&shown), "{}", message.html);
            assert_eq!(message.reply_to.as_deref(), Some("Team@xn--mller-kva.example"));
        }
        assert_eq!(write(None, None, false).reply_to, None);
        let strangers = write(Some("#ffd400"), Some(&reply_to), true);
        assert!(strangers.html.contains(&usual) && strangers.reply_to.is_none());
    }

    #[test]
    fn a_reminder_says_that_it_is_one_until_when_and_by_whom() {
        let now = Timestamp::from_unix_millis(1_800_000_000_000);
        let invocation = Invocation::new(Arc::new(now), "", Arc::new(SystemRandom));
        let (tenant, invitation) = (TenantId::new(&invocation), InvitationId::new(&invocation));
        let token = InvitationToken::mint(invocation.random(), tenant, invitation);
        let address = Email::parse("ana@acme.example").unwrap();
        let (name, company) = (PersonName::parse("Ben").unwrap(), CompanyName::parse("Acme").unwrap());
        let write = |is_reminder| {
            let message = Invitation {
                address: &address,
                first_name: &name,
                company: &company,
                colour: None,
                reply_to: Some(&address),
                inviter: Some((&name, &name)),
                portal: None,
                role: Role::Member,
                is_reminder,
                expires_at: now,
                token: &token,
            };
            message.write("https://team.example.com").unwrap()
        };
        let (first, reminder) = (write(false), write(true));
        let says = "This is a reminder: Ben Ben invited you to join Acme as a member, and the invitation still waits";
        let until = "The link works until 15 January 2027, 08:00 UTC.";
        let link = format!("https://team.example.com/accept#{}", token.reveal());
        for body in [&reminder.text, &reminder.html] {
            assert!(body.contains(says) && body.contains(until) && body.contains(&link), "{body}");
        }
        for body in [&first.text, &first.html] {
            assert!(!body.contains("reminder") && body.contains(until), "{body}");
        }
        assert_eq!(reminder.reply_to, first.reply_to);
    }
}
