//! What the routes are asked about by who means no good: a team with one of everything, or nothing and nobody.

use std::slice;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Call, Outcome, Reply};
use crate::contract::{self, Operation};
use crate::team::{Team, World};

/// One of everything that a path or a body names.
pub(crate) struct Scene<'w> {
    pub(crate) world: &'w World,
    /// The session of who may; nobody has one where no mail is read.
    pub(crate) session: Option<String>,
    /// The tenant, a member, an invitation, a brand, and a session, a partner and a review that nobody has, by their names
    /// in paths.
    pub(crate) ids: [(&'static str, String); 7],
    /// The token of the invitation's link, which works.
    pub(crate) token: Option<String>,
}

impl<'w> Scene<'w> {
    /// With ids that are made up.
    pub(crate) fn of_nobody(world: &'w World) -> Self {
        let ids = ["tenant", "user", "invitation", "brand", "session", "partner", "review"]
            .map(|name| (name, Uuid::new_v4().to_string()));
        Self { world, session: None, ids, token: None }
    }

    /// In a team, as its owner sees it.
    pub(crate) fn of(team: &Team<'w>, name: &str) -> Outcome<Self> {
        let brand = team.brand(&format!("The brand of {name}"))?;
        let member = team.join(&format!("{name}-member"), "member", slice::from_ref(&brand))?;
        let invited = team.invite(&format!("{name}-invited"), "member", &[])?;
        let ids = [
            ("tenant", team.owner.tenant.clone()),
            ("user", member.user),
            ("invitation", invited.id),
            ("brand", brand),
            ("session", Uuid::new_v4().to_string()),
            ("partner", Uuid::new_v4().to_string()),
            ("review", Uuid::new_v4().to_string()),
        ];
        let session = Some(team.owner.session.clone());
        Ok(Self { world: team.world(), session, ids, token: Some(invited.token) })
    }

    /// The id of what is called so in paths.
    pub(crate) fn id(&self, name: &str) -> &str {
        self.ids.iter().find(|(known, _)| *known == name).map_or("", |(_, id)| id.as_str())
    }

    /// The operations that there is somebody for.
    pub(crate) fn operations(&self) -> impl Iterator<Item = &'static Operation> {
        let anybody = self.session.is_none();
        contract::operations().iter().filter(move |operation| operation.is_public || !anybody)
    }

    /// The operations that take a body.
    pub(crate) fn with_bodies(&self) -> impl Iterator<Item = &'static Operation> {
        self.operations().filter(|operation| !operation.example.is_null())
    }

    /// The operation's path here, of another tenant if need be.
    pub(crate) fn path(&self, operation: &Operation, tenant: Option<&str>) -> String {
        self.ids.iter().fold(operation.path.clone(), |path, (name, id)| {
            let id = tenant.filter(|_| *name == "tenant").unwrap_or(id.as_str());
            path.replace(&format!("{{{name}}}"), id)
        })
    }

    /// The contract's example of the operation's body, with the link that works.
    pub(crate) fn body(&self, operation: &Operation) -> Value {
        match self.link(operation) {
            Some(token) => with(&operation.example, "token", json!(token)),
            None => operation.example.clone(),
        }
    }

    /// The link that works, for an operation that takes one of that kind.
    pub(crate) fn link(&self, operation: &Operation) -> Option<&str> {
        self.token.as_deref().filter(|_| operation.path.starts_with("/v1/invitations/"))
    }

    /// The operation, by who may.
    pub(crate) fn call(&self, operation: &Operation) -> Call {
        let session = self.session.as_deref().filter(|_| !operation.is_public);
        Call::new(&operation.method, self.path(operation, None)).session(session)
    }

    pub(crate) fn send(&self, call: &Call) -> Outcome<Reply> {
        self.world.client.send(call)
    }
}

/// The same object with this in it.
pub(crate) fn with(object: &Value, name: &str, value: Value) -> Value {
    let mut changed = object.clone();
    if let Some(fields) = changed.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
    changed
}
