//! The pages, and the answer to every path that nothing else serves.
//!
//! * `GET /`: where one is
//! * `GET /accept`: the page behind the emailed link of an invitation
//! * `GET /reset`: the page behind that of a forgotten password, and without a link where one asks for it
//! * `GET /email`: the page behind those of a new address, which confirm it or take the old one back
//! * `GET /assets/{file}`: what the pages are made of
//! * everything else (the API's `$default` route): 405 with `Allow` for a path that has other methods, 404 otherwise
//!
//! Links no table and no mail: it serves what was compiled in. `APP_URL` is where somebody goes who is done.

use lambda_http::http::header;
use model::Refusal;
use runtime::{Environment, SettingError};
use web::{Answer, Function, Outcome, Request, Route};

/// Scripts, styles and calls of our own origin; nothing else, no frames, no forms that go anywhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The function.
pub struct Console {
    home_page: String,
    accept_page: String,
    reset_page: String,
    email_page: String,
}

impl Function for Console {
    fn new(environment: &Environment) -> Result<Self, SettingError> {
        let app = environment.variables.https("APP_URL")?.unwrap_or_default();
        let app = app.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
        let link = match app.as_str() {
            "" => String::new(),
            app => format!("<p><a class=\"button\" href=\"{app}\">Go to your team</a></p>"),
        };
        Ok(Self {
            home_page: include_str!("../pages/index.html").replace("{app-link}", &link),
            accept_page: include_str!("../pages/accept.html").replace("{app-url}", &app),
            reset_page: include_str!("../pages/reset.html").replace("{app-url}", &app),
            email_page: include_str!("../pages/email.html").replace("{app-url}", &app),
        })
    }

    async fn handle(&self, request: &Request) -> Outcome {
        match request.route()? {
            Route::HomePage => Ok(page(HTML, &self.home_page)),
            Route::AcceptPage => Ok(page(HTML, &self.accept_page)),
            Route::ResetPage => Ok(page(HTML, &self.reset_page)),
            Route::EmailPage => Ok(page(HTML, &self.email_page)),
            Route::Asset => asset(request.parameter("file")?).ok_or_else(|| Refusal::NotFound.into()),
            _ => Err(Refusal::NotFound.into()),
        }
    }
}

fn asset(file: &str) -> Option<Answer> {
    match file {
        "accept.js" => Some(page(SCRIPT, include_str!("../pages/accept.js"))),
        "common.js" => Some(page(SCRIPT, include_str!("../pages/common.js"))),
        "email.js" => Some(page(SCRIPT, include_str!("../pages/email.js"))),
        "icon.svg" => Some(page("image/svg+xml", include_str!("../pages/icon.svg"))),
        "reset.js" => Some(page(SCRIPT, include_str!("../pages/reset.js"))),
        "style.css" => Some(page("text/css; charset=utf-8", include_str!("../pages/style.css"))),
        _ => None,
    }
}

fn page(content_type: &'static str, body: &str) -> Answer {
    Answer::page(content_type, body)
        .header(header::CONTENT_SECURITY_POLICY, POLICY)
        .header(header::REFERRER_POLICY, "no-referrer")
}
