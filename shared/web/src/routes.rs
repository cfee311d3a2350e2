//! Every route there is, in one table: who serves it, and whether it takes a session. The functions match on paths
//! themselves; tests hold them, `template.yaml` and this table to each other, and [`allowed`] answers for methods that
//! a path doesn't have.

/// A route.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The method.
    pub method: &'static str,
    /// The path, parameters in braces.
    pub path: &'static str,
    /// The function that serves it.
    pub function: &'static str,
    /// Whether it takes no session.
    pub public: bool,
}

const fn inside(method: &'static str, path: &'static str, function: &'static str) -> Route {
    Route { method, path, function, public: false }
}

const fn public(method: &'static str, path: &'static str, function: &'static str) -> Route {
    Route { method, path, function, public: true }
}

/// The table.
pub const ROUTES: &[Route] = &[
    public("POST", "/v1/tenants", "tenants"),
    inside("GET", "/v1/tenants/{tenant}", "tenants"),
    inside("POST", "/v1/tenants/{tenant}/brands", "tenants"),
    inside("GET", "/v1/tenants/{tenant}/brands", "tenants"),
    inside("PATCH", "/v1/tenants/{tenant}/brands/{brand}", "tenants"),
    inside("DELETE", "/v1/tenants/{tenant}/brands/{brand}", "tenants"),
    inside("POST", "/v1/tenants/{tenant}/invitations", "invite"),
    inside("POST", "/v1/tenants/{tenant}/invitations/{invitation}/resend", "resend"),
    inside("DELETE", "/v1/tenants/{tenant}/invitations/{invitation}", "revoke"),
    public("POST", "/v1/invitations/preview", "accept"),
    public("POST", "/v1/invitations/accept", "accept"),
    public("POST", "/v1/invitations/decline", "accept"),
    public("POST", "/v1/invitations/renew", "accept"),
    inside("GET", "/v1/tenants/{tenant}/members", "browse"),
    inside("GET", "/v1/tenants/{tenant}/members/{user}", "browse"),
    inside("GET", "/v1/tenants/{tenant}/invitations", "browse"),
    inside("GET", "/v1/tenants/{tenant}/invitations/{invitation}", "browse"),
    inside("GET", "/v1/tenants/{tenant}/events", "browse"),
    inside("PUT", "/v1/tenants/{tenant}/members/{user}/role", "assign-role"),
    inside("PUT", "/v1/tenants/{tenant}/members/{user}/brands", "assign-brand"),
    inside("PUT", "/v1/tenants/{tenant}/members/{user}/brands/{brand}", "assign-brand"),
    inside("DELETE", "/v1/tenants/{tenant}/members/{user}/brands/{brand}", "assign-brand"),
    inside("DELETE", "/v1/tenants/{tenant}/members/{user}", "revoke"),
    inside("POST", "/v1/tenants/{tenant}/members/{user}/suspend", "revoke"),
    inside("POST", "/v1/tenants/{tenant}/members/{user}/reinstate", "revoke"),
    public("POST", "/v1/sessions", "sign-in"),
    inside("DELETE", "/v1/sessions/current", "sign-in"),
    inside("GET", "/v1/me", "sign-in"),
    inside("POST", "/v1/tenants/{tenant}/check", "check"),
    public("GET", "/accept", "console"),
    public("GET", "/assets/{file}", "console"),
];

impl Route {
    /// Whether this is the route of a path, given in its segments.
    #[must_use]
    pub fn leads_to(&self, segments: &[&str]) -> bool {
        let mine: Vec<&str> = self.path.split('/').skip(1).collect();
        mine.len() == segments.len()
            && mine
                .iter()
                .zip(segments)
                .all(|(mine, theirs)| if mine.starts_with('{') { !theirs.is_empty() } else { mine == theirs })
    }
}

/// The methods that a path answers to; none for a path that isn't there.
#[must_use]
pub fn allowed(segments: &[&str]) -> Vec<&'static str> {
    ROUTES.iter().filter(|route| route.leads_to(segments)).map(|route| route.method).collect()
}
