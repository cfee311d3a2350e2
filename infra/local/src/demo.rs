//! The demo tenant, made by the same requests that anybody would send.

use serde_json::{Value, json};

use crate::{BoxError, Call, Reply, Stack};

/// The passwords of the demo's people: they exist on one machine, for as long as a process lives.
const PASSWORD: &str = "a demo password for everyone";

const NAME: &str = "Greenleaf Botanicals";
const OWNER: &str = "olive@greenleaf.example";
const SUSPENDED: &str = "tess@greenleaf.example";
const PARTNER: &str = "Harbor Herbs";
const PARTNERS_OWNER: &str = "paula@harbor.example";

/// The demo team, and what there is to look at as long as nobody ends it.
pub struct Demo {
    /// The tenant's id.
    pub tenant: String,
    /// The organization's name.
    pub name: &'static str,
    /// The owner's address.
    pub owner: &'static str,
    /// Everybody's password.
    pub password: &'static str,
    /// The partner that it administers.
    pub partner: Option<Partner>,
    /// The address of a member who is suspended.
    pub suspended: Option<&'static str>,
    /// The path of the access review that goes on.
    pub review: Option<String>,
}

/// The demo team's partner.
pub struct Partner {
    /// The tenant's id.
    pub tenant: String,
    /// The organization's name.
    pub name: &'static str,
    /// The owner's address.
    pub owner: &'static str,
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
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let call = Call {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body: if body.is_null() { Vec::new() } else { serde_json::to_vec(&body)? },
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

/// The first of a list that is the one; none either where its reader isn't shown the list any more.
async fn first(stack: &Stack, session: &str, list: &str, is_it: impl Fn(&Value) -> bool) -> Option<Value> {
    let listed = ask(stack, "GET", list, Some(session), Value::Null).await.ok()?;
    listed["items"].as_array()?.iter().find(|one| is_it(one)).cloned()
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
        let session = text(&signed_in, "/session/token").ok()?;
        Some(Self::seen(stack, tenant, &session).await)
    }

    /// The team as its owner sees it: what somebody ended since is no part of it.
    async fn seen(stack: &Stack, tenant: String, session: &str) -> Self {
        let team = format!("/v1/tenants/{tenant}");
        let id = |one: Value| text(&one, "/id").ok();
        let partners = format!("{team}/partners");
        let partner = first(stack, session, &partners, |one| one["name"] == PARTNER).await.and_then(id);
        let suspended = format!("{team}/members?status=suspended");
        let suspended = first(stack, session, &suspended, |one| one["email"] == SUSPENDED).await;
        let reviews = format!("{team}/access-reviews");
        let open = format!("{reviews}?limit=100");
        let review = first(stack, session, &open, |one| one["closed_at"].is_null()).await.and_then(id);
        Self {
            tenant,
            name: NAME,
            owner: OWNER,
            password: PASSWORD,
            partner: partner.map(|tenant| Partner { tenant, name: PARTNER, owner: PARTNERS_OWNER }),
            suspended: suspended.map(|_| SUSPENDED),
            review: review.map(|id| format!("{reviews}/{id}")),
        }
    }

    /// Signs an organization up, with an owner, an admin, two brands, three more members and one who hasn't answered; then
    /// sets a partner up whose owner accepts, suspends one of the members, and decides about another in a review.
    ///
    /// # Errors
    /// When one of the requests is refused.
    pub async fn create(stack: &Stack) -> Result<Self, BoxError> {
        let sign_up = json!({"name": NAME, "email": OWNER, "first_name": "Olive", "last_name": "Ortega"});
        let tenant = text(&ask(stack, "POST", "/v1/tenants", None, sign_up).await?, "/tenant/id")?;
        let token = text(&accept(stack, OWNER).await?, "/session/token")?;
        let session = Some(token.as_str());
        let team = format!("/v1/tenants/{tenant}");
        let mut brands = Vec::new();
        for brand in ["Alder & Sage", "Night Bloom"] {
            let made = ask(stack, "POST", &format!("{team}/brands"), session, json!({"name": brand})).await?;
            brands.push(text(&made, "/id")?);
        }
        let [alder, bloom] = brands.as_slice() else { return Err("the demo: two brands".into()) };
        let mut joined = Vec::new();
        for (email, first, last, role, brands, joins) in [
            ("adam@greenleaf.example", "Adam", "Achebe", "admin", json!([]), true),
            ("mira@greenleaf.example", "Mira", "Moreau", "member", json!([alder]), true),
            ("sam@greenleaf.example", "Sam", "Sato", "sales_rep", json!([alder, bloom]), true),
            (SUSPENDED, "Tess", "Tanaka", "member", json!([bloom]), true),
            ("petra@lab.example", "Petra", "Prentice", "partner", json!([bloom]), false),
        ] {
            let body = json!({
                "email": email, "first_name": first, "last_name": last, "role": role, "brands": brands,
            });
            ask(stack, "POST", &format!("{team}/invitations"), session, body).await?;
            if joins {
                joined.push(text(&accept(stack, email).await?, "/member/user_id")?);
            }
        }
        let [_, _, sam, tess] = joined.as_slice() else { return Err("the demo: four members".into()) };

        let founded = json!({
            "name": PARTNER, "email": PARTNERS_OWNER, "first_name": "Paula", "last_name": "Paz",
        });
        ask(stack, "POST", &format!("{team}/partners"), session, founded).await?;
        accept(stack, PARTNERS_OWNER).await?;
        ask(stack, "POST", &format!("{team}/members/{tess}/suspend"), session, Value::Null).await?;
        let reviews = format!("{team}/access-reviews");
        let review = text(&ask(stack, "POST", &reviews, session, Value::Null).await?, "/id")?;
        let decision = json!({
            "decision": "reduced", "reason": "no longer sells Night Bloom", "brands": [alder],
        });
        ask(stack, "PUT", &format!("{reviews}/{review}/members/{sam}"), session, decision).await?;
        stack.settle().await?;
        Ok(Self::seen(stack, tenant, &token).await)
    }
}
