//! Every route there is, in one table: what it is called, its method and path, the function that serves it, whether it
//! takes a session, the parameters of its query. Functions match on the [`Route`] of a request; its name is the contract's
//! `operationId`.

use http::Method;

/// Whether a route takes a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A session.
    Session,
    /// None: anybody may ask.
    Public,
}

macro_rules! routes {
    ($($route:ident: $method:ident $path:literal, $function:literal, $access:ident $(, $query:literal)*;)+) => {
        /// A route.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Route {
            $(#[doc = concat!("`", stringify!($method), " ", $path, "`")] $route,)+
        }

        impl Route {
            /// All there are.
            pub const ALL: &'static [Self] = &[$(Self::$route,)+];

            /// The method.
            #[must_use]
            pub const fn method(self) -> &'static str {
                match self { $(Self::$route => stringify!($method),)+ }
            }

            /// The path, parameters in braces.
            #[must_use]
            pub const fn path(self) -> &'static str {
                match self { $(Self::$route => $path,)+ }
            }

            /// The function that serves it.
            #[must_use]
            pub const fn function(self) -> &'static str {
                match self { $(Self::$route => $function,)+ }
            }

            /// Whether it takes a session.
            #[must_use]
            pub const fn access(self) -> Access {
                match self { $(Self::$route => Access::$access,)+ }
            }

            /// The parameters of its query.
            #[must_use]
            pub const fn query(self) -> &'static [&'static str] {
                match self { $(Self::$route => &[$($query),*],)+ }
            }
        }
    };
}

routes! {
    SignUp: POST "/v1/tenants", "tenants", Public;
    ReadTenant: GET "/v1/tenants/{tenant}", "tenants", Session;
    ChangeTenant: PATCH "/v1/tenants/{tenant}", "tenants", Session;
    CreateBrand: POST "/v1/tenants/{tenant}/brands", "tenants", Session;
    ListBrands: GET "/v1/tenants/{tenant}/brands", "tenants", Session, "limit", "cursor";
    ReadBrand: GET "/v1/tenants/{tenant}/brands/{brand}", "tenants", Session;
    RenameBrand: PATCH "/v1/tenants/{tenant}/brands/{brand}", "tenants", Session;
    DeleteBrand: DELETE "/v1/tenants/{tenant}/brands/{brand}", "tenants", Session;
    CreatePartner: POST "/v1/tenants/{tenant}/partners", "tenants", Session;
    ListPartners: GET "/v1/tenants/{tenant}/partners", "tenants", Session, "limit", "cursor";
    EndPartner: DELETE "/v1/tenants/{tenant}/partners/{partner}", "tenants", Session;
    LeavePortal: DELETE "/v1/tenants/{tenant}/portal", "tenants", Session;
    Invite: POST "/v1/tenants/{tenant}/invitations", "invite", Session;
    ResendInvitation: POST "/v1/tenants/{tenant}/invitations/{invitation}/resend", "resend", Session;
    RevokeInvitation: DELETE "/v1/tenants/{tenant}/invitations/{invitation}", "revoke", Session;
    PreviewInvitation: POST "/v1/invitations/preview", "accept", Public;
    AcceptInvitation: POST "/v1/invitations/accept", "accept", Public;
    DeclineInvitation: POST "/v1/invitations/decline", "accept", Public;
    RenewInvitation: POST "/v1/invitations/renew", "accept", Public;
    ListMembers: GET "/v1/tenants/{tenant}/members", "browse", Session, "limit", "cursor", "status", "role", "brand", "inactive_since";
    ReadOwnMember: GET "/v1/tenants/{tenant}/members/me", "browse", Session;
    ReadMember: GET "/v1/tenants/{tenant}/members/{user}", "browse", Session;
    ListInvitations: GET "/v1/tenants/{tenant}/invitations", "browse", Session, "limit", "cursor", "status", "delivery", "role", "brand";
    ReadInvitation: GET "/v1/tenants/{tenant}/invitations/{invitation}", "browse", Session;
    ListRoles: GET "/v1/tenants/{tenant}/roles", "browse", Session;
    ListSeats: GET "/v1/tenants/{tenant}/seats", "browse", Session, "limit", "cursor";
    ListEvents: GET "/v1/tenants/{tenant}/events", "browse", Session, "limit", "cursor";
    ReviewAccess: GET "/v1/tenants/{tenant}/access-review", "browse", Session, "limit", "cursor", "stale", "over_privileged", "partner";
    OpenReview: POST "/v1/tenants/{tenant}/access-reviews", "review", Session;
    ListReviews: GET "/v1/tenants/{tenant}/access-reviews", "review", Session, "limit", "cursor";
    ReadReview: GET "/v1/tenants/{tenant}/access-reviews/{review}", "review", Session, "limit", "cursor";
    ExportReview: GET "/v1/tenants/{tenant}/access-reviews/{review}/export", "review", Session, "format", "cursor";
    DecideReview: PUT "/v1/tenants/{tenant}/access-reviews/{review}/members/{user}", "review", Session;
    CloseReview: POST "/v1/tenants/{tenant}/access-reviews/{review}/close", "review", Session;
    AssignRole: PUT "/v1/tenants/{tenant}/members/{user}/role", "assign-role", Session;
    AssignPermissions: PUT "/v1/tenants/{tenant}/members/{user}/permissions", "assign-role", Session;
    RestorePermissions: DELETE "/v1/tenants/{tenant}/members/{user}/permissions", "assign-role", Session;
    TransferOwnership: POST "/v1/tenants/{tenant}/transfer", "assign-role", Session;
    CloseTenant: POST "/v1/tenants/{tenant}/close", "assign-role", Session;
    AssignBrands: PUT "/v1/tenants/{tenant}/members/{user}/brands", "assign-brand", Session;
    AssignBrand: PUT "/v1/tenants/{tenant}/members/{user}/brands/{brand}", "assign-brand", Session;
    UnassignBrand: DELETE "/v1/tenants/{tenant}/members/{user}/brands/{brand}", "assign-brand", Session;
    LeaveTeam: DELETE "/v1/tenants/{tenant}/members/me", "revoke", Session;
    RevokeMember: DELETE "/v1/tenants/{tenant}/members/{user}", "revoke", Session;
    SuspendMember: POST "/v1/tenants/{tenant}/members/{user}/suspend", "revoke", Session;
    ReinstateMember: POST "/v1/tenants/{tenant}/members/{user}/reinstate", "revoke", Session;
    SignIn: POST "/v1/sessions", "sign-in", Public;
    SignOut: DELETE "/v1/sessions/current", "sign-in", Session;
    ReadMe: GET "/v1/me", "sign-in", Session, "limit", "cursor";
    ChangeProfile: PATCH "/v1/me", "sign-in", Session;
    ChangePassword: PUT "/v1/me/password", "sign-in", Session;
    AskForNewEmail: POST "/v1/me/email", "sign-in", Session;
    ListSessions: GET "/v1/me/sessions", "sign-in", Session;
    EndSessions: DELETE "/v1/me/sessions", "sign-in", Session;
    EndSession: DELETE "/v1/me/sessions/{session}", "sign-in", Session;
    AskForReset: POST "/v1/password-resets", "sign-in", Public;
    ConfirmReset: POST "/v1/password-resets/confirm", "sign-in", Public;
    ConfirmNewEmail: POST "/v1/email-changes/confirm", "sign-in", Public;
    UndoNewEmail: POST "/v1/email-changes/undo", "sign-in", Public;
    Check: POST "/v1/tenants/{tenant}/check", "check", Session;
    HomePage: GET "/", "console", Public;
    AcceptPage: GET "/accept", "console", Public;
    ResetPage: GET "/reset", "console", Public;
    EmailPage: GET "/email", "console", Public;
    Asset: GET "/assets/{file}", "console", Public;
}

/// The segments of a path.
fn segments(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

impl Route {
    /// The route of a request, if there is one.
    #[must_use]
    pub fn find(method: &Method, path: &str) -> Option<Self> {
        let answers = |route: &Self| route.methods().contains(&method.as_str()) && route.leads_to(path);
        Self::ALL.iter().copied().find(answers)
    }

    /// The methods that it answers to: pages answer HEAD where they answer GET.
    fn methods(self) -> &'static [&'static str] {
        match self.method() {
            "GET" if self.function() == "console" => &["GET", "HEAD"],
            "GET" => &["GET"],
            "POST" => &["POST"],
            "PUT" => &["PUT"],
            "PATCH" => &["PATCH"],
            _ => &["DELETE"],
        }
    }

    /// The methods that a path answers to; none for a path that isn't there.
    #[must_use]
    pub fn allowed(path: &str) -> Vec<&'static str> {
        let mut methods = Vec::new();
        let here = Self::ALL.iter().filter(|route| route.leads_to(path)).flat_map(|route| route.methods());
        for method in here.copied() {
            // `…/members/me` is a member's path too
            if !methods.contains(&method) {
                methods.push(method);
            }
        }
        methods
    }

    /// Whether this is a route of that path, whatever the method.
    #[must_use]
    pub fn leads_to(self, path: &str) -> bool {
        // most paths differ at their end
        let (mut mine, mut theirs) = (segments(self.path()).rev(), segments(path).rev());
        loop {
            match (mine.next(), theirs.next()) {
                (None, None) => return true,
                (Some(mine), Some(theirs)) if mine == theirs => {}
                (Some(mine), Some(theirs)) if mine.starts_with('{') && !theirs.is_empty() => {}
                _ => return false,
            }
        }
    }

    /// The path with these ids for its parameters, in their order: where a `Location` leads.
    #[must_use]
    pub fn location(self, ids: &[&dyn std::fmt::Display]) -> String {
        let mut ids = ids.iter();
        let filled =
            segments(self.path()).map(|segment| match segment.strip_prefix('{').and_then(|_| ids.next()) {
                Some(id) => id.to_string(),
                None => segment.to_owned(),
            });
        filled.fold(String::new(), |path, segment| format!("{path}/{segment}"))
    }

    /// The segment of `path` that stands for the parameter `name`. Percent-encoded texts stay encoded; ids have none.
    #[must_use]
    pub fn parameter<'p>(self, path: &'p str, name: &str) -> Option<&'p str> {
        let is_it = |mine: &str| mine.strip_prefix('{').and_then(|m| m.strip_suffix('}')) == Some(name);
        segments(self.path()).zip(segments(path)).find(|(mine, _)| is_it(mine)).map(|(_, theirs)| theirs)
    }
}
