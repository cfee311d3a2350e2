//! The API's contract to read: the OpenAPI document, and a viewer on it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

/// The document, hand-written.
const OPENAPI: &str = include_str!("../../openapi.yaml");

/// Tells Swagger UI which document to show.
const START: &str = "window.onload = () => { window.ui = SwaggerUIBundle({ url: '/openapi.yaml', dom_id: '#swagger-ui', \
                     deepLinking: true, presets: [SwaggerUIBundle.presets.apis], layout: 'BaseLayout' }); };";

/// Swagger UI's own files, by name, as its package brings them.
static VIEWER: LazyLock<BTreeMap<String, Vec<u8>>> = LazyLock::new(|| {
    let mut files = BTreeMap::new();
    let bytes = utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
    let Ok(mut archive) = zip::ZipArchive::new(Cursor::new(bytes)) else { return files };
    for at in 0..archive.len() {
        if let Ok(mut file) = archive.by_index(at)
            && let Ok(path) = file.name().map(Cow::into_owned)
            && let Some((_, name)) = path.rsplit_once("dist/")
        {
            let mut content = Vec::new();
            if file.read_to_end(&mut content).is_ok() {
                files.insert(name.to_owned(), content);
            }
        }
    }
    files
});

pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/openapi.yaml", get(async || ([(header::CONTENT_TYPE, "application/yaml")], OPENAPI)))
        .route("/docs", get(async || Redirect::permanent("/docs/index.html")))
        .route("/docs/{file}", get(viewer))
}

async fn viewer(Path(file): Path<String>) -> Response {
    let content_type = match file.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("png") => "image/png",
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    let content = match (file.as_str(), VIEWER.get(&file)) {
        ("swagger-initializer.js", _) => START.as_bytes().to_vec(),
        (_, Some(content)) => content.clone(),
        (_, None) => return StatusCode::NOT_FOUND.into_response(),
    };
    ([(header::CONTENT_TYPE, content_type)], content).into_response()
}
