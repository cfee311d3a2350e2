//! The demo tenant, made by the same requests that anybody would send.

use serde_json::{Value, json};

use crate::{BoxError, Call, Reply, Stack};

/// The passwords of the demo's people: they exist on one machine, for as long as a process lives.
const PASSWORD: &str = "a demo password for everyone";

const NAME: &str = "Greenleaf Botanicals";
const OWNER: &str = "olive@greenleaf.example";

/// The demo team.
pub struct Demo {
    /// The tenant's id.
    pub tenant: String,
    /// The organization's name.
    pub name: &'static str,
    /// The owner's address.
    pub owner: &'static str,
    /// Everybody's password.
    pub password: &'static str,
}

async fn ask(
    stack: &Stack,
    method: &str,
    path: &str,
    session: Option<&str>,
    body: Value,
) -> Result<Value, BoxError> {
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    headers.extend(session.map(|token| ("authorization".to_owned(), format!("Bearer {token}"))));
    let call = Call {
        method: method.to_owned(),
        path: path.to_owned(),
        headers,
        body: serde_json::to_vec(&body)?,
        ..Call::default()
    };
    let reply: Reply = stack.call(call).await?;
    if reply.status >= 300 {
        return Err(format!("the demo: {method} {path}: {}", String::from_utf8_lossy(&reply.body)).into());
    }
    Ok(reply.json())
}

fn text(value: &Value, pointer: &str) -> Result<String, BoxError> {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.map(str::to_owned).ok_or_else(|| format!("the demo: no {pointer} in {value}").into())
}

/// Accepts the newest invitation of an address, by the link in its mail.
async fn accept(stack: &Stack, address: &str) -> Result<Value, BoxError> {
    stack.settle().await?;
    let mail =
        stack.mailbox().to(Some(address)).pop().ok_or_else(|| format!("the demo: no mail to {address}"))?;
    let link = mail.link.unwrap_or_default();
    let token = link.split_once('#').map_or("", |(_, token)| token);
    ask(stack, "POST", "/v1/invitations/accept", None, json!({"token": token, "password": PASSWORD})).await
}

impl Demo {
    /// The demo team of an earlier run, if it is still there and its owner signs in as then.
    pub async fn find(stack: &Stack) -> Option<Self> {
        let body = json!({"email": OWNER, "password": PASSWORD});
        let signed_in = ask(stack, "POST", "/v1/sessions", None, body).await.ok()?;
        let tenant = text(&signed_in, "/memberships/0/tenant/id").ok()?;
        Some(Self { tenant, name: NAME, owner: OWNER, password: PASSWORD })
    }

    /// Signs an organization up, with an owner, an admin, two brands, two more members and one who hasn't answered.
    ///
    /// # Errors
    /// When one of the requests is refused.
    pub async fn create(stack: &Stack) -> Result<Self, BoxError> {
        let (name, owner) = (NAME, OWNER);
        let sign_up = json!({"name": name, "email": owner, "first_name": "Olive", "last_name": "Ortega"});
        let tenant = text(&ask(stack, "POST", "/v1/tenants", None, sign_up).await?, "/tenant/id")?;
        let session = text(&accept(stack, owner).await?, "/session/token")?;
        let session = Some(session.as_str());
        let team = format!("/v1/tenants/{tenant}");
        let mut brands = Vec::new();
        for brand in ["Alder & Sage", "Night Bloom"] {
            let made = ask(stack, "POST", &format!("{team}/brands"), session, json!({"name": brand})).await?;
            brands.push(text(&made, "/id")?);
        }
        let [alder, bloom] = brands.as_slice() else { return Err("the demo: two brands".into()) };
        for (email, first, last, role, brands, joins) in [
            ("adam@greenleaf.example", "Adam", "Achebe", "admin", json!([]), true),
            ("mira@greenleaf.example", "Mira", "Moreau", "member", json!([alder]), true),
            ("sam@greenleaf.example", "Sam", "Sato", "sales_rep", json!([alder, bloom]), true),
            ("petra@lab.example", "Petra", "Prentice", "partner", json!([bloom]), false),
        ] {
            let body = json!({
                "email": email, "first_name": first, "last_name": last, "role": role, "brands": brands,
            });
            ask(stack, "POST", &format!("{team}/invitations"), session, body).await?;
            if joins {
                accept(stack, email).await?;
            }
        }
        stack.settle().await?;
        Ok(Self { tenant, name, owner, password: PASSWORD })
    }
}
