//! Sessions and the signed-in user
