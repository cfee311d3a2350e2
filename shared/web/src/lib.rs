//! HTTP: the only crate that knows status codes
